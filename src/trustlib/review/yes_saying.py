r"""Yes-sayers: people of a panel who say yes to whatever is asked, and what is left without them.

A share :math:`s` of the panel says yes to every identity and to the question. All of
them stand in the cell of the people who have every identity: it is small, so they are
many in it. What remains there is

.. math:: p(s)=\frac{Y_c-sW}{W_c-sW}

with W the whole panel, by weight. All other cells stay. Solved for s, a cell shows
:math:`t` without the share

.. math:: s(t)=\frac{Y_c-tW_c}{W(1-t)} .

Over axes that are no matter of saying yes (gender, age, country) the yes-sayers are
spread as the panel is: W is then that of the stratum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import Cells, combinations
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    EstimandError,
    axis_names,
    is_number,
    listed,
    require_a,
    require_names,
)
from trustlib.estimates import (
    MAX_ROWS,
    Estimates,
    estimates_of_cells,
    level_estimates,
    result_frame,
)
from trustlib.masking import require_levels_of
from trustlib.variance import Array, Codes, Spread, welch_df

CELLS = "Make them with compress(design, outcome, by)."
# How much of a gap is undone: a half, all, and all of it once more on the other side.
TARGETS = {"halve": 0.5, "vanish": 1.0, "turn": 2.0}
GROWS = "no: it would grow"
FEWER = "no: fewer said yes"
SHARES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07)


def yes_sayers(
    cells: Cells,
    share: float,
    identities: Sequence[str] | None = None,
    says: Mapping[str, Any] | None = None,
    interval: str = "logit",
) -> Estimates:
    r"""What remains in each cell when a share of the panel says yes to every identity and to the question.

    .. math:: p(s)=\frac{Y_c-sW}{W_c-sW}

    in the cell of all identities, with W the whole panel by weight; other cells stay.

    Parameters
    ----------
    cells : Cells
        Of crossed identities.
    share : float
        Of the whole panel, by weight; 0 gives `cell_means`.
    identities : sequence of str, optional
        The axes to which they say yes, by default all. Over the others they are spread as
        the panel is: the share is that of each of their combinations.
    says : mapping, optional
        Axis -> the level that is their answer. By default the one of two levels that is
        not the first.
    interval : {"logit", "wald", "beta", "wilson", "likelihood"}
        As of `cell_means`.

    Returns
    -------
    Estimates
        Of kind level, by all axes, with covariance: `comparisons` and `interactions` take
        it. n counts everybody who answered, yes-sayers too.

    Raises
    ------
    EstimandError
        More people would say yes than did. The message names the largest possible share
        where the cells may be shown. Or an identity has more than two levels and `says`
        does not name one.
    UnknownNameError
        An axis, a level or an interval does not exist.

    Notes
    -----
    The share is held: the standard error is that of the people, by linearisation or from
    the replicates. R: ``svycontrast(totals, quote((Y - s * W) / (Wc - s * W)))`` with
    ``totals <- svytotal(~Y + Wc + W, design)`` of the indicators of the cell.

    Examples
    --------
    Two independent identities of 20 %, half say yes in each cell, and one in twenty of
    the panel says yes to all:

    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"a": ["no", "no", "yes", "yes"], "b": ["no", "yes"] * 2})
    >>> rows = pd.concat([rows.assign(y=1.0), rows.assign(y=0.0)], ignore_index=True)
    >>> people = rows.loc[rows.index.repeat([304, 76, 76, 69, 304, 76, 76, 19])]
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["a", "b"])
    >>> tl.cell_means(cells).frame["estimate"].round(3).tolist()
    [0.5, 0.5, 0.5, 0.784]
    >>> yes_sayers(cells, 0.05).frame["estimate"].round(3).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    panel = _panel(cells, identities, says)
    _require_share(share)
    panel.require_possible(share)
    totals = panel.totals
    value = panel.levels(*totals, share)[0]
    jacobian = panel.jacobian(share)

    def levels(people: Array, events: Array) -> Array:
        return panel.levels(people, events, share)

    behind = panel.cells_behind(jacobian)
    spread = cells.scatter.spread(value, jacobian, levels, behind)
    note = ""
    if share:
        note = f"; without yes-sayers: {panel.in_words(share)}"
    counts = cells.counts(cells.by)
    return level_estimates(cells, panel.axes, value, spread, counts, interval, note)


def yes_sayer_shares(
    cells: Cells,
    identities: Sequence[str] | None = None,
    says: Mapping[str, Any] | None = None,
) -> Estimates:
    r"""How many yes-sayers a gap or an interaction could be made of.

    The gap is that of people with all identities against people with none, the
    interaction that of two identities (`interactions`, on the scale of points).

    .. math:: s(t)=\frac{Y_c-tW_c}{W(1-t)},\qquad t=p_c-f\,\hat\Delta

    with f of 1/2, 1 and 2 for the contrast :math:`\hat\Delta` to halve, vanish or turn.

    Parameters
    ----------
    cells, identities, says
        As of `yes_sayers`.

    Returns
    -------
    Estimates
        Of kind share, by the other axes, ``contrast`` (gap, interaction) and ``target``.
        Column ``possible``: "yes"; "no: it would grow" where leaving yes-sayers out moves
        the contrast away from nought; "no: fewer said yes" where the cell has no so many.
        The last two have no number.

    Raises
    ------
    EstimandError, UnknownNameError
        As of `yes_sayers`; or nobody is in a cell that is compared.

    Notes
    -----
    Wald intervals, linearised or from the replicates. R: ``svycontrast`` with the
    expression above.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"a": ["no", "no", "yes", "yes"], "b": ["no", "yes"] * 2})
    >>> rows = pd.concat([rows.assign(y=1.0), rows.assign(y=0.0)], ignore_index=True)
    >>> people = rows.loc[rows.index.repeat([304, 76, 76, 69, 304, 76, 76, 19])]
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["a", "b"])
    >>> shares = yes_sayer_shares(cells).frame
    >>> shares.loc[shares["target"] == "vanish", "estimate"].round(3).tolist()
    [0.05, 0.05]
    """
    panel = _panel(cells, identities, says)
    contrasts = panel.contrasts()
    value, jacobian, least = panel.shares(contrasts)
    rows = _named_rows(contrasts, target=list(TARGETS))

    def shares(people: Array, events: Array) -> Array:
        return panel.shares_of(people, events, contrasts)[0]

    behind = np.repeat(contrasts.behind, len(TARGETS), axis=0)
    spread = cells.scatter.spread(value, jacobian, shares, behind)
    largest = np.repeat(least, len(TARGETS))
    counts = contrasts.counts(cells, len(TARGETS))
    made = _linear(cells, rows, value, spread, counts, "share", panel.in_words())
    words = np.select([value < 0, value > largest], [GROWS, FEWER], "yes")
    return _only_possible(made, words)


def yes_sayer_curve(
    cells: Cells,
    shares: Sequence[float] = SHARES,
    identities: Sequence[str] | None = None,
    says: Mapping[str, Any] | None = None,
) -> Estimates:
    """The gap and the interaction that are left, for each of several shares of yes-sayers.

    Parameters
    ----------
    cells, identities, says
        As of `yes_sayers`.
    shares : sequence of float
        Those that are not possible are left out.

    Returns
    -------
    Estimates
        Of kind difference, by the other axes, ``contrast`` and ``share``; with Wald
        intervals for each share by itself.

    Raises
    ------
    EstimandError, UnknownNameError

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"a": ["no", "no", "yes", "yes"], "b": ["no", "yes"] * 2})
    >>> rows = pd.concat([rows.assign(y=1.0), rows.assign(y=0.0)], ignore_index=True)
    >>> people = rows.loc[rows.index.repeat([304, 76, 76, 69, 304, 76, 76, 19])]
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["a", "b"])
    >>> curve = yes_sayer_curve(cells, [0.0, 0.05]).where("contrast == 'gap'")
    >>> curve.frame["estimate"].round(3).tolist()
    [0.284, 0.0]
    """
    panel = _panel(cells, identities, says)
    contrasts = panel.contrasts()
    wanted = [
        share for share in listed(shares) if _require_share(share) <= panel.largest()
    ]
    if not wanted:
        raise EstimandError(
            "None of the shares of yes-sayers is possible here.", "Give smaller ones."
        )
    rows = _named_rows(contrasts, share=wanted)
    weights = contrasts.weights

    def gaps(people: Array, events: Array) -> Array:
        each = [panel.levels(people, events, share) @ weights.T for share in wanted]
        stacked = np.stack(each, axis=2)  # (R, contrasts, shares)
        return stacked.reshape(len(people), -1)

    value = gaps(*panel.totals)[0]
    derivatives = [weights @ panel.jacobian(share) for share in wanted]
    jacobian = np.stack(derivatives, axis=1).reshape(len(value), -1)
    behind = panel.cells_behind(jacobian)
    spread = cells.scatter.spread(value, jacobian, gaps, behind)
    counts = contrasts.counts(cells, len(wanted))
    return _linear(
        cells, rows, value, spread, counts, "difference", panel.in_words(), tested=True
    )


@dataclass(frozen=True, eq=False)
class _Panel:
    """The cells of a panel, and where its yes-sayers stand.

    Attributes
    ----------
    cells : Cells
    axes : DataFrame (C rows)
        The levels of each cell, in the order of results.
    order : int array (C,)
        The row of the cells that each of these is.
    identities : list of str
        The axes to which yes-sayers say yes.
    answer : dict
        Axis -> level that is their answer.
    yes : boolean array (C,)
        The cells of people with all identities, in the order of results.
    stratum : int array (C,)
        Combination of the other axes.
    """

    cells: Cells
    axes: pd.DataFrame
    order: Codes
    identities: list[str]
    answer: dict[str, Any]
    yes: Array
    stratum: Codes

    @property
    def others(self) -> list[str]:
        """The axes over which yes-sayers are spread as the panel is."""
        return [axis for axis in self.axes if axis not in self.identities]

    @property
    def together(self) -> Array:
        """Whether two cells (C, C) are of one stratum."""
        return (self.stratum[:, None] == self.stratum).astype(float)

    @property
    def totals(self) -> tuple[Array, Array]:
        """Weighted people and events (1, C), in the order of the cells."""
        frame = self.cells.frame
        people = frame["sum_w"].to_numpy(float)
        events = frame["sum_wy"].to_numpy(float)
        return people[None], events[None]

    def levels(self, people: Array, events: Array, share: float) -> Array:
        """What remains in each cell (R, C) without a share, in the order of results."""
        people = people[:, self.order]
        events = events[:, self.order]
        gone = share * (people @ self.together) * self.yes
        return left_without(people, events, gone)

    def jacobian(self, share: float) -> Array:
        """Derivatives (C, 2C) of `levels` by the totals, in the order of the cells."""
        people, events = self.totals
        p = self.levels(people, events, share)[0]
        own = people[0, self.order]
        gone = share * (self.together @ own) * self.yes
        left = own - gone
        by_panel = -share * (1 - p) / left * self.yes
        by_people = by_panel[:, None] * self.together - np.diag(p / left)
        by_events = np.diag(1 / left)
        jacobian = np.zeros((len(p), 2 * len(p)))
        jacobian[:, self.order] = by_people
        jacobian[:, len(p) + self.order] = by_events
        return jacobian

    def cells_behind(self, jacobian: Array) -> Array:
        """Which cells (k, C) each of some estimates is of."""
        by_people, by_events = np.hsplit(jacobian != 0, 2)
        return (by_people | by_events).astype(float)

    def largest(self) -> float:
        """The largest share that is possible: everybody with all identities who said yes."""
        people, events = self.totals
        panel = self.together @ people[0, self.order]
        shares = events[0, self.order] / panel
        if not self.has_all:
            return 0.0
        return float(shares[self.yes].min())

    @property
    def has_all(self) -> bool:
        """Whether each stratum has people with all identities."""
        return len(np.unique(self.stratum[self.yes])) == len(np.unique(self.stratum))

    def require_possible(self, share: float) -> None:
        """Refuse a share that leaves nobody with all identities, or fewer than no yes."""
        if not share:
            return
        left = self._people_left(share)
        if self.has_all and share <= self.largest() and (left > 0).all():
            return
        where = " in each of the other axes' combinations" if self.others else ""
        raise EstimandError(
            f"A share of {share:g} yes-sayers is more than the people with all "
            f"identities who said yes{where}.",
            self._largest_in_words(),
        )

    def _people_left(self, share: float) -> Array:
        """Weighted people with all identities who are left, in each stratum."""
        people = self.totals[0][0, self.order]
        return (people - share * (self.together @ people))[self.yes]

    def _largest_in_words(self) -> str:
        """The largest possible share, rounded down, where it gives no small group away."""
        if not self.has_all:
            return "Nobody is there to have said yes: the largest possible share is 0."
        smallest = self.cells.counts(self.cells.by)["smallest"].min()
        if smallest < MINIMUM:
            return "Give a smaller share, or use coarser levels."
        steps = 100 if self.cells.source.rounding else 1000
        largest = np.floor(self.largest() * steps) / steps
        return f"The largest possible share is {largest:g}."

    def in_words(self, share: float | None = None) -> str:
        """Who they are, for the convention."""
        answers = [f"{axis} = {level}" for axis, level in self.answer.items()]
        who = " and ".join([*answers, "yes to the question"])
        words = f"yes-sayers say {who}"
        if share is not None:
            words = f"{100 * share:g} % of the panel say {who}"
        if self.others:
            words += f", spread over {', '.join(self.others)} as the panel is"
        return words

    def contrasts(self) -> _Contrasts:
        """The gap and, of two identities, the interaction of each stratum."""
        if not self.identities:
            raise EstimandError(
                "There is no identity, so there is no gap to undo.",
                "Give cells of at least one, and name it in `identities`.",
            )
        if not self.has_all:
            raise EstimandError(
                "Nobody has all identities, so there is no gap to undo.",
                "Name identities that occur together.",
            )
        first = self._rows_without()
        names = []
        weights = []
        for stratum in np.unique(self.stratum):
            here = self.stratum == stratum
            gap = self._gap(here, first)
            names.append((stratum, "gap"))
            weights.append(gap)
            if len(self.identities) == 2:
                names.append((stratum, "interaction"))
                weights.append(self._interaction(here, gap))
        rows = self.axes[self.others].iloc[
            [int(np.flatnonzero(self.stratum == stratum)[0]) for stratum, _ in names]
        ]
        rows = rows.reset_index(drop=True)
        rows["contrast"] = [contrast for _, contrast in names]
        matrix = np.array(weights)
        ordered = np.zeros_like(matrix)
        ordered[:, self.order] = matrix != 0
        return _Contrasts(rows, matrix, ordered)

    def _rows_without(self) -> Array:
        """The cells (C,) of people without any of the identities: the first levels."""
        without = np.ones(len(self.axes), dtype=bool)
        for axis in self.identities:
            column = self.axes[axis]
            first = _levels_there(column)[0]
            if first == self.answer[axis]:
                first = _levels_there(column)[1]
            without &= (column == first).to_numpy()
        return without

    def _gap(self, here: Array, without: Array) -> Array:
        """All identities less none, of one stratum."""
        base = here & without
        if not base.any():
            raise EstimandError(
                "Nobody is without all identities, so there is no gap to undo.",
                "Name identities that leave somebody to compare with.",
            )
        return (here & self.yes).astype(float) - base

    def _interaction(self, here: Array, gap: Array) -> Array:
        """Both less either, plus neither, of one stratum with two identities."""
        one, other = self.identities
        has_one = (self.axes[one] == self.answer[one]).to_numpy()
        has_other = (self.axes[other] == self.answer[other]).to_numpy()
        without = here & (gap < 0)
        base = self.axes[without].iloc[0]
        single = []
        single.append(here & has_one & (self.axes[other] == base[other]).to_numpy())
        single.append(here & has_other & (self.axes[one] == base[one]).to_numpy())
        if not all(cell.any() for cell in single):
            raise EstimandError(
                "Nobody has one of the identities alone, so there is no interaction.",
                "Name identities that also occur alone.",
            )
        both = (here & self.yes).astype(float)
        return both - single[0] - single[1] + without

    def shares(self, contrasts: _Contrasts) -> tuple[Array, Array, Array]:
        """Shares that undo contrasts, their derivatives, and the largest possible ones."""
        people, events = self.totals
        value, largest = self.shares_of(people, events, contrasts)
        return value[0], self._shares_jacobian(contrasts), largest[0]

    def shares_of(
        self, people: Array, events: Array, contrasts: _Contrasts
    ) -> tuple[Array, Array]:
        """Shares (R, K x targets) that undo contrasts, and the largest possible (R, K)."""
        p = self.levels(people, events, 0.0)
        at = contrasts.at(self.yes)
        own_people = people[:, self.order][:, at]
        own_events = events[:, self.order][:, at]
        panel = (people[:, self.order] @ self.together)[:, at]
        contrast = p @ contrasts.weights.T
        each = []
        for part in TARGETS.values():
            target = p[:, at] - part * contrast
            each.append(share_that_leaves(own_people, own_events, panel, target))
        shares = np.stack(each, axis=2).reshape(len(people), -1)
        return shares, own_events / panel

    def _shares_jacobian(self, contrasts: _Contrasts) -> Array:
        """Derivatives (K x targets, 2C) of the shares by the totals."""
        people, events = self.totals
        by_levels = self.jacobian(0.0)
        p = self.levels(people, events, 0.0)[0]
        at = contrasts.at(self.yes)
        contrast = contrasts.weights @ p
        rows = []
        for k, cell in enumerate(at):
            own = self.order[cell]
            size = len(p)
            together = np.zeros(size)
            together[self.order] = self.together[cell]
            panel = people[0] @ together
            for part in TARGETS.values():
                target = p[cell] - part * contrast[k]
                room = panel * (1 - target)
                share = share_that_leaves(people[0, own], events[0, own], panel, target)
                by_target = (events[0, own] - people[0, own]) / (room * (1 - target))
                move = -part * contrasts.weights[k]
                move[cell] += 1
                row = by_target * (move @ by_levels)
                row[:size] -= share / panel * together
                row[own] -= target / room
                row[size + own] += 1 / room
                rows.append(row)
        return np.array(rows)


@dataclass(frozen=True, eq=False)
class _Contrasts:
    """Contrasts of the levels of a panel.

    Attributes
    ----------
    rows : DataFrame (K rows)
        The stratum, and the column contrast.
    weights : array (K, C)
        Of the levels, in the order of results.
    behind : array (K, C)
        The cells that each is of, in the order of the cells.
    """

    rows: pd.DataFrame
    weights: Array
    behind: Array

    def at(self, yes: Array) -> Codes:
        """The cell (K,) of people with all identities that each is about."""
        return np.array([int(np.flatnonzero(row * yes)[0]) for row in self.weights])

    def counts(self, cells: Cells, times: int) -> pd.DataFrame:
        """People behind each contrast, each as many times as there are rows of it."""
        every = cells.counts(cells.by)
        used = self.weights != 0
        n = used @ every["n"].to_numpy()
        smallest = [every["smallest"].to_numpy()[row].min() for row in used]
        counts = pd.DataFrame({"n": n, "smallest": smallest})
        return counts.loc[counts.index.repeat(times)].reset_index(drop=True)


def left_without(people: Any, events: Any, gone: Any) -> Any:
    """The share of yes among people without some who said yes.

    Parameters
    ----------
    people, events, gone : float or array
        Weighted people, those who said yes, and those of them who are left out.

    Examples
    --------
    >>> round(left_without(0.088, 0.069, 0.05), 3)
    0.5
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return (events - gone) / (people - gone)


def share_that_leaves(people: Any, events: Any, panel: Any, target: Any) -> Any:
    """The share of a panel without which a cell is at a target: `left_without`, solved.

    Parameters
    ----------
    people, events : float or array
        Weighted people of the cell, and those of them who said yes.
    panel : float or array
        Weighted people of the whole panel.
    target : float or array
        The share of yes that is to be left.

    Examples
    --------
    >>> round(share_that_leaves(0.088, 0.069, 1.0, 0.5), 3)
    0.05
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return (events - target * people) / (panel * (1 - target))


def share_among_independent(first: Any, second: Any, level: Any, target: Any) -> Any:
    r"""The share that makes a level, where all others have two identities independently.

    Yes-sayers say yes to both identities, so they make the two overlap. If the others
    of a panel are independent, the cell of both holds :math:`s+(m-s)(d-s)/(1-s)` of it.
    With the others of the cell at the target :math:`t` and the whole at the level
    :math:`p`, and :math:`k=(p-t)/(1-t)`, the share is the smaller root of
    :math:`s^2-(1-k+k(m+d))\,s+kmd`.

    Parameters
    ----------
    first, second : float or array
        Shares of the panel that say yes to each identity, yes-sayers among them.
    level : float or array
        The share of yes in the cell of both.
    target : float or array
        The share of yes among the others of that cell, below the level.

    Examples
    --------
    >>> float(share_among_independent(0.24, 0.24, 0.784091, 0.5).round(3))
    0.05
    """
    k = (level - target) / (1 - target)
    half = (1 - k + k * (first + second)) / 2
    return half - np.sqrt(half**2 - k * first * second)


def _only_possible(shares: Estimates, words: Array) -> Estimates:
    """Shares of which those that are not possible have no number."""
    possible = words == "yes"
    frame = shares.frame
    numbers = ["estimate", "std_error", "conf_low", "conf_high"]
    frame.loc[~possible, numbers] = np.nan
    frame["possible"] = words
    known = np.outer(possible, possible)
    vcov = np.where(known, shares.vcov, np.nan)
    return replace(shares, _frame=frame, vcov=vcov)


def _named_rows(contrasts: _Contrasts, **further: Sequence[Any]) -> pd.DataFrame:
    """The rows of contrasts, each with every value of a further column."""
    ((name, values),) = further.items()
    rows = contrasts.rows
    every = rows.loc[rows.index.repeat(len(values))].reset_index(drop=True)
    every[name] = list(values) * len(rows)
    return every


def _linear(
    cells: Cells,
    rows: pd.DataFrame,
    value: Array,
    spread: Spread,
    counts: pd.DataFrame,
    kind: str,
    note: str,
    tested: bool = False,
) -> Estimates:
    """Functions of the totals with Wald intervals, and where asked for a test of zero."""
    se = np.sqrt(np.clip(np.diag(spread.vcov), 0, None))
    df: Any = cells.df
    if spread.parts:
        df = welch_df(spread.parts, len(value))
    low, high = intervals.wald_interval(value, se, df)
    statistic = np.full(len(value), np.nan)
    if tested:
        np.divide(value, se, out=statistic, where=se > 0)
    p_value = intervals.two_sided_p(statistic, df)
    columns = [value, se, low, high, statistic, p_value, df, counts["n"], np.nan]
    frame = result_frame(rows, columns)
    how = f"{cells.variance}; {cells.df_words}; Wald interval; {note}"
    smallest = counts["smallest"].to_numpy()
    return estimates_of_cells(cells, frame, spread.vcov, kind, how, smallest, cells.df)


def _panel(
    cells: Cells, identities: Sequence[str] | None, says: Mapping[str, Any] | None
) -> _Panel:
    """Where the yes-sayers of some cells stand."""
    require_a(Cells, cells, CELLS)
    if identities is None:
        identities = cells.by
    names = axis_names(identities, cells.by)
    answer = _answers(cells, names, says)
    axes, group = combinations(cells.frame, list(cells.by))
    if len(axes) > MAX_ROWS:
        raise EstimandError(
            f"These are {len(axes):,} cells; at most {MAX_ROWS:,} are estimated together.",
            "Use fewer axes, or band one.",
        )
    yes = np.ones(len(axes), dtype=bool)
    for axis, level in answer.items():
        yes &= (axes[axis] == level).to_numpy()
    others = [axis for axis in cells.by if axis not in names]
    _, stratum = combinations(axes, others)
    return _Panel(cells, axes, np.argsort(group), names, answer, yes, stratum)


def _answers(
    cells: Cells, identities: list[str], says: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The level of each identity that is the answer of yes-sayers."""
    given = {} if says is None else says
    if not isinstance(given, Mapping):
        raise EstimandError(
            f"`says` maps identities to levels, got {type(given).__name__}.",
            'For example {"disability": "disabled"}.',
        )
    require_names("identity", given, identities)
    frame = cells.frame
    answer = {}
    for axis in identities:
        levels = _levels_there(frame[axis])
        if axis in given:
            require_levels_of(
                f"level of {axis}", [given[axis]], frame[axis], frame["n"]
            )
            answer[axis] = given[axis]
        elif len(levels) == 2:
            answer[axis] = levels[1]
        else:
            raise EstimandError(
                f"The identity {axis!r} has {len(levels)} levels here; yes-sayers have "
                "one answer of two.",
                f"Name their answer with says={{{axis!r}: level}}, or leave the axis out "
                "of `identities`: they are then spread over it as the panel is.",
            )
    return answer


def _levels_there(column: pd.Series) -> list:
    """The levels of an axis that somebody has, in order."""
    if column.dtype == "category":
        there = set(column)
        return [level for level in column.cat.categories if level in there]
    return sorted(column.unique())


def _require_share(share: Any) -> float:
    """A share of the panel, as a number from 0 to below 1."""
    if not (is_number(share) and 0 <= share < 1):
        raise EstimandError(
            "A share of yes-sayers is a number from 0 to below 1, got "
            f"{str(share)[:40]}.",
            "For example 0.05 for one in twenty.",
        )
    return float(share)
