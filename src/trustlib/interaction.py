r"""Do two identities together do more than each alone? Measures on the additive and the multiplicative scale.

With :math:`p_{11}` for both, :math:`p_{10}, p_{01}` for one and :math:`p_{00}` for
neither, and RR, OR the ratios to :math:`p_{00}`:

=====================  =========================  ==========================
interaction_contrast   p11 - p10 - p01 + p00      additive; 0 = no interaction
reri_rr, reri_or       R11 - R10 - R01 + 1        additive; 0
ap                     reri_rr / RR11             additive; 0
synergy                (RR11-1) / (RR10+RR01-2)   additive; 1
ratio_of_rr            RR11 / (RR10 RR01)         multiplicative; 1
ratio_of_or            OR11 / (OR10 OR01)         multiplicative; 1
=====================  =========================  ==========================

With three or four axes the sums and ratios alternate over all their 8 or 16 groups: the
interaction contrast, RERI and the ratios are those of the highest order (RERI of three:
RR111 - RR110 - RR101 - RR011 + RR100 + RR010 + RR001 - 1), AP is RERI over the risk ratio
of all together, and S is of two axes only.

``ap_or`` and ``synergy_or`` are the versions from odds ratios, as case-control studies
print them. When the outcome is common, as here, odds ratios exaggerate and the risk-ratio
versions are the ones to read.

Each measure has an interval by up to three methods, side by side in the column
``method``:

* ``delta``: linearised, on the log scale for synergy and the two ratios;
* ``mover``: for the additive measures, from the intervals of their parts
  (`trustlib.intervals.mover_interval`): of the four levels for the interaction contrast,
  of the log ratios for RERI and AP. Not symmetric, and without SE and p. For the others
  it would be the delta interval again;
* ``replicate``: if the levels come from replicate weights, the measure computed in each
  replicate.

What each measure is called, its null value and whether it is estimated as a logarithm
stand in `trustlib.scales.INTERACTIONS`.

Sources: Rothman (1986); Hosmer and Lemeshow (1992) for the delta method; Zou (2008) for
MOVER; Knol and VanderWeele (2012); for exposures that lower the risk, Knol et al. (2011).
R: ``epiR::epi.interaction``, ``interactionR``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from trustlib.cells import absence_notes
from trustlib.comparisons import reference_levels, transform
from trustlib.errors import (
    EstimandError,
    ProtectiveExposureWarning,
    axis_names,
    listed,
    require_a,
    require_names,
)
from trustlib.estimates import Estimates, contrast, require_levels
from trustlib.intervals import mover_interval, wald_interval
from trustlib.scales import INTERACTIONS
from trustlib.variance import Array, Codes, delta_covariance, replicate_covariance

METHODS = ("delta", "mover", "replicate")
JUDGED = ("interaction_contrast", "ratio_of_rr")  # additive, and multiplicative
WORDS = {1: "more than", 0: "not clearly more or less than", -1: "less than"}
SIZES = {2: "four", 3: "eight", 4: "sixteen"}
UNDEFINED = (
    "A dash marks a measure that is not defined here: S needs both its parts to have the "
    "same sign."
)
UNKNOWN = (np.nan, np.nan)

# The degrees of freedom (k,) of functions of some risks, from their derivatives.
DfOf = Callable[[Array], Array]


class Measured(NamedTuple):
    """A measure of interaction and its derivatives by the risks of all groups.

    Attributes
    ----------
    value : float
        A logarithm, if `trustlib.scales` says so of the measure.
    gradient : array (2^k,)

    Examples
    --------
    >>> import numpy as np
    >>> Measured(0.1, np.array([1.0, -1.0, -1.0, 1.0])).value
    0.1
    """

    value: float
    gradient: Array


@dataclass(frozen=True)
class _OfRatios:
    """What the measures are called that are made of one kind of ratio.

    Attributes
    ----------
    scale : str
        ratio or odds_ratio, as of `comparisons`.
    reri, ap, synergy, product : str
    """

    scale: str
    reri: str
    ap: str
    synergy: str
    product: str


OF_RATIOS = (
    _OfRatios("ratio", "reri_rr", "ap", "synergy", "ratio_of_rr"),
    _OfRatios("odds_ratio", "reri_or", "ap_or", "synergy_or", "ratio_of_or"),
)


def _groups_of(axes: int) -> list[tuple[int, ...]]:
    """The 2^k groups of k axes, from all together to none of them: 11, 10, 01, 00."""
    return list(product((1, 0), repeat=axes))


def _signs(groups: int) -> Array:
    """Sign of each group in the contrast of highest order: 11, 10, 01, 00 have 1, -1, -1, 1."""
    axes = groups.bit_length() - 1
    without = [axes - sum(bits) for bits in _groups_of(axes)]
    return np.array([(-1.0) ** lacking for lacking in without])


def measures(p: Array) -> dict[str, Measured]:
    """The measures of interaction of the risks of all groups of two, three or four axes, each with its derivatives.

    Parameters
    ----------
    p : array (2^k,)
        Risks of both, first only, second only, neither; with k axes likewise from all to
        none, the last axis fastest.

    Returns
    -------
    dict
        measure -> (value, gradient (2^k,)); synergy and ratios as logarithms.

    Examples
    --------
    >>> import numpy as np
    >>> round(measures(np.array([0.4, 0.2, 0.2, 0.1]))["reri_rr"].value, 6)
    1.0
    """
    sign = _signs(len(p))
    named = {"interaction_contrast": Measured(float(sign @ p), sign)}
    for names in OF_RATIOS:
        named |= _measures_of_ratios(p, sign, names)
    return {name: named[name] for name in INTERACTIONS if name in named}


def _measures_of_ratios(p: Array, sign: Array, names: _OfRatios) -> dict[str, Measured]:
    """The measures that are made of the ratios of all groups to the last."""
    value, slope = transform(p, names.scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.exp(value - value[-1])
        gradient = np.diag(ratio * slope)
        gradient[:, -1] -= ratio * slope[-1]
        reri = Measured(float(sign @ ratio), sign @ gradient)
        named = {
            names.reri: reri,
            names.ap: _attributable(reri, ratio, gradient),
            names.product: Measured(float(sign @ value), sign * slope),
        }
        if len(p) == 4:
            named[names.synergy] = _synergy(ratio, gradient)
    return named


def _attributable(reri: Measured, ratio: Array, gradient: Array) -> Measured:
    """The attributable proportion: RERI over the ratio of all together."""
    whole = ratio[0]
    by_ratio = reri.value * gradient[0] / whole**2
    return Measured(reri.value / whole, reri.gradient / whole - by_ratio)


def _synergy(ratio: Array, gradient: Array) -> Measured:
    """Logarithm of the synergy index of two axes, where both its parts have the same sign."""
    together = ratio[0] - 1
    apart = ratio[1] + ratio[2] - 2
    index = together / apart
    value = np.nan
    if index > 0:
        value = np.log(index)
    by_apart = (gradient[1] + gradient[2]) / apart
    return Measured(value, gradient[0] / together - by_apart)


def mover_limits(
    p: Array,
    low: Array,
    high: Array,
    vcov: Array,
    df: float | DfOf,
) -> dict[str, Array]:
    """Limits of the additive measures from the risks of all groups, their intervals and their covariance.

    Parameters
    ----------
    p, low, high : array (2^k,)
        The risks, as in `measures`, and their intervals.
    vcov : array (2^k, 2^k)
    df : float or callable
        Degrees of freedom, or a function that gives those of functions of the risks from
        their derivatives (r, 2^k).

    Returns
    -------
    dict
        measure -> limits (2,).

    Notes
    -----
    R: ``interactionR::interactionR_mover``. Source: Zou (2008).

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([0.4, 0.2, 0.2, 0.1])
    >>> limits = mover_limits(p, p - 0.05, p + 0.05, np.eye(4) * 0.025**2, np.inf)
    >>> limits["interaction_contrast"].round(3).tolist()
    [0.0, 0.2]
    """
    sign = _signs(len(p))
    limits = {"interaction_contrast": mover_interval(sign, p, low, high, vcov)}
    with np.errstate(divide="ignore", invalid="ignore"):
        for names in OF_RATIOS:
            value, slope = transform(p, names.scale)
            ratios = partial(_limits_of_ratios, sign, value, slope, vcov, df)
            limits[names.reri] = ratios(len(p) - 1)
            limits[names.ap] = ratios(0)
    return limits


def _limits_of_ratios(
    sign: Array,
    value: Array,
    slope: Array,
    vcov: Array,
    df: float | DfOf,
    base: int,
) -> Array:
    """Limits (2,) of the signed sum of the ratios of all groups to the group `base`."""
    every = np.eye(len(value))
    turn = np.delete(every, base, axis=0)
    turn[:, base] = -1
    jacobian = turn * slope
    covariance = delta_covariance(jacobian, vcov)
    log_ratio = turn @ value
    se = np.sqrt(np.diag(covariance))
    own_df = df(jacobian) if callable(df) else df
    low, high = np.exp(wald_interval(log_ratio, se, own_df))
    others = np.delete(sign, base)
    limits = mover_interval(others, np.exp(log_ratio), low, high, covariance)
    return limits + sign[base]


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
        Of kind level, with the axes among its by-columns. A saturated model or
        `cell_means` gives the crude measures, a model with covariates the marginal
        (standardised) ones; conditional measures are `coefficients`.
    *axes : str
        Every level is set against the reference level of its axis; other by-columns are
        held.
    methods : sequence of {"delta", "mover", "replicate"}, optional
        By default all that there are: replicate needs levels from replicate weights.
    reference : mapping, optional
        Reference level of some of the axes, ``{"gender": "woman"}``; by default the first
        level. It recodes identities that go with a lower risk.

    Returns
    -------
    Estimates
        Columns: the by-columns, ``measure``, ``method``, ``reference`` (the group with
        none of the identities, such as "gender man, ethnicity majority"), then as always;
        all rows of a method stand together. Synergy and the two ratios have intervals on
        the log scale and are tested against 1, the others against 0. The notes say where
        the additive and the multiplicative scale disagree (see `verdict`). `vcov` holds
        the covariance within delta and within replicate; it is NaN for mover and between
        methods.

    Raises
    ------
    UnknownNameError
        An axis, a level of the reference or a method does not exist; replicate needs
        levels from replicate weights.
    EstimandError
        What is given are not levels; axes are not two, three or four different ones; or
        no combination of their levels has all its groups.

    Warns
    -----
    ProtectiveExposureWarning
        The risk is lower in a group than in the reference: it names the levels to choose
        as reference.

    Notes
    -----
    R: ``epiR::epi.interaction(model, param = "product", coef = c(2, 3, 4))`` and
    ``interactionR::interactionR(model, exposure_names = c("gender", "ethnicity"))``, for
    odds ratios; of a survey ``svycontrast(svyby(~y, ~gender + ethnicity, design, svymean,
    covmat = TRUE), quote(...))``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> events = {("a", "x"): 10, ("a", "y"): 20, ("b", "x"): 20, ("b", "y"): 45}
    >>> rows = [(*key, i < n) for key, n in events.items() for i in range(100)]
    >>> frame = pd.DataFrame(rows, columns=["g", "h", "y"]).astype({"y": float})
    >>> cells = tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["g", "h"])
    >>> found = interactions(tl.cell_means(cells), "g", "h", methods=["delta"])
    >>> found.frame.set_index("measure")["estimate"].round(3)[:5].tolist()
    [0.15, 1.5, 0.333, 1.75, 1.125]
    """
    require_levels(estimates, "interactions")
    chosen = _two_to_four(axes, estimates.by)
    methods = _methods(estimates, methods)
    base = reference_levels(estimates.frame, chosen, reference, fill=True)
    groups = _corners(estimates, base)
    once = _measured(estimates, groups)
    result = _with_methods(estimates, groups, once, methods, base)
    if "mover" in methods:
        result = _with_mover(result, estimates, groups)
    by_default = {c: v for c, v in base.items() if c not in (reference or {})}
    absent = absence_notes(estimates.absent, by_default)
    notes = _protective(estimates, groups, chosen)
    for note in notes:
        warnings.warn(note, ProtectiveExposureWarning, stacklevel=2)
    if np.isnan(once.value).any():
        notes.append(UNDEFINED)
    notes += verdict(result)
    every_note = (*result.notes, *absent, *notes)
    return replace(result, compared=tuple(chosen), notes=every_note)


def _two_to_four(axes: Sequence[str], by: Sequence[str]) -> list[str]:
    """The axes whose interaction is asked for."""
    chosen = axis_names(axes, by)
    if not 2 <= len(chosen) <= 4:
        raise EstimandError(
            f"Interaction is of two, three or four different axes, got {chosen}.",
            "Name two axes.",
        )
    return chosen


def _methods(estimates: Estimates, asked: Sequence[str] | None) -> list[str]:
    """The methods that are asked for, or all; only levels in replicates have the last."""
    possible: tuple[str, ...] = METHODS
    if estimates.replicates is None:
        possible = METHODS[:2]
    methods = list(dict.fromkeys(listed(asked or possible)))
    require_names("method", methods, possible)
    return methods


def _corners(estimates: Estimates, base: Mapping[str, Any]) -> Codes:
    """For each combination of levels other than the reference: the rows (2^k) of its groups, from all to none."""
    keys = estimates.frame[list(estimates.by)].astype(object)
    cells = keys.to_dict("records")
    place = {tuple(cell.values()): row for row, cell in enumerate(cells)}
    turns = _turned_off(base)
    complete = []
    for cell in cells:
        if any(cell[axis] == base[axis] for axis in base):
            continue
        groups = [cell | turn for turn in turns]
        rows = [place.get(tuple(group.values()), -1) for group in groups]
        if -1 not in rows:
            complete.append(rows)
    if not complete:
        named = " and ".join(map(repr, base))
        raise EstimandError(
            f"No combination of {named} has all {SIZES[len(base)]} groups.",
            "Use axes with two or more levels each.",
        )
    return np.array(complete)


def _turned_off(base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each of the 2^k groups, the axes that are at their reference level."""
    turns = []
    for bits in _groups_of(len(base)):
        on = dict(zip(base, bits, strict=True))
        turns.append({axis: base[axis] for axis in base if not on[axis]})
    return turns


@dataclass(frozen=True, eq=False)
class _Measures:
    """All measures of all combinations of levels, once, whatever their interval.

    Attributes
    ----------
    axes : DataFrame (r rows)
        The by-columns, and measure.
    behind : int array (r, 2^k)
        The levels behind each.
    value : array (r,)
    jacobian : array (r, m)
        Derivatives by all levels.
    """

    axes: pd.DataFrame
    behind: Codes
    value: Array
    jacobian: Array


def _measured(estimates: Estimates, groups: Codes) -> _Measures:
    """The measures of each combination of levels, given by the rows of its groups (g, 2^k)."""
    frame = estimates.frame
    p = frame["estimate"].to_numpy(float)
    of_groups = [measures(p[at]) for at in groups]
    names = list(of_groups[0])
    behind = np.repeat(groups, len(names), axis=0)
    together = frame.loc[behind[:, 0], list(estimates.by)]
    axes = together.reset_index(drop=True)
    axes["measure"] = names * len(groups)
    every = [one for named in of_groups for one in named.values()]
    jacobian = np.zeros((len(axes), len(frame)))
    slopes = np.array([one.gradient for one in every])
    np.put_along_axis(jacobian, behind, slopes, axis=1)
    value = np.array([one.value for one in every])
    return _Measures(axes, behind, value, jacobian)


def _with_methods(
    estimates: Estimates,
    groups: Codes,
    once: _Measures,
    methods: Sequence[str],
    base: Mapping[str, Any],
) -> Estimates:
    """The measures with their intervals by each method, one method after the other."""
    each = [once.axes.assign(method=method) for method in methods]
    every = pd.concat(each, ignore_index=True)
    times = len(methods)
    behind = np.tile(once.behind, (times, 1))
    people = estimates.people.together(behind)
    log = [INTERACTIONS[name].log for name in every["measure"]]
    named = ", ".join(methods)
    reference = _in_words(base, estimates.by)
    result = contrast(
        estimates,
        every.assign(reference=reference),
        np.tile(once.value, times),
        np.tile(once.jacobian, (times, 1)),
        people.count,
        kind="interaction",
        log=np.array(log),
        smallest=estimates.smallest[behind].min(axis=1),
        note=f"; {named} method, synergy and ratios on the log scale",
        covariance=_covariance(estimates, groups, once, methods),
        people=people,
    )
    return replace(result, by=tuple(every.columns))


def _in_words(base: Mapping[str, Any], order: Iterable[str]) -> str:
    """The group that has none of the identities: ``gender man, ethnicity majority``."""
    return ", ".join(f"{axis} {base[axis]}" for axis in order if axis in base)


def _covariance(
    estimates: Estimates,
    groups: Codes,
    once: _Measures,
    methods: Sequence[str],
) -> Array:
    """Covariance of the measures by each method; not known of MOVER and between methods."""
    size = len(once.value)
    times = len(methods)
    blocks = np.full((times, size, times, size), np.nan)
    for i, method in enumerate(methods):
        if method == "delta":
            blocks[i, :, i] = delta_covariance(once.jacobian, estimates.vcov)
        elif method == "replicate":
            blocks[i, :, i] = _covariance_in_replicates(estimates, groups, once.value)
    return blocks.reshape(times * size, -1)


def _covariance_in_replicates(
    estimates: Estimates, groups: Codes, value: Array
) -> Array:
    """Covariance of the measures computed under each set of replicate weights."""
    replicates = estimates.replicates
    if replicates is None:
        return np.full((len(value), len(value)), np.nan)
    in_each = []
    for p in replicates.totals:
        values: list[float] = []
        for at in groups:
            values += [one.value for one in measures(p[at]).values()]
        in_each.append(values)
    return replicate_covariance(
        np.array(in_each), value, replicates.scale, replicates.mse
    )


def _with_mover(result: Estimates, levels: Estimates, groups: Codes) -> Estimates:
    """MOVER limits in the rows of that method, without the measures that have none."""
    frame = result.frame
    by_mover = (frame["method"] == "mover").to_numpy()
    names = list(dict.fromkeys(frame["measure"]))
    of_groups = _mover_limits_of(levels, groups)
    ends = [one.get(name, UNKNOWN) for one in of_groups for name in names]
    frame.loc[by_mover, ["conf_low", "conf_high"]] = ends
    has_limits = frame["measure"].isin(of_groups[0]).to_numpy()
    return replace(result, _frame=frame).where(~by_mover | has_limits)


def _mover_limits_of(levels: Estimates, groups: Codes) -> list[dict[str, Array]]:
    """MOVER limits of each combination, from the rows of its groups (g, 2^k)."""
    frame = levels.frame
    columns = ("estimate", "conf_low", "conf_high")
    p, low, high = (frame[column].to_numpy(float) for column in columns)
    limits = []
    for at in groups:
        own = levels.vcov[np.ix_(at, at)]
        df = partial(_df_of_groups, levels, at)
        of_group = mover_limits(p[at], low[at], high[at], own, df)
        limits.append(of_group)
    return limits


def _df_of_groups(levels: Estimates, rows: Codes, jacobian: Array) -> Array:
    """Degrees of freedom of functions of some rows, from their derivatives by these rows."""
    whole = np.zeros((len(jacobian), len(levels)))
    whole[:, rows] = jacobian
    return levels.df_of(whole)


def _protective(levels: Estimates, groups: Codes, axes: list[str]) -> list[str]:
    """The caution about identities that alone go with a lower risk, and the reference that avoids it."""
    frame = levels.frame
    p = frame["estimate"].to_numpy(float)
    names = frame[axes].astype(str)
    name = names.agg(", ".join, axis=1)
    alone = [i for i, bits in enumerate(_groups_of(len(axes))) if sum(bits) == 1]
    better = set()
    for at in groups:
        risks = p[at]
        if risks[alone].min() < risks[-1]:
            lowest = at[risks.argmin()]
            better.add(f"for {name[at[0]]} that is {name[lowest]}")
    if not better:
        return []
    return [
        "One identity alone goes with a lower risk than the reference. RERI, AP and S are "
        "then hard to read and may contradict each other: take the group with the lowest "
        f"risk as `reference` (Knol et al. 2011), {'; '.join(sorted(better))}. The size "
        "of the interaction contrast is not affected."
    ]


def verdict(inter: Estimates) -> tuple[str, ...]:
    """A sentence for each pair (or three, or four) whose additive and multiplicative interaction differ.

    Parameters
    ----------
    inter : Estimates
        From `interactions`, with rows of the interaction contrast and of the ratio of
        risk ratios by one method.

    Returns
    -------
    tuple of str
        More or less than adding predicts, by the 95 % interval of the interaction
        contrast, against more or less than multiplying predicts, by that of the ratio of
        risk ratios (Knol and VanderWeele 2012). Empty if they agree.

    Raises
    ------
    EstimandError
        What is given are no measures of interaction.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> events = {("a", "x"): 10, ("a", "y"): 30, ("b", "x"): 30, ("b", "y"): 90}
    >>> rows = [(*key, i < n) for key, n in events.items() for i in range(100)]
    >>> frame = pd.DataFrame(rows, columns=["g", "h", "y"]).astype({"y": float})
    >>> cells = tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["g", "h"])
    >>> sentence = verdict(interactions(tl.cell_means(cells), "g", "h"))[0]
    >>> sentence.partition(", but ")[0]
    'b, y: together more than adding up predicts'
    """
    require_a(Estimates, inter, "Give the result of interactions.")
    if inter.kind != "interaction":
        raise EstimandError(
            f"Expected measures of interaction, got kind {inter.kind!r}.",
            "Give interactions(...).",
        )
    frame = inter.frame
    nulls = {name: INTERACTIONS[name].null for name in JUDGED}
    null = frame["measure"].map(nulls)
    above = (frame["conf_low"] > null).astype(int)
    below = (frame["conf_high"] < null).astype(int)
    frame["side"] = above - below
    tested = (method for method in frame["method"] if method != "mover")
    one_method = frame["method"] == next(tested, None)
    judged = frame[null.notna() & one_method]
    keys = [name for name in inter.by if name not in ("measure", "method")]
    pairs = judged.groupby(keys, observed=True, sort=False)
    sentences = []
    for key, side in pairs["side"]:
        if side.nunique() == 2:
            group = ", ".join(map(str, key))
            sentences.append(_disagreement(group, *side))
    return tuple(sentences)


def _disagreement(group: str, additive: int, multiplicative: int) -> str:
    """What is said of a group where the two scales disagree."""
    return (
        f"{group}: together {WORDS[additive]} adding up predicts, but "
        f"{WORDS[multiplicative]} multiplying predicts. For how many people are affected, "
        "the first is the one to read."
    )
