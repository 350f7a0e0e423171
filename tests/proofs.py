"""Proofs: long tests that are made once for each state of their subject. ``make proof`` makes those that are due.

A test or class with the mark ``proof`` has an entry in ``proofs.yml``: ``of`` names its subject, and ``proved`` is the
hash of the state of which it was proved. The state is that of the modules that are named with all of ours that they
import, of the files and folders that are named, of the file of the test, and of what it imports from ``tests/``.
``make test`` leaves proofs out and fails where a hash is not that of today (``test_proofs.py``).

``python tests/proofs.py`` makes the proofs that are due, and with ``--all`` every one.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from modules import MODULES, ROOT, imports

HERE = Path(__file__).parent
RECORD = HERE / "proofs.yml"
HEAD = "# What each proof is of, by hand; `make proof` writes of which state it was proved.\n"


@dataclass(frozen=True)
class Proof:
    """A long test and its subject.

    Attributes
    ----------
    test : str
        Below ``tests/``: ``test_pooling.py::TestIntervals``.
    of : list of str
        Modules by name, files and folders by their path in the repository.
    proved : str
        The hash of the state of which it was proved last.
    """

    test: str
    of: list[str]
    proved: str

    @property
    def id(self) -> str:
        """As pytest names it."""
        return f"tests/{self.test}"

    @property
    def is_due(self) -> bool:
        return self.proved != self.state()

    def state(self) -> str:
        """The hash of its subject as it is today."""
        state = hashlib.sha256()
        for path in sorted(self._files()):
            state.update(path.relative_to(ROOT).as_posix().encode())
            state.update(path.read_bytes())
        return state.hexdigest()

    def _files(self) -> set[Path]:
        """All files that it rests on."""
        named = [part for part in self.of if part in MODULES]
        files = within(MODULES, [MODULES[name] for name in named])
        tests = {path.stem: path for path in HERE.glob("*.py")}
        files |= within(tests, [HERE / self.test.partition("::")[0]])
        for part in set(self.of) - set(named):
            place = ROOT / part
            if not place.exists():
                raise ValueError(f"{self.test}: {part!r} is no module, file or folder")
            files |= {place} if place.is_file() else set(_files_in(place))
        return files


def _files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder, those that Python leaves there not counted."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def within(modules: dict[str, Path], start: Sequence[Path]) -> set[Path]:
    """Some files, and those of `modules` that they import, directly or not."""
    found = set(start)
    to_read = list(start)
    while to_read:
        names = imports(to_read.pop()) & set(modules)
        new = {modules[name] for name in names} - found
        found |= new
        to_read += new
    return found


def read(path: Path) -> list[Proof]:
    """The proofs that are recorded."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Proof(test, entry["of"], entry["proved"]) for test, entry in raw.items()]


def write(proofs: Sequence[Proof], path: Path) -> None:
    """Keep what was proved."""
    raw = {one.test: {"of": one.of, "proved": one.proved} for one in proofs}
    path.write_text(HEAD + yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")


@dataclass
class Outcomes:
    """What became of each test: as a plugin it hears the reports of all workers."""

    passed: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self.others.append(report.nodeid)
        elif report.when == "call":
            self.passed.append(report.nodeid)

    def prove(self, proof: Proof) -> bool:
        """Whether tests of a proof passed, and none failed or was skipped."""
        of_others = [name for name in self.others if _is_of(name, proof)]
        return not of_others and any(_is_of(name, proof) for name in self.passed)


def _is_of(name: str, proof: Proof) -> bool:
    return name == proof.id or name.startswith((f"{proof.id}::", f"{proof.id}["))


def main(*options: str, record: Path = RECORD) -> str:
    """Make the proofs that are due; what is said if one of them fails."""
    before = read(record)
    todo = [one for one in before if one.is_due or "--all" in options]
    if not todo:
        print(f"All {len(before)} proofs are of the present state.")
        return ""
    print(*(f"To be proved: {one.test}" for one in todo), sep="\n", flush=True)
    states = {one.test: one.state() for one in todo}  # of what is run, not of later
    heard = Outcomes()
    pytest.main(["-m", "proof", *(one.id for one in todo)], plugins=[heard])
    after = [
        replace(one, proved=states[one.test])
        if one in todo and heard.prove(one)
        else one
        for one in before
    ]
    write(after, record)
    left = [one.test for one in todo if not heard.prove(one)]
    if left:
        return f"Not proved, because a test failed or was skipped: {', '.join(left)}."
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or None)  # a text ends with status 1
