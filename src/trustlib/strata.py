"""The strata of a design, with their PSUs and what was left unsampled.

Strata and PSUs are labels: everyone has one, of one kind, written in one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustlib.answers import kinds_of, means_missing, plain
from trustlib.errors import DesignError, LonelyPSUError
from trustlib.masking import spoken_units
from trustlib.rounding import people_in_words
from trustlib.stratified import LONELY_HINT, Array

STRATUM = "_stratum"
PSU = "_psu"
FPC = "_fpc"


@dataclass(frozen=True, eq=False)
class Strata:
    """The strata of the full design.

    Attributes
    ----------
    key : Index (H,)
        Their values; one 0 where there are no strata.
    n_psu : array (H,)
        PSUs in the sample.
    remaining : array (H,)
        1 - sampling fraction.

    Examples
    --------
    >>> Strata.unknown().remaining
    array([1.])
    """

    key: pd.Index
    n_psu: Array
    remaining: Array

    @classmethod
    def unknown(cls) -> Strata:
        """The strata of a design that only its replicate weights describe."""
        return cls(
            key=pd.Index([0]),
            n_psu=np.array([np.nan]),
            remaining=np.array([1.0]),
        )


def strata_of(
    units: pd.DataFrame,
    columns: Mapping[str, str],
    nest: bool,
    lonely_psu: str,
    base: int | None = None,
) -> Strata:
    """The strata with their PSUs.

    Parameters
    ----------
    units : DataFrame
        One row per stratum, PSU and fpc that occur, and ``n``, their people.
    columns : mapping
        ``_stratum``, ``_psu`` and ``_fpc``, those that there are -> column of the
        frame.
    nest, lonely_psu
        See `trustlib.design.SurveyDesign`.
    base : int, optional
        Numbers of people in messages are multiples of it.

    Returns
    -------
    Strata

    Raises
    ------
    DesignError
        Labels that are missing or ambiguous, an impossible fpc, a PSU in two strata.
    LonelyPSUError
        A stratum has one PSU, and `lonely_psu` is "fail".

    Examples
    --------
    >>> import pandas as pd
    >>> units = pd.DataFrame({"n": [3, 4, 5], "_stratum": ["a", "a", "b"]})
    >>> strata = strata_of(units, {"_stratum": "region"}, False, "fail")
    >>> strata.n_psu  # without PSUs each person is one
    array([7., 5.])
    """
    for own, role in ((STRATUM, "stratum"), (PSU, "psu")):
        if own in columns:
            _require_labels(units[own], units["n"], columns[own], role, base)
    stratum = np.zeros(len(units), int)
    if STRATUM in columns:
        stratum = units[STRATUM]
    grouped = units.groupby(stratum, observed=True)
    counts = grouped["n"].sum()
    if PSU in columns:
        counts = grouped.size()
    counts = counts.astype(float)
    n_psu = counts.to_numpy()
    remaining = np.ones(len(n_psu))
    if FPC in columns:
        remaining = _remaining(grouped, n_psu, columns[FPC])
    if PSU in columns and not nest:
        _require_one_stratum(units[PSU], columns[PSU])
    if lonely_psu == "fail":
        _require_company(counts, remaining)
    return Strata(counts.index, n_psu, remaining)


def _require_one_stratum(psu: pd.Series, column: str) -> None:
    """Refuse a PSU that lies in two strata."""
    again = psu[psu.duplicated()]
    if len(again):
        raise DesignError(
            f"A PSU of column {column!r} lies in more than one stratum.",
            "If PSU labels are reused in each stratum, give nest=True; "
            f"else the file has a fault.{spoken_units(again.unique())}",
        )


def _require_company(n_psu: pd.Series, remaining: Array) -> None:
    """Refuse strata with a single PSU that was sampled."""
    lonely = (n_psu.to_numpy() == 1) & (remaining > 0)
    if not lonely.any():
        return
    names = spoken_units(n_psu.index[lonely])
    raise LonelyPSUError(
        f"{lonely.sum()} of {len(n_psu)} strata have only one PSU, "
        "so their variance is unknown.",
        f"{LONELY_HINT}{names}",
    )


def _remaining(grouped: Any, n_psu: Array, column: str) -> Array:
    """1 - sampling fraction for each stratum."""
    population = grouped[FPC].first().to_numpy(float)
    varies = (grouped[FPC].nunique(dropna=False) > 1).any()
    if varies or not (population > 0).all():
        raise DesignError(
            f"Column {column!r} (fpc) is missing, not positive, "
            "or not constant within a stratum.",
            "Give each stratum one number: PSUs in its population, "
            "or the fraction sampled.",
        )
    fraction = population
    if not (population <= 1).all():
        fraction = n_psu / population
    if (fraction > 1).any():
        raise DesignError(
            f"Column {column!r} (fpc) gives some stratum fewer PSUs in the population "
            "than in the sample.",
            "Give the number of PSUs in its population, not of people in the sample.",
        )
    return 1 - fraction


def _require_labels(
    labels: pd.Series, people: pd.Series, column: str, role: str, base: int | None
) -> None:
    """Refuse strata or PSUs that are missing, of several kinds, or written in two ways."""
    distinct = list(labels.dropna().unique())
    absent = [label for label in distinct if means_missing(label)]
    lost = labels.isna() | labels.isin(absent)
    if lost.any():
        count = people_in_words(int(people[lost].sum()), base)
        raise DesignError(
            f"Some people ({count}) have no value in column {column!r} ({role}), "
            "or a text that means missing, such as NA.",
            "Everyone in the sample has one: mend the file, rename a label that is "
            "meant, or drop these people knowingly.",
        )
    kinds = kinds_of(distinct)
    if len(kinds) > 1:
        raise DesignError(
            f"Column {column!r} ({role}) mixes {' and '.join(kinds)}, "
            "so that one label may count as two.",
            "Make it one kind, such as texts.",
        )
    texts = [label for label in distinct if isinstance(label, str)]
    if len({plain(text) for text in texts}) < len(texts):
        raise DesignError(
            f"Column {column!r} ({role}) has labels that differ only in blanks "
            "at their ends, or in the Unicode form of a letter.",
            "Write each in one way, or read the file with read_survey.",
        )
