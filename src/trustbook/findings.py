"""Findings: every number that a page prints, tied to the run, table and row it comes from.

``book/findings.yml`` maps a finding's id to where it stands, and to the published figure
it reproduces, if there is one::

    kaczynski-mistrust-everyone:
      run: hints6-kaczynski-mistrust
      table: everyone
      row: {}                      # column: value pairs that pick exactly one row
      format: percent              # percent, points, ratio or count
      published: kaczynski_2025/mistrust_all     # file and id below data/published

`printed` resolves all of them. `drift` holds what is printed now against what the last
release printed, which ``tests/published/findings.csv`` keeps frozen. Which published
figure a finding answers is judged in `trustbook.ledger`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from trustbook.plans import Finding, FindingsForm
from trustlib.errors import FindingError, one_line, raise_faults, require_names
from trustlib.escaping import csv_plains
from trustlib.forms import read
from trustlib.schema import load_yaml
from trustlib.writing import write_whole

# The class of a finding on a page; beside it stands one with its name.
FINDING = "finding"
FROZEN = ["kind", "id", "value", "low", "high", "text"]
# Of a number, or of one if the number is smaller: 0.01 points of a percentage.
DRIFT = 1e-4
# Factor, digits and unit.
FORMATS = {
    "percent": (100, 1, " %"),
    "points": (100, 1, " points"),
    "ratio": (1, 2, ""),
    "count": (1, 0, ""),
}


def load_findings(path: str | Path) -> dict[str, Finding]:
    """Read findings.yml; every fault in it is a `FindingError`.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        Id -> `trustbook.plans.Finding`.
    """
    form = read(
        FindingsForm,
        {"findings": load_yaml(path) or {}},
        f"{path} is not a list of findings",
        FindingError,
        "A finding has run and table, and may have row, column, format and published.",
    )
    return form.findings


def resolve(finding: Finding, runs: str | Path) -> pd.Series:
    """The one row of a run's table that a finding names.

    Parameters
    ----------
    finding : Finding
    runs : path
        Folder of the executed runs.

    Returns
    -------
    Series

    Raises
    ------
    FindingError
        No such run or table, or not exactly one row.
    """
    path = Path(runs) / finding.run / "tables" / f"{finding.table}.csv"
    if not path.is_file():
        raise FindingError(
            f"Run {finding.run!r} has no table {finding.table!r}.",
            "Check the names in findings.yml, and execute the run with `trustlib run`.",
        )
    kinds = dict.fromkeys(finding.row, str)
    frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])
    for column in (*finding.row, finding.column):
        if column not in frame:
            raise FindingError(
                f"Run {finding.run!r}: {path.name} has no column {column!r}.",
                f"It has {list(frame)}.",
            )
    rows = csv_plains(frame)
    for column, value in finding.row.items():
        rows = rows[rows[column] == str(value)]
    if len(rows) != 1:
        raise FindingError(
            f"Run {finding.run!r}: {finding.row} picks {len(rows)} rows of {path.name}, not one.",
            "Name every column that identifies the row.",
        )
    return rows.iloc[0]


def text(finding: Finding, row: pd.Series, interval: bool = False) -> str:
    """A finding as it is printed: ``62.3 %``, or with its interval ``62.3 % (60.4 to 64.2)``.

    Parameters
    ----------
    finding : Finding
    row : Series
        From `resolve`.
    interval : bool

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> row = pd.Series({"estimate": 0.623, "conf_low": 0.604, "conf_high": 0.642})
    >>> text(Finding(run="r", table="t"), row, interval=True)
    '62.3 % (60.4 to 64.2)'
    """
    factor, digits, unit = FORMATS[finding.format]

    def number(value: float) -> str:
        return f"{value * factor:,.{digits}f}".replace("-", "−")

    printed = number(row[finding.column]) + unit
    if not interval:
        return printed
    low = number(row["conf_low"])
    high = number(row["conf_high"])
    return f"{printed} ({low} to {high})"


def published_figure(name: str, folder: str | Path) -> pd.Series:
    """One row of ``data/published/<file>.csv``, named ``file/id``.

    Parameters
    ----------
    name : str
    folder : path

    Returns
    -------
    Series

    Raises
    ------
    FindingError, UnknownNameError
        There is no such file, or no such figure in it.
    """
    file, _, key = name.partition("/")
    path = Path(folder) / f"{file}.csv"
    if not path.is_file():
        raise FindingError(
            f"There is no file of published figures {path.name}.",
            "A figure is named file/id.",
        )
    frame = pd.read_csv(path).set_index("id")
    require_names("published figure", [key], frame.index)
    return frame.loc[key]


def printed(findings: Mapping[str, Finding], runs: str | Path) -> pd.DataFrame:
    """Resolve every finding.

    Parameters
    ----------
    findings : mapping
        From `load_findings`.
    runs : path
        Folder of the executed runs.

    Returns
    -------
    DataFrame
        Columns kind (``finding``), id, value, low, high (the interval; of an estimate
        only) and text, as it is printed.

    Raises
    ------
    FindingError
        Lists every finding that is not exactly one number.
    """
    rows = []
    faults = []
    for name, finding in findings.items():
        try:
            row = resolve(finding, runs)
            shown = text(finding, row)
        except FindingError as error:
            faults.append(f"{name}: {one_line(error)}")
            continue
        low = high = np.nan
        if finding.column == "estimate":
            low = float(row["conf_low"])
            high = float(row["conf_high"])
        value = float(row[finding.column])
        rows.append(("finding", name, value, low, high, shown))
        if np.isnan(value):
            faults.append(f"{name}: the number is missing in the table")
    raise_faults(
        FindingError,
        "Findings cannot be resolved",
        faults,
        "Correct book/findings.yml, or execute the runs.",
    )
    return pd.DataFrame(rows, columns=FROZEN)


def drift(now: pd.DataFrame, frozen: pd.DataFrame) -> tuple[list[str], list[str]]:
    """What differs from the last release, and what is new since.

    Parameters
    ----------
    now, frozen : DataFrame
        With the columns of `printed`.

    Returns
    -------
    drifted : list of str
        A number that moved by more than `DRIFT`, another text, or a row that is gone;
        each with old and new.
    new : list of str
        Ids that the last release had not.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [["finding", "a", 1.0, 0.9, 1.1, "1.00"]]
    >>> frozen = pd.DataFrame(rows, columns=FROZEN)
    >>> drift(frozen.assign(value=1.2, text="1.20"), frozen)
    (['finding a: was 1.00, is 1.20; value was 1, is 1.2'], [])
    """
    before = frozen.set_index(["kind", "id"])
    after = now.set_index(["kind", "id"])
    gone = before.index.difference(after.index, sort=False)
    drifted = [
        f"{' '.join(key)}: was {before.loc[key, 'text']}, is gone" for key in gone
    ]
    for key in before.index.intersection(after.index, sort=False):
        old = before.loc[key]
        fresh = after.loc[key]
        moved = "".join(_moves(old, fresh))
        if moved or old["text"] != fresh["text"]:
            was = f"was {old['text']}, is {fresh['text']}"
            drifted.append(f"{' '.join(key)}: {was}{moved}")
    added = after.index.difference(before.index, sort=False)
    return drifted, [name for _, name in added]


def _moves(old: pd.Series, fresh: pd.Series) -> Iterator[str]:
    """Each number that moved, with old and new."""
    for column in ("value", "low", "high"):
        if not _near(fresh[column], old[column]):
            yield f"; {column} was {old[column]:.7g}, is {fresh[column]:.7g}"


def _near(new: float, old: float) -> bool:
    """Whether a number has not moved; one that is missing has not if both are."""
    if np.isfinite([new, old]).all():
        return bool(abs(new - old) <= DRIFT * max(1.0, abs(old)))
    return bool(np.isnan(new) and np.isnan(old)) or new == old


def read_frozen(path: str | Path) -> pd.DataFrame:
    """What the last release printed; nothing if no release is frozen yet.

    Parameters
    ----------
    path : path

    Returns
    -------
    DataFrame
        With the columns of `printed`.

    Raises
    ------
    FindingError
        The file is something else.

    Examples
    --------
    >>> len(read_frozen("no/such/file.csv"))
    0
    """
    if not Path(path).is_file():
        return pd.DataFrame(columns=FROZEN)
    kinds = {"kind": str, "id": str, "text": str}
    frame = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])
    if list(frame) != FROZEN or frame.duplicated(["kind", "id"]).any():
        raise FindingError(
            f"{path} is not a list of frozen findings.",
            "Write it with `trustlib check --freeze`.",
        )
    return frame


def freeze(now: pd.DataFrame, path: str | Path) -> None:
    """Keep what is printed now for the next release to be compared with.

    Parameters
    ----------
    now : DataFrame
        With the columns of `printed`.
    path : path
    """
    with write_whole(path) as temporary:
        now.to_csv(temporary, index=False, lineterminator="\n", float_format="%.10g")
