"""Does anything of a respondent stand in what is published? A search for rows and identifiers in built folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd

FEW = 3  # people who share a pair of values that may be theirs alone
SHORTEST_PAIR = 8  # letters
_LONG_NUMBER = re.compile(r"[\d.]{9,}")
# What stands between columns and lines of a table, in HTML, JSON, YAML or Markdown.
_BETWEEN = re.compile(r"<[^<>]*>|\\[nt]|[][{}:;\t\n|]")
_QUOTES = str.maketrans("", "", "\"'\\")


@dataclass(frozen=True)
class _Traces:
    """What must not be found: long numbers, and values side by side that few people share."""

    numbers: set[str]
    pairs: set[tuple[str, str]]

    def are_in(self, text: str) -> bool:
        """Whether a text holds one of them."""
        if not self.numbers.isdisjoint(_LONG_NUMBER.findall(text)):
            return True
        return not self.pairs.isdisjoint(pairwise(_fields(text)))


def leaks(folder: str | Path, frame: pd.DataFrame) -> list[str]:
    """Texts below a folder in which values of a respondent stand.

    Parameters
    ----------
    folder : path
        What is published: pages, notebooks, tables, scripts.
    frame : DataFrame
        The survey file as it is, one row per person (`trustlib.files.read_table`).

    Returns
    -------
    list of str
        Files, relative to `folder`, that hold a number of nine digits or more of somebody
        (a weight, an id), also rounded to six decimals, or side by side two values that
        stand side by side in the file and that at most three people share. No value is
        repeated.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> import tempfile
    >>> people = pd.DataFrame({"id": ["1234567890"], "town": ["Ballycastle"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "page.md").write_text("Number 1234567890 said so.")
    ...     _ = Path(folder, "other.md").write_text("Nobody is named.")
    ...     leaks(folder, people)
    ['page.md']
    """
    traces = _traces_of(frame)
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    found = []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="ignore")
        if traces.are_in(text):
            found.append(path.relative_to(folder).as_posix())
    return found


def _traces_of(frame: pd.DataFrame) -> _Traces:
    """The traces of all rows of a file."""
    if frame.attrs.get("decimal") == ",":  # what is published has points
        frame = frame.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    numbers: set[str] = set()
    people = Counter[tuple[str, str]]()
    for row in frame.astype(str).itertuples(index=False, name=None):
        fields = _fields(",".join(row))
        long = {value for value in fields if _LONG_NUMBER.fullmatch(value)}
        numbers |= long
        numbers |= set(_rounded(long))
        people.update(_telling_pairs(fields, long))
    pairs = {pair for pair, count in people.items() if count <= FEW}
    return _Traces(numbers, pairs)


def _rounded(numbers: set[str]) -> Iterator[str]:
    """Decimal numbers with six decimals."""
    for number in numbers:
        if number.count(".") == 1:
            yield f"{float(number):.6f}"


def _telling_pairs(fields: list[str], numbers: set[str]) -> set[tuple[str, str]]:
    """Values side by side that are long enough to tell something, and no long numbers."""
    return {
        (one, other)
        for one, other in pairwise(fields)
        if numbers.isdisjoint((one, other)) and len(one + other) >= SHORTEST_PAIR
    }


def _fields(text: str) -> list[str]:
    """What stands between commas, other marks of columns, lines and cells of HTML tables; quotes are left out."""
    plain = _BETWEEN.sub(",", text).translate(_QUOTES)
    fields = map(str.strip, plain.split(","))
    return [field for field in fields if field]
