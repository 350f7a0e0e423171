"""The notebook of each lesson, made from the same file as its page.

``python -m trustbook.lesson_notebooks`` writes ``notebooks/lessons/<name>.ipynb`` for
each ``<name>.yml`` there. The text of a lesson is its page; the notebook holds its
numbers and its exercises, checked by the same rules. A test holds the committed ones to
what is made here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trustbook.exercises import ChoiceTask, ClaimsTask, OrderTask, SentenceTask
from trustbook.lessons import RIGHT_FORM, Exercise, Lesson
from trustbook.resources import CHECKOUT
from trustlib.writing import write_text

FOLDER = "notebooks/lessons"
HEAD = """# {title}

The text of this lesson is the page `lessons/{name}` of the book. This notebook has its
exercises, for those who like to work with Python. Page and notebook come from one file
and reply alike.

Put your answer in place of `None` and run the cell. The cell says whether it is right.
If it is not, it says which mistake it looks like. Then the cell below shows the
solution."""
READ = """from trustbook.lessons import Lesson

lesson = Lesson.read(questions, data)
print(lesson.said())"""


def notebook_of(lesson: Lesson) -> dict[str, Any]:
    """The notebook of a lesson, without outputs.

    Parameters
    ----------
    lesson : Lesson

    Returns
    -------
    dict
        As nbformat writes it.

    Examples
    --------
    >>> from trustbook.lesson_numbers import Numbers
    >>> made = notebook_of(Lesson("a", "A", 30, (), Numbers({}), {}))
    >>> [cell["cell_type"] for cell in made["cells"]]
    ['markdown', 'code', 'code']
    """
    cells = [
        _text(HEAD.format(title=lesson.title, name=lesson.name)),
        _code(f'questions = "{lesson.name}.yml"\ndata = "../../data"', ["parameters"]),
        _code(READ),
    ]
    for exercise in lesson.exercises.values():
        cells += _cells(exercise)
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cells(exercise: Exercise) -> Iterator[dict[str, Any]]:
    """The question, the cell for the answer, and the solution."""
    answer = f"answer_{exercise.number}"
    yield _text("\n\n".join(_question(exercise)))
    yield _code(
        f"{answer} = None\n"
        f'print("Exercise {exercise.number}:", lesson.check("{exercise.name}", {answer}))'
    )
    yield _code(f'print(lesson.solution("{exercise.name}", {answer}))', ["hide-cell"])


def _question(exercise: Exercise) -> Iterator[str]:
    """What is asked, and how to answer."""
    yield f"### Exercise {exercise.number}: {exercise.title}"
    yield exercise.ask.strip()
    if exercise.code:
        lines = "\n".join(exercise.code)
        yield f"```python\n{lines}\n```"
    task = exercise.task
    if isinstance(task, SentenceTask):
        gaps = [f"**[{' | '.join(options)}]**" for options in task.choices]
        parts = [
            f"{part}{gap}" for part, gap in zip(task.parts, [*gaps, ""], strict=True)
        ]
        yield "".join(parts)
    listed: tuple[str, ...] = ()
    if isinstance(task, ChoiceTask):
        listed = task.options
    elif isinstance(task, OrderTask):
        listed = task.items
    elif isinstance(task, ClaimsTask):
        listed = task.claims
    if listed:
        yield "\n".join(f"{i}. {text}" for i, text in enumerate(listed, 1))
    yield f"*Answer with {RIGHT_FORM[exercise.form.kind]}.*"


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(True)}


def _code(source: str, tags: list[str] | None = None) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": source.splitlines(True),
    }


def as_text(notebook: dict[str, Any]) -> str:
    r"""A notebook as its file has it.

    Examples
    --------
    >>> as_text({"cells": []})
    '{\n "cells": []\n}\n'
    """
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(root: Path = CHECKOUT) -> None:
    """Write the notebook of each lesson.

    Parameters
    ----------
    root : Path
        With notebooks/lessons and data.
    """
    for path in sorted((root / FOLDER).glob("*.yml")):
        lesson = Lesson.read(path, root / "data")
        write_text(path.with_suffix(".ipynb"), as_text(notebook_of(lesson)))


if __name__ == "__main__":
    main()
