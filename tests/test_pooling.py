"""Pooling over countries and change between waves: R's metafor, printed numbers, an oracle in loops, identities, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, norm, t
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.meta_analysis import combine_effects

import trustlib as tl
from trustlib.pooling import average, change, pool
from trustlib.stacking import stack

HERE = Path(__file__).resolve().parent
REFERENCE = pd.read_csv(HERE / "reference" / "pooling.csv").set_index(
    ["scenario", "quantity", "name"]
)["value"]
RANDOM = ("reml", "dl", "pm")
INTERVALS = ("hksj", "hksj_adhoc", "wald")
COLUMN = {
    ("estimate", "mean"): "estimate", ("se", "mean"): "std_error", ("conf_low", "mean"): "conf_low",
    ("conf_high", "mean"): "conf_high", ("p_value", "mean"): "p_value", ("estimate", "tau2"): "tau2",
    ("estimate", "i2"): "i2", ("statistic", "q"): "q", ("p_value", "q"): "q_p",
    ("conf_low", "prediction"): "prediction_low", ("conf_high", "prediction"): "prediction_high",
}  # fmt: skip


def gaps(y, se, kind="difference", vcov=None, by="country", names=None, **options):
    """Estimates with given values: one row for each country, or for each name."""
    y, se = np.asarray(y, float), np.asarray(se, float)
    axes = (
        names
        if isinstance(names, pd.DataFrame)
        else pd.DataFrame({by: names or [f"c{i:02d}" for i in range(len(y))]})
    )
    vcov = np.diag(se**2) if vcov is None else vcov
    if kind.endswith("ratio"):
        y, se, vcov = np.exp(y), se * np.exp(y), vcov * np.outer(np.exp(y), np.exp(y))
    nothing = dict.fromkeys(("conf_low", "conf_high", "statistic", "p_value"), np.nan)
    frame = axes.assign(
        estimate=y, std_error=se, **nothing, df=200.0, n=1000, n_eff=np.nan
    )
    facts = {
        "outcome": "mistrust",
        "convention": "made up",
        "df": 200.0,
        "smallest": np.arange(40, 40 + len(y)),
    }
    return tl.Estimates(frame, vcov, kind, tuple(axes), **(facts | options))


def row(estimates):
    assert len(estimates) == 1
    return estimates.frame.iloc[0]


# -- oracle: loops and a numerical optimum -----------------------------------------------------------------------------


def oracle_mean(y, v, tau2):
    total = sum(1 / (vi + tau2) for vi in v)
    return sum(yi / (vi + tau2) for yi, vi in zip(y, v, strict=True)) / total, 1 / total


def oracle_residual(y, v, tau2):
    mean, _ = oracle_mean(y, v, tau2)
    return sum((yi - mean) ** 2 / (vi + tau2) for yi, vi in zip(y, v, strict=True))


def oracle_restricted_likelihood(y, v, tau2):
    _, variance = oracle_mean(y, v, tau2)
    return -0.5 * (
        sum(np.log(vi + tau2) for vi in v)
        - np.log(variance)
        + oracle_residual(y, v, tau2)
    )


def oracle_tau2(y, v, method):
    """REML by a fine grid and a local search, Paule-Mandel by halving, DerSimonian-Laird by its formula."""
    k, highest = len(y), 4 * sum((yi - sum(y) / len(y)) ** 2 for yi in y) + 4 * max(v)
    if method == "dl":
        w = [1 / vi for vi in v]
        return max(
            0.0,
            (oracle_residual(y, v, 0) - (k - 1))
            / (sum(w) - sum(x * x for x in w) / sum(w)),
        )
    if method == "pm":
        low, high = 0.0, highest
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (
                (middle, high)
                if oracle_residual(y, v, middle) > k - 1
                else (low, middle)
            )
        return low
    grid = highest * np.linspace(0, 1, 1500) ** 3
    best = int(np.argmax([oracle_restricted_likelihood(y, v, x) for x in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda x: -oracle_restricted_likelihood(y, v, x),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-14},
    )
    return (
        float(found.x) if -found.fun > oracle_restricted_likelihood(y, v, 0.0) else 0.0
    )


# -- R and printed numbers ---------------------------------------------------------------------------------------------

SCENARIOS = [
    s
    for s in REFERENCE.index.unique("scenario")
    if not s.endswith("/data") and "correlated" not in s
]


def reference_gaps(case, **options):
    data = REFERENCE[f"pooling/{case}/data"]
    return gaps(data["estimate"], data["se"], **options)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_as_metafor(scenario):
    """metafor 3.8-1 with tight convergence; measured: 5e-13."""
    _, case, method, interval = scenario.split("/")
    found = row(pool(reference_gaps(case), method=method, interval=interval))
    for key, value in REFERENCE[scenario].items():
        assert found[COLUMN[key]] == pytest.approx(value, rel=1e-9, abs=1e-13), key


def test_the_reference_covers_every_option():
    methods, intervals = (*RANDOM, "fixed"), INTERVALS
    cases = {s.split("/")[1] for s in SCENARIOS}
    assert cases == {"bcg", "k3", "k5", "k10", "agreeing5"}
    assert set(SCENARIOS) == {
        f"pooling/{c}/{m}/{i}" for c in cases for m in methods for i in intervals
    }


def test_correlated_estimates_as_metafor():
    """``rma.mv`` with the whole covariance of the estimates."""
    se = REFERENCE["pooling/k5/data"]["se"].to_numpy()
    correlation = np.full((5, 5), 0.3) + 0.7 * np.eye(5)
    correlation[0, 1] = correlation[1, 0] = 0.6
    found = row(
        pool(reference_gaps("k5", vcov=correlation * np.outer(se, se)), interval="wald")
    )
    for key, value in REFERENCE["pooling/correlated5/reml/wald"].items():
        assert found[COLUMN[key]] == pytest.approx(value, rel=1e-7), key


def bcg():
    d = pd.read_csv(HERE / "published" / "bcg_trials.csv")
    treated, control = d["tpos"] + d["tneg"], d["cpos"] + d["cneg"]
    y = np.log(d["tpos"] / treated) - np.log(d["cpos"] / control)
    return gaps(
        y,
        np.sqrt(1 / d["tpos"] - 1 / treated + 1 / d["cpos"] - 1 / control),
        "coefficient",
    )


@pytest.mark.parametrize(
    ("method", "interval", "printed"),
    [
        ("fixed", "wald", {"estimate": -0.430285164, "std_error": 0.040498752}),
        ("dl", "wald", {"tau2": 0.308760263, "estimate": -0.714117222, "std_error": 0.17874209, "i2": 0.92117347}),
        ("pm", "wald", {"tau2": 0.318093712, "estimate": -0.714970406, "std_error": 0.180897984}),
        ("reml", "wald", {"tau2": 0.313243326, "estimate": -0.714532348, "std_error": 0.179781532, "i2": 0.92221386,
                          "prediction_low": -1.8667, "prediction_high": 0.4376, "q": 152.233008}),
        ("dl", "hksj", {"conf_low": -1.10782135, "conf_high": -0.32041309}),
    ],
)  # fmt: skip
def test_bcg_trials(method, interval, printed):
    """metafor's default output. Its PM stops 8e-5 and its REML 2e-7 before the solution, which both programs reach when tight."""
    found = row(pool(bcg(), method=method, interval=interval))
    loose = {"pm": 1e-4, "reml": 1e-6}.get(method, 1e-8)
    for name, value in printed.items():
        assert found[name] == pytest.approx(
            value, rel=loose, abs=5e-5 if "prediction" in name else 0
        ), name


@pytest.mark.filterwarnings("ignore:.*use_t=True.*")
def test_bcg_as_statsmodels():
    y, se = bcg().frame[["estimate", "std_error"]].to_numpy().T
    for method in ("dl", "pm"):
        theirs = combine_effects(y, se**2, method_re=method, use_t=True)
        ours = row(pool(bcg(), method=method))
        assert ours["tau2"] == pytest.approx(theirs.tau2, rel=1e-7)
        assert ours["q"] == pytest.approx(theirs.q, rel=1e-12)
        hksj = theirs.summary_frame().loc["random effect wls"]
        np.testing.assert_allclose(
            ours[["estimate", "std_error"]].to_numpy(float),
            hksj[["eff", "sd_eff"]],
            rtol=1e-7,
        )
        np.testing.assert_allclose(
            ours[["conf_low", "conf_high"]].to_numpy(float),
            hksj[["ci_low", "ci_upp"]],
            rtol=1e-7,
        )


# -- UCB admissions (Bickel et al. 1975): numbers of ?mantelhaen.test and of tight logits in R ----------------------------


def admissions():
    d = pd.read_csv(HERE / "published" / "ucb_admissions.csv")
    people = d.loc[d.index.repeat(d["Freq"])].reset_index(drop=True)
    people["Gender"] = pd.Categorical(people["Gender"], categories=["Male", "Female"])
    people = people.assign(
        admitted=(people["Admit"] == "Admitted").astype(float), w=1.0
    )
    return d, tl.compress(
        tl.SurveyDesign(people, weight="w"), "admitted", ["Gender", "Dept"]
    )


def test_admissions_mantel_haenszel():
    d, _ = admissions()
    order = {"Admit": ["Admitted", "Rejected"], "Gender": ["Male", "Female"]}
    tables = [
        part.pivot(index="Admit", columns="Gender", values="Freq")
        .loc[order["Admit"], order["Gender"]]
        .to_numpy()
        for _, part in d.groupby("Dept")
    ]
    found = StratifiedTable(tables)
    assert found.oddsratio_pooled == pytest.approx(0.9046968, abs=5e-8)
    assert found.oddsratio_pooled_confint() == pytest.approx(
        (0.7719074, 1.0603298), abs=5e-8
    )
    corrected, plain = found.test_null_odds(correction=True), found.test_null_odds()
    assert (corrected.statistic, plain.statistic) == pytest.approx(
        (1.4269, 1.5246), abs=5e-5
    )
    assert (corrected.pvalue, plain.pvalue) == pytest.approx((0.2323, 0.2169), abs=5e-5)
    equal = found.test_equal_odds()
    assert equal.statistic == pytest.approx(18.8255, abs=5e-5)
    assert equal.pvalue == pytest.approx(0.002071, abs=5e-7)
    # ?mantelhaen.test: woolf(UCBAdmissions), with 1/2 added to each count, gives p = 0.003
    halves = [table + 0.5 for table in tables]
    y = [np.log(x[0, 0] * x[1, 1] / x[0, 1] / x[1, 0]) for x in halves]
    woolf = row(
        pool(
            gaps(y, [np.sqrt((1 / x).sum()) for x in halves], "odds_ratio", by="dept"),
            "dept",
            method="fixed",
        )
    )
    assert (round(woolf["q_p"], 3), woolf["q_df"]) == (0.003, 5)


def test_admissions_homogeneity():
    """The same question by our logits (numbers of R's glm): deviance drop of the interaction, and pooled odds ratios."""
    _, cells = admissions()
    crude, common, full = (
        tl.fit_logit(cells, f) for f in ("Gender", "Gender + Dept", "Gender * Dept")
    )
    assert crude.coef["Gender[T.Female]"] == pytest.approx(
        -0.610352364, abs=5e-8
    )  # R stops 1e-8 before the solution
    assert common.coef["Gender[T.Female]"] == pytest.approx(0.0998700882, abs=5e-9)
    total, admitted = cells.frame["sum_w"], cells.frame["sum_wy"]
    p, full_p = (fit.probabilities(cells.frame)[0] for fit in (common, full))
    drop = (
        2
        * (
            admitted * np.log(full_p / p)
            + (total - admitted) * np.log((1 - full_p) / (1 - p))
        ).sum()
    )
    assert drop == pytest.approx(20.20427, abs=1e-5)
    assert chi2.sf(drop, 5) == pytest.approx(0.0011441, abs=5e-8)
    by_dept = tl.comparisons(
        tl.cell_means(cells, ["Gender", "Dept"]), {"Gender": "Male"}, scale="odds_ratio"
    )
    pooled = row(pool(by_dept, over="Dept", method="fixed"))
    wald = full.term_test("Gender:Dept").loc["wald"]
    assert pooled["q"] == pytest.approx(wald["statistic"] * wald["df_num"], rel=1e-8)
    assert pooled["q_df"] == wald["df_num"]


# -- properties --------------------------------------------------------------------------------------------------------

VALUES = st.lists(
    st.tuples(st.floats(-0.3, 0.3), st.floats(0.005, 0.2)),
    min_size=3,
    max_size=10,
    unique_by=lambda pair: pair[0],
)


@pytest.mark.parametrize("method", RANDOM)
@settings(max_examples=25, deadline=None)
@given(values=VALUES)
def test_as_the_oracle(method, values):
    y, se = np.array(values).T
    k, v = len(y), se**2
    tau2 = oracle_tau2(y, v, method)
    found = row(pool(gaps(y, se), method=method))
    if (
        method == "reml"
    ):  # the optimum is flat: compare likelihoods, then the rest at our own variance
        assert (
            oracle_restricted_likelihood(y, v, found["tau2"])
            >= oracle_restricted_likelihood(y, v, tau2) - 1e-10
        )
        tau2 = found["tau2"]
    assert found["tau2"] == pytest.approx(tau2, rel=1e-8, abs=1e-13)
    mean, variance = oracle_mean(y, v, tau2)
    error = np.sqrt(variance * oracle_residual(y, v, tau2) / (k - 1))
    quantile = t.ppf(0.975, k - 1)
    assert found["estimate"] == pytest.approx(mean, abs=1e-9)
    assert found["std_error"] == pytest.approx(error, rel=1e-7, abs=1e-12)
    assert found["conf_low"] == pytest.approx(mean - quantile * error, abs=1e-8)
    assert found["prediction_high"] == pytest.approx(
        mean + quantile * np.sqrt(tau2 + error**2), abs=1e-7
    )
    q = oracle_residual(y, v, 0)
    assert found["q"] == pytest.approx(q, rel=1e-9, abs=1e-12)
    assert found["q_p"] == pytest.approx(chi2.sf(q, k - 1), rel=1e-6, abs=1e-300)
    assert 0 <= found["i2"] < 1
    assert (found["k"], found["q_df"], found["df"], found["n"]) == (
        k,
        k - 1,
        k - 1,
        1000 * k,
    )


def oracle_confidence_prediction(y, v, draws=6_000):
    """A prediction interval with tau^2 from its confidence distribution, one draw at a time (Nagashima et al. 2019)."""
    rng, k, drawn = np.random.default_rng(1), len(y), []
    for _ in range(draws):
        wanted = rng.chisquare(k - 1)
        low, high = 0.0, 100 * (np.var(y) + max(v))
        for _ in range(45):  # Q falls as tau^2 grows
            middle = (low + high) / 2
            low, high = (
                (middle, high)
                if oracle_residual(y, v, middle) > wanted
                else (low, middle)
            )
        tau2 = 0.0 if oracle_residual(y, v, 0.0) <= wanted else (low + high) / 2
        mean, variance = oracle_mean(y, v, tau2)
        error = np.sqrt(variance * oracle_residual(y, v, tau2) / (k - 1))
        drawn.append(
            mean + error * rng.standard_t(k - 1) + np.sqrt(tau2) * rng.standard_normal()
        )
    return np.quantile(drawn, [0.025, 0.975])


@pytest.mark.parametrize("spread", [0.002, 0.03, 0.2])
def test_prediction_by_confidence_distribution_as_the_oracle(spread):
    y, se = (
        0.1 + spread * np.array([-1.2, -0.3, 0.1, 0.4, 1.0, 0.6]),
        np.linspace(0.02, 0.05, 6),
    )
    ours, plug_in = (
        row(pool(gaps(y, se), prediction=kind)) for kind in ("confidence", "plug_in")
    )
    low, high = oracle_confidence_prediction(y, se**2)
    ends = np.array([ours["prediction_low"], ours["prediction_high"]])
    np.testing.assert_allclose(
        ends, [low, high], atol=0.05 * (high - low)
    )  # both are simulated
    assert (
        spread != 0.03
        or ends[1] - ends[0] > plug_in["prediction_high"] - plug_in["prediction_low"]
    )
    for same in ("estimate", "std_error", "conf_low", "tau2", "i2"):
        assert ours[same] == plug_in[same]
    again = pool(gaps(y, se), prediction="confidence")
    assert row(again)["prediction_low"] == ours["prediction_low"]  # the seed is fixed
    assert "confidence distribution" in again.convention
    ratios = row(pool(gaps(y, se, "ratio"), prediction="confidence"))
    assert np.log(ratios["prediction_low"]) == pytest.approx(
        ours["prediction_low"], abs=1e-9
    )
    fixed = row(pool(gaps(y, se), method="fixed", prediction="confidence"))
    assert np.isnan(fixed["prediction_low"])
    with pytest.raises(tl.UnknownNameError, match="prediction 'guess'"):
        pool(gaps(y, se), prediction="guess")


@pytest.mark.parametrize(
    ("y", "v"),
    [
        ([8.5, -1.3, 6.9, -0.6], [39.34, 1.24, 10.16, 0.23]),
        ([0.1, 6.0, -0.1], [0.12, 6.78, 1.79]),
        ([-0.6, 0.5, 0.7, -0.5], [0.32, 0.04, 0.08, 1.4]),
    ],
)
def test_the_higher_of_two_maxima(y, v):
    """Restricted likelihoods with two maxima, one of them at zero, as about 1 in 800 draws of very unequal estimates has."""
    found = row(pool(gaps(y, np.sqrt(v))))["tau2"]
    assert oracle_restricted_likelihood(y, v, 0.0) > oracle_restricted_likelihood(
        y, v, found / 100
    )
    assert (
        oracle_restricted_likelihood(y, v, found)
        > oracle_restricted_likelihood(y, v, 0.0) + 0.01
    )
    assert found == pytest.approx(oracle_tau2(y, v, "reml"), rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(values=VALUES, seed=st.integers(0, 99), factor=st.floats(0.01, 100))
@pytest.mark.parametrize("interval", INTERVALS)
def test_order_and_scale_do_not_matter(interval, values, seed, factor):
    y, se = np.array(values).T
    order = np.random.default_rng(seed).permutation(len(y))
    first = pool(gaps(y, se), interval=interval).frame.drop(
        columns=["statistic", "p_value"]
    )
    shuffled = pool(gaps(y[order], se[order]), interval=interval).frame[first.columns]
    np.testing.assert_allclose(
        shuffled.to_numpy(float), first.to_numpy(float), rtol=1e-6, atol=1e-9
    )
    scaled = row(pool(gaps(factor * y, factor * se), interval=interval))
    for name, power in {
        "estimate": 1,
        "std_error": 1,
        "conf_low": 1,
        "prediction_high": 1,
        "tau2": 2,
        "i2": 0,
        "q": 0,
    }.items():
        assert scaled[name] / factor**power == pytest.approx(
            first[name].iloc[0], rel=1e-6, abs=1e-8
        ), name


@pytest.mark.parametrize("method", RANDOM)
@settings(max_examples=20, deadline=None)
@given(
    value=st.floats(-0.5, 0.5),
    errors=st.lists(st.floats(0.01, 0.2), min_size=3, max_size=8),
)
def test_one_value_repeated(method, value, errors):
    """Equal gaps: no variance between countries, and the fixed mean."""
    same = gaps([value] * len(errors), errors)
    found, fixed = (
        row(pool(same, method=method, interval="wald")),
        row(pool(same, method="fixed")),
    )
    assert found["tau2"] == pytest.approx(0, abs=1e-15)
    assert (found["q"], found["i2"]) == pytest.approx((0, 0), abs=1e-12)
    assert found["estimate"] == pytest.approx(value, abs=1e-12)
    assert found["std_error"] == pytest.approx(
        sum(e**-2 for e in errors) ** -0.5, rel=1e-9
    )
    names = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(
        found[names].to_numpy(float), fixed[names].to_numpy(float), rtol=1e-9
    )
    floor = row(pool(same, method=method, interval="hksj_adhoc"))
    assert floor["std_error"] == pytest.approx(found["std_error"], rel=1e-9)


def test_without_variance_between_random_is_fixed():
    agreeing = reference_gaps("agreeing5")
    fixed = row(pool(agreeing, method="fixed"))
    for method in RANDOM:
        found = row(pool(agreeing, method=method, interval="wald"))
        assert found["tau2"] == 0
        for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value", "q"):
            assert found[name] == pytest.approx(fixed[name], rel=1e-12), name
        assert (found["prediction_low"], found["prediction_high"]) == pytest.approx(
            (found["conf_low"], found["conf_high"])
        )
    assert fixed[["prediction_low", "prediction_high"]].isna().all()
    assert fixed["conf_low"] == pytest.approx(
        fixed["estimate"] - norm.ppf(0.975) * fixed["std_error"]
    )


@pytest.mark.parametrize("kind", ["ratio", "odds_ratio"])
@pytest.mark.parametrize("interval", INTERVALS)
def test_ratios_are_pooled_as_logarithms(kind, interval):
    logs, ratios = (
        row(pool(reference_gaps("k5"), interval=interval)),
        pool(reference_gaps("k5", kind=kind), interval=interval),
    )
    found = row(ratios)
    assert ratios.kind == kind
    for name in (
        "estimate",
        "conf_low",
        "conf_high",
        "prediction_low",
        "prediction_high",
    ):
        assert np.log(found[name]) == pytest.approx(logs[name], rel=1e-10), name
    for name in ("statistic", "p_value", "tau2", "i2", "q", "q_p"):
        assert found[name] == pytest.approx(logs[name], rel=1e-10), name
    assert found["std_error"] == pytest.approx(
        logs["std_error"] * found["estimate"], rel=1e-10
    )


def test_each_remaining_combination_is_pooled_by_itself():
    countries, genders = [f"c{i}" for i in range(5)], ["woman", "nonbinary"]
    axes = pd.DataFrame(
        [(c, g) for c in countries for g in genders], columns=["country", "gender"]
    )
    rng = np.random.default_rng(4)
    both = gaps(rng.normal(0.05, 0.05, 10), rng.uniform(0.01, 0.03, 10), names=axes)
    found = pool(both)
    assert found.by == ("gender",)
    assert np.isnan(
        found.vcov[0, 1]
    )  # not known, so that nothing can be computed from it
    for i, gender in enumerate(found.frame["gender"]):
        alone = pool(both.where(f"gender == '{gender}'"))
        np.testing.assert_allclose(
            found.frame.iloc[[i]].select_dtypes("number").to_numpy(),
            alone.frame.select_dtypes("number").to_numpy(),
            rtol=1e-12,
        )
        assert (
            found.smallest[i]
            == both.smallest[(axes["gender"] == gender).to_numpy()].min()
        )
        assert found.vcov[i, i] == pytest.approx(found.frame["std_error"][i] ** 2)


# -- a made-up survey of five countries and two waves ------------------------------------------------------------------

COUNTRIES = ["AT", "BE", "CZ", "DK", "EE"]


def survey(seed=5, n=6000):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "country": rng.choice(COUNTRIES, n, p=[0.3, 0.2, 0.2, 0.15, 0.15]),
            "wave": rng.choice(["2019", "2024"], n),
            "gender": pd.Categorical(
                rng.choice(["man", "woman"], n), categories=["man", "woman"]
            ),
            "w": rng.uniform(0.5, 3, n),
            "psu": rng.integers(0, 20, n),
        }
    )
    frame["stratum"] = frame["country"] + frame["wave"]
    woman, late = frame["gender"] == "woman", frame["wave"] == "2024"
    effect = frame["country"].map(
        dict(zip(COUNTRIES, [0.02, 0.05, 0.08, 0.12, 0.2], strict=True))
    )
    return frame.assign(
        mistrust=(rng.random(n) < 0.3 + effect * woman + 0.05 * late).astype(float)
    )


def levels(frame, by, outcome="mistrust", **options):
    design = tl.SurveyDesign(
        frame, weight="w", strata="stratum", psu="psu", nest=True, **options
    )
    return tl.cell_means(tl.compress(design, outcome, by))


def waves(frame, by=("country", "gender"), **options):
    parts = {w: levels(part, list(by), **options) for w, part in frame.groupby("wave")}
    return parts["2019"], parts["2024"]


def test_gaps_of_a_survey_are_pooled():
    by_country = tl.comparisons(
        levels(survey(), ["country", "gender"]), {"gender": "man"}
    )
    y, v = by_country.frame["estimate"].to_numpy(), np.diag(by_country.vcov)
    np.testing.assert_allclose(
        by_country.vcov - np.diag(v), 0, atol=1e-16
    )  # strata within countries
    found = pool(by_country)
    assert found.by == ("gender",)
    assert found.frame["reference"].tolist() == ["man"]
    assert found.convention.endswith(
        "; pooled over country: reml, hksj interval with 4 df"
    )
    assert row(found)["estimate"] == pytest.approx(
        oracle_mean(y, v, oracle_tau2(y, v, "reml"))[0], rel=1e-6
    )
    tl.table(found)  # passes the gate and has a row for readers


def test_average_gives_three_answers():
    by_country = tl.comparisons(
        levels(survey(), ["country", "gender"]), {"gender": "man"}
    )
    y, se, n = by_country.frame[["estimate", "std_error", "n"]].to_numpy(float).T
    population = dict(zip(COUNTRIES, [9, 12, 11, 6, 1.4], strict=True))
    shares = {
        "equal": np.full(5, 0.2),
        "sample": n / n.sum(),
        "population": np.array(list(population.values())) / 39.4,
    }
    for words, share in shares.items():
        found = average(
            by_country, weights=population if words == "population" else words
        )
        estimate, error = sum(share * y), np.sqrt(sum(share**2 * se**2))
        assert row(found)["estimate"] == pytest.approx(estimate, rel=1e-12)
        assert row(found)["std_error"] == pytest.approx(error, rel=1e-9)
        assert row(found)["conf_low"] == pytest.approx(
            estimate - t.ppf(0.975, by_country.df) * error, rel=1e-9
        )
        assert row(found)["n"] == n.sum()
        assert f"average over country, weights: {words}" in found.convention
        assert (found.by, found.df) == (("gender",), by_country.df)


def test_average_uses_the_covariance():
    vcov = np.array([[4.0, 1.0], [1.0, 9.0]]) * 1e-4
    found = row(
        average(gaps([0.1, 0.3], [0.02, 0.03], vcov=vcov), weights={"c00": 1, "c01": 3})
    )
    assert found["estimate"] == pytest.approx(0.25)
    assert found["std_error"] == pytest.approx(1e-2 * np.sqrt((4 + 9 * 9 + 2 * 3) / 16))
    logs = row(
        average(
            gaps([0.1, 0.3], [0.02, 0.03], "ratio", vcov), weights={"c01": 3, "c00": 1}
        )
    )
    assert logs["estimate"] == pytest.approx(np.exp(0.25))


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        ({"c00": 1}, tl.EstimandError), ({"c00": 1, "c01": 0}, tl.EstimandError), ({"c00": 1, "c01": "many"}, tl.EstimandError),
        ({"c00": 1, "c01": np.inf}, tl.EstimandError), ({"c00": 1, "c1": 2}, tl.UnknownNameError),
        ("people", tl.UnknownNameError), ([1, 2], tl.UnknownNameError), (None, tl.UnknownNameError),
    ],
)  # fmt: skip
def test_average_refuses_unclear_weights(weights, error):
    with pytest.raises(error):
        average(gaps([0.1, 0.3], [0.02, 0.03]), weights=weights)


# -- change between waves ----------------------------------------------------------------------------------------------


def test_change_between_independent_samples():
    before, after = waves(survey())
    found = change(stack({"2019": before, "2024": after}, "wave"))
    assert (found.kind, found.by) == ("difference", ("country", "gender"))
    assert "change of wave, 2019 to 2024" in found.convention
    a, b = before.frame, after.frame
    np.testing.assert_allclose(
        found.frame["estimate"], b["estimate"] - a["estimate"], rtol=1e-12
    )
    np.testing.assert_allclose(
        found.frame["std_error"] ** 2,
        a["std_error"] ** 2 + b["std_error"] ** 2,
        rtol=1e-12,
    )
    assert found.df == before.df + after.df
    assert found.frame["n"].tolist() == (a["n"] + b["n"]).tolist()
    assert (
        found.smallest.tolist() == np.minimum(before.smallest, after.smallest).tolist()
    )
    turned = change(stack({"2024": after, "2019": before}, "wave"))
    np.testing.assert_allclose(
        turned.frame["estimate"], -found.frame["estimate"], rtol=1e-12
    )


def test_one_design_and_two_give_the_same_change():
    """Strata within waves: estimated together with the wave as an axis, or apart and stacked.

    Apart each sample has its own df, and the change those of Welch and Satterthwaite; together one design has one df.
    """
    frame = survey()
    together = levels(frame, ["wave", "country", "gender"])
    apart = stack(dict(zip(["2019", "2024"], waves(frame), strict=True)), "wave")
    a, b = change(together), change(apart)
    assert a.frame["country"].tolist() == b.frame["country"].tolist()
    columns = ["estimate", "std_error", "statistic", "n"]
    np.testing.assert_allclose(
        a.frame[columns].to_numpy(float), b.frame[columns].to_numpy(float), rtol=1e-9
    )
    assert (b.frame["df"] <= a.frame["df"] * (1 + 1e-12)).all()
    assert (b.frame["df"] > a.frame["df"] / 2 - 1).all()
    np.testing.assert_allclose(a.vcov, b.vcov, atol=1e-16)
    known = tl.comparisons(together, {"wave": "2019"}).frame
    np.testing.assert_allclose(a.frame["std_error"], known["std_error"], rtol=1e-10)


def test_change_keeps_the_covariance_of_shared_clusters():
    frame = survey().assign(
        stratum=lambda d: d["country"]
    )  # the same clusters in both waves
    frame["mistrust"] = np.where(frame["psu"] < 6, 1.0, frame["mistrust"])
    together = levels(frame, ["wave", "country"])
    found, known = (
        change(together).frame,
        tl.comparisons(together, {"wave": "2019"}).frame,
    )
    np.testing.assert_allclose(found["std_error"], known["std_error"], rtol=1e-10)
    se = together.frame["std_error"].to_numpy().reshape(2, 5)
    assert (found["std_error"] < np.sqrt((se**2).sum(axis=0))).all()


@pytest.mark.parametrize("scale", ["difference", "ratio", "odds_ratio"])
def test_change_of_gaps(scale):
    parts = [tl.comparisons(e, {"gender": "man"}, scale) for e in waves(survey())]
    found = change(stack(dict(zip(["2019", "2024"], parts, strict=True)), "wave"))
    (y0, s0), (y1, s1) = (
        p.frame[["estimate", "std_error"]].to_numpy().T for p in parts
    )
    log = scale != "difference"
    expected = (
        np.sqrt((s0 / y0) ** 2 + (s1 / y1) ** 2) if log else np.sqrt(s0**2 + s1**2)
    )
    estimate = found.frame["estimate"].to_numpy()
    np.testing.assert_allclose(estimate, y1 / y0 if log else y1 - y0, rtol=1e-12)
    np.testing.assert_allclose(
        found.frame["std_error"], expected * (estimate if log else 1), rtol=1e-10
    )
    assert (found.kind, found.frame["reference"].unique().tolist()) == (scale, ["man"])


@pytest.mark.parametrize("scale", ["difference", "ratio"])
@pytest.mark.parametrize(
    "weights", ["equal", dict(zip(COUNTRIES, [9, 12, 11, 6, 1.4], strict=True))]
)
def test_average_change_is_the_change_of_the_average(scale, weights):
    parts = [tl.comparisons(e, {"gender": "man"}, scale) for e in waves(survey())]
    joint = stack(dict(zip(["2019", "2024"], parts, strict=True)), "wave")
    a, b = (
        average(change(joint), weights=weights),
        change(average(joint, weights=weights), within=None),
    )
    assert (a.by, a.kind) == (b.by, b.kind) == (("gender",), scale)
    columns = [
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "statistic",
        "p_value",
        "df",
        "n",
    ]
    np.testing.assert_allclose(
        a.frame[columns].to_numpy(float), b.frame[columns].to_numpy(float), rtol=1e-9
    )


def test_heterogeneity_of_change_is_the_wald_test_of_the_interaction():
    cells = tl.compress(
        tl.SurveyDesign(survey(), weight="w", strata="stratum", psu="psu", nest=True),
        "mistrust",
        ["country", "wave"],
    )
    wald = tl.fit_logit(cells, "country * wave").term_test("country:wave").loc["wald"]
    odds = tl.comparisons(tl.cell_means(cells), {"wave": "2019"}, scale="odds_ratio")
    found = row(pool(odds, method="fixed"))
    assert found["q"] == pytest.approx(wald["statistic"] * wald["df_num"], rel=1e-7)
    changes = change(tl.cell_means(cells))
    y, v = changes.frame["estimate"].to_numpy(), np.diag(changes.vcov)
    assert row(pool(changes))["q"] == pytest.approx(oracle_residual(y, v, 0), rel=1e-9)


def test_change_refuses_different_items():
    frame = survey()
    before, after = waves(frame)
    other = levels(
        frame.rename(columns={"mistrust": "avoids_care"}),
        ["country", "gender"],
        "avoids_care",
    )
    frame.attrs["labels"] = {"mistrust": "Trusts doctors hardly or not at all"}
    worded = levels(frame, ["country", "gender"])
    real, synthetic = (
        levels(frame, ["country", "gender"], source={"id": k, "kind": k, "label": k})
        for k in ("real", "synthetic")
    )
    fit = tl.fit_logit(
        tl.compress(
            tl.SurveyDesign(frame, weight="w"), "mistrust", ["country", "gender"]
        ),
        "country + gender",
    )
    modelled = tl.predictions(fit, ["country", "gender"])
    ratios = tl.comparisons(after, {"gender": "man"}, "ratio")
    gap = tl.comparisons(after, {"gender": "man"})
    for a, b in [(before, other), (before, worded), (real, synthetic), (worded, modelled), (gap, ratios), (before, gap),
                 (before, levels(frame, ["gender", "country"]))]:  # fmt: skip
        with pytest.raises(tl.EstimandError, match="one item"):
            stack({"2019": a, "2024": b}, "wave")


def test_change_refuses_different_countries():
    before, after = waves(survey())
    fewer = after.where("country != 'EE'")
    with pytest.raises(
        tl.EstimandError, match="country=EE, gender=man once in each wave"
    ):
        change(stack({"2019": before, "2024": fewer}, "wave"))
    assert (
        len(
            change(
                stack({"2019": before.where("country != 'EE'"), "2024": fewer}, "wave")
            )
        )
        == 8
    )
    pooled = [levels(part, ["gender"]) for _, part in survey().groupby("wave")]
    joint = stack({"2019": pooled[0], "2024": pooled[1]}, "wave")
    with pytest.raises(
        tl.UnknownNameError, match="country"
    ):  # which countries are behind them cannot be seen
        change(joint)
    assert len(change(joint, within=None)) == 2


def test_change_refuses_one_wave_or_three():
    before, after = waves(survey())
    for parts in ({"2019": before}, {"2019": before, "2022": after, "2024": after}):
        with pytest.raises(tl.EstimandError, match="two levels"):
            change(stack(parts, "wave"))


def test_change_refuses_gaps_to_different_groups():
    before, after = waves(survey())
    parts = {
        "2019": tl.comparisons(before, {"gender": "man"}),
        "2024": tl.comparisons(after, {"gender": "woman"}),
    }
    with pytest.raises(tl.EstimandError, match="once in each wave"):
        change(stack(parts, "wave"))


# -- stack -------------------------------------------------------------------------------------------------------------


def test_stack_pools_models_of_separate_countries():
    """Adjusted coefficients come from one model in each country; stacked, they are pooled as the numbers themselves."""
    parts = {}
    for country, part in survey().groupby("country"):
        cells = tl.compress(
            tl.SurveyDesign(part, weight="w", strata="stratum", psu="psu", nest=True),
            "mistrust",
            ["gender", "wave"],
        )
        parts[country] = tl.coefficients(tl.fit_logit(cells, "gender + wave"))
    joint = stack(parts, "country")
    assert joint.by == ("country", "term")
    found = pool(joint).where("term == 'gender[T.woman]'")
    y, se = np.array(
        [
            p.frame.set_index("term").loc["gender[T.woman]", ["estimate", "std_error"]]
            for p in parts.values()
        ],
        float,
    ).T
    expected, got = row(pool(gaps(y, se))), row(found)
    for name in (
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "p_value",
        "tau2",
        "i2",
        "q",
        "q_p",
        "prediction_low",
    ):
        assert got[name] == pytest.approx(expected[name], rel=1e-9), name


def test_stack_keeps_rows_and_order():
    before, after = waves(survey())
    joint = stack({"second": after, "first": before}, "wave")
    assert list(joint.frame["wave"].cat.categories) == ["second", "first"]
    assert joint.frame["gender"].cat.categories.tolist() == ["man", "woman"]
    for name, part in {"first": before, "second": after}.items():
        back = joint.where(f"wave == '{name}'")
        pd.testing.assert_frame_equal(
            back.frame[list(part.frame)],
            part.frame,
            check_dtype=False,
            check_categorical=False,
        )
        np.testing.assert_array_equal(back.vcov, part.vcov)
    np.testing.assert_array_equal(joint.vcov[:10, 10:], 0)


@pytest.mark.parametrize("parts", [None, [1, 2], {}, {"a": 1}])
def test_stack_refuses_what_is_no_mapping_of_estimates(parts):
    with pytest.raises(tl.EstimandError):
        stack(parts, "wave")


def test_stack_refuses_a_column_that_is_there():
    with pytest.raises(tl.EstimandError, match="without a column"):
        stack({"a": reference_gaps("k3"), "b": reference_gaps("k3")}, "country")


# -- refusals and notes of pool ------------------------------------------------------------------------------------------


def test_two_countries_are_too_few():
    two = gaps([0.1, 0.2], [0.02, 0.03])
    for method in RANDOM:
        with pytest.raises(tl.EstimandError, match="too few"):
            pool(two, method=method)
    with pytest.raises(tl.EstimandError, match="too few"):
        pool(gaps([0.1], [0.02]), method="fixed")
    assert row(pool(two, method="fixed"))["q"] == pytest.approx(
        0.1**2 / (0.02**2 + 0.03**2)
    )


def test_few_countries_and_a_narrow_interval_are_noted():
    assert any("hardly known" in note for note in pool(reference_gaps("k3")).notes)
    assert not pool(reference_gaps("k5")).notes
    narrow = pool(reference_gaps("agreeing5"))
    assert any("hksj_adhoc" in note for note in narrow.notes)
    assert (
        row(narrow)["std_error"]
        < row(pool(reference_gaps("agreeing5"), interval="hksj_adhoc"))["std_error"]
    )


def test_each_country_is_there_once():
    lacking = pd.DataFrame(
        [("a", "x"), ("b", "x"), ("c", "x"), ("a", "y"), ("b", "y")],
        columns=["country", "gender"],
    )
    twice = pd.DataFrame({"country": ["a", "b", "c", "c"]})
    for axes, there in (
        (lacking, "gender=y once in each country .*got it in: a, b"),
        (twice, "everyone once .*: a, b, c, c"),
    ):
        with pytest.raises(tl.EstimandError, match=there):
            pool(gaps(np.linspace(0, 0.1, len(axes)), [0.02] * len(axes), names=axes))


def test_gaps_between_countries_are_not_gaps_within_them():
    by_country = levels(survey(), ["country", "gender"])
    for reference in ({"country": "AT"}, None):
        with pytest.raises(tl.EstimandError):
            pool(tl.comparisons(by_country, reference))


@pytest.mark.parametrize("verb", [pool, average])
def test_levels_and_interactions_are_refused(verb):
    by_country = levels(survey(), ["country", "gender", "wave"])
    with pytest.raises(tl.UnknownNameError, match="level"):
        verb(by_country)
    with pytest.raises(tl.UnknownNameError, match="interaction"):
        verb(tl.interactions(by_country, "gender", "wave"))
    with pytest.raises(tl.EstimandError, match="Expected Estimates"):
        verb(by_country.frame)


def test_unknown_options_are_named():
    five = reference_gaps("k5")
    for options in ({"over": "wave"}, {"method": "ml"}, {"interval": "z"}):
        with pytest.raises(tl.UnknownNameError):
            pool(five, **options)


def test_estimates_without_precision_are_refused():
    for se in ([0.02, 0.0, 0.03], [0.02, np.nan, 0.03]):
        with pytest.raises(tl.EstimandError, match="above zero"):
            pool(gaps([0.1, 0.2, 0.3], se))
    with pytest.raises(tl.EstimandError, match="follows from"):
        pool(gaps([0.1, 0.2, 0.3], [0.02] * 3, vcov=np.full((3, 3), 0.0004)))
    empty = reference_gaps("k5").where("estimate > 9")
    for verb in (pool, average):
        with pytest.raises(tl.EstimandError):
            verb(empty)


def test_a_pooled_result_passes_the_gate_only_if_every_country_does():
    five = reference_gaps("k5")
    hidden = pool(
        gaps(
            five.frame["estimate"],
            five.frame["std_error"],
            smallest=np.array([40, 40, 9, 40, 40]),
        )
    )
    with pytest.raises(tl.DisclosureError):
        tl.table(hidden)
    assert "not shown" in repr(hidden)
