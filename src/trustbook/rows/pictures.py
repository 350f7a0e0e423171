"""Pictures: not what they show, but what is written beside it in their files."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from trustbook.rows.parts import Room

PNG = b"\x89PNG\r\n\x1a\n"
_OF_PIXELS = (b"IDAT", b"fdAT")
_NUMBERS = 8  # bytes before the content of a chunk: its length and its name
_CHECK = 4


def beside_the_picture(content: bytes, room: Room) -> Iterator[bytes]:
    r"""The notes of a PNG file, unpacked, and what stands behind its end.

    Parameters
    ----------
    content : bytes
    room : Room

    Examples
    --------
    >>> note = b"tEXtComment" + bytes(1) + b"of Anna"
    >>> chunk = (11).to_bytes(4, "big") + note[:15] + bytes(4)
    >>> list(beside_the_picture(PNG + chunk, Room()))
    [b'Comment\x00of ', b'']
    """
    at = len(PNG)
    end = False
    while at + _NUMBERS <= len(content) and not end:
        length = int.from_bytes(content[at : at + 4], "big")
        name = content[at + 4 : at + _NUMBERS]
        begin = at + _NUMBERS
        chunk = content[begin : begin + length]
        if name not in _OF_PIXELS and chunk:
            yield chunk
            yield from _unpacked(chunk, room)
        end = name == b"IEND"
        at = begin + length + _CHECK
    yield content[at:]


def _unpacked(chunk: bytes, room: Room) -> Iterator[bytes]:
    """A note that is kept compressed: behind its name and up to four more bytes."""
    start = chunk.find(b"x", 1)
    while 0 < start < 300:
        try:
            unpacker = zlib.decompressobj()
            yield room.take(unpacker.decompress(chunk[start:], max(room.left, 1)))
            return
        except zlib.error:
            start = chunk.find(b"x", start + 1)
