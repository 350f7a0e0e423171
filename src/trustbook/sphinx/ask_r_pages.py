"""Do not trust us: ask R. The part of a page that runs its script in the reader's browser.

``{ask-r}``
    around the links to a script and to what it should print. Where `make env` could fetch
    R for browsers (`trustbook.webr`), a button follows that loads it and runs the script;
    elsewhere the links stand alone.

R and the page that holds it lie in ``_static/ask-r``. A reader who does not ask loads
nothing of it but ``ask_r.js``.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from trustbook.pages import filled
from trustbook.sphinx.directives import raw_html
from trustbook.webr import (
    LICENCE,
    PROGRAMS,
    SOURCE,
    copy_of_webr,
    megabytes,
    put,
)
from trustlib.writing import write_text

WEB = Path(__file__).parents[1] / "web"
PLACE = "_static/ask-r"
STYLE = "ask_r.css"
SCRIPT = "ask_r.js"
PANEL = "ask_r_panel.html"
FILES = (STYLE, SCRIPT, "ask_r.html", "ask_r_frame.js")


def panel(place: str, size: int) -> str:
    """The HTML of the button and of what it opens, with its style and script from a folder.

    Parameters
    ----------
    place : str
        The folder, seen from the page.
    size : int
        What the button loads, in megabytes.

    Examples
    --------
    >>> html = panel("_static/ask-r", 21)
    >>> "about 21 MB, once" in html, html.splitlines()[0]
    (True, '<link rel="stylesheet" href="_static/ask-r/ask_r.css">')
    """
    style = f'<link rel="stylesheet" href="{place}/{STYLE}">\n'
    text = (WEB / PANEL).read_text(encoding="utf-8")
    script = f'<script src="{place}/{SCRIPT}" defer></script>\n'
    return style + filled(text, {"place": place, "megabytes": size}) + script


class AskR(SphinxDirective):
    """The links to a script, and the button that runs it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """One box with the links, and the button where there is R to load."""
        box = nodes.container(classes=["ask-r"])
        self.state.nested_parse(self.content, self.content_offset, box)
        copied = copy_of_webr()
        if copied is None:
            box["classes"] = ["without-r"]
            return [box]
        folder = Path(self.env.app.outdir) / PLACE
        for name in FILES:
            write_text(folder / name, (WEB / name).read_text(encoding="utf-8"))
        builder = self.env.app.builder
        address = builder.get_relative_uri(self.env.docname, "index")
        root = address.rpartition("/")[0]
        place = f"{root}/{PLACE}" if root else PLACE
        box += raw_html(panel(place, megabytes(copied)))
        return [box]


def copy_r(app: Sphinx, exception: Exception | None) -> None:
    """Bring R to the pages of a build that ask it: last, so that nothing looks through its files."""
    folder = Path(app.outdir) / PLACE
    copied = copy_of_webr()
    if exception is not None or copied is None or not (folder / SCRIPT).is_file():
        return
    for name in (*PROGRAMS, LICENCE, SOURCE):
        put(folder / "webr" / name, (copied / name).read_bytes())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("ask-r", AskR)
    app.connect("build-finished", copy_r, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
