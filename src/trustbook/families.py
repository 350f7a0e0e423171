"""Which cells of an outcome may be shown, when nobody has chosen them by hand.

For each outcome all pages count the same people: those who answered it and told every identity chosen. Identities join
one cross, the *hub*, as long as each of its cells passes the gate. An identity that does not fit joins it with coarser
levels (`coarser`), the finest that pass; one that does not fit even so is crossed with as many of the hub's identities
as pass. Where it is then shown with joined levels only, its finest levels that may be shown have a table of their own.

A count that is withheld then lies between bounds at least 10 people apart, because sets of margins that hang together
like a tree have the bounds of Fréchet, which are sums of published cells (Dobra and Fienberg 2000); coarser levels are
sums of finer ones, and hang on the same tree. This holds as long as an identity says nothing certain of another one.
Where it does (whoever is trans is LGBTQ+), tables of the two can be subtracted from each other, so what is left must
pass the gate too. Where one outcome implies another, the people with only one of them pass the gate as well. Nobody has
most of the weight of a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd

from trustlib.cells import Cells, compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import DOMINANT, MINIMUM
from trustlib.schema import load_yaml

REASONS = load_yaml(Path(__file__).with_name("words.yml"))["reasons"]
NAMED = 6  # levels that a reason names


def coarser(levels: pd.Series, outcome: pd.Series) -> Iterator[pd.Series]:
    """The same identity with one level fewer each time, down to two.

    The level with the fewest people with or without the outcome joins the next smallest. The reference is joined only
    where it is the smallest itself. Levels that begin with a number, such as bands of age, join a neighbour.

    Parameters
    ----------
    levels : categorical Series
    outcome : Series of 0 and 1, with the same index

    Yields
    ------
    categorical Series
        A joined level is called after its parts: "Asian or other".
    """
    made = levels.cat.remove_unused_categories()
    while len(names := [str(name) for name in made.cat.categories]) > 2:
        sizes = pd.crosstab(made, outcome).min(axis=1).to_numpy()
        least = int(sizes.argmin())
        beside = [i for i in range(1, len(names)) if i != least]
        if all(re.match(r"\D?\d", name) for name in names):
            beside = [i for i in (least - 1, least + 1) if 0 <= i < len(names)]
        first, second = sorted([least, min(beside, key=lambda i: sizes[i])])
        joined = f"{names[first]} or {names[second]}"
        order = [
            joined if i == first else name
            for i, name in enumerate(names)
            if i != second
        ]
        text = made.astype(str).replace({names[first]: joined, names[second]: joined})
        made = pd.Series(pd.Categorical(text, order), made.index)
        yield made


class Family:
    """The cells of one outcome that may be shown: one base, and sets of axes from which no withheld cell follows.

    Attributes
    ----------
    base : SurveyDesign
        Restricted to those who answered and told all `axes`. Beside each axis stand its coarser forms.
    axes : list of str
        The identities that at least half of those who answered told.
    axis_of : dict
        Axis or coarser form of one -> the axis.
    sets : list of list of str
        The hub, then each further axis, or finer form of one, with those that it may be crossed with.
    related : set of frozenset
        Pairs of axes of which some combination does not occur.
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
    ) -> None:
        told = (
            design.frame.loc[design.frame[outcome].notna(), list(axes)].notna().mean()
        )
        self.outcome, self.axes = outcome, [a for a in axes if told[a] >= 0.5]
        known = design.frame[[outcome, *self.axes]].notna().all(axis=1)
        self.axis_of = {a: a for a in self.axes}
        self.base = self._with_forms(design, known, others).domain(known.to_numpy())
        frame, weight = self.base.frame, self.base.weight
        self._inside = inside = frame[
            frame[DOMAIN] & (frame[weight] > 0 if weight else True)
        ]
        self.levels = inside[list(self.axis_of)].nunique()
        self.places = [
            p
            for p in ("wave", "country")
            if p in frame and frame[p].dtype == "category"
        ]
        pairs = combinations(self.axes, 2)
        self.related = {
            frozenset(p)
            for p in pairs
            if len(inside.groupby(list(p))) < self.levels[list(p)].prod()
        }
        self.sets: list[list[str]] = []
        order = sorted(
            self.axes, key=lambda a: -inside[a].value_counts()[lambda n: n > 0].min()
        )
        hub = self._beside([], order, coarsen=True)
        self.sets += [hub] if hub else []
        for axis in order:
            self._attach(axis, hub)
        plain = [a for a in hub if a in self.axes]
        self.placed = (
            self._beside(self.places, plain)[len(self.places) :] if self.places else []
        )
        known_levels = {
            form: set(frame[axis].cat.categories) for form, axis in self.axis_of.items()
        }
        shown = dict.fromkeys(
            form for each in self.sets for form in each if form not in self.axes
        )
        self.joined = {
            f: [v for v in frame[f].cat.categories if v not in known_levels[f]]
            for f in shown
        }
        self.withheld = self._withheld(axes)

    def _attach(self, axis: str, hub: Sequence[str]) -> None:
        """Add the sets that show an axis which the hub has not, or has with joined levels only."""
        shown = [form for form in self._forms(axis) if self._fits([form])]
        host = next((s for s in self.sets if axis in map(self.axis_of.get, s)), [])
        if shown and not host:
            host = max(
                (self._beside([form], hub) for form in shown), key=len
            )  # of equals the finest
            self.sets.append(host)
        if shown and shown[0] not in host:
            self.sets.append(
                self._beside(shown[:1], [b for b in host if self.axis_of[b] != axis])
            )

    def _with_forms(
        self, design: SurveyDesign, known: pd.Series, others: Sequence[str]
    ) -> SurveyDesign:
        """The design with the coarser forms of each axis, and who has only one of two nested outcomes, as columns."""
        frame, attrs = design.frame, design.frame.attrs
        nested = [
            (frame[other] - frame[self.outcome])
            for other in others
            if other != self.outcome
        ]
        nested = [d.abs() for d in nested if (d.min() == 0) != (d.max() == 0)]
        self.tested = [self.outcome, *(f"nested_{i}" for i in range(len(nested)))]
        added, labels = (
            dict(zip(self.tested[1:], nested, strict=True)),
            dict(attrs.get("labels", {})),
        )
        for axis in self.axes:
            for form in coarser(frame.loc[known, axis], frame.loc[known, self.outcome]):
                size = len(form.cat.categories)
                name = f"{axis}_{size}_levels"
                added[name] = form.reindex(frame.index)
                self.axis_of[name], labels[name] = (
                    axis,
                    f"{labels.get(axis, axis)} ({size} levels)",
                )
        frame = frame.assign(**added)
        frame.attrs = {**attrs, "labels": labels}
        return replace(design, frame=frame)

    def _withheld(self, axes: Sequence[str]) -> dict[str, str]:
        parts = [
            part
            for each in self.sets
            for size in (1, 2)
            for part in combinations(each, size)
        ]
        shown = {frozenset(self.axis_of[form] for form in part) for part in parts}
        wanted = [(a,) for a in self.axes] + list(combinations(self.axes, 2))
        small = {
            f"{self.outcome} by {' and '.join(w)}": self.why(w)
            for w in wanted
            if frozenset(w) not in shown
        }
        return small | {
            f"{self.outcome} by {a}": REASONS["few"] for a in axes if a not in self.axes
        }

    def why(self, by: Sequence[str]) -> str:
        """Why a table by these axes, or places and axes, is not shown."""
        alike = [
            str(v)
            for a in by
            if a in self.axis_of and self.levels[a] < 2
            for v in self._inside[a].unique()
        ]
        found = {
            "one_level": alike,
            "small": self.small(by, self.tested[:1]),
            "nested": self.small(by),
        }
        for reason, levels in found.items():
            if levels:
                return REASONS[reason].format(levels="; ".join(levels))
        return REASONS["beside"].format(
            options=" ".join(f"--axis {a}" for a in by if a in self.axis_of)
        )

    def small(self, by: Sequence[str], outcomes: Sequence[str] = ()) -> list[str]:
        """The combinations of levels that nobody has, or too few people with or without the outcome; never how many."""
        inside = self._inside.dropna(subset=list(by))
        columns, weights = inside[list(by)], self._weights(inside)
        cell = _numbered(columns)
        poor = np.any(
            [
                _poor(cell, inside[y].to_numpy(float), weights)
                for y in outcomes or self.tested
            ],
            axis=0,
        )
        rows = (
            columns.assign(poor=poor[cell])
            .drop_duplicates()
            .itertuples(index=False, name=None)
        )
        is_poor = {row[:-1]: row[-1] for row in rows}
        places = [p for p in by if p not in self.axis_of]
        polled = sorted({key[: len(places)] for key in is_poor})
        levels = [
            inside[a].cat.remove_unused_categories().cat.categories
            for a in by
            if a in self.axis_of
        ]
        keys = [(*place, *key) for place in polled for key in product(*levels)]
        pairs = [zip(by, key, strict=True) for key in keys if is_poor.get(key, True)]
        told = [
            ", ".join(f"{a} {v}" if len(by) > 1 else str(v) for a, v in pair)
            for pair in pairs
        ]
        return told[:NAMED] + [f"and {len(told) - NAMED} more"] * (len(told) > NAMED)

    def cells(self, by: Sequence[str]) -> Cells | None:
        """Sealed cells, or None if one of them is too small or empty."""
        return compress(self.base, self.outcome, by).seal() if self._fits(by) else None

    def _fits(self, by: Sequence[str]) -> bool:
        """Whether each cell may be shown, of this outcome and of those who have only one of two nested ones."""
        axes, places = (
            [a for a in by if a in self.axis_of],
            [p for p in by if p not in self.axis_of],
        )
        if not (self.levels[axes] > 1).all():
            return False
        cell, place = (
            _numbered(self._inside[names]) for names in ([*axes, *places], places)
        )
        full = (place[cell >= 0].max(initial=-1) + 1) * self.levels[axes].prod()
        return (
            cell.max(initial=-1) + 1 == full
            and self._large(cell)
            and all(self._apart(by, s) for s in self.sets)
        )

    def _large(self, cell: np.ndarray) -> bool:
        weights = self._weights(self._inside)
        return not any(
            _poor(cell, self._inside[y].to_numpy(float), weights).any()
            for y in self.tested
        )

    def _weights(self, people: pd.DataFrame) -> np.ndarray:
        return (
            people[self.base.weight].to_numpy(float)
            if self.base.weight
            else np.ones(len(people))
        )

    def _apart(self, by: Sequence[str], other: Sequence[str]) -> bool:
        """Whether what is left when one set is subtracted from another may be shown, where identities are related."""
        of = {form: self.axis_of.get(form, form) for form in (*by, *other)}
        both = {of[form] for form in by} & {of[form] for form in other}
        pairs = [
            (a, b)
            for a in by
            for b in other
            if frozenset((of[a], of[b])) in self.related
        ]
        columns = dict.fromkeys(
            [
                *(form for pair in pairs for form in pair),
                *(form for form in of if of[form] in both),
            ]
        )
        return not pairs or self._large(_numbered(self._inside[list(columns)]))

    def _beside(
        self, start: Sequence[str], axes: Iterable[str], coarsen: bool = False
    ) -> list[str]:
        """`start`, and as many of these axes as can be crossed with it and each other, each in its finest form."""
        part = list(start)
        for axis in axes:
            part += next(
                (
                    [form]
                    for form in (self._forms(axis) if coarsen else [axis])
                    if self._fits([*part, form])
                ),
                [],
            )
        return part

    def _forms(self, axis: str) -> list[str]:
        """An axis and its coarser forms, the finest first."""
        return [form for form, of in self.axis_of.items() if of == axis]


def _numbered(columns: pd.DataFrame) -> np.ndarray:
    """The number of the combination that each row has, from 0; -1 where a value is missing."""
    if columns.empty:
        return np.zeros(len(columns), int)
    return columns.groupby(list(columns), observed=True).ngroup().to_numpy()


def _poor(cell: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of each cell that has people: whether too few of them gave one answer, or one of these has most of the weight."""
    used = (cell >= 0) & ~np.isnan(answers)
    group, size = (
        2 * cell[used] + answers[used].astype(int),
        2 * (cell.max(initial=-1) + 1),
    )
    people, total = (
        np.bincount(group, minlength=size),
        np.bincount(group, weights[used], size),
    )
    heaviest = np.zeros(size)
    np.maximum.at(heaviest, group, weights[used])
    poor = (people < MINIMUM) | (heaviest > DOMINANT * total)
    return np.asarray(
        people.reshape(-1, 2).any(axis=1) & poor.reshape(-1, 2).any(axis=1)
    )
