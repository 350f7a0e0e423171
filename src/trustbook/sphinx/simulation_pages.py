"""Tables of simulated coverage on pages, read from ``data/simulations/`` when the book is built.

``{simulation-table} gap ratio`` shows for each quantity, method and size of the smallest group how often the interval
held the truth: the lowest and the highest share among the scenarios. Options: ``:methods: wald mover_beta`` (which, and
in which order), ``:outcome: rare``, ``:column: covered_shown`` (or ``mean_width``, ``shown``).
``{simulation-table} pooling`` and ``{simulation-table} maihda`` show the simulations of pooled gaps and of VPC and PCV.
A share below 93 or above 97 percent carries the word low or high.
"""

from __future__ import annotations

from itertools import product
from typing import ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst.directives import unchanged_required
from sphinx.application import Sphinx

from trustbook.sphinx.record_pages import _Made, markdown_table
from trustlib.errors import require_names

RANGE = (0.93, 0.97)
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
    """The lowest and the highest share in percent, with a word if they leave the range."""
    low, high = shares.min(), shares.max()
    if pd.isna(low):
        return "too few"
    ends = f"{100 * low:.1f}", f"{100 * high:.1f}"
    words = [
        word
        for word, out in (("low", low < RANGE[0]), ("high", high > RANGE[1]))
        if out and judge
    ]
    return " ".join(["–".join(dict.fromkeys(ends)), *words])


def of_people(table: pd.DataFrame) -> pd.DataFrame:
    """Scenarios by the number of people with both identities."""
    table = table.sort_values("cell", kind="stable")
    return table.assign(
        row=table["quantity"].map(QUANTITIES),
        size=table["cell"].astype(str) + " people",
    )


def of_countries(table: pd.DataFrame) -> pd.DataFrame:
    """Settings by the number of countries and how much they differ."""
    sizes = zip(table["countries"], table["tau"], strict=True)
    named = [f"{k} countries, τ = {tau:g}" for k, tau in sizes]
    return table.assign(row=table["quantity"], size=named)


def of_strata(table: pd.DataFrame) -> pd.DataFrame:
    """Settings of the multilevel models by the number of people."""
    row = (
        table["measure"].str.upper()
        + ", "
        + table["model"]
        + " model, "
        + table["world"]
    )
    return table.rename(columns={"coverage": "covered"}).assign(
        row=row, size=table["n"].map("{:,} people".format)
    )


READ = {
    "pooling": ("pooling_coverage", of_countries),
    "maihda": ("maihda_coverage", of_strata),
}


class SimulationTable(_Made):
    """How often intervals held the truth among simulated people or countries."""

    required_arguments = 1
    optional_arguments = 0
    option_spec: ClassVar = dict.fromkeys(
        ("methods", "outcome", "column"), unchanged_required
    )
    synthetic = True

    def make(self) -> list[nodes.Node]:
        """One row for each method, one column for each size."""
        kinds, column = self.arguments[0].split(), self.options.get("column", "covered")
        require_names("column of the simulation", [column], COLUMNS)
        name, read = READ.get(kinds[0], ("interval_coverage", of_people))
        table = read(
            pd.read_csv(
                self.file(f"simulations/{name}.csv"),
                keep_default_na=False,
                na_values="",
            )
        )
        if kinds[0] not in READ:
            table = self.only(table, "quantity", kinds)
        if "outcome" in self.options:
            table = self.only(table, "outcome", [self.options["outcome"]])
        methods = self.options.get(
            "methods", " ".join(table["method"].unique())
        ).split()
        table = self.only(table, "method", methods)
        sizes, rows = table["size"].unique(), []
        for row, method in product(table["row"].unique(), methods):
            mine = table[(table["row"] == row) & (table["method"] == method)]
            shares = (mine.loc[mine["size"] == size, column] for size in sizes)
            if len(mine):
                cells = [
                    spread(share, judge=column.startswith("covered"))
                    for share in shares
                ]
                rows.append([f"{row}: {METHODS[method]}", *cells])
        return self.read(markdown_table(["Interval (synthetic)", *sizes], rows))

    def only(self, table: pd.DataFrame, column: str, values: list[str]) -> pd.DataFrame:
        """The rows with some values, which must be there."""
        require_names(f"simulated {column}", values, table[column].unique())
        return table[table[column].isin(values)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("simulation-table", SimulationTable)
    return {"parallel_read_safe": True}
