"""What a file consists of, as far as the search for rows is concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trustbook.rows.records import Line

MOST = 1 << 28  # bytes that one file may become when it is unpacked
DEEPEST = 8  # archives in archives


@dataclass(frozen=True)
class Text:
    """A text."""

    text: str


@dataclass(frozen=True)
class Lines:
    """The lines of a table, its names first."""

    lines: Iterable[Line]


@dataclass(frozen=True)
class Bytes:
    """Bytes in which letters and numbers are looked for."""

    content: bytes


@dataclass(frozen=True)
class Unread:
    """Something that cannot be read."""

    why: str


Part = Text | Lines | Bytes | Unread


class TooMuch(Exception):  # noqa: N818 - no error: the search says so and goes on
    """A file becomes larger, when it is unpacked, than anybody can look through."""


class Room:
    """The bytes that a file may still become.

    Examples
    --------
    >>> room = Room(10)
    >>> room.take(b"12345678")
    b'12345678'
    >>> room.left
    2
    """

    def __init__(self, left: int = MOST) -> None:
        self.left = left
        self.cut = False  # something that was unpacked ends before its end

    def take(self, content: bytes) -> bytes:
        """What was unpacked, if there is room for it."""
        self.left -= len(content)
        if self.left < 0:
            raise TooMuch
        return content
