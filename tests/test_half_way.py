"""A notebook that is left half way is a failed run, and no output makes a run hang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from trustbook.engine import cleaned
from trustbook.runs import Run, run_all

ROOT = Path(__file__).parents[1]
LAST = "print('the table')"


def notebook(path: Path, *sources: str) -> Run:
    first = new_code_cell("n = 0", metadata={"tags": ["parameters"]})
    cells = [first, *map(new_code_cell, sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return Run(path.stem, path, {"n": 1})


def failure(folder: Path, engine: str, *sources: str) -> str:
    """The message of a run that fails, and of which nothing is left."""
    run = notebook(folder / "one.ipynb", *sources)
    failed = run_all([run], folder / "out", engine=engine)
    assert list((folder / "out").iterdir()) == []
    return failed["one"]


LEAVES = {
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "sys.exit()": "import sys; sys.exit()",
    "SystemExit": "raise SystemExit",
    "exit": "exit()",
    "quit": "quit()",
    "ask_exit": "get_ipython().ask_exit()",
    "status 3": "import sys; sys.exit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "os._exit": "import os; os._exit(0)",
    "kill": "import os; os.kill(os.getpid(), 9)",
    "thread": "import os, threading; t = threading.Thread(target=os._exit, args=(0,)); t.start(); t.join()",
    "another program": "import os; os.execv('/bin/true', ['true'])",
    "input": "input('?')",
}


@pytest.mark.parametrize("way", LEAVES)
def test_a_notebook_that_is_left_half_way_is_a_failed_run(tmp_path, way):
    told = failure(tmp_path, "fast", LEAVES[way], LAST)
    assert repr(LEAVES[way].splitlines()[0])[:70] in told
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize("way", ["sys.exit(0)", "exit", "os._exit"])
def test_a_kernel_that_is_left_half_way_is_a_failed_run(tmp_path, way):
    told = failure(tmp_path, "kernel", LEAVES[way], LAST)
    assert repr(LEAVES[way].splitlines()[0]) in told


def test_the_last_cell_is_to_be_executed_to_its_end_too(tmp_path):
    told = failure(tmp_path, "fast", LAST, "exit()")
    assert "'exit()'" in told


def test_the_former_result_stays(tmp_path):
    out = tmp_path / "out"
    assert run_all([notebook(tmp_path / "one.ipynb", LAST)], out) == {}
    before = (out / "one" / "one.ipynb").read_bytes()
    failed = run_all([notebook(tmp_path / "one.ipynb", "exit()", LAST)], out)
    assert "half way" in failed["one"]
    assert (out / "one" / "one.ipynb").read_bytes() == before


OUTPUTS = {
    "one long line": "print('QUJD' * 500_000)",
    "long line of errors": "import sys; print('a/b' * 500_000, file=sys.stderr)",
    "long text": "'x' * 2_000_000",
    "long path": "print('/a' * 500_000 + 'ipykernel_1/22.py')",
    "many lines": "for i in range(50_000):\n    print('line', i)",
    "control characters": "print(bytes(range(256)).decode('latin-1') * 500)",
    "bytes at the system": "import os; n = os.write(1, bytes(range(256)) * 500)",
    "closed output": "import os; os.close(1)",
    "no input": "import sys; assert sys.stdin.read() == ''",
}


def test_outputs_of_any_size_and_kind_end(tmp_path):
    sources = list(OUTPUTS.values())
    run = notebook(tmp_path / "one.ipynb", *sources, LAST)
    assert run_all([run], tmp_path / "out", engine="fast") == {}
    page = nbformat.read(tmp_path / "out" / "one" / "one.ipynb", as_version=4)
    cells = {cell.source: cell for cell in page.cells}
    long = cells[OUTPUTS["one long line"]].outputs[0].text
    assert long == "QUJD" * 500_000 + "\n"
    assert cells[OUTPUTS["long path"]].outputs[0].text == "cell\n"
    lines = cells[OUTPUTS["many lines"]].outputs[0].text
    assert lines.endswith("line 49998\nline 49999\n")
    assert cells[LAST].outputs[0].text == "the table\n"


def test_a_process_that_a_cell_leaves_behind_does_not_hold_the_command(tmp_path):
    (tmp_path / "templates").mkdir()
    leaves = "import subprocess\nsubprocess.Popen(['sleep', '600'])"
    notebook(tmp_path / "templates" / "a.ipynb", leaves, LAST)
    plan = "runs:\n  - {id: one, template: a, parameters: {n: 2}}\n"
    (tmp_path / "runs.yml").write_text(plan)
    words = ["run", "--plan", tmp_path / "runs.yml", "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "trustbook.cli", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "1 executed" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("text", "steady"),
    [
        ("/a/x/ipykernel_12/345.py:2: Warning", "cell:2: Warning"),
        ("in 'C:/a b/ipykernel_1/2.py' and", "in 'C:/a cell' and"),
        ("ipykernel_1/2.pyipykernel_1/2.py", "cellcell"),
        ("a\tipykernel_1/2.py\nb", "a\tcell\nb"),
        ("<A at 0x7f0123456789>, no path", "<A>, no path"),
        ("", ""),
    ],
)
def test_what_differs_between_executions_is_cleaned(text, steady):
    assert cleaned(text) == steady
