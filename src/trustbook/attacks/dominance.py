"""One person who carries half of a cell or of an answer: the percentage is hers.

Of weights that are shares p of their sum, the sum of squares is above one half only if
one of them is. Below, it is p p of the heaviest and what others with usual weights have,
which is little where there are many: so p follows nearly. Where each person is a PSU of
one stratum, the covariance matrix gives the squares of those who said yes, and so of
those who said no.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustbook.attacks.guesses import SURE, Guess
from trustbook.attacks.published import CellTable, Published
from trustlib.variance import Array

HALF = 0.5
STEPS = 20  # of an iteration that shrinks its error each time
ALIKE = 1e-8  # relative: how near the matrix is to that of persons


def dominance(published: Published) -> Iterator[Guess]:
    """Cells and answers of which one person has more than half of the weight.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(dominance(Published()))
    []
    """
    for table in published.tables:
        if table.noise:
            continue
        groups = {"": (table.totals("sum_w"), table.totals("sum_w2"))}
        groups |= _by_answer(table)
        for word, (sums, squares) in groups.items():
            people = table.totals("n") * sums / table.totals("sum_w")
            heaviest = _heaviest(sums, squares, people, _unevenness(table))
            for i in np.flatnonzero(heaviest > HALF):
                is_certain = squares[i] > HALF * sums[i] ** 2
                sure = 1.0 if is_certain else SURE
                cell = table.labels[i] + word
                names = (table.name,)
                share = float(heaviest[i])
                yield Guess(
                    "dominance", table.source, cell, "answer", names, sure, share
                )


def _heaviest(sums: Array, squares: Array, people: Array, uneven: float) -> Array:
    """The share of the heaviest, if all others have usual weights."""
    there = sums > 0
    concentration = np.where(there, squares, 0.0) / np.where(there, sums, 1.0) ** 2
    others = uneven / np.maximum(people - 1, 1)
    share = np.sqrt(concentration)
    for _ in range(STEPS):
        left = concentration - (1 - share) ** 2 * others
        share = np.sqrt(np.maximum(left, 0))
    return share


def _unevenness(table: CellTable) -> float:
    """Mean square of the weights over their squared mean, of most cells."""
    n = table.totals("n")
    each = n * table.totals("sum_w2") / table.totals("sum_w") ** 2
    return float(np.median(each))


def _by_answer(table: CellTable) -> dict[str, tuple[Array, Array]]:
    """Weights and squares of those with each answer, where the matrix gives them."""
    size = len(table.cells)
    people = table.totals("n").sum()
    matrix = table.matrix
    sum_w = table.totals("sum_w")
    sum_wy = table.totals("sum_wy")
    scale = people / (people - 1)
    squares = np.diag(matrix)[:size] / scale + sum_w**2 / people
    if not np.allclose(squares, table.totals("sum_w2"), rtol=ALIKE, atol=0):
        return {}
    of_yes = np.diag(matrix)[size:] / scale + sum_wy**2 / people
    of_no = table.totals("sum_w2") - of_yes
    return {
        " with the outcome": (sum_wy, of_yes),
        " without the outcome": (sum_w - sum_wy, of_no),
    }
