"""Who belongs to several groups at once: shares of all people, as estimates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations as choose

import numpy as np
import pandas as pd

from trustlib.cells import Cells, combinations
from trustlib.disclosure import MINIMUM, require_showable
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import Estimates
from trustlib.intervals import INTERVALS
from trustlib.rounding import people_in_words
from trustlib.variance import Array


def membership(cells: Cells, axes: Sequence[str] | None = None) -> Estimates:
    r"""Share of all people that each combination of identities has.

    With its design-based standard error.

    .. math:: \hat s_g = W_g\Big/\sum_h W_h

    Parameters
    ----------
    cells : Cells
    axes : sequence of str, optional
        By default all axes of the cells; each with two levels.

    Returns
    -------
    Estimates
        Of kind level, one row for each combination that may be shown. A combination is
        left out if it rests on fewer than 10 people, or 10 with or without the outcome.
        So that it cannot be had from a margin by subtraction, the smallest others are
        left out too until those left out in each margin are 10 people or more. How many
        people all of them have together is a note.

    Raises
    ------
    DisclosureError
        No combination may be shown.
    EstimandError
        An axis has not two levels.

    Notes
    -----
    R: ``svymean(~interaction(gender, ethnicity), design)``, ``svyciprop(..., method =
    "logit")``. Left out are whole rows, of counts that are no part of a percentage:
    elsewhere a table with one small row is refused (see `trustlib.disclosure`).
    `trustbook.attack` tries this table together with all others.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 60, "y": [1.0, 0.0] * 50})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> membership(cells).frame[["group", "estimate", "n"]].values.tolist()
    [['a', 0.4, 40], ['b', 0.6, 60]]
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    by = _two_level_axes(cells, axes)
    named, group = combinations(_of_people(cells, by), by)
    counts = cells.counts(by)
    smallest = counts["smallest"].to_numpy()
    kept = ~_left_out(counts, by)
    if not kept.any():
        labels = [", ".join(map(str, row)) for row in named.values]
        require_showable(smallest, labels, "This set")
    share, change = _shares(cells, group)
    vcov = cells.scatter.covariance(change)[np.ix_(kept, kept)]
    n = counts["n"].to_numpy()
    p = share[kept]
    se = np.sqrt(np.clip(np.diag(vcov), 0, None))
    df = cells.row_df(change)[kept]
    low, high = INTERVALS["logit"](p, se, df, n[kept])
    with np.errstate(divide="ignore", invalid="ignore"):
        n_eff = p * (1 - p) / se**2
    frame = named[kept].reset_index(drop=True)
    frame = frame.assign(
        estimate=p,
        std_error=se,
        conf_low=low,
        conf_high=high,
        statistic=np.nan,
        p_value=np.nan,
        df=df,
        n=n[kept],
        n_eff=n_eff,
        # It would be the people with the outcome: being empty, it keeps the attack from
        # mistaking shares for them.
        raw=np.nan,
    )
    return Estimates(
        frame,
        vcov,
        kind="level",
        by=tuple(by),
        convention=_convention(cells),
        outcome=cells.outcome,
        smallest=smallest[kept],
        df=cells.df,
        source=cells.source,
        labels=cells.labels,
        notes=_notes(n, kept, cells.source.rounding),
    )


def _two_level_axes(cells: Cells, axes: Sequence[str] | None) -> list[str]:
    """The axes, or all of the cells; refuses those that have not two levels."""
    if axes is None:
        axes = cells.by
    by = axis_names(axes, cells.by)
    sizes = {axis: cells.frame[axis].nunique() for axis in by}
    if not by or any(size != 2 for size in sizes.values()):
        raise EstimandError(
            f"Expected axes of two levels, got {sizes}.",
            "Choose the people of two levels first.",
        )
    return by


def _shares(cells: Cells, group: np.ndarray) -> tuple[Array, Array]:
    """Shares (g,) of all people, and their derivatives (g, 2C) by the cell totals."""
    weight = cells.frame["sum_w"].to_numpy(float)
    groups = np.arange(group.max() + 1)
    member = (groups[:, None] == group).astype(float)
    share = member @ weight / weight.sum()
    by_weight = member - share[:, None]
    by_events = 0 * member
    return share, np.hstack([by_weight, by_events]) / weight.sum()


def _convention(cells: Cells) -> str:
    return f"{cells.variance}; {cells.df_words}; logit interval; share of all people"


def _of_people(cells: Cells, by: list[str]) -> pd.DataFrame:
    """The cells, their axes without the levels that nobody has."""
    frame = cells.frame.copy()
    for axis in by:
        if frame[axis].dtype == "category":
            frame[axis] = frame[axis].cat.remove_unused_categories()
    return frame


def _left_out(counts: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Which combinations (g,) are not shown.

    Those that fail the gate, and the smallest that would give them away.
    """
    n = counts["n"].to_numpy()
    out = counts["smallest"].to_numpy() < MINIMUM
    margins = _margins(counts, by)
    settled = False
    while not settled:
        before = out.sum()
        for rows in margins:
            out[_giving_away(n, out, rows)] = True
        settled = out.sum() == before
    return out


def _giving_away(n: np.ndarray, out: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The combination of a margin that gives those left out away, if there is one."""
    shown = rows[~out[rows]]
    hidden = n[rows][out[rows]].sum()
    if not 0 < hidden < MINIMUM:
        return shown[:0]
    return shown[np.argsort(n[shown], kind="stable")[:1]]


def _margins(counts: pd.DataFrame, by: list[str]) -> list[np.ndarray]:
    """The combinations that each margin adds up, by their place; everybody first."""
    margins = []
    for size in range(len(by)):
        for fixed in choose(by, size):
            _, margin = combinations(counts, list(fixed))
            groups = range(margin.max() + 1)
            margins += [np.flatnonzero(margin == group) for group in groups]
    return margins


def _notes(n: np.ndarray, kept: np.ndarray, base: int | None) -> tuple[str, ...]:
    """How many people are not shown, if any."""
    if kept.all():
        return ()
    people = people_in_words(int(n[~kept].sum()), base).capitalize()
    note = (
        f"{people} people are in combinations that are not shown: too few are in one "
        "of them."
    )
    return (note,)
