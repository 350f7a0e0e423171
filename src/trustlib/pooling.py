r"""Across countries and waves: random-effects pooling, averages over known populations, change between waves.

Two questions are kept apart. "What gap would another country of this kind have?" is answered by `pool`: countries are
a sample of countries and differ by a variance :math:`\tau^2`. "What is the gap among the people of these countries?" is
answered by `average`: the countries are the population, and the reader says how each counts. Ratios and odds ratios
are pooled, averaged and compared as logarithms.

All verbs read the covariance of the estimates they are given. With separate samples it is zero between countries and
between waves, and the formulas are the textbook ones; where estimates share people or coefficients (replicate weights
over all countries, one model with common slopes), the same formulas use what is there, as ``metafor::rma.mv`` does.

Sources: DerSimonian and Laird (1986); Paule and Mandel (1982); Viechtbauer (2005) for REML; Hartung and Knapp (2001)
and Sidik and Jonkman (2002) for the interval; Knapp and Hartung (2003) for its ad hoc form; IntHout, Ioannidis and Borm
(2014) and Röver, Knapp and Friede (2015) on few studies; Higgins, Thompson and Spiegelhalter (2009) on prediction. R:
``metafor`` 3.8-1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import combinations, describe
from trustlib.errors import EstimandError, require_a, require_names
from trustlib.estimates import Estimates, People, _scaled, axis_levels, contrast
from trustlib.intervals import LEVEL, t_quantile
from trustlib.merging import joint_source
from trustlib.variance import Array, Part, delta_covariance

GAPS = ("difference", "coefficient", "ratio", "odds_ratio")
FEW = 5  # below this tau^2 is hardly known (IntHout et al. 2014; Röver et al. 2015)


def stack(parts: Mapping[Any, Estimates], over: str) -> Estimates:
    """Estimates of independent samples (countries, waves) in one result, with zero covariance between the samples.

    Parameters
    ----------
    parts : mapping of name to Estimates
        ``{"2019": before, "2024": after}``, in the order of the levels of the new by-column. Nobody may be in two of
        the samples: what comes from one survey file is estimated together, with `over` as an axis, because only then
        is its covariance known.
    over : str
        The new by-column.

    Returns
    -------
    Estimates
        The rows of all parts. Later contrasts over the samples have degrees of freedom by Welch and Satterthwaite, from
        what each sample adds to the variance (`variance.welch_df`): with 6 PSUs beside 4,000 people the sum of both
        would be far too many.

    Raises
    ------
    EstimandError
        The parts differ in kind of estimate, by-columns, outcome, wording of the outcome (its label), kind of data
        (real, synthetic) or model, so that they are not answers to the same item in the same form. Or the same
        coefficient, gap or measure is compared with another reference in another part.
    """
    from scipy.linalg import block_diag

    require_a(
        Mapping,
        parts,
        'For example stack({"2019": before, "2024": after}, over="wave").',
    )
    for e in (several := list(parts.values())):
        require_a(Estimates, e, "Give the results of one verb for several samples.")
    models = [e.convention.partition("; model: ")[2] for e in several]
    items = [
        (e.kind, e.by, e.outcome, e.labels.get(e.outcome), e.source.get("kind"))
        for e in several
    ]
    if len(set(zip(items, models, strict=True))) != 1 or over in several[0].frame:
        text = f"Expected one item, without a column {over!r}, got {dict(zip(parts, items, strict=True))}, {models}."
        raise EstimandError(
            text,
            "Only answers to one question, of one kind of data and in one form, are compared.",
        )
    frame = pd.concat(
        [e.frame.assign(**{over: name}) for name, e in parts.items()], ignore_index=True
    )
    by = (over, *several[0].by)
    for c in (
        c
        for c in by
        if c == over or all(e.frame[c].dtype == "category" for e in several)
    ):
        levels = (
            parts
            if c == over
            else [v for e in several for v in e.frame[c].cat.categories]
        )
        frame[c] = pd.Categorical(frame[c], categories=list(dict.fromkeys(levels)))
    _require_one_reference(frame, over, list(several[0].by))
    return replace(
        several[0],
        _frame=frame,
        vcov=block_diag(*(e.vcov for e in several)),
        by=by,
        replicates=None,
        smallest=np.concatenate([e.smallest for e in several]),
        df=sum(e.df for e in several),
        convention=_joint_convention([e.convention for e in several]),
        source=joint_source([e.source for e in several]),
        notes=tuple(dict.fromkeys(n for e in several for n in e.notes)),
        parts=_stacked_parts(several),
        _people=_stacked_people(several),
    )


def _stacked_parts(several: list[Estimates]) -> tuple[Part, ...]:
    """What each sample adds to the block-diagonal covariance of estimates that stand below each other."""
    parts: list[Part] = []
    start = 0
    for e in several:
        rows = np.arange(start, start + len(e))
        own = e.parts or (Part(np.arange(len(e)), e.vcov, float(e.df)),)
        parts += [replace(part, rows=rows[part.rows]) for part in own]
        start += len(e)
    return tuple(parts)


def _stacked_people(several: list[Estimates]) -> People:
    """The people of estimates that stand below each other: nobody is in two samples."""
    from scipy.linalg import block_diag

    each = [e.people for e in several]
    member = block_diag(*(people.member for people in each)).astype(bool)
    return People(member, np.concatenate([people.n for people in each]))


_DF = r"t with (?:[\d.e+]+|inf) df \(design[^)]*\)"


def _joint_convention(conventions: list[str]) -> str:
    """The convention of several samples: the first, without what is true of it alone."""
    first = conventions[0]
    if len(conventions) == 1:
        return first
    rule = (
        "t with the df of each sample, of contrasts between them by Welch-Satterthwaite"
    )
    told = re.sub(_DF, rule, first)
    return told if told != first else f"{first}; {rule}"


def _require_one_reference(frame: pd.DataFrame, over: str, by: list[str]) -> None:
    """Refuse rows of the same name that are compared with different groups."""
    if "reference" not in frame:
        return
    keys = frame[by].astype(str).agg(", ".join, axis=1)
    different = frame.groupby(keys, sort=False)["reference"].nunique()
    if not (different > 1).any():
        return
    name = different.index[(different > 1).argmax()]
    rows = frame[keys == name].drop_duplicates("reference")
    told = [f"{row['reference']!r} in {over} {row[over]}" for _, row in rows.iterrows()]
    raise EstimandError(
        f"{name} has another reference in another {over}: {' and '.join(told[:4])}.",
        "Compare all with the same group: give the levels of each axis the same order, "
        "or leave out with .where(...) what has no common reference.",
    )


def _rows(
    estimates: Any, over: str, *kinds: str
) -> tuple[pd.DataFrame, np.ndarray, list]:
    """The groups (g) that remain without `over`, the row of each in each level of `over` (g, k), and these levels."""
    require_a(
        Estimates, estimates, "Give the result of comparisons, cell_means or stack."
    )
    require_names("way to put together estimates of kind", [estimates.kind], kinds)
    require_names("by-column", [over], estimates.by)
    frame, levels = estimates.frame, axis_levels(estimates.frame[over])
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
    held = [c for c in estimates.by if c != over]
    _require_one_reference(frame, over, held)
    axes, group = combinations(
        frame, [c for c in frame if c in {*estimates.by, "reference"} - {over}]
    )
    names = [name for name in levels if (frame[over] == name).any()]
    at = np.full((len(axes), len(names)), -1)
    at[group, [names.index(v) for v in frame[over]]] = np.arange(len(frame))
    for g in np.flatnonzero(
        (at < 0).any(axis=1)
        | (np.bincount(group, minlength=len(axes)) != max(len(names), 1))
    ):
        there = ", ".join(map(str, frame.loc[group == g, over]))
        text = f"Expected {describe(axes.iloc[g], list(axes))} once in each {over} of {names}, got it in: {there}."
        raise EstimandError(
            text,
            "Leave out with .where(...) what is not in all of them, or is there twice.",
        )
    return axes, at, names


def _values(estimates: Estimates) -> tuple[Array, Array, bool]:
    """The estimates (m,) and their covariance (m, m), of the logarithms if they are ratios, and whether they are."""
    value = estimates.frame["estimate"].to_numpy(float)
    if not estimates.kind.endswith("ratio"):
        return value, estimates.vcov, False
    return np.log(value), estimates.vcov / np.outer(value, value), True


def _combined(
    estimates: Estimates,
    axes: pd.DataFrame,
    at: np.ndarray,
    weights: Array,
    note: str,
    variance: Array | None = None,
) -> Estimates:
    """Weighted sums (g,) of the rows `at` (g, k), with the covariance of the rows unless their variance is given."""
    value, vcov, log = _values(estimates)
    jacobian = np.zeros((len(at), len(value)))
    np.put_along_axis(jacobian, at, weights, axis=1)
    people = estimates.people.together(at)
    if variance is None:
        covariance = delta_covariance(jacobian, vcov)
        scale = (
            estimates.frame["estimate"].to_numpy(float) if log else np.ones(len(value))
        )
        origin = replace(estimates, parts=_scaled(estimates.parts, 1 / scale))
    else:
        covariance = np.diag(variance)
        origin = replace(estimates, parts=())
    out = contrast(
        origin,
        axes,
        jacobian @ value,
        jacobian,
        people.count,
        kind=estimates.kind,
        log=log,
        smallest=estimates.smallest[at].min(axis=1),
        note=note,
        covariance=covariance,
        people=people,
    )
    return replace(out, by=tuple(c for c in axes if c != "reference"))


def _weighted(v: Array, tau2: float) -> tuple[Array, float, Array]:
    """Weights (k,) of the mean by generalised least squares, its variance, and P: y'Py are the squared residuals."""
    precision = np.linalg.inv(v + tau2 * np.eye(len(v)))
    row, total = precision.sum(axis=0), precision.sum()
    return row / total, 1 / total, precision - np.outer(row, row) / total


def _tau2(y: Array, v: Array, method: str) -> float:
    """Variance between countries: not below zero, and otherwise where the equation of the method is fulfilled."""
    from scipy.optimize import brentq

    def at(tau2: float, deviance: bool = False) -> Any:
        _, variance, p = _weighted(v, tau2)
        if deviance:
            return (
                np.linalg.slogdet(v + tau2 * np.eye(len(y)))[1]
                - np.log(variance)
                + y @ p @ y
            )
        return (
            y @ p @ p @ y - np.trace(p) if method == "reml" else y @ p @ y - len(y) + 1
        )

    if method in ("dl", "fixed"):
        return max(0.0, at(0) / np.trace(_weighted(v, 0)[2]))
    grid = (2 * np.var(y, ddof=1) + np.trace(v)) * np.linspace(
        0, 1, 101
    ) ** 2  # its end is above every solution
    best = int(
        np.argmin([at(t, deviance=True) for t in grid[:-1]])
    )  # the likelihood may have two maxima
    low, high = (
        (grid[max(best - 1, 0)], grid[best + 1])
        if method == "reml"
        else (0.0, grid[-1])
    )
    return float(
        brentq(at, low, high, xtol=1e-15 * high, rtol=1e-14) if at(low) > 0 else low
    )


def _confidence_prediction(y: Array, v: Array, draws: int = 100_000) -> Array:
    """Limits (2,) of a prediction in which tau^2 is drawn from its confidence distribution; the seed is fixed."""
    k, rng = len(y), np.random.default_rng(0)
    grid = np.r_[0.0, np.geomspace(1e-10, 25, 200)] * (np.var(y, ddof=1) + np.trace(v))
    at = [_weighted(v, tau2) for tau2 in grid]
    mean, variance, q = np.array(
        [(weights @ y, variance, max(0.0, y @ p @ y)) for weights, variance, p in at]
    ).T
    tau2 = np.interp(-rng.chisquare(k - 1, draws), -q, grid)
    mean, spread = (
        np.interp(tau2, grid, values)
        for values in (mean, np.sqrt(variance * q / (k - 1)))
    )
    drawn = (
        mean
        + spread * rng.standard_t(k - 1, draws)
        + np.sqrt(tau2) * rng.standard_normal(draws)
    )
    return np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


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
        Gaps, ratios or coefficients with `over` among the by-columns: one for each country in each combination of the
        other by-columns, each against the same group of the same country.
    over : str
        The by-column that is pooled.
    method : {"reml", "dl", "pm", "fixed"}
        Estimator of :math:`\tau^2`: restricted maximum likelihood, DerSimonian-Laird, Paule-Mandel; ``"fixed"`` sets it
        to zero, so that the result is the precision-weighted mean of these countries alone.
    interval : {"hksj", "hksj_adhoc", "wald"}, optional
        Hartung-Knapp-Sidik-Jonkman with t of k - 1 df (the default of the random-effects methods), the same with an SE
        that is never below the Wald one (factor at least 1), or Wald with the normal quantile (the default of
        ``"fixed"``). In simulations of 5 and 10 countries (``benchmarks/interval_coverage.py``) HKSJ
        covered in 92.5 to 95.0 of 100 and with the floor in 94.2 to 99.5. When the countries agree by chance HKSJ is
        narrower than Wald, and a note names ``"hksj_adhoc"``, which Röver et al. (2015) recommend for few countries.
    prediction : {"plug_in", "confidence"}
        ``"plug_in"`` takes tau2 as known and is too short when countries differ (82 to 93 of 100 with 5 or 10
        countries). ``"confidence"`` draws it from its confidence distribution (Nagashima et al. 2019): 100,000 draws
        with a fixed seed of :math:`\tau^2` with :math:`Q(\tau^2)\sim\chi^2_{k-1}`, of the mean with its HKSJ standard
        error and t of k - 1 df, and of a new country around it. It covers in 93 to 94, in 98 when all are alike.

    Returns
    -------
    Estimates
        One row per remaining combination, of the same kind. Besides the usual columns (n sums over countries):

        * tau2, the variance between countries (of log ratios for ratios);
        * i2, the share of the variation that is not sampling error (0 to 1, Higgins and Thompson 2002), from tau2 and
          the typical sampling variance (k-1) / tr P; for ``"fixed"`` (Q - df) / Q;
        * q, q_df, q_p: Cochran's Q, which is the Wald chi-squared test that all countries are equal;
        * prediction_low, prediction_high: where the gap of another such country lies with 95 %; of ``"plug_in"``
          :math:`\hat\mu \mp c\sqrt{\hat\tau^2 + \mathrm{SE}^2}` with the SE and the quantile c of the interval (z for
          ``"wald"``, as metafor for ``test = "z"``; t with k - 1 df for HKSJ, as metafor for ``test = "knha"``; Higgins
          et al. 2009 take k - 2 with the Wald SE). Missing for ``"fixed"``, which knows no other country;
        * k, the number of countries.

        The covariance between two pooled rows is not known and is missing in vcov.

    Raises
    ------
    EstimandError
        Fewer than three countries (two for ``"fixed"``): from two, :math:`\tau^2` has one degree of freedom and the
        quantile is 12.7; no method is known to work (Gonnermann et al. 2015). Or two estimates of one country, a
        combination that some country lacks, gaps against another country, or estimates that determine each other.
    UnknownNameError
        An unknown option, by-column or kind of estimate.

    Notes
    -----
    The standard errors of the countries are taken as known, as everywhere in meta-analysis. R: ``metafor::rma(yi, vi,
    method = "REML", test = "knha" | "adhoc" | "z")`` and ``predict``; with covariances ``rma.mv(yi, V, random = ~ 1 |
    country)``; ``pimeta::pima`` for the confidence distribution (there by bootstrap). Deviation: metafor also takes two
    estimates.
    """
    from scipy.special import chdtrc

    require_names("method", [method], ("reml", "dl", "pm", "fixed"))
    fixed, interval = (
        method == "fixed",
        interval or ("wald" if method == "fixed" else "hksj"),
    )
    require_names("interval", [interval], ("hksj", "hksj_adhoc", "wald"))
    require_names("prediction", [prediction], ("plug_in", "confidence"))
    drawn = prediction == "confidence" and not fixed
    (axes, at, names), (value, vcov, log) = (
        _rows(estimates, over, *GAPS),
        _values(estimates),
    )
    k, df, found = len(names), np.inf if interval == "wald" else len(names) - 1.0, []
    if k < 3 - fixed:
        raise EstimandError(
            f"{k} estimates are too few for method {method!r}.",
            "Show each, or use average(...).",
        )
    for rows in at:
        y, v = value[rows], vcov[np.ix_(rows, rows)]
        if (
            not np.linalg.det(v / np.diag(v)) > 1e-12
        ):  # the determinant of the correlations
            text = f"The covariance between levels of {over!r} is not known, or one follows from the others."
            raise EstimandError(text, "Pool estimates of separate samples.")
        between, p = _tau2(y, v, method), _weighted(v, 0)[2]
        tau2, i2, q = (
            0.0 if fixed else between,
            between / (between + (k - 1) / np.trace(p)),
            y @ p @ y,
        )
        weights, variance, residual = _weighted(v, tau2)
        stretch = max(0.0, y @ residual @ y) / (k - 1)
        square = (
            variance
            * {"wald": 1.0, "hksj": stretch, "hksj_adhoc": max(1.0, stretch)}[interval]
        )
        mean, ends = weights @ y, t_quantile(df) * np.array([-1, 1])
        limits = mean + ends * (np.nan if fixed else np.sqrt(tau2 + square))
        limits = _confidence_prediction(y, v) if drawn else limits
        if (
            drawn and interval == "hksj_adhoc"
        ):  # a next country is not foretold better than the mean is known
            known = mean + ends * np.sqrt(square)
            limits = np.array([min(limits[0], known[0]), max(limits[1], known[1])])
        limits = np.exp(limits) if log else limits
        found.append(
            (
                weights,
                square,
                stretch,
                (tau2, i2, q, k - 1, chdtrc(k - 1, q), *limits, k),
            )
        )
    weights, square, stretch, facts = (
        np.array(column) for column in zip(*found, strict=True)
    )
    note = f"; pooled over {over}: {method}, {interval} interval with {df:g} df"
    note += "; prediction by confidence distribution" * drawn
    out = _combined(replace(estimates, df=df), axes, at, weights, note, square)
    columns = (
        "tau2",
        "i2",
        "q",
        "q_df",
        "q_p",
        "prediction_low",
        "prediction_high",
        "k",
    )
    few = (
        [f"The variance between {k} levels of {over} is hardly known."]
        if k < FEW
        else []
    )
    if interval == "hksj" and min(stretch) < 1:
        few.append(
            "An HKSJ interval is narrower than the Wald one: see interval='hksj_adhoc' too."
        )
    return replace(
        out, _frame=out.frame.assign(**dict(zip(columns, facts.T, strict=True))),
        vcov=np.where(np.eye(len(at)), out.vcov, np.nan), notes=(*out.notes, *few),
    )  # fmt: skip


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
        Each country alike; by the people compared in it (column n), which says more of the fieldwork than of anybody;
        or by population: ``{"FR": 53.1, "DE": 69.4}``, numbers above zero for exactly the countries there.

    Returns
    -------
    Estimates
        One row per remaining combination, of the same kind. The answer is about these countries: nothing is assumed of
        how they differ, and the interval does not widen when they do. Ratios are averaged as logarithms.

    Notes
    -----
    R: ``svycontrast`` of ``svyby(..., covmat = TRUE)``. With ``method="fixed"``, `pool` weights by precision instead,
    which is the mean of no stated population.
    """
    axes, at, names = _rows(estimates, over, *GAPS)
    given = weights if isinstance(weights, Mapping) else dict.fromkeys(names, 1.0)
    require_names(f"level of {over}", given, names)
    share = pd.to_numeric(pd.Series(given).reindex(names), errors="coerce").to_numpy(
        float
    ) * np.ones(at.shape)
    if not (np.isfinite(share) & (share > 0)).all():
        raise EstimandError(
            f"Expected a number above zero for each of {names}.",
            "Give each its population.",
        )
    if not isinstance(weights, Mapping):
        require_names("weights", [weights], ("equal", "sample"))
        share = (
            estimates.frame["n"].to_numpy(float)[at] if weights == "sample" else share
        )
    note = f"; average over {over}, weights: {'population' if isinstance(weights, Mapping) else weights}"
    return _combined(
        estimates, axes, at, share / share.sum(axis=1, keepdims=True), note
    )


def change(
    estimates: Estimates, over: str = "wave", within: str | None = "country"
) -> Estimates:
    """Change from the first to the second of two waves of the same countries, with its design-based standard error.

    Parameters
    ----------
    estimates : Estimates
        Levels, gaps, ratios or coefficients, with `over` and `within` among the by-columns. Waves of separate samples
        come from `stack`, which refuses different items, or from cells with `over` as an axis; then the covariance
        between waves (shared PSUs, panels) is that of the design.
    over : str
        The by-column with the two waves.
    within : str or None
        The by-column with the countries, or None for a survey of one population. It is asked for because estimates over
        all countries together do not show which countries were in each wave.

    Returns
    -------
    Estimates
        One row per remaining combination: differences, in ratios the ratio of the ratios. `pool` of them over countries
        gives the mean change, and in q, q_df and q_p the test that all countries changed alike (``method="fixed"``
        also for two countries); `average` the change in a stated population.

    Raises
    ------
    UnknownNameError
        `over` or `within` is not among the by-columns.
    EstimandError
        There are not two waves, or a country or group is not in both.

    Notes
    -----
    One verb for one object, and not two arguments before and after, so that the covariance between the waves is there
    whenever the design has one, and so that the countries are compared by the same rule as in `pool` and `average`. R:
    ``svycontrast`` of ``svyby(~y, ~wave + country, design, svymean, covmat = TRUE)``.
    """
    axes, at, names = _rows(estimates, over, "level", *GAPS)
    require_names("by-column", [within] if within else [], estimates.by)
    if len(names) != 2:
        raise EstimandError(
            f"Expected two levels of {over!r}, got {names}.",
            "Choose two with .where(...).",
        )
    note = f"; change of {over}, {names[0]} to {names[1]}"
    out = _combined(estimates, axes, at, np.tile([-1.0, 1.0], (len(at), 1)), note)
    return replace(out, kind="difference" if out.kind == "level" else out.kind)
