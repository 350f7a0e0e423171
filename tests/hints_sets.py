"""Tell R which sets of cells are committed: ``hints_sets.csv``, which `hints_stored.R` reads.

``make stored`` runs this program after it has made the cells.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trustbook.sealing import load_cell_plan
from trustlib.writing import write_text

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
TOLD = ROOT / "tests" / "reference" / "hints_sets.csv"
SURVEYS = ("hints6", "hints7")
COLUMNS = ("survey", "set", "outcome", "by", "known", "weights")


def rows() -> list[list[str]]:
    """A row for each set of the plans of both surveys."""
    found = []
    for survey in SURVEYS:
        plan = load_cell_plan(DATA / survey / "cells.yml")
        for name, spec in plan.sets.items():
            assert spec.where is None, f"{name}: hints_stored.R knows no `where`"
            axes = [" ".join(spec.by), " ".join(spec.known)]
            found.append([survey, name, spec.outcome, *axes, spec.weights])
    return found


if __name__ == "__main__":
    sets = pd.DataFrame(rows(), columns=COLUMNS)
    write_text(TOLD, sets.to_csv(index=False))
