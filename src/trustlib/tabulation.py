r"""Design effects of proportions, and the test of association in a table that allows for them.

Sources: Kish (1965) for the design effect; Rao and Scott (1984), Annals of Statistics 12, 46-60, and Thomas and Rao
(1987) for the test. R: ``survey::svymean(deff=)``, ``survey::svychisq(statistic = "F")``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from trustlib.cells import Cells
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import Estimates, cell_means
from trustlib.significance import FTest, TestResult
from trustlib.variance import ReplicateScatter, replicate_covariance


def design_effects(cells: Cells, by: Sequence[str] | None = None) -> Estimates:
    r"""Weighted proportions with their design effects: the variance against that of a simple random sample.

    .. math:: \mathrm{deff}_\mathrm{replace} = V(\hat p)\Big/\frac{\hat p(1-\hat p)}{n-1},\qquad
              \mathrm{deff} = \mathrm{deff}_\mathrm{replace}\Big/\Big(1-\frac nN\Big)

    Parameters
    ----------
    cells : Cells
    by : sequence of str, optional
        As for `cell_means`.

    Returns
    -------
    Estimates
        The rows of `cell_means` with two more columns: ``deff``, against a sample without replacement from a
        population of the sum of weights, and ``deff_replace``, against one with replacement. ``deff`` is missing where
        weights add up to fewer people than were asked (they are then no numbers of people).

    Notes
    -----
    R: ``svyby(~y, ~axis, design, svymean, deff = TRUE)`` and ``deff = "replace"``. n counts people with a weight above
    zero in the group.
    """
    levels = cell_means(cells, by)
    frame = levels.frame
    axes = list(levels.by) or np.zeros(len(cells), dtype=int)
    population = cells.frame.groupby(axes, observed=True)["sum_w"].sum().to_numpy()
    simple = frame["estimate"] * (1 - frame["estimate"]) / (frame["n"] - 1)
    rest = 1 - frame["n"] / population
    frame["deff_replace"] = frame["std_error"] ** 2 / simple.where(simple > 0)
    frame["deff"] = frame["deff_replace"] / rest.where(rest > 0)
    return replace(levels, _frame=frame)


def rao_scott(cells: Cells, rows: str, columns: str | None = None) -> TestResult:
    r"""Test of association in a two-way table: Pearson's chi-squared corrected for the design to the second order.

    .. math:: F = \frac{X^2}{\mathrm{tr}\,\Delta},\quad \Delta = (C'D^{-1}C/n)^{-1}\,C'D^{-1}VD^{-1}C,\quad
              \mathrm{df} = \Big(d_0=\frac{(\mathrm{tr}\,\Delta)^2}{\mathrm{tr}\,\Delta^2},\ d_0\,\nu\Big)

    Parameters
    ----------
    cells : Cells
        Sealed or not: the test needs totals and their covariance only.
    rows : str
        An axis.
    columns : str, optional
        Another axis; by default the outcome. Two axes are compared among the people who answered the outcome.

    Returns
    -------
    DataFrame
        One row: term, statistic (F), df_num, df_den, p_value. C are the contrasts of the interaction, D the shares of
        the table's cells, V their covariance under the design, nu the design's degrees of freedom (of merged cells
        those of the samples together, `variance.joint_df`). NaN where the design leaves no variance.

    Raises
    ------
    EstimandError
        Rows or columns have fewer than two levels with people, or everybody has the same answer.

    Notes
    -----
    R: ``svychisq(~rows + columns, design, statistic = "F")``. R takes nu from the design as it is given, here it counts
    the people used; they differ only where a whole PSU has no answer.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    names = axis_names([rows] if columns is None else [rows, columns], cells.by)
    row, *column = (
        np.eye(cells.frame[c].nunique())[pd.factorize(cells.frame[c])[0]] for c in names
    )  # dummies
    answers = np.tile([[1.0, 0.0], [-1.0, 1.0]], (1, len(cells))).reshape(
        2, len(cells), 2
    )  # W - Y and Y, from W and Y
    parts = (column[0], np.zeros_like(column[0])) if column else answers
    size = row.shape[1], parts[0].shape[1]
    if min(size) < 2:
        raise EstimandError(
            "A table has at least two rows and two columns.",
            "Use axes with two or more levels each.",
        )
    member = np.hstack(
        [np.einsum("ci,cj->ijc", row, part).reshape(-1, len(cells)) for part in parts]
    )
    people = member @ np.r_[cells.frame["sum_w"], cells.frame["sum_wy"]]
    share = people / people.sum()
    table = share.reshape(size)
    if not (table.sum(axis=0) > 0).all() or not (table.sum(axis=1) > 0).all():
        raise EstimandError(
            "Nobody is in some row or column of the table.",
            "Join levels; an outcome that all or none have is associated with nothing.",
        )
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    contrasts = np.kron(*(np.eye(k)[:, 1:] - 1 / k for k in size))
    inverse = (
        np.divide(1, share, out=np.zeros_like(share), where=share > 0)[:, None]
        * contrasts
    )
    design_df = cells.df
    if isinstance(cells.scatter, ReplicateScatter):
        replicates = cells.scatter.totals @ member.T
        replicates /= replicates.sum(axis=1, keepdims=True)
        vcov = replicate_covariance(
            replicates, share, cells.scatter.scale, cells.scatter.mse
        )
    else:
        a = (member - np.outer(share, member.sum(axis=0))) / people.sum()
        vcov = cells.scatter.covariance(a)
        design_df = cells.joint_df(inverse.T @ a)
    delta = np.linalg.solve(
        contrasts.T @ inverse, inverse.T @ vcov @ inverse
    )  # per person: n cancels
    distance = ((table - expected) ** 2 / expected).sum()
    trace = np.trace(delta)
    squares = np.trace(delta @ delta)
    statistic = df = np.nan  # where nothing varies under the design
    if trace > 0 and squares > 0:
        statistic = distance / trace
        df = trace**2 / squares
    term = f"{rows} x {columns or cells.outcome}"
    test = FTest("rao_scott", term, statistic, df, df * design_df)
    smallest = int(cells.counts(names)["smallest"].min())
    return TestResult.of_rows([test], cells.source, smallest)
