"""The ledger as pages, made from what `trustlib check` wrote when the book is built.

``{ledger-table}``
    shows every line of the ledger, with a filter where scripts run. Each line leads to
    the figure in the record and to the run or calculation that answers it.
``{ledger-verdicts}``
    counts the lines by verdict; its content says what each verdict means, and must name
    them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from math import log10
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.sphinx.directives import (
    DataDirective,
    markdown_table,
    meanings,
    raw_html,
)
from trustbook.sphinx.record_pages import (
    UNITS,
    distinct_words,
    filtered_table,
    printed,
)
from trustbook.verdicts import VERDICTS
from trustlib.errors import TrustlibError, require_file
from trustlib.escaping import csv_plains

HEADS = ("Line", "What is said", "Printed", "Ours", "Verdict", "Worked out in")
EVIDENCE = {
    "real": "real people",
    "synthetic": "synthetic people",
    "published": "published figures",
}
AUDIT = '<a href="do-the-figures-fit.html">Do the figures fit together?</a>'
STAND_IN = '<a href="stand-in.html">the synthetic stand-in</a>'
CALCULATED = ("figures", "questions")  # files whose figures runs do not repeat
_FIGURE = re.compile(r"\b[A-Z]+\d*-\d+[a-z]?\b")  # the id of a figure of the record


def slug(text: str) -> str:
    """A text as one word, for an attribute.

    Examples
    --------
    >>> slug("calibrated (synthetic)")
    'calibrated-synthetic'
    """
    return re.sub(r"\W+", "-", text).strip("-")


def ledger_table(ledger: pd.DataFrame, verdicts: Iterable[str] = VERDICTS) -> str:
    """The ledger as an HTML table with the filter of `record_pages.filtered_table`.

    Parameters
    ----------
    ledger : DataFrame
        As `trustlib check` wrote it, with ``wave`` read as text.
    verdicts : iterable of str
        Those that the filter offers.
    """
    columns = ledger.select_dtypes(exclude="number").columns
    texts = {column: ledger[column].fillna("").astype(str) for column in columns}
    ledger = ledger.assign(**texts)
    items = {item: item for item in ledger["item"] if item}
    choices = {
        "verdict": ("Verdict", {slug(v): v for v in verdicts}),
        "wave": ("Wave", {wave: wave for wave in distinct_words(ledger["wave"])}),
        "item": ("Item", items),
        "evidence": ("Answered by", EVIDENCE),
        "source": ("Source", {slug(s): s for s in ledger["source"].unique()}),
    }
    rows = "".join(_row(line) for _, line in ledger.iterrows())
    return filtered_table("ledger", "The ledger", choices, HEADS, rows, notes=True)


def _row(line: pd.Series) -> str:
    """One line of the ledger as a row of the table."""
    shown = "".join(
        f'<td role="cell" data-label="{head}"><div>{cell(line)}</div></td>'
        for head, cell in zip(HEADS[1:], CELLS, strict=True)
    )
    name = _breaking(line["id"])
    if line["file"] == "figures":
        name = _linked(line["id"])
    return (
        f'<tr role="row" id="ledger-{line["id"]}"{_attributes(line)}>'
        f'<th role="rowheader" scope="row">{name}</th>{shown}</tr>'
    )


def _attributes(line: pd.Series) -> str:
    """What the filter reads of a row."""
    values = {column: line[column] for column in ("wave", "item", "evidence")}
    for column in ("verdict", "source"):
        values[column] = slug(line[column])
    return "".join(f' data-{name}="{escape(v)}"' for name, v in values.items())


# ----- texts of a cell -----


def _small(parts: Iterable[str]) -> str:
    """The small print of a cell, which the filter can fold."""
    return "".join(f'<span class="record-note"><br>{part}</span>' for part in parts)


def _breaking(text: str) -> str:
    """A text whose long names may break after an underscore."""
    return escape(text).replace("_", "_<wbr>")


def _linked(text: str) -> str:
    """A text in which each figure of the record leads to its row there."""
    return _FIGURE.sub(r'<a href="record.html#figure-\g<0>">\g<0></a>', escape(text))


def _number(value: float, line: pd.Series) -> str:
    """One of our numbers with the decimals of its kind."""
    digits = 1 if line["file"] in CALCULATED else 2
    if line["statistic"] == "count":
        digits = 0
    elif line["statistic"] == "ratio":
        digits = 2
    return f"{value:,.{digits}f}".replace("-", "−")


def _range(low: float, high: float, line: pd.Series) -> str:
    return f"{_number(low, line)} to {_number(high, line)}"


# ----- the cells of a row -----


def _said(line: pd.Series) -> str:
    """What is said, and about whom."""
    source = line["source"]
    if line["place"] and not line["place"].startswith("http"):
        source = ", ".join(filter(None, (source, line["place"])))
    columns = ("wave", "countries", "item", "base")
    about = [f"{column}: {line[column]}" for column in columns if line[column]]
    small_print = "; ".join([source, *about])
    return escape(line["claim"]) + _small([escape(small_print)])


def _published(line: pd.Series) -> str:
    """The printed number with its interval, and what its rounding leaves open."""
    if line["file"] == "questions":
        return "not printed"
    html = escape(printed(line.rename({"published": "value"})))
    notes = []
    form = ""
    if line["tolerance"] > 0:
        decimals = max(0, round(-log10(2 * line["tolerance"])))
        form = f",.{decimals}f"
        notes.append(f"rounding: {line['tolerance']:g} up or down")
    columns = ("published_low", "published_high")
    ends = [f"{line[c]:{form}}" for c in columns if pd.notna(line[c])]
    if ends:
        html += f" ({' to '.join(ends)})"
    return html + _small(notes)


def _ours(line: pd.Series) -> str:
    """Our number, its interval and standard error, and whose it is."""
    parts = [*_estimate(line), *_precision(line)]
    if not parts:
        return "none"
    if line["evidence"] in ("real", "synthetic"):
        people = EVIDENCE[line["evidence"]]
        if line["n"] > 0:
            people += f", {line['n']:,.0f} of them"
        parts.append(people)
    first, *others = parts
    return first + _small(others)


def _estimate(line: pd.Series) -> list[str]:
    """Our number with its interval, or the range in which it must lie."""
    unit = UNITS.get(line["statistic"], "")
    if pd.notna(line["ours"]):
        text = _number(line["ours"], line) + unit
        if pd.notna(line["conf_low"]):
            text += f" ({_range(line['conf_low'], line['conf_high'], line)})"
        return [text]
    if pd.notna(line["range_low"]):
        return [_range(line["range_low"], line["range_high"], line) + unit]
    return []


def _precision(line: pd.Series) -> list[str]:
    """The standard error and its rule, and the range that rounding leaves open."""
    parts = []
    if pd.notna(line["std_error"]):
        _, _, rule = line["df_rule"].partition("; ")
        parts.append(f"standard error {line['std_error']:.2f}; {rule}")
    width = line["range_high"] - line["range_low"]
    if pd.notna(line["ours"]) and width > 1e-6:
        ends = _range(line["range_low"], line["range_high"], line)
        parts.append(f"from {ends} by the rounding")
    return parts


def _verdict(line: pd.Series) -> str:
    """The verdict and its cause."""
    html = f"<strong>{escape(line['verdict'])}</strong>"
    if line["cause"]:
        html += _small([_linked(line["cause"])])
    return html


def _worked_out(line: pd.Series) -> str:
    """Links to the run or the calculation."""
    run = line["run"]
    calculation = line["calculation"]
    if run:
        where = f"table {line['table']}"
        if line["row"]:
            where += f", {line['row']}"
        link = f'<a href="_runs/{run}/{run}.html">{run}</a>'
        return link + _small([_breaking(where)])
    if calculation == "stand-in":
        reading = _breaking(line["reading"])
        return STAND_IN + _small(filter(None, [reading]))
    if line["file"] == "questions":
        return AUDIT + _small([f"from {_linked(calculation)}"])
    of_figures = _FIGURE.search(calculation) is not None
    if line["verdict"].startswith("inconsistent") and not of_figures:
        question = f'<a href="#ledger-{calculation}">{calculation}</a>'
        return AUDIT + _small([f"question {question}"])
    return _linked(calculation) or "nowhere"


CELLS = (_said, _published, _ours, _verdict, _worked_out)  # as in HEADS, after the id


# ----- directives -----


class LedgerDirective(DataDirective):
    """What is made from the ledger; some of its lines are synthetic."""

    synthetic = True

    def ledger(self) -> pd.DataFrame:
        """The ledger as `trustlib check` wrote it."""
        path = Path(self.env.srcdir) / "_runs" / "ledger.csv"
        self.env.note_dependency(str(path))
        path = require_file(path, "ledger", "Write it with `trustlib check`.")
        return csv_plains(pd.read_csv(path, dtype={"wave": str}))


class LedgerTable(LedgerDirective):
    """The ledger, line by line."""

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        return raw_html(ledger_table(self.ledger()))


class LedgerVerdicts(LedgerDirective):
    """How many lines have each verdict; the content says what each verdict means."""

    has_content = True

    def make(self) -> list[nodes.Node]:
        """A table with one row for each line ``verdict: meaning`` of the content."""
        told = meanings(self.content)
        if tuple(told) != VERDICTS:
            raise TrustlibError(
                f"The verdicts are {list(VERDICTS)}, this page tells {list(told)}."
            )
        counts = self.ledger()["verdict"].value_counts()
        rows = [[f"*{v}*", counts.get(v, 0), told[v]] for v in VERDICTS]
        return self.read(markdown_table(["Verdict", "Lines", "Meaning"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("ledger-table", LedgerTable)
    app.add_directive("ledger-verdicts", LedgerVerdicts)
    return {"parallel_read_safe": True}
