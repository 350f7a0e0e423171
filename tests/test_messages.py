"""Each message of the partner guide is met as a partner meets it, and what the guide advises works.

A case (`partner_steps.Case`) is a message of `book/partner/messages.md`, a small file with
its mapping and a command that brings it, and the same after what the page advises.
"""

from __future__ import annotations

import pytest

from guide_messages import covers, told
from message_books import BOOKS, REASONS
from message_cells import LARGE, SEALED
from message_files import FILES
from message_leaving import LEAVING, START
from message_mappings import DESIGNS, FORMS, TOGETHER
from message_models import MODELS, TABLES
from partner_steps import said, sentences

CASES = (
    *FILES,
    *FORMS,
    *TOGETHER,
    *DESIGNS,
    *BOOKS,
    *REASONS,
    *TABLES,
    *MODELS,
    *SEALED,
    *LARGE,
    *LEAVING,
    *START,
)
pytestmark = [
    pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning"),
    pytest.mark.filterwarnings("ignore::trustlib.FewPSUWarning"),
    pytest.mark.filterwarnings("ignore:Dask support is moving:FutureWarning"),
]


def is_told(message: str, text: str) -> bool:
    """Whether a whole sentence of what was said is this message of the page."""
    return any(covers(message, sentence) for sentence in sentences(text))


def names(cases):
    return [f"{case.message} {case.way}".strip() for case in cases]


def test_every_message_on_the_page_has_a_case():
    assert not set(told()) - {case.message for case in CASES}


def test_every_case_is_of_a_message_on_the_page():
    assert not {case.message for case in CASES} - set(told())


@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_the_message_is_told_and_what_is_advised_works(case, tmp_path):
    before = tmp_path / "before"
    before.mkdir()
    text, _ = said(case.broken, before)
    assert is_told(case.message, text), text
    after = tmp_path / "after"
    after.mkdir()
    text, refused = said(case.mended, after)
    assert not refused, text
    assert not is_told(case.message, text), text
    assert case.then in text, text
