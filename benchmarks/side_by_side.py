"""What a change costs: the CPU seconds of two checkouts, job by job, in turns.

Run ``python benchmarks/side_by_side.py BEFORE NOW [JOB ...]`` with two folders, for example
a ``git worktree`` of the commit before a change and this one. Both are run by the Python
that runs this program, each with its own ``src/``, so that nothing but the code differs.

Each job is a fresh process that takes turns with that of the other checkout (before, now,
before, ...). What counts is user and system time of the process and of all that it
started: other work on the machine lengthens seconds by the clock, and these much less.
The ratio of each round is that of two neighbours in time; its median is printed with the
least and the greatest. Nothing is asserted.
"""

from __future__ import annotations

import ctypes
import os
import resource
import runpy
import statistics
import subprocess
import sys
import tempfile
import warnings
from contextlib import suppress
from itertools import combinations
from pathlib import Path

ROUNDS = 5
WARM = 1  # rounds before those that count: compiled modules, the disk's memory
REPEATS = 20  # of the fit, in one process
RUNS = (
    "hints6-levels-low-trust",
    "hints6-mistrust-gender-ethnicity",
    "hints6-mistrust-ethnicity-disability",
    "hints6-published-unfair",
    "synthetic-2024-answers",
    "synthetic-2024-countries",
    "synthetic-2024-country-BR",
    "synthetic-2024-maihda",
    "synthetic-2024-reasons-ethnicity",
    "synthetic-2024-robustness",
    "synthetic-2022-2024-disability",
    "dossier-synthetic-ethnicity-disability",
)


# -- the jobs, each in a process of its own ---------------------------------------------


def importing() -> None:
    """``import trustlib``, as every script of a user does."""
    import trustlib

    assert trustlib


def fitting() -> None:
    """Design, cells, saturated fit and joint gaps of the 2024 wave of the stand-in."""
    import trustlib as tl

    warnings.simplefilter("ignore")
    folder = Path("data", "synthetic")
    file = folder / "trust_polling_synthetic.parquet"
    frame = tl.read_survey(file, folder / "mapping.yml")
    people = frame[frame["wave"] == "2024"]
    identities = ["ethnicity", "disability", "lgbtq"]
    controls = ["age_band", "country"]
    formula = " + ".join([" * ".join(identities), *controls])
    pairs = list(combinations(identities, 2))
    for _ in range(REPEATS):
        design = tl.SurveyDesign(people, weight="weight", strata="stratum")
        axes = [*identities, *controls]
        cells = tl.compress(design, "trust_damaged_provider", axes)
        fit = tl.fit_logit(cells, formula)
        tl.comparisons(tl.one_way(fit, axes=pairs))


def running() -> None:
    """`RUNS`, all of them executed, one at a time."""
    only = [word for run in RUNS for word in ("--only", run)]
    with tempfile.TemporaryDirectory() as out:
        command("run", "--force", "--jobs", "1", "--out", out, *only)


def compressing() -> None:
    """The sealed cells of HINTS 6 made again and compared; needs TRUSTLIB_DATA."""
    command("compress", "data/hints6/cells.yml", "--check")


def command(*words: str) -> None:
    """A command of the checkout that this process has in its path."""
    sys.argv = ["trustlib", *words]
    runpy.run_module("trustbook.cli", run_name="trustbook.cli")["app"]()


JOBS = {
    "import": importing,
    "fit": fitting,
    "run": running,
    "compress": compressing,
}


# -- turns ------------------------------------------------------------------------------


def cpu_seconds(checkout: Path, job: str, compiled: str) -> float:
    """User and system time of one job in one checkout, with all that it started.

    Compiled modules go into the folder `compiled`, so that each is compiled once, in the
    rounds that do not count, whatever the environment says of them.
    """
    own = os.environ | {
        "PYTHONPATH": str(checkout / "src"),
        "PYTHONPYCACHEPREFIX": compiled,
        "PYTHONDONTWRITEBYTECODE": "",
        "OPENBLAS_NUM_THREADS": "1",
    }
    program = [sys.executable, str(Path(__file__).resolve()), "--job", job]
    before = seconds_of_children()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            program, cwd=checkout, env=own, stdout=said, stderr=subprocess.STDOUT
        )
        process.wait()
        wait_for_all()
        if process.returncode:
            said.seek(0)
            end = said.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{checkout.name}: the job {job!r} failed.\n{end}")
    return seconds_of_children() - before


def seconds_of_children() -> float:
    """User and system time of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_for_all() -> None:
    """Wait for what a job left behind: the process that forks its workers outlives it."""
    with suppress(ChildProcessError):
        while True:
            os.wait()


def take_in_orphans() -> None:
    """Become the parent of what outlives its own, so that its seconds count (Linux)."""
    adopt = 36  # PR_SET_CHILD_SUBREAPER of <sys/prctl.h>
    if ctypes.CDLL(None, use_errno=True).prctl(adopt, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def compared(before: Path, now: Path, job: str) -> str:
    """One line: the median seconds of both, and their ratio with its spread."""
    pairs = []
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(WARM + ROUNDS):
            first = cpu_seconds(before, job, compiled)
            pairs.append((first, cpu_seconds(now, job, compiled)))
    counted = pairs[WARM:]
    ratios = sorted(after / first for first, after in counted)
    seconds = [statistics.median(side) for side in zip(*counted, strict=True)]
    return (
        f"{job:10}{seconds[0]:12.2f} s{seconds[1]:12.2f} s"
        f"{statistics.median(ratios):10.3f}   {ratios[0]:.3f} to {ratios[-1]:.3f}"
    )


def main(before: str, now: str, *jobs: str) -> None:
    unknown = sorted(set(jobs) - set(JOBS))
    if unknown:
        raise SystemExit(
            f"There is no job {unknown[0]!r}; the jobs are {', '.join(JOBS)}."
        )
    take_in_orphans()
    print(f"CPU seconds, medians of {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'job':10}{'before':>14}{'now':>14}{'ratio':>10}   least to greatest")
    for job in jobs or JOBS:
        line = compared(Path(before).resolve(), Path(now).resolve(), job)
        print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        JOBS[sys.argv[2]]()
    elif len(sys.argv) > 2:
        main(*sys.argv[1:])
    else:
        raise SystemExit("Give two checkouts: side_by_side.py BEFORE NOW [JOB ...]")
