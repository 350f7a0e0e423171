"""The same people on every engine, and what happens where a worker or a part is lost.

`make test-engines` runs this in an environment of its own (`tests/outside/engines.lock`).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import dask.dataframe as dd
import distributed
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import trustlib as tl
from one_machine import GENDERS, commands, people, plan_text
from trustlib.schedulers import LEFT_OUT

JAVA = (
    "Spark needs Java 17 or newer: on Debian and Ubuntu, "
    "apt-get install openjdk-17-jre-headless"
)
AXES = ["gender", "age_band", "wave"]
DESIGN = {"weight": "weight", "strata": "region", "psu": "psu", "nest": True}
PARTS = 4
pytestmark = [
    pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
os.environ["PYSPARK_PYTHON"] = sys.executable  # Spark's workers are of this environment
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason=JAVA)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return people()


@pytest.fixture
def folder(frame, tmp_path) -> Path:
    """The people in parts."""
    path = tmp_path / "people"
    path.mkdir()
    for i in range(PARTS):
        frame.iloc[i::PARTS].to_parquet(path / f"part-{i:05}.parquet", index=False)
    return path


@pytest.fixture(scope="module")
def spark() -> Iterator:
    if shutil.which("java") is None:
        pytest.skip(JAVA)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2,4]")  # a task is tried four times
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture
def workers() -> Iterator[distributed.Client]:
    """Two workers, each a process of its own."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 2}):
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with (
            distributed.LocalCluster(**options, host="127.0.0.1") as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def cells_of(given) -> tl.Cells:
    return tl.compress(tl.SurveyDesign(given, **DESIGN), "angry", AXES)


def require_same(cells: tl.Cells, expected: tl.Cells) -> None:
    """The same cells in the same order, with the same covariance and reference levels."""
    for axis in AXES:
        levels = [list(c.frame[axis].astype(str)) for c in (cells, expected)]
        assert levels[0] == levels[1]
    assert cells.frame["gender"].iloc[0] == GENDERS[0]
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
    formula = "gender * age_band"
    fits = [tl.fit_logit(c, formula) for c in (cells, expected)]
    assert list(fits[0].coef.index) == list(fits[1].coef.index)
    np.testing.assert_allclose(fits[0].coef, fits[1].coef, rtol=1e-9, atol=1e-12)


def in_one_sentence(given, *said: str) -> None:
    """Refused, in a sentence and a hint that hold nothing of the people."""
    with pytest.raises(tl.TrustlibError) as caught:
        cells_of(given)
    told = str(caught.value)
    assert len(told.splitlines()) <= 2
    assert "woman" not in told
    for words in said:
        assert words in told


# The engines of this process

# Polars names not all parts of a plan, so the order of a Categorical cannot be found.
ENUMERATED = pl.col("gender").cast(pl.String).cast(pl.Enum(GENDERS))
LOCAL = {
    "path": lambda folder: folder,
    "pyarrow": lambda folder: pq.read_table(folder),
    "polars lazy": lambda folder: pl.scan_parquet(folder / "*.parquet").with_columns(
        ENUMERATED
    ),
    "polars": lambda folder: pl.read_parquet(folder / "*.parquet").with_columns(
        ENUMERATED
    ),
    "duckdb": lambda folder: duckdb.read_parquet(str(folder / "*.parquet")),
    "dask in this process": lambda folder: dd.read_parquet(folder),
}


@pytest.mark.parametrize("engine", LOCAL)
def test_engines_of_this_process(frame, folder, engine):
    require_same(cells_of(LOCAL[engine](folder)), cells_of(frame))


# Dask


def test_two_workers_of_dask(frame, folder, workers):
    require_same(cells_of(dd.read_parquet(folder)), cells_of(frame))


def killed(part: pd.DataFrame, marker: str, always: bool) -> pd.DataFrame:
    """A part at which a worker is killed: once, or each time."""
    mark = Path(marker)
    if len(part) and (always or not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def test_work_of_a_killed_worker_of_dask_is_done_again(
    frame, folder, workers, tmp_path
):
    marker = tmp_path / "killed"
    given = dd.read_parquet(folder)
    given = given.map_partitions(killed, str(marker), False, meta=given)
    cells = cells_of(given)
    assert marker.exists()
    require_same(cells, cells_of(frame))


def test_no_worker_of_dask_that_lives_is_one_sentence(folder, workers, tmp_path):
    given = dd.read_parquet(folder)
    given = given.map_partitions(killed, str(tmp_path / "m"), True, meta=given)
    in_one_sentence(given, "Nothing was counted", "worker")


def test_a_part_that_dask_loses_is_one_sentence(folder, workers):
    given = dd.read_parquet(folder)
    (folder / "part-00002.parquet").unlink()
    in_one_sentence(given)


def test_half_a_part_for_dask_is_one_sentence(folder, workers):
    given = dd.read_parquet(folder)
    path = folder / "part-00002.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    in_one_sentence(given)


# Spark


@needs_java
def test_spark(frame, folder, spark):
    require_same(cells_of(spark.read.parquet(str(folder))), cells_of(frame))


def lost(batches, marker: str, always: bool):
    """Batches at which a worker of Python is killed: once, or each time."""
    mark = Path(marker)
    for batch in batches:
        if always or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch


def with_killer(given, marker: Path, always: bool):
    """A frame of Spark at which a worker is killed, its order kept as an enumeration."""
    name = str(marker)
    return given.mapInArrow(lambda parts: lost(parts, name, always), given.schema)


@needs_java
def test_work_of_a_killed_worker_of_spark_is_done_again(frame, folder, spark, tmp_path):
    marker = tmp_path / "killed"
    given = with_killer(spark.read.parquet(str(folder)), marker, always=False)
    cells = cells_of(given)
    assert marker.exists()
    require_same(cells, cells_of(frame))


@needs_java
def test_no_worker_of_spark_that_lives_is_one_sentence(folder, spark, tmp_path):
    given = with_killer(spark.read.parquet(str(folder)), tmp_path / "m", always=True)
    in_one_sentence(given, "Nothing was counted")


@needs_java
def test_a_part_that_spark_loses_is_one_sentence(folder, spark):
    given = spark.read.parquet(str(folder))
    (folder / "part-00002.parquet").unlink()
    in_one_sentence(given, "Nothing was counted")


@needs_java
def test_half_a_part_for_spark_is_one_sentence(folder, spark):
    given = spark.read.parquet(str(folder))
    path = folder / "part-00002.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    in_one_sentence(given, "Nothing was counted")


@needs_java
@pytest.mark.parametrize("setting", LEFT_OUT)
def test_a_session_that_leaves_files_out_is_refused(folder, spark, setting):
    spark.conf.set(setting, "true")
    try:
        in_one_sentence(spark.read.parquet(str(folder)), setting)
    finally:
        spark.conf.unset(setting)


@needs_java
def test_people_who_are_drawn_anew_each_time_are_refused(folder, spark):
    from pyspark.sql.functions import udf

    # Spark's own rand() has its seed in the plan, so it draws the same people again.
    drawn = udf(lambda: random.random() < 0.5, "boolean").asNondeterministic()
    given = spark.read.parquet(str(folder))
    in_one_sentence(given.filter(drawn()), "more or fewer people")


# The page


@pytest.mark.parametrize("engine", ["duckdb", "spark", "dask"])
def test_the_commands_of_the_page(folder, engine):
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip(JAVA)
    place = folder.parent
    (place / "plan.yml").write_text(plan_text())
    by_engine = {command.words[-1]: command for command in commands()}
    by_engine |= {command.words[-2]: command for command in commands()[1:]}
    wanted = ["duckdb"] if engine == "duckdb" else ["duckdb", engine]
    for name in wanted:  # the page compares with cells that DuckDB has written
        run_command(place, by_engine[name].words, by_engine[name].lines)


def test_the_command_with_an_address(folder, workers):
    place = folder.parent
    (place / "plan.yml").write_text(plan_text())
    words = [*commands()[0].words[:-1], "dask", "--address", workers.scheduler.address]
    run_command(place, words, commands()[0].lines)


@needs_java
def test_the_command_with_a_master(folder):
    place = folder.parent
    (place / "plan.yml").write_text(plan_text())
    words = [*commands()[0].words[:-1], "spark", "--address", "local[2]"]
    run_command(place, words, commands()[0].lines)


def run_command(place: Path, words: list[str], lines: list[str]) -> None:
    """A command of the page prints what the page says."""
    program = [sys.executable, "-W", "ignore", "-m", "trustbook.start", *words[1:]]
    ended = subprocess.run(
        program, cwd=place, env=own(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2000:]
    assert ended.stdout.splitlines() == lines


def own() -> dict[str, str]:
    """The environment with absolute paths of what is imported."""
    paths = [str(Path(p).resolve()) for p in os.environ["PYTHONPATH"].split(":")]
    return os.environ | {"PYTHONPATH": ":".join(paths)}
