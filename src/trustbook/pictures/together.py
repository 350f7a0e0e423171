r"""What several identities do together: each group, and where it would be if they just added up.

Beside each group that has two identities or more stand two marks: a solid one where it
would be if the gaps of each identity alone simply added up, a dashed one where it would
be if their ratios multiplied.

.. math:: p_{added} = p_0 + \sum_i (p_i - p_0), \qquad
          p_{multiplied} = p_0 \prod_i p_i / p_0

with p_0 of the group of first levels and p_i of the group that has identity i alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from trustbook.pictures.rows import (
    Axis,
    Mark,
    PictureRow,
    RowPicture,
    rows_of,
)
from trustlib.errors import EstimandError, require_a, require_names
from trustlib.estimates import Estimates
from trustlib.figures import RowName, called
from trustlib.scales import scale_of
from trustlib.tables import INTERVAL, evidence, heading, readable

ADDED = "if the gaps simply added up"
MULTIPLIED = "if the ratios multiplied"
WORTH = 0.9  # of the people: fewer effective ones are told
KINDS = ("level", "prediction")
Levels = tuple[Hashable, ...]


@dataclass(frozen=True)
class Contrast:
    """How far one group is from the sum of the gaps of its identities.

    Attributes
    ----------
    points : float
        On the scale of probabilities.
    is_clear : bool
        By the rule of the page.

    Examples
    --------
    >>> Contrast(0.03, False).is_clear
    False
    """

    points: float
    is_clear: bool


@dataclass(frozen=True)
class _Expected:
    """Where a group would be; what is beyond 0 or 100 percent cannot be."""

    added: float
    multiplied: float

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks that have a place on the axis."""
        values = {"added": self.added, "multiplied": self.multiplied}
        return tuple(
            Mark(kind, 100 * value) for kind, value in values.items() if 0 <= value <= 1
        )

    @property
    def in_words(self) -> str:
        """Both in one line."""
        return (
            f"adding up {_percent(self.added)}, multiplying {_percent(self.multiplied)}"
        )


def together(
    levels: Estimates,
    contrasts: Sequence[Contrast] = (),
    worth: Estimates | None = None,
) -> RowPicture:
    """The groups of an intersection, and where they would be if identities just added up.

    Parameters
    ----------
    levels : Estimates
        Levels or predictions by two identities or more; the first row is the group of
        first levels.
    contrasts : sequence of Contrast
        Of the groups that have two identities, for the title.
    worth : Estimates, optional
        The same groups as answered, whose effective numbers of people are told.

    Returns
    -------
    RowPicture

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        There are fewer than two identities.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 160, "eth": (["a"] * 2 + ["b"] * 2) * 80})
    >>> number = rows.groupby(["sex", "eth"]).cumcount()
    >>> most = 20 + 10 * (rows["sex"] == "w") + 20 * (rows["eth"] == "b")
    >>> rows["y"] = (number < most).astype(float)
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex", "eth"])
    >>> picture = together(tl.cell_means(cells))
    >>> picture.rows[-1].beside
    ('80 people', 'adding up 62.5, multiplying 75.0')
    """
    require_a(Estimates, levels, "Give the result of cell_means or predictions.")
    require_names("such picture of estimates of kind", [levels.kind], KINDS)
    if len(levels.by) < 2:
        raise EstimandError(
            f"Expected two identities or more, got {len(levels.by)}.",
            "Give levels by all of them, as from cell_means(cells, by=[...]).",
        )
    shown = readable(levels)
    levels = levels.showable("This picture")
    expected = _expected(levels)
    people = _people(levels, worth)
    rows = []
    for i, row in enumerate(rows_of(levels, shown)):
        own = expected.get(i)
        beside = [people[i]]
        if own is not None:
            beside.append(own.in_words)
        marks = () if own is None else own.marks
        name = RowName("", _name(levels, i))
        rows.append(replace(row, name=name, beside=tuple(beside), marks=marks))
    ends = [end for row in rows for end in row.ends]
    ends += [mark.value for row in rows for mark in row.marks]
    return RowPicture(
        title=_title(levels, rows, expected, contrasts),
        what=f"{heading(levels.outcome, levels.labels)}, percent",
        rows=tuple(rows),
        axis=Axis.over(ends, scale_of(levels.kind)),
        says=f"Lines are {INTERVAL}s; the marks have errors of their own.",
        evidence=evidence(levels.source),
        legend=(("added", ADDED), ("multiplied", MULTIPLIED)),
    )


def _expected(levels: Estimates) -> dict[int, _Expected]:
    """Row -> where it would be, of the rows that have two identities or more."""
    frame = levels.frame
    groups = [tuple(row) for row in frame[list(levels.by)].itertuples(index=False)]
    share = dict(zip(groups, frame["estimate"].astype(float), strict=True))
    first = groups[0]
    expected = {}
    for i, group in enumerate(groups):
        alone = _alone(first, group)
        known = all(each in share for each in alone)
        if len(alone) > 1 and known and share[first] > 0:
            base = share[first]
            others = [share[each] for each in alone]
            expected[i] = _Expected(
                added=base + sum(other - base for other in others),
                multiplied=base * prod(other / base for other in others),
            )
    return expected


def _alone(first: Levels, group: Levels) -> list[Levels]:
    """For each identity of a group, the group that has this one alone."""
    alone = []
    for place, level in enumerate(group):
        if level != first[place]:
            alone.append((*first[:place], level, *first[place + 1 :]))
    return alone


def _people(levels: Estimates, worth: Estimates | None) -> list[str]:
    """How many people each group has, and what they are worth by their weights."""
    counted = levels.frame["n"].tolist()
    effective = (worth or levels).frame["n_eff"].tolist()
    texts = []
    for people, value in zip(counted, effective, strict=True):
        text = f"{people:,.0f} people"
        if value < WORTH * people:
            text += f", worth {value:,.0f}"
        texts.append(text)
    return texts


def _name(levels: Estimates, row: int) -> str:
    """A group by the names of its levels."""
    frame = levels.frame
    names = [called(axis, frame[axis].iloc[row], levels.labels) for axis in levels.by]
    return ", ".join(names)


def _title(
    levels: Estimates,
    rows: Sequence[PictureRow],
    expected: dict[int, _Expected],
    contrasts: Sequence[Contrast],
) -> str:
    """What was found: of one group against the sum, or of how many groups."""
    begin = levels.source.title_mark
    if len(contrasts) == 1 and expected:
        last = max(expected)
        sum_of_gaps = _percent(expected[last].added)
        group = f"{rows[last].name.own}: {rows[last].value} percent"
        return f"{begin}{group}; {_against(contrasts[0], sum_of_gaps)}"
    low = min(rows, key=lambda row: row.ends[1])
    high = max(rows, key=lambda row: row.ends[1])
    text = (
        f"From {low.value} percent ({low.name.own}) to "
        f"{high.value} percent ({high.name.own})"
    )
    if contrasts:
        clear = sum(contrast.is_clear for contrast in contrasts) or "none"
        text += f"; of {len(contrasts)} contrasts {clear} clear of the sum of gaps"
    return begin + text


def _against(contrast: Contrast, sum_of_gaps: str) -> str:
    """A group beside the sum of the gaps, which is told."""
    begin = f"the gaps added up give {sum_of_gaps}"
    if not contrast.is_clear:
        return f"{begin}, no clear difference"
    than = "more" if contrast.points > 0 else "less"
    return f"{begin}, and it is clearly {than}"


def _percent(share: Any) -> str:
    """A share as a percentage; what cannot be, in words."""
    if share > 1:
        return "over 100"
    if share < 0:
        return "under 0"
    return f"{100 * share:.1f}"
