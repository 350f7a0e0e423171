"""Where: one row for each country, and below what they come to together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustbook.pictures.style import (
    TOGETHER,
    Printed,
    blank,
    combination,
    level_name,
    named,
    printed,
    quiet,
    wrapped,
)
from trustlib.cells import combinations
from trustlib.errors import EstimandError, require_names
from trustlib.estimates import Estimates
from trustlib.figures import (
    DARK,
    GRID,
    LINE,
    NAME,
    Picture,
    called,
    clear,
    mark_null,
    plain,
    surround,
    write_beside,
)
from trustlib.scales import COMPARED, Scale
from trustlib.tables import INTERVAL, evidence, heading, number
from trustlib.variance import Array

KINDS = ("level", *COMPARED, "coefficient")
ENDS = ["conf_low", "estimate", "conf_high"]


@dataclass(frozen=True)
class _Line:
    """A line of the picture.

    Attributes
    ----------
    what : str
        ``head``, ``dot``, ``mean`` or ``range``.
    name, text : str
        What stands on its left, and on its right.
    ends : array (3), optional
        Low end, value and high end.
    """

    what: str
    name: str
    text: str = ""
    ends: Array | None = None


@dataclass(frozen=True)
class _Parts:
    """The countries, in parts for each combination of the other by-columns.

    Attributes
    ----------
    shown : Printed
        The estimates (m) of each country.
    over : str
        The by-column of the countries.
    rest : list of str
        The other by-columns.
    levels : DataFrame (k)
        Their combinations.
    part : array (m,)
        The part of each estimate.
    pooled : Printed, optional
        One row for each part, in any order.
    """

    shown: Printed
    over: str
    rest: list[str]
    levels: pd.DataFrame
    part: np.ndarray
    pooled: Printed | None

    @property
    def labels(self) -> dict:
        """Labels of axes."""
        return self.shown.estimates.labels

    @property
    def place(self) -> str:
        """What one of the rows is called: a country."""
        return heading(self.over, self.labels).lower()

    def name(self, part: int) -> str:
        """A part by its levels; nothing if there is but one by-column."""
        return named(combination(self.levels, part), self.labels)


def dots(
    gaps: Estimates,
    over: str = "country",
    pooled: Estimates | None = None,
    title: str | None = None,
) -> Picture:
    """One row for each country, by name, with interval and people.

    Below stands what they come to together.

    Parameters
    ----------
    gaps : Estimates
        Levels, gaps or ratios with `over` among the by-columns; what else tells them
        apart makes parts of the picture.
    over : str
    pooled : Estimates, optional
        `trustlib.pool` of the same estimates. A diamond shows the mean, a thin line
        where a further country would lie; how much the countries differ is said below.
    title : str, optional

    Returns
    -------
    Picture
        Sorted by name, not by size: a rank among five countries says little (see the
        chapter on countries).

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        `pooled` is of other groups or of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"country": ["US", "BR"] * 40})
    >>> rows["y"] = [1.0, 0.0, 0.0, 1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["country"])
    >>> picture = dots(tl.cell_means(cells), title="Yes")
    >>> [text.get_text() for text in picture.figure.axes[0].get_yticklabels()]
    ['Brazil', 'United States']
    """
    shown = printed(gaps, *KINDS)
    gaps = shown.estimates
    require_names("by-column", [over], gaps.by)
    title = str(title or heading(gaps.outcome, gaps.labels))
    parts = _parts(shown, over, pooled)
    lines = _lines(parts)
    notes = _notes(parts)
    against = _against(parts)
    with quiet():
        figure = _drawn(lines, shown.scale, against, len(notes))
        surround(figure, title, gaps.source, "\n".join(["", *notes]))
    seen = (
        f"{len(gaps)} estimates with {INTERVAL}s, by name{against}. {shown.extremes()}"
    )
    if shown.scale.null is not None:
        seen += f" {clear(gaps, shown.names)}"
    together = [_in_words(line) for line in lines if line.what != "dot"]
    source = f"{evidence(gaps.source)}."
    words = [f"{title}.", seen, *together, *notes[1:], source]
    return Picture.of(figure, " ".join(words))


def _parts(shown: Printed, over: str, pooled: Estimates | None) -> _Parts:
    """The parts of the picture; refuses what is pooled from other estimates."""
    gaps = shown.estimates
    rest = [column for column in gaps.by if column != over]
    levels, part = combinations(gaps.frame, rest)
    if pooled is None:
        return _Parts(shown, over, rest, levels, part, pooled=None)
    mean = printed(pooled, gaps.kind)
    of_these = set(mean.estimates.by) == set(rest)
    if not of_these or len(mean.estimates) != len(levels):
        raise EstimandError(
            "The pooled estimates are not of these.",
            f"Give pool(...) of the same ones, over {over!r}.",
        )
    return _Parts(shown, over, rest, levels, part, pooled=mean)


def _lines(parts: _Parts) -> list[_Line]:
    """All lines: of each part its name, its countries and their mean."""
    lines = []
    for part in range(len(parts.levels)):
        if len(parts.levels) > 1:
            lines.append(_Line("head", parts.name(part)))
        lines += _country_lines(parts, part)
        if parts.pooled is not None:
            row = _pooled_row(parts, parts.pooled, part)
            lines += _mean_lines(parts.pooled, row, parts.place)
    return lines


def _country_lines(parts: _Parts, part: int) -> list[_Line]:
    """The countries of a part, by name."""
    frame = parts.shown.estimates.frame
    factor = parts.shown.scale.factor
    rows = np.flatnonzero(parts.part == part).tolist()
    places = frame[parts.over].iloc[rows]
    countries = [level_name(parts.over, place, parts.labels) for place in places]
    lines = []
    for country, row in sorted(zip(countries, rows, strict=True)):
        ends = frame[ENDS].iloc[row].to_numpy(float) * factor
        lines.append(_Line("dot", country, parts.shown.in_words(row), ends))
    return lines


def _pooled_row(parts: _Parts, pooled: Printed, part: int) -> int:
    """The row of the pooled estimates that belongs to a part."""
    wanted = tuple(parts.levels.iloc[part])
    rows = pooled.estimates.frame[parts.rest].to_numpy(object)
    return [tuple(row) for row in rows].index(wanted)


def _mean_lines(pooled: Printed, row: int, place: str) -> list[_Line]:
    """The mean of all countries, and where a further one would lie if that is known."""
    kind = pooled.estimates.kind
    factor = pooled.scale.factor
    mean = pooled.estimates.frame.iloc[row]
    ends = mean[ENDS].to_numpy(float) * factor
    name = f"All {mean['k']:.0f} pooled"
    lines = [_Line("mean", name, pooled.in_words(row), ends)]
    low = mean["prediction_low"]
    high = mean["prediction_high"]
    if np.isfinite(low):
        text = f"{number(low, kind)} to {number(high, kind)}"
        further = np.array([low, np.nan, high]) * factor
        lines.append(_Line("range", f"A further {place}", text, further))
    return lines


def _notes(parts: _Parts) -> list[str]:
    """How to read the picture, then how much the countries of each part differ."""
    people = "People (n)"
    if "reference" in parts.shown.estimates.frame:
        people = "People of both groups (n)"
    how = f"Lines: {INTERVAL}s. {people}."
    if parts.pooled is None:
        return [how]
    how += (
        " Diamond: mean by pooling. Thin line: where a further "
        f"{parts.place} would lie."
    )
    notes = [how]
    for part in range(len(parts.levels)):
        row = _pooled_row(parts, parts.pooled, part)
        name = ""
        if len(parts.levels) > 1:
            name = parts.name(part)
        notes.append(_differ(parts.pooled, row, name))
    return notes


def _differ(pooled: Printed, row: int, name: str) -> str:
    """How much the countries differ, in one line."""
    mean = pooled.estimates.frame.iloc[row]
    between = mean["tau2"] ** 0.5
    tau = f"{between:.2f} (of logarithms)"
    if pooled.scale.unit:
        tau = f"{100 * between:.1f}{pooled.scale.unit}"
    i2 = f"I² {100 * mean['i2']:.0f}%"
    if name:
        return f"{name}: {i2}, tau {tau}."
    return f"{i2}, standard deviation between them (tau) {tau}."


def _against(parts: _Parts) -> str:
    """Of whom the gaps are and with whom they are compared, if they are gaps."""
    frame = parts.shown.estimates.frame
    if not parts.rest or "reference" not in frame:
        return ""
    first = frame["reference"].iloc[0]
    reference = called(parts.rest[-1], first, parts.labels)
    if not reference:
        return ""
    whose = parts.name(0)
    if len(parts.levels) > 1 or not whose:
        return f": against {reference}"
    return f": {whose}, against {reference}"


def _drawn(lines: list[_Line], scale: Scale, against: str, notes: int) -> Any:
    """The figure: names on the left, numbers on the right."""
    names = wrapped([line.name for line in lines], NAME)
    heights = _heights(lines, names)
    figure = blank(1.35 + LINE * heights[-1] + 0.13 * notes)
    ax = figure.add_subplot()
    for height, line in zip(heights, lines, strict=True):
        _draw_line(ax, height, line)
    write_beside(ax, heights, [line.text for line in lines])
    mark_null(ax, scale)
    ax.set_ylim(heights[-1] + 0.6, heights[0] - 0.6)
    ax.set_xlabel(plain(scale.heading + against))
    ax.set_yticks(heights, names)
    ax.tick_params(labelsize=9)
    for tick, line in zip(ax.get_yticklabels(), lines, strict=True):
        weight = "bold" if line.what == "head" else "normal"
        tick.set_fontweight(weight)
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    return figure


def _heights(lines: list[_Line], names: list[str]) -> Array:
    """Where each line stands, from the top: a mean has a line of the grid above it."""
    tall = []
    for line, name in zip(lines, names, strict=True):
        rows = 1 + 0.5 * name.count("\n")
        if line.what == "mean":
            rows += 0.5
        tall.append(rows)
    return np.cumsum(tall)


def _draw_line(ax: Any, height: float, line: _Line) -> None:
    """Point and interval of a line, if it has them."""
    if line.ends is None:
        return
    low, value, high = line.ends
    colour = TOGETHER
    mark = "D"
    if line.what == "dot":
        colour = DARK
        mark = "o"
    width = 1 if line.what == "range" else 2.2
    ax.hlines(height, low, high, color=colour, linewidth=width)
    ax.plot(value, height, mark, color=colour, markersize=7, markeredgecolor="white")
    if line.what == "mean":
        ax.axhline(height - 0.75, color=GRID, linewidth=1)


def _in_words(line: _Line) -> str:
    """A name of a part, a mean or a range as a sentence."""
    return f"{line.name}: {line.text}".rstrip(": ") + "."
