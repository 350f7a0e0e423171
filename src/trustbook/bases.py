"""Which outcomes count the same people, so that no two tables differ by a few of them.

Where a few people of a cell answered one outcome and not another, both tables together
tell of single people. Such outcomes share a base: those who answered all of them. Where
that would leave out many (a question that only some were asked), the outcome of fewer
people is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from trustbook.families import REASONS, Family
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM

KEPT = 0.9  # share of those who answered an outcome that a common base must keep


def families_of(
    design: SurveyDesign, outcomes: Sequence[str], axes: Sequence[str]
) -> list[Family]:
    """The cells of each outcome that may be shown, beside those of the others.

    Parameters
    ----------
    design : SurveyDesign
    outcomes, axes : sequence of str

    Returns
    -------
    list of Family
        In the order of `outcomes`. Of one that cannot be shown beside the others,
        nothing is, and ``withheld`` says why.
    """
    families = {name: Family(design, name, axes, outcomes) for name in outcomes}
    while pair := _clash(families):
        kept = _joined(design, families, pair, axes)
        if kept is None:
            _leave_out(families, pair)
        else:
            families |= kept
    return list(families.values())


def _clash(families: Mapping[str, Family]) -> tuple[str, str] | None:
    """Two outcomes of which a few people of a cell that is shown answered only one."""
    for one, other in combinations(families, 2):
        if _differ_by_few(families[one], families[other]):
            return one, other
    return None


def _differ_by_few(one: Family, other: Family) -> bool:
    """Whether in a cell that both show 1 to 9 people are counted in one only."""
    if not (one.sets and other.sets):
        return False
    first, second = one.counted, other.counted
    if np.array_equal(first, second):
        return False
    for by, beside in product(one.sets, other.sets):
        shared = [form for form in by if form in beside and _alike(one, other, form)]
        cells = one.base.frame[shared]
        if _is_few(cells[first & ~second]) or _is_few(cells[second & ~first]):
            return True
    return False


def _alike(one: Family, other: Family, form: str) -> bool:
    """Whether a form of an identity has the same levels in both families."""
    return one.base.frame[form].equals(other.base.frame[form])


def _is_few(cells: pd.DataFrame) -> bool:
    """Whether some cell has 1 to 9 of these people."""
    if cells.empty:
        return False
    if not len(cells.columns):
        return len(cells) < MINIMUM
    sizes = cells.value_counts()
    return bool(((sizes > 0) & (sizes < MINIMUM)).any())


def _joined(
    design: SurveyDesign,
    families: Mapping[str, Family],
    pair: tuple[str, str],
    axes: Sequence[str],
) -> dict[str, Family] | None:
    """Both outcomes, and those they share a base with already, on one base.

    Nothing if too many people would be left out.
    """
    one, other = (families[name] for name in pair)
    group = list(dict.fromkeys([*one.answered, *other.answered]))
    together = one.counted & other.counted
    fewest = min(one.counted.sum(), other.counted.sum())
    if together.sum() < KEPT * fewest:
        return None
    told = [axis for axis in one.axes if axis in other.axes]
    every = list(families)
    made = {name: Family(design, name, told, every, group) for name in group}
    for name, family in made.items():
        for axis in axes:
            if axis not in told:
                family.withheld[f"{name} by {axis}"] = REASONS["few"]
    return made


def _leave_out(families: Mapping[str, Family], pair: tuple[str, str]) -> None:
    """Show nothing of the outcome that fewer people answered."""
    least = min(pair, key=lambda name: families[name].counted.sum())
    most = pair[0] if least == pair[1] else pair[1]
    family = families[least]
    family.sets = []
    family.joined = {}
    family.placed = []
    family.withheld = {least: REASONS["between"].format(other=most)}
