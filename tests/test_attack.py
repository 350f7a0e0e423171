"""The attack on all published tables: it finds nothing in what is committed, and at once what a gate would have stopped."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import trustlib as tl
from trustbook import sealing
from trustbook.attack import attack
from trustbook.puzzle import NARROW, bounds
from trustlib import disclosure

ROOT = Path(__file__).parents[1]
PLANS = {
    name: ROOT / "data" / name / "cells.yml"
    for name in ("hints6", "hints7", "synthetic")
}
RUNS = ROOT / "book" / "_runs"

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")

MAPPING = {
    # Of a public-use file: its cells are exact, so that there is something to attack.
    "source": {
        "id": "office",
        "kind": "real",
        "label": "Made up",
        "address": "nowhere",
    },
    "file": "people.csv",
    "missing": {"?": "refused"},
    "variables": {
        "gender": {
            "column": "g",
            "values": {"m": "man", "w": "woman", "x": "non-binary"},
        },
        "ethnicity": {
            "column": "e",
            "values": {"a": "majority", "b": "minority", "c": "minority"},
        },
        "ethnicity_detail": {"column": "e", "values": {"a": "A", "b": "B", "c": "C"}},
        "age": {"column": "o", "values": {"y": "young", "o": "old"}},
        "damaged": {"column": "y", "values": {"0": 0, "1": 1}},
        "reported": {"column": "y", "values": {"0": 0, "1": 1}, "missing_as": 0},
    },
    "design": {"weight": "w"},
}


def people(
    cells: dict[tuple[str, str, str], tuple[int, int]], weighted: bool = True
) -> pd.DataFrame:
    """Raw answers: (gender, ethnicity, age) -> people without and with the outcome."""
    rows = [
        (*cell, y)
        for cell, pair in cells.items()
        for y, n in enumerate(pair)
        for _ in range(n)
    ]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(rows)) if weighted else 1.0
    return pd.DataFrame(rows, columns=["g", "e", "o", "y"]).assign(w=weights)


LARGE = {
    cell: (30 + 3 * i, 25 + 2 * i)
    for i, cell in enumerate(itertools.product("mw", "ab", "yo"))
}


@pytest.fixture
def office(tmp_path):
    """Seal sets of cells of some people as `trustlib compress` does; returns their plan."""

    def make(frame, **sets) -> Path:
        frame.to_csv(tmp_path / "people.csv", index=False)
        (tmp_path / "mapping.yml").write_text(yaml.safe_dump(MAPPING, sort_keys=False))
        plan = tmp_path / "cells.yml"
        named = {k: {"outcome": "damaged"} | s for k, s in sets.items()}
        plan.write_text(yaml.safe_dump({"mapping": "mapping.yml", "cells": named}))
        for name, cells in sealing.make_cells(
            sealing.load_cell_plan(plan), tmp_path / "people.csv"
        ).items():
            cells.write(tmp_path / "cells" / f"{name}.parquet")
        return plan

    return make


@pytest.fixture
def run(tmp_path):
    """Publish results as a run on the survey file does; returns the folder of runs."""

    def make(tables: dict[str, tl.Estimates], **parameters) -> Path:
        folder = tmp_path / "runs" / "a-run"
        folder.mkdir(parents=True, exist_ok=True)
        for name, estimates in tables.items():
            tl.publish(estimates, name, folder / "tables")
        facts = {
            "parameters": {"file": "../people.csv", "mapping": "../mapping.yml"}
            | parameters
        }
        (folder / "provenance.json").write_text(json.dumps(facts))
        return tmp_path / "runs"

    return make


@pytest.fixture
def no_gate(monkeypatch):
    """The gate, switched off."""
    for module in (disclosure, sealing):
        monkeypatch.setattr(module, "MINIMUM", 0)
    monkeypatch.setattr(disclosure, "DOMINANT", 1.0)


def cells_of(tmp_path, by, where=None):
    """Cells as a template makes them."""
    frame = tl.read_survey(tmp_path / "people.csv", tmp_path / "mapping.yml")
    design = tl.SurveyDesign(frame, **tl.declared_design(tmp_path / "mapping.yml"))
    return tl.compress(design.domain(where) if where else design, "damaged", by)


# -- what is committed -----------------------------------------------------------------------------------------------------


def test_nothing_is_found_in_the_committed_cells_of_real_people():
    assert attack(None, [PLANS["hints6"]]) == []


def test_nothing_is_found_in_the_committed_cells_of_the_stand_in():
    assert attack(None, [PLANS["synthetic"]]) == []


def test_nothing_is_found_in_the_executed_runs():
    """Where the book was not built there are no tables beside the committed cells; `make book` repeats the attack."""
    assert attack(RUNS if RUNS.is_dir() else None, list(PLANS.values())) == []


# -- the gate is off -------------------------------------------------------------------------------------------------------


def test_a_small_cell_is_found(office, no_gate):
    found = attack(
        None,
        [
            office(
                people(LARGE | {("m", "b", "y"): (2, 1)}),
                a={"by": ["gender", "ethnicity", "age"]},
            )
        ],
    )
    assert len(found) == 1
    assert "gender=man" in found[0]
    assert "ethnicity=minority" in found[0]
    assert "age=young" in found[0]
    assert not any(count in found[0] for count in "123")


def test_two_bases_that_differ_by_a_few_people_are_found(office, no_gate):
    frame = people(LARGE | {("m", "b", "?"): (3, 1)})
    found = attack(
        None,
        [office(frame, a={"by": ["gender"]}, b={"by": ["gender"], "known": ["age"]})],
    )
    assert len(found) == 1
    assert "gender=man" in found[0]
    assert "age=not told" in found[0]


def test_two_families_by_name_are_one_to_an_attacker(office):
    """The sealing compares sets of one family only; the attack compares all of one outcome, whatever they are called."""
    frame = people(LARGE | {("x", "b", "y"): (2, 2), ("x", "a", "y"): (40, 40)})
    both = {
        "all": {"by": ["ethnicity", "age"]},
        "binary": {
            "by": ["gender", "ethnicity", "age"],
            "where": "gender != 'non-binary'",
            "family": "women and men",
        },
    }
    found = attack(None, [office(frame, **both)])
    assert len(found) == 1
    assert "ethnicity=minority" in found[0]
    assert "man" not in found[0]


def test_a_hole_is_filled_from_the_margins(office, run, tmp_path, no_gate):
    plan = office(
        people(LARGE | {("w", "b", "y"): (4, 2), ("w", "b", "o"): (0, 0)}),
        everyone={"by": []},
    )
    cells = cells_of(tmp_path, ["gender", "ethnicity"])
    means = tl.cell_means(cells)
    margins = {c: tl.cell_means(cells, [c]) for c in cells.by}
    assert attack(run(margins), [plan]) == []
    holed = margins | {"holed": means.where("gender == 'man'")}
    found = attack(run(holed), [plan])
    assert len(found) == 1
    assert "gender=woman" in found[0]
    assert "ethnicity=minority" in found[0]


def test_a_gap_counts_the_people_of_both_groups(office, run, tmp_path, no_gate):
    plan = office(people(LARGE | {("x", "a", "y"): (2, 4)}), everyone={"by": []})
    gaps = tl.comparisons(
        tl.cell_means(cells_of(tmp_path, ["gender"])), {"gender": "man"}
    )
    women = gaps.where("gender == 'woman'")
    assert attack(run({"gaps": women}), [plan]) == [], (
        "a gap to nobody knows whom says nothing"
    )
    found = attack(run({"gaps": women}, reference={"gender": "man"}), [plan])
    assert len(found) == 1
    assert "gender=not told" in found[0]


def test_without_weights_the_answers_are_known_too(office, run, tmp_path, no_gate):
    """Many people, few of them with the outcome: with weights nobody can tell, without each share is a count."""
    for weighted in (True, False):
        cells = LARGE | {("w", "b", "y"): (60, 3), ("w", "b", "o"): (0, 0)}
        plan = office(
            people(cells, weighted),
            a={"by": ["gender"], "known": ["ethnicity"]},
            b={"by": ["ethnicity"], "known": ["gender"]},
        )
        means = tl.cell_means(cells_of(tmp_path, ["gender", "ethnicity"]))
        found = attack(run({"holed": means.where("gender == 'man'")}), [plan])
        assert len(found) == (0 if weighted else 1)
    assert "people with damaged" in found[0]
    assert "gender=woman" in found[0]


def test_the_share_as_counted_tells_the_answers(office, run, tmp_path, no_gate):
    """A MAIHDA's table of strata has it beside the weighted one."""
    plan = office(
        people(LARGE | {("w", "b", "y"): (60, 3), ("w", "b", "o"): (0, 0)}),
        everyone={"by": []},
    )
    fit = tl.maihda(
        cells_of(tmp_path, ["gender", "ethnicity"]), strata=["gender", "ethnicity"]
    )
    found = attack(run({"strata": fit.strata}), [plan])
    assert len(found) == 1
    assert "with damaged" in found[0]


def test_two_readings_of_one_answer_are_played_off_against_each_other(office):
    """Ethnicity in two levels among those who told their age, in three among all: nobody but B and C is a minority."""
    frame = people(
        LARGE
        | {
            ("m", "c", "y"): (40, 40),
            ("m", "b", "?"): (2, 2),
            ("m", "a", "?"): (50, 50),
        }
    )
    sets = {
        "two": {"by": ["ethnicity"], "known": ["age"]},
        "three": {"by": ["ethnicity_detail"]},
    }
    found = attack(None, [office(frame, **sets)])
    assert found
    assert all("age=not told" in line for line in found)


def test_those_who_did_not_answer_are_people_too(office, no_gate):
    frame = people(LARGE)
    frame["y"] = frame["y"].astype(str).where(frame.index >= 5, "?")
    sets = {
        "answered": {"by": []},
        "all": {"by": [], "outcome": "reported", "family": "damaged"},
    }
    assert len(attack(None, [office(frame, **sets)])) == 1
    frame["y"] = frame["y"].where(frame.index >= 15, "?")
    assert attack(None, [office(frame, **sets)]) == []


def test_a_run_on_cells_that_no_plan_names_is_named(office, run):
    plan = office(people(LARGE), everyone={"by": []})
    found = attack(run({}, cells="../../data/office/cells/other.parquet"), [plan])
    assert found == ["a-run: rests on cells that no plan names: other"]


def test_numbers_that_contradict_each_other_are_not_passed_over(office, run, tmp_path):
    plan = office(people(LARGE), everyone={"by": []})
    some = cells_of(tmp_path, ["gender"], "ethnicity == 'majority'")
    runs = run({"levels": tl.cell_means(some)}, where="ethnicity == 'majority'")
    assert attack(runs, [plan]) == []
    every = tl.cell_means(cells_of(tmp_path, []))
    with pytest.raises(tl.DisclosureError, match="contradict"):
        attack(
            run(
                {"levels": tl.cell_means(some), "all": every},
                where="ethnicity == 'majority' and age != 'old'",
            ),
            [plan],
        )


# -- the gate is on --------------------------------------------------------------------------------------------------------


def test_what_the_gate_lets_through_is_safe(office, run, tmp_path):
    """The same people, where each result is at levels that pass: nothing can be found."""
    plan = office(
        people(LARGE | {("w", "b", "y"): (4, 2)}),
        a={"by": ["gender", "age"], "known": ["ethnicity"]},
        b={"by": ["ethnicity"], "known": ["gender", "age"]},
    )
    cells = cells_of(tmp_path, ["gender", "ethnicity", "age"])
    with pytest.raises(tl.DisclosureError):
        run({"levels": tl.cell_means(cells)})
    assert attack(run({"levels": tl.cell_means(cells, ["gender"])}), [plan]) == []


def test_the_sealing_refuses_one_person_with_most_of_the_weight(office):
    frame = people(LARGE)
    office(frame, a={"by": ["gender"]})
    of_one_answer = frame.loc[(frame.g == "m") & (frame.y == 1), "w"].sum()
    frame.loc[frame.index[(frame.g == "m") & (frame.y == 1)][0], "w"] = (
        2 * of_one_answer
    )
    with pytest.raises(tl.DisclosureError, match="most of the weight"):
        office(frame, a={"by": ["gender"]})


# -- the linear programme itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_bounds_of_a_cube_from_its_three_sides(seed):
    """2 x 2 x 2 with all margins of two: the tables that agree differ by one number, so the bounds are known."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 40, (2, 2, 2))
    table[0, 0, 0], table[1, 1, 0] = rng.integers(0, 8, 2)
    sign = np.array([1, -1, -1, 1, -1, 1, 1, -1]) * -1
    cells, rows = list(itertools.product(range(2), repeat=3)), []
    for dropped in range(3):
        kept = [axis for axis in range(3) if axis != dropped]
        for levels in itertools.product(range(2), repeat=2):
            rows += [[float(tuple(c[axis] for axis in kept) == levels) for c in cells]]
    x, a = table.ravel().astype(float), np.array(rows)
    up, down = x[sign < 0].min(), x[sign > 0].min()
    low, high = bounds(a, a @ x, np.ones(8))
    if up + down < NARROW:
        np.testing.assert_array_equal(high - low, up + down)
        np.testing.assert_array_equal(low, np.where(sign > 0, x - down, x - up))
    else:
        assert (high - low >= NARROW).all()
