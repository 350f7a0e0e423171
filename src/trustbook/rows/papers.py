"""PDF files: the words of their pages, what they say of themselves, and what lies in them.

A program of a PDF is never run. What is packed in a stream is looked through as bytes,
unpacked up to the room that is left; words that are drawn as pictures are not read.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

from trustbook.rows.parts import Bytes, Part, Room, Text, Unread

PDF = b"%PDF-"
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)


def parts_of_pages(content: bytes, room: Room) -> Iterator[Part]:
    """The words of all pages, of the description, and every stream.

    Parameters
    ----------
    content : bytes
        Of a PDF.
    room : Room
        For what is unpacked.

    Yields
    ------
    Text, Bytes or Unread
    """
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted:
        yield Unread("it needs a password")
        return
    for page in reader.pages:
        yield Text(page.extract_text())
    if reader.metadata is not None:
        yield Text(" , ".join(map(str, reader.metadata.values())))
    for packed in _STREAM.finditer(content):
        yield Bytes(room.take(_unpacked(packed[1], room)))


def _unpacked(stream: bytes, room: Room) -> bytes:
    """A stream as it was before it was packed; one that is packed otherwise as it is."""
    try:
        return zlib.decompressobj().decompress(stream, room.left + 1)
    except zlib.error:
        return stream


def attached(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files that are attached to a PDF, by name.

    Parameters
    ----------
    content : bytes

    Yields
    ------
    name, content
    """
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if not reader.is_encrypted:
        for name, files in reader.attachments.items():
            for file in files:
                yield name, file
