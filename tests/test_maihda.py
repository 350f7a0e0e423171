"""Intersectional MAIHDA against lme4, glmmTMB, printed numbers, and an oracle that integrates numerically."""

import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad, minimize
from scipy.special import expit

import trustlib as tl
from trustlib.between_strata import auc
from trustlib.maihda import maihda
from trustlib.random_intercepts import (
    Counts,
    maximum_likelihood,
    minus_log_likelihood,
    restricted,
)

HERE = Path(__file__).resolve().parent
REFERENCE = (
    pd.read_csv(HERE / "reference" / "maihda.csv")
    .set_index(["scenario", "quantity", "name"])["value"]
    .sort_index()
)
DATA = pd.read_csv(
    HERE / "reference" / "maihda_data.csv", dtype=dict.fromkeys("abc", str)
)
AXES = {
    "cbpp": (["a"], ["b"]),
    "ucb": (["a"], ["b"]),
    **dict.fromkeys(("health", "strata16", "strata480"), (["a", "b", "c"], [])),
}
FITS = sorted({s for s in REFERENCE.index.get_level_values(0) if s.count("/") == 3})


def cells_of(counts, by, n="n", events="events", **design):
    """One row for each person, compressed."""
    yes, no = (
        counts.index.repeat(counts[events]),
        counts.index.repeat(counts[n] - counts[events]),
    )
    people = pd.concat(
        [counts.loc[yes, by].assign(y=1.0), counts.loc[no, by].assign(y=0.0)],
        ignore_index=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.FewPSUWarning)
        return tl.compress(
            tl.SurveyDesign(people, weight=None, **design), "y", list(by)
        )


@cache
def cells(source):
    strata, covariates = AXES[source]
    return cells_of(
        DATA[DATA["source"] == source].reset_index(drop=True), [*strata, *covariates]
    )


@cache
def fitted(source, method="reml", points=1):
    return maihda(cells(source), *AXES[source], method=method, points=points)


def simulated(rng, n=3000, sd=0.4, levels=(2, 4, 2), people=None):
    """Counts of strata with main effects and intercepts of their own."""
    grid = pd.MultiIndex.from_product(
        [[f"l{i}" for i in range(k)] for k in levels], names=list("abc")
    ).to_frame(index=False)
    eta = (
        -0.5
        + 0.3 * (grid["a"] == "l1")
        + 0.4 * (grid["b"] == "l1")
        + sd * rng.standard_normal(len(grid))
    )
    grid["n"] = (
        people
        if people is not None
        else rng.multinomial(n, np.full(len(grid), 1 / len(grid)))
    )
    return grid.assign(events=rng.binomial(grid["n"], expit(eta)))


# -- other software -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", FITS)
def test_as_lme4_and_glmmtmb(scenario):
    """lme4 is good to 1e-5 of the variance at best, and where it differs its likelihood is the lower one."""
    source, model, method, points = scenario.split("/")
    fit = fitted(source, method, int(points)).fits[model]
    tolerance = 1e-5 if method == "reml" else 1e-4
    assert fit.variance == pytest.approx(
        REFERENCE[scenario, "estimate", "variance"], rel=tolerance
    )
    expected = REFERENCE.loc[scenario].loc["coef"]
    assert sorted(expected.index) == sorted(fit.coef.index)
    np.testing.assert_allclose(
        fit.coef,
        expected[fit.coef.index],
        rtol=0,
        atol=1e-5 if method == "reml" else 1e-4,
    )


def test_the_hard_references_stay():
    assert {s.split("/")[0] for s in FITS} == set(AXES)
    assert {s.split("/", 2)[2] for s in FITS} == {"ml/1", "ml/25", "reml/1"}
    assert len(FITS) == 30


@pytest.mark.parametrize("source", ["cbpp", "ucb", "strata16"])
def test_intercepts_as_glmmtmb(source):
    model, fit = list(fitted(source).fits.items())[-1]
    rows = REFERENCE.loc[f"{source}/{model}/reml/1"].loc["estimate"].drop("variance")
    labels = (
        fitted(source)
        .strata.frame[list(AXES[source][0])]
        .astype(str)
        .agg(" ".join, axis=1)
    )
    np.testing.assert_allclose(
        fit.intercepts, rows[[f"intercept {label}" for label in labels]], atol=2e-5
    )


def test_single_answers_as_grouped_counts_in_lme4():
    """glmer on one row for each animal gives what glmer on counts gives, and what we give."""
    single = REFERENCE["cbpp/null/ml/25/single", "estimate", "variance"]
    assert fitted("cbpp", "ml", 25).fits["null"].variance == pytest.approx(
        single, rel=1e-5
    )


def test_profile_interval_as_glmmtmb_with_held_variance():
    row = fitted("strata16").interval("vpc").frame.iloc[0]
    for end in ("conf_low", "conf_high"):
        v = REFERENCE["strata16/null/reml/1", end, "variance"]
        assert row[end] == pytest.approx(v / (v + np.pi**2 / 3), rel=5e-4)


# -- printed numbers ----------------------------------------------------------------------------------------------------


def test_cbpp_as_printed():
    """Laplace: lme4's ?glmer, made with its loose default; 9 and 25 points: reference numbers section 5.4."""
    laplace, nine, many = (fitted("cbpp", "ml", points) for points in (1, 9, 25))
    assert laplace.fits["adjusted"].variance == pytest.approx(0.4122538, rel=1e-3)
    printed = [-1.398342864, -0.991924975, -1.128216216, -1.579745414]
    np.testing.assert_allclose(laplace.fits["adjusted"].coef, printed, atol=1e-3)
    assert laplace.fits["adjusted"].aic == pytest.approx(194.0531, abs=1e-3)
    assert (
        laplace.fits["adjusted"].aic <= 194.0531
    )  # the printed one is that of a loose optimum
    assert np.isnan(fitted("cbpp").fits["adjusted"].aic)
    assert nine.fits["adjusted"].variance == pytest.approx(0.41927938, rel=1e-5)
    printed = [-1.399219444, -0.991408657, -1.127812837, -1.579487774]
    np.testing.assert_allclose(nine.fits["adjusted"].coef, printed, atol=2e-5)
    assert many.fits["adjusted"].variance == pytest.approx(0.41928204, rel=1e-5)
    np.testing.assert_allclose(many.models["vpc"], [0.169146, 0.113040], atol=3e-6)
    assert many.pcv == pytest.approx(0.373978, abs=1e-5)
    assert many.mor == pytest.approx(2.182860, abs=1e-5)


def test_obesity_in_50_strata_as_printed():
    """Vignette binary_outcomes of R's MAIHDA 0.1.11 (glmer's loose default, good to 1e-4 of the variance)."""
    fit = fitted("health", "ml")
    assert fit.fits["null"].coef["Intercept"] == pytest.approx(-0.616, abs=5e-4)
    assert fit.fits["null"].variance == pytest.approx(0.2226674389, rel=1e-4)
    assert (fit.vpc, fit.mor) == (
        pytest.approx(0.06339222, abs=1e-5),
        pytest.approx(1.568484786, abs=5e-5),
    )
    assert fit.auc == pytest.approx(0.6261898, abs=1e-6)
    assert fit.models.loc["null", "vpc_response"] == pytest.approx(
        0.0478, rel=0.05
    )  # printed from a simulation
    assert fit.models["vpc_response"].isna().tolist() == [False, True]


def test_the_response_scale_vpc_as_simulated_and_integrated():
    """Goldstein, Browne and Rasbash (2002): by integration, and by a million draws of the strata."""
    from scipy.integrate import quad
    from scipy.stats import norm

    null = fitted("health").fits["null"]
    intercept, sigma = null.coef["Intercept"], np.sqrt(null.variance)
    moments = [
        quad(lambda z, k=k: norm.pdf(z) * expit(intercept + sigma * z) ** k, -12, 12)[0]
        for k in (1, 2)
    ]
    exact = (moments[1] - moments[0] ** 2) / (moments[0] * (1 - moments[0]))
    assert null.vpc_response == pytest.approx(exact, rel=1e-7)
    drawn = expit(
        intercept + sigma * np.random.default_rng(0).standard_normal(1_000_000)
    )
    simulated = drawn.var() / (drawn.var() + (drawn * (1 - drawn)).mean())
    assert null.vpc_response == pytest.approx(simulated, rel=0.01)


def test_obesity_with_age_as_printed(data_file):
    people = pd.read_csv(data_file("maihda", "maihda_health_data.csv"))
    people["obese"] = (people["Obese"] == "Yes").astype(float)
    strata = ["Gender", "Race", "Education"]
    whole = tl.compress(tl.SurveyDesign(people, weight=None), "obese", [*strata, "Age"])
    aged = maihda(whole, strata, ["Age"], method="ml").models.loc["adjusted"]
    assert aged["variance"] == pytest.approx(0.218941, rel=1e-4)
    np.testing.assert_allclose(
        aged[["pcv", "auc", "mor"]].astype(float), [0.0167, 0.628, 1.563], atol=5e-4
    )


# -- oracle -------------------------------------------------------------------------------------------------------------


def log_likelihood(beta, sigma, x, n, events, stratum):
    """The marginal log-likelihood by numerical integration, one stratum at a time."""
    total = 0.0
    for j in sorted(set(stratum)):
        rows = [i for i in range(len(n)) if stratum[i] == j]

        def log_integrand(b, rows=rows):
            eta = np.array([x[i] @ beta + sigma * b for i in rows])
            return (
                sum(
                    events[i] * e - n[i] * np.logaddexp(0, e)
                    for i, e in zip(rows, eta, strict=True)
                )
                - b * b / 2
            )

        grid = np.linspace(-8, 8, 321)
        peak = max(log_integrand(b) for b in grid)
        centre = grid[np.argmax([log_integrand(b) for b in grid])]
        value, _ = quad(
            lambda b: np.exp(log_integrand(b) - peak),  # noqa: B023
            centre - 6,
            centre + 6,
            epsabs=1e-13,
            epsrel=1e-11,
        )
        total += np.log(value / np.sqrt(2 * np.pi)) + peak
    return total


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(3)
    stratum = np.repeat(np.arange(5), 2)
    x = np.c_[np.ones(10), np.tile([0.0, 1.0], 5)]
    n = rng.integers(8, 40, 10).astype(float)
    events = np.array([rng.binomial(int(k), 0.4) for k in n], float)
    events[2:4] = 0  # nobody in one stratum
    return Counts.of(n, events, stratum, x)


@pytest.mark.parametrize("sigma", [0.2, 0.9])
def test_quadrature_as_numerical_integration(small, sigma):
    beta = np.array([-0.4, 0.3])
    expected = log_likelihood(
        beta, sigma, small.x, small.n, small.events, small.stratum
    )
    value = [
        -minus_log_likelihood(np.r_[beta, sigma], small, k)[0] for k in (1, 5, 25, 60)
    ]
    assert value[3] == pytest.approx(expected, abs=1e-8)
    error = np.abs(np.array(value) - expected)
    assert error[0] < 0.2
    assert error[0] > error[1] > error[2]


@pytest.mark.parametrize("points", [1, 2, 7, 25])
def test_gradient_is_that_of_the_approximation(small, points):
    theta = np.array([-0.4, 0.3, 0.7])
    value = lambda t: minus_log_likelihood(t, small, points)[0]  # noqa: E731
    assert (
        check_grad(value, lambda t: minus_log_likelihood(t, small, points)[1], theta)
        < 1e-5
    )


def test_estimate_as_the_maximum_of_the_integrated_likelihood(small):
    counts = pd.DataFrame(
        {"s": [f"s{j}" for j in small.stratum], "t": [f"t{v:g}" for v in small.x[:, 1]]}
    )
    counts = counts.assign(n=small.n.astype(int), events=small.events.astype(int))
    fit = maihda(
        cells_of(counts, ["s", "t"]), ["s"], ["t"], method="ml", points=40
    ).fits["adjusted"]
    best, args = (
        np.r_[fit.coef, np.sqrt(fit.variance)],
        (small.x, small.n, small.events, small.stratum),
    )
    for step in 1e-3 * np.eye(3):
        below, at, above = (
            log_likelihood(v[:2], v[2], *args) for v in (best - step, best, best + step)
        )
        assert max(below, above) < at
        vertex = 1e-3 * (below - above) / (2 * (below - 2 * at + above))
        assert abs(vertex) < 1e-5


def test_reml_likelihood_as_dense_algebra(small):
    """Laplace's approximation over all of (beta, u) at once, with the full Hessian and a general optimiser."""
    z = np.eye(5)[small.stratum]

    def deviance(sigma):
        def minus(v):
            eta = small.x @ v[:2] + z @ v[2:]
            return -(small.events @ eta - small.n @ np.log1p(np.exp(eta))) + v[2:] @ v[
                2:
            ] / (2 * sigma**2)

        mode = minimize(minus, np.zeros(7), method="BFGS", options={"gtol": 1e-9}).x
        mu = expit(small.x @ mode[:2] + z @ mode[2:])
        m = np.c_[small.x, z]
        hessian = (m * (small.n * mu * (1 - mu))[:, None]).T @ m + np.diag(
            [0, 0] + [1 / sigma**2] * 5
        )
        return 2 * minus(mode) + np.linalg.slogdet(hessian)[1] + 10 * np.log(sigma)

    sigma = restricted(small).sigma
    around = np.array([deviance(s) for s in sigma + np.array([-0.02, 0, 0.02])])
    assert around[1] < around[0]
    assert around[1] < around[2]
    vertex = (
        0.02 * (around[0] - around[2]) / (2 * (around[0] - 2 * around[1] + around[2]))
    )
    assert abs(vertex) < 1e-3


def test_auc_by_pairs():
    rng = np.random.default_rng(1)
    p, n = np.array([0.2, 0.5, 0.5, 0.7, 0.9]), np.array([4, 6, 3, 5, 2])
    events = rng.binomial(n, p)
    yes, no = np.repeat(p, events), np.repeat(p, n - events)
    pairs = np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no])
    assert auc(p, n, events) == pytest.approx(pairs, abs=1e-14)


# -- identities ---------------------------------------------------------------------------------------------------------


def test_ladder_of_measures():
    fit = fitted("strata16")
    assert list(fit.fits) == ["null", "additive"]
    v = fit.models["variance"]
    np.testing.assert_allclose(fit.models["vpc"], v / (v + np.pi**2 / 3), rtol=1e-14)
    np.testing.assert_allclose(
        fit.models["mor"], np.exp(0.674489750196082 * np.sqrt(2 * v)), rtol=1e-12
    )
    assert fit.pcv == pytest.approx(1 - v["additive"] / v["null"], rel=1e-14)
    assert np.isnan(fit.models.loc["null", "pcv"])
    assert (fit.vpc, fit.mor, fit.auc) == tuple(
        fit.models.loc["null", ["vpc", "mor", "auc"]]
    )


def test_covariates_make_three_models():
    fit = maihda(cells("strata16"), ["a", "b"], ["c"])
    assert list(fit.fits) == ["null", "adjusted", "additive"]
    assert list(fit.fits["adjusted"].coef.index) == ["Intercept", "c[T.l02]"]
    assert set(fit.fits["additive"].coef.index) > set(fit.fits["adjusted"].coef.index)
    assert len(fit.strata) == 8


def test_axes_that_are_not_named_are_summed_over():
    counts = DATA[DATA["source"] == "strata16"]
    summed = counts.groupby(["a", "b"])[["n", "events"]].sum().reset_index()
    whole, part = (
        maihda(cells("strata16"), ["a", "b"]),
        maihda(cells_of(summed, ["a", "b"])),
    )
    pd.testing.assert_frame_equal(whole.models, part.models)


def test_order_of_axes_does_not_matter():
    one, two = fitted("strata16"), maihda(cells("strata16"), ["c", "a", "b"])
    np.testing.assert_allclose(one.models, two.models, rtol=1e-6)


def test_shrunken_values_lie_between_raw_and_additive():
    fit = fitted("strata16")
    frame = fit.strata.frame
    low, high = (
        np.array(v)
        for v in (
            frame[["raw", "additive"]].min(axis=1),
            frame[["raw", "additive"]].max(axis=1),
        )
    )
    assert ((low < frame["estimate"]) & (frame["estimate"] < high)).all()
    assert (
        (frame["conf_low"] < frame["estimate"])
        & (frame["estimate"] < frame["conf_high"])
    ).all()
    np.testing.assert_allclose(
        fit.excess.frame["estimate"], frame["estimate"] - frame["additive"], atol=1e-15
    )


def test_columns_beside_the_shrunken_value():
    frame = fitted("strata16").strata.frame
    means = tl.cell_means(cells("strata16")).frame
    for ours, theirs in (
        ("weighted", "estimate"),
        ("weighted_low", "conf_low"),
        ("weighted_high", "conf_high"),
    ):
        np.testing.assert_allclose(frame[ours], means[theirs], rtol=1e-12)
    np.testing.assert_allclose(
        frame["raw"], means["estimate"], rtol=1e-12
    )  # without weights


def test_standard_errors_as_the_inverse_of_the_full_hessian():
    """Delta method over all of (beta, b) at once."""
    fit = fitted("strata16")
    last = fit.fits["additive"]
    c, sigma = last.counts, np.sqrt(last.variance)
    m = np.c_[c.x, sigma * np.eye(16)[c.stratum]]
    mu = last.probabilities()
    hessian = (m * (c.n * mu * (1 - mu))[:, None]).T @ m + np.diag(
        np.r_[np.zeros(c.x.shape[1]), np.ones(16)]
    )
    covariance = np.linalg.inv(hessian)
    jacobian = (mu * (1 - mu))[:, None] * m
    np.testing.assert_allclose(
        fit.strata.vcov, jacobian @ covariance @ jacobian.T, rtol=1e-8, atol=1e-14
    )
    fixed = last.probabilities(shrunken=False)
    jacobian -= (fixed * (1 - fixed))[:, None] * np.c_[c.x, np.zeros((16, 16))]
    np.testing.assert_allclose(
        fit.excess.vcov, jacobian @ covariance @ jacobian.T, rtol=1e-8, atol=1e-14
    )


def test_strata_are_levels_for_the_other_verbs():
    strata = fitted("strata16").strata
    gaps = tl.comparisons(strata, {"a": "l01"})
    assert len(gaps) == 8
    assert np.isfinite(gaps.frame["std_error"]).all()
    assert "<table" in tl.table(strata)._repr_html_()
    assert "<table" in tl.table(fitted("strata16").excess)._repr_html_()


def test_conventions_name_the_approximation():
    assert "REML-Laplace approximation" in fitted("cbpp").convention
    assert (
        "maximum likelihood, Laplace approximation" in fitted("cbpp", "ml").convention
    )
    assert (
        "adaptive Gauss-Hermite quadrature, 25 points"
        in fitted("cbpp", "ml", 25).convention
    )
    assert "REML-Laplace approximation" in fitted("strata16").excess.convention


# -- intervals ----------------------------------------------------------------------------------------------------------


def test_interval_of_the_pcv():
    fit = fitted("strata16")
    one, again = (fit.interval("pcv", draws=400, seed=5).frame for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    row = one.iloc[0]
    assert len(one) == 1
    assert 0 <= row["conf_low"] < row["estimate"] < row["conf_high"] <= 1
    assert not one.equals(fit.interval("pcv", draws=400, seed=6).frame)
    assert "seed 5" in fit.interval("pcv", draws=400, seed=5).convention


def test_interval_of_vpc_and_mor_are_one_interval():
    vpc, mor = (fitted("strata16").interval(m).frame for m in ("vpc", "mor"))
    ends = vpc[["conf_low", "conf_high"]].to_numpy()
    variance = ends * np.pi**2 / 3 / (1 - ends)
    np.testing.assert_allclose(
        mor[["conf_low", "conf_high"]],
        np.exp(0.674489750196082 * np.sqrt(2 * variance)),
        rtol=1e-9,
    )


# -- bias of the two methods --------------------------------------------------------------------------------------------


def test_reml_is_nearly_unbiased_and_maximum_likelihood_is_not():
    """150 surveys of 16 strata, additive variance 0.09, 6 fixed effects: ML loses about 6/16 of the variance."""
    rng = np.random.default_rng(12)
    x = pd.get_dummies(simulated(rng)[list("abc")], drop_first=True).to_numpy(float)
    found = []
    for _ in range(150):
        counts = simulated(rng, n=12_000, sd=0.3)
        n, events = counts["n"].to_numpy(float), counts["events"].to_numpy(float)
        c = Counts.of(n, events, np.arange(16), np.c_[np.ones(16), x])
        found.append([restricted(c).sigma ** 2, maximum_likelihood(c, 1).sigma ** 2])
    reml, ml = np.mean(found, axis=0)
    assert 0.08 < reml < 0.10
    assert 0.03 < ml < 0.065


# -- data that misbehave ------------------------------------------------------------------------------------------------


def flat(share=0.3):
    """Every stratum has the same proportion."""
    grid = pd.MultiIndex.from_product(
        [["m", "w"], ["x", "y", "z"], ["n", "y"]], names=list("abc")
    ).to_frame(index=False)
    return grid.assign(n=100, events=round(100 * share))


@pytest.mark.parametrize(("method", "points"), [("reml", 1), ("ml", 1), ("ml", 9)])
def test_no_variance_is_zero_and_said(method, points):
    fit = maihda(cells_of(flat(), list("abc")), method=method, points=points)
    assert (fit.models["variance"] == 0).all()
    assert (fit.vpc, fit.mor, fit.auc) == (0, 1, 0.5)
    assert np.isnan(fit.pcv)
    assert len(fit.notes) == 3
    assert "boundary" in fit.notes[0]
    assert "not defined" in fit.notes[2]
    assert fit.strata.notes == fit.notes
    excess = fit.excess.frame
    np.testing.assert_allclose(excess["estimate"], 0, atol=1e-15)
    assert excess[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    with pytest.raises(tl.EstimandError, match="no interval"):
        fit.interval("pcv")


def test_interval_of_a_vpc_on_the_boundary_starts_at_zero():
    row = maihda(cells_of(flat(), list("abc"))).interval("vpc").frame.iloc[0]
    assert row["conf_low"] == 0
    assert 0 < row["conf_high"] < 0.05


@pytest.mark.parametrize("events", [0, 1])
def test_a_stratum_with_nobody_or_everybody_is_fine(events):
    counts = simulated(np.random.default_rng(2))
    counts.loc[5, "events"] = events * counts.loc[5, "n"]
    fit = maihda(cells_of(counts, list("abc")))
    row = fit.strata.frame.iloc[5]
    assert row["raw"] == events
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"] < 1


def test_separated_main_effects_are_refused():
    counts = simulated(np.random.default_rng(2))
    counts.loc[counts["b"] == "l2", "events"] = 0
    with pytest.raises(tl.SeparationError):
        maihda(cells_of(counts, list("abc")))


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_a_variance_without_maximum_is_refused(method):
    counts = flat().assign(events=lambda f: np.where(np.arange(len(f)) % 5 < 2, 100, 0))
    with pytest.raises((tl.ConvergenceError, tl.SeparationError)):
        maihda(cells_of(counts, list("abc")), method=method)


def test_main_effects_that_leave_no_strata_are_refused():
    counts = pd.DataFrame(
        {
            "a": ["m", "w", "w"],
            "b": ["x", "x", "y"],
            "n": [90, 80, 70],
            "events": [30, 40, 20],
        }
    )
    with pytest.raises(tl.RankError, match="nothing to vary"):
        maihda(cells_of(counts, ["a", "b"]))


def test_numeric_strata_have_main_effects_of_levels():
    counts = DATA[DATA["source"] == "strata16"]
    numeric = counts.assign(b=counts["b"].str[1:].astype(float))
    as_number, as_text = maihda(cells_of(numeric, list("abc"))), fitted("strata16")
    np.testing.assert_allclose(as_number.models, as_text.models, rtol=1e-9)


def test_axes_with_spaces():
    counts = DATA[DATA["source"] == "strata16"].rename(columns={"a": "an axis"})
    fit = maihda(cells_of(counts, ["an axis", "b", "c"]))
    np.testing.assert_allclose(fit.models, fitted("strata16").models, rtol=1e-9)


def test_bad_options_are_refused():
    c = cells("strata16")
    for options in (
        {"method": "bayes"}, {"strata": ["a", "bb"]}, {"covariates": ["d"]}, {"weights": "yes"},
    ):  # fmt: skip
        with pytest.raises(tl.UnknownNameError):
            maihda(c, **options)
    for options in (
        {"strata": []}, {"strata": ["a", "b"], "covariates": ["b"]}, {"points": 9}, {"method": "ml", "points": 0},
        {"method": "ml", "points": 2.5}, {"strata": ["a", "a"]},
    ):  # fmt: skip
        with pytest.raises(tl.EstimandError):
            maihda(c, **options)
    with pytest.raises(tl.EstimandError, match="Cells"):
        maihda(c.frame)
    with pytest.raises(tl.DesignError, match="clash with the columns of results"):
        maihda(cells_of(flat().rename(columns={"a": "raw"}), ["raw", "b"]))
    with pytest.raises(tl.EstimandError, match="cannot be strata"):
        maihda(c, strata=["a"], covariates=["a"])
    with pytest.raises(tl.EstimandError, match="maximum likelihood"):
        fitted("strata16", "ml").interval("vpc")
    with pytest.raises(tl.UnknownNameError):
        fitted("strata16").interval("auc")


# -- weights ------------------------------------------------------------------------------------------------------------


@cache
def weighted_cells():
    rng = np.random.default_rng(8)
    counts = simulated(rng, n=4000)
    people = counts.loc[counts.index.repeat(counts["n"]), list("abc")].reset_index(
        drop=True
    )
    people["y"] = (rng.random(len(people)) < 0.3 + 0.2 * (people["b"] == "l1")).astype(
        float
    )
    people["w"] = rng.uniform(0.3, 3, len(people)) * np.where(people["y"] == 1, 1.5, 1)
    return tl.compress(tl.SurveyDesign(people, weight="w"), "y", list("abc"))


def test_weights_replace_proportions_and_people_by_their_worth():
    c = weighted_cells()
    fit = maihda(c, weights=True)
    frame = c.frame
    counts = fit.fits["null"].counts
    worth = frame["sum_w"] ** 2 / frame["sum_w2"]  # Kish's effective people
    np.testing.assert_allclose(counts.n, worth, rtol=1e-14)
    np.testing.assert_allclose(
        counts.events, worth * frame["sum_wy"] / frame["sum_w"], rtol=1e-14
    )
    assert "population-weighted point estimates" in fit.convention
    assert not np.allclose(
        fit.models["variance"], maihda(c).models["variance"], rtol=1e-3
    )
    strata = fit.strata
    assert strata.frame[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert strata.frame["weighted_low"].notna().all()
    assert fit.excess.frame[["std_error", "conf_low", "p_value"]].isna().all(axis=None)
    assert "population-weighted point estimates" in strata.convention
    with pytest.raises(tl.EstimandError, match="population-weighted"):
        fit.interval("vpc")


WEIGHTED = (
    pd.read_csv(HERE / "reference" / "maihda_weighted.csv")
    .set_index(["scenario", "quantity", "name"])["value"]
    .sort_index()
)


@pytest.mark.parametrize(
    ("scenario", "strata", "covariates"),
    [
        ("strata/null", ["a", "b", "c"], []),
        ("strata/additive", ["a", "b", "c"], []),
        ("covariate/null", ["a", "b"], ["c"]),
        ("covariate/adjusted", ["a", "b"], ["c"]),
    ],
)
def test_weighted_shares_as_lme4_on_effective_people(scenario, strata, covariates):
    """Cells of a covariate are finer than strata: each has its own effective people."""
    people = pd.read_csv(HERE / "reference" / "maihda_weighted_data.csv")
    made = tl.compress(tl.SurveyDesign(people, "w"), "y", ["a", "b", "c"])
    for c in (made, made.seal()):
        fits = maihda(c, strata, covariates, weights=True, method="ml").fits
        fit = fits[scenario.split("/")[1]]
        assert fit.variance == pytest.approx(
            WEIGHTED[scenario, "estimate", "variance"], rel=1e-5
        )
        expected = WEIGHTED.loc[scenario].loc["coef"]
        np.testing.assert_allclose(fit.coef, expected[fit.coef.index], atol=1e-6)


def test_weighted_maximum_is_that_of_numerical_integration():
    """A Newton step of the integrated likelihood of Kish's effective people from our estimate is nothing."""
    cells = weighted_cells()
    fit = maihda(cells, weights=True, method="ml", points=60).fits["null"]
    frame = cells.frame
    n = (frame["sum_w"] ** 2 / frame["sum_w2"]).to_numpy()
    events = n * (frame["sum_wy"] / frame["sum_w"]).to_numpy()
    ones = np.ones((len(n), 1))
    at = np.r_[fit.coef.to_numpy(), np.sqrt(fit.variance)]

    def value(theta):
        return log_likelihood(theta[:1], theta[1], ones, n, events, np.arange(len(n)))

    h = 1e-4
    step = h * np.eye(2)
    up = np.array([value(at + each) for each in step])
    down = np.array([value(at - each) for each in step])
    slope = (up - down) / (2 * h)
    curvature = (up - 2 * value(at) + down) / h**2
    assert (curvature < 0).all()
    np.testing.assert_allclose(slope / curvature / at, 0, atol=1e-6)


def test_noise_of_weights_is_no_variance_between_strata():
    """Uneven weights that say nothing of the answers: the plain number of people finds twice the variance."""
    found, by_head = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        counts = simulated(rng, n=3000, sd=np.sqrt(0.05), levels=(3, 4, 3))
        one = cells_of(counts, list("abc"))
        people = one.frame.loc[one.frame.index.repeat(one.frame["n"]), list("abc")]
        order = one.frame[["n", "n_events"]].to_numpy()
        people["y"] = np.concatenate(
            [np.r_[np.ones(yes), np.zeros(n - yes)] for n, yes in order]
        )
        people["w"] = np.exp(rng.standard_normal(len(people)))
        made = tl.compress(tl.SurveyDesign(people.reset_index(), "w"), "y", list("abc"))
        found.append(maihda(made, weights=True).models.loc["additive", "variance"])
        frame = made.frame.assign(sum_w2=made.frame["sum_w"] ** 2 / made.frame["n"])
        plain = maihda(replace(made, frame=frame), weights=True)
        by_head.append(plain.models.loc["additive", "variance"])
    assert 0.03 < np.mean(found) < 0.08
    assert np.mean(by_head) > 0.1


def test_equal_weights_change_nothing():
    c = cells("strata16")
    np.testing.assert_allclose(
        maihda(c, weights=True).models, maihda(c).models, rtol=1e-9
    )


def test_sealed_cells_need_weights():
    sealed = weighted_cells().seal()
    with pytest.raises(tl.EstimandError, match="weights=True"):
        maihda(sealed)
    fit, open_fit = maihda(sealed, weights=True), maihda(weighted_cells(), weights=True)
    pd.testing.assert_frame_equal(fit.models, open_fit.models)
    assert fit.strata.frame["raw"].isna().all()
    np.testing.assert_allclose(
        fit.strata.frame["weighted"], open_fit.strata.frame["weighted"], rtol=1e-12
    )


# -- disclosure ---------------------------------------------------------------------------------------------------------


def test_small_strata_do_not_pass_the_gate():
    counts = simulated(np.random.default_rng(4))
    counts.loc[3, ["n", "events"]] = [9, 4]
    fit = maihda(cells_of(counts, list("abc")))
    for estimates in (fit.strata, fit.excess):
        assert estimates.smallest[3] == 4
        with pytest.raises(tl.DisclosureError):
            estimates.require_showable()
        with pytest.raises(tl.DisclosureError):
            tl.table(estimates)
        assert "not shown" in repr(estimates)
        with pytest.raises(
            tl.DisclosureError
        ):  # with the margins the others would tell it
            estimates.where(np.arange(16) != 3).require_showable()
    with pytest.raises(tl.DisclosureError):
        fit.interval("vpc").require_showable()
    assert repr(fit) == f"<MaihdaFit: y; null, additive; {fit.convention}>"
    assert "object at" in repr(fit.fits["null"])
