"""A description of the whole release for machines: ``ro-crate-metadata.json``, an RO-Crate 1.1.

The crate is the folder of the project. Its parts are the data files of ``data/manifest.yml``, the templates, the
executed runs with their tables and pictures, the ledger and the findings, each file with its SHA-256. A run is also an
action: which template made which folder of which data, with which version of trustlib. What is committed nowhere (the
rows of a survey) is named as a source and is no part.

The same files give the same bytes: nothing in it is a time of day. ``provenance.json`` of a run holds the seconds that
it took and therefore has no hash here.

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
FORMATS = {".csv": "text/csv", ".json": "application/json", ".yml": "application/yaml", ".png": "image/png",
           ".parquet": "application/vnd.apache.parquet", ".ipynb": "application/x-ipynb+json",
           ".cff": "application/yaml"}  # fmt: skip
PAPERS = ("CITATION.cff", "requirements.lock", "notebooks/runs.yml", "data/codebook.yml", "data/manifest.yml",
          "book/findings.yml", "tests/published/findings.csv")  # fmt: skip


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
        The runs are not below `root`, or a file that a run or the manifest names is not there.
    """
    root, runs = Path(root).resolve(), Path(runs).resolve()
    if not runs.is_relative_to(root):
        raise RunError(
            f"The runs in {runs.name} are not below the folder of the release.",
            "Give --root.",
        )
    cited = load_yaml(
        require_file(
            root / "CITATION.cff",
            "citation",
            "It names title, authors, version and licence.",
        )
    )
    crate = _Crate(root)
    licences = [
        crate.add(f"https://spdx.org/licenses/{x}", "CreativeWork", name=x)
        for x in _list(cited["license"])
    ]
    authors = [_author(crate, i, a) for i, a in enumerate(cited["authors"], 1)]
    software = crate.add("#trustlib", "SoftwareApplication", name="trustlib", version=cited["version"],
                         author=authors, license=licences[:1])  # fmt: skip
    for name in PAPERS:
        if (root / name).is_file():
            crate.file(name)
    for entry in load_yaml(root / "data" / "manifest.yml")["files"]:
        _source(crate, entry)
    for path in sorted(runs.glob("ledger.*")):
        crate.file(crate.name(path))
    for path in sorted(runs.glob("*/provenance.json")):
        _run(crate, path, software)
    about = {"name": cited["title"], "description": " ".join(cited["abstract"].split()), "author": authors,
             "datePublished": cited["date-released"], "version": cited["version"], "license": licences,
             "keywords": cited["keywords"], "hasPart": crate.parts, "mentions": crate.actions}  # fmt: skip
    head = {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": VERSION},
        "about": {"@id": "./"},
    }
    graph = [head, {"@id": "./", "@type": "Dataset", **about}, *crate.entities.values()]
    text = json.dumps(
        {"@context": CONTEXT, "@graph": graph},
        indent=1,
        ensure_ascii=False,
        default=str,
    )
    return write_text(root / NAME, text + "\n")


class _Crate:
    """Entities by their id, and which of them are parts of the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entities: dict[str, dict[str, Any]] = {}
        self.parts: list[dict[str, str]] = []
        self.actions: list[dict[str, str]] = []

    def name(self, path: Path) -> str:
        """A path as it is named in the crate."""
        return path.relative_to(self.root).as_posix()

    def add(self, key: str, kind: Any, /, **facts: Any) -> dict[str, str]:
        """An entity, and the reference to it."""
        known = self.entities.setdefault(key, {"@id": key, "@type": kind})
        known |= {k: v for k, v in facts.items() if v}
        return {"@id": key}

    def file(
        self, key: str, /, *, part: bool = True, kind: Any = "File", **facts: Any
    ) -> dict[str, str]:
        """A file of the project, with its hash."""
        path = require_file(
            self.root / key,
            "file of the release",
            "Make it again, or correct data/manifest.yml.",
        )
        told = {
            "name": path.name,
            "encodingFormat": FORMATS.get(path.suffix, "text/plain"),
            "sha256": file_hash(path),
        }
        if key not in self.entities and part:
            self.parts.append({"@id": key})
        return self.add(key, kind, **(told | facts))

    def folder(
        self, key: str, parts: Iterable[Mapping[str, str]], /, **facts: Any
    ) -> dict[str, str]:
        """A folder of the project with its files."""
        self.parts.append({"@id": f"{key}/"})
        return self.add(f"{key}/", "Dataset", hasPart=list(parts), **facts)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _author(crate: _Crate, number: int, facts: Mapping[str, str]) -> dict[str, str]:
    """A person, or a group that goes by one name."""
    if "name" in facts:
        return crate.add(
            facts.get("website", f"#author-{number}"),
            "Organization",
            name=facts["name"],
        )
    name = f"{facts.get('given-names', '')} {facts['family-names']}".strip()
    return crate.add(facts.get("orcid", f"#author-{number}"), "Person", name=name)


def _source(crate: _Crate, entry: Mapping[str, str]) -> None:
    """An entry of the manifest: a file, a folder of files, or something that is not part of the release."""
    name = entry["path"]
    told: dict[str, Any] = {
        "description": entry["what"],
        "conditionsOfAccess": entry["terms"],
        "creditText": entry["source"],
    }
    if entry["where"] != "committed":
        crate.add(
            f"#{name}", "CreativeWork", name=name, sha256=entry.get("sha256"), **told
        )
    elif (crate.root / name).is_dir():
        files = [
            crate.file(crate.name(p), part=False)
            for p in sorted((crate.root / name).iterdir())
        ]
        crate.folder(name, files, name=name, **told)
    else:
        crate.file(name, **told)


def _run(crate: _Crate, path: Path, software: dict[str, str]) -> None:
    """A run: its folder, and the action that made it."""
    facts, folder = (
        json.loads(path.read_text(encoding="utf-8")),
        crate.name(path.parent),
    )
    files = [
        crate.file(f"{folder}/{name}", part=False) for name in sorted(facts["files"])
    ]
    files.append(crate.file(f"{folder}/provenance.json", part=False, sha256=None))
    title = facts["parameters"].get("title", facts["run"])
    made = crate.folder(
        folder, files, name=title, description=f"Evidence: {', '.join(facts['kinds'])}"
    )
    used = list(_used(crate, facts["made_from"]))
    places = [
        f"notebooks/{place}/{facts['template']}" for place in ("templates", "lessons")
    ]
    code = next((name for name in places if (crate.root / name).is_file()), places[0])
    template = crate.file(
        code, kind=["File", "SoftwareSourceCode"], programmingLanguage="Python"
    )
    name = f"{facts['template']} with the parameters of {facts['run']}"
    crate.actions.append(crate.add(f"#run-{facts['run']}", "CreateAction", name=name, instrument=[template, software],
                                   object=used, result=made))  # fmt: skip


def _used(crate: _Crate, made_from: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The data files of a run."""
    for name in made_from:
        if "/" in name:
            yield crate.file(name)
