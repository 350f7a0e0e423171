"""The audit of the published record on pages: its standard questions, asked when the book is built.

``data/published/questions.yml`` says what is asked of which printed figures; `trustlib.record.questions` puts it and
`trustlib.record.audit` answers.
``{audit}`one-item-minority low` `` prints one answer; the question in words is the tooltip, and stands in a list at the
end of the page, to which the answer leads. A bound has two keys, ``<key> low`` and ``<key> high``; a question of yes or
no has ``<key>`` and ``<key> conflict``.
``{audit-table}`` shows every question with its answer.
A key that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from trustbook.sphinx.finding import unbroken
from trustbook.sphinx.record_pages import _Made, markdown_table
from trustlib.errors import TrustlibError, require_names
from trustlib.record.questions import answers, in_words

FILES = ("figures.csv", "questions.yml")


@lru_cache(maxsize=2)
def answers_of(figures: str, questions: str) -> pd.DataFrame:
    """The answers, found once for each content of the two files."""
    table = pd.read_csv(StringIO(figures), dtype=str, keep_default_na=False)
    return answers(table, yaml.safe_load(questions)).set_index("key")


def answers_for(page: Any) -> pd.DataFrame:
    """The answers, for a role or directive whose page depends on the two files."""
    paths = [
        Path(page.env.srcdir).parent / "data" / "published" / name for name in FILES
    ]
    for path in paths:
        page.env.note_dependency(str(path))
    return answers_of(*(path.read_text(encoding="utf-8") for path in paths))


def computed(key: str, shown: str, how: str) -> nodes.reference:
    """A number with how it was computed as a tooltip, linked to the same words at the end of the page.

    A tooltip alone is for a mouse: neither a keyboard nor a finger reaches it.
    """
    place = "computed-" + re.sub(r"\W+", "-", key)
    mark = nodes.abbreviation(shown, unbroken(shown), explanation=how)
    return nodes.reference(
        "",
        "",
        mark,
        refuri=f"#{place}",
        internal=True,
        computed=(place, unbroken(shown), how),
    )


def list_computed(app: Sphinx, doctree: nodes.document) -> None:
    """Write at the end of a page how its numbers were computed, each of them once."""
    told = dict.fromkeys(
        node["computed"]
        for node in doctree.findall(nodes.reference)
        if "computed" in node
    )
    if told:
        rows = "".join(
            f'<li id="{to}"><strong>{escape(shown)}</strong>: {escape(how)}</li>'
            for to, shown, how in told
        )
        summary = "<summary>How each computed number of this page was found</summary>"
        html = f'<details class="computed-numbers">{summary}<ul>{rows}</ul></details>'
        next(doctree.findall(nodes.section), doctree).append(
            nodes.raw("", html, format="html")
        )


class AuditRole(SphinxRole):
    """Print one answer, with its question as a tooltip and at the end of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the answer up."""
        try:
            found = answers_for(self)
            require_names("answer of the audit", [self.text], found.index)
        except (TrustlibError, OSError) as error:
            message = f"audit: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        shown, question = found.loc[self.text, ["text", "question"]]
        return [computed(self.text, shown, in_words(self.text, question))], []


class AuditTable(_Made):
    """Every question with its answer."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each answer."""
        found = answers_for(self)
        rows = [
            [f"`{a.Index}`", in_words(a.Index, a.question), unbroken(a.text)]
            for a in found.itertuples()
        ]
        return self.read(markdown_table(["Key", "Question", "Answer"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("audit-table", AuditTable)
    app.add_role("audit", AuditRole())
    app.connect("doctree-read", list_computed)
    return {"parallel_read_safe": True}
