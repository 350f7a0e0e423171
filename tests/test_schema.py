"""From a survey file to a frame in codebook terms, and every fault of a file or a mapping."""

import contextlib
import gzip
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml

import trustlib as tl
from contract import ids, refused
from trustlib.files import read_table
from trustlib.schema import load_codebook

ROOT = Path(__file__).parents[1]

RAW = pd.DataFrame({
    "Sex": [1.0, 2, 2, 9, np.nan, 1], "Deaf": ["Yes", "No", "No", "Refused", "", "No"],
    "Occ": ["No", "Yes", "No", "No", "No", "Refused"], "Trust": [1.0, 2, 3, 1, 2, 8], "W0": [1.5, 2, 0, 1, 1, 3],
    "W1": [0.0, 2, 1, 1, 1, 3], "W2": [3.0, 2, 1, 1, 1, 3], "S": ["a", "a", "b", "b", "a", "b"], "P": ["1", "2", "1", "2", "1", "2"],
})  # fmt: skip
LABELS = {"Sex": {1.0: "Male", 2.0: "Female", 9.0: "Refused"}}
CODEBOOK = {"variables": {
    "gender": {"label": "Gender", "levels": ["man", "woman"]},
    "disability": {"label": "Disability", "levels": ["no", "yes"]},
    "damaged": {"label": "Trust damaged", "type": "binary"},
    "reported": {"label": "Trust damaged, of all", "type": "binary"},
    "score": {"type": "number"},
}}  # fmt: skip
YES_NO = {"Yes": "yes", "No": "no"}
MAPPING = {
    "source": {"id": "made", "kind": "supplied", "label": "Made up"},
    "codebook": "codebook.yml",
    "missing": {"Refused": "prefer not to say", "9": "prefer not to say"},
    "variables": {
        "gender": {"column": "Sex", "values": {"1": "man", "2": "woman"}},
        "disability": {"any_of": [{"column": "Deaf", "values": YES_NO}, {"column": "Occ", "values": YES_NO}]},
        "damaged": {"column": "Trust", "values": {"1": 0, "2": 1, "3": 1}, "missing": {"8": "not asked"}},
        "reported": {"column": "Trust", "values": {"1": 0, "2": 1, "3": 1}, "missing": {"8": "not asked"}, "missing_as": 0},
        "score": {"column": "Trust"},
    },
    "design": {"weight": "W0", "strata": "S", "psu": "P", "nest": True, "replicate_weights": {"prefix": "W", "count": 2},
               "replicate_method": "JK1"},
}  # fmt: skip


def write(folder, kind):
    path = folder / f"survey{kind}"
    if kind.startswith(".csv"):
        RAW.to_csv(path, index=False)
    elif kind == ".parquet":
        RAW.to_parquet(path)
    elif kind == ".dta":
        pyreadstat.write_dta(
            RAW,
            str(path),
            variable_value_labels={"Sex": {1: "Male", 2: "Female", 9: "Refused"}},
        )
    else:
        pyreadstat.write_sav(
            RAW, str(path), variable_value_labels=LABELS, compress=kind == ".zsav"
        )
    return path


@pytest.fixture
def mapping(tmp_path):
    """The mapping on disk, as a function of changes to it."""
    (tmp_path / "codebook.yml").write_text(yaml.safe_dump(CODEBOOK, sort_keys=False))

    def make(**changes):
        path = tmp_path / "mapping.yml"
        path.write_text(yaml.safe_dump({**MAPPING, **changes}, sort_keys=False))
        return path

    return make


KINDS = [".csv", ".csv.gz", ".sav", ".zsav", ".dta", ".parquet"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_frame(tmp_path, mapping, kind):
    frame = tl.read_survey(write(tmp_path, kind), mapping())
    assert len(frame) == len(RAW)
    assert frame["gender"].cat.categories.tolist() == ["man", "woman"]
    assert frame["gender"].astype(object).where(
        frame["gender"].notna(), None
    ).tolist() == [
        "man",
        "woman",
        "woman",
        None,
        None,
        "man",
    ]
    assert frame["gender_missing"].astype(object).tolist()[3:5] == [
        "prefer not to say",
        "blank in the file",
    ]
    assert frame["gender_missing"].notna().tolist() == frame["gender"].isna().tolist()
    np.testing.assert_array_equal(frame["damaged"], [0, 1, 1, 0, 1, np.nan])
    assert frame["damaged_missing"].astype(object).tolist()[5] == "not asked"
    np.testing.assert_array_equal(frame["reported"], [0, 1, 1, 0, 1, 0])
    assert "reported_missing" not in frame
    np.testing.assert_array_equal(frame["score"], RAW["Trust"])
    for own, column in (("weight", "W0"), ("weight_1", "W1"), ("weight_2", "W2")):
        assert frame[own].dtype == float
        np.testing.assert_array_equal(frame[own], RAW[column])
    assert frame["stratum"].tolist() == RAW["S"].tolist()
    assert frame.attrs["source"] == MAPPING["source"]
    assert frame.attrs["labels"]["damaged"] == "Trust damaged"


def test_any_of_is_yes_if_any_no_if_all_and_else_missing(tmp_path):
    """The truth table: yes wins over missing, missing wins over no; the kind of missing is the first one's."""
    answers = ["Yes", "No", "Refused", ""]
    raw = pd.DataFrame(
        [(a, b) for a in answers for b in answers], columns=["Deaf", "Occ"]
    )
    raw.to_csv(tmp_path / "x.csv", index=False)
    parts = [{"column": c, "values": YES_NO} for c in ("Deaf", "Occ")]
    rule = {"any_of": parts, "levels": ["no", "yes"]}
    frame = tl.read_survey(
        tmp_path / "x.csv",
        {"missing": {"Refused": "refused"}, "variables": {"disability": rule}},
    )
    found = (
        frame["disability"]
        .astype(object)
        .where(frame["disability"].notna(), None)
        .tolist()
    )
    assert found == [
        "yes",
        "yes",
        "yes",
        "yes",
        "yes",
        "no",
        None,
        None,
        "yes",
        None,
        None,
        None,
        "yes",
        None,
        None,
        None,
    ]
    kinds = frame["disability_missing"].astype(object)
    assert kinds[6] == kinds[9] == kinds[10] == "refused"
    assert kinds[7] == kinds[13] == kinds[15] == "blank in the file"
    assert kinds[frame["disability"].notna()].isna().all()


def test_any_of_for_an_outcome(tmp_path):
    pd.DataFrame({"a": ["1", "0", "0"], "b": ["0", "", "0"]}).to_csv(
        tmp_path / "x.csv", index=False
    )
    rule = {"any_of": [{"column": c, "values": {"1": 1, "0": 0}} for c in "ab"]}
    np.testing.assert_array_equal(
        tl.read_survey(tmp_path / "x.csv", {"variables": {"any": rule}})["any"],
        [1, np.nan, 0],
    )


def test_yes_and_no_are_texts_in_a_mapping(tmp_path):
    (tmp_path / "m.yml").write_text(
        "variables:\n  deaf:\n    column: Deaf\n    values: {Yes: 1, No: 0}\n    missing: {Refused: refused}\n"
    )
    found = tl.read_survey(write(tmp_path, ".csv"), tmp_path / "m.yml")
    np.testing.assert_array_equal(found["deaf"], [1, 0, 0, np.nan, np.nan, 0])


def test_without_a_mapping(tmp_path):
    labelled = tl.read_survey(write(tmp_path, ".sav"))
    assert labelled["Sex"].tolist()[:4] == ["Male", "Female", "Female", "Refused"]
    plain = tl.read_survey(write(tmp_path, ".csv"))
    np.testing.assert_array_equal(plain["W0"], RAW["W0"])
    assert plain["Deaf"].isna().sum() == 1


def test_two_codes_with_one_label_are_not_merged(tmp_path):
    pyreadstat.write_sav(
        pd.DataFrame({"a": [1.0, 2, 3]}),
        str(tmp_path / "x.sav"),
        variable_value_labels={"a": {1: "x", 2: "x", 3: "y"}},
    )
    assert tl.read_survey(tmp_path / "x.sav")["a"].tolist() == [1, 2, 3]


def test_declared_design(tmp_path, mapping):
    frame = tl.read_survey(write(tmp_path, ".csv"), mapping())
    assert tl.declared_design(mapping()) == {
        "weight": "weight",
        "strata": "stratum",
        "psu": "psu",
        "nest": True,
    }
    assert tl.declared_design(mapping(), "weights") == {"weight": "weight"}
    replicates = tl.declared_design(mapping(), "replicates")
    assert replicates == {
        "weight": "weight",
        "replicate_weights": ["weight_1", "weight_2"],
        "replicate_method": "JK1",
    }
    assert tl.SurveyDesign(
        frame, **tl.declared_design(mapping())
    ).layout.n_psu.tolist() == [2, 2]
    assert tl.SurveyDesign(frame, **replicates).scale.tolist() == [0.5, 0.5]
    refused(
        lambda: tl.declared_design(mapping(), "tailor"),
        tl.UnknownNameError,
        KeyError,
        "Did you mean 'taylor'?",
    )
    refused(
        lambda: tl.declared_design(mapping(design={"weight": "W0"}), "replicates"),
        tl.CodebookError,
        ValueError,
        "replicate",
    )


# -- files that cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["no.csv", "no.sav", ".", None, 3])
def test_missing_file(tmp_path, path):
    given = tmp_path / path if isinstance(path, str) else path
    refused(lambda: tl.read_survey(given), tl.MissingFileError, FileNotFoundError)
    refused(
        lambda: tl.read_survey(write(tmp_path, ".csv"), given if path else 3),
        tl.MissingFileError,
        FileNotFoundError,
    )


@pytest.mark.parametrize("name", ["x.docx", "x", "x.csv.zip", "x.SAS7BCAT"])
def test_wrong_extension(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    refused(
        lambda: tl.read_survey(tmp_path / name),
        tl.SurveyFileError,
        OSError,
        name,
        ".sav",
    )


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.8, 0.95])
def test_a_file_cut_short(tmp_path, kind, share):
    path = write(tmp_path, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(lambda: tl.read_survey(path), tl.SurveyFileError, OSError, path.name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_something_else(tmp_path, kind):
    path = tmp_path / f"x{kind}"
    path.write_bytes(
        gzip.compress(b"a,b\n1,2\n") if kind == ".csv" else b"garbage\x00" * 50
    )
    refused(lambda: tl.read_survey(path), tl.SurveyFileError, OSError, path.name)


CSV = {
    "empty": (b"", "empty"),
    "header only": (b"a,b\n", "no rows"),
    "column twice": (b"a,b,a\n1,2,3\n", "columns 1, 3"),
    "columns without names": (b"a,,\n1,2,3\n", "columns 2, 3"),
    "short line": (b"a,b,c\n1,2,3\n1,2\n", "line 3"),
    "cut in the last line": (b"a,b\n1,2\n3", "line 3"),
    "long line": (b"a,b\n1,2\n1,2,3\n", "line 3"),
    "all lines long": (b"a,b\n1,2,3\n4,5,6\n", "one field more"),
    "quote not closed": (b'a,b\n1,"x\n2,y\n', "cannot be read"),
    "Latin-1": ("a,b\né,1\n".encode("latin-1"), "encoding"),
    "UTF-16 that does not say so": (
        ("a,b\n" + "é,1\n" * 20).encode("utf-16-le"),
        "--encoding utf-16-le",
    ),
    "semicolons and commas": (b"a;b,c\n1;2\n3,4\n", "line 2"),
    "a workbook": (b"PK\x03\x04rest", "Let its name end in .xlsx"),
    "semicolons, a line short": (b"a;b;c\n1;2;3\n1;2\n", "line 3"),
    "SPSS": (b"$FL2@(#) SPSS DATA FILE\x00\xff", "Let its name end in .sav."),
    "SPSS, compressed": (
        b"$FL3@(#) SPSS DATA FILE\x00\xff",
        "Let its name end in .sav.",
    ),
    "tabs, two lines short": (b"a\tb\n1\n2\n", "2 lines"),
}


@pytest.mark.parametrize("name", CSV)
def test_faults_of_csv_files(tmp_path, name):
    content, word = CSV[name]
    (tmp_path / "x.csv").write_bytes(content)
    refused(
        lambda: tl.read_survey(tmp_path / "x.csv"),
        tl.SurveyFileError,
        OSError,
        "x.csv",
        word,
    )


def test_csv_files_that_are_right(tmp_path):
    (tmp_path / "x.csv").write_bytes(
        '\ufeffa,b\r\n"x\ny","q""z"\r\n\r\né,NA\r\n'.encode()
    )
    frame, _ = read_table(tmp_path / "x.csv")
    assert frame.to_dict("list") == {"a": ["x\ny", "é"], "b": ['q"z', "NA"]}
    for mark in (b"a;b\n", b'a;"b"\n'):  # as Excel writes it in Germany and in France
        (tmp_path / "x.csv").write_bytes(mark + b'1,5;"x, y; z"\n;2,5\n-2;\n')
        assert read_table(tmp_path / "x.csv")[0].to_dict("list") == {
            "a": ["1,5", "", "-2"],
            "b": ["x, y; z", "2,5", ""],
        }
    (tmp_path / "x.csv").write_bytes(b'"a;1",b\n"1,5",2\n')
    assert read_table(tmp_path / "x.csv")[0].to_dict("list") == {
        "a;1": ["1,5"],
        "b": ["2"],
    }
    (tmp_path / "x.csv").write_bytes("a,b\né,1\n".encode("latin-1"))
    assert read_table(tmp_path / "x.csv", "latin-1")[0]["a"].tolist() == ["é"]
    (tmp_path / "m.yml").write_text("encoding: klingon\nvariables: {a: {column: a}}\n")
    refused(
        lambda: tl.read_survey(tmp_path / "x.csv", tmp_path / "m.yml"),
        tl.SurveyFileError,
        OSError,
        "klingon",
    )


# -- faults of mappings --------------------------------------------------------------------------------------------------

GENDER = MAPPING["variables"]["gender"]


def rule(**changes):
    return {"variables": {"gender": {**GENDER, **changes}}}


FAULTS = {
    "no variables": ({"variables": None}, "variables"),
    "variables list": ({"variables": ["gender"]}, "variables"),
    "unknown section": ({"desing": {}}, "Did you mean 'design'?"),
    "source text": ({"source": "hints"}, "source is 'hints'"),
    "source kind": ({"source": {"kind": "reel"}}, "Did you mean 'real'?"),
    "missing list": ({"missing": ["Refused"]}, "missing is"),
    "codebook list": ({"codebook": ["x"]}, "codebook is"),
    "encoding list": ({"encoding": ["x"]}, "encoding is"),
    "design list": ({"design": ["W0"]}, "design is"),
    "design misspelt": ({"design": {"wieght": "W0"}}, "Did you mean 'weight'?"),
    "design column": ({"design": {"weight": "WO"}}, "no column 'WO'"),
    "nest text": ({"design": {"nest": "x"}}, "nest is 'x'"),
    "replicates text": ({"design": {"replicate_weights": "W"}}, "replicate_weights is 'W'"),
    "replicates without count": ({"design": {"replicate_weights": {"prefix": "W"}}}, "count"),
    "replicates with text count": ({"design": {"replicate_weights": {"prefix": "W", "count": "x"}}}, "count"),
    "replicates too many": ({"design": {"replicate_weights": {"prefix": "W", "count": 3}}}, "'W3'"),
    "rule empty": ({"variables": {"gender": None}}, "variable gender is None"),
    "rule text": ({"variables": {"gender": "Sex"}}, "variable gender is 'Sex'"),
    "rule misspelt": (rule(valeus={}), "Did you mean 'values'?"),
    "values list": (rule(values=["1"]), "values is"),
    "values without value": (rule(values={"1": None, "2": "woman"}), "no value is given for 1"),
    "missing of rule list": (rule(missing=["9"]), "missing is"),
    "answer twice": (rule(missing={"1": "refused"}), "more than once: 1"),
    "number and text": (rule(values={1: "man", "1": "woman", "2": "woman"}), "'1' is there twice"),
    "column list": (rule(column=["Sex"]), "column is"),
    "unknown column": (rule(column="Sec"), "Did you mean 'Sex'?"),
    "levels text": (rule(levels="mw"), "levels is 'mw'"),
    "level twice": (rule(levels=["man", "woman", "man"]), "twice"),
    "not a level": (rule(values={"1": "man", "2": "womn"}), "womn"),
    "not a level, though nobody answers so": (rule(values={"1": "man", "2": "woman", "3": "nonbinary"}), "nonbinary"),
    "missing as no level": (rule(missing_as="nobody"), "nobody"),
    "undeclared answer": (rule(values={"1": "man"}), "an answer of fewer than 10 people (row 2)"),
    "any_of mapping": ({"variables": {"disability": {"any_of": {"column": "Deaf"}}}}, "any_of is"),
    "any_of empty": ({"variables": {"disability": {"any_of": []}}}, "any_of"),
    "any_of of texts": ({"variables": {"disability": {"any_of": ["Deaf"]}}}, "any_of"),
    "any_of and column": ({"variables": {"disability": {"column": "Deaf", "any_of": [{"column": "Occ", "values": YES_NO}]}}}, "any_of"),
    "any_of without values": ({"variables": {"disability": {"any_of": [{"column": "Deaf"}]}}}, "any_of"),
    "any_of without order": (
        {"codebook": None, "variables": {"dis": {"any_of": [{"column": "Deaf", "values": YES_NO, "missing": {"": "blank"}}]}}}, "two levels in order",
    ),
    "not in the codebook": ({"variables": {"gendr": GENDER}}, "Did you mean 'gender'?"),
    "number of texts": ({"variables": {"score": {"column": "S"}}}, "not numbers"),
    "outcome of three values": ({"variables": {"damaged": {"column": "Trust"}}}, "other than 0 and 1; give values"),
    "numbers without values": ({"codebook": None, "variables": {"trust": {"column": "Trust"}}}, "other than 0 and 1; give values"),
    "blank declared twice": (rule(blank="man", missing={"": "blank"}), "more than once"),
    "any_of and blank": ({"variables": {"disability": {"any_of": [{"column": "Deaf", "values": YES_NO}], "blank": "no"}}}, "any_of"),
    "blank as no level": (rule(blank="nobody"), "nobody"),
    "name of the design": ({"codebook": None, "variables": {"weight": GENDER}}, "variable weight"),
    "name of a kind of missing": ({"codebook": None, "variables": {"x": GENDER, "x_missing": GENDER}}, "variable x_missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_mappings(tmp_path, mapping, name):
    changes, word = FAULTS[name]
    path = write(tmp_path, ".sav")
    refused(
        lambda: tl.read_survey(path, mapping(**changes)),
        tl.CodebookError,
        ValueError,
        word,
    )


def test_all_faults_are_listed_at_once(tmp_path, mapping):
    RAW.assign(W0=[-1, 2, 0, 1, 1, 3], W1="x", S=["", *"abbab"]).to_csv(
        tmp_path / "survey.csv", index=False
    )
    variables = {
        "gender": {"column": "Sex", "values": {"1.0": "man", "2.0": "womn"}}, "gendr": GENDER,
        "disability": {"column": "Deef", "values": YES_NO}, "damaged": {"column": "Trust", "values": {"1.0": 0}},
    }  # fmt: skip
    design = {**MAPPING["design"], "lonely_psu": "ajust", "replicate_method": "JK11"}
    text = refused(
        lambda: tl.read_survey(tmp_path / "survey.csv", mapping(variables=variables, design=design)), tl.CodebookError, ValueError,
        "womn", "Did you mean 'gender'?", "Did you mean 'Deaf'?", "3 answers of fewer than 10 people each (the first in rows 2, 3, 6)", "W0 (weight) are negative", "W1 are blank or not", "column S",
        "no lonely-PSU rule 'ajust'", "Did you mean 'adjust'?", "no replicate method 'JK11'",
    )  # fmt: skip
    assert "survey.csv" in text


def test_a_long_list_of_faults_stays_on_one_screen(tmp_path, mapping):
    variables = {f"v{i}": {"column": f"c{i}"} for i in range(60)}
    text = refused(
        lambda: tl.read_survey(
            write(tmp_path, ".csv"), mapping(codebook=None, variables=variables)
        ),
        tl.CodebookError,
        ValueError,
    )
    assert "60 faults" in text
    assert "and 40 more" in text


YAML = {
    "tabs": ("variables:\n\tgender: 1\n", "line 2"),
    "a key twice": (
        "variables:\n  g: {column: Sex}\n  g: {column: S}\n",
        "'g' is there twice",
    ),
    "colon": ("variables: {a: b: c}\n", "line 1"),
    "a list": ("- a\n", "variables"),
    "nothing": ("", "variables"),
    "code": ("variables: !!python/object:os.system x\n", "python/object"),
}


@pytest.mark.parametrize("name", YAML)
def test_faults_of_yaml(tmp_path, name):
    text, word = YAML[name]
    (tmp_path / "m.yml").write_text(text)
    refused(
        lambda: tl.read_survey(write(tmp_path, ".csv"), tmp_path / "m.yml"),
        tl.CodebookError,
        ValueError,
        "m.yml",
        word,
    )


def test_yaml_in_another_encoding(tmp_path):
    (tmp_path / "m.yml").write_bytes("variables: {é: 1}\n".encode("latin-1"))
    refused(
        lambda: tl.read_survey(write(tmp_path, ".csv"), tmp_path / "m.yml"), tl.CodebookError, ValueError, "m.yml",
        "not text in UTF-8", "save it again with the encoding UTF-8",
    )  # fmt: skip


def test_a_folder_is_called_a_folder(tmp_path):
    refused(
        lambda: tl.read_survey(tmp_path),
        tl.MissingFileError,
        FileNotFoundError,
        f"{tmp_path} is a folder.",
    )
    refused(
        lambda: tl.read_survey(write(tmp_path, ".csv"), tmp_path),
        tl.MissingFileError,
        FileNotFoundError,
        "a folder",
    )


def test_a_list_of_columns_is_not_cut_inside_a_name(tmp_path):
    names = [f"{'a_rather_long_name_of_a_column_' * 2}{i}" for i in range(20)]
    pd.DataFrame([range(20)], columns=names).to_csv(tmp_path / "x.csv", index=False)
    told = refused(
        lambda: tl.read_survey(tmp_path / "x.csv", {"variables": {"a": {"column": "b"}}, "design": {"weight": "w"}}),
        tl.CodebookError, ValueError,
    )  # fmt: skip
    assert told.count(f"{names[11]} and 8 more.") == 2


# -- answers that are numbers, blanks, and what SPSS declares missing ----------------------------------------------------


def test_numbers_without_values_are_an_outcome_if_they_are_0_and_1(tmp_path):
    pd.DataFrame({"a": ["1", "0", ""], "b": ["x", "y", ""]}).to_csv(
        tmp_path / "x.csv", index=False
    )
    frame = tl.read_survey(tmp_path / "x.csv", {"variables": {"a": {}, "b": {}}})
    np.testing.assert_array_equal(frame["a"], [1, 0, np.nan])
    assert list(frame["b"].cat.categories) == ["x", "y"]


@pytest.mark.parametrize("kind", KINDS)
def test_undeclared_codes_of_missing_make_no_identity(tmp_path, kind):
    raw = pd.DataFrame({"out": [1.0, 2, 8, 9], "age": [18.0, 35, 35, 90]})
    path = tmp_path / f"x{kind}"
    raw.to_parquet(path) if kind == ".parquet" else raw.to_csv(
        path, index=False
    ) if "csv" in kind else (
        pyreadstat.write_dta if kind == ".dta" else pyreadstat.write_sav
    )(raw, str(path))
    for column in raw:
        told = refused(
            lambda column=column: tl.read_survey(path, {"variables": {column: {}}}),
            tl.CodebookError,
            ValueError,
        )
        assert (
            f"variable {column}: holds numbers other than 0 and 1; give values" in told
        )


def test_a_blank_may_have_a_value(tmp_path):
    """A list of which only what was chosen is coded: blank means not chosen, and other kinds of missing stay missing."""
    raw = pd.DataFrame({"a": [1.0, np.nan, np.nan, -1], "b": [np.nan, np.nan, 1, 1]})
    rule = {"column": "a", "values": {"Chosen": 1}, "blank": 0}
    pyreadstat.write_sav(
        raw, str(tmp_path / "x.sav"), variable_value_labels={"a": {1: "Chosen", -1: "Refused"}, "b": {1: "Chosen"}},
        missing_ranges={"a": [-1]},
    )  # fmt: skip
    raw.assign(a=["1", "", " ", "-1"]).to_csv(tmp_path / "x.csv", index=False)
    for name, more in (
        ("x.sav", {}),
        ("x.csv", {"values": {"1": 1}, "missing": {"-1": "Refused"}}),
    ):
        frame = tl.read_survey(tmp_path / name, {"variables": {"a": rule | more}})
        np.testing.assert_array_equal(frame["a"], [1, 0, 0, np.nan])
        assert frame["a_missing"].dropna().to_dict() == {3: "Refused"}
    parts = [{"column": c, "values": {"Chosen": "yes"}, "blank": "no"} for c in "ab"]
    frame = tl.read_survey(
        tmp_path / "x.sav",
        {"variables": {"any": {"any_of": parts, "levels": ["no", "yes"]}}},
    )
    assert frame["any"].astype(str).tolist() == ["yes", "no", "yes", "yes"]


def test_what_an_spss_file_declares_missing_keeps_its_words(tmp_path):
    raw = pd.DataFrame(
        {"q": [1.0, 2, -1, -2, np.nan, -9], "age": [20.0, 30, 99, 98, 40, 50]}
    )
    pyreadstat.write_sav(
        raw, str(tmp_path / "x.sav"), variable_value_labels={"q": {1: "Yes", 2: "No", -1: "Refused", -2: "Do not know"}},
        missing_ranges={"q": [{"lo": -99, "hi": -1}], "age": [98, 99]},
    )  # fmt: skip
    values = {"Yes": 1, "No": 0}
    frame = tl.read_survey(tmp_path / "x.sav", {"variables": {"q": {"values": values}}})
    assert frame["q_missing"].tolist()[2:] == [
        "Refused",
        "Do not know",
        "blank in the file",
        "declared missing in the file",
    ]
    own = {"values": values, "missing": {"Refused": "no wish to say", "-2": "unsure"}}
    assert tl.read_survey(tmp_path / "x.sav", {"variables": {"q": own}})[
        "q_missing"
    ].tolist()[2:4] == [
        "no wish to say",
        "unsure",
    ]
    meant = tl.read_survey(
        tmp_path / "x.sav",
        {"variables": {"q": {"values": values | {"Do not know": 0}}}},
    )
    np.testing.assert_array_equal(meant["q"], [1, 0, np.nan, 0, np.nan, np.nan])
    (tmp_path / "codebook.yml").write_text("variables: {age: {type: number}}\n")
    (tmp_path / "m.yml").write_text("codebook: codebook.yml\nvariables: {age: {}}\n")
    np.testing.assert_array_equal(
        tl.read_survey(tmp_path / "x.sav", tmp_path / "m.yml")["age"],
        [20, 30, np.nan, np.nan, 40, 50],
    )
    assert tl.read_survey(tmp_path / "x.sav")["q"].tolist()[:2] == ["Yes", "No"]
    assert tl.read_survey(tmp_path / "x.sav").isna().sum().to_dict() == {
        "q": 4,
        "age": 2,
    }


def test_names_of_encodings_that_python_knows_are_known_for_spss(tmp_path):
    path = tmp_path / "x.sav"
    pyreadstat.write_sav(pd.DataFrame({"a": ["x"]}), str(path))
    for name in ("latin-1", "L1", "cp1252", "UTF8"):
        assert read_table(path, name)[0]["a"].tolist() == ["x"]
    refused(
        lambda: read_table(path, "klingon"),
        tl.SurveyFileError,
        OSError,
        "klingon",
        "--encoding",
    )


CODEBOOKS = {
    "not a mapping": ({"gender": 3}, "gender is 3"),
    "type": ({"gender": {"type": "catgory"}}, "Did you mean 'category'?"),
    "levels text": ({"gender": {"levels": "man"}}, "levels is 'man'"),
    "level twice": ({"gender": {"levels": ["man", "man"]}}, "twice"),
}


@pytest.mark.parametrize(("variables", "word"), ids(CODEBOOKS))
def test_faults_of_codebooks(tmp_path, variables, word):
    (tmp_path / "codebook.yml").write_text(yaml.safe_dump({"variables": variables}))
    refused(
        lambda: load_codebook(tmp_path / "codebook.yml"),
        tl.CodebookError,
        ValueError,
        word,
    )


@pytest.mark.parametrize("value", ["-1", "", "inf", "-inf", "nan", "x", "1e400"])
def test_bad_weights_in_a_file(tmp_path, mapping, value):
    raw = RAW.astype({"W0": object})
    raw.loc[1, "W0"] = value
    raw["Sex"] = raw["Sex"].map(lambda v: "" if np.isnan(v) else str(int(v)))
    raw["Trust"] = raw["Trust"].astype(int)
    raw.to_csv(tmp_path / "survey.csv", index=False)
    refused(
        lambda: tl.read_survey(tmp_path / "survey.csv", mapping()),
        tl.CodebookError,
        ValueError,
        "1 values of W0 (weight) are negative or absurd"
        if value in ("-1", "inf", "-inf", "1e400")
        else "W0",
    )


# -- real files ----------------------------------------------------------------------------------------------------------


def test_the_codebook_of_the_project():
    assert load_codebook(ROOT / "data/codebook.yml")["gender"].levels[0] == "man"


def test_hints(data_file):
    """6,252 people in 4 strata and 200 PSUs, 50 replicates; nothing of a person is printed."""
    mapping = ROOT / "data/hints6/mapping.yml"
    frame = tl.read_survey(data_file("hints6", "hints6_extract.csv.gz"), mapping)
    assert len(frame) == 6252
    taylor = tl.SurveyDesign(frame, **tl.declared_design(mapping))
    assert (
        taylor.variance
        == "Taylor linearisation over 200 PSUs in 4 strata, lonely PSUs: fail, weights taken as fixed"
    )
    replicates = tl.SurveyDesign(frame, **tl.declared_design(mapping, "replicates"))
    assert len(replicates.replicate_weights) == 50
    np.testing.assert_allclose(replicates.scale, 49 / 50)
    assert frame["gender"].cat.categories.tolist()[:2] == ["man", "woman"]
    assert {"not ascertained"} <= set(frame["gender_missing"].cat.categories)
    assert frame["mistrust"].isna().sum() == frame["mistrust_missing"].notna().sum()
    assert frame.attrs["source"]["kind"] == "real"


SAMPLES = ("haven_iris.sav", "hebrews.sav", "missing_test.sav", "ordered_category.sav", "sample.sav", "sample.zsav",
           "sample_missing.sav", "simple_alltypes.sav", "tegulu.sav", "test_width.sav")  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_sav_files(data_file, name):
    path = data_file("sav_samples", name)
    frame = tl.read_survey(path)
    assert len(frame) > 0
    assert frame.columns.is_unique


def test_categories_of_a_file_keep_their_order_where_no_levels_are_given(tmp_path):
    frame = pd.DataFrame(
        {
            "y": [1, 0, 1],
            "g": pd.Categorical(["a", "b", None], categories=["b", "a", "nobody"]),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    plan = {"y": {"column": "y"}, "g": {"column": "g"}}
    mapping = {
        "source": {"id": "a", "kind": "supplied", "label": "A"},
        "variables": plan,
    }
    read = tl.read_survey(tmp_path / "a.parquet", mapping)
    assert list(read["g"].cat.categories) == ["b", "a"]
    assert read["g"].astype(object).fillna("none").tolist() == ["a", "b", "none"]


def test_lists_in_a_column_are_refused_and_categories_are_not(tmp_path):
    frame = pd.DataFrame(
        {"y": [1, 0], "g": pd.Categorical(["a", "b"]), "several": [["x"], ["x", "z"]]}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(tl.SurveyFileError, match="'several', expected one answer"):
        tl.read_survey(tmp_path / "a.parquet")
    frame.drop(columns="several").to_parquet(tmp_path / "a.parquet")
    assert tl.read_survey(tmp_path / "a.parquet")["g"].tolist() == ["a", "b"]


def test_hints_puerto_rico(data_file):
    frame = tl.read_survey(data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav"))
    assert frame.shape == (639, 322)
    replicates = [f"R12WGT{i}" for i in range(1, 49)]
    design = tl.SurveyDesign(
        frame,
        "R12WGT0",
        replicate_weights=replicates,
        replicate_method="JKn",
        replicate_scale=5 / 6,
        replicate_df=48,
    )
    assert design.scale.tolist() == [5 / 6] * 48


def test_a_damaged_sav_never_ends_the_process(tmp_path):
    """Flip single bytes all over a small file: each copy is read as a table or refused, whatever the C reader does."""
    path = tmp_path / "people.sav"
    pyreadstat.write_sav(RAW, path, variable_value_labels=LABELS)
    whole = bytearray(path.read_bytes())
    for place in np.linspace(4, len(whole) - 1, 12).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with contextlib.suppress(tl.SurveyFileError):
            assert len(read_table(path)[0]) > 0


def test_a_reader_that_crashes_is_a_refusal(tmp_path, monkeypatch):
    from trustlib import files

    program = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(files, "READER", (sys.executable, "-c", program))
    path = tmp_path / "people.sav"
    pyreadstat.write_sav(RAW, path)
    with pytest.raises(tl.SurveyFileError, match="the reader crashed"):
        read_table(path)
