"""The site under test: the built book that TRUSTLIB_SITE names, or a small one in its place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from trustbook.site import pages

ROOT = Path(__file__).resolve().parents[2]
SMALL_BOOK = Path(__file__).resolve().parent / "small_book"


def site_under_test() -> Path | None:
    """Return the built site named by TRUSTLIB_SITE, or None where the small book stands in."""
    name = os.environ.get("TRUSTLIB_SITE")
    return Path(name).resolve() if name else None


def pages_under_test() -> list[str]:
    """Return the pages of the site, known before anything is built, so that each page is a test."""
    site = site_under_test()
    if site is not None:
        return pages(site)
    sources = [
        path.relative_to(SMALL_BOOK)
        for path in SMALL_BOOK.rglob("*")
        if path.suffix in (".md", ".ipynb")
    ]
    return sorted(
        [*(path.with_suffix(".html").as_posix() for path in sources), "search.html"]
    )


def build_small_book(folder: Path) -> Path:
    """Build the small book with the settings, style and extensions of the real one."""
    book = folder / "book"
    shutil.copytree(
        SMALL_BOOK,
        book,
        ignore=shutil.ignore_patterns("_toc.yml", ".ipynb_checkpoints"),
    )
    shutil.copy(SMALL_BOOK / "_toc.yml", folder)
    shutil.copy(ROOT / "_config.yml", folder)
    cells = ROOT / "data" / "hints7"
    shutil.copytree(cells, folder / "data" / "hints7")
    shutil.copytree(ROOT / "data" / "published", folder / "data" / "published")
    shutil.copy(ROOT / "data" / "codebook.yml", folder / "data")
    lessons = Path("notebooks") / "lessons"
    shutil.copytree(
        ROOT / lessons,
        folder / lessons,
        ignore=shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints"),
    )
    shutil.copytree(
        ROOT / "book" / "_static",
        book / "_static",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    command = [
        *(sys.executable, "-m", "trustbook.building"),
        *("build", "book", "--config", "_config.yml"),
        *(
            "--toc",
            str(folder / "_toc.yml"),
            "--path-output",
            ".",
            "-n",
            "-W",
            "--keep-going",
        ),
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
        telling = [
            line
            for line in lines
            if re.search(r"WARNING|ERROR|[A-Za-z]Error:|exception:", line)
        ]
        raise RuntimeError(
            "The small book did not build:\n" + "\n".join(telling[:20] or lines[-20:])
        )
    return folder / "_build" / "html"
