"""What commands print, how an error ends them, and the options that several have.

Every error that trustlib raises on purpose is printed as its two sentences, never as a
traceback, and ends the command with status 1; so does what the system refuses, such as
a file that cannot be written. Ctrl-C ends it with status 130, SIGTERM with 143 and SIGHUP
with 129; see `trustbook.start`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import Annotated, Any

import typer
from click.exceptions import Abort, ClickException, Exit
from rich.console import Console

from trustbook.start import SENTENCE, stoppable
from trustlib.errors import SurveyFileError, TrustlibError, one_line
from trustlib.escaping import terminal_text
from trustlib.masking import foreign
from trustlib.writing import HINT, first_refusal

# A label such as :x: is a text, no picture.
console = Console(soft_wrap=True, highlight=False, emoji=False)

FORMATS = "A workbook, a table of texts, SPSS, Stata, SAS, R or Parquet."
SurveyFile = Annotated[Path, typer.Argument(help=FORMATS)]
MappingFile = Annotated[
    Path, typer.Option(help="How its columns become codebook variables.")
]
PublishedFolder = Annotated[
    Path, typer.Option("--published", help="Folder of the published figures.")
]
PUBLISHED = Path("data/published")


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """End a command that raises a `TrustlibError`, or an error of the system, in words.

    Examples
    --------
    >>> def refuse():
    ...     raise TrustlibError("The file is empty.", "Give another one.")
    >>> try:
    ...     plain_errors(refuse)()
    ... except typer.Exit as left:
    ...     print("status", left.exit_code)
    TrustlibError: The file is empty.
    Give another one.
    status 1
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with stoppable():
                return command(*args, **kwargs)
        except KeyboardInterrupt as stopped:
            say(SENTENCE)
            raise typer.Exit(getattr(stopped, "status", 130)) from None
        except BrokenPipeError:
            raise
        except TrustlibError as error:
            _say_error(error)
        except OSError as error:
            _say_error(_of_the_system(error))
        except (ClickException, Abort, Exit, typer.Exit, typer.Abort):
            raise
        except Exception as error:  # its traceback could show the people of a file
            _say_error(_of_ours(error))
        raise typer.Exit(1)

    return wrapped


def _of_ours(error: Exception) -> TrustlibError:
    """A fault of this program: its kind and its place, without what it may quote."""
    place = "an unknown place"
    for frame, line in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if module.startswith("trust"):
            place = f"{module}, line {line}"
    return TrustlibError(
        f"This is a fault of ours: {foreign(error)} in {place}.",
        "Please report these two lines; they hold nothing of your file.",
    )


def status_of(command: Callable[..., Any], words: Sequence[str]) -> int:
    """Run what is started with ``python -m`` as a command is; the status it ends with.

    Examples
    --------
    >>> status_of(print, ["12 people"])
    12 people
    0
    """
    try:
        plain_errors(command)(*words)
    except typer.Exit as left:
        return left.exit_code
    return 0


def say(text: str, style: str | None = None) -> None:
    """Print, or say it where errors are said: what cannot be written may be the output.

    Examples
    --------
    >>> say("12 people")
    12 people
    """
    try:
        console.print(text, markup=False, style=style)
    except OSError:
        with suppress(OSError):
            os.write(2, f"{text}\n".encode(errors="backslashreplace"))


def say_lines(lines: Iterable[str]) -> None:
    """Print lines as they are.

    Examples
    --------
    >>> say_lines(["12 people", "[none] of them alone"])
    12 people
    [none] of them alone
    """
    for line in lines:
        console.print(line, markup=False)


def _say_error(error: TrustlibError) -> None:
    say(terminal_text(f"{type(error).__name__}: {error}"), "red")


def _of_the_system(error: OSError) -> SurveyFileError:
    path, reason = first_refusal(error)
    name = one_line(path or "A file")
    return SurveyFileError(f"{name} cannot be read or written: {reason}.", HINT)
