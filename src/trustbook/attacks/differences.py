"""One table subtracted from another: who is in one of them and not in the other.

People leave a difference dn, their weights dW, the squares of these dW2, and those who
said yes dWY. Of one person dW times dW is dW2, so that her weight is known, and dWY is
either dW or nothing, so that her answer is. Protected cells of the same people are the
same numbers, so that a cell in which they are not tells that somebody came or went.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trustbook.attacks.guesses import EXACT, FEW, Guess, likely, same, within
from trustbook.attacks.published import COUNT_NOISE, CellTable, Sums
from trustlib.variance import Array

MOST_CELLS = 0.5  # share of the cells that differ: if more do, all were weighted anew
ONE_PERSON = 1e-6  # relative: how near the square of a weight is to the sum of squares
CLEAR = 4.0  # SDs of noise by which a difference must be below ten people
UNCLEAR = 0.9  # how sure one is at most of what is not clear
NEAR = 0.01  # a weight is known if it is known to one per cent


@dataclass(frozen=True, eq=False)
class Difference:
    """By what a cell of one table differs from that of another.

    Attributes
    ----------
    cell : str
    n, sum_w, sum_wy, sum_w2 : float
    weight : float
        Mean weight of the cell.
    noise : float
        SD of the noise on the yes.
    count_noise : float
        SD of the noise on the number of people.

    Examples
    --------
    >>> Difference("sex=w", 1.0, 2.5, 2.5, 6.25, 1.0, 0.0, 0.0).is_one_person
    True
    """

    cell: str
    n: float
    sum_w: float
    sum_wy: float
    sum_w2: float
    weight: float
    noise: float
    count_noise: float

    @property
    def is_one_person(self) -> bool:
        """Whether squares say that it is a single person."""
        square = self.sum_w**2
        return abs(square - abs(self.sum_w2)) <= ONE_PERSON * square

    @property
    def is_of_answers(self) -> bool:
        """Whether the people are the same and only their answers differ."""
        size = EXACT * max(abs(self.sum_wy), self.weight)
        return self.n == 0 and abs(self.sum_w) <= size

    @property
    def people(self) -> tuple[float, float]:
        """The best estimate of the number of people, and the SD of its noise."""
        if self.is_of_answers:
            noise = self.noise / np.sqrt(2.0) / self.weight
            return self.sum_wy / self.weight, float(noise)
        if self.noise == 0:
            return self.n, 0.0
        by_weight = self.sum_w / self.weight
        noise = np.sqrt(2.0) * self.noise / self.weight
        precision = np.array([noise**-2, self.count_noise**-2])
        both = np.array([by_weight, self.n])
        return float(precision @ both / precision.sum()), float(precision.sum() ** -0.5)


def differences(one: CellTable, other: CellTable) -> list[Difference]:
    """The cells by the axes that two tables share in which the two differ.

    Parameters
    ----------
    one, other : CellTable
        The second less the first.

    Returns
    -------
    list of Difference
        Empty if they are of the same people.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0, 1] * 20, "z": [1, 0] * 19 + [None, 1]})
    >>> design = tl.SurveyDesign(people, weight=None)
    >>> def table(y):
    ...     return CellTable(y, "office", tl.compress(design, y, []))
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     found = differences(table("y"), table("z"))
    >>> [each.n for each in found]
    [-1.0]
    """
    axes = sorted({*one.cells.by} & {*other.cells.by})
    a = one.summed(axes)
    b = other.summed(axes)
    labels = np.union1d(a.labels, b.labels)
    before = _spread(a, labels)
    after = _spread(b, labels)
    change = after.totals - before.totals
    compared = [0, 1, 2, 3] if one.outcome == other.outcome else [0, 1, 3]
    moved = ~same(after.totals[:, compared], before.totals[:, compared]).all(axis=1)
    people = np.maximum(before.totals[:, 0], after.totals[:, 0])
    mean = np.maximum(before.totals[:, 1], after.totals[:, 1]) / np.maximum(people, 1)
    noise = np.sqrt(before.noise + after.noise)
    parts = before.parts + after.parts
    count_noise = COUNT_NOISE * np.sqrt(parts)
    values = np.column_stack([change, mean, noise, count_noise])
    return [
        Difference(str(labels[i]), *map(float, values[i]))
        for i in np.flatnonzero(moved)
    ]


def _spread(sums: Sums, labels: Array) -> Sums:
    """Sums over more cells, of which it has nobody."""
    place = np.searchsorted(labels, sums.labels)
    totals = np.zeros((len(labels), sums.totals.shape[1]))
    noise = np.zeros(len(labels))
    parts = np.zeros(len(labels))
    totals[place] = sums.totals
    noise[place] = sums.noise
    parts[place] = sums.parts
    return Sums(labels, totals, noise, parts)


def guessed(
    kind: str, one: CellTable, other: CellTable, found: list[Difference]
) -> Iterator[Guess]:
    """What follows from the differences of two tables about the people between them.

    Examples
    --------
    >>> import trustlib as tl
    >>> import pandas as pd
    >>> people = pd.DataFrame({"y": [0, 1] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", [])
    >>> table = CellTable("t", "office", cells)
    >>> gone = Difference("everyone", -1.0, -2.0, -2.0, -4.0, 1.0, 0.0, 0.0)
    >>> [(guess.what, guess.value) for guess in guessed("releases", table, table, [gone])]
    [('people', 1.0), ('answer', 1.0), ('weight', 2.0)]
    """
    names = tuple(dict.fromkeys([one.name, other.name]))
    for each in found:
        estimate, sd = each.people
        people, few = likely(estimate, sd)
        if people == 0:
            # As many came as went, and the weights tell that they did; or one changed.
            few = 1.0
            people = 1 if each.is_of_answers else 2
        if sd > 0 and not _is_clear(one, other, abs(estimate) + CLEAR * sd):
            few = min(few, UNCLEAR)
        number = float(abs(people))
        yield Guess(kind, one.source, each.cell, "people", names, few, number)
        if one.outcome == other.outcome:
            yield _answer(kind, one.source, names, each, few)
        if abs(people) == 1 and not each.is_of_answers:
            yield _weight(kind, one.source, names, each, few)


def _is_clear(one: CellTable, other: CellTable, most: float) -> bool:
    """Whether noise leaves no doubt that somebody, and fewer than ten, are the difference.

    Other axes have other noise for the same people, so that their difference may be
    nobody.
    """
    return one.cells.by == other.cells.by and most < FEW


def _weight(
    kind: str, source: str, names: tuple[str, ...], each: Difference, few: float
) -> Guess:
    """The weight of the one person."""
    weight = abs(each.sum_w)
    noise = np.sqrt(2.0) * each.noise
    known = few * within(NEAR * weight, noise)
    if each.noise == 0 and not each.is_one_person:
        known = 0.0
    return Guess(kind, source, each.cell, "weight", names, known, weight)


def _answer(
    kind: str, source: str, names: tuple[str, ...], each: Difference, few: float
) -> Guess:
    """What the people said: it is known of each of them if all of them said it."""
    weight = max(abs(each.sum_w), EXACT)
    share = each.sum_wy / np.copysign(weight, each.sum_w)
    if each.is_of_answers:
        return Guess(kind, source, each.cell, "answer", names, few, float(share > 0))
    alike = few * within(0.5 * each.weight, each.noise)
    if each.noise == 0 and not _is_whole(share):
        alike = 0.0
    return Guess(kind, source, each.cell, "answer", names, alike, float(share > 0.5))


def _is_whole(share: float) -> bool:
    return min(abs(share), abs(share - 1)) < ONE_PERSON
