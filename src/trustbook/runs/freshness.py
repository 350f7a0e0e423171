"""Whether a result still comes from what its run is made from, and where it came from.

``provenance.json`` in the folder of a result holds what it was made from, a hash of
each of its files, and the versions behind it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from trustbook.runs.run import Run, hash_of
from trustlib.errors import require_file
from trustlib.files import file_hash

PROVENANCE = "provenance.json"
LIBRARIES = ("numpy", "pandas", "statsmodels", "formulaic", "seaborn", "papermill")


def stale_because(run: Run, out: str | Path) -> str:
    """Why a run has to be executed.

    Parameters
    ----------
    run : Run
    out : path
        Folder of the results.

    Returns
    -------
    str
        Empty if its result is whole and nothing it was made from has changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> stale_because(Run("one", Path("small.ipynb"), {}), "no/such/folder")
    'no result yet'
    """
    folder = Path(out) / run.id
    former = _former(folder)
    if former is None:
        return "no result yet"
    lost = [name for name in former.files if not (folder / name).is_file()]
    if lost:
        return f"lost: {', '.join(lost)}"
    before = former.made_from
    now = run.made_from()
    names = sorted(now.keys() | before.keys())
    changed = [name for name in names if now.get(name) != before.get(name)]
    if changed:
        return f"changed: {', '.join(changed)}"
    return ""


def is_fresh(run: Run, out: str | Path) -> bool:
    """Whether the result in `out` comes from what the run is made from now.

    Examples
    --------
    >>> from pathlib import Path
    >>> is_fresh(Run("one", Path("small.ipynb"), {}), "no/such/folder")
    False
    """
    return not stale_because(run, out)


@dataclass(frozen=True)
class _Former:
    """What a result that is in place was made from, and which files it has."""

    made_from: dict[str, str]
    files: dict[str, str]


def _former(folder: Path) -> _Former | None:
    try:
        kept = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        return _Former(kept["made_from"], kept["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def provenance(run_id: str, out: str | Path) -> dict[str, Any]:
    """The provenance of a run that was executed.

    Raises
    ------
    MissingFileError
        It was not.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as out:
    ...     folder = Path(out) / "one"
    ...     folder.mkdir()
    ...     length = (folder / "provenance.json").write_text('{"seconds": 2.5}')
    ...     provenance("one", out)
    {'seconds': 2.5}
    """
    path = Path(out) / run_id / PROVENANCE
    hint = "Execute it with `trustlib run`."
    return json.loads(
        require_file(path, f"result of run {run_id}:", hint).read_text("utf-8")
    )


def origin_of(run: Run, folder: Path, made_from: dict[str, str]) -> dict[str, Any]:
    """Where a result comes from: what is known before its page is written.

    Parameters
    ----------
    run : Run
        It was executed.
    folder : Path
        With its ``tables/``.
    made_from : dict
        As `Run.made_from` gave it before the run.
    """
    kinds = {source.kind for source in run.sources if source.kind}
    origin = {
        "run": run.id,
        "made_from": made_from,
        "template": run.template.name,
        "template_sha256": made_from["template"],
        "code_sha256": made_from["library"],
        "lock_sha256": made_from.get("requirements.lock"),
        "parameters": run.parameters,
        "data": {path.name: hash_of(path) for path in run.data},
        "manifest": run.manifest,
        "kinds": sorted(kinds),
        "conventions": _conventions(folder / "tables"),
        "trustlib": metadata.version("trustgap"),
        "python": sys.version.split()[0],
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }
    if "seed" in run.parameters:
        origin["seed"] = run.parameters["seed"]
    return origin


def _conventions(tables: Path) -> dict[str, str]:
    """How the numbers of each published table are to be read."""
    conventions = {}
    for path in sorted(tables.glob("*.json")):
        notes = json.loads(path.read_text(encoding="utf-8"))
        conventions[path.stem] = notes["convention"]
    return conventions


def hashes_of(folder: Path) -> dict[str, str]:
    """The hash of each file below a folder, by its path in it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     length = (Path(folder) / "a.txt").write_text("a")
    ...     hashes = hashes_of(Path(folder))
    >>> hashes["a.txt"][:8]
    'ca978112'
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
