"""Totals solved back from the covariance matrix.

Where each person is a PSU and there is one stratum, two cells c and d have nobody in
common and their covariance is -W_c W_d / (N - 1). So each total is a product of three
covariances, up to one factor that N gives; and N is the degrees of freedom plus one.
An exact matrix beside protected totals, or beside percentages only, undoes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import PEOPLE_NOISE, STEP, CellTable, Published
from trustlib.variance import Array

PRODUCT = 1e-4  # relative: how well an exact matrix is that of products
WHOLE = 1e-6  # how near to a whole number exact people are
WISHART_DF = 400  # of the noise of protected matrices


def covariance(published: Published) -> Iterator[Guess]:
    """Totals of cells, from the matrices of all tables of the same cells.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess
        Of protected tables only: exact ones say their totals.

    Examples
    --------
    >>> list(covariance(Published()))
    []
    """
    protected = [each for each in published.tables if each.noise]
    for table in protected:
        alike = [each for each in protected if _are_alike(each, table)]
        if len(table.cells) >= 3:
            yield from _of_matrices(table, [each.matrix for each in alike])


def _are_alike(one: CellTable, other: CellTable) -> bool:
    """Whether two tables are of the same people in the same cells."""
    mine = (one.source, one.where, one.told, one.release, one.labels)
    return mine == (other.source, other.where, other.told, other.release, other.labels)


def _of_matrices(table: CellTable, matrices: Sequence[Array]) -> Iterator[Guess]:
    """The weighted people of each cell, averaged over the matrices."""
    size = len(table.cells)
    blocks = [matrix[:size, :size] for matrix in matrices]
    solved = solved_totals(np.mean(blocks, axis=0), people_of_df(table))
    if solved is None:
        return
    totals, error = solved
    stated = table.totals("sum_w")
    typical = np.sqrt(table.totals("sum_w2") / table.totals("n"))
    noise = np.sqrt(2.0) * table.noise * typical
    if error < PRODUCT:
        best = totals
        sure = 1.0
    else:
        own = (error * totals) ** -2.0
        given = noise**-2.0
        best = (own * totals + given * stated) / (own + given)
        sure = 0.0
    for label, value in zip(table.labels, best, strict=True):
        names = (table.name,)
        total = float(value)
        yield Guess("covariance", table.source, label, "total", names, sure, total)


def solved_totals(block: Array, people: float) -> tuple[Array, float] | None:
    """Totals whose products a block of covariances is.

    Parameters
    ----------
    block : array (C, C)
        Covariances of the weighted people.
    people : float
        In all.

    Returns
    -------
    totals : array (C,)
    error : float
        How far the covariances are from products, relative.

    Examples
    --------
    >>> totals = np.array([20.0, 30.0, 50.0])
    >>> found, error = solved_totals(-np.outer(totals, totals) / 99, 100.0)
    >>> found.round(6).tolist(), error < 1e-9
    ([20.0, 30.0, 50.0], True)
    """
    size = len(block)
    one, other = np.triu_indices(size, 1)
    products = -block[one, other]
    positive = products > 0
    if positive.sum() < size:
        return None
    design = np.zeros((len(one), size))
    rows = np.arange(len(one))
    design[rows, one] = 1.0
    design[rows, other] = 1.0
    logs = np.log(products[positive])
    solved, _, rank, _ = np.linalg.lstsq(design[positive], logs, rcond=None)
    if rank < size:
        return None
    left = logs - design[positive] @ solved
    error = float(np.sqrt(np.mean(left**2)))
    return np.exp(solved) * np.sqrt(people - 1), error


def freedom(published: Published) -> Iterator[Guess]:
    """The people in all, from the degrees of freedom of protected cells of persons.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess
        A whole number is exact; otherwise it is weighed with the protected numbers.

    Examples
    --------
    >>> list(freedom(Published()))
    []
    """
    for table in published.tables:
        if table.noise:
            people, sure = _people_in_all(table)
            names = (table.name,)
            yield Guess("df", table.source, "everyone", "people", names, sure, people)


def _people_in_all(table: CellTable) -> tuple[float, float]:
    """The whole number of people that degrees of freedom and protected numbers make likeliest."""
    df = float(table.cells.df)
    people = people_of_df(table)
    if abs(people - round(people)) < WHOLE and df != round(df):
        return float(round(people)), 1.0
    # They were rounded to whole ones, and a step of them is so many people.
    spread = ((people - 1) / df) ** 2 / 12
    stated = float(table.totals("n").sum())
    noise = len(table.cells) * (PEOPLE_NOISE**2 + STEP**2 / 12)
    both = (people / spread + stated / noise) / (1 / spread + 1 / noise)
    return float(round(both)), 0.0


def people_of_df(table: CellTable) -> float:
    """The people in all, from the degrees of freedom.

    Those of protected cells are 1 / (1 / df + 1 / 400): whoever knows that solves it.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0, 1] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", [])
    >>> people_of_df(CellTable("t", "office", cells))
    40.0
    """
    df = float(table.cells.df)
    if table.noise and df < WISHART_DF:
        return 1 / (1 / df - 1 / WISHART_DF) + 1
    return df + 1
