"""What protected cells cost and withstand, as tables on the page on what may leave.

``{protection-table} coverage``
    shows how often intervals from protected cells held the truth, and their width.
``{protection-table} attacks``
    shows how often each attack hit, with protection, without it, and by guessing.
``{protection-table} refusals``
    shows what was never let out, whatever the noise.

The files are those of ``benchmarks/protection.py`` and ``benchmarks/attacks.py``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.sphinx.directives import DataDirective, markdown_table
from trustlib.errors import TrustlibError

COVERAGE_HEADS = (
    "Interval of a",
    "People in the cell",
    "Intervals",
    "Exact, held",
    "Protected, held",
    "Noise not counted, held",
    "Width, protected to exact",
    "Width by the formula",
)
ATTACK_HEADS = (
    "What is used",
    "What is guessed",
    "Hits without protection",
    "Hits with noise alone",
    "Hits with noise and rules",
    "Hits by guessing alone",
    "Most that chance allows",
    "Trials",
)
REFUSAL_HEADS = ("What was to leave", "Refused", "Of")
# Attack -> what it uses, in words.
USES = {
    "outcomes": "two questions on the same cells",
    "releases": "two releases, one person apart",
    "variants": "weighted cells beside trimmed ones",
    "margins": "a margin beside finer cells",
    "releases, allowed": "two releases, the smallest change let through",
    "classes": "weights that are the same within classes",
    "clusters": "two clusters in a cell",
    "covariance": "the covariance matrix of one question",
    "covariance of 20": "the covariance matrices of twenty questions",
    "df": "degrees of freedom",
    "exact share": "one exact percentage beside protected cells",
    "exact number": "one exact number of people beside protected cells",
    "unweighted": "percentages without weights",
    "counts": "numbers of people printed elsewhere",
    "dominance": "a cell that one heavy person rules",
    "constant": "a cell in which nearly all answer alike",
}


class ProtectionTable(DataDirective):
    """One of the tables on protection; its argument names the file."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """A table with a row for each line of the file."""
        makers = {
            "coverage": (COVERAGE_HEADS, _coverage_row),
            "attacks": (ATTACK_HEADS, _attack_row),
            "refusals": (REFUSAL_HEADS, _refusal_row),
        }
        name = self.arguments[0]
        if name not in makers:
            raise TrustlibError(
                f"Unknown table {name!r}.", f"Give one of {', '.join(makers)}."
            )
        heads, row = makers[name]
        lines = pd.read_csv(self.file(f"protection/{name}.csv"))
        rows = [row(line) for line in lines.itertuples()]
        return self.read(markdown_table(heads, rows))


def _coverage_row(line: Any) -> list[str]:
    """Percent that held the truth, and mean widths."""
    formula = "" if line.interval != "level" else f"{line.formula:.3f}"
    return [
        line.interval,
        line.people,
        f"{line.intervals:,}",
        f"{line.exact:.1f}",
        f"{line.protected:.1f}",
        f"{line.uncounted:.1f}",
        f"{line.width:.3f}",
        formula,
    ]


def _attack_row(line: Any) -> list[str]:
    """Hits of an attack in trials."""
    alone = line.noise_alone_hits
    return [
        USES[line.scenario],
        line.secret,
        f"{line.off_hits:,}",
        "" if pd.isna(alone) else f"{alone:,.0f}",
        f"{line.on_hits:,}",
        f"{line.base_rate * line.trials:,.0f}",
        f"{line.most_allowed:,.0f}",
        f"{line.trials:,}",
    ]


def _refusal_row(line: Any) -> list[str]:
    """How often the rules refused it."""
    return [line.publication, f"{line.refused:,}", f"{line.tries:,}"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("protection-table", ProtectionTable)
    return {"parallel_read_safe": True}
