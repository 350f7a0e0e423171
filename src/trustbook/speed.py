"""What our work costs beside that of others: the results of ``make bench``, and what was aimed at.

``data/speed/results.csv`` is written by ``benchmarks/bench.py``, ``targets.csv`` beside it
says what was aimed at before it was measured, ``machine.yml`` where and when. Ratios are
those of medians of processor seconds (user and system).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trustlib.errors import UnknownNameError, require_names

OURS = "trustlib"
WHOLE = "all"
FILES = ("results.csv", "targets.csv", "machine.yml")
# What a bound is of, and whether more is better.
MEASURES = {
    "times": True,
    "seconds": False,
    "megabytes": False,
    "slower": False,
    "growth": False,
}


@dataclass(frozen=True, eq=False)
class Speed:
    """Everything that was measured.

    Attributes
    ----------
    results : DataFrame
        A line for each job, case, peer and part: medians, least and most.
    targets : DataFrame
        What was aimed at: job, case, peer, part, measure, bound, words.
    machine : dict
        When, where, and with which versions.

    Examples
    --------
    >>> lines = pd.DataFrame({
    ...     "job": "fit", "case": "a million", "peer": ["trustlib", "svyglm"],
    ...     "part": "all", "cpu": [0.1, 15.0], "peak_mb": [300.0, 2700.0], "size": 10**6,
    ... })
    >>> speed = Speed(lines, targets=pd.DataFrame(), machine={})
    >>> speed.times("fit", "a million", "svyglm")
    150.0
    """

    results: pd.DataFrame
    targets: pd.DataFrame
    machine: dict[str, Any]

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Speed:
        """What stands in the three files, in the order of `FILES`."""
        results, targets, machine = paths
        return cls(
            results=pd.read_csv(results),
            targets=pd.read_csv(targets),
            machine=yaml.safe_load(machine.read_text(encoding="utf-8")),
        )

    def line(self, job: str, case: str, peer: str, part: str = WHOLE) -> pd.Series:
        """One line of the results.

        Raises
        ------
        UnknownNameError
            It was not measured.
        """
        table = self.results
        asked = {"job": job, "case": case, "peer": peer, "part": part}
        for column, value in asked.items():
            require_names(f"{column} of the bench", [value], table[column].unique())
            table = table[table[column] == value]
        return table.iloc[0]

    def has(self, job: str, case: str, peer: str) -> bool:
        """Whether a peer did a job."""
        table = self.results
        asked = (table["job"] == job) & (table["case"] == case)
        return bool((asked & (table["peer"] == peer)).any())

    def cases(self, job: str) -> list[str]:
        """The people of a job, the fewest first."""
        lines = self.results[self.results["job"] == job]
        return list(lines.sort_values("size", kind="stable")["case"].unique())

    def peers(self, job: str) -> list[str]:
        """Who did a job; we first."""
        lines = self.results[self.results["job"] == job]
        others = [peer for peer in lines["peer"].unique() if peer != OURS]
        return [OURS, *others]

    def parts(self, job: str, case: str) -> dict[str, float]:
        """Our processor seconds of each part of a job."""
        table = self.results
        asked = (table["job"] == job) & (table["case"] == case)
        lines = table[asked & (table["peer"] == OURS) & (table["part"] != WHOLE)]
        return dict(zip(lines["part"], lines["cpu"], strict=True))

    def times(self, job: str, case: str, peer: str) -> float:
        """How many times as long a peer took as we did."""
        theirs = self.line(job, case, peer)["cpu"]
        return float(theirs / self.line(job, case, OURS)["cpu"])

    def growth(self, job: str, large: str, small: str, parts: Sequence[str]) -> float:
        """How many times as long some parts took of many people as of few."""
        many = sum(self.line(job, large, OURS, part)["cpu"] for part in parts)
        few = sum(self.line(job, small, OURS, part)["cpu"] for part in parts)
        return float(many / few)

    def measured(self, target: pd.Series) -> float | None:
        """What was measured of what was aimed at; None where it was not."""
        job, case, peer = target["job"], target["case"], target["peer"]
        try:
            if target["measure"] == "growth":
                return self.growth(job, case, peer, target["part"].split("+"))
            if target["measure"] == "times":
                return self.times(job, case, peer)
            if target["measure"] == "slower":
                return 1 / self.times(job, case, peer)
            line = self.line(job, case, peer, target["part"])
        except UnknownNameError:
            return None
        column = {"seconds": "cpu", "megabytes": "peak_mb"}[target["measure"]]
        return float(line[column])


def verdict(measured: float | None, bound: float, measure: str) -> str:
    """Whether what was aimed at was met.

    Parameters
    ----------
    measured : float, optional
    bound : float
    measure : str
        One of `MEASURES`.

    Examples
    --------
    >>> verdict(152.0, 200, "times"), verdict(0.9, 1.5, "seconds")
    ('missed', 'met')
    """
    require_names("measure of the bench", [measure], MEASURES)
    if measured is None:
        return "not measured"
    shortfall = bound - measured
    if not MEASURES[measure]:
        shortfall = measured - bound
    return "missed" if shortfall > 0 else "met"


def figure(value: float) -> str:
    """A number in two digits where it is small, and whole where it is large.

    Examples
    --------
    >>> [figure(value) for value in (0.0123, 1.36, 9.34, 41.8, 1234.5)]
    ['0.012', '1.4', '9.3', '42', '1,234']
    """
    if value >= 10:
        return f"{value:,.0f}"
    if value >= 1:
        return f"{value:.1f}"
    return f"{value:.2g}"


def seconds(value: float) -> str:
    """Seconds, as milliseconds where they are few.

    Examples
    --------
    >>> seconds(0.0552), seconds(23.1)
    ('55 ms', '23 s')
    """
    if value < 1:
        return f"{figure(1000 * value)} ms"
    return f"{figure(value)} s"
