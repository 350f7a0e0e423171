"""People in files that no memory holds: the same cells as by pandas, and never a short count."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import trustlib as tl
from contract import refused
from one_machine import GENDERS, commands, people, plan_text, python_blocks
from trustbook.cli import app
from trustbook.large_files import load_large_plan, make_large
from trustlib import weight_checks
from trustlib.ordering import levels_by_batch
from trustlib.parts import parts_of

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
ROOT = Path(__file__).parents[1]
AXES = ["gender", "age_band", "wave"]
DESIGN = {"weight": "weight", "strata": "region", "psu": "psu", "nest": True}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return people()


def one_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "people.parquet"
    frame.to_parquet(path)
    return path


def parts(frame: pd.DataFrame, folder: Path) -> Path:
    """Four parts, as a cluster writes them."""
    path = folder / "people"
    path.mkdir()
    for i in range(4):
        part = frame.iloc[i::4]
        part.to_parquet(path / f"part-{i:05}-8a.snappy.parquet", index=False)
    (path / "_SUCCESS").touch()
    return path


def partitioned(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "by-wave"
    frame.to_parquet(path, partition_cols=["wave"])
    return path


def odd_name(frame: pd.DataFrame, folder: Path) -> Path:
    """A name that would be a pattern."""
    path = folder / "people [1]*'2'.parquet"
    frame.to_parquet(path)
    return path


def dataset(frame: pd.DataFrame, folder: Path) -> ds.Dataset:
    return ds.dataset(parts(frame, folder), exclude_invalid_files=True)


def dataset_by_wave(frame: pd.DataFrame, folder: Path) -> ds.Dataset:
    return ds.dataset(partitioned(frame, folder), partitioning="hive")


WITH_ORDER = (
    one_parquet,
    parts,
    partitioned,
    odd_name,
    dataset,
    dataset_by_wave,
)


def cells_of(given) -> tl.Cells:
    return tl.compress(tl.SurveyDesign(given, **DESIGN), "angry", AXES)


def require_same(cells: tl.Cells, expected: tl.Cells) -> None:
    """The same cells in the same order, with the same covariance and reference levels."""
    for axis in AXES:
        levels = [list(c.frame[axis].astype(str)) for c in (cells, expected)]
        assert levels[0] == levels[1]
    sums = ["n", "n_events", "sum_w", "sum_wy", "sum_w2"]
    np.testing.assert_allclose(
        cells.frame[sums].to_numpy(float),
        expected.frame[sums].to_numpy(float),
        rtol=1e-12,
    )
    found = tl.cell_means(cells)
    wanted = tl.cell_means(expected)
    np.testing.assert_allclose(found.vcov, wanted.vcov, rtol=1e-12, atol=1e-18)
    assert cells.df == expected.df
    assert cells.missing.values.tolist() == expected.missing.values.tolist()


@pytest.mark.parametrize("write", WITH_ORDER, ids=lambda write: write.__name__)
def test_a_file_is_counted_as_its_frame(frame, tmp_path, write):
    require_same(cells_of(write(frame, tmp_path)), cells_of(frame))


def test_the_first_level_is_that_of_the_file_and_not_of_the_alphabet(frame, tmp_path):
    cells = cells_of(parts(frame, tmp_path))
    assert cells.frame["gender"].cat.categories[0] == GENDERS[0] == "woman"


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_csv_is_counted_as_pandas_reads_it(frame, tmp_path, ending):
    path = tmp_path / f"people{ending}"
    frame.to_csv(path, index=False)
    texts = pd.read_csv(path, keep_default_na=False, na_values=[""])
    require_same(cells_of(path), cells_of(texts))


def test_a_csv_of_parts_is_counted_with_the_marks_of_its_country(frame, tmp_path):
    for i in range(3):
        frame.iloc[i::3].to_csv(tmp_path / f"part-{i}.csv", sep=";", index=False)
    texts = frame.astype({"gender": str})
    require_same(cells_of(tmp_path), cells_of(texts))


def test_one_decimal_below_many_whole_numbers_is_not_rounded(tmp_path):
    rows = ["y,g,w", *["1,a,1", "0,b,1"] * 30_000, "1,a,1.5"]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(rows) + "\n")
    cells = tl.compress(tl.SurveyDesign(path, weight="w"), "y", ["g"])
    assert cells.frame["sum_w"].tolist() == [30_001.5, 30_000]


def test_a_part_of_whole_numbers_does_not_round_the_next(frame, tmp_path):
    first = frame.head(50).assign(weight=2)
    rest = frame.tail(len(frame) - 50)
    first.to_parquet(tmp_path / "part-0.parquet", index=False)
    rest.to_parquet(tmp_path / "part-1.parquet", index=False)
    require_same(cells_of(tmp_path), cells_of(pd.concat([first, rest])))


def test_a_domain_of_a_file_is_an_expression(frame, tmp_path):
    import narwhals as nw

    design = tl.SurveyDesign(one_parquet(frame, tmp_path), **DESIGN)
    cells = tl.compress(design.domain(nw.col("wave") == 2024), "angry", AXES)
    inside = tl.SurveyDesign(frame, **DESIGN).domain("wave == 2024")
    require_same(cells, tl.compress(inside, "angry", AXES))


# Never a short count


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def spoil_footer(folder: Path) -> None:
    cut(sorted(folder.glob("*.parquet"))[1])


def spoil_pages(folder: Path) -> None:
    """A part whose footer is whole and whose people are not."""
    path = sorted(folder.glob("*.parquet"))[1]
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)


def empty_a_part(folder: Path) -> None:
    sorted(folder.glob("*.parquet"))[1].write_bytes(b"")


def lose_a_part(folder: Path) -> None:
    sorted(folder.glob("*.parquet"))[1].unlink()


def lose_the_last_part(folder: Path) -> None:
    last = sorted(folder.glob("*.parquet"))[-1]
    (folder / f".{last.name}.crc").touch()
    last.unlink()


def still_write(folder: Path) -> None:
    (folder / "_temporary" / "0").mkdir(parents=True)


def add_another_kind(folder: Path) -> None:
    (folder / "part-00004.orc").touch()


def add_another_column(folder: Path) -> None:
    path = sorted(folder.glob("*.parquet"))[2]
    pd.read_parquet(path).assign(more=1).to_parquet(path, index=False)


FAULTS = {
    spoil_footer: "no whole Parquet file",
    spoil_pages: "could not be read to the end|no whole Parquet file|cannot be",
    empty_a_part: "no whole Parquet file",
    lose_a_part: "there is no number 1",
    lose_the_last_part: "lacks parts that it names",
    still_write: "did not come to an end",
    add_another_kind: "is not read bit by bit",
    add_another_column: "has other columns than",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_half_a_folder_is_refused_in_a_sentence(frame, tmp_path, spoil):
    folder = parts(frame, tmp_path)
    spoil(folder)
    with pytest.raises(tl.TrustlibError, match=FAULTS[spoil]) as caught:
        cells_of(folder)
    told = str(caught.value)
    assert len(told.splitlines()) <= 2
    assert "woman" not in told


def test_a_part_that_the_list_of_the_folder_names_has_to_be_there(frame, tmp_path):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    listed: list = []
    folder = tmp_path / "listed"
    pq.write_to_dataset(table, folder, metadata_collector=listed)
    pq.write_metadata(table.schema, folder / "_metadata", metadata_collector=listed)
    require_same(cells_of(folder), cells_of(frame))
    (part,) = folder.glob("*.parquet")
    part.rename(folder / "other.parquet")
    with pytest.raises(tl.CodebookError, match="lacks parts that it names"):
        parts_of(folder)


@pytest.mark.parametrize("cut_at", [-1, -3, -400])
def test_a_csv_part_that_was_cut_is_refused(frame, tmp_path, cut_at):
    for i in range(2):
        frame.iloc[i::2].to_csv(tmp_path / f"part-{i}.csv", index=False)
    path = tmp_path / "part-1.csv"
    path.write_bytes(path.read_bytes()[:cut_at])
    with pytest.raises(tl.CodebookError, match="it is cut short"):
        tl.SurveyDesign(tmp_path, **DESIGN)


def test_a_packed_csv_that_was_cut_is_refused(frame, tmp_path):
    path = tmp_path / "people.csv.gz"
    frame.to_csv(path, index=False)
    cut(path)
    refused(lambda: cells_of(path), tl.TrustlibError, ValueError)


def test_a_line_with_fewer_fields_is_refused(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("y,g,w\n1,a,1\n0,b\n1,a,1\n")
    refused(
        lambda: tl.compress(tl.SurveyDesign(path, weight="w"), "y", ["g"]),
        tl.TrustlibError,
        ValueError,
    )


def test_a_file_that_changes_after_its_design_is_refused(frame, tmp_path):
    path = one_parquet(frame, tmp_path)
    design = tl.SurveyDesign(path, **DESIGN)
    frame.iloc[:-1].to_parquet(path)
    refused(
        lambda: tl.compress(design, "angry", AXES),
        tl.DesignError,
        ValueError,
    )


def test_a_part_that_is_gone_after_the_design_is_refused(frame, tmp_path):
    folder = parts(frame, tmp_path)
    design = tl.SurveyDesign(folder, **DESIGN)
    lose_a_part(folder)
    told = refused(
        lambda: tl.compress(design, "angry", AXES),
        tl.DesignError,
        ValueError,
        "Nothing was counted",
    )
    assert "woman" not in told


@pytest.mark.parametrize("given", ["no-such-file.parquet", "no-such-folder"])
def test_what_is_not_there_is_said(given, tmp_path):
    refused(
        lambda: tl.SurveyDesign(tmp_path / given),
        tl.MissingFileError,
        FileNotFoundError,
        "There is no survey file",
    )


def test_an_empty_folder_and_an_unknown_kind_are_refused(tmp_path):
    refused(lambda: tl.SurveyDesign(tmp_path), tl.MissingFileError, FileNotFoundError)
    file = tmp_path / "people.sav"
    file.touch()
    told = refused(lambda: tl.SurveyDesign(file), tl.SurveyFileError, OSError)
    assert "trustlib.read_survey" in told


def test_an_address_is_no_path(tmp_path):
    """Nothing is fetched, whatever the path looks like."""
    with pytest.raises(tl.MissingFileError):
        tl.SurveyDesign("https://example.org/people.parquet")


def test_without_duckdb_one_sentence_says_what_to_install(frame, tmp_path, monkeypatch):
    monkeypatch.setattr("trustlib.opening.find_spec", lambda name: None)
    path = one_parquet(frame, tmp_path)
    told = refused(lambda: tl.SurveyDesign(path), tl.DesignError, ValueError)
    assert "pip install duckdb" in told


def test_a_limit_of_memory_is_a_size(frame, tmp_path, monkeypatch):
    path = one_parquet(frame, tmp_path)
    monkeypatch.setenv("TRUSTLIB_MEMORY", "much")
    told = refused(lambda: tl.SurveyDesign(path), tl.DesignError, ValueError)
    assert "512MB" in told
    monkeypatch.setenv("TRUSTLIB_MEMORY", "300MB")
    require_same(cells_of(path), cells_of(frame))


# How often people are looked at


def test_weights_and_strata_of_a_file_take_one_pass(frame, tmp_path, monkeypatch):
    passes = []
    real = weight_checks.grouped
    monkeypatch.setattr(
        weight_checks, "grouped", lambda *given: passes.append(1) or real(*given)
    )
    tl.SurveyDesign(one_parquet(frame, tmp_path), **DESIGN)
    assert len(passes) == 1


def test_the_people_of_a_dataset_are_never_in_memory_at_once():
    batch = pa.record_batch({"g": pa.array(["b", "a"]).dictionary_encode()})
    many = (batch for _ in range(1000))  # each is gone when the next one comes
    assert levels_by_batch(many) == {"g": ["b", "a"]}


# The page, its plan and its command


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of the page: the people in parts, and the plan."""
    parts(people(), tmp_path)
    (tmp_path / "plan.yml").write_text(plan_text())
    return tmp_path


def test_the_commands_of_the_page_for_one_machine(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (command,) = [c for c in commands() if "duckdb" in c.words]
    done = CliRunner().invoke(app, command.words[1:])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == command.lines
    checked = CliRunner().invoke(app, [*command.words[1:], "--check"])
    assert checked.exit_code == 0, checked.output
    for path in (folder / "cells").glob("*.parquet"):
        assert tl.Cells.read(path).sealed


def test_the_python_of_the_page(folder):
    program = python_blocks()[0]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "std_error" in ended.stdout


def test_cells_of_the_command_are_those_of_the_frame(folder):
    plan = load_large_plan(folder / "plan.yml")
    made = make_large(plan, folder / "people")
    design = tl.SurveyDesign(people(), weight="weight", strata="region")
    expected = tl.compress(design, "angry", ["gender"]).seal()
    cells = made["angry-gender"].frame
    np.testing.assert_allclose(cells["sum_w"], expected.frame["sum_w"], rtol=1e-12)


def test_a_confidential_file_does_not_leave_by_this_door(folder):
    path = folder / "plan.yml"
    path.write_text(re.sub("kind: synthetic", "kind: supplied", path.read_text()))
    plan = load_large_plan(path)
    told = refused(
        lambda: make_large(plan, folder / "people"),
        tl.DisclosureError,
        PermissionError,
    )
    assert "trustlib.protect" in told


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("file: people", "mapping: mapping.yml", "recodes a file in memory"),
        ("by: [gender]}", 'by: [gender], where: "wave == 1"}', "are made in memory"),
        ("strata: region", "region: strata", "is not a plan of cells"),
    ],
)
def test_plans_that_need_the_memory_are_refused(folder, before, after, said):
    path = folder / "plan.yml"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(tl.CodebookError, match=said):
        load_large_plan(path)


@pytest.mark.parametrize("engine", ["spark", "dask"])
def test_a_cluster_elsewhere_is_not_even_called(folder, engine):
    plan = load_large_plan(folder / "plan.yml")
    address = {"spark": "spark://10.0.0.5:7077", "dask": "tcp://10.0.0.5:8786"}[engine]
    if engine == "dask":
        pytest.importorskip("dask.dataframe")
    told = refused(
        lambda: make_large(plan, folder / "people", engine, address),
        tl.DisclosureError,
        PermissionError,
        "sent to another machine",
    )
    assert "--trust-scheduler" in told


def test_engines_and_their_options_are_named(folder):
    plan = load_large_plan(folder / "plan.yml")
    with pytest.raises(tl.UnknownNameError, match="duckdb"):
        make_large(plan, folder / "people", "duck")
    with pytest.raises(tl.RunError, match="has no address"):
        make_large(plan, folder / "people", "duckdb", "tcp://127.0.0.1:1")


def test_warnings_are_not_needed_to_see_a_fault(folder):
    """With warnings off, a lost part is refused all the same."""
    shutil.rmtree(folder / "people")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(tl.MissingFileError):
            make_large(load_large_plan(folder / "plan.yml"), folder / "people")
