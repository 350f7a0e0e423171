"""The codebook on pages.

``{codebook-table} gender reason_*``
    shows what each of some variables of ``data/codebook.yml`` is.
``{asked-in} gender reason_*``
    says in which wave and country they were asked.

A name may be a pattern; one that fits no variable is an error.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.sphinx.directives import DataDirective, markdown_table
from trustlib.errors import TrustlibError
from trustlib.record.printed import WAVES, asked_in
from trustlib.schema import load_yaml

CODEBOOK = "codebook.yml"
HEADS = ("Variable", "Meaning", "Levels, in order", "Printed words", "Note")
ALWAYS = 2  # columns that are shown even where nothing stands in them
LANGUAGES = {"en": "English", "es": "Spanish", "ja": "Japanese", "pt": "Portuguese"}
KINDS = {"binary": "", "number": "a number"}


class CodebookDirective(DataDirective):
    """A directive whose argument names variables of the codebook."""

    def variables(self) -> dict[str, dict[str, Any]]:
        """The variables that are named, in this order; a pattern may be several."""
        known = load_yaml(self.file(CODEBOOK))["variables"]
        chosen: dict[str, dict[str, Any]] = {}
        for pattern in self.arguments[0].split():
            names = [name for name in known if fnmatch(name, pattern)]
            if not names:
                raise TrustlibError(
                    f"No variable of the codebook is called {pattern!r}."
                )
            chosen |= {name: known[name] for name in names}
        return chosen


class CodebookTable(CodebookDirective):
    """What each of some variables is."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each variable, without columns that are empty."""
        variables = self.variables()
        rows = [_described(name, entry) for name, entry in variables.items()]
        shown = [
            column
            for column in range(len(HEADS))
            if column < ALWAYS or any(row[column] for row in rows)
        ]
        heads = [HEADS[column] for column in shown]
        kept = [[row[column] for column in shown] for row in rows]
        return self.read(markdown_table(heads, kept))


def _described(name: str, entry: dict[str, Any]) -> list[str]:
    """A variable as a row: name, meaning, levels, printed words, note."""
    levels = ", ".join(map(str, entry.get("levels") or []))
    if not levels:
        levels = KINDS.get(entry.get("type", ""), "not fixed")
    translated = entry.get("printed") or {}
    words = "; ".join(
        f"{LANGUAGES.get(code, code)}: {text}" for code, text in translated.items()
    )
    question = entry.get("question") or words
    return [f"`{name}`", entry["label"], levels, question, entry.get("note", "")]


class AskedIn(CodebookDirective):
    """In which wave and country some variables were asked."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each variable that has a map."""
        asked = asked_in(self.file(CODEBOOK))
        rows = []
        for name in self.variables():
            mine = asked[asked["variable"] == name]
            if not mine.empty:
                waves = [_answers(mine[mine["wave"] == wave], wave) for wave in WAVES]
                rows.append([f"`{name}`", *waves])
        heads = [
            f"{wave} ({', '.join(countries)})" for wave, countries in WAVES.items()
        ]
        return self.read(markdown_table(["Variable", *heads], rows))


def _answers(asked: pd.DataFrame, wave: str) -> str:
    """Whether a variable was asked in a wave, with countries unless they all agree."""
    texts = []
    for answer, rows in asked.groupby("asked", sort=False):
        countries = list(rows["country"])
        text = str(answer)
        if len(countries) < len(WAVES[wave]):
            text += f": {', '.join(countries)}"
        texts.append(text)
    return "; ".join(texts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("codebook-table", CodebookTable)
    app.add_directive("asked-in", AskedIn)
    return {"parallel_read_safe": True}
