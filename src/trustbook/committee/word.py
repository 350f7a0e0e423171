"""What was found as a file of Word: one table, the pictures, the sentences, how it was made."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from trustbook.committee.content import Content
from trustbook.found import Found, Group
from trustbook.supplied import WORDS
from trustlib.escaping import markdown_plain, one_line_of
from trustlib.figures import forest

TEXTS = WORDS["found"]
HEADS = ("Group", "Percent", "95 % interval", "Gap, points", "95 % interval", "Verdict")
WIDTHS = (5.4, 1.8, 3.0, 2.1, 3.0, 2.2)  # of the columns, in centimetres
PAPER = (21.0, 29.7)
MARGIN = 1.75
PICTURE = 16.5
SMALL = 9  # points
SHADE = "E8EEF1"
# The file says when it was made: always then, so that the same book is the same bytes.
MADE = datetime(2000, 1, 1)
IN_ARCHIVE = (1980, 1, 1, 0, 0, 0)
_BOLD = re.compile(r"\*\*(.*?)\*\*")


def write_word(content: Content, path: Path) -> None:
    """Write what was found as a file of Word, which is the same bytes each time.

    Parameters
    ----------
    content : Content
    path : Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from trustlib.sources import Source
    >>> content = Content("A survey", "For few.", Source({}), ())
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "summary.docx")
    ...     write_word(content, path)
    ...     path.read_bytes()[:2]
    b'PK'
    """
    document = _document(content)
    document.add_heading(content.heading, 0)
    _small(document, content.announcement)
    document.add_heading(TEXTS["caption"], 1)
    _found(document, content.found)
    _small(document, TEXTS["how_to_read_plain"])
    for each in content.found:
        _outcome(document, each)
    document.add_heading(TEXTS["withheld"], 1)
    if content.withheld:
        _pairs(document, ("What", "Why"), content.withheld)
    else:
        document.add_paragraph(TEXTS["nothing_withheld"])
    document.add_heading(TEXTS["how_made"], 1)
    document.add_paragraph(content.evidence)
    _pairs(document, ("What", "Which"), content.made or {})
    stream = BytesIO()
    document.save(stream)
    path.write_bytes(_same_each_time(stream.getvalue()))


def _document(content: Content) -> Any:
    """An empty document on A4, that says what it is."""
    from docx import Document
    from docx.shared import Cm, Pt

    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = map(Cm, PAPER)
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", Cm(MARGIN))
    document.styles["Normal"].font.size = Pt(10.5)
    about = document.core_properties
    about.title = content.heading[:250]
    about.author = ""
    about.comments = content.announcement[:250]
    about.created = MADE
    about.modified = MADE
    return document


def _found(document: Any, found: Iterable[Found]) -> None:
    """The table: each outcome by each group."""
    table = _table(document, HEADS, WIDTHS)
    for each in found:
        _across(table, each.title, shaded=True)
        for identity in each.identities:
            title = identity.title
            if identity.reason:
                reason = TEXTS["not_shown"].format(reason=identity.reason)
                title = f"{title} ({reason})"
            _across(table, title)
            for group in identity.groups:
                _fill(table.add_row(), _cells(group))


def _cells(group: Group) -> Sequence[str]:
    """A group as the texts of a row."""
    begin = (group.name, group.percent, group.interval)
    if group.gap is None:
        return (*begin, TEXTS["reference"], "", "")
    return (*begin, group.gap.points, group.gap.interval, group.gap.verdict)


def _table(document: Any, heads: Sequence[str], widths: Sequence[float]) -> Any:
    """A table with its heads, which stand again on each page."""
    from docx.oxml import OxmlElement
    from docx.shared import Cm

    table = document.add_table(rows=1, cols=len(heads))
    table.style = "Table Grid"
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    row = table.rows[0]
    _fill(row, heads, bold=True)
    again = OxmlElement("w:tblHeader")
    row._tr.get_or_add_trPr().append(again)
    return table


def _fill(row: Any, texts: Sequence[str], bold: bool = False) -> None:
    """Write texts into the cells of a row, which is not broken over pages."""
    from docx.oxml import OxmlElement
    from docx.shared import Pt

    for cell, text, column in zip(row.cells, texts, row.table.columns, strict=True):
        cell.width = column.width
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(one_line_of(text))
        run.bold = bold
        run.font.size = Pt(SMALL)
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _across(table: Any, text: str, shaded: bool = False) -> None:
    """A row that names what stands below it."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    row = table.add_row()
    cell = row.cells[0].merge(row.cells[-1])
    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(one_line_of(text))
    run.bold = True
    run.italic = not shaded
    paragraph.paragraph_format.keep_with_next = True
    if shaded:
        shade = OxmlElement("w:shd")
        shade.set(qn("w:val"), "clear")
        shade.set(qn("w:fill"), SHADE)
        cell._tc.get_or_add_tcPr().append(shade)


def _outcome(document: Any, found: Found) -> None:
    """An outcome: its question, what was found in words, and its picture."""
    document.add_heading(found.title, 2)
    if found.question != found.title:
        document.add_paragraph(f"{TEXTS['question']} {found.question}")
    if found.levels is None or found.sentence is None:
        document.add_paragraph(TEXTS["nothing_of_it"])
        return
    sentence = markdown_plain(_BOLD.sub(r"\1", found.sentence.text))
    everyone = TEXTS["everyone"].format(level=found.everyone)
    document.add_paragraph(f"{sentence} {everyone}")
    _picture(document, found)
    for identity in found.identities:
        if identity.question != identity.title:
            _small(document, f"{identity.title}: {identity.question}")


def _picture(document: Any, found: Found) -> None:
    """The groups as a picture, with its alternative text."""
    from docx.shared import Cm

    assert found.levels is not None
    picture = forest(found.levels, found.title)
    document.add_picture(BytesIO(picture.png()), width=Cm(PICTURE))
    shown = document.inline_shapes[-1]._inline
    shown.docPr.set("descr", picture.alt)
    shown.docPr.set("name", "Picture")
    for number, name in enumerate(picture.names, 1):
        _small(document, f"[{number}] {name}")


def _pairs(document: Any, heads: Sequence[str], rows: Mapping[str, str]) -> None:
    """A table of two columns of texts."""
    table = _table(document, heads, (6.5, 11.0))
    for pair in rows.items():
        _fill(table.add_row(), pair)


def _small(document: Any, text: str) -> None:
    """A paragraph in small print."""
    from docx.shared import Pt

    run = document.add_paragraph().add_run(one_line_of(text))
    run.font.size = Pt(SMALL)


def _same_each_time(content: bytes) -> bytes:
    """The same archive without the time at which its parts were written."""
    stream = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(content)) as former,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for entry in former.infolist():
            timeless = zipfile.ZipInfo(entry.filename, IN_ARCHIVE)
            timeless.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(timeless, former.read(entry))
    return stream.getvalue()
