"""How much faster the runner's fast engine is than standard papermill, one notebook after another, on the whole plan.

Run ``python benchmarks/runs.py`` from the top of the repository; ``python benchmarks/runs.py 'hints6-*'`` takes the
runs of that pattern only. First every run is executed by papermill's standard engine, in this process, each with a
kernel of its own; then by `trustbook.runs.run_all`, with as many processes as there are processors, its start included.
The program stops if any file of any run differs between the two. Nothing else is asserted.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from trustbook.runs import Run, choose, load_plan, make, run_all

ROOT = Path(__file__).parents[1]


def files(folder: Path) -> dict[str, bytes]:
    """Every file of the results but the provenance, which holds seconds and the name of the engine."""
    found = (
        p
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "provenance.json"
    )
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


def standard(runs: list[Run], out: Path) -> float:
    start = perf_counter()
    for run in runs:
        folder = out / run.id
        folder.mkdir(parents=True)
        make(run, folder, "kernel", run.made_from())
    return perf_counter() - start


def fast(runs: list[Run], out: Path, jobs: int) -> float:
    start = perf_counter()
    failed = run_all(runs, out, jobs, engine="fast")
    if failed:
        raise SystemExit("\n".join(failed.values()))
    return perf_counter() - start


def main(*only: str) -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    runs = choose(load_plan(ROOT / "notebooks" / "runs.yml"), only)
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        slow_seconds = standard(runs, out / "standard")
        fast_seconds = fast(runs, out / "fast", jobs)
        one, other = files(out / "standard"), files(out / "fast")
    if one != other:
        differing = sorted(
            p for p in one.keys() | other.keys() if one.get(p) != other.get(p)
        )
        raise SystemExit("The two differ: " + ", ".join(differing))
    print(
        f"{len(runs)} runs, {len(one)} files, identical; Python {platform.python_version()}, {jobs} processors"
    )
    print(
        f"{slow_seconds:7.1f} s  papermill, one notebook after another ({slow_seconds / len(runs):.2f} s each)"
    )
    print(
        f"{fast_seconds:7.1f} s  fast engine, {jobs} at a time ({fast_seconds / len(runs):.2f} s each)"
    )
    print(f"{slow_seconds / fast_seconds:7.1f}    times as fast")


if __name__ == "__main__":
    main(*sys.argv[1:])
