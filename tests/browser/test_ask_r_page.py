"""Do not trust us: ask R. The button in Chromium: every expected line, an edited script, and that nothing leaves the site.

`make test` asks R on the page of the small book. `make browser` asks it on every page of
the built book that has the button.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import small_site
from looking import AXE_TAGS, RUN_AXE, WIDER, axe_source

from trustbook.r_script_parts import read_text
from trustbook.runs import load_plan
from trustbook.webr import copy_of_webr

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        copy_of_webr() is None,
        reason="needs R for browsers, which make env fetches where there is npm or its wheel",
    ),
]
ROOT = Path(__file__).resolve().parents[2]
SMALL = "ask-r.html"
TEMPLATES = ("intersection", "review")
LOADED = 180_000  # milliseconds, on a machine that does much else
MODEL = re.compile(r"^model <- .*$", re.MULTILINE)


def pages_that_ask() -> list[str]:
    """The pages with the button, known before anything is built: of the small book one, of the real one by its runs."""
    if small_site.site_under_test() is None:
        return [SMALL]
    runs = load_plan(ROOT / "notebooks" / "runs.yml")
    asking = [run.id for run in runs if run.page and run.template.stem in TEMPLATES]
    return [f"_runs/{name}/{name}.html" for name in asking]


PAGES = pages_that_ask()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page; an error of any script in it is a fault."""
    context = chromium.new_context(reduced_motion="reduce")
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def working(chromium: Browser, address: str) -> Iterator[Page]:
    """A page on which R was asked already, for tests that put scripts of their own into the box."""
    context = chromium.new_context(reduced_motion="reduce")
    opened = context.new_page()
    ask(opened, address + PAGES[0])
    yield opened
    context.close()


def ask(page: Page, address: str) -> str:
    """Open a page, ask R, and return what the page says then."""
    page.goto(address)
    page.click("#ask-r-start")
    return said(page)


def said(page: Page) -> str:
    done = page.locator("#ask-r-said").filter(has_text="lines agree")
    done.wait_for(timeout=LOADED)
    return page.inner_text("#ask-r-said")


def edit(page: Page, script: str) -> str:
    """Put another script into the box, run it, and return what the page says then."""
    page.fill("#ask-r-script", script)
    page.evaluate("document.getElementById('ask-r-said').replaceChildren()")
    page.click("#ask-r-run")
    return said(page)


def lines_of_page(page: Page) -> tuple[str, str]:
    """The script and what it should print, as the page offers them for download."""
    read = """async ending => {
        const link = document.querySelector(`.ask-r a[href$="${ending}"]`);
        return (await fetch(link.href)).text();
    }"""
    script = page.evaluate(read, "-cells.R")
    return script, page.evaluate(read, "-expected.txt")


@pytest.mark.parametrize("name", PAGES)
def test_r_prints_every_expected_line(page: Page, address: str, name: str) -> None:
    text = ask(page, address + name)
    script, expected = lines_of_page(page)
    lines = [line for line in expected.splitlines() if line]
    assert len(lines) > 50
    assert f"The published script: {len(lines)} of {len(lines)} lines agree" in text
    assert page.input_value("#ask-r-script") == script
    assert page.locator("#ask-r-lines li").count() == len(lines)
    assert page.locator("#ask-r-lines .ask-r-differs").count() == 0
    printed = read_text(page.text_content("#ask-r-printed") + "\n\n")
    for table, rows in read_text(expected).items():
        assert printed[table].shape == rows.shape


class TestEdited:
    def test_a_changed_formula_gives_what_r_gives_outside(
        self, working: Page, tmp_path: Path
    ) -> None:
        if shutil.which("Rscript") is None:
            pytest.skip("needs R")
        page = working
        script, expected = lines_of_page(page)
        changed = MODEL.sub(lambda found: found[0].replace("*", "+"), script)
        assert changed != script
        text = edit(page, changed)
        file = tmp_path / "changed.R"
        file.write_text(changed, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", str(file)], capture_output=True, text=True, check=False
        )
        printed = page.text_content("#ask-r-printed")
        assert done.returncode == 0, done.stderr
        assert printed.strip().splitlines() == done.stdout.strip().splitlines()
        assert printed.strip() != expected.strip()
        assert "Your version of the script" in text
        assert "What differs stands below" in text
        assert page.locator("#ask-r-lines .ask-r-differs").count() > 0

    def test_a_changed_number_is_noticed_and_the_published_script_comes_back(
        self, working: Page
    ) -> None:
        page = working
        script, expected = lines_of_page(page)
        df = re.search(r"^d <- (\d+)", script, re.MULTILINE)[1]
        text = edit(page, script.replace(f"\nd <- {df}", f"\nd <- {int(df) - 20}"))
        counts = re.search(r"(\d+) of (\d+) lines agree", text)
        assert 0 < int(counts[1]) < int(counts[2])
        differing = page.locator("#ask-r-lines .ask-r-differs").first
        assert re.search(
            r"expected \w+ [\d.]+, R printed [\d.]+", differing.inner_text()
        )
        page.click("#ask-r-back")
        lines = [line for line in expected.splitlines() if line]
        whole = f"The published script: {len(lines)} of {len(lines)} lines agree"
        assert whole in edit(page, page.input_value("#ask-r-script"))

    def test_where_r_stops_is_said(self, working: Page) -> None:
        page = working
        script, _ = lines_of_page(page)
        text = edit(page, MODEL.sub("model <- ~ nobody", script))
        assert "R stopped: object 'nobody' not found" in text
        text = edit(page, "this is no R")
        assert "R stopped" in text
        assert "0 of" in text

    def test_nothing_is_left_of_the_run_before(self, working: Page) -> None:
        page = working
        edit(page, "left <- 42\nleft")
        assert "[1] 42" in page.text_content("#ask-r-printed")
        assert "R stopped: object 'left' not found" in edit(page, "left")

    def test_r_can_be_stopped_and_asked_again(self, page: Page, address: str) -> None:
        ask(page, address + PAGES[0])
        page.reload()
        page.click("#ask-r-start")
        page.click("#ask-r-stop")  # while R is being loaded
        assert page.locator("iframe").count() == 0
        page.fill("#ask-r-script", "while (TRUE) {}")
        page.click("#ask-r-run")
        running = page.locator("#ask-r-said").filter(has_text="R is being loaded")
        running.wait_for()
        page.click("#ask-r-stop")
        assert "R is stopped" in page.inner_text("#ask-r-said")
        assert page.locator("iframe").count() == 0
        edit(page, "6 * 7")
        assert page.text_content("#ask-r-printed").strip() == "[1] 42"


class _Elsewhere(BaseHTTPRequestHandler):
    """Another host, which counts who asks it."""

    asked: list[str]

    def do_GET(self) -> None:  # the name is the base class's
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"1")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """The address of another host, and what it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Elsewhere,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()


class TestNothingLeaves:
    def test_r_comes_from_the_site_and_only_when_asked(
        self, page: Page, address: str
    ) -> None:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address + PAGES[0], wait_until="networkidle")
        before = len(requests)
        assert not [url for url in requests if "webr" in url or "ask_r.html" in url]
        page.click("#ask-r-start")
        said(page)
        hosts = {urlsplit(url).netloc for url in requests if url.startswith("http")}
        assert hosts == {urlsplit(address).netloc}
        assert [url for url in requests[before:] if url.endswith("R.wasm")]

    def test_a_script_that_asks_another_host_gets_nothing(
        self, working: Page, elsewhere: tuple[str, list[str]]
    ) -> None:
        page = working
        other, asked = elsewhere
        edit(
            page,
            f'try(readLines(url("{other}read")))\n'
            f'try(download.file("{other}file", "file"))\n'
            f"try(webr::eval_js(\"fetch('{other}fetch').catch(() => 0); 1\"))\n"
            f"try(webr::eval_js(\"var x = new XMLHttpRequest(); x.open('GET', '{other}x', false); x.send(); 1\"))\n"
            f"try(webr::eval_js(\"importScripts('{other}script.js'); 1\"))\n"
            'cat("# end\\n")',
        )
        assert "# end" in page.text_content("#ask-r-printed")
        page.wait_for_timeout(500)
        assert asked == []
        assert page.evaluate(f"fetch('{other}').then(() => 1, () => 0)") == 0


class TestReaders:
    def test_the_keyboard_is_enough(self, page: Page, address: str) -> None:
        page.goto(address + PAGES[0])
        page.focus("#ask-r-start")
        page.keyboard.press("Enter")
        said(page)
        assert page.evaluate("document.activeElement.id") == "ask-r-script"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "ask-r-run"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        chosen = page.evaluate("""() => {
            const area = document.getElementById('ask-r-script');
            return area.value.slice(area.selectionStart, area.selectionEnd);
        }""")
        assert MODEL.fullmatch(chosen)
        page.keyboard.type("model <- ~ ethnicity")
        page.evaluate("document.getElementById('ask-r-said').replaceChildren()")
        page.keyboard.press("Control+Enter")
        assert "Your version of the script" in said(page)

    def test_what_happens_is_spoken_as_a_whole(self, page: Page, address: str) -> None:
        page.goto(address + PAGES[0])
        box = page.locator("#ask-r-said")
        assert box.get_attribute("role") == "status"
        assert box.get_attribute("aria-atomic") == "true"

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_open_it_fits_a_phone_and_has_no_fault(
        self, page: Page, address: str, scheme: str
    ) -> None:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 320, "height": 640})
        ask(page, address + PAGES[0])
        edit(page, page.input_value("#ask-r-script").replace(" * ", " + ", 1))
        assert page.evaluate(WIDER) == []
        page.evaluate(axe_source())
        assert page.evaluate(RUN_AXE, AXE_TAGS) == []


class TestElsewhere:
    def test_from_a_folder_one_sentence_says_why_not(
        self, page: Page, site: Path
    ) -> None:
        page.goto((site / PAGES[0]).as_uri())
        assert "not from a folder" in page.inner_text("#ask-r-said")
        assert not page.locator("#ask-r-start").is_visible()

    def test_without_webassembly_one_sentence_says_so(
        self, page: Page, address: str
    ) -> None:
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(address + PAGES[0])
        assert "no WebAssembly" in page.inner_text("#ask-r-said")
        assert not page.locator("#ask-r-start").is_visible()

    def test_without_scripts_there_is_no_button(
        self, chromium: Browser, address: str
    ) -> None:
        context = chromium.new_context(java_script_enabled=False)
        opened = context.new_page()
        opened.goto(address + PAGES[0])
        assert not opened.locator("#ask-r-start").is_visible()
        assert opened.locator('.ask-r a[href$="-cells.R"]').is_visible()
        context.close()

    def test_a_message_of_another_page_is_not_heard(self, working: Page) -> None:
        forged = """() => {
            for (let id = 0; id < 100; id += 1) {
                postMessage({id, lines: ['forged'], error: 'forged'}, '*');
            }
        }"""
        working.fill("#ask-r-script", "6 * 7")
        working.evaluate("document.getElementById('ask-r-said').replaceChildren()")
        working.click("#ask-r-run")
        working.evaluate(forged)
        assert "forged" not in said(working)
        assert working.text_content("#ask-r-printed").strip() == "[1] 42"


def test_licence_and_source_lie_beside_r(site: Path) -> None:
    folder = site / "_static" / "ask-r" / "webr"
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "LICENSE.md").read_text()
    assert "The source of webr" in (folder / "SOURCE.txt").read_text()
