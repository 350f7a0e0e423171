"""Firth, other links, imputation with Rubin's rules, the robustness grid and its picture.

References: tests/reference/sensitivity.R (brglm2, survey, mitools, mice), row by row with tests/oracle.py, and printed numbers.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2

import oracle
import trustlib as tl
from trustlib.review import specification_curve
from trustlib.review.sensitivity import (
    CHOICES,
    COMPLETE,
    FIRTH,
    IMPUTED,
    MODELS,
    WEIGHTS,
    combine,
    firth,
    fit_by_link,
    impute,
    robustness,
)

REFERENCE = Path(__file__).parent / "reference"
R = {
    scenario: part.set_index(["quantity", "name"])["value"]
    for scenario, part in pd.read_csv(REFERENCE / "sensitivity.csv").groupby(
        "scenario", sort=False
    )
}
GAP = ({"a": "yes", "b": "yes"}, {"a": "no", "b": "no"})
FORMULAS = {("saturated", "none"): "a * b", ("additive", "none"): "a + b", ("saturated", "c"): "a * b + c", ("additive", "c"): "a + b + c"}  # fmt: skip


def made() -> pd.DataFrame:
    rows = pd.read_csv(REFERENCE / "replicates_data.csv")
    return rows.assign(c=np.array(["x", "y", "z"])[np.arange(len(rows)) % 3])


def design(
    kind: str = "taylor", frame: pd.DataFrame | None = None, **options
) -> tl.SurveyDesign:
    frame = made() if frame is None else frame
    if kind == "taylor":
        return tl.SurveyDesign(
            frame, weight="w", strata="stratum", psu="psu", nest=True, **options
        )
    names = [c for c in frame if c.startswith("jk1_")]
    return tl.SurveyDesign(
        frame, weight="w", replicate_weights=names, replicate_method="JK1", **options
    )


LINKS = ("logit", "log", "identity")  # those of R


def grid(kind: str = "taylor", **options) -> tl.Estimates:
    return robustness(
        design(kind),
        "y",
        ["a", "b"],
        *GAP,
        **{"links": LINKS, **options},
    )


# -- separation -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def endometrial() -> tl.Cells:
    rows = (
        pd.read_csv(REFERENCE / "sensitivity_endometrial.csv")
        .astype(float)
        .assign(w=1.0)
    )
    return tl.compress(tl.SurveyDesign(rows, weight="w"), "HG", ["NV", "PI", "EH"])


# R logistf, as printed by firthlogist (MIT, github.com/jzluo/firthlogist, tests): coefficient and profile interval.
LOGISTF = {
    "Intercept": (3.77455951, 1.0825371, 7.2092805),
    "NV": (2.92927330, 0.6097244, 7.85463171),
    "PI": (-0.03475175, -0.1244587, 0.04045547),
    "EH": (-2.60416387, -4.3651832, -1.23272106),
}
# brglm2: standard errors of Heinze and Schemper (2002), from the inverse information.
BRGLM2_SE = {"Intercept": 1.488692, "NV": 1.550764, "PI": 0.0395781, "EH": 0.7760176}


class TestFirth:
    def test_separation_is_found_before_fitting_and_firth_is_finite(self, endometrial):
        with pytest.raises(tl.SeparationError, match="NV"):
            tl.fit_logit(endometrial, "NV + PI + EH")
        assert np.isfinite(firth(endometrial, "NV + PI + EH").frame["estimate"]).all()

    @pytest.mark.parametrize("term", LOGISTF)
    def test_published_endometrial_example(self, endometrial, term):
        row = firth(endometrial, "NV + PI + EH").frame.set_index("term").loc[term]
        np.testing.assert_allclose(
            row[["estimate", "conf_low", "conf_high"]].astype(float),
            LOGISTF[term],
            rtol=1e-5,
        )
        assert row["std_error"] == pytest.approx(BRGLM2_SE[term], rel=2e-6)

    @pytest.mark.parametrize("formula", ["NV + PI + EH", "a * b", "a + b + c"])
    def test_brglm2(self, endometrial, formula):
        data = "endometrial" if "NV" in formula else "made"
        cells = (
            endometrial
            if data == "endometrial"
            else tl.compress(design(), "y", ["a", "b", "c"])
        )
        expected, found = (
            R[f"sensitivity/{data}/firth/{formula}"],
            firth(cells, formula).frame.set_index("term"),
        )
        np.testing.assert_allclose(
            found["estimate"], expected["coef"][found.index], rtol=1e-7
        )
        np.testing.assert_allclose(
            found["std_error"], expected["se"][found.index], rtol=1e-7
        )

    def test_p_value_and_interval_come_from_the_same_likelihood(self, endometrial):
        """The interval excludes 0 exactly where p < 0.05, and the statistic is the signed root of the test."""
        frame = firth(endometrial, "NV + PI + EH").frame
        excludes = (frame["conf_low"] > 0) | (frame["conf_high"] < 0)
        assert (excludes == (frame["p_value"] < 0.05)).all()
        assert (np.sign(frame["statistic"]) == np.sign(frame["estimate"])).all()

    def test_likelihood_ratio_by_maximising_again(self, endometrial):
        """The penalised likelihood, maximised by another optimiser with and without NV; its maximum as logistf prints it."""
        frame = endometrial.frame
        x, y = (
            np.column_stack([np.ones(len(frame)), frame[["NV", "PI", "EH"]]]),
            frame["sum_wy"].to_numpy(),
        )

        def minus(beta):
            p = oracle.expit(x @ beta)
            information = (x * (p * (1 - p))[:, None]).T @ x
            return -(
                y @ np.log(p)
                + (1 - y) @ np.log(1 - p)
                + np.linalg.slogdet(information)[1] / 2
            )

        free = minimize(minus, [3.0, 2.0, 0.0, -2.0], method="Nelder-Mead", options={"maxfev": 9000, "xatol": 1e-9, "fatol": 1e-11})  # fmt: skip
        held = minimize(lambda b: minus(np.insert(b, 1, 0.0)), [3.0, 0.0, -2.0], method="Nelder-Mead", options={"maxfev": 9000, "xatol": 1e-9, "fatol": 1e-11})  # fmt: skip
        assert -free.fun == pytest.approx(-24.0372678, abs=1e-6)
        row = firth(endometrial, "NV + PI + EH").frame.set_index("term").loc["NV"]
        assert row["statistic"] ** 2 == pytest.approx(
            2 * (held.fun - free.fun), rel=1e-6
        )
        assert row["p_value"] == pytest.approx(
            chi2.sf(2 * (held.fun - free.fun), 1), rel=1e-5
        )

    def test_jeffreys_prior_for_one_proportion(self):
        """Without covariates the estimate is (events + 1/2) / (n + 1): the mode under Jeffreys' prior on the logit."""
        rows = pd.DataFrame({"y": [1.0] * 12, "w": 2.0})
        rows.loc[0, "y"] = 0.0
        found = (
            firth(tl.compress(tl.SurveyDesign(rows, weight="w"), "y"), "1")
            .frame["estimate"]
            .iloc[0]
        )
        assert found == pytest.approx(np.log(11.5 / 1.5), rel=1e-8)

    def test_it_is_labelled_a_sensitivity(self, endometrial):
        assert firth(endometrial, "NV").convention.startswith(FIRTH)

    def test_all_answers_alike(self):
        rows = pd.DataFrame({"y": [1.0] * 30, "w": 1.0, "g": list("ab") * 15})
        with pytest.raises(tl.FitError, match="alike"):
            firth(tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["g"]), "g")

    @pytest.mark.parametrize(
        ("call", "kind"),
        [
            (lambda c: firth("cells", "NV"), tl.EstimandError),
            (lambda c: firth(c, "NV + XX"), tl.UnknownNameError),
        ],
    )
    def test_refusals(self, endometrial, call, kind):
        with pytest.raises(kind) as caught:
            call(endometrial)
        assert caught.value.hint


# -- other links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["taylor", "jk1"])
class TestLinksAgainstR:
    """survey::svyglm with quasibinomial, quasipoisson("log") and gaussian, refitted from the solution."""

    @pytest.mark.parametrize("link", ["log", "identity"])
    @pytest.mark.parametrize("formula", list(FORMULAS.values()))
    def test_coefficients(self, kind, link, formula):
        expected = R[f"sensitivity/made/{kind}/weighted/{link}/{formula}"]
        axes = ["a", "b", "c"] if "c" in formula else ["a", "b"]
        fit = fit_by_link(tl.compress(design(kind), "y", axes), formula, link)
        np.testing.assert_allclose(
            fit.coef, expected["coef"][fit.coef.index], rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            fit.std_error, expected["se"][fit.coef.index], rtol=1e-8
        )

    def test_gaps_of_the_whole_grid(self, kind):
        sets = {"none": [], "c": ["c"]}
        found = grid(kind, covariates=sets, trim=0.9).frame
        assert len(found) == len(WEIGHTS) * len(sets) * len(LINKS) * len(MODELS)
        for row in found.to_dict("records"):
            formula = FORMULAS[row["model"], row["covariates"]]
            expected = R[
                f"sensitivity/made/{kind}/{row['weights']}/{row['link']}/{formula}"
            ]
            np.testing.assert_allclose(
                [row["estimate"], row["std_error"], row["conf_low"], row["conf_high"], row["df"]],
                [expected["estimate", "gap"], expected["se", "gap"], expected["conf_low", "gap"], expected["conf_high", "gap"], expected["df", "design"]],
                rtol=2e-8, atol=1e-11, err_msg=str(row),
            )  # fmt: skip


class TestLinks:
    def test_log_link_row_by_row(self):
        rows = made()
        x = np.column_stack([np.ones(len(rows)), rows["a"] == "yes", rows["b"] == "yes", rows["c"] == "y", rows["c"] == "z"]).astype(float)  # fmt: skip
        y, w, used = (
            rows["y"].to_numpy(float),
            rows["w"].to_numpy(float),
            np.ones(len(rows), bool),
        )
        beta = np.array([np.log(y.mean()), 0, 0, 0, 0])
        for _ in range(40):
            mu = np.exp(x @ beta)
            information = sum(
                w[i] * mu[i] * np.outer(x[i], x[i]) for i in range(len(y))
            )
            beta = beta + np.linalg.solve(
                information, sum(w[i] * (y[i] - mu[i]) * x[i] for i in range(len(y)))
            )
        mu = np.exp(x @ beta)
        scores = np.array(
            [
                np.linalg.solve(information, w[i] * (y[i] - mu[i]) * x[i])
                for i in range(len(y))
            ]
        )
        covariance = oracle.taylor_covariance(
            scores, rows["stratum"].to_numpy(), rows["psu"].to_numpy(), used
        )

        def gap(b):
            yes, no = x.copy(), x.copy()
            yes[:, 1:3], no[:, 1:3] = 1, 0
            return (w @ (np.exp(yes @ b) - np.exp(no @ b))) / w.sum()

        found = grid(
            covariates={"c": ["c"]},
            weights=["weighted"],
            links=["log"],
            models=["additive"],
        ).frame.iloc[0]
        assert found["estimate"] == pytest.approx(gap(beta), rel=1e-9)
        assert found["std_error"] == pytest.approx(
            oracle.delta_covariance(gap, beta, covariance)[0, 0] ** 0.5, rel=1e-7
        )

    def test_saturated_links_give_the_same_gap_and_linearised_error(self):
        frame = grid(weights=["weighted"], models=["saturated"]).frame
        gap = tl.comparisons(
            tl.cell_means(tl.compress(design(), "y", ["a", "b"])), GAP[1]
        ).where("a == 'yes' and b == 'yes'")
        for column in ("estimate", "std_error"):
            np.testing.assert_allclose(
                frame[column], gap.frame[column].iloc[0], rtol=1e-9
            )

    def test_a_cell_without_the_outcome(self):
        """The log and logit links have no finite estimate, the identity link has, and nothing is dropped unsaid."""
        rows = made()
        rows.loc[(rows["a"] == "no") & (rows["b"] == "no"), "y"] = 0
        found = robustness(
            design(frame=rows),
            "y",
            ["a", "b"],
            *GAP,
            weights=["weighted"],
            models=["saturated"],
        )
        assert found.frame["link"].tolist() == ["identity", "firth"]
        missing = [note for note in found.notes if note.startswith("Not fitted")]
        assert sum("logit" in note for note in missing) == 1
        assert sum(", log," in note for note in missing) == 1
        means = tl.cell_means(
            tl.compress(design(frame=rows), "y", ["a", "b"])
        ).frame.set_index(["a", "b"])
        row = found.frame.iloc[0]
        assert row["estimate"] == pytest.approx(
            means.loc[("yes", "yes"), "estimate"], rel=1e-9
        )
        assert row["std_error"] == pytest.approx(
            means.loc[("yes", "yes"), "std_error"], rel=1e-9
        )

    def test_a_cell_where_all_have_the_outcome_has_a_log_link(self):
        rows = made()
        rows.loc[(rows["a"] == "yes") & (rows["b"] == "yes"), "y"] = 1
        found = robustness(
            design(frame=rows),
            "y",
            ["a", "b"],
            *GAP,
            weights=["weighted"],
            models=["saturated"],
        )
        assert found.frame["link"].tolist() == ["log", "identity", "firth"]
        np.testing.assert_allclose(
            found.frame["estimate"].iloc[0], found.frame["estimate"].iloc[1], rtol=1e-9
        )


# -- Rubin's rules ----------------------------------------------------------------------------------------------------


def estimates(
    value, vcov, df=np.inf, kind="coefficient", convention="made up"
) -> tl.Estimates:
    value, vcov = np.asarray(value, float), np.asarray(vcov, float)
    frame = pd.DataFrame({"term": [f"t{i}" for i in range(len(value))]}).assign(
        estimate=value, std_error=np.sqrt(np.diag(vcov)), conf_low=np.nan, conf_high=np.nan, statistic=np.nan,
        p_value=np.nan, df=df, n=100, n_eff=np.nan,
    )  # fmt: skip
    return tl.Estimates(
        frame, vcov, kind, ("term",), convention, "y", np.full(len(value), 50), df
    )


@cache
def smi(df: float) -> list[tl.Estimates]:
    parts = pd.read_csv(REFERENCE / "sensitivity_smi.csv").groupby("imputation")
    return [estimates(p["coef"], p[["v1", "v2", "v3", "v4"]], df) for _, p in parts]


# Documented example ?MIcombine of mitools 2.4 (data smi): estimate, standard error, missing information in percent.
MICOMBINE = [(-2.2597435757, 0.2683073056, 4), (0.2405524958, 0.0658742303, 12), (0.6490522198, 0.3491926368, 1), (-0.0372542155, 0.0860919885, 7)]  # fmt: skip


class TestCombine:
    def test_documented_example_of_mitools(self):
        frame = combine(smi(np.inf)).frame
        np.testing.assert_allclose(
            frame[["estimate", "std_error"]], [row[:2] for row in MICOMBINE], rtol=1e-8
        )
        assert [round(100 * share) for share in frame["fmi"]] == [
            row[2] for row in MICOMBINE
        ]

    @pytest.mark.parametrize("df", [np.inf, 30])
    def test_degrees_of_freedom(self, df):
        """Infinite complete-data df: Rubin (1987), mitools. Finite: Barnard and Rubin (1999), mice."""
        expected, frame = (
            R[f"sensitivity/smi/rubin/df={'Inf' if np.isinf(df) else df}"],
            combine(smi(df)).frame,
        )
        names = ["Intercept", "wave", "sex", "wave:sex"]
        columns = {"estimate": "coef", "std_error": "se", "df": "df", "conf_low": "conf_low", "conf_high": "conf_high", "p_value": "p_value"}  # fmt: skip
        for ours, theirs in columns.items():
            np.testing.assert_allclose(
                frame[ours], expected[theirs][names], rtol=1e-9, err_msg=ours
            )
        np.testing.assert_allclose(
            frame["fmi"], expected["estimate"][[f"fmi {n}" for n in names]], rtol=1e-9
        )

    @settings(max_examples=40, deadline=None)
    @given(st.integers(2, 8), st.floats(3, 200), st.integers(0, 10**6))
    def test_identical_imputations_give_the_variance_within(self, m, df, seed):
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(3, 3))
        part = estimates(rng.normal(size=3), root @ root.T + np.eye(3), df)
        pooled = combine([part] * m)
        np.testing.assert_allclose(pooled.vcov, part.vcov, rtol=1e-12)
        np.testing.assert_allclose(
            pooled.frame["estimate"], part.frame["estimate"], rtol=1e-12
        )
        np.testing.assert_allclose(
            pooled.frame["df"], (df + 1) / (df + 3) * df, rtol=1e-9
        )

    @settings(max_examples=40, deadline=None)
    @given(st.permutations(range(5)))
    def test_order_does_not_matter(self, order):
        parts = smi(30)
        pooled, again = combine(parts), combine([parts[i] for i in order])
        np.testing.assert_allclose(again.vcov, pooled.vcov, rtol=1e-12)
        pd.testing.assert_frame_equal(again.frame, pooled.frame, rtol=1e-10)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(2, 6), st.floats(3, 500), st.integers(0, 10**6))
    def test_pooling_never_gains_information(self, m, df, seed):
        """T is at least the mean variance within, df at most that of the design, fmi between 0 and 1."""
        rng = np.random.default_rng(seed)
        frame = combine(
            [
                estimates(rng.normal(size=2), np.diag(rng.uniform(0.1, 2, 2)), df)
                for _ in range(m)
            ]
        ).frame
        assert (frame["df"] <= df).all()
        assert frame["fmi"].between(0, 1).all()

    def test_ratios_are_pooled_as_logarithms(self):
        cells = [
            tl.compress(d, "y", ["a"])
            for d in impute(with_gaps(), ["y", "a"], m=4, seed=1)
        ]
        levels = [tl.cell_means(c) for c in cells]
        pooled = combine(
            [tl.comparisons(each, scale="ratio") for each in levels]
        ).frame.iloc[0]
        logs = np.array(
            [
                np.log(each.frame["estimate"].iloc[1] / each.frame["estimate"].iloc[0])
                for each in levels
            ]
        )
        assert pooled["estimate"] == pytest.approx(np.exp(logs.mean()), rel=1e-12)
        assert np.log(pooled["conf_high"] * pooled["conf_low"]) / 2 == pytest.approx(
            logs.mean(), abs=1e-12
        )

    def test_levels_keep_their_interval(self):
        levels = [
            tl.cell_means(tl.compress(d, "y", ["a"]))
            for d in impute(with_gaps(), ["y", "a"], m=4, seed=1)
        ]
        row = combine(levels).frame.iloc[0]
        logit = [
            np.log(row[c] / (1 - row[c])) for c in ("conf_low", "estimate", "conf_high")
        ]
        assert logit[2] - logit[1] == pytest.approx(logit[1] - logit[0], rel=1e-9)
        assert np.isnan(row["p_value"])

    @pytest.mark.parametrize(
        "parts",
        [[], smi(30)[:1], [smi(30)[0], smi(30)[1].where([True, True, True, False])]],
    )
    def test_what_cannot_be_pooled(self, parts):
        with pytest.raises(tl.EstimandError, match="two or more"):
            combine(parts)

    def test_what_is_no_estimate(self):
        with pytest.raises(tl.EstimandError, match="Expected Estimates"):
            combine([1, 2])


# -- imputation -------------------------------------------------------------------------------------------------------


def with_gaps() -> tl.SurveyDesign:
    rows = made()
    rng = np.random.default_rng(5)
    for column, share in (("y", 0.2), ("a", 0.15), ("b", 0.1)):
        rows[column] = rows[column].mask(rng.random(len(rows)) < share)
    return design(frame=rows)


class TestImpute:
    def test_what_was_answered_stays_and_nothing_is_missing(self):
        before = with_gaps()
        for after in impute(before, ["y", "a", "b"], within=["c"], m=3):
            for column in ("y", "a", "b"):
                known = before.frame[column].notna()
                assert after.frame[column].notna().all()
                assert (
                    after.frame.loc[known, column] == before.frame.loc[known, column]
                ).all()
            pd.testing.assert_frame_equal(after.frame.drop(columns=["y", "a", "b"]), before.frame.drop(columns=["y", "a", "b"]))  # fmt: skip
            assert after.variance == before.variance
            assert after.layout is before.layout

    def test_the_same_seed_the_same_answers(self):
        first, again, other = (
            impute(with_gaps(), ["y", "a"], m=1, seed=s)[0].frame for s in (3, 3, 4)
        )
        pd.testing.assert_frame_equal(first, again)
        assert not first.equals(other)

    def test_one_donor_gives_all_missing_answers(self):
        """a and y always agree among donors, so they do among those who lack one or both."""
        rng = np.random.default_rng(0)
        a = rng.integers(0, 2, 300)
        rows = pd.DataFrame(
            {
                "w": 1.0,
                "a": np.where(a, "yes", "no").astype(object),
                "y": a.astype(float),
            }
        )
        rows.loc[:80, "a"] = None
        rows.loc[50:120, "y"] = np.nan
        for done in impute(tl.SurveyDesign(rows, weight="w"), ["a", "y"], m=3):
            assert ((done.frame["a"] == "yes") == (done.frame["y"] == 1)).all()

    def test_donors_are_of_the_same_class(self):
        rows = pd.DataFrame({"w": 1.0, "g": list("uv") * 50, "y": [0.0, 1.0] * 50})
        rows.loc[:19, "y"] = np.nan
        done = impute(tl.SurveyDesign(rows, weight="w"), ["y"], within=["g"], m=2)[
            1
        ].frame
        assert ((done["g"] == "v") == (done["y"] == 1)).all()

    def test_people_outside_the_domain_neither_give_nor_receive(self):
        rows = made().assign(y=lambda f: np.where(f["c"] == "x", 1.0, f["y"]))
        rows.loc[rows.index % 5 == 0, "y"] = np.nan
        part = design(frame=rows).domain("c == 'x'")
        done = impute(part, ["y"], m=1)[0].frame
        assert (done.loc[done["c"] == "x", "y"] == 1).all()
        assert (
            done.loc[done["c"] != "x", "y"].isna().sum()
            == rows.loc[rows["c"] != "x", "y"].isna().sum()
        )

    def test_categories_and_other_engines(self):
        import polars

        rows = (
            with_gaps()
            .frame[["w", "stratum", "psu", "y", "a"]]
            .assign(a=lambda f: f["a"].astype("category"))
        )
        pandas_made = impute(design(frame=rows), ["y", "a"], m=1, seed=2)[0].frame
        assert pandas_made["a"].dtype == rows["a"].dtype
        polars_made = impute(
            design(frame=polars.from_pandas(rows)), ["y", "a"], m=1, seed=2
        )[0].frame
        assert (
            polars_made["a"].astype(str).tolist()
            == pandas_made["a"].astype(str).tolist()
        )

    def test_a_class_without_donors_is_named_without_a_count(self):
        rows = made()
        rows.loc[rows["c"] == "z", "y"] = np.nan
        with pytest.raises(tl.EstimandError, match=r"(?s)class c=z.*coarser") as caught:
            impute(design(frame=rows), ["y"], within=["c"])
        assert not any(ch.isdigit() for ch in str(caught.value))

    @pytest.mark.parametrize(
        "options",
        [{"columns": ["nope"]}, {"columns": []}, {"columns": ["y"], "within": ["a"]}, {"columns": ["y"], "m": 0},
         {"columns": ["y"], "within": ["y"]}, {"columns": ["y"], "seed": -1}],
    )  # fmt: skip
    def test_refusals(self, options):
        with pytest.raises(tl.TrustlibError) as caught:
            impute(with_gaps(), **options)
        assert caught.value.hint

    @pytest.mark.proof
    @pytest.mark.slow
    def test_missing_at_random_is_mended(self):
        """Answers are lost more often in group v, where the outcome is common: complete cases are biased, imputation is not.

        60 samples; with a true coverage of 0.95 fewer than 51 hits have a probability under 0.001.
        """
        rng = np.random.default_rng(20)
        complete, pooled, hits, truth = [], [], 0, 0.5 * 0.2 + 0.5 * 0.7
        for i in range(60):
            g = rng.integers(0, 2, 400)
            y = (rng.random(400) < np.where(g, 0.7, 0.2)).astype(float)
            y[rng.random(400) < np.where(g, 0.6, 0.1)] = np.nan
            sample = tl.SurveyDesign(
                pd.DataFrame({"w": 1.0, "g": np.where(g, "v", "u"), "y": y}), weight="w"
            )
            complete.append(np.nanmean(y))
            parts = [
                tl.cell_means(tl.compress(d, "y"))
                for d in impute(sample, ["y"], within=["g"], m=5, seed=i)
            ]
            row = combine(parts).frame.iloc[0]
            pooled.append(row["estimate"])
            hits += row["conf_low"] < truth < row["conf_high"]
        assert np.mean(complete) < truth - 0.08
        assert np.mean(pooled) == pytest.approx(truth, abs=4 * np.std(pooled) / 60**0.5)
        assert hits >= 51


# -- the grid ---------------------------------------------------------------------------------------------------------


class TestRobustness:
    def test_every_declared_specification_is_a_row(self):
        sets = {"none": [], "c": ["c"]}
        links = ["logit", "firth"]
        completed = impute(with_gaps(), ["y", "a", "b"], m=2)
        found = grid(covariates=sets, completed=completed, links=links)
        assert found.by == tuple(CHOICES)
        missing = found.frame["missing"].unique()
        assert sorted(missing) == sorted([COMPLETE, IMPUTED])
        each = len(WEIGHTS) * len(sets) * len(links) * len(MODELS)
        assert len(found) == each * len(missing)
        assert not found.frame[list(CHOICES)].duplicated().any()
        assert found.kind == "difference"
        assert found.notes[0].startswith("Gap: a=yes, b=yes against no, no.")

    def test_the_main_specification_is_the_usual_path(self):
        row = grid(
            covariates={"c": ["c"]},
            weights=["weighted"],
            links=["logit"],
            models=["saturated"],
        )
        fit = tl.fit_logit(tl.compress(design(), "y", ["a", "b", "c"]), "a * b + c")
        gap = tl.comparisons(
            tl.predictions(fit, ["a", "b"], interval="wald"), GAP[1]
        ).where("a == 'yes' and b == 'yes'")
        for column in ("estimate", "std_error", "conf_low", "p_value", "n"):
            assert row.frame[column].iloc[0] == gap.frame[column].iloc[0]

    def test_unweighted_is_a_weight_of_one(self):
        row = grid(
            weights=["unweighted"], links=["logit"], models=["additive"]
        ).frame.iloc[0]
        other = robustness(
            design(frame=made().assign(w=1.0)), "y", ["a", "b"], *GAP, weights=["weighted"], links=["logit"], models=["additive"]
        )  # fmt: skip
        assert row["estimate"] == pytest.approx(
            other.frame["estimate"].iloc[0], rel=1e-10
        )
        assert row["std_error"] == pytest.approx(
            other.frame["std_error"].iloc[0], rel=1e-10
        )

    def test_people_with_weight_zero_stay_out(self):
        rows = made()
        rows.loc[rows.index % 4 == 0, "w"] = 0.0
        found = robustness(
            design(frame=rows),
            "y",
            ["a", "b"],
            *GAP,
            links=["logit"],
            models=["saturated"],
        )
        assert found.frame["n"].nunique() == 1

    def test_imputed_rows_are_pooled(self):
        completed = impute(with_gaps(), ["y", "a", "b"], m=3)
        row = grid(
            weights=["weighted"],
            links=["logit"],
            models=["additive"],
            completed=completed,
        ).where("missing == 'imputed'")
        fits = [
            tl.fit_logit(tl.compress(d, "y", ["a", "b"]), "a + b") for d in completed
        ]
        gaps = [
            tl.comparisons(tl.predictions(f, ["a", "b"], interval="wald"), GAP[1])
            for f in fits
        ]
        pooled = combine(
            [g.where("a == 'yes' and b == 'yes'") for g in gaps]
        ).frame.iloc[0]
        for column in ("estimate", "std_error", "df", "conf_high", "fmi"):
            assert row.frame[column].iloc[0] == pooled[column]

    def test_covariances_between_rows_are_not_made_up(self):
        vcov = grid(weights=["weighted"]).vcov
        assert np.isnan(vcov[~np.eye(len(vcov), dtype=bool)]).all()
        assert np.isfinite(np.diag(vcov)).all()

    def test_firth_is_labelled(self):
        assert FIRTH in grid(links=["firth"]).convention
        assert FIRTH not in grid(links=["logit"]).convention

    def test_raked_weights_lose_their_margins_when_changed(self):
        from trustlib.review.sensitivity import reweighted

        raked = design(raked=["c"])
        assert reweighted(raked, "weighted", 0.99) is raked
        assert reweighted(raked, "trimmed", 0.99).raked is None

    def test_nothing_can_be_fitted(self):
        rows = made().assign(y=lambda f: (f["a"] == "yes").astype(float))
        with pytest.raises(tl.FitError, match="No specification"):
            robustness(design(frame=rows), "y", ["a", "b"], *GAP, links=["logit"])

    @pytest.mark.parametrize(
        "options",
        [
            {"links": ["probit"]}, {"weights": ["raked"]}, {"models": ["nested"]}, {"trim": 1.5},
            {"contrast": {"a": "yes", "z": "yes"}}, {"contrast": {"a": "maybe"}}, {"contrast": {"a": "no", "b": "no"}},
            {"reference": {"a": "never"}}, {"covariates": {"none": ["nope"]}}, {"covariates": ["c"]},
        ],
    )  # fmt: skip
    def test_refusals(self, options):
        with pytest.raises(tl.TrustlibError) as caught:
            robustness(design(), "y", ["a", "b"], **{"contrast": GAP[0], **options})
        assert caught.value.hint

    def test_small_groups_do_not_pass_the_gate(self):
        rows = made()
        few = rows.index[(rows["a"] == "yes") & (rows["b"] == "yes")][5:]
        rows.loc[few, "b"] = "no"
        rows.loc[rows.index[(rows["a"] == "yes") & (rows["b"] == "yes")], "y"] = [
            0,
            1,
            0,
            1,
            1,
        ]
        found = robustness(
            design(frame=rows), "y", ["a", "b"], *GAP, weights=["weighted"]
        )
        for show in (tl.table, specification_curve):
            with pytest.raises(tl.DisclosureError):
                show(found)


class TestPicture:
    def test_what_is_seen_is_said(self):
        found = grid(covariates={"none": [], "c": ["c"]})
        picture = specification_curve(found, "A gap")
        frame = found.frame
        assert picture.png()[:4] == b"\x89PNG"
        assert picture.png() == specification_curve(found, "A gap").png()
        low, high = (
            f"{100 * v:+.1f}".replace("-", "−")
            for v in (frame["estimate"].min(), frame["estimate"].max())
        )
        assert f"{len(frame)} specifications" in picture.alt
        assert f"from {low} (" in picture.alt
        assert f"to {high} (" in picture.alt
        clear = ((frame["conf_low"] > 0) | (frame["conf_high"] < 0)).sum()
        assert f"excludes 0 in {clear} of {len(frame)}" in picture.alt

    def test_every_choice_is_marked_once_for_each_specification(self):
        found = grid(covariates={"none": [], "c": ["c"]})
        top, below = specification_curve(found).figure.axes
        labels = [t.get_text() for t in below.get_yticklabels()]
        assert labels == ["Weights: weighted", "Weights: unweighted", "Weights: trimmed", "Covariates: none", "Covariates: c",
                          "Link: logit", "Link: log", "Link: identity", "Model: saturated", "Model: additive"]  # fmt: skip
        taken = [len(c.get_offsets()) for c in below.collections[1::2]]
        assert sum(taken) == 4 * len(found)
        drawn = top.collections[1].get_offsets()[:, 1]
        np.testing.assert_allclose(drawn, np.sort(100 * found.frame["estimate"]))

    @pytest.mark.parametrize("kind", ["synthetic", "real"])
    def test_the_source_is_in_the_picture(self, kind):
        source = {"id": "s", "kind": kind, "label": "Somewhere 2020"}
        found = robustness(
            design(source=source), "y", ["a", "b"], *GAP, weights=["weighted"]
        )
        figure = specification_curve(found).figure
        texts = [t.get_text() for t in figure.texts] + [figure._supxlabel.get_text()]
        assert any("Somewhere 2020" in t for t in texts)
        assert ("SYNTHETIC" in texts) == (kind == "synthetic")

    def test_one_row_is_no_curve(self):
        with pytest.raises(tl.EstimandError, match="two or more"):
            specification_curve(
                grid(weights=["weighted"], links=["logit"], models=["saturated"])
            )
