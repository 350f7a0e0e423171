r"""Measures of the variance between strata, and their intervals: arrays in, arrays out.

==========  ====================================================================================
vpc         variance partition coefficient, :math:`\sigma^2/(\sigma^2+\pi^2/3)` on the latent scale
mor         median odds ratio, :math:`\exp(\Phi^{-1}(0.75)\sqrt{2\sigma^2})` (Merlo et al. 2006)
pcv         proportional change in variance, :math:`1-\sigma^2/\sigma^2_{\mathrm{null}}`
==========  ====================================================================================

The intervals follow the signed root of the profile REML deviance,
:math:`r(\sigma)=\pm\sqrt{2[\ell_R(\hat\sigma)-\ell_R(\sigma)]}`; that of the PCV is a
generalised confidence interval (Weerahandi 1993).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trustlib.intervals import t_quantile
from trustlib.newton import expit
from trustlib.random_intercepts import Counts, Modes, modes
from trustlib.variance import Array

BOUNDARY = 1e-6  # a smaller variance is reported as zero
LATENT = np.pi**2 / 3  # variance of the standard logistic distribution
UPPER_QUARTILE = 0.6744897501960817  # of the normal distribution
NODES = 100  # of the quadrature over intercepts


def vpc(variance: Array) -> Array:
    """Variance partition coefficient on the latent scale.

    Parameters
    ----------
    variance : array (m,)
        Between strata, log odds squared.

    Returns
    -------
    array (m,)

    Examples
    --------
    >>> round(vpc(0.3), 4)
    0.0836
    """
    return variance / (variance + LATENT)


def mor(variance: Array) -> Array:
    """Median odds ratio between two random strata.

    Parameters
    ----------
    variance : array (m,)

    Returns
    -------
    array (m,)

    Examples
    --------
    >>> round(float(mor(0.3)), 4)
    1.6862
    """
    return np.exp(UPPER_QUARTILE * np.sqrt(2 * variance))


OF_VARIANCE: dict[str, Callable[[Array], Array]] = {"vpc": vpc, "mor": mor}


def vpc_response(intercept: float, variance: float) -> float:
    """VPC on the scale of probabilities, var(pi)/(m(1 - m)), pi = expit(intercept + b), m its mean.

    Parameters
    ----------
    intercept : float
        Log odds.
    variance : float
        Between strata.

    Notes
    -----
    Goldstein, Browne and Rasbash (2002), *Understanding Statistics* 1:223.

    Examples
    --------
    >>> round(vpc_response(0.0, 0.3), 4)
    0.0656
    """
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    pi = expit(intercept + np.sqrt(variance) * node)
    share = weight / weight.sum()
    mean = share @ pi
    return float(share @ (pi - mean) ** 2 / (mean * (1 - mean)))


def auc(p: Array, n: Array, events: Array) -> float:
    """Chance that of two people, one with the outcome and one without, the former has the higher p.

    Parameters
    ----------
    p, n, events : array (C,)
        Probability, people, and people with the outcome of each cell. Ties count half.

    Examples
    --------
    >>> import numpy as np
    >>> auc(np.array([0.2, 0.6]), np.array([10, 10]), np.array([2, 6]))
    0.7083333333333334
    """
    _, order = np.unique(p.round(12), return_inverse=True)
    yes = np.bincount(order, events)
    no = np.bincount(order, n - events)
    below = np.cumsum(no) - no / 2
    return float(yes @ below / (yes.sum() * no.sum()))


@dataclass(frozen=True, eq=False)
class Profile:
    """The signed root of the REML deviance along sigma.

    Attributes
    ----------
    sigma : array (k,)
    root : array (k,)
        Never falling.

    Examples
    --------
    >>> import numpy as np
    >>> profile = Profile(np.array([0.0, 1.0, 2.0]), np.array([-2.0, 0.0, 1.0]))
    >>> profile.at([0.5]).tolist()
    [1.5]
    """

    sigma: Array
    root: Array

    @classmethod
    def of(cls, counts: Counts, at: Modes, best: float) -> Profile:
        """The profile around the estimate `best`, whose modes are `at`."""
        angle = np.linspace(0, np.pi / 2, 202)[:-1]
        sigma = max(best, 0.05) * np.tan(angle)
        deviance = [modes(counts, s, at.beta).deviance for s in sigma]
        excess = np.array(deviance) - at.deviance
        size = np.sqrt(np.clip(excess, 0, None))
        side = np.sign(sigma - best)
        return cls(sigma, np.maximum.accumulate(side * size))

    def at(self, root: Array) -> Array:
        """Sigma at some values of the root."""
        return np.interp(root, self.root, self.sigma)


def variance_interval(counts: Counts, at: Modes, best: float, measure: str) -> Array:
    """Both ends of a 95 % interval of VPC or MOR, by the profile REML likelihood.

    Parameters
    ----------
    counts : Counts
    at : Modes
        At the estimate.
    best : float
        The estimate of sigma.
    measure : {"vpc", "mor"}

    Returns
    -------
    array (2,)

    Examples
    --------
    >>> import numpy as np
    >>> from trustlib.random_intercepts import restricted
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), np.ones((4, 1)))
    >>> found = restricted(counts)
    >>> variance_interval(counts, found.at, found.sigma, "vpc").round(2).tolist()
    [0.07, 0.78]
    """
    profile = Profile.of(counts, at, best)
    limits = t_quantile(np.inf) * np.array([-1, 1])
    return OF_VARIANCE[measure](profile.at(limits) ** 2)


def pcv_interval(
    counts: Counts, at: Modes, best: float, draws: int, seed: int
) -> Array:
    r"""Both ends of a 95 % interval of the PCV, simulated.

    .. math:: \mathrm{PCV}^*=\frac{S^*}{S^*+\sigma^{*2}},\qquad
              S^*=\mathrm{var}_j(\bar x_j'\beta^*)-2\,\mathrm{tr}(C\,V_\beta)

    with C the covariance of the strata's mean x: see `MaihdaFit.interval`.

    Parameters
    ----------
    counts : Counts
    at : Modes
        At the estimate.
    best : float
        The estimate of sigma.
    draws, seed : int

    Returns
    -------
    array (2,)

    Examples
    --------
    >>> import numpy as np
    >>> from trustlib.random_intercepts import restricted
    >>> x = np.c_[np.ones(4), [0.0, 0, 1, 1]]
    >>> n, events = np.full(4, 50.0), np.array([10.0, 20.0, 25.0, 40.0])
    >>> counts = Counts.of(n, events, np.arange(4), x)
    >>> found = restricted(counts)
    >>> low, high = pcv_interval(counts, found.at, found.sigma, 20, seed=1)
    >>> bool(low < high < 1)
    True
    """
    profile = Profile.of(counts, at, best)
    rng = np.random.default_rng(seed)
    people = counts.sums(counts.n)
    mean = counts.sums(counts.n[:, None] * counts.x) / people[:, None]
    mean -= mean.mean(axis=0)
    sigmas = profile.at(rng.standard_normal(draws))
    pcv = np.empty(draws)
    for i, sigma in enumerate(sigmas):
        drawn = modes(counts, sigma, at.beta)
        root = np.linalg.cholesky(np.linalg.inv(drawn.schur))
        spread = mean @ root
        line = mean @ drawn.beta + spread @ rng.standard_normal(len(at.beta))
        # what the error of the estimate and that of the draw add
        added = 2 * (spread**2).sum()
        between = (line @ line - added) / (len(mean) - 1)
        explained = max(between, BOUNDARY)
        pcv[i] = explained / (explained + sigma**2)
    return np.quantile(pcv, [0.025, 0.975])
