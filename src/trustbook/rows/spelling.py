"""One plain form for texts and fields, whatever they are written in.

In the plain form there are small letters, digits, points between digits, and single
blanks. Quotes, marks of columns, tags, and how a letter is escaped make no difference.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from urllib.parse import unquote

import numpy as np

_BLANK = 32
_POINT = 46
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_WITHIN_WORDS = re.compile(
    r"</?(?:a|b|code|em|font|i|mark|small|span|strong|sub|sup|u)\b[^<>]*>"
)
_ENTITY = re.compile(r"&[#A-Za-z]")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|[nrtbf])")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
# Marks beyond ASCII, as they are in UTF-8: no-break space, quotes, dashes, arrows.
_MARKS = re.compile(rb"\xc2[\x80-\xbf]|\xe2[\x80-\xaf][\x80-\xbf]|\xe3\x80[\x80-\x9f]")
# The same for a single field, letter by letter.
_KEPT = "a-z0-9\u00c0-\u1fff\u2c00-\u2fff\u3020-\U0010ffff"
_WORD = re.compile(rf"[{_KEPT}]+(?:(?<=\d)\.(?=\d)[{_KEPT}]+)*")
_NUMBER = re.compile(r"[+-]?(\d+)(?:\.(\d*))?")
_DATES = (
    (re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T].*)?"), (1, 2, 3)),
    (re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"), (3, 2, 1)),
    (re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"), (3, 1, 2)),
)
_WAYS_OF_DATES = (
    "%Y-%m-%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
    "%d%m%Y",
    "%d %B %Y",
    "%B %d %Y",
    "%d %b %Y",
    "%b %d %Y",
)


def _table() -> bytes:
    """What each byte becomes: letters and digits stay, others are blanks."""
    table = bytearray([_BLANK]) * 256
    table[0x80:] = range(0x80, 0x100)
    for letter in b"abcdefghijklmnopqrstuvwxyz0123456789.":
        table[letter] = letter
    for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[letter] = letter + 32
    return bytes(table)


_PLAIN = _table()


def plain_bytes(content: bytes) -> bytes:
    """Bytes in the plain form, with a blank before and after.

    Examples
    --------
    >>> plain_bytes(b"<td>Mr. Smith-3</td>, 12.50")
    b' td mr smith 3 td 12.50 '
    """
    letters = np.frombuffer(b" " + content.translate(_PLAIN) + b" ", np.uint8)
    digit = (letters >= 48) & (letters <= 57)
    lone = np.flatnonzero(letters == _POINT)
    lone = lone[~(digit[lone - 1] & digit[lone + 1])]
    if len(lone):
        letters = letters.copy()
        letters[lone] = _BLANK
    blank = letters == _BLANK
    repeated = np.zeros(len(letters), bool)
    repeated[1:] = blank[1:] & blank[:-1]
    return letters[~repeated].tobytes()


def plain_text(text: str) -> bytes:
    """A text in the plain form; letters beyond ASCII are kept, marks are not.

    Examples
    --------
    >>> plain_text("Ça «va»?").decode()
    ' ça va '
    """
    if not text.isascii():
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        letters = text.lower().encode("utf-8", errors="replace")
        return plain_bytes(_MARKS.sub(b" ", letters))
    return plain_bytes(text.encode())


def views(text: str) -> Iterator[str]:
    r"""A text as it is, and as it reads where it is shown: unescaped, and without tags.

    Examples
    --------
    >>> list(views("caf\\u00e9 <b>R</b>&amp;D"))[-1]
    'café R&D'
    """
    yield text
    plain = text
    if "\\" in text:
        plain = _ESCAPED.sub(_unescaped, plain)
    if "%" in text and _PERCENT.search(text):
        plain = unquote(plain)
    if "=\n" in text or "=\r\n" in text:
        plain = re.sub(r"=\r?\n", "", plain)
    if _ENTITY.search(plain):
        plain = html.unescape(plain)
    if plain != text:
        yield plain
    if "<" in text:
        yield _TAG.sub(" ", _WITHIN_WORDS.sub("", plain))


def _unescaped(mark: re.Match[str]) -> str:
    """The letter that an escape of JSON or a script stands for."""
    code = mark[1] or mark[2]
    if code is None:
        return " "
    return chr(int(code, 16))


@lru_cache(maxsize=1 << 18)
def key_of(field: str) -> str:
    """A field of a table in the plain form; numbers without idle zeros.

    Examples
    --------
    >>> key_of(" 'Male' "), key_of("0012.50"), key_of("1.0"), key_of("A little")
    ('male', '12.5', '1', 'a little')
    """
    bare = field.strip(" \t\r\n\"'[](){}\\")
    if _NUMBER.fullmatch(bare):
        return number_key(bare)
    if "<" in bare:
        bare = _TAG.sub(" ", bare)
    if "&" in bare:
        bare = html.unescape(bare)
    if not bare.isascii():
        bare = unicodedata.normalize("NFC", bare)
    return " ".join(_WORD.findall(bare.lower()))


def number_key(number: str) -> str:
    """A number without a plus sign, leading zeros and idle decimals.

    Examples
    --------
    >>> number_key("-0001.500"), number_key("00"), number_key("12.0")
    ('-1.5', '0', '12')
    """
    sign = "-" if number.startswith("-") else ""
    whole, _, decimals = number.lstrip("+-").partition(".")
    whole = whole.lstrip("0") or "0"
    decimals = decimals.rstrip("0")
    if not decimals:
        return sign + whole
    return f"{sign}{whole}.{decimals}"


def date_keys(value: str) -> set[str]:
    """The ways to write the day that a value is; none if it is no date.

    Examples
    --------
    >>> sorted(date_keys("1947-08-17"))[:3]
    ['08 17 1947', '17 08 1947', '17 aug 1947']
    >>> date_keys("12.5")
    set()
    """
    written: set[str] = set()
    for pattern, places in _DATES:
        match = pattern.fullmatch(value.strip())
        if match:
            year, month, day = (int(match[place]) for place in places)
            written |= _ways(year, month, day)
    return written


def _ways(year: int, month: int, day: int) -> set[str]:
    try:
        moment = date(year, month, day)
    except ValueError:
        return set()
    texts = [moment.strftime(way) for way in _WAYS_OF_DATES]
    return {plain_text(text).decode().strip() for text in texts}
