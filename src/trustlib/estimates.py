"""The one result type, and the verbs that make it: levels, model predictions, gaps between them.

Every number that can reach a page is a row of `Estimates`, which carries the covariance of its rows. Arithmetic on
estimates happens in the verbs here (and in `trustlib.interaction`), with their covariance, never on columns of a frame.
Probabilities are on the scale 0 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import SUMS, Cells, describe
from trustlib.disclosure import require_showable
from trustlib.errors import DisclosureError, EstimandError, axis_names, require_a, require_names
from trustlib.logit import LogitFit
from trustlib.variance import Array, ReplicateScatter, replicate_covariance

COLUMNS = ("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "df", "n", "n_eff")
LEVEL = 0.95
MAX_ROWS = 2_000  # each row carries its covariance with all others


@dataclass(frozen=True, eq=False, repr=False)
class Estimates:
    """Estimates with their covariance, their convention and the people behind them.

    Attributes
    ----------
    frame : DataFrame (m rows)
        The by-columns, then estimate, std_error, conf_low, conf_high (95 %), statistic, p_value (two-sided), df, n
        (people), n_eff (for levels: p(1-p)/SE^2, the simple random sample with the same standard error). A copy: for
        the analyst, not for publication.
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

    def where(self, condition: str | Array) -> Estimates:
        """Some of the rows, with their covariance. `condition` is a query of the frame or a boolean array."""
        columns = f"The columns are {', '.join(self._frame)}."
        try:
            mask = np.asarray(self._frame.eval(condition) if isinstance(condition, str) else condition)
        except Exception as error:  # pandas.eval raises many kinds
            raise EstimandError(f"The condition {condition!r} cannot be evaluated.", columns) from error
        if mask.dtype != bool or mask.shape != (len(self),):
            raise EstimandError(
                f"A condition is one True or False for each of {len(self)} rows; got {mask.dtype}.",
                f"Compare a column with a value. {columns}",
            )
        return replace(
            self,
            _frame=self._frame[mask].reset_index(drop=True),
            vcov=self.vcov[np.ix_(mask, mask)],
            smallest=self.smallest[mask],
        )

    def __repr__(self) -> str:
        return f"{self.kind} of {self.outcome} ({self.convention})\n" + self._shown(lambda f: f.to_string(index=False))

    def _repr_html_(self) -> str:
        return self._shown(lambda f: f.to_html(index=False, border=0, na_rep="") + f"<p>{self.convention}</p>")

    def _shown(self, form: Callable[[pd.DataFrame], str]) -> str:
        """The rounded frame in some form, or the refusal of the gate."""
        try:
            self.require_showable()
        except DisclosureError as error:
            return str(error)
        return form(self._frame.round({c: 4 for c in COLUMNS if c not in ("n", "df")}))


# -- intervals and tests ----------------------------------------------------------------------------------------------


def t_quantile(df: float | Array, level: float = LEVEL) -> Any:
    """Two-sided Student quantile; NaN without degrees of freedom."""
    from scipy.special import ndtri, stdtrit

    df = np.asarray(df, dtype=float)
    finite = stdtrit(np.where(df > 0, np.where(np.isinf(df), 1.0, df), np.nan), (1 + level) / 2)
    return np.where(np.isinf(df), ndtri((1 + level) / 2), finite)


def two_sided_p(statistic: Array, df: float) -> Array:
    """Two-sided p-value of a t statistic."""
    from scipy.special import ndtr, stdtr

    size = -np.abs(np.asarray(statistic, dtype=float))
    return 2 * (ndtr(size) if np.isinf(df) else stdtr(df if df > 0 else np.nan, size))


def wald_interval(estimate: Array, se: Array, df: float) -> tuple[Array, Array]:
    """Estimate -/+ t SE (R: ``svyciprop(method = "mean")``, ``confint``)."""
    margin = t_quantile(df) * se
    return estimate - margin, estimate + margin


def logit_interval(p: Array, se: Array, df: float) -> tuple[Array, Array]:
    """expit(logit p -/+ t SE / (p (1-p))) (R: ``svyciprop(method = "logit")``); NaN for p of 0 or 1."""
    from scipy.special import expit, logit

    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    low, high = wald_interval(logit(safe), se / (safe * (1 - safe)), df)
    return np.where(inside, expit(low), np.nan), np.where(inside, expit(high), np.nan)


INTERVALS = {"logit": logit_interval, "wald": wald_interval}


def _levels(
    axes: pd.DataFrame, p: Array, vcov: Array, counts: pd.DataFrame, cells: Cells, interval: str, note: str
) -> Estimates:
    """Proportions or predicted probabilities as `Estimates`."""
    require_names("interval", [interval], INTERVALS)
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    low, high = INTERVALS[interval](p, se, cells.df)
    with np.errstate(divide="ignore", invalid="ignore"):
        n_eff = np.where(se > 0, p * (1 - p) / se**2, np.nan)
    convention = f"{cells.variance}; t with {cells.df:g} df (design); {interval} interval{note}"
    values = (p, se, low, high, np.nan, np.nan, cells.df, counts["n"].to_numpy(), n_eff)
    return _estimates(cells, _filled(axes, values), vcov, "level", convention, counts["smallest"].to_numpy(), cells.df)


def _filled(axes: pd.DataFrame, values: Sequence[Any]) -> pd.DataFrame:
    """The identifying columns, followed by the columns of every result."""
    return axes.reset_index(drop=True).assign(**dict(zip(COLUMNS, values, strict=True)))


def _estimates(
    cells: Cells, frame: pd.DataFrame, vcov: Array, kind: str, convention: str, smallest: np.ndarray, df: float
) -> Estimates:
    """Estimates from cells; the identifying columns stand before those of every result."""
    by = tuple(c for c in frame if c not in COLUMNS)
    return Estimates(frame, vcov, kind, by, convention, cells.outcome, smallest, df, cells.source, cells.labels)


def cell_means(cells: Cells, by: Sequence[str] | None = None, interval: str = "logit") -> Estimates:
    r"""Weighted proportions with the outcome, :math:`\hat p_g = \sum_{c\in g} Y_c / \sum_{c\in g} W_c`.

    Parameters
    ----------
    cells : Cells
    by : sequence of str, optional
        Some of the cells' axes; by default all of them; ``[]`` for everyone together.
    interval : {"logit", "wald"}
        Symmetric on the logit scale (always inside 0 to 1), or on the scale of the proportion.

    Returns
    -------
    Estimates
        One row per observed combination of levels. SEs by linearisation of the ratio, or from the replicates.

    Notes
    -----
    R: ``svyby(~y, ~gender + ethnicity, design, svymean, covmat = TRUE)`` and
    ``svyciprop(~y, design, method = "logit" | "mean", df = degf(design))``.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    by = axis_names(cells.by if by is None else by, cells.by)
    axes, group = _groups(cells.frame, by)
    return _means(cells, axes, _member(group), cells.counts(by), interval)


def _member(group: np.ndarray) -> Array:
    """Membership (g, C) of cells in groups."""
    groups = int(group.max()) + 1
    if groups > MAX_ROWS:
        raise EstimandError(
            f"The axes make {groups:,} groups; at most {MAX_ROWS:,} are estimated together.",
            "Use fewer axes, or band one.",
        )
    member = np.zeros((groups, len(group)))
    member[group, np.arange(len(group))] = 1
    return member


def _means(cells: Cells, axes: pd.DataFrame, member: Array, counts: pd.DataFrame, interval: str) -> Estimates:
    """Weighted proportions of sets of cells, given as a membership matrix (g, C)."""
    total = member @ cells.frame["sum_w"].to_numpy(float)
    p = member @ cells.frame["sum_wy"].to_numpy(float) / total
    if isinstance(cells.scatter, ReplicateScatter):
        totals = cells.scatter.totals
        with np.errstate(divide="ignore", invalid="ignore"):
            replicates = (totals[:, len(cells) :] @ member.T) / (totals[:, : len(cells)] @ member.T)
        vcov = replicate_covariance(replicates, p, cells.scatter.scale, cells.scatter.mse)
    else:
        vcov = cells.scatter.covariance(np.hstack([-member * (p / total)[:, None], member / total[:, None]]))
    return _levels(axes, p, vcov, counts, cells, interval, "")


def one_way(source: Cells | LogitFit, axes: Sequence[str] | None = None, interval: str = "logit") -> Estimates:
    """Levels of several axes, one axis after the other, in one result with their joint covariance.

    Parameters
    ----------
    source : Cells or LogitFit
        Cells give proportions as answered; a model gives predictive margins: everyone's axis set to each of its
        levels, the other axes of the model as they are.
    axes : sequence of str, optional
        By default all axes of the cells.
    interval : {"logit", "wald"}

    Returns
    -------
    Estimates
        Columns ``axis`` and ``level`` identify a row.

    Notes
    -----
    R: ``svyby(~y, ~axis, design, svymean)`` for each axis; ``marginaleffects::avg_predictions(fit, variables = axis)``.
    """
    require_a((Cells, LogitFit), source, "Give Cells or the result of fit_logit.")
    cells = source if isinstance(source, Cells) else source.cells
    axes = axis_names(cells.by if axes is None else axes, cells.by)
    if not axes:
        raise EstimandError("Expected at least one axis.", f"The cells have {', '.join(cells.by) or 'none'}.")
    levels = {axis: _groups(cells.frame, [axis]) for axis in axes}
    counts = pd.concat([cells.counts([axis])[["n", "smallest"]] for axis in axes], ignore_index=True)
    settings = [{axis: level} for axis, (frame, _) in levels.items() for level in frame[axis]]
    named = pd.DataFrame([(axis, str(level)) for s in settings for axis, level in s.items()], columns=["axis", "level"])
    if isinstance(source, Cells):
        return _means(cells, named, np.vstack([_member(group) for _, group in levels.values()]), counts, interval)
    return _margins(source, named, settings, counts, interval)


def _groups(frame: pd.DataFrame, by: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The observed combinations of `by`, sorted by level, and the combination of each row."""
    if not by:
        return pd.DataFrame(index=range(1)), np.zeros(len(frame), dtype=int)
    group = frame.groupby(by, observed=True, sort=True).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    return frame[by].iloc[first].reset_index(drop=True), group


def predictions(
    fit: LogitFit,
    by: Sequence[str] = (),
    at: Mapping[str, Any] | None = None,
    covariates: str = "fixed",
    interval: str = "logit",
) -> Estimates:
    r"""Average predicted probabilities: everyone's `by` set to each combination of levels, the rest as it is.

    .. math:: \hat p_g = \sum_c W_c\,\mathrm{expit}(x_c(g)'\hat\beta)\Big/\sum_c W_c,\qquad V = J V_\beta J'

    Parameters
    ----------
    fit : LogitFit
    by : sequence of str
        Axes to set (predictive margins, standardised over the other axes). Combinations that nobody has are left out.
    at : mapping, optional
        Further axes to set for everyone, to one value or to several: ``{"age_band": "65+"}``, ``{"meals": [20, 50]}``.
    covariates : {"fixed"}
        The distribution of the other axes is taken as known, as Stata's ``margins`` and marginaleffects do.
    interval : {"logit", "wald"}

    Returns
    -------
    Estimates
        Delta-method standard errors; t with the design df, as Stata (R's ``svyglm`` would use `fit.df`).

    Notes
    -----
    R: ``marginaleffects::avg_predictions(fit, variables = by, wts = weights(fit))``.
    Stata: ``margins gender#ethnicity``.
    """
    require_a(LogitFit, fit, "Make it with fit_logit(cells, formula).")
    cells = fit.cells
    by = axis_names(by, cells.by)
    at = _settings(cells.frame, at)
    require_names("treatment of covariates", [covariates], ("fixed",))
    if both := [c for c in by if c in at]:
        raise EstimandError(f"{both[0]!r} is in both `by` and `at`.", "Set each axis in one of them.")
    observed, _ = _groups(cells.frame, by)
    everyone = observed.assign(**cells.counts(by)[["n", "smallest"]])
    grid = everyone.merge(pd.DataFrame(product(*at.values()), columns=list(at)), how="cross") if at else everyone
    for name in at:
        grid[name] = _like(cells.frame[name], grid[name].tolist())
    axes = grid[[*by, *at]]
    return _margins(fit, axes, axes.to_dict("records"), grid[["n", "smallest"]], interval)


def _margins(
    fit: LogitFit, axes: pd.DataFrame, settings: list[dict[str, Any]], counts: pd.DataFrame, interval: str
) -> Estimates:
    """Average predictions with everyone's axes set to each of `settings`, and their delta-method covariance."""
    cells = fit.cells
    if len(settings) > MAX_ROWS:
        raise EstimandError(
            f"{len(settings):,} predictions were asked for; at most {MAX_ROWS:,} are made together.",
            "Use fewer axes, or set a few values with `at`.",
        )
    p, jacobian = np.empty(len(settings)), np.empty((len(settings), len(fit.coef)))
    averaged: dict[tuple[str, ...], tuple[pd.DataFrame, Array]] = {}
    for i, setting in enumerate(settings):
        others = tuple(c for c in cells.by if c not in setting)
        if others not in averaged:
            rest, group = _groups(cells.frame, list(others))
            averaged[others] = rest, np.bincount(group, weights=cells.frame["sum_w"] / cells.frame["sum_w"].sum())
        rest, share = averaged[others]
        fixed = {c: _like(cells.frame[c], [level] * len(rest)) for c, level in setting.items()}
        mu, x = fit.probabilities(rest.assign(**fixed))
        p[i] = share @ mu
        jacobian[i] = (share * mu * (1 - mu)) @ x
    counts = counts.assign(smallest=np.minimum(counts["smallest"], _smallest_in_model(fit)))
    over = ", ".join(next(iter(averaged))) if len(averaged) == 1 else "the other axes"
    note = f"; model: {fit.formula}" + (f"; averaged over {over}, taken as fixed" if over else "")
    return _levels(axes, p, jacobian @ fit.vcov.to_numpy() @ jacobian.T, counts, cells, interval, note)


def _settings(frame: pd.DataFrame, at: Mapping[str, Any] | None) -> dict[str, list]:
    """The values of `at`, each axis with a list of levels or of finite numbers."""
    if not isinstance(at, (Mapping, type(None))):
        raise EstimandError(f"`at` maps axes to values, got {at!r}.", 'For example at={"age_band": "65+"}.')
    require_names("axis", at or {}, [c for c in frame if c not in SUMS])
    out = {k: list(v) if isinstance(v, (list, tuple, np.ndarray, pd.Series)) else [v] for k, v in (at or {}).items()}
    for name, values in out.items():
        if frame[name].dtype == "category":
            require_names(f"level of {name}", values, frame[name].cat.categories)
        elif not all(isinstance(v, (int, float, np.number)) and np.isfinite(v) for v in values):
            raise EstimandError(f"The axis {name!r} is a number, `at` sets it to {values}.", "Give finite numbers.")
        if not values or len(set(values)) < len(values):
            raise EstimandError(f"`at` gives {name!r} no value, or one value twice: {values}.", "Give each value once.")
    return out


def _like(column: pd.Series, values: list) -> Any:
    """Values as a column of the same kind as an axis."""
    if column.dtype == "category":
        return pd.Categorical(values, categories=column.cat.categories)
    return np.array(values, float)


def _smallest_in_model(fit: LogitFit) -> int:
    """Smallest count in the identity cells of the model's terms: a coefficient reveals its cell as a count does."""
    categories = [c for c in fit.cells.by if fit.cells.frame[c].dtype == "category"]
    smallest = int(fit.cells.counts([])["smallest"].iloc[0])
    for term in fit.spec.term_indices:
        axes = [c for c in categories if c in {str(v) for v in fit.spec.term_variables[term]}]
        if axes:
            smallest = min(smallest, int(fit.cells.counts(axes)["smallest"].min()))
    return smallest


def coefficients(fit: LogitFit, scale: str = "log_odds") -> Estimates:
    """The coefficients of a model as `Estimates`, so that they too pass the gate and carry their convention.

    Parameters
    ----------
    fit : LogitFit
    scale : {"log_odds", "odds_ratio"}
        Odds ratios have intervals exponentiated from the log scale; their SE is by the delta method.

    Notes
    -----
    R: ``summary(svyglm(...))``, ``exp(confint(...))``; t with design df - (p - 1).
    """
    require_a(LogitFit, fit, "Make it with fit_logit(cells, formula).")
    require_names("scale", [scale], ("log_odds", "odds_ratio"))
    ratio = scale == "odds_ratio"
    axes = pd.DataFrame({"term": fit.coef.index})
    size, n = len(axes), int(fit.cells.frame["n"].sum())
    note = f"{fit.cells.variance}; t with {fit.df:g} df (design df - (p - 1)); model: {fit.formula}"
    smallest = np.full(size, _smallest_in_model(fit))
    terms = _estimates(fit.cells, axes, fit.vcov.to_numpy(), "coefficient", note, smallest, fit.df)
    kind = "odds_ratio" if ratio else "coefficient"
    return contrast(terms, axes, fit.coef.to_numpy(), np.eye(size), np.full(size, n), kind=kind, log=ratio)


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
    """
    log = np.broadcast_to(np.asarray(log), value.shape)
    vcov = jacobian @ origin.vcov @ jacobian.T
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    low, high = wald_interval(value, se, origin.df)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        statistic = value / se
        factor = np.where(log, np.exp(value), 1.0)
        estimate, low, high = (np.where(log, np.exp(v), v) for v in (value, low, high))
    p = two_sided_p(statistic, origin.df)
    return replace(
        origin,
        _frame=_filled(axes, (estimate, se * factor, low, high, statistic, p, origin.df, n, np.nan)),
        vcov=vcov * np.outer(factor, factor),
        kind=kind,
        by=tuple(axes.columns),
        smallest=origin.smallest if smallest is None else smallest,
        convention=re.sub("; (logit|wald) interval", "", origin.convention) + note,
    )


SCALES = ("difference", "ratio", "odds_ratio")


def comparisons(
    estimates: Estimates, reference: Mapping[str, Any] | None = None, scale: str = "difference"
) -> Estimates:
    """Gaps: each level or prediction against the one of a reference group.

    Parameters
    ----------
    estimates : Estimates
        Of kind level, from `cell_means` or `predictions`.
    reference : mapping, optional
        ``{"gender": "man", "ethnicity": "majority"}``. Axes that are not named are held: each row is compared with
        the row that differs only in the named axes. By default the first level of every axis.
    scale : {"difference", "ratio", "odds_ratio"}
        Differences have Wald intervals; ratios have intervals symmetric on the log scale and are tested against 1.

    Returns
    -------
    Estimates
        One row for each row that is not itself a reference; column ``reference`` names what it is compared with;
        n counts both groups.

    Notes
    -----
    R: ``svycontrast(svyby(..., covmat = TRUE), ...)``. The covariance between the two estimates is used.
    """
    require_levels(estimates, "comparisons")
    require_names("scale", [scale], SCALES)
    frame = estimates.frame
    by = list(estimates.by)
    if not isinstance(reference, (Mapping, type(None))):
        raise EstimandError(f"`reference` maps axes to levels, got {reference!r}.", 'For example {"gender": "man"}.')
    reference = {c: axis_levels(frame[c])[0] for c in by} if reference is None else dict(reference)
    if not reference:
        raise EstimandError("There is one group only, so there is no gap.", "Ask for levels `by` some axis.")
    require_names("axis", reference, by)
    for name, level in reference.items():
        require_names(f"level of {name}", [level], frame[name].unique().tolist())
    keys = frame[by].astype(object)
    rows = {tuple(k): i for i, k in enumerate(keys.to_numpy())}
    wanted = keys.assign(**reference)
    base = np.array([rows.get(tuple(k), -1) for k in wanted.to_numpy()])
    if (base < 0).any():
        lacking = describe(wanted[base < 0].iloc[0], by)
        raise EstimandError(f"Nobody is in the reference group {lacking}.", "Choose a reference that occurs.")
    at = np.flatnonzero(base != np.arange(len(frame)))
    if not len(at):
        raise EstimandError("There is one group only, so there is no gap.", "Use an axis with two or more levels.")
    base = base[at]
    p = frame["estimate"].to_numpy(float)
    value, slope = transform(p, scale)
    jacobian = np.zeros((len(at), len(frame)))
    jacobian[np.arange(len(at)), at] = slope[at]
    jacobian[np.arange(len(at)), base] -= slope[base]
    axes = frame[by].iloc[at].reset_index(drop=True)
    axes["reference"] = [", ".join(str(frame[c].iloc[b]) for c in reference) for b in base]
    n = frame["n"].to_numpy()
    result = contrast(
        estimates,
        axes,
        value[at] - value[base],
        jacobian,
        n[at] + n[base],
        kind=scale,
        log=scale != "difference",
        smallest=np.minimum(estimates.smallest[at], estimates.smallest[base]),
        note="; Wald interval" if scale == "difference" else "; interval on the log scale",
    )
    return replace(result, by=tuple(by))


def require_levels(estimates: Any, verb: str) -> None:
    """Raise `EstimandError` unless these are levels or predictions, the only estimates that can be compared."""
    hint = f"Call {verb} on the result of cell_means or predictions."
    require_a(Estimates, estimates, hint)
    if estimates.kind != "level":
        raise EstimandError(f"Expected levels or predictions, got estimates of kind {estimates.kind!r}.", hint)


def axis_levels(column: pd.Series) -> list:
    """Levels of an axis in order; the first is the reference."""
    return list(column.cat.categories) if column.dtype == "category" else sorted(column.unique())


def transform(p: Array, scale: str) -> tuple[Array, Array]:
    """The scale on which two probabilities are subtracted, and its derivative: p, log p, or log odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "difference":
            return p, np.ones_like(p)
        if scale == "ratio":
            return np.log(p), 1 / p
        return np.log(p / (1 - p)), 1 / (p * (1 - p))
