"""Do 95 % intervals cover the truth? Fresh draws from the stored true model of the stand-in, one fit each.

Run ``python benchmarks/coverage.py [draws]`` from the top of the repository: it writes data/synthetic/coverage.csv, one
row per cell of the 2024 wave. A saturated weighted logit of any experience on gender, ethnicity and disability is
fitted to each draw; its intervals are taken on the logit scale with design-based standard errors. The few non-binary
people (about 80) stay in the design and are no cell of their own: many draws hold too few of them.
"""

from __future__ import annotations

import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, stdtrit

import trustlib as tl
from trustlib.record import simulate

ROOT = Path(__file__).parents[1]

BY = ["gender", "ethnicity", "disability"]
WAVE, OUTCOME, DRAWS, FIRST_SEED = 2024, "trust_damaged_any", 2000, 1


@cache
def model() -> dict:
    return simulate.load_model(ROOT / "data" / "synthetic" / "true_model.json")


def truth() -> pd.Series:
    """Probability of the outcome in each cell, among those who answered."""
    cells = simulate.model_cells(model(), str(WAVE))
    cells["p"] = model()["waves"][str(WAVE)]["probability"]
    known = cells[(cells["any"] != "none") & (cells["gender"] != "non-binary")]
    yes = known[known["any"] == "yes"].groupby(BY, observed=True)["p"].sum()
    return yes / known.groupby(BY, observed=True)["p"].sum()


def one(seed: int) -> np.ndarray:
    """Estimate, lower and upper end, people of each cell (in the order of `truth`), design effect of the weights."""
    people = simulate.draw(seed, model=model(), waves=[WAVE])
    people["gender"] = people["gender"].cat.remove_categories("non-binary")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.MissingRowsWarning)
        cells = tl.compress(
            tl.SurveyDesign(people, weight="weight", strata="stratum"), OUTCOME, BY
        )
    fit = tl.fit_logit(cells, " * ".join(BY))
    eta, se = (
        fit.x @ fit.coef.to_numpy(),
        np.sqrt(np.einsum("ij,jk,ik->i", fit.x, fit.vcov, fit.x)),
    )
    reach = stdtrit(cells.df, 0.975) * se
    ends = expit(np.column_stack([eta, eta - reach, eta + reach]))
    w = people["weight"]
    deff = len(w) * (w**2).sum() / w.sum() ** 2
    return np.column_stack([ends, cells.frame["n"], np.full(len(ends), deff)])


def main(draws: int = DRAWS) -> None:
    true = truth().sort_index()
    with ProcessPoolExecutor(2) as pool:
        found = np.array(
            list(pool.map(one, range(FIRST_SEED, FIRST_SEED + draws), chunksize=20))
        )
    estimate, low, high, n, deff = np.moveaxis(found, 2, 0)
    covered = (low <= true.to_numpy()) & (true.to_numpy() <= high)
    table = true.rename("truth").reset_index()
    table["mean_n"] = n.mean(axis=0)
    table["bias"] = estimate.mean(axis=0) - table["truth"]
    table["coverage"] = covered.mean(axis=0)
    table["coverage_se"] = np.sqrt(table["coverage"] * (1 - table["coverage"]) / draws)
    table["mean_length"] = (high - low).mean(axis=0)
    table["draws"] = draws
    table["design_effect"] = deff.mean()
    table.round(5).to_csv(
        ROOT / "data" / "synthetic" / "coverage.csv", index=False, lineterminator="\n"
    )
    print(table.round(4).to_string(index=False))
    print(f"all cells together: {covered.mean():.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
