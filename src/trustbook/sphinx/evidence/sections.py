"""Which chapter, runs and lines of the record belong to each section of the report.

``book/sections.yml`` says so. ``{sections-table}`` shows it, and ``{record-rows}`` shows
the lines of the record that belong to the page it stands on, or those named.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from html import escape
from pathlib import Path

import pandas as pd
from docutils import nodes

from trustbook.runs import load_plan
from trustbook.sphinx.directives import markdown_table, published_record, raw_html
from trustbook.sphinx.evidence.page import EvidenceDirective, plan_for
from trustbook.sphinx.evidence.plan import sections
from trustbook.sphinx.finding import unbroken
from trustbook.sphinx.record_pages import printed, with_people
from trustlib.errors import require_names

SECTIONS = "sections.yml"
HEADS = ("Section of the report", "Chapter", "Runs")
ROW_HEADS = ("Line", "What is said", "Figure", "Item", "Of whom")
CAPTION = "Printed lines of this chapter. Kind of evidence: published"


def record_ids(patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The lines of the record that ids and patterns stand for, in the record's order.

    Raises
    ------
    UnknownNameError
        One of them stands for no line.

    Examples
    --------
    >>> record_ids(["W22-03*", "P-001"], ["P-001", "W22-029", "W22-030"])
    ['P-001', 'W22-030']
    """
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in known):
            require_names("figure of the record", [pattern], known)
    return [n for n in known if any(fnmatch(n, pattern) for pattern in patterns)]


def sections_markdown(path: str | Path, runs: str | Path, page: str = "/{0}") -> str:
    """The table report section -> chapter -> runs, for the book or for the README.

    Parameters
    ----------
    path, runs : path
        ``book/sections.yml`` and ``notebooks/runs.yml``.
    page : str
        How the book writes the target of a page; without it (``""``) chapters are links
        to their files, as the README needs them.

    Raises
    ------
    UnknownNameError
        A run has no page, or is not planned.

    Examples
    --------
    >>> table = sections_markdown("book/sections.yml", "notebooks/runs.yml", page="")
    >>> table.splitlines()[0]
    '| Section of the report | Chapter | Runs |'
    """
    known = [run.id for run in load_plan(runs) if run.page]
    rows = []
    for section in sections(path):
        require_names("run with a page", section.runs, known)
        chapter = f"[{section.title}](book/{section.chapter}.md)"
        names = [f"`{run}`" for run in section.runs]
        if page:
            chapter = _page_link(section.title, section.chapter, page)
            names = [
                _page_link(run, f"_runs/{run}/{run}", page) for run in section.runs
            ]
        rows.append([section.section, chapter, ", ".join(names) or "none"])
    return markdown_table(HEADS, rows)


def _page_link(words: str, target: str, page: str) -> str:
    """A link to a page of the book, as MyST writes it."""
    return f"{{doc}}`{words} <{page.format(target)}>`"


class SectionsTable(EvidenceDirective):
    """Report section -> chapter -> runs."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """A Markdown table."""
        source = Path(self.env.srcdir)
        path = source / SECTIONS
        self.env.note_dependency(str(path))
        runs = source.parent / "notebooks" / "runs.yml"
        return self.read(sections_markdown(path, runs))


class RecordRows(EvidenceDirective):
    """The lines of the record that belong to this page, each with a link to its row."""

    def make(self) -> list[nodes.Node]:
        """One table that can be opened."""
        figures = published_record(self.env)
        ids = record_ids(self.patterns(), list(figures.index))
        lines = "The one printed line that belongs"
        if len(ids) > 1:
            lines = f"All {len(ids)} printed lines that belong"
        heads = "".join(f'<th scope="col">{head}</th>' for head in ROW_HEADS)
        body = "".join(self.row(name, figures.loc[name]) for name in ids)
        return raw_html(
            f'<details class="record-rows"><summary>{lines} to this chapter</summary>'
            f"<table><caption>{CAPTION}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table></details>"
        )

    def patterns(self) -> list[str]:
        """The ids and patterns of the argument, else those of this chapter."""
        if self.arguments:
            return self.arguments[0].split()
        path = Path(self.env.srcdir) / SECTIONS
        self.env.note_dependency(str(path))
        mine = [part for part in sections(path) if part.chapter == self.env.docname]
        return " ".join(section.record for section in mine).split()

    def row(self, name: str, figure: pd.Series) -> str:
        """One line of the record as a row of the table."""
        item = plan_for(self.env).items[figure["item"]]
        shown = unbroken(printed(figure))
        return (
            f"<tr><th scope='row'>{self.line(name, name)}</th>"
            f"<td>{escape(figure['claim'])}</td><td>{escape(shown)}</td>"
            f"<td>{escape(item)}</td><td>{escape(_base(figure))}</td></tr>"
        )


def _base(figure: pd.Series) -> str:
    """Of whom, with the number of people where it is printed."""
    if figure["item"] == "context":
        return with_people("no figure of the polling", figure)
    return with_people(figure["base"], figure)
