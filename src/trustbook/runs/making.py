"""The making of one result: in this process, in one of its own, or on a cluster."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from trustbook.pages import fill_markdown, finish
from trustbook.runs.displays import require_for_pages
from trustbook.runs.freshness import PROVENANCE, hashes_of, origin_of
from trustbook.runs.run import IMPORTED, Run
from trustlib.errors import RunError, TrustlibError, require_file
from trustlib.masking import foreign

# In the folder of a run that is being made: the beginning of the cell that it is at.
AT = "cell.txt"
# In the folder of a run that failed: what went wrong.
ERROR = "error.txt"


@dataclass(frozen=True)
class Job:
    """A run that is to be executed now.

    Parameters
    ----------
    run : Run
    engine : {"fast", "kernel"}
    made_from : dict
        `Run.made_from` when the runner looked.
    """

    run: Run
    engine: str
    made_from: dict[str, str]


def make(run: Run, folder: Path, engine: str, made_from: dict[str, str]) -> None:
    """Execute a run in this process.

    The fast engine takes over the process: use it only in one that was made for it.

    Parameters
    ----------
    run : Run
    folder : Path
        An empty one. Notebook, ``tables/``, ``figures/`` and ``provenance.json`` are
        left in it.
    engine : {"fast", "kernel"}
    made_from : dict
        `Run.made_from`, which is kept in the provenance.

    Raises
    ------
    RunError
        A cell failed, or shows what is not for a page; the message names the cell.
    """
    import nbformat

    from trustbook.engine import execute_notebook

    start = time.perf_counter()
    at = folder / AT
    template = run.template
    os.environ["TRUSTLIB_RUN_FOLDER"] = str(folder)
    notebook = nbformat.read(template, as_version=4)
    fill_markdown(notebook, run.parameters, f"Run {run.id}: a text of {template.name}")
    try:
        done = execute_notebook(
            notebook, run.parameters, template.parent, engine, at.write_text
        )
        require_for_pages(done, run)
    except RunError as error:
        raise RunError(f"Run {run.id} {error.message}", error.hint) from None
    at.unlink(missing_ok=True)
    origin = origin_of(run, folder, made_from)
    origin["figures"] = finish(done, folder, origin)
    origin["engine"] = engine
    nbformat.write(done, folder / f"{run.id}.ipynb")
    origin["files"] = hashes_of(folder)
    origin["seconds"] = round(time.perf_counter() - start, 2)
    text = json.dumps(origin, indent=1, sort_keys=True, default=str)
    (folder / PROVENANCE).write_text(text + "\n", encoding="utf-8")


def work(job: Job, folder: Path) -> None:
    """What the process of a run does. An error is left in the folder."""
    run = job.run
    try:
        if job.engine == "fast" and job.made_from["library"] != IMPORTED:
            raise RunError(
                "The library was changed since it was imported here.",
                "Start this Python session again.",
            )
        make(run, folder, job.engine, job.made_from)
    except TrustlibError as error:
        _leave_error(folder, str(error))
    except Exception as error:
        _leave_error(folder, f"Run {run.id} failed: {foreign(error)}")


def _leave_error(folder: Path, text: str) -> None:
    (folder / ERROR).write_text(text, encoding="utf-8")


def in_own_process(job: Job, out: Path) -> Path:
    """Execute a run in a process of its own.

    Parameters
    ----------
    job : Job
    out : Path
        Folder of the results.

    Returns
    -------
    Path
        A new folder beside the results, with the result.

    Raises
    ------
    RunError
        The run failed, or its process was killed.
    """
    from trustbook.engine import own_process

    folder = new_folder(job.run, out)
    own_process(work, job, folder)
    _require_made(job.run, folder)
    return folder


def on_worker(job: Job) -> dict[str, bytes]:
    """Execute a run on a worker of a cluster, in a fresh process.

    Returns
    -------
    dict
        Every file of the result, by its path in the folder of the run.

    Raises
    ------
    RunError
        The run failed, or what it is made from is different on this worker.
    """
    run = job.run
    what = f"template of run {run.id} on this worker:"
    require_file(run.template, what, "Workers need the project at this path.")
    _require_same(job)
    with TemporaryDirectory(prefix="trustlib-run-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "trustbook.runs.worker"],
            input=pickle.dumps((job, folder)),
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
            capture_output=True,
            check=False,
        )
        _require_made(run, folder)
        return _contents(folder)


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    contents = {}
    for path in folder.rglob("*"):
        if path.is_file():
            contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    return contents


def new_folder(run: Run, out: Path) -> Path:
    """Make a folder beside the results, for a run that is being made."""
    folder = out / f".{run.id}.{uuid4().hex[:12]}.new"
    folder.mkdir()
    return folder


def _require_same(job: Job) -> None:
    """Refuse a run that is made from something else on this worker."""
    here = job.run.made_from()
    other = [name for name in here if job.made_from.get(name) != here[name]]
    if other:
        raise RunError(
            f"Run {job.run.id}: {', '.join(other)} differ on this worker.",
            "Give all the same.",
        )


def _require_made(run: Run, folder: Path) -> None:
    """Raise what the process of a run left as its error.

    Without an error and without a result it was killed.
    """
    error = folder / ERROR
    if error.is_file():
        raise RunError(error.read_text(encoding="utf-8"))
    if not (folder / PROVENANCE).is_file():
        where = "before its first cell"
        at = folder / AT
        if at.is_file():
            begin = at.read_text(encoding="utf-8")
            where = f"in the cell that begins {begin!r}"
        raise RunError(
            f"Run {run.id}: its process ended half way, {where}.",
            "The cell ends the process, or it was killed for want of memory.",
        )
