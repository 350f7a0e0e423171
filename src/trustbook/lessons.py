"""Lessons: one YAML file is the source of the exercises of the page, of the notebook and of the tests.

``notebooks/lessons/<name>.yml`` names the numbers of a lesson (`trustbook.lesson_numbers`)
and its exercises. Right answers and the usual wrong ones are calculations with these
numbers, so that nothing that is computed is ever typed. In texts, ``{both}`` prints a
number, ``{both ratio}`` prints it in another style and ``{both interval}`` with its
interval; ``{right}`` is the right answer (`trustbook.lesson_texts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trustbook.calculation import Calculation, computed, names_in
from trustbook.exercises import (
    ChoiceTask,
    ClaimsTask,
    GuessTask,
    NumberTask,
    OrderTask,
    SentenceTask,
    Target,
    Task,
)
from trustbook.lesson_forms import ExerciseForm, LessonForm, SlideForm
from trustbook.lesson_numbers import Numbers, files_of, make_numbers
from trustbook.lesson_texts import filled, plain_text, reply_of, with_note
from trustlib.errors import CodebookError, raise_faults, require_names
from trustlib.forms import read
from trustlib.schema import load_yaml

SLACK = 0.01  # of an answer, relative
# How the right answer is printed: digits and unit.
RESULTS = {
    "percent": (1, " %"),
    "points": (1, " points"),
    "ratio": (2, ""),
    "odds": (2, ""),
    "count": (0, ""),
    "number": (2, ""),
}
# What an exercise of each kind must have.
NEEDED = {
    "number": ("unit", "answer", "wrong"),
    "code": ("unit", "answer", "wrong", "names", "code"),
    "guess": ("answer", "wrong", "axis", "rows", "asked"),
    "choice": ("options",),
    "order": ("steps",),
    "sentence": ("sentence", "gaps"),
    "claims": ("claims",),
}
OPEN_FIRST = "Try first; then run this cell again."
# An answer may be the printed one: half of its last digit, where numbers are small.
ROUNDED = {"ratio": 0.005, "odds": 0.005}
HUNDRED = "100 *"  # in a line of code that makes percent of a fraction
DIGITS = {"percent": 3, "points": 4, "count": 0}  # of a name's value; others have two
_GAP = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Exercise:
    """An exercise of a lesson, with its numbers computed.

    Attributes
    ----------
    name, title : str
    number : int
        Its place in the lesson, from one.
    ask, hint, solution : str
        With their numbers filled in; Markdown of one line per paragraph.
    task : Task
        What checks an answer.
    form : ExerciseForm
    result : str
        The right answer as it is printed, where it is a number.
    code : tuple of str
        The lines of code, with the value of each name.
    """

    name: str
    title: str
    number: int
    ask: str
    hint: str
    solution: str
    task: Task
    form: ExerciseForm
    result: str = ""
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """A lesson: its numbers, and its exercises by name.

    Attributes
    ----------
    name, title : str
    minutes : int
    evidence : tuple of str
        Where its numbers come from, in words.
    numbers : Numbers
    exercises : mapping
    files : tuple of str
        Below the folder of data, from which its numbers come.
    next : str
        The name of the lesson that comes next.
    slide : SlideForm, optional
    """

    name: str
    title: str
    minutes: int
    evidence: tuple[str, ...]
    numbers: Numbers
    exercises: Mapping[str, Exercise]
    files: tuple[str, ...] = ()
    next: str = ""
    slide: SlideForm | None = None

    @classmethod
    def read(cls, path: str | Path, data: str | Path) -> Lesson:
        """The lesson of a file.

        Parameters
        ----------
        path : path
        data : path
            The folder with the committed cells of each source.

        Returns
        -------
        Lesson

        Raises
        ------
        CodebookError, UnknownNameError
            The file is faulty.
        """
        form = read(
            LessonForm,
            load_yaml(path),
            f"{path} is no lesson",
            CodebookError,
            "A lesson has title, minutes, evidence, numbers and exercises.",
        )
        numbers = make_numbers(form.numbers, Path(data))
        made = {
            name: make_exercise(name, i, exercise, numbers)
            for i, (name, exercise) in enumerate(form.exercises.items(), 1)
        }
        return cls(
            Path(path).stem,
            form.title,
            form.minutes,
            tuple(form.evidence),
            numbers,
            made,
            files_of(form.numbers),
            form.next,
            form.slide,
        )

    def __getitem__(self, name: str) -> Exercise:
        require_names("exercise of this lesson", [name], self.exercises)
        return self.exercises[name]

    def check(self, name: str, answer: Any) -> str:
        """What to say to an answer: open, right, or which mistake it looks like.

        Parameters
        ----------
        name : str
            Of an exercise.
        answer : Any
            A number or a calculation; the number of an option; a list where the answer
            has parts; None if there is none yet.
        """
        return self[name].task.check(answer)

    def said(self) -> str:
        """Every number of the lesson by its name, with its interval where it has one."""
        numbers = self.numbers.numbers.items()
        lines = [
            f"{name}: {number.shown(interval=number.has_interval)}"
            for name, number in numbers
        ]
        return "\n".join([*self.evidence, *lines])

    def solution(self, name: str, answer: Any = None) -> str:
        """The solution of an exercise, once there is an answer."""
        if answer is None or answer is ...:
            return OPEN_FIRST
        return plain_text(self[name].solution)


def make_exercise(
    name: str, number: int, form: ExerciseForm, numbers: Numbers
) -> Exercise:
    """An exercise with its right and wrong answers computed.

    Raises
    ------
    CodebookError
        Something lacks, or a calculation cannot be read.
    """
    lacking = [key for key in NEEDED[form.kind] if not getattr(form, key)]
    raise_faults(
        CodebookError,
        f"Exercise {name} is not whole",
        [f"{key} is missing" for key in lacking],
        f"An exercise of kind {form.kind} needs {', '.join(NEEDED[form.kind])}.",
    )
    result = ""
    if form.answer:
        value = computed(form.answer, numbers.values(), f"exercise {name}, answer")
        digits, unit = RESULTS[form.unit or "percent"]
        result = f"{value:,.{digits}f}{unit}".replace("-", "−")
    solution = with_note(filled(form.solution, numbers, result))
    task = MAKERS[form.kind](form, numbers, name)
    if not isinstance(task, ChoiceTask):
        why = filled(form.why, numbers, result) or solution
        task = replace(task, why=plain_text(why))
    return Exercise(
        name,
        form.title,
        number,
        filled(form.ask, numbers, result),
        filled(form.hint, numbers, result),
        solution,
        task,
        form,
        result,
        code_lines(form, numbers),
    )


def code_lines(form: ExerciseForm, numbers: Numbers) -> tuple[str, ...]:
    """The lines of code of an exercise: before the last one, each name with its value.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Number
    >>> form = ExerciseForm(kind="code", title="t", ask="a", hint="h", solution="s",
    ...                     names=["p"], code=["# a share", "q = ____"])
    >>> code_lines(form, Numbers({"p": Number(0.25)}))
    ('# a share', 'p = 0.250', 'q = ____')
    """
    *before, last = form.code or [""]
    named = [(name, numbers[name]) for name in form.names]
    values = [
        f"{name} = {number.value:.{DIGITS.get(number.format, 2)}f}"
        for name, number in named
    ]
    return (*before, *values, last) if form.code else ()


def as_json(task: Task) -> dict[str, Any]:
    """What the page is given of a task, as plain values.

    Examples
    --------
    >>> as_json(ChoiceTask(("a",), ("Yes.",), 0))
    {'kind': 'choice', 'options': ('a',), 'replies': ('Yes.',), 'right': 0}
    """
    return {"kind": task.kind, **asdict(task)}


def _target(
    calculation: str, reply: str, numbers: Numbers, slack: float, place: str
) -> Target:
    """A number that an answer may be, with the room that printed digits leave."""
    read = Calculation.read(calculation, numbers.numbers, place)
    value = read.of(numbers.values())
    ends = map(read.of, numbers.as_printed(names_in(calculation)))
    room = max(abs(end - value) for end in ends) + slack * abs(value)
    shown = read.of(numbers.printed())
    return Target(value, room, reply, shown)


def _targets(
    form: ExerciseForm, numbers: Numbers, name: str, slack: float
) -> tuple[Target, ...]:
    """The usual wrong answers."""
    return tuple(
        _target(
            wrong.answer,
            reply_of(wrong.reply, numbers),
            numbers,
            slack,
            f"exercise {name}, wrong answer {i}",
        )
        for i, wrong in enumerate(form.wrong, 1)
    )


def _number_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """A number, or the result of a line of code."""
    slack = form.slack
    if slack is None:
        slack = 0.0 if form.unit == "points" else SLACK
    right = _target(form.answer, "", numbers, slack, f"exercise {name}, answer")
    right = replace(right, room=right.room + ROUNDED.get(form.unit, 0.0))
    named = {other: numbers[other].value for other in form.names}
    wrong = _targets(form, numbers, name, slack)
    return NumberTask(form.unit or "number", right, wrong, named, _scale(form))


def _scale(form: ExerciseForm) -> float:
    """What turns the other scale, fraction or percent, into that of a line of code."""
    if form.kind != "code":
        return 0.0
    if form.unit == "points":
        return 100.0
    return 0.01 if HUNDRED in form.code[-1] else 0.0


def _guess_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """A guess on the axis from its first to its second number, in steps of its third."""
    low, high, step = form.axis
    room = form.slack if form.slack is not None else step
    right = _target(form.answer, "", numbers, 0.0, f"exercise {name}, answer")
    wrong = [
        Target(target.value, step, target.reply)
        for target in _targets(form, numbers, name, 0.0)
    ]
    return GuessTask(low, high, step, Target(right.value, room), tuple(wrong))


def _choice_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """One of several answers."""
    right = [i for i, option in enumerate(form.options) if option.right]
    if len(right) != 1:
        raise CodebookError(
            f"Exercise {name} has {len(right)} right options, not one.",
            "Give one option right: true.",
        )
    options = tuple(filled(option.text, numbers) for option in form.options)
    replies = tuple(reply_of(option.reply, numbers) for option in form.options)
    return ChoiceTask(options, replies, right[0])


def _order_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """Steps in order."""
    items = tuple(filled(step.text, numbers) for step in form.steps)
    reasons = tuple(reply_of(step.reply, numbers) for step in form.steps[1:])
    if not all(reasons):
        raise CodebookError(
            f"Exercise {name}: a step has no reply.",
            "Say of each step but the first why it comes after the one before it.",
        )
    places = order_shown(len(items))
    sequence = tuple(places.index(i) for i in range(len(items)))
    return OrderTask(tuple(items[place] for place in places), sequence, reasons)


def _sentence_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """A sentence with blanks."""
    parts = tuple(_GAP.split(filled(form.sentence, numbers)))
    if len(parts) != len(form.gaps) + 1:
        raise CodebookError(
            f"Exercise {name} has {len(parts) - 1} blanks in its sentence and {len(form.gaps)} below.",
            "Write [1], [2] and so on where a blank is.",
        )
    words = [dict(sorted({gap.right: "", **gap.wrong}.items())) for gap in form.gaps]
    return SentenceTask(
        parts,
        tuple(tuple(options) for options in words),
        tuple(
            tuple(reply_of(said, numbers) for said in options.values())
            for options in words
        ),
        tuple(
            list(options).index(gap.right)
            for options, gap in zip(words, form.gaps, strict=True)
        ),
    )


def _claims_task(form: ExerciseForm, numbers: Numbers, name: str) -> Task:
    """Claims that may be said or not."""
    claims = tuple(filled(claim.text, numbers) for claim in form.claims)
    replies = tuple(reply_of(claim.reply, numbers) for claim in form.claims)
    return ClaimsTask(claims, replies, tuple(claim.may for claim in form.claims))


MAKERS = {
    "number": _number_task,
    "code": _number_task,
    "guess": _guess_task,
    "choice": _choice_task,
    "order": _order_task,
    "sentence": _sentence_task,
    "claims": _claims_task,
}
RIGHT_FORM = {
    "number": "a number or a calculation",
    "code": "a calculation with the names above, in quotation marks",
    "guess": "a number in percent",
    "choice": "the number of an option",
    "order": "a list with the numbers of the steps, in order",
    "sentence": "a list with a word for each blank",
    "claims": 'a list with "may" or "may not" for each claim',
}


def right_answer(exercise: Exercise) -> Any:
    """An answer that is right, as a reader of the notebook may write it.

    Examples
    --------
    >>> form = ExerciseForm(kind="order", title="t", ask="a", hint="h", solution="s")
    >>> right_answer(Exercise("x", "t", 1, "", "", "", OrderTask(("a", "b"), (1, 0), ("c",)), form))
    [2, 1]
    """
    task = exercise.task
    if isinstance(task, NumberTask | GuessTask):
        return task.target.value
    if isinstance(task, ChoiceTask):
        return task.right + 1
    if isinstance(task, OrderTask):
        return [place + 1 for place in task.sequence]
    if isinstance(task, SentenceTask):
        chosen = zip(task.choices, task.rights, strict=True)
        return [options[place] for options, place in chosen]
    return ["may" if may else "may not" for may in task.may]


def order_shown(items: int) -> list[int]:
    """The order in which the steps of an exercise are shown at first, which is never right.

    Examples
    --------
    >>> order_shown(5)
    [2, 0, 3, 1, 4]
    """
    places = list(range(items))
    return sorted(
        places, key=lambda place: (2 * place + 1) % (items + (items % 2 == 0))
    )
