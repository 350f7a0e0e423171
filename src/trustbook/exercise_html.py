"""An exercise as HTML that can be read without a program, and answered with one.

The question, the hint and the solution are text of the page; what can be answered stands
in a form that ``trustbook/web/exercises.js`` shows and listens to. What it needs to check
an answer is in ``data-task``. On paper there is room to write in place of the form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from html import escape
from itertools import zip_longest
from typing import Any

from trustbook.exercises import (
    SUFFIXES,
    UNITS,
    WORDS,
    ChoiceTask,
    ClaimsTask,
    GuessTask,
    OrderTask,
    SentenceTask,
)
from trustbook.lesson_numbers import Numbers
from trustbook.lessons import Exercise, Lesson, as_json
from trustbook.pictures.rows import Axis
from trustlib.escaping import html_text

# What stands behind the field of an answer.
BEHIND = {
    "percent": "percent",
    "points": "points",
    "ratio": "times",
    "odds": "for each one without",
    "count": "people",
    "number": "",
}
CALCULATION = "A number, or a calculation such as (3 - 1) / 4."
NAMED = "A calculation with the names above. Type it, or write it with the buttons."
# Buttons that write a line: what is written, and what a screen reader says.
KEYS = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divided by",
    "^": "to the power of",
    "(": "open bracket",
    ")": "close bracket",
    "1": "1",
    "2": "2",
    "100": "100",
}
TICKS = 5  # steps between the ticks of a guess
LINES = 3  # to write on, on paper


def words_script() -> str:
    """The script that gives the page the words of `trustbook.exercises`.

    Examples
    --------
    >>> words_script()[:25]
    'window.exerciseWords = {"'
    """
    said = {"words": WORDS, "units": UNITS, "suffixes": SUFFIXES}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"window.exerciseWords = {text};\n"


def inline(markdown: str) -> str:
    """A line of Markdown as HTML: strong, emphasis and code; everything else is text.

    Examples
    --------
    >>> inline("The **gap** is `p < q`, *not* a ratio.")
    'The <strong>gap</strong> is <code>p &lt; q</code>, <em>not</em> a ratio.'
    """
    parts = re.split(r"`([^`]*)`", markdown)
    made = []
    for i, part in enumerate(parts):
        text = escape(part)
        if i % 2:
            made.append(f"<code>{text}</code>")
            continue
        text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
        made.append(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text))
    return "".join(made)


def paragraphs(markdown: str) -> str:
    """Paragraphs of `inline`, with an empty line between them.

    Examples
    --------
    >>> paragraphs("One." + 2 * chr(10) + "Two.")
    '<p>One.</p><p>Two.</p>'
    """
    blocks = re.split(r"\n\s*\n", markdown.strip())
    return "".join(f"<p>{inline(' '.join(block.split()))}</p>" for block in blocks)


def exercise_html(lesson: Lesson, name: str) -> str:
    """An exercise of a lesson.

    Parameters
    ----------
    lesson : Lesson
    name : str

    Returns
    -------
    str
    """
    exercise = lesson[name]
    place = f"exercise-{name}"
    task = escape(json.dumps(as_json(exercise.task), ensure_ascii=False))
    head = f"Exercise {exercise.number}: {exercise.title}"
    controls = CONTROLS[exercise.form.kind](exercise, place, lesson.numbers)
    return (
        f'<section class="exercise exercise-{exercise.form.kind}" id="{place}" '
        f'data-lesson="{html_text(lesson.name)}" data-exercise="{html_text(name)}" '
        f'data-task="{task}" aria-labelledby="{place}-head">\n'
        f'<h3 id="{place}-head">{html_text(head)}</h3>\n'
        f'<div class="exercise-ask">{paragraphs(exercise.ask)}{_code(exercise)}</div>\n'
        '<p class="exercise-without">To answer here, the page needs scripts. Without '
        "them, write your answer down and open the solution.</p>\n"
        f'<form class="exercise-form">{controls}{BUTTONS}</form>\n'
        f'<p class="exercise-reply" role="status" aria-live="polite"></p>\n'
        f"{_fold('Hint', exercise.hint)}{_fold('Solution', exercise.solution)}"
        f'<div class="exercise-space" aria-hidden="true">{"<i></i>" * LINES}</div>\n'
        "</section>\n"
    )


BUTTONS = (
    '<p class="exercise-buttons" hidden><button type="submit">Check</button>'
    '<button type="reset">Try again</button></p>'
)


def progress_html(lesson: Lesson, is_own: bool = True) -> str:
    """How many exercises of a lesson are right on this device.

    Parameters
    ----------
    lesson : Lesson
    is_own : bool
        Whether it stands on the page of the lesson, where the answers can be forgotten.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Numbers
    >>> progress_html(Lesson("a", "A", 30, (), Numbers({}), {}), is_own=False).partition('hidden>')[2].strip()
    '<p>A: <span></span></p></div>'
    """
    names = html_text(json.dumps(list(lesson.exercises)))
    begins = (
        f'<div class="exercise-progress" data-lesson="{html_text(lesson.name)}" '
        f'data-names="{names}" hidden>'
    )
    if not is_own:
        title = html_text(lesson.title)
        return f"{begins}<p>{title}: <span></span></p></div>\n"
    return (
        f'{begins}<p role="status" aria-live="polite"><span></span></p>'
        '<p><button type="button">Forget my answers to this lesson</button> '
        "<small>Your answers stay on this device. Nothing is sent.</small></p></div>\n"
    )


def end_html(lesson: Lesson, title: str = "", address: str = "") -> str:
    """What stands under the last exercise: how many are right, and the next lesson.

    Parameters
    ----------
    lesson : Lesson
    title, address : str
        Of the lesson that comes next; empty if there is none.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Numbers
    >>> made = end_html(Lesson("a", "A", 30, (), Numbers({}), {}), "B", "b.html")
    >>> made.partition('<p class="exercise-next">')[2].strip()
    'Next lesson: <a href="b.html">B</a></p>'
    """
    done = progress_html(lesson, is_own=False)
    if not title:
        return done
    link = f'<a href="{html_text(address)}">{html_text(title)}</a>'
    return f'{done}<p class="exercise-next">Next lesson: {link}</p>\n'


def answers_html(lesson: Lesson) -> str:
    """The solutions of all exercises of a lesson, for teachers.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Numbers
    >>> answers_html(Lesson("a", "A", 30, (), Numbers({}), {}))
    '<details class="exercise-answers"><summary>Answers: A</summary><dl></dl></details>'
    """
    lines = "".join(
        f"<dt>{exercise.number}. {html_text(exercise.title)}</dt>"
        f"<dd>{paragraphs(exercise.solution)}</dd>"
        for exercise in lesson.exercises.values()
    )
    title = html_text(lesson.title)
    return (
        f'<details class="exercise-answers"><summary>Answers: {title}</summary>'
        f"<dl>{lines}</dl></details>"
    )


def _fold(title: str, text: str) -> str:
    """A hint or a solution, folded."""
    kind = title.lower()
    return (
        f'<details class="exercise-{kind}"><summary>{title}</summary>'
        f"{paragraphs(text)}</details>\n"
    )


def _code(exercise: Exercise) -> str:
    """The lines of code before the one that is asked for."""
    if not exercise.code:
        return ""
    lines = "\n".join(html_text(line) for line in exercise.code)
    return f'<pre class="exercise-code" tabindex="0" aria-label="Code">{lines}</pre>'


def _number(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """A field for a number or a calculation."""
    names = exercise.form.names
    how = NAMED if names else CALCULATION
    unit = html_text(BEHIND[exercise.form.unit])
    return (
        f'<p><label for="{place}-answer">Your answer</label> '
        f'<span class="exercise-field"><input id="{place}-answer" name="answer" '
        f'type="text" autocomplete="off" autocapitalize="off" spellcheck="false" '
        f'maxlength="200" aria-describedby="{place}-how"> {unit}</span> '
        f'<small id="{place}-how">{how}</small></p>{_keys(names)}'
    )


def _keys(names: Sequence[str]) -> str:
    """Buttons that write the parts of a line of code, for those who have no keyboard at hand."""
    if not names:
        return ""
    words = {name: name for name in names} | KEYS
    buttons = "".join(
        f'<button type="button" data-insert="{html_text(text)}" '
        f'aria-label="{html_text(said)}">{html_text(text)}</button>'
        for text, said in words.items()
    )
    return (
        '<div class="exercise-keys" role="group" aria-label="Write the line" hidden>'
        f'{buttons}<button type="button" data-delete="1">Delete</button></div>'
    )


def _choice(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """A button for each option."""
    task = exercise.task
    assert isinstance(task, ChoiceTask)
    options = "".join(
        f'<label for="{place}-{i}"><input type="radio" id="{place}-{i}" name="answer" '
        f'value="{i}"> <span>{inline(option)}</span></label>'
        for i, option in enumerate(task.options, 1)
    )
    return f"<fieldset><legend>Choose one</legend>{options}</fieldset>"


def _claims(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """Two buttons for each claim."""
    task = exercise.task
    assert isinstance(task, ClaimsTask)
    return "".join(
        f'<fieldset class="exercise-claim"><legend>{inline(claim)}</legend>'
        f"{_mark(place, i, 'may', 'may say')}{_mark(place, i, 'may not', 'may not say')}"
        "</fieldset>"
        for i, claim in enumerate(task.claims)
    )


def _mark(place: str, i: int, value: str, words: str) -> str:
    """One of the two marks of a claim."""
    name = f"{place}-{i}-{value.replace(' ', '-')}"
    return (
        f'<label for="{name}"><input type="radio" id="{name}" name="claim-{i}" '
        f'value="{value}"> <span>{words}</span></label>'
    )


def _order(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """The steps, each with two buttons that move it."""
    task = exercise.task
    assert isinstance(task, OrderTask)
    items = "".join(
        f'<li data-item="{i}"><span>{inline(item)}</span>{_move("up", item)}'
        f"{_move('down', item)}</li>"
        for i, item in enumerate(task.items, 1)
    )
    return f"<ol>{items}</ol>"


def _move(way: str, item: str) -> str:
    """A button that moves a step."""
    sign = {"up": "↑", "down": "↓"}[way]
    words = html_text(f"Move {way}: {item}")
    return (
        f'<button type="button" data-move="{way}" aria-label="{words}">{sign}</button>'
    )


def _sentence(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """The sentence, with a list in each blank."""
    task = exercise.task
    assert isinstance(task, SentenceTask)
    made = []
    for i, (part, options) in enumerate(zip_longest(task.parts, task.choices)):
        made.append(inline(part))
        if options is not None:
            made.append(_gap(f"{place}-{i}", i, options))
    return f'<p class="exercise-sentence">{"".join(made)}</p>'


def _gap(name: str, i: int, options: tuple[str, ...]) -> str:
    """The list of one blank; on paper its words."""
    words = "".join(f"<option>{html_text(option)}</option>" for option in options)
    listed = " / ".join(options)
    return (
        f'<select id="{name}" name="gap" aria-label="Blank {i + 1}">'
        f'<option value="">choose</option>{words}</select>'
        f'<span class="exercise-words" aria-hidden="true">({html_text(listed)})</span>'
    )


def _guess(exercise: Exercise, place: str, numbers: Numbers) -> str:
    """A picture of rows; the last one is moved by the reader."""
    task = exercise.task
    assert isinstance(task, GuessTask)
    step = (task.high - task.low) / TICKS
    axis = Axis(tuple(task.low + step * i for i in range(TICKS + 1)))
    rows = "".join(
        _row(label, name, axis, numbers) for label, name in exercise.form.rows.items()
    )
    ticks = "".join(
        f'<span style="left:{axis.at(t)}%">{t:g}</span>' for t in axis.ticks
    )
    label = html_text(exercise.form.asked)
    known = [numbers[name] for name in exercise.form.rows.values()]
    says = "Percent."
    if any(number.has_interval for number in known):
        says = "Percent. Lines are 95 % intervals."
    return (
        '<figure class="record-figure row-figure exercise-picture">'
        f'{rows}<div class="ef-row"><div class="ef-label"><label for="{place}-answer">'
        f"{label}</label><small>Your guess. Drag the dot, or use the arrow keys.</small></div>"
        f'<div class="exercise-slide"><input type="range" id="{place}-answer" '
        f'name="answer" min="{task.low:g}" max="{task.high:g}" step="{task.step:g}" '
        f'value="{task.low:g}"></div>'
        f'<div class="ef-value"><output for="{place}-answer">?</output></div>'
        f'</div><div class="ef-row ef-axis" aria-hidden="true"><div></div>'
        f'<div class="ef-ticks">{ticks}</div><div></div></div>'
        f"<figcaption>{says}</figcaption></figure>"
    )


def _row(label: str, name: str, axis: Axis, numbers: Numbers) -> str:
    """A row whose share is known."""
    number = numbers[name]
    value, low, high = (
        100 * share for share in (number.value, number.low, number.high)
    )
    interval = ""
    words = ""
    if number.has_interval:
        width = round(axis.at(high) - axis.at(low), 2)
        interval = (
            f'<i class="rf-interval" style="left:{axis.at(low)}%;width:{width}%"></i>'
        )
        words = f"<small>{low:.1f} to {high:.1f}</small>"
    return (
        f'<div class="ef-row"><div class="ef-label">{html_text(label)}</div>'
        f'<div class="ef-track" aria-hidden="true">{interval}'
        f'<i class="ef-mark ef-0" style="left:{axis.at(value)}%"></i></div>'
        f'<div class="ef-value">{value:.1f}{words}</div></div>'
    )


CONTROLS: dict[str, Callable[[Exercise, str, Numbers], Any]] = {
    "number": _number,
    "code": _number,
    "guess": _guess,
    "choice": _choice,
    "order": _order,
    "sentence": _sentence,
    "claims": _claims,
}
