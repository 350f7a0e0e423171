"""From a design to `Cells`: one pass over the people, on whatever engine holds them.

People are grouped by stratum, PSU, identity cell and answer; what is kept are sums of
weights. With replicate weights these are kept under each replicate, with raked weights
by margins.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from trustlib import errors
from trustlib.answers import RESERVED
from trustlib.axes import axis_values
from trustlib.cells import SUMS, Cells, occurring_cells
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.engines import (
    STOPPED,
    floats,
    require_plain_names,
    require_single_values,
    sums_by,
    sums_of_columns,
    without_notes,
)
from trustlib.errors import DesignError, axis_names, require_a
from trustlib.grouping import group_rows
from trustlib.masking import (
    FEW,
    are_shown,
    foreign,
    people_by_level,
    require_columns,
    spoken_levels,
)
from trustlib.ordering import declared_orders, in_order, require_order
from trustlib.personal import told_when_asked
from trustlib.rounding import df_of_people, people_in_words
from trustlib.schedulers import require_every_file, require_near
from trustlib.strata import PSU, STRATUM
from trustlib.stratified import sum_by
from trustlib.variance import (
    Array,
    Codes,
    ReplicateScatter,
    Scatter,
    TaylorScatter,
)

FEW_DF = 8  # the US NCHS flags estimates with fewer (Parker et al. 2017)
RECODE = (
    "An outcome is 0, 1 or missing. "
    "Recode it before, for example x.map({'yes': 1, 'no': 0})."
)
OWN_KINDS = ("missing", "blank in the file", "declared missing in the file")
_ANSWER = "_y"
_USED = "_used"
_BASE = "_base"


def compress(design: SurveyDesign, outcome: str, by: Sequence[str] = ()) -> Cells:
    """Reduce a survey to the sums that determine every estimate and its standard error.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
        Column with 0, 1 and missing, or with booleans; of a pandas frame also as
        objects or as a category of these.
    by : sequence of str
        The axes. A category or text (levels in order, the first is the reference; see
        `trustlib.ordering`), or a number with few distinct values, which enters
        formulas as a number. Levels that are no texts, numbers or booleans, such as
        intervals and dates, become texts.

    Returns
    -------
    Cells

    Raises
    ------
    UnknownNameError
        The outcome or an axis is not a column.
    EstimandError
        What is given is not a design, or axes are not a list of different names.
    DesignError
        The outcome is not 0/1, nobody has a value of it and of each axis, a name
        clashes with the columns of results, an axis mixes kinds, holds infinite numbers
        or is a Polars Categorical (which knows no order of its levels), or there are
        more than 100,000 cells.

    Warns
    -----
    MissingRowsWarning
        Rows with a missing outcome or axis leave the estimate and stay in the design (a
        domain, as in R).
    FewPSUWarning

    Notes
    -----
    Per stratum x PSU x cell: n, sum w, sum wy, and sums of squares when each person is
    a PSU; with replicate weights also the sums under each replicate; with raked weights
    each of these by margins. R: ``svydesign`` followed by
    ``subset(design, !is.na(y))``.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({
    ...     "weight": [1.0, 2.0] * 20,
    ...     "angry": [0, 1, 1, 0] * 10,
    ...     "gender": ["man", "woman"] * 20,
    ... })
    >>> cells = compress(SurveyDesign(people), "angry", ["gender"])
    >>> cells.frame[["gender", "sum_w", "sum_wy"]]
      gender  sum_w  sum_wy
    0    man   20.0    10.0
    1  woman   40.0    20.0
    """
    require_a(
        SurveyDesign,
        design,
        "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...).",
    )
    frame = nw.from_native(without_notes(design.frame))
    require_near(frame)
    require_every_file(frame)
    by = _checked_axes(frame, outcome, by)
    frame = _with_numbers(frame, outcome)
    groups = _grouped(design, frame, outcome, by)
    people = _People.sort_out(groups, outcome, by)
    missing = _missing(people.lost, outcome, by)
    if people.kept.empty:
        raise DesignError(
            f"Nobody in the domain has a value of {outcome!r} and of each axis.",
            "Check the domain and the axes.",
        )
    base = design.source.rounding
    _warn_of_missing(missing, int(people.lost["n"].sum()), base)
    kept = people.kept
    axes = {name: axis_values(kept[name], name) for name in by}
    table, cell = occurring_cells(pd.DataFrame(axes, kept.index), by)
    for name, values in _sums(kept, people.events).items():
        kind = float if name.startswith("sum") else int
        table[name] = np.bincount(cell, values).astype(kind)
    scatter, df = _scatter(design, people, cell, table)
    if df < FEW_DF:
        warnings.warn(
            f"Only {df:g} degrees of freedom: "
            "standard errors and intervals are themselves very uncertain.",
            errors.FewPSUWarning,
            stacklevel=2,
        )
    return Cells(
        frame=table,
        outcome=outcome,
        by=tuple(by),
        scatter=scatter,
        df=df,
        variance=design.variance,
        source=design.source,
        labels=dict(getattr(design.frame, "attrs", {}).get("labels", {})),
        missing=missing,
        absent=_absent_first_levels(kept, by),
        heaviest=_heaviest(people, cell, len(table)),
    )


def _checked_axes(frame: Any, outcome: str, by: Sequence[str]) -> list[str]:
    """The axes as a list; names that do not exist, clash or are a list are refused."""
    schema = frame.collect_schema()
    columns = schema.names()
    require_columns([outcome], columns, "outcome column")
    axes = axis_names(by, columns, told_when_asked(columns))
    for name in (outcome, *axes):
        usable = isinstance(name, str) and name not in RESERVED
        if not usable or name.startswith("_"):
            raise DesignError(
                f"The name of column {name!r} is not a text, "
                "or would clash with the columns of results.",
                "Rename it in the frame.",
            )
    require_plain_names(frame, [outcome, *axes])
    require_single_values(schema, axes)
    if outcome in axes:
        raise DesignError(
            f"{outcome!r} is named more than once among outcome and axes.",
            "Name each once.",
        )
    return axes


def _with_numbers(frame: Any, outcome: str) -> Any:
    """The frame, its outcome a column of numbers or booleans.

    Of a pandas frame objects and categories of 0 and 1 are taken too.
    """
    kind = frame.collect_schema()[outcome]
    people = frame.to_native()
    wrapped = kind in (nw.Object, nw.Categorical, nw.Enum)
    if isinstance(people, pd.DataFrame) and wrapped:
        answers = people[outcome].astype(object)
        numbers = ("boolean", "integer", "floating", "mixed-integer-float")
        if infer_dtype(answers) in numbers:
            answers = pd.to_numeric(answers).astype(float)
            return nw.from_native(people.assign(**{outcome: answers}))
    if not (kind.is_numeric() or kind == nw.Boolean):
        raise DesignError(f"The outcome {outcome!r} is not 0/1 but {kind}.", RECODE)
    return frame


@dataclass(frozen=True)
class _Pass:
    """What one pass over the people groups by and sums, under names of our own.

    No engine then minds what the file calls its columns.
    """

    units: dict[str, str]  # our name -> column: strata, PSUs, margins
    axes: dict[str, str]
    kinds: dict[str, str]  # kinds of missing of a variable
    outcome: str
    weight: str | None
    summed: dict[str, str]  # base weights, replicates
    has_domain: bool
    unordered: set[str]  # axes that are a Categorical of Polars

    @classmethod
    def of(cls, design: SurveyDesign, frame: Any, outcome: str, by: list[str]) -> _Pass:
        """The pass over the people of a design."""
        schema = frame.collect_schema()
        unordered: set[str] = set()
        # a Categorical's order is that of first use anywhere; an Enum's is its own
        if frame.implementation.is_polars():
            unordered = {name for name in by if schema[name] == nw.Categorical}
        return cls(
            units=_units(design),
            axes={f"_a{i}": name for i, name in enumerate(by)},
            kinds=_kinds_of_missing([outcome, *by], schema.names()),
            outcome=outcome,
            weight=design.weight,
            summed=_summed(design),
            has_domain=DOMAIN in schema.names(),
            unordered=unordered,
        )

    @property
    def columns(self) -> dict[str, str]:
        """Our names -> columns that are grouped by as they are."""
        return {**self.units, **self.axes, **self.kinds}

    @property
    def keys(self) -> list[str]:
        """What is grouped by."""
        return [*self.columns, _ANSWER, _USED]

    @property
    def texts(self) -> list[str]:
        """Axes that are no use but as texts."""
        return [key for key, name in self.axes.items() if name in self.unordered]

    @property
    def sums(self) -> list[str]:
        """What is summed."""
        return ["w", "w2", *self.summed]

    @property
    def names(self) -> dict[str, str]:
        """Our names -> those of the file."""
        return {**self.axes, **self.kinds, _ANSWER: self.outcome}

    def expressions(self) -> dict[str, nw.Expr]:
        """What any engine computes for each person."""
        weight = nw.lit(1.0)
        if self.weight is not None:
            weight = nw.col(self.weight).cast(nw.Float64)
        inside = nw.col(DOMAIN) if self.has_domain else nw.lit(True)
        made = {key: nw.col(name) for key, name in self.columns.items()}
        made[_ANSWER] = nw.col(self.outcome).cast(nw.Float64)
        made[_USED] = (weight > 0) & inside
        made |= {"w": weight, "w2": weight * weight}
        for key, name in self.summed.items():
            made[key] = nw.col(name).cast(nw.Float64)
        return made

    def values(self, people: pd.DataFrame) -> dict[str, Any]:
        """The same of people in memory, without a copy of what is there."""
        weight = np.ones(len(people))
        if self.weight is not None:
            weight = floats(people[self.weight])
        used = weight > 0
        if self.has_domain:
            used &= people[DOMAIN].to_numpy(bool)
        answer = floats(people[self.outcome])
        made: dict[str, Any] = {key: people[c] for key, c in self.columns.items()}
        made[_ANSWER] = pd.Series(answer, copy=False)
        made[_USED] = pd.Series(used, copy=False)
        made |= {"w": weight, "w2": weight * weight}
        made |= {key: people[name] for key, name in self.summed.items()}
        return made


def _kinds_of_missing(variables: list[str], columns: list[str]) -> dict[str, str]:
    """Our name -> the column of the kinds of missing, for variables that have one."""
    kinds = {}
    for i, variable in enumerate(variables):
        column = f"{variable}_missing"
        if column in columns and column not in variables:
            kinds[f"_k{i}"] = column
    return kinds


def _units(design: SurveyDesign) -> dict[str, str]:
    """Strata, PSUs and margins, where the variance needs them."""
    units = {}
    if not design.replicate_weights:
        roles = {STRATUM: design.strata, PSU: design.psu}
        units = {key: name for key, name in roles.items() if name is not None}
    for i, margin in enumerate(design.raked or ()):
        units[f"_m{i}"] = margin
    return units


def _summed(design: SurveyDesign) -> dict[str, str]:
    """Base weights and replicates."""
    summed = {}
    base = design.base_weight or design.weight
    if design.raked and base is not None:
        summed[_BASE] = base
    for i, name in enumerate(design.replicate_weights or ()):
        summed[f"_r{i}"] = name
    return summed


def _grouped(
    design: SurveyDesign, frame: Any, outcome: str, by: list[str]
) -> pd.DataFrame:
    """Sums per stratum x PSU x margins x cell x answer, missing ones included."""
    orders = declared_orders(frame, by)
    plan = _Pass.of(design, frame, outcome, by)
    refusal = None
    people = frame.to_native()
    try:
        if isinstance(people, pd.DataFrame):
            values = plan.values(people)
            groups = sums_of_columns(values, len(people), plan.keys, plan.sums, ["w"])
        else:
            chosen = frame.select(**plan.expressions())
            groups = sums_by(chosen, plan.keys, plan.sums, ["w"], plan.texts)
    except DesignError as error:
        refusal = error
    except Exception as error:  # the engines have their own exceptions
        hint = "Axes are categories, texts, booleans or numbers."
        if isinstance(frame, nw.LazyFrame):
            hint = f"Nothing was counted. {STOPPED} {hint}"
        refusal = DesignError(
            f"The frame cannot be grouped by {by}: {foreign(error)}", hint
        )
    if refusal is not None:  # apart from the error of the engine, which may hold cells
        raise refusal
    _require_everyone(design, groups)
    for key, name in plan.axes.items():
        if name in orders:
            groups[key] = in_order(groups[key], orders[name])
        if name in plan.unordered:
            require_order(groups[key], name)
    return groups.rename(columns=plan.names)


def _require_everyone(design: SurveyDesign, groups: pd.DataFrame) -> None:
    """Refuse groups of other people than those of whom the design was made."""
    if int(groups["n"].sum()) != design.people:
        raise DesignError(
            "The frame has more or fewer people than when its design was made, so its "
            "file changed, or it is a lazy frame that draws anew each time.",
            "Make the design again, of a file or frame that stays as it is.",
        )


@dataclass(frozen=True)
class _People:
    """Groups of people, sorted out by whether they count in the estimate."""

    kept: pd.DataFrame
    events: Array  # (kept,) their answer, 0 or 1
    lost: pd.DataFrame  # in the domain, but without an answer or an axis
    every: pd.DataFrame
    inside: Array  # (every,) who is kept

    @property
    def others(self) -> pd.DataFrame:
        """All who are not kept, in the domain or not."""
        return self.every[~self.inside]

    @classmethod
    def sort_out(cls, groups: pd.DataFrame, outcome: str, by: list[str]) -> _People:
        """Those with an answer and every axis are kept; an answer is 0 or 1."""
        answers = groups[outcome].to_numpy(float, na_value=np.nan)
        answered = ~np.isnan(answers)
        _require_binary(answers[answered], groups["n"][answered], outcome)
        used = groups[_USED].to_numpy(bool)
        inside = used & answered
        for name in by:
            inside &= groups[name].notna().to_numpy()
        return cls(
            kept=groups[inside].reset_index(drop=True),
            events=answers[inside],
            lost=groups[used & ~inside],
            every=groups,
            inside=inside,
        )


def _require_binary(answers: Array, people: pd.Series, outcome: str) -> None:
    """Refuse an outcome that holds other values than 0 and 1."""
    distinct = np.unique(answers)
    if set(distinct) <= {0.0, 1.0}:
        return
    sizes = people_by_level(pd.Series(answers), people)
    raise DesignError(
        f"The outcome {outcome!r} holds {len(distinct)} different values"
        f"{_span(distinct, spoken_levels(distinct, sizes))}.",
        RECODE,
    )


def _span(distinct: Array, told: Sequence[float]) -> str:
    """Between which numbers values lie, of those that ten people gave."""
    span = ""
    if len(told) > 1:
        span = f" from {told[0]:g} to {told[-1]:g}"
    elif told:
        span = f", such as {told[0]:g}"
    if len(told) < len(distinct):
        span += f", some of {FEW}"
    if not np.isfinite(distinct).all():
        span += ", and infinite ones"
    return span


def _missing(lost: pd.DataFrame, outcome: str, by: list[str]) -> pd.DataFrame:
    """Count, for each variable, the people who lack it by kind of missing."""
    rows = []
    counts = lost["n"].to_numpy()
    for variable in (outcome, *by):
        absent = lost[variable].isna().to_numpy()
        if not absent.any():
            continue
        named = np.full(absent.sum(), "missing", dtype=object)
        if f"{variable}_missing" in lost:
            kind = lost[f"{variable}_missing"].to_numpy(object)[absent]
            named = np.where(pd.isna(kind), named, kind)
        codes, reasons = pd.factorize(named, sort=True)
        people = np.bincount(codes, counts[absent])
        for reason, n in zip(reasons, people, strict=True):
            rows.append((variable, str(reason), int(n)))
    return pd.DataFrame(rows, columns=["variable", "reason", "n"])


def _warn_of_missing(missing: pd.DataFrame, lost: int, base: int | None) -> None:
    """Say how many people left the estimate, and why."""
    if not lost:
        return
    reasons = ", ".join(
        f"{row.variable} {_reason(row.reason, row.n)}: {people_in_words(row.n, base)}"
        for row in missing.itertuples()
    )
    total = "Some"  # where a difference would give a count away
    if (missing["n"] >= MINIMUM).all():
        total = people_in_words(lost, base)
    warnings.warn(
        f"{total} people left the estimate and stay in the design ({reasons}).",
        errors.MissingRowsWarning,
        stacklevel=3,
    )


def _reason(reason: str, people: int) -> str:
    """A kind of missing as it may be named: the file may have it for one person only."""
    if people >= MINIMUM or reason in OWN_KINDS or are_shown():
        return reason
    return "of a rare kind"


def _sums(kept: pd.DataFrame, events: Array) -> dict[str, Array]:
    """The sums of each group that the cells keep."""
    values = (
        kept["n"],
        kept["n"] * events,
        kept["w"],
        kept["w"] * events,
        kept["w2"],
    )
    return dict(zip(SUMS, values, strict=True))


def _heaviest(people: _People, cell: Codes, size: int) -> Array:
    """The largest weight (C, 2) of those of each cell who answered 0, and 1."""
    heaviest = np.zeros((size, 2))
    weights = people.kept["largest_w"].to_numpy(float)
    np.maximum.at(heaviest, (cell, people.events.astype(int)), weights)
    return heaviest


def _absent_first_levels(kept: pd.DataFrame, by: Sequence[str]) -> dict[str, str]:
    """The first level of each category that nobody in the estimate has."""
    absent = {}
    for name in by:
        column = kept[name]
        if column.dtype != "category" or not len(column.cat.categories):
            continue
        if not (column.cat.codes == 0).any():
            absent[name] = str(column.cat.categories[0])
    return absent


def _scatter(
    design: SurveyDesign, people: _People, cell: Codes, table: pd.DataFrame
) -> tuple[Scatter, float]:
    """How the totals vary, and the degrees of freedom among the people used."""
    if design.replicate_weights:
        scatter = _replicate_scatter(design, people, cell, table)
        return scatter, design.replicate_rank_df()
    groups = people.kept
    events = people.events
    if design.raked:  # the others count in the margins
        others = people.others
        groups = pd.concat([groups, others], ignore_index=True)
        nobody = np.zeros(len(others))
        cell = np.r_[cell, nobody.astype(int) - 1]
        events = np.r_[events, nobody]
    return _taylor_scatter(design, groups, cell, events)


def _replicate_scatter(
    design: SurveyDesign, people: _People, cell: Codes, table: pd.DataFrame
) -> ReplicateScatter:
    """The totals under each set of replicate weights."""
    assert design.scale is not None
    names = [f"_r{i}" for i in range(len(design.scale))]
    weights = people.kept[names].to_numpy(float)
    size = len(table)
    sum_w = sum_by(weights, cell, size)
    sum_wy = sum_by(weights * people.events[:, None], cell, size)
    return ReplicateScatter(
        totals=np.vstack([sum_w, sum_wy]).T,
        estimate=np.r_[table["sum_w"], table["sum_wy"]],
        scale=design.scale,
        mse=design.replicate_mse,
    )


def _taylor_scatter(
    design: SurveyDesign, groups: pd.DataFrame, cell: Codes, events: Array
) -> tuple[TaylorScatter, float]:
    """The groups of people by stratum and PSU, and PSUs less strata among those used."""
    layout = design.layout
    stratum = np.zeros(len(groups), dtype=np.int64)
    if design.strata is not None:
        stratum = layout.key.get_indexer(groups[STRATUM])
    inside = cell >= 0
    psu = None
    people = int(groups["n"][inside].sum())
    units = people
    if design.psu is not None:
        psu, _ = group_rows([pd.Series(stratum), groups[PSU]], len(groups))
        units = len(np.unique(psu[inside]))
    margins = None
    base = None
    if design.raked:
        names = [f"_m{i}" for i in range(len(design.raked))]
        margins = pd.get_dummies(groups[names], columns=names, dtype=float).to_numpy()
        base = groups[_BASE].to_numpy(float)
    scatter = TaylorScatter(
        stratum=stratum.astype(np.int64),
        psu=psu,
        cell=cell.astype(np.int64),
        answer=events,
        sum_w=groups["w"].to_numpy(float),
        sum_w2=groups["w2"].to_numpy(float),
        n_psu=layout.n_psu,
        remaining=layout.remaining,
        lonely_psu=design.lonely_psu,
        margins=margins,
        base=base,
    )
    strata = len(np.unique(stratum[inside]))
    return scatter, df_of_people(units, strata, people, design.source.rounding)
