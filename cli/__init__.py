"""The shell: parse, call, render. No business rule and no arithmetic on money lives here."""
