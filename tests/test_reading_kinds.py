"""Reading moves no meaning: what a file says of a person is what the frame says, whatever wrote the file.

Each property is held to the rows that were written, in plain Python: no reader of ours or of pandas is asked.
"""

import gzip
import unicodedata
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trustlib as tl
from contract import CODEBOOK_ERROR, DESIGN_ERROR, refused
from trustlib.answers import numbers_of
from trustlib.files import read_table
from trustlib.schema import load_yaml
from trustlib.yaml12 import MAX_NODES

pytestmark = pytest.mark.usefixtures("forked")
Q = {"values": {"1": "man", "2": "woman"}, "missing": {"9": "refused"}}
NFD = unicodedata.normalize("NFD", "Médecin")

# -- every kind of file, row by row ---------------------------------------------------------------------------------------

WORDS = ["Nord", " Süd ", "Île", unicodedata.normalize("NFD", "Île"), "NA", "1e3", "01"]
row = st.fixed_dictionaries({
    "q": st.sampled_from([1.0, 2.0, 9.0, None]), "t": st.sampled_from([*WORDS, None]),
    "w": st.integers(1, 4000).map(lambda n: n / 8), "p": st.integers(1, 5),
})  # fmt: skip
people = st.lists(row, min_size=2, max_size=12)
INDEXES = {
    "none": lambda f: f,
    "offset": lambda f: f.set_axis(range(7, 7 + len(f)), axis=0),
    "reversed": lambda f: f.set_axis(range(len(f), 0, -1), axis=0),
    "of texts": lambda f: f.set_axis(
        [f"person {i % 3}" for i in range(len(f))], axis=0
    ),
    "all the same": lambda f: f.set_axis([0] * len(f), axis=0),
    "the PSU": lambda f: f.set_index("p"),
    "weight and PSU": lambda f: f.set_index(["w", "p"]),
    "the PSU and something": lambda f: f.set_index(["p", f.index.to_numpy() % 2]),
}
FILES = [
    *(f"{name}.parquet" for name in INDEXES),
    "comma.csv", "comma.csv.gz", "semicolon.csv", "a.sav", "a.zsav", "a.dta",
]  # fmt: skip


def written(rows, path):
    """Write people into a file of the kind that its name says."""
    frame = pd.DataFrame(rows, columns=["q", "t", "w", "p"])
    kind, _, ending = path.name.partition(".")
    if ending == "parquet":
        INDEXES[kind](frame).to_parquet(path)
    elif ending == "dta":
        coded = frame["q"].astype(object).where(frame["q"] != 9, "a")
        coded = coded.where(frame["q"].notna(), None)
        pyreadstat.write_dta(
            frame.assign(q=coded, t=frame["t"].fillna("")), str(path),
            missing_user_values={"q": ["a"]}, variable_value_labels={"q": {1: "Male", "a": "9"}},
        )  # fmt: skip
    elif ending in ("sav", "zsav"):
        pyreadstat.write_sav(
            frame, str(path), compress=ending == "zsav",
            missing_ranges={"q": [9.0]}, variable_value_labels={"q": {1.0: "Male"}},
        )  # fmt: skip
    else:
        codes = frame["q"].map(lambda v: "" if pd.isna(v) else str(int(v)))
        mark, decimal = (";", ",") if kind == "semicolon" else (",", ".")
        plain = frame.assign(q=codes).to_csv(index=False, sep=mark, decimal=decimal)
        raw = plain.encode()
        path.write_bytes(gzip.compress(raw) if ending.endswith("gz") else raw)


REGIONS = {"Nord": "north", "Süd": "south", "Île": "island", "NA": "na", "1e3": "e", "01": "one"}  # fmt: skip


def region(text):
    """What the mapping below makes of a text: a region, or None."""
    if text is None:
        return None
    return REGIONS[unicodedata.normalize("NFC", text).strip()]


MAPPING = {
    "variables": {"gender": {"column": "q", **Q}, "region": {"column": "t", "values": REGIONS}},
    "design": {"weight": "w", "psu": "p"},
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(rows=people)
def test_every_row_is_read_as_it_was_written(tmp_path, name, rows):
    path = tmp_path / name
    written(rows, path)
    frame = tl.read_survey(path, MAPPING)
    meant = {1.0: "man", 2.0: "woman"}
    assert [None if pd.isna(v) else v for v in frame["gender"]] == [
        meant.get(r["q"]) for r in rows
    ]
    assert [None if pd.isna(v) else v for v in frame["region"]] == [
        region(r["t"]) for r in rows
    ]
    assert frame["weight"].tolist() == [r["w"] for r in rows]
    assert [int(v) for v in frame["psu"]] == [r["p"] for r in rows]
    kinds = {9.0: "refused", None: "blank in the file"}
    lost = [kinds.get(r["q"]) for r in rows]
    if any(lost):
        assert [None if pd.isna(v) else v for v in frame["gender_missing"]] == lost
    else:
        assert "gender_missing" not in frame


# -- the index of pandas --------------------------------------------------------------------------------------------------


def test_what_pandas_put_in_the_index_comes_back_as_columns(tmp_path):
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"a": [1, 2, 3]})
    for index, columns in (
        (pd.RangeIndex(5, 8), {}),
        (pd.RangeIndex(5, 11, 2, name="id"), {"id": [5, 7, 9]}),
        (pd.Index([4, 4, 2], name="id"), {"id": [4, 4, 2]}),
        (pd.Index(["x", "y", "x"]), {"index": ["x", "y", "x"]}),
        (pd.MultiIndex.from_tuples([(1, "x"), (2, "y"), (3, "z")], names=["u", None]), {"u": [1, 2, 3], "index": ["x", "y", "z"]}),
    ):  # fmt: skip
        frame.set_axis(index, axis=0).to_parquet(path)
        found = read_table(path)[0]
        assert found.to_dict("list") == {"a": [1, 2, 3], **columns}
        assert found.index.equals(pd.RangeIndex(3))
        assert tl.read_survey(path).to_dict("list") == {"a": [1, 2, 3], **columns}


def test_an_index_with_the_name_of_a_column_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    for index in (pd.Index([3, 1, 2], name="a"), pd.RangeIndex(5, 8, name="a")):
        pd.DataFrame({"a": [1, 2, 3]}, index=index).to_parquet(path)
        refused(
            lambda: tl.read_survey(path),
            tl.SurveyFileError,
            OSError,
            "two columns named 'a'",
        )


# -- codes and labels -----------------------------------------------------------------------------------------------------


def labelled(path, values, labels):
    pyreadstat.write_sav(
        pd.DataFrame({"q": values}), str(path), variable_value_labels={"q": labels}
    )
    return path


def test_a_key_that_is_a_code_and_anothers_label_is_refused(tmp_path):
    path = labelled(tmp_path / "a.sav", [1.0, 2, 3], {1: "0", 2: "1", 3: "2"})
    plan = {
        "variables": {
            "x": {"column": "q", "values": {"1": "a", "2": "b", "0": "c", "3": "d"}}
        }
    }
    text = refused(
        lambda: tl.read_survey(path, plan),
        *CODEBOOK_ERROR,
        "variable x: column q",
        "'1' is the code",
    )
    assert "'2' is the code" in text
    assert "'0' is the code" not in text
    plan["variables"]["x"]["values"] = {"[1] 0": "a", "[2] 1": "b", "[3] 2": "c"}
    assert tl.read_survey(path, plan)["x"].tolist() == ["a", "b", "c"]
    kinds = {
        "column": "q",
        "values": {"0": "a"},
        "missing": {"2": "refused", "[2] 1": "unsure"},
    }
    refused(
        lambda: tl.read_survey(path, {"variables": {"x": kinds}}),
        *CODEBOOK_ERROR,
        "'2' is the code",
    )


def test_a_code_that_is_its_own_label_is_clear(tmp_path):
    path = labelled(tmp_path / "a.sav", [1.0, 2, 3], {1: "1", 2: "2", 3: "Never"})
    plan = {
        "variables": {"x": {"column": "q", "values": {"1": "a", "2": "b", "3": "c"}}}
    }
    assert tl.read_survey(path, plan)["x"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "pair", [("01", "1"), ("1.0", "1"), ("1.0", "01"), ("001", "01")]
)
def test_a_number_in_two_spellings_is_refused_unless_each_is_declared(tmp_path, pair):
    path = tmp_path / "a.csv"
    path.write_text("q\n" + "\n".join([*pair, "2"]) + "\n")
    plan = {"variables": {"x": {"column": "q", "values": {"1": "a", "2": "b"}}}}
    refused(
        lambda: tl.read_survey(path, plan),
        *CODEBOOK_ERROR,
        "'1' may mean 2 spellings",
        "rows 1, 2",
    )
    plan["variables"]["x"]["values"] = {pair[0]: "a", pair[1]: "c", "2": "b"}
    assert tl.read_survey(path, plan)["x"].tolist() == ["a", "c", "b"]


def test_a_text_with_an_exponent_is_no_other_code(tmp_path):
    (tmp_path / "a.csv").write_text("q\n1e3\n1000\n")
    plan = {"variables": {"x": {"column": "q", "values": {"1000": "a"}}}}
    refused(
        lambda: tl.read_survey(tmp_path / "a.csv", plan),
        *CODEBOOK_ERROR,
        "not declared: an answer of fewer than 10 people (row 1)",
    )
    plan["variables"]["x"]["values"]["1e3"] = "b"
    assert tl.read_survey(tmp_path / "a.csv", plan)["x"].tolist() == ["b", "a"]


def test_an_answer_with_two_meanings_is_refused(tmp_path):
    pd.DataFrame({"q": [1.0, 2.0]}).to_parquet(tmp_path / "a.parquet")
    for rule in (
        {"values": {"1": "a", "1.0": "b", "2": "c"}},
        {"values": {"1": "a", "2": "c"}, "missing": {"1.0": "refused"}},
    ):
        plan = {"variables": {"x": {"column": "q", **rule}}}
        refused(
            lambda plan=plan: tl.read_survey(tmp_path / "a.parquet", plan),
            *CODEBOOK_ERROR,
            "column q",
        )


def test_numbers_beside_texts_that_spell_numbers_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("q\na\nb\n")
    plan = {"variables": {"x": {"column": "q", "values": {"a": 0, "b": "1"}}}}
    refused(
        lambda: tl.read_survey(tmp_path / "a.csv", plan),
        *CODEBOOK_ERROR,
        "variable x",
        "with quotes, or none",
    )


# -- kinds of missing -----------------------------------------------------------------------------------------------------


def test_letters_of_stata_are_kinds_of_missing_and_not_blank(tmp_path):
    frame = pd.DataFrame(
        {"q": [1, 0, "a", "b", "z", None], "v": [1.5, "b", 2.5, None, 3.5, "a"]}
    )
    pyreadstat.write_dta(
        frame, str(tmp_path / "a.dta"), missing_user_values={"q": ["a", "b", "z"], "v": ["a", "b"]},
        variable_value_labels={"q": {1: "Ticked", 0: "No", "a": "Refused"}},
    )  # fmt: skip
    plan = {"variables": {"q": {"values": {"Ticked": 1, "0": 0}, "blank": 0}}}
    found = tl.read_survey(tmp_path / "a.dta", plan)
    np.testing.assert_array_equal(found["q"], [1, 0, np.nan, np.nan, np.nan, 0])
    assert found["q_missing"].tolist()[2:5] == [
        "Refused",
        "declared missing in the file (.b)",
        "declared missing in the file (.z)",
    ]
    plan["variables"]["q"]["missing"] = {
        ".b": "not asked",
        ".z": "not asked",
        "Refused": "refused",
    }
    kinds = tl.read_survey(tmp_path / "a.dta", plan)["q_missing"]
    assert kinds.tolist()[2:5] == ["refused", "not asked", "not asked"]
    np.testing.assert_array_equal(
        tl.read_survey(tmp_path / "a.dta")["v"], [1.5, np.nan, 2.5, np.nan, 3.5, np.nan]
    )
    for key in ("weight", "fpc", "psu", "strata"):
        refused(
            lambda key=key: tl.read_survey(tmp_path / "a.dta", plan | {"design": {key: "v"}}),
            *CODEBOOK_ERROR, "design",
        )  # fmt: skip


def test_a_text_of_spss_may_be_declared_missing(tmp_path):
    frame = pd.DataFrame({"t": ["yes", "no", "REF", "DK", ""], "w": [1.0, 2, 99, 1, 1]})
    pyreadstat.write_sav(
        frame, str(tmp_path / "a.sav"), missing_ranges={"t": ["REF", "DK"], "w": [99]}
    )
    rule = {
        "column": "t",
        "values": {"yes": 1, "no": 0},
        "missing": {"REF": "refused"},
        "blank": 0,
    }
    found = tl.read_survey(tmp_path / "a.sav", {"variables": {"x": rule}})
    np.testing.assert_array_equal(found["x"], [1, 0, np.nan, np.nan, 0])
    assert found["x_missing"].tolist()[2:4] == [
        "refused",
        "declared missing in the file (DK)",
    ]
    plan = {"variables": {"x": rule}, "design": {"weight": "w"}}
    refused(
        lambda: tl.read_survey(tmp_path / "a.sav", plan),
        *CODEBOOK_ERROR,
        "values of w (weight) are declared missing",
    )


def test_a_blank_is_the_same_in_every_file(tmp_path):
    """NaN and an empty text are one answer, and `missing:` may name it."""
    frame = pd.DataFrame({"q": ["a", None, ""]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False, quoting=1)
    plan = {"missing": {"": "skipped"}, "variables": {"q": {"values": {"a": "A"}}}}
    for name in ("a.parquet", "a.csv"):
        found = tl.read_survey(tmp_path / name, plan)
        assert found["q_missing"].tolist()[1:] == ["skipped", "skipped"]


def test_a_value_for_the_missing_is_a_level(tmp_path):
    (tmp_path / "a.csv").write_text('q\na\nb\n""\n')
    rule = {"column": "q", "values": {"a": "A", "b": "B"}, "missing_as": "none"}
    found = tl.read_survey(tmp_path / "a.csv", {"variables": {"x": rule}})["x"]
    assert found.tolist() == ["A", "B", "none"]
    assert found.cat.categories.tolist() == ["A", "B", "none"]


# -- strata, PSUs and weights ---------------------------------------------------------------------------------------------

NOBODY = [
    "NA",
    "",
    " ",
    "\u00a0",
    "NaN",
    "nan",
    "N/A",
    "n/a",
    "#N/A",
    "null",
    "NULL",
    "None",
    "<NA>",
    ".",
    ".a",
    "NaT",
]


def sample(n=60):
    i = np.arange(n)
    return pd.DataFrame(
        {
            "y": i * 7 % 11 % 2,
            "w": 1.0 + i % 3,
            "h": (i % 3).astype(str),
            "p": (i % 12).astype(str),
        }
    )


@pytest.mark.parametrize("text", NOBODY)
@pytest.mark.parametrize("column", ["h", "p"])
def test_a_text_that_means_missing_is_no_stratum_and_no_psu(tmp_path, text, column):
    frame = sample()
    frame.loc[frame.index % 7 == 0, column] = text
    refused(
        lambda: tl.SurveyDesign(frame, "w", strata="h", psu="p", nest=True),
        *DESIGN_ERROR,
        repr(column),
        "fewer than 10",
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    plan = {
        "variables": {"y": {}},
        "design": {"weight": "w", "strata": "h", "psu": "p", "nest": True},
    }
    refused(
        lambda: tl.read_survey(tmp_path / "a.csv", plan),
        *CODEBOOK_ERROR,
        f"column {column}",
        "fewer than 10",
    )


def test_what_a_mapping_declares_missing_is_no_level_of_a_design(tmp_path):
    frame = sample()
    frame.loc[frame.index % 4 == 0, "p"] = "unknown"
    frame.loc[3, "w"] = 77
    frame.to_csv(tmp_path / "a.csv", index=False)
    plan = {
        "missing": {"unknown": "not known", "77": "not known"},
        "variables": {"y": {}},
        "design": {"weight": "w", "psu": "p"},
    }
    refused(
        lambda: tl.read_survey(tmp_path / "a.csv", plan),
        *CODEBOOK_ERROR,
        "15 people",
        "column p",
        "w (weight) are declared missing",
    )


UNEQUAL = {
    "numbers and texts": [1, "1"], "booleans and numbers": [True, 2], "bytes and texts": [b"a", "a"],
    "times with and without a zone": [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01", tz="UTC")],
    "lists": [[1], [2]], "dicts": [{"a": 1}, {"a": 2}], "sets": [{1}, {2}], "text in two forms": ["Médecin", NFD],
    "blanks at the end": ["a", "a "],
}  # fmt: skip


@pytest.mark.parametrize("kind", UNEQUAL)
def test_units_of_several_kinds_are_refused(kind):
    frame = sample().assign(p=[UNEQUAL[kind][i % 2] for i in range(60)])
    for role in ("psu", "strata"):
        refused(
            lambda role=role: tl.SurveyDesign(frame, "w", **{role: "p"}),
            *DESIGN_ERROR,
            "'p'",
        )
    category = (
        frame.assign(p=pd.Categorical.from_codes(np.arange(60) % 2, UNEQUAL[kind]))
        if kind not in ("lists", "dicts", "sets")
        else frame
    )
    refused(lambda: tl.SurveyDesign(category, "w", psu="p"), *DESIGN_ERROR, "'p'")
    if kind in ("text in two forms", "blanks at the end"):
        return
    refused(
        lambda: tl.compress(tl.SurveyDesign(frame, "w"), "y", ["p"]), *DESIGN_ERROR, "p"
    )


NESTED = {
    "polars": lambda f: pl.from_pandas(f),
    "polars lazy": lambda f: pl.from_pandas(f).lazy(),
    "arrow": lambda f: pa.Table.from_pandas(f, preserve_index=False),
    "duckdb": lambda f: duckdb.from_arrow(pa.Table.from_pandas(f, preserve_index=False)),
    "pandas": lambda f: f,
}  # fmt: skip


@pytest.mark.parametrize("engine", NESTED)
def test_lists_are_refused_on_every_engine(engine):
    frame = NESTED[engine](sample().assign(p=[[i % 5] for i in range(60)]))
    for call in (
        lambda: tl.SurveyDesign(frame, "w", psu="p"),
        lambda: tl.SurveyDesign(frame, "w", strata="p"),
        lambda: tl.SurveyDesign(frame, "w", raked=["p"]),
        lambda: tl.compress(tl.SurveyDesign(frame, "w"), "y", ["p"]),
        lambda: tl.rake(tl.SurveyDesign(frame, "w"), {"p": {"a": 60}}),
    ):
        refused(call, *DESIGN_ERROR, "p")


def test_a_margin_of_numbers_and_texts_is_refused():
    frame = sample().assign(p=[1, "1"] * 30)
    refused(
        lambda: tl.SurveyDesign(frame, "w", raked=["p"]),
        *DESIGN_ERROR,
        "'p'",
        "mixes int and str",
    )


def test_margins_meet_in_one_unicode_form():
    frame = sample().assign(p=[NFD, "autre", "Médecin"] * 20)
    weights = tl.rake(tl.SurveyDesign(frame, "w"), {"p": {"Médecin": 60, "autre": 30}})
    assert weights[frame["p"] != "autre"].sum() == pytest.approx(60)
    assert weights[frame["p"] == "autre"].sum() == pytest.approx(30)


def test_a_table_with_two_columns_of_one_name_is_refused():
    twice = pa.Table.from_arrays(
        [pa.array([1, 0]), pa.array([1.0, 2])], names=["y", "y"]
    )
    refused(lambda: tl.SurveyDesign(twice, "y"), *DESIGN_ERROR, "two columns named 'y'")


def test_whole_numbers_among_others_are_one_kind():
    mixed = (
        sample()
        .assign(p=[i % 12 if i % 2 else float(i % 12) for i in range(60)])
        .astype({"p": object})
    )
    whole = sample().assign(p=np.arange(60) % 12)
    found = [
        tl.cell_means(tl.compress(tl.SurveyDesign(f, "w", psu="p"), "y")).frame
        for f in (mixed, whole)
    ]
    pd.testing.assert_frame_equal(*found)


# -- digits ---------------------------------------------------------------------------------------------------------------

SPELT = {
    "1": 1, "-2.5": -2.5, "+3": 3, "1e-05": 1e-5, "1E+3": 1000, " 7 ": 7, ".5": 0.5, "5.": 5, "007": 7, "1_000": None, "0x1F": None,
    "0o17": None, "1:30": None, "nan": None, "NA": None, "": None, "12a": None, "1,5": None, "1 000": None, "１２": None, "١٢": None, "²": None,
    "--1": None, "1e": None, "True": None,
}  # fmt: skip


def test_digits_are_read_as_a_person_reads_them():
    found = numbers_of(pd.Series(list(SPELT), dtype="str"))
    np.testing.assert_array_equal(
        found, [np.nan if v is None else v for v in SPELT.values()]
    )
    mixed = numbers_of(
        pd.Series([1, "2", None, True, "1_0"], dtype=object, index=[0, 0, 0, 1, 1])
    )
    np.testing.assert_array_equal(mixed, [1, 2, np.nan, 1, np.nan])


def test_without_a_mapping_codes_with_leading_zeros_stay_texts(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c,d\n01,1,1_0,1.5\n02,2,2,inf\n")
    found = tl.read_survey(tmp_path / "a.csv")
    assert found.to_dict("list") == {
        "a": ["01", "02"],
        "b": [1, 2],
        "c": ["1_0", "2"],
        "d": ["1.5", "inf"],
    }


def test_decimal_commas_touch_numbers_only(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('q;w;v\n"1,2";1,5;0,25\n1;2;-1,5\n"1,2";3,25;2\n')
    (tmp_path / "codebook.yml").write_text(
        "variables: {v: {type: number}, x: {levels: [both, one]}}\n"
    )
    (tmp_path / "m.yml").write_text(
        'codebook: codebook.yml\nvariables:\n  x: {column: q, values: {"1,2": both, 1: one}}\n  v: {}\ndesign: {weight: w}\n'
    )
    found = tl.read_survey(path, tmp_path / "m.yml")
    assert found["x"].tolist() == ["both", "one", "both"]
    assert found["v"].tolist() == [0.25, -1.5, 2]
    assert found["weight"].tolist() == [1.5, 2, 3.25]
    assert tl.read_survey(path)["q"].tolist() == ["1,2", "1", "1,2"]


@pytest.mark.parametrize(
    "weights",
    [["1.234,5", "2"], ["1.5", "1,5"], ["1.234", "2.500"], ["1.234.567", "2"]],
)
def test_numbers_in_two_ways_of_writing_are_refused(tmp_path, weights):
    path = tmp_path / "a.csv"
    path.write_text("y;w\n" + "".join(f"{i % 2};{w}\n" for i, w in enumerate(weights)))
    plan = {"variables": {"y": {}}, "design": {"weight": "w"}}
    refused(lambda: tl.read_survey(path, plan), *CODEBOOK_ERROR, "column w")


def test_points_in_a_file_with_semicolons_are_points(tmp_path):
    (tmp_path / "a.csv").write_text("y;w\n0;0.5\n1;1.25\n")
    plan = {"variables": {"y": {}}, "design": {"weight": "w"}}
    assert tl.read_survey(tmp_path / "a.csv", plan)["weight"].tolist() == [0.5, 1.25]


# -- YAML -----------------------------------------------------------------------------------------------------------------

SCALARS = {
    "012": "012", "1_000": "1_000", "1:30": "1:30", "0x1F": "0x1F", "0o17": "0o17", "0b1": "0b1", ".inf": ".inf", ".nan": ".nan",
    "2024-01-01": "2024-01-01", "Yes": "Yes", "no": "no", "on": "on", "y": "y", "=": "=", "1.5.2": "1.5.2", "-": "-", "+1_0": "+1_0", "00": "00",
    "1": 1, "-3": -3, "0": 0, "1.5": 1.5, "1e3": 1000.0, "1.50": 1.5, "true": True, "False": False, "null": None, "~": None,
}  # fmt: skip


def yaml_of(tmp_path, text):
    (tmp_path / "a.yml").write_text(text, encoding="utf-8")
    return load_yaml(tmp_path / "a.yml")


def test_scalars_of_yaml_are_what_a_reader_sees(tmp_path):
    values = {k: v for k, v in SCALARS.items() if k not in "-="}
    found = yaml_of(tmp_path, "".join(f"- {text}\n" for text in values))
    assert found == list(values.values())
    assert [type(v) for v in found] == [type(v) for v in values.values()]


def test_keys_of_yaml_keep_their_spelling(tmp_path):
    keys = [
        "001",
        "010",
        "1.50",
        "1e3",
        "+1",
        "null",
        "true",
        "~",
        "1_0",
        "0x1F",
        "2024-01-01",
        "Yes",
    ]
    assert list(yaml_of(tmp_path, "".join(f"{key}: x\n" for key in keys))) == keys
    assert list(yaml_of(tmp_path, "1: a\n2.5: b\n-1: c\n")) == [1, 2.5, -1]


def test_merged_keys_give_way_to_own_ones(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: {<<: *b, z: 0}\n"
    found = yaml_of(tmp_path, text)
    assert found["c"] == {"x": 9, "y": 2, "z": 4}
    assert found["d"] == {"y": 3, "z": 0}


def bomb(of, width=10, depth=9):
    """Aliases of aliases: ten to the ninth nodes in a few lines."""
    layers = [
        f"a0: &a0 {of[0]}{', '.join(f'k{i}: 1' if of == '{}' else 'x' for i in range(width))}{of[1]}"
    ]
    for i in range(1, depth):
        inner = ", ".join([f"*a{i - 1}"] * width)
        layers.append(
            f"a{i}: &a{i} [{inner}]" if of == "[]" else f"a{i}: &a{i} {{<<: [{inner}]}}"
        )
    return "\n".join(layers)


DANGEROUS = {
    "aliases": bomb("[]"), "merge keys": bomb("{}"), "a list in itself": "a: &a [*a]", "a mapping in itself": "a: &a {b: *a}",
    "merged with itself": "a: &a\n  <<: *a\n", "lists in lists": "[" * 50_000, "mappings in mappings": "{a: " * 50_000, "dashes": "- " * 50_000 + "a",
    "deep and closed": "[" * 5_000 + "]" * 5_000, "a set": "a: !!set {b}", "bytes": "a: !!binary aGk=", "a date by force": "a: !!timestamp 2024-01-01",
    "octal by force": "a: !!int 0o17", "underscores by force": "a: !!float 1_0.5", "a list as key": "? [a]\n: 1", "no mapping": "a: !!map [1]",
    "merged with a number": "<<: 3", "a key twice": "1: a\n'1': b",
}  # fmt: skip


GROWS = [
    "aliases",
    "merge keys",
    "a list in itself",
    "a mapping in itself",
    "merged with itself",
    "lists in lists",
    "mappings in mappings",
    "dashes",
    "deep and closed",
]
assert set(GROWS) < set(DANGEROUS)


@pytest.mark.parametrize("name", DANGEROUS)
def test_yaml_that_means_no_single_thing_is_refused(tmp_path, name):
    refused(lambda: yaml_of(tmp_path, DANGEROUS[name]), *CODEBOOK_ERROR, "a.yml")


@pytest.fixture
def reading(monkeypatch):
    """What reading YAML has done so far: events of the parser, documents built."""
    done = {"events": 0, "built": 0}
    parse = yaml.parse
    load = yaml.load

    def counted(*given, **options):
        for event in parse(*given, **options):
            done["events"] += 1
            yield event

    def built(*given, **options):
        done["built"] += 1
        return load("a: built", **options)

    monkeypatch.setattr(yaml, "parse", counted)
    monkeypatch.setattr(yaml, "load", built)
    return done


@pytest.mark.parametrize("name", GROWS)
def test_yaml_that_grows_without_end_is_refused_before_anything_is_built(
    tmp_path, name, reading
):
    """After as many events as a person could read, though it stands for millions."""
    refused(lambda: yaml_of(tmp_path, DANGEROUS[name]), *CODEBOOK_ERROR, "a.yml")
    assert reading["built"] == 0
    assert reading["events"] < 200


def test_yaml_that_ends_is_read_to_its_end_and_built_once(tmp_path, reading):
    assert yaml_of(tmp_path, "- x\n" * 20_000) == {"a": "built"}
    assert reading["built"] == 1
    assert reading["events"] > 20_000


@pytest.mark.parametrize("past", [0, 1])
def test_aliases_may_stand_for_as_many_nodes_as_the_limit_says(tmp_path, past):
    hundred = f"&a [{', '.join(['x'] * 99)}]"
    aliases = MAX_NODES // 100 - 2
    others = MAX_NODES - 100 * (1 + aliases) - 1  # the document is a node too
    entries = [hundred, *["*a"] * aliases, *["y"] * (others + past)]
    text = "".join(f"- {entry}\n" for entry in entries)
    if past:
        refused(lambda: yaml_of(tmp_path, text), *CODEBOOK_ERROR, "a.yml")
    else:
        assert len(yaml_of(tmp_path, text)) == len(entries)


# -- texts in one form ----------------------------------------------------------------------------------------------------


def test_texts_meet_in_one_unicode_form(tmp_path):
    nfd = unicodedata.normalize("NFD", "Größe")
    frame = pd.DataFrame({nfd: [NFD, "Médecin\u00a0", "autre "], "w": [1.0, 2, 3]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    pyreadstat.write_sav(frame.rename(columns={nfd: "v"}), str(tmp_path / "a.sav"))
    for name in ("a.parquet", "a.csv", "a.sav"):
        column = "v" if name == "a.sav" else "Größe"
        for key in ("Médecin", NFD):
            rule = {"column": column, "values": {key: "m", "autre": "a"}}
            assert tl.read_survey(tmp_path / name, {"variables": {"x": rule}})[
                "x"
            ].tolist() == ["m", "m", "a"]
        free = {"column": column, "levels": [NFD, "autre"]}
        found = tl.read_survey(tmp_path / name, {"variables": {"x": free}})["x"]
        assert found.tolist() == ["Médecin", "Médecin", "autre"]


def test_columns_that_are_one_in_unicode_are_refused(tmp_path):
    pa_table = pa.table({"Médecin": [1], NFD: [2]})
    pq.write_table(pa_table, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text(f"Médecin,{NFD}\n1,2\n")
    for name in ("a.parquet", "a.csv"):
        refused(
            lambda name=name: tl.read_survey(tmp_path / name),
            tl.SurveyFileError,
            OSError,
            "two columns named 'Médecin'",
        )


def test_levels_that_are_one_in_unicode_are_one_level():
    frame = sample(40).assign(g=["Médecin", NFD, "autre", NFD] * 10)
    for values in (frame["g"], pd.Categorical(frame["g"], [NFD, "autre", "Médecin"])):
        cells = tl.compress(tl.SurveyDesign(frame.assign(g=values), "w"), "y", ["g"])
        counts = dict(zip(cells.frame["g"], cells.frame["n"], strict=True))
        assert counts == {"Médecin": 30, "autre": 10}


# -- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["n", "level", "sum_w", "_x", "", "a`b", "a\\b", "*", "^a$"]
)
def test_a_name_that_results_cannot_have_is_refused_when_the_file_is_read(
    tmp_path, name
):
    (tmp_path / "a.csv").write_text("q\n1\n2\n")
    plan = {"variables": {name: {"column": "q", "values": {"1": "a", "2": "b"}}}}
    refused(
        lambda: tl.read_survey(tmp_path / "a.csv", plan),
        *CODEBOOK_ERROR,
        f"variable {name}: ",
    )


def test_text_and_number_are_told_apart_in_words():
    frame = sample().assign(band=np.arange(60) % 3)
    text = refused(
        lambda: tl.rake(
            tl.SurveyDesign(frame, "w"), {"band": {"0": 20, "1": 20, "2": 20}}
        ),
        tl.UnknownNameError,
        KeyError,
    )
    assert "Did you mean" not in text
    assert "One is a number, the other a text" in text


def test_the_counts_of_a_warning_stay_as_they_were(tmp_path):
    """An outcome whose name is that of another's kinds of missing is not taken for these."""
    frame = sample().assign(g=["a", "b", None] * 20).rename(columns={"y": "g_missing"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = tl.compress(tl.SurveyDesign(frame, "w"), "g_missing", ["g"])
    assert cells.frame["n"].tolist() == [20, 20]
