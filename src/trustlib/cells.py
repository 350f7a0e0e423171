"""Sufficient statistics: all that a weighted analysis of categories needs from the people.

`trustlib.compress` makes `Cells`. Estimates and standard errors from these sums equal
those from the rows to rounding (about 1e-15), and their cost no longer depends on the
number of people. `Cells.seal` reduces them to totals with their covariance matrix,
which holds nothing of strata, PSUs, replicates or people and may leave a machine once
every cell passes the disclosure gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib import sealed_files
from trustlib.disclosure import (
    CONFIDENTIAL,
    MINIMUM,
    is_dominated,
    require_showable,
    smallest_count,
)
from trustlib.errors import (
    DesignError,
    DisclosureError,
    EstimandError,
    SurveyFileError,
    one_line,
    require_a,
    require_names,
)
from trustlib.grouping import group_rows
from trustlib.masking import RARE_LEVEL, people_by_level, spoken_levels
from trustlib.merging import joint_axis, joint_source, pooled_scatter
from trustlib.rounding import df_in_words, require_no_exact_cells
from trustlib.sealed_files import TOTALS, SealedContent
from trustlib.sources import SourceField
from trustlib.stratified import sum_by
from trustlib.variance import (
    Array,
    Codes,
    Part,
    Sample,
    Scatter,
    SealedScatter,
    joint_df,
    welch_df,
)
from trustlib.writing import write_whole

MAX_CELLS = 100_000
MAX_SETTLED = 2_000  # cells whose whole covariance matrix is kept
SUMS = ["n", "n_events", "sum_w", "sum_wy", "sum_w2"]
_WRITTEN = (
    "outcome",
    "by",
    "df",
    "variance",
    "source",
    "labels",
    "absent",
    "protected",
)


def _nobody() -> pd.DataFrame:
    return pd.DataFrame(columns=["variable", "reason", "n"])


@dataclass(frozen=True, eq=False)
class Cells:
    """Identity cells with their weighted totals and how these vary under the design.

    Attributes
    ----------
    frame : DataFrame
        One row per cell: the axes in `by`, ``n`` (people with a weight above zero),
        ``n_events`` (people with outcome 1; absent in sealed cells), ``sum_w`` and
        ``sum_wy`` (weighted people, and with the outcome), ``sum_w2`` (sum of squared
        weights, for Kish's effective number of people).
    outcome : str
    by : tuple of str
    scatter : TaylorScatter, ReplicateScatter, SealedScatter or PooledScatter
        Covariance of the totals.
    df : float
        Design degrees of freedom: PSUs less strata among the people used (R's
        ``degf``), or the rank of the replicate weights less one. Of merged cells the
        sum over the samples, which no estimate takes: each has its own, by Welch and
        Satterthwaite (`variance.welch_df`).
    variance : str
        The variance estimator in words.
    source : Source
        id, kind and label of the data; see `trustlib.sources`.
    labels : dict
        Variable -> label, for tables and figures.
    missing : DataFrame
        Why people in the domain left the estimate: variable, reason, n. Exact, small
        numbers included: for the analyst, not for publication.
    absent : dict
        Axis -> its first level, where nobody has it, so that another level is the
        reference.
    heaviest : array (C, 2), optional
        The largest weight of those of each cell who answered 0, and 1. Nobody may carry
        half of an answer. It is for the analyst, and never sealed.
    protected : bool
        Noise with a secret key was added; see `trustlib.protect`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"angry": [0, 1] * 20, "gender": ["man", "woman"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "angry", ["gender"])
    >>> cells.frame[["gender", "n", "n_events"]]
      gender   n  n_events
    0    man  20         0
    1  woman  20        20
    """

    frame: pd.DataFrame
    outcome: str
    by: tuple[str, ...]
    scatter: Scatter
    df: float
    variance: str
    source: SourceField = SourceField()
    labels: dict = field(default_factory=dict)
    missing: pd.DataFrame = field(default_factory=_nobody)
    absent: dict = field(default_factory=dict)
    heaviest: Array | None = None
    protected: bool = False

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        axes = ", ".join(map(self._axis_in_words, self.by)) or "everyone"
        size = f"{len(self)} cells"
        return (
            f"<Cells: {self.outcome} by {axes}; {size}; {self.variance}; "
            f"{self.df_shown()} df>"
        )

    def _axis_in_words(self, name: str) -> str:
        """An axis and its reference level, the first."""
        column = self.frame[name]
        if column.dtype != "category":
            return name
        return f"{name} (reference {column.cat.categories[0]})"

    @property
    def sealed(self) -> bool:
        """Whether only totals and their covariance are left."""
        return self.scatter.totals_only and "n_events" not in self.frame

    @property
    def df_words(self) -> str:
        """The rule of the degrees of freedom, for the convention line."""
        samples = self.scatter.samples
        if not samples:
            return f"t with {self.df_shown()} df (design{self.df_note})"
        each = sorted(sample.df for sample in samples)
        among = f"{self.df_shown(each[0])} to {self.df_shown(each[-1])} df"
        return f"t with df by Welch-Satterthwaite (samples with {among}{self.df_note})"

    def df_shown(self, df: float | None = None) -> str:
        """Degrees of freedom of the design, or others, as they may be shown.

        Parameters
        ----------
        df : float, optional

        Returns
        -------
        str
        """
        if df is None:
            df = self.df
        return df_in_words(df, self.source.rounding)

    @property
    def df_note(self) -> str:
        """What is said beside shown degrees of freedom where they are rounded."""
        return ", rounded down" if self.source.rounding else ""

    def parts(self, a: Array) -> tuple[Part, ...]:
        """What each sample of pooled cells adds to the covariance of ``a @ (W, Y)``.

        Nothing for one design.
        """
        return self.scatter.parts(a)

    def row_df(self, a: Array) -> Array:
        """Degrees of freedom (k,) of each of ``a @ (W, Y)``."""
        parts = self.parts(a)
        if parts:
            return welch_df(parts, len(a))
        return np.full(len(a), self.df)

    def joint_df(self, a: Array) -> float:
        """Degrees of freedom of a Wald test of all of ``a @ (W, Y)``."""
        parts = self.parts(a)
        if parts:
            return joint_df(parts, self.scatter.covariance(a))
        return self.df

    def counts(self, by: Sequence[str]) -> pd.DataFrame:
        """People behind each combination of `by`: for the analyst, not for publication.

        Parameters
        ----------
        by : sequence of str
            Axes of the cells.

        Returns
        -------
        DataFrame
            The axes, ``n`` and ``smallest`` (see `disclosure.smallest_count`). They are
            exact, also where they are small or where the source asks for rounding. Sealed
            cells hold no counts of answers; each passed the gate when it was sealed, so
            a combination's smallest count is at least the gate's minimum times its
            number of cells.
        """
        table, group = combinations(self.frame, list(by))
        table["n"], table["smallest"] = self.counted(group, len(table))
        return table

    def counted(self, group: Codes, size: int) -> tuple[Codes, Codes]:
        """People, and the smallest count, of groups of cells; see `counts`.

        Parameters
        ----------
        group : int array (C,)
            Group of each cell, 0 to size-1.
        size : int

        Returns
        -------
        n, smallest : int array (size,)

        Examples
        --------
        >>> import pandas as pd
        >>> import trustlib as tl
        >>> rows = pd.DataFrame({"y": [1.0] * 12 + [0.0] * 30})
        >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y")
        >>> [counts.tolist() for counts in cells.counted(np.array([0]), 1)]
        [[42], [12]]
        """
        n = self.frame["n"].to_numpy()
        total = np.bincount(group, n, size).astype(int)
        if self.sealed:
            least = np.minimum(n // 2, MINIMUM)
            return total, np.bincount(group, least, size).astype(int)
        events = np.bincount(group, self.frame["n_events"].to_numpy(), size)
        smallest = smallest_count(total, events.astype(int))
        smallest[self._dominated(group, size)] = 1
        return total, smallest

    def grouped(self, by: Sequence[str]) -> tuple[Codes, Codes]:
        """The combination of `by` that each cell has, and a cell of each; see `combinations`."""
        columns = [self.frame[axis] for axis in by]
        return group_rows(columns, len(self), sort=True)

    def seal(self) -> Cells:
        """Totals and their covariance only: what may be committed, published or sent.

        Returns
        -------
        Cells
            Every verb takes them. Exact for Taylor designs. For replicate weights
            standard errors of ratios and models become linearised, and can be several
            per cent off for small groups: in HINTS 6 within 0.2 % for groups of
            thousands, but up to 5 % off for coefficients and 12 % for levels of groups
            of a few hundred with very uneven weights. With ``lonely_psu="average"``
            strata are then counted over everyone, not in each group. Merged cells keep
            the covariance and df of each sample if all of its own cells pass the gate;
            else only the sum is kept, with the df of the sample that has the fewest,
            which makes no interval too short.

        Raises
        ------
        DisclosureError
            A cell holds fewer than 10 people, or 10 with or without the outcome.
        DesignError
            There are more than 2,000 cells: their covariance matrix would not fit into
            memory.
        """
        if self.sealed:
            return self
        if not self._showable:  # only a message names the cells
            labels = told_rows(self.frame, self.by, self.frame["n"])
            require_showable(self._smallest, labels, "This set of cells")
        settled = self.settled()._without_small_samples()
        frame = self.frame.drop(columns="n_events")
        return replace(settled, frame=frame, heaviest=None)

    @property
    def _smallest(self) -> Array:
        """The smallest of people, people with the outcome and without it, per cell.

        One where one person has most of the weight of an answer.
        """
        n = self.frame["n"].to_numpy()
        smallest = smallest_count(n, self.frame["n_events"].to_numpy())
        own = np.arange(len(self))
        smallest[self._dominated(own, len(self))] = 1
        return smallest

    def _dominated(self, group: Codes, size: int) -> Array:
        """Groups of cells (size,) in which one person has most of an answer's weight."""
        if self.heaviest is None:
            return np.zeros(size, dtype=bool)
        yes = self.frame["sum_wy"].to_numpy()
        no = self.frame["sum_w"].to_numpy() - yes
        total = sum_by(np.column_stack([no, yes]), group, size)
        heaviest = np.zeros((size, 2))
        np.maximum.at(heaviest, group, self.heaviest)
        return np.asarray(is_dominated(heaviest, total).any(axis=1))

    @property
    def _showable(self) -> bool:
        """Whether every cell has enough people to be sealed."""
        return self.sealed or bool((self._smallest >= MINIMUM).all())

    def _without_small_samples(self) -> Cells:
        """Without the samples' own covariances if one has cells too small to be shown."""
        samples = self.scatter.samples
        if all(sample.showable for sample in samples):
            return self
        total = self.scatter.of_totals(len(self))
        return replace(
            self,
            scatter=SealedScatter(total),
            df=min(sample.df for sample in samples),
            variance=f"{self.variance}; df of the sample with the fewest",
        )

    def settled(self) -> Cells:
        """The covariance of the totals in place of strata, PSUs and replicates.

        Counts of answers stay: see `seal` for what may leave a machine.

        Returns
        -------
        Cells

        Raises
        ------
        DesignError
            There are more than 2,000 cells.
        """
        nobody = self.missing.iloc[:0]
        if self.scatter.samples:
            return replace(self, missing=nobody)
        _require_few(len(self))
        total = self.scatter.of_totals(len(self))
        return replace(
            self,
            scatter=SealedScatter(total),
            variance=self.variance + self.scatter.settled_note,
            missing=nobody,
        )

    def summed(self, by: Sequence[str]) -> Cells:
        """Sealed cells summed over all axes but some.

        Of protected cells the margins that are published are such sums: the same people
        are never given noise twice.

        Parameters
        ----------
        by : sequence of str
            Axes to keep; none: everyone in one cell.

        Returns
        -------
        Cells

        Raises
        ------
        UnknownNameError
            The cells have no such axis.
        EstimandError
            They are not sealed, or merged from several samples.
        """
        require_names("axis", by, self.by)
        if not self.sealed or self.scatter.samples:
            raise EstimandError(
                "Only sealed cells of one sample are summed.",
                "Name the axes in trustlib.compress, or in the verb that takes cells.",
            )
        axes, group = combinations(self.frame, list(by))
        size = len(axes)
        totals = sum_by(self.frame[list(TOTALS)].to_numpy(float), group, size)
        frame = axes.assign(**dict(zip(TOTALS, totals.T, strict=True)))
        adding = (group == np.arange(size)[:, None]).astype(float)
        nothing = np.zeros_like(adding)
        matrix = np.block([[adding, nothing], [nothing, adding]])
        return replace(
            self,
            frame=frame.astype({"n": int}),
            by=tuple(by),
            scatter=SealedScatter(self.scatter.covariance(matrix)),
            absent={axis: level for axis, level in self.absent.items() if axis in by},
        )

    @staticmethod
    def merge(parts: Sequence[Cells]) -> Cells:
        """Pool cells of offices whose samples are independent (disjoint strata).

        Totals and covariances add up.

        Parameters
        ----------
        parts : sequence of Cells
            Of the same outcome and axes; sealed or not. Cells that only some offices
            have are kept.

        Returns
        -------
        Cells
            With totals and their covariance only. If any part is sealed the others are
            sealed first. Levels stand in the one order that agrees with the order of
            each part, alphabetically where the parts leave it open, so that the
            reference level does not depend on the order of the parts. Each estimate has
            its own degrees of freedom, by Welch and Satterthwaite from what each part
            adds to its variance.

        Raises
        ------
        EstimandError
            No parts; other outcomes, axes or kinds of axes; or the same cells twice,
            sealed or not.
        DesignError
            Levels are in orders that contradict each other, or there are more than
            2,000 cells.
        DisclosureError
            One part is sealed, and another cannot be.
        """
        _require_alike(parts)
        if any(part.sealed for part in parts):
            parts = [part.seal() for part in parts]  # the others pass the gate first
        stacked = pd.concat([part.frame for part in parts], ignore_index=True)
        by = list(parts[0].by)
        for axis in by:
            stacked[axis] = joint_axis(axis, [part.frame[axis] for part in parts])
        frame, cell = occurring_cells(stacked, by)
        _require_few(len(frame))
        sums = [name for name in SUMS if name in stacked]
        frame[sums] = stacked[sums].groupby(cell).sum()
        settled = [part.settled() for part in parts]
        _require_alike_protected(parts)
        return replace(
            settled[0],
            frame=frame,
            scatter=pooled_scatter(_samples(settled, parts, cell), len(frame)),
            df=sum(part.df for part in settled),
            variance=_pooled_variance([part.variance for part in settled]),
            source=joint_source([part.source for part in settled]),
            absent=_still_absent(settled, frame),
            heaviest=_joint_heaviest(parts, cell, len(frame)),
        )

    def write(self, path: str | Path) -> Path:
        """Write sealed cells to a Parquet file; others are sealed first.

        One row per cell: axes, n, sum_w, sum_wy, sum_w2, and the rows of the covariance
        matrix of (sum_w, sum_wy). Of merged cells the rows of the matrix of each sample
        follow (``_cov_w_0``, ``_cov_wy_0`` and so on), and their df stand in the
        metadata: degrees of freedom follow from them.

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
            The cells cannot be sealed, or are not protected and of a confidential file
            (of the kind supplied) or of one that asks for rounding; nothing is written.
        SurveyFileError
            The file cannot be written.
        """
        sealed = self.seal()
        sealed.require_may_leave()
        try:
            with write_whole(path) as temporary:
                sealed.write_to(temporary)
        except TypeError as error:
            raise SurveyFileError(
                f"{path} cannot be written: {one_line(error)}", "Name a file."
            ) from error
        return Path(path)

    def require_may_leave(self) -> None:
        """Refuse exact cells of a confidential file, or of one that asks for rounding.

        Raises
        ------
        DisclosureError
        """
        if self.protected:
            return
        require_no_exact_cells(self.source, "These cells")
        if self.source.kind in CONFIDENTIAL:
            raise DisclosureError(
                "These are exact totals of a confidential file, which give people away.",
                "Write protected cells: trustlib.protect(cells, key), or the command "
                "`trustlib compress`, which keeps the key and the earlier releases.",
            )

    @property
    def facts(self) -> dict[str, Any]:
        """What a sealed file says beside its totals and their covariance."""
        return {name: getattr(self, name) for name in _WRITTEN}

    def write_to(self, path: Path) -> None:
        """Write sealed cells into a file that `trustlib.writing` gave.

        Exact cells of a confidential file too: for a file that does not leave.
        """
        sealed = self.seal()
        content = SealedContent(sealed.frame, scatter=sealed.scatter, **sealed.facts)
        sealed_files.write_content(content, path)

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
        return Cells(**vars(sealed_files.read_content(path)))


def _require_alike(parts: Sequence[Cells]) -> None:
    """Refuse parts that are not cells of one question, or that count people twice."""
    require_a(Sequence, parts, "Give a list of Cells.")
    for part in parts:
        require_a(Cells, part, "Give a list of Cells.")
    labels = [part.labels.get(part.outcome, part.outcome) for part in parts]
    outcomes = dict(zip((part.outcome for part in parts), labels, strict=True))
    if len(outcomes) > 1:
        named = [f"{label!r} ({name})" for name, label in outcomes.items()]
        raise EstimandError(
            f"Expected cells of one outcome, got {' and '.join(named)}.",
            "Only answers to one question can be pooled. Show these side by side.",
        )
    questions = [(part.outcome, part.by) for part in parts]
    if not questions or any(each != questions[0] for each in questions):
        raise EstimandError(
            "Expected cells of one outcome and the same axes.",
            "Compress them alike first.",
        )
    columns = [*parts[0].by, *TOTALS]
    people = [part.frame[columns].astype(object) for part in parts]
    for i, part in enumerate(people):
        if any(part.equals(before) for before in people[:i]):
            raise EstimandError(
                "Two of the parts hold the same cells, "
                "so their people would count twice.",
                "Give each office once.",
            )


def _require_alike_protected(parts: Sequence[Cells]) -> None:
    """Refuse protected cells beside exact ones, which would be taken for either."""
    if len({part.protected for part in parts}) > 1:
        raise EstimandError(
            "Some of the parts are protected cells and some are exact.",
            "Merge protected cells with protected ones, each with the key of its owner.",
        )


def _joint_heaviest(parts: Sequence[Cells], cell: Codes, size: int) -> Array | None:
    """The largest weights of pooled cells; unknown if a part has lost its own."""
    known = [part.heaviest for part in parts if part.heaviest is not None]
    if len(known) < len(parts):
        return None
    heaviest = np.zeros((size, 2))
    np.maximum.at(heaviest, cell, np.vstack(known))
    return heaviest


def _samples(
    settled: Sequence[Cells], given: Sequence[Cells], cell: Codes
) -> list[Sample]:
    """The samples of several parts.

    `cell` is the place of each of their cells among all, one part after the other.
    """
    samples: list[Sample] = []
    start = 0
    for part, before in zip(settled, given, strict=True):
        place = cell[start : start + len(part)]
        samples += part.scatter.samples_at(place, part.df, before._showable)
        start += len(part)
    return samples


def _pooled_variance(estimators: Sequence[str]) -> str:
    """The variance estimators of several parts, in words."""
    if len(estimators) == 1:
        return estimators[0]
    times = Counter(estimators)
    each = "; ".join(f"{n} with {words}" for words, n in times.items())
    return f"pool of {len(estimators)} parts: {each}"


def _still_absent(parts: Sequence[Cells], frame: pd.DataFrame) -> dict[str, str]:
    """The first levels that nobody has in any of the parts."""
    absent: dict[str, str] = {}
    for part in parts:
        absent |= part.absent
    there = {axis: set(frame[axis].astype(str)) for axis in absent}
    return {axis: v for axis, v in absent.items() if v not in there[axis]}


def absence_notes(absent: Mapping, reference: Mapping[str, Any]) -> list[str]:
    """What is said below a table if nobody has the first level of an axis.

    Another one is the reference then.
    """
    return [
        f"Nobody in the domain is {absent[axis]!r}, the first level of {axis}; "
        f"{str(level)!r} is the reference instead."
        for axis, level in reference.items()
        if axis in absent
    ]


def combinations(frame: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, Codes]:
    """The combinations of `by` that occur, sorted by level.

    Parameters
    ----------
    frame : DataFrame
    by : list of str

    Returns
    -------
    table : DataFrame
        One row per combination.
    group : int array (n,)
        The combination of each row of `frame`.

    Examples
    --------
    >>> import pandas as pd
    >>> table, group = combinations(pd.DataFrame({"age": [2.0, 1.0, 2.0]}), ["age"])
    >>> table["age"].tolist(), group.tolist()
    ([1.0, 2.0], [1, 0, 1])
    """
    group, row = group_rows([frame[c] for c in by], len(frame), sort=True)
    values = {c: frame[c].array.take(row) for c in by}
    return pd.DataFrame(values, index=range(len(row))), group


def occurring_cells(axes: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, Codes]:
    """The cells that occur, as `combinations`; too many are refused.

    Raises
    ------
    DesignError
        There are more than 100,000.

    Examples
    --------
    >>> import pandas as pd
    >>> table, cell = occurring_cells(pd.DataFrame({"age": [2.0, 1.0]}), ["age"])
    >>> len(table)
    2
    """
    table, cell = combinations(axes, by)
    if len(table) > MAX_CELLS:
        distinct = {name: axes[name].nunique() for name in by}
        worst = max(by, key=distinct.__getitem__)
        raise DesignError(
            f"The axes {by} make {len(table):,} cells; "
            f"at most {MAX_CELLS:,} are handled.",
            f"Use fewer axes, or band {worst!r}, which has {distinct[worst]:,} values "
            "(for example pandas.cut).",
        )
    return table, cell


def _require_few(size: int) -> None:
    """Refuse cells whose covariance matrix would fill the memory."""
    if size > MAX_SETTLED:
        raise DesignError(
            f"These are {size:,} cells; at most {MAX_SETTLED:,} are sealed or merged, "
            "with their covariance.",
            "Use fewer axes, or band the one with the most values "
            "(for example pandas.cut).",
        )


def describe(row: Any, by: Sequence[str]) -> str:
    """Name a cell.

    Examples
    --------
    >>> describe({"gender": "woman", "ethnicity": "minority"}, ["gender", "ethnicity"])
    'gender=woman, ethnicity=minority'
    """
    return ", ".join(f"{name}={row[name]}" for name in by) or "everyone"


def told_rows(frame: pd.DataFrame, by: Sequence[str], people: Any) -> list[str]:
    """Name each cell as a message may: a level of fewer than ten people is not named.

    Parameters
    ----------
    frame : DataFrame (m rows)
    by : sequence of str
    people : array (m,)
        The people of each row.

    Returns
    -------
    list of str (m,)

    Examples
    --------
    >>> frame = pd.DataFrame({"gender": ["woman", "other"]})
    >>> told_rows(frame, ["gender"], [20, 3])
    ['gender=woman', 'gender=(a level of fewer than 10 people)']
    """
    told = {}
    for axis in by:
        sizes = people_by_level(frame[axis], people)
        named = {level: level for level in spoken_levels(sizes, sizes)}
        told[axis] = [named.get(level, RARE_LEVEL) for level in frame[axis]]
    levels = zip(*told.values(), strict=True) if by else [()] * len(frame)
    return [describe(dict(zip(by, row, strict=True)), by) for row in levels]


def told_row(
    row: Mapping[str, Any], frame: pd.DataFrame, by: Sequence[str], people: Any
) -> str:
    """Name one cell as a message may; see `told_rows`.

    Parameters
    ----------
    row : mapping
        Axis -> level.
    frame, by, people
        Of all cells.

    Examples
    --------
    >>> frame = pd.DataFrame({"gender": ["woman", "other"]})
    >>> told_row({"gender": "woman"}, frame, ["gender"], [20, 3])
    'gender=woman'
    """
    told = {}
    for name in by:
        sizes = people_by_level(frame[name], people)
        named = spoken_levels([row[name]], sizes)
        told[name] = named[0] if named else RARE_LEVEL
    return describe(told, by)
