"""Supplied microdata: a first mapping, a private book, a ledger; nothing small and nobody's answers in any of them."""

from __future__ import annotations

import json
import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from typer.testing import CliRunner

import trustlib as tl
from trustbook.cli import app
from trustbook.families import Family
from trustbook.leaks import leaks
from trustbook.proposal import first_mapping
from trustbook.site import check_pages
from trustbook.supplied import account_of, answer_record, read_supplied, reproduce, shown_account
from trustlib.schema import load_codebook, load_mapping, read_table
from trustrecord.record import load_figures

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
ROOT = Path(__file__).parents[1]
HINTS6 = ROOT / "data" / "hints6" / "mapping.yml"
NONVOTERS = ROOT / "tests" / "mappings" / "nonvoters.yml"
STAND_IN = ROOT / "data" / "synthetic"
SAMPLES = ("haven_iris.sav", "hebrews.sav", "missing_test.sav", "ordered_category.sav", "sample.sav", "sample.zsav",
           "sample_missing.sav", "simple_alltypes.sav", "tegulu.sav", "test_width.sav")  # fmt: skip
MAPPING = {
    "source": {"id": "made", "kind": "supplied", "label": "made-up people"},
    "variables": {
        "low_trust": {"column": "trust", "values": {"a little": 1, "a lot": 0}, "missing": {"refused": "refused"}},
        "gender": {"column": "sex", "values": {"Male": "man", "Female": "woman"}, "missing": {"Other": "other"}},
        "disability": {"column": "disabled", "values": {"no": "not disabled", "yes": "disabled"}},
    },
    "design": {"weight": "wt"},
}


def people(rows: int = 2_000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows) + 700_001,
            "trust": rng.choice(["a little", "a lot", "refused"], rows, p=[0.4, 0.55, 0.05]),
            "sex": rng.choice(["Male", "Female", "Other"], rows, p=[0.49, 0.5, 0.01]),
            "disabled": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
            "wt": np.round(rng.lognormal(0, 0.4, rows), 4) * (rng.random(rows) > 0.002),
        }
    )


def written(folder: Path, frame: pd.DataFrame, mapping: dict | None = None) -> tuple[Path, Path]:
    file, plan = folder / "people.csv", folder / "m.yml"
    frame.to_csv(file, index=False)
    plan.write_text(yaml.safe_dump(mapping or MAPPING, sort_keys=False))
    return file, plan


def uncommented(text: str) -> str:
    return re.sub(r"^# ", "", text, flags=re.MULTILINE)


def command(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return " ".join(result.output.split())


class TestFirstMapping:
    def test_its_proposals_are_a_mapping_that_reads_the_file(self, tmp_path):
        file, _ = written(tmp_path, people())
        text = first_mapping(file)
        plan = tmp_path / "first.yml"
        plan.write_text(uncommented(text))
        frame = tl.read_survey(file, plan)
        assert set(frame) >= {"gender", "disability", "trust", "weight"}
        assert frame.attrs["source"]["kind"] == "supplied"
        assert list(frame["disability"].cat.categories) == ["not disabled", "disabled"]
        assert (frame["trust_missing"] == "refused").sum() == (people()["trust"] == "refused").sum()

    def test_nothing_in_it_is_decided_before_the_user_decides(self, tmp_path):
        file, _ = written(tmp_path, people())
        assert set(yaml.safe_load(first_mapping(file))) == {"source", "variables"}
        assert yaml.safe_load(first_mapping(file))["variables"] is None

    def test_it_writes_no_identifier_no_free_text_and_no_rare_answer(self, tmp_path):
        frame = people()
        frame["email"] = [f"person{i}@example.org" for i in frame["id"]]
        frame["town"] = np.where(np.arange(len(frame)) < 9, "Smallville", "elsewhere")
        frame.loc[10:30, "town"] = "Middleton"
        text = first_mapping(written(tmp_path, frame)[0])
        assert "700001" not in text
        assert "@" not in text
        assert "Smallville" not in text
        assert "Middleton" in text
        assert "further answers, each of fewer than 10 people: 1" in text

    def test_every_written_answer_was_given_by_ten_people(self, data_file):
        file = data_file("fivethirtyeight_nonvoters", "nonvoters_data.csv")
        variables = yaml.safe_load(uncommented(first_mapping(file)))["variables"]
        raw, _ = read_table(file)
        answers = [(v["column"], a) for v in variables.values() for a in (*v["values"], *v.get("missing", ()))]
        assert len(answers) > 300
        assert min((raw[column].str.strip() == answer).sum() for column, answer in answers) >= 10

    def test_codes_that_stand_apart_seem_to_mean_missing(self, tmp_path):
        rng = np.random.default_rng(3)
        frame = pd.DataFrame({"apart": rng.choice([1, 2, 3, 8, 9], 500), "scale": rng.choice(range(1, 10), 500)})
        frame["minus"] = rng.choice([-1, 1, 2], 500)
        made = yaml.safe_load(uncommented(first_mapping(written(tmp_path, frame)[0])))["variables"]
        assert set(made["apart"]["missing"]) == {"8", "9"}
        assert "missing" not in made["scale"]
        assert set(made["minus"]["missing"]) == {"-1"}

    def test_weights_strata_psus_and_replicates_of_hints_are_found(self, data_file):
        text = first_mapping(data_file("hints6", "hints6_extract.csv.gz"))
        design = yaml.safe_load(uncommented(text))["design"]
        ours = load_mapping(HINTS6)[0].design
        assert design["replicate_weights"] == ours.replicate_weights
        assert (design["weight"], design["strata"], design["psu"]) == (ours.weight, ours.strata, ours.psu)
        assert design["replicate_method"] == "JK1"

    def test_the_puerto_rico_file_is_proposed_with_labels_and_replicates(self, data_file):
        file = data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav")
        made = yaml.safe_load(uncommented(first_mapping(file)))
        assert made["design"]["weight"] == "R12WGT0"
        assert made["design"]["replicate_weights"] == [f"R12WGT{i}" for i in range(1, 49)]
        assert made["variables"]["gender"]["values"] == {"Male": "man", "Female": "woman"}
        assert "professional?" in made["variables"]["hc07atrustdoctor"]["label"]

    @pytest.mark.parametrize("name", SAMPLES)
    def test_each_small_file_is_read_and_mapped(self, data_file, name, tmp_path):
        file = data_file("sav_samples", name)
        frame = tl.read_survey(file)
        assert len(frame)
        text = first_mapping(file)
        assert all(f"## {json.dumps(c, ensure_ascii=False)}" in text or c in text for c in frame)
        assert set(yaml.safe_load(uncommented(text))) <= {"source", "variables", "design"}
        if name == "simple_alltypes.sav":
            assert "mymrset" in text
            assert "declared missing in the file" in text

    def test_the_command_writes_a_file_once_and_says_why_it_cannot(self, tmp_path):
        file, _ = written(tmp_path, people())
        assert "Written" in command("mapping-init", file, "--out", tmp_path / "new.yml")
        assert "cannot be written" in command("mapping-init", file, "--out", tmp_path / "new.yml", code=1)
        assert "no survey file" in command("mapping-init", tmp_path / "absent.sav", code=1)
        (tmp_path / "broken.sav").write_bytes(b"$FL2" + bytes(50))
        assert "cannot be read" in command("mapping-init", tmp_path / "broken.sav", code=1)


class TestReading:
    def test_all_faults_are_told_in_the_terminal_and_in_a_page(self, tmp_path):
        bad = json.loads(json.dumps(MAPPING))
        bad["source"]["kind"] = "published"
        bad["variables"]["gender"]["column"] = "gendre"
        del bad["variables"]["low_trust"]["missing"]
        file, plan = written(tmp_path, people(), bad)
        out = tmp_path / "private"
        told = command("reproduce", file, "--mapping", plan, "--out", out, code=1)
        page = BeautifulSoup((out / "faults.html").read_text(), "html.parser").get_text(" ")
        for words in (
            "kind is published, expected supplied or real",
            "'gendre'",
            "not declared: 'refused'",
            "3 faults",
        ):
            assert words in told
            assert words in page

    def test_the_stand_in_cannot_pass_for_real(self, tmp_path):
        plan = tmp_path / "m.yml"
        text = (STAND_IN / "mapping.yml").read_text().replace("kind: synthetic", "kind: supplied")
        plan.write_text(text.replace("../codebook.yml", str(ROOT / "data" / "codebook.yml")))
        with pytest.raises(tl.CodebookError, match="the file itself says that its data are synthetic"):
            read_supplied(STAND_IN / "trust_polling_synthetic.parquet", plan)

    def test_a_folder_that_holds_something_else_is_left_alone(self, tmp_path):
        file, plan = written(tmp_path, people())
        with pytest.raises(tl.SurveyFileError, match="no private book"):
            reproduce(file, plan, tmp_path, ROOT)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["m.yml", "people.csv"]

    def test_names_that_do_not_exist_are_refused_with_the_nearest(self, tmp_path):
        file, plan = written(tmp_path, people())
        with pytest.raises(tl.UnknownNameError, match="Did you mean 'gender'"):
            reproduce(file, plan, tmp_path / "private", ROOT, axes=["gendre"])


class TestAccount:
    @pytest.mark.parametrize("seed", range(5))
    def test_rows_in_are_rows_used_and_rows_dropped(self, tmp_path, seed):
        frame = people(700, seed)
        design, outcomes, axes = read_supplied(*written(tmp_path, frame))
        account = account_of(design, outcomes[0], axes)
        asked, told, weighed = frame["trust"] != "refused", frame["sex"] != "Other", frame["wt"] > 0
        assert account["n"].sum() == 700
        assert account.set_index("reason")["n"]["used"] == (asked & told & weighed).sum()
        cells = tl.compress(Family(design, outcomes[0], axes).base, outcomes[0], [])
        assert account["n"].iloc[0] == cells.frame["n"].sum()

    def test_small_reasons_are_shown_together(self):
        account = pd.DataFrame({"outcome": "y", "reason": ["used", "a", "b", "c"], "n": [900, 50, 7, 4]})
        shown = [("used", "900"), ("a", "50"), ("several other reasons", "11"), ("rows in the file", "961")]
        assert shown_account(account) == shown
        account = account[account["reason"] != "a"]
        assert shown_account(account)[:2] == [("used", "900"), ("several other reasons", "11")]
        alone = account[account["reason"] != "b"]
        assert shown_account(alone)[:2] == [("used", "all others"), ("c", "fewer than 10")]


class TestFamily:
    def design(self, cells: dict[tuple[int, int, int], tuple[int, int]], **more) -> tl.SurveyDesign:
        """People in cells (a, b, c): so many with the outcome, so many without."""
        rows = [
            (*k, y) for k, counts in cells.items() for y, n in zip((1.0, 0.0), counts, strict=True) for _ in range(n)
        ]
        frame = pd.DataFrame(rows, columns=["a", "b", "c", "y"]).assign(**more)
        for c in "abc":
            frame[c] = pd.Categorical(frame[c].map(str))
        return tl.SurveyDesign(frame, weight=None)

    def test_everything_is_one_hub_if_every_cell_is_large(self):
        family = Family(self.design(dict.fromkeys(product((0, 1), repeat=3), (20, 30))), "y", ["a", "b", "c"])
        assert [sorted(s) for s in family.sets] == [["a", "b", "c"]]
        assert not family.withheld

    def test_no_set_of_tables_pins_a_small_cell(self):
        """A linear programme on the published margins, as an attacker would put it."""
        from scipy.optimize import linprog

        rng = np.random.default_rng(5)
        found = 0
        for _ in range(30):
            cells = {k: tuple(rng.integers(1, 60, 2)) for k in product((0, 1), repeat=3)}
            family = Family(self.design(cells), "y", ["a", "b", "c"])
            counts = {(*k, y): n for k, pair in cells.items() for y, n in zip((1, 0), pair, strict=True)}
            keys = list(counts)
            known, totals = [], []
            for axes in family.sets:
                at = ["abc".index(x) for x in axes] + [3]
                for level in product((0, 1), repeat=len(at)):
                    row = [float(tuple(k[i] for i in at) == level) for k in keys]
                    known.append(row)
                    totals.append(np.dot(row, list(counts.values())))
            for i, key in enumerate(keys):
                if family.sets and counts[key] < 10:
                    aim = np.eye(len(keys))[i]
                    low, high = (linprog(s * aim, A_eq=known, b_eq=totals).fun * s for s in (1, -1))
                    found += 1
                    assert high - low >= 10 - 1e-6
        assert found > 20

    def test_an_outcome_that_implies_another_hides_who_has_only_one(self):
        cells = dict.fromkeys(product((0, 1), repeat=3), (40, 40))
        design = self.design(cells)
        y = design.frame["y"].to_numpy().copy()
        y[np.flatnonzero(y == 1)[:3]] = 0  # three people of one cell have only the wider outcome
        nested = tl.SurveyDesign(design.frame.assign(strict=y), weight=None)
        assert not Family(nested, "y", ["a", "b"]).withheld
        assert Family(nested, "y", ["a", "b"], ["y", "strict"]).withheld

    def test_an_identity_that_few_told_does_not_empty_the_others(self):
        design = self.design(dict.fromkeys(product((0, 1), repeat=3), (30, 30)))
        design.frame.loc[design.frame.index > 100, "c"] = None
        family = Family(design, "y", ["a", "b", "c"])
        assert family.axes == ["a", "b"]
        assert family.withheld == {"y by c": "fewer than half of those who answered told it"}


@pytest.fixture(scope="module")
def figures():
    return load_figures(ROOT / "data" / "published" / "figures.csv")


@pytest.fixture(scope="module")
def codebook():
    return load_codebook(ROOT / "data" / "codebook.yml")


@pytest.fixture(scope="module")
def design():
    return read_supplied(STAND_IN / "trust_polling_synthetic.parquet", STAND_IN / "mapping.yml")[0]


@pytest.fixture(scope="module")
def ledger(design, figures, codebook):
    return answer_record(design, figures, codebook)


class TestRecord:
    def test_the_stand_in_never_matches(self, ledger, figures):
        assert set(ledger["verdict"]) == {"calibrated (synthetic)", "needs microdata", "not releasable"}
        assert (ledger["verdict"] == "calibrated (synthetic)").sum() > 100
        assert set(ledger["id"]) == set(figures["id"])
        assert ledger.loc[ledger["verdict"] == "needs microdata", "cause"].str.len().min() > 0

    def test_the_answers_are_those_that_the_stand_in_was_held_to(self, ledger, figures):
        """calibration.csv was written by the simulator, by other code."""
        held = pd.read_csv(STAND_IN / "calibration.csv")
        same = held["group"] == held["id"].map(figures.set_index("id")["group"])  # others are a reading of ours
        held = held[held["item"].isin(["provider", "system"]) & (held["statistic"] == "percent") & same]
        ours = ledger.set_index(["id", "reading"])["ours"]
        pairs = [(ours[row.id, f"trust_damaged_{row.item}"], row.achieved) for row in held.itertuples()]
        answered = [(a, b) for a, b in pairs if not np.isnan(a)]
        assert [a for a, _ in answered] == pytest.approx([b for _, b in answered], abs=0.06)
        assert len(answered) > 30

    def test_a_file_that_says_supplied_gets_verdicts_by_the_printed_rounding(self, design, figures, codebook):
        frame = design.frame.copy()
        frame.attrs = {"source": {"kind": "supplied"}, "labels": {}}
        supplied = tl.SurveyDesign(frame, weight="weight", strata="stratum")
        few = figures[figures["id"].isin(["W23-009", "W22-035", "W23-001", "R24-019", "R24-016", "W22-044b"])].copy()
        few.loc[few["id"] == "W22-035", "value"] = 90
        verdicts = answer_record(supplied, few, codebook).drop_duplicates("id").set_index("id")["verdict"]
        assert verdicts["W23-009"] == "match"
        assert verdicts["W22-035"] == "differs"
        assert verdicts["W23-001"] in ("match", "within rounding")
        assert verdicts["R24-019"] in ("match", "within rounding")
        assert verdicts["R24-016"] == "differs"
        assert verdicts["W22-044b"] == "match"

    def test_a_small_group_is_not_releasable(self, design, figures, codebook):
        frame = design.frame
        spain = frame[(frame["wave"] == "2023") & (frame["country"] == "ES")]
        disabled = spain["disability"] == "disabled"
        few = pd.concat([spain[~disabled], spain[disabled].head(9)]).reset_index(drop=True)
        few.attrs = {"source": {"kind": "supplied"}, "labels": {}}
        ledger = answer_record(tl.SurveyDesign(few), figures, codebook).set_index("id")
        assert ledger.loc["W23-010", "verdict"] == "not releasable"
        assert np.isnan(ledger.loc["W23-010", "ours"])
        assert ledger.loc["R24-001", "verdict"] == "needs microdata"

    def test_a_file_of_another_survey_answers_nothing(self, figures, codebook, tmp_path):
        design, *_ = read_supplied(*written(tmp_path, people()))
        ledger = answer_record(design, figures, codebook)
        assert set(ledger["verdict"]) == {"needs microdata"}
        assert ledger["cause"].str.contains("the file has no|no number").all()


def test_the_puerto_rico_file_has_a_replicate_design(data_file, tmp_path):
    mapping = {
        "source": {"id": "pr", "kind": "real", "label": "HINTS Puerto Rico 2009"},
        "variables": {
            "low_trust": {"column": "HC07aTrustDoctor", "values": {"A Lot": 0, "Some": 1, "A Little": 1, "Not at All": 1},
                          "missing": {"7": "refused", "8": "do not know", "9": "not ascertained", "Refused": "refused",
                                      "Don't know": "do not know", "Not Ascertained": "not ascertained"}},
            "gender": {"column": "GenderN", "values": {"Male": "man", "Female": "woman"}},
        },
        "design": {"weight": "R12WGT0", "replicate_weights": {"prefix": "R12WGT", "count": 48},
                   "replicate_method": "JK1", "replicate_scale": 5 / 6, "replicate_df": 48},
    }  # fmt: skip
    plan = tmp_path / "pr.yml"
    plan.write_text(yaml.safe_dump(mapping))
    design, outcomes, axes = read_supplied(data_file("hints_pr2009", "hintspr_d2011_04_22_public.sav"), plan)
    assert (outcomes, axes) == (["low_trust"], ["gender"])
    assert design.variance.startswith("48 replicate weights")
    assert account_of(design, "low_trust", ["gender"])["n"].sum() == len(design.frame) == 639
    assert Family(design, "low_trust", ["gender"]).sets == [["gender"]]


def counts_on(site: Path) -> list[int]:
    """Numbers of people in the tables of a site."""
    found = []
    for page in site.rglob("*.html"):
        for table in BeautifulSoup(page.read_text(), "html.parser").select("main table"):
            heads = [h.get_text(strip=True) for h in table.select("thead th, thead td")]
            if "People" in heads:
                at = heads.index("People")
                cells = [row.find_all(["td", "th"]) for row in table.select("tbody tr")]
                texts = [row[at].get_text(strip=True) for row in cells if len(row) == len(heads)]
                found += [int(t.replace(",", "")) for t in texts if re.fullmatch(r"[\d,]+", t)]
    return found


def require_complete(made, out: Path, file: Path) -> BeautifulSoup:
    """The pages are there, the account adds up, no small number of people and no row of the file is anywhere."""
    assert made.runs
    assert not made.failed
    assert check_pages(made.site) == []
    for run in made.runs:
        assert (made.site / "_runs" / run / f"{run}.html").is_file()
        assert (out / "book" / "_runs" / run / "provenance.json").is_file()
    index = BeautifulSoup((made.site / "index.html").read_text(), "html.parser")
    rows = len(read_table(file)[0])
    assert (made.account.groupby("outcome")["n"].sum() == rows).all()
    assert f"{rows:,}" in index.get_text()
    assert made.site.joinpath("ledger.html").is_file()
    assert min(counts_on(made.site)) >= 10
    assert not [
        p for p in made.site.rglob("*") if "whatever they told" in (p.read_text() if p.suffix == ".html" else "")
    ]
    for what, why in made.withheld.items():
        assert what in index.get_text()
        assert why[:40] in index.get_text()
    return index


def no_lines_of(file: Path, out: Path) -> None:
    """No identifier of a person (a first column of different values) is anywhere in the private folder."""
    raw, _ = read_table(file)
    ids = raw.iloc[:, 0].astype(str)
    assert ids.is_unique
    assert leaks(out / "_build", raw) == []
    texts = [p.read_text(errors="ignore") for p in (out / "book").rglob("*") if p.suffix in (".csv", ".md", ".ipynb")]
    assert not [
        i for i in ids.sample(200, random_state=1) if len(i) > 4 and any(re.search(rf"\b{i}\b", t) for t in texts)
    ]


@pytest.mark.slow
def test_a_book_from_the_raw_hints_file(data_file, tmp_path):
    file, out = data_file("hints6", "hints6_extract.csv.gz"), tmp_path / "private"
    made = reproduce(file, HINTS6, out, ROOT, ["mistrust"], ["ethnicity", "disability"])
    assert made.runs == ["mistrust-levels-ethnicity-disability", "mistrust-intersection-ethnicity-disability"]
    index = require_complete(made, out, file)
    assert "Taylor linearisation over" in index.get_text()
    everyone = pd.read_csv(out / "book" / "_runs" / made.runs[0] / "tables" / "everyone.csv")
    used = made.account.set_index("reason")["n"]["used"]
    assert everyone["n"].item() == used
    frame = tl.read_survey(file, HINTS6)
    inside = frame[["mistrust", "ethnicity", "disability"]].notna().all(axis=1)
    weighed = frame[inside]
    assert used == inside.sum()
    assert everyone["estimate"].item() == pytest.approx(
        np.average(weighed["mistrust"], weights=weighed["weight"]), rel=1e-12
    )


@pytest.mark.slow
def test_a_book_from_the_poll_on_non_voters(data_file, tmp_path):
    file, out = data_file("fivethirtyeight_nonvoters", "nonvoters_data.csv"), tmp_path / "private"
    made = reproduce(file, NONVOTERS, out, ROOT, axes=["gender", "disability", "education"])
    index = require_complete(made, out, file)
    assert "low_trust_cdc by disability and education" in made.withheld
    assert made.account.set_index("reason")["n"]["low_trust_cdc: refused"] == 34
    assert "weights taken as fixed" in index.get_text()
    no_lines_of(file, out)


@pytest.mark.slow
def test_the_command_makes_a_synthetic_book_that_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    before = {p: p.stat().st_mtime_ns for p in (ROOT / "book").rglob("*.md")}
    words = ("--outcome", "trust_damaged_provider", "--axis", "disability", "--out", tmp_path / "private")
    file = STAND_IN / "trust_polling_synthetic.parquet"
    told = command("reproduce", file, "--mapping", STAND_IN / "mapping.yml", *words)
    assert "calibrated (synthetic)" in told
    assert "match" not in told
    site = tmp_path / "private" / "_build" / "html"
    assert check_pages(site) == []
    pages = {p.stem for p in (site / "_runs").rglob("*.html")}
    assert {"trust-damaged-provider-countries-disability", "trust-damaged-provider-waves-disability"} <= pages
    assert {p: p.stat().st_mtime_ns for p in before} == before
    shutil.rmtree(tmp_path / "private")
