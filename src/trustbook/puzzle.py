r"""What published numbers of people say together: the least and the most people of each cell.

The people x of each cell of the finest cross of all axes are unknown, "not told" being a
level of each axis. What is published is A x = b, and a linear programme finds the least
and the most people of each cell that agree with it (also for the people with the outcome
and without it, where some are known). Cells that no published number tells apart are one.
A finding is a cell that is narrowed to fewer than `NARROW` numbers, one of them below it.
That nobody is there is no finding; that everybody answered alike is one.

Sources: Fellegi (1972), J. Am. Stat. Assoc. 67, 7-18; Hundepool et al. (2012),
*Statistical Disclosure Control*, ch. 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from trustlib import disclosure
from trustlib.errors import DisclosureError
from trustlib.variance import Array

NARROW = 10  # its own number: the attack must notice a gate that is switched off
OTHER = "another level"
UNTOLD = "not told"
EDGE = 1e-6  # of a linear programme: how far its solution may be from a whole number
CONTRADICTION = "The numbers of people in the published tables contradict each other."
LOOK = "A table counts other people than its plan says: look at `known:` and `where:`."


@dataclass(frozen=True)
class Condition:
    """That a level of an axis must, or must not, be among some levels."""

    axis: str
    among: bool
    levels: set[str]


@dataclass(frozen=True)
class Row:
    """A row of a published table.

    Attributes
    ----------
    cells : list of dict
        Axis -> level; of a gap two.
    n : float
        People.
    yes : float
        People with the outcome; NaN if they are not known.
    """

    cells: list[dict[str, str]]
    n: float
    yes: float = np.nan


@dataclass(frozen=True)
class Table:
    """A published table.

    Attributes
    ----------
    name, source, outcome, family : str
    told : set of str
        The axes that the people told whom it counts.
    where : list of Condition
        What holds for them.
    rows : list of Row
    whole : bool
        In a table that is whole a combination that is not there has nobody.
    """

    name: str
    source: str
    outcome: str
    family: str
    told: set[str]
    where: list[Condition]
    rows: list[Row]
    whole: bool = False


@dataclass(frozen=True)
class _Cross:
    """The finest cross of all axes.

    Attributes
    ----------
    levels : dict
        Axis -> array of its levels.
    place : dict
        Axis -> array (cells,): the place of each cell's level.
    size : int
        The number of cells.
    """

    levels: dict[str, Array]
    place: dict[str, Array]
    size: int

    @classmethod
    def of(cls, levels: Mapping[str, set[str]]) -> _Cross:
        """The cross of axes with these levels, each of which may also not be told."""
        named = {
            axis: np.array([*(sorted(some) or [OTHER]), UNTOLD])
            for axis, some in levels.items()
        }
        ranges = [range(len(some)) for some in named.values()]
        places = np.array(list(product(*ranges)), dtype=int)
        place = dict(zip(named, places.T, strict=True))
        return cls(named, place, len(places))


@dataclass(frozen=True)
class _Published:
    """All rows of all tables: of each its cells of the cross, its people, and whose row it is."""

    masks: Array  # (rows, cells) bool
    n: Array  # (rows,)
    yes: Array  # (rows,) NaN where the people with the outcome are not known
    table: Array  # (rows,) names
    outcome: Array  # (rows,) names


@dataclass(frozen=True)
class _Atoms:
    """Cells that no published number tells apart, taken as one.

    Attributes
    ----------
    member : array (rows, atoms)
        1 where an atom belongs to a row.
    size : array (atoms,)
        How many cells it stands for.
    cells : array (cells kept,)
        Places in the cross.
    atom : array (cells kept,)
        The atom of each.
    """

    member: Array
    size: Array
    cells: Array
    atom: Array


def solve(tables: Sequence[Table], readings: Mapping[str, Any]) -> list[str]:
    """Narrow down every cell of one puzzle.

    Parameters
    ----------
    tables : sequence of Table
        Of one survey.
    readings : mapping
        Variable -> its rule in the mapping of the survey (`trustlib.forms.Rule`).

    Returns
    -------
    list of str
        A line for each group that is narrowed down, without its number of people.

    Raises
    ------
    DisclosureError
        The published numbers of people contradict each other.

    Examples
    --------
    All people less the men and the women who are published:

    >>> def table(name, told, *rows):
    ...     return Table(name, "office", "y", "y", told, [], list(rows))
    >>> everybody = table("all", set(), Row([{}], 105))
    >>> men = Row([{"sex": "man"}], 50)
    >>> women = Row([{"sex": "woman"}], 52)
    >>> solve([everybody, table("sex", {"sex"}, men, women)], {})
    ['office: people in sex=not told (all)']
    """
    return _Puzzle(tables, readings).findings()


class _Puzzle:
    """Tables of one survey, and how its variables were read from its columns."""

    def __init__(self, tables: Sequence[Table], readings: Mapping[str, Any]) -> None:
        self.tables = tables
        self.readings = readings
        # Outcome -> the axes that say who answered it.
        self.answered: dict[str, list[str]] = {}
        for table in tables:
            rule = readings.get(table.outcome)
            self.answered[table.outcome] = _answered(table.outcome, rule)
        self.cross = _Cross.of(self._levels())
        self.published = self._published()
        self.atoms = self._atoms()

    def _levels(self) -> dict[str, set[str]]:
        """The levels of each axis that a table names."""
        levels: dict[str, set[str]] = {}
        for table in self.tables:
            for axis in (*sorted(table.told), *self.answered[table.outcome]):
                levels[axis] = set()
        for table in self.tables:
            for axis, level in _levels_of(table):
                levels.setdefault(axis, set()).add(level)
        for table in self.tables:
            for condition in table.where:
                known = levels.setdefault(condition.axis, set())
                known |= condition.levels | {OTHER}
        return levels

    def _published(self) -> _Published:
        """What is published, row by row."""
        rows = [(table, row) for table in self.tables for row in table.rows]
        masks = [self._any_of(table, row.cells) for table, row in rows]
        people = [row.n for _, row in rows]
        with_outcome = [row.yes for _, row in rows]
        names = [table.name for table, _ in rows]
        outcomes = [table.outcome for table, _ in rows]
        return _Published(
            np.array(masks),
            np.array(people),
            np.array(with_outcome),
            np.array(names),
            np.array(outcomes),
        )

    def _any_of(self, table: Table, cells: Iterable[Mapping[str, str]]) -> Array:
        inside = [self._inside(table, cell) for cell in cells]
        return np.any(inside, axis=0)

    def _inside(self, table: Table, cell: Mapping[str, str]) -> Array:
        """The cells of the cross that a cell of a table counts."""
        told = {*table.told, *cell, *self.answered[table.outcome]}
        told |= {condition.axis for condition in table.where}
        inside = np.ones(self.cross.size, bool)
        for axis, levels in self.cross.levels.items():
            allowed = _allowed(axis, levels, table.where)
            if axis in cell:
                allowed &= np.isin(levels, cell[axis])
            if axis in told:
                allowed &= levels != UNTOLD
            inside &= allowed[self.cross.place[axis]]
        return inside

    def _possible(self) -> Array:
        """Cells that can have people: of what one answer has together, and of no table that is whole without them."""
        possible = _together(self.cross, self.readings)
        published = self.published
        for table in self.tables:
            if table.whole:
                own = published.masks[published.table == table.name]
                there = own.any(axis=0)
                possible &= ~self._inside(table, {}) | there
        return possible

    def _atoms(self) -> _Atoms:
        """The cells that can have people and stand in a row, those that no row tells apart as one."""
        masks = self.published.masks
        named = masks.any(axis=0)
        cells = np.flatnonzero(self._possible() & named)
        _, first, atom, size = np.unique(
            np.packbits(masks[:, cells], axis=0),
            return_index=True,
            return_inverse=True,
            return_counts=True,
            axis=1,
        )
        member = masks[:, cells[first]].astype(float)
        return _Atoms(member, size, cells, atom)

    def findings(self) -> list[str]:
        """A line for each group that is narrowed down."""
        atoms = self.atoms
        low, high = bounds(atoms.member, self.published.n, atoms.size)
        narrowed = {"": _is_narrow(low, high) & (high > 0)}
        known = np.isfinite(self.published.yes)
        for outcome in np.unique(self.published.outcome[known]):
            for word, (least, most) in self._by_answer(outcome).items():
                narrowed[word] = _is_narrow(least, most) & (high > 0)
        pinned = np.any(list(narrowed.values()), axis=0)
        atoms_found = map(int, np.flatnonzero(pinned))
        return [self._line(atom, narrowed) for atom in atoms_found]

    def _by_answer(self, outcome: str) -> dict[str, tuple[Array, Array]]:
        """Bounds for the people with an outcome, and for those without it.

        The unknowns are the people with it, then those without. In each row that does
        not tell them there are at least as many of both as the rule of the book asks.
        """
        member = self.atoms.member
        nobody = 0 * member
        own = self.published.outcome == outcome
        known = np.isfinite(self.published.yes)
        told = own & known
        hidden = own & ~known
        with_it = np.hstack([member, nobody])
        without = np.hstack([nobody, member])
        everybody = np.hstack([member, member])
        equal = np.vstack([everybody, with_it[told]])
        least = -np.vstack([with_it[hidden], without[hidden]])
        people = np.r_[self.published.n, self.published.yes[told]]
        size = np.tile(self.atoms.size, 2)
        low, high = bounds(equal, people, size, least)
        low_with, low_without = np.split(low, 2)
        high_with, high_without = np.split(high, 2)
        return {
            f" with {outcome}": (low_with, high_with),
            f" without {outcome}": (low_without, high_without),
        }

    def _line(self, atom: int, narrowed: Mapping[str, Array]) -> str:
        """Who is narrowed down, and by which tables."""
        cells = self.atoms.cells[self.atoms.atom == atom]
        named = []
        for axis, levels in self.cross.levels.items():
            some = levels[np.unique(self.cross.place[axis][cells])]
            # An axis with a blank is one of ours: who answered, or what a condition says.
            if " " not in axis and len(some) < len(levels):
                named.append(f"{axis}={' or '.join(some)}")
        word = next(word for word, pinned in narrowed.items() if pinned[atom])
        rows = self.atoms.member[:, atom] > 0
        names = self.published.table[rows]
        tables = ", ".join(dict.fromkeys(names))
        whom = ", ".join(named) or "all"
        return f"{self.tables[0].source}: people{word} in {whom} ({tables})"


def _is_narrow(low: Array, high: Array) -> Array:
    """Whether bounds leave open fewer than `NARROW` numbers, one of them below it."""
    return (high - low < NARROW) & (low < NARROW)


def _allowed(axis: str, levels: Array, where: Iterable[Condition]) -> Array:
    """The levels of an axis that the conditions of a table allow."""
    allowed = np.ones(len(levels), bool)
    for condition in where:
        if condition.axis == axis:
            named = np.isin(levels, list(condition.levels))
            allowed &= named == condition.among
    return allowed


def _levels_of(table: Table) -> Iterator[tuple[str, str]]:
    """Each axis and level that a table names."""
    for row in table.rows:
        for cell in row.cells:
            yield from cell.items()


def _answered(outcome: str, rule: Any) -> list[str]:
    """The axes that say who answered: outcomes read from one column share one; none if everybody counts.

    An outcome that takes some answers of its own as missing, such as *don't know*, has a
    second axis: who gave another answer.
    """
    if not rule:
        return [f"answered {outcome}"]
    if rule.missing_as is not None:
        return []
    columns = [str(part.column or outcome) for part in rule.parts]
    axes = [f"answered {' '.join(columns)}"]
    for part in rule.parts:
        if part.missing:
            others = ", ".join(sorted(part.missing))
            axes.append(f"answered {part.column or outcome} otherwise than {others}")
    return axes


def _together(cross: _Cross, readings: Mapping[str, Any]) -> Array:
    """Cells that can have people: of two axes read from one column, only levels that one answer has together."""
    possible = np.ones(cross.size, bool)
    single = {}
    for axis in cross.levels:
        rule = readings.get(axis)
        if rule and rule.values and rule.missing_as is None:
            single[axis] = rule
    for (one, a), (other, b) in combinations(single.items(), 2):
        if (a.column or one) != (b.column or other):
            continue
        pairs = {(UNTOLD, UNTOLD)}
        for answer in {*a.values, *b.values}:
            read = a.values.get(answer, UNTOLD)
            read_again = b.values.get(answer, UNTOLD)
            pairs.add((read, read_again))
        levels = product(cross.levels[one], cross.levels[other])
        both = np.array([pair in pairs for pair in levels])
        table = both.reshape(len(cross.levels[one]), len(cross.levels[other]))
        possible &= table[cross.place[one], cross.place[other]]
    return possible


def bounds(
    equal: Array, b: Array, size: Array, least: Array | None = None
) -> tuple[Array, Array]:
    """Least and most of each x with ``equal @ x = b`` and x >= 0; the search ends where they are far apart.

    Of an x that stands for several cells (`size`), each may have nobody. First all that
    are not far apart yet are asked to be so together, as long as some can (more than
    `NARROW` people earn nothing). Those of whom nobody was found yet have nobody if not
    even their sum can be above zero. Then each that is left is asked alone.

    Parameters
    ----------
    equal : array (m, k)
    b : array (m,)
    size : array (k,)
    least : array (r, k), optional
        ``least @ x`` is at most minus the smallest number of people that is published.

    Returns
    -------
    low, high : array (k,)

    Raises
    ------
    DisclosureError
        No x agrees.

    Examples
    --------
    Two numbers whose sum is 3:

    >>> import numpy as np
    >>> low, high = bounds(np.array([[1.0, 1.0]]), np.array([3.0]), np.ones(2))
    >>> low.astype(int).tolist(), high.astype(int).tolist()
    ([0, 0], [3, 3])
    """
    search = _Search(equal, b, size, least)
    waiting = len(size) + 1
    near = search.near()
    while waiting > near.sum() > 0:
        waiting = near.sum()
        search.ask(near & (search.high >= NARROW), 1)
        search.ask(near & (search.high < NARROW), -1, NARROW)
        near = search.near()
    empty = near & (search.high == 0)
    empty &= search.ask(empty, -1) < 0.5
    every = np.arange(len(size))
    left = np.flatnonzero(near & ~empty)
    for i, sign in product(left, (1, -1)):
        if search.high[i] - search.low[i] < NARROW:
            search.ask(every == i, sign)
    return search.low, search.high


class _Search:
    """A linear programme that is asked again and again; each solution widens the bounds found so far.

    Each x is the sum of two unknowns, so that a programme may reward the first of them
    up to a limit.
    """

    def __init__(
        self, equal: Array, b: Array, size: Array, least: Array | None
    ) -> None:
        from scipy.sparse import csr_array

        rows = np.unique(np.c_[equal, b], axis=0)
        numbers = rows[:, :-1]
        self.equal = csr_array(np.hstack([numbers, numbers]))
        self.people = rows[:, -1]
        self.least = None
        self.limit = None
        if least is not None:
            self.least = csr_array(np.hstack([least, least]))
            # The rule is known to the attacker.
            minimum = float(disclosure.MINIMUM)
            self.limit = np.full(len(least), -minimum)
        self.low = np.where(size > 1, 0.0, np.inf)
        self.high = np.full(len(size), -np.inf)

    def near(self) -> Array:
        """The x whose bounds are not far apart yet."""
        return self.high - self.low < NARROW

    def ask(self, asked: Array, sign: int, enough: float = np.inf) -> float:
        """Least (1) or greatest (-1) sum of some x, up to `enough` of each; what is found widens the bounds."""
        from scipy.optimize import linprog

        count = len(asked)
        most = np.full(2 * count, np.inf)
        if sign < 0:
            most[:count] = enough
        limits = np.c_[np.zeros(2 * count), most]
        cost = np.r_[sign * asked, max(sign, 0) * asked]
        solved = linprog(
            cost,
            self.least,
            self.limit,
            self.equal,
            self.people,
            limits,
        )
        if solved.status:
            raise DisclosureError(CONTRADICTION, LOOK)
        x = solved.x[:count] + solved.x[count:]
        self.low = np.minimum(self.low, np.ceil(x - EDGE))
        self.high = np.maximum(self.high, np.floor(x + EDGE))
        return abs(solved.fun)
