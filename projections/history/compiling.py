"""From the text of an expression to closures: parse, allow, check kinds, build.

Only the nodes named here are allowed; whatever else Python's grammar knows is refused with its
place in the text and, for names, the nearest known one. Invariant: no part of the text is run;
numbers are taken from the text itself, exactly. This module must not know any history.
"""

from __future__ import annotations

import ast
import warnings
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ledger.certain import certain
from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.history.building import Builder
from projections.history.expressions import NULL, Expr, Expression, Value
from projections.history.fields import ACCOUNT, COUNT, FAMILIES, FLAG, TEXT, Name

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT_MAX = 2000
SHOWN_MAX = 80  # characters of the text that an error repeats
DIGITS_MAX = 30
FUNCTIONS = ("old", "changed", "delta", "len")
_CONSTANTS: dict[str, bool | None] = {
    "null": None, "None": None, "true": True, "True": True, "false": False, "False": False,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "==", ast.IsNot: "!=",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
LANGUAGE = "comparisons, + - *, and or not, in, old() changed() delta() len()"


def compile_expression(text: str, *, currency: str, offset: int) -> Expression:
    """Compile a text for accounts of one currency.

    Raises: InvalidInput, with the column and what to write instead.
    """
    compiler = _Compiler(text, currency=currency, offset=offset)
    try:
        term = compiler.term(compiler.tree())
    except RecursionError:
        raise compiler.error(None, "it is nested too deep") from None
    return Expression(
        text, term, names=tuple(dict.fromkeys(compiler.names)),
        remembered=tuple(compiler.remembered), memory=compiler.memory,
    )  # fmt: skip


def parse_name(text: str) -> Name:
    """Read the name of one field, or of a whole member. Raises: InvalidInput."""
    compiler = _Compiler(text, currency="CNY", offset=0)
    name = compiler.name(compiler.tree())
    if name is None:
        msg = f"{text!r} is not a field"
        raise InvalidInput(msg, hint='write it like cash or instances["i-1"].state')
    return name


class _Compiler:
    def __init__(self, text: str, *, currency: str, offset: int) -> None:
        self.text = text
        self.offset = offset
        self.names: list[Name] = []
        self.remembered: list[Expr] = []
        self.memory: list[Any] = []
        self.build = Builder(self.error, currency=currency, offset=offset)

    def error(self, node: ast.AST | None, what: str, *, hint: str | None = None) -> InvalidInput:
        column = getattr(node, "col_offset", None)
        if isinstance(node, ast.Attribute) and node.end_col_offset is not None:
            column = node.end_col_offset - len(node.attr.encode())
        place = "" if column is None else f" at column {self._column(column)}"
        return InvalidInput(f"expression {_short(self.text)!r}{place}: {what}", hint=hint)

    def _column(self, bytes_before: int) -> int:
        return len(self.text.encode()[:bytes_before].decode(errors="ignore")) + 1

    def tree(self) -> ast.expr:
        if len(self.text) > TEXT_MAX:
            raise self.error(None, f"it is longer than {TEXT_MAX} characters")
        if not self.text.strip() or self.text[:1].isspace():
            self.text = self.text.strip()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError) as error:  # a NUL is the second before Python 3.11.4
            column = getattr(error, "offset", None) or 1
            hint = f"the language has {LANGUAGE}"
            if "==" not in self.text and "=" in self.text:
                hint = "compare with ==, as in: cash == 100"
            msg = f"expression {_short(self.text)!r} at column {column}: syntax error"
            raise InvalidInput(msg, hint=hint) from None
        except (MemoryError, RecursionError):
            raise self.error(None, "it cannot be read") from None

    # --- names ----------------------------------------------------------------------------

    def name(self, node: ast.expr) -> Name | None:
        """Read a node as the name of a field or member; None if it is something else."""
        trail: list[tuple[str, ast.expr]] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            trail.insert(0, (inner.attr, inner))
            inner = inner.value
        if isinstance(inner, ast.Subscript):
            return self._member(inner, trail)
        if not isinstance(inner, ast.Name) or inner.id in _CONSTANTS:
            return None
        field = ".".join([inner.id, *(attr for attr, _ in trail)])
        if field in ACCOUNT:
            return Name(field)
        if inner.id in FAMILIES:
            raise self.error(
                inner, f"{inner.id} needs an id",
                hint=f'write {inner.id}["ID"].field, or len({inner.id})',
            )  # fmt: skip
        raise self._unknown(inner, field, [*ACCOUNT, *FAMILIES, *FUNCTIONS])

    def _member(self, node: ast.Subscript, trail: list[tuple[str, ast.expr]]) -> Name:
        family = node.value
        if not isinstance(family, ast.Name) or family.id not in FAMILIES:
            raise self._unknown(family, ast.unparse(family), list(FAMILIES))
        key = node.slice
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            msg = f"an id of {family.id} is a text in quotes"
            raise self.error(key, msg, hint=f'write {family.id}["{ast.unparse(key)}"]')
        fields = FAMILIES[family.id].fields
        field = ".".join(attr for attr, _ in trail)
        if field and field not in fields:
            raise self._unknown(trail[0][1], field, list(fields))
        return Name(field, family.id, key.value)

    def _unknown(self, node: ast.expr, name: str, known: Sequence[str]) -> InvalidInput:
        hint = did_you_mean(name, list(known)) or "known here: " + " ".join(known)
        return self.error(node, f"there is no {name!r}", hint=hint)

    # --- terms ----------------------------------------------------------------------------

    def term(self, node: ast.expr) -> Expr:  # noqa: PLR0911 - one a kind of node
        """Check a node and build its closure."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name) and node.id in _CONSTANTS:
            return _literal(_CONSTANTS[node.id])
        if isinstance(node, ast.BoolOp):
            parts = [self.term(value) for value in node.values]
            return self.build.all_of(parts) if isinstance(node.op, ast.And) else (
                self.build.any_of(parts)
            )
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        name = self.name(node) if isinstance(
            node, ast.Name | ast.Attribute | ast.Subscript
        ) else None
        if name is None:
            what = type(node).__name__
            raise self.error(node, f"{what} is not allowed", hint=f"the language has {LANGUAGE}")
        self.names.append(name)
        return self.build.field(name)

    def _constant(self, node: ast.Constant) -> Expr:
        cell = node.value
        if cell is None or isinstance(cell, bool | str):
            return _literal(cell)
        written = certain(ast.get_source_segment(self.text, node))
        plain = written.replace(".", "", 1)
        if not (plain.isascii() and plain.isdigit() and len(plain) <= DIGITS_MAX):
            msg = f"{written!r} is not a plain number"
            raise self.error(node, msg, hint="write it like 350.00")
        return _literal(Fraction(written))

    def _unary(self, node: ast.UnaryOp) -> Expr:
        operand = self.term(node.operand)
        if isinstance(node.op, ast.Not):
            return self.build.negated(operand)
        if isinstance(node.op, ast.USub):
            return self.build.minus(node, operand)
        raise self.error(node, "only unary - and not are supported")

    def _arithmetic(self, node: ast.BinOp) -> Expr:
        sign = _ARITHMETIC.get(type(node.op))
        if sign is None:
            raise self.error(
                node, "only + - * are exact for money",
                hint="multiply the other side instead of dividing",
            )  # fmt: skip
        return self.build.arithmetic(
            node, sign, left=self.term(node.left), right=self.term(node.right)
        )

    def _compare(self, node: ast.Compare) -> Expr:
        parts: list[Expr] = []
        left = self.term(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            sign = _COMPARE[type(op)]
            if sign in {"in", "not in"}:
                if not isinstance(comparator, ast.Tuple | ast.List):
                    raise self.error(comparator, 'list the allowed values ("running", "frozen")')
                among = [self.term(elt) for elt in comparator.elts]
                parts.append(self.build.among(node, left, among, inside=sign == "in"))
                continue
            right = self.term(comparator)
            parts.append(self.build.compare(comparator, sign, left=left, right=right))
            left = right
        return parts[0] if len(parts) == 1 else self.build.all_of(parts)

    def _call(self, node: ast.Call) -> Expr:
        function = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if function not in FUNCTIONS:
            raise self._unknown(node.func, function, FUNCTIONS)
        if len(node.args) != 1 or node.keywords:
            raise self.error(node, f"{function}() takes one term", hint=f"as in {function}(cash)")
        argument = node.args[0]
        if function == "len":
            return self._length(argument)
        term = self.term(argument)
        slot, memory = len(self.memory), self.memory
        memory.append(None)
        self.remembered.append(term)

        def before(_: object) -> Any:  # noqa: ANN401 - whatever the term holds
            return memory[slot]

        old = Expr(term.kind, before, nullable=True, words=term.words)
        if function == "old":
            return old
        if function == "delta":
            return self.build.arithmetic(node, "-", left=term, right=old)
        now = term.read
        return Expr(FLAG, lambda look: now(look) != memory[slot])

    def _length(self, argument: ast.expr) -> Expr:
        if not isinstance(argument, ast.Name) or argument.id not in FAMILIES:
            raise self.error(argument, "len() counts " + ", ".join(FAMILIES))
        members = FAMILIES[argument.id].members
        return Expr(COUNT, lambda look: len(members(look.state)))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def _literal(cell: Value) -> Expr:
    kind = NULL if cell is None else FLAG if isinstance(cell, bool) else (
        TEXT if isinstance(cell, str) else COUNT
    )
    return Expr(kind, lambda _: cell, nullable=cell is None, constant=True, literal=cell)
