"""Commands for a survey file of somebody's own: validate, mapping-init, reproduce."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustbook.commands.console import (
    MappingFile,
    SurveyFile,
    console,
    say,
    say_lines,
)
from trustbook.utf8 import write_document
from trustlib.errors import CodebookError, RunError, TrustlibError, raise_faults
from trustlib.masking import FEW, answers_shown
from trustlib.writing import write_text

if TYPE_CHECKING:
    from trustbook.private_pages import Reproduction

MappingOut = Annotated[
    Path | None, typer.Option(help="Where to write it; by default it is printed.")
]


class EditionChoice(StrEnum):
    """The editions of `trustbook.editions`."""

    PRIVATE = "private"
    PUBLIC = "public"


Encoding = Annotated[str | None, typer.Option(help="Of the texts, such as latin-1.")]
Sheet = Annotated[
    str | None, typer.Option(help="Of a workbook with several tables, its name.")
]
Grep = Annotated[
    str, typer.Option(help="Only columns in whose name or labels these words stand.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(help="Only these columns: with commas between them, or repeat."),
]
BookFolder = Annotated[
    Path | None,
    typer.Option(help="Folder of the book; by default the name of its edition."),
]
WhichEdition = Annotated[
    EditionChoice,
    typer.Option(
        "--edition",
        help="private: exact, for those who may see the file. public: from protected "
        "cells only, to pass on.",
    ),
]
Outcomes = Annotated[
    list[str] | None, typer.Option(help="Only these; repeat for several.")
]
Axes = Annotated[
    list[str] | None, typer.Option(help="Only these identities; repeat for several.")
]
First = Annotated[
    list[str] | None,
    typer.Option(help="Identity whose pages are made first and stand first; repeat."),
]
OnlyPlan = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Build nothing: say how many runs and minutes, and what will be withheld.",
    ),
]
Jobs = Annotated[int, typer.Option(help="Runs at a time.", min=1)]
ShowAnswers = Annotated[
    bool,
    typer.Option(
        "--show-answers",
        help="Name single people's answers, on this screen only: for the file's owner.",
    ),
]
OFFER = (
    "Rows are counted from 1, below the names of the columns. "
    "--show-answers names the answers, on your screen only."
)


@contextmanager
def _answers_if(wanted: bool) -> Iterator[None]:
    """Name answers in messages if the owner of the file asks for it; else say that she can."""
    if wanted:
        with answers_shown():
            yield
        return
    try:
        yield
    except TrustlibError as error:
        if FEW in error.message or "PSU" in error.message:
            error.hint = f"{error.hint} {OFFER}".strip()
        raise


def validate(
    file: SurveyFile, mapping: MappingFile, show_answers: ShowAnswers = False
) -> None:
    """Read a survey file through its mapping and say what is in it; all faults at once."""
    from trustbook.supplied import described
    from trustlib.design import SurveyDesign
    from trustlib.rounding import people_in_words
    from trustlib.schema import declared_design, read_survey

    with _answers_if(show_answers):
        frame = read_survey(file, mapping)
        design = SurveyDesign(frame, **declared_design(mapping))
        base = design.source.rounding
        lines = [f"{people_in_words(len(frame), base)} people. {design.variance}."]
        if not design.weight:
            lines.append("CAUTION: unweighted, so everybody counts the same.")
        notes = frame.attrs.get("notes", [])
        lines += [f"Not read as people: {note}." for note in notes]
        say_lines(lines + described(frame, mapping))


def mapping_init(
    file: SurveyFile,
    out: MappingOut = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    grep: Grep = "",
    columns: Columns = None,
    show_answers: ShowAnswers = False,
) -> None:
    """Propose a mapping from a file's variables and labels; its user decides on each line."""
    from trustbook.proposal import Wanted, first_mapping

    options = (encoding, sheet, Wanted(tuple(columns or ()), grep))
    if out is not None:
        # Never over a mapping that somebody has worked on.
        write_text(out, first_mapping(file, *options), new=True)
        say_lines([f"Written: {out}"])
    if out is None or show_answers:
        with _answers_if(show_answers):
            write_document(console.file, first_mapping(file, *options))


def reproduce(
    file: SurveyFile,
    mapping: MappingFile,
    out: BookFolder = None,
    edition: WhichEdition = EditionChoice.PRIVATE,
    outcome: Outcomes = None,
    axis: Axes = None,
    first: First = None,
    plan: OnlyPlan = False,
    jobs: Jobs = 2,
    show_answers: ShowAnswers = False,
) -> None:
    """Run the analyses on a supplied file, answer the published record, build a book of it."""
    from trustbook.private_book import reproduce as make_private_book

    folder = out or Path(edition.value)
    asked: dict[str, Any] = {
        "outcomes": outcome or (),
        "axes": axis or (),
        "first": first or (),
        "jobs": jobs,
        "edition": edition.value,
    }
    if plan:
        _say_plan(file, mapping, folder, asked, show_answers)
        return
    with (
        _with_answers_on_screen(file, mapping, show_answers),
        console.status("reading", spinner="line") as status,
    ):

        def report(name: str, state: str) -> None:
            status.update(name)

        made = make_private_book(file, mapping, folder, report=report, **asked)
    _say_verdicts(made)
    if not made.runs:
        _say_nothing_shown(made)
    counts = f"Runs: {len(made.runs)}, withheld: {len(made.withheld)}."
    say_lines([f"{counts} The {edition.value} book: {made.site}/index.html"])
    failed = list(made.failed.values())
    raise_faults(RunError, "Some runs failed", failed, "The others are in the book.")


def _say_plan(
    file: Path, mapping: Path, out: Path, asked: dict[str, Any], show_answers: bool
) -> None:
    """What the book would be."""
    from trustbook.forecast import forecast

    with _with_answers_on_screen(file, mapping, show_answers):
        planned = forecast(file, mapping, out, **asked)
    say_lines(planned.lines())


@contextmanager
def _with_answers_on_screen(file: Path, mapping: Path, wanted: bool) -> Iterator[None]:
    """Name the answers of a refused file on the screen; its page of faults does not."""
    from trustbook.supplied import read_supplied

    try:
        with _answers_if(False):
            yield
    except CodebookError:
        if wanted:
            with answers_shown():
                read_supplied(file, mapping)
        raise


def _say_verdicts(made: Reproduction) -> None:
    """How the file answers the printed figures."""
    from trustbook.supplied import WORDS

    for verdict, count in made.ledger["verdict"].value_counts().items():
        say_lines([f"  {verdict}: {count} ({WORDS['verdicts'][verdict]})"])
    if made.own is not None:
        counts = made.own["verdict"].value_counts()
        listed = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
        say_lines([f"  Your own list of printed figures: {listed}"])


def _say_nothing_shown(made: Reproduction) -> None:
    lines = ["Nothing of this file could be shown:"]
    for name, reason in (made.withheld | made.failed).items():
        lines.append(f"{name}: {reason}")
    say("\n  ".join(lines), "red")
