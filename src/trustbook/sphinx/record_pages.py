"""Pages made from the published record and from the codebook, when the book is built.

``{record-table}`` shows every row of ``data/published/figures.csv`` in one table, with a filter where scripts run.
``{record-counts} column`` counts its rows by the values of a column.
``{record}`R24-017` `` prints one figure of it; what it says and its source are the tooltip.
``{calibration-table}`` and ``{coverage-table}`` show what the synthetic stand-in was held to, and fresh draws from it.
``{codebook-table} gender reason_*`` shows variables of ``data/codebook.yml``; ``{asked-in} gender reason_*`` says in
which wave and country they were asked.
A row or variable that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

from abc import abstractmethod
from fnmatch import fnmatch
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from trustbook.sphinx.finding import unbroken
from trustlib.errors import TrustlibError
from trustlib.record.printed import WAVES, asked_in, load_figures
from trustlib.schema import load_yaml

UNITS = {"percent": " %", "points": " points", "ratio": " times", "count": ""}
SIGNS = {
    ">": "more than ",
    "<": "less than ",
    ">=": "at least ",
    "=": "",
    "order": "",
    "": "",
}
WORDS = {
    "direction": "a direction only",
    "ranking": "a ranking only",
    "statement": "no figure",
}
SEPARATE = "Separate survey: Ipsos, Australia"
Choices = dict[str, tuple[str, dict[str, str]]]
LANGUAGES = {"es": "Spanish", "ja": "Japanese", "pt": "Portuguese"}


@lru_cache(maxsize=2)
def figures_of(path: Path, changed: float) -> pd.DataFrame:
    """The record, read once for each state of the file."""
    return load_figures(path)


def printed(figure: pd.Series) -> str:
    """A figure as its source prints it, such as ``more than 11,500``; words where there is no number."""
    if pd.isna(figure["value"]):
        return WORDS[figure["statistic"]]
    return f"{SIGNS[figure['comparison']]}{figure['value']:,.10g}{UNITS[figure['statistic']]}"


def record_table(figures: pd.DataFrame) -> str:
    """All figures as an HTML table with the controls of its filter, which book/_static/record.js brings to life."""
    waves, items = (
        sorted(set(" ".join(figures["wave"]).split())),
        dict.fromkeys(figures["item"]),
    )
    countries = sorted(set(" ".join(figures["countries"]).split()))
    surveys = {"polling": "The polling", "ipsos_au_2025": SEPARATE}
    choices = {
        "wave": ("Wave", {w: w for w in waves}),
        "item": ("Item", {i: i for i in items}),
        "countries": ("Country", {c: c for c in countries}),
        "survey": ("Survey", surveys),
    }
    heads = (
        "Id",
        "What is said",
        "Figure",
        "Wave",
        "Countries",
        "Item",
        "Group",
        "Of whom",
        "Source",
        "Certainty",
    )
    rows = "".join(_row(figure) for _, figure in figures.iterrows())
    return filtered_table("record", "All published figures", choices, heads, rows)


def filtered_table(
    name: str,
    caption: str,
    choices: Choices,
    heads: tuple[str, ...],
    rows: str,
    notes: bool = False,
) -> str:
    """A table in its box, with a filter for its rows: words, and one list for each ``data-`` attribute of a row.

    With `notes` the small print of each row (``record-note``) is folded until the reader asks for it, searches for
    words, or comes by a link to the row.
    """
    fold = (
        f'<label for="{name}-notes">Details<input type="checkbox" id="{name}-notes"></label>'
        if notes
        else ""
    )
    controls = "".join(
        _select(name, column, label, options)
        for column, (label, options) in choices.items()
    )
    return (
        f'<form id="{name}-filter" class="record-filter" data-table="{name}-table" role="search" '
        f'aria-label="Filter: {caption}" hidden><label for="{name}-text">Words<input type="search" id="{name}-text" '
        f'autocomplete="off"></label>{controls}{fold}<button type="reset">Show all</button>'
        f'<p role="status" id="{name}-status"></p></form>'
        f'<div class="table-scroll" role="region" tabindex="0" aria-label="{caption}">'
        f'<table id="{name}-table" role="table"><caption>{caption}</caption><thead role="rowgroup"><tr role="row">'
        + "".join(f'<th scope="col" role="columnheader">{head}</th>' for head in heads)
        + f'</tr></thead><tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _select(name: str, column: str, label: str, options: dict[str, str]) -> str:
    """One list to choose from, inside its label."""
    choices = "".join(
        f'<option value="{escape(k)}">{escape(v)}</option>' for k, v in options.items()
    )
    return (
        f'<label for="{name}-{column}">{label}<select id="{name}-{column}" data-column="{column}">'
        f'<option value="">All</option>{choices}</select></label>'
    )


def _row(figure: pd.Series) -> str:
    """One figure as a row of the table."""
    facts = {k: escape(str(v)) for k, v in figure.items()}
    separate = (
        f'<br><strong class="record-separate">{SEPARATE}</strong>'
        if figure["survey"] != "polling"
        else ""
    )
    note = (
        f'<br><span class="record-note">{facts["note"]}</span>'
        if figure["note"]
        else ""
    )
    where = figure["address"].split()
    link = facts["source"]
    if where[0].startswith("http"):
        link = f'<a href="{escape(where[0])}">{facts["source"]}</a>' + "".join(
            f', <a href="{escape(url)}">also {i}</a>'
            for i, url in enumerate(where[1:], 1)
        )
    else:
        link += f", {facts['address']}"
    base = facts["base"] + (
        f" (n = {figure['base_n']:,.0f})" if figure["base_n"] > 0 else ""
    )
    cells = (
        facts["claim"] + separate + note,
        escape(unbroken(printed(figure))),
        facts["wave"] or "none",
        facts["countries"] or "none",
        facts["item"],
        f"<code>{facts['group']}</code>",
        f"{facts['conditioning']}: {base}" if figure["conditioning"] else base,
        link,
        facts["confidence"],
    )
    data = "".join(
        f' data-{c}="{facts[c]}"' for c in ("wave", "item", "countries", "survey")
    )
    verdict = f'<br><a href="ledger.html#ledger-{facts["id"]}" aria-label="Verdict on {facts["id"]}">Verdict</a>'
    return (
        f'<tr role="row" id="figure-{facts["id"]}"{data}><th role="rowheader" scope="row">{facts["id"]}{verdict}</th>'
        + ("".join(f'<td role="cell">{cell}</td>' for cell in cells) + "</tr>")
    )


def markdown_table(heads: list[str], rows: list[list[Any]]) -> str:
    """A table in Markdown, for docutils to read."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| "
        + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in r)
        + " |"
        for r in lines
    )


class _Made(SphinxDirective):
    """A directive that reads a file below data/ and depends on it."""

    optional_arguments = 1
    final_argument_whitespace = True
    synthetic = False  # whether a file of the stand-in was read: `trustbook.site` then looks for the word

    def file(self, name: str) -> Path:
        """The path of a file below data/, noted as a dependency of this page."""
        path = Path(self.env.srcdir).parent / "data" / name
        self.env.note_dependency(str(path))
        self.synthetic = self.synthetic or name.startswith("synthetic/")
        return path

    def figures(self) -> pd.DataFrame:
        """The published record."""
        path = self.file("published/figures.csv")
        return figures_of(path, path.stat().st_mtime)

    def run(self) -> list[nodes.Node]:
        """Make the nodes; what cannot be read is an error of the page."""
        try:
            made = self.make()
            return (
                [nodes.container("", *made, classes=["from-synthetic"])]
                if self.synthetic
                else made
            )
        except TrustlibError as error:
            return [
                self.state.document.reporter.error(
                    f"{self.name}: {error}", line=self.lineno
                )
            ]

    @abstractmethod
    def make(self) -> list[nodes.Node]:
        """The nodes of the page."""

    def read(self, markdown: str) -> list[nodes.Node]:
        """Markdown as nodes."""
        box = nodes.container()
        self.state.nested_parse(markdown.splitlines(), self.content_offset, box)
        return box.children

    def variables(self) -> dict[str, dict[str, Any]]:
        """The variables of the codebook that the argument names, in its order; a pattern may stand for several."""
        known = load_yaml(self.file("codebook.yml"))["variables"]
        out: dict[str, dict[str, Any]] = {}
        for pattern in self.arguments[0].split():
            found = {k: v for k, v in known.items() if fnmatch(k, pattern)}
            if not found:
                raise TrustlibError(
                    f"No variable of the codebook is called {pattern!r}."
                )
            out |= found
        return out


class RecordTable(_Made):
    """The table of all published figures."""

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        return [nodes.raw("", record_table(self.figures()), format="html")]


class RecordCounts(_Made):
    """How many figures there are of each kind: ``{record-counts} item``; the content says what each kind means."""

    has_content = True

    def make(self) -> list[nodes.Node]:
        """A table with one row for each line ``kind: meaning`` of the content."""
        figures = self.figures()
        counts = figures[self.arguments[0]].value_counts()
        told = dict(line.split(": ", 1) for line in self.content if line.strip())
        if set(told) != set(counts.index):
            raise TrustlibError(
                f"The record has the kinds {sorted(counts.index)}, this page tells {sorted(told)}."
            )
        rows = [
            [f"`{kind}`" if kind else "(empty)", meaning, counts[kind]]
            for kind, meaning in told.items()
        ]
        return self.read(
            markdown_table([self.arguments[0].capitalize(), "Meaning", "Lines"], rows)
        )


class CodebookTable(_Made):
    """What each of some variables is."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each variable; a column where nothing stands is left out."""
        heads, rows = (
            ["Variable", "Meaning", "Levels, in order", "Printed words", "Note"],
            [],
        )
        for name, facts in self.variables().items():
            kinds = {"binary": "", "number": "a number"}
            levels = ", ".join(map(str, facts.get("levels") or [])) or kinds.get(
                facts.get("type", ""), "not fixed"
            )
            words = "; ".join(
                f"{LANGUAGES.get(k, k)}: {v}"
                for k, v in (facts.get("printed") or {}).items()
            )
            rows.append(
                [
                    f"`{name}`",
                    facts["label"],
                    levels,
                    facts.get("question") or words,
                    facts.get("note", ""),
                ]
            )
        for column in (4, 3, 2):
            if not any(row[column] for row in rows):
                del heads[column]
                rows = [row[:column] + row[column + 1 :] for row in rows]
        return self.read(markdown_table(heads, rows))


class AskedIn(_Made):
    """In which wave and country some variables were asked."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each variable that has a map."""
        told, rows = asked_in(self.file("codebook.yml")), []
        for name in self.variables():
            mine = told[told["variable"] == name]
            row = []
            for wave in WAVES:
                by = (
                    mine[mine["wave"] == wave]
                    .groupby("asked", sort=False)["country"]
                    .agg(list)
                )
                row.append(
                    "; ".join(
                        a if len(c) == len(WAVES[wave]) else f"{a}: {', '.join(c)}"
                        for a, c in by.items()
                    )
                )
            if not mine.empty:
                rows.append([f"`{name}`", *row])
        heads = [
            f"{wave} ({', '.join(countries)})" for wave, countries in WAVES.items()
        ]
        return self.read(markdown_table(["Variable", *heads], rows))


class CalibrationTable(_Made):
    """Every printed figure, and what the synthetic stand-in makes of it."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each target."""
        claims = self.figures().set_index("id")["claim"]
        table = pd.read_csv(
            self.file("synthetic/calibration.csv"), dtype={"wave": str, "asked": str}
        )
        rows = []
        for t in table.itertuples():
            order = t.statistic == "order"
            asked, achieved = (
                ("order", "order") if order else (t.asked, f"{t.achieved:,.10g}")
            )
            rows.append([t.id, claims[t.id], asked, achieved, t.verdict])
        heads = ["Figure", "What is said", "Asked", "Synthetic", "Verdict"]
        return self.read(markdown_table(heads, rows))


class CoverageTable(_Made):
    """How often intervals held the truth in fresh draws from the model of the stand-in."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each cell of identities."""
        table = pd.read_csv(self.file("synthetic/coverage.csv"))
        rows = [
            [f"{t.gender}, {t.ethnicity}, {t.disability}", f"{100 * t.truth:.1f}", f"{100 * t.coverage:.1f}",
             f"{100 * t.mean_length:.1f}", f"{t.mean_n:,.0f}", f"{t.draws:,}"]
            for t in table.itertuples()
        ]  # fmt: skip
        heads = [
            "Cell (synthetic)",
            "Truth, percent",
            "Covered, percent of draws",
            "Length, points",
            "People",
            "Draws",
        ]
        return self.read(markdown_table(heads, rows))


class RecordRole(SphinxRole):
    """Print one figure of the record, linked to its row there; what it says and its source are a tooltip too."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the figure up."""
        path = Path(self.env.srcdir).parent / "data" / "published" / "figures.csv"
        self.env.note_dependency(str(path))
        figures = figures_of(path, path.stat().st_mtime).set_index("id")
        if self.text not in figures.index:
            return [], [
                self.inliner.reporter.error(
                    f"no published figure {self.text!r}", line=self.lineno
                )
            ]
        mark = self.mark(figures.loc[self.text])
        uri = (
            self.env.app.builder.get_relative_uri(self.env.docname, "record")
            + f"#figure-{self.text}"
        )
        return [nodes.reference("", "", mark, refuri=uri, internal=True)], []

    def mark(self, figure: pd.Series) -> nodes.Node:
        """What is printed: the number."""
        shown = unbroken(printed(figure))
        return nodes.abbreviation(
            shown, shown, explanation=f"{figure['claim']}. {figure['source']}."
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("record-table", RecordTable)
    app.add_directive("record-counts", RecordCounts)
    app.add_directive("codebook-table", CodebookTable)
    app.add_directive("asked-in", AskedIn)
    app.add_directive("calibration-table", CalibrationTable)
    app.add_directive("coverage-table", CoverageTable)
    app.add_role("record", RecordRole())
    return {"parallel_read_safe": True}
