"""The command start: from a survey file to a mapping and a private book, by questions in the terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from trustbook.commands.console import SurveyFile, say_lines
from trustbook.commands.survey import Encoding, Sheet, reproduce

INTERRUPTED = 130  # as a shell has it
NOTHING = "Stopped: nothing was written."
LATER = "Nothing was built. To build it later, run the command above."


def start(file: SurveyFile, encoding: Encoding = None, sheet: Sheet = None) -> None:
    """Ask what a mapping of a survey file needs, write it, and make a private book of it."""
    mapping = _mapping_of(file, encoding, sheet)
    out = mapping.parent / "private"
    say_lines(["", "The next command, which you can run again at any time:"])
    say_lines([f"  {_command(file, mapping, out)}", ""])
    reproduce(file, mapping, out, plan=True)
    if _wants_it():
        reproduce(file, mapping, out)
    else:
        say_lines([LATER])


def _mapping_of(file: Path, encoding: str | None, sheet: str | None) -> Path:
    """The mapping that was asked for; whoever leaves before its end is told that there is none."""
    from trustbook.wizard.dialogue import start as ask_for_mapping

    try:
        return ask_for_mapping(file, encoding, sheet)
    except (typer.Abort, KeyboardInterrupt) as left:
        say_lines(["", NOTHING])
        raise typer.Exit(_status_of(left)) from None


def _status_of(left: BaseException) -> int:
    """How a program ends that was left: by which signal, or at the end of its input."""
    cause: BaseException | None = left
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return getattr(cause, "status", INTERRUPTED)
        cause = cause.__context__
    return 1


def _wants_it() -> bool:
    """Whether the book is made now; not where nobody answers any more."""
    from trustbook.wizard.asking import confirm

    try:
        return confirm("Make the private book now?")
    except typer.Abort:
        say_lines([""])
        return False


def _command(file: Path, mapping: Path, out: Path) -> str:
    """The command that makes the book, as it can be copied."""
    words = ["trustlib", "reproduce", str(file), "--mapping", _from_here(mapping)]
    if out.resolve() != Path("private").resolve():
        words += ["--out", _from_here(out)]
    return shlex.join(words)


def _from_here(path: Path) -> str:
    """A path as it is short: from this folder if it lies within, else from the top."""
    here = Path.cwd()
    if path.is_relative_to(here):
        return str(path.relative_to(here))
    return str(path)
