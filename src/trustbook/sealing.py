"""Sealed cells by plan: which cells of a survey file are committed, made again and compared.

A plan (``data/<source>/cells.yml``) names the mapping and, for each set of cells, the outcome and the axes::

    mapping: mapping.yml          # its `file:` lies below the data folder
    cells:
      mistrust: {outcome: mistrust, by: []}
      mistrust-gender: {outcome: mistrust, by: [gender], known: [ethnicity]}

`known` restricts a set to people whose value of these variables is known too, so that sets share one base. Sets of one
`family` (by default the outcome) are subtracted from each other before they are sealed: a difference that isolates a
few people, such as those who told their sex and not their ethnicity, is refused like a small cell. `where` restricts a
set to a part of the survey, such as one wave (a condition as in `SurveyDesign.domain`); within a family the parts are
the same or hold nobody in common. `weights: unweighted` makes the cells with everybody counted once, so that a reader
sees what the weights do (see `trustlib.review.reweighted`). There are no cells with trimmed weights: subtracted from
the weighted ones they leave the few people whose weights were trimmed. What trimming does is kept as results
(`trustbook.dossier.trimmed_gaps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pandas as pd

from trustbook.plans import CellPlanForm, CellSet
from trustlib.cells import SUMS, Cells
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import DOMINANT, MINIMUM
from trustlib.errors import CodebookError, DesignError, DisclosureError
from trustlib.forms import read
from trustlib.review import reweighted
from trustlib.schema import declared_design, load_mapping, load_yaml, read_survey
from trustlib.writing import write_together

RELATIVE = 1e-10


@dataclass(frozen=True)
class CellPlan:
    """What to seal of one survey file."""

    mapping: Path
    file: str
    sets: dict[str, CellSet]


def load_cell_plan(path: str | Path) -> CellPlan:
    """Read a plan of sealed cells."""
    path = Path(path)
    hint = "Expected `mapping:` and `cells:`, each with outcome and by. See trustbook.sealing."
    plan = read(
        CellPlanForm,
        load_yaml(path),
        f"{path} is not a plan of cells",
        CodebookError,
        hint,
    )
    mapping = path.parent / plan.mapping
    file = load_mapping(mapping)[0].file
    if not file:
        raise CodebookError(
            f"{mapping} names no `file:`.",
            "Name the survey file below the data folder.",
        )
    return CellPlan(mapping, file, plan.cells)


def make_cells(plan: CellPlan, file: str | Path) -> dict[str, Cells]:
    """Read the survey file and seal each set of cells.

    Raises
    ------
    DisclosureError
        A cell, or the difference between two sets of one family, is smaller than 10 people, or one person has most of
        the weight.
    """
    frame = read_survey(file, plan.mapping)
    design = SurveyDesign(frame, **declared_design(plan.mapping))
    made, bases = {}, {}
    for name, spec in plan.sets.items():
        base = people_of(spec, design)
        if spec.weights == "unweighted":
            base = reweighted(base, "unweighted")
        made[name] = compress(base, spec.outcome, spec.by)
        bases[name] = base
    _require_equal_or_apart(plan.sets, design)
    _require_no_small_difference(plan.sets, made)
    sealed = {name: cells.seal() for name, cells in made.items()}
    for name, spec in plan.sets.items():
        _require_nobody_dominates(name, spec, bases[name])
    return sealed


def people_of(spec: CellSet, design: SurveyDesign) -> SurveyDesign:
    """The design restricted to the people of a set: its part of the survey, and what they must have told."""
    base = design
    if spec.where is not None:
        base = base.domain(spec.where)
    if spec.told:
        told = design.frame[sorted(spec.told)].notna().all(axis=1)
        base = base.domain(told.to_numpy())
    return base


def write_cells(made: Mapping[str, Cells], folder: Path) -> None:
    """Write sealed cells as ``<name>.parquet``: all of them are written before the first replaces an old file."""
    paths = [folder / f"{name}.parquet" for name in made]
    with write_together(paths) as temporary:
        for cells, path in zip(made.values(), temporary, strict=True):
            cells.write_to(path)


def _require_nobody_dominates(name: str, spec: CellSet, base: SurveyDesign) -> None:
    """Refuse a set if one person has most of the weight of the people in a cell who gave the same answer."""
    inside = base.frame.get(DOMAIN, pd.Series(True, base.frame.index))
    weights = (
        base.frame[inside].groupby([*spec.by, spec.outcome], observed=True)[base.weight]
        if base.weight
        else None
    )
    if weights is not None and (weights.max() > DOMINANT * weights.sum()).any():
        raise DisclosureError(
            f"In cells {name!r} one person has more than {DOMINANT:.0%} of the weight of all who gave the same answer.",
            "Trim the weights, or use coarser levels.",
        )


def _require_equal_or_apart(sets: dict[str, CellSet], design: SurveyDesign) -> None:
    """Refuse two sets of one family whose people overlap in part: their difference could be a few people."""
    bases = {
        s.where: design.domain(s.where).frame[DOMAIN].to_numpy() if s.where else None
        for s in sets.values()
    }
    for (name, one), (other, two) in combinations(sets.items(), 2):
        a, b = bases[one.where], bases[two.where]
        if (
            one.where != two.where
            and one.in_family == two.in_family
            and (a is None or b is None or (a & b).any())
        ):
            raise DisclosureError(
                f"The people of cells {name!r} and of {other!r} overlap, and their `where:` differs.",
                "Give sets of one family the same `where:`, or such that nobody is in both.",
            )


def _require_no_small_difference(
    sets: dict[str, CellSet], made: dict[str, Cells]
) -> None:
    """Refuse sets whose subtraction isolates fewer than 10 people, with or without the outcome."""
    for (name, inner), (other, outer) in permutations(sets.items(), 2):
        if (
            inner.in_family != outer.in_family
            or inner.where != outer.where
            or not inner.told >= outer.told
        ):
            continue
        common = [c for c in inner.by if c in outer.by]
        a, b = (_people(made[each].frame, common) for each in (name, other))
        left = b - a
        sizes = np.abs(np.r_[left["n"], left["n_events"], left["n"] - left["n_events"]])
        if ((sizes > 0) & (sizes < MINIMUM)).any():
            raise DisclosureError(
                f"Cells {name!r} subtracted from {other!r} isolate fewer than {MINIMUM} people.",
                "Give both the same `known:` variables, so that they share one base, or leave one of them out.",
            )


def _people(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """People, and people with the outcome, in each combination of `by`."""
    counts = frame[["n", "n_events"]]
    return (
        counts.groupby([frame[c] for c in by], observed=True).sum()
        if by
        else counts.sum().to_frame().T
    )


def largest_difference(ours: Cells, other: Cells) -> float:
    """Largest relative difference between totals and covariances of two sets of the same sealed cells."""
    sums = [c for c in SUMS if c.startswith("sum")]
    cells, others = (c.frame.drop(columns=sums).astype(object) for c in (ours, other))
    if not cells.equals(others) or (ours.outcome, ours.by, ours.df) != (
        other.outcome,
        other.by,
        other.df,
    ):
        return float("inf")
    every = np.eye(2 * len(ours))
    totals = [(ours.frame[c].to_numpy(), other.frame[c].to_numpy()) for c in sums]
    covariances = ours.scatter.covariance(every), other.scatter.covariance(every)
    return max(
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in (*totals, covariances)
    )


def require_same(made: Cells, path: str | Path) -> None:
    """Raise if committed cells differ from those just made from the survey file by more than 1e-10."""
    difference = largest_difference(made, Cells.read(path))
    if difference > RELATIVE:
        raise DesignError(
            f"The committed cells {Path(path).name} differ from those made from the survey file (relative difference "
            f"{difference:.2g}).",
            "The file, the mapping or the library changed. If that was intended, make them again with "
            "`trustlib compress` and say why in the changelog.",
        )
