"""One verb of each kind, from the installed wheel: what an environment must bring.

`tests/test_outside.py` copies this file out of the checkout and runs it there.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from survey import CELLS, WEIGHTS, error_of, people, share, write

import trustlib as tl
from trustbook.resources import project
from trustlib import review
from trustlib.record.printed import load_figures
from trustlib.record.questions import answers
from trustlib.schema import load_yaml

EVERYBODY = (1.0,) * len(WEIGHTS)
AXES = ["gender", "ethnicity"]
FIRST, *OTHERS = CELLS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("survey")
    write(made)
    return made


@pytest.fixture(scope="module")
def design(folder):
    frame = tl.read_survey(folder / "survey.sav", folder / "mapping.yml")
    return tl.SurveyDesign(frame, **tl.declared_design(folder / "mapping.yml"))


@pytest.fixture(scope="module")
def cells(design):
    return tl.compress(design, "mistrust", AXES)


@pytest.fixture(scope="module")
def levels(cells):
    return tl.cell_means(cells)


@pytest.fixture(scope="module")
def gaps(levels):
    reference = {"gender": "man", "ethnicity": "majority"}
    return tl.comparisons(levels, reference=reference)


@pytest.fixture(scope="module")
def fit(cells):
    return tl.fit_logit(cells, "gender * ethnicity")


def holds(estimates, values, errors) -> None:
    frame = estimates.frame
    np.testing.assert_allclose(frame["estimate"], values, rtol=1e-7)
    np.testing.assert_allclose(frame["std_error"], errors, rtol=1e-6)


def test_the_library_is_that_of_the_wheel():
    assert "site-packages" not in Path(tl.__file__).parts
    assert (project() / "data" / "codebook.yml").is_file()
    assert project().name == "project"


@pytest.mark.parametrize("name", ["typer", "rich", "papermill", "bs4", "ipykernel"])
def test_nothing_of_the_application_is_here(name):
    assert importlib.util.find_spec(name) is None


@pytest.mark.parametrize("ending", ["sav", "csv", "parquet"])
def test_a_file_of_each_kind_is_read(folder, ending):
    frame = tl.read_survey(folder / f"survey.{ending}", folder / "mapping.yml")
    coded = people()
    assert frame["mistrust"].tolist() == coded["trust"].tolist()
    assert (frame["gender"] == "woman").tolist() == (coded["sex"] == 2).tolist()


def test_levels_are_those_worked_by_hand(levels):
    errors = [error_of({cell: 1}) for cell in CELLS]
    holds(levels, [share(cell) for cell in CELLS], errors)
    assert levels.frame["n"].tolist() == [144] * 4


def test_gaps_are_those_worked_by_hand(gaps):
    values = [share(cell) - share(FIRST) for cell in OTHERS]
    errors = [error_of({cell: 1, FIRST: -1}) for cell in OTHERS]
    holds(gaps, values, errors)


def test_sealed_cells_say_the_same_after_a_file(cells, levels, tmp_path):
    sealed = cells.seal()
    read = tl.Cells.read(sealed.write(tmp_path / "cells.parquet"))
    frame = levels.frame
    holds(tl.cell_means(read), frame["estimate"], frame["std_error"])


def test_a_saturated_model_predicts_the_levels(fit):
    predicted = tl.predictions(fit, by=AXES)
    errors = [error_of({cell: 1}) for cell in CELLS]
    holds(predicted, [share(cell) for cell in CELLS], errors)


def test_interaction_is_what_both_identities_add(levels):
    rows = tl.interactions(levels, *AXES, methods=["delta"]).frame
    row = rows[rows["measure"] == "interaction_contrast"].iloc[0]
    signs = dict(zip(CELLS, (1, -1, -1, 1), strict=True))
    wanted = sum(sign * share(cell) for cell, sign in signs.items())
    assert row["estimate"] == pytest.approx(wanted)
    assert row["std_error"] == pytest.approx(error_of(signs))


def test_p_values_are_adjusted_for_their_number(gaps):
    plain = np.sort(gaps.frame["p_value"])
    times = np.minimum(plain * [3, 2, 1], 1)
    adjusted = np.sort(tl.adjust(gaps).frame["p_value"])
    np.testing.assert_allclose(adjusted, np.maximum.accumulate(times))


def test_strata_of_identities_are_as_counted_and_as_weighted(cells):
    strata = tl.maihda(cells, strata=AXES).strata.frame
    np.testing.assert_allclose(strata["raw"], [share(c, EVERYBODY) for c in CELLS])
    np.testing.assert_allclose(strata["weighted"], [share(c) for c in CELLS])
    assert np.isfinite(strata[["estimate", "std_error"]]).all(axis=None)


def of_country(design, weight):
    own = tl.SurveyDesign(
        design.frame, weight=weight, strata="stratum", psu="psu", nest=True
    )
    means = tl.cell_means(tl.compress(own, "mistrust", AXES), by=AXES)
    return tl.comparisons(means, reference={"gender": "man", "ethnicity": "majority"})


def test_two_samples_are_put_together(design):
    parts = {"FR": of_country(design, "weight"), "DE": of_country(design, None)}
    both = tl.stack(parts, over="country")
    values = []
    errors = []
    for cell in OTHERS:
        contrast = {cell: 1, FIRST: -1}
        gap = [share(cell, w) - share(FIRST, w) for w in (WEIGHTS, EVERYBODY)]
        error = [error_of(contrast, w) for w in (WEIGHTS, EVERYBODY)]
        values.append(gap)
        errors.append(error)
    values = np.array(values)
    errors = np.array(errors)
    either = np.hypot(*errors.T)
    holds(tl.average(both, over="country"), values.mean(axis=1), either / 2)
    holds(tl.change(both, "country", None), values[:, 1] - values[:, 0], either)
    precision = errors**-2.0
    fixed = (precision * values).sum(axis=1) / precision.sum(axis=1)
    pooled = tl.pool(both, over="country", method="fixed")
    holds(pooled, fixed, 1 / np.sqrt(precision.sum(axis=1)))


def test_raked_weights_meet_their_margins(design):
    margins = {"gender": {"man": 480, "woman": 520}}
    margins["ethnicity"] = {"majority": 700, "minority": 300}
    weights = pd.Series(tl.rake(design, margins))
    for name, wanted in margins.items():
        sums = weights.groupby(np.asarray(design.frame[name])).sum()
        for level, total in wanted.items():
            assert sums[level] == pytest.approx(total)


def test_one_of_two_psus_is_drawn_for_both(design):
    drawn = tl.bootstrap_weights(design, replicates=20)
    weights = drawn.frame[[f"bootstrap_{i}" for i in range(1, 21)]]
    times = weights.to_numpy() / np.asarray(drawn.frame["weight"])[:, None]
    assert set(np.unique(times)) == {0.0, 2.0}


def test_results_are_shown_and_published(gaps, tmp_path):
    assert "<table" in tl.table(gaps).as_raw_html()
    assert tl.forest(gaps).png().startswith(b"\x89PNG")
    written = pd.read_csv(tl.publish(gaps, "gaps", tmp_path))
    holds(gaps, written["estimate"], written["std_error"])
    assert set(written["evidence"]) == {"synthetic"}


def test_a_model_is_reviewed(fit, cells):
    assert len(review.checks(fit).frame) > 0
    penalised = review.firth(cells, "gender * ethnicity")
    assert np.isfinite(penalised.frame["estimate"]).all()


def test_the_record_in_the_wheel_is_audited():
    folder = project() / "data" / "published"
    asked = load_yaml(folder / "questions.yml")
    alone = {**asked, "questions": {"one-item": asked["questions"]["one-item"]}}
    lines = answers(load_figures(folder / "figures.csv"), alone)
    assert lines.set_index("key").loc["one-item", "text"] == "yes"


def test_odds_are_those_of_the_shares(fit):
    rows = tl.coefficients(fit).frame.set_index("term")["estimate"]
    odds = share(FIRST) / (1 - share(FIRST))
    assert rows.iloc[0] == pytest.approx(math.log(odds))
