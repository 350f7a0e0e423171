"""Tables in files that are no text: read by libraries that run nothing of the file."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from trustbook.rows.parts import Lines, Room
from trustbook.rows.records import Line
from trustlib.files import read_table
from trustlib.writing import write_whole

_SHARED = re.compile(r"<si\b[^>]*?(?:/>|>(.*?)</si>)", re.DOTALL)
_ROW = re.compile(r"<(?:\w+:)?row\b.*?</(?:\w+:)?row>", re.DOTALL)
_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)
_VALUE = re.compile(r"<(?:v|t)\b[^>]*>(.*?)</(?:v|t)>", re.DOTALL)
_ODS_ROW = re.compile(r"<table:table-row\b.*?</table:table-row>", re.DOTALL)
_ODS_CELL = re.compile(r"<text:p\b[^>]*>(.*?)</text:p>", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")


def columnar(content: bytes, kind: str, room: Room) -> Iterator[Lines]:
    """Tables of Parquet, Arrow (Feather) and ORC files.

    Parameters
    ----------
    content : bytes
    kind : {"parquet", "arrow", "stream", "orc", "feather"}
    room : Room

    Examples
    --------
    >>> import pyarrow as pa
    >>> import pyarrow.parquet as pq
    >>> file = io.BytesIO()
    >>> pq.write_table(pa.table({"sex": ["man"], "age": [45]}), file)
    >>> [list(table.lines) for table in columnar(file.getvalue(), "parquet", Room())]
    [[['sex', 'age'], ['man', '45']]]
    """
    for batch in _batches(content, kind):
        room.take(b"")
        room.left -= batch.nbytes
        room.take(b"")
        yield Lines(list(_lines_of_batch(batch)))


def _batches(content: bytes, kind: str) -> Iterator[Any]:
    import pyarrow as pa

    source = pa.BufferReader(content)
    if kind == "parquet":
        import pyarrow.parquet as pq

        yield from pq.ParquetFile(source).iter_batches()
    elif kind == "arrow":
        reader = pa.ipc.open_file(source)
        numbers = range(reader.num_record_batches)
        yield from (reader.get_batch(number) for number in numbers)
    elif kind == "stream":
        yield from pa.ipc.open_stream(source)
    elif kind == "feather":
        from pyarrow import feather

        yield from feather.read_table(source).to_batches()
    else:
        from pyarrow import orc

        yield from orc.ORCFile(source).read().to_batches()


def _lines_of_batch(batch: Any) -> Iterator[Line]:
    yield [str(name) for name in batch.schema.names]
    columns = [_texts(column.to_pylist()) for column in batch.columns]
    for row in zip(*columns, strict=True):
        yield list(row)


def _texts(values: Sequence[Any]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)


def labelled(name: str, content: bytes) -> Iterator[Lines]:
    """The table of a file of SPSS or Stata, with codes and with labels.

    Parameters
    ----------
    name : str
        Its ending says what it is.
    content : bytes
    """
    with TemporaryDirectory(prefix="trustlib-rows-") as folder:
        path = Path(folder, f"file{Path(name).suffix.lower()}")
        with write_whole(path) as temporary:
            temporary.write_bytes(content)
        frame, labels = read_table(path)
    plain = [_texts(frame[column].tolist()) for column in frame]
    names = [str(column) for column in frame]
    yield Lines([names, *map(list, zip(*plain, strict=True))])
    shown = []
    for column, values in zip(names, plain, strict=True):
        texts = {str(code): text for code, text in labels.get(column, {}).items()}
        shown.append([texts.get(value, value) for value in values])
    yield Lines([names, *map(list, zip(*shown, strict=True))])


def array(content: bytes, room: Room) -> Iterator[Lines]:
    """The lines of a file of NumPy; one that holds objects of Python is refused.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> np.save(file, np.array([[1, 2], [3, 4]]))
    >>> [list(table.lines) for table in array(file.getvalue(), Room())]
    [[['1', '2'], ['3', '4']]]
    """
    values = np.load(io.BytesIO(content), allow_pickle=False)
    room.left -= values.nbytes
    room.take(b"")
    if values.dtype.names:
        lines = [list(values.dtype.names)]
        lines += [_texts(list(row)) for row in values.ravel().tolist()]
    elif values.ndim < 2:
        lines = [_texts(np.atleast_1d(values).tolist())]
    else:
        lines = [_texts(row) for row in values.reshape(len(values), -1).tolist()]
    yield Lines(lines)


def database(content: bytes) -> Iterator[Lines]:
    """The tables of a file of SQLite; its views and triggers are not looked at.

    Parameters
    ----------
    content : bytes
    """
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.execute("PRAGMA trusted_schema = OFF")
        opened.deserialize(content)
        opened.execute("PRAGMA query_only = ON")
        query = (
            "SELECT name FROM sqlite_master "
            "WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        for (name,) in opened.execute(query).fetchall():
            quoted = name.replace('"', '""')
            rows = opened.execute(f'SELECT * FROM "{quoted}"')
            names = [column[0] for column in rows.description]
            yield Lines([names, *(_texts(row) for row in rows)])


def sheet(text: str, shared: Sequence[str]) -> Iterator[Lines]:
    """The lines of a sheet of Excel or of an OpenDocument table, out of its XML.

    Parameters
    ----------
    text : str
    shared : sequence of str
        From `shared_texts`.

    Examples
    --------
    >>> xml = '<row><c t="s"><v>0</v></c><c><v>45</v></c></row>'
    >>> [list(table.lines) for table in sheet(xml, ["man"])]
    [[['man', '45']]]
    """
    rows = [_cells(row, shared) for row in _ROW.findall(text)]
    rows += [_paragraphs(row) for row in _ODS_ROW.findall(text)]
    if rows:
        yield Lines(rows)


def shared_texts(text: str) -> list[str]:
    """The texts that the sheets of a file of Excel share.

    Examples
    --------
    >>> shared_texts("<sst><si><t>man</t></si><si><t>a &amp; b</t></si></sst>")
    ['man', 'a & b']
    """
    return [_words(inner) for inner in _SHARED.findall(text)]


def _cells(row: str, shared: Sequence[str]) -> list[str]:
    cells = []
    for about, inner in _CELL.findall(row):
        values = [_words(value) for value in _VALUE.findall(inner)]
        text = "".join(values)
        if 't="s"' in about and text.isdigit() and int(text) < len(shared):
            text = shared[int(text)]
        cells.append(text)
    return cells


def _paragraphs(row: str) -> list[str]:
    return [_words(cell) for cell in _ODS_CELL.findall(row)]


def _words(xml: str) -> str:
    return unescape(_TAG.sub("", xml))
