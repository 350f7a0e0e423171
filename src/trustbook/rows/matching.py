"""Whose line of a table is this? Lines held against the people of a survey file.

A line is somebody's if at most `FEW` people have all of its values, and this is more
than chance. Three kinds of lines are told apart:

* *A list of people*: a table all of whose columns, but perhaps one, are columns of the
  file, three or more. Tables of results always have others (people, percent). A line is
  somebody's if at most three people have its values; and the list is one of people if
  its lines repeat each other, as those of a table of groups do not.
* *A table with some columns of the file*: at most three people have the values, and of
  all combinations of the values of these columns few occur in the file, so that one in
  a table of something else would hardly be somebody's.
* *A line without names*: all its fields, but perhaps one in five, are values of the
  file, short numbers apart, and that they are all one person's would happen by chance
  less than once in a thousand lines; or half of the lines of this length in the file
  fit somebody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from trustbook.rows.own import FEW
from trustbook.rows.records import Line
from trustbook.rows.spelling import key_of

COLUMNS = 3  # of a list of people, at least
OTHERS = 1  # of its columns that are none of the file, such as the number of a line
COMBINATIONS = 0.05  # of all that could be, that occur
UNKNOWN = 0.2  # of the fields of a line without names
BY_CHANCE = 1e-3
REPEATED = 10  # lines of a list that are the same as others
ENOUGH = 3  # lines that fit together
LIKELY = 0.3
DIGITS = 4  # of a number that counts in a line without names

Place = tuple[int, int]  # a column, and the code of a value in it
Named = tuple[tuple[int, str], ...]  # columns, each with a value


class People:
    """The values of each person of a file, by column.

    Parameters
    ----------
    columns : iterable of (name, values)
        One value for each person. Several may have one name.

    Examples
    --------
    >>> columns = [("sex", ["m", "w"] * 20), ("age", [str(i) for i in range(40)])]
    >>> people = People([*columns, ("town", ["Cork", "Bonn"] * 20)])
    >>> people.are_in([["town", "age", "sex"], ["Bonn", "12", "m"]])
    False
    >>> people.are_in([["town", "age", "sex"], ["Cork", "12", "m"]])
    True
    """

    def __init__(self, columns: Iterable[tuple[str, Sequence[str]]]) -> None:
        self.count = 0
        self.codes: list[np.ndarray] = []
        self.levels: list[dict[str, int]] = []
        self.places: dict[str, list[Place]] = defaultdict(list)
        self.named: dict[str, list[int]] = defaultdict(list)
        self.shares: dict[tuple[int, ...], float] = {}
        self.read: dict[tuple[str, ...], int] = {}
        for name, values in columns:
            self._add(name, values)

    def _add(self, name: str, values: Sequence[str]) -> None:
        former = self.read.setdefault(tuple(values), len(self.codes))
        if former < len(self.codes):  # the same under another name
            self.named[name].append(former)
            return
        keys = [key_of(value) for value in values]
        levels = {key: code for code, key in enumerate(dict.fromkeys(keys))}
        column = len(self.codes)
        self.count = len(keys)
        self.named[name].append(column)
        self.codes.append(np.array([levels[key] for key in keys]))
        self.levels.append(levels)
        for key, code in levels.items():
            if key:
                self.places[key].append((column, code))

    def are_in(self, lines: Iterable[Line]) -> bool:
        """Whether lines of tables are those of people.

        Parameters
        ----------
        lines : iterable of list of str
            Of one file; names of columns are a line as well.
        """
        seen = _Seen()
        tables: dict[int, _Table] = {}  # the last one with lines of this length
        for line in lines:
            named = self._names(line)
            table = tables.get(len(line))
            if named and (table is None or table.names != tuple(line)):
                table = _Table(line, named)
                tables |= {table.width: table, table.width + 1: table}
            elif not named and table and self._is_persons_below(table, line):
                return True
            if len(line) > 1 and line[0].strip() in self.named:
                seen.below.append((line[0].strip(), line[1:]))
            if not named and self._is_persons(line, seen):
                return True
        return self._fit_together(seen) or self._are_records(seen)

    def _names(self, line: Line) -> dict[int, str]:
        """Places of names of columns in a line; nothing for a line that is none."""
        named = {}
        for place, name in enumerate(line):
            bare = name.strip(" \"'")
            if bare in self.named:
                named[place] = bare
        if len(named) < 2:
            return {}
        return named

    def _is_persons_below(self, table: _Table, line: Line) -> bool:
        """Whether a line below names is somebody's."""
        shift = len(line) - table.width  # a print has no name above its numbers
        values = {name: key_of(line[at + shift]) for at, name in table.named.items()}
        fields = self._fields(values)
        fitting = self._how_many_have(fields)
        if fitting == 0:
            return False
        if table.is_list:
            table.lines[fields] += 1
            return fitting <= FEW or table.repeats() >= REPEATED
        return fitting <= FEW and self._share(fields) <= COMBINATIONS

    def _are_records(self, seen: _Seen) -> bool:
        """Whether names with values beside them, below each other, are people.

        A name that comes again begins the next record.
        """
        people: list[dict[str, str]] = []
        names: set[str] = set()
        for name, values in seen.below:
            if name in names:
                if any(map(self._is_record, people)):
                    return True
                people = []
                names = set()
            names.add(name)
            for number, value in enumerate(values):
                if number == len(people):
                    people.append({})
                people[number][name] = key_of(value)
        return any(map(self._is_record, people))

    def _is_record(self, values: Mapping[str, str]) -> bool:
        if len(values) < COLUMNS:
            return False
        fields = self._fields(values)
        if not 1 <= self._how_many_have(fields) <= FEW:
            return False
        return self._share(fields) <= LIKELY

    def _fields(self, values: Mapping[str, str]) -> Named:
        """Columns with their values: of several with one name, the one that has it."""
        fields = []
        for name, key in values.items():
            columns = self.named[name]
            having = [column for column in columns if key in self.levels[column]]
            fields.append(((having or columns)[0], key))
        return tuple(sorted(fields))

    def _how_many_have(self, fields: Named) -> int:
        """How many people have all of these values; a blank says nothing."""
        fit = np.ones(self.count, bool)
        known = 0
        for column, key in fields:
            if not key:
                continue
            code = self.levels[column].get(key)
            if code is None:
                return 0
            known += 1
            fit &= self.codes[column] == code
        if known < 2:
            return 0
        return int(fit.sum())

    def _share(self, fields: Named) -> float:
        """The share of all combinations of the values of columns that occur."""
        columns = tuple(column for column, _ in fields)
        if columns not in self.shares:
            chosen = np.array([self.codes[column] for column in columns])
            occur = np.unique(chosen, axis=1).shape[1]
            sizes = [float(len(self.levels[column])) for column in columns]
            self.shares[columns] = float(occur / np.prod(sizes))
        return self.shares[columns]

    def _is_persons(self, line: Line, seen: _Seen) -> bool:
        """Whether a line without names is somebody's; what may be is kept."""
        if len(line) < COLUMNS:
            return False
        keys = [key for key in map(_evidence, line) if key]
        places = [self.places[key] for key in keys if key in self.places]
        if len(places) < COLUMNS or len(places) < (1 - UNKNOWN) * len(keys):
            return False
        seen.lines[len(line)] += 1
        fit = np.ones(self.count, bool)
        chance = float(self.count)
        for of_key in places:
            anywhere = self._who_has(of_key)
            fit &= anywhere
            chance *= float(anywhere.mean())
        who = np.flatnonzero(fit)
        if not 1 <= len(who) <= FEW or not self._apart(who[0], places):
            return False
        if chance <= LIKELY:
            seen.fitting[len(line)].add(tuple(keys))
        return chance <= BY_CHANCE

    def _who_has(self, places: Sequence[Place]) -> np.ndarray:
        """Who has a value in any of these places."""
        anywhere = np.zeros(self.count, bool)
        for column, code in places:
            anywhere |= self.codes[column] == code
        return anywhere

    def _apart(self, person: int, places: Sequence[Sequence[Place]]) -> bool:
        """Whether the values stand in different columns of a person."""
        columns: set[int] = set()
        for of_key in sorted(places, key=len):
            own = [at for at, code in of_key if self.codes[at][person] == code]
            free = [at for at in own if at not in columns]
            if not free:
                return False
            columns.add(free[0])
        return True

    @staticmethod
    def _fit_together(seen: _Seen) -> bool:
        """Whether half of the lines of one length fit somebody."""
        return any(
            len(fitting) >= max(ENOUGH, seen.lines[length] / 2)
            for length, fitting in seen.fitting.items()
        )


@dataclass
class _Seen:
    """What was met in a file: lines by their length, and names beside values."""

    lines: Counter[int] = field(default_factory=Counter)
    fitting: dict[int, set[tuple[str, ...]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    below: list[tuple[str, Line]] = field(default_factory=list)


class _Table:
    """Names of columns, and the lines below them that were met."""

    def __init__(self, names: Line, named: dict[int, str]) -> None:
        self.names = tuple(names)
        self.width = len(names)
        self.named = named
        others = [name for at, name in enumerate(names) if at not in named and name]
        self.is_list = len(named) >= COLUMNS and len(others) <= OTHERS
        self.lines: Counter[Named] = Counter()

    def repeats(self) -> int:
        """How many lines are the same as another one."""
        return sum(count - 1 for count in self.lines.values())


@lru_cache(maxsize=1 << 18)
def _evidence(value: str) -> str:
    """A field in the plain form; a short number is no evidence, and left out."""
    key = key_of(value)
    if any(map(str.isalpha, key)):
        return key
    digits = sum(map(str.isdigit, key))
    if digits < DIGITS:
        return ""
    return key
