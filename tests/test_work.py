"""What a fit costs, counted in work and not in seconds, and that the cheap road leads where the long one does."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustlib.logit import LogitFit

ROOT = Path(__file__).parents[1]
SEALED = sorted((ROOT / "data" / "hints6" / "cells").glob("*.parquet"))
# What no step from a file to gaps may import: each takes longer than the step.
HEAVY = ("statsmodels", "scipy.stats", "scipy.optimize", "matplotlib", "seaborn")
PATH_TO_GAPS = """
import sys
import warnings
import pandas as pd
import trustlib as tl
people = pd.DataFrame({"w": [1.0, 2.0, 3.0, 1.5] * 60, "area": ["x", "y"] * 120})
people["g"] = pd.Categorical(["a", "b", "c"] * 80)
people["h"] = pd.Categorical((["no"] * 5 + ["yes"] * 7) * 20)
people["y"] = [0.0, 1.0, 1.0, 0.0, 1.0] * 48
design = tl.SurveyDesign(people, weight="w", strata="area")
cells = tl.compress(design, "y", ["g", "h"])
fit = tl.fit_logit(cells, "g * h")
tl.adjust(tl.comparisons(tl.predictions(fit, ["g"])))
tl.cell_means(cells)
fit.term_test("g:h")
print([name for name in %r if name in sys.modules])
"""


def loaded(heavy: tuple[str, ...]) -> str:
    """Which of some modules a process has loaded that went from people to gaps."""
    program = [sys.executable, "-W", "ignore", "-c", PATH_TO_GAPS % (heavy,)]
    ended = subprocess.run(program, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_the_path_from_people_to_gaps_imports_nothing_heavy():
    assert loaded(HEAVY) == "[]", (
        "import it inside the function that needs it, or compute it here"
    )


def test_the_check_of_imports_can_fail():
    assert loaded(("pandas", "statsmodels")) == "['pandas']"


# Every fit is that of statsmodels


def synthetic_people() -> pd.DataFrame:
    """2,000 people with three identities, an age and uneven weights."""
    random = np.random.default_rng(20261129)
    size = 2000
    people = pd.DataFrame(
        {
            "gender": pd.Categorical(random.choice(["man", "woman", "other"], size)),
            "ethnicity": pd.Categorical(random.choice(["a", "b", "c", "d"], size)),
            "disability": pd.Categorical(random.choice(["no", "yes"], size)),
            "age": random.choice([20.0, 35.0, 50.0, 65.0], size),
            "weight": random.lognormal(0, 0.8, size),
            "region": random.choice(["n", "s", "w"], size),
        }
    )
    minority = people["ethnicity"] != "a"
    chance = 0.2 + 0.2 * minority + 0.15 * (people["disability"] == "yes")
    people["damaged"] = (random.random(size) < chance).astype(float)
    return people


FORMULAS = (
    "1",
    "gender",
    "gender * ethnicity * disability",
    "gender + ethnicity + disability + age",
    "disability * age + I(age**2)",
    "0 + gender + ethnicity:disability",
    "C(age) * disability + gender",
    "ethnicity / disability + np.log(age)",
)


def require_that_of_statsmodels(fit: LogitFit) -> None:
    """Hold a fit to statsmodels' coefficients, found from its own start."""
    theirs = fit.glm.model.fit(maxiter=100, tol=1e-13, tol_criterion="params")
    own = fit.coef.to_numpy()
    params = np.asarray(theirs.params)
    assert theirs.converged
    assert list(theirs.params.index) == list(fit.coef.index)
    np.testing.assert_allclose(own, params, rtol=1e-12, atol=1e-12)
    assert fit.glm.model.endog_names == fit.cells.outcome


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_fit_is_that_of_statsmodels(formula):
    design = tl.SurveyDesign(synthetic_people(), weight="weight", strata="region")
    axes = ["gender", "ethnicity", "disability", "age"]
    cells = tl.compress(design, "damaged", axes)
    require_that_of_statsmodels(tl.fit_logit(cells, formula))


@pytest.mark.parametrize("path", SEALED, ids=lambda path: path.stem)
def test_fits_of_real_people_are_those_of_statsmodels(path):
    cells = tl.Cells.read(path)
    joined = [
        " * ".join(pair) for pair in combinations(cells.by, min(2, len(cells.by)))
    ]
    for formula in {"1", " + ".join(cells.by) or "1", *joined}:
        try:
            fit = tl.fit_logit(cells, formula)
        except tl.FitError:  # not identified here: nothing to compare
            continue
        require_that_of_statsmodels(fit)


def test_statsmodels_results_are_made_once_and_only_when_asked_for():
    cells = tl.compress(
        tl.SurveyDesign(synthetic_people(), weight="weight"), "damaged", ["gender"]
    )
    fit = tl.fit_logit(cells, "gender")
    assert "glm" not in vars(fit)
    assert fit.glm is fit.glm
    assert "gender[T.woman]" in str(fit.glm.summary())
