r"""Measures of unadjusted bias for proportions (MUBP), where the population is known in other respects.

A panel differs from the population in what is known of both (age, gender): a proxy
:math:`x`, the linear predictor of a probit model of the answer, sums that up. How far the
answer itself is off depends on :math:`\phi`: 0 if whether somebody is in the panel depends
on the proxy alone, 1 if on the answer's latent variable alone.

Andridge, West, Little, Boonstra and Alvarado-Leiton (2019), *Journal of the Royal
Statistical Society, Series C* 68, 1465-1483.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import Cells
from trustlib.errors import (
    ConvergenceError,
    EstimandError,
    is_number,
    require_a,
    require_names,
)
from trustlib.estimates import Estimates, axis_levels, estimates_of_cells, result_frame
from trustlib.masking import require_levels_of
from trustlib.review.yes_saying import CELLS
from trustlib.variance import Array, welch_df

PHIS = (0.0, 0.5, 1.0)
STEP = 1e-5  # of a numeric derivative, of the sum of the weights
STEPS = 100
BOUND = 0.99  # of the biserial correlation, as the authors' code has it
TINY = np.finfo(float).eps


def unadjusted_bias(
    cells: Cells,
    population: Mapping[str, Mapping[Any, float]],
    size: float | None = None,
    phis: Sequence[float] = PHIS,
) -> Estimates:
    r"""How far the panel's share is above that of the population, for several values of phi.

    .. math:: \mathrm{MUBP}(\phi)=\bar y_0-\big[f\bar y_0+(1-f)\,
              \Phi(\mu_1/\sqrt{v_1})\big]

    .. math:: g=\frac{\phi+(1-\phi)\rho}{\phi\rho+(1-\phi)},\quad
              \mu_1=\Phi^{-1}(\bar y_0)+g\frac{\bar x_1-\bar x_0}{s_0},\quad
              v_1=1+g^2\frac{s_1^2-s_0^2}{s_0^2}

    with x the linear predictor of an additive probit model, :math:`\bar x,s` its mean and
    deviation in the panel (0) and among all others (1), :math:`\rho` the biserial
    correlation of answer and x in the panel (two-step), f the share of the population
    that is in the panel.

    Parameters
    ----------
    cells : Cells
        By the axes whose margins in the population are known, and no others. Everybody
        counts with their weight: give cells of a design without weights for the bias of
        the unweighted share.
    population : mapping
        Axis -> {level: share or people}, for each axis of the cells. Where there are
        several axes, their joint distribution is the panel's, raked to these margins.
    size : float, optional
        People in the population; by default so many that the panel is none of it.
    phis : sequence of float
        From 0 to 1.

    Returns
    -------
    Estimates
        Of kind difference, a row for each ``phi``: subtract it from the panel's share.
        Column ``corrected`` is that share less the bias. Standard errors by the delta method
        with numeric derivatives, or from the replicates.

    Raises
    ------
    EstimandError
        Margins that are not those of the axes, or answers that are all alike in a level.
    ConvergenceError
        The probit model has no estimate, or raking no solution.

    Notes
    -----
    :math:`v_1` of less than zero is set to the smallest number, as the authors' code
    does (it then says 0 or 1). The authors' code is in R, github bradytwest/IndicesOfNISB;
    ours is written from the paper.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"age": ["old"] * 100 + ["young"] * 300})
    >>> rows["y"] = ([1.0] * 20 + [0.0] * 80) + ([1.0] * 150 + [0.0] * 150)
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["age"])
    >>> bias = unadjusted_bias(cells, {"age": {"old": 0.5, "young": 0.5}})
    >>> bias.frame[["phi", "estimate"]].round(3).values.tolist()
    [[0.0, 0.073], [0.5, 0.172], [1.0, 0.256]]
    """
    require_a(Cells, cells, CELLS)
    levels = _require_phis(phis)
    proxy = _proxy(cells, population, size)
    frame = cells.frame
    people = frame["sum_w"].to_numpy(float)
    events = frame["sum_wy"].to_numpy(float)

    def measures(totals: Array, answers: Array) -> Array:
        each = [proxy.bias(*pair, levels) for pair in zip(totals, answers, strict=True)]
        return np.array(each)

    value = measures(people[None], events[None])[0]
    jacobian = _numeric_jacobian(measures, people, events)
    spread = cells.scatter.spread(value, jacobian, measures)
    se = np.sqrt(np.clip(np.diag(spread.vcov), 0, None))
    df: Any = cells.df
    if spread.parts:
        df = welch_df(spread.parts, len(value))
    low, high = intervals.wald_interval(value, se, df)
    statistic = np.full(len(value), np.nan)
    np.divide(value, se, out=statistic, where=se > 0)
    p_value = intervals.two_sided_p(statistic, df)
    every = cells.counts(cells.by)
    n = int(every["n"].sum())
    columns = [value, se, low, high, statistic, p_value, df, n, np.nan]
    rows = result_frame(pd.DataFrame({"phi": levels}), columns)
    how = (
        f"{cells.variance}; {cells.df_words}; Wald interval; measure of unadjusted bias, "
        f"proxy of {', '.join(cells.by)}"
    )
    smallest = np.full(len(value), int(every["smallest"].min()))
    made = estimates_of_cells(
        cells, rows, spread.vcov, "difference", how, smallest, cells.df
    )
    made = replace(made, parts=spread.parts)
    return made.with_columns(corrected=events.sum() / people.sum() - value)


@dataclass(frozen=True, eq=False)
class _Proxy:
    """What is known of panel and population.

    Attributes
    ----------
    design : array (C, k)
        Dummies of an additive model of the cells.
    margins : list of (array (L, C), array (L,))
        Membership of cells in the levels of each axis, and their shares.
    asked : float
        The share of the population that is in the panel.
    """

    design: Array
    margins: list[tuple[Array, Array]]
    asked: float

    def bias(self, people: Array, events: Array, phis: Array) -> Array:
        """The measure for each phi, from weighted people and events (C,)."""
        share = people / people.sum()
        x = self.design @ probit(self.design, people, events)
        others = (self.raked(share) - self.asked * share) / (1 - self.asked)
        mean, variance = _moments(x, share)
        mean_others, variance_others = _moments(x, others)
        level = events.sum() / people.sum()
        z = (x - mean) / np.sqrt(variance)
        rho = biserial(z, people, events)
        return bias_of(
            level,
            (mean_others - mean) / np.sqrt(variance),
            variance_others / variance,
            rho,
            self.asked,
            phis,
        )

    def raked(self, share: Array) -> Array:
        """Shares of the cells (C,), scaled to the margins of the population in turn."""
        fitted = share.copy()
        for _ in range(STEPS * STEPS):
            before = fitted
            for member, wanted in self.margins:
                factor = wanted / (member @ fitted)
                fitted = fitted * (factor @ member)
            if np.abs(fitted - before).max() < 1e-15:
                return fitted
        raise ConvergenceError(
            "The panel cannot be raked to these margins.", "Use fewer axes."
        )


def bias_of(
    level: float,
    distance: float,
    ratio: float,
    rho: float,
    asked: float,
    phis: Array,
) -> Array:
    """The measure from sums: what needs no people.

    Parameters
    ----------
    level : float
        Share of the panel that says yes.
    distance : float
        Mean of the proxy among all others less that in the panel, in deviations of the
        panel.
    ratio : float
        Variance of the proxy among all others over that in the panel.
    rho : float
        Biserial correlation of answer and proxy in the panel.
    asked : float
        Share of the population that is in the panel.
    phis : array (k,)

    Returns
    -------
    array (k,)

    Examples
    --------
    >>> import numpy as np
    >>> bias_of(0.5, 0.0, 1.0, 0.4, 0.1, np.array([0.0, 1.0])).tolist()
    [0.0, 0.0]
    """
    from scipy.special import ndtr, ndtri

    g = (phis + (1 - phis) * rho) / (phis * rho + (1 - phis))
    mean = ndtri(level) + g * distance
    variance = 1 + g**2 * (ratio - 1)
    variance = np.where(variance < 0, TINY, variance)
    others = ndtr(mean / np.sqrt(variance))
    return np.asarray((1 - asked) * (level - others))


def probit(design: Array, people: Array, events: Array) -> Array:
    """Coefficients of a probit model, by Fisher scoring.

    Parameters
    ----------
    design : array (C, k)
    people, events : array (C,)

    Returns
    -------
    array (k,)

    Examples
    --------
    >>> import numpy as np
    >>> probit(np.ones((1, 1)), np.array([100.0]), np.array([50.0])).tolist()
    [0.0]
    """
    from scipy.special import ndtr

    coefficients = np.zeros(design.shape[1])
    for _ in range(STEPS):
        eta = design @ coefficients
        p = np.clip(ndtr(eta), TINY, 1 - TINY)
        density = np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi)
        working = density / (p * (1 - p))
        score = design.T @ ((events - people * p) * working)
        information = design.T @ (design * (people * density * working)[:, None])
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-12:
            return coefficients
    raise ConvergenceError(
        "The probit model of the answer has no finite estimate.",
        "Join levels in which nobody, or everybody, says yes.",
    )


def biserial(z: Array, people: Array, events: Array) -> float:
    r"""The biserial correlation of an answer and a proxy, in two steps: the threshold is that of the share.

    .. math:: \Pr(y=1\mid z)=\Phi\Big(\frac{\Phi^{-1}(\bar y)+\rho z}{\sqrt{1-\rho^2}}\Big)

    Parameters
    ----------
    z : array (C,)
        The proxy, with mean 0 and variance 1 over the people.
    people, events : array (C,)

    Returns
    -------
    float
        Between -0.99 and 0.99.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.array([-1.0, 1.0])
    >>> round(biserial(z, np.array([50.0, 50.0]), np.array([10.0, 40.0])), 3)
    0.644
    """
    from scipy.optimize import brentq
    from scipy.special import log_ndtr, ndtri

    threshold = ndtri(events.sum() / people.sum())

    def score(rho: float) -> float:
        """The derivative of the log likelihood by the correlation."""
        left = np.sqrt(1 - rho**2)
        eta = (threshold + rho * z) / left
        slope = (z + rho * threshold) / left**3
        log_density = -(eta**2) / 2 - np.log(2 * np.pi) / 2
        yes = np.exp(log_density - log_ndtr(eta))
        no = np.exp(log_density - log_ndtr(-eta))
        return float(np.sum(slope * (events * yes - (people - events) * no)))

    low = score(-BOUND)
    high = score(BOUND)
    if low <= 0:
        return -BOUND
    if high >= 0:
        return BOUND
    return float(brentq(score, -BOUND, BOUND, xtol=1e-14, rtol=1e-14))


def _moments(x: Array, share: Array) -> tuple[float, float]:
    """Mean and variance of a proxy."""
    mean = float(share @ x)
    return mean, float(share @ (x - mean) ** 2)


def _numeric_jacobian(measures: Any, people: Array, events: Array) -> Array:
    """Derivatives (k, 2C) by the totals, from small steps to both sides."""
    size = len(people)
    step = STEP * people.min()
    columns = []
    for at in range(2 * size):
        move = np.zeros(2 * size)
        move[at] = step
        up = measures(people[None] + move[:size], events[None] + move[size:])
        down = measures(people[None] - move[:size], events[None] - move[size:])
        columns.append((up - down)[0] / (2 * step))
    return np.array(columns).T


def _require_phis(phis: Any) -> Array:
    """Values of phi from 0 to 1."""
    given = list(np.atleast_1d(np.asarray(phis, dtype=object)))
    known = all(is_number(phi) and 0 <= phi <= 1 for phi in given)
    if not (known and given):
        raise EstimandError(
            "phi is a number from 0 to 1, or several.", "For example [0, 0.5, 1]."
        )
    return np.array(given, dtype=float)


def _proxy(cells: Cells, population: Any, size: float | None) -> _Proxy:
    """What is known of panel and population, checked."""
    if not isinstance(population, Mapping) or not cells.by:
        raise EstimandError(
            "Expected cells by one axis or more, and the population's margin of each.",
            'For example {"gender": {"man": 0.49, "woman": 0.51}}.',
        )
    require_names("axis", population, cells.by)
    require_names("axis with a margin", cells.by, population)
    frame = cells.frame
    columns = [np.ones((len(frame), 1))]
    margins = []
    for axis in cells.by:
        there = set(frame[axis])
        levels = [level for level in axis_levels(frame[axis]) if level in there]
        member = np.array([(frame[axis] == level).to_numpy() for level in levels])
        columns.append(member[1:].T)
        shares = _shares(population[axis], axis, levels, cells)
        margins.append((member.astype(float), shares))
    _require_answers_differ(cells)
    return _Proxy(np.hstack(columns).astype(float), margins, _asked(cells, size))


def _shares(given: Any, axis: str, levels: list, cells: Cells) -> Array:
    """The shares of the levels of an axis in the population."""
    hint = f"Give {{level: share}} for each level of {axis!r} that the cells have."
    if not isinstance(given, Mapping):
        raise EstimandError(f"The margin of {axis!r} is no mapping.", hint)
    frame = cells.frame
    require_levels_of(f"level of {axis}", given, frame[axis], frame["n"])
    values: list[Any] = [given.get(level) for level in levels]
    if not all(is_number(value) and value > 0 for value in values):
        raise EstimandError(
            f"The margin of {axis!r} has a level without a share above zero.", hint
        )
    shares = np.array(values, dtype=float)
    return shares / shares.sum()


def _asked(cells: Cells, size: Any) -> float:
    """The share of the population that is in the panel."""
    if size is None:
        return 0.0
    n = float(cells.frame["n"].sum())
    if not (is_number(size) and n < size < np.inf):
        raise EstimandError(
            "The population is larger than the panel.",
            "Give its number of people, or leave `size` out.",
        )
    return n / size


def _require_answers_differ(cells: Cells) -> None:
    """Refuse cells without an answer of each kind."""
    share = cells.frame["sum_wy"].sum() / cells.frame["sum_w"].sum()
    if not 0 < share < 1:
        raise EstimandError(
            "Everybody answers alike, so nothing goes with the answer.",
            "Choose an outcome that some have and some have not.",
        )
