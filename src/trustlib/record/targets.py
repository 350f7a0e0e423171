r"""What made-up people must honour: the printed figures as conditions, read from ``targets.yml`` and checked.

The file holds facts (people per wave and country, where maximum entropy starts, seed,
spread of the weights), the printed figures, and our choices where only a direction or
an order is printed. `Target` is one condition, `Plan` is all of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import (
    CodebookError,
    one_line,
    raise_faults,
    require_names,
)
from trustlib.expressions import tokens
from trustlib.schema import load_yaml
from trustlib.variance import Array

FOLDER = Path("data/synthetic")  # below the working directory
ANSWERS = ("no", "yes", "none")
AXES: dict[str, tuple[str, ...]] = {
    "gender": ("man", "woman", "non-binary"),
    "ethnicity": ("majority", "minority"),
    "disability": ("not disabled", "disabled"),
    "lgbtq": ("no", "yes"),
    "trans": ("no", "yes"),
    "age_band": ("under 65", "65+"),
    "provider": ANSWERS,
    "system": ANSWERS,
}
LEVELS = AXES | {"marginalised": ("no", "yes"), "any": ANSWERS}
QUESTIONS = ("provider", "system", "any")
COMPARISONS = ("=", ">", ">=", "<")
HALF_WIDTH = {
    "count": 0.0,
    "percent": 0.5,
    "points": 1.0,
    "ratio": 0.5,
    "order": 0.0,
}
LISTS = ("targets", "choices")
REQUIRED = (
    "source",
    "seed",
    "waves",
    "start",
    "asked_of_all",
    "spread",
    "regions",
    *LISTS,
)


@dataclass(frozen=True)
class Target:
    """A printed figure as a condition on people (count) or on weighted answers.

    Attributes
    ----------
    id : str
        As in ``data/published/figures.csv``.
    wave : tuple of int
    statistic : str
        ``count``, ``percent``, ``points``, ``ratio`` or ``order``.
    group : str
        Such as ``gender == "woman" and lgbtq == "yes"``, or ``all``.
    item : tuple of str
        The question; several of them for an order.
    countries : tuple of str
        Empty: all of the wave.
    versus : str
        The group that points or a ratio are measured from.
    comparison : str
        ``=``, ``>``, ``>=`` or ``<``.
    value, half_width : float
        People or percent, and the rounding.
    reading, refused : str
        How the figure is read, and why it is not met, if it is not.

    Examples
    --------
    >>> Target("R24-017", (2024,), "percent", "all", ("provider",), value=58.0).value
    58.0
    """

    id: str
    wave: tuple[int, ...]
    statistic: str
    group: str
    item: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    versus: str = ""
    comparison: str = "="
    value: float = 0.0
    half_width: float = 0.0
    reading: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Plan:
    """The content of ``targets.yml``: its facts, the printed figures and our choices.

    Examples
    --------
    >>> people = Target("P-1", (2024,), "count", "all", value=100.0)
    >>> few = Target("P-2", (2024,), "count", "all", value=99.0, refused="a misprint")
    >>> plan = Plan({}, (people, few), ())
    >>> [target.id for target in plan.of(2024, "count")]
    ['P-1']
    """

    facts: dict[str, Any]
    targets: tuple[Target, ...]
    choices: tuple[Target, ...]

    def of(self, wave: int, *statistics: str) -> list[Target]:
        """The equations of these statistics that a wave is held to, ours included."""
        return [
            target
            for target in (*self.targets, *self.choices)
            if target.comparison == "="
            and not target.refused
            and target.wave == (wave,)
            and target.statistic in statistics
        ]

    def exact(self, wave: int) -> list[Target]:
        """The counts that are printed to the person."""
        counts = self.of(wave, "count")
        return [target for target in counts if target.half_width == 0]


def load_targets(path: str | Path = FOLDER / "targets.yml") -> Plan:
    """Read and check ``targets.yml``.

    Parameters
    ----------
    path : path

    Returns
    -------
    Plan

    Raises
    ------
    CodebookError
        Lists every fault: unknown keys, waves, countries, groups or levels, values out
        of range, counts that contradict each other.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> text = '''
    ... {source: made up, seed: 1, start: {}, asked_of_all: [], spread: 0, regions: 1,
    ...  waves: {2024: {people: {UK: 100}}}, choices: [], targets: [
    ...  {id: P-1, wave: 2024, statistic: percent, group: all, item: any, value: 60}]}
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "targets.yml")
    ...     _ = file.write_text(text)
    ...     plan = load_targets(file)
    >>> plan.targets[0].half_width
    0.5
    """
    raw = load_yaml(path)
    if not isinstance(raw, dict) or not set(REQUIRED) <= set(raw):
        raise CodebookError(
            f"{path} does not hold the keys {', '.join(REQUIRED)}.",
            "See data/synthetic/targets.yml.",
        )
    faults: list[str] = []
    targets, choices = (_usable(raw, key, faults) for key in LISTS)
    raise_faults(
        CodebookError,
        f"{path} has targets that cannot be used",
        faults,
        "Correct these entries.",
    )
    facts = {key: value for key, value in raw.items() if key not in LISTS}
    return Plan(facts, targets, choices)


def _usable(raw: Mapping[str, Any], key: str, faults: list[str]) -> tuple[Target, ...]:
    """The entries of a list as targets; what is wrong with them goes to `faults`."""
    usable = []
    for place, entry in enumerate(raw[key] or (), 1):
        name = f"{key}, entry {place}"
        if isinstance(entry, dict):
            name = str(entry.get("id"))
        try:
            target = _target(entry)
            reasons = _impossible(target, raw["waves"])
        except (KeyError, TypeError, ValueError) as error:
            reasons = [one_line(error)]
        else:
            usable.append(target)
        faults += [f"{name}: {reason}" for reason in reasons]
    return tuple(usable)


def _target(entry: dict[str, Any]) -> Target:
    """An entry as a target, lists as tuples and numbers as numbers."""
    require_names("key", entry, Target.__dataclass_fields__)
    require_names("statistic", [entry.get("statistic")], HALF_WIDTH)
    values: dict[str, Any] = {"value": 0}
    values["half_width"] = HALF_WIDTH[entry["statistic"]]
    values |= entry
    for name in ("wave", "item", "countries"):
        if name in entry:
            values[name] = tuple(np.atleast_1d(values[name]).tolist())
    for name in ("value", "half_width"):
        values[name] = float(values[name])
    return Target(**values)


def _impossible(target: Target, waves: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Every reason why a target makes no sense."""
    require_names("wave", target.wave, waves)
    interviewed = [
        country_and_people
        for wave in target.wave
        for country_and_people in waves[wave]["people"].items()
    ]
    require_names("country of the wave", target.countries, dict(interviewed))
    require_names("comparison", [target.comparison], COMPARISONS)
    _require_groups(target)
    is_count = target.statistic == "count"
    compares = target.statistic in ("points", "ratio")
    faults = []
    if bool(target.versus) != compares or bool(target.item) == is_count:
        faults.append(
            "points and ratio, and nothing else, have a versus; "
            "all but a count have an item."
        )
    if is_count:
        return faults + _impossible_count(target, interviewed)
    least = -100 if target.statistic == "points" else 0
    if not least <= target.value <= 100:
        faults.append(f"a {target.statistic} of {target.value:g} is out of range.")
    return faults


def _require_groups(target: Target) -> None:
    """Raise unless the groups of a target can be read: tried on a table without rows."""
    empty = pd.DataFrame({"country": pd.Categorical([])})
    for axis, levels in LEVELS.items():
        empty[axis] = pd.Categorical([], categories=list(levels))
    for group in (target.group, target.versus):
        if group:
            in_group(group, empty)


def _impossible_count(
    target: Target, interviewed: Iterable[tuple[str, int]]
) -> list[str]:
    """Why that many people cannot be in a group of those who were interviewed."""
    most = sum(
        people
        for country, people in interviewed
        if not target.countries or country in target.countries
    )
    everybody = target.group == "all" and target.comparison == "="
    another_total = everybody and abs(most - target.value) > target.half_width
    if target.refused or not (another_total or target.value > most):
        return []
    return [f"{target.value:g} people, but the waves have {most}."]


def members(target: Target, table: pd.DataFrame) -> Array:
    """Say which rows of a table are in the group and the countries of a target.

    Parameters
    ----------
    target : Target
    table : DataFrame (m rows)

    Returns
    -------
    bool array (m,)

    Examples
    --------
    >>> import pandas as pd
    >>> target = Target("P-1", (2024,), "count", "all", countries=("UK",), value=1.0)
    >>> members(target, pd.DataFrame({"country": ["UK", "US"]})).tolist()
    [True, False]
    """
    return in_group(target.group, table, target.countries)


def in_group(group: str, table: pd.DataFrame, countries: Sequence[str] = ()) -> Array:
    """Say which rows of a table, of cells or of people, are in a group.

    Parameters
    ----------
    group : str
        Comparisons of an axis with one of its levels, joined by and, or and not; or
        ``all``.
    table : DataFrame (m rows)
        With the axes as columns.
    countries : sequence of str
        Those that count; by default all.

    Returns
    -------
    bool array (m,)

    Raises
    ------
    CodebookError
        The text is no group.
    UnknownNameError
        It names an axis or a level that does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"gender": ["man", "woman"], "lgbtq": ["no", "no"]})
    >>> in_group('gender == "woman" and not lgbtq == "yes"', people).tolist()
    [False, True]
    """
    inside = np.full(len(table), not countries)
    for country in countries:
        inside |= (table["country"] == country).to_numpy(bool)
    if group == "all":
        return inside
    try:
        tokens(str(group))  # nothing that is too long or too deep for a parser
        tree = ast.parse(str(group).strip(), mode="eval")
        return inside & _true_rows(tree.body, table)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CodebookError(
            f"{group!r} is no group.",
            'Write all, or gender == "woman" and lgbtq == "yes".',
        ) from None


def _true_rows(node: ast.expr, table: pd.DataFrame) -> Array:
    """The rows for which a part of an expression is true; ValueError if it is none."""
    match node:
        case ast.BoolOp(ast.And(), parts):
            return np.logical_and.reduce([_true_rows(part, table) for part in parts])
        case ast.BoolOp(ast.Or(), parts):
            return np.logical_or.reduce([_true_rows(part, table) for part in parts])
        case ast.UnaryOp(ast.Not(), part):
            return ~_true_rows(part, table)
        case ast.Compare(
            ast.Name(axis),
            [ast.Eq()],
            [ast.Constant(str(level))],
        ):
            require_names("axis", [axis], LEVELS)
            require_names(f"level of {axis}", [level], LEVELS[axis])
            return (table[axis] == level).to_numpy(bool)
    raise ValueError
