"""Which rows have the same values in some columns: answers of a file, cells of a survey, units of a design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trustlib.variance import Codes


def group_rows(
    columns: Sequence[pd.Series], rows: int, sort: bool = False
) -> tuple[Codes, Codes]:
    """Number the combinations of values that occur, missing ones included.

    Returns
    -------
    group : int array (rows,)
        Combination of each row; in order of the values if `sort` (of categories, of numbers).
    row : int array (groups,)
        A row of each combination.
    """
    code, size = np.zeros(rows, dtype=np.int8), 1
    for column in columns:
        values, levels = _codes(column, sort)
        if size * (levels + 1) > 2**62:
            code, kept = pd.factorize(code, sort=sort)  # before numbers overflow
            size = len(kept)
        size *= levels + 1
        code = code.astype(
            np.min_scalar_type(-size - 1), copy=False
        )  # short numbers are faster
        code *= levels + 1
        code += values  # -1 is missing
    code -= code.min(initial=0)
    if size > 2 * rows + 1000:
        code, kept = pd.factorize(code, sort=sort)
        size = len(kept)
    row = np.full(size, -1)
    row[code] = np.arange(rows)
    return (np.cumsum(row >= 0) - 1)[code], row[row >= 0]


def _codes(column: pd.Series, sort: bool) -> tuple[Codes, int]:
    """The values of a column numbered from 0, missing ones -1, and how many there are."""
    if column.dtype == "category":
        return column.cat.codes.to_numpy(), len(column.cat.categories)
    if column.dtype in (bool, float):  # answers and the like number themselves
        values = column.to_numpy()
        one, missing = (values == 1).view(np.int8), np.isnan(values)
        if np.count_nonzero(values == one) + np.count_nonzero(missing) == len(values):
            return one - missing, 2
    code, found = pd.factorize(column, sort=sort)
    return code, len(found)
