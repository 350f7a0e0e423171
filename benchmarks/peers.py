"""How long our design, fit, covariance and joint gaps take beside R's svyglm and the package svy, on three files.

Run ``make bench`` from the top of the repository. Each file is written once as CSV and read by one fresh process per
peer; reading and importing are not timed. First every peer computes all results, and the program stops if one of them
differs from ours by more than 1e-6. Then the same processes take turns (ours, R, svy, ours, ...), and medians count.

The model is saturated in the identities and has the controls beside them. The gap of a pair of identities is the
average probability with both set to the second level, less that with both set to the first, everyone's other answers
as they are; their joint covariance is by the delta method. R's are written by hand in peers.R. svy gives the levels
and their standard errors, but no covariance between them, so it is asked for less.

R is found as ``Rscript``; svy 0.35.0 is in the environment that `make env` makes.
What is missing is said and not measured. ``python benchmarks/peers.py "2024 wave"`` measures that file only.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from time import perf_counter, strftime

import numpy as np

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("TRUSTLIB_DATA") or ROOT / "data" / "external")
TOLERANCE = 1e-6
LEVELS = {
    "gender": ("man", "woman"),
    "ethnicity": ("majority", "minority"),
    "disability": ("not disabled", "disabled"),
    "lgbtq": ("no", "yes"),
}
Lines = Iterator[tuple[str, str, float | str]]  # quantity, name, value


# -- the files --------------------------------------------------------------------------------------------------------


def stand_in():
    import trustlib as tl

    folder = ROOT / "data" / "synthetic"
    frame = tl.read_survey(
        folder / "trust_polling_synthetic.parquet", folder / "mapping.yml"
    )
    return frame[frame["wave"] == "2024"].rename(
        columns={"trust_damaged_provider": "y"}
    )


def hints():
    import trustlib as tl

    frame = tl.read_survey(
        DATA / "hints6" / "hints6_extract.csv.gz",
        ROOT / "data" / "hints6" / "mapping.yml",
    )
    names = {
        "mistrust": "y",
        "PERSON_FINWT0": "weight",
        "VAR_STRATUM": "stratum",
        "VAR_CLUSTER": "psu",
    }
    return frame.rename(columns=names)


def million():
    from trustlib.record import simulate

    model = ROOT / "data" / "synthetic" / "true_model.json"
    people = simulate.draw(1, n=1_000_000, model=model, waves=[2024]).head(1_000_000)
    return people.rename(columns={"trust_damaged_provider": "y"})


# name: maker, identities, controls, rounds, how many times as fast as a peer we should be
FILES: dict[str, tuple[Callable, list[str], list[str], int, dict[str, float]]] = {
    "2024 wave": (stand_in, list(LEVELS), ["age_band", "country"], 9, {"svyglm": 5}),
    "HINTS 6": (hints, ["gender", "ethnicity", "disability"], ["age_band"], 9, {}),
    "1M rows": (
        million,
        list(LEVELS),
        ["age_band", "country"],
        5,
        {"svyglm": 100, "svy": 40},
    ),
}


def write(name: str, path: Path) -> int:
    """Write a file as CSV: y, weight, stratum, psu if there is one, identities with two levels, controls."""
    make, identities, controls, *_ = FILES[name]
    people = make()
    for axis in identities:
        people[axis] = (
            people[axis].astype(object).where(people[axis].isin(LEVELS[axis]))
        )
    columns = ["y", "weight", "stratum", "psu", *identities, *controls]
    people[[c for c in columns if c in people]].to_csv(path, index=False)
    return len(people)


# -- the peers in Python, each a process of its own -------------------------------------------------------------------


def trustlib_job(
    path: str, identities: list[str], controls: list[str]
) -> tuple[dict[str, str], Callable, Callable]:
    import pandas as pd

    import trustlib as tl
    from trustlib.errors import MissingRowsWarning

    people = pd.read_csv(path, keep_default_na=False, na_values=[""])
    for axis in [*identities, *controls, "stratum"]:
        people[axis] = pd.Categorical(people[axis], categories=LEVELS.get(axis))
    formula = " + ".join([" * ".join(identities), *controls])
    pairs = list(combinations(identities, 2))
    ends = [
        ", ".join(LEVELS[axis][i] for axis in pair) for pair in pairs for i in (0, 1)
    ]
    psu = {"psu": "psu", "nest": True} if "psu" in people else {}
    warnings.simplefilter("ignore", MissingRowsWarning)

    def job():
        clock = [perf_counter()]
        design = tl.SurveyDesign(people, weight="weight", strata="stratum", **psu)
        clock.append(perf_counter())
        cells = tl.compress(design, "y", [*identities, *controls])
        clock.append(perf_counter())
        fit = tl.fit_logit(cells, formula)
        clock.append(perf_counter())
        margins = tl.one_way(fit, axes=pairs)
        levels = margins.where(margins.frame["level"].isin(ends).to_numpy())
        gaps = tl.comparisons(levels)
        clock.append(perf_counter())
        return clock, fit, levels, gaps

    def check() -> Lines:
        _, fit, levels, gaps = job()
        names = [" x ".join(pair) for pair in pairs]
        yield from (("coefficient", *item) for item in fit.coef.items())
        yield from (("SE", *item) for item in fit.std_error.items())
        yield from (
            ("level", *item)
            for item in zip(ends, levels.frame["estimate"], strict=True)
        )
        yield from (
            ("level SE", *item)
            for item in zip(ends, levels.frame["std_error"], strict=True)
        )
        yield from (
            ("gap", *item) for item in zip(names, gaps.frame["estimate"], strict=True)
        )
        yield from (
            ("gap SE", *item)
            for item in zip(names, gaps.frame["std_error"], strict=True)
        )
        for a, row in zip(names, gaps.vcov, strict=True):
            yield from (
                ("gap covariance", f"{a} / {b}", value)
                for b, value in zip(names, row, strict=True)
            )

    def measure() -> Lines:
        clock = job()[0]
        for part, start, end in zip(
            ("design", "compress", "fit", "gaps"), clock, clock[1:], strict=False
        ):
            yield "time", part, end - start

    return (
        {m: version(m) for m in ("trustgap", "numpy", "pandas", "statsmodels")},
        check,
        measure,
    )


def svy_job(
    path: str, identities: list[str], controls: list[str]
) -> tuple[dict[str, str], Callable, Callable]:
    import polars as pl
    import svy

    axes = [*identities, *controls]
    people = pl.read_csv(
        path, schema_overrides=dict.fromkeys([*axes, "stratum"], pl.String)
    )
    people = people.with_columns(pl.col(*axes, "stratum").cast(pl.Categorical))
    pairs = list(combinations(identities, 2))
    at = {
        pair: [tuple(LEVELS[axis][i] for axis in pair) for i in (0, 1)]
        for pair in pairs
    }
    dummies = {
        axis: svy.Cat(axis, ref=LEVELS[axis][0] if axis in LEVELS else None)
        for axis in axes
    }
    terms = [dummies[axis] for axis in axes]
    for size in range(2, len(identities) + 1):
        for group in combinations(identities, size):
            term = dummies[group[0]]
            for axis in group[1:]:
                term = svy.Cross(term, dummies[axis])
            terms.append(term)
    psu = {"psu": "psu"} if "psu" in people.columns else {}

    def job(**options):
        clock = [perf_counter()]
        sample = svy.Sample(people, svy.Design(wgt="weight", stratum="stratum", **psu))
        clock.append(perf_counter())
        fit = sample.glm.fit(
            "y", x=terms, family="binomial", where=svy.col("y").is_not_null(), **options
        )
        clock.append(perf_counter())
        margins = fit.margins(at=at)
        clock.append(perf_counter())
        return clock, fit.fitted, margins

    def check() -> Lines:
        _, fit, margins = job(tol=1e-14)
        yield from (("coefficient", c.term, c.est) for c in fit.coefs)
        yield from (("SE", c.term, c.se) for c in fit.coefs)
        for pair, levels in zip(pairs, margins, strict=True):
            for cell, value, se in zip(at[pair], levels.margin, levels.se, strict=True):
                yield "level", ", ".join(cell), value
                yield "level SE", ", ".join(cell), se
            yield "gap", " x ".join(pair), levels.margin[1] - levels.margin[0]

    def measure() -> Lines:
        clock = job()[0]
        for part, start, end in zip(
            ("design", "fit", "gaps"), clock, clock[1:], strict=False
        ):
            yield "time", part, end - start

    return {m: version(m) for m in ("svy", "polars")}, check, measure


def serve(peer: str, path: str, identities: str, controls: str) -> None:
    """Read the file, then answer each line `check` or `time` with lines of quantity, name, value, and `end`."""
    versions, check, measure = {"trustlib": trustlib_job, "svy": svy_job}[peer](
        path,
        [part.split("=")[0] for part in identities.split(",")],
        controls.split(","),
    )
    answer((("version", name, number) for name, number in versions.items()))
    for word in sys.stdin:
        answer(check() if word.strip() == "check" else measure())


def answer(lines: Lines) -> None:
    for quantity, name, value in lines:
        print(
            quantity,
            name,
            value if isinstance(value, str) else f"{value:.17g}",
            sep="\t",
        )
    print("end", flush=True)


# -- turns, agreement, table ------------------------------------------------------------------------------------------


class Peer:
    """A process that has read the file and waits for words."""

    def __init__(self, command: list[str]) -> None:
        own = os.environ | {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }  # svy's own threads are left alone
        self.process = subprocess.Popen(
            command, env=own, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.versions = {name: value for _, name, value in self._read()}

    def ask(self, word: str) -> list[tuple[str, str, float]]:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return [
            (quantity, name, float(value)) for quantity, name, value in self._read()
        ]

    def seconds(self) -> dict[str, float]:
        return {name: value for _, name, value in self.ask("time")}

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> list[list[str]]:
        lines = []
        while (line := self.process.stdout.readline()) and line != "end\n":
            lines.append(line.rstrip("\n").split("\t"))
        if not line:
            raise SystemExit(
                f"{self.process.args[0]} stopped before it had answered; its message is above."
            )
        return lines


def commands() -> dict[str, list[str] | str]:
    """How each peer is started, or why it is not."""
    script, r, python = (
        str(Path(__file__).resolve()),
        shutil.which("Rscript"),
        sys.executable,
    )
    found: dict[str, list[str] | str] = {"trustlib": [python, script, "trustlib"]}
    found["svyglm"] = [r, script.replace(".py", ".R")] if r else "Rscript was not found"
    if (
        r
        and subprocess.run(
            [r, "-e", "library(survey)"], capture_output=True, check=False
        ).returncode
    ):
        found["svyglm"] = "R has no package survey"
    found["svy"] = (
        [python, script, "svy"]
        if find_spec("svy")
        else "the extra svy is not installed"
    )
    return found


def plain(name: str) -> frozenset[str]:
    """A coefficient's name in any of the three spellings: the letters and digits of its factors."""
    return frozenset(
        re.sub(r"\[T\.|\W|_", "", factor).lower() for factor in name.split(":")
    )


def differences(ours: list[tuple], theirs: list[tuple]) -> dict[str, float]:
    """The largest relative difference in each quantity; covariances relative to the two standard errors."""
    known, other = (
        {(quantity, plain(name)): value for quantity, name, value in found}
        for found in (ours, theirs)
    )
    quantities = dict.fromkeys(quantity for quantity, *_ in theirs)
    if odd := other.keys() ^ {key for key in known if key[0] in quantities}:
        raise SystemExit(
            f"Only one of the two has these values: {sorted((q, *sorted(name)) for q, name in odd)}"
        )
    worst = dict.fromkeys(quantities, 0.0)
    for quantity, name, value in theirs:
        size = abs(value)
        if quantity == "gap covariance":
            size = np.prod([other["gap SE", plain(pair)] for pair in name.split(" / ")])
        apart = abs(known[quantity, plain(name)] - value) / size
        worst[quantity] = np.maximum(worst[quantity], apart)  # NaN stays
    return worst


def agree(peer: str, ours: list[tuple], theirs: list[tuple]) -> None:
    """Print how far a peer is from us, and stop the program if that is too far."""
    worst = differences(ours, theirs)
    shown = ", ".join(f"{quantity} {value:.0e}" for quantity, value in worst.items())
    print(f"  {peer} differs from us by at most: {shown}")
    if far := [quantity for quantity, value in worst.items() if not value <= TOLERANCE]:
        raise SystemExit(
            f"  {peer} DISAGREES with us beyond {TOLERANCE:g} in {', '.join(far)}: nothing is timed."
        )


def split(parts: dict[str, float], unit: float, form: str) -> str:
    return ", ".join(
        f"{name} {form.format(value * unit)}" for name, value in parts.items()
    )


def measure(name: str, path: Path) -> list[dict[str, str]]:
    """Check one file, time it in turns, and print what was found; rows of the table."""
    _, identities, controls, rounds, floors = FILES[name]
    people = write(name, path)
    words = [
        str(path),
        ",".join(f"{a}={'|'.join(LEVELS[a])}" for a in identities),
        ",".join(controls),
    ]
    peers: dict[str, Peer] = {}
    print(f"{name}: {people:,} rows, {' * '.join(identities)} + {' + '.join(controls)}")
    try:
        for peer, command in commands().items():
            if isinstance(command, str):
                print(f"  {peer} not measured: {command}")
            else:
                peers[peer] = Peer([*command, *words])
        results = {peer: started.ask("check") for peer, started in peers.items()}
        for peer, theirs in results.items():
            if peer != "trustlib":
                agree(peer, results["trustlib"], theirs)
        found = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer, started in peers.items():
                found[peer].append(started.seconds())
    finally:
        for started in peers.values():
            started.close()
    medians = {
        p: {k: statistics.median(run[k] for run in runs) for k in runs[0]}
        for p, runs in found.items()
    }
    total = {
        p: statistics.median(sum(run.values()) for run in runs)
        for p, runs in found.items()
    }
    least = {p: min(sum(run.values()) for run in runs) for p, runs in found.items()}
    ours = split(medians["trustlib"], 1e3, "{:.1f} ms")
    print(
        f"  trustlib {total['trustlib'] * 1e3:.1f} ms (least {least['trustlib'] * 1e3:.1f}): {ours}"
    )
    row = {
        "file": name,
        "rows": f"{people:,}",
        "ours ms": f"{total['trustlib'] * 1e3:.1f}",
    }
    for peer in ("svyglm", "svy"):
        if peer not in total:
            row |= {f"{peer} s": "-", f"{peer} / ours": "-"}
            continue
        ratio = total[peer] / total["trustlib"]
        row |= {
            f"{peer} s": f"{total[peer]:.3f}",
            f"{peer} / ours": f"{ratio:.0f}" if ratio > 20 else f"{ratio:.1f}",
        }
        print(
            f"  {peer} {total[peer]:.3f} s (least {least[peer]:.3f}): {split(medians[peer], 1, '{:.3f} s')}"
        )
        if ratio < floors.get(peer, 0):
            print(
                f"  MISS: {ratio:.1f} times as fast as {peer}, {floors[peer]:g} expected. Our time: {ours}"
            )
    row["versions"] = ", ".join(
        f"{k} {v}" for started in peers.values() for k, v in started.versions.items()
    )
    return [row]


def main(names: list[str]) -> None:
    if unknown := set(names) - set(FILES):
        raise SystemExit(
            f"There is no file {unknown.pop()!r}; the files are {', '.join(FILES)}."
        )
    rows, load = [], os.getloadavg()[0]
    for name in names or FILES:
        if (
            name == "HINTS 6"
            and not (DATA / "hints6" / "hints6_extract.csv.gz").exists()
        ):
            print(
                f"{name} not measured: hints6/hints6_extract.csv.gz is not in the folder that TRUSTLIB_DATA names"
            )
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(name, Path(folder) / "people.csv")
    if not rows:
        return
    used = dict.fromkeys(v for row in rows for v in row.pop("versions").split(", "))
    print()
    for line in [list(rows[0]), *(list(row.values()) for row in rows)]:
        print("".join(f"{entry:>16}" for entry in line))
    print(
        f"\n{strftime('%Y-%m-%d')}; {os.cpu_count()} cores, load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
    print(
        f"Python {platform.python_version()}, {', '.join(used)}; medians; one BLAS thread"
    )
    if load > 0.5:
        print(
            "The machine was busy with other work: these times are too long, and their ratios rough."
        )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("trustlib", "svy"):
        serve(*sys.argv[1:])
    else:
        main(sys.argv[1:])
