"""What the directives of the book share: files below data/, the record, and tables.

A directive that reads data is a `DataDirective`: its page depends on the files that it
reads, what cannot be read is an error of the page, and what was made from the stand-in
is marked, so that `trustbook.site` can look for the word *synthetic* in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from trustlib.errors import TrustlibError
from trustlib.record.printed import load_figures

RECORD = "published/figures.csv"


def data_file(env: BuildEnvironment, name: str) -> Path:
    """The path of a file below data/, on which the page that is read now depends."""
    path = Path(env.srcdir).parent / "data" / name
    env.note_dependency(str(path))
    return path


@lru_cache(maxsize=2)
def figures_of(path: Path, changed: float) -> pd.DataFrame:
    """The record, read once for each state of the file."""
    return load_figures(path)


def published_record(env: BuildEnvironment) -> pd.DataFrame:
    """The published record with its ids as index, noted as a dependency of the page."""
    path = data_file(env, RECORD)
    return figures_of(path, path.stat().st_mtime).set_index("id")


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    r"""A table in Markdown, for docutils to read.

    Parameters
    ----------
    heads : sequence of str
    rows : iterable of sequences
        As many cells each as there are heads; a cell may be of any kind.

    Examples
    --------
    >>> print(markdown_table(["Kind", "Lines"], [["a|b", 2]]))
    | Kind | Lines |
    | --- | --- |
    | a\|b | 2 |
    """
    rule = ["---"] * len(heads)
    return "\n".join(map(_markdown_row, [heads, rule, *rows]))


def _markdown_row(cells: Iterable[Any]) -> str:
    texts = [str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(texts)} |"


def raw_html(html: str) -> list[nodes.Node]:
    """HTML as the one node of a directive."""
    return [nodes.raw("", html, format="html")]


def meanings(content: Iterable[str]) -> dict[str, str]:
    """What a page says about each of some words, in lines ``word: meaning``.

    Examples
    --------
    >>> meanings(["provider: who treats", "", "system: all of it"])
    {'provider': 'who treats', 'system': 'all of it'}
    """
    return dict(line.split(": ", 1) for line in content if line.strip())


class DataDirective(SphinxDirective):
    """A directive that reads files below data/ and depends on them.

    Attributes
    ----------
    synthetic : bool
        Whether a file of the stand-in was read: `trustbook.site` then looks for the
        word.
    """

    optional_arguments = 1
    final_argument_whitespace = True
    synthetic = False

    def file(self, name: str) -> Path:
        """The path of a file below data/, noted as a dependency of this page."""
        if name.startswith("synthetic/"):
            self.synthetic = True
        return data_file(self.env, name)

    def figures(self) -> pd.DataFrame:
        """The published record."""
        path = self.file(RECORD)
        return figures_of(path, path.stat().st_mtime)

    def run(self) -> list[nodes.Node]:
        """Make the nodes; what cannot be read is an error of the page."""
        try:
            made = self.make()
        except TrustlibError as error:
            reporter = self.state.document.reporter
            return [reporter.error(f"{self.name}: {error}", line=self.lineno)]
        if self.synthetic:
            return [nodes.container("", *made, classes=["from-synthetic"])]
        return made

    @abstractmethod
    def make(self) -> list[nodes.Node]:
        """The nodes of the page."""

    def read(self, markdown: str) -> list[nodes.Node]:
        """Markdown as nodes."""
        box = nodes.container()
        self.state.nested_parse(markdown.splitlines(), self.content_offset, box)
        return box.children
