"""The disclosure gate: whether a result may be shown, and what it says of its evidence.

A result may be shown when every identity cell behind it holds at least `MINIMUM`
people, and among them at least `MINIMUM` with the outcome and `MINIMUM` without. Counts
are of people, not weights. Nothing else decides it.

Refusal is whole, which is the house's secondary suppression. Where single cells are
blanked, others must be blanked with them, or a margin less the cells that are left
gives the blank away; which others is a problem of its own, and each new table reopens
it. A table that has no holes has nothing to fill in. What remains is the difference
between two tables on slightly different people: sets of cells share one base,
`trustbook.sealing` refuses differences of a few people, and `trustbook.attack` tries
all published tables of a survey together.

Weights: a percentage in which one person has most of the weight gives that person's
answer away to whoever knows the weight. `trustbook.sealing` refuses a cell in which one
person carries more than `DOMINANT` of the weight of all who gave the same answer.

Rounding, where a source asks for it, is in `trustlib.rounding`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trustlib.errors import DisclosureError

MINIMUM = 10
NAMED_IN_FULL = 4
# The largest share of the weight of those of a cell with one answer that one may have.
DOMINANT = 0.5
# The kinds of evidence whose people nobody else may look up.
CONFIDENTIAL = ("supplied",)
# The kinds of evidence, and what every table and figure says of its source.
EVIDENCE = {
    "real": "Real people",
    "supplied": "Supplied microdata",
    "synthetic": "SYNTHETIC data, not a finding",
    "published": "Published figures",
}


def smallest_count(n: np.ndarray, events: np.ndarray) -> np.ndarray:
    """The smallest of people, people with the outcome and people without it.

    Parameters
    ----------
    n, events : array (m,)
        People of each cell, and those with the outcome.

    Returns
    -------
    array (m,)

    Examples
    --------
    >>> import numpy as np
    >>> smallest_count(np.array([30, 30]), np.array([12, 25])).tolist()
    [12, 5]
    """
    n = np.asarray(n)
    events = np.asarray(events)
    return np.minimum(n, np.minimum(events, n - events))


def is_dominated(heaviest: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Whether one person has most of a weight, and so gives an answer away.

    Parameters
    ----------
    heaviest, total : array
        The largest weight and the sum of weights of those with one answer. Where there
        is nobody, nobody dominates.

    Returns
    -------
    boolean array

    Examples
    --------
    >>> import numpy as np
    >>> is_dominated(np.array([6.0, 4.0]), np.array([10.0, 10.0])).tolist()
    [True, False]
    """
    return np.asarray(heaviest > DOMINANT * total)


def require_showable(smallest: np.ndarray, labels: Sequence[str], what: str) -> None:
    """Raise `DisclosureError` if any row rests on fewer than `MINIMUM` people.

    Parameters
    ----------
    smallest : array (m,)
        Smallest count behind each row; see `smallest_count`.
    labels : sequence of str
        Name of each row, for the message. The message never contains a count.
    what : str
        What was to be shown, for example ``"this table"``.

    Examples
    --------
    >>> import numpy as np
    >>> require_showable(np.array([12, 30]), ["gender=man", "gender=woman"], "This table")
    """
    counted = zip(labels, smallest, strict=True)
    failing = [label for label, count in counted if count < MINIMUM]
    if not failing:
        return
    named = "; ".join(failing[:NAMED_IN_FULL])
    if len(failing) > NAMED_IN_FULL:
        named += f"; and {len(failing) - NAMED_IN_FULL} more"
    raise DisclosureError(
        f"{what} is not shown: {len(failing)} of {len(labels)} rows rest on fewer than "
        f"{MINIMUM} people with the outcome, or without it, or in all, or one person "
        f"has most of the weight of an answer ({named}).",
        "Use coarser levels or fewer axes, so that every cell is large enough, "
        "and run the model on those.",
    )


def masked_count(n: int) -> str:
    """A count as it may be printed in a message: small ones are not given.

    Examples
    --------
    >>> masked_count(3), masked_count(1200)
    ('fewer than 10', '1,200')
    """
    if 0 < n < MINIMUM:
        return f"fewer than {MINIMUM}"
    return f"{n:,}"
