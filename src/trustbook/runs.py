"""Runs: a notebook template, its parameters, and what it left behind, executed by papermill.

A plan (``notebooks/runs.yml``) lists runs, or grids of them. Each run is executed in a process and a folder of its
own. Only the runner puts a folder into place, whole; so a run or a runner that is killed leaves the old result or
none, never half of one, and `recover` clears up at the next call. What determines a result is hashed and kept beside
it (`Run.made_from`): a run for which nothing of that changed is not executed again.

Two engines execute notebooks, with the same outputs. ``kernel`` is papermill's standard, a Jupyter kernel for each
notebook. ``fast`` does without it: see `trustbook.engine`. Runs can also be handed to a Dask cluster.

Relative paths in parameters are relative to the folder of the template, which is where notebooks run.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from trustbook.pages import fill_markdown, filled, finish, software
from trustlib.errors import (
    RunError,
    TrustlibError,
    one_line,
    raise_faults,
    require_file,
    require_names,
    unknown_name,
)
from trustlib.files import SUFFIXES, file_hash
from trustlib.schema import load_yaml
from trustlib.writing import recover, replace_folder, write_text

if TYPE_CHECKING:
    from trustbook.plans import RunForm

# In the folder of a run that is being made: the beginning of the cell that it is at.
AT = "cell.txt"
LIBRARIES = ("numpy", "pandas", "statsmodels", "formulaic", "seaborn", "papermill")


# -- what a run is made from ------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _remembered(
    read: Callable[[Path], Any], path: Path, changed: int, size: int
) -> Any:
    return read(path)


def _read(read: Callable[[Path], Any], path: Path) -> Any:
    """``read(path)``, once for each state of the file: hundreds of runs share their files."""
    state = path.stat()
    return _remembered(read, path, state.st_mtime_ns, state.st_size)


def _digest(value: Any) -> str:
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, default=str).encode()
    ).hexdigest()


def _library() -> str:
    """Hash of the code that notebooks can call."""
    packages = Path(__file__).parents[1]
    code = sorted(p for p in packages.glob("trust*/**/*") if p.suffix in (".py", ".R"))
    return _digest({str(p.relative_to(packages)): _read(file_hash, p) for p in code})


IMPORTED = _library()  # of the code as this process imported it


@dataclass(frozen=True)
class Run:
    """One execution of a template with parameters; `page` says whether the book shows its notebook."""

    id: str
    template: Path
    parameters: dict[str, Any]
    page: bool = True

    def _named(self, suffixes: tuple[str, ...]) -> list[Path]:
        texts = [
            v
            for v in self.parameters.values()
            if isinstance(v, str) and v.endswith(suffixes)
        ]
        return [(self.template.parent / text).resolve() for text in texts]

    @property
    def data(self) -> list[Path]:
        """The data files among the parameters."""
        return self._named(SUFFIXES)

    @property
    def mappings(self) -> list[Path]:
        """The mappings among the parameters that are read; others are only mentioned."""
        return [path for path in self._named((".yml", ".yaml")) if path.is_file()]

    @property
    def sources(self) -> list[dict[str, str]]:
        """What the data and the mappings say of their source: id, kind, label."""
        told = [_read(_source, p) for p in self.data] + [
            _read(_mapping, p).get("source") for p in self.mappings
        ]
        return [source for source in told if source]

    @property
    def manifest(self) -> list[dict[str, str]]:
        """The entries of the project's ``data/manifest.yml`` for the data of this run."""
        path = self._root / "data" / "manifest.yml"
        entries = _read(load_yaml, path)["files"] if path.is_file() else []
        folders = [
            folder.as_posix() for path in self.data for folder in (path, *path.parents)
        ]
        return [
            e
            for e in entries
            if any(folder.endswith(f"/{e['path']}") for folder in folders)
        ]

    @property
    def _root(self) -> Path:
        """The folder of the project: the nearest one with a lock file."""
        return next(
            (f for f in self.template.parents if (f / "requirements.lock").is_file()),
            self.template.parent,
        )

    def made_from(self) -> dict[str, str]:
        """A hash of each thing that determines the result: template, parameters, data, library, lock."""
        codebooks = [
            p.parent / book
            for p in self.mappings
            if (book := _read(_mapping, p).get("codebook"))
        ]
        read = [
            p
            for p in (
                *self.data,
                *self.mappings,
                *codebooks,
                self._root / "requirements.lock",
            )
            if p.is_file()
        ]
        return {
            "template": _read(file_hash, self.template),
            "parameters": _digest(self.parameters),
            "library": _library(),
            "manifest": _digest(self.manifest),
            **{os.path.relpath(p, self._root): _read(file_hash, p) for p in read},
        }


def _mapping(path: Path) -> dict[str, Any]:
    facts = load_yaml(path)
    return facts if isinstance(facts, dict) else {}


def _source(path: Path) -> dict[str, str]:
    """The source that a Parquet file names in its metadata."""
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        return {}
    facts = pq.read_schema(path).metadata or {}
    return json.loads(facts.get(b"trustlib", b"{}")).get("source") or json.loads(
        facts.get(b"source", b"{}")
    )


def source_kind(path: Path) -> str | None:
    """The kind of evidence that a Parquet file says it holds (see `disclosure.EVIDENCE`)."""
    return _source(path).get("kind")


def stale_because(run: Run, out: str | Path) -> str:
    """Why a run has to be executed; an empty text if its result is whole and nothing it was made from has changed."""
    folder = Path(out) / run.id
    try:
        facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        before, files = facts["made_from"], facts["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "no result yet"
    if lost := [name for name in files if not (folder / name).is_file()]:
        return f"lost: {', '.join(lost)}"
    now = run.made_from()
    changed = sorted(
        name for name in now.keys() | before.keys() if now.get(name) != before.get(name)
    )
    return f"changed: {', '.join(changed)}" if changed else ""


def is_fresh(run: Run, out: str | Path) -> bool:
    """Whether the result in `out` comes from this template, these parameters, data and library."""
    return not stale_because(run, out)


# -- the plan ---------------------------------------------------------------------------------------------------------


def load_plan(path: str | Path) -> list[Run]:
    """Read a plan and hold every run against the parameters its template declares.

    Parameters
    ----------
    path : path
        YAML: ``runs:`` is a list of ``{id, template, parameters, grid, page}``; templates lie in ``templates/`` beside
        the plan. A `grid` ``{country: [BR, FR], pair: [[gender, age], [gender, disability]]}`` makes one run of each
        combination. In the id and in all texts of the parameters ``@{country}`` becomes the value. For a list there
        are also ``@{pair_1}``, ``@{pair_and}``, ``@{pair_plus}``, ``@{pair_times}`` and ``@{pair_dash}``; a parameter
        that is ``@{pair}`` and no more becomes the list itself. A value that is a mapping gives several names at once:
        ``country: [{country: BR, place: Brazil}]``. ``page: false`` keeps a run out of the book's contents.

    Raises
    ------
    RunError
        All faults at once: a parameter that the template does not declare (papermill would run it with the default),
        one that is missing, a data file that does not exist, two runs with one id, a name that is not in the grid.
    """
    from trustbook.plans import RunForm
    from trustlib.forms import NAMED, attempt, is_name

    path = Path(path).resolve()
    raw = load_yaml(path)
    entries = raw.get("runs") if isinstance(raw, dict) else None
    if not isinstance(entries, list):
        raise RunError(
            f"{path} has no list `runs:`.", "A run is {id, template, parameters}."
        )
    faults: list[str] = []
    runs: list[Run] = []
    for number, entry in enumerate(entries, 1):
        form, wrong = attempt(RunForm, entry)
        faults += [f"run {number}: {fault}" for fault in wrong]
        if form is not None:
            runs += _expanded(
                form, path.parent / "templates" / f"{form.template}.ipynb", faults
            )
    ids = [run.id for run in runs]
    faults += [
        f"{name}: two runs have this id"
        for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    faults += [f"{name[:100]}: an id has {NAMED}" for name in ids if not is_name(name)]
    declared = {
        template: _declared(template) for template in {run.template for run in runs}
    }
    for run in runs:
        known = declared[run.template]
        if isinstance(known, str):
            faults.append(f"{run.id}: {known}")
            continue
        kind = f"parameter of template {run.template.stem!r}"
        unknown = [
            unknown_name(kind, name, known)
            for name in run.parameters
            if name not in known
        ]
        faults += [f"{run.id}: {one_line(error)}" for error in unknown]
        faults += [
            f"{run.id}: parameter {name!r} is missing"
            for name in known
            if name not in run.parameters
        ]
        faults += [
            f"{run.id}: there is no data file {p.name}"
            for p in run.data
            if not p.is_file()
        ]
    raise_faults(
        RunError, f"{path.name} cannot be run; nothing was", faults, "Mend the plan."
    )
    return runs


def _declared(template: Path) -> list[str] | str:
    """The parameters that a template declares, or what is wrong with it."""
    import papermill
    from nbformat.reader import NotJSONError

    if not template.is_file():
        return f"there is no template {template.name}"
    try:
        return list(papermill.inspect_notebook(str(template)))
    except (ValueError, KeyError, AttributeError, NotJSONError) as error:
        return f"{template.name} is not a notebook: {one_line(error, 80)}"


def _expanded(form: RunForm, template: Path, faults: list[str]) -> list[Run]:
    """The runs of an entry: one, or one for each combination of its grid."""
    if not form.grid:
        return [Run(form.id, template, form.parameters, form.page)]
    faults += [
        f"{form.id}: {name} of its grid has no values"
        for name, values in form.grid.items()
        if not values
    ]
    runs = []
    for values in itertools.product(*form.grid.values()):
        given: dict[str, Any] = {}
        for name, value in zip(form.grid, values, strict=True):
            given |= value if isinstance(value, dict) else {name: value}
        try:
            runs.append(
                Run(
                    _filled(form.id, given),
                    template,
                    _filled(form.parameters, given),
                    form.page,
                )
            )
        except (KeyError, ValueError) as error:
            faults.append(
                f"{form.id}: a text of it uses {error}, which its grid does not give"
            )
            break
    return runs


def _filled(value: Any, given: dict[str, Any]) -> Any:
    """A value with the names of a grid filled into its texts."""
    if isinstance(value, dict):
        return {
            _filled(name, given): _filled(inner, given) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_filled(inner, given) for inner in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"@\{(\w+)\}", value)
    return given[whole[1]] if whole and whole[1] in given else filled(value, given)


def choose(
    runs: Sequence[Run], only: Sequence[str] = (), source: str | None = None
) -> list[Run]:
    """Some of the runs, in the order of the plan.

    Parameters
    ----------
    only : sequence of str
        Ids, or patterns such as ``synthetic-*``; by default all.
    source : str, optional
        Kind (real, supplied, synthetic) or id of the source of their data.
    """
    ids = [run.id for run in runs]
    require_names(
        "run",
        [name for name in only if not any(fnmatchcase(i, name) for i in ids)],
        ids,
    )
    chosen = [
        run
        for run in runs
        if not only or any(fnmatchcase(run.id, name) for name in only)
    ]
    if source is None:
        return chosen
    told = {
        run.id: {s.get(fact) for s in run.sources for fact in ("id", "kind")}
        for run in chosen
    }
    require_names(
        "source of these runs",
        [source],
        sorted(name for names in told.values() for name in names if name),
    )
    return [run for run in chosen if source in told[run.id]]


# -- one run ----------------------------------------------------------------------------------------------------------


def make(run: Run, folder: Path, engine: str, made_from: dict[str, str]) -> None:
    """Execute a run in this process and leave notebook, ``tables/``, ``figures/`` and ``provenance.json`` in `folder`.

    The fast engine takes over the process: use it only in one that was made for it.

    Raises
    ------
    RunError
        A cell failed; the message names the cell.
    """
    import nbformat

    from trustbook.engine import execute_notebook

    start = time.perf_counter()
    at = folder / AT
    os.environ["TRUSTLIB_RUN_FOLDER"] = str(folder)
    notebook = nbformat.read(run.template, as_version=4)
    fill_markdown(
        notebook, run.parameters, f"Run {run.id}: a text of {run.template.name}"
    )
    try:
        done = execute_notebook(
            notebook, run.parameters, run.template.parent, engine, at.write_text
        )
    except RunError as error:
        raise RunError(f"Run {run.id} {error.message}", error.hint) from None
    at.unlink(missing_ok=True)
    facts = _provenance(run, folder, made_from)
    facts |= {"figures": finish(done, folder, facts), "engine": engine}
    nbformat.write(done, folder / f"{run.id}.ipynb")
    facts["files"] = {
        p.relative_to(folder).as_posix(): file_hash(p)
        for p in folder.rglob("*")
        if p.is_file()
    }
    facts["seconds"] = round(time.perf_counter() - start, 2)
    (folder / "provenance.json").write_text(
        json.dumps(facts, indent=1, sort_keys=True, default=str) + "\n"
    )


def _provenance(run: Run, folder: Path, made_from: dict[str, str]) -> dict[str, Any]:
    tables = sorted((folder / "tables").glob("*.json"))
    return {
        "run": run.id,
        "made_from": made_from,
        "template": run.template.name,
        "template_sha256": made_from["template"],
        "code_sha256": made_from["library"],
        "lock_sha256": made_from.get("requirements.lock"),
        "parameters": run.parameters,
        "data": {p.name: _read(file_hash, p) for p in run.data},
        "manifest": run.manifest,
        "kinds": sorted({source["kind"] for source in run.sources if "kind" in source}),
        "conventions": {
            path.stem: json.loads(path.read_text(encoding="utf-8"))["convention"]
            for path in tables
        },
        "trustlib": metadata.version("trustgap"),
        "python": sys.version.split()[0],
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        **({"seed": run.parameters["seed"]} if "seed" in run.parameters else {}),
    }


# -- processes and places ---------------------------------------------------------------------------------------------


def _work(run: Run, folder: Path, engine: str, made_from: dict[str, str]) -> None:
    """What the process of a run does. An error is left in the folder."""
    try:
        if engine == "fast" and made_from["library"] != IMPORTED:
            raise RunError(
                "The library was changed since it was imported here.",
                "Start this Python session again.",
            )
        make(run, folder, engine, made_from)
    except Exception as error:
        if not isinstance(error, TrustlibError):
            error = RunError(
                f"Run {run.id} failed: {type(error).__name__}: {one_line(error, 300)}"
            )
        (folder / "error.txt").write_text(str(error), encoding="utf-8")


def _require_made(run: Run, folder: Path) -> None:
    """Raise what the process of a run left as its error; without error and result it was killed."""
    if (folder / "error.txt").is_file():
        raise RunError((folder / "error.txt").read_text(encoding="utf-8"))
    if not (folder / "provenance.json").is_file():
        at = folder / AT
        where = "before its first cell"
        if at.is_file():
            where = f"in the cell that begins {at.read_text(encoding='utf-8')!r}"
        raise RunError(
            f"Run {run.id}: its process ended half way, {where}.",
            "The cell ends the process, or it was killed for want of memory.",
        )


def _new_folder(run: Run, out: Path) -> Path:
    folder = out / f".{run.id}.{uuid4().hex[:12]}.new"
    folder.mkdir()
    return folder


def _here(run: Run, engine: str, made_from: dict[str, str], out: Path) -> Path:
    """Execute a run in a process of its own, in a new folder beside the results."""
    from trustbook.engine import own_process

    folder = _new_folder(run, out)
    own_process(_work, run, folder, engine, made_from)
    _require_made(run, folder)
    return folder


def _elsewhere(run: Run, engine: str, made_from: dict[str, str]) -> dict[str, bytes]:
    """Execute a run on a worker of a cluster, in a fresh process; the answer is every file of the result."""
    require_file(
        run.template,
        f"template of run {run.id} on this worker:",
        "Workers need the project at this path.",
    )
    if other := [
        name
        for name, digest in run.made_from().items()
        if made_from.get(name) != digest
    ]:
        raise RunError(
            f"Run {run.id}: {', '.join(other)} differ on this worker.",
            "Give all the same.",
        )
    with TemporaryDirectory(prefix="trustlib-run-") as name:
        folder = Path(name)
        command = "import pickle, sys; from trustbook.runs import _work; _work(*pickle.load(sys.stdin.buffer))"
        given = pickle.dumps((run, folder, engine, made_from))
        lean = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
        subprocess.run(
            [sys.executable, "-c", command],
            input=given,
            env=lean,
            capture_output=True,
            check=False,
        )
        _require_made(run, folder)
        return {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in folder.rglob("*")
            if p.is_file()
        }


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One runner at a time in a folder. The system frees the lock when its holder ends, in whatever way."""
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


def run_all(
    runs: Sequence[Run],
    out: str | Path,
    jobs: int = 2,
    force: bool = False,
    report: Callable[[str, str], None] = lambda run, state: None,
    engine: str | None = None,
    scheduler: str | None = None,
) -> dict[str, str]:
    """Execute what is not fresh, each run in a process of its own; a failing run does not stop the others.

    A result is a folder ``out/<id>`` with the executed notebook, ``tables/``, ``figures/`` and ``provenance.json``. It
    is put in place whole. A run that fails leaves the former result as it was.

    Parameters
    ----------
    runs : sequence of Run
        All of a plan, or what `choose` gives.
    out : path
    jobs : int
        Runs at a time, on this machine.
    report : callable
        Called with the run's id and "fresh", "done" or the error, as each ends.
    engine : {"fast", "kernel"}, optional
        By default the fast one on Linux.
    scheduler : str, optional
        Address of a Dask scheduler whose workers execute the runs. They need this project at the same path.

    Returns
    -------
    dict
        Run id -> error message, for the runs that failed.

    Raises
    ------
    RunError
        Another runner is at work in `out`, or no scheduler answers.
    """
    from trustbook.engine import cluster, end_processes

    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    engine = engine or ("fast" if sys.platform == "linux" else "kernel")
    require_names("engine", [engine], ("fast", "kernel"))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    failed: dict[str, str] = {}
    with _alone(out):
        recover(out)
        stale = [run for run in runs if force or not is_fresh(run, out)]
        for run in runs:
            if run not in stale:
                report(run.id, "fresh")
        # Noted before the code is imported for the runs: what is edited meanwhile counts as changed at the next call.
        made_from = [run.made_from() for run in stale]
        with (
            ThreadPoolExecutor(jobs)
            if scheduler is None
            else cluster(scheduler) as pool
        ):
            work = partial(_here, out=out) if scheduler is None else _elsewhere
            waiting = {
                pool.submit(work, r, engine, facts): r
                for r, facts in zip(stale, made_from, strict=True)
            }
            try:
                for future in as_completed(waiting):
                    run = waiting[future]
                    try:
                        replace_folder(
                            _folder_of(future.result(), run, out), out / run.id
                        )
                    except Exception as error:
                        failed[run.id] = str(error) or type(error).__name__
                    report(run.id, failed.get(run.id, "done"))
            except BaseException:
                _stop(waiting, end_processes if scheduler is None else None)
                raise
        recover(out)
    return failed


def _stop(
    waiting: Collection[Future[Any]], end_those_here: Callable[[], None] | None
) -> None:
    """Begin no other run, and end those that have begun on this machine."""
    for future in waiting:
        future.cancel()
    while end_those_here is not None and any(future.running() for future in waiting):
        end_those_here()
        time.sleep(0.05)


def _folder_of(result: Any, run: Run, out: Path) -> Path:
    """The new folder of a run; what came from a cluster is written to one first."""
    if isinstance(result, Path):
        return result
    folder = _new_folder(run, out)
    for name, content in result.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def provenance(run_id: str, out: str | Path) -> dict[str, Any]:
    """The provenance of a run that was executed."""
    path = Path(out) / run_id / "provenance.json"
    return json.loads(
        require_file(
            path, f"result of run {run_id}:", "Execute it with `trustlib run`."
        ).read_text()
    )


def write_status(runs: Sequence[Run], out: str | Path) -> Path:
    """Write ``status.md`` for the book: runs, seconds, data and versions of the results that are in place."""
    facts = [(run, provenance(run.id, out)) for run in runs]
    lines = ["| Run | Template | Seconds | Data |", "|---|---|--:|---|"]
    for run, f in facts:
        data = ", ".join(
            f"`{name}` `{digest[:8]}…`" for name, digest in f["data"].items()
        )
        page = (
            f"{{doc}}`{run.id} </_runs/{run.id}/{run.id}>`"
            if run.page
            else f"`{run.id}`"
        )
        lines.append(f"| {page} | {f['template']} | {f['seconds']:.1f} | {data} |")
    lines += [
        "",
        "Software: " + "; ".join(sorted({software(f) for _, f in facts})) + ".",
    ]
    return write_text(Path(out) / "status.md", "\n".join(lines) + "\n")
