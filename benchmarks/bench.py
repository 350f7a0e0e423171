"""What our work costs beside that of R's survey, svy and lme4, measured in one run. ``make bench`` starts it.

``python benchmarks/bench.py [JOB ...]`` does all jobs or those that are named: `fit`,
`whole`, `replicates`, `maihda`, `seal`, `file`, `grid`; `hundred`, a hundred million people
from Parquet, takes 3 GB of disk and is done only where it is named. First all peers compute the
same, and the program stops if one of them differs; then they take turns (ours, R, svy,
ours, ...). Seconds are those of the processor (user and system) and of the clock. Lines of
jobs that were done replace the former ones in ``data/speed/results.csv``, and
``data/speed/machine.yml`` says when, where and with which versions. The page *How fast*
is made from the two.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from time import strftime

import numpy as np
import pandas as pd
import yaml
from measuring import (
    Case,
    Ended,
    Peer,
    Row,
    Values,
    answered,
    require_agreement,
    whole,
)
from populations import POPULATIONS, ROOT, is_here, strata_counts, strata_people

HERE = Path(__file__).parent
RESULTS = ROOT / "data" / "speed"
PYTHON = sys.executable
LARGEST = "ten million"
REPLICATES = 1000
OF_DRAWS = 0.15  # two bootstraps differ in a standard error by chance
OF_GLMER = 2e-3  # between our variance and glmer's, which is good to about this
SEALED = (80, 320, 800, 2000)
STRATA = {
    "four identities": ["gender", "ethnicity", "disability", "lgbtq"],
    "and age": ["gender", "ethnicity", "disability", "lgbtq", "age_band"],
    "and country": [
        "gender",
        "ethnicity",
        "disability",
        "lgbtq",
        "age_band",
        "country",
    ],
}
RUNS = (
    "synthetic-2024-answers",
    "synthetic-2024-countries",
    "synthetic-2024-maihda",
    "synthetic-2024-reasons-ethnicity",
    "synthetic-2024-robustness",
    "synthetic-2022-2024-disability",
)
OF_R = """
packages <- sapply(c("survey", "lme4"), function(p) as.character(packageVersion(p)))
cat(as.character(getRversion()), packages)
"""
TODAY = strftime("%Y-%m-%d")
Rows = Iterator[Row]


def missing_peers() -> dict[str, str]:
    """Peers that cannot be asked here, and why."""
    missing = {}
    if shutil.which("Rscript") is None:
        missing["svyglm"] = "Rscript was not found"
    else:
        tried = ["Rscript", "-e", "library(survey)"]
        if subprocess.run(tried, capture_output=True, check=False).returncode:
            missing["svyglm"] = "R has no package survey"
    if importlib.util.find_spec("svy") is None:
        missing["svy"] = "the extra svy is not installed"
    return missing


MISSING = missing_peers()


def command(peer: str, path: Path, words: list[str], *more: str) -> list[str]:
    """How a peer is started."""
    if peer == "svyglm":
        return ["Rscript", str(HERE / "peers.R"), str(path), *words, *more]
    return [PYTHON, str(HERE / "peers.py"), peer, str(path), *words, *more]


def asked_peers(wanted: tuple[str, ...]) -> list[str]:
    """Those of some peers that are here; of the others is said why not."""
    for peer in wanted:
        if peer in MISSING:
            print(f"  {peer} not measured: {MISSING[peer]}")
    return [peer for peer in wanted if peer not in MISSING]


def people_files(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Each population that is here, written once."""
    for name, population in POPULATIONS.items():
        if not is_here(name):
            print(f"{name} not measured: its file is not in TRUSTLIB_DATA")
            continue
        path, people = population.write(folder)
        print(f"{name}: {people:,} people", flush=True)
        yield name, path, people


# -- the jobs ---------------------------------------------------------------------------


def fits(folder: Path) -> Rows:
    """Design, cells, fit with covariance and joint gaps, in a process that is warm."""
    for name, path, people in people_files(folder):
        population = POPULATIONS[name]
        peers: dict[str, Peer] = {}
        try:
            for peer in asked_peers(population.peers):
                peers[peer] = Peer(command(peer, path, population.words))
            agree(peers)
            rounds: dict[str, list[Values]] = {peer: [] for peer in peers}
            for _ in range(population.rounds):
                for peer, process in peers.items():
                    rounds[peer].append(process.ask("time"))
            case = Case("fit", name, people, TODAY)
            for peer, process in peers.items():
                yield from case.rows(peer, rounds[peer], process.peak_mb())
        finally:
            for process in peers.values():
                process.close()


def agree(peers: dict[str, Peer]) -> None:
    """All peers compute all results, which have to be ours."""
    found = {peer: process.ask("check") for peer, process in peers.items()}
    for peer, theirs in found.items():
        if peer != "trustlib":
            require_agreement(peer, found["trustlib"], theirs)


def wholes(folder: Path) -> Rows:
    """The same from the start of a process to the gaps on its screen."""
    for name, path, people in people_files(folder):
        population = POPULATIONS[name]
        if population.parquet:
            continue
        commands = {
            peer: command(peer, path, population.words, "once")
            for peer in asked_peers(population.peers)
        }
        case = Case("whole", name, people, TODAY)
        yield from in_turns(case, commands, 3)


def in_turns(
    case: Case, commands: dict[str, list[str]], rounds: int, warm: int = 1
) -> Rows:
    """Whole processes that take turns; the first turns, which warm the disk, are left out."""
    found: dict[str, list[Ended]] = {peer: [] for peer in commands}
    for _ in range(warm + rounds):
        for peer, words in commands.items():
            found[peer].append(whole(words))
    for peer, ended in found.items():
        counted = [each.taken for each in ended[warm:]]
        peak = max(each.peak_mb for each in ended)
        yield case.row(peer, "all", counted, peak)


def replicates(folder: Path) -> Rows:
    """A thousand sets of bootstrap weights and the model under each; R once, for it is slow."""
    name = "the whole stand-in"
    population = POPULATIONS[name]
    path, people = population.write(folder)
    words = ["replicates", str(path), *population.words, str(REPLICATES)]
    case = Case("replicates", name, people, TODAY)
    ours = [answered([PYTHON, str(HERE / "others.py"), *words]) for _ in range(4)][1:]
    if asked_peers(("svyglm",)):
        theirs, peak = answered(["Rscript", str(HERE / "others.R"), *words])
        errors = [value for value in theirs if value[0] == "SE"]
        require_agreement("svyglm", ours[0][0], errors, OF_DRAWS)
        yield from case.rows("svyglm", [theirs], peak)
    values = [each for each, _ in ours]
    yield from case.rows("trustlib", values, max(peak for _, peak in ours))


def maihda(folder: Path) -> Rows:
    """The null and the additive model of strata, beside glmer's."""
    people = strata_people()
    for name, axes in STRATA.items():
        counts = strata_counts(axes, people)
        path = folder / "strata.csv"
        counts.to_csv(path, index=False)
        print(f"MAIHDA: {len(counts)} strata", flush=True)
        case = Case("maihda", name, len(counts), TODAY)
        scripts = {"trustlib": [PYTHON, str(HERE / "others.py")]}
        if asked_peers(("svyglm",)):
            scripts["glmer"] = ["Rscript", str(HERE / "others.R")]
        found = {}
        for peer, script in scripts.items():
            asked = [*script, "maihda", str(path)]
            found[peer] = [answered(asked) for _ in range(2)]
        if "glmer" in found:
            theirs = [v for v in found["glmer"][0][0] if v[0] == "variance"]
            require_agreement("glmer", found["trustlib"][0][0], theirs, OF_GLMER)
        for peer, rounds in found.items():
            values = [each for each, _ in rounds]
            yield from case.rows(peer, values, max(peak for _, peak in rounds))


def seals(folder: Path) -> Rows:
    """Sealing, by the number of cells."""
    for size in SEALED:
        print(f"seal: {size} cells", flush=True)
        words = [PYTHON, str(HERE / "others.py"), "seal", str(size)]
        found = [answered(words) for _ in range(3)]
        case = Case("seal", f"{size} cells", size, TODAY)
        values = [each for each, _ in found]
        yield from case.rows("trustlib", values, max(peak for _, peak in found))


def from_file(folder: Path) -> Rows:
    """From a Parquet file to gaps, beside DuckDB's own grouping of the same columns."""
    path, people = POPULATIONS[LARGEST].write(folder)
    words = POPULATIONS[LARGEST].words
    case = Case("file", LARGEST, people, TODAY)
    yield from of_file(case, without_dictionaries(path), words)
    asked = [PYTHON, str(HERE / "others.py"), "bincount", str(path), *words]
    found = [answered(asked) for _ in range(3)]
    peak = max(peak for _, peak in found)
    yield from case.rows("NumPy", [each for each, _ in found], peak)


def from_parts(folder: Path) -> Rows:
    """The same of ten times as many, who are those of `from_file` ten times over."""
    path, people = POPULATIONS[LARGEST].write(folder)
    bare = without_dictionaries(path)
    parts = folder / "parts"
    parts.mkdir()
    for i in range(10):
        shutil.copy(bare, parts / f"part-{i:05}.parquet")
    case = Case("file", "a hundred million", 10 * people, TODAY)
    yield from of_file(case, parts, POPULATIONS[LARGEST].words)


def without_dictionaries(path: Path) -> Path:
    """A Parquet file with texts as they are, as most programs write them."""
    import pyarrow.parquet as pq

    from trustlib.ordering import without_dictionaries as plain

    bare = path.with_name("bare.parquet")
    pq.write_table(plain(pq.read_table(path)).replace_schema_metadata(), bare)
    return bare


def of_file(case: Case, path: Path, words: list[str]) -> Rows:
    """Ours and DuckDB's, whole processes in turns, after both have found the same cells."""
    jobs = {"trustlib": "from_file", "DuckDB": "by_duckdb"}
    commands = {
        peer: [PYTHON, str(HERE / "others.py"), job, str(path), *words]
        for peer, job in jobs.items()
    }
    sums = [np.array(json.loads(whole(c).noted)) for c in commands.values()]
    if len(sums[0]) != len(sums[1]) or not np.allclose(*sums, rtol=1e-9, atol=0):
        raise SystemExit(f"  {case.case}: DuckDB finds other cells. Nothing is timed.")
    yield from in_turns(case, commands, 2, warm=0)


def grid(folder: Path) -> Rows:
    """Some runs of the book by our engine and by papermill's, one process at a time."""
    from runs import files

    only = [word for run in RUNS for word in ("--only", run)]
    commands = {}
    for peer, engine in (("trustlib", "fast"), ("papermill", "kernel")):
        out = ["--out", str(folder / engine), "--engine", engine, "--jobs", "1"]
        program = [PYTHON, "-m", "trustbook.start", "run", "--force"]
        commands[peer] = [*program, *out, *only]
    case = Case("grid", "runs of the book", len(RUNS), TODAY)
    yield from in_turns(case, commands, 2)
    if files(folder / "fast") != files(folder / "kernel"):
        raise SystemExit("The two engines left other files: nothing is written.")


JOBS: dict[str, Callable[[Path], Rows]] = {
    "fit": fits,
    "whole": wholes,
    "replicates": replicates,
    "maihda": maihda,
    "seal": seals,
    "file": from_file,
    "grid": grid,
    "hundred": from_parts,
}
LONG = {"hundred"}  # only where it is named: three gigabytes of disk


# -- the results ------------------------------------------------------------------------


def keep(row: Row) -> None:
    """Put a line in the place of the former one of the same part of the same job."""
    file = RESULTS / "results.csv"
    made = pd.DataFrame([row.values])
    if file.exists():
        before = pd.read_csv(file)
        columns = ["job", "case", "peer", "part"]
        made = pd.concat([before, made]).drop_duplicates(columns, keep="last")
    order = list(JOBS)
    made = made.sort_values(
        "job", key=lambda jobs: jobs.map(order.index), kind="stable"
    )
    RESULTS.mkdir(exist_ok=True)
    made.to_csv(file, index=False, float_format="%.6g")


def describe(load: float) -> None:
    """Say on which machine and with which versions it was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("trustgap", "numpy", "pandas", "duckdb", "svy", "polars")
    found = {p: version(p) for p in packages if p not in MISSING}
    if "svyglm" not in MISSING:
        asked = ["Rscript", "-e", OF_R]
        ended = subprocess.run(asked, capture_output=True, text=True, check=True)
        found |= dict(zip(("R", "survey", "lme4"), ended.stdout.split(), strict=True))
    facts = {
        "date": TODAY,
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "memory_gb": round(memory),
        "python": platform.python_version(),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "versions": found,
    }
    text = yaml.safe_dump(facts, sort_keys=False)
    (RESULTS / "machine.yml").write_text(text, encoding="utf-8")


def show(row: Row) -> None:
    """A line as it is read on a screen."""
    print(
        f"  {row.job:10} {row.case:26} {row.peer:10} {row.part:9}"
        f"{row.cpu:10.3f} s CPU ({row.cpu_least:.3f} to {row.cpu_most:.3f})"
        f"{row.wall:10.3f} s {row.peak_mb:8.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What our work costs beside others'.")
    parser.add_argument("jobs", nargs="*", help=f"of {', '.join(JOBS)}; by default all")
    given = parser.parse_args()
    unknown = sorted(set(given.jobs) - set(JOBS))
    if unknown:
        raise SystemExit(f"There is no job {unknown[0]!r}: {', '.join(JOBS)}.")
    load = os.getloadavg()[0]
    for job in given.jobs or [job for job in JOBS if job not in LONG]:
        print(f"== {job}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            for row in JOBS[job](Path(name)):
                show(row)
                keep(row)
    describe(load)
    if load > 0.5:
        print("The machine was busy with other work: read the ratios as rough.")


if __name__ == "__main__":
    main()
