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
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from operator import neg

from trustlib.errors import CodebookError

Compute = Callable[[Mapping[str, float]], float]

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
    return read(text, names)(names)


def read(text: str, names: Collection[str]) -> Compute:
    """A calculation that is read once and computed for as many numbers as one likes.

    Parameters
    ----------
    text : str
    names : collection of str
        Those that it may have.

    Returns
    -------
    callable
        Of a mapping of the names to numbers; raises `UnreadableError` as `evaluate`.

    Raises
    ------
    UnreadableError
        The text is no calculation, or names something else.

    Examples
    --------
    >>> twice = read("2 * p", ["p"])
    >>> twice({"p": 3.0}), twice({"p": 0.5})
    (6.0, 1.0)
    """
    reader = _Reader(tokens_of(text), names)
    compute = reader.sum()
    if reader.next():
        raise UnreadableError("Something stands behind the end of the calculation.")
    return compute


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
            result = reader.sum()(names)
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
    return Calculation.read(text, names, place).of(names)


@dataclass(frozen=True)
class Calculation:
    """A calculation of a file, which must be readable.

    Attributes
    ----------
    text : str
    place : str
        Where it stands, for messages.
    compute : callable
        Of a mapping of names to numbers.

    Examples
    --------
    >>> less = Calculation.read("p - q", ["p", "q"], "somewhere")
    >>> less.of({"p": 3.0, "q": 1.0}), less.of({"p": 3.0, "q": 2.0})
    (2.0, 1.0)
    """

    text: str
    place: str
    compute: Compute

    @classmethod
    def read(cls, text: str, names: Collection[str], place: str) -> Calculation:
        """Read it; see `computed`."""
        try:
            return cls(text, place, read(text, names))
        except UnreadableError as error:
            raise _refusal(text, names, place, error) from None

    def of(self, names: Mapping[str, float]) -> float:
        """Its result with these numbers; see `computed`."""
        try:
            return self.compute(names)
        except UnreadableError as error:
            raise _refusal(self.text, names, self.place, error) from None


def _refusal(
    text: str, names: Collection[str], place: str, error: UnreadableError
) -> CodebookError:
    return CodebookError(
        f"{place}: expected a calculation with {', '.join(names)}, got {text!r}. {error}",
        "Write numbers, these names, + - * / ^ and brackets.",
    )


class _Reader:
    """Reads tokens from the left, by the grammar above, into what computes them."""

    def __init__(self, tokens: list[str], names: Collection[str]) -> None:
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

    def sum(self) -> Compute:
        result = self.product()
        while self.next() in ("+", "-"):
            join = JOINED[self.take()]
            result = _of_two(join, result, self.product())
        return result

    def product(self) -> Compute:
        result = self.signed()
        while self.next() in ("*", "/", ":"):
            join = JOINED[self.take()]
            result = _of_two(join, result, self.signed())
        return result

    def signed(self) -> Compute:
        if self.next() not in ("+", "-"):
            return self.power()
        sign = self.take()
        result = self.signed()
        return _of_one(neg, result) if sign == "-" else result

    def power(self) -> Compute:
        base = self.atom()
        if self.next() not in ("^", "**"):
            return base
        self.take()
        return _of_two(raised, base, self.signed())

    def atom(self) -> Compute:
        token = self.take()
        if token == "(":
            return self.bracket()
        if token[:1].isdigit() or token[:1] == ".":
            value = finite(float(token))
            return lambda names: value
        if token in self.names:
            return lambda names: float(names[token])
        if token in FUNCTIONS and self.take() == "(":
            function = FUNCTIONS[token]
            return _of_one(lambda value: _safely(function, value), self.bracket())
        raise UnreadableError("A number or a known name is expected.")

    def bracket(self) -> Compute:
        """What stands up to the closing bracket."""
        result = self.sum()
        if self.take() != ")":
            raise UnreadableError("A bracket is not closed.")
        return result


def _of_one(join: Callable[[float], float], one: Compute) -> Compute:
    return lambda names: join(one(names))


def _of_two(
    join: Callable[[float, float], float], one: Compute, other: Compute
) -> Compute:
    return lambda names: join(one(names), other(names))


def added(one: float, other: float) -> float:
    """A sum.

    Examples
    --------
    >>> added(2.0, 4.0)
    6.0
    """
    return finite(one + other)


def subtracted(one: float, other: float) -> float:
    """A difference.

    Examples
    --------
    >>> subtracted(2.0, 4.0)
    -2.0
    """
    return finite(one - other)


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


def raised(base: float, exponent: float) -> float:
    """A power.

    Raises
    ------
    UnreadableError
        It is no number.

    Examples
    --------
    >>> raised(2.0, 4.0)
    16.0
    """
    return _safely(math.pow, base, exponent)


JOINED = {
    "+": added,
    "-": subtracted,
    "*": multiplied,
    "/": divided,
    ":": divided,
}


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


def _safely(function: Callable[..., float], *values: float) -> float:
    """The value of a function where it has one."""
    try:
        return finite(function(*values))
    except (ValueError, OverflowError):
        raise UnreadableError("The result is no number.") from None
