"""Tables of simulated coverage on pages, read from ``data/simulations/`` at build.

``{simulation-table} gap ratio``
    shows for each quantity, method and size of the smallest group how often the
    interval held the truth: the lowest and the highest share among the scenarios.
    Options: ``:methods: wald mover_beta`` (which, and in which order), ``:outcome:
    rare``, ``:column: covered_shown`` (or ``mean_width``, ``shown``).
``{simulation-picture} gap``
    draws the same shares of one quantity beside the range from 93 to 97 percent.
    Options: ``:methods:`` and ``:sizes: 25 100`` (people).
``{simulation-table} pooling`` and ``{simulation-table} maihda``
    show the simulations of pooled gaps and of VPC and PCV.

A share below 93 or above 97 percent carries the word low or high.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst.directives import unchanged_required
from sphinx.application import Sphinx

from trustbook.pictures.rows import Axis, PictureRow, RowPicture
from trustbook.sphinx.directives import DataDirective, markdown_table, raw_html
from trustlib.errors import require_names
from trustlib.figures import RowName
from trustlib.tables import UNDEFINED

LOWEST, HIGHEST = 0.93, 0.97  # coverage outside of this carries a word
COLUMNS = ("covered", "covered_shown", "mean_width", "shown")
METHODS = {
    "logit": "logit",
    "wald": "Wald",
    "beta": "beta",
    "wilson": "Wilson",
    "likelihood": "likelihood",
    "plus_four": "plus four",
    "log": "on the log scale",
    "delta": "delta",
    "mover": "MOVER",
    "mover_logit": "MOVER of logit levels",
    "mover_beta": "MOVER of beta levels",
    "mover_wilson": "MOVER of Wilson levels",
    "plus_four_wald": "plus four, Wald",
    "plus_four_log": "plus four, on the log scale",
    "plus_four_mover": "plus four, MOVER",
    "plus_four_delta": "plus four, delta",
    "hksj": "HKSJ",
    "hksj_adhoc": "HKSJ, factor at least 1",
    "confidence": "confidence distribution of τ",
    "profile": "profile likelihood",
    "bootstrap": "percentile bootstrap",
}
QUANTITIES = {
    "level": "level",
    "gap": "gap",
    "ratio": "ratio",
    "odds_ratio": "odds ratio",
    "interaction_contrast": "interaction contrast",
    "reri_rr": "RERI",
    "ap": "AP",
    "synergy": "S",
    "ratio_of_rr": "ratio of risk ratios",
    "reri_or": "RERI of odds ratios",
    "ap_or": "AP of odds ratios",
    "synergy_or": "S of odds ratios",
    "ratio_of_or": "ratio of odds ratios",
}


def spread(shares: pd.Series, judge: bool) -> str:
    """The lowest and the highest share in percent.

    Parameters
    ----------
    shares : Series
        One share for each scenario; missing where too few results were shown.
    judge : bool
        Whether a word says that they leave the range from 93 to 97 percent.

    Examples
    --------
    >>> import pandas as pd
    >>> spread(pd.Series([0.912, 0.95]), judge=True)
    '91.2–95.0 low'
    >>> spread(pd.Series([0.95, 0.95]), judge=True)
    '95.0'
    """
    low = shares.min()
    high = shares.max()
    if pd.isna(low):
        return "too few"
    ends = [f"{100 * low:.1f}", f"{100 * high:.1f}"]
    words = ["–".join(dict.fromkeys(ends))]
    if judge and low < LOWEST:
        words.append("low")
    if judge and high > HIGHEST:
        words.append("high")
    return " ".join(words)


# ----- the files, with a row and a size for each line -----


def of_people(table: pd.DataFrame) -> pd.DataFrame:
    """Scenarios by the number of people with both identities.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"cell": [100, 10], "quantity": ["gap", "ratio"]})
    >>> of_people(table)[["row", "size"]].values.tolist()
    [['ratio', '10 people'], ['gap', '100 people']]
    """
    table = table.sort_values("cell", kind="stable")
    row = table["quantity"].map(QUANTITIES)
    size = table["cell"].astype(str) + " people"
    return table.assign(row=row, size=size)


def of_countries(table: pd.DataFrame) -> pd.DataFrame:
    """Settings by the number of countries and how much they differ.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"countries": [5], "tau": [0.02], "quantity": ["mean"]})
    >>> of_countries(table)["size"].item()
    '5 countries, τ = 0.02'
    """
    pairs = zip(table["countries"], table["tau"], strict=True)
    size = [f"{countries} countries, τ = {tau:g}" for countries, tau in pairs]
    return table.assign(row=table["quantity"], size=size)


def of_strata(table: pd.DataFrame) -> pd.DataFrame:
    """Settings of the multilevel models by the number of people.

    Examples
    --------
    >>> import pandas as pd
    >>> setting = {"measure": "vpc", "model": "null", "world": "exchangeable"}
    >>> of_strata(pd.DataFrame([setting | {"n": 2000}]))["row"].item()
    'VPC, null model, exchangeable'
    """
    measure = table["measure"].str.upper()
    row = measure + ", " + table["model"] + " model, " + table["world"]
    size = table["n"].map("{:,} people".format)
    named = table.rename(columns={"coverage": "covered"})
    return named.assign(row=row, size=size)


@dataclass(frozen=True)
class Simulation:
    """A file below ``data/simulations/`` and how it gets its columns row and size."""

    file: str
    arrange: Callable[[pd.DataFrame], pd.DataFrame]


INTERVALS = Simulation("interval_coverage", of_people)
OTHERS = {
    "pooling": Simulation("pooling_coverage", of_countries),
    "maihda": Simulation("maihda_coverage", of_strata),
}


class SimulationTable(DataDirective):
    """How often intervals held the truth among simulated people or countries."""

    required_arguments = 1
    optional_arguments = 0
    option_spec: ClassVar = dict.fromkeys(
        ("methods", "outcome", "column"), unchanged_required
    )
    synthetic = True

    def make(self) -> list[nodes.Node]:
        """One row for each quantity and method, one column for each size."""
        column = self.options.get("column", "covered")
        require_names("column of the simulation", [column], COLUMNS)
        table = self.scenarios()
        methods = list(table["method"].unique())
        if "methods" in self.options:
            methods = self.options["methods"].split()
        table = self.only(table, "method", methods)
        sizes = table["size"].unique()
        rows = []
        for name, method in product(table["row"].unique(), methods):
            mine = table[(table["row"] == name) & (table["method"] == method)]
            if not mine.empty:
                cells = _by_size(mine, column, sizes)
                rows.append([f"{name}: {METHODS[method]}", *cells])
        return self.read(markdown_table(["Interval (synthetic)", *sizes], rows))

    def scenarios(self) -> pd.DataFrame:
        """The scenarios that the argument and the option ``outcome`` choose."""
        kinds = self.arguments[0].split()
        simulation = OTHERS.get(kinds[0], INTERVALS)
        path = self.file(f"simulations/{simulation.file}.csv")
        raw = pd.read_csv(path, keep_default_na=False, na_values="")
        table = simulation.arrange(raw)
        if simulation is INTERVALS:
            table = self.only(table, "quantity", kinds)
        if "outcome" in self.options:
            table = self.only(table, "outcome", [self.options["outcome"]])
        return table

    def only(self, table: pd.DataFrame, column: str, values: list[str]) -> pd.DataFrame:
        """The rows with some values, which must be there."""
        require_names(f"simulated {column}", values, table[column].unique())
        return table[table[column].isin(values)]


class SimulationPicture(SimulationTable):
    """The lowest and the highest coverage of some methods, by size, as lines."""

    option_spec: ClassVar = dict.fromkeys(
        ("methods", "sizes", "outcome"), unchanged_required
    )

    def make(self) -> list[nodes.Node]:
        """One line for each method in each size."""
        table = self.scenarios()
        methods = self.options["methods"].split()
        sizes = [f"{size} people" for size in self.options["sizes"].split()]
        table = self.only(self.only(table, "method", methods), "size", sizes)
        rows = []
        held = dict.fromkeys(methods, 0)
        for size, method in product(sizes, methods):
            mine = table[(table["size"] == size) & (table["method"] == method)]
            low, high = mine["covered"].min(), mine["covered"].max()
            held[method] += low >= LOWEST and high <= HIGHEST
            name = RowName(size, METHODS[method])
            ends = (100 * low, float("nan"), 100 * high)
            rows.append(
                PictureRow(name, ends, spread(mine["covered"], True), UNDEFINED)
            )
        named = [f"{METHODS[m]} in {held[m]} of {len(sizes)} sizes" for m in methods]
        picture = RowPicture(
            title=f"Synthetic: within 93 to 97 percent stay {', '.join(named)}",
            what=f"{table['row'].iloc[0]}: percent of intervals that held the truth",
            rows=tuple(rows),
            axis=Axis(_ticks(table["covered"].min())),
            says="From the scenario with the lowest to that with the highest share.",
            evidence="Simulated people, synthetic",
            band=(100 * LOWEST, 100 * HIGHEST),
            legend=(("band", "93 to 97 percent"),),
        )
        return raw_html(picture._repr_html_())


def _ticks(lowest: float) -> tuple[float, ...]:
    """Round percentages from below the lowest share to 100."""
    first = int(10 * lowest) * 10
    return tuple(float(tick) for tick in range(first, 101, 10))


def _by_size(scenarios: pd.DataFrame, column: str, sizes: list[str]) -> list[str]:
    """A column of the scenarios of one method, by size."""
    judge = column.startswith("covered")
    cells = []
    for size in sizes:
        shares = scenarios.loc[scenarios["size"] == size, column]
        cells.append(spread(shares, judge))
    return cells


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("simulation-table", SimulationTable)
    app.add_directive("simulation-picture", SimulationPicture)
    return {"parallel_read_safe": True}
