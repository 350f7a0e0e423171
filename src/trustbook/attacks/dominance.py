"""One person who carries half of a cell or of an answer: the percentage is hers.

Squares of weights bound the heaviest: nobody weighs less than sum w w / sum w. If that
is more than half of all, one person is. Where each person is a PSU of one stratum, the
covariance matrix gives the squares of those who said yes, and so of those who said no.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import CellTable, Published
from trustlib.variance import Array

HALF = 0.5
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
            heaviest = squares / np.where(sums > 0, sums, np.nan)
            for i in np.flatnonzero(heaviest > HALF * sums):
                cell = table.labels[i] + word
                names = (table.name,)
                weight = float(heaviest[i])
                yield Guess(
                    "dominance", table.source, cell, "answer", names, 1.0, weight
                )


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
