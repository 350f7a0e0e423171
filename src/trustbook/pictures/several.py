"""Pictures of rows over several surveys: countries with their mean, and two waves.

`dots` shows a row for each country and below what they come to together, `slopes` the
last wave of each group and where it was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from trustbook.pictures.rows import (
    GIVE,
    Axis,
    Mark,
    PictureRow,
    RowPicture,
    in_rows,
    rows_of,
)
from trustbook.pictures.style import combination, level_name, named
from trustlib.errors import EstimandError, require_a, require_names
from trustlib.estimates import Estimates
from trustlib.figures import RowName
from trustlib.scales import COMPARED, scale_of
from trustlib.tables import INTERVAL, number, readable

KINDS = ("level", *COMPARED, "coefficient")


def dots(
    gaps: Estimates,
    over: str = "country",
    pooled: Estimates | None = None,
    what: str = "",
) -> RowPicture:
    """One row for each country, by name; below stands what they come to together.

    Parameters
    ----------
    gaps : Estimates
        Levels, gaps or ratios with `over` among the by-columns; what else tells them
        apart makes parts of the picture.
    over : str
    pooled : Estimates, optional
        `trustlib.pool` of the same estimates.
    what : str
        What is shown; if it is not given, the outcome.

    Returns
    -------
    RowPicture
        Sorted by name, not by size: a rank among five countries says little (see the
        chapter on countries).

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        `pooled` is of other groups or of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"country": ["US", "BR"] * 40})
    >>> rows["y"] = [1.0, 0.0, 0.0, 1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["country"])
    >>> [row.name.own for row in dots(tl.cell_means(cells)).rows]
    ['Brazil', 'United States']
    """
    require_a(Estimates, gaps, GIVE)
    require_names("such picture of estimates of kind", [gaps.kind], KINDS)
    require_names("by-column", [over], gaps.by)
    whole = in_rows(gaps, what)
    rest = [column for column in gaps.by if column != over]
    parts = _named_rows(gaps, over, rest)
    says = [whole.says]
    rows: list[PictureRow] = []
    means = {} if pooled is None else _means(pooled, rest, list(parts), gaps)
    for part, mine in parts.items():
        rows += sorted(mine, key=lambda row: row.name.own)
        if part in means:
            mean, differ = means[part]
            rows.append(mean)
            says.append(differ)
    ends = [end for row in rows for end in row.ends]
    axis = Axis.over(ends, scale_of(gaps.kind))
    return replace(whole, rows=tuple(rows), axis=axis, says=" ".join(says))


def _named_rows(
    gaps: Estimates, over: str, rest: Sequence[str]
) -> dict[str, list[PictureRow]]:
    """The rows of each part, each called by its country."""
    gaps_shown = gaps.showable("This picture")
    frame = gaps_shown.frame
    parts: dict[str, list[PictureRow]] = {}
    for i, row in enumerate(rows_of(gaps_shown, readable(gaps))):
        part = named(combination(frame[list(rest)], i), gaps.labels) if rest else ""
        country = level_name(over, frame[over].iloc[i], gaps.labels)
        name = RowName(part, country)
        parts.setdefault(part, []).append(replace(row, name=name))
    return parts


def _means(
    pooled: Estimates, rest: Sequence[str], parts: Sequence[str], gaps: Estimates
) -> dict[str, tuple[PictureRow, str]]:
    """Of each part the row of its mean, and how much the countries differ."""
    require_a(Estimates, pooled, "Give pool(...) of the same estimates.")
    shown = pooled.showable("This picture")
    frame = shown.frame
    same = set(shown.by) == set(rest) and shown.kind == gaps.kind
    names = [_part_name(frame, rest, i, gaps) for i in range(len(frame))]
    if not same or set(names) != set(parts):
        raise EstimandError(
            "The pooled estimates are not of these.",
            "Give pool(...) of the same ones.",
        )
    found = {}
    for i, row in enumerate(rows_of(shown, readable(pooled))):
        mean = frame.iloc[i]
        name = RowName(names[i], f"All {mean['k']:.0f} pooled")
        beside = [*row.beside, *_further(mean, shown.kind)]
        called = replace(row, name=name, beside=tuple(beside))
        found[names[i]] = (called, _differ(mean, shown.kind, names[i]))
    return found


def _part_name(
    frame: pd.DataFrame, rest: Sequence[str], row: int, gaps: Estimates
) -> str:
    if not rest or not set(rest) <= set(frame):
        return ""
    return named(combination(frame[list(rest)], row), gaps.labels)


def _further(mean: pd.Series, kind: str) -> list[str]:
    """Where a further country would lie, if that is known."""
    low, high = mean["prediction_low"], mean["prediction_high"]
    if not np.isfinite([low, high]).all():
        return []
    return [f"a further one: {number(low, kind)} to {number(high, kind)}"]


def _differ(mean: pd.Series, kind: str, part: str) -> str:
    """How much the countries differ, in one line."""
    scale = scale_of(kind)
    between = mean["tau2"] ** 0.5
    tau = f"{between:.2f} (of logarithms)"
    if scale.unit:
        tau = f"{100 * between:.1f}{scale.unit}"
    whose = f" ({part})" if part else ""
    i2 = f"I² {100 * mean['i2']:.0f} %"
    return f"Between countries{whose}: {i2}, standard deviation {tau}."


def slopes(levels: Estimates, over: str = "wave", what: str = "") -> RowPicture:
    """The last wave of each group, and where the wave before it stood.

    Parameters
    ----------
    levels : Estimates
        Levels or gaps with `over` among the by-columns.
    over : str
        The by-column with the two waves.
    what : str
        What is shown; if it is not given, the outcome.

    Returns
    -------
    RowPicture
        The interval is that of the last wave alone: whether a change is clear, say the
        changes.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        There are not two waves.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"wave": ["2022", "2024"] * 80, "sex": (["m"] * 2 + ["w"] * 2) * 40})
    >>> rows["y"] = ([1.0] * 4 + [0.0] * 4) * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["wave", "sex"])
    >>> [row.beside[-1] for row in slopes(tl.cell_means(cells)).rows]
    ['2022: 50.0', '2022: 50.0']
    """
    require_a(Estimates, levels, GIVE)
    require_names("by-column", [over], levels.by)
    waves = list(dict.fromkeys(levels.frame[over]))
    if len(waves) != 2:
        raise EstimandError(
            f"Expected two levels of {over!r}, got {len(waves)}.",
            "Choose two with where(...).",
        )
    before, last = waves
    whole = in_rows(levels, what)
    frame = levels.showable("This picture").frame
    rest = [column for column in levels.by if column != over]
    keys = [tuple(row) for row in frame[rest].itertuples(index=False)]
    made = dict(zip(zip(frame[over], keys, strict=True), whole.rows, strict=True))
    rows = []
    for (wave, key), row in made.items():
        former = made.get((before, key))
        if wave == last and former is not None:
            names = [
                level_name(axis, level, levels.labels)
                for axis, level in zip(rest, key, strict=True)
            ]
            rows.append(_moved(row, former, str(before), names))
    ends = [end for row in whole.rows for end in row.ends]
    return replace(
        whole,
        rows=tuple(rows),
        axis=Axis.over(ends, scale_of(levels.kind)),
        says=f"Solid: {last}, with its {INTERVAL}. Hollow: {before}.",
        legend=(("before", str(before)),),
    )


def _moved(
    row: PictureRow, former: PictureRow, before: str, names: Sequence[str]
) -> PictureRow:
    """A row of the last wave with its value of the wave before."""
    group = ""
    if len(names) > 1:
        group = names[0]
    name = RowName(group, ", ".join(names[1:] or names or ["Everyone"]))
    marks: tuple[Mark, ...] = ()
    if np.isfinite(former.ends[1]):
        marks = (Mark("before", former.ends[1]),)
    beside = (*row.beside, f"{before}: {former.value}")
    return replace(row, name=name, beside=beside, marks=marks)
