"""Pictures of estimates: quiet, direct labels, intervals and source always, and an alternative text of what is seen."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from textwrap import fill
from typing import Any

import numpy as np

from trustlib import letters
from trustlib.errors import EstimandError
from trustlib.escaping import html_text, terminal_text, visible
from trustlib.estimates import Estimates
from trustlib.tables import (
    BOTH,
    HEADINGS,
    INTERVAL,
    UNDEFINED,
    evidence,
    heading,
    readable,
)

DPI = 144
WIDTH = 6.6  # inches
INK, QUIET, DARK, GRID = (
    "#222222",
    "#595959",
    "#17495c",
    "#e6e6e6",
)  # all but the grid: at least 7:1 on white
STYLE: dict = {
    "axes.facecolor": "none",
    "axes.edgecolor": QUIET,
    "xtick.color": INK,
    "ytick.color": INK,
}
STYLE |= {"font.family": ["DejaVu Sans"]} | {
    f"axes.spines.{side}": False for side in ("top", "right", "left")
}
LONGEST_LEVEL = 200  # letters of a level in a picture
NO_GAP = {"difference": 0.0, "ratio": 1.0, "odds_ratio": 1.0, "coefficient": 0.0}
UNITS = {"level": " percent", "difference": " points"}
LOG = (
    lambda x: np.log(np.maximum(x, 1e-9)),
    np.exp,
)  # an axis for ratios, with its ticks at plain numbers


@dataclass(frozen=True)
class Picture:
    """A figure with its alternative text; shown as a picture in notebooks.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        What a reader who cannot see the picture should know.
    names : tuple of str
        What stands for [1], [2], ... in the picture: words whose letters no font of this machine has. They are told
        beside the picture and in its alternative text.
    """

    figure: Any
    alt: str
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See to it that every letter can be drawn."""
        names = letters.drawable(self.figure, self.names)
        if names:
            object.__setattr__(self, "names", names)
            object.__setattr__(self, "alt", f"{self.alt} {letters.told(names)}")

    def png(self) -> bytes:
        """The picture as PNG bytes, the alternative text within; the same each time."""
        stream = BytesIO()
        self.figure.savefig(
            stream,
            format="png",
            dpi=DPI,
            metadata={"Software": None, "Description": self.alt},
        )
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


def forest(estimates: Estimates, title: str | None = None) -> Picture:
    """Points with 95 % intervals, one line for each row, in the order of the table.

    Parameters
    ----------
    estimates : Estimates
        Ratios are drawn on a log axis; a line marks no difference. What several rows share stands once above them.
    title : str, optional

    Returns
    -------
    Picture
        Gaps that are all zero and have no interval (`MaihdaFit.excess` on the boundary) are said in one line.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    """
    import seaborn as sns
    from matplotlib.figure import Figure

    shown, estimates = readable(estimates), estimates.showable()
    frame, kind, people = estimates.frame, estimates.kind, shown.columns[-1]
    title = str(title or heading(estimates.outcome, estimates.labels))
    if kind == "interaction" and frame["measure"].nunique() > 1:
        hint = "Choose one, for example estimates.where(\"measure == 'reri_rr'\"), or show a table."
        raise EstimandError(
            "Measures of interaction have different scales and do not share an axis.",
            hint,
        )
    groups, own, names = _named(estimates, shown)
    alt = _alternative(title, names, estimates, shown[HEADINGS[kind]].tolist())
    texts = [
        _beside_point(*told)
        for told in shown[[HEADINGS[kind], INTERVAL, people]].to_numpy()
    ]
    note = f"Lines: {INTERVAL}s. n: people{' of both groups' * (people == BOTH)}."
    if (
        kind == "difference"
        and frame["conf_low"].isna().all()
        and not frame["estimate"].any()
    ):
        note = f"All {len(frame)} are zero, without interval: no variance beyond the additive part was found."
        alt = f"{title}. {note} {evidence(estimates.source)}."
        groups, names, texts, frame = (
            [""],
            [f"Each of the {len(frame)}"],
            ["0.0"],
            frame[:1],
        )
    factor = 100 if kind in UNITS else 1
    ends = frame[["conf_low", "estimate", "conf_high"]].to_numpy(float) * factor
    low, value, high = np.where(np.isfinite(ends), ends, np.nan).T
    alike = len(set(groups)) < len(groups) and estimates.by[:1] != ("axis",)
    heads = {group for group in groups if alike or groups.count(group) > 1} - {""}
    rows: list[
        tuple[str, bool]
    ] = []  # a name, and whether it stands above the others of its group
    for i, group in enumerate(groups):
        rows += [(group, True)] * (group in heads and groups[i - 1 : i] != [group])
        rows.append((own[i] if group in heads else names[i], False))
    labels, above = (
        np.array([plain(fill(name, 26)) for name, _ in rows]),
        np.array([head for _, head in rows]),
    )
    lines = np.cumsum([1 + 0.5 * label.count("\n") for label in labels])
    with sns.axes_style("white", STYLE):
        figure = Figure(
            figsize=(WIDTH, 1.45 + 0.34 * lines[-1]),
            layout="constrained",
            facecolor="white",
        )
        ax, y = figure.add_subplot(), lines[~above]
        ax.hlines(y, low, high, color=DARK, linewidth=2.2)
        ax.plot(value, y, "o", color=DARK, markersize=7, markeredgecolor="white")
        if kind in NO_GAP:
            ax.axvline(
                NO_GAP[kind], color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=0
            )
        if NO_GAP.get(kind) == 1:
            ax.set_xscale("function", functions=LOG)
        ax.set(xlabel=HEADINGS[kind], ylim=(lines[-1] + 0.6, lines[0] - 0.6))
        if np.isnan(value).all():  # without a value there is nothing to measure
            ax.set_xticks([])
        ax.set_yticks(y, labels[~above])
        ax.set_yticks(lines[above], labels[above], minor=True, fontweight="bold")
        ax.tick_params(which="both", labelsize=9)
        for height, text in zip(y, texts, strict=True):
            ax.text(
                1.02,
                height,
                text,
                transform=ax.get_yaxis_transform(),
                fontsize=8.5,
                color=INK,
                va="center",
            )
        ax.grid(axis="x", color=GRID, linewidth=0.8)
        surround(figure, title, estimates.source, note)
    return Picture(figure, alt)


def surround(
    figure: Any, title: str, source: dict, note: str, above: bool = False
) -> None:
    """Title, source and, for synthetic data, the mark across the picture: below its points and numbers, or above."""
    figure.suptitle(
        plain(fill(title, 72)),
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
        fontweight="bold",
    )
    words = "\n".join(
        fill(line, 108) for line in f"{evidence(source)}. {note}".splitlines()
    )
    figure.supxlabel(plain(words), fontsize=8, color=QUIET, x=0.01, ha="left")
    if source.get("kind") == "synthetic":
        mark: dict = {
            "fontsize": 44,
            "color": "#c0392b",
            "alpha": 0.16,
            "rotation": 20,
            "ha": "center",
            "va": "center",
        }
        figure.text(0.5, 0.5, "SYNTHETIC", zorder=3 if above else -1, **mark)


def plain(text: str) -> str:
    """A text as itself: between two dollar signs matplotlib would set mathematics."""
    return terminal_text(text).replace("$", r"\$")


def _beside_point(value: str, interval: str, people: str) -> str:
    """What stands at the end of a row; a dash where a measure is not defined."""
    if value == UNDEFINED:
        return f"{value}, n {people}"
    return f"{value} ({interval}), n {people}"


def called(axis: str, level: Any, labels: dict) -> str:
    """A level by its own name; a bare yes or no by that of its axis too. Several at once: "gender, lgbtq"."""
    axes, levels = axis.split(", "), str(level).split(", ")
    if len(axes) == len(levels) > 1:
        return ", ".join(
            called(a, v, labels) for a, v in zip(axes, levels, strict=True)
        )
    answers = {"yes": heading(axis, labels), "no": f"not {heading(axis, labels)}"}
    return answers.get(str(level).lower(), visible(level, LONGEST_LEVEL))


def clear(estimates: Estimates, names: list[str]) -> str:
    """In words: how many intervals exclude the value that means no difference, and the first of them."""
    none, frame = NO_GAP[estimates.kind], estimates.frame
    rows = np.flatnonzero((frame["conf_low"] > none) | (frame["conf_high"] < none))
    which = "; ".join(
        [*(names[i] for i in rows[:4]), *[f"{len(rows) - 4} more"] * (len(rows) > 4)]
    )
    told = f": {which}" * (0 < len(rows) < len(frame))
    return f"The interval excludes {none:g} in {len(rows)} of {len(frame)}{told}."


def _named(estimates: Estimates, shown: Any) -> tuple[list[str], list[str], list[str]]:
    """Of each row what it stands under, if anything, its name there, and its whole name."""
    frame, labels, by = estimates.frame, estimates.labels, list(estimates.by)
    axes = [
        frame["axis"] if c == "level" and by[0] == "axis" else [c] * len(frame)
        for c in by
    ]
    texts = [
        [called(*pair, labels) for pair in zip(axes[i], shown.iloc[:, i], strict=True)]
        for i in range(len(by))
    ]
    groups = texts.pop(0) if len(by) > 1 else [""] * len(frame)
    own = [
        ", ".join(row)
        for row in zip(*(texts or [["Everyone"] * len(frame)]), strict=True)
    ]
    whole = [
        n if g in ("", n, n.removeprefix("not ")) else f"{g}: {n}"
        for g, n in zip(groups, own, strict=True)
    ]
    return groups, own, whole


def _alternative(
    title: str, names: list[str], estimates: Estimates, shown: list[str]
) -> str:
    """What the picture shows, in words: of what, how many rows, the lowest, the highest, and which are clear."""
    kind = estimates.kind
    outcome = heading(estimates.outcome, estimates.labels)
    unit = UNITS.get(kind, "")
    what = {
        "level": "percentages",
        "difference": "gaps",
        "ratio": "ratios",
        "odds_ratio": "odds ratios",
    }
    seen = _ends(names, estimates, [f"{text}{unit}" for text in shown])
    if kind in NO_GAP and len(names) > 1:
        seen += f" {clear(estimates, names)}"
    told = f"{title}. {outcome}:" if outcome != title else f"{title}."
    return f"{told} {len(names)} {what.get(kind, 'estimates')} with {INTERVAL}s. {seen} {evidence(estimates.source)}."


def _ends(names: list[str], estimates: Estimates, shown: list[str]) -> str:
    """In words: the lowest and the highest of the values, and how many are not defined."""
    value = estimates.frame["estimate"].to_numpy(float)
    defined = np.flatnonzero(np.isfinite(value))
    if len(value) == 1:
        text = shown[0] if len(defined) else "not defined"
        return f"{names[0]}: {text}."
    if not len(defined):
        return "None of them is defined."
    low, high = (defined[find(value[defined])] for find in (np.argmin, np.argmax))
    told = f"Lowest: {names[low]}, {shown[low]}. Highest: {names[high]}, {shown[high]}."
    if len(defined) < len(value):
        told += f" Not defined: {len(value) - len(defined)}."
    return told
