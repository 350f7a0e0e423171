"""Can the printed figures all be true? Linear programmes over every population that would have printed them.

A population is a number of people for each *state*: a combination of identities (a cell)
and of answers. A printed figure is a linear condition on these numbers, so that all
populations that honour a record form a cone:

* ``audit`` asks whether any is left, alone and under stated assumptions; if none is, it
  names a smallest set of figures and assumptions that contradict each other: without any
  one of them the others can all be true;
* ``bounds`` gives the least and the greatest value that a share, a number or a contrast
  which nobody printed can have.

How such values are found is said in `trustlib.record.programmes`.

Conventions. A figure may lie anywhere within its rounding, ends included. A group with a
printed percentage has at least one person (one in 100,000 where their number is not
known). People may be split: bounds of counts are rounded inwards to whole people.
Percentages may be weighted and numbers not; the programmes take both as of the same
people, which is what the reader of a report does. Sampling error plays no part: the
question is about the poll itself.

Sources: Manski (2003) for partial identification; Chinneck (2008) for irreducible
infeasible sets; Ignatiev et al. (2015) for the smallest one, by hitting sets.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from trustlib.record.programmes import (
    Attained,
    Cone,
    Ratio,
    Tie,
    smallest_contradiction,
)
from trustlib.variance import Array

Assumed = Iterable["str | Claim"]
KINDS = ("share", "count", "gap")
ONE_ITEM = "one item"
NO_SINGLE_ABOVE = "no single group above the double group"
ASSUMPTIONS = (ONE_ITEM, NO_SINGLE_ABOVE)
TOLERANCE = 1e-4  # of bounds, where a gap between shares of unknown sizes plays a part
WHOLE = 1e-2  # of a person: what a programme may miss by
UNKNOWN_SIZE = 100_000  # people, where nobody printed how many


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
        Name -> expression on the axes. The name then is an axis with levels "no" and
        "yes".
    items : sequence of str
        The questions, answered yes or no. ``any`` is yes to at least one of the first
        two.
    double : tuple of str
        The two identities that the assumption ``no single group above the double group``
        speaks of.

    Examples
    --------
    >>> Population({"gender": ("man", "woman")}, n=100).items
    ('provider', 'system')
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
        Its name, as it appears in a conflict. Claims of one name stand and fall
        together.
    group : str
        An expression such as ``ethnicity == "minority" and not disability ==
        "disabled"``, or ``all``. An item may be named in it: ``marginalised == "yes" and
        any``.
    low, high : float
        The range: of shares and gaps 0-1, of counts people. A figure printed as 82 %
        allows 0.815 to 0.825.
    kind : str
        ``share``: of the people in `given`, those in `group` who say yes to `item`.
        ``count``: people in `group` who say yes to `item`. ``gap``: the share of yes in
        `group` less the share in `versus`.
    item : str
        A question of the population, ``any``, or nothing: people, whatever they
        answered.
    given : str, optional
        Denominator of a share. Default: `group` itself if there is an item, else
        everybody.
    versus : str, optional
        The group that a gap is measured from.

    Examples
    --------
    >>> Claim("R24-017", 'gender == "woman"', 0.815, 0.825, item="provider").kind
    'share'
    """

    id: str
    group: str
    low: float = 0.0
    high: float = 1.0
    kind: str = "share"
    item: str = ""
    given: str | None = None
    versus: str | None = None

    @property
    def texts(self) -> list[str]:
        """The expressions that it is made of."""
        expressions = (self.group, self.item, self.given, self.versus)
        return [text for text in expressions if text]


@dataclass(frozen=True)
class Audit:
    """Whether claims can all be true, and if not, a smallest set of them that cannot.

    Attributes
    ----------
    feasible : bool
        Some population honours every claim and assumption.
    conflict : tuple of str
        Empty, or the names of a smallest contradiction: no smaller set contradicts
        itself, and without any one of its members the others can all be true.
    example : DataFrame or None
        One population that honours everything: the people of each cell, and those who
        say yes to each item.

    Examples
    --------
    >>> print(Audit(False, ("R24-017", "one item"), None))
    This cannot all be true. A smallest contradiction: R24-017; one item.
    """

    feasible: bool
    conflict: tuple[str, ...]
    example: pd.DataFrame | None

    def __str__(self) -> str:
        if self.feasible:
            return "All of this can be true together."
        names = "; ".join(self.conflict)
        return f"This cannot all be true. A smallest contradiction: {names}."


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

        ``one item``: every figure is of one and the same question, so that nobody
        answers yes to one item and no to another.

        ``no single group above the double group``: for every item that a figure of the
        double group is about, people who are only of the first identity, or only of the
        second, do not say yes more often than people who are both. With no figure of the
        double group, it is assumed for all items. The two identities are the
        population's `double`. A group of nobody is not above another.

    Returns
    -------
    Audit

    Raises
    ------
    CodebookError
        Lists every figure and assumption that makes no sense for this population.

    Examples
    --------
    Half of the women and half of the men cannot be a third of everybody:

    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> women = Claim("women", 'gender == "woman"', 0.5, 0.5, item="provider")
    >>> men = Claim("men", 'gender == "man"', 0.5, 0.5, item="provider")
    >>> everybody = Claim("everybody", "all", 0.3, 0.4, item="provider")
    >>> audit([women, men], population).feasible
    True
    >>> audit([women, men, everybody], population).conflict
    ('women', 'men', 'everybody')
    """
    programme = _Programme(claims, population, assume)
    people = programme.example(list(programme.members))
    if people is None:
        return Audit(False, programme.conflict(), None)
    states = programme.states
    counts = pd.DataFrame({"people": people})
    for item in programme.items:
        counts[item] = people * states[item]
    cells = [states[axis] for axis in population.axes]
    example = counts.groupby(cells, sort=False).sum().reset_index()
    return Audit(True, (), example)


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
        Where a gap is asked for, claimed or assumed and sizes are not known, the bounds
        may be too wide by this much at each end, never too narrow. Otherwise they are
        exact. Default: 0.0001; of counts, a hundredth of a person.

    Returns
    -------
    low, high : float
        Of shares and gaps 0-1, of counts whole people.

    Raises
    ------
    EstimandError
        The claims contradict each other (the conflict is named), nobody can be in the
        group, or several comparisons of groups of unknown sizes play a part and the
        bound is not found to the tolerance in reasonable time.

    Examples
    --------
    Of 100 people 60 are women and 30 said yes; how many women did?

    >>> population = Population({"gender": ("man", "woman")}, n=100)
    >>> women = Claim("women", 'gender == "woman"', 60, 60, "count")
    >>> yes = Claim("yes", "all", 30, 30, "count", item="provider")
    >>> asked = Claim("asked", 'gender == "woman"', kind="count", item="provider")
    >>> bounds([women, yes], population, asked)
    (0.0, 30.0)
    """
    programme = _Programme(claims, population, assume, asked)
    names = list(programme.members)
    if programme.example(names) is None:
        conflict = "; ".join(programme.conflict())
        raise EstimandError(
            "No population honours these figures. "
            f"They contradict each other: {conflict}.",
            "Drop a figure or an assumption, or read a figure as of another item.",
        )
    n = programme.n
    is_count = asked.kind == "count"
    default = WHOLE / n if is_count else TOLERANCE
    reach = tolerance or default
    low = programme.search(names, asked, -1, reach)
    high = programme.search(names, asked, 1, reach)
    if low is None or high is None:
        who = asked.given or asked.group
        raise EstimandError(
            f"By these figures nobody is in {who!r}.",
            "Ask how many people are, instead.",
        )
    if not is_count:
        return low.value, high.value
    least = np.ceil(low.value * n - 2 * WHOLE)
    most = np.floor(high.value * n + 2 * WHOLE)
    return float(least) + 0.0, float(most)


class _Programme:
    """The cone of populations: states, and the rows ``row @ people <= 0`` of every member.

    A member is a name with its claims.
    """

    def __init__(
        self,
        claims: Iterable[Claim],
        population: Population,
        assume: Assumed,
        *asked: Claim,
    ) -> None:
        claims = list(claims)
        assumed = list(assume)
        named = [each for each in assumed if not isinstance(each, Claim)]
        stated = [*claims, *(each for each in assumed if isinstance(each, Claim))]
        every = [*stated, *asked]
        self.items = _items(population, every)
        self.states = _states(population, self.items)
        self.n = population.n or UNKNOWN_SIZE
        faults = [*_repeated(claims), *_not_assumptions(named)]
        faults += dict.fromkeys(
            f"{claim.id}: {fault}"
            for claim in every
            for fault in self._faults(claim, population)
        )
        raise_faults(
            CodebookError,
            "These figures cannot be audited",
            faults,
            "Correct the figures, or leave out those that are not about this "
            "population.",
        )
        if ONE_ITEM in named:
            stated.append(self._one_item())
        if NO_SINGLE_ABOVE in named:
            stated += self._no_single_above(claims, population.double)
        self.members: dict[str, list[Claim]] = {}
        for claim in stated:
            self.members.setdefault(claim.id, []).append(claim)
        self._rows = {
            name: self._linear(member) for name, member in self.members.items()
        }

    def _faults(self, claim: Claim, population: Population) -> list[str]:
        """Every reason why a claim makes no sense for this population."""
        if claim.kind not in KINDS:
            return [one_line(unknown_name("kind of figure", claim.kind, KINDS))]
        most = population.n or np.inf
        ranges = {"share": (0, 1), "gap": (-1, 1), "count": (0, most)}
        least, most = ranges[claim.kind]
        faults = []
        if not max(least, claim.low) <= min(most, claim.high):
            faults.append(
                f"{claim.low:g} to {claim.high:g} is not possible: "
                f"{least:g} to {most:g} is"
            )
        if claim.kind == "count" and population.n is None:
            faults.append("a count needs the number of people in the population")
        if (claim.versus is None) == (claim.kind == "gap"):
            faults.append(
                "a gap, and nothing else, needs the group that it is measured from "
                "(versus)"
            )
        for text in claim.texts:
            try:
                _mask(text, self.states)
            except TrustlibError as error:
                faults.append(one_line(error))
        return faults

    def _one_item(self) -> Claim:
        """The assumption that nobody answers yes to one item and no to another."""
        one = " or ".join(self.items)
        both = " and ".join(self.items)
        return Claim(ONE_ITEM, f"({one}) and not ({both})", 0, 0)

    def _no_single_above(
        self, claims: Iterable[Claim], identities: tuple[str, str]
    ) -> list[Claim]:
        """The assumption as gaps that are not above zero."""
        first, second = (f"({identity})" for identity in identities)
        both = f"{first} and {second}"
        inside = _mask(both, self.states)
        of_both = [
            claim.item
            for claim in claims
            if claim.item and np.array_equal(_mask(claim.group, self.states), inside)
        ]
        items = dict.fromkeys(of_both or self.items)
        singles = (f"{first} and not {second}", f"{second} and not {first}")
        return [
            Claim(NO_SINGLE_ABOVE, single, -1, 0, "gap", item, versus=both)
            for item, single in itertools.product(items, singles)
        ]

    def _ratio(self, group: str, item: str, given: str | None = None) -> Ratio:
        """A share, as vectors over the states."""
        if not given:
            given = group if item else "all"
        base = _mask(given, self.states)
        yes = _mask(item or "all", self.states)
        inside = _mask(group, self.states) & yes & base
        return Ratio(inside.astype(float), base.astype(float))

    def _form(self, claim: Claim) -> Ratio:
        """The share of a claim; of a count the people, by everybody."""
        if claim.kind == "count":
            return self._ratio(claim.group, claim.item, "all")
        return self._ratio(claim.group, claim.item, claim.given)

    def _pivot(self, claim: Claim) -> Ratio:
        """The share that a gap is measured from."""
        return self._ratio(claim.versus or "", claim.item)

    def _linear(self, claims: Iterable[Claim]) -> Array:
        """The rows of a member that are the same in every box."""
        somebody = np.full(len(self.states), 1 / self.n)
        rows = []
        for claim in claims:
            if claim.kind == "gap":
                rows.append(somebody - self._pivot(claim).below)
                continue
            ratio = self._form(claim)
            unit = 1
            if claim.kind == "count":
                unit = self.n
            else:
                rows.append(somebody - ratio.below)
            rows += ratio.rows(claim.low / unit, claim.high / unit)
        return np.array(rows)

    def example(self, names: Sequence[str]) -> Array | None:
        """People in each state, such that these members all hold."""
        everybody = self.search(names, Claim("", "all"), 1, TOLERANCE)
        if everybody is None:
            return None
        return everybody.x / everybody.x.sum() * self.n

    def search(
        self, names: Sequence[str], target: Claim, sense: int, tolerance: float
    ) -> Attained | None:
        """The extreme of a claim over the populations in which these members hold."""
        claims = itertools.chain.from_iterable(self.members[name] for name in names)
        gaps = [claim for claim in claims if claim.kind == "gap"]
        is_gap = target.kind == "gap"
        compared = [target, *gaps] if is_gap else gaps
        pivots = {(claim.versus, claim.item): self._pivot(claim) for claim in compared}
        place = {pivot: i for i, pivot in enumerate(pivots)}
        ties = [
            Tie(self._form(gap), place[gap.versus, gap.item], gap.low, gap.high)
            for gap in gaps
        ]
        ratio = self._form(target)
        rows = [0 * ratio.below, *(self._rows[name] for name in names)]
        if is_gap:
            rows.append(self._linear([target]))
        shares = list(pivots.values())
        cone = Cone(np.vstack(rows), shares, ties, ratio, is_gap, sense)
        return cone.extreme(tolerance)

    def conflict(self) -> tuple[str, ...]:
        """A smallest contradiction."""

        def possible(names: Sequence[str]) -> bool:
            return self.example(names) is not None

        return smallest_contradiction(list(self.members), possible)


def _items(population: Population, claims: Iterable[Claim]) -> list[str]:
    """The questions that some claim is about; at least one."""
    expressions = " ".join(text for claim in claims for text in claim.texts)
    words = set(re.findall(r"\w+", expressions))
    used = [item for item in population.items if item in words or "any" in words]
    return used or [population.items[0]]


def _repeated(claims: Sequence[Claim]) -> Iterator[str]:
    """Names that more than one printed figure has."""
    names = [claim.id for claim in claims]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{name}: stands there more than once"


def _not_assumptions(names: Iterable[str]) -> Iterator[str]:
    """Assumptions that do not exist."""
    for name in names:
        if name not in ASSUMPTIONS:
            yield one_line(unknown_name("assumption", name, ASSUMPTIONS))


def _states(population: Population, items: Sequence[str]) -> pd.DataFrame:
    """Every combination of identities and answers, with the derived axes, ``any`` and ``all``."""
    levels = (*population.axes.values(), *([False, True] for _ in items))
    names = [*population.axes, *items]
    states = pd.DataFrame(list(itertools.product(*levels)), columns=names)
    first_two = [item for item in items if item in population.items[:2]]
    states["all"] = True
    states["any"] = states[first_two].any(axis=1)
    derived = {}
    for name, rule in population.derived.items():
        derived[name] = np.where(_mask(rule, states), "yes", "no")
    return states.assign(**derived)


def _mask(expression: str, states: pd.DataFrame) -> Array:
    """Whether an expression on axes and items is true, for each state."""
    try:
        tree = ast.parse(expression, mode="eval")
        return _true_states(tree.body, states)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise EstimandError(
            f"{expression!r} is not a group of people.",
            'Write all, or comparisons such as ethnicity == "minority", joined by and, '
            "or, not.",
        ) from None


def _true_states(node: ast.expr, states: pd.DataFrame) -> Array:
    """The states for which a part of an expression is true; ValueError if it is none."""
    match node:
        case ast.BoolOp(ast.And(), parts):
            return np.logical_and.reduce([_true_states(part, states) for part in parts])
        case ast.BoolOp(ast.Or(), parts):
            return np.logical_or.reduce([_true_states(part, states) for part in parts])
        case ast.UnaryOp(ast.Not(), part):
            return ~_true_states(part, states)
        case ast.Name(item):
            return _equal(states, item, True)
        case ast.Compare(ast.Name(axis), [ast.Eq()], [ast.Constant(level)]):
            return _equal(states, axis, level)
        case ast.Compare(ast.Name(axis), [ast.NotEq()], [ast.Constant(level)]):
            return ~_equal(states, axis, level)
    raise ValueError


def _equal(states: pd.DataFrame, axis: str, level: object) -> Array:
    """The states of one level."""
    require_names("axis or item", [axis], states)
    require_names(f"level of {axis!r}", [level], states[axis].unique())
    return states[axis].to_numpy() == level
