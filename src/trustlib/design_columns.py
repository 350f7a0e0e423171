"""The columns of a sample design in a survey file: weights as numbers, strata and PSUs as they are.

They come under the names of the codebook: ``weight``, ``stratum``, ``psu``, ``fpc`` and
``weight_1`` ... ``weight_R``. Faults are collected, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from trustlib.answers import (
    BOTH_MARKS,
    code_of,
    kinds_of,
    means_missing,
    numbers_of,
    plain,
    spellings,
)
from trustlib.errors import one_line, unknown_name
from trustlib.masking import spoken_rows, unknown_column
from trustlib.rounding import people_in_words
from trustlib.stratified import LONELY_PSU
from trustlib.variance import REPLICATE_METHODS
from trustlib.weight_checks import LARGEST, SMALLEST

if TYPE_CHECKING:
    from trustlib.forms import Design

# In a mapping -> in a frame.
NAMES = {"weight": "weight", "strata": "stratum", "psu": "psu", "fpc": "fpc"}


def design_columns(
    raw: pd.DataFrame,
    design: Design,
    missing: dict[str, str],
    base: int | None = None,
) -> tuple[dict[str, pd.Series], list[str]]:
    """The columns that a mapping declares as those of its design.

    Parameters
    ----------
    raw : DataFrame
        The file; see `trustlib.files.read_table`.
    design : Design
        What the mapping says.
    missing : dict
        Answers that mean missing in any column.
    base : int, optional
        Numbers of people in faults are multiples of it.

    Returns
    -------
    columns : dict
        Name in the codebook -> column.
    faults : list of str

    Examples
    --------
    >>> import pandas as pd
    >>> from trustlib.forms import Design
    >>> raw = pd.DataFrame({"W": ["1.5", "2"]})
    >>> columns, faults = design_columns(raw, Design(weight="W"), {})
    >>> columns["weight"].tolist(), faults
    ([1.5, 2.0], [])
    """
    faults = _unknown_rules(design)
    columns: dict[str, pd.Series] = {}
    for own, column in _wanted(design).items():
        if column not in raw.columns:
            fault = unknown_column(column, raw.columns)
            faults.append(f"design: {one_line(fault, 999)}")
            continue
        of_column = raw.attrs.get("missing", {}).get(column, [])
        signed = own.startswith("weight_") and design.replicate_scale is not None
        reading = _Reading(
            raw[column],
            own,
            declared=[*missing, *of_column],
            decimal=raw.attrs.get("decimal", "."),
            signed=signed,
            base=base,
            blank=design.weight_blank if own == "weight" else None,
        )
        if own in ("stratum", "psu"):
            columns[own], more = reading.units()
        else:
            columns[own], more = reading.numbers()
        faults += more
    return columns, faults


def _unknown_rules(design: Design) -> list[str]:
    """Rules of the design that do not exist."""
    rules: list[tuple[str, str | None, Sequence[str]]] = [
        ("lonely-PSU rule", design.lonely_psu, LONELY_PSU),
        ("replicate method", design.replicate_method, REPLICATE_METHODS),
    ]
    return [
        f"design: {one_line(unknown_name(kind, rule, allowed))}"
        for kind, rule, allowed in rules
        if rule is not None and rule not in allowed
    ]


def _wanted(design: Design) -> dict[str, str]:
    """Name in the codebook -> column of the file."""
    wanted = {}
    for key, own in NAMES.items():
        column = getattr(design, key)
        if column is not None:
            wanted[own] = column
    for i, column in enumerate(design.replicate_weights, 1):
        wanted[f"weight_{i}"] = column
    return wanted


@dataclass(frozen=True)
class _Reading:
    """One column of a design, as the file holds it."""

    column: pd.Series
    own: str  # its name in the codebook
    declared: list[Any]  # answers that mean missing
    decimal: str
    signed: bool  # its numbers may be below zero
    base: int | None  # numbers of people in faults are multiples of it
    blank: int | None = None  # the number of people who have none

    @property
    def place(self) -> str:
        """Where a fault is."""
        return f"{self.column.name} ({self.own})"

    def units(self) -> tuple[pd.Series, list[str]]:
        """Strata or PSUs, texts in one form; a text that means missing is none."""
        column = self.column
        values = column.dropna().unique()
        absent = [value for value in values if means_missing(value)]
        blank = column.isna() | column.isin(absent)
        blank |= self._declared_missing()
        faults = []
        if blank.any():
            people = people_in_words(int(blank.sum()), self.base)
            faults.append(
                f"design: {people} people have no value in column {self.place}, "
                f"or one that means missing, {spoken_rows(blank)}"
            )
        kinds = kinds_of(values)
        if len(kinds) > 1:
            mixed = " and ".join(kinds)
            faults.append(f"design: column {self.place} mixes {mixed}")
        texts = [value for value in values if isinstance(value, str)]
        changed = {text: plain(text) for text in texts if plain(text) != text}
        if changed:
            column = column.astype(object).replace(changed)
        return column, faults

    def _declared_missing(self) -> pd.Series:
        """Who has an answer that the mapping or the file declares missing."""
        names = {plain(str(answer)) for answer in self.declared}
        lost = []
        for value in self.column.dropna().unique():
            named = names & {*spellings(value), code_of(value)}
            if value in self.declared or named:
                lost.append(value)
        return self.column.isin(lost)

    def numbers(self) -> tuple[pd.Series, list[str]]:
        """Weights or population sizes as numbers."""
        column = self.column
        try:
            number = numbers_of(column, self.decimal)
        except ValueError:
            return column, [f"design: column {column.name} {BOTH_MARKS}"]
        missing = numbers_of(pd.Series(self.declared, dtype=object)).dropna()
        lost = number.isin(missing)
        faults = []
        if lost.any():
            people = people_in_words(int(lost.sum()), self.base)
            faults.append(
                f"design: {people} values of {self.place} are declared missing, "
                f"{spoken_rows(lost)}"
            )
        if self.blank is not None:
            texts = column.astype(object).where(column.notna(), "").astype(str)
            number = number.mask(texts.str.strip() == "", self.blank)
        unknown = number.isna()
        if unknown.any():
            people = self._how_many(int(unknown.sum()))
            faults.append(
                f"design: {people} values of {column.name} are blank or not numbers, "
                f"{spoken_rows(unknown)}"
            )
        absurd = self._absurd(number)
        if self.own != "fpc" and absurd.any():
            people = self._how_many(int(absurd.sum()))
            faults.append(
                f"design: {people} values of {self.place} are negative or absurd; "
                f"weights are 0 or more ({spoken_rows(absurd)})"
            )
        return number, faults

    def _how_many(self, values: int) -> str:
        """How many values are to be mended: exactly, unless the source is rounded."""
        if self.base is None:
            return str(values)
        return people_in_words(values, self.base)

    def _absurd(self, number: pd.Series) -> pd.Series:
        """Numbers that cannot be weights."""
        size = number.abs() if self.signed else number
        possible = (number == 0) | size.between(SMALLEST, LARGEST)
        return number.notna() & ~possible
