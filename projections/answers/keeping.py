"""What is made, moved and kept: ledgers, copies, views, imports, the clock, errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from ledger.store.journal import standing
from projections.answers.events import Event
from projections.answers.terms import (
    Answer,
    Clock,
    Count,
    Currency,
    Id,
    Instant,
    Month,
    Part,
    PointShown,
    Position,
    Restated,
    Sha256,
    one_of,
)

ViewState: TypeAlias = Annotated[str, one_of("fresh", "behind", "foreign", "outdated", "missing")]

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.stored import StoredDifference

class ViewStanding(Part, frozen=True, kw_only=True):
    """How a stored view stands against the log."""

    name: Id
    version: Position
    position: Count
    lag: Count
    state: ViewState


class ViewDifference(Part, frozen=True, kw_only=True):
    """The first row of a view that differs in a refold."""

    view: Id
    account: Id
    stored: Sequence[Any] | None
    refolded: Sequence[Any] | None


class JournalShown(Part, frozen=True, kw_only=True):
    """How a ledger file stands to its write-ahead log.

    Attributes:
        state: empty: the file holds everything.

    """

    state: Annotated[str, one_of("empty", "needed", "absent", "damaged")]
    bytes: Count
    said: str | None

    @classmethod
    def of(cls, reader: Reader) -> JournalShown | None:
        """Look at a ledger; None for one on a server."""
        found = standing(reader)
        return None if found is None else cls(**found._asdict())


class Made(Answer, frozen=True, kw_only=True, tag="tally.init/1"):
    """A ledger that was made."""

    ledger: Id
    clock: Clock
    now: Instant
    currency: Currency
    policy: Mapping[str, str]
    position: Literal[1]


class Setting(Part, frozen=True, kw_only=True):
    """One setting, and where it comes from.

    Attributes:
        where: the option, the variable or the file that it comes from.

    """

    name: Id
    value: str | None
    source: Annotated[str, one_of("option", "environment", "file", "default")]
    where: str | None


class Settings(Answer, frozen=True, kw_only=True, tag="tally.config/1"):
    """Every setting in force and where it comes from; a secret is never among the values."""

    settings: Sequence[Setting]


class Copied(Answer, frozen=True, kw_only=True, tag="tally.copy/1"):
    """A ledger copied to another place.

    Attributes:
        root: of the tree, in base64: that of the source.

    """

    from_: Id = field(name="from")
    to: Id
    events: Count
    seals: Count
    root: Id


class BackedUp(Answer, frozen=True, kw_only=True, tag="tally.backup/1"):
    """A ledger file backed up to another.

    Attributes:
        root: of the tree, in base64; empty in a ledger made before there was a tree.
        bytes: the size of the file.

    """

    from_: Id = field(name="from")
    to: Id
    events: Count
    root: str
    bytes: Position


class SegmentShown(Part, frozen=True, kw_only=True):
    """One file of the columns.

    Attributes:
        root: root of the log's tree at the last position.

    """

    file: Id
    first: Position
    last: Position
    rows: Position
    bytes: Position
    sha256: Sha256
    root: Sha256


class ColumnsShown(Answer, frozen=True, kw_only=True, tag="tally.columns/1"):
    """The log as Parquet segments: what was done, and how they stand against the log.

    Attributes:
        position: the last position that the segments cover.
        lag: events of the log after it.
        events: events copied by this run.
        bytes: what the segments take; on drop, what was freed.
        said: why they are not trusted.

    """

    done: Annotated[str, one_of("built", "status", "dropped")]
    state: Annotated[str, one_of("missing", "fresh", "behind", "foreign", "outdated", "damaged")]
    position: Count
    lag: Count
    events: Count
    bytes: Count
    folder: Id
    said: str | None
    segments: Sequence[SegmentShown]


class LastSeal(Part, frozen=True, kw_only=True):
    """The last signed checkpoint."""

    number: Count
    size: Count
    unsealed: Count


class LastCheck(Part, frozen=True, kw_only=True):
    """The last check that the log keeps: the checklist of the last close (R65).

    Attributes:
        position: the event that closed the month.
        open_points: the lines of the checklist that were not met; the close says who overrode them.

    """

    position: Position
    period: Month
    at: Instant
    open_points: Sequence[Id]


class NextDue(Part, frozen=True, kw_only=True):
    """What falls due next."""

    account: Id
    at: Instant
    what: Id
    key: str


class Status(Answer, frozen=True, kw_only=True, tag="tally.status/1"):
    """Where the ledger stands.

    Attributes:
        last_seal: the last signed checkpoint, and how many events came since.

    """

    ledger: Id
    id: Id
    currency: Currency
    head: Position
    recorded_at: Instant
    clock: Clock
    now: Instant
    policy: Mapping[str, str]
    views: Sequence[ViewStanding]
    last_seal: LastSeal | None
    last_check: LastCheck | None
    journal: JournalShown | None
    next_due: NextDue | None


class Replayed(Answer, frozen=True, kw_only=True, tag="tally.replay/1"):
    """The whole log refolded, and how it compares with the stored views.

    Attributes:
        digest: SHA-256 of every row of every view, by buckets of accounts.

    """

    events: Position
    accounts: Count
    rows: Count
    digest: Sha256
    compared: bool
    equal: bool | None
    first_difference: ViewDifference | None


class ViewListed(Part, frozen=True, kw_only=True):
    """A stored view: its columns, or how it stands against the log."""

    name: Id
    version: Position
    columns: Sequence[Id] | UnsetType = UNSET
    position: Count | UnsetType = UNSET
    lag: Count | UnsetType = UNSET
    state: ViewState | UnsetType = UNSET


class ViewList(Answer, frozen=True, kw_only=True, tag="tally.projections/1"):
    """The stored views: their columns (list) or how they stand (status)."""

    also: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"properties": {"rows": {"items": {"required": required}}}}
            for required in (["columns"], ["position", "lag", "state"])
        ]
    }
    rows: Sequence[ViewListed]


class Rebuilt(Answer, frozen=True, kw_only=True, tag="tally.rebuild/1"):
    """Views built again beside the live ones."""

    views: Sequence[Id]
    shadow: bool
    equal: bool
    first_difference: ViewDifference | None


class Planted(Part, frozen=True, kw_only=True):
    """A statement of the demo, and whether what was planted in it was found."""

    file: Id
    matched: Count
    breaks: Count
    planted: Count
    exact: bool


class DemoMade(Answer, frozen=True, kw_only=True, tag="tally.demo/1"):
    """A year recorded, and whether a refold equals what is stored."""

    ledger: Id
    commands: Position
    refused: Count
    events: Position
    rows_compared: Position
    equal: bool
    statements: Sequence[Planted] | UnsetType = UNSET


class Ran(Answer, frozen=True, kw_only=True, tag="tally.run/1"):
    """What a system-clock ledger recorded while it was kept caught up."""

    events: Sequence[Event]


class ClockShown(Answer, frozen=True, kw_only=True, tag="tally.clock/1"):
    """The ledger's clock; events are what an advance recorded."""

    clock: Clock
    now: Instant
    events: Sequence[Event] | UnsetType = UNSET


class Schemas(Answer, frozen=True, kw_only=True, tag="tally.schemas/1"):
    """The names that tally schema knows."""

    names: Annotated[Sequence[Id], Meta(min_length=1)]


class Exported(Answer, frozen=True, kw_only=True, tag="tally.export/1"):
    """A file that was written by tally export.

    Attributes:
        size: the events that it was made of.
        root: the root of the tree over them, base64.
        sha256: of what follows the heading.

    """

    format: Id
    file: Id
    bytes: Count
    point: PointShown
    rows: Count
    size: Count | UnsetType = UNSET
    root: Id | UnsetType = UNSET
    sha256: Sha256 | UnsetType = UNSET


class ColumnShown(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of the query, and its type."""

    name: str
    type: str


class Queried(Answer, frozen=True, kw_only=True, tag="tally.sql/1", forbid_unknown_fields=True):
    """The rows of a query; ``restated`` is about its own point, not those that it writes out."""

    point: PointShown
    columns: Sequence[ColumnShown]
    rows: Sequence[Mapping[str, Any]]
    restated: Restated | UnsetType = UNSET


class ColumnMap(Answer, frozen=True, kw_only=True, tag="tally.column_map/1"):
    """A starter column map for a CSV (tally reconcile FILE --source csv --guess).

    Attributes:
        map: the map as TOML, to be saved and checked.

    """

    map: str


def view_difference(found: StoredDifference | None) -> ViewDifference | None:
    """Return the first row of a view that differs in a refold, if there is one."""
    return None if found is None else ViewDifference(**found._asdict())
