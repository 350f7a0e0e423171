"""Checked exercises of the lessons: what is right, and what to say to each usual mistake.

An exercise is one of the kinds below. Its `check` answers a student: that the answer is
right, or which mistake it looks like. It never prints the right one.
``trustbook/web/exercises_check.js`` holds the same rules, so page and notebook reply
alike; the words are these, and the build hands them to the page.

A number is accepted if it can follow from the numbers of the table as they are printed,
and a little more for an answer that is itself rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from trustbook.calculation import (
    UnreadableError,
    evaluate,
    unknown_words,
    with_brackets,
)

NEAR = 0.05  # of the right answer: who is as near as this has rounded on the way
SURE = 0.006  # of a usual mistake: who is farther from it may have made another one
BARELY = 1e-9  # an edge of a rounding belongs to it
WORDS = {
    "open": "not answered yet.",
    "right": "right.",
    "wrong": "not yet. ",
    "no_number": "Give one number, such as 4.5 or 4,5, or a calculation such as (3 - 1) / 4.",
    "no_line": "This line cannot be computed. Write the names with + - * / and brackets between them.",
    "no_words": "A word stands in the answer. Give a number, such as 4.5 or 4,5, or a calculation such as (3 - 1) / 4.",
    "only_names": "Only these names are known here: {names}. Write the calculation with them.",
    "open_bracket": "A bracket is missing: each one that opens must close.",
    "brackets": "One more pair of brackets would make this calculation right. "
    "Without them, * and / come before + and -, and else it goes from left to right.",
    "perhaps": "It looks like this mistake: ",
    "fractions": " Then multiply by a hundred too: the names hold fractions.",
    "hundred": " And the line multiplies by a hundred already.",
    "nearly": "This is near the answer, and not near enough. "
    "If you rounded on the way, do not. Else look at the calculation again.",
    "unknown": "This is none of the usual mistakes. "
    "Go back to the definition, and compute again from the numbers on the page.",
    "move": "not answered yet: move the dot first.",
    "sign": "The sign is turned round. Look again at what is taken from what.",
    "too_small": "This is a hundred times too small. Shares and percentages differ by a hundred.",
    "too_large": "This is a hundred times too large. Shares and percentages differ by a hundred.",
    "marks": "{right} of {all} are right. Look again at one of the others. ",
    "low": "Your guess is too low.",
    "high": "Your guess is too high.",
    "unit_percent": "The unit is wrong. The question asks for a percentage.",
    "unit_points": "The unit is wrong. The difference of two percentages is counted in "
    "points: ten percent more and ten points more are different.",
    "unit_ratio": "The unit is wrong. A ratio is a plain number: so many times as large.",
    "unit_odds": "The unit is wrong. Odds are a plain number: so many with for each one without.",
    "unit_count": "The unit is wrong. The question asks for a number of people.",
    "unit_number": "The unit is wrong. The question asks for a plain number.",
}
# What may stand behind a number, and the units that an answer may carry.
UNITS = {
    "percent": ("percent", "per cent", "%"),
    "points": ("percentage points", "points", "point", "pp"),
    "ratio": (
        "times as large",
        "times as many",
        "times as often",
        "times the odds",
        "times",
    ),
    "odds": (),
    "count": ("people", "persons"),
    "number": (),
}
SUFFIXES = sorted(
    {unit for units in UNITS.values() for unit in units}, key=lambda u: (-len(u), u)
)
PLAIN = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\t": " ",
        "\N{MINUS SIGN}": "-",
        "\N{MULTIPLICATION SIGN}": "*",
        "\N{DIVISION SIGN}": "/",
    }
)
UNKNOWN_SIGN = "?"  # read as no number
OPEN = WORDS["open"]
RIGHT = WORDS["right"]
WRONG = WORDS["wrong"]


@dataclass(frozen=True)
class Target:
    """A number that an answer may be.

    Attributes
    ----------
    value, room : float
        An answer is this one if it is no farther away than `room`.
    reply : str
        What is said of it; of the right one, nothing.
    shown : float, optional
        What comes out with the numbers as they are printed.
    """

    value: float
    room: float
    reply: str = ""
    shown: float | None = None

    def is_met_by(self, number: float) -> bool:
        """Whether an answer is this number."""
        return abs(number - self.value) <= self.room + BARELY

    def distance(self, number: float) -> float:
        """How far an answer is from it, by exact or by printed numbers."""
        ways = [self.value, self.value if self.shown is None else self.shown]
        return min(abs(number - one) for one in ways)

    def is_surely(self, number: float) -> bool:
        """Whether an answer is so near that it can hardly be another mistake."""
        return self.distance(number) <= SURE * abs(self.value) + BARELY

    def said_of(self, number: float) -> str:
        """What is said of a number that is this one: less firmly, if it is not near."""
        return self.reply if self.is_surely(number) else WORDS["perhaps"] + self.reply


@dataclass(frozen=True)
class NumberTask:
    """A number with a tolerance, or a line of code that is checked by its result.

    Attributes
    ----------
    unit : str
        One of `UNITS`.
    target : Target
    wrong : tuple of Target
    names : mapping
        The numbers that an answer may name.
    scale : float
        What turns the other scale into that of the answer: 100 where the names are
        fractions and points are asked, 0.01 where the line has the hundred already.
    why : str
        What is said to a right answer.

    Examples
    --------
    >>> task = NumberTask("percent", Target(35.0, 0.1), (Target(65.0, 0.1, "Turned."),))
    >>> [task.check(answer) for answer in ("0,35", "35 %", 35, "65 percent")]
    ['right.', 'right.', 'right.', 'not yet. Turned.']
    """

    kind: ClassVar[str] = "number"
    unit: str
    target: Target
    wrong: tuple[Target, ...]
    names: Mapping[str, float] = field(default_factory=dict)
    scale: float = 0.0
    why: str = ""

    def check(self, answer: Any) -> str:
        """What to say to an answer: a number, or a text."""
        text = typed(answer)
        if text == "":
            return OPEN
        text, unit = without_unit(text)
        if unit and unit not in UNITS[self.unit]:
            return WRONG + WORDS[f"unit_{self.unit}"]
        text = plain_number(text, self.unit)
        try:
            number = self.as_asked(evaluate(text, self.names), unit)
        except UnreadableError:
            return WRONG + unreadable(text, self.names)
        if self.target.is_met_by(number):
            return right(self.why)
        found = mistake(self.wrong, number)
        if not (found and found.is_surely(number)):
            others = with_brackets(text, self.names)
            if any(self.target.is_met_by(self.as_asked(one, unit)) for one in others):
                return WRONG + WORDS["brackets"]
        return WRONG + self.reply(number)

    def as_asked(self, number: float, unit: str) -> float:
        """A share as a percentage, where that is asked."""
        is_share = self.unit == "percent" and not unit and abs(number) <= 1
        return 100 * number if is_share else number

    def reply(self, number: float) -> str:
        """What to say to a number that is wrong."""
        found = mistake(self.wrong, number)
        if found:
            return found.said_of(number)
        other = mistake(self.wrong, number * self.scale)
        if other and self.scale:
            also = WORDS["fractions" if self.scale > 1 else "hundred"]
            return other.said_of(number * self.scale) + also
        return WORDS[self.usual(number)]

    def usual(self, number: float) -> str:
        """Which of the mistakes that any number may have this one has."""
        wide = self.target.room + NEAR * abs(self.target.value)
        if abs(number - self.target.value) <= wide + BARELY:
            return "nearly"
        moved = {"sign": -number, "too_small": 100 * number, "too_large": number / 100}
        for name, value in moved.items():
            if self.target.is_met_by(value):
                return name
        return "unknown"


@dataclass(frozen=True)
class GuessTask:
    """A guess on a picture, before the answer is shown.

    Attributes
    ----------
    low, high, step : float
        Of the axis, in percent.
    target : Target
        Its room is how near a good guess comes.
    wrong : tuple of Target
        Where one lands by a way of thinking.
    why : str
        What is said to a right answer.

    Examples
    --------
    >>> task = GuessTask(0, 50, 1, Target(24.0, 4.0), (Target(31.0, 1.0, "So adds who adds."),))
    >>> task.check(22), task.check("31"), task.check(40)
    ('right.', 'not yet. So adds who adds.', 'not yet. Your guess is too high.')
    """

    kind: ClassVar[str] = "guess"
    low: float
    high: float
    step: float
    target: Target
    wrong: tuple[Target, ...]
    why: str = ""

    def check(self, answer: Any) -> str:
        """What to say to a place on the axis."""
        text = typed(answer)
        if text == "":
            return OPEN
        try:
            number = evaluate(plain_number(text, "percent"), {})
        except UnreadableError:
            return WRONG + WORDS["no_number"]
        if self.target.is_met_by(number):
            return right(self.why)
        found = mistake(self.wrong, number)
        if found:
            return WRONG + found.reply
        return WRONG + WORDS["low" if number < self.target.value else "high"]


@dataclass(frozen=True)
class ChoiceTask:
    """One of several answers, each with a reason.

    Attributes
    ----------
    options, replies : tuple of str
    right : int
        The place of the right one.

    Examples
    --------
    >>> task = ChoiceTask(("a", "b"), ("No reason.", "As defined."), 1)
    >>> task.check("a"), task.check(2)
    ('not yet. No reason.', 'right. As defined.')
    """

    kind: ClassVar[str] = "choice"
    options: tuple[str, ...]
    replies: tuple[str, ...]
    right: int

    def check(self, answer: Any) -> str:
        """What to say to an option: its number, from one, or its text."""
        place = place_of(answer, self.options)
        if place is None:
            return OPEN
        if place == self.right:
            return f"{RIGHT} {self.replies[place]}"
        return WRONG + self.replies[place]


@dataclass(frozen=True)
class OrderTask:
    """Steps to be put in order.

    Attributes
    ----------
    items : tuple of str
        As they are shown at first.
    sequence : tuple of int
        The places of the items, in the right order.
    reasons : tuple of str
        Why each step but the first comes after the one before it.
    why : str
        What is said to a right answer.

    Examples
    --------
    >>> task = OrderTask(("weigh", "ask", "compare"), (1, 0, 2), ("First ask.", "First weigh."))
    >>> task.check([2, 1, 3]), task.check(["ask", "compare", "weigh"])
    ('right.', 'not yet. First weigh.')
    """

    kind: ClassVar[str] = "order"
    items: tuple[str, ...]
    sequence: tuple[int, ...]
    reasons: tuple[str, ...]
    why: str = ""

    def check(self, answer: Any) -> str:
        """What to say to an order: numbers or texts of all items."""
        if not is_list(answer):
            return OPEN
        places = [place_of(item, self.items) for item in answer]
        if sorted(p for p in places if p is not None) != [*range(len(self.items))]:
            return OPEN
        if len(places) != len(self.items):
            return OPEN
        for i, reason in enumerate(self.reasons):
            if places.index(self.sequence[i + 1]) < places.index(self.sequence[i]):
                return WRONG + reason
        return right(self.why)


@dataclass(frozen=True)
class SentenceTask:
    """A sentence with blanks to be filled.

    Attributes
    ----------
    parts : tuple of str
        What stands before, between and behind the blanks.
    choices, saids : tuple of tuple of str
        The options of each blank, and what is said of each.
    rights : tuple of int
        The place of the right option of each blank.
    why : str
        What is said to a right answer.

    Examples
    --------
    >>> task = SentenceTask(("A gap ", "."), (("divides", "subtracts"),), (("That is a ratio.", ""),), (1,))
    >>> task.check(["divides"]), task.check([2])
    ('not yet. That is a ratio.', 'right.')
    """

    kind: ClassVar[str] = "sentence"
    parts: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    saids: tuple[tuple[str, ...], ...]
    rights: tuple[int, ...]
    why: str = ""

    def check(self, answer: Any) -> str:
        """What to say to an option for each blank."""
        if not is_list(answer) or len(answer) != len(self.rights):
            return OPEN
        places = [
            place_of(one, options)
            for one, options in zip(answer, self.choices, strict=True)
        ]
        if None in places:
            return OPEN
        for i, place in enumerate(places):
            if place is not None and place != self.rights[i]:
                return WRONG + self.saids[i][place]
        return right(self.why)


@dataclass(frozen=True)
class ClaimsTask:
    """Claims to be marked: may be said, or may not.

    Attributes
    ----------
    claims, replies : tuple of str
    may : tuple of bool
    why : str
        What is said to a right answer.

    Examples
    --------
    >>> task = ClaimsTask(("A.", "B."), ("A follows.", "B does not."), (True, False))
    >>> task.check([True, True]), task.check(["may", "may not"])
    ('not yet. 1 of 2 are right. Look again at one of the others. B does not.', 'right.')
    """

    kind: ClassVar[str] = "claims"
    claims: tuple[str, ...]
    replies: tuple[str, ...]
    may: tuple[bool, ...]
    why: str = ""

    def check(self, answer: Any) -> str:
        """What to say to a mark for each claim: may or may not, or True or False."""
        if not is_list(answer) or len(answer) != len(self.may):
            return OPEN
        marks = [MARKS.get(str(mark).lower()) for mark in answer]
        if None in marks:
            return OPEN
        wrong = [i for i, mark in enumerate(marks) if mark != self.may[i]]
        if not wrong:
            return right(self.why)
        many = str(len(self.may) - len(wrong))
        said = WORDS["marks"].replace("{right}", many)
        said = said.replace("{all}", str(len(self.may)))
        return WRONG + said + self.replies[wrong[0]]


MARKS = {"true": True, "may": True, "false": False, "may not": False}
Task = NumberTask | GuessTask | ChoiceTask | OrderTask | SentenceTask | ClaimsTask


def right(why: str) -> str:
    """What is said to a right answer, with a sentence that teaches.

    Examples
    --------
    >>> right(""), right("Ratios divide.")
    ('right.', 'right. Ratios divide.')
    """
    return f"{RIGHT} {why}" if why else RIGHT


def mistake(wrong: Sequence[Target], number: float) -> Target | None:
    """The usual mistake that is nearest to a number; None if it is none of them.

    Examples
    --------
    >>> mistake([Target(1.0, 0.5, "a"), Target(2.0, 0.5, "b")], 1.9).reply
    'b'
    """
    met = [target for target in wrong if target.is_met_by(number)]
    return min(met, key=lambda target: target.distance(number), default=None)


def unreadable(text: str, names: Mapping[str, float]) -> str:
    """What is said of a text that is no calculation.

    Examples
    --------
    >>> unreadable("odds / 2", {"p": 0.5})
    'Only these names are known here: p. Write the calculation with them.'
    """
    if text.count("(") != text.count(")"):
        return WORDS["open_bracket"]
    if unknown_words(text, names):
        said = WORDS["only_names" if names else "no_words"]
        return said.replace("{names}", ", ".join(names))
    return WORDS["no_line" if names else "no_number"]


def typed(answer: Any) -> str:
    """What was typed, in plain signs and small letters; empty if nothing was.

    Examples
    --------
    >>> typed(" 0,35\N{NO-BREAK SPACE}% "), typed(None)
    ('0,35 %', '')
    """
    if answer is None or answer is ...:
        return ""
    text = str(answer).translate(PLAIN).strip(" ")
    if not re.fullmatch(r"[ -~]*", text):
        return UNKNOWN_SIGN
    return re.sub(" +", " ", text.lower())


def without_unit(text: str) -> tuple[str, str]:
    """An answer without the unit behind it, and the unit.

    Examples
    --------
    >>> without_unit("35 percentage points"), without_unit("1.74x")
    (('35', 'percentage points'), ('1.74', 'times'))
    """
    found = re.fullmatch(r"(.*[0-9).]) ?x", text)
    if found:
        return found[1], "times"
    for unit in SUFFIXES:
        if text.endswith(unit):
            before = text[: -len(unit)].rstrip(" ")
            if re.search(r"[0-9).]$", before):
                return before, unit
    return text, ""


def plain_number(text: str, unit: str) -> str:
    """A calculation as `trustbook.calculation` reads it: with decimal points.

    Examples
    --------
    >>> plain_number("0,35", "percent"), plain_number("6,252", "count")
    ('0.35', '6252')
    >>> plain_number("82 to 18", "odds")
    '82 / 18'
    """
    text = text.replace(" to ", " / ")
    if unit == "count":
        text = re.sub(r"(?<=[0-9])[, ](?=[0-9]{3}(?![0-9]))", "", text)
    if "." not in text:
        text = text.replace(",", ".")
    return text


def place_of(answer: Any, texts: Sequence[str]) -> int | None:
    """Which text an answer names, by its number from one or by itself; None if none.

    Examples
    --------
    >>> place_of(2, ["a", "b"]), place_of("b", ["a", "b"]), place_of("c", ["a", "b"])
    (1, 1, None)
    """
    text = str(answer).strip(" ")
    if text in texts:
        return list(texts).index(text)
    if re.fullmatch(r"[1-9][0-9]?", text) and int(text) <= len(texts):
        return int(text) - 1
    return None


def is_list(answer: Any) -> bool:
    """Whether an answer has several parts.

    Examples
    --------
    >>> is_list([1, 2]), is_list("12")
    (True, False)
    """
    return isinstance(answer, (list, tuple))
