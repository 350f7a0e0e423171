"""The forms of the file of a lesson: which keys it may have.

What a number is says `trustbook.lesson_numbers`, what an exercise is `trustbook.lessons`.
"""

from __future__ import annotations

from typing import Literal

from trustlib.forms import Form


class NumberForm(Form):
    """A number of a lesson; which keys belong together says the module."""

    format: Literal["percent", "points", "ratio", "odds", "count", "whole"] = "percent"
    cells: str = ""
    half: float | None = None  # of the last digit that readers see, if not as usual
    group: dict[str, str] = {}
    column: str = "estimate"
    stored: str = ""
    table: str = "levels"
    model: str = ""
    row: dict[str, str] = {}
    printed: str = ""
    equals: str = ""


class WrongForm(Form):
    """A usual wrong answer, as a calculation, and what is said of it."""

    answer: str
    reply: str


class OptionForm(Form):
    """An option of a choice and its reason, or a claim and why it may be said or not."""

    text: str
    reply: str
    right: bool = False
    may: bool = False


class StepForm(Form):
    """A step of an order, and why it comes after the one before it."""

    text: str
    reply: str = ""


class GapForm(Form):
    """A blank of a sentence: the right word, and what is said of each other one."""

    right: str
    wrong: dict[str, str]


class ExerciseForm(Form):
    """An exercise of the file; which keys a kind needs says `NEEDED`."""

    kind: Literal["number", "code", "guess", "choice", "order", "sentence", "claims"]
    title: str
    ask: str
    hint: str
    solution: str
    why: str = ""  # said to a right answer; else the solution is
    unit: Literal["", "percent", "points", "ratio", "odds", "count", "number"] = ""
    answer: str = ""
    slack: float | None = None
    wrong: list[WrongForm] = []
    names: list[str] = []
    code: list[str] = []
    axis: list[float] = []
    rows: dict[str, str] = {}
    asked: str = ""
    options: list[OptionForm] = []
    steps: list[StepForm] = []
    sentence: str = ""
    gaps: list[GapForm] = []
    claims: list[OptionForm] = []


class SlideForm(Form):
    """What the slide of a lesson shows: rows of numbers, and sentences."""

    question: str
    title: str
    what: str
    rows: dict[str, str]
    says: list[str]
    evidence: list[int] = [1]


class LessonForm(Form):
    """The YAML file of a lesson."""

    title: str
    minutes: int
    next: str = ""
    evidence: list[str]
    slide: SlideForm
    numbers: dict[str, NumberForm]
    exercises: dict[str, ExerciseForm]
