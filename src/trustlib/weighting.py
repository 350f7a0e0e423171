r"""Weights made and judged: raking to population margins, bootstrap replicates, and what uneven weights cost.

Sources: Deming and Stephan (1940) for raking; Rao and Wu (1988) and Rao, Wu and Yue
(1992) for the bootstrap; Kish (1965, 1992) for the design effect of weights. R:
``survey::rake``, ``survey::as.svrepdesign(type = "subbootstrap")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.answers import in_one_form
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.drawing import Bounds
from trustlib.engines import collect, without_notes
from trustlib.errors import (
    MOST_NAMES,
    ConvergenceError,
    DesignError,
    UnknownNameError,
    is_number,
    require_a,
    unknown_name,
)
from trustlib.grouping import group_rows
from trustlib.masking import require_columns, spoken, spoken_levels
from trustlib.variance import Array, Codes

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
        Its frame and weight; without a weight everyone starts with 1. A domain is not
        looked at.
    margins : mapping
        Column -> {value: people in the population}. One column is post-stratification.
        Every margin has the same sum.
    bounds : (low, high)
        Trim: no weight leaves these multiples of the mean weight. The margins are still
        met, or an error says that they cannot be. Trimmed weights depend on the order
        of the margins.
    tolerance : float
        Largest relative distance from a total of a margin.
    steps : int
        Largest number of passes over all margins.

    Returns
    -------
    array (n,)
        The new weights. A design of them names the margins
        (``SurveyDesign(..., raked=list(margins))``), so that standard errors know them;
        the old weight is its `base_weight`.

    Raises
    ------
    DesignError
        A margin with missing values, with a value of nobody, or with another sum than
        the first margin.
    UnknownNameError
        A column, or a value of the sample that has no total.
    ConvergenceError
        The margins contradict each other or the bounds; the one that is furthest off is
        named.

    Notes
    -----
    R: ``rake(design, list(~a, ~b), list(pop_a, pop_b), control = control)`` with
    ``control <- list(epsilon = 1e-12, maxit = 1000)``; R's default stops as soon as no
    cell of the table moves by more than one person.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"gender": ["man", "man", "woman"]})
    >>> design = SurveyDesign(people, weight=None)
    >>> rake(design, {"gender": {"man": 48, "woman": 52}}).round(6)
    array([24., 24., 52.])
    """
    require_a(SurveyDesign, design, _DESIGN)
    people = nw.from_native(design.frame)
    _require_totals(margins)
    require_columns(margins, people.collect_schema().names())
    weights = _weights(design, people)
    low, high = bounds
    if not 0 <= low < 1 < high:
        raise DesignError(
            f"Bounds are two multiples of the mean weight around 1, got {bounds}.",
            "Such as (0.2, 5).",
        )
    table = collect(people.select(*margins))
    first = next(iter(margins.values()))
    population = sum(first.values())
    targets = [
        _Margin.of(name, table[name], totals, weights, population)
        for name, totals in margins.items()
    ]
    for _ in range(steps):
        for margin in targets:
            weights *= margin.factor(weights)
        mean = weights.mean()
        trimmed = np.clip(weights, low * mean, high * mean)
        weights = np.where(weights > 0, trimmed, 0.0)
        distances = [margin.distance(weights) for margin in targets]
        if max(distances) < tolerance:
            return weights
    worst = int(np.argmax(distances))
    raise ConvergenceError(
        f"Raking did not reach the margin {targets[worst].name!r}: "
        f"a total is still {distances[worst]:.2%} off after {steps} steps.",
        "Widen the bounds, join rare values, "
        "or check that all margins are of one population.",
    )


def _require_totals(margins: Any) -> None:
    """Refuse margins that are no mapping of mappings."""
    given = isinstance(margins, Mapping) and bool(margins)
    if not given or not all(isinstance(t, Mapping) for t in margins.values()):
        raise DesignError(
            "Margins map columns to totals.",
            "For example {'gender': {'man': 480, 'woman': 520}}.",
        )


def _require_a_total_for_each(
    name: str, column: pd.Series, levels: Any, totals: Mapping[Any, float]
) -> None:
    """Refuse a margin in which people have a value that has no total."""
    lacking = [level for level in levels if level not in totals]
    if not lacking:
        return
    kind = f"total in the margin {name!r} for the value"
    written = set(map(str, totals))
    own = [level for level in lacking if str(level) in written]
    told = own or spoken_levels(lacking, column.value_counts())
    if told:
        raise unknown_name(kind, told[0], totals)
    given = ", ".join(map(str, list(totals)[:MOST_NAMES]))
    raise UnknownNameError(
        f"There is no {kind} of some people: {spoken(lacking, column)}.",
        f"Give every value of the sample a total. There is: {given}.",
    )


@dataclass(frozen=True)
class _Margin:
    """A column and the total that each of its values shall have."""

    name: str
    value: Codes  # (n,) the value of each person
    target: Array  # (values,) people in the population

    @classmethod
    def of(
        cls,
        name: str,
        column: pd.Series,
        totals: Mapping[Any, float],
        weights: Array,
        population: float,
    ) -> _Margin:
        """A margin whose totals fit its column, and add up to the population."""
        totals = in_one_form(dict(totals))
        try:
            value, levels = pd.factorize(column.map(in_one_form).astype(object))
        except TypeError:
            raise DesignError(
                f"The margin {name!r} holds lists or structures, "
                "expected one value for each person.",
                "Make it a text or a number.",
            ) from None
        if (value < 0).any():
            raise DesignError(
                f"Some people have no value in the margin {name!r}.",
                "Everyone counts in a margin.",
            )
        _require_a_total_for_each(name, column.map(in_one_form), levels, totals)
        weighted = set(levels[np.bincount(value, weights) > 0])
        of_nobody = [level for level in totals if level not in weighted]
        if of_nobody:
            raise DesignError(
                f"Nobody in the sample has {name}={of_nobody[0]!r}, which has a total.",
                "Join it to another.",
            )
        target = np.array([float(totals[level]) for level in levels])
        fits = abs(target.sum() / population - 1) < 1e-8
        if not (target > 0).all() or not fits:
            raise DesignError(
                f"The totals of {name!r} add up to {target.sum():,.10g}, "
                "or one is not above zero.",
                "Totals are above zero, and those of each margin "
                f"add up to {population:,.10g}.",
            )
        return cls(name, value, target)

    def factor(self, weights: Array) -> Array:
        """By what each weight (n,) is multiplied to meet the totals."""
        return (self.target / np.bincount(self.value, weights))[self.value]

    def distance(self, weights: Array) -> float:
        """The largest relative distance from a total."""
        totals = np.bincount(self.value, weights)
        return np.abs(totals / self.target - 1).max()


def bootstrap_weights(
    design: SurveyDesign, replicates: int = 500, seed: int = 0
) -> SurveyDesign:
    r"""Rao-Wu bootstrap: in each stratum draw :math:`n_h-1` PSUs with replacement and rescale their weights.

    .. math::

        w_i^{(r)} = w_i\Big[1+\sqrt{1-f_h}\Big(\frac{n_h}{n_h-1}\,t_{hj}^{(r)}-1\Big)\Big]

    with t the times that the person's PSU was drawn, and f the sampling fraction (0
    without fpc).

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
        On a pandas frame with columns ``bootstrap_1`` and so on, of 8 bytes per person
        and replicate (35,000 people and 500 replicates: 140 MB, and three times that
        while they are made). Scale 1/(R-1), as R's, around the full-sample estimate.
        Its degrees of freedom are the rank of the replicates less one, at most R-1.

    Raises
    ------
    DesignError
        The design has replicate weights, or raked ones (each replicate would have to be
        raked); or a lonely PSU and a rule that puts a number in place of its variance
        ("adjust", "average"): the bootstrap counts it as certain.

    Notes
    -----
    R: ``as.svrepdesign(design, type = "subbootstrap", replicates = 500)``, which drops
    the fpc.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"weight": [1.0, 2.0, 1.5, 1.0]})
    >>> bootstrap_weights(SurveyDesign(people), replicates=3).variance
    '3 replicate weights (bootstrap), around the full-sample estimate'
    """
    require_a(SurveyDesign, design, _DESIGN)
    _require_linearised(design)
    if not is_number(replicates, whole=True) or replicates < 2:
        raise DesignError(
            f"The number of replicates is 2 or more, got {replicates!r}.",
            "500 is usual.",
        )
    native = design.frame
    frame = without_notes(native)
    if not isinstance(native, pd.DataFrame):
        frame = collect(nw.from_native(native))
    draws = _Draws.of(design, frame)
    weight = _weights(design, nw.from_native(frame))
    rng = np.random.default_rng(seed)
    drawn = np.empty((len(frame), replicates), order="F")
    for r in range(replicates):
        draws.weigh(weight, rng, out=drawn[:, r])
    names = [f"bootstrap_{r}" for r in range(1, replicates + 1)]
    columns = pd.DataFrame(drawn, columns=names, index=frame.index, copy=False)
    kept = frame.drop(columns=[DOMAIN, *names], errors="ignore")
    people = pd.concat([kept, columns], axis=1)
    people.attrs = dict(getattr(native, "attrs", {}))
    replicated = _replicated(design, people, names, drawn)
    if DOMAIN not in frame:
        return replicated
    inside = frame[DOMAIN].to_numpy(bool)
    if inside.all():
        return replicated
    return replicated.domain(inside)


def _replicated(
    design: SurveyDesign, people: pd.DataFrame, names: list[str], drawn: Array
) -> SurveyDesign:
    """The design of people with drawn weights (n, R), which can only be wrong by all being zero."""
    looked_at = names[:2]
    if not (drawn.sum(axis=0) > 0).all():
        looked_at = names  # to be refused
    checked = SurveyDesign(
        people.drop(columns=names[len(looked_at) :]),
        design.weight,
        replicate_weights=looked_at,
        replicate_method="bootstrap",
        source=design.source,
    )
    size = len(names)
    scale = np.full(size, 1 / (size - 1))
    return checked.unchecked(frame=people, replicate_weights=tuple(names), scale=scale)


def _require_linearised(design: SurveyDesign) -> None:
    """Refuse designs whose replicates would say something else than the design."""
    lonely = (design.layout.n_psu == 1).any()
    unknown = lonely and design.lonely_psu in ("adjust", "average")
    if design.replicate_weights or design.raked or unknown:
        raise DesignError(
            "Bootstrap weights need a linearised design, not raked, "
            "with no lonely PSU to adjust.",
            "Bootstrap before raking, then rake each replicate; "
            "take a lonely PSU as lonely_psu='certainty'.",
        )


@dataclass(frozen=True)
class _Draws:
    """What is drawn: PSUs, from those of their stratum."""

    unit: Codes  # (n,) the PSU of each person, those of a stratum together
    start: Codes  # (D,) where the stratum of each draw begins among them
    bounds: Bounds  # (D,) how many PSUs it has
    least: Array  # (P,) factor of a PSU that is not drawn; 1 for a lonely one
    each: Array  # (P,) what each time that it is drawn adds
    room: Array  # (P,) for factors: fresh memory costs more than they

    @classmethod
    def of(cls, design: SurveyDesign, frame: pd.DataFrame) -> _Draws:
        """What is drawn in each replicate of a design: one PSU less than the stratum has."""
        layout = design.layout
        strata = np.zeros(len(frame), dtype=int)
        if design.strata is not None:
            strata = layout.key.get_indexer(frame[design.strata])
        labels = pd.Series(range(len(frame)))
        if design.psu is not None:
            labels = frame[design.psu]
        unit, row = group_rows([pd.Series(strata), labels], len(frame))
        stratum = strata[row]
        n = layout.n_psu.astype(int)
        drawn = np.repeat(np.arange(len(n)), n - 1)  # the stratum of each draw
        rate = n / np.maximum(n - 1, 1)
        root = np.where(n > 1, np.sqrt(layout.remaining), 0.0)
        together = np.argsort(stratum, kind="stable")
        place = np.empty_like(together)
        place[together] = np.arange(len(together))
        return cls(
            unit=place[unit],
            start=(np.cumsum(n) - n)[drawn],
            bounds=Bounds.of(n[drawn]),
            least=(1 - root)[stratum[together]],
            each=(root * rate)[stratum[together]],
            room=np.empty(len(row)),
        )

    def weigh(self, weight: Array, rng: np.random.Generator, out: Array) -> None:
        """Put into `out` the weights (n,) of people in one replicate."""
        place = self.bounds.drawn(rng)
        place += self.start
        times = np.bincount(place, minlength=len(self.each))
        factor = np.multiply(self.each, times, out=self.room)
        factor += self.least
        factor.take(self.unit, out=out, mode="clip")  # other modes copy `out` before
        out *= weight


def _weights(design: SurveyDesign, people: Any) -> Array:
    """The weights (n,) of a design, as an array of its own."""
    weight = nw.lit(1.0)
    if design.weight is not None:
        weight = nw.col(design.weight)
    column = weight.cast(nw.Float64).alias("_w")
    table = collect(people.with_columns(column).select("_w"))
    return table["_w"].to_numpy(copy=True)


def kish(weights: Any) -> pd.Series:
    r"""Kish's design effect of uneven weights: what they cost if they have nothing to do with the answers.

    .. math::

        1+\mathrm{cv}^2 = n\sum w^2\Big/\Big(\sum w\Big)^2,\qquad
        n_\mathrm{eff} = n/(1+\mathrm{cv}^2)

    Parameters
    ----------
    weights : array (n,)
        Sampling weights; zeros count as nobody.

    Returns
    -------
    Series
        ``deff`` and ``n_eff``.

    Raises
    ------
    DesignError
        A weight is negative or not finite, or all are zero.

    Notes
    -----
    R: ``survey::deff(svymean(~y, design, deff = "replace"))`` has the design as well.

    Examples
    --------
    >>> kish([1.0, 1.0, 4.0]).round(3).to_dict()
    {'deff': 1.5, 'n_eff': 2.0}
    """
    w = np.asarray(weights, dtype=float)
    least = w.min(initial=np.inf)
    largest = w.max(initial=0)
    if not (np.isfinite(w).all() and least >= 0 < largest):
        raise DesignError(
            "Weights are zero or more, finite and not all zero.",
            "Give the column: frame['weight'].",
        )
    people = (w > 0).sum()
    deff = people * (w @ w) / w.sum() ** 2
    return pd.Series({"deff": deff, "n_eff": people / deff})
