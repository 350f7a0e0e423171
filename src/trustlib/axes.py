"""An axis of cells: observed levels in order, of one kind, or finite numbers.

A category stays one, a text becomes one, a number stays a number. Levels are texts,
numbers or booleans; all others, such as intervals and dates, become texts. Texts that
are the same in the Unicode form NFC are one level.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

from trustlib.answers import in_one_form, kinds_of
from trustlib.errors import DesignError


def axis_values(column: pd.Series, name: str) -> pd.Series:
    """An axis with its observed levels in order.

    Parameters
    ----------
    column : Series
        Without missing values.
    name : str
        For messages.

    Returns
    -------
    Series
        Floats, or a category.

    Raises
    ------
    DesignError
        It mixes kinds, holds numbers that are not finite, or levels without an order.

    Examples
    --------
    >>> import pandas as pd
    >>> axis_values(pd.Series(["woman", "man"]), "gender").cat.categories.tolist()
    ['man', 'woman']
    """
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        if is_complex_dtype(column) or not np.isfinite(column.astype(float)).all():
            raise _not_finite(name)
        return column.astype(float)
    if column.dtype == "category":
        category = column.cat.remove_unused_categories().cat.as_unordered()
    else:
        category = _sorted_category(column, name)
    levels = list(category.cat.categories)
    if not all(isinstance(level, str) for level in levels):
        return _plain_levels(category, name)
    return _renamed(category, [in_one_form(level) for level in levels])


def _not_finite(name: str) -> DesignError:
    return DesignError(
        f"The axis {name!r} holds numbers that are not finite.",
        "Recode them as missing.",
    )


def _sorted_category(column: pd.Series, name: str) -> pd.Series:
    """Values without an order of their own as a category of sorted levels of one kind."""
    codes, distinct = pd.factorize(column)
    levels = list(distinct.astype(object))
    kinds = kinds_of(levels)
    if len(kinds) > 1:
        raise DesignError(
            f"The axis {name!r} mixes {' and '.join(kinds)}.",
            "Make it one kind, such as texts.",
        )
    if len({type(level) for level in levels}) > 1:
        levels = [float(level) for level in levels]  # whole numbers among others
    if not all(_is_finite(level) for level in levels):
        raise _not_finite(name)
    try:
        ordered = sorted(levels)
    except TypeError:
        raise DesignError(
            f"The levels of the axis {name!r} cannot be put in order.",
            "Make them texts, or a category with its levels in order.",
        ) from None
    category = pd.Categorical.from_codes(codes, levels).reorder_categories(ordered)
    return pd.Series(category, column.index)


def _is_finite(level: Any) -> bool:
    """Whether a level is no number, or one that is finite."""
    return not isinstance(level, float) or bool(np.isfinite(level))


def _plain_levels(category: pd.Series, name: str) -> pd.Series:
    """Levels that are not all texts: numbers or booleans as they are, others as texts."""
    levels = category.cat.categories
    if levels.inferred_type in ("integer", "floating", "boolean"):
        return category
    texts = list(map(str, levels))
    if len(set(texts)) < len(texts):
        raise DesignError(
            f"Two levels of the axis {name!r} are the same as texts.",
            "Rename one of them.",
        )
    return category.cat.rename_categories(texts)


def _renamed(category: pd.Series, names: list[str]) -> pd.Series:
    """A category with other names of its levels; those of the same name become one."""
    if names == list(category.cat.categories):
        return category
    distinct = list(dict.fromkeys(names))
    place = np.array([*(distinct.index(name) for name in names), -1])
    codes = place[category.cat.codes.to_numpy()]  # -1 stays -1
    return pd.Series(pd.Categorical.from_codes(codes, distinct), category.index)
