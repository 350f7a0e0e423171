"""Findings: every number that a page prints, tied to the run, table and row it comes from.

``book/findings.yml`` maps a finding's id to where it stands, and to the published figure it reproduces, if there is
one::

    kaczynski-mistrust-everyone:
      run: hints6-kaczynski-mistrust
      table: everyone
      row: {}                      # column: value pairs that pick exactly one row
      format: percent              # percent, points, ratio or count
      published: kaczynski_2025/mistrust_all     # file and id below data/published

`check` resolves all of them and gives each published figure a verdict.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trustbook.plans import Finding, FindingsForm
from trustlib.errors import FindingError, require_names
from trustlib.forms import read
from trustlib.schema import load_yaml

FORMATS = {"percent": (100, 1, " %"), "points": (100, 1, " points"), "ratio": (1, 2, ""), "count": (1, 0, "")}


def load_findings(path: str | Path) -> dict[str, Finding]:
    """Read findings.yml; every fault in it is a `FindingError`."""
    hint = "A finding has run and table, and may have row, column, format and published."
    raw = {"findings": load_yaml(path) or {}}
    return read(FindingsForm, raw, f"{path} is not a list of findings", FindingError, hint).findings


def resolve(finding: Finding, runs: str | Path) -> pd.Series:
    """The one row of a run's table that a finding names.

    Raises
    ------
    FindingError
        No such run or table, or not exactly one row.
    """
    path = Path(runs) / finding.run / "tables" / f"{finding.table}.csv"
    if not path.is_file():
        hint = "Check the names in findings.yml, and execute the run with `trustlib run`."
        raise FindingError(f"Run {finding.run!r} has no table {finding.table!r}.", hint)
    frame = pd.read_csv(path, dtype=dict.fromkeys(finding.row, str), keep_default_na=False, na_values=[""])
    if absent := [c for c in (*finding.row, finding.column) if c not in frame]:
        raise FindingError(f"Run {finding.run!r}: {path.name} has no column {absent[0]!r}.", f"It has {list(frame)}.")
    for column, value in finding.row.items():
        frame = frame[frame[column] == str(value)]
    if len(frame) != 1:
        hint = "Name every column that identifies the row."
        raise FindingError(f"Run {finding.run!r}: {finding.row} picks {len(frame)} rows of {path.name}, not one.", hint)
    return frame.iloc[0]


def text(finding: Finding, row: pd.Series, interval: bool = False) -> str:
    """A finding as it is printed: ``62.3 %``, or with its interval ``62.3 % (60.4 to 64.2)``."""
    factor, digits, unit = FORMATS[finding.format]

    def number(value: float) -> str:
        return f"{value * factor:,.{digits}f}".replace("-", "−")

    printed = number(row[finding.column]) + unit
    return f"{printed} ({number(row['conf_low'])} to {number(row['conf_high'])})" if interval else printed


def published_figure(name: str, folder: str | Path) -> pd.Series:
    """One row of ``data/published/<file>.csv``, named ``file/id``."""
    file, _, key = name.partition("/")
    path = Path(folder) / f"{file}.csv"
    if not path.is_file():
        raise FindingError(f"There is no file of published figures {path.name}.", "A figure is named file/id.")
    frame = pd.read_csv(path).set_index("id")
    require_names("published figure", [key], frame.index)
    return frame.loc[key]


def verdict(ours: list[float], printed: list[float], tolerance: list[float], decimals: int) -> str:
    """``match`` if all numbers round to what was printed, ``within tolerance``, or ``differs``."""
    pairs = list(zip(ours, printed, strict=True))
    if all(round(a, decimals) == round(b, decimals) for a, b in pairs):
        return "match"
    close = all(abs(a - b) <= t + 1e-9 for (a, b), t in zip(pairs, tolerance, strict=True))
    return "within tolerance" if close else "differs"


def check(findings: dict[str, Finding], runs: str | Path, published: str | Path) -> pd.DataFrame:
    """Resolve every finding, and hold those with a published figure against it.

    Parameters
    ----------
    findings : dict
    runs : path
        Folder of the executed runs.
    published : path
        Folder of the published figures.

    Returns
    -------
    DataFrame
        The ledger: one row for each published figure with ours beside it, verdict and where it comes from. Numbers
        are in the published unit (percent).

    Raises
    ------
    FindingError
        A finding cannot be resolved.
    """
    rows = []
    for name, finding in findings.items():
        row = resolve(finding, runs)
        if finding.published is None:
            continue
        figure = published_figure(finding.published, published)
        factor, _, _ = FORMATS[finding.format]
        ours = [float(row[c]) * factor for c in ("estimate", "conf_low", "conf_high")]
        printed = [float(figure[c]) for c in ("value", "conf_low", "conf_high")]
        tolerance = [float(figure["tolerance"]), *[float(figure["interval_tolerance"])] * 2]
        rows.append(
            {"id": name, "claim": figure["claim"], "source": figure["source"], "run": finding.run}
            | dict(zip(("published", "published_low", "published_high"), printed, strict=True))
            | dict(zip(("ours", "ours_low", "ours_high"), ours, strict=True))
            | {"df": float(row["df"]), "n": int(row["n"])}
            | {"verdict": verdict(ours, printed, tolerance, int(figure["decimals"]))}
        )
    return pd.DataFrame(rows)


def write_ledger(ledger: pd.DataFrame, runs: str | Path) -> Path:
    """Write the ledger for the book: ``ledger.csv`` and the table ``ledger.md``."""
    runs = Path(runs)
    ledger.to_csv(runs / "ledger.csv", index=False, lineterminator="\n")
    lines = ["| What was published | Published | Ours | People | Verdict |", "|---|--:|--:|--:|---|"]
    lines += [
        f"| {{doc}}`{r.claim} </_runs/{r.run}/{r.run}>` | {r.published:.1f} ({r.published_low:.1f} to "
        f"{r.published_high:.1f}) | {r.ours:.2f} ({r.ours_low:.2f} to {r.ours_high:.2f}) | {r.n:,} | {r.verdict} |"
        for r in ledger.itertuples()
    ]
    path = runs / "ledger.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
