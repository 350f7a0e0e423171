"""Standard errors by replicate weights, stored beside sealed cells.

Sealed cells keep the covariance of totals, which linearises replicate weights: for small
groups that is several per cent off. So the estimands of each run are computed once from
the survey file, with its replicate weights, by ``python -m trustbook.replicates
data/hints7/cells.yml FILE``, and committed as ``replicates.csv`` beside the plan of the
cells. A run reads them there (`Stored.read`) and keeps them with its tables.

A row of the file is an estimand: the set of cells, the model, the table and the row of
it, with the columns of `Estimates` by the replicate weights, and the standard error and
p-value by Taylor linearisation for the sensitivity analysis of `trustbook.clear`.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.runs import Run, load_plan
from trustbook.sealing import CellPlan, load_cell_plan, people_of
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.errors import MissingRowsWarning, RunError, require_file
from trustlib.escaping import csv_cells, csv_plains
from trustlib.estimates import Estimates
from trustlib.interaction import interactions
from trustlib.levels import cell_means, one_way
from trustlib.logit import fit_logit
from trustlib.margins import coefficients, predictions
from trustlib.schema import declared_design, read_survey
from trustlib.tables import publish
from trustlib.writing import write_whole

FILE = "replicates.csv"
MAKE = "Make it again with `python -m trustbook.replicates`."
KEY = ["cells", "model", "table", "row"]
# Of an estimate, by the replicate weights; people and what follows from the cells stay.
STORED = [
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "statistic",
    "p_value",
    "df",
    "n_eff",
]
TAYLOR = {"taylor_std_error": "std_error", "taylor_p_value": "p_value"}
SAME = 1e-8  # relative, of estimates that do not depend on the variance
SUFFIX = "_replicates"
OF_DESIGN = re.compile(r"\(design[^)]*\)")  # ends the first part of a convention
OF_FILE = "{variance}, of the survey file; t with {df:g} df (design)"


def row_names(estimates: Estimates) -> list[str]:
    """What identifies each row: ``gender=woman;ethnicity=minority``.

    Parameters
    ----------
    estimates : Estimates

    Returns
    -------
    list of str

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> row_names(tl.cell_means(cells))
    ['sex=m', 'sex=w']
    """
    frame = estimates.frame
    columns = [*estimates.by]
    if "reference" in frame and "reference" not in columns:
        columns.append("reference")
    rows = frame[columns].astype(str).to_dict("records")
    return [";".join(f"{key}={value}" for key, value in row.items()) for row in rows]


def model_of(parameters: Mapping[str, Any]) -> str:
    """What a run makes of its cells: the formula, and the pair that it looks at.

    Examples
    --------
    >>> model_of({"formula": "a * b", "pair": ["a", "b"]})
    'a * b; a x b'
    """
    pair = parameters.get("pair")
    if not pair:
        return str(parameters["formula"])
    return f"{parameters['formula']}; {' x '.join(pair)}"


def estimands(cells: Cells, parameters: Mapping[str, Any]) -> dict[str, Estimates]:
    """What a page shows of its cells, by table: of the templates levels and intersection.

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
    predicted = predictions(fit, by=parameters["identities"])
    return {
        "levels": cell_means(cells, by=parameters["identities"]),
        "predictions": predicted,
        "gaps": comparisons(predicted),
        "odds_ratios": odds,
        "interaction": interactions(predicted, *parameters["pair"]),
    }


@dataclass(frozen=True)
class Stored:
    """What is stored of one run; nothing where its cells have no such file.

    Attributes
    ----------
    every : DataFrame, optional
        All rows of the file.
    cells, everyone : str
        Names of the sets of cells.
    model : str

    Examples
    --------
    >>> Stored.read("", "cells/a.parquet", "a * b").every is None
    True
    """

    every: pd.DataFrame | None
    cells: str
    model: str
    everyone: str = ""

    @classmethod
    def read(
        cls,
        path: str | Path,
        cells: str | Path,
        formula: str,
        pair: Sequence[str] = (),
        everyone: str | Path = "",
    ) -> Stored:
        """What is stored for the cells and the model of a page.

        Parameters
        ----------
        path : path
            ``replicates.csv``, or empty.
        cells, everyone : path
            The sealed cells of the page.
        formula : str
        pair : sequence of str

        Returns
        -------
        Stored
        """
        model = model_of({"formula": formula, "pair": list(pair)})
        every = None
        if path:
            every = read_stored(path)
        return cls(every, Path(cells).stem, model, Path(everyone).stem)

    def primary(self, estimates: Estimates, table: str) -> Estimates:
        """The same estimates with the standard errors of the replicate weights.

        Parameters
        ----------
        estimates : Estimates
            From sealed cells.
        table : str
            Under which name the page publishes them.

        Returns
        -------
        Estimates
            As they are where nothing is stored. Covariances of rows are not stored, and
            unknown.

        Raises
        ------
        RunError
            The file has not these rows, or has other estimates of them.
        """
        if self.every is None:
            return estimates
        rows = self._rows(estimates, table)
        frame = estimates.frame
        for column in STORED:
            frame[column] = rows[column].to_numpy()
        variance = frame["std_error"].to_numpy(float) ** 2
        unknown = ~np.eye(len(frame), dtype=bool)
        rest = OF_DESIGN.split(estimates.convention, maxsplit=1)[-1]
        df = float(rows["df"].max())
        first = OF_FILE.format(variance=rows["variance"].iloc[0], df=df)
        return replace(
            estimates,
            _frame=frame,
            vcov=np.where(unknown, np.nan, np.diag(variance)),
            convention=first + rest,
            df=df,
            parts=(),
        )

    def publish(self, estimates: Estimates, table: str) -> Estimates:
        """Publish estimates, and beside them what the replicate weights give.

        Parameters
        ----------
        estimates : Estimates
        table : str
            Its name; that of the replicate weights is ``<table>_replicates``.

        Returns
        -------
        Estimates
            What the page shows: `primary`.
        """
        publish(estimates, table)
        if self.every is None:
            return estimates
        shown = self.primary(estimates, table)
        publish(shown, table + SUFFIX)
        return shown

    def family(self, estimates: Estimates, table: str) -> pd.DataFrame:
        """P-values of the gaps of a page: columns row, p_value, taylor_p_value."""
        return self._rows(estimates, table)

    def contrasts(self) -> pd.DataFrame:
        """All interaction contrasts of the survey: one family."""
        if self.every is None:
            raise RunError("No replicate errors are stored.", MAKE)
        return contrasts_of(self.every)

    def _rows(self, estimates: Estimates, table: str) -> pd.DataFrame:
        """The stored rows of some estimates, in their order."""
        if self.every is None:
            raise RunError("No replicate errors are stored.", MAKE)
        cells, model = self.cells, self.model
        if table == "everyone":
            cells, model = self.everyone, ""
        every = self.every
        own = (every["cells"] == cells) & (every["model"] == model)
        mine = every[own & (every["table"] == table)].set_index("row")
        names = row_names(estimates)
        lacking = [name for name in names if name not in mine.index]
        if lacking:
            raise RunError(
                f"{FILE} has no row {lacking[0]!r} of table {table!r} for the cells {cells}.",
                MAKE,
            )
        rows = mine.loc[names].reset_index()
        ours = estimates.frame["estimate"].to_numpy(float)
        theirs = rows["estimate"].to_numpy(float)
        if not np.allclose(ours, theirs, rtol=SAME, atol=SAME, equal_nan=True):
            raise RunError(
                f"{FILE} has other estimates than the cells {cells}, in table {table!r}.",
                MAKE,
            )
        return rows


def read_stored(path: str | Path) -> pd.DataFrame:
    """The committed file of replicate errors.

    Parameters
    ----------
    path : path

    Returns
    -------
    DataFrame
    """
    file = require_file(path, "file of replicate errors", MAKE)
    texts = dict.fromkeys(KEY, str)
    return csv_plains(
        pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""])
    ).fillna(dict.fromkeys(KEY, ""))


def contrasts_of(every: pd.DataFrame) -> pd.DataFrame:
    """The interaction contrasts among stored estimands.

    Parameters
    ----------
    every : DataFrame
        From `read_stored`.

    Returns
    -------
    DataFrame
    """
    is_contrast = every["row"].str.contains("measure=interaction_contrast;method=delta")
    chosen = every[(every["table"] == "interaction") & is_contrast]
    return chosen.reset_index(drop=True)


def made(plan: CellPlan, file: str | Path, runs: Sequence[Run]) -> pd.DataFrame:
    """Compute the estimands of runs from the survey file.

    Parameters
    ----------
    plan : CellPlan
    file : path
        The survey file.
    runs : sequence of Run
        Those of the templates levels and intersection on cells of the plan.

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
    parts: dict[tuple[str, str, str], pd.DataFrame] = {}
    for run in runs:
        given = run.parameters
        for name, model, tables in _of_run(plan, designs, given, parts):
            for table, (own, taylor) in tables.items():
                parts[name, model, table] = _as_rows(name, model, table, own, taylor)
    return pd.concat(parts.values(), ignore_index=True)


Tables = dict[str, tuple[Estimates, Estimates]]


def _of_run(
    plan: CellPlan,
    designs: Sequence[SurveyDesign],
    given: Mapping[str, Any],
    parts: Mapping[tuple[str, str, str], pd.DataFrame],
) -> Iterator[tuple[str, str, Tables]]:
    """The estimands of a run that no run before it has, by both variances."""
    name = Path(given["cells"]).stem
    model = model_of(given)
    if (name, model, "levels") not in parts:
        both = [estimands(_cells(plan, name, each), given) for each in designs]
        of_own, of_taylor = both
        yield name, model, {key: (of_own[key], of_taylor[key]) for key in of_own}
    everyone = Path(given.get("everyone", "")).stem
    if everyone and (everyone, "", "everyone") not in parts:
        own, taylor = [cell_means(_cells(plan, everyone, each)) for each in designs]
        yield everyone, "", {"everyone": (own, taylor)}


def _cells(plan: CellPlan, name: str, design: SurveyDesign) -> Cells:
    """The cells of a set of the plan, under one design."""
    spec = plan.sets[name]
    return compress(people_of(spec, design), spec.outcome, spec.by)


def _as_rows(
    cells: str, model: str, table: str, own: Estimates, taylor: Estimates
) -> pd.DataFrame:
    """Estimates as rows of the file."""
    own.require_showable("This estimate")
    names = row_names(own)
    frame = own.frame
    rows = pd.DataFrame({"cells": cells, "model": model, "table": table, "row": names})
    rows["variance"] = own.convention.partition(";")[0]
    for column in STORED:
        rows[column] = frame[column]
    other = taylor.frame.assign(row=row_names(taylor)).set_index("row")
    for column, theirs in TAYLOR.items():
        rows[column] = other[theirs].reindex(names).to_numpy()
    return rows


def _main(plan_file: str, survey: str, runs: str = "notebooks/runs.yml") -> None:
    """Write ``replicates.csv`` beside a plan of cells."""
    folder = Path(plan_file).parent
    path = folder / FILE
    path.touch()  # a plan of runs names only files that exist
    plan = load_cell_plan(plan_file)
    chosen = list(of_plan(load_plan(runs), folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        warnings.simplefilter("ignore", UserWarning)
        table = csv_cells(made(plan, survey, chosen))
    with write_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.12g")


def of_plan(runs: Sequence[Run], folder: str | Path) -> Iterator[Run]:
    """The runs of the templates levels and intersection on sealed cells of a folder.

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
        if run.template.stem not in ("levels", "intersection"):
            continue
        cells = (run.template.parent / run.parameters["cells"]).resolve()
        if cells.parents[1] == Path(folder).resolve():
            yield run


if __name__ == "__main__":
    _main(*sys.argv[1:])
