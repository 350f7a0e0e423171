r"""Survey-weighted logistic regression on cells.

The coefficients are statsmodels' (`GLM`, binomial, ``var_weights``, two rows per cell: answer 0 and answer 1), the
pseudo-maximum-likelihood estimates that R's ``svyglm(family = quasibinomial)`` gives. The covariance is ours:

.. math:: V = I^{-1}\,\widehat{\mathrm{cov}}\Big[\sum_c x_c (Y_c-\mu_c W_c)\Big]\,I^{-1},\qquad
          I=\sum_c W_c\,\mu_c(1-\mu_c)\,x_c x_c'

with the covariance of the score taken under the design (Binder 1983), or refits under each set of replicate weights.
statsmodels' own standard errors ignore the design: never quote them (with raw ``freq_weights`` about five times too
small).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from trustlib import errors
from trustlib.cells import Cells, absence_notes, describe
from trustlib.errors import (
    ConvergenceError,
    EstimandError,
    FitError,
    RankError,
    one_line,
    require_a,
)
from trustlib.formulas import Terms, read_formula
from trustlib.intervals import wald_test
from trustlib.variance import (
    Array,
    Part,
    PooledScatter,
    ReplicateScatter,
    joint_df,
    replicate_covariance,
    welch_df,
)


@dataclass(frozen=True, eq=False)
class LogitFit:
    """A fitted logistic model with design-based covariance.

    Attributes
    ----------
    cells : Cells
    formula : str
        The right-hand side.
    coef : Series (p,)
        Log odds (ratios), named as formulaic names them, e.g. ``gender[T.woman]``.
    vcov : DataFrame (p, p)
        Design-based covariance of `coef`.
    df : float
        Degrees of freedom for t tests of coefficients, design df - (p - 1), as R's ``svyglm``. Of merged cells see
        `row_df`.
    glm : statsmodels GLMResults
        The fitted statsmodels object. Its standard errors ignore the design.
    x : array (C, p)
        Design matrix, one row per cell.
    spec : ModelTerms
        Makes the design matrix of other cells.
    replicates : array (R, p), optional
        Coefficients under each set of replicate weights.
    """

    cells: Cells
    formula: str
    coef: pd.Series
    vcov: pd.DataFrame
    df: float
    glm: Any
    x: Array
    spec: ModelTerms
    replicates: Array | None = None

    def __repr__(self) -> str:
        return f"<LogitFit: {self.cells.outcome} ~ {self.formula}; {len(self.coef)} coefficients; {self.df:g} df>"

    @property
    def std_error(self) -> pd.Series:
        """Design-based standard errors of `coef`."""
        return pd.Series(np.sqrt(np.diag(self.vcov)), index=self.coef.index)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What each sample of merged cells adds to the covariance of the coefficients; nothing for one design."""
        if not isinstance(self.cells.scatter, PooledScatter) or not np.isfinite(
            self.df
        ):
            return ()
        return self.cells.parts(self._influence)

    @property
    def _influence(self) -> Array:
        """Derivative (p, 2C) of the coefficients by the cell totals."""
        weight = self.cells.frame["sum_w"].to_numpy(float)
        return influence(self.x, weight, self.coef.to_numpy())

    @property
    def row_df(self) -> Array:
        """Degrees of freedom (p,) of each coefficient: `df`, or by Welch and Satterthwaite from the merged samples."""
        parts = self.parts
        if not parts:
            return np.full(len(self.coef), self.df)
        return welch_df(parts, len(self.coef)) - (len(self.coef) - 1)

    @property
    def df_words(self) -> str:
        """The rule of the degrees of freedom, for the convention line."""
        if self.parts:
            return f"{self.cells.df_words} less coefficients but one"
        return f"t with {self.df:g} df (design df less coefficients but one)"

    @property
    def baselines(self) -> list[str]:
        """What each coefficient is compared with: the reference levels that its value depends on.

        These are the references of its own axes, and of all axes that an interaction joins to them: with
        ``gender * ethnicity`` the coefficient of a gender is that among the first ethnicity, with ``gender * age`` that
        at age 0. The intercept depends on the references of all axes. Empty for the slope of a number that is in no
        interaction.
        """
        return _baselines(self.spec)

    @property
    def notes(self) -> tuple[str, ...]:
        """Cautions that belong below every table of the coefficients."""
        used = set(self.spec.required_variables)
        frame = self.cells.frame
        first = {
            c: frame[c].cat.categories[0]
            for c in self.cells.by
            if c in used and frame[c].dtype == "category"
        }
        absent = absence_notes(self.cells.absent, first)
        few = _too_few(len(self.coef), self.row_df)
        return (*absent, few) if few else tuple(absent)

    @property
    def smallest(self) -> int:
        """Smallest count in the identity cells of the model's terms.

        A coefficient reveals its cell as a count does.

        The cells of a term are the combinations of its categories, and of what its columns tell apart where it uses a
        number as a factor: columns with two values, or with as many coefficients as patterns. A term that is part of
        a larger one needs no count of its own: its cells are sums of the larger one's.
        """
        frame, least = self.cells.frame, []
        axes = {
            term: each & {*self.cells.by}
            for term, each in self.spec.term_variables.items()
        }
        for largest in {
            frozenset(a)
            for a in axes.values()
            if not any(a < other for other in axes.values())
        }:
            columns = [
                i
                for term, at in self.spec.term_indices.items()
                if axes[term] <= largest
                for i in at
            ]
            x = np.c_[np.ones(len(frame)), self.x[:, columns]]
            if np.linalg.matrix_rank(patterns := np.unique(x, axis=0)) < len(patterns):
                x = x[:, [len(np.unique(column)) < 3 for column in x.T]]
            told = frame.assign(_pattern=np.unique(x, axis=0, return_inverse=True)[1])
            by = [*(c for c in largest if frame[c].dtype == "category"), "_pattern"]
            least.append(
                int(replace(self.cells, frame=told).counts(by)["smallest"].min())
            )
        return min(least)

    def probabilities(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Predicted probability (m,) for each row of axes, and the design matrix (m, p) behind it."""
        hint = "Give values for which each term is defined; a number as a factor, as in C(x), takes those that occur."
        x = _matrix(self.spec, frame, EstimandError, hint)
        return expit(x @ self.coef.to_numpy()), x

    def term_test(self, *terms: str) -> pd.DataFrame:
        """Wald test that all coefficients of some terms are zero.

        Parameters
        ----------
        *terms : str
            Such as ``"gender:ethnicity"``; the order of names within an interaction does not matter.

        Returns
        -------
        DataFrame
            Rows ``wald`` (R's ``survey::regTermTest(method = "Wald")``) and ``adjusted`` (Stata's); columns term,
            statistic, df_num, df_den, p_value: see `trustlib.intervals.wald_test`.

        Raises
        ------
        UnknownNameError
            The model has no such term.
        EstimandError
            No term is named.

        Notes
        -----
        R: ``regTermTest(fit, ~gender:ethnicity, method = "Wald")``; df are `fit.df`, which is R's default.
        """
        indices = self.spec.term_indices
        if not terms:
            raise EstimandError(
                "Expected at least one term to test.", f"The model is: {self.formula}."
            )
        columns: list[int] = []
        for term in dict.fromkeys(map(str, terms)):
            found = self.spec.find(term)
            if found is None:
                raise errors.unknown_name("term", term, indices)
            columns += indices[found]
        b, vcov = (
            self.coef.to_numpy()[columns],
            self.vcov.to_numpy()[np.ix_(columns, columns)],
        )
        df, design_df = self._joint_df(columns, vcov)
        test = wald_test(" + ".join(map(str, terms)), b, vcov, df, design_df)
        test.attrs = {"source": self.cells.source, "smallest": self.smallest}
        if self.notes:
            test.attrs["notes"] = list(self.notes)
        return test

    def _joint_df(self, columns: list[int], vcov: Array) -> tuple[float, float]:
        """Degrees of freedom of some coefficients together by R's rule, and those of the design."""
        parts = self.parts
        if not parts:
            return self.df, self.cells.df
        chosen = np.isin(np.arange(len(self.coef)), columns)
        order = np.argsort(np.argsort(columns))
        sorted_vcov = vcov[np.ix_(np.argsort(order), np.argsort(order))]
        design_df = joint_df([part.kept(chosen) for part in parts], sorted_vcov)
        return design_df - (len(self.coef) - 1), design_df


def _baselines(spec: ModelTerms) -> list[str]:
    """The reference levels that each column of a design matrix depends on, as texts."""
    contrasts = spec.model.factor_contrasts
    reference = {str(f): _reference(state) for f, state in contrasts.items()}
    levels = {str(f): len(state.levels) for f, state in contrasts.items()}
    compared: list[set[str]] = []  # of each column: numbers, and categories less one
    standing: list[set[str]] = []  # and all that stand in it
    order: dict[str, None] = {}
    for term in spec.model.structure:
        for scoped in term.scoped_terms:
            named = [str(f.factor) for f in scoped.factors]
            order |= dict.fromkeys(named)
            every = set(named)
            whole = {str(f.factor) for f in scoped.factors if not f.reduced}
            width = 1
            for f in scoped.factors:
                width *= levels.get(str(f.factor), 1 + f.reduced) - f.reduced
            compared += [every - (whole & set(reference))] * width
            standing += [every] * width
    # A number is compared at zero.
    levels_of = {f: reference.get(f, "0") for f in order}
    shown = {f: spec.shown(f) for f in order}
    size = len(spec.column_names)
    if len(compared) != size:  # a term that makes columns of its own
        return [_listed_levels(levels_of, shown)] * size
    told = []
    for own, every in zip(compared, standing, strict=True):
        joined = set().union(*(other for other in standing if own <= other))
        slopes = own - set(reference)
        needed = joined - (every - own) - slopes
        used = {f: v for f, v in levels_of.items() if f in needed}
        told.append(_listed_levels(used, shown))
    return told


def _listed_levels(levels: dict[str, str], shown: dict[str, str]) -> str:
    return ", ".join(f"{shown[factor]} {level}" for factor, level in levels.items())


def _reference(state: Any) -> str:
    """The level that the others are compared with; the coding, where it is no single level."""
    from formulaic.transforms.contrasts import TreatmentContrasts

    if isinstance(state.contrasts, TreatmentContrasts):
        return str(state.contrasts.get_coefficient_row_names(list(state.levels))[0])
    return f"by {type(state.contrasts).__name__}"


def _too_few(size: int, df: Array) -> str:
    """The caution about a model with more coefficients than the design has degrees of freedom for."""
    if not (df <= 0).any():
        return ""
    return (
        f"More coefficients ({size}) than degrees of freedom: the design leaves {df.min():g} for t tests, so that "
        "coefficients have no p-values and no intervals. Use fewer terms, or probabilities by predictions(...), "
        "which take the degrees of freedom of the design."
    )


def expit(eta: Array) -> Array:
    """1 / (1 + exp(-eta)), without overflow."""
    from scipy import special

    return special.expit(eta)


@cache
def _blas() -> Any:
    """BLAS gains nothing from threads on matrices of cell size, and loses a factor of 100 on a busy machine."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def fit_logit(cells: Cells, formula: str) -> LogitFit:
    """Fit a survey-weighted logistic regression to cells.

    Parameters
    ----------
    cells : Cells
    formula : str
        Right-hand side over the cells' axes, for example ``"gender * ethnicity + disability"``. The first level of
        each category is the reference, as in R. An axis with a name of other signs than letters, digits and ``_``
        stands in backticks: ``"`age band` * gender"``. ``x**2`` is no square but x crossed with itself, and refused.

    Returns
    -------
    LogitFit

    Raises
    ------
    UnknownNameError
        The formula names something that is not an axis of the cells.
    EstimandError
        What is given are not cells, or the left-hand side names another outcome.
    FitError
        The formula cannot be read or evaluated, or has something else than names of axes, ``+ - * : / ** ( )``,
        ``C(x)``, ``C(x, contr.sum)``, and ``I()`` or ``np.log()`` of arithmetic on numbers, such as ``I(x**2)``. A
        function of the distribution of an axis (``scale``, ``poly``, a mean) would be that of the cells, not of people.
        Or replicate weights below zero add up to less than nothing in a cell.
    SeparationError
        Some terms predict the outcome perfectly; found before fitting, by linear programming (Konis 2007).
    RankError
        Coefficients are aliased or rest on empty cells.
    ConvergenceError
        The fit, or that under some replicate weights, did not converge.

    Warns
    -----
    FewPSUWarning
        There are more coefficients than degrees of freedom: none has a p-value or an interval.

    Notes
    -----
    R: ``svyglm(y ~ gender * ethnicity + disability, design, family = quasibinomial())``. R stops early (epsilon 1e-8);
    with ``control = list(epsilon = 1e-14)`` and a refit from ``start = coef(fit)`` the two agree to about 1e-13.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    if not isinstance(formula, str):
        raise FitError(
            f"A formula is a text, got {type(formula).__name__}.",
            'For example "gender * ethnicity".',
        )
    spec, x, names = _design_matrix(cells, formula)
    weight = cells.frame["sum_w"].to_numpy(float)
    events = np.clip(cells.frame["sum_wy"].to_numpy(float), 0.0, weight)
    _require_rank(x, names)
    _require_overlap(x, names, weight, events, cells)
    with _blas().limit(limits=1):
        betas = None
        try:
            start = _newton(x, weight[None], events[None], np.zeros(x.shape[1]), 1e-6)[
                0
            ]
        except ConvergenceError:
            start = None  # statsmodels has its own
        glm = _glm(x, names, weight, events, cells.outcome, start)
        beta = np.asarray(glm.params, dtype=float)
        if (
            np.abs((events - weight * expit(x @ beta)) @ x)
            > 1e-7 * (weight @ np.abs(x))
        ).any():
            hint = "Numbers far from zero are the usual reason: subtract their mean, or use categories."
            raise ConvergenceError(
                "The solution misses the score equations: terms are nearly aliased.",
                hint,
            )
        if isinstance(cells.scatter, ReplicateScatter):
            beta = _newton(x, weight[None], events[None], beta)[0]
            totals = cells.scatter.totals
            _require_positive(cells)
            betas = _newton(x, totals[:, : len(cells)], totals[:, len(cells) :], beta)
            vcov = replicate_covariance(
                betas, beta, cells.scatter.scale, cells.scatter.mse
            )
        else:
            vcov = cells.scatter.covariance(influence(x, weight, beta))
        vcov = (vcov + vcov.T) / 2
    coef, table = (
        pd.Series(beta, index=names, name="coef"),
        pd.DataFrame(vcov, index=names, columns=names),
    )
    fit = LogitFit(
        cells, formula, coef, table, cells.df - (len(names) - 1), glm, x, spec, betas
    )
    few = _too_few(len(names), fit.row_df)
    if few:
        warnings.warn(few, errors.FewPSUWarning, stacklevel=2)
    return fit


def _require_positive(cells: Cells) -> None:
    """Refuse refits with weights that may be negative where those of a cell add up to less than nothing."""
    assert isinstance(cells.scatter, ReplicateScatter)
    size = len(cells)
    people, events = cells.scatter.totals[:, :size], cells.scatter.totals[:, size:]
    rounding = 1e-9 * cells.frame["sum_w"].to_numpy(float)
    everyone = people.sum(axis=1) <= rounding.sum()
    if everyone.any():
        number = int(np.argmax(everyone)) + 1
        raise FitError(
            f"The weights of replicate {number} do not add up to more than zero.",
            "A model cannot be fitted there; leave the replicate out, with its scale.",
        )
    for sums in (people, events, people - events):
        below = sums < -rounding
        if below.any():
            replicate, cell = np.argwhere(below)[0]
            name = describe(cells.frame.iloc[cell], cells.by)
            raise FitError(
                f"The sum of the weights of replicate {replicate + 1} is negative in cell {name}, so that no model can "
                "be fitted there.",
                "Use coarser levels, or cell_means, which need no refit.",
            )


def influence(x: Array, weight: Array, beta: Array) -> Array:
    """Derivative (p, 2C) of the coefficients by the cell totals (W, Y): I^-1 [-(x mu)', x']."""
    mu = expit(x @ beta)
    information = (x * (weight * mu * (1 - mu))[:, None]).T @ x
    return np.linalg.solve(information, np.hstack([-(x * mu[:, None]).T, x.T]))


@dataclass(frozen=True, eq=False)
class ModelTerms:
    """What makes the design matrix of cells: the terms of a formula, and formulaic's encoding of them.

    Attributes
    ----------
    terms : Terms
        The formula as it was read.
    model : formulaic.ModelSpec
        With names of ours for the axes.
    """

    terms: Terms
    model: Any

    def shown(self, name: object) -> str:
        """A name of formulaic's with the axes' own names."""
        return self.terms.shown(str(name))

    @property
    def required_variables(self) -> list[str]:
        """The axes that the formula names."""
        return list(self.terms.own)

    @property
    def column_names(self) -> list[str]:
        """The coefficients."""
        return [self.shown(name) for name in self.model.column_names]

    @property
    def term_indices(self) -> dict[str, list[int]]:
        """Term -> the places of its coefficients."""
        return {
            self.shown(term): list(at) for term, at in self.model.term_indices.items()
        }

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """Term -> the axes, or what is computed of them, that it crosses."""
        return {
            self.shown(term): tuple(self.shown(factor) for factor in term.factors)
            for term in self.model.term_indices
        }

    @property
    def term_variables(self) -> dict[str, set[str]]:
        """Term -> the axes in it."""
        axes = {own: axis for axis, own in self.terms.own.items()}
        return {
            self.shown(term): {axes[str(v)] for v in used if str(v) in axes}
            for term, used in self.model.term_variables.items()
        }

    def find(self, term: str) -> str | None:
        """The term that somebody means: the order of names, spaces and backticks do not matter."""
        wanted = self.terms.factors_of(term)
        for own in self.model.term_indices:
            factors = frozenset(map(str, own.factors))
            shown = frozenset(map(self.shown, own.factors))
            if wanted in (factors, shown) or term == self.shown(own):
                return self.shown(own)
        return None

    def matrix(self, frame: pd.DataFrame) -> Array:
        """The design matrix (m, p) of rows of axes; formulaic's many errors if a term is not defined."""
        made = self.model.get_model_matrix(
            _renamed(frame, self.terms), na_action="raise"
        )
        x = np.asarray(made, dtype=float)
        if not np.isfinite(x).all():
            raise ValueError("some values are not finite")
        return x


def _renamed(frame: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    """The axes that a formula uses, with names of ours."""
    return pd.DataFrame(
        {own: frame[axis] for axis, own in terms.own.items()}, frame.index
    )


def _design_matrix(cells: Cells, formula: str) -> tuple[ModelTerms, Array, list[str]]:
    import formulaic

    frame = cells.frame[list(cells.by)]
    numbers = {axis: frame[axis].dtype != "category" for axis in cells.by}
    levels = [
        str(level)
        for axis, is_number in numbers.items()
        if not is_number
        for level in frame[axis].cat.categories
    ]
    terms = read_formula(formula, cells.outcome, numbers, levels)
    for c in sorted(terms.own):
        if not numbers[c] and frame[c].nunique() < 2:
            text = f"Everyone has the same level {frame[c].iloc[0]!r} of {c!r}, so it has no coefficient."
            raise RankError(text, "Leave it out.")
    hint = (
        "Leave out the values for which it is not, or make the column before compress."
    )
    with np.errstate(all="ignore"):
        try:
            matrix = formulaic.model_matrix(
                terms.text,
                _renamed(frame, terms),
                na_action="raise",
                output="numpy",
                context={},
            )
        except Exception as error:  # formulaic has many
            raise FitError(
                f"The formula {formula!r} cannot be evaluated: {_plain(error)}", hint
            ) from error
    x = np.asarray(matrix, dtype=float)
    if not np.isfinite(x).all():
        raise FitError(
            f"The formula {formula!r} is not defined in all cells: it divides by zero, or a number is too large.",
            hint,
        )
    spec = ModelTerms(terms, matrix.model_spec)
    names = spec.column_names
    if len(set(names)) < len(names):
        raise FitError(
            f"The formula {formula!r} makes two coefficients of one name.",
            "Rename the axis.",
        )
    return spec, x, names


def _matrix(
    spec: ModelTerms, frame: pd.DataFrame, kind: type[errors.TrustlibError], hint: str
) -> Array:
    """The design matrix of some cells, each of which has values that the terms are defined for."""
    from formulaic.errors import DataMismatchWarning

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return spec.matrix(frame)
        except Exception as error:  # formulaic has many
            names = " + ".join(spec.term_indices)
            why = spec.terms.shown(_plain(error))
            raise kind(
                f"The terms {names} are not defined for all values: {why}", hint
            ) from error


def _plain(error: Exception) -> str:
    """The message of formulaic without the marks around its culprit."""
    return one_line(error).translate(str.maketrans("", "", "⧛⧚"))


def _require_rank(x: Array, names: list[str]) -> None:
    """Refuse columns that are sums of earlier ones, naming them (R would return NA for these)."""
    empty = [name for name, column in zip(names, x.T, strict=True) if not column.any()]
    size = np.linalg.norm(x, axis=0)
    basis, aliased = (x / np.where(size > 0, size, 1)).T.copy(), []
    for i, rest in enumerate(basis):
        for _ in range(2):  # the second time removes what rounding left
            rest -= (basis[:i] @ rest) @ basis[:i]
        length = np.linalg.norm(rest)
        if length < 1e-9:
            aliased.append(names[i])
        rest /= length if length >= 1e-9 else np.inf
    if aliased:
        why = (
            "no people are in these combinations"
            if set(aliased) <= set(empty)
            else "each is a sum of other terms"
        )
        text = f"{len(aliased)} of {len(names)} coefficients cannot be estimated: {why} ({', '.join(aliased[:6])})."
        raise RankError(
            text,
            "Take these terms out, or join levels so that every combination has people.",
        )


def _require_overlap(
    x: Array, names: list[str], weight: Array, events: Array, cells: Cells
) -> None:
    """Refuse separated data, naming cells and terms; without this check every software prints a finite number."""
    none, every = events <= 0, events >= weight
    if not (none | every).any():
        return
    sign = np.where(none, -1.0, np.where(every, 1.0, 0.0))
    pure = sign != 0
    if np.linalg.matrix_rank(x[~pure]) == x.shape[1]:
        return  # the cells with both answers leave no direction free
    from scipy.optimize import linprog

    towards = sign[pure, None] * x[pure]
    limits = {
        "A_ub": -towards,
        "b_ub": np.zeros(len(towards)),
        "A_eq": x[~pure],
        "b_eq": np.zeros((~pure).sum()),
    }
    found = linprog(-towards.sum(axis=0), **limits, bounds=(-1, 1), method="highs")
    if found.status == 0 and -found.fun > 1e-7:
        moving = [n for n, b in zip(names, found.x, strict=True) if abs(b) > 1e-7]
        where = [describe(cells.frame.loc[i], cells.by) for i in np.flatnonzero(pure)][
            :3
        ]
        raise errors.SeparationError(
            f"No finite estimate exists: in {int(pure.sum())} cells everyone or nobody has {cells.outcome!r} (such as "
            f"{'; '.join(where)}), which these terms predict perfectly: {', '.join(moving[:6])}.",
            "Join levels, drop the interaction, or report the cell's proportion with cell_means instead of a model.",
        )


def _glm(
    x: Array,
    names: list[str],
    weight: Array,
    events: Array,
    outcome: str,
    start: Array | None,
) -> Any:
    import statsmodels.api as sm

    y = np.repeat([0.0, 1.0], len(weight))
    rows = np.r_[weight - events, events]
    keep = rows > 0
    exog = pd.DataFrame(np.vstack([x, x])[keep], columns=names)
    endog = pd.Series(y[keep], name=outcome)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = sm.GLM(
                endog,
                exog,
                family=sm.families.Binomial(),
                var_weights=(rows / rows.mean())[keep],
            )
            fitted = model.fit(start, maxiter=100, tol=1e-10, tol_criterion="params")
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            raise ConvergenceError(
                f"The fit failed: {error}", "Use fewer terms or coarser levels."
            ) from error
    if not fitted.converged or not np.isfinite(np.asarray(fitted.params)).all():
        raise ConvergenceError(
            "The fit did not converge in 100 steps.",
            "Use fewer terms or coarser levels.",
        )
    return fitted


def _newton(
    x: Array,
    weight: Array,
    events: Array,
    start: Array,
    near: float = 1e-11,
    steps: int = 40,
) -> Array:
    """Weighted logit coefficients (R, p) for R sets of cell totals (R, C) at once, from a common start.

    Newton steps on all replicates together, until each is shorter than `near`. The R Hessians are one product of (R, C)
    with the (C, p*p) outer products of the rows of x; if there are fewer sets than coefficients, that takes more room.
    """
    p = x.shape[1]
    outer = (
        (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)
        if len(weight) > p
        else None
    )
    beta = np.tile(start, (len(weight), 1))
    for _ in range(steps):
        mu = expit(beta @ x.T)
        score = (events - weight * mu) @ x
        slope = weight * mu * (1 - mu)
        hessian = (
            (slope[:, None] * x.T) @ x
            if outer is None
            else (slope @ outer).reshape(-1, p, p)
        )
        try:
            step = np.linalg.solve(hessian, score[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError as error:
            text = "Under some replicate weights a coefficient cannot be estimated."
            raise ConvergenceError(
                text, "Use coarser levels or fewer terms."
            ) from error
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < near:
            return beta
    failed = int((np.abs(step).max(axis=1) >= near).sum())
    text = f"The fit did not converge under {failed} of {len(weight)} sets of replicate weights."
    raise ConvergenceError(
        text, "A cell is empty or separated there. Use coarser levels or fewer terms."
    )
