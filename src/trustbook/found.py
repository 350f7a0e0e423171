"""What was found in a supplied file: each outcome by each group, read from the tables of its runs.

Nothing is computed from people here. Each number comes from a page of levels of the
book, with the verdict of that page: a gap is clear if its p-value, adjusted by Holm's
method for the number of gaps of the page, is below 0.05 (`trustbook.clear`). Each
identity stands by itself; where pages show it with different levels, the finest are
taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustbook.clear import CLEAR
from trustbook.families import Family
from trustbook.pictures.rows import RowPicture, in_rows
from trustbook.pictures.style import level_name
from trustbook.run_tables import in_one, read_estimates
from trustbook.short_titles import short_titles
from trustbook.summary import Paragraph, gaps_with_verdicts, in_short, valued
from trustlib.escaping import visible
from trustlib.estimates import Estimates
from trustlib.tables import UNDEFINED, number

CANNOT_TELL = "cannot tell"
LONGEST_REASON = 200  # letters
LEVELS = "levels"  # the template of a page of levels


@dataclass(frozen=True)
class Gap:
    """How far a group is from the one that it is compared with.

    Attributes
    ----------
    value, low, high : float
        On the scale of probabilities.
    p_value : float
        Adjusted for the number of gaps of its page.
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
    return [
        _found(family, axes, pages.get(family.outcome, []), withheld)
        for family in families
    ]


def _found(
    family: Family,
    axes: Sequence[str],
    pages: Sequence[_Page],
    withheld: Mapping[str, str],
) -> Found:
    """What the pages of one outcome tell."""
    labels = family.base.frame.attrs["labels"]
    titles = short_titles(labels)
    shown = {**titles, **_titles_of_forms(family, titles)}
    outcome = family.outcome
    title = titles.get(outcome, outcome)
    question = visible(labels.get(outcome) or outcome)
    chosen = _finest(family, pages)
    levels = _rows_of(chosen, "levels", shown)
    gaps = _rows_of(chosen, "gaps_adjusted", shown)
    groups = _groups(levels, gaps)
    identities = []
    for axis in axes:
        page, form = chosen.get(axis, (None, axis))
        name = titles.get(axis, axis)
        whole = visible(labels.get(axis) or axis)
        if page is not None:
            own = tuple(groups[form])
            identities.append(Identity(name, whole, own, page.run))
        else:
            reason = _reason(outcome, axis, withheld)
            identities.append(Identity(name, whole, (), reason=reason))
    if levels is None or gaps is None:
        return Found(title, question, tuple(identities))
    everyone = read_estimates(pages[0].tables, "everyone", shown).showable()
    whole = valued(everyone.frame.iloc[0], everyone.kind)
    sentence = in_short(gaps)
    return Found(title, question, tuple(identities), whole, sentence, levels)


def _titles_of_forms(family: Family, titles: Mapping[str, str]) -> dict[str, str]:
    """A coarser form of an identity is called as the identity: its levels say the rest."""
    return {form: titles.get(axis, axis) for form, axis in family.axis_of.items()}


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
) -> Estimates | None:
    """The rows of all identities that are shown, from the pages that show them."""
    parts = []
    for page, form in chosen.values():
        whole = read_estimates(page.tables, table, labels)
        parts.append(whole.where((whole.frame["axis"] == form).to_numpy()))
    return in_one(parts).showable("The first page") if parts else None


def _groups(levels: Estimates | None, gaps: Estimates | None) -> dict[str, list[Group]]:
    """The groups by form of an identity, in the order of the table."""
    if levels is None or gaps is None:
        return {}
    gap_of = {}
    for row in gaps_with_verdicts(gaps).itertuples():
        verdict = CLEAR if row.verdict == CLEAR else CANNOT_TELL
        numbers = (row.estimate, row.conf_low, row.conf_high, row.p_value)
        gap_of[row.axis, row.level] = Gap(*map(float, numbers), verdict)
    groups: dict[str, list[Group]] = {}
    for row in levels.frame.itertuples():
        name = level_name(row.axis, row.level, levels.labels)
        numbers = [float(n) for n in (row.estimate, row.conf_low, row.conf_high)]
        gap = gap_of.get((row.axis, row.level))
        own = groups.setdefault(row.axis, [])
        own.append(Group(name, *numbers, int(row.n), gap))
    return groups


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
