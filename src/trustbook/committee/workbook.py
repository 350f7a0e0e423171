"""The tables as a workbook for Excel and LibreOffice: numbers as printed, texts as texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from trustbook.committee.content import Content
from trustbook.found import Found, Group, Identity, rows_of_table
from trustbook.supplied import WORDS

# A workbook says when it was made: always then, so that the same book is the same bytes.
MADE = datetime(2000, 1, 1)
TEXTS = WORDS["found"]
COLUMNS = {  # heading -> width, in letters
    "Outcome": 28,
    "Identity": 20,
    "Group": 28,
    "Compared with": 22,
    "Percent": 9,
    "Percent, from": 9,
    "Percent, to": 9,
    "People": 9,
    "Gap, points": 9,
    "Gap, from": 9,
    "Gap, to": 9,
    "p (Holm)": 9,
    "Verdict": 12,
    "Question": 60,
}
WIDE = 70
PERCENT = 100
# As texts, never as what they might be taken for.
PLAIN = dict.fromkeys(
    ("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False
)


def write_workbook(content: Content, path: Path) -> None:
    """Write the tables as a workbook, which is the same bytes each time.

    Parameters
    ----------
    content : Content
    path : Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from trustlib.sources import Source
    >>> content = Content("A survey", "For few.", Source({}), ())
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "tables.xlsx")
    ...     write_workbook(content, path)
    ...     path.read_bytes()[:2]
    b'PK'
    """
    from xlsxwriter import Workbook

    with Workbook(str(path), {**PLAIN, "nan_inf_to_errors": False}) as book:
        book.set_properties({"title": content.heading, "created": MADE})
        head = book.add_format({"bold": True, "text_wrap": True, "bottom": 1})
        _found(book, content, head)
        not_shown = content.withheld or {}
        _pairs(book, "Not shown", ("What", "Why"), not_shown, head)
        made = {
            "Survey": content.heading,
            "Who may see it": content.announcement,
            **(content.made or {}),
            "How to read it": TEXTS["how_to_read_plain"],
        }
        _pairs(book, TEXTS["how_made"], ("What", "Which"), made, head)


def _found(book: Any, content: Content, head: Any) -> None:
    """The sheet of all groups."""
    sheet = book.add_worksheet("Found")
    formats = {
        1: book.add_format({"num_format": "0.0"}),
        3: book.add_format({"num_format": "0.000"}),
        0: book.add_format({"num_format": "#,##0"}),
    }
    _heads(sheet, COLUMNS, head)
    rows = list(rows_of_table(content.found))
    for number, (found, identity, group) in enumerate(rows, 1):
        for column, value in enumerate(_cells(found, identity, group)):
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            elif isfinite(value[0]):
                sheet.write_number(number, column, value[0], formats[value[1]])
    sheet.autofilter(0, 0, max(len(rows), 1), len(COLUMNS) - 1)
    sheet.freeze_panes(1, 3)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


Cell = str | tuple[float, int]


def _cells(found: Found, identity: Identity, group: Group) -> list[Cell]:
    """A group as a row: texts, and numbers with their decimals."""
    percent = _in_hundreds(group.value, group.low, group.high)
    reference = identity.groups[0].name
    begin: list[Cell] = [found.title, identity.title, group.name]
    if group.gap is None:
        nothing: list[Cell] = [""] * 5
        return [*begin, "", *percent, (group.people, 0), *nothing, found.question]
    gap = group.gap
    points = _in_hundreds(gap.value, gap.low, gap.high)
    p_value = (round(gap.p_value, 3), 3)
    people = (group.people, 0)
    verdict: list[Cell] = [p_value, gap.verdict, found.question]
    return [*begin, reference, *percent, people, *points, *verdict]


def _in_hundreds(*shares: float) -> list[Cell]:
    """Shares as percentages, with the decimals that are printed."""
    return [(round(PERCENT * share, 1), 1) for share in shares]


def _pairs(
    book: Any, name: str, heads: Sequence[str], rows: Mapping[str, str], head: Any
) -> None:
    """A sheet of two columns of texts."""
    sheet = book.add_worksheet(name)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    _heads(sheet, dict.fromkeys(heads, WIDE), head)
    for number, (what, which) in enumerate(rows.items(), 1):
        sheet.write_string(number, 0, what, wrapped)
        sheet.write_string(number, 1, which, wrapped)


def _heads(sheet: Any, columns: Mapping[str, int], head: Any) -> None:
    """The first row, and how wide each column is."""
    for number, (name, width) in enumerate(columns.items()):
        sheet.set_column(number, number, width)
        sheet.write_string(0, number, name, head)
