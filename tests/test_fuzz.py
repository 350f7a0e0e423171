"""Damaged survey files: each ends in a `TrustlibError` or in a correct result, and no row is lost without a word.

Correct means: the frame has the rows of the file, counted (for CSV read) by another reader; everyone in it is used, or
has a weight of zero, or lacks a variable for a reason that the frame names; and what is estimated is finite.

Damage is drawn by hypothesis, the same each time. SPSS and Stata are read by the program that the library starts for
them, in a fork of the process of the tests instead of a fresh interpreter, so that hundreds of files take seconds;
`tests/test_schema.py` starts the program itself.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trustlib as tl
from trustlib import files

PEOPLE = 80
KINDS = {
    ".csv": 170,
    ".csv.gz": 90,
    ".parquet": 140,
    ".sav": 60,
    ".zsav": 60,
    ".dta": 60,
}  # kind -> damaged files
LABELS = {
    "Sex": {1.0: "Male", 2.0: "Female", 9.0: "Refused"},
    "Trust": {1.0: "High", 2.0: "Low", 8.0: "Not asked"},
}
MAPPING = {
    "source": {"id": "made", "kind": "supplied", "label": "Made up"},
    "missing": {
        "Refused": "refused",
        "Not asked": "not asked",
        "9": "refused",
        "8": "not asked",
    },
    "variables": {
        "gender": {
            "column": "Sex",
            "values": {"Male": "man", "Female": "woman", "1": "man", "2": "woman"},
        },
        "region": {
            "column": "Region",
            "values": {"North": "n", "Île": "i", "South, west": "s"},
        },
        "damaged": {"column": "Trust", "values": {"High": 0, "Low": 1, "1": 0, "2": 1}},
    },
    "design": {"weight": "W"},
}


def made(seed: int = 0) -> pd.DataFrame:
    """A made-up survey, as text and numbers, with every kind of missing."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "Sex": rng.choice([1.0, 2.0, 9.0, np.nan], PEOPLE, p=[0.45, 0.45, 0.05, 0.05]),
        "Region": rng.choice(["North", "Île", "South, west", ""], PEOPLE),
        "Trust": rng.choice([1.0, 2.0, 8.0], PEOPLE, p=[0.45, 0.45, 0.1]),
        "W": rng.uniform(0.5, 3, PEOPLE).round(3) * (rng.random(PEOPLE) > 0.05),
        "Other": rng.integers(0, 100, PEOPLE).astype(float),
    })  # fmt: skip


def written(
    folder,
    kind: str,
    frame: pd.DataFrame,
    labels: dict = LABELS,
    encoding: str = "utf-8",
) -> bytes:
    """The file of some kind, as bytes."""
    path = folder / f"whole{kind}"
    if kind.startswith(".csv"):
        plain = frame.to_csv(index=False).encode(encoding)
        path.write_bytes(gzip.compress(plain, mtime=0) if kind == ".csv.gz" else plain)
    elif kind == ".parquet":
        frame.to_parquet(path)
    elif kind == ".dta":
        of_integers = {
            c: {int(code): text for code, text in names.items()}
            for c, names in labels.items()
        }
        pyreadstat.write_dta(frame, str(path), variable_value_labels=of_integers)
    else:
        pyreadstat.write_sav(
            frame, str(path), variable_value_labels=labels, compress=kind == ".zsav"
        )
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """An undamaged file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    return {kind: written(folder, kind, made()) for kind in KINDS}


def judge(path, rows: int | None, mapping: dict = MAPPING) -> str:
    """Hold one file to the contract; `rows` is the number of people it has, if that is known."""
    refusal = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = tl.read_survey(path, mapping)
            cells = tl.compress(
                tl.SurveyDesign(frame, **tl.declared_design(mapping)),
                "damaged",
                ["gender"],
            )
            means = tl.cell_means(cells, interval="wilson").frame
    except tl.TrustlibError as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert refusal.hint
        assert "Traceback" not in str(refusal)
        return "refused"
    if path.name.endswith((".csv", ".csv.gz")):
        rows = len(same_csv(path))
    assert len(frame) == rows
    weight = frame["weight"]
    assert np.isfinite(weight).all()
    assert (weight >= 0).all()
    lost = frame["damaged"].isna() | frame["gender"].isna()
    for name in ("damaged", "gender", "region"):
        assert (
            frame[f"{name}_missing"].notna().equals(frame[name].isna())
            if frame[name].isna().any()
            else True
        )
    assert (
        int(cells.frame["n"].sum())
        + int((lost & (weight > 0)).sum())
        + int((weight == 0).sum())
        == rows
    )
    assert np.isfinite(cells.frame[["sum_w", "sum_wy"]].to_numpy()).all()
    assert means["estimate"].between(0, 1).all()
    if cells.df >= 10:
        assert np.isfinite(
            means[["std_error", "conf_low", "conf_high"]].to_numpy()
        ).all()
    return "read"


def same_csv(path) -> list[list[str]]:
    """The records by Python's own reader, after a look whether the library read the same."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.name.endswith(".gz") else raw
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16"}
    encodings = [name for mark, name in marks.items() if raw.startswith(mark)]
    text = raw.decode(*encodings[:1] or ["utf-8-sig"])
    header, *records = (
        line for line in csv.reader(io.StringIO(text, newline="")) if line
    )
    frame = files.read_table(path)[0]
    assert list(frame) == header
    assert frame.to_numpy().tolist() == records
    return records


place = st.floats(0, 1, exclude_max=True)
damage = st.lists(
    st.one_of(
        st.tuples(st.just("flip a bit"), place, st.integers(0, 7)),
        st.tuples(st.just("set a byte"), place, st.integers(0, 255)),
        st.tuples(st.just("cut short"), place, st.just(0)),
        st.tuples(st.just("leave out"), place, st.integers(1, 400)),
        st.tuples(st.just("repeat"), place, st.integers(1, 400)),
        st.tuples(st.just("zeros"), place, st.integers(1, 64)),
        st.tuples(st.just("append"), place, st.integers(1, 400)),
    ),
    min_size=1,
    max_size=3,
)


def damaged(data: bytes, steps) -> bytes:
    """The file after some damage."""
    for kind, where, size in steps:
        at = int(where * len(data))
        if kind == "flip a bit" and data:
            data = data[:at] + bytes([data[at] ^ 1 << size]) + data[at + 1 :]
        elif kind == "set a byte" and data:
            data = data[:at] + bytes([size]) + data[at + 1 :]
        elif kind == "cut short":
            data = data[:at]
        elif kind == "leave out":
            data = data[:at] + data[at + size :]
        elif kind == "repeat":
            data = data[: at + size] + data[at:]
        elif kind == "zeros":
            data = data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]
        elif kind == "append":
            data += data[at : at + size]
    return data


@pytest.mark.proof
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused_or_read_with_all_its_rows(
    kind, whole, tmp_path, forked
):
    ends = Counter()

    @settings(
        max_examples=KINDS[kind],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.function_scoped_fixture,
        ],
    )
    @given(damage)
    def hold(steps):
        path = tmp_path / f"damaged{kind}"
        path.write_bytes(damaged(whole[kind], steps))
        ends[judge(path, PEOPLE)] += 1

    hold()
    assert sum(ends.values()) >= KINDS[kind]
    assert ends["refused"], "the damage does no harm, so this tests nothing"


def test_more_than_five_hundred_files_are_damaged():
    assert sum(KINDS.values()) + len(COUNTS) * 2 + len(FAULTS) * len(KINDS) > 500


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read(kind, whole, tmp_path, forked):
    path = tmp_path / f"whole{kind}"
    path.write_bytes(whole[kind])
    assert judge(path, PEOPLE) == "read"


COUNTS = [0, 1, 72, 79, 81, 400, 2**31 - 1, -2]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", [".sav", ".zsav"])
def test_a_header_that_counts_other_people_than_the_file_has_is_refused(
    kind, count, whole, tmp_path, forked
):
    """ReadStat stops at the number in the header, without a word about the people after it."""
    path, data = tmp_path / f"count{kind}", bytearray(whole[kind])
    assert int.from_bytes(data[80:84], "little") == PEOPLE
    data[80:84] = count.to_bytes(4, "little", signed=True)
    path.write_bytes(data)
    with pytest.raises(tl.SurveyFileError):
        tl.read_survey(path, MAPPING)


@pytest.mark.parametrize("kind", [".sav", ".zsav"])
def test_a_header_that_does_not_know_is_no_fault(kind, whole, tmp_path, forked):
    path, data = tmp_path / f"count{kind}", bytearray(whole[kind])
    data[80:84] = b"\xff" * 4
    path.write_bytes(data)
    assert judge(path, PEOPLE) == "read"


def odd(frame, column, values):
    """A frame with some odd values in a column; texts where the file is CSV."""
    out = frame.astype({column: object})
    out.loc[range(len(values)), column] = values
    return out


FAULTS = {
    "weights below zero": lambda f: odd(f, "W", [-1.0]),
    "weights infinite": lambda f: odd(f, "W", [np.inf, -np.inf]),
    "weights missing": lambda f: odd(f, "W", [np.nan]),
    "weights with a comma": lambda f: f.assign(
        W=[f"{w:.3f}".replace(".", ",") for w in f["W"]]
    ),
    "weights of text": lambda f: f.assign(W="heavy"),
    "weights all zero": lambda f: f.assign(W=0.0),
    "weights beyond numbers": lambda f: f.assign(W=1e308),
    "weights tiny": lambda f: f.assign(W=5e-324),
    "weights of one giant": lambda f: odd(f, "W", [1e300]),
    "codes that nobody declared": lambda f: odd(f, "Sex", [7.0]),
    "codes between codes": lambda f: odd(f, "Sex", [1.5]),
    "columns twice": lambda f: f.set_axis(
        ["Sex", "Region", "Trust", "W", "Sex"], axis=1
    ),
    "columns that differ in case": lambda f: f.rename(columns={"Other": "SEX"}),
    "columns in another order": lambda f: f[f.columns[::-1]],
    "columns lost": lambda f: f.drop(columns="Trust"),
    "columns with spaces": lambda f: f.rename(columns={"Sex": " Sex "}),
    "rows lost": lambda f: f.iloc[:0],
    "answers all missing": lambda f: f.assign(Trust=8.0),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_table_is_refused_or_read_with_all_its_rows(
    kind, fault, tmp_path, forked
):
    """What writers refuse cannot be in such a file; what they write is judged."""
    frame = FAULTS[fault](made())
    path, plain = tmp_path / f"faulty{kind}", kind.startswith(".csv")
    with (
        contextlib.nullcontext()
        if plain
        else contextlib.suppress(
            pyreadstat.PyreadstatError,
            pyreadstat.ReadstatError,
            pa.ArrowException,
            ValueError,
        )
    ):
        path.write_bytes(written(tmp_path, kind, frame.infer_objects()))
    assert not path.exists() or judge(path, len(frame)) in ("read", "refused")


ALWAYS_REFUSED = ["weights below zero", "weights infinite", "weights missing", "weights beyond numbers", "weights tiny", "weights of one giant", "weights of text", "weights all zero",
                  "codes that nobody declared", "codes between codes", "columns lost", "rows lost"]  # fmt: skip


@pytest.mark.parametrize(
    "fault", [*ALWAYS_REFUSED, "weights with a comma", "columns twice"]
)
def test_a_fault_that_would_change_a_number_is_refused(fault, tmp_path):
    path = tmp_path / "faulty.csv"
    path.write_bytes(written(tmp_path, ".csv", FAULTS[fault](made())))
    assert judge(path, None) == "refused"


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-32", "latin-1", "cp1252", "mac-roman", "cp850", "utf-8-sig"],
)
@pytest.mark.parametrize("kind", [".csv", ".csv.gz"])
def test_another_encoding_is_refused_or_read_right(kind, encoding, tmp_path):
    path = tmp_path / f"other{kind}"
    path.write_bytes(written(tmp_path, kind, made(), encoding=encoding))
    says_itself = encoding in ("utf-16", "utf-32", "utf-8-sig")
    assert judge(path, PEOPLE) == ("read" if says_itself else "refused")
    named = MAPPING | {"encoding": encoding}
    assert (
        tl.read_survey(path, named)["region"].value_counts()["i"]
        == (made()["Region"] == "Île").sum()
    )


@pytest.mark.parametrize("kind", [".sav", ".zsav", ".dta"])
@pytest.mark.parametrize("seed", range(4))
def test_shuffled_labels_are_read_as_they_stand_or_refused(
    kind, seed, tmp_path, forked
):
    """A label decides before a code: a file that calls code 1 'Female' means women by it."""
    order = np.random.default_rng(seed).permutation(3)
    codes, names = list(LABELS["Sex"]), [list(LABELS["Sex"].values())[i] for i in order]
    path = tmp_path / f"labels{kind}"
    path.write_bytes(
        written(
            tmp_path,
            kind,
            made(),
            {**LABELS, "Sex": dict(zip(codes, names, strict=True))},
        )
    )
    assert judge(path, PEOPLE) == "read"
    frame, women = tl.read_survey(path, MAPPING), codes[names.index("Female")]
    assert (frame["gender"] == "woman").tolist() == (made()["Sex"] == women).tolist()


def test_parquet_says_how_many_rows_it_has(whole, tmp_path):
    """The oracle of rows for Parquet: the footer of an undamaged file."""
    path = tmp_path / "whole.parquet"
    path.write_bytes(whole[".parquet"])
    assert pq.ParquetFile(path).metadata.num_rows == PEOPLE
