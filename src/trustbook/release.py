"""The release described for machines: ``ro-crate-metadata.json``, an RO-Crate 1.1.

The crate is the folder of the project. Its parts are the data files of
``data/manifest.yml``, the templates, the executed runs with their tables and pictures,
the ledger and the findings, each file with its SHA-256. A run is also an action: which
template made which folder of which data, with which version of trustlib. What is
committed nowhere (the rows of a survey) is named as a source and is no part.

The same files give the same bytes: nothing in it is a time of day. ``provenance.json``
of a run holds the seconds that it took and therefore has no hash here.

Source: RO-Crate Metadata Specification 1.1.3, https://w3id.org/ro/crate/1.1
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trustlib.errors import RunError, require_file
from trustlib.files import file_hash
from trustlib.schema import load_yaml
from trustlib.writing import write_text

NAME = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.1"
# The context of version 1.1 has no word for a hash; this one is that of schema.org.
CONTEXT = [f"{VERSION}/context", {"sha256": "http://schema.org/sha256"}]
FORMATS = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".yml": "application/yaml",
}
PAPERS = (
    "CITATION.cff",
    "requirements.lock",
    "notebooks/runs.yml",
    "data/codebook.yml",
    "data/manifest.yml",
    "book/findings.yml",
    "tests/published/findings.csv",
)
# Where the notebook of a run may lie; the first if it lies in none.
NOTEBOOKS = ("notebooks/templates", "notebooks/lessons")

# A reference to an entity of the crate.
Reference = dict[str, str]


def write_crate(root: str | Path, runs: str | Path) -> Path:
    """Describe a release.

    Parameters
    ----------
    root : path
        Folder of the project, with ``CITATION.cff`` and ``data/manifest.yml``.
    runs : path
        Folder of the executed runs, below `root`.

    Returns
    -------
    Path
        ``ro-crate-metadata.json`` in `root`.

    Raises
    ------
    RunError
        The runs are not below `root`.
    MissingFileError
        A file that a run or the manifest names is not there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     root = Path(folder)
    ...     (root / "data").mkdir()
    ...     cited = {"title": "T", "abstract": "A", "version": "1", "license": "MIT"}
    ...     cited |= {"authors": [{"name": "us"}], "keywords": ["trust"]}
    ...     cited |= {"date-released": "2026-11-28"}
    ...     length = (root / "CITATION.cff").write_text(json.dumps(cited))
    ...     length = (root / "data" / "manifest.yml").write_text("files: []")
    ...     path = write_crate(root, root / "runs")
    ...     len(json.loads(path.read_text())["@graph"])
    7
    """
    root = Path(root).resolve()
    runs = Path(runs).resolve()
    if not runs.is_relative_to(root):
        raise RunError(
            f"The runs in {runs.name} are not below the folder of the release.",
            "Give --root.",
        )
    hint = "It names title, authors, version and licence."
    cited = load_yaml(require_file(root / "CITATION.cff", "citation", hint))
    crate = _Crate(root)
    about = _citation(crate, cited)
    software = crate.add(
        "#trustlib",
        "SoftwareApplication",
        name="trustlib",
        version=cited["version"],
        author=about["author"],
        license=about["license"][:1],
    )
    _add_files(crate, runs)
    for path in sorted(runs.glob("*/provenance.json")):
        _add_run(crate, path, software)
    about |= {"hasPart": crate.parts, "mentions": crate.actions}
    return write_text(root / NAME, _document(crate, about))


class _Crate:
    """Entities by their id, and which of them are parts of the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entities: dict[str, dict[str, Any]] = {}
        self.parts: list[Reference] = []
        self.actions: list[Reference] = []

    def name(self, path: Path) -> str:
        """A path as it is named in the crate."""
        return path.relative_to(self.root).as_posix()

    def add(self, key: str, kind: Any, /, **properties: Any) -> Reference:
        """An entity, and the reference to it."""
        entity = self.entities.setdefault(key, {"@id": key, "@type": kind})
        entity |= {name: value for name, value in properties.items() if value}
        return {"@id": key}

    def file(
        self, key: str, /, *, part: bool = True, kind: Any = "File", **properties: Any
    ) -> Reference:
        """A file of the project, with its hash."""
        hint = "Make it again, or correct data/manifest.yml."
        path = require_file(self.root / key, "file of the release", hint)
        own = {
            "name": path.name,
            "encodingFormat": FORMATS.get(path.suffix, "text/plain"),
            "sha256": file_hash(path),
        }
        if key not in self.entities and part:
            self.parts.append({"@id": key})
        return self.add(key, kind, **(own | properties))

    def folder(
        self, key: str, parts: Iterable[Reference], /, **properties: Any
    ) -> Reference:
        """A folder of the project with its files."""
        name = f"{key}/"
        self.parts.append({"@id": name})
        return self.add(name, "Dataset", hasPart=list(parts), **properties)


def _citation(crate: _Crate, cited: Mapping[str, Any]) -> dict[str, Any]:
    """What ``CITATION.cff`` says of the whole; authors and licences become entities."""
    licences = []
    for name in _as_list(cited["license"]):
        address = f"https://spdx.org/licenses/{name}"
        licences.append(crate.add(address, "CreativeWork", name=name))
    authors = []
    for number, author in enumerate(cited["authors"], 1):
        authors.append(_author(crate, f"#author-{number}", author))
    return {
        "name": cited["title"],
        "description": " ".join(cited["abstract"].split()),
        "author": authors,
        "datePublished": cited["date-released"],
        "version": cited["version"],
        "license": licences,
        "keywords": cited["keywords"],
    }


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _author(crate: _Crate, key: str, author: Mapping[str, str]) -> Reference:
    """A person, or a group that goes by one name; `key` names those without address."""
    if "name" in author:
        address = author.get("website", key)
        return crate.add(address, "Organization", name=author["name"])
    given = author.get("given-names", "")
    name = f"{given} {author['family-names']}".strip()
    return crate.add(author.get("orcid", key), "Person", name=name)


def _add_files(crate: _Crate, runs: Path) -> None:
    """Add what is there beside the runs: papers, sources and the ledger."""
    for name in PAPERS:
        if (crate.root / name).is_file():
            crate.file(name)
    manifest = load_yaml(crate.root / "data" / "manifest.yml")
    for entry in manifest["files"]:
        _add_source(crate, entry)
    for path in sorted(runs.glob("ledger.*")):
        crate.file(crate.name(path))


def _add_source(crate: _Crate, entry: Mapping[str, str]) -> None:
    """Add an entry of the manifest: a file, a folder, or what is no part of the crate."""
    name = entry["path"]
    folder = crate.root / name
    terms: dict[str, Any] = {
        "description": entry["what"],
        "conditionsOfAccess": entry["terms"],
        "creditText": entry["source"],
    }
    if entry["where"] != "committed":
        digest = entry.get("sha256")
        crate.add(f"#{name}", "CreativeWork", name=name, sha256=digest, **terms)
    elif folder.is_dir():
        names = [crate.name(path) for path in sorted(folder.iterdir())]
        files = [crate.file(key, part=False) for key in names]
        crate.folder(name, files, name=name, **terms)
    else:
        crate.file(name, **terms)


def _add_run(crate: _Crate, path: Path, software: Reference) -> None:
    """Add a run: its folder, and the action that made it."""
    provenance = json.loads(path.read_text(encoding="utf-8"))
    result = _result(crate, crate.name(path.parent), provenance)
    used = list(_data_files(crate, provenance["made_from"]))
    notebook = provenance["template"]
    template = crate.file(
        _place_of(crate, notebook),
        kind=["File", "SoftwareSourceCode"],
        programmingLanguage="Python",
    )
    name = provenance["run"]
    action = crate.add(
        f"#run-{name}",
        "CreateAction",
        name=f"{notebook} with the parameters of {name}",
        instrument=[template, software],
        object=used,
        result=result,
    )
    crate.actions.append(action)


def _result(crate: _Crate, folder: str, provenance: Mapping[str, Any]) -> Reference:
    """The folder of a run with its files."""
    names = sorted(provenance["files"])
    files = [crate.file(f"{folder}/{name}", part=False) for name in names]
    files.append(crate.file(f"{folder}/provenance.json", part=False, sha256=None))
    title = provenance["parameters"].get("title", provenance["run"])
    evidence = f"Evidence: {', '.join(provenance['kinds'])}"
    return crate.folder(folder, files, name=title, description=evidence)


def _data_files(crate: _Crate, made_from: Mapping[str, str]) -> Iterator[Reference]:
    """The data files of a run."""
    for name in made_from:
        if "/" in name:
            yield crate.file(name)


def _place_of(crate: _Crate, notebook: str) -> str:
    """Where the notebook of a run lies."""
    places = [f"{folder}/{notebook}" for folder in NOTEBOOKS]
    for place in places:
        if (crate.root / place).is_file():
            return place
    return places[0]


def _document(crate: _Crate, about: Mapping[str, Any]) -> str:
    """The crate as JSON-LD."""
    head = {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": VERSION},
        "about": {"@id": "./"},
    }
    whole = {"@id": "./", "@type": "Dataset", **about}
    graph = [head, whole, *crate.entities.values()]
    document = {"@context": CONTEXT, "@graph": graph}
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
    return text + "\n"
