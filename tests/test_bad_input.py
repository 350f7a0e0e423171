"""Bad input of every kind: the answer is a TrustlibError that names the culprit and says what to do, never a number.

Each case is a call, the class it raises, the built-in that also catches it, and a word the message must contain.
Faults of files and mappings are in test_schema.py, of designs and domains in test_design.py.
"""

import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import trustlib as tl
from contract import DESIGN_ERROR, ESTIMAND, UNKNOWN, ids, refused
from samples import (
    BY,
    FRAME,
    crossed,
    large_cell_people,
    large_cells,
    large_design,
    large_fit,
    large_means,
)

DESIGN = large_design()
CELLS = large_cells()
MEANS = large_means()
FIT = large_fit()
NUMBER = tl.compress(tl.SurveyDesign(FRAME), "damaged", ["psu", "gender"])
NUMBER_FIT = tl.fit_logit(NUMBER, "psu + gender")
SEPARATED = crossed(
    {
        ("man", "a"): (30, 0),
        ("man", "b"): (20, 20),
        ("woman", "a"): (15, 15),
        ("woman", "b"): (20, 20),
    }
)
NOBODY = crossed(
    {("man", "a"): (30, 10), ("man", "b"): (20, 20), ("woman", "b"): (15, 20)}
)
ONE_LEVEL = crossed({("man", "a"): (30, 10), ("man", "b"): (20, 20)})


def outcome(values):
    return lambda: tl.compress(
        tl.SurveyDesign(FRAME.assign(damaged=values)), "damaged", ["gender"]
    )


def axis(values):
    return lambda: tl.compress(
        tl.SurveyDesign(FRAME.assign(axis_1=values)), "damaged", ["axis_1"]
    )


COMPRESS = {
    "not a design": (lambda: tl.compress(FRAME, "damaged"), *ESTIMAND, "SurveyDesign"),
    "None": (lambda: tl.compress(None, "damaged"), *ESTIMAND, "NoneType"),
    "unknown outcome": (
        lambda: tl.compress(DESIGN, "damged"),
        *UNKNOWN,
        "Did you mean 'damaged'?",
    ),
    "outcome list": (lambda: tl.compress(DESIGN, ["damaged"]), *UNKNOWN, "damaged"),
    "unknown axis": (
        lambda: tl.compress(DESIGN, "damaged", ["gendre"]),
        *UNKNOWN,
        "Did you mean 'gender'?",
    ),
    "formula as axis": (
        lambda: tl.compress(DESIGN, "damaged", "gender*ethnicity"),
        *UNKNOWN,
        "gender*ethnicity",
    ),
    "axes 3": (lambda: tl.compress(DESIGN, "damaged", 3), *ESTIMAND, "int"),
    "axes set": (lambda: tl.compress(DESIGN, "damaged", {"gender"}), *ESTIMAND, "set"),
    "axis twice": (
        lambda: tl.compress(DESIGN, "damaged", ["gender", "gender"]),
        *ESTIMAND,
        "gender",
    ),
    "axis is outcome": (
        lambda: tl.compress(DESIGN, "damaged", ["damaged"]),
        *DESIGN_ERROR,
        "damaged",
    ),
    "outcome 0 1 2": (outcome(np.arange(400) % 3), *DESIGN_ERROR, "from 0 to 2"),
    "outcome 1 2": (outcome(FRAME.damaged + 1), *DESIGN_ERROR, "from 1 to 2"),
    "outcome half": (outcome(0.5), *DESIGN_ERROR, "0.5"),
    "outcome infinite": (
        outcome(np.where(FRAME.index == 3, np.inf, FRAME.damaged)),
        *DESIGN_ERROR,
        "inf",
    ),
    "outcome text": (outcome("yes"), *DESIGN_ERROR, "String"),
    "outcome text 1": (outcome("1"), *DESIGN_ERROR, "String"),
    "outcome category": (
        outcome(pd.Categorical(FRAME.gender)),
        *DESIGN_ERROR,
        "Categorical",
    ),
    "outcome category of texts": (
        outcome(pd.Categorical(FRAME.damaged.map("{:.0f}".format))),
        *DESIGN_ERROR,
        ".map(",
    ),
    "outcome mixed objects": (
        outcome(pd.Series([1, "1", 0, None] * 100, dtype=object)),
        *DESIGN_ERROR,
        "Object",
    ),
    "outcome date": (outcome(pd.Timestamp("2020")), *DESIGN_ERROR, "Datetime"),
    "outcome all NaN": (outcome(np.nan), *DESIGN_ERROR, "Nobody"),
    "outcome all None": (outcome(None), *DESIGN_ERROR, "damaged"),
    "axis all NaN": (axis(np.nan), *DESIGN_ERROR, "Nobody"),
    "axis all None": (axis(None), *DESIGN_ERROR, "Nobody"),
    "axis infinite": (
        axis(np.where(FRAME.psu > 1, np.inf, 1.0)),
        *DESIGN_ERROR,
        "axis_1",
    ),
    "axis complex": (axis(FRAME.damaged + 1j), *DESIGN_ERROR, "axis_1"),
    "axis mixed": (
        axis(np.where(FRAME.psu > 1, FRAME.psu.astype(object), "x")),
        *DESIGN_ERROR,
        "int and str",
    ),
    "axis of lists": (axis([[1]] * 400), *DESIGN_ERROR, "axis_1"),
    "axis of dicts": (axis([{}] * 400), *DESIGN_ERROR, "axis_1"),
}
MODELS = {
    "not cells": (lambda: tl.fit_logit(FRAME, "gender"), *ESTIMAND, "DataFrame"),
    "design": (lambda: tl.fit_logit(DESIGN, "gender"), *ESTIMAND, "SurveyDesign"),
    "formula None": (lambda: tl.fit_logit(CELLS, None), tl.FitError, ValueError, "NoneType"),
    "absent axis": (lambda: tl.fit_logit(CELLS, "gendr + ethnicity"), *UNKNOWN, "Did you mean 'gender'?"),
    "outcome on the right": (lambda: tl.fit_logit(CELLS, "damaged"), *UNKNOWN, "damaged"),
    "another outcome": (lambda: tl.fit_logit(CELLS, "unfair ~ gender"), *ESTIMAND, "unfair"),
    "two tildes": (lambda: tl.fit_logit(CELLS, "a ~ b ~ gender"), *ESTIMAND, "a ~ b"),
    "ends with +": (lambda: tl.fit_logit(CELLS, "gender +"), tl.FitError, ValueError, "gender +"),
    "bracket": (lambda: tl.fit_logit(CELLS, "(gender"), tl.FitError, ValueError, "(gender"),
    "comparison": (lambda: tl.fit_logit(CELLS, "gender == ethnicity"), tl.FitError, ValueError, "gender == ethnicity"),
    "dot": (lambda: tl.fit_logit(CELLS, "."), tl.FitError, ValueError, "'.'"),
    "two parts": (lambda: tl.fit_logit(CELLS, "gender | ethnicity"), tl.FitError, ValueError, "gender | ethnicity"),
    "nothing": (lambda: tl.fit_logit(CELLS, "0"), tl.FitError, ValueError, "'0'"),
    "log of a category": (lambda: tl.fit_logit(CELLS, "np.log(gender)"), tl.FitError, ValueError, "np.log"),
    "code": (lambda: tl.fit_logit(CELLS, "{__import__('os').getcwd()}"), *UNKNOWN, "__import__"),
    "separated": (lambda: tl.fit_logit(SEPARATED, "gender * ethnicity"), tl.SeparationError, ValueError, "gender=man, ethnicity=a"),
    "quasi-separated main effect": (
        lambda: tl.fit_logit(crossed({("man", "a"): (30, 0), ("man", "b"): (25, 0), ("woman", "a"): (9, 9), ("woman", "b"): (5, 5)}), "gender + ethnicity"),
        tl.SeparationError, ValueError, "gender[T.woman]",
    ),
    "separated by a number": (
        lambda: tl.fit_logit(tl.compress(tl.SurveyDesign(FRAME.assign(damaged=(FRAME.psu > 2) * 1.0)), "damaged", ["psu"]), "psu"),
        tl.SeparationError, ValueError, "psu",
    ),
    "outcome constant": (
        lambda: tl.fit_logit(tl.compress(tl.SurveyDesign(FRAME.assign(damaged=0)), "damaged", ["gender"]), "gender"),
        tl.SeparationError, ValueError, "damaged",
    ),
    "empty cell": (lambda: tl.fit_logit(NOBODY, "gender * ethnicity"), tl.RankError, ValueError, "gender[T.woman]:ethnicity[T.b]"),
    "aliased": (
        lambda: tl.fit_logit(tl.compress(tl.SurveyDesign(FRAME.assign(sex=FRAME.gender)), "damaged", ["gender", "sex"]), "gender + sex"),
        tl.RankError, ValueError, "sex[T.woman]",
    ),
    "one level": (lambda: tl.fit_logit(ONE_LEVEL, "gender + ethnicity"), tl.RankError, ValueError, "'gender'"),
    "unknown term": (lambda: FIT.term_test("gender:age"), *UNKNOWN, "gender:ethnicity"),
    "no term": (lambda: FIT.term_test(), *ESTIMAND, "gender * ethnicity"),
    "term None": (lambda: FIT.term_test(None), *UNKNOWN, "None"),
}  # fmt: skip
ESTIMATES = {
    "means of a frame": (lambda: tl.cell_means(FRAME), *ESTIMAND, "DataFrame"),
    "means of a fit": (lambda: tl.cell_means(FIT), *ESTIMAND, "LogitFit"),
    "means by unknown": (lambda: tl.cell_means(CELLS, ["gendr"]), *UNKNOWN, "Did you mean 'gender'?"),
    "means by twice": (lambda: tl.cell_means(CELLS, ["gender", "gender"]), *ESTIMAND, "gender"),
    "means by 3": (lambda: tl.cell_means(CELLS, 3), *ESTIMAND, "int"),
    "interval": (lambda: tl.cell_means(CELLS, interval="logti"), *UNKNOWN, "Did you mean 'logit'?"),
    "predictions of cells": (lambda: tl.predictions(CELLS, ["gender"]), *ESTIMAND, "Cells"),
    "predictions by unknown": (lambda: tl.predictions(FIT, ["gendr"]), *UNKNOWN, "Did you mean 'gender'?"),
    "predictions by twice": (lambda: tl.predictions(FIT, ["gender", "gender"]), *ESTIMAND, "gender"),
    "at unknown axis": (lambda: tl.predictions(FIT, at={"gendr": "man"}), *UNKNOWN, "Did you mean 'gender'?"),
    "at a column of counts": (lambda: tl.predictions(FIT, at={"sum_w": 1}), *UNKNOWN, "sum_w"),
    "at unknown level": (lambda: tl.predictions(FIT, at={"gender": "womann"}), *UNKNOWN, "Did you mean 'woman'?"),
    "at overlaps by": (lambda: tl.predictions(FIT, ["gender"], at={"gender": "man"}), *ESTIMAND, "gender"),
    "at text": (lambda: tl.predictions(FIT, at="gender"), *ESTIMAND, "gender"),
    "at nothing": (lambda: tl.predictions(FIT, at={"gender": []}), *ESTIMAND, "gender"),
    "at twice": (lambda: tl.predictions(FIT, at={"gender": ["man", "man"]}), *ESTIMAND, "gender"),
    "at text for a number": (lambda: tl.predictions(NUMBER_FIT, at={"psu": "x"}), *ESTIMAND, "psu"),
    "at NaN": (lambda: tl.predictions(NUMBER_FIT, at={"psu": np.nan}), *ESTIMAND, "psu"),
    "at infinite": (lambda: tl.predictions(NUMBER_FIT, at={"psu": np.inf}), *ESTIMAND, "psu"),
    "covariates": (lambda: tl.predictions(FIT, ["gender"], covariates="sampeld"), *UNKNOWN, "sampeld"),
    "coefficients of cells": (lambda: tl.coefficients(CELLS), *ESTIMAND, "Cells"),
    "coefficient scale": (lambda: tl.coefficients(FIT, "logodds"), *UNKNOWN, "Did you mean 'log_odds'?"),
    "gaps of a frame": (lambda: tl.comparisons(FRAME), *ESTIMAND, "DataFrame"),
    "gaps of gaps": (lambda: tl.comparisons(tl.comparisons(MEANS)), *ESTIMAND, "difference"),
    "gaps of interactions": (lambda: tl.comparisons(tl.interactions(MEANS, *BY)), *ESTIMAND, "interaction"),
    "gaps of everyone": (lambda: tl.comparisons(tl.cell_means(CELLS, [])), *ESTIMAND, "one group"),
    "gaps of one level": (lambda: tl.comparisons(tl.cell_means(ONE_LEVEL, ["gender"])), *ESTIMAND, "one group"),
    "reference axis": (lambda: tl.comparisons(MEANS, {"gendr": "man"}), *UNKNOWN, "Did you mean 'gender'?"),
    "reference level": (lambda: tl.comparisons(MEANS, {"gender": "men"}), *UNKNOWN, "Did you mean 'man'?"),
    "reference list": (lambda: tl.comparisons(MEANS, {"gender": ["man"]}), *UNKNOWN, "man"),
    "reference text": (lambda: tl.comparisons(MEANS, "man"), *ESTIMAND, "man"),
    "reference empty": (lambda: tl.comparisons(MEANS, {}), *ESTIMAND, "one group"),
    "reference nobody has": (
        lambda: tl.comparisons(tl.cell_means(NOBODY), {"gender": "woman", "ethnicity": "a"}), *ESTIMAND, "gender=woman, ethnicity=a",
    ),
    "gap scale": (lambda: tl.comparisons(MEANS, scale="diference"), *UNKNOWN, "Did you mean 'difference'?"),
    "interaction of cells": (lambda: tl.interactions(CELLS, *BY), *ESTIMAND, "Cells"),
    "interaction of gaps": (lambda: tl.interactions(tl.comparisons(MEANS), *BY), *ESTIMAND, "difference"),
    "interaction with itself": (lambda: tl.interactions(MEANS, "gender", "gender"), *ESTIMAND, "gender"),
    "interaction unknown": (lambda: tl.interactions(MEANS, "gender", "etnicity"), *UNKNOWN, "Did you mean 'ethnicity'?"),
    "interaction of one level": (lambda: tl.interactions(tl.cell_means(ONE_LEVEL), *BY), *ESTIMAND, "two or more levels"),
    "interaction without a corner": (lambda: tl.interactions(tl.cell_means(NOBODY), *BY), *ESTIMAND, "four groups"),
    "where unknown": (lambda: MEANS.where("gendr == 'man'"), *ESTIMAND, "gendr"),
    "where syntax": (lambda: MEANS.where("gender ="), *ESTIMAND, "gender ="),
    "where numbers": (lambda: MEANS.where([0, 1, 2, 3]), *ESTIMAND, "int64"),
    "where a column": (lambda: MEANS.where("n"), *ESTIMAND, "int64"),
    "where too short": (lambda: MEANS.where([True]), *ESTIMAND, "4 rows"),
}  # fmt: skip
POOLING = {
    "no part": (lambda: tl.Cells.merge([]), *ESTIMAND, "outcome"),
    "None": (lambda: tl.Cells.merge(None), *ESTIMAND, "NoneType"),
    "a frame": (lambda: tl.Cells.merge([CELLS, FRAME]), *ESTIMAND, "DataFrame"),
    "other axes": (lambda: tl.Cells.merge([CELLS, NUMBER]), *ESTIMAND, "axes"),
    "other outcome": (
        lambda: tl.Cells.merge([CELLS, tl.compress(tl.SurveyDesign(FRAME.rename(columns={"damaged": "unfair"})), "unfair", BY)]),
        *ESTIMAND, "outcome",
    ),
    "a category and a number": (
        lambda: tl.Cells.merge([NUMBER, tl.compress(tl.SurveyDesign(FRAME.assign(psu=FRAME.psu.astype(str))), "damaged", ["psu", "gender"])]),
        *ESTIMAND, "category",
    ),
    "one office twice": (lambda: tl.Cells.merge([CELLS, CELLS]), *ESTIMAND, "twice"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(COMPRESS))
def test_compress(call, kind, builtin, word):
    refused(call, kind, builtin, word)


@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(MODELS))
def test_models(call, kind, builtin, word):
    refused(call, kind, builtin, word)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(ESTIMATES))
def test_estimates(call, kind, builtin, word):
    refused(call, kind, builtin, word)


@pytest.mark.parametrize(("call", "kind", "builtin", "word"), ids(POOLING))
def test_pooling(call, kind, builtin, word):
    refused(call, kind, builtin, word)


@pytest.mark.parametrize("axes", [["a", "b"], ["c"]])
def test_a_million_cells_are_refused_soon(axes):
    row = np.arange(1_000_000)
    frame = pd.DataFrame(
        {"y": row % 2.0, "weight": 1.0, "a": row % 1000, "b": row // 1000, "c": row / 7}
    )
    refused(
        lambda: tl.compress(tl.SurveyDesign(frame), "y", axes),
        tl.DesignError,
        ValueError,
        "1,000,000 cells",
        "band",
    )


def test_many_groups_are_refused_before_their_covariance_fills_the_memory():
    frame = pd.DataFrame(
        {"y": np.arange(60_000) % 2.0, "weight": 1.0, "score": np.arange(60_000) / 7}
    )
    cells = tl.compress(tl.SurveyDesign(frame), "y", ["score"])
    refused(
        lambda: tl.cell_means(cells),
        tl.EstimandError,
        ValueError,
        "60,000 groups",
        "band",
    )
    fit = tl.fit_logit(cells, "score")
    refused(
        lambda: tl.predictions(fit, ["score"]),
        tl.EstimandError,
        ValueError,
        "60,000 predictions",
    )
    assert len(tl.predictions(fit, at={"score": [0, 100]})) == 2


RESERVED = (
    "n",
    "n_events",
    "w",
    "sum_w",
    "smallest",
    "estimate",
    "std_error",
    "df",
    "measure",
    "reference",
    "_stratum",
    "_used",
    "cov_w",
)


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize("role", ["outcome", "axis"])
def test_names_that_clash_with_results_are_refused(name, role):
    frame = FRAME.rename(columns={"damaged" if role == "outcome" else "gender": name})
    y, by = (name, ["gender"]) if role == "outcome" else ("damaged", [name])
    refused(
        lambda: tl.compress(tl.SurveyDesign(frame), y, by),
        tl.DesignError,
        ValueError,
        repr(name),
        "Rename",
    )


@pytest.mark.parametrize("role", ["weight", "stratum", "psu"])
@pytest.mark.parametrize(
    "name",
    [
        "n",
        "rows",
        "estimate",
        "_psu",
        "_stratum",
        "n_psu",
        "my column",
        "weight_1",
        "index",
    ],
)
def test_columns_of_the_design_may_have_any_name(role, name):
    d = {c: name if c == role else c for c in ("weight", "stratum", "psu")}
    design = tl.SurveyDesign(
        FRAME.rename(columns={role: name}),
        d["weight"],
        d["stratum"],
        d["psu"],
        nest=True,
    )
    pd.testing.assert_frame_equal(
        tl.cell_means(tl.compress(design, "damaged", BY)).frame, MEANS.frame
    )


@pytest.mark.parametrize(
    "name",
    [
        "my gender",
        "a:b",
        "1a",
        "if",
        "é",
        "np",
        "People",
        "index",
        "level_0",
        "damaged_missing",
    ],
)
def test_axes_may_have_odd_names(name):
    cells = tl.compress(
        tl.SurveyDesign(FRAME.rename(columns={"gender": name})),
        "damaged",
        [name, "ethnicity"],
    )
    means = tl.cell_means(cells)
    quoted = name if name.isidentifier() and name != "if" else f"`{name}`"
    fit = tl.fit_logit(cells, f"{quoted} * ethnicity")
    np.testing.assert_allclose(
        tl.predictions(fit, [name, "ethnicity"]).frame["estimate"],
        means.frame["estimate"],
        rtol=1e-9,
    )
    assert len(tl.comparisons(means, {name: "man"})) == 2
    assert "man" in tl.table(means).as_raw_html()


CAST = {
    "Int64": lambda s: s.astype("Int64"), "Float64": lambda s: s.astype("Float64"), "int8": lambda s: s.astype("int8"),
    "boolean": lambda s: (s == 1).astype("boolean"), "bool": lambda s: s == 1, "arrow": lambda s: s.astype("double[pyarrow]"),
}  # fmt: skip


@pytest.mark.parametrize("cast", CAST)
def test_outcomes_of_every_dtype(cast):
    frame = FRAME.assign(damaged=CAST[cast](FRAME.damaged))
    found = tl.compress(tl.SurveyDesign(frame), "damaged", BY)
    pd.testing.assert_frame_equal(
        found.frame, tl.compress(tl.SurveyDesign(FRAME), "damaged", BY).frame
    )


@pytest.mark.parametrize("cast", ["Int64", "Float64", "boolean", "arrow"])
def test_missing_outcomes_of_nullable_dtypes_leave_and_are_counted(cast):
    frame = FRAME.assign(damaged=CAST[cast](FRAME.damaged).where(FRAME.index >= 50))
    with pytest.warns(tl.MissingRowsWarning, match="50 people"):
        cells = tl.compress(tl.SurveyDesign(frame), "damaged", BY)
    assert cells.frame["n"].sum() == 350
    assert cells.missing.to_dict("list") == {
        "variable": ["damaged"],
        "reason": ["missing"],
        "n": [50],
    }


AXES = {
    "unused level": (
        pd.Categorical(FRAME.gender, ["none", "man", "woman"]),
        ["man", "woman"],
    ),
    "ordered": (
        pd.Categorical(FRAME.gender, ["woman", "man"], ordered=True),
        ["woman", "man"],
    ),
    "string": (FRAME.gender.astype("string"), ["man", "woman"]),
    "object": (FRAME.gender.astype(object), ["man", "woman"]),
    "bool": (FRAME.gender == "woman", [False, True]),
    "boolean": ((FRAME.gender == "woman").astype("boolean"), [False, True]),
    "one level": ("all", ["all"]),
}


@pytest.mark.parametrize("kind", AXES)
def test_axes_of_every_dtype(kind):
    values, levels = AXES[kind]
    cells = axis(values)()
    assert cells.frame["axis_1"].cat.categories.tolist() == levels
    assert not cells.frame["axis_1"].cat.ordered
    assert cells.frame["n"].sum() == 400


@pytest.mark.parametrize("cast", ["int64", "Int64", "Float64", "int8"])
def test_an_axis_of_integers_is_a_number(cast):
    cells = axis(FRAME.psu.astype(cast))()
    assert cells.frame["axis_1"].tolist() == [0.0, 1, 2, 3, 4]
    assert list(tl.fit_logit(cells, "axis_1").coef.index) == ["Intercept", "axis_1"]


@pytest.mark.parametrize(
    "index",
    [range(1000, 1400), [0] * 400, FRAME.stratum],
    ids=["shifted", "repeated", "named"],
)
def test_the_index_does_not_matter(index):
    frame = FRAME.set_axis(pd.Index(index), axis=0)
    design = tl.SurveyDesign(frame, strata="stratum", psu="psu", nest=True)
    pd.testing.assert_frame_equal(
        tl.cell_means(tl.compress(design, "damaged", BY)).frame, MEANS.frame
    )
    women = design.domain("gender == 'woman'")
    assert tl.compress(women, "damaged", ["gender"]).frame["n"].tolist() == [
        (FRAME.gender == "woman").sum()
    ]


def test_the_frame_is_left_as_it_was():
    frame = large_cell_people()
    before, columns = frame.copy(deep=True), list(frame)
    design = tl.SurveyDesign(frame, strata="stratum", psu="psu", nest=True)
    tl.compress(design.domain("gender == 'man'"), "damaged", BY)
    tl.compress(design, "damaged", BY)
    assert list(frame) == columns
    pd.testing.assert_frame_equal(frame, before)


def test_a_constant_outcome_has_a_level_and_no_interval():
    means = tl.cell_means(outcome(0)()).frame
    assert means["estimate"].tolist() == [0, 0]
    assert means[["conf_low", "conf_high"]].isna().all(axis=None)


def test_separation_only_where_it_is():
    """One pure cell does not separate the model of main effects, nor does leaving the intercept out change it."""
    assert np.isfinite(tl.fit_logit(SEPARATED, "gender + ethnicity").coef).all()
    with_one, without = tl.fit_logit(CELLS, "gender"), tl.fit_logit(CELLS, "gender - 1")
    np.testing.assert_allclose(
        tl.predictions(with_one, ["gender"]).frame["std_error"],
        tl.predictions(without, ["gender"]).frame["std_error"],
    )


# -- sealed cells on disk ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sealed_file(tmp_path_factory):
    return CELLS.write(tmp_path_factory.mktemp("cells") / "cells.parquet")


def test_missing_cells(tmp_path):
    for path in (tmp_path / "no.parquet", tmp_path, None):
        refused(
            lambda path=path: tl.Cells.read(path),
            tl.MissingFileError,
            FileNotFoundError,
            str(path),
        )


@pytest.mark.parametrize("damage", ["half", "text", "zeros", "other table"])
def test_damaged_cells(sealed_file, tmp_path, damage):
    whole = sealed_file.read_bytes()
    path = tmp_path / "bad.parquet"
    if damage == "other table":
        FRAME.to_parquet(path)
    else:
        path.write_bytes(
            {
                "half": whole[: len(whole) // 2],
                "text": b"x",
                "zeros": whole[:60] + bytes(30) + whole[90:],
            }[damage]
        )
    refused(lambda: tl.Cells.read(path), tl.SurveyFileError, OSError, "bad.parquet")


@pytest.mark.parametrize(
    "column", ["gender", "n", "sum_w", "sum_wy", "sum_w2", "cov_w", "cov_wy"]
)
def test_cells_that_lack_a_column(sealed_file, tmp_path, column):
    pq.write_table(
        pq.read_table(sealed_file).drop_columns([column]), tmp_path / "bad.parquet"
    )
    refused(
        lambda: tl.Cells.read(tmp_path / "bad.parquet"),
        tl.SurveyFileError,
        OSError,
        "bad.parquet",
    )


@pytest.mark.parametrize(
    "fact", ["outcome", "by", "df", "variance", "source", "labels", "levels"]
)
def test_cells_that_lack_a_fact(sealed_file, tmp_path, fact):
    table = pq.read_table(sealed_file)
    text = re.sub(
        rb'"%s": ' % fact.encode(), b'"other": ', table.schema.metadata[b"trustlib"]
    )
    pq.write_table(
        table.replace_schema_metadata({b"trustlib": text}), tmp_path / "bad.parquet"
    )
    refused(
        lambda: tl.Cells.read(tmp_path / "bad.parquet"),
        tl.SurveyFileError,
        OSError,
        "bad.parquet",
    )


def test_cells_with_rows_lost(sealed_file, tmp_path):
    pq.write_table(pq.read_table(sealed_file).slice(0, 3), tmp_path / "bad.parquet")
    refused(
        lambda: tl.Cells.read(tmp_path / "bad.parquet"),
        tl.SurveyFileError,
        OSError,
        "bad.parquet",
    )


def test_cells_cannot_be_written_over_a_folder(tmp_path):
    refused(lambda: CELLS.write(tmp_path), tl.SurveyFileError, OSError, tmp_path.name)


def test_an_error_can_be_sent_between_processes():
    import pickle

    error = tl.RankError("what", "hint")
    assert str(pickle.loads(pickle.dumps(error))) == "what\nhint"


@pytest.mark.parametrize("far", [1e5, 1e7, 1e9])
def test_a_numeric_axis_far_from_zero_never_gives_a_wrong_number(far):
    rng = np.random.default_rng(1)
    near = rng.integers(0, 20, 4000).astype(float)
    y = (rng.random(4000) < 1 / (1 + np.exp(1 - 0.1 * near))).astype(float)
    frame = pd.DataFrame({"near": near, "far": near + far, "y": y})
    design = tl.SurveyDesign(frame, weight=None)
    slope = tl.fit_logit(tl.compress(design, "y", ["near"]), "near").coef["near"]
    try:
        found = tl.fit_logit(tl.compress(design, "y", ["far"]), "far").coef["far"]
    except tl.ConvergenceError:
        return
    assert found == pytest.approx(slope, rel=1e-6)
