"""Files of saveRDS say of a person what R says, and nothing of R is run.

The files in ``tests/rds`` were written by R (``make.R`` beside them), and so was the CSV
that they are held to.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import struct
import subprocess
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest

import trustlib as tl
from contract import refused
from partner_steps import command, mapping
from trustbook.proposal import draft_of
from trustlib.files import SUFFIXES, read_table
from trustlib.r_reader import LARGEST, MOST, Vector, as_r_writes, read_rds, unpacked
from trustlib.schema import load_mapping

HERE = Path(__file__).parent / "rds"
FILES = ["people", "version-2", "letters", "bzip2", "xz", "plain", "native"]
REFUSED = {
    "list": "a list",
    "vector": "a vector",
    "matrix": "a vector",
    "environment": "no table",
    "function": "a function",
    "call": "code",
    "class": "a class of its own",
    "null": "nothing",
    "list-column": "column 2 holds a list",
    "code-column": "column 2 holds a list",
    "matrix-column": "column 2 holds a matrix",
    "complex-column": "column 2 holds complex numbers",
    "twice": "a name to more than one column",
}


def as_texts(column: pd.Series) -> list[str]:
    """Answers as R writes them in a CSV; missing ones, also those with a letter, as ''."""
    texts = []
    for value in column:
        blank = pd.isna(value) or str(value) in (".a", ".b")
        whole = isinstance(value, float) and value.is_integer()
        texts.append("" if blank else str(int(value) if whole else value))
    return texts


def read(name: str) -> tuple[pd.DataFrame, dict]:
    """A file as it is read in a process of its own, here in this one, which is faster."""
    return read_rds(str(HERE / f"{name}.rds"), None)


@pytest.mark.parametrize("name", FILES)
def test_every_answer_is_what_r_says_it_is(name):
    told = pd.read_csv(HERE / "people.csv", dtype=str, keep_default_na=False)
    frame = read(name)[0]
    assert list(frame) == list(told)
    assert {column: as_texts(frame[column]) for column in frame} == told.to_dict("list")


def test_factors_keep_the_order_of_their_levels():
    frame = read("people")[0]
    assert list(frame["trust"].cat.categories) == [
        "Not at all",
        "A little",
        "Completely",
    ]
    assert list(frame["health"].cat.categories) == ["poor", "good"]
    assert frame["health"].cat.ordered
    assert not frame["trust"].cat.ordered


def test_what_haven_and_foreign_know_of_a_column_is_kept():
    frame, labels = read_table(HERE / "people.rds")  # as a command does
    assert labels == {
        "sex": {1.0: "Male", 2.0: "Female", 9.0: "Refused"},
        "party": {1.0: "Left", 2.0: "Right", 98.0: "Don't know"},
        "asks": {1.0: "Never", 3.0: "Often", ".a": "Refused"},
    }
    assert frame.attrs["missing"] == {"party": [98.0, 99.0], "asks": [".a", ".b"]}
    assert frame.attrs["titles"] == {"sex": "Sex of the respondent"}
    frame, labels = read("foreign")
    assert frame.attrs["titles"] == {"sex": "Sex of the respondent"}
    assert labels == {"sex": {"2": "Female", "1": "Male"}}


def test_texts_keep_their_letters_and_a_tibble_its_people():
    assert set(read("latin-1")[0]["town"]) == {"Süd"}
    frame = read("tibble")[0]  # beside code and an environment
    assert set(frame["region"].dropna()) == {"Île", "Süd"}
    assert len(frame) == 24


def test_texts_of_which_r_did_not_keep_the_encoding_need_its_name():
    words = ("UnicodeDecodeError", "`--encoding latin-1`")
    path = HERE / "unmarked.rds"
    refused(lambda: read_table(path), tl.SurveyFileError, OSError, *words)
    assert set(read_rds(str(path), "latin-1")[0]["town"]) == {"Süd"}


def test_numbers_are_written_as_texts_as_r_does():
    numbers = [0.1 + 0.2, 1e5, 123456, 1e15, 1e-5, 1e-4, float("nan"), -2.5]
    texts = ["0.3", "1e+05", "123456", "1e+15", "1e-05", "1e-04", None, "-2.5"]
    assert as_r_writes(Vector("REAL", pd.array(numbers).to_numpy(float))) == texts


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_frame_is_refused_in_words(name):
    with pytest.raises(SystemExit, match=rf"trustlib: .*{REFUSED[name]}"):
        read(f"no-{name}")
    assert not (HERE / "ran").exists()
    assert not Path("ran").exists()


def test_a_command_says_what_to_do_in_r():
    refused(
        lambda: read_table(HERE / "no-list.rds"),
        tl.SurveyFileError,
        OSError,
        "no-list.rds cannot be read: it holds a list, expected one data frame",
        "In R: saveRDS(people",
    )


PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_short_is_refused(name, tmp_path):
    whole = (HERE / f"{name}.rds").read_bytes()
    cuts = {
        0,
        1,
        3,
        10,
        len(whole) // 3,
        len(whole) // 2,
        len(whole) - 9,
        len(whole) - 1,
    }
    for cut in sorted(cuts):
        path = tmp_path / "people.rds"
        path.write_bytes(whole[:cut])
        with pytest.raises((SystemExit, Exception)):
            read_rds(str(path), None)


def test_a_command_says_of_a_file_that_was_cut_short_that_it_cannot_be_read(tmp_path):
    path = tmp_path / "people.rds"
    path.write_bytes((HERE / "people.rds").read_bytes()[:-20])
    refused(lambda: read_table(path), tl.SurveyFileError, OSError, "cannot be read")


@pytest.mark.parametrize("packer", PACKERS)
def test_a_file_that_grows_without_end_is_refused(packer, tmp_path):
    path = tmp_path / "people.rds"
    with mock.patch("trustlib.r_reader.LARGEST", 2**24):
        path.write_bytes(PACKERS[packer](b"X\n" + bytes(2**24)))
        with pytest.raises(SystemExit, match="it is larger than 2 GB once unpacked"):
            unpacked(path)
    path.write_bytes(PACKERS[packer](PACKERS[packer](b"X\n" + bytes(2**20))))
    with pytest.raises(SystemExit, match="no file of saveRDS"):
        unpacked(path)


def serialised(*objects: bytes) -> bytes:
    """A file of saveRDS, by hand."""
    return b"X\n" + struct.pack(">iii", 2, 0x40202, 0x20300) + b"".join(objects)


def test_lengths_that_cannot_be_are_refused(tmp_path):
    """A column of a few bytes that stands for 10,000,000,000 numbers, and one of 500,000,000 texts."""
    name = b"compact_intseq"
    symbol = struct.pack(">iii", 1, 0x40009, len(name)) + name
    nothing = struct.pack(">i", 254)
    about = struct.pack(">i", 2) + symbol + nothing
    state = struct.pack(">iiddd", 14, 3, 1e10, 1, 1)
    column = struct.pack(">i", 238) + about + state + nothing
    texts = struct.pack(">ii", 16, 500_000_000)
    label = struct.pack(">iii", 1, 0x40009, 5) + b"class"
    kind = struct.pack(">iiii", 16, 1, 0x40009, 10) + b"data.frame"
    names = struct.pack(">iii", 1, 0x40009, 5) + b"names"
    one = struct.pack(">iiii", 16, 1, 0x40009, 1) + b"a"
    attributes = struct.pack(">i", 0x402) + names + one + struct.pack(">i", 0x402) + label + kind + nothing  # fmt: skip
    whole = serialised(struct.pack(">ii", 0x213, 1), column, attributes)
    path = tmp_path / "people.rds"
    path.write_bytes(whole)
    refused(lambda: read_table(path), tl.SurveyFileError, OSError, "larger than 2 GB")
    path.write_bytes(serialised(struct.pack(">ii", 0x213, 1), texts))
    refused(lambda: read_table(path), tl.SurveyFileError, OSError, "it is damaged")
    assert LARGEST > 8 * MOST


def test_a_workspace_is_refused_with_the_line_of_r(tmp_path):
    words = ("holds objects of R by their names", "saveRDS(people", "write_sav", ".csv")
    for name in ("people.RData", "people.rda"):
        shutil.copy(HERE / "people.RData", tmp_path / name)
        refused(lambda n=name: read_table(tmp_path / n), tl.SurveyFileError, OSError, *words)  # fmt: skip
    shutil.copy(HERE / "people.RData", tmp_path / "people.rds")
    refused(lambda: read_table(tmp_path / "people.rds"), tl.SurveyFileError, OSError, "a workspace")  # fmt: skip


def test_from_a_file_of_r_to_a_mapping_and_its_people(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = read("people")[0]
    assert ".rds" in SUFFIXES
    draft = draft_of(HERE / "people.rds", None, None)
    assert "sex" in [proposal.column.name for proposal in draft.proposals]
    variables = {
        "low_trust": {"column": "trust", "yes": ["Not at all"], "no": ["A little", "Completely"]},
        "gender": {"column": "sex", "values": {"Male": "man", "[2] Female": "woman"}},
        "trust": {"column": "trust"},
        "told": {"column": "told", "values": {"TRUE": 1, "FALSE": 0}},
        "asks": {"column": "asks", "rare": "few"},
    }  # fmt: skip
    Path("m.yml").write_text(mapping(variables, design={}))
    assert load_mapping("m.yml")[0].variables["told"].values == {"TRUE": 1, "FALSE": 0}
    people = tl.read_survey(HERE / "people.rds", "m.yml")
    assert list(people["trust"].cat.categories) == list(frame["trust"].cat.categories)
    assert people["told"].value_counts().to_dict() == {1.0: 8, 0.0: 8}
    assert people["asks_missing"].dropna().iloc[0] == "Refused"
    shutil.copy(HERE / "people.rds", "people.rds")
    assert "24 people" in command("validate", "people.rds", "--mapping", "m.yml")


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_r_writes_these_people_today(tmp_path):
    script = ["Rscript", str(HERE / "make.R"), str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True, env=dict(os.environ))
    for name in FILES:
        ours, labels = read_rds(str(tmp_path / f"{name}.rds"), None)
        kept, known = read_rds(str(HERE / f"{name}.rds"), None)
        pd.testing.assert_frame_equal(ours, kept)
        assert labels == known
    assert (tmp_path / "people.csv").read_bytes() == (HERE / "people.csv").read_bytes()
    assert not (tmp_path / "ran").exists()
