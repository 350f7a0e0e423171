"""One executed notebook of each template is committed; nbval executes it again and compares every output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustbook.runs import choose, load_plan, run_all

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "tests" / "notebooks").glob("*.ipynb"))


def nbval(notebook: Path, folder: Path) -> subprocess.CompletedProcess:
    """Run nbval, strict, where the notebook lies; tables that it publishes go to `folder`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-c", os.devnull,
               "--rootdir", str(notebook.parent), "--nbval", "--nbval-current-env", str(notebook)]  # fmt: skip
    environment = {**os.environ, "TRUSTLIB_RUN_FOLDER": str(folder)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=notebook.parent
    )


@pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
def test_answers_side_by_side_have_the_numbers_of_each_alone(tmp_path):
    """The template on several answers has a row for each person and answer; each answer by itself has one per person."""
    (run,) = choose(
        load_plan(ROOT / "notebooks" / "runs.yml"),
        ["synthetic-2024-reasons-disability"],
    )
    assert run_all([run], tmp_path) == {}
    path = ROOT / "data" / "synthetic"
    people = tl.read_survey(
        path / "trust_polling_synthetic.parquet", path / "mapping.yml"
    )
    for table, whole in (("levels", False), ("levels_of_everyone", True)):
        together = pd.read_csv(tmp_path / run.id / "tables" / f"{table}.csv")
        for item, words in run.parameters["items"].items():
            answer = (
                people[item].mask(people["trust_damaged_any"] == 0, 0)
                if whole
                else people[item]
            )
            told = people.assign(alone=answer)
            design = tl.SurveyDesign(
                told,
                **tl.declared_design(path / "mapping.yml"),
                source=people.attrs["source"],
            )
            alone = tl.cell_means(
                tl.compress(
                    design.domain(run.parameters["where"]), "alone", ["disability"]
                )
            ).frame
            columns = ["estimate", "std_error", "df", "n"]
            np.testing.assert_allclose(
                together.loc[together["answer"] == words, columns],
                alone[columns],
                rtol=1e-12,
            )


def test_every_template_has_a_reference_notebook():
    runs = {p.stem for p in NOTEBOOKS}
    plan = [run for run in load_plan(ROOT / "notebooks" / "runs.yml") if run.page]
    assert runs <= {run.id for run in plan}, (
        "a reference notebook is that of a page of the plan"
    )
    covered = {run.template.stem for run in plan if run.id in runs}
    assert covered == {
        p.stem for p in (ROOT / "notebooks" / "templates").glob("*.ipynb")
    }


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_outputs_are_those_committed(path, tmp_path):
    result = nbval(path, tmp_path)
    assert result.returncode == 0, result.stdout[-4000:]
    cells = [
        c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"
    ]
    assert f"{len(cells)} passed" in result.stdout


def test_a_changed_number_is_noticed(tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = output.data["text/html"].replace(".", ",", 1)
                break
    changed = ROOT / "tests" / "notebooks" / f"changed-{os.getpid()}.ipynb"
    try:
        nbformat.write(notebook, changed)
        assert nbval(changed, tmp_path).returncode == 1
    finally:
        changed.unlink()
