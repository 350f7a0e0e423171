"""One run, and a hash of each thing that determines its result.

Hundreds of runs share their files: each is read once for each of its states.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trustlib.files import SUFFIXES, file_hash
from trustlib.schema import load_yaml
from trustlib.sources import Source

LOCK = "requirements.lock"


@dataclass(frozen=True)
class Run:
    """One execution of a template with parameters.

    Parameters
    ----------
    id : str
        Also the name of its folder.
    template : Path
        A notebook.
    parameters : dict
        Relative paths count from the folder of the template.
    page : bool
        Whether the book shows its notebook.

    Examples
    --------
    >>> from pathlib import Path
    >>> run = Run("one", Path("templates/small.ipynb"), {"cells": "../a.parquet"})
    >>> [path.name for path in run.data]
    ['a.parquet']
    """

    id: str
    template: Path
    parameters: dict[str, Any]
    page: bool = True

    @property
    def data(self) -> list[Path]:
        """The data files among the parameters."""
        return self._files(SUFFIXES)

    @property
    def mappings(self) -> list[Path]:
        """The mappings among the parameters; one that is absent is only mentioned."""
        return [path for path in self._files((".yml", ".yaml")) if path.is_file()]

    @property
    def sources(self) -> list[Source]:
        """What the data and the mappings say of their source."""
        sources = [read_once(_source_of, path) for path in self.data]
        sources += [Source.of(_mapping(path).get("source")) for path in self.mappings]
        return [source for source in sources if source]

    @property
    def manifest(self) -> list[dict[str, str]]:
        """The entries of ``data/manifest.yml`` for the data of this run."""
        path = self.root / "data" / "manifest.yml"
        if not path.is_file():
            return []
        entries = read_once(load_yaml, path)["files"]
        return [entry for entry in entries if self._reads(entry["path"])]

    @property
    def root(self) -> Path:
        """The folder of the project: the nearest one with a lock file."""
        for folder in self.template.parents:
            if (folder / LOCK).is_file():
                return folder
        return self.template.parent

    def made_from(self) -> dict[str, str]:
        """A hash of each thing that determines the result.

        Returns
        -------
        dict
            Template, parameters, library and entries of the manifest, and each file
            (data, mappings, codebooks, lock) by its path from the top of the project.
        """
        root = self.root
        hashes = {
            "template": hash_of(self.template),
            "parameters": _digest(self.parameters),
            "library": library_hash(),
            "manifest": _digest(self.manifest),
        }
        files = [*self.data, *self.mappings, *self._codebooks(), root / LOCK]
        for path in files:
            if path.is_file():
                hashes[os.path.relpath(path, root)] = hash_of(path)
        return hashes

    def _files(self, endings: tuple[str, ...]) -> list[Path]:
        """The files among the parameters whose names end so."""
        texts = [value for value in self.parameters.values() if isinstance(value, str)]
        folder = self.template.parent
        return [(folder / text).resolve() for text in texts if text.endswith(endings)]

    def _reads(self, place: str) -> bool:
        """Whether a data file is this file of the project, or lies in this folder."""
        for path in self.data:
            around = [path, *path.parents]
            if any(folder.as_posix().endswith(f"/{place}") for folder in around):
                return True
        return False

    def _codebooks(self) -> list[Path]:
        """The codebooks that the mappings name."""
        codebooks = []
        for path in self.mappings:
            name = _mapping(path).get("codebook")
            if name:
                codebooks.append(path.parent / name)
        return codebooks


def source_kind(path: Path) -> str | None:
    """The kind of evidence that a Parquet file says it holds.

    Returns
    -------
    str or None
        One of `trustlib.disclosure.EVIDENCE`; None for a file that does not say.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(source_kind(Path("answers.csv")))
    None
    """
    return _source_of(path).kind


def library_hash() -> str:
    """Hash of the code that notebooks can call, as it is on the disk now.

    Examples
    --------
    >>> len(library_hash())
    64
    """
    packages = Path(__file__).parents[2]
    files = packages.glob("trust*/**/*")
    code = [path for path in files if path.suffix in (".py", ".R")]
    hashes = {str(path.relative_to(packages)): hash_of(path) for path in sorted(code)}
    return _digest(hashes)


def hash_of(path: Path) -> str:
    """SHA-256 of a file, computed once for each of its states.

    Examples
    --------
    >>> from pathlib import Path
    >>> hash_of(Path(__file__)) == file_hash(__file__)
    True
    """
    return read_once(file_hash, path)


def read_once(read: Callable[[Path], Any], path: Path) -> Any:
    """``read(path)``, once for each state of the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> read_once(Path.read_text, Path(__file__)) == Path(__file__).read_text()
    True
    """
    state = path.stat()
    return _remembered(read, path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4096)
def _remembered(
    read: Callable[[Path], Any], path: Path, changed: int, size: int
) -> Any:
    return read(path)


def _mapping(path: Path) -> dict[str, Any]:
    """The entries of a mapping; none where the file holds something else."""
    entries = read_once(load_yaml, path)
    return entries if isinstance(entries, dict) else {}


def _source_of(path: Path) -> Source:
    """The source that a Parquet file names in its metadata."""
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        return Source()
    notes = pq.read_schema(path).metadata or {}
    try:
        of_cells = json.loads(notes.get(b"trustlib", b"{}")).get("source")
        return Source.of(of_cells or json.loads(notes.get(b"source", b"{}")))
    except (AttributeError, KeyError, ValueError):  # notes of another program
        return Source()


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


# Of the code as this process imported it.
IMPORTED = library_hash()
