r"""Intersectional MAIHDA: random intercepts for the strata, on grouped counts.

Multilevel analysis of individual heterogeneity and discriminatory accuracy asks how much of the variation in a 0/1
outcome lies between intersectional strata, and how much of that the main effects of the axes account for. A cell i of
stratum j(i) has :math:`n_i` people, :math:`y_i` of them with the outcome:

.. math:: y_i\sim\mathrm{Bin}(n_i,\mathrm{expit}\,\eta_i),\qquad \eta_i=x_i'\beta+\sigma b_{j(i)},\qquad
          b_j\sim N(0,1).

A ladder of models shares the strata: *null* (an intercept), *adjusted* (covariates) and *additive* (covariates and the
main effects of the axes). What the additive model leaves between strata is interaction, on the log-odds scale.

The integral over b has no closed form, so every estimate of sigma is an approximation and says which one. REML-Laplace,
the default, integrates over beta and b together (Laplace's method, flat prior for beta):

.. math:: \ell_R(\sigma)=\ell(\hat\beta,\hat b)-\tfrac12\hat b'\hat b-\tfrac12\log\det H(\hat\beta,\hat b)

at their joint mode, with H the negative Hessian. Maximum likelihood integrates over b only, by Laplace's method or by
adaptive Gauss-Hermite quadrature. With 16 strata of four axes it puts the additive variance a third too low on average
(``benchmarks/maihda_bias.py``), which flatters the PCV.

Sources: Merlo (2018) and Evans et al. (2018), *Social Science & Medicine*, for the models; Merlo et al. (2006) for the
median odds ratio; Pinheiro and Chao (2006) for the quadrature; Weerahandi (1993) for the interval of the PCV.
R: ``lme4::glmer`` (maximum likelihood), ``glmmTMB::glmmTMB(REML = TRUE)``.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trustlib.cells import SUMS, Cells, combinations
from trustlib.errors import (
    ConvergenceError,
    EstimandError,
    RankError,
    axis_names,
    is_number,
    require_a,
    require_names,
)
from trustlib.estimates import (
    Estimates,
    contrast,
    estimates_of_cells,
    result_frame,
)
from trustlib.expressions import quoted
from trustlib.intervals import logit_interval, t_quantile
from trustlib.levels import cell_means
from trustlib.logit import _blas, _design_matrix, _require_overlap, _require_rank, expit
from trustlib.variance import Array

BOUNDARY = 1e-6  # a smaller variance is reported as zero
LATENT = np.pi**2 / 3  # variance of the standard logistic distribution
SIGMAS = (
    0.0,
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
)  # where the search for sigma begins; an estimate at the end is no maximum
BESIDE = ("raw", "weighted", "weighted_low", "weighted_high", "additive")
OF_VARIANCE = {
    "vpc": lambda v: v / (v + LATENT),
    "mor": lambda v: np.exp(0.6744897501960817 * np.sqrt(2 * v)),
}

# Grouped counts: n, events (C,), stratum (C,) sorted, first (J,) row of each stratum, x (C, p).
_Counts = namedtuple("_Counts", "n events stratum first x")
# Where the penalised log-likelihood of one sigma is highest: beta (p,), b (J,); n mu (1 - mu) and events - n mu (C,);
# the Hessian's block of b (J,), a diagonal, its cross block (J, p), and the Schur complement (p, p), the inverse of
# the covariance of beta; and -2 times the REML-Laplace log-likelihood.
_Modes = namedtuple("_Modes", "beta b weight error curvature cross schur deviance")


def _sum(rows: Array, c: _Counts) -> Array:
    """Sums of rows (C, ...) by stratum."""
    return np.add.reduceat(rows, c.first, axis=0)


def _modes(c: _Counts, sigma: float, beta: Array, free: bool = True) -> _Modes:
    """Newton's method for beta and b, or (not `free`) for b alone; a step that overshoots is halved."""
    b = step_b = np.zeros(len(c.first))
    best, step = -np.inf, 0 * beta
    for _ in range(200):
        eta = c.x @ beta + sigma * b[c.stratum]
        value = c.events @ eta - c.n @ np.logaddexp(0, eta) - b @ b / 2
        if value < best - 1e-9 * abs(best):
            step, step_b = step / 2, step_b / 2
            beta, b = beta - step, b - step_b
            continue
        best, mu = value, expit(eta)
        weight, error = c.n * mu * (1 - mu), c.events - c.n * mu
        curvature, cross = (
            1 + sigma**2 * _sum(weight, c),
            sigma * _sum(weight[:, None] * c.x, c),
        )
        schur = (c.x * weight[:, None]).T @ c.x - cross.T @ (cross / curvature[:, None])
        toward = sigma * _sum(error, c) - b
        step = (
            np.linalg.solve(schur, c.x.T @ error - cross.T @ (toward / curvature))
            if free
            else step
        )
        step_b = (toward - cross @ step) / curvature
        beta, b = beta + step, b + step_b
        if max(np.abs(step).max(), np.abs(step_b).max()) < 1e-10:
            deviance = np.log(curvature).sum() + np.linalg.slogdet(schur)[1] - 2 * best
            return _Modes(beta, b, weight, error, curvature, cross, schur, deviance)
    raise ConvergenceError(
        "The fit did not converge in 200 steps.", "Use fewer terms or coarser levels."
    )


def _restricted(c: _Counts) -> tuple[float, _Modes]:
    """Sigma that maximises the REML-Laplace likelihood, and the modes there."""
    from scipy.optimize import minimize_scalar

    at = _modes(c, 0.0, np.zeros(c.x.shape[1]))
    path = [_modes(c, sigma, at.beta).deviance for sigma in SIGMAS]
    k, options = int(np.argmin(path)), {"method": "bounded", "options": {"xatol": 1e-9}}
    bounds = SIGMAS[max(k - 1, 0)], SIGMAS[min(k + 1, len(SIGMAS) - 1)]
    found = minimize_scalar(
        lambda sigma: _modes(c, sigma, at.beta).deviance, bounds=bounds, **options
    )
    return float(found.x), _modes(c, found.x, at.beta)


def _minus_log_likelihood(theta: Array, c: _Counts, points: int) -> tuple[float, Array]:
    r"""Minus the log-likelihood of theta = (beta, sigma) by adaptive quadrature, and its exact gradient.

    The nodes :math:`b_{jk}=\hat b_j+\tau_j t_k`, with :math:`\tau_j^{-2}` the curvature at the mode, move with theta,
    and the gradient follows them. With one point this is Laplace's approximation.
    """
    from scipy.special import logsumexp

    sigma = theta[-1]
    at = _modes(c, sigma, theta[:-1], free=False)
    node, factor = np.polynomial.hermite_e.hermegauss(points)
    own, tau = (
        np.c_[c.x, at.b[c.stratum]],
        at.curvature**-0.5,
    )  # own: derivative of eta while b stays
    d_mode = -sigma * _sum(at.weight[:, None] * own, c)
    d_mode[:, -1] += _sum(at.error, c)
    d_mode /= at.curvature[:, None]
    third = at.weight * (1 - 2 * expit(own[:, :-1] @ theta[:-1] + sigma * own[:, -1]))
    d_curvature = sigma**2 * _sum(third[:, None] * (own + sigma * d_mode[c.stratum]), c)
    d_curvature[:, -1] += 2 * sigma * _sum(at.weight, c)
    b = at.b[:, None] + tau[:, None] * node
    eta, n, events = (
        (c.x @ theta[:-1])[:, None] + sigma * b[c.stratum],
        c.n[:, None],
        c.events[:, None],
    )
    value = (
        _sum(events * eta - n * np.logaddexp(0, eta), c)
        + (node**2 - b**2) / 2
        + np.log(factor / factor.sum())
    )
    total = logsumexp(value, axis=1)
    share = np.exp(value - total[:, None])
    error = events - n * expit(eta)
    toward, shared = share * (sigma * _sum(error, c) - b), error * share[c.stratum]
    gradient = (
        np.r_[c.x.T @ shared.sum(axis=1), (shared * b[c.stratum]).sum()]
        + toward.sum(axis=1) @ d_mode
    )
    gradient -= ((1 + (toward @ node) * tau) / (2 * at.curvature)) @ d_curvature
    return -float((total + np.log(tau)).sum()), -gradient


def _maximum_likelihood(c: _Counts, points: int) -> tuple[float, _Modes, float]:
    """Sigma that maximises the likelihood, the modes there, and its logarithm; the search starts from REML."""
    from scipy.linalg import block_diag
    from scipy.optimize import minimize
    from scipy.special import betaln

    sigma, at = _restricted(c)
    start = np.r_[at.beta, max(sigma, 0.1)]
    root = block_diag(
        np.linalg.inv(np.linalg.cholesky(at.schur)), (2 * len(at.b)) ** -0.5
    )
    options = {"gtol": 1e-5, "hess_inv0": root.T @ root}
    found = minimize(
        _minus_log_likelihood, start, (c, points), "BFGS", jac=True, options=options
    )
    if np.abs(found.jac).max() > 0.01:
        raise ConvergenceError(
            "No maximum of the likelihood was found.", "Use method='reml'."
        )
    ways = -np.log1p(c.n) - betaln(
        c.n - c.events + 1, c.events + 1
    )  # log binomial coefficients
    return (
        abs(float(found.x[-1])),
        _modes(c, abs(found.x[-1]), found.x[:-1], free=False),
        ways.sum() - found.fun,
    )


@dataclass(frozen=True, eq=False, repr=False)
class RandomIntercept:
    """One random-intercept logistic model.

    Attributes
    ----------
    coef : Series (p,)
        Fixed effects, log odds (ratios).
    vcov : DataFrame (p, p)
        Their covariance, with the variance between strata taken as known and people counted as a simple random sample.
    variance : float
        Variance between strata, log odds squared; 0 on the boundary (below 1e-6).
    intercepts : array (J,)
        Conditional mode of each stratum's intercept, log odds, in the order of the strata.
    log_likelihood : float
        Of maximum likelihood, with the binomial coefficients of the grouped counts, as R's ``logLik``; NaN for REML.
    """

    coef: pd.Series
    vcov: pd.DataFrame
    variance: float
    intercepts: Array
    log_likelihood: float
    _counts: _Counts
    _modes: _Modes

    @property
    def aic(self) -> float:
        """Akaike's information criterion, -2 log-likelihood + 2 (p + 1), as R's ``AIC``; NaN for REML."""
        return 2 * (len(self.coef) + 1 - self.log_likelihood)

    @property
    def vpc_response(self) -> float:
        """VPC on the scale of probabilities, var(pi)/(m(1 - m)), pi = expit(intercept + b), m its mean (Goldstein)."""
        node, weight = np.polynomial.hermite_e.hermegauss(100)
        pi, share = (
            expit(self.coef.iloc[0] + np.sqrt(self.variance) * node),
            weight / weight.sum(),
        )
        mean = share @ pi
        return (
            float(share @ (pi - mean) ** 2 / (mean * (1 - mean)))
            if len(self.coef) == 1
            else np.nan
        )

    def probabilities(self, shrunken: bool = True) -> Array:
        """Predicted probability (C,) of each cell, with its stratum's intercept or (not `shrunken`) with none."""
        return expit(
            self._counts.x @ self.coef.to_numpy()
            + shrunken * self.intercepts[self._counts.stratum]
        )


def _fit(
    cells: Cells, terms: list[str], c: _Counts, method: str, points: int
) -> RandomIntercept:
    """Fit one model; refuse what is not identified."""
    _, x, names = _design_matrix(cells, " + ".join(map(quoted, terms)) or "1")
    _require_rank(x, names)
    _require_overlap(x, names, c.n, c.events, cells)
    c = c._replace(x=x)
    constant = np.maximum.reduceat(x, c.first) == np.minimum.reduceat(
        x, c.first
    )  # within strata
    if constant.all(axis=0).sum() >= len(c.first):
        text = f"The main effects leave nothing to vary between {len(c.first)} strata."
        raise RankError(
            text,
            "Use more axes or finer levels: there must be more strata than main effects.",
        )
    sigma, at, likelihood = (
        (*_restricted(c), np.nan)
        if method == "reml"
        else _maximum_likelihood(c, points)
    )
    if sigma > 0.99 * SIGMAS[-1]:
        raise ConvergenceError(
            "The variance between strata has no maximum.",
            "Use method='ml' or coarser strata.",
        )
    if sigma**2 < BOUNDARY:
        sigma, at = 0.0, _modes(c, 0.0, at.beta)
    coef, vcov = (
        pd.Series(at.beta, names, name="coef"),
        pd.DataFrame(np.linalg.inv(at.schur), names, names),
    )
    return RandomIntercept(coef, vcov, sigma**2, sigma * at.b, float(likelihood), c, at)


def _auc(p: Array, n: Array, events: Array) -> float:
    """Chance that of two people, one with the outcome and one without, the former has the higher p; ties count half."""
    order = np.unique(p.round(12), return_inverse=True)[1]
    yes, no = np.bincount(order, events), np.bincount(order, n - events)
    return float(yes @ (np.cumsum(no) - no / 2) / (yes.sum() * no.sum()))


def _interval(fit: RandomIntercept, measure: str, draws: int, seed: int) -> Array:
    """Both ends of a 95 % interval; see `MaihdaFit.interval`."""
    c, at, best = fit._counts, fit._modes, np.sqrt(fit.variance)
    sigma = max(best, 0.05) * np.tan(np.linspace(0, np.pi / 2, 202)[:-1])
    excess = np.array([_modes(c, s, at.beta).deviance for s in sigma]) - at.deviance
    root = np.maximum.accumulate(
        np.sign(sigma - best) * np.sqrt(np.clip(excess, 0, None))
    )
    if measure != "pcv":
        return OF_VARIANCE[measure](
            np.interp(t_quantile(np.inf) * np.array([-1, 1]), root, sigma) ** 2
        )
    rng, mean, pcv = (
        np.random.default_rng(seed),
        _sum(c.n[:, None] * c.x, c) / _sum(c.n, c)[:, None],
        np.empty(draws),
    )
    mean -= mean.mean(axis=0)
    for i, s in enumerate(np.interp(rng.standard_normal(draws), root, sigma)):
        drawn = _modes(c, s, at.beta)
        spread = mean @ np.linalg.cholesky(np.linalg.inv(drawn.schur))
        line = mean @ drawn.beta + spread @ rng.standard_normal(len(at.beta))
        explained = max(
            (line @ line - 2 * (spread**2).sum()) / (len(mean) - 1), BOUNDARY
        )
        pcv[i] = explained / (explained + s**2)
    return np.quantile(pcv, [0.025, 0.975])


@dataclass(frozen=True, eq=False, repr=False)
class MaihdaFit:
    r"""The models of one intersectional MAIHDA.

    Attributes
    ----------
    cells : Cells
    by : tuple of str
        The axes whose observed combinations are the strata.
    fits : dict of str to RandomIntercept
        ``null``, ``adjusted`` (if there are covariates) and ``additive`` (if there are two axes or more).
    models : DataFrame
        One row for each of them: variance; vpc, the variance partition coefficient :math:`\sigma^2/(\sigma^2+\pi^2/3)`
        on the latent scale; vpc_response, that on the scale of probabilities (of the null model only); mor, the median
        odds ratio :math:`\exp(\Phi^{-1}(0.75)\sqrt{2\sigma^2})` between two random strata; auc, the area under the ROC
        curve of the model's probabilities; pcv, the proportional change in variance
        :math:`1-\sigma^2/\sigma^2_{\mathrm{null}}`, NaN if the null model finds no variance.
    vpc, mor, auc : float
        Those of the null model.
    pcv : float
        That of the last model: the additive one, or the adjusted one where there is a single axis.
    weights : bool
        Whether these are population-weighted point estimates.
    method : {"reml", "ml"}
    convention : str
        Strata, approximation and treatment of weights, in one line.
    notes : tuple of str
        Cautions: a variance on the boundary, an undefined PCV.
    """

    cells: Cells
    by: tuple[str, ...]
    fits: dict[str, RandomIntercept]
    models: pd.DataFrame
    weights: bool
    method: str
    convention: str
    notes: tuple[str, ...]
    _people: Array  # (C,)

    vpc = property(lambda self: float(self.models.loc["null", "vpc"]))
    mor = property(lambda self: float(self.models.loc["null", "mor"]))
    auc = property(lambda self: float(self.models.loc["null", "auc"]))
    pcv = property(lambda self: float(self.models["pcv"].iloc[-1]))

    def __repr__(self) -> str:
        return f"<MaihdaFit: {self.cells.outcome}; {', '.join(self.fits)}; {self.convention}>"

    def interval(
        self, measure: str = "pcv", draws: int = 1000, seed: int = 0
    ) -> Estimates:
        r"""The models' VPC, MOR or PCV with 95 % intervals, for pages too.

        Parameters
        ----------
        measure : {"pcv", "vpc", "mor"}
        draws, seed : int
            For the PCV only, whose interval is simulated.

        Returns
        -------
        Estimates
            One row for each model; the PCV has none for the null model.

        Raises
        ------
        EstimandError
            For maximum likelihood, whose variances are biased; for ``weights=True``; for a PCV that is not defined.

        Notes
        -----
        VPC and MOR: profile REML likelihood, all sigma whose signed root
        :math:`r(\sigma)=\pm\sqrt{2[\ell_R(\hat\sigma)-\ell_R(\sigma)]}` is within 1.96. PCV: sigma is drawn from
        :math:`r(\sigma)\sim N(0,1)` and beta from its normal distribution given sigma, and

        .. math:: \mathrm{PCV}^*=\frac{S^*}{S^*+\sigma^{*2}},\qquad
                  S^*=\mathrm{var}_j(\bar x_j'\beta^*)-2\,\mathrm{tr}(C\,V_\beta)

        with C the covariance of the strata's mean x: the trace takes out what the error of the estimate and that of the
        draw add to the variance between strata. This is a generalised confidence interval (Weerahandi 1993). The
        percentile bootstrap covers less evenly: ``benchmarks/maihda_coverage.py`` measures both.
        """
        require_names("measure", [measure], ("pcv", *OF_VARIANCE))
        value = self.models[measure].dropna()
        if self.method != "reml" or self.weights or value.empty:
            hint = "Fit with method='reml' and weights=False; a PCV needs a null variance above zero."
            raise EstimandError(
                f"There is no interval for {measure} here ({self.convention}).", hint
            )
        with _blas().limit(limits=1):
            low, high = np.array(
                [
                    _interval(self.fits[name], measure, draws, seed)
                    for name in value.index
                ]
            ).T
        people, blank = self.cells.counts([]).iloc[0], np.full(len(value), np.nan)
        axes = pd.DataFrame({"model": value.index, "measure": measure})
        frame = result_frame(
            axes,
            (
                value.to_numpy(),
                blank,
                low,
                high,
                blank,
                blank,
                np.inf,
                people["n"],
                blank,
            ),
        )
        how = (
            f"simulated from the profile, {draws} draws, seed {seed}"
            if measure == "pcv"
            else "profile likelihood"
        )
        least, note = (
            self.cells.counts(self.by)["smallest"].min(),
            f"{self.convention}; interval: {how}",
        )
        smallest = np.full(len(value), least)
        result = estimates_of_cells(
            self.cells, frame, np.diag(blank), "multilevel", note, smallest, np.inf
        )
        return replace(result, notes=self.notes)

    @property
    def _parts(self) -> Estimates:
        """Probabilities of the last model: J rows with the stratum's intercept, then J rows with none."""
        fit, counts = [*self.fits.values()][-1], self.cells.counts(self.by)
        c, at = fit._counts, fit._modes
        share, p, a, own = self._people / _sum(self._people, c)[c.stratum], [], [], []
        for shrunken in (True, False):
            mu = fit.probabilities(shrunken)
            slope = share * mu * (1 - mu)
            to_b = shrunken * np.sqrt(fit.variance) * _sum(slope, c)
            p += [*_sum(share * mu, c)]
            a += [
                *(
                    _sum(slope[:, None] * c.x, c)
                    - (to_b / at.curvature)[:, None] * at.cross
                )
            ]
            own += [*(to_b**2 / at.curvature)]
        vcov = (
            np.array(a) @ fit.vcov.to_numpy() @ np.array(a).T
            + np.diag(own)
            + (np.nan if self.weights else 0)
        )
        low, high = logit_interval(np.array(p), se := np.sqrt(np.diag(vcov)), np.inf)
        values = (
            p,
            se,
            low,
            high,
            np.nan,
            np.nan,
            np.inf,
            np.tile(counts["n"], 2),
            np.nan,
        )
        frame, smallest = (
            result_frame(pd.concat([counts[list(self.by)]] * 2), values),
            np.tile(counts["smallest"], 2),
        )
        note = self.convention + (
            ""
            if self.weights
            else "; normal, variance between strata as known; logit interval"
        )
        return replace(
            estimates_of_cells(
                self.cells, frame, vcov, "prediction", note, smallest, np.inf
            ),
            notes=self.notes,
        )

    @property
    def strata(self) -> Estimates:
        """Each stratum as counted, as weighted, and shrunken by the last model.

        Returns
        -------
        Estimates (J rows)
            Of kind level. ``estimate`` is the shrunken probability, over the stratum's own covariates; its interval
            takes the variance between strata as known. Beside it in the frame: ``raw``, people with the outcome over
            people (NaN for sealed cells); ``weighted``, the saturated design-based logit (`cell_means`), with its
            interval; ``additive``, the model with no intercept of the stratum's own.
        """
        parts, weighted = self._parts, cell_means(self.cells, self.by).frame
        sums = (
            self.cells.frame.reindex(columns=[*self.by, *SUMS])
            .groupby([*self.by], observed=True)
            .sum(min_count=1)
        )
        model, additive = np.split(parts.frame["estimate"].to_numpy(), 2)
        sides = (
            (sums["n_events"] / sums["n"]).to_numpy(),
            *weighted[["estimate", "conf_low", "conf_high"]].to_numpy().T,
        )
        shrunken = parts.where(np.arange(len(parts)) < len(model))
        frame = shrunken.frame.assign(
            **dict(zip(BESIDE, (*sides, additive), strict=True))
        )
        return replace(shrunken, _frame=frame, kind="level")

    @property
    def excess(self) -> Estimates:
        """Each stratum's shrunken probability less that of the additive part alone.

        It is the interaction, in points.

        Returns
        -------
        Estimates (J rows)
            Of kind difference. If the last variance is on the boundary, all are zero and have no interval. Strata
            of one axis have no additive part: theirs is the adjusted model, or the intercept.
        """
        parts, size = self._parts, len(self._parts) // 2
        if [*self.fits.values()][-1].variance == 0:
            parts = replace(parts, vcov=parts.vcov * np.nan)
        p, n, one = (
            parts.frame["estimate"].to_numpy(),
            parts.frame["n"].to_numpy()[:size],
            np.eye(size),
        )
        axes, value, jacobian = (
            parts.frame[[*self.by]][:size],
            p[:size] - p[size:],
            np.hstack([one, -one]),
        )
        return contrast(
            parts,
            axes,
            value,
            jacobian,
            n,
            kind="difference",
            smallest=parts.smallest[:size],
        )


def _worth(table: pd.DataFrame) -> Array:
    """Kish's effective number of people of each cell."""
    total = table["sum_w"].to_numpy(float)
    return total**2 / table["sum_w2"].to_numpy(float)


def maihda(
    cells: Cells,
    strata: Sequence[str] | None = None,
    covariates: Sequence[str] = (),
    weights: bool = False,
    method: str = "reml",
    points: int = 1,
) -> MaihdaFit:
    r"""Intersectional MAIHDA: null, adjusted and additive random-intercept logistic models of the strata.

    Parameters
    ----------
    cells : Cells
        Axes that are neither strata nor covariates are summed over.
    strata : sequence of str, optional
        The axes whose observed combinations are the strata; by default all that are no covariates.
    covariates : sequence of str
        Axes that enter as fixed main effects: categories as dummies, numbers as numbers.
    weights : bool
        False: every person counts once and the weights are not used. True: each cell of strata and covariates has its
        weighted proportion, and as many people as it is worth, Kish's effective number
        :math:`(\sum w)^2/\sum w^2`. With the plain number of people the noise of uneven weights would count as variance
        between strata (``benchmarks/maihda_weights.py``). These are population-weighted point estimates: no standard
        error of them is known, and none is given.
    method : {"reml", "ml"}
        REML-Laplace, or maximum likelihood, whose variances are biased downwards when strata are few.
    points : int
        Quadrature points of ``method="ml"``: 1 is Laplace's approximation, more are adaptive Gauss-Hermite.

    Returns
    -------
    MaihdaFit

    Raises
    ------
    UnknownNameError
    EstimandError
        Sealed cells without ``weights=True``, several points with REML, axes that cannot be strata.
    RankError
        The fixed effects are aliased, or leave nothing to vary between strata.
    SeparationError
        The fixed effects predict the outcome perfectly, for example if nobody with some level has the outcome.
    ConvergenceError
        The variance between strata has no maximum, or none was found. A stratum in which nobody, or everyone, has the
        outcome may do that, under REML sooner than under ``method="ml"``.

    Notes
    -----
    R: ``glmer(cbind(y, n - y) ~ 1 + (1 | stratum), family = binomial, nAGQ = points)`` and
    ``glmmTMB(cbind(y, n - y) ~ 1 + (1 | stratum), family = binomial, REML = TRUE)``. With ``weights=True`` n is the
    effective number of people and y its weighted share with the outcome; glmer rounds such counts in its likelihood, so
    that the two agree where they are whole numbers.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    covariates = axis_names(covariates, cells.by)
    strata = axis_names(
        [c for c in cells.by if c not in covariates] if strata is None else strata,
        cells.by,
    )
    require_names("method", [method], ("reml", "ml"))
    require_names("value of weights", [weights], (True, False))
    if not strata or {*strata} & {*covariates}:
        raise EstimandError(
            f"These cannot be strata: {strata}.", "Name axes that are no covariates."
        )
    if (
        not is_number(points, whole=True)
        or not 1 <= points <= 100
        or (points > 1 and method == "reml")
    ):
        raise EstimandError(
            f"Got points={points!r} with method={method!r}.",
            "Points are 1 to 100; with REML, 1.",
        )
    if cells.sealed and not weights:
        raise EstimandError(
            "Sealed cells hold no counts of answers.",
            "Use weights=True, or unsealed cells.",
        )
    by, frame = (
        [*strata, *covariates],
        cells.frame.astype(dict.fromkeys(strata, "category")),
    )
    table = (
        frame.groupby(by, observed=True)[[c for c in SUMS if c in frame]]
        .sum()
        .reset_index()
    )
    total, events = ("sum_w", "sum_wy") if weights else ("n", "n_events")
    people, share = (
        table[total].to_numpy(float),
        (table[events] / table[total]).clip(0, 1).to_numpy(),
    )
    n = _worth(table) if weights else table["n"].to_numpy(float)
    stratum = combinations(table, strata)[1]
    counts = _Counts(
        n, n * share, stratum, np.flatnonzero(np.diff(stratum, prepend=-1)), None
    )
    ladder = {
        "null": [],
        "adjusted": covariates,
        "additive": [*covariates, *strata] if len(strata) > 1 else [],
    }
    grouped = replace(cells, frame=table, by=tuple(by))
    with _blas().limit(limits=1):
        fits = {
            k: _fit(grouped, v, counts, method, points)
            for k, v in ladder.items()
            if v or k == "null"
        }
    models = pd.DataFrame(
        {"variance": {k: fit.variance for k, fit in fits.items()}}
    ).rename_axis("model")
    models = models.assign(
        **{name: of(models["variance"]) for name, of in OF_VARIANCE.items()}
    )
    models["vpc_response"] = [fit.vpc_response for fit in fits.values()]
    models["auc"] = [
        _auc(fit.probabilities(), people, people * share) for fit in fits.values()
    ]
    null = models["variance"].where(models["variance"] > 0).iloc[0]
    models["pcv"] = (1 - models["variance"] / null).where(models.index != "null")
    edge = "The variance between strata is on the boundary, estimated as zero, in the model: "
    notes = [edge + k for k, fit in fits.items() if fit.variance == 0]
    notes += (
        ["The PCV is not defined: the null model finds no variance between strata."]
        if np.isnan(null)
        else []
    )
    quadrature = (
        f"adaptive Gauss-Hermite quadrature, {points} points"
        if points > 1
        else "Laplace approximation"
    )
    how = (
        "REML-Laplace approximation"
        if method == "reml"
        else f"maximum likelihood, {quadrature}"
    )
    weighting = (
        "population-weighted point estimates with Kish's effective people, no standard errors"
        if weights
        else "weights not used"
    )
    convention = f"random intercepts of {len(counts.first)} strata ({', '.join(strata)}); {how}; {weighting}"
    return MaihdaFit(
        cells,
        tuple(strata),
        fits,
        models,
        bool(weights),
        method,
        convention,
        tuple(notes),
        people,
    )
