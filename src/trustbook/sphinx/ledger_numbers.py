"""Our numbers in the ledger as texts: what its page prints, and what their cards say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.sphinx.record_pages import UNITS
from trustlib.escaping import csv_plains
from trustlib.scales import SCALES

FIGURE = re.compile(r"\b[A-Z]+\d*-\d+[a-z]?\b")  # the id of a figure of the record
EVIDENCE = {
    "real": "real people",
    "synthetic": "synthetic people",
    "published": "published figures",
}
NUMBERS = (
    "published",
    "published_low",
    "published_high",
    "tolerance",
    "ours",
    "std_error",
    "conf_low",
    "conf_high",
    "n",
    "df",
    "range_low",
    "range_high",
)
CALCULATED = ("figures", "questions")  # files whose figures runs do not repeat
# Which formula a statistic has, where it was computed from people.
KINDS = {"percent": "level", "points": "difference", "ratio": "ratio"}


def read_ledger(path: str | Path) -> pd.DataFrame:
    """The ledger as `trustlib check` wrote it: its numbers are numbers, the rest texts.

    Parameters
    ----------
    path : str or Path
    """
    ledger = csv_plains(pd.read_csv(path, dtype=str, keep_default_na=False))
    return ledger.assign(**{name: pd.to_numeric(ledger[name]) for name in NUMBERS})


def number_text(value: float, line: pd.Series) -> str:
    """One of our numbers with the decimals of its kind.

    Examples
    --------
    >>> number_text(-1.5, pd.Series({"file": "hints7", "statistic": "points"}))
    '\N{MINUS SIGN}1.50'
    """
    digits = 1 if line["file"] in CALCULATED else 2
    if line["statistic"] == "count":
        digits = 0
    elif line["statistic"] == "ratio":
        digits = 2
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def range_text(low: float, high: float, line: pd.Series) -> str:
    """Two of our numbers as the ends of a range."""
    return f"{number_text(low, line)} to {number_text(high, line)}"


def estimate_text(line: pd.Series) -> str:
    """Our number with its interval, or the range in which it must lie; nothing if none."""
    unit = UNITS.get(line["statistic"], "")
    if pd.notna(line["ours"]):
        text = number_text(line["ours"], line) + unit
        if pd.notna(line["conf_low"]):
            text += f" ({range_text(line['conf_low'], line['conf_high'], line)})"
        return text
    if pd.notna(line["range_low"]):
        return range_text(line["range_low"], line["range_high"], line) + unit
    return ""


def rounding_text(line: pd.Series) -> str:
    """The range that the rounding of what is printed leaves open; nothing if none."""
    width = line["range_high"] - line["range_low"]
    if pd.isna(line["ours"]) or not width > 1e-6:
        return ""
    return range_text(line["range_low"], line["range_high"], line)


# ----- cards -----


def cards_of_ledger(ledger: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What the card of each number says that no finding has, by the id of its line.

    Parameters
    ----------
    ledger : DataFrame
        From `read_ledger`.
    """
    made = {}
    for _, line in ledger.iterrows():
        shown = estimate_text(line)
        if shown and not line["calculation"].startswith("finding "):
            made[line["id"]] = {
                "shown": f"Synthetic: {shown}"
                if line["evidence"] == "synthetic"
                else shown,
                "claim": line["claim"],
                "evidence": f"From {EVIDENCE[line['evidence']]}",
                "facts": {name: text for name, text in _facts(line) if text},
                "lines": _lines(line),
            }
    return made


def _facts(line: pd.Series) -> Iterator[tuple[str, str]]:
    """What is known of our number, each with its name on the card."""
    of_people = line["evidence"] in ("real", "synthetic")
    yield "Verdict", line["verdict"]
    yield "Why", line["cause"]
    if pd.notna(line["std_error"]):
        yield "Standard error", f"{line['std_error']:.2f}"
    yield "People", f"{line['n']:,.0f}" if line["n"] > 0 else ""
    yield "Open by rounding", rounding_text(line)
    if of_people and line["statistic"] in KINDS:
        yield "Formula", SCALES[KINDS[line["statistic"]]].formula
    design, _, rest = line["df_rule"].partition("; ")
    yield "Design", design
    yield "Convention", rest
    yield "Reading", line["reading"]
    if not of_people:
        yield "Computed from", line["calculation"]


def _lines(line: pd.Series) -> list[str]:
    """The printed lines that our number is computed from, and the one that it answers."""
    own = [line["id"]] if line["file"] == "figures" else []
    return list(dict.fromkeys([*own, *FIGURE.findall(line["calculation"])]))
