"""The bytes of every event that was ever stored stay readable, and mean what they meant.

fixtures/events/vN/NAME.json holds samples of event NAME, schema N: the stored bytes, what any
MessagePack library reads in them, and the fields left out with what that means. The plain
``msgpack`` package is the independent reader here. Invariant: a sample's bytes never change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgpack
import msgspec
import pytest

from ledger import codec, commands, requests
from ledger.codec import Codec, tag
from ledger.errors import UnknownEventType
from ledger.events import (
    AMOUNTS,
    EVENT_TYPES,
    INSTANTS,
    PARTS,
    AnyEvent,
    Event,
    RecordedEvent,
    TopUpReceived,
)

FROZEN: Final = Path(__file__).resolve().parents[2] / "fixtures" / "events"
HOW: Final = (
    'write it as {"type": ..., "samples": {"every field": {"stored": {...}, "left_out": {...}}}}, '
    "then: make golden (CONTRIBUTING, add an event)"
)
TODAY: Final = {tag(event_type): event_type for event_type in EVENT_TYPES}

Sample = dict[str, Any]


def _file(stored_tag: str) -> Path:
    name, schema = stored_tag.split("/")
    return FROZEN / f"v{schema}" / f"{name}.json"


def _frozen() -> list[tuple[Path, str]]:
    return [
        (path, title)
        for path in sorted(FROZEN.glob("v*/*.json"))
        for title in json.loads(path.read_text(encoding="utf-8"))["samples"]
    ]


SAMPLES: Final = [
    pytest.param(path, title, id=f"{path.parent.name}-{path.stem}-{title}")
    for path, title in _frozen()
]


def _sample(path: Path, title: str) -> Sample:
    sample: Sample = json.loads(path.read_text(encoding="utf-8"))["samples"][title]
    return sample


def _body(path: Path, title: str) -> bytes:
    return bytes.fromhex(_sample(path, title).get("bytes", ""))


def _plain(body: bytes) -> Any:
    return msgpack.unpackb(body, strict_map_key=True)


def _meaning(sample: Sample) -> Sample:
    """Return every field of the recorded event: those stored, and those left out."""
    left_out = dict(sample["left_out"])
    event = sample["stored"]["event"] | left_out.pop("event", {})
    return {**sample["stored"], **left_out, "event": sample.get("today", event)}


def _as_read(recorded: RecordedEvent) -> Sample:
    """Spell a decoded event as JSON would."""
    event = recorded.event
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    envelope = {name: getattr(recorded, name) for name in RecordedEvent.__struct_fields__}
    envelope["request"] = _plain(bytes(recorded.request))
    spelled: Sample = json.loads(
        json.dumps({**envelope, "event": {"type": tag(type(event)), **fields}})
    )
    return spelled


@pytest.mark.parametrize("stored_tag", sorted(TODAY))
def test_every_event_type_has_frozen_bytes(stored_tag: str) -> None:
    path = _file(stored_tag)
    if not path.exists():
        pytest.fail(f"fixtures/events/{path.parent.name}/{path.name} is missing: {HOW}")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["type"] == stored_tag
    stored: set[str] = set()
    for sample in found["samples"].values():
        stored |= set(sample["stored"]["event"])
    assert stored == {"type", *TODAY[stored_tag].__struct_fields__}, "no sample stores every field"


@pytest.mark.parametrize(("path", "title"), SAMPLES)
def test_a_sample_is_frozen(path: Path, title: str, request: pytest.FixtureRequest) -> None:
    if _body(path, title):
        return
    if not request.config.getoption("--update-golden"):
        pytest.fail(f"{path.stem}, {title!r} has no bytes yet; freeze it with: make golden")
    found = json.loads(path.read_text(encoding="utf-8"))
    body: bytes = msgpack.packb(found["samples"][title]["stored"])
    found["samples"][title] = {"bytes": body.hex(), **found["samples"][title]}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@pytest.mark.parametrize(("path", "title"), SAMPLES)
def test_frozen_bytes_mean_what_they_meant(path: Path, title: str) -> None:
    recorded = codec.decode(_body(path, title))
    assert _as_read(recorded) == _meaning(_sample(path, title))


@pytest.mark.parametrize(("path", "title"), SAMPLES)
def test_todays_encoder_gives_the_frozen_bytes(path: Path, title: str) -> None:
    sample = _sample(path, title)
    if sample["stored"]["event"]["type"] not in TODAY:
        pytest.skip("an older schema is read, never written")
    body = _body(path, title)
    assert codec.encode(codec.decode(body)).hex() == body.hex()


@pytest.mark.parametrize(("path", "title"), SAMPLES)
def test_any_messagepack_library_reads_and_writes_the_frozen_bytes(path: Path, title: str) -> None:
    stored = _sample(path, title)["stored"]
    body = _body(path, title)
    assert _plain(body) == stored
    assert msgpack.packb(stored).hex() == body.hex()


def test_no_frozen_file_is_of_an_event_that_nobody_can_read() -> None:
    known = set(TODAY) | {tag(old) for old in codec.UPCASTERS}
    for path, title in _frozen():
        assert _sample(path, title)["stored"]["event"]["type"] in known, path


def test_every_command_has_a_frozen_request_that_is_stored_the_same_today() -> None:
    """Requests are storage too: a repeat (R28) and a recheck read them years later."""
    seen: set[str] = set()
    for path, title in _frozen():
        request = _sample(path, title)["stored"].get("request")
        if request is None:
            continue
        seen.add(request["do"])
        body: bytes = msgpack.packb(request)
        command = requests.from_request(body)
        assert requests.to_request(command).hex() == body.hex(), request
        assert requests.same_request(command, body)
    assert seen == set(commands.COMMANDS)


# --- older schemas ---------------------------------------------------------------------------


class PaymentSeen(Event, frozen=True, tag="PaymentSeen/1"):
    """A fictitious first schema: the channel and the serial in one key."""

    key: str
    amount: int


class PaymentSeen2(Event, frozen=True, tag="PaymentSeen/2"):
    """A fictitious second schema: the amount still in major units."""

    channel: str
    serial: str
    amount: int


def _second(old: Event) -> PaymentSeen2:
    assert isinstance(old, PaymentSeen)
    channel, serial = old.key.split("/")
    return PaymentSeen2(channel=channel, serial=serial, amount=old.amount)


def _third(old: Event) -> TopUpReceived:
    assert isinstance(old, PaymentSeen2)
    return TopUpReceived(channel=old.channel, serial=old.serial, amount=old.amount * 100)


# The chain is typed by its end: each step may also give the next older schema.
UPCASTERS: Final[dict[type[Event], Any]] = {PaymentSeen: _second, PaymentSeen2: _third}


def _stored(event: dict[str, object]) -> bytes:
    envelope = {
        "position": 1, "stream": "account:a-1", "version": 1,
        "recorded_at": 1_000_000, "effective_at": 1_000_000,
    }  # fmt: skip
    body: bytes = msgpack.packb({**envelope, "event": event, "actor": "ops"})
    return body


OLD: Final = (
    _stored({"type": "PaymentSeen/1", "key": "alipay/T1", "amount": 1000}),
    _stored({"type": "PaymentSeen/2", "channel": "alipay", "serial": "T1", "amount": 1000}),
)
NEW: Final = _stored(
    {"type": "TopUpReceived/1", "channel": "alipay", "serial": "T1", "amount": 100_000}
)


def test_older_schemas_are_read_as_todays_event() -> None:
    reader = Codec(UPCASTERS)
    today = codec.decode(NEW)
    for body in (*OLD, NEW):
        assert reader.decode(body) == today
    assert list(reader.decode_all((*OLD, NEW))) == [today] * 3
    assert type(reader.decode(OLD[0])) is RecordedEvent


def test_an_upcast_event_keeps_its_envelope_and_is_stored_as_todays() -> None:
    reader = Codec(UPCASTERS)
    recorded = reader.decode(OLD[0])
    assert recorded.actor == "ops"
    assert reader.encode(recorded) == NEW


@pytest.mark.parametrize(
    "body",
    [
        OLD[0],
        _stored({"type": "TopUpReceived/2", "channel": "alipay", "serial": "T1", "amount": 1}),
        _stored({"type": "TopUpReceived/1", "channel": "alipay", "serial": "T1"}),
        _stored({"type": "TopUpReceived/1", "channel": "alipay", "serial": "T1", "amount": "1"}),
        NEW[:-1],
        b"",
        b"\xc1",
    ],
    ids=["older", "newer", "a field too few", "another type", "torn", "nothing", "no MessagePack"],
)
def test_bytes_that_this_program_does_not_know_are_named_and_never_guessed(body: bytes) -> None:
    with pytest.raises(UnknownEventType, match="use the program that wrote it"):
        codec.decode(body)
    with pytest.raises(UnknownEventType):
        list(codec.decode_all([NEW, body]))


def test_an_event_carries_only_values_that_every_messagepack_library_can_hold() -> None:
    """Integers within 64 bits, text, booleans and lists of them: no float, no extension type."""
    allowed = (int, str, bool, type(None), dict, list)
    for event_type in EVENT_TYPES:
        for field in msgspec.structs.fields(event_type):
            assert "float" not in str(field.type), f"{event_type.__name__}.{field.name}"

    def walk(value: object) -> None:
        assert isinstance(value, allowed), value
        if isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for path, title in _frozen():
        walk(_plain(_body(path, title)))


COUNTED = {
    "accounts", "attempt", "calendar_year", "close", "instances", "known_position", "months",
    "number", "round_down", "since", "slot",
}  # fmt: skip


def test_an_integer_is_declared_as_what_it_holds_and_a_name_holds_one_thing() -> None:
    """An instant or an amount that is a plain ``int`` would be printed as a bare number."""
    declared: dict[str, set[str]] = {}
    for event_type in EVENT_TYPES:
        for name, text in event_type.__annotations__.items():
            declared.setdefault(name, set()).add(text.partition(" ")[0])
    plain = {name for name, kinds in declared.items() if "int" in kinds}
    assert plain == COUNTED, "declare it as Instant or Amount, or name it here"
    assert all(len(kinds) == 1 for name, kinds in declared.items() if name in INSTANTS | AMOUNTS)
    assert {"expires_at", "effective_at"} < INSTANTS
    assert {"cash_part", "threshold"} < AMOUNTS
    assert {"coupons", "coupons_restored", "coupons_forfeited"} == PARTS


def test_the_union_and_the_tuple_of_event_types_are_the_same() -> None:
    assert set(EVENT_TYPES) == set(AnyEvent.__args__)
