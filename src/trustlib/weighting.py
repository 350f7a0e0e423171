r"""Weights made and judged: raking to population margins, bootstrap replicates, and what uneven weights cost.

Sources: Deming and Stephan (1940) for raking; Rao and Wu (1988) and Rao, Wu and Yue (1992) for the bootstrap; Kish
(1965, 1992) for the design effect of weights. R: ``survey::rake``, ``survey::as.svrepdesign(type = "subbootstrap")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.answers import in_one_form
from trustlib.design import DOMAIN, SurveyDesign, _collect
from trustlib.errors import (
    ConvergenceError,
    DesignError,
    is_number,
    require_a,
    require_names,
)
from trustlib.grouping import group_rows
from trustlib.variance import Array

_DESIGN = "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...)."


def rake(
    design: SurveyDesign,
    margins: Mapping[str, Mapping[Any, float]],
    bounds: tuple[float, float] = (0.0, np.inf),
    tolerance: float = 1e-10,
    steps: int = 1000,
) -> Array:
    """Adjust weights until the weighted sample has given totals, by iterative proportional fitting.

    Parameters
    ----------
    design : SurveyDesign
        Its frame and weight; without a weight everyone starts with 1. A domain is not looked at.
    margins : mapping
        Column -> {value: people in the population}. One column is post-stratification. Every margin has the same sum.
    bounds : (low, high)
        Trim: no weight leaves these multiples of the mean weight. The margins are still met, or an error says that
        they cannot be. Trimmed weights depend on the order of the margins.
    tolerance : float
        Largest relative distance from a total of a margin.
    steps : int
        Largest number of passes over all margins.

    Returns
    -------
    array (n,)
        The new weights. A design of them names the margins (``SurveyDesign(..., raked=list(margins))``), so that
        standard errors know them; the old weight is its `base_weight`.

    Raises
    ------
    DesignError
        A margin with missing values, with a value of nobody, or with another sum than the first margin.
    UnknownNameError
        A column, or a value of the sample that has no total.
    ConvergenceError
        The margins contradict each other or the bounds; the one that is furthest off is named.

    Notes
    -----
    R: ``rake(design, list(~a, ~b), list(pop_a, pop_b), control = list(epsilon = 1e-12, maxit = 1000))``; R's default
    stops as soon as no cell of the table moves by more than one person.
    """
    require_a(SurveyDesign, design, _DESIGN)
    people = nw.from_native(design.frame)
    if (
        not isinstance(margins, Mapping)
        or not margins
        or not all(isinstance(t, Mapping) for t in margins.values())
    ):
        raise DesignError(
            "Margins map columns to totals.",
            "For example {'gender': {'man': 480, 'woman': 520}}.",
        )
    require_names("column", margins, people.collect_schema().names())
    new, (low, high) = _weights(design, people), bounds
    if not 0 <= low < 1 < high:
        raise DesignError(
            f"Bounds are two multiples of the mean weight around 1, got {bounds}.",
            "Such as (0.2, 5).",
        )
    table, population, targets = (
        _collect(people.select(*margins)),
        sum(next(iter(margins.values())).values()),
        {},
    )
    for c, given in margins.items():
        totals = in_one_form(dict(given))
        try:
            found, levels = pd.factorize(table[c].map(in_one_form).astype(object))
        except TypeError as error:
            raise DesignError(
                f"The margin {c!r} holds lists or structures, expected one value for each person.",
                "Make it a text or a number.",
            ) from error
        if (found < 0).any():
            raise DesignError(
                f"Some people have no value in the margin {c!r}.",
                "Everyone counts in a margin.",
            )
        require_names(f"total in the margin {c!r} for the value", levels, totals)
        if empty := [
            v for v in totals if v not in set(levels[np.bincount(found, new) > 0])
        ]:
            raise DesignError(
                f"Nobody in the sample has {c}={empty[0]!r}, which has a total.",
                "Join it to another.",
            )
        target = np.array([float(totals[level]) for level in levels])
        if not (target > 0).all() or not abs(target.sum() / population - 1) < 1e-8:
            hint = f"Totals are above zero, and those of each margin add up to {population:,.10g}."
            raise DesignError(
                f"The totals of {c!r} add up to {target.sum():,.10g}, or one is not above zero.",
                hint,
            )
        targets[c] = found, target
    for _ in range(steps):
        for found, target in targets.values():
            new *= (target / np.bincount(found, new))[found]
        new = np.where(new > 0, np.clip(new, low * new.mean(), high * new.mean()), 0.0)
        off = {
            c: np.abs(np.bincount(found, new) / target - 1).max()
            for c, (found, target) in targets.items()
        }
        if max(off.values()) < tolerance:
            return new
    worst = max(off, key=off.__getitem__)
    text = f"Raking did not reach the margin {worst!r}: a total is still {off[worst]:.2%} off after {steps} steps."
    raise ConvergenceError(
        text,
        "Widen the bounds, join rare values, or check that all margins are of one population.",
    )


def bootstrap_weights(
    design: SurveyDesign, replicates: int = 500, seed: int = 0
) -> SurveyDesign:
    r"""Rao-Wu bootstrap: in each stratum draw :math:`n_h-1` PSUs with replacement and rescale their weights.

    .. math:: w_i^{(r)} = w_i\Big[1+\sqrt{1-f_h}\Big(\frac{n_h}{n_h-1}\,t_{hj}^{(r)}-1\Big)\Big]

    with t the times that the person's PSU was drawn, and f the sampling fraction (0 without fpc).

    Parameters
    ----------
    design : SurveyDesign
        Linearised; its domain is kept. Without PSUs each person is drawn by itself.
    replicates : int
        500 give standard errors with a Monte Carlo error of about 3 %.
    seed : int
        The same seed gives the same weights.

    Returns
    -------
    SurveyDesign
        On a pandas frame with columns ``bootstrap_1`` and so on, of 8 bytes per person and replicate (35,000 people and
        500 replicates: 140 MB, and three times that while they are made). Scale 1/(R-1), as R's, around the full-sample
        estimate. Its degrees of freedom are the rank of the replicates less one, at most R-1.

    Raises
    ------
    DesignError
        The design has replicate weights, or raked ones (each replicate would have to be raked); or a lonely PSU and
        a rule that puts a number in place of its variance ("adjust", "average"): the bootstrap counts it as certain.

    Notes
    -----
    R: ``as.svrepdesign(design, type = "subbootstrap", replicates = 500)``, which drops the fpc.
    """
    require_a(SurveyDesign, design, _DESIGN)
    size, remaining = design.layout.n_psu, design.layout.remaining
    unknown = (size == 1).any() and design.lonely_psu in ("adjust", "average")
    if design.replicate_weights or design.raked or unknown:
        hint = "Bootstrap before raking, then rake each replicate; take a lonely PSU as lonely_psu='certainty'."
        raise DesignError(
            "Bootstrap weights need a linearised design, not raked, with no lonely PSU to adjust.",
            hint,
        )
    if not is_number(replicates, whole=True) or replicates < 2:
        raise DesignError(
            f"The number of replicates is 2 or more, got {replicates!r}.",
            "500 is usual.",
        )
    native = design.frame
    frame = (
        native if isinstance(native, pd.DataFrame) else _collect(nw.from_native(native))
    )
    where = (
        frame[DOMAIN].to_numpy(bool)
        if DOMAIN in frame
        else np.ones(len(frame), dtype=bool)
    )
    strata = (
        design.layout.key.get_indexer(frame[design.strata])
        if design.strata is not None
        else np.zeros(len(frame), dtype=int)
    )
    labels = pd.Series(range(len(frame)))
    if design.psu is not None:
        labels = frame[design.psu]
    unit, row = group_rows([pd.Series(strata), labels], len(frame))
    stratum, n = strata[row], size.astype(int)
    members = np.argsort(
        stratum, kind="stable"
    )  # the PSUs of each stratum stand together
    drawn = np.repeat(np.arange(len(n)), n - 1)  # the stratum of each draw
    start = (np.cumsum(n) - n)[drawn]
    rate, root = (
        (n / np.maximum(n - 1, 1))[stratum],
        np.where(n > 1, np.sqrt(remaining), 0.0)[stratum],
    )
    rng = np.random.default_rng(seed)
    weight, out = (
        _weights(design, nw.from_native(frame)),
        np.empty((len(frame), replicates), order="F"),
    )
    for r in range(replicates):
        times = np.bincount(
            members[start + rng.integers(0, n[drawn])], minlength=len(stratum)
        )
        out[:, r] = weight * (1 + root * (rate * times - 1))[unit]
    names = [f"bootstrap_{r}" for r in range(1, replicates + 1)]
    kept = frame.drop(columns=[DOMAIN, *names], errors="ignore")
    people = pd.concat(
        [kept, pd.DataFrame(out, columns=names, index=frame.index, copy=False)], axis=1
    )
    people.attrs = dict(getattr(native, "attrs", {}))
    options = {
        "replicate_weights": names,
        "replicate_method": "bootstrap",
        "source": design.source,
    }
    new = SurveyDesign(people, design.weight, **options)  # type: ignore[arg-type]
    return new if where.all() else new.domain(where)


def _weights(design: SurveyDesign, people: Any) -> Array:
    weight = nw.lit(1.0) if design.weight is None else nw.col(design.weight)
    return _collect(
        people.with_columns(weight.cast(nw.Float64).alias("_w")).select("_w")
    )["_w"].to_numpy(copy=True)


def kish(weights: Any) -> pd.Series:
    r"""Kish's design effect of uneven weights: what they cost if they have nothing to do with the answers.

    .. math:: 1+\mathrm{cv}^2 = n\sum w^2\Big/\Big(\sum w\Big)^2,\qquad n_\mathrm{eff} = n/(1+\mathrm{cv}^2)

    Parameters
    ----------
    weights : array (n,)
        Sampling weights; zeros count as nobody.

    Returns
    -------
    Series
        ``deff`` and ``n_eff``.
    """
    w = np.asarray(weights, dtype=float)
    if not (np.isfinite(w).all() and w.min(initial=np.inf) >= 0 < w.max(initial=0)):
        raise DesignError(
            "Weights are zero or more, finite and not all zero.",
            "Give the column: frame['weight'].",
        )
    deff = (w > 0).sum() * (w @ w) / w.sum() ** 2
    return pd.Series({"deff": deff, "n_eff": (w > 0).sum() / deff})
