"""How answers may be spoken of in a message: by name where ten people gave them, else by row.

Whoever writes a message about the data asks here. An answer that at least `MINIMUM`
people gave is named; of all others a message says how many there are and in which row
each first stands, counted from 1 below the names of the columns. A row helps the owner
of the file to find the cell, and repeats nothing. Answers that look like personal
details (`trustlib.personal`) are never named, and neither are PSUs and strata.

The owner of a file, at her own terminal, may ask for the answers themselves:
`answers_shown`, which is what ``--show-answers`` calls. What another library says of an
error is not repeated, because it may quote a cell: `foreign`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import pandas as pd

from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    TrustlibError,
    UnknownNameError,
    first_few,
    one_line,
    require_names,
    unknown_name,
)
from trustlib.personal import (
    kind_of_column,
    looks_personal,
    names_that_may_be_told,
    told_when_asked,
)

FEW = f"fewer than {MINIMUM} people"
RARE_LEVEL = f"(a level of {FEW})"
LONGEST = 60  # letters of an answer in a message
MOST_ROWS = 5
MOST_SHOWN = 20  # answers, where they are asked for
_SHOWN: ContextVar[bool] = ContextVar("answers shown", default=False)


@contextmanager
def answers_shown() -> Iterator[None]:
    """Name answers in the messages of this block, for the owner of the file.

    Examples
    --------
    >>> import pandas as pd
    >>> sex = pd.Series(["m", "w", "?"], name="sex")
    >>> with answers_shown():
    ...     print(spoken(["?"], sex))
    '?'
    >>> print(spoken(["?"], sex))
    an answer of fewer than 10 people (row 3)
    """
    before = _SHOWN.set(True)
    try:
        yield
    finally:
        _SHOWN.reset(before)


def are_shown() -> bool:
    """Whether answers are named here.

    Examples
    --------
    >>> are_shown()
    False
    """
    return _SHOWN.get()


def _as_text(answer: Any) -> str:
    return repr(str(answer)[:LONGEST])


def spoken(
    answers: Iterable[Any],
    column: pd.Series,
    text: Callable[[Any], str] = _as_text,
) -> str:
    """Some answers of a column, as a message may speak of them.

    Parameters
    ----------
    answers : iterable
        Values of the column.
    column : Series
        One for each person, in the order of the file.
    text : callable
        How an answer is written where it may be named.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> sex = pd.Series(["m"] * 30 + ["w"] * 20 + ["x", "?"])
    >>> spoken(["w", "x", "?"], sex)
    "'w', 2 answers of fewer than 10 people each (the first in rows 51, 52)"
    """
    given = list(dict.fromkeys(answers))
    if are_shown():
        return first_few([text(answer) for answer in given], MOST_SHOWN)
    codes, distinct = pd.factorize(column.astype(object))
    place = {answer: code for code, answer in enumerate(distinct)}
    people = np.bincount(codes[codes >= 0], minlength=len(distinct))
    personal = kind_of_column(column)
    named = []
    unnamed = []
    for answer in given:
        code = place.get(answer, -1)
        told = code >= 0 and people[code] >= MINIMUM and not personal
        if told and not looks_personal(answer):
            named.append(text(answer))
        else:
            unnamed.append(code)
    parts = []
    if named:
        parts.append(first_few(named))
    if unnamed:
        rows = [int(np.argmax(codes == code)) + 1 for code in unnamed if code >= 0]
        parts.append(_without_names(len(unnamed), rows, personal))
    return ", ".join(parts)


def _without_names(answers: int, rows: Sequence[int], personal: str) -> str:
    """Answers that are not named, and where each first stands."""
    what = "an answer" if answers == 1 else f"{answers} answers"
    if personal:
        what += f" that may be {personal}"
    else:
        what += f" of {FEW}"
        if answers > 1:
            what += " each"
    if not rows:
        return what
    if len(rows) == 1:
        return f"{what} (row {rows[0]})"
    listed = first_few([str(row) for row in sorted(rows)], MOST_ROWS)
    return f"{what} (the first in rows {listed})"


def spoken_rows(which: Any) -> str:
    """Where people are of whom a message speaks: the row of the first, and no number.

    Parameters
    ----------
    which : boolean array (n,)

    Returns
    -------
    str

    Examples
    --------
    >>> spoken_rows([False, True, True])
    'the first in row 2'
    """
    return f"the first in row {int(np.argmax(np.asarray(which))) + 1}"


def spoken_units(units: Iterable[Any]) -> str:
    """PSUs or strata in brackets, where they are asked for; else nothing.

    Examples
    --------
    >>> spoken_units(["clinic 7"])
    ''
    >>> with answers_shown():
    ...     spoken_units(["clinic 7"])
    " ('clinic 7')"
    """
    if not are_shown():
        return ""
    return f" ({first_few([_as_text(unit) for unit in units], MOST_SHOWN)})"


def spoken_levels(levels: Iterable[Any], people: Mapping[Any, float]) -> list[Any]:
    """Those levels that may be named: at least ten people have them.

    Parameters
    ----------
    levels : iterable
    people : mapping
        Level -> number of people.

    Examples
    --------
    >>> spoken_levels(["man", "other"], {"man": 20, "other": 3})
    ['man']
    """
    if are_shown():
        return list(levels)
    return [level for level in levels if people.get(level, 0) >= MINIMUM]


def unknown_level(
    kind: str, name: Any, levels: Iterable[Any], people: Mapping[Any, float]
) -> UnknownNameError:
    """The error for a level that does not exist; it lists those of at least ten people.

    Examples
    --------
    >>> people = {"man": 20, "woman": 30, "other": 3}
    >>> print(unknown_level("level of gender", "womn", people, people))
    There is no level of gender 'womn'.
    Did you mean 'woman'? There is: man, woman, and 1 of fewer than 10 people.
    """
    every = list(levels)
    told = spoken_levels(every, people)
    refusal = unknown_name(kind, name, told)
    rest = len(every) - len(told)
    if not rest:
        return refusal
    listed = refusal.hint.removesuffix(".").replace("There is: none", "There is")
    return UnknownNameError(refusal.message, f"{listed}, and {rest} of {FEW}.")


def require_levels_of(
    kind: str, names: Iterable[Any], column: pd.Series, people: Any
) -> None:
    """Raise `UnknownNameError` for the first name that is no level of a column.

    Parameters
    ----------
    kind : str
    names : iterable
    column : Series (m,)
        Of cells or estimates.
    people : array (m,)
        The people of each row.

    Examples
    --------
    >>> import pandas as pd
    >>> require_levels_of("level", ["man"], pd.Series(["man", "woman"]), [20, 30])
    """
    levels = list(column.unique())
    if column.dtype == "category":
        levels = list(column.cat.categories)
    for name in names:
        if name not in levels:
            raise unknown_level(kind, name, levels, people_by_level(column, people))


def people_by_level(column: pd.Series, people: Any) -> dict[Any, float]:
    """How many people have each level of an axis.

    Examples
    --------
    >>> import pandas as pd
    >>> people_by_level(pd.Series(["a", "b", "a"]), [3, 4, 5])
    {'a': 8.0, 'b': 4.0}
    """
    if people is None:  # not known: none of them is named
        return {}
    sizes = pd.Series(np.asarray(people, dtype=float))
    keys = column.astype(object).reset_index(drop=True)
    return sizes.groupby(keys, sort=False).sum().to_dict()


def unknown_column(name: Any, columns: Iterable[Any]) -> UnknownNameError:
    """The error for a column that does not exist; names like personal details are not listed.

    Examples
    --------
    >>> print(unknown_column("gendre", ["gender", "1948-05-01"]))
    There is no column 'gendre'.
    Did you mean 'gender'? There is: gender, column 2.
    """
    return unknown_name("column", name, names_that_may_be_told(columns))


def require_columns(
    names: Iterable[Any], columns: Iterable[Any], kind: str = "column"
) -> None:
    """Raise the error of `unknown_column` for the first name that is no column.

    Examples
    --------
    >>> require_columns(["age"], ["age", "gender"])
    """
    there = list(columns)
    require_names(kind, names, there, told_when_asked(there))


def foreign(error: BaseException) -> str:
    """What another library says of an error, without what it may quote.

    Its kind; of ours, and of errors that cannot speak of data, also their text.

    Examples
    --------
    >>> foreign(ValueError("could not convert string to float: 'my GP'"))
    'ValueError'
    >>> foreign(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    return told_of(type(error).__name__, str(error), isinstance(error, TrustlibError))


# Errors whose text is about a program, its files or the machine.
_HARMLESS = {
    "NameError",
    "UnboundLocalError",
    "ModuleNotFoundError",
    "ImportError",
    "SyntaxError",
    "IndentationError",
    "ZeroDivisionError",
    "RecursionError",
    "FileNotFoundError",
    "PermissionError",
    "IsADirectoryError",
    "NotADirectoryError",
    "BadGzipFile",
    "EOFError",
}
# What of other errors says where a file is damaged, and nothing else.
_PLACES = (
    r"Error tokenizing data\. C error: (?:EOF inside string starting at row \d+|"
    r"Expected \d+ fields in line \d+, saw \d+)",
    r"'[\w-]+' codec can't decode bytes? (?:0x[0-9a-f]{2} )?in position [\d-]+: [a-z ]+",
    r"UTF-(?:16|32)(?:LE|BE)? ?stream does not start with BOM",
    r"UTF-16 stream does not start with BOM",
    r"line contains NUL",
    r"unexpected end of data",
    r"new-line character seen in unquoted field",
    r"field larger than field limit \(\d+\)",
    r"unknown encoding: [\w-]+",
    r"Parquet magic bytes not found in footer",
    r"Invalid file, or file has unsupported features",
    r"CRC checksum verification failed",
    r"timed out after \d+ seconds",
)
_PLACE = re.compile("|".join(f"(?:{place})" for place in _PLACES))
_BYTE = re.compile(r"0x[0-9a-f]{2} ")


def told_of(name: str, text: str, ours: bool = False) -> str:
    """The kind of an error, and of its text what may be told; see `foreign`.

    Parameters
    ----------
    name : str
        Of its class.
    text : str
    ours : bool
        Whether this library wrote the text.

    Examples
    --------
    >>> told_of("KeyError", "'Leeds'")
    'KeyError'
    """
    if ours or name in _HARMLESS or are_shown():
        said = one_line(text, 300)
    else:
        place = _PLACE.search(one_line(text, 2000))
        said = _BYTE.sub("", place[0]) if place else ""
    return f"{name}: {said}" if said else name
