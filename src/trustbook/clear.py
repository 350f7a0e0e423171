"""When a finding on real people is called clear: one rule, written down before its numbers stood on a page.

HINTS comes with replicate weights, and they are primary: Student's t with the degrees of
freedom of the replicates (49 of one survey, 98 of a change between two), and Holm's
adjustment over a family that is named beforehand. Taylor linearisation is the
sensitivity analysis. A finding that both call clear is `CLEAR`; where only one of them
does it is `OPEN`, neither clear nor refuted; all else is `NOT_CLEAR`. The families are

* the gaps of one page;
* all interaction contrasts of one survey;
* the changes of one table, and the ratios of one page (`trustbook.years`,
  `trustbook.trials`);
* the gaps by one identity over all questions of a page (`trustbook.twice`).

The estimate and its interval, by the replicate weights, come first; a verdict never
stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trustlib.adjustment import holm
from trustlib.variance import Array

CLEAR = "clear"
OPEN = "neither clear nor refuted"
NOT_CLEAR = "not clear"
VERDICTS = (CLEAR, OPEN, NOT_CLEAR)
LEVEL = 0.05


def judge(replicates: Sequence[float] | Array, taylor: Any) -> list[str]:
    """The verdicts on a family of findings.

    Parameters
    ----------
    replicates, taylor : sequence of float
        P-values of all findings of the family, not adjusted, with the standard errors
        of the replicate weights and with those of Taylor linearisation.

    Returns
    -------
    list of str
        One of `VERDICTS` for each.

    Raises
    ------
    ValueError
        The two are not of the same findings.

    Examples
    --------
    >>> judge([0.001, 0.03, 0.2], [0.002, 0.001, 0.3])
    ['clear', 'neither clear nor refuted', 'not clear']
    """
    pairs = zip(holm(replicates) < LEVEL, holm(taylor) < LEVEL, strict=True)
    return [_verdict(primary, second) for primary, second in pairs]


def _verdict(primary: bool, second: bool) -> str:
    """What two analyses that may disagree say together."""
    if primary != second:
        return OPEN
    return CLEAR if primary else NOT_CLEAR
