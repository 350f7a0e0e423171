r"""Do two identities together do more than each alone? Measures on the additive and the multiplicative scale.

With :math:`p_{11}` for both, :math:`p_{10}, p_{01}` for one and :math:`p_{00}` for neither, and RR, OR the ratios to
:math:`p_{00}`:

=====================  =====================================  ==========================
interaction_contrast   p11 - p10 - p01 + p00                   additive; 0 = no interaction
reri_rr, reri_or       R11 - R10 - R01 + 1                     additive; 0
ap                     reri_rr / RR11                          additive; 0
synergy                (RR11 - 1) / (RR10 + RR01 - 2)          additive; 1
ratio_of_rr            RR11 / (RR10 RR01)                      multiplicative; 1
ratio_of_or            OR11 / (OR10 OR01)                      multiplicative; 1
=====================  =====================================  ==========================

With three or four axes the sums and ratios alternate over all their 8 or 16 groups: the interaction contrast, RERI and
the ratios are those of the highest order (RERI of three: RR111 - RR110 - RR101 - RR011 + RR100 + RR010 + RR001 - 1), AP
is RERI over the risk ratio of all together, and S is of two axes only.

``ap_or`` and ``synergy_or`` are the versions from odds ratios, as case-control studies print them. When the outcome is
common, as here, odds ratios exaggerate and the risk-ratio versions are the ones to read.

Each measure has an interval by up to three methods, side by side in the column ``method``:

* ``delta``: linearised, on the log scale for synergy and the two ratios;
* ``mover``: for the additive measures, from the intervals of their parts (`trustlib.intervals.mover_interval`): of the
  four levels for the interaction contrast, of the log ratios for RERI and AP. Not symmetric, and without SE and p. For
  the others it would be the delta interval again;
* ``replicate``: if the levels come from replicate weights, the measure computed in each replicate.

Sources: Rothman (1986); Hosmer and Lemeshow (1992) for the delta method; Zou (2008) for MOVER; Knol and VanderWeele
(2012); for exposures that lower the risk, Knol et al. (2011). R: ``epiR::epi.interaction``, ``interactionR``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import absence_notes
from trustlib.errors import (
    EstimandError,
    ProtectiveExposureWarning,
    axis_names,
    listed,
    require_a,
    require_names,
)
from trustlib.estimates import (
    LOG_SCALES,
    Estimates,
    contrast,
    reference_levels,
    require_levels,
    transform,
)
from trustlib.intervals import mover_interval, wald_interval
from trustlib.variance import Array, delta_covariance, replicate_covariance

MEASURES = (
    "interaction_contrast", "reri_rr", "ap", "synergy", "ratio_of_rr", "reri_or", "ap_or", "synergy_or", "ratio_of_or",
)  # fmt: skip
LOG_MEASURES = tuple(m for m in MEASURES if m in LOG_SCALES)
METHODS = ("delta", "mover", "replicate")
WORDS = {1: "more than", 0: "not clearly more or less than", -1: "less than"}


def _groups_of(axes: int) -> list[tuple[int, ...]]:
    """The 2^k groups of k axes, from all together to none of them: 11, 10, 01, 00."""
    return list(product((1, 0), repeat=axes))


def _signs(axes: int) -> Array:
    """Sign of each group in the contrast of highest order: 11, 10, 01, 00 have 1, -1, -1, 1."""
    return np.array([(-1.0) ** (axes - sum(bits)) for bits in _groups_of(axes)])


def measures(p: Array) -> dict[str, tuple[float, Array]]:
    """The measures of interaction of the risks of all groups of two, three or four axes, each with its derivatives.

    Parameters
    ----------
    p : array (2^k,)
        Risks of both, first only, second only, neither; with k axes likewise from all to none, the last axis fastest.

    Returns
    -------
    dict
        measure -> (value, gradient (2^k,)); synergy and ratios as logarithms.
    """
    sign = _signs(len(p).bit_length() - 1)
    out: dict[str, tuple[float, Array]] = {
        "interaction_contrast": (float(sign @ p), sign)
    }
    for suffix, tail, scale in (("rr", "", "ratio"), ("or", "_or", "odds_ratio")):
        value, slope = transform(p, scale)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.exp(value - value[-1])
            gradient = np.diag(ratio * slope)  # of each ratio to the risks
            gradient[:, -1] -= ratio * slope[-1]
            reri, d_reri = float(sign @ ratio), sign @ gradient
            out[f"reri_{suffix}"] = (reri, d_reri)
            out[f"ap{tail}"] = (
                reri / ratio[0],
                d_reri / ratio[0] - reri * gradient[0] / ratio[0] ** 2,
            )
            if len(p) == 4:
                together, apart = ratio[0] - 1, ratio[1] + ratio[2] - 2
                log_s = np.log(together / apart) if together / apart > 0 else np.nan
                out[f"synergy{tail}"] = (
                    log_s,
                    gradient[0] / together - (gradient[1] + gradient[2]) / apart,
                )
            out[f"ratio_of_{suffix}"] = (float(sign @ value), sign * slope)
    return {name: out[name] for name in MEASURES if name in out}


def mover_limits(
    p: Array,
    low: Array,
    high: Array,
    vcov: Array,
    df: float | Callable[[Array], Array],
) -> dict[str, Array]:
    """Limits of the additive measures from the risks of all groups (as in `measures`), their intervals, covariance.

    `df` are the degrees of freedom, or a function that gives those of functions of the risks from their derivatives
    (k, 2^k).
    """
    sign, size = _signs(len(p).bit_length() - 1), len(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = {"interaction_contrast": mover_interval(sign, p, low, high, vcov)}
        for suffix, tail, scale in (("rr", "", "ratio"), ("or", "_or", "odds_ratio")):
            value, slope = transform(p, scale)
            for name, base in (
                (f"reri_{suffix}", size - 1),
                (f"ap{tail}", 0),
            ):  # ratios to none, or to all together
                turn = np.delete(np.eye(size), base, axis=0)
                turn[:, base] = -1
                jacobian = turn * slope
                cov = delta_covariance(jacobian, vcov)
                log_ratio = turn @ value
                se = np.sqrt(np.diag(cov))
                own = df(jacobian) if callable(df) else df
                low_ratio, high_ratio = np.exp(wald_interval(log_ratio, se, own))
                limits = mover_interval(
                    np.delete(sign, base), np.exp(log_ratio), low_ratio, high_ratio, cov
                )
                out[name] = limits + sign[base]
    return out


def interactions(
    estimates: Estimates,
    *axes: str,
    methods: Sequence[str] | None = None,
    reference: Mapping | None = None,
) -> Estimates:
    """Measures of interaction of two, three or four axes, from levels or predictions.

    Parameters
    ----------
    estimates : Estimates
        Of kind level, with the axes among its by-columns. A saturated model or `cell_means` gives the crude measures,
        a model with covariates the marginal (standardised) ones; conditional measures are `coefficients`.
    *axes : str
        Every level is set against the reference level of its axis; other by-columns are held.
    methods : sequence of {"delta", "mover", "replicate"}, optional
        By default all that there are: replicate needs levels from replicate weights.
    reference : mapping, optional
        Reference level of some of the axes, ``{"gender": "woman"}``; by default the first level. It recodes identities
        that go with a lower risk.

    Returns
    -------
    Estimates
        Columns: the by-columns, ``measure``, ``method``, ``reference`` (the group with none of the identities, such as
        "gender man, ethnicity majority"), then as always; all rows of a method stand together. Synergy
        and the two ratios have intervals on the log scale and are tested against 1, the others against 0. The notes say
        where the additive and the multiplicative scale disagree (see `verdict`). `vcov` holds the covariance within
        delta and within replicate; it is NaN for mover and between methods.

    Raises
    ------
    UnknownNameError
        An axis, a level of the reference or a method does not exist; replicate needs levels from replicate weights.
    EstimandError
        What is given are not levels; axes are not two, three or four different ones; or no combination of their levels
        has all its groups.

    Warns
    -----
    ProtectiveExposureWarning
        The risk is lower in a group than in the reference: it names the levels to choose as reference.

    Notes
    -----
    R: ``epiR::epi.interaction(model, param = "product", coef = c(2, 3, 4))`` and
    ``interactionR::interactionR(model, exposure_names = c("gender", "ethnicity"))``, for odds ratios; of a survey
    ``svycontrast(svyby(~y, ~gender + ethnicity, design, svymean, covmat = TRUE), quote(...))``.
    """
    require_levels(estimates, "interactions")
    chosen = axis_names(axes, estimates.by)
    if not 2 <= len(chosen) <= 4:
        raise EstimandError(
            f"Interaction is of two, three or four different axes, got {chosen}.",
            "Name two axes.",
        )
    r = estimates.replicates
    known = METHODS[:2] if r is None else METHODS
    methods = list(dict.fromkeys(listed(methods or known)))
    require_names("method", methods, known)
    frame, by = estimates.frame, list(estimates.by)
    base = reference_levels(frame, chosen, reference, fill=True)
    groups = _corners(frame[by].astype(object), base)
    p, low, high = (
        frame[c].to_numpy(float) for c in ("estimate", "conf_low", "conf_high")
    )
    found = [measures(p[at]) for at in groups]
    names = list(found[0])
    behind = np.repeat(groups, len(names), axis=0)  # the levels behind each row
    rows = (
        frame.loc[behind[:, 0], by]
        .reset_index(drop=True)
        .assign(measure=names * len(groups))
    )
    values = np.array([value for f in found for value, _ in f.values()])
    jacobian = np.zeros((len(rows), len(frame)))
    np.put_along_axis(
        jacobian,
        behind,
        np.array([slope for f in found for _, slope in f.values()]),
        axis=1,
    )
    times, size = len(methods), len(rows)
    covariance = np.full((times, size, times, size), np.nan)
    for i, method in enumerate(methods):
        if method == "delta":
            covariance[i, :, i] = delta_covariance(jacobian, estimates.vcov)
        elif method == "replicate" and r is not None:
            each = [
                [value for at in groups for value, _ in measures(one[at]).values()]
                for one in r.totals
            ]
            covariance[i, :, i] = replicate_covariance(
                np.array(each), values, r.scale, r.mse
            )
    every = pd.concat(
        [rows.assign(method=method) for method in methods], ignore_index=True
    )
    behind, jacobian = np.tile(behind, (times, 1)), np.tile(jacobian, (times, 1))
    facts: dict[str, Any] = {
        "kind": "interaction",
        "log": every["measure"].isin(LOG_MEASURES).to_numpy(),
    }
    facts |= {
        "smallest": estimates.smallest[behind].min(axis=1),
        "covariance": covariance.reshape(times * size, -1),
    }
    facts |= {
        "note": f"; {', '.join(methods)} method, synergy and ratios on the log scale"
    }
    people = estimates.people.together(behind)
    result = contrast(
        estimates,
        every.assign(reference=_named({c: base[c] for c in by if c in base})),
        np.tile(values, times),
        jacobian,
        people.count,
        people=people,
        **facts,
    )
    result = replace(result, by=tuple(every.columns), compared=tuple(chosen))
    if "mover" in methods:
        limits = [
            mover_limits(
                p[a],
                low[a],
                high[a],
                estimates.vcov[np.ix_(a, a)],
                partial(_df_of_groups, estimates, a),
            )
            for a in groups
        ]
        table, mover = result.frame, (every["method"] == "mover").to_numpy()
        ends = [group.get(name, (np.nan, np.nan)) for group in limits for name in names]
        table.loc[mover, ["conf_low", "conf_high"]] = ends
        result = replace(result, _frame=table).where(
            ~mover | every["measure"].isin(limits[0])
        )
    by_default = {c: v for c, v in base.items() if c not in (reference or {})}
    absent = absence_notes(estimates.absent, by_default)
    notes = _protective(frame, groups, chosen)
    for note in notes:
        warnings.warn(note, ProtectiveExposureWarning, stacklevel=2)
    if np.isnan(values).any():
        notes.append(
            "A dash marks a measure that is not defined here: S needs both its parts to have the same sign."
        )
    return replace(result, notes=(*result.notes, *absent, *notes, *verdict(result)))


def _named(base: Mapping[str, Any]) -> str:
    """The group that has none of the identities: ``gender man, ethnicity majority``."""
    return ", ".join(f"{axis} {level}" for axis, level in base.items())


def _df_of_groups(estimates: Estimates, rows: Array, jacobian: Array) -> Array:
    """Degrees of freedom of functions of some rows, from their derivatives by these rows."""
    whole = np.zeros((len(jacobian), len(estimates)))
    whole[:, rows] = jacobian
    return estimates.df_of(whole)


def _corners(keys: pd.DataFrame, base: dict[str, Any]) -> np.ndarray:
    """For each combination of levels other than the reference: the rows (2^k) of its groups, from all to none."""
    at = {tuple(key): i for i, key in enumerate(keys.to_numpy())}
    turned = [
        {a: base[a] for a, on in zip(base, bits, strict=True) if not on}
        for bits in _groups_of(len(base))
    ]
    together = [
        c
        for c in keys.to_dict("records")
        if all(c[axis] != level for axis, level in base.items())
    ]
    found = [
        [at.get(tuple((cell | turn).values()), -1) for turn in turned]
        for cell in together
    ]
    if not (complete := [rows for rows in found if -1 not in rows]):
        size = ("four", "eight", "sixteen")[len(base) - 2]
        named = " and ".join(map(repr, base))
        hint = "Use axes with two or more levels each."
        raise EstimandError(f"No combination of {named} has all {size} groups.", hint)
    return np.array(complete)


def _protective(frame: pd.DataFrame, groups: np.ndarray, axes: list[str]) -> list[str]:
    """The caution about identities that alone go with a lower risk, and the reference that avoids it."""
    p, names = (
        frame["estimate"].to_numpy(float),
        frame[axes].astype(str).agg(", ".join, axis=1),
    )
    alone = [i for i, bits in enumerate(_groups_of(len(axes))) if sum(bits) == 1]
    lower = [at for at in groups if p[at[alone]].min() < p[at[-1]]]
    found = sorted(
        {f"for {names[at[0]]} that is {names[at[p[at].argmin()]]}" for at in lower}
    )
    text = (
        "One identity alone goes with a lower risk than the reference. RERI, AP and S are then hard to read and may "
        "contradict each other: take the group with the lowest risk as `reference` (Knol et al. 2011), "
        f"{'; '.join(found)}. The size of the interaction contrast is not affected."
    )
    return [text] if found else []


def verdict(inter: Estimates) -> tuple[str, ...]:
    """A sentence for each pair (or three, or four) whose additive and multiplicative interaction differ.

    Parameters
    ----------
    inter : Estimates
        From `interactions`, with rows of the interaction contrast and of the ratio of risk ratios by one method.

    Returns
    -------
    tuple of str
        More or less than adding predicts, by the 95 % interval of the interaction contrast, against more or less than
        multiplying predicts, by that of the ratio of risk ratios (Knol and VanderWeele 2012). Empty if they agree.
    """
    require_a(Estimates, inter, "Give the result of interactions.")
    if inter.kind != "interaction":
        raise EstimandError(
            f"Expected measures of interaction, got kind {inter.kind!r}.",
            "Give interactions(...).",
        )
    frame, keys = inter.frame, [c for c in inter.by if c not in ("measure", "method")]
    null = frame["measure"].map({"interaction_contrast": 0.0, "ratio_of_rr": 1.0})
    frame["side"] = (frame["conf_low"] > null).astype(int) - (
        frame["conf_high"] < null
    ).astype(int)
    one = frame["method"] == next((m for m in frame["method"] if m != "mover"), None)
    pairs = frame[null.notna() & one].groupby(keys, observed=True, sort=False)["side"]
    return tuple(
        f"{', '.join(map(str, key))}: together {WORDS[side.iloc[0]]} adding up predicts, but {WORDS[side.iloc[1]]} "
        "multiplying predicts. For how many people are affected, the first is the one to read."
        for key, side in pairs
        if side.nunique() == 2
    )
