"""Findings resolve to exactly one number, and published figures get the verdict that the rule gives."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import trustlib as tl
from trustbook.findings import Finding, check, load_findings, published_figure, resolve, text, verdict, write_ledger

ROOT = Path(__file__).parents[1]


def finding(run: str, table: str, row: dict | None = None, **facts) -> Finding:
    return Finding(run=run, table=table, row=row or {}, **facts)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "r" / "tables"
    folder.mkdir(parents=True)
    pd.DataFrame(
        {"group": ["a", "b"], "wave": [2022, 2024], "estimate": [0.6227, -0.05], "conf_low": [0.6038, -0.1],
         "conf_high": [0.6416, 0.01], "df": 196.0, "n": [6252, 99]}
    ).to_csv(folder / "t.csv", index=False)  # fmt: skip
    return tmp_path / "runs"


def test_a_finding_is_one_row_and_prints_as_percent_with_interval(runs):
    percent = finding("r", "t", {"group": "a"})
    row = resolve(percent, runs)
    assert text(percent, row) == "62.3 %"
    assert text(percent, row, interval=True) == "62.3 % (60.4 to 64.2)"
    points = finding("r", "t", {"wave": 2024}, format="points")
    assert text(points, resolve(points, runs)) == "−5.0 points"
    count = finding("r", "t", {"group": "a"}, column="n", format="count")
    assert text(count, resolve(count, runs)) == "6,252"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (finding("no", "t"), "no table"),
        (finding("r", "u"), "no table"),
        (finding("r", "t"), "picks 2 rows"),
        (finding("r", "t", {"group": "c"}), "picks 0 rows"),
        (finding("r", "t", {"grp": "a"}), "no column 'grp'"),
        (finding("r", "t", {"group": "a"}, column="estimat"), "no column 'estimat'"),
    ],
)
def test_a_finding_that_is_not_one_number_is_refused(runs, wrong, says):
    with pytest.raises(tl.FindingError, match=says) as caught:
        resolve(wrong, runs)
    assert isinstance(caught.value, LookupError)
    assert caught.value.hint


def test_faults_in_findings_yml_are_named(tmp_path):
    path = tmp_path / "findings.yml"
    path.write_text("a: {run: r, tabel: t}\n")
    with pytest.raises(tl.FindingError, match=r"finding a: There is no key 'tabel'\. Did you mean 'table'"):
        load_findings(path)
    path.write_text("a: {run: r, table: t, format: percnt}\n")
    with pytest.raises(tl.FindingError, match=r"finding a: There is no format 'percnt'\. Did you mean 'percent'"):
        load_findings(path)


def test_verdicts_follow_the_rule():
    tolerance = [0.1, 0.15, 0.15]
    assert verdict([7.09, 6.01, 8.17], [7.1, 6.0, 8.2], tolerance, 1) == "match"
    assert verdict([7.09, 6.01, 8.3], [7.1, 6.0, 8.2], tolerance, 1) == "within tolerance"
    assert verdict([7.3, 6.01, 8.2], [7.1, 6.0, 8.2], tolerance, 1) == "differs"
    assert verdict([7.1, 6.0, 8.4], [7.1, 6.0, 8.2], tolerance, 1) == "differs"


def ledger_for(runs: Path, tmp_path: Path, value: float) -> pd.DataFrame:
    folder = tmp_path / "published"
    folder.mkdir(exist_ok=True)
    (folder / "p.csv").write_text(
        "id,claim,value,conf_low,conf_high,decimals,tolerance,interval_tolerance,source\n"
        f"all,Everyone,{value},60.4,64.2,1,0.1,0.15,somebody\n"
    )
    return check({"f": finding("r", "t", {"group": "a"}, published="p/all")}, runs, folder)


def test_the_ledger_sets_published_beside_ours(runs, tmp_path):
    ledger = ledger_for(runs, tmp_path, 62.3)
    assert ledger.loc[0, "ours"] == pytest.approx(62.27)
    assert ledger.loc[0, "verdict"] == "match"
    assert "62.27" in write_ledger(ledger, runs).read_text()
    assert ledger_for(runs, tmp_path, 63.0).loc[0, "verdict"] == "differs"


def test_the_command_fails_when_a_published_figure_differs(runs, tmp_path):
    from typer.testing import CliRunner

    from trustbook.cli import app

    ledger_for(runs, tmp_path, 63.0)
    findings = tmp_path / "findings.yml"
    findings.write_text("f: {run: r, table: t, row: {group: a}, published: p/all}\n")
    command = ["check", "--findings", str(findings), "--runs", str(runs), "--published", str(tmp_path / "published")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "published 63.0" in result.output
    ledger_for(runs, tmp_path, 62.3)
    assert CliRunner().invoke(app, command).exit_code == 0


def test_an_unknown_published_figure_names_the_nearest():
    with pytest.raises(tl.UnknownNameError, match="mistrust_all"):
        published_figure("kaczynski_2025/mistrust_al", ROOT / "data" / "published")
    with pytest.raises(tl.FindingError, match="nowhere"):
        published_figure("nowhere/x", ROOT / "data" / "published")


def test_every_finding_of_the_book_names_a_run_of_the_plan():
    import yaml

    ids = {run["id"] for run in yaml.safe_load((ROOT / "notebooks" / "runs.yml").read_text())["runs"]}
    findings = load_findings(ROOT / "book" / "findings.yml")
    assert {f.run for f in findings.values()} <= ids
    for known in findings.values():
        if known.published:
            published_figure(known.published, ROOT / "data" / "published")
