"""A margin less the sum of finer cells: a cell that was withheld, or who told less."""

from __future__ import annotations

from collections.abc import Iterator

from trustbook.attacks.differences import differences, guessed
from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import CellTable, Published


def margins(published: Published) -> Iterator[Guess]:
    """People between a margin and the sum of the finer cells below it.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(margins(Published()))
    []
    """
    for one, other in published.pairs():
        if not _are_of_one_question(one, other):
            continue
        if one.told < other.told or _is_finer(other, one):
            yield from guessed("margins", other, one, differences(other, one))
        elif other.told < one.told or _is_finer(one, other):
            yield from guessed("margins", one, other, differences(one, other))


def _are_of_one_question(one: CellTable, other: CellTable) -> bool:
    """Whether they are of one outcome, one release and one variant of weights."""
    mine = (one.outcome, one.release, one.weights)
    return mine == (other.outcome, other.release, other.weights)


def _is_finer(one: CellTable, other: CellTable) -> bool:
    """Whether one has the axes of the other and more, of the same people."""
    return one.told == other.told and {*one.cells.by} > {*other.cells.by}
