"""Every fact of the report and of the pages around it, and which lines of the record answer it.

``data/report/facts.csv`` has one row for each fact: where it stands, its numbers, and
no sentence of its source::

    fact   report-060
    page   12, or several with ;
    value  numbers or directions with ; such as <=6, >50;4, 82;47, order
    base   numbers of people with ;
    wave   as in the record
    item   as in the record, several with ;
    rows   ids of the record, with spaces

A fact without rows is in ``data/report/left_out.csv``, with the reason. What is printed
there and what the record holds are compared by `load_facts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from trustlib.errors import CodebookError, raise_faults, require_file, unknown_name

COLUMNS = ["fact", "page", "value", "base", "wave", "item", "rows"]
LEFT_OUT = ["fact", "what", "why"]
HINT = "Give the fact its line in the record, or its reason in left_out.csv."
_VALUE = re.compile(r"(?P<sign><=|>=|<|>|=|order)?(?P<number>\d+(?:\.\d+)?)?")
_PAGES = re.compile(r"\bpages? ((?:\d+(?:, | and )?)+)")


def load_facts(
    figures: pd.DataFrame, folder: str | Path = "data/report"
) -> pd.DataFrame:
    """Read the facts, and hold the lines of the record to them.

    Parameters
    ----------
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.
    folder : path
        Where ``facts.csv`` and ``left_out.csv`` lie.

    Returns
    -------
    DataFrame
        One row for each fact; ``why`` says why a fact without rows is left out.

    Raises
    ------
    CodebookError
        Lists every fact that is there twice, has neither a line nor a reason, or whose
        line has another page, number, comparison, base, wave or item.

    Examples
    --------
    >>> from trustlib.record.printed import load_figures
    >>> facts = load_facts(load_figures())
    >>> facts.set_index("fact").loc["report-054", "rows"]
    'R24-017'
    """
    facts = _table(Path(folder) / "facts.csv", COLUMNS)
    left_out = load_left_out(folder)
    table = figures.set_index("id", drop=False)
    faults = [*_of_names(facts, left_out)]
    for fact in facts[facts["rows"] != ""].to_dict("records"):
        faults += [f"{fact['fact']}: {fault}" for fault in _of_fact(fact, table)]
    raise_faults(
        CodebookError,
        "The record does not answer the facts of the report",
        faults,
        HINT,
    )
    reasons = dict(zip(left_out["fact"], left_out["why"], strict=True))
    return facts.assign(why=facts["fact"].map(reasons).fillna(""))


def load_left_out(folder: str | Path = "data/report") -> pd.DataFrame:
    """Read what of the facts has no line of the record, and why.

    Examples
    --------
    >>> list(load_left_out())
    ['fact', 'what', 'why']
    """
    return _table(Path(folder) / "left_out.csv", LEFT_OUT)


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table of texts with these columns."""
    require_file(path, "file", "Check the spelling and the folder you run from.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table) != columns:
        raise CodebookError(
            f"{path} has the columns {list(table)}.", f"Expected {columns}."
        )
    return table


def _of_names(facts: pd.DataFrame, left_out: pd.DataFrame) -> Iterator[str]:
    """Facts that are there twice, or have neither a line nor a reason."""
    for name in facts.loc[facts["fact"].duplicated(), "fact"]:
        yield f"{name}: it is there twice"
    silent = set(facts.loc[facts["rows"] == "", "fact"])
    explained = set(left_out.loc[left_out["why"] != "", "fact"])
    for name in sorted(silent - explained):
        yield f"{name}: expected a line of the record or a reason, got neither"
    for name in sorted(set(left_out["fact"]) - silent):
        yield f"{name}: it is left out, and is no fact without a line"


def _of_fact(fact: dict[str, str], table: pd.DataFrame) -> Iterator[str]:
    """In what the lines of a fact differ from it."""
    names = fact["rows"].split()
    unknown = [name for name in names if name not in table.index]
    if unknown:
        yield str(unknown_name("figure", unknown[0], table.index)).replace("\n", " ")
        return
    rows = table.loc[names]
    for part in filter(None, fact["value"].split(";")):
        if not _has_value(rows, part):
            yield f"value {part}: got {_shown(rows)}"
    held = {*rows["base_n"].dropna(), *rows["value"].dropna()}
    for part in filter(None, fact["base"].split(";")):
        if float(part) not in held:
            yield f"base {part}: got {_shown(rows)}"
    pages = set().union(*(pages_of(row) for row in rows.to_dict("records")))
    for part in filter(None, fact["page"].split(";")):
        if int(part) not in pages:
            yield f"page {part}: got {sorted(pages)}"
    if fact["wave"] and set(rows["wave"]) != {fact["wave"]}:
        yield f"wave {fact['wave']}: got {sorted(set(rows['wave']))}"
    if set(rows["item"]) != set(fact["item"].split(";")):
        yield f"item {fact['item']}: got {sorted(set(rows['item']))}"


def _has_value(rows: pd.DataFrame, part: str) -> bool:
    """Whether one of some lines has a value with its comparison, or a direction."""
    match = _VALUE.fullmatch(part)
    if match is None:
        return False
    sign = match["sign"] or "="
    alike = rows[rows["comparison"] == sign]
    if match["number"] is None:
        return bool(alike["value"].isna().any())
    return bool((alike["value"] == float(match["number"])).any())


def _shown(rows: pd.DataFrame) -> str:
    """The numbers of some lines, for a message."""
    shown = []
    for row in rows.itertuples():
        value = "" if pd.isna(row.value) else f"{row.value:g}"
        base = "" if pd.isna(row.base_n) else f" of {row.base_n:g}"
        shown.append(f"{row.id} {row.comparison}{value}{base}")
    return "; ".join(shown)


def pages_of(row: dict[str, str]) -> set[int]:
    """The pages of the report that a line of the record names, in its address or its note.

    Examples
    --------
    >>> sorted(pages_of({"address": "footnote 7 (about page 12)", "note": "See pages 8 and 9."}))
    [8, 9, 12]
    """
    found = _PAGES.findall(f"{row['address']} {row['note']}")
    return {int(number) for group in found for number in re.findall(r"\d+", group)}
