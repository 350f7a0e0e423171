"""Weights that are constant in classes: the cross of classes with withheld axes.

Quota and post-stratified polls give everybody of a class one weight. A table by class
shows it: n sum w w is (sum w)(sum w). A table by other axes then says how many people
of each class are in each of its cells, because few combinations of numbers of people
give its weighted total; and the weighted yes says how many of them said yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trustbook.attacks.guesses import FEW, Guess, within
from trustbook.attacks.integers import with_totals
from trustbook.attacks.published import CellTable, Published
from trustlib.variance import Array

CONSTANT = 1e-9  # relative: how near squares are to those of one weight


@dataclass(frozen=True, eq=False)
class _Classes:
    """Classes of weights that a table shows."""

    table: CellTable
    weight: Array  # (G,)
    people: Array  # (G,)

    @classmethod
    def of(cls, table: CellTable) -> _Classes:
        """The cells of a table, taken as classes."""
        people = table.totals("n")
        return cls(table, table.totals("sum_w") / people, people)

    @property
    def are_constant(self) -> bool:
        """Whether everybody of a class has one weight."""
        squares = self.table.totals("sum_w2")
        known = self.people * self.weight**2
        differ = len(np.unique(self.weight.round(12))) > 1
        return differ and bool(np.allclose(squares, known, rtol=CONSTANT, atol=0))


def classes(published: Published) -> Iterator[Guess]:
    """People of each class of weights in cells that are not published by class.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(classes(Published()))
    []
    """
    for table in published.tables:
        found = _Classes.of(table)
        if not table.noise and not found.are_constant:
            continue
        for other in published.tables:
            if _is_crossed(table, other):
                yield from _of_cross(found, other)


def _is_crossed(table: CellTable, other: CellTable) -> bool:
    """Whether another table is of the same people, by other axes."""
    mine = (table.source, table.where, table.told, table.weights, table.release)
    theirs = (other.source, other.where, other.told, other.weights, other.release)
    return mine == theirs and not {*table.cells.by} & {*other.cells.by}


def _of_cross(found: _Classes, other: CellTable) -> Iterator[Guess]:
    """The people of each class in each cell of another table."""
    for i, label in enumerate(other.labels):
        if other.noise:
            people, sure = _from_noise(found, other, i)
        else:
            people, sure = _for_certain(found, other, i)
        names = (found.table.name, other.name)
        for j in range(len(people)):
            cell = ", ".join(sorted([*label.split(", "), found.table.labels[j]]))
            count = people[j]
            if count < FEW:
                yield Guess(
                    "classes", other.source, cell, "people", names, sure[j], count
                )


def _for_certain(
    found: _Classes, other: CellTable, i: int
) -> tuple[Sequence[float], Sequence[float]]:
    """The only whole numbers that agree with a cell's people and weight."""
    n = round(other.totals("n")[i])
    most = [round(each) for each in found.people]
    sum_w = float(other.totals("sum_w")[i])
    solved = with_totals(found.weight, most, n, sum_w)
    if len(solved) != 1:
        return [], []
    sure = [float(count > 0) for count in solved[0]]
    return [float(count) for count in solved[0]], sure


def _from_noise(
    found: _Classes, other: CellTable, i: int
) -> tuple[Sequence[float], Sequence[float]]:
    """What the margins say, mended by the weighted total of the cell as far as its noise allows."""
    share = found.people / found.people.sum()
    n = float(other.totals("n")[i])
    expected = n * share
    spread = n * (np.diag(share) - np.outer(share, share))
    typical = other.totals("sum_w2")[i] / n
    noise = 2 * other.noise**2 * typical
    moved = spread @ found.weight
    variance = found.weight @ moved + noise
    step = (other.totals("sum_w")[i] - expected @ found.weight) / variance
    people = np.maximum(expected + moved * step, 0).round()
    left = np.diag(spread) - moved**2 / variance
    sure = [within(0.5, float(np.sqrt(max(each, 0.0)))) for each in left]
    return people.tolist(), sure
