"""Runs: faults are told before anything runs, results are whole or absent, and the same each time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

import trustlib as tl
from trustbook.runs import Run, execute, is_fresh, load_plan, provenance, recover, run_all, write_status

ROOT = Path(__file__).parents[1]
CELLS = ROOT / "data" / "hints6" / "cells" / "mistrust-gender-ethnicity.parquet"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A plan with one template that publishes a table and a picture."""
    templates = tmp_path / "templates"
    templates.mkdir()
    shutil.copy(CELLS, tmp_path / "cells.parquet")
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# @{title}\n\nCost: $5."),
            new_code_cell(
                'title = "A title"\ncells = "../cells.parquet"\nby = ["gender"]\nfail = False\nwait = 0',
                metadata={"tags": ["parameters"]},
            ),
            new_code_cell("import time\n\nimport trustlib as tl\n\ntime.sleep(wait)\nassert not fail, 'as asked'"),
            new_code_cell(
                'levels = tl.cell_means(tl.Cells.read(cells), by=by)\ntl.publish(levels, "levels")\ntl.table(levels)'
            ),
            new_code_cell("tl.forest(levels)"),
        ]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, templates / "small.ipynb")
    return tmp_path


def plan(project: Path, *runs: dict) -> Path:
    path = project / "runs.yml"
    path.write_text(json.dumps({"runs": list(runs)}))
    return path


def entry(name: str = "one", **changes) -> dict:
    parameters = {"title": "My page", "cells": "../cells.parquet", "by": ["gender"], "fail": False, "wait": 0}
    return {"id": name, "template": "small", "parameters": {**parameters, **changes}}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but the provenance, which holds seconds."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "provenance.json"
    }


def test_all_faults_of_a_plan_are_told_at_once_and_nothing_runs(project):
    misspelt = entry("misspelt", titel="x")
    missing = entry("missing")
    del missing["parameters"]["by"]
    path = plan(
        project, misspelt, missing, entry("absent", cells="../none.parquet"), entry("absent"),
        {"id": "no", "template": "nothing", "parameters": {}}, {"id": "half"},
    )  # fmt: skip
    with pytest.raises(tl.RunError) as caught:
        load_plan(path)
    message = str(caught.value)
    for part in (
        "'titel'",
        "Did you mean 'title'",
        "'by' is missing",
        "none.parquet",
        "two runs",
        "nothing.ipynb",
        "half",
    ):
        assert part in message
    assert len(message.splitlines()) <= 25
    assert isinstance(caught.value, RuntimeError)


def test_a_template_that_is_no_notebook_is_named(project):
    (project / "templates" / "small.ipynb").write_text('{"cells": [')
    with pytest.raises(tl.RunError, match=r"one: small\.ipynb is not a notebook"):
        load_plan(plan(project, entry()))


def test_a_run_leaves_a_page_tables_pictures_and_provenance(project):
    (run,) = load_plan(plan(project, entry()))
    out = project / "out"
    execute(run, out)
    page = nbformat.read(out / "one" / "one.ipynb", as_version=4)
    assert page.cells[0].source == "# My page\n\nCost: $5."
    injected = [c for c in page.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert len(injected) == 1
    assert "remove-cell" in injected[0].metadata["tags"]
    assert "papermill" not in page.metadata
    picture = next(c for c in page.cells if c.source == "tl.forest(levels)")
    assert "Lowest" in picture.metadata["mystnb"]["image"]["alt"]
    assert "levels.csv" in page.cells[-1].source
    facts = provenance("one", out)
    assert facts["parameters"]["title"] == "My page"
    assert facts["seconds"] > 0
    assert (out / "one" / facts["figures"][0]["file"]).read_bytes().startswith(b"\x89PNG")
    assert (out / "one" / "tables" / "levels.csv").is_file()
    status = write_status([run], out).read_text()
    assert "| small.ipynb |" in status
    assert "cells.parquet" in status
    assert not list(out.glob(".*")), "no unfinished folder is left"


def test_two_executions_give_the_same_bytes(project):
    (run,) = load_plan(plan(project, entry()))
    execute(run, project / "a")
    execute(run, project / "b")
    assert contents(project / "a" / "one") == contents(project / "b" / "one")


def test_unchanged_runs_are_not_executed_and_changed_ones_are(project):
    out = project / "out"
    states: list[str] = []

    def go(path):
        states.clear()
        assert run_all(load_plan(path), out, report=lambda name, state: states.append(state)) == {}
        return list(states)

    assert go(plan(project, entry())) == ["done"]
    assert go(plan(project, entry())) == ["fresh"]
    assert go(plan(project, entry(title="Another"))) == ["done"]
    template = project / "templates" / "small.ipynb"
    template.write_text(template.read_text().replace("Cost: $5", "Cost: $6"))
    assert go(plan(project, entry(title="Another"))) == ["done"]


def test_a_failing_run_is_named_keeps_its_old_result_and_does_not_stop_others(project):
    out = project / "out"
    (good,) = load_plan(plan(project, entry("bad")))
    execute(good, out)
    before = contents(out / "bad")
    runs = load_plan(plan(project, entry("bad", fail=True), entry("other")))
    failed = run_all(runs, out)
    assert list(failed) == ["bad"]
    assert "begins 'import time'" in failed["bad"]
    assert "as asked" in failed["bad"]
    assert contents(out / "bad") == before
    assert is_fresh(runs[1], out)
    assert not is_fresh(runs[0], out)


def test_the_command_line_ends_with_status_1_and_no_traceback(project):
    from trustbook.cli import app

    path = plan(project, entry("bad", fail=True))
    result = CliRunner().invoke(app, ["run", "--plan", str(path), "--out", str(project / "out")])
    assert result.exit_code == 1
    assert "1 failed" in result.output
    assert "as asked" in result.output
    assert "Traceback" not in result.output
    result = CliRunner().invoke(app, ["run", "--plan", str(plan(project, entry(titel=1)))])
    assert result.exit_code == 1
    assert "Did you mean 'title'" in result.output.replace("\n", " ")
    result = CliRunner().invoke(app, ["run", "--plan", str(plan(project, entry())), "--only", "onne"])
    assert result.exit_code == 1
    assert "Did you mean 'one'" in result.output.replace("\n", " ")


def test_a_text_with_an_unknown_placeholder_is_refused(project):
    template = project / "templates" / "small.ipynb"
    template.write_text(template.read_text().replace("@{title}", "@{tilte}"))
    (run,) = load_plan(plan(project, entry()))
    with pytest.raises(tl.RunError, match="tilte"):
        execute(run, project / "out")


@pytest.mark.skipif(os.name != "posix", reason="kill -9 of a process group is for POSIX systems")
def test_killed_half_way_leaves_the_old_result_or_none_and_the_next_call_completes(project):
    out = project / "out"
    (old,) = load_plan(plan(project, entry("one", title="Old")))
    execute(old, out)
    before = contents(out / "one")
    path = plan(project, entry("one", wait=30), entry("two", wait=30))
    command = [sys.executable, "-m", "trustbook.cli", "run", "--plan", str(path), "--out", str(out)]
    running = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(out.glob(".*.new"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert len(list(out.glob(".*.new"))) == 2, "it was killed in the middle of both runs"
    assert contents(out / "one") == before
    assert not (out / "two").exists()
    assert run_all(load_plan(plan(project, entry("one"), entry("two"))), out) == {}
    assert not list(out.glob(".*"))
    execute(load_plan(plan(project, entry("one")))[0], project / "undisturbed")
    assert contents(out / "one") == contents(project / "undisturbed" / "one")


def test_recover_brings_back_a_result_that_was_being_replaced(tmp_path):
    (tmp_path / ".a.old").mkdir()
    (tmp_path / ".a.old" / "kept").write_text("yes")
    (tmp_path / ".a.new").mkdir()
    (tmp_path / ".b.old").mkdir()
    (tmp_path / "b").mkdir()
    recover(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a" / "kept").read_text() == "yes"


def test_the_key_depends_on_data(project):
    run = Run("one", project / "templates" / "small.ipynb", {"cells": "../cells.parquet"})
    before = run.key()
    (project / "cells.parquet").write_bytes(b"other")
    assert run.key() != before
