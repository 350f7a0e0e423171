"""Findings resolve to exactly one number, and what differs from the last release is named with old and new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from trustbook.findings import (
    DRIFT,
    FROZEN,
    Finding,
    drift,
    freeze,
    load_findings,
    printed,
    published_figure,
    read_frozen,
    resolve,
    text,
)

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


def test_all_findings_that_do_not_resolve_are_named_at_once(runs):
    findings = {
        "fine": finding("r", "t", {"group": "a"}),
        "two": finding("r", "t"),
        "none": finding("r", "u"),
    }
    with pytest.raises(tl.FindingError, match="2 faults") as caught:
        printed(findings, runs)
    assert "two: " in str(caught.value)
    assert "none: " in str(caught.value)


def test_faults_in_findings_yml_are_named(tmp_path):
    path = tmp_path / "findings.yml"
    path.write_text("a: {run: r, tabel: t}\n")
    with pytest.raises(
        tl.FindingError,
        match=r"finding a: There is no key 'tabel'\. Did you mean 'table'",
    ):
        load_findings(path)
    path.write_text("a: {run: r, table: t, format: percnt}\n")
    with pytest.raises(
        tl.FindingError,
        match=r"finding a: There is no format 'percnt'\. Did you mean 'percent'",
    ):
        load_findings(path)


class TestDrift:
    @pytest.fixture
    def now(self, runs):
        count = finding("r", "t", {"group": "a"}, column="n", format="count")
        return printed(
            {"share": finding("r", "t", {"group": "a"}), "people": count}, runs
        )

    def test_what_is_printed_is_kept_with_its_interval(self, now):
        share, people = now.itertuples(index=False)
        assert list(share) == ["finding", "share", 0.6227, 0.6038, 0.6416, "62.3 %"]
        assert (people.value, people.text) == (6252, "6,252")
        assert np.isnan(
            [people.low, people.high]
        ).all()  # the interval is that of the estimate, not of n

    def test_frozen_numbers_come_back_from_the_file(self, now, tmp_path):
        freeze(now, tmp_path / "published" / "findings.csv")
        assert drift(now, read_frozen(tmp_path / "published" / "findings.csv")) == (
            [],
            [],
        )
        assert read_frozen(tmp_path / "nothing.csv").empty
        (tmp_path / "other.csv").write_text("id,value\na,1\n")
        with pytest.raises(tl.FindingError, match="not a list of frozen findings"):
            read_frozen(tmp_path / "other.csv")

    @given(st.sampled_from(["value", "low", "high"]), st.floats(-0.5, 0.5))
    def test_a_number_may_move_by_the_tolerance_and_no_more(self, column, move):
        row = {
            "kind": "finding",
            "id": "a",
            "value": 0.6,
            "low": 0.5,
            "high": 0.7,
            "text": "60.0 %",
        }
        frozen, now = (
            pd.DataFrame([row]),
            pd.DataFrame([row | {column: row[column] + move}]),
        )
        drifted, new = drift(now, frozen)
        assert new == []
        if abs(move) > 1.001 * DRIFT:
            assert len(drifted) == 1
            for told in (
                "finding a",
                f"{column} was {row[column]:g}",
                f"is {row[column] + move:.7g}",
            ):
                assert told in drifted[0]
        elif abs(move) < 0.999 * DRIFT:
            assert drifted == []

    def test_another_text_a_lost_interval_and_a_lost_finding_are_drift(self, now):
        other = now.assign(text=["62.3 points", "6,252"])
        assert "was 62.3 %, is 62.3 points" in drift(other, now)[0][0]
        assert "low was 0.6038, is nan" in drift(now.assign(low=np.nan), now)[0][0]
        assert drift(now.head(1), now) == (["finding people: was 6,252, is gone"], [])

    def test_a_new_finding_is_reported_and_no_fault(self, now):
        assert drift(now, now.head(1)) == ([], ["people"])
        assert drift(now, pd.DataFrame(columns=FROZEN)) == ([], ["share", "people"])


def test_an_unknown_published_figure_names_the_nearest():
    with pytest.raises(tl.UnknownNameError, match="mistrust_all"):
        published_figure("kaczynski_2025/mistrust_al", ROOT / "data" / "published")
    with pytest.raises(tl.FindingError, match="nowhere"):
        published_figure("nowhere/x", ROOT / "data" / "published")


def test_every_finding_of_the_book_names_a_run_of_the_plan():
    from trustbook.runs import load_plan

    ids = {run.id for run in load_plan(ROOT / "notebooks" / "runs.yml")}
    findings = load_findings(ROOT / "book" / "findings.yml")
    assert {f.run for f in findings.values()} <= ids
    for known in findings.values():
        if known.published:
            published_figure(known.published, ROOT / "data" / "published")


def test_the_frozen_findings_are_a_list_without_gaps():
    frozen = read_frozen(ROOT / "tests" / "published" / "findings.csv")
    assert set(frozen["kind"]) == {"finding", "ledger"}
    assert frozen["text"].str.len().min() > 0
    assert frozen.loc[frozen["kind"] == "finding", "value"].notna().all()
