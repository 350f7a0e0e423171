"""What a model says: average predicted probabilities, and its coefficients, as `Estimates`.

A prediction is made for everyone, with some axes set to a level (a *setting*) and the
others as they are, and averaged over the people: a predictive margin. `counterfactuals`
is the one place where rows of a design matrix are made for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

import numpy as np
import pandas as pd

from trustlib.cells import SUMS, Cells
from trustlib.errors import (
    EstimandError,
    axis_names,
    is_number,
    listed,
    require_a,
    require_names,
)
from trustlib.estimates import (
    MAX_ROWS,
    Estimates,
    People,
    contrast,
    estimates_of_cells,
    level_estimates,
)
from trustlib.grouping import group_codes
from trustlib.logit import LogitFit
from trustlib.masking import require_levels_of
from trustlib.newton import expit, influence
from trustlib.stratified import sum_by
from trustlib.variance import (
    Array,
    Codes,
    Part,
    ReplicateScatter,
    Spread,
    replicate_covariance,
    welch_df,
)

MAX_BATCH = 500_000  # rows of the design matrix at a time
NO_FIT = "Make it with fit_logit(cells, formula)."


def predictions(
    fit: LogitFit,
    by: Sequence[str] = (),
    at: Mapping[str, Any] | None = None,
    covariates: str = "fixed",
    interval: str = "logit",
) -> Estimates:
    r"""Average predicted probabilities: everyone's `by` set to each combination of levels, the rest as it is.

    .. math:: \hat p_g=\sum_c W_c\,\mu_c(g)\Big/\sum_c W_c,\quad
              \mu_c(g)=\mathrm{expit}(x_c(g)'\hat\beta),\quad V=JV_\beta J'

    Parameters
    ----------
    fit : LogitFit
    by : sequence of str
        Axes to set (predictive margins, standardised over the other axes). Combinations
        that nobody has are left out.
    at : mapping, optional
        Further axes to set for everyone, to one value or to several: ``{"age_band":
        "65+"}``, ``{"meals": [20, 50]}``. A number that the formula uses as a factor, as
        in ``C(meals)``, is set to values that occur.
    covariates : {"fixed", "sampled"}
        Whether the distribution of the other axes is taken as known, as Stata's
        ``margins`` and marginaleffects do, or as estimated from the same sample, as
        Stata's ``vce(unconditional)``.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}

    Returns
    -------
    Estimates
        Delta-method standard errors; t with the design df, as Stata (R's ``svyglm`` would
        use `fit.df`).

    Raises
    ------
    UnknownNameError
        An axis, a level, an interval or a treatment of covariates does not exist.
    EstimandError
        An axis is in both `by` and `at`; `at` has no value, one twice, or one for which a
        term of the model is not defined; there are more than 2,000 predictions.

    Notes
    -----
    With sampled covariates the variance is that of the sum over cells of

    .. math:: J\,I^{-1}x_c\,(Y_c-\mu_cW_c)+W_c\,(\mu_c(g)-\hat p_g)\Big/\textstyle\sum_c W_c

    under the design, or of refits with refitted weights in each replicate. R's
    ``survey::svypredmeans`` adds the two variances and leaves out their covariance; for a
    model with an intercept and nobody's axis set, only the full expression equals the
    variance of the proportion itself.

    R: ``marginaleffects::avg_predictions(fit, variables = by, wts = weights(fit))``.
    Stata: ``margins gender#ethnicity``, and with sampled covariates ``margins
    gender#ethnicity, vce(unconditional)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "age": [30, 60] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group", "age"])
    >>> fit = tl.fit_logit(cells, "group + age")
    >>> shown = ["group", "estimate", "std_error"]
    >>> predictions(fit, ["group"]).frame[shown].round(4).values.tolist()
    [['a', 0.25, 0.0689], ['b', 0.5, 0.0796]]
    """
    require_a(LogitFit, fit, NO_FIT)
    cells = fit.cells
    by = axis_names(by, cells.by)
    values = _values_at(cells.frame, at)
    require_names("treatment of covariates", [covariates], ("fixed", "sampled"))
    for axis in by:
        if axis in values:
            raise EstimandError(
                f"{axis!r} is in both `by` and `at`.", "Set each axis in one of them."
            )
    everyone = cells.counts(by)
    grid = everyone
    if values:
        every = product(*values.values())
        settings = pd.DataFrame(every, columns=list(values))
        grid = everyone.merge(settings, how="cross")
    axes = grid[[*by, *values]].astype(_types(cells, values))
    of_rows = axes.to_dict("records")
    sampled = covariates == "sampled"
    made = average_predictions(fit, axes, of_rows, grid, interval, sampled)
    groups = np.eye(len(everyone), dtype=bool)
    times = len(grid) // len(everyone)  # the same people at each value of `at`
    member = np.repeat(groups, times, axis=0)
    people = People(member, everyone["n"].to_numpy())
    return replace(made, _people=people)


def _types(cells: Cells, axes: Iterable[str]) -> dict[str, Any]:
    """The types that some axes have in the cells."""
    return {axis: cells.frame[axis].dtype for axis in axes}


def _values_at(frame: pd.DataFrame, at: Mapping[str, Any] | None) -> dict[str, list]:
    """The values of `at`, each axis with a list of levels or of finite numbers."""
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise EstimandError(
            f"`at` maps axes to values, got {at!r}.",
            'For example at={"age_band": "65+"}.',
        )
    require_names("axis", at, [c for c in frame if c not in SUMS])
    values = {}
    for axis, given in at.items():
        values[axis] = _values_of(frame[axis], axis, given, frame["n"])
    return values


def _values_of(column: pd.Series, axis: str, given: Any, people: pd.Series) -> list:
    """The values that an axis is set to, each of which it can have."""
    values = listed(given)
    if column.dtype == "category":
        require_levels_of(f"level of {axis}", values, column, people)
    elif not all(map(_is_finite, values)):
        raise EstimandError(
            f"The axis {axis!r} is a number, `at` sets it to {values}.",
            "Give finite numbers.",
        )
    if not values or len(set(values)) < len(values):
        raise EstimandError(
            f"`at` gives {axis!r} no value, or one value twice: {values}.",
            "Give each value once.",
        )
    if isinstance(given, Set):
        values.sort()
    return values


def _is_finite(value: Any) -> bool:
    """Whether this is a number that an axis can be set to."""
    return is_number(value) and bool(np.isfinite(value))


def average_predictions(
    fit: LogitFit,
    axes: pd.DataFrame,
    settings: list[dict],
    counts: pd.DataFrame,
    interval: str,
    sampled: bool = False,
) -> Estimates:
    """Average predictions with everyone's axes set to each of `settings`, and their covariance.

    Parameters
    ----------
    fit : LogitFit
    axes : DataFrame (m rows)
        The identifying columns of the result.
    settings : list of dict (m)
        Axis -> level that everyone has in it.
    counts : DataFrame (m rows)
        Columns n and smallest: the people who have these levels.
    interval : str
        One of `trustlib.intervals.INTERVALS`.
    sampled : bool
        Whether the distribution of the other axes is estimated too; see `predictions`.

    Returns
    -------
    Estimates
        Of kind level.

    Raises
    ------
    EstimandError
        There are more than 2,000 predictions.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> fit = tl.fit_logit(cells, "group")
    >>> axes = pd.DataFrame({"all": ["b"]})
    >>> half = cells.counts([])
    >>> made = average_predictions(fit, axes, [{"group": "b"}], half, "logit")
    >>> made.frame[["all", "estimate"]].round(4).values.tolist()
    [['b', 0.5]]
    """
    if len(settings) > MAX_ROWS:
        raise EstimandError(
            f"{len(settings):,} predictions were asked for; at most {MAX_ROWS:,} are "
            "made together.",
            "Use fewer axes, or set a few values with `at`.",
        )
    averages = _averages(fit, settings, sampled)
    spread = _spread(fit, averages)
    smallest = np.minimum(counts["smallest"], fit.smallest)
    counts = counts.assign(smallest=smallest)
    note = _standardised(fit, settings, sampled)
    p = averages.p
    return level_estimates(fit.cells, axes, p, spread, counts, interval, note)


def _standardised(fit: LogitFit, settings: list[dict], sampled: bool) -> str:
    """What the convention says: the model, and over what its predictions are averaged."""
    over = "the other axes"
    if len({frozenset(setting) for setting in settings}) == 1:
        held = [axis for axis in fit.cells.by if axis not in settings[0]]
        over = ", ".join(held) or "no other axis"
    covariates = "as sampled" if sampled else "taken as fixed"
    how = f"marginal (standardised over {over}, {covariates})"
    return f"; model: {fit.formula}; {how}"


@dataclass(frozen=True, eq=False)
class _Averages:
    """Average predictions, and what their variance is made of.

    Attributes
    ----------
    p : array (m,)
    jacobian : array (m, P)
        Derivatives by the coefficients.
    by_people : array (m, C), optional
        Derivatives by the people of each cell, coefficients held: where the other axes
        are as sampled.
    replicates : ReplicateScatter, optional
        The averages under each set of replicate weights, in place of totals.
    """

    p: Array
    jacobian: Array
    by_people: Array | None
    replicates: ReplicateScatter | None


def _averages(fit: LogitFit, settings: list[dict], sampled: bool) -> _Averages:
    """Predictions averaged over the people, and where there are replicates in each of them."""
    weight = fit.cells.frame["sum_w"].to_numpy(float)
    share_of_cell = weight / weight.sum()
    size = len(settings)
    p = np.empty(size)
    jacobian = np.empty((size, len(fit.coef)))
    by_people = np.zeros((size, len(weight))) if sampled else None
    refits = _refits(fit, sampled)
    in_replicates = []
    for i, one in enumerate(counterfactuals(fit, settings)):
        mu = one.mu
        share = one.summed(share_of_cell)
        p[i] = share @ mu
        jacobian[i] = (share * mu * (1 - mu)) @ one.x
        if by_people is not None:
            by_people[i] = (mu[one.group] - p[i]) / weight.sum()
        if refits is not None:
            in_replicates.append(refits.averages(one, share))
    replicates = None
    if refits is not None:
        totals = np.column_stack(in_replicates)
        replicates = replace(refits.scatter, totals=totals, estimate=p)
    return _Averages(p, jacobian, by_people, replicates)


def _spread(fit: LogitFit, averages: _Averages) -> Spread:
    """How average predictions vary: by the delta method, in replicates, or linearised."""
    jacobian = averages.jacobian
    replicates = averages.replicates
    by_people = averages.by_people
    if by_people is None:
        vcov = jacobian @ fit.vcov.to_numpy() @ jacobian.T
        parts = tuple(part.moved(jacobian) for part in fit.parts)
        return Spread(vcov, parts, replicates)
    if replicates is not None:
        vcov = replicate_covariance(
            replicates.totals, averages.p, replicates.scale, replicates.mse
        )
        return Spread(vcov, replicates=replicates)
    cells = fit.cells
    weight = cells.frame["sum_w"].to_numpy(float)
    by_totals = jacobian @ influence(fit.x, weight, fit.coef.to_numpy())
    by_totals[:, : len(cells)] += by_people
    vcov = cells.scatter.covariance(by_totals)
    return Spread(vcov, cells.scatter.parts(by_totals))


@dataclass(frozen=True, eq=False)
class _Refits:
    """The model refitted under each set of replicate weights.

    Attributes
    ----------
    scatter : ReplicateScatter
    coef : array (R, P)
    people : array (R, C), optional
        People of each cell, where the other axes are as sampled.
    """

    scatter: ReplicateScatter
    coef: Array
    people: Array | None

    def averages(self, one: Counterfactual, share: Array) -> Array:
        """The average (R,) of one prediction over the people (G,) of its combinations."""
        if self.people is not None:
            share = sum_by(self.people.T, one.group, len(one.mu)).T
        mu = expit(self.coef @ one.x.T)
        events = share * mu
        return events.sum(axis=1) / share.sum(axis=-1)


def _refits(fit: LogitFit, sampled: bool) -> _Refits | None:
    """The refits of a model, which only replicate weights have."""
    if fit.replicates is None:
        return None
    scatter = cast(ReplicateScatter, fit.cells.scatter)
    people = scatter.totals[:, : len(fit.cells)] if sampled else None
    return _Refits(scatter, fit.replicates, people)


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Everyone's axes set to one setting, predicted for each combination of the other axes.

    Attributes
    ----------
    group : int array (C,)
        The combination of the other axes that each cell has.
    mu : array (G,)
        Predicted probability of each combination.
    x : array (G, P)
        The rows of the design matrix behind them.

    Examples
    --------
    >>> import numpy as np
    >>> one = Counterfactual(np.array([0, 1, 1]), np.array([0.2, 0.4]), np.eye(2))
    >>> one.summed(np.array([10.0, 20.0, 30.0])).tolist()
    [10.0, 50.0]
    """

    group: Codes
    mu: Array
    x: Array

    def summed(self, weight: Array) -> Array:
        """Weights of cells (C,) summed into the combinations (G,)."""
        return np.bincount(self.group, weights=weight)


@dataclass(frozen=True, eq=False)
class _CodedAxes:
    """The axes of cells as numbered levels, those that are set to included.

    Attributes
    ----------
    columns : dict
        Axis -> its levels in each cell, a category.
    kinds : dict
        Axis -> its type in the cells.
    codes : int array (axes, C)
        Number of each level.
    number : dict
        Axis -> level -> its number.
    groups : dict
        Names of axes -> the combination of them that each cell has (C,), and a cell of
        each combination (G,).
    """

    columns: dict[str, pd.Categorical]
    kinds: dict[str, Any]
    codes: Codes
    number: dict[str, dict[Any, int]]
    groups: dict[tuple[str, ...], tuple[Codes, Codes]]

    def others(self, setting: dict) -> tuple[str, ...]:
        """The axes that a setting leaves as they are."""
        return tuple(axis for axis in self.columns if axis not in setting)

    def set_to(self, setting: dict) -> Codes:
        """The combinations (axes, G) of the other axes, with the axes of a setting set."""
        _, cell = self.groups[self.others(setting)]
        codes = self.codes[:, cell]
        for place, axis in enumerate(self.columns):
            if axis in setting:
                codes[place] = self.number[axis][setting[axis]]
        return codes

    def grouped(self, codes: Codes, axes: Iterable[str]) -> tuple[Codes, Codes]:
        """The combinations of some axes in numbered levels (axes, rows), as `group_rows`."""
        numbered = zip(codes, self.columns.items(), strict=True)
        chosen = (
            (number, len(column.categories))
            for number, (axis, column) in numbered
            if axis in axes
        )
        return group_codes(chosen, codes.shape[1], sort=True)

    def decoded(self, codes: Codes) -> pd.DataFrame:
        """Numbered levels (axes, rows) as a frame of levels, of the types of the cells."""
        levels = {}
        for number, (axis, column) in zip(codes, self.columns.items(), strict=True):
            category = pd.Categorical.from_codes(number, dtype=column.dtype)
            levels[axis] = category.astype(self.kinds[axis], copy=False)
        return pd.DataFrame(levels, index=range(codes.shape[1]))


def counterfactuals(fit: LogitFit, settings: list[dict]) -> Iterator[Counterfactual]:
    """For each setting: what the model predicts when everyone has these levels.

    Many settings share rows of the design matrix, so each batch makes its distinct rows
    once.

    Parameters
    ----------
    fit : LogitFit
    settings : list of dict
        Axis -> level.

    Yields
    ------
    Counterfactual

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> fit = tl.fit_logit(cells, "group")
    >>> [one.mu.round(4).tolist() for one in counterfactuals(fit, [{"group": "a"}, {}])]
    [[0.25], [0.25, 0.5]]
    """
    axes = _coded_axes(fit.cells, settings)
    size = max(1, MAX_BATCH // len(fit.cells))
    for start in range(0, len(settings), size):
        yield from _predicted(fit, axes, settings[start : start + size])


def _coded_axes(cells: Cells, settings: list[dict]) -> _CodedAxes:
    """The axes of cells, numbered so that each setting has its numbers too."""
    columns = {}
    kinds = {}
    number = {}
    for axis in cells.by:
        column = cells.frame[axis]
        kinds[axis] = column.dtype
        columns[axis] = _as_category(column, axis, settings)
        levels = columns[axis].categories
        number[axis] = {level: place for place, level in enumerate(levels)}
    numbered = [column.codes for column in columns.values()]
    codes = np.array(numbered, dtype=np.int64).reshape(len(columns), len(cells))
    axes = _CodedAxes(columns, kinds, codes, number, {})
    kept = {axes.others(setting) for setting in settings}
    groups = {others: axes.grouped(codes, others) for others in kept}
    return replace(axes, groups=groups)


def _as_category(column: pd.Series, axis: str, settings: list[dict]) -> pd.Categorical:
    """An axis as a category; a number has the values of the settings among its levels."""
    if column.dtype == "category":
        return cast(pd.Categorical, column.array)
    asked = {setting[axis] for setting in settings if axis in setting}
    levels = sorted({*column, *asked})
    return pd.Categorical(column, levels)


def _predicted(
    fit: LogitFit, axes: _CodedAxes, settings: list[dict]
) -> Iterator[Counterfactual]:
    """Predictions of some settings, whose design matrix is made at once."""
    pieces = [axes.set_to(setting) for setting in settings]
    every = np.hstack(pieces)
    place, row = axes.grouped(every, axes.columns)
    mu, x = fit.probabilities(axes.decoded(every[:, row]))
    ends = np.cumsum([piece.shape[1] for piece in pieces])
    places = np.split(place, ends[:-1])
    for setting, at in zip(settings, places, strict=True):
        group, _ = axes.groups[axes.others(setting)]
        yield Counterfactual(group, mu[at], x[at])


def coefficients(fit: LogitFit, scale: str = "log_odds") -> Estimates:
    """The coefficients of a model as `Estimates`, so that they too pass the gate and carry their convention.

    Parameters
    ----------
    fit : LogitFit
    scale : {"log_odds", "odds_ratio"}
        Odds ratios have intervals exponentiated from the log scale; their SE is by the
        delta method. They are conditional on the other terms: odds ratios do not
        collapse, so that they differ from the marginal ones of `predictions` even without
        confounding. That of an interaction is the conditional ratio of odds ratios.

    Returns
    -------
    Estimates
        One row per coefficient; column ``reference`` names the levels it depends on.

    Raises
    ------
    UnknownNameError
        The scale does not exist.
    EstimandError
        What is given is no model.

    Notes
    -----
    R: ``summary(svyglm(...))``, ``exp(confint(...))``; t with design df - (p - 1).

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> found = coefficients(tl.fit_logit(cells, "group"), scale="odds_ratio")
    >>> found.frame[["term", "estimate"]].round(4).values.tolist()
    [['Intercept', 0.3333], ['group[T.b]', 3.0]]
    """
    require_a(LogitFit, fit, NO_FIT)
    require_names("scale", [scale], ("log_odds", "odds_ratio"))
    kind = "coefficient" if scale == "log_odds" else scale
    df = fit.row_df
    terms = _terms(fit, df)
    size = len(terms)
    everyone = np.full(size, terms.people.n[0])
    names = terms.frame.assign(reference=fit.baselines)
    value = fit.coef.to_numpy()
    made = contrast(
        terms,
        names,
        value,
        np.eye(size),
        everyone,
        kind=kind,
        log=kind == "odds_ratio",
        df=df,
        people=terms.people,
    )
    return replace(made, by=("term",), compared=tuple(fit.cells.by))


def _terms(fit: LogitFit, df: Array) -> Estimates:
    """The terms of a model and the covariance of their coefficients, without values; `df` (p,) of each."""
    cells = fit.cells
    size = len(fit.coef)
    how = f"{cells.variance}; {fit.df_words}; model: {fit.formula}; conditional"
    names = pd.DataFrame({"term": fit.coef.index})
    terms = estimates_of_cells(
        cells,
        names,
        fit.vcov.to_numpy(),
        kind="coefficient",
        convention=how,
        smallest=np.full(size, fit.smallest),
        df=fit.df,
    )
    n = int(cells.frame["n"].sum())
    member = np.ones((size, 1), dtype=bool)
    everyone = People(member, np.array([n]))
    parts = _reduced(fit.parts, df)
    notes = (*terms.notes, *fit.notes)
    return replace(terms, parts=parts, notes=notes, _people=everyone)


def _reduced(parts: tuple[Part, ...], df: Array) -> tuple[Part, ...]:
    """The samples of a model with fewer degrees of freedom, so that no coefficient has more than its `df` (p,)."""
    if not parts:
        return ()
    whole = welch_df(parts, len(df))
    if (whole <= 0).any():
        return tuple(replace(part, df=0.0) for part in parts)
    share = np.clip((df / whole).min(), 0, None)
    return tuple(replace(part, df=part.df * share) for part in parts)
