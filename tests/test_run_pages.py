"""An executed notebook as a page: words filled in, numbers below each picture, the same bytes each time."""

from __future__ import annotations

import base64
import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import trustlib as tl
from trustbook.pages import fill_markdown, filled, finish

PICTURE = base64.b64encode(b"a picture").decode()
FACTS = {
    "kinds": ["real"], "data": {"cells.parquet": "0" * 64, "own.csv": "1" * 64}, "manifest": [], "conventions": {},
    "template": "levels.ipynb", "template_sha256": "2" * 64, "trustlib": "1", "python": "3", "libraries": {},
    "parameters": {"title": "T", "cells": "../../data/hints6/cells/cells.parquet", "file": "own.csv"},
}  # fmt: skip


def drawn(source: str, alt: str = "Lowest: a.") -> dict:
    output = new_output(
        "display_data",
        data={"image/png": PICTURE},
        metadata={"image/png": {"alt": alt}},
    )
    return new_code_cell(
        source,
        outputs=[output],
        metadata={"tags": ["hide-input"], "papermill": {"duration": 1}},
    )


def test_the_numbers_of_a_picture_stand_below_it(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("levels", "gaps"):
        (tmp_path / "tables" / f"{name}.csv").write_text("a\n1\n")
    cells = [
        new_code_cell('x = 1\ntl.publish(levels, "levels")'),
        drawn("tl.forest(levels)"),
        new_markdown_cell("## The gaps"),
        drawn('tl.publish(gaps, "gaps")\ntl.forest(gaps)', "Widest: b."),
    ]
    notebook = new_notebook(cells=cells)
    figures = finish(notebook, tmp_path, FACTS)
    assert [(f["file"], f["table"], f["alt"]) for f in figures] == [
        ("figures/1.png", "levels", "Lowest: a."),
        ("figures/2.png", "gaps", "Widest: b."),
    ]
    texts = [cell.source for cell in notebook.cells]
    assert (
        texts[2]
        == "{download}`The numbers of this picture: levels.csv <tables/levels.csv>`"
    )
    assert (
        texts[5]
        == "{download}`The numbers of this picture: gaps.csv <tables/gaps.csv>`"
    )
    assert (tmp_path / "figures" / "2.png").read_bytes() == b"a picture"
    assert notebook.cells[1].metadata["mystnb"] == {"image": {"alt": "Lowest: a."}}
    assert [cell["id"] for cell in notebook.cells] == [
        f"cell-{i:03d}" for i in range(7)
    ]
    assert "papermill" not in json.dumps(notebook)


def test_a_picture_without_a_table_has_no_link(tmp_path):
    notebook = new_notebook(cells=[drawn("tl.forest(levels)")])
    assert finish(notebook, tmp_path, FACTS)[0]["table"] == ""
    assert len(notebook.cells) == 2


def test_committed_data_are_a_link_and_a_partners_file_is_not(tmp_path):
    notebook = new_notebook(cells=[])
    finish(notebook, tmp_path, FACTS | {"kinds": ["synthetic"]})
    origin = notebook.cells[-1].source
    assert (
        "{download}`cells.parquet, synthetic <../../../data/hints6/cells/cells.parquet>`"
        in origin
    )
    assert "`own.csv` (SHA-256" in origin
    assert "own.csv <" not in origin


def test_words_are_filled_in_and_unknown_ones_refused():
    given = {"pair": ["a", "b"], "one": 3, "none": []}
    assert (
        filled(
            "@{one}: @{pair}, @{pair_plus}, @{pair_times}, @{pair_2}, $x$, @{none_plus}",
            given,
        )
        == "3: a, b, a + b, a * b, b, $x$, 1"
    )
    notebook = new_notebook(cells=[new_markdown_cell("# @{titel}")])
    with pytest.raises(tl.RunError, match=r"uses @\{titel\}, which is no parameter"):
        fill_markdown(notebook, {"title": "T"}, "A text")
