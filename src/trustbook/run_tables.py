"""The published tables of a run, read again as estimates.

What `trustlib.publish` wrote has passed the disclosure gate, and is rounded or noisy
where its source asks for it. A page that is made of it can tell nothing that the run
did not tell. Covariances of rows are not published, and unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from trustlib.escaping import csv_plains
from trustlib.estimates import COLUMNS, Estimates

TEXTS = ("axis", "level", "reference", "term", "measure", "method", "evidence")


def read_estimates(folder: Path, name: str, labels: Mapping[str, str]) -> Estimates:
    """A published table as estimates.

    Parameters
    ----------
    folder : Path
        ``tables`` of a run.
    name : str
        Under which the table was published.
    labels : mapping
        What variables are called.

    Returns
    -------
    Estimates

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex"])
    >>> with TemporaryDirectory() as folder:
    ...     _ = tl.publish(tl.one_way(cells), "levels", folder)
    ...     levels = read_estimates(Path(folder), "levels", {"sex": "Sex"})
    >>> levels.frame[["level", "estimate", "n"]].values.tolist()
    [['m', 0.5, 40], ['w', 0.5, 40]]
    """
    about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    by = tuple(about["by"])
    texts = dict.fromkeys([*by, *TEXTS], str)
    read = pd.read_csv(
        folder / f"{name}.csv", dtype=texts, keep_default_na=False, na_values=[""]
    )
    frame = csv_plains(read).drop(columns="evidence")
    named = [column for column in frame if column in texts]
    frame = frame.fillna(dict.fromkeys(named, ""))
    people = frame["n"].to_numpy()
    return Estimates(
        frame,
        _covariance(frame),
        about["kind"],
        by,
        about["convention"],
        about["outcome"],
        smallest=people,
        df=float(frame["df"].max()),
        source=about["source"],
        labels=dict(labels),
    )


def _covariance(frame: pd.DataFrame) -> np.ndarray:
    """What is known of the covariance of published rows: their variances."""
    variance = frame["std_error"].to_numpy(float) ** 2
    unknown = ~np.eye(len(frame), dtype=bool)
    return np.where(unknown, np.nan, np.diag(variance))


def in_one(parts: Sequence[Estimates]) -> Estimates:
    """Estimates of one kind and outcome, one after the other.

    Parameters
    ----------
    parts : sequence of Estimates
        Of tables that have the same by-columns.

    Returns
    -------
    Estimates

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex"])
    >>> levels = tl.one_way(cells)
    >>> len(in_one([levels, levels.where("level == 'w'")]))
    3
    """
    first = parts[0]
    columns = [*first.by, *COLUMNS]
    if "reference" in first.frame:
        columns.insert(len(first.by), "reference")
    frames = [part.frame[columns] for part in parts]
    frame = pd.concat(frames, ignore_index=True)
    return replace(
        first,
        _frame=frame,
        vcov=_covariance(frame),
        smallest=np.concatenate([part.smallest for part in parts]),
        replicates=None,
        parts=(),
        _people=None,
    )
