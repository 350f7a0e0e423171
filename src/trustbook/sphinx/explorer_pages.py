"""The explorer: a page that computes in the reader's browser, from sealed cells.

``{explorer} hints7 hints6 synthetic``
    makes it of the committed cells of these sources. Its scripts and style are those of
    ``trustbook/web``, and its cells a script too, because a page that is opened from a
    folder can load nothing else. They lie in ``_static/explorer`` and only this page
    loads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from trustbook.cells_json import compact
from trustbook.explorer import REFUSED, explorer_sources
from trustbook.replicates import FILE
from trustbook.sphinx.directives import DataDirective, raw_html
from trustlib.scales import MEASURES, SCALES
from trustlib.writing import write_text

WEB = Path(__file__).parents[1] / "web"
PLACE = "_static/explorer"
CELLS = "trust_cells.js"
SCRIPTS = (
    "explorer_arithmetic.js",
    "explorer_file.js",
    "explorer_words.js",
    "explorer_picture.js",
    "explorer_tables.js",
    "explorer_cards.js",
    "explorer.js",
)
STYLE = "explorer.css"
# The kinds and measures of `trustlib.scales` that its tables show.
WITH_CARD = (
    "level",
    "difference",
    "interaction_contrast",
    "ratio_of_rr",
    "ratio_of_or",
)
SKELETON = "explorer.html"
SYNTHETIC = (
    '<p class="explorer-note">The stand-in among the sources is synthetic: nobody was '
    "asked anything.</p>\n"
)


def skeleton(place: str) -> str:
    """The HTML of the page, with its style and scripts from a folder.

    The cells are the largest of its files; `explorer.js` asks for them when the page stands.

    Parameters
    ----------
    place : str
        The folder, seen from the page.

    Examples
    --------
    >>> html = skeleton("_static/explorer")
    >>> html.splitlines()[0]
    '<link rel="stylesheet" href="_static/explorer/explorer.css">'
    """
    style = f'<link rel="stylesheet" href="{place}/{STYLE}">\n'
    scripts = "".join(
        f'<script src="{place}/{name}" defer></script>\n' for name in SCRIPTS
    )
    body = (WEB / SKELETON).read_text(encoding="utf-8")
    return style + body.replace("{cells}", f"{place}/{CELLS}") + scripts


def web_files(sources: list) -> Iterator[tuple[str, str]]:
    r"""Name and content of every file that the page loads.

    Parameters
    ----------
    sources : list
        From `trustbook.explorer.explorer_sources`.

    Examples
    --------
    >>> dict(web_files([]))["trust_cells.js"].endswith('"sources":[]};\n')
    True
    """
    told = {"formulas": formulas(), "sources": sources}
    yield CELLS, f"window.trustCells = {compact(told)};\n"
    for name in (*SCRIPTS, STYLE):
        yield name, (WEB / name).read_text(encoding="utf-8")


def formulas() -> dict[str, str]:
    """The formula of each number that has a card.

    Examples
    --------
    >>> formulas()["difference"]
    'p₁ − p₀: the group less the one that it is compared with'
    """
    known = SCALES | MEASURES
    return {name: known[name].formula for name in WITH_CARD}


class Explorer(DataDirective):
    """The explorer of some sources, whose folders below data/ are its argument."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One raw node; beside it, the files that it loads."""
        names = self.arguments[0].split()
        for name in names:
            self.note(name)
        data = Path(self.env.srcdir).parent / "data"
        runs = data.parent / "notebooks" / "runs.yml"
        sources = explorer_sources(data, names, runs, self.env.found_docs)
        folder = Path(self.env.app.outdir) / PLACE
        for name, text in web_files(sources):
            write_text(folder / name, text)
        builder = self.env.app.builder
        root, slash, _ = builder.get_relative_uri(self.env.docname, "index").rpartition(
            "/"
        )
        html = skeleton(f"{root}{slash}{PLACE}")
        return raw_html(SYNTHETIC + html if self.synthetic else html)

    def note(self, name: str) -> None:
        """Make the page depend on all files of a source that it is made of."""
        plan = self.file(f"{name}/cells.yml")
        for cells in sorted((plan.parent / "cells").glob("*.parquet")):
            self.file(f"{name}/cells/{cells.name}")
        for other in (FILE, REFUSED):
            if (plan.parent / other).is_file():
                self.file(f"{name}/{other}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("explorer", Explorer)
    return {"parallel_read_safe": True}
