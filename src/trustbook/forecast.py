"""What a book of a supplied file will be, before it is made: runs, minutes, and what is withheld for which reason.

Nothing is written, and no run is executed. The runs are planned as `trustbook.private_book`
plans them. How long they take is known from a former book in the same folder, else from
``run_seconds.yml``.
"""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from trustbook.bases import families_of
from trustbook.choice import joined_levels
from trustbook.editions import (
    EDITIONS,
    EditionName,
    exact_cells,
    withhold_unprotectable,
)
from trustbook.families import Family, undeclared
from trustbook.own_figures import own_answers
from trustbook.run_order import plan_all
from trustbook.supplied import read_chosen
from trustlib.cells import Cells
from trustlib.errors import RunError, require_names
from trustlib.escaping import visible
from trustlib.rounding import people_in_words
from trustlib.schema import load_yaml

SECONDS = load_yaml(Path(__file__).with_name("run_seconds.yml"))
FORMER = "a former book in this folder"
MINUTE = 60


@dataclass(frozen=True)
class Forecast:
    """What a book will be.

    Attributes
    ----------
    people : str
        How many people the file has, in words.
    outcomes, axes : list of str
    runs : dict
        Template -> how many runs.
    order : list of str
        The ids of the runs, in the order in which they are executed.
    seconds : float
    measured : str
        Where the seconds are from.
    withheld : dict
        What will not be shown -> why.
    joined : dict
        What will be shown with coarser levels -> which levels stand together.

    Examples
    --------
    >>> made = Forecast("1,200", ["low_trust"], ["gender"], {"levels": 1}, ["a"], 80, "x", {}, {})
    >>> print(next(made.lines()))
    1,200 people, 1 outcome, 1 identity: 1 run (levels 1).
    """

    people: str
    outcomes: list[str]
    axes: list[str]
    runs: Mapping[str, int]
    order: list[str]
    seconds: float
    measured: str
    withheld: Mapping[str, str]
    joined: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """What is said of it, line by line."""
        total = sum(self.runs.values())
        outcomes = _how_many(len(self.outcomes), "outcome")
        axes = _how_many(len(self.axes), "identity")
        kinds = ", ".join(f"{name} {n}" for name, n in self.runs.items())
        yield (
            f"{self.people} people, {outcomes}, {axes}: {_how_many(total, 'run')}"
            f"{f' ({kinds})' if kinds else ''}."
        )
        yield f"About {_minutes(self.seconds)}, by the times of {self.measured}."
        yield from _listed(
            "Nothing will be withheld", "Will be withheld", self.withheld
        )
        if self.joined:
            yield from _listed("", "Levels that will stand together", self.joined)
        yield (
            "A run whose model cannot be fitted is withheld too, and says so. Nothing was "
            "built."
        )


def _how_many(n: int, what: str) -> str:
    plural = "identities" if what == "identity" else f"{what}s"
    return f"{n:,} {what if n == 1 else plural}"


def _minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / MINUTE))
    return _how_many(minutes, "minute")


def _listed(nothing: str, some: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """What there are reasons for, a line each."""
    if not reasons:
        yield f"{nothing}."
        return
    yield f"{some}, {len(reasons)}:"
    for what, why in reasons.items():
        yield f"  {visible(what)}: {visible(why)}"


def forecast(
    file: str | Path,
    mapping: str | Path,
    out: str | Path = "private",
    outcomes: Sequence[str] = (),
    axes: Sequence[str] = (),
    jobs: int = 2,
    edition: EditionName = "private",
    first: Sequence[str] = (),
) -> Forecast:
    r"""Say what `trustbook.private_book.reproduce` would make.

    Parameters
    ----------
    file, mapping, out, outcomes, axes, jobs, edition, first
        The same.

    Returns
    -------
    Forecast

    Raises
    ------
    CodebookError
        All faults of file and mapping, or of an own list of printed figures.
    UnknownNameError
        There is no such edition, outcome or identity.

    Examples
    --------
    ::

        print(*forecast("poll.xlsx", "mapping.yml").lines(), sep="\n")
    """
    require_names("edition", [edition], EDITIONS)
    design, asked, groups = read_chosen(file, mapping, outcomes, axes, first)
    if not EDITIONS[edition].is_public:
        own_answers(design, mapping)  # a fault of the list would stop the book
    is_public = EDITIONS[edition].is_public
    paths = {"file": Path(file).resolve(), "mapping": Path(mapping).resolve()}
    with warnings.catch_warnings(action="ignore"):
        families = families_of(design, asked, groups)
        if is_public:
            withhold_unprotectable(families)
        cells_of = _not_made if is_public else exact_cells
        entries = plan_all(families, paths, Path(), cells_of, first, write=False)
    templates = Counter(entry["template"] for entry in entries)
    former = _former_seconds(Path(out))
    withheld = undeclared(design)
    for family in families:
        withheld |= family.withheld
    return Forecast(
        people_in_words(len(design.frame), design.source.rounding),
        asked,
        groups,
        dict(templates),
        [entry["id"] for entry in entries],
        _seconds(templates, former, jobs),
        FORMER if former else SECONDS["measured"],
        withheld,
        joined_levels(families, is_public),
    )


def _not_made(family: Family, axes: Sequence[str]) -> Cells:
    """The cells of a public edition that is only planned."""
    raise RunError("Nothing is made for a plan.", "Run it without --plan.")


def _former_seconds(out: Path) -> dict[str, float]:
    """Template -> the mean seconds of its runs in a former book; empty if there is none."""
    seconds: dict[str, list[float]] = {}
    for path in sorted(out.glob("book/_runs/*/provenance.json")):
        try:
            origin = json.loads(path.read_text(encoding="utf-8"))
            template = str(origin["template"]).removesuffix(".ipynb")
            seconds.setdefault(template, []).append(float(origin["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # what is damaged is made anew, and says nothing of time
    return {template: fmean(each) for template, each in seconds.items()}


def _seconds(
    templates: Mapping[str, int], former: Mapping[str, float], jobs: int
) -> float:
    """How long the runs take, as many at a time as are asked for, and the book."""
    known = SECONDS["templates"] | former
    slowest = max(known.values())
    of_runs = sum(n * known.get(name, slowest) for name, n in templates.items())
    book = SECONDS["book"]
    pages = sum(templates.values())
    return of_runs / jobs + book["once"] + book["page"] * pages
