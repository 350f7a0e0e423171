"""Values that are somebody's alone: ids, texts in own words, weights with many digits.

What counts: the value belongs to at most `FEW` people, in a column in which most values
differ, and is so long that it stands in a page by chance less than once in a thousand
books. Of shorter numbers and of dates, which may well stand somewhere by chance, one is
taken for somebody's only where a file has hardly any numbers of that form, and many are
where they are most of the numbers of that form.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trustbook.rows.spelling import date_keys, key_of
from trustbook.rows.windows import WIDTH, Doubles, Windows

FEW = 3  # people who share a value that may be theirs alone
MOST = 0.5  # of the values of a column differ, where each is somebody's own
CHANCE = 1e-5  # that a number of this form is in the file, below which it tells
IN_A_FILE = 0.005  # the same for all numbers of this form in one file
MANY = 5  # short numbers that together tell
SHARE = 0.2  # of all numbers of a form that are in the file: then they tell nothing
LONGEST = 400  # letters of a text that are looked for
SHORTEST = 6
SHORTEST_ID = 4  # digits of an id before which zeros may stand
LONG_ID = 9  # digits of an id that tells alone
WORDS = 3  # of a text without digits
LETTERS = 16  # of such a text
PRINTED = 6  # decimals, by pandas
SIGNIFICANT = 7  # digits of a number that is looked for as rounded
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_IDLE = re.compile(r"-?\d+\.\d*0")  # a number with a zero at its end
_ZEROS = re.compile(r"0\d+")
_LETTER = re.compile(r"[^\d\W]")
_LONG_AGO = re.compile(r"\b(?:19\d\d|200\d)\b|^(?:19|200)\d+$|\d{4}(?:19\d\d|200\d)$")


@dataclass(frozen=True)
class Form:
    """What a short number looks like, and how likely one is in the file by chance."""

    pattern: bytes
    chance: float


@dataclass(frozen=True)
class Trace:
    """A value as it is looked for.

    `needle` may be the beginning of a number of which `number` is the whole; `form` is
    None for a value that tells alone.
    """

    needle: bytes
    number: float | None = None
    form: Form | None = None


# Days long ago are those of births, and hardly stand in a page; others often do.
EARLY_DAY = Form(rb"(?<= )(?:19\d\d|200\d)(?= )", IN_A_FILE / 100)
RECENT_DAY = Form(rb"(?<= )20[1-9]\d(?= )|(?<= )20[1-9]\d{5}(?= )", SHARE)


class OwnValues:
    """The values of a file that are somebody's alone, ready to be looked for.

    Parameters
    ----------
    columns : iterable of sequence of str
        One value for each person.

    Examples
    --------
    >>> own = OwnValues([[f"person-{i:04d}" for i in range(99)]])
    >>> own.are_in(b" as person 0042 said ")
    True
    >>> own.are_in(b" as person 0142 said ")
    False
    """

    def __init__(self, columns: Iterable[Sequence[str]]) -> None:
        different = list(dict.fromkeys(map(tuple, columns)))  # a mapping repeats most
        chance = CHANCE / max(sum(map(_has_decimals, different)), 1)
        # Several numbers may begin alike: each is kept.
        traces: dict[Trace, None] = {}
        for column in different:
            traces |= dict.fromkeys(_of(column, chance))
        self.traces = list(traces)
        self.windows = Windows([trace.needle for trace in self.traces])
        numbers = [t.number for t in self.traces if t.number is not None]
        self.doubles = Doubles(np.array(numbers, dtype=float))

    def are_in(self, stream: bytes, alone: bool = False) -> bool:
        """Whether a text in the plain form holds one of them.

        Parameters
        ----------
        stream : bytes
        alone : bool
            Look only for values that tell alone: the text is a program or a style.
        """
        short: dict[Form, set[bytes]] = defaultdict(set)
        for number, place in self.windows.found_in(stream):
            trace = self.traces[number]
            if not _is_whole(trace, stream, place):
                continue
            if trace.form is None:
                return True
            short[trace.form].add(trace.needle)
        if alone:
            return False
        return any(_tell(form, found, stream) for form, found in short.items())

    def are_in_bytes(self, content: bytes, plain: bytes) -> bool:
        """Whether bytes hold one of them, as letters or as a number of the machine.

        Parameters
        ----------
        content, plain : bytes
            As they are, and in the plain form.
        """
        for number, place in self.windows.found_in(plain):
            trace = self.traces[number]
            if trace.form is None and _is_whole(trace, plain, place, loose=True):
                return True
        return self.doubles.are_in(content)


def _has_decimals(column: Sequence[str]) -> bool:
    """Whether a column is one of weights, as far as its first values tell."""
    return any("." in value and _NUMBER.fullmatch(value) for value in column[:50])


def _of(column: Sequence[str], chance: float) -> Iterator[Trace]:
    """The traces of one column; `chance` is that of its decimal numbers."""
    people = Counter(key_of(value) for value in column)
    people.pop("", None)
    filled = sum(people.values())
    if len(people) < MOST * filled:
        return
    dates: set[str] = set()
    if any(date_keys(value) for value in column[:20]):
        dates = set().union(*map(date_keys, column))
    if dates:
        yield from _dates(dates)
        return
    own = [key for key, count in people.items() if count <= FEW]
    numbers = [key for key in own if _NUMBER.fullmatch(key)]
    yield from _numbers(numbers, column, chance)
    for key in own:
        if _LETTER.search(key) and _is_long(key):
            yield _text(key)


def _dates(days: set[str]) -> Iterator[Trace]:
    """Days, in all the ways in which they are written."""
    for day in days:
        form = RECENT_DAY
        if _LONG_AGO.search(day):
            form = EARLY_DAY
        yield Trace(f" {day} ".encode(), form=form)


def _text(key: str) -> Trace:
    letters = key[:LONGEST].encode()
    if len(letters) >= WIDTH:
        return Trace(letters)
    return Trace(b" " + letters + b" ")


def _is_long(key: str) -> bool:
    """Whether a text is too long to stand in a page by chance."""
    words = key.split()
    letters = len(key) - len(words) + 1
    if not any(map(_has_digit, words)):
        return len(words) >= WORDS and letters >= LETTERS
    if any(_has_digit(word) and _LETTER.search(word) for word in words):
        return letters >= SHORTEST
    return letters >= SHORTEST + 2


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _numbers(
    keys: Sequence[str], column: Sequence[str], chance: float
) -> Iterator[Trace]:
    """Whole numbers, also with zeros before them; decimal numbers, also rounded."""
    whole = [key for key in keys if "." not in key]
    texts = {text for key in whole for text in (key, *_with_zeros(key))}
    texts |= {value.strip() for value in column if _ZEROS.fullmatch(value.strip())}
    for text in texts:
        if len(text) >= SHORTEST:
            form = _form_of_whole(len(text), len(whole))
            yield _short(text, form)
            yield _short(f"{text}.0", form)
    decimal = [key for key in keys if "." in key]
    known = set(decimal)
    idle = {value.strip() for value in column if _IDLE.fullmatch(value.strip())}
    decimal += [text for text in idle if key_of(text) in known]
    if decimal:
        yield from _decimals(decimal, chance)


def _with_zeros(key: str) -> Iterator[str]:
    """A number as other programs write an id, with zeros before it."""
    if len(key) >= SHORTEST_ID:
        yield from (key.zfill(width) for width in range(len(key) + 1, 13))


def _form_of_whole(digits: int, people: int) -> Form | None:
    """The form of a whole number of so many digits; None if it tells alone."""
    chance = people / 10 ** (digits - 1)
    if chance <= CHANCE or digits >= LONG_ID:
        return None
    return Form(rb"(?<= )\d{%d}(?= )" % digits, chance)


def _short(key: str, form: Form | None) -> Trace:
    return Trace(f" {key.lstrip('-')} ".encode(), form=form)


def _decimals(keys: Sequence[str], chance: float) -> Iterator[Trace]:
    """Numbers from the decimal on that tells, and shorter ones as they are printed."""
    values = np.abs(np.array(keys, dtype=float))
    low, high = np.quantile(values, [0.1, 0.9])
    # Numbers of other things lie about there too, not only between these.
    spread = max(float(high - low), float(np.median(values)) / 2, 1e-9)
    telling_of: dict[int, int] = {}
    for key, value in zip(keys, values, strict=True):
        key = key.lstrip("-")
        whole, _, decimals = key.partition(".")
        if len(whole) not in telling_of:
            needed = np.ceil(np.log10(len(keys) / spread / chance))
            telling_of[len(whole)] = max(int(needed), SIGNIFICANT - len(whole), 3)
        telling = telling_of[len(whole)]
        if len(decimals) >= telling:
            begin = f" {whole}.{decimals[: telling - 1]}"
            yield Trace(begin.encode(), float(value))
        elif len(key) >= SHORTEST:
            yield _short(key, _form_of_decimal(len(decimals), len(keys) / spread))
        if len(decimals) > PRINTED and telling > PRINTED:
            printed = f"{value:.{PRINTED}f}"
            yield _short(printed, _form_of_decimal(PRINTED, len(keys) / spread))


def _form_of_decimal(decimals: int, density: float) -> Form:
    pattern = rb"(?<= )\d+\.\d{%d}(?= )" % decimals
    return Form(pattern, density / 10**decimals)


def _is_whole(trace: Trace, stream: bytes, place: int, loose: bool = False) -> bool:
    """Whether what was found is the value, and no part of something longer."""
    end = place + len(trace.needle)
    if trace.number is not None:
        token = stream[place + 1 : place + 40].split(b" ")[0]
        return _is_rounded(token, trace)
    if trace.needle.startswith(b" "):
        return True
    before = stream[place - 1 : place]
    after = stream[end : end + 1]
    if loose:
        return True
    is_cut = len(trace.needle) >= LONGEST
    return before in (b" ", b"") and (after in (b" ", b"") or is_cut)


def _is_rounded(token: bytes, trace: Trace) -> bool:
    """Whether a number on a page is the one of a person, perhaps rounded."""
    whole, _, decimals = token.partition(b".")
    least = len(trace.needle.partition(b".")[2]) + 1
    if len(decimals) < least or not (whole + decimals).isdigit():
        return False
    difference = abs(float(token) - float(trace.number or 0))
    return difference <= 0.51 * 10.0 ** -len(decimals)


def _tell(form: Form, found: set[bytes], stream: bytes) -> bool:
    """Whether short numbers tell, among all numbers of their form in a text."""
    of_form = len(set(re.findall(form.pattern, stream)))
    if form.chance * of_form <= IN_A_FILE:
        return True
    is_most = len(found) >= max(MANY, of_form / 2)
    return is_most and form.chance <= SHARE
