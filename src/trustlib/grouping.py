"""Which rows have the same values in some columns: answers of a file, cells of a survey, units of a design."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd

from trustlib.variance import Codes

MOST = 2**62  # combinations that 64 bits number
SPARE = 1000  # numbers of combinations that do not occur, beside two for each row


def group_rows(
    columns: Sequence[pd.Series], rows: int, sort: bool = False
) -> tuple[Codes, Codes]:
    """Number the combinations of values that occur, missing ones included.

    Parameters
    ----------
    columns : sequence of Series
    rows : int
        The length of each; there may be no columns.
    sort : bool
        Number them in order of the values (of categories, of numbers).

    Returns
    -------
    group : int array (rows,)
        Combination of each row.
    row : int array (groups,)
        A row of each combination.

    Examples
    --------
    >>> import pandas as pd
    >>> group, row = group_rows([pd.Series(["b", "a", "b"])], 3, sort=True)
    >>> group.tolist(), row.tolist()
    ([1, 0, 1], [1, 2])
    """
    return group_codes((_codes(column, sort) for column in columns), rows, sort)


def group_codes(
    columns: Iterable[tuple[Codes, int]], rows: int, sort: bool = False
) -> tuple[Codes, Codes]:
    """The same of columns whose values have numbers already.

    Parameters
    ----------
    columns : iterable of (int array (rows,), int)
        The number of each value, -1 if it is missing, and how many numbers there are.
    rows, sort
        As in `group_rows`.

    Returns
    -------
    group, row : int array
        As of `group_rows`.

    Examples
    --------
    >>> group, row = group_codes([(np.array([1, 0, 1]), 2)], 3)
    >>> group.tolist(), row.tolist()
    ([1, 0, 1], [1, 2])
    """
    code = np.zeros(rows, dtype=np.int8)
    size = 1
    for values, levels in columns:
        if size * (levels + 1) > MOST:
            code, occurring = pd.factorize(code, sort=sort)
            size = len(occurring)
        size *= levels + 1
        shortest = np.min_scalar_type(-size - 1)  # short numbers are faster
        code = code.astype(shortest, copy=False)
        code *= levels + 1
        code += values  # -1 is missing
    code -= code.min(initial=0)
    if size > 2 * rows + SPARE:
        code, occurring = pd.factorize(code, sort=sort)
        size = len(occurring)
    occurs = np.zeros(size, dtype=bool)  # short: most places of a large table are empty
    occurs[code] = True
    occurring = np.flatnonzero(occurs)
    number = np.empty(size, dtype=np.int64)
    number[occurring] = np.arange(len(occurring))
    group = number[code]
    row = np.empty(len(occurring), dtype=np.int64)
    row[group] = np.arange(rows)
    return group, row


def _codes(column: pd.Series, sort: bool) -> tuple[Codes, int]:
    """The values of a column numbered from 0, missing ones -1, and how many there are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        category = cast(pd.Categorical, column.array)
        return category.codes, len(category.categories)
    if column.dtype in (bool, float):  # answers and the like number themselves
        values = column.to_numpy()
        one = (values == 1).view(np.int8)
        missing = np.isnan(values)
        binary = np.count_nonzero(values == one) + np.count_nonzero(missing)
        if binary == len(values):
            return one - missing, 2
    code, distinct = pd.factorize(column, sort=sort)
    return code, len(distinct)
