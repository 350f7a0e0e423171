"""Lessons on pages: exercises that reply, their numbers, and how far a reader is.

``{exercise} name``
    prints an exercise of the page's lesson: the file ``notebooks/lessons/<page>.yml``,
    where ``<page>`` is the last part of the page's name.
``{number}`name style` ``
    prints a number of the lesson; ``{number}`name interval` `` adds its interval, and
    ``{number}`name check` `` says if the numbers as they are printed give other digits.
``{lesson-picture} name, name``
    shows numbers of the lesson in rows, each with the words of a line ``name: words``.
    The lines ``title: ...``, ``what: ...`` and ``says: ...`` are about the picture, and
    a title may print numbers, as ``{name}``;
    ``evidence: 2`` names the second kind of evidence of the lesson in place of the first.
``{lesson-progress}``
    says how many exercises are right on this device; with the name of a lesson, of it.
``{lesson-answers} name``
    has the solutions of a lesson, folded, for teachers.
``{lesson-slides}``
    links the slide of each lesson that its lines name, and writes it as PDF.

The scripts and the style lie in ``_static/lessons``; only pages with exercises load them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

from trustbook.exercise_html import (
    answers_html,
    end_html,
    exercise_html,
    progress_html,
    words_script,
)
from trustbook.lesson_numbers import SHOWN, Numbers
from trustbook.lesson_texts import filled
from trustbook.lessons import Lesson
from trustbook.pictures.rows import Axis, PictureRow, RowPicture
from trustbook.pictures.slide import Slide, write_slide
from trustbook.sphinx.directives import DataDirective, data_file, meanings, raw_html
from trustlib.errors import CodebookError, TrustlibError, one_line
from trustlib.escaping import html_text
from trustlib.figures import RowName
from trustlib.scales import scale_of
from trustlib.tables import UNDEFINED
from trustlib.writing import write_text

WEB = Path(__file__).parents[1] / "web"
PLACE = "_static/lessons"
WORDS = "exercises_words.js"
SCRIPTS = ("exercises_check.js", "exercises.js")
STYLE = "exercises.css"
FOLDER = "notebooks/lessons"
ABOUT = ("title", "what", "says", "evidence")
SCALES = {
    "percent": "level",
    "whole": "level",
    "odds": "level",
    "points": "difference",
    "ratio": "ratio",
}


def lesson_of(env: BuildEnvironment, name: str = "") -> Lesson:
    """The lesson of the page that is read now, or another one by name.

    The page depends on its file, and on those that its numbers come from.
    """
    own = name or env.docname.rpartition("/")[2]
    root = Path(env.srcdir).parent
    path = root / FOLDER / f"{own}.yml"
    if not path.is_file():
        raise CodebookError(
            f"There is no lesson {own!r}.",
            f"A page of a lesson is called as its file in {FOLDER}.",
        )
    env.note_dependency(str(path))
    lesson = _read(path, path.stat().st_mtime, root / "data")
    for file in lesson.files:
        data_file(env, file)
    return lesson


@lru_cache(maxsize=16)
def _read(path: Path, changed: float, data: Path) -> Lesson:
    """A lesson, read once for each state of its file."""
    return Lesson.read(path, data)


def loads(place: str) -> str:
    """The HTML that loads the style and the scripts from a folder.

    Examples
    --------
    >>> loads("_static/lessons").splitlines()[0]
    '<link rel="stylesheet" href="_static/lessons/exercises.css">'
    """
    scripts = "".join(
        f'<script src="{place}/{name}" defer></script>\n' for name in (WORDS, *SCRIPTS)
    )
    return f'<link rel="stylesheet" href="{place}/{STYLE}">\n{scripts}'


def web_files() -> dict[str, str]:
    """Name and content of every file that a page with exercises loads.

    Examples
    --------
    >>> sorted(web_files())
    ['exercises.css', 'exercises.js', 'exercises_check.js', 'exercises_words.js']
    """
    files = {
        name: (WEB / name).read_text(encoding="utf-8") for name in (*SCRIPTS, STYLE)
    }
    return files | {WORDS: words_script()}


class LessonDirective(DataDirective):
    """A directive of a page whose lesson has numbers."""

    required_arguments = 0
    optional_arguments = 1

    def lesson(self, name: str = "") -> Lesson:
        """The lesson of this page, or another one."""
        return lesson_of(self.env, name)

    def loading(self) -> str:
        """What loads the scripts; once on a page."""
        if "trustbook-exercises" in self.env.temp_data:
            return ""
        self.env.temp_data["trustbook-exercises"] = True
        for name, text in web_files().items():
            write_text(self.folder / name, text)
        return loads(self.place())

    @property
    def folder(self) -> Path:
        """Where the files of lessons are written."""
        return Path(self.env.app.outdir) / PLACE

    def place(self) -> str:
        """How this page calls that folder."""
        home = self.env.app.builder.get_relative_uri(self.env.docname, "index")
        root, slash, _ = home.rpartition("/")
        return f"{root}{slash}{PLACE}"


class ExerciseDirective(LessonDirective):
    """An exercise of this page's lesson."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One raw node: before the first one what loads the scripts, behind the last one the end."""
        lesson = self.lesson()
        html = exercise_html(lesson, self.arguments[0])
        if self.arguments[0] == list(lesson.exercises)[-1]:
            html += end_html(lesson, *self.next(lesson))
        return raw_html(self.loading() + html)

    def next(self, lesson: Lesson) -> tuple[str, str]:
        """The title and the address of the lesson that comes next; empty if it has no page here."""
        folder, _, _ = self.env.docname.rpartition("/")
        page = f"{folder}/{lesson.next}"
        if page not in self.env.found_docs:
            return "", ""
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        return self.lesson(lesson.next).title, address


class ProgressDirective(LessonDirective):
    """How far the reader is in a lesson."""

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        name = self.arguments[0] if self.arguments else ""
        html = progress_html(self.lesson(name), is_own=not name)
        return raw_html(self.loading() + html)


class AnswersDirective(LessonDirective):
    """The solutions of a lesson, folded."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        return raw_html(answers_html(self.lesson(self.arguments[0])))


class SlidesDirective(LessonDirective):
    """Links to the slides of lessons."""

    optional_arguments = 0
    has_content = True

    def make(self) -> list[nodes.Node]:
        """One raw node, and a file for each slide."""
        items = []
        for name in map(str.strip, self.content):
            lesson = self.lesson(name)
            write_slide(slide_of(lesson), self.folder / f"{name}.pdf")
            address = html_text(f"{self.place()}/{name}.pdf")
            title = html_text(lesson.title)
            items.append(f'<li><a href="{address}">{title} (PDF)</a></li>')
        return raw_html(f'<ul class="lesson-slides">{"".join(items)}</ul>')


class PictureDirective(LessonDirective):
    """Numbers of this page's lesson in rows."""

    has_content = True

    def make(self) -> list[nodes.Node]:
        """One raw node."""
        words = meanings(self.content)
        lesson = self.lesson()
        told = {name: words.pop(name, "") for name in ABOUT}
        picture = picture_of(lesson, words, told)
        return raw_html(picture._repr_html_())


def picture_of(
    lesson: Lesson, words: Mapping[str, str], told: Mapping[str, str]
) -> RowPicture:
    """Numbers of a lesson in rows.

    Parameters
    ----------
    lesson : Lesson
    words : mapping
        Name of a number -> what its row is called. All are of one kind.
    told : mapping
        What is said about the picture, by the names of `ABOUT`.

    Returns
    -------
    RowPicture
    """
    rows = tuple(_row(lesson.numbers, name, label) for name, label in words.items())
    kind = SCALES[lesson.numbers[next(iter(words))].format]
    axis = Axis.over([end for row in rows for end in row.ends], scale_of(kind))
    says = told["says"]
    if not says and any(row.interval != UNDEFINED for row in rows):
        says = "Lines are 95 % intervals."
    place = int(told["evidence"] or 1) - 1
    title = filled(told["title"], lesson.numbers)
    return RowPicture(title, told["what"], rows, axis, says, lesson.evidence[place])


def slide_of(lesson: Lesson) -> Slide:
    """The slide of a lesson.

    Raises
    ------
    CodebookError
        The file of the lesson names none.
    """
    form = lesson.slide
    if form is None:
        raise CodebookError(
            f"The lesson {lesson.name} has no slide.",
            "Give its file the key slide: question, title, what, rows and says.",
        )
    told = {"title": form.title, "what": form.what, "says": "", "evidence": ""}
    evidence = "; ".join(lesson.evidence[place - 1] for place in form.evidence)
    picture = replace(picture_of(lesson, form.rows, told), evidence=evidence)
    says = tuple(filled(one, lesson.numbers) for one in form.says)
    return Slide(lesson.title, filled(form.question, lesson.numbers), picture, says)


def _row(numbers: Numbers, name: str, label: str) -> PictureRow:
    """A number as a row of a picture."""
    number = numbers[name]
    factor = SHOWN[number.format][0]
    ends = (number.low * factor, number.value * factor, number.high * factor)
    value, _, _ = number.shown().partition(" ")
    interval = UNDEFINED
    if number.has_interval:
        interval = number.shown(interval=True).partition("(")[2].rstrip(")")
    return PictureRow(RowName("", label), ends, value, interval)


class NumberRole(SphinxRole):
    """Print a number of this page's lesson."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The number as text."""
        try:
            said = lesson_of(self.env).numbers.said(self.text)
        except TrustlibError as error:
            message = f"number {self.text!r} cannot be printed: {one_line(error)}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        text = said.replace(" ", "\N{NO-BREAK SPACE}", 1)
        return [nodes.inline(text, text, classes=["finding"])], []


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_role("number", NumberRole())
    app.add_directive("exercise", ExerciseDirective)
    app.add_directive("lesson-progress", ProgressDirective)
    app.add_directive("lesson-answers", AnswersDirective)
    app.add_directive("lesson-picture", PictureDirective)
    app.add_directive("lesson-slides", SlidesDirective)
    return {"parallel_read_safe": True}
