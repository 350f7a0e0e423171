"""The one result type, and what all verbs that make it share.

Every number that can reach a page is a row of `Estimates`, which carries the covariance
of its rows. Arithmetic on estimates happens in verbs (`trustlib.levels`, `margins`,
`comparisons`, `interaction`, `pooling`), with their covariance, never on columns of a
frame. Probabilities are on the scale 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import Cells, describe, told_rows
from trustlib.conditions import evaluate
from trustlib.disclosure import MINIMUM, require_showable
from trustlib.errors import (
    DisclosureError,
    EstimandError,
    UnknownNameError,
    require_a,
    require_names,
)
from trustlib.escaping import html_text
from trustlib.rounding import ROUNDED, rounded
from trustlib.scales import Scale, scale_of
from trustlib.sources import SourceField
from trustlib.variance import (
    Array,
    Part,
    ReplicateScatter,
    Spread,
    delta_covariance,
    welch_df,
)

COLUMNS = (
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "statistic",
    "p_value",
    "df",
    "n",
    "n_eff",
)
WHOLE_NUMBERS = ("n", "df")
DECIMALS = {column: 4 for column in COLUMNS if column not in WHOLE_NUMBERS}
MAX_ROWS = 2_000  # each row carries its covariance with all others
_INTERVAL_OF_LEVELS = re.compile(f"; ({'|'.join(intervals.INTERVALS)}) interval")


@dataclass(frozen=True, eq=False)
class People:
    """Who is behind each row, so that people who are in several compared rows count once.

    Attributes
    ----------
    member : boolean array (m, G)
        Whether a row holds a group of people; groups do not overlap.
    n : int array (G,)
        People in each group.

    Examples
    --------
    >>> import numpy as np
    >>> people = People(np.array([[True, False], [True, True]]), np.array([30, 12]))
    >>> people.count.tolist()
    [30, 42]
    >>> people.together(np.array([[0, 1]])).count.tolist()
    [42]
    """

    member: np.ndarray
    n: np.ndarray

    @property
    def count(self) -> np.ndarray:
        """People (m,) behind each row."""
        return self.member.astype(np.int64) @ self.n

    def together(self, rows: np.ndarray) -> People:
        """The people of each of several sets of rows, `rows` (k, r)."""
        shape = (len(rows), len(self.n))
        member = np.zeros(shape, dtype=bool)
        for column in np.asarray(rows).T:
            member |= self.member[column]
        return People(member, self.n)

    def kept(self, mask: np.ndarray) -> People:
        """Those of some rows."""
        return People(self.member[mask], self.n)


@dataclass(frozen=True, eq=False, repr=False)
class Estimates:
    """Estimates with their covariance, their convention and the people behind them.

    Attributes
    ----------
    frame : DataFrame (m rows)
        The by-columns, then estimate, std_error, conf_low, conf_high (95 %), statistic,
        p_value (two-sided), df, n (people, each counted once), n_eff (the people of a
        simple random sample, split among the groups as this one is, with the same
        standard error; for levels p(1-p)/SE^2). Gaps, coefficients and measures of
        interaction have a column reference: what each is compared with. A copy: for the
        analyst, not for publication.
    vcov : array (m, m)
        Covariance of the column estimate.
    kind : str
        level, difference, ratio, odds_ratio, coefficient or interaction.
    by : tuple of str
        The columns that identify a row.
    convention : str
        Variance estimator, degrees of freedom, interval and treatment of covariates, in
        one line.
    smallest : int array (m,)
        Smallest count behind each row; what the disclosure gate looks at. Exact: for
        the analyst, not for publication.
    notes : tuple of str
        Cautions that belong below every table of these estimates.
    replicates : ReplicateScatter, optional
        Levels and predictions under each set of replicate weights (in place of totals),
        for measures of interaction.
    df : float
        Degrees of freedom of the design; each row has its own in the frame.
    parts : tuple of Part
        Of several independent samples: what each adds to `vcov`, with its degrees of
        freedom.
    compared : tuple of str
        The axes along which a row is compared with its reference.
    absent : dict
        Axis -> its first level, where nobody has it.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> levels = tl.cell_means(cells)
    >>> levels.frame[["group", "estimate", "n"]].values.tolist()
    [['a', 0.25, 40], ['b', 0.5, 40]]
    >>> levels.where("group == 'b'").vcov.round(4).tolist()
    [[0.0063]]
    """

    _frame: pd.DataFrame
    vcov: Array
    kind: str
    by: tuple[str, ...]
    convention: str
    outcome: str
    smallest: np.ndarray
    df: float
    source: SourceField = SourceField()
    labels: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replicates: ReplicateScatter | None = None
    parts: tuple[Part, ...] = ()
    compared: tuple[str, ...] = ()
    absent: dict[str, str] = field(default_factory=dict)
    _people: People | None = None

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def frame(self) -> pd.DataFrame:
        """The estimates as a new frame (see the class)."""
        return self._frame.copy()

    @property
    def people(self) -> People:
        """Who is behind each row; different people behind each where nothing else is known."""
        if self._people is not None:
            return self._people
        each = np.eye(len(self), dtype=bool)
        return People(each, self._frame["n"].to_numpy())

    @property
    def scales(self) -> list[Scale]:
        """What each row is: the scale of its measure where it has one, else of the kind."""
        if "measure" not in self._frame:
            return [scale_of(self.kind)] * len(self)
        return [scale_of(self.kind, measure) for measure in self._frame["measure"]]

    @property
    def log_rows(self) -> np.ndarray:
        """Which rows (m,) are estimated and tested as logarithms."""
        logs = [scale.log for scale in self.scales]
        return np.array(logs, dtype=bool)

    @property
    def row_labels(self) -> list[str]:
        """Name of each row, for messages and alternative texts."""
        rows = self._frame.iterrows()
        return [describe(row, self.by) for _, row in rows]

    def df_of(self, jacobian: Array) -> Array:
        """Degrees of freedom (k,) of functions of the rows with derivatives (k, m)."""
        parts = [part.moved(jacobian) for part in self.parts]
        return _df_of_parts(parts, len(jacobian), self.df)

    def with_columns(self, **columns: Any) -> Estimates:
        """These estimates with further columns, or with others in place of those they have."""
        return replace(self, _frame=self._frame.assign(**columns))

    def require_showable(self, what: str = "This result") -> None:
        """Raise `DisclosureError` if a row rests on too few people."""
        people = self._frame["n"]
        if self.kind != "level":  # a row counts the people of several levels
            people = people.where(self.smallest >= MINIMUM, 0)
        require_showable(self.smallest, told_rows(self._frame, self.by, people), what)

    def showable(self, what: str = "This result") -> Estimates:
        """These estimates as readers may see them: past the gate, and rounded where their source asks for it."""
        self.require_showable(what)
        base = self.source.rounding
        if not base:
            return self
        frame = rounded(self._frame, base)
        notes = [*self.notes, ROUNDED.format(base=base)]
        return replace(self, _frame=frame, notes=tuple(dict.fromkeys(notes)))

    def where(self, condition: str | Array) -> Estimates:
        """Some of the rows, with their covariance. They pass the gate only if all rows would.

        `condition` is a text on columns of the frame, as in `SurveyDesign.domain`, or a
        boolean array. In a text a row with a missing value in any column named is left
        out, unless it is asked for with ``.isna()``.
        """
        mask = self._mask(condition)
        replicates = self.replicates
        if replicates is not None:
            replicates = replace(
                replicates,
                totals=replicates.totals[:, mask],
                estimate=replicates.estimate[mask],
            )
        return replace(
            self,
            _frame=self._frame[mask].reset_index(drop=True),
            vcov=self.vcov[np.ix_(mask, mask)],
            smallest=self._smallest_where(mask),
            replicates=replicates,
            parts=tuple(part.kept(mask) for part in self.parts),
            _people=self.people.kept(mask),
        )

    def _smallest_where(self, mask: np.ndarray) -> np.ndarray:
        """Smallest counts of some rows; of too few people all are, or margins tell the rows left out."""
        least = self.smallest.min(initial=MINIMUM)
        kept = self.smallest[mask]
        if least == MINIMUM:
            return kept
        return np.minimum(kept, least)

    def _mask(self, condition: str | Array) -> np.ndarray:
        """Whether a condition holds in each row."""
        mask = np.asarray(condition)
        if isinstance(condition, str):
            mask = self._evaluated(condition)
        if mask.dtype != bool or mask.shape != (len(self),):
            raise EstimandError(
                f"A condition is one True or False for each of {len(self)} rows; got "
                f"{mask.dtype}.",
                f"Compare a column with a value. The columns are "
                f"{', '.join(self._frame)}.",
            )
        return mask

    def _evaluated(self, condition: str) -> np.ndarray:
        """A condition on the frame; a column that does not exist is no estimand."""
        try:
            return evaluate(condition, self._frame, EstimandError)
        except UnknownNameError as error:
            raise EstimandError(
                f"The condition {condition[:200]!r} cannot be evaluated: "
                f"{error.message}",
                error.hint,
            ) from error

    def __repr__(self) -> str:
        heading = f"{self.kind} of {self.outcome} ({self.convention})"
        try:
            shown = self._shown()
        except DisclosureError as error:
            return f"{heading}\n{error}"
        return f"{heading}\n{shown.to_string(index=False)}"

    def _repr_html_(self) -> str:
        try:
            shown = self._shown()
        except DisclosureError as error:
            return html_text(error)
        table = shown.to_html(index=False, border=0, na_rep="")
        return f"{table}<p>{html_text(self.convention)}</p>"

    def _shown(self) -> pd.DataFrame:
        """The frame with four decimals, if the gate lets it pass."""
        return self.showable()._frame.round(DECIMALS)


def result_frame(axes: pd.DataFrame, values: Sequence[Any]) -> pd.DataFrame:
    """The identifying columns, followed by the columns of every result.

    Parameters
    ----------
    axes : DataFrame (m rows)
    values : sequence
        An array (m,), or one number for all rows, for each of `COLUMNS`.

    Returns
    -------
    DataFrame (m rows)

    Examples
    --------
    >>> import pandas as pd
    >>> axes = pd.DataFrame({"group": ["a", "b"]})
    >>> frame = result_frame(axes, [[0.25, 0.5], *[None] * 6, 40, None])
    >>> frame[["group", "estimate", "n"]].values.tolist()
    [['a', 0.25, 40], ['b', 0.5, 40]]
    """
    columns = {name: axes[name].array for name in axes}
    columns |= zip(COLUMNS, values, strict=True)
    return pd.DataFrame(columns, index=range(len(axes)))


def estimates_of_cells(
    cells: Cells,
    frame: pd.DataFrame,
    vcov: Array,
    kind: str,
    convention: str,
    smallest: np.ndarray,
    df: float,
) -> Estimates:
    """Estimates with the outcome, source, labels and notes of the cells that they are from.

    Parameters
    ----------
    cells : Cells
    frame : DataFrame (m rows)
        See `result_frame`; its other columns become `by`.
    vcov, kind, convention, smallest, df
        As of `Estimates`.

    Returns
    -------
    Estimates

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y")
    >>> frame = pd.DataFrame({"term": ["a"], "estimate": [0.5]})
    >>> one = np.ones(1)
    >>> made = estimates_of_cells(cells, frame, np.eye(1), "level", "none", one, 39.0)
    >>> made.by, made.outcome
    (('term',), 'y')
    """
    return Estimates(
        frame,
        vcov,
        kind,
        by=tuple(name for name in frame if name not in COLUMNS),
        convention=convention,
        outcome=cells.outcome,
        smallest=smallest,
        df=df,
        source=cells.source,
        labels=cells.labels,
        absent=cells.absent,
    )


def level_estimates(
    cells: Cells,
    axes: pd.DataFrame,
    p: Array,
    spread: Spread,
    counts: pd.DataFrame,
    interval: str,
    note: str = "",
) -> Estimates:
    """Proportions or predicted probabilities as `Estimates`.

    Parameters
    ----------
    cells : Cells
        What they are estimated from.
    axes : DataFrame (m rows)
        The identifying columns.
    p : array (m,)
    spread : Spread
        How they vary.
    counts : DataFrame (m rows)
        Columns n and smallest; see `Cells.counts`.
    interval : str
        One of `trustlib.intervals.INTERVALS`.
    note : str
        What the convention adds.

    Returns
    -------
    Estimates
        Of kind level.

    Raises
    ------
    UnknownNameError
        An interval of that name does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y")
    >>> everyone = cells.counts([])
    >>> spread = Spread(np.array([[0.01]]))
    >>> axes = everyone[[]]
    >>> made = level_estimates(cells, axes, np.array([0.5]), spread, everyone, "wald")
    >>> made.frame[["estimate", "std_error", "n_eff"]].round(3).values.tolist()
    [[0.5, 0.1, 25.0]]
    """
    require_names("interval", [interval], intervals.INTERVALS)
    n = counts["n"].to_numpy()
    se = _standard_errors(spread.vcov)
    df: Any = cells.df
    if spread.parts:
        df = welch_df(spread.parts, len(p))
    low, high = intervals.INTERVALS[interval](p, se, df, n)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        simple = p * (1 - p) / se**2
    n_eff = np.where(se > 0, simple, np.nan)
    untested = (np.nan, np.nan)
    columns = (p, se, low, high, *untested, df, n, n_eff)
    how = f"{cells.variance}; {cells.df_words}; {interval} interval"
    made = estimates_of_cells(
        cells,
        result_frame(axes, columns),
        spread.vcov,
        kind="level",
        convention=how + note,
        smallest=counts["smallest"].to_numpy(),
        df=cells.df,
    )
    return replace(made, parts=spread.parts, replicates=spread.replicates)


def contrast(
    origin: Estimates,
    axes: pd.DataFrame,
    value: Array,
    jacobian: Array,
    n: Array,
    *,
    kind: str,
    log: bool | Array = False,
    smallest: np.ndarray | None = None,
    note: str = "",
    covariance: Array | None = None,
    df: Array | None = None,
    people: People | None = None,
) -> Estimates:
    """Functions of estimates, with delta-method covariance: the one place where a contrast gets SE, interval and p.

    Parameters
    ----------
    origin : Estimates (m rows)
        What the functions are of.
    axes : DataFrame (k rows)
        The identifying columns of the result.
    value : array (k,)
        The functions; their logarithm where `log`.
    jacobian : array (k, m)
        Derivatives of `value`.
    n : array (k,)
        People in the compared groups.
    kind : str
        What the functions are; see `trustlib.scales.SCALES`.
    log : bool or boolean array (k,)
        These rows are logs of ratios: they are exponentiated with their interval, and
        tested against 1.
    smallest : int array (k,), optional
        Smallest count behind each; by default those of `origin`.
    note : str
        What the convention adds.
    covariance : array (k, k), optional
        Covariance of `value` if it is known otherwise, such as from replicates.
    df : array (k,), optional
        Degrees of freedom, if they are known otherwise; by default those of the design,
        or, where the rows are of several samples, by Welch and Satterthwaite from what
        each adds to the variance.
    people : People, optional
        Who is behind each row.

    Returns
    -------
    Estimates (k rows)

    Notes
    -----
    R: ``svycontrast``; the confidence limits and p are those of t with `df`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> half = np.array([[0.5, 0.5]])
    >>> axes = pd.DataFrame({"of": ["both alike"]})
    >>> p = np.array([0.375])
    >>> n = np.array([80])
    >>> both = contrast(tl.cell_means(cells), axes, p, half, n, kind="difference")
    >>> both.frame[["estimate", "std_error", "n"]].round(4).values.tolist()
    [[0.375, 0.0526, 80.0]]
    """
    log = np.broadcast_to(np.asarray(log), value.shape)
    vcov = covariance
    if vcov is None:
        vcov = delta_covariance(jacobian, origin.vcov)
    if smallest is None:
        smallest = origin.smallest
    parts = tuple(part.moved(jacobian) for part in origin.parts)
    if df is None:
        df = _df_of_parts(parts, len(value), origin.df)
    se = _standard_errors(vcov)
    n_eff = _effective_people(origin, jacobian, n, se)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.where(log, np.exp(value), 1.0)
        scaled = vcov * np.outer(factor, factor)
        parts = scaled_parts(parts, factor)
        columns = (*_tested(value, se, df, log, factor), df, n, n_eff)
    return replace(
        origin,
        _frame=result_frame(axes, columns),
        vcov=scaled,
        kind=kind,
        by=tuple(axes.columns),
        convention=_INTERVAL_OF_LEVELS.sub("", origin.convention) + note,
        smallest=smallest,
        replicates=None,
        parts=parts,
        _people=people,
    )


def _tested(value: Array, se: Array, df: Array, log: Array, factor: Array) -> tuple:
    """Estimate, standard error, limits, statistic and p; exponentiated where `log`."""
    limits = intervals.wald_interval(value, se, df)
    estimate = _from_logs(value, log)
    low, high = (_from_logs(limit, log) for limit in limits)
    statistic = value / se
    p_value = intervals.two_sided_p(statistic, df)
    return estimate, se * factor, low, high, statistic, p_value


def _from_logs(value: Array, log: Array) -> Array:
    """Values, exponentiated where they are logarithms."""
    return np.where(log, np.exp(value), value)


def _effective_people(origin: Estimates, jacobian: Array, n: Array, se: Array) -> Any:
    """People of simple random samples of the levels that know as much of a contrast."""
    if origin.kind != "level":
        return np.nan
    p = origin._frame["estimate"].to_numpy(float)
    behind = origin._frame["n"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        simple = jacobian**2 @ (p * (1 - p) / behind)
        return n * simple / se**2


def _standard_errors(vcov: Array) -> Array:
    """Roots of the variances, of which rounding may leave some just below zero."""
    variance = np.diag(vcov)
    return np.sqrt(np.clip(variance, 0, None))


def _df_of_parts(parts: Sequence[Part], size: int, whole: float) -> Array:
    """Degrees of freedom (size,): of several samples from what each adds, else `whole`."""
    if parts:
        return welch_df(parts, size)
    return np.full(size, float(whole))


def scaled_parts(parts: Sequence[Part], factor: Array) -> tuple[Part, ...]:
    """The parts of estimates (m,) that are multiplied by `factor` (m,).

    Examples
    --------
    >>> import numpy as np
    >>> part = Part(np.array([1]), np.array([[0.25]]), df=9.0)
    >>> scaled_parts([part], np.array([1.0, 2.0]))[0].vcov.tolist()
    [[1.0]]
    """
    scaled = []
    for part in parts:
        own = factor[part.rows]
        vcov = part.vcov * np.outer(own, own)
        scaled.append(replace(part, vcov=vcov))
    return tuple(scaled)


def require_levels(estimates: Any, verb: str) -> None:
    """Raise `EstimandError` unless these are levels or predictions, the only estimates that can be compared.

    Examples
    --------
    >>> require_levels(3, "comparisons")
    Traceback (most recent call last):
    trustlib.errors.EstimandError: Expected Estimates, got int.
    Call comparisons on the result of cell_means or predictions.
    """
    hint = f"Call {verb} on the result of cell_means or predictions."
    require_a(Estimates, estimates, hint)
    if estimates.kind != "level":
        raise EstimandError(
            f"Expected levels or predictions, got estimates of kind "
            f"{estimates.kind!r}.",
            hint,
        )


def axis_levels(column: pd.Series) -> list:
    """Levels of an axis in order; the first is the reference.

    Examples
    --------
    >>> import pandas as pd
    >>> axis_levels(pd.Series(["no", "yes", "no"]))
    ['no', 'yes']
    >>> axis_levels(pd.Series(pd.Categorical(["b"], categories=["b", "a"])))
    ['b', 'a']
    """
    if column.dtype == "category":
        return list(column.cat.categories)
    return sorted(column.unique())
