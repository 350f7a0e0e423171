"""Raked weights, bootstrap weights, design effects and Rao-Scott tests: R's survey, a row-by-row oracle, identities."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oracle
import trustlib as tl
from contract import DESIGN_ERROR, UNKNOWN, ids, refused
from samples import FRAME, people, standard_error
from trustlib.drawing import Bounds
from trustlib.tabulation import design_effects, rao_scott
from trustlib.variance import without_margins
from trustlib.weighting import bootstrap_weights, kish, rake

pytestmark = pytest.mark.filterwarnings(
    "ignore::trustlib.MissingRowsWarning", "ignore::trustlib.FewPSUWarning"
)
REFERENCE = {
    scenario: part.set_index(["quantity", "name"])["value"]
    for scenario, part in pd.read_csv(
        Path(__file__).parent / "reference" / "weighting.csv"
    ).groupby("scenario")
}
POPULATION = {
    "stype": {"E": 4421, "H": 755, "M": 1018},
    "sch.wide": {"No": 1072, "Yes": 5122},
}
API = {
    "strata+fpc": {"strata": "stype", "fpc": "fpc"},
    "strata+psu+fpc": {"strata": "stype", "psu": "dnum", "nest": True, "fpc": "fpc"},
    "psu": {"psu": "dnum"},
    "psu+fpc": {"psu": "dnum", "fpc": "fpc"},
}
quick = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@cache
def schools(data_file, name):
    d = pd.read_csv(data_file("r_survey", f"{name}.csv"))
    outcomes = {
        "above600": d["api00"] > 600,
        "schoolwide": d["sch.wide"] == "Yes",
        "no_ell": d["ell"] == 0,
    }
    return d.assign(
        **{k: v.astype(float) for k, v in outcomes.items()}, improved=d["comp.imp"]
    )


@cache
def adjusted(data_file, sample, margins):
    """The schools with weights raked to some margins; above600 is unknown in every seventh of the column `partly`."""
    d = schools(data_file, sample)
    new = rake(
        tl.SurveyDesign(d, "pw"),
        {c: POPULATION[c] for c in margins.split(",")},
        tolerance=1e-13,
    )
    return d.assign(raked=new, partly=d["above600"].where(d["snum"] % 7 != 0))


def design_of(data_file, sample, how, margins=None):
    if margins is None:
        return tl.SurveyDesign(schools(data_file, sample), weight="pw", **API[how])
    options = {"weight": "raked", "raked": margins.split(","), "base_weight": "pw"}
    return tl.SurveyDesign(adjusted(data_file, sample, margins), **options, **API[how])


def parts(scenario):
    """sample, design, margins (or None), outcome, what is asked, of which axes, in which domain (or None)."""
    _, sample, how, *rest = scenario.split("/")
    margins = rest.pop(0) if rest[0] in ("stype", "stype,sch.wide") else None
    return sample, how, margins, *rest, *[None] * (4 - len(rest))


def of_kind(kind):
    return [s for s in REFERENCE if f"/{kind}" in s]


# -- raked weights ------------------------------------------------------------------------------------------------------


def test_the_reference_covers_the_hard_cases():
    kinds = {kind: len(of_kind(kind)) for kind in ("levels/", "logit/", "mean", "total", "ratio", "weights", "rao_scott/", "design_effects")}  # fmt: skip
    assert kinds == {"levels/": 96, "logit/": 24, "mean": 8, "total": 7, "ratio": 7, "weights": 3, "rao_scott/": 9, "design_effects": 12}  # fmt: skip
    assert len(REFERENCE) == sum(kinds.values()) + 1  # Kish


@pytest.mark.parametrize("scenario", of_kind("weights"))
def test_raked_weights_as_r(scenario, data_file):
    """numbers.md, raking: E/No 39.839236, E/Yes 29.870675, H/No 67.125529, ... for apiclus1; n_eff 174.011158551."""
    sample, *_ = parts(scenario)
    d = adjusted(data_file, sample, "stype,sch.wide")
    found = d.groupby(["stype", "sch.wide"])["raked"].mean()
    found.index = [f"stype={a};sch.wide={b}" for a, b in found.index]
    expected = REFERENCE[scenario]["estimate"]
    np.testing.assert_allclose(found[expected.index], expected, rtol=1e-10)
    if sample == "apiclus1":
        assert found["stype=E;sch.wide=No"] == pytest.approx(39.839236, abs=5e-7)
        assert kish(d["raked"])["n_eff"] == pytest.approx(174.011158551, rel=1e-9)


@pytest.mark.parametrize("scenario", [*of_kind("levels/"), *of_kind("logit/")])
def test_raked_levels_and_models_as_r(scenario, data_file):
    sample, how, margins, outcome, kind, what, domain = parts(scenario)
    design = design_of(data_file, sample, how, margins)
    by = ["improved", "meals"] if kind == "logit" else [what]
    if domain == "answered":
        outcome = "partly" if outcome == "above600" else outcome
        design = design if outcome == "partly" else design.domain("snum % 7 != 0")
    elif domain:
        design = design.domain("stype != 'H'")
    cells = tl.compress(design, outcome, [] if what == "all" else by)
    expected = REFERENCE[scenario]
    if kind == "logit":
        fit = tl.fit_logit(cells, "improved + meals")
        found = {
            ("coef", n.replace("improved", "comp.imp")): v for n, v in fit.coef.items()
        }
        found |= {
            ("se", n.replace("improved", "comp.imp")): v
            for n, v in fit.std_error.items()
        }
    else:
        found = {("df", "design"): cells.df}
        for row in tl.cell_means(cells).frame.to_dict("records"):
            name = "all" if what == "all" else f"{what}={row[what]}"
            found |= {
                ("estimate", name): row["estimate"],
                ("se", name): row["std_error"],
            }
    np.testing.assert_allclose(
        [found[k] for k in expected.index], expected, rtol=1e-10, atol=1e-13
    )
    for sealed in (
        [cells.seal()] if cells.counts(cells.by)["smallest"].min() >= 10 else []
    ):
        np.testing.assert_allclose(
            tl.cell_means(sealed).vcov, tl.cell_means(cells).vcov, rtol=1e-8, atol=1e-15
        )


def ways(how):
    return {k: v for k, v in API[how].items() if k != "nest"}


def linear(data_file, scenario):
    """Estimate and linearised values u of a continuous variable: a mean, a total, a ratio; z = w u."""
    sample, how, margins, variables, kind, *_ = parts(scenario)
    d = adjusted(data_file, sample, margins)
    w, columns = (
        d["raked"].to_numpy(),
        [d[c].to_numpy(float) for c in variables.split(",")],
    )
    if kind == "total":
        return d, how, margins, w @ columns[0], columns[0]
    below = columns[1] if kind == "ratio" else np.ones(len(d))
    value = (w @ columns[0]) / (w @ below)
    return d, how, margins, value, (columns[0] - value * below) / (w @ below)


@pytest.mark.parametrize(
    "scenario", [*of_kind("mean"), *of_kind("total"), *of_kind("ratio")]
)
def test_continuous_variables_on_arrays_as_r(scenario, data_file):
    d, how, margins, value, u = linear(data_file, scenario)
    dummies = pd.get_dummies(d[margins.split(",")], dtype=float).to_numpy()
    rest = without_margins(u[:, None], dummies, d["pw"].to_numpy())[:, 0]
    expected = REFERENCE[scenario]
    assert value == pytest.approx(expected["estimate", "all"], rel=1e-10)
    assert standard_error(d, d["raked"] * rest, **ways(how)) == pytest.approx(
        expected["se", "all"], rel=1e-10
    )


def test_printed_numbers_of_raking_and_what_fixed_weights_lose(data_file):
    """numbers.md, raking (R, `svy`): 641.2303209; SE 23.70362 raked and 23.80621 fixed, without fpc 23.94201, 24.04563."""
    for how, printed in (
        ("psu+fpc", (23.70362, 23.80621)),
        ("psu", (23.94201, 24.04563)),
    ):
        d, _, margins, value, u = linear(
            data_file, f"weighting/apiclus1/{how}/stype,sch.wide/api00/mean"
        )
        dummies = pd.get_dummies(d[margins.split(",")], dtype=float).to_numpy()
        rest = without_margins(u[:, None], dummies, d["pw"].to_numpy())[:, 0]
        assert value == pytest.approx(641.2303209, abs=1e-7)
        found = [standard_error(d, d["raked"] * v, **ways(how)) for v in (rest, u)]
        np.testing.assert_allclose(found, printed, atol=6e-6)


def test_post_stratified_standard_error_as_printed(data_file):
    """R survey tests/testoutput/api.Rout.saved: mean api00 642.31, SE 23.921 (23.92049, which R rounds twice)."""
    d, how, _, value, u = linear(
        data_file, "weighting/apiclus1/psu+fpc/stype/api00/mean"
    )
    within = (
        u - d.assign(u=u).groupby("stype")["u"].transform("mean").to_numpy()
    )  # equal base weights
    assert value == pytest.approx(642.31, abs=0.005)
    assert standard_error(d, d["raked"] * within, **ways(how)) == pytest.approx(
        23.921, abs=6e-4
    )


def residual_of_rows(u, d, margins, weight):
    """Least squares on the rows, with dummies made one by one; NaN-free, everyone in the sample."""
    x = np.column_stack(
        [(d[c] == v).to_numpy(float) for c in margins for v in sorted(d[c].unique())]
    )
    root = np.sqrt(weight)[:, None]
    return u - x @ np.linalg.lstsq(x * root, u * root, rcond=None)[0]


def with_margins(seed, n=300):
    rng = np.random.default_rng(seed)
    d = people(seed, n, missing=True).assign(
        region=rng.choice(list("abc"), n), band=rng.choice([1.0, 2.0], n)
    )
    totals = {
        "region": {"a": 300.0, "b": 500, "c": 200},
        "band": {1.0: 450.0, 2.0: 550},
    }
    return d.assign(new=rake(tl.SurveyDesign(d, "w"), totals))


@quick
@given(seed=st.integers(0, 10_000), base=st.sampled_from([None, "w"]), margins=st.sampled_from([["region"], ["region", "band"]]),
       design=st.sampled_from([{}, {"strata": "stratum"}, {"strata": "stratum", "psu": "psu", "nest": True}, {"strata": "stratum", "fpc": "many"}]))  # fmt: skip
def test_raked_proportions_as_the_oracle(seed, base, margins, design):
    """People outside the domain, without an answer or with weight zero: no score, but a residual."""
    d = with_margins(seed).assign(many=lambda d: 100.0 + d["stratum"] * 40)
    made = tl.SurveyDesign(d, "new", raked=margins, base_weight=base, **design).domain(
        "age > 35"
    )
    levels = tl.cell_means(
        tl.compress(made, "y", ["gender", "disability"]), by=["gender"]
    )
    used = (
        d[["y", "gender"]].notna().all(axis=1) & (d["new"] > 0) & (d["age"] > 35)
    ).to_numpy()
    w, gender = d["new"].to_numpy(), d["gender"].astype(object).to_numpy()
    scores = oracle.proportion_scores(d["y"].to_numpy(), w, gender, used)
    u = scores / np.where(w > 0, w, 1)[:, None]
    scores = w[:, None] * residual_of_rows(u, d, margins, d[base or "new"].to_numpy())
    stratum = (
        d["stratum"].to_numpy() if "strata" in design else np.zeros(len(d), dtype=int)
    )
    psu = d["psu"].to_numpy() if "psu" in design else np.arange(len(d))
    population = dict(zip(stratum, d["many"], strict=True)) if "fpc" in design else None
    expected = oracle.taylor_covariance(
        scores, stratum, psu, np.ones(len(d), dtype=bool), population
    )
    np.testing.assert_allclose(levels.vcov, expected, rtol=1e-8, atol=1e-14)


@quick
@given(seed=st.integers(0, 10_000))
def test_a_margin_is_known_without_error(seed):
    """The share of a raked group, and its total, have no standard error; of one margin the base weight does not matter."""
    d = with_margins(seed)
    known = d.assign(y=(d["region"] == "a").astype(float))
    for base in ("w", None):
        design = tl.SurveyDesign(
            known, "new", raked=["region", "band"], base_weight=base, strata="stratum"
        )
        row = tl.cell_means(tl.compress(design, "y")).frame.iloc[0]
        assert row["estimate"] == pytest.approx(0.3, rel=1e-9)
        assert row["std_error"] < 1e-9
    one = d.assign(
        new=rake(tl.SurveyDesign(d, "w"), {"region": {"a": 3, "b": 5, "c": 2}})
    )
    se = [
        tl.cell_means(
            tl.compress(
                tl.SurveyDesign(one, "new", raked="region", base_weight=b),
                "y",
                "gender",
            )
        ).vcov
        for b in ("w", None)
    ]
    np.testing.assert_allclose(se[0], se[1], rtol=1e-10)


def test_raked_designs_of_every_engine_and_merged(tmp_path):
    d = with_margins(3, 2000)
    texts = d.astype(
        dict.fromkeys(["gender", "ethnicity", "disability"], object)
    ).where(lambda f: f.notna(), None)
    options = {
        "weight": "new",
        "raked": ["region", "band"],
        "base_weight": "w",
        "strata": "stratum",
    }
    one, other = (
        tl.compress(tl.SurveyDesign(f, **options), "y", ["gender"])
        for f in (d, pl.from_pandas(texts.infer_objects()).lazy())
    )
    np.testing.assert_allclose(
        tl.cell_means(other).vcov, tl.cell_means(one).vcov, rtol=1e-10, atol=1e-16
    )
    back = tl.Cells.read(one.write(tmp_path / "cells.parquet"))
    np.testing.assert_allclose(
        tl.cell_means(back).vcov, tl.cell_means(one).vcov, rtol=1e-10, atol=1e-16
    )


def test_the_convention_says_what_was_done_with_the_weights():
    d = with_margins(1)
    for options, words in (
        (
            {"raked": ["region", "band"]},
            "raked to region, band (margins taken into account)",
        ),
        ({}, "weights taken as fixed"),
    ):
        assert (
            words
            in tl.cell_means(
                tl.compress(tl.SurveyDesign(d, "new", **options), "y")
            ).convention
        )
    assert "fixed" not in tl.SurveyDesign(d, weight=None).variance


# -- raking -------------------------------------------------------------------------------------------------------------


@quick
@given(seed=st.integers(0, 10_000))
def test_raking_meets_its_margins_and_keeps_odds_ratios(seed):
    """The two things that define raking: the totals, and the interaction of the table that was there before."""
    d = with_margins(seed)
    tables = [
        d.pivot_table(
            values=c, index="region", columns="band", aggfunc="sum"
        ).to_numpy()
        for c in ("w", "new")
    ]
    np.testing.assert_allclose(tables[1].sum(axis=1), [300, 500, 200], rtol=1e-9)
    np.testing.assert_allclose(tables[1].sum(axis=0), [450, 550], rtol=1e-9)
    odds = [t[:2, 0] * t[1:, 1] / (t[:2, 1] * t[1:, 0]) for t in tables]
    np.testing.assert_allclose(odds[1], odds[0], rtol=1e-8)
    assert (d.loc[d["w"] == 0, "new"] == 0).all()


def test_raking_without_weights_and_other_engines():
    d = with_margins(2)
    totals = {"region": {"a": 3.0, "b": 5, "c": 2}}
    before = d["w"].copy()
    one, other = (
        rake(tl.SurveyDesign(f, "w"), totals)
        for f in (d, pl.from_pandas(d[["w", "region"]]).lazy())
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)
    pd.testing.assert_series_equal(d["w"], before)
    plain = rake(tl.SurveyDesign(pl.from_pandas(d[["region"]]), None), totals)
    np.testing.assert_allclose(plain, d["region"].map({"a": 3, "b": 5, "c": 2}) / d.groupby("region")["region"].transform("size"))  # fmt: skip


def test_trimmed_weights_meet_margins_and_bounds():
    d = with_margins(4)
    totals = {
        "region": {"a": 300.0, "b": 500, "c": 200},
        "band": {1.0: 450.0, 2.0: 550},
    }
    free, trimmed = (
        rake(tl.SurveyDesign(d, "w"), totals, **o) for o in ({}, {"bounds": (0.3, 1.8)})
    )
    assert free.max() / free.mean() > 1.9
    assert trimmed.max() / trimmed.mean() < 1.8 + 1e-8
    assert trimmed[trimmed > 0].min() / trimmed.mean() > 0.3 - 1e-8
    for c, total in totals.items():
        np.testing.assert_allclose(
            pd.Series(trimmed).groupby(d[c].to_numpy()).sum(),
            list(total.values()),
            rtol=1e-9,
        )
    assert kish(trimmed)["n_eff"] > kish(free)["n_eff"]


# -- bootstrap ----------------------------------------------------------------------------------------------------------

CLUSTERS = {"weight": "w", "strata": "stratum", "psu": "psu", "nest": True}


def many_psus(seed=0, n=2400):
    rng = np.random.default_rng(seed)
    return people(seed, n).assign(psu=rng.integers(0, 25, n))


def test_bootstrap_weights_draw_one_psu_less_than_there_are():
    """Exact for every replicate: a stratum's factors add up to n_h and are multiples of n_h/(n_h - 1)."""
    d = many_psus().assign(w=1.0)
    boot = bootstrap_weights(tl.SurveyDesign(d, **CLUSTERS), 40, seed=7)
    factor = boot.frame.groupby(["stratum", "psu"])[list(boot.replicate_weights)].agg(
        ["min", "max"]
    )
    low, high = (factor.xs(end, axis=1, level=1) for end in ("min", "max"))
    pd.testing.assert_frame_equal(low, high)  # people of one PSU are drawn together
    times = low / (25 / 24)
    np.testing.assert_allclose(times, times.round(), atol=1e-12)
    np.testing.assert_allclose(low.groupby("stratum").sum(), 25, rtol=1e-12)
    assert low.to_numpy().mean() == pytest.approx(1, rel=1e-12)


def test_bootstrap_weights_with_fpc_shrink_towards_one():
    d = many_psus().assign(w=1.0, population=100.0)
    plain = bootstrap_weights(tl.SurveyDesign(d, **CLUSTERS), 5, seed=3)
    finite = bootstrap_weights(
        tl.SurveyDesign(d, **CLUSTERS, fpc="population"), 5, seed=3
    )
    names = list(plain.replicate_weights)
    expected = 1 + np.sqrt(1 - 25 / 100) * (plain.frame[names] - 1)
    pd.testing.assert_frame_equal(finite.frame[names], expected, rtol=1e-12)


def test_bootstrap_is_the_same_for_the_same_seed():
    design = tl.SurveyDesign(many_psus(), **CLUSTERS)
    one, same, other = (bootstrap_weights(design, 20, seed=s).frame for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not np.array_equal(one["bootstrap_1"], other["bootstrap_1"])
    engine = bootstrap_weights(
        tl.SurveyDesign(pl.from_pandas(many_psus()), **CLUSTERS), 20, seed=1
    )
    np.testing.assert_allclose(engine.frame["bootstrap_9"], one["bootstrap_9"])


@pytest.mark.parametrize(
    "options",
    [
        CLUSTERS,
        {"weight": "w", "strata": "stratum"},
        {"weight": None},
        {**CLUSTERS, "fpc": "N"},
    ],
)
def test_bootstrap_agrees_with_taylor(options):
    """600 replicates: the standard error has a Monte Carlo error of 1/sqrt(2 * 600) = 2.9 %; four of these."""
    d = many_psus().assign(N=60.0)
    design = tl.SurveyDesign(d, **options).domain("age > 25")
    boot = bootstrap_weights(design, 600, seed=5)
    taylor, found = (
        tl.cell_means(tl.compress(x, "y", ["gender"])).frame for x in (design, boot)
    )
    np.testing.assert_allclose(found["estimate"], taylor["estimate"], rtol=1e-12)
    np.testing.assert_allclose(found["std_error"], taylor["std_error"], rtol=0.12)
    if "psu" in options:
        np.testing.assert_array_equal(
            found["df"], taylor["df"]
        )  # rank of the replicates less one


@pytest.mark.parametrize("largest", [3, 1000, 2**20, 2**31, 2**32])
def test_numbers_are_drawn_as_numpy_draws_them(largest):
    """Also near 2**32, where every other word is drawn again."""
    sizes = np.random.default_rng(largest).integers(2, largest, 300)
    bounds = Bounds.of(sizes)
    ours, theirs = (np.random.default_rng(5) for _ in range(2))
    for _ in range(20):
        np.testing.assert_array_equal(bounds.drawn(ours), theirs.integers(0, sizes))
    assert ours.bit_generator.state == theirs.bit_generator.state


def test_bootstrap_of_a_lonely_psu_is_certain():
    d = many_psus()
    d.loc[d["stratum"] == 3, "psu"] = 0
    boot = bootstrap_weights(tl.SurveyDesign(d, **CLUSTERS, lonely_psu="certainty"), 10)
    alone = boot.frame[boot.frame["stratum"] == 3]
    for name in boot.replicate_weights:
        np.testing.assert_array_equal(alone[name], alone["w"])


# -- design effects -----------------------------------------------------------------------------------------------------


def test_kish_as_r(data_file):
    """numbers.md: apistrat pw 1.1863709847 and 168.581331281 (R and the Python package balance)."""
    found = kish(schools(data_file, "apistrat")["pw"])
    np.testing.assert_allclose(
        found[["deff", "n_eff"]],
        REFERENCE["weighting/apistrat/kish"]["estimate"][["deff", "n_eff"]],
    )
    np.testing.assert_allclose(found, [1.1863709847, 168.581331281], rtol=1e-9)
    assert kish([2, 2, 0, 2])["n_eff"] == pytest.approx(3)


@pytest.mark.parametrize("scenario", of_kind("design_effects"))
def test_design_effects_as_r(scenario, data_file):
    sample, how, _, outcome, _, domain, _ = parts(scenario)
    design = design_of(data_file, sample, how)
    cells = tl.compress(
        design.domain("stype != 'H'") if domain else design, outcome, ["comp.imp"]
    )
    found = {}
    for by in ([], ["comp.imp"]):
        for row in design_effects(cells, by).frame.to_dict("records"):
            name = f"comp.imp={row['comp.imp']}" if by else "all"
            found |= {
                f"deff/{name}": row["deff"],
                f"replace/{name}": row["deff_replace"],
            }
    expected = REFERENCE[scenario]["estimate"]
    np.testing.assert_allclose([found[k] for k in expected.index], expected, rtol=1e-10)


def test_a_simple_random_sample_has_design_effect_one():
    d = people(5).assign(w=50.0, N=20_000.0)
    with_fpc, without = (
        tl.compress(tl.SurveyDesign(d, "w", fpc=f), "y") for f in ("N", None)
    )
    assert design_effects(with_fpc).frame["deff"][0] == pytest.approx(1, rel=1e-10)
    assert design_effects(without).frame["deff_replace"][0] == pytest.approx(
        1, rel=1e-10
    )
    shares = tl.compress(tl.SurveyDesign(d.assign(w=d["w"] / 1e4), "w"), "y")
    assert (
        design_effects(shares).frame["deff"].isna().all()
    )  # the weights are no numbers of people
    assert design_effects(shares).frame["deff_replace"][0] == pytest.approx(
        1, rel=1e-10
    )


# -- Rao-Scott ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", of_kind("rao_scott/"))
def test_rao_scott_as_r(scenario, data_file):
    """numbers.md: F 17.24744396 (dstrat), 5.193369541 (dclus1), 8.5663162 and 3.1513386 (NHANES), with their df."""
    if "nhanes" in scenario:
        frame = pd.read_csv(data_file("r_survey", "nhanes.csv")).astype(
            {"RIAGENDR": str, "race": str}
        )
        design = tl.SurveyDesign(
            frame, "WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU", nest=True
        )
        outcome, axes, domain = "HI_CHOL", [scenario.split("/")[-1]], None
    else:
        sample, how, margins, outcome, _, axes, domain = parts(scenario)
        axes = axes.split(",")
        if how == "jk1":
            d = schools(data_file, sample)
            psus = d["dnum"].unique()
            out = {f"r{j}": d["pw"] * (d["dnum"] != j) * 15 / 14 for j in psus}
            design = tl.SurveyDesign(
                d.assign(**out),
                "pw",
                replicate_weights=list(out),
                replicate_method="JK1",
            )
        else:
            design = design_of(data_file, sample, how, margins)
    cells = tl.compress(
        design.domain("stype != 'H'") if domain else design, outcome, axes
    )
    found = rao_scott(cells, *axes).iloc[0]
    expected = REFERENCE[scenario].droplevel("name")
    np.testing.assert_allclose(found[expected.index].astype(float), expected, rtol=1e-9)
    for sealed in (
        [cells.seal()]
        if "jk1" not in scenario and cells.counts(axes)["smallest"].min() >= 10
        else []
    ):
        np.testing.assert_allclose(
            rao_scott(sealed, *axes).iloc[0, 1:].astype(float),
            found[1:].astype(float),
            rtol=1e-8,
        )


def test_rao_scott_of_a_simple_random_sample_is_pearson():
    """Without weights and design X^2 is corrected by (n - 1)/n only: F = X^2 (n - 1)/n over its degrees of freedom."""
    from scipy.stats import chi2_contingency

    d = people(6, 900)
    cells = tl.compress(
        tl.SurveyDesign(d.assign(age=d["age"].astype(str)), weight=None),
        "y",
        ["age", "gender"],
    )
    for axes, table in (
        (["age"], pd.crosstab(d["age"], d["y"])),
        (["gender", "age"], pd.crosstab(d["gender"], d["age"])),
    ):
        pearson = chi2_contingency(table, correction=False)
        found = rao_scott(cells, *axes).iloc[0]
        assert found["statistic"] * pearson.dof == pytest.approx(
            pearson.statistic * 899 / 900, rel=0.02
        )
        assert found["df_num"] == pytest.approx(pearson.dof, rel=0.02)


def test_rao_scott_of_two_by_two_is_the_same_both_ways():
    cells = tl.compress(
        tl.SurveyDesign(people(7), **CLUSTERS), "y", ["gender", "disability"]
    )
    one, other = (
        rao_scott(cells, *axes).iloc[0]
        for axes in (["gender", "disability"], ["disability", "gender"])
    )
    assert one["statistic"] == pytest.approx(other["statistic"], rel=1e-10)
    assert one["df_num"] == pytest.approx(1)


# -- refusals -----------------------------------------------------------------------------------------------------------

TOTALS = {"gender": {"man": 400, "woman": 600}}
PLAIN = tl.SurveyDesign(FRAME, strata="stratum", psu="psu", nest=True)
REPLICATED = {"replicate_weights": ["a", "b"], "replicate_method": "BRR"}
GAPS = FRAME.assign(
    region=np.where(FRAME.index < 3, None, "x"), a=FRAME.weight, b=FRAME.weight
)


def raking(**options):
    return lambda: rake(**{"design": PLAIN, "margins": TOTALS, **options})


CASES = {
    "margin unknown": (lambda: tl.SurveyDesign(FRAME, raked=["gendre"]), *UNKNOWN, "Did you mean 'gender'?"),
    "margin missing": (lambda: tl.SurveyDesign(GAPS, raked=["region"]), *DESIGN_ERROR, "region"),
    "margins none": (lambda: tl.SurveyDesign(FRAME, raked=[]), *DESIGN_ERROR, "at least one"),
    "margins unweighted": (lambda: tl.SurveyDesign(FRAME, weight=None, raked=["gender"]), *DESIGN_ERROR, "weights"),
    "margins and replicates": (lambda: tl.SurveyDesign(GAPS, raked=["gender"], **REPLICATED), *DESIGN_ERROR, "replicate was raked"),
    "base without margins": (lambda: tl.SurveyDesign(GAPS, base_weight="a"), *DESIGN_ERROR, "raked="),
    "base unknown": (lambda: tl.SurveyDesign(FRAME, raked="gender", base_weight="c"), *UNKNOWN, "'c'"),
    "base negative": (lambda: tl.SurveyDesign(GAPS.assign(a=-1.0), raked="gender", base_weight="a"), *DESIGN_ERROR, "negative"),
    "totals a list": (raking(margins=["gender"]), *DESIGN_ERROR, "Margins map"),
    "totals empty": (raking(margins={}), *DESIGN_ERROR, "Margins map"),
    "total unknown": (raking(margins={"gender": {"man": 1}}), *UNKNOWN, "woman"),
    "total of nobody": (raking(margins={"gender": {**TOTALS["gender"], "other": 5}}), *DESIGN_ERROR, "gender='other'"),
    "total zero": (raking(margins={"gender": {"man": 0, "woman": 5}}), *DESIGN_ERROR, "above zero"),
    "total NaN": (raking(margins={"gender": {"man": np.nan, "woman": 5}}), *DESIGN_ERROR, "above zero"),
    "sums differ": (raking(margins={**TOTALS, "stratum": dict.fromkeys(range(4), 251)}), *DESIGN_ERROR, "1,004"),
    "rake column": (raking(margins={"gendre": {}}), *UNKNOWN, "Did you mean 'gender'?"),
    "rake a frame": (raking(design=FRAME), tl.EstimandError, ValueError, "SurveyDesign"),
    "rake missing": (raking(design=tl.SurveyDesign(GAPS), margins={"region": {"x": 1}}), *DESIGN_ERROR, "region"),
    "bounds": (raking(bounds=(2, 5)), *DESIGN_ERROR, "(2, 5)"),
    "bounds too narrow": (raking(bounds=(0.99, 1.01), steps=20), tl.ConvergenceError, ValueError, "'gender'"),
    "bootstrap of a frame": (lambda: bootstrap_weights(FRAME), tl.EstimandError, ValueError, "SurveyDesign"),
    "bootstrap of replicates": (lambda: bootstrap_weights(tl.SurveyDesign(GAPS, **REPLICATED)), *DESIGN_ERROR, "linearised"),
    "bootstrap of raked": (lambda: bootstrap_weights(tl.SurveyDesign(FRAME, raked="gender")), *DESIGN_ERROR, "rake each replicate"),
    "one replicate": (lambda: bootstrap_weights(PLAIN, 1), *DESIGN_ERROR, "2 or more"),
    "bootstrap adjust": (lambda: bootstrap_weights(tl.SurveyDesign(FRAME, strata="stratum", psu="stratum", nest=True, lonely_psu="adjust")), *DESIGN_ERROR, "certainty"),
    "kish negative": (lambda: kish([1, -1]), *DESIGN_ERROR, "zero or more"),
    "kish of nobody": (lambda: kish([]), *DESIGN_ERROR, "not all zero"),
    "rao_scott of a design": (lambda: rao_scott(PLAIN, "gender"), tl.EstimandError, ValueError, "compress"),
    "rao_scott axis": (lambda: rao_scott(tl.compress(PLAIN, "damaged", "gender"), "gendre"), *UNKNOWN, "Did you mean 'gender'?"),
    "rao_scott one row": (lambda: rao_scott(tl.compress(PLAIN.domain("gender == 'man'"), "damaged", "gender"), "gender"), tl.EstimandError, ValueError, "two rows"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(CASES))
def test_refusals(call, kind, builtin, word):
    refused(call, kind, builtin, word)
