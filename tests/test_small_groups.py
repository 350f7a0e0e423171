"""Proportions of small groups with `plus_four`, and the intervals of gaps that rest on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

import oracle
import trustlib as tl
from samples import AXES, DESIGN, SEEDS, cells_of, people, quick
from trustlib.scales import COMPARED

CELLS = Path(__file__).parents[1] / "data" / "hints6" / "cells"


def by_rows(frame, by):
    """Proportions and covariance with `plus_four` from the rows: psu codes are unique within strata here."""
    y, w, stratum = (frame[c].to_numpy() for c in ("y", "w", "stratum"))
    psu, everyone = (
        (frame["stratum"] * 3 + frame["psu"]).to_numpy(),
        np.ones(len(frame), dtype=bool),
    )
    cell = list(zip(*(frame[c].astype(str) for c in by), strict=True))
    names, p = oracle.proportions(y, w, cell, everyone)
    v = oracle.taylor_covariance(
        oracle.proportion_scores(y, w, cell, everyone), stratum, psu, everyone
    )
    moved, se = [], []
    for k, name in enumerate(names):
        own = [w[i] for i in range(len(w)) if cell[i] == name]
        kish = sum(own) ** 2 / sum(x * x for x in own)
        moved.append((kish * p[k] + 2) / (kish + 4))
        se.append(max(v[k, k], moved[k] * (1 - moved[k]) / (kish + 4)) ** 0.5)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.nan_to_num(v / np.sqrt(np.outer(np.diag(v), np.diag(v))))
    np.fill_diagonal(r, 1)
    return np.array(moved), r * np.outer(se, se)


@quick
@given(SEEDS)
def test_as_the_oracle(seed):
    frame = people(seed, n=160)
    frame["y"] = np.where(
        (frame["gender"] == "woman") & (frame["disability"] == "yes"), 1.0, frame["y"]
    )  # a p of 1
    for by in (AXES[:1], AXES[::2]):
        ours, (p, v) = (
            tl.cell_means(cells_of(frame), by, plus_four=True),
            by_rows(frame, by),
        )
        np.testing.assert_allclose(ours.frame["estimate"], p, rtol=1e-12)
        np.testing.assert_allclose(ours.vcov, v, rtol=1e-9, atol=1e-16)
        np.testing.assert_allclose(ours.frame["std_error"] ** 2, np.diag(v), rtol=1e-9)


@quick
@given(SEEDS)
def test_estimates_are_drawn_towards_a_half_and_never_more_precise(seed):
    cells = cells_of(people(seed, n=200))
    plain, moved = (
        tl.cell_means(cells).frame,
        tl.cell_means(cells, plus_four=True).frame,
    )
    assert (
        (moved["estimate"] - 0.5).abs() <= (plain["estimate"] - 0.5).abs() + 1e-15
    ).all()
    assert (moved["std_error"] >= plain["std_error"] - 1e-15).all()
    assert list(moved["n"]) == list(plain["n"])


def test_a_sample_that_knows_more_than_simple_random_keeps_agrestis_variance():
    """36 of 40 people, all in one stratum each, so that the design's own variance is small: R's PropCIs::add4ci."""
    frame = people(0, n=80).assign(
        w=1.0,
        y=lambda f: (np.arange(80) % 10 > 0).astype(float),
        stratum=np.arange(80) % 10,
    )
    cells = tl.compress(tl.SurveyDesign(frame, weight="w", strata="stratum"), "y", [])
    ours = tl.cell_means(cells, interval="wald", plus_four=True).frame.iloc[0]
    p = (72 + 2) / 84
    assert (ours["estimate"], ours["std_error"]) == pytest.approx(
        (p, (p * (1 - p) / 84) ** 0.5), rel=1e-14
    )


def test_everything_is_defined_where_everybody_has_the_outcome():
    frame = people(1, n=300)
    both = (frame["gender"] == "woman") & (frame["ethnicity"] == "minority")
    cells = cells_of(frame.assign(y=np.where(both, 1.0, frame["y"])), AXES[:2])
    plain, moved = tl.cell_means(cells), tl.cell_means(cells, plus_four=True)
    assert plain.frame[["conf_low", "conf_high"]].iloc[3].isna().all()
    inside = moved.frame.iloc[3]
    assert 0.5 < inside["conf_low"] < inside["estimate"] < inside["conf_high"] < 1
    for scale in COMPARED:
        gaps = tl.comparisons(
            moved, {"gender": "man", "ethnicity": "majority"}, scale, interval="mover"
        ).frame
        assert np.isfinite(gaps[["estimate", "conf_low", "conf_high"]]).all(axis=None)
        assert (
            (gaps["conf_low"] < gaps["estimate"])
            & (gaps["estimate"] < gaps["conf_high"])
        ).all()
    found = tl.interactions(moved, "gender", "ethnicity").frame.dropna(
        subset="estimate"
    )
    assert np.isfinite(found[["conf_low", "conf_high"]]).all(axis=None)
    assert {"ratio_of_or", "interaction_contrast", "ap_or"} <= set(found["measure"])


def test_sealed_cells_give_the_same():
    cells = cells_of(people(2, n=900))
    for by in ([], AXES[:1], AXES):
        a, b = (
            tl.cell_means(cells, by, plus_four=True),
            tl.cell_means(cells.seal(), by, plus_four=True),
        )
        np.testing.assert_allclose(
            a.frame[["estimate", "conf_low"]],
            b.frame[["estimate", "conf_low"]],
            rtol=1e-12,
        )
    assert "plus four" in a.convention
    assert list(a.smallest) == list(tl.cell_means(cells).smallest)
    one = tl.Cells.read(CELLS / "mistrust-ethnicity-disability.parquet")
    assert (
        abs(
            tl.cell_means(one, plus_four=True).frame["estimate"]
            - tl.cell_means(one).frame["estimate"]
        )
        < 0.02
    ).all()


def test_merged_offices_add_their_squared_weights():
    frame = people(3, n=800)
    whole = cells_of(frame, AXES[:1])
    parts = [
        cells_of(part, AXES[:1], DESIGN | {"strata": "stratum"})
        for _, part in frame.groupby(frame["stratum"] < 2)
    ]
    np.testing.assert_allclose(
        tl.Cells.merge(parts).frame["sum_w2"], whole.frame["sum_w2"], rtol=1e-12
    )


@pytest.mark.parametrize("scale", ["ratio", "odds_ratio"])
def test_mover_of_ratios(scale):
    """Of odds from logit intervals it is the Wald interval of the log; of ratios Zou and Donner (2008) by hand."""
    levels = tl.cell_means(cells_of(people(4), AXES[:1]))
    wald, mover = (
        tl.comparisons(levels, scale=scale, interval=kind).frame.iloc[0]
        for kind in ("wald", "mover")
    )
    if scale == "odds_ratio":
        assert tuple(mover[["conf_low", "conf_high"]]) == pytest.approx(
            tuple(wald[["conf_low", "conf_high"]]), rel=1e-10
        )
        return
    man, woman = (levels.frame.iloc[i] for i in (0, 1))
    r = levels.vcov[0, 1] / np.sqrt(levels.vcov[0, 0] * levels.vcov[1, 1])
    below, above = (
        np.log(woman["estimate"] / woman["conf_low"]),
        np.log(man["conf_high"] / man["estimate"]),
    )
    log_low = np.log(woman["estimate"] / man["estimate"]) - np.sqrt(
        below**2 + above**2 - 2 * r * below * above
    )
    assert mover["conf_low"] == pytest.approx(np.exp(log_low), rel=1e-12)
    assert mover["conf_high"] != pytest.approx(wald["conf_high"], rel=1e-6)


def test_the_jackknife_can_move_an_interval_that_plus_four_leaves_alone(data_file):
    """What *Interaction* says of the people of HINTS 6 who are of a minority and disabled."""
    mapping = CELLS.with_name("mapping.yml")
    file = data_file("hints6", "hints6_extract.csv.gz")
    people = tl.read_survey(file, mapping)
    errors = {}
    for variance in ("taylor", "replicates"):
        options = tl.declared_design(mapping, variance)
        design = tl.SurveyDesign(people, **options)
        with pytest.warns(tl.MissingRowsWarning):
            cells = tl.compress(design, "mistrust", ["ethnicity", "disability"])
        for plus_four in (False, True):
            levels = tl.cell_means(cells, plus_four=plus_four)
            both = levels.where("ethnicity == 'minority' and disability == 'disabled'")
            errors[variance, plus_four] = both.frame["std_error"].iloc[0]
    assert errors["taylor", True] == pytest.approx(errors["taylor", False], rel=0.01)
    assert errors["replicates", False] > 1.2 * errors["taylor", False]
