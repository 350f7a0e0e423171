"""Findings: every number that a page prints, tied to the run, table and row it comes from.

``book/findings.yml`` maps a finding's id to where it stands, and to the published figure it reproduces, if there is
one::

    kaczynski-mistrust-everyone:
      run: hints6-kaczynski-mistrust
      table: everyone
      row: {}                      # column: value pairs that pick exactly one row
      format: percent              # percent, points, ratio or count
      published: kaczynski_2025/mistrust_all     # file and id below data/published

`printed` resolves all of them. `drift` holds what is printed now against what the last release printed, which
``tests/published/findings.csv`` keeps frozen. Which published figure a finding answers is judged in `trustbook.ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from trustbook.plans import Finding, FindingsForm
from trustlib.errors import FindingError, one_line, raise_faults, require_names
from trustlib.escaping import csv_plains
from trustlib.forms import read
from trustlib.schema import load_yaml
from trustlib.writing import write_whole

FROZEN = ["kind", "id", "value", "low", "high", "text"]
DRIFT = (
    1e-4  # of a number, or of one if the number is smaller: 0.01 points of a percentage
)
FORMATS = {
    "percent": (100, 1, " %"),
    "points": (100, 1, " points"),
    "ratio": (1, 2, ""),
    "count": (1, 0, ""),
}


def load_findings(path: str | Path) -> dict[str, Finding]:
    """Read findings.yml; every fault in it is a `FindingError`."""
    hint = (
        "A finding has run and table, and may have row, column, format and published."
    )
    raw = {"findings": load_yaml(path) or {}}
    return read(
        FindingsForm, raw, f"{path} is not a list of findings", FindingError, hint
    ).findings


def resolve(finding: Finding, runs: str | Path) -> pd.Series:
    """The one row of a run's table that a finding names.

    Raises
    ------
    FindingError
        No such run or table, or not exactly one row.
    """
    path = Path(runs) / finding.run / "tables" / f"{finding.table}.csv"
    if not path.is_file():
        hint = (
            "Check the names in findings.yml, and execute the run with `trustlib run`."
        )
        raise FindingError(f"Run {finding.run!r} has no table {finding.table!r}.", hint)
    frame = pd.read_csv(
        path,
        dtype=dict.fromkeys(finding.row, str),
        keep_default_na=False,
        na_values=[""],
    )
    if absent := [c for c in (*finding.row, finding.column) if c not in frame]:
        raise FindingError(
            f"Run {finding.run!r}: {path.name} has no column {absent[0]!r}.",
            f"It has {list(frame)}.",
        )
    frame = csv_plains(frame)
    for column, value in finding.row.items():
        frame = frame[frame[column] == str(value)]
    if len(frame) != 1:
        hint = "Name every column that identifies the row."
        raise FindingError(
            f"Run {finding.run!r}: {finding.row} picks {len(frame)} rows of {path.name}, not one.",
            hint,
        )
    return frame.iloc[0]


def text(finding: Finding, row: pd.Series, interval: bool = False) -> str:
    """A finding as it is printed: ``62.3 %``, or with its interval ``62.3 % (60.4 to 64.2)``."""
    factor, digits, unit = FORMATS[finding.format]

    def number(value: float) -> str:
        return f"{value * factor:,.{digits}f}".replace("-", "−")

    printed = number(row[finding.column]) + unit
    return (
        f"{printed} ({number(row['conf_low'])} to {number(row['conf_high'])})"
        if interval
        else printed
    )


def published_figure(name: str, folder: str | Path) -> pd.Series:
    """One row of ``data/published/<file>.csv``, named ``file/id``."""
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

    Returns
    -------
    DataFrame
        Columns kind (``finding``), id, value, low, high (the interval; of an estimate only) and text, as it is printed.

    Raises
    ------
    FindingError
        Lists every finding that is not exactly one number.
    """
    rows: list[tuple] = []
    faults = []
    for name, finding in findings.items():
        try:
            row = resolve(finding, runs)
            ends = [
                float(row[c]) if finding.column == "estimate" else np.nan
                for c in ("conf_low", "conf_high")
            ]
            rows.append(
                ("finding", name, float(row[finding.column]), *ends, text(finding, row))
            )
            if np.isnan(rows[-1][2]):
                faults.append(f"{name}: the number is missing in the table")
        except FindingError as error:
            faults.append(f"{name}: {one_line(error)}")
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
        A number that moved by more than `DRIFT`, another text, or a row that is gone; each with old and new.
    new : list of str
        Ids that the last release had not.
    """
    before, after = (t.set_index(["kind", "id"]) for t in (frozen, now))
    gone = before.index.difference(after.index, sort=False)
    drifted = [
        f"{' '.join(key)}: was {before.loc[key, 'text']}, is gone" for key in gone
    ]
    for key in before.index.intersection(after.index, sort=False):
        old, fresh = before.loc[key], after.loc[key]
        moved = [c for c in ("value", "low", "high") if not _near(fresh[c], old[c])]
        if moved or old["text"] != fresh["text"]:
            told = "".join(f"; {c} was {old[c]:.7g}, is {fresh[c]:.7g}" for c in moved)
            drifted.append(
                f"{key[0]} {key[1]}: was {old['text']}, is {fresh['text']}{told}"
            )
    return drifted, [
        name for _, name in after.index.difference(before.index, sort=False)
    ]


def _near(new: float, old: float) -> bool:
    if np.isfinite([new, old]).all():
        return bool(abs(new - old) <= DRIFT * max(1.0, abs(old)))
    return bool(np.isnan(new) and np.isnan(old)) or new == old


def read_frozen(path: str | Path) -> pd.DataFrame:
    """What the last release printed; nothing if no release is frozen yet."""
    if not Path(path).is_file():
        return pd.DataFrame(columns=FROZEN)
    frame = pd.read_csv(
        path,
        dtype={"kind": str, "id": str, "text": str},
        keep_default_na=False,
        na_values=[""],
    )
    if list(frame) != FROZEN or frame.duplicated(["kind", "id"]).any():
        raise FindingError(
            f"{path} is not a list of frozen findings.",
            "Write it with `trustlib check --freeze`.",
        )
    return frame


def freeze(now: pd.DataFrame, path: str | Path) -> None:
    """Keep what is printed now for the next release to be compared with."""
    with write_whole(path) as temporary:
        now.to_csv(temporary, index=False, lineterminator="\n", float_format="%.10g")
