"""Commands for what may leave a machine: compress makes it, cells-json is for browsers, check-rows searches it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustbook.commands.console import say_lines
from trustlib.errors import DisclosureError, MissingRowsWarning, raise_faults

if TYPE_CHECKING:
    from trustbook.sealing import Release
    from trustlib.cells import Cells

KEPT = (
    "The key of this survey and the record of its releases lie in {folder}. Keep them, "
    "back them up, and give them to nobody."
)

PlanOfCells = Annotated[
    Path, typer.Argument(help="cells.yml: which sealed cells to make of which file.")
]
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder of the survey files.",
        envvar="TRUSTLIB_DATA",
        show_default=True,
    ),
]
OtherFile = Annotated[
    Path | None,
    typer.Option(help="The survey file, if it is not where the mapping says."),
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Compare with the committed cells, write nothing."),
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="duckdb, spark or dask, for a file that is larger than the memory: the "
        "plan then has `file:` and `design:` in place of a mapping."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(help="Of Spark's master or Dask's scheduler; else this machine."),
]
TrustScheduler = Annotated[
    bool,
    typer.Option(
        "--trust-scheduler",
        help="The cluster may be on other machines, which read the people.",
    ),
]
SealedCells = Annotated[
    Path,
    typer.Argument(help="A file of sealed cells, as `trustlib compress` makes it."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(help="The file to write; by default beside it, ending in .json."),
]
Rows = Annotated[Path, typer.Argument(help="A survey file, one row per person.")]
Recoding = Annotated[
    Path | None,
    typer.Option("--mapping", help="Also search for its people as this recodes them."),
]
Folders = Annotated[
    list[Path],
    typer.Argument(help="Folders of what is published.", exists=True, file_okay=False),
]


def compress(
    plan: PlanOfCells,
    data: DataFolder = Path("data/external"),
    file: OtherFile = None,
    check: Check = False,
    engine: Engine = None,
    address: Address = None,
    trust_scheduler: TrustScheduler = False,
) -> None:
    """Make the sealed cells that may leave: every cell of 10 people or more; of a confidential file with noise."""
    if engine is not None:
        _compress_large(plan, file, check, engine, address, trust_scheduler)
        return
    from trustbook.sealing import load_cell_plan, make_release, write_cells

    cell_plan = load_cell_plan(plan)
    folder = plan.parent / "cells"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        release = make_release(cell_plan, file or data / cell_plan.file)
        if check:
            _compare(release.cells, folder)
        else:
            release.record()
            written = write_cells(release.cells, folder)
            _say_written(release, written)


def _compress_large(
    plan: Path,
    file: Path | None,
    check: bool,
    engine: str,
    address: str | None,
    trusted: bool,
) -> None:
    """The same of a file that is larger than the memory."""
    from trustbook.large_files import load_large_plan, make_large
    from trustbook.sealing import write_cells

    large = load_large_plan(plan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        people = file or plan.parent / large.file
        made = make_large(large, people, engine, address, trusted)
    folder = plan.parent / "cells"
    if check:
        _compare(made, folder)
        return
    written = write_cells(made, folder)
    _say_each(made, written)


def _say_written(release: Release, written: Sequence[str]) -> None:
    """Which sets were written, and where their key lies."""
    _say_each(release.cells, written)
    if release.survey is not None:
        say_lines([KEPT.format(folder=release.survey.folder)])


def _say_each(made: Mapping[str, Cells], written: Sequence[str]) -> None:
    """Which sets were written, and which said the same already."""
    for name, cells in made.items():
        kind = "protected cells" if cells.protected else "cells"
        verb = "written" if name in written else "unchanged"
        say_lines([f"  {verb}: {name} ({len(cells)} {kind})"])


def _compare(made: Mapping[str, Cells], folder: Path) -> None:
    """Hold cells against those that are committed."""
    from trustbook.sealing import require_same

    for name, cells in made.items():
        require_same(cells, folder / f"{name}.parquet")
        say_lines([f"  agrees: {name} ({len(cells)} cells)"])


def cells_json(cells: SealedCells, out: JsonFile = None) -> None:
    """Write sealed cells as JSON, which the explorer of the book opens in a browser."""
    from trustbook.cells_json import write_cells_json
    from trustlib.cells import Cells

    sealed = Cells.read(cells)
    path = write_cells_json(sealed, out or cells.with_suffix(".json"))
    kind = "protected cells" if sealed.protected else "cells"
    say_lines([f"  written: {path.name} ({len(sealed)} {kind})"])


def check_rows(survey: Rows, folders: Folders, mapping: Recoding = None) -> None:
    """Search what is published, in files of every kind, for ids, weights, own words and rows of respondents."""
    from trustbook.leaks import lines_of_faults, search_of

    search = search_of(survey, mapping)
    faults = []
    for folder in folders:
        found = lines_of_faults(search.in_folder(folder))
        faults += [f"{folder}: {line}" for line in found]
    raise_faults(
        DisclosureError,
        "Values of respondents stand in what is published, or may stand there",
        faults,
        "Do not publish these files. Find what wrote them.",
    )
    places = ", ".join(str(folder) for folder in folders)
    say_lines([f"Nothing of a respondent of {survey.name} stands in {places}."])
