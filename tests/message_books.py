"""Messages of `trustlib reproduce`, and reasons why something is withheld, with what they advise."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import nbformat
import pandas as pd
import pytest

from partner_steps import (
    Case,
    Refused,
    Step,
    after,
    command,
    first,
    in_order,
    mapped,
    mapping,
    people,
    planned,
    within,
    write,
)

BOOK = {"people.csv": people(), "m.yml": mapping()}
MAKE = ("reproduce", "people.csv", "--mapping", "m.yml")


@contextmanager
def quick() -> Iterator[None]:
    """`reproduce` without executing its runs, and without Sphinx."""
    with (
        mock.patch("trustbook.private_book.run_all", return_value={}),
        mock.patch("trustbook.private_book._build"),
    ):
        yield


def made(*words: str, files: dict | None = None) -> Step:
    """``trustlib reproduce``, without executing its runs."""
    return within(quick, after(files or BOOK, *MAKE, *words))


def without_project() -> Any:
    """An installation of which the templates were lost."""
    return mock.patch("trustbook.resources.project", return_value=Path("lost"))


def on_a_disk_of_its_own() -> Any:
    """A machine on which the folder of the book is the root of a disk."""
    return mock.patch("trustlib.writing.folders.os.path.ismount", return_value=True)


def at_work(lock: str, step: Step) -> Step:
    """A step while another command holds the lock of a folder."""

    def beside(folder: Path) -> Any:
        (folder / lock).mkdir(parents=True, exist_ok=True)
        held = os.open(folder / lock, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return step(folder)
        finally:
            os.close(held)

    return beside


def leaking() -> Any:
    """A template that writes rows of the file beside the pages."""

    def build(out: Path) -> None:
        shutil.copy("people.csv", out / "book" / "rows.csv")

    return mock.patch("trustbook.private_book._build", side_effect=build)


@contextmanager
def a_quick_leak() -> Iterator[None]:
    with quick(), leaking():
        yield


@contextmanager
def runs_that(**failed: str) -> Iterator[None]:
    """Runs that end in a message, by what they are of."""

    def executed(runs: Any, *given: Any, **more: Any) -> dict[str, str]:
        return {run.id: failed["levels"] for run in runs if "levels" in run.id}

    with (
        mock.patch("trustbook.private_book.run_all", executed),
        mock.patch("trustbook.private_book._build"),
    ):
        yield


@contextmanager
def a_build_that_fails() -> Iterator[None]:
    """A machine on which Sphinx ends with an error."""
    done = SimpleNamespace(returncode=2, stdout="ERROR: no room", stderr="")
    with (
        mock.patch("trustbook.private_book.run_all", return_value={}),
        mock.patch("trustbook.private_book.subprocess.run", return_value=done),
    ):
        yield


def fails(step: Step) -> Step:
    """A step that is refused, as what comes before another."""

    def refused(folder: Path) -> None:
        with pytest.raises(Refused):
            step(folder)

    return refused


def a_fault() -> Any:
    """A reader that meets what it should have foreseen."""
    return mock.patch("trustlib.schema.load_mapping", side_effect=ZeroDivisionError)


def one_run(*cells: str) -> Step:
    """``trustlib run`` of a plan with one small notebook on the file."""

    def step(folder: Path) -> str:
        start = 'file = ""\nmapping = ""'
        parameters = nbformat.v4.new_code_cell(start, metadata={"tags": ["parameters"]})
        notebook = nbformat.v4.new_notebook(cells=[parameters])
        notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}  # fmt: skip
        given = {"file": "../people.csv", "mapping": "../m.yml"}
        plan = {"runs": [{"id": "one", "template": "one", "parameters": given, "page": False}]}  # fmt: skip
        write(folder, {**BOOK, "runs.yml": plan, "templates/x": ""})
        nbformat.write(notebook, folder / "templates" / "one.ipynb")
        return command("run", "--plan", "runs.yml", "--out", "out", "--jobs", "1")

    return step


def printed(text: str) -> Step:
    """``trustlib reproduce --plan`` with an own list of printed figures."""
    files = {
        "people.csv": people(),
        "m.yml": mapping(published="published.csv"),
        "published.csv": text,
    }
    return after(files, *MAKE, "--plan")


READ = "import trustlib as tl\npeople = tl.read_survey(file, mapping)\ncells = tl.compress(tl.SurveyDesign(people), 'low_trust', ['gender'])"
SHOWN = "Run x shows what is not for a page in the cell that begins 'people': rows."
HINT_OF_RUN = "Show estimates through tl.table."


def alone(where: dict) -> Step:
    """The cells of an outcome by identities that nobody told together."""
    import trustlib as tl

    frame = pd.DataFrame(where)
    return lambda folder: repr(
        tl.compress(
            tl.SurveyDesign(frame, weight=None), "y", [c for c in frame if c != "y"]
        )
    )


BOOKS = (
    Case(
        "There is no book with settings at ….",
        within(without_project, made()),
        made(),
        then="The private book:",
    ),
    Case(
        "… is there already, and is no private book.",
        after({**BOOK, "private/own.txt": "mine"}, *MAKE),
        made("--out", "private-2", files={**BOOK, "private/own.txt": "mine"}),
    ),
    Case(
        "There is no outcome ….",
        planned(more=("--outcome", "gender")),
        planned(more=("--outcome", "low_trust")),
    ),
    Case(
        "There is no identity ….",
        planned(more=("--axis", "Gender")),
        planned(more=("--axis", "gender")),
        way="axis",
    ),
    Case(
        "There is no identity ….",
        planned(more=("--first", "low_trust")),
        planned(more=("--first", "gender")),
        way="first",
    ),
    Case(
        "… is not a list of printed figures, … faults:",
        printed("outcome,percent\nlow_trust,43\n"),
        printed("outcome,value\nlow_trust,43\n"),
    ),
    Case(
        "row …: …",
        printed("outcome,value,gender\nlow_trust,43,men\n"),
        printed("outcome,value,gender\nlow_trust,43,man\n"),
    ),
    Case(
        "Nobody in the domain has a value of … and of each axis.",
        alone({"y": [0, 1] * 20, "a": ["x"] * 20 + [None] * 20, "b": [None] * 20 + ["x"] * 20}),
        alone({"y": [0, 1] * 20, "a": ["x"] * 20 + [None] * 20}),
    ),
    Case(
        "Another `trustlib run` is at work in ….",
        at_work("out", one_run("print('Nothing is counted here.')")),
        one_run("print('Nothing is counted here.')"),
    ),
    Case("Another command is at work in ….", at_work(".private.new", made()), made()),
    Case(
        "… cannot be replaced as a whole: it is the root of a disk, or the folder around it is not yours.",
        within(on_a_disk_of_its_own, made("--out", "disk")),
        made("--out", "disk/book"),
    ),
    Case(
        "Run …: its process ended half way, ….",
        one_run("import os; os._exit(9)"),
        one_run("print('There is room.')"),
    ),
    Case("Run … failed: …", within(lambda: runs_that(levels="Run x failed: KeyError"), after(BOOK, *MAKE)), made()),
    Case(
        "Values of respondents stand in what is published, or may stand there, … faults:",
        after({**BOOK, "shown/people.csv": people(id=[f"R{i:07}" for i in range(80)]), "people.csv": people(id=[f"R{i:07}" for i in range(80)])}, "check-rows", "people.csv", "shown"),
        after({"people.csv": people(id=[f"R{i:07}" for i in range(80)]), "shown/page.html": "<p>Half of them.</p>"}, "check-rows", "people.csv", "shown"),
        then="Nothing of a respondent",
    ),
    Case(
        "Values of respondents stand in the new book, or may stand there, … faults:",
        within(a_quick_leak, after(BOOK, *MAKE)),
        made(),
    ),
    Case(
        "Run … shows what is not for a page in the cell that begins …: ….",
        one_run(READ, "people.head()"),
        one_run(READ, "tl.table(tl.cell_means(cells))"),
    ),
    Case(
        "Templates show what is not for a page, … faults:",
        within(lambda: runs_that(levels=f"{SHOWN}\n{HINT_OF_RUN}"), after(BOOK, *MAKE)),
        made(),
    ),
    Case("This is a fault of ours: … in ….", within(a_fault, mapped()), mapped(), then="80 people"),
    Case(
        "The private book was not built, … faults:",
        within(a_build_that_fails, after(BOOK, *MAKE)),
        in_order(fails(within(a_build_that_fails, after(BOOK, *MAKE))), made()),
    ),
)  # fmt: skip

# -- why something is withheld ----------------------------------------------------------

REGION = {"column": "region"}
NAMED = {"north": "north", "south": "south", "west": "west"}


def by_region(region: list, *words: str, **rule: Any) -> Step:
    """The plan of a book with a second identity."""
    variables = {"region": {**REGION, **(rule or {"values": NAMED})}}
    return planned(variables, {"region": region}, words)


def polled(columns: dict, **parts: Any) -> Step:
    """The plan of a book of a file with countries or waves."""
    variables = {
        name: {"column": name} for name in columns if name in ("wave", "country")
    }
    return planned(variables, columns, **parts)


APART = {
    "sex": ["m", "f"] * 20 + [""] * 40,
    "region": [""] * 40 + ["north", "south"] * 20,
}
SMALL = ["north"] * 75 + ["south"] * 5
THREE = ["north"] * 40 + ["south"] * 35 + ["west"] * 5
WAVES = first(40, "spring", "autumn")
HALF = [("A", "B")[i // 4 % 2] for i in range(80)]
REASONS = (
    Case(
        "fewer than 10 people, or nobody, with or without the outcome, or one of them with most of the weight: …",
        by_region(SMALL),
        by_region(SMALL, "--axis", "gender"),
    ),
    Case(
        "fewer than 10 people, or nobody, with or without the outcome, or one of them with most of the weight: …",
        planned({"region": REGION | {"values": NAMED}}, APART),
        planned({"region": REGION | {"values": NAMED}}, APART, ("--axis", "gender")),
        way="nobody told both",
    ),
    Case(
        "everyone who is counted has the same level: …",
        by_region(["north"] * 80),
        by_region(["north"] * 80, "--axis", "gender"),
    ),
    Case(
        "fewer than 10 people gave some of its answers, or they may be personal details; declare each under values",
        planned({"region": REGION}, {"region": THREE}),
        by_region(THREE, values={"north": "north", "south": "south", "west": "south"}),
    ),
    Case(
        "fewer than half of those who answered told it",
        by_region(["north", "south"] * 15 + [""] * 50),
        by_region(["north", "north", "south", "south"] * 8 + [""] * 48, "--axis", "region"),
        way="alone",
    ),
    Case(
        "the file has no variable …",
        polled({"country": HALF}),
        polled({"country": HALF, "wave": WAVES}),
    ),
    Case(
        "these pages are not made for designs of replicate weights",
        polled(
            {"country": HALF, "r1": [1.0 + i % 2 for i in range(80)], "r2": [2.0 - i % 2 for i in range(80)]},
            design={"weight": "wt", "replicate_weights": ["r1", "r2"], "replicate_method": "JK1"},
        ),
        polled({"country": HALF}),
    ),
    Case(
        "the last wave has people of one country only",
        polled({"country": ["A"] * 80, "wave": WAVES}),
        polled({"country": HALF, "wave": WAVES}),
    ),
    Case(
        "the people who are counted are of one wave only",
        polled({"country": HALF, "wave": ["spring"] * 80}),
        polled({"country": HALF, "wave": WAVES}),
    ),
    Case(
        "no earlier wave has the countries of the last one",
        polled({"country": ["A"] * 40 + ["B"] * 40, "wave": WAVES}),
        polled({"country": HALF, "wave": WAVES}),
    ),
    Case(
        "… stand together, because a table of finer levels has too few people, or nobody, at: …",
        by_region(THREE),
        by_region(THREE, values={"north": "north", "south": "south or west", "west": "south or west"}),
    ),
)  # fmt: skip
