r"""The arithmetic of a logistic model on cells: arrays in, arrays out.

A cell c has weighted people :math:`W_c` and events :math:`Y_c`, and a row :math:`x_c`
of the design matrix. The coefficients solve :math:`\sum_c x_c(Y_c-\mu_cW_c)=0`. What
can be known before they are computed stands here too: which columns follow from others,
and whether some direction separates the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from trustlib.errors import ConvergenceError
from trustlib.variance import Array, Codes

NEAR = 1e-11  # a shorter step has converged
STEPS = 40
LONGEST = 5  # step of a coefficient
ALIASED = 1e-9  # what is left of a column of length 1 that follows from others
SEPARATED = 1e-7


def expit(eta: Array) -> Array:
    """1 / (1 + exp(-eta)), without overflow.

    Examples
    --------
    >>> import numpy as np
    >>> expit(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    from scipy import special

    return special.expit(eta)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> Any:
    """A context in which BLAS has one thread.

    It gains nothing from threads on matrices of cell size, and loses a factor of 100 on
    a busy machine.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     product = np.eye(2) @ np.eye(2)
    """
    return _blas().limit(limits=1)


def influence(x: Array, weight: Array, beta: Array) -> Array:
    r"""Derivative of the coefficients by the cell totals (W, Y).

    .. math:: I^{-1}\,[-(x\mu)',\ x'],\qquad I=\sum_cW_c\,\mu_c(1-\mu_c)\,x_cx_c'

    Parameters
    ----------
    x : array (C, p)
        Design matrix.
    weight : array (C,)
        Weighted people of each cell.
    beta : array (p,)

    Returns
    -------
    array (p, 2C)

    Examples
    --------
    >>> import numpy as np
    >>> influence(np.ones((1, 1)), np.array([8.0]), np.zeros(1)).tolist()
    [[-0.25, 0.5]]
    """
    mu = expit(x @ beta)
    slope = weight * mu * (1 - mu)
    information = (x * slope[:, None]).T @ x
    by_people = -(x * mu[:, None]).T
    return np.linalg.solve(information, np.hstack([by_people, x.T]))


def newton(
    x: Array,
    weight: Array,
    events: Array,
    start: Array,
    near: float = NEAR,
) -> Array:
    """Weighted logit coefficients for R sets of cell totals at once.

    Newton steps on all sets together, until each is shorter than `near`. The R Hessians
    are one product of (R, C) with the products of the columns of x, each pair once; if
    there are fewer sets than coefficients, that takes more room, and each is computed
    by itself.

    Parameters
    ----------
    x : array (C, p)
        Design matrix.
    weight, events : array (R, C)
        Weighted people of each cell, and those with the outcome.
    start : array (p,)
        Where all sets begin.
    near : float

    Returns
    -------
    array (R, p)

    Raises
    ------
    ConvergenceError
        Some set has no solution, or none was found in 40 steps.

    Examples
    --------
    >>> import numpy as np
    >>> totals = np.array([[4.0], [8.0]]), np.array([[2.0], [6.0]])
    >>> newton(np.ones((1, 1)), *totals, start=np.zeros(1)).round(4).tolist()
    [[0.0], [1.0986]]
    """
    hessians = _Hessians.of(x, len(weight))
    beta = np.tile(start, (len(weight), 1))
    for _ in range(STEPS):
        mu = expit(beta @ x.T)
        fitted = weight * mu
        score = (events - fitted) @ x
        slope = fitted * (1 - mu)
        step = _solved(hessians.at(slope), score)
        beta = beta + np.clip(step, -LONGEST, LONGEST)
        length = np.abs(step)
        if length.max() < near:
            return beta
    failed = int((length.max(axis=1) >= near).sum())
    raise ConvergenceError(
        f"The fit did not converge under {failed} of {len(weight)} sets of replicate "
        "weights.",
        "A cell is empty or separated there. Use coarser levels or fewer terms.",
    )


@dataclass(frozen=True)
class _Hessians:
    """What makes the Hessians of many sets of totals from the slopes of their cells."""

    x: Array  # (C, p)
    products: Array | None  # (C, p * (p + 1) / 2) of the columns of x, each pair once
    place: Codes  # (p, p) of the pair among them

    @classmethod
    def of(cls, x: Array, sets: int) -> _Hessians:
        p = x.shape[1]
        place = np.zeros((p, p), dtype=np.int64)
        if sets <= p:
            return cls(x, None, place)
        row, column = np.triu_indices(p)
        place[row, column] = np.arange(len(row))
        place[column, row] = np.arange(len(row))
        return cls(x, x[:, row] * x[:, column], place)

    def at(self, slope: Array) -> Array:
        """The Hessians (R, p, p) for slopes (R, C)."""
        if self.products is None:
            return (slope[:, None] * self.x.T) @ self.x
        return (slope @ self.products)[:, self.place]


def _solved(hessians: Array, scores: Array) -> Array:
    """The step (R, p) of each set."""
    try:
        return np.linalg.solve(hessians, scores[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError as error:
        raise ConvergenceError(
            "Under some replicate weights a coefficient cannot be estimated.",
            "Use coarser levels or fewer terms.",
        ) from error


def aliased(x: Array) -> list[int]:
    """The columns that are sums of earlier ones, or empty: R would return NA for these.

    Parameters
    ----------
    x : array (C, p)

    Returns
    -------
    list of int
        Their places.

    Examples
    --------
    >>> import numpy as np
    >>> aliased(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]))
    [2]
    """
    size = np.linalg.norm(x, axis=0)
    basis = (x / np.where(size > 0, size, 1)).T.copy()
    places = []
    for i, rest in enumerate(basis):
        for _ in range(2):  # the second time removes what rounding left
            rest -= (basis[:i] @ rest) @ basis[:i]
        length = np.linalg.norm(rest)
        if length < ALIASED:
            places.append(i)
            rest[:] = 0.0
        else:
            rest /= length
    return places


@dataclass(frozen=True)
class Separation:
    """A direction in which the likelihood rises without end.

    Attributes
    ----------
    direction : array (p,)
        By how much each coefficient moves, between -1 and 1.
    pure : boolean array (C,)
        The cells in which everyone or nobody has the outcome.

    Examples
    --------
    >>> import numpy as np
    >>> Separation(np.array([1.0, 0.0]), np.array([True])).moving
    [0]
    """

    direction: Array
    pure: Array

    @property
    def moving(self) -> list[int]:
        """The coefficients that have no finite estimate."""
        size = np.abs(self.direction)
        return np.flatnonzero(size > SEPARATED).tolist()


def separation(x: Array, weight: Array, events: Array) -> Separation | None:
    """Whether some sum of columns predicts the outcome perfectly, by linear programming.

    Without this check every software prints a finite number.

    Parameters
    ----------
    x : array (C, p)
    weight, events : array (C,)
        Weighted people of each cell, and those with the outcome.

    Returns
    -------
    Separation, optional
        None if finite estimates exist.

    Notes
    -----
    Konis (2007), *Linear programming algorithms for detecting separated data*. R:
    ``detectseparation::detect_separation``.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> found = separation(x, np.array([10.0, 5.0]), np.array([4.0, 5.0]))
    >>> found.moving, found.pure.tolist()
    ([1], [False, True])
    """
    none = events <= 0
    every = events >= weight
    if not (none | every).any():
        return None
    sign = np.where(none, -1.0, np.where(every, 1.0, 0.0))
    pure = sign != 0
    # Where no cell has both answers no row is left; numpy below 2.4.5 refuses that.
    if not pure.all() and np.linalg.matrix_rank(x[~pure]) == x.shape[1]:
        return None  # the cells with both answers leave no direction free
    from scipy.optimize import linprog

    towards = sign[pure, None] * x[pure]
    solution = linprog(
        -towards.sum(axis=0),
        A_ub=-towards,
        b_ub=np.zeros(len(towards)),
        A_eq=x[~pure],
        b_eq=np.zeros((~pure).sum()),
        bounds=(-1, 1),
        method="highs",
    )
    if solution.status != 0 or -solution.fun <= SEPARATED:
        return None
    return Separation(solution.x, pure)
