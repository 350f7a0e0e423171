"""Numbers of people on different pages: rows of the file, those used, those missing.

Rows less those used are the people who did not answer; two readings of one column whose
levels overlap give the people of an answer that was masked; and so on, over all pages
together, by a linear programme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from trustbook.attacks.guesses import FEW, Guess
from trustbook.attacks.published import Printed, Published
from trustbook.puzzle import NARROW, bounds


def counts(published: Published) -> Iterator[Guess]:
    """People who follow from numbers on different pages.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> rows = Printed("rows", 1010, "office")
    >>> used = Printed("people", 1005, "office", "y")
    >>> [guess.value for guess in counts(Published(numbers=[rows, used]))]
    [5.0]
    """
    yield from _not_used(published)
    yield from _masked_levels(published)


def _not_used(published: Published) -> Iterator[Guess]:
    """Rows of the file less the people of an outcome, and less those said to be missing."""
    for rows in published.of("rows"):
        for used in published.of("people"):
            if used.source != rows.source or used.cell != "everyone":
                continue
            left = rows.value - used.value
            cell = f"those without {used.outcome}"
            yield _guess(rows, used, cell, left)
            missing = _missing(published, used)
            if missing:
                rest = f"{cell} for a reason that is not printed"
                yield _guess(rows, used, rest, left - missing)


def _missing(published: Published, used: Printed) -> float:
    """The people said to be missing of an outcome."""
    mine = (used.source, used.outcome)
    found = [n for n in published.of("missing") if (n.source, n.outcome) == mine]
    return sum(number.value for number in found)


def _guess(rows: Printed, used: Printed, cell: str, left: float) -> Guess:
    sure = float(0 < left < FEW)
    pages = tuple(dict.fromkeys([rows.page, used.page]))
    return Guess("counts", rows.source, cell, "people", pages, sure, float(left))


def _masked_levels(published: Published) -> Iterator[Guess]:
    """Answers of one column whose people follow from levels that were printed."""
    levels = sorted(published.of("level"), key=_column)
    for (source, column), group in groupby(levels, key=_column):
        printed = list(group)
        codes = sorted({code for number in printed for code in number.codes})
        yield from _of_column(source, column, printed, codes)


def _column(number: Printed) -> tuple[str, str]:
    return (number.source, number.column)


def _of_column(
    source: str, column: str, printed: Sequence[Printed], codes: Sequence[str]
) -> Iterator[Guess]:
    """The least and the most people of each answer of a column."""
    member = [[float(code in each.codes) for code in codes] for each in printed]
    people = np.array([number.value for number in printed])
    low, high = bounds(np.array(member), people, np.ones(len(codes)))
    pages = tuple(dict.fromkeys(number.page for number in printed))
    for least, most in zip(low, high, strict=True):
        if most > 0 and least < FEW and most - least < NARROW:
            sure = float(most < FEW)
            cell = f"an answer of {column}"
            middle = float((least + most) / 2)
            yield Guess("counts", source, cell, "people", pages, sure, middle)
