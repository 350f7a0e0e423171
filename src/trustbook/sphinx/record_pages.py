"""Pages made from the published record, when the book is built.

``{record-table}``
    shows every row of ``data/published/figures.csv`` in one table, with a filter where
    scripts run.
``{record-counts} column``
    counts its rows by the values of a column.
``{record}`R24-017` ``
    prints one figure of it; what it says and its source are the tooltip.

A row that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

from html import escape

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from trustbook.sphinx.directives import (
    DataDirective,
    markdown_table,
    meanings,
    published_record,
    raw_html,
)
from trustbook.sphinx.finding import unbroken
from trustlib.errors import TrustlibError

UNITS = {"percent": " %", "points": " points", "ratio": " times", "count": ""}
SIGNS = {
    ">": "more than ",
    "<": "less than ",
    ">=": "at least ",
    "<=": "at most ",
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
SURVEYS = {"polling": "The polling", "ipsos_au_2025": SEPARATE}
HEADS = (
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
Choices = dict[str, tuple[str, dict[str, str]]]


def printed(figure: pd.Series) -> str:
    """A figure as its source prints it; words where there is no number.

    Parameters
    ----------
    figure : Series
        A row of `trustlib.record.printed.load_figures`.

    Examples
    --------
    >>> import pandas as pd
    >>> printed(pd.Series({"value": 11500, "comparison": ">", "statistic": "count"}))
    'more than 11,500'
    """
    if pd.isna(figure["value"]):
        return WORDS[figure["statistic"]]
    sign = SIGNS[figure["comparison"]]
    unit = UNITS[figure["statistic"]]
    return f"{sign}{figure['value']:,.10g}{unit}"


def with_people(base: str, figure: pd.Series) -> str:
    """Of whom, with the number of people where it is printed.

    Examples
    --------
    >>> import pandas as pd
    >>> with_people("disabled people", pd.Series({"base_n": 2712.0}))
    'disabled people (n = 2,712)'
    """
    if figure["base_n"] > 0:
        return f"{base} (n = {figure['base_n']:,.0f})"
    return base


# ----- a table with a filter -----


def record_table(figures: pd.DataFrame) -> str:
    """All figures as an HTML table with the filter of `filtered_table`.

    Parameters
    ----------
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.
    """
    choices = {
        "wave": ("Wave", _as_options(distinct_words(figures["wave"]))),
        "item": ("Item", _as_options(figures["item"])),
        "countries": ("Country", _as_options(distinct_words(figures["countries"]))),
        "survey": ("Survey", SURVEYS),
    }
    rows = "".join(_row(figure) for _, figure in figures.iterrows())
    return filtered_table("record", "All published figures", choices, HEADS, rows)


def distinct_words(cells: pd.Series) -> list[str]:
    """The words of cells that may hold several, each of them once and in order.

    Examples
    --------
    >>> import pandas as pd
    >>> distinct_words(pd.Series(["2024 2022", "2022", ""]))
    ['2022', '2024']
    """
    return sorted(set(" ".join(cells).split()))


def _as_options(values: pd.Series | list[str]) -> dict[str, str]:
    """The options of a list that are shown as they are."""
    return {value: value for value in values}


def filtered_table(
    name: str,
    caption: str,
    choices: Choices,
    heads: tuple[str, ...],
    rows: str,
    notes: bool = False,
) -> str:
    """A table in its box, with a filter for its rows: words, and lists to choose from.

    ``book/_static/record.js`` brings the filter to life; without it the whole table is
    shown.

    Parameters
    ----------
    name : str
        The table is ``<name>-table``, its filter ``<name>-filter``.
    caption : str
    choices : dict
        One list for each ``data-`` attribute of a row: its label, and value -> what is
        shown.
    heads : tuple of str
    rows : str
        The rows in HTML.
    notes : bool
        Whether the small print of each row (``record-note``) is folded until the reader
        asks for it, searches for words, or comes by a link to the row.
    """
    controls = "".join(
        _select(name, column, label, options)
        for column, (label, options) in choices.items()
    )
    if notes:
        controls += (
            f'<label for="{name}-notes">Details'
            f'<input type="checkbox" id="{name}-notes"></label>'
        )
    head_cells = "".join(
        f'<th scope="col" role="columnheader">{head}</th>' for head in heads
    )
    return (
        f'<form id="{name}-filter" class="record-filter" data-table="{name}-table" '
        f'role="search" aria-label="Filter: {caption}" hidden>'
        f'<label for="{name}-text">Words'
        f'<input type="search" id="{name}-text" autocomplete="off"></label>'
        f'{controls}<button type="reset">Show all</button>'
        f'<p role="status" id="{name}-status"></p></form>'
        f'<div class="table-scroll" role="region" tabindex="0" aria-label="{caption}">'
        f'<table id="{name}-table" class="as-cards" role="table"><caption>{caption}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head_cells}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _select(name: str, column: str, label: str, options: dict[str, str]) -> str:
    """One list to choose from, inside its label."""
    choices = "".join(
        f'<option value="{escape(value)}">{escape(shown)}</option>'
        for value, shown in options.items()
    )
    return (
        f'<label for="{name}-{column}">{label}'
        f'<select id="{name}-{column}" data-column="{column}">'
        f'<option value="">All</option>{choices}</select></label>'
    )


def _row(figure: pd.Series) -> str:
    """One figure as a row of the table."""
    texts = {column: escape(str(value)) for column, value in figure.items()}
    cells = (
        _claim(figure, texts),
        escape(unbroken(printed(figure))),
        texts["wave"] or "none",
        texts["countries"] or "none",
        texts["item"],
        f"<code>{texts['group']}</code>",
        _of_whom(figure, texts),
        _source(figure, texts),
        texts["confidence"],
    )
    shown = "".join(
        f'<td role="cell" data-label="{head}"><div>{cell}</div></td>'
        for head, cell in zip(HEADS[1:], cells, strict=True)
    )
    name = texts["id"]
    data = "".join(
        f' data-{column}="{texts[column]}"'
        for column in ("wave", "item", "countries", "survey")
    )
    verdict = (
        f'<br><a href="ledger.html#ledger-{name}" aria-label="Verdict on {name}">'
        "Verdict</a>"
    )
    return (
        f'<tr role="row" id="figure-{name}"{data}>'
        f'<th role="rowheader" scope="row">{name}{verdict}</th>'
        f"{shown}</tr>"
    )


def _claim(figure: pd.Series, texts: dict[str, str]) -> str:
    """What is said, of which survey if not of the polling, and the note."""
    html = texts["claim"]
    if figure["survey"] != "polling":
        html += f'<br><strong class="record-separate">{SEPARATE}</strong>'
    if figure["note"]:
        html += f'<br><span class="record-note">{texts["note"]}</span>'
    return html


def _of_whom(figure: pd.Series, texts: dict[str, str]) -> str:
    """The base, and whether it is everybody or those with an experience."""
    base = with_people(texts["base"], figure)
    if figure["conditioning"]:
        return f"{texts['conditioning']}: {base}"
    return base


def _source(figure: pd.Series, texts: dict[str, str]) -> str:
    """The source, linked to its addresses or with the place in it."""
    first, *others = figure["address"].split()
    if not first.startswith("http"):
        return f"{texts['source']}, {texts['address']}"
    html = f'<a href="{escape(first)}">{texts["source"]}</a>'
    for number, address in enumerate(others, 1):
        html += f', <a href="{escape(address)}">also {number}</a>'
    return html


# ----- directives and the role -----


class RecordTable(DataDirective):
    """The table of all published figures."""

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        return raw_html(record_table(self.figures()))


class RecordCounts(DataDirective):
    """How many figures there are of each kind; the content says what each kind means.

    The argument is a column, such as ``item``.
    """

    has_content = True

    def make(self) -> list[nodes.Node]:
        """A table with one row for each line ``kind: meaning`` of the content."""
        column = self.arguments[0]
        counts = self.figures()[column].value_counts()
        told = meanings(self.content)
        if set(told) != set(counts.index):
            raise TrustlibError(
                f"The record has the kinds {sorted(counts.index)}, "
                f"this page tells {sorted(told)}."
            )
        rows = []
        for kind, meaning in told.items():
            name = f"`{kind}`" if kind else "(empty)"
            rows.append([name, meaning, counts[kind]])
        heads = [column.capitalize(), "Meaning", "Lines"]
        return self.read(markdown_table(heads, rows))


class RecordRole(SphinxRole):
    """Print one figure of the record, linked to its row there.

    What it says and its source are a tooltip too.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the figure up."""
        figures = published_record(self.env)
        if self.text not in figures.index:
            message = f"no published figure {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        mark = self.mark(figures.loc[self.text])
        builder = self.env.app.builder
        page = builder.get_relative_uri(self.env.docname, "record")
        uri = f"{page}#figure-{self.text}"
        return [nodes.reference("", "", mark, refuri=uri, internal=True)], []

    def mark(self, figure: pd.Series) -> nodes.Node:
        """What is printed: the number."""
        shown = unbroken(printed(figure))
        told = f"{figure['claim']}. {figure['source']}."
        return nodes.abbreviation(shown, shown, explanation=told)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("record-table", RecordTable)
    app.add_directive("record-counts", RecordCounts)
    app.add_role("record", RecordRole())
    return {"parallel_read_safe": True}
