"""Do 95 % intervals of VPC and PCV cover the truth, with 16 strata?

Run ``nice -n 15 python benchmarks/maihda_coverage.py`` from the top of the repository (half an hour of CPU). It writes
data/simulations/maihda_coverage.csv. Every replication draws stratum effects and answers afresh:

* *main effects*: gender, ethnicity and disability have fixed effects, and each stratum an intercept of its own with
  variance 0.05. The true PCV is S/(S + 0.05), with S the variance of the fixed part over the 16 strata (divisor 15);
  the true VPC of the additive model has variance 0.05, that of the null model S + 0.05.
* *exchangeable*: no fixed effects, 16 intercepts with variance 0.2, the world as the null model sees it.

``profile`` is `MaihdaFit.interval`. ``bootstrap`` is the percentile interval of a parametric bootstrap of the additive
model (99 draws), for comparison. No estimate, no interval: such replications count as not covered.
"""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

import trustlib as tl
from trustlib.between_strata import LATENT
from trustlib.maihda import MaihdaFit, maihda
from trustlib.random_intercepts import restricted

ROOT = Path(__file__).parents[1]
REPLICATIONS, BOOTSTRAPPED, DRAWS, BOOTSTRAP_DRAWS, SIZES = (
    300,
    300,
    500,
    99,
    (2_000, 12_000),
)
AXES = {
    "gender": {"man": (0.49, 0.0), "woman": (0.51, 0.2)},
    "ethnicity": {
        "a": (0.70, 0.0),
        "b": (0.12, 0.15),
        "c": (0.10, 0.3),
        "d": (0.08, 0.45),
    },
    "disability": {"no": (0.75, 0.0), "yes": (0.25, 0.4)},
}
STRATA = pd.DataFrame(list(product(*AXES.values())), columns=list(AXES))
SHARE = np.prod([[AXES[c][level][0] for level in STRATA[c]] for c in AXES], axis=0)
FIXED = np.sum([[AXES[c][level][1] for level in STRATA[c]] for c in AXES], axis=0) - 0.6
ADDITIVE, EXCHANGEABLE = 0.05, 0.2
EXPLAINED = FIXED.var(ddof=1)
TRUTH = {
    ("main effects", "pcv", "additive"): EXPLAINED / (EXPLAINED + ADDITIVE),
    ("main effects", "vpc", "additive"): ADDITIVE / (ADDITIVE + LATENT),
    ("main effects", "vpc", "null"): (EXPLAINED + ADDITIVE)
    / (EXPLAINED + ADDITIVE + LATENT),
    ("exchangeable", "vpc", "null"): EXCHANGEABLE / (EXCHANGEABLE + LATENT),
}


def draw(
    rng: np.random.Generator, n: int, fixed: np.ndarray, variance: float
) -> tl.Cells:
    stratum = rng.choice(len(STRATA), n, p=SHARE)
    p = expit(fixed + np.sqrt(variance) * rng.standard_normal(len(STRATA)))[stratum]
    people = (
        STRATA.iloc[stratum]
        .reset_index(drop=True)
        .assign(y=(rng.random(n) < p).astype(float))
    )
    return tl.compress(tl.SurveyDesign(people, weight=None), "y", list(AXES))


def bootstrap(fit: MaihdaFit, rng: np.random.Generator) -> tuple[float, float]:
    """Percentile interval of the PCV over refits of both models to draws from the additive one."""
    null, additive = fit.fits["null"].counts, fit.fits["additive"].counts
    eta = additive.x @ fit.fits["additive"].coef.to_numpy()
    spread = np.sqrt(fit.fits["additive"].variance)
    found = []
    for _ in range(BOOTSTRAP_DRAWS):
        p = expit(
            eta + spread * rng.standard_normal(len(additive.first))[additive.stratum]
        )
        events = rng.binomial(additive.n.astype(int), p).astype(float)
        below = restricted(replace(null, events=events)).sigma
        above = restricted(replace(additive, events=events)).sigma
        found.append(1 - (above / below) ** 2 if below > 1e-3 else np.nan)
    return tuple(np.nanquantile(found, [0.025, 0.975]))


def one(job: tuple[int, int]) -> list[dict]:
    n, seed = job
    rng = np.random.default_rng([n, seed])
    warnings.simplefilter("ignore")
    rows = []

    def note(
        world: str,
        method: str,
        measure: str,
        model: str,
        ends: tuple[float, float],
        value: float,
    ) -> None:
        facts = {
            "n": n,
            "world": world,
            "measure": measure,
            "model": model,
            "method": method,
        }
        rows.append(facts | {"low": ends[0], "high": ends[1], "estimate": value})

    for world, fixed, variance in (
        ("main effects", FIXED, ADDITIVE),
        ("exchangeable", 0 * FIXED, EXCHANGEABLE),
    ):
        fit = maihda(draw(rng, n, fixed, variance))
        measures = ("pcv", "vpc") if world == "main effects" else ("vpc",)
        for measure in measures:
            try:
                frame = fit.interval(measure, draws=DRAWS, seed=seed).frame
            except tl.EstimandError:  # no variance between strata, so no PCV
                frame = pd.DataFrame(
                    [
                        {
                            "model": "additive",
                            "conf_low": np.nan,
                            "conf_high": np.nan,
                            "estimate": np.nan,
                        }
                    ]
                )
            for row in frame.itertuples():
                if (world, measure, row.model) in TRUTH:
                    note(
                        world,
                        "profile",
                        measure,
                        row.model,
                        (row.conf_low, row.conf_high),
                        row.estimate,
                    )
        if world == "main effects" and seed < BOOTSTRAPPED:
            note(world, "bootstrap", "pcv", "additive", bootstrap(fit, rng), fit.pcv)
    return rows


def main(replications: int = REPLICATIONS) -> None:
    jobs = [(n, seed) for n in SIZES for seed in range(replications)]
    with ProcessPoolExecutor(2, initializer=os.nice, initargs=(15,)) as pool:
        found = pd.DataFrame(
            [row for rows in pool.map(one, jobs, chunksize=10) for row in rows]
        )
    by = ["n", "world", "measure", "model", "method"]
    found["truth"] = [
        TRUTH[key]
        for key in zip(found["world"], found["measure"], found["model"], strict=True)
    ]
    found["coverage"] = (found["low"] <= found["truth"]) & (
        found["truth"] <= found["high"]
    )
    found["mean_length"] = found["high"] - found["low"]
    table = found.groupby(by)[["truth", "estimate", "coverage", "mean_length"]].mean()
    table = table.rename(columns={"estimate": "mean_estimate"})
    table["replications"] = found.groupby(by).size()
    table["coverage_se"] = np.sqrt(
        table["coverage"] * (1 - table["coverage"]) / table["replications"]
    )
    table = table.round(4).reset_index()
    path = ROOT / "data" / "simulations" / "maihda_coverage.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
