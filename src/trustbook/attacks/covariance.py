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
from trustbook.attacks.published import CellTable, Published
from trustlib.protection import DF_GRID, NU
from trustlib.variance import Array

PRODUCT = 1e-4  # relative: how well an exact matrix is that of products
WHOLE = 1e-6  # how near to a whole number exact people are


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
    alike: dict[tuple[object, ...], list[CellTable]] = {}
    for table in published.tables:
        if table.noise and len(table.cells) >= 3:
            people = (table.source, table.where, table.told, table.release)
            key = (*people, *table.labels)
            alike.setdefault(key, []).append(table)
    for tables in alike.values():
        yield from _of_matrices(tables[0], [each.matrix for each in tables])


def _of_matrices(table: CellTable, matrices: Sequence[Array]) -> Iterator[Guess]:
    """The weighted people of each cell, averaged over the matrices."""
    size = len(table.cells)
    blocks = [matrix[:size, :size] for matrix in matrices]
    solved = solved_totals(np.mean(blocks, axis=0), _people_in_all(table)[0])
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
        A whole number is exact. Degrees of freedom on a grid only say between which
        numbers it lies.

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
    """The number of people that degrees of freedom and protected numbers make likeliest."""
    df = float(table.cells.df)
    stated = float(table.totals("n").sum())
    if df in DF_GRID:
        above = DF_GRID[df < DF_GRID]
        most = _without_noise(above[0]) if len(above) else np.inf
        return float(np.clip(stated, _without_noise(df) + 1, most + 1)), 0.0
    for people in (df + 1, _without_noise(df) + 1):
        if np.isfinite(people) and abs(people - round(people)) < WHOLE:
            return float(round(people)), 1.0
    return stated, 0.0


def _without_noise(df: float) -> float:
    """The degrees of freedom of the file, from those with the noise on the matrix."""
    if df >= NU:
        return float(np.inf)
    return 1 / (1 / df - 1 / NU)
