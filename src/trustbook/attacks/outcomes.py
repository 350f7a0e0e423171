"""Two outcomes on the same axes: who answered one question and skipped the other."""

from __future__ import annotations

from collections.abc import Iterator

from trustbook.attacks.differences import differences, guessed
from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import CellTable, Published


def outcomes(published: Published) -> Iterator[Guess]:
    """People who skipped one of two questions, from the cells of both.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(outcomes(Published()))
    []
    """
    for one, other in published.pairs():
        if _are_of_two_questions(one, other):
            yield from guessed("outcomes", one, other, differences(one, other))


def _are_of_two_questions(one: CellTable, other: CellTable) -> bool:
    """Whether they count the same people, but for who answered."""
    if one.outcome == other.outcome or one.told != other.told:
        return False
    return (one.release, one.weights) == (other.release, other.weights)
