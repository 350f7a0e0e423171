"""Pictures made of the page's own text: a line for each group, and dots on one axis.

Such a picture fits a phone, dark mode, paper and the voice of a screen reader, because
its labels and numbers are text. ``book/_static/rows.css`` draws the dots. Its title says
what is seen; below stand what the dots are and the kind of evidence. `in_rows` shows any
estimates so, `trustbook.pictures.together` what two identities do together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log

import numpy as np
import pandas as pd

from trustbook.pictures.style import row_by_name
from trustlib.errors import require_a
from trustlib.escaping import html_text
from trustlib.estimates import Estimates
from trustlib.figures import RowName, row_names
from trustlib.scales import Scale, scale_of
from trustlib.tables import BOTH, INTERVAL, UNDEFINED, evidence, heading, readable

MOST_STEPS = 5  # between the ticks of an axis
STEPS = (1, 2, 5, 10, 20, 25, 50, 100)  # between whole ticks
RATIOS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
ROW_FIGURE = '<figure class="record-figure row-figure">'
GIVE = "Give the result of cell_means, predictions or comparisons."


@dataclass(frozen=True)
class Axis:
    """The horizontal axis of a picture.

    Attributes
    ----------
    ticks : tuple of float
        Round numbers, the first and the last at the ends of the axis.
    is_log : bool
    null : float, optional
        Where a line marks no difference.

    Examples
    --------
    >>> axis = Axis((0.0, 10.0, 20.0))
    >>> axis.at(5.0), axis.at(30.0)
    (25.0, 100.0)
    """

    ticks: tuple[float, ...]
    is_log: bool = False
    null: float | None = None

    @classmethod
    def over(cls, values: Iterable[float], scale: Scale) -> Axis:
        """The axis on which all of some values have their place.

        Parameters
        ----------
        values : iterable of float
            As printed: percent, points or ratios.
        scale : Scale

        Examples
        --------
        >>> Axis.over([12.0, 31.4], scale_of("level")).ticks
        (0.0, 10.0, 20.0, 30.0, 40.0)
        >>> Axis.over([-3.0, 12.5], scale_of("difference")).ticks
        (-5.0, 0.0, 5.0, 10.0, 15.0)
        >>> Axis.over([0.8, 3.1], scale_of("ratio")).ticks
        (0.5, 1.0, 2.0, 5.0)
        """
        known = [value for value in values if np.isfinite(value)]
        if scale.log:
            return cls(_ratios_around(known), is_log=True, null=1.0)
        low = min([0.0, *known])
        high = max([0.0, *known])
        step = _step((high - low) or 1.0)
        first, last = floor(low / step), ceil(high / step)
        ticks = tuple(float(step * i) for i in range(first, max(last, first + 1) + 1))
        return cls(ticks, null=scale.null)

    def at(self, value: float) -> float:
        """Where a value stands, in percent of the width; what lies beyond, at the end."""
        first, last = self.ticks[0], self.ticks[-1]
        place = min(max(value, first), last)
        if self.is_log:
            first, last, place = log(first), log(last), log(place)
        return round(100 * (place - first) / (last - first), 2)


def _step(width: float) -> int:
    """The least whole step with which few ticks span a width."""
    for step in STEPS:
        if width / step <= MOST_STEPS:
            return step
    return STEPS[-1] * ceil(width / STEPS[-1] / MOST_STEPS)


def _ratios_around(values: Sequence[float]) -> tuple[float, ...]:
    """The ratios from the last tick below all values to the first one above."""
    low = min([1.0, *values])
    high = max([1.0, *values])
    below = max((tick for tick in RATIOS if tick <= low), default=RATIOS[0])
    above = min((tick for tick in RATIOS if tick >= high), default=RATIOS[-1])
    if below == above:
        below, above = 0.5, 2.0
    return tuple(tick for tick in RATIOS if below <= tick <= above)


@dataclass(frozen=True)
class Mark:
    """Something beside the dot of a row.

    Attributes
    ----------
    kind : str
        The end of its class in ``rows.css``: ``added``, ``multiplied``, ``before``.
    value : float
        As printed.
    """

    kind: str
    value: float


@dataclass(frozen=True)
class PictureRow:
    """A line of a picture.

    Attributes
    ----------
    name : RowName
    ends : tuple of float
        Low end, value and high end, as printed; nan where not defined.
    value, interval : str
    beside : tuple of str
        What stands in small print below the name.
    marks : tuple of Mark
    """

    name: RowName
    ends: tuple[float, float, float]
    value: str
    interval: str
    beside: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, repr=False)
class RowPicture:
    """A picture of rows; shown as HTML in notebooks and on pages.

    Attributes
    ----------
    title : str
        What was found.
    what : str
        What is shown, in one line.
    rows : tuple of PictureRow
    axis : Axis
    says : str
        Below the picture: how to read it, and what else is to be seen.
    evidence : str
    legend : tuple of (str, str)
        Kind of mark -> what it is.
    band : tuple of float, optional
        Both ends of a range that is shaded behind all rows.

    Examples
    --------
    >>> row = PictureRow(RowName("", "women"), (20.0, 25.0, 30.0), "25.0", "20.0 to 30.0")
    >>> picture = RowPicture("A quarter", "Percent", (row,), Axis((0.0, 50.0)), "", "Made up")
    >>> picture
    A quarter. Percent. women: 25.0 (20.0 to 30.0). Made up.
    """

    title: str
    what: str
    rows: tuple[PictureRow, ...]
    axis: Axis
    says: str
    evidence: str
    legend: tuple[tuple[str, str], ...] = ()
    band: tuple[float, float] | None = None

    def __repr__(self) -> str:
        rows = "; ".join(
            f"{row.name.whole}: {row.value} ({row.interval})" for row in self.rows
        )
        parts = [self.title, self.what, rows, self.says.rstrip("."), self.evidence]
        return f"{'. '.join(part for part in parts if part)}."

    def _repr_html_(self) -> str:
        title = html_text(self.title[:1].upper() + self.title[1:])
        return (
            f'{ROW_FIGURE}<p class="ef-title">{title}</p>'
            f'<p class="rf-what">{html_text(self.what)}</p>{self._legend()}'
            f"{''.join(self._lines())}{self._ticks()}"
            f"<figcaption>{html_text(self.says)} {html_text(self.evidence)}."
            "</figcaption></figure>"
        )

    def _legend(self) -> str:
        """What the marks beside the dots are."""
        items = [
            f'<span><i class="rf-mark rf-{kind}" aria-hidden="true"></i>'
            f"{html_text(words)}</span>"
            for kind, words in self.legend
        ]
        if not items:
            return ""
        return f'<p class="ef-legend">{"".join(items)}</p>'

    def _lines(self) -> list[str]:
        """The rows, and above those that share a group its name."""
        lines = []
        before = ""
        for row in self.rows:
            group = row.name.group
            if group and group != before:
                lines.append(f'<p class="ef-part">{html_text(group)}</p>')
            before = group
            lines.append(self._line(row))
        return lines

    def _line(self, row: PictureRow) -> str:
        """A row: its name, its place on the axis and its numbers."""
        small = "".join(f"<small>{html_text(text)}</small>" for text in row.beside)
        interval = ""
        if row.interval != UNDEFINED:
            interval = f"<small>{html_text(row.interval)}</small>"
        return (
            f'<div class="ef-row"><div class="ef-label">{html_text(row.name.own)}'
            f'{small}</div><div class="ef-track" aria-hidden="true">{self._track(row)}'
            f'</div><div class="ef-value">{html_text(row.value)}{interval}</div></div>'
        )

    def _track(self, row: PictureRow) -> str:
        """Grid, interval, marks and dot of a row."""
        at = self.axis.at
        parts = [
            f'<i class="rf-grid" style="left:{at(t)}%"></i>' for t in self.axis.ticks
        ]
        if self.band is not None:
            left, right = map(at, self.band)
            width = round(right - left, 2)
            parts.append(f'<i class="rf-band" style="left:{left}%;width:{width}%"></i>')
        if self.axis.null is not None:
            left = at(self.axis.null)
            parts.append(f'<i class="rf-null" style="left:{left}%"></i>')
        low, value, high = row.ends
        if np.isfinite([low, high]).all():
            left = at(low)
            width = round(at(high) - left, 2)
            parts.append(
                f'<i class="rf-interval" style="left:{left}%;width:{width}%"></i>'
            )
        for mark in row.marks:
            left = at(mark.value)
            parts.append(f'<i class="rf-mark rf-{mark.kind}" style="left:{left}%"></i>')
        if np.isfinite(value):
            parts.append(f'<i class="ef-mark ef-0" style="left:{at(value)}%"></i>')
        return "".join(parts)

    def _ticks(self) -> str:
        """The axis below the rows."""
        ticks = "".join(
            f'<span style="left:{self.axis.at(t)}%">{_tick(t)}</span>'
            for t in self.axis.ticks
        )
        return (
            '<div class="ef-row ef-axis" aria-hidden="true"><div></div>'
            f'<div class="ef-ticks">{ticks}</div><div></div></div>'
        )


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def in_rows(estimates: Estimates, what: str = "") -> RowPicture:
    """Estimates in rows, in the order of their table.

    Parameters
    ----------
    estimates : Estimates
        Ratios are drawn on a log axis; a line marks no difference.
    what : str
        What is shown; if it is not given, the outcome.

    Returns
    -------
    RowPicture
        Its title is the lowest and the highest level, or the widest gap.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given are no Estimates, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> in_rows(tl.cell_means(cells)).title
    'From 25.0 percent (a) to 50.0 percent (b)'
    """
    require_a(Estimates, estimates, GIVE)
    shown = readable(estimates)
    estimates = estimates.showable("This picture")
    scale = scale_of(estimates.kind)
    rows = rows_of(estimates, shown)
    axis = Axis.over([end for row in rows for end in row.ends], scale)
    outcome = heading(estimates.outcome, estimates.labels)
    return RowPicture(
        title=estimates.source.title_mark + _found(estimates, rows),
        what=", ".join(filter(None, [what, outcome if outcome != what else ""])),
        rows=tuple(rows),
        axis=axis,
        says=f"Lines are {INTERVAL}s.",
        evidence=evidence(estimates.source),
    )


def rows_of(estimates: Estimates, shown: pd.DataFrame) -> list[PictureRow]:
    """Each row of estimates as a line of a picture.

    Parameters
    ----------
    estimates : Estimates
    shown : DataFrame
        The same as texts, from `trustlib.tables.readable`.

    Returns
    -------
    list of PictureRow

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> levels = tl.cell_means(cells)
    >>> [(row.name.own, row.value, row.beside) for row in rows_of(levels, readable(levels))]
    [('a', '50.0', ('40 people',)), ('b', '50.0', ('40 people',))]
    """
    scale = scale_of(estimates.kind)
    columns = ["conf_low", "estimate", "conf_high"]
    ends = scale.factor * estimates.frame[columns].to_numpy(float)
    people = shown.columns[-1]
    of_whom = " people in both groups" if people == BOTH else " people"
    rows = []
    for i, name in enumerate(row_names(estimates, shown)):
        texts = shown.iloc[i]
        low, value, high = ends[i]
        rows.append(
            PictureRow(
                name=row_by_name(name, estimates),
                ends=(float(low), float(value), float(high)),
                value=texts[scale.heading],
                interval=texts[INTERVAL],
                beside=(f"{texts[people]}{of_whom}",),
            )
        )
    return rows


def _found(estimates: Estimates, rows: Sequence[PictureRow]) -> str:
    """What is seen, in a line: both ends of the levels, or the widest gap."""
    scale = scale_of(estimates.kind)
    known = [row for row in rows if np.isfinite(row.ends[1])]
    if not known:
        return "Nothing of this is defined"
    called = {row: _spoken(row.name, estimates) for row in known}
    if len(known) == 1:
        return f"{called[known[0]]}: {known[0].value}{scale.unit}"
    if scale.null is not None:
        widest = max(known, key=lambda row: _distance(row.ends[1], scale))
        return f"The widest: {called[widest]}, {widest.value}{scale.unit}"
    low = min(known, key=lambda row: row.ends[1])
    high = max(known, key=lambda row: row.ends[1])
    return (
        f"From {low.value}{scale.unit} ({called[low]}) to "
        f"{high.value}{scale.unit} ({called[high]})"
    )


def _spoken(name: RowName, estimates: Estimates) -> str:
    """A row in a sentence: all its levels, without the name of an axis."""
    if name.group and estimates.by[0] != "axis":
        return f"{name.group}, {name.own}"
    return name.own


def _distance(value: float, scale: Scale) -> float:
    """How far a gap is from none."""
    if scale.log:
        return abs(log(max(value, exp(-20))))
    return abs(value - (scale.null or 0.0))
