"""Measures of interaction: values and derivatives against the oracle, warnings, p values, coverage of intervals."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import oracle
import trustlib as tl
from trustlib.interaction import measures, mover_limits, verdict
from trustlib.scales import INTERACTIONS

LOG_MEASURES = [name for name, scale in INTERACTIONS.items() if scale.log]
# Those that have an interval by MOVER too.
ADDITIVE = ["interaction_contrast", "reri_rr", "ap", "reri_or", "ap_or"]
OF_TWO_AXES = {"synergy", "synergy_or"}
BY_DELTA = len(INTERACTIONS)
ROWS = BY_DELTA + len(ADDITIVE)  # of one combination of levels, by every method
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
            "gender": pd.Categorical(
                rng.choice(["man", "woman"], n), categories=["man", "woman"]
            ),
            "ethnicity": pd.Categorical(
                rng.choice(["majority", "minority"], n),
                categories=["majority", "minority"],
            ),
        }
    )
    woman, minority = frame["gender"] == "woman", frame["ethnicity"] == "minority"
    risk = 0.3 + 0.1 * woman + 0.12 * minority + 0.15 * (woman & minority) if p is None else np.select(
        [woman & minority, woman, minority], p[:3], p[3]
    )  # fmt: skip
    if third:
        frame["disability"] = pd.Categorical(
            rng.choice(["no", "yes", "unsure"], n), categories=["no", "yes", "unsure"]
        )
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
        numeric = oracle.gradient(
            lambda p, name=name: oracle.interaction_measures(p)[name], risks
        )[0]
        np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8, err_msg=name)


def test_no_interaction_on_either_scale():
    additive, multiplicative = (
        measures(np.array([0.4, 0.3, 0.2, 0.1])),
        measures(np.array([0.6, 0.3, 0.2, 0.1])),
    )
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
    assert found["reri_rr"] * p00 == pytest.approx(
        found["interaction_contrast"], rel=1e-10
    )
    assert found["ap"] * p11 == pytest.approx(found["interaction_contrast"], rel=1e-10)
    swapped = {
        name: value
        for name, (value, _) in measures(np.array(risks)[[0, 2, 1, 3]]).items()
    }
    assert swapped == pytest.approx(found, rel=1e-12, nan_ok=True)


def test_standard_errors_as_the_oracle():
    """The delta method with the oracle's numerical derivatives and the covariance of the four levels."""
    levels = levels_of(survey())
    found = tl.interactions(
        levels, "gender", "ethnicity", methods="delta"
    ).frame.set_index("measure")
    order = [3, 2, 1, 0]  # levels come as 00, 01, 10, 11; first axis slowest
    p, v = levels.frame["estimate"].to_numpy()[order], levels.vcov[np.ix_(order, order)]
    assert set(found["method"]) == {"delta"}
    for name, value in oracle.interaction_measures(p).items():
        se = np.sqrt(
            oracle.delta_covariance(
                lambda q, name=name: oracle.interaction_measures(q)[name], p, v
            )[0, 0]
        )
        row = found.loc[name]
        log = name in LOG_MEASURES
        assert row["estimate"] == pytest.approx(
            np.exp(value) if log else value, rel=1e-10
        ), name
        assert row["std_error"] == pytest.approx(
            se * np.exp(value) if log else se, rel=1e-6
        ), name
        assert row["statistic"] == pytest.approx(value / se, rel=1e-6), name
        assert row["n"] == levels.frame["n"].sum()


def test_covariance_between_measures_as_the_oracle():
    levels = levels_of(survey())
    found = tl.interactions(levels, "gender", "ethnicity", methods="delta")
    order = [3, 2, 1, 0]

    def all_of(q):
        values = oracle.interaction_measures(q)
        return np.array(
            [np.exp(x) if name in LOG_MEASURES else x for name, x in values.items()]
        )

    expected = oracle.delta_covariance(
        all_of,
        levels.frame["estimate"].to_numpy()[order],
        levels.vcov[np.ix_(order, order)],
    )
    np.testing.assert_allclose(found.vcov, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_third_axis_is_held():
    """Within each level of a third axis the measures are those of that level's people alone."""
    levels = levels_of(survey(2000, third=True), ("gender", "ethnicity", "disability"))
    found = tl.interactions(levels, "gender", "ethnicity")
    assert len(found) == 3 * ROWS
    for third in ("no", "yes", "unsure"):
        alone = replace(
            levels.where(f"disability == {third!r}"), by=("gender", "ethnicity")
        )
        expected = tl.interactions(alone, "gender", "ethnicity").frame
        part = found.frame.query("disability == @third")
        assert (
            part[["measure", "method"]].to_numpy().tolist()
            == expected[["measure", "method"]].to_numpy().tolist()
        )
        for column in (
            "estimate",
            "std_error",
            "conf_low",
            "conf_high",
            "p_value",
            "n",
        ):
            assert part[column].tolist() == pytest.approx(
                expected[column].tolist(), nan_ok=True
            )


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_three_levels_are_each_set_against_the_first():
    levels = levels_of(survey(2000, third=True), ("disability", "gender"))
    found = tl.interactions(levels, "disability", "gender", methods="delta").frame
    assert set(found["disability"]) == {"yes", "unsure"}
    assert set(found["gender"]) == {"woman"}
    p = levels.frame.set_index(["disability", "gender"])["estimate"]
    contrast = found.set_index(["disability", "measure"])["estimate"]
    for level in ("yes", "unsure"):
        expected = (
            p[level, "woman"] - p[level, "man"] - p["no", "woman"] + p["no", "man"]
        )
        assert contrast[level, "interaction_contrast"] == pytest.approx(
            expected, rel=1e-10
        )


def test_interaction_contrast_is_a_gap_of_gaps():
    levels = levels_of(survey())
    gaps = tl.comparisons(
        levels, {"gender": "man"}
    )  # woman against man within each ethnicity
    within = gaps.frame.set_index("ethnicity")["estimate"]
    turn = np.array([-1.0, 1.0])
    found = tl.interactions(levels, "gender", "ethnicity", methods="delta").frame
    contrast = found.set_index("measure").loc["interaction_contrast"]
    assert contrast["estimate"] == pytest.approx(
        within["minority"] - within["majority"], rel=1e-10
    )
    assert contrast["std_error"] == pytest.approx(
        np.sqrt(turn @ gaps.vcov @ turn), rel=1e-10
    )


# -- exposures that lower the risk (Knol et al. 2011) ----------------------------------------------------------------


def test_knol_contradiction_warns():
    """Knol 2011, ACE inhibitor and DD genotype: before recoding RERI 0.26 > 0 and S 0.35 < 1 contradict each other."""
    risks = np.array(
        [0.086, 0.07, 0.08, 0.10]
    )  # p11, p10, p01, p00: each alone lowers the risk
    found = {name: value for name, (value, _) in measures(risks).items()}
    assert found["reri_rr"] > 0
    assert found["synergy"] < 0  # the logarithm: S below 1
    levels = levels_of(survey(4000, p=tuple(risks)))
    with pytest.warns(
        tl.ProtectiveExposureWarning,
        match=r"Knol.*interaction contrast is not affected",
    ):
        tl.interactions(levels, "gender", "ethnicity")


def test_recoding_to_the_lowest_risk_resolves_it():
    """With the group of lowest risk as reference RERI and S agree and nothing warns."""
    risks = np.array([0.10, 0.30, 0.25, 0.40])
    frame = survey(4000, p=tuple(risks))
    for column in ("gender", "ethnicity"):
        frame[column] = frame[column].cat.reorder_categories(
            frame[column].cat.categories[::-1]
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", tl.ProtectiveExposureWarning)
        found = tl.interactions(
            levels_of(frame), "gender", "ethnicity", methods="delta"
        ).frame
    found = found.set_index("measure")["estimate"]
    assert (found["reri_rr"] > 0) == (found["synergy"] > 1) == (found["ap"] > 0)


def test_harmful_exposures_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = tl.interactions(levels_of(survey()), "gender", "ethnicity")
    assert len(found) == ROWS


# -- intervals and p values -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_p_values_are_two_sided_and_agree_with_the_interval():
    """p < 0.05 if and only if the 95 % interval excludes 0, or 1 for ratios; a negative statistic counts as its size."""
    seen = set()
    for seed in range(24):
        risks = RNG.uniform(0.15, 0.7, 4)
        found = tl.interactions(
            levels_of(survey(600, seed, p=tuple(risks))), "gender", "ethnicity"
        ).frame
        null = found["measure"].isin(LOG_MEASURES).astype(float)
        known = found["p_value"].notna()
        excludes = (found["conf_low"] > null) | (found["conf_high"] < null)
        assert ((found["p_value"] < 0.05) == excludes)[known].all()
        assert found["p_value"][known].between(0, 1).all()
        seen |= {
            (bool(e), bool(s > 0))
            for e, s in zip(excludes[known], found["statistic"][known], strict=True)
        }
    assert seen == {(True, True), (True, False), (False, True), (False, False)}


def test_synergy_without_a_logarithm_is_unknown():
    """Both together lower the risk although each alone raises it: S is negative and has no log interval."""
    levels = levels_of(survey(3000, p=(0.15, 0.45, 0.45, 0.3)))
    row = (
        tl.interactions(levels, "gender", "ethnicity")
        .frame.set_index("measure")
        .loc["synergy"]
    )
    assert (
        row[["estimate", "std_error", "conf_low", "conf_high", "p_value"]].isna().all()
    )


def test_refusals():
    levels = levels_of(survey())
    with pytest.raises(tl.EstimandError, match="more than once"):
        tl.interactions(levels, "gender", "gender")
    with pytest.raises(tl.EstimandError, match="two, three or four"):
        tl.interactions(levels, "gender")
    with pytest.raises(tl.UnknownNameError, match="replicate"):
        tl.interactions(levels, "gender", "ethnicity", methods=["replicate"])
    with pytest.raises(tl.UnknownNameError, match="womn"):
        tl.interactions(levels, "gender", "ethnicity", reference={"gender": "womn"})
    with pytest.raises(tl.EstimandError, match="maps axes"):
        tl.interactions(levels, "gender", "ethnicity", reference="woman")
    with pytest.raises(tl.UnknownNameError, match="ethnicty"):
        tl.interactions(levels, "gender", "ethnicty")
    with pytest.raises(tl.EstimandError, match="levels or predictions"):
        tl.interactions(tl.comparisons(levels), "gender", "ethnicity")
    with pytest.raises(tl.EstimandError, match="all four groups"):
        tl.interactions(
            levels.where("gender == 'man' or ethnicity == 'majority'"),
            "gender",
            "ethnicity",
        )


def draw(population, rng, name):
    """Ten of the forty PSUs of each stratum, twelve people in each: 4 x 10 x 12."""
    chosen = np.concatenate(
        [h * 40 + rng.choice(40, 10, replace=False) for h in range(4)]
    )
    rows = (
        chosen[:, None] * 30 + np.argsort(rng.random((len(chosen), 30)), axis=1)[:, :12]
    ).ravel()
    drawn = population.iloc[rows]
    return drawn.assign(
        sample=name, stratum=drawn["stratum"] + 4 * name, psu=drawn["psu"] + 160 * name
    )


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
    frame["gender"] = pd.Categorical(
        np.where(rng.random(size) < 0.5, "woman", "man"), categories=["man", "woman"]
    )
    frame["ethnicity"] = pd.Categorical(
        np.where(rng.random(size) < 0.4, "minority", "majority"),
        categories=["majority", "minority"],
    )
    woman, minority = frame["gender"] == "woman", frame["ethnicity"] == "minority"
    risk = 0.35 + 0.08 * woman + 0.10 * minority + 0.10 * (woman & minority) + shift
    frame["y"] = (rng.random(size) < risk).astype(float)
    groups = frame.assign(wy=frame["w"] * frame["y"]).groupby(
        ["gender", "ethnicity"], observed=True
    )
    p = (groups["wy"].sum() / groups["w"].sum()).to_numpy()
    truth = {"level": p, "gap": p[1:] - p[0], "interaction": p[3] - p[2] - p[1] + p[0]}
    hits = {name: [] for name in truth}
    for _ in range(8):
        samples = pd.concat([draw(frame, rng, name) for name in range(50)])
        design = tl.SurveyDesign(samples, weight="w", strata="stratum", psu="psu")
        cells = tl.compress(design, "y", ["sample", "gender", "ethnicity"])
        levels = tl.cell_means(replace(cells, df=36.0))
        gaps = tl.comparisons(levels, {"gender": "man", "ethnicity": "majority"})
        inter = tl.interactions(levels, "gender", "ethnicity", methods="delta")
        inter = inter.where("measure == 'interaction_contrast'")
        for name, found in (("level", levels), ("gap", gaps), ("interaction", inter)):
            low, high = (
                found.frame[c].to_numpy().reshape(50, -1)
                for c in ("conf_low", "conf_high")
            )
            hits[name].append((low <= truth[name]) & (truth[name] <= high))
    coverage = {name: float(np.mean(inside)) for name, inside in hits.items()}
    assert all(0.92 <= share <= 0.975 for share in coverage.values()), coverage


def test_one_protective_exposure_is_enough_to_warn():
    levels = levels_of(survey(4000, p=(0.5, 0.2, 0.4, 0.3)))
    with pytest.warns(tl.ProtectiveExposureWarning, match="woman, minority"):
        tl.interactions(levels, "gender", "ethnicity")


# -- methods side by side -----------------------------------------------------------------------------------------------


def test_methods_stand_side_by_side():
    """Delta first and as it is alone; the same estimates by each; no covariance between methods."""
    levels = levels_of(survey())
    found, alone = (
        tl.interactions(levels, "gender", "ethnicity"),
        tl.interactions(levels, "gender", "ethnicity", methods="delta"),
    )
    assert found.by == ("gender", "ethnicity", "measure", "method")
    assert len(set(found.row_labels)) == len(found) == ROWS
    pd.testing.assert_frame_equal(found.frame.iloc[:BY_DELTA], alone.frame)
    np.testing.assert_array_equal(found.vcov[:BY_DELTA, :BY_DELTA], alone.vcov)
    assert np.isnan(found.vcov[BY_DELTA:]).all()
    mover = found.where("method == 'mover'").frame
    assert mover["measure"].tolist() == ADDITIVE
    estimates = alone.frame.set_index("measure")["estimate"]
    np.testing.assert_allclose(mover["estimate"], estimates[ADDITIVE], rtol=1e-12)
    assert (mover["conf_low"] < mover["estimate"]).all()
    assert (mover["conf_high"] > mover["estimate"]).all()
    assert mover[["std_error", "statistic", "p_value", "n_eff"]].isna().all(axis=None)
    turned = tl.interactions(levels, "gender", "ethnicity", methods=["mover", "delta"])
    pd.testing.assert_frame_equal(turned.where("method == 'delta'").frame, alone.frame)


def test_mover_as_in_the_paper():
    """Zou (2008) written out: RERI from the log odds ratios, with their correlations."""
    p, v = (
        np.array([0.6, 0.45, 0.4, 0.3]),
        np.diag([0.0009, 0.0012, 0.0015, 0.0008]) + 0.0001,
    )
    odds = p / (1 - p)
    b = np.log(odds[:3] / odds[3])
    turn = np.c_[np.eye(3), -np.ones(3)] / (p * (1 - p))
    cov = turn @ v @ turn.T
    se, z = np.sqrt(np.diag(cov)), 1.959963984540054
    r = cov / np.outer(se, se)
    (o11, o10, o01), (l11, l10, l01), (u11, u10, u01) = (
        np.exp(b),
        np.exp(b - z * se),
        np.exp(b + z * se),
    )
    down = (
        (o11 - l11) ** 2
        + (u10 - o10) ** 2
        + (u01 - o01) ** 2
        - 2 * r[0, 1] * (o11 - l11) * (u10 - o10)
    )
    down += -2 * r[0, 2] * (o11 - l11) * (u01 - o01) + 2 * r[1, 2] * (u10 - o10) * (
        u01 - o01
    )
    up = (
        (u11 - o11) ** 2
        + (o10 - l10) ** 2
        + (o01 - l01) ** 2
        - 2 * r[0, 1] * (u11 - o11) * (o10 - l10)
    )
    up += -2 * r[0, 2] * (u11 - o11) * (o01 - l01) + 2 * r[1, 2] * (o10 - l10) * (
        o01 - l01
    )
    reri = o11 - o10 - o01 + 1
    found = mover_limits(p, p - 0.05, p + 0.05, v, np.inf)["reri_or"]
    np.testing.assert_allclose(
        found, [reri - np.sqrt(down), reri + np.sqrt(up)], rtol=1e-10
    )


def test_mover_from_wald_levels_is_delta():
    """Of levels with symmetric intervals the interaction contrast by MOVER has the delta interval."""
    frame = survey()
    design = tl.SurveyDesign(frame, weight="w", strata="stratum", psu="psu", nest=True)
    levels = tl.cell_means(
        tl.compress(design, "y", ["gender", "ethnicity"]), interval="wald"
    )
    found = (
        tl.interactions(levels, "gender", "ethnicity")
        .where("measure == 'interaction_contrast'")
        .frame
    )
    np.testing.assert_allclose(found["conf_low"], found["conf_low"][0], rtol=1e-10)
    np.testing.assert_allclose(found["conf_high"], found["conf_high"][0], rtol=1e-10)


def replicated(seed=5):
    """The survey with jackknife weights that leave one of 10 groups out."""
    frame = survey(900, seed)
    frame["unit"] = np.arange(900) % 10
    columns = {
        f"r{j}": np.where(frame["unit"] == j, 0, frame["w"] * 10 / 9) for j in range(10)
    }
    frame = frame.assign(**columns)
    design = tl.SurveyDesign(
        frame, weight="w", replicate_weights=list(columns), replicate_method="JK1"
    )
    return frame, tl.compress(design, "y", ["gender", "ethnicity"])


def test_replicate_method_recomputes_everything():
    """The measures from each file without one group, by hand; levels, and predictions of a model refitted each time."""
    frame, cells = replicated()
    by = ["gender", "ethnicity"]
    for levels_of_cells in (
        tl.cell_means,
        lambda c: tl.predictions(
            tl.fit_logit(c, "gender + ethnicity"), by, covariates="sampled"
        ),
    ):
        levels = levels_of_cells(cells)
        found = tl.interactions(levels, *by)
        assert found.frame["method"].unique().tolist() == [
            "delta",
            "mover",
            "replicate",
        ]
        out = []
        for j in range(10):
            rest = tl.compress(
                tl.SurveyDesign(frame[frame["unit"] != j], weight="w"), "y", by
            )
            p = levels_of_cells(rest).frame["estimate"].to_numpy()[[3, 2, 1, 0]]
            out.append(list(oracle.interaction_measures(p).values()))
        whole = oracle.interaction_measures(
            levels.frame["estimate"].to_numpy()[[3, 2, 1, 0]]
        )
        v = oracle.replicate_covariance(
            np.array(out), np.array(list(whole.values())), np.full(10, 9 / 10)
        )
        part = found.where("method == 'replicate'").frame
        log = part["measure"].isin(LOG_MEASURES)
        se = np.where(log, part["std_error"] / part["estimate"], part["std_error"])
        np.testing.assert_allclose(se, np.sqrt(np.diag(v)), rtol=1e-6, atol=1e-12)


def test_replicates_stay_with_their_rows():
    _, cells = replicated()
    levels = tl.cell_means(cells)
    whole = tl.interactions(levels, "gender", "ethnicity", methods="replicate")
    kept = levels.where(np.array([True, True, True, True]))
    pd.testing.assert_frame_equal(
        tl.interactions(kept, "gender", "ethnicity", methods="replicate").frame,
        whole.frame,
    )
    part = levels.where("gender == 'woman'")
    np.testing.assert_array_equal(
        part.replicates.totals, levels.replicates.totals[:, 2:]
    )
    np.testing.assert_array_equal(part.replicates.estimate, part.frame["estimate"])
    assert tl.comparisons(levels).replicates is None
    assert whole.replicates is None


# -- three and four axes ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("axes", [2, 3, 4])
def test_no_interaction_of_highest_order(axes):
    """Risks that add up have no additive interaction of any order, risks that multiply none of ratios."""
    bits = np.array(np.meshgrid(*[[1, 0]] * axes, indexing="ij")).reshape(axes, -1).T
    steps = np.array([0.11, 0.07, 0.05, 0.03])[:axes]
    added, multiplied = (
        measures(0.1 + bits @ steps),
        measures(0.1 * np.exp(bits @ (3 * steps))),
    )
    for name in ("interaction_contrast", "reri_rr", "ap"):
        assert added[name][0] == pytest.approx(0, abs=1e-12)
    assert multiplied["ratio_of_rr"][0] == pytest.approx(0, abs=1e-12)
    odds = np.exp(-2 + bits @ (4 * steps))
    assert measures(odds / (1 + odds))["ratio_of_or"][0] == pytest.approx(0, abs=1e-12)
    assert ("synergy" in added) == (axes == 2)


def test_three_axes_written_out():
    p = np.array(
        [0.7, 0.5, 0.45, 0.3, 0.4, 0.28, 0.2, 0.12]
    )  # 111 110 101 100 011 010 001 000
    rr111, rr110, rr101, rr100, rr011, rr010, rr001, _ = p / p[-1]
    reri = rr111 - rr110 - rr101 - rr011 + rr100 + rr010 + rr001 - 1
    found = measures(p)
    assert found["reri_rr"][0] == pytest.approx(reri, rel=1e-12)
    assert found["ap"][0] == pytest.approx(reri / rr111, rel=1e-12)
    assert found["interaction_contrast"][0] == pytest.approx(reri * p[-1], rel=1e-12)
    for name, (_, slope) in found.items():
        numeric = oracle.gradient(lambda q, name=name: measures(q)[name][0], p)[0]
        np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_three_way_contrast_is_a_gap_between_two_way_contrasts():
    levels = levels_of(survey(3000, third=True), ("gender", "ethnicity", "disability"))
    three = tl.interactions(levels, "gender", "ethnicity", "disability")
    two = tl.interactions(levels, "gender", "ethnicity", methods="delta").where(
        "measure == 'interaction_contrast'"
    )
    value = two.frame.set_index("disability")["estimate"]
    rows = three.where("measure == 'interaction_contrast' and method == 'delta'")
    assert rows.frame["disability"].tolist() == ["yes", "unsure"]
    np.testing.assert_allclose(
        rows.frame["estimate"],
        [value["yes"] - value["no"], value["unsure"] - value["no"]],
        rtol=1e-9,
    )
    turn = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    np.testing.assert_allclose(rows.vcov, turn @ two.vcov @ turn.T, rtol=1e-8)
    assert set(three.frame["measure"]) == set(INTERACTIONS) - OF_TWO_AXES
    order = tl.interactions(levels, "disability", "gender", "ethnicity").frame
    pd.testing.assert_frame_equal(order, three.frame, rtol=1e-8)


def test_a_saturated_model_names_its_interaction():
    """The conditional ratio of odds ratios is the coefficient; with all axes in the model it is the marginal one too."""
    cells = tl.compress(
        tl.SurveyDesign(survey(2000), weight="w"), "y", ["gender", "ethnicity"]
    )
    fit = tl.fit_logit(cells, "gender * ethnicity")
    odds = tl.coefficients(fit, "odds_ratio")
    marginal = tl.interactions(
        tl.cell_means(cells), "gender", "ethnicity", methods="delta"
    )
    one, other = (
        odds.frame.iloc[-1],
        marginal.frame.set_index("measure").loc["ratio_of_or"],
    )
    assert one[["estimate", "std_error"]].tolist() == pytest.approx(
        other[["estimate", "std_error"]].tolist(), rel=1e-8
    )
    assert odds.convention.endswith("conditional")


def test_marginal_and_conditional_are_named_and_differ():
    """Odds ratios do not collapse: without interaction in the logits there is one in the standardised risks."""
    cells = tl.compress(
        tl.SurveyDesign(survey(3000, third=True), weight="w"),
        "y",
        ["gender", "ethnicity", "disability"],
    )
    fit = tl.fit_logit(cells, "gender + ethnicity + disability")
    found = tl.interactions(
        tl.predictions(fit, ["gender", "ethnicity"]),
        "gender",
        "ethnicity",
        methods="delta",
    )
    assert "marginal (standardised over disability, taken as fixed)" in found.convention
    ratio = found.frame.set_index("measure").loc["ratio_of_or", "estimate"]
    assert ratio != pytest.approx(1, abs=1e-6)
    assert ratio == pytest.approx(1, abs=0.05)


# -- recoding and the verdict -------------------------------------------------------------------------------------------


def test_the_warning_names_the_reference_and_the_reference_resolves_it():
    levels = levels_of(survey(4000, p=(0.10, 0.30, 0.25, 0.40)))
    with pytest.warns(
        tl.ProtectiveExposureWarning,
        match="for woman, minority that is woman, minority",
    ):
        before = tl.interactions(levels, "gender", "ethnicity")
    assert "Knol" in before.notes[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", tl.ProtectiveExposureWarning)
        after = tl.interactions(
            levels,
            "gender",
            "ethnicity",
            reference={"gender": "woman", "ethnicity": "minority"},
        )
    assert after.frame[
        ["gender", "ethnicity"]
    ].drop_duplicates().to_numpy().tolist() == [["man", "majority"]]
    one, other = (
        found.frame.set_index("measure")["estimate"].iloc[:BY_DELTA]
        for found in (before, after)
    )
    assert (other["reri_rr"] > 0) == (other["synergy"] > 1) == (other["ap"] > 0)
    assert other["interaction_contrast"] == pytest.approx(
        one["interaction_contrast"], rel=1e-12
    )  # both axes turned
    assert other["ratio_of_or"] == pytest.approx(one["ratio_of_or"], rel=1e-10)
    with pytest.warns(tl.ProtectiveExposureWarning):
        half = tl.interactions(
            levels, "gender", "ethnicity", reference={"gender": "woman"}
        ).frame.set_index("measure")
    assert half["estimate"].iloc[0] == pytest.approx(
        -one["interaction_contrast"], rel=1e-12
    )


def test_reference_is_recoding():
    """It gives what turned levels of the file would."""
    frame = survey(1500)
    turned = frame.assign(
        gender=frame["gender"].cat.reorder_categories(["woman", "man"])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.ProtectiveExposureWarning)
        one = tl.interactions(
            levels_of(frame), "gender", "ethnicity", reference={"gender": "woman"}
        ).frame
        other = tl.interactions(levels_of(turned), "gender", "ethnicity").frame
    pd.testing.assert_frame_equal(
        one.drop(columns="gender"), other.drop(columns="gender"), rtol=1e-10
    )


@pytest.mark.parametrize(
    ("risks", "words"),
    [
        (
            (0.60, 0.40, 0.40, 0.20),
            "not clearly more or less than adding up predicts, but less than multiplying",
        ),
        (
            (0.75, 0.42, 0.42, 0.20),
            "more than adding up predicts, but less than multiplying",
        ),
        (
            (0.80, 0.40, 0.40, 0.20),
            "more than adding up predicts, but not clearly more or less than multiplying",
        ),
        ((0.90, 0.30, 0.30, 0.20), ""),  # more on both
    ],
)
def test_verdict(risks, words):
    levels = levels_of(survey(60_000, p=risks))
    found = tl.interactions(levels, "gender", "ethnicity")
    assert verdict(found) == verdict(found.where("method == 'delta'"))
    assert [words in text for text in verdict(found)] == ([True] if words else [])
    assert all(
        text in found.notes and text.startswith("woman, minority")
        for text in verdict(found)
    )
    with pytest.raises(tl.EstimandError, match="measures of interaction"):
        verdict(levels)
