"""Make built pages light: what no page needs goes, what a page needs comes from us.

The theme of Jupyter Book 1 brings fonts and programs for what the book does without. When
a build has finished and its pages are repaired, `lighten` takes them out of each page:
signs become drawings, style sheets one sheet, pictures wait until they are near, and
every page says in its Content-Security-Policy what may run. `lighten_pages` does so for
all pages and removes from the folder what none asks for any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path
from posixpath import basename
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from trustbook.policy import ASKS_R, is_known, policy_for
from trustbook.sphinx.card_pages import mark_numbers, write_cards
from trustbook.sphinx.icons import DRAWINGS, draw_icons
from trustbook.sphinx.search_data import (
    SEARCH_DATA,
    script_of_words,
    words_of_page,
)
from trustbook.sphinx.stylesheet import needed_rules

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SHEET = "_static/book.css"
# Programs for what no page of the book has.
UNUSED_SCRIPTS = (
    *("bootstrap.js", "fontawesome.js", "doctools.js", "sphinx_highlight.js"),
    *("searchtools.js", "searchindex.js"),
)
# Programs that a page needs if it holds something.
SCRIPTS_FOR = {
    "clipboard.min.js": "main div.highlight pre",
    "copybutton.js": "main div.highlight pre",
    "design-tabs.js": ".sd-tab-set",
    "togglebutton.js": ".toggle, .admonition.dropdown",
    "record.js": "form.record-filter",
    "language_data.js": "#search-results",
    "search.js": "#search-results",
}
# What lies in the folder of a build and is asked for by no page.
UNUSED_FILES = (
    *("searchindex.js", "_static/*.html", "_static/*-thebe.*", "_static/locales"),
    *("_static/images/logo_*", "_static/vendor", "_static/styles", "_static/basic.css"),
    *("_static/doctools.js", "_static/searchtools.js", "_static/sphinx_highlight.js"),
    *("_static/copybutton_funcs.js", "_static/*-solid.svg", "_static/plus.png"),
    *(
        "_static/copy-button.svg",
        "_static/minus.png",
        "_static/scripts/*.map",
        "_static/scripts/bootstrap*",
    ),
    *("_static/scripts/fontawesome*",),
)
NEAR = 800  # letters before a picture that a reader may see at once
_POLICY = "Content-Security-Policy"
_PNG = b"\x89PNG\r\n\x1a\n"
_LINKED_SHEET = re.compile(r'<link [^>]*href="([^"]+\.css)[^"]*"[^>]*>')
_CLASSES = re.compile(r'class="([^"]*)"')
_OF_ICONS = re.compile(r"fa[srb]?|fa-[\w-]+")
_WORD = re.compile(r"[A-Za-z][\w-]+")
_NOTICE = re.compile(r"/\*!.*?\*/", re.DOTALL)
_STATEMENT = re.compile(r"^@(?:import|charset)[^;]*;", re.MULTILINE)


def lighten(html: str, page: Path, sheet: str = SHEET) -> str:
    """One page without what it does not need.

    Parameters
    ----------
    html : str
    page : path
        Where the page lies: its pictures are measured from there.
    sheet : str
        The style sheet of all pages, as seen from the first page.

    Examples
    --------
    >>> heavy = "<head><meta charset='utf-8'><script src='bootstrap.js'></script></head>"
    >>> "bootstrap" in lighten(heavy, Path("index.html"))
    False
    """
    soup = BeautifulSoup(html, "html.parser")
    _lighten(soup, page, sheet)
    return str(soup)


def _lighten(soup: BeautifulSoup, page: Path, sheet: str) -> None:
    """All the work on one page."""
    draw_icons(soup)
    drop_scripts(soup)
    link_one_sheet(soup, sheet)
    show_names(soup)
    let_pictures_wait(soup, page.parent)
    say_what_may_run(soup)


# ----- scripts and style -----


def drop_scripts(soup: BeautifulSoup) -> None:
    """Remove programs that no page needs, or that this page does not need.

    Examples
    --------
    >>> scripts = "<script src='copybutton.js'></script><script src='own.js'></script>"
    >>> soup = BeautifulSoup(scripts, "html.parser")
    >>> drop_scripts(soup)
    >>> print(soup)
    <script src="own.js"></script>
    """
    for script in soup.find_all("script"):
        if not _is_needed(script, soup):
            script.decompose()
    for link in soup.find_all("link", rel="preload"):
        link.decompose()


def _is_needed(script: Tag, soup: BeautifulSoup) -> bool:
    """Whether a page needs a script. What is not known stays, and no browser runs it."""
    if script.get("src"):
        name = basename(urlsplit(str(script["src"])).path)
        wanted_by = SCRIPTS_FOR.get(name)
        if wanted_by is not None:
            return soup.select_one(wanted_by) is not None
        return name not in UNUSED_SCRIPTS
    text = str(script.string or "")
    if "x-thebe-config" in str(script.get("type", "")):
        return False
    if "toggle" in text and is_known(text):
        folded = SCRIPTS_FOR["togglebutton.js"]
        return soup.select_one(folded) is not None
    return SETTINGS.fullmatch(text.strip()) is None


# Settings for programs that are gone, and the program that the search page of the theme holds.
SETTINGS = re.compile(
    r"(?:(?:DOCUMENTATION_OPTIONS\.\w+|kernelName) = (?:'[^'\\<>]*'|true|false);?\s*)*"
    r"|// Activate the search field on page load\s+let searchInput = [^<]*"
)


def link_one_sheet(soup: BeautifulSoup, sheet: str) -> None:
    """Let one style sheet take the place of all.

    Examples
    --------
    >>> links = "<link href='a.css' rel='stylesheet'><link href='b.css' rel='stylesheet'>"
    >>> soup = BeautifulSoup(links, "html.parser")
    >>> link_one_sheet(soup, "book.css")
    >>> print(soup)
    <link href="book.css" rel="stylesheet"/>
    """
    links = soup.find_all("link", rel="stylesheet")
    for link in links[1:]:
        link.decompose()
    for link in links[:1]:
        link.attrs = {"href": _from(soup, sheet), "rel": "stylesheet"}


def _from(soup: BeautifulSoup, address: str) -> str:
    """An address of the first page, as seen from another."""
    root = soup.find("html")
    way = str(root.get("data-content_root", "./")) if root is not None else "./"
    return f"{way.removeprefix('./')}{address}"


def say_what_may_run(soup: BeautifulSoup) -> None:
    """Give a page its Content-Security-Policy, before anything that it speaks of.

    Examples
    --------
    >>> soup = BeautifulSoup("<head><meta charset='utf-8'/></head>", "html.parser")
    >>> say_what_may_run(soup)
    >>> soup.select_one("meta[http-equiv]")["content"][:18]
    "default-src 'none'"
    """
    for former in soup.find_all("meta", attrs={"http-equiv": _POLICY}):
        former.decompose()
    inline = soup.find_all("script", src=False)
    texts = [str(script.string or "") for script in inline]
    meta = soup.new_tag("meta")
    meta["http-equiv"] = _POLICY
    meta["content"] = policy_for(texts, soup.select_one(ASKS_R) is not None)
    charset = soup.find("meta", charset=True)
    if charset is not None:
        charset.insert_after(meta)


def show_names(soup: BeautifulSoup) -> None:
    """Let the browser show the name of a button, in place of a program of the theme.

    Examples
    --------
    >>> soup = BeautifulSoup("<button data-bs-title='Colours'></button>", "html.parser")
    >>> show_names(soup)
    >>> soup.button["title"]
    'Colours'
    """
    for button in soup.find_all("button", title=False, attrs={"data-bs-title": True}):
        button["title"] = button["data-bs-title"]


# ----- pictures -----


def let_pictures_wait(soup: BeautifulSoup, folder: Path) -> None:
    """Load a picture when the reader comes near; until then its place is kept.

    Examples
    --------
    >>> page = "<main>" + "Words. " * 200 + "<img src='gaps.png'/></main>"
    >>> soup = BeautifulSoup(page, "html.parser")
    >>> let_pictures_wait(soup, Path("."))
    >>> soup.img["loading"]
    'lazy'
    """
    main = soup.find("main")
    images = main.find_all("img", src=True) if isinstance(main, Tag) else []
    for place, image in enumerate(images):
        if place or _letters_before(image) > NEAR:
            image["loading"] = "lazy"
        size = _size(folder / unquote(str(image["src"])))
        if size and not (image.get("width") or image.get("height")):
            image["width"], image["height"] = size


def _letters_before(image: Tag) -> int:
    """How much text of the main part stands before a picture."""
    letters = 0
    for text in image.find_all_previous(string=True):
        if letters > NEAR or text.find_parent("main") is None:
            break
        letters += len(text.strip())
    return letters


def _size(path: Path) -> tuple[str, str] | None:
    """Width and height of a PNG file."""
    if path.suffix != ".png" or not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(24)
    if not start.startswith(_PNG):
        return None
    width = int.from_bytes(start[16:20])
    height = int.from_bytes(start[20:24])
    return str(width), str(height)


# ----- all pages -----


def lighten_pages(app: Sphinx, exception: Exception | None) -> None:
    """Lighten all pages of a build that succeeded, and its folder."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    pages = pages_of(folder)
    book = Path(app.srcdir)
    write_cards(book, folder)
    texts = [page.read_text(encoding="utf-8") for page in pages]
    sheet = one_sheet(folder, pages, texts)
    (folder / SHEET).write_text(sheet, encoding="utf-8")
    address = f"{SHEET}?v={sha256(sheet.encode()).hexdigest()[:8]}"
    work = partial(_lighten_page, folder=folder, sheet=address, book=book)
    with ProcessPoolExecutor() as pool:
        words = list(pool.map(work, pages, chunksize=5))
    data = script_of_words(words)
    (folder / SEARCH_DATA).write_text(data, encoding="utf-8")
    drop_files(folder)


def pages_of(folder: Path) -> list[Path]:
    """The pages of a build, in the order of their names."""
    found = [path.relative_to(folder) for path in folder.rglob("*.html")]
    return sorted(folder / path for path in found if path.parts[0] != "_static")


def one_sheet(folder: Path, pages: Iterable[Path], texts: list[str]) -> str:
    """Return what pages need of all their style sheets, with the notices of whose work it is."""
    used = {"icon", *(f"icon-{name}" for name in DRAWINGS)}
    for text in texts:
        for classes in _CLASSES.findall(text):
            used.update(classes.split())
    for script in (folder / "_static").rglob("*.js"):
        if script.name not in UNUSED_SCRIPTS:
            used.update(_WORD.findall(script.read_text(encoding="utf-8")))
    used -= {name for name in used if _OF_ICONS.fullmatch(name)}
    sheets = _sheets(folder, pages, texts)
    notices = [notice for sheet in sheets for notice in _NOTICE.findall(sheet)]
    kept = [notice for notice in notices if "Font Awesome" not in notice]
    rules = [needed_rules(_STATEMENT.sub("", s), frozenset(used)) for s in sheets]
    return "\n".join([*dict.fromkeys(kept), *rules]) + "\n"


def _sheets(folder: Path, pages: Iterable[Path], texts: list[str]) -> list[str]:
    """The style sheets of all pages, each once, in the order in which pages name them."""
    paths = [folder / "_static" / "basic.css"]  # which the theme imports
    for page, text in zip(pages, texts, strict=True):
        for address in _LINKED_SHEET.findall(text):
            path = (page.parent / unquote(address)).resolve()
            paths.append(path)
    there = [path for path in dict.fromkeys(paths) if path.is_file()]
    return [path.read_text(encoding="utf-8") for path in there]


def _lighten_page(path: Path, folder: Path, sheet: str, book: Path) -> str:
    """Lighten a page where it lies, and return its words for the search."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    mark_numbers(soup, path.relative_to(folder).as_posix(), book)
    _lighten(soup, path, sheet)
    path.write_text(str(soup), encoding="utf-8")
    return words_of_page(path.relative_to(folder).as_posix(), soup)


def drop_files(folder: Path) -> None:
    """Remove from the folder of a build what no page asks for."""
    for sheet in (folder / "_static").glob("*.css"):
        if sheet.name != basename(SHEET):
            sheet.unlink()
    for pattern in UNUSED_FILES:
        for path in folder.glob(pattern):
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if not path.is_dir():
        path.unlink()
        return
    for inner in path.iterdir():
        _remove(inner)
    path.rmdir()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the work on all pages; it comes after their repair."""
    app.connect("build-finished", lighten_pages, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
