"""The explorer: its scripts compute what the library does, and open a reader's own cells or say why not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pandas as pd
import pytest

import explorer_choices
import trustlib as tl
from trustbook.cells_json import cells_as_json, write_cells_json
from trustbook.explorer import (
    REASONS,
    REFUSED,
    Question,
    explorer_sources,
    reasons_of,
    refused_rows,
    stored_rows,
)
from trustbook.refused import main, untried
from trustbook.replicates import read_stored
from trustbook.sealing import load_cell_plan
from trustbook.sphinx.explorer_pages import SCRIPTS, WEB, skeleton, web_files
from trustlib.disclosure import MINIMUM

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
CELLS = DATA / "hints7" / "cells" / "discriminated-gender-ethnicity-disability.parquet"
SAMPLE = 24
NEAR = 1e-8
READ = "text => { const {set, fault} = trustCellsFile.read(text); return set ? 'read' : fault; }"


@pytest.fixture(scope="module")
def source():
    """HINTS 7 as the page is given it."""
    [made] = explorer_sources(DATA, ["hints7"], ROOT / "notebooks" / "runs.yml", [])
    return made


@pytest.mark.browser
class TestNumbers:
    def test_a_sample_of_choices_equals_the_library(self, chromium):
        every = [
            choice
            for path in explorer_choices.paths()
            for choice in explorer_choices.choices_of(path)
        ]
        sample = random.Random(7).sample(every, SAMPLE)
        found = explorer_choices.by_page(chromium, sample)
        worst = [
            max(explorer_choices.differences(explorer_choices.by_library(c), f, c))
            for c, f in zip(sample, found, strict=True)
        ]
        assert max(worst) < NEAR

    def test_the_comparison_can_fail(self, chromium):
        [choice, other] = explorer_choices.choices_of(explorer_choices.paths()[0])[:2]
        [found] = explorer_choices.by_page(chromium, [other])
        ours = explorer_choices.by_library(choice)
        levels = {"levels": ours["levels"]}
        assert max(explorer_choices.differences(levels, found, choice)) > NEAR

    @pytest.mark.parametrize("df", [1, 2.5, 9, 49, 196, 11298])
    def test_quantiles_of_t(self, chromium, df):
        page = chromium.new_page()
        page.add_script_tag(path=explorer_choices.SCRIPTS[0])
        found = page.evaluate("df => trustArithmetic.tQuantile(df)", df)
        page.close()
        expected = float(tl.intervals.t_quantile(df))
        assert found == pytest.approx(expected, rel=1e-11)


def damaged(change) -> str:
    """The JSON of some cells with one thing wrong."""
    made = cells_as_json(tl.Cells.read(CELLS))
    change(made)
    return json.dumps(made)


FAULTS = {
    "no JSON": ("PAR1 \x00 not text", "is no JSON"),
    "half a file": (damaged(lambda made: None)[:500], "is no JSON"),
    "another format": ('{"format": "other"}', "does not call itself sealed cells"),
    "null": ("null", "does not call itself sealed cells"),
    "no axes": (damaged(lambda m: m.update(by=[])), "two identities"),
    "one level": (
        damaged(lambda m: m["levels"].update(gender=["man"])),
        "two levels",
    ),
    "unknown level": (
        damaged(lambda m: m["codes"].__setitem__(0, [0, 0, 7])),
        "not listed",
    ),
    "twice": (
        damaged(lambda m: m["codes"].__setitem__(0, m["codes"][1])),
        "stands in it twice",
    ),
    "a total lacks": (damaged(lambda m: m["w"].pop()), 'one number in "w"'),
    "a text as total": (damaged(lambda m: m["y"].__setitem__(0, "1")), 'in "y"'),
    "more events than people": (
        damaged(lambda m: m["y"].__setitem__(0, 1e12)),
        "nobody, or everybody",
    ),
    "covariance too short": (damaged(lambda m: m["cov"].pop()), "does not fit"),
    "no covariance": (
        damaged(lambda m: m["cov"].__setitem__(0, -1.0)),
        "its covariance is none",
    ),
    "correlation beyond one": (
        damaged(lambda m: m["cov"].__setitem__(1, 1e30)),
        "its covariance is none",
    ),
    "no df": (damaged(lambda m: m.update(df=0)), "no degrees of freedom"),
    "a label is no text": (
        damaged(lambda m: m["labels"].update(gender={"a": 1})),
        "no text",
    ),
    "no source": (damaged(lambda m: m.pop("source")), "what its source is"),
}


@pytest.mark.browser
class TestOwnFile:
    def read(self, chromium, text: str) -> str:
        page = chromium.new_page()
        page.add_script_tag(path=WEB / "explorer_file.js")
        said = page.evaluate(READ, text)
        page.close()
        return said

    def test_what_the_library_writes_is_read(self, chromium, tmp_path):
        path = write_cells_json(tl.Cells.read(CELLS), tmp_path / "cells.json")
        assert self.read(chromium, path.read_text(encoding="utf-8")) == "read"

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_damaged_or_foreign_file_is_refused_in_words(self, chromium, name):
        text, words = FAULTS[name]
        said = self.read(chromium, text)
        assert said.startswith("This file cannot be opened: ")
        assert words in said
        assert "trustlib cells-json" in said


class TestGiven:
    """What the page is given: sealed cells and words, and nothing else."""

    def test_no_cell_holds_few_people(self, source):
        for cells in source["sets"]:
            assert min(cells["n"]) >= 2 * MINIMUM
            assert "n_events" not in cells

    def test_it_is_of_committed_weighted_cells_of_several_identities(self, source):
        names = [cells["id"] for cells in source["sets"]]
        assert names == [
            path.stem for path in explorer_choices.paths() if "hints7" in path.parts
        ]
        assert all(len(cells["by"]) > 1 for cells in source["sets"])

    def test_the_numbers_are_those_of_the_file(self):
        cells = tl.Cells.read(CELLS)
        made = json.loads(json.dumps(cells_as_json(cells)))
        assert made["w"] == cells.frame["sum_w"].tolist()
        assert len(made["cov"]) == 2 * len(cells) * (2 * len(cells) + 1) // 2

    def test_exact_cells_of_a_confidential_file_are_not_written(self, tmp_path):
        cells = tl.Cells.read(CELLS)
        supplied = tl.Cells(
            **{
                name: getattr(cells, name)
                for name in ("frame", "outcome", "by", "scatter", "df", "variance")
            },
            source={"id": "x", "kind": "supplied", "label": "A file"},
        )
        with pytest.raises(tl.DisclosureError, match="exact totals"):
            write_cells_json(supplied, tmp_path / "cells.json")
        assert not list(tmp_path.iterdir())

    def test_stored_intervals_are_of_the_estimand_that_the_page_computes(self):
        every = read_stored(DATA / "hints7" / "replicates.csv")
        name = "discriminated-gender-ethnicity-disability-age_three"
        by = ["gender", "ethnicity", "disability", "age_three"]
        adjusted = stored_rows(every, name, by)
        assert not [key for key in adjusted if key.startswith("gaps")]
        pair = stored_rows(every, CELLS.stem, by[:3])
        assert "interaction_contrast:ethnicity,disability:man|minority|disabled" in pair
        assert len([key for key in pair if key.startswith("levels")]) == 8

    def test_a_page_of_a_run_is_named_only_if_it_is_there(self):
        page = "_runs/hints7-mistrust-gender-ethnicity/hints7-mistrust-gender-ethnicity"
        [made] = explorer_sources(
            DATA, ["hints7"], ROOT / "notebooks" / "runs.yml", [page]
        )
        pages = {cells["id"]: cells["page"] for cells in made["sets"] if cells["page"]}
        assert pages == {"mistrust_2024-gender-ethnicity": f"{page}.html"}

    def test_what_was_tried_and_not_refused_would_pass(self):
        told = {
            name: reasons_of(DATA / name)["other"] for name in ("hints7", "synthetic")
        }
        assert told["hints7"].startswith(
            "The disclosure gate would let these cells pass"
        )
        assert "gate" not in told["synthetic"]
        assert all(f"data/{name}/cells.yml" in text for name, text in told.items())

    def test_reasons_are_those_of_the_file(self, tmp_path):
        path = tmp_path / "refused.csv"
        path.write_text('outcome,where,by,reason\nangry,,"a,b",gate\nother,,a,gate\n')
        assert refused_rows(path, [Question("angry")]) == {"0:a,b": "gate"}


# R is offered over a server only: its panel reads the script, its frame begins R.
OVER_A_SERVER = {"ask_r.js": {"fetch("}, "ask_r_frame.js": {"import"}}


class TestScripts:
    @pytest.mark.parametrize("path", sorted(WEB.glob("*.js")), ids=lambda p: p.name)
    def test_nothing_needs_more_than_the_policy_of_the_site(self, path):
        text = path.read_text(encoding="utf-8")
        forbidden = r"\beval\(|new Function|\bfetch\(|XMLHttp|innerHTML|\bimport\b|https?://(?!www\.w3\.org/2000/svg)"
        assert set(re.findall(forbidden, text)) == OVER_A_SERVER.get(path.name, set())

    def test_the_skeleton_has_no_program_in_it(self):
        assert not re.findall(r"\son\w+=|javascript:", skeleton("x"))

    def test_no_word_of_the_page_gives_a_verdict(self):
        texts = [path.read_text(encoding="utf-8") for path in WEB.glob("explorer*.*")]
        assert not [t for t in texts if re.search(r"\bclear(ly)?\b|significan", t)]

    def test_every_file_that_the_page_loads_is_written(self, source):
        files = dict(web_files([source]))
        assert set(SCRIPTS) <= set(files)
        assert files["trust_cells.js"].startswith("window.trustCells = {")


@pytest.mark.parametrize("survey", ["hints6", "hints7"])
class TestRefused:
    def test_what_is_refused_is_not_committed(self, survey):
        plan = load_cell_plan(DATA / survey / "cells.yml")
        lacking = {(q.outcome, q.where, ",".join(by)) for q, _, by in untried(plan)}
        rows = pd.read_csv(DATA / survey / REFUSED, dtype=str, keep_default_na=False)
        assert set(rows["reason"]) <= set(REASONS)
        named = rows[["outcome", "where", "by"]].itertuples(index=False, name=None)
        assert set(named) <= lacking

    @pytest.mark.slow
    def test_it_is_what_the_survey_file_gives(self, survey, data_file, capsys):
        file = data_file(survey, f"{survey}_extract.csv.gz")
        main([str(DATA / survey / "cells.yml"), str(file), "--check"])
        assert "agrees" in capsys.readouterr().out
