"""A run for the small book, made of committed cells: tables, a picture, a sentence and lines of R, as a run leaves them."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat

import trustlib as tl
from trustbook.pictures import in_rows
from trustbook.pictures.together import together
from trustbook.summary import in_short

RUN = "cards"
CELLS = "discriminated-ethnicity-disability"
IDENTITIES = ("ethnicity", "disability")
R = """```r
library(survey)
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = people)
part <- subset(design, used)
svyby(~outcome, ~ethnicity + disability, part, svyciprop, vartype = "ci",
      method = "logit", df = degf(part))                            # the cells, as answered
levels <- svyby(~outcome, ~ethnicity + disability, part, svymean, covmat = TRUE)
confint(svycontrast(levels, c(-1, 1, 0, 0)), df = degf(part))
```"""


def make_run(root: Path, runs: Path) -> None:
    """Execute the run: the notebook, its tables and what it was made of."""
    folder = runs / RUN
    cells = tl.Cells.read(root / "data" / "hints7" / "cells" / f"{CELLS}.parquet")
    levels = tl.cell_means(cells)
    gaps = tl.comparisons(levels)
    measures = tl.interactions(levels, *IDENTITIES).where("method == 'delta'")
    published = {"levels": levels, "gaps": gaps, "interaction": measures}
    for name, estimates in published.items():
        tl.publish(estimates, name, folder / "tables")
    shown = [
        tl.table(levels, title="Percent in each cell")._repr_html_(),
        together(levels)._repr_html_(),
        tl.table(gaps, title="Gaps in points")._repr_html_(),
        in_rows(gaps, "Gap to the reference cell, in points")._repr_html_(),
        tl.table(measures, title="Interaction")._repr_html_(),
    ]
    write_notebook(folder / f"{RUN}.ipynb", in_short(gaps).text, shown)
    facts = {
        "parameters": {
            "title": "Discrimination in care, for the tests",
            "cells": f"../../data/hints7/cells/{CELLS}.parquet",
        },
        "kinds": ["real"],
        "figures": [],
    }
    (folder / "provenance.json").write_text(json.dumps(facts), encoding="utf-8")


def write_notebook(path: Path, short: str, shown: list[str]) -> None:
    """A notebook with a sentence and outputs of HTML."""
    notebook = nbformat.v4.new_notebook()
    title = "# A run with cards\n\nReal people, from committed cells, for the tests."
    notebook.cells = [
        nbformat.v4.new_markdown_cell(title, id="title"),
        code("short", {"text/markdown": f"**In short.** {short}"}),
        nbformat.v4.new_markdown_cell("## What was found", id="found"),
        *(code(f"shown-{i}", {"text/html": html}) for i, html in enumerate(shown)),
        nbformat.v4.new_markdown_cell(f"## The same in R\n\n{R}", id="in-r"),
    ]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def code(name: str, data: dict[str, str]) -> nbformat.NotebookNode:
    """A folded cell with one output."""
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("show()", outputs=[output], id=name)
    cell.metadata["tags"] = ["hide-input"]
    return cell
