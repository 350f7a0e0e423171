"""What stands before decimals in a table of texts: a point, or a comma.

A comma may also separate thousands ("1,234") or the codes of a list ("1,3"). A file has
decimal commas only where some column cannot mean anything else, and no number has a
point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

_POINT = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


def decimal_of(frame: pd.DataFrame, mark: str) -> str:
    """What stands before decimals in a table.

    Parameters
    ----------
    frame : DataFrame
        Of texts.
    mark : str
        What divides its columns; semicolons leave the comma to decimals. Empty for a
        sheet.

    Returns
    -------
    {".", ","}

    Examples
    --------
    >>> decimal_of(pd.DataFrame({"w": ["0,5", "1"], "sex": ["f", "m"]}), "|")
    ','
    >>> decimal_of(pd.DataFrame({"income": ["1,234", "20,000"]}), "|")
    '.'
    """
    if mark == ";":
        return ","
    commas = False
    for column in frame:
        texts = frame[column].drop_duplicates().str.strip()
        if texts.str.fullmatch(_POINT.pattern).any():
            return "."
        if texts.str.contains(",", regex=False).any():
            commas = commas or are_decimals(texts, lists=mark in ("", ","))
    return "," if commas else "."


def are_decimals(texts: Iterable[str], lists: bool = True) -> bool:
    """Whether the commas of a column can stand before decimals only.

    Parameters
    ----------
    texts : iterable of str
        Its different answers.
    lists : bool
        Whether they may be lists of codes too: these stand in ascending order.

    Returns
    -------
    bool

    Examples
    --------
    >>> are_decimals(["13,2", "12"]), are_decimals(["1,234"]), are_decimals(["1,2", "1,3"])
    (True, False, False)
    """
    with_commas = _with_commas(texts)
    if with_commas and all(map(_THOUSANDS.fullmatch, with_commas)):
        return False
    return are_numbers(with_commas, lists)


def are_numbers(texts: Iterable[str], lists: bool = True) -> bool:
    """Whether the commas of a column stand within numbers, before decimals or thousands.

    Parameters
    ----------
    texts, lists
        As in `are_decimals`.

    Returns
    -------
    bool

    Examples
    --------
    >>> are_numbers(["13,2", "12"]), are_numbers(["1,234"]), are_numbers(["1,2", "1,3"])
    (True, True, False)
    """
    with_commas = _with_commas(texts)
    if not with_commas:
        return False
    if all(map(_THOUSANDS.fullmatch, with_commas)):
        return True
    if not all(map(_COMMA.fullmatch, with_commas)):
        return False
    return not (lists and all(map(_may_be_list, with_commas)))


def _with_commas(texts: Iterable[str]) -> list[str]:
    return [text.strip() for text in texts if "," in text]


def _may_be_list(text: str) -> bool:
    """Whether a text may be two codes, the smaller one first."""
    first, _, second = text.lstrip("+-").partition(",")
    if not first or first != str(int(first)) or second != str(int(second)):
        return False
    return 0 < int(first) < int(second)
