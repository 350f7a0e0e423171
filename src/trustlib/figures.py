"""Pictures of estimates: quiet, direct labels, intervals and source always, and an alternative text of what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from trustlib.errors import EstimandError
from trustlib.estimates import Estimates
from trustlib.tables import HEADINGS, evidence, heading, readable

DPI = 144
WIDTH = 6.6  # inches
INK, QUIET = "#222222", "#595959"  # at least 7:1 on white
NO_GAP = {"difference": 0.0, "ratio": 1.0, "odds_ratio": 1.0, "coefficient": 0.0}


@dataclass(frozen=True)
class Picture:
    """A figure with its alternative text; shown as a picture in notebooks.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What a reader who cannot see the picture should know.
    """

    figure: Any
    alt: str

    def png(self) -> bytes:
        """The picture as PNG bytes, the alternative text within; the same each time."""
        stream = BytesIO()
        self.figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None, "Description": self.alt})
        return stream.getvalue()

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def forest(estimates: Estimates, title: str | None = None) -> Picture:
    """Points with 95 % intervals, one line for each row, in the order of the table.

    Parameters
    ----------
    estimates : Estimates
        Ratios are drawn on a log axis; a line marks no difference.
    title : str, optional

    Returns
    -------
    Picture

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    shown, estimates = readable(estimates), estimates.showable()
    frame, kind = estimates.frame, estimates.kind
    percent = kind in ("level", "difference")
    factor = 100 if percent else 1
    if kind == "interaction" and frame["measure"].nunique() > 1:
        hint = "Choose one, for example estimates.where(\"measure == 'reri_rr'\"), or show a table."
        raise EstimandError("Measures of interaction have different scales and do not share an axis.", hint)
    axes_columns = list(shown.columns[: len(estimates.by)])
    names = shown[axes_columns].agg(" · ".join, axis=1) if axes_columns else shown.iloc[:, 0].map(lambda _: "Everyone")
    what = shown[HEADINGS[kind]]
    colour_by = frame[estimates.by[0]] if len(estimates.by) > 1 else np.zeros(len(frame))
    title = str(title or heading(estimates.outcome, estimates.labels))
    with sns.axes_style("white", {"axes.edgecolor": QUIET, "font.family": ["DejaVu Sans"]}):
        figure = Figure(figsize=(WIDTH, 1.45 + 0.36 * len(frame)), layout="constrained", facecolor="white")
        ax = figure.add_subplot()
        y = np.arange(len(frame))
        palette = sns.color_palette("colorblind", len(set(colour_by)))
        colours = [palette[list(dict.fromkeys(colour_by)).index(c)] for c in colour_by]
        low, high = frame["conf_low"] * factor, frame["conf_high"] * factor
        ax.hlines(y, low, high, color=colours, linewidth=2.2)
        facts: dict = {"hue": y, "palette": colours, "s": 52, "legend": False, "zorder": 3, "edgecolor": "white"}
        sns.scatterplot(x=frame["estimate"] * factor, y=y, ax=ax, **facts)
        none = NO_GAP.get(kind)
        if none is not None:
            ax.axvline(none, color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
        if kind in ("ratio", "odds_ratio"):
            ax.set_xscale("log")
        ax.set_yticks(y, names.map(plain))
        ax.set(ylim=(len(frame) - 0.4, -0.6), ylabel="", xlabel=HEADINGS[kind])
        right = ax.secondary_yaxis("right")
        columns = zip(what, shown["95% interval"], shown["People"], strict=True)
        right.set_yticks(y, [f"{value} ({ends}), n {n}" for value, ends, n in columns])
        right.tick_params(length=0, labelsize=8.5, colors=INK)
        right.spines["right"].set_visible(False)
        ax.tick_params(axis="y", length=0, labelsize=9.5, colors=INK)
        ax.tick_params(axis="x", labelsize=9, colors=INK)
        ax.grid(axis="x", color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        surround(figure, title, estimates.source, "Lines: 95% intervals.")
    return Picture(figure, _alternative(title, names.tolist(), estimates, what.tolist()))


def specification_curve(estimates: Estimates, title: str | None = None) -> Picture:
    """All specifications of one estimate, sorted, with their 95 % intervals, above the choices that each rests on.

    Parameters
    ----------
    estimates : Estimates
        From `robustness`, two rows or more. A choice that is the same in all rows is not drawn. Filled points have an
        interval without the value that means no difference.
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
    Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4, 1208-1214. The specifications are not independent:
    that many of them agree is no test.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    shown, estimates = readable(estimates), estimates.showable()
    kind = estimates.kind
    choices = shown.iloc[:, : len(estimates.by)].loc[:, lambda f: f.nunique() > 1]
    if choices.empty or kind not in NO_GAP:
        raise EstimandError("Expected two or more specifications of a gap.", "Give the result of robustness.")
    none, title = NO_GAP[kind], str(title or heading(estimates.outcome, estimates.labels))
    order = np.argsort(estimates.frame["estimate"].to_numpy(), kind="stable")
    value, low, high = estimates.frame[["estimate", "conf_low", "conf_high"]].to_numpy()[order].T
    clear, x, factor = (low > none) | (high < none), np.arange(len(order)), 100 if kind == "difference" else 1
    marks = [(c, level) for c in choices for level in choices[c].unique()]
    y = np.arange(len(marks)) + 0.7 * np.array([choices.columns.get_loc(c) for c, _ in marks])
    with sns.axes_style("white", {"axes.edgecolor": QUIET, "font.family": ["DejaVu Sans"]}):
        figure = Figure(figsize=(WIDTH, 4.2 + 0.2 * y[-1]), layout="constrained", facecolor="white")
        top, below = figure.subplots(2, sharex=True, height_ratios=[2.8, 0.4 + 0.2 * y[-1]])
        colour = [sns.color_palette("colorblind")[0] if c else QUIET for c in clear]
        top.vlines(x, low * factor, high * factor, color=colour, linewidth=1.4)
        inside = [c if filled else "white" for c, filled in zip(colour, clear, strict=True)]
        top.scatter(x, value * factor, s=18, color=inside, edgecolors=colour, zorder=3)
        top.axhline(none, color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=2)
        top.set(ylabel=HEADINGS[kind], yscale="log" if factor == none else "linear")
        top.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        for (column, level), height in zip(marks, y, strict=True):
            taken = x[(choices[column] == level).to_numpy()[order]]
            below.scatter(x, np.full(len(x), height), s=7, color="#e6e6e6", linewidth=0)
            below.scatter(taken, np.full(len(taken), height), s=11, color=INK, linewidth=0)
        below.set_yticks(y, [plain(f"{column}: {level}") for column, level in marks])
        below.set(ylim=(y[-1] + 0.6, -0.6), xticks=[])
        for ax in (top, below):
            ax.tick_params(length=0, labelsize=9, colors=INK)
            sns.despine(ax=ax, bottom=True, left=True)
        left = any(note.startswith("Not fitted") for note in estimates.notes)
        note = f"Filled: the 95% interval excludes {none:g}." + " Some could not be fitted: see the table." * left
        note = "\n".join([note, *estimates.notes[:1]])
        surround(figure, title, estimates.source, note)
    ends = [f"{shown[HEADINGS[kind]].iloc[i]} ({', '.join(choices.iloc[i])})" for i in (order[0], order[-1])]
    seen = f"{len(x)} specifications of one gap, sorted, from {ends[0]} to {ends[1]}, with the choices behind each."
    count = f"The 95% interval excludes {none:g} in {clear.sum()} of {len(x)}."
    return Picture(figure, f"{title}. {' '.join([seen, count, *estimates.notes[:1]])} {evidence(estimates.source)}.")


def surround(figure: Any, title: str, source: dict, note: str) -> None:
    """Title, source and, for synthetic data, the mark across the picture."""
    figure.suptitle(plain(_wrap(title)), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
    words = "\n".join(_wrap(line, 120) for line in f"{evidence(source)}. {note}".splitlines())
    figure.supxlabel(plain(words), fontsize=8, color=QUIET, x=0.01, ha="left")
    if source.get("kind") == "synthetic":
        mark: dict = {"fontsize": 44, "color": "#c0392b", "alpha": 0.18, "rotation": 20, "ha": "center", "va": "center"}
        figure.text(0.5, 0.5, "SYNTHETIC", **mark)


def plain(text: str) -> str:
    """A dollar sign as itself: between two of them matplotlib would set mathematics."""
    return text.replace("$", r"\$")


def _wrap(text: str, width: int = 72) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _alternative(title: str, names: list[str], estimates: Estimates, shown: list[str]) -> str:
    """What the picture shows, in words: how many rows, the lowest and the highest."""
    value = estimates.frame["estimate"].to_numpy()
    unit = {"level": " percent", "difference": " points"}.get(estimates.kind, "")
    kind = {"level": "percentages", "difference": "gaps", "ratio": "ratios", "odds_ratio": "odds ratios"}
    if len(value) == 1:
        seen = f"{names[0]}: {shown[0]}{unit}."
    else:
        low, high = int(np.nanargmin(value)), int(np.nanargmax(value))
        seen = f"Lowest: {names[low]}, {shown[low]}{unit}. Highest: {names[high]}, {shown[high]}{unit}."
    what = f"{len(value)} {kind.get(estimates.kind, 'estimates')} with 95% intervals"
    return f"{title}. {what}. {seen} {evidence(estimates.source)}."
