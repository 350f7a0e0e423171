"""Made-up people, cells and designs that several modules of tests use, and how hypothesis draws them.

A survey for identities (`people`, `cells_of`): three axes, a number and a design, drawn
from a seed. A survey for refusals and displays (`FRAME`, `large_design` and what is
estimated from it): two axes, every cell large. Cells of given counts: `crossed`.
What only one module uses stays in that module.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import trustlib as tl
from trustlib.variance import stratified_covariance, sum_by

# -- a survey drawn from a seed --------------------------------------------------------

quick = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
SEEDS = st.integers(0, 10_000)
DESIGN = {"weight": "w", "strata": "stratum", "psu": "psu", "nest": True}
AXES = ["gender", "ethnicity", "disability"]
MODEL = "gender * ethnicity + disability"


def people(seed: int, n: int = 400, missing: bool = False) -> pd.DataFrame:
    """A made-up survey: 4 strata x 3 PSUs, three axes, a number, an outcome that depends on them."""
    rng = np.random.default_rng(seed)
    levels = {
        "gender": ["man", "woman"],
        "ethnicity": ["majority", "minority"],
        "disability": ["no", "yes"],
    }
    frame = pd.DataFrame(
        {c: pd.Categorical(rng.choice(v, n), categories=v) for c, v in levels.items()}
    )
    frame["stratum"] = np.arange(n) % 4
    frame["psu"] = np.arange(n) // 4 % 3
    frame["w"] = rng.uniform(0.3, 4, n)
    frame["age"] = rng.integers(2, 9, n) * 10.0
    frame["fpc"] = np.array([8.0, 9, 12, 30])[frame["stratum"]]
    eta = (
        -0.8
        + 0.5 * (frame["gender"] == "woman")
        + 0.9 * (frame["disability"] == "yes")
        + 0.01 * (frame["age"] - 50)
    )
    eta = eta + 0.3 * ((frame["gender"] == "woman") & (frame["ethnicity"] == "minority")) + rng.normal(0, 0.4, 12)[
        frame["stratum"] * 3 + frame["psu"]
    ]  # fmt: skip
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    if missing:
        frame.loc[rng.random(n) < 0.1, "y"] = np.nan
        frame.loc[rng.random(n) < 0.05, "gender"] = np.nan
        frame.loc[rng.random(n) < 0.05, "w"] = 0.0
    return frame


def cells_of(frame, by=AXES, design=DESIGN, domain=None, outcome="y") -> tl.Cells:
    made = tl.SurveyDesign(frame, **design)
    return tl.compress(made if domain is None else made.domain(domain), outcome, by)


# -- a survey whose cells are all large ------------------------------------------------


def large_cell_people(n=400, seed=1):
    """A made-up sample of four strata with five PSUs each; every cell is large."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "gender": pd.Categorical(rng.choice(["man", "woman"], n), ["man", "woman"]),
        "ethnicity": pd.Categorical(rng.choice(["majority", "minority"], n), ["majority", "minority"]),
        "damaged": rng.integers(0, 2, n).astype(float), "weight": rng.uniform(0.5, 2, n),
        "stratum": rng.integers(0, 4, n), "psu": rng.integers(0, 5, n),
    })  # fmt: skip


FRAME = large_cell_people()
BY = ["gender", "ethnicity"]


@cache
def large_design() -> tl.SurveyDesign:
    return tl.SurveyDesign(FRAME, strata="stratum", psu="psu", nest=True)


@cache
def large_cells() -> tl.Cells:
    return tl.compress(large_design(), "damaged", BY)


@cache
def large_means() -> tl.Estimates:
    return tl.cell_means(large_cells())


@cache
def large_fit() -> tl.LogitFit:
    return tl.fit_logit(large_cells(), "gender * ethnicity")


# -- cells of given counts -------------------------------------------------------------


def crossed(table):
    """Cells of gender x ethnicity with given numbers of (no, yes)."""
    rows = [
        (g, e, y)
        for (g, e), pair in table.items()
        for y, count in enumerate(pair)
        for _ in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["gender", "ethnicity", "damaged"]).assign(
        weight=1.0
    )
    return tl.compress(tl.SurveyDesign(frame), "damaged", ["gender", "ethnicity"])


# -- what a standard error is held to --------------------------------------------------


def standard_error(d, z, strata=None, psu=None, fpc=None, lonely="fail"):
    """Of the sum of the column `z` (w u) over the people of a survey, everyone in the sample included."""
    key = d[strata] if strata else pd.Series("all", index=d.index)
    stratum, levels = pd.factorize(key)
    unit = (
        pd.factorize(key.astype(str) + "/" + d[psu].astype(str))[0]
        if psu
        else np.arange(len(d))
    )
    of_unit = pd.Series(stratum).groupby(unit).first().to_numpy()
    n_psu = np.bincount(of_unit, minlength=len(levels)).astype(float)
    remaining = (
        1 - n_psu / d.groupby(stratum)[fpc].first().to_numpy()
        if fpc
        else np.ones(len(levels))
    )
    rows = sum_by(np.asarray(z, dtype=float)[:, None], unit, len(of_unit))
    return np.sqrt(stratified_covariance(rows, of_unit, n_psu, remaining, lonely)[0, 0])


# -- what a page of levels publishes ---------------------------------------------------


def publish_levels(cells: tl.Cells, everyone: tl.Cells, axes, folder) -> None:
    """The tables of the template `levels` of which a first page is made, without its notebook."""
    levels = tl.one_way(cells, list(axes))
    tl.publish(levels, "levels", folder)
    tl.publish(tl.comparisons(levels), "gaps", folder)
    tl.publish(tl.cell_means(everyone, by=[]), "everyone", folder)
