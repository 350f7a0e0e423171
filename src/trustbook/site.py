"""Checks of built pages that need no browser. Each returns its faults as lines 'page: fault'.

`make book` ends with them: a page that loads something from another host, leads nowhere, shows a picture without words
or an error, shows something made from the synthetic stand-in without saying so, or is too heavy for a slow line, does
not leave the house.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

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
    ".output.traceback",
    ".output.error",
    ".output.stderr",
    ".system-message",
    ".problematic",
)
ERROR_WORDS = ("An Exception was encountered at", "Traceback (most recent call last)")


def pages(site: Path) -> list[str]:
    """Return the pages of a site, relative to it."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_static")


def remote_loads(site: Path) -> list[str]:
    """Return everything a page would load from another host."""
    faults = []
    for page in pages(site):
        for tag in _soup(site / page).find_all([*LOADS, "link", "style"]):
            words, href = tag.string or "", str(tag.get("href", ""))
            values = " ".join(str(tag.get(a, "")) for a in LOADS.get(tag.name, ()))
            faults += [
                f"{page}: <{tag.name}> loads {url}"
                for url in values.split()
                if _is_remote(url)
            ]
            if (
                tag.name == "link"
                and LINK_LOADS & set(tag.get_attribute_list("rel"))
                and _is_remote(href)
            ):
                faults.append(f"{page}: <link> loads {href}")
            if (
                tag.name == "script"
                and not tag.get("src")
                and re.search(r"https?://", words)
            ):
                faults.append(
                    f"{page}: an inline script names a remote address: {words.strip()[:80]}"
                )
            if tag.name == "style":
                faults += [
                    f"{page}: <style> loads {url}" for url in CSS_REMOTE.findall(words)
                ]
    for sheet in sorted(site.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        faults += [
            f"{sheet.relative_to(site).as_posix()}: loads {url}"
            for url in CSS_REMOTE.findall(text)
        ]
    return faults


def broken_links(site: Path) -> list[str]:
    """Return links and loads inside the site that lead nowhere, anchors included."""
    faults = []
    for page in pages(site):
        for tag, target in _local_targets(site / page):
            parts = urlsplit(target)
            path = (
                site / page
                if not parts.path
                else (site / page).parent / unquote(parts.path)
            )
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                faults.append(
                    f"{page}: <{tag}> leads to {target}, which does not exist"
                )
            elif not path.resolve().is_relative_to(site.resolve()):
                faults.append(f"{page}: <{tag}> leads to {target}, outside the site")
            elif (
                parts.fragment
                and path.suffix == ".html"
                and unquote(parts.fragment) not in _ids(path)
            ):
                faults.append(
                    f"{page}: <{tag}> leads to {target}, a place that page does not have"
                )
    return faults


def poor_alt_texts(site: Path) -> list[str]:
    """Return images without alt text, or with a file name in its place. The logo stands beside its name."""
    faults = []
    for page in pages(site):
        for image in _soup(site / page).select("img:not(.logo__image)"):
            alt = " ".join(str(image.get("alt") or "").split())
            if not alt or FILE_NAME.search(alt):
                faults.append(
                    f"{page}: the image {str(image.get('src'))[-60:]} has the alt text '{alt}'"
                )
    return faults


def error_outputs(site: Path) -> list[str]:
    """Return traces of failed cells, warnings of the interpreter and unresolved references."""
    faults = []
    for page in pages(site):
        main = _soup(site / page).find("main")
        if main is None:
            faults.append(f"{page}: has no main part")
            continue
        parts = main.select(", ".join(ERROR_PARTS))
        faults += [
            f"{page}: .{'.'.join(p.get_attribute_list('class'))} {_said(p)[:120]}"
            for p in parts
        ]
        outputs = " ".join(
            t.get_text(" ", strip=True)
            for t in main.select(".cell_output, article > section > p")
        )
        faults += [
            f"{page}: holds '{words}'" for words in ERROR_WORDS if words in outputs
        ]
    return faults


MADE_FROM_SYNTHETIC = "from-synthetic"  # the class that the book's extensions give to what they make from the stand-in
_MARK = (
    b"SYNTHETIC"  # stands in the picture's own metadata, written by trustlib.figures
)


def unmarked_synthetic(site: Path) -> list[str]:
    """Return tables, pictures, numbers and files made from the stand-in beside which the word synthetic is missing.

    What is made from it is known by four signs: the class `MADE_FROM_SYNTHETIC`, a page of a run whose data are
    synthetic, a number or download of such a run, and the metadata of a picture.
    """
    faults = []
    of_runs = {
        page
        for page in pages(site)
        if _soup(site / page).select_one(f".{MADE_FROM_SYNTHETIC}-run")
    }
    for page in pages(site):
        main = _soup(site / page).find("main")
        if main is None:
            continue
        parts = [(p, p) for p in main.select(f".{MADE_FROM_SYNTHETIC}")]
        if page in of_runs:
            parts += [(h, h) for h in main.select("h1")] + [
                (t, t.find_parent(class_="book-table") or t)
                for t in main.select("table")
                if not _origin(t)
            ]
        for link in main.select("a.reference[href]"):
            target = _target(page, str(link["href"]))
            if (
                link.select_one(".finding")
                and target in of_runs
                and page not in of_runs
            ):
                parts.append(
                    (
                        link,
                        link.find_parent(["p", "li", "tr", "td", "figcaption"]) or link,
                    )
                )
            if (
                "download" in (link.get("class") or [])
                and "synthetic" in str(link.get("title", "")).lower()
            ):
                parts.append((link, link.find_parent(["p", "li", "tr"]) or link))
        faults += [
            f"{page}: made from the stand-in, and not called synthetic: {_said(part)[:80]}"
            for part, around in parts
            if "synthetic" not in _said(around).lower()
        ]
        for image in main.select("img[src]"):
            path = (site / page).parent / unquote(str(image["src"]))
            if path.suffix == ".png" and path.is_file():
                marked, called = (
                    _MARK in path.read_bytes()[:4_000],
                    "synthetic" in str(image.get("alt")).lower(),
                )
                if marked != called or (page in of_runs and not marked):
                    faults.append(
                        f"{page}: picture {path.name}, its text and its metadata do not all say synthetic"
                    )
    return faults


def _said(tag: Any) -> str:
    return tag.get_text(" ", strip=True)


def _origin(table: Any) -> bool:
    """Whether a table is the list of data, template and software at the end of a run's page."""
    return table.find_parent("section", id="where-these-numbers-come-from") is not None


def _target(page: str, href: str) -> str:
    parts = (Path(page).parent / unquote(urlsplit(href).path)).as_posix()
    return str(Path(parts))


SCRIPT_PLACES = ("_static", "mathjax", "searchindex.js")  # scripts of ours lie here
# The scripts that the theme writes into pages: settings, whose values are plain, and two programs.
SETTINGS = re.compile(
    r"(?:(?:DOCUMENTATION_OPTIONS\.\w+|kernelName|(?:let |var )?toggle\w+) = "
    r"(?:'[^'\\<>]*'|true|false);?\s*)+"
)
MATHJAX = re.compile(r"window\.MathJax = (\{.*\})", re.DOTALL)
PROGRAMS = (
    'document.documentElement.dataset.mode = localStorage.getItem("mode") || "auto"; '
    'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";',
    "// Activate the search field on page load let searchInput = "
    'document.querySelector("form.bd-search input"); if (searchInput) { '
    'searchInput.focus(); searchInput.select(); console.log("[PST]: Set focus on search field."); }',
)
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

    Allowed are script files of the book, the few scripts that the theme writes into each page, and nothing else: no
    attribute such as onclick, no address that is a script, no frame, no page that leads away by itself.
    """
    faults = []
    for page in pages(site):
        for tag in _soup(site / page).find_all(True):
            faults += [f"{page}: {fault}" for fault in _runs_something(tag)]
    search = site / "_static" / "searchtools.js"
    if search.is_file() and "innerHTML = title" in search.read_text(encoding="utf-8"):
        faults.append("_static/searchtools.js: writes headings of pages as HTML")
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
        if name.lower() in ADDRESSES and RUNNING_ADDRESS.match(str(value)):
            yield f"<{tag.name}> has the address {str(value).strip()[:40]}"


def _is_ours(script: Any) -> bool:
    """Whether a script is one of the book, or holds data only."""
    if script.get("src"):
        address = urlsplit(str(script["src"]))
        path = re.sub(r"^(\.\./)+", "", normpath(address.path))
        return not address.netloc and path.split("/")[0] in SCRIPT_PLACES
    if str(script.get("type", "")).lower() not in RUNNING:
        return True
    text = str(script.string or "").strip()
    mathjax = MATHJAX.fullmatch(text)
    if mathjax:
        return _is_json(mathjax[1])
    one_line = " ".join(text.split())
    return not text or bool(SETTINGS.fullmatch(text)) or one_line in PROGRAMS


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


LARGEST_PAGE = 1_500_000  # bytes, pictures not counted
INLINE_PICTURE = re.compile(rb"data:image/[^\"')\s]*")


def heavy_pages(site: Path) -> list[str]:
    """Return pages above `LARGEST_PAGE` without their pictures, those written into the page included."""
    sizes = {
        page: len(INLINE_PICTURE.sub(b"", (site / page).read_bytes()))
        for page in pages(site)
    }
    return [
        f"{page}: {size / 1e6:.2f} MB without its pictures"
        for page, size in sizes.items()
        if size > LARGEST_PAGE
    ]


CHECKS = (
    remote_loads,
    broken_links,
    poor_alt_texts,
    error_outputs,
    unmarked_synthetic,
    foreign_scripts,
    heavy_pages,
)


def check_pages(site: Path) -> list[str]:
    """All faults of a built site."""
    _soup.cache_clear()
    _ids.cache_clear()
    return [fault for check in CHECKS for fault in check(site)]


def _local_targets(path: Path) -> Iterator[tuple[str, str]]:
    for tag in _soup(path).find_all(["a", "link", "script", "img", "source"]):
        target = str(tag.get("href") or tag.get("src") or "")
        if (
            target
            and target != "#"
            and not urlsplit(target).scheme
            and not target.startswith("//")
        ):
            yield tag.name, target


def _is_remote(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme in (
        "http",
        "https",
        "ws",
        "wss",
        "ftp",
    )


@cache
def _soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def _ids(path: Path) -> frozenset[str]:
    soup = _soup(path)
    places = [t["id"] for t in soup.find_all(id=True)] + [
        t["name"] for t in soup.find_all("a", attrs={"name": True})
    ]
    return frozenset(map(str, places))
