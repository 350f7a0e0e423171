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

    shown = readable(estimates)
    frame, kind = estimates.frame, estimates.kind
    percent = kind in ("level", "difference")
    factor = 100 if percent else 1
    if kind == "interaction" and frame["measure"].nunique() > 1:
        raise EstimandError(
            "Measures of interaction have different scales and do not share an axis.",
            "Choose one, for example estimates.where(\"measure == 'reri_rr'\"), or show a table.",
        )
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
        sns.scatterplot(
            x=frame["estimate"] * factor,
            y=y,
            hue=y,
            palette=colours,
            s=52,
            ax=ax,
            legend=False,
            zorder=3,
            edgecolor="white",
        )
        none = {"difference": 0.0, "ratio": 1.0, "odds_ratio": 1.0, "coefficient": 0.0}.get(kind)
        if none is not None:
            ax.axvline(none, color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=0)
        if kind in ("ratio", "odds_ratio"):
            ax.set_xscale("log")
        ax.set_yticks(y, names.map(_plain))
        ax.set(ylim=(len(frame) - 0.4, -0.6), ylabel="", xlabel=HEADINGS[kind])
        right = ax.secondary_yaxis("right")
        right.set_yticks(
            y, [f"{v} ({i}), n {n}" for v, i, n in zip(what, shown["95% interval"], shown["People"], strict=True)]
        )
        right.tick_params(length=0, labelsize=8.5, colors=INK)
        right.spines["right"].set_visible(False)
        ax.tick_params(axis="y", length=0, labelsize=9.5, colors=INK)
        ax.tick_params(axis="x", labelsize=9, colors=INK)
        ax.grid(axis="x", color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        figure.suptitle(_plain(_wrap(title)), x=0.01, ha="left", fontsize=11, color=INK, fontweight="bold")
        figure.supxlabel(
            f"{_plain(evidence(estimates.source))}. Lines: 95% intervals.", fontsize=8, color=QUIET, x=0.01, ha="left"
        )
        if estimates.source.get("kind") == "synthetic":
            figure.text(
                0.5, 0.5, "SYNTHETIC", fontsize=44, color="#c0392b", alpha=0.18, rotation=20, ha="center", va="center"
            )
    return Picture(figure, _alternative(title, names.tolist(), estimates, what.tolist()))


def _plain(text: str) -> str:
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
    return (
        f"{title}. {len(value)} {kind.get(estimates.kind, 'estimates')} with 95% intervals. {seen} "
        f"{evidence(estimates.source)}."
    )
