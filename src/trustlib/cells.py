"""Sufficient statistics: everything a weighted logistic analysis of categories needs from the people.

`compress` groups people by stratum, PSU, identity cell and answer, and keeps sums of weights. Estimates and
standard errors from these sums equal those from the rows to rounding (about 1e-15), and their cost no longer
depends on the number of people. `Cells.seal` reduces them to totals with their covariance matrix, which holds nothing
of strata, PSUs, replicates or people and may leave a machine once every cell passes the disclosure gate.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype, union_categoricals

from trustlib.design import DOMAIN, SurveyDesign, group_rows, sums_by
from trustlib.disclosure import MINIMUM, masked_count, require_showable, smallest_count
from trustlib.errors import (
    DesignError,
    EstimandError,
    FewPSUWarning,
    MissingRowsWarning,
    SurveyFileError,
    axis_names,
    one_line,
    require_a,
    require_file,
    require_names,
)
from trustlib.variance import Array, Codes, ReplicateScatter, Scatter, SealedScatter, TaylorScatter, sum_by

MAX_CELLS = 100_000
FEW_DF = 8  # the US National Center for Health Statistics flags estimates with fewer (Parker et al. 2017)
_USED = "_used"
# Names of columns that the verbs add beside axes and outcome.
RESERVED = {
    "n", "n_events", "n_eff", "w", "w2", "sum_w", "sum_wy", "sum_w2", "smallest", "cov_w", "cov_wy", "estimate",
    "std_error", "conf_low", "conf_high", "statistic", "p_value", "df", "reference", "measure", "method", "term",
    "axis", "level", "detectable", "reliability", "raw", "weighted", "weighted_low", "weighted_high", "additive",
    "model",
}  # fmt: skip
_FACTS = ("outcome", "by", "df", "variance", "source", "labels")  # written beside the totals
SUMS = ["n", "n_events", "sum_w", "sum_wy", "sum_w2"]
_TOTALS = [c for c in SUMS if c != "n_events"]  # of sealed cells


@dataclass(frozen=True, eq=False)
class Cells:
    """Identity cells with their weighted totals and how these vary under the design.

    Attributes
    ----------
    frame : DataFrame
        One row per cell: the axes in `by`, ``n`` (people with a weight above zero), ``n_events`` (people with
        outcome 1; absent in sealed cells), ``sum_w`` and ``sum_wy`` (weighted people, and with the outcome), ``sum_w2``
        (sum of squared weights, for Kish's effective number of people).
    outcome : str
    by : tuple of str
    scatter : TaylorScatter, ReplicateScatter or SealedScatter
        Covariance of the totals.
    df : float
        Design degrees of freedom: PSUs less strata among the people used (R's ``degf``), or the rank of the
        replicate weights less one.
    variance : str
        The variance estimator in words.
    source : dict
        id, kind and label of the data.
    labels : dict
        Variable -> label, for tables and figures.
    missing : DataFrame
        Why people in the domain left the estimate: variable, reason, n.
    """

    frame: pd.DataFrame
    outcome: str
    by: tuple[str, ...]
    scatter: Scatter
    df: float
    variance: str
    source: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    missing: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["variable", "reason", "n"]))

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        axes = ", ".join(self.by) or "everyone"
        return f"<Cells: {self.outcome} by {axes}; {len(self)} cells; {self.variance}; {self.df:g} df>"

    @property
    def sealed(self) -> bool:
        """Whether only totals and their covariance are left."""
        return isinstance(self.scatter, SealedScatter) and "n_events" not in self.frame

    def counts(self, by: Sequence[str]) -> pd.DataFrame:
        """People behind each combination of `by`: columns n and smallest (see `disclosure.smallest_count`).

        Sealed cells hold no counts of answers; each passed the gate when it was sealed, so a combination's
        smallest count is at least the gate's minimum times its number of cells.
        """
        group, row = group_rows([self.frame[c] for c in by], len(self), sort=True)
        n = self.frame["n"].to_numpy()
        inner = np.minimum(n // 2, MINIMUM) if self.sealed else self.frame["n_events"].to_numpy()
        n, least = (np.bincount(group, values).astype(int) for values in (n, inner))
        sums = {"n": n, "smallest": least if self.sealed else smallest_count(n, least)}
        return pd.DataFrame({c: self.frame[c].array.take(row) for c in by} | sums)

    def seal(self) -> Cells:
        """Totals and their covariance only: what may be committed, published or sent to another office.

        Returns
        -------
        Cells
            Every verb takes them. Exact for Taylor designs. For replicate weights standard errors of ratios and
            models become linearised: in HINTS 6 within 0.2 % for groups of thousands, but up to 5 % off for
            coefficients and 12 % for levels of groups of a few hundred with very uneven weights.

        Raises
        ------
        DisclosureError
            A cell holds fewer than 10 people, or 10 with or without the outcome.
        """
        if self.sealed:
            return self
        labels = [describe(row, self.by) for _, row in self.frame.iterrows()]
        smallest = smallest_count(self.frame["n"].to_numpy(), self.frame["n_events"].to_numpy())
        require_showable(smallest, labels, "This set of cells")
        note = ", linearised" if isinstance(self.scatter, ReplicateScatter) else ""
        frame, matrix = self.frame.drop(columns="n_events"), self.scatter.covariance(np.eye(2 * len(self)))
        facts: dict[str, Any] = {"variance": self.variance + note, "missing": self.missing.iloc[:0]}
        return replace(self, frame=frame, scatter=SealedScatter(matrix), **facts)

    @staticmethod
    def merge(parts: Sequence[Cells]) -> Cells:
        """Pool cells of offices whose samples are independent (disjoint strata): totals and covariances add up.

        Parameters
        ----------
        parts : sequence of Cells
            Of the same outcome and axes; sealed or not. Cells that only some offices have are kept.
        """
        require_a(Sequence, parts, "Give a list of Cells.")
        for part in parts:
            require_a(Cells, part, "Give a list of Cells.")
        if not parts or any((p.outcome, p.by) != (parts[0].outcome, parts[0].by) for p in parts):
            raise EstimandError("Expected cells of one outcome and the same axes.", "Compress them alike first.")
        by = list(parts[0].by)
        if any(len({p.frame[c].dtype == "category" for p in parts}) > 1 for c in by):
            raise EstimandError("An axis is a category in some parts and a number in others.", "Make it one of both.")
        if any(a.frame.equals(b.frame) for i, a in enumerate(parts) for b in parts[:i]):
            hint = "Give each office once."
            raise EstimandError("Two of the parts hold the same cells, so their people would count twice.", hint)
        if any(p.sealed for p in parts):
            parts = [p.seal() for p in parts]  # what is not sealed passes the gate first
        stacked = pd.concat([p.frame for p in parts], ignore_index=True)
        for c in by:
            if parts[0].frame[c].dtype == "category":
                stacked[c] = union_categoricals([p.frame[c] for p in parts])
        cell, frame = _cell_codes(stacked, by, len(stacked))
        sums = [c for c in SUMS if c in stacked]
        frame[sums] = stacked[sums].groupby(cell).sum()
        size, start = len(frame), 0
        matrix = np.zeros((2 * size, 2 * size))
        for part in parts:
            at = cell[start : start + len(part)]
            both = np.r_[at, size + at]
            matrix[np.ix_(both, both)] += part.scatter.covariance(np.eye(2 * len(part)))
            start += len(part)
        facts: dict[str, Any] = {"df": sum(p.df for p in parts), "source": _joint_source([p.source for p in parts])}
        facts |= {"variance": "; ".join(dict.fromkeys(p.variance for p in parts)), "missing": parts[0].missing.iloc[:0]}
        return replace(parts[0], frame=frame, scatter=SealedScatter(matrix), **facts)

    def write(self, path: str | Path) -> Path:
        """Write sealed cells to a Parquet file; cells that are not sealed are sealed first.

        One row per cell: axes, n, sum_w, sum_wy, sum_w2, and the rows of the covariance matrix of (sum_w, sum_wy).
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        sealed = self.seal()
        frame, matrix, size = sealed.frame, sealed.scatter.covariance(np.eye(2 * len(self))), len(self)
        columns = {c: pa.array(frame[c].astype(object).tolist()) for c in sealed.by}
        columns |= {c: pa.array(frame[c].to_numpy()) for c in _TOTALS}
        columns |= {"cov_w": pa.array(list(matrix[:size])), "cov_wy": pa.array(list(matrix[size:]))}
        facts = {name: getattr(sealed, name) for name in _FACTS} | {
            "minimum_count": MINIMUM,
            "levels": {c: list(frame[c].cat.categories) for c in self.by if frame[c].dtype == "category"},
        }
        table = pa.table(columns).replace_schema_metadata({b"trustlib": json.dumps(facts, sort_keys=True).encode()})
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, compression="zstd")
        except OSError as error:
            raise SurveyFileError(f"{path} cannot be written: {error.strerror or error}", "Choose another.") from error
        return path

    @staticmethod
    def read(path: str | Path) -> Cells:
        """Read sealed cells that `write` wrote.

        Raises
        ------
        MissingFileError, SurveyFileError
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = require_file(path, "file of sealed cells", "Make it with `trustlib compress`.")
        try:
            table = pq.read_table(path)
            facts = json.loads(table.schema.metadata[b"trustlib"])
            frame = table.drop_columns(["cov_w", "cov_wy"]).to_pandas()
            matrix = np.vstack([np.vstack(table[c].to_pylist()) for c in ("cov_w", "cov_wy")])
            for c, levels in facts["levels"].items():
                frame[c] = pd.Categorical(frame[c], categories=levels)
            frame = frame[[*facts["by"], *_TOTALS]]
            fits = matrix.shape == (2 * len(frame), 2 * len(frame))
            if not fits or frame.isna().any(axis=None) or (frame["sum_w"] <= 0).any():
                raise ValueError("the covariance matrix does not fit the cells")
            known = {name: facts[name] for name in _FACTS} | {"by": tuple(facts["by"]), "df": float(facts["df"])}
            return Cells(frame=frame, scatter=SealedScatter(matrix), **known)
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            hint = "Make it again with `trustlib compress`."
            raise SurveyFileError(f"{path.name} is not a file of sealed cells, or is damaged.", hint) from error


def combinations(frame: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, Codes]:
    """The combinations of `by` that occur, sorted by level, and the combination of each row."""
    group, row = group_rows([frame[c] for c in by], len(frame), sort=True)
    return pd.DataFrame({c: frame[c].array.take(row) for c in by}, index=range(len(row))), group


def describe(row: Any, by: Sequence[str]) -> str:
    """Name a cell: ``gender=woman, ethnicity=minority``."""
    return ", ".join(f"{c}={row[c]}" for c in by) or "everyone"


def _joint_source(sources: list[dict]) -> dict:
    """What pooled cells rest on: synthetic if any part is, of no kind if the kinds differ otherwise."""
    different = list({json.dumps(s, sort_keys=True): s for s in sources}.values())
    if len(different) == 1:
        return different[0]
    kinds = {s.get("kind") for s in different}
    rounding = max((s["rounding"] for s in different if s.get("rounding")), default=None)
    return {
        **({"rounding": rounding} if rounding else {}),
        "id": "+".join(str(s.get("id")) for s in different),
        "kind": "synthetic" if "synthetic" in kinds else kinds.pop() if len(kinds) == 1 else None,
        "label": " and ".join(str(s.get("label")) for s in different),
    }


def compress(design: SurveyDesign, outcome: str, by: Sequence[str] = ()) -> Cells:
    """Reduce a survey to the sums that determine every estimate and its standard error.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
        Column with 0, 1 and missing (or booleans).
    by : sequence of str
        The axes. A category or text (levels in order, the first is the reference), or a number with few distinct
        values, which enters formulas as a number.

    Returns
    -------
    Cells

    Raises
    ------
    UnknownNameError, DesignError

    Warns
    -----
    MissingRowsWarning
        Rows with a missing outcome or axis leave the estimate and stay in the design (a domain, as in R).
    FewPSUWarning

    Notes
    -----
    Per stratum x PSU x cell: n, sum w, sum wy, and sums of squares when each person is a PSU; with replicate weights
    also the sums under each replicate; with raked weights each of these by margins. R: ``svydesign`` followed by
    ``subset(design, !is.na(y))``.
    """
    require_a(SurveyDesign, design, "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...).")
    frame = nw.from_native(design.frame)
    schema = frame.collect_schema()
    columns = schema.names()
    require_names("outcome column", [outcome], columns)
    by = axis_names(by, columns)
    for name in (outcome, *by):
        if name in RESERVED or name.startswith("_"):
            raise DesignError(f"A column {name!r} would clash with the columns of results.", "Rename it in the frame.")
    if repeated := [c for c in [*by, outcome] if [*by, outcome].count(c) > 1]:
        raise DesignError(f"{repeated[0]!r} is named more than once among outcome and axes.", "Name each once.")
    recode = "An outcome is 0, 1 or missing. Recode it before, for example (x == 'yes').astype(float)."
    if not (schema[outcome].is_numeric() or schema[outcome] == nw.Boolean):
        raise DesignError(f"The outcome {outcome!r} is not 0/1 but {schema[outcome]}.", recode)
    groups = _grouped(design, frame, outcome, by, columns)
    answers = groups[outcome].to_numpy(float, na_value=np.nan)
    answered = ~np.isnan(answers)
    if set(found := np.unique(answers[answered])) - {0.0, 1.0}:
        raise DesignError(
            f"The outcome {outcome!r} holds {len(found)} different values from {found[0]:g} to {found[-1]:g}.", recode
        )
    used = groups[_USED].to_numpy(bool)
    inside = np.logical_and.reduce([used, answered, *(groups[c].notna().to_numpy() for c in by)])
    missing = _missing(groups[used & ~inside], outcome, by)
    kept = groups[inside].reset_index(drop=True)
    if kept.empty:
        hint = "Check the domain and the axes."
        raise DesignError(f"Nobody in the domain has a value of {outcome!r} and of each axis.", hint)
    if lost := int(groups["n"].to_numpy()[used & ~inside].sum()):
        reasons = ", ".join(f"{r.variable} {r.reason}: {masked_count(r.n)}" for r in missing.itertuples())
        total = masked_count(lost) if (missing["n"] >= MINIMUM).all() else "Some"  # or a difference gives a count away
        text = f"{total} people left the estimate and stay in the design ({reasons})."
        warnings.warn(text, MissingRowsWarning, stacklevel=2)
    cell, table = _cell_codes(pd.DataFrame({c: _axis(kept[c], c) for c in by}), by, len(kept))
    events = answers[inside]
    sums = kept["n"], kept["n"] * events, kept["w"], kept["w"] * events, kept["w2"]
    for name, values in zip(SUMS, sums, strict=True):
        table[name] = np.bincount(cell, values).astype(float if name.startswith("sum") else int)
    if design.raked:  # the others count in the margins
        kept = pd.concat([kept, groups[~inside]], ignore_index=True)
        others = np.zeros(len(kept) - len(cell))
        cell, events = np.r_[cell, others.astype(int) - 1], np.r_[events, others]
    scatter, df = _scatter(design, kept, cell, events, table)
    if df < FEW_DF:
        text = f"Only {df:g} degrees of freedom: standard errors and intervals are themselves very uncertain."
        warnings.warn(text, FewPSUWarning, stacklevel=2)
    labels = dict(getattr(design.frame, "attrs", {}).get("labels", {}))
    return Cells(table, outcome, tuple(by), scatter, df, design.variance, design.source or {}, labels, missing)


def _grouped(design: SurveyDesign, frame: Any, outcome: str, by: list[str], columns: list[str]) -> pd.DataFrame:
    """One pass over the people, on whatever engine holds them: sums per stratum x PSU x cell x answer."""
    weight = nw.col(design.weight).cast(nw.Float64) if design.weight else nw.lit(1.0)
    inside = (weight > 0) & (nw.col(DOMAIN) if DOMAIN in columns else nw.lit(True))
    renamed = {own: c for own, c in (("_stratum", design.strata), ("_psu", design.psu)) if c is not None}
    if design.replicate_weights:
        renamed = {f"_r{i}": c for i, c in enumerate(design.replicate_weights)}
    renamed |= {f"_m{i}": c for i, c in enumerate(design.raked or ())}
    kinds = [k for c in [outcome, *by] if (k := f"{c}_missing") in columns and k not in by]
    if frame.implementation.is_polars():  # a Categorical's order is that of first use anywhere; an Enum's is its own
        schema = frame.collect_schema()
        frame = frame.with_columns(nw.col(c).cast(nw.String) for c in by if schema[c] == nw.Categorical)
    made = {outcome: nw.col(outcome).cast(nw.Float64), "w": weight, "w2": weight * weight, _USED: inside}
    if design.raked:
        made["_base"] = nw.col(design.base_weight).cast(nw.Float64) if design.base_weight else weight
    ready = frame.select(*by, *kinds, **made, **{k: nw.col(c) for k, c in renamed.items()})
    keys = [*(k for k in renamed if not k.startswith("_r")), *by, *kinds, outcome, _USED]
    try:
        return sums_by(ready, keys, [c for c in ready.collect_schema().names() if c not in keys])
    except Exception as error:  # the engines have their own exceptions
        hint = "Axes are categories, texts, booleans or numbers."
        raise DesignError(f"The frame cannot be grouped by {keys}: {one_line(error)}", hint) from error


def _missing(lost: pd.DataFrame, outcome: str, by: list[str]) -> pd.DataFrame:
    """Count, for each variable, the people who lack it by kind of missing."""
    rows = []
    for variable in (outcome, *by):
        if (absent := lost[variable].isna().to_numpy()).any():
            kind = lost.get(f"{variable}_missing", pd.Series(np.nan, lost.index)).to_numpy(object)[absent]
            codes, reasons = pd.factorize(np.where(pd.isna(kind), "missing", kind), sort=True)
            people = np.bincount(codes, lost["n"].to_numpy()[absent])
            rows += [(variable, str(reason), int(n)) for reason, n in zip(reasons, people, strict=True)]
    return pd.DataFrame(rows, columns=["variable", "reason", "n"])


def _axis(column: pd.Series, name: str) -> pd.Series:
    """An axis with its observed levels in order: a category stays one, a text becomes one, a number stays a number."""
    if column.dtype == "category":
        plain = column.cat.remove_unused_categories()
        return plain.cat.as_unordered() if plain.cat.ordered else plain
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        if is_complex_dtype(column) or not np.isfinite(column.astype(float)).all():
            raise DesignError(f"The axis {name!r} holds numbers that are not finite.", "Recode them as missing.")
        return column.astype(float)
    codes, found = pd.factorize(column)
    levels = list(found.astype(object))
    if len(kinds := sorted({type(v).__name__ for v in levels})) > 1:
        raise DesignError(f"The axis {name!r} mixes {' and '.join(kinds)}.", "Make it one kind, such as texts.")
    values = pd.Categorical.from_codes(codes, categories=levels).reorder_categories(sorted(levels))
    return pd.Series(values, index=column.index, name=name)


def _cell_codes(axes: pd.DataFrame, by: list[str], rows: int) -> tuple[Codes, pd.DataFrame]:
    """Number the cells that occur, sorted by level; return each group's cell and the table of cells."""
    if not by:
        return np.zeros(rows, dtype=np.int64), pd.DataFrame(index=range(1))
    cell, first = group_rows([axes[c] for c in by], rows, sort=True)
    size = len(first)
    if size > MAX_CELLS:
        worst = max(by, key=lambda c: axes[c].nunique())
        raise DesignError(
            f"The axes {by} make {size:,} cells; at most {MAX_CELLS:,} are handled.",
            f"Use fewer axes, or band {worst!r}, which has {axes[worst].nunique():,} values (for example pandas.cut).",
        )
    return cell, axes.iloc[first].reset_index(drop=True)


def _scatter(
    design: SurveyDesign, kept: pd.DataFrame, cell: Codes, events: Array, table: pd.DataFrame
) -> tuple[Scatter, float]:
    """How the totals vary, and the design's degrees of freedom among the people used."""
    size = len(table)
    if design.replicate_weights:
        values = kept[[f"_r{i}" for i in range(len(design.replicate_weights))]].to_numpy(float)
        totals = np.vstack([sum_by(values, cell, size), sum_by(values * events[:, None], cell, size)]).T
        estimate = np.r_[table["sum_w"], table["sum_wy"]]
        assert design.scale is not None
        return ReplicateScatter(totals, estimate, design.scale, design.replicate_mse), design.replicate_rank_df()
    layout = design.layout
    stratum = layout.key.get_indexer(kept["_stratum"]) if design.strata else np.zeros(len(kept), dtype=np.int64)
    inside, psu = cell >= 0, None
    if design.psu is not None:
        psu, _ = group_rows([pd.Series(stratum), kept["_psu"]], len(kept))
        units = len(np.unique(psu[inside]))
    else:
        units = int(kept["n"][inside].sum())
    raked = [f"_m{i}" for i in range(len(design.raked or ()))]
    margins = pd.get_dummies(kept[raked], columns=raked, dtype=float).to_numpy() if raked else None
    base = kept["_base"].to_numpy(float) if raked else None
    codes = stratum.astype(np.int64), psu, cell.astype(np.int64)
    weights = kept["w"].to_numpy(float), kept["w2"].to_numpy(float)
    scatter = TaylorScatter(*codes, events, *weights, layout.n_psu, layout.remaining, design.lonely_psu, margins, base)
    return scatter, float(units - len(np.unique(stratum[inside])))
