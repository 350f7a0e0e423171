r"""The table nearest to another that meets linear conditions: minimum relative entropy.

Its cells are :math:`x_c = q_c \exp(\sum_j \lambda_j a_{jc})`, with a multiplier
:math:`\lambda_j` for each condition; the true model of the stand-in and the calibrated
weights of its people are both made so.

Sources: Csiszár (1975), *I-divergence geometry of probability distributions*; Deville
and Särndal (1992) for weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustlib.errors import CodebookError
from trustlib.variance import Array

# Of a multiplier, on the logit scale: how sharply it saturates at the edge of a rounding.
SMOOTH = 0.1
ROUNDS = 200
OVERFLOW = 50  # exponents above are cut
SHORTEST = 1e-8  # part of a Newton step


def tilt(
    start: Array, rows: Array, totals: Array, slack: Array, names: Sequence[str]
) -> tuple[Array, Array]:
    r"""Find the table nearest to `start` in relative entropy that meets these rows.

    Newton steps on the convex dual, in which a multiplier costs
    :math:`\epsilon\tau\log\cosh(\lambda/\tau)`: the gap is
    :math:`-\epsilon\tanh(\lambda/\tau)`, so always within the slack, and zero where
    there is none.

    Parameters
    ----------
    start : array (C,)
        The table to stay near to, positive.
    rows : array (k, C)
        Conditions: ``rows @ x`` is within `slack` of `totals`.
    totals, slack : array (k,)
    names : sequence of str (k,)
        What each condition is called if it cannot be met.

    Returns
    -------
    x : array (C,)
    multipliers : array (k,)

    Raises
    ------
    CodebookError
        No table meets the rows. The names of those that are missed most are given.

    Examples
    --------
    >>> import numpy as np
    >>> start = np.array([25.0, 25.0, 25.0, 25.0])
    >>> rows = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    >>> totals = np.array([100.0, 80.0])
    >>> x, multipliers = tilt(start, rows, totals, np.zeros(2), ["people", "women"])
    >>> x.round(6).tolist()
    [40.0, 40.0, 10.0, 10.0]
    """
    size = np.sqrt((rows * rows) @ start)
    rows = rows / size[:, None]
    totals = totals / size
    slack = slack / size
    tau = SMOOTH * size
    precision = 1e-9 * np.sqrt(start.sum())

    def table(beta: Array) -> Array:
        return start * np.exp(np.minimum(beta @ rows, OVERFLOW))

    def dual(beta: Array) -> float:
        cost = slack * tau * (np.logaddexp(beta / tau, -beta / tau) - np.log(2))
        return float(table(beta).sum() - beta @ totals + cost.sum())

    beta = np.zeros(len(rows))
    for _ in range(ROUNDS):
        x = table(beta)
        bend = np.tanh(beta / tau)
        gap = totals - rows @ x - slack * bend
        if np.abs(gap).max() < precision:
            return x, beta / size
        hessian = (rows * x) @ rows.T + np.diag(slack / tau * (1 - bend**2))
        step = np.linalg.lstsq(hessian, gap, rcond=1e-13)[0]
        slope = float(gap @ step)
        now = dual(beta)
        length = 1.0
        while length > SHORTEST:
            enough = now - 1e-4 * length * slope
            if not dual(beta + length * step) > enough:
                break
            length /= 2
        beta = beta + length * step
    worst = [names[i] for i in np.argsort(-np.abs(gap))[:6]]
    raise CodebookError(
        "No population meets all targets; those missed most: "
        f"{', '.join(dict.fromkeys(worst))}.",
        "Run trustlib.record.audit on the wave, and refuse a figure or read it as "
        "another item.",
    )
