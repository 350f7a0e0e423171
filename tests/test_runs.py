"""Runs: faults are told before anything runs, results are whole or absent, and the same each time."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

import trustlib as tl
from trustbook.runs import (
    Run,
    choose,
    is_fresh,
    load_plan,
    provenance,
    run_all,
    stale_because,
    write_status,
)
from trustlib.writing import recover

ROOT = Path(__file__).parents[1]
CELLS = ROOT / "data" / "hints6" / "cells" / "mistrust-gender-ethnicity.parquet"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A plan with one template that publishes a table and a picture."""
    templates = tmp_path / "templates"
    templates.mkdir()
    shutil.copy(CELLS, tmp_path / "cells.parquet")
    write_template(
        tmp_path,
        "small",
        [
            new_markdown_cell("# @{title}\n\nCost: $5."),
            new_code_cell(
                'title = "A title"\ncells = "../cells.parquet"\nby = ["gender"]\nfail = False\nwait = 0',
                metadata={"tags": ["parameters"]},
            ),
            new_code_cell(
                "import time\n\nimport trustlib as tl\n\ntime.sleep(wait)\nassert not fail, 'as asked'"
            ),
            new_code_cell(
                'levels = tl.cell_means(tl.Cells.read(cells), by=by)\ntl.publish(levels, "levels")\ntl.table(levels)'
            ),
            new_code_cell("tl.forest(levels)"),
        ],
    )
    return tmp_path


def write_template(project: Path, name: str, cells: list) -> None:
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, project / "templates" / f"{name}.ipynb")


def plan(project: Path, *runs: dict) -> Path:
    path = project / "runs.yml"
    path.write_text(json.dumps({"runs": list(runs)}))
    return path


def entry(name: str = "one", **changes) -> dict:
    parameters = {
        "title": "My page",
        "cells": "../cells.parquet",
        "by": ["gender"],
        "fail": False,
        "wait": 0,
    }
    return {"id": name, "template": "small", "parameters": {**parameters, **changes}}


def execute(run: Run, out: Path) -> None:
    assert run_all([run], out, force=True) == {}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but the provenance, which holds seconds and the engine."""
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
        "run 6: template is missing",
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
    injected = [
        c for c in page.cells if "injected-parameters" in c.metadata.get("tags", [])
    ]
    assert len(injected) == 1
    assert "remove-cell" in injected[0].metadata["tags"]
    assert "papermill" not in page.metadata
    picture = next(c for c in page.cells if c.source == "tl.forest(levels)")
    assert "Lowest" in picture.metadata["mystnb"]["image"]["alt"]
    assert "levels.csv" in page.cells[-1].source
    facts = provenance("one", out)
    assert facts["parameters"]["title"] == "My page"
    assert facts["seconds"] > 0
    assert (
        (out / "one" / facts["figures"][0]["file"]).read_bytes().startswith(b"\x89PNG")
    )
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
        assert (
            run_all(
                load_plan(path), out, report=lambda name, state: states.append(state)
            )
            == {}
        )
        return list(states)

    assert go(plan(project, entry())) == ["done"]
    assert go(plan(project, entry())) == ["fresh"]
    assert go(plan(project, entry(title="Another"))) == ["done"]
    template = project / "templates" / "small.ipynb"
    template.write_text(template.read_text().replace("Cost: $5", "Cost: $6"))
    assert go(plan(project, entry(title="Another"))) == ["done"]
    (out / "one" / "tables" / "levels.csv").unlink()
    assert go(plan(project, entry(title="Another"))) == ["done"]


def test_the_reason_for_executing_a_run_names_what_changed(project):
    out = project / "out"
    (project / "requirements.lock").write_text("numpy==2.0\n")
    mapping = {
        "source": {"id": "x", "kind": "real", "label": "X"},
        "codebook": "codebook.yml",
    }
    (project / "mapping.yml").write_text(json.dumps(mapping))
    (project / "codebook.yml").write_text("variables: {}\n")
    (run,) = load_plan(plan(project, entry(title="../mapping.yml")))
    assert stale_because(run, out) == "no result yet"
    execute(run, out)
    assert stale_because(run, out) == ""
    for file in ("requirements.lock", "mapping.yml", "codebook.yml", "cells.parquet"):
        before = (project / file).read_bytes()
        (project / file).write_bytes(before + b" ")
        assert stale_because(run, out) == f"changed: {file}"
        (project / file).write_bytes(before)
        assert stale_because(run, out) == ""
    changed = Run("one", run.template, {**run.parameters, "title": "Other"})
    assert "parameters" in stale_because(changed, out)
    facts = json.loads((out / "one" / "provenance.json").read_text())
    facts["made_from"]["library"] = "of an older day"
    (out / "one" / "provenance.json").write_text(json.dumps(facts))
    assert stale_because(run, out) == "changed: library"
    (out / "one" / "provenance.json").write_text("{")
    assert stale_because(run, out) == "no result yet"


def test_provenance_says_where_everything_came_from(project):
    (project / "requirements.lock").write_text("numpy==2.0\n")
    (project / "data").mkdir()
    known = {
        "path": "cells.parquet",
        "where": "committed",
        "what": "cells",
        "source": "us",
        "terms": "CC BY 4.0",
    }
    (project / "data" / "manifest.yml").write_text(
        json.dumps({"files": [known, {**known, "path": "other.parquet"}]})
    )
    (run,) = load_plan(plan(project, entry()))
    out = project / "out"
    execute(run, out)
    facts = provenance("one", out)
    assert facts["manifest"] == [known]
    assert facts["kinds"] == ["real"]
    assert facts["lock_sha256"] == hashlib.sha256(b"numpy==2.0\n").hexdigest()
    assert facts["made_from"]["library"] == facts["code_sha256"]
    shown = json.loads((out / "one" / "tables" / "levels.json").read_text())[
        "convention"
    ]
    assert facts["conventions"] == {"levels": shown}
    assert "seed" not in facts
    assert set(facts["files"]) == set(contents(out / "one"))
    for name, digest in facts["files"].items():
        assert hashlib.sha256((out / "one" / name).read_bytes()).hexdigest() == digest
    page = nbformat.read(out / "one" / "one.ipynb", as_version=4).cells[-1].source
    assert "CC BY 4.0" in page
    assert shown in page


def test_the_seed_is_part_of_the_provenance(project):
    cells = [
        new_code_cell("seed = 1", metadata={"tags": ["parameters"]}),
        new_code_cell('print(f"The seed is {seed}.")'),
    ]
    write_template(project, "seeded", cells)
    (run,) = load_plan(
        plan(project, {"id": "s", "template": "seeded", "parameters": {"seed": 7}})
    )
    execute(run, project / "out")
    assert provenance("s", project / "out")["seed"] == 7


def test_runs_are_chosen_by_pattern_and_by_source(project):
    runs = load_plan(plan(project, entry("a-one"), entry("a-two"), entry("b")))
    assert [r.id for r in choose(runs, ["a-*"])] == ["a-one", "a-two"]
    assert [r.id for r in choose(runs, ["b", "a-two"])] == ["a-two", "b"]
    assert len(choose(runs, source="hints6")) == len(choose(runs, source="real")) == 3
    with pytest.raises(tl.UnknownNameError, match="real"):
        choose(runs, source="synthetic")
    with pytest.raises(tl.UnknownNameError, match="run 'c-"):
        choose(runs, ["c-*"])


def test_a_grid_makes_one_run_of_each_combination(project):
    names = ["country", "pair", "formula", "where", "nested", "n"]
    first = new_code_cell(
        "\n".join(f"{name} = None" for name in names), metadata={"tags": ["parameters"]}
    )
    write_template(project, "many", [new_markdown_cell("# @{country}: @{pair}"), first])
    made = load_plan(
        plan(
            project,
            {
                "id": "x-@{country}-@{pair_dash}",
                "template": "many",
                "page": False,
                "grid": {
                    "place": [{"country": "BR", "of": 3}, {"country": "FR", "of": 4}],
                    "pair": [["a", "b"], ["c"]],
                },
                "parameters": {
                    "country": "@{country}",
                    "pair": "@{pair}",
                    "formula": "@{pair_times} + @{pair_1}",
                    "where": "country == '@{country}'",
                    "nested": {"@{pair_1}": ["@{pair_and}", 1]},
                    "n": "@{of}",
                },
            },
        )
    )
    assert [r.id for r in made] == ["x-BR-a-b", "x-BR-c", "x-FR-a-b", "x-FR-c"]
    assert made[2].parameters == {
        "country": "FR", "pair": ["a", "b"], "formula": "a * b + a", "where": "country == 'FR'",
        "nested": {"a": ["a and b", 1]}, "n": 4,
    }  # fmt: skip
    assert not any(r.page for r in made)
    execute(made[2], project / "out")
    assert "`x-FR-a-b`" in write_status(made[2:3], project / "out").read_text()
    assert "{doc}" not in write_status(made[2:3], project / "out").read_text()


def test_faults_of_a_grid_are_told_with_all_others(project):
    grid = {"by": [["gender"], ["ethnicity"]]}
    path = plan(
        project,
        {**entry("same", by="@{by}"), "grid": grid},
        {**entry("unknown-@{by_1}", title="@{country}"), "grid": grid},
        {**entry("empty"), "grid": {"by": []}},
        {**entry("of @{by}", by="@{by}"), "grid": {"by": [["a", "b"]]}},
        {**entry("absent-@{by_1}", cells="../@{by_1}.parquet"), "grid": grid},
        {**entry("flat"), "grid": {"by": "gender"}},
    )
    with pytest.raises(tl.RunError) as caught:
        load_plan(path)
    message = str(caught.value)
    for part in ("same: two runs", "unknown-@{by_1}: a text of it uses 'country'", "empty: by of its grid has no values",
                 "of a, b: an id has letters", "ethnicity.parquet", "run 6"):  # fmt: skip
        assert part in message, message


def test_two_runners_do_not_work_in_one_folder(project):
    (run,) = load_plan(plan(project, entry()))
    out = project / "out"
    refused = []

    def report(name, state):
        with pytest.raises(tl.RunError, match="Another") as caught:
            run_all([run], out)
        refused.append(caught.value)

    assert run_all([run], out, report=report) == {}
    assert len(refused) == 1
    assert run_all([run], out) == {}


def test_a_process_that_dies_is_reported_and_others_go_on(project):
    cells = [new_code_cell("die = False", metadata={"tags": ["parameters"]}),
             new_code_cell("import os\nif die:\n    os._exit(3)")]  # fmt: skip
    write_template(project, "deadly", cells)
    runs = load_plan(plan(project, {"id": "dies", "template": "deadly", "parameters": {"die": True}},
                          {"id": "lives", "template": "deadly", "parameters": {"die": False}}))  # fmt: skip
    failed = run_all(runs, project / "out", engine="fast")
    assert list(failed) == ["dies"]
    assert "ended half way" in failed["dies"]
    assert is_fresh(runs[1], project / "out")
    assert not list((project / "out").glob(".*"))


def test_a_failing_run_is_named_keeps_its_old_result_and_does_not_stop_others(project):
    out = project / "out"
    (good,) = load_plan(plan(project, entry("bad")))
    execute(good, out)
    before = contents(out / "bad")
    runs = load_plan(plan(project, entry("bad", fail=True), entry("other")))
    failed = run_all(runs, out)
    assert list(failed) == ["bad"]
    assert "begins 'import time'" in failed["bad"]
    assert "AssertionError" in failed["bad"]
    assert "as asked" not in failed["bad"]  # it may quote an answer
    assert contents(out / "bad") == before
    assert is_fresh(runs[1], out)
    assert not is_fresh(runs[0], out)


def test_the_command_line_ends_with_status_1_and_no_traceback(project):
    from trustbook.cli import app

    path = plan(project, entry("bad", fail=True))
    result = CliRunner().invoke(
        app, ["run", "--plan", str(path), "--out", str(project / "out")]
    )
    assert result.exit_code == 1
    assert "1 failed" in result.output
    assert "AssertionError" in result.output
    assert "as asked" not in result.output
    assert "Traceback" not in result.output
    result = CliRunner().invoke(
        app, ["run", "--plan", str(plan(project, entry(titel=1)))]
    )
    assert result.exit_code == 1
    assert "Did you mean 'title'" in result.output.replace("\n", " ")
    result = CliRunner().invoke(
        app, ["run", "--plan", str(plan(project, entry())), "--only", "onne"]
    )
    assert result.exit_code == 1
    assert "Did you mean 'one'" in result.output.replace("\n", " ")


def test_a_text_with_an_unknown_placeholder_is_refused(project):
    template = project / "templates" / "small.ipynb"
    template.write_text(template.read_text().replace("@{title}", "@{tilte}"))
    (run,) = load_plan(plan(project, entry()))
    failed = run_all([run], project / "out")
    assert "tilte" in failed["one"]


TINY = (
    "import trustbook.engine as e; e.PRELOAD = ['trustbook.runs', 'trustbook.engine']"
)
RUNNER = f"{TINY}; import sys; from trustbook.runs import *; run_all(load_plan(sys.argv[1]), sys.argv[2], force=True)"


def tiny(project: Path, title: str, number: int = 4) -> Path:
    """A plan of notebooks that import nothing and write a table of many lines."""
    write = "open(os.environ['TRUSTLIB_RUN_FOLDER'] + '/lines.txt', 'w').writelines(f'{title} {i}\\n' for i in range(20000))"
    cells = [new_markdown_cell("# @{title}"), new_code_cell("title = ''", metadata={"tags": ["parameters"]}),
             new_code_cell(f"import os\n{write}"), new_code_cell("title")]  # fmt: skip
    if not (
        project / "templates" / "tiny.ipynb"
    ).exists():  # once: cells get random ids
        write_template(project, "tiny", cells)
    return plan(
        project,
        *(
            {"id": f"t{i}", "template": "tiny", "parameters": {"title": title}}
            for i in range(number)
        ),
    )


def whole(out: Path, ids: list[str]) -> dict[str, dict[str, bytes]]:
    """The result of each run, where it is or where `recover` will find it."""
    places = {i: out / i if (out / i).exists() else out / f".{i}.old" for i in ids}
    return {i: contents(place) for i, place in places.items()}


def start_forked(path: Path, out: Path):
    """A runner, forked from the process that also forks the runs."""
    runner = get_context("forkserver").Process(
        target=run_all, args=(load_plan(path), out, 2, True)
    )
    runner.start()
    return runner, runner.kill, runner.join


def start_program(path: Path, out: Path):
    """A runner as from a shell; it is killed together with its processes."""
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(path), str(out)], start_new_session=True
    )
    return runner, lambda: os.killpg(runner.pid, signal.SIGKILL), runner.wait


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.skipif(
    sys.platform != "linux",
    reason="the fast engine, which makes this quick, is for Linux",
)
def test_killed_at_random_instants_leaves_old_or_new_results_and_the_next_call_completes(
    project,
):
    out, ids = project / "out", [f"t{i}" for i in range(4)]
    results = {}
    for title in ("Old", "New"):  # the old and the new results, undisturbed
        assert run_all(load_plan(tiny(project, title)), project / title) == {}
        results[title] = whole(project / title, ids)
    assert run_all(load_plan(tiny(project, "Old")), out) == {}
    path = tiny(project, "New")
    lasting, unfinished, instants = {}, 0, random.Random(5)
    for attempt in range(20):
        start = start_program if attempt % 5 == 4 else start_forked
        if start not in lasting:
            begin = time.monotonic()
            start(path, project / start.__name__)[2]()
            lasting[start] = time.monotonic() - begin
        _, kill, wait = start(path, out)
        time.sleep(lasting[start] * instants.random())
        kill()
        wait()
        unfinished += any(out.glob(".*"))
        for name, files in whole(out, ids).items():
            assert files in (results["Old"][name], results["New"][name]), (
                f"half a result after kill {attempt}"
            )
    assert unfinished, "some kill hit a run in the middle"
    runs = load_plan(path)
    assert run_all(runs, out) == {}
    assert whole(out, ids) == results["New"]
    assert sorted(p.name for p in out.iterdir()) == ids
    facts = [
        {i: {**provenance(i, place), "seconds": 0} for i in ids}
        for place in (out, project / "New")
    ]
    assert facts[0] == facts[1]
    assert all(is_fresh(run, out) for run in runs)


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is for POSIX systems")
def test_the_processes_of_a_killed_runner_end_too(project):
    cells = [new_code_cell("wait = 60", metadata={"tags": ["parameters"]}),
             new_code_cell("import os, pathlib, time\npathlib.Path(os.environ['TRUSTLIB_RUN_FOLDER'], 'pid')"
                           ".write_text(str(os.getpid()))\ntime.sleep(wait)")]  # fmt: skip
    write_template(project, "long", cells)
    path = plan(project, {"id": "long", "template": "long", "parameters": {"wait": 60}})
    running = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(path), str(project / "out")],
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while (
        not (told := list(project.glob("out/.long.*.new/pid")))
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    time.sleep(0.2)
    worker = int(told[0].read_text())
    running.kill()
    running.wait()
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_recover_brings_back_a_result_that_was_being_replaced(tmp_path):
    (tmp_path / ".a.old").mkdir()
    (tmp_path / ".a.old" / "kept").write_text("yes")
    (tmp_path / ".a.new").mkdir()
    (tmp_path / ".b.old").mkdir()
    (tmp_path / "b").mkdir()
    recover(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a" / "kept").read_text() == "yes"


def test_a_dry_run_says_why_and_does_nothing(project):
    from trustbook.cli import app

    path, out = plan(project, entry("one"), entry("two")), project / "out"
    execute(load_plan(path)[0], out)
    before = contents(out)
    told = (
        CliRunner()
        .invoke(app, ["run", "--plan", str(path), "--out", str(out), "--dry-run"])
        .output
    )
    assert told.splitlines() == [
        "one: unchanged",
        "two: no result yet",
        "1 of 2 would be executed.",
    ]
    told = (
        CliRunner()
        .invoke(
            app, ["run", "--plan", str(path), "--out", str(out), "--dry-run", "--force"]
        )
        .output
    )
    assert "one: forced" in told
    assert contents(out) == before


@pytest.mark.proof
class TestCluster:
    @pytest.fixture
    def distributed(self):
        return pytest.importorskip(
            "distributed", reason="needs the package distributed (trustgap[dask])"
        )

    def test_runs_of_a_killed_worker_are_done_by_the_other(self, project, distributed):
        runs = load_plan(tiny(project, "Both", 6))
        done, out = [], project / "out"
        options = {
            "n_workers": 2,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": None,
        }
        with distributed.LocalCluster(**options) as cluster:
            victim = next(iter(cluster.workers.values()))

            def report(name, state):
                done.append((name, state))
                if len(done) == 2:
                    os.kill(victim.pid, signal.SIGKILL)

            assert (
                run_all(runs, out, report=report, scheduler=cluster.scheduler_address)
                == {}
            )
        assert sorted(done) == [(f"t{i}", "done") for i in range(6)]
        assert run_all(runs, project / "here") == {}
        assert contents(out) == contents(project / "here")
        assert all(is_fresh(run, out) for run in runs)

    def test_a_failing_run_is_reported_and_others_go_on(self, project, distributed):
        runs = load_plan(plan(project, entry("bad", fail=True), entry("good")))
        options = {
            "n_workers": 1,
            "threads_per_worker": 1,
            "processes": True,
            "dashboard_address": None,
        }
        with distributed.LocalCluster(**options) as cluster:
            failed = run_all(runs, project / "out", scheduler=cluster.scheduler_address)
        assert list(failed) == ["bad"]
        assert "AssertionError" in failed["bad"]
        assert is_fresh(runs[1], project / "out")

    def test_a_scheduler_that_does_not_answer_is_named(
        self, project, distributed, monkeypatch
    ):
        monkeypatch.setattr("trustbook.engine.PATIENCE", 1)
        with pytest.raises(tl.RunError, match=r"tcp://127\.0\.0\.1:9"):
            run_all(
                load_plan(plan(project, entry())),
                project / "out",
                scheduler="tcp://127.0.0.1:9",
            )

    def test_without_the_package_the_hint_says_what_to_install(
        self, project, monkeypatch
    ):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(tl.RunError, match=r"trustgap\[dask\]"):
            run_all(
                load_plan(plan(project, entry())),
                project / "out",
                scheduler="tcp://127.0.0.1:9",
            )
