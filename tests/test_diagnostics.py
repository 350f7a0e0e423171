"""Diagnostics of one model: against R (tests/reference/diagnostics.R), row by row, by identities, and by simulation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

import oracle
import trustlib as tl
import trustlib.review as tr
from trustlib.disclosure import MINIMUM
from trustlib.review.attrition import Loss, _large_enough
from trustlib.review.residuals import _risk_groups

ROOT = Path(__file__).parents[1]
R = {
    scenario: part.set_index(["quantity", "name"])["value"]
    for scenario, part in pd.read_csv(ROOT / "tests/reference/diagnostics.csv").groupby(
        "scenario", sort=False
    )
}
MODELS = {
    "mistrust/ethnicity * disability": "mistrust-gender-ethnicity-disability",
    "mistrust/gender + ethnicity + disability": "mistrust-gender-ethnicity-disability",
    "mistrust/gender * ethnicity + age_band": "mistrust-gender-ethnicity-age",
    "treated_unfairly/gender * ethnicity": "treated_unfairly-gender-ethnicity",
}
TESTS = ["statistic", "df_num", "df_den", "p_value"]
pytestmark = pytest.mark.filterwarnings(
    "ignore::trustlib.MissingRowsWarning", "ignore::trustlib.FewPSUWarning"
)


@cache
def committed(model: str) -> tl.LogitFit:
    cells = tl.Cells.read(ROOT / "data/hints6/cells" / f"{MODELS[model]}.parquet")
    return tl.fit_logit(cells, model.split("/")[1])


def made_up() -> tl.LogitFit:
    rows = pd.read_csv(ROOT / "tests/reference/replicates_data.csv")
    design = tl.SurveyDesign(rows, weight="w", strata="stratum", psu="psu", nest=True)
    return tl.fit_logit(tl.compress(design, "y", ["a", "b"]), "a + b")


FITS = {
    f"hints6/{model}": (lambda model=model: committed(model)) for model in MODELS
} | {"made/y/a + b": made_up}


# -- R ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", FITS)
@pytest.mark.parametrize("groups", ["cells", "risk"])
def test_calibration_is_r_s_mean_of_residuals(scenario, groups):
    fit, expected = FITS[scenario](), R[f"diagnostics/{scenario}/{groups}"]
    found = tr.calibration(fit, fit.cells.by if groups == "cells" else None).frame
    names = (
        found[list(fit.cells.by) if groups == "cells" else ["risk"]]
        .astype(str)
        .agg(".".join, axis=1)
    )
    assert len(names) == len(expected["n"]) >= 3
    for column, quantity in {
        "n": "n",
        "estimate": "estimate",
        "std_error": "se",
        "weighted": "coef",
    }.items():
        np.testing.assert_allclose(
            found[column],
            expected[quantity][names],
            rtol=1e-9,
            atol=1e-12,
            err_msg=column,
        )
    np.testing.assert_allclose(
        found["weighted"] - found["predicted"], found["estimate"], atol=1e-15
    )


@pytest.mark.parametrize("scenario", FITS)
@pytest.mark.parametrize("groups", ["cells", "risk"])
def test_goodness_of_fit_is_r_s(scenario, groups):
    fit, expected = FITS[scenario](), R[f"diagnostics/{scenario}/{groups}"]
    by = fit.cells.by if groups == "cells" else None
    if "statistic" not in expected.index.get_level_values(0):
        with pytest.raises(tl.EstimandError, match="whatever the data"):
            tr.goodness_of_fit(fit, by)
        return
    found = tr.goodness_of_fit(fit, by)
    for row, name in zip(
        found[TESTS].to_numpy(float), ("held", "estimated"), strict=True
    ):
        np.testing.assert_allclose(row, [expected[q, name] for q in TESTS], rtol=1e-7)


def test_both_kinds_of_goodness_of_fit_are_compared():
    tested = [
        s
        for s, r in R.items()
        if "statistic" in r.index.get_level_values(0)
        and s.endswith(("/cells", "/risk"))
    ]
    assert len(tested) == 7


@pytest.mark.parametrize("scenario", FITS)
def test_link_test_joint_tests_and_shares_are_r_s(scenario):
    fit, expected = FITS[scenario](), R[f"diagnostics/{scenario}"]
    if ("statistic", "link") in expected:
        link = tr.link_test(fit).loc["wald", TESTS].to_numpy(float)
        np.testing.assert_allclose(
            link, [expected[q, "link"] for q in TESTS], rtol=1e-8
        )
    else:
        with pytest.raises(tl.EstimandError, match="whatever the data"):
            tr.link_test(fit)
    joint = tr.joint_tests(fit).loc["wald"].set_index("term")
    for axis in fit.spec.required_variables:
        values = joint.loc[f"{axis}, all terms", TESTS].to_numpy(float)
        np.testing.assert_allclose(
            values, [expected[q, str(axis)] for q in TESTS], rtol=1e-7
        )
    shares = tr.influence_shares(fit).set_index("term")
    cells = pd.Series(
        {
            n.removeprefix("cell "): v
            for (_, n), v in expected.items()
            if n.startswith("cell ")
        }
    )
    np.testing.assert_allclose(shares["cell"], cells[shares.index], rtol=1e-9)
    if fit.cells.sealed:
        assert shares["unit"].isna().all(), "sealed cells hold no PSUs"
    else:
        units = pd.Series(
            {
                n.removeprefix("unit "): v
                for (_, n), v in expected.items()
                if n.startswith("unit ")
            }
        )
        np.testing.assert_allclose(shares["unit"], units[shares.index], rtol=1e-9)


def test_shares_of_a_psu_in_hints(data_file):
    mapping = ROOT / "data/hints6/mapping.yml"
    people = tl.read_survey(data_file("hints6", "hints6_extract.csv.gz"), mapping)
    known = (
        people[["gender", "ethnicity", "disability", "age_band"]]
        .notna()
        .all(axis=1)
        .to_numpy()
    )
    design = tl.SurveyDesign(people, **tl.declared_design(mapping)).domain(known)
    for model, fit in ((m, committed(m)) for m in MODELS):
        whole = tl.fit_logit(
            tl.compress(design, fit.cells.outcome, fit.cells.by), fit.formula
        )
        expected = R[f"diagnostics/hints6/{model}"]
        shares = tr.influence_shares(whole)
        np.testing.assert_allclose(
            shares["unit"],
            [expected["estimate", f"unit {t}"] for t in shares["term"]],
            rtol=1e-7,
        )
        np.testing.assert_allclose(
            shares["cell"], tr.influence_shares(fit)["cell"], rtol=1e-9
        )


# -- row by row -------------------------------------------------------------------------------------------------------


def population(
    seed: int, n: int = 3000, wrong: float = 0.0, psus: int = 90
) -> pd.DataFrame:
    """People in strata and PSUs with uneven weights, whose logit is additive in a, b, c but for `wrong` times a x b."""
    rng = np.random.default_rng(seed)
    psu = rng.integers(0, psus, n)
    a, b, c = rng.integers(0, 2, n), rng.integers(0, 3, n), rng.integers(0, 2, n)
    eta = (
        -0.4
        + 0.5 * a
        + 0.3 * b
        - 0.4 * c
        + wrong * a * (b - 1)
        + 0.3 * rng.normal(size=psus)[psu]
    )
    return pd.DataFrame({
        "y": (rng.random(n) < oracle.expit(eta)).astype(float), "w": rng.exponential(size=n) + 0.3, "psu": psu,
        "stratum": psu % 3, "a": np.array(["no", "yes"])[a], "b": np.array(["l", "m", "u"])[b], "c": np.array(["x", "z"])[c],
    })  # fmt: skip


def fitted(rows: pd.DataFrame, formula: str, by=("a", "b", "c")) -> tl.LogitFit:
    return tl.fit_logit(
        tl.compress(
            tl.SurveyDesign(rows, weight="w", strata="stratum", psu="psu"), "y", by
        ),
        formula,
    )


def by_rows(
    rows: pd.DataFrame, columns: list[str], group: np.ndarray
) -> dict[str, np.ndarray]:
    """Everything of a goodness-of-fit test from people, one at a time."""
    y, w = rows["y"].to_numpy(), rows["w"].to_numpy()
    dummies = [
        (rows[c] == level).to_numpy(float)
        for c in columns
        for level in sorted(rows[c].unique())[1:]
    ]
    x, used = np.column_stack([np.ones(len(rows)), *dummies]), np.ones(len(rows), bool)
    beta = oracle.fit_logit(x, y, w, used)
    mu, psi, names = (
        oracle.expit(x @ beta),
        oracle.logit_scores(x, y, w, used, beta),
        sorted(set(group)),
    )
    mean, held, null = (
        np.zeros(len(names)),
        np.zeros((len(y), len(names))),
        np.zeros((len(y), len(names))),
    )
    estimated = np.zeros((len(y), len(names)))
    for k, name in enumerate(names):
        inside = [i for i in range(len(y)) if group[i] == name]
        total = sum(w[i] for i in inside)
        mean[k] = sum(w[i] * (y[i] - mu[i]) for i in inside) / total
        slope = sum(w[i] * mu[i] * (1 - mu[i]) * x[i] for i in inside) / total
        for i in range(len(y)):
            here = group[i] == name
            held[i, k] = w[i] * (y[i] - mu[i] - mean[k]) / total if here else 0
            null[i, k] = (w[i] * (y[i] - mu[i]) / total if here else 0) - slope @ psi[i]
            estimated[i, k] = held[i, k] - slope @ psi[i]
    place = rows["stratum"].tolist(), rows["psu"].tolist(), used
    return {
        "mean": mean, "eta": x @ beta, "df": oracle.design_df(*place),
        **{k: oracle.taylor_covariance(z, *place) for k, z in (("held", held), ("null", null), ("estimated", estimated))},
    }  # fmt: skip


def test_goodness_of_fit_row_by_row():
    rows = population(3, 1200)
    fit = fitted(rows, "a + b + c")
    group = rows[["a", "b", "c"]].agg(", ".join, axis=1).to_numpy()
    expected = by_rows(rows, ["a", "b", "c"], group)
    found = tr.calibration(fit, ["a", "b", "c"])
    np.testing.assert_allclose(found.frame["estimate"], expected["mean"], atol=1e-12)
    np.testing.assert_allclose(found.vcov, expected["estimated"], atol=1e-14)
    d, g, mean = expected["df"], 12, expected["mean"]
    first = mean @ np.linalg.inv(expected["held"]) @ mean
    second = mean @ np.linalg.pinv(expected["null"], rcond=1e-9, hermitian=True) @ mean
    test = tr.goodness_of_fit(fit, ["a", "b", "c"])
    rank = 12 - 5  # cells less coefficients
    values = [first * (d - g + 2) / (d * g), second * (d - rank + 1) / (d * rank)]
    np.testing.assert_allclose(test["statistic"], values, rtol=1e-8)
    np.testing.assert_allclose(
        test[["df_num", "df_den"]], [[g - 1, d - g + 2], [rank, d - rank + 1]]
    )
    np.testing.assert_allclose(
        test["p_value"],
        f_distribution.sf(values, [g - 1, rank], [d - g + 2, d - rank + 1]),
    )


def test_groups_of_risk_row_by_row():
    """Each person's group by the weight of all people of lower risk."""
    rows = population(4, 900)
    fit = fitted(rows, "a + b + c")
    eta = by_rows(rows, ["a", "b", "c"], np.zeros(len(rows)))["eta"].round(9)
    below = [rows["w"][eta < e].sum() / rows["w"].sum() for e in eta]
    numbers = np.floor(4 * np.array(below) + 1e-9)
    cell = rows.merge(
        fit.cells.frame.assign(group=_risk_groups(fit, 4)),
        on=["a", "b", "c"],
        how="left",
    )["group"]
    assert pd.Series(numbers).groupby(cell.to_numpy()).nunique().eq(1).all()
    assert len(set(numbers)) == cell.nunique() == 4
    assert pd.Series(eta).groupby(cell.to_numpy()).max().is_monotonic_increasing


def test_link_test_row_by_row():
    rows = population(5, 1200, wrong=0.8)
    eta = by_rows(rows, ["a", "b", "c"], np.zeros(len(rows)))["eta"]
    x, y, w, used = (
        np.column_stack([np.ones(len(eta)), eta, eta**2]),
        *(rows[c].to_numpy() for c in "yw"),
        np.ones(len(eta), bool),
    )
    beta = oracle.fit_logit(x, y, w, used)
    place = rows["stratum"].tolist(), rows["psu"].tolist(), used
    vcov = oracle.taylor_covariance(oracle.logit_scores(x, y, w, used, beta), *place)
    found = tr.link_test(fitted(rows, "a + b + c")).loc["wald"]
    assert found["statistic"] == pytest.approx(beta[2] ** 2 / vcov[2, 2], rel=1e-7)
    assert found["df_den"] == oracle.design_df(*place) - 2


def test_shares_row_by_row():
    rows = population(6, 700, psus=12)
    fit = fitted(rows, "a + c", by=("a", "c"))
    x = np.column_stack(
        [np.ones(len(rows)), rows["a"] == "yes", rows["c"] == "z"]
    ).astype(float)
    y, w, used = rows["y"].to_numpy(), rows["w"].to_numpy(), np.ones(len(rows), bool)
    psi = oracle.logit_scores(x, y, w, used, oracle.fit_logit(x, y, w, used))
    share = np.zeros((12, 3))
    for h in range(3):
        units = [j for j in range(12) if j % 3 == h]
        totals = np.array(
            [sum(psi[i] for i in range(len(y)) if rows["psu"][i] == j) for j in units]
        )
        share[units] = (
            len(units)
            / (len(units) - 1)
            * (totals - totals.mean(axis=0)) ** 2
            / np.diag(fit.vcov)
        )
    np.testing.assert_allclose(share.sum(axis=0), 1, rtol=1e-9)
    np.testing.assert_allclose(
        tr.influence_shares(fit)["unit"], share.max(axis=0), rtol=1e-8
    )


# -- what must hold ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "factor"), [(1, 0.01), (2, 7.0), (3, 100.0), (4, 1e4)]
)
def test_nothing_depends_on_the_unit_of_weights_or_on_sealing(seed, factor):
    rows = population(seed, 1500)
    fit, other = (
        fitted(r, "a + b + c") for r in (rows, rows.assign(w=rows["w"] * factor))
    )
    sealed = tl.fit_logit(fit.cells.seal(), "a + b + c")
    for test in (
        lambda f: tr.goodness_of_fit(f, list("abc")),
        lambda f: tr.goodness_of_fit(f),
        tr.link_test,
        tr.joint_tests,
    ):
        for one in (other, sealed):
            np.testing.assert_allclose(
                test(one)["statistic"], test(fit)["statistic"], rtol=1e-5, atol=1e-9
            )
    np.testing.assert_allclose(
        tr.calibration(sealed).vcov, tr.calibration(fit).vcov, rtol=1e-6, atol=1e-15
    )
    np.testing.assert_allclose(
        tr.influence_shares(other)["unit"], tr.influence_shares(fit)["unit"], rtol=1e-6
    )


def test_a_margin_in_the_model_is_met_and_one_left_out_is_not():
    rows = population(8)
    fit = fitted(rows, "b + c")
    inside, outside = tr.calibration(fit, ["b"]).frame, tr.calibration(fit, ["a"])
    assert inside[["estimate", "std_error"]].eq(0).all(axis=None)
    assert inside["p_value"].isna().all()
    assert outside.frame["p_value"].max() < 0.001
    assert "nan" not in str(tl.table(outside)._repr_html_())
    gap = outside.frame["weighted"] - outside.frame["predicted"]
    np.testing.assert_allclose(gap, outside.frame["estimate"])


def test_with_a_covariate_left_out_the_sharp_test_is_the_test_of_the_covariate():
    """One degree of freedom is left: F is a score test of the covariate, near its Wald test."""
    fit = fitted(population(9), "a + b")
    found = tr.goodness_of_fit(fit, ["c"]).iloc[1]
    wald = fitted(population(9), "a + b + c").term_test("c").loc["wald"]
    assert found["df_num"] == 1
    assert found["statistic"] == pytest.approx(wald["statistic"], rel=0.1)


@pytest.fixture(scope="module")
def simulated() -> dict[str, pd.DataFrame]:
    """P-values of all tests over 200 samples of a true model, and 20 of one that lacks its interaction."""
    out = {}
    for name, wrong, seeds in (
        ("true", 0.0, range(200)),
        ("wrong", 0.9, range(200, 220)),
    ):
        rows = []
        for seed in seeds:
            fit = fitted(population(seed, 2000, wrong, psus=120), "a + b + c")
            risk, cells = (
                tr.goodness_of_fit(fit, None, 6),
                tr.goodness_of_fit(fit, list("abc")),
            )
            rows.append(
                [
                    *risk["p_value"],
                    *cells["p_value"],
                    tr.link_test(fit)["p_value"].iloc[0],
                ]
            )
        out[name] = pd.DataFrame(
            rows, columns=["risk held", "risk", "cells held", "cells", "link"]
        )
    return out


@pytest.mark.slow
def test_a_true_model_is_seldom_rejected(simulated):
    """At 5 percent 10 of 200 are expected; 2 to 20 is three standard deviations, and room for 117 degrees of freedom."""
    rejected = (simulated["true"] < 0.05).sum()
    assert rejected[["risk", "cells", "link"]].between(2, 20).all(), rejected.to_dict()
    assert (rejected[["risk held", "cells held"]] <= 20).all(), rejected.to_dict()
    assert rejected["cells held"] < rejected["cells"], (
        "residuals taken as data reject too seldom"
    )


def test_a_model_without_its_interaction_is_found(simulated):
    power = (simulated["wrong"] < 0.05).mean()
    assert (power[["cells", "cells held"]] > 0.9).all(), power.to_dict()
    assert power["cells"] >= power["cells held"]


def test_replicate_weights():
    rows = pd.read_csv(ROOT / "tests/reference/replicates_data.csv")
    names = [c for c in rows if c.startswith("jk1_")]
    design = tl.SurveyDesign(
        rows, weight="w", replicate_weights=names, replicate_method="JK1"
    )
    fit = tl.fit_logit(tl.compress(design, "y", ["a", "b"]), "a + b")
    taylor = made_up()
    ratio = (
        tr.calibration(fit, ["a", "b"]).frame["std_error"]
        / tr.calibration(taylor, ["a", "b"]).frame["std_error"]
    )
    assert ratio.between(0.7, 1.4).all()
    units = tr.influence_shares(fit)["unit"]
    assert units.between(1 / len(names), 1).all()
    moved = (fit.replicates - fit.coef.to_numpy()) ** 2 * design.scale[:, None]
    np.testing.assert_allclose(
        units, (moved / np.diag(fit.vcov)).max(axis=0), rtol=1e-9
    )


# -- gate, messages, the table of all checks ---------------------------------------------------------------------------


def test_small_cells_are_not_shown():
    rows = population(10, 3000)
    rows.loc[rows.index[rows["b"] == "u"][9:], "b"] = "m"
    fit = fitted(rows, "a + c")
    for call in (tr.joint_tests, tr.influence_shares, tr.link_test):
        assert len(call(fit))
    shown = tr.calibration(fit, ["b"])
    assert "is not shown" in str(shown)
    for call in (
        lambda: tl.table(shown),
        lambda: tr.goodness_of_fit(fit, ["b"]),
        lambda: tr.checks(fit),
    ):
        with pytest.raises(tl.DisclosureError, match=r"fewer than 10 people|risk="):
            call()
    small = fitted(rows, "a + b + c")
    for call in (tr.joint_tests, tr.influence_shares, tr.link_test, tr.checks):
        with pytest.raises(tl.DisclosureError):
            call(small)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda fit: tr.calibration(fit.cells), "Expected LogitFit"),
        (lambda fit: tr.calibration(fit, ["d"]), "no axis 'd'"),
        (lambda fit: tr.goodness_of_fit(fit, groups=1), "two or more groups"),
        (
            lambda fit: tr.link_test(tl.fit_logit(fit.cells, "a")),
            "2 distinct predictions",
        ),
        (lambda fit: tr.joint_tests(tl.fit_logit(fit.cells, "1")), "intercept only"),
    ],
)
def test_wrong_calls_say_what_to_do(call, words):
    with pytest.raises((tl.TrustlibError, TypeError), match=words):
        call(fitted(population(11), "a + b"))


def test_checks_hold_every_number_and_say_where_nothing_can_be_tested():
    fit = committed("mistrust/gender * ethnicity + age_band")
    report = tr.checks(fit)
    values = report.frame.set_index("quantity")["value"]
    assert values["people per parameter"] == fit.cells.frame["n"].sum() / 8
    overall = tl.cell_means(fit.cells, []).frame.iloc[0]
    assert values[
        "effective people with the rarer answer, per parameter"
    ] == pytest.approx(overall["n_eff"] * (1 - overall["estimate"]) / 8)
    p = tr.goodness_of_fit(fit)["p_value"]
    assert values["10 groups of risk, coefficients estimated: p_value"] == p.iloc[1]
    page = report._repr_html_()
    assert "Real people" in page
    assert page.count("<tr>") == len(report.shown) + 2  # head and notes
    saturated = tr.checks(committed("treated_unfairly/gender * ethnicity"))
    assert "nothing to test" in str(saturated)
    assert not saturated.frame["quantity"].str.contains("p_value").any()


def test_flow_counts_everybody_once_and_no_small_group():
    rows = population(12, 1000)
    rows["y_missing"] = np.nan
    rows = rows.astype({"y_missing": object})
    rows.loc[:39, "y"], rows.loc[:29, "y_missing"], rows.loc[30:39, "y_missing"] = (
        np.nan,
        "refused",
        "not asked",
    )
    rows.loc[35:58, "a"] = None  # of these 5 have left already
    rows.loc[60:63, "b"] = None
    design = tl.SurveyDesign(rows, weight="w", strata="stratum", psu="psu")
    found = tr.flow(design, "y", ["a", "b"])
    assert found.to_numpy().tolist() == [
        ["", "in the file", 1000], ["y", "refused", 30], ["y", "not asked", 10], ["a or b", "missing", 23], ["", "in the model", 937]
    ]  # fmt: skip
    part = tr.flow(design.domain("c == 'x'"), "y", ["a"])
    assert part["reason"].tolist()[:2] == [
        "in the file",
        "not in this part of the survey",
    ]
    assert part["n"].iloc[0] == part["n"].iloc[1:].sum()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("pqr"), st.integers(1, 40)),
        max_size=7,
    )
)
def test_small_reasons_are_put_together(rows):
    losses = [Loss(*row) for row in sorted(rows)]
    total = sum(loss.n for loss in losses)
    try:
        out = _large_enough(losses)
    except tl.DesignError:
        assert total < MINIMUM
        return
    assert sum(loss.n for loss in out) == total
    assert all(loss.n >= MINIMUM for loss in out)


def test_robustness_of_cells_is_robustness():
    """Sealed cells leave links, models and covariates open; what they give is what the people give."""
    rows = population(13)
    design = tl.SurveyDesign(rows, weight="w", strata="stratum", psu="psu")
    gap = {"a": "yes", "c": "z"}
    whole = tr.robustness(
        design,
        "y",
        ["a", "c"],
        gap,
        covariates={"none": [], "b": ["b"]},
        weights=["weighted"],
    )
    sealed = tl.compress(design, "y", ["a", "b", "c"]).seal()
    found = tr.robustness_of_cells([sealed], ["a", "c"], gap)
    assert found.frame["covariates"].unique().tolist() == ["none", "b"]
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(
        found.frame[columns], whole.frame[columns], rtol=1e-7, atol=1e-10
    )
    assert found.by == whole.by
    other = tl.compress(design, "y", ["a", "c"])
    again = tr.robustness_of_cells([sealed, other], ["a", "c"], gap, links=["logit"])
    assert len(again) == 4
    cells = tl.compress(
        tl.SurveyDesign(rows.assign(z=rows["y"]), weight="w"), "z", ["a", "c"]
    )
    with pytest.raises(tl.EstimandError, match="one outcome"):
        tr.robustness_of_cells([sealed, cells], ["a", "c"], gap)
