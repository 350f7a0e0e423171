"""The lessons in Chromium, as a student on a phone does them: to the end, by touch or by keyboard, kept, printed, and without a network."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exercise_trials import NAMES, lesson
from trustbook.exercise_html import end_html, exercise_html, progress_html
from trustbook.lessons import Exercise, right_answer
from trustbook.sphinx.lesson_pages import PLACE, loads, web_files

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
POLICY = (
    "default-src 'none'; script-src 'self' file:; "
    "style-src 'self' file: 'unsafe-inline'; img-src 'self' data:"
)
AXE = """async () => (await axe.run('main', {resultTypes: ['violations']})).violations
    .map(one => `${one.id}: ${one.nodes[0].html}`)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page for each lesson in a folder, as an unpacked book has it."""
    made = tmp_path_factory.mktemp("lessons")
    for name, text in web_files().items():
        path = made / PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in NAMES:
        own = lesson(name)
        exercises = "".join(exercise_html(own, one) for one in own.exercises)
        html = (
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
            f'<meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"></head>'
            f"<body><main><h1>Lesson</h1><h2>Exercises</h2>{progress_html(own)}{loads(PLACE)}"
            f"{exercises}{end_html(own, 'Next', f'{own.next}.html')}</main></body></html>"
        )
        (made / f"{name}.html").write_text(html, encoding="utf-8")
    return made


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A phone without a network; an error of a script is a fault."""
    context = chromium.new_context(viewport=PHONE, has_touch=True, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text))
    yield page
    context.close()
    assert not faults


def go(page: Page, folder: Path, name: str) -> None:
    page.goto((folder / f"{name}.html").as_uri())


def part(page: Page, exercise: Exercise) -> Locator:
    return page.locator(f"#exercise-{exercise.name}")


def reply(page: Page, exercise: Exercise) -> str:
    return part(page, exercise).locator(".exercise-reply").inner_text()


def check(page: Page, exercise: Exercise) -> str:
    part(page, exercise).locator("button[type=submit]").click()
    return reply(page, exercise)


def answer(page: Page, exercise: Exercise) -> None:
    """Give the right answer with the means of the page."""
    place = part(page, exercise)
    right = right_answer(exercise)
    kind = exercise.form.kind
    if kind == "guess":
        steer(place.locator("input"), right)
    elif kind in ("number", "code"):
        place.locator("input").fill(f"{right:.4f}")
    elif kind == "choice":
        place.locator("label").nth(right - 1).click()
    elif kind == "sentence":
        for i, word in enumerate(right):
            place.locator("select").nth(i).select_option(word)
    elif kind == "claims":
        for i, mark in enumerate(right):
            place.locator("fieldset").nth(i).locator(f"input[value='{mark}']").check()
    else:
        sort(place, [str(item) for item in right])


def steer(slider: Locator, to: float) -> None:
    """Move a guess with the arrow keys."""
    slider.focus()
    step = float(slider.get_attribute("step"))
    for _ in range(round((to - float(slider.input_value())) / step)):
        slider.press("ArrowRight")


def sort(place: Locator, wanted: list[str]) -> None:
    """Put steps in order with their buttons."""
    for at, item in enumerate(wanted):
        step = place.locator(f"li[data-item='{item}']")
        items = place.locator("li").evaluate_all(
            "all => all.map(li => li.dataset.item)"
        )
        for _ in range(items.index(item) - at):
            step.locator("button[data-move=up]").click()


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_done_to_the_end_on_a_phone_and_kept(phone, folder, name):
    go(phone, folder, name)
    own = lesson(name)
    many = len(own.exercises)
    for exercise in own.exercises.values():
        if exercise.form.kind != "order":
            assert check(phone, exercise).startswith("Not answered yet")
        answer(phone, exercise)
        assert check(phone, exercise).startswith("Right."), exercise.name
    progress = phone.locator(".exercise-progress p").first
    assert progress.inner_text() == f"{many} of {many} exercises right"
    end = phone.locator("section.exercise:last-of-type ~ .exercise-progress")
    assert end.inner_text().endswith(f"{many} of {many} exercises right")
    phone.reload()
    assert progress.inner_text() == f"{many} of {many} exercises right"
    for exercise in own.exercises.values():
        assert reply(phone, exercise).startswith("Right.")
    phone.locator(".exercise-progress button").click()
    assert progress.inner_text() == f"0 of {many} exercises right"
    phone.reload()
    assert progress.inner_text() == f"0 of {many} exercises right"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wider_than_a_narrow_screen_and_axe_finds_nothing(
    chromium, folder, name
):
    page = chromium.new_page(viewport=NARROW)
    go(page, folder, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    path = importlib.resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(path.read_text(encoding="utf-8"))
    assert page.evaluate(AXE) == []
    page.close()


class TestOne:
    name = "two-identities"

    def test_enter_checks_and_a_mistake_is_named_in_a_live_region(self, phone, folder):
        go(phone, folder, self.name)
        gap = lesson(self.name)["gap"]
        place = part(phone, gap)
        place.locator("input").fill("0,123")
        place.locator("input").press("Enter")
        said = place.locator("[role=status]")
        assert said.get_attribute("aria-live") == "polite"
        assert "difference of shares" in said.inner_text()
        place.locator("button[type=reset]").click()
        assert said.inner_text() == ""
        assert place.locator("input").input_value() == ""

    def test_a_moved_step_keeps_the_button_in_hand_and_says_its_place(
        self, phone, folder
    ):
        go(phone, folder, self.name)
        place = part(phone, lesson(self.name)["order"])
        button = place.locator("li").nth(1).locator("button[data-move=up]")
        label = button.get_attribute("aria-label")
        button.focus()
        phone.keyboard.press("Enter")
        assert "Place 1 of 6" in place.locator(".exercise-reply").inner_text()
        focused = phone.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused == label

    def test_a_guess_that_was_not_made_is_refused_and_a_wrong_one_opens_the_answer(
        self, phone, folder
    ):
        go(phone, folder, self.name)
        guess = lesson(self.name)["guess"]
        place = part(phone, guess)
        assert check(phone, guess) == "Not answered yet: move the dot first."
        assert place.locator("output").inner_text() == "?"
        assert not place.locator(".exercise-solution p").is_visible()
        steer(place.locator("input"), 45)
        assert check(phone, guess).startswith("Not yet. Your guess is too high.")
        assert place.locator(".exercise-solution p").is_visible()
        place.locator("button[type=reset]").click()
        assert place.locator("output").inner_text() == "?"
        assert check(phone, guess) == "Not answered yet: move the dot first."

    def test_a_line_is_written_with_buttons_alone(self, phone, folder):
        go(phone, folder, self.name)
        contrast = lesson(self.name)["contrast"]
        place = part(phone, contrast)
        for key in (
            "100",
            "*",
            "(",
            "both",
            "-",
            "minority",
            "-",
            "disabled",
            "-",
            "neither",
            ")",
        ):
            place.locator(f"button[data-insert='{key}']").tap()
        field = place.locator("input")
        assert "last sign" in check(phone, contrast)
        for _ in range(3):
            place.locator("button[data-delete]").tap()
        assert field.input_value() == "100 * (both - minority - disabled"
        place.locator("button[data-insert='+']").focus()
        phone.keyboard.press("Enter")
        for key in ("neither", ")"):
            place.locator(f"button[data-insert='{key}']").tap()
        assert field.input_value() == contrast.form.answer
        assert reply(phone, contrast) == f"Your line: {contrast.form.answer}"
        assert check(phone, contrast).startswith("Right.")

    def test_on_a_phone_fields_are_wide_and_buttons_are_large(self, phone, folder):
        go(phone, folder, self.name)
        for name in ("gap", "contrast"):
            place = part(phone, lesson(self.name)[name])
            wide = place.locator("form").bounding_box()["width"]
            assert place.locator("input").bounding_box()["width"] >= wide - 1
            for button in place.locator("form button:visible").all():
                box = button.bounding_box()
                assert box["width"] >= 44
                assert box["height"] >= 44

    def test_a_guess_is_dragged_too(self, phone, folder):
        go(phone, folder, self.name)
        place = part(phone, lesson(self.name)["guess"])
        slider = place.locator("input")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        phone.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
        phone.mouse.down()
        phone.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        phone.mouse.up()
        shown = float(place.locator("output").inner_text())
        assert 22 <= shown <= 28

    def test_without_scripts_question_hint_and_solution_are_there(
        self, chromium, folder
    ):
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        go(page, folder, self.name)
        place = part(page, lesson(self.name)["scale"])
        assert place.locator(".exercise-without").is_visible()
        assert place.locator("label").first.is_visible()
        assert not place.locator("button[type=submit]").is_visible()
        place.locator("summary").last.click()
        assert place.locator(".exercise-solution p").is_visible()
        context.close()

    def test_a_device_that_keeps_nothing_is_no_fault(self, chromium, folder):
        page = chromium.new_page()
        page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error(); }})"
        )
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        go(page, folder, self.name)
        gap = lesson(self.name)["gap"]
        answer(page, gap)
        assert check(page, gap).startswith("Right.")
        page.close()
        assert not faults

    def test_paper_has_question_and_room_and_no_buttons(self, chromium, folder):
        page = chromium.new_page()
        go(page, folder, self.name)
        page.emulate_media(media="print")
        place = part(page, lesson(self.name)["gap"])
        assert place.locator(".exercise-ask").is_visible()
        assert place.locator(".exercise-space").is_visible()
        assert not place.locator("button").first.is_visible()
        assert not place.locator("details").first.is_visible()
        words = part(page, lesson(self.name)["words"]).locator(".exercise-words")
        assert "multiplies" in words.first.inner_text()
        options = part(page, lesson(self.name)["scale"]).locator("label")
        assert options.first.is_visible()
        page.close()
