"""The plan: which runs there are, each held against what its template declares."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustbook.pages import filled
from trustbook.runs.run import Run
from trustlib.errors import (
    RunError,
    one_line,
    raise_faults,
    require_names,
    unknown_name,
)
from trustlib.schema import load_yaml

if TYPE_CHECKING:
    from trustbook.plans import RunForm

# A text that is the name of a grid and no more.
WHOLE = re.compile(r"@\{(\w+)\}")


def load_plan(path: str | Path, to_be_made: Collection[Path] = ()) -> list[Run]:
    """Read a plan and hold every run against the parameters its template declares.

    Parameters
    ----------
    path : path
        YAML: ``runs:`` is a list of ``{id, template, parameters, grid, page}``;
        templates lie in ``templates/`` beside the plan. A `grid`
        ``{country: [BR, FR], pair: [[gender, age], [gender, disability]]}`` makes one
        run of each combination. In the id and in all texts of the parameters
        ``@{country}`` becomes the value. For a list there are also ``@{pair_1}``,
        ``@{pair_and}``, ``@{pair_plus}``, ``@{pair_times}`` and ``@{pair_dash}``; a
        parameter that is ``@{pair}`` and no more becomes the list itself. A value that
        is a mapping gives several names at once:
        ``country: [{country: BR, place: Brazil}]``. ``page: false`` keeps a run out of
        the book's contents.
    to_be_made : collection of path
        Data files that need not exist yet, because the caller is about to make them.

    Returns
    -------
    list of Run

    Raises
    ------
    RunError
        All faults at once: a parameter that the template does not declare (papermill
        would run it with the default), one that is missing, a data file that does not
        exist, two runs with one id, a name that is not in the grid.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "runs.yml"
    ...     length = path.write_text("runs: []")
    ...     load_plan(path)
    []
    """
    from trustbook.plans import RunForm
    from trustlib.forms import attempt

    path = Path(path).resolve()
    faults: list[str] = []
    runs: list[Run] = []
    for number, entry in enumerate(_entries(path), 1):
        form, wrong = attempt(RunForm, entry)
        faults += [f"run {number}: {fault}" for fault in wrong]
        if form is not None:
            template = path.parent / "templates" / f"{form.template}.ipynb"
            runs += _expanded(form, template, faults)
    faults += _faults_of_ids(runs)
    faults += _faults_of_parameters(runs)
    faults += _absent_files(runs, [file.resolve() for file in to_be_made])
    what = f"{path.name} cannot be run; nothing was"
    raise_faults(RunError, what, faults, "Mend the plan.")
    return runs


def choose(
    runs: Sequence[Run], only: Sequence[str] = (), source: str | None = None
) -> list[Run]:
    """Some of the runs, in the order of the plan.

    Parameters
    ----------
    runs : sequence of Run
        All of a plan.
    only : sequence of str
        Ids, or patterns such as ``synthetic-*``; by default all.
    source : str, optional
        Kind (real, supplied, synthetic) or id of the source of their data.

    Returns
    -------
    list of Run

    Raises
    ------
    UnknownNameError
        No run has this id, matches this pattern, or has data of this source.

    Examples
    --------
    >>> from pathlib import Path
    >>> names = ["hints6-levels", "hints6-gaps", "synthetic-levels"]
    >>> runs = [Run(name, Path("levels.ipynb"), {}) for name in names]
    >>> [run.id for run in choose(runs, ["hints6-*"])]
    ['hints6-levels', 'hints6-gaps']
    """
    ids = [run.id for run in runs]
    idle = [name for name in only if not any(fnmatchcase(i, name) for i in ids)]
    require_names("run", idle, ids)
    chosen = list(runs)
    if only:
        chosen = [run for run in runs if _is_named(run, only)]
    if source is None:
        return chosen
    names_of = {run.id: _names_of_sources(run) for run in chosen}
    known = sorted(set().union(*names_of.values()))
    require_names("source of these runs", [source], known)
    return [run for run in chosen if source in names_of[run.id]]


def _is_named(run: Run, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(run.id, pattern) for pattern in patterns)


def _names_of_sources(run: Run) -> set[str]:
    """Ids and kinds of the sources of a run's data."""
    names = set()
    for source in run.sources:
        names |= {source.id, source.kind}
    return {name for name in names if name}


def _entries(path: Path) -> list[Any]:
    """The list ``runs:`` of a plan, as it was read."""
    plan = load_yaml(path)
    entries = plan.get("runs") if isinstance(plan, dict) else None
    if not isinstance(entries, list):
        raise RunError(
            f"{path} has no list `runs:`.", "A run is {id, template, parameters}."
        )
    return entries


def _faults_of_ids(runs: Sequence[Run]) -> list[str]:
    from trustlib.forms import NAMED, is_name

    ids = [run.id for run in runs]
    twice = {name for name in ids if ids.count(name) > 1}
    faults = [f"{name}: two runs have this id" for name in sorted(twice)]
    unfit = [name for name in ids if not is_name(name)]
    return faults + [f"{name[:100]}: an id has {NAMED}" for name in unfit]


def _faults_of_parameters(runs: Sequence[Run]) -> Iterator[str]:
    """What is wrong with the parameters of each run, and with its template."""
    declared = {name: _declared(name) for name in {run.template for run in runs}}
    for run in runs:
        faults = _faults_of_run(run, declared[run.template])
        yield from (f"{run.id}: {fault}" for fault in faults)


@dataclass(frozen=True)
class _Declared:
    """The parameters that a template declares, or what is wrong with it."""

    names: Sequence[str] = ()
    fault: str = ""


def _declared(template: Path) -> _Declared:
    import papermill
    from nbformat.reader import NotJSONError

    if not template.is_file():
        return _Declared(fault=f"there is no template {template.name}")
    try:
        return _Declared(list(papermill.inspect_notebook(str(template))))
    except (ValueError, KeyError, AttributeError, NotJSONError) as error:
        reason = one_line(error, 80)
        return _Declared(fault=f"{template.name} is not a notebook: {reason}")


def _faults_of_run(run: Run, declared: _Declared) -> Iterator[str]:
    if declared.fault:
        yield declared.fault
        return
    kind = f"parameter of template {run.template.stem!r}"
    for name in run.parameters:
        if name not in declared.names:
            yield one_line(unknown_name(kind, name, declared.names))
    for name in declared.names:
        if name not in run.parameters:
            yield f"parameter {name!r} is missing"


def _absent_files(runs: Sequence[Run], to_be_made: Collection[Path]) -> Iterator[str]:
    """The data files that runs need and that nobody is about to make."""
    for run in runs:
        for path in run.data:
            if path not in to_be_made and not path.is_file():
                yield f"{run.id}: there is no data file {path.name}"


def _expanded(form: RunForm, template: Path, faults: list[str]) -> list[Run]:
    """The runs of an entry: one, or one for each combination of its grid.

    What is wrong with the grid is added to `faults`.
    """
    if not form.grid:
        return [Run(form.id, template, form.parameters, form.page)]
    for name, values in form.grid.items():
        if not values:
            faults.append(f"{form.id}: {name} of its grid has no values")
    runs = []
    names = list(form.grid)
    for combination in itertools.product(*form.grid.values()):
        given = _given(names, combination)
        try:
            name = _filled(form.id, given)
            parameters = _filled(form.parameters, given)
        except (KeyError, ValueError) as error:
            what = f"a text of it uses {error}, which its grid does not give"
            faults.append(f"{form.id}: {what}")
            break
        runs.append(Run(name, template, parameters, form.page))
    return runs


def _given(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """What one combination of a grid gives: a value that is a mapping gives several."""
    given: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        given |= value if isinstance(value, dict) else {name: value}
    return given


def _filled(value: Any, given: dict[str, Any]) -> Any:
    """A value with the names of a grid filled into its texts."""
    if isinstance(value, dict):
        items = value.items()
        return {_filled(name, given): _filled(inner, given) for name, inner in items}
    if isinstance(value, list):
        return [_filled(inner, given) for inner in value]
    if not isinstance(value, str):
        return value
    whole = WHOLE.fullmatch(value)
    if whole and whole[1] in given:
        return given[whole[1]]
    return filled(value, given)
