"""Bytes as text: encodings by their names, a file's first bytes, and files that are not text.

Invariant: a byte-order mark wins over what is declared, for nothing else begins so. A name that
stands for a small set of characters is read as the larger one that is written under it.
This module must not know a format.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import Final

from ledger.policy import did_you_mean
from projections.reconciliation.lines import BadStatement

# Banks write the larger set and declare the smaller: every text of the smaller one is the same.
_LARGER: Final = {
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "shift_jis": "cp932",
    "euc_kr": "cp949", "big5": "cp950", "ascii": "utf-8", "iso8859-9": "cp1254",
}  # fmt: skip
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_KINDS: Final = (
    (b"PK\x03\x04", "a workbook or an archive"), (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"%PDF", "a PDF"), (b"\x1f\x8b", "compressed with gzip"), (b"PAR1", "Parquet"),
)  # fmt: skip
_PLAIN: Final = "utf-8"


def marked(body: bytes) -> str:
    """Return the encoding that a byte-order mark declares, empty where there is none."""
    return next((name for mark, name in _MARKS if body.startswith(mark)), "")


def kind_of(body: bytes) -> str:
    """Return what a file is that is not text, empty for one that may be."""
    return next((kind for magic, kind in _KINDS if body.startswith(magic)), "")


def decode(body: bytes, encoding: str = _PLAIN) -> str:
    """Decode a file as declared; a byte order mark is not part of it. Raises: BadStatement."""
    kind = kind_of(body)
    if kind:
        msg = f"the file is {kind}, not text"
        raise BadStatement(msg, hint="unpack it, or save it as CSV, and give that file")
    mark = marked(body)
    codec, name = mark or codec_of(encoding), mark or encoding.strip().lower()
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        msg = f"byte {error.start} is not {name}"
        raise BadStatement(msg, hint=f"declare the encoding, e.g. {encoding_of(body)}") from None
    except ValueError as error:
        raise BadStatement(f"the file is not {name}: {error}") from None
    return text.removeprefix("\ufeff")


def codec_of(encoding: str) -> str:
    """Return the encoding that is read under a name. Raises: BadStatement."""
    name = encoding.strip().lower().replace("_", "-")
    try:
        found = codecs.lookup(name)
        with suppress(UnicodeError):  # a blank is not whole in every encoding
            b" ".decode(name)  # hex and rot13 are not encodings of text
    except LookupError:
        near = did_you_mean(name, ["utf-8", "utf-16", "gbk", "gb18030", "latin-1", "windows-1252"])
        msg = f"encoding {encoding!r} is not known"
        raise BadStatement(msg, hint=near or "e.g. utf-8, utf-16, gbk, windows-1252") from None
    return _LARGER.get(found.name, found.name)


def encoding_of(body: bytes) -> str:
    """Guess the encoding of a text."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if b"\0" in body[:200]:
        odd = body[1:200:2].count(0)
        return "utf-16-le" if odd >= body[:200:2].count(0) else "utf-16-be"
    try:
        body.decode("utf-8-sig")
    except UnicodeDecodeError:
        runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", body)]
        pairs = sum(1 for run in runs if run % 2 == 0)
        if pairs * 2 > len(runs):  # Chinese comes in pairs of high bytes, umlauts alone
            return "gb18030"
        try:
            body.decode("windows-1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "windows-1252"
    return "utf-8"
