r"""Across countries and waves: random-effects pooling, averages over known populations, change between waves.

Two questions are kept apart. "What gap would another country of this kind have?" is
answered by `pool`: countries are a sample of countries and differ by a variance
:math:`\tau^2`. "What is the gap among the people of these countries?" is answered by
`average`: the countries are the population, and the reader says how each counts. Ratios
and odds ratios are pooled, averaged and compared as logarithms.

All verbs read the covariance of the estimates they are given. With separate samples it is
zero between countries and between waves, and the formulas are the textbook ones; where
estimates share people or coefficients (replicate weights over all countries, one model
with common slopes), the same formulas use what is there, as ``metafor::rma.mv`` does.

Sources: DerSimonian and Laird (1986); Paule and Mandel (1982); Viechtbauer (2005) for
REML; Hartung and Knapp (2001) and Sidik and Jonkman (2002) for the interval; Knapp and
Hartung (2003) for its ad hoc form; IntHout, Ioannidis and Borm (2014) and Röver, Knapp and
Friede (2015) on few studies; Higgins, Thompson and Spiegelhalter (2009) on prediction. R:
``metafor`` 3.8-1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import combinations, told_row
from trustlib.errors import EstimandError, require_a, require_names
from trustlib.estimates import (
    Estimates,
    axis_levels,
    contrast,
    scaled_parts,
)
from trustlib.intervals import LEVEL, t_quantile
from trustlib.masking import people_by_level, require_levels_of, spoken_levels
from trustlib.scales import COMBINED, SCALES
from trustlib.stacking import require_one_reference
from trustlib.variance import Array, Codes, delta_covariance

FEW = 5  # below this tau^2 is hardly known (IntHout et al. 2014; Röver et al. 2015)
METHODS = ("reml", "dl", "pm", "fixed")
INTERVALS = ("hksj", "hksj_adhoc", "wald")
PREDICTIONS = ("plug_in", "confidence")
DRAWS = 100_000  # of the confidence distribution
BOTH_ENDS = np.array([-1, 1])
NARROW = (
    "An HKSJ interval is narrower than the Wald one: see interval='hksj_adhoc' too."
)


@dataclass(frozen=True, eq=False)
class _Groups:
    """What remains of estimates without one by-column, the rows of each, and its levels.

    Attributes
    ----------
    axes : DataFrame (g rows)
        The other by-columns, and reference.
    at : int array (g, k)
        The row of each group in each level.
    levels : list (k)
    """

    axes: pd.DataFrame
    at: Codes
    levels: list


def _groups(estimates: Any, over: str, kinds: Sequence[str]) -> _Groups:
    """The groups that remain without `over`, each of them once in each of its levels."""
    hint = "Give the result of comparisons, cell_means or stack."
    require_a(Estimates, estimates, hint)
    require_names("way to put together estimates of kind", [estimates.kind], kinds)
    require_names("by-column", [over], estimates.by)
    frame = estimates.frame
    if not len(frame) or not (frame["std_error"] > 0).all():
        raise EstimandError(
            "Expected standard errors above zero.",
            "Leave rows without one out with .where(...).",
        )
    if over in estimates.compared:
        raise EstimandError(
            f"These are gaps to another {over}.",
            f"Choose a reference within each {over}.",
        )
    require_one_reference(frame, over, [c for c in estimates.by if c != over])
    held = {*estimates.by, "reference"} - {over}
    axes, group = combinations(frame, [c for c in frame if c in held])
    column = frame[over]
    levels = [level for level in axis_levels(column) if (column == level).any()]
    level = [levels.index(value) for value in column]
    at = np.full((len(axes), len(levels)), -1)
    at[group, level] = np.arange(len(frame))
    incomplete = (at < 0).any(axis=1)
    rows = np.bincount(group, minlength=len(axes))
    repeated = rows != max(len(levels), 1)
    for g in np.flatnonzero(incomplete | repeated):
        people = frame.get("n")
        name = told_row(axes.iloc[g], frame, list(axes), people)
        sizes = people_by_level(column, people)
        there = ", ".join(map(str, spoken_levels(column[group == g], sizes)))
        told = spoken_levels(levels, sizes)
        raise EstimandError(
            f"Expected {name} once in each {over} of {told}, got it in: {there}.",
            "Leave out with .where(...) what is not in all of them, or is there twice.",
        )
    return _Groups(axes, at, levels)


@dataclass(frozen=True, eq=False)
class _Linear:
    """Estimates on the scale on which they are added up: logarithms of ratios.

    Attributes
    ----------
    value : array (m,)
    vcov : array (m, m)
    factor : array (m,)
        Derivative back to the estimate; 1 where there is no logarithm.
    log : bool
    """

    value: Array
    vcov: Array
    factor: Array
    log: bool


def _linear(estimates: Estimates) -> _Linear:
    """Estimates as they are, or the logarithms of ratios."""
    value = estimates.frame["estimate"].to_numpy(float)
    if not SCALES[estimates.kind].log:
        unit = np.ones(len(value))
        return _Linear(value, estimates.vcov, unit, log=False)
    vcov = estimates.vcov / np.outer(value, value)
    return _Linear(np.log(value), vcov, factor=value, log=True)


def _combined(
    estimates: Estimates,
    groups: _Groups,
    weights: Array,
    note: str,
    variance: Array | None = None,
) -> Estimates:
    """Weighted sums (g,) of the rows of each group, with the covariance of the rows unless their variance is given."""
    linear = _linear(estimates)
    jacobian = np.zeros((len(groups.at), len(estimates)))
    np.put_along_axis(jacobian, groups.at, weights, axis=1)
    if variance is None:
        covariance = delta_covariance(jacobian, linear.vcov)
        parts = scaled_parts(estimates.parts, 1 / linear.factor)
    else:
        covariance = np.diag(variance)
        parts = ()
    people = estimates.people.together(groups.at)
    out = contrast(
        replace(estimates, parts=parts),
        groups.axes,
        jacobian @ linear.value,
        jacobian,
        people.count,
        kind=estimates.kind,
        log=linear.log,
        smallest=estimates.smallest[groups.at].min(axis=1),
        note=note,
        covariance=covariance,
        people=people,
    )
    by = [axis for axis in groups.axes if axis != "reference"]
    return replace(out, by=tuple(by))


@dataclass(frozen=True, eq=False)
class _Mean:
    """Mean of k estimates by generalised least squares, for one variance between them.

    Attributes
    ----------
    weights : array (k,)
    variance : float
        Of the mean.
    projection : array (k, k)
        P: y'Py are the squared residuals.
    """

    weights: Array
    variance: float
    projection: Array

    def squares(self, y: Array) -> float:
        """Squared residuals of estimates (k,), weighted."""
        return float(y @ self.projection @ y)


def _mean(v: Array, tau2: float) -> _Mean:
    """The mean of estimates with the covariance `v` (k, k) and the variance `tau2` between them."""
    whole = v + tau2 * np.eye(len(v))
    precision = np.linalg.inv(whole)
    row = precision.sum(axis=0)
    total = precision.sum()
    projection = precision - np.outer(row, row) / total
    return _Mean(row / total, 1 / total, projection)


def _tau2(y: Array, v: Array, method: str) -> float:
    """Variance between countries: not below zero, and otherwise where the equation of the method is fulfilled."""
    from scipy.optimize import brentq

    def excess(tau2: float) -> float:
        return _excess(y, v, tau2, method)

    if method in ("dl", "fixed"):
        expected = np.trace(_mean(v, 0).projection)
        return max(0.0, excess(0) / expected)
    largest = 2 * np.var(y, ddof=1) + np.trace(v)  # above every solution
    grid = largest * np.linspace(0, 1, 101) ** 2
    low = 0.0
    high = grid[-1]
    if method == "reml":  # the likelihood may have two maxima
        deviances = [_deviance(y, v, tau2) for tau2 in grid[:-1]]
        best = int(np.argmin(deviances))
        low = grid[max(best - 1, 0)]
        high = grid[best + 1]
    if not excess(low) > 0:
        return float(low)
    solution = brentq(excess, low, high, xtol=1e-15 * high, rtol=1e-14)
    return float(solution)


def _excess(y: Array, v: Array, tau2: float, method: str) -> float:
    """What is zero at the solution: squared residuals above those expected."""
    mean = _mean(v, tau2)
    if method == "reml":
        p = mean.projection
        return y @ p @ p @ y - np.trace(p)
    return mean.squares(y) - len(y) + 1


def _deviance(y: Array, v: Array, tau2: float) -> float:
    """Minus twice the restricted log likelihood, but for a constant."""
    mean = _mean(v, tau2)
    whole = v + tau2 * np.eye(len(y))
    _, determinant = np.linalg.slogdet(whole)
    return determinant - np.log(mean.variance) + mean.squares(y)


def _confidence_prediction(y: Array, v: Array) -> Array:
    """Limits (2,) of a prediction in which tau^2 is drawn from its confidence distribution; the seed is fixed."""
    rng = np.random.default_rng(0)
    df = len(y) - 1
    steps = np.r_[0.0, np.geomspace(1e-10, 25, 200)]
    grid = steps * (np.var(y, ddof=1) + np.trace(v))
    means = [_mean(v, tau2) for tau2 in grid]
    squares = [mean.squares(y) for mean in means]
    q = np.maximum(squares, 0.0)
    mean = np.array([mean.weights @ y for mean in means])
    variance = np.array([mean.variance for mean in means])
    se = np.sqrt(variance * q / df)
    deviate = rng.chisquare(df, DRAWS)
    tau2 = np.interp(-deviate, -q, grid)
    of_mean = np.interp(tau2, grid, se) * rng.standard_t(df, DRAWS)
    between = np.sqrt(tau2) * rng.standard_normal(DRAWS)
    drawn = np.interp(tau2, grid, mean) + of_mean + between
    tail = (1 - LEVEL) / 2
    return np.quantile(drawn, [tail, (1 + LEVEL) / 2])


@dataclass(frozen=True)
class _Pooling:
    """How estimates are pooled.

    Attributes
    ----------
    method, interval, prediction : str
        As of `pool`.
    """

    method: str
    interval: str
    prediction: str

    @property
    def fixed(self) -> bool:
        """Whether the countries are taken as alike."""
        return self.method == "fixed"

    @property
    def drawn(self) -> bool:
        """Whether a prediction draws the variance between countries."""
        return self.prediction == "confidence" and not self.fixed

    @property
    def least(self) -> int:
        """The number of countries that are needed."""
        return 2 if self.fixed else 3

    def df(self, k: int) -> float:
        """Degrees of freedom of the mean of `k` countries."""
        if self.interval == "wald":
            return np.inf
        return k - 1.0

    def stretched(self, variance: float, stretch: float) -> float:
        """The variance of the mean, by the interval's factor."""
        factors = {"wald": 1.0, "hksj": stretch, "hksj_adhoc": max(1.0, stretch)}
        return variance * factors[self.interval]


@dataclass(frozen=True, eq=False)
class _Pooled:
    """The mean of one group over the countries, and how much these differ.

    Attributes
    ----------
    weights : array (k,)
    square : float
        Variance of the mean.
    stretch : float
        The factor of an HKSJ interval.
    tau2, i2, q : float
    limits : array (2,)
        Of the gap of another country; logarithms for ratios.
    """

    weights: Array
    square: float
    stretch: float
    tau2: float
    i2: float
    q: float
    limits: Array


def _pooled(y: Array, v: Array, how: _Pooling) -> _Pooled:
    """The mean of estimates (k,) of as many countries with the covariance `v`."""
    k = len(y)
    alike = _mean(v, 0)
    q = alike.squares(y)
    between = _tau2(y, v, how.method)
    within = (k - 1) / np.trace(alike.projection)  # the typical sampling variance
    i2 = between / (between + within)
    tau2 = between
    if how.fixed:
        tau2 = 0.0
    mean = _mean(v, tau2)
    stretch = max(0.0, mean.squares(y)) / (k - 1)
    square = how.stretched(mean.variance, stretch)
    estimate = float(mean.weights @ y)
    limits = _prediction(y, v, estimate, square, tau2, how)
    return _Pooled(mean.weights, square, stretch, tau2, i2, q, limits)


def _prediction(
    y: Array,
    v: Array,
    mean: float,
    square: float,
    tau2: float,
    how: _Pooling,
) -> Array:
    """Limits (2,) of the estimate of another country; not known of countries taken as alike."""
    ends = t_quantile(how.df(len(y))) * BOTH_ENDS
    if how.fixed:
        return np.full(2, np.nan)
    if not how.drawn:
        return mean + ends * np.sqrt(tau2 + square)
    limits = _confidence_prediction(y, v)
    if how.interval == "hksj_adhoc":  # no better foretold than the mean is known
        low, high = mean + ends * np.sqrt(square)
        limits = np.array([min(limits[0], low), max(limits[1], high)])
    return limits


def pool(
    estimates: Estimates,
    over: str = "country",
    method: str = "reml",
    interval: str | None = None,
    prediction: str = "plug_in",
) -> Estimates:
    r"""Random-effects mean of the gaps of several countries, with how much the countries differ.

    .. math::

        \hat\mu = \frac{1'W y}{1'W1},\quad W = (V + \hat\tau^2 I)^{-1},\quad
        \mathrm{SE}^2_{HKSJ} = \frac{1}{1'W1}\,\frac{(y-\hat\mu)'W(y-\hat\mu)}{k-1}

    Parameters
    ----------
    estimates : Estimates
        Gaps, ratios or coefficients with `over` among the by-columns: one for each
        country in each combination of the other by-columns, each against the same group
        of the same country.
    over : str
        The by-column that is pooled.
    method : {"reml", "dl", "pm", "fixed"}
        Estimator of :math:`\tau^2`: restricted maximum likelihood, DerSimonian-Laird,
        Paule-Mandel; ``"fixed"`` sets it to zero, so that the result is the
        precision-weighted mean of these countries alone.
    interval : {"hksj", "hksj_adhoc", "wald"}, optional
        Hartung-Knapp-Sidik-Jonkman with t of k - 1 df (the default of the random-effects
        methods), the same with an SE that is never below the Wald one (factor at least
        1), or Wald with the normal quantile (the default of ``"fixed"``). In simulations
        of 5 and 10 countries (``benchmarks/interval_coverage.py``) HKSJ covered in 92.5
        to 95.0 of 100 and with the floor in 94.2 to 99.5. When the countries agree by
        chance HKSJ is narrower than Wald, and a note names ``"hksj_adhoc"``, which Röver
        et al. (2015) recommend for few countries.
    prediction : {"plug_in", "confidence"}
        ``"plug_in"`` takes tau2 as known and is too short when countries differ (82 to 93
        of 100 with 5 or 10 countries). ``"confidence"`` draws it from its confidence
        distribution (Nagashima et al. 2019): 100,000 draws with a fixed seed of
        :math:`\tau^2` with :math:`Q(\tau^2)\sim\chi^2_{k-1}`, of the mean with its HKSJ
        standard error and t of k - 1 df, and of a new country around it. It covers in 93
        to 94, in 98 when all are alike.

    Returns
    -------
    Estimates
        One row per remaining combination, of the same kind. Besides the usual columns (n
        sums over countries):

        * tau2, the variance between countries (of log ratios for ratios);
        * i2, the share of the variation that is not sampling error (0 to 1, Higgins and
          Thompson 2002), from tau2 and the typical sampling variance (k-1) / tr P; for
          ``"fixed"`` (Q - df) / Q;
        * q, q_df, q_p: Cochran's Q, which is the Wald chi-squared test that all countries
          are equal;
        * prediction_low, prediction_high: where the gap of another such country lies with
          95 %; of ``"plug_in"`` :math:`\hat\mu \mp c\sqrt{\hat\tau^2 + \mathrm{SE}^2}`
          with the SE and the quantile c of the interval (z for ``"wald"``, as metafor for
          ``test = "z"``; t with k - 1 df for HKSJ, as metafor for ``test = "knha"``;
          Higgins et al. 2009 take k - 2 with the Wald SE). Missing for ``"fixed"``, which
          knows no other country;
        * k, the number of countries.

        The covariance between two pooled rows is not known and is missing in vcov.

    Raises
    ------
    EstimandError
        Fewer than three countries (two for ``"fixed"``): from two, :math:`\tau^2` has one
        degree of freedom and the quantile is 12.7; no method is known to work (Gonnermann
        et al. 2015). Or two estimates of one country, a combination that some country
        lacks, gaps against another country, or estimates that determine each other.
    UnknownNameError
        An unknown option, by-column or kind of estimate.

    Notes
    -----
    The standard errors of the countries are taken as known, as everywhere in
    meta-analysis. R: ``metafor::rma(yi, vi, method = "REML", test = "knha" | "adhoc" |
    "z")`` and ``predict``; with covariances ``rma.mv(yi, V, random = ~ 1 | country)``;
    ``pimeta::pima`` for the confidence distribution (there by bootstrap). Deviation:
    metafor also takes two estimates.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> def gaps(events):
    ...     frame = pd.DataFrame({"g": ["a"] * 100 + ["b"] * 100, "y": 0.0})
    ...     frame.loc[[*range(30), *range(100, 100 + events)], "y"] = 1.0
    ...     cells = tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["g"])
    ...     return tl.comparisons(tl.cell_means(cells))
    >>> countries = tl.stack({"FR": gaps(40), "DE": gaps(55), "IT": gaps(35)}, "country")
    >>> pool(countries).frame[["estimate", "tau2", "q", "k"]].round(3).values.tolist()
    [[0.133, 0.006, 4.784, 3.0]]
    """
    if interval is None:
        interval = "wald" if method == "fixed" else "hksj"
    require_names("method", [method], METHODS)
    require_names("interval", [interval], INTERVALS)
    require_names("prediction", [prediction], PREDICTIONS)
    how = _Pooling(method, interval, prediction)
    groups = _groups(estimates, over, COMBINED)
    k = len(groups.levels)
    if k < how.least:
        raise EstimandError(
            f"{k} estimates are too few for method {method!r}.",
            "Show each, or use average(...).",
        )
    linear = _linear(estimates)
    pooled = []
    for rows in groups.at:
        v = linear.vcov[np.ix_(rows, rows)]
        _require_independent(v, over)
        pooled.append(_pooled(linear.value[rows], v, how))
    note = f"; pooled over {over}: {method}, {interval} interval with {how.df(k):g} df"
    if how.drawn:
        note += "; prediction by confidence distribution"
    weights = np.array([one.weights for one in pooled])
    square = np.array([one.square for one in pooled])
    free = replace(estimates, df=how.df(k))
    out = _combined(free, groups, weights, note, square)
    differences = _differences(pooled, k, linear.log)
    cautions = _cautions(pooled, k, over, how)
    return replace(
        out,
        _frame=out.frame.join(differences),
        vcov=np.where(np.eye(len(pooled)), out.vcov, np.nan),
        notes=(*out.notes, *cautions),
    )


def _require_independent(v: Array, over: str) -> None:
    """Refuse estimates that determine each other: the determinant of their correlations is 0."""
    if not np.linalg.det(v / np.diag(v)) > 1e-12:
        raise EstimandError(
            f"The covariance between levels of {over!r} is not known, or one follows "
            "from the others.",
            "Pool estimates of separate samples.",
        )


def _differences(pooled: Sequence[_Pooled], k: int, log: bool) -> pd.DataFrame:
    """How much the countries differ, and where another one lies: the further columns of `pool`."""
    from scipy.special import chdtrc

    limits = np.array([one.limits for one in pooled])
    if log:
        limits = np.exp(limits)
    columns = {
        "tau2": [one.tau2 for one in pooled],
        "i2": [one.i2 for one in pooled],
        "q": [one.q for one in pooled],
        "q_df": k - 1,
        "q_p": [chdtrc(k - 1, one.q) for one in pooled],
        "prediction_low": limits[:, 0],
        "prediction_high": limits[:, 1],
        "k": k,
    }
    return pd.DataFrame(columns, dtype=float)


def _cautions(pooled: Sequence[_Pooled], k: int, over: str, how: _Pooling) -> list[str]:
    """What stands below a table of pooled estimates."""
    cautions = []
    if k < FEW:
        cautions.append(f"The variance between {k} levels of {over} is hardly known.")
    if how.interval == "hksj" and min(one.stretch for one in pooled) < 1:
        cautions.append(NARROW)
    return cautions


def average(
    estimates: Estimates,
    over: str = "country",
    weights: str | Mapping[Any, float] = "equal",
) -> Estimates:
    r"""Mean over the countries themselves, each counting as the reader says, with its design-based standard error.

    .. math:: \bar\theta = \sum_c s_c \hat\theta_c,\quad s_c = w_c\Big/\sum_c w_c,\qquad V = s' V_{\hat\theta}\, s

    Parameters
    ----------
    estimates : Estimates
        Gaps, ratios or coefficients with `over` among the by-columns, as for `pool`.
    over : str
    weights : {"equal", "sample"} or mapping
        Each country alike; by the people compared in it (column n), which says more of
        the fieldwork than of anybody; or by population: ``{"FR": 53.1, "DE": 69.4}``,
        numbers above zero for exactly the countries there.

    Returns
    -------
    Estimates
        One row per remaining combination, of the same kind. The answer is about these
        countries: nothing is assumed of how they differ, and the interval does not widen
        when they do. Ratios are averaged as logarithms.

    Raises
    ------
    EstimandError, UnknownNameError
        As of `pool`; or a population is missing, or is no number above zero.

    Notes
    -----
    R: ``svycontrast`` of ``svyby(..., covmat = TRUE)``. With ``method="fixed"``, `pool`
    weights by precision instead, which is the mean of no stated population.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> def gaps(events):
    ...     frame = pd.DataFrame({"g": ["a"] * 100 + ["b"] * 100, "y": 0.0})
    ...     frame.loc[[*range(30), *range(100, 100 + events)], "y"] = 1.0
    ...     cells = tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["g"])
    ...     return tl.comparisons(tl.cell_means(cells))
    >>> both = tl.stack({"FR": gaps(40), "DE": gaps(50)}, "country")
    >>> mean = average(both, weights={"FR": 50, "DE": 150})
    >>> mean.frame[["estimate", "std_error"]].round(4).values.tolist()
    [[0.175, 0.0537]]
    """
    groups = _groups(estimates, over, COMBINED)
    if isinstance(weights, Mapping):
        counting = "population"
        share = _populations(groups, over, weights, estimates.frame)
    else:
        require_names("weights", [weights], ("equal", "sample"))
        counting = weights
        share = np.ones(groups.at.shape)
        if weights == "sample":
            share = estimates.frame["n"].to_numpy(float)[groups.at]
    note = f"; average over {over}, weights: {counting}"
    share = share / share.sum(axis=1, keepdims=True)
    return _combined(estimates, groups, share, note)


def _populations(
    groups: _Groups, over: str, given: Mapping[Any, float], frame: pd.DataFrame
) -> Array:
    """The population (g, k) of each country, which is the same for every group."""
    names = groups.levels
    require_levels_of(f"level of {over}", given, frame[over], frame.get("n"))
    populations = pd.Series(given).reindex(names)
    size = pd.to_numeric(populations, errors="coerce").to_numpy(float)
    if not (np.isfinite(size) & (size > 0)).all():
        raise EstimandError(
            f"Expected a number above zero for each level of {over!r}.",
            "Give each its population.",
        )
    return size * np.ones(groups.at.shape)


def change(
    estimates: Estimates,
    over: str = "wave",
    within: str | None = "country",
) -> Estimates:
    """Change from the first to the second of two waves of the same countries, with its design-based standard error.

    Parameters
    ----------
    estimates : Estimates
        Levels, gaps, ratios or coefficients, with `over` and `within` among the
        by-columns. Waves of separate samples come from `stack`, which refuses different
        items, or from cells with `over` as an axis; then the covariance between waves
        (shared PSUs, panels) is that of the design.
    over : str
        The by-column with the two waves.
    within : str or None
        The by-column with the countries, or None for a survey of one population. It is
        asked for because estimates over all countries together do not show which
        countries were in each wave.

    Returns
    -------
    Estimates
        One row per remaining combination: differences, in ratios the ratio of the ratios.
        `pool` of them over countries gives the mean change, and in q, q_df and q_p the
        test that all countries changed alike (``method="fixed"`` also for two countries);
        `average` the change in a stated population.

    Raises
    ------
    UnknownNameError
        `over` or `within` is not among the by-columns.
    EstimandError
        There are not two waves, or a country or group is not in both.

    Notes
    -----
    One verb for one object, and not two arguments before and after, so that the
    covariance between the waves is there whenever the design has one, and so that the
    countries are compared by the same rule as in `pool` and `average`. R: ``svycontrast``
    of ``svyby(~y, ~wave + country, design, svymean, covmat = TRUE)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> def survey(events):
    ...     frame = pd.DataFrame({"y": [1.0] * events + [0.0] * (100 - events)})
    ...     return tl.cell_means(tl.compress(tl.SurveyDesign(frame, weight=None), "y"))
    >>> both = tl.stack({"2019": survey(30), "2024": survey(40)}, over="wave")
    >>> found = change(both, within=None)
    >>> found.frame[["estimate", "std_error"]].round(4).values.tolist()
    [[0.1, 0.0674]]
    """
    groups = _groups(estimates, over, ("level", *COMBINED))
    if within:
        require_names("by-column", [within], estimates.by)
    if len(groups.levels) != 2:
        raise EstimandError(
            f"Expected two levels of {over!r}, got {groups.levels}.",
            "Choose two with .where(...).",
        )
    before, after = groups.levels
    times = len(groups.at)
    weights = np.tile([-1.0, 1.0], (times, 1))
    note = f"; change of {over}, {before} to {after}"
    out = _combined(estimates, groups, weights, note)
    if out.kind == "level":
        return replace(out, kind="difference")
    return out
