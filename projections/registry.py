"""Registries by name: what is built in, and what installed packages add by entry points.

Invariant: a built-in name cannot be replaced; nothing is imported before it is needed, and packages
are searched only for a name that is not built in, or to list all. This module must not know what
is registered.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from ledger.errors import InvalidInput, NoSuchThing
from ledger.policy import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Own(Struct, frozen=True):
    """A built-in entry: where it is (``module:name``), and what it is."""

    where: str
    said: str


class Registry(Generic[T]):
    """Things of one kind, by name.

    Attributes:
        own: ours; ``group``: the entry points of others, such as ``tallystick.reports``.

    """

    def __init__(
        self, group: str, noun: str, own: Mapping[str, Own], *, kind: type = object
    ) -> None:
        """Remember ours; ``noun`` is what one is called, ``kind`` the class that others give."""
        self.group = group
        self.noun = noun
        self.own = own
        self._kind = kind

    def others(self) -> dict[str, EntryPoint]:
        """Return what installed packages add; they cannot replace a built-in name."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and seldom needed

        found = sorted(entry_points(group=self.group), key=lambda one: one.name)
        return {one.name: one for one in found if one.name not in self.own}

    def names(self) -> list[str]:
        """List all: ours first, then those of others."""
        return [*self.own, *self.others()]

    def __contains__(self, name: object) -> bool:
        """Return whether there is one of that name."""
        return name in self.own or name in self.others()

    def said(self, name: str) -> str:
        """Return what it is, without loading it."""
        if name in self.own:
            return self.own[name].said
        package = self.others()[name].dist
        return f"(of the package {package.name})" if package is not None else "(installed)"

    def load(self, name: str) -> T:
        """Load one by name. Raises: NoSuchThing, with a suggestion; InvalidInput."""
        if name in self.own:
            module, _, attribute = self.own[name].where.partition(":")
            own: T = getattr(import_module(module), attribute)
            return own
        others = self.others()
        if name not in others:
            known = [*self.own, *others]
            hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            raise NoSuchThing(f"no {self.noun} {name!r}", hint=hint)
        try:
            found: T = others[name].load()
        except Exception as error:
            where = others[name].value
            msg = f"the {self.noun} {name!r} cannot be loaded from {where}: {error!r}"
            raise InvalidInput(msg, hint="update or remove the package that brings it") from error
        if not isinstance(found, self._kind):
            where, kind = others[name].value, self._kind.__name__
            msg = f"the {self.noun} {name!r} is not made with {kind}(...) in {where}"
            raise InvalidInput(msg, hint="update or remove the package that brings it")
        return found
