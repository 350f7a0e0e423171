"""The picture of a robustness grid, in which a reader sees whether the answer hangs on a choice of method."""

from __future__ import annotations

import numpy as np

from trustlib.errors import EstimandError
from trustlib.estimates import Estimates
from trustlib.figures import (
    DARK,
    GRID,
    INK,
    NO_GAP,
    QUIET,
    STYLE,
    WIDTH,
    Picture,
    plain,
    surround,
)
from trustlib.tables import HEADINGS, INTERVAL, evidence, heading, readable


def specification_curve(estimates: Estimates, title: str | None = None) -> Picture:
    """All specifications of one estimate, sorted, with their 95 % intervals, above the choices that each rests on.

    Parameters
    ----------
    estimates : Estimates
        From `robustness`, two rows or more. A choice that is the same in all rows is not drawn. Filled points have an
        interval without the value that means no difference; those of Firth's method, whose intervals ignore the
        design, are never filled.
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
        raise EstimandError(
            "Expected two or more specifications of a gap.",
            "Give the result of robustness.",
        )
    none, title = (
        NO_GAP[kind],
        str(title or heading(estimates.outcome, estimates.labels)),
    )
    order = np.argsort(estimates.frame["estimate"].to_numpy(), kind="stable")
    value, low, high = (
        estimates.frame[["estimate", "conf_low", "conf_high"]].to_numpy()[order].T
    )
    firm = (
        np.array(estimates.frame.get("link", ["logit"] * len(order)))[order] != "firth"
    )
    clear, x, factor = (
        firm & ((low > none) | (high < none)),
        np.arange(len(order)),
        100 if kind == "difference" else 1,
    )
    marks = [(c, level) for c in choices for level in choices[c].unique()]
    y = np.arange(len(marks)) + 0.7 * np.array(
        [choices.columns.get_loc(c) for c, _ in marks]
    )
    with sns.axes_style("white", STYLE | {"axes.spines.bottom": False}):
        figure = Figure(
            figsize=(WIDTH, 4.2 + 0.2 * y[-1]), layout="constrained", facecolor="white"
        )
        top, below = figure.subplots(
            2, sharex=True, height_ratios=[2.8, 0.4 + 0.2 * y[-1]]
        )
        colour = np.where(clear, DARK, "#757575")
        top.vlines(x, low * factor, high * factor, color=colour, linewidth=1.4)
        top.scatter(
            x,
            value * factor,
            s=18,
            color=np.where(clear, DARK, "white"),
            edgecolors=colour,
            zorder=3,
        )
        top.axhline(none, color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=2)
        top.set(ylabel=HEADINGS[kind], yscale="log" if factor == none else "linear")
        top.grid(axis="y", color=GRID, linewidth=0.8)
        for (column, level), height in zip(marks, y, strict=True):
            taken = x[(choices[column] == level).to_numpy()[order]]
            below.scatter(x, np.full(len(x), height), s=7, color=GRID, linewidth=0)
            below.scatter(
                taken, np.full(len(taken), height), s=11, color=INK, linewidth=0
            )
        below.set_yticks(y, [plain(f"{column}: {level}") for column, level in marks])
        below.set(ylim=(y[-1] + 0.6, -0.6), xticks=[])
        for ax in (top, below):
            ax.tick_params(labelsize=9)
        firth = ", or is Firth's, which ignores the design" * (not firm.all())
        lost = " Some could not be fitted: see the table." * any(
            n.startswith("Not fitted") for n in estimates.notes
        )
        note = f"Filled: the {INTERVAL} excludes {none:g}. Hollow: it does not{firth}.{lost}"
        surround(
            figure, title, estimates.source, "\n".join([note, *estimates.notes[:1]])
        )
    ends = [
        f"{shown[HEADINGS[kind]].iloc[i]} ({', '.join(choices.iloc[i])})"
        for i in (order[0], order[-1])
    ]
    seen = f"{len(x)} specifications of one gap, sorted, from {ends[0]} to {ends[1]}, with the choices behind each."
    count = f"The {INTERVAL} excludes {none:g} in {clear.sum()} of {firm.sum()} with design-based errors."
    return Picture(
        figure,
        f"{title}. {' '.join([seen, count, *estimates.notes[:1]])} {evidence(estimates.source)}.",
    )
