"""The same model in statsmodels: what every fit is held to, and what `LogitFit.glm` is.

statsmodels takes a second to import, and its results take room, so that it is asked only
by whoever wants its ``summary()`` or diagnostics, and where Newton's method on the cells
finds no solution. Two rows stand for a cell, one for each answer; the weights are
variance weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import ConvergenceError
from trustlib.newton import one_thread
from trustlib.variance import Array

FEWER_TERMS = "Use fewer terms or coarser levels."
STEPS = 100


def statsmodels_results(
    x: Array,
    names: Sequence[str],
    weight: Array,
    events: Array,
    outcome: str,
    start: Array | None = None,
) -> Any:
    """Results of statsmodels' ``GLM(family=Binomial(), var_weights=)``.

    Parameters
    ----------
    x : array (C, p)
        Design matrix, one row per cell.
    names : sequence of str (p,)
        The coefficients.
    weight, events : array (C,)
        Weighted people of each cell, and those with the outcome.
    outcome : str
    start : array (p,), optional
        Where it begins; statsmodels has its own start.

    Returns
    -------
    statsmodels GLMResults

    Raises
    ------
    ConvergenceError

    Notes
    -----
    R: ``glm(y ~ ..., family = quasibinomial, weights = w)``.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones((1, 1))
    >>> people, angry = np.array([8.0]), np.array([6.0])
    >>> made = statsmodels_results(one, ["Intercept"], people, angry, "angry")
    >>> made.params.round(4).to_dict()
    {'Intercept': 1.0986}
    """
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = _model(x, names, weight, events, outcome)
            fitted = model.fit(start, maxiter=STEPS, tol=1e-10, tol_criterion="params")
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            raise ConvergenceError(f"The fit failed: {error}", FEWER_TERMS) from error
    if not fitted.converged or not np.isfinite(np.asarray(fitted.params)).all():
        raise ConvergenceError(
            f"The fit did not converge in {STEPS} steps.", FEWER_TERMS
        )
    return fitted


def _model(
    x: Array, names: Sequence[str], weight: Array, events: Array, outcome: str
) -> Any:
    """The model of statsmodels: two rows per cell, those of weight zero left out."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    y = np.repeat([0.0, 1.0], len(weight))
    rows = np.r_[weight - events, events]
    keep = rows > 0
    both = np.vstack([x, x])
    exog = pd.DataFrame(both[keep], columns=list(names))
    endog = pd.Series(y[keep], name=outcome)
    var_weights = (rows / rows.mean())[keep]
    return GLM(endog, exog, family=Binomial(), var_weights=var_weights)
