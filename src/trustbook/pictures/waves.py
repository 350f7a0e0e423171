"""What changed: two waves side by side, one line for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustbook.pictures.style import (
    PERCENT,
    TEXT,
    Printed,
    bare,
    blank,
    colours,
    level_name,
    levels_there,
    named,
    printed,
    quiet,
    wrapped,
)
from trustlib import letters
from trustlib.cells import combinations
from trustlib.errors import EstimandError, require_names
from trustlib.estimates import Estimates, axis_levels
from trustlib.figures import GRID, INK, QUIET, SMALL, Picture, plain, surround
from trustlib.tables import INTERVAL, evidence, heading, number
from trustlib.variance import Array

GAP = 8  # points between the end of a line and its label


@dataclass(frozen=True)
class _Slopes:
    """Lines from one wave to the next, in parts of a picture.

    Attributes
    ----------
    waves : list (2)
    facet : str, optional
        The by-column whose levels have a part each.
    parts : DataFrame (k)
        The level of each part.
    part, line : array (m,)
        The part and the line of each estimate.
    names : list of str
        Of each line, wrapped.
    end : array (m,)
        0 for the first wave, 1 for the second.
    value, low, high : array (m,)
        In percent or points.
    """

    waves: list
    facet: str | None
    parts: pd.DataFrame
    part: np.ndarray
    line: np.ndarray
    names: list[str]
    end: np.ndarray
    value: Array
    low: Array
    high: Array

    @property
    def per_line(self) -> int:
        """Parts that stand beside each other."""
        return _beside_each_other(self.parts)

    @property
    def lines(self) -> int:
        """Lines of parts."""
        return -(-len(self.parts) // self.per_line)

    @property
    def height(self) -> float:
        """Of the picture, in inches: each line has its name and its numbers."""
        rows = sum(2 + name.count("\n") for name in self.names)
        return 1.25 + self.lines * max(1.5, 0.75 + 0.165 * rows)

    @property
    def aside(self) -> Array:
        """How far lines stand beside their wave, so that intervals are told apart."""
        count = len(self.names)
        room = 0.05 / (3 - self.per_line)
        steps = np.arange(count) - (count - 1) / 2
        return room * steps / max(count - 1, 1)

    @property
    def colours(self) -> list[tuple[float, ...]]:
        """The colour of each line, a little darkened."""
        bright = colours(len(self.names))
        return [tuple(0.8 * share for share in colour) for colour in bright]

    def ends_of(self, part: int, line: int) -> np.ndarray:
        """The estimates of one line in one part, from the first wave to the second."""
        mine = (self.part == part) & (self.line == line)
        rows = np.flatnonzero(mine)
        return rows[np.argsort(self.end[rows])]


@dataclass(frozen=True)
class _Label:
    """A text beside one end of a line."""

    ax: Any
    end: int
    y: float
    text: str
    colour: tuple[float, ...]


def slopes(
    estimates: Estimates,
    over: str = "wave",
    panels: str | None = "country",
    title: str | None = None,
) -> Picture:
    """Two waves side by side, one line for each group, value and people at both ends.

    There is one part for each country.

    Parameters
    ----------
    estimates : Estimates
        Levels or gaps, with `over` among the by-columns.
    over : str
        The by-column with the two waves.
    panels : str or None
        The by-column with a part of the picture for each level, all on one scale. It is
        left alone if it is not there, or if nothing else would tell the lines apart.
    title : str, optional

    Returns
    -------
    Picture
        Thin bars are 95 % intervals, of each end by itself: whether a change is clear
        is said by `trustlib.change`.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        There are not two levels of `over`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": (["a"] * 40 + ["b"] * 40) * 2})
    >>> rows["wave"] = ["2022"] * 80 + ["2024"] * 80
    >>> before = ([1.0] * 20 + [0.0] * 20) * 2
    >>> rows["y"] = before + [1.0] * 30 + [0.0] * 20 + [1.0] * 30
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["wave", "group"])
    >>> slopes(tl.cell_means(cells), title="Yes").alt.partition(" Lowest")[0]
    'Yes. 2 lines from 2022 to 2024, 2 up and 0 down.'
    """
    shown = printed(estimates, "level", "difference")
    estimates = shown.estimates
    require_names("by-column", [over], estimates.by)
    title = str(title or heading(estimates.outcome, estimates.labels))
    content = _slopes(estimates, over, panels)
    note = (
        f"{shown.scale.heading}, people (n). Thin bars: {INTERVAL}s of each value by "
        "itself."
    )
    with quiet():
        figure = blank(content.height)
        grid = figure.subplots(
            content.lines, content.per_line, squeeze=False, sharey=True
        )
        labels = _draw(grid, content, shown)
        free = grid.flat[len(content.parts) :]
        for ax in free:
            _say(ax, note)
        below = f"\n{note}"
        if len(free):
            below = ""
        surround(figure, title, estimates.source, below)
        figure.get_layout_engine().set(w_pad=0.12)
        names = _label(figure, labels, content.aside.max())
    changes = _changes(shown, over, content.waves)
    alt = f"{title}. {changes} {evidence(estimates.source)}."
    return Picture.of(figure, alt, names)


def _slopes(estimates: Estimates, over: str, panels: str | None) -> _Slopes:
    """What is drawn where; refuses what has not two waves."""
    frame = estimates.frame
    waves = levels_there(frame[over], axis_levels(frame[over]))
    if len(waves) != 2:
        raise EstimandError(
            f"Expected two levels of {over!r}, got {waves}.",
            "Choose two with .where(...).",
        )
    others = [column for column in estimates.by if column != over]
    facet = None
    if panels in others and len(others) > 1:
        facet = panels
    parts, part = combinations(frame, [] if facet is None else [facet])
    lines, line = combinations(frame, [c for c in others if c != facet])
    names = [named(row, estimates.labels) or "Everyone" for _, row in lines.iterrows()]
    ends = frame[["estimate", "conf_low", "conf_high"]].to_numpy()
    value, low, high = 100 * ends.T
    return _Slopes(
        waves=waves,
        facet=facet,
        parts=parts,
        part=part,
        line=line,
        names=wrapped(names, 36 // _beside_each_other(parts)),
        end=np.array([waves.index(wave) for wave in frame[over]]),
        value=value,
        low=low,
        high=high,
    )


def _beside_each_other(parts: pd.DataFrame) -> int:
    return min(2, len(parts))


def _draw(grid: Any, content: _Slopes, shown: Printed) -> list[_Label]:
    """Draw all parts; returns the labels that are still to be written."""
    labels = []
    for part, ax in enumerate(grid.flat[: len(content.parts)]):
        for line, colour in enumerate(content.colours):
            ends = content.ends_of(part, line)
            _draw_line(ax, content, ends, colour)
            labels += [_end_label(ax, content, shown, end, colour) for end in ends]
        _set_waves(ax, content.waves)
        if content.facet is not None:
            level = content.parts[content.facet].iloc[part]
            name = level_name(content.facet, level, shown.estimates.labels)
            ax.set_title(
                plain(name), fontsize=TEXT, color=INK, loc="left", fontweight="bold"
            )
    lowest = content.low.min()
    highest = content.high.max()
    span = highest - lowest
    if span == 0:
        span = 1
    room = 0.12 * span
    grid.flat[0].set_ylim(lowest - room, highest + room)
    return labels


def _draw_line(
    ax: Any, content: _Slopes, rows: np.ndarray, colour: tuple[float, ...]
) -> None:
    """A line through some estimates, with the interval of each."""
    x = content.end[rows] + content.aside[content.line[rows]]
    value = content.value[rows]
    ax.plot(x, value, color=colour, linewidth=2, marker="o", markersize=5)
    low = content.low[rows]
    high = content.high[rows]
    ax.vlines(x, low, high, color=colour, linewidth=1)


def _end_label(
    ax: Any, content: _Slopes, shown: Printed, row: int, colour: tuple[float, ...]
) -> _Label:
    """Value and people of one end; the second has the name of its line above."""
    end = int(content.end[row])
    value = shown.values[row]
    if shown.estimates.kind == "level":
        value += PERCENT
    text = f"{value}, n {shown.people[row]}"
    if end and len(content.names) > 1:
        name = content.names[content.line[row]]
        text = f"{name}\n{text}"
    return _Label(ax, end, content.value[row], text, colour)


def _set_waves(ax: Any, waves: list) -> None:
    """The two waves below a part, each with a line upwards."""
    ends = [0, 1]
    ax.set(xlim=(-0.12, 1.12), yticks=[])
    ax.set_xticks(ends, [plain(str(wave)) for wave in waves])
    ax.tick_params(length=0, labelsize=TEXT, colors=INK)
    upwards = ax.get_xaxis_transform()
    ax.vlines(ends, 0, 1, color=GRID, linewidth=0.8, zorder=0, transform=upwards)
    bare(ax)


def _say(ax: Any, note: str) -> None:
    """How to read the picture, in a part that no country needs."""
    text = wrapped([note], 32)[0]
    look: dict = {"va": "top", "fontsize": SMALL, "color": QUIET}
    ax.set_axis_off()
    ax.text(-0.2, 0.9, text, transform=ax.transAxes, **look)


def _label(figure: Any, labels: list[_Label], aside: float) -> tuple[str, ...]:
    """Write the labels of all ends, and move apart those that would cover each other.

    Returns what the numbers in the picture stand for, see `trustlib.letters`.
    """
    texts = [_written(label, aside) for label in labels]
    names = letters.drawable(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    point = 72 / figure.dpi
    sides: dict[tuple, list[int]] = {}
    for i, label in enumerate(labels):
        sides.setdefault((label.ax, label.end), []).append(i)
    for (ax, _), mine in sides.items():
        mine.sort(key=lambda i: labels[i].y)
        boxes = [texts[i].get_window_extent() for i in mine]
        moves = _moves_apart(boxes, ax.bbox)
        for i, move in zip(mine, moves, strict=True):
            across, _ = texts[i].get_position()
            texts[i].set_position((across, move * point))
    return names


def _written(label: _Label, aside: float) -> Any:
    """The text of a label beside its end."""
    x = label.end - aside
    away = -GAP
    side = "right"
    if label.end:
        x = label.end + aside
        away = GAP
        side = "left"
    return label.ax.annotate(
        label.text,
        (x, label.y),
        (away, 0),
        color=[0.5 * share for share in label.colour],  # at least 5:1 on white
        fontsize=SMALL,
        textcoords="offset points",
        ha=side,
        va="center",
    )


def _moves_apart(boxes: list[Any], frame: Any) -> Array:
    """How far each box (m,), from the lowest up, must move so that none covers another.

    In pixels. Together they move as little as they can, and stay within the frame if
    they fit in.
    """
    centre = np.array([box.y0 + box.height / 2 for box in boxes])
    heights = np.array([box.height + 2 for box in boxes])
    apart = (heights[1:] + heights[:-1]) / 2
    steps = np.r_[0, np.cumsum(apart)]
    free = centre - steps
    up = np.maximum.accumulate(free)
    down = np.minimum.accumulate(free[::-1])[::-1]
    lowest = frame.y0 + heights[0] / 2
    highest = frame.y1 - heights[-1] / 2 - steps[-1]
    begin = np.clip((up + down) / 2, lowest, max(lowest, highest))
    return begin + steps - centre


@dataclass(frozen=True)
class _Change:
    """A line from the first wave to the second, as texts, and its change in points."""

    name: str
    first: str
    second: str
    points: float

    def in_words(self, unit: str) -> str:
        """From where to where, and by how much."""
        moved = number(self.points / 100, "difference")
        return f"{self.name}, from {self.first} to {self.second}{unit} ({moved})"


def _changes(shown: Printed, over: str, waves: list) -> str:
    """In words: how many lines, and those that rise and fall most."""
    changes = _each_change(shown, over, waves)
    up = sum(change.points > 0 for change in changes)
    down = sum(change.points < 0 for change in changes)
    first, second = waves
    count = f"{len(changes)} lines from {first} to {second}, {up} up and {down} down."
    unit = shown.scale.unit
    if len(changes) < 2:
        words = [f"{change.in_words(unit)}." for change in changes]
        return f"{count} {' '.join(words)}"
    points = [change.points for change in changes]
    low = changes[np.argmin(points)].in_words(unit)
    high = changes[np.argmax(points)].in_words(unit)
    return f"{count} Lowest change: {low}. Highest change: {high}."


def _each_change(shown: Printed, over: str, waves: list) -> list[_Change]:
    """The lines that have both waves, by name."""
    estimates = shown.estimates
    others = [column for column in estimates.by if column != over]
    frame = estimates.frame
    names = [
        named(row[others], estimates.labels) or "Everyone"
        for _, row in frame.iterrows()
    ]
    columns = frame.assign(line=names, text=shown.values)
    wide = columns.pivot(index="line", columns=over, values=["estimate", "text"])
    wide = wide.dropna()
    first, second = waves
    values = wide["estimate"].astype(float)
    points = 100 * (values[second] - values[first])
    texts = wide["text"]
    return [
        _Change(name, texts[first][name], texts[second][name], points[name])
        for name in wide.index
    ]
