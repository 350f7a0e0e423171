"""Commands for a survey file of somebody's own: validate, mapping-init, reproduce."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustbook.commands.console import (
    MappingFile,
    SurveyFile,
    console,
    say,
    say_lines,
)
from trustlib.errors import RunError, raise_faults
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
Jobs = Annotated[int, typer.Option(help="Runs at a time.", min=1)]


def validate(file: SurveyFile, mapping: MappingFile) -> None:
    """Read a survey file through its mapping and say what is in it; all faults at once."""
    from trustbook.supplied import described, people
    from trustlib.design import SurveyDesign
    from trustlib.schema import declared_design, read_survey

    frame = read_survey(file, mapping)
    design = SurveyDesign(frame, **declared_design(mapping))
    base = design.source.rounding
    lines = [f"{people(len(frame), base)} people. {design.variance}."]
    if not design.weight:
        lines.append("CAUTION: unweighted, so everybody counts the same.")
    say_lines(lines + described(frame, mapping))


def mapping_init(
    file: SurveyFile, out: MappingOut = None, encoding: Encoding = None
) -> None:
    """Propose a mapping from a file's variables and labels; its user decides on each line."""
    from trustbook.proposal import first_mapping

    text = first_mapping(file, encoding)
    if out is None:
        say_lines([text])
        return
    # Never over a mapping that somebody has worked on.
    write_text(out, text, new=True)
    say_lines([f"Written: {out}"])


def reproduce(
    file: SurveyFile,
    mapping: MappingFile,
    out: BookFolder = None,
    edition: WhichEdition = EditionChoice.PRIVATE,
    outcome: Outcomes = None,
    axis: Axes = None,
    jobs: Jobs = 2,
) -> None:
    """Run the analyses on a supplied file, answer the published record, build a book of it."""
    from trustbook.private_book import reproduce as make_private_book

    with console.status("reading") as status:

        def report(name: str, state: str) -> None:
            status.update(name)

        made = make_private_book(
            file,
            mapping,
            out or Path(edition.value),
            outcomes=outcome or (),
            axes=axis or (),
            jobs=jobs,
            report=report,
            edition=edition.value,
        )
    _say_verdicts(made)
    if not made.runs:
        _say_nothing_shown(made)
    counts = f"Runs: {len(made.runs)}, withheld: {len(made.withheld)}."
    say_lines([f"{counts} The {edition.value} book: {made.site}/index.html"])
    failed = list(made.failed.values())
    raise_faults(RunError, "Some runs failed", failed, "The others are in the book.")


def _say_verdicts(made: Reproduction) -> None:
    """How the file answers the printed figures."""
    from trustbook.supplied import WORDS

    for verdict, count in made.ledger["verdict"].value_counts().items():
        say_lines([f"  {verdict}: {count} ({WORDS['verdicts'][verdict]})"])


def _say_nothing_shown(made: Reproduction) -> None:
    lines = ["Nothing of this file could be shown:"]
    for name, reason in (made.withheld | made.failed).items():
        lines.append(f"{name}: {reason}")
    say("\n  ".join(lines), "red")
