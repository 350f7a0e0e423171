"""Bands of a number, as a mapping writes them: ``cut: {18-34: [18, 34], 35-54: [35, 54], 55+: [55]}``.

Both ends of a band belong to it. One end alone says from where on, and ``[null, 17]``
up to where. Bands stand from low to high, without a gap and without an overlap, in steps
of the last decimal that any end has: after ``[18, 34]`` comes ``[35, ...]``, after
``[18.5, 24.9]`` comes ``[25, ...]``. A number between two ends belongs to the lower
band, as an age of 34.5 is 34 completed years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from trustlib.errors import is_number

FORM = "write each as [lowest, highest], as [lowest] or as [null, highest]"


@dataclass(frozen=True)
class Band:
    """One band.

    Attributes
    ----------
    name : str
    low : float
        Its lowest number; minus infinity if it has none.
    below : float
        Where the next one begins; infinity if none does.

    Examples
    --------
    >>> 34.5 in Band("18-34", 18, 35), 35 in Band("18-34", 18, 35)
    (True, False)
    """

    name: str
    low: float
    below: float

    def __contains__(self, number: float) -> bool:
        return self.low <= number < self.below


def bands_of(cut: Mapping[str, Any]) -> tuple[Band, ...]:
    """The bands that a mapping writes.

    Parameters
    ----------
    cut : mapping
        Name -> list of one or two ends.

    Returns
    -------
    tuple of Band

    Raises
    ------
    ValueError
        An end is no number, bands overlap, leave a gap, or do not stand from low to high.

    Notes
    -----
    R: ``cut(x, breaks, labels =, right = FALSE)``.

    Examples
    --------
    >>> young, old = bands_of({"18-34": [18, 34], "35+": [35]})
    >>> young.below, 90 in old
    (35.0, True)
    >>> bands_of({"18-34": [18, 34], "40+": [40]})
    Traceback (most recent call last):
    ...
    ValueError: cut leaves a gap between 18-34 and 40+: after 34 comes 35, got 40
    """
    if len(cut) < 2:
        raise ValueError(f"cut has {len(cut)} bands, expected two or more; {FORM}")
    ends = {name: _ends(name, own) for name, own in cut.items()}
    step = _step([end for pair in ends.values() for end in pair if end is not None])
    names = list(ends)
    for name, after in pairwise(names):
        _require_next(name, ends[name], after, ends[after], step)
    return tuple(_band(name, low, high, step) for name, (low, high) in ends.items())


def _ends(name: str, own: Any) -> tuple[Decimal | None, Decimal | None]:
    """The two ends of a band; None where it is open."""
    if not isinstance(own, Sequence) or isinstance(own, str) or len(own) not in (1, 2):
        raise ValueError(f"band {name} is no list of its ends; {FORM}")
    wrong = [end for end in own if end is not None and not is_number(end)]
    if wrong or all(end is None for end in own):
        raise ValueError(f"band {name} has ends that are no numbers; {FORM}")
    low, high = [None if end is None else Decimal(str(end)) for end in [*own, None][:2]]
    if low is not None and high is not None and high < low:
        raise ValueError(f"band {name} ends at {high}, before it begins at {low}")
    return low, high


def _step(ends: Sequence[Decimal]) -> Decimal:
    """One in the last decimal that any end has."""
    exponents = [int(end.normalize().as_tuple().exponent) for end in ends]
    return Decimal(1).scaleb(min([0, *exponents]))


Ends = tuple[Decimal | None, Decimal | None]


def _require_next(name: str, own: Ends, after: str, other: Ends, step: Decimal) -> None:
    """Refuse two bands of which the second does not begin where the first ends."""
    high = own[1]
    low = other[0]
    if high is None or low is None:
        raise ValueError(
            f"cut has bands that overlap: {name} and {after}; only the first may have "
            "no lowest number, and only the last no highest"
        )
    if low <= high:
        raise ValueError(
            f"cut has bands that overlap, or do not stand from low to high: {name} and "
            f"{after}; both ends belong to a band, so after {high} comes {high + step}"
        )
    if low > high + step:
        raise ValueError(
            f"cut leaves a gap between {name} and {after}: after {high} comes "
            f"{high + step}, got {low}"
        )


def _band(name: str, low: Decimal | None, high: Decimal | None, step: Decimal) -> Band:
    below = float("inf") if high is None else float(high + step)
    lowest = float("-inf") if low is None else float(low)
    return Band(str(name), lowest, below)
