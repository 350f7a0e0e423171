"""The fourth opinion: the Python package svy, by other authors, on made-up surveys. Its version is pinned exactly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import trustlib as tl
from samples import AXES, DESIGN, MODEL, cells_of, people

svy = pytest.importorskip("svy", reason="needs the extra svy of trustgap")
pytestmark = pytest.mark.filterwarnings(
    "ignore::trustlib.FewPSUWarning", "ignore::trustlib.MissingRowsWarning"
)
SEEDS = (0, 1, 2)


def sample(frame):
    """The same people as a svy sample; PSU codes are made unique, as `nest=True` does."""
    texts = {c: frame[c].astype(str).to_numpy() for c in AXES}
    numbers = {c: frame[c].to_numpy() for c in ("y", "w", "stratum")}
    rows = pl.DataFrame(
        texts | numbers | {"psu": (frame["stratum"] * 3 + frame["psu"]).to_numpy()}
    )
    rows = rows.with_columns(pl.col(*AXES).cast(pl.Categorical))
    return svy.Sample(rows, svy.Design(wgt="w", stratum="stratum", psu="psu"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("ours", "theirs"), [("logit", "logit"), ("beta", "beta")])
def test_levels(seed, ours, theirs):
    frame = people(seed)
    levels = tl.cell_means(cells_of(frame), AXES[:2], interval=ours).frame
    found = sample(frame).estimation.prop("y", by=AXES[:2], ci_method=theirs).estimates
    found = {e.by_level: e for e in found if float(e.y_level) == 1}
    assert len(found) == len(levels) == 4
    for row in levels.to_dict("records"):
        other = found[row["gender"], row["ethnicity"]]
        assert (row["estimate"], row["std_error"]) == pytest.approx(
            (other.est, other.se), rel=1e-10
        )
        assert (row["df"], row["n"]) == (other.df, other.n)
        if ours == "logit":
            assert (row["conf_low"], row["conf_high"]) == pytest.approx(
                (other.lci, other.uci), rel=1e-9
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_logistic_models_and_margins(seed):
    frame = people(seed)
    fit = tl.fit_logit(cells_of(frame), MODEL)
    first = {
        axis: levels[0]
        for axis, levels in zip(
            AXES, (frame[a].cat.categories for a in AXES), strict=True
        )
    }
    terms = {axis: svy.Cat(axis, ref=first[axis]) for axis in AXES}
    crossed = svy.Cross(terms["gender"], terms["ethnicity"])
    theirs = sample(frame).glm.fit(
        "y", x=[*terms.values(), crossed], family="binomial", tol=1e-14
    )
    ours = sorted(zip(fit.coef, np.sqrt(np.diag(fit.vcov)), strict=True))
    other = sorted((c.est, c.se) for c in theirs.fitted.coefs)
    np.testing.assert_allclose(ours, other, rtol=1e-8)
    corners = [
        (g, e)
        for g in frame["gender"].cat.categories
        for e in frame["ethnicity"].cat.categories
    ]
    margins = theirs.margins(at={("gender", "ethnicity"): corners})
    levels = tl.predictions(fit, ["gender", "ethnicity"]).frame
    np.testing.assert_allclose(levels["estimate"], margins.margin, rtol=1e-9)
    np.testing.assert_allclose(levels["std_error"], margins.se, rtol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_rao_scott(seed):
    frame = people(seed)
    test = tl.rao_scott(cells_of(frame), "gender").iloc[0]
    table = sample(frame).categorical.tabulate("gender", "y")
    other = table.stats.f
    assert test["statistic"] == pytest.approx(other.value, rel=1e-8)
    assert (test["df_num"], test["p_value"]) == pytest.approx(
        (other.df_num, other.p_value), rel=1e-7
    )
    assert test["df_den"] == pytest.approx(other.df_den, rel=1e-7)


def test_design_effect_of_weights():
    frame = people(3)
    assert tl.kish(frame["w"])["deff"] == pytest.approx(sample(frame).deff_w, rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_domain_keeps_the_design(seed):
    frame = people(seed)
    ours = tl.cell_means(cells_of(frame, AXES[:1], DESIGN, "disability == 'yes'")).frame
    found = (
        sample(frame)
        .estimation.prop("y", by="gender", where=svy.col("disability") == "yes")
        .estimates
    )
    found = {e.by_level[0]: e for e in found if float(e.y_level) == 1}
    for row in ours.to_dict("records"):
        assert (row["estimate"], row["std_error"]) == pytest.approx(
            (found[row["gender"]].est, found[row["gender"]].se), rel=1e-10
        )
