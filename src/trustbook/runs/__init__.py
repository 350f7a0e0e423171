"""Runs: a notebook template, its parameters, and what papermill made of them.

A plan (``notebooks/runs.yml``) lists runs, or grids of them (`plan`). What determines
the result of a run is hashed (`run`) and kept beside it: a run for which nothing of
that changed is not executed again (`freshness`).

Each run is executed in a process and a folder of its own (`making`, and `worker` on a
cluster). Only the runner (`execution`) puts a folder into place, whole; so a run or a
runner that is killed leaves the old result or none, never half of one, and
`trustlib.writing.recover` clears up at the next call.

Two engines execute notebooks, with the same outputs. ``kernel`` is papermill's
standard, a Jupyter kernel for each notebook. ``fast`` does without it: see
`trustbook.engine`.

Relative paths in parameters are relative to the folder of the template, which is where
notebooks run.
"""

from trustbook.runs.execution import run_all, write_status
from trustbook.runs.freshness import is_fresh, provenance, stale_because
from trustbook.runs.making import make
from trustbook.runs.plan import choose, load_plan
from trustbook.runs.run import Run, source_kind

__all__ = [
    "Run", "choose", "is_fresh", "load_plan", "make", "provenance", "run_all",
    "source_kind", "stale_because", "write_status",
]  # fmt: skip
