"""The audit of the published record on pages: its standard questions, asked at build.

``data/published/questions.yml`` says what is asked of which printed figures;
`trustlib.record.questions` puts it and `trustlib.record.audit` answers.

``{audit}`one-item-minority low` ``
    prints one answer. The question in words is the tooltip, and stands in a list at the
    end of the page, to which the answer leads. A bound has two keys, ``<key> low`` and
    ``<key> high``; a question of yes or no has ``<key>`` and ``<key> conflict``.
``{audit-table}``
    shows every question with its answer.

A key that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from io import StringIO

import pandas as pd
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

from trustbook.sphinx.directives import RECORD, DataDirective, data_file, markdown_table
from trustbook.sphinx.finding import unbroken
from trustlib.errors import TrustlibError, require_names
from trustlib.record.questions import answers, in_words

QUESTIONS = "published/questions.yml"


@lru_cache(maxsize=2)
def answers_of(figures: str, questions: str) -> pd.DataFrame:
    """The answers, found once for each content of the two files.

    Parameters
    ----------
    figures, questions : str
        What stands in ``figures.csv`` and ``questions.yml``.

    Returns
    -------
    DataFrame
        As from `trustlib.record.questions.answers`, with the keys as index.
    """
    table = pd.read_csv(StringIO(figures), dtype=str, keep_default_na=False)
    return answers(table, yaml.safe_load(questions)).set_index("key")


def answers_for(env: BuildEnvironment) -> pd.DataFrame:
    """The answers, for a page that from now on depends on the two files."""
    figures = data_file(env, RECORD).read_text(encoding="utf-8")
    questions = data_file(env, QUESTIONS).read_text(encoding="utf-8")
    return answers_of(figures, questions)


# ----- a number that says how it was computed -----


@dataclass(frozen=True)
class ComputedNumber:
    """A number of a page and how it was computed; `place` is where the page says so."""

    place: str
    shown: str
    how: str
    formula: str = ""


def computed(key: str, shown: str, how: str, formula: str = "") -> nodes.reference:
    """A number with how it was computed as a tooltip, linked to the same words below.

    A tooltip alone is for a mouse: neither a keyboard nor a finger reaches it.

    Examples
    --------
    >>> computed("gap-2024", "35 points", "R24-017 less R24-018")["refuri"]
    '#computed-gap-2024'
    """
    place = "computed-" + re.sub(r"\W+", "-", key)
    number = ComputedNumber(place, unbroken(shown), how, formula)
    mark = nodes.abbreviation(shown, number.shown, explanation=how)
    return nodes.reference(
        "", "", mark, refuri=f"#{place}", internal=True, computed=number
    )


def list_computed(app: Sphinx, doctree: nodes.document) -> None:
    """Write at the end of a page how its numbers were computed, each of them once."""
    links = doctree.findall(nodes.reference)
    numbers = dict.fromkeys(link["computed"] for link in links if "computed" in link)
    if numbers:
        html = _computed_list(list(numbers))
        section = next(doctree.findall(nodes.section), doctree)
        section.append(nodes.raw("", html, format="html"))


def _computed_list(numbers: list[ComputedNumber]) -> str:
    """The list at the end of a page, which can be opened."""
    summary = "<summary>How each computed number of this page was found</summary>"
    rows = "".join(map(_computed_row, numbers))
    return f'<details class="computed-numbers">{summary}<ul>{rows}</ul></details>'


def _computed_row(number: ComputedNumber) -> str:
    """A number, how it was computed, and its formula with what went into it."""
    formula = ""
    if number.formula:
        formula = f' <span class="computed-formula">{escape(number.formula)}</span>'
    return (
        f'<li id="{number.place}"><strong>{escape(number.shown)}</strong>: '
        f"<span>{escape(number.how)}</span>{formula}</li>"
    )


# ----- the role and the directive -----


class AuditRole(SphinxRole):
    """Print one answer, with its question as a tooltip and at the end of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the answer up."""
        try:
            found = answers_for(self.env)
            require_names("answer of the audit", [self.text], found.index)
        except (TrustlibError, OSError) as error:
            message = f"audit: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        answer = found.loc[self.text]
        asked = in_words(self.text, answer["question"])
        return [computed(self.text, answer["text"], asked)], []


class AuditTable(DataDirective):
    """Every question with its answer."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each answer."""
        rows = []
        for answer in answers_for(self.env).itertuples():
            key = answer.Index
            asked = in_words(key, answer.question)
            rows.append([f"`{key}`", asked, unbroken(answer.text)])
        return self.read(markdown_table(["Key", "Question", "Answer"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("audit-table", AuditTable)
    app.add_role("audit", AuditRole())
    app.connect("doctree-read", list_computed)
    return {"parallel_read_safe": True}
