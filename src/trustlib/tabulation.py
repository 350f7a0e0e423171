r"""Design effects of proportions, and the test of association in a table that allows for them.

Sources: Kish (1965) for the design effect; Rao and Scott (1984), Annals of Statistics 12,
46-60, and Thomas and Rao (1987) for the test. R: ``survey::svymean(deff=)``,
``survey::svychisq(statistic = "F")``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trustlib.cells import Cells
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import Estimates
from trustlib.levels import cell_means
from trustlib.significance import FTest, TestResult
from trustlib.variance import Array


def design_effects(
    cells: Cells,
    by: Sequence[str] | None = None,
) -> Estimates:
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
        The rows of `cell_means` with two more columns: ``deff``, against a sample without
        replacement from a population of the sum of weights, and ``deff_replace``, against
        one with replacement. ``deff`` is missing where weights add up to fewer people
        than were asked (they are then no numbers of people).

    Raises
    ------
    UnknownNameError, EstimandError
        As for `cell_means`.

    Notes
    -----
    R: ``svyby(~y, ~axis, design, svymean, deff = TRUE)`` and ``deff = "replace"``. n
    counts people with a weight above zero in the group.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0, 0.0, 0.0] * 20, "w": [10.0, 30.0] * 40})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y")
    >>> design_effects(cells).frame[["deff_replace", "deff"]].round(2).values.tolist()
    [[0.61, 0.64]]
    """
    levels = cell_means(cells, by)
    frame = levels.frame
    p = frame["estimate"]
    axes = list(levels.by)
    everyone = np.zeros(len(cells), dtype=int)
    weights = cells.frame.groupby(axes or everyone, observed=True)["sum_w"]
    not_asked = 1 - frame["n"] / weights.sum().to_numpy()
    simple = p * (1 - p) / (frame["n"] - 1)
    deff_replace = frame["std_error"] ** 2 / simple.where(simple > 0)
    deff = deff_replace / not_asked.where(not_asked > 0)
    return levels.with_columns(deff_replace=deff_replace, deff=deff)


def rao_scott(
    cells: Cells,
    rows: str,
    columns: str | None = None,
) -> TestResult:
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
        Another axis; by default the outcome. Two axes are compared among the people who
        answered the outcome.

    Returns
    -------
    DataFrame
        One row: term, statistic (F), df_num, df_den, p_value. C are the contrasts of the
        interaction, D the shares of the table's cells, V their covariance under the
        design, nu the design's degrees of freedom (of merged cells those of the samples
        together, `variance.joint_df`). NaN where the design leaves no variance.

    Raises
    ------
    UnknownNameError
        An axis does not exist.
    EstimandError
        Rows or columns have fewer than two levels with people, or everybody has the same
        answer.

    Notes
    -----
    R: ``svychisq(~rows + columns, design, statistic = "F")``. R takes nu from the design
    as it is given, here it counts the people used; they differ only where a whole PSU has
    no answer.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> test = rao_scott(cells, "group")
    >>> test[["statistic", "df_num", "p_value"]].round(3).values.tolist()
    [[5.267, 1.0, 0.024]]
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    given = [rows] if columns is None else [rows, columns]
    names = axis_names(given, cells.by)
    table = _table(cells, names)
    weighted = table.inverse_share[:, None] * table.contrasts
    spread = cells.scatter.spread(table.share, table.derivatives, table.shares_of)
    design_df = cells.joint_df(weighted.T @ table.derivatives)
    simple = table.contrasts.T @ weighted  # per person: n cancels
    delta = np.linalg.solve(simple, weighted.T @ spread.vcov @ weighted)
    trace = np.trace(delta)
    squares = np.trace(delta @ delta)
    statistic = df = np.nan  # where nothing varies under the design
    if trace > 0 and squares > 0:
        statistic = table.distance / trace
        df = trace**2 / squares
    term = f"{rows} x {columns or cells.outcome}"
    test = FTest("rao_scott", term, statistic, df, df * design_df)
    smallest = cells.counts(names)["smallest"]
    return TestResult.of_rows([test], cells.source, int(smallest.min()))


@dataclass(frozen=True, eq=False)
class _Table:
    """A two-way table of weighted people, one entry after the other, row by row.

    Attributes
    ----------
    member : array (r * c, 2C)
        How the entries follow from the totals (W, Y) of the cells.
    people : array (r * c,)
        Weighted people in each entry.
    shape : tuple of int
        Rows r and columns c.
    """

    member: Array
    people: Array
    shape: tuple[int, int]

    @property
    def share(self) -> Array:
        """Share (r * c,) of all people in each entry."""
        return self.people / self.people.sum()

    @property
    def inverse_share(self) -> Array:
        """One over the share (r * c,); 0 where nobody is."""
        share = self.share
        inverse = np.zeros_like(share)
        return np.divide(1, share, out=inverse, where=share > 0)

    @property
    def derivatives(self) -> Array:
        """Of the shares by the totals of the cells, (r * c, 2C)."""
        moved = np.outer(self.share, self.member.sum(axis=0))
        return (self.member - moved) / self.people.sum()

    @property
    def contrasts(self) -> Array:
        """Contrasts of the interaction of rows and columns, (r * c, (r - 1)(c - 1))."""
        rows, columns = map(_centred, self.shape)
        return np.kron(rows, columns)

    @property
    def distance(self) -> float:
        """Pearson's chi-squared, per person."""
        share = self.share.reshape(self.shape)
        expected = np.outer(share.sum(axis=1), share.sum(axis=0))
        return ((share - expected) ** 2 / expected).sum()

    def shares_of(self, people: Array, events: Array) -> Array:
        """The shares (R, r * c) under other totals of the cells, (R, C) each."""
        entries = np.hstack([people, events]) @ self.member.T
        return entries / entries.sum(axis=1, keepdims=True)


def _table(cells: Cells, axes: list[str]) -> _Table:
    """The table of one axis by the outcome, or of two axes."""
    rows, *others = (_dummies(cells.frame[axis]) for axis in axes)
    if others:
        of_people = others[0]
        of_events = np.zeros_like(of_people)
    else:
        of_people = np.tile([1.0, 0.0], (len(cells), 1))
        of_events = np.tile([-1.0, 1.0], (len(cells), 1))
    shape = (rows.shape[1], of_people.shape[1])
    if min(shape) < 2:
        raise EstimandError(
            "A table has at least two rows and two columns.",
            "Use axes with two or more levels each.",
        )
    member = np.hstack([_entries(rows, by) for by in (of_people, of_events)])
    people = member @ np.r_[cells.frame["sum_w"], cells.frame["sum_wy"]]
    table = _Table(member, people, shape)
    _require_people(table)
    return table


def _centred(levels: int) -> Array:
    """Dummies of all levels but the first, less their mean."""
    return np.eye(levels)[:, 1:] - 1 / levels


def _dummies(axis: pd.Series) -> Array:
    """One column for each level of an axis, in the order in which they occur."""
    level, _ = pd.factorize(axis)
    return np.eye(axis.nunique())[level]


def _entries(rows: Array, columns: Array) -> Array:
    """The entry of a table (r * c, C) that each cell is in."""
    entry = np.einsum("ci,cj->ijc", rows, columns)
    return entry.reshape(-1, len(rows))


def _require_people(table: _Table) -> None:
    """Refuse a table with a row or a column of nobody."""
    share = table.share.reshape(table.shape)
    for axis in (0, 1):
        if not (share.sum(axis=axis) > 0).all():
            raise EstimandError(
                "Nobody is in some row or column of the table.",
                "Join levels; an outcome that all or none have is associated with "
                "nothing.",
            )
