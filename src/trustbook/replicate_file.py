"""Making ``replicates.csv``: the estimands of the runs, by the replicate weights of a survey file.

``python -m trustbook.replicate_file data/hints7/cells.yml FILE`` writes it beside the
plan of the cells; with ``--check`` it compares. What a page shows of its cells is named here once for each kind of
template; `trustbook.replicates` reads the file for the pages.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.participation import participation
from trustbook.replicates import (
    FILE,
    KEY,
    MAKE,
    SAME,
    STORED,
    TAYLOR,
    model_of,
    one_way_model,
    participation_model,
    read_stored,
    row_names,
)
from trustbook.runs import Run, load_plan
from trustbook.sealing import CellPlan, load_cell_plan, people_of
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.errors import MissingRowsWarning, RunError
from trustlib.escaping import csv_cells
from trustlib.estimates import Estimates
from trustlib.interaction import interactions
from trustlib.levels import cell_means, one_way
from trustlib.logit import fit_logit
from trustlib.margins import coefficients, predictions
from trustlib.schema import declared_design, read_survey
from trustlib.writing import write_whole


def estimands(cells: Cells, parameters: Mapping[str, Any]) -> dict[str, Estimates]:
    """What a page shows of its cells, by table: of the templates levels and intersection.

    A model that repeats its cells predicts the percentages as answered. Then these are
    taken, so that each is computed anew under each set of replicate weights; the
    predictions themselves would go by way of the coefficients.

    Parameters
    ----------
    cells : Cells
        Of the run, with any variance.
    parameters : mapping
        Of the run: ``axes``, or ``identities`` and ``pair``, and ``formula``.

    Returns
    -------
    dict

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"sex": ["m"] * 80 + ["w"] * 80, "y": [0.0, 1.0, 1.0, 0.0] * 40})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> list(estimands(cells, {"axes": ["sex"], "formula": "sex"}))
    ['levels', 'gaps', 'levels_model', 'odds_ratios']
    """
    fit = fit_logit(cells, parameters["formula"])
    odds = coefficients(fit, scale="odds_ratio").where("term != 'Intercept'")
    if "axes" in parameters:
        direct = one_way(cells, parameters["axes"])
        return {
            "levels": direct,
            "gaps": comparisons(direct),
            "levels_model": one_way(fit, parameters["axes"]),
            "odds_ratios": odds,
        }
    direct = cell_means(cells, by=parameters["identities"])
    predicted = direct
    if len(fit.coef) != len(direct):
        predicted = predictions(fit, by=parameters["identities"])
    return {
        "levels": direct,
        "predictions": predicted,
        "gaps": comparisons(predicted),
        "odds_ratios": odds,
        "interaction": interactions(predicted, *parameters["pair"]),
    }


CHECK = "--check"


@dataclass(frozen=True)
class _Request:
    """The estimands of one set of cells, as a page makes them.

    Attributes
    ----------
    cells, model : str
    tables : callable
        From cells to estimates by table.
    """

    cells: str
    model: str
    tables: Callable[[Cells], dict[str, Estimates]]


def made(plan: CellPlan, file: str | Path, runs: Sequence[Run]) -> pd.DataFrame:
    """Compute the estimands of runs from the survey file.

    Where everybody is counted once, there are no replicate weights, and nothing is stored.

    Parameters
    ----------
    plan : CellPlan
    file : path
        The survey file.
    runs : sequence of Run
        Those of `of_plan`.

    Returns
    -------
    DataFrame
        Columns `KEY`, variance, `STORED` and `TAYLOR`.
    """
    frame = read_survey(file, plan.mapping)
    designs = [
        SurveyDesign(frame, **declared_design(plan.mapping, variance))
        for variance in ("replicates", "taylor")
    ]
    requests: dict[tuple[str, str], _Request] = {}
    for run in runs:
        for request in _requests(run, plan.mapping.parent):
            if plan.sets[request.cells].weights == "weighted":
                requests.setdefault((request.cells, request.model), request)
    parts = []
    for request in requests.values():
        own, taylor = [
            request.tables(_cells(plan, request.cells, each)) for each in designs
        ]
        parts += [_as_rows(request, table, own[table], taylor[table]) for table in own]
    return pd.concat(parts, ignore_index=True)


def _requests(run: Run, folder: Path) -> Iterator[_Request]:
    """What a run shows of the cells of a folder."""
    given = run.parameters
    for name, value in _texts(given):
        if not _is_of(run, value, folder):
            continue
        stem = Path(value).stem
        if name == "cells" and "formula" in given:
            yield _Request(stem, model_of(given), partial(estimands, parameters=given))
        elif "everyone" in name:
            yield _Request(stem, "", everybody)
        elif name in given.get("one_way", {}):
            axes = given["one_way"][name]
            yield _Request(stem, one_way_model(axes), partial(by_axes, axes=axes))
        elif name in given.get("participation", {}):
            axes = given["participation"][name]
            model = participation_model(axes)
            yield _Request(stem, model, partial(who_takes_part, axes=axes))


def _texts(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Parameters that are texts, and the texts in lists of them."""
    for name, value in given.items():
        several = value if isinstance(value, list) else [value]
        for each in several:
            if isinstance(each, str):
                yield name, each


def _is_of(run: Run, value: str, folder: Path) -> bool:
    """Whether a parameter is a set of sealed cells of a folder."""
    if not value.endswith(".parquet"):
        return False
    path = (run.template.parent / value).resolve()
    return path.parents[1] == folder.resolve() and path.parent.name == "cells"


def everybody(cells: Cells) -> dict[str, Estimates]:
    """The table of everyone who answered.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40})
    >>> list(everybody(tl.compress(tl.SurveyDesign(people, weight=None), "y")))
    ['everyone']
    """
    return {"everyone": cell_means(cells)}


def by_axes(cells: Cells, axes: Sequence[str]) -> dict[str, Estimates]:
    """Levels and gaps of some axes.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> list(by_axes(cells, ["sex"]))
    ['levels', 'gaps']
    """
    direct = one_way(cells, axes)
    return {"levels": direct, "gaps": comparisons(direct)}


def who_takes_part(cells: Cells, axes: Sequence[str]) -> dict[str, Estimates]:
    """Participation-to-population ratios of some axes.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> list(who_takes_part(cells, ["sex"]))
    ['participation']
    """
    return {"participation": participation(cells, axes)}


def _cells(plan: CellPlan, name: str, design: SurveyDesign) -> Cells:
    """The cells of a set of the plan, under one design."""
    spec = plan.sets[name]
    return compress(people_of(spec, design), spec.outcome, spec.by)


def _as_rows(
    request: _Request, table: str, own: Estimates, taylor: Estimates
) -> pd.DataFrame:
    """Estimates as rows of the file."""
    own.require_showable("This estimate")
    names = row_names(own)
    frame = own.frame
    key = {"cells": request.cells, "model": request.model, "table": table}
    rows = pd.DataFrame({**key, "row": names})
    rows["variance"] = own.convention.partition(";")[0]
    for column in STORED:
        rows[column] = frame[column]
    other = taylor.frame.assign(row=row_names(taylor)).set_index("row")
    for column, theirs in TAYLOR.items():
        rows[column] = other[theirs].reindex(names).to_numpy()
    return rows


def _main(plan_file: str, survey: str, *options: str) -> None:
    """Write ``replicates.csv`` beside a plan of cells, or compare it with the file."""
    check = CHECK in options
    runs = next((word for word in options if word != CHECK), "notebooks/runs.yml")
    folder = Path(plan_file).parent
    path = folder / FILE
    if not check:
        path.touch()  # a plan of runs names only files that exist
    plan = load_cell_plan(plan_file)
    chosen = list(of_plan(load_plan(runs), folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        warnings.simplefilter("ignore", UserWarning)
        table = made(plan, survey, chosen)
    if check:
        require_same(table, read_stored(path))
        print(f"  agrees: {FILE} of {folder.name} ({len(table)} estimands)")
        return
    with write_whole(path) as temporary:
        csv_cells(table).to_csv(
            temporary, index=False, lineterminator="\n", float_format="%.12g"
        )


def require_same(table: pd.DataFrame, committed: pd.DataFrame) -> None:
    """Raise if the committed file is not what was just made from the survey file.

    Parameters
    ----------
    table : DataFrame
        From `made`.
    committed : DataFrame
        From `trustbook.replicates.read_stored`.

    Raises
    ------
    RunError
        Rows or numbers differ, these by more than 1e-8 of their size.

    Examples
    --------
    >>> rows = pd.DataFrame({**dict.fromkeys(KEY, ["a"]), "estimate": [0.5]})
    >>> require_same(rows, rows)
    """
    ours = table.set_index(KEY)
    theirs = committed.set_index(KEY)
    numbers = ours.select_dtypes("number").columns
    alike = ours.index.equals(theirs.index) and set(numbers) <= set(theirs)
    if alike:
        own = ours[numbers].to_numpy(float)
        other = theirs[numbers].to_numpy(float)
        alike = np.allclose(own, other, rtol=SAME, atol=1e-11, equal_nan=True)
    if not alike:
        raise RunError(
            f"{FILE} is not what the survey file and the plan of runs give.", MAKE
        )


def of_plan(runs: Sequence[Run], folder: str | Path) -> Iterator[Run]:
    """The runs that show replicate errors of sealed cells of a folder.

    Parameters
    ----------
    runs : sequence of Run
    folder : path
        Of a source, such as ``data/hints7``.

    Yields
    ------
    Run

    Examples
    --------
    >>> list(of_plan([], "data/hints7"))
    []
    """
    for run in runs:
        reads = [name for name in run.parameters if name.startswith("replicates")]
        if reads and any(_requests(run, Path(folder))):
            yield run


if __name__ == "__main__":
    _main(*sys.argv[1:])
