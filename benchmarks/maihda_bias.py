"""How far off is the variance between strata by maximum likelihood, and by REML?

Run ``python benchmarks/maihda_bias.py`` from the top of the repository (about a minute of CPU). It writes
data/simulations/maihda_bias.csv. Strata have fixed effects of two or more axes and an intercept of their own with
variance 0.05; 35,000 people answer. Both estimates are of the additive model; likelihood with 25 quadrature points.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

import trustlib as tl

ROOT = Path(__file__).parents[1]
REPLICATIONS, PEOPLE, VARIANCE = 200, 35_000, 0.05
SHAPES = {16: (2, 2, 2, 2), 60: (3, 5, 2, 2), 120: (3, 5, 2, 4)}


def one(shape: tuple[int, ...], seed: int) -> tuple[float, float]:
    """The additive variance by REML and by maximum likelihood, for one draw of strata and people."""
    rng = np.random.default_rng([len(shape), *shape, seed])
    axes = [f"axis_{i}" for i in range(len(shape))]
    strata = pd.DataFrame(list(product(*map(range, shape))), columns=axes)
    eta = (
        0.2 * strata.sum(axis=1)
        - 0.6
        + np.sqrt(VARIANCE) * rng.standard_normal(len(strata))
    )
    at = rng.integers(len(strata), size=PEOPLE)
    people = (
        strata.iloc[at]
        .astype(str)
        .assign(y=(rng.random(PEOPLE) < expit(eta.to_numpy()[at])).astype(float))
    )
    cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", axes)
    fits = tl.maihda(cells), tl.maihda(cells, method="ml", points=25)
    return tuple(float(fit.models.loc["additive", "variance"]) for fit in fits)


def main() -> None:
    rows = []
    for strata, shape in SHAPES.items():
        found = np.array([one(shape, seed) for seed in range(REPLICATIONS)])
        for method, values in zip(("reml", "ml"), found.T, strict=True):
            error = values.std(ddof=1) / np.sqrt(REPLICATIONS)
            rows.append(
                (
                    strata,
                    method,
                    VARIANCE,
                    values.mean(),
                    error,
                    (values == 0).mean(),
                    REPLICATIONS,
                )
            )
    columns = [
        "strata",
        "method",
        "truth",
        "mean_estimate",
        "simulation_se",
        "share_at_zero",
        "replications",
    ]
    table = pd.DataFrame(rows, columns=columns).round(5)
    table.to_csv(
        ROOT / "data" / "simulations" / "maihda_bias.csv",
        index=False,
        lineterminator="\n",
    )
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
