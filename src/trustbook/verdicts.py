"""The verdicts on published figures, by rules that were fixed before any figure was answered.

**Tolerance** is what the printed rounding leaves open: half a unit of the last printed
digit, and more where the source says "about" or where a difference of two rounded figures
is printed. A `MATCH` rounds to what was printed. An end of a printed interval may have
been rounded up to three times (the number, half the length, the end): if the number
matches and its ends are no farther away than that, the verdict is `WITHIN`. Synthetic
people never match: they are `CALIBRATED` where they were made to meet a figure and do,
and everywhere else a figure `NEEDS` microdata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trustlib.record.arithmetic import HOLDS, INCONSISTENT

MATCH = "match"
WITHIN = "within rounding"
DIFFERS = "differs"
CALIBRATED = "calibrated (synthetic)"
NEEDS = "needs microdata"
WITHHELD = "not releasable"
VERDICTS = (
    MATCH,
    WITHIN,
    DIFFERS,
    CALIBRATED,
    HOLDS,
    INCONSISTENT,
    NEEDS,
    WITHHELD,
)
BARELY = 1e-9  # an edge of a rounding belongs to it
HALF_A_RATIO = 0.05  # half a unit of the digit that ratios are printed with
HALF_A_UNIT = 0.5  # of whole percentages, points and counts
ROUNDED_AN_END = 3  # times, at most


def verdict(ours: Sequence[float], printed: Sequence[float], half: float) -> str:
    """``match``, ``within rounding`` or ``differs``, of a number and the two ends of its interval.

    Parameters
    ----------
    ours, printed : sequence of three numbers
        Or of one, where no interval was printed.
    half : float
        Half a unit of the last printed digit.

    Returns
    -------
    str

    Examples
    --------
    >>> verdict((62.31, 60.4, 64.24), (62.3, 60.4, 64.2), half=0.05)
    'match'
    >>> verdict((62.31, 60.4, 64.34), (62.3, 60.4, 64.2), half=0.05)
    'within rounding'
    """
    pairs = zip(ours, printed, strict=True)
    number, *ends = [abs(own - other) - BARELY for own, other in pairs]
    farthest = max(ends, default=number)
    if number > half or farthest > ROUNDED_AN_END * half:
        return DIFFERS
    return MATCH if farthest <= half else WITHIN


def verdict_on(figure: Any, ours: float, kind: str | None) -> str:
    """The verdict on a figure of the record that is answered; synthetic data cannot match.

    Parameters
    ----------
    figure : named tuple
        A line of `trustlib.record.printed.load_figures`: its value, comparison, statistic
        and half_width.
    ours : float
        In the printed unit.
    kind : str or None
        Of evidence.

    Returns
    -------
    str
    """
    if kind == "synthetic":
        return CALIBRATED
    gap = ours - figure.value
    holds = {">": gap > 0, "<": gap < 0, ">=": gap >= 0, "<=": gap <= 0}
    if figure.comparison in holds:
        return MATCH if holds[figure.comparison] else DIFFERS
    if abs(gap) > figure.half_width + BARELY:
        return DIFFERS
    half = HALF_A_RATIO if figure.statistic == "ratio" else HALF_A_UNIT
    return MATCH if abs(gap) <= half + BARELY else WITHIN
