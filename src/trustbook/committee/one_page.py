"""What was found on one page of paper: a table whose rows are a picture, as a PDF.

Everything is drawn in points of A4. Texts are measured before they are written, so that
none runs into another. Where all of it does not fit, letters become smaller down to two
thirds; then tables are left out from the end, and the page says how many.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from trustbook.clear import CLEAR
from trustbook.committee.content import Content
from trustbook.found import Found, Group, Identity
from trustbook.pictures.rows import Axis
from trustbook.supplied import WORDS
from trustlib import letters
from trustlib.escaping import markdown_plain, one_line_of
from trustlib.figures import DARK, GRID, INK, QUIET, STYLE, SYNTHETIC, plain
from trustlib.scales import scale_of

TEXTS = WORDS["found"]
WIDTH, HEIGHT = 595.28, 841.89  # of A4, in points
LEFT, RIGHT, TOP, BOTTOM = 42.0, 553.0, 40.0, 806.0
INCH = 72.0
# Where each column begins, and how wide the names and the pictures are.
TRACK, PERCENT, GAP, VERDICT = 208.0, 306.0, 398.0, 503.0
NAMES = TRACK - LEFT - 8.0
TRACK_WIDTH = PERCENT - TRACK - 10.0
LINE = 1.28  # height of a line, in sizes of its letters
SCALES = (1.0, 0.92, 0.85, 0.78, 0.72, 0.67)
# Letters that the font of the page may lack are as wide as the widest it has.
WIDEST = "W"
SETTINGS: dict = {**STYLE, "pdf.fonttype": 42}  # fonts lie within
_BOLD = re.compile(r"\*\*(.*?)\*\*")


def write_page(content: Content, path: Path) -> None:
    """Write one page of what was found, which is the same bytes each time.

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
    ...     path = Path(folder, "summary.pdf")
    ...     write_page(content, path)
    ...     path.read_bytes()[:5]
    b'%PDF-'
    """
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        figure = drawn(content)
        about = {"Title": content.heading, "Subject": content.evidence}
        timeless = dict.fromkeys(("Creator", "Producer", "CreationDate"))
        figure.savefig(path, format="pdf", metadata={**about, **timeless})


def drawn(content: Content) -> Any:
    """The page as a figure of matplotlib, in points.

    Parameters
    ----------
    content : Content

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from trustlib.sources import Source
    >>> figure = drawn(Content("A survey", "For few.", Source({}), ()))
    >>> figure.axes[0].texts[0].get_text()
    'A survey'
    """
    from matplotlib.figure import Figure

    shown, scale, left = _fitting(content)
    figure = Figure(figsize=(WIDTH / INCH, HEIGHT / INCH), facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    ax.set_axis_off()
    _write(shown, _Pen(scale, ax), left)
    if content.source.is_synthetic:
        figure.text(0.5, 0.5, "SYNTHETIC", zorder=-1, **SYNTHETIC)
    if letters.drawable(figure):
        _note_of_letters(ax)
    return figure


def _note_of_letters(ax: Any) -> None:
    """Say below the page that numbers stand for names."""
    ax.text(LEFT, BOTTOM + 12, TEXTS["no_letters"], fontsize=6, color=QUIET, va="top")


@dataclass
class _Pen:
    """Where the next line stands, and how large its letters are; without a page it only measures."""

    scale: float
    ax: Any = None
    y: float = TOP

    def down(self, points: float) -> None:
        """Leave room."""
        self.y += points * self.scale

    def lines(
        self, text: str, size: float, bold: bool = False, colour: str = INK
    ) -> None:
        """Write a paragraph over the whole width."""
        size *= self.scale
        for line in _wrapped(text, size, RIGHT - LEFT, bold):
            self.at(LEFT, self.y + size * LINE / 2, line, size, bold, colour)
            self.y += size * LINE

    def at(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        bold: bool = False,
        colour: str = INK,
        centred: bool = False,
    ) -> None:
        """Write a line at a place; its size is the final one."""
        if self.ax is None or not text:
            return
        weight = "bold" if bold else "normal"
        side = "center" if centred else "left"
        self.ax.text(
            x,
            y,
            plain(text),
            fontsize=size,
            fontweight=weight,
            color=colour,
            va="center",
            ha=side,
        )

    def stroke(
        self, x: Sequence[float], y: Sequence[float], colour: str, width: float
    ) -> None:
        """Draw a line."""
        if self.ax is not None:
            self.ax.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt")

    def dot(self, x: float, y: float) -> None:
        """Draw the place of a percentage."""
        if self.ax is not None:
            size = 4.6 * self.scale
            self.ax.plot([x], [y], "o", color=DARK, markersize=size, zorder=3)


def _fitting(content: Content) -> tuple[Content, float, int]:
    """What fits on the page, how large its letters are, and how many tables are left out."""
    for scale in SCALES:
        if _height(content, scale, 0) <= BOTTOM:
            return content, scale, 0
    tables = sum(len(found.identities) for found in content.found)

    def height(kept: int) -> float:
        return _height(_first(content, kept), SCALES[-1], tables - kept)

    # The more tables are kept, the further down the last line stands.
    kept = max(bisect_right(range(tables), BOTTOM, key=height) - 1, 0)
    return _first(content, kept), SCALES[-1], tables - kept


def _height(content: Content, scale: float, left: int) -> float:
    """Where the last line of the page would stand."""
    pen = _Pen(scale)
    _write(content, pen, left)
    return pen.y


def _first(content: Content, tables: int) -> Content:
    """The first tables of what was found."""
    kept = []
    for found in content.found:
        identities = found.identities[:tables]
        tables -= len(identities)
        if identities:
            kept.append(replace(found, identities=identities))
    return replace(content, found=tuple(kept))


def _write(content: Content, pen: _Pen, left: int) -> None:
    """Write the whole page, from the top to the last line."""
    pen.lines(content.heading, 14, bold=True, colour=DARK)
    pen.down(2)
    pen.lines(f"{content.evidence} {content.announcement}", 7, colour=QUIET)
    for found in content.found:
        _outcome(found, pen)
    pen.down(9)
    pen.stroke((LEFT, RIGHT), (pen.y, pen.y), QUIET, 0.5)
    pen.down(4)
    notes = [TEXTS["how_to_read_plain"]]
    if left:
        every = left + sum(len(found.identities) for found in content.found)
        notes.append(TEXTS["not_here"].format(left=left, all=every))
    if content.withheld:
        notes.append(TEXTS["some_withheld"].format(n=len(content.withheld)))
    pen.lines(" ".join(notes), 7, colour=QUIET)


def _outcome(found: Found, pen: _Pen) -> None:
    """An outcome: title, question, sentence, and its rows."""
    pen.down(10)
    pen.lines(found.title, 10.5, bold=True)
    if found.question != found.title:
        pen.lines(found.question, 7, colour=QUIET)
        pen.down(2)
    if found.levels is None or found.sentence is None:
        pen.lines(TEXTS["nothing_of_it"], 8)
        return
    sentence = markdown_plain(_BOLD.sub(r"\1", found.sentence.text))
    everyone = TEXTS["everyone"].format(level=found.everyone)
    pen.lines(f"{sentence} {everyone}", 8)
    pen.down(3)
    _heads(pen)
    axis = _axis(found)
    for identity in found.identities:
        _identity(identity, axis, pen)
    _ticks(axis, pen)


def _heads(pen: _Pen) -> None:
    """What stands in the columns."""
    size = 6.6 * pen.scale
    middle = pen.y + size * LINE / 2
    _, percent, gap, verdict = TEXTS["heads"]
    places = {PERCENT: f"{percent} (95 % interval)", GAP: gap, VERDICT: verdict}
    for x, text in places.items():
        pen.at(x, middle, text, size, colour=QUIET)
    pen.y += size * LINE


def _axis(found: Found) -> Axis:
    """The axis on which all groups of an outcome have their place."""
    assert found.levels is not None
    columns = ["conf_low", "estimate", "conf_high"]
    values = 100 * found.levels.frame[columns].to_numpy(float)
    return Axis.over(values.ravel().tolist(), scale_of("level"))


def _identity(identity: Identity, axis: Axis, pen: _Pen) -> None:
    """The name of an identity, and its groups."""
    title = identity.title
    if identity.reason:
        reason = TEXTS["not_shown"].format(reason=identity.reason)
        title = f"{title} ({reason})"
    pen.down(2)
    pen.lines(title, 7.6, bold=True)
    for group in identity.groups:
        _row(group, axis, pen)


def _row(group: Group, axis: Axis, pen: _Pen) -> None:
    """A group: its name, its place on the axis, its numbers and the verdict."""
    size = 7.6 * pen.scale
    names = _wrapped(group.name, size, NAMES, False)
    height = max(1, len(names)) * size * LINE + 2.4 * pen.scale
    middle = pen.y + height / 2
    first = middle - (len(names) - 1) * size * LINE / 2
    for number, name in enumerate(names):
        pen.at(LEFT + 6, first + number * size * LINE, name, size)
    for tick in axis.ticks:
        x = _place(axis, tick)
        pen.stroke((x, x), (pen.y, pen.y + height), GRID, 0.6)
    low, value, high = (100 * end for end in (group.low, group.value, group.high))
    if np.isfinite([low, high]).all():
        ends = (_place(axis, low), _place(axis, high))
        pen.stroke(ends, (middle, middle), DARK, 1.8 * pen.scale)
    if np.isfinite(value):
        pen.dot(_place(axis, value), middle)
    pen.at(PERCENT, middle, f"{group.percent} ({group.interval})", size)
    gap = TEXTS["reference"]
    verdict = ""
    is_clear = False
    if group.gap is not None:
        gap = f"{group.gap.points} ({group.gap.interval})"
        verdict = group.gap.verdict
        is_clear = verdict == CLEAR
    pen.at(GAP, middle, gap, size, colour=INK if verdict else QUIET)
    pen.at(VERDICT, middle, verdict, size, bold=is_clear)
    pen.y += height


def _place(axis: Axis, value: float) -> float:
    return TRACK + TRACK_WIDTH * axis.at(value) / 100


def _ticks(axis: Axis, pen: _Pen) -> None:
    """The numbers of the axis, below the rows."""
    size = 6.2 * pen.scale
    middle = pen.y + size * LINE / 2
    for tick in axis.ticks:
        x = _place(axis, tick)
        pen.at(x, middle, f"{tick:g}", size, colour=QUIET, centred=True)
    pen.y += size * LINE


def _wrapped(text: str, size: float, width: float, bold: bool) -> list[str]:
    """A text in lines that are no wider than a number of points; a long word is cut."""
    lines: list[str] = []
    line = ""
    for word in _pieces(text, size, width, bold):
        longer = f"{line} {word}".strip()
        if line and _width(longer, size, bold) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def _pieces(text: str, size: float, width: float, bold: bool) -> list[str]:
    """The words of a text; one that is wider than the column in parts."""
    pieces = []
    for word in one_line_of(text).split():
        while _width(word, size, bold) > width:
            kept = len(word)
            while kept > 1 and _width(word[:kept], size, bold) > width:
                kept -= 1
            pieces.append(word[:kept])
            word = word[kept:]
        pieces.append(word)
    return pieces


def _width(text: str, size: float, bold: bool) -> float:
    """How wide a text is, in points."""
    return size * _width_of_one(text, bold)


@cache
def _width_of_one(text: str, bold: bool) -> float:
    """How wide a text is in letters of one point."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(
        family="DejaVu Sans", weight="bold" if bold else "normal", size=100
    )
    measured = "".join(_measured(letter) for letter in text)
    width, _, _ = text_to_path.get_text_width_height_descent(measured, font, False)
    return float(width) / 100


def _measured(letter: str) -> str:
    """A letter that the font has, and that is as wide or wider."""
    if letter.isascii() or unicodedata.name(letter, "").startswith("LATIN"):
        return letter
    return WIDEST
