"""Calculations that a reader types, or that the file of a lesson names: read, never run.

A calculation has numbers, names, ``+ - * / ^``, brackets and a few functions. It is read
by the grammar below, and nothing of it ever reaches Python's own evaluation.
``trustbook/web/exercises_check.js`` reads the same grammar in the browser. ::

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/" | ":") signed)*
    signed  = ("+" | "-") signed | power
    power   = atom (("^" | "**") signed)?
    atom    = number | name | function "(" sum ")" | "(" sum ")"
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from trustlib.errors import CodebookError

LONGEST = 200  # characters
MOST_TOKENS = 60  # of a calculation in which a pair of brackets is looked for
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "round": lambda value: float(math.floor(value + 0.5)),
    "sqrt": math.sqrt,
}
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?"
_WORD = re.compile(r"(?<![a-z_0-9.])[a-z_][a-z_0-9]*")
_TOKEN = re.compile(rf"\s*({_NUMBER}|[a-z_][a-z_0-9]*|\*\*|[-+*/:^()])")
_SIGNS = {
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{DIVISION SIGN}": "/",
}


class UnreadableError(ValueError):
    """A text is no calculation, or its result is no number."""


def evaluate(text: str, names: Mapping[str, float]) -> float:
    """The result of a calculation.

    Parameters
    ----------
    text : str
    names : mapping
        The numbers that it may name.

    Returns
    -------
    float

    Raises
    ------
    UnreadableError
        The text is something else, names something else, or divides by zero.

    Examples
    --------
    >>> evaluate("100 * (both - neither)", {"both": 0.5, "neither": 0.25})
    25.0
    >>> evaluate("(82/18) : (47/53)", {}) > 5
    True
    """
    reader = _Reader(tokens_of(text), names)
    result = reader.sum()
    if reader.next():
        raise UnreadableError("Something stands behind the end of the calculation.")
    return result


def tokens_of(text: str) -> list[str]:
    """The parts of a calculation: numbers, names and signs.

    Raises
    ------
    UnreadableError
        It is too long, or a sign is unknown.

    Examples
    --------
    >>> tokens_of("2 * (p - 1)")
    ['2', '*', '(', 'p', '-', '1', ')']
    """
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = text.strip().lower()
    if len(text) > LONGEST:
        raise UnreadableError("The calculation is too long.")
    tokens = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            raise UnreadableError("A sign is unknown.")
        tokens.append(found[1])
        place = found.end()
    return tokens


def names_in(text: str) -> list[str]:
    """The names in a calculation, each once.

    Examples
    --------
    >>> names_in("log(p / q) - p")
    ['p', 'q']
    """
    words = [
        token for token in tokens_of(text) if token[0].isalpha() or token[0] == "_"
    ]
    return list(dict.fromkeys(word for word in words if word not in FUNCTIONS))


def unknown_words(text: str, names: Mapping[str, float]) -> list[str]:
    """The words of a text that no calculation can have, each once.

    Examples
    --------
    >>> unknown_words("odds / (1 + odds) + sqrt(p) + 1e9", {"p": 0.5})
    ['odds']
    """
    known = {*names, *FUNCTIONS}
    return [word for word in dict.fromkeys(_WORD.findall(text)) if word not in known]


def with_brackets(text: str, names: Mapping[str, float]) -> Iterator[float]:
    """What a calculation gives with one more pair of brackets, wherever one may stand.

    Raises
    ------
    UnreadableError
        The text has a sign that is unknown.

    Examples
    --------
    >>> sorted(set(with_brackets("1 - 2 - 3", {})))
    [-4.0, 2.0]
    """
    tokens = tokens_of(text)
    if len(tokens) > MOST_TOKENS:
        return
    starts = [i for i, token in enumerate(tokens) if _begins(token)]
    ends = [i + 1 for i, token in enumerate(tokens) if _ends(token)]
    for start, end in product(starts, ends):
        inner = ["(", *tokens[start:end], ")"]
        reader = _Reader([*tokens[:start], *inner, *tokens[end:]], names)
        try:
            result = reader.sum()
        except UnreadableError:
            continue
        if end > start and not reader.next():
            yield result


def _begins(token: str) -> bool:
    """Whether a bracket may open before a token."""
    return token == "(" or token[0].isalnum() or token[0] in "._"


def _ends(token: str) -> bool:
    """Whether a bracket may close behind a token."""
    return token == ")" or token[0].isalnum() or token[0] in "._"


def computed(text: str, names: Mapping[str, float], place: str) -> float:
    """The result of a calculation in a file, which must be readable.

    Parameters
    ----------
    text : str
    names : mapping
    place : str
        Where it stands, for the message.

    Raises
    ------
    CodebookError
        It is not.

    Examples
    --------
    >>> computed("p - q", {"p": 3.0, "q": 1.0}, "somewhere")
    2.0
    """
    try:
        return evaluate(text, names)
    except UnreadableError as error:
        raise CodebookError(
            f"{place}: expected a calculation with {', '.join(names)}, got {text!r}. {error}",
            "Write numbers, these names, + - * / ^ and brackets.",
        ) from None


class _Reader:
    """Reads tokens from the left, by the grammar above."""

    def __init__(self, tokens: list[str], names: Mapping[str, float]) -> None:
        self.tokens = tokens
        self.names = names
        self.place = 0

    def next(self) -> str:
        """The token that comes next; empty at the end."""
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next()
        self.place += 1
        return token

    def sum(self) -> float:
        result = self.product()
        while self.next() in ("+", "-"):
            sign = self.take()
            other = self.product()
            result = finite(result + other if sign == "+" else result - other)
        return result

    def product(self) -> float:
        result = self.signed()
        while self.next() in ("*", "/", ":"):
            sign = self.take()
            other = self.signed()
            result = JOINED[sign](result, other)
        return result

    def signed(self) -> float:
        if self.next() not in ("+", "-"):
            return self.power()
        sign = self.take()
        result = self.signed()
        return -result if sign == "-" else result

    def power(self) -> float:
        base = self.atom()
        if self.next() not in ("^", "**"):
            return base
        self.take()
        exponent = self.signed()
        return _safely(lambda: math.pow(base, exponent))

    def atom(self) -> float:
        token = self.take()
        if token == "(":
            return self.bracket()
        if token[:1].isdigit() or token[:1] == ".":
            return finite(float(token))
        if token in self.names:
            return float(self.names[token])
        if token in FUNCTIONS and self.take() == "(":
            value = self.bracket()
            return _safely(lambda: FUNCTIONS[token](value))
        raise UnreadableError("A number or a known name is expected.")

    def bracket(self) -> float:
        """What stands up to the closing bracket."""
        result = self.sum()
        if self.take() != ")":
            raise UnreadableError("A bracket is not closed.")
        return result


def multiplied(one: float, other: float) -> float:
    """A product.

    Examples
    --------
    >>> multiplied(2.0, 4.0)
    8.0
    """
    return finite(one * other)


def divided(one: float, other: float) -> float:
    """A quotient.

    Raises
    ------
    UnreadableError
        The divisor is zero.

    Examples
    --------
    >>> divided(1.0, 4.0)
    0.25
    """
    if other == 0:
        raise UnreadableError("Nothing can be divided by zero.")
    return finite(one / other)


JOINED = {"*": multiplied, "/": divided, ":": divided}


def finite(value: float) -> float:
    """A number that is one.

    Raises
    ------
    UnreadableError
        It is infinite, or not a number.

    Examples
    --------
    >>> finite(2.0)
    2.0
    """
    if not math.isfinite(value):
        raise UnreadableError("The result is no number.")
    return value


def _safely(compute: Callable[[], float]) -> float:
    """The value of a function where it has one."""
    try:
        return finite(compute())
    except (ValueError, OverflowError):
        raise UnreadableError("The result is no number.") from None
