"""What is typed as an answer, read: numbers of a list, bands of a number, a short name.

Whatever does not fit is a `trustbook.wizard.asking.AnswerError`, which says what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from trustbook.wizard.asking import AnswerError
from trustlib.bands import bands_of
from trustlib.forms import is_name

_PART = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_TO = re.compile(r"\s*(?:-|–|\bto\b)\s*")
_END = r"(\d+(?:\.\d+)?)"
_BETWEEN = re.compile(rf"{_END}\s*(?:-|–|to)\s*{_END}")
_FROM = re.compile(rf"{_END}\s*(?:\+|and over|or more)")
_UP_TO = re.compile(rf"up to\s*{_END}")
BANDS = "Write bands with commas between them, such as 18-34, 35-54, 55+."


def are_numbers(text: str) -> bool:
    """Whether a text is made of numbers of a list, and no words to search for.

    Examples
    --------
    >>> are_numbers("1, 3-4"), are_numbers("trust"), are_numbers("")
    (True, False, False)
    """
    return bool(re.fullmatch(r"[\d\s,;–-]*\d[\d\s,;–-]*", text))


def numbers_in(text: str, most: int) -> list[int]:
    """The numbers of a list that a text names, each once, in its order.

    Parameters
    ----------
    text : str
        Such as ``"1, 3-5"``.
    most : int
        The last number of the list.

    Returns
    -------
    list of int

    Raises
    ------
    AnswerError
        There is no such number, or it is none.

    Examples
    --------
    >>> numbers_in("1, 3 - 4", 5)
    [1, 3, 4]
    """
    expected = "Give the number 1."
    if most > 1:
        expected = f"Give numbers from 1 to {most}, such as 1 or 1,2."
    numbers: dict[int, None] = {}
    for part in filter(None, re.split(r"[,;\s]+", _TO.sub("-", text))):
        found = _PART.fullmatch(part)
        if found is None:
            raise AnswerError(expected)
        first = int(found[1])
        last = int(found[2] or first)
        if not 1 <= first <= last <= most:
            raise AnswerError(expected)
        numbers |= dict.fromkeys(range(first, last + 1))
    if not numbers:
        raise AnswerError(expected)
    return list(numbers)


def one_number(text: str, most: int) -> int:
    """The one number of a list that a text names.

    Examples
    --------
    >>> one_number("2", 3)
    2
    """
    try:
        [number] = numbers_in(text, most)
    except ValueError:  # none, or several
        raise AnswerError(f"Give one number from 1 to {most}.") from None
    return number


def bands_in(text: str, oldest: float | None = None) -> dict[str, list[float | None]]:
    """The bands of a number that a text names, as a mapping writes them under ``cut:``.

    Parameters
    ----------
    text : str
        Such as ``"18-34, 35-54, 55+"``; the first may be ``up to 34``.
    oldest : float, optional
        The last number of a band that is open above.

    Returns
    -------
    dict

    Raises
    ------
    AnswerError
        It names none, or they overlap or leave a gap.

    Examples
    --------
    >>> bands_in("up to 34, 35-54, 55+")
    {'up to 34': [None, 34], '35-54': [35, 54], '55+': [55]}
    """
    cut: dict[str, list[float | None]] = {}
    for part in text.split(","):
        name = " ".join(part.split())
        cut[name] = _ends_of(name, oldest)
    try:
        bands_of(cut)
    except ValueError as error:
        raise AnswerError(
            f"These bands do not follow each other: {_in_words(error)}. {BANDS}"
        ) from None
    return cut


def _in_words(error: ValueError) -> str:
    """What is wrong with bands, without the key of a mapping."""
    text = str(error).partition(";")[0]
    return re.sub(r"^cut (has|leaves)", r"that \1", text)


def _ends_of(name: str, oldest: float | None) -> list[float | None]:
    """The ends of one band by its name."""
    between = _BETWEEN.fullmatch(name)
    if between:
        return [_number(between[1]), _number(between[2])]
    from_on = _FROM.fullmatch(name)
    if from_on:
        low = _number(from_on[1])
        return [low] if oldest is None or low > oldest else [low, oldest]
    up_to = _UP_TO.fullmatch(name)
    if up_to:
        return [None, _number(up_to[1])]
    raise AnswerError(BANDS)


def _number(text: str) -> float:
    """A number, whole where it is."""
    number = float(text)
    return int(number) if number.is_integer() else number


def bands_in_words(cut: Mapping[str, Sequence[float]]) -> str:
    """Bands as they are typed.

    Examples
    --------
    >>> bands_in_words({"18-34": [18, 34], "35+": [35, 120]})
    '18-34, 35+'
    """
    return ", ".join(cut)


def name_in(text: str) -> str:
    """A short name of a file or folder that is typed.

    Examples
    --------
    >>> name_in("mapping-2.yml")
    'mapping-2.yml'
    """
    stem, dot, ending = text.rpartition(".")
    if not is_name(stem) or ending not in ("yml", "yaml"):
        raise AnswerError(
            "Give a name of letters, digits, - and _ that ends in .yml, such as "
            "mapping-2.yml."
        )
    return f"{stem}{dot}{ending}"
