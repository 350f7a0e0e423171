"""An own list of printed figures, which a private book answers line by line.

The mapping names it (``published: published.csv``, relative to the mapping). It has one
row for each figure, and is written in any spreadsheet::

    outcome    a variable of the mapping
    value      the percentage as it was printed: 43, 43.5
    gender ... one column for each identity that the figures name: a level, or nothing
               for all people
    claim      optional: what is said, in your words
    half_width optional: by how much the printed number may be rounded; by default half a
               unit of its last digit

A percentage counts those who answered the question and told the identities of its row.
Numbers of people are not answered: two of them can tell of a few by subtraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from trustbook.record_answers import COLUMNS, answer, row_of
from trustlib.design import SurveyDesign
from trustlib.errors import CodebookError, one_line, raise_faults, unknown_name
from trustlib.escaping import visible
from trustlib.files import read_table
from trustlib.forms import Variable
from trustlib.schema import load_mapping

NEEDED = ("outcome", "value")
OPTIONAL = ("claim", "half_width")
LONGEST = 200
HINT = (
    "Row 1 is the line of column names. Expected are outcome, value, a column for each "
    "identity that is named, and if you like claim and half_width."
)


def own_answers(design: SurveyDesign, mapping: str | Path) -> pd.DataFrame | None:
    """Answer the list that a mapping names; None if it names none.

    Parameters
    ----------
    design : SurveyDesign
        From `trustbook.supplied.read_supplied`.
    mapping : path

    Returns
    -------
    DataFrame or None
        See `answer_own`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> people = SurveyDesign(pd.DataFrame({"y": [0, 1]}), weight=None)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "m.yml")
    ...     _ = path.write_text("variables: {y: {column: y}}")
    ...     print(own_answers(people, path))
    None
    """
    plan = load_mapping(mapping)[0]
    if plan.published is None:
        return None
    return answer_own(design, Path(mapping).resolve().parent / plan.published)


def answer_own(design: SurveyDesign, path: Path) -> pd.DataFrame:
    """Answer an own list of printed figures.

    Parameters
    ----------
    design : SurveyDesign
        From `trustbook.supplied.read_supplied`.
    path : Path
        The list.

    Returns
    -------
    DataFrame
        As `trustbook.record_answers.answer_record`; every number passes the gate of
        disclosure.

    Raises
    ------
    CodebookError
        Every fault of the list, with its row.

    Examples
    --------
    ::

        answer_own(design, Path("published.csv"))[["claim", "published", "ours", "verdict"]]
    """
    codebook = _codebook(design.frame)
    table = _table(path, codebook)
    rows = []
    for figure in _figures(table, codebook):
        found = answer(design, figure, figure.outcome, codebook)
        rows.append(row_of(design, figure, figure.outcome, found))
    return pd.DataFrame(rows, columns=COLUMNS)


def _codebook(frame: pd.DataFrame) -> dict[str, Variable]:
    """The variables of a frame and their levels; outcomes have none."""
    labels = frame.attrs["labels"]
    variables = {}
    for name in filter(frame.__contains__, labels):
        levels: list[str] = []
        if frame[name].dtype == "category":
            levels = list(map(str, frame[name].cat.categories))
        variables[name] = Variable(label=labels[name], levels=levels)
    return variables


def _table(path: Path, codebook: Mapping[str, Variable]) -> pd.DataFrame:
    """The list as texts, without a fault."""
    table = read_table(path)[0]
    table = table.astype(object).where(table.notna(), "")
    table = table.map(lambda cell: str(cell).strip())
    absent = [f"there is no column {name}" for name in NEEDED if name not in table]
    axes = [name for name, variable in codebook.items() if variable.levels]
    known = [*NEEDED, *OPTIONAL, *axes]
    unknown = [unknown_name("column", n, known) for n in table if n not in known]
    faults = absent + [visible(one_line(each), LONGEST) for each in unknown]
    if not faults:
        faults = [
            f"row {place + 2}: {visible(reason, LONGEST)}"
            for place, row in enumerate(table.to_dict("records"))
            for reason in _faults_of_row(row, codebook)
        ]
    raise_faults(
        CodebookError, f"{path.name} is not a list of printed figures", faults, HINT
    )
    return table


def _faults_of_row(
    row: Mapping[str, str], codebook: Mapping[str, Variable]
) -> Iterator[str]:
    """What is wrong with one figure."""
    outcomes = [name for name, each in codebook.items() if not each.levels]
    if row["outcome"] not in outcomes:
        yield one_line(unknown_name("outcome", row["outcome"], outcomes))
    value = _number(row["value"])
    if value is None or value > 100:
        yield f"value is {row['value']!r}, expected a percentage such as 43 or 43.5"
    width = row.get("half_width", "")
    if width and _number(width) is None:
        yield f"half_width is {width!r}, expected a number such as 0.5"
    for name, level in _levels(row, codebook):
        levels = codebook[name].levels
        if level not in levels:
            yield one_line(unknown_name(f"level of {name}", level, levels))


def _number(text: str) -> float | None:
    """A printed number; None if it is none."""
    plain = text.removesuffix("%").strip()
    is_number = re.fullmatch(r"\d+(\.\d+)?", plain)
    return float(plain) if is_number else None


def _levels(
    row: Mapping[str, str], codebook: Mapping[str, Variable]
) -> list[tuple[str, str]]:
    """The identities of a row that have a level."""
    axes = [name for name, variable in codebook.items() if variable.levels]
    return [(name, row[name]) for name in axes if row.get(name)]


def _figures(
    table: pd.DataFrame, codebook: Mapping[str, Variable]
) -> Iterator[SimpleNamespace]:
    """The lines of the list, as lines of the published record are."""
    for place, row in enumerate(table.to_dict("records")):
        levels = _levels(row, codebook)
        yield SimpleNamespace(
            id=f"row {place + 2}",
            claim=visible(row.get("claim", ""), LONGEST) or _claim(row, levels),
            survey="own",
            wave="",
            countries="",
            item="unspecified",
            outcome=row["outcome"],
            group=_group(levels),
            conditioning="of all",
            statistic="percent",
            comparison="=",
            value=_number(row["value"]),
            half_width=_half_width(row),
        )


def _group(levels: Sequence[tuple[str, str]]) -> str:
    """The condition of a figure, as the record writes it."""
    return " and ".join(f"{name} == {level!r}" for name, level in levels) or "all"


def _claim(row: Mapping[str, Any], levels: Sequence[tuple[str, str]]) -> str:
    """What a figure says, where nobody wrote it down."""
    group = ", ".join(f"{name} {level}" for name, level in levels) or "all people"
    return visible(f"{row['outcome']}: {group}", LONGEST)


def _half_width(row: Mapping[str, str]) -> float:
    """Half a unit of the last printed digit, if nothing else is said."""
    if row.get("half_width"):
        return float(row["half_width"])
    _, _, decimals = row["value"].removesuffix("%").strip().partition(".")
    return 0.5 / 10 ** len(decimals)
