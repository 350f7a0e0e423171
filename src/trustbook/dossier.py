"""A dossier per headline model: what the review template needs beside the estimates.

`write` leaves R scripts that repeat the model in the folder of the run; they are made in
`trustbook.r_scripts`.

Two files beside a plan of cells are made from the survey file, like the cells, by
``python -m trustbook.dossier data/hints6/cells.yml FILE [RUNS.yml]``. ``flow.csv`` counts
who is in each set and why the others are not. ``trimmed.csv`` holds the gap of each
dossier that asks for it with the largest weights trimmed: estimates, because cells with
trimmed weights would single people out.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.commands.console import status_of
from trustbook.r_script_parts import as_text, read_text
from trustbook.r_scripts import results, write
from trustbook.runs import Run, load_plan
from trustbook.sealing import CellPlan, load_cell_plan, people_of, plan_of
from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    MissingRowsWarning,
    RunError,
    require_file,
    require_names,
)
from trustlib.escaping import csv_cells, csv_plains
from trustlib.estimates import Estimates
from trustlib.logit import LogitFit
from trustlib.margins import coefficients
from trustlib.review import Report, flow, reweighted, robustness, robustness_of_cells
from trustlib.rounding import (
    people_in_words,
    rounded_df,
    rounded_people,
)
from trustlib.schema import declared_design, read_survey
from trustlib.tables import evidence
from trustlib.writing import write_whole

__all__ = [
    "as_text",
    "design_table",
    "flow_table",
    "flows",
    "grid",
    "read_text",
    "results",
    "trimmed_gaps",
    "write",
]
RUNS = "notebooks/runs.yml"
MAKE = "Make it with `python -m trustbook.dossier`."
MAKE_AGAIN = "Make it again with `python -m trustbook.dossier`."
MAKE_THEM_AGAIN = "Make them again with `python -m trustbook.dossier`."
NOTE = (
    "Each person leaves once, at the first variable they lack. "
    "Reasons of fewer than ten people are joined."
)


def flows(plan: CellPlan, file: str | Path, names: Sequence[str]) -> pd.DataFrame:
    """The flow of people of some sets of a plan; see `trustlib.review.flow`.

    Parameters
    ----------
    plan : CellPlan
    file : path
        The survey file.
    names : sequence of str
        Sets of the plan.

    Returns
    -------
    DataFrame
        Columns cells, variable, reason, n.
    """
    require_names("set of cells in the plan", names, plan.sets)
    design = _design(plan, file)
    parts = []
    for name in names:
        spec = plan.sets[name]
        people = design if spec.where is None else design.domain(spec.where)
        # Sets with one base have one order: two orders side by side would tell how many
        # people lack two answers.
        axes = dict.fromkeys([*spec.known, *spec.by])
        part = flow(people, spec.outcome, list(axes))
        part.insert(0, "cells", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _design(plan: CellPlan, file: str | Path) -> SurveyDesign:
    """The design of all people of a survey file."""
    frame = read_survey(file, plan.mapping)
    return SurveyDesign(frame, **declared_design(plan.mapping))


def flow_table(path: str | Path, cells: str | Path) -> Report:
    """The flow of one set of cells for readers, from the committed ``flow.csv``.

    Parameters
    ----------
    path : path
        ``flow.csv``.
    cells : path
        The sealed cells.

    Returns
    -------
    Report

    Raises
    ------
    RunError
        The number of people at its end is not that of the cells.
    """
    sealed = Cells.read(cells)
    name = Path(cells).stem
    every = csv_plains(pd.read_csv(require_file(path, "flow of people", MAKE)))
    own = every[every["cells"] == name].drop(columns="cells")
    frame = own.fillna({"variable": ""}).reset_index(drop=True)
    base = sealed.source.rounding
    if not _leads_to(frame["n"], int(sealed.frame["n"].sum()), base):
        raise RunError(
            f"{Path(path).name} does not lead to the people of the cells {name}.",
            MAKE_AGAIN,
        )
    steps = [
        _step(row.variable, row.reason, sealed.labels) for row in frame.itertuples()
    ]
    shown = pd.DataFrame(steps, columns=["Step", "Why"])
    people = [int(n) for n in rounded_people(frame["n"], base)]
    frame["n"] = people
    shown["People"] = [f"{n:,}" for n in people]
    notes = (f"{evidence(sealed.source)}.", NOTE)
    return Report(frame, "From the file to the model", notes, shown)


def _leads_to(people: pd.Series, total: int, base: int | None) -> bool:
    """Whether those who enter, less those who leave, are those at the end, and these the total.

    Of rounded numbers each may be off by a part of the base.
    """
    if people.empty:
        return False
    off = base or 0
    left = people.iloc[0] - people.iloc[1:-1].sum()
    at_end = abs(people.iloc[-1] - total) <= off
    return bool(at_end and abs(left - total) <= off * len(people))


def _step(variable: str, reason: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """A step of the flow in words: who is in, or who left and why."""
    if not variable and reason.startswith("in the "):
        return f"In{reason[2:]}", ""
    names = variable.split(" or ")
    label = " or ".join(labels.get(name, name) for name in names)
    return "Left", f"{label}: {reason}" if label else reason


def design_table(fit: LogitFit) -> Report:
    """What the model rests on: evidence, people, weights, variance, degrees of freedom, formula.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    Report

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0] * 10 + [0.0, 0.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> design_table(tl.fit_logit(cells, "group")).frame["which"].tolist()[1:3]
    ['y ~ group (logit; first level of each is the reference)', '2: group']
    """
    cells = fit.cells
    coefficients(fit).require_showable("This table")
    base = cells.source.rounding
    people = people_in_words(int(cells.frame["n"].sum()), base)
    if not base:
        weights = cells.frame["sum_w"].sum()
        people += f"; their weights add up to {weights:,.0f}"
    model = f"{cells.outcome} ~ {fit.formula}"
    of_design = f"{rounded_df(cells.df, base):,.0f} of the design"
    df = f"{of_design}, {rounded_df(fit.df, base):,.0f} for coefficients"
    rows = {
        "Outcome": cells.labels.get(cells.outcome, cells.outcome),
        "Formula": f"{model} (logit; first level of each is the reference)",
        "Cells": f"{len(cells)}: {', '.join(cells.by)}",
        "People": people,
        "Variance": cells.variance,
        "Degrees of freedom": df,
    }
    frame = pd.DataFrame({"what": rows.keys(), "which": rows.values()})
    shown = frame.rename(columns={"what": "What", "which": "Which"})
    return Report(frame, "Design and model", (f"{evidence(cells.source)}.",), shown)


def grid(
    cells: str | Path,
    others: Sequence[str | Path],
    people: str | Path,
    identities: Sequence[str],
    contrast: Mapping[str, Any],
    covariates: Mapping[str, Sequence[str]],
    trimmed: str | Path = "",
) -> Estimates:
    """One gap under all choices: from the people where a file of them is given, otherwise what sealed cells allow.

    Parameters
    ----------
    cells, others : path, sequence of path
        Sealed cells: with other covariates, or with other weights. Empty paths count as
        none.
    people : path
        A survey file that may be shown in this way, such as the synthetic stand-in, or
        empty.
    identities, contrast, covariates
        As for `trustlib.review.robustness`; sealed cells bring their own covariates.
    trimmed : path
        The committed ``trimmed.csv``, or empty: its rows of these cells stand beside
        those of sealed cells.

    Returns
    -------
    Estimates
    """
    if not people:
        sets = [Cells.read(path) for path in (cells, *others) if path]
        gaps = robustness_of_cells(sets, identities, contrast)
        if not trimmed:
            return gaps
        return _with_rows(gaps, _committed(trimmed, Path(cells).stem))
    plan, name = plan_of(cells)
    spec = plan.sets[name]
    design = _design(plan, people)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        if spec.where is not None:
            design = design.domain(spec.where)
        return robustness(
            design,
            spec.outcome,
            identities,
            contrast,
            covariates=covariates,
        )


def trimmed_gaps(
    cells: str | Path,
    design: SurveyDesign,
    identities: Sequence[str],
    contrast: Mapping[str, Any],
) -> pd.DataFrame:
    """The gap of a dossier with trimmed weights, under each link and model: rows that may be committed.

    Parameters
    ----------
    cells : path
        The sealed cells of the dossier; their plan lies above their folder.
    design : SurveyDesign
        Of all people of the survey.
    identities, contrast
        As for `grid`.

    Returns
    -------
    DataFrame
        The columns of `trustlib.review.robustness`, after ``cells``, the name of the set.

    Raises
    ------
    DisclosureError
        A gap rests on fewer than 10 people.
    """
    plan, name = plan_of(cells)
    spec = plan.sets[name]
    people = reweighted(people_of(spec, design), "trimmed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)  # counted in the flow
        trimmed = compress(people, spec.outcome, spec.by)
    gaps = robustness_of_cells([trimmed], identities, contrast)
    gaps.require_showable("This gap")
    frame = gaps.frame
    frame.insert(0, "cells", name)
    return frame


def _committed(path: str | Path, name: str) -> pd.DataFrame:
    """The rows of one set of cells in the committed ``trimmed.csv``."""
    file = require_file(path, "file of gaps with trimmed weights", MAKE)
    every = csv_plains(pd.read_csv(file))
    rows = every[every["cells"] == name].drop(columns="cells")
    if rows.empty:
        raise RunError(
            f"{Path(path).name} has no gap with trimmed weights for {name}.", MAKE
        )
    return rows


def _with_rows(gaps: Estimates, rows: pd.DataFrame) -> Estimates:
    """Specifications with further ones below, of the same people; their covariance is not known."""
    if list(rows) != list(gaps.frame):
        raise RunError(
            "The gaps with trimmed weights have other columns than the gaps beside them.",
            MAKE_THEM_AGAIN,
        )
    frame = pd.concat([gaps.frame, rows], ignore_index=True)
    variance = frame["std_error"].to_numpy() ** 2
    unknown = ~np.eye(len(frame), dtype=bool)
    vcov = np.where(unknown, np.nan, np.diag(variance))
    # They passed the gate when they were made.
    smallest = np.r_[gaps.smallest, np.full(len(rows), MINIMUM)]
    return replace(gaps, _frame=frame, vcov=vcov, smallest=smallest)


def _main(*words: str) -> None:
    """Take the names of files that stand behind ``python -m trustbook.dossier``."""
    if len(words) not in (2, 3):
        raise RunError(
            f"Expected a plan of cells, a survey file and, if it is another than "
            f"{RUNS}, a plan of runs; got {len(words)} names.",
            "For example python -m trustbook.dossier data/hints6/cells.yml FILE.",
        )
    _make(*words)


def _make(plan_file: str, survey: str, runs: str = RUNS) -> None:
    """Write the files of the dossiers whose cells belong to a plan.

    ``trimmed.csv`` only where a dossier asks for it; what is there is kept until the new
    one is whole.
    """
    folder = Path(plan_file).parent
    flow_file = folder / "flow.csv"
    trimmed_file = folder / "trimmed.csv"
    planned = load_plan(runs, to_be_made=[flow_file, trimmed_file])
    plan = load_cell_plan(plan_file)
    design = _design(plan, survey)
    gaps = []
    names = []
    for cells, given in _dossiers(planned, folder):
        names.append(cells.stem)
        if given["trimmed"]:
            gaps.append(
                trimmed_gaps(cells, design, given["identities"], given["contrast"])
            )
    people = csv_cells(flows(plan, survey, names))
    with write_whole(flow_file) as temporary:
        people.to_csv(temporary, index=False, lineterminator="\n")
    if gaps:
        table = csv_cells(pd.concat(gaps))
        with write_whole(trimmed_file) as temporary:
            table.to_csv(
                temporary, index=False, lineterminator="\n", float_format="%.6g"
            )


def _dossiers(
    runs: Sequence[Run], folder: Path
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The cells and the parameters of each dossier on cells of a folder."""
    for run in runs:
        if run.template.stem != "review":
            continue
        cells = (run.template.parent / run.parameters["cells"]).resolve()
        if cells.parents[1] == folder.resolve():
            yield cells, run.parameters


if __name__ == "__main__":
    sys.exit(status_of(_main, sys.argv[1:]))
