#!/usr/bin/env python3
"""Verifies this evidence pack. Standard library only, nothing is installed, no network.

    python3 verify.py [OLDER-CHECKPOINT]

It trusts the keys in the file "policy": compare the one it prints with the key that you were
given. It was written apart from the program that made the pack. Exit code: 0 all holds, 5 not.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTROL = ("cash", "outstanding", "coupons")
UNTOLD = (
    "Not shown: that what was recorded is true, or all that happened; that the key's holder wrote\n"
    "no other history before somebody outside saw a checkpoint. Of the lists, the reasons given\n"
    "for adjusting entries are printed, not judged; period closes need a replay (tally verify).\n"
)


class Broken(Exception):
    """Something does not hold."""


def need(holds, said):
    """Raise unless something holds."""
    if not holds:
        raise Broken(said)


# --- Ed25519 (RFC 8032, section 6) -----------------------------------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a, b):
    """Add two points in extended coordinates."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % P, k * m % P, j * k % P, i * m % P


def multiply(scalar, point):
    """Add a point to itself so many times."""
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = add(found, point)
        point = add(point, point)
        scalar >>= 1
    return found


def recover_x(y, sign):
    """Find the x of a point, None if there is none."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if (x & 1) != sign else x


def decompress(raw):
    """Read a point."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519_holds(public, message, signature):
    """Verify an Ed25519 signature."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left = multiply(s, BASE)
    right = add(r, multiply(int.from_bytes(digest, "little") % Q, key))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P
        or (left[1] * right[2] - right[1] * left[2]) % P
    )


# --- signed checkpoints (C2SP) ----------------------------------------------------------------


def read_keys(policy):
    """Read the accepted keys: {(name, key id): (algorithm, public key)}."""
    keys = {}
    for line in policy.splitlines():
        words = line.split()
        if words and words[0] in ("log", "witness"):
            name, key_id, encoded = words[1 if words[0] == "log" else 2].split("+", 2)
            raw = base64.b64decode(encoded)
            digest = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
            need(digest.hex() == key_id, f"the key of {name} does not fit its id")
            keys[name, digest] = raw[0], raw[1:]
    return keys


def open_checkpoint(note, keys):
    """Verify a signed checkpoint: (origin, size, root, who signed)."""
    text, blank, tail = note.rpartition("\n\n")
    need(bool(blank), "a checkpoint has no signatures")
    text += "\n"
    signers = []
    for line in tail.splitlines():
        dash, name, encoded = line.split(" ")
        need(dash == "\N{EM DASH}", "a signature line is malformed")
        raw = base64.b64decode(encoded)
        if (name, raw[:4]) not in keys:
            continue
        algorithm, public = keys[name, raw[:4]]
        message, signature = text.encode(), raw[4:]
        if algorithm == 4:
            (time,) = struct.unpack(">Q", signature[:8])
            message, signature = f"cosignature/v1\ntime {time}\n{text}".encode(), signature[8:]
        need(ed25519_holds(public, message, signature), f"the signature of {name} is wrong")
        signers.append((algorithm, name))
    lines = text.split("\n")
    need((1, lines[0]) in signers, f"no accepted key of {lines[0]} signed the checkpoint")
    return lines[0], int(lines[1]), base64.b64decode(lines[2]), [name for _, name in signers]


# --- the tree (RFC 6962) ----------------------------------------------------------------------


def node(left, right):
    """Hash two subtrees into one."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves):
    """Give the root of a list of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def proof_holds(leaf, index, size, hashes, root):
    """Verify an inclusion proof (RFC 9162, 2.1.3.2)."""
    last = size - 1
    need(index <= last, "a proof is about an event behind the checkpoint")
    for sibling in hashes:
        if last == 0:
            return False
        if index & 1 or index == last:
            leaf = node(sibling, leaf)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = node(leaf, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and leaf == root


# --- MessagePack ------------------------------------------------------------------------------

FIXED = {
    0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    0xCA: ">f", 0xCB: ">d",
}  # fmt: skip
SIZED = {
    0xC4: ("bin", ">B"), 0xC5: ("bin", ">H"), 0xC6: ("bin", ">I"), 0xD9: ("str", ">B"),
    0xDA: ("str", ">H"), 0xDB: ("str", ">I"), 0xDC: ("list", ">H"), 0xDD: ("list", ">I"),
    0xDE: ("map", ">H"), 0xDF: ("map", ">I"),
}  # fmt: skip


SMALL = {0xC0: None, 0xC2: False, 0xC3: True}


def unpack(raw, at):
    """Read one object: (object, where it ends)."""
    byte = raw[at]
    at += 1
    if byte < 0x80 or byte >= 0xE0:
        return byte if byte < 0x80 else byte - 256, at
    if byte in SMALL:
        return SMALL[byte], at
    if byte in FIXED:
        end = at + struct.calcsize(FIXED[byte])
        return struct.unpack(FIXED[byte], raw[at:end])[0], end
    if byte < 0xC0:
        kind = "map" if byte < 0x90 else "list" if byte < 0xA0 else "str"
        count = byte - {"map": 0x80, "list": 0x90, "str": 0xA0}[kind]
    else:
        need(byte in SIZED, f"0x{byte:02x} is no MessagePack of ours")
        kind, form = SIZED[byte]
        end = at + struct.calcsize(form)
        (count,), at = struct.unpack(form, raw[at:end]), end
    if kind in ("str", "bin"):
        cut = raw[at : at + count]
        return (cut.decode() if kind == "str" else cut), at + count
    return unpack_many(raw, at, kind, count)


def unpack_many(raw, at, kind, count):
    """Read the parts of a list or a map."""
    parts = []
    for _ in range(count * (2 if kind == "map" else 1)):
        part, at = unpack(raw, at)
        parts.append(part)
    return (parts if kind == "list" else dict(zip(parts[::2], parts[1::2]))), at  # noqa: B905 - Python 3.8 has no strict


# --- what events do to money ------------------------------------------------------------------


def effect(event):
    """Give (cash, outstanding, coupons) of one event."""
    get = event.get
    cash, amount = get("cash_part", 0), get("amount", 0)
    coupons = sum(part for _, part in get("coupons", ()))
    restored = sum(part for _, part in get("coupons_restored", ()))
    paid = -cash, 0, -get("coupon_part", 0)
    effects = {
        "TopUpReceived": (amount, 0, 0),
        "TopUpReversed": (-cash, 0, 0),
        "DebtRecorded": (0, amount, 0),
        "CouponGranted": (0, 0, amount),
        "CouponExpired": (0, 0, -get("forfeited", 0)),
        "BillPosted": (0, amount, 0),
        "BillSettled": (-cash, -cash - coupons, -coupons),
        "CreditNoteIssued": (cash, -get("outstanding_part", 0), restored),
        "RefundIssued": (amount, 0, 0),
        "InstancePurchased": paid,
        "InstanceRenewed": paid,
        "UpgradedToEnterprise": paid,
        "SpecUpgraded": paid,
    }
    return effects.get(event["type"].partition("/")[0], (0, 0, 0))


def money(minor, digits):
    """Write minor units as an exact decimal."""
    sign, text = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


# --- the checks -------------------------------------------------------------------------------


class Pack:
    """The files of the pack, and what was found in them."""

    def __init__(self):
        """Read the manifest."""
        self.manifest = json.loads((HERE / "manifest.json").read_bytes())
        self.keys = read_keys(self.text("policy"))
        self.leaves, self.events = [], []

    def raw(self, name):
        """Read a file."""
        return (HERE / name).read_bytes()

    def text(self, name):
        """Read a text."""
        return self.raw(name).decode()

    def rows(self, name):
        """Read a table without its header."""
        return list(csv.reader(io.StringIO(self.text(name))))[1:]

    def files(self):
        """Every file is there as the manifest says, and no other."""
        listed = self.manifest["files"]
        for name, told in listed.items():
            digest = hashlib.sha256(self.raw(name)).hexdigest()
            need(digest == told["sha256"], f"{name} is not as the manifest says")
        there = {p.relative_to(HERE).as_posix() for p in HERE.rglob("*") if p.is_file()}
        missing = {f for f in there if f.startswith(("reports/", "sample/"))} - set(listed)
        need(not missing, f"files that the manifest does not name: {sorted(missing)}")
        return f"{len(listed)} files"

    def signature(self):
        """The checkpoint is signed by an accepted key and is the manifest's."""
        origin, size, root, signers = open_checkpoint(self.text("checkpoint"), self.keys)
        told = self.manifest["checkpoint"]
        same = (origin, size, base64.b64encode(root).decode())
        need(same == (told["origin"], told["size"], told["root"]), "the manifest names another")
        self.size, self.root = size, root
        return f"{size} events of {origin}, signed by {', '.join(signers)}"

    def log(self):
        """The bytes of all events give the signed root."""
        raw, at = self.raw("events.msgpack"), 0
        while at < len(raw):
            event, end = unpack(raw, at)
            self.leaves.append(hashlib.sha256(b"\x00" + raw[at:end]).digest())
            event.pop("request", None)
            self.events.append(event)
            at = end
        need(len(self.events) == self.size, f"{len(self.events)} events, {self.size} were signed")
        need(root_of(self.leaves) == self.root, "an event is not as it was signed")
        return f"root {base64.b64encode(self.root).decode()}"

    def order(self):
        """Positions and versions have no gap, recorded times never go back."""
        versions, before = {}, 0
        for position, event in enumerate(self.events, 1):
            stream = event["stream"]
            versions[stream] = versions.get(stream, 0) + 1
            need(event["position"] == position, f"gap at @{position}")
            need(event["version"] == versions[stream], f"{stream} has a gap at @{position}")
            need(event["recorded_at"] >= before, f"the clock goes back at @{position}")
            before = event["recorded_at"]
        told = json.loads(self.raw("reports/completeness.json"))
        need(told["events"] == len(self.events) and not told["gaps"], "completeness differs")
        return f"{len(versions)} streams"

    def balances(self):
        """Trial balances and roll-forward follow from the events."""
        told, digits = self.manifest, self.manifest["digits"]
        opening, closing, moved, opened = {}, {}, {}, {}
        for event in self.events:
            at, account, inner = event["effective_at"], event["stream"][8:], event["event"]
            name = inner["type"].partition("/")[0]
            if name == "AccountOpened":
                opened[account] = at, inner["currency"]
            if at >= told["ends_us"] or account not in opened:
                continue
            early = at < told["starts_us"]
            for i, part in enumerate(effect(inner)):
                for sums in (closing, opening) if early else (closing,):
                    sums.setdefault(account, [0, 0, 0])[i] += part
                if not early:
                    key = opened[account][1], i, name
                    moved[key] = moved.get(key, 0) + part
        totals = self.trial_balance("opening", opening, opened, told["starts_us"])
        totals.update(self.trial_balance("closing", closing, opened, told["ends_us"]))
        self.roll_forward(moved, totals, digits)
        return f"{len(opened)} accounts, opening + movements = closing"

    def trial_balance(self, name, sums, opened, end):
        """One line an account, as the report has it; gives the totals."""
        rows, totals, digits = [], {}, self.manifest["digits"]
        for account, (at, currency) in sorted(opened.items()):
            if at < end:
                parts = sums.get(account, [0, 0, 0])
                rows.append([account, currency, *(money(part, digits) for part in parts)])
                for i, part in enumerate(parts):
                    totals[currency, i, name] = totals.get((currency, i, name), 0) + part
        need(rows == self.rows(f"reports/trial_balance_{name}.csv"), f"{name} balances differ")
        return totals

    def roll_forward(self, moved, totals, digits):
        """Opening, each type of event and closing, as the report has them; and they add up."""
        rows = self.rows("reports/rollforward.csv")
        told = {(row[0], CONTROL.index(row[1]), row[2]): row[3] for row in rows}
        ours = {key: part for key, part in moved.items() if part}
        for currency, i, _ in list(told):
            ends = [totals.get((currency, i, end), 0) for end in ("opening", "closing")]
            ours[currency, i, "opening"], ours[currency, i, "closing"] = ends
            moves = sum(part for key, part in moved.items() if key[:2] == (currency, i))
            need(ends[0] + moves == ends[1], f"{CONTROL[i]} does not roll forward")
        need({k: money(v, digits) for k, v in ours.items()} == told, "the roll-forward differs")

    def lists(self):
        """Cut-off and back-dated lists name exactly the events that they should."""
        begins, ends = self.manifest["starts_us"], self.manifest["ends_us"]
        wanted = {"cutoff_recorded_after": [], "cutoff_effective_outside": [], "back_dated": []}
        for event in self.events:
            effective, recorded = event["effective_at"], event["recorded_at"]
            inside, learned = begins <= effective < ends, begins <= recorded < ends
            if inside and recorded >= ends:
                wanted["cutoff_recorded_after"].append(event["position"])
            if learned and not inside:
                wanted["cutoff_effective_outside"].append(event["position"])
            if (learned or inside) and effective < recorded:
                wanted["back_dated"].append(event["position"])
        for name, positions in wanted.items():
            told = [int(row[0]) for row in self.rows(f"reports/{name}.csv")]
            need(told == positions, f"{name} differs")
        return ", ".join(f"{len(found)} {name}" for name, found in wanted.items())

    def sample(self):
        """The sample was drawn by the seed, and each event in it is in the signed log."""
        about = json.loads(self.raw("sample/sample.json"))
        begins, ends = self.manifest["starts_us"], self.manifest["ends_us"]
        inside = [e["position"] for e in self.events if begins <= e["recorded_at"] < ends]
        span = range(inside[0], inside[-1] + 1) if inside else ()
        ranked = sorted(
            span, key=lambda n: hashlib.sha256(f"{about['seed']}:{n}".encode()).digest()
        )
        need(sorted(ranked[: len(about["drawn"])]) == about["drawn"], "another sample is drawn")
        for position in about["drawn"]:
            head, _, note = self.text(f"sample/{position}.tlog-proof").partition("\n\n")
            lines = head.split("\n")
            leaf = hashlib.sha256(b"\x00" + self.raw(f"sample/{position}.event")).digest()
            need(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {position - 1}"], "odd proof")
            need(note == self.text("checkpoint"), "a proof is of another checkpoint")
            hashes = [base64.b64decode(line) for line in lines[2:]]
            good = proof_holds(leaf, position - 1, self.size, hashes, self.root)
            need(good and leaf == self.leaves[position - 1], f"the proof of @{position} is wrong")
        return f"{len(about['drawn'])} events, seed {about['seed']}"

    def older(self, path):
        """The log continues the older checkpoint that was given."""
        note = Path(path).read_text(encoding="utf-8")
        origin, size, root, _ = open_checkpoint(note, self.keys)
        need(origin == self.manifest["checkpoint"]["origin"], f"it is of {origin}")
        need(size <= self.size, f"it covers {size} events, the pack {self.size}: cut off")
        need(root_of(self.leaves[:size]) == root, "the history before it is another one")
        return f"the first {size} events are those of the older checkpoint"


def main(arguments):
    """Run every check; say what holds."""
    pack = Pack()
    told = pack.manifest
    sys.stdout.write(f"evidence pack, period {told['period']}, known at {told['known_at']}\n")
    for name, key_id in pack.keys:
        sys.stdout.write(f"accepted key: {name} {key_id.hex()}\n")
    checks = [pack.files, pack.signature, pack.log, pack.order, pack.balances, pack.lists,
              pack.sample]  # fmt: skip
    checks += [lambda path=path: pack.older(path) for path in arguments]
    for check in checks:
        name = getattr(check, "__name__", "older").replace("<lambda>", "older checkpoint")
        try:
            said = check()
        except (Broken, OSError, KeyError, ValueError, IndexError, struct.error) as error:
            sys.stdout.write(f"NO  {name}: {error}\n\nThis pack does not hold.\n")
            return 5
        sys.stdout.write(f"ok  {name}: {said}\n")
    sys.stdout.write(f"\nAll holds.\n{UNTOLD}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
