"""The one result type, and the verbs that make it: levels, model predictions, gaps between them.

Every number that can reach a page is a row of `Estimates`, which carries the covariance of its rows. Arithmetic on
estimates happens in the verbs here (and in `trustlib.interaction`), with their covariance, never on columns of a frame.
Probabilities are on the scale 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import SUMS, Cells, absence_notes, combinations, describe
from trustlib.conditions import evaluate
from trustlib.disclosure import MINIMUM, ROUNDED, require_showable, rounded
from trustlib.errors import (
    DisclosureError,
    EstimandError,
    UnknownNameError,
    axis_names,
    is_number,
    listed,
    require_a,
    require_names,
)
from trustlib.escaping import html_text
from trustlib.grouping import group_rows
from trustlib.logit import LogitFit
from trustlib.newton import expit, influence
from trustlib.significance import TestResult
from trustlib.variance import (
    Array,
    Part,
    ReplicateScatter,
    delta_covariance,
    joint_df,
    replicate_covariance,
    sum_by,
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
LOG_SCALES = (
    "ratio",
    "odds_ratio",
    "synergy",
    "synergy_or",
    "ratio_of_rr",
    "ratio_of_or",
)  # tested against 1
ADJUSTMENTS = {"holm": "Holm", "fdr_bh": "Benjamini-Hochberg"}
MAX_ROWS = 2_000  # each row carries its covariance with all others
MAX_BATCH = 500_000  # rows of the design matrix at a time


@dataclass(frozen=True, eq=False)
class People:
    """Who is behind each row, so that people who are in several compared rows count once."""

    member: (
        np.ndarray
    )  # (m, G) whether a row holds a group of people; groups do not overlap
    n: np.ndarray  # (G,) people in each group

    @property
    def count(self) -> np.ndarray:
        """People (m,) behind each row."""
        return self.member.astype(np.int64) @ self.n

    def together(self, rows: np.ndarray) -> People:
        """The people of each of several sets of rows, `rows` (k, r)."""
        member = np.zeros((len(rows), len(self.n)), dtype=bool)
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
        The by-columns, then estimate, std_error, conf_low, conf_high (95 %), statistic, p_value (two-sided), df, n
        (people, each counted once), n_eff (the people of a simple random sample, split among the groups as this one
        is, with the same standard error; for levels p(1-p)/SE^2). Gaps, coefficients and measures of interaction have
        a column reference: what each is compared with. A copy: for the analyst, not for publication.
    vcov : array (m, m)
        Covariance of the column estimate.
    kind : str
        level, difference, ratio, odds_ratio, coefficient or interaction.
    by : tuple of str
        The columns that identify a row.
    convention : str
        Variance estimator, degrees of freedom, interval and treatment of covariates, in one line.
    smallest : int array (m,)
        Smallest count behind each row; what the disclosure gate looks at.
    notes : tuple of str
        Cautions that belong below every table of these estimates.
    replicates : ReplicateScatter, optional
        Levels and predictions under each set of replicate weights (in place of totals), for measures of interaction.
    df : float
        Degrees of freedom of the design; each row has its own in the frame.
    parts : tuple of Part
        Of several independent samples: what each adds to `vcov`, with its degrees of freedom.
    compared : tuple of str
        The axes along which a row is compared with its reference.
    absent : dict
        Axis -> its first level, where nobody has it.
    """

    _frame: pd.DataFrame
    vcov: Array
    kind: str
    by: tuple[str, ...]
    convention: str
    outcome: str
    smallest: np.ndarray
    df: float
    source: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replicates: ReplicateScatter | None = None
    parts: tuple[Part, ...] = ()
    compared: tuple[str, ...] = ()
    absent: dict = field(default_factory=dict)
    _people: People | None = None

    @property
    def people(self) -> People:
        """Who is behind each row; different people behind each where nothing else is known."""
        if self._people is not None:
            return self._people
        size = len(self)
        return People(np.eye(size, dtype=bool), self._frame["n"].to_numpy())

    def df_of(self, jacobian: Array) -> Array:
        """Degrees of freedom (k,) of functions of the rows with the derivatives `jacobian` (k, m)."""
        if not self.parts:
            return np.full(len(jacobian), float(self.df))
        return welch_df([part.moved(jacobian) for part in self.parts], len(jacobian))

    @property
    def frame(self) -> pd.DataFrame:
        """The estimates as a new frame (see the class)."""
        return self._frame.copy()

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def row_labels(self) -> list[str]:
        """Name of each row, for messages and alternative texts."""
        return [describe(row, self.by) for _, row in self._frame.iterrows()]

    def require_showable(self, what: str = "This result") -> None:
        """Raise `DisclosureError` if a row rests on too few people."""
        require_showable(self.smallest, self.row_labels, what)

    def showable(self, what: str = "This result") -> Estimates:
        """These estimates as readers may see them: past the gate, and rounded where their source asks for it."""
        self.require_showable(what)
        base = self.source.get("rounding")
        if not base:
            return self
        notes = dict.fromkeys((*self.notes, ROUNDED.format(base=base)))
        return replace(self, _frame=rounded(self._frame, base), notes=tuple(notes))

    def where(self, condition: str | Array) -> Estimates:
        """Some of the rows, with their covariance. They pass the gate only if all rows would.

        `condition` is a text on columns of the frame, as in `SurveyDesign.domain`, or a boolean array. In a text a row
        with a missing value in any column named is left out, unless it is asked for with ``.isna()``.
        """
        columns = f"The columns are {', '.join(self._frame)}."
        mask = self._mask(condition)
        if mask.dtype != bool or mask.shape != (len(self),):
            text = f"A condition is one True or False for each of {len(self)} rows; got {mask.dtype}."
            raise EstimandError(text, f"Compare a column with a value. {columns}")
        rows, vcov, kept = (
            self._frame[mask].reset_index(drop=True),
            self.vcov[np.ix_(mask, mask)],
            self.replicates,
        )
        if kept is not None:
            kept = replace(
                kept, totals=kept.totals[:, mask], estimate=kept.estimate[mask]
            )
        least, smallest = self.smallest.min(initial=MINIMUM), self.smallest[mask]
        smallest = (
            smallest if least == MINIMUM else np.minimum(smallest, least)
        )  # or margins tell the rows left out
        parts = tuple(part.kept(mask) for part in self.parts)
        people = self.people.kept(mask)
        return replace(
            self, _frame=rows, vcov=vcov, smallest=smallest, replicates=kept,
            parts=parts, _people=people,
        )  # fmt: skip

    def _mask(self, condition: str | Array) -> np.ndarray:
        """Whether a condition holds in each row; a column that does not exist is no estimand."""
        if not isinstance(condition, str):
            return np.asarray(condition)
        try:
            return evaluate(condition, self._frame, EstimandError)
        except UnknownNameError as error:
            raise EstimandError(
                f"The condition {condition[:200]!r} cannot be evaluated: {error.message}",
                error.hint,
            ) from error

    def __repr__(self) -> str:
        return f"{self.kind} of {self.outcome} ({self.convention})\n" + self._shown(
            lambda f: f.to_string(index=False)
        )

    def _repr_html_(self) -> str:
        return self._shown(
            lambda f: (
                f.to_html(index=False, border=0, na_rep="")
                + f"<p>{html_text(self.convention)}</p>"
            ),
            html_text,
        )

    def _shown(
        self,
        form: Callable[[pd.DataFrame], str],
        refusal: Callable[[object], str] = str,
    ) -> str:
        """The rounded frame in some form, or the refusal of the gate."""
        try:
            shown = self.showable()
        except DisclosureError as error:
            return refusal(error)
        return form(shown.frame.round({c: 4 for c in COLUMNS if c not in ("n", "df")}))


def _levels(
    axes: pd.DataFrame,
    p: Array,
    vcov: Array,
    counts: pd.DataFrame,
    cells: Cells,
    interval: str,
    note: str,
    parts: tuple[Part, ...] = (),
) -> Estimates:
    """Proportions or predicted probabilities as `Estimates`."""
    require_names("interval", [interval], intervals.INTERVALS)
    se, n = np.sqrt(np.clip(np.diag(vcov), 0, None)), counts["n"].to_numpy()
    df: Any = welch_df(parts, len(p)) if parts else cells.df
    low, high = intervals.INTERVALS[interval](p, se, df, n)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        n_eff = np.where(se > 0, p * (1 - p) / se**2, np.nan)
    convention = f"{cells.variance}; {cells.df_words}; {interval} interval{note}"
    frame = _filled(axes, (p, se, low, high, np.nan, np.nan, df, n, n_eff))
    made = _estimates(
        cells, frame, vcov, "level", convention, counts["smallest"].to_numpy(), cells.df
    )
    return replace(made, parts=parts)


def _filled(axes: pd.DataFrame, values: Sequence[Any]) -> pd.DataFrame:
    """The identifying columns, followed by the columns of every result."""
    columns = {c: axes[c].array for c in axes} | dict(zip(COLUMNS, values, strict=True))
    return pd.DataFrame(columns, index=range(len(axes)))


def _estimates(
    cells: Cells,
    frame: pd.DataFrame,
    vcov: Array,
    kind: str,
    convention: str,
    smallest: np.ndarray,
    df: float,
) -> Estimates:
    """Estimates from cells; the identifying columns stand before those of every result."""
    by = tuple(c for c in frame if c not in COLUMNS)
    return Estimates(
        frame,
        vcov,
        kind,
        by,
        convention,
        cells.outcome,
        smallest,
        df,
        cells.source,
        cells.labels,
        absent=cells.absent,
    )


def cell_means(
    cells: Cells,
    by: Sequence[str] | None = None,
    interval: str = "logit",
    plus_four: bool = False,
) -> Estimates:
    r"""Weighted proportions with the outcome, :math:`\hat p_g = \sum_{c\in g} Y_c / \sum_{c\in g} W_c`.

    Parameters
    ----------
    cells : Cells
    by : sequence of str, optional
        Some of the cells' axes; by default all of them; ``[]`` for everyone together.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}
        See `trustlib.intervals`. For p of 0 or 1 logit is undefined and wald has no width; the others are one-sided.
    plus_four : bool
        For small groups: two people with and two without the outcome are added to each
        (`trustlib.intervals.plus_four`). Percentages are drawn towards one half; their intervals, and those of what
        `comparisons` and `interactions` make of them, cover in 93 of 100 or more from 10 people on where the plain ones
        do not (``benchmarks/interval_coverage.py``): gaps with ``interval="mover"``, measures of interaction by the
        delta method, RERI of odds ratios by MOVER. Defined for p of 0 and 1 too. There are no replicate intervals.

    Returns
    -------
    Estimates
        One row per observed combination of levels. SEs by linearisation of the ratio, or from the replicates. An SE is
        missing where a group has no weight in some replicate.

    Raises
    ------
    UnknownNameError
        An axis or an interval of that name does not exist.
    EstimandError
        What is given are not cells, an axis is named twice, or there are more than 2,000 groups.

    Notes
    -----
    R: ``svyby(~y, ~gender + ethnicity, design, svymean, covmat = TRUE)`` and
    ``svyciprop(~y, design, method = "logit" | "mean" | "beta" | "likelihood", df = degf(design))``. In groups the df
    are those of everyone together, and n is the group's people. Of merged cells each level has its own df, by Welch and
    Satterthwaite from its samples.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    by = axis_names(cells.by if by is None else by, cells.by)
    axes, group = combinations(cells.frame, by)
    return _means(cells, axes, _member(group), cells.counts(by), interval, plus_four)


def _member(group: np.ndarray) -> Array:
    """Membership (g, C) of cells in groups."""
    groups = int(group.max()) + 1
    if groups > MAX_ROWS:
        text = f"The axes make {groups:,} groups; at most {MAX_ROWS:,} are estimated together."
        raise EstimandError(text, "Use fewer axes, or band one.")
    member = np.zeros((groups, len(group)))
    member[group, np.arange(len(group))] = 1
    return member


def _means(
    cells: Cells,
    axes: pd.DataFrame,
    member: Array,
    counts: pd.DataFrame,
    interval: str,
    added: bool,
) -> Estimates:
    """Weighted proportions of sets of cells, given as a membership matrix (g, C), with `added` people or not."""
    total = member @ cells.frame["sum_w"].to_numpy(float)
    p = member @ cells.frame["sum_wy"].to_numpy(float) / total
    replicates = None
    parts: tuple[Part, ...] = ()
    if isinstance(cells.scatter, ReplicateScatter):
        totals = cells.scatter.totals
        with np.errstate(divide="ignore", invalid="ignore"):
            values = (totals[:, len(cells) :] @ member.T) / (
                totals[:, : len(cells)] @ member.T
            )
        replicates = replace(cells.scatter, totals=values, estimate=p)
        vcov = replicate_covariance(values, p, replicates.scale, replicates.mse)
    else:
        a = np.hstack([-member * (p / total)[:, None], member / total[:, None]])
        vcov = cells.scatter.covariance(a, member)
        parts = cells.parts(a)
    if added:
        kish = _effective(member, cells)
        before = np.sqrt(np.diag(vcov).clip(0))
        p, vcov = intervals.plus_four(p, vcov, kish)
        parts = _stretched(parts, before, np.sqrt(np.diag(vcov)))
        replicates = None
    note = "; two people of each answer added to each group (plus four)" * added
    made = _levels(axes, p, vcov, counts, cells, interval, note, parts)
    return replace(made, replicates=replicates)


def _effective(member: Array, cells: Cells) -> Array:
    """Kish's effective number of people in sets of cells."""
    total = member @ cells.frame["sum_w"].to_numpy(float)
    return total**2 / (member @ cells.frame["sum_w2"].to_numpy(float))


def _stretched(
    parts: tuple[Part, ...], before: Array, after: Array
) -> tuple[Part, ...]:
    """The parts of variances that were raised."""
    factor = np.divide(after, before, out=np.ones_like(after), where=before > 0)
    return _scaled(parts, factor)


def _overlapping(cells: Cells, groups: Sequence[np.ndarray]) -> People:
    """The people of the levels of several axes, one axis after the other; `groups` holds the level of each cell."""
    columns = [pd.Series(group) for group in groups]
    atom, first = group_rows(columns, len(cells))
    n = np.bincount(atom, cells.frame["n"].to_numpy()).astype(np.int64)
    member = [
        np.arange(int(group.max()) + 1)[:, None] == group[first] for group in groups
    ]
    return People(np.vstack(member), n)


def one_way(
    source: Cells | LogitFit,
    axes: Sequence[str | Sequence[str]] | None = None,
    interval: str = "logit",
    plus_four: bool = False,
) -> Estimates:
    """Levels of several axes, or pairs of axes, one after the other, in one result with their joint covariance.

    Parameters
    ----------
    source : Cells or LogitFit
        Cells give proportions as answered; a model gives predictive margins: everyone's axis set to each of its
        levels, the other axes of the model as they are.
    axes : sequence of str or of tuples of str, optional
        By default all axes of the cells. A tuple such as ``("gender", "ethnicity")`` stands for its combinations.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}
    plus_four : bool
        Of proportions as answered; see `cell_means`.

    Returns
    -------
    Estimates
        Columns ``axis`` and ``level`` identify a row (``"gender, ethnicity"``, ``"woman, minority"``). `comparisons`
        sets each level against the first one of the same axis.

    Notes
    -----
    R: ``svyby(~y, ~axis, design, svymean)`` for each axis; ``marginaleffects::avg_predictions(fit, variables = axis)``.
    """
    require_a((Cells, LogitFit), source, "Give Cells or the result of fit_logit.")
    cells = source if isinstance(source, Cells) else source.cells
    listed = (
        [axes] if isinstance(axes, str) else cells.by if axes is None else list(axes)
    )
    sets = {
        ", ".join(names): names
        for names in (axis_names(each, cells.by) for each in listed)
    }
    if not sets or "" in sets or len(sets) < len(listed):
        hint = f"Name each once. The cells have {', '.join(cells.by) or 'none'}."
        raise EstimandError("Expected at least one axis, each there once.", hint)
    found = {name: cells.counts(each) for name, each in sets.items()}
    counts = pd.DataFrame(
        {
            c: np.concatenate([each[c] for each in found.values()])
            for c in ("n", "smallest")
        }
    )
    settings = [
        setting
        for name, each in found.items()
        for setting in each[sets[name]].to_dict("records")
    ]
    levels = [
        (", ".join(setting), ", ".join(map(str, setting.values())))
        for setting in settings
    ]
    named = pd.DataFrame(levels, columns=["axis", "level"])
    groups = [combinations(cells.frame, each)[1] for each in sets.values()]
    people = _overlapping(cells, groups)
    if isinstance(source, Cells):
        member = np.vstack([_member(group) for group in groups])
        made = _means(cells, named, member, counts, interval, plus_four)
        return replace(made, _people=people)
    if plus_four:
        raise EstimandError(
            "People are added to groups as answered, not to a model.", "Give the cells."
        )
    made = _margins(source, named, settings, counts, interval, sampled=False)
    return replace(made, _people=people)


def predictions(
    fit: LogitFit,
    by: Sequence[str] = (),
    at: Mapping[str, Any] | None = None,
    covariates: str = "fixed",
    interval: str = "logit",
) -> Estimates:
    r"""Average predicted probabilities: everyone's `by` set to each combination of levels, the rest as it is.

    .. math:: \hat p_g=\sum_c W_c\,\mu_c(g)\Big/\sum_c W_c,\quad\mu_c(g)=\mathrm{expit}(x_c(g)'\hat\beta),V=JV_\beta J'

    Parameters
    ----------
    fit : LogitFit
    by : sequence of str
        Axes to set (predictive margins, standardised over the other axes). Combinations that nobody has are left out.
    at : mapping, optional
        Further axes to set for everyone, to one value or to several: ``{"age_band": "65+"}``, ``{"meals": [20, 50]}``.
        A number that the formula uses as a factor, as in ``C(meals)``, is set to values that occur.
    covariates : {"fixed", "sampled"}
        Whether the distribution of the other axes is taken as known, as Stata's ``margins`` and marginaleffects do, or
        as estimated from the same sample, as Stata's ``vce(unconditional)``.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}

    Returns
    -------
    Estimates
        Delta-method standard errors; t with the design df, as Stata (R's ``svyglm`` would use `fit.df`).

    Raises
    ------
    UnknownNameError
        An axis, a level, an interval or a treatment of covariates does not exist.
    EstimandError
        An axis is in both `by` and `at`; `at` has no value, one twice, or one for which a term of the model is not
        defined; there are more than 2,000 predictions.

    Notes
    -----
    With sampled covariates the variance is that of the sum over cells of

    .. math:: J\,I^{-1}x_c\,(Y_c-\mu_cW_c)+W_c\,(\mu_c(g)-\hat p_g)\Big/\textstyle\sum_c W_c

    under the design, or of refits with refitted weights in each replicate. R's ``survey::svypredmeans`` adds the two
    variances and leaves out their covariance; for a model with an intercept and nobody's axis set, only the full
    expression equals the variance of the proportion itself.

    R: ``marginaleffects::avg_predictions(fit, variables = by, wts = weights(fit))``.
    Stata: ``margins gender#ethnicity``, and with sampled covariates ``margins gender#ethnicity, vce(unconditional)``.
    """
    require_a(LogitFit, fit, "Make it with fit_logit(cells, formula).")
    cells = fit.cells
    by = axis_names(by, cells.by)
    at = _settings(cells.frame, at)
    require_names("treatment of covariates", [covariates], ("fixed", "sampled"))
    if both := [c for c in by if c in at]:
        raise EstimandError(
            f"{both[0]!r} is in both `by` and `at`.", "Set each axis in one of them."
        )
    everyone = cells.counts(by)
    grid = (
        everyone.merge(
            pd.DataFrame(product(*at.values()), columns=list(at)), how="cross"
        )
        if at
        else everyone
    )
    axes = grid[[*by, *at]].astype({c: cells.frame[c].dtype for c in at})
    made = _margins(
        fit, axes, axes.to_dict("records"), grid, interval, covariates == "sampled"
    )
    groups = np.eye(len(everyone), dtype=bool)
    times = len(grid) // len(everyone)  # the same people at each value of `at`
    member = np.repeat(groups, times, axis=0)
    return replace(made, _people=People(member, everyone["n"].to_numpy()))


def _margins(
    fit: LogitFit,
    axes: pd.DataFrame,
    settings: list[dict],
    counts: pd.DataFrame,
    interval: str,
    sampled: bool,
) -> Estimates:
    """Average predictions with everyone's axes set to each of `settings`, and their covariance."""
    cells, betas, scatter = fit.cells, fit.replicates, fit.cells.scatter
    if len(settings) > MAX_ROWS:
        text = f"{len(settings):,} predictions were asked for; at most {MAX_ROWS:,} are made together."
        raise EstimandError(text, "Use fewer axes, or set a few values with `at`.")
    weight = cells.frame["sum_w"].to_numpy(float)
    p, jacobian = np.empty(len(settings)), np.empty((len(settings), len(fit.coef)))
    own = (
        np.zeros((len(settings), 2 * len(cells))) if sampled else None
    )  # derivative by the totals, coefficients held
    replicates = None
    if betas is not None and isinstance(scatter, ReplicateScatter):
        replicates = replace(
            scatter, totals=np.empty((len(betas), len(settings))), estimate=p
        )
    for i, (group, mu, x) in enumerate(_counterfactuals(fit, settings)):
        share = np.bincount(group, weights=weight / weight.sum())
        p[i] = share @ mu
        jacobian[i] = (share * mu * (1 - mu)) @ x
        if own is not None:
            own[i, : len(cells)] = (mu[group] - p[i]) / weight.sum()
        if replicates is not None and isinstance(scatter, ReplicateScatter):
            if sampled:
                share = sum_by(scatter.totals[:, : len(cells)].T, group, len(mu)).T
            replicates.totals[:, i] = (share * expit(betas @ x.T)).sum(
                axis=1
            ) / share.sum(axis=-1)
    parts: tuple[Part, ...] = ()
    if own is None:
        vcov = jacobian @ fit.vcov.to_numpy() @ jacobian.T
        parts = tuple(part.moved(jacobian) for part in fit.parts)
    elif replicates is not None:
        vcov = replicate_covariance(
            replicates.totals, p, replicates.scale, replicates.mse
        )
    else:
        a = jacobian @ influence(fit.x, weight, fit.coef.to_numpy()) + own
        vcov = scatter.covariance(a)
        parts = cells.parts(a)
    counts = counts.assign(smallest=np.minimum(counts["smallest"], fit.smallest))
    held = {c for setting in settings for c in cells.by if c not in setting}
    over = (
        ", ".join(c for c in cells.by if c in held)
        if len({*map(frozenset, settings)}) == 1
        else "the other axes"
    )
    known = "as sampled" if sampled else "taken as fixed"
    note = f"; model: {fit.formula}; marginal (standardised over {over or 'no other axis'}, {known})"
    made = _levels(axes, p, vcov, counts, cells, interval, note, parts)
    return replace(made, replicates=replicates)


def _counterfactuals(
    fit: LogitFit, settings: list[dict]
) -> Iterator[tuple[Array, Array, Array]]:
    """For each setting: the combination of the other axes that each cell has, and these with the axes set, predicted.

    Many settings share rows of the design matrix, so each batch makes its distinct rows once.
    """
    cells, rest = fit.cells, {}
    columns = {c: cells.frame[c] for c in cells.by}
    for c, column in columns.items():
        if column.dtype != "category":  # numbers, those of `at` included
            columns[c] = pd.Series(
                pd.Categorical(
                    column, sorted({*column, *(s[c] for s in settings if c in s)})
                )
            )
    codes = np.array(
        [column.cat.codes for column in columns.values()], dtype=np.int64
    ).reshape(len(columns), -1)
    code = {
        c: {level: i for i, level in enumerate(column.cat.categories)}
        for c, column in columns.items()
    }
    for start in range(0, len(settings), size := max(1, MAX_BATCH // len(cells))):
        parts, groups = [], []
        for setting in settings[start : start + size]:
            others = tuple(c for c in columns if c not in setting)
            if others not in rest:
                rest[others] = group_rows(
                    [columns[c] for c in others], len(cells), sort=True
                )
            group, row = rest[others]
            part = codes[:, row]
            for c, level in setting.items():
                part[cells.by.index(c)] = code[c][level]
            parts.append(part)
            groups.append(group)
        every = np.hstack(parts)
        levels = {
            c: pd.Categorical.from_codes(v, dtype=columns[c].dtype)
            for c, v in zip(columns, every, strict=True)
        }
        rows, at = combinations(
            pd.DataFrame(levels, index=range(every.shape[1])), list(columns)
        )
        mu, x = fit.probabilities(
            rows.astype({c: cells.frame[c].dtype for c in cells.by})
        )
        for group, part in zip(
            groups,
            np.split(at, np.cumsum([p.shape[1] for p in parts])[:-1]),
            strict=True,
        ):
            yield group, mu[part], x[part]


def _settings(frame: pd.DataFrame, at: Mapping[str, Any] | None) -> dict[str, list]:
    """The values of `at`, each axis with a list of levels or of finite numbers."""
    if not isinstance(at, (Mapping, type(None))):
        raise EstimandError(
            f"`at` maps axes to values, got {at!r}.",
            'For example at={"age_band": "65+"}.',
        )
    require_names("axis", at or {}, [c for c in frame if c not in SUMS])
    out = {name: listed(given) for name, given in (at or {}).items()}
    for name, values in out.items():
        if frame[name].dtype == "category":
            require_names(f"level of {name}", values, frame[name].cat.categories)
        elif not all(is_number(v) and np.isfinite(v) for v in values):
            raise EstimandError(
                f"The axis {name!r} is a number, `at` sets it to {values}.",
                "Give finite numbers.",
            )
        if not values or len(set(values)) < len(values):
            raise EstimandError(
                f"`at` gives {name!r} no value, or one value twice: {values}.",
                "Give each value once.",
            )
        if isinstance((at or {})[name], Set):
            values.sort()
    return out


def coefficients(fit: LogitFit, scale: str = "log_odds") -> Estimates:
    """The coefficients of a model as `Estimates`, so that they too pass the gate and carry their convention.

    Parameters
    ----------
    fit : LogitFit
    scale : {"log_odds", "odds_ratio"}
        Odds ratios have intervals exponentiated from the log scale; their SE is by the delta method. They are
        conditional on the other terms: odds ratios do not collapse, so that they differ from the marginal ones of
        `predictions` even without confounding. That of an interaction is the conditional ratio of odds ratios.

    Notes
    -----
    R: ``summary(svyglm(...))``, ``exp(confint(...))``; t with design df - (p - 1).
    """
    require_a(LogitFit, fit, "Make it with fit_logit(cells, formula).")
    require_names("scale", [scale], ("log_odds", "odds_ratio"))
    ratio = scale == "odds_ratio"
    axes = pd.DataFrame({"term": fit.coef.index})
    size, n = len(axes), int(fit.cells.frame["n"].sum())
    note = f"{fit.cells.variance}; {fit.df_words}; model: {fit.formula}; conditional"
    smallest = np.full(size, fit.smallest)
    vcov = fit.vcov.to_numpy()
    terms = _estimates(fit.cells, axes, vcov, "coefficient", note, smallest, fit.df)
    everyone = People(np.ones((size, 1), dtype=bool), np.array([n]))
    notes = (*terms.notes, *fit.notes)
    df = fit.row_df
    parts = _reduced(fit.parts, df)
    terms = replace(terms, parts=parts, _people=everyone, notes=notes)
    made = contrast(
        terms,
        axes.assign(reference=fit.baselines),
        fit.coef.to_numpy(),
        np.eye(size),
        np.full(size, n),
        kind="odds_ratio" if ratio else "coefficient",
        log=ratio,
        df=df,
        people=everyone,
    )
    return replace(made, by=("term",), compared=tuple(fit.cells.by))


def _reduced(parts: tuple[Part, ...], df: Array) -> tuple[Part, ...]:
    """The samples of a model with fewer degrees of freedom, so that no coefficient has more than its `df` (p,)."""
    if not parts:
        return ()
    whole = welch_df(parts, len(df))
    if (whole <= 0).any():
        return tuple(replace(part, df=0.0) for part in parts)
    share = np.clip((df / whole).min(), 0, None)
    return tuple(replace(part, df=part.df * share) for part in parts)


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
    log : bool or boolean array (k,)
        These rows are logs of ratios: they are exponentiated with their interval, and tested against 1.
    covariance : array (k, k), optional
        Covariance of `value` if it is known otherwise, such as from replicates.
    df : array (k,), optional
        Degrees of freedom, if they are known otherwise; by default those of the design, or, where the rows are of
        several samples, by Welch and Satterthwaite from what each adds to the variance.
    people : People, optional
        Who is behind each row.
    """
    log = np.broadcast_to(np.asarray(log), value.shape)
    vcov = delta_covariance(jacobian, origin.vcov) if covariance is None else covariance
    parts = tuple(part.moved(jacobian) for part in origin.parts)
    if df is None:
        df = welch_df(parts, len(value)) if parts else np.full(len(value), origin.df)
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    low, high = intervals.wald_interval(value, se, df)
    p, behind = origin._frame.reindex(columns=["estimate", "n"]).to_numpy(float).T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        statistic = value / se
        factor = np.where(log, np.exp(value), 1.0)
        estimate, low, high = (np.where(log, np.exp(v), v) for v in (value, low, high))
        # against the variance if the people of each level were a simple random sample
        n_eff = (
            n * (jacobian**2 @ (p * (1 - p) / behind)) / se**2
            if origin.kind == "level"
            else np.nan
        )
        scaled = vcov * np.outer(factor, factor)
        parts = _scaled(parts, factor)
        std_error = se * factor
    p_value = intervals.two_sided_p(statistic, df)
    frame = _filled(
        axes,
        (estimate, std_error, low, high, statistic, p_value, df, n, n_eff),
    )
    facts: dict[str, Any] = {
        "smallest": origin.smallest if smallest is None else smallest,
        "replicates": None,
        "parts": parts,
        "_people": people,
    }
    facts["convention"] = (
        re.sub(f"; ({'|'.join(intervals.INTERVALS)}) interval", "", origin.convention)
        + note
    )
    facts |= {
        "kind": kind,
        "by": tuple(axes.columns),
        "vcov": scaled,
    }
    return replace(origin, _frame=frame, **facts)


def _scaled(parts: tuple[Part, ...], factor: Array) -> tuple[Part, ...]:
    """The parts of estimates (m,) that are multiplied by `factor`."""
    return tuple(
        replace(part, vcov=part.vcov * np.outer(factor[part.rows], factor[part.rows]))
        for part in parts
    )


def comparisons(
    estimates: Estimates,
    reference: Mapping[str, Any] | None = None,
    scale: str = "difference",
    interval: str = "wald",
) -> Estimates:
    """Gaps: each level or prediction against the one of a reference group.

    Parameters
    ----------
    estimates : Estimates
        Of kind level, from `cell_means` or `predictions`.
    reference : mapping, optional
        ``{"gender": "man", "ethnicity": "majority"}``. Axes that are not named are held: each row is compared with
        the row that differs only in the named axes. By default the first level of every axis; of a result of
        `one_way`, the first level of each axis.
    scale : {"difference", "ratio", "odds_ratio"}
        Ratios have intervals symmetric on the log scale and are tested against 1.
    interval : {"wald", "mover"}
        The Wald interval of a difference is too short where the smaller group has fewer than about 400 people and
        weights are uneven. MOVER is made from the two levels' own intervals, for ratios from their logarithms; of
        levels with ``plus_four=True`` it holds from 10 people on (``benchmarks/interval_coverage.py``). It is not
        symmetric; the p-value is Wald's either way.

    Returns
    -------
    Estimates
        One row for each row that is not itself a reference; column ``reference`` names what it is compared with;
        n counts both groups.

    Raises
    ------
    UnknownNameError
        An axis or level of the reference, the scale or the interval does not exist.
    EstimandError
        What is given are not levels, there is one group only, or nobody is in a reference group.

    Notes
    -----
    R: ``svycontrast(svyby(..., covmat = TRUE), ...)``. The covariance between the two estimates is used.
    """
    require_levels(estimates, "comparisons")
    require_names("scale", [scale], ("difference", "ratio", "odds_ratio"))
    require_names("interval", [interval], ("wald", "mover"))
    frame = estimates.frame
    by = list(estimates.by)
    rows = frame[by].to_dict("records")
    by_default = reference is None
    from_one_way = by == ["axis", "level"] and by_default
    if from_one_way:
        first: dict = {}
        reference, wanted = (
            {"level": None},
            [first.setdefault(row["axis"], row) for row in rows],
        )
    else:
        reference = reference_levels(frame, by, reference)
        wanted = [row | reference for row in rows]
    index = {tuple(row.values()): i for i, row in enumerate(rows)}
    base = np.array([index.get(tuple(row.values()), -1) for row in wanted])
    if (base < 0).any():
        lacking = describe(wanted[base.argmin()], by)
        raise EstimandError(
            f"Nobody is in the reference group {lacking}.",
            "Choose a reference that occurs.",
        )
    at = np.flatnonzero(base != np.arange(len(frame)))
    if not len(at):
        raise EstimandError(
            "There is one group only, so there is no gap.",
            "Compare levels `by` an axis with two or more.",
        )
    base = base[at]
    p = frame["estimate"].to_numpy(float)
    value, slope = transform(p, scale)
    jacobian = np.zeros((len(at), len(frame)))
    jacobian[np.arange(len(at)), at] = slope[at]
    jacobian[np.arange(len(at)), base] -= slope[base]
    axes = frame[by].iloc[at].reset_index(drop=True)
    axes["reference"] = [", ".join(str(rows[b][c]) for c in reference) for b in base]
    log = scale != "difference"
    with np.errstate(invalid="ignore"):
        gap = value[at] - value[base]
    people = estimates.people.together(np.column_stack([at, base]))
    least = estimates.smallest[[at, base]].min(axis=0)
    note = (
        f"; {'MOVER' if interval == 'mover' else 'Wald'} interval"
        + " on the log scale" * log
    )
    result = contrast(
        estimates,
        axes,
        gap,
        jacobian,
        people.count,
        kind=scale,
        log=log,
        smallest=least,
        note=note,
        people=people,
    )
    if interval == "mover":
        low, high = (
            transform(frame[c].to_numpy(float), scale)[0]
            for c in ("conf_low", "conf_high")
        )
        with np.errstate(invalid="ignore", over="ignore"):
            vcov = estimates.vcov * np.outer(slope, slope)
        sign = np.array([1.0, -1.0])
        pairs = np.column_stack([at, base])
        limits = [
            intervals.mover_interval(
                sign, value[i], low[i], high[i], vcov[np.ix_(i, i)]
            )
            for i in pairs
        ]
        result._frame[["conf_low", "conf_high"]] = np.exp(limits) if log else limits
    compared = ("axis",) if from_one_way else tuple(reference)
    notes = result.notes
    if by_default:
        first_of = reference
        if from_one_way:
            first_of = {axis: row["level"] for axis, row in first.items()}
        notes += tuple(absence_notes(estimates.absent, first_of))
    return replace(result, by=tuple(by), compared=compared, notes=notes)


def require_levels(estimates: Any, verb: str) -> None:
    """Raise `EstimandError` unless these are levels or predictions, the only estimates that can be compared."""
    hint = f"Call {verb} on the result of cell_means or predictions."
    require_a(Estimates, estimates, hint)
    if estimates.kind != "level":
        raise EstimandError(
            f"Expected levels or predictions, got estimates of kind {estimates.kind!r}.",
            hint,
        )


def reference_levels(
    frame: pd.DataFrame, axes: Sequence[str], given: Any, fill: bool = False
) -> dict[str, Any]:
    """The level of reference of each axis named in `given`; of all axes, the first ones, without it or to `fill`."""
    if not isinstance(given, (Mapping, type(None))):
        raise EstimandError(
            f"`reference` maps axes to levels, got {given!r}.",
            'For example {"gender": "man"}.',
        )
    require_names("axis", given or {}, axes)
    for name, level in (given or {}).items():
        require_names(f"level of {name}", [level], frame[name].unique().tolist())
    first = {c: axis_levels(frame[c])[0] for c in axes} if given is None or fill else {}
    return first | dict(given or {})


def axis_levels(column: pd.Series) -> list:
    """Levels of an axis in order; the first is the reference."""
    return (
        list(column.cat.categories)
        if column.dtype == "category"
        else sorted(column.unique())
    )


def transform(p: Array, scale: str) -> tuple[Array, Array]:
    """The scale on which two probabilities are subtracted, and its derivative: p, log p, or log odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "difference":
            return p, np.ones_like(p)
        if scale == "ratio":
            return np.log(p), 1 / p
        return np.log(p / (1 - p)), 1 / (p * (1 - p))


# -- what is said of estimates ----------------------------------------------------------------------------------------


def _tested(estimates: Any, verb: str) -> tuple[Array, Array, Array]:
    """Value and standard error on the scale where no gap is 0, and which of the rows are logs there."""
    require_a(
        Estimates,
        estimates,
        f"Call {verb} on the result of comparisons, interactions or coefficients.",
    )
    if estimates.kind == "level":
        raise EstimandError(
            f"Levels are not tested, so {verb} has no meaning.",
            "Compare them with comparisons first.",
        )
    frame = estimates.frame
    log = (
        frame["measure"]
        if "measure" in frame
        else pd.Series([estimates.kind] * len(frame))
    ).isin(LOG_SCALES)
    value, se = frame["estimate"].to_numpy(float), frame["std_error"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.where(log, np.log(value), value),
            np.where(log, se / value, se),
            log.to_numpy(),
        )


def adjust(estimates: Estimates, method: str = "holm") -> Estimates:
    """P-values adjusted for the number of tests; intervals stay as they are, and the convention says so.

    Parameters
    ----------
    estimates : Estimates
        Gaps, measures of interaction or coefficients. All rows with a p-value are one family: choose them first.
    method : {"holm", "fdr_bh"}
        Holm (1979) bounds the probability of any false finding, Benjamini and Hochberg (1995) the share of false ones.

    Returns
    -------
    Estimates
        The same rows with other values of p_value; rows without one keep none.

    Raises
    ------
    UnknownNameError
        The method does not exist.
    EstimandError
        Levels, which are not tested; no p-values; or p-values that are adjusted already.

    Notes
    -----
    R: ``p.adjust(p, "holm" | "BH")``.
    """
    _tested(estimates, "adjust")
    require_names("method of adjustment", [method], ADJUSTMENTS)
    from statsmodels.stats.multitest import multipletests

    frame = estimates.frame
    known = frame["p_value"].notna()
    if not known.any() or "p adjusted" in estimates.convention:
        raise EstimandError(
            "Expected p-values that are not adjusted yet.",
            "Adjust once, from the result of a verb.",
        )
    frame.loc[known, "p_value"] = multipletests(
        frame.loc[known, "p_value"], method=method
    )[1]
    note = f"; p adjusted for {known.sum()} tests ({ADJUSTMENTS[method]}), intervals not adjusted"
    return replace(estimates, _frame=frame, convention=estimates.convention + note)


def joint_test(estimates: Estimates) -> TestResult:
    """Wald test that all these gaps are zero, ratios on the log scale.

    Parameters
    ----------
    estimates : Estimates
        From `comparisons` or `interactions`, each row once. For terms of a model there is `LogitFit.term_test`.

    Returns
    -------
    DataFrame
        As `LogitFit.term_test`, with the design df: `table` shows it. Where the rows are of several samples, the df
        follow from what each adds to the covariance (`variance.joint_df`).

    Raises
    ------
    DisclosureError
        A gap rests on too few people.
    EstimandError
        A row is undefined, or follows from the others.

    Notes
    -----
    R: ``svycontrast`` and the quadratic form of its covariance; Korn and Graubard (1990) for the adjusted F.
    """
    value, _, log = _tested(estimates, "joint_test")
    if "term" in estimates.by:
        raise EstimandError(
            "These are coefficients of a model.",
            "Use term_test of the fit, which knows their df.",
        )
    estimates.require_showable("This test")
    scale = np.where(log, estimates.frame["estimate"], 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        vcov = estimates.vcov / np.outer(scale, scale)
    if not intervals.independent(value, vcov):
        hint = "Leave out rows that are undefined or that follow from others, and keep one method of interaction."
        raise EstimandError(
            f"The {len(value)} rows are not all defined and independent of each other.",
            hint,
        )
    df = estimates.df
    if estimates.parts:
        df = joint_df(_scaled(estimates.parts, 1 / scale), vcov)
    test = intervals.wald_test(
        f"{len(value)} of kind {estimates.kind}", value, vcov, df, df
    )
    smallest = int(estimates.smallest.min())
    return replace(test, source=estimates.source, smallest=smallest)


def detectable(
    estimates: Estimates, power: float = 0.8, level: float = intervals.LEVEL
) -> Estimates:
    """What could have been found: a further column ``detectable`` beside each gap.

    Parameters
    ----------
    estimates : Estimates
        Gaps, measures of interaction or coefficients.
    power, level : float
        Probability of finding it, and level of the two-sided test.

    Returns
    -------
    Estimates
        ``detectable`` is (t of level + t of power) times the standard error: the smallest gap that a survey with these
        standard errors finds with that probability. For ratios it is the smallest above 1; below 1 it is its inverse.
    """
    _, se, log = _tested(estimates, "detectable")
    df = estimates.frame["df"].to_numpy(float)
    size = intervals.detectable_size(se, df, power, level)
    frame = estimates.frame.assign(detectable=np.where(log, np.exp(size), size))
    return replace(
        estimates,
        _frame=frame,
        convention=f"{estimates.convention}; detectable with power {power:g}",
    )


def reliability(estimates: Estimates) -> Estimates:
    """Which proportions are precise enough to be shown, by the rules of the US National Center for Health Statistics.

    Parameters
    ----------
    estimates : Estimates
        Levels or predictions.

    Returns
    -------
    Estimates
        With a further column ``reliability``, "show" or what speaks against it, and a note that names such rows.
        Suppressed: fewer than 30 effective people; a Korn-Graubard interval of 0.30 or wider; one wider than 1.3 times
        the proportion, unless it is 0.05 wide or less. To be reviewed: proportions of 0 or 1, fewer than 8 df.

    Notes
    -----
    Parker et al. (2017), *Vital and Health Statistics* 2(175). R: ``surveytable`` (``R/z_lpe.R``). The effective sample
    size is at most the number of people.
    """
    require_levels(estimates, "reliability")
    frame = estimates.frame
    p, se, df, n = (
        frame[c].to_numpy(float) for c in ("estimate", "std_error", "df", "n")
    )
    flag = intervals.nchs_flag(p, se, df, n)
    named = "; ".join(
        f"{r} ({f})"
        for r, f in zip(estimates.row_labels, flag, strict=True)
        if f != "show"
    )
    notes = (
        (f"Reliability by NCHS standards (Parker et al. 2017): {named}.",)
        if named
        else ()
    )
    return replace(
        estimates, _frame=frame.assign(reliability=flag), notes=estimates.notes + notes
    )
