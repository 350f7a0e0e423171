"""Standard errors by replicate weights, stored beside sealed cells, as pages read them.

Sealed cells keep the covariance of totals, which linearises replicate weights: for small
groups that is several per cent off. So the estimands of each run are computed once from
the survey file, with its replicate weights (`trustbook.replicate_file`), and committed as
``replicates.csv`` beside the plan of the cells. A run reads them there and keeps them
with its tables.

A row of the file is an estimand: the set of cells, the model, the table and the row of
it, with the columns of `Estimates` by the replicate weights, and the standard error and
p-value by Taylor linearisation for the sensitivity analysis of `trustbook.clear`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import RunError, require_file
from trustlib.escaping import csv_plains
from trustlib.estimates import Estimates
from trustlib.tables import publish

FILE = "replicates.csv"
MAKE = "Make it again with `python -m trustbook.replicate_file`."
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

    def of(self, cells: str | Path, model: str) -> Stored:
        """The same file, for other cells and another model.

        Examples
        --------
        >>> stored = Stored.read("", "cells/a.parquet", "a")
        >>> stored.of("cells/b.parquet", "one way: a").cells
        'b'
        """
        stem = Path(cells).stem
        return replace(self, cells=stem, model=model, everyone=stem)

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


def one_way_model(axes: Sequence[str]) -> str:
    """How levels of some axes are called in the file.

    Examples
    --------
    >>> one_way_model(["gender", "ethnicity"])
    'one way: gender, ethnicity'
    """
    return f"one way: {', '.join(axes)}"


def participation_model(axes: Sequence[str]) -> str:
    """How ratios of participation are called in the file.

    Examples
    --------
    >>> participation_model(["gender"])
    'participation: gender'
    """
    return f"participation: {', '.join(axes)}"
