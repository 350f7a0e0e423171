"""The page "Could this headline be true?": its regions and contradictions are those of the audit, for every switch."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trustbook.headline import (
    FILE,
    QUESTIONS,
    main,
    pair_of,
    switches,
)
from trustbook.sphinx.headline_pages import (
    combinations_table,
    page_data,
    skeleton,
    web_files,
)
from trustlib.errors import TrustlibError
from trustlib.record.audit import audit
from trustlib.record.printed import load_figures
from trustlib.record.region import SPARSE, at, region
from trustlib.schema import load_yaml

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "data" / "published"
ASKED = load_yaml(PUBLISHED / QUESTIONS)
FIGURES = load_figures(PUBLISHED / "figures.csv").set_index("id")
FOUND = json.loads((PUBLISHED / FILE).read_text(encoding="utf-8"))
CHOSEN = [" ".join(chosen) for chosen in switches(ASKED["movable"])]
POSSIBLE = [name for name in CHOSEN if FOUND[name]["possible"]]
IMPOSSIBLE = [name for name in CHOSEN if not FOUND[name]["possible"]]


def asked_of(name: str):
    return pair_of(FIGURES, ASKED, name.split())


def verdict(name: str, across: float, up: float):
    """What the audit says of two values."""
    pair = asked_of(name)
    held = [at(pair.across, across), at(pair.up, up)]
    return audit([*pair.claims, *held], pair.population, pair.assume)


def fits(found: dict) -> np.ndarray:
    """Percentages across -> least and greatest up that a contradiction allows."""
    rows = [[row[1:]] * row[0] for row in found["fits"]]
    return np.array([pair for own in rows for pair in own])


def excluding(name: str, across: int, up: int) -> list[dict]:
    """The contradictions that exclude two percentages, in the order of the page."""
    every = FOUND[name]["contradictions"]
    allowed = [(one, fits(one)[across]) for one in every]
    return [one for one, (low, high) in allowed if not low <= up <= high]


def pairs(name: str) -> list[tuple[int, int]]:
    """Percentages to try: some anywhere, some next to the edge of the region."""
    draw = random.Random(name)
    tried = [(draw.randrange(101), draw.randrange(101)) for _ in range(3)]
    rows = [row for row in FOUND[name]["region"] if float(row[0]).is_integer()]
    for across, low, high in draw.sample(rows, 2):
        edges = [
            int(np.floor(low)),
            int(np.ceil(low)),
            int(np.floor(high)),
            int(np.ceil(high)),
        ]
        tried += [(int(across), up) for up in edges if 0 <= up <= 100]
    return tried


def test_every_combination_of_the_switches_is_there():
    assert sorted(FOUND) == sorted(CHOSEN)
    assert POSSIBLE
    assert IMPOSSIBLE


class TestRegion:
    @pytest.mark.parametrize("name", POSSIBLE)
    def test_it_is_what_the_audit_allows(self, name):
        for across, up in pairs(name):
            assert verdict(name, across / 100, up / 100).feasible == (
                not excluding(name, across, up)
            ), (across, up)

    @pytest.mark.parametrize("name", POSSIBLE)
    def test_its_rows_are_those_of_the_library_now(self, name):
        rows = np.array(FOUND[name]["region"])
        draw = random.Random(name)
        chosen = sorted(draw.sample(range(101), 6))
        now = 100 * region(asked_of(name), np.array(chosen) / 100).to_numpy()
        places = [np.abs(rows[:, 0] - across).argmin() for across in now[:, 0]]
        assert rows[places] == pytest.approx(now, abs=0.011)

    def test_it_is_the_range_that_the_chapter_prints(self):
        across = [row[0] for row in FOUND["one 8 free"]["region"]]
        assert min(across) == pytest.approx(86.0, abs=0.05)


@pytest.mark.proof
class TestContradictions:
    @pytest.mark.parametrize("name", IMPOSSIBLE)
    def test_where_nothing_is_possible_it_is_that_of_the_audit(self, name):
        pair = asked_of(name)
        found = audit(pair.claims, pair.population, pair.assume)
        assert not found.feasible
        assert list(found.conflict) == FOUND[name]["conflict"]

    @pytest.mark.parametrize("name", POSSIBLE)
    def test_every_tenth_percentage_has_a_smallest_one(self, name):
        draw = random.Random(name)
        sparse = range(0, 101, SPARSE)
        grid = [(across, up) for across in sparse for up in sparse]
        outside = [point for point in grid if excluding(name, *point)]
        for across, up in draw.sample(outside, 2):
            smallest = verdict(name, across / 100, up / 100).conflict
            shown = excluding(name, across, up)[0]["names"]
            assert len(shown) == len(smallest), (across, up)

    @pytest.mark.parametrize("name", POSSIBLE)
    def test_without_any_member_the_others_can_be_true(self, name):
        pair = asked_of(name)
        for names, (across, up) in first_at(name):
            values = [at(pair.across, across / 100), at(pair.up, up / 100)]
            for without in [None, *names]:
                kept = set(names) - {without}
                part = pair.only(kept)
                claims = [*part.claims, *(v for v in values if v.id in kept)]
                found = audit(claims, pair.population, part.assume)
                assert found.feasible == (without is not None), (names, without)

    @pytest.mark.parametrize("name", POSSIBLE)
    def test_every_pair_that_is_not_possible_has_one(self, name):
        whole = {
            int(row[0]): row[1:]
            for row in FOUND[name]["region"]
            if row[0] == int(row[0])
        }
        for across in range(101):
            low, high = whole.get(across, (1, 0))
            inside = [up for up in range(101) if low - 0.011 <= up <= high + 0.011]
            excluded = {up for up in range(101) if excluding(name, across, up)}
            assert set(range(101)) - excluded <= set(inside), across


def first_at(name: str) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """Each contradiction that the page shows somewhere, and one such pair of percentages."""
    left = np.ones((101, 101), dtype=bool)
    ups = np.arange(101)
    for one in FOUND[name]["contradictions"]:
        low, high = fits(one).T
        excluded = (ups < low[:, None]) | (ups > high[:, None])
        places = np.argwhere(excluded & left)
        left &= ~excluded
        if len(places):
            across, up = random.Random(name).choice(places.tolist())
            yield one["names"], (across, up)


class TestPage:
    def made(self):
        return page_data(FOUND, ASKED["movable"], FIGURES, "record.html")

    def test_every_line_that_plays_a_part_leads_to_the_record(self):
        data = self.made()
        named = {name for ids in data["lines"].values() for name in ids}
        assert set(data["record"]) == named
        for name, line in data["record"].items():
            assert line["href"] == f"record.html#figure-{name}"
            assert re.search(r"\d", line["printed"])

    def test_every_member_of_a_contradiction_has_a_name(self):
        data = self.made()
        known = {*data["record"], *data["values"].values()}
        members = {
            name
            for found in FOUND.values()
            for own in [
                found.get("conflict", []),
                *(c["names"] for c in found.get("contradictions", [])),
            ]
            for name in own
        }
        assert members - known == {"one item", "no single group above the double group"}

    def test_the_table_tells_every_combination(self):
        html = combinations_table(self.made())
        assert html.count('<th scope="row">') == len(CHOSEN)
        assert html.count("<td>nothing</td>") == 2 * len(IMPOSSIBLE)
        assert 'href="record.html#figure-R24-016"' in html

    def test_a_stale_file_is_refused(self):
        with pytest.raises(TrustlibError, match="the switches give"):
            page_data({}, ASKED["movable"], FIGURES, "record.html")

    def test_its_files_fetch_nothing_and_need_no_more_than_the_policy(self):
        files = dict(web_files(self.made()))
        assert set(re.findall(r'(?:src|href)="[^"]*/([^"]+)"', skeleton("x"))) == set(
            files
        )
        for name, text in files.items():
            if name.endswith("headline.js"):
                assert not re.search(
                    r"\b(?:fetch|eval|Function|XMLHttpRequest|import)\b\(?", text
                )
                assert "innerHTML" not in text

    def test_it_weighs_little(self):
        import gzip

        texts = "".join(dict(web_files(self.made())).values())
        assert len(gzip.compress(texts.encode())) < 15_000


def test_the_command_needs_a_folder():
    with pytest.raises(SystemExit, match="Usage"):
        main([])


def test_a_change_of_a_figure_changes_what_is_possible():
    """The file is no constant: another percentage gives another region."""
    pair = asked_of("one 8 free")
    other = tuple(
        replace(claim, low=0.595, high=0.605) if claim.id == "R24-018" else claim
        for claim in pair.claims
    )
    moved = replace(pair, claims=other).bounds(pair.across)
    assert moved != pytest.approx(pair.bounds(pair.across), abs=0.01)


def test_the_command_writes_what_a_combination_gives(tmp_path, monkeypatch):
    """Made again for one combination: all eight take minutes."""
    one = "one 9 free"
    monkeypatch.setattr("trustbook.headline.switches", lambda _: iter([one.split()]))
    published = tmp_path / "published"
    published.mkdir()
    for name in ("figures.csv", QUESTIONS):
        (published / name).write_bytes((PUBLISHED / name).read_bytes())
    codebook = PUBLISHED.parent / "codebook.yml"
    (tmp_path / "codebook.yml").write_bytes(codebook.read_bytes())
    main([str(tmp_path)])
    made = json.loads((published / FILE).read_text(encoding="utf-8"))
    assert made == {one: FOUND[one]}
