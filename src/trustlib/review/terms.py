"""The terms of a model: each tested, and how much of their variance hangs on one cell or one PSU."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, require_a
from trustlib.estimates import coefficients
from trustlib.logit import LogitFit
from trustlib.newton import expit, influence
from trustlib.review.residuals import FIT
from trustlib.significance import TestResult
from trustlib.variance import Array


def joint_tests(fit: LogitFit) -> TestResult:
    """Wald tests of each interaction, and of each axis with all terms that hold it.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    TestResult
        Rows ``wald`` and ``adjusted`` of `LogitFit.term_test` for each. Main effects in
        a model with their interaction are not tested alone: they would be the gap in the
        reference group of the other axis.

    Raises
    ------
    EstimandError
        The model has an intercept only.
    DisclosureError
        A term rests on fewer than 10 people.

    Notes
    -----
    R: ``regTermTest(fit, ~gender:ethnicity)``,
    ``regTermTest(fit, ~gender + gender:ethnicity)``. Stata: ``test``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 100, "w": 1.0})
    >>> rows["age"] = ["old"] * 100 + ["young"] * 100
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0, 0.0] * 20 + [0.0, 0.0, 1.0, 0.0, 1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group", "age"])
    >>> tests = joint_tests(tl.fit_logit(cells, "group + age"))
    >>> tests.loc["wald", ["term", "df_num"]].values.tolist()
    [['group, all terms', 1], ['age, all terms', 1]]
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("These tests")
    factors = {term: each for term, each in fit.spec.factors.items() if term != "1"}
    sets = {term: [term] for term, each in factors.items() if len(each) > 1}
    axes = dict.fromkeys(axis for each in factors.values() for axis in each)
    for axis in axes:
        inside = [term for term, each in factors.items() if axis in each]
        sets[f"{axis}, all terms"] = inside
    if not sets:
        raise EstimandError(
            "The model has an intercept only: there is no term to test.", "Add an axis."
        )
    tests = [fit.term_test(*terms).named(name) for name, terms in sets.items()]
    return TestResult.of(tests)


def influence_shares(fit: LogitFit) -> pd.DataFrame:
    r"""How much of a coefficient's variance hangs on one cell, and on one PSU or replicate: the largest share only.

    .. math:: s_c=\frac{u_c(\Sigma u)_c}{u'\Sigma u},\ u=\text{row of }I^{-1}x',\qquad
              s_{hj}=\frac{n_h}{n_h-1}\,\frac{(1-f_h)(z_{hj}-\bar z_h)^2}{V_{kk}}

    with the covariance :math:`\Sigma` of the residual totals of the cells, and z the
    total of a PSU's linearised values. The shares of one coefficient add up to 1; those
    of cells can be negative where cells go together.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    DataFrame
        Columns term, cell, unit. Which cell and which PSU is not told, and nothing of
        single people. ``unit`` is NaN for sealed cells, which hold no PSUs, for designs
        without PSUs, and for raked weights. Of replicate weights it is the largest share
        of one replicate.

    Raises
    ------
    DisclosureError
        A term rests on fewer than 10 people.

    Notes
    -----
    R: ``z <- rowsum(residuals(fit, "response") * weights(fit) * model.matrix(fit) %*%
    solve(I), psu)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 30 + ["b"] * 170, "w": 1.0})
    >>> rows["y"] = [1.0, 0.0] * 100
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> shares = influence_shares(tl.fit_logit(cells, "group"))
    >>> shares[["term", "cell"]].round(2).values.tolist()
    [['Intercept', 1.0], ['group[T.b]', 0.85]]
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("These shares")
    weight = fit.cells.frame["sum_w"].to_numpy(float)
    beta = fit.coef.to_numpy()
    linear = influence(fit.x, weight, beta)
    vcov = fit.vcov.to_numpy()
    scatter = fit.cells.scatter
    of_units = scatter.largest_share(linear, vcov, beta, fit.replicates)
    return pd.DataFrame(
        {
            "term": fit.coef.index,
            "cell": _largest_of_cells(fit, linear),
            "unit": of_units,
        }
    )


def _largest_of_cells(fit: LogitFit, linear: Array) -> Array:
    """The largest share of one cell in the variance of each coefficient."""
    size = len(fit.cells)
    mu = expit(fit.x @ fit.coef.to_numpy())
    by_events = linear[:, size:]  # the derivative by Y is I^-1 x'
    residuals = np.hstack([-np.diag(mu), np.eye(size)])
    sigma = fit.cells.scatter.covariance(residuals)
    part = by_events * (by_events @ sigma)
    share = part / part.sum(axis=1, keepdims=True)
    return share.max(axis=1)
