"""What the search of the book reads: the words of every page, section by section.

Formulas, code and the menus are left out, and of the pages of runs the tables too. The
page that searches loads it as a script, so that it works in a folder as on a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

from trustbook.site import MADE_FROM_SYNTHETIC

SEARCH_DATA = "search-data.js"
_NO_WORDS = (
    *(".headerlink", "script", "style", ".math", "math", "svg", "pre", "form"),
    *("div.cell_input", "details.hide > summary", ".prev-next-footer"),
)
_KINDS = {  # by how the name of a page begins
    "evidence/": "chapter",
    "glossary.html": "glossary",
    "lessons/": "lesson",
    "library/": "library",
    "_runs/dossier-": "page",
    "_runs/": "real",
}


def words_of_page(name: str, soup: BeautifulSoup) -> str:
    """Return the words of one page as JSON, an empty text for a page without any.

    What is left out is removed from the tree that it is given.

    Examples
    --------
    >>> html = "<article><section id='a'><h1>Gaps</h1><p>Words</p></section></article>"
    >>> words_of_page("gaps.html", BeautifulSoup(html, "html.parser"))
    '["gaps.html","page",[["a","Gaps","Words"]]]'
    """
    article = soup.find("article")
    if not isinstance(article, Tag):
        return ""
    kind = kind_of(name, soup)
    left_out = list(_NO_WORDS)
    if name.startswith("_runs/"):
        left_out.append("table")
    for part in article.select(", ".join(left_out)):
        part.decompose()
    facts = [name, kind, list(_sections(article))]
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", " ").replace("\u2029", " ")


def script_of_words(lines: list[str]) -> str:
    """Return the script that gives the words of all pages to the search.

    Examples
    --------
    >>> script_of_words(['["a.html","page",[]]', ""])
    'window.bookPages=[["a.html","page",[]]];'
    """
    inner = ",\n".join(line for line in lines if line)
    return f"window.bookPages=[{inner}];"


def kind_of(name: str, soup: BeautifulSoup) -> str:
    """The kind of a page, which decides how early it is found.

    Examples
    --------
    >>> kind_of("evidence/waves.html", BeautifulSoup("", "html.parser"))
    'chapter'
    """
    if soup.select_one(f".{MADE_FROM_SYNTHETIC}-run") is not None:
        return "synthetic"
    for start, kind in _KINDS.items():
        if name.startswith(start):
            return kind
    return "page"


def _sections(article: Tag) -> Iterator[tuple[str, str, str]]:
    """Id, heading and own words of each section, the innermost first."""
    found = []
    for section in reversed(article.select("section[id]")):
        heading = section.find(["h1", "h2", "h3", "h4", "h5"])
        title = ""
        if heading is not None:
            title = _words(heading)
            heading.decompose()
        found.append((str(section["id"]), title, _words(section)))
        section.decompose()
    yield from reversed(found)


def _words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())
