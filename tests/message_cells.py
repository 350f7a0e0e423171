"""Messages of `trustlib compress`: of sealed cells, of large files and of what leaves, with what they advise."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

import trustlib as tl
from partner_steps import (
    Case,
    Step,
    after,
    command,
    environment,
    in_order,
    mapping,
    people,
    within,
    write,
)

# -- sealed cells -----------------------------------------------------------------------

LOW = {"outcome": "low_trust", "by": ["gender"]}
REGION = {"region": {"column": "region"}}
AGE = {"age": {"column": "age", "values": {str(a): a for a in range(20, 60)}}}


def listed(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False)


def sealed(
    sets: Any,
    variables: dict | None = None,
    frame: pd.DataFrame | None = None,
    words: tuple[str, ...] = (),
    **parts: Any,
) -> Step:
    """``trustlib compress`` of a plan beside its mapping and the survey file."""
    parts = {"file": "people.csv"} | parts
    plan = {"mapping": "m.yml", "cells": sets}
    files = {
        "people.csv": people() if frame is None else frame,
        "m.yml": mapping(variables, **parts),
        "cells.yml": listed(plan if isinstance(sets, dict) else {"mapping": "m.yml"}),
    }
    return after(files, "compress", "cells.yml", "--data", ".", *words)


def one(**changed: Any) -> Step:
    """The same of one set of cells."""
    return sealed({"trust": LOW | changed}, REGION | AGE)


def many(levels: int, **more: Any) -> Step:
    """The same by an identity of many levels."""
    frame = people(region=[f"r{i % levels}" for i in range(80)])
    return sealed({"trust": LOW | {"by": ["region"]}}, REGION, frame, **more)


FEW_ANSWERED = people(region=["north"] * 40 + ["south"] * 35 + [""] * 5)
BOTH = {"all": LOW | {"by": []}, "told": LOW | {"by": ["region"]}}
BASED = {"all": LOW | {"by": [], "known": ["region"]}, "told": LOW | {"by": ["region"]}}
NORTH = {"all": LOW, "north": LOW | {"where": "region == 'north'"}}
APART = {
    "south": LOW | {"where": "region == 'south'"},
    "north": LOW | {"where": "region == 'north'"},
}
OTHERS = people(
    trust=["little", "little", "much", "much", "little", "much", "much", "much"] * 10
)


def crossing(most: str, value: int) -> Callable[[], Any]:
    """A library that handles fewer cells, so that a small file has too many."""
    return lambda: mock.patch(f"trustlib.cells.{most}", value)


def merged(levels: int) -> Step:
    """Cells of so many levels, sealed by a Python program."""

    def step(folder: Path) -> str:
        rows = 20 * levels
        frame = pd.DataFrame({"y": np.arange(rows) // levels % 2, "group": np.arange(rows) % levels})  # fmt: skip
        design = tl.SurveyDesign(frame, weight=None)
        return repr(tl.compress(design, "y", ["group"]).seal())

    return step


# -- files larger than the memory -------------------------------------------------------

ROWS = people(y=[i // 2 % 2 for i in range(80)])
TEXT = ROWS.to_csv(index=False)
HALF = ROWS.iloc[:40]
REST = ROWS.iloc[40:]
PLAN = {
    "file": "people",
    "source": {"kind": "synthetic"},
    "design": {"weight": "wt"},
    "cells": {"trust": {"outcome": "y", "by": ["sex"]}},
}


def large(files: dict[str, Any], *words: str, file: str = "people", engine: str = "duckdb", **plan: Any) -> Step:  # fmt: skip
    """``trustlib compress --engine`` of files, by a plan with other parts."""
    made = {**files, "cells.yml": listed(PLAN | {"file": file} | plan)}
    return after(made, "compress", "cells.yml", "--engine", engine, *words)


def folder(**parts: Any) -> dict[str, Any]:
    """The parts of a folder, by their names without an ending."""
    return {f"people/{name}.parquet": part for name, part in parts.items()}


def named(*parts: str) -> Callable[[Path], None]:
    """A list of the parts of a folder, as Dask leaves it."""

    def written(path: Path) -> None:
        import pyarrow.parquet as pq

        metadata = None
        for part in parts:
            HALF.to_parquet(path.with_name(part), index=False)
            own = pq.read_metadata(path.with_name(part))
            own.set_file_path(part)
            if metadata is None:
                metadata = own
            else:
                metadata.append_row_groups(own)
        assert metadata is not None
        metadata.write_metadata_file(path)

    return written


def without(file: str, step: Step) -> Step:
    """What is written in a step, less one file, and the command again."""

    def again(folder: Path) -> str:
        step(folder)
        (folder / file).unlink()
        return command("compress", "cells.yml", "--engine", "duckdb")

    return again


WHOLE = {"people/a.parquet": HALF, "people/b.parquet": REST}
SPARK_PARTS = folder(**{"part-00000": HALF, "part-00001": REST})
LATIN = TEXT.replace("north", "Süd").encode("latin-1")


def cut_short(path: Path) -> None:
    """A Parquet file of which the end was not copied."""
    whole = path.with_name("whole")
    ROWS.to_parquet(whole, index=False)
    path.write_bytes(whole.read_bytes()[:-50])
    whole.unlink()


def missing(package: str) -> Callable[[], Any]:
    """A machine on which a package is not installed."""
    return lambda: mock.patch.dict(sys.modules, {package: None})


def without_duckdb() -> Any:
    return mock.patch("trustlib.opening.find_spec", return_value=None)


@contextmanager
def a_lost_part() -> Iterator[None]:
    """A disk on which a part is lost between the look at its columns and the count."""
    from trustlib import opening

    def lost(reader: Any, parts: Any, names: Any, options: dict) -> Any:
        relation = reader(list(names), **options)
        parts.files[-1].unlink()
        return relation

    with mock.patch.object(opening, "_read", lost):
        yield


@contextmanager
def a_growing_file() -> Iterator[None]:
    """Another program that adds a part while the people are counted."""
    from trustbook import large_files

    count = large_files._cells

    def counted(spec: Any, design: Any) -> Any:
        pd.concat([ROWS, ROWS]).to_parquet("people.parquet", index=False)
        return count(spec, design)

    with mock.patch.object(large_files, "_cells", counted):
        yield


class Session:
    """A session of Spark, as `trustlib.schedulers` asks it: Java is not on every machine."""

    def __init__(self, **settings: str) -> None:
        self.conf = settings
        self.sparkSession = self
        self.implementation = SimpleNamespace(
            is_pyspark=lambda: True, is_pyspark_connect=lambda: False
        )

    def to_native(self) -> Session:
        return self


def asked(**settings: str) -> Step:
    """What a design asks the session of Spark that computes its people."""
    from trustlib.schedulers import LEFT_OUT, require_every_file

    named = {LEFT_OUT[0]: settings["corrupt"]}
    return lambda folder: require_every_file(Session(**named))


@contextmanager
def spark(answers: bool) -> Iterator[None]:
    """A machine with Java and pyspark, whose master answers or not."""
    builder = mock.MagicMock()
    builder.master.return_value = builder
    builder.appName.return_value = builder
    builder.config.return_value = builder
    session = mock.MagicMock()
    session.read.parquet.side_effect = lambda path: pa.Table.from_pandas(ROWS)
    builder.getOrCreate.return_value = session
    if not answers:
        builder.getOrCreate.side_effect = ConnectionRefusedError("refused")
    module = SimpleNamespace(SparkSession=SimpleNamespace(builder=builder))
    with (
        mock.patch.dict(sys.modules, {"pyspark.sql": module}),
        mock.patch("trustbook.large_files.shutil.which", return_value="java"),
    ):
        yield


def impatient() -> Any:
    """A command that waits for a scheduler for half a second."""
    return mock.patch("trustbook.large_files.PATIENCE", 0.5)


def protected_in_python(folder: Path) -> str:
    """What the message says to do in Python, with the path of the file as the frame."""
    write(folder, P)
    design = tl.SurveyDesign(
        folder / "people.parquet", "wt", source={"kind": "supplied"}
    )
    key = b"an example: never use this one.."
    return repr(tl.protect(tl.compress(design, "y", ["sex"]), key).protected)


def java() -> Any:
    return mock.patch("trustbook.large_files.shutil.which", return_value="java")


P = {"people.parquet": ROWS}
ONE = {"file": "people.parquet"}
NEAR = "tcp://127.0.0.1:9"
SEALED = (
    Case("… names no `file:`.", sealed({"trust": LOW}, file=None), sealed({"trust": LOW})),
    Case("… is not a plan of cells, … faults:", sealed(None), sealed({"trust": LOW})),
    Case("There is no outcome column ….", one(outcome="lowtrust"), one()),
    Case("There is no axis ….", one(by=["sex"]), one()),
    Case("The outcome … is not 0/1 but ….", one(outcome="gender", by=[]), one()),
    Case(
        "The outcome … holds … different values….",
        large(P, cells={"age": {"outcome": "age", "by": ["sex"]}}, **ONE),
        large(P, **ONE),
    ),
    Case("… is named more than once among outcome and axes.", one(by=["low_trust"]), one()),
    Case(
        "The axes … make … cells; at most … are handled.",
        within(crossing("MAX_CELLS", 3), sealed({"trust": LOW | {"by": ["gender", "region"]}}, REGION)),
        within(crossing("MAX_CELLS", 3), one()),
    ),
    Case(
        "These are … cells; at most … are sealed or merged, with their covariance.",
        within(crossing("MAX_SETTLED", 3), merged(4)),
        within(crossing("MAX_SETTLED", 3), merged(2)),
    ),
    Case(
        "Cells … subtracted from … isolate fewer than … people.",
        sealed(BOTH, REGION, FEW_ANSWERED),
        sealed(BASED, REGION, FEW_ANSWERED),
        way="known",
    ),
    Case(
        "Cells … subtracted from … isolate fewer than … people.",
        sealed(BOTH, REGION, FEW_ANSWERED),
        sealed({"told": BOTH["told"]}, REGION, FEW_ANSWERED),
        way="left out",
    ),
    Case(
        "The people of cells … and of … overlap, and their `where:` differs.",
        sealed(NORTH, REGION),
        sealed(APART, REGION),
    ),
    Case(
        "The committed cells … differ from those made from the survey file (relative difference …).",
        in_order(sealed({"trust": LOW}), sealed({"trust": LOW}, frame=OTHERS, words=("--check",))),
        in_order(sealed({"trust": LOW}, frame=OTHERS), sealed({"trust": LOW}, frame=OTHERS, words=("--check",))),
        then="agrees: trust",
    ),
    Case(
        "The condition … is not a valid expression: ….",
        one(where="region == 'north"),
        one(where="region == 'north'"),
    ),
    Case(
        "The condition … cannot be evaluated: ….",
        one(where="region > 3"),
        one(where="region == 'north'"),
    ),
    Case("… is no name; a name has …", sealed({"low/trust": LOW}), sealed({"low-trust": LOW})),
)  # fmt: skip

LARGE = (
    Case("There is no survey file or folder ….", large({}), large(WHOLE)),
    Case("The folder … holds no survey file.", large({"people/_SUCCESS": b""}), large(WHOLE)),
    Case(
        "The folder … holds files of several kinds: ….",
        large({**WHOLE, "people/c.csv": TEXT}),
        large(WHOLE),
    ),
    Case(
        "The folder … holds …: its writing did not come to an end.",
        large({**WHOLE, "people/_temporary/0": b""}),
        large(WHOLE),
    ),
    Case(
        "The folder … lacks parts that it names: ….",
        without("people/b.parquet", large({"people/_metadata": named("a.parquet", "b.parquet")})),
        large({"people/_metadata": named("a.parquet", "b.parquet")}),
    ),
    Case(
        "The parts in … are numbered up to …, and of these there is no number ….",
        without("people/part-00000.parquet", large(SPARK_PARTS)),
        large(SPARK_PARTS),
    ),
    Case(
        "… has other columns than ….",
        large({**WHOLE, "people/b.parquet": REST.drop(columns="age")}),
        large(WHOLE),
    ),
    Case(
        "… is no whole Parquet file: ….",
        large({"people.parquet": cut_short}, **ONE),
        large(P, **ONE),
    ),
    Case(
        "… does not end with the end of a line: it is cut short.",
        large({"people/a.csv": TEXT.rstrip()}),
        large({"people/a.csv": TEXT}),
    ),
    Case(
        "… is not read bit by bit: expected one of ….",
        large({"people.sav": b""}, file="people.sav"),
        large(P, **ONE),
    ),
    Case(
        "… is not in UTF-8, in which texts are read bit by bit.",
        large({"people.csv": LATIN}, file="people.csv"),
        large({"people.csv": LATIN.decode("latin-1")}, file="people.csv"),
    ),
    Case(
        "… cannot be read: ….",
        large({"people.csv.gz": b"no gzip"}, file="people.csv.gz"),
        large({"people.csv.gz": gzip.compress(TEXT.encode())}, file="people.csv.gz"),
    ),
    Case(
        "The people could not be read to the end: …. Nothing was counted.",
        within(a_lost_part, large(WHOLE)),
        large(WHOLE),
    ),
    Case(
        "The frame has more or fewer people than when its design was made, so its file changed, or it is a lazy frame that draws anew each time.",
        within(a_growing_file, large(P, **ONE)),
        large(P, **ONE),
    ),
    Case(
        "The session of Spark has … on, so that people can be missing without a word.",
        asked(corrupt="true"),
        asked(corrupt="false"),
    ),
    Case(
        "Rows of people would be sent to another machine: expected a cluster at a loopback address such as tcp://127.0.0.1:8786, got ….",
        large(P, "--address", "tcp://10.0.0.5:8786", engine="dask", **ONE),
        large(P, engine="dask", **ONE),
        way="this machine",
    ),
    Case(
        "Rows of people would be sent to another machine: expected a cluster at a loopback address such as tcp://127.0.0.1:8786, got ….",
        within(lambda: spark(True), large(P, "--address", "spark://10.0.0.5:7077", engine="spark", **ONE)),
        within(lambda: spark(True), large(P, "--address", "spark://10.0.0.5:7077", "--trust-scheduler", engine="spark", **ONE)),
        way="trusted",
    ),
    Case(
        "The variable … is a size such as 512MB or 4GB, got ….",
        within(lambda: environment(TRUSTLIB_MEMORY="lots"), large(P, **ONE)),
        within(lambda: environment(TRUSTLIB_MEMORY="256MB"), large(P, **ONE)),
    ),
    Case(
        "… is not a plan of cells of a large file, … faults:",
        large(P, design=None, **ONE),
        large(P, **ONE),
    ),
    Case(
        "… has a `mapping:`, which recodes a file in memory.",
        sealed({"trust": LOW}, words=("--engine", "duckdb")),
        sealed({"trust": LOW}),
        way="without the engine",
    ),
    Case(
        "… has a `mapping:`, which recodes a file in memory.",
        sealed({"trust": LOW}, words=("--engine", "duckdb")),
        large(P, **ONE),
        way="as Parquet",
    ),
    Case(
        "Cells … have a `where:` or other weights, which are made in memory.",
        large(P, cells={"north": {"outcome": "y", "by": ["sex"], "where": "region == 'north'"}}, **ONE),
        large({"people.parquet": ROWS[ROWS["region"] == "north"]}, **ONE),
    ),
    Case(
        "These people are of a confidential file, whose cells leave protected only.",
        large(P, source={"kind": "supplied"}, **ONE),
        protected_in_python,
    ),
    Case(
        "Files are read bit by bit by DuckDB, which is not installed.",
        within(without_duckdb, large(P, **ONE)),
        large(P, **ONE),
    ),
    Case(
        "--engine spark needs the package pyspark.",
        within(java, within(missing("pyspark.sql"), large(P, engine="spark", **ONE))),
        within(lambda: spark(True), large(P, engine="spark", **ONE)),
    ),
    Case(
        "--engine dask needs the package dask.",
        within(missing("dask.dataframe"), large(P, engine="dask", **ONE)),
        large(P, engine="dask", **ONE),
    ),
    Case("DuckDB has no address.", large(P, "--address", NEAR, **ONE), large(P, **ONE)),
    Case(
        "Spark does not start at …: ….",
        within(lambda: spark(False), large(P, engine="spark", **ONE)),
        within(lambda: spark(True), large(P, engine="spark", **ONE)),
    ),
    Case(
        "No Dask scheduler answers at …: ….",
        within(impatient, large(P, "--address", NEAR, engine="dask", **ONE)),
        large(P, engine="dask", **ONE),
    ),
)  # fmt: skip
