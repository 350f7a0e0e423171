"""The pages of a private book that are not runs: the first page, the ledger, the contents, and the page of faults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trustbook.editions import Edition
from trustbook.found import Found
from trustbook.found_page import found_lines
from trustbook.short_titles import short_titles
from trustbook.supplied import WORDS, shown_account, title_mark, unnumbered
from trustlib.design import SurveyDesign
from trustlib.errors import TrustlibError
from trustlib.escaping import (
    csv_cells,
    html_text,
    markdown_code,
    markdown_text,
    visible,
)
from trustlib.sources import Source

HEADS = ["What", "Which"]
NOT_ANSWERED = "needs microdata"  # the verdict on a line that the file says nothing to
NO_NUMBER = "–"
_OPTION = re.compile(r"(--axis \S+)")


@dataclass(frozen=True)
class Reproduction:
    """What `trustbook.private_book.reproduce` made.

    Attributes
    ----------
    site : Path
        Folder of the built private book.
    runs : list of str
        The runs that are pages of it.
    withheld : dict
        What is not shown -> why.
    joined : dict
        What is shown with coarser levels -> which levels stand together.
    failed : dict
        Runs that failed for a reason that lies neither in disclosure nor in the data ->
        message.
    ledger : DataFrame
        One row for each line of the published record, and for each reading of it; see
        `trustbook.record_answers.answer_record`.
    account : DataFrame
        Columns outcome, reason, n: each row of the file once for each outcome, used or
        dropped with its reason.
    own : DataFrame, optional
        What the file says to an own list of printed figures, as `ledger`.
    """

    site: Path
    runs: list[str]
    withheld: dict[str, str]
    joined: dict[str, str]
    failed: dict[str, str]
    ledger: pd.DataFrame
    account: pd.DataFrame
    own: pd.DataFrame | None = None

    @property
    def answers_record(self) -> bool:
        """Whether the file answers a line of the published record."""
        return bool((self.ledger["verdict"] != NOT_ANSWERED).any())


def write_pages(
    out: Path,
    design: SurveyDesign,
    origin: Mapping[str, str],
    made: Reproduction,
    edition: Edition,
    found: Sequence[Found] = (),
    files: Sequence[str] = (),
) -> None:
    """Write the first page, the ledger where it answers something, and the contents.

    Parameters
    ----------
    out : path
        The folder of the book.
    design : SurveyDesign
    origin : mapping
        What the first page says of the file: what -> which.
    made : Reproduction
    edition : Edition
    found : sequence of Found
        What stands before all else.
    files : sequence of str
        Roles by which the reader downloads the files for a committee.
    """
    source = design.source
    title = markdown_text(visible(source.label))
    lines = [f"# {title_mark(source)}{title}\n"]
    if made.runs:
        lines += found_lines(found, files, source)
    else:
        lines.append(WORDS["nothing"])
    lines += _what_is_not_shown(made)
    lines += _how_it_was_made(design, origin, made, edition)
    index = "\n".join(lines)
    (out / "book" / "index.md").write_text(index, encoding="utf-8")
    contents = yaml.safe_dump(_contents(made))
    (out / "_toc.yml").write_text(contents, encoding="utf-8")
    if made.answers_record:
        _write_ledger(out, source, made.ledger)
    if made.own is not None:
        _write_own(out, source, made.own)


def _write_ledger(out: Path, source: Source, ledger: pd.DataFrame) -> None:
    """Write what the file says to the published record, as a page and a table."""
    table = csv_cells(ledger)
    table.to_csv(out / "ledger.csv", index=False, lineterminator="\n")
    page = _ledger_page(source, ledger)
    (out / "book" / "ledger.md").write_text(page, encoding="utf-8")


def _write_own(out: Path, source: Source, own: pd.DataFrame) -> None:
    """Write what the file says to an own list of printed figures, as a page and a table."""
    table = csv_cells(own)
    table.to_csv(out / "own-figures.csv", index=False, lineterminator="\n")
    title = f"# {title_mark(source)}Your list of printed figures, and this file"
    page = f"{title}\n\n{WORDS['own_figures']}\n{_table_of_figures(own)}"
    (out / "book" / "own-figures.md").write_text(page, encoding="utf-8")


def _how_it_was_made(
    design: SurveyDesign,
    origin: Mapping[str, str],
    made: Reproduction,
    edition: Edition,
) -> Iterator[str]:
    """The lines on the file, on who is counted, and on the record."""
    base = design.source.rounding
    yield f"## {WORDS['found']['how_made']}\n"
    yield WORDS[f"index_{edition.name}"]
    yield "### The file\n"
    yield markdown_table(HEADS, origin.items())
    if base:
        yield WORDS["rounded"].format(base=base) + "\n"
    labels = design.frame.attrs["labels"]
    if edition.is_public:
        yield from _how_many(labels, made.account)
    else:
        yield from _who_is_counted(labels, made.account, base)
    if made.answers_record:
        yield from _the_record(made.ledger)


def _who_is_counted(
    labels: Mapping[str, str], account: pd.DataFrame, base: int | None
) -> Iterator[str]:
    """What became of each row of the file, for each outcome."""
    yield "### Who is counted\n"
    yield WORDS["counted"]
    titles = short_titles(labels)
    for outcome, part in account.groupby("outcome", sort=False):
        yield f"#### {markdown_text(titles[outcome])}\n"
        yield markdown_table(["Rows", "People"], shown_account(part, base))


def _how_many(labels: Mapping[str, str], account: pd.DataFrame) -> Iterator[str]:
    """About how many people each outcome is of, with noise."""
    yield "### Who is counted\n"
    yield WORDS["about_counted"]
    titles = short_titles(labels)
    rows = [
        (titles[line.outcome], f"about {line.n:,}") for line in account.itertuples()
    ]
    yield markdown_table(["Outcome", "People"], rows)


def _the_record(ledger: pd.DataFrame) -> Iterator[str]:
    """How many lines of the published record have each verdict."""
    counts = ledger["verdict"].value_counts()
    verdicts = [(name, n, WORDS["verdicts"][name]) for name, n in counts.items()]
    yield "### The published record\n"
    yield markdown_table(["Verdict", "Lines", "Meaning"], verdicts)
    yield "Line by line: {doc}`ledger`.\n"


def _what_is_not_shown(made: Reproduction) -> Iterator[str]:
    """What was withheld, which levels stand together, and which runs failed."""
    yield f"## {WORDS['found']['withheld']}\n"
    if made.withheld:
        yield markdown_table(["What", "Why"], made.withheld.items())
    else:
        yield f"{WORDS['found']['nothing_withheld']}\n"
    if made.joined:
        yield "### Levels that stand together\n"
        yield WORDS["together"]
        yield markdown_table(HEADS, made.joined.items())
    if made.failed:
        yield "### Runs that failed\n"
        yield WORDS["failed"]
        yield markdown_table(["Run", "Message"], made.failed.items())


def _ledger_page(source: Source, ledger: pd.DataFrame) -> str:
    """The ledger as a page: every line of the record, and what the file says to it."""
    title = f"# {title_mark(source)}The ledger: published, and this file"
    return f"{title}\n\n{WORDS['ledger']}\n{_table_of_figures(ledger)}"


def _table_of_figures(ledger: pd.DataFrame) -> str:
    """Figures with their verdicts as a table of a page."""
    heads = [column.replace("_", " ").capitalize() for column in ledger]
    rows = ledger.map(_ledger_cell).to_numpy().tolist()
    return markdown_table(heads, rows)


def _ledger_cell(value: Any) -> Any:
    if pd.isna(value):
        return NO_NUMBER
    if isinstance(value, float):
        return f"{value:,.10g}"
    return value


def _contents(made: Reproduction) -> dict[str, Any]:
    """The contents of the book, as Jupyter Book reads them."""
    pages = [f"_runs/{run}/{run}" for run in made.runs]
    if made.answers_record:
        pages.append("ledger")
    if made.own is not None:
        pages.insert(0, "own-figures")
    contents: dict[str, Any] = {"format": "jb-book", "root": "index"}
    if pages:
        contents["chapters"] = [{"file": page} for page in pages]
    return contents


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown.

    Parameters
    ----------
    heads : sequence of str
        Of the columns, in Markdown.
    rows : iterable of sequences
        Cells of any kind, which are shown as the texts they are.

    Returns
    -------
    str

    Examples
    --------
    >>> print(markdown_table(["What", "Why"], [["a*b", 2]]))
    | What | Why |
    | --- | --- |
    | a&#42;b | 2 |
    <BLANKLINE>
    """
    lines = [heads, ["---"] * len(heads)]
    lines += [[_table_cell(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _table_cell(cell: Any) -> str:
    """A text for a cell of a table; an option of ours is code, because two hyphens would become a dash."""
    if cell == NO_NUMBER:
        return NO_NUMBER
    pieces = []
    for piece in _OPTION.split(visible(cell)):
        if _OPTION.fullmatch(piece):
            code = markdown_code(piece)
            pieces.append(code.replace("|", r"\|"))
        else:
            pieces.append(markdown_text(piece))
    return " ".join(piece for piece in pieces if piece)


def faults_page(error: TrustlibError, file: Path, mapping: Path) -> str:
    """The page of what is to be mended.

    Parameters
    ----------
    error : TrustlibError
        Its message may list several faults.
    file, mapping : Path

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> from pathlib import Path
    >>> from trustlib.errors import CodebookError
    >>> error = CodebookError("There is no <outcome>.", "Name one.")
    >>> page = faults_page(error, Path("people.csv"), Path("m.yml"))
    >>> "<h1>1 fault to mend</h1>" in page, "no &lt;outcome&gt;" in page
    (True, True)
    """
    first, *numbered = error.message.splitlines()
    lines = unnumbered(numbered or [first])
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    items = "\n".join(f"<li>{html_text(line)}</li>" for line in lines)
    return WORDS["faults"].format(
        count=html_text(count),
        hint=html_text(error.hint),
        file=html_text(file.name),
        mapping=html_text(mapping.name),
        lines=items,
    )
