"""Checks of built pages that need no browser. Each returns its faults as lines 'page: fault'."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
SMALL_BOOK = Path(__file__).resolve().parent / "small_book"

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


def site_under_test() -> Path | None:
    """Return the built site named by TRUSTLIB_SITE, or None where the small book stands in."""
    name = os.environ.get("TRUSTLIB_SITE")
    return Path(name).resolve() if name else None


def pages_under_test() -> list[str]:
    """Return the pages of the site, known before anything is built, so that each page is a test."""
    site = site_under_test()
    if site is not None:
        return pages(site)
    sources = [path.relative_to(SMALL_BOOK) for path in SMALL_BOOK.rglob("*") if path.suffix in (".md", ".ipynb")]
    return sorted([*(path.with_suffix(".html").as_posix() for path in sources), "search.html"])


def build_small_book(folder: Path) -> Path:
    """Build the small book with the settings, style and extensions of the real one."""
    book = folder / "book"
    shutil.copytree(SMALL_BOOK, book, ignore=shutil.ignore_patterns("_toc.yml", ".ipynb_checkpoints"))
    shutil.copy(SMALL_BOOK / "_toc.yml", folder)
    shutil.copy(ROOT / "_config.yml", folder)
    for part in ("_static", "_ext", "vendor"):
        shutil.copytree(ROOT / "book" / part, book / part, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()"),
        *("build", "book", "--config", "_config.yml"),
        *("--toc", str(folder / "_toc.yml"), "--path-output", ".", "-n", "-W", "--keep-going"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
        telling = [line for line in lines if re.search(r"WARNING|ERROR|[A-Za-z]Error:|exception:", line)]
        raise RuntimeError("The small book did not build:\n" + "\n".join(telling[:20] or lines[-20:]))
    return folder / "_build" / "html"


def pages(site: Path) -> list[str]:
    """Return the pages of a site, relative to it."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_static")


def remote_loads(site: Path) -> list[str]:
    """Return everything a page would load from another host."""
    faults = []
    for page in pages(site):
        soup = _soup(site / page)
        for tag_name, attributes in LOADS.items():
            for tag in soup.find_all(tag_name):
                values = " ".join(str(tag.get(a, "")) for a in attributes)
                faults += [f"{page}: <{tag_name}> loads {url}" for url in values.split() if _is_remote(url)]
        for link in soup.find_all("link", href=True):
            if LINK_LOADS & set(link.get("rel", [])) and _is_remote(link["href"]):
                faults.append(f"{page}: <link> loads {link['href']}")
        for script in soup.find_all("script", src=False):
            if (script.string or "") and re.search(r"https?://", script.string):
                faults.append(f"{page}: an inline script names a remote address: {script.string.strip()[:80]}")
        for style in soup.find_all("style"):
            faults += [f"{page}: <style> loads {url}" for url in CSS_REMOTE.findall(style.string or "")]
    for sheet in sorted(site.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8", errors="replace")
        faults += [f"{sheet.relative_to(site).as_posix()}: loads {url}" for url in CSS_REMOTE.findall(text)]
    return faults


def broken_links(site: Path) -> list[str]:
    """Return links and loads inside the site that lead nowhere, anchors included."""
    faults = []
    for page in pages(site):
        for tag, target in _local_targets(site / page):
            parts = urlsplit(target)
            path = site / page if not parts.path else (site / page).parent / unquote(parts.path)
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                faults.append(f"{page}: <{tag}> leads to {target}, which does not exist")
            elif not path.resolve().is_relative_to(site.resolve()):
                faults.append(f"{page}: <{tag}> leads to {target}, outside the site")
            elif parts.fragment and path.suffix == ".html" and unquote(parts.fragment) not in _ids(path):
                faults.append(f"{page}: <{tag}> leads to {target}, a place that page does not have")
    return faults


def poor_alt_texts(site: Path) -> list[str]:
    """Return images without alt text, or with a file name in its place. The logo stands beside its name."""
    faults = []
    for page in pages(site):
        for image in _soup(site / page).select("img:not(.logo__image)"):
            alt = " ".join(str(image.get("alt") or "").split())
            if not alt or FILE_NAME.search(alt):
                faults.append(f"{page}: the image {str(image.get('src'))[-60:]} has the alt text '{alt}'")
    return faults


def error_outputs(site: Path) -> list[str]:
    """Return traces of failed cells, warnings of the interpreter and unresolved references."""
    faults = []
    for page in pages(site):
        main = _soup(site / page).find("main")
        if main is None:
            faults.append(f"{page}: has no main part")
            continue
        for selector in ERROR_PARTS:
            faults += [f"{page}: {selector} {t.get_text(' ', strip=True)[:120]}" for t in main.select(selector)]
        outputs = " ".join(t.get_text(" ", strip=True) for t in main.select(".cell_output, article > section > p"))
        faults += [f"{page}: holds '{words}'" for words in ERROR_WORDS if words in outputs]
    return faults


def _local_targets(path: Path) -> Iterator[tuple[str, str]]:
    for tag in _soup(path).find_all(["a", "link", "script", "img", "source"]):
        target = str(tag.get("href") or tag.get("src") or "")
        if target and target != "#" and not urlsplit(target).scheme and not target.startswith("//"):
            yield tag.name, target


def _is_remote(url: str) -> bool:
    return url.startswith("//") or urlsplit(url).scheme in ("http", "https", "ws", "wss", "ftp")


@cache
def _soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def _ids(path: Path) -> frozenset[str]:
    soup = _soup(path)
    return frozenset(
        [t["id"] for t in soup.find_all(id=True)] + [t["name"] for t in soup.find_all("a", attrs={"name": True})]
    )
