"""Runs: a notebook template, its parameters, and what it left behind, executed by papermill.

A plan (``notebooks/runs.yml``) lists runs. A run is executed in a folder of its own and moved into place only when it
is complete, so that a stopped run leaves the old result or none, never half of one. A run whose template, parameters,
data, library and lock file have not changed is not executed again.

Relative paths in parameters are relative to the folder of the template, which is where notebooks run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import string
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trustlib.disclosure import EVIDENCE
from trustlib.errors import RunError, one_line, raise_faults, require_file, require_names, unknown_name
from trustlib.schema import file_hash, load_yaml

DATA_SUFFIXES = (".parquet", ".csv")
LIBRARIES = ("numpy", "pandas", "statsmodels", "formulaic", "seaborn", "papermill")


class _Fill(string.Template):
    """``@{name}`` in the markdown of a template; a dollar sign stays free for formulas."""

    delimiter = "@"


@dataclass(frozen=True)
class Run:
    """One execution of a template with parameters."""

    id: str
    template: Path
    parameters: dict[str, Any]

    @property
    def data(self) -> list[Path]:
        """The data files among the parameters."""
        named = [v for v in self.parameters.values() if isinstance(v, str) and v.endswith(DATA_SUFFIXES)]
        return [(self.template.parent / v).resolve() for v in named]

    def key(self) -> str:
        """Hash of everything that determines the result."""
        above = (folder / "requirements.lock" for folder in self.template.resolve().parents)
        lock = [path for path in above if path.is_file()][:1]
        files = [self.template, *self.data, *sorted(Path(__file__).parents[1].glob("trust*/*.py")), *lock]
        parts = [json.dumps(self.parameters, sort_keys=True), *map(file_hash, files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_plan(path: str | Path) -> list[Run]:
    """Read a plan and hold every run against the parameters its template declares.

    Parameters
    ----------
    path : path
        YAML: ``runs:`` is a list of ``{id, template, parameters}``; templates lie in ``templates/`` beside the plan.

    Raises
    ------
    RunError
        All faults at once: a parameter that the template does not declare (papermill would run it with the default),
        one that is missing, a data file that does not exist, two runs with one id.
    """
    import papermill
    from nbformat.reader import NotJSONError as NBFormatError

    from trustbook.plans import RunForm
    from trustlib.forms import attempt

    path = Path(path)
    raw = load_yaml(path)
    entries = raw.get("runs") if isinstance(raw, dict) else None
    if not isinstance(entries, list):
        raise RunError(f"{path} has no list `runs:`.", "A run is {id, template, parameters}.")
    faults: list[str] = []
    runs: list[Run] = []
    declared: dict[Path, list[str]] = {}
    for number, entry in enumerate(entries, 1):
        form, wrong = attempt(RunForm, entry)
        faults += [f"run {number}: {fault}" for fault in wrong]
        if form is None:
            continue
        run = Run(form.id, path.parent / "templates" / f"{form.template}.ipynb", form.parameters)
        if run.id in [r.id for r in runs]:
            faults.append(f"{run.id}: two runs have this id")
        runs.append(run)
        if not run.template.is_file():
            faults.append(f"{run.id}: there is no template {run.template.name}")
            continue
        if run.template not in declared:
            try:
                declared[run.template] = list(papermill.inspect_notebook(str(run.template)))
            except (ValueError, KeyError, AttributeError, NBFormatError) as error:
                faults.append(f"{run.id}: {run.template.name} is not a notebook: {one_line(error, 80)}")
                continue
        known, given = declared[run.template], run.parameters
        unknown = [unknown_name(f"parameter of template {form.template!r}", n, known) for n in given if n not in known]
        faults += [f"{run.id}: {one_line(error)}" for error in unknown]
        faults += [f"{run.id}: parameter {n!r} is missing" for n in known if n not in given]
        faults += [f"{run.id}: there is no data file {p.name}" for p in run.data if not p.is_file()]
    raise_faults(RunError, f"{path.name} cannot be run; nothing was", faults, "Mend the plan.")
    return runs


def is_fresh(run: Run, out: Path) -> bool:
    """Whether the result in `out` comes from this template, these parameters, data and library."""
    try:
        return json.loads((out / run.id / "provenance.json").read_text())["key"] == run.key()
    except (OSError, ValueError, KeyError):
        return False


def execute(run: Run, out: str | Path) -> float:
    """Execute one run and put its folder in place: notebook, ``tables/``, ``provenance.json``.

    Parameters
    ----------
    run : Run
    out : path
        Folder of all runs; the result is ``out/<id>``.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    RunError
        A cell failed; the message names the cell. The former result, if any, stays.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    folder = Path(out).resolve() / f".{run.id}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.perf_counter()
    os.environ["TRUSTLIB_RUN_FOLDER"] = str(folder)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    notebook = nbformat.read(run.template, as_version=4)
    _fill_markdown(notebook, run)
    try:
        with TemporaryDirectory(prefix="tl") as sockets:  # local sockets of its own: no ports, no clash between runs
            done = papermill.execute_notebook(
                notebook,
                None,
                parameters=run.parameters,
                cwd=str(run.template.parent),
                kernel_name="python3",
                progress_bar=False,
                extra_arguments=["--IPKernelApp.log_level=50"],  # it calls its own shutdown an error
                config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
            )
    except PapermillExecutionError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RunError(
            f"Run {run.id} failed in the cell that begins {error.source.strip().splitlines()[0]!r}: {error.ename}: "
            f"{one_line(error.evalue, 300)}",
            f"Open {run.template.name} with these parameters to see it.",
        ) from None
    seconds = time.perf_counter() - start
    facts = _provenance(run)
    facts |= {"figures": _finish(done, folder, facts), "key": run.key(), "seconds": round(seconds, 2)}
    nbformat.write(done, folder / f"{run.id}.ipynb")
    (folder / "provenance.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    _put_in_place(folder, folder.parent / run.id)
    return seconds


def _fill_markdown(notebook: Any, run: Run) -> None:
    """Give the page its own title and words: ``@{name}`` becomes the parameter (lists joined by commas)."""
    words: dict[str, str] = {}
    for name, value in run.parameters.items():
        items = list(map(str, value)) if isinstance(value, list) else [str(value)]
        words |= {name: ", ".join(items), f"{name}_plus": " + ".join(items) or "1"}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            try:
                cell.source = _Fill(cell.source).substitute(words)
            except (KeyError, ValueError) as error:
                raise RunError(
                    f"Run {run.id}: a text of {run.template.name} uses @{{{error.args[0]}}}, which is not a parameter.",
                    f"The parameters are {', '.join(run.parameters)}.",
                ) from None


def _provenance(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "template": run.template.name,
        "template_sha256": file_hash(run.template),
        "parameters": run.parameters,
        "data": {p.name: file_hash(p) for p in run.data},
        "kinds": sorted({kind for p in run.data if (kind := source_kind(p))}),
        "trustlib": metadata.version("trustlib"),
        "python": sys.version.split()[0],
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def source_kind(path: Path) -> str | None:
    """The kind of evidence that a Parquet file says it holds (see `disclosure.EVIDENCE`)."""
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        return None
    facts = pq.read_schema(path).metadata or {}
    source = json.loads(facts.get(b"trustlib", b"{}")).get("source") or json.loads(facts.get(b"source", b"{}"))
    return source.get("kind")


def _finish(notebook: Any, folder: Path, facts: dict[str, Any]) -> list[dict[str, str]]:
    """Make an executed notebook a page: the same bytes each time, alternative texts, where the numbers come from.

    Returns the pictures, which are also written to ``figures/``.
    """
    from nbformat.v4 import new_markdown_cell

    figures: list[dict[str, str]] = []
    for name in ("papermill", "language_info"):
        notebook.metadata.pop(name, None)
    notebook.cells.append(new_markdown_cell(_origin(folder, facts)))
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i:03d}"
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])):
            cell.metadata["tags"] = sorted({*cell.metadata["tags"], "remove-cell"})
        for output in cell.get("outputs", []):
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
                figures.append({"file": f"figures/{len(figures) + 1}.png", "alt": alt})
                (folder / "figures").mkdir(exist_ok=True)
                (folder / figures[-1]["file"]).write_bytes(base64.b64decode(output["data"]["image/png"]))
    return figures


def _origin(folder: Path, facts: dict[str, Any]) -> str:
    """The last section of a page: data, template, parameters, software and tables of the run."""
    shown = {name: value for name, value in facts["parameters"].items() if name not in ("title", "question", "about")}
    tables = sorted(path.name for path in (folder / "tables").glob("*.csv"))
    rows = {
        "Evidence": "; ".join(f"[{EVIDENCE[kind]}]{{.from-{kind}-run}}" for kind in facts["kinds"]),
        "Data": "; ".join(f"`{name}` (SHA-256 `{digest[:12]}…`)" for name, digest in facts["data"].items()),
        "Template": f"`{facts['template']}` (SHA-256 `{facts['template_sha256'][:12]}…`)",
        "Parameters": "; ".join(f"`{name}` = {value}" for name, value in shown.items()),
        "Software": _software(facts),
        "Tables": ", ".join(f"{{download}}`{name} <tables/{name}>`" for name in tables),
    }
    lines = ["## Where these numbers come from", "", "| What | Which |", "|---|---|"]
    return "\n".join(lines + [f"| {what} | {which} |" for what, which in rows.items() if which])


def _software(facts: dict[str, Any]) -> str:
    versions = {"trustlib": facts["trustlib"], "Python": facts["python"], **facts["libraries"]}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _put_in_place(new: Path, final: Path) -> None:
    """Replace a result as a whole. Killed between the two moves, `recover` brings the old one back."""
    old = final.with_name(f".{final.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    new.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def recover(out: Path) -> None:
    """Clean up after a stopped run: unfinished folders go, a result that was being replaced comes back."""
    for old in out.glob(".*.old"):
        final = out / old.name[1:].removesuffix(".old")
        if final.exists():
            shutil.rmtree(old)
        else:
            old.rename(final)
    for unfinished in out.glob(".*.new"):
        shutil.rmtree(unfinished)


def run_all(
    runs: Sequence[Run],
    out: str | Path,
    only: Sequence[str] = (),
    jobs: int = 2,
    force: bool = False,
    report: Callable[[str, str], None] = lambda run, state: None,
) -> dict[str, str]:
    """Execute what is not fresh, `jobs` at a time; a failing run does not stop the others.

    Parameters
    ----------
    runs : sequence of Run
    out : path
    only : sequence of str
        Ids; by default all.
    report : callable
        Called with the run's id and "fresh", "done" or the error, as each ends.

    Returns
    -------
    dict
        Run id -> error message, for the runs that failed.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    require_names("run", only, [r.id for r in runs])
    recover(out)
    chosen = [r for r in runs if not only or r.id in only]
    stale = [r for r in chosen if force or not is_fresh(r, out)]
    for run in chosen:
        if run not in stale:
            report(run.id, "fresh")
    failed: dict[str, str] = {}
    if stale:
        with ProcessPoolExecutor(max_workers=min(jobs, len(stale)), mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(execute, run, out): run.id for run in stale}
            for future in as_completed(waiting):
                name = waiting[future]
                error = future.exception()
                if error is not None:
                    failed[name] = str(error) or type(error).__name__
                report(name, failed.get(name, "done"))
    return failed


def provenance(run_id: str, out: str | Path) -> dict[str, Any]:
    """The provenance of a run that was executed."""
    path = Path(out) / run_id / "provenance.json"
    return json.loads(require_file(path, f"result of run {run_id}:", "Execute it with `trustlib run`.").read_text())


def write_status(runs: Sequence[Run], out: str | Path) -> Path:
    """Write ``status.md`` for the book: runs, seconds, data and versions of the results that are in place."""
    out = Path(out)
    facts = [provenance(run.id, out) for run in runs]
    lines = ["| Run | Template | Seconds | Data |", "|---|---|--:|---|"]
    for f in facts:
        data = ", ".join(f"`{name}` `{digest[:8]}…`" for name, digest in f["data"].items())
        page = f"{{doc}}`{f['run']} </_runs/{f['run']}/{f['run']}>`"
        lines.append(f"| {page} | {f['template']} | {f['seconds']:.1f} | {data} |")
    lines += ["", "Software: " + "; ".join(sorted({_software(f) for f in facts})) + "."]
    path = out / "status.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
