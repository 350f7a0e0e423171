r"""The true model of the stand-in: for each wave, how probable each kind of person is.

A wave has a table of cells (country, identities, 65+ or younger, answers to the provider
and to the system question, of which one may be missing). Of all tables that meet the
printed figures it is the one nearest to the start in relative entropy, so the
multipliers are its coefficients (`trustlib.record.entropy`). Later questions have a
probability :math:`\mathrm{logit}\,p = \mathrm{logit}\,q+\sum_j\lambda_j 1_j` over the
groups for which a figure is printed. Where nothing is printed, groups do not differ.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from trustlib.errors import require_file
from trustlib.record.entropy import tilt
from trustlib.record.targets import (
    AXES,
    FOLDER,
    QUESTIONS,
    Plan,
    Target,
    in_group,
    members,
)
from trustlib.variance import Array

INSIDE = 0.8  # the part of a rounding that the model uses, so that the file has room
FROM_PLAN = ("source", "spread", "regions", "asked_of_all")
SETTLED = 1e-7  # people


@dataclass(frozen=True)
class Equation:
    """A printed figure as a linear condition on a table of C cells."""

    name: str
    row: Array  # (C,)
    total: float
    slack: float = 0.0


def load_model(path: str | Path = FOLDER / "true_model.json") -> dict[str, Any]:
    """Read the stored true model.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        As `true_model`.

    Raises
    ------
    MissingFileError

    Examples
    --------
    >>> load_model("elsewhere.json")
    Traceback (most recent call last):
    trustlib.errors.MissingFileError: There is no true model elsewhere.json.
    Make it with `trustlib simulate`.
    """
    path = require_file(path, "true model", "Make it with `trustlib simulate`.")
    return json.loads(path.read_text(encoding="utf-8"))


@threadpool_limits.wrap(limits=1)
def true_model(plan: Plan) -> dict[str, Any]:
    """Solve the maximum-entropy problem of each wave.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    dict
        What ``true_model.json`` holds. For each wave: ``people`` per country;
        ``multipliers`` of the figures; ``cells`` (one digit per axis, the level's place)
        with their ``probability``; ``later``: for each later question its start and the
        coefficients, on the logit scale, of the groups it differs by.

    Raises
    ------
    CodebookError
        No population meets all targets; those missed most are named.

    Examples
    --------
    >>> chances = {"woman": 0.5, "non-binary": 0.01, "lgbtq": 0.1, "trans": 0.05}
    >>> chances |= {"disabled": 0.2, "65+": 0.2, "no answer": 0.01}
    >>> chances |= {"provider": 0.5, "system": 0.5, "any": 0.6}
    >>> wave = {"people": {"UK": 100}, "ethnicity_asked": ["UK"], "minority": 0.2}
    >>> facts = {"source": {}, "spread": 0.4, "regions": 2, "asked_of_all": []}
    >>> facts |= {"start": chances, "waves": {2024: wave}}
    >>> women = Target("P-1", (2024,), "count", 'gender == "woman"', value=60.0)
    >>> model = true_model(Plan(facts, (women,), ()))
    >>> table = model_cells(model, "2024")
    >>> table["p"] = model["waves"]["2024"]["probability"]
    >>> round(float(table.loc[table["gender"] == "woman", "p"].sum()), 6)
    0.6
    """
    model: dict[str, Any] = {name: plan.facts[name] for name in FROM_PLAN}
    model["no_answer"] = plan.facts["start"]["no answer"]
    model["axes"] = {axis: list(levels) for axis, levels in AXES.items()}
    model["waves"] = {}
    for wave in plan.facts["waves"]:
        model["waves"][str(wave)] = _wave_model(plan, wave)
    return model


def model_cells(model: Mapping[str, Any], wave: str) -> pd.DataFrame:
    """Read the cells of a wave of the stored model.

    Parameters
    ----------
    model : mapping
        From `true_model` or `load_model`.
    wave : str

    Returns
    -------
    DataFrame
        Country, axes, `marginalised` and `any`, a row for each cell.

    Examples
    --------
    >>> axes = {"gender": ["man", "woman"], "ethnicity": ["majority", "minority"]}
    >>> axes |= {"disability": ["not disabled", "disabled"], "lgbtq": ["no", "yes"]}
    >>> axes |= {"provider": ["no", "yes", "none"], "system": ["no", "yes", "none"]}
    >>> waves = {"2024": {"people": {"UK": 9, "US": 9}, "cells": ["1000020"]}}
    >>> cells = model_cells({"axes": axes, "waves": waves}, "2024")
    >>> cells[["country", "gender", "provider", "marginalised", "any"]].values.tolist()
    [['US', 'man', 'none', 'no', 'none']]
    """
    stored = model["waves"][wave]
    places = [list(code) for code in stored["cells"]]
    digits = np.array(places).astype(np.int8)
    levels = {"country": list(stored["people"])} | model["axes"]
    columns = {}
    for i, (axis, names) in enumerate(levels.items()):
        columns[axis] = pd.Categorical.from_codes(digits[:, i], names)
    return _with_derived(pd.DataFrame(columns))


def rate_among(target: Target, group: str, table: pd.DataFrame, x: Array) -> float:
    """Share of yes to a target's question among those of a group who answered.

    Parameters
    ----------
    target : Target
    group : str
        Its group, or the one that it is compared with.
    table : DataFrame (C rows)
    x : array (C,)
        People or probability of each row.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> target = Target("P-1", (2024,), "percent", "all", ("any",), value=60.0)
    >>> table = pd.DataFrame({"any": ["no", "yes", "none"]})
    >>> rate_among(target, "all", table, np.array([40.0, 60.0, 5.0]))
    0.6
    """
    answer = table[target.item[0]].to_numpy()
    inside = in_group(group, table, target.countries)
    answered = inside & (answer != "none")
    yes = answered & (answer == "yes")
    return float(x[yes].sum() / x[answered].sum())


def score(target: Target, table: pd.DataFrame, group: str, rate: float) -> Array:
    """Answer less rate for everyone in a group who answered, else zero.

    Its sum is zero where the share of yes is the rate.

    Parameters
    ----------
    target : Target
    table : DataFrame (C rows)
    group : str
        Its group, or the one that it is compared with.
    rate : float

    Returns
    -------
    array (C,)

    Examples
    --------
    >>> import pandas as pd
    >>> target = Target("P-1", (2024,), "percent", "all", ("any",), value=60.0)
    >>> table = pd.DataFrame({"any": ["no", "yes", "none"]})
    >>> score(target, table, "all", 0.6).tolist()
    [-0.6, 0.4, 0.0]
    """
    answer = table[target.item[0]]
    yes = (answer == "yes").to_numpy()
    no = (answer == "no").to_numpy()
    inside = in_group(group, table, target.countries)
    return np.where(inside & (yes | no), yes - rate, 0.0)


def _wave_model(plan: Plan, wave: int) -> dict[str, Any]:
    """One wave as it is stored."""
    facts = plan.facts["waves"][wave]
    cells, start = _cells(plan, wave)
    seen, often = _observed(cells, plan.facts["start"]["no answer"])
    x, multipliers = _nearest(plan, wave, start, seen, often)
    seen["x"] = np.outer(often, x).ravel()
    axes = list(seen.columns[:-1])
    kinds = seen.groupby(axes, sort=False, as_index=False, observed=True)
    merged = kinds["x"].sum()
    table = merged.drop(columns="x")
    x = merged["x"].to_numpy()
    later = {}
    for question in _later_questions(plan, wave):
        later[question] = _later(plan, wave, question, table, x)
    return {
        "people": facts["people"],
        "ethnicity_asked": facts["ethnicity_asked"],
        "multipliers": multipliers,
        "cells": _codes(table, {"country": tuple(facts["people"])} | AXES),
        "probability": [_nine_digits(p) for p in x / x.sum()],
        "later": later,
    }


def _codes(table: pd.DataFrame, levels: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Each cell as one digit per axis, the place of its level."""
    digits = pd.DataFrame(index=table.index)
    for axis, names in levels.items():
        column = pd.Categorical(table[axis], categories=list(names))
        digits[axis] = column.codes.astype(str)
    return digits.sum(axis=1).tolist()


def _nine_digits(value: float) -> float:
    return float(f"{value:.9g}")


# -- where entropy starts --------------------------------------------------------------


def _cells(plan: Plan, wave: int) -> tuple[pd.DataFrame, Array]:
    """The cells of a wave that can hold people, and the product distribution to start from."""
    people = plan.facts["waves"][wave]["people"]
    axes = AXES | {"provider": ("no", "yes"), "system": ("no", "yes")}
    combinations = itertools.product(people, *axes.values())
    table = pd.DataFrame(combinations, columns=["country", *axes])
    q = table["country"].map(people).to_numpy(float)
    for chance in _chances(plan, wave, table):
        q = q * chance
    possible = q > 0
    share = q[possible] / q.sum()
    cells = table[possible].reset_index(drop=True)
    return cells, share * sum(people.values())


def _chances(plan: Plan, wave: int, table: pd.DataFrame) -> list[Array]:
    """The chance of each axis' level in each cell, given the axes before; of both answers together."""
    facts = plan.facts["waves"][wave]
    start = plan.facts["start"]
    gender = {"woman": start["woman"], "non-binary": start["non-binary"]}
    gender["man"] = 1 - start["woman"] - start["non-binary"]
    asked = table["country"].isin(facts["ethnicity_asked"])
    second_level = {
        "ethnicity": np.where(asked, facts["minority"], 0.0),
        "lgbtq": np.where(table["gender"] == "non-binary", 1.0, start["lgbtq"]),
        "trans": np.where(table["lgbtq"] == "yes", start["trans"], 0.0),
        "disability": start["disabled"],
        "age_band": start["65+"],
    }
    chances = [table["gender"].map(gender).to_numpy()]
    for axis, p in second_level.items():
        has_second = table[axis] == AXES[axis][1]
        chances.append(np.where(has_second, p, 1 - p))
    provider = start["provider"]
    system = start["system"]
    either = start["any"]
    joint = {
        ("yes", "yes"): provider + system - either,
        ("yes", "no"): either - system,
        ("no", "yes"): either - provider,
        ("no", "no"): 1 - either,
    }
    answers = zip(table["provider"], table["system"], strict=True)
    chances.append(np.array([joint[both] for both in answers]))
    return chances


def _observed(table: pd.DataFrame, none: float) -> tuple[pd.DataFrame, Array]:
    """What is seen of each cell: both answers, only the system's, only the provider's; how often (3,)."""
    only_system = table.assign(provider="none")
    only_provider = table.assign(system="none")
    views = [table, only_system, only_provider]
    seen = _with_derived(pd.concat(views, ignore_index=True))
    often = np.array([1 - 2 * none, none, none])
    return seen.astype("category"), often


def _with_derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add `marginalised` (footnote 5 of the report) and `any`.

    `any` is missing if a `no` stands beside a missing answer.
    """
    marginalised = table["gender"] == "woman"
    marginalised |= table["ethnicity"] == "minority"
    marginalised |= table["disability"] == "disabled"
    marginalised |= table["lgbtq"] == "yes"
    provider = table["provider"].to_numpy()
    system = table["system"].to_numpy()
    yes = (provider == "yes") | (system == "yes")
    none = (provider == "none") | (system == "none")
    return table.assign(
        marginalised=np.where(marginalised, "yes", "no"),
        any=np.select([yes, none], ["yes", "none"], "no"),
    )


# -- what is printed of identities and of the two questions ------------------------------


def _nearest(
    plan: Plan, wave: int, start: Array, seen: pd.DataFrame, often: Array
) -> tuple[Array, list[list]]:
    """The table of a wave, and the multiplier of each equation by name.

    Sizes of groups and rates of others, which equations take from the table, settle in a
    few rounds.
    """
    x = start
    before = np.zeros_like(start)
    while np.abs(x - before).max() > SETTLED:
        before = x
        people = np.outer(often, x).ravel()
        equations = _equations(plan, wave, seen, people)
        names = [equation.name for equation in equations]
        rows = np.array([equation.row for equation in equations])
        totals = np.array([equation.total for equation in equations])
        slack = np.array([equation.slack for equation in equations])
        by_view = rows.reshape(len(rows), 3, -1)
        expected = np.tensordot(by_view, often, axes=(1, 0))
        x, multipliers = tilt(start, expected, totals, slack, names)
    pairs = zip(names, multipliers, strict=True)
    return x, [[name, _nine_digits(multiplier)] for name, multiplier in pairs]


def _equations(plan: Plan, wave: int, seen: pd.DataFrame, x: Array) -> list[Equation]:
    """All figures on identities and on the two questions.

    The slack of a rate, and the rate that a gap is measured from, are those of the table
    `x`.
    """
    counts = plan.exact(wave)
    shares = plan.of(wave, "percent")
    exact = {target.id for target in counts}
    printed = set(map(_level, shares))
    equations = []
    interviewed = plan.facts["waves"][wave]["people"]
    for country, people in interviewed.items():
        row = in_group("all", seen, [country]).astype(float)
        equations.append(Equation(country, row, float(people)))
    for target in counts:
        row = members(target, seen).astype(float)
        equations.append(Equation(target.id, row, target.value))
    for target in plan.of(wave, "percent", "points"):
        follows = bool(target.versus) and _level(target) in printed
        is_first = target.item[0] in QUESTIONS
        if is_first and target.id not in exact and not follows:
            equations.append(_rate_equation(target, seen, x))
    return equations


def _level(target: Target) -> tuple:
    """What a percentage, or the first side of a gap, is about."""
    return target.item, target.group, target.countries


def _rate_equation(target: Target, seen: pd.DataFrame, x: Array) -> Equation:
    """A printed percentage, or a gap above the other group's rate in the table `x`."""
    rate = target.value / 100
    parts = 1
    if target.versus:
        rate = rate + rate_among(target, target.versus, seen, x)
        parts = 2
    size = x[members(target, seen)].sum()
    slack = target.half_width / 100 * INSIDE * size
    row = score(target, seen, target.group, rate)
    return Equation(target.id, row, 0.0, slack / parts)


# -- later questions -------------------------------------------------------------------


def _later_questions(plan: Plan, wave: int) -> list[str]:
    """The questions, other than the first two, of which a percentage is printed."""
    items: list[str] = []
    for target in plan.of(wave, "percent"):
        items += target.item
    return [item for item in dict.fromkeys(items) if item not in QUESTIONS]


def _later(
    plan: Plan, wave: int, question: str, table: pd.DataFrame, x: Array
) -> dict[str, Any]:
    """Start and coefficients of a later question: maximum entropy over its answers, given the people."""
    percents = plan.of(wave, "percent")
    targets = [target for target in percents if question in target.item]
    asked = (table["any"] == "yes").to_numpy()
    if question in plan.facts["asked_of_all"]:
        asked = np.ones(len(table), bool)
    groups = [members(target, table)[asked] for target in targets]
    member = np.array(groups, dtype=float)
    pattern, place = np.unique(member, axis=1, return_inverse=True)
    mass = np.bincount(place.ravel(), weights=x[asked])
    percent = [target.value for target in targets]
    base = float(np.mean(percent)) / 100
    rate = np.array([[value / 100] for value in percent])
    people = np.tile(np.eye(len(mass)), 2)
    answers = np.hstack([pattern * (1 - rate), -pattern * rate])
    start = np.r_[mass * base, mass * (1 - base)]
    totals = np.r_[mass, np.zeros(len(targets))]
    names = [question] * len(totals)
    rows = np.vstack([people, answers])
    _, beta = tilt(start, rows, totals, 0 * totals, names)
    of_targets = beta[len(mass) :]
    effects = []
    for target, b in zip(targets, of_targets, strict=True):
        coefficient = _nine_digits(b)
        effects.append([target.group, list(target.countries), coefficient])
    return {"start": base, "effects": effects}
