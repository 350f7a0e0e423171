"""What the verbs promise where an independent tester found that they did not keep it.

Made-up people: 2,000 of two genders and two ethnicities, in four strata of six PSUs each.
"""

from __future__ import annotations

import datetime
import json

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

import trustlib as tl
from contract import DESIGN_ERROR, ESTIMAND, UNKNOWN, refused
from trustlib.disclosure import MINIMUM
from trustlib.variance import delta_covariance

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.FewPSUWarning")

N = 2000
REPLICATES = [f"r{i}" for i in range(4)]


def made(seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "g": rng.choice(["man", "woman"], N), "e": rng.choice(["majority", "minority"], N), "w": rng.uniform(0.5, 2, N),
        "h": rng.integers(0, 4, N), "psu": rng.integers(0, 6, N), "race": rng.integers(1, 5, N), "k": rng.choice([1, 5, 10, 20], N),
        "age": rng.integers(18, 90, N).astype(float), "y": (rng.random(N) < 0.3).astype(float),
    })  # fmt: skip
    return frame.assign(age=frame["age"].where(frame.index % 30 > 0))


PEOPLE = made()


def design(frame=PEOPLE):
    return tl.SurveyDesign(frame, "w", "h", "psu", nest=True)


def cells(by, frame=PEOPLE):
    return tl.compress(design(frame), "y", by)


def replicated(**options):
    rng = np.random.default_rng(1)
    frame = PEOPLE.assign(
        **{r: PEOPLE["w"] * rng.choice([0, 2.0], N) for r in REPLICATES}
    )
    return tl.SurveyDesign(
        frame,
        "w",
        **{"replicate_weights": REPLICATES, "replicate_method": "BRR", **options},
    )


NUMBER = tl.fit_logit(cells(["k", "g"]), "np.log(k) + g")
FACTOR = tl.fit_logit(cells(["race"]), "C(race)")
SATURATED = tl.fit_logit(cells(["g", "e"]), "g * e")


# -- models of numbers ---------------------------------------------------------------------------------------------------


def test_a_number_used_as_a_factor_takes_values_that_occur():
    text = refused(
        lambda: tl.predictions(FACTOR, at={"race": [1, 9]}), *ESTIMAND, "9.0", "C(x)"
    )
    assert "C(race)" in text
    found, counted = (
        tl.predictions(FACTOR, at={"race": [1, 3]}).frame,
        tl.predictions(FACTOR, ["race"]).frame,
    )
    np.testing.assert_array_equal(found["estimate"], counted["estimate"].iloc[[0, 2]])
    truth = tl.fit_logit(
        cells(["race"]), "I(race == 3)"
    )  # this is defined for every number
    assert len(tl.predictions(truth, at={"race": [1, 3, 9]})) == 3


@pytest.mark.filterwarnings("error")
def test_a_term_that_is_not_defined_where_it_is_predicted():
    refused(lambda: tl.predictions(NUMBER, at={"k": -1}), *ESTIMAND, "np.log(k)")


@pytest.mark.parametrize("term", [
    "scale(k)", "center(k) + g", "standardize(k)", "poly(k, 2)", "bs(k, df=4)", "cr(k, df=3)", "I(k - k.mean())", "I(k / k.max())",
    "g * I(k - np.mean(k))",
])  # fmt: skip
def test_transformations_by_the_distribution_of_cells_are_refused(term):
    refused(
        lambda: tl.fit_logit(cells(["k", "g"]), term),
        tl.FitError,
        ValueError,
        term,
        "before compress",
        "I(x**2)",
    )


@pytest.mark.parametrize(
    "term",
    [
        "C(k)",
        "k + I(k**2)",
        "np.log(k) * g",
        "I(k > 5)",
        "C(k, contr.sum)",
        "C(g) + k",
        "1",
    ],
)
def test_what_is_known_of_each_person_is_not(term):
    """Such terms are the same for cells and people, so an axis that the model does not use changes nothing."""
    one, two = (tl.fit_logit(cells(by), term) for by in (["k", "g"], ["k", "g", "e"]))
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-7)
    np.testing.assert_allclose(one.vcov, two.vcov, rtol=1e-6, atol=1e-12)


GIVEN = {
    "list": [5, 10], "Index": pd.Index([5, 10]), "Categorical": pd.Categorical([5, 10]), "Series": pd.Series([5, 10]),
    "array": np.array([5, 10]), "range": range(5, 15, 5), "set": {10, 5}, "keys": {5: 0, 10: 0}.keys(), "tuple": (5, 10),
}  # fmt: skip


@pytest.mark.parametrize("kind", GIVEN)
def test_values_to_set_may_be_anything_that_holds_values(kind):
    expected = tl.predictions(NUMBER, at={"k": [5, 10]})
    pd.testing.assert_frame_equal(
        tl.predictions(NUMBER, at={"k": GIVEN[kind]}).frame, expected.frame
    )


def test_values_to_set_may_come_one_by_one():
    assert tl.predictions(NUMBER, at={"k": (v for v in (5, 10))}).frame[
        "k"
    ].tolist() == [5.0, 10.0]
    assert tl.predictions(NUMBER, at={"k": np.float64(5)}).frame["k"].tolist() == [5.0]
    for several in (
        {"woman", "man"},
        pd.Categorical(["man", "woman"]),
        np.array(["man", "woman"]),
    ):
        assert tl.predictions(NUMBER, at={"g": several}).frame["g"].tolist() == [
            "man",
            "woman",
        ]


VALUES = {
    "a text": (lambda: tl.predictions(NUMBER, at={"k": "5"}), *ESTIMAND, "'k'"),
    "True": (lambda: tl.predictions(NUMBER, at={"k": True}), *ESTIMAND, "'k'"),
    "None": (lambda: tl.predictions(NUMBER, at={"k": None}), *ESTIMAND, "'k'"),
    "two dimensions": (lambda: tl.predictions(NUMBER, at={"k": np.array([[1, 2]])}), *ESTIMAND, "'k'"),
    "levels in two dimensions": (lambda: tl.predictions(NUMBER, at={"g": np.array([["man"]])}), *UNKNOWN, "man"),
    "a mapping": (lambda: tl.predictions(NUMBER, at={"k": {5: 1}}), *ESTIMAND, "'k'"),
    "replicates a number": (lambda: replicated(replicate_weights=3), *DESIGN_ERROR, "two or more"),
    "df True": (lambda: replicated(replicate_df=True), *DESIGN_ERROR, "True"),
    "points True": (lambda: tl.maihda(cells(["g", "e"]), points=True), *ESTIMAND, "True"),
    "write None": (lambda: cells(["g"]).write(None), tl.SurveyFileError, OSError, "None"),
    "publish into a number": (lambda: tl.publish(tl.cell_means(cells(["g"])), "x", 3), tl.SurveyFileError, OSError, "int"),
    "axis named by a number": (lambda: cells([3], PEOPLE.rename(columns={"g": 3})), *DESIGN_ERROR, "3", "Rename"),
    "outcome named by a number": (lambda: tl.compress(design(PEOPLE.assign(z=1).rename(columns={"z": 4})), 4), *DESIGN_ERROR, "4"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_other_values_are_refused(name):
    call, kind, builtin, *words = VALUES[name]
    refused(call, kind, builtin, *words)


def test_whole_numbers_of_numpy_are_numbers():
    assert tl.compress(replicated(replicate_df=np.int64(5)), "y", ["g"]).df == 5
    ladder = tl.maihda(cells(["g", "e"]), method="ml", points=np.int64(5))
    assert "5 points" in ladder.convention
    names = replicated(replicate_weights=(r for r in REPLICATES)).replicate_weights
    assert names == tuple(REPLICATES)


# -- offices put together ------------------------------------------------------------------------------------------------

AGES = ["18-34", "35-54", "55+"]


def office(levels, answers, seed, size=400):
    rng = np.random.default_rng(seed)
    values = rng.choice(answers, size)
    frame = pd.DataFrame(
        {
            "a": pd.Categorical(values, levels) if levels else values,
            "y": rng.integers(0, 2, size) * 1.0,
        }
    )
    return tl.compress(tl.SurveyDesign(frame, None), "y", ["a"])


@pytest.mark.parametrize("sealed", [(), (0,), (1,), (0, 1)])
def test_the_reference_level_does_not_depend_on_the_order_of_offices(sealed):
    """Nobody in the first office is of the first age band."""
    parts = [office(AGES, AGES[1:], 1), office(AGES, AGES, 2)]
    parts = [part.seal() if i in sealed else part for i, part in enumerate(parts)]
    one, other = tl.Cells.merge(parts), tl.Cells.merge(parts[::-1])
    for pooled in (one, other):
        assert pooled.frame["a"].cat.categories.tolist() == AGES
    fits = [tl.fit_logit(pooled, "a") for pooled in (one, other)]
    pd.testing.assert_series_equal(fits[0].coef, fits[1].coef, rtol=1e-8)
    assert fits[0].coef.index[1] == "a[T.35-54]"


@pytest.mark.parametrize(("orders", "expected"), [
    ([["woman"], ["man", "woman"]], ["man", "woman"]),
    ([["b", "d"], ["a", "c"]], ["a", "b", "c", "d"]),  # open: alphabetical
    ([["z", "b"], ["b", "a"], ["y"]], ["y", "z", "b", "a"]),
    ([["low", "high"], ["low", "middle"], ["middle", "high"]], ["low", "middle", "high"]),
])  # fmt: skip
def test_levels_of_offices_in_one_order(orders, expected):
    parts = [office(order, order, seed) for seed, order in enumerate(orders)]
    for turn in range(len(parts)):
        merged = tl.Cells.merge(parts[turn:] + parts[:turn])
        assert merged.frame["a"].cat.categories.tolist() == expected
        assert merged.frame["n"].sum() == 400 * len(parts)


def test_texts_of_offices_are_in_one_order():
    for parts in (
        [office(None, ["woman"], 1), office(None, ["man", "woman"], 2)],
        [office(None, ["b"], 1), office(None, ["a"], 2)],
    ):
        levels = [
            tl.Cells.merge(p).frame["a"].cat.categories.tolist()
            for p in (parts, parts[::-1])
        ]
        assert levels[0] == levels[1] == sorted(levels[0])


def two_offices_in_one(**options):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"a": rng.choice(["x", "z"], 400), "y": rng.integers(0, 2, 400) * 1.0, "w": 1.0}
    )
    out = rng.integers(0, 8, 400)
    names = {f"r{i}": np.where(out == i, 0, 8 / 7) for i in range(8)}
    return [tl.compress(tl.SurveyDesign(f.assign(**names), "w", replicate_weights=list(names), replicate_method="JK1"), "y", ["a"])
            for f in (frame, frame.assign(y=1 - frame["y"]))]  # fmt: skip


def continuous(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"a": rng.normal(size=20_000), "y": rng.integers(0, 2, 20_000) * 1.0}
    )
    return tl.compress(tl.SurveyDesign(frame, None), "y", ["a"])


PARTS = {
    "contradiction": (lambda: tl.Cells.merge([office(AGES, AGES, 1), office(AGES[::-1], AGES, 2)]), *DESIGN_ERROR, "'a'", "contradict"),
    "circle": (lambda: tl.Cells.merge([office(o, o, i) for i, o in enumerate([["x", "y"], ["y", "z"], ["z", "x"]])]), *DESIGN_ERROR, "contradict"),
    "kinds of levels": (lambda: tl.Cells.merge([office(None, ["x"], 1), office(None, [True, False], 2)]), *ESTIMAND, "'a'"),
    "sealed and not": (lambda: tl.Cells.merge([cells(["g"]), cells(["g"]).seal()]), *ESTIMAND, "twice"),
    "not and sealed": (lambda: tl.Cells.merge([cells(["g"]).seal(), cells(["g"])]), *ESTIMAND, "twice"),
    "continuous": (lambda: tl.Cells.merge([continuous(1), continuous(2)]), *DESIGN_ERROR, "40,000 cells", "band"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_offices_that_are_not_put_together(name):
    call, kind, builtin, *words = PARTS[name]
    refused(call, kind, builtin, *words)


def test_a_pool_says_how_many_parts_it_has():
    parts = [cells(["g"], made(seed)) for seed in (1, 2)]
    assert parts[0].variance == parts[1].variance
    pooled = tl.Cells.merge(parts)
    assert pooled.df == 40
    assert pooled.variance == f"pool of 2 parts: 2 with {parts[0].variance}"
    assert tl.Cells.merge(parts[:1]).variance == parts[0].variance
    unlike = tl.Cells.merge(
        [*parts, tl.compress(tl.SurveyDesign(made(3), "w"), "y", ["g"])]
    ).variance
    assert unlike.startswith(
        "pool of 3 parts: 2 with Taylor linearisation over 24 PSUs"
    )
    assert "; 1 with Taylor linearisation over 2,000 people" in unlike
    assert "pool of 2 parts" in tl.cell_means(pooled).convention


def test_a_pool_of_replicates_says_that_it_is_linearised():
    parts = two_offices_in_one()
    assert "linearised" not in parts[0].variance
    for pooled in (
        tl.Cells.merge(parts),
        tl.Cells.merge(parts[:1]),
        tl.Cells.merge([p.seal() for p in parts]),
    ):
        assert pooled.variance.endswith("around the full-sample estimate, linearised")


# -- what is undefined stays where it is ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hollow():
    """Levels of three groups under four replicates, in one of which nobody of the last group has a weight."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.choice(["p", "q", "z"], 900),
            "b": rng.choice(["u", "v"], 900),
            "w": 1.0,
        }
    )
    frame["y"] = rng.integers(0, 2, 900) * 1.0
    for r in REPLICATES:
        frame[r] = rng.choice([0, 2.0], 900)
    frame.loc[frame["a"] == "z", "r2"] = 0
    made_of = tl.SurveyDesign(
        frame, "w", replicate_weights=REPLICATES, replicate_method="BRR"
    )
    with pytest.warns(tl.FewPSUWarning):
        return tl.compress(made_of, "y", ["a", "b"])


def test_a_cell_without_weight_in_one_replicate_spoils_its_own_gaps_only(hollow):
    levels = tl.cell_means(hollow, ["a"])
    assert levels.frame["std_error"].isna().tolist() == [False, False, True]
    gaps = tl.comparisons(levels, {"a": "p"})
    assert gaps.frame["std_error"].isna().tolist() == [False, True]
    alone = levels.vcov[0, 0] + levels.vcov[1, 1] - 2 * levels.vcov[0, 1]
    assert gaps.frame["std_error"][0] == pytest.approx(alone**0.5, rel=1e-12)
    assert np.isnan(gaps.vcov).tolist() == [[False, True], [True, True]]
    assert tl.comparisons(levels, {"a": "z"}).frame["std_error"].isna().all()


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_it_spoils_its_own_interactions_only(hollow):
    found = tl.interactions(tl.cell_means(hollow), "a", "b", methods="delta").frame
    contrast = found[found["measure"] == "interaction_contrast"].set_index("a")[
        "std_error"
    ]
    assert contrast.isna().to_dict() == {"q": False, "z": True}


def test_covariance_of_functions_is_the_product_where_everything_is_known():
    rng = np.random.default_rng(0)
    a, v = rng.normal(size=(3, 4)), np.cov(rng.normal(size=(4, 9)))
    np.testing.assert_array_equal(delta_covariance(a, v), a @ v @ a.T)


# -- the gate and numbers ------------------------------------------------------------------------------------------------

FEW = pd.DataFrame(
    {
        "x": [1.0] * 50 + [2.0] * 50 + [3.0] * 4,
        "y": [0.0, 1.0] * 52,
        "g": ["a", "a", "b", "b"] * 26,
    }
)
FEW_CELLS = tl.compress(tl.SurveyDesign(FEW, None), "y", ["x"])


@pytest.mark.parametrize("formula", [
    "C(x)", "I(x == 3)", "C(x) - 1", "C(x, contr.sum)", "C(x, contr.poly)", "x + I(x**2)", "I(2 * (x == 3))", "x + I(x == 3)",
])  # fmt: skip
def test_a_number_used_as_a_factor_has_cells_of_its_own(formula, tmp_path):
    fit = tl.fit_logit(FEW_CELLS, formula)
    assert fit.smallest == 2
    term = next(str(t) for t in fit.spec.term_indices if str(t) != "1")
    shown = (
        tl.coefficients(fit), fit.term_test(term), tl.predictions(fit, at={"x": [1, 3]}),
        tl.comparisons(tl.predictions(fit, at={"x": [1, 3]})),
    )  # fmt: skip
    for each in shown:
        refused(lambda each=each: tl.table(each), tl.DisclosureError, PermissionError)
        if isinstance(each, tl.Estimates):
            refused(
                lambda each=each: tl.publish(each, "x", tmp_path),
                tl.DisclosureError,
                PermissionError,
            )


def test_people_of_a_pattern_are_counted_within_the_other_axes_of_its_term():
    """80 people have x = 2, and 4 of them are in group a: the main effect is theirs once there is an interaction."""
    sizes = {("a", 1.0): 60, ("a", 2.0): 4, ("b", 1.0): 60, ("b", 2.0): 76}
    rows = [(g, x, float(i % 2)) for (g, x), n in sizes.items() for i in range(n)]
    crossed = tl.compress(
        tl.SurveyDesign(pd.DataFrame(rows, columns=["g", "x", "y"]), None),
        "y",
        ["g", "x"],
    )
    for formula, least in {
        "g + C(x)": 32,
        "g * C(x)": 2,
        "g * I(x == 2)": 2,
        "C(x) + C(x):g": 2,
        "g": 32,
    }.items():
        assert tl.fit_logit(crossed, formula).smallest == least, formula


def test_a_number_that_enters_as_a_number_needs_no_count_of_each_value():
    frame = PEOPLE.assign(x=np.arange(N) % 400)
    fit = tl.fit_logit(cells(["x", "g"], frame), "x + g")
    assert fit.smallest > 200
    assert tl.table(tl.coefficients(fit))
    assert tl.fit_logit(cells(["x", "g"], frame), "I(x > 200) * g + x").smallest > 100
    assert FACTOR.smallest == cells(["race"]).counts(["race"])["smallest"].min()
    assert tl.fit_logit(cells(["race"]).seal(), "C(race)").smallest >= MINIMUM
    assert SATURATED.smallest == SATURATED.cells.counts(["g", "e"])["smallest"].min()


def test_tests_put_together_do_not_pass_the_gate():
    small, enough = tl.fit_logit(FEW_CELLS, "C(x)"), SATURATED
    together = pd.concat([small.term_test("C(x)").frame, enough.term_test("g").frame])
    refused(
        lambda: tl.table(together),
        tl.DisclosureError,
        PermissionError,
        "how many people",
    )
    assert "Wald F" in tl.table(enough.term_test("g", "e")).as_raw_html()


# -- designs -------------------------------------------------------------------------------------------------------------

ENGINES = {
    "pandas": lambda f: f, "polars": pl.from_pandas, "lazy": lambda f: pl.from_pandas(f).lazy(),
    "arrow": lambda f: pl.from_pandas(f).to_arrow(), "duckdb": lambda f: duckdb.from_arrow(pl.from_pandas(f).to_arrow()),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weight", [1e-200, 1e-101, 1e101, 1e200])
def test_absurd_weights_are_refused(engine, weight):
    frame = PEOPLE.assign(
        w=PEOPLE["w"].mask(PEOPLE.index == 3, weight).mask(PEOPLE.index == 4, 0.0)
    )
    refused(lambda: design(ENGINES[engine](frame)), *DESIGN_ERROR, "1e-100", "'w'")
    refused(
        lambda: design(ENGINES[engine](PEOPLE.assign(w=weight))),
        *DESIGN_ERROR,
        "1e-100",
        "'w'",
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_weight_of_zero_is_not_absurd(engine):
    frame = PEOPLE.assign(w=PEOPLE["w"].mask(PEOPLE.index == 4, 0.0))
    assert tl.compress(design(ENGINES[engine](frame)), "y").frame["n"].tolist() == [
        N - 1
    ]


@pytest.mark.parametrize("engine", ["polars", "lazy", "arrow", "duckdb"])
def test_nan_is_missing_in_a_domain_too(engine):
    native = pl.from_pandas(PEOPLE, nan_to_null=False)
    assert native["age"].is_nan().sum() == 67
    made_of = {
        "polars": native,
        "lazy": native.lazy(),
        "arrow": native.to_arrow(),
        "duckdb": duckdb.from_arrow(native.to_arrow()),
    }
    inside = design(made_of[engine]).domain(nw.col("age") > 40)
    assert tl.compress(inside, "y").frame["n"].tolist() == [(PEOPLE["age"] > 40).sum()]
    pd.testing.assert_frame_equal(
        tl.cell_means(tl.compress(inside, "y", ["g"])).frame,
        tl.cell_means(tl.compress(design().domain("age > 40"), "y", ["g"])).frame,
    )


SPACED = PEOPLE.rename(columns={"age": "my age"}).assign(
    flag=pd.Series([True, None, False, True] * 500, dtype=object), reply=pd.Series(["a", "b", None, "a"] * 500, dtype=object)
)  # fmt: skip
ASKED = {
    "`my age` > 40": SPACED["my age"] > 40, "`my age`.isna()": SPACED["my age"].isna(), "g != 'man' and h in [1, 2]": (SPACED["g"] != "man") & SPACED["h"].isin([1, 2]),
    "flag": SPACED.index % 4 % 3 == 0, "not flag": SPACED.index % 4 == 2, "reply != 'a'": SPACED.index % 4 == 1,
    "race > 2 or `my age` > 80": SPACED["my age"].notna() & ((SPACED["race"] > 2) | (SPACED["my age"] > 80)),
}  # fmt: skip
EAGER = {
    "pandas": lambda f: f, "pandas on arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.from_pandas, "arrow": lambda f: pl.from_pandas(f).to_arrow(),
}  # fmt: skip


@pytest.mark.parametrize("engine", EAGER)
@pytest.mark.parametrize("text", ASKED)
def test_a_domain_as_text_on_every_eager_engine(engine, text):
    inside = design(EAGER[engine](SPACED)).domain(text)
    assert tl.compress(inside, "y").frame["n"].tolist() == [np.sum(ASKED[text])]


def test_a_domain_as_text_of_a_lazy_frame_is_refused():
    for engine in ("lazy", "duckdb"):
        refused(
            lambda engine=engine: design(ENGINES[engine](PEOPLE)).domain("age > 40"),
            *DESIGN_ERROR,
            "nw.col",
        )


def test_a_rule_for_lonely_psus_is_always_named():
    assert "in 4 strata, lonely PSUs: fail" in design().variance
    assert "lonely" not in tl.SurveyDesign(PEOPLE, "w").variance


def test_predictions_by_every_axis_say_how_covariates_are_taken():
    for by, over in ((["g", "e"], "no other axis"), (["g"], "e"), ([], "g, e")):
        for covariates, words in (
            ("fixed", "taken as fixed"),
            ("sampled", "as sampled"),
        ):
            found = tl.predictions(SATURATED, by, covariates=covariates)
            assert found.convention.endswith(
                f"marginal (standardised over {over}, {words})"
            )


# -- axes, outcomes and sources that are no texts and no numbers ---------------------------------------------------------

DAY = pd.Timestamp("2020-01-01")
LEVELS = {
    "intervals": (pd.cut(PEOPLE["h"], [-1, 0, 2, 3]), ["(-1, 0]", "(0, 2]", "(2, 3]"]),
    "periods": (pd.PeriodIndex.from_fields(year=2020 + PEOPLE["h"], month=[1] * N, freq="M"), ["2020-01", "2021-01", "2022-01", "2023-01"]),
    "days": ([datetime.date(2020, 1, 1 + h) for h in PEOPLE["h"]], [f"2020-01-0{i}" for i in range(1, 5)]),
    "instants": (DAY + pd.to_timedelta(PEOPLE["h"], unit="D"), [f"2020-01-0{i} 00:00:00" for i in range(1, 5)]),
    "durations": (pd.to_timedelta(PEOPLE["h"], unit="D"), [f"{i} days 00:00:00" for i in range(4)]),
    "tuples": ([(h, 1) for h in PEOPLE["h"]], [f"({h}, 1)" for h in range(4)]),
    "category of tuples": (pd.Categorical([(h, 1) for h in PEOPLE["h"]]), [f"({h}, 1)" for h in range(4)]),
    "mixed category": (pd.Categorical.from_codes(PEOPLE["h"], ["z", 1, 2.5, "a"]), ["z", "1", "2.5", "a"]),
    "category of numbers": (pd.Categorical(PEOPLE["h"]), [0, 1, 2, 3]),
    "booleans": (PEOPLE["h"] > 1, [False, True]),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEVELS)
def test_levels_can_be_written_and_given_back(kind, tmp_path):
    values, levels = LEVELS[kind]
    found = cells(["z"], PEOPLE.assign(z=values))
    read = tl.Cells.read(found.write(tmp_path / "z.parquet"))
    for each in (
        found,
        read,
        tl.Cells.merge(
            [read, cells(["z"], PEOPLE.assign(z=values, y=1 - PEOPLE["y"]))]
        ),
    ):
        assert each.frame["z"].cat.categories.tolist() == levels
        fit = tl.fit_logit(each, "z")
        assert (
            tl.predictions(fit, at={"z": levels[1]}).frame["z"].tolist() == levels[1:2]
        )
        assert (
            len(tl.comparisons(tl.cell_means(each), {"z": levels[0]}))
            == len(levels) - 1
        )


def test_levels_that_are_the_same_as_texts_are_refused():
    two = pd.Categorical.from_codes(PEOPLE["h"], ["1", 1, 2.5, "a"])
    refused(lambda: cells(["z"], PEOPLE.assign(z=two)), *DESIGN_ERROR, "'z'", "Rename")


ANSWERS = {
    "booleans": [True, None, False, True], "numbers": [1, 0, None, 1], "floats": [1.0, 0, np.nan, 1], "pandas' own missing": [True, pd.NA, False, True],
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("category", [False, True])
def test_outcomes_as_objects_and_categories(kind, category):
    answers = pd.Series(ANSWERS[kind] * 500, dtype=object)
    with pytest.warns(tl.MissingRowsWarning, match="500 people"):
        found = cells(
            [], PEOPLE.assign(y=pd.Categorical(answers) if category else answers)
        )
    assert found.frame[["n", "n_events"]].to_numpy().tolist() == [[1500, 1000]]
    assert found.missing["n"].tolist() == [500]


def test_the_hint_for_an_outcome_of_texts_keeps_what_is_missing():
    replies = pd.Series(["yes", "no", None, "yes"] * 500)
    text = refused(
        lambda: cells([], PEOPLE.assign(y=replies)),
        *DESIGN_ERROR,
        ".map({'yes': 1, 'no': 0})",
    )
    assert "astype" not in text
    with pytest.warns(tl.MissingRowsWarning, match="500 people"):
        assert cells([], PEOPLE.assign(y=replies.map({"yes": 1, "no": 0}))).frame[
            "n"
        ].tolist() == [1500]


def test_a_source_may_have_a_date(tmp_path):
    source = {
        "id": "a",
        "kind": "real",
        "label": "A",
        "fielded": datetime.date(2022, 3, 7),
    }
    parts = [
        tl.compress(
            tl.SurveyDesign(frame, "w", source=source | {"id": name}), "y", ["g"]
        )
        for name, frame in (("a", PEOPLE), ("b", made(1)))
    ]
    assert (
        tl.Cells.read(parts[0].write(tmp_path / "a.parquet")).source["fielded"]
        == "2022-03-07"
    )
    assert tl.Cells.merge(parts).source["id"] == "a+b"
    path = tl.publish(tl.cell_means(parts[0]), "levels", tmp_path)
    assert (
        json.loads(path.with_suffix(".json").read_text())["source"]["fielded"]
        == "2022-03-07"
    )


def test_no_table_without_what_it_is(tmp_path):
    """The facts are written first: where they cannot be, there is no table either."""
    (tmp_path / "levels.json").mkdir()
    levels = tl.cell_means(cells(["g"]))
    refused(
        lambda: tl.publish(levels, "levels", tmp_path),
        tl.SurveyFileError,
        OSError,
        "levels",
    )
    assert not (tmp_path / "levels.csv").exists()


# -- multilevel models ---------------------------------------------------------------------------------------------------


def test_strata_of_one_level_are_refused_without_a_word_of_formulas():
    one = tl.compress(design().domain("g == 'man'"), "y", ["g", "e"])
    text = refused(lambda: tl.maihda(one), tl.RankError, ValueError, "'man'", "'g'")
    assert "formula" not in text


def test_a_variance_without_maximum_says_what_to_try():
    """Nobody in one of three strata has the outcome: the restricted likelihood rises without end."""
    frame = pd.DataFrame({"a": ["p", "q"] * 1000, "y": [0.0, 1.0, 0.0, 0.0] * 500})
    none = tl.compress(tl.SurveyDesign(frame, None), "y", ["a"])
    refused(
        lambda: tl.maihda(none),
        tl.ConvergenceError,
        ValueError,
        "method='ml'",
        "coarser strata",
    )
