"""All interaction contrasts of one survey, side by side and adjusted for their number.

``{contrasts-table} hints6`` shows those of the runs whose id begins so, with the verdict
of `trustbook.clear` on each: all contrasts of a survey are one family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes

from trustbook.clear import judge
from trustbook.replicates import SUFFIX
from trustbook.runs import load_plan
from trustbook.sphinx.evidence.page import EvidenceDirective
from trustlib.adjustment import holm
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
    "taylor_p_holm",
    "verdict",
]
HEADS = (
    "Outcome and identities",
    "Contrast, points",
    INTERVAL,
    "p",
    "p (Holm)",
    "p (Holm), Taylor",
    "Verdict",
)
OF_CONTRASTS = "measure == 'interaction_contrast' and method == 'delta'"


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
        conf_high and p_value by the replicate weights, p_holm and taylor_p_holm, which
        are adjusted for all of them, and verdict; in the order of p-values.

    Raises
    ------
    TrustlibError
        There is none, or one has no replicate errors.
    """
    paths = sorted(runs.glob(f"{prefix}-*/tables/interaction.csv"))
    if not paths:
        raise TrustlibError(
            f"No run of {prefix!r} has measures of interaction.", "Run the plan first."
        )
    every = pd.concat(map(_contrasts_of_run, paths), ignore_index=True)
    every["p_holm"] = holm(every["p_value"])
    every["taylor_p_holm"] = holm(every["taylor_p_value"])
    every["verdict"] = judge(every["p_value"], every["taylor_p_value"])
    return every[COLUMNS].sort_values("p_value", ignore_index=True)


def _contrasts_of_run(path: Path) -> pd.DataFrame:
    """The contrasts of one run, with its id, its title and the third identity."""
    folder = path.parents[1]
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    parameters = provenance["parameters"]
    primary = path.with_name(f"interaction{SUFFIX}.csv")
    if not primary.is_file():
        raise TrustlibError(
            f"The run {folder.name} has no replicate errors of its contrasts.",
            "Give it the parameter replicates, and run it again.",
        )
    rows = pd.read_csv(primary).query(OF_CONTRASTS)
    taylor = pd.read_csv(path).query(OF_CONTRASTS)["p_value"].to_numpy()
    pair = parameters["pair"]
    third = [name for name in parameters["identities"] if name not in pair]
    among: Any = ""
    if third:
        among = rows[third].agg(", ".join, axis=1)
    title = parameters["title"]
    return rows.assign(run=folder.name, title=title, among=among, taylor_p_value=taylor)


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
    p_values = [
        _p_value(p) for p in (contrast.p_value, contrast.p_holm, contrast.taylor_p_holm)
    ]
    return [name, estimate, f"{low} to {high}", *p_values, contrast.verdict]


def _p_value(p: float) -> str:
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}"
