"""Pictures of estimates: quiet, with direct labels, intervals and source always.

A `Picture` carries an alternative text that says what is seen. `forest` draws any
estimates, one line for each row. What other pictures share with it (the style, the
frame of title and source, names of levels, the line of no difference) is public here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from trustlib import letters
from trustlib.errors import EstimandError
from trustlib.escaping import html_text, terminal_text, visible
from trustlib.estimates import Estimates
from trustlib.scales import Scale, scale_of
from trustlib.sources import Source
from trustlib.tables import (
    BOTH,
    INTERVAL,
    UNDEFINED,
    evidence,
    heading,
    readable,
)
from trustlib.variance import Array

DPI = 144
WIDTH = 6.6  # inches
# All but the grid: at least 7:1 on white.
INK = "#222222"
QUIET = "#595959"
DARK = "#17495c"
GRID = "#e6e6e6"
STYLE: dict = {
    "axes.facecolor": "none",
    "axes.edgecolor": QUIET,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.family": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
SMALL = 8.5  # size of the numbers beside a point, in points
DASHES = (0, (3, 3))
LONGEST_LEVEL = 200  # letters of a level in a picture
LINE = 0.34  # inches that a line of a picture needs
NAME = 26  # letters of a line of a name
SYNTHETIC: dict = {
    "fontsize": 44,
    "color": "#c0392b",
    "alpha": 0.16,
    "rotation": 20,
    "ha": "center",
    "va": "center",
}


@dataclass(frozen=True)
class Picture:
    """A figure with its alternative text; shown as a picture in notebooks.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What a reader who cannot see the picture should know.
    names : tuple of str
        What stands for [1], [2], ... in the picture: words whose letters no font of
        this machine has. They are told beside the picture and in its alternative text.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> Picture(Figure(), "Nothing yet.")
    Nothing yet.
    """

    figure: Any
    alt: str
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, figure: Any, alt: str, names: Sequence[str] = ()) -> Picture:
        """The picture of a figure, once every letter of it can be drawn.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            Texts in letters that its font has not are changed, see `trustlib.letters`.
        alt : str
        names : sequence of str
            What numbers in the figure stand for already.

        Examples
        --------
        >>> from matplotlib.figure import Figure
        >>> Picture.of(Figure(), "A figure.", ["a name"]).alt
        'A figure. [1] is a name.'
        """
        named = letters.drawable(figure, names)
        if not named:
            return cls(figure, alt)
        return cls(figure, f"{alt} {letters.legend(named)}", named)

    def png(self) -> bytes:
        """The picture as PNG bytes, the alternative text within; the same each time."""
        stream = BytesIO()
        about = {"Software": None, "Description": self.alt}
        self.figure.savefig(stream, format="png", dpi=DPI, metadata=about)
        return stream.getvalue()

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict, dict]:
        png = self.png()
        data = {"image/png": png, "text/plain": self.alt}
        if self.names:
            data["text/html"] = self._with_names(png)
        return data, {"image/png": {"alt": self.alt}}

    def _with_names(self, png: bytes) -> str:
        """The picture as HTML, and below it what the numbers in it stand for."""
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        items = "".join(f"<li>{html_text(name)}</li>" for name in self.names)
        image = f'<img src="{source}" alt="{html_text(self.alt)}">'
        return f"<div>{image}<p>In the picture:</p><ol>{items}</ol></div>"


@dataclass(frozen=True)
class RowName:
    """How a row is called: what it stands under, if anything, and its name there.

    Attributes
    ----------
    group, own : str

    Examples
    --------
    >>> RowName("Gender", "woman").whole
    'Gender: woman'
    """

    group: str
    own: str

    @property
    def whole(self) -> str:
        """The name of a row that stands by itself."""
        if self.group in ("", self.own, self.own.removeprefix("not ")):
            return self.own
        return f"{self.group}: {self.own}"


@dataclass(frozen=True)
class _Forest:
    """What a forest shows.

    Attributes
    ----------
    names : list of RowName (m)
    ends : array (m, 3)
        Low end, value and high end, as printed; nan where one is not defined.
    texts : list of str (m)
        What stands beside each point.
    note : str
        How to read the picture.
    alt : str
    """

    names: list[RowName]
    ends: Array
    texts: list[str]
    note: str
    alt: str


@dataclass(frozen=True)
class _Line:
    """A line of a forest: the name of a row, or one that stands above several rows."""

    name: str
    above: bool = False


def forest(estimates: Estimates, title: str | None = None) -> Picture:
    """Points with 95 % intervals, one line for each row, in the order of the table.

    Parameters
    ----------
    estimates : Estimates
        Ratios are drawn on a log axis; a line marks no difference. What several rows
        share stands once above them.
    title : str, optional

    Returns
    -------
    Picture
        Gaps that are all zero and have no interval (`MaihdaFit.excess` on the boundary)
        are said in one line.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given are no Estimates, has no rows, or has several measures of
        interaction.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> picture = forest(tl.cell_means(cells), title="Yes")
    >>> picture.alt.partition("Lowest")[2]
    ': a, 25.0 percent. Highest: b, 50.0 percent. Source not stated.'
    """
    import seaborn as sns

    shown = readable(estimates)
    estimates = estimates.showable()
    title = str(title or heading(estimates.outcome, estimates.labels))
    _require_one_measure(estimates)
    content = _rows(estimates, shown, title)
    if _all_zero(estimates):
        content = _zeros(estimates, title)
    alike = estimates.by[:1] != ("axis",)
    lines = _lines(content.names, alike)
    with sns.axes_style("white", STYLE):
        figure = _drawn(content, lines, scale_of(estimates.kind))
        surround(figure, title, estimates.source, content.note)
    return Picture.of(figure, content.alt)


def _require_one_measure(estimates: Estimates) -> None:
    if estimates.kind != "interaction":
        return
    if estimates.frame["measure"].nunique() > 1:
        raise EstimandError(
            "Measures of interaction have different scales and do not share an axis.",
            "Choose one, for example estimates.where(\"measure == 'reri_rr'\"), or "
            "show a table.",
        )


def _all_zero(estimates: Estimates) -> bool:
    """Whether these are gaps that are all zero and have no interval."""
    frame = estimates.frame
    if estimates.kind != "difference" or frame["estimate"].any():
        return False
    return bool(frame["conf_low"].isna().all())


def _zeros(estimates: Estimates, title: str) -> _Forest:
    """One line in place of gaps that are all zero."""
    size = len(estimates)
    note = (
        f"All {size} are zero, without interval: no variance beyond the additive part "
        "was found."
    )
    return _Forest(
        names=[RowName("", f"Each of the {size}")],
        ends=_ends(estimates)[:1],
        texts=["0.0"],
        note=note,
        alt=f"{title}. {note} {evidence(estimates.source)}.",
    )


def _rows(estimates: Estimates, shown: pd.DataFrame, title: str) -> _Forest:
    """One line for each row of the estimates; `shown` are the same as texts."""
    names = row_names(estimates, shown)
    people = shown.columns[-1]
    printed = shown[[scale_of(estimates.kind).heading, INTERVAL, people]]
    texts = [
        _beside_point(value, interval, n)
        for value, interval, n in printed.itertuples(index=False, name=None)
    ]
    of_whom = ""
    if people == BOTH:
        of_whom = " of both groups"
    values = printed.iloc[:, 0].tolist()
    whole = [name.whole for name in names]
    return _Forest(
        names,
        ends=_ends(estimates),
        texts=texts,
        note=f"Lines: {INTERVAL}s. n: people{of_whom}.",
        alt=_alternative(title, whole, estimates, values),
    )


def _ends(estimates: Estimates) -> Array:
    """Low end, value and high end (m, 3) of each row, as printed; nan: not defined."""
    ends = estimates.frame[["conf_low", "estimate", "conf_high"]].to_numpy(float)
    ends = ends * scale_of(estimates.kind).factor
    return np.where(np.isfinite(ends), ends, np.nan)


def _lines(names: list[RowName], alike: bool) -> list[_Line]:
    """The lines of a forest: what several rows share stands once above them.

    If `alike`, and one group has several rows, all groups stand above their rows.
    """
    groups = [name.group for name in names]
    alike = alike and len(set(groups)) < len(groups)
    lines = []
    before = None
    for name in names:
        shared = alike or groups.count(name.group) > 1
        if not name.group or not shared:
            lines.append(_Line(name.whole))
        else:
            if name.group != before:
                lines.append(_Line(name.group, above=True))
            lines.append(_Line(name.own))
        before = name.group
    return lines


def _drawn(content: _Forest, lines: list[_Line], scale: Scale) -> Any:
    """The figure of a forest."""
    from matplotlib.figure import Figure

    wrapped = [plain(fill(line.name, NAME)) for line in lines]
    heights = line_heights(wrapped)
    names = np.array(wrapped)
    above = np.array([line.above for line in lines])
    size = (WIDTH, 1.45 + LINE * heights[-1])
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    ax = figure.add_subplot()
    y = heights[~above]
    low, value, high = content.ends.T
    ax.hlines(y, low, high, color=DARK, linewidth=2.2)
    ax.plot(value, y, "o", color=DARK, markersize=7, markeredgecolor="white")
    mark_null(ax, scale)
    ax.set_xlabel(scale.heading)
    ax.set_ylim(heights[-1] + 0.6, heights[0] - 0.6)
    if np.isnan(value).all():  # without a value there is nothing to measure
        ax.set_xticks([])
    ax.set_yticks(y, names[~above])
    ax.set_yticks(heights[above], names[above], minor=True, fontweight="bold")
    ax.tick_params(which="both", labelsize=9)
    write_beside(ax, y, content.texts)
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    return figure


def line_heights(names: Sequence[str]) -> Array:
    r"""Where lines (m,) stand, from the top: names of several lines take more room.

    Examples
    --------
    >>> line_heights(["one", "two\nlines", "three"]).tolist()
    [1.0, 2.5, 3.5]
    """
    return np.cumsum([1 + 0.5 * name.count("\n") for name in names])


def mark_null(ax: Any, scale: Scale) -> None:
    """Draw the line of no difference, where there is one; ratios get a log axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its horizontal axis is that of the estimates.
    scale : Scale

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> mark_null(ax, scale_of("difference"))
    >>> ax.lines[0].get_xdata()
    [0.0, 0.0]
    """
    if scale.null is None:
        return
    ax.axvline(scale.null, color=QUIET, linewidth=1, linestyle=DASHES, zorder=0)
    if scale.log:
        ax.set_xscale("function", functions=(_log, np.exp))


def _log(x: Array) -> Array:
    """The logarithm; of what is not above zero that of a very small number."""
    return np.log(np.maximum(x, 1e-9))


def write_beside(ax: Any, heights: Iterable[float], texts: Iterable[str]) -> None:
    """Write a text on the right of each line of a picture.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    heights : iterable of float (m)
    texts : iterable of str (m)

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> write_beside(ax, [1.0], ["62.3, n 900"])
    >>> ax.texts[0].get_text()
    '62.3, n 900'
    """
    right = 1.02
    for height, text in zip(heights, texts, strict=True):
        ax.text(
            right,
            height,
            text,
            transform=ax.get_yaxis_transform(),
            fontsize=SMALL,
            color=INK,
            va="center",
        )


def surround(
    figure: Any, title: str, source: Mapping[str, Any], note: str, above: bool = False
) -> None:
    """Add title, source and, for synthetic data, the mark across the picture.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    title : str
    source : mapping
        `Estimates.source`.
    note : str
        How to read the picture; it stands behind the source.
    above : bool
        Whether the mark is drawn above points and numbers, not below them.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> surround(figure, "Yes", {"kind": "real", "label": "A survey"}, "n: people.")
    >>> figure.get_suptitle(), figure.get_supxlabel()
    ('Yes', 'Real people: A survey. n: people.')
    """
    heading_text = plain(fill(title, 72))
    figure.suptitle(
        heading_text, x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold"
    )
    words = f"{evidence(source)}. {note}"
    wrapped = "\n".join(fill(line, 108) for line in words.splitlines())
    figure.supxlabel(plain(wrapped), fontsize=8, color=QUIET, x=0.01, ha="left")
    if Source.of(source).is_synthetic:
        order = 3 if above else -1
        figure.text(0.5, 0.5, "SYNTHETIC", zorder=order, **SYNTHETIC)


def plain(text: str) -> str:
    r"""A text as itself: between two dollar signs matplotlib would set mathematics.

    Examples
    --------
    >>> print(plain("$20k to $30k"))
    \$20k to \$30k
    """
    return terminal_text(text).replace("$", r"\$")


def _beside_point(value: str, interval: str, people: str) -> str:
    """What stands at the end of a row; a dash where a measure is not defined."""
    if value == UNDEFINED:
        return f"{value}, n {people}"
    return f"{value} ({interval}), n {people}"


def called(axis: str, level: Any, labels: dict) -> str:
    """A level by its own name; a bare yes or no by that of its axis too.

    Parameters
    ----------
    axis : str
        Or several, as in "gender, lgbtq"; then `level` has as many.
    level : str
    labels : dict
        `Estimates.labels`.

    Returns
    -------
    str

    Examples
    --------
    >>> labels = {"lgbtq": "LGBTQ+"}
    >>> called("lgbtq", "yes", labels), called("lgbtq", "no", labels)
    ('LGBTQ+', 'not LGBTQ+')
    >>> called("gender, lgbtq", "woman, yes", labels)
    'woman, LGBTQ+'
    """
    axes = axis.split(", ")
    levels = str(level).split(", ")
    if len(axes) == len(levels) > 1:
        pairs = zip(axes, levels, strict=True)
        return ", ".join(called(one, value, labels) for one, value in pairs)
    answer = str(level).lower()
    if answer == "yes":
        return heading(axis, labels)
    if answer == "no":
        return f"not {heading(axis, labels)}"
    return visible(level, LONGEST_LEVEL)


def clear(estimates: Estimates, names: Sequence[str]) -> str:
    """In words: how many intervals exclude no difference, and the first of them.

    Parameters
    ----------
    estimates : Estimates
        Of a kind that is compared with a null value.
    names : sequence of str (m)
        How each row is called.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> clear(tl.comparisons(tl.cell_means(cells)), ["b"])
    'The interval excludes 0 in 1 of 1.'
    """
    null = scale_of(estimates.kind).null
    frame = estimates.frame
    excluded = (frame["conf_low"] > null) | (frame["conf_high"] < null)
    rows = np.flatnonzero(excluded)
    text = f"The interval excludes {null:g} in {len(rows)} of {len(frame)}"
    if 0 < len(rows) < len(frame):
        which = [names[row] for row in rows[:4]]
        if len(rows) > 4:
            which.append(f"{len(rows) - 4} more")
        text += f": {'; '.join(which)}"
    return f"{text}."


def row_names(estimates: Estimates, shown: pd.DataFrame) -> list[RowName]:
    """The name of each row: the first by-column is the group, if there are several.

    Parameters
    ----------
    estimates : Estimates
    shown : DataFrame
        The same as texts, from `trustlib.tables.readable`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> levels = tl.cell_means(cells)
    >>> [name.whole for name in row_names(levels, readable(levels))]
    ['a', 'b']
    """
    by = estimates.by
    frame = estimates.frame
    columns = []
    for place, column in enumerate(by):
        axes = [column] * len(frame)
        if column == "level" and by[0] == "axis":
            axes = frame["axis"].tolist()
        pairs = zip(axes, shown.iloc[:, place], strict=True)
        columns.append([called(axis, level, estimates.labels) for axis, level in pairs])
    if not columns:
        return [RowName("", "Everyone") for _ in range(len(frame))]
    groups = [""] * len(frame)
    if len(columns) > 1:
        groups = columns.pop(0)
    own = [", ".join(row) for row in zip(*columns, strict=True)]
    return [RowName(*pair) for pair in zip(groups, own, strict=True)]


def _alternative(
    title: str, names: list[str], estimates: Estimates, values: list[str]
) -> str:
    """What the picture shows, in words.

    Of what, how many rows, the lowest, the highest, and which are clear.
    """
    scale = scale_of(estimates.kind)
    outcome = heading(estimates.outcome, estimates.labels)
    begin = f"{title}."
    if outcome != title:
        begin = f"{title}. {outcome}:"
    seen = _extremes(names, estimates, [f"{value}{scale.unit}" for value in values])
    if scale.null is not None and len(names) > 1:
        seen += f" {clear(estimates, names)}"
    count = f"{len(names)} {scale.plural} with {INTERVAL}s."
    return f"{begin} {count} {seen} {evidence(estimates.source)}."


def _extremes(names: list[str], estimates: Estimates, values: list[str]) -> str:
    """In words: the lowest and the highest value, and how many are not defined."""
    estimate = estimates.frame["estimate"].to_numpy(float)
    defined = np.flatnonzero(np.isfinite(estimate))
    if len(estimate) == 1:
        text = values[0] if len(defined) else "not defined"
        return f"{names[0]}: {text}."
    if not len(defined):
        return "None of them is defined."
    low = defined[np.argmin(estimate[defined])]
    high = defined[np.argmax(estimate[defined])]
    text = (
        f"Lowest: {names[low]}, {values[low]}. Highest: {names[high]}, {values[high]}."
    )
    if len(defined) < len(estimate):
        text += f" Not defined: {len(estimate) - len(defined)}."
    return text
