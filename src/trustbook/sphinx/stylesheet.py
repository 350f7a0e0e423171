"""One style sheet for all pages, without the rules of the theme that no page needs.

A selector of the theme goes if it asks for a class that stands in no page and in no
script. What stands in brackets, as in ``:not(.wide)``, asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# A text in quotes, an address, or one sign.
_PIECE = re.compile(
    r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\([^)"']*\)|.""", re.DOTALL
)
_IN_BRACKETS = re.compile(r"\[[^\]]*\]|\([^()]*\)")
_CLASS = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
_HOLDS_RULES = ("@media", "@supports", "@layer", "@container")
_FONT_OF_ICONS = "Font Awesome"


def needed_rules(sheet: str, used: frozenset[str]) -> str:
    r"""Return a style sheet without the rules whose classes are not used.

    Parameters
    ----------
    sheet : str
    used : frozenset of str
        The classes of all pages, and the words of their scripts.

    Examples
    --------
    >>> needed_rules("a.wide, b:not(.thin) {color: red} .thin{}", frozenset())
    'b:not(.thin){color: red}'
    """
    kept = []
    for head, body in _rules(_COMMENT.sub("", sheet)):
        text = _needed(head, body, used)
        if text:
            kept.append(text)
    return "\n".join(kept)


def _needed(head: str, body: str | None, used: frozenset[str]) -> str:
    """One rule as far as it is needed; an empty text if it is not."""
    if body is None:
        return f"{head};"
    if head.startswith(_HOLDS_RULES):
        inner = needed_rules(body, used)
        return f"{head}{{{inner}}}" if inner else ""
    if head.startswith("@"):
        is_of_icons = _FONT_OF_ICONS in body.replace("\\", "")
        return "" if is_of_icons else f"{head}{{{body}}}"
    selectors = [each for each in _selectors(head) if _classes(each) <= used]
    if not selectors or not body.strip():
        return ""
    return f"{','.join(selectors)}{{{body}}}"


def _rules(sheet: str) -> Iterator[tuple[str, str | None]]:
    """Every rule with what stands in its braces, and every statement with nothing."""
    head: list[str] = []
    body: list[str] = []
    depth = 0
    for piece in _PIECE.findall(sheet):
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
        if depth == 0 and piece == "}":
            yield "".join(head).strip(), "".join(body[1:])
            head, body = [], []
        elif depth == 0 and piece == ";":
            yield "".join(head).strip(), None
            head = []
        elif depth:
            body.append(piece)
        else:
            head.append(piece)


def _selectors(head: str) -> list[str]:
    """The selectors of a rule; a comma in brackets separates nothing."""
    found = [""]
    depth = 0
    for piece in _PIECE.findall(head):
        depth += (piece in "([") - (piece in ")]")
        if piece == "," and not depth:
            found.append("")
        else:
            found[-1] += piece
    return [each.strip() for each in found]


def _classes(selector: str) -> set[str]:
    """The classes that a selector asks for."""
    former = ""
    while former != selector:
        former = selector
        selector = _IN_BRACKETS.sub("", selector)
    return {name.replace("\\", "") for name in _CLASS.findall(selector)}
