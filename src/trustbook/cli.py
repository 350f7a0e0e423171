"""The command line: ``trustlib validate | compress | audit | simulate | mapping-init | reproduce | run | check``.

Every error that trustlib raises on purpose is printed as its two sentences, never as a traceback, and ends the command
with status 1; so does what the system refuses, such as a file that cannot be written. Ctrl-C ends it with status 130,
SIGTERM with 143 and SIGHUP with 129; see `trustbook.start`.
"""

from __future__ import annotations

if __name__ == "__main__":
    # Before the imports, so that a signal is answered while they run.
    from trustbook.start import main

    main()

import functools
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from trustbook.start import SENTENCE, stoppable
from trustlib.errors import (
    DisclosureError,
    FindingError,
    MissingRowsWarning,
    RunError,
    SurveyFileError,
    TrustlibError,
    one_line,
    raise_faults,
    require_names,
)
from trustlib.escaping import terminal_text
from trustlib.writing import HINT, write_text

app = typer.Typer(
    help="Design-based analysis of identity intersections.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(soft_wrap=True, highlight=False)
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder of the survey files.",
        envvar="TRUSTLIB_DATA",
        show_default=True,
    ),
]
DEFAULT_DATA = Path("data/external")
PublishedFolder = Annotated[
    Path, typer.Option("--published", help="Folder of the published figures.")
]
DEFAULT_PUBLISHED = Path("data/published")


def _plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print a `TrustlibError`, or an error of the system, as text and leave with status 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with stoppable():
                return command(*args, **kwargs)
        except KeyboardInterrupt as stopped:
            _say(SENTENCE)
            raise typer.Exit(getattr(stopped, "status", 130)) from None
        except BrokenPipeError:
            raise
        except (TrustlibError, OSError) as error:
            told = error if isinstance(error, TrustlibError) else _of_the_system(error)
            _say(terminal_text(f"{type(told).__name__}: {told}"), "red")
            raise typer.Exit(1) from None

    return wrapped


def _say(text: str, style: str | None = None) -> None:
    """Print, or say it where errors are said: what cannot be written may be the output itself."""
    try:
        console.print(text, markup=False, style=style)
    except OSError:
        with suppress(OSError):
            os.write(2, f"{text}\n".encode())


def _of_the_system(error: OSError) -> SurveyFileError:
    named = one_line(error.filename or "A file")
    reason = error.strerror or one_line(error)
    return SurveyFileError(f"{named} cannot be read or written: {reason}.", HINT)


@app.command()
@_plain_errors
def validate(
    file: Annotated[
        Path, typer.Argument(help=".csv, .csv.gz, .sav, .zsav, .dta or .parquet")
    ],
    mapping: Annotated[
        Path, typer.Option(help="How its columns become codebook variables.")
    ],
) -> None:
    """Read a survey file through its mapping and say what is in it; all faults at once."""
    from trustbook.supplied import described, people
    from trustlib.design import SurveyDesign
    from trustlib.schema import declared_design, read_survey

    frame = read_survey(file, mapping)
    design = SurveyDesign(frame, **declared_design(mapping))
    told = [
        f"{people(len(frame), frame.attrs['source'].get('rounding'))} people. {design.variance}."
    ]
    told += (
        [] if design.weight else ["CAUTION: unweighted, so everybody counts the same."]
    )
    console.print("\n".join([*told, *described(frame, mapping)]), markup=False)


@app.command()
@_plain_errors
def compress(
    plan: Annotated[
        Path,
        typer.Argument(help="cells.yml: which sealed cells to make of which file."),
    ],
    data: DataFolder = DEFAULT_DATA,
    file: Annotated[
        Path | None,
        typer.Option(help="The survey file, if it is not where the mapping says."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Compare with the committed cells, write nothing."
        ),
    ] = False,
) -> None:
    """Make the sealed cells that may be committed: totals and their covariance, every cell of 10 people or more."""
    from trustbook.sealing import load_cell_plan, make_cells, require_same, write_cells

    cell_plan = load_cell_plan(plan)
    folder = plan.parent / "cells"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        made = make_cells(cell_plan, file or data / cell_plan.file)
        if not check:
            write_cells(made, folder)
        for name, cells in made.items():
            if check:
                require_same(cells, folder / f"{name}.parquet")
            console.print(
                f"  {'agrees' if check else 'written'}: {name} ({len(cells)} cells)",
                markup=False,
            )


@app.command()
@_plain_errors
def audit(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Questions whose key begins so; by default all."),
    ] = None,
    published: PublishedFolder = DEFAULT_PUBLISHED,
) -> None:
    """Ask whether the printed figures can all be true, and what they imply for groups that nobody printed."""
    from trustlib.record.printed import load_figures
    from trustlib.record.questions import answers, in_one_line
    from trustlib.schema import load_yaml

    asked = load_yaml(published / "questions.yml")
    chosen = {
        k: q
        for k, q in asked["questions"].items()
        if not keys or k.startswith(tuple(keys))
    }
    if not chosen:
        require_names("question", keys or (), asked["questions"])
    figures = load_figures(published / "figures.csv")
    for key, question in chosen.items():
        console.print(
            in_one_line(key, answers(figures, {**asked, "questions": {key: question}})),
            markup=False,
        )


@app.command()
@_plain_errors
def simulate(
    folder: Annotated[
        Path, typer.Option(help="Where targets and true model lie.")
    ] = Path("data/synthetic"),
    draw: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Fresh people, without calibration."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Parquet file of a draw, or folder of the stand-in."),
    ] = None,
) -> None:
    """Write the synthetic stand-in from its targets, or draw fresh people from its stored true model."""
    from trustlib.record import simulate as stand_in

    if draw is None:
        for name, digest in stand_in.write(
            out or folder, folder / "targets.yml"
        ).items():
            console.print(f"{digest}  {name}", markup=False)
        return
    path = out or Path(f"draw-{draw}-synthetic.parquet")
    people = stand_in.draw(draw, model=folder / "true_model.json")
    stand_in.write_people(people, path)
    console.print(f"{len(people):,} synthetic people: {path}", markup=False)


@app.command("mapping-init")
@_plain_errors
def mapping_init(
    file: Annotated[
        Path, typer.Argument(help=".csv, .csv.gz, .sav, .zsav, .dta or .parquet")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; by default it is printed.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of the texts, such as latin-1.")
    ] = None,
) -> None:
    """Propose a mapping from a file's variables and labels; its user decides on each line."""
    from trustbook.proposal import first_mapping

    text = first_mapping(file, encoding)
    if out is None:
        console.print(text, markup=False)
        return
    # Never over a mapping that somebody has worked on.
    write_text(out, text, new=True)
    console.print(f"Written: {out}", markup=False)


@app.command()
@_plain_errors
def reproduce(
    file: Annotated[
        Path, typer.Argument(help=".csv, .csv.gz, .sav, .zsav, .dta or .parquet")
    ],
    mapping: Annotated[
        Path, typer.Option(help="How its columns become codebook variables.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the private book.")] = Path(
        "private"
    ),
    outcome: Annotated[
        list[str] | None, typer.Option(help="Only these; repeat for several.")
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(help="Only these identities; repeat for several."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1)] = 2,
) -> None:
    """Run the analyses on a supplied file, answer the published record, build a private book."""
    from trustbook.private_book import reproduce as reproduce_file
    from trustbook.supplied import WORDS

    with console.status("reading") as shown:
        report = lambda name, state: shown.update(name)  # noqa: E731
        made = reproduce_file(
            file, mapping, out, None, outcome or (), axis or (), jobs, report
        )
    for verdict, count in made.ledger["verdict"].value_counts().items():
        console.print(
            f"  {verdict}: {count} ({WORDS['verdicts'][verdict]})", markup=False
        )
    if not made.runs:
        told = [f"{what}: {why}" for what, why in (made.withheld | made.failed).items()]
        console.print(
            "\n  ".join(["Nothing of this file could be shown:", *told]),
            style="red",
            markup=False,
        )
    console.print(
        f"Runs: {len(made.runs)}, withheld: {len(made.withheld)}. The private book: {made.site}/index.html",
        markup=False,
    )
    raise_faults(
        RunError,
        "Some runs failed",
        list(made.failed.values()),
        "The others are in the book.",
    )


@app.command()
@_plain_errors
def run(
    plan: Annotated[Path, typer.Option(help="Which runs there are.")] = Path(
        "notebooks/runs.yml"
    ),
    out: Annotated[Path, typer.Option(help="Where results go.")] = Path("book/_runs"),
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run ids, or patterns as 'hints6-*'; repeat for more."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Runs of this source only: its kind or its id.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(help="Runs at a time; by default one for each processor.", min=1),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also what is unchanged.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be executed, and why."),
    ] = False,
    engine: Annotated[
        str | None, typer.Option(help="fast or kernel; by default fast on Linux.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler to hand the runs to."),
    ] = None,
) -> None:
    """Execute the notebooks whose template, parameters, data, library or lock changed."""
    from trustbook.runs import choose, load_plan, run_all, stale_because, write_status

    runs = load_plan(plan)
    chosen = choose(runs, only or (), source)
    if dry_run:
        reasons = {r.id: "forced" if force else stale_because(r, out) for r in chosen}
        for name, reason in reasons.items():
            console.print(
                f"{name}: {reason}" if reason else f"{name}: unchanged", markup=False
            )
        console.print(
            f"{sum(map(bool, reasons.values()))} of {len(chosen)} would be executed."
        )
        return
    states: dict[str, int] = {"done": 0, "fresh": 0}
    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("runs", total=len(chosen))

        def report(name: str, state: str) -> None:
            states[state] = states.get(state, 0) + 1
            bar.update(task, advance=1, description=name)

        failed = run_all(
            chosen, out, jobs or os.cpu_count() or 1, force, report, engine, scheduler
        )
    console.print(
        f"{states['done']} executed, {states['fresh']} unchanged, {len(failed)} failed."
    )
    for message in failed.values():
        console.print(message, style="red", markup=False)
    if failed:
        raise typer.Exit(1)
    if len(chosen) == len(runs):
        write_status(runs, out)


@app.command()
@_plain_errors
def check(
    findings: Annotated[Path, typer.Option(help="Where each number stands.")] = Path(
        "book/findings.yml"
    ),
    runs: Annotated[Path, typer.Option(help="The executed runs.")] = Path("book/_runs"),
    published: PublishedFolder = DEFAULT_PUBLISHED,
    plans: Annotated[
        list[Path] | None,
        typer.Option(help="cells.yml of committed cells; by default all."),
    ] = None,
    frozen: Annotated[Path, typer.Option(help="What the last release printed.")] = Path(
        "tests/published/findings.csv"
    ),
    freeze: Annotated[
        bool,
        typer.Option("--freeze", help="Keep what is printed now as the new release."),
    ] = False,
    root: Annotated[
        Path, typer.Option(help="Folder of the release, which gets its description.")
    ] = Path("."),
) -> None:
    """Hold every number against its source and the last release, attack the tables, and describe the release."""
    import pandas as pd

    from trustbook import findings as numbers
    from trustbook.attack import attack
    from trustbook.ledger import frozen_rows, make_ledger, write_ledger
    from trustbook.release import write_crate
    from trustbook.verdicts import DIFFERS, VERDICTS

    known = numbers.load_findings(findings)
    printed, ledger = numbers.printed(known, runs), make_ledger(known, runs, published)
    write_ledger(ledger, runs)
    console.print(
        f"{len(known)} findings are resolved. The ledger has {len(ledger)} lines:"
    )
    for verdict, count in (
        ledger["verdict"].value_counts().reindex(VERDICTS, fill_value=0).items()
    ):
        console.print(f"  {verdict}: {count}")
    wrong = ledger[ledger["verdict"] == DIFFERS]
    faults = [
        f"{r.id}: published {r.published}, ours {r.ours:.2f}"
        for r in wrong.itertuples()
    ]
    raise_faults(
        FindingError,
        "Published figures are not reproduced",
        faults,
        "Find out why, and mend the analysis.",
    )
    now = pd.concat([printed, frozen_rows(ledger)], ignore_index=True)
    drifted, new = numbers.drift(now, numbers.read_frozen(frozen))
    if freeze:
        numbers.freeze(now, frozen)
        console.print(
            f"Frozen: {len(now)} lines in {frozen}, {len(drifted)} of them changed and {len(new)} new."
        )
        drifted, new = [], []
    hint = "Mend what changed them. If the change is meant, say so in the CHANGELOG and run `trustlib check --freeze`."
    raise_faults(
        FindingError, "Numbers differ from those of the last release", drifted, hint
    )
    console.print(
        f"{len(now) - len(new)} lines are those of the last release. Not frozen yet: {len(new)}."
    )
    found = attack(
        runs, sorted(Path("data").glob("*/cells.yml")) if plans is None else plans
    )
    hint = "Give the tables one base, or coarser levels."
    raise_faults(
        DisclosureError,
        "Small groups can be recovered from what is published",
        found,
        hint,
    )
    console.print("No small group can be recovered from the published tables.")
    console.print(f"The release is described in {write_crate(root, runs)}.")


@app.command("check-pages")
@_plain_errors
def check_pages(
    site: Annotated[Path, typer.Argument(help="Folder of the built book.")],
) -> None:
    """Read every built page: links, pictures with words, nothing from other hosts, synthetic called synthetic."""
    from trustbook.site import check_pages as faults_of
    from trustbook.site import pages

    faults = faults_of(site)
    raise_faults(
        FindingError,
        "The built book is not fit to be shown",
        faults,
        "Mend the page, and build again.",
    )
    console.print(f"{len(pages(site))} pages were read and have no fault.")


@app.command("check-rows")
@_plain_errors
def check_rows(
    survey: Annotated[Path, typer.Argument(help="A survey file, one row per person.")],
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of what is published.", exists=True, file_okay=False
        ),
    ],
) -> None:
    """Search what is published for values of a respondent: ids, weights, and answers side by side."""
    from trustbook.leaks import leaks
    from trustlib.schema import read_table

    people = read_table(survey)[0]
    found = [
        f"{folder}: {name}" for folder in folders for name in leaks(folder, people)
    ]
    hint = "Do not publish these files. Find what wrote them."
    raise_faults(
        DisclosureError, "Values of respondents stand in what is published", found, hint
    )
    console.print(
        f"Nothing of a respondent of {survey.name} stands in {', '.join(map(str, folders))}."
    )
