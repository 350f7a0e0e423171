"""Lonely strata by group, replicate weights below zero, models larger than their design, and undefined numbers."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustlib.tables import readable

HERE = Path(__file__).resolve().parent
LONELY = (
    pd.read_csv(HERE / "reference" / "lonely_groups.csv")
    .set_index(["scenario", "quantity", "name"])["value"]
    .sort_index()
)
SCENARIOS = sorted({s for s in LONELY.index.get_level_values(0) if "/logit/" not in s})


# -- strata with one PSU, by group --------------------------------------------------------------------------------------


@cache
def schools(data_file):
    frame = pd.read_csv(data_file("r_survey", "apiclus1.csv"))
    return frame.assign(above600=(frame["api00"] > 600).astype(float))


def lonely(data_file, rule, part="all"):
    design = tl.SurveyDesign(schools(data_file), "pw", strata="dnum", lonely_psu=rule)
    return design.domain("stype == 'E'") if part == "E" else design


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_groups_as_svyby(scenario, data_file):
    """R counts the strata of each group: with `average` each has its own factor."""
    _, rule, axis, part = scenario.split("/")
    axes = ["stype", "sch.wide", "comp.imp"]
    cells = tl.compress(lonely(data_file, rule, part), "above600", axes)
    levels = tl.cell_means(cells, [axis]).frame.set_index(axis)
    for quantity, column in (("estimate", "estimate"), ("se", "std_error")):
        expected = LONELY[scenario, quantity]
        np.testing.assert_allclose(levels[column][expected.index], expected, rtol=1e-9)
    several = tl.one_way(cells, axes).frame.query("axis == @axis").set_index("level")
    expected = LONELY[scenario, "se"]
    np.testing.assert_allclose(
        several["std_error"][expected.index], expected, rtol=1e-9
    )


@pytest.mark.parametrize("rule", ["remove", "certainty", "adjust", "average"])
def test_models_count_the_strata_of_everyone(rule, data_file):
    frame = schools(data_file).rename(columns={"sch.wide": "wide"})
    design = tl.SurveyDesign(frame, "pw", strata="dnum", lonely_psu=rule)
    fit = tl.fit_logit(tl.compress(design, "above600", ["wide"]), "wide")
    expected = LONELY[f"lonely_groups/{rule}/logit/all", "se"]
    np.testing.assert_allclose(
        fit.std_error, expected[["Intercept", "sch.wide[T.Yes]"]], rtol=1e-8
    )


def test_the_covariance_of_groups_stays_one(data_file):
    """Each covariance is multiplied by the root of both factors, so that correlations are those of the other strata."""
    cells = [
        tl.compress(lonely(data_file, rule), "above600", ["stype"])
        for rule in ("remove", "average")
    ]
    plain, scaled = (tl.cell_means(c).vcov for c in cells)

    def correlation(v):
        return v / np.sqrt(np.outer(np.diag(v), np.diag(v)))

    np.testing.assert_allclose(correlation(plain), correlation(scaled), atol=1e-12)
    assert np.linalg.eigvalsh(scaled).min() > 0
    sealed = cells[1].settled()  # these groups are too small to leave
    assert "strata counted over everyone" in sealed.variance


# -- replicate weights below zero ---------------------------------------------------------------------------------------


def acs(seed=0, size=600, replicates=12, low=-0.5):
    """People with successive-difference replicates, some of them below zero."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"w": 1 + rng.random(size)})
    frame["g"] = rng.choice(["man", "woman"], size)
    frame["y"] = (rng.random(size) < 0.4).astype(float)
    names = [f"r{i}" for i in range(replicates)]
    for name in names:
        frame[name] = frame["w"] * rng.choice([low, 1.0, 1.7], size, p=[0.1, 0.6, 0.3])
    return frame, names


def test_replicates_below_zero_as_by_hand():
    frame, names = acs()
    design = tl.SurveyDesign(
        frame, "w", replicate_weights=names, replicate_scale=4 / len(names)
    )
    cells = tl.compress(design, "y", ["g"])
    levels = tl.cell_means(cells).frame.set_index("g")
    for g, rows in frame.groupby("g"):
        p = np.average(rows["y"], weights=rows["w"])
        each = np.array([np.average(rows["y"], weights=rows[r]) for r in names])
        se = np.sqrt(4 / len(names) * ((each - p) ** 2).sum())
        assert levels.loc[g, "estimate"] == pytest.approx(p, rel=1e-12)
        assert levels.loc[g, "std_error"] == pytest.approx(se, rel=1e-10)
    fit = tl.fit_logit(cells, "g")  # sums of the cells are above zero
    assert (fit.std_error > 0).all()


def test_replicates_below_zero_need_a_scale():
    frame, names = acs()
    with pytest.raises(tl.DesignError, match=r"negative[\s\S]*replicate_scale"):
        tl.SurveyDesign(frame, "w", replicate_weights=names, replicate_method="JK1")
    with pytest.raises(tl.DesignError, match="negative"):
        tl.SurveyDesign(
            frame.assign(w=-frame["w"]),
            "w",
            replicate_weights=names,
            replicate_scale=1 / 3,
        )


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow"])
def test_every_engine_takes_them(engine):
    frame, names = acs()
    if engine == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    if engine == "pyarrow":
        frame = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    made = tl.SurveyDesign(frame, "w", replicate_weights=names, replicate_scale=1 / 3)
    assert tl.cell_means(tl.compress(made, "y", ["g"])).frame["std_error"].gt(0).all()


@pytest.mark.parametrize("which", ["cell", "answer", "everyone"])
def test_a_refit_of_less_than_nothing_is_refused_by_number(which):
    frame, names = acs()
    chosen = {
        "cell": frame["g"] == "woman",
        "answer": (frame["g"] == "woman") & (frame["y"] == 1),
        "everyone": frame["w"] > 0,
    }[which]
    frame.loc[chosen, "r6"] = -frame.loc[chosen, "w"]
    design = tl.SurveyDesign(frame, "w", replicate_weights=names, replicate_scale=1 / 3)
    cells = tl.compress(design, "y", ["g"])
    with pytest.raises(tl.FitError, match="replicate 7") as caught:
        tl.fit_logit(cells, "g")
    assert ("g=woman" in str(caught.value)) == (which != "everyone")
    assert tl.cell_means(cells).frame["std_error"].notna().all()


# -- more coefficients than degrees of freedom --------------------------------------------------------------------------


def test_more_coefficients_than_df_are_said():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"psu": np.arange(800) % 10, "w": 1.0})
    frame["a"] = rng.integers(5, size=800).astype(str)
    frame["b"] = rng.integers(3, size=800).astype(str)
    frame["y"] = (rng.random(800) < 0.4).astype(float)
    cells = tl.compress(tl.SurveyDesign(frame, "w", psu="psu"), "y", ["a", "b"])
    with pytest.warns(tl.FewPSUWarning, match=r"More coefficients \(15\)"):
        fit = tl.fit_logit(cells, "a * b")
    found = tl.coefficients(fit)
    assert found.frame[["conf_low", "p_value"]].isna().all(axis=None)
    assert any("More coefficients" in note for note in found.notes)
    html = tl.table(found).as_raw_html()
    assert "More coefficients (15) than degrees of freedom" in html
    assert "–" in html
    test = tl.table(fit.term_test("a:b")).as_raw_html()
    assert "More coefficients (15)" in test
    assert tl.predictions(fit, ["a"]).frame["conf_low"].notna().all()
    assert not tl.coefficients(tl.fit_logit(cells, "a")).notes


# -- numbers that are not defined ---------------------------------------------------------------------------------------


def test_undefined_numbers_are_dashes_with_a_note():
    frame = pd.DataFrame({"g": np.repeat(["a", "b", "c"], 40), "w": 1.0})
    frame["y"] = (np.arange(120) % 3 == 0).astype(float)
    frame.loc[frame["g"] == "c", "y"] = 1.0
    levels = tl.cell_means(tl.compress(tl.SurveyDesign(frame, "w"), "y", ["g"]))
    for estimates in (levels, tl.comparisons(levels, scale="odds_ratio")):
        shown = readable(_open(estimates))
        assert not shown.astype(str).isin(["nan", "inf", "+inf", "NaN"]).any(axis=None)
        html = tl.table(_open(estimates)).as_raw_html()
        assert "A dash marks what is not defined here" in html
    plain = levels.where("g != 'c'")
    assert "A dash marks" not in tl.table(_open(plain)).as_raw_html()


def _open(estimates):
    """The same, as if enough people were behind every row."""
    from dataclasses import replace

    return replace(estimates, smallest=np.full(len(estimates), 100))
