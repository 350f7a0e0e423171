"""The heat map: percentages of all cells of two axes, in parts by the other axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustbook.pictures.style import (
    TEXT,
    Printed,
    bare,
    blank,
    combination,
    level_name,
    levels_there,
    named,
    printed,
    quiet,
    wrapped,
)
from trustlib.cells import combinations
from trustlib.errors import EstimandError, require_names
from trustlib.estimates import Estimates, axis_levels
from trustlib.figures import INK, QUIET, SMALL, Picture, plain, surround
from trustlib.tables import INTERVAL, evidence, heading
from trustlib.variance import Array

LIGHT = "#6baed6"  # the darkest colour of a cell: ink on it has a contrast of 6:1
LARGE = 14  # size of letters, in points
CELL = 0.96  # inches that a percentage with its interval needs
MOST = 12  # columns
ROOM = 66  # letters of this size across a picture


@dataclass(frozen=True)
class _Layout:
    """Where each cell stands.

    Attributes
    ----------
    rows, columns : str
        The axes of each part.
    rest : list of str
        The others, whose combinations have a part each.
    levels : dict
        Axis -> its levels, in order.
    parts : DataFrame (k)
        The combinations of the others.
    part : array (m,)
        The part of each estimate.
    """

    rows: str
    columns: str
    rest: list[str]
    levels: dict[str, list]
    parts: pd.DataFrame
    part: np.ndarray

    @property
    def tall(self) -> int:
        """Rows of each part."""
        return len(self.levels[self.rows])

    @property
    def wide(self) -> int:
        """Columns of each part."""
        return len(self.levels[self.columns])

    @property
    def with_intervals(self) -> bool:
        """Whether a cell has room for its interval."""
        return self.wide <= 5

    @property
    def per_line(self) -> int:
        """Parts that stand beside each other."""
        fitting = int(5.5 / (self.wide * CELL))
        return max(1, min(len(self.parts), fitting))

    @property
    def lines(self) -> int:
        """Lines of parts."""
        return -(-len(self.parts) // self.per_line)

    @property
    def height(self) -> float:
        """Of the picture, in inches."""
        row = 0.78 if self.with_intervals else 0.5
        above = 0.8 if self.rest else 0.5
        return 1.35 + self.lines * (self.tall * row + above)


def heat_map(
    levels: Estimates,
    rows: str | None = None,
    columns: str | None = None,
    title: str | None = None,
) -> Picture:
    """Percentages of all cells of two axes, with interval and people in each.

    There is one part for each level of the other axes.

    Parameters
    ----------
    levels : Estimates
        Of kind level, with two by-columns or more.
    rows, columns : str, optional
        Two of the by-columns. By default the one with the most levels, and the next; of
        equals the first.
    title : str, optional

    Returns
    -------
    Picture
        The colour begins at zero, so that twice as dark is about twice as many. A
        combination that nobody has is left white.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        No levels, fewer than two by-columns, or more than twelve columns.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 80})
    >>> rows["age"] = ["old"] * 80 + ["young"] * 80
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group", "age"])
    >>> heat_map(tl.cell_means(cells), title="Yes").alt.partition(" with")[0]
    'Yes. 4 percentages'
    """
    shown = printed(levels, "level")
    levels = shown.estimates
    title = str(title or heading(levels.outcome, levels.labels))
    layout = _layout(levels, rows, columns)
    frame = levels.frame
    value = 100 * frame["estimate"].to_numpy()
    top = 10 * np.ceil(10 * frame["estimate"].max() + 1e-9)
    with quiet():
        figure = blank(layout.height)
        grid = figure.subplots(layout.lines, layout.per_line, squeeze=False)
        parts = len(layout.parts)
        for ax in grid.flat[parts:]:
            ax.set_visible(False)
        for part, ax in enumerate(grid.flat[:parts]):
            cells = _cells_of(part, layout, frame)
            _fill(ax, cells, value, top, layout)
            _write(ax, cells, shown, layout)
            _head(ax, layout, part, levels.labels)
        note = _note(layout, top)
        surround(figure, title, levels.source, f"\n{note}", above=True)
    axes = [layout.rows, layout.columns, *layout.rest]
    by = " by ".join(heading(axis, levels.labels) for axis in axes)
    count = f"{len(value)} percentages with {INTERVAL}s in a grid, {by}."
    seen = f"{title}. {count} {shown.extremes()}"
    return Picture.of(figure, f"{seen} {evidence(levels.source)}.")


def _layout(levels: Estimates, rows: str | None, columns: str | None) -> _Layout:
    """Which axis goes where; refuses what is no grid, or too wide a one."""
    frame = levels.frame
    there = {c: levels_there(frame[c], axis_levels(frame[c])) for c in levels.by}
    if len(there) < 2:
        raise EstimandError(
            f"A heat map has two axes or more, got {list(there)}.",
            "Show one axis with forest(...).",
        )
    asked = [axis for axis in (rows, columns) if axis is not None]
    require_names("axis", asked, there)
    by_size = sorted(there, key=lambda axis: -len(there[axis]))
    rows = rows or next(axis for axis in by_size if axis != columns)
    columns = columns or next(axis for axis in by_size if axis != rows)
    wide = len(there[columns])
    if rows == columns or wide > MOST:
        raise EstimandError(
            f"Expected up to {MOST} columns and other rows, got {wide} of {columns!r}.",
            "Choose another axis for columns=, or band it.",
        )
    rest = [axis for axis in levels.by if axis not in (rows, columns)]
    parts, part = combinations(frame, rest)
    return _Layout(rows, columns, rest, levels=there, parts=parts, part=part)


@dataclass(frozen=True)
class _Cell:
    """A cell of a part: the estimate in it, and its place from the top left."""

    estimate: int
    row: int
    column: int


def _cells_of(part: int, layout: _Layout, frame: pd.DataFrame) -> list[_Cell]:
    """The cells of a part that somebody is in."""
    rows = layout.levels[layout.rows]
    columns = layout.levels[layout.columns]
    cells = []
    for i in np.flatnonzero(layout.part == part).tolist():
        row = rows.index(frame[layout.rows].iloc[i])
        column = columns.index(frame[layout.columns].iloc[i])
        cells.append(_Cell(i, row, column))
    return cells


def _fill(
    ax: Any, cells: Sequence[_Cell], value: Array, top: float, layout: _Layout
) -> None:
    """The colours of a part: the more, the darker."""
    import seaborn as sns

    filled = np.full((layout.tall, layout.wide), np.nan)
    for cell in cells:
        filled[cell.row, cell.column] = value[cell.estimate]
    ax.pcolormesh(
        np.ma.masked_invalid(filled),
        cmap=sns.light_palette(LIGHT, as_cmap=True),
        vmin=0,
        vmax=top,
        edgecolors="white",
        linewidth=2,
    )
    ax.invert_yaxis()


def _write(ax: Any, cells: Sequence[_Cell], shown: Printed, layout: _Layout) -> None:
    """Value, interval and people of each cell, one below the other."""
    small: float = SMALL
    large: float = LARGE
    if layout.wide > 3:
        small = SMALL - 1.5
        large = TEXT + 1.5
    closer = 1.0 if layout.with_intervals else 0.5
    for cell in cells:
        i = cell.estimate
        middle = (cell.column + 0.5, cell.row + 0.5)
        _annotate(ax, middle, shown.values[i], large, 11 * closer)
        if layout.with_intervals:
            _annotate(ax, middle, shown.intervals[i], small, -5)
        _annotate(ax, middle, f"n {shown.people[i]}", small, -17 * closer)


def _annotate(
    ax: Any, middle: tuple[float, float], text: str, size: float, rise: float
) -> None:
    """A text in a cell, some points above its middle."""
    ax.annotate(
        text,
        middle,
        xytext=(0, rise),
        textcoords="offset points",
        ha="center",
        va="center",
        color=INK,
        fontsize=size,
    )


def _head(ax: Any, layout: _Layout, part: int, labels: dict) -> None:
    """Names of axes and levels around a part; those of rows before the first only."""
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    rows, columns = (
        [level_name(axis, level, labels) for level in layout.levels[axis]]
        for axis in (layout.rows, layout.columns)
    )
    letters = int(ROOM * 0.8 / (layout.wide * layout.per_line))
    ax.set_xticks(np.arange(layout.wide) + 0.5, wrapped(columns, letters))
    left = ""
    names: list[str] = []
    if part % layout.per_line == 0:
        left = plain(heading(layout.rows, labels))
        names = wrapped(rows, 14)
    ax.set_yticks(np.arange(layout.tall) + 0.5, names)
    above = plain(heading(layout.columns, labels))
    ax.set_xlabel(above, fontsize=SMALL, color=QUIET)
    ax.set_ylabel(left, fontsize=SMALL, color=QUIET)
    ax.tick_params(length=0, labelsize=TEXT, colors=INK)
    bare(ax)
    if layout.rest:
        name = named(combination(layout.parts, part), labels)
        lines = wrapped([name], ROOM // layout.per_line)
        ax.set_title(lines[0], fontsize=TEXT, color=INK, loc="left")


def _note(layout: _Layout, top: float) -> str:
    """What stands in each cell, and what its colour means."""
    interval = ""
    if layout.with_intervals:
        interval = f"{INTERVAL}, "
    return (
        f"In each cell: percent, {interval}people (n). Darker: more, from 0 to "
        f"{top:.0f} percent."
    )
