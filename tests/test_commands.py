"""The commands that need no survey file: audit, simulate, sealed cells of the stand-in, and the check of built pages."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

import trustlib as tl
from trustbook.cli import app
from trustbook.sealing import load_cell_plan, make_cells, require_same
from trustbook.start import BOOK

ROOT = Path(__file__).parents[1]
STAND_IN = ROOT / "data" / "synthetic"


def command(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


class TestAudit:
    @pytest.fixture(scope="class")
    def told(self):
        output = command(
            "audit",
            "one-item",
            "split",
            "wave-2022",
            "--published",
            ROOT / "data" / "published",
        )
        return dict(line.split(": ", 1) for line in output.splitlines())

    def test_one_item_is_feasible_only_if_minority_people_report_at_least_86_percent(
        self, told
    ):
        assert told["one-item"].endswith("? yes")
        least = float(
            re.search(r"([\d.]+) % to 100\.0 %$", told["one-item-minority"])[1]
        )
        assert 86 <= least < 86.1

    def test_the_ordering_assumption_names_its_smallest_conflict(self, told):
        answer, conflict = (
            told["one-item-order"].split("? ")[1].split("; a smallest contradiction: ")
        )
        assert answer == "no"
        members = conflict.split("; ")
        assert {
            "one item",
            "no single group above the double group",
            "R24-017",
            "R24-033",
        } <= set(members)
        assert len(members) == 9

    def test_the_reading_of_two_questions_and_the_first_wave_are_feasible(self, told):
        for key in (
            "split",
            "split-order",
            "wave-2022",
            "wave-2022-order",
            "wave-2022-gaps",
        ):
            assert told[key].endswith("? yes")

    def test_an_unknown_question_names_the_nearest(self):
        output = command(
            "audit", "one-itm", "--published", ROOT / "data" / "published", code=1
        )
        assert "Did you mean 'one-item'?" in output

    def test_a_faulty_record_is_refused_with_its_rows(self, tmp_path):
        figures = pd.read_csv(
            ROOT / "data" / "published" / "figures.csv",
            dtype=str,
            keep_default_na=False,
        )
        figures.loc[figures["id"] == "R24-017", ["value", "countries"]] = "182", "XX"
        folder = tmp_path / "published"
        folder.mkdir()
        figures.to_csv(folder / "figures.csv", index=False)
        shutil.copy(ROOT / "data" / "published" / "questions.yml", folder)
        shutil.copy(ROOT / "data" / "codebook.yml", tmp_path)
        output = command("audit", "one-item", "--published", folder, code=1)
        assert "R24-017" in output
        assert "182" in output
        assert "'XX'" in output


class TestSimulate:
    def test_a_draw_is_a_survey_file_that_says_it_is_synthetic(self, tmp_path):
        file = tmp_path / "people.parquet"
        assert "35,614 synthetic people" in command(
            "simulate", "--draw", "3", "--out", file, "--folder", STAND_IN
        )
        frame = tl.read_survey(file, STAND_IN / "mapping.yml")
        assert len(frame) == 35_614
        assert frame.attrs["source"]["kind"] == "synthetic"
        again = tmp_path / "again.parquet"
        command("simulate", "--draw", "3", "--out", again, "--folder", STAND_IN)
        assert file.read_bytes() == again.read_bytes()

    def test_the_command_writes_the_committed_bytes(self, tmp_path):
        output = command("simulate", "--folder", STAND_IN, "--out", tmp_path)
        for name in (
            "trust_polling_synthetic.parquet",
            "true_model.json",
            "calibration.csv",
        ):
            assert (tmp_path / name).read_bytes() == (STAND_IN / name).read_bytes()
            assert name in output

    def test_what_is_missing_is_named(self, tmp_path):
        assert "true model" in command(
            "simulate", "--draw", "1", "--folder", tmp_path, code=1
        )
        assert "targets.yml" in command(
            "simulate", "--folder", tmp_path, "--out", tmp_path / "x", code=1
        )
        (tmp_path / "file").write_text("")
        assert "cannot be written" in command(
            "simulate",
            "--draw",
            "1",
            "--folder",
            STAND_IN,
            "--out",
            tmp_path / "file" / "x.parquet",
            code=1,
        )


class TestCellsOfTheStandIn:
    def test_the_committed_cells_are_those_of_the_file(self):
        plan = load_cell_plan(STAND_IN / "cells.yml")
        made = make_cells(plan, STAND_IN / "trust_polling_synthetic.parquet")
        for name, cells in made.items():
            require_same(cells, STAND_IN / "cells" / f"{name}.parquet")
            assert cells.source["kind"] == "synthetic"
        both = tl.cell_means(made["provider-2024-ethnicity-disability"]).frame
        assert [round(100 * p) for p in both["estimate"].iloc[[0, -1]]] == [47, 82]

    def test_parts_that_overlap_are_refused(self, tmp_path):
        plan = tmp_path / "cells.yml"
        lines = [
            f"mapping: {STAND_IN / 'mapping.yml'}",
            "cells:",
            "  a: {outcome: trust_damaged_any, by: [gender], where: \"wave == '2024'\"}",
            "  b: {outcome: trust_damaged_any, by: [gender], where: \"country == 'US'\"}",
        ]
        plan.write_text("\n".join(lines))
        file = STAND_IN / "trust_polling_synthetic.parquet"
        with pytest.raises(tl.DisclosureError, match="overlap"):
            make_cells(load_cell_plan(plan), file)
        plan.write_text("\n".join(lines).replace("country == 'US'", "wave == '2022'"))
        assert set(make_cells(load_cell_plan(plan), file)) == {"a", "b"}


def test_the_version_is_that_of_the_distribution():
    assert command("--version") == f"trustgap {metadata.version('trustgap')}\n"


def test_what_the_commands_need_is_what_the_extra_brings():
    """The names that `trustlib` looks for before it imports anything."""
    known = metadata.packages_distributions()
    brought = {canonicalize_name(name) for module in BOOK for name in known[module]}
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = extra["optional-dependencies"]["book"]
    assert brought == {canonicalize_name(Requirement(line).name) for line in wanted}


WITHOUT = """
import importlib.util as util, sys
find = util.find_spec
util.find_spec = lambda name: None if name in ("typer", "bs4") else find(name)
sys.argv = ["trustlib", "validate"]
from trustbook.start import main
main()
"""


def test_without_the_extra_a_command_says_in_one_line_what_to_install():
    words = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "(typer, bs4 cannot be imported)" in line
    assert 'pip install "trustgap[book] @ file://' in line


def test_pages_with_faults_are_all_named(tmp_path):
    (tmp_path / "index.html").write_text(
        "<main><p class='from-synthetic'>12 %</p><img src='x.png'></main>"
    )
    output = command("check-pages", tmp_path, code=1)
    assert "not called synthetic" in output
    assert "alt text" in output
    (tmp_path / "index.html").write_text(
        "<main><p class='from-synthetic'>Synthetic: 12 %</p></main>"
    )
    assert "1 pages were read" in command("check-pages", tmp_path)


def test_a_respondent_in_what_is_published_is_found_and_not_repeated(tmp_path):
    survey, site = tmp_path / "people.csv", tmp_path / "site" / "deep"
    site.mkdir(parents=True)
    survey.write_text(
        "id,weight,town\n"
        + "".join(f"9000000{i:02},12.3456{i:02},North-{i}\n" for i in range(30))
    )
    (site / "page.html").write_text("<p>30 people, on average 12.3 of weight</p>")
    assert "Nothing of a respondent" in command("check-rows", survey, tmp_path / "site")
    (site / "table.csv").write_text("12.345607,0.5\n")
    told = command("check-rows", survey, tmp_path / "site", code=1)
    assert "deep/table.csv" in told
    assert "12.345607" not in told
    command(
        "check-rows", survey, tmp_path / "sight", code=2
    )  # a misspelt folder is not an empty one


def test_sealed_cells_become_a_file_for_the_explorer(tmp_path):
    cells = STAND_IN / "cells" / "provider-2024-ethnicity-disability.parquet"
    told = command("cells-json", cells, "--out", tmp_path / "own.json")
    assert told.strip() == "written: own.json (4 cells)"
    assert json.loads((tmp_path / "own.json").read_text())["by"] == [
        "ethnicity",
        "disability",
    ]
    command("cells-json", tmp_path / "own.json", code=1)  # no file of sealed cells


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["before the first run", "while the runs start", "while they run"]
)
def test_ctrl_c_ends_in_one_line(tmp_path, moment):
    """The terminal sends it to every process of the command, also to those that are only starting."""
    subprocess.run(
        [
            sys.executable,
            ROOT / "book" / "partner" / "practice.py",
            tmp_path / "people.sav",
        ],
        check=True,
    )
    (tmp_path / "m.yml").write_text(
        "source: {kind: synthetic, label: made up}\nvariables:\n  q: {column: Q1, values: {Yes: 1, No: 0}}\n"
        "  gender: {column: SEX, values: {Male: m, Female: w}, missing: {Non-binary: few}}\n"
    )
    words = [
        "reproduce",
        tmp_path / "people.sav",
        "--mapping",
        tmp_path / "m.yml",
        "--out",
        tmp_path / "private",
    ]
    given = {
        "cwd": ROOT,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    given["preexec_fn"] = lambda: signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # where the tests run in the background
    started = subprocess.Popen(
        [sys.executable, "-m", "trustbook.cli", *words], start_new_session=True, **given
    )
    until = "PRIVATE.txt" if moment == "before the first run" else "notebooks/runs.yml"
    while not (tmp_path / ".private.new" / until).exists():
        assert started.poll() is None
        time.sleep(0.05)
    time.sleep(
        {"before the first run": 0, "while the runs start": 0.6, "while they run": 5}[
            moment
        ]
    )
    os.killpg(started.pid, signal.SIGINT)
    told, _ = started.communicate(timeout=120)
    assert told == "Stopped. Run it again: finished runs are kept.\n"
    assert started.returncode == 130
