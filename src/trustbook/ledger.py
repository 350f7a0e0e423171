"""The ledger: every published figure, what answers it, and a verdict by a rule that was fixed before.

Published are the record of the polling (``data/published/figures.csv``), what follows
from it by arithmetic (``questions.yml``, answered by `trustlib.record.questions`), and
every other CSV file of that folder, whose figures come with an interval. A figure is
answered by

* other printed figures, if it is a difference, a ratio, a total or a repetition of them
  (see `trustlib.record.arithmetic`);
* the run that a finding names (``published: file/id`` in ``findings.yml``): real people,
  or synthetic ones;
* the synthetic stand-in, on the base that the figure names
  (`trustbook.stand_in_answers`);
* a file that somebody supplies (`trustbook.record_answers`, `trustbook.private_book`).

The rules are in `trustbook.verdicts`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.audit_lines import CONTRADICTION, audit_lines
from trustbook.findings import FORMATS, published_figure, resolve
from trustbook.plans import Finding
from trustbook.record_answers import NUMBERS
from trustbook.stand_in_answers import StandIn
from trustbook.verdicts import MATCH, NEEDS, WITHIN, verdict
from trustlib.errors import FindingError, raise_faults
from trustlib.escaping import csv_cells
from trustlib.record.arithmetic import INCONSISTENT, arithmetic
from trustlib.record.printed import load_figures
from trustlib.record.questions import answers
from trustlib.schema import load_codebook, load_yaml
from trustlib.writing import write_together

COLUMNS = (
    "id",
    "file",
    "claim",
    "source",
    "place",
    "wave",
    "countries",
    "item",
    "outcome",
    "group",
    "conditioning",
    "base",
    "statistic",
    "comparison",
    "published",
    "published_low",
    "published_high",
    "tolerance",
    "evidence",
    "run",
    "table",
    "row",
    "calculation",
    "reading",
    "ours",
    "std_error",
    "conf_low",
    "conf_high",
    "n",
    "df",
    "df_rule",
    "range_low",
    "range_high",
    "verdict",
    "cause",
)
# Columns that a line of the record has as they are.
OF_A_FIGURE = (
    "id",
    "claim",
    "source",
    "wave",
    "countries",
    "item",
    "outcome",
    "group",
    "conditioning",
    "base",
    "statistic",
    "comparison",
)
# A question with one of these asks for more than whether its figures can all be true.
ASKS_MORE = {"assume", "margins", "group", "sum", "exact"}
CAUSES = {MATCH: "", WITHIN: "an end of the interval differs in its last digit"}
HEAD = """\
| What was published | Published | Ours | People | Verdict |
|---|--:|--:|--:|---|"""


@dataclass(frozen=True)
class _FromRun:
    """Our numbers for a figure that a finding answers, and where they stand: columns of the ledger."""

    ours: float
    std_error: float
    conf_low: float
    conf_high: float
    n: int
    df: float
    df_rule: str
    run: str
    table: str
    row: str
    evidence: str
    calculation: str


def make_ledger(
    findings: Mapping[str, Finding], runs: str | Path, published: str | Path
) -> pd.DataFrame:
    """Answer every published figure, and give each a verdict.

    Parameters
    ----------
    findings : mapping
        From `trustbook.findings.load_findings`; those with ``published`` answer a figure.
    runs : path
        Folder of the executed runs.
    published : path
        Folder of the published figures. The codebook and the stand-in are in the folder
        above.

    Returns
    -------
    DataFrame
        One row for each published figure and for each question of the audit, with the
        columns `COLUMNS`. Numbers are in the printed unit; `range_low` and `range_high`
        are what other printed figures allow.

    Raises
    ------
    FindingError
        A figure is answered by nothing or by two findings, a finding cannot be resolved,
        or two figures have one id.
    """
    published = Path(published)
    declared = _declared(findings, Path(runs), published)
    rows: list[dict[str, Any]] = []
    for path in sorted(published.glob("*.csv")):
        if path.name != "figures.csv":
            rows += _with_intervals(path, declared)
    if (published / "figures.csv").is_file():
        rows += _of_the_record(published, declared)
    _require_unambiguous(rows, declared)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _require_unambiguous(
    rows: list[dict[str, Any]], declared: Mapping[str, _FromRun]
) -> None:
    """Refuse findings for figures that are not there, and figures with one id."""
    names = {f"{row['file']}/{row['id']}" for row in rows}
    faults = [
        f"{name}: no figure of this name is in the ledger"
        for name in declared.keys() - names
    ]
    ids = [row["id"] for row in rows]
    twice = [name for name in dict.fromkeys(ids) if ids.count(name) > 1]
    faults += [f"{name}: stands there more than once" for name in twice]
    raise_faults(
        FindingError,
        "The ledger is ambiguous",
        faults,
        "Each figure has one id, and one finding at most.",
    )


def _declared(
    findings: Mapping[str, Finding], runs: Path, published: Path
) -> dict[str, _FromRun]:
    """The figures that a finding answers, by name."""
    declared: dict[str, _FromRun] = {}
    for name, finding in findings.items():
        if not finding.published:
            continue
        figure = finding.published
        if figure in declared:
            rivals = [n for n, each in findings.items() if each.published == figure]
            raise FindingError(
                f"{figure} is ambiguous: findings {rivals} all answer it.",
                "Keep one of them.",
            )
        published_figure(figure, published)
        declared[figure] = _from_run(name, finding, runs)
    return declared


def _from_run(name: str, finding: Finding, runs: Path) -> _FromRun:
    """The numbers of a finding in the printed unit."""
    row = resolve(finding, runs)
    factor = FORMATS[finding.format][0]
    provenance = runs / finding.run / "provenance.json"
    facts = json.loads(provenance.read_text(encoding="utf-8"))
    numbers = {own: float(row[column]) * factor for own, column in NUMBERS.items()}
    return _FromRun(
        **numbers,
        n=int(row["n"]),
        df=float(row["df"]),
        df_rule=facts["conventions"][finding.table],
        run=finding.run,
        table=finding.table,
        row=" and ".join(f"{k} = {v}" for k, v in finding.row.items()),
        evidence=" ".join(facts["kinds"]),
        calculation=f"finding {name}",
    )


def _with_intervals(
    path: Path, declared: Mapping[str, _FromRun]
) -> Iterator[dict[str, Any]]:
    """Figures with intervals, each of which a finding has to answer."""
    table = pd.read_csv(path)
    names = [f"{path.stem}/{key}" for key in table["id"]]
    raise_faults(
        FindingError,
        "Published figures are unresolved",
        [name for name in names if name not in declared],
        "Name each in findings.yml, under published.",
    )
    for name, figure in zip(names, table.itertuples(), strict=True):
        found = declared[name]
        half = 0.5 * 10.0**-figure.decimals
        ours = [found.ours, found.conf_low, found.conf_high]
        printed = [figure.value, figure.conf_low, figure.conf_high]
        if pd.isna(figure.conf_low):  # printed without an interval
            ours = [found.ours]
            printed = [figure.value]
        judged = verdict(ours, printed, half)
        cause = CAUSES.get(judged, "not reproduced")
        if found.evidence == "synthetic":
            judged = NEEDS
            cause = "the run that answers it is synthetic"
        yield {
            "id": figure.id,
            "file": path.stem,
            "claim": figure.claim,
            "source": figure.source,
            "base": figure.base,
            "statistic": getattr(figure, "statistic", "percent"),
            "comparison": "=",
            "published": figure.value,
            "tolerance": half,
            "published_low": figure.conf_low,
            "published_high": figure.conf_high,
            **asdict(found),
            "verdict": judged,
            "cause": cause,
        }


def _of_the_record(
    published: Path, declared: Mapping[str, _FromRun]
) -> Iterator[dict[str, Any]]:
    """Every line of the record of the polling, then every question of the audit."""
    figures = load_figures(published / "figures.csv")
    asked = load_yaml(published / "questions.yml")
    audited = answers(figures, asked).set_index("key")
    codebook = published.parent / "codebook.yml"
    record = _Record(
        _conflicts(asked["questions"], audited),
        arithmetic(figures, load_codebook(codebook)),
        StandIn.read(published.parent / "synthetic", codebook),
    )
    for figure in figures.itertuples():
        yield record.line(figure, declared.get(f"figures/{figure.id}"))
    yield from audit_lines(asked["questions"], audited, figures)


def _conflicts(
    asked: Mapping[str, Any], audited: pd.DataFrame
) -> dict[str, tuple[str, list[str]]]:
    """Figure -> the question whose figures cannot all be true, and a smallest contradiction with this figure."""
    conflicts: dict[str, tuple[str, list[str]]] = {}
    for key, question in asked.items():
        if ASKS_MORE & set(question) or audited.loc[key, "text"] != "no":
            continue
        ids = audited.loc[f"{key} conflict", "text"].split("; ")
        conflicts |= dict.fromkeys(ids, (key, ids))
    return conflicts


@dataclass(frozen=True)
class _Record:
    """What answers a figure of the polling: contradictions, other figures, or the stand-in."""

    conflicts: Mapping[str, tuple[str, list[str]]]
    derived: Mapping[str, Mapping[str, Any]]
    stand_in: StandIn

    def line(self, figure: Any, run: _FromRun | None) -> dict[str, Any]:
        """One line of the record, answered."""
        if run and run.evidence != "synthetic":
            raise FindingError(
                f"{run.calculation}: {run.run} is not of the polling.",
                "Findings of the public book answer figures of the polling with the stand-in only.",
            )
        row = {column: getattr(figure, column) for column in OF_A_FIGURE}
        row |= {
            "file": "figures",
            "place": figure.address,
            "published": figure.value,
            "tolerance": figure.half_width,
        }
        derived = self.derived.get(figure.id, {})
        if figure.id in self.conflicts or derived.get("verdict") == INCONSISTENT:
            return row | self._inconsistent(figure.id)
        if derived:
            return {**row, **derived}
        return row | self.stand_in.answer(figure, asdict(run) if run else None)

    def _inconsistent(self, figure: str) -> dict[str, Any]:
        """What cannot be true together with a figure."""
        if figure in self.conflicts:
            calculation, ids = self.conflicts[figure]
            against = " ".join(ids)
        else:
            against = f"{figure} {self.derived[figure]['calculation']}"
            calculation = against
        return {
            "evidence": "published",
            "calculation": calculation,
            "verdict": INCONSISTENT,
            "cause": f"{CONTRADICTION}: {against}; the figures do not say which of them is wrong",
        }


def frozen_rows(ledger: pd.DataFrame) -> pd.DataFrame:
    """The ledger as `trustbook.findings.drift` compares it: the number, its interval or range, and the verdict.

    Parameters
    ----------
    ledger : DataFrame
        From `make_ledger`.

    Returns
    -------
    DataFrame
        Columns kind (``ledger``), id, value, low, high, text.

    Examples
    --------
    >>> import pandas as pd
    >>> ledger = pd.DataFrame({"id": ["P-1"], "ours": [62.3], "verdict": ["match"]})
    >>> ledger[["conf_low", "conf_high"]] = None
    >>> ledger[["range_low", "range_high"]] = [60.4, 64.2]
    >>> frozen_rows(ledger).values.tolist()
    [['ledger', 'P-1', 62.3, 60.4, 64.2, 'match']]
    """
    columns = {
        "kind": "ledger",
        "id": ledger["id"],
        "value": ledger["ours"],
        "low": ledger["conf_low"].fillna(ledger["range_low"]),
        "high": ledger["conf_high"].fillna(ledger["range_high"]),
        "text": ledger["verdict"],
    }
    return pd.DataFrame(columns)


def write_ledger(ledger: pd.DataFrame, runs: str | Path) -> Path:
    """Write the ledger for the book: ``ledger.csv``, and the figures with intervals as the table ``ledger.md``.

    Parameters
    ----------
    ledger : DataFrame
        From `make_ledger`.
    runs : path
        Folder of the executed runs.

    Returns
    -------
    Path
        The page.
    """
    runs = Path(runs)
    path = runs / "ledger.md"
    with_interval = ledger[ledger["published_low"].notna()]
    lines = [HEAD, *map(_as_markdown, with_interval.itertuples())]
    table = csv_cells(ledger)
    with write_together([runs / "ledger.csv", path]) as (numbers, page):
        table.to_csv(numbers, index=False, lineterminator="\n", float_format="%.10g")
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _as_markdown(line: Any) -> str:
    """A figure with an interval as a row of a table."""
    cells = [
        f"{{doc}}`{line.claim} </_runs/{line.run}/{line.run}>`",
        f"{line.published:.1f} ({line.published_low:.1f} to {line.published_high:.1f})",
        f"{line.ours:.2f} ({line.conf_low:.2f} to {line.conf_high:.2f})",
        f"{line.n:,.0f}",
        line.verdict,
    ]
    return f"| {' | '.join(cells)} |"
