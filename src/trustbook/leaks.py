"""Does anything of a respondent stand in what is published? A search in built folders.

What is looked for, and what counts as somebody's, stands in `trustbook.rows.own` (a
single value) and `trustbook.rows.matching` (a line of a table); which kinds of files
are read, in `trustbook.rows.unpacking`. A file that cannot be read is named as well: it
may hold everything.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.rows.matching import People
from trustbook.rows.own import OwnValues
from trustbook.rows.parts import MOST, Bytes, Lines, Part, Text, Unread
from trustbook.rows.records import (
    Line,
    json_of,
    leaves_of,
    lines_of_json,
    lines_of_text,
)
from trustbook.rows.spelling import plain_bytes, plain_text, views
from trustbook.rows.unpacking import embedded, parts_of
from trustlib.files import read_table
from trustlib.schema import load_mapping, read_survey

FOUND = "values of a respondent"
# Texts of programs and styles are full of numbers that are nobody's.
PROGRAMS = (".js", ".css", ".map", ".svg")
_LONG = 40  # letters of a text in JSON that may hold a table itself
_DEEPEST = 4  # texts in texts

Columns = list[tuple[str, list[str]]]


class Search:
    """The people of a survey file, ready to be looked for.

    Parameters
    ----------
    frame : DataFrame
        The survey file as it is, one row per person (`trustlib.files.read_table`).
    labels : mapping, optional
        Column -> {code: label}, as the file has them.
    mapped : DataFrame, optional
        The same people, read through a mapping (`trustlib.schema.read_survey`).

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"id": [f"person-{i:03d}" for i in range(20)]})
    >>> search = Search(people)
    >>> search.what_is_in("page.md", b"Then person-007 said so.")
    'values of a respondent'
    >>> search.what_is_in("page.md", b"Then somebody said so.")
    ''
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        labels: Mapping[str, Mapping[Any, str]] | None = None,
        mapped: pd.DataFrame | None = None,
    ) -> None:
        columns = _columns_of(frame)
        columns += _labelled(frame, labels or {})
        if mapped is not None:
            columns += _columns_of(mapped)
        columns = _once(columns)
        self.own = OwnValues(values for _, values in columns)
        self.people = People(columns)
        self.known: set[int] = set()  # texts in which there is nothing

    def in_folder(self, folder: str | Path) -> list[tuple[str, str]]:
        """Files below a folder, each with what is wrong with it.

        Parameters
        ----------
        folder : path

        Returns
        -------
        list of (str, str)
            The file, relative to `folder`, and why.
        """
        faults = []
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                why = self._in_file(path, name)
                if why:
                    faults.append((name, why))
        return faults

    def _in_file(self, path: Path, name: str) -> str:
        if path.stat().st_size > MOST:
            return "it is too large to be searched"
        return self.what_is_in(name, path.read_bytes())

    def what_is_in(self, name: str, content: bytes) -> str:
        """What is wrong with a file: `FOUND`, or why it cannot be read; or nothing.

        Parameters
        ----------
        name : str
        content : bytes
        """
        alone = name.lower().endswith(PROGRAMS)
        unread = ""
        if self._in_text(name, alone, 0):
            return FOUND
        if _is_known(content, self.known):
            return ""
        for part in parts_of(name, content):
            if isinstance(part, Unread):
                unread = unread or part.why
            elif self._in_part(part, alone, 0):
                return FOUND
        if not unread:
            self.known.add(hash(content))
        return unread

    def _in_part(self, part: Part, alone: bool, depth: int) -> bool:
        if isinstance(part, Text):
            return self._in_text(part.text, alone, depth)
        if isinstance(part, Lines):
            return self._in_lines(list(part.lines))
        if isinstance(part, Bytes):
            return self._in_bytes(part.content)
        return False

    def _in_bytes(self, content: bytes) -> bool:
        """Whether bytes hold a value, also one written with two bytes a letter."""
        if self.own.are_in_bytes(content, plain_bytes(content)):
            return True
        narrow = content.replace(b"\0", b"")
        return self.own.are_in_bytes(b"", plain_bytes(narrow))

    def _in_lines(self, lines: list[Line]) -> bool:
        """Whether a table holds a value or the line of a person."""
        text = "\n".join(" , ".join(line) for line in lines)
        return self.own.are_in(plain_text(text)) or self.people.are_in(lines)

    def in_text(self, text: str) -> bool:
        """Whether a text, of whatever kind, holds something of a respondent.

        Parameters
        ----------
        text : str
        """
        return self._in_text(text, False, 0)

    def _in_text(self, text: str, alone: bool, depth: int) -> bool:
        if _is_known(text, self.known):
            return False
        found = self._is_found(text, alone, depth)
        if not found and len(text) > _LONG:
            self.known.add(hash(text))
        return found

    def _is_found(self, text: str, alone: bool, depth: int) -> bool:
        value = json_of(text)
        if value is not None:
            return self._in_json(value, alone, depth)
        for view in views(text):
            if self.own.are_in(plain_text(view), alone):
                return True
        if self.people.are_in(lines_of_text(text)):
            return True
        return self._in_embedded(text, alone, depth)

    def _in_json(self, value: Any, alone: bool, depth: int) -> bool:
        """Whether a JSON value holds it: in its texts, or as a table."""
        leaves = list(leaves_of(value))
        if self.own.are_in(plain_text("\n".join(leaves)), alone):
            return True
        if self.people.are_in(lines_of_json(value)):
            return True
        texts = [leaf for leaf in leaves if len(leaf) > _LONG]
        if depth >= _DEEPEST:
            return False
        return any(self._in_text(text, alone, depth + 1) for text in texts)

    def _in_embedded(self, text: str, alone: bool, depth: int) -> bool:
        """Whether a file within a text holds it."""
        if depth >= _DEEPEST:
            return False
        for content in embedded(text):
            for part in parts_of("", content):
                if self._in_part(part, alone, depth + 1):
                    return True
        return False


def _is_known(content: str | bytes, known: set[int]) -> bool:
    return len(content) > _LONG and hash(content) in known


def _columns_of(frame: pd.DataFrame) -> Columns:
    """The columns of a frame as texts; decimal points, and blanks for what is missing."""
    if frame.attrs.get("decimal") == ",":  # what is published has points
        frame = frame.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    columns = []
    for name in frame:
        values = frame[name]
        texts = values.astype(object).where(values.notna(), "").map(str)
        columns.append((str(name), texts.tolist()))
    return columns


def _labelled(frame: pd.DataFrame, labels: Mapping[str, Mapping[Any, str]]) -> Columns:
    """The columns that have labels, with these."""
    columns = []
    for name, texts in labels.items():
        if name in frame:
            shown = frame[name].map(texts)
            shown.attrs = {}
            columns += _columns_of(pd.DataFrame({name: shown}))
    return columns


def _once(columns: Iterable[tuple[str, list[str]]]) -> Columns:
    """Columns without those that are another one again, by name and values."""
    different = {(name, tuple(values)): None for name, values in columns}
    return [(name, list(values)) for name, values in different]


def search_of(file: str | Path, mapping: str | Path | None = None) -> Search:
    r"""The search for the people of a survey file, also as its mapping recodes them.

    Parameters
    ----------
    file : path
        See `trustlib.files.read_table`.
    mapping : path, optional

    Raises
    ------
    CodebookError
        The file cannot be read, or not through this mapping.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "people.csv")
    ...     _ = file.write_text("id,sex\n1234567890,m\n1234567891,w\n")
    ...     search_of(file).in_text("It was 1234567891.")
    True
    """
    if mapping is None:
        frame, labels = read_table(file)
        return Search(frame, labels)
    plan = load_mapping(mapping)[0]
    frame, labels = read_table(file, plan.encoding, plan.sheet)
    with warnings.catch_warnings(action="ignore"):
        mapped = read_survey(file, mapping)
    return Search(frame, labels, mapped)


def lines_of_faults(faults: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What was found, as it is said: the file, and the reason if it was not read.

    Examples
    --------
    >>> list(lines_of_faults([("a.csv", FOUND), ("b.pdf", "it is packed")]))
    ['a.csv', 'b.pdf: it is packed']
    """
    for name, why in faults:
        yield name if why == FOUND else f"{name}: {why}"


def leaks(
    folder: str | Path,
    frame: pd.DataFrame,
    labels: Mapping[str, Mapping[Any, str]] | None = None,
    mapped: pd.DataFrame | None = None,
) -> list[str]:
    """Files below a folder in which values of a respondent stand, or which cannot be read.

    Parameters
    ----------
    folder : path
        What is published: pages, notebooks, tables, scripts.
    frame, labels, mapped
        As in `Search`.

    Returns
    -------
    list of str
        Files, relative to `folder`, with the reason behind a colon for one that cannot
        be read. No value is repeated.

    Examples
    --------
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> import tempfile
    >>> people = pd.DataFrame({"id": ["1234567890"], "town": ["Ballycastle"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "page.md").write_text("Number 1234567890 said so.")
    ...     _ = Path(folder, "other.md").write_text("Nobody is named.")
    ...     leaks(folder, people)
    ['page.md']
    """
    return list(lines_of_faults(Search(frame, labels, mapped).in_folder(folder)))
