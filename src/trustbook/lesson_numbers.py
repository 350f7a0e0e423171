"""The numbers of a lesson, computed from committed cells, what is stored beside them, and the record.

The file of a lesson names each number once; its page, its exercises and its tests use
the name. A number is one of these::

    both:                # a weighted share of sealed cells; its interval is by replicate weights
                         # where one is stored, else by Taylor linearisation
      {cells: hints7/discriminated-ethnicity-disability, group: {ethnicity: minority, disability: disabled}}
    people:              # another column of the same row: n or n_eff; what part a group is
      {cells: ..., group: {...}, column: n}    # of all people or of all weights: of_people, of_weights
    contrast:            # a row of replicates.csv
      {stored: hints7/discriminated-ethnicity-disability, table: interaction, row: {measure: reri_rr, method: delta}}
    polled:              # a published figure of the record, or of another file: file/id
      {printed: R24-017}
    gap:                 # what follows from those above
      {equals: both - neither, format: points}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.calculation import Calculation, computed, names_in
from trustbook.findings import FORMATS, published_figure
from trustbook.lesson_forms import NumberForm
from trustbook.replicates import FILE, read_stored
from trustlib.cells import Cells
from trustlib.errors import CodebookError, require_names
from trustlib.estimates import Estimates
from trustlib.levels import cell_means
from trustlib.record.printed import load_figures

RECORD = "figures"  # the file of the polling's figures in data/published
# What may stand behind the name of a number in a text, beside a style.
WAYS = ("interval", "ends", "check")
NOTE = " (computed before rounding; the shown numbers give {})"
PARTS = {"of_people": "n", "of_weights": "sum_w"}
# Half a unit of the last digit that a table shows, before the factor of the format.
HALVES = {
    "percent": 0.0005,
    "points": 0.0005,
    "ratio": 0.005,
    "odds": 0.005,
    "count": 0.0,
    "whole": 0.0005,
}
SHOWN = {
    **FORMATS,
    "whole": (100, 0, " %"),  # a percentage that was printed without decimals
    "odds": (1, 2, ""),
    "bare": (100, 1, ""),
    "exact": (100, 2, " points"),
    "close": (100, 2, " %"),
    "close bare": (100, 2, ""),
    "hundred": (100, 0, ""),  # so many of a hundred people
    "plain": (1, 1, ""),
    "fine": (1, 3, ""),
}


@dataclass(frozen=True)
class Number:
    """A number with its interval, as shares, ratios or people.

    Attributes
    ----------
    value : float
    low, high : float
        Nan where there is no interval.
    format : str
        How it is shown.
    half : float
        Half a unit of the last digit that is shown.
    calculation : str
        Of other numbers; empty where it was read from a file.

    Examples
    --------
    >>> Number(0.238, 0.18, 0.30, "percent").shown()
    '23.8 %'
    >>> Number(0.238, 0.18, 0.30, "percent").shown(interval=True)
    '23.8 % (18.0 to 30.0)'
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    format: str = "percent"
    half: float = 0.0
    calculation: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether an interval is known."""
        return isfinite(self.low)

    @property
    def printed(self) -> float:
        """The value that the printed digits say."""
        factor, digits, _ = SHOWN[self.format]
        return round(self.value * factor, digits) / factor

    def shown(self, style: str = "", interval: bool = False) -> str:
        """How the number is printed."""
        text = shown(self.value, style or self.format)
        return f"{text} ({self.ends(style)})" if interval else text

    def ends(self, style: str = "") -> str:
        """How its interval is printed, without the number."""
        ends = [shown(end, style or self.format) for end in (self.low, self.high)]
        low, high = [end.partition(" ")[0] for end in ends]
        return f"{low} to {high}"


def shown(value: float, style: str) -> str:
    """A number in one of the styles of `SHOWN`.

    Examples
    --------
    >>> shown(-0.051, "points"), shown(1.744, "ratio"), shown(0.82, "whole")
    ('−5.1 points', '1.74', '82 %')
    """
    require_names("style of a number", [style], SHOWN)
    factor, digits, unit = SHOWN[style]
    text = f"{value * factor:,.{digits}f}{unit}"
    return text.replace("-", "−")


@dataclass(frozen=True)
class Numbers:
    """All numbers of a lesson, by name, in the order of its file.

    Attributes
    ----------
    numbers : mapping

    Examples
    --------
    >>> made = Numbers({"p": Number(0.5, half=0.0005), "twice": Number(1.0, calculation="2 * p")})
    >>> made.values()["twice"], sorted({round(v["twice"], 3) for v in made.as_printed(["twice"])})
    (1.0, [0.999, 1.0, 1.001])
    """

    numbers: Mapping[str, Number]

    def __getitem__(self, name: str) -> Number:
        require_names("number of this lesson", [name], self.numbers)
        return self.numbers[name]

    def values(self) -> dict[str, float]:
        """Each number without its interval."""
        return {name: number.value for name, number in self.numbers.items()}

    def printed(self) -> dict[str, float]:
        """Each number as its printed digits say it."""
        return {name: number.printed for name, number in self.numbers.items()}

    def said(self, text: str) -> str:
        """A number as a text names it: its name, then a style, and ways of `WAYS`.

        ``interval`` adds the interval, ``ends`` is the interval alone, and ``check`` says
        if the printed numbers give another last digit.

        Examples
        --------
        >>> p = Number(0.26, half=0.0005, format="whole")
        >>> q = Number(2 * 0.26499, calculation="2 * p", format="whole")
        >>> made = Numbers({"p": p, "q": q})
        >>> made.said("p bare"), made.said("q check")
        ('26.0', '53 % (computed before rounding; the shown numbers give 52 %)')
        """
        name, *words = text.split()
        style = " ".join(word for word in words if word not in WAYS)
        if "ends" in words:
            return self[name].ends(style)
        told = self[name].shown(style, "interval" in words)
        return told + self.note(name) if "check" in words else told

    def note(self, name: str) -> str:
        """What is said where the printed numbers give other digits; else nothing."""
        number = self[name]
        if not number.calculation:
            return ""
        again = shown(computed(number.calculation, self.printed(), name), number.format)
        return "" if again == number.shown() else NOTE.format(again)

    def as_printed(self, names: Iterable[str]) -> Iterator[dict[str, float]]:
        """The numbers that are printed alike: the ends of the rounding of some of them.

        What does not follow from them, and is none of them, keeps its value.
        """
        needed = self._needed(names)
        values = self.values()
        steps = {
            name: Calculation.read(number.calculation, values, name)
            for name, number in self.numbers.items()
            if number.calculation and name in needed
        }
        read = [n for n in needed if self[n].half and n not in steps]
        ends = [
            [values[name] + sign * self[name].half for sign in (-1, 0, 1)]
            for name in read
        ]
        for moved in product(*ends):
            alike = values | dict(zip(read, moved, strict=True))
            for name, calculation in steps.items():
                alike[name] = calculation.of(alike)
            yield alike

    def _needed(self, names: Iterable[str]) -> dict[str, None]:
        """Some numbers and all that they rest on, each once."""
        needed: dict[str, None] = {}
        for name in names:
            calculation = self[name].calculation
            if calculation:
                needed |= self._needed(names_in(calculation))
            needed[name] = None
        return needed


def make_numbers(forms: Mapping[str, NumberForm], data: Path) -> Numbers:
    """Compute the numbers of a lesson.

    Parameters
    ----------
    forms : mapping
        Name -> `NumberForm`.
    data : Path
        The folder with a folder of each source.

    Returns
    -------
    Numbers

    Raises
    ------
    CodebookError
        A number is not exactly one, or a calculation cannot be read.
    DisclosureError
        It rests on fewer than 10 people.
    """
    made: dict[str, Number] = {}
    for name, form in forms.items():
        values = {other: number.value for other, number in made.items()}
        made[name] = _number(name, form, data, values)
    return Numbers(made)


def files_of(forms: Mapping[str, NumberForm]) -> tuple[str, ...]:
    """The files from which numbers come, below the folder of data.

    Examples
    --------
    >>> files_of({"p": NumberForm(printed="R24-017"), "q": NumberForm(equals="1 - p")})
    ('published/figures.csv',)
    """
    files: dict[str, None] = {}
    for form in forms.values():
        if form.printed:
            file, slash, _ = form.printed.partition("/")
            if not slash:
                file = RECORD
            files[f"published/{file}.csv"] = None
        for place in (form.cells, form.stored):
            source, slash, cells = place.partition("/")
            if slash:
                files[f"{source}/{FILE}"] = None
                files[f"{source}/cells/{cells}.parquet"] = None
    return tuple(files)


def _number(
    name: str, form: NumberForm, data: Path, before: Mapping[str, float]
) -> Number:
    """One number; `before` are those above it in the file."""
    half = HALVES[form.format]
    if form.equals:
        value = computed(form.equals, before, f"number {name}")
        return Number(value, format=form.format, calculation=form.equals)
    if form.printed:
        return _printed(form, data / "published")
    if form.stored:
        row = _stored_row(name, form, data)
        ends = (float("nan"), float("nan"))
        if form.column == "estimate":
            ends = (float(row["conf_low"]), float(row["conf_high"]))
        return Number(float(row[form.column]), *ends, form.format, half)
    if form.cells:
        return _of_cells(name, form, data)
    raise CodebookError(
        f"Number {name} has neither cells, stored, printed nor equals.",
        "Say where it comes from, as trustbook.lesson_numbers tells.",
    )


def _printed(form: NumberForm, published: Path) -> Number:
    """A percentage that was published: of the record, or of another file, with its interval."""
    if "/" in form.printed:
        row = published_figure(form.printed, published)
        if form.column != "estimate":
            return Number(float(row[form.column]) / 100, format=form.format)
        low, high = (float(row[end]) / 100 for end in ("conf_low", "conf_high"))
        return Number(float(row["value"]) / 100, low, high, form.format)
    record = _record(published / f"{RECORD}.csv").set_index("id")
    require_names("published figure", [form.printed], record.index)
    value = float(record.loc[form.printed, "value"]) / 100
    return Number(value, format="whole", half=HALVES["whole"])


def _of_cells(name: str, form: NumberForm, data: Path) -> Number:
    """A column of the row of one group of some sealed cells."""
    source, _, cells = form.cells.partition("/")
    path = data / source / "cells" / f"{cells}.parquet"
    row = _group(path, form.group, name)
    require_names("column", [form.column], ["estimate", "n", "n_eff", *PARTS])
    if form.column in PARTS:
        part = _part(path, form.group, PARTS[form.column])
        return Number(part, format="percent", half=HALVES["percent"])
    value = float(row.frame[form.column].iloc[0])
    if form.column != "estimate":
        return Number(value, format="count")
    ends = _interval(data / source / FILE, cells, form.group)
    if ends is None:
        low, high = (float(row.frame[end].iloc[0]) for end in ("conf_low", "conf_high"))
    else:
        low, high = ends
    half = HALVES[form.format] if form.half is None else form.half
    return Number(value, low, high, form.format, half)


def _group(path: Path, group: Mapping[str, str], name: str) -> Estimates:
    """The one row of a group, which must pass the disclosure gate."""
    levels = _levels(path, tuple(group))
    for axis, level in group.items():
        levels = levels.where(f"{axis} == '{level}'")
    if len(levels) != 1:
        raise CodebookError(
            f"Number {name}: {dict(group)} names {len(levels)} groups, not one.",
            "Name a level of each axis.",
        )
    levels.require_showable()
    return levels


def _part(path: Path, group: Mapping[str, str], total: str) -> float:
    """What part a group is of all people, or of all weights."""
    frame = Cells.read(path).frame
    of_group = frame
    for axis, level in group.items():
        of_group = of_group[of_group[axis] == level]
    return float(of_group[total].sum() / frame[total].sum())


@lru_cache(maxsize=64)
def _levels(path: Path, axes: tuple[str, ...]) -> Estimates:
    return cell_means(Cells.read(path), by=list(axes))


@lru_cache(maxsize=4)
def _record(path: Path) -> pd.DataFrame:
    return load_figures(path)


@lru_cache(maxsize=4)
def _stored_rows(path: Path) -> pd.DataFrame:
    """Every row of replicates.csv, with what identifies it as a mapping."""
    rows = read_stored(path)
    facts = [_facts(str(row)) for row in rows["row"]]
    return rows.assign(facts=facts)


def _facts(row: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in row.split(";") if "=" in part)


def _interval(
    path: Path, cells: str, group: Mapping[str, str]
) -> tuple[float, float] | None:
    """The interval of a share by replicate weights; None where none is stored."""
    if not path.is_file():
        return None
    rows = _stored_rows(path)
    table = "levels" if group else "everyone"
    rows = rows[(rows["cells"] == cells) & (rows["table"] == table)]
    wanted = [dict(group)]
    if len(group) == 1:
        [(axis, level)] = group.items()
        wanted.append({"axis": axis, "level": level})
    rows = rows[[facts in wanted for facts in rows["facts"]]]
    if rows.empty:
        return None
    return float(rows["conf_low"].iloc[0]), float(rows["conf_high"].iloc[0])


def _stored_row(name: str, form: NumberForm, data: Path) -> Any:
    """The one row of replicates.csv that a number names."""
    source, _, cells = form.stored.partition("/")
    rows = _stored_rows(data / source / FILE)
    rows = rows[(rows["cells"] == cells) & (rows["table"] == form.table)]
    if form.model:
        rows = rows[rows["model"] == form.model]
    wanted = form.row.items()
    rows = rows[[wanted <= facts.items() for facts in rows["facts"]]]
    if len(rows) != 1:
        raise CodebookError(
            f"Number {name}: {form.row} picks {len(rows)} rows of {cells}, {form.table}, not one.",
            "Name every column that identifies the row, and the model.",
        )
    return rows.iloc[0]
