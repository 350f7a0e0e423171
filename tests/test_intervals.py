"""Intervals, joint tests, multiplicity and precision: R's numbers (tests/reference/estimates.R), limits, refusals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import trustlib as tl
from trustlib.intervals import (
    INTERVALS,
    detectable_difference,
    detectable_size,
    e_value,
    mover_interval,
    nchs_flag,
    wald_interval,
)
from trustlib.precision import adjust, detectable, joint_test, reliability
from trustlib.scales import COMPARED, INTERACTIONS

pytestmark = pytest.mark.filterwarnings(
    "ignore::trustlib.MissingRowsWarning", "ignore::trustlib.ProtectiveExposureWarning"
)
R = (
    pd.read_csv(Path(__file__).parent / "reference" / "estimates.csv")
    .set_index(["scenario", "quantity", "name"])["value"]
    .sort_index()
)
ONE = np.array([1.0])


@cache
def nhanes(data_file):
    d = pd.read_csv(data_file("r_survey", "nhanes.csv"))
    d["agecat"] = pd.Categorical(
        d["agecat"], categories=["(0,19]", "(19,39]", "(39,59]", "(59,Inf]"]
    )
    d = d.assign(gender=d["RIAGENDR"].astype(str), race=d["race"].astype(str))
    d["older"] = np.where(d["agecat"].isin(["(39,59]", "(59,Inf]"]), "yes", "no")
    d["white"] = np.where(d["race"] == "2", "yes", "no")
    design = tl.SurveyDesign(
        d, weight="WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU", nest=True
    )
    return tl.compress(
        design, "HI_CHOL", ["gender", "race", "agecat", "older", "white"]
    )


def survey(n=400, seed=1, **options):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"g": rng.choice(["a", "b", "c"], n), "w": rng.uniform(0.5, 2, n)}
    )
    frame["y"] = (rng.random(n) < 0.3 + 0.1 * (frame["g"] == "b")).astype(float)
    return tl.compress(
        tl.SurveyDesign(frame, **(options or {"weight": "w"})), "y", ["g"]
    )


# -- R ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["beta", "wilson"])
def test_intervals_of_groups_as_r(method, data_file):
    levels = tl.cell_means(nhanes(data_file), by=["race"], interval=method).frame
    for end in ("conf_low", "conf_high"):
        expected = [
            R[f"estimates/nhanes/{method}", end, f"race={r}"] for r in levels["race"]
        ]
        np.testing.assert_allclose(levels[end], expected, rtol=1e-11)


@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_joint_test_and_adjusted_p_as_r(scale, data_file):
    gaps = tl.comparisons(
        tl.cell_means(nhanes(data_file), by=["race"]), {"race": "1"}, scale
    )
    joint = joint_test(gaps)
    for rule in ("wald", "adjusted"):
        for quantity in ("statistic", "p_value"):
            expected = R[f"estimates/nhanes/joint/{scale}", quantity, rule]
            assert joint.loc[rule, quantity] == pytest.approx(expected, rel=1e-9)
    p = R[f"estimates/nhanes/p/{scale}", "p_value"]
    np.testing.assert_allclose(gaps.frame["p_value"], p.to_numpy(), rtol=1e-9)
    for method in ("holm", "fdr_bh"):
        found = adjust(gaps, method)
        np.testing.assert_allclose(
            found.frame["p_value"],
            R[f"estimates/nhanes/p_{method}/{scale}", "p_value"],
            rtol=1e-9,
        )
        assert "p adjusted for 3 tests" in found.convention
        assert "intervals not adjusted" in found.convention
        unchanged = ["estimate", "std_error", "conf_low", "conf_high", "statistic"]
        pd.testing.assert_frame_equal(found.frame[unchanged], gaps.frame[unchanged])


def test_sampled_covariates_as_r(data_file):
    """R's row-level influence values through svyrecvar. svypredmeans leaves a covariance out: here 1 to 6 % larger SEs."""
    fit = tl.fit_logit(nhanes(data_file), "agecat + race + gender")
    found = tl.predictions(fit, ["gender"], covariates="sampled")
    expected = R["estimates/nhanes/sampled"]
    np.testing.assert_allclose(
        found.frame["estimate"], expected["estimate"], rtol=1e-10
    )
    np.testing.assert_allclose(found.frame["std_error"], expected["se"], rtol=1e-9)
    assert found.vcov[0, 1] == pytest.approx(
        expected["statistic", "covariance"], rel=1e-9
    )
    ratio = (
        R["estimates/nhanes/svypredmeans", "se"].to_numpy()
        / found.frame["std_error"].to_numpy()
    )
    assert ((ratio > 1.01) & (ratio < 1.07)).all()
    assert "as sampled" in found.convention


def test_sampled_covariates_of_replicates_as_r():
    here = Path(__file__).parent / "reference"
    scales = pd.read_csv(here / "replicates_scales.csv").query("type == 'JKn'")
    design = tl.SurveyDesign(
        pd.read_csv(here / "replicates_data.csv"), weight="w", replicate_method="JKn",
        replicate_weights=list(scales["column"]), replicate_scale=list(scales["scale"] * scales["rscale"]),
    )  # fmt: skip
    fit = tl.fit_logit(tl.compress(design, "y", ["a", "b"]), "a + b")
    found = tl.predictions(fit, ["a"], covariates="sampled").frame
    np.testing.assert_allclose(
        found["estimate"], R["estimates/replicates/sampled", "estimate"], rtol=1e-10
    )
    np.testing.assert_allclose(
        found["std_error"], R["estimates/replicates/sampled", "se"], rtol=1e-8
    )


def test_three_axes_as_r(data_file):
    levels = tl.cell_means(nhanes(data_file), by=["gender", "older", "white"])
    found = tl.interactions(
        levels, "gender", "older", "white", methods="delta"
    ).frame.set_index("measure")
    for name, value in R["estimates/nhanes/three", "estimate"].items():
        log = name.startswith("ratio")
        row = found.loc[name]
        assert (np.log(row["estimate"]) if log else row["estimate"]) == pytest.approx(
            value, rel=1e-9
        )
        se = row["std_error"] / row["estimate"] if log else row["std_error"]
        assert se == pytest.approx(R["estimates/nhanes/three", "se", name], rel=1e-9)
    of_two_axes = {"synergy", "synergy_or"}
    assert set(found.index) == set(INTERACTIONS) - of_two_axes


@pytest.mark.parametrize("case", list(R["estimates/power", "estimate"].index))
def test_planning_as_r(case):
    p, n, power = map(float, case.split(";"))
    assert detectable_difference(p, n, power=power) == pytest.approx(
        R["estimates/power", "estimate", case], rel=1e-9
    )
    assert detectable_difference(p, 2 * n, deff=2, power=power) == pytest.approx(
        detectable_difference(p, n, power=power)
    )


# -- what each interval is ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(x=st.integers(0, 60), n=st.integers(60, 500))
def test_intervals_of_a_simple_random_sample(x, n):
    """With the variance of a simple random sample and df = n - 1 beta is Clopper-Pearson and wilson is Wilson's."""
    p = np.array([x / n])
    se = np.sqrt(p * (1 - p) / n)
    for ours, theirs in (("beta", "beta"), ("wilson", "wilson")):
        found = np.ravel(INTERVALS[ours](p, se, n - 1.0, np.array([n])))
        np.testing.assert_allclose(
            found,
            np.nan_to_num(proportion_confint(x, n, method=theirs)),
            rtol=1e-8,
            atol=1e-12,
        )


@settings(max_examples=60, deadline=None)
@given(p=st.floats(0.001, 0.999), size=st.floats(5, 5000), df=st.integers(1, 200))
def test_likelihood_interval_solves_its_equation(p, size, df):
    values = np.array([p])
    low, high = INTERVALS["likelihood"](
        values, np.sqrt(values * (1 - values) / size), float(df), np.array([1000])
    )
    assert 0 <= low[0] < p < high[0] <= 1
    for q in (low[0], high[0]):
        if 1e-6 < q < 1 - 1e-6:
            deviance = (
                2 * size * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
            )
            assert deviance == pytest.approx(stats.t.ppf(0.975, df) ** 2, rel=1e-6)


@pytest.mark.parametrize("method", sorted(INTERVALS))
def test_intervals_turn_with_the_outcome(method):
    p, se, n = (
        np.array([0.02, 0.3, 0.5]),
        np.array([0.01, 0.04, 0.03]),
        np.array([300, 200, 900]),
    )
    low, high = INTERVALS[method](p, se, 24.0, n)
    turned = INTERVALS[method](1 - p, se, 24.0, n)
    np.testing.assert_allclose(turned, [1 - high, 1 - low], rtol=1e-9, atol=1e-12)
    assert (low < p).all()
    assert (high > p).all()


def test_nobody_or_everyone():
    """p of 0 or 1: logit undefined, wald without width, the others one-sided with the people as sample size."""
    p, se, n = np.array([0.0, 1.0]), np.zeros(2), np.array([50, 50])
    assert np.isnan(INTERVALS["logit"](p, se, 49.0, n)).all()
    np.testing.assert_array_equal(INTERVALS["wald"](p, se, 49.0, n), [p, p])
    low, high = INTERVALS["beta"](p, se, 49.0, n)
    assert low[0] == 0
    assert high[0] == pytest.approx(1 - 0.025 ** (1 / 50))
    assert high[1] == 1
    assert low[1] == pytest.approx(0.025 ** (1 / 50))
    z = stats.norm.ppf(0.975) ** 2
    assert INTERVALS["wilson"](p, se, 49.0, n)[1][0] == pytest.approx(z / (50 + z))
    t = stats.t.ppf(0.975, 49) ** 2
    assert INTERVALS["likelihood"](p, se, 49.0, n)[1][0] == pytest.approx(
        1 - np.exp(-t / 100)
    )
    for method in ("beta", "wilson", "likelihood"):
        levels = tl.cell_means(survey(), by=["g"], interval=method)
        assert f"{method} interval" in levels.convention
        assert f"{method} interval" not in tl.comparisons(levels).convention


@pytest.mark.parametrize("method", sorted(INTERVALS))
def test_without_degrees_of_freedom_no_interval(method):
    assert np.isnan(
        INTERVALS[method](np.array([0.3]), np.array([0.1]), 0.0, np.array([30]))
    ).all()


# -- MOVER --------------------------------------------------------------------------------------------------------------


def test_mover_of_symmetric_intervals_is_wald():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(4, 4))
    v, value, sign = a @ a.T, rng.normal(size=4), np.array([1.0, -1, -1, 1])
    se = np.sqrt(np.diag(v))
    found = mover_interval(
        sign, value, *wald_interval(value, se, 30.0), v / np.outer(se, se)
    )
    np.testing.assert_allclose(
        found,
        np.ravel(wald_interval(sign @ value, np.sqrt(sign @ v @ sign), 30.0)),
        rtol=1e-10,
    )


def test_mover_of_two_wilson_intervals_is_newcombe():
    """Newcombe (1998), Statistics in Medicine 17:873, table II, method 10, 56/70 against 48/80: 0.0524 to 0.3339."""
    low, high = np.transpose(
        [proportion_confint(x, n, method="wilson") for x, n in ((56, 70), (48, 80))]
    )
    found = mover_interval(
        np.array([1.0, -1]), np.array([0.8, 0.6]), low, high, np.eye(2)
    )
    assert found.round(4).tolist() == [0.0524, 0.3339]


# -- joint tests, multiplicity ------------------------------------------------------------------------------------------


def test_joint_test_of_one_gap_is_its_t_test():
    gaps = tl.comparisons(tl.cell_means(survey()))
    one = joint_test(gaps.where("g == 'b'")).loc["wald"]
    row = gaps.where("g == 'b'").frame.iloc[0]
    assert one["statistic"] == pytest.approx(row["statistic"] ** 2)
    assert one["p_value"] == pytest.approx(row["p_value"])


def test_joint_test_does_not_depend_on_the_reference():
    levels = tl.cell_means(survey())
    tests = [
        joint_test(tl.comparisons(levels, {"g": g}))["statistic"].to_numpy()
        for g in "abc"
    ]
    np.testing.assert_allclose(tests[1:], [tests[0], tests[0]], rtol=1e-9)


def test_joint_test_of_odds_ratios_is_the_term_test():
    cells = survey()
    joint = joint_test(tl.comparisons(tl.cell_means(cells), scale="odds_ratio"))
    term = tl.fit_logit(cells, "g").term_test("g")
    assert list(joint) == list(term)
    np.testing.assert_allclose(joint["statistic"], term["statistic"], rtol=1e-8)


def test_refusals_of_tests():
    cells = survey()
    levels = tl.cell_means(cells)
    gaps = tl.comparisons(levels)
    for verb in (adjust, joint_test, detectable):
        with pytest.raises(tl.EstimandError, match="Levels are not tested"):
            verb(levels)
        with pytest.raises(tl.EstimandError, match="Expected Estimates"):
            verb(gaps.frame)
    twice = replace(
        gaps,
        _frame=pd.concat([gaps.frame, gaps.frame]),
        vcov=np.tile(gaps.vcov, (2, 2)),
        smallest=np.tile(gaps.smallest, 2),
    )
    with pytest.raises(tl.EstimandError, match="independent"):
        joint_test(twice)
    with pytest.raises(tl.EstimandError, match="coefficients"):
        joint_test(tl.coefficients(tl.fit_logit(cells, "g"), "odds_ratio"))
    with pytest.raises(tl.DisclosureError):
        joint_test(tl.comparisons(tl.cell_means(survey(40))))
    with pytest.raises(tl.UnknownNameError, match="holm"):
        adjust(gaps, "hol")
    with pytest.raises(tl.EstimandError, match="not adjusted yet"):
        adjust(adjust(gaps))
    with pytest.raises(tl.EstimandError, match="levels or predictions"):
        reliability(gaps)
    with pytest.raises(tl.EstimandError, match="between 0 and 1"):
        detectable(gaps, power=80)
    with pytest.raises(tl.EstimandError, match="between 0 and 1"):
        detectable_difference("0.1", 100)
    with pytest.raises(tl.EstimandError, match="above 0"):
        e_value(-0.3)


def test_undefined_p_values_are_no_tests():
    """Rows without a p-value, such as those by MOVER, do not count among the tests."""
    frame = pd.DataFrame(
        {"a": np.repeat(["0", "1"], 200), "b": np.tile(["0", "1"], 200)}
    )
    frame["y"] = (
        np.arange(400) % 7 < 2 + (frame["a"] == "1") + (frame["b"] == "1") * 2
    ).astype(float)
    found = tl.interactions(
        tl.cell_means(
            tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["a", "b"])
        ),
        "a",
        "b",
    )
    adjusted = adjust(found)
    assert f"for {len(INTERACTIONS)} tests" in adjusted.convention
    np.testing.assert_array_equal(
        adjusted.frame["p_value"].isna(), found.frame["p_value"].isna()
    )


# -- precision ----------------------------------------------------------------------------------------------------------


def test_effective_people_behind_a_gap():
    """Of a simple random sample they are the people, but for the n - 1 of the variance; a design effect divides them."""
    cells = survey(weight=None)
    levels = tl.cell_means(cells)
    for scale in COMPARED:
        gaps = tl.comparisons(levels, scale=scale).frame
        np.testing.assert_allclose(gaps["n_eff"], gaps["n"] * 399 / 400, rtol=1e-10)
        wider = tl.comparisons(replace(levels, vcov=3 * levels.vcov), scale=scale).frame
        np.testing.assert_allclose(wider["n_eff"], gaps["n_eff"] / 3, rtol=1e-10)
    assert tl.coefficients(tl.fit_logit(cells, "g")).frame["n_eff"].isna().all()


def test_what_could_have_been_found():
    gaps = tl.comparisons(tl.cell_means(survey()))
    found = detectable(gaps)
    t = stats.t.ppf([0.975, 0.8], gaps.df).sum()
    np.testing.assert_allclose(
        found.frame["detectable"], t * gaps.frame["std_error"], rtol=1e-12
    )
    assert list(found.frame)[-1] == "detectable"
    assert "power 0.8" in found.convention
    ratios = tl.comparisons(tl.cell_means(survey()), scale="ratio")
    log_se = ratios.frame["std_error"] / ratios.frame["estimate"]
    np.testing.assert_allclose(
        detectable(ratios).frame["detectable"], np.exp(t * log_se), rtol=1e-12
    )
    # a true gap of that size is found with that probability
    size = detectable_size(ONE, np.inf, 0.9, 0.99)
    assert stats.norm.sf(stats.norm.ppf(0.995) - size) == pytest.approx(0.9)


def test_planning_that_cannot_succeed():
    assert np.isnan(detectable_difference(0.9, 10))
    assert detectable_difference(0.5, 10_000) < detectable_difference(0.5, 1_000)


NCHS = {  # proportion, SE, df, people -> what is said
    "show": (0.3, 0.02, 40, 800),
    "suppress: fewer than 30 effective people": (0.3, 0.1, 40, 800),
    "suppress: the interval is 30 points wide or wider": (0.5, 0.08, 40, 800),
    "suppress: the interval is wider than 1.3 times the proportion": (
        0.05,
        0.02,
        40,
        800,
    ),
    "show; not the complement": (0.95, 0.02, 40, 800),
    "review: nobody or everyone": (0.0, 0.0, 40, 800),
    "review: fewer than 8 degrees of freedom": (0.3, 0.01, 7, 800),
}


@pytest.mark.parametrize("text", NCHS)
def test_reliability_rules(text):
    p, se, df, n = NCHS[text]
    assert nchs_flag(np.array([p]), np.array([se]), df, np.array([n]))[0] == text


def test_reliability_at_the_edges():
    """Narrow intervals count however small the proportion; a sample is worth no more than its people; NaN is no pass."""
    assert nchs_flag(0.001 * ONE, 0.0008 * ONE, 40, 5000 * ONE)[0] == "show"
    assert nchs_flag(0.3 * ONE, 1e-6 * ONE, 40, 29 * ONE)[0].startswith("suppress")
    assert nchs_flag(0.0 * ONE, 0.0 * ONE, 40, 29 * ONE)[0].startswith("suppress")
    assert nchs_flag(0.3 * ONE, np.nan * ONE, 40, 800 * ONE)[0].startswith("suppress")
    assert nchs_flag(0.3 * ONE, 0.02 * ONE, 0, 800 * ONE)[0].startswith("suppress")


def test_reliability_of_levels():
    found = reliability(tl.cell_means(survey(600, weight=None)))
    assert set(found.frame["reliability"]) == {"show"}
    assert found.notes == ()
    few = reliability(tl.cell_means(survey(60)))
    assert few.frame["reliability"].str.startswith("suppress").all()
    assert "Parker et al. 2017" in few.notes[0]
    assert "g=a" in few.notes[0]
