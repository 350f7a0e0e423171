"""What an attacker makes of what is published: guesses, and how sure she is of each.

A total of protected cells is the true one plus noise whose size is known. So a
difference of totals makes some numbers of people likely and others not, and `likely`
says which. With exact cells the noise is nothing and the guess is certain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trustlib.variance import Array

SURE = 0.95
FEW = 10  # its own number: the attack must notice a gate that is switched off
EXACT = 1e-9  # relative: totals that differ by less are the same
REACH = 60  # how many people more or less are thought of


@dataclass(frozen=True)
class Guess:
    """What an attacker believes.

    Attributes
    ----------
    kind : str
        The attack.
    source, cell : str
    what : str
        people, weight, answer, cluster, noise or total.
    tables : tuple of str
        What it follows from.
    sure : float
        How sure she is, from 0 to 1.
    value : float
        What she believes; it stands in no text.

    Examples
    --------
    >>> guess = Guess("margins", "office", "sex=w", "people", ("a", "b"), 1.0, 3.0)
    >>> guess.line
    'office: margins: people in sex=w (a, b)'
    >>> "3" in repr(guess)
    False
    """

    kind: str
    source: str
    cell: str
    what: str
    tables: tuple[str, ...]
    sure: float
    value: float = field(repr=False)

    @property
    def line(self) -> str:
        """What was found, without its number."""
        tables = ", ".join(self.tables)
        return f"{self.source}: {self.kind}: {WORDS[self.what]} {self.cell} ({tables})"


WORDS = {
    "people": "people in",
    "weight": "the weight of one person in",
    "answer": "the answer of one person in",
    "cluster": "people of one cluster in",
    "noise": "an exact number beside protected ones in",
    "total": "the exact total of",
}


def likely(difference: float, sd: float) -> tuple[int, float]:
    """The likeliest number of people by which two totals differ, and how sure it is that these are few.

    Parameters
    ----------
    difference : float
        In people.
    sd : float
        Of its noise.

    Returns
    -------
    people : int
        Nobody is not among the answers: the totals do differ.
    sure : float
        Chance that one to nine people are the difference.

    Examples
    --------
    >>> likely(3.0, 0.0)
    (3, 1.0)
    >>> people, sure = likely(3.0, 2.0)
    >>> people, bool(0.9 < sure < 1)
    (3, True)
    """
    nearest = round(difference)
    if sd < EXACT:
        return nearest, float(0 < abs(nearest) < FEW)
    people = nearest + np.arange(-REACH, REACH + 1)
    people = people[people != 0]
    chance = np.exp(-0.5 * ((people - difference) / sd) ** 2)
    chance = chance / chance.sum()
    few = np.abs(people) < FEW
    return int(people[chance.argmax()]), float(chance[few].sum())


def within(width: float, sd: float) -> float:
    """Chance that noise is smaller than a width.

    Examples
    --------
    >>> within(1.0, 0.0), round(within(1.96, 1.0), 3)
    (1.0, 0.95)
    """
    from math import erf, sqrt

    if sd <= 0:
        return 1.0
    return erf(width / (sd * sqrt(2.0)))


def same(one: Array, other: Array) -> Array:
    """Where numbers are the same to rounding.

    Examples
    --------
    >>> same(np.array([1.0, 2.0]), np.array([1.0, 2.1])).tolist()
    [True, False]
    """
    size = np.maximum(np.abs(one), np.abs(other))
    return np.abs(one - other) <= EXACT * size
