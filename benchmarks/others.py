"""What only some peers do: bootstrap replicates, MAIHDA, sealing, grouping a file.

``python others.py JOB ...`` does one job in a process of its own and prints lines of
quantity, name and value, as `peers.py` does. `bench.py` starts it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from peers import Clock, Job, Lines, Trustlib, answer

warnings.simplefilter("ignore")
DRAWN = 1  # the seed of what is made up


def replicates(path: str, identities: str, controls: str, size: str) -> Lines:
    """Bootstrap weights, cells under each of them, and a fit."""
    import trustlib as tl

    axes = [part.split("=")[0] for part in identities.split(",")]
    ours = Trustlib(Job(path, axes, controls.split(",")))
    clock = Clock.started()
    design = tl.SurveyDesign(ours.people, weight="weight", strata="stratum")
    drawn = tl.bootstrap_weights(design, int(size), seed=DRAWN)
    clock.mark()
    cells = tl.compress(drawn, "y", ours.job.axes)
    fit = tl.fit_logit(cells, ours.formula)
    errors = fit.std_error
    clock.mark()
    yield from clock.lines(("weights", "fit"))
    yield from (("SE", *item) for item in errors.items())


def maihda(path: str) -> Lines:
    """Null and additive models of the strata of a file of counts."""
    import pandas as pd

    import trustlib as tl

    counts = pd.read_csv(path)
    axes = [name for name in counts if name not in ("n", "events", "stratum")]
    cells = tl.compress(tl.SurveyDesign(people_of(counts), weight=None), "y", axes)
    tl.maihda(cells, axes, method="ml", points=1)  # what is imported late is there now
    clock = Clock.started()
    fit = tl.maihda(cells, axes, method="ml", points=1)
    clock.mark()
    yield from clock.lines(("all",))
    for model in ("null", "additive"):
        yield "variance", model, fit.models.loc[model, "variance"]


def people_of(counts: Any) -> Any:
    """One row for each person of a table of counts."""
    import pandas as pd

    axes = [name for name in counts if name not in ("n", "events", "stratum")]
    yes = counts.loc[counts.index.repeat(counts["events"]), axes].assign(y=1.0)
    rest = counts["n"] - counts["events"]
    no = counts.loc[counts.index.repeat(rest), axes].assign(y=0.0)
    people = pd.concat([yes, no], ignore_index=True)
    return people.astype(dict.fromkeys(axes, "category"))


def seal(size: str) -> Lines:
    """Sealing so many cells, of people who are each a unit in one of fifty strata."""
    import numpy as np
    import pandas as pd

    import trustlib as tl

    cells = int(size)
    random = np.random.default_rng(DRAWN)
    people = pd.DataFrame({"cell": np.repeat(np.arange(cells), 100)})
    rows = len(people)
    people["cell"] = people["cell"].astype(str).astype("category")
    people["stratum"] = random.integers(0, 50, rows)
    people["weight"] = random.lognormal(0, 0.5, rows)
    people["y"] = random.integers(0, 2, rows).astype(float)
    design = tl.SurveyDesign(people, weight="weight", strata="stratum")
    made = tl.compress(design, "y", ["cell"])
    clock = Clock.started()
    made.seal()
    clock.mark()
    yield from clock.lines(("all",))


def from_file(path: str, identities: str, controls: str) -> None:
    """From the path of Parquet files to gaps, a whole process."""
    import trustlib as tl

    axes = [part.split("=")[0] for part in identities.split(",")]
    job = Job(path, axes, controls.split(","))
    design = tl.SurveyDesign(path, weight="weight", strata="stratum")
    cells = tl.compress(design, "y", job.axes)
    formula = " + ".join([" * ".join(job.identities), *job.controls])
    margins = tl.one_way(tl.fit_logit(cells, formula), axes=job.pairs)
    print(tl.comparisons(margins))
    print(json.dumps(sorted(cells.frame["sum_w"].tolist())), file=sys.stderr)


def by_duckdb(path: str, identities: str, controls: str) -> None:
    """DuckDB's own grouping of the same columns, a whole process; the floor of `from_file`."""
    import duckdb

    axes = [part.split("=")[0] for part in identities.split(",")]
    keys = ", ".join(["stratum", *axes, *controls.split(","), "y"])
    files = sorted(str(file) for file in Path(path).rglob("*.parquet")) or [path]
    connection = duckdb.connect(config={"memory_limit": "512MB"})
    people = connection.read_parquet(files)
    sums = "count(*), sum(weight), sum(weight * weight), max(weight)"
    groups = people.aggregate(f"{keys}, {sums}", keys).fetchall()
    cells: dict[tuple, float] = {}
    for group in groups:
        cell = group[1:-5]
        if group[-5] is not None and None not in cell:
            cells[cell] = cells.get(cell, 0.0) + group[-3]
    print(len(groups))
    print(json.dumps(sorted(cells.values())), file=sys.stderr)


def bincount(path: str, identities: str, controls: str) -> Lines:
    """The least that NumPy needs to sum people in memory into cells."""
    import numpy as np
    import pandas as pd

    axes = [part.split("=")[0] for part in identities.split(",")]
    people = pd.read_parquet(path)
    columns = [people[axis].cat.codes.to_numpy() for axis in axes]
    columns += [people[axis].cat.codes.to_numpy() for axis in controls.split(",")]
    weight = people["weight"].to_numpy()
    clock = Clock.started()
    code = np.zeros(len(people), dtype=np.int32)
    for column in columns:
        code *= int(column.max()) + 2
        code += column
    code -= code.min()
    np.bincount(code, weight)
    np.bincount(code, weight * weight)
    clock.mark()
    yield from clock.lines(("all",))


WHOLE = {"from_file": from_file, "by_duckdb": by_duckdb}
PARTS = {"replicates": replicates, "maihda": maihda, "seal": seal, "bincount": bincount}


if __name__ == "__main__":
    job, *words = sys.argv[1:]
    if job in WHOLE:
        WHOLE[job](*words)
    else:
        answer(PARTS[job](*words))
