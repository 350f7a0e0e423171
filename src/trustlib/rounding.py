"""Rounding for a source that asks for it: no exact number of people is shown.

By default numbers are shown with all their digits, as reproduction needs them. An
office that must round says so once, in the mapping (``source: {rounding: 5}``). Then

* numbers of people are multiples of five wherever they are shown, in words as in tables;
* percentages are whole ones, and what follows from them has two decimals, because
  rounded numbers of people beside exact percentages would protect nobody;
* degrees of freedom are numbers of people too where people were drawn one by one. They
  are rounded down when cells are made, so that nothing computed from them knows more,
  and no interval becomes too short;
* cells are not written to a file that may leave: their totals and their covariance give
  the counts back (`require_no_exact_cells`).

Estimates are computed from the exact answers. So rounding hides numbers, not people: in
an unweighted table a whole percentage of a few dozen people leaves few counts possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trustlib.disclosure import MINIMUM, masked_count
from trustlib.errors import DisclosureError
from trustlib.sources import Source

if TYPE_CHECKING:
    import pandas as pd

ROUNDED = (
    "Rounded for this source: people to multiples of {base}, degrees of freedom down to "
    "them, percentages to whole ones, ratios and standard errors to two decimals."
)
PEOPLE = ("n", "n_eff")
DF = ("df", "df_den")
LEAST_ERROR = 0.01


def rounded_people(n: Any, base: int | None) -> Any:
    """Numbers of people as multiples of a base; where there is somebody, not zero.

    Parameters
    ----------
    n : number or array
    base : int, optional
        Without one nothing is rounded.

    Returns
    -------
    number or array

    Examples
    --------
    >>> float(rounded_people(1013, 5)), float(rounded_people(30, 100))
    (1015.0, 100.0)
    """
    if not base:
        return n
    given = np.asarray(n, dtype=float)
    nearest = base * np.round(given / base)
    return np.where(given > 0, np.maximum(nearest, base), nearest)


def rounded_df(df: Any, base: int | None) -> Any:
    """Degrees of freedom, down to a multiple of a base; fewer than the base stay.

    Parameters
    ----------
    df : number or array
    base : int, optional
        Without one nothing is rounded.

    Returns
    -------
    number or array

    Examples
    --------
    >>> float(rounded_df(1012, 5)), float(rounded_df(3, 5))
    (1010.0, 3.0)
    """
    if not base:
        return df
    given = np.asarray(df, dtype=float)
    down = base * np.floor(given / base)
    return np.where(given < base, given, down)


def people_in_words(n: int, base: int | None = None) -> str:
    """A number of people as it may be shown: small ones are masked, others rounded where asked for.

    Parameters
    ----------
    n : int
    base : int, optional

    Returns
    -------
    str

    Examples
    --------
    >>> people_in_words(4), people_in_words(1234), people_in_words(1234, base=5)
    ('fewer than 10', '1,234', '1,235')
    """
    if 0 < n < MINIMUM:
        return masked_count(n)
    return f"{int(rounded_people(n, base)):,}"


def df_in_words(df: float, base: int | None = None) -> str:
    """Degrees of freedom as they may be shown.

    Parameters
    ----------
    df : float
    base : int, optional

    Returns
    -------
    str

    Examples
    --------
    >>> df_in_words(1012), df_in_words(1012, base=5)
    ('1012', '1010')
    """
    return f"{float(rounded_df(df, base)):g}"


def df_of_people(units: int, strata: int, people: int, base: int | None) -> float:
    """Degrees of freedom of a sample; rounded down where its units are as good as people.

    Parameters
    ----------
    units : int
        Units that were drawn: people, or PSUs.
    strata : int
        What they were drawn from.
    people : int
    base : int, optional
        Where a unit holds fewer people than this on average, the number of units tells
        the number of people.

    Returns
    -------
    float

    Examples
    --------
    >>> df_of_people(1013, 4, 1013, base=5), df_of_people(61, 4, 1013, base=5)
    (1005.0, 57.0)
    """
    df = float(units - strata)
    if base and people < base * units:
        return float(rounded_df(df, base))
    return df


def rounded(frame: pd.DataFrame, base: int) -> pd.DataFrame:
    """Estimates as an office that must round shows them.

    Parameters
    ----------
    frame : DataFrame
        Columns of `Estimates.frame`, or of a term test.
    base : int

    Returns
    -------
    DataFrame
        Numbers of people as multiples of `base`, degrees of freedom down to them, and
        all that follows from percentages to two decimals, which of a proportion are
        whole percents. p-values keep three. A standard error is at least 0.01: with
        more decimals it would tell how many people are behind it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [33], "estimate": [0.1234], "std_error": [0.0456]})
    >>> rounded(frame, 5).to_dict("list")
    {'n': [35.0], 'estimate': [0.12], 'std_error': [0.05]}
    """
    changed: dict[str, Any] = {}
    for column in PEOPLE:
        if column in frame:
            changed[column] = rounded_people(frame[column], base)
    for column in DF:
        if column in frame:
            changed[column] = rounded_df(frame[column], base)
    if "std_error" in frame:
        exact = frame["std_error"]
        some = exact.round(2).clip(lower=LEAST_ERROR)
        changed["std_error"] = some.where(exact != 0, 0.0)
    digits = {}
    for column in frame.select_dtypes("float"):
        if column not in changed:
            digits[column] = 3 if column == "p_value" else 2
    return frame.round(digits).assign(**changed)


def require_no_exact_cells(source: Source, what: str) -> None:
    """Refuse to write exact totals of people whose numbers are to be rounded.

    Parameters
    ----------
    source : mapping, optional
        What the data are.
    what : str
        What was to be written, for the message.

    Raises
    ------
    DisclosureError
        The source asks for rounding.

    Examples
    --------
    >>> require_no_exact_cells(Source(kind="real"), "These cells")
    """
    base = source.rounding
    if base:
        raise DisclosureError(
            f"{what} are not written: their source asks for numbers of people rounded "
            f"to multiples of {base}, and totals with their covariance give the exact "
            "ones back.",
            "Show the estimates instead (table, publish, trustlib reproduce): these "
            "are rounded.",
        )
