"""P-values adjusted for their number: a family of tests in, adjusted p-values out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustlib.variance import Array


def holm(p_values: Sequence[float] | Array) -> Array:
    """P-values adjusted for their number by Holm's method.

    Parameters
    ----------
    p_values : sequence of float
        One family.

    Returns
    -------
    array (m,)

    Notes
    -----
    R: ``p.adjust(p, "holm")``. Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    rising = np.maximum.accumulate(p[order] * factors)
    return _in_place(rising, order)


def benjamini_hochberg(p_values: Sequence[float] | Array) -> Array:
    """P-values adjusted for their number by Benjamini and Hochberg's method.

    Parameters
    ----------
    p_values : sequence of float
        One family.

    Returns
    -------
    array (m,)

    Notes
    -----
    R: ``p.adjust(p, "BH")``. Benjamini and Hochberg (1995), Journal of the Royal
    Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.04, 0.04]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    share = np.arange(1, len(p) + 1) / len(p)
    steps = p[order] / share
    falling = np.minimum.accumulate(steps[::-1])
    return _in_place(falling[::-1], order)


def _in_place(adjusted: Array, order: Array) -> Array:
    """Adjusted p-values, at most 1, each at the place of its own."""
    placed = np.empty(len(adjusted))
    placed[order] = np.minimum(adjusted, 1.0)
    return placed


METHODS = {"holm": holm, "fdr_bh": benjamini_hochberg}
