"""Whom the tables of each outcome count, so that no two of them differ by a few people.

Where a few people of a cell answered one outcome and not another, both tables together
tell of single people. Then the one outcome counts only those who answered the other
too. Where that would leave out many, the outcome of fewer people is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations, product

import pandas as pd

from trustbook.families import REASONS, Family
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM

KEPT = 0.9  # share of those who answered an outcome that must stay


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
        narrowed = _narrowed(design, families, pair, axes)
        if _keep_most(families, narrowed):
            families |= narrowed
        else:
            _leave_out(families, pair)
    return list(families.values())


def _clash(families: Mapping[str, Family]) -> tuple[str, str] | None:
    """Two outcomes of which a few people of a cell that is shown answered only one."""
    for one, other in combinations(families, 2):
        if _differ_by_few(families[one], families[other]):
            return one, other
    return None


def _differ_by_few(one: Family, other: Family) -> bool:
    """Whether in a cell that both show 1 to 9 people are counted in one only."""
    return _has_few_beside(one, other) or _has_few_beside(other, one)


def _has_few_beside(one: Family, other: Family) -> bool:
    """Whether in a cell that both show 1 to 9 people are counted in the first only."""
    beside = one.counted & ~other.counted
    if not beside.any():
        return False
    for by, others in product(one.sets, other.sets):
        shared = [form for form in by if form in others and _alike(one, other, form)]
        if _is_few(one.base.frame.loc[beside, shared]):
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


def _narrowed(
    design: SurveyDesign,
    families: Mapping[str, Family],
    pair: tuple[str, str],
    axes: Sequence[str],
) -> dict[str, Family]:
    """Each of two outcomes on those who answered the other too, where few did not.

    Of identities both ask for the same.
    """
    told = [axis for axis in axes if all(axis in families[name].axes for name in pair)]
    made = {}
    for name, beside in permutations(pair):
        one, other = families[name], families[beside]
        answered = one.answered
        if _has_few_beside(one, other):
            answered = list(dict.fromkeys([*answered, *other.answered]))
        if answered == one.answered and told == one.axes:
            continue
        family = Family(design, name, told, list(families), answered)
        for axis in axes:
            if axis not in told:
                family.withheld[f"{name} by {axis}"] = REASONS["few"]
        made[name] = family
    return made


def _keep_most(families: Mapping[str, Family], narrowed: Mapping[str, Family]) -> bool:
    """Whether something is narrower, and each of it keeps most of its people."""
    return bool(narrowed) and all(
        family.counted.sum() >= KEPT * families[name].counted.sum()
        for name, family in narrowed.items()
    )


def _leave_out(families: Mapping[str, Family], pair: tuple[str, str]) -> None:
    """Show nothing of the outcome that fewer people answered."""
    least = min(pair, key=lambda name: families[name].counted.sum())
    most = pair[0] if least == pair[1] else pair[1]
    family = families[least]
    family.sets = []
    family.joined = {}
    family.placed = []
    family.withheld = {least: REASONS["between"].format(other=most)}
