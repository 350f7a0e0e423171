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
from trustbook.sphinx.ledger_numbers import (
    EVIDENCE,
    FIGURE,
    estimate_text,
    read_ledger,
    rounding_text,
)
from trustbook.sphinx.record_pages import (
    distinct_words,
    filtered_table,
    printed,
)
from trustbook.verdicts import VERDICTS
from trustlib.errors import TrustlibError, require_file

HEADS = ("Line", "What is said", "Printed", "Ours", "Verdict", "Worked out in")
AUDIT_PAGE = "do-the-figures-fit.html"
STAND_IN_PAGE = "stand-in.html"
AUDIT = f'<a href="{AUDIT_PAGE}">Do the figures fit together?</a>'
STAND_IN = f'<a href="{STAND_IN_PAGE}">the synthetic stand-in</a>'


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
        From `trustbook.sphinx.ledger_numbers.read_ledger`.
    verdicts : iterable of str
        Those that the filter offers.
    """
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
    return FIGURE.sub(r'<a href="record.html#figure-\g<0>">\g<0></a>', escape(text))


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
    if line["file"] == "figures":
        html = _with_card(
            html, f"record|{line['id']}", f"record.html#figure-{line['id']}"
        )
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
    shown = estimate_text(line)
    if not shown:
        return "none"
    parts = _precision(line)
    if line["evidence"] in ("real", "synthetic"):
        people = EVIDENCE[line["evidence"]]
        if line["n"] > 0:
            people += f", {line['n']:,.0f} of them"
        parts.append(people)
    return _with_card(shown, card_of(line), where_worked_out(line)) + _small(parts)


def _with_card(html: str, card: str, href: str) -> str:
    """A number as a link that opens its card; without scripts it leads on."""
    return f'<a href="{escape(href)}" data-card="{escape(card)}">{html}</a>'


def card_of(line: pd.Series) -> str:
    """The card of our number in a line: that of its finding, or one of the ledger's own."""
    kind, _, name = line["calculation"].partition(" ")
    return f"findings|{name}" if kind == "finding" else f"ledger|{line['id']}"


def where_worked_out(line: pd.Series) -> str:
    """The page on which our number in a line was worked out."""
    if line["run"]:
        return f"_runs/{line['run']}/{line['run']}.html"
    return STAND_IN_PAGE if line["calculation"] == "stand-in" else AUDIT_PAGE


def _precision(line: pd.Series) -> list[str]:
    """The standard error and its rule, and the range that rounding leaves open."""
    parts = []
    if pd.notna(line["std_error"]):
        _, _, rule = line["df_rule"].partition("; ")
        parts.append(f"standard error {line['std_error']:.2f}; {rule}")
    ends = rounding_text(line)
    if ends:
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
        link = f'<a href="{where_worked_out(line)}">{run}</a>'
        return link + _small([_breaking(where)])
    if calculation == "stand-in":
        reading = _breaking(line["reading"])
        return STAND_IN + _small(filter(None, [reading]))
    if line["file"] == "questions":
        return AUDIT + _small([f"from {_linked(calculation)}"])
    of_figures = FIGURE.search(calculation) is not None
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
        return read_ledger(path)


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
