"""A picture of two quantities that both grow by factors: lines on logarithmic axes.

The words are text of the page, so that the picture is light or dark as the page is, and a
reader who cannot see it has the table below. ``book/_static/rows.css`` colours the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from trustlib.escaping import html_text

WIDTH = 640
HEIGHT = 380
LEFT = 70
RIGHT = 120
TOP = 16
BOTTOM = 48
CLOSE = 15  # between the words at two ends of lines
FIGURE = '<figure class="record-figure row-figure log-figure">'


@dataclass(frozen=True)
class Line:
    """One line of a picture.

    Attributes
    ----------
    name : str
    points : tuple of pairs
        Each above zero.
    """

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LogAxis:
    """An axis of powers of ten.

    Attributes
    ----------
    low, high : int
        The powers at its ends.
    start, end : float
        Where these are drawn.

    Examples
    --------
    >>> axis = LogAxis.over([30.0, 2000.0], 0, 300)
    >>> axis.low, axis.high, axis.at(100.0)
    (1, 4, 100.0)
    """

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> LogAxis:
        """The axis on which all of some values have their place."""
        low = floor(log10(min(values)))
        high = ceil(log10(max(values)))
        return cls(low, max(high, low + 1), start, end)

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        share = (log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self.low, self.high + 1)]


@dataclass(frozen=True)
class LogPicture:
    """Lines on logarithmic axes, with what they show in words.

    Attributes
    ----------
    title : str
        What is seen.
    across, upward : str
        What the axes are.
    lines : tuple of Line
    says : str
        What stands below.

    Examples
    --------
    >>> line = Line("ours", ((1e4, 0.05), (1e6, 0.09)))
    >>> picture = LogPicture("Flat", "people", "seconds", (line,), "Medians.")
    >>> picture._repr_html_().count("<circle")
    2
    """

    title: str
    across: str
    upward: str
    lines: tuple[Line, ...]
    says: str

    def _repr_html_(self) -> str:
        """The picture as a figure of the page."""
        return (
            f'{FIGURE}<p class="ef-title"><strong>{html_text(self.title)}</strong></p>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{html_text(self._in_words())}">{self._drawing()}</svg>'
            f"<figcaption>{html_text(self.says)}</figcaption></figure>"
        )

    def _in_words(self) -> str:
        """What a reader hears instead: the ends of each line."""
        parts = [f"{self.title}. {self.upward}, by {self.across}."]
        for line in self.lines:
            first, last = line.points[0], line.points[-1]
            parts.append(
                f"{line.name}: {_tick(first[1])} at {_tick(first[0])}, "
                f"{_tick(last[1])} at {_tick(last[0])}."
            )
        return " ".join(parts)

    def _drawing(self) -> str:
        """Axes, grid, lines and their names."""
        points = [point for line in self.lines for point in line.points]
        x = LogAxis.over([point[0] for point in points], LEFT, WIDTH - RIGHT)
        y = LogAxis.over([point[1] for point in points], HEIGHT - BOTTOM, TOP)
        parts = [*_grid(x, y), *self._titles()]
        ends = []
        for number, line in enumerate(self.lines):
            parts += _drawn(line, x, y, number)
            ends.append(y.at(line.points[-1][1]))
        places = apart(ends)
        for number, (line, place) in enumerate(zip(self.lines, places, strict=True)):
            left = x.at(line.points[-1][0]) + 9
            parts.append(
                f'<text class="ll-name ll-{number}" x="{left}" y="{place + 4}">'
                f"{html_text(line.name)}</text>"
            )
        return "".join(parts)

    def _titles(self) -> list[str]:
        """What the axes are."""
        middle = (LEFT + WIDTH - RIGHT) / 2
        height = (TOP + HEIGHT - BOTTOM) / 2
        return [
            f'<text class="ll-title" x="{middle}" y="{HEIGHT - 8}">'
            f"{html_text(self.across)}</text>",
            f'<text class="ll-title" x="14" y="{height}" '
            f'transform="rotate(-90 14 {height})">{html_text(self.upward)}</text>',
        ]


def _grid(x: LogAxis, y: LogAxis) -> list[str]:
    """A line and a number at each power of ten."""
    parts = []
    for value in x.ticks:
        at = x.at(value)
        parts.append(f'<path class="ll-grid" d="M{at} {y.start}V{y.end}"/>')
        parts.append(
            f'<text class="ll-tick ll-across" x="{at}" y="{y.start + 16}">'
            f"{_tick(value)}</text>"
        )
    for value in y.ticks:
        at = y.at(value)
        parts.append(f'<path class="ll-grid" d="M{x.start} {at}H{x.end}"/>')
        parts.append(
            f'<text class="ll-tick" x="{x.start - 6}" y="{at + 4}">{_tick(value)}</text>'
        )
    return parts


def _drawn(line: Line, x: LogAxis, y: LogAxis, number: int) -> list[str]:
    """A line with its points."""
    places = [(x.at(across), y.at(upward)) for across, upward in line.points]
    path = "L".join(f"{left} {top}" for left, top in places)
    points = [
        f'<circle class="ll-point ll-{number}" cx="{left}" cy="{top}" r="4"/>'
        for left, top in places
    ]
    return [f'<path class="ll-line ll-{number}" d="M{path}"/>', *points]


def apart(places: Sequence[float]) -> list[float]:
    """Places of words, moved so that none covers another.

    Examples
    --------
    >>> apart([100.0, 104.0, 20.0])
    [100.0, 115.0, 20.0]
    """
    moved = list(places)
    order = sorted(range(len(places)), key=places.__getitem__)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + CLOSE)
    return moved


def _tick(value: float) -> str:
    """A number as it stands at an axis.

    Examples
    --------
    >>> _tick(10_000_000.0), _tick(0.01)
    ('10 million', '0.01')
    """
    if value >= 1e6:
        return f"{value / 1e6:,.3g} million"
    if value >= 1:
        return f"{value:,.0f}"
    return f"{value:.2g}"
