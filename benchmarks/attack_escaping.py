"""Payloads through `trustlib reproduce`, and then through a browser, R and a reader of CSV: nothing of them may run.

    python benchmarks/attack_escaping.py FOLDER [FILES]

makes FILES survey files (default 6) in FOLDER. Between them they hold every payload of ``tests/payloads.py`` in labels,
levels, kinds of missing, headers, names of files and the labels of ``.sav`` files. Of each it makes a private book. It
opens all pages in headless Chromium, the page of the search too. R parses every script and every block of R that is
printed. Every cell of CSV is looked at. A line is printed for each breach; with one the status is 1.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pandas as pd
import pyreadstat
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import payloads as texts  # noqa: E402
from trustlib.escaping import csv_plain  # noqa: E402

FORBIDDEN_IN_R = "system|system2|file\\.create|unlink|eval|parse|writeLines|shell"
PARSE = f"""
for (file in commandArgs(TRUE)) {{
  unreadable <- function(e) {{ cat("UNREADABLE", file, conditionMessage(e), "\\n"); NULL }}
  made <- tryCatch(parse(file, encoding = "UTF-8"), error = unreadable)
  for (part in as.list(made)) {{
    used <- grep("^({FORBIDDEN_IN_R})$", all.names(part), value = TRUE)
    if (length(used)) cat("CALLS", file, used, "\\n")
  }}
}}
"""


def labelled_survey(folder: Path, payloads: list[str]) -> tuple[Path, Path]:
    """The same people in a file of SPSS whose value labels, variable labels and name hold the payloads."""
    file, plan = texts.survey(folder, payloads)
    frame = pd.read_csv(file, dtype=str)
    mapping = yaml.safe_load(plan.read_text(encoding="utf-8"))
    labels: dict[str, dict[float, str]] = {}
    numbers = pd.DataFrame()
    for i, rule in enumerate(mapping["variables"].values()):
        codes = {
            text: float(k) for k, text in enumerate(frame[rule["column"]].unique())
        }
        own = rule.get("values", {}) | rule.get("missing", {})
        named = {
            code: _short(f"{k}: {own[text]}")
            for text, (k, code) in zip(codes, enumerate(codes.values()), strict=True)
        }
        labels[f"V{i}"] = named
        numbers[f"V{i}"] = frame[rule["column"]].map(codes)
        for part in ("values", "missing"):
            if part in rule:
                rule[part] = {
                    named[codes[text]].strip(): to for text, to in rule[part].items()
                }
        rule["column"] = f"V{i}"
    titles = {
        f"V{i}": _short(rule["label"])
        for i, rule in enumerate(mapping["variables"].values())
    }
    pyreadstat.write_sav(
        numbers,
        str(file.with_suffix(".sav")),
        column_labels=titles,
        variable_value_labels=labels,
    )
    plan.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    return file.with_suffix(".sav"), plan


def _short(text: str) -> str:
    """A label as SPSS keeps it: of at most 120 bytes, without the character of number zero."""
    return str(text).replace("\x00", "").encode()[:100].decode(errors="ignore")


def reproduce(file: Path, plan: Path, out: Path) -> str:
    """Make the private book; what the command said."""
    command = [
        sys.executable,
        "-c",
        "from trustbook.cli import app; app()",
        "reproduce",
        str(file),
    ]
    command += ["--mapping", str(plan), "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr
    breaches = [f"exit {done.returncode}: {told[-600:]}"] if done.returncode else []
    if "\x1b" in told:
        breaches.append("an escape character reached the terminal")
    return "\n".join(breaches)


def in_chromium(site: Path) -> list[str]:
    """Open every page, and search for a word of each payload; what ran, or was asked of another place."""
    from playwright.sync_api import sync_playwright

    breaches: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"],
        )
        page = browser.new_page()
        page.on(
            "dialog",
            lambda dialog: (
                breaches.append(f"dialog {dialog.message}"),
                dialog.dismiss(),
            ),
        )
        page.on("request", lambda request: asked.append(request.url))
        found = [
            path
            for path in sorted(site.rglob("*.html"))
            if "_static" not in path.relative_to(site).parts
        ]
        addresses = [path.as_uri() for path in found]
        search = (site / "search.html").as_uri()
        addresses += [
            f"{search}?q={word}"
            for word in (
                "script",
                "img",
                "document",
                "window",
                "onerror",
                "pwned",
                "levels",
                "title",
            )
        ]
        for address in addresses:
            page.goto(address)
            page.wait_for_timeout(400 if "?q=" in address else 50)
            page.evaluate(
                "document.querySelectorAll('details').forEach(d => d.open = true)"
            )
            state = page.evaluate(
                "[window.PWN === undefined, document.title, location.href]"
            )
            links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
            if (
                not state[0]
                or state[1] == "PWNED"
                or ("?" not in address and state[2] != address)
            ):
                breaches.append(f"ran on {address}: {state}")
            inside = site.as_uri()
            breaches += [
                f"{address} leads to {link[:80]}"
                for link in links
                if not link.startswith((inside, "https://"))
            ]
        browser.close()
    inside = site.as_uri()
    breaches += [
        f"asked for {url[:90]}"
        for url in asked
        if not url.startswith((inside, "data:", "blob:"))
    ]
    return breaches


def in_r(folder: Path, out: Path) -> list[str]:
    """Have R parse every script and every block of R on a page; what it cannot read, or would run."""
    scripts = sorted(out.rglob("*.R"))
    scripts = [path for path in scripts if "_build" not in path.parts]
    for path in sorted((out / "book").rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for i, block in enumerate(
                re.findall(
                    r"^```r\n(.*?)^```$",
                    "".join(cell["source"]),
                    re.DOTALL | re.MULTILINE,
                )
            ):
                scripts.append(folder / f"{path.stem}-{i}.R")
                scripts[-1].write_text(block, encoding="utf-8")
    if not scripts:
        return []
    parser = folder / "parse_all.R"
    parser.write_text(PARSE)
    done = subprocess.run(
        ["Rscript", str(parser), *map(str, scripts)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def in_csv(out: Path) -> list[str]:
    """Cells that a spreadsheet would compute."""
    breaches = []
    for path in sorted(out.rglob("*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for cell in {*frame.columns, *frame.to_numpy().ravel()}:
            number = re.fullmatch(r"[+-]?[\d.,]+(e[+-]?\d+)?|[=+-]", cell)
            if re.match(r"[=+\-@\t\r\n]", cell) and not number:
                breaches.append(f"{path.name}: {cell[:60]!r}")
            if csv_plain(cell) != cell and not cell.startswith("'") and "'" not in cell:
                breaches.append(f"{path.name}: {cell[:60]!r} is not read back")
    return breaches


def strays(folder: Path, out: Path, before: set[Path]) -> list[str]:
    """Files that lie where none should, and lines of a file that no page may hold."""
    made = {
        path for path in folder.rglob("*") if out not in (path, *path.parents)
    } - before
    breaches = [f"outside of its folder: {path}" for path in sorted(made)]
    breaches += [f"made by a payload: {path}" for path in ROOT.rglob(texts.CANARY)]
    for path in out.rglob("*"):
        if path.name == texts.CANARY or path.name in ("secret.txt", "passwd"):
            breaches.append(f"made or copied: {path}")
        if path.suffix in (
            ".html",
            ".js",
            ".md",
            ".ipynb",
        ) and texts.SECRET in path.read_text(encoding="utf-8"):
            breaches.append(f"holds a line of another file: {path.name}")
    return breaches


def shown(out: Path, payloads: list[str]) -> int:
    """How many payloads stand on a page as they were written."""
    from bs4 import BeautifulSoup

    words = ""
    for path in (out / "_build" / "html").rglob("*.html"):
        words += BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        ).get_text(" ")
    plain = " ".join(re.sub("[‘’]", "'", re.sub("[“”]", '"', unescape(words))).split())
    return sum(" ".join(text.split())[:300] in plain for text in payloads)


def main(folder: Path, files: int) -> int:
    """All of it; the number of breaches."""
    breaches: list[str] = []
    size = -(-len(texts.USABLE) // files)
    for i in range(files):
        part = texts.USABLE[i * size : (i + 1) * size]
        here = folder / f"file-{i}"
        make = labelled_survey if i % 2 else texts.survey
        file, plan = make(here / "in", part)
        before = set(here.rglob("*"))
        out = here / "out"
        said = [reproduce(file, plan, out)]
        said += (
            in_chromium(out / "_build" / "html")
            if (out / "_build").is_dir()
            else ["no pages"]
        )
        (here / "r").mkdir()
        said += (
            in_csv(out)
            + strays(here, out, before | {here / "r"})
            + in_r(here / "r", out)
        )
        said = [line for line in said if line]
        pages = len(list((out / "_build" / "html").rglob("*.html")))
        seen = shown(out, part)
        print(
            f"{file.suffix} {len(part)} payloads, {seen} shown as written, {pages} pages, {len(said)} breaches",
            flush=True,
        )
        breaches += said
    print("\n".join(breaches))
    print(f"{len(texts.USABLE)} payloads, {len(breaches)} breaches")
    return len(breaches)


if __name__ == "__main__":
    sys.exit(
        bool(
            main(
                Path(sys.argv[1]).resolve(),
                int(sys.argv[2]) if len(sys.argv) > 2 else 6,
            )
        )
    )
