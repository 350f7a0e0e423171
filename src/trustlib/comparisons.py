"""Gaps: what is subtracted or divided, from which reference group, and with which interval.

Differences are taken as they are, ratios of proportions and of odds as logarithms;
`transform` gives the scale on which two proportions are subtracted, and its derivative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import absence_notes, told_row
from trustlib.errors import EstimandError, require_names
from trustlib.estimates import Estimates, axis_levels, contrast, require_levels
from trustlib.intervals import mover_interval
from trustlib.masking import require_levels_of
from trustlib.scales import COMPARED, SCALES
from trustlib.variance import Array, Codes

INTERVALS = {"wald": "Wald", "mover": "MOVER"}
MINUS = np.array([1.0, -1.0])  # a level, and its reference


def comparisons(
    estimates: Estimates,
    reference: Mapping[str, Any] | None = None,
    scale: str = "difference",
    interval: str = "wald",
) -> Estimates:
    """Gaps: each level or prediction against the one of a reference group.

    Parameters
    ----------
    estimates : Estimates
        Of kind level, from `cell_means` or `predictions`.
    reference : mapping, optional
        ``{"gender": "man", "ethnicity": "majority"}``. Axes that are not named are held:
        each row is compared with the row that differs only in the named axes. By default
        the first level of every axis; of a result of `one_way`, the first level of each
        axis.
    scale : {"difference", "ratio", "odds_ratio"}
        Ratios have intervals symmetric on the log scale and are tested against 1.
    interval : {"wald", "mover"}
        The Wald interval of a difference is too short where the smaller group has fewer
        than about 400 people and weights are uneven. MOVER is made from the two levels'
        own intervals, for ratios from their logarithms; of levels with
        ``plus_four=True`` it holds from 10 people on
        (``benchmarks/interval_coverage.py``). It is not symmetric; the p-value is Wald's
        either way.

    Returns
    -------
    Estimates
        One row for each row that is not itself a reference; column ``reference`` names
        what it is compared with; n counts both groups.

    Raises
    ------
    UnknownNameError
        An axis or level of the reference, the scale or the interval does not exist.
    EstimandError
        What is given are not levels, there is one group only, or nobody is in a reference
        group.

    Notes
    -----
    R: ``svycontrast(svyby(..., covmat = TRUE), ...)``. The covariance between the two
    estimates is used.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> gaps = comparisons(tl.cell_means(cells), {"group": "a"}, scale="ratio")
    >>> gaps.frame[["group", "reference", "estimate", "n"]].values.tolist()
    [['b', 'a', 2.0, 80]]
    """
    require_levels(estimates, "comparisons")
    require_names("scale", [scale], COMPARED)
    require_names("interval", [interval], INTERVALS)
    pairs = _pairs(estimates, reference)
    p = estimates.frame["estimate"].to_numpy(float)
    value, slope = transform(p, scale)
    log = SCALES[scale].log
    note = f"; {INTERVALS[interval]} interval"
    if log:
        note += " on the log scale"
    people = estimates.people.together(pairs.rows)
    gaps = contrast(
        estimates,
        pairs.axes,
        pairs.subtracted(value),
        pairs.jacobian(slope),
        people.count,
        kind=scale,
        log=log,
        smallest=estimates.smallest[pairs.rows].min(axis=1),
        note=note,
        people=people,
    )
    if interval == "mover":
        gaps = _with_mover(gaps, estimates, pairs.rows, scale)
    notes = gaps.notes
    if reference is None:
        notes = (*notes, *absence_notes(estimates.absent, pairs.first))
    return replace(gaps, by=estimates.by, compared=pairs.compared, notes=notes)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Which rows of levels are compared with which.

    Attributes
    ----------
    axes : DataFrame (k rows)
        The by-columns of the compared rows, and column reference in words.
    rows : int array (k, 2)
        The compared row, and that of its reference group.
    compared : tuple of str
        The axes along which they are compared.
    first : dict
        Axis -> the level that the others are compared with.
    """

    axes: pd.DataFrame
    rows: Codes
    compared: tuple[str, ...]
    first: dict[str, Any]

    def subtracted(self, value: Array) -> Array:
        """Differences (k,) of the values of all rows."""
        row, base = self.rows.T
        with np.errstate(invalid="ignore"):
            return value[row] - value[base]

    def jacobian(self, slope: Array) -> Array:
        """Derivatives (k, m) of the differences, from those of the values (m,)."""
        row, base = self.rows.T
        pair = np.arange(len(self.rows))
        jacobian = np.zeros((len(pair), len(slope)))
        jacobian[pair, row] = slope[row]
        jacobian[pair, base] -= slope[base]
        return jacobian


def _pairs(estimates: Estimates, reference: Mapping[str, Any] | None) -> _Pairs:
    """Each row that is not itself a reference, and the row that it is compared with."""
    frame = estimates.frame
    by = list(estimates.by)
    rows = _in_dicts(frame, by)
    if by == ["axis", "level"] and reference is None:
        named = ["level"]
        compared: tuple[str, ...] = ("axis",)
        wanted = _first_of_axes(rows)
        first = {row["axis"]: row["level"] for row in wanted}
    else:
        base = reference_levels(frame, by, reference)
        named = list(base)
        compared = tuple(base)
        wanted = [row | base for row in rows]
        first = base
    place = {tuple(row.values()): i for i, row in enumerate(rows)}
    at = np.array([place.get(tuple(row.values()), -1) for row in wanted])
    if (at < 0).any():
        lacking = told_row(wanted[at.argmin()], frame, by, frame.get("n"))
        raise EstimandError(
            f"Nobody is in the reference group {lacking}.",
            "Choose a reference that occurs.",
        )
    others = np.flatnonzero(at != np.arange(len(frame)))
    if not len(others):
        raise EstimandError(
            "There is one group only, so there is no gap.",
            "Compare levels `by` an axis with two or more.",
        )
    at = at[others]
    columns: dict[str, Any] = {name: frame[name].array.take(others) for name in by}
    columns["reference"] = [_in_words(rows[i], named) for i in at]
    axes = pd.DataFrame(columns)
    return _Pairs(axes, np.column_stack([others, at]), compared, first)


def _in_dicts(frame: pd.DataFrame, by: list[str]) -> list[dict]:
    """The levels of each row: axis -> level. Many times as fast as ``to_dict``."""
    if not by:
        return [{}] * len(frame)
    columns = [frame[name].tolist() for name in by]
    return [dict(zip(by, row, strict=True)) for row in zip(*columns, strict=True)]


def _first_of_axes(rows: list[dict]) -> list[dict]:
    """The first level of the axis of each row of `one_way`."""
    first: dict[str, dict] = {}
    for row in rows:
        first.setdefault(row["axis"], row)
    return [first[row["axis"]] for row in rows]


def _in_words(row: dict, axes: Sequence[str]) -> str:
    """The levels of a group along some axes: ``man, majority``."""
    return ", ".join(str(row[axis]) for axis in axes)


def _with_mover(
    gaps: Estimates, levels: Estimates, pairs: Codes, scale: str
) -> Estimates:
    """Gaps with limits from the intervals of the two levels of each."""
    frame = levels.frame
    value, slope = transform(frame["estimate"].to_numpy(float), scale)
    low, _ = transform(frame["conf_low"].to_numpy(float), scale)
    high, _ = transform(frame["conf_high"].to_numpy(float), scale)
    with np.errstate(invalid="ignore", over="ignore"):
        vcov = levels.vcov * np.outer(slope, slope)
    limits = []
    for at in pairs:
        own = vcov[np.ix_(at, at)]
        limits.append(mover_interval(MINUS, value[at], low[at], high[at], own))
    ends = np.array(limits)
    if SCALES[scale].log:
        ends = np.exp(ends)
    return gaps.with_columns(conf_low=ends[:, 0], conf_high=ends[:, 1])


def reference_levels(
    frame: pd.DataFrame,
    axes: Sequence[str],
    given: Any,
    fill: bool = False,
) -> dict[str, Any]:
    """The level of reference of each axis named in `given`; of all axes, the first ones, without it or to `fill`.

    Parameters
    ----------
    frame : DataFrame
        With the axes among its columns.
    axes : sequence of str
        Those that may be named.
    given : mapping or None
        Axis -> level.
    fill : bool
        Whether axes that are not named have their first level.

    Returns
    -------
    dict
        Axis -> level.

    Raises
    ------
    EstimandError
        What is given is no mapping.
    UnknownNameError
        An axis or level does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"gender": ["man", "woman"], "age": ["old", "young"]})
    >>> reference_levels(frame, ["gender", "age"], {"age": "young"})
    {'age': 'young'}
    >>> reference_levels(frame, ["gender", "age"], {"age": "young"}, fill=True)
    {'gender': 'man', 'age': 'young'}
    """
    if given is None:
        fill = True
        given = {}
    if not isinstance(given, Mapping):
        raise EstimandError(
            f"`reference` maps axes to levels, got {given!r}.",
            'For example {"gender": "man"}.',
        )
    require_names("axis", given, axes)
    for axis, level in given.items():
        require_levels_of(f"level of {axis}", [level], frame[axis], frame.get("n"))
    if not fill:
        return dict(given)
    first = {axis: axis_levels(frame[axis])[0] for axis in axes}
    return first | dict(given)


def transform(p: Array, scale: str) -> tuple[Array, Array]:
    """The scale on which two probabilities are subtracted, and its derivative: p, log p, or log odds.

    Examples
    --------
    >>> import numpy as np
    >>> value, slope = transform(np.array([0.5, 0.2]), "odds_ratio")
    >>> value.round(3).tolist(), slope.round(3).tolist()
    ([0.0, -1.386], [4.0, 6.25])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "difference":
            return p, np.ones_like(p)
        if scale == "ratio":
            return np.log(p), 1 / p
        odds = p / (1 - p)
        return np.log(odds), 1 / (p * (1 - p))
