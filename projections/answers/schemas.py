"""JSON Schemas of answers, derived from their structs; what an answer is, is said once.

Invariant: what ``plain()`` gives fits the schema of its class. This module must not know how a
schema is asked for.
"""

from __future__ import annotations

import re
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.answers.terms import SCHEMAS, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.answers.terms import Answer

Json = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
URN: Final = "urn:tally:"
# name -> where its class is: loaded when it is asked for.
ANSWERS: Final[dict[str, tuple[str, str]]] = {
    "adopted": ("hunting", "Adopted"),
    "against": ("delivering", "Against"),
    "attempt": ("noticing", "Attempt"),
    "backup": ("keeping", "BackedUp"),
    "backtest": ("backtesting", "Backtest"),
    "balances": ("balances", "Balances"),
    "bisect": ("hunting", "Bisect"),
    "blame": ("hunting", "Blame"),
    "break": ("reconciling", "BreakShown"),
    "breaks": ("reconciling", "Breaks"),
    "check": ("hunting", "Checks"),
    "check_proof": ("proving", "ProofChecked"),
    "checklist": ("closing", "Checklist"),
    "clock": ("keeping", "ClockShown"),
    "close": ("closing", "Closed"),
    "column_map": ("keeping", "ColumnMap"),
    "columns": ("keeping", "ColumnsShown"),
    "config": ("keeping", "Settings"),
    "copy": ("keeping", "Copied"),
    "coupons": ("projections.reports.coupons", "CouponsReport"),
    "debug": ("hunting", "Debugged"),
    "deferred": ("projections.reports.deferred", "Deferred"),
    "demo": ("keeping", "DemoMade"),
    "diff": ("diff", "Diff"),
    "error": ("results", "ErrorShown"),
    "event": ("events", "Event"),
    "export": ("keeping", "Exported"),
    "forecast": ("rehearsing", "ForecastShown"),
    "import": ("results", "Imported"),
    "import_preview": ("results", "Preview"),
    "init": ("keeping", "Made"),
    "instances": ("state", "Instances"),
    "keys": ("proving", "KeyShown"),
    "last": ("hunting", "Last"),
    "log": ("events", "Log"),
    "lots": ("projections.reports.lots", "LotsShown"),
    "notice": ("noticing", "NoticeShown"),
    "notices": ("noticing", "Notices"),
    "notify": ("noticing", "Notified"),
    "outlook": ("rehearsing", "OutlookShown"),
    "overdue": ("projections.reports.overdue", "OverdueReport"),
    "pack": ("proving", "PackWritten"),
    "periods": ("closing", "Periods"),
    "projections": ("keeping", "ViewList"),
    "prove": ("proving", "Proved"),
    "rebuild": ("keeping", "Rebuilt"),
    "recheck": ("rehearsing", "Rechecked"),
    "reconcile": ("reconciling", "Reconcile"),
    "reopen": ("closing", "Reopened"),
    "replay": ("keeping", "Replayed"),
    "report_lots": ("projections.reports.lots", "LotsReport"),
    "report_reconciliation": ("reconciling", "Reconciliation"),
    "restatements": ("closing", "Restatements"),
    "result": ("results", "Result"),
    "rollforward": ("projections.reports.rollforward", "Rollforward"),
    "run": ("keeping", "Ran"),
    "schemas": ("keeping", "Schemas"),
    "seal": ("proving", "Sealed"),
    "show": ("events", "Show"),
    "sql": ("keeping", "Queried"),
    "state": ("state", "State"),
    "statement": ("projections.reports.statement", "StatementReport"),
    "status": ("keeping", "Status"),
    "tag": ("closing", "TagShown"),
    "tags": ("closing", "Tags"),
    "tiles": ("proving", "TilesWritten"),
    "timeline": ("projections.reports.timeline", "TimelineReport"),
    "totals": ("balances", "Totals"),
    "trace": ("hunting", "Trace"),
    "trial_balance": ("books", "TrialBalance"),
    "verify": ("proving", "Verified"),
    "verify_export": ("proving", "ExportVerified"),
    "verify_pack": ("proving", "PackVerified"),
    "view": ("rows", "ViewRows"),
    "whatif": ("rehearsing", "WhatIfShown"),
    "why": ("why", "Why"),
    "why_not": ("rehearsing", "WhyNot"),
    "witness": ("proving", "Witnessed"),
}
_ATTRIBUTES = re.compile(r"\n+Attributes:\n(.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"^    (``?\w+``?|[\w, ]+): (.*(?:\n        .*)*)", re.MULTILINE)


def answer_class(name: str) -> type[Answer]:
    """Load the class of an answer by its name in the table."""
    module, kind = ANSWERS[name]
    whole = module if "." in module else f"projections.answers.{module}"
    found: type[Answer] = getattr(import_module(whole), kind)
    return found


def header_of(kind: type[Answer], rows: str) -> list[str]:
    """Name the columns of an answer's rows: none, where its rows are mappings."""
    listed = next(field.type for field in msgspec.structs.fields(kind) if field.name == rows)
    row = next(parts_of(listed), None)
    return [] if row is None else columns_of(row)


def schema_of(name: str) -> Json:
    """Derive the schema of an answer: it stands alone."""
    return schema_of_class(answer_class(name), name)


def schema_of_class(kind: type[Answer], name: str) -> Json:
    """Derive the schema of a class that is not a built-in answer, under a name."""
    _, parts = msgspec.json.schema_components([kind], schema_hook=_hook)
    told = {one.__name__: fields_told(one) for one in parts_of(kind)}
    shown = {part: _described(content, told[part]) for part, content in parts.items()}
    own = shown.pop(kind.__name__)
    own.pop("title", None)
    return {
        "$schema": DRAFT, "$id": f"{URN}{name}", "title": str(kind.__struct_config__.tag), **own,
        **kind.also,
        **({"$defs": shown} if shown else {}),
    }  # fmt: skip


def _hook(kind: type) -> Json:
    return dict(SCHEMAS[kind])


def parts_of(kind: object) -> Iterator[type]:
    """Yield every struct that a type is made of, once, beginning with itself."""
    seen: set[type] = set()
    nodes: list[object] = [msgspec.inspect.type_info(kind)]
    while nodes:
        one = nodes.pop()
        if isinstance(one, tuple):
            nodes.extend(one)
        elif isinstance(one, msgspec.inspect.StructType):
            if one.cls not in seen:
                seen.add(one.cls)
                yield one.cls
                nodes.extend(field.type for field in one.fields)
        elif isinstance(one, msgspec.inspect.Type):
            nodes.extend(getattr(one, name) for name in one.__struct_fields__)


def fields_told(kind: type) -> dict[str, str]:
    """Return what docstrings say of the fields of a class and of its bases, the nearest first."""
    written = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    told: dict[str, str] = {}
    for one in kind.__mro__:
        attributes = _ATTRIBUTES.search(cleandoc(one.__doc__ or ""))
        for names, text in _ATTRIBUTE.findall(attributes[1] if attributes else ""):
            for name in names.replace("`", "").split(", "):
                told.setdefault(written.get(name, name), " ".join(text.split()))
    return told


def _described(part: Json, told: dict[str, str]) -> Json:
    """Set each field's description; keep the paragraph before."""
    said = _ATTRIBUTES.sub("", str(part.get("description", "")))
    part = {**part, "description": " ".join(said.split())}
    properties = dict(part.get("properties", {}))
    if "schema" in properties:
        properties["schema"] = {"const": properties["schema"]["enum"][0]}
    for name, text in told.items():
        if name in properties:
            properties[name] = {"description": text, **properties[name]}
    return {**part, "properties": properties} if properties else part
