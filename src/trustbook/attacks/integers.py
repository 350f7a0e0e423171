"""Whole numbers that published totals leave possible.

`with_totals` finds all numbers of people by class whose sum and weighted sum are given:
the classes are cut into two halves, the halves listed and met in the middle.
`with_squares` finds all lists of numbers with a given sum and sum of squares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt, prod

import numpy as np

from trustlib.variance import Array

MOST = 2_000_000  # combinations of one half that are listed
RELATIVE = 1e-9  # how near a weighted sum is to be the one given
ENOUGH = 3  # solutions after which nothing is certain
LONGEST = 4  # lists of numbers that are searched


def with_totals(
    weights: Array, most: Sequence[int], count: int, total: float
) -> list[tuple[int, ...]]:
    """Numbers of people by class with a given sum and weighted sum.

    Parameters
    ----------
    weights : array (G,)
        Of one person of each class.
    most : sequence of int
        The most people of each class.
    count : int
    total : float

    Returns
    -------
    list of tuple
        Up to three of them; empty if there is none, or if too many would be listed.

    Examples
    --------
    >>> with_totals(np.array([1.5, 2.25]), [9, 9], 5, 9.0)
    [(3, 2)]
    """
    half = (len(weights) + 1) // 2
    sizes = [min(int(top), count) + 1 for top in most]
    if max(prod(sizes[:half]), prod(sizes[half:])) > MOST:
        return []
    first = _combinations(sizes[:half])
    second = _combinations(sizes[half:])
    first = first[first.sum(axis=1) <= count]
    of_first = first @ weights[:half]
    of_second = second @ weights[half:]
    people = second.sum(axis=1)
    order = np.lexsort((of_second, people))
    # One key for both: the number of people, and within it the weighted sum.
    scale = 4 * max(total, float(of_second.max(initial=0.0)), 1.0)
    keys = (people * scale + of_second)[order]
    wanted = (count - first.sum(axis=1)) * scale + (total - of_first)
    edge = RELATIVE * scale
    low = np.searchsorted(keys, wanted - edge)
    high = np.searchsorted(keys, wanted + edge)
    found: list[tuple[int, ...]] = []
    for i in np.flatnonzero(high > low):
        for j in order[low[i] : high[i]]:
            both = np.r_[first[i], second[j]]
            if abs(both @ weights - total) <= RELATIVE * total:
                found.append(tuple(map(int, both)))
            if len(found) >= ENOUGH:
                return found
    return found


def _combinations(sizes: Sequence[int]) -> Array:
    """All numbers from 0 of several places."""
    if not sizes:
        return np.zeros((1, 0), dtype=int)
    return np.indices(sizes).reshape(len(sizes), -1).T


def with_squares(length: int, total: int, squares: int) -> list[tuple[int, ...]]:
    """Lists of numbers from 0 with a given sum and sum of squares, in every order.

    Parameters
    ----------
    length : int
        At most four.
    total, squares : int

    Returns
    -------
    list of tuple

    Examples
    --------
    >>> with_squares(2, 5, 13)
    [(2, 3), (3, 2)]
    """
    if length > LONGEST:
        return []
    return list(_with_squares(length, total, squares))


def _with_squares(length: int, total: int, squares: int) -> Iterator[tuple[int, ...]]:
    if length == 1:
        if total >= 0 and total * total == squares:
            yield (total,)
        return
    if length == 2:
        yield from _two(total, squares)
        return
    spread = length * squares - total * total
    if spread < 0:
        return
    for first in range(min(total, isqrt(max(squares, 0))) + 1):
        rest = squares - first * first
        for others in _with_squares(length - 1, total - first, rest):
            yield (first, *others)


def _two(total: int, squares: int) -> Iterator[tuple[int, ...]]:
    """Two numbers: a quadratic equation."""
    inside = 2 * squares - total * total
    if inside < 0 or total < 0:
        return
    root = isqrt(inside)
    if root * root != inside or (total - root) % 2:
        return
    low = (total - root) // 2
    if low < 0:
        return
    yield (low, total - low)
    if root:
        yield (total - low, low)
