"""Sealed cells by plan: which cells of a survey file are committed, made again and compared.

A plan (``data/<source>/cells.yml``) names the mapping and, for each set of cells, the
outcome and the axes::

    mapping: mapping.yml          # its `file:` lies below the data folder
    cells:
      mistrust: {outcome: mistrust, by: []}
      mistrust-gender: {outcome: mistrust, by: [gender], known: [ethnicity]}

`known` restricts a set to people whose value of these variables is known too, so that
sets share one base. Sets of one `family` (by default the outcome) are subtracted from
each other before they are sealed: a difference that isolates a few people, such as those
who told their sex and not their ethnicity, is refused like a small cell. `where`
restricts a set to a part of the survey, such as one wave (a condition as in
`SurveyDesign.domain`); within a family the parts are the same or hold nobody in common.
`weights: unweighted` makes the cells with everybody counted once, so that a reader sees
what the weights do (see `trustlib.review.reweighted`). There are no cells with trimmed
weights: subtracted from the weighted ones they leave the few people whose weights were
trimmed. What trimming does is kept as results (`trustbook.dossier.trimmed_gaps`).

Cells of a file that anybody may have (of the kind real, with the ``address`` where) and
of made-up people are exact. All others are protected (`trustlib.protect`), and held
against what was released before (`trustbook.differences`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.differences import ReleasedSet, require_releasable
from trustbook.plans import CellPlanForm, CellSet
from trustbook.survey_keys import Survey, persons_of, survey_of
from trustlib.cells import SUMS, Cells
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    CodebookError,
    DesignError,
    DisclosureError,
    SurveyFileError,
    require_names,
)
from trustlib.files import read_table
from trustlib.forms import read
from trustlib.masking import require_columns
from trustlib.protection import protect
from trustlib.review import reweighted
from trustlib.schema import declared_design, load_mapping, load_yaml, read_survey
from trustlib.sources import Source
from trustlib.variance import Codes
from trustlib.writing import write_together

RELATIVE = 1e-10
_TOTALS = [column for column in SUMS if column.startswith("sum")]


@dataclass(frozen=True)
class CellPlan:
    """What to seal of one survey file.

    Attributes
    ----------
    mapping : Path
    file : str
        Below the data folder.
    sets : dict
        Name -> `trustbook.plans.CellSet`.
    """

    mapping: Path
    file: str
    sets: dict[str, CellSet]


def load_cell_plan(path: str | Path) -> CellPlan:
    """Read a plan of sealed cells.

    Parameters
    ----------
    path : path
        ``cells.yml``.

    Returns
    -------
    CellPlan

    Raises
    ------
    CodebookError
        The plan is faulty, or its mapping names no file.
    """
    path = Path(path)
    plan = read(
        CellPlanForm,
        load_yaml(path),
        f"{path} is not a plan of cells",
        CodebookError,
        "Expected `mapping:` and `cells:`, each with outcome and by. See trustbook.sealing.",
    )
    mapping = path.parent / plan.mapping
    file = load_mapping(mapping)[0].file
    if not file:
        raise CodebookError(
            f"{mapping} names no `file:`.",
            "Name the survey file below the data folder.",
        )
    return CellPlan(mapping, file, plan.cells)


def plan_of(cells: str | Path) -> tuple[CellPlan, str]:
    """The plan of some sealed cells, which lies above their folder, and the name of their set.

    Parameters
    ----------
    cells : path
        ``cells/<name>.parquet``.

    Returns
    -------
    plan : CellPlan
    name : str

    Raises
    ------
    UnknownNameError
        The plan has no such set.
    """
    path = Path(cells)
    plan = load_cell_plan(path.parents[1] / "cells.yml")
    require_names("set of cells in the plan", [path.stem], plan.sets)
    return plan, path.stem


def make_cells(plan: CellPlan, file: str | Path) -> dict[str, Cells]:
    """Read the survey file and seal each set of cells; those of `make_release`.

    Parameters
    ----------
    plan : CellPlan
    file : path

    Returns
    -------
    dict
        Name of the set -> sealed cells.

    Raises
    ------
    DisclosureError
        As `make_release`.
    """
    return make_release(plan, file).cells


@dataclass(frozen=True)
class Release:
    """Sets of cells that leave together.

    Attributes
    ----------
    cells : dict
        Name of the set -> sealed cells.
    survey : Survey, optional
        Of a confidential file: its key, and what left before.
    sets : list of ReleasedSet
        Who is counted in them, of a confidential file.
    """

    cells: dict[str, Cells]
    survey: Survey | None = None
    sets: Sequence[ReleasedSet] = ()

    def record(self) -> None:
        """Keep what leaves, so that the next release can be held against it."""
        if self.survey is not None:
            self.survey.record(self.sets)


def make_release(plan: CellPlan, file: str | Path) -> Release:
    """Read the survey file and make each set of cells fit to leave.

    Parameters
    ----------
    plan : CellPlan
    file : path

    Returns
    -------
    Release

    Raises
    ------
    DisclosureError
        A cell, or the difference between two sets of one family, is smaller than 10
        people, or one person has most of the weight. Of a confidential file also: two
        sets, or a set and one of an earlier release, differ by 1 to 9 people in a cell;
        the same people have other weights for the fourth time; a set is unweighted.
    """
    frame = read_survey(file, plan.mapping)
    design = SurveyDesign(frame, **declared_design(plan.mapping))
    _require_equal_or_apart(plan.sets, design)
    tables = [
        _table(name, spec, design, design.source) for name, spec in plan.sets.items()
    ]
    made = {table.name: table.cells for table in tables}
    if not is_confidential(design.source):
        require_no_small_difference(plan.sets, made)
        return Release({name: cells.seal() for name, cells in made.items()})
    return protected_release(tables, Path(file), plan.mapping)


def is_confidential(source: Mapping[str, Any]) -> bool:
    """Whether a file's rows are for few: not made up, and at no address for anybody.

    Examples
    --------
    >>> is_confidential({"kind": "real", "address": "https://example.org/data"})
    False
    >>> is_confidential({"kind": "real"}), is_confidential({"kind": "supplied"})
    (True, True)
    """
    said = Source.of(source)
    if said.kind == "real":
        return not said.address
    return not said.is_synthetic


@dataclass(frozen=True)
class CellTable:
    """Exact cells by the name of their set, and the people they are of.

    Attributes
    ----------
    name : str
    cells : Cells
    base : SurveyDesign
        Restricted to the people of the set.
    """

    name: str
    cells: Cells
    base: SurveyDesign


def _table(
    name: str, spec: CellSet, design: SurveyDesign, source: Mapping[str, Any]
) -> CellTable:
    """The exact cells of a set."""
    base = people_of(spec, design)
    if spec.weights == "unweighted":
        _require_public(name, source)
        base = reweighted(base, "unweighted")
    cells = compress(base, spec.outcome, spec.by)
    return CellTable(name, _with_own_labels(cells, spec), base)


def _require_public(name: str, source: Mapping[str, Any]) -> None:
    """Refuse cells of other weights of a confidential file."""
    if is_confidential(source):
        raise DisclosureError(
            f"Cells {name!r} are of the unweighted people of a confidential file: beside "
            "the weighted ones they tell the weights of single people.",
            "Leave them out. What the weights do is in the private book.",
        )


def protected_release(
    tables: Sequence[CellTable], file: Path, mapping: str | Path
) -> Release:
    """Protect the cells of a confidential file, and hold them against earlier releases.

    Parameters
    ----------
    tables : sequence of CellTable
    file : Path
    mapping : path

    Returns
    -------
    Release
        Nothing of it is kept or written yet.

    Raises
    ------
    DisclosureError, DesignError
        As `make_release` and `trustlib.protect`.
    """
    plan = load_mapping(mapping)[0]
    raw = read_table(file, plan.encoding, plan.sheet)[0]
    columns = _columns_of_design(plan.design, list(raw))
    survey = survey_of(file, raw, columns)
    persons = persons_of(survey, raw, columns)
    cells = {table.name: protect(table.cells, survey.key) for table in tables}
    sets = [_released(table, survey, persons) for table in tables]
    require_releasable(sets, survey.releases())
    return Release(cells, survey, sets)


def _columns_of_design(design: Any, columns: Sequence[str]) -> list[str]:
    """The columns of a file that a mapping names as weights, strata and PSUs."""
    named: set[str] = set()
    for value in design.model_dump().values():
        parts = value if isinstance(value, list) else [value]
        named |= {part for part in parts if isinstance(part, str)}
    return [column for column in columns if column in named]


def _released(table: CellTable, survey: Survey, persons: Codes) -> ReleasedSet:
    """Who is counted in which cell of a set."""
    frame = table.base.frame
    outcome = table.cells.outcome
    by = list(table.cells.by)
    inside = frame[[outcome, *by]].notna().all(axis=1)
    weight = pd.Series(1.0, frame.index)
    if table.base.weight:
        weight = frame[table.base.weight]
    inside &= weight > 0
    if DOMAIN in frame:
        inside &= frame[DOMAIN]
    who = pd.Series(persons, frame.index)[inside]
    people = frame.loc[inside, by].astype(str)
    people["person"] = who.to_numpy()
    people["answer"] = survey.hashes(who, frame.loc[inside, outcome])
    people["weight"] = survey.hashes(who, weight[inside])
    people = people.reset_index(drop=True)
    return ReleasedSet(table.name, outcome, tuple(by), people)


def _with_own_labels(cells: Cells, spec: CellSet) -> Cells:
    """The labels of a set's own variables: that of another may change without it."""
    own = {spec.outcome, *spec.told}
    labels = {name: text for name, text in cells.labels.items() if name in own}
    return replace(cells, labels=labels)


def people_of(spec: CellSet, design: SurveyDesign) -> SurveyDesign:
    """The design restricted to the people of a set: its part of the survey, and what they must have told.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"y": [1, 0, 1], "sex": ["m", None, "w"]})
    >>> spec = CellSet(outcome="y", by=["sex"])
    >>> people_of(spec, SurveyDesign(people, weight=None)).frame[DOMAIN].tolist()
    [True, False, True]
    """
    base = design
    if spec.where is not None:
        base = base.domain(spec.where)
    if spec.told:
        require_columns(sorted(spec.told), design.frame.columns, "axis")
        answers = design.frame[sorted(spec.told)]
        base = base.domain(answers.notna().all(axis=1).to_numpy())
    return base


def write_cells(made: Mapping[str, Cells], folder: Path) -> list[str]:
    """Write sealed cells as ``<name>.parquet``: all of them are written before the first replaces an old file.

    A file that says the same already, with numbers equal to 1e-10, is left as it is.

    Parameters
    ----------
    made : mapping
        Name -> sealed cells.
    folder : Path

    Returns
    -------
    list of str
        The names of those that were written.
    """
    for cells in made.values():
        cells.require_may_leave()
    places = {name: folder / f"{name}.parquet" for name in made}
    changed = [name for name in made if not _says_the_same(made[name], places[name])]
    with write_together([places[name] for name in changed]) as temporary:
        for name, path in zip(changed, temporary, strict=True):
            made[name].write_to(path)
    return changed


def _says_the_same(made: Cells, path: Path) -> bool:
    """Whether a file holds these cells already."""
    if not path.is_file():
        return False
    try:
        committed = Cells.read(path)
    except SurveyFileError:
        return False
    if made.facts != committed.facts:
        return False
    return largest_difference(made, committed) <= RELATIVE


def _require_equal_or_apart(sets: dict[str, CellSet], design: SurveyDesign) -> None:
    """Refuse two sets of one family whose people overlap in part: their difference could be a few people."""
    inside: dict[str, np.ndarray] = {}
    for spec in sets.values():
        if spec.where is not None:
            part = design.domain(spec.where)
            inside[spec.where] = part.frame[DOMAIN].to_numpy()
    for (name, one), (other, two) in combinations(sets.items(), 2):
        if one.where == two.where or one.in_family != two.in_family:
            continue
        if one.where is None or two.where is None:
            overlap = True
        else:
            overlap = bool((inside[one.where] & inside[two.where]).any())
        if overlap:
            raise DisclosureError(
                f"The people of cells {name!r} and of {other!r} overlap, and their `where:` differs.",
                "Give sets of one family the same `where:`, or such that nobody is in both.",
            )


def require_no_small_difference(
    sets: dict[str, CellSet], made: dict[str, Cells]
) -> None:
    """Refuse sets whose subtraction isolates fewer than 10 people, with or without the outcome."""

    @cache  # a set is one of many pairs
    def people(name: str, axes: tuple[str, ...]) -> pd.DataFrame:
        return _people(made[name].frame, list(axes))

    for name, other in _subtracted(sets):
        outer_axes = sets[other].by
        common = tuple(axis for axis in sets[name].by if axis in outer_axes)
        left = people(other, common) - people(name, common)
        without = left["n"] - left["n_events"]
        sizes = np.abs(np.r_[left["n"], left["n_events"], without])
        if ((sizes > 0) & (sizes < MINIMUM)).any():
            raise DisclosureError(
                f"Cells {name!r} subtracted from {other!r} isolate fewer than {MINIMUM} people.",
                "Give both the same `known:` variables, so that they share one base, or leave one of them out.",
            )


def _subtracted(sets: Mapping[str, CellSet]) -> Iterator[tuple[str, str]]:
    """Two sets each of one family, of which the first is of people whom the second counts too."""
    for (name, inner), (other, outer) in permutations(sets.items(), 2):
        is_one_base = inner.in_family == outer.in_family and inner.where == outer.where
        if is_one_base and inner.told >= outer.told:
            yield name, other


def _people(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """People, and people with the outcome, in each combination of `by`."""
    counts = ["n", "n_events"]
    if not by:
        return frame[counts].sum().to_frame().T
    return frame.groupby(by, observed=True)[counts].sum()


def largest_difference(ours: Cells, other: Cells) -> float:
    """Largest relative difference between totals and covariances of two sets of the same sealed cells.

    Parameters
    ----------
    ours, other : Cells

    Returns
    -------
    float
        Infinite if they are of other cells, people, outcomes or degrees of freedom.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"sex": ["m", "w"] * 40, "y": [0, 0, 1, 1] * 20})
    >>> cells = compress(SurveyDesign(people, weight=None), "y", ["sex"])
    >>> largest_difference(cells, cells)
    0.0
    """
    if not _are_of_the_same(ours, other):
        return float("inf")
    own = ours.scatter.of_totals(len(ours))
    theirs = other.scatter.of_totals(len(other))
    differences = [_relative_difference(own, theirs)]
    for column in _TOTALS:
        totals = ours.frame[column].to_numpy()
        others = other.frame[column].to_numpy()
        differences.append(_relative_difference(totals, others))
    return max(differences)


def _are_of_the_same(ours: Cells, other: Cells) -> bool:
    """Whether two sets have the same cells and people, outcome, axes and degrees of freedom."""
    if (ours.outcome, ours.by, ours.df) != (other.outcome, other.by, other.df):
        return False
    own = ours.frame.drop(columns=_TOTALS).astype(object)
    others = other.frame.drop(columns=_TOTALS).astype(object)
    return own.equals(others)


def _relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def require_same(made: Cells, path: str | Path) -> None:
    """Raise if committed cells differ from those just made from the survey file by more than 1e-10.

    Parameters
    ----------
    made : Cells
    path : path
        The committed cells.

    Raises
    ------
    DesignError
        They differ.
    """
    difference = largest_difference(made, Cells.read(path))
    if difference > RELATIVE:
        raise DesignError(
            f"The committed cells {Path(path).name} differ from those made from the survey file (relative difference "
            f"{difference:.2g}).",
            "The file, the mapping or the library changed. If that was intended, make them again with "
            "`trustlib compress` and say why in the changelog.",
        )
