r"""Who takes part: the participation-to-population ratio of each group, from cells of a survey.

.. math:: \mathrm{PPR}_g = \frac{P(g \mid \text{took part})}{P(g)}
          = \frac{Y_g/Y}{W_g/W}

with W the weighted people and Y those of them who took part: the share of a group among
participants over its share among all who know whether they did. One is a group that takes
part as often as everybody. The group is a part of everybody, and the covariance of the
two shares is that of the design.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trustlib import intervals
from trustlib.cells import Cells, combinations
from trustlib.estimates import Estimates, estimates_of_cells, result_frame
from trustlib.variance import Array

REFERENCE = "everyone who knows"
CONVENTION = (
    "share among participants over share among all who know; interval on the log scale"
)


def participation(cells: Cells, axes: Sequence[str]) -> Estimates:
    """Participation-to-population ratios of the groups of some axes, one after the other.

    Parameters
    ----------
    cells : Cells
        Of having taken part, by at least these axes.
    axes : sequence of str

    Returns
    -------
    Estimates
        Of kind ratio, by axis and level; the interval is on the logarithm.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"sex": ["m"] * 80 + ["w"] * 80})
    >>> people["took_part"] = [1.0] * 20 + [0.0] * 60 + [1.0] * 40 + [0.0] * 40
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "took_part", ["sex"])
    >>> participation(cells, ["sex"]).frame[["level", "estimate"]].round(2).values.tolist()
    [['m', 0.67], ['w', 1.33]]
    """
    rows, member, counts = _groups(cells, axes)

    def ratio(people: Array, events: Array) -> Array:
        among = (events @ member.T) / events.sum(axis=1, keepdims=True)
        share = (people @ member.T) / people.sum(axis=1, keepdims=True)
        return among / share

    totals = cells.frame[["sum_w", "sum_wy"]].to_numpy(float)
    people, events = totals.T
    value = ratio(people[None], events[None])[0]
    by_people = 1 / people.sum() - member / (member @ people)[:, None]
    by_events = member / (member @ events)[:, None] - 1 / events.sum()
    a = value[:, None] * np.hstack([by_people, by_events])
    spread = cells.scatter.spread(value, a, ratio, member)
    se = np.sqrt(np.diag(spread.vcov))
    with np.errstate(divide="ignore"):
        log = np.log(value)
    low, high = intervals.wald_interval(log, se / value, cells.df)
    statistic = log / (se / value)
    p_value = intervals.two_sided_p(statistic, cells.df)
    columns = [value, se, np.exp(low), np.exp(high), statistic, p_value]
    frame = result_frame(rows, [*columns, cells.df, counts["n"], np.nan])
    how = f"{cells.variance}; {cells.df_words}; {CONVENTION}"
    smallest = counts["smallest"].to_numpy()
    return estimates_of_cells(
        cells, frame, spread.vcov, "ratio", how, smallest, cells.df
    )


def _groups(
    cells: Cells, axes: Sequence[str]
) -> tuple[pd.DataFrame, Array, pd.DataFrame]:
    """The groups of some axes: names, cells (m, C) and people of each."""
    names = []
    members = []
    counts = []
    for axis in axes:
        found, group = combinations(cells.frame, [axis])
        names.append(pd.DataFrame({"axis": axis, "level": found[axis].astype(str)}))
        members.append(np.arange(len(found))[:, None] == group)
        counts.append(cells.counts([axis]))
    member = np.vstack(members).astype(float)
    rows = pd.concat(names, ignore_index=True).assign(reference=REFERENCE)
    return rows, member, pd.concat(counts, ignore_index=True)


def adults(cells: Cells) -> Estimates:
    """The weighted number of people with the outcome, with the error of a total.

    Where all weights are alike it is the number of people itself.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    Estimates
        One row, of kind total.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [1.0, 0.0] * 40, "w": 2.0})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight="w"), "y")
    >>> adults(cells).frame["estimate"].tolist()
    [40.0]
    """
    each = _common_weight(cells)
    a = np.r_[np.zeros(len(cells)), np.full(len(cells), 1 / each)][None]
    value = np.array([cells.frame["sum_wy"].sum() / each])
    vcov = cells.scatter.covariance(a)
    se = np.sqrt(np.diag(vcov))
    low, high = intervals.wald_interval(value, se, cells.df)
    counts = cells.counts([])
    untested = (np.nan, np.nan)
    columns = [value, se, low, high, *untested, cells.df, counts["n"], np.nan]
    frame = result_frame(counts[[]], columns)
    how = f"{cells.variance}; {cells.df_words}; weighted number; Wald interval"
    smallest = counts["smallest"].to_numpy()
    return estimates_of_cells(cells, frame, vcov, "total", how, smallest, cells.df)


def _common_weight(cells: Cells) -> float:
    """The weight of each person where all are alike, else 1."""
    n, total, squares = cells.frame[["n", "sum_w", "sum_w2"]].sum()
    each = total / n
    if np.isclose(squares, n * each**2, rtol=1e-9):
        return float(each)
    return 1.0


def side_by_side(knows: Estimates, reported: Estimates) -> Estimates:
    """Ratios without those who do not know, beside those that count them as no.

    Parameters
    ----------
    knows, reported : Estimates
        From `participation`, of the same groups.

    Returns
    -------
    Estimates
        The first, with columns ``as_no`` and ``turns``: whether the ratio changes its
        side of one.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"sex": ["m"] * 80 + ["w"] * 80})
    >>> people["took_part"] = [1.0] * 20 + [0.0] * 60 + [1.0] * 40 + [0.0] * 40
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "took_part", ["sex"])
    >>> ratios = participation(cells, ["sex"])
    >>> side_by_side(ratios, ratios).frame["turns"].tolist()
    [False, False]
    """
    keys = ["axis", "level"]
    other = reported.frame.set_index(keys)["estimate"]
    own = knows.frame.set_index(keys)["estimate"]
    as_no = other.reindex(own.index)
    turns = (own - 1) * (as_no - 1) < 0
    return knows.with_columns(as_no=as_no.to_numpy(), turns=turns.to_numpy())
