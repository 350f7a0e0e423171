"""Values of a column, or of a constant, of one kind each: texts, numbers, dates, True and False.

Conditions compare values of one kind only. Whatever library a frame comes from, its
columns end up here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from trustlib.expressions import quoted
from trustlib.masking import spoken_levels


class KindError(ValueError):
    """The values of a column are not of one kind that compares.

    Examples
    --------
    >>> KindError("x holds lists", "Make them texts.").hint
    'Make them texts.'
    """

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(frozen=True)
class Values:
    """Values of one kind, one for each row or one for all.

    Attributes
    ----------
    kind : str
        truth, number, text, date, or empty (nothing but missing values).
    data : array
        Of texts the number of each in `levels`.
    known : bool array
        Whether the value is not missing.
    name : str
        The variable or constant, as messages call it.
    levels : list of str
        The texts that occur, or may.
    frequent : list of str
        Those of them that at least ten people have: a message may name these.
    declared : bool
        `levels` are all that may occur: those of a category.
    ordered : bool
        The order of `levels` means something.
    zone : tzinfo, optional
        Of dates that have one.
    value : constant, optional
        What stands in the condition, if this is a constant.

    Examples
    --------
    >>> constant_values(40).value
    40
    """

    kind: str
    data: np.ndarray
    known: np.ndarray
    name: str = ""
    levels: tuple[str, ...] = ()
    frequent: tuple[str, ...] = ()
    declared: bool = False
    ordered: bool = False
    zone: Any = None
    value: Any = None


HOLDS = {
    "truth": "True and False",
    "number": "numbers",
    "text": "texts",
    "date": "dates",
    "empty": "nothing",
}
# Kinds by the names that pandas infers.
INFERRED = {
    "string": "text",
    "boolean": "truth",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "datetime": "date",
    "datetime64": "date",
    "date": "date",
    "empty": "empty",
}


def column_values(column: pd.Series, name: str) -> Values:
    """A column as values of one kind, or a refusal.

    Parameters
    ----------
    column : Series (m,)
    name : str
        As messages call it.

    Returns
    -------
    Values

    Raises
    ------
    KindError
        The values are of several kinds, or of one that does not compare.

    Examples
    --------
    >>> import pandas as pd
    >>> ages = column_values(pd.Series([30, 50, None]), "age")
    >>> ages.kind, ages.known.tolist()
    ('number', [True, True, False])
    """
    known = column.notna().to_numpy(bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _category(column, known, name)
    shown = quoted(name)
    make = _MADE[_kind(column, known, shown)]
    try:
        return make(column, known, shown)
    except (ValueError, TypeError, OverflowError):
        raise KindError(
            f"the values of {shown} cannot be compared", "Make them texts or numbers."
        ) from None


def _kind(column: pd.Series, known: np.ndarray, shown: str) -> str:
    """Of what kind the values are, by their type, or else by what they are one by one."""
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return "truth"
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return "number"
    if types.is_datetime64_any_dtype(dtype):
        return "date"
    if not known.any():
        return "empty"
    inferred = types.infer_dtype(column.astype(object), skipna=True)
    if inferred not in INFERRED:
        raise KindError(
            f"{shown} holds values of several kinds, or of a kind that does not "
            f"compare ({inferred})",
            "Make all values of the column texts, or all numbers.",
        )
    return INFERRED[inferred]


def _category(column: pd.Series, known: np.ndarray, name: str) -> Values:
    """A category: its levels are texts, or stand for numbers."""
    levels = column.cat.categories
    codes = column.cat.codes.to_numpy(np.int64)
    ordered = bool(column.cat.ordered)
    inferred = types.infer_dtype(levels, skipna=True)
    if inferred in ("string", "empty"):
        texts = _texts(codes, levels, known, quoted(name))
        return replace(texts, declared=True, ordered=ordered)
    compares = INFERRED.get(inferred) in ("number", "truth")
    if compares and (levels.is_monotonic_increasing or not ordered):
        values = pd.Series(levels.to_numpy()).reindex(codes)
        return column_values(values.reset_index(drop=True), name)
    raise KindError(
        f"the levels of {quoted(name)} are neither texts nor numbers in order "
        f"({inferred})",
        "Make them texts.",
    )


def _texts(
    codes: np.ndarray, levels: Iterable[Any], known: np.ndarray, name: str
) -> Values:
    """Numbered texts, those that are the same in form NFC with one number."""
    forms = [unicodedata.normalize("NFC", str(level)) for level in levels]
    once = list(dict.fromkeys(forms))
    if len(once) < len(forms):
        number = {form: i for i, form in enumerate(once)}
        place = np.array([number[form] for form in forms])
        codes = np.where(codes >= 0, place[codes], codes)
    people = np.bincount(codes[codes >= 0], minlength=len(once))
    frequent = spoken_levels(once, dict(zip(once, people, strict=True)))
    return Values("text", codes, known, name, tuple(once), tuple(frequent))


def _text_column(column: pd.Series, known: np.ndarray, name: str) -> Values:
    codes, levels = pd.factorize(column.astype(object))
    return _texts(codes, levels, known, name)


def _truth_column(column: pd.Series, known: np.ndarray, name: str) -> Values:
    data = np.zeros(len(column), dtype=bool)
    data[known] = column[known].to_numpy(bool)
    return Values("truth", data, known, name)


def _number_column(column: pd.Series, known: np.ndarray, name: str) -> Values:
    if types.is_unsigned_integer_dtype(column.dtype):
        data = column.to_numpy(np.uint64, na_value=0)
    elif types.is_integer_dtype(column.dtype):
        data = column.to_numpy(np.int64, na_value=0)
    elif column.dtype == np.float32:
        data = column.to_numpy()
    else:
        data = column.to_numpy(float, na_value=np.nan)
    return Values("number", data, known & ~np.isnan(data), name)


def _date_column(column: pd.Series, known: np.ndarray, name: str) -> Values:
    dates = pd.to_datetime(column)
    zone = dates.dt.tz
    if zone is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    data = dates.to_numpy("datetime64[us]")
    return Values("date", data, known, name, zone=zone)


def _empty_column(column: pd.Series, known: np.ndarray, name: str) -> Values:
    return Values("empty", np.zeros(len(column), bool), known, name)


_MADE: dict[str, Callable[[pd.Series, np.ndarray, str], Values]] = {
    "text": _text_column,
    "truth": _truth_column,
    "number": _number_column,
    "date": _date_column,
    "empty": _empty_column,
}


def constant_values(value: Any) -> Values:
    """A constant as values of one row.

    Parameters
    ----------
    value : str, int, float or bool

    Returns
    -------
    Values

    Examples
    --------
    >>> constant_values("man").levels, constant_values(True).kind
    (('man',), 'truth')
    """
    known = np.asarray(True)
    name = repr(value)
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value)
        return Values("text", np.asarray(0), known, name, (text,), value=text)
    kind = "truth" if isinstance(value, bool) else "number"
    return Values(kind, np.asarray(value), known, name, value=value)
