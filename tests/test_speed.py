"""The page on speed: its numbers are those of the bench, and what is missed is called missed."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import trustlib as tl
from trustbook.speed import FILES, OURS, Speed, figure, verdict
from trustbook.sphinx.speed_pages import (
    ABSENT,
    job_table,
    number,
    parts_table,
    picture_of,
    targets,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book" / "how-fast.md").read_text(encoding="utf-8")
TABLES = re.findall(r"```\{speed-table\} (\w+)", PAGE)
PICTURES = re.findall(r"```\{speed-picture\} (\w+)", PAGE)
NUMBERS = re.findall(r"\{speed\}`([^`]+)`", PAGE)


@pytest.fixture(scope="module")
def speed() -> Speed:
    return Speed.read([ROOT / "data" / "speed" / name for name in FILES])


@pytest.mark.parametrize("asked", NUMBERS)
def test_each_number_of_the_page_was_measured(speed, asked):
    assert number(speed, asked)


@pytest.mark.parametrize("job", [t for t in TABLES if t not in ("parts", "targets")])
def test_each_table_has_a_row_for_each_case(speed, job):
    lines = job_table(speed, job).splitlines()
    if job not in set(speed.results["job"]):
        assert lines == [ABSENT]
        return
    assert len(lines) == 2 + len(speed.cases(job))
    assert len({line.count("|") for line in lines}) == 1


def test_our_seconds_are_told_by_parts(speed):
    lines = parts_table(speed).splitlines()
    assert lines[0] == "| Case | design | compress | fit | gaps |"
    assert len(lines) == 2 + len(speed.cases("fit"))


@pytest.mark.parametrize("job", PICTURES)
def test_each_picture_is_drawn_and_told(speed, job):
    if job not in set(speed.results["job"]):
        job = "fit"  # the picture of a job that was not measured is left out
    html = picture_of(speed, job)._repr_html_()
    figure_element = ElementTree.fromstring(html)
    (drawing,) = figure_element.iter("svg")
    assert drawing.get("role") == "img"
    for peer in speed.peers(job):
        assert peer in drawing.get("aria-label")
        assert any(text.text == peer for text in drawing.iter("text"))
    points = len(speed.results.query("job == @job and part == 'all'"))
    assert len(list(drawing.iter("circle"))) == points
    for circle in drawing.iter("circle"):
        assert 0 < float(circle.get("cx")) < 640
        assert 0 < float(circle.get("cy")) < 380


def test_the_parts_of_a_round_make_the_whole(speed):
    """Of medians about, of least exactly no more than the whole."""
    for case in speed.cases("fit"):
        parts = speed.parts("fit", case)
        whole = speed.line("fit", case, OURS)
        assert sum(parts.values()) == pytest.approx(whole["cpu"], rel=0.5)
        assert whole["cpu_least"] <= whole["cpu"] <= whole["cpu_most"]


def test_every_aim_is_told_with_what_was_measured(speed):
    rows = list(targets(speed))
    assert [row[0] for row in rows] == speed.targets["words"].tolist()
    for row, (_, target) in zip(rows, speed.targets.iterrows(), strict=True):
        measured = speed.measured(target)
        word = verdict(measured, target["bound"], target["measure"])
        assert row[3] == f"**{word}**"
        if target["measure"] == "times" and measured is not None:
            job, case, peer = target["job"], target["case"], target["peer"]
            ours = speed.line(job, case, OURS)["cpu"]
            theirs = speed.line(job, case, peer)["cpu"]
            assert (theirs >= target["bound"] * ours) == (word == "met")


def test_a_peer_that_is_faster_is_told_so():
    lines = pd.DataFrame(
        {
            "job": "fit",
            "case": "few",
            "size": 6000,
            "peer": [OURS, "svy"],
            "part": "all",
            "cpu": [0.050, 0.040],
        }
    )
    speed = Speed(lines, pd.DataFrame(), {})
    assert figure(speed.times("fit", "few", "svy")) == "0.8"
    assert verdict(speed.times("fit", "few", "svy"), 1.5, "times") == "missed"


@pytest.mark.parametrize(
    ("measured", "bound", "measure", "word"),
    [
        (200.0, 200, "times", "met"),
        (199.9, 200, "times", "missed"),
        (1.5, 1.5, "seconds", "met"),
        (501.0, 500, "megabytes", "missed"),
        (2.1, 2, "slower", "missed"),
        (None, 2, "growth", "not measured"),
    ],
)
def test_a_bound_is_a_bound(measured, bound, measure, word):
    assert verdict(measured, bound, measure) == word


@pytest.mark.parametrize(
    "asked",
    [
        "times: fit, nobody, svy",
        "speed: fit, HINTS 6, svy",
        "colour",
        "times: fly, a, b",
    ],
)
def test_what_was_not_measured_is_an_error_of_the_page(speed, asked):
    with pytest.raises(tl.UnknownNameError):
        number(speed, asked)


def test_no_result_is_typed_into_the_page():
    """No number beside those of the roles, but one in code."""
    prose = re.sub(r"```.*?```|`[^`]*`|\{[^}]*\}", "", PAGE, flags=re.DOTALL)
    assert re.findall(r"\d+", prose.replace("HINTS 6", "")) == []
