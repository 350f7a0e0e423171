"""People in files larger than the memory: DuckDB reads them bit by bit.

A path (Parquet, CSV, or a folder of such parts) or a PyArrow dataset becomes a relation
of DuckDB, which is grouped without ever being in memory as a whole. DuckDB is the extra
``engines``. Nothing is fetched: a path is one of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trustlib.delimited import divided_by
from trustlib.errors import DesignError, SurveyFileError
from trustlib.masking import foreign
from trustlib.ordering import levels_by_batch
from trustlib.parts import Parts, parts_of

MEMORY = "TRUSTLIB_MEMORY"  # names another limit, such as 4GB
LIMIT = "512MB"
INSTALL = (
    'Install it: pip install duckdb, or the extra "engines" of trustgap. '
    "trustlib.read_survey reads a file that fits into memory without it."
)
_SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
}
_SPILL: list[TemporaryDirectory] = []  # removed when Python ends


def opened(people: Any) -> Any:
    """A path or a PyArrow dataset as a relation of DuckDB; every other frame as it is.

    Parameters
    ----------
    people : path, pyarrow Dataset or frame

    Returns
    -------
    frame

    Raises
    ------
    MissingFileError, SurveyFileError
        There is no such file, or it is damaged, of another kind, or a folder of which a
        part is missing or was not written to its end.
    DesignError
        DuckDB is not installed, or the limit of its memory is no size.

    Notes
    -----
    DuckDB takes at most 512 MB, or what the variable ``TRUSTLIB_MEMORY`` of the
    environment says (``4GB``), and then writes groups into a folder that only its owner
    can open and that is removed at the end. A CSV is looked through once before, since
    the type of a column follows from all its values. R: ``arrow::open_dataset``.

    Examples
    --------
    >>> import pandas as pd
    >>> opened(pd.DataFrame({"w": [1.0]})).shape
    (1, 1)
    """
    if isinstance(people, (str, os.PathLike)):
        return _of_files(_connection(), parts_of(Path(people)))
    if _is_dataset(people):
        return _of_dataset(_connection(), people)
    return people


def _is_dataset(people: Any) -> bool:
    """Whether it is a dataset of PyArrow, which is imported only where there may be one."""
    kinds = type(people).__mro__
    return any(kind.__module__ == "pyarrow._dataset" for kind in kinds)


def _connection() -> Any:
    """A DuckDB of our own, with a limit of memory."""
    if find_spec("duckdb") is None:
        raise DesignError(
            "Files are read bit by bit by DuckDB, which is not installed.", INSTALL
        )
    import duckdb

    limit = os.environ.get(MEMORY) or LIMIT
    if not _SPILL:
        _SPILL.append(TemporaryDirectory(prefix="trustlib-"))
    settings = {**_SETTINGS, "memory_limit": limit, "temp_directory": _SPILL[0].name}
    try:
        return duckdb.connect(config=settings)
    except duckdb.Error:
        refusal = DesignError(
            f"The variable {MEMORY} is a size such as 512MB or 4GB, got {limit!r}.",
            "Change it, or leave it out.",
        )
    raise refusal


def _of_files(connection: Any, parts: Parts) -> Any:
    """The people of some files, one below the other."""
    names = [escape(str(file)) for file in parts.files]  # a name is no pattern
    # by name, so that a column of whole numbers in one part and of others in the next
    # has both; that all parts have the same columns is checked before
    options: dict[str, Any] = {
        "union_by_name": True,
        "hive_partitioning": parts.partitioned,
    }
    _require_same_columns(parts)
    if parts.is_parquet:
        return _read(connection.read_parquet, parts, names, options)
    options |= {
        "header": True,
        "delimiter": divided_by(parts.files[0])[0],
        "sample_size": -1,
        "na_values": [""],
    }
    return _read(connection.read_csv, parts, names, options)


def _read(reader: Any, parts: Parts, names: Sequence[str], options: dict) -> Any:
    """A relation of files; what DuckDB says of them is not repeated."""
    try:
        return reader(list(names), **options)
    except Exception as error:  # whatever DuckDB raises may quote a line
        refusal = SurveyFileError(
            f"{parts.files[0].name} cannot be read: {foreign(error)}.",
            "It may be damaged or cut short, or hold lines with more or fewer fields "
            "than its first. Write or copy it again.",
        )
    raise refusal


def _require_same_columns(parts: Parts) -> None:
    """Refuse parts with other columns than the first: missing ones would be blank."""
    first = None
    for file in parts.files:
        columns = set(_columns(file, parts.is_parquet))
        first = first or columns
        if columns != first:
            raise SurveyFileError(
                f"{file.name} has other columns than {parts.files[0].name}.",
                "All parts of a table have the same columns. Write them again.",
            )


def _columns(file: Path, parquet: bool) -> Sequence[str]:
    """The names of the columns of one file."""
    if not parquet:
        return divided_by(file)[1]
    import pyarrow.parquet as pq

    return pq.read_schema(file).names


def _of_dataset(connection: Any, dataset: Any) -> Any:
    """The people of a PyArrow dataset, its dictionaries as enumerations in their order."""
    import pyarrow as pa

    texts = [
        field.name
        for field in dataset.schema
        if pa.types.is_dictionary(field.type) and _is_text(field.type.value_type)
    ]
    orders: dict[str, list] = {}
    if texts:
        orders = levels_by_batch(dataset.to_batches(columns=texts))
    columns = [_enumerated(name, orders.get(name, [])) for name in dataset.schema.names]
    return connection.from_arrow(dataset).project(", ".join(columns))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _enumerated(name: str, levels: Sequence[str]) -> str:
    """A column in SQL; with levels as an enumeration."""
    quoted = '"' + name.replace('"', '""') + '"'
    if not levels:
        return quoted
    texts = ["'" + level.replace("'", "''") + "'" for level in levels]
    return f"cast({quoted} as enum({', '.join(texts)})) as {quoted}"
