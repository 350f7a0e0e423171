"""What a built run page must begin with: found out on pages made here."""

from __future__ import annotations

import pytest

from trustbook.site import poor_summaries
from trustbook.summary import LONGEST

SHORT = "<p><strong>In short.</strong> 3 of 3 gaps are clear.</p>"
LONG = f"<p><strong>In short.</strong> {'x' * LONGEST}</p>"
PICTURE = (
    '<figure class="record-figure row-figure"><i class="rf-mark rf-added"></i></figure>'
)
INTERACTION = "<h2>Together</h2><td>Interaction contrast (points)</td>"


def faults(tmp_path, body: str, name: str = "hints7-one") -> list[str]:
    page = tmp_path / "_runs" / name / f"{name}.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<main><h1>One</h1>{body}</main>")
    return poor_summaries(tmp_path)


@pytest.mark.parametrize(
    "body",
    [SHORT, f"{SHORT}<h2>Gaps</h2>", f"{SHORT}{PICTURE}{INTERACTION}"],
    ids=["alone", "before a part", "with the picture"],
)
def test_a_page_that_begins_with_what_was_found_has_no_fault(tmp_path, body):
    assert faults(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>Nothing.</p>", "no summary"),
        (f"<h2>Gaps</h2>{SHORT}", "no summary"),
        (LONG, "letters"),
        (f"{SHORT}{INTERACTION}", "no picture of together"),
    ],
)
def test_another_has(tmp_path, body, words):
    [fault] = faults(tmp_path, body)
    assert words in fault
