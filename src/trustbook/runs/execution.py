"""Execution: what is not fresh is made anew, here or on a cluster, and put in place."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from trustbook.pages import software
from trustbook.runs.freshness import is_fresh, provenance
from trustbook.runs.making import Job, in_own_process, new_folder, on_worker
from trustbook.runs.run import Run
from trustlib.errors import RunError, require_names
from trustlib.writing import recover, replace_folder, write_text

ENGINES = ("fast", "kernel")


def _silent(name: str, state: str) -> None:
    """Report nothing."""


def run_all(
    runs: Sequence[Run],
    out: str | Path,
    jobs: int = 2,
    force: bool = False,
    report: Callable[[str, str], None] = _silent,
    engine: str | None = None,
    scheduler: str | None = None,
    trust_scheduler: bool = False,
) -> dict[str, str]:
    """Execute what is not fresh, each run in a process of its own.

    A result is a folder ``out/<id>`` with the executed notebook, ``tables/``,
    ``figures/`` and ``provenance.json``. It is put in place whole. A run that fails
    leaves the former result as it was, and does not stop the others.

    Parameters
    ----------
    runs : sequence of Run
        All of a plan, or what `choose` gives.
    out : path
        Folder of the results.
    jobs : int
        Runs at a time, on this machine.
    force : bool
        Execute what is fresh, too.
    report : callable
        Called with the run's id and "fresh", "done" or the error, as each ends.
    engine : {"fast", "kernel"}, optional
        By default the fast one on Linux.
    scheduler : str, optional
        Address of a Dask scheduler whose workers execute the runs. They need this
        project at the same path.
    trust_scheduler : bool
        The scheduler and its workers may be on other machines.

    Returns
    -------
    dict
        Run id -> error message, for the runs that failed.

    Raises
    ------
    RunError
        Another runner is at work in `out`, or no scheduler answers.
    DisclosureError
        A scheduler or worker is on another machine, and is not trusted.
    UnknownNameError
        There is no such engine.

    Examples
    --------
    ::

        runs = choose(load_plan("notebooks/runs.yml"), ["hints6-*"])
        failed = run_all(runs, "book/_runs")
    """
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    engine = engine or _own_engine()
    require_names("engine", [engine], ENGINES)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with _alone(out):
        recover(out)
        stale = [run for run in runs if force or not is_fresh(run, out)]
        for run in runs:
            if run not in stale:
                report(run.id, "fresh")
        # Noted before the code is imported for the runs: what is edited meanwhile
        # counts as changed at the next call.
        todo = [Job(run, engine, run.made_from()) for run in stale]
        with _place(out, jobs, scheduler, trust_scheduler) as place:
            failed = _execute(todo, place, out, report)
        recover(out)
    return failed


def _own_engine() -> str:
    return "fast" if sys.platform == "linux" else "kernel"


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One runner at a time in a folder.

    The system frees the lock when its holder ends, in whatever way.
    """
    import fcntl

    folder = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"Another `trustlib run` is at work in {out}.",
                "Wait until it has ended.",
            ) from None
        yield
    finally:
        os.close(folder)


@dataclass(frozen=True)
class _Place:
    """Where runs are executed.

    `work` is called in `pool`, and `end` ends at once what it has begun; nothing does
    on a cluster.
    """

    pool: Executor
    work: Callable[[Job], Any]
    end: Callable[[], None] | None


@contextmanager
def _place(
    out: Path, jobs: int, scheduler: str | None, trusted: bool
) -> Iterator[_Place]:
    """The place to execute runs: this machine, or the cluster of a scheduler."""
    from trustbook.engine import cluster, end_processes

    if scheduler is None:
        here = partial(in_own_process, out=out)
        with ThreadPoolExecutor(jobs) as threads:
            yield _Place(threads, here, end_processes)
    else:
        with cluster(scheduler, trusted) as workers:
            yield _Place(workers, on_worker, None)


def _execute(
    jobs: Sequence[Job], place: _Place, out: Path, report: Callable[[str, str], None]
) -> dict[str, str]:
    """Execute runs, each put in place as it ends; the messages of those that failed."""
    failed = {}
    waiting = {place.pool.submit(place.work, job): job.run for job in jobs}
    try:
        for future in as_completed(waiting):
            run = waiting[future]
            error = _put_in_place(future, run, out)
            if error:
                failed[run.id] = error
            report(run.id, error or "done")
    except BaseException:
        _stop(waiting, place.end)
        raise
    return failed


def _put_in_place(future: Future[Any], run: Run, out: Path) -> str:
    """Take a result to its place; what went wrong, or an empty text."""
    try:
        folder = _folder_of(future.result(), run, out)
        replace_folder(folder, out / run.id)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


def _folder_of(result: Path | dict[str, bytes], run: Run, out: Path) -> Path:
    """The new folder of a run; what came from a cluster is written to one first."""
    if isinstance(result, Path):
        return result
    folder = new_folder(run, out)
    for name, content in result.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _stop(waiting: Collection[Future[Any]], end: Callable[[], None] | None) -> None:
    """Begin no other run, and end those that have begun on this machine."""
    for future in waiting:
        future.cancel()
    if end is None:
        return
    while any(future.running() for future in waiting):
        end()
        time.sleep(0.05)


def write_status(runs: Sequence[Run], out: str | Path) -> Path:
    """Write ``status.md`` for the book: runs, seconds, data and versions of the results.

    Parameters
    ----------
    runs : sequence of Run
        All of them were executed.
    out : path
        Folder of the results.

    Returns
    -------
    Path
        ``status.md`` in `out`.

    Raises
    ------
    MissingFileError
        A run has no result.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     print(write_status([], folder).read_text().splitlines()[0])
    | Run | Template | Seconds | Data |
    """
    lines = ["| Run | Template | Seconds | Data |", "|---|---|--:|---|"]
    versions = set()
    for run in runs:
        origin = provenance(run.id, out)
        lines.append(_status_line(run, origin))
        versions.add(software(origin))
    lines += ["", f"Software: {'; '.join(sorted(versions))}."]
    return write_text(Path(out) / "status.md", "\n".join(lines) + "\n")


def _status_line(run: Run, origin: dict[str, Any]) -> str:
    name = f"`{run.id}`"
    if run.page:
        name = f"{{doc}}`{run.id} </_runs/{run.id}/{run.id}>`"
    hashes = origin["data"].items()
    data = ", ".join(f"`{file}` `{digest[:8]}…`" for file, digest in hashes)
    return f"| {name} | {origin['template']} | {origin['seconds']:.1f} | {data} |"
