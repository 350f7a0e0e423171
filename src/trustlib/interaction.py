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

``ap_or`` and ``synergy_or`` are the versions from odds ratios, as case-control studies print them. When the outcome is
common, as here, odds ratios exaggerate and the risk-ratio versions are the ones to read.

Sources: Rothman (1986); Hosmer and Lemeshow (1992) for the delta method; Knol and VanderWeele (2012); for exposures
that lower the risk, Knol et al. (2011). R: ``epiR::epi.interaction``, ``interactionR``.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, ProtectiveExposureWarning, require_names
from trustlib.estimates import Estimates, axis_levels, contrast, require_levels, transform
from trustlib.variance import Array

MEASURES = (
    "interaction_contrast", "reri_rr", "ap", "synergy", "ratio_of_rr", "reri_or", "ap_or", "synergy_or", "ratio_of_or",
)  # fmt: skip
LOG_MEASURES = ("synergy", "synergy_or", "ratio_of_rr", "ratio_of_or")
# sign of 11, 10, 01, 00 in every contrast of four groups
_SIGN = np.array([1.0, -1.0, -1.0, 1.0])


def measures(p: Array) -> dict[str, tuple[float, Array]]:
    """The measures of interaction of four probabilities, each with its derivatives.

    Parameters
    ----------
    p : array (4,)
        Risks of both, first only, second only, neither.

    Returns
    -------
    dict
        measure -> (value, gradient (4,)); synergy and ratios as logarithms.
    """
    out: dict[str, tuple[float, Array]] = {"interaction_contrast": (float(_SIGN @ p), _SIGN)}
    for suffix, scale in (("rr", "ratio"), ("or", "odds_ratio")):
        value, slope = transform(p, scale)
        ratio = np.exp(value - value[3])
        gradient = np.diag(ratio * slope)  # of each ratio to the four risks
        gradient[:, 3] -= ratio * slope[3]
        weights = np.array([1.0, -1.0, -1.0])
        reri, d_reri = float(weights @ ratio[:3] + 1), weights @ gradient[:3]
        out[f"reri_{suffix}"] = (reri, d_reri)
        tail = "" if suffix == "rr" else "_or"
        out[f"ap{tail}"] = (reri / ratio[0], d_reri / ratio[0] - reri * gradient[0] / ratio[0] ** 2)
        together, apart = ratio[0] - 1, ratio[1] + ratio[2] - 2
        with np.errstate(divide="ignore", invalid="ignore"):
            known = together / apart > 0
            log_s = np.log(together / apart) if known else np.nan
            out[f"synergy{tail}"] = (log_s, gradient[0] / together - (gradient[1] + gradient[2]) / apart)
        out[f"ratio_of_{suffix}"] = (float(_SIGN @ value), _SIGN * slope)
    return {name: out[name] for name in MEASURES}


def interactions(estimates: Estimates, first: str, second: str) -> Estimates:
    """Measures of interaction of two axes, from levels or predictions, with delta-method intervals.

    Parameters
    ----------
    estimates : Estimates
        Of kind level, with both axes among its by-columns. A saturated model or `cell_means` gives the crude measures,
        a model with covariates the standardised (marginal) ones.
    first, second : str
        The axes. Every level is set against the first level of its axis; other by-columns are held.

    Returns
    -------
    Estimates
        Columns: the by-columns, ``measure``, ``method`` ("delta"), then as always. Synergy and the two ratios have
        intervals on the log scale and are tested against 1, the others against 0.

    Warns
    -----
    ProtectiveExposureWarning
        The risk is lower in a group than in the reference: choose the group with the lowest risk as reference.
    """
    require_levels(estimates, "interactions")
    require_names("axis", [first, second], estimates.by)
    if first == second:
        raise EstimandError("Interaction needs two different axes.", f"Got {first!r} twice.")
    frame, by = estimates.frame, list(estimates.by)
    keys = {tuple(k): i for i, k in enumerate(frame[by].astype(object).to_numpy())}
    base = {axis: axis_levels(frame[axis])[0] for axis in (first, second)}
    p, n = frame["estimate"].to_numpy(float), frame["n"].to_numpy()
    rows, values, gradients, people, smallest, protective = [], [], [], [], [], set()
    for key in keys:
        cell = dict(zip(by, key, strict=True))
        if cell[first] == base[first] or cell[second] == base[second]:
            continue
        corners = [{}, {second: base[second]}, {first: base[first]}, base]
        at = [keys.get(tuple({**cell, **corner}[c] for c in by), -1) for corner in corners]
        if -1 in at:
            continue
        if min(p[at[1]], p[at[2]]) < p[at[3]]:
            protective.add(f"{cell[first]}, {cell[second]}")
        for name, (value, gradient) in measures(p[at]).items():
            rows.append({**cell, "measure": name, "method": "delta"})
            values.append(value)
            full = np.zeros(len(frame))
            full[at] = gradient
            gradients.append(full)
            people.append(n[at].sum())
            smallest.append(estimates.smallest[at].min())
    if not rows:
        raise EstimandError(
            f"No combination of {first!r} and {second!r} has all four groups.", "Use axes with two or more levels each."
        )
    notes = []
    if protective:
        notes.append(
            f"One identity alone goes with a lower risk than the reference ({'; '.join(sorted(protective))}). RERI, AP "
            "and S are then hard to read and may contradict each other: take the group with the lowest risk as "
            "reference (Knol et al. 2011). The interaction contrast is not affected."
        )
        warnings.warn(notes[0], ProtectiveExposureWarning, stacklevel=2)
    if np.isnan(values).any():
        notes.append("A dash marks a measure that is not defined here: S needs both its parts to have the same sign.")
    axes = pd.DataFrame(rows)
    for c in by:
        if frame[c].dtype == "category":
            axes[c] = pd.Categorical(axes[c], categories=frame[c].cat.categories)
    result = contrast(
        estimates,
        axes,
        np.array(values),
        np.array(gradients),
        np.array(people),
        kind="interaction",
        log=axes["measure"].isin(LOG_MEASURES).to_numpy(),
        smallest=np.array(smallest),
        note="; delta method, synergy and ratios on the log scale",
    )
    return replace(result, by=(*by, "measure"), notes=tuple(notes))
