r"""Models of a probability other than the design-based logit: by Firth's method, and with other links.

`firth` gives finite log odds where a group has the outcome always or never (`fit_logit`
then refuses). `fit_by_link` is what the robustness grid fits.

The families are canonical (quasi-Poisson, Gaussian, binomial), so that the score is
:math:`x(Y-\mu W)` for all of them, as in `trustlib.logit`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import Cells
from trustlib.errors import FitError, require_a
from trustlib.estimates import Estimates
from trustlib.logit import LogitFit, fit_logit
from trustlib.margins import coefficients
from trustlib.newton import expit, one_thread
from trustlib.terms import design_matrix, require_overlap, require_rank, told_terms
from trustlib.variance import Array

FIRTH = (
    "Firth penalised likelihood, model-based SE, weights normalised: sensitivity only"
)
LINKS = ("logit", "log", "identity", "firth")
ROUNDS = 100
CONVERGED = 1e-11
LONGEST = 5  # step of a coefficient
TOLERANCES = (1e-9, 1e-7, 1e-5)  # of Firth's method: as exact as rounding allows
SIMPLER = "Use fewer terms or coarser levels."


@dataclass(frozen=True)
class Link:
    """The mean for a linear predictor, and its derivative."""

    mean: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def _logistic_slope(eta: Array) -> Array:
    return expit(eta) * expit(-eta)


INVERSE = {
    "log": Link(np.exp, np.exp),
    "identity": Link(np.array, np.ones_like),
    "firth": Link(expit, _logistic_slope),
}


def firth(cells: Cells, formula: str) -> Estimates:
    r"""Log odds by Firth's penalised likelihood: finite also where a group has the outcome always or never.

    .. math:: \ell^*(\beta)=\ell(\beta)+\tfrac12\log|I(\beta)|,\qquad V=I(\hat\beta)^{-1}

    Parameters
    ----------
    cells : Cells
        Everyone counts with their weight, scaled so that the weights sum to the number
        of people.
    formula : str
        As in `fit_logit`.

    Returns
    -------
    Estimates
        Of kind coefficient. Intervals are of the penalised profile likelihood, p-values
        of its likelihood ratio test, with the signed root of that as statistic: where
        data are separated they can be read, and the standard errors hardly. None of them
        knows strata, PSUs and the variation of the weights: a sensitivity analysis
        beside `fit_logit` on coarser groups, not a replacement for it. A limit that is
        not found is NaN.

    Raises
    ------
    FitError, RankError, UnknownNameError

    Notes
    -----
    Computed by firthmodels (MIT). R: ``logistf::logistf``, and
    ``glm(method = brglm2::brglmFit)``, whose standard errors these are (firthmodels and
    newer versions of logistf print smaller ones, of the augmented data).

    Sources: Firth (1993), Biometrika 80, 27-38; Heinze and Schemper (2002), Statistics
    in Medicine 21, 2409-2419.

    Examples
    --------
    Everybody in group b says yes, so that `fit_logit` has no answer:

    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 10 + [1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> log_odds = firth(cells, "group").frame.set_index("term")
    >>> log_odds.loc["group[T.b]", ["estimate", "conf_low"]].round(2).tolist()
    [3.71, 1.5]
    """
    from scipy.special import ndtri

    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    fit = _fit_other(cells, formula, "firth")
    log_odds = coefficients(fit)
    frame = log_odds.frame
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limits = fit.model.conf_int(method="pl", max_iter=200, tol=1e-6)
        p_values = fit.model.lrt().lrt_pvalues_
    frame[["conf_low", "conf_high"]] = limits
    frame["p_value"] = p_values
    frame["statistic"] = -np.sign(frame["estimate"]) * ndtri(frame["p_value"] / 2)
    how = f"{FIRTH}; penalised profile likelihood interval; model: {formula}"
    return replace(log_odds, _frame=frame, convention=how)


@dataclass(frozen=True, eq=False, repr=False)
class LinkFit(LogitFit):
    """A model that `predictions` takes as it takes a logit.

    Attributes
    ----------
    link : str
        A key of `INVERSE`.
    model : firthmodels results, optional
        Of Firth's method; `glm` is None.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
    >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> p, _ = fit_by_link(cells, "group", "log").probabilities(cells.frame)
    >>> p.round(9).tolist()
    [0.25, 0.5]
    """

    link: str = "log"
    model: Any = None

    @property
    def glm(self) -> None:  # type: ignore[override]
        """Nothing: statsmodels' logit is another model."""

    def probabilities(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Fitted means mu, and the derivatives of logit(mu): for a logit its design matrix."""
        _, x = super().probabilities(frame)
        eta = x @ self.coef.to_numpy()
        mu = INVERSE[self.link].mean(eta)
        slope = INVERSE[self.link].slope(eta)
        at_an_end = (mu == 0) | (mu == 1)
        inside = np.clip(mu, 1e-300, 1 - 1e-16)
        mu = np.where(at_an_end, inside, mu)
        by_logit = slope / (mu * (1 - mu))
        return mu, x * by_logit[:, None]

    @property
    def _influence(self) -> Array:
        """Derivative (p, 2C) of the coefficients by the cell totals."""
        weight = self.cells.frame["sum_w"].to_numpy(float)
        eta = self.x @ self.coef.to_numpy()
        mu = INVERSE[self.link].mean(eta)
        slope = INVERSE[self.link].slope(eta)
        bread = (self.x * (weight * slope)[:, None]).T @ self.x
        scores = np.hstack([-(self.x * mu[:, None]).T, self.x.T])
        return np.linalg.inv(bread) @ scores


def fit_by_link(cells: Cells, formula: str, link: str) -> LogitFit:
    """Fit a model with design-based covariance by link, or by Firth's method with its own.

    Parameters
    ----------
    cells : Cells
    formula : str
        As in `fit_logit`.
    link : {"logit", "log", "identity", "firth"}

    Returns
    -------
    LogitFit
        Of another link a `LinkFit`.

    Raises
    ------
    FitError, RankError, UnknownNameError

    Notes
    -----
    R: ``svyglm(family = quasibinomial() | quasipoisson() | gaussian())``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 20, "w": 1.0})
    >>> rows["y"] = [1.0] * 5 + [0.0] * 15 + [1.0] * 10 + [0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> fit_by_link(cells, "group", "identity").coef.round(9).to_dict()
    {'Intercept': 0.25, 'group[T.b]': 0.25}
    """
    if link == "logit":
        return fit_logit(cells, formula)
    return _fit_other(cells, formula, link)


def _fit_other(cells: Cells, formula: str, link: str) -> LinkFit:
    """The same for what is no ordinary logit."""
    matrix = design_matrix(cells, formula)
    x = matrix.x
    names = matrix.names
    require_rank(x, told_terms(names, cells))
    weight, events = cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    if link == "log":
        # Only a cell without the outcome does harm: with doubled weights none looks as
        # if all had it.
        require_overlap(x, names, 2 * weight, events, cells)
    model = None
    with one_thread():
        if link == "firth":
            scale = cells.frame["n"].sum() / weight.sum()
            model = _firth_model(x, scale * weight, scale * events)
            beta = model.coef_
            vcov = _bread(x, weight, beta, link) / scale
            cells = replace(cells, variance=FIRTH, df=np.inf)
        else:
            beta = _newton(x, weight, events, link)
            vcov = _design_covariance(cells, x, beta, link)
    coef = pd.Series(beta, names)
    table = pd.DataFrame(vcov, names, names)
    df = cells.df - (len(names) - 1)
    spec = matrix.spec
    return LinkFit(cells, formula, coef, table, df, x, spec, link=link, model=model)


def _bread(x: Array, weight: Array, beta: Array, link: str) -> Array:
    """Inverse of the derivative of the score."""
    slope = INVERSE[link].slope(x @ beta)
    return np.linalg.inv(_information(x, weight * slope))


def _information(x: Array, weight: Array) -> Array:
    """Weighted sum of x x'."""
    return (x * weight[:, None]).T @ x


def _design_covariance(cells: Cells, x: Array, beta: Array, link: str) -> Array:
    """By linearisation, or from refits under each set of replicate weights."""

    def refitted(people: Array, events: Array) -> Array:
        totals = zip(people, events, strict=True)
        return np.array([_newton(x, w, y, link) for w, y in totals])

    weight = cells.frame["sum_w"].to_numpy(float)
    mu = INVERSE[link].mean(x @ beta)
    by_totals = np.hstack([-(x * mu[:, None]).T, x.T])
    a = _bread(x, weight, beta, link) @ by_totals
    return cells.scatter.spread(beta, a, refitted).vcov


def _newton(x: Array, weight: Array, events: Array, link: str) -> Array:
    """Coefficients with sum x (Y - mu W) = 0, started from the same mean for everyone."""
    inverse = INVERSE[link]
    start = 0.0
    if link == "log":
        start = np.log(events.sum() / weight.sum())
    everyone = np.full(len(x), start)
    beta = np.linalg.lstsq(x, everyone, rcond=None)[0]
    for _ in range(ROUNDS):
        eta = x @ beta
        information = _information(x, weight * inverse.slope(eta))
        score = x.T @ (events - weight * inverse.mean(eta))
        step = np.linalg.solve(information, score)
        beta = beta + np.clip(step, -LONGEST, LONGEST)
        if np.abs(step).max() < CONVERGED:
            return beta
    raise FitError(f"The model with {link} link did not converge.", SIMPLER)


def _firth_model(x: Array, weight: Array, events: Array) -> Any:
    """A fitted FirthLogisticRegression, as exact as rounding allows: no step may lower its likelihood."""
    from firthmodels import FirthLogisticRegression

    rows = np.vstack([x, x])
    answers = np.repeat([0, 1], len(x))
    people = np.r_[weight - events, events]
    answers_differ = 0 < events.sum() < weight.sum()
    for tolerance in TOLERANCES if answers_differ else ():
        model = FirthLogisticRegression(
            gtol=100 * tolerance,
            xtol=tolerance,
            max_iter=500,
            fit_intercept=False,
            backend="numpy",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows, answers, people)
        if model.converged_:
            return model
    raise FitError(
        "Firth's method did not converge, or all answers are alike.", SIMPLER
    )
