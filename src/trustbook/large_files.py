"""Sealed cells of files that no memory holds: one machine bit by bit, or a cluster that exists.

The plan is a ``cells.yml`` without a mapping, whose columns are the variables already::

    file: people                       # a Parquet or CSV file, or a folder of parts
    design: {weight: weight, strata: region}
    source: {id: polling, kind: synthetic, label: Made-up people}
    cells:
      angry-gender: {outcome: angry, by: [gender]}

``trustlib compress plan.yml --engine duckdb|spark|dask`` reads it. Only public people
may leave so: a confidential file is protected in Python, with its key.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals as nw

from trustbook.plans import CellSet, LargeFileForm
from trustbook.sealing import is_confidential, require_no_small_difference
from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.delimited import divided_by
from trustlib.design import SurveyDesign
from trustlib.engines import counting
from trustlib.errors import (
    CodebookError,
    DisclosureError,
    RunError,
    one_line,
    require_names,
)
from trustlib.forms import read
from trustlib.masking import foreign, require_columns
from trustlib.opening import opened
from trustlib.parts import Parts, parts_of
from trustlib.schedulers import TRUSTED, addresses_of, require_this_machine
from trustlib.schema import load_yaml

TRUST = "--trust-scheduler"
PATIENCE = 30  # seconds for a scheduler to answer
JAVA = (
    "Spark runs on Java 17 or newer, and no program named java was found.",
    "Install it, on Debian and Ubuntu: apt-get install openjdk-17-jre-headless.",
)


def load_large_plan(path: str | Path) -> LargeFileForm:
    """Read the plan of a file that is not read into memory.

    Parameters
    ----------
    path : path
        A ``cells.yml`` without a mapping.

    Returns
    -------
    LargeFileForm

    Raises
    ------
    CodebookError
        The plan is faulty, or has a mapping or a condition, which are read in memory.
    """
    content = load_yaml(Path(path))
    if isinstance(content, Mapping) and "mapping" in content:
        raise CodebookError(
            f"{path} has a `mapping:`, which recodes a file in memory.",
            "Leave --engine out. Or write the recoded people as Parquet, and name "
            "`file:` and `design:` in place of the mapping.",
        )
    plan = read(
        LargeFileForm,
        content,
        f"{path} is not a plan of cells of a large file",
        CodebookError,
        "Expected `file:`, `design:`, `source:` and `cells:`. See trustbook.large_files.",
    )
    for name, spec in plan.cells.items():
        if spec.where is not None or spec.weights != "weighted":
            raise CodebookError(
                f"Cells {name!r} have a `where:` or other weights, which are made in "
                "memory.",
                "Write these people as a file of their own.",
            )
    return plan


def make_large(
    plan: LargeFileForm,
    file: str | Path,
    engine: str = "duckdb",
    address: str | None = None,
    trusted: bool = False,
) -> dict[str, Cells]:
    """The sealed cells of a plan, computed by an engine that never holds all people.

    Parameters
    ----------
    plan : LargeFileForm
    file : path
    engine : {"duckdb", "spark", "dask"}
    address : str, optional
        The master of Spark, or the scheduler of Dask; by default this machine.
    trusted : bool
        The cluster may be on other machines, whose workers read the people.

    Returns
    -------
    dict
        Name of the set -> sealed cells.

    Raises
    ------
    DisclosureError
        The source is confidential, the cluster is elsewhere and not trusted, or a cell
        or a difference between two sets is smaller than 10 people.
    RunError
        The engine is not installed, or does not answer.
    SurveyFileError, DesignError
        A part of the file is missing or damaged, or a worker was lost: nothing is made.
    """
    require_names("engine", [engine], ENGINES)
    _require_public(plan.source)
    if address is not None and engine == "duckdb":
        raise RunError("DuckDB has no address.", "Leave --address out.")
    with ENGINES[engine](parts_of(file), file, address, trusted) as people, counting():
        options = plan.design.model_dump(exclude_none=True)
        options.pop("weight_blank", None)
        replicates = options.pop("replicate_weights") or None
        design = SurveyDesign(
            people, **options, replicate_weights=replicates, source=plan.source
        )
        exact = {name: _cells(spec, design) for name, spec in plan.cells.items()}
        require_no_small_difference(plan.cells, exact)
        return {name: cells.seal() for name, cells in exact.items()}


def _require_public(source: Mapping[str, Any]) -> None:
    """Refuse exact cells of people who are not public."""
    if is_confidential(source):
        raise DisclosureError(
            "These people are of a confidential file, whose cells leave protected only.",
            "Protect them in Python: trustlib.protect(trustlib.compress(design, ...), "
            "key), where the frame of the design is the path of the file.",
        )


def _cells(spec: CellSet, design: SurveyDesign) -> Cells:
    """The exact cells of the people who told all that a set needs."""
    frame = nw.from_native(design.frame)
    told = sorted(spec.told)
    columns = frame.collect_schema().names()
    require_columns([spec.outcome], columns, "outcome column")
    require_columns(told, columns, "axis")
    if told:
        answered = [~nw.col(name).is_null() for name in told]
        design = design.domain(nw.all_horizontal(*answered, ignore_nulls=False))
    return compress(design, spec.outcome, spec.by)


# -- the engines ------------------------------------------------------------------------


@contextmanager
def _by_duckdb(
    parts: Parts, file: str | Path, address: str | None, trusted: bool
) -> Iterator[Any]:
    """The people as DuckDB reads them on this machine."""
    yield opened(file)


@contextmanager
def _by_spark(
    parts: Parts, file: str | Path, address: str | None, trusted: bool
) -> Iterator[Any]:
    """The people as a session of Spark reads them, which ends with the work."""
    master = address or "local[*]"
    _trust(master, trusted)
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise RunError(*JAVA)
    session = _spark_session(master)
    try:
        reader = session.read
        path = Path(file).resolve().as_uri()
        if parts.is_parquet:
            yield reader.parquet(path)
        else:
            mark = divided_by(parts.files[0])[0]
            options = {"header": True, "inferSchema": True, "mode": "FAILFAST"}
            yield reader.csv(path, sep=mark, **options)
    finally:
        session.stop()


def _spark_session(master: str) -> Any:
    """A session of our own, which says nothing and opens no page."""
    try:
        builder = import_module("pyspark.sql").SparkSession.builder
    except ImportError:
        raise RunError(
            "--engine spark needs the package pyspark.",
            'Install the extra "engines" of trustgap.',
        ) from None
    builder = builder.master(master).appName("trustlib")
    builder = builder.config("spark.ui.enabled", "false")
    if master.startswith("local"):
        builder = builder.config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    try:
        session = builder.getOrCreate()
    except Exception as error:  # whatever Java says
        refusal = RunError(
            f"Spark does not start at {one_line(master)}: {foreign(error)}.",
            "Is a master there, and is Java 17 or newer installed?",
        )
    else:
        session.sparkContext.setLogLevel("OFF")
        return session
    raise refusal


@contextmanager
def _by_dask(
    parts: Parts, file: str | Path, address: str | None, trusted: bool
) -> Iterator[Any]:
    """The people as the workers of Dask read them, or threads of this process."""
    try:
        frames = import_module("dask.dataframe")
    except ImportError:
        raise RunError(
            "--engine dask needs the package dask.",
            'Install the extra "engines" of trustgap.',
        ) from None
    files = [str(each.resolve()) for each in parts.files]
    if parts.is_parquet:
        read_files = partial(frames.read_parquet, files)
    else:
        mark = divided_by(parts.files[0])[0]
        blanks = {"keep_default_na": False, "na_values": [""]}
        read_files = partial(frames.read_csv, files, sep=mark, **blanks)
    if address is None:
        yield read_files()
        return
    _trust(address, trusted)
    with _dask_client(address, trusted):
        yield read_files()


@contextmanager
def _dask_client(address: str, trusted: bool) -> Iterator[None]:
    """The client of a scheduler of Dask, as long as it is used."""
    try:
        client = import_module("distributed").Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise RunError(
            f"No Dask scheduler answers at {one_line(address)}: {foreign(error)}.",
            "Start one, or leave --address out.",
        ) from None
    with client:
        if trusted:
            os.environ[TRUSTED] = client.scheduler.address
        else:
            require_this_machine(addresses_of(client), TRUST)
        yield


def _trust(address: str, trusted: bool) -> None:
    """Refuse a cluster elsewhere before it is called, unless somebody trusts it."""
    if trusted:
        os.environ[TRUSTED] = address
    else:
        require_this_machine([address], TRUST)


ENGINES: dict[str, Callable[..., Any]] = {
    "duckdb": _by_duckdb,
    "spark": _by_spark,
    "dask": _by_dask,
}
