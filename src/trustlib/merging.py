"""What the cells of several offices have in common: orders of levels, sources, scatter.

`trustlib.cells.Cells.merge` asks here. Totals of independent samples add up, and so do
their covariances; each estimate then has degrees of freedom of its own (see
`trustlib.variance.welch_df`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from trustlib.errors import DesignError, EstimandError
from trustlib.ordering import joint_order
from trustlib.sources import Source
from trustlib.variance import PooledScatter, Sample, Scatter, SealedScatter


def joint_axis(name: str, columns: Sequence[pd.Series]) -> pd.Series:
    """An axis of several parts, one below the other, its levels in one order.

    Parameters
    ----------
    name : str
    columns : sequence of Series
        The axis in each part.

    Returns
    -------
    Series
        Numbers, or a category whose levels stand in the order that agrees with that of
        each part, alphabetically where they leave it open.

    Raises
    ------
    EstimandError
        It is a number in some parts, or its levels are of several kinds.
    DesignError
        The orders contradict each other.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = [pd.Series(["man"], dtype="category"), pd.Series(["woman"], dtype="category")]
    >>> list(joint_axis("gender", parts).cat.categories)
    ['man', 'woman']
    """
    kinds = {_kind_of_levels(column) for column in columns}
    if len(kinds) > 1:
        raise EstimandError(
            f"The axis {name!r} is a number in some parts and a category in others, "
            "or of several kinds.",
            "Make it the same in all.",
        )
    stacked = pd.concat(columns, ignore_index=True)
    if kinds == {""}:
        return stacked
    orders = [list(column.cat.categories) for column in columns]
    levels = joint_order(orders)
    if levels is None:
        raise DesignError(
            f"The parts have levels of {name!r} in orders that contradict each other.",
            "Give the categories the same order in all of them.",
        )
    return pd.Series(pd.Categorical(stacked, levels), stacked.index)


def _kind_of_levels(column: pd.Series) -> str:
    """The kind of an axis's levels; nothing for a number."""
    if column.dtype != "category":
        return ""
    return column.cat.categories.inferred_type


def joint_source(sources: Iterable[Mapping[str, Any]]) -> Source:
    """What pooled cells rest on.

    Parameters
    ----------
    sources : iterable of mapping
        That of each part.

    Returns
    -------
    Source
        Synthetic if any part is, of no kind if the kinds differ otherwise; the coarsest
        rounding.

    Examples
    --------
    >>> first = {"id": "a", "kind": "real", "label": "A"}
    >>> second = {"id": "b", "kind": "real", "label": "B"}
    >>> joint_source([first, second])
    {'id': 'a+b', 'kind': 'real', 'label': 'A and B'}
    """
    different = list(dict.fromkeys(map(Source.of, sources)))
    if len(different) == 1:
        return different[0]
    joint: dict[str, Any] = {}
    roundings = [source.rounding for source in different if source.rounding]
    if roundings:
        joint["rounding"] = max(roundings)
    joint["id"] = "+".join(str(source.id) for source in different)
    joint["kind"] = _joint_kind(different)
    joint["label"] = " and ".join(str(source.label) for source in different)
    return Source(joint)


def _joint_kind(sources: Sequence[Source]) -> str | None:
    """The kind of evidence of several sources together."""
    kinds = {source.kind for source in sources}
    if "synthetic" in kinds:
        return "synthetic"
    return kinds.pop() if len(kinds) == 1 else None


def pooled_scatter(samples: Sequence[Sample], size: int) -> Scatter:
    """How the totals of several samples vary.

    Parameters
    ----------
    samples : sequence of Sample
    size : int
        The number of cells of all of them together.

    Returns
    -------
    Scatter
        Of a single sample its covariance matrix.

    Examples
    --------
    >>> import numpy as np
    >>> sample = Sample(np.array([1]), np.eye(2), 5.0, True)
    >>> pooled_scatter([sample], size=2).matrix.diagonal()
    array([0., 1., 0., 1.])
    """
    if len(samples) == 1:
        return SealedScatter(samples[0].spread_over(size))
    return PooledScatter(tuple(samples))
