"""Lines of tables within texts, whatever the text is: CSV, HTML, JSON, a script, a print.

A line is the list of its fields. Names of columns are a line like others: whoever reads
the lines knows which names there are.
"""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Line = Sequence[str]

LONGEST_LINE = 20_000  # letters; longer ones are programs, or were cut up before
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_CELL = re.compile(r"<t[dh]\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_STYLE = re.compile(r"<style\b.*?</style>", re.IGNORECASE | re.DOTALL)
_BETWEEN_RECORDS = re.compile(r"[\]})]\s*,\s*[\[({]")
_GAP = re.compile(r"\s{2,}|\t")
_PAIR = re.compile(r"\s*[-{,]*\s*[\"']?([^\"':=]{1,80}?)[\"']?\s*[:=]\s*(.+)")
_DELIMITERS = (",", ";", "\t", "|")
_OUTER = " \r[]{}()"


def lines_of_text(text: str) -> Iterator[Line]:
    r"""The lines of tables in a text that is no JSON.

    Examples
    --------
    >>> list(lines_of_text("<tr><td>man</td><td>45</td></tr>"))
    [['man', '45']]
    >>> list(lines_of_text('sex,town\n"man","Cork, west"'))[:2]
    [['sex', 'town'], ['man', 'Cork, west']]
    """
    if "<" in text:
        text = _STYLE.sub("", text)
        rows = _ROW.split(text)
        for row in rows[1:]:
            yield _fields_of_row(row)
        if len(rows) > 1:
            text = "\n".join([rows[0], *map(_after_table, rows[1:])])
        text = _TAG.sub("\n", text)
    if "&" in text:
        text = html.unescape(text)
    text = _BETWEEN_RECORDS.sub("\n", text)
    for line in text.split("\n"):
        if 3 <= len(line) <= LONGEST_LINE:
            yield from _lines_of_line(line.strip(_OUTER))


def _fields_of_row(row: str) -> Line:
    """The cells of a row of an HTML table."""
    inner = row.partition("</tr")[0]
    cells = _CELL.split(inner)[1:]
    return [html.unescape(_TAG.sub("", cell)).strip() for cell in cells]


def _after_table(row: str) -> str:
    if "</table" in row:
        return row.rpartition("</table")[2]
    return ""


def _lines_of_line(line: str) -> Iterator[Line]:
    """The fields of a line, by each mark that may separate them."""
    for mark in _DELIMITERS:
        if mark in line:
            yield _split(line, mark)
    by_gap = _GAP.split(line)
    if len(by_gap) > 1:
        yield by_gap
    by_blank = line.split()
    if len(by_blank) > len(by_gap):
        yield by_blank
    pair = _PAIR.fullmatch(line)
    if pair:
        yield [pair[1], pair[2].rstrip(",")]


def _split(line: str, mark: str) -> Line:
    if mark == "|":
        line = line.strip(mark)
    if '"' not in line:
        return line.split(mark)
    try:
        return next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:
        return line.split(mark)


def json_of(text: str) -> Any:
    """What a text says as JSON, or as lines of JSON; None if it is neither.

    Numbers are texts, written as they stand there.

    Examples
    --------
    >>> json_of('{"weight": 1.50}')
    {'weight': '1.50'}
    >>> json_of("plain words") is None
    True
    """
    start = text.lstrip()[:1]
    if start not in ("{", "[", '"'):
        return None
    try:
        return _loaded(text)
    except (ValueError, RecursionError):
        pass
    try:
        return [_loaded(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _loaded(text: str) -> Any:
    return json.loads(text, parse_float=str, parse_int=str)


def leaves_of(value: Any) -> Iterator[str]:
    r"""All texts in a JSON value, names included; a list of the lines of one text is one.

    Examples
    --------
    >>> list(leaves_of({"source": ["a\n", "b"], "n": ["1", "2"]}))
    ['source', 'a\nb', 'n', '1', '2']
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from leaves_of(inner)
    elif isinstance(value, list):
        if _are_lines(value):
            yield "".join(value)
            return
        for inner in value:
            yield from leaves_of(inner)
    elif value is not None:
        yield str(value)


def _are_lines(values: list[Any]) -> bool:
    """Whether a list is one text, cut into its lines, as notebooks have it."""
    if len(values) < 2 or not all(isinstance(value, str) for value in values):
        return False
    return all(value.endswith("\n") for value in values[:-1])


def lines_of_json(value: Any) -> Iterator[Line]:
    """The lines of tables in a JSON value: records, columns, and lists of lists.

    Examples
    --------
    >>> list(lines_of_json([{"sex": "man", "age": "45"}]))
    [['sex', 'age'], ['man', '45']]
    >>> list(lines_of_json({"sex": {"0": "man"}, "age": {"0": "45"}}))[:2]
    [['sex', 'age'], ['man', '45']]
    """
    if isinstance(value, Mapping):
        yield from _lines_of_mapping(value)
        for inner in value.values():
            yield from lines_of_json(inner)
    elif isinstance(value, list):
        if value and all(map(_is_plain, value)):
            yield [_text(inner) for inner in value]
            return
        for inner in value:
            yield from lines_of_json(inner)


def _lines_of_mapping(value: Mapping[str, Any]) -> Iterator[Line]:
    """A mapping as one record, and as a table of columns."""
    plain = {name: inner for name, inner in value.items() if _is_plain(inner)}
    if len(plain) > 1:
        yield [str(name) for name in plain]
        yield [_text(inner) for inner in plain.values()]
    columns = {name: _column(inner) for name, inner in value.items()}
    columns = {name: column for name, column in columns.items() if column}
    lengths = {len(column) for column in columns.values()}
    if len(columns) > 1 and len(lengths) == 1:
        yield [str(name) for name in columns]
        for row in zip(*columns.values(), strict=True):
            yield list(row)


def _column(value: Any) -> Sequence[str]:
    """The values of a column; none where it is something else."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and value and all(map(_is_plain, value)):
        return [_text(inner) for inner in value]
    return []


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value)
