"""Where in a sheet of texts the table of people stands, and what around it is none of them.

Programs that export surveys put things around the table: a title above the names of the
columns, further header rows (Qualtrics writes three), rows without any answer below the
last person, a row of totals. They are left out by rules that no answers can meet by
chance, and a note says in words what was left out. Whatever else does not fit is a
fault of the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from trustlib.decimals import decimal_of
from trustlib.errors import SurveyFileError
from trustlib.header_rows import names_of

LOOKED_AT = 60  # records at the beginning of which the width is taken
ENOUGH = 20  # people of whom it can be said that all of them filled a column
_IMPORT_ID = re.compile(r"""\s*\{\s*["']ImportId["']\s*:""")
_TOTALS = re.compile(
    r"(grand |sub ?)?totals?|sums?|summe|(ins)?gesamt(summe|ergebnis)?|"
    r"total (général|general|geral|gesamt)|totaux|somme|ensemble|soma|suma|totale|somma|"
    r"totaal|means?|averages?|mittelwert|durchschnitt|moyennes?|médias?|media|promedio|"
    r"counts?|(un)?weighted (base|count|total)|valid n|n|n ?=|bases?|base size|basis|"
    r"sample( size)?|effectifs?|anzahl|std\.? ?(dev\.?|deviation)|medians?|合計|総計|総数|"
    r"平均",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"sep=.?", re.IGNORECASE
)  # Excel's line on what divides the rest
_NUMBER = re.compile(r"[+-]?[\d.,\s]*\d\s*%?")


@dataclass(frozen=True)
class Header:
    """Where the names of the columns stand.

    Attributes
    ----------
    place : int
        Of the record that holds them, from 0.
    names : tuple of str
    notes : tuple of str
        What stands above or below them, and is nobody's answers.
    rows : int
        Below the first row of names, which belong to the header too.
    listed : tuple of str
        Columns of questions that have several.

    Examples
    --------
    >>> Header(0, ("sex",)).notes
    ()
    """

    place: int
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    rows: int = 0
    listed: tuple[str, ...] = ()


def header_of(records: Sequence[Sequence[str]]) -> Header:
    """The header of a sheet, below a title if it has one.

    A title is a record with one text in it, above a table of several columns: of two
    words at least, or with an empty record below it.

    Parameters
    ----------
    records : sequence of sequence of str
        The first ones; an empty line is an empty record.

    Returns
    -------
    Header
        Without names if there are none.

    Examples
    --------
    >>> found = header_of([["Export of May"], [], ["sex", "age"], ["f", "41"]])
    >>> found.place, found.names
    (2, ('sex', 'age'))
    """
    width = _width(records)
    place = 0
    titles = 0
    while place < len(records):
        record = records[place]
        below = records[place + 1] if place + 1 < len(records) else ["there is none"]
        if _filled(record):
            if width < 2 or not _is_title(record, below):
                break
            titles += 1
        place += 1
    if place >= len(records):
        return Header(place, ())
    second = records[place + 1] if place + 1 < len(records) else []
    found = names_of(records[place], second, records[place + 2 :])
    notes = list(found.notes)
    if titles:
        notes.insert(
            0,
            f"{titles} {_of(titles, 'title row')} above the names of the columns, which "
            f"stand in row {place + 1}",
        )
    return Header(place, found.names, tuple(notes), found.rows, found.listed)


def _width(records: Sequence[Sequence[str]]) -> int:
    """How many columns most of the first records fill."""
    sizes = [_reach(record) for record in records[:LOOKED_AT] if _filled(record)]
    if not sizes:
        return 0
    return max(sizes, key=lambda size: (sizes.count(size), size))


def _reach(record: Sequence[str]) -> int:
    """The place of the last field that is filled, from 1."""
    filled = [place for place, field in enumerate(record, 1) if field.strip()]
    return max(filled, default=0)


def _filled(record: Sequence[str]) -> int:
    """How many fields are not blank."""
    return sum(bool(field.strip()) for field in record)


def _is_title(record: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a record holds one text that is no name of a column."""
    if _filled(record) != 1:
        return False
    [text] = [field for field in record if field.strip()]
    if _SEPARATOR.fullmatch(text.strip()):
        return True
    return len(text.split()) > 1 or not _filled(below)


def _of(count: int, what: str) -> str:
    return what if count == 1 else f"{what}s"


def people_below(
    frame: pd.DataFrame, header: Header, file: str, mark: str = ""
) -> pd.DataFrame:
    """A table of texts below its header, without the rows that are nobody's answers.

    Parameters
    ----------
    frame : DataFrame
        All rows below the first one of the header, as texts.
    header : Header
    file : str
        Its name, for messages.
    mark : str
        What divides its columns, if it is a text.

    Returns
    -------
    DataFrame
        As `people_of` says; ``attrs`` has also ``decimal``, and ``listed``, the columns
        of questions that have several.

    Raises
    ------
    SurveyFileError
        As `people_of`.

    Examples
    --------
    >>> header = Header(0, ("sex", "age"), rows=1)
    >>> sheet = pd.DataFrame({"a": ["Response", "f"], "b": ["Response", "41"]})
    >>> people_below(sheet, header, "people.csv").to_dict("list")
    {'sex': ['f'], 'age': ['41']}
    """
    people = frame.iloc[header.rows :]
    named = zip(header.names, frame.columns, strict=True)
    people.columns = pd.Index([name or given for name, given in named], dtype=object)
    people.attrs = {"notes": list(header.notes), "listed": list(header.listed)}
    people.attrs["decimal"] = decimal_of(people, mark)
    return people_of(people, file)


def people_of(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """A table of texts without the rows that are nobody's answers.

    Parameters
    ----------
    frame : DataFrame
        All rows below the names of the columns, as texts.
    file : str
        Its name, for messages.

    Returns
    -------
    DataFrame
        ``attrs["notes"]`` says what was left out, ``attrs["titles"]`` has the questions
        of a second header row.

    Raises
    ------
    SurveyFileError
        Two rows of totals stand at the end, so nobody knows where the people end.

    Examples
    --------
    >>> sheet = pd.DataFrame({"sex": ["f", "m", "Total"], "age": ["41", "18", "59"]})
    >>> people = people_of(sheet, "people.csv")
    >>> len(people), people.attrs["notes"]
    (2, ['a row of totals at the end'])
    """
    attrs = dict(frame.attrs)
    notes = list(attrs.get("notes", []))
    headers = _further_headers(frame)
    if headers:
        questions = frame.iloc[0].tolist()
        titles = dict(zip(map(str, frame.columns), questions, strict=True))
        attrs["titles"] = titles if headers > 1 else {}
        notes.append(f"{headers} further header {_of(headers, 'row')} of Qualtrics")
        frame = frame.iloc[headers:]
    elif _is_of_questions(frame):
        questions = frame.iloc[0].tolist()
        attrs["titles"] = dict(zip(map(str, frame.columns), questions, strict=True))
        notes.append("1 further header row, of questions or labels")
        frame = frame.iloc[1:]
    frame, more = _without_end(frame, file)
    notes += more
    frame = frame.reset_index(drop=True)
    frame.attrs = attrs
    if notes:
        frame.attrs["notes"] = notes
    return frame


def _further_headers(frame: pd.DataFrame) -> int:
    """How many rows below the names are headers of Qualtrics: the last has its ids."""
    for place in range(min(2, len(frame))):
        row = [field for field in frame.iloc[place].tolist() if field.strip()]
        if row and all(_IMPORT_ID.match(field) for field in row):
            return place + 1
    return 0


def _is_of_questions(frame: pd.DataFrame) -> bool:
    """Whether the first row holds questions or labels of the columns, and nobody's answers.

    It is a text in every column that holds numbers for everybody else, fills all columns,
    and says in none of them what somebody else answers.
    """
    if len(frame) <= ENOUGH:
        return False
    first, others = frame.iloc[0].str.strip(), frame.iloc[1:]
    if not first.astype(bool).all():
        return False
    of_numbers = [
        place for place in range(frame.shape[1]) if _is_numeric(others.iloc[:, place])
    ]
    if not of_numbers or any(
        _NUMBER.fullmatch(first.iloc[place]) for place in of_numbers
    ):
        return False
    return not any(
        (others.iloc[:, place].str.strip() == first.iloc[place]).any()
        for place in range(frame.shape[1])
    )


def _is_numeric(texts: pd.Series) -> bool:
    """Whether a column holds numbers and blanks only, and several of them."""
    told = [text for text in texts.drop_duplicates().str.strip() if text]
    return len(told) > 1 and all(map(_NUMBER.fullmatch, told))


def _without_end(frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[str]]:
    """A table without its last rows that are totals, remarks or hold nothing, and what they were.

    Empty rows stay where they may be people who answered nothing: in a table in which
    nobody else has a column in common, or of few rows.
    """
    last = len(frame)
    blank = 0
    totals = 0
    remarks = 0
    while last > 0:
        if not _filled(frame.iloc[last - 1].tolist()):
            blank += 1
        elif _is_total(frame.iloc[:last]):
            totals += 1
        elif _is_remark(frame.iloc[:last]):
            remarks += 1
        else:
            break
        last -= 1
    if totals > 1:
        raise SurveyFileError(
            f"{file} ends in several rows of totals, and expected are people only.",
            "Take them out of the sheet.",
        )
    people = frame.iloc[:last]
    is_sure = totals or (last >= ENOUGH and _has_complete_column(people))
    if last == 0 or not is_sure:
        return frame, []
    notes = ["a row of totals at the end"] if totals else []
    if blank:
        notes.append(f"{blank} empty {_of(blank, 'row')} at the end")
    if remarks:
        notes.append(f"{remarks} {_of(remarks, 'row')} below the table with a remark")
    return people, notes


def _is_remark(frame: pd.DataFrame) -> bool:
    """Whether the last row holds one text of several words and nothing else."""
    row = frame.iloc[-1].tolist()
    if len(row) < 3 or _filled(row) != 1 or len(row[0].split()) < 2:
        return False
    return not (frame.iloc[:-1, 0] == row[0]).any()


def _has_complete_column(people: pd.DataFrame) -> bool:
    """Whether some column is filled by everybody, so that a row without it is nobody."""
    return any((people[column].str.strip() != "").all() for column in people)


def _is_total(frame: pd.DataFrame) -> bool:
    """Whether the last row sums up the others.

    Its first text says so, is no answer of anybody else, and all others are numbers.
    """
    if len(frame) < 2:
        return False
    row = frame.iloc[-1].tolist()
    filled = [place for place, field in enumerate(row) if field.strip()]
    if len(filled) < 2:
        return False
    first = filled[0]
    text = unicodedata.normalize("NFC", row[first]).strip().rstrip(":")
    if not _TOTALS.fullmatch(text):
        return False
    if not all(_NUMBER.fullmatch(row[place].strip()) for place in filled[1:]):
        return False
    return not (frame.iloc[:-1, first] == row[first]).any()
