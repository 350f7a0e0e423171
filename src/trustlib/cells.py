"""Sufficient statistics: everything a weighted logistic analysis of categories needs from the people.

`compress` groups people by stratum, PSU, identity cell and answer, and keeps sums of weights. Estimates and
standard errors from these sums equal those from the rows to rounding (about 1e-15), and their cost no longer
depends on the number of people. `Cells.seal` reduces them to totals with their covariance matrix, which holds nothing
of strata, PSUs, replicates or people and may leave a machine once every cell passes the disclosure gate.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.types import (
    infer_dtype,
    is_bool_dtype,
    is_complex_dtype,
    is_numeric_dtype,
)

from trustlib import errors
from trustlib.answers import RESERVED, in_one_form, kinds_of
from trustlib.design import (
    DOMAIN,
    SurveyDesign,
    require_plain_names,
    require_single_values,
    sums_by,
)
from trustlib.disclosure import MINIMUM, masked_count, require_showable, smallest_count
from trustlib.errors import (
    DesignError,
    EstimandError,
    SurveyFileError,
    axis_names,
    one_line,
    require_a,
    require_names,
)
from trustlib.grouping import group_rows
from trustlib.ordering import declared_orders, in_order, joint_order, require_order
from trustlib.variance import (
    Array,
    Codes,
    Part,
    PooledScatter,
    ReplicateScatter,
    Sample,
    Scatter,
    SealedScatter,
    TaylorScatter,
    joint_df,
    sum_by,
    welch_df,
)
from trustlib.writing import write_whole

MAX_CELLS = 100_000
MAX_SETTLED = 2_000  # cells whose whole covariance matrix is kept
FEW_DF = 8  # the US National Center for Health Statistics flags estimates with fewer (Parker et al. 2017)
_USED = "_used"
_FACTS = (
    "outcome",
    "by",
    "df",
    "variance",
    "source",
    "labels",
)  # written beside the totals
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
    scatter : TaylorScatter, ReplicateScatter, SealedScatter or PooledScatter
        Covariance of the totals.
    df : float
        Design degrees of freedom: PSUs less strata among the people used (R's ``degf``), or the rank of the
        replicate weights less one. Of merged cells the sum over the samples, which no estimate takes: each has its own,
        by Welch and Satterthwaite (`variance.welch_df`).
    variance : str
        The variance estimator in words.
    source : dict
        id, kind and label of the data.
    labels : dict
        Variable -> label, for tables and figures.
    missing : DataFrame
        Why people in the domain left the estimate: variable, reason, n.
    absent : dict
        Axis -> its first level, where nobody has it, so that another level is the reference.
    """

    frame: pd.DataFrame
    outcome: str
    by: tuple[str, ...]
    scatter: Scatter
    df: float
    variance: str
    source: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    missing: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["variable", "reason", "n"])
    )
    absent: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        axes = ", ".join(map(self._axis_in_words, self.by)) or "everyone"
        return f"<Cells: {self.outcome} by {axes}; {len(self)} cells; {self.variance}; {self.df:g} df>"

    def _axis_in_words(self, name: str) -> str:
        """An axis and its reference level, the first."""
        column = self.frame[name]
        if column.dtype != "category":
            return name
        return f"{name} (reference {column.cat.categories[0]})"

    @property
    def sealed(self) -> bool:
        """Whether only totals and their covariance are left."""
        totals_only = isinstance(self.scatter, (SealedScatter, PooledScatter))
        return totals_only and "n_events" not in self.frame

    @property
    def df_words(self) -> str:
        """The rule of the degrees of freedom, for the convention line."""
        if not isinstance(self.scatter, PooledScatter):
            return f"t with {self.df:g} df (design)"
        each = sorted(sample.df for sample in self.scatter.samples)
        among = f"samples with {each[0]:g} to {each[-1]:g}"
        return f"t with df by Welch-Satterthwaite ({among} df)"

    def parts(self, a: Array) -> tuple[Part, ...]:
        """What each sample of pooled cells adds to the covariance of ``a @ (W, Y)``; nothing for one design."""
        if isinstance(self.scatter, PooledScatter):
            return self.scatter.parts(a)
        return ()

    def row_df(self, a: Array) -> Array:
        """Degrees of freedom (k,) of each of ``a @ (W, Y)``."""
        parts = self.parts(a)
        return welch_df(parts, len(a)) if parts else np.full(len(a), self.df)

    def joint_df(self, a: Array) -> float:
        """Degrees of freedom of a Wald test of all of ``a @ (W, Y)``."""
        parts = self.parts(a)
        return joint_df(parts, self.scatter.covariance(a)) if parts else self.df

    def counts(self, by: Sequence[str]) -> pd.DataFrame:
        """People behind each combination of `by`: columns n and smallest (see `disclosure.smallest_count`).

        Sealed cells hold no counts of answers; each passed the gate when it was sealed, so a combination's
        smallest count is at least the gate's minimum times its number of cells.
        """
        axes, group = combinations(self.frame, list(by))
        n = self.frame["n"].to_numpy()
        inner = (
            np.minimum(n // 2, MINIMUM)
            if self.sealed
            else self.frame["n_events"].to_numpy()
        )
        n, least = (np.bincount(group, values).astype(int) for values in (n, inner))
        return axes.assign(
            n=n, smallest=least if self.sealed else smallest_count(n, least)
        )

    def seal(self) -> Cells:
        """Totals and their covariance only: what may be committed, published or sent to another office.

        Returns
        -------
        Cells
            Every verb takes them. Exact for Taylor designs. For replicate weights standard errors of ratios and
            models become linearised, and can be several per cent off for small groups: in HINTS 6 within 0.2 % for
            groups of thousands, but up to 5 % off for coefficients and 12 % for levels of groups of a few hundred with
            very uneven weights. With ``lonely_psu="average"`` strata are then counted over everyone, not in each group.
            Merged cells keep the covariance and df of each sample if all of its own cells pass the gate; else only the
            sum is kept, with the df of the sample that has the fewest, which makes no interval too short.

        Raises
        ------
        DisclosureError
            A cell holds fewer than 10 people, or 10 with or without the outcome.
        DesignError
            There are more than 2,000 cells: their covariance matrix would not fit into memory.
        """
        if self.sealed:
            return self
        labels = [describe(row, self.by) for _, row in self.frame.iterrows()]
        smallest = smallest_count(
            self.frame["n"].to_numpy(), self.frame["n_events"].to_numpy()
        )
        require_showable(smallest, labels, "This set of cells")
        settled = self._settled()._without_small_samples()
        return replace(settled, frame=self.frame.drop(columns="n_events"))

    @property
    def _showable(self) -> bool:
        """Whether every cell has enough people to be sealed."""
        if self.sealed:
            return True
        n, events = self.frame["n"], self.frame["n_events"]
        return bool((smallest_count(n.to_numpy(), events.to_numpy()) >= MINIMUM).all())

    def _without_small_samples(self) -> Cells:
        """Pooled cells without the samples' own covariances if one of them has cells too small to be shown."""
        if not isinstance(self.scatter, PooledScatter):
            return self
        samples = self.scatter.samples
        if all(sample.showable for sample in samples):
            return self
        total = self.scatter.covariance(np.eye(2 * len(self)))
        return replace(
            self,
            scatter=SealedScatter(total),
            df=min(sample.df for sample in samples),
            variance=f"{self.variance}; df of the sample with the fewest",
        )

    def _settled(self) -> Cells:
        """The covariance matrix of the totals in place of strata, PSUs and replicates; counts of answers stay."""
        if isinstance(self.scatter, PooledScatter):
            return replace(self, missing=self.missing.iloc[:0])
        _require_few(len(self))
        note = ", linearised" if isinstance(self.scatter, ReplicateScatter) else ""
        if isinstance(self.scatter, TaylorScatter) and self.scatter.counts_strata:
            note = " (strata counted over everyone)"
        scatter = SealedScatter(self.scatter.covariance(np.eye(2 * len(self))))
        return replace(
            self,
            scatter=scatter,
            variance=self.variance + note,
            missing=self.missing.iloc[:0],
        )

    @staticmethod
    def merge(parts: Sequence[Cells]) -> Cells:
        """Pool cells of offices whose samples are independent (disjoint strata): totals and covariances add up.

        Parameters
        ----------
        parts : sequence of Cells
            Of the same outcome and axes; sealed or not. Cells that only some offices have are kept.

        Returns
        -------
        Cells
            With totals and their covariance only. If any part is sealed the others are sealed first. Levels stand in
            the one order that agrees with the order of each part, alphabetically where the parts leave it open, so
            that the reference level does not depend on the order of the parts. Each estimate has its own degrees of
            freedom, by Welch and Satterthwaite from what each part adds to its variance.

        Raises
        ------
        EstimandError
            No parts; other outcomes, axes or kinds of axes; or the same cells twice, sealed or not.
        DesignError
            Levels are in orders that contradict each other, or there are more than 2,000 cells.
        DisclosureError
            One part is sealed, and another cannot be.
        """
        require_a(Sequence, parts, "Give a list of Cells.")
        for part in parts:
            require_a(Cells, part, "Give a list of Cells.")
        if not parts or any(
            (p.outcome, p.by) != (parts[0].outcome, parts[0].by) for p in parts
        ):
            raise EstimandError(
                "Expected cells of one outcome and the same axes.",
                "Compress them alike first.",
            )
        by = list(parts[0].by)
        people = [p.frame[[*by, *_TOTALS]].astype(object) for p in parts]
        if any(a.equals(b) for i, a in enumerate(people) for b in people[:i]):
            hint = "Give each office once."
            raise EstimandError(
                "Two of the parts hold the same cells, so their people would count twice.",
                hint,
            )
        if any(p.sealed for p in parts):
            parts = [
                p.seal() for p in parts
            ]  # what is not sealed passes the gate first
        stacked = pd.concat([p.frame for p in parts], ignore_index=True)
        for c in by:
            kinds = {
                p.frame[c].cat.categories.inferred_type
                if p.frame[c].dtype == "category"
                else ""
                for p in parts
            }
            if len(kinds) > 1:
                text = f"The axis {c!r} is a number in some parts and a category in others, or of several kinds."
                raise EstimandError(text, "Make it the same in all.")
            if kinds != {""}:
                stacked[c] = pd.Categorical(
                    stacked[c],
                    _joint_order(c, [[*p.frame[c].cat.categories] for p in parts]),
                )
        frame, cell = _cells(stacked, by)
        _require_few(size := len(frame))
        sums = [c for c in SUMS if c in stacked]
        frame[sums] = stacked[sums].groupby(cell).sum()
        settled = [p._settled() for p in parts]
        scatter = _pooled(settled, parts, cell, size)
        facts: dict[str, Any] = {
            "df": sum(p.df for p in settled),
            "source": _joint_source([p.source for p in settled]),
            "absent": _still_absent(settled, frame),
        }
        if len(settled) > 1:
            texts = Counter(p.variance for p in settled)
            each = "; ".join(f"{n} with {text}" for text, n in texts.items())
            facts["variance"] = f"pool of {len(settled)} parts: {each}"
        return replace(settled[0], frame=frame, scatter=scatter, **facts)

    def write(self, path: str | Path) -> Path:
        """Write sealed cells to a Parquet file; cells that are not sealed are sealed first.

        One row per cell: axes, n, sum_w, sum_wy, sum_w2, and the rows of the covariance matrix of (sum_w, sum_wy). Of
        merged cells the rows of the matrix of each sample follow (``_cov_w_0``, ``_cov_wy_0`` and so on), and their df
        stand in the metadata: degrees of freedom follow from them.

        Parameters
        ----------
        path : path
            The file; folders that do not exist are made.

        Returns
        -------
        Path

        Raises
        ------
        DisclosureError, DesignError
            The cells cannot be sealed; nothing is written.
        SurveyFileError
            The file cannot be written.
        """
        sealed = self.seal()
        try:
            with write_whole(path) as temporary:
                sealed._write_to(temporary)
        except TypeError as error:
            raise SurveyFileError(
                f"{path} cannot be written: {one_line(error)}", "Name a file."
            ) from error
        return Path(path)

    def _write_to(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        sealed = self.seal()
        frame, matrix, size = (
            sealed.frame,
            sealed.scatter.covariance(np.eye(2 * len(self))),
            len(self),
        )
        columns = {c: pa.array(frame[c].astype(object).tolist()) for c in sealed.by}
        columns |= {c: pa.array(frame[c].to_numpy()) for c in _TOTALS}
        columns |= {
            "cov_w": pa.array(list(matrix[:size])),
            "cov_wy": pa.array(list(matrix[size:])),
        }
        facts = {name: getattr(sealed, name) for name in _FACTS} | {
            "minimum_count": MINIMUM,
            "levels": {
                c: list(frame[c].cat.categories)
                for c in self.by
                if frame[c].dtype == "category"
            },
        }
        if sealed.absent:
            facts["absent"] = sealed.absent
        if isinstance(sealed.scatter, PooledScatter):
            facts["samples"] = [sample.df for sample in sealed.scatter.samples]
            for i, sample in enumerate(sealed.scatter.samples):
                own = _spread(sample, size)
                columns[f"_cov_w_{i}"] = pa.array(list(own[:size]))
                columns[f"_cov_wy_{i}"] = pa.array(list(own[size:]))
        known = json.dumps(facts, sort_keys=True, default=str).encode()
        table = pa.table(columns).replace_schema_metadata({b"trustlib": known})
        pq.write_table(table, path, compression="zstd")

    @staticmethod
    def read(path: str | Path) -> Cells:
        """Read sealed cells that `write` wrote.

        Parameters
        ----------
        path : path

        Returns
        -------
        Cells
            Sealed. What the source says of dates comes back as text.

        Raises
        ------
        MissingFileError
            There is no such file.
        SurveyFileError
            The file is something else, or is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = errors.require_file(
            path, "file of sealed cells", "Make it with `trustlib compress`."
        )
        try:
            table = pq.read_table(path)
            facts = json.loads(table.schema.metadata[b"trustlib"])
            frame = table.select([*facts["by"], *_TOTALS]).to_pandas()
            matrix = _stored_matrix(table, "")
            for c, levels in facts["levels"].items():
                frame[c] = pd.Categorical(frame[c], categories=levels)
            fits = matrix.shape == (2 * len(frame), 2 * len(frame))
            if not fits or frame.isna().any(axis=None) or (frame["sum_w"] <= 0).any():
                raise ValueError("the covariance matrix does not fit the cells")
            scatter = _stored_samples(table, facts, matrix)
            known = {name: facts[name] for name in _FACTS} | {
                "by": tuple(facts["by"]),
                "df": float(facts["df"]),
                "absent": dict(facts.get("absent", {})),
            }
            return Cells(frame=frame, scatter=scatter, **known)
        except (
            pa.ArrowException,
            OSError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            hint = "Make it again with `trustlib compress`."
            raise SurveyFileError(
                f"{path.name} is not a file of sealed cells, or is damaged.", hint
            ) from error


def _still_absent(parts: Sequence[Cells], frame: pd.DataFrame) -> dict[str, str]:
    """The first levels that nobody has in any of the parts."""
    every = {c: level for part in parts for c, level in part.absent.items()}
    return {c: v for c, v in every.items() if v not in set(frame[c].astype(str))}


def _pooled(
    settled: Sequence[Cells], given: Sequence[Cells], cell: Codes, size: int
) -> Scatter:
    """How the totals of several samples vary; `cell` is the place of each of their cells, one part after the other."""
    samples: list[Sample] = []
    start = 0
    for part, before in zip(settled, given, strict=True):
        at = cell[start : start + len(part)]
        start += len(part)
        if isinstance(part.scatter, PooledScatter):
            samples += [replace(s, cell=at[s.cell]) for s in part.scatter.samples]
            continue
        matrix = part.scatter.covariance(np.eye(2 * len(part)))
        samples.append(Sample(at, matrix, part.df, before._showable))
    if len(samples) == 1:
        return SealedScatter(_spread(samples[0], size))
    return PooledScatter(tuple(samples))


def _spread(sample: Sample, size: int) -> Array:
    """The covariance matrix of a sample's totals, with zeros for the cells that it has nobody in."""
    matrix = np.zeros((2 * size, 2 * size))
    both = np.r_[sample.cell, size + sample.cell]
    matrix[np.ix_(both, both)] = sample.matrix
    return matrix


def _stored_matrix(table: Any, which: str) -> Array:
    """A covariance matrix from the two columns of a file that hold its rows."""
    prefix = "_" if which else ""
    names = [f"{prefix}{c}{which}" for c in ("cov_w", "cov_wy")]
    return np.vstack([np.vstack(table[c].to_pylist()) for c in names])


def _stored_samples(table: Any, facts: dict, matrix: Array) -> Scatter:
    """The covariance of the totals in a file: of one sample, or of each of several."""
    if "samples" not in facts:
        return SealedScatter(matrix)
    size = len(matrix) // 2
    samples = []
    for i, df in enumerate(facts["samples"]):
        own = _stored_matrix(table, f"_{i}")
        variance = np.diag(own)
        cell = np.flatnonzero((variance[:size] != 0) | (variance[size:] != 0))
        both = np.r_[cell, size + cell]
        samples.append(Sample(cell, own[np.ix_(both, both)], float(df), True))
    scatter = PooledScatter(tuple(samples))
    total = scatter.covariance(np.eye(2 * size))
    if not np.allclose(total, matrix, rtol=1e-8, atol=1e-10 * np.abs(matrix).max()):
        raise ValueError("the samples do not add up to the covariance matrix")
    return scatter


def absence_notes(absent: Mapping, reference: Mapping[str, Any]) -> list[str]:
    """What is said below a table if nobody has the first level of an axis, so that another one is the reference."""
    return [
        f"Nobody in the domain is {absent[axis]!r}, the first level of {axis}; "
        f"{str(level)!r} is the reference instead."
        for axis, level in reference.items()
        if axis in absent
    ]


def combinations(frame: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, Codes]:
    """The combinations of `by` that occur, sorted by level, and the combination of each row."""
    group, row = group_rows([frame[c] for c in by], len(frame), sort=True)
    return pd.DataFrame(
        {c: frame[c].array.take(row) for c in by}, index=range(len(row))
    ), group


def describe(row: Any, by: Sequence[str]) -> str:
    """Name a cell: ``gender=woman, ethnicity=minority``."""
    return ", ".join(f"{c}={row[c]}" for c in by) or "everyone"


def _joint_source(sources: list[dict]) -> dict:
    """What pooled cells rest on: synthetic if any part is, of no kind if the kinds differ otherwise."""
    different = list(
        {json.dumps(s, sort_keys=True, default=str): s for s in sources}.values()
    )
    if len(different) == 1:
        return different[0]
    kinds = {s.get("kind") for s in different}
    rounding = max(
        (s["rounding"] for s in different if s.get("rounding")), default=None
    )
    return {
        **({"rounding": rounding} if rounding else {}),
        "id": "+".join(str(s.get("id")) for s in different),
        "kind": "synthetic"
        if "synthetic" in kinds
        else kinds.pop()
        if len(kinds) == 1
        else None,
        "label": " and ".join(str(s.get("label")) for s in different),
    }


def compress(design: SurveyDesign, outcome: str, by: Sequence[str] = ()) -> Cells:
    """Reduce a survey to the sums that determine every estimate and its standard error.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
        Column with 0, 1 and missing, or with booleans; of a pandas frame also as objects or as a category of these.
    by : sequence of str
        The axes. A category or text (levels in order, the first is the reference; see `trustlib.ordering`), or a number
        with few distinct values, which enters formulas as a number. Levels that are no texts, numbers or booleans,
        such as intervals and dates, become texts.

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
        The outcome is not 0/1, nobody has a value of it and of each axis, a name clashes with the columns of results,
        an axis mixes kinds, holds infinite numbers or is a Polars Categorical (which knows no order of its levels), or
        there are more than 100,000 cells.

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
    require_a(
        SurveyDesign,
        design,
        "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...).",
    )
    frame = nw.from_native(design.frame)
    schema = frame.collect_schema()
    columns = schema.names()
    require_names("outcome column", [outcome], columns)
    by = axis_names(by, columns)
    for name in (outcome, *by):
        if not isinstance(name, str) or name in RESERVED or name.startswith("_"):
            text = f"The name of column {name!r} is not a text, or would clash with the columns of results."
            raise DesignError(text, "Rename it in the frame.")
    require_plain_names(frame, [outcome, *by])
    require_single_values(schema, by)
    if repeated := [c for c in [*by, outcome] if [*by, outcome].count(c) > 1]:
        raise DesignError(
            f"{repeated[0]!r} is named more than once among outcome and axes.",
            "Name each once.",
        )
    recode = "An outcome is 0, 1 or missing. Recode it before, for example x.map({'yes': 1, 'no': 0})."
    if isinstance(design.frame, pd.DataFrame) and schema[outcome] in (
        nw.Object,
        nw.Categorical,
        nw.Enum,
    ):
        answers = design.frame[outcome].astype(object)
        if infer_dtype(answers) in (
            "boolean",
            "integer",
            "floating",
            "mixed-integer-float",
        ):
            frame = nw.from_native(
                design.frame.assign(**{outcome: pd.to_numeric(answers).astype(float)})
            )
            schema = frame.collect_schema()
    if not (schema[outcome].is_numeric() or schema[outcome] == nw.Boolean):
        raise DesignError(
            f"The outcome {outcome!r} is not 0/1 but {schema[outcome]}.", recode
        )
    groups = _grouped(design, frame, outcome, by, columns)
    answers = groups[outcome].to_numpy(float, na_value=np.nan)
    answered = ~np.isnan(answers)
    if set(found := np.unique(answers[answered])) - {0.0, 1.0}:
        text = f"The outcome {outcome!r} holds {len(found)} different values from {found[0]:g} to {found[-1]:g}."
        raise DesignError(text, recode)
    used = groups[_USED].to_numpy(bool)
    inside = np.logical_and.reduce(
        [used, answered, *(groups[c].notna().to_numpy() for c in by)]
    )
    missing = _missing(groups[used & ~inside], outcome, by)
    kept = groups[inside].reset_index(drop=True)
    if kept.empty:
        hint = "Check the domain and the axes."
        raise DesignError(
            f"Nobody in the domain has a value of {outcome!r} and of each axis.", hint
        )
    if lost := int(groups["n"].to_numpy()[used & ~inside].sum()):
        reasons = ", ".join(
            f"{r.variable} {r.reason}: {masked_count(r.n)}"
            for r in missing.itertuples()
        )
        total = (
            masked_count(lost) if (missing["n"] >= MINIMUM).all() else "Some"
        )  # or a difference gives a count away
        text = f"{total} people left the estimate and stay in the design ({reasons})."
        warnings.warn(text, errors.MissingRowsWarning, stacklevel=2)
    table, cell = _cells(
        pd.DataFrame({c: _axis(kept[c], c) for c in by}, kept.index), by
    )
    absent = _absent_first_levels(kept, by)
    events = answers[inside]
    sums = kept["n"], kept["n"] * events, kept["w"], kept["w"] * events, kept["w2"]
    for name, values in zip(SUMS, sums, strict=True):
        table[name] = np.bincount(cell, values).astype(
            float if name.startswith("sum") else int
        )
    if design.raked:  # the others count in the margins
        kept = pd.concat([kept, groups[~inside]], ignore_index=True)
        others = np.zeros(len(kept) - len(cell))
        cell, events = np.r_[cell, others.astype(int) - 1], np.r_[events, others]
    scatter, df = _scatter(design, kept, cell, events, table)
    if df < FEW_DF:
        text = f"Only {df:g} degrees of freedom: standard errors and intervals are themselves very uncertain."
        warnings.warn(text, errors.FewPSUWarning, stacklevel=2)
    labels = dict(getattr(design.frame, "attrs", {}).get("labels", {}))
    return Cells(
        table,
        outcome,
        tuple(by),
        scatter,
        df,
        design.variance,
        design.source or {},
        labels,
        missing,
        absent,
    )


def _absent_first_levels(kept: pd.DataFrame, by: Sequence[str]) -> dict[str, str]:
    """The first level of each category that nobody in the estimate has."""
    absent = {}
    for c in by:
        if kept[c].dtype != "category" or not len(kept[c].cat.categories):
            continue
        first = kept[c].cat.categories[0]
        if not (kept[c] == first).any():
            absent[c] = str(first)
    return absent


def _grouped(
    design: SurveyDesign, frame: Any, outcome: str, by: list[str], columns: list[str]
) -> pd.DataFrame:
    """One pass over the people, on whatever engine holds them: sums per stratum x PSU x cell x answer.

    Meanwhile the columns have names of our own, so that no engine minds what the file calls them.
    """
    orders = declared_orders(frame, by)
    schema = frame.collect_schema()
    own = {f"_a{i}": c for i, c in enumerate(by)}
    kinds = {
        f"_k{i}": f"{c}_missing"
        for i, c in enumerate([outcome, *by])
        if f"{c}_missing" in columns and f"{c}_missing" not in (outcome, *by)
    }
    made: dict[str, Any] = {}
    if design.replicate_weights:
        sums = {f"_r{i}": c for i, c in enumerate(design.replicate_weights)}
    else:
        sums = {}
        units = {"_stratum": design.strata, "_psu": design.psu}
        made |= {key: nw.col(c) for key, c in units.items() if c is not None}
    made |= {f"_m{i}": nw.col(c) for i, c in enumerate(design.raked or ())}
    for key, c in own.items():
        made[key] = nw.col(c)
        # a Categorical's order is that of first use anywhere; an Enum's is its own
        if frame.implementation.is_polars() and schema[c] == nw.Categorical:
            made[key] = nw.col(c).cast(nw.String)
    made |= {key: nw.col(c) for key, c in kinds.items()}
    inside = nw.lit(True)
    if DOMAIN in columns:
        inside = nw.col(DOMAIN)
    weight = nw.lit(1.0)
    if design.weight is not None:
        weight = nw.col(design.weight).cast(nw.Float64)
    made |= {"_y": nw.col(outcome).cast(nw.Float64), _USED: (weight > 0) & inside}
    keys = list(made)
    made |= {"w": weight, "w2": weight * weight}
    if design.raked:
        made["_base"] = weight
        if design.base_weight is not None:
            made["_base"] = nw.col(design.base_weight).cast(nw.Float64)
    made |= {key: nw.col(c) for key, c in sums.items()}
    try:
        groups = sums_by(frame.select(**made), keys, [c for c in made if c not in keys])
    except Exception as error:  # the engines have their own exceptions
        hint = "Axes are categories, texts, booleans or numbers."
        raise DesignError(
            f"The frame cannot be grouped by {by}: {one_line(error)}", hint
        ) from error
    for key, c in own.items():
        if c in orders:
            groups[key] = in_order(groups[key], orders[c])
        if frame.implementation.is_polars() and schema[c] == nw.Categorical:
            require_order(groups[key], c)
    return groups.rename(columns={**own, **kinds, "_y": outcome})


def _missing(lost: pd.DataFrame, outcome: str, by: list[str]) -> pd.DataFrame:
    """Count, for each variable, the people who lack it by kind of missing."""
    rows = []
    for variable in (outcome, *by):
        if (absent := lost[variable].isna().to_numpy()).any():
            kind = lost.get(
                f"{variable}_missing", pd.Series(np.nan, lost.index)
            ).to_numpy(object)[absent]
            codes, reasons = pd.factorize(
                np.where(pd.isna(kind), "missing", kind), sort=True
            )
            people = np.bincount(codes, lost["n"].to_numpy()[absent])
            rows += [
                (variable, str(reason), int(n))
                for reason, n in zip(reasons, people, strict=True)
            ]
    return pd.DataFrame(rows, columns=["variable", "reason", "n"])


def _axis(column: pd.Series, name: str) -> pd.Series:
    """An axis with its observed levels in order: a category stays one, a text becomes one, a number stays a number.

    Levels are texts, numbers or booleans; all others, such as intervals and dates, become texts. Texts that are the
    same in the Unicode form NFC are one level.
    """
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        if is_complex_dtype(column) or not np.isfinite(column.astype(float)).all():
            raise DesignError(
                f"The axis {name!r} holds numbers that are not finite.",
                "Recode them as missing.",
            )
        return column.astype(float)
    if column.dtype == "category":
        category = column.cat.remove_unused_categories().cat.as_unordered()
    else:
        category = _sorted_category(column, name)
    levels = list(category.cat.categories)
    if not all(isinstance(level, str) for level in levels):
        return _plain_levels(category, name)
    texts = [in_one_form(level) for level in levels]
    return _renamed(category, texts)


def _sorted_category(column: pd.Series, name: str) -> pd.Series:
    """Values without an order of their own as a category of sorted levels, which are of one kind."""
    codes, found = pd.factorize(column)
    levels = list(found.astype(object))
    kinds = kinds_of(levels)
    if len(kinds) > 1:
        raise DesignError(
            f"The axis {name!r} mixes {' and '.join(kinds)}.",
            "Make it one kind, such as texts.",
        )
    if len({type(level) for level in levels}) > 1:
        levels = [float(level) for level in levels]  # whole numbers among others
    if any(isinstance(level, float) and not np.isfinite(level) for level in levels):
        raise DesignError(
            f"The axis {name!r} holds numbers that are not finite.",
            "Recode them as missing.",
        )
    try:
        ordered = sorted(levels)
    except TypeError as error:
        raise DesignError(
            f"The levels of the axis {name!r} cannot be put in order.",
            "Make them texts, or a category with its levels in order.",
        ) from error
    category = pd.Categorical.from_codes(codes, levels).reorder_categories(ordered)
    return pd.Series(category, column.index)


def _plain_levels(category: pd.Series, name: str) -> pd.Series:
    """Levels that are not all texts: numbers or booleans as they are, others as texts."""
    levels = category.cat.categories
    if levels.inferred_type in ("integer", "floating", "boolean"):
        return category
    texts = list(map(str, levels))
    if len(set(texts)) < len(texts):
        raise DesignError(
            f"Two levels of the axis {name!r} are the same as texts.",
            "Rename one of them.",
        )
    return category.cat.rename_categories(texts)


def _renamed(category: pd.Series, names: list[str]) -> pd.Series:
    """A category with other names of its levels; levels that get the same name become one."""
    if names == list(category.cat.categories):
        return category
    own = list(dict.fromkeys(names))
    place = np.array([*(own.index(name) for name in names), -1])
    codes = place[category.cat.codes.to_numpy()]  # -1 stays -1
    return pd.Series(pd.Categorical.from_codes(codes, own), category.index)


def _joint_order(name: str, orders: list[list]) -> list:
    """One order of the levels of several parts that agrees with each of theirs, whatever the order of the parts."""
    out = joint_order(orders)
    if out is None:
        text = (
            f"The parts have levels of {name!r} in orders that contradict each other."
        )
        hint = "Give the categories the same order in all of them."
        raise DesignError(text, hint)
    return out


def _require_few(size: int) -> None:
    """Refuse cells whose covariance matrix would fill the memory."""
    if size > MAX_SETTLED:
        text = f"These are {size:,} cells; at most {MAX_SETTLED:,} are sealed or merged, with their covariance."
        raise DesignError(
            text,
            "Use fewer axes, or band the one with the most values (for example pandas.cut).",
        )


def _cells(axes: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, Codes]:
    """The cells that occur, sorted by level, and the cell of each row; refuses too many."""
    table, cell = combinations(axes, by)
    if len(table) > MAX_CELLS:
        worst = max(by, key=lambda c: axes[c].nunique())
        text = f"The axes {by} make {len(table):,} cells; at most {MAX_CELLS:,} are handled."
        values = f"{axes[worst].nunique():,} values"
        raise DesignError(
            text,
            f"Use fewer axes, or band {worst!r}, which has {values} (for example pandas.cut).",
        )
    return table, cell


def _scatter(
    design: SurveyDesign,
    kept: pd.DataFrame,
    cell: Codes,
    events: Array,
    table: pd.DataFrame,
) -> tuple[Scatter, float]:
    """How the totals vary, and the design's degrees of freedom among the people used."""
    size = len(table)
    if design.replicate_weights:
        values = kept[
            [f"_r{i}" for i in range(len(design.replicate_weights))]
        ].to_numpy(float)
        totals = np.vstack(
            [sum_by(values, cell, size), sum_by(values * events[:, None], cell, size)]
        ).T
        estimate = np.r_[table["sum_w"], table["sum_wy"]]
        assert design.scale is not None
        return ReplicateScatter(
            totals, estimate, design.scale, design.replicate_mse
        ), design.replicate_rank_df()
    layout = design.layout
    stratum = (
        layout.key.get_indexer(kept["_stratum"])
        if design.strata is not None
        else np.zeros(len(kept), dtype=np.int64)
    )
    inside, psu = cell >= 0, None
    if design.psu is not None:
        psu, _ = group_rows([pd.Series(stratum), kept["_psu"]], len(kept))
        units = len(np.unique(psu[inside]))
    else:
        units = int(kept["n"][inside].sum())
    raked = [f"_m{i}" for i in range(len(design.raked or ()))]
    margins = (
        pd.get_dummies(kept[raked], columns=raked, dtype=float).to_numpy()
        if raked
        else None
    )
    base = kept["_base"].to_numpy(float) if raked else None
    codes = stratum.astype(np.int64), psu, cell.astype(np.int64)
    weights = kept["w"].to_numpy(float), kept["w2"].to_numpy(float)
    scatter = TaylorScatter(
        *codes,
        events,
        *weights,
        layout.n_psu,
        layout.remaining,
        design.lonely_psu,
        margins,
        base,
    )
    return scatter, float(units - len(np.unique(stratum[inside])))
