"""The audit of the published record on pages: its standard questions, asked when the book is built.

``data/published/questions.yml`` says what is asked of which printed figures; `trustrecord.questions` puts it and
`trustrecord.audit` answers.
``{audit}`one-item-minority low` `` prints one answer; the question in words is the tooltip. A bound has two keys,
``<key> low`` and ``<key> high``; a question of yes or no has ``<key>`` and ``<key> conflict``.
``{audit-table}`` shows every question with its answer.
A key that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from record_pages import _Made, markdown_table
from trustlib.errors import TrustlibError, require_names
from trustrecord.questions import answers, in_words

FILES = ("figures.csv", "questions.yml")


@lru_cache(maxsize=2)
def answers_of(figures: str, questions: str) -> pd.DataFrame:
    """The answers, found once for each content of the two files."""
    table = pd.read_csv(StringIO(figures), dtype=str, keep_default_na=False)
    return answers(table, yaml.safe_load(questions)).set_index("key")


def answers_for(page: Any) -> pd.DataFrame:
    """The answers, for a role or directive whose page depends on the two files."""
    paths = [Path(page.env.srcdir).parent / "data" / "published" / name for name in FILES]
    for path in paths:
        page.env.note_dependency(str(path))
    return answers_of(*(path.read_text(encoding="utf-8") for path in paths))


class AuditRole(SphinxRole):
    """Print one answer, with its question as a tooltip."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the answer up."""
        try:
            found = answers_for(self)
            require_names("answer of the audit", [self.text], found.index)
        except (TrustlibError, OSError) as error:
            message = f"audit: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        shown, question = found.loc[self.text, ["text", "question"]]
        return [nodes.abbreviation(shown, shown, explanation=in_words(self.text, question))], []


class AuditTable(_Made):
    """Every question with its answer."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each answer."""
        found = answers_for(self)
        rows = [[f"`{a.Index}`", in_words(a.Index, a.question), a.text] for a in found.itertuples()]
        return self.read(markdown_table(["Key", "Question", "Answer"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("audit-table", AuditTable)
    app.add_role("audit", AuditRole())
    return {"parallel_read_safe": True}
