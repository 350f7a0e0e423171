"""Answers to the exercises of the lessons: right ones in several spellings, wrong ones, and anything at random."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

from trustbook.exercise_html import words_script
from trustbook.exercises import (
    ChoiceTask,
    ClaimsTask,
    GuessTask,
    NumberTask,
    OrderTask,
    SentenceTask,
)
from trustbook.lessons import Lesson, as_json, right_answer
from trustbook.sphinx.lesson_pages import WEB

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks" / "lessons"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
CHECK = "trials => trials.map(([task, answer]) => trustExercises.check(task, answer))"
SIGNS = [*"0123456789.,+-*/^():% eExX", "**", " to ", "log(", "sqrt", "both", "points"]
LINE = [*"+-*/^():", "100", "1", "2", " ", "nobody", "sqrt(", "100 * ("]
SIGNS += ["percent", "times", "\u2212", "\u00a0", "\t", "é", "<", "1e9", "0.5", "100", "people"]  # fmt: skip


@cache
def lesson(name: str) -> Lesson:
    return Lesson.read(FOLDER / f"{name}.yml", ROOT / "data")


def tasks() -> dict[str, Any]:
    """Every exercise of every lesson, by both names."""
    return {
        f"{name}/{exercise.name}": exercise
        for name in NAMES
        for exercise in lesson(name).exercises.values()
    }


def spellings(exercise: Any) -> list[Any]:
    """The right answer as readers may write it."""
    answer = right_answer(exercise)
    task = exercise.task
    if not isinstance(task, NumberTask):
        return [answer]
    texts = [f"{answer:.4f}", f"{answer:.4f}".replace(".", ","), f" {answer:.5g}  "]
    texts += [f"{answer:.4f}".replace("-", "\N{MINUS SIGN}"), f"2 * {answer / 2:.6f}"]
    if task.unit == "percent":
        texts += [f"{answer:.2f} %", f"{answer:.2f}percent", f"{answer / 100:.5f}"]
        texts.append(f"{answer / 100:.5f}".replace(".", ","))
    if task.unit == "points":
        texts += [f"{answer:.2f} points", f"{answer:.2f} percentage points"]
    if task.unit == "count":
        texts += [f"{answer:,.0f}", f"{answer:,.0f}".replace(",", " ") + " people"]
    if task.unit == "ratio":
        texts += [f"{answer:.4f} times", f"{answer:.4f}x"]
    return [answer, *texts]


def anything(rng: random.Random, exercise: Any) -> Any:
    """A random answer of the kind that an exercise takes: sometimes sensible, sometimes not."""
    task = exercise.task
    if isinstance(task, NumberTask | GuessTask):
        return _typed(rng, task)
    if isinstance(task, ChoiceTask):
        return str(rng.choice([*task.options, "", "0", *range(1, 9), "no such"]))
    if isinstance(task, OrderTask):
        items = [str(i + 1) for i in range(len(task.items))]
        rng.shuffle(items)
        return items[: rng.choice([len(items)] * 5 + [2, 0])]
    if isinstance(task, SentenceTask):
        return [rng.choice([*options, *options, ""]) for options in task.choices]
    assert isinstance(task, ClaimsTask)
    return [
        rng.choice(["may", "may not", "May", ""][: rng.choice([2, 2, 4])])
        for _ in task.may
    ]


def _typed(rng: random.Random, task: NumberTask | GuessTask) -> str:
    """What somebody may type into a field for a number."""
    names = list(getattr(task, "names", ()))
    if names and rng.random() < 0.5:
        return "".join(rng.choice([*names, *LINE]) for _ in range(rng.randrange(1, 12)))
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(rng.choice(SIGNS) for _ in range(rng.randrange(14)))
    target = rng.choice([task.target, *task.wrong])
    value = target.value + rng.choice([0, 0.3, 0.97, 1.03, -3, 20]) * target.room
    if kind == 1:
        value = rng.choice([1, -1, 100, 0.01]) * value
    digits = rng.randrange(7)
    text = f"{value:.{digits}f}" if kind < 3 else f"{value / 3:.{digits + 2}f} * 3"
    unit = rng.choice(
        ["", "", "", "%", " %", " points", "x", " times", " percent", " people"]
    )
    return rng.choice([text, text.replace(".", ",")]) + unit


def texts_of(answer: Any) -> Any:
    """An answer as a form of the page holds it: texts."""
    if isinstance(answer, list):
        return [str(part) for part in answer]
    return str(answer)


def by_page(chromium: Any, trials: list[tuple[Any, Any]]) -> list[str]:
    """What the page replies, in one call."""
    page = chromium.new_page()
    page.add_script_tag(content=words_script())
    page.add_script_tag(path=WEB / "exercises_check.js")
    made = [[as_json(exercise.task), texts_of(answer)] for exercise, answer in trials]
    said = page.evaluate(CHECK, json.loads(json.dumps(made)))
    page.close()
    return said
