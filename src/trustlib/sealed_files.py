"""Sealed cells as Parquet files: what may be committed, published or sent.

One row per cell: axes, n, sum_w, sum_wy, sum_w2, and the rows of the covariance matrix
of (sum_w, sum_wy). Of merged cells the rows of the matrix of each sample follow
(``_cov_w_0``, ``_cov_wy_0`` and so on). All else stands as JSON in the metadata of the
file, under the key ``trustlib``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib import errors
from trustlib.disclosure import MINIMUM
from trustlib.errors import SurveyFileError
from trustlib.sources import Source
from trustlib.variance import Array, PooledScatter, Sample, Scatter, SealedScatter

TOTALS = ("n", "sum_w", "sum_wy", "sum_w2")
METADATA = b"trustlib"
_DAMAGE = (OSError, KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, eq=False)
class SealedContent:
    """What a file of sealed cells holds; fields are those of `trustlib.cells.Cells`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [20], "sum_w": [20.0], "sum_wy": [5.0], "sum_w2": [20.0]})
    >>> scatter = SealedScatter(np.eye(2))
    >>> content = SealedContent(frame, "angry", (), scatter, 9.0, "Taylor", Source(), {})
    >>> content.facts["minimum_count"]
    10
    """

    frame: pd.DataFrame
    outcome: str
    by: tuple[str, ...]
    scatter: Scatter
    df: float
    variance: str
    source: Source
    labels: dict
    absent: dict = field(default_factory=dict)
    protected: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What stands in the metadata of the file."""
        facts: dict[str, Any] = {
            "outcome": self.outcome,
            "by": self.by,
            "df": self.df,
            "variance": self.variance,
            "source": self.source,
            "labels": self.labels,
            "minimum_count": MINIMUM,
            "levels": self.levels,
        }
        if self.absent:
            facts["absent"] = self.absent
        if self.protected:
            facts["protected"] = True
        if self.scatter.samples:
            facts["samples"] = [sample.df for sample in self.scatter.samples]
        return facts

    @property
    def levels(self) -> dict[str, list]:
        """Axis -> its levels in order, of those that are categories."""
        axes = {axis: self.frame[axis] for axis in self.by}
        return {
            axis: list(column.cat.categories)
            for axis, column in axes.items()
            if column.dtype == "category"
        }


def write_content(content: SealedContent, path: Path) -> None:
    """Write sealed cells into a file.

    Parameters
    ----------
    content : SealedContent
    path : Path
        A temporary file; see `trustlib.writing.write_whole`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> frame = pd.DataFrame({"n": [20], "sum_w": [20.0], "sum_wy": [5.0], "sum_w2": [20.0]})
    >>> scatter = SealedScatter(np.eye(2))
    >>> content = SealedContent(frame, "angry", (), scatter, 9.0, "Taylor", Source(), {})
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "cells.parquet"
    >>> write_content(content, path)
    >>> read_content(path).outcome
    'angry'
    >>> folder.cleanup()
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = content.frame
    size = len(frame)
    columns: dict[str, Any] = {}
    for axis in content.by:
        columns[axis] = pa.array(frame[axis].astype(object).tolist())
    for name in TOTALS:
        columns[name] = pa.array(frame[name].to_numpy())
    matrix = content.scatter.of_totals(size)
    columns["cov_w"] = pa.array(list(matrix[:size]))
    columns["cov_wy"] = pa.array(list(matrix[size:]))
    for i, sample in enumerate(content.scatter.samples):
        own = sample.spread_over(size)
        columns[f"_cov_w_{i}"] = pa.array(list(own[:size]))
        columns[f"_cov_wy_{i}"] = pa.array(list(own[size:]))
    metadata = json.dumps(content.facts, sort_keys=True, default=str)
    table = pa.table(columns).replace_schema_metadata({METADATA: metadata.encode()})
    pq.write_table(table, path, compression="zstd")


def read_content(path: str | Path) -> SealedContent:
    """Read a file that `write_content` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    SealedContent

    Raises
    ------
    MissingFileError
        There is no such file.
    SurveyFileError
        The file is something else, or is damaged.

    Examples
    --------
    >>> read_content("no-such-file.parquet")
    Traceback (most recent call last):
    ...
    trustlib.errors.MissingFileError: There is no file of sealed cells no-such-file.parquet.
    Make it with `trustlib compress`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = errors.require_file(
        path, "file of sealed cells", "Make it with `trustlib compress`."
    )
    try:
        return _content(pq.read_table(path))
    except (pa.ArrowException, *_DAMAGE) as error:
        raise SurveyFileError(
            f"{path.name} is not a file of sealed cells, or is damaged.",
            "Make it again with `trustlib compress`.",
        ) from error


def _content(table: Any) -> SealedContent:
    """What a table holds; an error of any kind if it is not one of sealed cells."""
    facts = json.loads(table.schema.metadata[METADATA])
    frame = table.select([*facts["by"], *TOTALS]).to_pandas()
    matrix = _matrix(table, "cov_w", "cov_wy")
    for axis, levels in facts["levels"].items():
        frame[axis] = pd.Categorical(frame[axis], categories=levels)
    size = 2 * len(frame)
    fits = matrix.shape == (size, size)
    lacking = frame.isna().any(axis=None)
    if not fits or lacking or (frame["sum_w"] <= 0).any():
        raise ValueError("the covariance matrix does not fit the cells")
    return SealedContent(
        frame=frame,
        outcome=facts["outcome"],
        by=tuple(facts["by"]),
        scatter=_scatter(table, facts.get("samples"), matrix),
        df=float(facts["df"]),
        variance=facts["variance"],
        source=Source.of(facts["source"]),
        labels=facts["labels"],
        absent=dict(facts.get("absent", {})),
        protected=facts.get("protected", False) is True,
    )


def _matrix(table: Any, *columns: str) -> Array:
    """A covariance matrix from the two columns of a table that hold its rows."""
    return np.vstack([np.vstack(table[c].to_pylist()) for c in columns])


def _scatter(table: Any, dfs: list[float] | None, matrix: Array) -> Scatter:
    """The covariance of the totals in a table: of one sample, or of each of several.

    `dfs` are the degrees of freedom of the samples, where there are several.
    """
    if dfs is None:
        return SealedScatter(matrix)
    size = len(matrix) // 2
    samples = []
    for i, df in enumerate(dfs):
        own = _matrix(table, f"_cov_w_{i}", f"_cov_wy_{i}")
        variance = np.diag(own)
        cell = np.flatnonzero((variance[:size] != 0) | (variance[size:] != 0))
        both = np.r_[cell, size + cell]
        within = own[np.ix_(both, both)]
        samples.append(Sample(cell, within, float(df), showable=True))
    scatter = PooledScatter(tuple(samples))
    total = scatter.of_totals(size)
    tolerance = 1e-10 * np.abs(matrix).max()
    if not np.allclose(total, matrix, rtol=1e-8, atol=tolerance):
        raise ValueError("the samples do not add up to the covariance matrix")
    return scatter
