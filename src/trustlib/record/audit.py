"""Can the printed figures all be true? Linear programmes over every population that would have printed them.

A population is a number of people for each *state*: a combination of identities (a cell) and of answers. A printed
figure is a linear condition on these numbers, so that all populations that honour a record form a cone:

* ``audit`` asks whether any is left, alone and under stated assumptions; if none is, it names a smallest set of
  figures and assumptions that contradict each other: without any one of them the others can all be true;
* ``bounds`` gives the least and the greatest value that a share, a number or a contrast which nobody printed can have.

A share is a ratio of two linear forms. With its denominator fixed at one (Charnes and Cooper 1962) its extremes are a
linear programme, whether or not the size of the group is known. A comparison of two shares with unknown sizes is not
linear. It is cut into boxes of the second share, in each of which it lies between linear conditions, until the answer
is certain to `TOLERANCE` (branch and bound): "impossible" is always proved, and bounds err only to the outside.

Conventions. A figure may lie anywhere within its rounding, ends included. A group with a printed percentage has at
least one person (one in 100,000 where their number is not known). People may be split: bounds of counts are
rounded inwards to whole people. Percentages may be weighted and numbers not; the programmes take both as of the same
people, which is what the reader of a report does. Sampling error plays no part: the question is about the poll itself.

Sources: Manski (2003) for partial identification; Chinneck (2008) for irreducible infeasible sets; Ignatiev et al.
(2015) for the smallest one, by hitting sets.
"""

from __future__ import annotations

import ast
import heapq
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trustlib.errors import (
    CodebookError,
    EstimandError,
    TrustlibError,
    one_line,
    raise_faults,
    require_names,
    unknown_name,
)
from trustlib.variance import Array

Assumed = Iterable["str | Claim"]
KINDS = ("share", "count", "gap")
ONE_ITEM = "one item"
NO_SINGLE_ABOVE = "no single group above the double group"
ASSUMPTIONS = (ONE_ITEM, NO_SINGLE_ABOVE)
TOLERANCE = 1e-4  # of bounds, where a gap between shares of unknown sizes plays a part
_NARROW = 1e-6  # a box of this width is a point
_PATIENCE = 1_500  # boxes, about ten seconds
_STEEP = 1e4  # the solver lets a row be missed by 1e-7, which is much for a small group
_WHOLE = 1e-2  # of a person: what a programme may miss by


@dataclass(frozen=True)
class Population:
    """Which combinations of identities there are, how many people, and which questions they were asked.

    Parameters
    ----------
    axes : mapping
        Axis -> its levels. Every combination of levels is a cell.
    n : int, optional
        The number of people. None: not known, and then no figure may be a count.
    derived : mapping, optional
        Name -> expression on the axes. The name then is an axis with levels "no" and "yes".
    items : sequence of str
        The questions, answered yes or no. ``any`` is yes to at least one of the first two.
    double : tuple of str
        The two identities that the assumption ``no single group above the double group`` speaks of.
    """

    axes: Mapping[str, Sequence[str]]
    n: int | None = None
    derived: Mapping[str, str] = field(default_factory=dict)
    items: Sequence[str] = ("provider", "system")
    double: tuple[str, str] = ('ethnicity == "minority"', 'disability == "disabled"')


@dataclass(frozen=True)
class Claim:
    """A printed figure, or an assumption, as the range that it allows.

    Parameters
    ----------
    id : str
        Its name, as it appears in a conflict. Claims of one name stand and fall together.
    group : str
        An expression such as ``ethnicity == "minority" and not disability == "disabled"``, or ``all``. An item may be
        named in it: ``marginalised == "yes" and any``.
    low, high : float
        The range: of shares and gaps 0-1, of counts people. A figure printed as 82 % allows 0.815 to 0.825.
    kind : str
        ``share``: of the people in `given`, those in `group` who say yes to `item`. ``count``: people in `group` who
        say yes to `item`. ``gap``: the share of yes in `group` less the share in `versus`.
    item : str
        A question of the population, ``any``, or nothing: people, whatever they answered.
    given : str, optional
        Denominator of a share. Default: `group` itself if there is an item, else everybody.
    versus : str, optional
        The group that a gap is measured from.
    """

    id: str
    group: str
    low: float = 0.0
    high: float = 1.0
    kind: str = "share"
    item: str = ""
    given: str | None = None
    versus: str | None = None


@dataclass(frozen=True)
class Audit:
    """Whether claims can all be true, and if not, a smallest set of them that cannot.

    Attributes
    ----------
    feasible : bool
        Some population honours every claim and assumption.
    conflict : tuple of str
        Empty, or the names of a smallest contradiction: no smaller set contradicts itself, and without any one of its
        members the others can all be true.
    example : DataFrame or None
        One population that honours everything: the people of each cell, and those who say yes to each item.
    """

    feasible: bool
    conflict: tuple[str, ...]
    example: pd.DataFrame | None

    def __str__(self) -> str:
        if self.feasible:
            return "All of this can be true together."
        return f"This cannot all be true. A smallest contradiction: {'; '.join(self.conflict)}."


def audit(
    claims: Iterable[Claim], population: Population, assume: Assumed = ()
) -> Audit:
    """Say whether these figures can all be true of one population.

    Parameters
    ----------
    claims : iterable of Claim
        Printed figures.
    population : Population
        What they are about.
    assume : iterable of str or Claim
        Assumptions by name, or as claims.

        ``one item``: every figure is of one and the same question, so that nobody answers yes to one item and no to
        another.

        ``no single group above the double group``: for every item that a figure of the double group is about, people
        who are only of the first identity, or only of the second, do not say yes more often than people who are both.
        With no figure of the double group, it is assumed for all items. The two identities are the population's
        `double`. A group of nobody is not above another.

    Returns
    -------
    Audit
    """
    programme = _Programme(claims, population, assume)
    people = programme.example(list(programme.members))
    if people is None:
        return Audit(False, programme.conflict(), None)
    counts = pd.DataFrame(
        {"people": people, **{i: people * programme.states[i] for i in programme.items}}
    )
    cells = [programme.states[axis] for axis in population.axes]
    return Audit(True, (), counts.groupby(cells, sort=False).sum().reset_index())


def bounds(
    claims: Iterable[Claim],
    population: Population,
    asked: Claim,
    assume: Assumed = (),
    tolerance: float | None = None,
) -> tuple[float, float]:
    """The least and greatest value of a figure that nobody printed, over all populations that honour the claims.

    Parameters
    ----------
    claims, population, assume
        As `audit`.
    asked : Claim
        The figure; its name and range play no part.
    tolerance : float, optional
        Where a gap is asked for, claimed or assumed and sizes are not known, the bounds may be too wide by this much at
        each end, never too narrow. Otherwise they are exact. Default: 0.0001; of counts, a hundredth of a person.

    Returns
    -------
    low, high : float
        Of shares and gaps 0-1, of counts whole people.

    Raises
    ------
    EstimandError
        The claims contradict each other (the conflict is named), nobody can be in the group, or several comparisons of
        groups of unknown sizes play a part and the bound is not found to the tolerance in reasonable time.
    """
    programme = _Programme(claims, population, assume, asked)
    names = list(programme.members)
    if programme.example(names) is None:
        told = "; ".join(programme.conflict())
        hint = "Drop a figure or an assumption, or read a figure as of another item."
        raise EstimandError(
            f"No population honours these figures. They contradict each other: {told}.",
            hint,
        )
    n, counts = programme.n, asked.kind == "count"
    reach = tolerance or (_WHOLE / n if counts else TOLERANCE)
    low, high = (programme.search(names, asked, sense, reach) for sense in (-1, 1))
    if low is None or high is None:
        who = asked.given or asked.group
        raise EstimandError(
            f"By these figures nobody is in {who!r}.",
            "Ask how many people are, instead.",
        )
    if not counts:
        return low[0], high[0]
    return float(np.ceil(low[0] * n - 2 * _WHOLE)) + 0.0, float(
        np.floor(high[0] * n + 2 * _WHOLE)
    )


class _Programme:
    """The cone of populations: states, and the rows ``row @ people <= 0`` of every member."""

    def __init__(
        self,
        claims: Iterable[Claim],
        population: Population,
        assume: Assumed,
        *asked: Claim,
    ) -> None:
        claims, assume = list(claims), list(assume)
        stated = [*claims, *(a for a in assume if isinstance(a, Claim))]
        every = [*stated, *asked]
        used = set(
            re.findall(
                r"\w+",
                " ".join(f"{c.item} {c.group} {c.given} {c.versus}" for c in every),
            )
        )
        self.items = [i for i in population.items if i in used or "any" in used] or [
            population.items[0]
        ]
        self.states = _states(population, self.items)
        self.n = population.n or 100_000
        ids, named = (
            [c.id for c in claims],
            [a for a in assume if not isinstance(a, Claim)],
        )
        faults = [
            f"{k}: stands there more than once"
            for k in dict.fromkeys(ids)
            if ids.count(k) > 1
        ]
        faults += [
            one_line(unknown_name("assumption", a, ASSUMPTIONS))
            for a in named
            if a not in ASSUMPTIONS
        ]
        faults += dict.fromkeys(
            f"{c.id}: {fault}" for c in every for fault in self._faults(c, population)
        )
        hint = "Correct the figures, or leave out those that are not about this population."
        raise_faults(CodebookError, "These figures cannot be audited", faults, hint)
        if ONE_ITEM in named:
            one, both = " or ".join(self.items), " and ".join(self.items)
            stated.append(Claim(ONE_ITEM, f"({one}) and not ({both})", 0, 0))
        if NO_SINGLE_ABOVE in named:
            stated += self._no_single_above(claims, population.double)
        self.members: dict[str, list[Claim]] = {}
        for claim in stated:
            self.members.setdefault(claim.id, []).append(claim)
        self._rows = {k: self._linear(m) for k, m in self.members.items()}

    def _faults(self, claim: Claim, population: Population) -> list[str]:
        """Every reason why a claim makes no sense for this population."""
        if claim.kind not in KINDS:
            return [one_line(unknown_name("kind of figure", claim.kind, KINDS))]
        faults = []
        least, most = {
            "share": (0, 1),
            "gap": (-1, 1),
            "count": (0, population.n or np.inf),
        }[claim.kind]
        if not max(least, claim.low) <= min(most, claim.high):
            faults.append(
                f"{claim.low:g} to {claim.high:g} is not possible: {least:g} to {most:g} is"
            )
        if claim.kind == "count" and population.n is None:
            faults.append("a count needs the number of people in the population")
        if (claim.versus is None) == (claim.kind == "gap"):
            faults.append(
                "a gap, and nothing else, needs the group that it is measured from (versus)"
            )
        for text in filter(None, (claim.group, claim.item, claim.given, claim.versus)):
            try:
                _mask(text, self.states)
            except TrustlibError as error:
                faults.append(one_line(error))
        return faults

    def _no_single_above(
        self, claims: list[Claim], identities: tuple[str, str]
    ) -> list[Claim]:
        """The assumption as gaps that are not above zero."""
        first, second = (f"({d})" for d in identities)
        both = f"{first} and {second}"
        inside = _mask(both, self.states)
        told = [
            c.item
            for c in claims
            if c.item and np.array_equal(_mask(c.group, self.states), inside)
        ]
        singles = (f"{first} and not {second}", f"{second} and not {first}")
        pairs = itertools.product(dict.fromkeys(told or self.items), singles)
        return [
            Claim(NO_SINGLE_ABOVE, single, -1, 0, "gap", item, versus=both)
            for item, single in pairs
        ]

    def _ratio(
        self, group: str, item: str, given: str | None = None
    ) -> tuple[Array, Array]:
        """Numerator and denominator of a share, as vectors over the states."""
        base = _mask(given or (group if item else "all"), self.states)
        yes = _mask(item or "all", self.states)
        return (_mask(group, self.states) & yes & base).astype(float), base.astype(
            float
        )

    def _form(self, claim: Claim) -> tuple[Array, Array]:
        """Numerator and denominator of a claim. Of a count: the people, and everybody."""
        return self._ratio(
            claim.group, claim.item, "all" if claim.kind == "count" else claim.given
        )

    def _linear(self, claims: Iterable[Claim]) -> Array:
        """The rows of a member that are the same in every box."""
        rows, somebody = [], np.full(len(self.states), 1 / self.n)
        for c in claims:
            above, below = self._ratio(c.versus, c.item) if c.versus else self._form(c)
            if c.kind != "count":
                rows.append(somebody - below)
            if c.kind != "gap":
                unit = self.n if c.kind == "count" else 1
                rows += [above - c.high / unit * below, c.low / unit * below - above]
        return np.array(rows)

    def example(self, names: Sequence[str]) -> Array | None:
        """People in each state, such that these members all hold."""
        found = self.search(names, Claim("", "all"), 1, TOLERANCE)
        return None if found is None else found[1] / found[1].sum() * self.n

    def search(
        self, names: Sequence[str], target: Claim, sense: int, tol: float
    ) -> tuple[float, Array] | None:
        """Branch and bound over the shares that gaps are measured from; one linear programme if there is no gap."""
        gaps = [c for k in names for c in self.members[k] if c.kind == "gap"]
        aim = [target] if target.kind == "gap" else []
        pivots = list(dict.fromkeys((c.versus or "", c.item) for c in [*aim, *gaps]))
        shares = [self._ratio(*pivot) for pivot in pivots]
        ties = [
            (*self._form(c), pivots.index((c.versus or "", c.item)), c) for c in gaps
        ]
        above, below = self._form(target)
        fixed = np.vstack(
            [
                0 * below,
                *(self._rows[k] for k in names),
                *(self._linear([c]) for c in aim),
            ]
        )

        def solve(box: Array) -> tuple[float, Array] | None:
            rows = [fixed]
            for (up, down), (low, high) in zip(shares, box, strict=True):
                rows += [up - high * down, low * down - up]
            for up, down, i, c in ties:
                rows += [
                    up - (box[i, 1] + c.high) * down,
                    (box[i, 0] + c.low) * down - up,
                ]
            found = _extreme(np.vstack(rows), above, below, sense)
            if found is None or not aim:
                return found
            return found[0] - box[0, 0 if sense > 0 else 1], found[1]

        start = np.tile([0.0, 1.0], (len(pivots), 1))
        first = solve(start)
        if first is None or not pivots:
            return first
        best: tuple[float, Array] | None = None
        turn = itertools.count()
        heap = [(-sense * first[0], 1.0, next(turn), start, first)]
        while heap:
            # the most promising box: nothing beyond its value is possible
            _, _, turns, box, found = heapq.heappop(heap)
            if best is not None and sense * (found[0] - best[0]) <= tol:
                return found[0], best[1]
            width = box[:, 1] - box[:, 0]
            if width.max() < _NARROW:
                return found
            if turns > _PATIENCE:
                hint = "Ask for a wider tolerance, or leave out figures that compare groups of unknown sizes."
                raise EstimandError(
                    f"Not decided in {turns} steps; no value beyond {found[0]:.4g} is possible.",
                    hint,
                )
            point = np.array([up @ found[1] / (down @ found[1]) for up, down in shares])
            inside = solve(np.column_stack([point, point]))
            if inside is not None and (
                best is None or sense * (inside[0] - best[0]) > 0
            ):
                best = inside
            i = int(width.argmax())
            for ends in ([box[i, 0], box[i].mean()], [box[i].mean(), box[i, 1]]):
                half = box.copy()
                half[i] = ends
                inside = solve(half)
                if inside is not None:
                    heapq.heappush(
                        heap, (-sense * inside[0], width[i], next(turn), half, inside)
                    )
        return best

    def conflict(self) -> tuple[str, ...]:
        """A smallest contradiction: a least hitting set of the sets whose removal makes the rest possible."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        names = list(self.members)
        corrections: list[Array] = []
        chosen: list[str] = []
        while self.example(chosen) is not None:
            for k in names:
                if k not in chosen and self.example([*chosen, k]) is not None:
                    chosen.append(k)
            corrections.append(np.array([float(k not in chosen) for k in names]))
            ones, hits = (
                np.ones(len(names)),
                LinearConstraint(np.array(corrections), 1, np.inf),
            )
            hit = milp(ones, integrality=ones, bounds=Bounds(0, 1), constraints=hits)
            chosen = [k for k, x in zip(names, hit.x, strict=True) if x > 0.5]
        return tuple(chosen)


def _extreme(
    rows: Array, above: Array, below: Array, sense: int
) -> tuple[float, Array] | None:
    """The extreme of ``above @ x / below @ x`` over ``rows @ x <= 0``, ``x >= 0``, and where it is attained."""
    from scipy.optimize import LinearConstraint, milp

    for steep, presolve in ((_STEEP, True), (_STEEP, False), (1, True), (1, False)):
        limits = [
            LinearConstraint(steep * rows, -np.inf, 0),
            LinearConstraint(below[None], 1, 1),
        ]
        found = milp(-sense * above, constraints=limits, options={"presolve": presolve})
        if found.status == 0:
            return float(above @ found.x), found.x
        if found.status == 2:
            return None
    raise EstimandError(
        f"The solver gave no answer: {found.message}",
        "Widen the figures, or ask for a larger group.",
    )


def _states(population: Population, items: Sequence[str]) -> pd.DataFrame:
    """Every combination of identities and answers, with the derived axes, ``any`` and ``all``."""
    levels = (*population.axes.values(), *([False, True] for _ in items))
    states = pd.DataFrame(
        list(itertools.product(*levels)), columns=[*population.axes, *items]
    )
    states["all"], states["any"] = (
        True,
        states[[i for i in items if i in population.items[:2]]].any(axis=1),
    )
    derived = {
        name: np.where(_mask(rule, states), "yes", "no")
        for name, rule in population.derived.items()
    }
    return states.assign(**derived)


def _mask(expression: str, states: pd.DataFrame) -> Array:
    """Whether an expression on axes and items is true, for each state."""

    def true(node: ast.expr) -> Array:
        match node:
            case ast.BoolOp(op, parts):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return join.reduce([true(part) for part in parts])
            case ast.UnaryOp(ast.Not(), part):
                return ~true(part)
            case ast.Name(item):
                return equal(item, True)
            case ast.Compare(
                ast.Name(axis), [ast.Eq() | ast.NotEq() as sign], [ast.Constant(level)]
            ):
                return equal(axis, level) == isinstance(sign, ast.Eq)
        raise ValueError

    def equal(axis: str, level: object) -> Array:
        require_names("axis or item", [axis], states)
        require_names(f"level of {axis!r}", [level], states[axis].unique())
        return states[axis].to_numpy() == level

    try:
        return true(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = 'Write all, or comparisons such as ethnicity == "minority", joined by and, or, not.'
        raise EstimandError(f"{expression!r} is not a group of people.", hint) from None
