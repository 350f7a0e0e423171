"""Which people a domain holds: a text, a boolean array or an expression becomes one True or False for each.

A text is read by `trustlib.conditions` and never run. An expression is checked first:
it must be boolean, and must not compare texts with numbers, which some engines cast
without a word.
"""

from __future__ import annotations

import re
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.conditions import Condition
from trustlib.errors import MOST_NAMES, DesignError, first_few
from trustlib.masking import foreign
from trustlib.personal import names_that_may_be_told

MASK = "_mask"
HINT = "Compare a variable with a value, for example \"age_band != '75+'\"."
# What Arrow says when values of two kinds are compared.
_UNLIKE = re.compile(
    r"matching input types \((?=.*\bstring\b)(?=.*\b(?:int64|double)\b)"
    r"|match type of values set"
)


def domain_mask(frame: Any, where: Any) -> Any:
    """Who is in a domain, as a narwhals series or expression of booleans.

    Parameters
    ----------
    frame : narwhals frame
        One row per person.
    where : str, boolean array or narwhals expression
        See `trustlib.design.SurveyDesign.domain`.

    Returns
    -------
    narwhals Series (n,) or Expr
        An expression stays one; of a lazy frame nothing else is taken.

    Raises
    ------
    UnknownNameError
        The text names a variable that does not exist.
    DesignError
        It cannot be evaluated, or is not one True or False for each person.

    Examples
    --------
    >>> import pandas as pd
    >>> people = nw.from_native(pd.DataFrame({"age": [30, 80, None]}))
    >>> domain_mask(people, "age < 75").to_list()
    [True, False, False]
    """
    if isinstance(where, nw.Expr):
        _require_boolean(frame, where)
        return where
    if isinstance(frame, nw.LazyFrame):
        raise DesignError(
            "A domain of a lazy frame is a narwhals expression.",
            "Give nw.col('gender') == 'woman'.",
        )
    values = _values(frame, where)
    rows = len(frame)
    if values.dtype != bool or values.shape != (rows,):
        got = f"{values.dtype} with shape {values.shape}"
        raise DesignError(
            f"A domain is one True or False for each of {rows} rows; got {got}.", HINT
        )
    backend = nw.get_native_namespace(frame)
    return nw.new_series(MASK, values, nw.Boolean, backend=backend)


def without_nan(frame: Any) -> Any:
    """A frame in which NaN is missing, as expressions of a domain take it.

    Parameters
    ----------
    frame : narwhals frame

    Returns
    -------
    narwhals frame

    Examples
    --------
    >>> table = nw.from_dict({"age": [30.0, float("nan")]}, backend="pyarrow")
    >>> without_nan(table)["age"].is_null().to_list()
    [False, True]
    """
    schema = frame.collect_schema()
    floats = [name for name, kind in schema.items() if kind.is_float()]
    return frame.with_columns(*(nw.col(name).fill_nan(None) for name in floats))


def _values(frame: Any, where: Any) -> np.ndarray:
    """A text or an array as an array, not yet checked."""
    if isinstance(where, str):
        return _evaluate(where, frame)
    if isinstance(where, pd.Series):
        index = getattr(frame.to_native(), "index", where.index)
        if not where.index.equals(index):
            raise DesignError(
                "The Series has another index than the frame.",
                "Make it from this frame's columns.",
            )
    return np.asarray(where)


def _evaluate(where: str, frame: Any) -> np.ndarray:
    """A domain written as text, with missing values outside, as a boolean array."""
    condition = Condition.read(where, DesignError)
    used = condition.columns(frame.collect_schema().names())
    condition.require_allowed()
    if not used:
        return condition.holds(pd.DataFrame(index=range(len(frame))))
    renamed = [nw.col(c).alias(own) for own, c in used.items()]
    return condition.holds(frame.select(*renamed).to_pandas())


def _require_boolean(frame: Any, where: nw.Expr) -> None:
    """Refuse an expression that is not boolean; on pandas it would compare missing values."""
    if frame.implementation.is_pandas():
        raise DesignError(
            "On a pandas frame a domain is a text or boolean array, "
            "because NaN would count as different from all.",
            HINT,
        )
    try:
        kind = frame.select(where.alias(MASK)).collect_schema()[MASK]
    except Exception as error:  # the engines have their own exceptions
        text = f"The domain cannot be evaluated: {foreign(error)}"
        hint = HINT
        if "NotFound" in type(error).__name__:
            names = names_that_may_be_told(frame.collect_schema().names())
            hint = f"There is: {first_few(names, MOST_NAMES)}."
        raise DesignError(text, hint) from None
    if kind != nw.Boolean:
        raise DesignError(
            f"A domain is True or False for each person; this expression gives {kind}.",
            HINT,
        )
    _require_like_kinds(frame, where)


def _require_like_kinds(frame: Any, where: nw.Expr) -> None:
    """Refuse an expression that compares texts with numbers.

    It is tried on an empty Arrow table with columns of the same kinds, which compares
    values of one kind only.
    """
    import pyarrow as pa

    kinds = {}
    for name, kind in frame.collect_schema().items():
        arrow_kind = _arrow_kind(kind)
        if arrow_kind is not None:
            kinds[name] = arrow_kind
    empty = nw.from_native(pa.schema(list(kinds.items())).empty_table())
    try:
        empty.select(where.alias(MASK))
    except Exception as error:  # what Arrow cannot do is not refused for that
        if not _UNLIKE.search(str(error)):
            return
        raise DesignError(
            "The domain compares texts with numbers.",
            "Write texts in quotes and numbers without, as the column holds them.",
        ) from None


def _arrow_kind(kind: Any) -> Any:
    """The type of Arrow that stands for a kind of column; None for other kinds."""
    import pyarrow as pa

    if kind.is_numeric():
        return pa.int64() if kind.is_integer() else pa.float64()
    if kind in (nw.String, nw.Categorical, nw.Enum):
        return pa.string()
    if kind == nw.Boolean:
        return pa.bool_()
    return None
