#!/usr/bin/env python3
"""Verifies an evidence pack. Standard library only, nothing is installed, no network.

    python3 verify.py [PACK.zip | FOLDER] [OLDER-CHECKPOINT ...] [--json] [-o RESULT]

Without a pack: the folder that this file lies in. It trusts the keys in the pack's file "policy":
compare the one it prints with the key that you were given by another way. It reads a pack as
something that may mean harm: nothing of it is run, nothing is unpacked, and what is too large,
too deep or oddly named is refused. It was written apart from the program that made the pack.

Exit code: 0 all holds, 1 all but that nobody signed the manifest, 5 not, 2 there is nothing to
verify or it was called in another way.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import csv
import hashlib
import heapq
import io
import itertools
import json
import mmap
import os
import re
import stat
import struct
import sys
import tempfile
import zipfile
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMA = "tally.manifest/2"
FILES_MAX = 50000
BYTES_MAX = 1 << 40  # of all files together
TEXT_MAX = 1 << 28  # of one file that is read as a whole
EVENT_MAX = 1 << 28
RATIO_MAX = 400  # how many times its size a file may have been compressed
RATIO_FREE = 1 << 20  # below this size any compression ratio is accepted
DEPTH_MAX = 8
POSITION = (1 << 40) - 1
DIGITS_MAX = 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*", re.ASCII)
PIECE = 1 << 16
CANNOT = (
    "that what was recorded is true, or all that happened",
    "that the key's holder wrote no other history before somebody outside saw a checkpoint",
    "the reasons given for entries by hand: they are in the log, and not judged",
    "the digests in period closes: they need a replay (tally verify --deep)",
    "that the figures in reports/restatements.json follow: tally verify-pack derives them again",
)
UNSIGNED = (
    "whether README.txt, verify.py and reports/restatements.json are as they were written: nobody "
    "signed the manifest"
)
SIGNED = "tally.pack/1"  # the first line of what is signed of a manifest


class Broken(Exception):
    """Something does not hold."""


class Nothing(Exception):
    """There is no pack to verify."""


class Unsigned(Exception):
    """Nobody signed the manifest: less can be shown."""


def need(holds, said):
    """Raise unless something holds."""
    if not holds:
        raise Broken(said)


def plain(text):
    """Write a stranger's text so that it fits a line and moves nothing."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return line if len(line) <= 200 else line[:197] + "..."


# --- the files --------------------------------------------------------------------------------


class Folder:
    """A pack that was unpacked by somebody else."""

    def __init__(self, path):
        """List what is there; links are not followed."""
        self.path, self.sizes, self.held = Path(path), {}, []
        for top in ("", "reports", "sample", "journals"):
            place = self.path / top
            there = os.scandir(place) if place.is_dir() and not place.is_symlink() else ()
            for entry in there:
                name = top + "/" + entry.name if top else entry.name
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISREG(mode) and (top or name in self.mine()):
                    self.sizes[name] = entry.stat(follow_symlinks=False).st_size
                elif top or name in self.mine() or stat.S_ISLNK(mode):
                    need(stat.S_ISDIR(mode) and not top, plain(name) + " is not a plain file")
                need(len(self.sizes) <= FILES_MAX, "too many files")

    @staticmethod
    def mine():
        """Names at the top that belong to a pack; other files there are not its business."""
        return ("README.txt", "verify.py", "checkpoint", "policy", "events.msgpack",
                "manifest.json", "manifest.note", "reports", "sample", "journals")  # fmt: skip

    def open(self, name):
        """Open a file that was listed."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(str(self.path / name), flags), "rb")

    def close(self):
        """Nothing is kept open."""


class Zip:
    """A pack as it was handed over; nothing of it is written anywhere."""

    def __init__(self, path):
        """Look at every entry before one is read."""
        try:
            self.archive = zipfile.ZipFile(str(path))
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise Nothing("%s is not a pack: %s" % (path, plain(error))) from None
        self.sizes, self.held = {}, []
        try:
            self.look(path, self.archive.infolist())
        except Exception:
            self.archive.close()
            raise

    def look(self, path, entries):
        """Refuse names, links, sizes and ratios that no pack has."""
        need(len(entries) <= FILES_MAX, "too many files")
        for entry in entries:
            name, mode = entry.filename, entry.external_attr >> 16
            need(NAME.fullmatch(name) and ".." not in name, "a bad name: " + plain(name))
            need(name not in self.sizes, "two files are named " + name)
            need(stat.S_IFMT(mode) in (0, stat.S_IFREG), name + " is not a plain file")
            need(not entry.flag_bits & 1, name + " is encrypted")
            need(entry.compress_type in (0, 8), name + " is compressed in an unknown way")
            small = entry.file_size <= max(RATIO_FREE, RATIO_MAX * entry.compress_size)
            need(small, name + " would unpack to more than it can hold")
            self.sizes[name] = entry.file_size
        packed = sum(entry.compress_size for entry in entries)
        need(packed <= os.stat(str(path)).st_size, "entries overlap")

    def open(self, name):
        """Open an entry; its checksum is checked on the way."""
        return self.archive.open(name)

    def close(self):
        """Close it."""
        self.archive.close()


def opened(place):
    """Open what was given: a zip, or a folder."""
    if not os.path.isdir(str(place)):
        return Zip(place)
    if not os.path.isfile(os.path.join(str(place), "manifest.json")):
        raise Nothing("%s holds no manifest.json: it is not a pack" % place)
    return Folder(place)


def whole(text):
    """Read an integer of JSON."""
    need(len(text) <= DIGITS_MAX, "a number is too long")
    return int(text)


def refuse(text):
    """Refuse a number that no pack has."""
    raise Broken("a number that is not an integer: " + plain(text))


def read_json(raw):
    """Read JSON of a stranger: no fractions, no repeated keys."""

    def unique(pairs):
        found = dict(pairs)
        need(len(found) == len(pairs), "a key appears twice in one object")
        return found

    return json.loads(
        raw.decode(), parse_int=whole, parse_float=refuse, parse_constant=refuse,
        object_pairs_hook=unique,
    )  # fmt: skip


# --- signed checkpoints (C2SP) ----------------------------------------------------------------


def read_keys(policy):
    """Read the accepted keys: {(name, key id): (algorithm, public key)}."""
    keys = {}
    lines = policy.splitlines()
    need(len(lines) <= 1000, "the policy is too long")
    for line in lines:
        words = line.split()
        if words and words[0] in ("log", "witness"):
            name, key_id, encoded = words[1 if words[0] == "log" else 2].split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            digest = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
            need(digest.hex() == key_id, "the key of %s does not fit its id" % plain(name))
            keys[name, digest] = raw[0], raw[1:]
    return keys


def open_note(note, keys):
    """Verify a signed note: (its text, [(algorithm, name)] of the accepted keys that signed it)."""
    text, blank, tail = note.rpartition("\n\n")
    need(bool(blank) and tail.endswith("\n"), "a note has no signatures")
    text += "\n"
    signers, lines = [], tail[:-1].split("\n")
    need(len(lines) <= 100, "a note has too many signatures")
    for line in lines:
        words = line.split(" ")
        need(len(words) == 3 and words[0] == "\u2014", "a line is not a signature: " + plain(line))
        name, raw = words[1], base64.b64decode(words[2], validate=True)
        key = keys.get((name, raw[:4]))
        if key is None:
            continue
        algorithm, public = key
        message, signature = text.encode(), raw[4:]
        if algorithm == 4:
            (time,) = struct.unpack(">Q", signature[:8])
            stamped = "cosignature/v1\ntime %d\n%s" % (time, text)
            message, signature = stamped.encode(), signature[8:]
        holds = ed25519_holds(public, message, signature)
        need(holds, "the signature of %s is wrong" % plain(name))
        signers.append((algorithm, name))
    return text, signers


def open_checkpoint(note, keys):
    """Verify a signed checkpoint: (origin, size, root, who signed)."""
    text, signers = open_note(note, keys)
    lines = text.split("\n")
    signed = (1, lines[0]) in signers
    need(signed, "no accepted key of %s signed the checkpoint" % plain(lines[0]))
    need(re.fullmatch("[1-9][0-9]{0,17}", lines[1]), "a checkpoint has no size")
    root = base64.b64decode(lines[2], validate=True)
    need(len(root) == 32 and base64.b64encode(root).decode() == lines[2], "it has no root")
    return lines[0], int(lines[1]), root, [name for _, name in signers]


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
    """Add a point to itself a number of times."""
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


# --- the tree (RFC 6962) ----------------------------------------------------------------------


def node(left, right):
    """Hash two subtrees into one."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves, size):
    """Return the root of the first leaves of 32 bytes: complete subtrees wait, then are joined."""
    waiting = []
    for index in range(size):
        found = leaves[index * 32 : index * 32 + 32]
        while index & 1:
            found, index = node(waiting.pop(), found), index >> 1  # noqa: PLW2901 - its parents
        waiting.append(found)
    if not waiting:
        return hashlib.sha256(b"").digest()
    found = waiting.pop()
    while waiting:
        found = node(waiting.pop(), found)
    return bytes(found)


def proof_holds(leaf, index, size, hashes, root):
    """Verify an inclusion proof (RFC 9162, 2.1.3.2)."""
    last = size - 1
    need(index <= last, "a proof is about an event after the checkpoint")
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
}  # fmt: skip
SIZED = {
    0xC4: ("bin", ">B"), 0xC5: ("bin", ">H"), 0xC6: ("bin", ">I"), 0xD9: ("str", ">B"),
    0xDA: ("str", ">H"), 0xDB: ("str", ">I"), 0xDC: ("list", ">H"), 0xDD: ("list", ">I"),
    0xDE: ("map", ">H"), 0xDF: ("map", ">I"),
}  # fmt: skip
SMALL = {0xC0: None, 0xC2: False, 0xC3: True}


def unpack(raw, at, depth=0):
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
        need(byte in SIZED, "0x%02x is not MessagePack as this program writes it" % byte)
        kind, form = SIZED[byte]
        end = at + struct.calcsize(form)
        (count,), at = struct.unpack(form, raw[at:end]), end
    need(count <= min(len(raw) - at, EVENT_MAX), "an event is cut off, or longer than any")
    if kind in ("str", "bin"):
        cut = raw[at : at + count]
        return (cut.decode() if kind == "str" else bytes(cut)), at + count
    need(depth < DEPTH_MAX, "an event is nested too deep")
    return unpack_many(raw, at, kind, count, depth + 1)


def unpack_many(raw, at, kind, count, depth):
    """Read the parts of a list or a map."""
    parts = []
    for _ in range(count * (2 if kind == "map" else 1)):
        part, at = unpack(raw, at, depth)
        parts.append(part)
    if kind == "list":
        return parts, at
    found = dict(zip(parts[::2], parts[1::2]))  # noqa: B905 - Python 3.8 has no strict
    need(len(found) == count, "a key stands twice in one event")
    return found, at


# --- what events do to the books --------------------------------------------------------------
#
# Amounts count 10**-10 major units, debit is plus. Accounts are (root, owner); the chart sums
# those of single customers.

SCALE = 10
PSP, RECEIVABLE, CLEARING = "Assets:PSP", "Assets:Receivable", "Assets:Clearing:Reversal"
WALLET, DEFERRED, USAGE = "Liabilities:Wallet", "Liabilities:Deferred", "Income:Usage"
SUBSCRIPTION, BY_COUPON = "Income:Subscription", "Income:Discount:Coupon"
BY_ROUND_DOWN, FEES = "Income:Discount:RoundDown", "Income:Fees:Upgrade"
GRANTED, OUTSTANDING, REDEEMED = (
    "Equity:Coupon:Granted", "Equity:Coupon:Outstanding", "Equity:Coupon:Redeemed"
)
FORFEITED, RESTORED = "Equity:Coupon:Forfeited", "Equity:Coupon:Restored"
CHART = (
    PSP, RECEIVABLE, CLEARING, WALLET, DEFERRED, USAGE, SUBSCRIPTION, BY_COUPON, BY_ROUND_DOWN,
    FEES, GRANTED, OUTSTANDING, REDEEMED, FORFEITED, RESTORED,
)  # fmt: skip
BY_CUSTOMER = (WALLET, RECEIVABLE, CLEARING, OUTSTANDING)
SOLD = "iot_enterprise"
UNEARNED = DEFERRED, SOLD
PAID = ("InstancePurchased", "InstanceRenewed", "UpgradedToEnterprise", "SpecUpgraded")


DIGITS = {}  # of each currency, as the manifest says


def unit_of(currency):
    """Return how many units of the books one minor unit is."""
    return 10 ** (SCALE - DIGITS[currency])


def commodity(root, currency):
    """Return what an account counts: the currency, or its coupons."""
    return currency + "CPN" if root.startswith("Equity:Coupon") else currency


def currency_of(name):
    """Return the currency of a commodity."""
    return name[:-3] if len(name) > 3 and name.endswith("CPN") else name


def money(minor, currency):
    """Write minor units as an exact decimal."""
    return decimal(minor * unit_of(currency), DIGITS[currency])


def decimal(amount, digits):
    """Write an amount of the books with its currency's decimals, and more only where it has any."""
    whole, part = divmod(abs(amount), 10**SCALE)
    decimals = ("%010d" % part).rstrip("0").ljust(digits, "0")
    return ("-" if amount < 0 else "") + str(whole) + ("." + decimals if decimals else "")


def full(amount):
    """Write an amount of the books with all its decimals."""
    whole, part = divmod(abs(amount), 10**SCALE)
    return "%s%d.%010d" % ("-" if amount < 0 else "", whole, part)


def pair(debit, credit, amount):
    """Move an amount from one account to another."""
    return [(debit, amount), (credit, -amount)] if amount else []


def parts_of(event, name):
    """Sum the coupon parts of an event."""
    return sum(part for _, part in event.get(name, ()))


def minor_postings(name, event, account, product):  # noqa: PLR0911 - one a type of event
    """Return (account, minor units) for each posting of an event."""
    get = event.get
    wallet, owed, coupons = (WALLET, account), (RECEIVABLE, account), (OUTSTANDING, account)
    cash, amount, usage = get("cash_part", 0), get("amount", 0), (USAGE, product)
    if name == "TopUpReceived":
        return pair((PSP, event["channel"]), wallet, amount)
    if name == "TopUpReversed":
        provider = PSP, event["channel"]
        return pair(wallet, provider, cash) + pair(
            (CLEARING, account), provider, event["shortfall"]
        )
    if name == "DebtRecorded":
        return pair(owed, (CLEARING, account), amount)
    if name == "CouponGranted":
        return pair(coupons, (GRANTED, ""), amount)
    if name == "CouponExpired":
        return pair((FORFEITED, ""), coupons, event["forfeited"])
    if name == "BillSettled":
        used = parts_of(event, "coupons")
        return (
            pair((BY_COUPON, ""), owed, used) + pair(wallet, owed, cash)
            + pair((REDEEMED, ""), coupons, used)
        )  # fmt: skip
    if name == "CreditNoteIssued":
        back, lost = parts_of(event, "coupons_restored"), parts_of(event, "coupons_forfeited")
        return (
            pair(usage, owed, event["outstanding_part"]) + pair(usage, wallet, cash)
            + pair(usage, (BY_COUPON, ""), back + lost) + pair(coupons, (RESTORED, ""), back)
            + pair((FORFEITED, ""), (RESTORED, ""), lost)
        )  # fmt: skip
    if name in PAID:
        return pair(wallet, UNEARNED, cash) + pair((REDEEMED, ""), coupons, event["coupon_part"])
    if name == "RefundIssued":
        return pair(UNEARNED, wallet, amount)
    return []


def postings(name, event, account, product, unit):
    """Return (account, scaled amount) for each posting of an event, in the order of the books."""
    if name == "BillPosted":
        amount, cut = event["amount"] * unit, event.get("round_down", 0)
        found = [((RECEIVABLE, account), amount), ((BY_ROUND_DOWN, ""), cut),
                 ((USAGE, event["product"]), -amount - cut)]  # fmt: skip
        return [one for one in found if one[1]]
    return [
        (key, minor * unit) for key, minor in minor_postings(name, event, account, product)
    ]


class Term:
    """The cash of an order and its term; what is kept of it once it is closed."""

    def __init__(self, name, event):
        """Open it."""
        self.renewal = name == "InstanceRenewed"
        self.income = (FEES, "") if name == "SpecUpgraded" else (SUBSCRIPTION, SOLD)
        self.cash, self.starts = event["cash_part"], event["starts"]
        self.ends = event["ends"] if name == "SpecUpgraded" else event["expires_at"]
        self.kept = None

    def earned(self, at):
        """Return what is earned of its cash: by the second, straight from start to end."""
        if self.kept is not None:
            return self.kept
        if at >= self.ends:
            return self.cash
        if at <= self.starts:
            return 0
        second = 1000000
        span = (self.ends - self.starts) // second
        return self.cash * ((at - self.starts) // second) // span


class Revenue:
    """The terms of all customers; one that is over costs nothing any more."""

    def __init__(self):
        """Begin without terms."""
        self.terms, self.running, self.over = {}, [], {}

    def take(self, name, event, account, currency, at):
        """Open or close terms, where an event does."""
        if name in PAID:
            term = Term(name, event)
            term.key, term.over = (currency, term.income), None
            self.terms.setdefault((account, event["instance"]), []).append(term)
            self.running.append(term)
        elif name in ("RefundIssued", "InstanceReleased"):
            found = self.terms.get((account, event["instance"]), ())
            open_ones = [term for term in found if term.kept is None]
            if event.get("reason") == "renewal":
                open_ones = [term for term in open_ones if term.renewal][-1:]
            self.close(open_ones, event.get("amount", 0), at)

    def close(self, terms, refunded, at):
        """Keep of terms their cash less the refund: each what it earned, the oldest the rest."""
        before = [term.earned(at) for term in terms]
        more = sum(term.cash for term in terms) - refunded - sum(before)
        for term, kept in zip(terms, before):  # noqa: B905 - Python 3.8 has no strict
            change = min(more, term.cash - kept) if more > 0 else max(more, -kept)
            more -= change
            term.kept = kept + change
            if term.over is not None:
                self.over[term.key] += term.kept - term.over
                term.over = term.kept

    def earned(self, at):
        """Return {(account, currency): scaled amount} to post; ``at`` only goes forward."""
        running = []
        for term in self.running:
            if term.kept is not None or term.ends <= at:
                term.over = term.earned(at)
                self.over[term.key] = self.over.get(term.key, 0) + term.over
            else:
                running.append(term)
        self.running, sums = running, dict(self.over)
        for term in running:
            sums[term.key] = sums.get(term.key, 0) + term.earned(at)
        found = {}
        for (currency, income), minor in sums.items():
            amount = minor * unit_of(currency)
            found[UNEARNED, currency] = found.get((UNEARNED, currency), 0) + amount
            found[income, currency] = found.get((income, currency), 0) - amount
        return found

    def earned_by_customer(self, at):
        """Return {account: minor units} earned at an instant."""
        sums = {}
        for (account, _), terms in self.terms.items():
            sums[account] = sums.get(account, 0) + sum(term.earned(at) for term in terms)
        return sums


# --- texts ------------------------------------------------------------------------------------

MICRO = 1000000
DAY = 86400 * MICRO
RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def instant(us, offset):
    """Write an instant in an offset."""
    there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us + offset)
    minutes = abs(offset) // (60 * MICRO)
    sign = "-" if offset < 0 else "+"
    return "%s%s%02d:%02d" % (there.isoformat()[:19], sign, minutes // 60, minutes % 60)


def date(day):
    """Write a local day."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat()[:10]


def csv_line(row):
    """Write a row so that no spreadsheet runs a cell."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(
        "'" + cell
        if isinstance(cell, str) and cell.startswith(RUN) and not NUMBER.fullmatch(cell) else cell
        for cell in row
    )
    return text.getvalue()


def json_text(content):
    """Write JSON as the pack does."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


class Compared:
    """A file of the pack compared with what it should be, piece by piece."""

    def __init__(self, files, name):
        """Open it."""
        self.name, self.file, self.line = name, files.open(name), 1
        files.held.append(self.file)

    def add(self, text):
        """Compare the next piece with the file."""
        raw = text.encode()
        if self.file.read(len(raw)) != raw:
            raise Broken("%s differs from the events, at line %d or before" % (
                self.name, self.line + text.count("\n")))  # fmt: skip
        self.line += text.count("\n")

    def end(self):
        """There must be nothing more."""
        need(not self.file.read(1), self.name + " goes on where the events end")
        self.file.close()


# --- journals ---------------------------------------------------------------------------------


def spelled(account):
    """Write an account as the journals do: letters, digits and dashes."""
    root, owner = account
    if not owner:
        return root
    made = []
    for byte in owner.encode():
        one = chr(byte)
        plain_one = byte < 128 and one.isalnum()
        made.append(one if plain_one else "--" if one == "-" else "-%02X" % byte)
    return root + ":Id-" + "".join(made)


def quoted(text):
    """Write a text for beancount."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Journals:
    """The transactions of the period, as hledger and as beancount read them."""

    def __init__(self, files, heading, offset):
        """Open both."""
        self.plain = Compared(files, "journals/period.hledger")
        self.bean = Compared(files, "journals/period.beancount")
        self.offset, self.balances = offset, {}
        self.seen, self.opened, self.touched, self.day = set(), set(), {}, None
        self.plain.add(heading)
        self.bean.add(heading)

    def post(self, keys):
        """Add (key, amount) to the balances: [(key, amount, balance)]."""
        legs = []
        for key, amount in keys:
            self.balances[key] = self.balances.get(key, 0) + amount
            legs.append((key, amount, self.balances[key]))
        return legs

    def write(self, day, name, position, at, account, legs):
        """Compare one transaction with both."""
        if day != self.day:
            self.end_of_day()
            self.day = day
        self.declare(day, legs)
        code = "" if position is None else " (%d)" % position
        lines = ["\n%s *%s %s\n" % (date(day), code, name)]
        more = ["\n%s * %s\n" % (date(day), quoted(name))]
        if position is not None:
            more.append("  position: %d\n" % position)
        if account:
            more.append("  account: %s\n" % quoted(account))
        more.append('  effective_at: "%s"\n' % instant(at, self.offset))
        for (book, unit), amount, balance in legs:
            there = spelled(book)
            line = there, full(amount), unit, full(balance), unit
            lines.append("    %s  %s %s = %s %s\n" % line)
            more.append("  %s  %s %s\n" % (there, full(amount), unit))
        self.plain.add("".join(lines))
        self.bean.add("".join(more))

    def declare(self, day, legs):
        """Commodities and accounts are declared where they are first used."""
        for key, _, balance in legs:
            book, unit = key
            self.touched[key] = balance
            if unit not in self.seen:
                self.seen.add(unit)
                sample = full(10**13)
                self.plain.add("\ncommodity %s\n  format %s %s\n" % (unit, sample, unit))
                self.bean.add("\n%s commodity %s\n" % (date(day), unit))
            if book not in self.opened:
                self.opened.add(book)
                said = "; id: %s\n" % book[1] if book[1] else ""
                self.plain.add("\n%saccount %s\n" % (said, spelled(book)))
                said = "  id: %s\n" % quoted(book[1]) if book[1] else ""
                self.bean.add("\n%s open %s\n%s" % (date(day), spelled(book), said))

    def end_of_day(self):
        """Behind a day beancount is told the balances that it changed."""
        if self.day is None:
            return
        self.bean.add("\n")
        for (book, unit), balance in sorted(self.touched.items()):
            line = (date(self.day + 1), spelled(book), full(balance), unit)
            self.bean.add("%s balance %s  %s ~ 0 %s\n" % line)
        self.touched = {}

    def end(self):
        """There must be nothing more."""
        self.end_of_day()
        self.plain.end()
        self.bean.end()


# --- the checks -------------------------------------------------------------------------------

EVENT_COLUMNS = (
    "position", "type", "account", "effective_at", "recorded_at", "actor", "reason", "command",
    "currency", "cash", "outstanding", "coupons",
)  # fmt: skip
ADJUSTING = (
    "TopUpReversed", "DebtRecorded", "CreditNoteIssued", "RefundIssued", "RenewalCancelled",
    "InstanceFrozen", "PolicyAdopted", "PriceSet",
)  # fmt: skip
LISTS = ("cutoff_recorded_after", "cutoff_effective_outside", "back_dated", "adjusting")
INSTANTS = (
    "starts", "ends", "expires_at", "restored_at", "posted_at", "overdue_since", "cycle_start",
    "cycle_end", "granted_at", "slots_from", "effective_at", "at", "known_at", "first_seen",
)  # fmt: skip
STATES = {
    "BreakOpened": "open", "BreakReopened": "open", "BreakResolved": "resolved",
    "BreakSignedOff": "signed_off",
}  # fmt: skip
ENDS = ("opening", "closing")
JUDGED = (
    "checkpoint", "events.msgpack", "policy", "journals/period.beancount",
    "journals/period.hledger", "reports/completeness.json", "reports/duplicates.csv",
    "reports/period_closes.json", "reports/reconciliations.json", "reports/rollforward.csv",
    "reports/tie_out.json", "sample/frame.csv", "sample/sample.json",
    *("reports/%s.csv" % name for name in LISTS),
    *("reports/customers_%s.csv" % end for end in ENDS),
    *("reports/trial_balance_%s.csv" % end for end in ENDS),
)  # fmt: skip
REGISTER = "reports/restatements.json"  # of figures whose rules only the program knows
MANIFEST = (
    "schema", "period", "starts", "ends", "starts_us", "ends_us", "offset_us", "known_at",
    "currency", "digits", "checkpoint", "files",
)  # fmt: skip
METHOD = (
    "The frame is every event that was recorded in the period or is effective in it, late and "
    "back-dated entries among them, as known at the checkpoint: the positions from..to of "
    "frame.csv, both included. Each position is ranked by the SHA-256 of the text SEED:POSITION; "
    "the lowest are drawn. Unless a seed was given it is the root of the checkpoint, which nobody "
    "could know while the events were recorded."
)


def kind_of(event):
    """Return an event's type without its schema number."""
    return event["event"]["type"].partition("/")[0]


def account_of(stream):
    """Return the account of a stream, "" for the ledger's own."""
    return stream[8:] if stream.startswith("account:") else ""


def shown(event, offset):
    """Return an event with who, when and why."""
    inner = dict(event["event"])
    name = inner.pop("type").partition("/")[0]
    if "matches" in inner:
        inner["matched"] = len(inner.pop("matches"))
    found = {
        "position": event["position"], "type": name,
        "recorded_at": instant(event["recorded_at"], offset), "actor": event.get("actor"),
        "reason": event.get("reason"),
    }  # fmt: skip
    for key, cell in inner.items():
        found[key] = instant(cell, offset) if key in INSTANTS else cell
    return found


class Pack:
    """A pack, and what was found in it."""

    def __init__(self, place):
        """Read the manifest."""
        self.files = opened(place)
        try:
            self.read_manifest()
        except Exception:
            self.files.close()
            raise

    def read_manifest(self):
        """Read what the pack says of itself."""
        need("manifest.json" in self.files.sizes, "there is no manifest.json")
        self.raw = self.text("manifest.json").encode()
        told = self.manifest = read_json(self.raw)
        need(isinstance(told, dict), "the manifest is not an object")
        if told.get("schema") == "tally.manifest/1":
            raise Nothing("it was made by an older program: run the verify.py in it")
        need(told.get("schema") == SCHEMA, "the manifest is no %s" % SCHEMA)
        need(set(told) == set(MANIFEST), "the manifest says more or less than it should")
        words = (told["period"], told["known_at"], told["currency"])
        need(all(isinstance(word, str) for word in words), "the manifest is malformed")
        self.starts, self.ends = self.number("starts_us"), self.number("ends_us")
        self.offset = self.number("offset_us")
        need(abs(self.offset) < DAY and self.starts < self.ends, "the manifest names no period")
        bounds = instant(self.starts, self.offset), instant(self.ends, self.offset)
        need(bounds == (told["starts"], told["ends"]), "the manifest names two periods")
        DIGITS.clear()
        for currency, digits in told["digits"].items():
            need(re.fullmatch("[A-Z]{3}", currency) and digits in (0, 1, 2, 3, 4), "odd digits")
            DIGITS[currency] = digits
        self.keys, self.leaves = {}, bytearray()
        self.where, self.dated = array("Q"), []

    def close(self):
        """Close every file."""
        for one in self.files.held:
            one.close()
        self.files.close()

    def number(self, name):
        """Read an integer of the manifest."""
        cell = self.manifest[name]
        need(type(cell) is int and abs(cell) < 1 << 62, name + " is not an instant")
        return cell

    def text(self, name):
        """Read a text."""
        size = self.files.sizes.get(name, TEXT_MAX + 1)
        need(size <= TEXT_MAX, name + " is missing or too large")
        with self.files.open(name) as file:
            return file.read().decode()

    def same(self, name, text):
        """Compare a whole file with what it should be."""
        compared = Compared(self.files, name)
        compared.add(text)
        compared.end()

    def check_files(self):
        """Every file is there as the manifest says, and no other."""
        listed, there = self.manifest["files"], self.files.sizes
        need(isinstance(listed, dict), "the manifest lists no files")
        missing = [name for name in (*JUDGED, REGISTER) if name not in listed]
        need(not missing, "the manifest does not name " + ", ".join(missing))
        more = sorted(set(there) - set(listed) - {"manifest.json", "manifest.note"})
        need(not more, "files that the manifest does not name: " + plain(more))
        for name, told in listed.items():
            need(name in there, plain(name) + " is missing")
            need(there[name] == told["bytes"], name + " has another size than the manifest says")
            need(set(told) == {"bytes", "sha256"}, "the manifest says more of " + name)
            digest = hashlib.sha256()
            with self.files.open(name) as file:
                for piece in iter(lambda: file.read(PIECE), b""):
                    digest.update(piece)
            need(digest.hexdigest() == told["sha256"], name + " is not as the manifest says")
        return "%d files" % len(listed)

    def check_signature(self):
        """The checkpoint is signed by an accepted key and is the manifest's."""
        self.keys = read_keys(self.text("policy"))
        self.note = self.text("checkpoint")
        origin, size, root, signers = open_checkpoint(self.note, self.keys)
        told = self.manifest["checkpoint"]
        same = {"origin": origin, "size": size, "root": base64.b64encode(root).decode()}
        need(same == told, "the manifest names another checkpoint")
        self.size, self.root = size, root
        return "%d events of %s, signed by %s" % (size, plain(origin), plain(", ".join(signers)))

    def check_signed(self):
        """A key of the log signed the manifest, so every file that it names is as it was."""
        if "manifest.note" not in self.files.sizes:
            raise Unsigned
        text, signers = open_note(self.text("manifest.note"), self.keys)
        origin = self.manifest["checkpoint"]["origin"]
        digest = hashlib.sha256(self.raw).hexdigest()
        due = "%s\n%s\n%d\n%s\n" % (SIGNED, origin, self.size, digest)
        need(text == due, "manifest.note is about another manifest")
        signed = (1, origin) in signers
        need(signed, "no accepted key of %s signed the manifest" % plain(origin))
        return "signed by " + plain(", ".join(name for _, name in signers))

    # --- the log ------------------------------------------------------------------------------

    def check_log(self):
        """The bytes of all events give the signed root."""
        length = self.files.sizes["events.msgpack"]
        need(0 < length <= BYTES_MAX, "events.msgpack is empty or too large")
        # What is in a zip cannot be mapped: it is read from a nameless file.
        with self.files.open("events.msgpack") as file, tempfile.TemporaryFile() as kept:
            mapped = file
            if isinstance(self.files, Zip):
                for piece in iter(lambda: file.read(PIECE), b""):
                    kept.write(piece)
                kept.flush()
                mapped = kept
            self.raw = mmap.mmap(mapped.fileno(), 0, access=mmap.ACCESS_READ)
        self.files.held.append(self.raw)
        at, end = 0, len(self.raw)
        while at < end:
            need(len(self.where) < self.size, "more events than were signed")
            event, following = unpack(self.raw, at)
            need(following <= end and isinstance(event, dict), "an event is cut off")
            leaf = hashlib.sha256(b"\x00")
            leaf.update(self.raw[at:following])
            self.leaves += leaf.digest()
            self.where.append(at)
            at = following
        need(len(self.where) == self.size, "%d events, %d signed" % (len(self.where), self.size))
        need(root_of(self.leaves, self.size) == self.root, "an event is not as it was signed")
        return "root %s" % base64.b64encode(self.root).decode()

    def leaf(self, position):
        """Return an event's leaf."""
        return bytes(self.leaves[position * 32 - 32 : position * 32])

    def event(self, position):
        """Read an event again."""
        return unpack(self.raw, self.where[position - 1])[0]

    def check_reports(self):
        """Order, completeness, cut-off, back-dated, by hand, duplicates, closes, runs: one pass."""
        self.versions, self.types, self.currency = {}, {}, {}
        self.credited, self.spans, self.own, self.runs, self.closes = set(), [], None, [], []
        self.payments, counted = {}, [0, 0]
        lists = {name: Compared(self.files, "reports/%s.csv" % name) for name in LISTS}
        for one in lists.values():
            one.add(csv_line(EVENT_COLUMNS))
        twice = Compared(self.files, "reports/duplicates.csv")
        twice.add(csv_line(("kind", "channel", "serial", "first", "position")))
        before = 0
        for position in range(1, self.size + 1):
            event = self.event(position)
            before = self.in_order(event, position, before)
            name = self.remember(event, position)
            self.list_event(event, name, lists, counted)
            if name == "TopUpReceived":
                self.payment(event["event"], position, twice)
        for one in (*lists.values(), twice):
            one.end()
        self.complete(counted)
        self.same("reports/period_closes.json", json_text(self.closes))
        self.same("reports/reconciliations.json", json_text(self.reconciled()))
        need(self.own == self.manifest["currency"], "the manifest names another currency")
        known = instant(before, self.offset)
        need(self.manifest["known_at"] == known, "the manifest names another known_at")
        wanted = {self.own, *self.currency.values()}
        need(wanted == set(DIGITS), "the manifest names other currencies")
        return "%d streams, %s" % (len(self.versions), ", ".join(
            "%d %s" % (max(0, one.line - 2), name) for name, one in lists.items()))  # fmt: skip

    def in_order(self, event, position, before):
        """Positions and versions have no gap, recorded times never go back."""
        stream = event["stream"]
        self.versions[stream] = self.versions.get(stream, 0) + 1
        need(event["position"] == position, "gap at @%d" % position)
        need(event["version"] == self.versions[stream], "a stream has a gap at @%d" % position)
        need(event["recorded_at"] >= before, "the clock goes back at @%d" % position)
        return event["recorded_at"]

    def remember(self, event, position):
        """Keep of an event what is needed later; return its type."""
        inner, name, stream = event["event"], kind_of(event), event["stream"]
        self.types[name] = self.types.get(name, 0) + 1
        account = account_of(stream)
        if name == "PolicyAdopted" and self.own is None:
            self.own = inner["currency"]
        elif name == "AccountOpened":
            self.currency[account] = inner["currency"]
        elif name == "CreditNoteIssued":
            self.credited.add((account, inner["bill"]))
        elif stream == "reconciliation":
            self.runs.append(event)
        elif stream == "ledger" and name.startswith("Period"):
            self.closes.append(shown(event, self.offset))
        if account and event["effective_at"] < self.ends:
            self.dated.append(event["effective_at"] << 40 | position)
        return name

    def list_event(self, event, name, lists, counted):
        """Check that an event appears in exactly the lists that it should."""
        effective, recorded = event["effective_at"], event["recorded_at"]
        inside = self.starts <= effective < self.ends
        learned = self.starts <= recorded < self.ends
        counted[0] += learned
        counted[1] += learned and name == "CommandRefused"
        by_hand = event.get("actor") is not None or event.get("reason") is not None
        wanted = (
            inside and recorded >= self.ends, learned and not inside,
            (learned or inside) and effective < recorded,
            learned and (by_hand or name in ADJUSTING),
        )  # fmt: skip
        if learned or inside:
            position = event["position"]
            if self.spans and self.spans[-1][1] == position - 1:
                self.spans[-1][1] = position
            else:
                self.spans.append([position, position])
        if not any(wanted):
            return
        account = account_of(event["stream"])
        currency = self.currency.get(account, self.own)
        sums = dict.fromkeys((WALLET, RECEIVABLE, OUTSTANDING), 0)
        unit = unit_of(currency)
        for (root, _), amount in postings(name, event["event"], account, "", unit):
            if root in sums:
                sums[root] += amount
        parts = -sums[WALLET], sums[RECEIVABLE], sums[OUTSTANDING]
        line = csv_line((
            event["position"], name, account, instant(effective, self.offset),
            instant(recorded, self.offset), event.get("actor") or "", event.get("reason") or "",
            event.get("command") or "", currency,
            *(decimal(part, DIGITS[currency]) for part in parts),
        ))  # fmt: skip
        for one, listed in zip(LISTS, wanted):  # noqa: B905 - Python 3.8 has no strict
            if listed:
                lists[one].add(line)

    def payment(self, inner, position, twice):
        """A payment's key stands once, or is listed."""
        key = inner["channel"], inner["serial"]
        text = "%d:%s%s" % (len(key[0]), *key)
        digest = hashlib.sha256(text.encode()).digest()[:16]
        first = self.payments.setdefault(digest, position)
        if first != position:
            twice.add(csv_line(("same key", *key, first, position)))
        if inner.get("suspected_duplicate_of") is not None:
            of = inner["suspected_duplicate_of"]
            twice.add(csv_line(("suspected", *key, of, position)))

    def complete(self, counted):
        """The counts are those of the events."""
        self.same("reports/completeness.json", json_text({
            "events": self.size, "first_position": 1, "last_position": self.size, "gaps": [],
            "streams": len(self.versions), "recorded_in_period": counted[0],
            "refused_in_period": counted[1], "first_leaf": self.leaf(1).hex(),
            "last_leaf": self.leaf(self.size).hex(), "by_type": dict(sorted(self.types.items())),
        }))  # fmt: skip

    def reconciled(self):
        """Return the runs that cover any of the period, and what became of their breaks."""
        names, wanted, runs, breaks = set(), set(), [], {}
        for event in self.runs:
            inner, name = event["event"], kind_of(event)
            if name == "ReconciliationRun":
                if inner["starts"] < self.ends and inner["ends"] > self.starts:
                    names.add(inner["run"])
                    wanted.update(inner.get("breaks", ()))
            elif name == "BreakOpened" and inner["run"] in names:
                wanted.add(inner["break_id"])
        for event in self.runs:
            inner = event["event"]
            break_id = inner.get("break_id")
            if break_id is None:
                if inner.get("run") in names:
                    runs.append(shown(event, self.offset))
            elif break_id in wanted:
                one = breaks.setdefault(break_id, {"break": break_id, "state": "", "history": []})
                one["state"] = STATES.get(kind_of(event), one["state"])
                one["history"].append(shown(event, self.offset))
        return {"runs": runs, "breaks": list(breaks.values())}

    # --- the books ----------------------------------------------------------------------------

    def check_books(self):
        """Trial balances, customers, roll-forward and both journals follow from the events."""
        self.dated.sort()
        heading = "; %s, as the first %d events know it\n" % (self.manifest["period"], self.size)
        self.journals = Journals(self.files, heading, self.offset)
        self.revenue, self.products, self.moved = Revenue(), {}, {}
        self.unearned, self.opened_at, self.posted = {}, {}, {}
        first = bisect.bisect_left(self.dated, self.starts << 40)
        for one in itertools.islice(self.dated, first):
            self.book(one & POSITION, write=False)
        opening = self.end_of("opening", self.starts - MICRO)
        day = (self.starts + self.offset) // DAY
        balances = self.journals.balances
        legs = [(key, sum_, sum_) for key, sum_ in sorted(balances.items()) if sum_]
        if legs:
            self.journals.write(day, "OpeningBalances", None, self.starts, "", legs)
        for one in itertools.islice(self.dated, first, None):
            day = self.days(day, ((one >> 40) + self.offset) // DAY)
            self.book(one & POSITION, write=True)
        self.days(day, (self.ends - MICRO + self.offset) // DAY + 1)
        closing = self.end_of("closing", self.ends - MICRO)
        self.journals.end()
        self.roll(opening, closing)
        counts = [ty["accounts"] for ty in self.ties.values()]
        return "%d accounts at the end, opening + movements = closing" % counts[-1]

    ties = {}  # noqa: RUF012 - one pack is verified
    recognised = {}  # noqa: RUF012 - as above

    def book(self, position, write):
        """Post one event."""
        event = self.event(position)
        inner, name, account = event["event"], kind_of(event), account_of(event["stream"])
        at, product = event["effective_at"], ""
        currency = self.currency[account]
        if name == "AccountOpened":
            self.opened_at[account] = at
        elif name == "BillPosted" and (account, inner["bill"]) in self.credited:
            self.products[account, inner["bill"]] = inner["product"]
        elif name == "CreditNoteIssued":
            product = self.products[account, inner["bill"]]
        self.revenue.take(name, inner, account, currency, at)
        unit = unit_of(currency)
        keys = [
            ((book, commodity(book[0], currency)), amount)
            for book, amount in postings(name, inner, account, product, unit)
        ]
        if not keys:
            return
        for key, amount in keys:
            self.posted[key] = self.posted.get(key, 0) + amount
            if key[0] == UNEARNED:
                self.unearned[account] = self.unearned.get(account, 0) - amount // unit
            if write:
                self.move(key, name, amount)
        legs = self.journals.post(keys)
        if write:
            day = (at + self.offset) // DAY
            self.journals.write(day, name, position, at, account, legs)

    def move(self, key, name, amount):
        """Count a movement of an account of the chart."""
        lines = self.moved.setdefault(coded(key), {})
        lines[name] = lines.get(name, 0) + amount

    def days(self, day, today):
        """Earn what the days before today earned; return today."""
        while day < today:
            end = min((day + 1) * DAY - self.offset - MICRO, self.ends - MICRO)
            legs = self.journals.post(self.newly_earned(end))
            if legs:
                self.journals.write(day, "RevenueRecognised", None, end, "", legs)
                for key, amount, _ in legs:
                    self.move(key, "RevenueRecognised", amount)
            day += 1
        return day

    def newly_earned(self, at):
        """Return what was earned since it was last asked: [(key, amount)]."""
        now = self.revenue.earned(at)
        changes = [(key, now[key] - self.recognised.get(key, 0)) for key in sorted(now)]
        self.recognised = now
        return [(key, change) for key, change in changes if change]

    def end_of(self, end, at):
        """Compare the trial balance and the list of customers with the events."""
        if end == "opening":
            self.ties, self.recognised = {}, {}
            self.journals.post(self.newly_earned(at))
        sums = {}
        for known in (self.posted, self.recognised):
            for key, amount in known.items():
                sums[coded(key)] = sums.get(coded(key), 0) + amount
        zero = {}
        for (_, name), amount in sums.items():
            zero[name] = zero.get(name, 0) + amount
        need(not any(zero.values()), "debits and credits differ at the %s" % end)
        table = Compared(self.files, "reports/trial_balance_%s.csv" % end)
        table.add(csv_line(("account", "commodity", "debit", "credit")))
        for key in sorted(sums, key=place):
            account, name = key
            digits, amount = DIGITS[currency_of(name)], sums[key]
            written, nothing = decimal(abs(amount), digits), decimal(0, digits)
            debit, credit = (written, nothing) if amount >= 0 else (nothing, written)
            table.add(csv_line((title(account), name, debit, credit)))
        table.end()
        self.customers(end, at)
        return sums

    def customers(self, end, at):
        """One line a customer, as the report has it."""
        table = Compared(self.files, "reports/customers_%s.csv" % end)
        table.add(csv_line(("account", "currency", "cash", "outstanding", "coupons", "deferred")))
        earned = self.revenue.earned_by_customer(at)
        for account in sorted(self.opened_at):
            currency = self.currency[account]
            unit, digits = unit_of(currency), DIGITS[currency]
            coupons = (OUTSTANDING, account), commodity(OUTSTANDING, currency)
            parts = (
                -self.posted.get(((WALLET, account), currency), 0),
                self.posted.get(((RECEIVABLE, account), currency), 0),
                self.posted.get(coupons, 0),
                (self.unearned.get(account, 0) - earned.get(account, 0)) * unit,
            )
            row = account, currency, *(decimal(part, digits) for part in parts)
            table.add(csv_line(row))
        table.end()
        self.ties[end] = {"accounts": len(self.opened_at), "ties": True, "differ": []}

    def roll(self, opening, closing):
        """Opening, each type of event and closing of every account; and they add up."""
        table = Compared(self.files, "reports/rollforward.csv")
        table.add(csv_line(("account", "commodity", "line", "amount")))
        for key in sorted(closing, key=place):
            account, name = key
            moved = sorted(self.moved.get(key, {}).items())
            adds_up = opening.get(key, 0) + sum(part for _, part in moved) == closing[key]
            need(adds_up, "%s does not roll forward" % title(account))
            lines = [("opening", opening.get(key, 0)), *(one for one in moved if one[1])]
            for said, amount in (*lines, ("closing", closing[key])):
                digits = DIGITS[currency_of(name)]
                table.add(csv_line((title(account), name, said, decimal(amount, digits))))
        table.end()
        self.same("reports/tie_out.json", json_text(self.ties))

    # --- the sample ---------------------------------------------------------------------------

    def check_sample(self):
        """The sample was drawn as it says, and each event in it is in the signed log."""
        about = read_json(self.text("sample/sample.json").encode())
        seed, wanted = about["seed"], about["wanted"]
        need(isinstance(seed, str) and type(wanted) is int and wanted >= 0, "it has no seed")
        frame = "from,to\n" + "".join("%d,%d\n" % (a, b) for a, b in self.spans)
        self.same("sample/frame.csv", frame)
        span = (n for first, last in self.spans for n in range(first, last + 1))
        ranked = heapq.nsmallest(
            min(wanted, FILES_MAX), span,
            key=lambda n: hashlib.sha256(("%s:%d" % (seed, n)).encode()).digest(),
        )  # fmt: skip
        drawn, size = sorted(ranked), sum(b - a + 1 for a, b in self.spans)
        self.same("sample/sample.json", json_text({
            "method": METHOD, "seed": seed, "frame": size, "wanted": wanted, "drawn": drawn,
        }))  # fmt: skip
        wanted_files = {"sample/%d.%s" % (n, end) for n in drawn for end in ("event", "tlog-proof")}
        wanted_files |= {"sample/frame.csv", "sample/sample.json"}
        there = {name for name in self.files.sizes if name.startswith("sample/")}
        need(there == wanted_files, "the sample has other files than were drawn")
        for position in drawn:
            self.proven(position)
        return "%d events of %d, seed %s" % (len(drawn), size, plain(seed))

    def proven(self, position):
        """An event of the sample is the one in the log, and its proof holds."""
        head, _, note = self.text("sample/%d.tlog-proof" % position).partition("\n\n")
        lines = head.split("\n")
        with self.files.open("sample/%d.event" % position) as file:
            leaf = hashlib.sha256(b"\x00" + file.read(EVENT_MAX)).digest()
        begins = ["c2sp.org/tlog-proof@v1", "index %d" % (position - 1)]
        need(lines[:2] == begins and len(lines) < 70, "the proof of @%d is odd" % position)
        need(note == self.note, "the proof of @%d is of another checkpoint" % position)
        hashes = [base64.b64decode(line, validate=True) for line in lines[2:]]
        good = proof_holds(leaf, position - 1, self.size, hashes, self.root)
        need(good and leaf == self.leaf(position), "the proof of @%d is wrong" % position)

    def continues(self, path):
        """The log continues the older checkpoint that was given."""
        with open(path, "rb") as file:
            note = file.read(PIECE).decode()
        origin, size, root, _ = open_checkpoint(note, self.keys)
        told = self.manifest["checkpoint"]["origin"]
        need(origin == told, "it is of %s" % plain(origin))
        need(size <= self.size, "it covers %d events, the pack %d: cut off" % (size, self.size))
        need(root_of(self.leaves, size) == root, "the history before it differs")
        return "the first %d events are those of the older checkpoint" % size


def coded(key):
    """Return the account of the chart that a balance is summed into."""
    (root, owner), name = key
    return (root, "" if root in BY_CUSTOMER else owner), name


def place(key):
    """Order accounts as the chart does."""
    (root, owner), name = key
    return CHART.index(root), owner, name


def title(account):
    """Write an account of the books."""
    root, owner = account
    return root + ":" + owner if owner else root


TITLES = {"signed": "manifest's signature"}


def verify(place_, older):
    """Run every check; return the result as JSON."""
    pack = None
    found = {
        "schema": "tally.verify_pack/1", "pack": str(place_), "ok": False, "period": None,
        "known_at": None, "checkpoint": None, "keys": [], "checks": [], "not_judged": [],
        "signed": None, "cannot_show": list(CANNOT),
    }  # fmt: skip

    def begin():
        nonlocal pack
        pack = Pack(place_)
        found["period"], found["known_at"] = pack.manifest["period"], pack.manifest["known_at"]
        return "period %s, known at %s" % (plain(found["period"]), plain(found["known_at"]))

    names = ("files", "signature", "signed", "log", "reports", "books", "sample")
    checks = [("manifest", begin)]
    checks += [
        (TITLES.get(name, name), lambda name=name: getattr(pack, "check_" + name)())
        for name in names
    ]
    checks += [("older checkpoint", lambda path=path: pack.continues(path)) for path in older]
    for name, check in checks:
        try:
            said, ok = check(), True
        except Nothing:
            raise
        except Unsigned:  # what follows from the events can still be shown
            found["signed"] = False
            found["cannot_show"].append(UNSIGNED)
            found["checks"].append({"name": name, "ok": False, "said": "there is no manifest.note"})
            continue
        except Exception as error:  # noqa: BLE001 - whatever a hostile pack brings about is one line
            said, ok = plain(error if isinstance(error, Broken) else
                             "it is malformed (%s: %s)" % (type(error).__name__, error)), False
        found["checks"].append({"name": name, "ok": ok, "said": said})
        if not ok:
            break
        if name == TITLES["signed"]:
            found["signed"] = True
        if name == "signature":
            found["checkpoint"] = pack.manifest["checkpoint"]
            found["keys"] = ["%s+%s" % (name, key.hex()) for name, key in pack.keys]
    if pack is not None:
        judged = {*JUDGED, *(name for name in pack.files.sizes if name.startswith("sample/"))}
        found["not_judged"] = sorted(set(pack.files.sizes) - judged - {"manifest.note"})
        pack.close()
    found["ok"] = all(one["ok"] for one in found["checks"])
    return found


def code_of(found):
    """Return the exit code: a manifest that nobody signed is not tampering, and is not all."""
    bad = [check["name"] for check in found["checks"] if not check["ok"]]
    return 0 if not bad else 1 if bad == [TITLES["signed"]] and found["signed"] is False else 5


def written(found):
    """Write a result for people."""
    lines = ["accepted key: %s" % plain(key) for key in found["keys"]]
    lines += [
        "%s  %s: %s" % ("ok" if check["ok"] else "NO", check["name"], check["said"])
        for check in found["checks"]
    ]
    if code_of(found) != 5:
        lines += ["", "All holds." if found["ok"] else "All holds but the manifest's signature."]
        lines.append("Compared with the manifest alone: %s." % ", ".join(found["not_judged"]))
        lines.append("Not shown:")
        lines += ["  - " + one for one in found["cannot_show"]]
    else:
        lines += ["", "This pack does not hold."]
    return "\n".join(lines) + "\n"


def arguments_of(given):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="verify.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("given", nargs="*", metavar="PACK | CHECKPOINT",
                        help="a zip or a folder; another file is an older checkpoint")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("-o", "--output", metavar="RESULT",
                        help="write the result to a new file too")  # fmt: skip
    found = parser.parse_args(given)
    packs = [one for one in found.given if os.path.isdir(one) or begins_as_zip(one)]
    if len(packs) > 1:
        parser.error("one pack at a time")
    older = [one for one in found.given if one not in packs]
    for one in older:
        if not os.path.isfile(one):
            parser.error("there is no file %s" % plain(one))
    return found, packs[0] if packs else HERE, older


def begins_as_zip(path):
    """Return whether a file is a zip."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return path.endswith(".zip") and os.path.exists(path)


def main(given):
    """Verify a pack and say what holds."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    options, place_, older = arguments_of(given)
    try:
        found = verify(place_, older)
    except Nothing as error:
        sys.stderr.write("error: %s\n" % plain(error))
        return 2
    text = json.dumps(found, ensure_ascii=False) + "\n" if options.json else written(found)
    sys.stdout.write(text)
    if options.output is not None:
        try:
            with open(options.output, "x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            sys.stderr.write("error: the result was not written: %s\n" % plain(error))
            return 2
    return code_of(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
