"""What do uneven weights do to the variance between strata?

Run ``python benchmarks/maihda_weights.py`` from the top of the repository (about a minute of CPU). Strata of four axes
have fixed effects and an intercept of their own with variance 0.05; weights are uneven and say nothing of the answers.
Three estimates of the additive model by REML: weights not used; weighted shares of the effective people of each cell
(``weights=True``); and weighted shares of all people of each cell, as ``weights=True`` had it before: the noise of the
weights then counts as variance between strata.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import expit

import trustlib as tl

REPLICATIONS = 200
PEOPLE = 4_000
VARIANCE = 0.05
SPREAD = 1.0  # standard deviation of the log weights: a design effect of about 2.7
SHAPE = (2, 3, 2, 4)


def draw(seed: int) -> tl.Cells:
    """Cells of one draw of strata, people and weights."""
    rng = np.random.default_rng(seed)
    axes = [f"axis_{i}" for i in range(len(SHAPE))]
    strata = pd.DataFrame(list(product(*map(range, SHAPE))), columns=axes)
    own = np.sqrt(VARIANCE) * rng.standard_normal(len(strata))
    eta = 0.2 * strata.sum(axis=1) - 0.6 + own
    at = rng.integers(len(strata), size=PEOPLE)
    chance = expit(eta.to_numpy()[at])
    people = strata.iloc[at].astype(str)
    people["y"] = (rng.random(PEOPLE) < chance).astype(float)
    people["w"] = np.exp(SPREAD * rng.standard_normal(PEOPLE))
    return tl.compress(tl.SurveyDesign(people, weight="w"), "y", axes)


def by_head(cells: tl.Cells) -> tl.Cells:
    """Cells whose weights look equal, so that the effective people are all people."""
    frame = cells.frame.copy()
    frame["sum_w2"] = frame["sum_w"] ** 2 / frame["n"]
    return replace(cells, frame=frame)


def additive(fit: tl.MaihdaFit) -> float:
    """The variance between strata that the main effects leave."""
    return float(fit.models.loc["additive", "variance"])


def main(replications: int = REPLICATIONS) -> pd.DataFrame:
    """Means over the draws, with their simulation error."""
    rows = []
    for seed in range(replications):
        cells = draw(seed)
        rows.append(
            {
                "not used": additive(tl.maihda(cells)),
                "effective people": additive(tl.maihda(cells, weights=True)),
                "all people": additive(tl.maihda(by_head(cells), weights=True)),
            }
        )
    found = pd.DataFrame(rows)
    error = found.std(ddof=1) / np.sqrt(replications)
    return pd.DataFrame({"truth": VARIANCE, "mean": found.mean(), "error": error})


if __name__ == "__main__":
    print(main().round(4).to_string())
