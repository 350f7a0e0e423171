"""Two releases of one table: who came, went or changed between them.

If nearly all cells differ the same people were weighted anew, which is no difference of
people as long as their numbers agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from trustbook.attacks.differences import MOST_CELLS, Difference, differences, guessed
from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import CellTable, Published


def releases(published: Published) -> Iterator[Guess]:
    """People added, changed or removed, from the cells of two releases.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(releases(Published()))
    []
    """
    for one, other in published.pairs():
        if _are_two_releases(one, other):
            found = differences(one, other)
            if not _is_weighted_anew(found, len(one.cells)):
                yield from guessed("releases", one, other, found)


def _are_two_releases(one: CellTable, other: CellTable) -> bool:
    """Whether they are one table, before and after."""
    if one.release == other.release:
        return False
    mine = (one.outcome, one.told, one.weights)
    return mine == (other.outcome, other.told, other.weights)


def _is_weighted_anew(found: list[Difference], cells: int) -> bool:
    """Whether most cells differ, and none in its number of people for certain."""
    if len(found) <= MOST_CELLS * cells:
        return False
    return all(each.noise > 0 or each.n == 0 for each in found)
