"""One executed notebook of each template is committed; nbval executes it again and compares every output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "tests" / "notebooks").glob("*.ipynb"))


def nbval(notebook: Path, folder: Path) -> subprocess.CompletedProcess:
    """Run nbval, strict, where the notebook lies; tables that it publishes go to `folder`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-c", os.devnull,
               "--rootdir", str(notebook.parent), "--nbval", "--nbval-current-env", str(notebook)]  # fmt: skip
    environment = {**os.environ, "TRUSTLIB_RUN_FOLDER": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=notebook.parent)


def test_every_template_has_a_reference_notebook():
    runs = {p.stem for p in NOTEBOOKS}
    plan = __import__("yaml").safe_load((ROOT / "notebooks" / "runs.yml").read_text())["runs"]
    covered = {run["template"] for run in plan if run["id"] in runs}
    assert covered == {p.stem for p in (ROOT / "notebooks" / "templates").glob("*.ipynb")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_outputs_are_those_committed(path, tmp_path):
    result = nbval(path, tmp_path)
    assert result.returncode == 0, result.stdout[-4000:]
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
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
