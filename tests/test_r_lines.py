"""The lines of R on run pages, run as they are printed: they give the numbers of the page."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustbook.pages import fill_markdown
from trustbook.runs import Run, load_plan
from trustbook.sealing import load_cell_plan

ROOT = Path(__file__).parents[1]
PLAN = {run.id: run for run in load_plan(ROOT / "notebooks" / "runs.yml")}
CELLS = load_cell_plan(ROOT / "data" / "hints6" / "cells.yml")
SYNTHETIC = ROOT / "data" / "synthetic"
ORDER = ["outcome", "weight", "stratum", "psu", "person"]
AFTER = "\nshow <- function(...) cat(sprintf('%.15g', c(...)), '\\n', file = 'out.txt', append = TRUE)\n"

pytestmark = [
    pytest.mark.skipif(
        shutil.which("Rscript") is None, reason="needs R with the package survey"
    ),
    pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning"),
    pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning"),
]


@cache
def has_survey() -> bool:
    found = subprocess.run(
        ["Rscript", "-e", "library(survey)"], capture_output=True, check=False
    )
    return found.returncode == 0


def block(run: Run) -> str:
    """The lines of R that the page of a run prints."""
    notebook = nbformat.read(run.template, as_version=4)
    fill_markdown(notebook, run.parameters, run.id)
    found = [
        m
        for c in notebook.cells
        if c.cell_type == "markdown"
        for m in re.findall(r"```r\n(.*?)```", c.source, re.S)
    ]
    assert len(found) == 1
    return found[0]


def ran(
    lines: str,
    people: pd.DataFrame,
    axes: list[str],
    folder: Path,
    show: str,
    before: str = "",
) -> list[list[float]]:
    """Run lines of R on these people; what `show` prints, line by line."""
    if not has_survey():
        pytest.skip("needs R's package survey")
    people.to_csv(folder / "people.csv", index=False)
    levels = {
        a: list(
            people.loc[people["used"], a].cat.remove_unused_categories().cat.categories
        )
        for a in axes
    }
    texts = "\n".join(
        f"people${a} <- factor(people${a}, c({', '.join(map(repr, v))}))"
        for a, v in levels.items()
    )
    script = f'people <- read.csv("people.csv")\npeople$used <- people$used == "True"\n{texts}\n{before}\n{lines}\n{AFTER}\n{show}\n'
    (folder / "page.R").write_text(script)
    done = subprocess.run(
        ["Rscript", "page.R"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [
        [float(v) for v in line.split()]
        for line in (folder / "out.txt").read_text().splitlines()
    ]


def row_of(frame: pd.DataFrame, levels: dict[str, str]) -> pd.Series:
    """The row of a table that has these values."""
    for name, level in levels.items():
        frame = frame[frame[name] == level]
    assert len(frame) == 1
    return frame.iloc[0]


@pytest.fixture(scope="module")
def hints(data_file):
    return tl.read_survey(data_file("hints6", "hints6_extract.csv.gz"), CELLS.mapping)


def people_of(frame: pd.DataFrame, cells: str) -> pd.DataFrame:
    """The whole survey with the marks that the page speaks of."""
    spec = CELLS.sets[Path(cells).stem]
    used = frame[[spec.outcome, *sorted(spec.told)]].notna().all(axis=1)
    renamed = frame.assign(outcome=frame[spec.outcome], used=used)
    return renamed[[c for c in (*ORDER, "used", *sorted(spec.told)) if c in renamed]]


@pytest.mark.parametrize(
    "name",
    [
        "hints6-mistrust-ethnicity-disability",
        "hints6-mistrust-gender-ethnicity-age",
        "hints6-mistrust-gender-ethnicity-disability",
    ],
)
def test_a_page_on_an_intersection(hints, tmp_path, name):
    run = PLAN[name]
    given = run.parameters
    people = people_of(hints, given["cells"])
    cells = tl.Cells.read(run.template.parent / given["cells"])
    show = """
    levels <- svyby(~outcome, ~IDENTITIES, part, svyciprop, vartype = "ci", method = "logit", df = degf(part))
    show(levels$outcome); show(levels$ci_l); show(levels$ci_u)
    show(coef(fit)); show(confint(fit)[, 1]); show(regTermTest(fit, ~PAIR)$Ftest)
    for (k in list(c(-1, 0, 0, 1, others), c(1, -1, -1, 1, others)))
      show(sum(k * m[, 1]), sqrt(c(k %*% V %*% k)), sum(k * m[, 1]) - qt(0.975, degf(part)) * sqrt(c(k %*% V %*% k)))
    """
    show = show.replace("IDENTITIES", " + ".join(given["identities"])).replace(
        "PAIR", ":".join(given["pair"])
    )
    out = ran(block(run), people, cells.by, tmp_path, show)
    fit = tl.fit_logit(cells, given["formula"])
    direct = tl.cell_means(cells, by=given["identities"]).frame
    order = np.lexsort(
        [direct[a].cat.codes for a in given["identities"]]
    )  # svyby counts the first identity fastest
    for got, column in zip(out[:3], ("estimate", "conf_low", "conf_high"), strict=True):
        np.testing.assert_allclose(got, direct[column].to_numpy()[order], rtol=2e-5)
    coefficients = tl.coefficients(fit).frame
    by_name = dict(
        zip(
            fit.coef.index,
            zip(coefficients["estimate"], coefficients["conf_low"], strict=True),
            strict=True,
        )
    )
    assert sorted(out[3]) == pytest.approx(
        sorted(v for v, _ in by_name.values()), rel=1e-4, abs=1e-6
    )
    assert sorted(out[4]) == pytest.approx(
        sorted(low for _, low in by_name.values()), rel=2e-3, abs=1e-4
    )
    assert out[5][0] == pytest.approx(
        fit.term_test(":".join(given["pair"]))["statistic"].iloc[0], rel=1e-3
    )
    probabilities = tl.predictions(fit, by=given["identities"])
    gaps, both = (
        tl.comparisons(probabilities).frame,
        tl.interactions(probabilities, *given["pair"]).frame,
    )
    last = {a: probabilities.frame[a].cat.categories[-1] for a in given["pair"]}
    third = [a for a in given["identities"] if a not in given["pair"]]
    first = {a: probabilities.frame[a].cat.categories[0] for a in third}
    gap = row_of(gaps, last | first)
    contrast = row_of(
        both, {"measure": "interaction_contrast", "method": "delta"} | first
    )
    for got, ours in zip(out[6:], (gap, contrast), strict=True):
        assert got == pytest.approx(
            [ours["estimate"], ours["std_error"], ours["conf_low"]], rel=2e-4, abs=1e-6
        )


def test_a_page_on_levels(hints, tmp_path):
    run = PLAN["hints6-levels-mistrust"]
    people = people_of(hints, run.parameters["cells"])
    cells = tl.Cells.read(run.template.parent / run.parameters["cells"])
    show = """
    by_axis <- svyby(~outcome, ~gender, part, svyciprop, vartype = "ci", method = "logit", df = degf(part))
    show(by_axis$outcome); show(by_axis$ci_l)
    show(confint(svycontrast(levels, c(-1, 1)), df = degf(part)))
    show(exp(coef(fit)[-1])); show(exp(confint(fit)[-1, 1]))
    """
    out = ran(block(run), people, cells.by, tmp_path, show)
    direct = tl.cell_means(cells, by=["gender"])
    gap = tl.comparisons(direct).frame.iloc[0]
    odds = tl.coefficients(
        tl.fit_logit(cells, run.parameters["formula"]), scale="odds_ratio"
    ).frame.iloc[1:]
    expected = [
        direct.frame["estimate"],
        direct.frame["conf_low"],
        gap[["conf_low", "conf_high"]],
    ]
    for got, ours in zip(
        out, [*expected, odds["estimate"], odds["conf_low"]], strict=True
    ):
        np.testing.assert_allclose(got, np.asarray(ours, float), rtol=1e-4)


def test_a_page_with_percentages_as_published(hints, tmp_path):
    run = PLAN["hints6-published-mistrust"]
    people = hints.assign(outcome=hints["mistrust_reported"], used=True)[
        [*ORDER[:4], "used", "ethnicity_detail"]
    ]
    show = "show(coef(everyone)); show(confint(everyone, df = degf(design))); show(t(confint(groups, df = degf(design))))"
    out = ran(block(run), people, ["ethnicity_detail"], tmp_path, show)
    levels = [
        tl.Cells.read(run.template.parent / run.parameters[name])
        for name in ("everyone", "cells")
    ]
    everyone, groups = (tl.cell_means(cells, interval="wald").frame for cells in levels)
    ends = ["conf_low", "conf_high"]
    for got, ours in zip(
        out, (everyone["estimate"], everyone[ends], groups[ends]), strict=True
    ):
        np.testing.assert_allclose(got, np.asarray(ours, float).ravel(), rtol=1e-4)


def test_a_page_on_gaps_of_the_stand_in(tmp_path):
    run = PLAN["synthetic-2024-country-US"]
    given = run.parameters
    frame = tl.read_survey(
        SYNTHETIC / "trust_polling_synthetic.parquet", SYNTHETIC / "mapping.yml"
    )
    chosen = frame.eval(given["where"], engine="python")
    used = chosen & frame[[given["outcome"], *given["axes"]]].notna().all(axis=1)
    columns = [
        c
        for c in (*ORDER, "used", *given["axes"])
        if c in frame or c in ("outcome", "used")
    ]
    people = frame.assign(outcome=frame[given["outcome"]], used=used)[columns]
    show = "show(levels$outcome); show(confint(gap, df = degf(part))); show(p)"
    out = ran(block(run), people, given["axes"], tmp_path, show)
    design = tl.SurveyDesign(
        frame, **tl.declared_design(SYNTHETIC / "mapping.yml")
    ).domain(given["where"])
    levels = tl.cell_means(
        tl.compress(design, given["outcome"], given["axes"]), by=given["axes"][:1]
    )
    gap = tl.comparisons(levels).frame.iloc[0]
    np.testing.assert_allclose(out[0], levels.frame["estimate"], rtol=1e-6)
    np.testing.assert_allclose(
        out[1], gap[["conf_low", "conf_high"]].to_numpy(float), rtol=1e-5
    )
    assert out[2][0] == pytest.approx(gap["p_value"], rel=1e-4, abs=1e-12)


def test_a_page_on_reasons_of_the_stand_in(tmp_path):
    run = PLAN["synthetic-2024-reasons-disability"]
    given = run.parameters
    frame = tl.read_survey(
        SYNTHETIC / "trust_polling_synthetic.parquet", SYNTHETIC / "mapping.yml"
    )
    axis = next(iter(given["reference"]))
    used = frame.eval(given["where"], engine="python") & frame[axis].notna()
    items = list(given["items"])
    people = frame.assign(used=used, group=frame[axis])[
        ["weight", "stratum", "used", "group", *items]
    ]
    before = f"items <- c({', '.join(map(repr, items))})"
    show = "show(coef(cells)); show(sapply(seq_len(k), function(i) coef(svycontrast(cells, replace(numeric(2 * k), c(i, k + i), c(-1, 1))))))"
    out = ran(block(run), people, ["group"], tmp_path, show, before)
    assert len(out[1]) == len(items)
    for group, got in zip(
        frame[axis].cat.categories, np.reshape(out[0], (2, -1)), strict=True
    ):
        for item, value in zip(items, got, strict=True):
            rows = frame[used & (frame[axis] == group) & frame[item].notna()]
            assert value == pytest.approx(
                np.average(rows[item], weights=rows["weight"]), rel=1e-9
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.allclose(out[1], np.diff(np.reshape(out[0], (2, -1)), axis=0)[0])
