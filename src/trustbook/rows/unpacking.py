"""A file of any kind, opened as far as that is safe: its parts.

Nothing that comes with a file is run: what Python has pickled is never loaded, and
entities of XML are not resolved. What is packed is unpacked up to a size and a depth.
What a file is, is told by its content; its name decides only between SPSS and Stata.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from trustbook.rows import papers, tables
from trustbook.rows.parts import (
    DEEPEST,
    Bytes,
    Lines,
    Part,
    Room,
    Text,
    TooMuch,
    Unread,
)
from trustbook.rows.pictures import PNG, beside_the_picture

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
ZSTD = b"\x28\xb5\x2f\xfd"
SPSS = (b"$FL2", b"$FL3")
COLUMNAR = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "stream",
    b"ORC": "orc",
    b"FEA1": "feather",
}
SQLITE = b"SQLite format 3\0"
INVENTORY = b"# Sphinx inventory"
PICKLE = re.compile(rb"\x80[\x02-\x05]")
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
# What Sphinx leaves beside a book: trees of pages. Other pickles are refused.
OF_SPHINX = re.compile(
    rb"\A.{0,20}?(docutils\.nodes|sphinx\.addnodes|sphinx\.environment)", re.DOTALL
)
# Pictures, fonts, catalogues of translations, WebAssembly: looked through as they are.
SHOWN = (
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\0\0\1\0",
    b"wOFF",
    b"wOF2",
    b"\0\1\0\0",
    b"OTTO",
    b"ttcf",
    b"\xde\x12\x04\x95",
    b"\x95\x04\x12\xde",
    b"\0asm",
)
# What stands in no text.
CONTROLS = bytes({*range(0x20)} - set(b"\t\n\r\f\v\x1b\x1a"))
OLD_PICKLE = re.compile(rb"\A(?:c[\w.]+\n\w+\n|\([ld]p\d|\(i[\w.]+\n)")
_BASE64 = re.compile(
    r"[A-Za-z0-9+/_-]{24,}"
    r"(?:\s{1,3}[A-Za-z0-9+/_-]{40,})*(?:\s{1,3}[A-Za-z0-9+/_-]{4,})?={0,2}"
)
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}){16,}\b")
_HEAD = 48
_BEGINS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", ZSTD, *ZIP, PNG, *COLUMNAR)


def parts_of(
    name: str, content: bytes, room: Room | None = None, depth: int = 0
) -> Iterator[Part]:
    """The parts of a file.

    Parameters
    ----------
    name : str
    content : bytes
    room : Room, optional
        For what is unpacked.
    depth : int
        How many archives it lies in.

    Yields
    ------
    Text, Lines, Bytes or Unread

    Examples
    --------
    >>> import gzip
    >>> list(parts_of("a.csv.gz", gzip.compress(b"sex,age")))
    [Text(text='sex,age')]
    """
    room = room or Room()
    if depth > DEEPEST:
        yield Unread("archives in archives")
        return
    try:
        yield from _parts(name, content, room, depth)
    except TooMuch:
        yield Unread("it becomes too large when it is unpacked")
    except Exception:  # each reader has its own, and all mean the same
        yield Bytes(content)
        yield Unread("it is damaged, or of a kind that cannot be read")


def _parts(name: str, content: bytes, room: Room, depth: int) -> Iterator[Part]:
    unpack = _unpacker(content)
    if _has_no_controls(content) and not content.startswith(papers.PDF):
        yield from _text_or_nothing(content)
    elif unpack is not None:
        inner = room.take(unpack(content, room))
        yield from parts_of(name, inner, room, depth + 1)
        if room.cut:
            yield Unread("it is damaged or cut short")
    elif content.startswith(ZIP):
        yield from _of_zip(content, room, depth)
    elif content.startswith(papers.PDF):
        yield from papers.parts_of_pages(content, room)
        for attached, inner in papers.attached(content):
            yield from parts_of(attached, room.take(inner), room, depth + 1)
    elif content[257:262] == b"ustar":
        yield from _of_tar(content, room, depth)
    elif content.startswith(INVENTORY):
        yield from _of_inventory(name, content, room, depth)
    elif content.startswith(PNG):
        for note in beside_the_picture(content, room):
            yield Bytes(note)
    elif content.startswith(SHOWN):
        yield Bytes(content)
    elif PICKLE.match(content):
        yield Bytes(content)
        if not OF_SPHINX.match(content):
            yield Unread("it is pickled, and is not opened: it might run a program")
    else:
        yield from _tables_or_text(name, content, room)


def _tables_or_text(name: str, content: bytes, room: Room) -> Iterator[Part]:
    columnar = _columnar(content)
    if columnar:
        yield from tables.columnar(content, columnar, room)
        yield Bytes(content)
    elif content.startswith(SPSS):
        yield from tables.labelled("file.sav", content)
    elif name.lower().endswith(".dta") or content.startswith(b"<stata_dta>"):
        yield from tables.labelled("file.dta", content)
    elif content.startswith(b"\x93NUMPY"):
        yield Bytes(content)
        yield from tables.array(content, room)
    elif content.startswith(SQLITE):
        yield Bytes(content)
        yield from tables.database(content)
    else:
        yield from _text_or_nothing(content)


def _text_or_nothing(content: bytes) -> Iterator[Part]:
    text = text_of(content)
    if text is not None and not _is_old_pickle(content):
        yield Text(text)
        return
    yield Bytes(content)
    yield Unread("it is of a kind that cannot be read")


def _has_no_controls(content: bytes) -> bool:
    return len(content.translate(None, CONTROLS)) == len(content)


def _is_old_pickle(content: bytes) -> bool:
    """Whether this is a pickle of the time when they were written in letters."""
    return content.endswith(b".") and OLD_PICKLE.match(content) is not None


def _columnar(content: bytes) -> str:
    """Which kind of table by columns this is; empty for none."""
    for begin, kind in COLUMNAR.items():
        if content.startswith(begin):
            return kind
    return ""


def text_of(content: bytes) -> str | None:
    r"""Bytes as a text, in UTF-8, UTF-16, UTF-32 or Latin-1; None if they are none.

    Examples
    --------
    >>> text_of("é".encode("utf-16")), text_of("é".encode("latin-1"))
    ('é', 'é')
    >>> text_of(bytes([0, 1, 2])) is None
    True
    """
    for encoding in _encodings(content):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _encodings(content: bytes) -> list[str]:
    """The encodings that a text may have, the likeliest first."""
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return ["utf-32"]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    head = content[:4000]
    empty = [head[first::4].count(0) / max(len(head) / 4, 1) for first in range(4)]
    if min(empty[1:]) > 0.9:
        return ["utf-32-le"]
    if min(empty[:3]) > 0.9:
        return ["utf-32-be"]
    if min(empty[1], empty[3]) > 0.6:
        return ["utf-16-le"]
    if min(empty[0], empty[2]) > 0.6:
        return ["utf-16-be"]
    if not _has_no_controls(content):
        return []
    return ["utf-8-sig", "cp1252", "latin-1"]


def _unpacker(content: bytes) -> Callable[[bytes, Room], bytes] | None:
    """What unpacks a file that is one packed file."""
    if content.startswith(b"\x1f\x8b"):
        return _of_gzip
    if content.startswith(b"BZh"):
        return _of_bz2
    if content.startswith(b"\xfd7zXZ\0"):
        return _of_xz
    if content.startswith(ZSTD):
        return _of_zstd
    if ZLIB.match(content):
        return _of_zlib
    return None


def _of_bz2(content: bytes, room: Room) -> bytes:
    return _one_after_the_other(content, room, bz2.BZ2Decompressor)


def _of_xz(content: bytes, room: Room) -> bytes:
    return _one_after_the_other(content, room, lzma.LZMADecompressor)


def _of_gzip(content: bytes, room: Room) -> bytes:
    return _one_after_the_other(content, room, _gunzipper)


def _of_zlib(content: bytes, room: Room) -> bytes:
    return _one_after_the_other(content, room, zlib.decompressobj)


def _gunzipper() -> Any:
    return zlib.decompressobj(wbits=31)


def _one_after_the_other(content: bytes, room: Room, make: Callable[[], Any]) -> bytes:
    """What is packed in one or several pieces; what follows them is kept as it is."""
    begin = content[:2]
    parts = []
    left = room.left
    while content.startswith(begin) and left >= 0:
        unpacker = make()
        part = unpacker.decompress(content, left + 1)
        parts.append(part)
        left -= len(part)
        content = unpacker.unused_data
        room.cut = room.cut or not unpacker.eof
    return b"".join([*parts, content])


def _of_zstd(content: bytes, room: Room) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return stream.read(room.left + 1)


def _of_zip(content: bytes, room: Room, depth: int) -> Iterator[Part]:
    """The files of an archive; the sheets of one that is of Excel."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield Bytes(archive.comment)
        shared: list[str] = []
        for entry in archive.infolist():
            if entry.flag_bits & 1:
                yield Unread("it needs a password")
                continue
            with archive.open(entry) as stream:
                inner = room.take(stream.read(room.left + 1))
            yield Text(entry.filename)
            if entry.filename.endswith("sharedStrings.xml"):
                shared = tables.shared_texts(inner.decode("utf-8", errors="replace"))
            if entry.filename.endswith(".bin") and "xl/" in entry.filename:
                yield Unread("it is a sheet that Excel has written as bytes")
            yield from parts_of(entry.filename, inner, room, depth + 1)
        yield from _sheets(archive, shared)


def _sheets(archive: zipfile.ZipFile, shared: list[str]) -> Iterator[Lines]:
    """Once all that sheets share is known, their lines."""
    for entry in archive.infolist():
        of_excel = "worksheets/" in entry.filename and entry.filename.endswith(".xml")
        if of_excel or entry.filename == "content.xml":
            text = archive.read(entry).decode("utf-8", errors="replace")
            yield from tables.sheet(text, shared)


def _of_tar(content: bytes, room: Room, depth: int) -> Iterator[Part]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for entry in archive:
            stream = archive.extractfile(entry)
            yield Text(entry.name)
            if stream is not None:
                inner = room.take(stream.read(room.left + 1))
                yield from parts_of(entry.name, inner, room, depth + 1)


def _of_inventory(name: str, content: bytes, room: Room, depth: int) -> Iterator[Part]:
    """The names in the inventory of a book: four lines, and the rest is packed."""
    lines = content.split(b"\n", 4)
    yield from parts_of(name, b"\n".join(lines[:4]), room, depth + 1)
    if len(lines) > 4:
        yield from parts_of(name, lines[4], room, depth + 1)


def embedded(text: str) -> Iterator[bytes]:
    """Files and texts that stand in a text as base64 or as hexadecimal digits.

    Examples
    --------
    >>> packed = base64.b64encode(b"Anna Smith, 1947-08-17, often").decode()
    >>> list(embedded(f"data = '{packed}'"))
    [b'Anna Smith, 1947-08-17, often']
    """
    for match in _BASE64.finditer(text):
        yield from _worth_a_look(_from_base64, match[0])
    for match in _HEX.finditer(text):
        yield from _worth_a_look(bytes.fromhex, match[0])


def _worth_a_look(decode: Callable[[str], bytes], text: str) -> Iterator[bytes]:
    """What a text decodes to, if that is a file or a text."""
    try:
        head = decode(text[:_HEAD].rstrip("=")[: _HEAD // 4 * 4 or None])
        if head.startswith(_BEGINS) or _is_text(head):
            yield decode(text)
    except (ValueError, binascii.Error):
        return


def _is_text(head: bytes) -> bool:
    try:
        text = head[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() or bool(set("\r\n\t") & set(text))


def _from_base64(text: str) -> bytes:
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))
