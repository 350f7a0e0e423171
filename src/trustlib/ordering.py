"""In which order the levels of a column stand: the first is the reference, so it decides the sign of a gap.

The order is the one that is declared: by a mapping or codebook, else by the data
themselves (categories of pandas, a Polars or DuckDB enumeration, the dictionary of an
Arrow or Parquet column, value labels in the order of their codes), else texts are
sorted character by character and numbers by size. It never depends on the order of the
rows, nor on the engine: DuckDB, Spark and lazy Polars frames lose the dictionary of a
Parquet file, so it is looked up in the file (of this machine); an eager Polars Categorical has lost it for good,
and is refused as an axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from glob import escape, glob
from typing import Any
from urllib.parse import unquote, urlsplit

import narwhals as nw
import pandas as pd

from trustlib.errors import DesignError

_FILES_OF_POLARS = re.compile(r"Parquet SCAN \[(.*?)\]")
_QUOTED = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"")


def joint_order(orders: Sequence[Sequence[Any]]) -> list | None:
    """One order that agrees with each of several.

    Parameters
    ----------
    orders : sequence of sequences

    Returns
    -------
    list, optional
        The smallest level first where they leave it open. None if they contradict each
        other.

    Examples
    --------
    >>> joint_order([["low", "high"], ["low", "middle", "high"]])
    ['low', 'middle', 'high']
    """
    joint: list = []
    while True:
        rest = [[level for level in order if level not in joint] for order in orders]
        rest = [order for order in rest if order]
        if not rest:
            return joint
        later = {level for order in rest for level in order[1:]}
        free = {order[0] for order in rest} - later
        if not free:
            return None
        joint.append(min(free))


def levels_of(column: Any) -> list | None:
    """The levels of an Arrow column with a dictionary, in its order; None for others.

    Row groups may have different dictionaries: those of later ones add their levels, as
    pandas does it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> levels_of(pa.array(["woman", "man"]).dictionary_encode())
    ['woman', 'man']
    """
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return None
    levels: dict[Any, None] = {}
    for chunk in getattr(column, "chunks", [column]):
        levels |= dict.fromkeys(chunk.dictionary.to_pylist())
    levels.pop(None, None)
    return list(levels)


def levels_by_batch(batches: Iterable[Any]) -> dict[str, list]:
    """The levels of Arrow columns with dictionaries, from batches that come one by one.

    As `levels_of`, of people who are never in memory all at once.

    Examples
    --------
    >>> import pyarrow as pa
    >>> gender = pa.array(["woman", "man"]).dictionary_encode()
    >>> levels_by_batch([pa.record_batch({"gender": gender})])
    {'gender': ['woman', 'man']}
    """
    joint: dict[str, dict[Any, None]] = {}
    before: dict[str, Any] = {}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            words = column.dictionary
            if name in before and before[name].equals(words):
                continue
            before[name] = words
            joint.setdefault(name, {}).update(dict.fromkeys(words.to_pylist()))
    return {
        name: [level for level in levels if level is not None]
        for name, levels in joint.items()
    }


def without_dictionaries(table: Any) -> Any:
    """An Arrow table whose columns hold their values instead of a dictionary.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"gender": pa.array(["man"]).dictionary_encode()})
    >>> without_dictionaries(table).schema.field("gender").type
    DataType(string)
    """
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            values = table.column(i).cast(field.type.value_type)
            table = table.set_column(i, field.name, values)
    return table


def as_pandas(table: Any, **options: Any) -> pd.DataFrame:
    """An Arrow table as a pandas frame, its dictionaries as categories in one order.

    Parameters
    ----------
    table : pyarrow.Table
    **options
        Of `pyarrow.Table.to_pandas`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"gender": pa.array(["woman", "man"]).dictionary_encode()})
    >>> as_pandas(table)["gender"].cat.categories.tolist()
    ['woman', 'man']
    """
    import pyarrow as pa

    kept: dict[str, list] = {}
    for i, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        chunks = table.column(i).chunks
        if any(chunk.dictionary.null_count for chunk in chunks):
            kept[field.name] = levels_of(table.column(i)) or []
            values = table.column(i).cast(field.type.value_type)
            table = table.set_column(i, field.name, values)
    frame = table.unify_dictionaries().to_pandas(**options)
    for column, levels in kept.items():
        frame[column] = pd.Categorical(frame[column], categories=levels)
    return frame


def as_category(column: pd.Series) -> pd.Series:
    """A pandas column; if Arrow holds it with a dictionary, as a category.

    Examples
    --------
    >>> import pandas as pd
    >>> import pyarrow as pa
    >>> kind = pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))
    >>> as_category(pd.Series(["woman", "man"], dtype=kind)).dtype.name
    'category'
    """
    import pyarrow as pa

    kind = column.dtype
    if not isinstance(kind, pd.ArrowDtype):
        return column
    if not pa.types.is_dictionary(kind.pyarrow_dtype):
        return column
    frame = as_pandas(pa.table({"column": column.array.__arrow_array__()}))
    return frame["column"].set_axis(column.index)


def declared_orders(frame: Any, axes: Sequence[str]) -> dict[str, list]:
    """The levels of axes, where the data declare an order that grouping would lose.

    Parameters
    ----------
    frame : narwhals frame
    axes : sequence of str

    Returns
    -------
    dict
        Axis -> its levels in order; those without a declared order are left out.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"gender": pa.array(["woman", "man"]).dictionary_encode()})
    >>> declared_orders(nw.from_native(table), ["gender"])
    {'gender': ['woman', 'man']}
    """
    native = frame.to_native()
    orders: dict[str, Any] = {}
    if frame.implementation.is_pyarrow():
        orders = {c: levels_of(native[c]) for c in axes}
    elif frame.implementation.is_duckdb():
        schema = frame.collect_schema()
        texts = [c for c in axes if schema[c] == nw.String]
        orders = _orders_in_files(_files_of_duckdb(native), texts)
    elif frame.implementation.is_pyspark():
        schema = frame.collect_schema()
        texts = [c for c in axes if schema[c] == nw.String]
        if texts:
            orders = _orders_in_files(_files_of_spark(native), texts)
    elif frame.implementation.is_polars() and isinstance(frame, nw.LazyFrame):
        schema = frame.collect_schema()
        wanted = [c for c in axes if schema[c] == nw.Categorical]
        if wanted:
            orders = _orders_in_files(_files_of_polars(native), wanted)
    return {c: order for c, order in orders.items() if order is not None}


def require_order(column: pd.Series, name: str) -> None:
    """Refuse an axis that was a Polars Categorical, unless its order was found.

    Examples
    --------
    >>> import pandas as pd
    >>> require_order(pd.Series(["man", "woman"], dtype="category"), "gender")
    """
    if column.dtype != "category" and column.nunique() > 1:
        raise DesignError(
            f"The axis {name!r} is a Polars Categorical, which keeps no order of its levels, "
            "so nobody knows which is the reference.",
            "Cast it: to pl.Enum([...]) with the levels in your order, "
            "or to pl.String for levels that are sorted.",
        )


def in_order(column: pd.Series, order: Sequence[Any]) -> pd.Series:
    """A column as a category in a declared order, if that knows all its values.

    Examples
    --------
    >>> import pandas as pd
    >>> in_order(pd.Series(["low", "high"]), ["low", "high"]).cat.categories.tolist()
    ['low', 'high']
    """
    if not set(column.dropna().unique()) <= set(order):
        return column
    return pd.Series(pd.Categorical(column, categories=list(order)), column.index)


def _files_of_duckdb(relation: Any) -> list[str]:
    """The Parquet files that a relation reads, by itself or through views."""
    try:
        query = relation.sql_query()
        asked = "select view_name, sql from duckdb_views() where not internal"
        views = dict(relation.query("_trustlib_views", asked).fetchall())
    except Exception:  # a relation without a query, or another version of DuckDB
        return []
    read = [query]
    for text in read:
        named = [name for name in views if name in text]
        read += [views.pop(name) for name in named]
    quoted = [pair for text in read for pair in _QUOTED.findall(text)]
    names = [one.replace("''", "'") or two.replace('""', '"') for one, two in quoted]
    return list(dict.fromkeys(names))


def _files_of_spark(frame: Any) -> list[str]:
    """The files of this machine that a frame of Spark reads."""
    return [
        escape(unquote(urlsplit(address).path))
        for address in frame.inputFiles()
        if urlsplit(address).scheme == "file"
    ]


def _files_of_polars(frame: Any) -> list[str]:
    """The Parquet files that a lazy frame scans; none if it does not name them all."""
    plan = frame.explain(optimized=False)
    named = [call.split(", ") for call in _FILES_OF_POLARS.findall(plan)]
    files = [name for call in named for name in call]
    if any(name.startswith("...") for name in files):
        return []
    return files


def _orders_in_files(files: Sequence[str], columns: Sequence[str]) -> dict[str, list]:
    """The dictionaries of columns in Parquet files, one below the other.

    Nothing where a file cannot be read or has none.
    """
    joint: dict[str, dict] = {column: {} for column in columns}
    for pattern in files:
        for file in sorted(glob(pattern)):
            for column, levels in _orders_in_file(file, columns).items():
                joint[column] |= dict.fromkeys(levels)
    return {column: list(levels) for column, levels in joint.items() if levels}


def _orders_in_file(file: str, columns: Sequence[str]) -> dict[str, list]:
    """The dictionaries of columns in one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
        here = [c for c in columns if c in schema.names]
        here = [c for c in here if pa.types.is_dictionary(schema.field(c).type)]
        if not here:
            return {}
        with pq.ParquetFile(file) as people:
            return levels_by_batch(people.iter_batches(columns=here))
    except (OSError, pa.ArrowException):
        return {}
