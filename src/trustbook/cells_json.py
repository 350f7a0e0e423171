"""Sealed cells as JSON, for the explorer: what a browser can read without a library.

The same totals with the same covariance as in the Parquet file, every digit of them. The
covariance is symmetric, so its lower triangle is kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.cells import Cells
from trustlib.errors import EstimandError
from trustlib.writing import write_text

FORMAT = "trustlib sealed cells, 1"
MOST_CELLS = 200  # whose covariance a page computes with at once


def cells_as_json(cells: Cells) -> dict[str, Any]:
    """Sealed cells as plain values; `explorer_arithmetic.js` says what each key is.

    Parameters
    ----------
    cells : Cells
        Sealed, and of one sample.

    Returns
    -------
    dict

    Raises
    ------
    DisclosureError
        They are exact cells of a confidential file, or of one that asks for rounding.
    EstimandError
        They are not sealed, merged from several samples, too many, or without an axis.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"]).seal()
    >>> made = cells_as_json(cells)
    >>> made["codes"], made["n"], made["levels"]
    ([[0], [1]], [40, 40], {'sex': ['m', 'w']})
    """
    _require_plain(cells)
    cells.require_may_leave()
    frame = cells.frame
    axes = {axis: _occurring(frame[axis]) for axis in cells.by}
    codes = np.array([column.cat.codes.to_numpy() for column in axes.values()])
    size = 2 * len(frame)
    matrix = cells.scatter.of_totals(len(frame))
    named = [*cells.by, cells.outcome]
    return {
        "format": FORMAT,
        "outcome": cells.outcome,
        "by": list(cells.by),
        "levels": {axis: list(map(str, c.cat.categories)) for axis, c in axes.items()},
        "labels": {name: cells.labels[name] for name in named if name in cells.labels},
        "codes": codes.T.tolist(),
        "n": frame["n"].astype(int).tolist(),
        "w": frame["sum_w"].astype(float).tolist(),
        "y": frame["sum_wy"].astype(float).tolist(),
        "w2": frame["sum_w2"].astype(float).tolist(),
        "cov": matrix[np.tril_indices(size)].tolist(),
        "df": float(cells.df),
        "variance": cells.variance,
        "source": {key: cells.source.get(key, "") for key in ("id", "kind", "label")},
        "protected": cells.protected,
    }


def _occurring(column: pd.Series) -> pd.Series:
    """An axis as categories, without levels that nobody has."""
    return column.astype("category").cat.remove_unused_categories()


def _require_plain(cells: Cells) -> None:
    """Refuse cells that the explorer cannot compute with."""
    if not cells.sealed:
        raise EstimandError(
            "Only sealed cells are written.", "Seal them: cells.seal()."
        )
    if cells.scatter.samples:
        raise EstimandError(
            "Cells that are merged from several samples have degrees of freedom of each.",
            "Write the cells of one sample, or use the library.",
        )
    if not cells.by or len(cells) > MOST_CELLS:
        raise EstimandError(
            f"Expected one axis or more and at most {MOST_CELLS} cells, got {len(cells)}.",
            "Sum them over an axis: cells.summed([...]).",
        )


def write_cells_json(cells: Cells, path: str | Path) -> Path:
    """Write sealed cells as a JSON file, which the explorer opens.

    Parameters
    ----------
    cells : Cells
    path : path

    Returns
    -------
    Path

    Raises
    ------
    DisclosureError, EstimandError
        As `cells_as_json`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from tempfile import TemporaryDirectory
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"]).seal()
    >>> with TemporaryDirectory() as folder:
    ...     write_cells_json(cells, Path(folder) / "cells.json").name
    'cells.json'
    """
    return write_text(Path(path), compact(cells_as_json(cells)) + "\n")


def compact(value: Any) -> str:
    """JSON without blanks.

    Examples
    --------
    >>> compact({"a": [1, 2.5]})
    '{"a":[1,2.5]}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
