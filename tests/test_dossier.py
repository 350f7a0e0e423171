"""Dossiers: the R scripts print what the library computed; the flow leads to the people of the cells."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import trustlib as tl
import trustlib.review as tr
from trustbook import dossier
from trustbook.runs import Run, load_plan
from trustbook.sealing import load_cell_plan

ROOT = Path(__file__).parents[1]
DOSSIERS = {
    r.id: r
    for r in load_plan(ROOT / "notebooks/runs.yml")
    if r.template.stem == "review"
}
HINTS = [name for name in DOSSIERS if "synthetic" not in name]
SEALED = {
    path.parent.parent: None
    for run in DOSSIERS.values()
    for path in run.data
    if path.parent.name == "cells"
}
RTOL, ATOL = 1e-6, 1e-9


@cache
def packages() -> set[str]:
    """Which of R and its package survey are here."""
    if shutil.which("Rscript") is None:
        return set()
    code = "cat(requireNamespace('survey', quietly = TRUE))"
    done = subprocess.run(
        ["Rscript", "-e", code], capture_output=True, text=True, check=True
    )
    return {"R"} | ({"survey"} if done.stdout.endswith("TRUE") else set())


def fit_of(run: Run) -> tl.LogitFit:
    return tl.fit_logit(
        tl.Cells.read(run.template.parent / run.parameters["cells"]),
        run.parameters["formula"],
    )


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> Path:
    """The scripts of all dossiers, written as the runs write them."""
    folder = tmp_path_factory.mktemp("dossiers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUSTLIB_RUN_FOLDER", str(folder))
        for run in DOSSIERS.values():
            given = run.parameters
            cells = run.template.parent / given["cells"]
            dossier.write(
                fit_of(run), given["identities"], cells, given["name"], given["title"]
            )
    return folder / "scripts"


def printed(script: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["Rscript", str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "a warning of R"
    return done.stdout


def assert_same(text: str, expected: dict[str, pd.DataFrame]) -> int:
    """Every number and every word of each table; returns how many numbers were compared."""
    found, compared = dossier.read_text(text), 0
    assert list(found) == list(expected)
    for name, table in expected.items():
        numbers = table.select_dtypes("number").columns
        words = [c for c in table if c not in numbers]
        assert list(found[name]) == list(table), name
        assert found[name][words].astype(str).equals(table[words].astype(str)), name
        values = [frame[numbers].to_numpy(float) for frame in (found[name], table)]
        np.testing.assert_allclose(*values, rtol=RTOL, atol=ATOL, err_msg=name)
        compared += values[0].size
    return compared


def as_printed(run: Run) -> dict[str, pd.DataFrame]:
    """What the library gives, through the text form, so that columns have the types that reading gives them."""
    return dossier.read_text(
        dossier.as_text(dossier.results(fit_of(run), run.parameters["identities"]))
    )


@pytest.mark.parametrize("name", DOSSIERS)
def test_the_script_on_cells_prints_the_dossier(name, scripts):
    if not packages():
        pytest.skip("needs R")
    run = DOSSIERS[name]
    text = (scripts / f"{run.parameters['name']}-cells.R").read_text()
    assert "library(" not in text
    assert "survey::" not in text
    assert (
        assert_same(
            printed(scripts / f"{run.parameters['name']}-cells.R"), as_printed(run)
        )
        >= 130
    )


@pytest.mark.parametrize("name", HINTS)
def test_the_script_on_people_prints_the_dossier(name, scripts, data_file):
    file = data_file("hints6", "hints6_extract.csv.gz")
    if "survey" not in packages():
        pytest.skip("needs R with its package survey")
    run = DOSSIERS[name]
    text = printed(scripts / f"{run.parameters['name']}-people.R", str(file))
    assert assert_same(text, as_printed(run)) >= 130


def test_the_script_on_people_prints_the_synthetic_dossier(scripts, tmp_path):
    if "survey" not in packages():
        pytest.skip("needs R with its package survey")
    (run,) = (DOSSIERS[name] for name in DOSSIERS if name not in HINTS)
    people = pd.read_parquet(ROOT / "data/synthetic/trust_polling_synthetic.parquet")
    people.to_csv(tmp_path / "people.csv", index=False)
    text = printed(
        scripts / f"{run.parameters['name']}-people.R", str(tmp_path / "people.csv")
    )
    assert assert_same(text, as_printed(run)) >= 130


def test_a_number_that_is_wrong_is_noticed():
    run = next(iter(DOSSIERS.values()))
    expected, text = (
        as_printed(run),
        dossier.as_text(dossier.results(fit_of(run), run.parameters["identities"])),
    )
    assert_same(text, expected)
    value = re.search(r"Intercept,(\d\.\d{6})", text)
    wrong = text.replace(value[0], f"Intercept,{float(value[1]) + 1e-5:.6f}", 1)
    with pytest.raises(AssertionError):
        assert_same(wrong, expected)


@pytest.mark.parametrize("name", DOSSIERS)
def test_expected_output_is_what_the_tables_of_the_page_say(name, scripts):
    """The tables are those of the verbs that the template calls."""
    run, fit = DOSSIERS[name], fit_of(DOSSIERS[name])
    found = dossier.read_text(
        (scripts / f"{run.parameters['name']}-expected.txt").read_text()
    )
    probabilities = tl.predictions(fit, by=run.parameters["identities"])
    for table, estimates in {
        "coefficients": tl.coefficients(fit), "odds_ratios": tl.coefficients(fit, "odds_ratio"),
        "predictions": probabilities, "gaps": tl.comparisons(probabilities),
        "calibration_cells": tr.calibration(fit, fit.cells.by), "calibration_risk": tr.calibration(fit),
    }.items():  # fmt: skip
        for column in ("estimate", "std_error"):
            np.testing.assert_allclose(
                found[table][column], estimates.frame[column], rtol=1e-9, atol=1e-12
            )
    tests = pd.read_csv(scripts.parent / "tables" / "checks.csv")
    assert set(tests["evidence"]) <= {"real", "synthetic"}


@pytest.mark.parametrize("name", DOSSIERS)
def test_scripts_hold_no_small_cell_and_say_what_the_data_are(name, scripts):
    run = DOSSIERS[name]
    cells = fit_of(run).cells
    text = (scripts / f"{run.parameters['name']}-cells.R").read_text()
    rows = re.search(r'read.csv\(text = "(.*?)"', text, flags=re.DOTALL)[1].splitlines()
    assert rows[0] == ",".join([*cells.by, "n", "sum_w", "sum_wy"])
    assert min(int(float(row.split(",")[-3])) for row in rows[1:]) >= 20
    for kind in ("cells", "people"):
        head = (scripts / f"{run.parameters['name']}-{kind}.R").read_text()[:500]
        assert ("SYNTHETIC" in head) == ("synthetic" in name)
        assert "@{" not in (scripts / f"{run.parameters['name']}-{kind}.R").read_text()


def test_small_cells_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUSTLIB_RUN_FOLDER", str(tmp_path))
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "y": rng.integers(0, 2, 200).astype(float),
            "w": 1.0,
            "a": np.repeat(["x", "z"], [185, 15]),
        }
    )
    fit = tl.fit_logit(tl.compress(tl.SurveyDesign(frame, weight="w"), "y", ["a"]), "a")
    path = ROOT / "data/hints6/cells/mistrust-gender-ethnicity-age.parquet"
    with pytest.raises(tl.DisclosureError):
        dossier.write(fit, ["a"], path, "small", "Small")
    assert not list(tmp_path.rglob("*.R"))


# -- the flow of people -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOSSIERS)
def test_the_flow_leads_to_the_people_of_the_model(name):
    run = DOSSIERS[name]
    flow, cells = (
        run.template.parent / run.parameters[key] for key in ("flow", "cells")
    )
    report = dossier.flow_table(flow, cells)
    n = report.frame["n"].to_numpy()
    assert n[0] - n[1:-1].sum() == n[-1] == fit_of(run).cells.frame["n"].sum()
    assert n.min() >= 10
    assert ("SYNTHETIC" in str(report)) == ("synthetic" in name)


def test_a_flow_to_other_people_is_refused(tmp_path):
    run = next(iter(DOSSIERS.values()))
    flow, cells = (
        run.template.parent / run.parameters[key] for key in ("flow", "cells")
    )
    frame = pd.read_csv(flow)
    frame["n"] += 1
    frame.to_csv(tmp_path / "flow.csv", index=False)
    with pytest.raises(tl.RunError, match="does not lead to the people"):
        dossier.flow_table(tmp_path / "flow.csv", cells)
    with pytest.raises(tl.MissingFileError):
        dossier.flow_table(tmp_path / "none.csv", cells)


@pytest.mark.parametrize("folder", SEALED, ids=lambda path: path.name)
def test_the_committed_flow_is_that_of_the_file(folder, data_file):
    plan, committed = (
        load_cell_plan(folder / "cells.yml"),
        pd.read_csv(folder / "flow.csv"),
    )
    file = (
        ROOT / "data" / plan.file
        if folder.name == "synthetic"
        else data_file(*Path(plan.file).parts)
    )
    made = dossier.flows(plan, file, list(dict.fromkeys(committed["cells"])))
    assert (
        made.fillna("").to_numpy().tolist() == committed.fillna("").to_numpy().tolist()
    )


def test_sets_with_one_base_have_one_flow():
    """Two orders of the same variables, side by side, would tell how many people lack two answers."""
    flow, plan = (
        pd.read_csv(ROOT / "data/hints6/flow.csv").fillna(""),
        load_cell_plan(ROOT / "data/hints6/cells.yml"),
    )
    seen: dict = {}
    for name, part in flow.groupby("cells"):
        key = plan.sets[name].outcome, frozenset(plan.sets[name].told)
        assert seen.setdefault(key, part["n"].tolist()) == part["n"].tolist()


def test_other_choices_come_from_the_people_where_they_are_given():
    run = DOSSIERS[next(name for name in DOSSIERS if name not in HINTS)]
    given = run.parameters | {"covariates": {"none": []}}
    paths = {key: run.template.parent / given[key] for key in ("cells", "people")}
    rest = given["identities"], given["contrast"], given["covariates"]
    grid = dossier.grid(paths["cells"], [], paths["people"], *rest)
    sealed = dossier.grid(paths["cells"], ["", ""], "", *rest)
    assert set(grid.frame["weights"]) == {"weighted", "unweighted", "trimmed"}
    assert set(sealed.frame["weights"]) == {"weighted"}
    same = "weights == 'weighted' and link == 'logit' and covariates == 'none'"
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(
        grid.where(same).frame[columns], sealed.where(same).frame[columns], rtol=1e-7
    )


@pytest.mark.parametrize("name", HINTS)
def test_what_the_weights_do_is_told_without_the_people(name, data_file):
    """Cells sealed with other weights give what the people give with these weights, and the dossier shows it."""
    run = DOSSIERS[name]
    given, here = run.parameters, run.template.parent
    paths = [here / given[key] for key in ("cells", "unweighted", "trimmed")]
    plan = load_cell_plan(paths[0].parents[1] / "cells.yml")
    spec = plan.sets[paths[0].stem]
    frame = tl.read_survey(data_file(*Path(plan.file).parts), plan.mapping)
    design = tl.SurveyDesign(frame, **tl.declared_design(plan.mapping))
    base = design.domain(frame[sorted(spec.told)].notna().all(axis=1).to_numpy())
    extra = [axis for axis in spec.by if axis not in given["identities"]]
    covariates = {"none": [], **({", ".join(extra): extra} if extra else {})}
    rest = given["identities"], given["contrast"]
    people = tr.robustness(
        base, spec.outcome, *rest, covariates=covariates, links=["logit"]
    ).frame
    choices = dossier.grid(paths[0], paths[1:2], "", *rest, covariates, paths[2])
    sealed = choices.where("link == 'logit'").frame
    key = ["weights", "covariates", "model"]
    both = people.merge(sealed, on=key, suffixes=("", "_sealed"), validate="one_to_one")
    assert len(both) == len(people) == len(sealed)
    assert set(both["weights"]) == {"weighted", "unweighted", "trimmed"}
    trimmed = both["weights"] == "trimmed"  # committed with six digits
    for part, close in ((both[~trimmed], 1e-6), (both[trimmed], 6e-6)):
        for column in ("estimate", "std_error"):
            np.testing.assert_allclose(
                part[column], part[f"{column}_sealed"], rtol=close
            )


def test_no_cells_with_trimmed_weights_are_committed():
    """Subtracted from the weighted cells they leave the people whose weights were trimmed."""
    for plan in sorted((ROOT / "data").glob("*/cells.yml")):
        weights = {spec.weights for spec in load_cell_plan(plan).sets.values()}
        assert weights <= {"weighted", "unweighted"}
        for path in plan.with_name("cells").glob("*.parquet"):
            made_with = tl.Cells.read(path).source.get("weights", "weighted")
            assert made_with in ("weighted", "unweighted"), path.name


@pytest.fixture
def stand_in(tmp_path):
    """A project with one dossier of the stand-in and none of the files that it reads."""
    data = tmp_path / "data"
    own = ROOT / "data" / "synthetic"
    run = DOSSIERS["dossier-synthetic-ethnicity-disability"]
    (data / "synthetic" / "cells").mkdir(parents=True)
    shutil.copy(ROOT / "data" / "codebook.yml", data)
    for name in ("cells.yml", "mapping.yml", "trust_polling_synthetic.parquet"):
        shutil.copy(own / name, data / "synthetic")
    cells = Path(run.parameters["cells"]).name
    shutil.copy(own / "cells" / cells, data / "synthetic" / "cells")
    templates = tmp_path / "notebooks" / "templates"
    templates.mkdir(parents=True)
    shutil.copy(run.template, templates)
    return tmp_path, run.parameters


def made(project: Path, parameters: dict) -> subprocess.CompletedProcess:
    """What ``python -m trustbook.dossier`` does in a project with this one dossier."""
    runs = project / "notebooks" / "runs.yml"
    entry = {"id": "one", "template": "review", "parameters": parameters}
    runs.write_text(yaml.safe_dump({"runs": [entry]}), encoding="utf-8")
    folder = project / "data" / "synthetic"
    words = [folder / "cells.yml", folder / "trust_polling_synthetic.parquet", runs]
    return subprocess.run(
        [sys.executable, "-m", "trustbook.dossier", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_files_of_dossiers_are_made_where_none_are(stand_in):
    project, given = stand_in
    folder = project / "data" / "synthetic"
    before = set(folder.iterdir())
    done = made(project, given)
    assert done.returncode == 0, done.stderr
    assert set(folder.iterdir()) - before == {folder / "flow.csv"}
    committed = ROOT / "data" / "synthetic" / "flow.csv"
    assert (folder / "flow.csv").read_text() == committed.read_text()

    done = made(project, given | {"trimmed": "../../data/synthetic/trimmed.csv"})
    assert done.returncode == 0, done.stderr
    gaps = pd.read_csv(folder / "trimmed.csv")
    assert set(gaps["cells"]) == {Path(given["cells"]).stem}
    assert set(gaps["weights"]) == {"trimmed"}
    assert (gaps["n"] >= 10).all()


def test_files_of_dossiers_stay_as_they_are_where_new_ones_cannot_be_made(stand_in):
    project, given = stand_in
    folder = project / "data" / "synthetic"
    (folder / "trimmed.csv").write_text("kept")
    nobody = {"ethnicity": "minority", "disability": "not known"}
    asked = given | {"trimmed": "../../data/synthetic/trimmed.csv", "contrast": nobody}
    done = made(project, asked)
    assert done.returncode == 1
    assert "Nobody is in the group" in done.stdout
    assert "Traceback" not in done.stderr
    assert (folder / "trimmed.csv").read_text() == "kept"
    assert not (folder / "flow.csv").exists()


@pytest.mark.parametrize("words", [[], ["cells.yml"], ["a", "b", "c", "d"]])
def test_the_maker_of_those_files_says_what_it_needs(words, tmp_path):
    program = [sys.executable, "-m", "trustbook.dossier", *words]
    done = subprocess.run(
        program, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert f"got {len(words)} names" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_plan_of_trimmed_cells_is_refused(tmp_path):
    text = (ROOT / "data/hints6/cells.yml").read_text()
    mapping = (ROOT / "data/hints6/mapping.yml").as_posix()
    text = text.replace("mapping: mapping.yml", f"mapping: {mapping}")
    (tmp_path / "cells.yml").write_text(
        text.replace("weights: unweighted", "weights: trimmed")
    )
    with pytest.raises(tl.CodebookError, match="trimmed"):
        load_cell_plan(tmp_path / "cells.yml")


def test_gaps_with_trimmed_weights_of_other_cells_are_refused(tmp_path):
    run = DOSSIERS[HINTS[0]]
    given = run.parameters
    here = run.template.parent
    rest = given["identities"], given["contrast"], given["covariates"]
    frame = pd.read_csv(here / given["trimmed"])
    frame.assign(cells="other").to_csv(tmp_path / "trimmed.csv", index=False)
    with pytest.raises(tl.RunError, match="has no gap"):
        dossier.grid(here / given["cells"], [], "", *rest, tmp_path / "trimmed.csv")
    frame.drop(columns="n_eff").to_csv(tmp_path / "trimmed.csv", index=False)
    with pytest.raises(tl.RunError, match="other columns"):
        dossier.grid(here / given["cells"], [], "", *rest, tmp_path / "trimmed.csv")
