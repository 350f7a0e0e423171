"""How conditions and formulas are split into tokens, and how a name is written in them.

Both are data that may come with a file, so neither is run: `trustlib.conditions` and
`trustlib.formulas` read the tokens and hold what they say to an allow-list. A name
stands as it is, or in backticks: ```my age` > 40``; a backtick within a name is
doubled. Names are compared in Unicode's form NFC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LONGEST = 10_000  # characters
DEEPEST = 50  # brackets within brackets, and branches of the syntax
LARGEST = 2**63  # whole numbers are smaller
PAIRS = {")": "(", "]": "["}
UNMATCHED = "its brackets do not match"
WORDS = frozenset(("and", "or", "not", "in", "True", "False"))
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<quoted>`(?:[^`]|``)+`)
  | (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
  | (?P<sign>==|!=|<=|>=|\*\*|//|<|>|[-+*/%()\[\],.&|~:^=])
    """,
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class Token:
    """A piece of a condition or formula.

    Attributes
    ----------
    kind : str
        quoted, text, number, name or sign.
    text : str
        As it was written.

    Examples
    --------
    >>> Token("quoted", "`my age`").name
    'my age'
    """

    kind: str
    text: str

    @property
    def name(self) -> str:
        """The name that a token of kind name or quoted stands for, in form NFC."""
        text = self.text
        if self.kind == "quoted":
            text = text[1:-1].replace("``", "`")
        return unicodedata.normalize("NFC", text)


class UnreadableError(ValueError):
    """A text cannot be split into tokens, or its brackets do not match."""


def tokens(text: str) -> list[Token]:
    """Split a condition or formula into tokens.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of Token
        Without the spaces between them.

    Raises
    ------
    UnreadableError
        It is too long or too deep, or has a character that has no place in it.

    Examples
    --------
    >>> [token.text for token in tokens("age >= 40")]
    ['age', '>=', '40']
    """
    if len(text) > LONGEST:
        raise UnreadableError(f"it is longer than {LONGEST:,} characters")
    text = unicodedata.normalize("NFC", text)
    pieces = []
    at = 0
    while at < len(text):
        token = _token_at(text, at)
        if token.kind != "space":
            pieces.append(token)
        at += len(token.text)
    _require_shallow(pieces)
    return pieces


def _token_at(text: str, at: int) -> Token:
    """The token, or the space, that begins here."""
    match = _TOKEN.match(text, at)
    if match:
        return Token(str(match.lastgroup), match[0])
    word = _word(text, at)
    if not word:
        raise UnreadableError(f"it cannot be read from {text[at : at + 20]!r} on")
    return Token("name", word)


def _word(text: str, at: int) -> str:
    """The name that begins here, in any script; empty if none does."""
    if not text[at].isidentifier():
        return ""
    end = at
    while end < len(text) and f"_{text[end]}".isidentifier():
        end += 1
    return text[at:end]


def _require_shallow(pieces: list[Token]) -> None:
    """Refuse brackets that do not match, and what is nested too deep for a parser."""
    opened: list[str] = []
    signs = 0
    for token in pieces:
        signs += 1
        if token.text not in ("not", "-", "+", "~"):
            signs = 0
        if token.kind == "sign":
            _follow(token.text, opened)
        if len(opened) > DEEPEST or signs > DEEPEST:
            raise UnreadableError(f"it is nested more than {DEEPEST} deep")
    if opened:
        raise UnreadableError(UNMATCHED)


def _follow(sign: str, opened: list[str]) -> None:
    """Open or close a bracket; the sign may be another one."""
    if sign in PAIRS.values():
        opened.append(sign)
    if sign in PAIRS and (not opened or opened.pop() != PAIRS[sign]):
        raise UnreadableError(UNMATCHED)


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = WORDS | {"None", "inf", "nan", "C", "I", "np"}


def quoted(name: str) -> str:
    """A name as it stands in a condition or a formula: as it is, or in backticks.

    Examples
    --------
    >>> quoted("gender"), quoted("my age"), quoted("in")
    ('gender', '`my age`', '`in`')
    """
    if _PLAIN.fullmatch(name) and name not in _TAKEN:
        return name
    return in_backticks(name)


def in_backticks(name: str) -> str:
    """A name in backticks, those within it doubled.

    Examples
    --------
    >>> in_backticks("my age")
    '`my age`'
    """
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def by_form(names: Iterable[Any]) -> dict[str, str]:
    r"""Names by their form NFC, which is how conditions and formulas find them.

    Examples
    --------
    >>> by_form(["cafe\u0301"]) == {"caf\u00e9": "cafe\u0301"}
    True
    """
    return {
        unicodedata.normalize("NFC", name): name
        for name in names
        if isinstance(name, str)
    }
