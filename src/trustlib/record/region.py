"""Which pairs of values can two unprinted figures have at once, and what contradicts the others.

`trustlib.record.audit.bounds` answers for one figure. Here two shares are moved against
each other: `region` holds the first at each of some values and asks for the bounds of
the second, so that it is exact at these values. `contradictions` names, for every pair
of whole percentages that is not possible, a set of figures and assumptions that says so.

Conventions are those of the audit. A figure at a value is a claim without rounding. At a
fixed value of the first figure, the values that the second can have are an interval: the
populations are convex, and a share on them takes every value between two that it takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trustlib.record.audit import TOLERANCE, Claim, Population, audit, bounds

PERCENT = np.arange(101) / 100
SPARSE = 10  # percent between the pairs whose contradiction is the smallest for certain
SLACK = 1e-6  # of a bound, which a whole percentage may miss


@dataclass(frozen=True)
class Pair:
    """Two shares that nobody printed, and all that is said of the people.

    Parameters
    ----------
    claims : tuple of Claim
    population : Population
    across, up : Claim
        The two shares; their ranges play no part. Their names stand in contradictions.
    assume : tuple of str or Claim
        As in `trustlib.record.audit.audit`.

    Examples
    --------
    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> men = Claim("men", 'gender == "man"', item="provider")
    >>> women = Claim("women", 'gender == "woman"', item="provider")
    >>> Pair((), population, men, women).up.id
    'women'
    """

    claims: tuple[Claim, ...]
    population: Population
    across: Claim
    up: Claim
    assume: tuple[str | Claim, ...] = ()

    def only(self, names: Iterable[str]) -> Pair:
        """The same with those claims and assumptions alone that have these names."""
        kept = set(names)
        claims = tuple(claim for claim in self.claims if claim.id in kept)
        assume = tuple(each for each in self.assume if _name(each) in kept)
        return replace(self, claims=claims, assume=assume)

    def bounds(self, asked: Claim, *held: Claim) -> tuple[float, float]:
        """The bounds of a share, while others are held at values."""
        return bounds([*self.claims, *held], self.population, asked, self.assume)

    def conflict(self, across: float, up: float) -> tuple[str, ...]:
        """A smallest contradiction of two values; nothing if they are possible."""
        held = (at(self.across, across), at(self.up, up))
        return audit([*self.claims, *held], self.population, self.assume).conflict


@dataclass(frozen=True)
class Contradiction:
    """Names that contradict each other at some pairs of whole percentages.

    Attributes
    ----------
    names : tuple of str
        Of claims, of assumptions, and of the figures whose values play a part.
    fits : array of int, (101, 2)
        For each percentage of the first figure, the least and the greatest percentage of
        the second that these names allow; 1 and 0 where they allow none.

    Examples
    --------
    >>> fits = np.tile([0, 40], (101, 1))
    >>> Contradiction(("R24-017", "women"), fits).excludes(10, 41)
    True
    """

    names: tuple[str, ...]
    fits: np.ndarray

    def excludes(self, across: int, up: int) -> bool:
        """Whether the names contradict this pair of percentages."""
        low, high = self.fits[across]
        return not low <= up <= high

    @property
    def excluded(self) -> np.ndarray:
        """For each percentage across and up (101, 101), whether the names contradict it."""
        ups = np.arange(101)
        low, high = self.fits.T
        return (ups < low[:, None]) | (ups > high[:, None])


def at(figure: Claim, value: float) -> Claim:
    """A figure that is held at a value.

    Examples
    --------
    >>> at(Claim("women", 'gender == "woman"', item="provider"), 0.5).high
    0.5
    """
    return replace(figure, low=value, high=value)


def _name(assumption: str | Claim) -> str:
    return assumption.id if isinstance(assumption, Claim) else assumption


def region(pair: Pair, values: Iterable[float] = PERCENT) -> pd.DataFrame:
    """The values that two unprinted shares can have together.

    Parameters
    ----------
    pair : Pair
        Some population must honour its claims.
    values : array
        Of the first share. The ends of its own range are added.

    Returns
    -------
    DataFrame
        One row for each value that is possible: across, low, high. Between low and high
        the second share can have every value.

    Raises
    ------
    EstimandError
        As `trustlib.record.audit.bounds`, which says what contradicts what.

    Examples
    --------
    Of 100 people half are women, and 30 to 40 said yes. Yes of men across, of women up:

    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> half = Claim("half", 'gender == "woman"', 50, 50, "count")
    >>> yes = Claim("yes", "all", 0.3, 0.4, item="provider")
    >>> men = Claim("men", 'gender == "man"', item="provider")
    >>> women = Claim("women", 'gender == "woman"', item="provider")
    >>> print(region(Pair((half, yes), population, men, women), [0.2]).round(3))
       across  low  high
    0     0.0  0.6   0.8
    1     0.2  0.4   0.6
    2     0.8  0.0   0.0
    """
    least, most = pair.bounds(pair.across)
    inner = [value for value in values if least < value < most]
    rows = []
    for value in dict.fromkeys([least, *inner, most]):
        held = at(pair.across, value)
        if value in (least, most):
            low = max(least, value - TOLERANCE)
            high = min(most, value + TOLERANCE)
            held = replace(pair.across, low=low, high=high)
        rows.append([value, *pair.bounds(pair.up, held)])
    return pd.DataFrame(rows, columns=["across", "low", "high"])


def fitting(pair: Pair, names: Iterable[str]) -> Contradiction:
    """Where some names of a pair's claims, assumptions and values contradict each other.

    Parameters
    ----------
    pair : Pair
    names : iterable of str
        Names of claims and assumptions, which do not contradict each other alone, and of
        the pair's figures.

    Returns
    -------
    Contradiction

    Examples
    --------
    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> yes = Claim("at most", 'gender == "man"', 0, 0.4, item="provider")
    >>> men = Claim("men", 'gender == "man"', item="provider")
    >>> women = Claim("women", 'gender == "woman"', item="provider")
    >>> pair = Pair((yes,), population, men, women)
    >>> fitting(pair, ["at most", "men"]).fits[[40, 41]].tolist()
    [[0, 100], [1, 0]]
    """
    names = tuple(names)
    part = pair.only(names)
    fits = np.tile([1, 0], (101, 1))
    first, last = (0, 100)
    if pair.across.id in names:
        first, last = _whole(*part.bounds(pair.across))
    fits[first : last + 1] = [0, 100]
    if pair.up.id not in names:
        return Contradiction(names, fits)
    if pair.across.id not in names:
        fits[:] = _whole(*part.bounds(pair.up))
        return Contradiction(names, fits)
    for percent in range(first, last + 1):
        held = at(pair.across, percent / 100)
        fits[percent] = _whole(*part.bounds(pair.up, held))
    return Contradiction(names, fits)


def _whole(low: float, high: float) -> tuple[int, int]:
    """The least and greatest whole percentage within bounds."""
    return int(np.ceil(100 * low - SLACK)), int(np.floor(100 * high + SLACK))


def contradictions(pair: Pair) -> list[Contradiction]:
    """What contradicts the pairs of whole percentages that are not possible.

    Parameters
    ----------
    pair : Pair
        Some population must honour its claims.

    Returns
    -------
    list of Contradiction
        Those of the fewest names first. Each impossible pair is excluded by one at
        least. None of the names of the first that excludes it could be left out. For
        every tenth percentage it is a smallest contradiction for certain, as
        `trustlib.record.audit.audit` finds it.

    Examples
    --------
    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> yes = Claim("at most", 'gender == "man"', 0, 0.4, item="provider")
    >>> men = Claim("men", 'gender == "man"', item="provider")
    >>> women = Claim("women", 'gender == "woman"', item="provider")
    >>> [found] = contradictions(Pair((yes,), population, men, women))
    >>> found.names, found.excludes(50, 0)
    (('at most', 'men'), True)
    """
    whole = fitting(pair, _every_name(pair))
    found: dict[frozenset[str], Contradiction] = {}
    tries = itertools.chain(
        _sparse_pairs(whole), _unexplained(whole, found), _reducible(pair, found)
    )
    for across, up in tries:
        names = pair.conflict(across / 100, up / 100)
        if names and frozenset(names) not in found:
            found[frozenset(names)] = fitting(pair, names)
    return _in_order(found)


def _every_name(pair: Pair) -> list[str]:
    """The names of all claims and assumptions, and of both figures."""
    claims = [claim.id for claim in pair.claims]
    assumed = [_name(each) for each in pair.assume]
    return [*claims, *assumed, pair.across.id, pair.up.id]


def _in_order(found: dict[frozenset[str], Contradiction]) -> list[Contradiction]:
    """Those of the fewest names first; of as many, those that were found first."""
    return sorted(found.values(), key=lambda each: len(each.names))


def _sparse_pairs(whole: Contradiction) -> Iterator[tuple[int, int]]:
    """Pairs of every tenth percentage that are not possible."""
    sparse = range(0, 101, SPARSE)
    for across, up in itertools.product(sparse, sparse):
        if whole.excludes(across, up):
            yield across, up


def _unexplained(
    whole: Contradiction, found: dict[frozenset[str], Contradiction]
) -> Iterator[tuple[int, int]]:
    """Pairs that are not possible and that nothing found excludes, until there is none."""
    for across, up in itertools.product(range(101), range(101)):
        known = any(each.excludes(across, up) for each in found.values())
        if whole.excludes(across, up) and not known:
            yield across, up


def _reducible(
    pair: Pair, found: dict[frozenset[str], Contradiction]
) -> Iterator[tuple[int, int]]:
    """Pairs where the first contradiction has a name that it does not need, until there is none."""
    parts: dict[frozenset[str], Contradiction] = {}
    looking = True
    while looking:
        looking = False
        for place in _first_reducible(pair, _in_order(found), parts):
            looking = True
            yield place


def _first_reducible(
    pair: Pair,
    ordered: list[Contradiction],
    parts: dict[frozenset[str], Contradiction],
) -> Iterator[tuple[int, int]]:
    """One pair for each contradiction that is the first there, and reducible."""
    left = np.ones((101, 101), dtype=bool)
    for each in ordered:
        own = each.excluded & left
        left &= ~each.excluded
        for name in each.names:
            names = frozenset(each.names) - {name}
            if names not in parts:
                parts[names] = fitting(pair, names)
            reducible = np.argwhere(own & parts[names].excluded)
            if len(reducible):
                yield int(reducible[0][0]), int(reducible[0][1])
                break
