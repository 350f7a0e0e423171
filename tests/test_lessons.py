"""Lessons: they run, the right answers pass, and each usual mistake is named without giving the answer away."""

from __future__ import annotations

import contextlib
import io
import math
import re
from fractions import Fraction
from pathlib import Path

import nbformat
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trustbook.exercises import (
    FIRST,
    NEARLY,
    NO_NUMBER,
    OPEN,
    RIGHT,
    UNKNOWN,
    WRONG,
    Pair,
    load_exercises,
    quantities,
)
from trustbook.runs import load_plan
from trustlib import CodebookError, EstimandError, UnknownNameError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks" / "lessons"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
PATH = FOLDER / "82-against-47.ipynb"
EXERCISES = load_exercises(PATH.with_suffix(".yml"))
POLLING = Pair(0.82, 0.47)
ASKED = ("gap", "odds", "ratio", "odds-ratio", "misread")  # exercises 1 to 5
# By hand, with 82 against 47: exercise -> what is right, and wrong answers with words of the hint that they must meet.
BY_HAND = {
    "gap": ([35, "35", "35 points", "+35.0", "35 percentage points"],
            {-35: "sign", 0.35: "shares", 82: "first group itself", 47: "second group itself", 74.5: "percent, not points",
             0.745: "part of itself", "35 %": "unit", "35 percent": "unit",
             1.745: "ratio", 5.14: "odds ratio", 1.637: "log odds"}),
    "odds": ([4.556, "4,556", "4.56 to 1", "82:18", "82 to 18", "82/18", 82 / 18],
             {0.82: "share", 82: "percentage itself", 0.2195: "turned round", 0.887: "other group", 0.4505: "one less the share", 455.6: "hundred",
              1.516: "logarithm", "82 %": "unit"}),
    "ratio": ([1.745, 1.74, "1.74 times", "82/47", "1.74x"],
              {0.573: "turned round", 5.14: "odds ratio", 0.745: "how much larger", 74.5: "percent larger",
               35: "points", 174.5: "hundred", "74.5 %": "unit"}),
    "odds-ratio": ([5.137, "5.14", 5.1, "5.14 times the odds"],
                   {1.745: "ratio of the percentages", 0.1947: "turned round", 1.637: "logarithm", 3.669: "difference",
                    2.944: "without", 4.556: "first group", 0.887: "second group", "5.14 %": "unit"}),
    "misread": ([60.7, "60.7 %", "60,7 percent", 61],
                {82: "multiplied the percentage", 1.547: "odds still", 0.607: "share", 33.7: "divided", 47: "second",
                 1.745: "82/47 itself", 4.556: "odds of 82", "60.7 points": "unit"}),
}  # fmt: skip
shares = st.floats(0.02, 0.98)


def code(path: Path = PATH) -> list[nbformat.NotebookNode]:
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def printed(source: str, space: dict) -> str:
    with contextlib.redirect_stdout(stream := io.StringIO()):
        exec(source, space)
    return stream.getvalue().strip()


@pytest.fixture(scope="module")
def lesson() -> tuple[dict, dict[str, str]]:
    """The names that the notebook has made, and its five exercise cells by exercise."""
    space: dict = {}
    with contextlib.chdir(FOLDER):
        for cell in code():
            printed(cell.source, space)
    cells = [c.source for c in code() if c.source.startswith("answer_")]
    return space, dict(zip(ASKED, cells, strict=True))


def answered(lesson, name: str, answer: object) -> str:
    """What the cell of an exercise prints when a student has put an answer in place of None."""
    space, cells = lesson
    return printed(cells[name].replace("= None", f"= {answer!r}", 1), space)


class TestLesson:
    @pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
    def test_it_is_stripped_whole_and_a_run(self, path):
        notebook = nbformat.read(path, as_version=4)
        assert all(not c.outputs and c.execution_count is None for c in code(path))
        assert sum("parameters" in c.metadata.get("tags", []) for c in code(path)) == 1
        assert not any(".frame" in c.source for c in code(path))
        words = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        assert words.startswith("# ")
        for part in (
            "After this lesson you can",
            "You need",
            "## Summary",
            "## Mistakes people make",
        ):
            assert part in words
        assert len(re.findall(r"^### Exercise \d", words, re.MULTILINE)) == 5
        assert not re.findall(r"\d[\d.,]*\s*(?:%|percent\b|points?\b)", words), (
            "numbers of results are computed"
        )
        runs = [
            r
            for r in load_plan(ROOT / "notebooks" / "runs.yml")
            if r.template.resolve() == path
        ]
        assert [r.page for r in runs] == [True]
        assert path.name in (ROOT / "book" / "lessons" / "index.md").read_text()

    def test_each_exercise_is_open_and_its_solution_folded(self, lesson):
        cells = code()
        for i, name in enumerate(ASKED, 1):
            at = next(
                n
                for n, c in enumerate(cells)
                if c.source.startswith(f"answer_{i} = None")
            )
            assert f'exercises["{name}"]' in cells[at].source
            assert (
                f'solution(exercises["{name}"], answer_{i}, solutions)'
                in cells[at + 1].source
            )
            assert "hide-cell" in cells[at + 1].metadata.tags
            assert cells[at + 1].metadata.jupyter.outputs_hidden
            assert printed(cells[at].source, lesson[0]) == f"Exercise {i}: {OPEN}"

    def test_a_solution_waits_for_an_answer_and_the_book_shows_it(self, lesson):
        space, cells = lesson[0], [c.source for c in code() if ".solution(" in c.source]
        working = [
            space["polling" if n == "misread" else "pair"].solution(EXERCISES[n], 1)
            for n in ASKED
        ]
        open_ones = {f"answer_{i}": None for i in range(1, 6)}
        assert [printed(c, {**space, **open_ones}) for c in cells] == [FIRST] * 5
        assert [
            printed(c, {**space, **open_ones, "solutions": True}) for c in cells
        ] == working
        assert [
            printed(c, {**space, **dict.fromkeys(open_ones, 1)}) for c in cells
        ] == working
        runs = [
            r
            for r in load_plan(ROOT / "notebooks" / "runs.yml")
            if r.template.resolve() in LESSONS
        ]
        assert all(run.parameters["solutions"] is True for run in runs)

    def test_no_message_holds_an_answer(self, lesson):
        numbers = {
            n
            for text in (OPEN, FIRST, WRONG, NO_NUMBER, NEARLY, UNKNOWN)
            for n in re.findall(r"\d[\d.]*\d|\d", text)
        }
        assert numbers
        for name in ASKED:
            pair = lesson[0]["polling" if name == "misread" else "pair"]
            assert all(
                pair.check(EXERCISES[name], number) != RIGHT for number in numbers
            ), name

    def test_a_gap_is_as_exact_as_the_table(self, lesson):
        pair = lesson[0]["pair"]
        gap = 100 * (pair.first - pair.second)
        assert pair.check(EXERCISES["gap"], gap + 0.1) == RIGHT
        assert pair.check(EXERCISES["gap"], gap + 0.15) == WRONG + NEARLY

    def test_the_numbers_of_its_title_are_those_of_the_record(self, lesson):
        pair = lesson[0]["polling"]
        assert (pair.first, pair.second) == (POLLING.first, POLLING.second)

    def test_the_answers_that_the_printed_table_gives_are_right(self, lesson):
        pair = lesson[0]["pair"]
        p, q = round(100 * pair.first, 1), round(100 * pair.second, 1)
        odds, other = p / (100 - p), q / (100 - q)
        back = 82 / 47 * 47 / 53
        right = {"gap": p - q, "odds": odds, "ratio": p / q, "odds-ratio": odds / other,
                 "misread": 100 * back / (1 + back)}  # fmt: skip
        for i, (name, answer) in enumerate(right.items(), 1):
            for form in (
                answer,
                float(f"{answer:.3g}"),
                f"{answer:.3g}".replace(".", ","),
            ):
                assert answered(lesson, name, form) == f"Exercise {i}: {RIGHT}", name

    def test_the_solutions_are_right(self, lesson):
        space = lesson[0]
        for name in ASKED:
            pair = space["polling"] if name == "misread" else space["pair"]
            result = re.search(
                r"= ([\d.]+)(?: \D*)?$", pair.solution(EXERCISES[name], shown=True)
            )[1]
            assert answered(lesson, name, result).endswith(RIGHT)

    @pytest.mark.parametrize("name", ASKED)
    def test_each_wrong_answer_meets_its_hint(self, lesson, name):
        pair = lesson[0]["polling" if name == "misread" else "pair"]
        exercise = EXERCISES[name]
        assert len(exercise.mistakes) >= 3
        for quantity, hint in exercise.mistakes.items():
            wrong = quantities(pair.first, pair.second)[quantity]
            assert answered(lesson, name, wrong).partition(": ")[2] == WRONG + hint

    @pytest.mark.slow
    def test_papermill_runs_it_with_the_solutions_filled_in(self, lesson):
        from trustbook.engine import execute_notebook

        notebook = nbformat.read(PATH, as_version=4)
        solved = {
            "gap": "gap",
            "odds": "odds",
            "ratio": "ratio",
            "odds-ratio": "odds ratio",
            "misread": "misread percent",
        }
        for i, name in enumerate(ASKED, 1):
            pair = lesson[0]["polling" if name == "misread" else "pair"]
            answer = quantities(pair.first, pair.second)[solved[name]]
            for cell in notebook.cells:
                cell.source = cell.source.replace(
                    f"answer_{i} = None", f"answer_{i} = {answer!r}"
                )
        done = execute_notebook(notebook, {}, FOLDER, "kernel")
        said = "".join(
            o.get("text", "") for c in done.cells for o in c.get("outputs", [])
        )
        assert re.findall(r"Exercise (\d): right\.", said) == list("12345")


class TestByHand:
    @pytest.mark.parametrize("name", ASKED)
    def test_correct_forms_are_right(self, name):
        for answer in BY_HAND[name][0]:
            assert POLLING.check(EXERCISES[name], answer) == RIGHT, answer

    @pytest.mark.parametrize("name", ASKED)
    def test_plausible_wrong_answers_meet_a_hint_that_names_them(self, name):
        for answer, words in BY_HAND[name][1].items():
            said = POLLING.check(EXERCISES[name], answer)
            assert said.startswith(WRONG), answer
            assert words in said, answer

    @pytest.mark.parametrize("answer", [None, ..., ""])
    def test_what_is_not_answered_is_not_wrong(self, answer):
        assert POLLING.check(EXERCISES["gap"], answer) == OPEN

    @pytest.mark.parametrize(
        "answer", ["many", True, [35], {}, "1/0", "1.2.3", float("nan"), "to 1"]
    )
    def test_what_is_no_number_is_told(self, answer):
        assert POLLING.check(EXERCISES["gap"], answer) == WRONG + NO_NUMBER

    def test_a_near_answer_and_a_far_one_are_told_apart(self):
        assert POLLING.check(EXERCISES["gap"], 34) == WRONG + NEARLY
        assert POLLING.check(EXERCISES["gap"], 20) == WRONG + UNKNOWN

    def test_fractions_are_numbers(self):
        assert POLLING.check(EXERCISES["ratio"], Fraction(82, 47)) == RIGHT


def test_no_hint_holds_a_number():
    """A number in a hint could be the answer, or lead to it; those of 1 + odds and of the question itself do not."""
    for exercise in EXERCISES.values():
        for hint in (exercise.unit_hint, *exercise.mistakes.values()):
            assert not re.findall(
                r"\d", re.sub(r"odds / \(1 \+ odds\)|82/47|82 in a hundred", "", hint)
            )


@given(shares, shares, st.sampled_from(ASKED))
def test_the_right_answer_is_right_for_any_two_shares(p, q, name):
    answer = quantities(p, q)[EXERCISES[name].right]
    assert Pair(p, q).check(EXERCISES[name], answer) == RIGHT
    assert Pair(p, q).check(EXERCISES[name], f"{answer:.6f}") == RIGHT


@given(shares, shares, st.sampled_from(ASKED), st.data())
def test_a_mistake_is_never_right_unless_the_numbers_cannot_tell(p, q, name, data):
    exercise = EXERCISES[name]
    quantity = data.draw(st.sampled_from(sorted(exercise.mistakes)))
    wrong, right = quantities(p, q)[quantity], quantities(p, q)[exercise.right]
    corners = [
        (p + a, q + b) for a in (-0.0005, 0, 0.0005) for b in (-0.0005, 0, 0.0005)
    ]
    room = max(abs(quantities(*c)[exercise.right] - right) for c in corners)
    if abs(wrong - right) > 2 * room + 0.02 * abs(right):
        said = Pair(p, q).check(exercise, wrong)
        assert said != RIGHT
        assert said.removeprefix(WRONG) in {*exercise.mistakes.values()}


@given(shares, shares)
def test_quantities_obey_their_identities(p, q):
    value = quantities(p, q)
    assert value["gap"] == pytest.approx(-value["gap turned round"])
    assert value["ratio"] * value["ratio turned round"] == pytest.approx(1)
    assert value["odds ratio"] == pytest.approx(
        value["ratio"] * value["ratio of the others"]
    )
    assert math.exp(value["log odds ratio"]) == pytest.approx(value["odds ratio"])
    assert abs(math.log(value["odds ratio"])) >= abs(math.log(value["ratio"])) - 1e-12
    back = value["misread share"]
    assert back / (1 - back) / (q / (1 - q)) == pytest.approx(value["ratio"])


@given(st.text(max_size=12))
def test_any_text_gets_an_answer(text):
    said = POLLING.check(EXERCISES["odds"], text)
    assert said in (OPEN, RIGHT) or said.startswith(WRONG)


class TestFile:
    def test_a_quantity_that_does_not_exist_is_refused(self, tmp_path):
        text = (
            PATH.with_suffix(".yml")
            .read_text()
            .replace("gap turned round:", "gap tuned round:")
        )
        (tmp_path / "e.yml").write_text(text)
        with pytest.raises(UnknownNameError, match="Did you mean 'gap turned round'"):
            load_exercises(tmp_path / "e.yml")

    def test_a_key_that_is_missing_is_told(self, tmp_path):
        raw = yaml.safe_load(PATH.with_suffix(".yml").read_text())
        del raw["exercises"]["odds"]["units"]
        (tmp_path / "e.yml").write_text(yaml.safe_dump(raw))
        with pytest.raises(CodebookError, match="units"):
            load_exercises(tmp_path / "e.yml")

    def test_a_pair_needs_one_row_for_each_side(self, lesson):
        with pytest.raises(EstimandError, match="do not name one row each"):
            Pair.of(lesson[0]["unfair"], "estimate > 0", "ethnicity == 'majority'")
