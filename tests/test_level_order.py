"""One order of levels, whatever the engine and the order of rows: the first level is the reference of every gap."""

import itertools

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trustlib as tl
from contract import DESIGN_ERROR, refused

pytestmark = pytest.mark.usefixtures("forked")

LEVELS = ["b", "c", "a", "É"]
people = st.lists(
    st.tuples(st.sampled_from([*LEVELS, None]), st.booleans(), st.integers(1, 16)),
    min_size=6,
    max_size=30,
)


def connected(path, query):
    """A relation of a connection that lives as long as it."""
    connection = duckdb.connect()
    connection.sql(f"create view one as select * from '{path}'")
    connection.sql("create view two as select * from one where w > 0")
    return connection.sql(query)


ROUTES = {
    "pandas": pd.read_parquet,
    "pandas on arrow": lambda p: pd.read_parquet(p, dtype_backend="pyarrow"),
    "pyarrow": pq.read_table,
    "lazy polars": pl.scan_parquet,
    "lazy polars, filtered": lambda p: pl.scan_parquet(p).filter(pl.col("w") > 0),
    "duckdb": lambda p: duckdb.read_parquet(str(p)),
    "duckdb, query": lambda p: duckdb.sql(f"select * from '{p}'"),
    "duckdb, view": lambda p: connected(p, "select * from two"),
    "the file": tl.read_survey,
    "a mapping": lambda p: tl.read_survey(
        p, {"variables": {"g": {}, "y": {}}, "design": {"weight": "w"}}
    ).rename(columns={"weight": "w"}),
}


def cells_of(frame):
    """The cells as a dict in their order: level -> people, and weighted with the outcome."""
    found = tl.compress(tl.SurveyDesign(frame, "w"), "y", ["g"]).frame
    return {r.g: (r.n, r.sum_w, r.sum_wy) for r in found.itertuples()}


def counted(rows, order):
    """The same from the rows, one by one."""
    out = {}
    for level in order:
        inside = [r for r in rows if r[0] == level]
        if inside:
            weight = float(sum(r[2] for r in inside))
            out[level] = (len(inside), weight, float(sum(r[2] for r in inside if r[1])))
    return out


def table_of(rows, order):
    return pd.DataFrame({
        "g": pd.Categorical([r[0] for r in rows], order) if order else pd.array([r[0] for r in rows], dtype="str"),
        "y": [float(r[1]) for r in rows], "w": [float(r[2]) for r in rows],
    })  # fmt: skip


@pytest.mark.filterwarnings(
    "ignore::trustlib.MissingRowsWarning", "ignore::trustlib.FewPSUWarning"
)
@pytest.mark.parametrize("route", ROUTES)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(rows=people, order=st.sampled_from([None, *itertools.permutations(LEVELS, 4)]))
def test_a_parquet_file_has_one_order_on_every_route(tmp_path, route, rows, order):
    """The dictionary of the file, or sorted if it holds texts; the cells are those of the rows."""
    if not any(r[0] for r in rows):
        return
    path = tmp_path / "a.parquet"
    table_of(rows, order).to_parquet(path, row_group_size=7)
    found = cells_of(ROUTES[route](path))
    expected = counted(rows, order or sorted(LEVELS))
    assert list(found) == list(expected)
    assert found == expected


def test_a_polars_categorical_is_refused_because_its_order_is_lost(tmp_path):
    rows = [("b", True, 1), ("a", False, 2)] * 5
    path = tmp_path / "a.parquet"
    table_of(rows, ["b", "a"]).to_parquet(path)
    eager = pl.read_parquet(path)
    for frame in (eager, eager.lazy()):
        refused(
            lambda frame=frame: cells_of(frame),
            *DESIGN_ERROR,
            "'g'",
            "pl.Enum",
            "pl.String",
        )
    assert list(cells_of(eager.cast({"g": pl.Enum(["b", "a"])}))) == ["b", "a"]
    assert list(cells_of(eager.cast({"g": pl.String}))) == ["a", "b"]
    assert cells_of(eager.filter(pl.col("g") == "b")) == {"b": (5, 5.0, 5.0)}


ENUMS = {
    "polars": lambda f: pl.from_pandas(f).cast({"g": pl.Enum(f["g"].cat.categories.tolist())}),
    "lazy polars": lambda f: pl.from_pandas(f).cast({"g": pl.Enum(f["g"].cat.categories.tolist())}).lazy(),
    "duckdb": duckdb.from_df,
    "arrow": lambda f: pa.Table.from_pandas(f, preserve_index=False),
    "pandas, ordered": lambda f: f.assign(g=f["g"].cat.as_ordered()),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENUMS)
@pytest.mark.parametrize("order", [("c", "a", "b"), ("a", "b", "c"), ("b", "c", "a")])
def test_an_enumeration_keeps_its_order(engine, order):
    rows = [(level, i % 2 == 0, 1 + i % 4) for i, level in enumerate("abcab" * 4)]
    assert cells_of(ENUMS[engine](table_of(rows, order))) == counted(rows, order)
    assert list(cells_of(ENUMS[engine](table_of(rows, order)))) == list(order)


# -- dictionaries of Arrow ------------------------------------------------------------------------------------------------


def chunk(values, dictionary):
    indices = [None if v is None else dictionary.index(v) for v in values]
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int8()), pa.array(dictionary)
    )


CHUNKS = [
    (["b", "a", None], ["b", "a"]),
    (["c", "a", "b"], ["a", "c", "b"]),
    (["c", None, "c"], ["c", None]),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_differing_dictionaries_are_one(tmp_path, order):
    """Axes, strata and PSUs: what counts is the value, wherever it stands in the dictionary of its chunk."""
    chunks = [chunk(*CHUNKS[i]) for i in order]
    values = [v for i in order for v in CHUNKS[i][0]]
    table = pa.table(
        {"g": pa.chunked_array(chunks), "y": [0.0, 1, 1] * 3, "w": [1.0, 2, 3] * 3}
    )
    rows = list(
        zip(values, table["y"].to_pylist(), table["w"].to_pylist(), strict=True)
    )
    with pytest.warns(tl.MissingRowsWarning):
        found = cells_of(table)
    first_seen = dict.fromkeys(v for i in order for v in CHUNKS[i][1] if v is not None)
    assert list(found) == list(first_seen)
    assert found == counted(rows, first_seen)
    whole = table.filter(pa.array([v is not None for v in values]))
    design = tl.SurveyDesign(whole, "w", psu="g")
    assert design.layout.n_psu.tolist() == [3]
    plain = tl.SurveyDesign(pd.DataFrame(whole.to_pydict()), "w", psu="g")
    for one, two in zip(
        *(tl.cell_means(tl.compress(d, "y")).frame.iloc[0] for d in (design, plain)),
        strict=True,
    ):
        assert one == pytest.approx(two, nan_ok=True)


def test_a_dictionary_of_numbers():
    values = pa.array([3, 1, 2, 1, 3]).dictionary_encode()
    found = tl.compress(
        tl.SurveyDesign(
            pa.table({"g": values, "y": [0.0, 1, 1, 0, 1], "w": [1.0] * 5}), "w"
        ),
        "y",
        ["g"],
    )
    assert found.frame["g"].cat.categories.tolist() == [3, 1, 2]
    assert found.frame["n"].tolist() == [2, 2, 1]


# -- files with labels, mappings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a.sav", "a.dta"])
@pytest.mark.parametrize("rows", [[3, 1, 2], [2, 3, 1], [1, 1, 3]])
def test_labels_stand_in_the_order_of_their_codes(tmp_path, kind, rows):
    labels = {3: "Always", 1: "Never", 2: "Now and then"}
    frame = pd.DataFrame({"q": [float(code) for code in rows], "w": 1.0})
    write = pyreadstat.write_dta if kind == "a.dta" else pyreadstat.write_sav
    write(frame, str(tmp_path / kind), variable_value_labels={"q": labels})
    found = tl.read_survey(tmp_path / kind)["q"]
    assert found.tolist() == [labels[code] for code in rows]
    assert found.cat.categories.tolist() == ["Never", "Now and then", "Always"]


def test_codes_without_a_label_leave_the_column_as_it_is(tmp_path):
    """Texts and numbers are never mixed in one column."""
    frame = pd.DataFrame({"q": [1.0, 5, 10, np.nan]})
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "a.sav"),
        variable_value_labels={"q": {1: "Worst", 10: "Best"}},
    )
    np.testing.assert_array_equal(tl.read_survey(tmp_path / "a.sav")["q"], frame["q"])


@pytest.mark.parametrize("kind", ["a.csv", "a.csv.gz", "a.parquet", "a.sav", "a.dta"])
@pytest.mark.parametrize(
    "rows", list(itertools.permutations(["b", "10", "9", "a"]))[::5]
)
def test_texts_without_an_order_are_sorted_whatever_the_rows(tmp_path, kind, rows):
    frame = pd.DataFrame({"q": list(rows)})
    path = tmp_path / kind
    if "csv" in kind:
        frame.to_csv(path, index=False)
    elif kind == "a.parquet":
        frame.to_parquet(path)
    else:
        (pyreadstat.write_dta if kind == "a.dta" else pyreadstat.write_sav)(
            frame, str(path)
        )
    found = tl.read_survey(path, {"variables": {"q": {}}})["q"]
    assert found.tolist() == list(rows)
    assert found.cat.categories.tolist() == ["10", "9", "a", "b"]


def test_a_mapping_comes_before_the_file(tmp_path):
    frame = pd.DataFrame({"q": pd.Categorical(["a", "b", "c"], ["c", "b", "a"])})
    frame.to_parquet(tmp_path / "a.parquet")
    for rule, order in (
        ({}, ["c", "b", "a"]),
        ({"levels": ["b", "a", "c"]}, ["b", "a", "c"]),
        ({"values": {"b": "b", "c": "c", "a": "a"}}, ["b", "c", "a"]),
        (
            {"values": {"b": "b", "c": "c", "a": "a"}, "levels": ["a", "c", "b"]},
            ["a", "c", "b"],
        ),
    ):
        found = tl.read_survey(tmp_path / "a.parquet", {"variables": {"q": rule}})["q"]
        assert found.cat.categories.tolist() == order


def test_the_reference_level_is_said():
    rows = [(level, i % 2 == 0, 1) for i, level in enumerate("abcab" * 4)]
    cells = tl.compress(
        tl.SurveyDesign(table_of(rows, ["c", "a", "b"]), "w"), "y", ["g"]
    )
    assert "g (reference c)" in repr(cells)
