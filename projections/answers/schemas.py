"""JSON Schemas of answers, derived from their structs; what an answer is, is said once.

Invariant: what ``plain()`` gives fits the schema of its class. This module must not know how a
schema is asked for.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import msgspec

from projections.answers.terms import INSTANT_SCHEMA, Instant

if TYPE_CHECKING:
    from projections.answers.terms import Answer

Json = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
URN: Final = "urn:tally:"
# name -> where its class is: loaded when it is asked for.
ANSWERS: Final[dict[str, tuple[str, str]]] = {
    "balances": ("balances", "Balances"),
    "deferred": ("projections.reports.deferred", "Deferred"),
    "diff": ("diff", "Diff"),
    "event": ("events", "Event"),
    "instances": ("state", "Instances"),
    "log": ("events", "Log"),
    "rollforward": ("projections.reports.rollforward", "Rollforward"),
    "show": ("events", "Show"),
    "state": ("state", "State"),
    "totals": ("balances", "Totals"),
    "trial_balance": ("books", "TrialBalance"),
    "view": ("rows", "ViewRows"),
    "why": ("why", "Why"),
}
_ATTRIBUTES = re.compile(r"\n+Attributes:\n(.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"^    (``?\w+``?|[\w, ]+): (.*(?:\n        .*)*)", re.MULTILINE)


def answer_class(name: str) -> type[Answer]:
    """Load the class of an answer by its name in the table."""
    module, kind = ANSWERS[name]
    whole = module if "." in module else f"projections.answers.{module}"
    found: type[Answer] = getattr(import_module(whole), kind)
    return found


def schema_of(name: str) -> Json:
    """Derive the schema of an answer: it stands alone."""
    return schema_of_class(answer_class(name), name)


def schema_of_class(kind: type[Answer], name: str) -> Json:
    """Derive the schema of a class that is not an answer of ours, under a name."""
    _, parts = msgspec.json.schema_components([kind], schema_hook=_hook)
    shown = {part: _described(content) for part, content in parts.items()}
    own = shown.pop(kind.__name__)
    own.pop("title", None)
    return {
        "$schema": DRAFT, "$id": f"{URN}{name}", "title": str(kind.__struct_config__.tag), **own,
        **({"$defs": shown} if shown else {}),
    }  # fmt: skip


def _hook(kind: type) -> Json:
    assert kind is Instant, kind  # noqa: S101 - nothing else is declared
    return dict(INSTANT_SCHEMA)


def _described(part: Json) -> Json:
    """Tell each field what the docstring says of it; keep the paragraph before."""
    told = str(part.get("description", ""))
    attributes = _ATTRIBUTES.search(told)
    part = {**part, "description": " ".join(_ATTRIBUTES.sub("", told).split())}
    properties = dict(part.get("properties", {}))
    if "schema" in properties:
        properties["schema"] = {"const": properties["schema"]["enum"][0]}
    for names, text in _ATTRIBUTE.findall(attributes[1] if attributes else ""):
        for name in names.replace("`", "").split(", "):
            field = name.rstrip("_") if name.rstrip("_") in properties else name
            if field in properties:
                said = " ".join(text.split())
                properties[field] = {"description": said, **properties[field]}
    return {**part, "properties": properties} if properties else part
