r"""Intervals, tests and precision: arrays in, arrays out. Each formula of these stands here once.

The intervals of a proportion :math:`\hat p` with design-based variance :math:`V`, design
df :math:`d` and :math:`n` people; :math:`t_d` is the Student quantile with d df,
:math:`n_e=\hat p(1-\hat p)/V`:

==========  ============================================================================================
logit       :math:`\mathrm{expit}(\mathrm{logit}\,\hat p\mp t_d\sqrt V/(\hat p(1-\hat p)))`; undefined at 0 and 1
wald        :math:`\hat p\mp t_d\sqrt V`; no width at 0 and 1, and may leave the range 0 to 1
beta        Clopper-Pearson with :math:`n_e^*=n_e\,(t_{n-1}/t_d)^2` people (Korn and Graubard 1998)
wilson      Wilson's score interval with :math:`n_e^*` people and the normal quantile (Dean and Pagano 2015)
likelihood  q with :math:`2n_e[\hat p\log(\hat p/q)+(1-\hat p)\log((1-\hat p)/(1-q))]\le t_d^2` (Rao and Scott 1984)
==========  ============================================================================================

At 0 and 1 the variance is zero and :math:`n_e` is unknown; the last three then take
:math:`n_e=n`, as the US National Center for Health Statistics does (Parker et al.
2017), and give an interval with one end at 0 or 1.

R: ``survey::svyciprop``, methods logit (xlogit), mean, beta, likelihood (there
interpolated, up to 2e-3 off), and from version 4.4 wilson. R does not bound :math:`n_e`
by n, and neither do these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trustlib.errors import EstimandError, is_number
from trustlib.significance import FTest, TestResult
from trustlib.variance import Array

LEVEL = 0.95
RANK_TOLERANCE = 1e-9  # of a correlation matrix
Df = float | Array  # one for all, or (m,)
Limits = tuple[Array, Array]  # lower and upper, (m,) each
Interval = Callable[[Array, Array, Any, Array], Limits]


def t_quantile(df: Df, level: float = LEVEL) -> Any:
    """Two-sided Student quantile; NaN without degrees of freedom.

    Parameters
    ----------
    df : float or array (m,)
        May be infinite: the normal quantile.
    level : float

    Returns
    -------
    array (m,)

    Notes
    -----
    R: ``qt((1 + level) / 2, df)``.

    Examples
    --------
    >>> t_quantile([10.0, float("inf"), 0.0]).round(3).tolist()
    [2.228, 1.96, nan]
    """
    from scipy.special import ndtri, stdtrit

    df = np.asarray(df, dtype=float)
    below = (1 + level) / 2
    finite = np.where(np.isinf(df), 1.0, df)
    usable = np.where(df > 0, finite, np.nan)
    student = stdtrit(usable, below)
    return np.where(np.isinf(df), ndtri(below), student)


def two_sided_p(statistic: Array, df: Df) -> Any:
    """Two-sided p-value of a t statistic; NaN without degrees of freedom.

    Parameters
    ----------
    statistic : array (m,)
    df : float or array (m,)
        May be infinite: the normal distribution.

    Returns
    -------
    array (m,)

    Notes
    -----
    R: ``2 * pt(-abs(statistic), df)``.

    Examples
    --------
    >>> two_sided_p([1.96, -1.96], [float("inf"), 10.0]).round(3).tolist()
    [0.05, 0.078]
    """
    from scipy.special import ndtr, stdtr

    statistic = np.asarray(statistic, dtype=float)
    size = -np.abs(statistic)
    df = np.asarray(df, dtype=float)
    usable = (df > 0) & np.isfinite(df)
    finite = np.where(usable, df, np.nan)
    student = stdtr(finite, size)
    tail = np.where(np.isinf(df), ndtr(size), student)
    return 2 * tail


# -- intervals -----------------------------------------------------------------------


def wald_interval(estimate: Array, se: Array, df: Df, n: Array | None = None) -> Limits:
    """Estimate -/+ t SE.

    Parameters
    ----------
    estimate, se : array (m,)
    df : float or array (m,)
    n : optional
        Does not matter: all intervals are called alike.

    Returns
    -------
    tuple of array (m,), array (m,)
        Lower and upper limits.

    Notes
    -----
    R: ``svyciprop(method = "mean")``, ``confint``.

    Examples
    --------
    >>> low, high = wald_interval(0.4, 0.05, 10.0)
    >>> round(float(low), 3), round(float(high), 3)
    (0.289, 0.511)
    """
    margin = t_quantile(df) * se
    return estimate - margin, estimate + margin


def logit_interval(p: Array, se: Array, df: Df, n: Array | None = None) -> Limits:
    """expit(logit p -/+ t SE / (p (1-p))); NaN for p of 0 or 1.

    Parameters
    ----------
    p, se : array (m,)
    df : float or array (m,)
    n : optional
        Does not matter.

    Returns
    -------
    tuple of array (m,), array (m,)

    Notes
    -----
    R: ``svyciprop(method = "xlogit")``.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = logit_interval(np.array([0.1]), np.array([0.05]), 10.0)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.031], [0.277])
    """
    from scipy.special import expit, logit

    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    se_logit = se / (safe * (1 - safe))
    low, high = wald_interval(logit(safe), se_logit, df)
    low = np.where(inside, expit(low), np.nan)
    high = np.where(inside, expit(high), np.nan)
    return low, high


def effective_n(p: Array, se: Array, n: Array) -> Array:
    """People in a simple random sample with the same standard error.

    Parameters
    ----------
    p, se, n : array (m,)

    Returns
    -------
    array (m,)
        The people themselves for p of 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> shares = np.array([0.5, 1.0])
    >>> effective_n(shares, np.array([0.05, 0.0]), np.array([180, 20])).round().tolist()
    [100.0, 20.0]
    """
    inside = (p > 0) & (p < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = p * (1 - p) / se**2
    return np.where(inside, size, n)


def _adjusted_n(p: Array, se: Array, df: Df, n: Array) -> Array:
    """Effective people, adjusted for the degrees of freedom (Korn and Graubard)."""
    ratio = t_quantile(n - 1) / t_quantile(df)
    return effective_n(p, se, n) * ratio**2


def beta_interval(p: Array, se: Array, df: Df, n: Array) -> Limits:
    """Clopper-Pearson interval with the effective sample size, adjusted for degrees of freedom.

    Parameters
    ----------
    p, se, n : array (m,)
    df : float or array (m,)

    Returns
    -------
    tuple of array (m,), array (m,)

    Notes
    -----
    Korn and Graubard (1998). R: ``svyciprop(method = "beta")``.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = beta_interval(np.array([0.0]), np.zeros(1), 30.0, np.array([40]))
    >>> low.tolist(), high.round(3).tolist()
    ([0.0], [0.09])
    """
    from scipy.special import betaincinv

    size = _adjusted_n(p, se, df, n)
    tail = (1 - LEVEL) / 2
    yes = size * p
    no = size * (1 - p)
    low = np.where(p > 0, betaincinv(yes, no + 1, tail), 0.0)
    high = np.where(p < 1, betaincinv(yes + 1, no, 1 - tail), 1.0)
    known = np.isfinite(size)
    certain = np.where(np.isinf(size), p, np.nan)
    low = np.where(known, low, certain)
    high = np.where(known, high, certain)
    return low, high


def wilson_interval(p: Array, se: Array, df: Df, n: Array) -> Limits:
    """Wilson's score interval with the effective sample size of `beta_interval`.

    Parameters
    ----------
    p, se, n : array (m,)
    df : float or array (m,)

    Returns
    -------
    tuple of array (m,), array (m,)

    Notes
    -----
    R: ``prop.test(correct = FALSE)``.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = wilson_interval(np.array([0.0]), np.zeros(1), 39.0, np.array([40]))
    >>> low.tolist(), high.round(3).tolist()
    ([0.0], [0.088])
    """
    size = _adjusted_n(p, se, df, n)
    share = t_quantile(np.inf) ** 2 / size
    centre = p + share / 2
    margin = np.sqrt(share * p * (1 - p) + share**2 / 4)
    low = (centre - margin) / (1 + share)
    high = (centre + margin) / (1 + share)
    return low, high


def likelihood_interval(p: Array, se: Array, df: Df, n: Array) -> Limits:
    """Interval of the binomial likelihood ratio, scaled by the design effect.

    Parameters
    ----------
    p, se, n : array (m,)
    df : float or array (m,)

    Returns
    -------
    tuple of array (m,), array (m,)

    Notes
    -----
    Rao and Scott (1984). R: ``svyciprop(method = "likelihood")``.

    Examples
    --------
    >>> import numpy as np
    >>> share, error = np.array([0.1]), np.array([0.05])
    >>> low, high = likelihood_interval(share, error, 10.0, np.array([40]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.024], [0.246])
    """
    size = effective_n(p, se, n)
    rise = t_quantile(df) ** 2 / (2 * size)
    sides = list(zip(p, rise, strict=True))
    low = [_likelihood_end(*side, edge=0.0) for side in sides]
    high = [_likelihood_end(*side, edge=1.0) for side in sides]
    return np.array(low), np.array(high)


def _likelihood_end(p: float, rise: float, edge: float) -> float:
    """Where, between p and an edge, the deviance of one person has risen so far."""
    from scipy.optimize import bisect
    from scipy.special import rel_entr

    if np.isnan(rise) or p == edge:
        return p + 0 * rise

    def excess(q: float) -> float:
        return rel_entr(p, q) + rel_entr(1 - p, 1 - q) - rise

    return bisect(excess, edge, p, xtol=1e-16, maxiter=200)


INTERVALS: dict[str, Interval] = {
    "logit": logit_interval,
    "wald": wald_interval,
    "beta": beta_interval,
    "wilson": wilson_interval,
    "likelihood": likelihood_interval,
}


def plus_four(p: Array, vcov: Array, n: Array) -> Limits:
    r"""Proportions with two people added who have the outcome, and two who have not.

    .. math:: \tilde p=\frac{n\hat p+2}{n+4},\qquad\tilde V=\max\Big(V(\hat p),\frac{\tilde p(1-\tilde p)}{n+4}\Big)

    Parameters
    ----------
    p, vcov : array (m,), array (m, m)
    n : array (m,)
        Kish's effective number of people, :math:`(\sum w)^2/\sum w^2`.

    Returns
    -------
    tuple of array (m,), array (m, m)
        The proportions and their covariance.

    Notes
    -----
    In a small group the few people with the rarer answer decide about the standard
    error, which is far too small, or zero, when they happen to be few or of small
    weight. This puts a floor under it. Correlations stay as they are. Agresti and Coull
    (1998), *The American Statistician* 52:119. R, for a simple random sample and Wald's
    interval: ``PropCIs::add4ci``, whose variance is the floor alone.

    Examples
    --------
    >>> import numpy as np
    >>> p, vcov = plus_four(np.array([0.0]), np.zeros((1, 1)), np.array([16.0]))
    >>> p.tolist(), vcov.round(4).tolist()
    ([0.1], [[0.0045]])
    """
    moved = p + (2 - 4 * p) / (n + 4)
    variance = np.diag(vcov).clip(0)
    floor = moved * (1 - moved) / (n + 4)
    floored = np.maximum(variance, floor)
    ratio = np.zeros_like(p)
    np.divide(floored, variance, out=ratio, where=variance > 0)
    stretch = np.sqrt(ratio)
    vcov = vcov * np.outer(stretch, stretch)
    np.fill_diagonal(vcov, floored)
    return moved, vcov


def mover_interval(
    sign: Array, value: Array, low: Array, high: Array, vcov: Array
) -> Array:
    r"""Limits of a signed sum of parts from their own intervals: the method of variance estimates recovery.

    .. math:: L=\sum_i s_i\hat\theta_i-\sqrt{e'Re},\qquad e_i=\hat\theta_i-l_i\ (s_i=1),\quad\hat\theta_i-u_i\ (s_i=-1)

    and the upper limit with the other ends. Where the parts have symmetric intervals it
    is the Wald interval.

    Parameters
    ----------
    sign, value, low, high : array (m,)
        1 or -1, the parts, and their intervals.
    vcov : array (m, m)
        Covariance of the estimated parts, of which the correlation R is taken; a part
        without variance has none.

    Returns
    -------
    array (2,)

    Notes
    -----
    Zou (2008), *American Journal of Epidemiology* 168:212; of two proportions with
    Wilson intervals it is Newcombe's. R: ``interactionR::interactionR_mover``.

    Examples
    --------
    >>> import numpy as np
    >>> sign, value = np.array([1, -1]), np.array([0.5, 0.3])
    >>> low, high = np.array([0.4, 0.2]), np.array([0.6, 0.4])
    >>> mover_interval(sign, value, low, high, np.diag([0.01, 0.01])).round(3).tolist()
    [0.059, 0.341]
    """
    se = np.sqrt(np.diag(vcov))
    scale = np.outer(se, se)
    correlation = np.eye(len(se))
    np.divide(vcov, scale, out=correlation, where=scale > 0)
    added = sign > 0
    below = value - np.where(added, low, high)
    above = np.where(added, high, low) - value
    with np.errstate(invalid="ignore"):  # a part that is not defined leaves no limits
        down = _length(below, correlation)
        up = _length(above, correlation)
        return sign @ value + np.array([-down, up])


def _length(distance: Array, correlation: Array) -> float:
    """The distance of a sum, from those of its parts."""
    return np.sqrt(np.maximum(distance @ correlation @ distance, 0))


# -- tests ---------------------------------------------------------------------------


def independent(b: Array, vcov: Array) -> bool:
    """Whether estimates are all defined, and none of them follows from the others.

    Parameters
    ----------
    b, vcov : array (q,), array (q, q)

    Examples
    --------
    >>> import numpy as np
    >>> independent(np.zeros(2), np.eye(2)), independent(np.zeros(2), np.ones((2, 2)))
    (True, False)
    """
    defined = np.isfinite(b).all() and np.isfinite(vcov).all()
    if not defined:
        return False
    variance = np.clip(np.diag(vcov), 0, None)
    se = np.sqrt(variance)
    if not (se > 0).all():
        return False
    correlation = vcov / np.outer(se, se)
    rank = np.linalg.matrix_rank(correlation, tol=RANK_TOLERANCE)
    return bool(rank == len(b))


def wald_test(
    name: str, b: Array, vcov: Array, df: float, design_df: float
) -> TestResult:
    """Wald test that all of `b` are zero.

    Parameters
    ----------
    name : str
        What is tested.
    b, vcov : array (q,), array (q, q)
    df, design_df : float
        Denominator df of R's rule, and the design df of Stata's.

    Returns
    -------
    TestResult
        Two rows: ``wald`` is F = b'V^-1 b / q on (q, df), R's
        ``survey::regTermTest(method = "Wald")``; ``adjusted`` is Stata's F = (d - q +
        1)/(d q) b'V^-1 b on (q, d - q + 1) with design df d (Korn and Graubard 1990).
        Without degrees of freedom there is no p-value. Arrays do not say on how many
        people they rest, so whoever calls this says it.

    Raises
    ------
    EstimandError
        The design tells less than all of `b` apart: it has fewer PSUs or replicates, or
        nothing varies.

    Examples
    --------
    >>> import numpy as np
    >>> test = wald_test("two gaps", np.array([0.2, 0.1]), np.eye(2) / 100, 28.0, 30.0)
    >>> test[["statistic", "df_den", "p_value"]].round(3).values.tolist()
    [[2.5, 28.0, 0.1], [2.417, 29.0, 0.107]]
    """
    if not independent(b, vcov):
        raise EstimandError(
            f"The design cannot test {name}: the covariance of its {len(b)} "
            "coefficients is singular or not known.",
            "There are too few PSUs or replicates for so many terms: test fewer of "
            "them, or join levels.",
        )
    q = len(b)
    d = design_df
    wald = float(b @ np.linalg.solve(vcov, b))
    adjusted = np.nan
    if d > 0:
        adjusted = wald * (d - q + 1) / (d * q)
    rows = [
        FTest("wald", name, wald / q, q, df),
        FTest("adjusted", name, adjusted, q, d - q + 1),
    ]
    return TestResult.of_rows(rows)


# -- precision -----------------------------------------------------------------------


def require_shares(*values: Any) -> None:
    """Raise `EstimandError` unless all are numbers between 0 and 1.

    Examples
    --------
    >>> require_shares(0.8, 0.95)
    """
    are_shares = (is_number(v) and 0 < v < 1 for v in values)
    if not all(are_shares):
        raise EstimandError(
            f"Expected numbers between 0 and 1, got {values}.",
            "Give shares, such as power=0.8.",
        )


def detectable_size(se: Array, df: Df, power: float, level: float = LEVEL) -> Array:
    """What a two-sided t test finds with the given power: (t of level + t of power) times the standard error.

    Parameters
    ----------
    se : array (m,)
    df : float or array (m,)
    power, level : float

    Returns
    -------
    array (m,)

    Raises
    ------
    EstimandError
        Power or level is no share.

    Examples
    --------
    >>> import numpy as np
    >>> detectable_size(np.array([0.05]), np.inf, 0.8).round(3).tolist()
    [0.14]
    """
    require_shares(power, level)
    significant = t_quantile(df, level)
    found = t_quantile(df, 2 * power - 1)
    return (significant + found) * se


def nchs_flag(p: Array, se: Array, df: Df, n: Array) -> Array:
    """Presentation standards for proportions, as texts; see `trustlib.precision.reliability`.

    Parameters
    ----------
    p, se, n : array (m,)
    df : float or array (m,)

    Returns
    -------
    array (m,) of str

    Examples
    --------
    >>> import numpy as np
    >>> shares, se, n = np.array([0.4, 0.4]), np.array([0.02, 0.1]), np.array([600, 24])
    >>> nchs_flag(shares, se, 30.0, n).tolist()
    ['show', 'suppress: fewer than 30 effective people']
    """
    # a sample is never worth more than its people
    least = np.sqrt(p * (1 - p) / n)
    se = np.maximum(se, least)
    low, high = beta_interval(p, se, df, n)
    width = high - low
    few_df = np.broadcast_to(np.asarray(df) < 8, p.shape)
    shown: Any = np.where(few_df, "review: fewer than 8 degrees of freedom", "show")
    complement: Any = np.char.add(shown, "; not the complement")
    few_people = ~(effective_n(p, se, n) >= 30)
    at_an_end = (p == 0) | (p == 1)
    wide = ~(width < 0.30)
    wide_for_p = ~(width <= 1.3 * p)
    wide_for_rest = width > 1.3 * (1 - p)
    rules: list[tuple[Array, Any]] = [
        (few_people, "suppress: fewer than 30 effective people"),
        (at_an_end, "review: nobody or everyone"),
        (width <= 0.05, shown),
        (wide, "suppress: the interval is 30 points wide or wider"),
        (wide_for_p, "suppress: the interval is wider than 1.3 times the proportion"),
        (wide_for_rest, complement),
    ]
    conditions, texts = zip(*rules, strict=True)
    return np.select(conditions, texts, shown)


def detectable_difference(
    p: float, n: float, deff: float = 1.0, power: float = 0.8, level: float = LEVEL
) -> float:
    """The smallest increase of a proportion that a comparison of two groups of n people detects: for planning.

    Parameters
    ----------
    p : float
        Proportion in one group; the other is higher by the result. For a decrease take
        1 - p.
    n : float
        People in each group.
    deff : float
        Design effect: n / deff people of a simple random sample know as much.
    power, level : float
        Probability of finding the difference, and level of the two-sided test.

    Returns
    -------
    float
        A difference of proportions; NaN if not even the whole distance to 1 would be
        detected.

    Raises
    ------
    EstimandError
        The proportion, power or level is no number between 0 and 1.

    Notes
    -----
    Normal test with the pooled variance, power with the variances at the alternative.
    R: ``power.prop.test(n = n / deff, p1 = p, power = power)$p2 - p``.

    Examples
    --------
    >>> round(detectable_difference(0.3, n=500, deff=1.5), 3)
    0.103
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    require_shares(p, power, level)

    def excess(other: float) -> float:
        pooled = (p + other) * (2 - p - other) / 2
        apart = p * (1 - p) + other * (1 - other)
        significant = t_quantile(np.inf, level) * np.sqrt(pooled)
        needed = significant + ndtri(power) * np.sqrt(apart)
        reached = np.sqrt(n / deff) * (other - p)
        return float(reached - needed)

    if not excess(1.0) > 0:
        return np.nan
    other = brentq(excess, p, 1.0, xtol=1e-14)
    return other - p


def e_value(ratio: float, limit: float | None = None) -> tuple[float, float]:
    r"""How strong unmeasured confounding would have to be to explain a risk ratio away.

    .. math:: E=RR+\sqrt{RR\,(RR-1)}

    Parameters
    ----------
    ratio : float
        Risk ratio. An odds ratio only if the outcome is rare. Below 1 its inverse is
        taken.
    limit : float, optional
        The limit of its interval that is nearer to 1; on the other side of 1 its
        E-value is 1.

    Returns
    -------
    tuple of two floats
        For the ratio and for the limit (NaN without one): the risk ratio that a
        confounder would need with both group and outcome. This supposes that the ratio
        is read as an effect, which a description of groups is not: show it only where
        that reading is argued.

    Raises
    ------
    EstimandError
        A ratio is not finite and above 0.

    Notes
    -----
    VanderWeele and Ding (2017), *Annals of Internal Medicine* 167:268. R:
    ``EValue::evalues.RR``.

    Examples
    --------
    >>> [round(value, 2) for value in e_value(2.0, limit=1.5)]
    [3.41, 2.37]
    """
    nearer = ratio if limit is None else limit
    given = (ratio, nearer)
    are_ratios = (is_number(v) and 0 < v < np.inf for v in given)
    if not all(are_ratios):
        raise EstimandError(
            f"Ratios are finite and above 0, got {given}.",
            "Give a risk ratio, not its logarithm.",
        )
    if ratio < 1:
        given = (1 / ratio, 1 / nearer)
    of_ratio, of_limit = (_e_value(value) for value in given)
    if limit is None:
        return of_ratio, np.nan
    return of_ratio, of_limit


def _e_value(ratio: float) -> float:
    """The E-value of a risk ratio; below 1 it is 1."""
    away = max(1.0, ratio)
    return float(away + np.sqrt(away * (away - 1)))
