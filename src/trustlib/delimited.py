"""Tables in plain text: which marks stand between the columns, which encoding, where the names are.

CSV of each country, tabs, bars and other marks are recognised by what divides the first
lines evenly. A file whose lines do not all have the fields of its header is refused:
pandas would shift or fill them.
"""

from __future__ import annotations

import codecs
import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pandas as pd

from trustlib.errors import SurveyFileError, first_few
from trustlib.sheet_layout import LOOKED_AT, Header, header_of, people_below

ENDINGS = (".csv", ".tsv", ".tab", ".psv", ".txt")
MARKS = ",;\t|^~\x1f¦§:"  # in order of preference
SAMPLE = 1_000_000  # letters of a file by which it is divided
OF_SPSS = (b"$FL2", b"$FL3")  # how a file of SPSS begins
OF_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# How a text begins that says how it is encoded; the longer marks first.
_MARKED = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UTF8 = "utf-8-sig"


def read_delimited(path: Path, encoding: str | None = None) -> pd.DataFrame:
    r"""A table of texts, with '' for a blank.

    Parameters
    ----------
    path : Path
        Packed with gzip if its name ends in ``.gz``.
    encoding : str, optional
        By default UTF-8, or what the first bytes say.

    Returns
    -------
    DataFrame
        ``attrs`` has ``decimal``, and what `trustlib.sheet_layout.people_of` adds.

    Raises
    ------
    SurveyFileError
        It is no table, or damaged.

    Notes
    -----
    R: ``read.table(path, sep = , header = TRUE, colClasses = "character")``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.tsv")
    ...     _ = path.write_text("sex\tage\nf\t41\n")
    ...     read_delimited(path).to_dict("list")
    {'sex': ['f'], 'age': ['41']}
    """
    known = encoding or _encoding_of(path)
    with _opened(path, known) as stream:
        sample = stream.read(SAMPLE)
    form = _form_of(sample)
    header = header_of(_records(sample, form))
    _require_header(header.names, path.name)
    _require_even(path, known, form, header)
    with _opened(path, known) as stream:
        _skip(stream, form, header.place)
        frame = pd.read_csv(
            stream,
            sep=form.mark,
            quotechar=form.quote,
            dtype=str,
            keep_default_na=False,
        )
    return people_below(frame, header, path.name, form.mark)


def divided_by(path: Path) -> tuple[str, list[str]]:
    """The mark between the columns of a table whose first line names them, and the names.

    Parameters
    ----------
    path : Path
        In UTF-8; packed with gzip if its name ends in ``.gz``.

    Returns
    -------
    mark : str
    names : list of str

    Raises
    ------
    SurveyFileError
        It is in another encoding, or its first line does not name columns, each once.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "people.csv")
    ...     _ = file.write_text("weight;age" + chr(10) + "1;30" + chr(10))
    ...     divided_by(file)
    (';', ['weight', 'age'])
    """
    sample = _beginning(path)
    mark = _mark_of(sample)
    names = next(iter(_records(sample, _Form(mark))), [])
    _require_header(names, path.name)
    return mark, names


def _beginning(path: Path) -> str:
    """The first letters of a table in UTF-8."""
    try:
        with _opened(path, UTF8) as stream:
            return stream.read(SAMPLE)
    except UnicodeDecodeError:
        refusal = SurveyFileError(
            f"{path.name} is not in UTF-8, in which texts are read bit by bit.",
            "Write it in UTF-8, or as Parquet.",
        )
    except (OSError, EOFError) as error:
        refusal = SurveyFileError(
            f"{path.name} cannot be read: {type(error).__name__}.",
            "It may be damaged. Write or copy it again.",
        )
    raise refusal


def _opened(path: Path, encoding: str) -> IO[str]:
    """A text file, unpacked."""
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding=encoding, newline="")  # type: ignore[return-value]
    return path.open("r", encoding=encoding, newline="")


def _encoding_of(path: Path) -> str:
    """The encoding that the first bytes of a file tell."""
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as stream:
        begin = stream.read(512)
    if begin.startswith(OF_SPSS):
        raise SurveyFileError(
            f"{path.name} is a file of SPSS.", "Let its name end in .sav."
        )
    if begin.startswith(OF_EXCEL):
        raise SurveyFileError(
            f"{path.name} is a workbook of Excel.", "Let its name end in .xlsx or .xls."
        )
    for mark, encoding in _MARKED.items():
        if begin.startswith(mark):
            return encoding
    zeros = begin[: len(begin) // 2 * 2]
    if len(zeros) >= 20 and _every_other_is_zero(zeros):
        raise SurveyFileError(
            f"{path.name} seems to be in UTF-16 and does not say so.",
            "Name it: `--encoding utf-16-le` (or utf-16-be), "
            "or `encoding:` in a mapping.",
        )
    return UTF8


def _every_other_is_zero(begin: bytes) -> bool:
    """Whether most letters of a text have a byte of zero beside them."""
    halves = (begin[::2], begin[1::2])
    zeros = [half.count(0) / len(half) for half in halves]
    return max(zeros) > 0.8 and min(zeros) < 0.2


@dataclass(frozen=True)
class _Form:
    """How a text is divided into fields."""

    mark: str
    quote: str = '"'

    def reader(self, lines: Iterable[str], strict: bool = False) -> Iterator[list[str]]:
        """The records of a text."""
        return csv.reader(
            lines, delimiter=self.mark, quotechar=self.quote, strict=strict
        )


def _form_of(sample: str) -> _Form:
    """What divides a text, and whether single quotes stand around its texts.

    They do if they stand around all names, and around a field below these.
    """
    form = _Form(_mark_of(sample))
    first, *others = _records(sample, form)[:LOOKED_AT] or [[]]
    if len(first) < 2 or not all(map(_is_quoted, first)):
        return form
    if any(_is_quoted(field) for record in others for field in record):
        return _Form(form.mark, "'")
    return form


def _is_quoted(field: str) -> bool:
    return len(field) > 2 and field[0] == field[-1] == "'"


def _mark_of(sample: str) -> str:
    """What divides the first lines evenly into columns."""
    even = {
        mark: _evenness(_records(sample, _Form(mark)))
        for mark in MARKS
        if mark in sample
    }
    best = max(even.values(), default=0.0)
    if best == 0:
        return " " if _is_divided_by_blanks(sample) else ","
    return next(mark for mark, share in even.items() if share == best)


def _is_divided_by_blanks(sample: str) -> bool:
    """Whether blanks divide all lines alike; those of people may have one field more."""
    names, *below = _records(sample, _Form(" ")) or [[]]
    widths = {len(record) for record in below if record}
    return (
        len(names) > 1 and len(widths) == 1 and widths <= {len(names), len(names) + 1}
    )


def _evenness(records: Sequence[Sequence[str]]) -> float:
    """The share of records that have as many fields as the header, and more than one."""
    filled = [record for record in records[:LOOKED_AT] if record]
    width = len(header_of(records).names)
    if width < 2:
        return 0
    return sum(len(record) == width for record in filled) / len(filled)


def _records(sample: str, form: _Form) -> list[list[str]]:
    """The first records, if the text is divided so."""
    lines = form.reader(sample.splitlines(keepends=True))
    try:
        return list(islice(lines, LOOKED_AT + 40))
    except csv.Error:
        return []


def _require_header(names: Sequence[str], file: str) -> None:
    """Refuse a first line that does not name columns, each once."""
    if not names:
        raise SurveyFileError(
            f"{file} is empty.",
            "Expected a line of column names and one line per person.",
        )
    if len(names) == 1 and any(other in names[0] for other in MARKS):
        raise SurveyFileError(
            f"{file} is not divided evenly into columns by commas, semicolons, tabs "
            "or bars.",
            "Save it with commas.",
        )
    repeated = [str(i) for i, name in enumerate(names, 1) if names.count(name) > 1]
    if repeated:  # the line may be a person: the names are not repeated
        raise SurveyFileError(
            f"{file} gives a name to more than one column: see columns "
            f"{first_few(repeated)}.",
            "Rename the columns, or write their names into the first line.",
        )


def _require_even(path: Path, encoding: str, form: _Form, header: Header) -> None:
    """Refuse a file whose lines do not all have the fields of its header."""
    fields = len(header.names)
    with _opened(path, encoding) as stream:
        lines = form.reader(stream, strict=True)
        for _ in range(header.place):
            next(lines)
        names, *below = _widths(lines)
    uneven = [line for line, width in (names, *below) if width != fields]
    if not uneven:
        return
    if len(below) > 1 and all(width == fields + 1 for _, width in below):
        raise SurveyFileError(
            f"{path.name} has one field more in every line than in the line of names.",
            "Programs write so that number or name the rows (R's write.table): write it "
            "without these, in R with row.names = FALSE.",
        )
    hint = "The file is damaged or cut short. Download it again."
    if uneven[0] == 1 or len(header.notes):
        hint += " Or take out what stands above the names of the columns."
    raise SurveyFileError(
        f"{path.name} has {len(uneven)} lines with more or fewer than "
        f"{fields} fields, the first in line {uneven[0]}.",
        f"{hint} A note below the table counts as a line: take it out.",
    )


def _widths(lines: Any) -> Iterator[tuple[int, int]]:
    """The number of each line that is not empty, and of its fields."""
    for line in lines:
        if line:
            yield lines.line_num, len(line)


def _skip(stream: IO[str], form: _Form, records: int) -> None:
    """Move a stream behind its first records, which may stand on several lines each."""
    lines = iter(stream.readline, "")
    for _ in range(records):
        next(form.reader(lines))
