"""Checked exercises of the lessons: whether a number answers a question about two shares, or which mistake it is.

Two shares can be compared in many ways (`quantities`). An exercise, in the YAML file
beside its lesson, says which of them is asked for, and which others are the usual
mistakes, each with a hint. The checker compares an answer with all of them. It never
prints the right one.

Tables print percentages with one decimal. Whatever follows from percentages so rounded is
accepted, and one percent more for an answer that is itself rounded; a gap is not, for who
subtracts two printed percentages need not round.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from trustlib.errors import CodebookError, EstimandError, require_names
from trustlib.estimates import Estimates
from trustlib.forms import Form, read
from trustlib.schema import load_yaml

HALF = 0.0005  # half a unit of a printed percentage, as a share
SLACK = 0.01  # of an answer, relative
NEAR = 5 * SLACK  # who is as near as this has rounded on the way
BARELY = 1e-9  # an edge of a rounding belongs to it


def quantities(p: float, q: float) -> dict[str, float]:
    """What can be said of a first share p and a second q, right or wrong, by name.

    The last four are where one lands who takes the ratio p/q for an odds ratio, and
    applies it to the odds of q.

    Parameters
    ----------
    p, q : float
        Between 0 and 1.

    Returns
    -------
    dict

    Examples
    --------
    >>> said = quantities(0.6, 0.5)
    >>> round(said["ratio"], 2), round(said["odds ratio"], 2)
    (1.2, 1.5)
    """
    odds = p / (1 - p)
    other = q / (1 - q)
    moved = p / q * other
    back = q / p * other
    return {
        "share": p,
        "percent": 100 * p,
        "second percent": 100 * q,
        "gap": 100 * (p - q),
        "gap turned round": 100 * (q - p),
        "gap of shares": p - q,
        "times more": p / q - 1,
        "percent more": 100 * (p / q - 1),
        "ratio": p / q,
        "share over one more": p / (1 + p),
        "ratio turned round": q / p,
        "ratio times hundred": 100 * p / q,
        "ratio of the others": (1 - q) / (1 - p),
        "odds": odds,
        "odds turned round": 1 / odds,
        "odds times hundred": 100 * odds,
        "log odds": math.log(odds),
        "second odds": other,
        "gap of odds": odds - other,
        "odds ratio": odds / other,
        "odds ratio turned round": other / odds,
        "log odds ratio": math.log(odds / other),
        "misread odds": moved,
        "misread share": moved / (1 + moved),
        "misread percent": 100 * moved / (1 + moved),
        "misread turned round": 100 * back / (1 + back),
    }


OPEN = "not answered yet. Put your number in place of None and run this cell again."
FIRST = "Try first; then run this cell again."
RIGHT = "right."
WRONG = "not yet. "
NO_NUMBER = "Give one number, such as 4.5, or a calculation without quotation marks."
NEARLY = "You are near. Do not round on the way, and give one digit more."
UNKNOWN = "This is none of the usual mistakes. Go back to the definition, and compute again from the table."
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_ANSWER = re.compile(rf"({_NUMBER})(?:\s*(?:/|:|\bto\b)\s*({_NUMBER}))?\s*(\D*)")


class Exercise(Form):
    """What is asked, which units it may carry (a regular expression), and the hint for each mistake.

    `working` is of the solution: {p} and {q} are the percentages, {answer} the result.
    """

    right: str
    units: str
    unit_hint: str
    working: str
    mistakes: dict[str, str]


class ExercisesForm(Form):
    """The YAML file of a lesson; `source` says which published figures it uses."""

    source: dict[str, str]
    exercises: dict[str, Exercise]


def load_exercises(path: str | Path) -> dict[str, Exercise]:
    """Read the exercises of a lesson.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        Name -> `Exercise`.

    Raises
    ------
    CodebookError, UnknownNameError
        They are faulty.
    """
    form = read(
        ExercisesForm,
        load_yaml(path),
        f"{path} has no exercises",
        CodebookError,
        "Under `exercises:` each has right, units, unit_hint, working and mistakes.",
    )
    known = quantities(0.5, 0.5)
    for exercise in form.exercises.values():
        require_names("quantity", [exercise.right, *exercise.mistakes], known)
    return form.exercises


@dataclass(frozen=True)
class Pair:
    """Two shares between 0 and 1, the first of which is compared with the second.

    Attributes
    ----------
    first, second : float

    Examples
    --------
    >>> exercise = Exercise(
    ...     right="gap",
    ...     units="points?",
    ...     unit_hint="A gap is in points.",
    ...     working="{p:.0f} - {q:.0f} = {answer:.0f}",
    ...     mistakes={"ratio": "This is a ratio."},
    ... )
    >>> pair = Pair(0.6, 0.4)
    >>> pair.check(exercise, "20 points"), pair.check(exercise, 1.5)
    ('right.', 'not yet. This is a ratio.')
    >>> pair.solution(exercise, answer=20)
    '60 - 40 = 20'
    """

    first: float
    second: float

    @classmethod
    def of(cls, levels: Estimates, first: str, second: str) -> Pair:
        """The shares in two rows of `levels`, each named by a condition; both must pass the disclosure gate."""
        rows = [levels.where(condition) for condition in (first, second)]
        if any(len(row) != 1 for row in rows):
            raise EstimandError(
                f"{first!r} and {second!r} do not name one row each.",
                "Name a level of each axis.",
            )
        for row in rows:
            row.require_showable()
        shares = [float(row.frame["estimate"].iloc[0]) for row in rows]
        return cls(*shares)

    def check(self, exercise: Exercise, answer: Any) -> str:
        """What to say to an answer: open, right, or which mistake it looks like.

        Parameters
        ----------
        exercise : Exercise
        answer : number or text
            ``1.5``, ``"1,5"``, ``"3 to 2"``, ``"12 points"``; None is not answered yet.
        """
        if _open(answer):
            return OPEN
        number, unit = _read(answer)
        if math.isnan(number):
            return WRONG + NO_NUMBER
        if unit and not re.fullmatch(exercise.units, unit):
            return WRONG + exercise.unit_hint
        near = self._near(number)
        if exercise.right in near:
            return RIGHT
        for name in near:
            if name in exercise.mistakes:
                return WRONG + exercise.mistakes[name]
        if exercise.right in self._near(number, NEAR):
            return WRONG + NEARLY
        return WRONG + UNKNOWN

    def solution(
        self, exercise: Exercise, answer: Any = None, shown: bool = False
    ) -> str:
        """The working, with its result, once there is an answer; or if it is to be `shown` without one."""
        if _open(answer) and not shown:
            return FIRST
        result = quantities(self.first, self.second)[exercise.right]
        return exercise.working.format(
            p=100 * self.first,
            q=100 * self.second,
            answer=result,
        )

    def _near(self, number: float, slack: float | None = None) -> list[str]:
        """The quantities, nearest first, that a number may be, of the two percentages as they are printed."""
        here = quantities(self.first, self.second)
        ends = list(self._as_printed())
        distance = {}
        for name, value in here.items():
            room = BARELY + max(abs(end[name] - value) for end in ends)
            room += abs(value) * _slack(name, slack)
            if abs(number - value) <= room:
                distance[name] = abs(number - value)
        return sorted(distance, key=distance.__getitem__)

    def _as_printed(self) -> Iterator[dict[str, float]]:
        """The quantities of the shares that are printed alike: the ends of their rounding."""
        for a, b in product((-HALF, 0, HALF), repeat=2):
            yield quantities(self.first + a, self.second + b)


def _slack(name: str, given: float | None) -> float:
    """How far, relatively, an answer may be from a quantity: a gap is not rounded."""
    if given is not None:
        return given
    return 0.0 if name == "gap" else SLACK


def _open(answer: Any) -> bool:
    """Whether nobody has answered yet."""
    return answer is None or answer is ... or answer == ""


def _read(answer: Any) -> tuple[float, str]:
    """The number of an answer, and the unit behind it; NaN if it is no number."""
    text = str(answer).strip().lower().replace("\N{MINUS SIGN}", "-")
    if "." not in text:
        text = text.replace(",", ".")
    found = _ANSWER.fullmatch(text)
    if not found:
        return math.nan, ""
    over = float(found[2] or 1)
    if over == 0:
        return math.nan, ""
    return float(found[1]) / over, found[3].strip()
