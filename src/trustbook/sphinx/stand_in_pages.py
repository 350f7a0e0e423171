"""What the synthetic stand-in was held to, as tables on pages.

``{calibration-table}``
    shows every printed figure, and what the stand-in makes of it.
``{coverage-table}``
    shows how often intervals held the truth in fresh draws from its model.
"""

from __future__ import annotations

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.sphinx.directives import DataDirective, markdown_table

CALIBRATION_HEADS = ("Figure", "What is said", "Asked", "Synthetic", "Verdict")
COVERAGE_HEADS = (
    "Cell (synthetic)",
    "Truth, percent",
    "Covered, percent of draws",
    "Length, points",
    "People",
    "Draws",
)


class CalibrationTable(DataDirective):
    """Every printed figure, and what the synthetic stand-in makes of it."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each target."""
        claims = self.figures().set_index("id")["claim"]
        path = self.file("synthetic/calibration.csv")
        targets = pd.read_csv(path, dtype={"wave": str, "asked": str})
        rows = []
        for target in targets.itertuples():
            asked = target.asked
            achieved = f"{target.achieved:,.10g}"
            if target.statistic == "order":
                asked = achieved = "order"
            claim = claims[target.id]
            rows.append([target.id, claim, asked, achieved, target.verdict])
        return self.read(markdown_table(CALIBRATION_HEADS, rows))


class CoverageTable(DataDirective):
    """How often intervals held the truth in fresh draws from the stand-in's model."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each cell of identities."""
        cells = pd.read_csv(self.file("synthetic/coverage.csv"))
        rows = [
            [
                f"{cell.gender}, {cell.ethnicity}, {cell.disability}",
                f"{100 * cell.truth:.1f}",
                f"{100 * cell.coverage:.1f}",
                f"{100 * cell.mean_length:.1f}",
                f"{cell.mean_n:,.0f}",
                f"{cell.draws:,}",
            ]
            for cell in cells.itertuples()
        ]
        return self.read(markdown_table(COVERAGE_HEADS, rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("calibration-table", CalibrationTable)
    app.add_directive("coverage-table", CoverageTable)
    return {"parallel_read_safe": True}
