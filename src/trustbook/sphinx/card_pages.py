"""Small cards: what a number of a built page is, without leaving the page.

When a build has finished, `mark_numbers` finds the numbers of a page that have an
identity, and says in an attribute which card is theirs:

* a finding (``{finding}``), by its name;
* a row of a table or picture of a run, and a sentence that sums it up, by the published
  table that holds the same number (`trustbook.cards.RunCards.find`).

Links to a line of the record and to the list of computed numbers have theirs already.
`web/cards.js` opens the cards; what they say are scripts of data in ``_static/cards``,
which no page loads before a reader asks, since a page in a folder can load nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

from trustbook.cards import RunCards
from trustbook.cells_json import cells_as_json, compact
from trustbook.findings import FINDING, load_findings, resolve, text
from trustbook.sphinx.finding import unbroken
from trustbook.sphinx.ledger_numbers import cards_of_ledger, read_ledger
from trustbook.sphinx.record_pages import printed, with_people
from trustlib.cells import Cells
from trustlib.errors import TrustlibError
from trustlib.record.printed import load_figures
from trustlib.record.questions import flat
from trustlib.schema import load_yaml
from trustlib.writing import write_text

PLACE = "_static/cards"
SCRIPT = "cards.js"
WEB = Path(__file__).parents[1] / "web"
CARD = "data-card"
RUN = re.compile(r"_runs/([\w-]+)/\1\.html$")
# What the script opens without an attribute: a line of the record, a computed number.
LINKS = 'main a[href*="record.html#figure-"], main a[href^="#computed-"]'
# The explorer shows its numbers when the page stands.
COMPUTING = "#explorer"
SENTENCE = re.compile(
    r"(?P<estimate>[+\N{MINUS SIGN}]?\d[\d,.]*)(?: percent| points| %)?"
    r" \((?P<interval>[^()]+? to [^()]+?)\)"
)
PEOPLE = re.compile(r"([\d,]+) people")
IN_SHORT = "In short."
IN_EVERY_ROW = "In every row:"


# ----- marking a page -----


def mark_numbers(soup: BeautifulSoup, name: str, book: Path) -> None:
    """Say of the numbers of a page which cards are theirs, and let it load the script.

    Parameters
    ----------
    soup : BeautifulSoup
        Of a page that is repaired.
    name : str
        The page, seen from the folder of the site.
    book : Path
        The sources of the book, with ``_runs`` in it.

    Examples
    --------
    >>> mark = "<span class='finding finding-angry'><a href='x.html'>62.3 %</a></span>"
    >>> soup = BeautifulSoup(f"<head></head><main>{mark}</main>", "html.parser")
    >>> mark_numbers(soup, "index.html", Path("book"))
    >>> soup.a["data-card"], soup.head.script["src"]
    ('findings|angry', '_static/cards/cards.js')
    """
    for finding in soup.select(f"main span.{FINDING}"):
        _mark_finding(finding)
    own = RUN.match(name)
    if own is not None:
        cards = cards_of(book, own.group(1))
        if cards is not None:
            _mark_all(soup, cards)
    else:
        _mark_linked_rows(soup, book)
    for shown in soup.select("main [data-run]"):
        cards = cards_of(book, str(shown["data-run"]))
        if cards is not None:
            _mark_pictures(shown, cards)
    _load_script(soup, name)


@lru_cache(maxsize=16)
def cards_of(book: Path, run: str) -> RunCards | None:
    """The cards of a run; None if it was not executed."""
    folder = book / "_runs" / run
    if not (folder / "provenance.json").is_file():
        return None
    return RunCards(run, folder)


def _mark_finding(shown: Tag) -> None:
    """A finding: its link opens the card."""
    link = shown.find("a")
    for name in shown.get_attribute_list("class"):
        if isinstance(link, Tag) and str(name).startswith(f"{FINDING}-"):
            link[CARD] = f"findings|{str(name).removeprefix(f'{FINDING}-')}"


def _mark_all(soup: BeautifulSoup, cards: RunCards) -> None:
    """Tables, pictures and sentences of a run's own page."""
    for table in soup.select("main .book-table table"):
        box = table.find_parent(class_="book-table")
        notes = "" if box is None else _notes(box)
        convention = "" if box is None else _convention(box)
        for row in table.select("tbody tr"):
            _mark_row(row, cards, notes, convention)
    for row in soup.select("main .cell_output table tr"):
        if row.find_parent(class_="book-table") is None:
            _mark_lone_row(row, cards)
    main = soup.find("main")
    if isinstance(main, Tag):
        _mark_pictures(main, cards)
    for paragraph in soup.select("main .cell_output p"):
        if _said(paragraph).startswith(IN_SHORT):
            _mark_sentences(soup, paragraph, cards)


def _said(tag: Tag) -> str:
    return tag.get_text(" ", strip=True)


def _notes(box: Tag) -> str:
    """What holds in every row of a table."""
    notes = [_said(note) for note in box.select("p.table-note")]
    return " ".join(note for note in notes if note.startswith(IN_EVERY_ROW))


def _convention(box: Tag) -> str:
    """The convention below a table."""
    note = box.select_one("details.convention p")
    return "" if note is None else _said(note)


def _mark_row(row: Tag, cards: RunCards, notes: str, convention: str) -> None:
    """A row of a run's table, at the cell of its estimate: the interval stands right of it."""
    cells = [cell for cell in row.find_all(["td", "th"]) if isinstance(cell, Tag)]
    texts = [_said(cell) for cell in cells]
    words = " ; ".join([*texts, notes])
    for cell, (estimate, interval) in zip(cells, pairwise(texts), strict=False):
        key = cards.find(estimate, interval, words, convention, texts[-1])
        if key:
            cell[CARD] = _address(cards, key)
            return


def _mark_pictures(part: Tag, cards: RunCards) -> None:
    """The rows of pictures, at their numbers."""
    for row in part.select(".ef-row"):
        value = row.select_one(".ef-value")
        label = row.select_one(".ef-label")
        small = None if value is None else value.find("small")
        if value is None or label is None or not isinstance(small, Tag):
            continue
        estimate = str(value.contents[0])
        heading = row.find_previous_sibling("p", class_="ef-part")
        words = _said(label)
        if isinstance(heading, Tag):
            words = f"{_said(heading)} ; {words}"
        people = PEOPLE.search(words)
        if people is None:
            continue
        key = cards.find(estimate, _said(small), words, "", people[1], drawn=True)
        if key:
            value[CARD] = _address(cards, key)


def _mark_sentences(soup: BeautifulSoup, paragraph: Tag, cards: RunCards) -> None:
    """Numbers with intervals in a sentence that sums up."""
    for words in list(paragraph.find_all(string=SENTENCE)):
        if words.find_parent("a") is not None:
            continue
        parts: list[Tag | NavigableString] = []
        done = 0
        for found in SENTENCE.finditer(words):
            key = _only_row(cards, found["estimate"], found["interval"])
            if not key:
                continue
            mark = soup.new_tag("span", attrs={CARD: _address(cards, key)})
            mark.string = found["estimate"]
            parts += [NavigableString(words[done : found.start()]), mark]
            done = found.start() + len(found["estimate"])
        if parts:
            words.replace_with(*parts, NavigableString(words[done:]))


def _only_row(cards: RunCards, estimate: str, interval: str) -> str:
    """The key of the one row of a run with a number and an interval."""
    every = " ; ".join(
        level for table in cards.tables for row in table.rows for level in row.spoken
    )
    return cards.find(estimate, interval, every)


def _mark_linked_rows(soup: BeautifulSoup, book: Path) -> None:
    """Rows of other pages that lead to a run, at its numbers that have an interval beside."""
    for row in soup.select("main table tr"):
        targets = {
            found.group(1)
            for link in row.select('a[href*="_runs/"]')
            if (found := RUN.search(str(link["href"]))) is not None
        }
        if len(targets) != 1:
            continue
        cards = cards_of(book, targets.pop())
        if cards is not None:
            _mark_lone_row(row, cards)


def _mark_lone_row(row: Tag, cards: RunCards) -> None:
    """A row that names no groups as a table of the library does: its numbers with an interval beside."""
    cells = [cell for cell in row.find_all("td") if isinstance(cell, Tag)]
    texts = [_said(cell) for cell in cells]
    for cell, (estimate, interval) in zip(cells, pairwise(texts), strict=False):
        key = _only_row(cards, estimate, interval)
        if key and not cell.find("a"):
            cell[CARD] = _address(cards, key)


def _address(cards: RunCards, key: str) -> str:
    """The file of a card, and its place there."""
    return f"runs/{cards.run}|{key}"


def _load_script(soup: BeautifulSoup, name: str) -> None:
    """Let a page with cards load the script, once."""
    source = relpath(f"{PLACE}/{SCRIPT}", dirname(name) or ".")
    for former in soup.find_all("script", src=source):
        former.decompose()
    has_cards = soup.select_one(f"main [{CARD}], {LINKS}, {COMPUTING}")
    if soup.head is not None and has_cards:
        soup.head.append(soup.new_tag("script", src=source, defer=""))


# ----- what the cards say -----


def shared_files(book: Path) -> Iterator[tuple[str, str]]:
    """Name and content of the files of cards that are not of one run, the script first.

    Parameters
    ----------
    book : Path
        The sources of the book; its data lie beside it.
    """
    yield SCRIPT, (WEB / SCRIPT).read_text(encoding="utf-8")
    yield "findings.js", as_script("findings", findings_data(book))
    published = book.parent / "data" / "published"
    if (published / "figures.csv").is_file():
        yield "record.js", as_script("record", record_data(published))
        yield "computed.js", as_script("computed", computed_data(published))
    ledger = book / "_runs" / "ledger.csv"
    if ledger.is_file():
        yield "ledger.js", as_script("ledger", cards_of_ledger(read_ledger(ledger)))


def run_files(run: str, book: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Name and content of the files of cards of one run.

    Parameters
    ----------
    run : str
    book : Path
    folder : Path
        The built site: what is not in it is not linked.
    """
    cards = RunCards(run, book / "_runs" / run)
    data = cards.data()
    if not data["rows"]:
        return
    for facts in data["tables"].values():
        if not (folder / facts["download"]).is_file():
            del facts["download"]
    if not (folder / data["page"]).is_file():
        del data["page"]
    cells = cells_of(cards, book.parent / "data")
    if cells is not None:
        name, content = cells
        data["cells"] = f"{PLACE}/{name}"
        yield name, content
    yield f"runs/{run}.js", as_script(f"runs/{run}", data)


def as_script(name: str, data: Any) -> str:
    r"""Data as a script that a page of a folder can load.

    Examples
    --------
    >>> as_script("record", {"a": 1})
    '(window.trustCardData ??= {})["record"] = {"a":1};\n'
    """
    return f'(window.trustCardData ??= {{}})["{name}"] = {compact(data)};\n'


def cells_of(cards: RunCards, data: Path) -> tuple[str, str] | None:
    """The sealed cells of a run as a file that the explorer opens; None where there are none.

    Cells that may not leave, or that are too many, have none either.
    """
    given = str(cards.provenance["parameters"].get("cells", ""))
    found = re.search(r"([\w-]+)/cells/([\w.-]+)\.parquet$", given)
    if found is None:
        return None
    source, name = found.groups()
    path = data / source / "cells" / f"{name}.parquet"
    if not path.is_file():
        return None
    try:
        made = cells_as_json(Cells.read(path))
    except TrustlibError:
        return None
    return f"cells/{source}-{name}.json", compact(made) + "\n"


def findings_data(book: Path) -> dict[str, dict[str, str]]:
    """Each finding: its run, its row, and what a page prints of it."""
    path = book / "findings.yml"
    if not path.is_file():
        return {}
    runs = book / "_runs"
    made = {}
    for name, finding in load_findings(path).items():
        row = resolve(finding, runs)
        made[name] = {
            "run": finding.run,
            "row": f"{finding.table}:{row.name}",
            "shown": unbroken(text(finding, row)),
        }
        if finding.column != "estimate":
            made[name]["column"] = finding.column.replace("_", " ")
        if finding.published:
            made[name]["published"] = finding.published.rpartition("/")[2]
    return made


def record_data(published: Path) -> dict[str, dict[str, Any]]:
    """Each line of the record: what is printed, and what is known of it."""
    figures = load_figures(published / "figures.csv")
    made = {}
    for _, figure in figures.iterrows():
        rounding = ""
        if figure["half_width"] > 0:
            rounding = f"{figure['half_width']:g} up or down"
        facts = {
            "Rounding": rounding,
            "Of whom": with_people(figure["base"], figure),
            "Among": figure["conditioning"],
            "Wave": figure["wave"],
            "Countries": figure["countries"],
            "Question": figure["item"],
            "Source": figure["source"],
            "Where": figure["address"],
            "Certainty": figure["confidence"],
            "Note": figure["note"],
        }
        made[figure["id"]] = {
            "printed": unbroken(printed(figure)),
            "claim": figure["claim"],
            "facts": {key: str(value) for key, value in facts.items() if value},
        }
    return made


def computed_data(published: Path) -> dict[str, Mapping[str, Any]]:
    """Each question of the audit: the lines that it rests on, how they are read, what is assumed."""
    asked = load_yaml(published / "questions.yml")["questions"]
    made: dict[str, Mapping[str, Any]] = {}
    for key, question in asked.items():
        margins = question.get("margins", {"figures": []})
        ids = [*flat(question["figures"]), *flat(margins["figures"])]
        assumed = [
            each if isinstance(each, str) else each["id"]
            for each in question.get("assume", [])
        ]
        made[re.sub(r"\W+", "-", key)] = {
            "lines": list(dict.fromkeys(ids)),
            "assumed": assumed,
        }
    return made


def write_cards(book: Path, folder: Path) -> None:
    """Write all files of cards into a built site."""
    for name, content in shared_files(book):
        write_text(folder / PLACE / name, content)
    runs = sorted(path.parent.name for path in book.glob("_runs/*/provenance.json"))
    write = partial(_write_run, book=book, folder=folder)
    with ProcessPoolExecutor() as pool:
        list(pool.map(write, runs, chunksize=10))


def _write_run(run: str, book: Path, folder: Path) -> None:
    """Write the files of cards of one run."""
    for name, content in run_files(run, book, folder):
        write_text(folder / PLACE / name, content)
