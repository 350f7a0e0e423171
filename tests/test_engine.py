"""The fast engine leaves the same bytes as a kernel, and nothing of one notebook reaches the next."""

from __future__ import annotations

import itertools
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from trustbook.engine import execute_notebook, own_process
from trustbook.runs import Run, load_plan, run_all

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "notebooks" / "templates").glob("*.ipynb"))
ENGINES = ("fast", "kernel")


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a result but the provenance, which holds seconds and the engine."""
    found = (
        p for p in folder.rglob("*") if p.is_file() and p.name != "provenance.json"
    )
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> dict[str, tuple[dict[str, bytes], dict[str, bytes]]]:
    """The files that both engines leave of one run of each template."""
    runs = {
        run.template.stem: run
        for run in reversed(load_plan(ROOT / "notebooks" / "runs.yml"))
    }
    folders = [tmp_path_factory.mktemp(engine) for engine in ENGINES]
    for engine, folder in zip(ENGINES, folders, strict=True):
        assert run_all(list(runs.values()), folder, engine=engine) == {}
    return {
        name: tuple(files(folder / run.id) for folder in folders)
        for name, run in runs.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("template", [path.stem for path in TEMPLATES])
def test_both_engines_leave_the_same_bytes(executed, template):
    fast, kernel = executed[template]
    assert any(name.endswith(".ipynb") for name in fast)
    assert sorted(fast) == sorted(kernel)
    assert [name for name in fast if fast[name] != kernel[name]] == []


CELLS = {
    "streams": "import sys\nfor i in range(3):\n    print(i, flush=True)\n    print('to', i, file=sys.stderr, flush=True)",
    "slow stream": "import time\nprint('a', flush=True)\ntime.sleep(0.5)\nprint('b')",
    "warning": "import warnings\nwarnings.warn('careful')",
    "frame": "import pandas as pd\npd.DataFrame({'a': [1.5, None]})",
    "several": "from IPython.display import HTML, Markdown, display\ndisplay(HTML('<b>x</b>'), Markdown('*y*'))\nprint('z')\n3",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    "seaborn": "import seaborn as sns\nsns.set_theme()\nsns.histplot([1, 2, 2, 3])",
    "png": "fig, ax = plt.subplots()\nplt.close(fig)\ndisplay(fig, metadata={'image/png': {'alt': 'a text'}})",
    "address": "class A: pass\nA()",
    "updated": "shown = display('before', display_id='one')\nshown.update('after')",
    "cleared": "from IPython.display import clear_output\nprint('gone')\nclear_output(wait=True)\nprint('stays')",
    "magic": "%%capture kept\nprint('kept')",
    "shell": "!echo from a shell",
    "input": "In[1][:6], Out is not None, __name__",
    "history": "_",
    "nothing": "",
    "unicode": "print('ä → 日本')",
    "array": "import numpy as np\nnp.arange(3) / 3",
}


def notebook(path: Path, cells: list) -> Path:
    made = new_notebook(
        cells=[new_code_cell("n = 0", metadata={"tags": ["parameters"]}), *cells]
    )
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(made, path)
    return path


def execute(path: Path, engine: str, done: Path) -> None:
    """Execute a notebook as a run does, but for the gate: it would refuse some of these outputs."""
    made = nbformat.read(path, as_version=4)
    nbformat.write(execute_notebook(made, {"n": 1}, path.parent, engine), done)


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> list[list]:
    """The cells of a notebook with many kinds of output, executed by both engines."""
    folder = tmp_path_factory.mktemp("odd")
    cells = [new_code_cell(source) for source in CELLS.values()]
    cells += [new_code_cell("left = 1", metadata={"tags": ["skip-execution"]}),
              new_code_cell("'left' in globals()"), new_markdown_cell("# The end")]  # fmt: skip
    path = notebook(folder / "odd.ipynb", cells)
    done = [folder / f"{engine}.ipynb" for engine in ENGINES]
    for engine, result in zip(ENGINES, done, strict=True):
        own_process(execute, path, engine, result)
    read = [nbformat.read(path, as_version=4).cells for path in done]
    for cell in itertools.chain(*read):  # as a page has them
        cell["id"] = ""
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
    return read


@pytest.mark.parametrize("number", range(len(CELLS) + 5))
def test_cells_of_many_kinds_have_the_same_outputs(odd, number):
    fast, kernel = (cells[number] for cells in odd)
    assert fast == kernel


def test_outputs_are_there_and_steady(odd):
    cells = {cell.source: cell for cell in odd[0]}
    outputs = {name: cells[source].outputs for name, source in CELLS.items()}
    assert [o.text for o in outputs["streams"]] == ["0\n1\n2\n", "to 0\nto 1\nto 2\n"]
    assert [o.text for o in outputs["slow stream"]] == ["a\nb\n"]
    assert "cell:2: UserWarning: careful" in outputs["warning"][0].text
    assert outputs["figure"][0].data["image/png"]
    assert outputs["address"][0].data["text/plain"] == "<__main__.A>"
    assert outputs["updated"][0].data["text/plain"] == "'after'"
    assert outputs["cleared"][0].text == "stays\n"
    assert outputs["shell"][0].text.strip() == "from a shell"
    assert cells["left = 1"].execution_count is None
    assert cells["'left' in globals()"].outputs[0].data["text/plain"] == "False"


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_of_a_notebook_reaches_the_next(tmp_path, engine):
    leave = "import builtins, matplotlib, os\nbuiltins.left = 1\nmatplotlib.rcParams['font.size'] = 99\nos.environ['LEFT'] = '1'"
    look = "import builtins, matplotlib, os\nhasattr(builtins, 'left'), matplotlib.rcParams['font.size'], 'LEFT' in os.environ"
    runs = [
        Run(
            name,
            notebook(tmp_path / f"{name}.ipynb", [new_code_cell(source)]),
            {"n": 1},
        )
        for name, source in (("leave", leave), ("look", look))
    ]
    assert run_all(runs, tmp_path / "out", jobs=1, engine=engine) == {}
    last = nbformat.read(tmp_path / "out" / "look" / "look.ipynb", as_version=4).cells[
        2
    ]
    assert last.outputs[0].data["text/plain"] == "(False, 10.0, False)"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failing_cell_is_named_with_its_kind_of_error(tmp_path, engine):
    """Its message may quote an answer, so it is not repeated."""
    cells = [
        new_code_cell("wanted = 1\nraise ValueError('no good')"),
        new_code_cell("print('never')"),
    ]
    failed = run_all(
        [Run("bad", notebook(tmp_path / "bad.ipynb", cells), {"n": 1})],
        tmp_path / "out",
        engine=engine,
    )
    assert "begins 'wanted = 1': ValueError" in failed["bad"]
    assert "no good" not in failed["bad"]
    assert not (tmp_path / "out" / "bad").exists()


def test_what_the_fast_engine_cannot_do_is_said(tmp_path):
    run = Run(
        "waits",
        notebook(
            tmp_path / "waits.ipynb",
            [new_code_cell("import asyncio\nawait asyncio.sleep(0)")],
        ),
        {"n": 1},
    )
    failed = run_all([run], tmp_path / "out", engine="fast")
    assert "await" in failed["waits"]
    assert "--engine kernel" in failed["waits"]
    assert run_all([run], tmp_path / "out", engine="kernel") == {}
