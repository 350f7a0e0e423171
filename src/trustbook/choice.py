"""Which pages a private book has: the runs that a family of cells (`trustbook.families`) allows.

Each set of axes of the family has a page of levels, and each pair in it a page of the
intersection. Where the people are of several waves or countries there are pages on
countries and on waves; where the hub has cells enough, one on the variance between
strata; where it has two identities of two levels, one on other choices. What there is no
page of is in ``family.withheld``, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from os.path import relpath
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.editions import CellsOf, exact_cells
from trustbook.families import REASONS, Family
from trustbook.r_design import design_in_r
from trustbook.short_titles import short_titles
from trustbook.supplied import WORDS, title_mark
from trustlib.design import DOMAIN
from trustlib.escaping import file_name, markdown_text, visible
from trustlib.expressions import quoted
from trustlib.sources import Source
from trustlib.writing import write_whole

FEWEST_STRATA = 8  # with fewer a variance between strata is not worth a page
PLACE_TEMPLATES = ("countries", "waves")
EQUAL = 1.0  # what stands for inhabitants that are not known
COVARIATES = ("age_band", "country")  # of the page on other choices


@dataclass(frozen=True)
class _Page:
    """A page before it has a name: its template, the axes it is of, and what the template is given."""

    template: str
    axes: list[str]
    parameters: dict[str, Any]
    waves: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _PlacePages:
    """The waves that each template on places takes, or why there is no page of it."""

    waves: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def plan_runs(
    family: Family,
    paths: Mapping[str, Path],
    out: Path,
    taken: dict[str, tuple[str, ...]],
    cells_of: CellsOf = exact_cells,
    write: bool = True,
) -> list[dict[str, Any]]:
    """Write the cells of a family below `out`, and return the runs that use them.

    Parameters
    ----------
    family : Family
        Its ``withheld`` gets what there is no page of.
    paths : mapping
        ``file`` and ``mapping`` of the survey.
    out : path
        The folder of the private book.
    taken : dict
        Names of files and runs, with what they are of. It gets those of this family.
    cells_of : callable
        The cells by some axes: exact ones for a private edition. Of protected ones
        there are only the pages that need no rows.
    write : bool
        Whether the cells are made at all; for a plan they are not.

    Returns
    -------
    list of dict
        Entries of ``runs.yml``: id, template and parameters.
    """
    choice = _Choice(family, paths, out, taken, cells_of, write)
    pages = list(choice.of_levels())
    pages += choice.of_pairs()
    if choice.is_public:
        choice.withhold_pages_on_rows()
    else:
        pages += choice.of_places()
        pages += choice.of_strata()
        pages += choice.of_other_choices()
    return [choice.run(page) for page in pages]


@dataclass(frozen=True)
class _Choice:
    """The pages of one family, in the order of the book."""

    family: Family
    paths: Mapping[str, Path]
    out: Path
    taken: dict[str, tuple[str, ...]]
    cells_of: CellsOf
    write: bool = True

    @property
    def is_public(self) -> bool:
        """Whether the rows of the file are out of reach of its pages."""
        return self.cells_of is not exact_cells

    @property
    def frame(self) -> pd.DataFrame:
        return self.family.base.frame

    @property
    def source(self) -> Source:
        return self.family.base.source

    @property
    def hub(self) -> list[str]:
        """The axes of the first set that are shown with all their levels."""
        sets = self.family.sets
        first = sets[0] if sets else []
        return [axis for axis in first if axis in self.family.axes]

    def label(self, name: str) -> str:
        """What a variable is called on a page."""
        labels = self.frame.attrs["labels"]
        return visible(labels.get(name, name)) or name

    def marked(self, name: str) -> str:
        """The same as Markdown."""
        return markdown_text(self.label(name))

    @cached_property
    def titles(self) -> dict[str, str]:
        """What each variable is called in the title of a page, where a question is too long."""
        labels = self.frame.attrs["labels"]
        return short_titles({name: self.label(name) for name in labels})

    def titled(self, name: str) -> str:
        """The same of one variable, as Markdown."""
        return markdown_text(self.titles.get(name, name))

    def files(self) -> dict[str, str]:
        """The survey file and its mapping as templates find them."""
        templates = self.out / "notebooks" / "templates"
        return {
            "file": relpath(self.paths["file"], templates),
            "mapping": relpath(self.paths["mapping"], templates),
        }

    def how_made(self) -> dict[str, str]:
        """What a page on sealed cells says of their origin."""
        mapping = self.paths["mapping"].name
        design = design_in_r(self.family.base)
        return {"mapping": mapping, "design_in_r": design, "replicates": ""}

    def people(self) -> dict[str, Any]:
        """What a page on the file itself is given: the people of the family."""
        return {
            "where": _answered(self.family),
            "outcome": self.family.outcome,
            **self.files(),
        }

    def sealed(self, axes: Sequence[str]) -> str:
        """Write the cells by some axes, or of everybody; return the path for a template."""
        name = _named(self.taken, self.family.outcome, *axes)
        path = self.out / "cells" / f"{name}.parquet"
        if self.write:
            self._write_cells(axes, path)
        return f"../../cells/{path.name}"

    def _write_cells(self, axes: Sequence[str], path: Path) -> None:
        cells = self.cells_of(self.family, axes)
        if self.is_public:
            cells.write(path)
            return
        with write_whole(path) as temporary:
            cells.write_to(temporary)

    def withhold_pages_on_rows(self) -> None:
        """Say which pages a public edition has not."""
        for template in ("countries", "waves", "maihda", "robustness"):
            page = f"{self.family.outcome}: page on {template}"
            self.family.withheld[page] = REASONS["edition"]

    def of_levels(self) -> Iterator[_Page]:
        """A page for each set of axes."""
        for axes in self.family.sets:
            given = {
                "cells": self.sealed(axes),
                "axes": axes,
                "formula": " + ".join(map(quoted, axes)),
            }
            everyone = {"everyone": self.sealed([])}
            yield _Page("levels", axes, given | self.how_made() | everyone)

    def of_pairs(self) -> Iterator[_Page]:
        """A page for each two axes that stand in one set."""
        pairs: dict[tuple[str, ...], None] = {}
        for axes in self.family.sets:
            pairs |= dict.fromkeys(combinations(axes, 2))
        for pair in map(list, pairs):
            given = {
                "cells": self.sealed(pair),
                "identities": pair,
                "pair": pair,
                "formula": " * ".join(map(quoted, pair)),
            }
            yield _Page("intersection", pair, given | self.how_made())

    def of_places(self) -> Iterator[_Page]:
        """A page on countries and one on waves for each axis that may be crossed with them."""
        places = _place_pages(self.family)
        self._withhold_places(places)
        for template, waves in places.waves.items():
            for axis in self.family.placed:
                given = self._of_place(axis, waves)
                if template == "countries":
                    given["populations"] = self._populations(waves)
                yield _Page(template, [axis], given | self.files(), waves)

    def _withhold_places(self, places: _PlacePages) -> None:
        """Say which templates on places there are not, and which axes these lack."""
        family = self.family
        for template, reason in places.reasons.items():
            family.withheld[f"{family.outcome}: page on {template}"] = reason
        if not places.waves:
            return
        pages = f"pages on {' and '.join(places.waves)}"
        for axis in family.axes:
            table = f"{family.outcome} by {axis}"
            if axis not in family.placed and table not in family.withheld:
                reason = family.why([*family.places, axis])
                family.withheld[f"{table}: {pages}"] = reason

    def _of_place(self, axis: str, waves: list[str]) -> dict[str, Any]:
        """What a page on places is given: the people of some waves, and the reference of its axis."""
        people = self.frame.loc[self.frame[DOMAIN], axis]
        levels = self.frame[axis].cat.categories
        first = next(level for level in levels if (people == level).any())
        where = _answered(self.family)
        if waves:
            where = f"wave in {waves} and {where}"
        return {
            "where": where,
            "outcome": self.family.outcome,
            "reference": {axis: first},
        }

    def _populations(self, waves: list[str]) -> dict[str, float]:
        """The inhabitants of the countries that were polled in some waves; one each where not all are known."""
        people = self.frame[self.frame[DOMAIN]]
        if waves:
            people = people[people["wave"].isin(waves)]
        polled = [str(country) for country in sorted(set(people["country"].dropna()))]
        known = WORDS["populations"] | self.frame.attrs.get("populations", {})
        if set(polled) <= set(known):
            return {country: known[country] for country in polled}
        return dict.fromkeys(polled, EQUAL)

    def of_strata(self) -> Iterator[_Page]:
        """A page on the variance between the cells of the hub, if they are enough."""
        hub = self.hub
        if self.family.levels[hub].prod() >= FEWEST_STRATA:
            yield _Page("maihda", hub, self.people() | {"strata": hub})

    def of_other_choices(self) -> Iterator[_Page]:
        """A page on links, weights and covariates for the first two identities of two levels."""
        family = self.family
        pair = [axis for axis in self.hub if family.levels[axis] == 2][:2]
        if len(pair) < 2 or not family.base.weight:
            return
        given = {
            "axes": pair,
            "contrast": {axis: self._last_level(axis) for axis in pair},
            "covariates": self._covariates(pair),
            "links": WORDS["links"],
        }
        yield _Page("robustness", pair, self.people() | given)

    def _last_level(self, axis: str) -> Any:
        """The last level that somebody of the file has."""
        people = self.frame[axis]
        levels = people.cat.categories[::-1]
        return next(level for level in levels if (people == level).any())

    def _covariates(self, pair: list[str]) -> dict[str, list[str]]:
        """Sets of covariates: none, and those that everybody told."""
        people = self.frame[self.frame[DOMAIN]]
        known = [name for name in COVARIATES if name in people]
        others = [name for name in known if name not in pair]
        further = [name for name in others if people[name].notna().all()]
        sets: dict[str, list[str]] = {"none": []}
        if further:
            labels = map(self.label, further)
            sets[" and ".join(labels)] = further
        return sets

    def run(self, page: _Page) -> dict[str, Any]:
        """A page as an entry of ``runs.yml``."""
        outcome = self.marked(self.family.outcome)
        name = _named(self.taken, self.family.outcome, page.template, *page.axes)
        title = self.titled(self.family.outcome)
        axes = ", ".join(map(self.titled, page.axes))
        waves = map(markdown_text, page.waves)
        kind = ", ".join([page.template, *waves])
        parameters = {
            "title": f"{title_mark(self.source)}{title}: {axes} ({kind})",
            "question": f"Outcome: {outcome}.",
            "about": " ".join(self._notes(page)),
            **page.parameters,
        }
        return {"id": name, "template": page.template, "parameters": parameters}

    def _notes(self, page: _Page) -> Iterator[str]:
        """What a page says before its tables: the data, who is counted, which levels stand together."""
        family = self.family
        label = markdown_text(visible(self.source.label))
        axes = ", ".join(map(self.marked, family.axes))
        yield f"{self.source.evidence}: {label}. {WORDS['about']} {axes}."
        if family.answered[1:]:
            also = ", ".join(map(self.marked, family.answered[1:]))
            yield f"{WORDS['also_answered']} {also}."
        if self.is_public:
            yield WORDS["protected"]
        for axis in page.axes:
            if axis in family.joined:
                joined = markdown_text(together(family, axis, self.is_public))
                yield f"{self.marked(axis)}: {joined}."
        if page.waves:
            waves = " and ".join(map(markdown_text, page.waves))
            yield WORDS["of_waves"].format(waves=waves)
        if set(page.parameters.get("populations", {}).values()) == {EQUAL}:
            yield WORDS["equal_countries"]
        if family.base.replicate_weights and "cells" in page.parameters:
            yield WORDS["linearised"]


def together(family: Family, form: str, public: bool = False) -> str:
    """Which levels stand together in a coarser form of an identity, and which of them are too small.

    Parameters
    ----------
    family : Family
    form : str
        A key of ``family.joined``.
    public : bool
        Do not name the cells that are too small.

    Returns
    -------
    str
    """
    levels = "; ".join(family.joined[form])
    if public:
        return visible(WORDS["joined_public"].format(levels=levels))
    axis = family.axis_of[form]
    host = next(axes for axes in family.sets if form in axes)
    beside = [axis if each == form else each for each in host]
    small = family.small([axis]) or family.small(beside)
    words = WORDS["joined"] if small else WORDS["joined_beside"]
    listed = "; ".join(small)
    return visible(words.format(levels=levels, small=listed))


def joined_levels(families: Iterable[Family], public: bool = False) -> dict[str, str]:
    """What is shown with coarser levels, and which levels stand together.

    Parameters
    ----------
    families : iterable of Family
    public : bool
        As in `together`.

    Returns
    -------
    dict

    Examples
    --------
    >>> joined_levels([])
    {}
    """
    joined = {}
    for family in families:
        for form in family.joined:
            table = f"{family.outcome} by {family.axis_of[form]}"
            joined[table] = together(family, form, public)
    return joined


def _answered(family: Family) -> str:
    """The condition that picks the people of a family from the file."""
    names = [*family.answered, *family.axes]
    return " and ".join(f"{quoted(name)}.notna()" for name in names)


def _place_pages(family: Family) -> _PlacePages:
    """The waves of each template on places, or the reasons against it; neither in a file without places."""
    base = family.base
    if not family.places:
        return _PlacePages()
    people = base.frame[base.frame[DOMAIN]]
    if base.replicate_weights:
        reason = REASONS["replicates"]
        return _PlacePages(reasons=dict.fromkeys(PLACE_TEMPLATES, reason))
    if family.places == ["country"]:
        return _of_countries(people)
    if family.places == ["wave"]:
        return _of_waves(people)
    return _of_polled(_countries_by_wave(people))


def _of_countries(people: pd.DataFrame) -> _PlacePages:
    """The pages of a file without waves."""
    lacking = REASONS["no_place"].format(lacking="wave")
    if people["country"].nunique() < 2:
        return _PlacePages(reasons=dict.fromkeys(PLACE_TEMPLATES, lacking))
    return _PlacePages({"countries": []}, {"waves": lacking})


def _of_waves(people: pd.DataFrame) -> _PlacePages:
    """The pages of a file without countries: a change of its only population."""
    lacking = REASONS["no_place"].format(lacking="country")
    asked = set(people["wave"].dropna())
    waves = [str(w) for w in people["wave"].cat.categories if w in asked]
    if len(waves) < 2:
        return _PlacePages(reasons=dict.fromkeys(PLACE_TEMPLATES, lacking))
    return _PlacePages({"change": waves[-2:]}, {"countries": lacking})


def _countries_by_wave(people: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The countries that were polled in each wave, the last wave last."""
    countries = people.groupby("wave", observed=True)["country"]
    return {str(wave): frozenset(part.dropna()) for wave, part in countries}


def _of_polled(polled: Mapping[str, frozenset[str]]) -> _PlacePages:
    """The waves of each template: the last one, and the last two with the same countries.

    Of a single country there is a page on its change.
    """
    last = list(polled.values())[-1] if polled else frozenset()
    waves = [wave for wave, countries in polled.items() if countries == last]
    on_waves = "waves" if len(last) > 1 else "change"
    pages = {"countries": waves[-1:], on_waves: waves[-2:]}
    reasons = {}
    if len(last) < 2:
        reasons["countries"] = REASONS["one_country"]
    if len(polled) < 2:
        reasons["waves"] = REASONS["one_wave"]
    elif len(waves) < 2:
        reasons["waves"] = REASONS["other_countries"]
    if "waves" in reasons:
        del pages[on_waves]
    chosen = {name: some for name, some in pages.items() if name not in reasons}
    return _PlacePages(chosen, reasons)


def _named(taken: dict[str, tuple[str, ...]], *parts: str) -> str:
    """A name of a file or run in plain letters: the same for the same parts, and for no others."""
    name = file_name(*parts)
    numbers = range(2, len(taken) + 3)
    names = [name, *(f"{name}-{i}" for i in numbers)]
    free = [each for each in names if taken.get(each, parts) == parts]
    taken[free[0]] = parts
    return free[0]
