"""The command line ``trustlib``: the commands of `trustbook.commands`, put together."""

from __future__ import annotations

if __name__ == "__main__":
    # Before the imports, so that a signal is answered while they run.
    from trustbook.start import main

    main()

from importlib import metadata
from typing import Annotated

import typer

from trustbook.commands import beginning, book, cells, record, survey
from trustbook.commands.console import console, plain_errors

# In the order in which they are listed.
COMMANDS = (
    beginning.start,
    survey.validate,
    cells.compress,
    cells.cells_json,
    record.audit,
    record.simulate,
    survey.mapping_init,
    survey.reproduce,
    book.run,
    book.check,
    book.check_pages,
    cells.check_rows,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


def _say_version(wanted: bool) -> None:
    if wanted:
        console.print(f"trustgap {metadata.version('trustgap')}")
        raise typer.Exit


VERSION = typer.Option(
    "--version", help="Say the version and leave.", callback=_say_version, is_eager=True
)


@app.callback()
def trustlib(version: Annotated[bool, VERSION] = False) -> None:
    """Design-based analysis of identity intersections."""


for command in COMMANDS:
    app.command()(plain_errors(command))
