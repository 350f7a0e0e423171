r"""Survey-weighted logistic regression on cells.

The coefficients are found by Newton's method on the cells. They are those of statsmodels
(`GLM`, binomial, ``var_weights``) to 1e-12, to which tests hold every kind of fit and
which is one step away as `LogitFit.glm`: the pseudo-maximum-likelihood estimates that
R's ``svyglm(family = quasibinomial)`` gives. The covariance is ours:

.. math:: V = I^{-1}\,\widehat{\mathrm{cov}}\Big[\sum_c x_c (Y_c-\mu_c W_c)\Big]\,I^{-1},\qquad
          I=\sum_c W_c\,\mu_c(1-\mu_c)\,x_c x_c'

with the covariance of the score taken under the design (Binder 1983), or refits under
each set of replicate weights. statsmodels' own standard errors ignore the design: never
quote them (with raw ``freq_weights`` about five times too small).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import Cells, absence_notes, told_row
from trustlib.errors import (
    ConvergenceError,
    EstimandError,
    FewPSUWarning,
    FitError,
    require_a,
    unknown_name,
)
from trustlib.glm import statsmodels_results
from trustlib.intervals import wald_test
from trustlib.newton import expit, influence, newton, one_thread
from trustlib.significance import TestResult
from trustlib.terms import (
    DesignMatrix,
    ModelTerms,
    baselines,
    design_matrix,
    require_overlap,
    require_rank,
)
from trustlib.variance import Array, Part, Spread, joint_df, welch_df

ROUNDING = 1e-9  # of a sum of weights, as a share of it
SCORE = 1e-7  # what is left of the score, as a share of its parts


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
        Degrees of freedom for t tests of coefficients, design df - (p - 1), as R's
        ``svyglm``. Of merged cells see `row_df`.
    x : array (C, p)
        Design matrix, one row per cell.
    spec : ModelTerms
        Makes the design matrix of other cells.
    replicates : array (R, p), optional
        Coefficients under each set of replicate weights.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
    >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> fit = tl.fit_logit(cells, "group")
    >>> fit
    <LogitFit: y ~ group; 2 coefficients; 38 df>
    >>> fit.std_error.round(3).to_dict()
    {'Intercept': 0.523, 'group[T.b]': 0.692}
    >>> fit.baselines
    ['group a', 'group a']
    """

    cells: Cells
    formula: str
    coef: pd.Series
    vcov: pd.DataFrame
    df: float
    x: Array
    spec: ModelTerms
    replicates: Array | None = None

    def __repr__(self) -> str:
        model = f"{self.cells.outcome} ~ {self.formula}"
        df = self.cells.df_shown(self.df)
        return f"<LogitFit: {model}; {len(self.coef)} coefficients; {df} df>"

    @property
    def std_error(self) -> pd.Series:
        """Design-based standard errors of `coef`."""
        return pd.Series(np.sqrt(np.diag(self.vcov)), index=self.coef.index)

    @cached_property
    def glm(self) -> Any:
        """The fitted object of statsmodels, made when it is first asked for: its standard errors ignore the design."""
        weight, events = _totals(self.cells)
        return statsmodels_results(
            self.x,
            self.coef.index,
            weight,
            events,
            self.cells.outcome,
            self.coef.to_numpy(),
        )

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What each sample of merged cells adds to the covariance of the coefficients; nothing for one design."""
        if not self.cells.scatter.pooled or not np.isfinite(self.df):
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
        size = len(self.coef)
        if not parts:
            return np.full(size, self.df)
        return welch_df(parts, size) - (size - 1)

    @property
    def df_words(self) -> str:
        """The rule of the degrees of freedom, for the convention line."""
        if self.parts:
            return f"{self.cells.df_words} less coefficients but one"
        df = self.cells.df_shown(self.df)
        rule = f"design df less coefficients but one{self.cells.df_note}"
        return f"t with {df} df ({rule})"

    @property
    def baselines(self) -> list[str]:
        """What each coefficient is compared with: the reference levels that its value depends on.

        These are the references of its own axes, and of all axes that an interaction
        joins to them: with ``gender * ethnicity`` the coefficient of a gender is that
        among the first ethnicity, with ``gender * age`` that at age 0. The intercept
        depends on the references of all axes. Empty for the slope of a number that is
        in no interaction.
        """
        return baselines(self.spec)

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

    @cached_property
    def smallest(self) -> int:
        """Smallest count in the identity cells of the model's terms: for the analyst, not for publication.

        A coefficient reveals its cell as a count does.

        The cells of a term are the combinations of its categories, and of what its
        columns tell apart where it uses a number as a factor: columns with two values,
        or with as many coefficients as patterns. A term that is part of a larger one
        needs no count of its own: its cells are sums of the larger one's.
        """
        axes_of_cells = set(self.cells.by)
        variables = self.spec.term_variables
        axes = {term: used & axes_of_cells for term, used in variables.items()}
        largest = set()
        for own in axes.values():
            if not any(own < other for other in axes.values()):
                largest.add(frozenset(own))
        return min(self._smallest_within(joint, axes) for joint in largest)

    def _smallest_within(self, joint: frozenset[str], axes: dict[str, set[str]]) -> int:
        """Smallest count in the cells that the terms over some axes tell apart."""
        frame = self.cells.frame
        categories = [axis for axis in joint if frame[axis].dtype == "category"]
        if len(categories) == len(joint):  # they tell apart all that there is
            group, first = self.cells.grouped(categories)
            _, smallest = self.cells.counted(group, len(first))
            return int(smallest.min())
        columns = []
        for term, places in self.spec.term_indices.items():
            if axes[term] <= joint:
                columns += places
        x = np.c_[np.ones(len(frame)), self.x[:, columns]]
        patterns = np.unique(x, axis=0)
        if np.linalg.matrix_rank(patterns) < len(patterns):
            binary = [len(np.unique(column)) < 3 for column in x.T]
            x = x[:, binary]
        _, pattern = np.unique(x, axis=0, return_inverse=True)
        marked = replace(self.cells, frame=frame.assign(_pattern=pattern))
        counts = marked.counts([*categories, "_pattern"])
        return int(counts["smallest"].min())

    def probabilities(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Predicted probability for each row of axes, and the design matrix behind it.

        Parameters
        ----------
        frame : DataFrame (m rows)

        Returns
        -------
        tuple of array (m,), array (m, p)

        Raises
        ------
        EstimandError
            A term is not defined for some values.

        Examples
        --------
        >>> import pandas as pd
        >>> import trustlib as tl
        >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
        >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
        >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
        >>> p, _ = tl.fit_logit(cells, "group").probabilities(cells.frame)
        >>> p.round(9).tolist()
        [0.25, 0.5]
        """
        x = self.spec.matrix(frame)
        return expit(x @ self.coef.to_numpy()), x

    def term_test(self, *terms: str) -> TestResult:
        """Wald test that all coefficients of some terms are zero.

        Parameters
        ----------
        *terms : str
            Such as ``"gender:ethnicity"``; the order of names within an interaction
            does not matter.

        Returns
        -------
        TestResult
            Rows ``wald`` (R's ``survey::regTermTest(method = "Wald")``) and
            ``adjusted`` (Stata's); columns term, statistic, df_num, df_den, p_value:
            see `trustlib.intervals.wald_test`.

        Raises
        ------
        UnknownNameError
            The model has no such term.
        EstimandError
            No term is named.

        Notes
        -----
        R: ``regTermTest(fit, ~gender:ethnicity, method = "Wald")``; df are `fit.df`,
        which is R's default.

        Examples
        --------
        >>> import pandas as pd
        >>> import trustlib as tl
        >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
        >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
        >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
        >>> test = tl.fit_logit(cells, "group").term_test("group")
        >>> test.loc["wald", ["statistic", "df_den"]].astype(float).round(2).tolist()
        [2.52, 38.0]
        """
        if not terms:
            raise EstimandError(
                "Expected at least one term to test.", f"The model is: {self.formula}."
            )
        names = list(map(str, terms))
        columns = self._columns_of(names)
        b = self.coef.to_numpy()[columns]
        vcov = self.vcov.to_numpy()[np.ix_(columns, columns)]
        df = self.df
        design_df = self.cells.df
        parts = self.parts
        if parts:
            design_df = _joint_design_df(parts, len(self.coef), columns, vcov)
            df = design_df - (len(self.coef) - 1)
        test = wald_test(" + ".join(names), b, vcov, df, design_df)
        return replace(
            test,
            source=self.cells.source,
            smallest=self.smallest,
            notes=self.notes,
        )

    def _columns_of(self, terms: Iterable[str]) -> list[int]:
        """The places of the coefficients of some terms, each term once."""
        indices = self.spec.term_indices
        columns: list[int] = []
        for term in dict.fromkeys(terms):
            name = self.spec.find(term)
            if name is None:
                raise unknown_name("term", term, indices)
            columns += indices[name]
        return columns


def _joint_design_df(
    parts: Iterable[Part], size: int, columns: list[int], vcov: Array
) -> float:
    """Degrees of freedom of the design for some of the coefficients together.

    `vcov` is in the order of `columns`, the parts are in that of the model.
    """
    chosen = np.isin(np.arange(size), columns)
    order = np.argsort(np.argsort(columns))
    places = np.argsort(order)
    sorted_vcov = vcov[np.ix_(places, places)]
    return joint_df([part.kept(chosen) for part in parts], sorted_vcov)


def _too_few(size: int, df: Array) -> str:
    """The caution about a model with more coefficients than the design has degrees of freedom for."""
    if not (df <= 0).any():
        return ""
    return (
        f"More coefficients ({size}) than degrees of freedom: the design leaves "
        f"{df.min():g} for t tests, so that coefficients have no p-values and no "
        "intervals. Use fewer terms, or probabilities by predictions(...), which take "
        "the degrees of freedom of the design."
    )


def fit_logit(cells: Cells, formula: str) -> LogitFit:
    """Fit a survey-weighted logistic regression to cells.

    Parameters
    ----------
    cells : Cells
    formula : str
        Right-hand side over the cells' axes, for example ``"gender * ethnicity +
        disability"``. The first level of each category is the reference, as in R. An
        axis with a name of other signs than letters, digits and ``_`` stands in
        backticks: ``"`age band` * gender"``. ``x**2`` is no square but x crossed with
        itself, and refused.

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
        The formula cannot be read or evaluated, or has something else than names of
        axes, ``+ - * : / ** ( )``, ``C(x)``, ``C(x, contr.sum)``, and ``I()`` or
        ``np.log()`` of arithmetic on numbers, such as ``I(x**2)``. A function of the
        distribution of an axis (``scale``, ``poly``, a mean) would be that of the
        cells, not of people. Or replicate weights below zero add up to less than
        nothing in a cell.
    SeparationError
        Some terms predict the outcome perfectly; found before fitting, by linear
        programming (Konis 2007).
    RankError
        Coefficients are aliased or rest on empty cells.
    ConvergenceError
        The fit, or that under some replicate weights, did not converge.

    Warns
    -----
    FewPSUWarning
        There are more coefficients than degrees of freedom: none has a p-value or an
        interval.

    Notes
    -----
    R: ``svyglm(y ~ gender * ethnicity + disability, design, family =
    quasibinomial())``. R stops early (epsilon 1e-8); with ``control = list(epsilon =
    1e-14)`` and a refit from ``start = coef(fit)`` the two agree to about 1e-13.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
    >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> tl.fit_logit(cells, "group").coef.round(4).to_dict()
    {'Intercept': -1.0986, 'group[T.b]': 1.0986}
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    if not isinstance(formula, str):
        raise FitError(
            f"A formula is a text, got {type(formula).__name__}.",
            'For example "gender * ethnicity".',
        )
    matrix = design_matrix(cells, formula)
    names = matrix.names
    weight, events = _totals(cells)
    require_rank(matrix.x, names, cells)
    require_overlap(matrix.x, names, weight, events, cells)
    with one_thread():
        beta = _maximum(matrix, weight, events, cells.outcome)
        _require_solution(matrix.x, weight, events, beta)
        spread = _spread(cells, matrix.x, weight, beta)
    vcov = (spread.vcov + spread.vcov.T) / 2
    replicates = None
    if spread.replicates is not None:
        replicates = spread.replicates.totals
    fit = LogitFit(
        cells,
        formula,
        coef=pd.Series(beta, index=names, name="coef"),
        vcov=pd.DataFrame(vcov, index=names, columns=names),
        df=cells.df - (len(names) - 1),
        x=matrix.x,
        spec=matrix.spec,
        replicates=replicates,
    )
    few = _too_few(len(names), fit.row_df)
    if few:
        warnings.warn(few, FewPSUWarning, stacklevel=2)
    return fit


def _totals(cells: Cells) -> tuple[Array, Array]:
    """Weighted people of each cell, and those with the outcome."""
    weight = cells.frame["sum_w"].to_numpy(float)
    events = cells.frame["sum_wy"].to_numpy(float)
    return weight, np.clip(events, 0.0, weight)


def _maximum(matrix: DesignMatrix, weight: Array, events: Array, outcome: str) -> Array:
    """The coefficients: by Newton's method, or where that ends nowhere by statsmodels."""
    x = matrix.x
    start = np.zeros(len(matrix.names))
    try:
        near = newton(x, weight[None], events[None], start)
        return newton(x, weight[None], events[None], near[0])[0]
    except ConvergenceError:
        pass
    fitted = statsmodels_results(x, matrix.names, weight, events, outcome)
    return np.asarray(fitted.params, dtype=float)


def _require_solution(x: Array, weight: Array, events: Array, beta: Array) -> None:
    """Refuse coefficients that do not solve the score equations."""
    residual = events - weight * expit(x @ beta)
    score = np.abs(residual @ x)
    allowed = SCORE * (weight @ np.abs(x))
    if (score > allowed).any():
        raise ConvergenceError(
            "The solution misses the score equations: terms are nearly aliased.",
            "Numbers far from zero are the usual reason: subtract their mean, or use "
            "categories.",
        )


def _spread(cells: Cells, x: Array, weight: Array, beta: Array) -> Spread:
    """How the coefficients vary: linearised, or refitted under each set of replicate weights."""

    def refitted(people: Array, events: Array) -> Array:
        _require_positive(cells, people, events)
        return newton(x, people, events, beta)

    return cells.scatter.spread(beta, influence(x, weight, beta), refitted)


def _require_positive(cells: Cells, people: Array, events: Array) -> None:
    """Refuse refits with weights that may be negative where those of a cell add up to less than nothing.

    `people` and `events` are the totals (R, C) under each set of replicate weights.
    """
    rounding = ROUNDING * cells.frame["sum_w"].to_numpy(float)
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
            table = cells.frame
            name = told_row(table.iloc[cell], table, cells.by, table["n"])
            raise FitError(
                f"The sum of the weights of replicate {replicate + 1} is negative in "
                f"cell {name}, so that no model can be fitted there.",
                "Use coarser levels, or cell_means, which need no refit.",
            )
