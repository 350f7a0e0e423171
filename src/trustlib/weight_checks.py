"""What may be a weight, and what a margin that weights were raked to.

Weights are zero or more, finite and not all zero. A zero weight is allowed: that person
leaves the estimates and stays in the design. Replicate weights may be below zero where
their scale is given, as in the American Community Survey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.answers import kinds_of
from trustlib.engines import (
    collect,
    floats,
    grouped,
    require_single_values,
    units_of,
)
from trustlib.errors import DesignError
from trustlib.variance import Array

SMALLEST = 1e-100  # squares of smaller weights are no numbers any more,
LARGEST = 1e100  # nor are those of larger ones


@dataclass(frozen=True)
class Extent:
    """Between which numbers the weights of one column lie.

    Attributes
    ----------
    low, high, total : float
        NaN where a weight is NaN.
    known : float
        Rows that have a weight.
    least : float
        The smallest size of a weight that is not zero.

    Examples
    --------
    >>> Extent(low=-1.0, high=2.0, total=3.0, known=4, least=1.0).fault(4, False)
    'negative'
    """

    low: float
    high: float
    total: float
    known: float
    least: float

    def fault(self, rows: float, signed: bool) -> str | None:
        """What is wrong with them, if anything; `signed` ones may be below zero."""
        infinite = np.isinf([self.low, self.high]).any()
        if self.known < rows or (np.isnan(self.total) and not infinite):
            return "missing"
        if infinite:
            return "infinite"
        if self.low < 0 and not signed:
            return "negative"
        largest = max(abs(self.low), abs(self.high))
        if largest == 0:
            return "all zero"
        if self.least < SMALLEST or largest > LARGEST:
            return "below 1e-100 or above 1e100"
        return None


def require_weights(
    frame: Any,
    weights: Sequence[str],
    others: Sequence[str] = (),
    signed: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Refuse a design of nobody, columns that are not numbers, and impossible weights.

    An engine other than pandas passes over the people once, for weights and units.

    Parameters
    ----------
    frame : narwhals frame
    weights : sequence of str
        Columns of weights; the sampling weight first.
    others : sequence of str
        Columns that are numbers of another kind.
    signed : sequence of str
        Those of `weights` that may be below zero.
    units : mapping, optional
        New name -> column: strata, PSUs and the like.

    Returns
    -------
    DataFrame
        ``n`` and the columns of `units` under their new names, one row for each
        combination that occurs.

    Raises
    ------
    DesignError

    Examples
    --------
    >>> import pandas as pd
    >>> people = nw.from_native(pd.DataFrame({"weight": [1.0, 0.0, 2.5]}))
    >>> require_weights(people, ["weight"])
       n
    0  3
    """
    units = units or {}
    schema = frame.collect_schema()
    texts = [c for c in (*weights, *others) if not schema[c].is_numeric()]
    if texts:
        raise DesignError(
            f"The values of column {texts[0]!r} are not numbers.",
            "Convert them to numbers before.",
        )
    people = frame.to_native()
    if isinstance(people, pd.DataFrame):
        rows, extents = _extents_of_pandas(people, weights)
    else:
        groups = _groups(frame, weights, units)
        rows, extents = _extents(groups, weights)
    if rows == 0:
        raise DesignError("The frame has no rows.", "Expected one row per person.")
    for column, extent in extents.items():
        fault = extent.fault(rows, column in signed)
        if fault is not None:
            raise _refusal(column, fault, column == weights[0])
    if not units:
        return pd.DataFrame({"n": [int(rows)]})
    if isinstance(people, pd.DataFrame):
        return units_of(frame, dict(units))
    return groups[["n", *units]]


def _refusal(column: str, fault: str, sampling_weight: bool) -> DesignError:
    hint = "Mend the weights or drop these people knowingly; a zero weight is allowed."
    if fault == "negative" and not sampling_weight:
        hint += " Replicate weights may be below zero where replicate_scale is given."
    return DesignError(
        "Weights are zero or more, finite and not all zero, "
        f"but those in column {column!r} are {fault}.",
        hint,
    )


def _extents_of_pandas(
    people: pd.DataFrame, weights: Sequence[str]
) -> tuple[float, dict[str, Extent]]:
    """Rows and extents of weights in a pandas frame, ten times as fast as by narwhals."""
    rows = len(people)
    extents: dict[str, Extent] = {}
    if rows == 0:
        return rows, extents
    for column in weights:
        values = floats(people[column])
        low = values.min()
        extents[column] = Extent(
            low=low,
            high=values.max(),
            total=values.sum(),
            known=rows,
            least=_least(values, low),
        )
    return rows, extents


def _least(values: Array, low: float) -> float:
    """The smallest size of a weight that is not zero; `low` is the smallest weight."""
    if low > 0:
        return low
    sizes = values[values != 0]
    if low != 0:  # below zero, or not known
        sizes = np.abs(sizes)
    return sizes.min(initial=np.inf)


def _groups(
    frame: Any, weights: Sequence[str], units: Mapping[str, str]
) -> pd.DataFrame:
    """Rows and extents of weights in each unit, in one pass of whatever engine."""
    require_single_values(frame.collect_schema(), list(units.values()))
    made = {own: nw.col(column) for own, column in units.items()}
    asked = [nw.len().alias("n")]
    for i, column in enumerate(dict.fromkeys(weights)):
        value = nw.col(column).cast(nw.Float64)
        made[f"_value {i}"] = value
        made[f"_size {i}"] = nw.when(value != 0).then(value.abs())
        asked += _extent_asked(i)
    if not made:
        return collect(frame.select(*asked))
    return grouped(frame.select(**made), list(units), asked)


def _extent_asked(i: int) -> list[nw.Expr]:
    """The numbers of an `Extent`, each of which any engine aggregates by itself."""
    value = nw.col(f"_value {i}")
    extent = [
        value.min(),
        value.max(),
        value.sum(),
        value.count(),
        nw.col(f"_size {i}").min(),
    ]
    return [number.alias(f"_{i} {j}") for j, number in enumerate(extent)]


def _extents(
    groups: pd.DataFrame, weights: Sequence[str]
) -> tuple[float, dict[str, Extent]]:
    """Rows and extents of weights, of those in each unit."""
    rows = float(groups["n"].sum())
    extents: dict[str, Extent] = {}
    if rows == 0:
        return rows, extents
    for i, column in enumerate(dict.fromkeys(weights)):
        parts = groups[[f"_{i} {j}" for j in range(5)]].astype(float)
        low, high, total, known, least = parts.to_numpy().T
        extents[column] = Extent(
            low=np.fmin.reduce(low),
            high=np.fmax.reduce(high),
            total=total.sum(),
            known=known.sum(),
            least=np.fmin.reduce(least),
        )
    return rows, extents


def require_margins(margins: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse margins with missing values, or with values of several kinds.

    Parameters
    ----------
    margins : DataFrame
        One row per combination that occurs.
    names : sequence of str

    Raises
    ------
    DesignError

    Examples
    --------
    >>> import pandas as pd
    >>> require_margins(pd.DataFrame({"gender": ["man", "woman"]}), ["gender"])
    """
    for name in names:
        if margins[name].isna().any():
            raise DesignError(
                f"Some people have no value in the margin {name!r}.",
                "Everyone counts in a margin: "
                "use the values with which the weights were made.",
            )
        kinds = kinds_of(margins[name].unique())
        if len(kinds) > 1:
            raise DesignError(
                f"The margin {name!r} mixes {' and '.join(kinds)}.",
                "Make it one kind, such as texts.",
            )
