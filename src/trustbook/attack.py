r"""An attack on what the book publishes: what a reader could find out about fewer than 10 people.

The attacker knows

* every committed set of sealed cells: the number of people in each cell, and that a combination that is not among them
  has nobody, because a set is refused as a whole (see `trustbook.sealing`);
* every published table of levels or gaps that a run makes from a survey file: the number of people behind each row.
  Tables of runs that rest on sealed cells tell nothing more than the cells do. Predictions repeat the numbers of
  people of levels; pooled rows, averages, changes and measures of interaction add them up;
* the plan, the mappings and the rules of the book: which people each number is about (`known`, `where`, the axes, who
  answered), which variables are two readings of one answer, and that a row has at least 10 people with the outcome and
  10 without it;
* percentages with all their digits. With weights these say nothing exact about numbers of people. Without, the share
  times the number of people is whole, and the people with the outcome are known. So they are where a table has the
  share as counted (``raw``).

He does not know anybody's weight and takes nothing from standard errors. Two outcomes that are thresholds of one answer
are not played off against each other, as long as the people with the outcome are not known.

All tables of one survey with one outcome (or of one `family`) are one puzzle, whatever `family` their plan calls them:
the people x of each cell of the finest cross of all axes, "not told" being a level of each. What is published is
A x = b, and a linear programme finds the least and the most people of each cell that agree with it (also for the people
with the outcome and without it, where some are known). Cells that no published number tells apart are one. A finding is
a cell that is narrowed to fewer than 10 numbers, one of them below 10. That nobody is there is no finding; that
everybody answered alike is one.

Sources: Fellegi (1972), J. Am. Stat. Assoc. 67, 7-18; Hundepool et al. (2012), *Statistical Disclosure Control*, ch. 4.
"""

from __future__ import annotations

import ast
import json
import re
from collections import namedtuple
from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.sealing import load_cell_plan
from trustlib import disclosure
from trustlib.cells import Cells
from trustlib.conditions import Condition
from trustlib.errors import CodebookError, DisclosureError
from trustlib.schema import load_mapping
from trustlib.variance import Array

NARROW = 10  # its own number: the attack must notice a gate that is switched off
OTHER, UNTOLD = "another level", "not told"
COMBINED = re.compile(
    "model: |pooled over|average over|change of|imputations"
)  # in a convention
# One table: the people it counts (who told these axes, where these conditions hold) and its rows. A row has its cells
# (axis -> level; of a gap two), n, and the people with the outcome (NaN if they are not known). In a table that is
# whole a combination that is not there has nobody.
Published = namedtuple(
    "Published", "name source outcome family told where rows whole", defaults=[False]
)


def attack(runs: str | Path | None, plans: Sequence[str | Path]) -> list[str]:
    """What a reader of all published tables could find out about fewer than 10 people, one line for each group.

    Parameters
    ----------
    runs : path or None
        Folder of executed runs (``book/_runs``).
    plans : sequence of path
        Each ``cells.yml``; its sets lie beside it in ``cells/``.

    Returns
    -------
    list of str
        Empty if nothing was found. No line holds a count.

    Raises
    ------
    DisclosureError
        The published numbers of people contradict each other.
    """
    tables, readings = [], {}
    for path, plan in ((Path(p), load_cell_plan(p)) for p in plans):
        form = load_mapping(plan.mapping)[0]
        readings[source := str((form.source.model_extra or {}).get("id"))] = (
            form.variables
        )
        for name, spec in plan.sets.items():
            if (file := path.parent / "cells" / f"{name}.parquet").is_file():
                frame = Cells.read(file).frame
                rows = _rows(frame, spec.by, frame["sum_wy"] / frame["sum_w"])
                facts = spec.outcome, spec.in_family, spec.told, _conditions(spec.where)
                tables.append(Published(name, source, *facts, rows, whole=True))
    made, findings = (
        _of_runs(Path(runs), {t.name for t in tables}) if runs else ([], [])
    )
    puzzles: list[list[Published]] = []
    for table in [*tables, *made]:
        keys = {table.outcome, table.family}
        near = [
            p
            for p in puzzles
            if any(t.source == table.source and keys & {t.outcome, t.family} for t in p)
        ]
        puzzles = [p for p in puzzles if p not in near] + [
            [t for p in near for t in p] + [table]
        ]
    return findings + [
        f
        for puzzle in puzzles
        for f in _solve(puzzle, readings.get(puzzle[0].source, {}))
    ]


def _of_runs(folder: Path, names: set[str]) -> tuple[list[Published], list[str]]:
    """The tables of runs that read a survey file, and the runs on cells that no plan names."""
    tables, unknown = [], []
    for path in sorted(folder.glob("[!.]*/provenance.json")):
        given, run, found = (
            json.loads(path.read_text(encoding="utf-8"))["parameters"],
            path.parent.name,
            [],
        )
        named = {
            Path(v).stem
            for v in map(str, given.values())
            if re.search(r"cells/[^/]+\.parquet$", v)
        }
        unknown += [
            f"{run}: rests on cells that no plan names: {name}"
            for name in sorted(named - names)
        ]
        for table in (
            sorted(path.parent.glob("tables/*.csv")) if "file" in given else ()
        ):
            facts, frame = (
                json.loads(table.with_suffix(".json").read_text(encoding="utf-8")),
                pd.read_csv(table),
            )
            base = (
                given.get("reference") or {}
            )  # of a gap: these levels, and those of the row otherwise
            known = facts["kind"] == "level" or {*frame.get("reference", [0])} == {
                ", ".join(map(str, base.values()))
            }
            if known and not COMBINED.search(facts["convention"]):
                rows = _rows(
                    frame, facts["by"], frame.get("raw", frame["estimate"]), base
                )
                found.append(
                    (
                        f"{run}/{table.stem}",
                        str(facts["source"].get("id")),
                        facts["outcome"],
                        rows,
                    )
                )
        who = (
            {c for *_, rows in found for cells, *_ in rows for c in cells[0]},
            _conditions(given.get("where")),
        )
        tables += [
            Published(name, source, y, y, *who, rows) for name, source, y, rows in found
        ]
    return tables, unknown


def _rows(
    frame: pd.DataFrame,
    by: Iterable[str],
    share: pd.Series,
    reference: dict[str, str] | None = None,
) -> list:
    """The rows of a table: cells, people, and people with the outcome if their share makes a whole number."""
    out = []
    for row, n, yes in zip(
        frame[list(by)].astype(str).to_dict("records"),
        frame["n"],
        share * frame["n"],
        strict=True,
    ):
        if set(row) == {"axis", "level"}:
            row = dict(
                zip(row["axis"].split(", "), row["level"].split(", "), strict=True)
            )
        cells = [row, row | (reference or {})] if "reference" in frame else [row]
        out.append(
            (
                cells,
                n,
                np.round(yes)
                if len(cells) == 1 and abs(yes - np.round(yes)) < 1e-6
                else np.nan,
            )
        )
    return out


def _conditions(where: str | None) -> list[tuple[str, bool, set[str]]]:
    """A `where` as (axis, whether it must be among the levels, levels); what is not so simple is an axis of its own."""
    if not where:
        return []
    condition = Condition.read(where, CodebookError)
    condition.require_allowed()
    out = []
    parts = [condition.tree]
    while parts:
        match parts.pop():
            case ast.BoolOp(ast.And(), joined):
                parts += joined
            case ast.Compare(
                ast.Name(own), [ast.Eq() | ast.NotEq() as sign], [ast.Constant(value)]
            ):
                levels = {str(value)}
                out.append((condition.names[own], isinstance(sign, ast.Eq), levels))
            case ast.Compare(
                ast.Name(own),
                [ast.In() | ast.NotIn() as sign],
                [ast.List() | ast.Tuple() as given],
            ):
                levels = {str(ast.literal_eval(each)) for each in given.elts}
                out.append((condition.names[own], isinstance(sign, ast.In), levels))
            case part:
                out.append((condition.written(part), True, {"holds"}))
    return out


def _solve(tables: list[Published], readings: dict[str, Any]) -> list[str]:
    """Narrow down every cell of one puzzle."""
    asked = {t.outcome: _answered(t.outcome, readings.get(t.outcome)) for t in tables}
    levels: dict[str, set[str]] = {
        axis: set() for t in tables for axis in (*sorted(t.told), *asked[t.outcome])
    }
    found = [
        (axis, {level})
        for t in tables
        for cells, *_ in t.rows
        for cell in cells
        for axis, level in cell.items()
    ]
    for axis, some in found + [
        (axis, {*some, OTHER}) for t in tables for axis, _, some in t.where
    ]:
        levels.setdefault(axis, set()).update(some)
    cross = {
        axis: np.array([*(sorted(some) or [OTHER]), UNTOLD])
        for axis, some in levels.items()
    }
    place = np.array(
        list(product(*(range(len(known)) for known in cross.values()))), dtype=int
    )  # each cell a row
    at = dict(zip(cross, place.T, strict=True))

    def inside(t: Published, cell: dict[str, str]) -> Array:
        out = np.ones(len(place), bool)
        for axis, known in cross.items():
            good = (
                np.isin(known, cell[axis])
                if axis in cell
                else np.ones(len(known), bool)
            )
            if axis in {
                *t.told,
                *cell,
                *asked[t.outcome],
                *(name for name, *_ in t.where),
            }:
                good &= known != UNTOLD
            for _, among, some in (w for w in t.where if w[0] == axis):
                good &= np.isin(known, list(some)) == among
            out &= good[at[axis]]
        return out

    possible, published = (
        _possible(cross, at, len(place), readings),
        [(t, *row) for t in tables for row in t.rows],
    )
    masks = np.array(
        [
            np.any([inside(t, cell) for cell in cells], axis=0)
            for t, cells, *_ in published
        ]
    )
    of, outcome = (
        np.array([getattr(t, fact) for t, *_ in published])
        for fact in ("name", "outcome")
    )
    n, yes = np.array([row[2:] for row in published]).T
    for t in (t for t in tables if t.whole):
        possible &= ~inside(t, {}) | masks[of == t.name].any(axis=0)
    kept = np.flatnonzero(possible & masks.any(axis=0))
    # Cells that no published number tells apart are one.
    _, first, atom, size = np.unique(
        np.packbits(masks[:, kept], axis=0), True, True, True, axis=1
    )
    a = masks[:, kept[first]].astype(float)
    low, high = _bounds(a, n, size)
    narrowed = {"": (high - low < NARROW) & (low < NARROW) & (high > 0)}
    for y in np.unique(outcome[np.isfinite(yes)]):
        told, hidden = (
            (outcome == y) & (np.isfinite(yes) == known) for known in (True, False)
        )
        equal = np.vstack([np.hstack([a, a]), np.hstack([a, 0 * a])[told]])
        least = -np.vstack(
            [np.hstack([a, 0 * a])[hidden], np.hstack([0 * a, a])[hidden]]
        )
        lows, highs = (
            np.split(x, 2)
            for x in _bounds(equal, np.r_[n, yes[told]], np.tile(size, 2), least)
        )
        for word, least, most in zip(
            (f" with {y}", f" without {y}"), lows, highs, strict=True
        ):
            narrowed[word] = (most - least < NARROW) & (least < NARROW) & (high > 0)
    out = []
    for i in np.flatnonzero(np.any(list(narrowed.values()), axis=0)):
        whom = {
            axis: known[np.unique(at[axis][kept[atom == i]])]
            for axis, known in cross.items()
            if " " not in axis
        }
        cell = ", ".join(
            f"{c}={' or '.join(some)}"
            for c, some in whom.items()
            if len(some) < len(cross[c])
        )
        word = next(word for word, pinned in narrowed.items() if pinned[i])
        out.append(
            f"{tables[0].source}: people{word} in {cell or 'all'} ({', '.join(dict.fromkeys(of[a[:, i] > 0]))})"
        )
    return out


def _answered(outcome: str, rule: Any) -> list[str]:
    """The axis that says who answered: outcomes read from one column share it; none if everybody counts."""
    columns = (
        [str(part.column or outcome) for part in rule.parts] if rule else [outcome]
    )
    return (
        []
        if rule and rule.missing_as is not None
        else [f"answered {' '.join(columns)}"]
    )


def _possible(
    cross: dict[str, Array], at: dict[str, Array], cells: int, readings: dict[str, Any]
) -> Array:
    """Cells that can have people: of two axes read from one column, only levels that one answer has together."""
    out = np.ones(cells, bool)
    single = {
        c: r
        for c in cross
        if (r := readings.get(c)) and r.values and r.missing_as is None
    }
    for (one, a), (other, b) in combinations(single.items(), 2):
        if (a.column or one) == (b.column or other):
            pairs = {
                (a.values.get(v, UNTOLD), b.values.get(v, UNTOLD))
                for v in {*a.values, *b.values}
            }
            both = [
                [x == y == UNTOLD or (x, y) in pairs for y in cross[other]]
                for x in cross[one]
            ]
            out &= np.array(both)[at[one], at[other]]
    return out


def _bounds(
    equal: Array, b: Array, size: Array, least: Array | None = None
) -> tuple[Array, Array]:
    """Least and most of each x with ``equal @ x = b`` and x >= 0; the search ends where they are far apart.

    Of an x that stands for several cells (`size`), each may have nobody. First all that are not far apart yet are asked
    to be so together, as long as some can (more than `NARROW` people earn nothing). Those of whom nobody was found yet
    have nobody if not even their sum can be above zero. Then each that is left is asked alone.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    rows, none, every = (
        np.unique(np.c_[equal, b], axis=0),
        np.zeros(len(size)),
        np.arange(len(size)),
    )
    a, least = (
        csr_array(np.hstack([rows[:, :-1]] * 2)),
        None if least is None else csr_array(np.hstack([least] * 2)),
    )
    limit = (
        None if least is None else np.full(least.shape[0], -float(disclosure.MINIMUM))
    )  # the rule is known
    low, high = np.where(size > 1, 0.0, np.inf), none - np.inf

    def ask(asked: Array, sign: int, enough: float = np.inf) -> float:
        """Least (1) or greatest (-1) sum of some x, up to `enough` of each; what is found widens the bounds."""
        ends = np.c_[
            np.r_[none, none],
            np.r_[none + (enough if sign < 0 else np.inf), none + np.inf],
        ]
        found = linprog(
            np.r_[sign * asked, max(sign, 0) * asked],
            least,
            limit,
            a,
            rows[:, -1],
            ends,
        )
        if found.status:
            hint = "A table counts other people than its plan says: look at `known:` and `where:`."
            raise DisclosureError(
                "The numbers of people in the published tables contradict each other.",
                hint,
            )
        x = found.x[every] + found.x[len(size) :]
        np.minimum(low, np.ceil(x - 1e-6), out=low)
        np.maximum(high, np.floor(x + 1e-6), out=high)
        return abs(found.fun)

    waiting = len(size) + 1
    while waiting > (near := high - low < NARROW).sum() > 0:
        waiting = near.sum()
        ask(near & (high >= NARROW), 1)
        ask(near & (high < NARROW), -1, NARROW)
    empty = near & (high == 0)
    empty &= ask(empty, -1) < 0.5
    for i in np.flatnonzero(near & ~empty):
        for sign in (1, -1):
            if high[i] - low[i] < NARROW:
                ask(every == i, sign)
    return low, high
