"""A slide: one page of A4 as PDF, with a question, a picture of rows and a few sentences.

The file is the same each time it is made, and nothing in it is packed, so that
``check-rows`` can look through it as through any other file of the book.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from textwrap import fill
from typing import Any

from trustbook.pictures.rows import PictureRow, RowPicture
from trustbook.pictures.style import quiet
from trustlib.figures import DARK, GRID, INK, QUIET, plain
from trustlib.tables import UNDEFINED
from trustlib.writing import write_whole

SIZE = (11.69, 8.27)  # A4, inches
LEFT = 0.06  # of the page
PICTURE = (0.34, 0.36, 0.48, 0.3)  # left, bottom, width, height
NAME = 30  # letters of a line of a row's name
LETTERS = {26: 52, 17: 78, 15: 88}  # in a line of text, by its size in points
SMALL = 120  # letters in a line of smaller text
SETTINGS: dict = {"pdf.compression": 0, "pdf.fonttype": 3}


@dataclass(frozen=True)
class Slide:
    """What stands on a slide.

    Attributes
    ----------
    title, question : str
    picture : RowPicture
    says : tuple of str
        Sentences, one below the other.
    """

    title: str
    question: str
    picture: RowPicture
    says: tuple[str, ...]


def write_slide(slide: Slide, path: str | PathLike[str]) -> None:
    """Write a slide as PDF.

    Parameters
    ----------
    slide : Slide
    path : path
        The folder is made if it is missing.

    Raises
    ------
    SurveyFileError
        The file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from trustbook.pictures.rows import Axis
    >>> from trustlib.figures import RowName
    >>> row = PictureRow(RowName("", "women"), (20.0, 25.0, 30.0), "25.0", "20.0 to 30.0")
    >>> picture = RowPicture("A quarter", "Percent", (row,), Axis((0.0, 50.0)), "", "Made up")
    >>> with TemporaryDirectory() as folder:
    ...     write_slide(Slide("A", "How many?", picture, ("Few.",)), Path(folder, "a.pdf"))
    ...     Path(folder, "a.pdf").read_bytes()[:5]
    b'%PDF-'
    """
    import matplotlib as mpl

    facts = {"CreationDate": None, "Title": slide.title}
    with quiet(), mpl.rc_context(SETTINGS), write_whole(path) as temporary:
        _drawn(slide).savefig(temporary, format="pdf", metadata=facts)


def _drawn(slide: Slide) -> Any:
    """The page."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, facecolor="white")
    _write(figure, 0.94, slide.title, 26, color=DARK, weight="bold")
    _write(figure, 0.81, slide.question, 17, color=INK)
    _write(figure, 0.745, slide.picture.title, 15, color=INK, weight="bold")
    _write(figure, 0.705, slide.picture.what, 12, color=QUIET)
    _draw_rows(figure.add_axes(PICTURE), slide.picture)
    for i, sentence in enumerate(slide.says):
        _write(figure, 0.28 - 0.075 * i, sentence, 15, color=INK)
    foot = " ".join([slide.picture.says, f"{slide.picture.evidence}."]).strip()
    _write(figure, 0.045, foot, 10, color=QUIET)
    return figure


def _write(figure: Any, top: float, text: str, size: int, **how: str) -> None:
    """A text from the left edge, in as many lines as it needs."""
    lines = fill(plain(text), LETTERS.get(size, SMALL))
    figure.text(LEFT, top, lines, size=size, va="top", linespacing=1.25, **how)


def _draw_rows(ax: Any, picture: RowPicture) -> None:
    """Names at the left, dots with their intervals, numbers at the right."""
    axis = picture.axis
    for place, row in enumerate(picture.rows):
        low, value, high = map(axis.at, row.ends)
        if row.interval != UNDEFINED:
            ax.hlines(place, low, high, color=DARK, linewidth=4, alpha=0.6)
        ax.plot(value, place, "o", color=DARK, markersize=11, markeredgecolor="white")
        ax.text(104, place, _numbers(row), va="center", size=12, color=INK)
    if axis.null is not None:
        ax.axvline(axis.at(axis.null), color=QUIET, linewidth=1)
    names = [plain(fill(row.name.whole, NAME)) for row in picture.rows]
    ticks = [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in axis.ticks]
    ax.set_yticks(range(len(names)), names, size=12)
    ax.set_xticks([axis.at(tick) for tick in axis.ticks], ticks, size=11)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(-2, 102)
    ax.tick_params(length=0)
    ax.grid(axis="x", color=GRID)
    ax.set_axisbelow(True)


def _numbers(row: PictureRow) -> str:
    """What stands beside a row."""
    if row.interval == UNDEFINED:
        return row.value
    return f"{row.value}  ({row.interval})"
