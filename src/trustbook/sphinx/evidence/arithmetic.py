"""What can be computed from printed percentages and numbers of people: numbers in, out.

Nothing here knows the record. Shares are between 0 and 1; intervals and detectable
changes are *as if* people had been drawn at random, with a design effect that is
assumed. Pairs are (the group spoken of, the group it is compared with).
"""

from __future__ import annotations

import math

import numpy as np

from trustlib.intervals import LEVEL, detectable_difference, detectable_size, t_quantile

POWER = 0.8
DEFFS = (1.0, 1.5, 2.0)  # none; as in the stand-in; as in polls with boosted groups
DEFF = 1.5  # of a number that is printed for one design effect only
Pair = tuple[float, float]
Z = float(t_quantile(math.inf, LEVEL))


def both_and_neither(everybody: float, one: float, two: float) -> Pair:
    """People of two groups at once, and of neither, were the two independent.

    Parameters
    ----------
    everybody, one, two : float
        Numbers of people: of all, and of each group.

    Examples
    --------
    >>> both_and_neither(1000, 200, 300)
    (60.0, 560.0)
    """
    both = one * two / everybody
    return both, everybody - one - two + both


def gap_variance(levels: Pair, people: Pair, deff: float) -> float:
    """Variance of the difference of two independent shares.

    Examples
    --------
    >>> round(gap_variance((0.5, 0.5), (100, 100), 2.0), 4)
    0.01
    """
    variances = [p * (1 - p) / n for p, n in zip(levels, people, strict=True)]
    return deff * sum(variances)


def gap_interval(levels: Pair, people: Pair, deff: float) -> tuple[float, float, float]:
    """A gap between two shares with its as-if 95 % interval.

    Parameters
    ----------
    levels : pair of float
        Shares.
    people : pair of float
        Numbers of people.
    deff : float
        Design effect.

    Returns
    -------
    gap, low, high : float

    Examples
    --------
    >>> [round(end, 3) for end in gap_interval((0.4, 0.29), (5675, 1435), 1.0)]
    [0.11, 0.083, 0.137]
    """
    gap = levels[0] - levels[1]
    half_width = Z * math.sqrt(gap_variance(levels, people, deff))
    return gap, gap - half_width, gap + half_width


def half_width(people: float, deff: float) -> float:
    """Half of the as-if 95 % interval of a share of one half.

    Examples
    --------
    >>> round(half_width(205, 1.5), 3)
    0.084
    """
    return Z * math.sqrt(deff * 0.25 / people)


def smallest_significant_gap(people: Pair) -> float:
    """The least gap between two shares near one half that a test at 5 % calls real.

    Examples
    --------
    >>> round(smallest_significant_gap((8598, 2891)), 3)
    0.021
    """
    return Z * math.sqrt(sum(0.25 / n for n in people))


def gap_change(levels: Pair, people: Pair, deff: float) -> float:
    """The smallest change of a gap that is found with a chance of `POWER`.

    Two waves have the same numbers of people, the levels stay near where they are, and
    the four groups are independent: (z of the level + z of the power) times the
    standard error of the difference of two gaps.

    Examples
    --------
    >>> round(gap_change((0.66, 0.5), (8598, 2891), 1.0), 3)
    0.042
    """
    of_two_waves = 2 * gap_variance(levels, people, deff)
    std_error = np.asarray(math.sqrt(of_two_waves))
    return float(detectable_size(std_error, math.inf, POWER))


def people_needed(levels: Pair, change: float, deff: float) -> int:
    """People needed in each of two groups and waves to find a change of their gap.

    Examples
    --------
    >>> people_needed((0.82, 0.47), 0.0875, 1.5)
    1221
    """
    with_one = gap_change(levels, (1.0, 1.0), deff)
    return math.ceil((with_one / change) ** 2)


def level_change(level: float, people: float, deff: float) -> float:
    """The smallest fall of a level that is found with a chance of `POWER`.

    Two waves have the same number of people.

    Examples
    --------
    >>> round(level_change(0.71, 2712, 1.5), 3)
    0.043
    """
    return detectable_difference(1 - level, people, deff, POWER)


def ratio_range(shares: Pair, half: Pair) -> tuple[float, float, float]:
    """A ratio of two printed percentages, and what their rounding allows.

    Parameters
    ----------
    shares : pair of float
    half : pair of float
        How far rounding may have moved each, up or down.

    Returns
    -------
    ratio, least, greatest : float

    Examples
    --------
    >>> [round(end, 3) for end in ratio_range((12.0, 56.0), (0.5, 0.5))]
    [0.214, 0.204, 0.225]
    """
    top, bottom = shares
    up, down = half
    least = (top - up) / (bottom + down)
    greatest = (top + up) / (bottom - down)
    return top / bottom, least, greatest
