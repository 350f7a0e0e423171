"""The picture of a robustness grid.

A reader sees in it whether the answer hangs on a choice of method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError
from trustlib.estimates import Estimates
from trustlib.figures import (
    DARK,
    DASHES,
    GRID,
    INK,
    QUIET,
    STYLE,
    WIDTH,
    Picture,
    plain,
    surround,
)
from trustlib.scales import Scale, scale_of
from trustlib.tables import INTERVAL, evidence, heading, readable
from trustlib.variance import Array

HOLLOW = "#757575"


@dataclass(frozen=True)
class _Curve:
    """The specifications of one gap, from the lowest to the highest."""

    scale: Scale
    null: float  # the value that means no difference
    value: Array  # (m,)
    low: Array  # (m,)
    high: Array  # (m,)
    firm: Array  # (m,) bool: the interval knows the design
    choices: pd.DataFrame  # (m,) those that differ
    levels: list[tuple[str, Any]]  # each choice with each level, as the grid has them
    texts: list[str]  # (m,) the value as readers see it

    @property
    def clear(self) -> Array:
        """Which intervals are without the value that means no difference."""
        excluded = (self.low > self.null) | (self.high < self.null)
        return self.firm & excluded

    def end(self, place: int) -> str:
        """A specification in words."""
        return f"{self.texts[place]} ({', '.join(self.choices.iloc[place])})"


def specification_curve(estimates: Estimates, title: str | None = None) -> Picture:
    """All specifications of one estimate, sorted, with their 95 % intervals.

    Below stand the choices that each rests on.

    Parameters
    ----------
    estimates : Estimates
        From `robustness`, two rows or more. A choice that is the same in all rows is
        not drawn. Filled points have an interval without the value that means no
        difference; those of Firth's method, whose intervals ignore the design, are
        never filled.
    title : str, optional

    Returns
    -------
    Picture

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        Fewer than two rows, or estimates that are no gaps.

    Notes
    -----
    Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4, 1208-1214. The
    specifications are not independent: that many of them agree is no test.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from trustlib.review import robustness
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": [1.0, 3.0] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 19 + [0.0] * 21
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> choices = {"weights": ("weighted", "unweighted"), "links": ["logit"]}
    >>> grid = robustness(design, "y", ["group"], {"group": "b"}, **choices)
    >>> picture = specification_curve(grid, title="b against a")
    >>> picture.alt.partition(",")[0]
    'b against a. 4 specifications of one gap'
    """
    import seaborn as sns

    shown = readable(estimates)
    estimates = estimates.showable()
    curve = _curve(estimates, shown)
    title = str(title or heading(estimates.outcome, estimates.labels))
    about = estimates.notes[:1]
    below = "\n".join([_note(curve, estimates), *about])
    with sns.axes_style("white", STYLE | {"axes.spines.bottom": False}):
        figure = _drawn(curve)
        surround(figure, title, estimates.source, below)
    seen = (
        f"{len(curve.value)} specifications of one gap, sorted, from {curve.end(0)} to "
        f"{curve.end(-1)}, with the choices behind each."
    )
    count = (
        f"The {INTERVAL} excludes {curve.null:g} in {curve.clear.sum()} of "
        f"{curve.firm.sum()} with design-based errors."
    )
    words = " ".join([seen, count, *about])
    return Picture(figure, f"{title}. {words} {evidence(estimates.source)}.")


def _curve(estimates: Estimates, shown: pd.DataFrame) -> _Curve:
    """The specifications in order."""
    choices = shown.iloc[:, : len(estimates.by)]
    choices = choices.loc[:, choices.nunique() > 1]
    scale = scale_of(estimates.kind)
    if choices.empty or scale.null is None:
        raise EstimandError(
            "Expected two or more specifications of a gap.",
            "Give the result of robustness.",
        )
    levels = [
        (choice, level) for choice in choices for level in choices[choice].unique()
    ]
    order = np.argsort(estimates.frame["estimate"].to_numpy(), kind="stable")
    frame = estimates.frame.iloc[order]
    links = np.array(frame.get("link", ["logit"] * len(frame)))
    texts = shown[scale.heading].iloc[order]
    return _Curve(
        scale,
        null=scale.null,
        value=frame["estimate"].to_numpy(),
        low=frame["conf_low"].to_numpy(),
        high=frame["conf_high"].to_numpy(),
        firm=links != "firth",
        choices=choices.iloc[order],
        levels=levels,
        texts=texts.tolist(),
    )


def _drawn(curve: _Curve) -> Any:
    """The figure: estimates above, choices below."""
    from matplotlib.figure import Figure

    heights = _heights(curve)
    room = 0.2 * heights[-1]
    size = (WIDTH, 4.2 + room)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    top, below = figure.subplots(2, sharex=True, height_ratios=[2.8, 0.4 + room])
    _draw_estimates(top, curve)
    _draw_choices(below, curve, heights)
    for ax in (top, below):
        ax.tick_params(labelsize=9)
    return figure


def _heights(curve: _Curve) -> Array:
    """Where the line of each level stands: with a little room between choices."""
    steps = [curve.choices.columns.get_loc(choice) for choice, _ in curve.levels]
    return np.arange(len(steps)) + 0.7 * np.array(steps)


def _draw_estimates(ax: Any, curve: _Curve) -> None:
    """Points with intervals, and a line at no difference."""
    x = np.arange(len(curve.value))
    factor = curve.scale.factor
    edge = np.where(curve.clear, DARK, HOLLOW)
    fill = np.where(curve.clear, DARK, "white")
    low = curve.low * factor
    high = curve.high * factor
    ax.vlines(x, low, high, color=edge, linewidth=1.4)
    ax.scatter(x, curve.value * factor, s=18, color=fill, edgecolors=edge, zorder=3)
    ax.axhline(curve.null, color=QUIET, linewidth=1, linestyle=DASHES, zorder=2)
    if curve.scale.log:
        ax.set_yscale("log")
    ax.set_ylabel(curve.scale.heading)
    ax.grid(axis="y", color=GRID, linewidth=0.8)


def _draw_choices(ax: Any, curve: _Curve, heights: Array) -> None:
    """A line of dots for each level, dark where a specification has it."""
    x = np.arange(len(curve.value))
    for (choice, level), height in zip(curve.levels, heights, strict=True):
        taken = x[(curve.choices[choice] == level).to_numpy()]
        everywhere = np.full(len(x), height)
        here = np.full(len(taken), height)
        ax.scatter(x, everywhere, s=7, color=GRID, linewidth=0)
        ax.scatter(taken, here, s=11, color=INK, linewidth=0)
    names = [plain(f"{choice}: {level}") for choice, level in curve.levels]
    ax.set_yticks(heights, names)
    ax.set(ylim=(heights[-1] + 0.6, -0.6), xticks=[])


def _note(curve: _Curve, estimates: Estimates) -> str:
    """What filled and hollow mean, and whether something is not there."""
    note = f"Filled: the {INTERVAL} excludes {curve.null:g}. Hollow: it does not"
    if not curve.firm.all():
        note += ", or is Firth's, which ignores the design"
    note += "."
    if any(text.startswith("Not fitted") for text in estimates.notes):
        note += " Some could not be fitted: see the table."
    return note
