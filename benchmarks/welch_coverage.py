"""How often do 95 % intervals of sums over samples cover when one sample has few PSUs?

Run ``python benchmarks/welch_coverage.py`` from the top of the repository (about four minutes of CPU). One wave has 6
PSUs, the other 4,000 people of their own. The change between the two (`stack`, `change`) and the level of both together
(`Cells.merge`) have degrees of freedom by Welch and Satterthwaite; the sum of the samples' df is shown beside it.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats

import trustlib as tl

REPLICATIONS = 7_000
PSUS, EACH, PEOPLE = 6, 150, 4_000
SHARE, SPREAD = 0.4, 0.06  # the proportion, and how PSUs differ in it


def few_psus(rng: np.random.Generator) -> tl.Cells:
    """A sample of few PSUs that differ."""
    psu = np.repeat(np.arange(PSUS), EACH)
    chance = np.clip(SHARE + SPREAD * rng.standard_normal(PSUS), 0.01, 0.99)[psu]
    y = (rng.random(len(psu)) < chance).astype(float)
    frame = pd.DataFrame({"y": y, "psu": psu})
    return tl.compress(tl.SurveyDesign(frame, weight=None, psu="psu"), "y", [])


def many_people(rng: np.random.Generator) -> tl.Cells:
    """A simple random sample."""
    frame = pd.DataFrame({"y": (rng.random(PEOPLE) < SHARE).astype(float)})
    return tl.compress(tl.SurveyDesign(frame, weight=None), "y", [])


def covered(estimates: tl.Estimates, truth: float) -> tuple[bool, bool]:
    """Whether the interval holds the truth, with the df of the row and with the sum of df."""
    row = estimates.frame.iloc[0]
    by_sum = stats.t.ppf(0.975, estimates.df) * row["std_error"]
    off = abs(row["estimate"] - truth)
    own = row["conf_low"] <= truth <= row["conf_high"]
    return bool(own), bool(off <= by_sum)


def one(seed: int) -> tuple[bool, ...]:
    """Both quantities for one draw."""
    rng = np.random.default_rng(seed)
    before, after = few_psus(rng), many_people(rng)
    levels = {"2019": tl.cell_means(before), "2024": tl.cell_means(after)}
    change = tl.change(tl.stack(levels, "wave"), within=None)
    both = tl.cell_means(tl.Cells.merge([before, after]), interval="wald")
    return (*covered(change, 0.0), *covered(both, SHARE))


def main(replications: int = REPLICATIONS) -> pd.Series:
    """Shares of the draws whose interval covers."""
    names = ["change", "change, sum of df", "merged level", "merged level, sum of df"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.FewPSUWarning)
        found = np.array([one(seed) for seed in range(replications)])
    return pd.Series(found.mean(axis=0), names)


if __name__ == "__main__":
    print(main().round(4).to_string())
