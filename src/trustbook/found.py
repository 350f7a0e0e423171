"""What was found in a supplied file: each outcome by each group, read from the tables of its runs.

Nothing is computed from people here: each number comes from a page of levels of the
book. All gaps of the first page are one family, as the rule of `trustbook.clear` has
it: a gap is clear if its p-value, adjusted by Holm's method for the number of them, is
below 0.05. A page of one outcome adjusts for its own gaps, and may call more of them
clear. Each identity stands by itself; where pages show it with different levels, the
finest are taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.clear import CLEAR, LEVEL
from trustbook.families import Family
from trustbook.pictures.rows import RowPicture, in_rows
from trustbook.pictures.style import level_name
from trustbook.run_tables import in_one, read_estimates
from trustbook.short_titles import short_titles
from trustbook.summary import (
    Paragraph,
    fitted,
    gaps_in_words,
    named_gaps,
    synthetic_first,
    valued,
)
from trustlib.adjustment import holm
from trustlib.escaping import visible
from trustlib.estimates import Estimates
from trustlib.tables import UNDEFINED, number

CANNOT_TELL = "cannot tell"
RULE = " after Holm's adjustment for all {n} gaps of this page"
RULE_OF_ONE = " after Holm's adjustment for their number"
LONGEST_REASON = 200  # letters
LONGEST_NAME = 30  # of an identity beside a number
LEVELS = "levels"  # the template of a page of levels


@dataclass(frozen=True)
class Gap:
    """How far a group is from the one that it is compared with.

    Attributes
    ----------
    value, low, high : float
        On the scale of probabilities.
    p_value : float
        Adjusted for the number of gaps of the first page.
    verdict : str
        `trustbook.clear.CLEAR` or `CANNOT_TELL`.

    Examples
    --------
    >>> gap = Gap(0.1, 0.02, 0.18, 0.01, "clear")
    >>> gap.points, gap.interval
    ('+10.0', '+2.0 to +18.0')
    """

    value: float
    low: float
    high: float
    p_value: float
    verdict: str

    @property
    def points(self) -> str:
        """The gap in points, as it is printed."""
        return number(self.value, "difference")

    @property
    def interval(self) -> str:
        """Its interval, as it is printed."""
        return _interval(self.low, self.high, "difference")


@dataclass(frozen=True)
class Group:
    """A group of people, as answered.

    Attributes
    ----------
    name : str
    value, low, high : float
        On the scale of probabilities.
    people : int
    gap : Gap, optional
        Without one it is the group that the others are compared with.

    Examples
    --------
    >>> group = Group("women", 0.25, 0.2, 0.3, 400)
    >>> group.percent, group.interval
    ('25.0', '20.0 to 30.0')
    """

    name: str
    value: float
    low: float
    high: float
    people: int
    gap: Gap | None = None

    @property
    def percent(self) -> str:
        """The percentage, as it is printed."""
        return number(self.value, "level")

    @property
    def interval(self) -> str:
        """Its interval, as it is printed."""
        return _interval(self.low, self.high, "level")


def _interval(low: float, high: float, kind: str) -> str:
    texts = [number(end, kind) for end in (low, high)]
    if texts == [UNDEFINED, UNDEFINED]:
        return UNDEFINED
    return " to ".join(texts)


@dataclass(frozen=True)
class Identity:
    """The groups of one identity, in the order of its levels.

    Attributes
    ----------
    title, question : str
        Its label, cut for a title, and whole.
    groups : tuple of Group
        None of an identity that is not shown.
    run : str
        The page that the numbers are from.
    reason : str
        Why it is not shown.

    Examples
    --------
    >>> Identity("Gender", "Gender", ()).groups
    ()
    """

    title: str
    question: str
    groups: tuple[Group, ...]
    run: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """What was found of one outcome.

    Attributes
    ----------
    title, question : str
        Its label, cut for a title, and whole.
    identities : tuple of Identity
    everyone : str
        How many of all people say so, with the interval.
    sentence : Paragraph, optional
        Which gaps are clear.
    levels : Estimates, optional
        The groups of all identities that are shown.

    Examples
    --------
    >>> found = Found("Low trust", "Low trust", (Identity("Gender", "Gender", ()),))
    >>> found.is_shown
    False
    """

    title: str
    question: str
    identities: tuple[Identity, ...]
    everyone: str = ""
    sentence: Paragraph | None = None
    levels: Estimates | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is any group."""
        return self.levels is not None

    def picture(self) -> RowPicture | None:
        """The groups in rows."""
        if self.levels is None:
            return None
        return in_rows(self.levels, "Percent")


@dataclass(frozen=True)
class _Page:
    """An executed page of levels."""

    run: str
    axes: tuple[str, ...]
    tables: Path


def found_in(
    families: Iterable[Family],
    axes: Sequence[str],
    entries: Iterable[Mapping[str, Any]],
    runs: Path,
    withheld: Mapping[str, str],
) -> list[Found]:
    """What the executed runs of some families tell.

    Parameters
    ----------
    families : iterable of Family
    axes : sequence of str
        The identities that were asked for, in their order.
    entries : iterable of mapping
        Those of ``runs.yml`` that were executed.
    runs : Path
        The folder of the executed runs.
    withheld : mapping
        What is not shown -> why.

    Returns
    -------
    list of Found
        One for each family. An identity that has no page is named, with the reason.
    """
    pages: dict[str, list[_Page]] = {}
    for entry in entries:
        tables = runs / entry["id"] / "tables"
        described = tables / "levels.json"
        if entry["template"] == LEVELS and described.is_file():
            about = json.loads(described.read_text(encoding="utf-8"))
            of_outcome = pages.setdefault(about["outcome"], [])
            given = tuple(entry["parameters"]["axes"])
            of_outcome.append(_Page(entry["id"], given, tables))
    read = [_Tables.read(family, pages.get(family.outcome, [])) for family in families]
    adjusted = _adjusted(read)
    return [_found(tables, axes, adjusted, withheld) for tables in read]


@dataclass(frozen=True)
class _Tables:
    """What the pages of one outcome have published.

    Attributes
    ----------
    family : Family
    titles : dict
        Variable -> its label, cut for a title.
    chosen : dict
        Identity -> the page that shows most of its levels, and the form that it shows.
    levels, gaps, everyone : Estimates, optional
    """

    family: Family
    titles: dict[str, str]
    chosen: dict[str, tuple[_Page, str]]
    levels: Estimates | None = None
    gaps: Estimates | None = None
    everyone: Estimates | None = None

    @classmethod
    def read(cls, family: Family, pages: Sequence[_Page]) -> _Tables:
        """The tables of all identities, each from one page."""
        whole = family.base.frame.attrs["labels"]
        titles = short_titles(whole)
        labels = titles | _names_of_forms(family, short_titles(whole, LONGEST_NAME))
        chosen = _finest(family, pages)
        if not chosen:
            return cls(family, titles, chosen)
        return cls(
            family,
            titles,
            chosen,
            levels=_rows_of(chosen, "levels", labels),
            gaps=_rows_of(chosen, "gaps", labels),
            everyone=read_estimates(pages[0].tables, "everyone", labels).showable(),
        )

    def names(self, variable: str) -> tuple[str, str]:
        """What a variable is called in a title, and its whole label."""
        labels = self.family.base.frame.attrs["labels"]
        whole = visible(labels.get(variable) or variable)
        return self.titles.get(variable, variable), whole


def _adjusted(read: Sequence[_Tables]) -> dict[str, pd.DataFrame]:
    """Outcome -> its gaps, named, with p-values adjusted for the gaps of all outcomes, and verdicts."""
    parts = {
        tables.family.outcome: named_gaps(tables.gaps)
        for tables in read
        if tables.gaps is not None
    }
    if not parts:
        return {}
    every = pd.concat(parts)
    p_values = every["p_value"].to_numpy(float, copy=True)
    known = np.isfinite(p_values)
    p_values[known] = holm(p_values[known])
    verdicts = np.where(p_values < LEVEL, CLEAR, CANNOT_TELL)
    every = every.assign(p_value=p_values, verdict=verdicts)
    return {outcome: every.loc[outcome] for outcome in parts}


def _found(
    tables: _Tables,
    axes: Sequence[str],
    adjusted: Mapping[str, pd.DataFrame],
    withheld: Mapping[str, str],
) -> Found:
    """What the pages of one outcome tell."""
    outcome = tables.family.outcome
    title, question = tables.names(outcome)
    gaps = adjusted.get(outcome)
    groups = _groups(tables.levels, gaps)
    identities = []
    for axis in axes:
        names = tables.names(axis)
        if axis in tables.chosen:
            page, form = tables.chosen[axis]
            identities.append(Identity(*names, tuple(groups[form]), page.run))
        else:
            reason = _reason(outcome, axis, withheld)
            identities.append(Identity(*names, (), reason=reason))
    if tables.levels is None or tables.everyone is None or gaps is None:
        return Found(title, question, tuple(identities))
    everyone = valued(tables.everyone.frame.iloc[0], tables.everyone.kind)
    rule = RULE_OF_ONE
    if len(adjusted) > 1:
        rule = RULE.format(n=sum(map(len, adjusted.values())))
    words = gaps_in_words(gaps, "difference", "gaps", rule)
    sentence = fitted(synthetic_first(tables.levels), words)
    return Found(title, question, tuple(identities), everyone, sentence, tables.levels)


def _names_of_forms(family: Family, names: Mapping[str, str]) -> dict[str, str]:
    """A form of an identity is called as the identity, shortly: a bare yes is called by it."""
    return {form: names.get(axis, axis) for form, axis in family.axis_of.items()}


def _finest(family: Family, pages: Sequence[_Page]) -> dict[str, tuple[_Page, str]]:
    """Identity -> the page that shows most of its levels, and the form that it shows."""
    chosen: dict[str, tuple[_Page, str]] = {}
    for page in pages:
        for form in page.axes:
            axis = family.axis_of[form]
            before = chosen.get(axis)
            if before is None or family.levels[form] > family.levels[before[1]]:
                chosen[axis] = (page, form)
    order = [axis for axis in family.axes if axis in chosen]
    return {axis: chosen[axis] for axis in order}


def _rows_of(
    chosen: Mapping[str, tuple[_Page, str]], table: str, labels: Mapping[str, str]
) -> Estimates:
    """The rows of all identities that are shown, from the pages that show them."""
    parts = []
    for page, form in chosen.values():
        whole = read_estimates(page.tables, table, labels)
        parts.append(whole.where((whole.frame["axis"] == form).to_numpy()))
    return in_one(parts).showable("The first page")


def _groups(
    levels: Estimates | None, gaps: pd.DataFrame | None
) -> dict[str, list[Group]]:
    """The groups by form of an identity, in the order of the table."""
    if levels is None or gaps is None:
        return {}
    gap_of = {}
    for row in gaps.itertuples():
        value, low, high = _numbers(row)
        gap = Gap(value, low, high, float(row.p_value), row.verdict)
        gap_of[row.axis, row.level] = gap
    groups: dict[str, list[Group]] = {}
    for row in levels.frame.itertuples():
        name = level_name(row.axis, row.level, levels.labels)
        value, low, high = _numbers(row)
        own_gap = gap_of.get((row.axis, row.level))
        own = groups.setdefault(row.axis, [])
        own.append(Group(name, value, low, high, int(row.n), own_gap))
    return groups


def _numbers(row: Any) -> tuple[float, float, float]:
    """An estimate and the ends of its interval."""
    return float(row.estimate), float(row.conf_low), float(row.conf_high)


def _reason(outcome: str, axis: str, withheld: Mapping[str, str]) -> str:
    """Why an identity of an outcome is not shown."""
    for what in (f"{outcome} by {axis}", axis, outcome):
        if what in withheld:
            return visible(withheld[what], LONGEST_REASON)
    return "its page was not made: see below"


def rows_of_table(found: Iterable[Found]) -> Iterator[tuple[Found, Identity, Group]]:
    """The rows of the first table, in their order.

    Parameters
    ----------
    found : iterable of Found

    Yields
    ------
    Found, Identity and Group

    Examples
    --------
    >>> identity = Identity("Gender", "Gender", (Group("men", 0.2, 0.1, 0.3, 40),))
    >>> found = Found("Low trust", "Low trust", (identity,))
    >>> [group.name for _, _, group in rows_of_table([found])]
    ['men']
    """
    for each in found:
        for identity in each.identities:
            for group in identity.groups:
                yield each, identity, group
