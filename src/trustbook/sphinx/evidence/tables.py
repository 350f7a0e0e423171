"""Tables of printed figures, and of what follows from them by arithmetic.

``{printed-gap-table} R24-020 R24-021, ...``
    shows gaps of printed percentages with intervals *as if* people were drawn at random.
``{per-hundred-table} R24-020 R24-021, ...``
    does the sum from those with an experience to all people of a group.
``{detectable-level-table}``, ``{detectable-gap-table}`` and ``{people-needed-table}``
    say what a next wave could see.
``{trials-table}``
    shows shares of trial participants beside shares of a population.
"""

from __future__ import annotations

from itertools import product

from docutils import nodes

from trustbook.sphinx.directives import published_record
from trustbook.sphinx.evidence.arithmetic import (
    DEFFS,
    Pair,
    gap_change,
    level_change,
    people_needed,
)
from trustbook.sphinx.evidence.lookup import printed_gap, share, trial_shares
from trustbook.sphinx.evidence.numbers import (
    Evidence,
    TwoGroups,
    gaps_of_2024,
    operand,
    with_experience,
)
from trustbook.sphinx.evidence.page import (
    EvidenceDirective,
    evidence_for,
    trials_for,
)
from trustbook.sphinx.evidence.plan import Group
from trustbook.sphinx.record_pages import printed

CLOSED = (0.1, 0.25, 0.5)  # parts of a gap


def _by_deff(words: str) -> list[str]:
    """One head for each design effect."""
    return [f"{words}design effect {deff:g}" for deff in DEFFS]


class PairsDirective(EvidenceDirective):
    """A directive whose argument is pairs of lines of the record."""

    required_arguments = 1
    optional_arguments = 0

    def pairs(self) -> list[list[str]]:
        """The ids, two by two."""
        return [pair.split() for pair in self.arguments[0].split(",")]


class PrintedGapTable(PairsDirective):
    """Gaps between printed percentages of groups whose sizes are printed."""

    def make(self) -> list[nodes.Node]:
        """One row for each pair, with as-if intervals."""
        rows = [self.row(one, two) for one, two in self.pairs()]
        heads = ["What was said", "Published", "Gap, points"]
        return self.table([*heads, *_by_deff("As-if interval, ")], rows)

    def row(self, one: str, two: str) -> list[str]:
        """One gap, with an interval for each design effect."""
        figures = published_record(self.env)
        intervals = []
        gap = 0.0
        for deff in DEFFS:
            gap, low, high = printed_gap(figures, one, two, deff)
            intervals.append(f"{100 * low:.1f} to {100 * high:.1f}")
        claim = _topic(figures.at[one, "claim"])
        both = f"{printed(figures.loc[one])} and {printed(figures.loc[two])}"
        return [claim, both, f"{100 * gap:.0f}", *intervals]


def _topic(claim: str) -> str:
    """What a claim is about: what stands before its colon."""
    topic, _, _ = claim.partition(":")
    return topic


class PerHundredTable(PairsDirective):
    """From those with an experience to everybody of a group."""

    def make(self) -> list[nodes.Node]:
        """One row for those with an experience, two for each pair."""
        evidence = evidence_for(self.env)
        figures = evidence.figures
        base = with_experience(evidence)
        levels = {evidence.plan.per_hundred.label: base}
        for one, two in self.pairs():
            among = (share(figures, one), share(figures, two))
            topic = _topic(figures.at[one, "claim"])
            levels[f"{topic}: among those with an experience"] = among
            of_all = (base[0] * among[0], base[1] * among[1])
            levels[f"{topic}: among all"] = of_all
        rows = [_per_hundred(words, level) for words, level in levels.items()]
        heads = ["Of 100 people in the group", "Marginalised", "Others"]
        return self.table([*heads, "Gap, points", "Ratio"], rows)


def _per_hundred(words: str, levels: Pair) -> list[str]:
    """Two shares, by how many points and how many times the first is higher."""
    one, two = levels
    gap = f"{100 * (one - two):.1f}"
    return [words, f"{100 * one:.0f}", f"{100 * two:.0f}", gap, f"{one / two:.1f}"]


class DetectableLevels(EvidenceDirective):
    """What fall of a level a next wave of the same size would find."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each group of 2024."""
        evidence = evidence_for(self.env)
        rows = [_level_row(evidence, group) for group in evidence.plan.groups]
        heads = ["Group", "People in each wave", "Level now"]
        return self.table([*heads, *_by_deff("Fall found (points), ")], rows)


def _level_row(evidence: Evidence, group: Group) -> list[str]:
    """A group: its people, its level, and the fall found for each design effect."""
    people = operand(evidence, group.people).value
    level = 0.5
    shown = "one half"
    if group.level is not None:
        level = share(evidence.figures, group.level)
        shown = printed(evidence.figures.loc[group.level])
    falls = [f"{100 * level_change(level, people, deff):.1f}" for deff in DEFFS]
    return [group.name, f"{people:,.0f}", shown, *falls]


class DetectableGaps(EvidenceDirective):
    """What change of a gap a next wave of the same size would find."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each gap: points, and the part of the gap that they are."""
        gaps = gaps_of_2024(evidence_for(self.env))
        heads = ["Gap", "Points now", "People in each wave"]
        columns = [*heads, *_by_deff("Change found, ")]
        return self.table(columns, map(_gap_row, gaps))


def _gap_row(groups: TwoGroups) -> list[str]:
    """A gap: its size, its people, and the change found for each design effect."""
    changes = []
    for deff in DEFFS:
        change = gap_change(groups.levels, groups.people, deff)
        part = 100 * change / groups.gap
        changes.append(f"{100 * change:.1f} ({part:.0f} %)")
    people = " and ".join(f"{n:,.0f}" for n in groups.people)
    return [groups.label, f"{100 * groups.gap:.1f}", people, *changes]


class PeopleNeeded(EvidenceDirective):
    """How many people each group needs in each wave."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each gap and part of it that closes."""
        gaps = gaps_of_2024(evidence_for(self.env))
        rows = [_needed_row(groups, part) for groups, part in product(gaps, CLOSED)]
        heads = [f"Design effect {deff:g}" for deff in DEFFS]
        return self.table(["Gap", "Closes by", *heads], rows)


def _needed_row(groups: TwoGroups, part: float) -> list[str]:
    """A gap of which a part closes, and the people needed for each design effect."""
    change = part * groups.gap
    needed = [f"{people_needed(groups.levels, change, deff):,}" for deff in DEFFS]
    closes = f"{100 * part:.0f} % ({100 * change:.1f} points)"
    return [groups.label, closes, *needed]


class TrialsTable(EvidenceDirective):
    """Shares of trial participants and of the population, with their sources."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each share."""
        shares = trial_shares(trials_for(self.env), published_record(self.env))
        rows = [
            [trial.label, f"{trial.value:g} %", trial.source, trial.reading]
            for trial in shares.values()
        ]
        return self.table(["Share", "Published", "Source", "How we read it"], rows)
