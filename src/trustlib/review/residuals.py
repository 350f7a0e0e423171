r"""What is left when a model has said its part: calibration, goodness of fit, and the link.

* `calibration` sets the weighted share beside the predicted one, in groups of risk or of
  people.
* `goodness_of_fit` tests all these differences at once (Archer and Lemeshow).
* `link_test` tests the logit link.

With replicate weights the residuals' covariance is linearised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trustlib.cells import combinations, told_rows
from trustlib.disclosure import require_showable
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import Estimates, contrast
from trustlib.logit import LogitFit, fit_logit
from trustlib.margins import coefficients
from trustlib.newton import expit, influence
from trustlib.significance import FTest, TestResult
from trustlib.variance import Array

FIT = "Make it with fit_logit(cells, formula)."
# A variance below this part of the one with the coefficients held is rounding.
EXACT = 1e-8
RISK = "risk"


@dataclass(frozen=True)
class _Residuals:
    """Mean residuals of groups of cells, and their derivatives by the cell totals (W, Y)."""

    axes: pd.DataFrame  # (g,)
    mean: Array  # (g,)
    observed: Array  # (g,)
    held: Array  # (g, 2C) coefficients taken as known
    estimated: Array  # (g, 2C) coefficients estimated from the same totals
    null: Array  # (g, 2C) the same where the means are zero, as the test assumes: with its exact rank
    counts: pd.DataFrame  # (g,) n and smallest

    @property
    def labels(self) -> list[str]:
        """Name of each group."""
        names = list(self.axes)
        return told_rows(self.axes, names, self.counts["n"])


def _risk_groups(fit: LogitFit, groups: int) -> Array:
    """The group of each cell by predicted risk, numbered from 0; cells of equal risk are never split."""
    mu = expit(fit.x @ fit.coef.to_numpy())
    weight = fit.cells.frame["sum_w"].to_numpy(float)
    _, level = np.unique(mu.round(9), return_inverse=True)
    share = np.bincount(level, weight) / weight.sum()
    below = np.cumsum(share) - share
    group = np.floor(groups * below + 1e-9)
    _, number = np.unique(group, return_inverse=True)
    return number[level]


def _residuals(fit: LogitFit, by: Sequence[str] | None, groups: int) -> _Residuals:
    """Mean residuals in groups of risk, or by some axes."""
    require_a(LogitFit, fit, FIT)
    cells = fit.cells
    if not isinstance(groups, int) or groups < 2:
        raise EstimandError(
            f"Expected two or more groups of risk, got {groups!r}.",
            "The usual number is 10.",
        )
    if by is None:
        number = pd.Series(_risk_groups(fit, groups) + 1)
        risk = pd.Categorical(number.map("{:02d}".format))
        frame = cells.frame.assign(**{RISK: risk})
        cells = replace(cells, frame=frame, by=(*cells.by, RISK))
        names = [RISK]
    else:
        names = axis_names(by, cells.by)
    axes, group = combinations(cells.frame, names)
    weight, events = cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    beta = fit.coef.to_numpy()
    mu = expit(fit.x @ beta)
    inside = group == np.arange(len(axes))[:, None]
    member = inside / np.bincount(group, weight)[:, None]
    mean = member @ (events - mu * weight)
    held = np.hstack([member * (-mu - mean[group]), member])
    slope = (member * weight * mu * (1 - mu)) @ fit.x
    estimated = held - slope @ influence(fit.x, weight, beta)
    at_zero = np.hstack([member * mean[group], np.zeros_like(member)])
    return _Residuals(
        axes,
        mean,
        observed=member @ events,
        held=held,
        estimated=estimated,
        null=estimated + at_zero,
        counts=cells.counts(names),
    )


def calibration(
    fit: LogitFit, by: Sequence[str] | None = None, groups: int = 10
) -> Estimates:
    r"""Observed less predicted: the weighted mean residual of each group, with its design-based standard error.

    .. math:: \hat M_g=\sum_{c\in g}(Y_c-\mu_cW_c)\Big/\sum_{c\in g}W_c,\qquad
              \mathrm{SE\ from\ }\ \frac{\partial\hat M_g}{\partial(W,Y)}-D_gI^{-1}[-(x\mu)',x'],\quad
              D_g=\frac{\sum_{c\in g}W_c\mu_c(1-\mu_c)x_c'}{\sum_{c\in g}W_c}

    The second part is there because the coefficients were estimated from the same
    people: without it the standard errors are too large, and those of a model that must
    fit are not zero.

    Parameters
    ----------
    fit : LogitFit
    by : sequence of str, optional
        Some of the axes of the cells, those left out of the model among them. By default
        groups of predicted risk.
    groups : int
        Of about equal weight, from low to high risk (10: deciles of risk). Cells of
        equal risk stay together, so there may be fewer.

    Returns
    -------
    Estimates
        Of kind difference, with further columns ``weighted`` (the share observed) and
        ``predicted``. Where the model fits a group whatever the data, the row is 0 with
        standard error 0 and without a p-value.

    Raises
    ------
    EstimandError
        What is given is no fit, or fewer than two groups are asked for.
    DisclosureError
        When shown: a group rests on fewer than 10 people.

    Notes
    -----
    R, with coefficients held: ``svyby(~residual, ~group, design, svymean)``; with
    coefficients estimated: ``svytotal`` of the linearised values
    (tests/reference/diagnostics.R). Groups of equal weight: Graubard, Korn and Midthune
    (1997), *Proc. Section on Survey Research Methods*, American Statistical Association.

    Examples
    --------
    A model without age, beside what people of each age said:

    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "w": 1.0})
    >>> rows["age"] = ["old"] * 40 + ["young"] * 40
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0] * 10 + [0.0, 0.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group", "age"])
    >>> residuals = calibration(tl.fit_logit(cells, "group"), by=["age"]).frame
    >>> residuals[["age", "weighted", "predicted", "estimate"]].round(3).values.tolist()
    [['old', 0.75, 0.5, 0.25], ['young', 0.25, 0.5, -0.25]]
    """
    residuals = _residuals(fit, by, groups)
    cells = fit.cells
    held = cells.scatter.covariance(residuals.held)
    vcov = cells.scatter.covariance(residuals.estimated)
    exact = np.diag(vcov) <= EXACT * np.diag(held)
    mean = np.where(exact, 0.0, residuals.mean)
    terms = coefficients(fit)
    smallest = np.minimum(residuals.counts["smallest"], terms.smallest.min())
    convention = (
        f"{cells.variance}; {cells.df_words}; Wald interval; model: {fit.formula}; "
        "mean residuals"
    )
    origin = replace(
        terms,
        _frame=terms.frame.iloc[:0],
        parts=(),
        df=cells.df,
        convention=convention,
        labels=cells.labels | {RISK: "Risk, from low to high"},
    )
    made = contrast(
        origin,
        residuals.axes,
        mean,
        np.empty((len(mean), 0)),
        residuals.counts["n"].to_numpy(),
        kind="difference",
        smallest=smallest.to_numpy(),
        covariance=np.where(exact[:, None] | exact, 0.0, vcov),
        df=cells.row_df(residuals.estimated),
    )
    frame = made.frame.assign(
        weighted=residuals.observed, predicted=residuals.observed - mean
    )
    return replace(made, _frame=frame, compared=())


def goodness_of_fit(
    fit: LogitFit, by: Sequence[str] | None = None, groups: int = 10
) -> TestResult:
    r"""Test that the mean residual of every group is zero: Archer and Lemeshow's F-adjusted test, and a sharper one.

    .. math:: F_{held}=\frac{d-g+2}{d\,g}\,\hat M'V^{-1}\hat M\sim F_{g-1,\,d-g+2},\qquad
              F_{estimated}=\frac{d-r+1}{d\,r}\,\hat M'V_e^{-}\hat M\sim F_{r,\,d-r+1}

    with g groups, d design degrees of freedom, V the covariance of the mean residuals
    with the coefficients held, V_e the one with the coefficients estimated from the same
    people, taken where the means are zero, and r its rank.

    Parameters
    ----------
    fit, by, groups
        As for `calibration`.

    Returns
    -------
    TestResult
        Two rows in the form of `LogitFit.term_test`; `trustlib.table` shows it. The
        first is Archer and Lemeshow's (Stata's ``svylogitgof``). It treats residuals as
        data, so that it rejects too seldom where groups are few or the model nearly fits
        them by itself; the second allows for the estimation.

    Raises
    ------
    EstimandError
        Groups, at these terms, that the model fits whatever the data (a saturated
        model): there is nothing to test.
    DisclosureError
        A group rests on fewer than 10 people.

    Notes
    -----
    R: ``m <- svyby(~residual, ~group, design, svymean, covmat = TRUE)`` and the
    quadratic form of ``coef(m)`` in ``solve(vcov(m))``. Sources: Archer and Lemeshow
    (2006), Stata Journal 6, 97-105; Archer, Lemeshow and Hosmer (2007), Computational
    Statistics & Data Analysis 51, 4450-4464; the adjustment is that of Thomas and Rao
    (1987), JASA 82, 630-636. Covariance with estimated coefficients: Moore and Spruill
    (1975), Annals of Statistics 3, 599-616.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 100, "w": 1.0})
    >>> rows["age"] = ["old"] * 100 + ["young"] * 100
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0, 0.0] * 20 + [0.0, 0.0, 1.0, 0.0, 1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group", "age"])
    >>> test = goodness_of_fit(tl.fit_logit(cells, "group"), by=["age"])
    >>> test[["df_num", "df_den", "p_value"]].round(4).values.tolist()
    [[1.0, 199.0, 0.0431], [1.0, 199.0, 0.0044]]
    """
    residuals = _residuals(fit, by, groups)
    smallest = _require_showable_groups(fit, residuals)
    held = fit.cells.scatter.covariance(residuals.held)
    null = fit.cells.scatter.covariance(residuals.null)
    size = np.sqrt(np.diag(held))
    _require_varying(residuals, size)
    d = fit.cells.joint_df(residuals.held)
    g = len(residuals.mean)
    mean = residuals.mean / size
    value, vector = np.linalg.eigh(null / np.outer(size, size))
    kept = value > EXACT
    rank = int(kept.sum())
    if rank == 0:
        raise EstimandError(
            f"The model fits each of these {g} groups whatever the data: "
            "nothing to test.",
            "Test it on finer cells, with an axis that the model leaves out.",
        )
    first = mean @ np.linalg.solve(held / np.outer(size, size), mean)
    second = ((vector[:, kept].T @ mean) ** 2 / value[kept]).sum()
    own_d = fit.cells.joint_df(vector[:, kept].T @ (residuals.null / size[:, None]))
    what = f"{g} groups of risk"
    if by is not None:
        what = f"{g} groups by {', '.join(axis_names(by, fit.cells.by))}"
    df_held = d - g + 2
    df_estimated = own_d - rank + 1
    rows = [
        FTest(
            "adjusted",
            f"{what}, coefficients held",
            first * df_held / (d * g),
            g - 1,
            df_held,
        ),
        FTest(
            "adjusted",
            f"{what}, coefficients estimated",
            second * df_estimated / (own_d * rank),
            rank,
            df_estimated,
        ),
    ]
    return TestResult.of_rows(rows, fit.cells.source, smallest)


def _require_showable_groups(fit: LogitFit, residuals: _Residuals) -> int:
    """The smallest count behind the groups, which pass the gate."""
    of_terms = coefficients(fit).smallest.min()
    smallest = np.minimum(residuals.counts["smallest"], of_terms)
    require_showable(smallest, residuals.labels, "This test")
    return int(smallest.min())


def _require_varying(residuals: _Residuals, size: Array) -> None:
    """Refuse a group whose mean residual has no variance."""
    if (size <= 0).any():
        empty = residuals.labels[int(np.argmin(size))]
        raise EstimandError(
            f"The residuals of group {empty} do not vary.", "Use coarser groups."
        )


def link_test(fit: LogitFit) -> TestResult:
    r"""Pregibon's link test: whether the square of the linear predictor adds anything to the linear predictor.

    .. math:: \mathrm{logit}\,p=\gamma_0+\gamma_1\hat\eta+\gamma_2\hat\eta^2,\qquad H_0:\gamma_2=0

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    TestResult
        One row in the form of `LogitFit.term_test`: F is the square of Wald's t on the
        design df less 2.

    Raises
    ------
    EstimandError
        Fewer than three distinct predictions, or a model that fits every one of them
        whatever the data.

    Notes
    -----
    R: ``eta <- predict(fit); svyglm(y ~ eta + I(eta^2), design, family =
    quasibinomial())``. Stata: ``linktest`` after ``svy: logit``. The linear predictor
    counts as data. Source: Pregibon (1980), Applied Statistics 29, 15-24.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 100, "w": 1.0})
    >>> rows["age"] = ["old"] * 100 + ["young"] * 100
    >>> old = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> young = [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> rows["y"] = old * 10 + young * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group", "age"])
    >>> test = link_test(tl.fit_logit(cells, "group + age"))
    >>> test[["df_num", "df_den"]].values.tolist()
    [[1.0, 197.0]]
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("This test")
    cells = fit.cells
    weight = cells.frame["sum_w"]
    share = weight.to_numpy(float) / weight.sum()
    eta = fit.x @ fit.coef.to_numpy()
    eta = eta - share @ eta
    spread = np.sqrt(share @ eta**2)
    eta = eta / max(spread, 1e-12)
    distinct = len(np.unique(eta.round(9)))
    if distinct < 3:
        raise EstimandError(
            f"The model has {distinct} distinct predictions; the test needs three.",
            "A model with one binary variable fits any link.",
        )
    if _exact(fit):
        raise EstimandError(
            "The model fits every prediction whatever the data: any link fits as well.",
            "Fit it to finer cells, or test a model with fewer terms.",
        )
    frame = cells.frame.assign(eta=eta, eta_squared=eta**2)
    with_eta = replace(cells, frame=frame, by=(*cells.by, "eta", "eta_squared"))
    refit = fit_logit(with_eta, "eta + eta_squared")
    test = refit.term_test("eta_squared").by_rule("wald")
    return test.named("square of the linear predictor (link test)")


def _exact(fit: LogitFit) -> bool:
    """Whether the model fits each group of people with one prediction whatever the data."""
    residuals = _residuals(fit, None, 10**6)
    held = np.diag(fit.cells.scatter.covariance(residuals.held))
    estimated = np.diag(fit.cells.scatter.covariance(residuals.estimated))
    return bool((estimated <= EXACT * held).all())
