"""How many people have which combination of identities, as an UpSet plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trustbook.pictures.style import (
    PERCENT,
    Printed,
    bare,
    blank,
    colours,
    level_name,
    printed,
    quiet,
    wrapped,
)
from trustlib.errors import EstimandError, require_names
from trustlib.estimates import Estimates, axis_levels
from trustlib.figures import INK, SMALL, Picture, surround
from trustlib.tables import INTERVAL, evidence, heading
from trustlib.variance import Array

MOST = 5  # axes


@dataclass(frozen=True)
class _Combinations:
    """Combinations of identities, the largest first.

    Attributes
    ----------
    identities : list of str (k)
        What a filled dot says.
    has : bool array (m, k)
    percent, low, high : array (m,)
    values, people, labels : list of str (m)
        The percentage, the people, and what stands beside the bar.
    """

    identities: list[str]
    has: np.ndarray
    percent: Array
    low: Array
    high: Array
    values: list[str]
    people: list[str]
    labels: list[str]

    def in_words(self, row: int) -> str:
        """A combination with its share and its people."""
        who = ", ".join(np.array(self.identities)[self.has[row]])
        who = who or "none of these"
        return f"{who}, {self.values[row]} percent (n {self.people[row]})"

    @property
    def column(self) -> float:
        """Inches that each column of dots has."""
        return min(0.72, 3.0 / len(self.identities))


def overlaps(
    shares: Estimates, yes: Mapping[str, str] | None = None, title: str | None = None
) -> Picture:
    """How many people have which combination of identities: an UpSet plot.

    Dots say which combination, bars how many people.

    Parameters
    ----------
    shares : Estimates
        From `membership`.
    yes : mapping, optional
        Axis -> the level whose dot is filled, for example ``{"gender": "woman"}``; by
        default the second level.
    title : str, optional

    Returns
    -------
    Picture
        The largest combination first.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    UnknownNameError, EstimandError
        An axis or level that is not there; more than five axes.

    Notes
    -----
    Lex et al. (2014), IEEE Trans. Vis. Comput. Graph. 20, 1983-1992. R:
    ``UpSetR::upset``, which counts people without weights and without intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from trustbook.pictures import membership
    >>> rows = pd.DataFrame({"lgbtq": ["no"] * 120 + ["yes"] * 40})
    >>> rows["deaf"] = ["no", "yes"] * 80
    >>> rows["y"] = [1.0, 1.0, 0.0, 0.0] * 40
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["lgbtq", "deaf"])
    >>> overlaps(membership(cells)).alt.partition("Smallest: ")[2].partition(".")[0]
    'Lgbtq, Deaf, 12'
    """
    shown = printed(shares, "level")
    shares = shown.estimates
    axes = ", ".join(heading(axis, shares.labels) for axis in shares.by)
    title = str(title or f"People by combination of {axes}")
    people = _combinations(shown, yes or {})
    with quiet():
        figure = _drawn(people)
        note = (
            "Filled dots: what the people of a line are. Bars: share of all people; "
            f"lines: {INTERVAL}s."
        )
        below = "\n".join(["", note, *shares.notes])
        surround(figure, title, shares.source, below)
    names = ", ".join(people.identities)
    seen = (
        f"{len(people.has)} combinations of {names}. Largest: {people.in_words(0)}. "
        f"Smallest: {people.in_words(-1)}. {_several(people, bool(shares.notes))}."
    )
    source = f"{evidence(shares.source)}."
    words = [f"{title}.", seen, *shares.notes, source]
    return Picture.of(figure, " ".join(words))


def _combinations(shown: Printed, yes: Mapping[str, str]) -> _Combinations:
    """The combinations in order, with the dots that are filled."""
    shares = shown.estimates
    frame = shares.frame
    require_names("axis", yes, shares.by)
    chosen = {}
    for axis in shares.by:
        levels = axis_levels(frame[axis])
        chosen[axis] = yes.get(axis, levels[-1])
        require_names(f"level of {axis}", [chosen[axis]], levels)
    if not 2 <= len(chosen) <= MOST:
        raise EstimandError(
            f"Expected two to five axes, got {len(chosen)}.",
            "Give membership(...) fewer axes.",
        )
    order = np.argsort(-frame["estimate"].to_numpy(), kind="stable")
    has = [(frame[axis] == level).to_numpy() for axis, level in chosen.items()]
    ends = frame[["estimate", "conf_low", "conf_high"]].to_numpy()[order]
    percent, low, high = 100 * ends.T
    values = [shown.values[row] for row in order]
    intervals = [shown.intervals[row] for row in order]
    people = [shown.people[row] for row in order]
    labels = [
        f"{value}{PERCENT} ({interval}), n {n}"
        for value, interval, n in zip(values, intervals, people, strict=True)
    ]
    return _Combinations(
        identities=[level_name(*pair, shares.labels) for pair in chosen.items()],
        has=np.column_stack(has)[order],
        percent=percent,
        low=low,
        high=high,
        values=values,
        people=people,
        labels=labels,
    )


def _drawn(people: _Combinations) -> Any:
    """The figure: dots on the left, bars on the right."""
    rows = len(people.has)
    figure = blank(1.75 + 0.27 * rows)
    dots_width = people.column * len(people.identities)
    widths = [dots_width, 4.1 - dots_width]
    matrix, bars = figure.subplots(1, 2, width_ratios=widths)
    _stripe(matrix, rows)
    _stripe(bars, rows)
    blue = colours(1)[0]
    _draw_dots(matrix, people, blue)
    _draw_bars(bars, people, blue)
    return figure


def _stripe(ax: Any, rows: int) -> None:
    """Every other row a little darker, so that dots and bars are read together."""
    shade: dict = {"color": "black", "alpha": 0.04, "linewidth": 0}
    for row in range(0, rows, 2):
        ax.axhspan(row - 0.5, row + 0.5, zorder=0, **shade)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.tick_params(length=0, labelsize=SMALL, colors=INK)
    bare(ax)


def _draw_dots(ax: Any, people: _Combinations, colour: tuple[float, ...]) -> None:
    """A dot for each identity, filled where a combination has it, joined by a line."""
    rows, columns = people.has.shape
    y = np.arange(rows)
    x = np.arange(columns)
    across = np.tile(x, rows)
    down = np.repeat(y, columns)
    filled = np.where(people.has.ravel()[:, None], [colour], 0.85)
    ax.scatter(across, down, s=46, color=filled, linewidth=0)
    first = [_end(row, x, min) for row in people.has]
    last = [_end(row, x, max) for row in people.has]
    ax.hlines(y, first, last, color=colour, linewidth=2)
    ax.xaxis.tick_top()
    ax.set(xlim=(-0.5, columns - 0.5), yticks=[])
    ax.set_xticks(x, wrapped(people.identities, int(people.column / 0.073)))


def _end(row: np.ndarray, x: Array, end: Callable[[Array], float]) -> float:
    """Where the line through the filled dots of a row begins or ends."""
    if not row.any():
        return np.nan
    return float(end(x[row]))


def _draw_bars(ax: Any, people: _Combinations, colour: tuple[float, ...]) -> None:
    """A bar for each combination, with its interval and its numbers."""
    y = np.arange(len(people.has))
    ax.barh(y, people.percent, height=0.62, color=[*colour, 0.55])
    ax.hlines(y, people.low, people.high, color=INK, linewidth=1.2)
    ax.set(xlim=(0, None), xticks=[])
    ax.yaxis.tick_right()
    ax.set_yticks(y, people.labels)


def _several(people: _Combinations, incomplete: bool) -> str:
    """How many people have two identities or more; at least, if some are left out."""
    several = people.has.sum(axis=1) > 1
    percent = f"{people.percent[several].sum():.1f} percent"
    if incomplete:
        percent += " or more"
    return f"{percent} of people have two or more of them"
