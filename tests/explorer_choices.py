"""All choices of the explorer, and what the library and the page's scripts make of each."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import trustlib as tl
from trustbook.cells_json import cells_as_json
from trustbook.sealing import load_cell_plan
from trustbook.sphinx.explorer_pages import WEB

ROOT = Path(__file__).parents[1]
SOURCES = ("hints7", "hints6", "synthetic")
MEASURES = ("interaction_contrast", "ratio_of_rr", "ratio_of_or")
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high", "n"]
SCRIPTS = [
    WEB / name for name in ("explorer_arithmetic.js", "explorer_file.js")
]  # the order of the page
COMPUTE = """choices => choices.map(([set, axes, first]) => {
    const found = trustArithmetic.everything(window.sets[set], axes, first);
    const level = of => of.p.map((p, i) => [p, of.se[i], of.low[i], of.high[i], of.n[i], of.worth[i]]);
    const compared = of => of.map(one => [one.estimate, one.se, one.low, one.high, one.n]);
    const model = of => of.map(one => [one.code, one.estimate, one.se, one.low, one.high, one.df]);
    return {levels: level(found.levels), levels_plus_four: level(found.plusFour),
        gaps: compared(found.gaps), gaps_plus_four: compared(found.gapsPlusFour),
        interactions: compared(found.interactions),
        interactions_plus_four: compared(found.interactionsPlusFour),
        additive: model(found.additive), saturated: model(found.saturated)};
})"""


@dataclass(frozen=True)
class Choice:
    """A set of cells, two or three of its axes, and the reference level of each."""

    path: Path
    axes: tuple[str, ...]
    first: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path.stem} by {', '.join(self.axes)} from {self.first}"


@cache
def cells_of(path: Path) -> tl.Cells:
    return tl.Cells.read(path)


def paths() -> list[Path]:
    """The files that the page is given: weighted, and of two axes or more."""
    found = []
    for source in SOURCES:
        folder = ROOT / "data" / source
        plan = load_cell_plan(folder / "cells.yml")
        found += [
            folder / "cells" / f"{name}.parquet"
            for name, spec in plan.sets.items()
            if len(spec.by) > 1 and spec.weights == "weighted"
        ]
    return found


def choices_of(path: Path) -> list[Choice]:
    """Every pair and triple of the axes of some cells, from every reference."""
    cells = cells_of(path)
    made = []
    for size in (2, 3):
        for axes in itertools.combinations(cells.by, size):
            sizes = [len(cells.frame[axis].cat.categories) for axis in axes]
            references = itertools.product(*map(range, sizes))
            made += [Choice(path, axes, first) for first in references]
    return made


def from_reference(cells: tl.Cells, choice: Choice) -> tl.Cells:
    """The same cells, in which the reference levels are the first."""
    frame = cells.frame.copy()
    for axis, place in zip(choice.axes, choice.first, strict=True):
        levels = list(frame[axis].cat.categories)
        first = levels.pop(place)
        frame[axis] = frame[axis].cat.reorder_categories([first, *levels])
    return replace(cells, frame=frame)


def numbers(estimates: tl.Estimates, *more: str) -> np.ndarray:
    return estimates.frame[[*NUMBERS, *more]].to_numpy(float)


def interactions(levels: tl.Estimates, axes: tuple[str, ...]) -> np.ndarray:
    """All pairs, then all three, each with the measures of the page."""
    tables = []
    for size in range(2, len(axes) + 1):
        for chosen in itertools.combinations(axes, size):
            found = tl.interactions(levels, *chosen, methods=["delta"])
            tables.append(numbers(found.where(f"measure in {list(MEASURES)}")))
    return np.vstack(tables)


def model(cells: tl.Cells, choice: Choice, sign: str) -> dict[str, list[float]]:
    fit = tl.fit_logit(cells, sign.join(choice.axes))
    t = tl.coefficients(fit).frame
    table = t[["estimate", "std_error", "conf_low", "conf_high", "df"]].to_numpy(float)
    return dict(zip(t["term"], table, strict=True))


def by_library(choice: Choice) -> dict[str, Any]:
    """All that the page shows, computed by the library."""
    cells = from_reference(cells_of(choice.path), choice)
    levels = tl.cell_means(cells, by=choice.axes)
    added = tl.cell_means(cells, by=choice.axes, plus_four=True)
    scales = ("difference", "ratio", "odds_ratio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tl.ProtectiveExposureWarning)
        return {
            "levels": numbers(levels, "n_eff"),
            "levels_plus_four": numbers(added, "n_eff"),
            "gaps": np.vstack(
                [numbers(tl.comparisons(levels, scale=scale)) for scale in scales]
            ),
            "gaps_plus_four": numbers(tl.comparisons(added, interval="mover")),
            "interactions": interactions(levels, choice.axes),
            "interactions_plus_four": interactions(added, choice.axes),
            "additive": model(cells, choice, " + "),
            "saturated": model(cells, choice, " * "),
        }


def term(cells: tl.Cells, choice: Choice, code: list[int]) -> str:
    """What the library calls a coefficient of the page."""
    parts = []
    for axis, place in zip(choice.axes, code, strict=True):
        if place:
            parts.append(f"{axis}[T.{cells.frame[axis].cat.categories[place]}]")
    return ":".join(parts) or "Intercept"


def by_page(browser: Any, choices: list[Choice]) -> list[dict[str, Any]]:
    """The same by the scripts of the page, in Chromium."""
    sets = {
        path.stem: cells_as_json(cells_of(path)) for path in {c.path for c in choices}
    }
    page = browser.new_page()
    for script in SCRIPTS:
        page.add_script_tag(path=script)
    page.add_script_tag(content=f"window.sets = {json.dumps(sets)};")
    asked = [[choice.path.stem, choice.axes, choice.first] for choice in choices]
    found = page.evaluate(COMPUTE, asked)
    page.close()
    return found


def differences(
    ours: dict[str, Any], theirs: dict[str, Any], choice: Choice
) -> list[float]:
    """How far all numbers of the page are from those of the library, relative to these."""
    cells = from_reference(cells_of(choice.path), choice)
    found = []
    for name, table in ours.items():
        other = theirs[name]
        if isinstance(table, dict):
            named = {term(cells, choice, code): values for code, *values in other}
            assert named.keys() == table.keys(), f"{choice}: {name}"
            table = np.array(list(table.values()))
            other = [named[key] for key in ours[name]]
        other = np.array(other, dtype=float)
        assert other.shape == table.shape, f"{choice}: {name}"
        assert np.isfinite(table).all(), f"{choice}: {name}"
        scale = np.maximum(np.abs(table), 1e-4)
        found += (np.abs(other - table) / scale).ravel().tolist()
    return found
