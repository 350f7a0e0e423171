"""The built pages, read without a browser. Each check is also shown a page with the fault it looks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
import small_site
from bs4 import BeautifulSoup

from trustbook import site as checks
from trustbook.policy import policy_for
from trustbook.sphinx import accessible


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_no_page_has_the_fault(site: Path, check: Callable[[Path], list[str]]) -> None:
    faults = check(site)
    assert not faults, f"{len(faults)} faults\n  " + "\n  ".join(faults[:40])


def test_every_expected_page_was_built(site: Path) -> None:
    assert set(small_site.pages_under_test()) <= set(checks.pages(site))
    assert (site / ".nojekyll").is_file(), (
        "GitHub Pages would not serve folders such as _runs"
    )


@pytest.mark.parametrize(
    ("check", "body", "words"),
    [
        (
            checks.remote_loads,
            "<script src='https://example.org/a.js'></script>",
            "example.org",
        ),
        (
            checks.remote_loads,
            "<link rel='stylesheet' href='//example.org/a.css'>",
            "example.org",
        ),
        (
            checks.remote_loads,
            "<img alt='x' src='http://example.org/a.png'>",
            "example.org",
        ),
        (
            checks.remote_loads,
            "<style>p{background:url(https://example.org/a.png)}</style>",
            "example.org",
        ),
        (
            checks.remote_loads,
            "<script>load('https://example.org/a')</script>",
            "inline script",
        ),
        (checks.broken_links, "<a href='missing.html'>x</a>", "does not exist"),
        (
            checks.broken_links,
            "<a href='index.html#nowhere'>x</a>",
            "a place that page does not have",
        ),
        (checks.poor_alt_texts, "<img src='a.png'>", "alt text ''"),
        (
            checks.poor_alt_texts,
            "<img src='a.png' alt='_images/a.png'>",
            "alt text '_images/a.png'",
        ),
        (checks.poor_heads, "<head></head><p>A page.</p>", "has no title"),
        (
            checks.error_outputs,
            "<div class='output traceback'>ValueError</div>",
            "ValueError",
        ),
        (
            checks.error_outputs,
            "<div class='output stderr'>UserWarning</div>",
            "UserWarning",
        ),
        (
            checks.unmarked_synthetic,
            "<div class='from-synthetic'><table><tr><td>1</td></tr></table></div>",
            "index",
        ),
        (
            checks.unmarked_synthetic,
            "<h1>A title</h1><p><i class='from-synthetic-run'>SYNTHETIC</i></p>",
            "A title",
        ),
        (
            checks.unmarked_synthetic,
            "<h1>Synthetic</h1><i class='from-synthetic-run'>x</i><table><tr><td>12 %</td></tr></table>",
            "12 %",
        ),
    ],
)
def test_each_check_finds_its_fault(
    tmp_path: Path, check: Callable[[Path], list[str]], body: str, words: str
) -> None:
    (tmp_path / "index.html").write_text(
        f"<html><body><main>{body}</main></body></html>", encoding="utf-8"
    )
    assert [fault for fault in check(tmp_path) if words in fault]


def test_a_number_of_the_stand_in_is_called_synthetic_on_other_pages_too(
    tmp_path: Path,
) -> None:
    run = tmp_path / "_runs" / "made"
    run.mkdir(parents=True)
    mark = "<h1>Synthetic</h1><i class='from-synthetic-run'>SYNTHETIC</i>"
    (run / "made.html").write_text(f"<main>{mark}</main>", encoding="utf-8")
    link = "<a class='reference internal' href='_runs/made/made.html'>62.3 %</a>"
    number = f"<span class='finding finding-angry'>{link}</span>"
    for name, words in {"bad": "Angry", "good": "Angry, synthetic"}.items():
        text = f"<main><p>{words}: {number}.</p></main>"
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    [fault] = checks.unmarked_synthetic(tmp_path)
    assert fault.startswith("bad.html")
    assert "62.3 %" in fault


def test_a_page_is_weighed_without_its_pictures(tmp_path: Path) -> None:
    picture = (
        f"<img alt='a gap' src='data:image/png;base64,{'A' * checks.LARGEST_PAGE}'>"
    )
    (tmp_path / "picture.html").write_text(f"<main>{picture}</main>", encoding="utf-8")
    (tmp_path / "table.html").write_text(
        f"<main>{'<td>1</td>' * 150_000}</main>", encoding="utf-8"
    )
    assert checks.heavy_pages(tmp_path) == ["table.html: 1.50 MB without its pictures"]


def test_links_to_other_hosts_and_to_places_are_no_faults(tmp_path: Path) -> None:
    head = (
        f"<meta http-equiv='Content-Security-Policy' content={quoteattr(policy_for([]))}>"
        "<title>x</title><meta name='description' content='x'>"
        "<meta property='og:title'><meta property='og:description'><meta property='og:type'>"
    )
    body = "<a href='https://example.org'>x</a> <a href='#here'>y</a> <p id='here'></p> <a href='mailto:a@b.c'>z</a>"
    (tmp_path / "index.html").write_text(
        f"<head>{head}</head><main>{body}</main>", encoding="utf-8"
    )
    assert [fault for check in checks.CHECKS for fault in check(tmp_path)] == []


class TestRepair:
    """The repairs of trustbook.sphinx.accessible, on the pieces of HTML that need them."""

    @staticmethod
    def repaired(html: str) -> BeautifulSoup:
        once = accessible.repair(html)
        return BeautifulSoup(once, "html.parser")

    def test_citations_lose_roles_their_parents_do_not_allow(self) -> None:
        html = (
            "<main><div role='list' class='citation-list'><div class='citation' role='doc-biblioentry'>"
            "<span class='backlinks' role='doc-backlink'>a</span></div></div></main>"
        )
        assert not self.repaired(html).select("[role]")

    def test_the_launcher_of_remote_kernels_is_gone(self) -> None:
        html = "<script>const THEBE_JS_URL = 'https://x'</script><script src='_static/sphinx-thebe.js'></script><b>1</b>"
        assert str(self.repaired(html)) == "<b>1</b>"

    def test_an_arrow_of_the_left_bar_names_its_page(self) -> None:
        html = "<nav><ul><li><a href='x'>Models</a><details><summary><i class='fa-solid'></i></summary></details></li></ul></nav>"
        page = self.repaired(html)
        assert page.summary["aria-label"] == "Pages under Models"
        assert page.i["aria-hidden"] == "true"

    def test_tables_of_one_page_get_different_names(self) -> None:
        html = "<main><h2>Gaps<a class='headerlink'>#</a></h2><table><tr><th></th></tr></table><table></table></main>"
        page = self.repaired(html)
        boxes = page.select(".table-scroll[role=region][tabindex='0']")
        assert [box["aria-label"] for box in boxes] == [
            "Table: Gaps",
            "Table: Gaps (2)",
        ]
        assert page.select("th") == [], "an empty header cell names nothing"

    def test_a_great_table_is_unpacked(self) -> None:
        html = (
            "<main><div style='overflow:auto'><style>#a .gt_table {}</style><table class='gt_table'>"
            "<thead><tr class='gt_heading'><td class='gt_heading gt_title' id='t'>Title</td></tr></thead>"
            "<tbody><tr><td>1</td></tr></tbody>"
            "<tfoot><tr><td class='gt_sourcenote'>one</td></tr><tr><td class='gt_footnote'>two</td></tr></tfoot>"
            "</table></div></main>"
        )
        page = self.repaired(html)
        assert page.select_one(".table-title#t").string == "Title"
        assert [note.string for note in page.select(".table-note")] == ["one", "two"]
        assert page.select_one(".table-scroll")["aria-label"] == "Title"
        assert not page.select("style, tfoot, tr.gt_heading")

    def test_pictures_scroll_in_a_box_that_the_keyboard_reaches(self) -> None:
        html = (
            "<img src='logo.png'><main><img src='a.png' alt='Gaps. 2 gaps.'><p><a href='a.png'><img src='b.png' alt='Trust.'>"
            "</a></p></main>"
        )
        page = self.repaired(html)
        boxes = page.select("main .picture-scroll[role=group][tabindex='0']")
        assert [box["aria-label"] for box in boxes] == [
            "Picture: Gaps",
            "Picture: Trust",
        ]
        assert [(box.name, box.find(True).name) for box in boxes] == [
            ("div", "img"),
            ("span", "a"),
        ]
        assert page.img.parent.name == "[document]"

    def test_a_button_for_a_list_that_is_not_there_goes(self) -> None:
        button = '<button class="secondary-toggle" title="x">i</button>'
        assert str(self.repaired(button)) == ""
        assert (
            self.repaired(f'{button}<div id="pst-secondary-sidebar"></div>').find(
                "button"
            )
            is not None
        )

    def test_a_repaired_page_stays_as_it_is(self) -> None:
        html = (
            "<main><h1>A</h1><img src='a.png' alt='T'><div><table class='gt_table'><thead><tr class='gt_heading'><td class='gt_title'>T</td></tr>"
            "</thead><tbody><tr><td>1</td></tr></tbody></table></div><table><tr><td>2</td></tr></table></main>"
        )
        once = accessible.repair(html)
        assert accessible.repair(once) == once
