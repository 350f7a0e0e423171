"""What a committee gets of a private book: a file of Word, one page of paper, and a workbook.

All three are made of what the first page of the book shows (`trustbook.found`), so none
can tell more than it. The same book gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from trustbook.committee.content import Content
from trustbook.committee.one_page import write_page
from trustbook.committee.word import write_word
from trustbook.committee.workbook import write_workbook
from trustlib.writing import write_whole

__all__ = ["FILES", "FOLDER", "Content", "write_files"]

FOLDER = "committee"
# What the reader is offered -> the file, and what writes it.
FILES = {
    "Word": "summary.docx",
    "one page (PDF)": "summary.pdf",
    "tables (Excel)": "tables.xlsx",
}
_WRITERS = {
    "summary.docx": write_word,
    "summary.pdf": write_page,
    "tables.xlsx": write_workbook,
}


def write_files(content: Content, folder: Path) -> list[str]:
    """Write the files for a committee; return the roles of MyST by which a page in the folder beside links them.

    Parameters
    ----------
    content : Content
    folder : Path
        The folder of the book.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from trustlib.sources import Source
    >>> content = Content("A survey", "For few.", Source({}), ())
    >>> with TemporaryDirectory() as folder:
    ...     write_files(content, Path(folder))[2]
    '{download}`tables (Excel) <../committee/tables.xlsx>`'
    """
    links = []
    for words, name in FILES.items():
        with write_whole(folder / FOLDER / name) as temporary:
            _WRITERS[name](content, temporary)
        links.append(f"{{download}}`{words} <../{FOLDER}/{name}>`")
    return links
