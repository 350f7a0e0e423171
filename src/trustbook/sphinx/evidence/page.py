"""What the directives of the evidence chapters share: the evidence, links and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.environment import BuildEnvironment

from trustbook.sphinx.audit_pages import answers_for
from trustbook.sphinx.directives import (
    DataDirective,
    data_file,
    markdown_table,
    published_record,
)
from trustbook.sphinx.evidence.numbers import Evidence, load_evidence
from trustbook.sphinx.evidence.plan import EvidenceForm, TrialsForm, load_trials
from trustbook.sphinx.finding import unbroken
from trustbook.sphinx.record_pages import printed
from trustlib.record.printed import asked_in

PLAN = "published/evidence.yml"
TRIALS = "published/trials.yml"
CODEBOOK = "codebook.yml"


@lru_cache(maxsize=2)
def _read_plan(path: Path, changed: float) -> EvidenceForm:
    return load_evidence(path)


@lru_cache(maxsize=2)
def _read_trials(path: Path, changed: float) -> TrialsForm:
    return load_trials(path)


@lru_cache(maxsize=2)
def _read_asked(path: Path, changed: float) -> pd.DataFrame:
    return asked_in(path)


def plan_for(env: BuildEnvironment) -> EvidenceForm:
    """``evidence.yml``, for a page that from now on depends on it."""
    path = data_file(env, PLAN)
    return _read_plan(path, path.stat().st_mtime)


def trials_for(env: BuildEnvironment) -> TrialsForm:
    """``trials.yml``, for a page that from now on depends on it."""
    path = data_file(env, TRIALS)
    return _read_trials(path, path.stat().st_mtime)


def evidence_for(env: BuildEnvironment) -> Evidence:
    """All that numbers are computed from, for a page that depends on its files.

    Each file is read once for each of its states.
    """
    codebook = data_file(env, CODEBOOK)
    return Evidence(
        figures=published_record(env),
        answers=answers_for(env),
        asked=_read_asked(codebook, codebook.stat().st_mtime),
        trials=trials_for(env),
        plan=plan_for(env),
    )


class EvidenceDirective(DataDirective):
    """A directive of an evidence chapter."""

    def table(
        self, heads: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> list[nodes.Node]:
        """A table whose first column a phone leaves wide enough to read."""
        shown = [[unbroken(str(cell)) for cell in row] for row in rows]
        table = self.read(markdown_table(heads, shown))
        return [nodes.container("", *table, classes=["evidence-table"])]

    def link(self, page: str, words: str, title: str = "") -> str:
        """A link to a page of the book, or to a place on it, in HTML."""
        target, _, place = page.partition("#")
        builder = self.env.app.builder
        uri = builder.get_relative_uri(self.env.docname, target)
        if place:
            uri += f"#{place}"
        attributes = f'class="reference internal" href="{escape(uri)}"'
        if title:
            attributes += f' title="{escape(title)}"'
        return f"<a {attributes}>{escape(words)}</a>"

    def line(self, name: str, words: str = "") -> str:
        """A link to a line of the record; its words are the figure, or those given."""
        figure = published_record(self.env).loc[name]
        shown = words or unbroken(printed(figure))
        return self.link(f"record#figure-{name}", shown, figure["claim"])
