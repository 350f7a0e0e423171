"""What one answer, label or name is: its text in one Unicode form, the number it spells, whether it means missing.

Everything that is compared with something else passes here first, so that a file, its
mapping and its codebook agree: texts in the Unicode form NFC and without blanks at the
ends, digits as a person reads them (neither underscores nor octal, hexadecimal or
sexagesimal numbers, nor digits of other scripts), and texts that other programs write
for a missing value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import is_number

# What R, Python, SQL, Excel, SAS and Stata write where there is no value; compared without regard to case.
MISSING_TEXTS = {
    "",
    ".",
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nan",
    "nat",
    "null",
    "none",
    "missing",
    "._",
    *(f".{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
}
# Names of columns that the verbs add beside axes and outcome.
RESERVED = {
    "n",
    "n_events",
    "n_eff",
    "w",
    "w2",
    "sum_w",
    "sum_wy",
    "sum_w2",
    "smallest",
    "cov_w",
    "cov_wy",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "statistic",
    "p_value",
    "df",
    "reference",
    "measure",
    "method",
    "term",
    "axis",
    "level",
    "detectable",
    "reliability",
    "raw",
    "weighted",
    "weighted_low",
    "weighted_high",
    "additive",
    "model",
}
BOTH_MARKS = (
    "has points beside decimal commas, or points that may separate thousands; "
    "write its numbers in one way"
)
_SPELT = r"\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)\s*"
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)


def plain(text: str) -> str:
    """A text as it is compared: in the Unicode form NFC, without blanks at its ends.

    Examples
    --------
    >>> plain(" caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT} ") == "caf\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def in_one_form(content: Any) -> Any:
    """All texts of a nested structure in the Unicode form NFC.

    Examples
    --------
    >>> in_one_form({"levels": ("man", "woman")})
    {'levels': ['man', 'woman']}
    """
    if isinstance(content, str):
        return unicodedata.normalize("NFC", content)
    if isinstance(content, dict):
        return {in_one_form(key): in_one_form(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [in_one_form(value) for value in content]
    return content


def means_missing(value: Any) -> bool:
    """Whether this is no value, or a text that programs write for none.

    Examples
    --------
    >>> means_missing("N/A"), means_missing("no")
    (True, False)
    """
    if isinstance(value, str):
        return plain(value).casefold() in MISSING_TEXTS
    return _absent(value)


def code_of(value: Any) -> str | None:
    """The whole number that an answer is or spells, as text; None for all others.

    Examples
    --------
    >>> code_of(1.0), code_of("01"), code_of("1.5")
    ('1', '1', None)
    """
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            return None
        return str(int(value.partition(".")[0]))
    if is_number(value) and np.isfinite(value) and value == int(value):
        return str(int(value))
    return None


def spellings(value: object) -> list[str]:
    """How an answer without a label is written: a number also as a whole number.

    Examples
    --------
    >>> spellings(2.0), spellings("2.0")
    (['2.0', '2'], ['2.0'])
    """
    text = plain(str(value))
    if isinstance(value, (bool, np.bool_)):
        return [text, text.lower()]
    code = code_of(value)
    if code is None or isinstance(value, str):
        return [text]
    return [text, code]


def numbers_of(column: pd.Series, decimal: str = ".") -> pd.Series:
    """A column of a file as floats; NaN where there is no number.

    Parameters
    ----------
    column : Series
        Numbers, or texts that spell them.
    decimal : {".", ","}
        What stands before decimals in the file.

    Raises
    ------
    ValueError
        A column with decimal commas also has points, so that one of them separates
        thousands.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers_of(pd.Series(["1,5", "x"]), decimal=",").tolist()
    [1.5, nan]
    """
    if column.dtype == "category":
        return numbers_of(column.astype(object), decimal)
    if column.dtype != object and not isinstance(column.dtype, pd.StringDtype):
        return pd.to_numeric(column, errors="coerce").astype(float)
    is_text = column.notna().to_numpy()
    if column.dtype == object:
        is_text = np.array([isinstance(value, str) for value in column], dtype=bool)
    numbers = np.full(len(column), np.nan)
    numbers[~is_text] = pd.to_numeric(column[~is_text], errors="coerce")
    texts = column[is_text].astype("str")
    if decimal == ",":
        distinct = list(texts.unique())
        pointed = dict(zip(distinct, _with_points(distinct), strict=True))
        texts = texts.map(pointed)
    spelt = texts.where(_are_numbers(texts))
    numbers[is_text] = pd.to_numeric(spelt, errors="coerce")
    return pd.Series(numbers, column.index)


def _are_numbers(texts: pd.Series) -> np.ndarray:
    """Which texts spell a number, by the fast matcher of Arrow."""
    import pyarrow as pa
    import pyarrow.compute as pc

    spelt = pc.match_substring_regex(pa.array(texts, pa.string()), f"^{_SPELT}$")
    return np.asarray(spelt, dtype=bool)


def _with_points(texts: list[str]) -> list[str]:
    """Numbers with decimal commas as numbers with decimal points."""
    commas = [text for text in texts if "," in text]
    pointed = [text for text in texts if "." in text]
    grouped = bool(pointed) and all(_THOUSANDS.fullmatch(t.strip()) for t in pointed)
    if (commas and pointed) or grouped:
        raise ValueError("points and decimal commas")
    return [_with_point(text) for text in texts]


def _with_point(text: str) -> str:
    """A number with a decimal comma as one with a point; other texts as they are."""
    if _DECIMAL_COMMA.fullmatch(text.strip()):
        return text.replace(",", ".")
    return text


def kinds_of(values: Iterable[Any]) -> list[str]:
    """The kinds of values that occur, missing ones left out.

    Each by the name of a type; all numbers are one kind.

    Examples
    --------
    >>> kinds_of(["a", 1, 2.5, None])
    ['int', 'str']
    """
    kinds: dict[str, str] = {}
    for value in values:
        if not _absent(value):
            kinds.setdefault(_kind(value), _type(value))
    return sorted(kinds.values())


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if is_number(value):
        return "number"
    return _type(value)


def _type(value: Any) -> str:
    """The name of a value's type; times with and without a time zone are two."""
    name = type(value).__name__
    if isinstance(value, datetime) and value.tzinfo is not None:
        return f"{name} with a time zone"
    return name


def _absent(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
