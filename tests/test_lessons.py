"""Lessons: right answers pass in several spellings, each usual mistake has its own reply, page and notebook say the same, and the texts are plain."""

from __future__ import annotations

import contextlib
import math
import random
import re
from collections.abc import Iterator
from fractions import Fraction

import nbformat
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from exercise_trials import (
    FOLDER,
    NAMES,
    ROOT,
    anything,
    by_page,
    lesson,
    spellings,
    tasks,
)
from nbval_session import executed
from trustbook.calculation import FUNCTIONS, UnreadableError, evaluate
from trustbook.exercise_html import exercise_html
from trustbook.exercises import (
    OPEN,
    RIGHT,
    WORDS,
    WRONG,
    ChoiceTask,
    ClaimsTask,
    GuessTask,
    NumberTask,
    OrderTask,
    SentenceTask,
    Target,
)
from trustbook.findings import read_frozen
from trustbook.lesson_forms import NumberForm
from trustbook.lesson_notebooks import as_text, notebook_of
from trustbook.lesson_numbers import make_numbers
from trustbook.lessons import Lesson, right_answer
from trustbook.pictures.slide import write_slide
from trustbook.rows.parts import Text, Unread
from trustbook.rows.unpacking import parts_of
from trustbook.sphinx.lesson_pages import SCRIPTS, WEB, slide_of, web_files
from trustlib import CodebookError, EstimandError, UnknownNameError

TASKS = tasks()
NUMBERS = {
    name: exercise
    for name, exercise in TASKS.items()
    if isinstance(exercise.task, NumberTask | GuessTask)
}
PAGES = ROOT / "book" / "lessons"
TRIALS = 60  # of each exercise, at random
# With 82 against 47, by hand: exercise -> what is right, and wrong answers with words that the reply must have.
BY_HAND = {
    "misread": ([60.7, "60.7 %", "60,7 percent", 61, "0,607"],
                {82: "multiplied the percentage", 1.547: "odds still", 33.7: "divided", 47: "second",
                 1.745: "82/47 itself", 4.556: "odds of 82", "60.7 points": "unit"}),
    "odds": ([0.17, 0.18, "14.9 / 85.1", "14.9/(100-14.9)"],
             {"14.9 / (1 - 14.9)": "a part of one", "14.9 / 100 - 14.9": "pair of brackets", "odds / 2": "A word",
              "(14.9 / 85.1": "must close", 14.9: "percentage itself"}),
    "ratio": ([5.81, 5.73, "14.9 / 2.6"], {}),
    "odds-ratio": ([6.65, 6.56, "(14.9/85.1) / (2.6/97.4)"],
                   {"14.9/85.1 / 2.6/97.4": "pair of brackets", "0.17/0.03": "rounded to two digits",
                    "14.9 / 2.6": "This is the ratio"}),
    "back": ([0.82, "odds_neither * odds_ratio / (1 + odds_neither * odds_ratio)"],
             {"odds_neither * odds_ratio": "odds of the first group", "odds_neither": "Multiply them",
              82: "multiplies by a hundred already", "47 * 1.74": "multiplies by a hundred already",
              "odds_nether": "Only these names", "odds/(1+odds)": "odds_neither, odds_ratio", "odds_neither *": "cannot be computed",
              60.7: "colleague", 0.607: "colleague", "odds_neither * odds_ratio / 1 + odds_neither * odds_ratio": "pair of brackets",
              "odds_neither * odds_ratio / (1 - odds_neither * odds_ratio)": "sign below the line"}),
}  # fmt: skip


def with_solutions(name: str) -> nbformat.NotebookNode:
    """The notebook of a lesson with every right answer, each of which has to be called so."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    places = {
        f'questions = "{name}.yml"': f"questions = {str(FOLDER / name)!r} + '.yml'",
        'data = "../../data"': f"data = {str(ROOT / 'data')!r}",
    }
    for key, exercise in lesson(name).exercises.items():
        number = exercise.number
        given = f"answer_{number} = None"
        check = f"lesson.check({key!r}, answer_{number})"
        right = f"answer_{number} = {right_answer(exercise)!r}"
        places[given] = f"{right}\nassert {check}.startswith('right'), {check}"
    for cell in notebook.cells:
        for before, after in places.items():
            cell.source = cell.source.replace(before, after)
    return notebook


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """What nbval says of each cell of the notebooks with all solutions."""
    folder = tmp_path_factory.mktemp("notebooks")
    notebooks = [folder / f"{name}.ipynb" for name in NAMES]
    for path in notebooks:
        nbformat.write(with_solutions(path.stem), path)
    return executed(notebooks, folder)


class TestNumbers:
    @pytest.mark.parametrize("name", TASKS)
    def test_the_right_answer_is_right_in_every_spelling(self, name):
        exercise = TASKS[name]
        for answer in spellings(exercise):
            said = exercise.task.check(answer)
            assert said.startswith(RIGHT), answer

    @pytest.mark.parametrize("name", NUMBERS)
    def test_five_wrong_answers_each_get_their_own_reply(self, name):
        task = NUMBERS[name].task
        said = {task.check(wrong.value) for wrong in task.wrong}
        assert said == {WRONG + wrong.reply for wrong in task.wrong}
        assert len(said) >= 5
        for wrong in task.wrong:
            assert task.check(wrong.value) == WRONG + wrong.reply

    @pytest.mark.parametrize("name", sorted(set(TASKS) - set(NUMBERS)))
    def test_five_other_answers_each_get_their_own_reply(self, name):
        task = TASKS[name].task
        said = {task.check(answer) for answer in wrong_answers(task)}
        assert all(reply.startswith(WRONG) for reply in said)
        assert len(said) >= 5

    @pytest.mark.parametrize("name", TASKS)
    def test_no_reply_or_hint_gives_the_answer_away(self, name):
        exercise = TASKS[name]
        texts = [exercise.hint]
        if isinstance(exercise.task, NumberTask | GuessTask):
            texts += [wrong.reply for wrong in exercise.task.wrong]
            digits = exercise.result.partition(" ")[0]
            assert not any(digits in text for text in texts)

    @pytest.mark.parametrize("answer", [None, ..., "", "  "])
    @pytest.mark.parametrize("name", NUMBERS)
    def test_what_is_not_answered_is_not_wrong(self, name, answer):
        assert NUMBERS[name].task.check(answer) == OPEN

    @pytest.mark.parametrize(
        ("answer", "word"),
        [(answer, "no_number") for answer in ([35], {}, "1/0", "1.2.3")]
        + [(answer, "no_words") for answer in ("many", True, math.nan, "to 1")]
        + [("__import__('os')", "no_words"), ("(1 - 2", "open_bracket")],
    )
    def test_what_is_no_number_is_told(self, answer, word):
        task = lesson("two-identities")["gap"].task
        assert task.check(answer) == WRONG + WORDS[word]

    @pytest.mark.parametrize("hundred", ["", "100 * "])
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("(both - minority - disabled)", "Add them back once."),
            ("(both - minority - disabled - neither)", "last sign is wrong"),
            ("(both - ((minority - neither) + (disabled - neither)))", "add neither"),
            ("(both - neither)", "gap of people with both"),
            ("(minority + disabled - neither - both)", "sign is turned round"),
        ],
    )
    def test_a_mistake_is_named_in_fractions_and_in_points(self, hundred, line, words):
        said = lesson("two-identities")["contrast"].task.check(hundred + line)
        assert said.startswith(WRONG)
        assert words in said
        assert said.endswith(WORDS["fractions"]) == (not hundred)

    def test_who_is_not_near_a_mistake_is_told_less_firmly(self):
        task = NumberTask("number", Target(9, 0.1), (Target(5, 0.5, "This is p."),))
        assert task.check(5.02) == WRONG + "This is p."
        assert task.check(5.3) == WRONG + WORDS["perhaps"] + "This is p."

    @pytest.mark.parametrize("name", NUMBERS)
    def test_nobody_is_told_what_she_did_who_only_guessed(self, name):
        task = NUMBERS[name].task
        if isinstance(task, GuessTask):
            assert not [one for one in task.wrong if re.search(r"\bYou\b", one.reply)]

    @pytest.mark.parametrize("name", TASKS)
    def test_replies_are_plain_text(self, name):
        task = TASKS[name].task
        said = {task.check(answer) for answer in wrong_answers(task)}
        if isinstance(task, NumberTask | GuessTask):
            said = {wrong.reply for wrong in task.wrong}
        assert not [one for one in said if re.search(r"`|\*\w", one)]

    @pytest.mark.parametrize("name", TASKS)
    def test_right_teaches_a_sentence(self, name):
        exercise = TASKS[name]
        said = exercise.task.check(right_answer(exercise))
        assert len(said.removeprefix(RIGHT).split()) >= 3, said

    @pytest.mark.parametrize("name", BY_HAND)
    def test_by_hand(self, name):
        exercise = lesson("82-against-47")[name]
        right, wrong = BY_HAND[name]
        assert all(exercise.task.check(answer).startswith(RIGHT) for answer in right)
        for answer, words in wrong.items():
            said = exercise.task.check(answer)
            assert said.startswith(WRONG), answer
            assert words in said, answer

    def test_fractions_are_numbers(self):
        task = NumberTask("ratio", Target(82 / 47, 0.001), ())
        assert task.check(Fraction(82, 47)) == RIGHT

    def test_mistakes_that_any_number_may_have(self):
        task = NumberTask("points", Target(35.0, 0.1), ())
        said = {
            -35: "sign",
            0.35: "too_small",
            3500: "too_large",
            34: "nearly",
            20: "unknown",
        }
        for answer, word in said.items():
            assert task.check(answer) == WRONG + WORDS[word]


def wrong_answers(task: object) -> Iterator[object]:
    """Wrong answers to an exercise that asks for no number, one mistake each."""
    if isinstance(task, ChoiceTask):
        yield from (i + 1 for i in range(len(task.options)) if i != task.right)
    elif isinstance(task, OrderTask):
        for i in range(len(task.reasons)):
            order = [place + 1 for place in task.sequence]
            order[i], order[i + 1] = order[i + 1], order[i]
            yield order
    elif isinstance(task, SentenceTask):
        right = [c[p] for c, p in zip(task.choices, task.rights, strict=True)]
        for i, options in enumerate(task.choices):
            others = [option for option in options if option != right[i]]
            yield from ([*right[:i], other, *right[i + 1 :]] for other in others)
    elif isinstance(task, ClaimsTask):
        for i in range(len(task.may)):
            yield [may != (i == place) for place, may in enumerate(task.may)]


class TestRounding:
    def test_a_solution_says_what_the_shown_numbers_give(self):
        of = lesson("82-against-47").exercises
        assert "you get 5.73." in of["ratio"].solution
        assert "you get" not in of["gap"].solution

    def test_a_number_says_so_where_it_is_asked(self):
        numbers = lesson("82-against-47").numbers
        assert "shown numbers give 7.8 points" in numbers.said("trust_gap check")
        assert numbers.said("trust_ratio check") == numbers.said("trust_ratio")

    @pytest.mark.parametrize("name", NAMES)
    def test_a_page_says_it_of_every_number_that_can_be_checked(self, name):
        text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        numbers = lesson(name).numbers
        for said in re.findall(r"\{number\}`([^`]*)`", text):
            number, *ways = said.split()
            assert "check" in ways or not numbers.note(number), said


@pytest.mark.browser
class TestPage:
    def test_page_and_notebook_reply_alike(self, chromium):
        rng = random.Random(21)
        trials = [(e, answer) for e in TASKS.values() for answer in spellings(e)]
        for exercise in TASKS.values():
            trials += [(exercise, anything(rng, exercise)) for _ in range(TRIALS)]
        ours = [exercise.task.check(answer) for exercise, answer in trials]
        theirs = by_page(chromium, trials)
        assert len(trials) > 1000
        assert ours == theirs
        kinds = {reply.partition(".")[0] for reply in ours}
        assert {"right", "not yet", "not answered yet"} <= kinds

    def test_the_comparison_can_fail(self, chromium):
        exercise = TASKS["two-identities/gap"]
        other = exercise.task.check("1")
        assert by_page(chromium, [(exercise, right_answer(exercise))]) != [other]


class TestCalculation:
    @given(st.text(max_size=20))
    def test_any_text_is_read_or_refused(self, text):
        with contextlib.suppress(UnreadableError):
            assert math.isfinite(evaluate(text, {"p": 0.5}))

    @given(st.floats(-1e6, 1e6), st.floats(0.01, 1e6))
    def test_it_computes(self, a, b):
        found = evaluate("(a - 2) / b + -a * b ^ 2", {"a": a, "b": b})
        assert found == pytest.approx((a - 2) / b - a * b**2, rel=1e-12, abs=1e-9)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_functions(self, name):
        assert evaluate(f"{name}(2)", {}) == FUNCTIONS[name](2.0)

    @pytest.mark.parametrize(
        "text",
        ["", "1 2", "(1", "1)", "log(0)", "10 ^ 400", "(-1) ^ 0.5", "a.b", "9" * 300],
    )
    def test_what_it_cannot_read_is_refused(self, text):
        with pytest.raises(UnreadableError):
            evaluate(text, {})


class TestFiles:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_lesson_has_its_page_and_five_exercises_or_more(self, name):
        text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        shown = re.findall(r"^```\{exercise\} (\S+)$", text, re.MULTILINE)
        assert shown == list(lesson(name).exercises)
        assert len(shown) >= 5
        for part in (
            "**After this lesson you can**",
            "**You need**",
            "```{lesson-progress}",
            "```{lesson-picture}",
            "## A worked example",
            "## What people get wrong",
            "## Summary",
            "## What comes next",
        ):
            assert part in text, part
        assert text.index(shown[0]) < text.index("## Summary")
        assert f"lessons/{name}" in (ROOT / "_toc.yml").read_text()
        assert f"{{doc}}`{name}`" in (PAGES / "index.md").read_text()

    @pytest.mark.parametrize("name", NAMES)
    def test_its_notebook_is_made_of_the_same_file(self, name):
        committed = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
        assert committed == as_text(notebook_of(lesson(name))), (
            "make it again: python -m trustbook.lesson_notebooks"
        )

    @pytest.mark.parametrize("name", NAMES)
    def test_its_numbers_say_where_they_come_from(self, name):
        raw = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
        text = " ".join(lesson(name).evidence).lower()
        used = str(raw["numbers"])
        assert ("hints7/" in used) == ("hints 7" in text)
        assert ("hints6/" in used) == ("hints 6" in text)
        assert ("printed" in used) == ("published" in text)
        assert ("synthetic/" in used) == ("synthetic" in text)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", NAMES)
    def test_nbval_runs_the_notebook_with_all_solutions(self, name, cells):
        code = [c for c in with_solutions(name).cells if c.cell_type == "code"]
        assert cells[name] == [""] * len(code)

    def test_faults_of_a_file_are_told(self, tmp_path):
        raw = yaml.safe_load((FOLDER / "two-identities.yml").read_text())
        raw["exercises"]["gap"].pop("wrong")
        (tmp_path / "e.yml").write_text(yaml.safe_dump(raw, sort_keys=False))
        with pytest.raises(CodebookError, match="wrong is missing"):
            Lesson.read(tmp_path / "e.yml", ROOT / "data")

    def test_a_calculation_with_an_unknown_name_is_told(self, tmp_path):
        raw = yaml.safe_load((FOLDER / "two-identities.yml").read_text())
        raw["exercises"]["gap"]["answer"] = "both - nobody"
        (tmp_path / "e.yml").write_text(yaml.safe_dump(raw, sort_keys=False))
        with pytest.raises(CodebookError, match="expected a calculation"):
            Lesson.read(tmp_path / "e.yml", ROOT / "data")

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({}, CodebookError),
            ({"cells": "hints7/discriminated-ethnicity-disability", "group": {"ethnicity": "none"}}, EstimandError),
            ({"stored": "hints7/discriminated", "table": "levels", "row": {"a": "b"}}, CodebookError),
            ({"printed": "R24-999"}, UnknownNameError),
            ({"equals": "1 / 0"}, CodebookError),
        ],
    )  # fmt: skip
    def test_what_is_not_one_number_is_refused(self, form, error):
        with pytest.raises(error):
            make_numbers({"x": NumberForm.model_validate(form)}, ROOT / "data")


# Numbers of lessons that pages print as findings too: lesson and number -> finding.
SAME = {
    ("two-identities", "both"): "h7-both",
    ("two-identities", "gap_both"): "h7-gap-both",
    ("two-identities", "both_effective"): "h7-both-n-eff",
    ("two-identities", "contrast"): "h7-contrast",
    ("two-identities", "beyond"): "h7-contrast-rr",
    ("how-sure", "everyone"): "h7-everyone",
    ("how-sure", "gap"): "h7-gap-minority",
    ("change-over-time", "before"): "hy-listening-2022",
    ("change-over-time", "after"): "hy-listening-2024",
    ("change-over-time", "change"): "hy-listening",
    ("reproduce", "ours_all"): "kaczynski-mistrust-everyone",
    ("reproduce", "people"): "people-everyone",
    ("not-said", "answered"): "hy-mistrust-2022",
}


@pytest.mark.parametrize("place", SAME, ids="/".join)
def test_a_number_of_a_lesson_is_that_of_the_pages(place):
    name, number = place
    path = ROOT / "tests" / "published" / "findings.csv"
    frozen = read_frozen(path).set_index("id").loc[SAME[place]]
    assert lesson(name).numbers[number].value == pytest.approx(
        frozen["value"], rel=1e-8
    )


class TestHtml:
    @pytest.mark.parametrize("name", TASKS)
    def test_question_hint_and_solution_are_text_of_the_page(self, name):
        of, _, exercise = name.partition("/")
        html = exercise_html(lesson(of), exercise)
        assert html.count("<details") == 2
        assert 'role="status"' in html
        assert "{" not in re.sub(r'data-task="[^"]*"', "", html)

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_scripts_need_no_more_than_the_policy_of_the_site(self, name):
        script = (WEB / name).read_text(encoding="utf-8")
        forbidden = (
            r"\beval\(|new Function|\bfetch\(|XMLHttp|innerHTML|\bimport\b|https?://"
        )
        assert not re.findall(forbidden, script)

    def test_a_text_that_looks_like_html_is_text(self):
        own = lesson("two-identities")
        exercise = own["gap"]
        object.__setattr__(exercise, "hint", "<img src=x onerror=y>")
        try:
            assert "<img" not in exercise_html(own, "gap")
        finally:
            lesson.cache_clear()

    def test_every_file_that_a_page_loads_is_written(self):
        assert all(text.strip() for text in web_files().values())


class TestSlides:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_lesson_has_a_slide_of_three_sentences_with_its_numbers(self, name):
        slide = slide_of(lesson(name))
        assert len(slide.says) == 3
        assert len(slide.picture.rows) >= 2
        assert not re.search(r"[{}]", f"{slide.question} {slide.says} {slide.picture}")
        assert f"\n{name}\n" in (PAGES / "teachers.md").read_text(encoding="utf-8")

    def test_its_file_is_one_page_of_a4_the_same_each_time_and_can_be_searched(
        self, tmp_path
    ):
        slide = slide_of(lesson("two-identities"))
        for file in ("one.pdf", "two.pdf"):
            write_slide(slide, tmp_path / file)
        content = (tmp_path / "one.pdf").read_bytes()
        assert content == (tmp_path / "two.pdf").read_bytes()
        [page] = PdfReader(tmp_path / "one.pdf").pages
        assert [round(end) for end in page.mediabox[2:]] == [842, 595]
        parts = list(parts_of("one.pdf", content))
        assert not [part for part in parts if isinstance(part, Unread)]
        said = " ".join(part.text for part in parts if isinstance(part, Text))
        assert slide.says[0].replace(" ", "") in "".join(said.split())


# ----- plain words -----

LONGEST = 25  # words of a sentence
EASE = 65  # Flesch's reading ease, at least


def sentences(markdown: str) -> list[str]:
    """The sentences of the prose of a page: no code, tables, headings or formulas."""
    text = re.sub(
        r"```.*?```|^:::.*$|\$\$.*?\$\$", "", markdown, flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"^(#|\|).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{(?:number|finding|record)\}`[^`]*`", "80", text)
    text = re.sub(r"\{\w+\}`([^`<]*)(?:<[^`]*>)?`", r"\1", text)
    text = re.sub(r"\$[^$]*\$|[*`]", "", text)
    blocks = re.split(r"\n\s*\n|\n(?=- |\d\. )", text)
    found = []
    for block in blocks:
        found += re.split(r"(?<=[.!?:])\s+", " ".join(block.split()))
    return [one for one in found if re.search(r"[A-Za-z]", one)]


def syllables(word: str) -> int:
    """About how many syllables a word has."""
    groups = re.findall(r"[aeiouy]+", re.sub(r"(?:es|ed|e)$", "", word.lower()))
    return max(1, len(groups))


def reading_ease(parts: list[str]) -> float:
    """Flesch's reading ease: 206.835 - 1.015 words a sentence - 84.6 syllables a word."""
    words = [word for part in parts for word in re.findall(r"[A-Za-z']+", part)]
    count = sum(map(syllables, words))
    return 206.835 - 1.015 * len(words) / len(parts) - 84.6 * count / len(words)


def texts_of_exercises(name: str) -> str:
    """All that the slide and the exercises of a lesson say, in paragraphs."""
    slide = lesson(name).slide
    found = [slide.question, slide.title, *slide.says]
    for exercise in lesson(name).exercises.values():
        form = exercise.form
        found += [exercise.ask, exercise.hint, exercise.solution]
        found.append(getattr(exercise.task, "why", ""))
        found += [wrong.reply for wrong in form.wrong]
        found += [
            text
            for one in (*form.options, *form.claims)
            for text in (one.text, one.reply)
        ]
        found += [text for step in form.steps for text in (step.text, step.reply)]
        found += [reply for gap in form.gaps for reply in gap.wrong.values()]
    return "\n\n".join(found)


PROSE = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md"))
}
PROSE |= {f"{name}.yml": texts_of_exercises(name) for name in NAMES}
GUIDES = ("index",)  # tell how to install; words of programs


@pytest.mark.parametrize("name", PROSE)
def test_sentences_are_short(name):
    long = [
        one
        for one in sentences(PROSE[name])
        if len(re.findall(r"[\w']+", one)) > LONGEST
    ]
    assert not long


@pytest.mark.parametrize("name", [name for name in PROSE if name not in GUIDES])
def test_texts_are_easy_to_read(name):
    assert reading_ease(sentences(PROSE[name])) >= EASE


def test_the_measures_of_plain_words_can_fail():
    hard = "Multidimensional intersectional inequalities necessitate methodological triangulation."
    assert reading_ease(sentences(hard)) < 0
    assert sentences("One. Two: three.\n\n- Four\n\n| a |\n") == [
        "One.",
        "Two:",
        "three.",
        "- Four",
    ]


TYPED = re.compile(r"\d[\d.,]*\s*(?:%|percent\b|points?\b)")


@pytest.mark.parametrize("name", NAMES)
def test_no_result_is_typed(name):
    raw = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
    assert not TYPED.findall(raw), "name the number and print it with {name}"


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_linked(name):
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert len(re.findall(r"\{term\}`", text)) >= 3


def test_there_are_ten_lessons_with_at_least_55_exercises():
    assert len(NAMES) == 10
    assert len(TASKS) >= 55
