"""Which tables of a confidential file may be published together, and after each other.

Noise cannot hide *that* a cell changed: not between two releases, and not between two
outcomes of which somebody skipped one. So whatever is to leave is held against all else
that leaves with it, and all that left before, on the finest cells that two tables share:
in each, nobody or at least ten people are in one table only, and between releases nobody
or at least twenty came, went or changed. With ten newcomers, what most of them said was
guessed a little more often than from the second release alone
(``benchmarks/attacks.py``); with twenty it was not. The same people may have other
weights three times.

`trustbook.survey_keys` keeps what is released, on its owner's machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trustlib.disclosure import MINIMUM
from trustlib.errors import DisclosureError, raise_faults
from trustlib.variance import Array, Codes

NEWCOMERS = 20  # people of a cell who came, went or changed between two releases
REWEIGHTINGS = 3  # times that the same people may get other weights
HASHES = ["person", "answer", "weight"]
_TOGETHER = (
    "Give tables that are published together one base: name under `known:` what only "
    "some of them ask. Release a new delivery of the file when at least twenty people of "
    "each cell that changed are new, or leave out the tables that changed."
)


@dataclass(frozen=True, eq=False)
class ReleasedSet:
    """Who was counted in which cell of one table.

    Attributes
    ----------
    name, outcome : str
    by : tuple of str
        Its axes.
    people : DataFrame
        One row per person counted: the axes as texts, and keyed hashes of who she is
        (``person``), of that with her answer (``answer``) and with her weight
        (``weight``).
    """

    name: str
    outcome: str
    by: tuple[str, ...]
    people: pd.DataFrame

    @property
    def facts(self) -> dict[str, Any]:
        """What names it in a file."""
        return {"name": self.name, "outcome": self.outcome, "by": list(self.by)}

    @cached_property
    def fingerprint(self) -> tuple[str, tuple[str, ...], int]:
        """Equal for the same people, cells, answers and weights."""
        cell = pd.util.hash_pandas_object(self.cells(self.by), index=False)
        mixed = cell.to_numpy()
        for name in HASHES:
            mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + self.people[name].to_numpy()
        return self.outcome, self.by, int(mixed.view(np.int64).sum())

    @cached_property
    def levels(self) -> set[str]:
        """The names of its cells."""
        return set(self.cells(self.by).unique())

    def cells(self, by: Sequence[str]) -> pd.Series:
        """The cell of each person on some axes, as a text."""
        columns = [self.people[axis] for axis in by]
        if not columns:
            return pd.Series("", self.people.index)
        text = columns[0]
        for column in columns[1:]:
            text = text + ", " + column
        return text

    def as_table(self, number: int) -> pd.DataFrame:
        """What is kept of it: for each person the hashes and the cell."""
        levels = self.people[list(self.by)].to_numpy().tolist()
        texts = [json.dumps(row) for row in levels]
        return self.people[HASHES].assign(set=number, cell=texts)

    @classmethod
    def from_table(cls, table: pd.DataFrame, facts: Mapping[str, Any]) -> ReleasedSet:
        """What `as_table` kept."""
        by = tuple(facts["by"])
        cell, texts = pd.factorize(table["cell"])
        levels = pd.DataFrame([json.loads(text) for text in texts], columns=list(by))
        people = levels.iloc[cell].reset_index(drop=True)
        people[HASHES] = table[HASHES].to_numpy()
        return cls(facts["name"], facts["outcome"], by, people)


def require_releasable(
    new: Sequence[ReleasedSet], former: Sequence[Sequence[ReleasedSet]]
) -> None:
    """Refuse a release from which single people follow.

    Parameters
    ----------
    new : sequence of ReleasedSet
        What is to be published together.
    former : sequence of releases
        What was published of the survey before.

    Raises
    ------
    DisclosureError
        Between two tables 1 to 9 people of a cell differ, or 1 to 19 between a table
        and one of an earlier release; or the same people are given other weights for a
        fourth time. No message holds a count.
    """
    faults = dict.fromkeys(_faults(new, former))
    raise_faults(
        DisclosureError,
        "These tables together would give single people away",
        list(faults),
        _TOGETHER,
    )


def _faults(
    new: Sequence[ReleasedSet], former: Sequence[Sequence[ReleasedSet]]
) -> Iterator[str]:
    for one, other in combinations(_different(new), 2):
        if changed := _changed(one, other):
            yield f"tables {one.name} and {other.name} differ by a few people in {changed}"
    earlier = _different([each for release in former for each in release])
    for one in _different(new):
        for other in earlier:
            if changed := _changed(one, other, earlier=True):
                yield (
                    f"table {one.name} differs from {other.name} of an earlier release "
                    f"by a few people in {changed}"
                )
        if _weightings(one, earlier) > REWEIGHTINGS + 1:
            yield (
                f"table {one.name} gives the same people other weights for the "
                f"{REWEIGHTINGS + 1}th time"
            )


def _different(sets: Sequence[ReleasedSet]) -> list[ReleasedSet]:
    """Tables of which no two are the same."""
    return list({one.fingerprint: one for one in sets}.values())


def _changed(one: ReleasedSet, other: ReleasedSet, earlier: bool = False) -> str:
    """The first cell of two tables in which a few people differ; nothing if there is none.

    `earlier` says that the second was released before.
    """
    least = NEWCOMERS if earlier else MINIMUM
    shared = [axis for axis in one.by if axis in other.by]
    if not _are_of_the_same(shared, one, other):
        between = _people_who_differ(shared, one, other, earlier)
        few = ((between > 0) & (between < least)).any(axis=1)
        if few.any():
            return _named(shared, few.index[few.to_numpy().argmax()])
    if one.by == other.by and one.levels == other.levels:
        return ""
    return _nearly_the_same(one, other, least)


def _named(axes: Sequence[str], cell: str) -> str:
    """A cell in words."""
    return f"{' and '.join(axes)} {cell}" if axes else "all together"


def _are_of_the_same(axes: Sequence[str], one: ReleasedSet, other: ReleasedSet) -> bool:
    """Whether two tables of other questions count the same people with the same weights."""
    if one.outcome == other.outcome and one.by == other.by:
        return False  # their answers may differ
    if len(one.people) != len(other.people):
        return False
    columns = ["person", "weight", *axes]
    if one.outcome == other.outcome:
        columns.append("answer")
    return all(
        np.array_equal(one.people[name].to_numpy(), other.people[name].to_numpy())
        for name in columns
    )


def _people_who_differ(
    axes: Sequence[str], one: ReleasedSet, other: ReleasedSet, earlier: bool
) -> pd.DataFrame:
    """How many people of each cell on some axes came, went or changed, by each measure.

    Numbers of people are compared with earlier releases only: within one release people
    are known again by what the one file says of them.
    """
    cells = pd.concat([one.cells(axes), other.cells(axes)], ignore_index=True)
    sign = np.r_[np.ones(len(one.people)), -np.ones(len(other.people))]
    hashes = pd.concat([one.people[HASHES], other.people[HASHES]], ignore_index=True)
    names = ["person", "weight"]
    if one.outcome == other.outcome:
        names.append("answer")
    records = {name: _records_between(cells, sign, hashes[name]) for name in names}
    measures = {name: _people(records, name) for name in names}
    if earlier:
        measures["number"] = _people_between(cells, sign)
    return pd.DataFrame(measures)


def _people(records: Mapping[str, pd.Series], name: str) -> pd.Series:
    """How many people came, went or changed: who changed has two records without match."""
    return (records[name] + records["person"]) / 2


def _people_between(cells: pd.Series, sign: Array) -> pd.Series:
    """How many more people are in each cell of one table than of the other."""
    return pd.Series(sign).groupby(cells).sum().abs()


def _records_between(cells: pd.Series, sign: Array, hashes: pd.Series) -> pd.Series:
    """How many records of each cell have no match in the other table."""
    left = pd.Series(sign).groupby([cells, hashes]).sum().abs()
    return left.groupby(level=0).sum()


def _nearly_the_same(one: ReleasedSet, other: ReleasedSet, least: int) -> str:
    """Two cells, whatever their axes and levels are called, that differ by a few people."""
    first = pd.DataFrame({"one": one.cells(one.by), "person": _numbered(one.people)})
    second = pd.DataFrame(
        {"other": other.cells(other.by), "person": _numbered(other.people)}
    )
    both = first.merge(second, on="person").groupby(["one", "other"]).size()
    if both.empty:
        return ""
    sizes = first["one"].value_counts().reindex(both.index.get_level_values(0))
    others = second["other"].value_counts().reindex(both.index.get_level_values(1))
    between = sizes.to_numpy() + others.to_numpy() - 2 * both.to_numpy()
    few = (between > 0) & (between < least)
    if not few.any():
        return ""
    cell, near = both.index[few.argmax()]
    return (
        f"cells that are nearly the same ({cell or 'everyone'} of {one.name}, "
        f"{near or 'everyone'} of {other.name})"
    )


def _numbered(people: pd.DataFrame) -> Codes:
    """Each person's hash, made different for those who have the same."""
    again = people.groupby("person").cumcount().to_numpy(np.uint64)
    return people["person"].to_numpy() + again


def _weightings(one: ReleasedSet, earlier: Sequence[ReleasedSet]) -> int:
    """How many sets of weights the people of a table have had, this one included."""
    own = np.sort(one.people["person"].to_numpy())
    weights = {_sum(one.people["weight"])}
    for other in earlier:
        if np.array_equal(own, np.sort(other.people["person"].to_numpy())):
            weights.add(_sum(other.people["weight"]))
    return len(weights)


def _sum(hashes: pd.Series) -> int:
    return int(hashes.to_numpy().view(np.int64).sum())
