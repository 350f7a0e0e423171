r"""Intervals, tests and precision: arrays in, arrays out. Each formula of these stands here once.

The intervals of a proportion :math:`\hat p` with design-based variance :math:`V`, design df :math:`d` and :math:`n`
people; :math:`t_d` is the Student quantile with d df, :math:`n_e=\hat p(1-\hat p)/V`:

==========  ============================================================================================
logit       :math:`\mathrm{expit}(\mathrm{logit}\,\hat p\mp t_d\sqrt V/(\hat p(1-\hat p)))`; undefined at 0 and 1
wald        :math:`\hat p\mp t_d\sqrt V`; no width at 0 and 1, and may leave the range 0 to 1
beta        Clopper-Pearson with :math:`n_e^*=n_e\,(t_{n-1}/t_d)^2` people (Korn and Graubard 1998)
wilson      Wilson's score interval with :math:`n_e^*` people and the normal quantile (Dean and Pagano 2015)
likelihood  q with :math:`2n_e[\hat p\log(\hat p/q)+(1-\hat p)\log((1-\hat p)/(1-q))]\le t_d^2` (Rao and Scott 1984)
==========  ============================================================================================

At 0 and 1 the variance is zero and :math:`n_e` is unknown; the last three then take :math:`n_e=n`, as the US National
Center for Health Statistics does (Parker et al. 2017), and give an interval with one end at 0 or 1.

R: ``survey::svyciprop``, methods logit (xlogit), mean, beta, likelihood (there interpolated, up to 2e-3 off), and from
version 4.4 wilson. R does not bound :math:`n_e` by n, and neither do these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, is_number
from trustlib.variance import Array

LEVEL = 0.95


def t_quantile(df: float | Array, level: float = LEVEL) -> Any:
    """Two-sided Student quantile; NaN without degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    df = np.asarray(df, dtype=float)
    finite = stdtrit(
        np.where(df > 0, np.where(np.isinf(df), 1.0, df), np.nan), (1 + level) / 2
    )
    return np.where(np.isinf(df), ndtri((1 + level) / 2), finite)


def two_sided_p(statistic: Array, df: float | Array) -> Any:
    """Two-sided p-value of a t statistic; NaN without degrees of freedom."""
    from scipy.special import ndtr, stdtr

    size = -np.abs(np.asarray(statistic, dtype=float))
    df = np.asarray(df, dtype=float)
    finite = np.where((df > 0) & np.isfinite(df), df, np.nan)
    return 2 * np.where(np.isinf(df), ndtr(size), stdtr(finite, size))


# -- intervals --------------------------------------------------------------------------------------------------------


def wald_interval(
    estimate: Array, se: Array, df: float | Array, n: Array | None = None
) -> tuple[Array, Array]:
    """Estimate -/+ t SE (R: ``svyciprop(method = "mean")``, ``confint``); `n` does not matter."""
    margin = t_quantile(df) * se
    return estimate - margin, estimate + margin


def logit_interval(
    p: Array, se: Array, df: float | Array, n: Array | None = None
) -> tuple[Array, Array]:
    """expit(logit p -/+ t SE / (p (1-p))); NaN for p of 0 or 1; `n` does not matter."""
    from scipy.special import expit, logit

    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    low, high = wald_interval(logit(safe), se / (safe * (1 - safe)), df)
    return np.where(inside, expit(low), np.nan), np.where(inside, expit(high), np.nan)


def effective_n(p: Array, se: Array, n: Array) -> Array:
    """People in a simple random sample with the same standard error; the people themselves for p of 0 or 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((p > 0) & (p < 1), p * (1 - p) / se**2, n)


def beta_interval(
    p: Array, se: Array, df: float | Array, n: Array
) -> tuple[Array, Array]:
    """Clopper-Pearson interval with the effective sample size, adjusted for degrees of freedom (Korn and Graubard)."""
    from scipy.special import betaincinv

    size = effective_n(p, se, n) * (t_quantile(n - 1) / t_quantile(df)) ** 2
    tail = (1 - LEVEL) / 2
    low = np.where(p > 0, betaincinv(size * p, size * (1 - p) + 1, tail), 0.0)
    high = np.where(p < 1, betaincinv(size * p + 1, size * (1 - p), 1 - tail), 1.0)
    known, certain = np.isfinite(size), np.where(np.isinf(size), p, np.nan)
    return np.where(known, low, certain), np.where(known, high, certain)


def wilson_interval(
    p: Array, se: Array, df: float | Array, n: Array
) -> tuple[Array, Array]:
    """Wilson's score interval with the effective sample size of `beta_interval` (R: ``prop.test(correct = FALSE)``)."""
    size = effective_n(p, se, n) * (t_quantile(n - 1) / t_quantile(df)) ** 2
    share = t_quantile(np.inf) ** 2 / size
    centre, margin = p + share / 2, np.sqrt(share * p * (1 - p) + share**2 / 4)
    return (centre - margin) / (1 + share), (centre + margin) / (1 + share)


def likelihood_interval(
    p: Array, se: Array, df: float | Array, n: Array
) -> tuple[Array, Array]:
    """Interval of the binomial likelihood ratio, scaled by the design effect (Rao and Scott)."""
    from scipy.optimize import bisect
    from scipy.special import rel_entr

    rise = t_quantile(df) ** 2 / (2 * effective_n(p, se, n))

    def end(p: float, rise: float, edge: float) -> float:
        if np.isnan(rise) or p == edge:
            return p + 0 * rise
        return bisect(
            lambda q: rel_entr(p, q) + rel_entr(1 - p, 1 - q) - rise,
            edge,
            p,
            xtol=1e-16,
            maxiter=200,
        )

    low, high = (
        [end(a, b, edge) for a, b in zip(p, rise, strict=True)] for edge in (0.0, 1.0)
    )
    return np.array(low), np.array(high)


def plus_four(p: Array, vcov: Array, n: Array) -> tuple[Array, Array]:
    r"""Proportions (m,) with two people added who have the outcome, and two who have not, and their covariance (m, m).

    .. math:: \tilde p=\frac{n\hat p+2}{n+4},\qquad\tilde V=\max\Big(V(\hat p),\frac{\tilde p(1-\tilde p)}{n+4}\Big)

    Parameters
    ----------
    p, vcov : array (m,), array (m, m)
    n : array (m,)
        Kish's effective number of people, :math:`(\sum w)^2/\sum w^2`.

    Notes
    -----
    In a small group the few people with the rarer answer decide about the standard error, which is far too small, or
    zero, when they happen to be few or of small weight. This puts a floor under it. Correlations stay as they are.
    Agresti and Coull (1998), *The American Statistician* 52:119. R, for a simple random sample and Wald's interval:
    ``PropCIs::add4ci``, whose variance is the floor alone.
    """
    moved, variance = p + (2 - 4 * p) / (n + 4), np.diag(vcov).clip(0)
    floored = np.maximum(variance, moved * (1 - moved) / (n + 4))
    stretch = np.sqrt(
        np.divide(floored, variance, out=np.zeros_like(p), where=variance > 0)
    )
    vcov = vcov * np.outer(stretch, stretch)
    np.fill_diagonal(vcov, floored)
    return moved, vcov


INTERVALS: dict[str, Callable[[Array, Array, Any, Array], tuple[Array, Array]]] = {
    interval.__name__.removesuffix("_interval"): interval
    for interval in (
        logit_interval,
        wald_interval,
        beta_interval,
        wilson_interval,
        likelihood_interval,
    )
}


def mover_interval(
    sign: Array, value: Array, low: Array, high: Array, vcov: Array
) -> Array:
    r"""Limits (2,) of a signed sum of parts from their own intervals: the method of variance estimates recovery.

    .. math:: L=\sum_i s_i\hat\theta_i-\sqrt{e'Re},\qquad e_i=\hat\theta_i-l_i\ (s_i=1),\quad\hat\theta_i-u_i\ (s_i=-1)

    and the upper limit with the other ends. Where the parts have symmetric intervals it is the Wald interval.

    Parameters
    ----------
    sign, value, low, high : array (m,)
        1 or -1, the parts, and their intervals.
    vcov : array (m, m)
        Covariance of the estimated parts, of which the correlation R is taken; a part without variance has none.

    Notes
    -----
    Zou (2008), *American Journal of Epidemiology* 168:212; of two proportions with Wilson intervals it is Newcombe's.
    R: ``interactionR::interactionR_mover``.
    """
    se = np.sqrt(np.diag(vcov))
    correlation = np.divide(
        vcov, np.outer(se, se), out=np.eye(len(se)), where=np.outer(se, se) > 0
    )
    below = value - np.where(sign > 0, low, high)
    above = np.where(sign > 0, high, low) - value
    with np.errstate(invalid="ignore"):  # a part that is not defined leaves no limits
        down, up = (np.sqrt(np.maximum(e @ correlation @ e, 0)) for e in (below, above))
        return sign @ value + np.array([-down, up])


# -- tests and precision ----------------------------------------------------------------------------------------------


def independent(b: Array, vcov: Array) -> bool:
    """Whether estimates are all defined, and none of them follows from the others."""
    if not np.isfinite(b).all() or not np.isfinite(vcov).all():
        return False
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    if not (se > 0).all():
        return False
    correlation = vcov / np.outer(se, se)
    return bool(np.linalg.matrix_rank(correlation, tol=1e-9) == len(b))


def wald_test(
    name: str, b: Array, vcov: Array, df: float, design_df: float
) -> pd.DataFrame:
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
    DataFrame
        Two rows: ``wald`` is F = b'V^-1 b / q on (q, df), R's ``survey::regTermTest(method = "Wald")``; ``adjusted`` is
        Stata's F = (d - q + 1)/(d q) b'V^-1 b on (q, d - q + 1) with design df d (Korn and Graubard 1990). Columns:
        term, statistic, df_num, df_den, p_value. Without degrees of freedom there is no p-value.

    Raises
    ------
    EstimandError
        The design tells less than all of `b` apart: it has fewer PSUs or replicates, or nothing varies.
    """
    from scipy.special import fdtrc

    if not independent(b, vcov):
        text = f"The design cannot test {name}: the covariance of its {len(b)} coefficients is singular or not known."
        raise EstimandError(
            text,
            "There are too few PSUs or replicates for so many terms: test fewer of them, or join levels.",
        )
    q, d = len(b), design_df
    wald = float(b @ np.linalg.solve(vcov, b))
    adjusted = wald * (d - q + 1) / (d * q) if d > 0 else np.nan
    rows = [
        ("wald", wald / q, q, df),
        ("adjusted", adjusted, q, d - q + 1),
    ]
    out = pd.DataFrame(
        rows, columns=["rule", "statistic", "df_num", "df_den"]
    ).set_index("rule")
    out.insert(0, "term", name)
    out["p_value"] = fdtrc(
        out["df_num"], out["df_den"].where(out["df_den"] > 0), out["statistic"]
    )
    return out


def require_shares(*values: Any) -> None:
    """Raise `EstimandError` unless all are numbers between 0 and 1."""
    if not all(is_number(v) and 0 < v < 1 for v in values):
        raise EstimandError(
            f"Expected numbers between 0 and 1, got {values}.",
            "Give shares, such as power=0.8.",
        )


def detectable_size(
    se: Array, df: float | Array, power: float, level: float = LEVEL
) -> Array:
    """What a two-sided t test finds with the given power: (t of level + t of power) times the standard error."""
    require_shares(power, level)
    return (t_quantile(df, level) + t_quantile(df, 2 * power - 1)) * se


def nchs_flag(p: Array, se: Array, df: float | Array, n: Array) -> Array:
    """Presentation standards for proportions, as texts; see `trustlib.precision.reliability`."""
    se = np.maximum(
        se, np.sqrt(p * (1 - p) / n)
    )  # a sample is never worth more than its people
    low, high = beta_interval(p, se, df, n)
    width = high - low
    few = np.broadcast_to(np.asarray(df) < 8, p.shape)
    shown: Any = np.where(few, "review: fewer than 8 degrees of freedom", "show")
    complement: Any = np.char.add(shown, "; not the complement")
    rules: list[tuple[Array, Any]] = [
        (~(effective_n(p, se, n) >= 30), "suppress: fewer than 30 effective people"),
        ((p == 0) | (p == 1), "review: nobody or everyone"),
        (width <= 0.05, shown),
        (~(width < 0.30), "suppress: the interval is 30 points wide or wider"),
        (
            ~(width <= 1.3 * p),
            "suppress: the interval is wider than 1.3 times the proportion",
        ),
        (width > 1.3 * (1 - p), complement),
    ]
    return np.select([rule for rule, _ in rules], [text for _, text in rules], shown)


def detectable_difference(
    p: float, n: float, deff: float = 1.0, power: float = 0.8, level: float = LEVEL
) -> float:
    """The smallest increase of a proportion that a comparison of two groups of n people detects: for planning.

    Parameters
    ----------
    p : float
        Proportion in one group; the other is higher by the result. For a decrease take 1 - p.
    n : float
        People in each group.
    deff : float
        Design effect: n / deff people of a simple random sample know as much.
    power, level : float
        Probability of finding the difference, and level of the two-sided test.

    Returns
    -------
    float
        A difference of proportions; NaN if not even the whole distance to 1 would be detected.

    Notes
    -----
    Normal test with the pooled variance, power with the variances at the alternative. R:
    ``power.prop.test(n = n / deff, p1 = p, power = power)$p2 - p``.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    require_shares(p, power, level)

    def excess(other: float) -> float:
        pooled, apart = (
            (p + other) * (2 - p - other) / 2,
            p * (1 - p) + other * (1 - other),
        )
        needed = t_quantile(np.inf, level) * np.sqrt(pooled) + ndtri(power) * np.sqrt(
            apart
        )
        return float(np.sqrt(n / deff) * (other - p) - needed)

    return brentq(excess, p, 1.0, xtol=1e-14) - p if excess(1.0) > 0 else np.nan


def e_value(ratio: float, limit: float | None = None) -> tuple[float, float]:
    r"""How strong unmeasured confounding would have to be to explain a risk ratio away.

    .. math:: E=RR+\sqrt{RR\,(RR-1)}

    Parameters
    ----------
    ratio : float
        Risk ratio. An odds ratio only if the outcome is rare. Below 1 its inverse is taken.
    limit : float, optional
        The limit of its interval that is nearer to 1; on the other side of 1 its E-value is 1.

    Returns
    -------
    tuple of two floats
        For the ratio and for the limit (NaN without one): the risk ratio that a confounder would need with both group
        and outcome. This supposes that the ratio is read as an effect, which a description of groups is not: show it
        only where that reading is argued.

    Notes
    -----
    VanderWeele and Ding (2017), *Annals of Internal Medicine* 167:268. R: ``EValue::evalues.RR``.
    """
    given = (ratio, ratio if limit is None else limit)
    if not all(is_number(v) and 0 < v < np.inf for v in given):
        raise EstimandError(
            f"Ratios are finite and above 0, got {given}.",
            "Give a risk ratio, not its logarithm.",
        )
    away, nearer = (max(1.0, v if ratio >= 1 else 1 / v) for v in given)
    values = [float(v + np.sqrt(v * (v - 1))) for v in (away, nearer)]
    return values[0], np.nan if limit is None else values[1]
