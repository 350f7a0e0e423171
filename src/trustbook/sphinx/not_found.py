"""The page that a host shows for an address at which nothing lies: ``404.html``.

A host shows it in place of any address, at any depth. So its links count from the base
of the site, it loads nothing, and its style stands in it. The base is ``/``, or what the
variable ``BOOK_BASE`` of the environment says, such as ``/trust-gap-book/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from trustlib.escaping import html_text
from trustlib.writing import write_text

TEMPLATE = Path(__file__).with_name("not_found.html")
BASE = "BOOK_BASE"
_BASE = re.compile(r"/(?:[\w.~-]+/)*")
# Page -> what the link to it says; those that a book has are named.
PLACES = {
    "index": "The first page",
    "record": "The record: every published figure",
    "ledger": "The ledger: published and ours, line by line",
    "glossary": "The glossary",
    "feedback": "How to object, and what to write",
}


def not_found(title: str, base: str, pages: Iterable[str]) -> str:
    """The page as HTML.

    Parameters
    ----------
    title : str
        Of the book.
    base : str
        The path at which the book lies on its host, with a slash at both ends.
    pages : iterable of str
        The pages that the book has.

    Raises
    ------
    ConfigError
        If the base is no such path.

    Examples
    --------
    >>> page = not_found("The book", "/book/", ["index"])
    >>> '<li><a href="/book/index.html">The first page</a></li>' in page
    True
    """
    if not _BASE.fullmatch(base):
        raise ConfigError(
            f"{BASE} is {base!r}. Give the path of the book on its host, with a slash "
            "at both ends, such as /trust-gap-book/."
        )
    there = set(pages)
    links = [
        f'<li><a href="{base}{page}.html">{said}</a></li>'
        for page, said in PLACES.items()
        if page in there
    ]
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        title=html_text(title), base=base, links="\n".join(links)
    )


def write_page(app: Sphinx, exception: Exception | None) -> None:
    """Write the page into a build that succeeded."""
    if exception is not None or app.builder.format != "html":
        return
    base = os.environ.get(BASE, "/")
    page = not_found(app.config.html_title, base, app.env.found_docs)
    write_text(Path(app.outdir) / "404.html", page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the page before the repairs of all pages."""
    app.connect("build-finished", write_page, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
