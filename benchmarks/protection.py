"""What do protected cells cost: how often do their 95 % intervals cover, and how much wider are they?

Run ``python benchmarks/protection.py [DESIGNS] [DRAWS]`` from the top of the repository. Each design has its own axes,
sizes, weights, strata, clusters or replicate weights and true percentages. Each draw of people is compressed once; the
exact cells, the protected ones, and protected totals without the added variance are then asked for the same intervals.
The table is written to ``data/protection/coverage.csv``.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import trustlib as tl
from trustlib.protection import widening
from trustlib.variance import SealedScatter
from trustlib.writing import write_text

DESIGNS, DRAWS = 220, 60
MODELS_EVERY = 2  # draws: gaps, interaction and coefficients take longer
# People of a cell on average -> how even sizes of cells are, and how far shares are from one half: most draws pass the
# gate then.
SMALL_CELLS = {
    28: (400.0, 0.02),
    40: (400.0, 0.07),
    60: (60.0, 0.12),
    120: (8.0, 0.2),
    300: (8.0, 0.25),
}
SPREAD = 0.3  # of the shares of cells, relative to their distance from one half
KINDS_OF_DESIGN = [
    "people",
    "people",
    "people",
    "strata",
    "clusters",
    "clusters",
    "raked",
    "bootstrap",
]
REPLICATES = 60
OUT = Path("data/protection/coverage.csv")
SIZES = {30: "30 or fewer", 100: "31 to 100", 400: "101 to 400"}
KINDS = ("exact", "protected", "uncounted")


@dataclass(frozen=True)
class Population:
    """A design, and the truth of each cell."""

    axes: dict[str, list[str]]
    chance: np.ndarray  # (C,) of the cells, in the order of `product`
    size: np.ndarray  # (C,) share of people
    n: int
    unevenness: float  # of log weights; 0: unweighted
    kind: str  # "people", "strata", "clusters", "bootstrap" or "raked"
    cluster_effect: float

    @classmethod
    def of(cls, seed: int) -> Population:
        """The population of a number, always the same."""
        rng = np.random.default_rng(seed)
        levels = [list("abcd"[: rng.integers(2, 5)]) for _ in range(2)]
        if rng.random() < 0.3:
            levels.append(["no", "yes"])
        axes = {f"axis{i}": each for i, each in enumerate(levels)}
        cells = len(list(product(*levels)))
        each = int(rng.choice(list(SMALL_CELLS)))
        evenness, distance = SMALL_CELLS[each]
        shares = rng.dirichlet(np.full(cells, evenness))
        chance = 0.5 + distance * (
            rng.uniform(-1, 1) + SPREAD * rng.uniform(-1, 1, cells)
        )
        return cls(
            axes,
            chance,
            shares,
            n=cells * each,
            unevenness=rng.choice([0.0, 0.3, 0.6]),
            kind=str(rng.choice(KINDS_OF_DESIGN)),
            cluster_effect=float(rng.choice([0.0, 0.05])),
        )

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """People of a sample."""
        cell = rng.choice(len(self.size), self.n, p=self.size)
        frame = pd.DataFrame(
            list(product(*self.axes.values())), columns=list(self.axes)
        )
        people = frame.astype("category").iloc[cell].reset_index(drop=True)
        clusters = max(40, 3 * len(self.size))
        people["psu"] = rng.integers(0, clusters, self.n)
        effect = self.cluster_effect * rng.uniform(-1, 1, clusters)
        chance = self.chance[cell]
        if self.kind == "clusters":
            chance = chance + effect[people["psu"]]
        people["y"] = (rng.random(self.n) < chance).astype(float)
        people["w"] = np.exp(self.unevenness * rng.standard_normal(self.n))
        people["stratum"] = rng.integers(0, 4, self.n)
        return people

    def design(self, people: pd.DataFrame, rng: np.random.Generator) -> tl.SurveyDesign:
        """The design of a sample."""
        match self.kind:
            case "strata":
                return tl.SurveyDesign(people, weight="w", strata="stratum")
            case "clusters":
                return tl.SurveyDesign(people, weight="w", psu="psu")
            case "bootstrap":
                plain = tl.SurveyDesign(people, weight="w", psu="psu")
                seed = int(rng.integers(2**31))
                return tl.bootstrap_weights(plain, replicates=REPLICATES, seed=seed)
            case "raked":
                weights = tl.rake(tl.SurveyDesign(people, weight="w"), self._margins())
                return tl.SurveyDesign(
                    people.assign(w=weights), weight="w", raked=["axis0"]
                )
        return tl.SurveyDesign(people, weight="w" if self.unevenness else None)

    def _margins(self) -> dict[str, dict[str, float]]:
        """The true shares of the first axis."""
        cells = pd.DataFrame(
            list(product(*self.axes.values())), columns=list(self.axes)
        )
        shares = cells.assign(share=self.size).groupby("axis0")["share"].sum()
        return {"axis0": shares.to_dict()}


def truths(population: Population, levels: pd.DataFrame) -> np.ndarray:
    """The true percentage of each row of levels."""
    cells = product(*population.axes.values())
    chance = dict(zip(cells, population.chance, strict=True))
    keys = levels[list(population.axes)].astype(str).itertuples(index=False, name=None)
    return np.array([chance[key] for key in keys])


def variants(cells: tl.Cells, key: bytes) -> dict[str, tl.Cells]:
    """The exact cells, the protected ones, and those whose noise nobody counted."""
    exact = cells.seal()
    protected = tl.protect(cells, key)
    matrix = exact.scatter.covariance(np.eye(2 * len(exact)))
    uncounted = replace(protected, scatter=SealedScatter(matrix), df=exact.df)
    return dict(zip(KINDS, (exact, protected, uncounted), strict=True))


Interval = tuple[str, str, bool, float, float]  # what, size, covers, width, formula


def of_levels(
    population: Population, cells: tl.Cells, exact: tl.Estimates
) -> Iterator[Interval]:
    """The intervals of the levels; sizes and the formula are those of the exact cells."""
    frame = tl.cell_means(cells).frame
    truth = truths(population, frame)
    n = exact.frame["n"].to_numpy()
    share = exact.frame["estimate"].to_numpy()
    deff = np.maximum(
        exact.frame["std_error"] ** 2 * exact.frame["n_eff"] / (share * (1 - share)),
        1e-9,
    )
    wider = widening(share, n, 1.0, deff)
    for i, row in enumerate(frame.itertuples()):
        covers = row.conf_low <= truth[i] <= row.conf_high
        yield "level", size_class(n[i]), covers, row.conf_high - row.conf_low, wider[i]


def size_class(people: float) -> str:
    """The class of a number of people."""
    for most, name in SIZES.items():
        if people <= most:
            return name
    return "more than 400"


def of_models(population: Population, cells: tl.Cells) -> Iterator[Interval]:
    """The intervals of gaps, of the interaction contrast and of the coefficients of the saturated model."""
    names = list(population.axes)
    levels = tl.cell_means(cells)
    truth = truths(population, levels.frame)
    gaps = tl.comparisons(levels).frame
    for row, gap in zip(gaps.itertuples(), truth[1:] - truth[0], strict=True):
        yield (
            "gap",
            "",
            row.conf_low <= gap <= row.conf_high,
            row.conf_high - row.conf_low,
            1.0,
        )
    if len(names) > 2:
        return
    contrast = tl.interactions(levels, *names).where(
        "measure == 'interaction_contrast' and method == 'delta'"
    )
    grid = truth.reshape(len(population.axes[names[0]]), -1)
    both = grid[1:, 1:] - grid[1:, :1] - grid[:1, 1:] + grid[0, 0]
    for row, value in zip(contrast.frame.itertuples(), both.ravel(), strict=True):
        yield (
            "interaction",
            "",
            row.conf_low <= value <= row.conf_high,
            row.conf_high - row.conf_low,
            1.0,
        )
    yield from of_coefficients(grid, tl.fit_logit(cells, " * ".join(names)))


def of_coefficients(grid: np.ndarray, fit: tl.LogitFit) -> Iterator[Interval]:
    """The intervals of the coefficients, all of a saturated model of two axes."""
    logit = np.log(grid / (1 - grid))
    first = logit[1:, 0] - logit[0, 0]
    second = logit[0, 1:] - logit[0, 0]
    both = logit[1:, 1:] - logit[1:, :1] - logit[:1, 1:] + logit[0, 0]
    true = np.concatenate([[logit[0, 0]], first, second, both.T.ravel()])
    frame = tl.coefficients(fit).frame
    for row, value in zip(frame.itertuples(), true, strict=True):
        yield (
            "coefficient",
            "",
            row.conf_low <= value <= row.conf_high,
            row.conf_high - row.conf_low,
            1.0,
        )


def main(designs: int = DESIGNS, draws: int = DRAWS) -> pd.DataFrame:
    """Coverage of each kind of interval, and mean width relative to that of exact cells."""
    rows = []
    refused: Counter[str] = Counter()
    used = set()
    for number in range(designs):
        population = Population.of(number)
        rng = np.random.default_rng([number, 1])
        key = hashlib.sha256(str(number).encode()).digest()
        for draw in range(draws):
            people = population.draw(rng)
            cells = tl.compress(
                population.design(people, rng), "y", list(population.axes)
            )
            try:
                made = variants(cells, key)
            except (tl.DisclosureError, tl.DesignError) as error:
                refused[type(error).__name__] += 1
                continue
            used.add(number)
            rows += intervals(population, made, models=draw % MODELS_EVERY == 0)
    print(f"{len(used)} of {designs} designs used; draws refused: {dict(refused)}")
    return summary(
        pd.DataFrame(rows, columns=["of", "people", *KINDS, "width", "formula"])
    )


def intervals(
    population: Population, made: dict[str, tl.Cells], models: bool
) -> list[tuple]:
    """The intervals of one draw side by side: do the three cover, and how wide is the protected one?"""
    exact = tl.cell_means(made["exact"])
    found = {}
    for kind, cells in made.items():
        found[kind] = list(of_levels(population, cells, exact))
        if models:
            found[kind] += of_models(population, cells)
    rows = []
    for one, two, three in zip(*found.values(), strict=True):
        rows.append((*one[:2], one[2], two[2], three[2], two[3] / one[3], one[4]))
    return rows


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Percent covered and relative widths of each kind of interval, levels also by size."""
    levels = found[found["of"] == "level"]
    parts = [found.assign(people="all"), levels]
    groups = pd.concat(parts).groupby(["of", "people"], sort=False)
    table = 100 * groups[list(KINDS)].mean()
    table["width"] = groups["width"].mean()
    table["formula"] = groups["formula"].mean()
    table.insert(0, "intervals", groups.size())
    return table.reset_index().rename(columns={"of": "interval"})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    table = main(*map(int, sys.argv[1:3]))
    print(table.round(3).to_string(index=False))
    write_text(OUT, table.round(4).to_csv(index=False))
