"""Texts of a lesson: their numbers filled in, and what is said where digits differ by rounding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trustbook.calculation import UnreadableError, evaluate
from trustbook.lesson_numbers import Numbers

BEFORE_ROUNDING = "Computed before rounding: with the shown numbers you get {}."
_PLACE = re.compile(r"\{([^{}]+)\}")
_CODE = re.compile(r"`([^`]*)`")
# A calculation that a text prints with its result: "14.9 / 2.6 = 5.73".
_WORKED = re.compile(
    r"((?:[\d(\u2212-]|sqrt)(?:[\d.,()+*/^ \u2212-]|x|sqrt)*) = (\u2212?[\d,]+(?:\.\d+)?)"
)


def filled(text: str, numbers: Numbers, right: str = "") -> str:
    """A text with its numbers.

    Parameters
    ----------
    text : str
    numbers : Numbers
    right : str
        What ``{right}`` prints.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Number
    >>> filled("{p} and {p bare}: {right}", Numbers({"p": Number(0.5)}), "1.0")
    '50.0 % and 50.0: 1.0'
    """

    def number(found: re.Match[str]) -> str:
        return right if found[1] == "right" else numbers.said(found[1])

    return _PLACE.sub(number, text)


def plain_text(markdown: str) -> str:
    """A text without the signs of Markdown; what stands in code is kept.

    Examples
    --------
    >>> plain_text("The **gap** is `2 * p`.")
    'The gap is 2 * p.'
    """
    parts = _CODE.split(" ".join(markdown.split()))
    return "".join(
        part if i % 2 else part.replace("*", "") for i, part in enumerate(parts)
    )


def reply_of(text: str, numbers: Numbers) -> str:
    """What is said to an answer: with its numbers, and as plain text.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Number
    >>> reply_of("Of *all*, {p}.", Numbers({"p": Number(0.5)}))
    'Of all, 50.0 %.'
    """
    return plain_text(filled(text, numbers))


def with_note(text: str) -> str:
    """A text, and which results its calculations have with the numbers as they are shown.

    Nothing is added where they have the printed ones.

    Examples
    --------
    >>> with_note("14.9 / 2.6 = 5.81 times as large.").partition(". ")[2]
    'Computed before rounding: with the shown numbers you get 5.73.'
    >>> with_note("1 / 3 = 33.3 %.")
    '1 / 3 = 33.3 %.'
    """
    others = list(_other_results(text))
    if not others:
        return text
    return f"{text.rstrip()} {BEFORE_ROUNDING.format(' and '.join(others))}"


def _other_results(text: str) -> Iterator[str]:
    """The results of the printed calculations that differ from the printed results."""
    for calculation, result in _WORKED.findall(text):
        plain = re.sub(r"(?<=\d),(?=\d{3})", "", calculation).replace("x", "*")
        try:
            value = evaluate(plain, {})
        except UnreadableError:
            continue
        digits = len(result.partition(".")[2])
        found = [f"{factor * value:,.{digits}f}" for factor in (1, 100)]
        found = [one.replace("-", "\N{MINUS SIGN}") for one in found]
        if result not in found:
            wanted = float(result.replace(",", "").replace("\N{MINUS SIGN}", "-"))
            is_percent = abs(100 * value - wanted) < abs(value - wanted)
            yield found[is_percent]
