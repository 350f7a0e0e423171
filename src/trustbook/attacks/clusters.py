"""Few clusters: what the covariance matrix says of each of them.

Of m clusters of one stratum the matrix is m / (m - 1) times the sum over clusters of
(z - zbar)(z - zbar)'. Of two, the totals of each are half of all, plus and minus half
the root of the diagonal, with the signs of one row. Of three or four whose people are
not weighted, the totals are whole numbers with a known sum and sum of squares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustbook.attacks.guesses import FEW, Guess, within
from trustbook.attacks.integers import LONGEST, with_squares
from trustbook.attacks.published import CellTable, Published
from trustlib.variance import Array

WHOLE = 1e-6  # how near to whole numbers exact totals are
MOST = 2_000  # people of a cell whose lists are searched


def clusters(published: Published) -> Iterator[Guess]:
    """People of one cluster in a cell, where there are few clusters.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(clusters(Published()))
    []
    """
    for table in published.tables:
        count = round(table.cells.df) + 1
        if count == 2:
            yield from _of_two(table)
        elif count <= LONGEST and not table.noise:
            yield from _of_few(table, count)


def _of_two(table: CellTable) -> Iterator[Guess]:
    """The smaller of two clusters: the signs come from the first row of the matrix."""
    size = len(table.cells)
    matrix = table.matrix
    half = np.sqrt(np.maximum(np.diag(matrix), 0)) / 2
    lead = int(half.argmax())
    half = half * np.where(matrix[lead] < 0, -1, 1)
    sums = np.r_[table.totals("sum_w"), table.totals("sum_wy")]
    one = sums / 2 - half
    other = sums / 2 + half
    small = one if one[:size].sum() < other[:size].sum() else other
    weight = table.totals("sum_w") / table.totals("n")
    noise = table.noise * np.sqrt(table.totals("sum_w2") / table.totals("n"))
    for i, label in enumerate(table.labels):
        for answer, value in (("", small[i]), (" with the outcome", small[size + i])):
            people = max(float(value / weight[i]), 0.0)
            sure = within(0.5, float(noise[i] / weight[i]))
            if round(people) < FEW:
                yield _guess(table, label + answer, people, sure)


def _of_few(table: CellTable, count: int) -> Iterator[Guess]:
    """Three or four clusters of people who are not weighted."""
    sums = np.r_[table.totals("sum_w"), table.totals("sum_wy")]
    squares = np.diag(table.matrix) * (count - 1) / count + sums**2 / count
    numbers = np.r_[sums, squares]
    if np.abs(numbers - numbers.round()).max() > WHOLE * max(numbers.max(), 1):
        return
    names = [*table.labels, *(f"{name} with the outcome" for name in table.labels)]
    for label, total, square in zip(names, sums, squares, strict=True):
        if total > MOST:
            continue
        lists = with_squares(count, round(total), round(square))
        distinct = {tuple(sorted(each)) for each in lists}
        least = {each[0] for each in distinct}
        if len(distinct) and max(least) < FEW:
            sure = 1.0 / len(least)
            yield _guess(table, label, float(min(least)), sure)


def _guess(table: CellTable, label: str, people: float, sure: float) -> Guess:
    whole = float(round(people))
    return Guess("clusters", table.source, label, "cluster", (table.name,), sure, whole)


def rank(matrix: Array) -> int:
    """How many clusters, less one, a covariance matrix shows at least.

    Examples
    --------
    >>> rank(np.outer([1.0, 2.0], [1.0, 2.0]))
    1
    """
    return int(np.linalg.matrix_rank(matrix, hermitian=True))
