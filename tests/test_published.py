"""Numbers that somebody printed in a public document (sources beside each), with the digits and rules of that print."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

import trustlib as tl
from trustlib.interaction import measures
from trustlib.intervals import detectable_difference, e_value
from trustlib.variance import stratified_covariance

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
ROOT = Path(__file__).resolve().parents[1]


def apistrat(data_file):
    d = pd.read_csv(data_file("r_survey", "apistrat.csv"))
    return d.assign(
        above743=(d["api00"] > 743).astype(float),
        above600=(d["api00"] > 600).astype(float),
    )


# -- R survey's school samples -----------------------------------------------------------------------------------------
# github.com/samplics-org/svy, packages/svy/tests/svy/regression/test_glm_against_rsurvey.py, made with R's svyglm. R stops at
# epsilon 1e-8 (coefficients 6e-8 off) and its sandwich uses weights one step old (SEs 2e-5 to 1e-4 off, Wald F twice
# that): rtol 3e-4. Tight R fits agree to 1e-9 (test_reference.py).

DEFAULT_R = 3e-4  # for Wald F and interval limits
DEFAULT_SE = 1e-4
BETA = [2.66575599278362, -0.03703249576700, -0.08468787757247, -0.00442859225861]
PRINTED = {
    "weights": (
        {},
        [0.4718196688815, 0.0336366431167, 0.0146021693674, 0.0147882129185],
        196,
    ),
    "psu": (
        {"psu": "dnum"},
        [0.4949505366073, 0.0318263271683, 0.0143857416874, 0.0153725477059],
        131,
    ),
    "strata": (
        {"strata": "stype"},
        [0.4394318774792, 0.0336398300623, 0.0143310610689, 0.0148363068282],
        194,
    ),
    "strata and psu": (
        {"strata": "stype", "psu": "dnum", "nest": True},
        [0.4723878944699, 0.0324219677485, 0.0142841040197, 0.0154627861042],
        156,
    ),
}


def school_fit(
    frame, options, outcome="above743", formula="ell + meals + mobility", domain=None
):
    design = tl.SurveyDesign(frame, weight="pw", **options)
    design = design.domain(domain) if domain else design
    return tl.fit_logit(
        tl.compress(
            design, outcome, [v for v in ("ell", "meals", "mobility") if v in formula]
        ),
        formula,
    )


@pytest.mark.parametrize("name", PRINTED)
def test_school_logit(name, data_file):
    options, se, df = PRINTED[name]
    fit = school_fit(apistrat(data_file), options)
    np.testing.assert_allclose(fit.coef, BETA, rtol=2e-7)
    np.testing.assert_allclose(fit.std_error, se, rtol=DEFAULT_SE)
    assert fit.df == df
    joint = {"weights": 17.90289, "psu": 18.2147}.get(name)
    if joint:
        assert fit.term_test("ell", "meals", "mobility").loc[
            "wald", "statistic"
        ] == pytest.approx(joint, rel=DEFAULT_R)


def test_school_logit_interval(data_file):
    found = tl.coefficients(school_fit(apistrat(data_file), {})).frame
    low = [1.735260974591, -0.103368706216, -0.113485417708, -0.033593036550]
    high = [3.5962510109757, 0.0293037146817, -0.0558903374373, 0.0247358520327]
    np.testing.assert_allclose(found["conf_low"], low, rtol=DEFAULT_R)
    np.testing.assert_allclose(found["conf_high"], high, rtol=DEFAULT_R)


def test_school_logit_in_a_domain(data_file):
    fit = school_fit(
        apistrat(data_file), PRINTED["strata and psu"][0], domain="meals > 50"
    )
    np.testing.assert_allclose(
        fit.coef,
        [12.39031117649, -0.07133534124, -0.27345174707, 0.08072406168],
        rtol=1e-9,
    )
    printed = [4.98340134438, 0.06945592597, 0.08200317468, 0.04786349761]
    np.testing.assert_allclose(fit.std_error, printed, rtol=1e-5)
    assert fit.df == 56


def test_vignette_cluster_sample(data_file):
    """R survey's vignette survey.pdf, page 4: sch.wide ~ ell + meals, districts as PSUs, fpc, to all printed digits."""
    d = pd.read_csv(data_file("r_survey", "apiclus1.csv"))
    d["schoolwide"] = (d["sch.wide"] == "Yes").astype(float)
    fit = school_fit(d, {"psu": "dnum", "fpc": "fpc"}, "schoolwide", "ell + meals")
    found = tl.coefficients(fit).frame
    assert found["estimate"].round(6).tolist() == [1.899557, 0.039925, -0.019115]
    np.testing.assert_allclose(
        found["std_error"], [0.509915, 0.012443, 0.008825], atol=1e-5
    )
    np.testing.assert_allclose(found["p_value"], [0.00290, 0.00751, 0.05117], atol=1e-5)


# R survey tests/lonely.psu.Rout.save prints 5.8058, 5.8058, 5.8281, 6.0096; the further digits are R's as well.
LONELY = {
    "remove": 5.80577757828,
    "certainty": 5.80577757828,
    "adjust": 5.82805790165,
    "average": 6.00955072796,
}


def mean_of_scores(frame, rule):
    """Mean of api00 (a score, no 0/1 outcome) with districts as strata and schools as PSUs, and its standard error."""
    w, x = frame["pw"].to_numpy(), frame["api00"].to_numpy(float)
    mean = w @ x / w.sum()
    stratum, _ = pd.factorize(frame["dnum"])
    n_psu = np.bincount(stratum).astype(float)
    scores = (w * (x - mean) / w.sum())[:, None]
    return mean, np.sqrt(
        stratified_covariance(scores, stratum, n_psu, np.ones(len(n_psu)), rule)[0, 0]
    )


@pytest.mark.parametrize("rule", LONELY)
def test_lonely_psu(rule, data_file):
    mean, se = mean_of_scores(pd.read_csv(data_file("r_survey", "apiclus1.csv")), rule)
    assert round(mean, 2) == 644.17
    assert se == pytest.approx(LONELY[rule], abs=5e-11)


def test_lonely_psu_fails_by_default(data_file):
    """R: Stratum (413) has only one PSU at stage 1."""
    with pytest.raises(tl.LonelyPSUError, match="only one PSU"):
        mean_of_scores(pd.read_csv(data_file("r_survey", "apiclus1.csv")), "fail")


MARGINS = {  # svy test_glm_margins.py, made with R survey 4.5 and R marginaleffects 0.32.0, weights only
    "ell + meals + mobility": (
        [0.9698889120, 0.7722732242, 0.2655410705],
        [0.0158168043, 0.0400183429, 0.0813343039],
    ),
    "ell * meals": (
        [0.9621412052, 0.7593207994, 0.2591576034],
        [0.0305195844, 0.0513012146, 0.0813251070],
    ),
}


@pytest.mark.parametrize("formula", MARGINS)
def test_predictive_margins(formula, data_file):
    estimate, se = MARGINS[formula]
    fit = school_fit(apistrat(data_file), {}, "above600", formula)
    found = tl.predictions(fit, at={"meals": [20, 50, 80]}).frame
    np.testing.assert_allclose(found["estimate"], estimate, rtol=1e-8)
    np.testing.assert_allclose(
        found["std_error"], se, rtol=1e-5
    )  # R's stale weights again


# -- NHANES: Stata ------------------------------------------------------------------------------------------------------


def test_stata_margins(data_file):
    """svy: logistic hi_chol i.riagendr i.agecat; margins riagendr, to all printed digits (t with design df, Wald).

    https://github.com/vincentarelbundock/marginaleffects/issues/332
    """
    d = pd.read_csv(data_file("r_survey", "nhanes.csv"))
    d["RIAGENDR"] = d["RIAGENDR"].astype(str)
    design = tl.SurveyDesign(
        d, weight="WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU", nest=True
    )
    cells = tl.compress(design, "HI_CHOL", ["RIAGENDR", "agecat"])
    found = tl.predictions(
        tl.fit_logit(cells, "RIAGENDR + agecat"), by=["RIAGENDR"], interval="wald"
    ).frame
    assert cells.df == 16
    assert cells.frame["n"].sum() == 7846
    assert round(cells.frame["sum_w"].sum()) == 255345910
    assert found["estimate"].round(7).tolist() == [0.1020398, 0.1215787]
    assert found["std_error"].round(7).tolist() == [0.0076131, 0.0062657]
    assert found["conf_low"].round(7).tolist() == [0.0859007, 0.1082960]
    assert found["conf_high"].round(7).tolist() == [0.1181789, 0.1348614]


# -- oral cancer, alcohol and smoking (Rothman and Keller 1972) ----------------------------------------------------------
# 458 men; epiR's help page of epi.interaction and Hosmer and Lemeshow (1992), p. 453. The counts are printed there.

ORAL_CANCER = pd.DataFrame({
    "alcohol": [0, 0, 1, 1], "smoking": [0, 1, 0, 1], "cases": [3, 8, 6, 225], "controls": [20, 18, 12, 166],
})  # fmt: skip


def oral_cancer() -> tl.Cells:
    rows = [
        {"alcohol": str(r.alcohol), "smoking": str(r.smoking), "oc": float(oc)}
        for r in ORAL_CANCER.itertuples()
        for oc, n in ((1, r.cases), (0, r.controls))
        for _ in range(n)
    ]
    return tl.compress(
        tl.SurveyDesign(pd.DataFrame(rows), weight=None), "oc", ["alcohol", "smoking"]
    )


def test_oral_cancer_logit():
    """Coefficients as printed. The design-based SE is the printed one times sqrt(n/(n-1)), n = 458.

    In a saturated model the robust variance of cell proportions p(1-p)/m is the model's own, so that the two differ by
    the n/(n-1) of one stratum of people alone.
    """
    fit = tl.fit_logit(oral_cancer(), "alcohol * smoking")
    n = 458
    assert fit.coef.round(6).tolist() == [-1.897120, 1.203973, 1.086190, -0.088930]
    plain = fit.std_error * np.sqrt((n - 1) / n)
    np.testing.assert_allclose(
        plain, [0.619138, 0.795822, 0.750924, 0.907940], atol=1.5e-6
    )  # R's weights, one step old
    odds = tl.coefficients(fit, scale="odds_ratio").frame["estimate"]
    assert odds[1:3].round(4).tolist() == [3.3333, 2.9630]
    assert odds[3] == pytest.approx(0.91491, abs=5e-6)


def test_oral_cancer_interaction():
    """RERI, AP and S from odds ratios; printed intervals are normal and without n/(n-1), ours are t with n - 1 df."""
    found = tl.interactions(
        tl.cell_means(oral_cancer()), "alcohol", "smoking", methods=["delta"]
    )
    found = found.frame.set_index("measure")
    printed = {
        "reri_or": (3.73985, -1.83668, 9.31637),
        "ap_or": (0.41388, -0.07306, 0.90082),
    }
    printed["synergy_or"] = (1.87048, 0.64604, 5.41559)
    p_values = {
        "reri_or": 0.1887,
        "ap_or": 0.0957,
        "synergy_or": 0.2483,
    }  # two-sided; interactionR halves some (its issue 26)
    n = 458
    widen = np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1) / norm.ppf(0.975)
    for name, (estimate, low, high) in printed.items():
        row = found.loc[name]
        assert row["estimate"] == pytest.approx(estimate, abs=5.1e-6), name
        ends = np.array([low, estimate, high])
        ends = np.log(ends) if name == "synergy_or" else ends
        expected = ends[1] + (ends[[0, 2]] - ends[1]) * widen
        expected = np.exp(expected) if name == "synergy_or" else expected
        np.testing.assert_allclose(
            row[["conf_low", "conf_high"]].astype(float),
            expected,
            atol=3e-5,
            err_msg=name,
        )
        statistic = row["statistic"] * np.sqrt(n / (n - 1))
        assert 2 * norm.sf(abs(statistic)) == pytest.approx(p_values[name], abs=6e-5), (
            name
        )


def test_oral_cancer_mover():
    """Zou (2008) and interactionR: RERI -11.43 to 21.87, normal quantiles and the model's variance, without n/(n-1)."""
    levels, n = tl.cell_means(oral_cancer()), 458
    levels = replace(levels, vcov=levels.vcov * (n - 1) / n, df=np.inf)
    found = (
        tl.interactions(levels, "alcohol", "smoking", methods="mover")
        .frame.set_index("measure")
        .loc["reri_or"]
    )
    assert found["estimate"] == pytest.approx(3.73985, abs=5e-6)
    np.testing.assert_allclose(
        found[["conf_low", "conf_high"]].astype(float), [-11.4297, 21.8722], atol=1e-4
    )


def test_knol_measures_contradict_each_other():
    """Knol et al. (2011), before recoding: RERI 0.26, AP 0.30, S 0.35. They belong together, and the warning appears.

    RERI and AP imply RR11 = RERI/AP and RR10 + RR01 = RR11 + 1 - RERI; S follows, to the rounding of the print.
    """
    reri, ap, synergy = 0.26, 0.30, 0.35
    rr11 = reri / ap
    alone = (rr11 + 1 - reri) / 2
    found = measures(0.2 * np.array([rr11, alone, alone, 1.0]))
    assert found["reri_rr"][0] == pytest.approx(reri)
    assert found["ap"][0] == pytest.approx(ap)
    assert np.exp(found["synergy"][0]) == pytest.approx(synergy, abs=0.02)
    after = measures(
        0.2 * np.array([1.0, alone, alone, rr11])
    )  # the lowest risk as reference: additive signs agree
    assert (
        np.sign(after["reri_rr"][0])
        == np.sign(after["ap"][0])
        == np.sign(after["interaction_contrast"][0])
    )
    people = [(a, b, y) for (a, b), n in {("0", "0"): 200, ("0", "1"): 161, ("1", "0"): 161, ("1", "1"): 173}.items()
              for y in np.r_[np.ones(n), np.zeros(1000 - n)]]  # fmt: skip
    design = tl.SurveyDesign(
        pd.DataFrame(people, columns=["ace", "dd", "y"]), weight=None
    )
    with pytest.warns(
        tl.ProtectiveExposureWarning,
        match="for 1, 1 that is 0, 1|for 1, 1 that is 1, 0",
    ):
        tl.interactions(
            tl.cell_means(tl.compress(design, "y", ["ace", "dd"])), "ace", "dd"
        )


# -- intervals of proportions, E-values, power ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("logit", 0.101107, 0.12422),
        ("beta", 0.100825, 0.12426),
        ("wald", 0.100598, 0.12369),
    ],
)
def test_nhanes_interval(method, low, high, data_file):
    """R's svyciprop for NHANES HI_CHOL, p = 0.112143 (survey 4.1-1, printed digits)."""
    design = tl.SurveyDesign(
        pd.read_csv(data_file("r_survey", "nhanes.csv")),
        weight="WTMEC2YR",
        strata="SDMVSTRA",
        psu="SDMVPSU",
        nest=True,
    )
    row = tl.cell_means(tl.compress(design, "HI_CHOL"), interval=method).frame.iloc[0]
    assert round(row["estimate"], 6) == 0.112143
    assert row["conf_low"] == pytest.approx(low, abs=1.1e-6)
    assert row["conf_high"] == pytest.approx(high, abs=1.1e-5)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("logit", 0.0023047, 0.17775),
        ("beta", 0.00021615, 0.13751),
        ("wald", -0.02666, 0.07038),
    ],
)
def test_extreme_proportion(method, low, high, data_file):
    """R's svyciprop for ell == 0 in apiclus1 with fpc: Wald leaves the range, which is why it is not the default."""
    d = pd.read_csv(data_file("r_survey", "apiclus1.csv"))
    design = tl.SurveyDesign(
        d.assign(none=(d["ell"] == 0).astype(float)), weight="pw", psu="dnum", fpc="fpc"
    )
    row = tl.cell_means(tl.compress(design, "none"), interval=method).frame.iloc[0]
    assert round(row["estimate"], 7) == 0.0218579
    np.testing.assert_allclose(
        row[["conf_low", "conf_high"]].astype(float), [low, high], rtol=2e-4
    )


@pytest.mark.parametrize(
    ("ratio", "limit", "expected"),
    [
        (10.73, 8.02, (20.94777, 15.52336)),
        (3.9, 1.8, (7.26303, 3.0)),
        (0.80, 0.91, (1.80902, 1.42857)),
    ],
)
def test_e_value(ratio, limit, expected):
    """The vignette of R's EValue, unmeasured-confounding, and VanderWeele and Ding (2017)."""
    assert e_value(ratio, limit) == pytest.approx(expected, abs=5.1e-6)
    assert e_value(ratio)[0] == e_value(ratio, limit)[0]
    assert e_value(1 / ratio, 1 / limit) == pytest.approx(e_value(ratio, limit))
    assert e_value(ratio, 1 / limit)[1] == 1


def test_power():
    """R's ?power.prop.test: n = 50, 0.50 against 0.75 has power 0.740. R's root is only good to 1e-5."""
    assert 0.5 + detectable_difference(0.5, 50, power=0.740165901) == pytest.approx(
        0.75, abs=1e-8
    )
    assert 0.5 + detectable_difference(0.5, 76.7069301, power=0.9) == pytest.approx(
        0.75, abs=1e-8
    )
    assert 0.1 + detectable_difference(0.1, 1000) == pytest.approx(
        0.140747361, abs=1e-5
    )


# -- HINTS 6: Kaczynski et al. (2025) -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kaczynski(data_file):
    facts = json.loads(
        data_file("hints6", "published_kaczynski_2025.json").read_text(encoding="utf-8")
    )
    path = data_file("hints6", "hints6_extract.csv.gz")
    mapping = ROOT / "data" / "hints6" / "mapping.yml"
    design = tl.SurveyDesign(
        tl.read_survey(path, mapping), **tl.declared_design(mapping, variance="taylor")
    )
    found = {}
    for name, outcome in (
        ("discrimination", "unfair_reported"),
        ("mistrust", "mistrust_reported"),
    ):
        # percentages of everyone; the groups' denominator is everyone of that group
        everyone = tl.cell_means(
            tl.compress(design, outcome), interval="wald"
        ).frame.iloc[0]
        groups = tl.cell_means(
            tl.compress(design, outcome, ["ethnicity_detail"]), interval="wald"
        ).frame
        found |= {f"{name}_all": everyone}
        found |= {
            f"{name}_{r['ethnicity_detail'].lower()}": r for _, r in groups.iterrows()
        }
    return facts["pct_ci"], found


KACZYNSKI = [
    "discrimination_all", "discrimination_black", "discrimination_asian", "discrimination_hispanic",
    "mistrust_all", "mistrust_hispanic", "mistrust_black",
]  # fmt: skip


@pytest.mark.parametrize("name", KACZYNSKI)
def test_kaczynski_percentages(name, kaczynski):
    """J Gen Intern Med 2025: percentages within 0.1, intervals (Taylor, Wald, t with design df) within 0.15 points."""
    printed, found = kaczynski
    percentage, low, high = printed[name]
    row = found[name]
    assert 100 * row["estimate"] == pytest.approx(percentage, abs=0.1)
    assert 100 * row["conf_low"] == pytest.approx(low, abs=0.15)
    assert 100 * row["conf_high"] == pytest.approx(high, abs=0.15)


def test_kaczynski_is_complete(kaczynski):
    assert set(kaczynski[0]) == set(KACZYNSKI)
