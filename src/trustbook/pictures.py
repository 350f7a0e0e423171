"""Pictures that answer one question each: how cells differ, who is in several groups, what changed, and where.

They share the quiet style of `trustlib.figures`: one width, direct labels in place of legends, intervals and numbers of
people beside every value, the kind of evidence below and, on synthetic data, the mark across. Each passes the
disclosure gate. The alternative text says what a reader should take from the picture. A title names what is shown; what
it means is left to the page. The numbers behind a picture are those of the estimates: `publish` them beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations as choose
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from trustlib import figures, letters
from trustlib.cells import Cells, combinations
from trustlib.disclosure import MINIMUM, masked_count, require_showable
from trustlib.errors import EstimandError, axis_names, require_a, require_names
from trustlib.estimates import COLUMNS, Estimates, axis_levels
from trustlib.figures import (
    DARK,
    GRID,
    INK,
    LOG,
    NO_GAP,
    QUIET,
    UNITS,
    Picture,
    called,
    clear,
    plain,
    surround,
)
from trustlib.intervals import INTERVALS
from trustlib.tables import (
    BOTH,
    HEADINGS,
    INTERVAL,
    evidence,
    heading,
    number,
    readable,
)
from trustlib.variance import Array

TOGETHER = "#b34e00"  # of a mean: 5:1 on white
LIGHT = "#6baed6"  # the darkest colour of a cell: ink on it has a contrast of 6:1
SMALL, TEXT, LARGE = 8.5, 9.5, 14  # sizes of letters, in points
CELL = 0.96  # inches that a percentage with its interval needs
PERCENT = "\N{NO-BREAK SPACE}%"
COUNTRIES = {
    "AU": "Australia", "BR": "Brazil", "CA": "Canada", "DE": "Germany", "ES": "Spain", "FR": "France", "JP": "Japan",
    "MX": "Mexico", "UK": "United Kingdom", "US": "United States",
}  # fmt: skip


def heat_map(
    levels: Estimates,
    rows: str | None = None,
    columns: str | None = None,
    title: str | None = None,
) -> Picture:
    """Percentages of all cells of two axes, with interval and people in each; one part for each level of the others.

    Parameters
    ----------
    levels : Estimates
        Of kind level, with two by-columns or more.
    rows, columns : str, optional
        Two of the by-columns. By default the one with the most levels, and the next; of equals the first.
    title : str, optional

    Returns
    -------
    Picture
        The colour begins at zero, so that twice as dark is about twice as many. A combination that nobody has is left
        white.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        No levels, fewer than two by-columns, or more than twelve columns.
    """
    import seaborn as sns

    levels, shown = _texts(levels, "level")
    frame, title = levels.frame, str(title or heading(levels.outcome, levels.labels))
    found = {
        c: [v for v in axis_levels(frame[c]) if (frame[c] == v).any()]
        for c in levels.by
    }
    if len(found) < 2:
        raise EstimandError(
            f"A heat map has two axes or more, got {list(found)}.",
            "Show one axis with forest(...).",
        )
    require_names("axis", [c for c in (rows, columns) if c is not None], found)
    order = sorted(found, key=lambda c: -len(found[c]))
    rows = rows or next(c for c in order if c != columns)
    columns = columns or next(c for c in order if c != rows)
    wide, rest = len(found[columns]), [c for c in levels.by if c not in (rows, columns)]
    if rows == columns or wide > 12:
        hint = "Choose another axis for columns=, or band it."
        raise EstimandError(
            f"Expected up to 12 columns and other rows, got {wide} of {columns!r}.",
            hint,
        )
    parts, part = combinations(frame, rest)
    per_line = max(1, min(len(parts), int(5.5 / (wide * CELL))))
    lines = -(-len(parts) // per_line)
    value, top = (
        100 * frame["estimate"].to_numpy(),
        10 * np.ceil(10 * frame["estimate"].max() + 1e-9),
    )
    tall = len(found[rows]) * (0.78 if wide <= 5 else 0.5)
    with _style():
        figure = _figure(1.35 + lines * (tall + (0.8 if rest else 0.5)))
        grid = figure.subplots(lines, per_line, squeeze=False)
        for ax in grid.flat[len(parts) :]:
            ax.set_visible(False)
        for k, ax in enumerate(grid.flat[: len(parts)]):
            filled = np.full((len(found[rows]), wide), np.nan)
            for i in np.flatnonzero(part == k):
                at = (
                    found[rows].index(frame[rows].iloc[i]),
                    found[columns].index(frame[columns].iloc[i]),
                )
                filled[at] = value[i]
                _written(ax, at, shown.iloc[i], wide)
            facts: dict = {
                "vmin": 0,
                "vmax": top,
                "edgecolors": "white",
                "linewidth": 2,
            }
            ax.pcolormesh(
                np.ma.masked_invalid(filled),
                cmap=sns.light_palette(LIGHT, as_cmap=True),
                **facts,
            )
            ax.invert_yaxis()
            ax.xaxis.tick_top()
            ax.xaxis.set_label_position("top")
            across, down = (
                [_called(c, v, levels.labels) for v in found[c]]
                for c in (columns, rows)
            )
            ax.set_xticks(
                np.arange(wide) + 0.5,
                _wrapped(across, int(66 * 0.8 / (wide * per_line))),
            )
            first = k % per_line == 0
            ax.set_yticks(
                np.arange(len(down)) + 0.5, _wrapped(down, 14) if first else []
            )
            ax.set_xlabel(
                plain(heading(columns, levels.labels)), fontsize=SMALL, color=QUIET
            )
            ax.set_ylabel(
                plain(heading(rows, levels.labels)) if first else "",
                fontsize=SMALL,
                color=QUIET,
            )
            ax.tick_params(length=0, labelsize=TEXT, colors=INK)
            sns.despine(ax=ax, left=True, bottom=True)
            if rest:
                name = ", ".join(
                    _called(c, parts[c].iloc[k], levels.labels) for c in rest
                )
                ax.set_title(
                    _wrapped([name], 66 // per_line)[0],
                    fontsize=TEXT,
                    color=INK,
                    loc="left",
                )
        told = f"percent, {f'{INTERVAL}, ' * (wide <= 5)}people (n). Darker: more, from 0 to {top:.0f} percent."
        surround(figure, title, levels.source, f"\nIn each cell: {told}", above=True)
    axes = " by ".join(heading(c, levels.labels) for c in (rows, columns, *rest))
    seen = f"{len(frame)} percentages with {INTERVAL}s in a grid, {axes}. {_extremes(levels, shown)}"
    return Picture(figure, f"{title}. {seen} {evidence(levels.source)}.")


def _written(ax: Any, at: tuple[int, int], texts: pd.Series, wide: int) -> None:
    """Value, interval and people of one cell, one below the other."""
    small = SMALL if wide <= 3 else SMALL - 1.5
    lines: list[tuple[str, float, float]] = [
        (texts["value"], LARGE if wide <= 3 else TEXT + 1.5, 11)
    ]
    lines += [(texts["interval"], small, -5)] * (wide <= 5) + [
        (f"n {texts['n']}", small, -17)
    ]
    for text, size, rise in lines:
        place: dict = {
            "xytext": (0, rise + 0.0 if wide <= 5 else rise / 2),
            "textcoords": "offset points",
        }
        ax.annotate(
            text,
            (at[1] + 0.5, at[0] + 0.5),
            ha="center",
            va="center",
            color=INK,
            fontsize=size,
            **place,
        )


def membership(cells: Cells, axes: Sequence[str] | None = None) -> Estimates:
    r"""Share of all people that each combination of identities has, with its design-based standard error.

    .. math:: \hat s_g = W_g\Big/\sum_h W_h

    Parameters
    ----------
    cells : Cells
    axes : sequence of str, optional
        By default all axes of the cells; each with two levels.

    Returns
    -------
    Estimates
        Of kind level, one row for each combination that may be shown. A combination is left out if it rests on fewer
        than 10 people, or 10 with or without the outcome. So that it cannot be had from a margin by subtraction, the
        smallest others are left out too until those left out in each margin are 10 people or more. How many people all
        of them have together is a note.

    Raises
    ------
    DisclosureError
        No combination may be shown.
    EstimandError
        An axis has not two levels.

    Notes
    -----
    R: ``svymean(~interaction(gender, ethnicity), design)``, ``svyciprop(..., method = "logit")``. Left out are whole
    rows, of counts that are no part of a percentage: elsewhere a table with one small row is refused (see
    `trustlib.disclosure`). `trustbook.attack` tries this table together with all others.
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    by = axis_names(cells.by if axes is None else axes, cells.by)
    if not by or any(cells.frame[c].nunique() != 2 for c in by):
        found = {c: cells.frame[c].nunique() for c in by}
        raise EstimandError(
            f"Expected axes of two levels, got {found}.",
            "Choose the people of two levels first.",
        )
    named, group = combinations(
        cells.frame.assign(**{c: _two_levels(cells.frame[c]) for c in by}), by
    )
    counts = cells.counts(by)
    kept = ~_left_out(counts, by)
    if not kept.any():
        require_showable(
            counts["smallest"].to_numpy(),
            [", ".join(map(str, row)) for row in named.values],
            "This set",
        )
    weight, member = (
        cells.frame["sum_w"].to_numpy(float),
        (np.arange(len(named))[:, None] == group).astype(float),
    )
    p = member @ weight / weight.sum()
    change = np.hstack([member - p[:, None], 0 * member]) / weight.sum()
    vcov, p, n = (
        cells.scatter.covariance(change)[np.ix_(kept, kept)],
        p[kept],
        counts["n"].to_numpy(),
    )
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    df = cells.row_df(change)[kept]
    low, high = INTERVALS["logit"](p, se, df, n[kept])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (
            p,
            se,
            low,
            high,
            np.nan,
            np.nan,
            df,
            n[kept],
            p * (1 - p) / se**2,
        )
    # A column `raw` would be the people with the outcome: it is empty, and the attack does not mistake shares for them.
    frame = (
        named[kept]
        .reset_index(drop=True)
        .assign(**dict(zip(COLUMNS, values, strict=True)), raw=np.nan)
    )
    rest = masked_count(int(n[~kept].sum())).capitalize()
    notes = (
        f"{rest} people are in combinations that are not shown: too few are in one of them.",
    ) * (not kept.all())
    convention = (
        f"{cells.variance}; {cells.df_words}; logit interval; share of all people"
    )
    facts: dict[str, Any] = {
        "source": cells.source,
        "labels": cells.labels,
        "notes": notes,
    }
    smallest = counts["smallest"].to_numpy()[kept]
    return Estimates(
        frame,
        vcov,
        "level",
        tuple(by),
        convention,
        cells.outcome,
        smallest,
        cells.df,
        **facts,
    )


def _two_levels(column: pd.Series) -> pd.Series:
    """An axis without the levels that nobody has."""
    return (
        column.cat.remove_unused_categories() if column.dtype == "category" else column
    )


def _left_out(counts: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Which combinations are not shown: those that fail the gate, and the smallest that would give them away."""
    n, out = counts["n"].to_numpy(), counts["smallest"].to_numpy() < MINIMUM
    margins = [
        combinations(counts, list(fixed))[1]
        for k in range(len(by))
        for fixed in choose(by, k)
    ]
    groups = [
        np.flatnonzero(margin == g)
        for margin in margins
        for g in range(margin.max() + 1)
    ]
    before = -1
    while before != (before := out.sum()):
        for rows in groups:
            shown = rows[~out[rows]]
            if len(shown) and 0 < n[rows][out[rows]].sum() < MINIMUM:
                out[shown[np.argmin(n[shown])]] = True
    return out


def overlaps(
    shares: Estimates, yes: Mapping[str, str] | None = None, title: str | None = None
) -> Picture:
    """How many people have which combination of identities: dots say which, bars how many (an UpSet plot).

    Parameters
    ----------
    shares : Estimates
        From `membership`.
    yes : mapping, optional
        Axis -> the level whose dot is filled, for example ``{"gender": "woman"}``; by default the second level.
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
    Lex et al. (2014), IEEE Trans. Vis. Comput. Graph. 20, 1983-1992. R: ``UpSetR::upset``, which counts people without
    weights and without intervals.
    """
    import seaborn as sns

    shares, shown = _texts(shares, "level")
    frame, by = shares.frame, list(shares.by)
    title = str(
        title
        or "People by combination of "
        + ", ".join(heading(c, shares.labels) for c in by)
    )
    require_names("axis", yes or {}, by)
    chosen = {c: (yes or {}).get(c, axis_levels(frame[c])[-1]) for c in by}
    for c, level in chosen.items():
        require_names(f"level of {c}", [level], axis_levels(frame[c]))
    if not 2 <= len(by) <= 5:
        raise EstimandError(
            f"Expected two to five axes, got {len(by)}.",
            "Give membership(...) fewer axes.",
        )
    names = [_called(c, level, shares.labels) for c, level in chosen.items()]
    order = np.argsort(-frame["estimate"].to_numpy(), kind="stable")
    has = np.column_stack(
        [(frame[c] == level).to_numpy() for c, level in chosen.items()]
    )[order]
    value, low, high = (
        100 * frame[["estimate", "conf_low", "conf_high"]].to_numpy()[order].T
    )
    said, y, x = shown.iloc[order], np.arange(len(frame)), np.arange(len(by))
    column = min(0.72, 3.0 / len(by))
    with _style():
        figure = _figure(1.75 + 0.27 * len(frame))
        matrix, bars = figure.subplots(
            1, 2, width_ratios=[column * len(by), 4.1 - column * len(by)]
        )
        blue = sns.color_palette("colorblind")[0]
        for ax in (matrix, bars):
            for row in y[::2]:
                ax.axhspan(
                    row - 0.5,
                    row + 0.5,
                    color="black",
                    alpha=0.04,
                    linewidth=0,
                    zorder=0,
                )
            ax.set_ylim(len(frame) - 0.5, -0.5)
            ax.tick_params(length=0, labelsize=SMALL, colors=INK)
            sns.despine(ax=ax, left=True, bottom=True)
        every = np.array([(i, j) for i in y for j in x])
        matrix.scatter(
            every[:, 1],
            every[:, 0],
            s=46,
            color=np.where(has.ravel()[:, None], [blue], 0.85),
            linewidth=0,
        )
        matrix.hlines(
            y,
            [_end(row, x, min) for row in has],
            [_end(row, x, max) for row in has],
            color=blue,
            linewidth=2,
        )
        matrix.xaxis.tick_top()
        matrix.set(xlim=(-0.5, len(by) - 0.5), yticks=[])
        matrix.set_xticks(x, _wrapped(names, int(column / 0.073)))
        bars.barh(y, value, height=0.62, color=[*blue, 0.55])
        bars.hlines(y, low, high, color=INK, linewidth=1.2)
        bars.set(xlim=(0, None), xticks=[])
        bars.yaxis.tick_right()
        bars.set_yticks(
            y,
            [
                f"{v}{PERCENT} ({ends}), n {n}"
                for v, ends, n in said.itertuples(index=False)
            ],
        )
        note = (
            "Filled dots: what the people of a line are. Bars: share of all people; lines: "
            + INTERVAL
            + "s."
        )
        surround(figure, title, shares.source, "\n".join(["", note, *shares.notes]))
    who = [", ".join(np.array(names)[row]) or "none of these" for row in has]
    several = f"{value[has.sum(axis=1) > 1].sum():.1f} percent of people have two or more of them"
    several = (
        several.replace(" percent", " percent or more") if shares.notes else several
    )
    ends = [
        f"{who[i]}, {said['value'].iloc[i]} percent (n {said['n'].iloc[i]})"
        for i in (0, -1)
    ]
    seen = f"{len(frame)} combinations of {', '.join(names)}. Largest: {ends[0]}. Smallest: {ends[1]}. {several}."
    return Picture(
        figure,
        " ".join([f"{title}.", seen, *shares.notes, f"{evidence(shares.source)}."]),
    )


def _end(row: Array, x: Array, end: Any) -> float:
    """Where the line through the filled dots of a row begins or ends."""
    return float(end(x[row])) if row.any() else np.nan


def slopes(
    estimates: Estimates,
    over: str = "wave",
    panels: str | None = "country",
    title: str | None = None,
) -> Picture:
    """Two waves side by side, one line for each group, value and people at both ends; one part for each country.

    Parameters
    ----------
    estimates : Estimates
        Levels or gaps, with `over` among the by-columns.
    over : str
        The by-column with the two waves.
    panels : str or None
        The by-column with a part of the picture for each level, all on one scale. It is left alone if it is not there,
        or if nothing else would tell the lines apart.
    title : str, optional

    Returns
    -------
    Picture
        Thin bars are 95 % intervals, of each end by itself: whether a change is clear is said by `trustlib.change`.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        There are not two levels of `over`.
    """
    import seaborn as sns

    estimates, shown = _texts(estimates, "level", "difference")
    frame, labels, percent = (
        estimates.frame,
        estimates.labels,
        estimates.kind == "level",
    )
    require_names("by-column", [over], estimates.by)
    title = str(title or heading(estimates.outcome, labels))
    waves = [v for v in axis_levels(frame[over]) if (frame[over] == v).any()]
    if len(waves) != 2:
        raise EstimandError(
            f"Expected two levels of {over!r}, got {waves}.",
            "Choose two with .where(...).",
        )
    others = [c for c in estimates.by if c != over]
    facets = [panels] if panels in others and len(others) > 1 else []
    parts, part = combinations(frame, facets)
    lines, line = combinations(frame, [c for c in others if c not in facets])
    names = [
        ", ".join(_called(c, row[c], labels) for c in lines) or "Everyone"
        for _, row in lines.iterrows()
    ]
    value, low, high = 100 * frame[["estimate", "conf_low", "conf_high"]].to_numpy().T
    at = np.array([waves.index(v) for v in frame[over]])
    per_line = min(2, len(parts))
    rows, names = -(-len(parts) // per_line), _wrapped(names, 36 // per_line)
    palette = [
        tuple(0.8 * part for part in colour)
        for colour in sns.color_palette("colorblind", len(lines))
    ]
    aside = (
        0.05
        / (3 - per_line)
        * (np.arange(len(lines)) - (len(lines) - 1) / 2)
        / max(len(lines) - 1, 1)
    )
    with _style():
        figure = _figure(
            1.25
            + rows
            * max(1.5, 0.75 + 0.165 * sum(2 + name.count("\n") for name in names))
        )
        grid, labelled = figure.subplots(rows, per_line, squeeze=False, sharey=True), []
        for k, ax in enumerate(grid.flat[: len(parts)]):
            for g, colour in enumerate(palette):
                mine = np.flatnonzero((part == k) & (line == g))
                mine = mine[np.argsort(at[mine])]
                ax.plot(
                    at[mine] + aside[g],
                    value[mine],
                    color=colour,
                    linewidth=2,
                    marker="o",
                    markersize=5,
                )
                ax.vlines(
                    at[mine] + aside[g],
                    low[mine],
                    high[mine],
                    color=colour,
                    linewidth=1,
                )
                for i in mine:
                    told = [
                        f"{shown['value'].iloc[i]}{PERCENT * percent}, n {shown['n'].iloc[i]}"
                    ]
                    told = [names[g]] * bool(at[i] and len(lines) > 1) + told
                    labelled.append((ax, int(at[i]), value[i], "\n".join(told), colour))
            ax.set(xlim=(-0.12, 1.12), yticks=[])
            ax.set_xticks([0, 1], [plain(str(w)) for w in waves])
            ax.tick_params(length=0, labelsize=TEXT, colors=INK)
            ax.vlines(
                [0, 1],
                0,
                1,
                color=GRID,
                linewidth=0.8,
                zorder=0,
                transform=ax.get_xaxis_transform(),
            )
            sns.despine(ax=ax, left=True, bottom=True)
            if facets:
                name = _called(facets[0], parts[facets[0]].iloc[k], labels)
                ax.set_title(
                    plain(name), fontsize=TEXT, color=INK, loc="left", fontweight="bold"
                )
        pad = 0.12 * (high.max() - low.min() or 1)
        grid.flat[0].set_ylim(low.min() - pad, high.max() + pad)
        note = f"{HEADINGS[estimates.kind]}, people (n). Thin bars: {INTERVAL}s of each value by itself."
        for ax in grid.flat[
            len(parts) :
        ]:  # a part that no country needs says how to read the others
            ax.set_axis_off()
            ax.text(
                -0.2,
                0.9,
                _wrapped([note], 32)[0],
                va="top",
                fontsize=SMALL,
                color=QUIET,
                transform=ax.transAxes,
            )
        surround(
            figure,
            title,
            estimates.source,
            "" if len(parts) < grid.size else f"\n{note}",
        )
        figure.get_layout_engine().set(w_pad=0.12)
        numbered = _beside(figure, labelled, aside.max())
    changes = _changes(estimates, shown, over, waves)
    return Picture(
        figure, f"{title}. {changes} {evidence(estimates.source)}.", numbered
    )


def _beside(figure: Any, labelled: list[tuple], aside: float) -> tuple[str, ...]:
    """Texts beside the two ends of the lines, moved apart where they would cover each other.

    Returns what the numbers in the picture stand for, see `trustlib.letters`.
    """
    texts = []
    for ax, end, y, text, colour in labelled:
        place: dict = {
            "textcoords": "offset points",
            "ha": "left" if end else "right",
            "va": "center",
        }
        at, away = (end + aside, 8) if end else (end - aside, -8)
        dark = [0.5 * c for c in colour]  # at least 5:1 on white
        texts.append(
            ax.annotate(text, (at, y), (away, 0), color=dark, fontsize=SMALL, **place)
        )
    names = letters.drawable(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    point = 72 / figure.dpi
    for ax, end in dict.fromkeys((ax, end) for ax, end, *_ in labelled):
        mine = [i for i, (a, e, *_) in enumerate(labelled) if (a, e) == (ax, end)]
        mine.sort(key=lambda i: labelled[i][2])
        boxes = [texts[i].get_window_extent() for i in mine]
        centre = np.array([box.y0 + box.height / 2 for box in boxes])
        heights = np.array([box.height + 2 for box in boxes])
        steps = np.r_[0, np.cumsum((heights[1:] + heights[:-1]) / 2)]
        free = centre - steps
        up, down = np.maximum.accumulate(free), np.minimum.accumulate(free[::-1])[::-1]
        lowest, highest = (
            ax.bbox.y0 + heights[0] / 2,
            ax.bbox.y1 - heights[-1] / 2 - steps[-1],
        )
        apart = np.clip((up + down) / 2, lowest, max(lowest, highest)) + steps
        for i, moved in zip(mine, (apart - centre) * point, strict=True):
            texts[i].set_position((texts[i].get_position()[0], moved))
    return names


def _changes(estimates: Estimates, shown: pd.DataFrame, over: str, waves: list) -> str:
    """In words: how many lines, and those that rise and fall most."""
    frame, others = (
        estimates.frame.assign(text=shown["value"]),
        [c for c in estimates.by if c != over],
    )
    named = [
        ", ".join(_called(c, row[c], estimates.labels) for c in others) or "Everyone"
        for _, row in frame.iterrows()
    ]
    wide = (
        frame.assign(line=named)
        .pivot(index="line", columns=over, values=["estimate", "text"])
        .dropna()
    )
    change = 100 * (wide["estimate"][waves[1]] - wide["estimate"][waves[0]]).astype(
        float
    )

    def said(name: str) -> str:
        first, second = (wide["text"][w][name] for w in waves)
        return f"{name}, from {first} to {second}{UNITS[estimates.kind]} ({number(change[name] / 100, 'difference')})"

    count = f"{len(wide)} lines from {waves[0]} to {waves[1]}, {(change > 0).sum()} up and {(change < 0).sum()} down."
    if len(wide) < 2:
        return f"{count} {' '.join(said(n) + '.' for n in wide.index)}"
    return f"{count} Lowest change: {said(change.idxmin())}. Highest change: {said(change.idxmax())}."


def dots(
    gaps: Estimates,
    over: str = "country",
    pooled: Estimates | None = None,
    title: str | None = None,
) -> Picture:
    """One row for each country, by name, with interval and people; below, what they come to together.

    Parameters
    ----------
    gaps : Estimates
        Levels, gaps or ratios with `over` among the by-columns; what else tells them apart makes parts of the picture.
    over : str
    pooled : Estimates, optional
        `trustlib.pool` of the same estimates. A diamond shows the mean, a thin line where a further country would lie;
        how much the countries differ is said below.
    title : str, optional

    Returns
    -------
    Picture
        Sorted by name, not by size: a rank among five countries says little (see the chapter on countries).

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        `pooled` is of other groups or of another kind.
    """
    gaps, shown = _texts(
        gaps, *(k for k in HEADINGS if k not in ("interaction", "multilevel"))
    )
    frame, kind, labels = gaps.frame, gaps.kind, gaps.labels
    require_names("by-column", [over], gaps.by)
    title = str(title or heading(gaps.outcome, labels))
    rest = [c for c in gaps.by if c != over]
    parts, part = combinations(frame, rest)
    mean = None
    if pooled is not None:
        pooled, mean = _texts(pooled, kind)
        mean = mean.join(pooled.frame.drop(columns="n"))
    if mean is not None and (set(pooled.by) != set(rest) or len(mean) != len(parts)):  # type: ignore[union-attr]
        raise EstimandError(
            "The pooled estimates are not of these.",
            f"Give pool(...) of the same ones, over {over!r}.",
        )
    factor = 100 if kind in UNITS else 1
    rows: list[tuple[str, str, Any, str]] = []  # what it is, name, low-value-high, text
    people = "People of both groups (n)" if "reference" in frame else "People (n)"
    notes = [f"Lines: {INTERVAL}s. {people}."]
    if mean is not None:
        notes[0] += (
            f" Diamond: mean by pooling. Thin line: where a further {heading(over, labels).lower()} would lie."
        )
    for k in range(len(parts)):
        name = ", ".join(_called(c, parts[c].iloc[k], labels) for c in rest)
        rows += [("head", name, None, "")] if len(parts) > 1 else []
        mine = np.flatnonzero(part == k)
        for where, i in sorted(
            (_called(over, frame[over].iloc[i], labels), i) for i in mine
        ):
            told = shown.iloc[i]
            ends = (
                frame.loc[i, ["conf_low", "estimate", "conf_high"]].to_numpy(float)
                * factor
            )
            rows.append(
                (
                    "dot",
                    where,
                    ends,
                    f"{told['value']} ({told['interval']}), n {told['n']}",
                )
            )
        if mean is not None:
            row = mean.loc[
                [tuple(m) == tuple(parts.iloc[k]) for m in mean[rest].to_numpy(object)]
            ].iloc[0]
            rows += _pooled_rows(row, kind, factor, heading(over, labels).lower())
            notes.append(_differ(row, kind, name if len(parts) > 1 else ""))
    names = _wrapped([name for _, name, *_ in rows], 26)
    tall = [
        1 + 0.5 * name.count("\n") + 0.5 * (row[0] == "mean")
        for name, row in zip(names, rows, strict=True)
    ]
    y = np.cumsum(tall)
    told = f"{name}, " if len(parts) == 1 and name else ""
    reference = (
        called(rest[-1], frame["reference"].iloc[0], labels)
        if rest and "reference" in frame
        else ""
    )
    against = f": {told}against {reference}" if reference else ""
    with _style():
        figure = _figure(1.35 + 0.34 * y[-1] + 0.13 * len(notes))
        ax = figure.add_subplot()
        for height, (what, _, ends, text) in zip(y, rows, strict=True):
            colour, mark = (DARK, "o") if what == "dot" else (TOGETHER, "D")
            if ends is not None:
                ax.hlines(
                    height,
                    ends[0],
                    ends[2],
                    color=colour,
                    linewidth=1 if what == "range" else 2.2,
                )
                ax.plot(
                    ends[1],
                    height,
                    mark,
                    color=colour,
                    markersize=7,
                    markeredgecolor="white",
                )
            if what == "mean":
                ax.axhline(height - 0.75, color=GRID, linewidth=1)
            ax.text(
                1.02,
                height,
                text,
                transform=ax.get_yaxis_transform(),
                fontsize=SMALL,
                color=INK,
                va="center",
            )
        if kind in NO_GAP:
            ax.axvline(
                NO_GAP[kind], color=QUIET, linewidth=1, linestyle=(0, (3, 3)), zorder=0
            )
        if NO_GAP.get(kind) == 1:
            ax.set_xscale("function", functions=LOG)
        ax.set(ylim=(y[-1] + 0.6, y[0] - 0.6), xlabel=plain(HEADINGS[kind] + against))
        ax.set_yticks(y, names)
        ax.tick_params(labelsize=9)
        for tick, (what, *_) in zip(ax.get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if what == "head" else "normal")
        ax.grid(axis="x", color=GRID, linewidth=0.8)
        surround(figure, title, gaps.source, "\n".join(["", *notes]))
    together = [
        f"{name}: {text or ''}".rstrip(": ") + "."
        for what, name, _, text in rows
        if what != "dot"
    ]
    seen = f"{len(frame)} estimates with {INTERVAL}s, by name{against}. {_extremes(gaps, shown)}"
    if kind in NO_GAP:
        seen += f" {clear(gaps, _names(gaps))}"
    return Picture(
        figure,
        " ".join(
            [f"{title}.", seen, *together, *notes[1:], f"{evidence(gaps.source)}."]
        ),
    )


def _pooled_rows(
    row: pd.Series, kind: str, factor: float, over: str
) -> list[tuple[str, str, Any, str]]:
    """The mean of all countries, and where a further one would lie if the method says so."""
    ends = row[["conf_low", "estimate", "conf_high"]].to_numpy(float) * factor
    out = [
        (
            "mean",
            f"All {row['k']:.0f} pooled",
            ends,
            f"{row['value']} ({row['interval']}), n {row['n']}",
        )
    ]
    low, high = row["prediction_low"], row["prediction_high"]
    if np.isfinite(low):
        text = f"{number(low, kind)} to {number(high, kind)}"
        out.append(
            ("range", f"A further {over}", np.array([low, np.nan, high]) * factor, text)
        )
    return out


def _differ(row: pd.Series, kind: str, name: str) -> str:
    """How much the countries differ, in one line."""
    tau = (
        f"{100 * row['tau2'] ** 0.5:.1f}{UNITS[kind]}"
        if kind in UNITS
        else f"{row['tau2'] ** 0.5:.2f} (of logarithms)"
    )
    if name:
        return f"{name}: I² {100 * row['i2']:.0f}%, tau {tau}."
    return f"I² {100 * row['i2']:.0f}%, standard deviation between them (tau) {tau}."


# -- what all share ---------------------------------------------------------------------------------------------------


def _texts(estimates: Any, *kinds: str) -> tuple[Estimates, pd.DataFrame]:
    """The estimates past the gate, and value, interval and people of each row as texts."""
    require_a(
        Estimates,
        estimates,
        "Give the result of cell_means, comparisons, pool or membership.",
    )
    require_names("such picture of estimates of kind", [estimates.kind], kinds)
    estimates = estimates.showable("This picture")
    columns = {
        HEADINGS[estimates.kind]: "value",
        INTERVAL: "interval",
        "People": "n",
        BOTH: "n",
    }
    return estimates, readable(estimates).rename(columns=columns)[
        ["value", "interval", "n"]
    ]


def _style() -> Any:
    import seaborn as sns

    return sns.axes_style("white", figures.STYLE)


def _figure(height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(
        figsize=(figures.WIDTH, height), layout="constrained", facecolor="white"
    )


def _wrapped(texts: Sequence[Any], width: int) -> list[str]:
    """Texts as labels, in lines of at most so many letters."""
    return ["\n".join(map(plain, wrap(str(t), max(width, 6)))) for t in texts]


def _called(axis: str, level: Any, labels: dict) -> str:
    """A level by its own name, a country by its whole name; a bare yes or no by that of its axis too."""
    return called(
        axis, COUNTRIES.get(str(level), level) if axis == "country" else level, labels
    )


def _names(estimates: Estimates) -> list[str]:
    """Each row by the names of its levels."""
    rows = estimates.frame[[*estimates.by]].to_dict("records")
    return [
        ", ".join(_called(c, level, estimates.labels) for c, level in row.items())
        for row in rows
    ]


def _extremes(estimates: Estimates, shown: pd.DataFrame) -> str:
    """The lowest and the highest row in words, and how far they lie apart."""
    names, unit = _names(estimates), UNITS.get(estimates.kind, "")
    value = estimates.frame["estimate"].to_numpy(float)
    defined = np.flatnonzero(np.isfinite(value))
    if not len(defined):
        return "None of them is defined."
    low, high = (defined[find(value[defined])] for find in (np.argmin, np.argmax))
    texts = [
        f"{names[i]}, {shown['value'].iloc[i]}{unit} ({shown['interval'].iloc[i]})"
        for i in (low, high)
    ]
    apart = (
        f" They are {100 * (value[high] - value[low]):.1f} points apart."
        if unit
        else ""
    )
    return (
        f"Lowest: {texts[0]}. Highest: {texts[1]}.{apart}"
        if len(names) > 1
        else f"{texts[0]}."
    )
