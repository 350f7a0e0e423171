"""What printed figures say about each other by plain arithmetic: differences, ratios, totals and repetitions.

Weaker than the audit (`trustlib.record.audit`), which looks at all figures at once, and easier to check by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from trustlib.record.printed import WAVES, parse_group

HOLDS, INCONSISTENT = "arithmetic holds", "inconsistent (see audit)"
_LEVEL = re.compile(r"(\w+) == '([^']*)'")


def arithmetic(
    figures: pd.DataFrame, codebook: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What other printed figures say about a figure that is a difference, a ratio, a total or a repetition of them.

    A printed figure x stands for x - h to x + h, h being its rounding; the range of a difference of two is then
    (x - h_x) - (y + h_y) to (x + h_x) - (y - h_y), and so on. Parts of a total are all its countries, all its waves, or
    all levels of one variable.

    Returns
    -------
    dict
        Id -> ours, range_low, range_high, calculation, verdict, cause. A figure that they leave open is not in it.
    """
    figures = figures.reset_index(drop=True)
    exact = figures[(figures["comparison"] == "=") & figures["value"].notna()]
    group = {
        f.id: " vs ".join(parse_group(f.group, codebook)) for f in figures.itertuples()
    }
    key = ["survey", "item", "outcome", "conditioning"]
    out: dict[str, dict[str, Any]] = {}
    for figure in figures.itertuples():
        rest = exact[
            (exact[key] == [getattr(figure, k) for k in key]).all(axis=1)
            & (exact["id"] != figure.id)
        ]
        here = rest[
            (rest["wave"] == figure.wave) & (rest["countries"] == figure.countries)
        ]
        counts = figure.statistic == "count" and figure.item != "context"
        sums = list(_parts(figure, rest, here, group, codebook)) if counts else []
        ends = [
            (sum(t["value"] - s * t["half_width"]) for s in (0, 1, -1)) for t in sums
        ]
        found = [(*e, " + ".join(t["id"])) for e, t in zip(ends, sums, strict=True)]
        shares = {
            group[p.id]: p for p in here[here["statistic"] == "percent"].itertuples()
        }
        pair = [shares[g] for g in group[figure.id].split(" vs ") if g in shares]
        if figure.statistic in ("points", "ratio") and len(pair) == 2:
            a, b = pair
            op, sign = {
                "points": (float.__sub__, "−"),
                "ratio": (float.__truediv__, "/"),
            }[figure.statistic]
            each = [
                op(a.value - s * a.half_width, b.value + s * b.half_width)
                for s in (0, 1, -1)
            ]
            found.append((*each, f"{a.id} {sign} {b.id}"))
        told = [_agrees(figure, low, high) for _, low, high, _ in found]
        if found and None not in told:
            value, low, high = found[0][:3]
            how = "; ".join(f[3] for f in found)
            out[figure.id] = {
                "evidence": "published",
                "ours": value,
                "range_low": low,
                "range_high": high,
            }
            out[figure.id] |= {
                "calculation": how,
                "verdict": HOLDS if all(told) else INCONSISTENT,
                "cause": "",
            }
    return out


def _parts(figure: Any, rest: pd.DataFrame, here: pd.DataFrame, group: Mapping[str, str],
           codebook: Mapping[str, Any]) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Tables of printed numbers of people that add up to that of a figure: itself again, countries, waves, levels."""
    same = rest[rest["id"].map(group) == group[figure.id]]
    waves, places = figure.wave.split(), figure.countries.split()
    for _, again in here[here["id"].isin(same["id"])].groupby("id"):
        yield again
    by_place = same[(same["wave"] == figure.wave) & same["countries"].isin(places)]
    if len(places) > 1 and set(by_place["countries"]) == set(places):
        yield by_place
    everywhere = same["wave"].map(
        {wave: " ".join(countries) for wave, countries in WAVES.items()}
    )
    by_wave = same[same["wave"].isin(waves) & (same["countries"] == everywhere)]
    if len(waves) > 1 and set(by_wave["wave"]) == set(waves):
        yield by_wave
    if group[figure.id] == "all":
        levels = {
            i: m.groups() for i in here["id"] if (m := _LEVEL.fullmatch(group[i]))
        }
        for variable in dict.fromkeys(v for v, _ in levels.values()):
            chosen = {i: level for i, (v, level) in levels.items() if v == variable}
            if set(chosen.values()) == set(codebook[variable].levels or ()):
                yield here[here["id"].isin(chosen)]


def _agrees(figure: Any, low: float, high: float) -> bool | None:
    """Whether a range agrees with a printed figure; None if it leaves that open."""
    value = figure.value
    if figure.comparison == "=":
        return bool(
            low <= value + figure.half_width + 1e-9
            and high >= value - figure.half_width - 1e-9
        )
    surely, never = {">": (low > value, high <= value), ">=": (low >= value, high < value),
                     "<": (high < value, low >= value)}.get(figure.comparison, (False, False))  # fmt: skip
    return True if surely else False if never else None
