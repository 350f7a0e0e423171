"""The sliders of "How wrong could a panel be?": yes-sayers and people outside, moved by the reader.

``{panel-sliders}``
    takes the options ``:levels:`` and ``:people:`` of ``{panel-picture}``, and stands once
    on a page, below such a picture: that says the same without scripts. Its script and
    style lie in ``_static/panel``, and only this page loads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from trustbook.sphinx.directives import raw_html
from trustbook.sphinx.explorer_pages import WEB
from trustbook.sphinx.panel_pages import Headline, PanelPicture
from trustlib.writing import write_text

PLACE = "_static/panel"
SCRIPT = "panel.js"
STYLE = "panel.css"
SKELETON = "panel.html"


def skeleton(place: str, headline: Headline) -> str:
    """The HTML of the sliders, with their style and script from a folder.

    The sliders end where nobody with both identities, or no share, would be left.

    Parameters
    ----------
    place : str
        The folder, seen from the page.
    headline : Headline

    Examples
    --------
    >>> html = skeleton("_static/panel", Headline(0.82, 0.47, 0.2, 0.25))
    >>> html.splitlines()[0]
    '<link rel="stylesheet" href="_static/panel/panel.css">'
    >>> 'max="4"' in html, 'min="-47" max="53"' in html
    (True, True)
    """
    most = floor(1000 * headline.part * headline.both - 1e-9) / 10
    numbers = {
        "part": repr(float(headline.part)),
        "both": repr(float(headline.both)),
        "neither": repr(float(headline.neither)),
        "most": f"{most:g}",
        "least_more": f"{-100 * headline.neither:.0f}",
        "most_more": f"{100 * (1 - headline.neither):.0f}",
    }
    body = (WEB / SKELETON).read_text(encoding="utf-8")
    for name, text in numbers.items():
        body = body.replace(f"{{{name}}}", text)
    style = f'<link rel="stylesheet" href="{place}/{STYLE}">\n'
    return style + body + f'<script src="{place}/{SCRIPT}" defer></script>\n'


def web_files() -> Iterator[tuple[str, str]]:
    """Name and content of every file that the page loads.

    Examples
    --------
    >>> [name for name, _ in web_files()]
    ['panel.js', 'panel.css']
    """
    for name in (SCRIPT, STYLE):
        yield name, (WEB / name).read_text(encoding="utf-8")


class PanelSliders(PanelPicture):
    """Three sliders, and what is left of the gap."""

    def make(self) -> list[nodes.Node]:
        """One raw node; beside it, the files that it loads."""
        folder = Path(self.env.app.outdir) / PLACE
        for name, text in web_files():
            write_text(folder / name, text)
        builder = self.env.app.builder
        first = builder.get_relative_uri(self.env.docname, "index")
        root, slash, _ = first.rpartition("/")
        return raw_html(skeleton(f"{root}{slash}{PLACE}", self.headline()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("panel-sliders", PanelSliders)
    return {"parallel_read_safe": True}
