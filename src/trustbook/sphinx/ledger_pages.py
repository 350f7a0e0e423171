"""The ledger as pages, made from what `trustlib check` wrote when the book is built.

``{ledger-table}`` shows every line of the ledger, with a filter where scripts run. Each line leads to the figure in the
record and to the run or calculation that answers it.
``{ledger-verdicts}`` counts the lines by verdict; its content says what each verdict means, and must name them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from math import log10
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.ledger import VERDICTS
from trustbook.sphinx.record_pages import (
    UNITS,
    _Made,
    filtered_table,
    markdown_table,
    printed,
)
from trustlib.errors import TrustlibError, require_file
from trustlib.escaping import csv_plains

HEADS = ("Line", "What is said", "Printed", "Ours", "Verdict", "Worked out in")
EVIDENCE = {
    "real": "real people",
    "synthetic": "synthetic people",
    "published": "published figures",
}
_FIGURE = re.compile(r"\b[A-Z]+\d*-\d+[a-z]?\b")  # the id of a figure of the record


def slug(text: str) -> str:
    """A text as one word, for an attribute."""
    return re.sub(r"\W+", "-", text).strip("-")


def ledger_table(ledger: pd.DataFrame, verdicts: Iterable[str] = VERDICTS) -> str:
    """The ledger as an HTML table with the filter of `record_pages.filtered_table`."""
    texts = ledger.select_dtypes(exclude="number").columns
    ledger = ledger.assign(**{c: ledger[c].fillna("").astype(str) for c in texts})
    waves = sorted(set(" ".join(ledger["wave"]).split()))
    choices = {
        "verdict": ("Verdict", {slug(v): v for v in verdicts}),
        "wave": ("Wave", {w: w for w in waves}),
        "item": ("Item", {i: i for i in dict.fromkeys(ledger["item"]) if i}),
        "evidence": ("Answered by", EVIDENCE),
        "source": ("Source", {slug(s): s for s in dict.fromkeys(ledger["source"])}),
    }
    rows = "".join(_row(line) for _, line in ledger.iterrows())
    return filtered_table("ledger", "The ledger", choices, HEADS, rows, notes=True)


def _row(line: pd.Series) -> str:
    """One line of the ledger as a row of the table."""
    data = {c: line[c] for c in ("wave", "item", "evidence")} | {
        c: slug(line[c]) for c in ("verdict", "source")
    }
    attributes = "".join(f' data-{k}="{escape(v)}"' for k, v in data.items())
    verdict = f"<strong>{escape(line['verdict'])}</strong>" + _small(
        [_linked(line["cause"])] if line["cause"] else []
    )
    cells = (_said(line), _published(line), _ours(line), verdict, _worked_out(line))
    shown = zip(HEADS[1:], cells, strict=True)
    name = _linked(line["id"]) if line["file"] == "figures" else _breaking(line["id"])
    return (
        f'<tr role="row" id="ledger-{line["id"]}"{attributes}><th role="rowheader" scope="row">{name}</th>'
        + "".join(
            f'<td role="cell" data-label="{head}"><div>{cell}</div></td>'
            for head, cell in shown
        )
        + "</tr>"
    )


def _small(parts: Iterable[str]) -> str:
    return "".join(f'<span class="record-note"><br>{part}</span>' for part in parts)


def _breaking(text: str) -> str:
    """A text whose long names may break after an underscore."""
    return escape(text).replace("_", "_<wbr>")


def _linked(text: str) -> str:
    """A text in which each figure of the record leads to its row there."""
    return _FIGURE.sub(
        lambda m: f'<a href="record.html#figure-{m[0]}">{m[0]}</a>', escape(text)
    )


def _number(value: float, line: pd.Series) -> str:
    digits = {"count": 0, "ratio": 2}.get(
        line["statistic"], 2 if line["file"] not in ("figures", "questions") else 1
    )
    return f"{value:,.{digits}f}".replace("-", "−")


def _said(line: pd.Series) -> str:
    """What is said, and about whom."""
    place = "" if line["place"].startswith("http") else line["place"]
    source = ", ".join(filter(None, (line["source"], place)))
    about = [source] + [
        f"{k}: {line[k]}" for k in ("wave", "countries", "item", "base") if line[k]
    ]
    return escape(line["claim"]) + _small([escape("; ".join(about))])


def _published(line: pd.Series) -> str:
    """The printed number with its interval, and what its rounding leaves open."""
    if line["file"] == "questions":
        return "not printed"
    digits = (
        f",.{max(0, round(-log10(2 * line['tolerance'])))}f"
        if line["tolerance"] > 0
        else ""
    )
    ends = [
        f"{line[c]:{digits}}"
        for c in ("published_low", "published_high")
        if pd.notna(line[c])
    ]
    shown = escape(printed(line.rename({"published": "value"})))
    return (
        shown + (f" ({' to '.join(ends)})" if ends else "") + _small(_tolerance(line))
    )


def _tolerance(line: pd.Series) -> Iterator[str]:
    if line["tolerance"] > 0:
        yield f"rounding: {line['tolerance']:g} up or down"


def _ours(line: pd.Series) -> str:
    """Our number, its interval and standard error, and whose it is."""
    parts, unit = [], UNITS.get(line["statistic"], "")
    low, high = line["range_low"], line["range_high"]
    if pd.notna(line["ours"]):
        ends = f" ({_number(line['conf_low'], line)} to {_number(line['conf_high'], line)})"
        parts.append(
            _number(line["ours"], line)
            + unit
            + (ends if pd.notna(line["conf_low"]) else "")
        )
    elif pd.notna(low):
        parts.append(f"{_number(low, line)} to {_number(high, line)}{unit}")
    if pd.notna(line["std_error"]):
        parts.append(
            f"standard error {line['std_error']:.2f}; {line['df_rule'].partition('; ')[2]}"
        )
    if pd.notna(line["ours"]) and high - low > 1e-6:
        parts.append(
            f"from {_number(low, line)} to {_number(high, line)} by the rounding"
        )
    if parts and line["evidence"] in ("real", "synthetic"):
        parts.append(
            EVIDENCE[line["evidence"]]
            + (f", {line['n']:,.0f} of them" if line["n"] > 0 else "")
        )
    return parts[0] + _small(parts[1:]) if parts else "none"


def _worked_out(line: pd.Series) -> str:
    """Links to the run or the calculation."""
    if line["run"]:
        where = f"table {line['table']}" + (f", {line['row']}" if line["row"] else "")
        return (
            f'<a href="_runs/{line["run"]}/{line["run"]}.html">{line["run"]}</a>'
            + _small([_breaking(where)])
        )
    if line["calculation"] == "stand-in":
        told = [_breaking(line["reading"])] if line["reading"] else []
        return '<a href="stand-in.html">the synthetic stand-in</a>' + _small(told)
    audit = '<a href="do-the-figures-fit.html">Do the figures fit together?</a>'
    if line["file"] == "questions":
        return audit + _small([f"from {_linked(line['calculation'])}"])
    if line["verdict"].startswith("inconsistent") and not _FIGURE.search(
        line["calculation"]
    ):
        return audit + _small(
            [
                f'question <a href="#ledger-{line["calculation"]}">{line["calculation"]}</a>'
            ]
        )
    return _linked(line["calculation"]) or "nowhere"


class _OfLedger(_Made):
    """What is made from the ledger; some of its lines are synthetic."""

    synthetic = True

    def ledger(self) -> pd.DataFrame:
        """The ledger as `trustlib check` wrote it."""
        path = Path(self.env.srcdir) / "_runs" / "ledger.csv"
        self.env.note_dependency(str(path))
        written = pd.read_csv(
            require_file(path, "ledger", "Write it with `trustlib check`."),
            dtype={"wave": str},
        )
        return csv_plains(written)


class LedgerTable(_OfLedger):
    """The ledger, line by line."""

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        return [nodes.raw("", ledger_table(self.ledger()), format="html")]


class LedgerVerdicts(_OfLedger):
    """How many lines have each verdict; the content says what each verdict means."""

    has_content = True

    def make(self) -> list[nodes.Node]:
        """A table with one row for each line ``verdict: meaning`` of the content."""
        told = dict(line.split(": ", 1) for line in self.content if line.strip())
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
