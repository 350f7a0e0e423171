"""All that is committed of HINTS 6 and 7 against R: every set of cells, every stored error, every change.

`tests/reference/hints_stored.R` computes them from the survey files with the package
survey; its recodes, its sets of people and its estimands are written apart from ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import hints_sets
import trustlib as tl
from trustbook.replicates import KEY, read_stored, row_names
from trustbook.years import Years

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
REFERENCE = ROOT / "tests" / "reference"
SURVEYS = ("hints6", "hints7")
AGREE = 1e-6
AGAIN = "Run `make stored` with the survey files, then `make reference`."
SETS = pd.read_csv(REFERENCE / "hints_sets.csv", keep_default_na=False)
R_CELLS = pd.read_csv(REFERENCE / "hints_cells.csv")
R_STORED = pd.read_csv(
    REFERENCE / "hints_stored.csv", dtype={"row": str}, keep_default_na=False
)
NUMBERS = ["estimate", "se", "taylor_se"]
R_STORED[NUMBERS] = R_STORED[NUMBERS].apply(pd.to_numeric, errors="coerce")
pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")


def test_r_was_told_of_the_sets_of_the_plans():
    assert SETS.to_numpy().tolist() == hints_sets.rows(), AGAIN


@pytest.mark.parametrize("survey", SURVEYS)
def test_every_committed_set_of_cells_is_that_of_r(survey):
    expected = R_CELLS[R_CELLS["survey"] == survey]
    compared = 0
    for name, theirs in expected.groupby("set"):
        path = DATA / survey / "cells" / f"{name}.parquet"
        own = tl.cell_means(tl.Cells.read(path))
        names = row_names(own) if own.by else ["all"]
        order = [names.index(cell) for cell in theirs["cell"].iloc[:-1]]
        assert sorted(order) == list(range(len(names))), name
        level = own.frame["estimate"].to_numpy()[order]
        error = own.frame["std_error"].to_numpy()[order]
        count = own.frame["n"].to_numpy()[order]
        # The last row is a contrast of all cells: its error rests on every covariance.
        rank = np.arange(1, len(order) + 1)
        vcov = own.vcov[np.ix_(order, order)]
        level = np.append(level, rank @ level)
        error = np.append(error, np.sqrt(rank @ vcov @ rank))
        assert np.append(count, count.sum()).tolist() == theirs["n"].tolist(), name
        np.testing.assert_allclose(level, theirs["estimate"], rtol=AGREE, err_msg=name)
        np.testing.assert_allclose(error, theirs["se"], rtol=AGREE, err_msg=name)
        compared += 1
    committed = list((DATA / survey / "cells").glob("*.parquet"))
    assert compared == len(committed), AGAIN


@pytest.mark.parametrize("survey", SURVEYS)
def test_every_stored_estimand_is_that_of_r_by_both_variances(survey):
    own = read_stored(DATA / survey / "replicates.csv").set_index(KEY)
    theirs = R_STORED[R_STORED["survey"] == survey].set_index(KEY)
    assert sorted(own.index) == sorted(theirs.index), AGAIN
    theirs = theirs.reindex(own.index)
    pairs = {
        "estimate": "estimate",
        "std_error": "se",
        "taylor_std_error": "taylor_se",
    }
    # Synergy has no logarithm below zero: we give no number there, R a negative one.
    undefined = own["estimate"].isna()
    assert own.index[undefined].get_level_values("row").str.contains("synergy").all()
    assert (theirs.loc[undefined, "estimate"] < 0).all()
    for ours, other in pairs.items():
        one = own.loc[~undefined, ours].astype(float)
        two = theirs.loc[~undefined, other]
        pd.testing.assert_series_equal(one, two, rtol=AGREE, atol=0, check_names=False)


def _r_rows(survey: str, cells: str, table: str) -> pd.DataFrame:
    """R's rows of a table of one way, or of everyone."""
    model = R_STORED["model"]
    chosen = (model == "") | model.str.startswith("one way")
    chosen &= R_STORED["survey"] == survey
    chosen &= (R_STORED["cells"] == cells) & (R_STORED["table"] == table)
    return R_STORED[chosen].set_index("row")


def _change_of_r(names: dict[str, str], table: str) -> pd.DataFrame:
    """Of two independent samples: difference, and the root of the sum of squares."""
    before, after = [_r_rows(survey, names[survey], table) for survey in SURVEYS]
    assert before.index.equals(after.index)
    return pd.DataFrame(
        {
            "estimate": after["estimate"] - before["estimate"],
            "std_error": np.hypot(before["se"], after["se"]),
        }
    )


def _plain(rows: Iterable[str]) -> list[str]:
    """Axis and level alone: a change names no reference level, a gap does."""
    own = [re.search(r"axis=[^;]*;level=[^;]*", row) for row in rows]
    return [found[0] if found else "" for found in own]


AXES = {"gender-ethnicity": ["gender", "ethnicity"], "age": ["age_band"]}
COMPARABLE = yaml.safe_load((DATA / "comparable.yml").read_text())["questions"]


@pytest.mark.parametrize("question", COMPARABLE)
def test_every_change_from_2022_to_2024_is_that_of_r(question):
    files = [DATA / survey / "replicates.csv" for survey in SURVEYS]
    years = Years.read(DATA / "comparable.yml", *files)
    names = COMPARABLE[question]["names"]
    sets = {"": None} | AXES
    compared = 0
    for ending, axes in sets.items():
        own = {s: f"{names[s]}-{ending}".rstrip("-") for s in SURVEYS}
        paths = [DATA / s / "cells" / f"{own[s]}.parquet" for s in SURVEYS]
        if not all(path.exists() for path in paths):
            continue
        if axes is None:
            found = {"everyone": years.everyone(*paths).changes}
        else:
            both = years.by_axes(*paths, axes)
            found = {"levels": both.changes, "gaps": both.gap_changes}
        for table, ours in found.items():
            theirs = _change_of_r(own, table)
            names_of = _plain(row_names(ours))
            assert sorted(names_of) == sorted(_plain(theirs.index))
            theirs = theirs.set_axis(_plain(theirs.index)).reindex(names_of)
            for column in theirs:
                np.testing.assert_allclose(
                    ours.frame[column], theirs[column], rtol=AGREE, atol=1e-12
                )
            assert (ours.frame["df"] == 98).all()
            compared += len(theirs)
    assert compared > 6
