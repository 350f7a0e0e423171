r"""Made-up people beside the printed figures: weights that meet them, and what was achieved.

Base weights are multiplied by :math:`\exp(\sum_j\mu_j z_{ji})` such that the weighted
percentages meet the printed ones (exponential calibration, Deville and Särndal 1992).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from trustlib.record.entropy import tilt
from trustlib.record.people import BATTERIES
from trustlib.record.targets import (
    ANSWERS,
    FOLDER,
    LEVELS,
    QUESTIONS,
    Plan,
    Target,
    in_group,
    load_targets,
)
from trustlib.record.true_model import model_cells, rate_among, score
from trustlib.variance import Array

BARELY = 1e-9  # an edge of a rounding belongs to it


@dataclass(frozen=True)
class Share:
    """A weighted percentage of yes, and the people who answered."""

    percent: float
    people: int


@dataclass(frozen=True)
class _Achieved:
    """What made-up people have in place of a printed figure."""

    value: float
    people: int
    met: bool


def in_target_terms(people: pd.DataFrame) -> pd.DataFrame:
    """Rename the columns of made-up people as groups and items of targets name them.

    Parameters
    ----------
    people : DataFrame
        With answers as 0 and 1 (`as_survey`) or as texts (`people_of`).

    Returns
    -------
    DataFrame
        Answers are ``no``, ``yes`` or, where there is none, ``none``.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> people = pd.DataFrame({"wave": "2024", "trust_damaged_any": [0.0, 1.0, np.nan]})
    >>> in_target_terms(people)["any"].tolist()
    ['no', 'yes', 'none']
    """
    beginnings = ("trust_", *(f"{battery}_" for battery in BATTERIES))
    answers = {}
    for name in people:
        if name.endswith("_missing") or not name.startswith(beginnings):
            continue
        yes = people[name].isin(("yes", 1.0)).to_numpy()
        no = people[name].isin(("no", 0.0)).to_numpy()
        place = np.select([yes, no], [1, 0], 2)
        item = name.removeprefix("trust_damaged_")
        answers[item] = pd.Categorical.from_codes(place, ANSWERS)
    named = ("wave", "country", *LEVELS, "weight")
    kept = [name for name in named if name in people]
    return people[kept].assign(**answers)


@threadpool_limits.wrap(limits=1)
def calibrated_weights(
    plan: Plan, wave: int, people: pd.DataFrame, model: Mapping[str, Any]
) -> Array:
    """Tilt base weights until the weighted percentages of a wave are the model's.

    Those of later questions become the printed ones, and the weights of each country
    sum to its people.

    Parameters
    ----------
    plan : Plan
    wave : int
    people : DataFrame (m rows)
        From `people_of`.
    model : mapping
        From `true_model`.

    Returns
    -------
    array (m,)

    Examples
    --------
    >>> import pandas as pd
    >>> later = ("reason_cost",)
    >>> target = Target("P-1", (2024,), "percent", "all", later, value=75.0)
    >>> axes = {"gender": ["man"], "ethnicity": ["majority"], "disability": ["no"]}
    >>> axes |= {"lgbtq": ["no"], "provider": ["no", "yes"], "system": ["no", "yes"]}
    >>> wave = {"people": {"UK": 4}, "cells": ["0000011"], "probability": [1.0]}
    >>> model = {"axes": axes, "waves": {"2024": wave}}
    >>> answers = ["yes", "yes", "no", "no"]
    >>> people = pd.DataFrame({"country": "UK", "reason_cost": answers, "weight": 1.0})
    >>> plan = Plan({}, (target,), ())
    >>> calibrated_weights(plan, 2024, people, model).round(6).tolist()
    [1.5, 1.5, 0.5, 0.5]
    """
    view = in_target_terms(people)
    stored = model["waves"][str(wave)]
    cells = model_cells(model, str(wave))
    probability = np.array(stored["probability"])
    exact = {target.id for target in plan.exact(wave)}
    names: list[str] = []
    rows: list[Array] = []
    totals: list[float] = []
    for country, count in stored["people"].items():
        names.append(country)
        rows.append(in_group("all", view, [country]).astype(float))
        totals.append(count)
    for target in plan.of(wave, "percent", "points"):
        is_later = target.item[0] not in QUESTIONS
        if is_later and target.versus:
            continue
        for group in filter(None, (target.group, target.versus)):
            if is_later or target.id in exact:
                rate = target.value / 100
            else:
                rate = rate_among(target, group, cells, probability)
            names.append(target.id)
            rows.append(score(target, view, group, rate))
            totals.append(0.0)
    weight = people["weight"].to_numpy()
    no_slack = np.zeros(len(totals))
    calibrated, _ = tilt(weight, np.array(rows), np.array(totals), no_slack, names)
    return calibrated


def calibration_table(
    frame: pd.DataFrame, targets: str | Path | Plan = FOLDER / "targets.yml"
) -> pd.DataFrame:
    """Compare the stand-in with every printed figure.

    Parameters
    ----------
    frame : DataFrame
        From `simulate`, or the written file as `read_survey` returns it.
    targets : path or Plan

    Returns
    -------
    DataFrame
        id, wave, countries, item, group, statistic, asked, achieved (weighted; counts
        are of people), n (people behind it), verdict: ``met within rounding``,
        ``met (direction)``, ``missed``, or what ``targets.yml`` says
        (``cannot be met: ...``, ``not calibrated to: ...``); reading.

    Examples
    --------
    >>> import pandas as pd
    >>> target = Target("P-1", (2024,), "percent", "all", ("any",), value=60.0)
    >>> people = pd.DataFrame({"wave": "2024", "trust_damaged_any": [0.0, 1.0]})
    >>> people["weight"] = [2.0, 3.0]
    >>> table = calibration_table(people, Plan({}, (target,), ()))
    >>> table[["asked", "achieved", "n", "verdict"]].values.tolist()
    [['60', 60.0, 2, 'met within rounding']]
    """
    plan = targets if isinstance(targets, Plan) else load_targets(targets)
    view = in_target_terms(frame)
    return pd.DataFrame([_line(target, view) for target in plan.targets])


def _line(target: Target, view: pd.DataFrame) -> dict[str, Any]:
    """A target beside what the people say."""
    waves = [str(wave) for wave in target.wave]
    people = view[view["wave"].astype(str).isin(waves)]
    achieved = _achieved(target, people)
    group = target.group
    if target.versus:
        group = f"{target.group} vs {target.versus}"
    return {
        "id": target.id,
        "wave": " ".join(waves),
        "countries": " ".join(target.countries) or "all",
        "item": " ".join(target.item) or "people",
        "group": group,
        "statistic": target.statistic,
        "asked": _asked(target),
        "achieved": achieved.value,
        "n": achieved.people,
        "verdict": _verdict(target, achieved.met),
        "reading": target.reading,
    }


def _asked(target: Target) -> str:
    """The printed value, or order."""
    if target.statistic == "order":
        return " > ".join(target.item)
    return f"{target.comparison} {target.value:g}".removeprefix("= ")


def _verdict(target: Target, met: bool) -> str:
    if target.refused:
        return target.refused
    if not met:
        return "missed"
    if target.comparison == "=" and target.statistic != "order":
        return "met within rounding"
    return "met (direction)"


def _achieved(target: Target, people: pd.DataFrame) -> _Achieved:
    """The figure among made-up people of its waves."""
    inside = in_group(target.group, people, target.countries)
    if target.statistic == "count":
        count = int(inside.sum())
        return _Achieved(float(count), count, _meets(target, count))
    shares = [share_of_yes(people, inside, item) for item in target.item]
    value = shares[0].percent
    n = shares[0].people
    if target.statistic == "order":
        percents = [share.percent for share in shares]
        falling = sorted(percents)[::-1]
        return _Achieved(value, n, percents == falling)
    if target.versus:
        outside = in_group(target.versus, people, target.countries)
        other = share_of_yes(people, outside, target.item[0])
        n = min(n, other.people)
        value = _beside(target.statistic, value, other.percent)
    return _Achieved(value, n, _meets(target, value))


def _beside(statistic: str, value: float, other: float) -> float:
    """The ratio of two percentages, or their difference in points."""
    if statistic == "ratio":
        return value / other
    return value - other


def _meets(target: Target, value: float) -> bool:
    """Whether a value is in the rounding of a printed one, or on its side of it."""
    match target.comparison:
        case ">":
            return value > target.value
        case ">=":
            return value >= target.value
        case "<":
            return value < target.value
    return abs(value - target.value) <= target.half_width + BARELY


def share_of_yes(people: pd.DataFrame, inside: Array, item: str) -> Share:
    """Weighted percentage of yes among those of a group who answered.

    Parameters
    ----------
    people : DataFrame (m rows)
        From `in_target_terms`.
    inside : bool array (m,)
        Who is in the group.
    item : str
        A question; of one that was not asked the percentage is NaN.

    Returns
    -------
    Share

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> people = pd.DataFrame({"any": ["no", "yes", "none"], "weight": [1.0, 3.0, 1.0]})
    >>> share_of_yes(people, np.ones(3, bool), "any")
    Share(percent=75.0, people=2)
    """
    if item not in people:
        return Share(np.nan, 0)
    answered = inside & people[item].isin(("yes", "no")).to_numpy()
    weight = people["weight"].to_numpy()[answered]
    yes = (people[item] == "yes").to_numpy()[answered]
    percent = 100 * weight[yes].sum() / weight.sum()
    return Share(float(percent), int(answered.sum()))
