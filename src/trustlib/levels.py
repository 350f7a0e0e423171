"""Proportions as answered: of the combinations of axes, or of several axes one after the other.

Both verbs return `Estimates` of kind level with the covariance of their rows. `one_way`
also sums up a model, by the predictive margins of `trustlib.margins`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import Cells, combinations
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import (
    MAX_ROWS,
    Estimates,
    People,
    level_estimates,
    scaled_parts,
)
from trustlib.grouping import group_codes
from trustlib.logit import LogitFit
from trustlib.margins import average_predictions
from trustlib.variance import Array, Codes, Part, Spread

Axes = Sequence[str | Sequence[str]]
ADDED = "; two people of each answer added to each group (plus four)"


def cell_means(
    cells: Cells,
    by: Sequence[str] | None = None,
    interval: str = "logit",
    plus_four: bool = False,
) -> Estimates:
    r"""Weighted proportions with the outcome, :math:`\hat p_g = \sum_{c\in g} Y_c / \sum_{c\in g} W_c`.

    Parameters
    ----------
    cells : Cells
    by : sequence of str, optional
        Some of the cells' axes; by default all of them; ``[]`` for everyone together.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}
        See `trustlib.intervals`. For p of 0 or 1 logit is undefined and wald has no
        width; the others are one-sided.
    plus_four : bool
        For small groups: two people with and two without the outcome are added to each
        (`trustlib.intervals.plus_four`). Percentages are drawn towards one half; their
        intervals, and those of what `comparisons` and `interactions` make of them, cover
        in 93 of 100 or more from 10 people on where the plain ones do not
        (``benchmarks/interval_coverage.py``): gaps with ``interval="mover"``, measures of
        interaction by the delta method, RERI of odds ratios by MOVER. Defined for p of 0
        and 1 too. There are no replicate intervals.

    Returns
    -------
    Estimates
        One row per observed combination of levels. SEs by linearisation of the ratio, or
        from the replicates. An SE is missing where a group has no weight in some
        replicate.

    Raises
    ------
    UnknownNameError
        An axis or an interval of that name does not exist.
    EstimandError
        What is given are not cells, an axis is named twice, or there are more than 2,000
        groups.

    Notes
    -----
    R: ``svyby(~y, ~gender + ethnicity, design, svymean, covmat = TRUE)`` and
    ``svyciprop(~y, design, method = "logit" | "mean" | "beta" | "likelihood", df =
    degf(design))``. In groups the df are those of everyone together, and n is the group's
    people. Of merged cells each level has its own df, by Welch and Satterthwaite from its
    samples.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": [1.0, 3.0] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 19 + [0.0] * 21
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> shown = ["group", "estimate", "std_error"]
    >>> cell_means(cells).frame[shown].round(4).values.tolist()
    [['a', 0.25, 0.077], ['b', 0.4625, 0.0886]]
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    if by is None:
        by = cells.by
    by = axis_names(by, cells.by)
    axes, group = combinations(cells.frame, by)
    member = _membership(group)
    return _proportions(cells, axes, member, cells.counts(by), interval, plus_four)


def one_way(
    source: Cells | LogitFit,
    axes: Axes | None = None,
    interval: str = "logit",
    plus_four: bool = False,
) -> Estimates:
    """Levels of several axes, or pairs of axes, one after the other, in one result with their joint covariance.

    Parameters
    ----------
    source : Cells or LogitFit
        Cells give proportions as answered; a model gives predictive margins: everyone's
        axis set to each of its levels, the other axes of the model as they are.
    axes : sequence of str or of tuples of str, optional
        By default all axes of the cells. A tuple such as ``("gender", "ethnicity")``
        stands for its combinations.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}
    plus_four : bool
        Of proportions as answered; see `cell_means`.

    Returns
    -------
    Estimates
        Columns ``axis`` and ``level`` identify a row (``"gender, ethnicity"``, ``"woman,
        minority"``). `comparisons` sets each level against the first one of the same
        axis.

    Raises
    ------
    UnknownNameError
        An axis or an interval of that name does not exist.
    EstimandError
        There is no axis, one is there twice, or people are to be added to a model.

    Notes
    -----
    R: ``svyby(~y, ~axis, design, svymean)`` for each axis;
    ``marginaleffects::avg_predictions(fit, variables = axis)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "age": ["old"] * 40 + ["young"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group", "age"])
    >>> one_way(cells).frame[["axis", "level", "estimate"]].values.tolist()[1:3]
    [['group', 'b', 0.375], ['age', 'old', 0.25]]
    """
    require_a((Cells, LogitFit), source, "Give Cells or the result of fit_logit.")
    cells = source.cells if isinstance(source, LogitFit) else source
    named = _named_axes(cells, axes)
    rows = _rows_of_axes(cells, named)
    if isinstance(source, Cells):
        member = np.vstack([_membership(group) for group in rows.groups])
        made = _proportions(cells, rows.axes, member, rows.counts, interval, plus_four)
    elif plus_four:
        raise EstimandError(
            "People are added to groups as answered, not to a model.",
            "Give the cells.",
        )
    else:
        made = average_predictions(
            source, rows.axes, rows.settings, rows.counts, interval
        )
    return replace(made, _people=_overlapping(cells, rows.groups))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The levels of several axes, one axis after the other.

    Attributes
    ----------
    axes : DataFrame (m rows)
        Columns axis and level, in words.
    settings : list of dict
        Axis -> level of each row.
    counts : DataFrame (m rows)
        Columns n and smallest.
    groups : list of int array (C,)
        The level of each cell, for each of the axes.
    """

    axes: pd.DataFrame
    settings: list[dict]
    counts: pd.DataFrame
    groups: list[Codes]


def _named_axes(cells: Cells, axes: Axes | None) -> dict[str, list[str]]:
    """The axes in words, ``gender, ethnicity``, and their names."""
    if axes is None:
        axes = cells.by
    elif isinstance(axes, str):
        axes = [axes]
    else:
        axes = list(axes)
    each = [axis_names(names, cells.by) for names in axes]
    named = {", ".join(names): names for names in each}
    if not named or "" in named or len(named) < len(axes):
        there = ", ".join(cells.by) or "none"
        raise EstimandError(
            "Expected at least one axis, each there once.",
            f"Name each once. The cells have {there}.",
        )
    return named


def _rows_of_axes(cells: Cells, named: dict[str, list[str]]) -> _Rows:
    """The levels that occur of each of several axes, in words and as settings."""
    axes: list[tuple[str, str]] = []
    settings: list[dict] = []
    groups: list[Codes] = []
    counts: list[tuple[Codes, Codes]] = []
    for axis, names in named.items():
        group, first = cells.grouped(names)
        groups.append(group)
        counts.append(cells.counted(group, len(first)))
        levels = [cells.frame[name].array.take(first).tolist() for name in names]
        for setting in zip(*levels, strict=True):
            settings.append(dict(zip(names, setting, strict=True)))
            axes.append((axis, ", ".join(map(str, setting))))
    in_words = pd.DataFrame(axes, columns=["axis", "level"])
    n, smallest = map(np.concatenate, zip(*counts, strict=True))
    people = pd.DataFrame({"n": n, "smallest": smallest})
    return _Rows(in_words, settings, people, groups)


def _overlapping(cells: Cells, groups: Sequence[Codes]) -> People:
    """The people of the levels of several axes, one axis after the other; `groups` holds the level of each cell."""
    sizes = [int(group.max()) + 1 for group in groups]
    atom, first = group_codes(zip(groups, sizes, strict=True), len(cells))
    people = np.bincount(atom, cells.frame["n"].to_numpy())
    member = []
    for group, size in zip(groups, sizes, strict=True):
        levels = np.arange(size)
        member.append(levels[:, None] == group[first])
    return People(np.vstack(member), people.astype(np.int64))


def _membership(group: Codes) -> Array:
    """Membership (g, C) of cells in groups."""
    groups = int(group.max()) + 1
    if groups > MAX_ROWS:
        raise EstimandError(
            f"The axes make {groups:,} groups; at most {MAX_ROWS:,} are estimated "
            "together.",
            "Use fewer axes, or band one.",
        )
    member = np.zeros((groups, len(group)))
    member[group, np.arange(len(group))] = 1
    return member


def _proportions(
    cells: Cells,
    axes: pd.DataFrame,
    member: Array,
    counts: pd.DataFrame,
    interval: str,
    plus_four: bool,
) -> Estimates:
    """Weighted proportions of sets of cells, given as a membership matrix (g, C)."""
    people = _summed(cells, "sum_w", member)
    p = _summed(cells, "sum_wy", member) / people
    by_people = -member * (p / people)[:, None]
    by_events = member / people[:, None]

    def proportions(totals: Array, events: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (events @ member.T) / (totals @ member.T)

    derivatives = np.hstack([by_people, by_events])
    spread = cells.scatter.spread(p, derivatives, proportions, member)
    if not plus_four:
        return level_estimates(cells, axes, p, spread, counts, interval)
    p, spread = _with_four(p, spread, _effective_people(cells, member))
    return level_estimates(cells, axes, p, spread, counts, interval, ADDED)


def _with_four(p: Array, spread: Spread, people: Array) -> tuple[Array, Spread]:
    """Proportions of groups to which four people are added, and how these vary."""
    before = np.sqrt(np.diag(spread.vcov).clip(0))
    p, vcov = intervals.plus_four(p, spread.vcov, people)
    after = np.sqrt(np.diag(vcov))
    parts = _raised(spread.parts, before, after)
    return p, Spread(vcov, parts)


def _raised(parts: Sequence[Part], before: Array, after: Array) -> tuple[Part, ...]:
    """The parts of variances whose roots were raised."""
    factor = np.ones_like(after)
    np.divide(after, before, out=factor, where=before > 0)
    return scaled_parts(parts, factor)


def _effective_people(cells: Cells, member: Array) -> Array:
    """Kish's effective number of people in sets of cells."""
    total = _summed(cells, "sum_w", member)
    squares = _summed(cells, "sum_w2", member)
    return total**2 / squares


def _summed(cells: Cells, column: str, member: Array) -> Array:
    """Totals (g,) of sets of cells."""
    return member @ cells.frame[column].to_numpy(float)
