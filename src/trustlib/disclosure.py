"""The disclosure gate: the one place that decides whether a result may be shown, and what it says of its evidence.

A result may be shown when every identity cell behind it holds at least `MINIMUM` people, and among them at
least `MINIMUM` with the outcome and `MINIMUM` without. Counts are of people, not weights.

Refusal is whole, which is the house's secondary suppression. Where single cells are blanked, others must be blanked
with them, or a margin less the cells that are left gives the blank away; which others is a problem of its own, and each
new table reopens it. A table that has no holes has nothing to fill in. What remains is the difference between two
tables on slightly different people: sets of cells share one base, `trustbook.sealing` refuses differences of a few
people, and `trustbook.attack` tries all published tables of a survey together.

Weights: a percentage in which one person has most of the weight gives that person's answer away to whoever knows the
weight. `trustbook.sealing` refuses a cell in which one person carries more than `DOMINANT` of the weight of all who
gave the same answer.

Rounding: by default numbers are published with all their digits, as reproduction needs them. An office that must round
says so once, in the mapping (``source: {rounding: 5}``). Then whatever is shown has numbers of people as multiples of
five and percentages as whole ones, because rounded numbers of people beside exact percentages would protect nobody.
What has been computed stays exact; only `Estimates.showable` rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trustlib.errors import DisclosureError

if TYPE_CHECKING:
    import pandas as pd

MINIMUM = 10
ROUNDED = "Rounded for this source: people to multiples of {base}, percentages to whole ones, ratios to two decimals."
DOMINANT = 0.5  # largest share of the weight of the people of one cell with one answer that one person may have
# The kinds of evidence, and what every table and figure says of its source.
EVIDENCE = {
    "real": "Real people",
    "supplied": "Supplied microdata",
    "synthetic": "SYNTHETIC data, not a finding",
    "published": "Published figures",
}


def smallest_count(n: np.ndarray, events: np.ndarray) -> np.ndarray:
    """The smallest of people, people with the outcome and people without it, for each cell."""
    n, events = np.asarray(n), np.asarray(events)
    return np.minimum(n, np.minimum(events, n - events))


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
    """
    failing = [
        label for label, count in zip(labels, smallest, strict=True) if count < MINIMUM
    ]
    if failing:
        named = "; ".join(failing[:4]) + (
            f"; and {len(failing) - 4} more" if len(failing) > 4 else ""
        )
        raise DisclosureError(
            f"{what} is not shown: {len(failing)} of {len(labels)} rows rest on fewer than {MINIMUM} people with "
            f"the outcome, or without it, or in all ({named}).",
            "Use coarser levels or fewer axes, so that every cell is large enough, and run the model on those.",
        )


def rounded(frame: pd.DataFrame, base: int) -> pd.DataFrame:
    """Numbers of people as multiples of `base`, and all that follows from percentages to two decimals.

    Two decimals of a proportion are whole percents. Standard errors and p-values keep three.
    """
    people = {c: base * (frame[c] / base).round() for c in ("n", "n_eff") if c in frame}
    values = [c for c in frame.select_dtypes("float") if c not in ("df", *people)]
    digits = {c: 3 if c in ("std_error", "p_value") else 2 for c in values}
    return frame.round(digits).assign(**people)


def masked_count(n: int) -> str:
    """A count as it may be printed in a message: small ones are not given."""
    return f"fewer than {MINIMUM}" if 0 < n < MINIMUM else f"{n:,}"
