"""Which cells of an outcome may be shown, when nobody has chosen them by hand.

For each outcome all pages count the same people: those who answered it and told every identity chosen. Each identity
comes first by itself, gender before the others: no cross takes the place of one of these tables. Then identities join
one cross, the *hub*, as long as each of its cells passes the gate. An identity that does not fit joins it with coarser
levels (`coarser`), the finest that pass; one that does not fit even so is crossed with as many of the hub's identities
as pass. Where it is then shown with joined levels only, its finest levels that may be shown have a table of their own.

A count that is withheld then lies between bounds at least 10 people apart, because sets of margins that hang together
like a tree have the bounds of Fréchet, which are sums of published cells (Dobra and Fienberg 2000); coarser levels are
sums of finer ones, and hang on the same tree. This holds as long as an identity says nothing certain of another one.
Where it does (whoever is trans is LGBTQ+), tables of the two can be subtracted from each other, so what is left must
pass the gate too; but not where joined levels of the two say nothing certain of each other any more. Where one outcome
implies another, the people with only one of them pass the gate as well. Nobody has
most of the weight of a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import DOMINANT, MINIMUM
from trustlib.schema import load_yaml

REASONS = load_yaml(Path(__file__).with_name("words.yml"))["reasons"]
NAMED = 6  # levels that a reason names
PLACES = ("wave", "country")
TO = " to "  # between the ends of joined numbers
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
FIRST = "gender"  # where one of two identities can be shown by itself


def coarser(
    levels: pd.Series, outcome: pd.Series, ordered: bool = False
) -> Iterator[pd.Series]:
    """The same identity with one level fewer each time, down to two.

    The level with the fewest people with or without the outcome joins the next
    smallest. The reference is joined only where it is the smallest itself. Levels of a
    scale join a neighbour, so that its two ends never stand together; so do levels that
    begin with a number, such as bands of age.

    Parameters
    ----------
    levels : categorical Series
    outcome : Series of 0 and 1, with the same index
    ordered : bool
        Whether the levels are a scale.

    Yields
    ------
    categorical Series
        A joined level is called after its parts: "Asian or other", and "1 to 3" where
        the levels of a scale are numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> levels = pd.Series(["a"] * 6 + ["b"] * 2 + ["c"] * 4, dtype="category")
    >>> outcome = pd.Series([0, 1] * 6)
    >>> [list(form.cat.categories) for form in coarser(levels, outcome)]
    [['a', 'b or c']]
    """
    made = levels.cat.remove_unused_categories()
    are_numbers = ordered and all(map(_NUMBER.fullmatch, map(str, made.cat.categories)))
    while len(made.cat.categories) > 2:
        names = [str(name) for name in made.cat.categories]
        people = pd.crosstab(made, outcome)
        sizes = people.min(axis=1).to_numpy()
        first, second = _to_join(names, sizes, ordered)
        joined = f"{names[first]} or {names[second]}"
        if are_numbers:
            joined = f"{names[first].split(TO)[0]}{TO}{names[second].split(TO)[-1]}"
        order = [name for i, name in enumerate(names) if i != second]
        order[first] = joined
        parts = {names[first]: joined, names[second]: joined}
        text = made.astype(str).replace(parts)
        made = pd.Series(pd.Categorical(text, order), made.index)
        yield made


def _to_join(names: Sequence[str], sizes: np.ndarray, ordered: bool) -> tuple[int, int]:
    """The places of the two levels that are joined next, in order."""
    least = int(sizes.argmin())
    others = [i for i in range(1, len(names)) if i != least]
    if ordered or all(re.match(r"\D?\d", name) for name in names):
        others = [i for i in (least - 1, least + 1) if 0 <= i < len(names)]
    partner = min(others, key=lambda i: sizes[i])
    return min(least, partner), max(least, partner)


class Family:
    """The cells of one outcome that may be shown: one base, and sets of axes.

    From the sets no withheld cell follows.

    Attributes
    ----------
    base : SurveyDesign
        Restricted to those who answered and told all `axes`. Beside each axis stand its
        coarser forms.
    counted : boolean array
        Who of the file is of the base, with a weight above zero.
    answered : list of str
        The outcome, and those that everybody of the base answered too.
    related : set of frozenset
        Pairs of axes of which some combination does not occur.
    axes : list of str
        The identities that at least half of those who answered told.
    axis_of : dict
        Axis or coarser form of one -> the axis.
    sets : list of list of str
        The hub, then each further axis, or finer form of one, with those that it may be
        crossed with.
    alone : list of list of str
        Each axis by itself, in its finest form that may be shown beside those before it.
        Each of the sets may stand beside them.
    placed : list of str
        Axes that may be crossed with wave and country.
    joined : dict
        Coarser form of an axis that is shown -> its joined levels.
    withheld : dict
        Single axes and pairs that are not shown -> why.
    """

    def __init__(
        self,
        design: SurveyDesign,
        outcome: str,
        axes: Sequence[str],
        others: Sequence[str] = (),
        beside: Sequence[str] = (),
    ) -> None:
        self.outcome = outcome
        self.answered = [outcome, *(name for name in beside if name != outcome)]
        self.axes = _told_by_half(design.frame, outcome, axes)
        self.axis_of = {axis: axis for axis in self.axes}
        answers = design.frame[[*self.answered, *self.axes]]
        complete = answers.notna().all(axis=1)
        formed = self._with_forms(design, complete, others)
        self.base = formed.domain(complete.to_numpy())
        self.counted = self._counted()
        self._inside = self.base.frame[self.counted]
        self.levels = self._inside[list(self.axis_of)].nunique()
        self.places = list(filter(self._is_place, PLACES))
        self.related = self._related()
        self.sets: list[list[str]] = []
        self.alone: list[list[str]] = []
        self._keep_alone()
        order = sorted(self.axes, key=self._smallest_level, reverse=True)
        hub = self._beside([], order, coarsen=True)
        if hub:
            self.sets.append(hub)
        for axis in order:
            self._attach(axis, hub)
        self.placed = self._placed(hub)
        self.joined = self._joined()
        self.withheld = self._withheld(axes)

    def _counted(self) -> np.ndarray:
        """Who of the file is of the base, with a weight above zero."""
        frame = self.base.frame
        inside = frame[DOMAIN].to_numpy(bool)
        if self.base.weight:
            inside = inside & (frame[self.base.weight] > 0).to_numpy(bool)
        return inside

    def _is_place(self, name: str) -> bool:
        frame = self.base.frame
        return name in frame and frame[name].dtype == "category"

    def _smallest_level(self, axis: str) -> int:
        sizes = self._inside[axis].value_counts()
        return min(sizes[sizes > 0].tolist(), default=0)

    def _related(self) -> set[frozenset[str]]:
        """Pairs of axes of which some combination does not occur."""
        related = set()
        for pair in combinations(self.axes, 2):
            if not self._all_occur(pair):
                related.add(frozenset(pair))
        return related

    def _all_occur(self, forms: Sequence[str]) -> bool:
        """Whether each combination of levels has somebody."""
        there = len(self._inside.groupby(list(forms), observed=True))
        return there == self._inside[list(forms)].nunique().prod()

    def _keep_alone(self) -> None:
        """Keep a place for each axis by itself, gender first, before any cross takes it."""
        for axis in sorted(self.axes, key=lambda name: name != FIRST):
            fitting = [form for form in self._forms(axis) if self._fits([form])]
            self.alone += [[form] for form in fitting[:1]]

    def _placed(self, hub: Sequence[str]) -> list[str]:
        """The axes of the hub that may be crossed with wave and country."""
        if not self.places:
            return []
        plain = [axis for axis in hub if axis in self.axes]
        crossed = self._beside(self.places, plain)
        return crossed[len(self.places) :]

    def _joined(self) -> dict[str, list[Any]]:
        """The joined levels of each coarser form that is shown."""
        frame = self.base.frame
        joined: dict[str, list[Any]] = {}
        for form in (form for each in self.sets for form in each):
            if form not in self.axes and form not in joined:
                axis = self.axis_of[form]
                own = set(frame[axis].cat.categories)
                levels = frame[form].cat.categories
                joined[form] = [level for level in levels if level not in own]
        return joined

    def _attach(self, axis: str, hub: Sequence[str]) -> None:
        """Add the sets that show an axis which the hub has not, or has coarser."""
        fitting = [form for form in self._forms(axis) if self._fits([form])]
        if not fitting:
            return
        host = self._host_of(axis)
        if not host:
            options = [self._beside([form], hub) for form in fitting]
            host = max(options, key=len)  # of equals the finest
            self.sets.append(host)
        if fitting[0] not in host:
            rest = [form for form in host if self.axis_of[form] != axis]
            finest = self._beside(fitting[:1], rest)
            self.sets.append(finest)

    def _host_of(self, axis: str) -> list[str]:
        """The first set that has an axis in some form."""
        for each in self.sets:
            axes = [self.axis_of.get(form) for form in each]
            if axis in axes:
                return each
        return []

    def _with_forms(
        self,
        design: SurveyDesign,
        complete: pd.Series,
        others: Sequence[str],
    ) -> SurveyDesign:
        """The design with the coarser forms of each axis as columns.

        For each outcome that is nested in this one, or has it nested in it, a further
        column says who has only one of the two.
        """
        frame = design.frame
        attrs = frame.attrs
        labels = dict(attrs.get("labels", {}))
        added = self._nested(frame, others)
        self.tested = [self.outcome, *added]
        answers = frame.loc[complete, self.outcome]
        for axis in self.axes:
            is_scale = axis in attrs.get("ordered", ())
            for form in coarser(frame.loc[complete, axis], answers, is_scale):
                size = len(form.cat.categories)
                name = f"{axis}_{size}_levels"
                added[name] = form.reindex(frame.index)
                self.axis_of[name] = axis
                labels[name] = f"{labels.get(axis, axis)} ({size} levels)"
        frame = frame.assign(**added)
        frame.attrs = {**attrs, "labels": labels}
        return replace(design, frame=frame)

    def _nested(
        self,
        frame: pd.DataFrame,
        others: Sequence[str],
    ) -> dict[str, pd.Series]:
        """Who has only one of this outcome and another that implies it or follows."""
        columns: dict[str, pd.Series] = {}
        for other in others:
            if other == self.outcome:
                continue
            excess = frame[other] - frame[self.outcome]
            implied = excess.min() == 0
            implies = excess.max() == 0
            if implied != implies:
                columns[f"nested_{len(columns)}"] = excess.abs()
        return columns

    def _withheld(self, axes: Sequence[str]) -> dict[str, str]:
        """Why each axis and pair is not shown that is not."""
        shown = set()
        for each in self.sets:
            for size in (1, 2):
                for part in combinations(each, size):
                    shown.add(frozenset(self.axis_of[form] for form in part))
        wanted: list[tuple[str, ...]] = [(axis,) for axis in self.axes]
        wanted += combinations(self.axes, 2)
        withheld = {}
        for by in wanted:
            if frozenset(by) not in shown:
                withheld[f"{self.outcome} by {' and '.join(by)}"] = self.why(by)
        for axis in axes:
            if axis not in self.axes:
                withheld[f"{self.outcome} by {axis}"] = REASONS["few"]
        return withheld

    def why(self, by: Sequence[str]) -> str:
        """Why a table by these axes, or places and axes, is not shown."""
        axes = [name for name in by if name in self.axis_of]
        if self._inside.empty:
            levels = [
                str(v) for name in axes for v in _levels_used(self.base.frame[name])
            ]
            return REASONS["small"].format(levels="; ".join(levels[:NAMED]))
        alike: list[str] = []
        for axis in axes:
            if self.levels[axis] < 2:
                alike += map(str, self._inside[axis].unique())
        reasons = {
            "one_level": alike,
            "small": self.small(by, self.tested[:1]),
            "nested": self.small(by),
        }
        for reason, levels in reasons.items():
            if levels:
                return REASONS[reason].format(levels="; ".join(levels))
        options = " ".join(f"--axis {axis}" for axis in axes)
        return REASONS["beside"].format(options=options)

    def small(self, by: Sequence[str], outcomes: Sequence[str] = ()) -> list[str]:
        """The combinations that nobody has, or too few people; never how many.

        Too few are fewer than ten with the outcome, or without it.
        """
        inside = self._inside.dropna(subset=list(by))
        weights = self._weights(inside)
        cell = _numbered(inside[list(by)])
        poor = np.zeros(_cells(cell), dtype=bool)
        for outcome in outcomes or self.tested:
            answers = inside[outcome].to_numpy(float)
            poor |= _poor(cell, answers, weights)
        flagged = inside[list(by)].assign(poor=poor[cell])
        keys = flagged.drop_duplicates()
        is_poor = {}
        for *key, flag in keys.itertuples(index=False, name=None):
            is_poor[tuple(key)] = flag
        every = self._combinations(by, inside, is_poor)
        named = [_in_words(by, key) for key in every if is_poor.get(key, True)]
        if len(named) > NAMED:
            return [*named[:NAMED], f"and {len(named) - NAMED} more"]
        return named

    def _combinations(
        self,
        by: Sequence[str],
        inside: pd.DataFrame,
        there: Iterable[tuple],
    ) -> Iterator[tuple]:
        """All combinations of levels of the axes, in each place that was polled."""
        places = [name for name in by if name not in self.axis_of]
        polled = sorted({key[: len(places)] for key in there})
        axes = [name for name in by if name in self.axis_of]
        levels = [_levels_used(inside[axis]) for axis in axes]
        for place in polled:
            for key in product(*levels):
                yield (*place, *key)

    def cells(self, by: Sequence[str]) -> Cells | None:
        """Sealed cells, or None if one of them is too small or empty."""
        if not self._fits(by):
            return None
        return compress(self.base, self.outcome, by).seal()

    def _fits(self, by: Sequence[str]) -> bool:
        """Whether each cell may be shown, also of those with only one nested outcome."""
        axes = [name for name in by if name in self.axis_of]
        places = [name for name in by if name not in self.axis_of]
        if not (self.levels[axes] > 1).all():
            return False
        cell = _numbered(self._inside[[*axes, *places]])
        place = _numbered(self._inside[places])
        polled = _cells(place[cell >= 0])
        if _cells(cell) != polled * self.levels[axes].prod():
            return False
        if not self._large(cell):
            return False
        others = [*self.alone, *self.sets]
        return all(self._apart(by, each) for each in others)

    def _large(self, cell: np.ndarray) -> bool:
        """Whether each cell has enough people, with each outcome and without."""
        weights = self._weights(self._inside)
        for outcome in self.tested:
            answers = self._inside[outcome].to_numpy(float)
            if _poor(cell, answers, weights).any():
                return False
        return True

    def _weights(self, people: pd.DataFrame) -> np.ndarray:
        if self.base.weight:
            return people[self.base.weight].to_numpy(float)
        return np.ones(len(people))

    def _apart(self, by: Sequence[str], other: Sequence[str]) -> bool:
        """Whether what one set less another leaves may be shown, if they are related."""
        forms = dict.fromkeys([*by, *other])
        axis = {form: self.axis_of.get(form, form) for form in forms}
        shared = {axis[form] for form in by}
        shared &= {axis[form] for form in other}
        further = [form for form in forms if axis[form] in shared]
        columns: dict[str, None] = {}
        for pair in product(by, other):
            if frozenset(axis[form] for form in pair) not in self.related:
                continue
            if not self._all_occur(list(dict.fromkeys([*pair, *further]))):
                columns |= dict.fromkeys(pair)
        if not columns:
            return True
        columns |= dict.fromkeys(further)
        people = self._inside[list(columns)]
        return self._large(_numbered(people))

    def _beside(
        self,
        start: Sequence[str],
        axes: Iterable[str],
        coarsen: bool = False,
    ) -> list[str]:
        """`start`, and as many of these axes as can be crossed with it and each other.

        Each is taken in its finest form that can.
        """
        part = list(start)
        for axis in axes:
            forms = self._forms(axis) if coarsen else [axis]
            for form in forms:
                if self._fits([*part, form]):
                    part.append(form)
                    break
        return part

    def _forms(self, axis: str) -> list[str]:
        """An axis and its coarser forms, the finest first."""
        return [form for form, of in self.axis_of.items() if of == axis]


def undeclared(design: SurveyDesign) -> dict[str, str]:
    """Variables of the mapping whose answers may be told of nobody, and why.

    Parameters
    ----------
    design : SurveyDesign
        From `trustbook.supplied.read_supplied`.

    Returns
    -------
    dict

    Examples
    --------
    >>> frame = pd.DataFrame({"low_trust": [0, 1]})
    >>> frame.attrs["labels"] = {"low_trust": "Low trust", "town": "Town"}
    >>> list(undeclared(SurveyDesign(frame, weight=None)))
    ['town']
    """
    frame = design.frame
    absent = [name for name in frame.attrs["labels"] if name not in frame]
    return dict.fromkeys(absent, REASONS["undeclared"])


def _told_by_half(frame: pd.DataFrame, outcome: str, axes: Sequence[str]) -> list[str]:
    """The axes that at least half of those who answered told; one alone empties no other."""
    if len(axes) == 1:
        return list(axes)
    answered = frame[frame[outcome].notna()]
    share = answered[list(axes)].notna().mean()
    return [axis for axis in axes if share[axis] >= 0.5]


def _levels_used(axis: pd.Series) -> pd.Index:
    return axis.cat.remove_unused_categories().cat.categories


def _in_words(by: Sequence[str], key: tuple) -> str:
    """A combination of levels; a single one by its level alone."""
    if len(by) == 1:
        return str(key[0])
    pairs = zip(by, key, strict=True)
    return ", ".join(f"{name} {level}" for name, level in pairs)


def _numbered(columns: pd.DataFrame) -> np.ndarray:
    """The number of each row's combination, from 0; -1 where a value is missing."""
    if columns.empty:
        return np.zeros(len(columns), int)
    groups = columns.groupby(list(columns), observed=True)
    return groups.ngroup().to_numpy()


def _cells(cell: np.ndarray) -> int:
    """How many combinations are numbered."""
    return int(cell.max(initial=-1)) + 1


def _poor(
    cell: np.ndarray,
    answers: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    """Of each cell that has people: whether it may not be shown.

    Too few of them gave one answer, or one of these has most of the weight.
    """
    used = (cell >= 0) & ~np.isnan(answers)
    group = 2 * cell[used] + answers[used].astype(int)
    size = 2 * _cells(cell)
    people = np.bincount(group, minlength=size)
    total = np.bincount(group, weights[used], size)
    heaviest = np.zeros(size)
    np.maximum.at(heaviest, group, weights[used])
    poor = (people < MINIMUM) | (heaviest > DOMINANT * total)
    peopled = people.reshape(-1, 2).any(axis=1)
    refused = poor.reshape(-1, 2).any(axis=1)
    return np.asarray(peopled & refused)
