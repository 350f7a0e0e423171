r"""A stand-in population that honours the printed record: maximum entropy, a fixed seed, a known true model.

Everything is declared in ``data/synthetic/targets.yml``: people per wave and country, where maximum entropy starts,
the printed figures (targets) and our choices where only a direction or an order is printed. From these:

1. *The true model.* For each wave a table of cells (country, identities, 65+ or younger, answers to the provider and
   to the system question, of which one may be missing). Of all tables that meet the figures it is the one nearest to
   the start in relative entropy, :math:`x_c = q_c \exp(\sum_j \lambda_j a_{jc})`, so the multipliers are its
   coefficients. Later questions have a probability :math:`\mathrm{logit}\,p = \mathrm{logit}\,q+\sum_j\lambda_j 1_j`
   over the groups for which a figure is printed. Where nothing is printed, groups do not differ.
2. *People.* Whole numbers of people per cell that meet every printed count exactly: systematic sampling of the
   fractions, then the fewest changes that make the counts right (an integer programme).
3. *Weights.* Lognormal, then multiplied by :math:`\exp(\sum_j\mu_j z_{ji})` such that the weighted percentages meet the
   printed ones (exponential calibration, Deville and Särndal 1992). `draw` leaves out this step and step 2: its people
   are multinomial draws from the true model.

Source of the entropy step: Csiszár (1975), *I-divergence geometry of probability distributions*.

``trustlib simulate`` (or ``make data``) writes the stand-in again; ``trustlib simulate --draw 7`` makes a fresh draw.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from trustlib.conditions import Condition
from trustlib.errors import (
    CodebookError,
    one_line,
    raise_faults,
    require_file,
    require_names,
)
from trustlib.schema import file_hash, load_yaml
from trustlib.variance import Array
from trustlib.writing import write_set, write_whole

FOLDER = Path("data/synthetic")  # below the working directory
FILES = ("trust_polling_synthetic.parquet", "true_model.json", "calibration.csv")
ANSWERS = ("no", "yes", "none")
AXES: dict[str, tuple[str, ...]] = {
    "gender": ("man", "woman", "non-binary"), "ethnicity": ("majority", "minority"),
    "disability": ("not disabled", "disabled"), "lgbtq": ("no", "yes"), "trans": ("no", "yes"),
    "age_band": ("under 65", "65+"), "provider": ANSWERS, "system": ANSWERS,
}  # fmt: skip
LEVELS = AXES | {"marginalised": ("no", "yes"), "any": ANSWERS}
AGES = {
    "18-24": 7,
    "25-34": 10,
    "35-44": 10,
    "45-54": 10,
    "55-64": 10,
    "65+": 0,
}  # years, of people under 65
BATTERIES = ("reason", "factor", "consequence", "rebuild", "fair")
QUESTIONS = ("provider", "system", "any")
HALF_WIDTH = {"count": 0.0, "percent": 0.5, "points": 1.0, "ratio": 0.5, "order": 0.0}
SMOOTH = 0.1  # of a multiplier, on the logit scale: how sharply it saturates at the edge of a rounding
INSIDE = 0.8  # the part of a rounding that the model uses, so that the file has room
KINDS = (
    "no",
    "yes",
    "prefer not to say",
    "no answer",
    "no experience",
    "not asked",
)  # what the file holds
REFUSED, UNANSWERED, NO_EXPERIENCE, NOT_ASKED = range(2, 6)


@dataclass(frozen=True)
class Target:
    """A printed figure as a condition on people (count) or on weighted answers; see ``targets.yml``."""

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
    """The content of ``targets.yml``: all its facts, and the printed figures and our choices as `Target`."""

    facts: dict[str, Any]
    targets: tuple[Target, ...]
    choices: tuple[Target, ...]

    def of(self, wave: int, *statistics: str) -> list[Target]:
        """The equations of these statistics that the people of a wave are held to, ours included."""
        held = (
            t
            for t in (*self.targets, *self.choices)
            if t.comparison == "=" and not t.refused
        )
        return [t for t in held if t.wave == (wave,) and t.statistic in statistics]

    def exact(self, wave: int) -> list[Target]:
        """The counts that are printed to the person."""
        return [t for t in self.of(wave, "count") if t.half_width == 0]


# -- reading the targets ----------------------------------------------------------------------------------------------


def load_targets(path: str | Path = FOLDER / "targets.yml") -> Plan:
    """Read and check ``targets.yml``.

    Raises
    ------
    CodebookError
        Lists every fault: unknown keys, waves, countries, groups or levels, values out of range, counts that contradict
        each other.
    """
    raw = load_yaml(path)
    wanted = (
        "source",
        "seed",
        "waves",
        "start",
        "asked_of_all",
        "spread",
        "regions",
        "targets",
        "choices",
    )
    if not isinstance(raw, dict) or not set(wanted) <= set(raw):
        raise CodebookError(
            f"{path} does not hold the keys {', '.join(wanted)}.",
            "See data/synthetic/targets.yml.",
        )
    faults: list[str] = []
    lists: list[list[Target]] = [[], []]
    for found, key in zip(lists, ("targets", "choices"), strict=True):
        for place, entry in enumerate(raw[key] or (), 1):
            name = (
                str(entry.get("id"))
                if isinstance(entry, dict)
                else f"{key}, entry {place}"
            )
            try:
                found.append(_target(entry))
                faults += [
                    f"{name}: {fault}" for fault in _impossible(found[-1], raw["waves"])
                ]
            except (KeyError, TypeError, ValueError) as error:
                faults.append(f"{name}: {one_line(error)}")
    raise_faults(
        CodebookError,
        f"{path} has targets that cannot be used",
        faults,
        "Correct these entries.",
    )
    return Plan(
        {k: v for k, v in raw.items() if k not in ("targets", "choices")},
        tuple(lists[0]),
        tuple(lists[1]),
    )


def _target(entry: dict[str, Any]) -> Target:
    """An entry as a target, lists as tuples and numbers as numbers."""
    require_names("key", entry, Target.__dataclass_fields__)
    require_names("statistic", [entry.get("statistic")], HALF_WIDTH)
    facts: dict[str, Any] = {
        "value": 0,
        "half_width": HALF_WIDTH[entry["statistic"]],
    } | entry
    facts |= {
        k: tuple(np.atleast_1d(facts[k]).tolist())
        for k in ("wave", "item", "countries")
        if k in entry
    }
    return Target(**(facts | {k: float(facts[k]) for k in ("value", "half_width")}))


def _impossible(t: Target, waves: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Every reason why a target makes no sense."""
    require_names("wave", t.wave, waves)
    people = {c: n for w in t.wave for c, n in waves[w]["people"].items()}
    require_names("country of the wave", t.countries, people)
    require_names("comparison", [t.comparison], ("=", ">", ">=", "<"))
    empty = pd.DataFrame(
        {
            k: pd.Categorical([], categories=list(v))
            for k, v in (LEVELS | {"country": ()}).items()
        }
    )
    for text in filter(None, (t.group, t.versus)):
        _mask(text, empty)
    faults = []
    if bool(t.versus) != (t.statistic in ("points", "ratio")) or bool(t.item) == (
        t.statistic == "count"
    ):
        faults.append(
            "points and ratio, and nothing else, have a versus; all but a count have an item."
        )
    most = sum(
        n
        for w in t.wave
        for c, n in waves[w]["people"].items()
        if c in (t.countries or people)
    )
    if t.statistic == "count" and not t.refused:
        whole = (
            t.group == "all"
            and t.comparison == "="
            and abs(most - t.value) > t.half_width
        )
        faults += (
            [f"{t.value:g} people, but the waves have {most}."]
            if whole or t.value > most
            else []
        )
    elif (
        t.statistic != "count"
        and not (-100 if t.statistic == "points" else 0) <= t.value <= 100
    ):
        faults.append(f"a {t.statistic} of {t.value:g} is out of range.")
    return faults


def _mask(text: str, table: pd.DataFrame, countries: Sequence[str] = ()) -> Array:
    """The rows of a table (of cells or of people) that are in a group."""
    inside = np.full(len(table), not countries)
    for country in countries:
        inside |= (table["country"] == country).to_numpy(bool)
    if text == "all":
        return inside
    group = Condition.read(text, CodebookError)

    def members(node: ast.expr) -> Array:
        match node:
            case ast.BoolOp(ast.And(), parts):
                return np.logical_and.reduce([members(part) for part in parts])
            case ast.BoolOp(ast.Or(), parts):
                return np.logical_or.reduce([members(part) for part in parts])
            case ast.UnaryOp(ast.Not(), part):
                return ~members(part)
            case ast.Compare(ast.Name(own), [ast.Eq()], [ast.Constant(str(level))]):
                return having(group.names[own], level)
        raise CodebookError(
            f"{text!r} is no group.",
            'Write all, or gender == "woman" and lgbtq == "yes".',
        )

    def having(axis: str, level: str) -> Array:
        require_names("axis", [axis], LEVELS)
        require_names(f"level of {axis}", [level], LEVELS[axis])
        return (table[axis] == level).to_numpy(bool)

    return inside & members(group.tree)


# -- the true model ---------------------------------------------------------------------------------------------------


def tilt(
    start: Array, rows: Array, totals: Array, slack: Array, names: Sequence[str]
) -> tuple[Array, Array]:
    r"""The table nearest to `start` in relative entropy with ``rows @ x`` within `slack` of `totals`; its multipliers.

    Newton steps on the convex dual, in which a multiplier costs :math:`\epsilon\tau\log\cosh(\lambda/\tau)`: the
    gap is :math:`-\epsilon\tanh(\lambda/\tau)`, so always within the slack, and zero where there is none.

    Raises
    ------
    CodebookError
        No table meets the rows. The names of those that are missed most are given.
    """
    size = np.sqrt((rows * rows) @ start)
    rows, totals, slack, tau = (
        rows / size[:, None],
        totals / size,
        slack / size,
        SMOOTH * size,
    )
    beta = np.zeros(len(rows))

    def dual(b: Array) -> float:
        cost = slack * tau * (np.logaddexp(b / tau, -b / tau) - np.log(2))
        return float(
            (start * np.exp(np.minimum(b @ rows, 50))).sum() - b @ totals + cost.sum()
        )

    for _ in range(200):
        x, bend = start * np.exp(np.minimum(beta @ rows, 50)), np.tanh(beta / tau)
        gap = totals - rows @ x - slack * bend
        if np.abs(gap).max() < 1e-9 * np.sqrt(start.sum()):
            return x, beta / size
        hessian = (rows * x) @ rows.T + np.diag(slack / tau * (1 - bend**2))
        step = np.linalg.lstsq(hessian, gap, rcond=1e-13)[0]
        length, now, slope = 1.0, dual(beta), float(gap @ step)
        while (
            length > 1e-8 and dual(beta + length * step) > now - 1e-4 * length * slope
        ):
            length /= 2
        beta = beta + length * step
    worst = [names[i] for i in np.argsort(-np.abs(gap))[:6]]
    raise CodebookError(
        f"No population meets all targets; those missed most: {', '.join(dict.fromkeys(worst))}.",
        "Run trustlib.record.audit on the wave, and refuse a figure or read it as another item.",
    )


def _cells(plan: Plan, wave: int) -> tuple[pd.DataFrame, Array]:
    """The cells of a wave that can hold people, and the product distribution that entropy starts from."""
    facts, s = plan.facts["waves"][wave], plan.facts["start"]
    axes = AXES | {"provider": ("no", "yes"), "system": ("no", "yes")}
    table = pd.DataFrame(
        itertools.product(facts["people"], *axes.values()), columns=["country", *axes]
    )
    asked = table["country"].isin(facts["ethnicity_asked"])
    other = table["gender"] == "non-binary"
    q = (
        table["country"]
        .map({c: float(n) for c, n in facts["people"].items()})
        .to_numpy()
    )
    share = {
        "woman": s["woman"],
        "non-binary": s["non-binary"],
        "man": 1 - s["woman"] - s["non-binary"],
    }
    q = q * table["gender"].map(share).to_numpy()
    chances = {
        "ethnicity": np.where(asked, facts["minority"], 0.0), "lgbtq": np.where(other, 1.0, s["lgbtq"]),
        "trans": np.where(table["lgbtq"] == "yes", s["trans"], 0.0), "disability": s["disabled"], "age_band": s["65+"],
    }  # fmt: skip
    for name, p in chances.items():
        q = q * np.where(table[name] == AXES[name][1], p, 1 - p)
    p, y, a = s["provider"], s["system"], s["any"]
    joint = {
        ("yes", "yes"): p + y - a,
        ("yes", "no"): a - y,
        ("no", "yes"): a - p,
        ("no", "no"): 1 - a,
    }
    q = q * np.array(
        [joint[k] for k in zip(table["provider"], table["system"], strict=True)]
    )
    return table[q > 0].reset_index(drop=True), q[q > 0] / q.sum() * sum(
        facts["people"].values()
    )


def _observed(table: pd.DataFrame, none: float) -> tuple[pd.DataFrame, Array]:
    """What is seen of each cell: both answers, only the system's, only the provider's; and how often (3,)."""
    seen = pd.concat(
        [table, table.assign(provider="none"), table.assign(system="none")],
        ignore_index=True,
    )
    return _derive(seen).astype("category"), np.array([1 - 2 * none, none, none])


def _derive(table: pd.DataFrame) -> pd.DataFrame:
    """Add `marginalised` (footnote 5 of the report) and `any`, which is missing if a `no` stands beside a missing."""
    either = (table["gender"] == "woman") | (table["ethnicity"] == "minority")
    either |= (table["disability"] == "disabled") | (table["lgbtq"] == "yes")
    answers = [table["provider"], table["system"]]
    yes, none = (
        np.logical_or(*(a.to_numpy() == level for a in answers))
        for level in ("yes", "none")
    )
    return table.assign(
        marginalised=np.where(either, "yes", "no"),
        any=np.select([yes, none], ["yes", "none"], "no"),
    )


def _equations(
    plan: Plan, wave: int, seen: pd.DataFrame, x: Array
) -> list[tuple[str, Array, float, float]]:
    """Name, row, total and slack of all figures on identities and on the two questions.

    The slack of a rate, and the rate that a gap is measured from, are those of the table `x`.
    """
    people = plan.facts["waves"][wave]["people"]
    found = [
        (c, _mask("all", seen, [c]).astype(float), float(n), 0.0)
        for c, n in people.items()
    ]
    found += [
        (t.id, _mask(t.group, seen, t.countries).astype(float), t.value, 0.0)
        for t in plan.exact(wave)
    ]
    known = {t.id for t in plan.exact(wave)}
    printed = {(t.item, t.group, t.countries) for t in plan.of(wave, "percent")}
    for t in plan.of(wave, "percent", "points"):
        follows = t.id in known or (
            bool(t.versus) and (t.item, t.group, t.countries) in printed
        )
        if t.item[0] in QUESTIONS and not follows:
            rate = t.value / 100 + (_rate(t, t.versus, seen, x) if t.versus else 0.0)
            slack = (
                t.half_width / 100 * INSIDE * x[_mask(t.group, seen, t.countries)].sum()
            )
            found.append(
                (
                    t.id,
                    _score(t, seen, t.group, rate),
                    0.0,
                    slack / (2 if t.versus else 1),
                )
            )
    return found


def _score(t: Target, table: pd.DataFrame, group: str, rate: float) -> Array:
    """Answer less rate for everyone in the group who answered, else zero."""
    yes, no = ((table[t.item[0]] == answer).to_numpy() for answer in ("yes", "no"))
    return np.where(_mask(group, table, t.countries) & (yes | no), yes - rate, 0.0)


def _rate(t: Target, group: str, table: pd.DataFrame, x: Array) -> float:
    """The share of yes among those of a group who answered."""
    inside = _mask(group, table, t.countries) & (table[t.item[0]] != "none").to_numpy()
    return float(
        x[inside & (table[t.item[0]] == "yes").to_numpy()].sum() / x[inside].sum()
    )


@threadpool_limits.wrap(limits=1)
def true_model(plan: Plan) -> dict[str, Any]:
    """Solve the maximum-entropy problem of each wave.

    Returns
    -------
    dict
        What ``true_model.json`` holds. For each wave: ``people`` per country; ``multipliers`` of the figures; ``cells``
        (one digit per axis, the level's place) with their ``probability``; ``later``: for each later question its
        start and the coefficients, on the logit scale, of the groups it differs by.
    """
    none = plan.facts["start"]["no answer"]
    model: dict[str, Any] = {
        k: plan.facts[k] for k in ("source", "spread", "regions", "asked_of_all")
    }
    model |= {
        "no_answer": none,
        "axes": {k: list(v) for k, v in AXES.items()},
        "waves": {},
    }
    for wave, facts in plan.facts["waves"].items():
        table, start = _cells(plan, wave)
        seen, often = _observed(table, none)
        x, before = start, np.zeros_like(start)
        while (
            np.abs(x - before).max() > 1e-7
        ):  # sizes of groups and rates of others settle in a few rounds
            before = x
            names, rows, totals, slack = zip(
                *_equations(plan, wave, seen, np.outer(often, x).ravel()), strict=True
            )
            each = np.tensordot(
                np.reshape(rows, (len(rows), 3, -1)), often, axes=(1, 0)
            )
            x, multiplier = tilt(start, each, np.array(totals), np.array(slack), names)
        seen["x"] = np.outer(often, x).ravel()
        seen = seen.groupby(
            list(seen.columns[:-1]), sort=False, as_index=False, observed=True
        )["x"].sum()
        table, x = seen.drop(columns="x"), seen["x"].to_numpy()
        levels = {"country": tuple(facts["people"])} | AXES
        codes = [
            pd.Categorical(table[k], categories=list(v)).codes
            for k, v in levels.items()
        ]
        later = dict.fromkeys(
            i for t in plan.of(wave, "percent") for i in t.item if i not in QUESTIONS
        )
        model["waves"][str(wave)] = {
            **{k: facts[k] for k in ("people", "ethnicity_asked")},
            "multipliers": [
                [name, float(f"{m:.9g}")]
                for name, m in zip(names, multiplier, strict=True)
            ],
            "cells": ["".join(map(str, row)) for row in zip(*codes, strict=True)],
            "probability": [float(f"{p:.9g}") for p in x / x.sum()],
            "later": {q: _later(plan, wave, q, table, x) for q in later},
        }
    return model


def _later(
    plan: Plan, wave: int, question: str, table: pd.DataFrame, x: Array
) -> dict[str, Any]:
    """Start and coefficients of a later question: maximum entropy over its answers, given the people."""
    targets = [t for t in plan.of(wave, "percent") if question in t.item]
    asked = (
        np.ones(len(table), bool)
        if question in plan.facts["asked_of_all"]
        else (table["any"] == "yes").to_numpy()
    )
    member = np.array(
        [_mask(t.group, table, t.countries) & asked for t in targets], dtype=float
    )
    pattern, place = np.unique(member[:, asked], axis=1, return_inverse=True)
    mass = np.bincount(place.ravel(), weights=x[asked])
    base = float(np.mean([t.value for t in targets])) / 100
    rate = np.array([[t.value / 100] for t in targets])
    rows = np.vstack(
        [
            np.tile(np.eye(len(mass)), 2),
            np.hstack([pattern * (1 - rate), -pattern * rate]),
        ]
    )
    totals = np.r_[mass, np.zeros(len(targets))]
    _, beta = tilt(
        np.r_[mass * base, mass * (1 - base)],
        rows,
        totals,
        0 * totals,
        [question] * len(totals),
    )
    effects = [
        [t.group, list(t.countries), float(f"{b:.9g}")]
        for t, b in zip(targets, beta[len(mass) :], strict=True)
    ]
    return {"start": base, "effects": effects}


# -- people -----------------------------------------------------------------------------------------------------------


def _decode(model: Mapping[str, Any], wave: str) -> pd.DataFrame:
    """The cells of a wave of the stored model, as categories."""
    facts = model["waves"][wave]
    digits = np.array(
        [[int(d) for d in code] for code in facts["cells"]], dtype=np.int8
    )
    levels = {"country": list(facts["people"])} | model["axes"]
    columns = {
        k: pd.Categorical.from_codes(digits[:, i], v)
        for i, (k, v) in enumerate(levels.items())
    }
    return _derive(pd.DataFrame(columns))


def _whole(
    expected: Array, rows: Array, totals: Array, rng: np.random.Generator
) -> Array:
    """Whole numbers with these expectations that meet the rows exactly."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    floor = np.floor(expected)
    up = np.diff(np.floor(np.r_[0.0, np.cumsum(expected - floor)] + rng.random()))
    need = totals - rows @ floor
    found = milp(1 - 2 * up, integrality=np.ones(len(up)), bounds=Bounds(0, 1),
                 constraints=LinearConstraint(rows, need, need))  # fmt: skip
    if found.x is None:
        raise CodebookError(
            "No whole numbers of people meet the printed counts.",
            "Check the counts of this wave.",
        )
    return (floor + np.round(found.x)).astype(int)


def _people(
    model: Mapping[str, Any], wave: str, cells: pd.DataFrame, counts: Array, rng: Any
) -> pd.DataFrame:
    """One row per person, in random order within countries, with region, age, later answers and base weight."""
    from scipy.special import expit, logit, ndtri

    facts = model["waves"][wave]
    row = np.repeat(np.arange(len(cells)), counts)
    row = row[
        np.lexsort((rng.random(len(row)), cells["country"].cat.codes.to_numpy()[row]))
    ]
    people, n = cells.iloc[row].reset_index(drop=True), len(row)
    region = np.char.add(
        "region ", (rng.integers(model["regions"], size=n) + 1).astype(str)
    )
    edges = np.cumsum(list(AGES.values())) / sum(AGES.values())
    age = np.where(
        people["age_band"] == "65+",
        len(AGES) - 1,
        np.searchsorted(edges, rng.random(n), side="right"),
    )
    place = people["country"].astype(str)
    out: dict[str, Any] = {"wave": wave, "country": place, "region": region}
    out |= {
        "stratum": wave + " " + place + " " + region,
        "gender": people["gender"],
        "ethnicity": people["ethnicity"],
    }
    out["ethnicity_asked"] = np.where(
        place.isin(facts["ethnicity_asked"]), "asked", "unknown"
    )
    out |= {
        name: people[name]
        for name in ("disability", "lgbtq", "trans", "age_band", "marginalised")
    }
    out["age_band"] = pd.Categorical.from_codes(age, list(AGES))
    for item in QUESTIONS:
        codes = np.array([0, 1, REFUSED])[
            pd.Categorical(people[item], categories=list(ANSWERS)).codes
        ]
        out[f"trust_damaged_{item}"] = pd.Categorical.from_codes(codes, KINDS)
    silent: dict[str, Array] = {}
    for question, effects in facts["later"].items():
        p = expit(
            logit(effects["start"])
            + sum(b * _mask(g, people, c) for g, c, b in effects["effects"])
        )
        battery = question.split("_")[0]
        if battery not in silent:
            silent[battery] = rng.random(n) < model["no_answer"]
        asked = (people["any"] == "yes").to_numpy() | (
            question in model["asked_of_all"]
        )
        codes = np.select(
            [~asked, silent[battery]], [NO_EXPERIENCE, UNANSWERED], rng.random(n) < p
        )
        out[question] = pd.Categorical.from_codes(codes, KINDS)
    weight = np.exp(
        np.clip(model["spread"] * ndtri(rng.random(n)), -np.log(5), np.log(5))
    )
    return pd.DataFrame(
        out | {"weight": weight / pd.Series(weight).groupby(place).transform("mean")}
    )


def _frame(model: Mapping[str, Any], parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All people in codebook terms, as `read_survey` returns them: 0/1, and kinds of missing beside."""
    file = pd.concat(parts, ignore_index=True)
    later = {q for facts in model["waves"].values() for q in facts["later"]}
    ordered = sorted(later, key=lambda q: (BATTERIES.index(q.split("_")[0]), q))
    file = file.reindex(
        columns=[*(c for c in file if c not in (*later, "weight")), *ordered, "weight"]
    )
    levels = LEVELS | {
        "age_band": tuple(AGES),
        "ethnicity_asked": ("asked", "not asked", "unknown"),
    }
    levels |= {
        name: tuple(sorted(file[name].unique()))
        for name in ("wave", "country", "region")
    }
    out: dict[str, Any] = {}
    for name in map(str, file):
        if name in levels:
            out[name] = pd.Categorical(file[name], categories=list(levels[name]))
        elif name not in later and not name.startswith("trust_"):
            out[name] = file[name]
        else:
            codes = np.asarray(pd.Categorical(file[name], categories=list(KINDS)).codes)
            codes = np.where(codes < 0, NOT_ASKED, codes)
            out[name] = np.where(codes < 2, codes, np.nan)
            kind = pd.Categorical.from_codes(
                np.where(codes < 2, -1, codes), KINDS
            ).remove_unused_categories()
            if len(kind.categories):
                out[f"{name}_missing"] = kind.reorder_categories(
                    sorted(kind.categories)
                )
    (frame := pd.DataFrame(out)).attrs["source"] = dict(model["source"])
    return frame


def _view(frame: pd.DataFrame) -> pd.DataFrame:
    """People under the names that groups and items of targets use, with texts of answers; ``none`` is no answer."""
    asked = [
        c
        for c in frame
        if not c.endswith("_missing")
        and c.startswith(("trust_", *(f"{b}_" for b in BATTERIES)))
    ]
    named = {}
    for name in asked:
        yes, no = (
            frame[name].isin(same).to_numpy() for same in (("yes", 1.0), ("no", 0.0))
        )
        named[name.removeprefix("trust_damaged_")] = pd.Categorical.from_codes(
            np.select([yes, no], [1, 0], 2), ANSWERS
        )
    return frame[
        [c for c in ("wave", "country", *LEVELS, "weight") if c in frame]
    ].assign(**named)


@threadpool_limits.wrap(limits=1)
def _calibrated(
    plan: Plan, wave: int, people: pd.DataFrame, model: Mapping[str, Any]
) -> Array:
    """Base weights tilted until the weighted percentages of a wave are the model's, and later ones the printed."""
    view = _view(people)
    cells, x = (
        _decode(model, str(wave)),
        np.array(model["waves"][str(wave)]["probability"]),
    )
    known = {t.id for t in plan.exact(wave)}
    each = model["waves"][str(wave)]["people"].items()
    found: list[tuple[str, Array, float]] = [
        (c, _mask("all", view, [c]).astype(float), n) for c, n in each
    ]
    for t in plan.of(wave, "percent", "points"):
        later = t.item[0] not in QUESTIONS
        for group in filter(
            None, (t.group, t.versus) if not (later and t.versus) else ()
        ):
            rate = (
                t.value / 100 if later or t.id in known else _rate(t, group, cells, x)
            )
            found.append((t.id, _score(t, view, group, rate), 0.0))
    names, rows, totals = zip(*found, strict=True)
    return tilt(
        people["weight"].to_numpy(),
        np.array(rows),
        np.array(totals),
        np.zeros(len(totals)),
        names,
    )[0]


def simulate(targets: str | Path | Plan = FOLDER / "targets.yml", seed: int | None = None,
             model: dict | None = None) -> pd.DataFrame:  # fmt: skip
    """Make the stand-in: printed counts exactly, printed percentages within their rounding.

    Parameters
    ----------
    targets : path or Plan
    seed : int, optional
        By default the one that ``targets.yml`` names.
    model : dict, optional
        What `true_model` returned for these targets; by default it is solved.

    Returns
    -------
    DataFrame
        35,614 rows in codebook terms, as `read_survey` returns the written file.
        ``frame.attrs["source"]`` says that it is synthetic.
    """
    plan = targets if isinstance(targets, Plan) else load_targets(targets)
    model = true_model(plan) if model is None else model
    rng = np.random.default_rng(plan.facts["seed"] if seed is None else seed)
    parts = []
    for wave, facts in plan.facts["waves"].items():
        cells, each, counts = (
            _decode(model, str(wave)),
            facts["people"],
            plan.exact(wave),
        )
        rows = [_mask("all", cells, [c]) for c in each] + [
            _mask(t.group, cells, t.countries) for t in counts
        ]
        totals = np.array([*each.values(), *(t.value for t in counts)])
        expected = np.array(model["waves"][str(wave)]["probability"]) * sum(
            each.values()
        )
        whole = _whole(expected, np.array(rows, dtype=float), totals, rng)
        people = _people(model, str(wave), cells, whole, rng)
        parts.append(
            people.assign(weight=_calibrated(plan, wave, people, model).round(4))
        )
    return _frame(model, parts)


def draw(seed: int, n: int | None = None, model: str | Path | dict = FOLDER / "true_model.json",
         waves: Sequence[int] | None = None) -> pd.DataFrame:  # fmt: skip
    """Draw fresh people from the stored true model, without calibration: for tests of coverage.

    Parameters
    ----------
    seed : int
    n : int, optional
        People in all; by default as many as were interviewed, in each wave and country.
    model : path or dict
        ``true_model.json``, or what `true_model` returns.
    waves : sequence of int, optional
        By default all.

    Returns
    -------
    DataFrame
        As `simulate`. Weights are independent of everything else, so the model's probabilities are the truth.
    """
    model = model if isinstance(model, dict) else load_model(model)
    rng = np.random.default_rng(seed)
    wanted = list(model["waves"]) if waves is None else [str(w) for w in waves]
    require_names("wave", wanted, model["waves"])
    total = sum(sum(model["waves"][w]["people"].values()) for w in wanted)
    parts = []
    for wave in wanted:
        facts, cells = model["waves"][wave], _decode(model, wave)
        p, counts = np.array(facts["probability"]), np.zeros(len(cells), dtype=int)
        for country, people in facts["people"].items():
            here = _mask("all", cells, [country])
            size = people if n is None else round(people * n / total)
            counts[here] = rng.multinomial(size, p[here] / p[here].sum())
        parts.append(_people(model, wave, cells, counts, rng))
    return _frame(model, parts)


def load_model(path: str | Path = FOLDER / "true_model.json") -> dict[str, Any]:
    """Read the stored true model."""
    path = require_file(path, "true model", "Make it with `trustlib simulate`.")
    return json.loads(path.read_text(encoding="utf-8"))


# -- what was asked, what was achieved --------------------------------------------------------------------------------


def calibration_table(
    frame: pd.DataFrame, targets: str | Path | Plan = FOLDER / "targets.yml"
) -> pd.DataFrame:
    """Compare the stand-in with every printed figure.

    Returns
    -------
    DataFrame
        id, wave, countries, item, group, statistic, asked, achieved (weighted; counts are of people), n (people behind
        it), verdict: ``met within rounding``, ``met (direction)``, ``missed``, or what ``targets.yml`` says
        (``cannot be met: ...``, ``not calibrated to: ...``); reading.
    """
    plan = targets if isinstance(targets, Plan) else load_targets(targets)
    view = _view(frame)
    return pd.DataFrame([_line(t, view) for t in plan.targets])


def _line(t: Target, view: pd.DataFrame) -> dict[str, Any]:
    """A target beside what the people say."""
    people = view[view["wave"].astype(str).isin(map(str, t.wave))]
    inside = _mask(t.group, people, t.countries)
    shares = [_share(people, inside, item) for item in t.item]
    known = [value for value, _ in shares]
    achieved, n = (
        (float(inside.sum()), int(inside.sum()))
        if t.statistic == "count"
        else shares[0]
    )
    if t.versus:
        other, beside = _share(people, _mask(t.versus, people, t.countries), t.item[0])
        achieved, n = (
            (achieved / other if t.statistic == "ratio" else achieved - other),
            min(n, beside),
        )
    good = {
        "=": abs(achieved - t.value) <= t.half_width + 1e-9 if t.statistic != "order" else known == sorted(known)[::-1],
        ">": achieved > t.value, ">=": achieved >= t.value, "<": achieved < t.value,
    }[t.comparison]  # fmt: skip
    met = (
        "met within rounding"
        if t.comparison == "=" and t.statistic != "order"
        else "met (direction)"
    )
    asked = (
        " > ".join(t.item)
        if t.statistic == "order"
        else f"{t.comparison} {t.value:g}".removeprefix("= ")
    )
    verdict = t.refused or (met if good else "missed")
    out: dict[str, Any] = {
        "id": t.id,
        "wave": " ".join(map(str, t.wave)),
        "countries": " ".join(t.countries) or "all",
    }
    out |= {
        "item": " ".join(t.item) or "people",
        "group": f"{t.group} vs {t.versus}" if t.versus else t.group,
    }
    out |= {"statistic": t.statistic, "asked": asked, "achieved": achieved, "n": n}
    return out | {"verdict": verdict, "reading": t.reading}


def _share(people: pd.DataFrame, inside: Array, item: str) -> tuple[float, int]:
    """Weighted percentage of yes among those of a group who answered, and their number."""
    if item not in people:
        return np.nan, 0
    answered = inside & people[item].isin(("yes", "no")).to_numpy()
    weight, yes = (
        people["weight"].to_numpy()[answered],
        (people[item] == "yes").to_numpy()[answered],
    )
    return float(100 * weight[yes].sum() / weight.sum()), int(answered.sum())


# -- files ------------------------------------------------------------------------------------------------------------


def write(
    folder: str | Path = FOLDER, targets: str | Path = FOLDER / "targets.yml"
) -> dict[str, str]:
    """Write the stand-in (as a survey file: answers and kinds of missing are texts), its true model, its calibration.

    Returns
    -------
    dict
        File name -> SHA-256. The same targets, seed and library versions give the same bytes.
    """
    plan, folder = load_targets(targets), Path(folder)
    model = true_model(plan)
    frame = simulate(plan, model=model)
    people = _as_arrow(frame)
    table = calibration_table(frame, plan).round({"achieved": 3})
    with write_set(folder, FILES) as (data, stored, calibration):
        _write_arrow(people, data)
        told = json.dumps(model, indent=0, ensure_ascii=False) + "\n"
        stored.write_text(told, encoding="utf-8")
        table.to_csv(calibration, index=False, lineterminator="\n")
    return {name: file_hash(folder / name) for name in FILES}


def write_people(frame: pd.DataFrame, path: str | Path) -> None:
    """Write made-up people as a survey file: what `simulate` and `draw` return, with answers and missing as texts.

    Read it through ``data/synthetic/mapping.yml``; the file itself says that it is synthetic.
    """
    table = _as_arrow(frame)
    with write_whole(path) as temporary:
        _write_arrow(table, temporary)


def _write_arrow(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", compression_level=19)


def _as_arrow(frame: pd.DataFrame) -> Any:
    """Made-up people as an Arrow table that says that they are synthetic."""
    import pyarrow as pa

    columns = {}
    for name in (c for c in frame if not c.endswith("_missing")):
        column = frame[name]
        if f"{name}_missing" in frame:
            column = (
                column.map({1.0: "yes", 0.0: "no"})
                .astype(object)
                .fillna(frame[f"{name}_missing"].astype(object))
            )
        columns[name] = pa.array(column if name == "weight" else column.astype(str))
    return pa.table(columns).replace_schema_metadata(
        {"source": json.dumps(frame.attrs["source"], sort_keys=True)}
    )
