"""Two variants of the weights: whose weights were trimmed, and which weights they had.

Trimmed weights are the weights up to a cap, times one factor. Cells in which nobody was
trimmed show the factor; the others, divided by it, leave e = w - cap and e2 = w w - cap
cap. Of one person both are then known, and every such cell gives the same cap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trustbook.attacks.guesses import EXACT, Guess, within
from trustbook.attacks.published import CellTable, Published
from trustlib.variance import Array

TRIMMED = 1e-6  # share of a cell's weight that must be missing
AGREE = 1e-6  # relative: how near two caps are to be one


@dataclass(frozen=True, eq=False)
class _Trimmed:
    """What is missing of each cell, and from which cap it would be if one person was trimmed."""

    missing: Array  # (C,) weight
    of_yes: Array  # (C,) weight of those who said yes
    weight: Array  # (C,) of the one person
    cap: Array  # (C,)
    noise: Array  # (C,) SD


def variants(published: Published) -> Iterator[Guess]:
    """People whose weights were trimmed, from the cells with them and without.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(variants(Published()))
    []
    """
    for one, other in published.pairs():
        if _are_two_variants(one, other):
            full, trimmed = sorted((one, other), key=_largest_square)[::-1]
            yield from _of_trimmed(full, trimmed)


def _are_two_variants(one: CellTable, other: CellTable) -> bool:
    """Whether only the weights differ."""
    if one.weights == other.weights or "unweighted" in (one.weights, other.weights):
        return False
    mine = (one.outcome, one.told, one.release, one.labels)
    return mine == (other.outcome, other.told, other.release, other.labels)


def _largest_square(table: CellTable) -> float:
    """How uneven the weights are: trimming makes them less so."""
    return float(table.totals("sum_w2").sum() / table.totals("sum_w").sum() ** 2)


def _of_trimmed(full: CellTable, trimmed: CellTable) -> Iterator[Guess]:
    """Where one person was trimmed, her weight and answer."""
    found = _missing(full, trimmed)
    names = (full.name, trimmed.name)
    size = TRIMMED * full.totals("sum_w")
    away = np.flatnonzero(found.missing > np.maximum(size, EXACT))
    for i in map(int, away):
        others = np.delete(found.cap, i)
        agreed = bool((np.abs(others / found.cap[i] - 1) < AGREE).any())
        share = found.of_yes[i] / found.missing[i]
        is_answer = min(abs(share), abs(share - 1)) < AGREE
        sure = float(agreed or is_answer)
        if found.noise[i] > 0:
            sure = within(0.01 * found.weight[i], found.noise[i])
        cell = full.labels[i]
        weight = float(found.weight[i])
        yes = float(share > 0.5)
        there = sure if found.noise[i] == 0 else _there(found, i)
        yield Guess("variants", full.source, cell, "people", names, there, 1.0)
        yield Guess("variants", full.source, cell, "weight", names, sure, weight)
        yield Guess("variants", full.source, cell, "answer", names, sure, yes)


def _there(found: _Trimmed, i: int) -> float:
    """How sure it is that the person trimmed is in a cell, where there is noise."""
    standing = found.missing / found.noise
    odds = np.exp(np.clip(standing, 0, 10) ** 2 / 2)
    return float(odds[i] / odds.sum())


def _missing(full: CellTable, trimmed: CellTable) -> _Trimmed:
    """What the trimmed cells lack, in units of the full ones."""
    sums = {name: full.totals(name) for name in ("sum_w", "sum_wy", "sum_w2")}
    less = {name: trimmed.totals(name) for name in sums}
    ratio = less["sum_w"] / sums["sum_w"]
    noise = np.zeros(len(ratio))
    if full.noise:
        factor = float(np.median(ratio))
        typical = sums["sum_w2"] / full.totals("n")
        noise = 2 * full.noise * np.sqrt(typical)
    else:
        factor = float(ratio.max())
    missing = sums["sum_w"] - less["sum_w"] / factor
    of_yes = sums["sum_wy"] - less["sum_wy"] / factor
    squares = sums["sum_w2"] - less["sum_w2"] / factor**2
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = (squares / missing + missing) / 2
    return _Trimmed(missing, of_yes, weight, weight - missing, noise)
