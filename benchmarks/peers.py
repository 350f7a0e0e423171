"""The peers in Python: the same job by trustlib and by svy, each in a process of its own.

``python peers.py PEER FILE IDENTITIES CONTROLS`` reads the file and then answers each line
of standard input, `check` or `time`, with lines of quantity, name and value, and `end`.
With ``once`` behind, it does the job a single time, prints the gaps and leaves: that is the
whole process. The peer in R is ``peers.R``; `bench.py` starts all of them.

The model is saturated in the identities and has the controls beside them. The gap of a
pair of identities is the average probability with both set to the second level, less that
with both set to the first, everyone's other answers as they are.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from time import perf_counter, process_time
from typing import Any

LEVELS = {
    "gender": ("man", "woman"),
    "ethnicity": ("majority", "minority"),
    "disability": ("not disabled", "disabled"),
    "lgbtq": ("no", "yes"),
}
Lines = Iterator[tuple[str, str, Any]]  # quantity, name, value


@dataclass
class Clock:
    """Seconds by the clock and of the processor, part by part."""

    marks: list[tuple[float, float]]

    @classmethod
    def started(cls) -> Clock:
        return cls([(perf_counter(), process_time())])

    def mark(self) -> None:
        self.marks.append((perf_counter(), process_time()))

    def lines(self, parts: tuple[str, ...]) -> Lines:
        """What each part took."""
        for i, part in enumerate(parts):
            yield "wall", part, self.marks[i + 1][0] - self.marks[i][0]
            yield "cpu", part, self.marks[i + 1][1] - self.marks[i][1]


@dataclass(frozen=True)
class Job:
    """What is asked of a peer, and its file."""

    path: str
    identities: list[str]
    controls: list[str]

    @property
    def axes(self) -> list[str]:
        return [*self.identities, *self.controls]

    @property
    def pairs(self) -> list[tuple[str, ...]]:
        return list(combinations(self.identities, 2))

    @property
    def names(self) -> list[str]:
        """The pairs as text."""
        return [" x ".join(pair) for pair in self.pairs]


class Trustlib:
    """The job by this library."""

    parts = ("design", "compress", "fit", "gaps")
    packages = ("trustgap", "numpy", "pandas")

    def __init__(self, job: Job) -> None:
        from trustlib.errors import MissingRowsWarning

        warnings.simplefilter("ignore", MissingRowsWarning)
        self.job = job
        self.people = self._read()
        self.formula = " + ".join([" * ".join(job.identities), *job.controls])
        self.ends = [
            ", ".join(LEVELS[axis][i] for axis in pair)
            for pair in job.pairs
            for i in (0, 1)
        ]

    def _read(self) -> Any:
        """The file as a frame, with the levels in order."""
        import pandas as pd

        if self.job.path.endswith(".parquet"):
            return pd.read_parquet(self.job.path)
        people = pd.read_csv(self.job.path, keep_default_na=False, na_values=[""])
        for axis in [*self.job.axes, "stratum"]:
            levels = LEVELS.get(axis)
            people[axis] = pd.Categorical(people[axis], categories=levels)
        return people

    def run(self) -> tuple[Clock, Any, Any, Any]:
        """Design, cells, fit and gaps, each with its time."""
        import trustlib as tl

        units: dict[str, Any] = {}
        if "psu" in self.people:
            units = {"psu": "psu", "nest": True}
        clock = Clock.started()
        design = tl.SurveyDesign(
            self.people, weight="weight", strata="stratum", **units
        )
        clock.mark()
        cells = tl.compress(design, "y", self.job.axes)
        clock.mark()
        fit = tl.fit_logit(cells, self.formula)
        clock.mark()
        margins = tl.one_way(fit, axes=self.job.pairs)
        both = margins.frame["level"].isin(self.ends).to_numpy()
        levels = margins.where(both)
        gaps = tl.comparisons(levels)
        clock.mark()
        return clock, fit, levels, gaps

    def check(self) -> Lines:
        """Every number that is compared."""
        _, fit, levels, gaps = self.run()
        names = self.job.names
        yield from (("coefficient", *item) for item in fit.coef.items())
        yield from (("SE", *item) for item in fit.std_error.items())
        columns = (("", "estimate"), (" SE", "std_error"))
        for ending, column in columns:
            for item in zip(self.ends, levels.frame[column], strict=True):
                yield (f"level{ending}", *item)
            for item in zip(names, gaps.frame[column], strict=True):
                yield (f"gap{ending}", *item)
        for a, row in zip(names, gaps.vcov, strict=True):
            for b, value in zip(names, row, strict=True):
                yield "gap covariance", f"{a} / {b}", value


class Svy:
    """The job by svy, which gives levels without their covariance."""

    parts = ("design", "fit", "gaps")
    packages = ("svy", "polars")

    def __init__(self, job: Job) -> None:
        import polars as pl
        import svy

        self.job = job
        texts = dict.fromkeys([*job.axes, "stratum"], pl.String)
        people = pl.read_csv(job.path, schema_overrides=texts)
        categories = pl.col(*job.axes, "stratum").cast(pl.Categorical)
        self.people = people.with_columns(categories)
        self.at = {
            pair: [tuple(LEVELS[axis][i] for axis in pair) for i in (0, 1)]
            for pair in job.pairs
        }
        self.terms = self._terms(svy)

    def _terms(self, svy: Any) -> list[Any]:
        """The identities with all that they do together, and the controls."""
        dummies = {}
        for axis in self.job.axes:
            reference = LEVELS[axis][0] if axis in LEVELS else None
            dummies[axis] = svy.Cat(axis, ref=reference)
        terms = list(dummies.values())
        for size in range(2, len(self.job.identities) + 1):
            for group in combinations(self.job.identities, size):
                term = dummies[group[0]]
                for axis in group[1:]:
                    term = svy.Cross(term, dummies[axis])
                terms.append(term)
        return terms

    def run(self, **options: Any) -> tuple[Clock, Any, Any]:
        """Design, fit and levels, each with its time."""
        import svy

        units = {"psu": "psu"} if "psu" in self.people.columns else {}
        clock = Clock.started()
        design = svy.Design(wgt="weight", stratum="stratum", **units)
        sample = svy.Sample(self.people, design)
        clock.mark()
        answered = svy.col("y").is_not_null()
        fit = sample.glm.fit(
            "y", x=self.terms, family="binomial", where=answered, **options
        )
        clock.mark()
        margins = fit.margins(at=self.at)
        clock.mark()
        return clock, fit.fitted, margins

    def check(self) -> Lines:
        """Every number that is compared."""
        _, fit, margins = self.run(tol=1e-14)
        yield from (("coefficient", c.term, c.est) for c in fit.coefs)
        yield from (("SE", c.term, c.se) for c in fit.coefs)
        for pair, levels in zip(self.job.pairs, margins, strict=True):
            rows = zip(self.at[pair], levels.margin, levels.se, strict=True)
            for cell, value, se in rows:
                yield "level", ", ".join(cell), value
                yield "level SE", ", ".join(cell), se
            yield "gap", " x ".join(pair), levels.margin[1] - levels.margin[0]


PEERS = {"trustlib": Trustlib, "svy": Svy}


def versions(packages: tuple[str, ...]) -> Lines:
    from importlib.metadata import version

    yield from (("version", name, version(name)) for name in packages)


def answer(lines: Lines) -> None:
    for quantity, name, value in lines:
        text = value if isinstance(value, str) else f"{value:.17g}"
        print(quantity, name, text, sep="\t")
    print("end", flush=True)


def serve(peer: Any) -> None:
    """Answer each word of standard input."""
    answer(versions(peer.packages))
    for word in sys.stdin:
        if word.strip() == "check":
            answer(peer.check())
        else:
            made: Callable = peer.run
            answer(made()[0].lines(peer.parts))


def main(name: str, path: str, identities: str, controls: str, *once: str) -> None:
    axes = [part.split("=")[0] for part in identities.split(",")]
    peer = PEERS[name](Job(path, axes, controls.split(",")))
    if once:
        print(peer.run()[-1])
    else:
        serve(peer)


if __name__ == "__main__":
    main(*sys.argv[1:])
