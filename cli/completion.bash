%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" type value mark head
    local word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case "$type" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ "$value" == *= ]] && compopt -o nospace
                # Inside quotes a name is written as it is; outside what the shell reads is escaped.
                case "$word" in
                    [\"\']*) ;;
                    *) printf -v value '%%q' "$value" ;;
                esac
                COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    # Readline ends a word at these too: what stands before the last of them is typed already.
    head="${line##* }"
    for mark in : =; do
        if [[ "$COMP_WORDBREAKS" == *"$mark"* && "$head" == *"$mark"* ]]; then
            COMPREPLY=("${COMPREPLY[@]#"${head%%"${head##*"$mark"}"}"}")
            head="${head##*"$mark"}"
        fi
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
