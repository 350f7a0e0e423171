"""Made-up people: rows of a survey file for the people that a true model puts into its cells.

What the model does not say is drawn here: region, age within its band, later answers and
a base weight. `as_survey` gives them in codebook terms, as `read_survey` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trustlib.record.targets import ANSWERS, LEVELS, QUESTIONS, in_group
from trustlib.sources import Source
from trustlib.variance import Array

# Years of each band, of people under 65.
AGES = {
    "18-24": 7,
    "25-34": 10,
    "35-44": 10,
    "45-54": 10,
    "55-64": 10,
    "65+": 0,
}
BATTERIES = ("reason", "factor", "consequence", "rebuild", "fair")
# Answers and kinds of missing, as the file holds them.
KINDS = (
    "no",
    "yes",
    "prefer not to say",
    "no answer",
    "no experience",
    "not asked",
)
REFUSED, UNANSWERED, NO_EXPERIENCE, NOT_ASKED = range(2, 6)
ETHNICITY_ASKED = ("asked", "not asked", "unknown")
OF_CELLS = ("disability", "lgbtq", "trans", "age_band", "marginalised")
MOST = (
    5  # a base weight is at most this many times, and at least that part of, the median
)


def people_of(
    model: Mapping[str, Any],
    wave: str,
    cells: pd.DataFrame,
    counts: Array,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw one row per person, in random order within countries.

    Parameters
    ----------
    model : mapping
        From `true_model`; of it ``regions``, ``no_answer``, ``asked_of_all``, ``spread``
        and the wave are used.
    wave : str
    cells : DataFrame (C rows)
        From `model_cells`.
    counts : int array (C,)
        People in each cell.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        Identities, region, age, the first and the later answers (of `KINDS`) and the
        base weight, of mean 1 in each country.

    Examples
    --------
    >>> import numpy as np
    >>> from trustlib.record.true_model import model_cells
    >>> axes = {"gender": ["man", "woman"], "ethnicity": ["majority", "minority"]}
    >>> axes |= {"disability": ["not disabled", "disabled"], "lgbtq": ["no", "yes"]}
    >>> axes |= {"trans": ["no", "yes"], "age_band": ["under 65", "65+"]}
    >>> axes |= {"provider": ["no", "yes", "none"], "system": ["no", "yes", "none"]}
    >>> wave = {"people": {"UK": 3}, "cells": ["000000010", "010000101"]}
    >>> wave |= {"ethnicity_asked": ["UK"], "later": {}}
    >>> model = {"axes": axes, "waves": {"2024": wave}, "regions": 4, "spread": 0.4}
    >>> cells = model_cells(model, "2024")
    >>> rng = np.random.default_rng(1)
    >>> people = people_of(model, "2024", cells, np.array([1, 2]), rng)
    >>> people["gender"].value_counts().to_dict()
    {'woman': 2, 'man': 1}
    >>> bool(np.isclose(people["weight"].mean(), 1))
    True
    """
    stored = model["waves"][wave]
    people = _in_random_order(cells, counts, rng)
    n = len(people)
    place = people["country"].astype(str)
    numbers = rng.integers(model["regions"], size=n) + 1
    region = np.char.add("region ", numbers.astype(str))
    ages = _ages(people, rng)
    asked = place.isin(stored["ethnicity_asked"])
    rows: dict[str, Any] = {
        "wave": wave,
        "country": place,
        "region": region,
        "stratum": wave + " " + place + " " + region,
        "gender": people["gender"],
        "ethnicity": people["ethnicity"],
        "ethnicity_asked": np.where(asked, "asked", "unknown"),
    }
    rows |= {name: people[name] for name in OF_CELLS}
    rows["age_band"] = ages
    for item in QUESTIONS:
        rows[f"trust_damaged_{item}"] = _first_answers(people[item])
    rows |= _later_answers(model, stored["later"], people, rng)
    rows["weight"] = _base_weights(model["spread"], place, rng)
    return pd.DataFrame(rows)


def _in_random_order(
    cells: pd.DataFrame, counts: Array, rng: np.random.Generator
) -> pd.DataFrame:
    """The cell of each person, country by country."""
    cell = np.repeat(np.arange(len(cells)), counts)
    country = cells["country"].cat.codes.to_numpy()[cell]
    lot = rng.random(len(cell))
    order = np.lexsort((lot, country))
    return cells.iloc[cell[order]].reset_index(drop=True)


def _ages(people: pd.DataFrame, rng: np.random.Generator) -> pd.Categorical:
    """Bands of age: under 65 each year is as likely as any other."""
    years = list(AGES.values())
    edges = np.cumsum(years) / sum(years)
    lot = rng.random(len(people))
    younger = np.searchsorted(edges, lot, side="right")
    oldest = len(AGES) - 1
    band = np.where(people["age_band"] == "65+", oldest, younger)
    return pd.Categorical.from_codes(band, list(AGES))


def _first_answers(answer: pd.Series) -> pd.Categorical:
    """Answers to the first questions, of which the cells know whether they are missing."""
    place = pd.Categorical(answer, categories=list(ANSWERS)).codes
    kinds = np.array([0, 1, REFUSED])
    return pd.Categorical.from_codes(kinds[place], KINDS)


def _later_answers(
    model: Mapping[str, Any],
    later: Mapping[str, Any],
    people: pd.DataFrame,
    rng: np.random.Generator,
) -> dict[str, pd.Categorical]:
    """Answers to later questions; who skips one question of a battery skips all of it."""
    from scipy.special import expit, logit

    n = len(people)
    experienced = (people["any"] == "yes").to_numpy()
    silent: dict[str, Array] = {}
    answers = {}
    for question, stored in later.items():
        effects = sum(
            coefficient * in_group(group, people, countries)
            for group, countries, coefficient in stored["effects"]
        )
        p = expit(logit(stored["start"]) + effects)
        battery = _battery(question)
        if battery not in silent:
            silent[battery] = rng.random(n) < model["no_answer"]
        asked = experienced | (question in model["asked_of_all"])
        codes = np.select(
            [~asked, silent[battery]],
            [NO_EXPERIENCE, UNANSWERED],
            rng.random(n) < p,
        )
        answers[question] = pd.Categorical.from_codes(codes, KINDS)
    return answers


def _battery(question: str) -> str:
    return question.split("_")[0]


def _base_weights(
    spread: float, country: pd.Series, rng: np.random.Generator
) -> pd.Series:
    """Lognormal weights of mean 1 in each country, without extremes."""
    from scipy.special import ndtri

    normal = spread * ndtri(rng.random(len(country)))
    most = np.log(MOST)
    weight = np.exp(np.clip(normal, -most, most))
    by_country = pd.Series(weight).groupby(country)
    return weight / by_country.transform("mean")


def as_survey(model: Mapping[str, Any], parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put people of several waves into codebook terms, as `read_survey` returns them.

    Parameters
    ----------
    model : mapping
        From `true_model`.
    parts : sequence of DataFrame
        From `people_of`.

    Returns
    -------
    DataFrame
        Answers are 0, 1 or NaN, with the kind of missing beside them
        (``<name>_missing``). ``attrs["source"]`` is that of the model.

    Examples
    --------
    >>> import pandas as pd
    >>> kinds = pd.Categorical(["no", "yes", "prefer not to say"], categories=KINDS)
    >>> names = {"wave": "2024", "country": "UK", "region": "region 1"}
    >>> people = pd.DataFrame({"trust_damaged_any": kinds, "weight": 1.0}).assign(**names)
    >>> frame = as_survey({"waves": {}, "source": {"kind": "synthetic"}}, [people])
    >>> frame["trust_damaged_any"].tolist()
    [0.0, 1.0, nan]
    >>> frame["trust_damaged_any_missing"].tolist()
    [nan, nan, 'prefer not to say']
    """
    people = pd.concat(parts, ignore_index=True)
    later = _later_columns(model)
    last = [*later, "weight"]
    first = [name for name in people if name not in last]
    people = people.reindex(columns=[*first, *last])
    levels = LEVELS | {"age_band": tuple(AGES), "ethnicity_asked": ETHNICITY_ASKED}
    for name in ("wave", "country", "region"):
        values = people[name].unique()
        levels[name] = tuple(sorted(values))
    columns: dict[str, Any] = {}
    for name in map(str, people):
        column = people[name]
        if name in levels:
            columns[name] = pd.Categorical(column, categories=list(levels[name]))
        elif name in later or name.startswith("trust_"):
            columns |= _answer_columns(name, column)
        else:
            columns[name] = column
    frame = pd.DataFrame(columns)
    frame.attrs["source"] = Source.of(model["source"])
    return frame


def _later_columns(model: Mapping[str, Any]) -> list[str]:
    """The later questions of all waves, battery by battery."""
    questions = {
        question for wave in model["waves"].values() for question in wave["later"]
    }

    def place(question: str) -> tuple[int, str]:
        return BATTERIES.index(_battery(question)), question

    return sorted(questions, key=place)


def _answer_columns(name: str, column: pd.Series) -> dict[str, Any]:
    """Answers as 0 and 1 and, where one is missing, the kinds of missing beside them."""
    place = np.asarray(pd.Categorical(column, categories=list(KINDS)).codes)
    codes = np.where(place < 0, NOT_ASKED, place)
    answered = codes < 2
    columns: dict[str, Any] = {}
    columns[name] = np.where(answered, codes, np.nan)
    missing = np.where(answered, -1, codes)
    kind = pd.Categorical.from_codes(missing, KINDS)
    kind = kind.remove_unused_categories()
    if len(kind.categories):
        ordered = sorted(kind.categories)
        columns[f"{name}_missing"] = kind.reorder_categories(ordered)
    return columns
