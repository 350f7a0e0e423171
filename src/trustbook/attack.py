r"""An attack on what the book publishes: what a reader could find out about fewer than 10 people.

The attacker knows

* every committed set of sealed cells: the number of people in each cell, and that a
  combination that is not among them has nobody, because a set is refused as a whole (see
  `trustbook.sealing`);
* every published table of levels or gaps that a run makes from a survey file: the number
  of people behind each row. Tables of runs that rest on sealed cells tell nothing more
  than the cells do. Predictions repeat the numbers of people of levels; pooled rows,
  averages, changes and measures of interaction add them up;
* the plan, the mappings and the rules of the book: which people each number is about
  (`known`, `where`, the axes, who answered), which variables are two readings of one
  answer, and that a row has at least 10 people with the outcome and 10 without it;
* percentages with all their digits. With weights these say nothing exact about numbers of
  people. Without, the share times the number of people is whole, and the people with the
  outcome are known. So they are where a table has the share as counted (``raw``).

Two outcomes that are thresholds of one answer are not played off against each other, as
long as the people with the outcome are not known.

All tables of one survey with one outcome (or of one `family`) are one puzzle, whatever
`family` their plan calls them; `trustbook.puzzle` solves it.

Where not everybody can get the rows, he also takes all totals and their covariance, of
all outcomes, variants of weights and releases together, and every number on a page:
`trustbook.attacks`, one attack for each kind of knowledge. Where everybody can, exact
totals tell nothing that the rows do not, and he only looks for small cells.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.attacks.pages import (
    COMBINED,
    numbers_of_first_page,
    numbers_of_table,
)
from trustbook.attacks.published import CellTable, Printed, Published
from trustbook.attacks.registry import findings
from trustbook.puzzle import Condition, Row, Table, solve
from trustbook.sealing import CellPlan, is_confidential, load_cell_plan
from trustlib import conditions
from trustlib.cells import Cells
from trustlib.errors import CodebookError
from trustlib.schema import load_mapping
from trustlib.sources import Source

SUPPOSED = {"delta"}  # columns that say what is supposed: the people are the same
WHOLE = 1e-6  # how near to a whole number a count is that was computed from a share
_CELLS = re.compile(r"cells/[^/]+\.parquet$")


def attack(
    runs: str | Path | None,
    plans: Sequence[str | Path],
    earlier: Sequence[str | Path] = (),
) -> list[str]:
    """What a reader of all published tables could find out about fewer than 10 people, one line for each group.

    Parameters
    ----------
    runs : path or None
        Folder of executed runs (``book/_runs``).
    plans : sequence of path
        Each ``cells.yml``; its sets lie beside it in ``cells/``.
    earlier : sequence of path
        Plans of earlier releases, the first one first, with their own ``cells/``.

    Returns
    -------
    list of str
        Empty if nothing was found. No line holds a count.

    Raises
    ------
    DisclosureError
        The published numbers of people contradict each other.

    Examples
    --------
    Where nothing is published nothing is found:

    >>> attack(None, [])
    []
    """
    tables: list[Table] = []
    readings: dict[str, Mapping[str, Any]] = {}
    for path in map(Path, plans):
        plan = load_cell_plan(path)
        form = load_mapping(plan.mapping)[0]
        source = str(form.source.id)
        readings[source] = form.variables
        tables += _of_plan(plan, path.parent / "cells", source)
    lines: list[str] = []
    if runs:
        sealed = {table.name for table in tables}
        lines += _unplanned(Path(runs), sealed)
        tables += _of_runs(Path(runs))
    for puzzle in _puzzles(tables):
        lines += solve(puzzle, readings.get(puzzle[0].source, {}))
    released = [*([path] for path in earlier), plans]
    return lines + _of_totals(runs, released, lines)


def attack_book(folder: str | Path, earlier: Sequence[str | Path] = ()) -> list[str]:
    """What a reader of a book of supplied microdata could find out, from all its pages and cells.

    Parameters
    ----------
    folder : path
        The folder that `trustlib reproduce` made: ``cells/`` and ``book/``.
    earlier : sequence of path
        Earlier releases of the book, the first one first.

    Returns
    -------
    list of str
        Empty if nothing was found.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     attack_book(folder)
    []
    """
    folders = [Path(each) for each in (*earlier, folder)]
    tables: list[CellTable] = []
    for release, each in enumerate(folders):
        files = sorted((each / "cells").glob("*.parquet"))
        tables += [_cell_table(file, release) for file in files]
    book = Path(folder) / "book"
    numbers = list(_numbers(book / "_runs", set()))
    page = book / "index.md"
    sources = {table.source for table in tables}
    if page.is_file() and len(sources) == 1:
        text = page.read_text(encoding="utf-8")
        numbers += numbers_of_first_page(text, sources.pop())
    found = findings(Published(tables, numbers))
    return [guess.line for guess in found]


def _of_totals(
    runs: str | Path | None,
    released: Sequence[Sequence[str | Path]],
    known: Sequence[str],
) -> list[str]:
    """What follows from totals, their covariance and printed numbers, but for what is known."""
    tables: list[CellTable] = []
    for release, plans in enumerate(released):
        for path in map(Path, plans):
            tables += _cell_tables(path, release)
    public = {table.source for table in tables if table.public}
    numbers = list(_numbers(Path(runs), public)) if runs else []
    published = Published(tables, numbers)
    # Where whole numbers of the same tables say it already, it is not said again.
    said = [_tables_in(line) for line in known]
    return [
        guess.line
        for guess in findings(published)
        if not any(names <= {*guess.tables} for names in said)
    ]


def _tables_in(line: str) -> set[str]:
    """The names of tables at the end of a line."""
    names = line.rpartition(" (")[2]
    return {*names.removesuffix(")").split(", ")}


def _cell_tables(path: Path, release: int) -> Iterator[CellTable]:
    """The sets of sealed cells of a plan, with their totals."""
    plan = load_cell_plan(path)
    source = load_mapping(plan.mapping)[0].source
    is_public = not is_confidential(source)
    for name, spec in plan.sets.items():
        file = path.parent / "cells" / f"{name}.parquet"
        if file.is_file():
            yield CellTable(
                name,
                str(source.id),
                Cells.read(file),
                frozenset(spec.told),
                spec.where or "",
                spec.weights,
                release,
                is_public,
            )


def _cell_table(file: Path, release: int) -> CellTable:
    """A file of cells, of people who told its axes."""
    cells = Cells.read(file)
    source = str(cells.source.id)
    is_public = not is_confidential(cells.source)
    return CellTable(file.stem, source, cells, release=release, public=is_public)


def _numbers(runs: Path, public: set[str]) -> Iterator[Printed]:
    """The numbers of the tables of runs, but for sources whose rows are public."""
    for about in sorted(runs.glob("[!.]*/tables/*.json")):
        source = Source.of(json.loads(about.read_text(encoding="utf-8")).get("source"))
        path = about.with_suffix(".csv")
        is_public = source.id in public or not is_confidential(source)
        if path.is_file() and not is_public:
            yield from numbers_of_table(path)


def _of_plan(plan: CellPlan, folder: Path, source: str) -> Iterator[Table]:
    """The sets of sealed cells of a plan that were made."""
    for name, spec in plan.sets.items():
        file = folder / f"{name}.parquet"
        if not file.is_file():
            continue
        frame = Cells.read(file).frame
        share = frame["sum_wy"] / frame["sum_w"]
        yield Table(
            name,
            source,
            spec.outcome,
            spec.in_family,
            spec.told,
            _conditions(spec.where),
            _rows(frame, spec.by, share),
            whole=True,
        )


def _puzzles(tables: Iterable[Table]) -> list[list[Table]]:
    """Tables of one survey that hang together by an outcome or a family."""
    puzzles: list[list[Table]] = []
    for table in tables:
        near = [each for each in puzzles if _hang_together(each, table)]
        puzzles = [each for each in puzzles if each not in near]
        puzzles.append([*(t for each in near for t in each), table])
    return puzzles


def _hang_together(puzzle: Iterable[Table], table: Table) -> bool:
    """Whether a table belongs to a puzzle."""
    own = {table.outcome, table.family}
    near = [other for other in puzzle if other.source == table.source]
    return any(own & {other.outcome, other.family} for other in near)


def _provenances(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of each run, and the parameters it was given."""
    for path in sorted(folder.glob("[!.]*/provenance.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        yield path.parent, facts["parameters"]


def _unplanned(folder: Path, sealed: set[str]) -> Iterator[str]:
    """The runs on cells that no plan names."""
    for run, given in _provenances(folder):
        paths = [value for value in map(str, given.values()) if _CELLS.search(value)]
        names = {Path(path).stem for path in paths}
        for name in sorted(names - sealed):
            yield f"{run.name}: rests on cells that no plan names: {name}"


def _of_runs(folder: Path) -> Iterator[Table]:
    """The tables of runs that read a survey file."""
    for run, given in _provenances(folder):
        if "file" in given:
            yield from _of_run(run, given)


def _of_run(run: Path, given: Mapping[str, Any]) -> Iterator[Table]:
    """The tables of one run whose numbers of people are known; together they name its axes."""
    reference = given.get("reference") or {}
    where = _conditions(given.get("where"))
    found = []
    for path in sorted(run.glob("tables/*.csv")):
        about = path.with_suffix(".json").read_text(encoding="utf-8")
        facts = json.loads(about)
        frame = pd.read_csv(path)
        if _is_known(frame, facts, reference):
            share = frame.get("raw", frame["estimate"])
            rows = _rows(frame, facts["by"], share, reference)
            found.append((path.stem, facts, rows))
    axes: set[str] = set()
    for _, _, rows in found:
        for row in rows:
            axes |= set(row.cells[0])
    for stem, facts, rows in found:
        name = f"{run.name}/{stem}"
        source = str(Source.of(facts["source"]).id)
        outcome = facts["outcome"]
        yield Table(name, source, outcome, outcome, axes, where, rows)


def _is_known(
    frame: pd.DataFrame, facts: Mapping[str, Any], reference: Mapping[str, str]
) -> bool:
    """Whether the people behind each row are known: of a level, or of a gap from the levels that the run names."""
    named = ", ".join(map(str, reference.values()))
    is_level = facts["kind"] == "level"
    if not is_level and set(frame.get("reference", [0])) != {named}:
        return False
    return not COMBINED.search(facts["convention"])


def _rows(
    frame: pd.DataFrame,
    by: Sequence[str],
    share: pd.Series,
    reference: Mapping[str, str] | None = None,
) -> list[Row]:
    """The rows of a table, of a gap with the cell that it is compared with."""
    is_gap = "reference" in frame
    axes = [name for name in by if name not in SUPPOSED]
    is_counted = len(axes) == len(by)
    levels = frame[axes].astype(str).to_dict("records")
    with_outcome = share * frame["n"]
    rows = []
    for cell, n, yes in zip(levels, frame["n"], with_outcome, strict=True):
        if set(cell) == {"axis", "level"}:
            named = cell["axis"].split(", ")
            cell = dict(zip(named, cell["level"].split(", "), strict=True))
        if is_gap:
            # Of these levels, and those of the row otherwise.
            other = cell | dict(reference or {})
            rows.append(Row([cell, other], n))
        elif not is_counted:
            rows.append(Row([cell], n))
        else:
            rows.append(Row([cell], n, _if_whole(yes)))
    return rows


def _if_whole(people: float) -> float:
    """People that were computed from a share, if they are a whole number; NaN if they are not."""
    whole = np.round(people)
    return whole if abs(people - whole) < WHOLE else np.nan


def _conditions(where: str | None) -> list[Condition]:
    """The parts of a `where`; what is no comparison of an axis with levels is an axis of its own."""
    if not where:
        return []
    condition = conditions.Condition.read(where, CodebookError)
    condition.require_allowed()
    found = []
    parts = [condition.tree]
    while parts:
        match parts.pop():
            case ast.BoolOp(ast.And(), joined):
                parts += joined
            case ast.Compare(
                ast.Name(own), [ast.Eq() | ast.NotEq() as sign], [ast.Constant(value)]
            ):
                levels = {str(value)}
                among = isinstance(sign, ast.Eq)
                found.append(Condition(condition.names[own], among, levels))
            case ast.Compare(
                ast.Name(own),
                [ast.In() | ast.NotIn() as sign],
                [ast.List() | ast.Tuple() as given],
            ):
                levels = {str(ast.literal_eval(each)) for each in given.elts}
                among = isinstance(sign, ast.In)
                found.append(Condition(condition.names[own], among, levels))
            case part:
                found.append(Condition(condition.written(part), True, {"holds"}))
    return found
