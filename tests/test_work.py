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
from trustlib import engines, stratified
from trustlib.encoding import Encoding, encode
from trustlib.formulas import read_formula
from trustlib.logit import LogitFit

ROOT = Path(__file__).parents[1]
SEALED = sorted((ROOT / "data" / "hints6" / "cells").glob("*.parquet"))
# What no step from a file to gaps may import: each takes longer than the step.
HEAVY = ("statsmodels", "formulaic", "scipy.stats", "scipy.optimize", "scipy.sparse",
         "matplotlib", "seaborn", "pydantic", "yaml")  # fmt: skip
PATH_TO_GAPS = """
import sys
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


# Rows from codes are those of formulaic


PLAIN = (
    "gender",
    "0 + gender",
    "gender + ethnicity",
    "gender:ethnicity",
    "gender:ethnicity + gender",
    "ethnicity + gender:ethnicity:disability",
    "0 + gender:disability + ethnicity",
    "gender / ethnicity",
    "age",
    "0 + age",
    "gender:age",
    "gender:age + age",
    "(gender + ethnicity + disability)**2 - gender:disability",
    "disability:age:gender + ethnicity * age - age",
    "0 + gender * ethnicity * disability * age",
    "gender * ethnicity * disability * age - gender",
)


@pytest.mark.parametrize("formula", PLAIN)
def test_rows_from_codes_are_those_of_formulaic(formula):
    import formulaic

    people = synthetic_people()[["gender", "ethnicity", "disability", "age"]]
    numbers = {axis: axis == "age" for axis in people}
    terms = read_formula(formula, "damaged", numbers)
    axes = pd.DataFrame({own: people[axis] for axis, own in terms.own.items()})
    theirs = formulaic.model_matrix(terms.text, axes, output="numpy", context={})
    spec = theirs.model_spec
    made, x = encode(terms, axes)
    assert type(made) is Encoding  # formulaic was not asked
    np.testing.assert_array_equal(x, np.asarray(theirs))
    assert made.names == tuple(spec.column_names)
    own = {term.name: list(term.places) for term in made.terms}
    assert own == {str(term): list(at) for term, at in spec.term_indices.items()}
    scopes = [
        [(part.factor, part.reduced) for part in scope]
        for term in made.terms
        for scope in term.scopes
    ]
    assert scopes == [
        [(str(f.factor), f.reduced) for f in scoped.factors]
        for term in spec.structure
        for scoped in term.scoped_terms
    ]
    some = axes.iloc[::7].reset_index(drop=True)
    again = spec.get_model_matrix(some)
    np.testing.assert_array_equal(made.matrix(some), np.asarray(again))


def test_what_is_computed_is_left_to_formulaic():
    people = synthetic_people()[["age", "gender"]]
    terms = read_formula("C(age) + gender", "y", {"age": True, "gender": False})
    axes = pd.DataFrame({own: people[axis] for axis, own in terms.own.items()})
    made, _ = encode(terms, axes)
    assert type(made) is not Encoding
    assert made.names[1] == "C(v0)[T.35.0]"


def test_a_value_that_is_no_level_is_refused():
    axes = pd.DataFrame({"v0": pd.Categorical(["a", "b"])})
    made, _ = encode(read_formula("g", "y", {"g": False}), axes)
    for other in ("c", None):
        with pytest.raises(ValueError, match="missing, or no level"):
            made.matrix(pd.DataFrame({"v0": pd.Categorical(["a", other])}))


# How often people, cells and rows are looked at


def counted(monkeypatch, owner, name: str, size) -> list[int]:
    """The size of the work of each call of a function, by `size` of its arguments."""
    real = getattr(owner, name)
    calls: list[int] = []

    def counting(*args, **kwargs):
        calls.append(size(*args))
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_people_are_looked_at_once_for_strata_and_once_for_cells(monkeypatch):
    people = synthetic_people()
    calls = counted(monkeypatch, engines, "group_rows", lambda columns, rows: rows)
    design = tl.SurveyDesign(people, weight="weight", strata="region")
    assert calls.count(len(people)) == 1
    tl.compress(design, "damaged", ["gender", "ethnicity"])
    assert calls.count(len(people)) == 2


def test_each_row_of_a_design_matrix_is_made_once(monkeypatch):
    design = tl.SurveyDesign(synthetic_people(), weight="weight")
    axes = ["gender", "ethnicity", "disability"]
    cells = tl.compress(design, "damaged", axes)
    made = counted(monkeypatch, Encoding, "matrix", lambda encoding, rows: len(rows))
    fit = tl.fit_logit(cells, "gender * ethnicity + disability")
    assert made == [len(cells)]
    tl.one_way(fit, axes=list(combinations(axes, 2)))
    assert made == [len(cells), len(cells)]  # every cell is some counterfactual


def test_the_smallest_groups_of_a_fit_are_counted_once(monkeypatch):
    design = tl.SurveyDesign(synthetic_people(), weight="weight")
    cells = tl.compress(design, "damaged", ["gender", "ethnicity", "disability"])
    fit = tl.fit_logit(cells, "gender * ethnicity + disability")
    calls = counted(monkeypatch, LogitFit, "_smallest_within", lambda *_: 1)
    tl.predictions(fit, ["gender"])
    tl.predictions(fit, ["ethnicity"])
    tl.coefficients(fit)
    fit.term_test("gender:ethnicity")
    assert len(calls) == 2  # gender with ethnicity, and disability


def test_totals_of_groups_are_summed_once(monkeypatch):
    design = tl.SurveyDesign(synthetic_people(), weight="weight", strata="region")
    cells = tl.compress(design, "damaged", ["gender", "ethnicity"])
    calls = counted(monkeypatch, stratified, "_table", lambda row, *_: len(row))
    tl.fit_logit(cells, "gender + ethnicity")
    tl.cell_means(cells)
    cells.settled()
    assert len(calls) == 1
