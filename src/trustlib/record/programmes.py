"""The extremes of a share over a cone of populations: linear programmes, in boxes where they are not enough.

A population is a vector x of people, at least zero, in each of S states; what it honours
are rows with ``rows @ x <= 0``. A share is a ratio of two linear forms. With its
denominator fixed at one (Charnes and Cooper 1962) its extremes are a linear programme,
whether or not the size of the group is known.

A comparison of two shares with unknown sizes is not linear. It is cut into boxes of the
second share, in each of which it lies between linear conditions, until the answer is
certain to a tolerance (branch and bound): "impossible" is always proved, and bounds err
only to the outside.

Nothing here knows what a state or a figure is; that is `trustlib.record.audit`.
Source of `smallest_contradiction`: Chinneck (2008); Ignatiev et al. (2015).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from trustlib.errors import EstimandError
from trustlib.variance import Array

NARROW = 1e-6  # a box of this width is a point
PATIENCE = 1_500  # boxes, about ten seconds
STEEP = 1e4  # the solver lets a row be missed by 1e-7, which is much for a small group
SOLVED, IMPOSSIBLE = 0, 2  # of scipy's milp
# How steep rows are made, and whether the solver may simplify them first.
ATTEMPTS = ((STEEP, True), (STEEP, False), (1, True), (1, False))


@dataclass(frozen=True)
class Ratio:
    """A share: people with something, by people who could have it."""

    above: Array  # (S,)
    below: Array  # (S,)

    def at(self, x: Array) -> float:
        """Its value in a population."""
        return self.above @ x / (self.below @ x)

    def rows(self, low: float, high: float) -> list[Array]:
        """The rows that say that it lies in a range."""
        return [self.above - high * self.below, low * self.below - self.above]


@dataclass(frozen=True)
class Tie:
    """A share that may lie only so far above another: the `pivot`-th of `Cone.pivots`."""

    ratio: Ratio
    pivot: int
    low: float
    high: float


@dataclass(frozen=True)
class Attained:
    """An extreme, and a population that has it."""

    value: float
    x: Array  # (S,)


@dataclass(frozen=True, order=True)
class _Box:
    """Ranges of the pivots with the extreme in them; the most promising box comes first."""

    promise: float
    width: float
    turn: int
    ends: Array = field(compare=False)  # (pivots, 2)
    extreme: Attained = field(compare=False)


@dataclass(frozen=True)
class Cone:
    """Populations that honour some rows and some ties, with a ratio whose extreme is sought.

    Attributes
    ----------
    rows : array (k, S)
        ``rows @ x <= 0``.
    pivots : list of Ratio
        Shares of unknown size that others are compared with.
    ties : list of Tie
    target : Ratio
    is_gap : bool
        What is sought is the target less the first pivot.
    sense : int
        1 for the greatest value, -1 for the least.

    Examples
    --------
    Two states; the second has at most a quarter of the people:

    >>> import numpy as np
    >>> everybody = np.array([1.0, 1.0])
    >>> second = Ratio(np.array([0.0, 1.0]), everybody)
    >>> cone = Cone(np.array([[-0.25, 0.75]]), [], [], second, is_gap=False, sense=1)
    >>> round(cone.extreme(1e-4).value, 6)
    0.25
    """

    rows: Array
    pivots: Sequence[Ratio]
    ties: Sequence[Tie]
    target: Ratio
    is_gap: bool
    sense: int

    def extreme(self, tolerance: float) -> Attained | None:
        """Find the extreme and where it is attained; None if no population is left.

        Branch and bound over the pivots; one linear programme if there are none.
        """
        start = np.tile([0.0, 1.0], (len(self.pivots), 1))
        first = self._in(start)
        if first is None or not self.pivots:
            return first
        turn = itertools.count()
        best: Attained | None = None
        heap = [self._box(1.0, turn, start, first)]
        while heap:
            box = heapq.heappop(heap)
            # the most promising box: nothing beyond its value is possible
            if best is not None and not self._beats(box.extreme, best, tolerance):
                return Attained(box.extreme.value, best.x)
            width = box.ends[:, 1] - box.ends[:, 0]
            if width.max() < NARROW:
                return box.extreme
            _require_patience(box)
            best = self._better(best, self._at_pivots_of(box.extreme.x))
            widest = int(width.argmax())
            for half in _halves(box.ends, widest):
                extreme = self._in(half)
                if extreme is not None:
                    part = self._box(width[widest], turn, half, extreme)
                    heapq.heappush(heap, part)
        return best

    def _box(
        self, width: float, turn: Iterator[int], ends: Array, extreme: Attained
    ) -> _Box:
        return _Box(-self.sense * extreme.value, width, next(turn), ends, extreme)

    def _beats(self, one: Attained, other: Attained, by: float) -> bool:
        """Whether a value is beyond another, in the direction that is sought."""
        return self.sense * (one.value - other.value) > by

    def _better(self, one: Attained | None, other: Attained | None) -> Attained | None:
        """Of two values the one further in the direction that is sought."""
        if one is None or other is None:
            return one or other
        return other if self._beats(other, one, 0) else one

    def _at_pivots_of(self, x: Array) -> Attained | None:
        """The extreme where the pivots are as in a population: certainly possible."""
        point = np.array([pivot.at(x) for pivot in self.pivots])
        return self._in(np.column_stack([point, point]))

    def _in(self, ends: Array) -> Attained | None:
        """The extreme in a box, relaxed to linear conditions."""
        rows = [self.rows]
        for pivot, (low, high) in zip(self.pivots, ends, strict=True):
            rows += pivot.rows(low, high)
        for tie in self.ties:
            low, high = ends[tie.pivot]
            rows += tie.ratio.rows(low + tie.low, high + tie.high)
        attained = ratio_extreme(np.vstack(rows), self.target, self.sense)
        if attained is None or not self.is_gap:
            return attained
        low, high = ends[0]
        base = low if self.sense > 0 else high
        return Attained(attained.value - base, attained.x)


def _require_patience(box: _Box) -> None:
    """Raise if too many boxes were opened."""
    if box.turn > PATIENCE:
        raise EstimandError(
            f"Not decided in {box.turn} steps; no value beyond "
            f"{box.extreme.value:.4g} is possible.",
            "Ask for a wider tolerance, or leave out figures that compare groups of "
            "unknown sizes.",
        )


def _halves(ends: Array, widest: int) -> Iterator[Array]:
    """A box cut in two across its widest side."""
    low, high = ends[widest]
    middle = ends[widest].mean()
    for part in ([low, middle], [middle, high]):
        half = ends.copy()
        half[widest] = part
        yield half


def ratio_extreme(rows: Array, ratio: Ratio, sense: int) -> Attained | None:
    """Find the extreme of a ratio over ``rows @ x <= 0``, ``x >= 0``.

    Parameters
    ----------
    rows : array (k, S)
    ratio : Ratio
    sense : int
        1 for the greatest value, -1 for the least.

    Returns
    -------
    Attained or None
        None if no population honours the rows and has somebody in the denominator.

    Raises
    ------
    EstimandError
        The solver gave no answer.

    Examples
    --------
    >>> import numpy as np
    >>> second = Ratio(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    >>> ratio_extreme(np.array([[-0.25, 0.75]]), second, sense=-1).value
    0.0
    """
    from scipy.optimize import LinearConstraint, milp

    for steep, presolve in ATTEMPTS:
        limits = [
            LinearConstraint(steep * rows, -np.inf, 0),
            LinearConstraint(ratio.below[None], 1, 1),
        ]
        options = {"presolve": presolve}
        solved = milp(-sense * ratio.above, constraints=limits, options=options)
        if solved.status == SOLVED:
            return Attained(float(ratio.above @ solved.x), solved.x)
        if solved.status == IMPOSSIBLE:
            return None
    raise EstimandError(
        f"The solver gave no answer: {solved.message}",
        "Widen the figures, or ask for a larger group.",
    )


def smallest_contradiction(
    names: Sequence[str], possible: Callable[[Sequence[str]], bool]
) -> tuple[str, ...]:
    """Find a smallest set of names that are not possible together.

    A least hitting set of the sets whose removal makes the rest possible.

    Parameters
    ----------
    names : sequence of str
        Not possible all together.
    possible : callable
        Whether these names can all be true.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> smallest_contradiction(["a", "b", "c"], lambda names: not {"a", "c"} <= {*names})
    ('a', 'c')
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    corrections: list[Array] = []
    chosen: list[str] = []
    ones = np.ones(len(names))
    while possible(chosen):
        for name in names:
            if name not in chosen and possible([*chosen, name]):
                chosen.append(name)
        left_out = [float(name not in chosen) for name in names]
        corrections.append(np.array(left_out))
        hits = LinearConstraint(np.array(corrections), 1, np.inf)
        solved = milp(ones, integrality=ones, bounds=Bounds(0, 1), constraints=hits)
        chosen = [name for name, x in zip(names, solved.x, strict=True) if x > 0.5]
    return tuple(chosen)
