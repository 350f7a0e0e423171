r"""Refusals that are not missing at random: what the levels would be if whoever refused had answered otherwise.

Complete cases, and `trustlib.review.impute`, suppose that those who refuse would answer
like those who do not. Here their log odds of *yes* differ by :math:`\delta`, and the
result is a curve over it (delta adjustment).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.cells import Cells, combinations
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.engines import collect
from trustlib.errors import (
    EstimandError,
    MissingRowsWarning,
    axis_names,
    is_number,
    require_a,
    require_names,
)
from trustlib.estimates import Estimates, level_estimates
from trustlib.masking import require_levels_of
from trustlib.review.imputation import NO_DESIGN, with_columns
from trustlib.variance import Array, Codes

DELTAS = (-2.0, -1.0, 0.0, 1.0, 2.0)
REFUSED = ("prefer not to say", "no answer")  # the kinds of missing of a mapping
NOTE = "; whoever refused answers with other log odds"


def refusals(
    design: SurveyDesign,
    outcome: str,
    by: Sequence[str],
    deltas: Sequence[float] = DELTAS,
    only: Mapping[str, Any] | None = None,
    kinds: Sequence[str] = REFUSED,
    interval: str = "logit",
) -> Estimates:
    r"""Levels if those who refused the question had answered, with other log odds than those who did.

    .. math:: p_g(\delta)=\frac{Y_g+R_g\,\mathrm{expit}(\mathrm{logit}\,(Y_g/A_g)+\delta)}{A_g+R_g}

    with A the weight of those who answered, Y of those who said yes, R of those who
    refused. It is the mean of multiple imputations with infinitely many rounds.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
        With missing answers. If the frame has the column ``<outcome>_missing`` (as
        `read_survey` makes it), those of the given kinds are refusals; without it, all
        who have no answer.
    by : sequence of str
        Axes that are known of those who refused, too. Whoever lacks one leaves the
        estimate.
    deltas : sequence of float
        Differences in log odds; 0 is *missing at random* within the groups.
    only : mapping, optional
        Axis -> level: the group whose refusals differ; those of the others do not. By
        default all alike.
    kinds : sequence of str
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}

    Returns
    -------
    Estimates
        Of kind level, by the axes and ``delta``; n counts those who answered, as everywhere,
        and a group is shown if it has no refusals or ten and more. Name the axes of
        the reference in `comparisons`, so that each delta is compared within itself.

    Raises
    ------
    EstimandError
        Nobody refused, or no deltas were given.
    UnknownNameError

    Notes
    -----
    Rubin (1987), ch. 6.2; Cro et al. (2020), Statistics in Medicine 39. R:
    ``svycontrast(svytotal(~answered + yes + refused, design), quote(...))``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [1.0] * 40 + [0.0] * 40 + [None] * 20, "g": "a"})
    >>> design = tl.SurveyDesign(people, weight=None)
    >>> refusals(design, "y", ["g"], [-2.0, 0.0]).frame["estimate"].round(3).tolist()
    [0.424, 0.5]
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    steps = _require_deltas(deltas)
    cells = _cells(design, outcome, by, kinds)
    groups = _groups(cells)
    moved = _moved(groups, only)
    shift = np.array([np.where(moved, delta, 0.0) for delta in steps])

    def levels(people: Array, events: Array) -> Array:
        return groups.levels(people, events, shift)

    frame = cells.frame
    people = frame["sum_w"].to_numpy(float)
    events = frame["sum_wy"].to_numpy(float)
    value = levels(people[None], events[None])[0]
    jacobian = groups.jacobian(people, events, shift)
    times = len(steps)
    member = np.repeat(groups.member, times, axis=0)
    spread = cells.scatter.spread(value, jacobian, levels, member)
    row = np.repeat(np.arange(len(groups.axes)), times)
    axes = groups.axes.iloc[row].reset_index(drop=True)
    axes["delta"] = np.tile(steps, len(groups.axes))
    counts = groups.counts.iloc[row].reset_index(drop=True)
    return level_estimates(cells, axes, value, spread, counts, interval, NOTE)


def _require_deltas(deltas: Any) -> list[float]:
    """Differences in log odds, each once."""
    given = list(np.atleast_1d(np.asarray(deltas, dtype=object)))
    steps = [float(delta) for delta in given if is_number(delta)]
    if len(steps) < len(given) or not steps or not np.isfinite(steps).all():
        raise EstimandError(
            "Deltas are differences in log odds: one number or several.",
            "For example [-1, 0, 1].",
        )
    if len(set(steps)) < len(steps):
        raise EstimandError("A delta is there more than once.", "Name each once.")
    return steps


def _cells(
    design: SurveyDesign, outcome: str, by: Sequence[str], kinds: Sequence[str]
) -> Cells:
    """Cells of the axes and of having refused; who refused counts as no."""
    frame = collect(nw.from_native(design.frame))
    require_names("outcome", [outcome], frame)
    axes = axis_names(by, frame)
    answers = frame[outcome].astype(object)
    no_answer = answers.isna()
    refused = no_answer
    if f"{outcome}_missing" in frame:
        refused = no_answer & frame[f"{outcome}_missing"].astype(object).isin(kinds)
    name = f"{outcome}_refused"
    columns = {
        outcome: answers.where(~refused, 0.0).astype(float),
        name: pd.Categorical(np.where(refused, "yes", "no"), ["no", "yes"]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        return compress(with_columns(design, columns), outcome, [*axes, name])


@dataclass(frozen=True, eq=False)
class _Groups:
    """Groups of people who answered, or refused.

    Attributes
    ----------
    axes, counts : DataFrame (G rows)
    answered : int array (G,)
        The cell of those who answered.
    refused : int array (G,)
        The cell of those who refused, or -1.
    member : array (G, C)
    """

    axes: pd.DataFrame
    counts: pd.DataFrame
    answered: Codes
    refused: Codes
    member: Array

    def levels(self, people: Array, events: Array, shift: Array) -> Array:
        """Levels (R, G x steps) of sets of totals, for the deltas (steps, G)."""
        answered = people[:, None, self.answered]
        yes = events[:, None, self.answered]
        refused = self._refusing(people)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            would = shifted(yes / answered, shift)
            levels = (yes + refused * would) / (answered + refused)
        return levels.transpose(0, 2, 1).reshape(len(people), -1)

    def _refusing(self, people: Array) -> Array:
        """The weight (R, G) of those who refused."""
        return np.where(self.refused >= 0, people[:, self.refused], 0.0)

    def jacobian(self, people: Array, events: Array, shift: Array) -> Array:
        """Derivatives (G x steps, 2C) of the levels by the totals."""
        size = len(people)
        times = len(shift)
        level = self.levels(people[None], events[None], shift)[0]
        answered = np.repeat(people[self.answered], times)
        refused = np.repeat(self._refusing(people[None])[0], times)
        said_yes = np.repeat(events[self.answered] / people[self.answered], times)
        delta = shift.T.ravel()
        would = shifted(said_yes, delta)
        total = answered + refused
        by_share = refused * shifted_slope(said_yes, delta) / answered
        jacobian = np.zeros((len(level), 2 * size))
        rows = np.arange(len(level))
        own = np.repeat(self.answered, times)
        jacobian[rows, own] = -(by_share * said_yes + level) / total
        jacobian[rows, size + own] = (1 + by_share) / total
        there = np.repeat(self.refused, times)
        some = there >= 0
        jacobian[rows[some], there[some]] = ((would - level) / total)[some]
        return jacobian


def shifted(p: Array, delta: Array) -> Array:
    """Probabilities whose log odds are moved by delta.

    Examples
    --------
    >>> import numpy as np
    >>> shifted(np.array([0.5, 1.0]), np.log(3)).round(6).tolist()
    [0.75, 1.0]
    """
    odds = np.exp(delta)
    return p * odds / (1 - p + p * odds)


def shifted_slope(p: Array, delta: Array) -> Array:
    """The derivative of `shifted` by the probability.

    Examples
    --------
    >>> import numpy as np
    >>> shifted_slope(np.array([0.5]), 0.0).tolist()
    [1.0]
    """
    odds = np.exp(delta)
    return odds / (1 - p + p * odds) ** 2


def _groups(cells: Cells) -> _Groups:
    """The groups of the cells, and their people: refusals count from ten on, or none."""
    *by, name = cells.by
    axes, group = combinations(cells.frame, by)
    refusing = (cells.frame[name] == "yes").to_numpy()
    if not refusing.any():
        raise EstimandError(
            "Nobody refused the question.",
            "Name the kinds of missing that are refusals.",
        )
    answered = _place(group, ~refusing, len(axes))
    refused = _place(group, refusing, len(axes))
    if (answered < 0).any():
        raise EstimandError(
            "There is a group in which nobody answered.", "Use coarser groups."
        )
    every = cells.counts(cells.by)
    _, order = combinations(cells.frame, list(cells.by))
    n = every["n"].to_numpy()[order]
    least = every["smallest"].to_numpy()[order]
    smallest = np.where(
        refused >= 0, np.minimum(least[answered], n[refused]), least[answered]
    )
    counts = pd.DataFrame({"n": n[answered], "smallest": smallest})
    member = (np.arange(len(axes))[:, None] == group).astype(float)
    return _Groups(axes, counts, answered, refused, member)


def _place(group: Codes, which: Array, size: int) -> Codes:
    """The cell (size,) of each group among some cells; -1 where it has none."""
    place = np.full(size, -1)
    place[group[which]] = np.flatnonzero(which)
    return place


def _moved(groups: _Groups, only: Mapping[str, Any] | None) -> Array:
    """The groups (G,) whose refusals differ."""
    axes = groups.axes
    moved = np.ones(len(axes), dtype=bool)
    if only is None:
        return moved
    if not isinstance(only, Mapping):
        raise EstimandError(
            f"`only` maps axes to levels, got {type(only).__name__}.",
            'For example {"disability": "disabled"}.',
        )
    require_names("axis", only, axes)
    for axis, level in only.items():
        require_levels_of(f"level of {axis}", [level], axes[axis], groups.counts["n"])
        moved &= (axes[axis] == level).to_numpy()
    return moved
