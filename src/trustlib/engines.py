"""People on whatever engine holds them: pandas, Polars, PyArrow, DuckDB and others.

One pass over the people gives sums per combination of keys, as a small pandas frame.
What an engine would misread, such as a name that is a pattern, is refused before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.errors import DesignError, TrustlibError
from trustlib.grouping import group_rows
from trustlib.masking import foreign
from trustlib.ordering import as_category, as_pandas, without_dictionaries

STOPPED = (
    "A part of a file may be missing or damaged, a worker may have been lost, or the "
    "memory may be too small. Mend that and run it again."
)
SUMMED_AT_ONCE = 2**14  # rows; sums of sums are more exact than one long sum


def collect(frame: Any) -> pd.DataFrame:
    """A small result as pandas, whatever engine computed it.

    Parameters
    ----------
    frame : narwhals frame
        Eager or lazy.

    Returns
    -------
    DataFrame

    Raises
    ------
    DesignError
        The engine of a lazy frame stopped, for example because a part of a file was
        damaged or a worker was lost: half a result is none.

    Examples
    --------
    >>> table = nw.from_dict({"n": [3, 4]}, backend="pyarrow")
    >>> collect(table)["n"].tolist()
    [3, 4]
    """
    if isinstance(frame, nw.LazyFrame):
        frame = _computed(frame)
    if frame.implementation.is_pyarrow():
        return as_pandas(frame.to_native())
    return frame.to_pandas()


def _computed(frame: Any) -> Any:
    """A lazy frame computed; what its engine says of an error may quote people."""
    try:
        return frame.collect()
    except Exception as error:  # the engines have their own exceptions
        refusal = _stopped(error)
    raise refusal


def _stopped(error: Exception) -> DesignError:
    return DesignError(
        f"The people could not be read to the end: {foreign(error)}. "
        "Nothing was counted.",
        STOPPED,
    )


@contextmanager
def counting() -> Iterator[None]:
    """Say of a file that is lost while it is counted that nothing was.

    DuckDB looks at its files not only when it computes, but at each step before.

    Raises
    ------
    DesignError

    Examples
    --------
    >>> try:
    ...     with counting():
    ...         raise FileNotFoundError
    ... except DesignError as error:
    ...     print(error.message)
    The people could not be read to the end: FileNotFoundError. Nothing was counted.
    """
    refusal = None
    try:
        yield
    except Exception as error:
        is_ours = isinstance(error, TrustlibError)
        is_of_duckdb = type(error).__module__.lstrip("_").startswith("duckdb")
        if is_ours or not (is_of_duckdb or isinstance(error, OSError)):
            raise
        refusal = _stopped(error)
    if refusal is not None:
        raise refusal


def without_notes(native: Any) -> Any:
    """A pandas frame without its ``attrs``, which pandas copies deeply at every step.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"w": [1.0]})
    >>> people.attrs["labels"] = {"w": "weight"}
    >>> without_notes(people).attrs
    {}
    """
    if not isinstance(native, pd.DataFrame):
        return native
    bare = native.copy(deep=False)
    bare.attrs = {}
    return bare


def grouped(frame: Any, keys: Sequence[str], asked: Sequence[nw.Expr]) -> pd.DataFrame:
    """What is asked of each combination of keys, in one pass; not for pandas.

    Parameters
    ----------
    frame : narwhals frame
    keys : sequence of str
        Columns to group by; none: one row for everyone.
    asked : sequence of narwhals expressions
        Aggregates of one column each.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> people = nw.from_dict({"area": ["a", "a"], "w": [1.0, 2.0]}, backend="polars")
    >>> grouped(people, ["area"], [nw.col("w").sum()])
      area    w
    0    a  3.0
    """
    if frame.implementation.is_pyarrow():
        plain_table = without_dictionaries(frame.to_native())
        frame = nw.from_native(plain_table)
    if not keys:
        return collect(frame.select(*asked))
    return collect(frame.group_by(*keys, drop_null_keys=False).agg(*asked))


def sums_by(
    frame: Any,
    keys: list[str],
    columns: list[str],
    largest: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows and sums of columns for each combination of keys, in one pass.

    Parameters
    ----------
    frame : narwhals frame
    keys : list of str
        Columns to group by, missing values included; none: one row for everyone.
    columns : list of str
        Columns to sum.
    largest : sequence of str
        Columns of which the largest value is wanted too, as ``largest_`` and the name.
    texts : sequence of str
        Keys that become texts, once there is a row for each combination only.

    Returns
    -------
    DataFrame
        ``n``, the columns and the keys; one row per combination that occurs.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"gender": ["man", "woman", "man"], "w": [1.0, 2.0, 4.0]})
    >>> sums_by(nw.from_native(people), ["gender"], ["w"])
       n    w gender
    0  2  5.0    man
    1  1  2.0  woman
    """
    people = frame.to_native()
    if isinstance(people, pd.DataFrame):
        return sums_of_columns(people, len(people), keys, columns, largest)
    if frame.implementation.is_pyarrow():
        frame = nw.from_native(without_dictionaries(people))
    sums = [nw.len().alias("n")]
    sums += [nw.col(column).sum() for column in columns]
    sums += [nw.col(column).max().alias(f"largest_{column}") for column in largest]
    if not keys:
        return collect(frame.select(*sums))
    groups = frame.group_by(*keys, drop_null_keys=False).agg(*sums)
    as_texts = [nw.col(key).cast(nw.String) for key in texts]
    return collect(groups.with_columns(*as_texts) if as_texts else groups)


def sums_of_columns(
    people: Mapping[str, Any],
    rows: int,
    keys: Sequence[str],
    columns: Sequence[str],
    largest: Sequence[str] = (),
) -> pd.DataFrame:
    """The same of columns in memory, many times as fast as pandas' own groupby.

    Parameters
    ----------
    people : mapping
        Name -> Series, also a pandas frame; what is summed may be an array of floats.
    rows : int
        The length of each.
    keys, columns, largest : sequence of str
        As in `sums_by`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> people = {"gender": pd.Series(["man", "woman", "man"]), "w": np.ones(3)}
    >>> sums_of_columns(people, 3, ["gender"], ["w"])
       n    w gender
    0  2  2.0    man
    1  1  1.0  woman
    """
    values_of = {key: as_category(people[key]) for key in keys}
    group, row = group_rows(list(values_of.values()), rows)
    size = len(row)
    step = max(size, SUMMED_AT_ONCE)
    parts = [slice(i, i + step) for i in range(0, rows, step)]
    table: dict[str, Any] = {"n": np.bincount(group)}
    for column in columns:
        values = floats(people[column])
        sums = [np.bincount(group[part], values[part], size) for part in parts]
        table[column] = np.sum(sums, axis=0)
    for column in largest:
        most = np.full(size, -np.inf)
        np.maximum.at(most, group, floats(people[column]))
        table[f"largest_{column}"] = most
    for key, values in values_of.items():  # last: a margin may be called n
        table[key] = values.array.take(row)
    return pd.DataFrame(table)


def floats(column: Any) -> np.ndarray:
    """The numbers of a column, missing ones NaN, without a copy where they are floats.

    Examples
    --------
    >>> import pandas as pd
    >>> floats(pd.Series([1, None], dtype="Int64")).tolist()
    [1.0, nan]
    """
    if isinstance(column, np.ndarray):
        return column
    if column.dtype == float:
        return np.asarray(column.to_numpy())
    return np.asarray(column.to_numpy(float, na_value=np.nan))


def units_of(frame: Any, columns: dict[str, str]) -> pd.DataFrame:
    """The combinations of some columns that occur, with their number of rows.

    Parameters
    ----------
    frame : narwhals frame
    columns : dict
        New name -> column.

    Returns
    -------
    DataFrame
        ``n`` and the columns under their new names.

    Raises
    ------
    DesignError
        A column holds lists or structures.

    Examples
    --------
    >>> import pandas as pd
    >>> people = nw.from_native(pd.DataFrame({"region": ["a", "a", "b"]}))
    >>> units_of(people, {"stratum": "region"})
       n stratum
    0  2       a
    1  1       b
    """
    names = list(columns.values())
    require_single_values(frame.collect_schema(), names)
    chosen = frame
    if columns:
        renamed = [nw.col(c).alias(own) for own, c in columns.items()]
        chosen = frame.select(*renamed)
    try:
        return sums_by(chosen, list(columns), [])
    except TypeError:  # what cannot be compared, such as lists among objects
        culprit = _that_hold_lists(frame, names)[0]
        raise _list_refusal(culprit) from None


def require_plain_names(frame: Any, names: Sequence[str]) -> None:
    """Refuse names of columns that Polars and DuckDB take for a pattern.

    Parameters
    ----------
    frame : narwhals frame
    names : sequence of str

    Raises
    ------
    DesignError
        A name stands for several columns.

    Examples
    --------
    >>> table = nw.from_dict({"^a.*$": [3, 4]}, backend="pandas")
    >>> require_plain_names(table, ["^a.*$"])  # pandas knows no patterns
    """
    if frame.implementation.is_pandas() or frame.implementation.is_pyarrow():
        return
    for name in names:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DesignError(
                f"The name of column {name!r} stands for several columns in Polars "
                "and DuckDB.",
                "Rename it in the frame.",
            )


def require_single_values(schema: Any, columns: Sequence[str]) -> None:
    """Refuse columns whose type is a list or a structure.

    Parameters
    ----------
    schema : narwhals schema
    columns : sequence of str

    Raises
    ------
    DesignError

    Examples
    --------
    >>> table = nw.from_dict({"asked": [3, 4]}, backend="pyarrow")
    >>> require_single_values(table.collect_schema(), ["asked"])
    """
    for column in columns:
        if schema[column].is_nested():
            raise _list_refusal(column)


def _list_refusal(column: str) -> DesignError:
    return DesignError(
        f"Column {column!r} holds lists or structures, "
        "expected one value for each person.",
        "Make it a text or a number.",
    )


def _that_hold_lists(frame: Any, columns: list[str]) -> list[str]:
    """Those of some columns whose values cannot be compared; all if none is seen."""
    people = frame.to_native()
    nested = []
    for column in columns:
        try:
            pd.factorize(people[column])
        except TypeError:
            nested.append(column)
    return nested or columns
