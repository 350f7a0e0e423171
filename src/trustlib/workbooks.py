"""Sheets of Excel and LibreOffice as tables of texts, with a sheet of labels beside them.

A cell is read as a CSV file would hold it: a whole number without decimals, a date in
the form of ISO, nothing as ''. Where several sheets hold tables, one has to be named.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from trustlib.answers import plain
from trustlib.errors import SurveyFileError, first_few, unknown_name
from trustlib.sheet_layout import LOOKED_AT, header_of, people_below

ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
Rows = list[list[str]]
_OF_LABELS = re.compile(
    r"label|code ?book|\bcodes?\b|values?|variable|legend|dictionar|data ?map|"
    r"etikett|kodier|variablen|legende|étiquet|etiquet|código|codigo|legenda|rótulo|"
    r"diccionario|dicionário|ラベル|コード",
    re.IGNORECASE,
)
# What a column of a sheet of labels holds -> how it is called.
_COLUMNS = {
    "variable": r"var(iable)?s?( ?name)?|columns?|fields?|names?|spalte|colonne|coluna|columna|変数(名)?",
    "code": r"codes?|values?|answers? ?codes?|werte?|kode|valeurs?|valor(es)?|códigos?|コード|値",
    "label": r"(value |answer |var(iable)? )?labels?|meanings?|texts?|descriptions?|questions?|"
    r"bedeutung|beschriftung|etikett|libellés?|étiquettes?|etiquetas?|rótulos?|ラベル",
}


@dataclass(frozen=True)
class Workbook:
    """What is taken from a workbook.

    Attributes
    ----------
    frame : DataFrame
        As `trustlib.sheet_layout.people_below` gives it.
    labels : dict
        Column -> {code: label}, of a sheet of labels.

    Examples
    --------
    >>> Workbook(pd.DataFrame({"sex": ["1"]}), {"sex": {"1": "Male"}}).labels
    {'sex': {'1': 'Male'}}
    """

    frame: pd.DataFrame
    labels: dict[str, dict]


def read_workbook(path: Path, sheet: str | None = None) -> Workbook:
    """A sheet of a workbook, and the labels that another one gives.

    Parameters
    ----------
    path : Path
    sheet : str, optional
        Its name; needed if several sheets hold tables.

    Returns
    -------
    Workbook

    Raises
    ------
    SurveyFileError
        There is no such sheet, or not one alone holds a table; or the package that
        reads workbooks is lacking.

    Notes
    -----
    R: ``readxl::read_excel(path, sheet =, col_types = "text")``.
    """
    sheets = _sheets_of(path)
    tables = {name: rows for name, rows in sheets.items() if _is_table(rows)}
    labels: dict[str, dict] = {}
    titles: dict[str, str] = {}
    if sheet is not None and sheet not in sheets:
        unknown = unknown_name("sheet", sheet, sheets)
        raise SurveyFileError(f"{path.name}: {unknown.message}", unknown.hint)
    for name in list(tables):
        found = _labels_of(tables[name]) if name != sheet else None
        if found is not None and _OF_LABELS.search(name):
            del tables[name]
            labels |= found[0]
            titles |= found[1]
    chosen = _chosen(tables, sheet, path.name)
    frame = _frame(tables.get(chosen, sheets[chosen]), path.name)
    own = {column: codes for column, codes in labels.items() if column in frame}
    frame.attrs["titles"] = titles | frame.attrs.get("titles", {})
    return Workbook(frame, own)


def _chosen(tables: Mapping[str, Rows], sheet: str | None, file: str) -> str:
    """The name of the sheet that holds the people."""
    if sheet is not None:
        return sheet
    if not tables:
        raise SurveyFileError(
            f"{file} holds no rows.", "Expected one row per person, below names."
        )
    if len(tables) > 1:
        names = first_few(list(map(repr, tables)), 9)
        raise SurveyFileError(
            f"{file} has {len(tables)} sheets with tables: {names}.",
            "Name the one that holds the people: `--sheet NAME`, "
            "or `sheet:` in a mapping.",
        )
    return next(iter(tables))


def _sheets_of(path: Path) -> dict[str, Rows]:
    """The sheets of a workbook, as texts."""
    if find_spec("python_calamine") is None:
        raise SurveyFileError(
            f"{path.name} is a workbook, and the package that reads these is not "
            "installed.",
            "Install the part excel of this library (python-calamine), "
            "or save the sheet as CSV.",
        )
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(str(path)) as book:
        return {name: _rows(book.get_sheet_by_name(name)) for name in book.sheet_names}


def _rows(sheet: Any) -> Rows:
    """The cells of a sheet as texts, from its first row on."""
    rows = sheet.to_python(skip_empty_area=False)
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: Any) -> str:
    """A cell as a CSV file holds it."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    return str(cell)


def _is_table(rows: Rows) -> bool:
    """Whether a sheet holds names and something below them."""
    filled = [row for row in rows if any(field.strip() for field in row)]
    return len(filled) > 1


def _frame(rows: Rows, file: str) -> pd.DataFrame:
    """A sheet as a table of texts, without columns that hold nothing at all."""
    header = header_of(rows[: LOOKED_AT + 40])
    names = [name.strip() for name in header.names]
    below = rows[header.place + 1 :]
    used = [
        place
        for place, name in enumerate(names)
        if name or any(row[place].strip() for row in below)
    ]
    nameless = [str(place + 1) for place in used if not names[place]]
    if nameless:
        raise SurveyFileError(
            f"{file} has columns without a name: see columns {first_few(nameless)}.",
            "Give each a name in the row of names, and take out what stands beside "
            "the table.",
        )
    kept = [names[place] for place in used]
    repeated = [name for name in kept if kept.count(name) > 1]
    if repeated:
        places = [str(p + 1) for p in used if names[p] in repeated]
        raise SurveyFileError(
            f"{file} gives a name to more than one column: see columns "
            f"{first_few(places)}.",
            "Rename the columns, or write their names into the first line.",
        )
    frame = pd.DataFrame([[row[p] for p in used] for row in below], columns=kept)
    frame = frame.astype(object).astype("str")
    return people_below(frame, replace(header, names=tuple(kept)), file)


def _labels_of(
    rows: Sequence[Sequence[str]],
) -> tuple[dict[str, dict], dict[str, str]] | None:
    """Labels of answers and of columns, if a sheet is a list of these.

    A row names a variable, a code and its label; the variable may stand in the first of
    several rows only. A row without a code gives the label of the variable.
    """
    header = header_of(rows)
    place = {
        what: next(
            (
                i
                for i, name in enumerate(header.names)
                if re.fullmatch(called, name.strip(), re.IGNORECASE)
            ),
            None,
        )
        for what, called in _COLUMNS.items()
    }
    if place["variable"] is None or place["label"] is None:
        return None
    labels: dict[str, dict] = {}
    titles: dict[str, str] = {}
    variable = ""
    for row in rows[header.place + 1 :]:
        fields = {what: plain(row[i]) for what, i in place.items() if i is not None}
        variable = fields["variable"] or variable
        label = fields["label"]
        if not label:
            continue
        if fields.get("code"):
            labels.setdefault(variable, {})[fields["code"]] = label
        else:
            titles[variable] = label
    return labels, titles
