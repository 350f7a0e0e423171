"""The numbers that pages print: of tables of runs, of the first page, of `trustlib validate`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.attacks.published import Printed, names_of
from trustlib.sources import Source

_ROW = re.compile(r"^\| (?P<what>[^|]+?) \| (?P<n>[\d,]+) \|$", re.M)
# In a convention: the numbers of people are sums of others.
COMBINED = re.compile("model: |pooled over|average over|change of|imputations")
_COLUMNS = {
    "n": "people",
    "estimate": "share",
    "std_error": "std_error",
    "df": "df",
}


def numbers_of_table(csv: Path) -> Iterator[Printed]:
    r"""The numbers of a published table of levels.

    Parameters
    ----------
    csv : Path
        Its description, ``.json``, lies beside it.

    Yields
    ------
    Printed

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> facts = {"kind": "level", "outcome": "y", "by": [], "source": {"id": "office"}}
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "everyone.csv"
    ...     _ = path.write_text("estimate,n\n0.5,200\n")
    ...     _ = path.with_suffix(".json").write_text(json.dumps(facts))
    ...     [number.what for number in numbers_of_table(path)]
    ['people', 'share']
    """
    facts = json.loads(csv.with_suffix(".json").read_text(encoding="utf-8"))
    if facts["kind"] != "level" or COMBINED.search(facts.get("convention", "")):
        return
    frame = pd.read_csv(csv)
    by = [axis for axis in facts["by"] if axis in frame]
    source = str(Source.of(facts["source"]).id)
    outcome = facts["outcome"]
    page = f"{csv.parent.parent.name}/{csv.stem}"
    for column, what in _COLUMNS.items():
        if column not in frame:
            continue
        cells = names_of(frame, by)
        if what == "df":
            # It is of the design, so that one row of it is enough.
            cells = ["everyone"]
        for cell, value in zip(cells, frame[column], strict=False):
            if np.isfinite(value):
                yield Printed(what, float(value), source, outcome, cell, page)


def numbers_of_first_page(text: str, source: str) -> Iterator[Printed]:
    r"""The rows of the file, those used and those missing, of each outcome.

    Parameters
    ----------
    text : str
        Markdown.
    source : str

    Yields
    ------
    Printed

    Examples
    --------
    >>> text = "| y: blank | 15 |\n| used | 995 |\n| rows in the file | 1,010 |\n"
    >>> [(number.what, number.value) for number in numbers_of_first_page(text, "office")]
    [('missing', 15.0), ('people', 995.0), ('rows', 1010.0)]
    """
    outcome = ""
    for line in text.splitlines():
        if line.startswith("### "):
            outcome = line.removeprefix("### ")
        found = _ROW.match(line)
        if found is None:
            continue
        what = found["what"]
        value = float(found["n"].replace(",", ""))
        page = "the first page"
        if what == "rows in the file":
            yield Printed("rows", value, source, outcome, page=page)
        elif what == "used":
            yield Printed("people", value, source, outcome, page=page)
        elif ": " in what:
            yield Printed("missing", value, source, outcome, page=page)


def numbers_of_levels(
    text: str, source: str, readings: Mapping[str, Any]
) -> Iterator[Printed]:
    """The people of each level, as `trustlib validate` prints them.

    Parameters
    ----------
    text : str
    source : str
    readings : mapping
        Variable -> its rule in the mapping (`trustlib.forms.Rule`).

    Yields
    ------
    Printed

    Examples
    --------
    >>> from trustlib.forms import Rule
    >>> rule = Rule(column="S", values={"m": "man", "f": "woman"})
    >>> text = "  gender: identity (man: 520; woman: 473)"
    >>> [number.value for number in numbers_of_levels(text, "office", {"gender": rule})]
    [520.0, 473.0]
    """
    for variable, rule in readings.items():
        line = re.search(rf"^\s*{re.escape(variable)}: .*$", text, re.M)
        if line is None or not rule.values:
            continue
        for level in dict.fromkeys(map(str, rule.values.values())):
            shown = re.search(rf"[(;] ?{re.escape(level)}: ([\d,]+)", line[0])
            if shown is None:
                continue
            codes = [code for code, own in rule.values.items() if str(own) == level]
            yield Printed(
                "level",
                float(shown[1].replace(",", "")),
                source,
                page="validate",
                codes=frozenset(map(str, codes)),
                column=str(rule.column or variable),
            )
