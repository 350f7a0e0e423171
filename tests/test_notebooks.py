"""One executed notebook of each template is committed; nbval executes it again and compares every output."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from nbval_session import executed
from trustbook.runs import choose, load_plan, run_all

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "tests" / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """What nbval says of each cell of the reference notebooks."""
    return executed(NOTEBOOKS, tmp_path_factory.mktemp("run"), strict=True)


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
def test_the_outputs_are_those_committed(path, cells):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[path.stem] == [""] * len(code)


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
        assert any(executed([changed], tmp_path, strict=True)[changed.stem])
    finally:
        changed.unlink()
