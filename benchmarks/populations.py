"""The people that the bench counts: real ones where their file is here, the stand-in, and draws of its model."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers import LEVELS

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("TRUSTLIB_DATA") or ROOT / "data" / "external")
OUTCOME = "trust_damaged_provider"
MILLION = 1_000_000
SEED = 1


@dataclass(frozen=True)
class Population:
    """A file of people and how it is measured.

    Attributes
    ----------
    make : callable
        Gives the frame.
    identities, controls : tuple of str
    rounds : int
        In process; of the whole process half as many.
    peers : tuple of str
        Those that are tried; others need more memory or time than there is.
    parquet : bool
        Whether it is kept as Parquet, because a CSV of it takes too long to read.
    """

    make: Callable[[], pd.DataFrame]
    identities: tuple[str, ...] = tuple(LEVELS)
    controls: tuple[str, ...] = ("age_band", "country")
    rounds: int = 9
    peers: tuple[str, ...] = ("trustlib", "svyglm", "svy")
    parquet: bool = False

    @property
    def words(self) -> list[str]:
        """Identities and controls as a peer is told them."""
        levels = [f"{axis}={'|'.join(LEVELS[axis])}" for axis in self.identities]
        return [",".join(levels), ",".join(self.controls)]

    def write(self, folder: Path) -> tuple[Path, int]:
        """The file, and how many people are in it."""
        people = self.make()
        for axis in self.identities:
            known = people[axis].isin(LEVELS[axis])
            values = people[axis].astype(object).where(known)
            people[axis] = pd.Categorical(values, categories=LEVELS[axis])
        axes = [*self.identities, *self.controls]
        columns = [c for c in ("y", "weight", "stratum", "psu", *axes) if c in people]
        people = people[columns].reset_index(drop=True)
        if self.parquet:
            path = folder / "people.parquet"
            people.to_parquet(path)
        else:
            path = folder / "people.csv"
            people.to_csv(path, index=False)
        return path, len(people)


def stand_in() -> pd.DataFrame:
    import trustlib as tl

    folder = ROOT / "data" / "synthetic"
    file = folder / "trust_polling_synthetic.parquet"
    frame = tl.read_survey(file, folder / "mapping.yml")
    return frame.rename(columns={OUTCOME: "y"})


def one_wave() -> pd.DataFrame:
    frame = stand_in()
    return frame[frame["wave"] == "2024"]


def hints() -> pd.DataFrame:
    import trustlib as tl

    mapping = ROOT / "data" / "hints6" / "mapping.yml"
    frame = tl.read_survey(DATA / "hints6" / "hints6_extract.csv.gz", mapping)
    names = {
        "mistrust": "y",
        "PERSON_FINWT0": "weight",
        "VAR_STRATUM": "stratum",
        "VAR_CLUSTER": "psu",
    }
    return frame.rename(columns=names)


def million() -> pd.DataFrame:
    from trustlib.record import simulate

    model = ROOT / "data" / "synthetic" / "true_model.json"
    people = simulate.draw(SEED, n=MILLION, model=model, waves=[2024])
    return people.head(MILLION).rename(columns={OUTCOME: "y"})


def ten_million() -> pd.DataFrame:
    """The people of `million`, drawn again with weights of their own."""
    people = million()
    random = np.random.default_rng(SEED)
    many = people.take(random.integers(0, len(people), 10 * MILLION))
    many = many.reset_index(drop=True)
    many["weight"] *= random.lognormal(0, 0.1, len(many))
    for axis in ("stratum", "age_band", "country"):
        many[axis] = many[axis].astype("category")
    return many


POPULATIONS = {
    "HINTS 6": Population(
        hints, ("gender", "ethnicity", "disability"), ("age_band",), rounds=15
    ),
    "one wave of the stand-in": Population(one_wave, rounds=15),
    "the whole stand-in": Population(stand_in),
    "one million": Population(million, rounds=3),
    "ten million": Population(ten_million, rounds=3, peers=("trustlib",), parquet=True),
}


def is_here(name: str) -> bool:
    """Whether the people can be had on this machine."""
    file = DATA / "hints6" / "hints6_extract.csv.gz"
    return name != "HINTS 6" or file.exists()


def strata_counts(axes: list[str], people: pd.DataFrame) -> pd.DataFrame:
    """People and those with the outcome in each stratum, which is a combination of axes."""
    known = people.dropna(subset=["y", *axes])
    groups = known.groupby(axes, observed=True)["y"]
    counts = groups.agg(n="size", events="sum").reset_index()
    counts["events"] = counts["events"].astype(int)
    counts["stratum"] = range(len(counts))
    return counts


def strata_people() -> pd.DataFrame:
    """Many people of `million` in five countries, whose strata are large enough for a model."""
    people = million().sample(400_000, random_state=SEED)
    for axis, levels in LEVELS.items():
        values = people[axis].astype(object)
        people[axis] = values.where(people[axis].isin(levels))
    common: Any = people["country"].value_counts().index[:5]
    return people[people["country"].isin(common)]
