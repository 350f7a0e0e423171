r"""People whom no panel reaches: how different they would have to be, and what a panel is worth.

* `tipping_points`: of a population of which a share :math:`o` is outside every panel,
  the gap is :math:`(1-o)\,d+o\,d_\text{out}`. By how much would :math:`d_\text{out}`
  have to be smaller for the whole gap to halve, vanish or turn?
* `data_defect`: if the truth were known, how much would whoever answers differ from
  whoever does not (Meng's data defect correlation), and how large is the simple random
  sample that errs as much?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import Cells, combinations
from trustlib.errors import EstimandError, axis_names, is_number, require_a
from trustlib.estimates import Estimates, People, contrast, require_levels
from trustlib.levels import cell_means
from trustlib.review.yes_saying import CELLS, TARGETS
from trustlib.variance import Array

TOLERANCE = 1e-9  # of levels


def tipping_points(
    gaps: Estimates, outside: float, levels: Estimates | None = None
) -> Estimates:
    r"""How different people outside every panel would have to be for a gap to halve, vanish or turn.

    .. math:: D=(1-o)\,d+o\,d_\text{out},\qquad
              d-d_\text{out}=\frac{f\,d}{o}\quad\text{for}\quad D=(1-f)\,d

    with f of 1/2 (halve), 1 (vanish) and 2 (turn: the same size, the other way). So many
    points more often than in the panel must people outside report it in the group that
    is compared with, or less often in the other group, or the two together.

    Parameters
    ----------
    gaps : Estimates
        Of kind difference, from `comparisons`.
    outside : float
        The share of the population that no panel reaches, above 0 and at most 1; alike
        in both groups.
    levels : Estimates, optional
        Those that the gaps are of. Then the levels that would be needed outside are told,
        and whether they are possible.

    Returns
    -------
    Estimates
        Of kind difference, a row for each gap and ``target``. The intervals are those of
        the gaps, times f/o. With `levels`, columns ``reference_outside`` and
        ``group_outside``: the level that is needed outside if the whole difference lies
        in the one group, or in the other; ``possible``: "in either group", "in the
        reference", "in the group", "in both together" (neither can alone, but the two
        can) or "no".

    Raises
    ------
    EstimandError
        What is given are no differences, the share is none, or the levels are others.

    Notes
    -----
    R: ``svycontrast(levels, quote(f * (group - reference) / o))``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> levels = tl.cell_means(tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"]))
    >>> points = tipping_points(tl.comparisons(levels), outside=0.5, levels=levels)
    >>> points.frame[["target", "estimate", "reference_outside"]].values.tolist()
    [['halve', 0.25, 0.5], ['vanish', 0.5, 0.75], ['turn', 1.0, 1.25]]
    >>> points.frame["possible"].tolist()
    ['in either group', 'in either group', 'in both together']
    """
    _require_differences(gaps)
    if not (is_number(outside) and 0 < outside <= 1):
        raise EstimandError(
            "The share of people outside is a number above 0 and at most 1, got "
            f"{str(outside)[:40]}.",
            "For example 0.2 for one in five.",
        )
    frame = gaps.frame
    size = len(frame)
    row = np.repeat(np.arange(size), len(TARGETS))
    factor = np.tile(list(TARGETS.values()), size) / outside
    moved = frame.iloc[row].reset_index(drop=True)
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        moved[column] = moved[column] * factor
    at = moved.columns.get_loc("estimate")
    moved.insert(at, "target", list(TARGETS) * size)
    note = (
        f"; people outside every panel are {100 * outside:g} % of each group, and differ "
        "from those in it by this much; interval of the gap times the same factor"
    )
    points = _repeated(gaps, moved, row, factor, note)
    if levels is None:
        return points
    return _with_levels(points, gaps, levels, row)


def _require_differences(gaps: Any) -> None:
    hint = (
        "Call tipping_points on the result of comparisons, on the scale of differences."
    )
    require_a(Estimates, gaps, hint)
    if gaps.kind != "difference":
        raise EstimandError(
            f"Expected differences, got estimates of kind {gaps.kind!r}.", hint
        )
    if "target" in gaps.by:
        raise EstimandError("Expected gaps, got tipping points.", hint)


def _repeated(
    gaps: Estimates, frame: pd.DataFrame, row: Array, factor: Array, note: str
) -> Estimates:
    """Gaps, each as many times as `row` says, multiplied by a factor."""
    jacobian = np.zeros((len(row), len(gaps)))
    jacobian[np.arange(len(row)), row] = factor
    people = gaps.people
    return replace(
        gaps,
        _frame=frame,
        vcov=gaps.vcov[np.ix_(row, row)] * np.outer(factor, factor),
        by=(*gaps.by, "target"),
        convention=gaps.convention + note,
        smallest=gaps.smallest[row],
        replicates=None,
        parts=tuple(part.moved(jacobian) for part in gaps.parts),
        _people=People(people.member[row], people.n),
    )


def _with_levels(
    points: Estimates, gaps: Estimates, levels: Estimates, row: Array
) -> Estimates:
    """Tipping points with the levels that would be needed outside."""
    group = _levels_of(gaps, levels)[row]
    reference = group - gaps.frame["estimate"].to_numpy()[row]
    needed = points.frame["estimate"].to_numpy()
    in_reference = reference + needed
    in_group = group - needed
    apart = (group - reference) - needed  # the gap that is needed outside
    columns = {
        "reference_outside": in_reference,
        "group_outside": in_group,
        "possible": _possible(in_reference, in_group, apart),
    }
    return points.with_columns(**columns)


def _levels_of(gaps: Estimates, levels: Estimates) -> Array:
    """The level of the compared group of each gap."""
    require_levels(levels, "tipping_points(..., levels=)")
    frame = levels.frame
    other = EstimandError(
        "The levels are not those that the gaps are of.",
        "Give the estimates that comparisons was called on.",
    )
    if levels.by != gaps.by:
        raise other
    keys = frame[list(levels.by)].itertuples(index=False, name=None)
    place = {key: at for at, key in enumerate(keys)}
    wanted = list(gaps.frame[list(gaps.by)].itertuples(index=False, name=None))
    if not set(wanted) <= set(place):
        raise other
    every = frame["estimate"].to_numpy()
    group = every[[place[key] for key in wanted]]
    reference = group - gaps.frame["estimate"].to_numpy()
    distance = np.abs(reference[:, None] - every).min(axis=1)
    if not (distance < TOLERANCE).all():
        raise other
    return group


def _possible(in_reference: Array, in_group: Array, apart: Array) -> list[str]:
    """Whether the levels that are needed outside are shares, in words."""
    words = []
    for reference, group, gap in zip(in_reference, in_group, apart, strict=True):
        one = -TOLERANCE <= reference <= 1 + TOLERANCE
        other = -TOLERANCE <= group <= 1 + TOLERANCE
        if one and other:
            words.append("in either group")
        elif one:
            words.append("in the reference")
        elif other:
            words.append("in the group")
        elif abs(gap) <= 1 + TOLERANCE:
            words.append("in both together")
        else:
            words.append("no")
    return words


def data_defect(
    cells: Cells,
    truth: float | Sequence[float],
    population: float | Sequence[float],
    by: Sequence[str] = (),
) -> Estimates:
    r"""Meng's data defect correlation, and the size of the simple random sample that errs as much.

    .. math:: \bar y_w-\bar Y=\rho\sqrt{\frac{1-f+\mathrm{CV}_w^2}{f}}\,\sigma,\qquad
              n^*=\frac{\sigma^2}{(\bar y_w-\bar Y)^2},\qquad
              n_\text{worth}=\frac{n^*}{1+(n^*-1)/N}

    with f = n/N the share of the population that answered, CV the coefficient of
    variation of their weights, :math:`\sigma^2=\bar Y(1-\bar Y)`, and :math:`\rho` the
    correlation, over the population, of the answer with having answered (times the
    weight; zero for all others).

    Parameters
    ----------
    cells : Cells
    truth : float or sequence of float
        The share in the population that is known, or supposed: one number, or one for
        each group.
    population : float or sequence of float
        People in the population, of each group.
    by : sequence of str
        Axes of the groups; by default everyone together.

    Returns
    -------
    Estimates
        Of kind difference: the error of the panel, with the interval of its sampling.
        Columns ``truth``, ``defect`` (the correlation) and ``worth`` (people of a simple
        random sample without replacement with the same mean squared error).

    Raises
    ------
    EstimandError
        A truth that is not between 0 and 1, or a population not above the people asked.

    Notes
    -----
    Meng (2018), Annals of Applied Statistics 12, 685-726, sections 2 and 3. The truth is mostly not known; then the
    question is which truth one is prepared to suppose. R: ``cor(asked * w, y)`` over the
    population.

    Examples
    --------
    A panel of 400 out of a million that is five points off:

    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [1.0] * 220 + [0.0] * 180})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y")
    >>> row = data_defect(cells, truth=0.5, population=1e6).frame.iloc[0]
    >>> float(row["defect"].round(4)), round(row["worth"])
    (0.002, 100)
    """
    require_a(Cells, cells, CELLS)
    by = axis_names(by, cells.by)
    levels = cell_means(cells, by, interval="wald")
    n, spread = _people_and_weights(cells, by)
    share = _numbers(truth, len(levels), "truth")
    people = _numbers(population, len(levels), "population")
    if not ((share > 0) & (share < 1)).all():
        raise EstimandError(
            "A truth is a share between 0 and 1, neither of them.",
            "Give 0.47 for 47 %.",
        )
    if not (people > n).all():
        raise EstimandError(
            "A population is larger than the people asked.",
            "Give the number of people in the population of each group.",
        )
    sigma = np.sqrt(share * (1 - share))
    asked = n / people
    factor = np.sqrt((1 - asked + spread) / asked) * sigma
    bias = levels.frame["estimate"].to_numpy() - share
    errors = _errors(levels, bias)
    return errors.with_columns(
        truth=share,
        defect=bias / factor,
        worth=_worth(bias, sigma, people),
    )


def _worth(bias: Array, sigma: Array, people: Array) -> Array:
    """People of simple random samples without replacement that err as much."""
    with np.errstate(divide="ignore"):
        with_replacement = (sigma / bias) ** 2
    inverse = 1 / with_replacement + (1 - 1 / with_replacement) / people
    return 1 / inverse


def _people_and_weights(cells: Cells, by: list[str]) -> tuple[Array, Array]:
    """People (g,) of each group, and the squared coefficient of variation of their weights."""
    axes, group = combinations(cells.frame, by)
    sums = cells.frame[["n", "sum_w", "sum_w2"]].to_numpy(float)
    member = np.arange(len(axes))[:, None] == group
    n, total, squares = (member @ sums).T
    return n, np.maximum(n * squares / total**2 - 1, 0)


def _numbers(given: Any, size: int, what: str) -> Array:
    """One number for each group."""
    try:
        each = np.broadcast_to(np.asarray(given, dtype=float), (size,))
    except (TypeError, ValueError) as error:
        raise EstimandError(
            f"`{what}` is one number, or one for each of {size} groups.",
            "In the order of the groups in cell_means.",
        ) from error
    if not np.isfinite(each).all():
        raise EstimandError(
            f"`{what}` has something that is no number.", "Give numbers."
        )
    return each


def _errors(levels: Estimates, bias: Array) -> Estimates:
    """Levels less a truth that is known."""
    size = len(levels)
    axes = levels.frame[list(levels.by)]
    if not levels.by:
        axes = pd.DataFrame(index=range(size))
    return contrast(
        levels,
        axes,
        bias,
        np.eye(size),
        levels.frame["n"].to_numpy(),
        kind="difference",
        note="; less a truth that is supposed; Wald interval",
    )
