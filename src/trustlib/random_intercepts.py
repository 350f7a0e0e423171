r"""The likelihoods of a random-intercept logistic model on grouped counts: arrays in, arrays out.

A cell i of stratum j(i) has :math:`n_i` people, :math:`y_i` of them with the outcome:

.. math:: y_i\sim\mathrm{Bin}(n_i,\mathrm{expit}\,\eta_i),\qquad \eta_i=x_i'\beta+\sigma b_{j(i)},\qquad
          b_j\sim N(0,1).

The integral over b has no closed form, so every estimate of sigma is an approximation.
REML-Laplace integrates over beta and b together (Laplace's method, flat prior for
beta):

.. math:: \ell_R(\sigma)=\ell(\hat\beta,\hat b)-\tfrac12\hat b'\hat b-\tfrac12\log\det H(\hat\beta,\hat b)

at their joint mode, with H the negative Hessian. Maximum likelihood integrates over b
only, by Laplace's method or by adaptive Gauss-Hermite quadrature (Pinheiro and Chao
2006).

R: ``lme4::glmer`` (maximum likelihood), ``glmmTMB::glmmTMB(REML = TRUE)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trustlib.errors import ConvergenceError
from trustlib.newton import expit
from trustlib.variance import Array, Codes

# Where the search for sigma begins; an estimate at the end is no maximum.
SIGMAS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
STEPS = 200
NEAR = 1e-10  # a shorter step has converged
STEEP = 0.01  # gradient at what is no maximum


@dataclass(frozen=True, eq=False)
class Counts:
    """Grouped counts, the cells of a stratum beside each other.

    Attributes
    ----------
    n, events : array (C,)
        People of each cell, and those with the outcome; not always whole numbers.
    stratum : int array (C,)
        The stratum of each cell, numbered from 0 and sorted.
    first : int array (J,)
        The first cell of each stratum.
    x : array (C, p)
        Design matrix of the fixed effects.

    Examples
    --------
    >>> import numpy as np
    >>> stratum = np.array([0, 0, 1])
    >>> counts = Counts.of(np.array([9, 4, 6]), np.ones(3), stratum, np.ones((3, 1)))
    >>> counts.sums(counts.n).tolist()
    [13, 6]
    """

    n: Array
    events: Array
    stratum: Codes
    first: Codes
    x: Array

    @classmethod
    def of(cls, n: Array, events: Array, stratum: Codes, x: Array) -> Counts:
        """Counts of cells that are sorted by stratum."""
        first = np.flatnonzero(np.diff(stratum, prepend=-1))
        return cls(n, events, stratum, first, x)

    def sums(self, rows: Array) -> Array:
        """Sums (J, ...) of rows (C, ...) by stratum."""
        return np.add.reduceat(rows, self.first, axis=0)


@dataclass(frozen=True, eq=False)
class Modes:
    """Where the penalised log-likelihood of one sigma is highest, and its derivatives there.

    Attributes
    ----------
    beta : array (p,)
    b : array (J,)
        Standardised intercepts: that of a stratum is sigma b.
    weight, error : array (C,)
        n mu (1 - mu), and events - n mu.
    curvature : array (J,)
        The Hessian's block of b, which is a diagonal.
    cross : array (J, p)
        Its block of b and beta.
    schur : array (p, p)
        The Schur complement of that of beta: the inverse of the covariance of beta.
    deviance : float
        -2 times the REML-Laplace log-likelihood.

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.array([9.0, 6.0]), np.array([3.0, 2.0])
    >>> counts = Counts.of(n, events, np.arange(2), np.ones((2, 1)))
    >>> modes(counts, 0.5, np.zeros(1)).beta.round(4).tolist()
    [-0.6931]
    """

    beta: Array
    b: Array
    weight: Array
    error: Array
    curvature: Array
    cross: Array
    schur: Array
    deviance: float


def modes(counts: Counts, sigma: float, beta: Array, free: bool = True) -> Modes:
    """Newton's method for beta and b, or for b alone; a step that overshoots is halved.

    Parameters
    ----------
    counts : Counts
    sigma : float
        Standard deviation between strata.
    beta : array (p,)
        Where the search begins.
    free : bool
        False: beta stays as it is.

    Returns
    -------
    Modes

    Raises
    ------
    ConvergenceError

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.array([9.0, 6.0]), np.array([3.0, 2.0])
    >>> counts = Counts.of(n, events, np.arange(2), np.ones((2, 1)))
    >>> modes(counts, 0.0, np.zeros(1)).beta.round(4).tolist()
    [-0.6931]
    """
    x = counts.x
    b = np.zeros(len(counts.first))
    step_b = b
    step = 0 * beta
    best = -np.inf
    for _ in range(STEPS):
        eta = x @ beta + sigma * b[counts.stratum]
        value = counts.events @ eta - counts.n @ np.logaddexp(0, eta) - b @ b / 2
        if value < best - 1e-9 * abs(best):
            step = step / 2
            step_b = step_b / 2
            beta = beta - step
            b = b - step_b
            continue
        best = value
        mu = expit(eta)
        weight = counts.n * mu * (1 - mu)
        error = counts.events - counts.n * mu
        curvature = 1 + sigma**2 * counts.sums(weight)
        cross = sigma * counts.sums(weight[:, None] * x)
        information = (x * weight[:, None]).T @ x
        schur = information - cross.T @ (cross / curvature[:, None])
        toward = sigma * counts.sums(error) - b
        if free:
            score = x.T @ error - cross.T @ (toward / curvature)
            step = np.linalg.solve(schur, score)
        step_b = (toward - cross @ step) / curvature
        beta = beta + step
        b = b + step_b
        if max(np.abs(step).max(), np.abs(step_b).max()) < NEAR:
            log_det = np.log(curvature).sum() + np.linalg.slogdet(schur)[1]
            deviance = log_det - 2 * best
            return Modes(beta, b, weight, error, curvature, cross, schur, deviance)
    raise ConvergenceError(
        "The fit did not converge in 200 steps.", "Use fewer terms or coarser levels."
    )


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a likelihood is highest.

    Attributes
    ----------
    sigma : float
        Standard deviation between strata.
    at : Modes
    log_likelihood : float
        With the binomial coefficients of the grouped counts; NaN for REML.

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), np.ones((4, 1)))
    >>> round(restricted(counts).sigma, 3)
    1.113
    """

    sigma: float
    at: Modes
    log_likelihood: float = np.nan


def restricted(counts: Counts) -> Maximum:
    """Sigma that maximises the REML-Laplace likelihood.

    Parameters
    ----------
    counts : Counts

    Returns
    -------
    Maximum

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), np.ones((4, 1)))
    >>> restricted(counts).at.beta.round(3).tolist()
    [-0.103]
    """
    from scipy.optimize import minimize_scalar

    start = modes(counts, 0.0, np.zeros(counts.x.shape[1]))

    def deviance(sigma: float) -> float:
        return modes(counts, sigma, start.beta).deviance

    path = [deviance(sigma) for sigma in SIGMAS]
    best = int(np.argmin(path))
    below = SIGMAS[max(best - 1, 0)]
    above = SIGMAS[min(best + 1, len(SIGMAS) - 1)]
    found = minimize_scalar(
        deviance,
        bounds=(below, above),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return Maximum(float(found.x), modes(counts, found.x, start.beta))


@dataclass(frozen=True, eq=False)
class _Movement:
    """How the nodes of the quadrature move with theta = (beta, sigma)."""

    mode: Array  # (J, p + 1) derivative of b
    curvature: Array  # (J, p + 1)


def _movement(counts: Counts, theta: Array, at: Modes) -> _Movement:
    """Derivatives of the modes and of the curvature there."""
    sigma = theta[-1]
    # the derivative of eta while b stays
    own = np.c_[counts.x, at.b[counts.stratum]]
    d_mode = -sigma * counts.sums(at.weight[:, None] * own)
    d_mode[:, -1] += counts.sums(at.error)
    d_mode /= at.curvature[:, None]
    eta = own[:, :-1] @ theta[:-1] + sigma * own[:, -1]
    third = at.weight * (1 - 2 * expit(eta))
    d_eta = own + sigma * d_mode[counts.stratum]
    d_curvature = sigma**2 * counts.sums(third[:, None] * d_eta)
    d_curvature[:, -1] += 2 * sigma * counts.sums(at.weight)
    return _Movement(d_mode, d_curvature)


def minus_log_likelihood(
    theta: Array, counts: Counts, points: int
) -> tuple[float, Array]:
    r"""Minus the log-likelihood by adaptive quadrature, and its exact gradient.

    The nodes :math:`b_{jk}=\hat b_j+\tau_j t_k`, with :math:`\tau_j^{-2}` the curvature
    at the mode, move with theta, and the gradient follows them. With one point this is
    Laplace's approximation.

    Parameters
    ----------
    theta : array (p + 1,)
        beta, and sigma.
    counts : Counts
    points : int
        Nodes of the quadrature.

    Returns
    -------
    tuple of float, array (p + 1,)
        As `scipy.optimize.minimize` takes them, without the binomial coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), np.ones((4, 1)))
    >>> value, gradient = minus_log_likelihood(np.array([0.0, 1.0]), counts, 5)
    >>> round(value, 2), gradient.round(2).tolist()
    (124.98, [0.38, 0.3])
    """
    from scipy.special import logsumexp

    sigma = theta[-1]
    at = modes(counts, sigma, theta[:-1], free=False)
    moved = _movement(counts, theta, at)
    node, factor = np.polynomial.hermite_e.hermegauss(points)
    tau = at.curvature**-0.5
    b = at.b[:, None] + tau[:, None] * node
    fixed = counts.x @ theta[:-1]
    eta = fixed[:, None] + sigma * b[counts.stratum]
    n = counts.n[:, None]
    events = counts.events[:, None]
    log_density = counts.sums(events * eta - n * np.logaddexp(0, eta))
    log_factor = np.log(factor / factor.sum())
    value = log_density + (node**2 - b**2) / 2 + log_factor
    total = logsumexp(value, axis=1)
    share = np.exp(value - total[:, None])
    error = events - n * expit(eta)
    toward = share * (sigma * counts.sums(error) - b)
    shared = error * share[counts.stratum]
    by_beta = counts.x.T @ shared.sum(axis=1)
    by_sigma = (shared * b[counts.stratum]).sum()
    gradient = np.r_[by_beta, by_sigma] + toward.sum(axis=1) @ moved.mode
    spread = (1 + (toward @ node) * tau) / (2 * at.curvature)
    gradient -= spread @ moved.curvature
    return -float((total + np.log(tau)).sum()), -gradient


def maximum_likelihood(counts: Counts, points: int) -> Maximum:
    """Sigma that maximises the likelihood; the search starts from REML.

    Parameters
    ----------
    counts : Counts
    points : int
        Nodes of the quadrature; 1 is Laplace's approximation.

    Returns
    -------
    Maximum

    Raises
    ------
    ConvergenceError

    Examples
    --------
    >>> import numpy as np
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), np.ones((4, 1)))
    >>> found = maximum_likelihood(counts, 5)
    >>> round(found.sigma, 2), round(found.log_likelihood, 2)
    (0.95, -14.89)
    """
    from scipy.linalg import block_diag
    from scipy.optimize import minimize
    from scipy.special import betaln

    near = restricted(counts)
    at = near.at
    start = np.r_[at.beta, max(near.sigma, 0.1)]
    root_of_beta = np.linalg.inv(np.linalg.cholesky(at.schur))
    root = block_diag(root_of_beta, (2 * len(at.b)) ** -0.5)
    found = minimize(
        minus_log_likelihood,
        start,
        (counts, points),
        "BFGS",
        jac=True,
        options={"gtol": 1e-5, "hess_inv0": root.T @ root},
    )
    if np.abs(found.jac).max() > STEEP:
        raise ConvergenceError(
            "No maximum of the likelihood was found.", "Use method='reml'."
        )
    no = counts.n - counts.events
    log_ways = -np.log1p(counts.n) - betaln(no + 1, counts.events + 1)
    sigma = abs(found.x[-1])
    return Maximum(
        float(sigma),
        modes(counts, sigma, found.x[:-1], free=False),
        float(log_ways.sum() - found.fun),
    )
