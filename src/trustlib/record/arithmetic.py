"""What printed figures say about each other by plain arithmetic: differences, ratios, totals and repetitions.

Weaker than the audit (`trustlib.record.audit`), which looks at all figures at once, and
easier to check by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trustlib.record.printed import WAVES, parse_group

HOLDS = "arithmetic holds"
INCONSISTENT = "inconsistent (see audit)"
BARELY = 1e-9  # an edge of a rounding belongs to it
ALIKE = ["survey", "item", "outcome", "conditioning"]
EVERYWHERE = {wave: " ".join(countries) for wave, countries in WAVES.items()}
_LEVEL = re.compile(r"(\w+) == '([^']*)'")


@dataclass(frozen=True)
class _Range:
    """A figure as others give it, with the ends that their rounding allows."""

    value: float
    low: float
    high: float
    calculation: str


@dataclass(frozen=True)
class _Others:
    """Exact printed figures on the same question, and of them those of the same people's waves and countries."""

    alike: pd.DataFrame
    here: pd.DataFrame
    groups: Mapping[str, str]  # of each figure, in one spelling


def arithmetic(
    figures: pd.DataFrame, codebook: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What other printed figures say about a figure that is a difference, a ratio, a total or a repetition of them.

    A printed figure x stands for x - h to x + h, h being its rounding; the range of a
    difference of two is then (x - h_x) - (y + h_y) to (x + h_x) - (y - h_y), and so on.
    Parts of a total are all its countries, all its waves, or all levels of one variable.

    Parameters
    ----------
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.
    codebook : mapping
        From `load_codebook`.

    Returns
    -------
    dict
        Id -> ours, range_low, range_high, calculation, verdict, cause. A figure that
        they leave open is not in it.

    Examples
    --------
    A gap that was printed beside its two percentages:

    >>> import pandas as pd
    >>> from trustlib.forms import Variable
    >>> codebook = {"gender": Variable(label="Gender", levels=["man", "woman"])}
    >>> row = {"survey": "polling", "item": "any", "outcome": "trust_damaged_any"}
    >>> row |= {"conditioning": "of all", "wave": "2024", "countries": "UK"}
    >>> row |= {"comparison": "=", "statistic": "percent", "half_width": 0.5}
    >>> men = row | {"id": "P-1", "group": 'gender == "man"', "value": 50.0}
    >>> women = row | {"id": "P-2", "group": 'gender == "woman"', "value": 62.0}
    >>> both = {"group": 'gender == "woman" vs gender == "man"', "statistic": "points"}
    >>> gap = row | both | {"id": "P-3", "value": 12.0}
    >>> gap_from_both = arithmetic(pd.DataFrame([men, women, gap]), codebook)["P-3"]
    >>> gap_from_both["calculation"], gap_from_both["verdict"]
    ('P-2 − P-1', 'arithmetic holds')
    """
    figures = figures.reset_index(drop=True)
    exact = figures[(figures["comparison"] == "=") & figures["value"].notna()]
    groups = {
        figure.id: " vs ".join(parse_group(figure.group, codebook))
        for figure in figures.itertuples()
    }
    results = {}
    for figure in figures.itertuples():
        others = _others(figure, exact, groups)
        ranges = [
            *_totals(figure, others, codebook),
            *_comparisons(figure, others),
        ]
        agreements = [_agrees(figure, each.low, each.high) for each in ranges]
        if ranges and None not in agreements:
            results[figure.id] = _result(ranges, all(agreements))
    return results


def _result(ranges: list[_Range], agrees: bool) -> dict[str, Any]:
    """A line of the answer; its range is the first of them."""
    return {
        "evidence": "published",
        "ours": ranges[0].value,
        "range_low": ranges[0].low,
        "range_high": ranges[0].high,
        "calculation": "; ".join(each.calculation for each in ranges),
        "verdict": HOLDS if agrees else INCONSISTENT,
        "cause": "",
    }


def _others(figure: Any, exact: pd.DataFrame, groups: Mapping[str, str]) -> _Others:
    """What else was printed on the question of a figure."""
    question = [getattr(figure, column) for column in ALIKE]
    same_question = (exact[ALIKE] == question).all(axis=1)
    alike = exact[same_question & (exact["id"] != figure.id)]
    same_wave = alike["wave"] == figure.wave
    here = alike[same_wave & (alike["countries"] == figure.countries)]
    return _Others(alike, here, groups)


def _totals(
    figure: Any, others: _Others, codebook: Mapping[str, Any]
) -> Iterator[_Range]:
    """A number of people as the sum of others."""
    if figure.statistic != "count" or figure.item == "context":
        return
    for parts in _parts(figure, others, codebook):
        value = parts["value"]
        rounding = parts["half_width"]
        yield _Range(
            sum(value),
            sum(value - rounding),
            sum(value + rounding),
            " + ".join(parts["id"]),
        )


def _comparisons(figure: Any, others: _Others) -> Iterator[_Range]:
    """A gap or a ratio from the percentages of its two groups."""
    if figure.statistic not in ("points", "ratio"):
        return
    percents = others.here[others.here["statistic"] == "percent"]
    by_group = {others.groups[each.id]: each for each in percents.itertuples()}
    names = others.groups[figure.id].split(" vs ")
    pair = [by_group[name] for name in names if name in by_group]
    if len(pair) != 2:
        return
    one, other = pair
    one_low = one.value - one.half_width
    one_high = one.value + one.half_width
    other_low = other.value - other.half_width
    other_high = other.value + other.half_width
    if figure.statistic == "points":
        yield _Range(
            one.value - other.value,
            one_low - other_high,
            one_high - other_low,
            f"{one.id} − {other.id}",
        )
    else:
        yield _Range(
            one.value / other.value,
            one_low / other_high,
            one_high / other_low,
            f"{one.id} / {other.id}",
        )


def _parts(
    figure: Any, others: _Others, codebook: Mapping[str, Any]
) -> Iterator[pd.DataFrame]:
    """Tables of printed numbers of people that add up to that of a figure: itself again, countries, waves, levels."""
    group = others.groups[figure.id]
    alike = others.alike
    here = others.here
    same = alike[alike["id"].map(others.groups) == group]
    for _, again in here[here["id"].isin(same["id"])].groupby("id"):
        yield again
    places = figure.countries.split()
    by_place = same[(same["wave"] == figure.wave) & same["countries"].isin(places)]
    if len(places) > 1 and set(by_place["countries"]) == set(places):
        yield by_place
    waves = figure.wave.split()
    whole_wave = same["countries"] == same["wave"].map(EVERYWHERE)
    by_wave = same[same["wave"].isin(waves) & whole_wave]
    if len(waves) > 1 and set(by_wave["wave"]) == set(waves):
        yield by_wave
    if group == "all":
        yield from _by_level(others, codebook)


def _by_level(others: _Others, codebook: Mapping[str, Any]) -> Iterator[pd.DataFrame]:
    """Tables of all levels of one variable."""
    by_variable: dict[str, dict[str, str]] = {}
    for name in others.here["id"]:
        match = _LEVEL.fullmatch(others.groups[name])
        if match:
            variable, level = match.groups()
            by_variable.setdefault(variable, {})[name] = level
    for variable, levels in by_variable.items():
        if set(levels.values()) == set(codebook[variable].levels or ()):
            yield others.here[others.here["id"].isin(levels)]


def _agrees(figure: Any, low: float, high: float) -> bool | None:
    """Whether a range agrees with a printed figure; None if it leaves that open."""
    value = figure.value
    surely = never = False
    match figure.comparison:
        case "=":
            reaches_up = high >= value - figure.half_width - BARELY
            reaches_down = low <= value + figure.half_width + BARELY
            return bool(reaches_down and reaches_up)
        case ">":
            surely = low > value
            never = high <= value
        case ">=":
            surely = low >= value
            never = high < value
        case "<":
            surely = high < value
            never = low >= value
        case "<=":
            surely = high <= value
            never = low > value
    if surely:
        return True
    return False if never else None
