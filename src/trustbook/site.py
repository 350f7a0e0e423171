"""Checks of built pages that need no browser. Each returns its faults as lines 'page: fault'.

`make book` ends with them: a page that loads something from another host, leads nowhere,
shows a picture without words or an error, shows something made from the synthetic
stand-in without saying so, or is too heavy for a slow line, does not leave the house.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

from trustbook.findings import FINDING
from trustbook.policy import ASKS_R, is_known, policy_for
from trustbook.summary import LONGEST

LOADS = {  # tag -> attributes that make a browser load something
    "script": ["src"],
    "img": ["src", "srcset"],
    "source": ["src", "srcset"],
    "iframe": ["src"],
    "video": ["src", "poster"],
    "audio": ["src"],
    "embed": ["src"],
    "object": ["data"],
}
LINK_LOADS = {
    "stylesheet",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "icon",
    "manifest",
}
FILE_NAME = re.compile(r"\.(png|jpe?g|gif|svg|webp)$", re.IGNORECASE)
CSS_REMOTE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")
# What an execution, papermill, Sphinx or myst-nb leaves on a page when something went wrong.
ERROR_PARTS = (
    {"output", "traceback"},
    {"output", "error"},
    {"output", "stderr"},
    {"system-message"},
    {"problematic"},
)
ERROR_WORDS = ("An Exception was encountered at", "Traceback (most recent call last)")
REMOTE = ("http", "https", "ws", "wss", "ftp")
# The class that the book's extensions give to what they make from the stand-in.
MADE_FROM_SYNTHETIC = "from-synthetic"
# Stands in the picture's own metadata, written by trustlib.figures.
_MARK = b"SYNTHETIC"
_METADATA = 4_000  # bytes


def pages(site: Path) -> list[str]:
    """Return the pages of a site, relative to it.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "index.html").write_text("<main></main>")
    ...     pages(Path(folder))
    ['index.html']
    """
    found = [path.relative_to(site) for path in site.rglob("*.html")]
    return sorted(path.as_posix() for path in found if path.parts[0] != "_static")


def remote_loads(site: Path) -> list[str]:
    """Return everything a page would load from another host."""
    faults = []
    for page in pages(site):
        for tag in _soup(site / page).find_all([*LOADS, "link", "style"]):
            faults += [f"{page}: {fault}" for fault in _remote_loads_of(tag)]
    for sheet in sorted(site.rglob("*.css")):
        name = sheet.relative_to(site).as_posix()
        text = sheet.read_text(encoding="utf-8", errors="replace")
        faults += [f"{name}: loads {address}" for address in CSS_REMOTE.findall(text)]
    return faults


def _remote_loads_of(tag: Any) -> Iterator[str]:
    """What a tag would load from another host, or names an address for."""
    words = tag.string or ""
    attributes = LOADS.get(tag.name, [])
    addresses = " ".join(str(tag.get(name, "")) for name in attributes)
    for address in addresses.split():
        if _is_remote(address):
            yield f"<{tag.name}> loads {address}"
    if tag.name == "link":
        target = str(tag.get("href", ""))
        kinds = set(tag.get_attribute_list("rel"))
        if LINK_LOADS & kinds and _is_remote(target):
            yield f"<link> loads {target}"
    is_inline = tag.name == "script" and not tag.get("src")
    if is_inline and re.search(r"https?://", words):
        shown = words.strip()[:80]
        yield f"an inline script names a remote address: {shown}"
    if tag.name == "style":
        for address in CSS_REMOTE.findall(words):
            yield f"<style> loads {address}"


def broken_links(site: Path) -> list[str]:
    """Return links and loads inside the site that lead nowhere, anchors included."""
    faults = []
    for page in pages(site):
        for tag, target in _local_targets(site / page):
            fault = _broken(site, page, target)
            if fault:
                faults.append(f"{page}: <{tag}> leads to {target}, {fault}")
    return faults


def _broken(site: Path, page: str, target: str) -> str:
    """Why a link of a page leads nowhere; empty if it does not."""
    parts = urlsplit(target)
    path = site / page
    if parts.path:
        path = _place(site, page, unquote(parts.path))
    return _leads_nowhere(site, normpath(path), unquote(parts.fragment))


@cache
def _leads_nowhere(site: Path, name: str, fragment: str) -> str:
    """Why a link to a file, and to a place in it if one is named, leads nowhere."""
    path = Path(name)
    if path.is_dir():
        path = path / "index.html"
    if not path.is_file():
        return "which does not exist"
    if not path.resolve().is_relative_to(site.resolve()):
        return "outside the site"
    if fragment and path.suffix == ".html" and fragment not in _ids(path):
        return "a place that page does not have"
    return ""


def _place(site: Path, page: str, path: str) -> Path:
    """The file that a path leads to; a page that a host shows anywhere names its base."""
    base = _base(site / page)
    if base is not None and path.startswith(base):
        return site / path.removeprefix(base)
    return (site / page).parent / path


@cache
def _base(path: Path) -> str | None:
    """The base that a page names."""
    root = _soup(path).find("html")
    base = root.get("data-base") if root is not None else None
    return None if base is None else str(base)


def poor_alt_texts(site: Path) -> list[str]:
    """Return images without alt text, or with a file name in its place. The logo stands beside its name."""
    faults = []
    for page in pages(site):
        for image in _soup(site / page).select("img:not(.logo__image)"):
            alt = " ".join(str(image.get("alt") or "").split())
            if not alt or FILE_NAME.search(alt):
                name = str(image.get("src"))[-60:]
                faults.append(f"{page}: the image {name} has the alt text '{alt}'")
    return faults


def error_outputs(site: Path) -> list[str]:
    """Return traces of failed cells, warnings of the interpreter and unresolved references."""
    faults = []
    for page in pages(site):
        main = _soup(site / page).find("main")
        if main is None:
            faults.append(f"{page}: has no main part")
        else:
            faults += [f"{page}: {fault}" for fault in _errors_in(main)]
    return faults


def _errors_in(main: Any) -> Iterator[str]:
    """What an execution or a build left in the main part of a page."""
    for part in main.find_all(class_=True):
        classes = part.get_attribute_list("class")
        if any(error.issubset(classes) for error in ERROR_PARTS):
            yield f".{'.'.join(classes)} {_said(part)[:120]}"
    outputs = main.select(".cell_output, article > section > p")
    texts = " ".join(_said(output) for output in outputs)
    for words in ERROR_WORDS:
        if words in texts:
            yield f"holds '{words}'"


def unmarked_synthetic(site: Path) -> list[str]:
    """Return tables, pictures, numbers and files made from the stand-in beside which the word synthetic is missing.

    What is made from it is known by four signs: the class `MADE_FROM_SYNTHETIC`, a page
    of a run whose data are synthetic, a number or download of such a run, and the
    metadata of a picture.
    """
    names = pages(site)
    run_class = f"{MADE_FROM_SYNTHETIC}-run"
    of_runs = {name for name in names if _soup(site / name).find(class_=run_class)}
    faults = []
    for name in names:
        main = _soup(site / name).find("main")
        if main is not None:
            page = _Page(name, main, name in of_runs)
            found = [*_unmarked_parts(page, of_runs), *_unmarked_pictures(page, site)]
            faults += [f"{name}: {fault}" for fault in found]
    return faults


@dataclass(frozen=True)
class _Page:
    """The main part of a page, and whether it is of a run whose data are synthetic."""

    name: str
    main: Any
    is_synthetic: bool


def _unmarked_parts(page: _Page, of_runs: set[str]) -> Iterator[str]:
    """Parts made from the stand-in around which nothing says so."""
    parts = [*_marked(page), *_linked(page, of_runs)]
    for part, around in parts:
        if "synthetic" not in _said(around).lower():
            words = _said(part)[:80]
            yield f"made from the stand-in, and not called synthetic: {words}"


def _marked(page: _Page) -> Iterator[tuple[Any, Any]]:
    """What is marked as made from the stand-in, and headings and tables of its runs; each with what is around it."""
    for part in page.main.find_all(class_=MADE_FROM_SYNTHETIC):
        yield part, part
    if not page.is_synthetic:
        return
    for heading in page.main.select("h1"):
        yield heading, heading
    for table in page.main.select("table"):
        if not _origin(table):
            yield table, table.find_parent(class_="book-table") or table


def _linked(page: _Page, of_runs: set[str]) -> Iterator[tuple[Any, Any]]:
    """Numbers and downloads of a run of the stand-in; each with what is around it."""
    for link in page.main.find_all("a", class_="reference", href=True):
        leads_to_run = _target(page.name, str(link["href"])) in of_runs
        is_number = link.find_parent(class_=FINDING) is not None
        if is_number and leads_to_run and not page.is_synthetic:
            around = link.find_parent(["p", "li", "tr", "td", "figcaption"])
            yield link, around or link
        title = str(link.get("title", "")).lower()
        if "download" in (link.get("class") or []) and "synthetic" in title:
            yield link, link.find_parent(["p", "li", "tr"]) or link


def _unmarked_pictures(page: _Page, site: Path) -> Iterator[str]:
    """Pictures whose text and metadata do not agree on what they are made from."""
    folder = (site / page.name).parent
    for image in page.main.find_all("img", src=True):
        path = folder / unquote(str(image["src"]))
        if path.suffix != ".png" or not path.is_file():
            continue
        is_marked = _MARK in path.read_bytes()[:_METADATA]
        is_called = "synthetic" in str(image.get("alt")).lower()
        if is_marked != is_called or (page.is_synthetic and not is_marked):
            words = "its text and its metadata do not all say synthetic"
            yield f"picture {path.name}, {words}"


def _said(tag: Any) -> str:
    return tag.get_text(" ", strip=True)


def _origin(table: Any) -> bool:
    """Whether a table is the list of data, template and software at the end of a run's page."""
    return table.find_parent("section", id="where-these-numbers-come-from") is not None


def _target(page: str, href: str) -> str:
    """The page that a link of another page leads to."""
    path = unquote(urlsplit(href).path)
    return str(Path((Path(page).parent / path).as_posix()))


SCRIPT_PLACES = ("_static", "search-data.js")  # scripts of ours lie here
RUNNING = {"", "module", "text/javascript", "application/javascript", "importmap"}
EMBEDDING = ("iframe", "frame", "object", "embed", "base", "applet")
ADDRESSES = (
    *("href", "src", "action", "formaction", "data", "poster", "background"),
    "xlink:href",
)
RUNNING_ADDRESS = re.compile(
    r"[\s\x00-\x1f]*(?:javascript|vbscript|data:(?!image/))", re.IGNORECASE
)


def foreign_scripts(site: Path) -> list[str]:
    """Return what a browser would run that is not a script of the book: a text of a survey that became one.

    Allowed are script files of the book, the few scripts that the theme writes into each
    page, and nothing else: no attribute such as onclick, no address that is a script, no
    frame, no page that leads away by itself.
    """
    faults = []
    for page in pages(site):
        for tag in _soup(site / page).find_all(True):
            faults += [f"{page}: {fault}" for fault in _runs_something(tag)]
    return faults


def _runs_something(tag: Any) -> Iterator[str]:
    """What a tag would run, load a page into, or lead to by itself."""
    if tag.name == "script" and not _is_ours(tag):
        shown = str(tag.get("src") or tag.string or "").strip()
        yield f"a script that is not ours: {shown[:80]}"
    if tag.name in EMBEDDING or tag.has_attr("srcdoc"):
        yield f"<{tag.name}> holds another page"
    if str(tag.get("http-equiv", "")).lower() == "refresh":
        yield "leads to another page by itself"
    for name, value in tag.attrs.items():
        if name.lower().startswith("on"):
            yield f"<{tag.name}> runs a script {name}"
        address = str(value)
        if name.lower() in ADDRESSES and RUNNING_ADDRESS.match(address):
            yield f"<{tag.name}> has the address {address.strip()[:40]}"


def _is_ours(script: Any) -> bool:
    """Whether a script is one of the book, or holds data only."""
    if script.get("src"):
        address = urlsplit(str(script["src"]))
        path = re.sub(r"^(\.\./)+", "", normpath(address.path))
        return not address.netloc and path.split("/")[0] in SCRIPT_PLACES
    if str(script.get("type", "")).lower() not in RUNNING:
        return True
    text = str(script.string or "").strip()
    return not text or is_known(text)


def missing_policies(site: Path) -> list[str]:
    """Return pages that do not say in their head, before any script, what a browser may run and load."""
    faults = []
    for page in pages(site):
        head = _soup(site / page).find("head")
        if head is not None and not _has_policy(_soup(site / page), head):
            faults.append(f"{page}: has no Content-Security-Policy, or not the book's")
    return faults


def _has_policy(soup: Any, head: Any) -> bool:
    """Whether the first of what a policy speaks of in a head is the policy of its page."""
    first = head.select_one("meta[http-equiv], script, link, style")
    if first is None or first.name != "meta":
        return False
    texts = [str(script.string or "") for script in soup.select("script:not([src])")]
    asks_r = soup.select_one(ASKS_R) is not None
    return str(first.get("content")) == policy_for(texts, asks_r)


LARGEST_PAGE = 1_500_000  # bytes, pictures not counted
INLINE_PICTURE = re.compile(rb"data:image/[^\"')\s]*")


def heavy_pages(site: Path) -> list[str]:
    """Return pages above `LARGEST_PAGE` without their pictures, those written into the page included."""
    faults = []
    for page in pages(site):
        size = len(INLINE_PICTURE.sub(b"", (site / page).read_bytes()))
        if size > LARGEST_PAGE:
            faults.append(f"{page}: {size / 1e6:.2f} MB without its pictures")
    return faults


def poor_summaries(site: Path) -> list[str]:
    """Return run pages that do not begin with what was found, in at most so many letters.

    A page that tells an interaction contrast shows its picture there too.
    """
    faults = []
    for page in pages(site):
        main = _soup(site / page).find("article") or _soup(site / page)
        if page.startswith("_runs/"):
            faults += [f"{page}: {fault}" for fault in _poor_summary(main)]
    return faults


def _poor_summary(main: Any) -> Iterator[str]:
    """What is wrong with the beginning of a run page."""
    found = main.find(_begins)
    if found is None or found.name == "h2":
        yield "no summary right under the heading"
        return
    text = " ".join(found.find_parent("p").get_text().split())
    if len(text) > LONGEST:
        yield f"a summary of {len(text)} letters, at most {LONGEST} are wanted"
    picture = main.select_one(".row-figure .rf-added")
    if "Interaction contrast (points)" in main.get_text() and picture is None:
        yield "an interaction, and no picture of together"


def _begins(tag: Any) -> bool:
    """Whether a tag is a heading of a part, or the first words of a summary."""
    return tag.name == "h2" or (tag.name == "strong" and tag.string == "In short.")


LONGEST_DESCRIPTION = 220  # characters, the word Synthetic before it included
CARD = ("og:title", "og:description", "og:type")


def poor_heads(site: Path) -> list[str]:
    """Return pages whose head has no title, no description of one or two sentences, or no card."""
    faults = []
    for page in pages(site):
        head = _soup(site / page).find("head")
        if head is not None:
            faults += [f"{page}: {fault}" for fault in _lacking(head)]
    return faults


def _lacking(head: Any) -> Iterator[str]:
    """What the head of a page does not say, or says badly."""
    title = head.find("title")
    if title is None or not _said(title):
        yield "has no title"
    described = head.find("meta", attrs={"name": "description"})
    words = "" if described is None else str(described.get("content", ""))
    if not words or len(words) > LONGEST_DESCRIPTION:
        yield f"is described in {len(words)} characters"
    for name in CARD:
        if head.find("meta", attrs={"property": name}) is None:
            yield f"has no {name}"
    picture = head.find("meta", attrs={"property": "og:image"})
    if picture is not None and _is_remote(str(picture.get("content", ""))):
        yield "its card loads a picture of another host"


CHECKS = (
    poor_summaries,
    remote_loads,
    broken_links,
    poor_alt_texts,
    error_outputs,
    unmarked_synthetic,
    foreign_scripts,
    missing_policies,
    heavy_pages,
    poor_heads,
)


def check_pages(site: Path) -> list[str]:
    """All faults of a built site."""
    for kept in (_soup, _ids, _base, _leads_nowhere):
        kept.cache_clear()
    with _without_collector():
        return [fault for check in CHECKS for fault in check(site)]


@contextmanager
def _without_collector() -> Iterator[None]:
    """Without Python's search for what nobody holds, which would go through millions of tags that are all kept."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _local_targets(path: Path) -> Iterator[tuple[str, str]]:
    for tag in _soup(path).find_all(["a", "link", "script", "img", "source"]):
        target = str(tag.get("href") or tag.get("src") or "")
        if target in ("", "#") or target.startswith("//"):
            continue
        if not urlsplit(target).scheme:
            yield tag.name, target


def _is_remote(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme in REMOTE


@cache
def _soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def _ids(path: Path) -> frozenset[str]:
    soup = _soup(path)
    named = soup.find_all("a", attrs={"name": True})
    places = [tag["id"] for tag in soup.find_all(id=True)]
    places += [tag["name"] for tag in named]
    return frozenset(map(str, places))
