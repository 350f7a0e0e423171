"""The site under test: the built book that TRUSTLIB_SITE names, or a small one in its place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import small_run
from trustbook.ledger import COLUMNS
from trustbook.r_together import write_script
from trustbook.site import pages
from trustbook.sphinx.ledger_numbers import NUMBERS
from trustbook.sphinx.ledger_pages import ledger_table
from trustbook.verdicts import HOLDS, NEEDS
from trustlib import Cells, fit_logit
from trustlib.record.printed import load_figures

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ("printed-both", "women-share", "one-item-minority")
COMPUTED = "R24-019"  # the line of the ledger that the small book answers
AXES = ["ethnicity", "disability"]
MODEL = "ethnicity * disability"
PAIR = "cells/discriminated-ethnicity-disability.parquet"
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
    names = [path.with_suffix(".html").as_posix() for path in sources]
    made = f"_runs/{small_run.RUN}/{small_run.RUN}.html"
    return sorted([*names, made, "ledger.html", "search.html"])


def small_record(folder: Path) -> None:
    """The published record, with the questions that the small book asks of it."""
    published = ROOT / "data" / "published"
    folder.mkdir(parents=True)
    for name in ("figures.csv", "headline.json"):
        shutil.copy(published / name, folder)
    asked = yaml.safe_load((published / "questions.yml").read_text(encoding="utf-8"))
    asked["questions"] = {name: asked["questions"][name] for name in QUESTIONS}
    text = yaml.safe_dump(asked, allow_unicode=True, sort_keys=False)
    (folder / "questions.yml").write_text(text, encoding="utf-8")


def small_ledger(book: Path) -> None:
    """The ledger with every line of the record, one of them answered, and its page."""
    figures = load_figures(ROOT / "data" / "published" / "figures.csv")
    names = {"address": "place", "value": "published", "half_width": "tolerance"}
    lines = figures.rename(columns=names).reindex(columns=list(COLUMNS))
    lines = lines.assign(file="figures", verdict=NEEDS)
    texts = lines.columns.difference(NUMBERS)
    lines[texts] = lines[texts].astype(object).fillna("").astype(str)
    answered = lines["id"] == COMPUTED
    lines.loc[answered, ["ours", "range_low", "range_high"]] = [35.0, 34.0, 36.0]
    lines.loc[answered, "calculation"] = "R24-017 \N{MINUS SIGN} R24-018"
    lines.loc[answered, ["evidence", "verdict"]] = ["published", HOLDS]
    lines.loc[answered, "run"] = small_run.RUN
    lines.to_csv(book / "_runs" / "ledger.csv", index=False)
    text = f"# The ledger\n\nSynthetic lines.\n\n{ledger_table(lines)}\n"
    (book / "ledger.md").write_text(text, encoding="utf-8")


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
    shutil.copy(ROOT / "data" / "codebook.yml", folder / "data")
    small_record(folder / "data" / "published")
    small_run.make_run(ROOT, book / "_runs")
    small_ledger(book)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUSTLIB_RUN_FOLDER", str(book))
        write_script(fit_logit(Cells.read(cells / PAIR), MODEL), AXES, AXES, "A pair")
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
