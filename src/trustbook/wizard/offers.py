"""What a file has to choose from: columns with their labels, and the answers that may be named.

An answer is offered only if at least 10 people gave it, and none of a column that may
hold personal details; see `trustbook.column_proposals`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import yaml

from trustbook.column_proposals import (
    MAX_ANSWERS,
    Answers,
    Proposal,
    Variable,
    answers_of,
    likely_yes,
)
from trustbook.known_designs import numbers_in
from trustbook.proposal import MOST_LEVELS, Draft, Wanted
from trustbook.survey_columns import WORDS, Column
from trustlib.escaping import visible

LONGEST = 76  # letters of a line of a list
MOST_NAMED = 5  # answers that a line of a list names
OUTCOMES = 9  # that are listed before anybody has searched
IDENTITIES = 15
NUMERIC = 0.5  # share of numbers from which on a column may be cut into bands


@dataclass(frozen=True, eq=False)
class Offer:
    """A column that may be chosen; each is equal to itself alone.

    Attributes
    ----------
    proposal : Proposal

    Examples
    --------
    >>> given = pd.Series(["Male", "Female"] * 20, name="sex")
    >>> Offer(Proposal(Column(given, given == "?", "", {}))).line()
    'sex (Male; Female)'
    """

    proposal: Proposal

    @property
    def column(self) -> Column:
        """The column itself."""
        return self.proposal.column

    @cached_property
    def answers(self) -> Answers:
        """The answers that may be named, from low to high where they are a scale."""
        return answers_of(self.column)

    @property
    def title(self) -> str:
        """Its label, else its name."""
        return self.column.title or visible(self.column.name, 60)

    @property
    def ready(self) -> list[Variable]:
        """Outcomes that need no further question: one for each thing that can be ticked."""
        outcomes = [each for each in self.proposal.variables if each.is_outcome]
        chosen = any("chosen" in rule_of(each) for each in outcomes)
        return outcomes if chosen or self.answers.is_ticked else []

    @property
    def is_usable(self) -> bool:
        """Whether a variable can be made of it."""
        return any(v.is_valid for v in self.proposal.variables) or self.is_number

    @property
    def may_be_outcome(self) -> bool:
        """Whether some of its answers can be counted."""
        if self.ready:
            return True
        return len(self.answers.kept) > 1 and not self.is_number

    @property
    def may_be_identity(self) -> bool:
        """Whether groups can be made of it."""
        return self.identity is not None or self.is_number

    @property
    def cautions(self) -> list[str]:
        """What has to be known before it is used."""
        told = [line.removeprefix("## ") for line in self.proposal.head]
        return [line for line in told if line.startswith("CAUTION")]

    @property
    def yes(self) -> list[str]:
        """The answers that an outcome counts, as they are proposed."""
        return likely_yes(self.column, self.answers.kept)

    @property
    def identity(self) -> dict[str, Any] | None:
        """The rule of an identity, as a mapping has it; None if it can be none."""
        for variable in self.proposal.variables:
            if not variable.is_outcome and variable.levels > 1 and variable.is_valid:
                return rule_of(variable)
        return None

    @cached_property
    def is_number(self) -> bool:
        """Whether it has so many answers that it must be cut into bands."""
        if self.column.personal or len(self.people_by_answer()) <= MAX_ANSWERS:
            return False
        return bool(self.numbers()[self.column.is_filled].notna().mean() >= NUMERIC)

    def numbers(self) -> pd.Series:
        """Its answers as numbers."""
        frame = self.column.answers.to_frame(self.column.name)
        frame.attrs["decimal"] = self.column.decimal
        return numbers_in(frame, self.column.name)

    def people_by_answer(self) -> pd.Series:
        """How many people gave each answer; for computing, never for showing."""
        return self.column.answers[self.column.is_filled].value_counts()

    @property
    def head(self) -> str:
        """Its name and its label."""
        name = visible(self.column.name, 60)
        return name if self.title == name else f"{name}: {self.title}"

    def line(self) -> str:
        """The column as one line of a list."""
        return f"{visible(self.head, LONGEST)} ({self._answers_in_words()})"

    def _answers_in_words(self) -> str:
        kept = [visible(answer, 30) for answer in self.answers.kept]
        if self.is_number:
            return "a number, cut into bands"
        if len(kept) > MOST_NAMED:
            return f"{len(kept)} answers, {kept[0]} to {kept[-1]}"
        return "; ".join(kept) or "answers in a list"


def rule_of(variable: Variable) -> dict[str, Any]:
    """A proposed variable as the rule that a mapping has.

    Examples
    --------
    >>> rule_of(Variable("sex", ('column: "sex"', 'values: {"m": "man"}')))
    {'column': 'sex', 'values': {'m': 'man'}}
    """
    rule = yaml.safe_load("\n".join(variable.lines))
    assert isinstance(rule, dict), "a proposal is a mapping"
    return rule


@dataclass(frozen=True)
class Shelf:
    """The columns of a file that may be chosen.

    Attributes
    ----------
    draft : Draft

    Examples
    --------
    ::

        Shelf(draft_of("people.sav")).search("trust doctor")
    """

    draft: Draft

    @cached_property
    def offers(self) -> list[Offer]:
        """Every column but those that may hold personal details."""
        return [each for each in self._columns if each not in self._personal]

    @cached_property
    def _columns(self) -> list[Offer]:
        return [Offer(each) for each in self.draft.proposals]

    @cached_property
    def _personal(self) -> list[Offer]:
        """The columns of which nothing is written."""
        empty = [each for each in self._columns if not each.proposal.variables]
        return [each for each in empty if each.column.personal]

    @cached_property
    def _taken(self) -> frozenset[str]:
        return self.draft.taken

    def outcomes(self) -> list[Offer]:
        """The columns that are proposed as outcomes, the likeliest first."""
        taken = [each for each in self.offers if self._takes(each, outcome=True)]
        others = [
            each
            for each in self.offers
            if each not in taken
            and any(v.is_outcome and v.is_clear for v in each.proposal.variables)
            and not each.column.is_identity
        ]
        return [*taken, *others][:OUTCOMES]

    def identities(self, but: Sequence[Offer] = ()) -> list[Offer]:
        """The columns that are proposed as identities, those that a mapping takes first."""
        free = [each for each in self.offers if each not in but]
        taken = [each for each in free if self.is_taken(each)]
        others = [
            each
            for each in free
            if each not in taken
            and each.column.is_identity
            and each.identity is not None
            and len(each.answers.kept) <= MOST_LEVELS
        ]
        return [*taken, *others][:IDENTITIES]

    def is_taken(self, offer: Offer) -> bool:
        """Whether a first mapping takes a column as an identity."""
        return self._takes(offer, outcome=False)

    def _takes(self, offer: Offer, outcome: bool) -> bool:
        variables = offer.proposal.variables
        return any(v.name in self._taken and v.is_outcome == outcome for v in variables)

    def search(self, words: str) -> list[Offer]:
        """The columns in whose name, label or answers all these words stand."""
        return [each for each in self.offers if _has_all(words, each.column)]

    def hidden(self, words: str) -> int:
        """How many columns these words find that may hold personal details."""
        return sum(_has_all(words, each.column) for each in self._personal)


def _has_all(words: str, column: Column) -> bool:
    """Whether all words stand in what a file says of a column."""
    return all(Wanted(grep=re.escape(word)).has(column) for word in words.split())


def is_place(offer: Offer) -> bool:
    """Whether a column is a country or a wave, which have pages of their own."""
    return offer.column.guess in WORDS["places"]
