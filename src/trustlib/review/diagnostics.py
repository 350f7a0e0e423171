r"""Is the model a fair summary of these cells? What a reviewer asks of one fitted logistic model.

* `calibration` sets the weighted share beside the predicted one, in groups of risk or of people.
* `goodness_of_fit` tests all these differences at once (Archer and Lemeshow), `link_test` tests the logit link.
* `joint_tests` tests each term and each axis; `influence_shares` says how much hangs on one cell or one PSU.
* `checks` puts them into one table, and `flow` counts who is in the model and why the others are not.

Everything is computed from cell totals and their covariance, so it is exact for sealed cells too, and passes the
disclosure gate. With replicate weights the residuals' covariance is linearised.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trustlib.cells import combinations, describe
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM, require_showable
from trustlib.errors import (
    DesignError,
    EstimandError,
    FitError,
    axis_names,
    require_a,
    require_names,
)
from trustlib.estimates import Estimates, cell_means, coefficients, contrast
from trustlib.logit import LogitFit, expit, fit_logit, influence
from trustlib.tables import evidence
from trustlib.variance import Array, ReplicateScatter, TaylorScatter, sum_by

FIT = "Make it with fit_logit(cells, formula)."
EXACT = (
    1e-8  # a variance below this part of the one with the coefficients held is rounding
)
RISK = "risk"


@dataclass(frozen=True, repr=False)
class Report:
    """Facts that are no estimates: a frame of texts and numbers, with what it rests on.

    Attributes
    ----------
    frame : DataFrame
    title : str
    notes : tuple of str
        Shown below the table; the first says which kind of evidence it is.
    shown : DataFrame
        The same for readers, as texts.
    """

    frame: pd.DataFrame
    title: str
    notes: tuple[str, ...]
    shown: pd.DataFrame

    def __repr__(self) -> str:
        return "\n".join([self.title, self.shown.to_string(index=False), *self.notes])

    def _repr_html_(self) -> str:
        texts = self.shown.astype(str)
        sides = [
            "right" if re.fullmatch(r"[\d.,%]*", "".join(texts[c])) else "left"
            for c in texts
        ]

        def row(values: Iterable[str], tag: str, more: str = "") -> str:
            cells = zip(map(html.escape, values), sides, strict=True)
            made = [
                f'<{tag}{more} style="text-align: {side}">{text}</{tag}>'
                for text, side in cells
            ]
            return f"<tr>{''.join(made)}</tr>"

        head = row(texts.columns, "th", ' scope="col"')
        body = "".join(row(values, "td") for values in texts.to_numpy())
        small, notes = (
            "text-align: left; font-size: 0.85em",
            html.escape(" ".join(self.notes)),
        )
        return (
            f'<table style="width: 100%"><caption style="text-align: left">{html.escape(self.title)}</caption>'
            f"<thead>{head}</thead><tbody>{body}</tbody>"
            f'<tfoot><tr><td colspan="{len(sides)}" style="{small}">{notes}</td></tr></tfoot></table>'
        )


# -- who is in the model ----------------------------------------------------------------------------------------------


def flow(design: SurveyDesign, outcome: str, known: Sequence[str]) -> pd.DataFrame:
    """From everybody in the file to the people of a model: who left, at which variable, and why.

    Parameters
    ----------
    design : SurveyDesign
        With a frame of `read_survey`, which knows the kind of each missing answer. Whoever is outside its domain, or
        has weight zero, left first, as "not in this part of the survey".
    outcome : str
    known : sequence of str
        The variables that everybody in the model has told, axes included, in order.

    Returns
    -------
    DataFrame
        Columns variable, reason, n. The first row counts everybody, the last the people of the model, those between
        the people who left; each leaves once, at the first variable they lack. A reason of fewer than 10 people is put
        together with the next smallest of its variable, or with a neighbouring variable.

    Raises
    ------
    UnknownNameError
    DesignError
        Fewer than 10 people left in all, so that their number cannot be printed.
    """
    require_a(
        SurveyDesign,
        design,
        "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...).",
    )
    frame = pd.DataFrame(design.frame)
    known = axis_names(known, frame)
    require_names("outcome column", [outcome], list(frame))
    here = pd.Series(frame.get(DOMAIN, True), index=frame.index).to_numpy(
        bool, copy=True
    )
    if design.weight is not None:
        here &= frame[design.weight].to_numpy() > 0
    lost: list[list] = [["", "not in this part of the survey", int((~here).sum())]]
    for variable in dict.fromkeys([outcome, *known]):
        gone = here & frame[variable].isna().to_numpy()
        kinds = frame.get(f"{variable}_missing", pd.Series(None, frame.index, object))[
            gone
        ].astype(object)
        counts = kinds.where(kinds.notna(), "missing").value_counts()
        lost += [
            [variable, str(reason), int(n)]
            for reason, n in sorted(counts.items(), key=lambda item: -item[1])
        ]
        here &= ~gone
    lost = _large_enough([row for row in lost if row[2]])
    rows = [
        ["", "in the file", len(frame)],
        *lost,
        ["", "in the model", int(here.sum())],
    ]
    return pd.DataFrame(rows, columns=["variable", "reason", "n"])


def _large_enough(rows: list[list]) -> list[list]:
    """Put reasons of fewer than 10 people together with others."""
    while any(row[2] < MINIMUM for row in rows):
        small = min(range(len(rows)), key=lambda i: rows[i][2])
        alike = [
            i for i, row in enumerate(rows) if row[0] == rows[small][0] and i != small
        ]
        near = alike or [
            i for i in (small - 1, small + 1) if 0 <= i < len(rows) and rows[i][0]
        ]
        if not near:
            raise DesignError(
                f"Fewer than {MINIMUM} people left, so their number is not shown.",
                "Leave it out.",
            )
        other = min(near, key=lambda i: rows[i][2])
        first, second = sorted((small, other))
        names, n = (
            ([rows[i][k] for i in (first, second)] for k in (0, 1)),
            rows[first][2] + rows[second][2],
        )
        variables, reasons = (
            [part for text in texts for part in text.split(" or ")] for texts in names
        )
        rows[first] = [
            " or ".join(dict.fromkeys(variables)),
            " or ".join(dict.fromkeys(reasons)),
            n,
        ]
        del rows[second]
    return rows


# -- calibration and goodness of fit ----------------------------------------------------------------------------------


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


def _risk_groups(fit: LogitFit, groups: int) -> Array:
    """The group of each cell by predicted risk, numbered from 0; cells of equal risk are never split."""
    mu = expit(fit.x @ fit.coef.to_numpy())
    weight = fit.cells.frame["sum_w"].to_numpy(float)
    _, level = np.unique(mu.round(9), return_inverse=True)
    share = np.bincount(level, weight) / weight.sum()
    group = np.floor(groups * (np.cumsum(share) - share) + 1e-9)
    return np.unique(group, return_inverse=True)[1][level]


def _residuals(fit: LogitFit, by: Sequence[str] | None, groups: int) -> _Residuals:
    require_a(LogitFit, fit, FIT)
    cells = fit.cells
    if not isinstance(groups, int) or groups < 2:
        raise EstimandError(
            f"Expected two or more groups of risk, got {groups!r}.",
            "The usual number is 10.",
        )
    if by is None:
        label = pd.Series(_risk_groups(fit, groups) + 1).map("{:02d}".format)
        cells = replace(
            cells,
            frame=cells.frame.assign(**{RISK: pd.Categorical(label)}),
            by=(*cells.by, RISK),
        )
    names = [RISK] if by is None else axis_names(by, cells.by)
    axes, group = combinations(cells.frame, names)
    weight, events = cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    beta = fit.coef.to_numpy()
    mu = expit(fit.x @ beta)
    member = (group == np.arange(len(axes))[:, None]) / np.bincount(group, weight)[
        :, None
    ]
    mean, observed = member @ (events - mu * weight), member @ events
    held = np.hstack([member * (-mu - mean[group]), member])
    slope = (member * weight * mu * (1 - mu)) @ fit.x
    estimated = held - slope @ influence(fit.x, weight, beta)
    null = estimated + np.hstack([member * mean[group], np.zeros_like(member)])
    return _Residuals(axes, mean, observed, held, estimated, null, cells.counts(names))


def calibration(
    fit: LogitFit, by: Sequence[str] | None = None, groups: int = 10
) -> Estimates:
    r"""Observed less predicted: the weighted mean residual of each group, with its design-based standard error.

    .. math:: \hat M_g=\sum_{c\in g}(Y_c-\mu_cW_c)\Big/\sum_{c\in g}W_c,\qquad
              \mathrm{SE\ from\ }\ \frac{\partial\hat M_g}{\partial(W,Y)}-D_gI^{-1}[-(x\mu)',x'],\quad
              D_g=\frac{\sum_{c\in g}W_c\mu_c(1-\mu_c)x_c'}{\sum_{c\in g}W_c}

    The second part is there because the coefficients were estimated from the same people: without it the standard
    errors are too large, and those of a model that must fit are not zero.

    Parameters
    ----------
    fit : LogitFit
    by : sequence of str, optional
        Some of the axes of the cells, those left out of the model among them. By default groups of predicted risk.
    groups : int
        Of about equal weight, from low to high risk (10: deciles of risk). Cells of equal risk stay together, so there
        may be fewer.

    Returns
    -------
    Estimates
        Of kind difference, with further columns ``weighted`` (the share observed) and ``predicted``. Where the model
        fits a group whatever the data, the row is 0 with standard error 0 and without a p-value.

    Raises
    ------
    DisclosureError
        When shown: a group rests on fewer than 10 people.

    Notes
    -----
    R, with coefficients held: ``svyby(~residual, ~group, design, svymean)``; with coefficients estimated: ``svytotal``
    of the linearised values (tests/reference/diagnostics.R). Groups of equal weight: Graubard, Korn and Midthune
    (1997), *Proc. Section on Survey Research Methods*, American Statistical Association.
    """
    found = _residuals(fit, by, groups)
    cells, vcov = fit.cells, fit.cells.scatter.covariance(found.estimated)
    exact = np.diag(vcov) <= EXACT * np.diag(cells.scatter.covariance(found.held))
    mean = np.where(exact, 0.0, found.mean)
    vcov = np.where(exact[:, None] | exact, 0.0, vcov)
    terms = coefficients(fit)
    note = f"{cells.variance}; {cells.df_words}; Wald interval; model: {fit.formula}; mean residuals"
    origin = replace(
        terms,
        parts=(),
        df=cells.df,
        convention=note,
        labels=cells.labels | {RISK: "Risk, from low to high"},
    )
    smallest = np.minimum(found.counts["smallest"], terms.smallest.min()).to_numpy()
    n, none = found.counts["n"].to_numpy(), np.empty((len(mean), 0))
    made = contrast(
        replace(origin, _frame=origin.frame.iloc[:0]), found.axes, mean, none, n,
        kind="difference", smallest=smallest, covariance=vcov, df=cells.row_df(found.estimated),
    )  # fmt: skip
    made = replace(made, compared=())
    columns = {"weighted": found.observed, "predicted": found.observed - mean}
    return replace(made, _frame=made.frame.assign(**columns))


def goodness_of_fit(
    fit: LogitFit, by: Sequence[str] | None = None, groups: int = 10
) -> pd.DataFrame:
    r"""Test that the mean residual of every group is zero: Archer and Lemeshow's F-adjusted test, and a sharper one.

    .. math:: F_{held}=\frac{d-g+2}{d\,g}\,\hat M'V^{-1}\hat M\sim F_{g-1,\,d-g+2},\qquad
              F_{estimated}=\frac{d-r+1}{d\,r}\,\hat M'V_e^{-}\hat M\sim F_{r,\,d-r+1}

    with g groups, d design degrees of freedom, V the covariance of the mean residuals with the coefficients held, V_e
    the one with the coefficients estimated from the same people, taken where the means are zero, and r its rank.

    Parameters
    ----------
    fit, by, groups
        As for `calibration`.

    Returns
    -------
    DataFrame
        Two rows in the form of `LogitFit.term_test`; `trustlib.table` shows it. The first is Archer and Lemeshow's
        (Stata's ``svylogitgof``). It treats residuals as data, so that it rejects too seldom where groups are few or
        the model nearly fits them by itself; the second allows for the estimation.

    Raises
    ------
    EstimandError
        Groups, at these terms, that the model fits whatever the data (a saturated model): there is nothing to test.
    DisclosureError
        A group rests on fewer than 10 people.

    Notes
    -----
    R: ``m <- svyby(~residual, ~group, design, svymean, covmat = TRUE)`` and the quadratic form of ``coef(m)`` in
    ``solve(vcov(m))``. Sources: Archer and Lemeshow (2006), Stata Journal 6, 97-105; Archer, Lemeshow and Hosmer
    (2007), Computational Statistics & Data Analysis 51, 4450-4464; the adjustment is that of Thomas and Rao (1987),
    JASA 82, 630-636. Covariance with estimated coefficients: Moore and Spruill (1975), Annals of Statistics 3, 599-616.
    """
    from scipy.special import fdtrc

    found = _residuals(fit, by, groups)
    labels = [describe(row, list(found.axes)) for _, row in found.axes.iterrows()]
    require_showable(
        np.minimum(found.counts["smallest"], coefficients(fit).smallest.min()),
        labels,
        "This test",
    )
    held, null = (fit.cells.scatter.covariance(a) for a in (found.held, found.null))
    size = np.sqrt(np.diag(held))
    if (size <= 0).any():
        empty = labels[int(np.argmin(size))]
        raise EstimandError(
            f"The residuals of group {empty} do not vary.", "Use coarser groups."
        )
    g, mean = len(found.mean), found.mean / size
    d = fit.cells.joint_df(found.held)
    value, vector = np.linalg.eigh(null / np.outer(size, size))
    kept = value > EXACT
    if (rank := int(kept.sum())) == 0:
        hint = "Test it on finer cells, with an axis that the model leaves out."
        raise EstimandError(
            f"The model fits each of these {g} groups whatever the data: nothing to test.",
            hint,
        )
    first = mean @ np.linalg.solve(held / np.outer(size, size), mean)
    second = ((vector[:, kept].T @ mean) ** 2 / value[kept]).sum()
    own_d = fit.cells.joint_df(vector[:, kept].T @ (found.null / size[:, None]))
    what = (
        f"{g} groups of risk"
        if by is None
        else f"{g} groups by {', '.join(axis_names(by, fit.cells.by))}"
    )
    rows = [
        (
            "adjusted",
            f"{what}, coefficients held",
            first * (d - g + 2) / (d * g),
            g - 1,
            d - g + 2,
        ),
        (
            "adjusted",
            f"{what}, coefficients estimated",
            second * (own_d - rank + 1) / (own_d * rank),
            rank,
            own_d - rank + 1,
        ),
    ]
    return _tests(rows, fit.cells.source, fdtrc)


def _tests(rows: list, source: dict, upper: object) -> pd.DataFrame:
    """Rows (rule, term, F, df, df of the denominator) as `LogitFit.term_test` gives them."""
    out = pd.DataFrame(
        rows, columns=["rule", "term", "statistic", "df_num", "df_den"]
    ).set_index("rule")
    out["p_value"] = upper(
        out["df_num"], out["df_den"].where(out["df_den"] > 0), out["statistic"]
    )  # type: ignore[operator]
    out.attrs = {
        "source": source,
        "smallest": MINIMUM,
    }  # whoever calls this has asked the gate
    return out


def link_test(fit: LogitFit) -> pd.DataFrame:
    r"""Pregibon's link test: whether the square of the linear predictor adds anything to the linear predictor.

    .. math:: \mathrm{logit}\,p=\gamma_0+\gamma_1\hat\eta+\gamma_2\hat\eta^2,\qquad H_0:\gamma_2=0

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    DataFrame
        One row in the form of `LogitFit.term_test`: F is the square of Wald's t on the design df less 2.

    Raises
    ------
    EstimandError
        Fewer than three distinct predictions, or a model that fits every one of them whatever the data.

    Notes
    -----
    R: ``eta <- predict(fit); svyglm(y ~ eta + I(eta^2), design, family = quasibinomial())``. Stata: ``linktest`` after
    ``svy: logit``. The linear predictor counts as data. Source: Pregibon (1980), Applied Statistics 29, 15-24.
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("This test")
    cells, eta = fit.cells, fit.x @ fit.coef.to_numpy()
    share = cells.frame["sum_w"].to_numpy(float) / cells.frame["sum_w"].sum()
    eta = eta - share @ eta
    eta = eta / max(np.sqrt(share @ eta**2), 1e-12)
    distinct = len(np.unique(eta.round(9)))
    if distinct < 3:
        hint = "A model with one binary variable fits any link."
        raise EstimandError(
            f"The model has {distinct} distinct predictions; the test needs three.",
            hint,
        )
    if _exact(fit):
        hint = "Fit it to finer cells, or test a model with fewer terms."
        raise EstimandError(
            "The model fits every prediction whatever the data: any link fits as well.",
            hint,
        )
    frame = cells.frame.assign(eta=eta, eta_squared=eta**2)
    refit = fit_logit(
        replace(cells, frame=frame, by=(*cells.by, "eta", "eta_squared")),
        "eta + eta_squared",
    )
    test = refit.term_test("eta_squared").loc[["wald"]]
    return test.assign(term="square of the linear predictor (link test)")


def _exact(fit: LogitFit) -> bool:
    """Whether the model fits each group of people with one prediction whatever the data."""
    found = _residuals(fit, None, 10**6)
    held, estimated = (
        np.diag(fit.cells.scatter.covariance(a)) for a in (found.held, found.estimated)
    )
    return bool((estimated <= EXACT * held).all())


# -- terms, and what hangs on few -------------------------------------------------------------------------------------


def joint_tests(fit: LogitFit) -> pd.DataFrame:
    """Wald tests of each interaction, and of each axis with all terms that hold it.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    DataFrame
        Rows ``wald`` and ``adjusted`` of `LogitFit.term_test` for each. Main effects in a model with their interaction
        are not tested alone: they would be the gap in the reference group of the other axis.

    Notes
    -----
    R: ``regTermTest(fit, ~gender:ethnicity)``, ``regTermTest(fit, ~gender + gender:ethnicity)``. Stata: ``test``.
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("These tests")
    factors = {term: each for term, each in fit.spec.factors.items() if term != "1"}
    sets = {term: [term] for term, each in factors.items() if len(each) > 1}
    for axis in dict.fromkeys(name for each in factors.values() for name in each):
        inside = [term for term, each in factors.items() if axis in each]
        sets[f"{axis}, all terms"] = inside
    if not sets:
        raise EstimandError(
            "The model has an intercept only: there is no term to test.", "Add an axis."
        )
    tests = [fit.term_test(*each).assign(term=name) for name, each in sets.items()]
    out = pd.concat(tests)
    out.attrs = {
        "source": fit.cells.source,
        "smallest": coefficients(fit).smallest.min(),
    }
    return out


def influence_shares(fit: LogitFit) -> pd.DataFrame:
    r"""How much of a coefficient's variance hangs on one cell, and on one PSU or replicate: the largest share only.

    .. math:: s_c=\frac{u_c(\Sigma u)_c}{u'\Sigma u},\ u=\text{row of }I^{-1}x',\qquad
              s_{hj}=\frac{n_h}{n_h-1}\,\frac{(1-f_h)(z_{hj}-\bar z_h)^2}{V_{kk}}

    with the covariance :math:`\Sigma` of the residual totals of the cells, and z the total of a PSU's linearised
    values. The shares of one coefficient add up to 1; those of cells can be negative where cells go together.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    DataFrame
        Columns term, cell, unit. Which cell and which PSU is not told, and nothing of single people. ``unit`` is NaN
        for sealed cells, which hold no PSUs, for designs without PSUs, and for raked weights. Of replicate weights it
        is the largest share of one replicate.

    Notes
    -----
    R: ``z <- rowsum(residuals(fit, "response") * weights(fit) * model.matrix(fit) %*% solve(I), psu)``.
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("These shares")
    cells, weight = fit.cells, fit.cells.frame["sum_w"].to_numpy(float)
    beta, size = fit.coef.to_numpy(), len(fit.cells)
    linear = influence(fit.x, weight, beta)
    mu, bread = expit(fit.x @ beta), linear[:, size:]  # the derivative by Y is I^-1 x'
    sigma = cells.scatter.covariance(np.hstack([-np.diag(mu), np.eye(size)]))
    share = bread * (bread @ sigma)
    unit = np.full(len(beta), np.nan)
    scatter = cells.scatter
    if isinstance(scatter, ReplicateScatter) and fit.replicates is not None:
        centre = beta if scatter.mse else fit.replicates[scatter.scale > 0].mean(axis=0)
        moved = scatter.scale[:, None] * (fit.replicates - centre) ** 2
        unit = (moved / moved.sum(axis=0)).max(axis=0)
    if (
        isinstance(scatter, TaylorScatter)
        and scatter.psu is not None
        and scatter.margins is None
    ):
        rows = (
            linear[:, scatter.cell].T
            + scatter.answer[:, None] * linear[:, size + scatter.cell].T
        )
        z = sum_by(
            rows * scatter.sum_w[:, None], scatter.psu, int(scatter.psu.max()) + 1
        )
        stratum = np.zeros(len(z), dtype=np.int64)
        stratum[scatter.psu] = scatter.stratum
        n = scatter.n_psu[stratum]
        mean = sum_by(z, stratum, len(scatter.n_psu))[stratum] / n[:, None]
        factor = scatter.remaining[stratum] * np.where(
            n > 1, n / np.maximum(n - 1, 1), 0.0
        )
        unit = (factor[:, None] * (z - mean) ** 2 / np.diag(fit.vcov)).max(axis=0)
    terms = fit.coef.index
    return pd.DataFrame(
        {
            "term": terms,
            "cell": (share / share.sum(axis=1)[:, None]).max(axis=1),
            "unit": unit,
        }
    )


# -- all of it --------------------------------------------------------------------------------------------------------


def checks(fit: LogitFit, groups: int = 10) -> Report:
    """All checks of one model in one table: what was looked at, what was found, and what would be a bad sign.

    Parameters
    ----------
    fit : LogitFit
    groups : int
        Groups of risk of the goodness-of-fit test.

    Returns
    -------
    Report
        ``frame`` has the columns check, quantity and value, in full precision. A test that has nothing to test says so
        in ``shown`` and has no value.

    Raises
    ------
    DisclosureError
        A term of the model rests on fewer than 10 people.

    Notes
    -----
    People with the rarer answer per parameter: weighted surveys know fewer than they asked, so the *effective* number
    n_eff min(p, 1 - p) / k is given, with n_eff = p(1 - p)/SE^2 of everyone together. Fewer than 10 are few (Peduzzi et
    al. 1996, J. Clinical Epidemiology 49). The condition number is that of the information matrix with unit diagonal,
    its square root; above 30 terms are hard to tell apart (Belsley, Kuh and Welsch 1980).
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("This table")
    cells, k = fit.cells, len(fit.coef)
    weight, events = cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    mu, overall = (
        expit(fit.x @ fit.coef.to_numpy()),
        cell_means(cells, []).frame.iloc[0],
    )
    pure = int(((events <= 0) | (events >= weight)).sum())
    information = (fit.x * (weight * mu * (1 - mu))[:, None]).T @ fit.x
    scale = np.sqrt(np.diag(information))
    extreme = np.linalg.eigvalsh(information / np.outer(scale, scale))[[0, -1]]
    rarer = overall["n_eff"] * min(overall["estimate"], 1 - overall["estimate"]) / k
    share = influence_shares(fit)
    share = share[share["term"] != "Intercept"]
    condition, most = np.sqrt(extreme[1] / extreme[0]), share["cell"].max()
    values = [
        ("separation", "cells with one answer only", pure, f"{pure} of {len(cells)}", "above 0"),
        ("separation", "lowest prediction", mu.min(), f"{mu.min():.1%}", "near 0%"),
        ("separation", "highest prediction", mu.max(), f"{mu.max():.1%}", "near 100%"),
        ("size", "people per parameter", overall["n"] / k, f"{overall['n'] / k:,.0f}", "below 20"),
        ("size", "effective people with the rarer answer, per parameter", rarer, f"{rarer:,.0f}", "below 10"),
        ("terms", "condition number", condition, f"{condition:.1f}", "above 30"),
        ("influence", "largest share of one cell in a variance", most, f"{most:.0%}", "near 100%"),
    ]  # fmt: skip
    if share["unit"].notna().all():
        unit = share["unit"].max()
        values.append(
            (
                "influence",
                "largest share of one PSU or replicate",
                unit,
                f"{unit:.0%}",
                "above 25%",
            )
        )
    rows, texts = (
        [value[:3] for value in values],
        [(name, text, bad) for _, name, _, text, bad in values],
    )
    for what, test in (
        ("goodness of fit", lambda: goodness_of_fit(fit, None, groups)),
        ("goodness of fit", lambda: goodness_of_fit(fit, cells.by)),
        ("link", lambda: link_test(fit)),
    ):
        try:
            found = test()
        except (EstimandError, FitError) as error:
            name = "link test" if what == "link" else "goodness of fit"
            texts.append((name, str(error).splitlines()[0], ""))
            continue
        for row in found.itertuples():
            rows += [
                (what, f"{row.term}: {q}", getattr(row, q))
                for q in ("statistic", "df_num", "df_den", "p_value")
            ]
            p = "< 0.001" if row.p_value < 0.001 else f"= {row.p_value:.3f}"
            texts.append(
                (
                    row.term,
                    f"F({row.df_num:g}, {row.df_den:g}) = {row.statistic:.2f}, p {p}",
                    "small p",
                )
            )
    frame = pd.DataFrame(rows, columns=["check", "quantity", "value"])
    shown = pd.DataFrame(texts, columns=["What was looked at", "Found", "A bad sign"])
    return Report(
        frame,
        "Checks of the model",
        (f"{evidence(cells.source)}.", f"Model: {fit.formula}."),
        shown,
    )
