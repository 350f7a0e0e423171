"""Sample designs: what cannot be true is refused when the design is made; domains keep the full design."""

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

import trustlib as tl
from contract import DESIGN_ERROR, UNKNOWN, ids, refused
from samples import BY, FRAME
from trustlib.grouping import group_rows

LONELY = FRAME.assign(psu=FRAME.psu.where(FRAME.stratum > 0, 1))
REPLICATES = [f"r{i}" for i in range(1, 5)]
FACTORS = np.random.default_rng(0).choice([0, 2.0], (len(FRAME), 4))
REPLICATED = FRAME.assign(
    **{name: FRAME.weight * FACTORS[:, i] for i, name in enumerate(REPLICATES)}
)


def weight(value):
    """A design in which one weight, or each, is another one."""
    column = FRAME.weight.astype(
        object if isinstance(value, (str, type(None))) else float
    ).copy()
    column.iloc[3] = value
    return lambda: tl.SurveyDesign(FRAME.assign(weight=column))


def changed(column, value):
    values = FRAME[column].astype(object)
    values.iloc[3] = value
    return lambda: tl.SurveyDesign(
        FRAME.assign(**{column: values}), strata="stratum", psu="psu", nest=True
    )


def fpc(values, **options):
    return lambda: tl.SurveyDesign(
        FRAME.assign(N=values),
        strata="stratum",
        psu="psu",
        nest=True,
        fpc="N",
        **options,
    )


def replicates(frame=REPLICATED, **options):
    return lambda: tl.SurveyDesign(
        frame, **{"replicate_weights": REPLICATES, "replicate_method": "BRR", **options}
    )


CASES = {
    "no frame": (lambda: tl.SurveyDesign(None), *DESIGN_ERROR, "NoneType"),
    "a path": (lambda: tl.SurveyDesign("no-such-file.csv"), tl.MissingFileError, FileNotFoundError, "no-such-file.csv"),
    "a dict": (lambda: tl.SurveyDesign({"weight": [1]}), *DESIGN_ERROR, "dict"),
    "a column": (lambda: tl.SurveyDesign(FRAME.weight), *DESIGN_ERROR, "Series"),
    "no rows": (lambda: tl.SurveyDesign(FRAME.iloc[:0]), *DESIGN_ERROR, "no rows"),
    "no rows, no weight": (lambda: tl.SurveyDesign(FRAME.iloc[:0], weight=None), *DESIGN_ERROR, "no rows"),
    "one row": (lambda: tl.SurveyDesign(FRAME.iloc[:1]), tl.LonelyPSUError, ValueError, "lonely_psu="),
    "column twice": (lambda: tl.SurveyDesign(pd.concat([FRAME, FRAME[["damaged"]]], axis=1)), *DESIGN_ERROR, "damaged"),
    "column of domains": (lambda: tl.SurveyDesign(FRAME.assign(_in_domain=True)), *DESIGN_ERROR, "_in_domain"),
    "unknown weight": (lambda: tl.SurveyDesign(FRAME, "wieght"), *UNKNOWN, "Did you mean 'weight'?"),
    "unknown stratum": (lambda: tl.SurveyDesign(FRAME, strata="strata"), *UNKNOWN, "Did you mean 'stratum'?"),
    "unknown psu": (lambda: tl.SurveyDesign(FRAME, psu="cluster"), *UNKNOWN, "cluster"),
    "weight negative": (weight(-1.0), *DESIGN_ERROR, "'weight' are negative"),
    "weight NaN": (weight(np.nan), *DESIGN_ERROR, "missing"),
    "weight None": (weight(None), *DESIGN_ERROR, "not numbers"),
    "weight infinite": (weight(np.inf), *DESIGN_ERROR, "infinite"),
    "weight -infinite": (weight(-np.inf), *DESIGN_ERROR, "infinite"),
    "weight text": (weight("x"), *DESIGN_ERROR, "not numbers"),
    "weights all text": (lambda: tl.SurveyDesign(FRAME.assign(weight="1.5")), *DESIGN_ERROR, "not numbers"),
    "weights boolean": (lambda: tl.SurveyDesign(FRAME.assign(weight=True)), *DESIGN_ERROR, "not numbers"),
    "weights all zero": (lambda: tl.SurveyDesign(FRAME.assign(weight=0.0)), *DESIGN_ERROR, "zero"),
    "weight NA": (lambda: tl.SurveyDesign(FRAME.assign(weight=FRAME.weight.astype("Float64").where(FRAME.index > 3))), *DESIGN_ERROR, "missing"),
    "weights all NA": (lambda: tl.SurveyDesign(FRAME.assign(weight=pd.array([pd.NA] * 400, dtype="Float64"))), *DESIGN_ERROR, "missing"),
    "weights all null": (lambda: tl.SurveyDesign(pl.from_pandas(FRAME).with_columns(weight=pl.lit(None, pl.Float64))), *DESIGN_ERROR, "missing"),
    "weights all NaN": (lambda: tl.SurveyDesign(pl.from_pandas(FRAME).with_columns(weight=float("nan"))), *DESIGN_ERROR, "missing"),
    "stratum None": (changed("stratum", None), *DESIGN_ERROR, "'stratum'"),
    "stratum NaN": (changed("stratum", np.nan), *DESIGN_ERROR, "'stratum'"),
    "stratum blank": (changed("stratum", ""), *DESIGN_ERROR, "'stratum'"),
    "psu NA": (changed("psu", pd.NA), *DESIGN_ERROR, "'psu'"),
    "psu blank": (changed("psu", " "), *DESIGN_ERROR, "'psu'"),
    "psu in two strata": (lambda: tl.SurveyDesign(FRAME, strata="stratum", psu="psu"), *DESIGN_ERROR, "nest=True"),
    "psu is the stratum": (lambda: tl.SurveyDesign(FRAME, strata="stratum", psu="stratum"), tl.LonelyPSUError, ValueError, "4 of 4"),
    "nest text": (lambda: tl.SurveyDesign(FRAME, strata="stratum", psu="psu", nest="no"), *DESIGN_ERROR, "nest"),
    "lonely psu": (lambda: tl.SurveyDesign(LONELY, strata="stratum", psu="psu", nest=True), tl.LonelyPSUError, ValueError, "1 of 4 strata"),
    "lonely rule": (lambda: tl.SurveyDesign(LONELY, strata="stratum", psu="psu", nest=True, lonely_psu="ajust"), *UNKNOWN, "Did you mean 'adjust'?"),
    "fpc smaller than sample": (fpc(3), *DESIGN_ERROR, "fewer PSUs"),
    "fpc zero": (fpc(0), *DESIGN_ERROR, "'N'"),
    "fpc negative": (fpc(-5), *DESIGN_ERROR, "'N'"),
    "fpc missing": (fpc(np.nan), *DESIGN_ERROR, "'N'"),
    "fpc partly missing": (fpc(np.where(FRAME.index == 3, np.nan, 10)), *DESIGN_ERROR, "'N'"),
    "fpc not constant": (fpc(np.arange(400) + 10), *DESIGN_ERROR, "not constant"),
    "fpc fraction above one": (fpc(1.2), *DESIGN_ERROR, "'N'"),
    "fpc fractions and counts": (fpc(np.where(FRAME.stratum == 0, 0.5, 100)), *DESIGN_ERROR, "'N'"),
    "fpc text": (fpc("10"), *DESIGN_ERROR, "numbers"),
    "fpc boolean": (fpc(True), *DESIGN_ERROR, "numbers"),
    "method": (replicates(replicate_method="JK11"), *UNKNOWN, "Did you mean 'JK1'?"),
    "method None": (replicates(replicate_method=None), *DESIGN_ERROR, "replicate_scale"),
    "JKn without scale": (replicates(replicate_method="JKn"), *DESIGN_ERROR, "replicate_scale"),
    "Fay without scale": (replicates(replicate_method="Fay"), *DESIGN_ERROR, "replicate_scale"),
    "scale of wrong length": (replicates(replicate_scale=[1, 2]), *DESIGN_ERROR, "4 numbers"),
    "scale negative": (replicates(replicate_scale=-1), *DESIGN_ERROR, "-1"),
    "scale NaN": (replicates(replicate_scale=np.nan), *DESIGN_ERROR, "nan"),
    "scale infinite": (replicates(replicate_scale=np.inf), *DESIGN_ERROR, "inf"),
    "scale zero": (replicates(replicate_scale=0), *DESIGN_ERROR, "zero"),
    "scale text": (replicates(replicate_scale="x"), *DESIGN_ERROR, "x"),
    "scale of texts": (replicates(replicate_scale=list("abcd")), *DESIGN_ERROR, "'a'"),
    "replicate unknown": (replicates(replicate_weights=["r1", "r9"]), *UNKNOWN, "r9"),
    "replicates text": (replicates(replicate_weights="r1"), *DESIGN_ERROR, "two or more"),
    "replicates one": (replicates(replicate_weights=["r1"]), *DESIGN_ERROR, "two or more"),
    "replicates none": (replicates(replicate_weights=[]), *DESIGN_ERROR, "two or more"),
    "replicate twice": (replicates(replicate_weights=["r1", "r1"]), *DESIGN_ERROR, "different"),
    "replicate is the weight": (replicates(replicate_weights=["r1", "weight"]), *DESIGN_ERROR, "weight itself"),
    "replicate negative": (replicates(REPLICATED.assign(r2=-1.0)), *DESIGN_ERROR, "'r2'"),
    "replicate missing": (replicates(REPLICATED.assign(r2=np.nan)), *DESIGN_ERROR, "'r2'"),
    "replicate all zero": (replicates(REPLICATED.assign(r2=0.0)), *DESIGN_ERROR, "'r2'"),
    "replicate df negative": (replicates(replicate_df=-3), *DESIGN_ERROR, "-3"),
    "replicate df text": (replicates(replicate_df="49"), *DESIGN_ERROR, "'49'"),
    "mse text": (replicates(replicate_mse="no"), *DESIGN_ERROR, "replicate_mse"),
    "method without replicates": (lambda: tl.SurveyDesign(FRAME, replicate_method="JK1"), *DESIGN_ERROR, "replicate_weights"),
    "source text": (lambda: tl.SurveyDesign(FRAME, source="hints"), *DESIGN_ERROR, "hints"),
    "source kind": (lambda: tl.SurveyDesign(FRAME, source={"kind": "syntetic"}), *UNKNOWN, "Did you mean 'synthetic'?"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(CASES))
def test_impossible_designs(call, kind, builtin, word):
    refused(call, kind, builtin, word)


def polars(frame):
    """A Polars frame in which categories keep their order."""
    kept = {
        c: pl.Enum(frame[c].cat.categories.tolist())
        for c in frame
        if frame[c].dtype == "category"
    }
    return pl.from_pandas(frame).cast(kept)


POLARS = polars(FRAME)
ENGINES = {
    "polars": polars, "polars lazy": lambda f: polars(f).lazy(), "duckdb": duckdb.from_df,
    "duckdb with nulls": lambda f: duckdb.from_arrow(polars(f).to_arrow()), "arrow": lambda f: polars(f).to_arrow(),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("column", "value", "word"), [
    ("weight", -1.0, "negative"), ("weight", np.nan, "missing"), ("weight", np.inf, "infinite"), ("weight", "x", "not numbers"),
    ("stratum", None, "'stratum'"), ("psu", None, "'psu'"),
])  # fmt: skip
def test_impossible_designs_on_every_engine(engine, column, value, word):
    if isinstance(value, str):
        values = pd.Series(value, index=FRAME.index)
    else:
        values = FRAME[column].astype("Int64" if value is None else float).copy()
        values.iloc[3] = pd.NA if value is None else value
    frame = ENGINES[engine](FRAME.assign(**{column: values}))
    refused(
        lambda: tl.SurveyDesign(frame, strata="stratum", psu="psu", nest=True),
        *DESIGN_ERROR,
        word,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_same_cells(engine):
    frame = FRAME.assign(
        damaged=FRAME.damaged.where(FRAME.index >= 50),
        ethnicity=FRAME.ethnicity.where(FRAME.index < 350),
    )

    def means(native):
        design = tl.SurveyDesign(native, strata="stratum", psu="psu", nest=True)
        with pytest.warns(tl.MissingRowsWarning):
            return tl.compress(design, "damaged", BY)

    here, there = means(frame), means(ENGINES[engine](frame))
    assert there.missing.to_dict("list") == {
        "variable": ["damaged", "ethnicity"],
        "reason": ["missing"] * 2,
        "n": [50, 50],
    }
    pd.testing.assert_frame_equal(
        tl.cell_means(there).frame, tl.cell_means(here).frame, check_categorical=False
    )
    assert list(there.frame["gender"].cat.categories) == ["man", "woman"]


def test_nan_and_null_outcomes_are_both_missing():
    null = POLARS.with_columns(
        damaged=pl.when(pl.col("psu") == 1).then(None).otherwise(pl.col("damaged"))
    )
    nan = null.with_columns(pl.col("damaged").fill_null(float("nan")))
    with pytest.warns(tl.MissingRowsWarning):
        one, two = (tl.compress(tl.SurveyDesign(f), "damaged", BY) for f in (null, nan))
    pd.testing.assert_frame_equal(one.frame, two.frame)


def test_a_polars_categorical_has_no_order_but_an_enum_has():
    """The physical order of a Categorical is that of first use anywhere in the process; the reference level must not be."""
    assert pl.Series(["zebra", "woman", "man"], dtype=pl.Categorical).len() == 3
    texts = POLARS.with_columns(pl.col("gender").cast(pl.String))
    categorical = texts.with_columns(pl.col("gender").cast(pl.Categorical))
    enum = texts.with_columns(pl.col("gender").cast(pl.Enum(["woman", "man"])))
    found = [
        tl.compress(tl.SurveyDesign(f), "damaged", "gender")
        .frame["gender"]
        .cat.categories.tolist()
        for f in (texts, enum)
    ]
    assert found == [["man", "woman"], ["woman", "man"]]
    for frame in (categorical, categorical.lazy()):
        refused(
            lambda frame=frame: tl.compress(
                tl.SurveyDesign(frame), "damaged", "gender"
            ),
            *DESIGN_ERROR,
            "Polars Categorical",
            "pl.Enum",
        )


# -- what is allowed -----------------------------------------------------------------------------------------------------


def test_a_zero_weight_leaves_the_estimate_and_stays_in_the_design():
    """As in R: the PSU of people with zero weights counts in n_h and not in degf."""
    without = FRAME.assign(weight=FRAME.weight.where(FRAME.psu != 2, 0))
    design = tl.SurveyDesign(without, strata="stratum", psu="psu", nest=True)
    cells = tl.compress(design, "damaged", BY)
    inside = FRAME[FRAME.psu != 2]
    assert cells.frame["n"].sum() == len(inside)
    assert design.layout.n_psu.tolist() == [5, 5, 5, 5]
    assert cells.df == 12
    subset = tl.SurveyDesign(FRAME, strata="stratum", psu="psu", nest=True).domain(
        FRAME.psu != 2
    )
    pd.testing.assert_frame_equal(
        tl.cell_means(cells).frame,
        tl.cell_means(tl.compress(subset, "damaged", BY)).frame,
    )


@pytest.mark.filterwarnings("ignore::trustlib.FewPSUWarning")
def test_a_zero_replicate_weight_is_valid():
    found = tl.cell_means(tl.compress(replicates()(), "damaged", BY)).frame
    assert (REPLICATED[REPLICATES] == 0).any(axis=None)
    assert found["std_error"].gt(0).all()


def test_replicate_names_may_be_an_array():
    for names in (np.array(REPLICATES), pd.Index(REPLICATES), tuple(REPLICATES)):
        assert replicates(replicate_weights=names)().replicate_weights == tuple(
            REPLICATES
        )


@pytest.mark.parametrize("rule", ["remove", "certainty", "adjust", "average"])
def test_a_lonely_psu_with_a_rule(rule):
    design = tl.SurveyDesign(
        LONELY, strata="stratum", psu="psu", nest=True, lonely_psu=rule
    )
    means = tl.cell_means(tl.compress(design, "damaged", BY))
    assert means.frame["std_error"].gt(0).all()
    assert f"lonely PSUs: {rule}" in means.convention


def test_fpc_as_count_and_as_fraction():
    np.testing.assert_allclose(fpc(10)().layout.remaining, 0.5)
    np.testing.assert_allclose(fpc(0.5)().layout.remaining, 0.5)
    np.testing.assert_allclose(fpc(1.0)().layout.remaining, 0)  # a census
    np.testing.assert_allclose(fpc(np.inf)().layout.remaining, 1)


def test_unweighted_is_said():
    assert (
        "unweighted"
        in tl.cell_means(
            tl.compress(tl.SurveyDesign(FRAME, weight=None), "damaged", BY)
        ).convention
    )


def test_a_design_never_shows_rows():
    for text in (repr(tl.SurveyDesign(FRAME)), str(tl.SurveyDesign(FRAME))):
        assert (
            text
            == "<SurveyDesign: Taylor linearisation over 400 people, weights taken as fixed>"
        )


# -- domains -------------------------------------------------------------------------------------------------------------

ASKED = FRAME.assign(
    score=FRAME.damaged.where(FRAME.index > 100), group=FRAME.gender.astype(object).where(FRAME.index > 100, None),
    flag=(FRAME.damaged == 1).astype("boolean").where(FRAME.index > 100),
)  # fmt: skip
WITH_GAPS = tl.SurveyDesign(ASKED, strata="stratum", psu="psu", nest=True)


def people_in(where):
    return tl.compress(WITH_GAPS.domain(where), "damaged").frame["n"].sum()


@pytest.mark.parametrize(("text", "expected"), [
    ("gender == 'man'", FRAME.gender == "man"),
    ("gender in ['man']", FRAME.gender == "man"),
    ("not (gender == 'man')", FRAME.gender == "woman"),
    ("score == 1", ASKED.score == 1),
    ("score != 1", ASKED.score == 0),
    ("not (score == 1)", ASKED.score == 0),
    ("score < 5", ASKED.score.notna()),
    ("score.isna()", ASKED.score.isna()),
    ("score.notna() and gender == 'man'", ASKED.score.notna() & (FRAME.gender == "man")),
    ("group != 'man'", ASKED.group == "woman"),
    ("group not in ['man']", ASKED.group == "woman"),
    ("flag", ASKED.score == 1),
    ("not flag", ASKED.score == 0),
])  # fmt: skip
def test_missing_values_are_outside_a_domain(text, expected):
    assert people_in(text) == expected.sum()


DOMAINS = {
    "unknown": ("gendre == 'man'", *UNKNOWN, "Did you mean 'gender'?"),
    "assignment": ("gender = 'man'", *DESIGN_ERROR, "gender = 'man'"),
    "unfinished": ("gender ==", *DESIGN_ERROR, "gender =="),
    "empty": ("", *DESIGN_ERROR, "''"),
    "outside variable": ("@x", *DESIGN_ERROR, "@x"),
    "code": ("__import__('os').getcwd()", *UNKNOWN, "__import__"),
    "a number": ("psu", *DESIGN_ERROR, "int64"),
    "a sum": ("psu + 1", *DESIGN_ERROR, "int64"),
    "one number": ("score.mean()", *DESIGN_ERROR, "not .mean"),
    "a constant": ("True", *DESIGN_ERROR, "shape ()"),
    "text against number": ("weight > 'a'", *DESIGN_ERROR, "weight > 'a'"),
    "spaces": ("my gender == 'man'", *DESIGN_ERROR, "backticks"),
    "backticks": ("`my gender` == 'man'", *UNKNOWN, "'my gender'"),
    "backticks within a text": ("gender == 'a `gender`'", *DESIGN_ERROR, "no level 'a `gender`'"),
    "texts": ("group", *DESIGN_ERROR, "True or False"),
    "too short": ([True] * 3, *DESIGN_ERROR, "400 rows"),
    "integers": (np.ones(400, int), *DESIGN_ERROR, "int64"),
    "floats": (ASKED.score, *DESIGN_ERROR, "float64"),
    "with missing": (ASKED.flag, *DESIGN_ERROR, "object"),
    "None": (None, *DESIGN_ERROR, "object"),
    "another index": ((FRAME.gender == "man").sample(frac=1, random_state=1), *DESIGN_ERROR, "index"),
    "expression on pandas": (nw.col("score") != 1, *DESIGN_ERROR, "NaN"),
}  # fmt: skip


@pytest.mark.parametrize(("where", "kind", "builtin", "word"), ids(DOMAINS))
def test_domains_that_are_refused(where, kind, builtin, word):
    refused(lambda: WITH_GAPS.domain(where), kind, builtin, word)


def test_a_domain_nobody_is_in():
    nobody = ASKED.assign(gender=ASKED["gender"].cat.add_categories("other"))
    design = tl.SurveyDesign(nobody, strata="stratum", psu="psu", nest=True).domain(
        "gender == 'other'"
    )
    refused(
        lambda: tl.compress(design, "damaged"), *DESIGN_ERROR, "Nobody in the domain"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_domains_on_every_engine(engine):
    design = tl.SurveyDesign(
        ENGINES[engine](ASKED), strata="stratum", psu="psu", nest=True
    )
    for expression, expected in (
        (nw.col("score") == 1, ASKED.score == 1),
        (nw.col("score") != 1, ASKED.score == 0),
    ):
        inside = design.domain(expression)
        assert tl.compress(inside, "damaged").frame["n"].sum() == expected.sum()
        twice = tl.compress(
            inside.domain(nw.col("gender") == "man"), "damaged", ["gender"]
        ).frame
        assert twice["n"].tolist() == [(expected & (FRAME.gender == "man")).sum()]
    refused(lambda: design.domain(nw.col("scor") == 1), *DESIGN_ERROR, "scor")
    refused(lambda: design.domain(nw.col("psu") + 1), *DESIGN_ERROR, "True or False")
    if "lazy" in engine or "duckdb" in engine:
        refused(lambda: design.domain("score == 1"), *DESIGN_ERROR, "nw.col")


def test_domains_intersect_and_keep_source_and_labels():
    frame = FRAME.copy()
    frame.attrs = {
        "source": {"kind": "synthetic", "label": "made up"},
        "labels": {"damaged": "Trust damaged"},
    }
    cells = tl.compress(
        tl.SurveyDesign(frame)
        .domain("gender == 'man'")
        .domain("ethnicity == 'minority'"),
        "damaged",
        BY,
    )
    assert cells.frame["n"].tolist() == [
        ((FRAME.gender == "man") & (FRAME.ethnicity == "minority")).sum()
    ]
    assert cells.source["kind"] == "synthetic"
    assert cells.labels == {"damaged": "Trust damaged"}


# -- grouping -------------------------------------------------------------------------------------------------------------


def columns(rows, seed=0):
    rng = np.random.default_rng(seed)
    texts = rng.choice(np.array(["b", "a", None], dtype=object), rows)
    return pd.DataFrame({
        "category": pd.Categorical(rng.choice(["x", "y"], rows), ["y", "x", "unused"]).set_categories(["y", "x", "unused"]),
        "text": texts, "number": rng.choice([3.5, -1, np.nan], rows), "flag": rng.random(rows) < 0.5,
        "nullable": pd.array(rng.integers(0, 3, rows), dtype="Int64"), "many": rng.integers(0, 10**6, rows),
    })  # fmt: skip


@pytest.mark.parametrize("names", [
    ["category", "text", "number", "flag", "nullable"],  # few combinations: counted
    ["text", "many", "number"],  # many: hashed
    ["many"] * 5,  # more than 2^62 combinations: hashed on the way
    [],
])  # fmt: skip
def test_groups_are_those_of_pandas(names):
    d = columns(500)
    d.loc[::7, "nullable"] = pd.NA
    group, row = group_rows([d[c] for c in names], len(d))
    assert sorted(set(group)) == list(range(len(row)))
    np.testing.assert_array_equal(group[row], np.arange(len(row)))
    expected = (
        d.groupby(names, dropna=False, observed=True).ngroup()
        if names
        else np.zeros(len(d))
    )
    assert (
        len(set(zip(group, expected, strict=True)))
        == len(set(group))
        == len(set(expected))
    )


def test_sorted_groups_are_in_order_of_levels():
    d = columns(300).dropna()
    names = ["category", "number", "many"]
    group, row = group_rows([d[c] for c in names], len(d), sort=True)
    expected = d.groupby(names, observed=True).ngroup().to_numpy()
    np.testing.assert_array_equal(group, expected)
    pd.testing.assert_frame_equal(d.iloc[row].sort_values(names), d.iloc[row])


def test_nobody_makes_no_group():
    group, row = group_rows([columns(3)["flag"].iloc[:0]], 0)
    assert len(group) == len(row) == 0
