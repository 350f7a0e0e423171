"""Rows of people are found in whatever they were left in; what cannot be read is named; results are left in peace."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import quopri
import sqlite3
import tarfile
import zipfile
import zlib
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trustlib as tl
from trustbook.leaks import FOUND, Search, leaks, search_of
from trustbook.rows import parts, unpacking
from trustbook.rows.pictures import PNG

PEOPLE = 240
WORDS = [
    "nurse",
    "doctor",
    "waiting",
    "tired",
    "bill",
    "phone",
    "clinic",
    "shouted",
    "never",
    "again",
]


def respondents(seed: int = 5) -> pd.DataFrame:
    """A made-up file as it comes: an id, answers, own words, a birthday, a weight."""
    rng = np.random.default_rng(seed)
    words = [" ".join(rng.choice(WORDS, 7)) for _ in range(PEOPLE)]
    days = pd.to_datetime("1940-01-01") + pd.to_timedelta(
        rng.integers(0, 22_000, PEOPLE), "D"
    )
    return pd.DataFrame({
        "id": [f"KX-{number}" for number in rng.choice(900_000, PEOPLE, replace=False) + 100_000],
        "sex": rng.choice(["Male", "Female"], PEOPLE),
        "origin": rng.choice(["White", "Black", "Asian", "Mixed"], PEOPLE, p=[0.6, 0.2, 0.15, 0.05]),
        "age": rng.integers(18, 95, PEOPLE).astype(str),
        "trust": rng.choice(["A lot", "Some", "A little", "Not at all"], PEOPLE),
        "waited": rng.choice(["Yes", "No"], PEOPLE),
        "told": words,
        "born": days.strftime("%Y-%m-%d"),
        "weight": rng.lognormal(0, 0.4, PEOPLE).round(6).astype(str),
    })  # fmt: skip


FRAME = respondents()
SEARCH = Search(FRAME)
PARTS = {"one": FRAME.iloc[[17]], "three": FRAME.iloc[[3, 99, 200]], "all": FRAME}


def csv_of(part, **options) -> bytes:
    return part.to_csv(index=False, **options).encode()


def shuffled(part):
    other = part.sample(frac=1, random_state=1)
    return csv_of(other[["weight", "trust", "born", "id", "sex"]])


def written(write) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def arrow_of(part) -> pa.Table:
    return pa.Table.from_pandas(part, preserve_index=False)


def stream_of(part) -> bytes:
    def write(file):
        with pa.ipc.new_stream(file, arrow_of(part).schema) as opened:
            opened.write_table(arrow_of(part))

    return written(write)


def zip_of(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tar_of(content: bytes, mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        entry = tarfile.TarInfo("deep/people.csv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def excel_of(part) -> bytes:
    """A workbook as Excel writes one: texts are shared, numbers stand in the sheet."""
    texts = list(dict.fromkeys([*part.columns, *part.astype(str).to_numpy().ravel()]))
    place = {text: number for number, text in enumerate(texts)}
    rows = [part.columns, *part.astype(str).to_numpy()]
    cells = (
        "".join(f'<c t="s"><v>{place[value]}</v></c>' for value in row) for row in rows
    )
    sheet = "".join(f"<row>{row}</row>" for row in cells)
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    return zip_of(
        {
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{sheet}</sheetData></worksheet>".encode(),
            "xl/sharedStrings.xml": f"<sst>{shared}</sst>".encode(),
        }
    )


def open_document_of(part) -> bytes:
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f"<table:table-cell><text:p>{value}</text:p></table:table-cell>"
            for value in row
        )
        + "</table:table-row>"
        for row in part.to_numpy()
    )
    return zip_of({"content.xml": f"<office:body>{rows}</office:body>".encode()})


def labelled(part, write, suffix, tmp_path) -> bytes:
    path = tmp_path / f"x{suffix}"
    write(part, str(path))
    return path.read_bytes()


def database_of(part) -> bytes:
    with sqlite3.connect(":memory:") as opened:
        part.to_sql("people", opened, index=False)
        return opened.serialize()


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + check


def picture_with(*chunks: bytes, behind: bytes = b"") -> bytes:
    head = chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return PNG + head + b"".join(chunks) + pixels + chunk(b"IEND", b"") + behind


def notebook_with(**data: str) -> bytes:
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    cell = {"cell_type": "code", "source": ["people.head()"], "outputs": [output]}
    return json.dumps({"cells": [cell], "nbformat": 4}).encode()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


FORMS = {
    "as it is.csv": csv_of,
    "other order.csv": shuffled,
    "no names.csv": lambda p: csv_of(p, header=False),
    "semicolons.csv": lambda p: csv_of(p, sep=";"),
    "tabs.tsv": lambda p: csv_of(p, sep="\t"),
    "quoted.csv": lambda p: csv_of(p, quoting=1),
    "no id, no words.csv": lambda p: csv_of(p.drop(columns=["id", "told", "born"])),
    "utf-16.csv": lambda p: csv_of(p).decode().encode("utf-16"),
    "utf-16 without mark.csv": lambda p: csv_of(p).decode().encode("utf-16-be"),
    "utf-32.csv": lambda p: csv_of(p).decode().encode("utf-32"),
    "packed.csv.gz": lambda p: gzip.compress(csv_of(p)),
    "packed in pieces.gz": lambda p: gzip.compress(b"a,b\n") + gzip.compress(csv_of(p)),
    "packed.csv.bz2": lambda p: bz2.compress(csv_of(p)),
    "packed.csv.xz": lambda p: lzma.compress(csv_of(p)),
    "packed.csv.zst": lambda p: pa.compress(csv_of(p), "zstd", asbytes=True),
    "packed.z": lambda p: zlib.compress(csv_of(p)),
    "archive.zip": lambda p: zip_of({"people.csv": csv_of(p)}),
    "archive in archive.zip": lambda p: zip_of({"a.gz": gzip.compress(zip_of({"b": csv_of(p)}))}),
    "archive.tar": lambda p: tar_of(csv_of(p), "w"),
    "archive.tar.gz": lambda p: tar_of(csv_of(p), "w:gz"),
    "table.parquet": lambda p: written(lambda f: p.to_parquet(f)),
    "packed.parquet": lambda p: written(lambda f: p.to_parquet(f, compression="brotli")),
    "table.feather": lambda p: written(lambda f: feather.write_feather(arrow_of(p), f)),
    "table.arrows": stream_of,
    "table.orc": lambda p: written(lambda f: orc.write_table(arrow_of(p), f)),
    "records.json": lambda p: p.to_json(orient="records").encode(),
    "columns.json": lambda p: p.to_json(orient="columns").encode(),
    "split.json": lambda p: p.to_json(orient="split").encode(),
    "lines.jsonl": lambda p: p.to_json(orient="records", lines=True).encode(),
    "columns of two.json": lambda p: p[["weight", "age"]].to_json(orient="columns").encode(),
    "book.xlsx": excel_of,
    "book.ods": open_document_of,
    "base.sqlite": database_of,
    "array.npy": lambda p: written(lambda f: np.save(f, p.to_numpy().astype("U80"))),
    "arrays.npz": lambda p: written(lambda f: np.savez_compressed(f, a=p.weight.astype(float).to_numpy(), b=p.id.to_numpy().astype("U20"))),
    "frame.pkl": lambda p: pickle.dumps(p),
    "old frame.pkl": lambda p: pickle.dumps(p.to_dict("list"), protocol=0),
    "table.html": lambda p: p.to_html().encode(),
    "table of spans.html": lambda p: p.to_html().replace("<td>", '<td class="a"><span>').replace("</td>", "</span></td>").encode(),
    "escaped.ipynb": lambda p: notebook_with(**{"text/html": p.head().to_html()}),
    "printed.ipynb": lambda p: notebook_with(**{"text/plain": p.head().to_string()}),
    "table.md": lambda p: ("| " + " |\n| ".join(" | ".join(row) for row in p.to_numpy()) + " |").encode(),
    "table.tex": lambda p: (" \\\\\n".join(" & ".join(row) for row in p.to_numpy())).encode(),
    "record.yml": lambda p: "\n".join(f"- {k}: {v}" for row in p.to_dict("records") for k, v in row.items()).encode(),
    "series.txt": lambda p: p.iloc[0].to_string().encode(),
    "data.js": lambda p: ("const rows=" + json.dumps(p.to_numpy().tolist()) + ";").encode(),
    "data.xml": lambda p: "".join("<p " + " ".join(f'{k}="{v}"' for k, v in row.items()) + "/>" for row in p.to_dict("records")).encode(),
    "script.R": lambda p: "\n".join(f"{c} <- c({', '.join(map(repr, p[c]))})" for c in p).encode(),
    "percent.svg": lambda p: ("<svg><a href='data:text/csv," + quote(csv_of(p)) + "'/></svg>").encode(),
    "base64.html": lambda p: f"<a href='data:text/csv;base64,{base64_of(csv_of(p))}'>x</a>".encode(),
    "base64 of gz.js": lambda p: f"x='{base64_of(gzip.compress(csv_of(p)))}'".encode(),
    "base64 by lines.txt": lambda p: base64.encodebytes(csv_of(p)),
    "base64 of parquet.json": lambda p: json.dumps({"a": base64_of(written(lambda f: p.to_parquet(f)))}).encode(),
    "hexadecimal.txt": lambda p: csv_of(p).hex().encode(),
    "quoted printable.eml": lambda p: quopri.encodestring(csv_of(p)),
    "source.map": lambda p: json.dumps({"version": 3, "sourcesContent": [csv_of(p).decode()]}).encode(),
    "objects.inv": lambda p: b"# Sphinx inventory version 2\n# Project: x\n# Version: 1\n# zlib\n" + zlib.compress(csv_of(p)),
    "note.png": lambda p: picture_with(chunk(b"tEXt", b"Comment\0" + csv_of(p))),
    "packed note.png": lambda p: picture_with(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(csv_of(p)))),
    "behind the picture.png": lambda p: picture_with(behind=csv_of(p)),
    "program.wasm": lambda p: b"\0asm\1\0\0\0\0" + csv_of(p),
    "wrapped.txt": lambda p: csv_of(p).replace(b" ", b"\n   "),
    "packed numbers.bin": lambda p: b"\x01\x02" + p.weight.astype(float).to_numpy().tobytes(),
    "turned numbers.bin": lambda p: b"\x01" + p.weight.astype(">f8").to_numpy().tobytes(),
}  # fmt: skip


@pytest.mark.parametrize("rows", PARTS)
@pytest.mark.parametrize("name", FORMS)
def test_rows_are_found_in_every_form(name, rows):
    content = FORMS[name](PARTS[rows])
    assert SEARCH.what_is_in(name, content), "nothing was said of this file"
    if not name.endswith((".pkl", ".bin")):  # named as what cannot be read, at least
        assert SEARCH.what_is_in(name, content) == FOUND


@pytest.mark.parametrize("rows", PARTS)
@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".sav", pyreadstat.write_sav),
        (".zsav", lambda p, f: pyreadstat.write_sav(p, f, compress=True)),
        (".dta", pyreadstat.write_dta),
    ],
)
def test_rows_are_found_in_files_of_spss_and_stata(suffix, write, rows, tmp_path):
    content = labelled(PARTS[rows], write, suffix, tmp_path)
    assert SEARCH.what_is_in(f"x{suffix}", content) == FOUND


def test_the_forms_are_many():
    assert len(FORMS) >= 60


# -- one value -------------------------------------------------------------------------

ONE = FRAME.iloc[42]
SAID = {
    "an id": f"<p>see {ONE.id} for an example</p>",
    "an id in other letters": f"<p>see {ONE.id.lower()}</p>",
    "an id in a word of a script": f'var who = "{ONE.id}";',
    "own words": f"<p>One of them: &ldquo;{ONE.told}&rdquo;.</p>",
    "own words over lines": "> " + ONE.told.replace(" ", "\n> "),
    "own words with emphasis": ONE.told.replace(" ", " <em>", 1) + "</em>",
    "own words in capitals": ONE.told.upper(),
    "a birthday": f"born {ONE.born}",
    "a birthday as it is said": f"born {pd.Timestamp(ONE.born):%d %B %Y}",
    "a birthday of the other order": f"{pd.Timestamp(ONE.born):%m/%d/%Y}",
    "a weight": f"the largest is {ONE.weight}",
}


@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize("suffix", [".html", ".md", ".ipynb"])
def test_one_value_in_a_page_is_found(what, suffix):
    text = SAID[what]
    content = text.encode()
    if suffix == ".ipynb":
        content = notebook_with(**{"text/markdown": text})
    assert SEARCH.what_is_in(f"page{suffix}", content) == FOUND


IDS = {
    "eight digits": [f"{40_000_000 + 7919 * i}" for i in range(300)],
    "ten digits": [f"{4_000_000_000 + 7919 * i}" for i in range(300)],
    "zeros before": [f"{i * 37:08d}" for i in range(1, 301)],
    "addresses": [f"person{i}@example.org" for i in range(300)],
    "letters and digits": [f"A{i:03d}ZQ" for i in range(300)],
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_each_kind_are_found_alone(kind):
    search = Search(pd.DataFrame({"id": IDS[kind], "sex": ["m", "w"] * 150}))
    one = IDS[kind][211]
    assert search.what_is_in("a.html", f"<p>as {one} said</p>".encode()) == FOUND
    assert search.what_is_in("a.json", json.dumps({"who": one}).encode()) == FOUND
    assert search.what_is_in("a.html", b"<p>as somebody said</p>") == ""


@pytest.mark.parametrize("other", ["1234567", "00001234567", "1234567.0", "1,234567"])
def test_ids_are_found_with_other_zeros(other):
    ids = [str(1_234_567 + 7_001 * i) for i in range(100)]
    search = Search(pd.DataFrame({"id": ids}))
    expected = "" if "," in other else FOUND
    assert search.what_is_in("a.md", f"see {other} there".encode()) == expected


@pytest.mark.parametrize("decimals", [8, 9, 10, 12, 15])
def test_weights_are_found_rounded(decimals):
    weights = np.random.default_rng(2).lognormal(0, 0.4, 300)
    search = Search(pd.DataFrame({"w": weights.astype(str)}))
    shown = f"{weights[7]:.{decimals}f}"
    assert search.what_is_in("a.csv", f"a,{shown},b".encode()) == FOUND
    assert search.what_is_in("a.csv", f"a,{weights[7] / 3:.15f},b".encode()) == ""


@pytest.mark.parametrize("place", [0, 7, 19, 29])
def test_each_of_weights_that_begin_alike_is_found(place):
    weights = [f"12.3456{i:02}" for i in range(30)]
    search = Search(pd.DataFrame({"w": weights}))
    assert search.what_is_in("a.csv", f"{weights[place]},0.5".encode()) == FOUND
    assert search.what_is_in("a.csv", b"12.345699,0.5") == ""


def test_decimal_commas_of_the_file_are_points_in_what_is_published():
    frame = pd.DataFrame({"w": [f"{i + 1},{i * 7919 + 10_000_000}" for i in range(90)]})
    frame.attrs["decimal"] = ","
    assert Search(frame).what_is_in("a.md", b"it is 8.10055433 then") == FOUND


def test_a_list_of_short_weights_is_found_and_one_of_them_is_nobodys():
    weights = np.random.default_rng(2).uniform(0.5, 1.5, 300).round(4).astype(str)
    search = Search(pd.DataFrame({"w": weights}))
    assert search.what_is_in("a.json", json.dumps([*weights[:40]]).encode()) == FOUND
    estimates = np.random.default_rng(3).uniform(0.5, 1.5, 300).round(4).astype(str)
    assert search.what_is_in("a.json", json.dumps([*estimates]).encode()) == ""


# -- rows without ids ------------------------------------------------------------------

VALUES = {
    "sex": {"Male": "man", "Female": "woman"},
    "origin": {"White": "majority", "Black": "minority", "Asian": "minority", "Mixed": "minority"},
    "trust": {"A lot": 0, "Some": 0, "A little": 1, "Not at all": 1},
    "waited": {"Yes": "waited", "No": "seen at once"},
}  # fmt: skip


@pytest.fixture(scope="module")
def recoded(tmp_path_factory):
    """The search with a mapping, and the people as it reads them."""
    folder = tmp_path_factory.mktemp("recoded")
    FRAME.to_csv(folder / "people.csv", index=False)
    mapping = {
        "source": {"id": "made", "kind": "supplied", "label": "made-up"},
        "variables": {
            "gender": {"column": "sex", "values": VALUES["sex"]},
            "group": {"column": "origin", "values": VALUES["origin"]},
            "little_trust": {"column": "trust", "values": VALUES["trust"]},
            "seen": {"column": "waited", "values": VALUES["waited"]},
        },
        "design": {"weight": "weight"},
    }
    (folder / "mapping.yml").write_text(json.dumps(mapping))
    mapped = tl.read_survey(folder / "people.csv", folder / "mapping.yml")
    return search_of(folder / "people.csv", folder / "mapping.yml"), mapped


NAMES = ["gender", "group", "little_trust", "seen"]


@pytest.mark.parametrize("rows", [[5], [5, 70, 130], range(PEOPLE)], ids=len)
def test_recoded_rows_are_found_by_their_weights(recoded, rows):
    search, mapped = recoded
    part = mapped.iloc[list(rows)]
    for names in (
        [*NAMES, "weight"],
        ["weight", "seen", "gender"],
        ["gender", "weight"],
    ):
        content = csv_of(part[names])
        assert search.what_is_in("a.csv", content) == FOUND
        assert search.what_is_in("a.html", part[names].to_html().encode()) == FOUND


def test_all_recoded_rows_are_found_without_any_number(recoded):
    """No line of this table is anybody's alone; that lines repeat says that they are people."""
    search, mapped = recoded
    part = mapped[NAMES]
    for content in (csv_of(part), part.to_json(orient="records").encode()):
        assert search.what_is_in("a.json", content) == FOUND
    assert search.what_is_in("a.parquet", written(lambda f: part.to_parquet(f)))


def test_columns_that_together_single_somebody_out_are_found():
    part = FRAME[["age", "origin", "trust"]]
    alone = part[~part.duplicated(keep=False)].iloc[[0]]
    assert SEARCH.what_is_in("a.csv", csv_of(alone)) == FOUND
    assert SEARCH.what_is_in("a.txt", alone.iloc[0].to_string().encode()) == FOUND


def test_rows_with_the_labels_of_the_file_are_found(tmp_path):
    frame = respondents(8)[["sex", "age", "trust"]]
    codes = {name: {t: i + 1.0 for i, t in enumerate(frame[name].unique())} for name in ("sex", "trust")}  # fmt: skip
    coded = frame.assign(**{name: frame[name].map(codes[name]) for name in codes})
    labels = {
        name: {code: text for text, code in of.items()} for name, of in codes.items()
    }
    pyreadstat.write_sav(
        coded, str(tmp_path / "x.sav"), variable_value_labels={**labels}
    )
    search = search_of(tmp_path / "x.sav")
    assert search.what_is_in("a.csv", csv_of(frame)) == FOUND
    assert search.what_is_in("a.csv", csv_of(coded)) == FOUND


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=9, unique=True),
    others=st.permutations(["sex", "origin", "age", "trust", "waited"]),
    count=st.integers(0, 5),
    anchor=st.sampled_from(["id", "told", "weight"]),
    mark=st.sampled_from([",", ";", "\t", "|"]),
)
def test_any_rows_and_columns_in_any_order_are_found(rows, others, count, anchor, mark):
    part = FRAME.iloc[rows][[*others[:count], anchor]]
    assert SEARCH.what_is_in("a.csv", csv_of(part, sep=mark)) == FOUND


# -- what is not anybody's -------------------------------------------------------------


def results() -> dict[str, bytes]:
    """What is published of these very people."""
    frame = FRAME.assign(
        little=FRAME.trust.isin(["A little", "Not at all"]).astype(float),
        weight=FRAME.weight.astype(float),
    )
    cells = tl.compress(tl.SurveyDesign(frame), "little", ["sex", "waited"])
    means = tl.cell_means(cells)
    gaps = tl.comparisons(means)
    counts = FRAME.groupby(["sex", "waited", "trust"], as_index=False).size()
    codebook = {name: sorted(FRAME[name].unique()) for name in ("sex", "origin", "trust", "waited")}  # fmt: skip
    return {
        "means.csv": csv_of(means.frame),
        "gaps.csv": csv_of(gaps.frame),
        "gaps.html": tl.table(gaps).as_raw_html().encode(),
        "cells.parquet": written(lambda f: cells.frame.to_parquet(f)),
        "counts.csv": csv_of(counts),
        "counts.html": counts.to_html().encode(),
        "codebook.json": json.dumps(codebook).encode(),
        "codebook.csv": b"variable,level\n"
        + b"".join(f"{n},{v}\n".encode() for n, of in codebook.items() for v in of),
        "words.md": b"They waited: Yes or No. Some said: never again, the nurse, the phone.",
    }


RESULTS = results()


@pytest.mark.parametrize("name", RESULTS)
def test_results_of_these_people_are_nobodys(name):
    assert SEARCH.what_is_in(name, RESULTS[name]) == ""


def test_results_are_nobodys_with_the_mapping_as_well(recoded):
    search, mapped = recoded
    cells = tl.compress(tl.SurveyDesign(mapped), "little_trust", ["gender", "seen"])
    frame = tl.cell_means(cells).frame
    assert search.what_is_in("a.csv", csv_of(frame)) == ""
    assert search.what_is_in("a.html", frame.to_html().encode()) == ""
    crossed = frame[["gender", "seen"]].assign(group="majority")
    assert search.what_is_in("a.csv", csv_of(crossed)) == ""


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(sorted(FORMS)))
def test_whatever_bytes_a_file_has_they_are_searched_or_named(content, name):
    assert isinstance(SEARCH.what_is_in(name, content), str)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(FORMS)), st.integers(0, 10_000), st.integers(0, 255)
)  # fmt: skip
def test_a_damaged_file_ends_in_words(name, place, byte):
    content = bytearray(FORMS[name](PARTS["three"]))
    content[place % len(content)] = byte
    assert isinstance(SEARCH.what_is_in(name, bytes(content)), str)


# -- what cannot be read ---------------------------------------------------------------


class Trap:
    """Pickled, it would write a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_pickled_is_ever_loaded(protocol, tmp_path):
    trap = tmp_path / "sprung"
    content = pickle.dumps(Trap(trap), protocol=protocol)
    assert "pickled" in SEARCH.what_is_in("a.pkl", content) or protocol < 2
    assert SEARCH.what_is_in("a.pkl", content)
    array = written(lambda f: np.save(f, np.array([Trap(trap)], dtype=object)))
    assert SEARCH.what_is_in("a.npy", array)
    assert not trap.exists()


def bomb() -> bytes:
    return gzip.compress(bytes(1 << 22))


UNREAD = {
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Filter/FlateDecode>>stream\n\0\1\2",
    "duckdb": bytes(8) + b"DUCK" + bytes(range(64)),
    "unknown": bytes(range(256)),
    "cut gzip": gzip.compress(RESULTS["gaps.html"])[:900],
    "cut parquet": RESULTS["cells.parquet"][:300],
    "too large": bomb(),
    "bomb in a bomb": gzip.compress(bomb()),
    "bomb in a zip": zip_of({"a": bytes(1 << 22)}),
}


@pytest.mark.parametrize("kind", UNREAD)
def test_what_cannot_be_read_is_named(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(parts.Room.__init__, "__defaults__", (1 << 20,))
    assert SEARCH.what_is_in("file", UNREAD[kind]) not in ("", FOUND)
    (tmp_path / "file").write_bytes(UNREAD[kind])
    (line,) = leaks(tmp_path, FRAME)
    assert line.startswith("file: it ")


def test_archives_in_archives_end():
    content = b"nothing"
    for _ in range(unpacking.DEEPEST + 2):
        content = zip_of({"a.zip": content})
    assert SEARCH.what_is_in("a.zip", content) == "archives in archives"


def test_entities_of_a_workbook_are_not_resolved():
    """Each entity is ten of the one before: resolved they would be a gigabyte."""
    names = [f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10)]
    xml = f"<!DOCTYPE x [<!ENTITY a0 'ha'>{''.join(names)}]><row><c><v>&a9;</v></c></row>"  # fmt: skip
    content = zip_of({"xl/worksheets/sheet1.xml": xml.encode()})
    assert SEARCH.what_is_in("a.xlsx", content) == ""


def test_a_file_of_numpy_or_pandas_that_is_pickled_is_named_though_nothing_is_seen():
    levels = FRAME[["sex", "trust"]].astype("category")
    assert "pickled" in SEARCH.what_is_in("a.pkl", pickle.dumps(levels))


def test_a_name_of_a_file_is_searched_too():
    assert SEARCH.what_is_in(f"stories/{ONE.id}.md", b"nothing") == FOUND
    content = zip_of({f"{ONE.id}.txt": b"nothing"})
    assert SEARCH.what_is_in("a.zip", content) == FOUND
