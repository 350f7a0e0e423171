"""Which rows have the same values in some columns: answers of a file, cells of a survey, units of a design."""

from __future__ import annotations

from collections.abc import Sequence

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
    code = np.zeros(rows, dtype=np.int8)
    size = 1
    for column in columns:
        values, levels = _codes(column, sort)
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
    row = np.full(size, -1)
    row[code] = np.arange(rows)
    occurs = row >= 0
    number = np.cumsum(occurs) - 1
    return number[code], row[occurs]


def _codes(column: pd.Series, sort: bool) -> tuple[Codes, int]:
    """The values of a column numbered from 0, missing ones -1, and how many there are."""
    if column.dtype == "category":
        return column.cat.codes.to_numpy(), len(column.cat.categories)
    if column.dtype in (bool, float):  # answers and the like number themselves
        values = column.to_numpy()
        one = (values == 1).view(np.int8)
        missing = np.isnan(values)
        binary = np.count_nonzero(values == one) + np.count_nonzero(missing)
        if binary == len(values):
            return one - missing, 2
    code, distinct = pd.factorize(column, sort=sort)
    return code, len(distinct)
