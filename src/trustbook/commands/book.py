"""Commands for the book: run its notebooks, check its numbers, check its pages."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from trustbook.commands.console import PUBLISHED, PublishedFolder, console, say
from trustlib.errors import DisclosureError, FindingError, raise_faults

if TYPE_CHECKING:
    import pandas as pd

    from trustbook.runs import Run

RESULTS = Path("book/_runs")

Plan = Annotated[Path, typer.Option(help="Which runs there are.")]
Results = Annotated[Path, typer.Option(help="Where results go.")]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Run ids, or patterns as 'hints6-*'; repeat for more."),
]
OfSource = Annotated[
    str | None, typer.Option(help="Runs of this source only: its kind or its id.")
]
Jobs = Annotated[
    int | None,
    typer.Option(help="Runs at a time; by default one for each processor.", min=1),
]
Force = Annotated[bool, typer.Option("--force", help="Also what is unchanged.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only say what would be executed, and why."),
]
Engine = Annotated[
    str | None, typer.Option(help="fast or kernel; by default fast on Linux.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Loopback address of a Dask scheduler to hand the runs to."),
]
TrustScheduler = Annotated[
    bool,
    typer.Option(
        "--trust-scheduler",
        help="It may be on another machine, which gets rows of the surveys.",
    ),
]
Findings = Annotated[Path, typer.Option(help="Where each number stands.")]
Executed = Annotated[Path, typer.Option(help="The executed runs.")]
PlansOfCells = Annotated[
    list[Path] | None,
    typer.Option(help="cells.yml of committed cells; by default all."),
]
Frozen = Annotated[Path, typer.Option(help="What the last release printed.")]
Freeze = Annotated[
    bool,
    typer.Option("--freeze", help="Keep what is printed now as the new release."),
]
Root = Annotated[
    Path, typer.Option(help="Folder of the release, which gets its description.")
]
Site = Annotated[Path, typer.Argument(help="Folder of the built book.")]


def run(
    plan: Plan = Path("notebooks/runs.yml"),
    out: Results = RESULTS,
    only: Only = None,
    source: OfSource = None,
    jobs: Jobs = None,
    force: Force = False,
    dry_run: DryRun = False,
    engine: Engine = None,
    scheduler: Scheduler = None,
    trust_scheduler: TrustScheduler = False,
) -> None:
    """Execute the notebooks whose template, parameters, data, library or lock changed."""
    from trustbook.runs import choose, load_plan, write_status

    runs = load_plan(plan)
    chosen = choose(runs, only or (), source)
    if dry_run:
        _say_what_is_stale(chosen, out, force)
        return
    failed = _execute_with_progress(
        chosen,
        out,
        jobs=jobs or os.cpu_count() or 1,
        force=force,
        engine=engine,
        scheduler=scheduler,
        trust_scheduler=trust_scheduler,
    )
    for message in failed.values():
        say(message, "red")
    if failed:
        raise typer.Exit(1)
    if len(chosen) == len(runs):
        write_status(runs, out)


def _say_what_is_stale(runs: Sequence[Run], out: Path, force: bool) -> None:
    """Which runs would be executed, and why."""
    from trustbook.runs import stale_because

    stale = 0
    for one in runs:
        reason = "forced" if force else stale_because(one, out)
        stale += bool(reason)
        console.print(f"{one.id}: {reason or 'unchanged'}", markup=False)
    console.print(f"{stale} of {len(runs)} would be executed.")


def _execute_with_progress(
    runs: Sequence[Run], out: Path, **options: Any
) -> dict[str, str]:
    """Execute runs under a bar; the messages of those that failed."""
    from trustbook.runs import run_all

    states: Counter[str] = Counter()
    description, bar, *_ = Progress.get_default_columns()
    columns = (description, bar, MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("runs", total=len(runs))

        def report(name: str, state: str) -> None:
            states[state] += 1
            progress.update(task, advance=1, description=name)

        failed = run_all(runs, out, report=report, **options)
    console.print(
        f"{states['done']} executed, {states['fresh']} unchanged, {len(failed)} failed."
    )
    return failed


def check(
    findings: Findings = Path("book/findings.yml"),
    runs: Executed = RESULTS,
    published: PublishedFolder = PUBLISHED,
    plans: PlansOfCells = None,
    frozen: Frozen = Path("tests/published/findings.csv"),
    freeze: Freeze = False,
    root: Root = Path("."),
) -> None:
    """Hold every number against its source and the last release, attack the tables, and describe the release."""
    import pandas as pd

    from trustbook.findings import load_findings, printed
    from trustbook.ledger import frozen_rows, make_ledger, write_ledger
    from trustbook.release import write_crate

    known = load_findings(findings)
    numbers = printed(known, runs)
    ledger = make_ledger(known, runs, published)
    write_ledger(ledger, runs)
    console.print(
        f"{len(known)} findings are resolved. The ledger has {len(ledger)} lines:"
    )
    _require_reproduced(ledger)
    _require_answered(published)
    now = pd.concat([numbers, frozen_rows(ledger)], ignore_index=True)
    _require_frozen(now, frozen, freeze)
    _require_masked(runs, plans)
    console.print(f"The release is described in {write_crate(root, runs)}.")


def _require_reproduced(ledger: pd.DataFrame) -> None:
    """Say the verdicts, and refuse a published figure that ours contradicts."""
    from trustbook.verdicts import DIFFERS, VERDICTS

    counts = ledger["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    for verdict, count in counts.items():
        console.print(f"  {verdict}: {count}")
    wrong = ledger[ledger["verdict"] == DIFFERS]
    faults = [
        f"{line.id}: published {line.published}, ours {line.ours:.2f}"
        for line in wrong.itertuples()
    ]
    raise_faults(
        FindingError,
        "Published figures are not reproduced",
        faults,
        "Find out why, and mend the analysis.",
    )


def _require_answered(published: Path) -> None:
    """Refuse a fact of the report that the record does not answer."""
    from trustlib.record.facts import load_facts
    from trustlib.record.printed import load_figures

    folder = published.parent / "report"
    if not folder.is_dir():
        return
    facts = load_facts(load_figures(published / "figures.csv"), folder)
    left_out = int((facts["rows"] == "").sum())
    console.print(
        f"{len(facts)} facts of the report and of pages around it: "
        f"{len(facts) - left_out} in the record, {left_out} left out with a reason."
    )


def _require_frozen(now: pd.DataFrame, frozen: Path, freeze: bool) -> None:
    """Refuse numbers that differ from the last release, or make them the new one."""
    from trustbook import findings

    drifted, new = findings.drift(now, findings.read_frozen(frozen))
    if freeze:
        findings.freeze(now, frozen)
        console.print(
            f"Frozen: {len(now)} lines in {frozen}, "
            f"{len(drifted)} of them changed and {len(new)} new."
        )
        drifted = []
        new = []
    raise_faults(
        FindingError,
        "Numbers differ from those of the last release",
        drifted,
        "Mend what changed them. If the change is meant, say so in the CHANGELOG and "
        "run `trustlib check --freeze`.",
    )
    console.print(
        f"{len(now) - len(new)} lines are those of the last release. "
        f"Not frozen yet: {len(new)}."
    )


def _require_masked(runs: Path, plans: Sequence[Path] | None) -> None:
    """Refuse tables from which small groups can be recovered."""
    from trustbook.attack import attack

    if plans is None:
        plans = sorted(Path("data").glob("*/cells.yml"))
    raise_faults(
        DisclosureError,
        "Small groups can be recovered from what is published",
        attack(runs, plans),
        "Give the tables one base, or coarser levels.",
    )
    console.print("No small group can be recovered from the published tables.")


def check_pages(site: Site) -> None:
    """Read every built page: links, pictures with words, nothing from other hosts, synthetic called synthetic."""
    from trustbook.site import check_pages as faults_of
    from trustbook.site import pages

    raise_faults(
        FindingError,
        "The built book is not fit to be shown",
        faults_of(site),
        "Mend the page, and build again.",
    )
    console.print(f"{len(pages(site))} pages were read and have no fault.")
