"""Measures of interaction: values and derivatives against the oracle, warnings, p values, coverage of intervals."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import oracle
import trustlib as tl
from trustlib.interaction import LOG_MEASURES, measures

RNG = np.random.default_rng(7)
RISKS = [
    (0.82, 0.66, 0.60, 0.47),
    (0.30, 0.20, 0.12, 0.10),
    (0.20, 0.30, 0.10, 0.15),
    (0.05, 0.04, 0.03, 0.01),
    (0.95, 0.90, 0.85, 0.80),
]


def survey(n=900, seed=3, third=False, p=None):
    """A made-up stratified and clustered sample with two axes, or three."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "stratum": np.arange(n) % 6,
            "psu": np.arange(n) // 6 % 5,
            "w": rng.uniform(0.5, 3, n),
            "gender": pd.Categorical(rng.choice(["man", "woman"], n), categories=["man", "woman"]),
            "ethnicity": pd.Categorical(rng.choice(["majority", "minority"], n), categories=["majority", "minority"]),
        }
    )
    woman, minority = frame["gender"] == "woman", frame["ethnicity"] == "minority"
    risk = 0.3 + 0.1 * woman + 0.12 * minority + 0.15 * (woman & minority) if p is None else np.select(
        [woman & minority, woman, minority], p[:3], p[3]
    )  # fmt: skip
    if third:
        frame["disability"] = pd.Categorical(rng.choice(["no", "yes", "unsure"], n), categories=["no", "yes", "unsure"])
        risk = risk + 0.08 * (frame["disability"] == "yes")
    return frame.assign(y=(rng.random(n) < risk).astype(float))


def levels_of(frame, by=("gender", "ethnicity")):
    design = tl.SurveyDesign(frame, weight="w", strata="stratum", psu="psu", nest=True)
    return tl.cell_means(tl.compress(design, "y", list(by)))


@pytest.mark.parametrize("risks", RISKS)
def test_values_and_derivatives_as_the_oracle(risks):
    found, expected = measures(np.array(risks)), oracle.interaction_measures(risks)
    assert list(found) == list(expected)
    for name, (value, slope) in found.items():
        if np.isnan(expected[name]):
            assert np.isnan(value), name
            continue
        assert value == pytest.approx(expected[name], rel=1e-12, abs=1e-14), name
        numeric = oracle.gradient(lambda p, name=name: oracle.interaction_measures(p)[name], risks)[0]
        np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8, err_msg=name)


def test_no_interaction_on_either_scale():
    additive, multiplicative = measures(np.array([0.4, 0.3, 0.2, 0.1])), measures(np.array([0.6, 0.3, 0.2, 0.1]))
    assert additive["interaction_contrast"][0] == pytest.approx(0, abs=1e-15)
    assert additive["reri_rr"][0] == pytest.approx(0, abs=1e-12)
    assert additive["ap"][0] == pytest.approx(0, abs=1e-12)
    assert additive["synergy"][0] == pytest.approx(0, abs=1e-12)
    assert multiplicative["ratio_of_rr"][0] == pytest.approx(0, abs=1e-12)
    assert multiplicative["reri_rr"][0] > 0


@pytest.mark.parametrize("risks", RISKS)
def test_relations_between_measures(risks):
    """RERI times the baseline risk is the interaction contrast; AP is RERI over RR11; common outcomes inflate RERI from ORs."""
    found = {name: value for name, (value, _) in measures(np.array(risks)).items()}
    p11, _, _, p00 = risks
    assert found["reri_rr"] * p00 == pytest.approx(found["interaction_contrast"], rel=1e-10)
    assert found["ap"] * p11 == pytest.approx(found["interaction_contrast"], rel=1e-10)
    swapped = {name: value for name, (value, _) in measures(np.array(risks)[[0, 2, 1, 3]]).items()}
    assert swapped == pytest.approx(found, rel=1e-12, nan_ok=True)


def test_standard_errors_as_the_oracle():
    """The delta method with the oracle's numerical derivatives and the covariance of the four levels."""
    levels = levels_of(survey())
    found = tl.interactions(levels, "gender", "ethnicity").frame.set_index("measure")
    order = [3, 2, 1, 0]  # levels come as 00, 01, 10, 11; first axis slowest
    p, v = levels.frame["estimate"].to_numpy()[order], levels.vcov[np.ix_(order, order)]
    assert set(found["method"]) == {"delta"}
    for name, value in oracle.interaction_measures(p).items():
        se = np.sqrt(oracle.delta_covariance(lambda q, name=name: oracle.interaction_measures(q)[name], p, v)[0, 0])
        row = found.loc[name]
        log = name in LOG_MEASURES
        assert row["estimate"] == pytest.approx(np.exp(value) if log else value, rel=1e-10), name
        assert row["std_error"] == pytest.approx(se * np.exp(value) if log else se, rel=1e-6), name
        assert row["statistic"] == pytest.approx(value / se, rel=1e-6), name
        assert row["n"] == levels.frame["n"].sum()


def test_covariance_between_measures_as_the_oracle():
    levels = levels_of(survey())
    found = tl.interactions(levels, "gender", "ethnicity")
    order = [3, 2, 1, 0]

    def all_of(q):
        values = oracle.interaction_measures(q)
        return np.array([np.exp(x) if name in LOG_MEASURES else x for name, x in values.items()])

    expected = oracle.delta_covariance(
        all_of, levels.frame["estimate"].to_numpy()[order], levels.vcov[np.ix_(order, order)]
    )
    np.testing.assert_allclose(found.vcov, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_third_axis_is_held():
    """Within each level of a third axis the measures are those of that level's people alone."""
    levels = levels_of(survey(2000, third=True), ("gender", "ethnicity", "disability"))
    found = tl.interactions(levels, "gender", "ethnicity")
    assert len(found) == 3 * 9
    for third in ("no", "yes", "unsure"):
        alone = replace(levels.where(f"disability == {third!r}"), by=("gender", "ethnicity"))
        expected = tl.interactions(alone, "gender", "ethnicity").frame
        part = found.frame.query("disability == @third")
        for column in ("measure", "estimate", "std_error", "conf_low", "p_value", "n"):
            assert part[column].tolist() == pytest.approx(expected[column].tolist()) if column != "measure" else (
                part[column].tolist() == expected[column].tolist()
            )  # fmt: skip


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_three_levels_are_each_set_against_the_first():
    levels = levels_of(survey(2000, third=True), ("disability", "gender"))
    found = tl.interactions(levels, "disability", "gender").frame
    assert set(found["disability"]) == {"yes", "unsure"}
    assert set(found["gender"]) == {"woman"}
    p = levels.frame.set_index(["disability", "gender"])["estimate"]
    contrast = found.set_index(["disability", "measure"])["estimate"]
    for level in ("yes", "unsure"):
        expected = p[level, "woman"] - p[level, "man"] - p["no", "woman"] + p["no", "man"]
        assert contrast[level, "interaction_contrast"] == pytest.approx(expected, rel=1e-10)


def test_interaction_contrast_is_a_gap_of_gaps():
    levels = levels_of(survey())
    gaps = tl.comparisons(levels, {"gender": "man"})  # woman against man within each ethnicity
    within = gaps.frame.set_index("ethnicity")["estimate"]
    turn = np.array([-1.0, 1.0])
    contrast = tl.interactions(levels, "gender", "ethnicity").frame.set_index("measure").loc["interaction_contrast"]
    assert contrast["estimate"] == pytest.approx(within["minority"] - within["majority"], rel=1e-10)
    assert contrast["std_error"] == pytest.approx(np.sqrt(turn @ gaps.vcov @ turn), rel=1e-10)


# -- exposures that lower the risk (Knol et al. 2011) ----------------------------------------------------------------


def test_knol_contradiction_warns():
    """Knol 2011, ACE inhibitor and DD genotype: before recoding RERI 0.26 > 0 and S 0.35 < 1 contradict each other."""
    risks = np.array([0.086, 0.07, 0.08, 0.10])  # p11, p10, p01, p00: each alone lowers the risk
    found = {name: value for name, (value, _) in measures(risks).items()}
    assert found["reri_rr"] > 0
    assert found["synergy"] < 0  # the logarithm: S below 1
    levels = levels_of(survey(4000, p=tuple(risks)))
    with pytest.warns(tl.ProtectiveExposureWarning, match=r"Knol.*interaction contrast is not affected"):
        tl.interactions(levels, "gender", "ethnicity")


def test_recoding_to_the_lowest_risk_resolves_it():
    """With the group of lowest risk as reference RERI and S agree and nothing warns."""
    risks = np.array([0.10, 0.30, 0.25, 0.40])
    frame = survey(4000, p=tuple(risks))
    for column in ("gender", "ethnicity"):
        frame[column] = frame[column].cat.reorder_categories(frame[column].cat.categories[::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", tl.ProtectiveExposureWarning)
        found = tl.interactions(levels_of(frame), "gender", "ethnicity").frame.set_index("measure")["estimate"]
    assert (found["reri_rr"] > 0) == (found["synergy"] > 1) == (found["ap"] > 0)


def test_harmful_exposures_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(tl.interactions(levels_of(survey()), "gender", "ethnicity")) == 9


# -- intervals and p values -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_p_values_are_two_sided_and_agree_with_the_interval():
    """p < 0.05 if and only if the 95 % interval excludes 0, or 1 for ratios; a negative statistic counts as its size."""
    seen = set()
    for seed in range(24):
        risks = RNG.uniform(0.15, 0.7, 4)
        found = tl.interactions(levels_of(survey(600, seed, p=tuple(risks))), "gender", "ethnicity").frame
        null = found["measure"].isin(LOG_MEASURES).astype(float)
        known = found["p_value"].notna()
        excludes = (found["conf_low"] > null) | (found["conf_high"] < null)
        assert ((found["p_value"] < 0.05) == excludes)[known].all()
        assert found["p_value"][known].between(0, 1).all()
        seen |= {(bool(e), bool(s > 0)) for e, s in zip(excludes[known], found["statistic"][known], strict=True)}
    assert seen == {(True, True), (True, False), (False, True), (False, False)}


def test_synergy_without_a_logarithm_is_unknown():
    """Both together lower the risk although each alone raises it: S is negative and has no log interval."""
    levels = levels_of(survey(3000, p=(0.15, 0.45, 0.45, 0.3)))
    row = tl.interactions(levels, "gender", "ethnicity").frame.set_index("measure").loc["synergy"]
    assert row[["estimate", "std_error", "conf_low", "conf_high", "p_value"]].isna().all()


def test_refusals():
    levels = levels_of(survey())
    with pytest.raises(tl.EstimandError, match="two different axes"):
        tl.interactions(levels, "gender", "gender")
    with pytest.raises(tl.UnknownNameError, match="ethnicty"):
        tl.interactions(levels, "gender", "ethnicty")
    with pytest.raises(tl.EstimandError, match="levels or predictions"):
        tl.interactions(tl.comparisons(levels), "gender", "ethnicity")
    with pytest.raises(tl.EstimandError, match="all four groups"):
        tl.interactions(levels.where("gender == 'man' or ethnicity == 'majority'"), "gender", "ethnicity")


def draw(population, rng, name):
    """Ten of the forty PSUs of each stratum, twelve people in each: 4 x 10 x 12."""
    chosen = np.concatenate([h * 40 + rng.choice(40, 10, replace=False) for h in range(4)])
    rows = (chosen[:, None] * 30 + np.argsort(rng.random((len(chosen), 30)), axis=1)[:, :12]).ravel()
    drawn = population.iloc[rows]
    return drawn.assign(sample=name, stratum=drawn["stratum"] + 4 * name, psu=drawn["psu"] + 160 * name)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_coverage_of_intervals():
    """Of 400 stratified two-stage samples of one population, about 95 % of the intervals hold the true value.

    Binomial noise of 400 draws is 1.1 points, hence the range 0.92 to 0.975. Outcomes differ between PSUs, so that
    intervals that ignored the clusters would fail. For speed fifty samples are one file: each has strata of its own,
    so its variance is as if it were alone, and its df are put back to those of one sample, 40 PSUs less 4 strata.
    """
    rng = np.random.default_rng(2025)
    size = 4 * 40 * 30
    psu = np.arange(size) // 30
    frame = pd.DataFrame({"stratum": psu // 40, "psu": psu, "w": (1 + psu // 40 / 2)})
    shift = rng.normal(0, 0.09, 160)[psu]
    frame["gender"] = pd.Categorical(np.where(rng.random(size) < 0.5, "woman", "man"), categories=["man", "woman"])
    frame["ethnicity"] = pd.Categorical(
        np.where(rng.random(size) < 0.4, "minority", "majority"), categories=["majority", "minority"]
    )
    woman, minority = frame["gender"] == "woman", frame["ethnicity"] == "minority"
    risk = 0.35 + 0.08 * woman + 0.10 * minority + 0.10 * (woman & minority) + shift
    frame["y"] = (rng.random(size) < risk).astype(float)
    groups = frame.assign(wy=frame["w"] * frame["y"]).groupby(["gender", "ethnicity"], observed=True)
    p = (groups["wy"].sum() / groups["w"].sum()).to_numpy()
    truth = {"level": p, "gap": p[1:] - p[0], "interaction": p[3] - p[2] - p[1] + p[0]}
    hits = {name: [] for name in truth}
    for _ in range(8):
        samples = pd.concat([draw(frame, rng, name) for name in range(50)])
        design = tl.SurveyDesign(samples, weight="w", strata="stratum", psu="psu")
        cells = tl.compress(design, "y", ["sample", "gender", "ethnicity"])
        levels = tl.cell_means(replace(cells, df=36.0))
        gaps = tl.comparisons(levels, {"gender": "man", "ethnicity": "majority"})
        inter = tl.interactions(levels, "gender", "ethnicity")
        inter = inter.where("measure == 'interaction_contrast'")
        for name, found in (("level", levels), ("gap", gaps), ("interaction", inter)):
            low, high = (found.frame[c].to_numpy().reshape(50, -1) for c in ("conf_low", "conf_high"))
            hits[name].append((low <= truth[name]) & (truth[name] <= high))
    coverage = {name: float(np.mean(inside)) for name, inside in hits.items()}
    assert all(0.92 <= share <= 0.975 for share in coverage.values()), coverage


def test_one_protective_exposure_is_enough_to_warn():
    levels = levels_of(survey(4000, p=(0.5, 0.2, 0.4, 0.3)))
    with pytest.warns(tl.ProtectiveExposureWarning, match="woman, minority"):
        tl.interactions(levels, "gender", "ethnicity")
