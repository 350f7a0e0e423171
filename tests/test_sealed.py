"""The committed cells of HINTS 6: small, safe, and the same as those made from the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import trustlib as tl
from trustbook.cli import app
from trustbook.sealing import (
    RELATIVE,
    largest_difference,
    load_cell_plan,
    make_cells,
    require_same,
    write_cells,
)
from trustlib.disclosure import MINIMUM

ROOT = Path(__file__).parents[1]
PLAN = ROOT / "data" / "hints6" / "cells.yml"
FILES = sorted((ROOT / "data" / "hints6" / "cells").glob("*.parquet"))
NEAR = 1 + 1e-13  # another order of summing

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")


@pytest.fixture(scope="module")
def data_folder(data_file):
    return data_file("hints6", "hints6_extract.csv.gz").parents[1]


@pytest.fixture(scope="module")
def people(data_folder):
    mapping = ROOT / "data" / "hints6" / "mapping.yml"
    return tl.read_survey(
        data_folder / "hints6" / "hints6_extract.csv.gz", mapping
    ), mapping


def test_the_plan_and_the_files_agree():
    assert sorted(p.stem for p in FILES) == sorted(load_cell_plan(PLAN).sets)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_committed_file_holds_totals_of_enough_people_and_nothing_else(path):
    cells = tl.Cells.read(path)
    table = pq.read_table(path)
    assert set(table.column_names) == {
        *cells.by,
        "n",
        "sum_w",
        "sum_wy",
        "sum_w2",
        "cov_w",
        "cov_wy",
    }
    assert cells.sealed
    assert cells.source["kind"] == "real"
    assert (cells.frame["n"] >= 2 * MINIMUM).all(), (
        "ten with the outcome and ten without"
    )
    assert len(cells) <= 20
    facts = json.loads(table.schema.metadata[b"trustlib"])
    assert set(facts) == {
        "outcome",
        "by",
        "df",
        "variance",
        "source",
        "labels",
        "minimum_count",
        "levels",
    }
    matrix = cells.scatter.covariance(np.eye(2 * len(cells)))
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9 * np.abs(matrix).max()


def test_the_cells_made_from_the_file_are_the_committed_ones(data_folder):
    plan = load_cell_plan(PLAN)
    made = make_cells(plan, data_folder / plan.file)
    worst = {
        path.stem: largest_difference(made[path.stem], tl.Cells.read(path))
        for path in FILES
    }
    assert max(worst.values()) < RELATIVE, worst


def test_a_change_of_the_cells_is_noticed(tmp_path):
    cells = tl.Cells.read(FILES[0])
    frame = cells.frame.assign(sum_wy=cells.frame["sum_wy"] * (1 + 1e-8))
    replace(cells, frame=frame).write(tmp_path / "changed.parquet")
    with pytest.raises(tl.DesignError, match="differ"):
        require_same(cells, tmp_path / "changed.parquet")
    require_same(cells, FILES[0])


@pytest.fixture
def rewritten(tmp_path):
    """Three committed sets in a folder of their own, and their bytes."""
    sets = {path.stem: tl.Cells.read(path) for path in FILES[:3]}
    assert write_cells(sets, tmp_path) == list(sets)
    return tmp_path, sets, {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_files_that_say_the_same_are_left_as_they_are(rewritten):
    folder, sets, before = rewritten
    rounded = {
        name: replace(
            cells, frame=cells.frame.assign(sum_w=cells.frame["sum_w"] * NEAR)
        )
        for name, cells in sets.items()
    }
    assert write_cells(rounded, folder) == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: {"source": cells.source | {"label": "another release"}},
        lambda cells: {"labels": {cells.outcome: "Another label"}},
        lambda cells: {
            "frame": cells.frame.assign(sum_wy=cells.frame["sum_wy"] * 1.01)
        },
    ],
    ids=["source", "label", "number"],
)
def test_a_file_that_says_something_else_is_written_alone(rewritten, change):
    folder, sets, before = rewritten
    first = next(iter(sets))
    changed = sets | {first: replace(sets[first], **change(sets[first]))}
    assert write_cells(changed, folder) == [first]
    differing = [path.stem for path in before if path.read_bytes() != before[path]]
    assert differing == [first]


def test_a_damaged_file_is_written_again(rewritten):
    folder, sets, before = rewritten
    first = next(iter(sets))
    (folder / f"{first}.parquet").write_bytes(b"PAR1 damaged")
    assert write_cells(sets, folder) == [first]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_two_levels_of_ethnicity_pass_the_gate_and_five_do_not(people):
    frame, mapping = people
    design = tl.SurveyDesign(frame, **tl.declared_design(mapping))
    tl.compress(design, "treated_unfairly", ["gender", "ethnicity"]).seal()
    with pytest.raises(tl.DisclosureError, match="gender="):
        tl.compress(design, "treated_unfairly", ["gender", "ethnicity_detail"]).seal()


def test_sealed_and_full_cells_give_the_same_model_and_replicates_nearly_so(people):
    frame, mapping = people
    options = {
        v: tl.declared_design(mapping, variance=v) for v in ("taylor", "replicates")
    }
    by, formula = (
        ["gender", "ethnicity", "disability"],
        "gender * ethnicity + disability",
    )
    full = {
        v: tl.compress(tl.SurveyDesign(frame, **o), "mistrust", by)
        for v, o in options.items()
    }
    fits = {v: tl.fit_logit(c, formula) for v, c in full.items()}
    sealed = {v: tl.fit_logit(c.seal(), formula) for v, c in full.items()}
    np.testing.assert_allclose(sealed["taylor"].vcov, fits["taylor"].vcov, rtol=1e-9)
    np.testing.assert_allclose(
        sealed["replicates"].std_error, fits["replicates"].std_error, rtol=0.05
    )


def test_sets_that_single_people_out_when_subtracted_are_refused(data_folder, tmp_path):
    plan = tmp_path / "cells.yml"
    plan.write_text(
        f"mapping: {ROOT / 'data' / 'hints6' / 'mapping.yml'}\n"
        "cells:\n"
        "  a: {outcome: mistrust, by: [gender, ethnicity]}\n"
        "  b: {outcome: mistrust, by: [gender, ethnicity, disability]}\n"
    )
    with pytest.raises(tl.DisclosureError, match="subtracted"):
        make_cells(
            load_cell_plan(plan), data_folder / "hints6" / "hints6_extract.csv.gz"
        )


@pytest.mark.parametrize(
    "text",
    [
        "cells: {}",
        "mapping: mapping.yml\ncells: {a: {outcome: y}}",
        "mapping: mapping.yml\ncells: {a: [x]}",
        "a: [",
    ],
)
def test_a_faulty_plan_is_refused(tmp_path, text):
    (tmp_path / "cells.yml").write_text(text)
    with pytest.raises(tl.CodebookError):
        load_cell_plan(tmp_path / "cells.yml")


def test_the_command_compares_and_says_so(data_folder):
    result = CliRunner().invoke(
        app, ["compress", str(PLAN), "--data", str(data_folder), "--check"]
    )
    assert result.exit_code == 0
    assert result.output.count("agrees:") == len(FILES)


def test_the_command_validates_a_file_without_showing_small_counts(data_folder):
    file = data_folder / "hints6" / "hints6_extract.csv.gz"
    mapping = ROOT / "data" / "hints6" / "mapping.yml"
    result = CliRunner().invoke(app, ["validate", str(file), "--mapping", str(mapping)])
    assert result.exit_code == 0
    assert "6,252 people" in result.output
    assert "fewer than 10" in result.output


def test_commands_tell_what_is_missing(tmp_path):
    result = CliRunner().invoke(
        app, ["compress", str(PLAN), "--data", str(tmp_path), "--check"]
    )
    assert result.exit_code == 1
    assert "TRUSTLIB_DATA" in result.output
    assert "Traceback" not in result.output
    result = CliRunner().invoke(
        app, ["validate", str(tmp_path / "x.csv"), "--mapping", str(tmp_path / "m.yml")]
    )
    assert result.exit_code == 1
    assert "There is no file" in result.output
