"""All interaction contrasts of one survey, side by side and adjusted for their number.

``{contrasts-table} hints6`` shows those of the runs whose id begins so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes

from trustbook.runs import load_plan
from trustbook.sphinx.evidence.page import EvidenceDirective
from trustlib.errors import TrustlibError
from trustlib.tables import INTERVAL, number

COLUMNS = [
    "run",
    "title",
    "among",
    "estimate",
    "conf_low",
    "conf_high",
    "p_value",
    "p_holm",
]
HEADS = ("Outcome and identities", "Contrast, points", INTERVAL, "p", "p (Holm)")


def contrasts(runs: Path, prefix: str) -> pd.DataFrame:
    """Every interaction contrast of the runs whose id begins so.

    Parameters
    ----------
    runs : Path
        Where `trustlib run` left the runs.
    prefix : str
        The beginning of their ids, such as ``hints6``.

    Returns
    -------
    DataFrame
        Columns run, title, among (the level of a third identity), estimate, conf_low,
        conf_high, p_value and p_holm, which is adjusted for all of them (Holm); in the
        order of p-values.

    Raises
    ------
    TrustlibError
        There is none.

    Notes
    -----
    R: ``p.adjust(p_value, "holm")``.
    """
    from statsmodels.stats.multitest import multipletests

    paths = sorted(runs.glob(f"{prefix}-*/tables/interaction.csv"))
    if not paths:
        raise TrustlibError(
            f"No run of {prefix!r} has measures of interaction.", "Run the plan first."
        )
    every = pd.concat(map(_contrasts_of_run, paths), ignore_index=True)
    _, adjusted, *_ = multipletests(every["p_value"], method="holm")
    every["p_holm"] = adjusted
    return every[COLUMNS].sort_values("p_value", ignore_index=True)


def _contrasts_of_run(path: Path) -> pd.DataFrame:
    """The contrasts of one run, with its id, its title and the third identity."""
    folder = path.parents[1]
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    parameters = provenance["parameters"]
    measures = pd.read_csv(path)
    rows = measures.query("measure == 'interaction_contrast' and method == 'delta'")
    pair = parameters["pair"]
    third = [name for name in parameters["identities"] if name not in pair]
    among: Any = ""
    if third:
        among = rows[third].agg(", ".join, axis=1)
    return rows.assign(run=folder.name, title=parameters["title"], among=among)


class ContrastsTable(EvidenceDirective):
    """All interaction contrasts of one survey: none is read as if it were alone."""

    def make(self) -> list[nodes.Node]:
        """One row for each contrast, the clearest first."""
        source = Path(self.env.srcdir)
        runs = source / "_runs"
        plan = load_plan(source.parent / "notebooks" / "runs.yml")
        with_page = {run.id for run in plan if run.page}
        rows = []
        for contrast in contrasts(runs, self.arguments[0]).itertuples():
            path = runs / contrast.run / "tables" / "interaction.csv"
            self.env.note_dependency(str(path))
            rows.append(_row(contrast, with_page))
        return self.table(HEADS, rows)


def _row(contrast: Any, with_page: set[str]) -> list[str]:
    """One contrast: what of, linked to the page of its run, number, interval and p."""
    run = contrast.run
    name = contrast.title
    if contrast.among:
        name += f" ({contrast.among})"
    if run in with_page:
        name = f"{{doc}}`{name} </_runs/{run}/{run}>`"
    estimate = number(contrast.estimate, "difference")
    low = number(contrast.conf_low, "difference")
    high = number(contrast.conf_high, "difference")
    p_values = [_p_value(contrast.p_value), _p_value(contrast.p_holm)]
    return [name, estimate, f"{low} to {high}", *p_values]


def _p_value(p: float) -> str:
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}"
