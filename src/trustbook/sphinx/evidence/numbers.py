"""The numbers that ``{evidence}`` prints, computed as ``evidence.yml`` says.

A number is computed by a formula of operands, which `operand` resolves: lines of the
record, answers of the audit, shares of trials, gaps, other numbers. Its formula is one
of `FORMULAS` (of the values of operands), of `RANGES` (what their rounding allows) or of
`SUMMARIES` (of the whole evidence, and of words that are no operands). `STYLES` says how
it is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.sphinx.evidence.arithmetic import (
    DEFF,
    POWER,
    Pair,
    both_and_neither,
    gap_change,
    half_width,
    level_change,
    ratio_range,
    smallest_significant_gap,
)
from trustbook.sphinx.evidence.lookup import (
    between_questions,
    levels_of_one_country,
    share,
    trial_shares,
)
from trustbook.sphinx.evidence.plan import EvidenceForm, Number, TrialsForm
from trustlib.errors import (
    CodebookError,
    one_line,
    raise_faults,
    require_names,
    unknown_name,
)
from trustlib.forms import read
from trustlib.record.printed import CHOICES
from trustlib.review.yes_saying import share_among_independent, share_that_leaves
from trustlib.schema import load_yaml


@dataclass(frozen=True)
class Evidence:
    """What was printed, and what is to be computed from it.

    Attributes
    ----------
    figures : DataFrame
        The record, with ids as index.
    answers : DataFrame
        The answers of the audit, with keys as index.
    asked : DataFrame
        From `trustlib.record.printed.asked_in`.
    trials : TrialsForm
    plan : EvidenceForm
    """

    figures: pd.DataFrame
    answers: pd.DataFrame
    asked: pd.DataFrame
    trials: TrialsForm
    plan: EvidenceForm


# ----- what a number is computed from -----


@dataclass(frozen=True)
class Operand:
    """A number that others are computed from.

    Attributes
    ----------
    value : float
        A share if it is a percentage.
    label : str
        What it is called where it is said how a number was computed.
    half_width : float
        How far rounding may have moved it, up or down.
    source : str
    """

    value: float
    label: str
    half_width: float = 0.0
    source: str = ""

    def __str__(self) -> str:
        return self.label


def operand(evidence: Evidence, name: str) -> Operand:
    """What a name in ``evidence.yml`` stands for; the head of that file lists them.

    Raises
    ------
    UnknownNameError
        It stands for nothing.
    """
    kind, _, rest = name.partition(" ")
    if kind in OPERANDS and rest:
        return OPERANDS[kind](evidence, rest)
    if name in evidence.plan.numbers:
        return Operand(value_of(evidence, name), name)
    return _line(evidence, name)


def _line(evidence: Evidence, name: str) -> Operand:
    """A line of the record."""
    require_names("figure of the record", [name], evidence.figures.index)
    figure = evidence.figures.loc[name]
    if figure["statistic"] == "percent":
        return Operand(share(evidence.figures, name), name)
    return Operand(float(figure["value"]), name)


def _answer(evidence: Evidence, key: str) -> Operand:
    """An answer of the audit."""
    require_names("answer of the audit", [key], evidence.answers.index)
    return Operand(float(evidence.answers.at[key, "value"]), key)


def _trial(evidence: Evidence, name: str) -> Operand:
    """A share of trials.yml."""
    shares = trial_shares(evidence.trials, evidence.figures)
    require_names("share of trials.yml", [name], shares)
    trial = shares[name]
    rounding = trial.half_width / 100
    return Operand(trial.value / 100, trial.label, rounding, trial.source)


def _band(evidence: Evidence, end: str) -> Operand:
    """The low or high end of the band of fair representation."""
    ends = evidence.trials.band.model_dump()
    require_names("end of the band", [end], ends)
    return Operand(ends[end], end)


def _gap(evidence: Evidence, key: str) -> Operand:
    """The gap between two groups."""
    groups = two_groups(evidence, key)
    return Operand(groups.gap, groups.label)


def _asked(evidence: Evidence, words: str) -> Operand:
    """In how many countries a printed figure shows that a variable was asked."""
    variable, _, wave = words.partition(" ")
    asked = evidence.asked[evidence.asked["asked"] == "asked"]
    rows = asked[(asked["variable"] == variable) & (asked["wave"] == wave)]
    return Operand(len(rows), str(len(rows)))


OPERANDS: dict[str, Callable[[Evidence, str], Operand]] = {
    "audit": _answer,
    "trial": _trial,
    "band": _band,
    "gap": _gap,
    "asked": _asked,
}


# ----- two groups side by side -----


@dataclass(frozen=True)
class TwoGroups:
    """Two groups of 2024: their levels as shares, and their numbers of people."""

    label: str
    levels: Pair
    people: Pair

    @property
    def gap(self) -> float:
        """By how much the level of the first is above that of the second."""
        return self.levels[0] - self.levels[1]


def two_groups(evidence: Evidence, key: str) -> TwoGroups:
    """The groups of one gap of ``evidence.yml``."""
    require_names("gap of evidence.yml", [key], evidence.plan.gaps)
    gap = evidence.plan.gaps[key]
    levels = _pair(evidence, gap.levels)
    return TwoGroups(gap.label, levels, _pair(evidence, gap.people))


def gaps_of_2024(evidence: Evidence) -> list[TwoGroups]:
    """The groups of all gaps of ``evidence.yml``."""
    return [two_groups(evidence, key) for key in evidence.plan.gaps]


def with_experience(evidence: Evidence) -> Pair:
    """Shares of marginalised people and of others with an experience."""
    return _pair(evidence, evidence.plan.per_hundred.levels)


def _pair(evidence: Evidence, names: tuple[str, str]) -> Pair:
    one, two = names
    return operand(evidence, one).value, operand(evidence, two).value


# ----- formulas -----


def _as_printed(value: float) -> float:
    return value


def _difference(one: float, two: float) -> float:
    return one - two


def _quotient(top: float, bottom: float) -> float:
    return top / bottom


def _product(one: float, two: float) -> float:
    return one * two


def _both(everybody: float, one: float, two: float) -> float:
    both, _ = both_and_neither(everybody, one, two)
    return both


def _neither(everybody: float, one: float, two: float) -> float:
    _, neither = both_and_neither(everybody, one, two)
    return neither


def _yes_sayers(people: float, everybody: float, level: float, target: float) -> float:
    return float(share_that_leaves(people, people * level, everybody, target))


def _yes_sayers_among(
    everybody: float, one: float, two: float, level: float, target: float
) -> float:
    parts = one / everybody, two / everybody
    return float(share_among_independent(*parts, level, target))


def _level_of_rest(people: float, level: float, part: float, of_part: float) -> float:
    return (people * level - part * of_part) / (people - part)


def _part_with_yes(people: float, everybody: float, level: float) -> float:
    return people * level / everybody


def _half_width(people: float) -> float:
    return half_width(people, DEFF)


def _smallest_gap(one: float, two: float) -> float:
    return smallest_significant_gap((one, two))


def _fall_found(level: float, people: float) -> float:
    return level_change(level, people, DEFF)


def _quotient_range(top: Operand, bottom: Operand) -> Pair:
    shares = (top.value, bottom.value)
    half_widths = (top.half_width, bottom.half_width)
    _, least, greatest = ratio_range(shares, half_widths)
    return least, greatest


def _change_found(evidence: Evidence, gap: str) -> float:
    groups = two_groups(evidence, gap)
    return gap_change(groups.levels, groups.people, DEFF)


def _least_between(evidence: Evidence, one: str, two: str) -> float:
    return float(between_questions(evidence.figures, one, two).min()) / 100


def _most_between(evidence: Evidence, one: str, two: str) -> float:
    return float(between_questions(evidence.figures, one, two).max()) / 100


def _pairs_of_questions(evidence: Evidence, one: str, two: str) -> float:
    return len(between_questions(evidence.figures, one, two))


def _countries_with_level(evidence: Evidence, group: str = "") -> float:
    levels = levels_of_one_country(evidence.figures)
    if group:
        levels = levels[levels["group"] == group]
    return levels["countries"].nunique()


FORMULAS: dict[str, Callable[..., float]] = {
    "as printed": _as_printed,
    "difference": _difference,
    "quotient": _quotient,
    "product": _product,
    "both if independent": _both,
    "neither if independent": _neither,
    "yes-sayers that undo": _yes_sayers,
    "yes-sayers that undo, the others independent": _yes_sayers_among,
    "level of the rest": _level_of_rest,
    "part that says yes": _part_with_yes,
    "half-width at one half": _half_width,
    "smallest significant gap": _smallest_gap,
    "fall found": _fall_found,
}
RANGES: dict[str, Callable[..., Pair]] = {"range of quotient": _quotient_range}
SUMMARIES: dict[str, Callable[..., float]] = {
    "change of gap found": _change_found,
    "least between questions": _least_between,
    "most between questions": _most_between,
    "pairs of questions": _pairs_of_questions,
    "countries with a level": _countries_with_level,
}


# ----- how a number is printed -----


@dataclass(frozen=True)
class Style:
    """How a number is printed: times a factor, in a format, before a unit."""

    factor: float
    form: str
    unit: str = ""

    def text(self, value: float) -> str:
        """A number in this style.

        Examples
        --------
        >>> Style(100, ".0f", " points").text(0.35)
        '35 points'
        """
        return f"{self.factor * value:{self.form}}{self.unit}"


STYLES = {
    "count": Style(1, ".0f"),
    "people": Style(1, ",.0f"),
    "ratio": Style(1, ".2f"),
    "percent": Style(100, ".0f", " %"),
    "part": Style(100, ".1f", " %"),
    "printed percent": Style(100, "g", " %"),
    "points": Style(100, ".1f", " points"),
    "whole points": Style(100, ".0f", " points"),
}


@dataclass(frozen=True)
class Quantity:
    """A number as it is printed, and how it was computed."""

    shown: str
    how: str


def value_of(evidence: Evidence, key: str) -> float:
    """A number of ``evidence.yml`` that is one value, not a range."""
    number = evidence.plan.numbers[key]
    if number.formula in SUMMARIES:
        return SUMMARIES[number.formula](evidence, *number.of)
    values = [operand(evidence, name).value for name in number.of]
    return FORMULAS[number.formula](*values)


def quantity(evidence: Evidence, key: str) -> Quantity:
    """One number of ``evidence.yml`` as it is printed.

    Raises
    ------
    UnknownNameError
        There is no such number, or it is computed from something that is not there.
    """
    numbers = evidence.plan.numbers
    require_names("number of the evidence chapters", [key], numbers)
    number = numbers[key]
    style = STYLES[number.shown]
    if number.formula in SUMMARIES:
        shown = style.text(value_of(evidence, key))
        return Quantity(shown, _how(number, number.of))
    operands = [operand(evidence, name) for name in number.of]
    if number.formula in RANGES:
        ends = RANGES[number.formula](*operands)
        shown = " to ".join(map(style.text, ends))
    else:
        shown = style.text(value_of(evidence, key))
    return Quantity(shown, _how(number, operands))


def quantities(evidence: Evidence) -> dict[str, Quantity]:
    """Every number that ``{evidence}`` prints, by key."""
    return {key: quantity(evidence, key) for key in evidence.plan.numbers}


def _how(number: Number, of: Sequence[Operand | str]) -> str:
    """How a number was computed, in words."""
    return number.how.format(*of, deff=DEFF, power=POWER)


# ----- reading evidence.yml -----


def load_evidence(path: str | Path) -> EvidenceForm:
    """Read evidence.yml.

    Raises
    ------
    CodebookError
        Lists every fault: keys, formulas and styles that do not exist, a formula of too
        few or too many names, and a number that is computed from one below it.

    Examples
    --------
    >>> load_evidence("data/published/evidence.yml").numbers["gap-2024"].of
    ['R24-017', 'R24-018']
    """
    what = f"{path} does not say what is computed from print"
    hint = "The head of data/published/evidence.yml says what may stand in it."
    plan = read(EvidenceForm, load_yaml(path), what, CodebookError, hint)
    raise_faults(CodebookError, what, list(_faults(plan)), hint)
    return plan


def _faults(plan: EvidenceForm) -> Iterator[str]:
    """What is wrong with a plan whose keys are right."""
    for item in CHOICES["item"]:
        if item not in plan.items:
            yield f"items: {item} is missing"
    above: set[str] = set()
    for key, number in plan.numbers.items():
        below = plan.numbers.keys() - above
        for fault in (*_faults_of(number), *_faults_of_operands(number, plan, below)):
            yield f"numbers: {key}: {fault}"
        above.add(key)


def _faults_of_operands(
    number: Number, plan: EvidenceForm, below: Set[str]
) -> Iterator[str]:
    """What is wrong with the other numbers that one number is computed from."""
    for name in number.of:
        if name in below:
            yield f"{name} does not stand above"
        elif name in plan.numbers and plan.numbers[name].formula in RANGES:
            yield f"{name} is a range, not one value"


def _faults_of(number: Number) -> Iterator[str]:
    """What is wrong with one number."""
    formulas: dict[str, Any] = FORMULAS | RANGES | SUMMARIES
    if number.shown not in STYLES:
        yield one_line(unknown_name("style", number.shown, STYLES))
    if number.formula not in formulas:
        yield one_line(unknown_name("formula", number.formula, formulas))
        return
    form = signature(formulas[number.formula])
    names = [name for name in form.parameters if name != "evidence"]
    required = [name for name in names if form.parameters[name].default is form.empty]
    if not len(required) <= len(number.of) <= len(names):
        yield f"{number.formula} takes {', '.join(names)}, got {number.of}"
        return
    try:
        _how(number, [Operand(0.0, name) for name in number.of])
    except (LookupError, AttributeError, ValueError) as error:
        yield f"how cannot be filled: {one_line(repr(error))}"
