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


def write_pages(
    out: Path,
    design: SurveyDesign,
    origin: Mapping[str, str],
    made: Reproduction,
    edition: Edition,
) -> None:
    """Write the first page, the ledger of a private edition, and the contents.

    Parameters
    ----------
    out : path
        The folder of the book.
    design : SurveyDesign
    origin : mapping
        What the first page says of the file: what -> which.
    made : Reproduction
    edition : Edition
    """
    source = design.source
    index = "\n".join(_first_page(design, origin, made, edition))
    (out / "book" / "index.md").write_text(index, encoding="utf-8")
    contents = yaml.safe_dump(_contents(made, edition))
    (out / "_toc.yml").write_text(contents, encoding="utf-8")
    if edition.is_public:
        return
    table = csv_cells(made.ledger)
    table.to_csv(out / "ledger.csv", index=False, lineterminator="\n")
    ledger = _ledger_page(source, made.ledger)
    (out / "book" / "ledger.md").write_text(ledger, encoding="utf-8")
    if made.own is not None:
        _write_own(out, source, made.own)


def _write_own(out: Path, source: Source, own: pd.DataFrame) -> None:
    """Write what the file says to an own list of printed figures, as a page and a table."""
    table = csv_cells(own)
    table.to_csv(out / "own-figures.csv", index=False, lineterminator="\n")
    title = f"# {title_mark(source)}Your list of printed figures, and this file"
    page = f"{title}\n\n{WORDS['own_figures']}\n{_table_of_figures(own)}"
    (out / "book" / "own-figures.md").write_text(page, encoding="utf-8")


def _first_page(
    design: SurveyDesign,
    origin: Mapping[str, str],
    made: Reproduction,
    edition: Edition,
) -> Iterator[str]:
    """The lines of the first page."""
    source = design.source
    base = source.rounding
    title = markdown_text(visible(source.label))
    yield f"# {title_mark(source)}{title}\n"
    yield WORDS[f"index_{edition.name}"]
    if not made.runs:
        yield WORDS["nothing"]
    yield "## The file\n"
    yield markdown_table(HEADS, origin.items())
    if base:
        yield WORDS["rounded"].format(base=base) + "\n"
    labels = design.frame.attrs["labels"]
    if edition.is_public:
        yield from _how_many(labels, made.account)
    else:
        yield from _who_is_counted(labels, made.account, base)
        yield from _the_record(made.ledger)
    yield from _what_is_not_shown(made)


def _who_is_counted(
    labels: Mapping[str, str], account: pd.DataFrame, base: int | None
) -> Iterator[str]:
    """What became of each row of the file, for each outcome."""
    yield "## Who is counted\n"
    yield WORDS["counted"]
    for outcome, part in account.groupby("outcome", sort=False):
        label = visible(labels[outcome]) or outcome
        yield f"### {markdown_text(label)}\n"
        yield markdown_table(["Rows", "People"], shown_account(part, base))


def _how_many(labels: Mapping[str, str], account: pd.DataFrame) -> Iterator[str]:
    """About how many people each outcome is of, with noise."""
    yield "## Who is counted\n"
    yield WORDS["about_counted"]
    rows = [
        (visible(labels[line.outcome]) or line.outcome, f"about {line.n:,}")
        for line in account.itertuples()
    ]
    yield markdown_table(["Outcome", "People"], rows)


def _the_record(ledger: pd.DataFrame) -> Iterator[str]:
    """How many lines of the published record have each verdict."""
    counts = ledger["verdict"].value_counts()
    verdicts = [(name, n, WORDS["verdicts"][name]) for name, n in counts.items()]
    yield "## The published record\n"
    yield markdown_table(["Verdict", "Lines", "Meaning"], verdicts)
    yield "Line by line: {doc}`ledger`.\n"


def _what_is_not_shown(made: Reproduction) -> Iterator[str]:
    """What was withheld, which levels stand together, and which runs failed."""
    yield "## What was withheld and why\n"
    if made.withheld:
        yield markdown_table(["What", "Why"], made.withheld.items())
    else:
        yield "Nothing was withheld.\n"
    if made.joined:
        yield "## Levels that stand together\n"
        yield WORDS["together"]
        yield markdown_table(HEADS, made.joined.items())
    if made.failed:
        yield "## Runs that failed\n"
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


def _contents(made: Reproduction, edition: Edition) -> dict[str, Any]:
    """The contents of the book, as Jupyter Book reads them."""
    pages = [f"_runs/{run}/{run}" for run in made.runs]
    if not edition.is_public:
        pages.insert(0, "ledger")
    if made.own is not None:
        pages.insert(0, "own-figures")
    chapters = [{"file": page} for page in pages]
    return {"format": "jb-book", "root": "index", "chapters": chapters}


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
