"""How wrong could a panel be? Planted biases that each measure recovers, independent derivations, and refusals.

References: tests/reference/panel.R (svycontrast, withReplicates, and formulas of the papers in plain R), and finite
populations in which every quantity can be counted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from contract import ESTIMAND, UNKNOWN, refused
from samples import AXES, DESIGN, cells_of, crossed, large_cells, people
from trustbook.attack import _rows
from trustbook.panels import curve_picture, undone_in_short
from trustbook.sphinx.explorer_pages import WEB
from trustbook.sphinx.panel_pages import Headline, example, numbers
from trustbook.sphinx.panel_sliders import skeleton
from trustlib.record.printed import load_figures
from trustlib.review import panel
from trustlib.review.unadjusted import bias_of
from trustlib.review.yes_saying import TARGETS
from trustlib.tables import number

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "tests" / "reference"
R = {
    scenario: part.set_index(["quantity", "name"])["value"]
    for scenario, part in pd.read_csv(REFERENCE / "panel.csv").groupby("scenario")
}
KINDS = ("taylor", "jk1")


def made() -> pd.DataFrame:
    rows = pd.read_csv(REFERENCE / "replicates_data.csv")
    return rows.assign(c=np.array(["x", "y", "z"])[np.arange(len(rows)) % 3])


def design(kind: str, frame: pd.DataFrame | None = None) -> tl.SurveyDesign:
    frame = made() if frame is None else frame
    if kind == "taylor":
        return tl.SurveyDesign(
            frame, weight="w", strata="stratum", psu="psu", nest=True
        )
    names = [c for c in frame if c.startswith("jk1_")]
    return tl.SurveyDesign(
        frame, weight="w", replicate_weights=names, replicate_method="JK1"
    )


def agree(frame: pd.DataFrame, scenario: str, names, rtol=1e-6) -> None:
    """Estimates and standard errors are R's."""
    expected = R[scenario]
    for column, quantity in (("estimate", "estimate"), ("std_error", "se")):
        wanted = [expected[quantity, name] for name in names]
        np.testing.assert_allclose(frame[column], wanted, rtol=rtol, atol=1e-12)


def panel_of(true, share, size=20_000, identity=0.2) -> pd.DataFrame:
    """A panel of two independent identities with true levels, and yes-sayers who say yes to all three questions."""
    honest = round(size * (1 - share))
    rows = []
    for (a, b), level in true.items():
        part = (identity if a == "yes" else 1 - identity) * (
            identity if b == "yes" else 1 - identity
        )
        n = round(honest * part)
        yes = round(n * level)
        rows += [(a, b, 1.0)] * yes + [(a, b, 0.0)] * (n - yes)
    rows += [("yes", "yes", 1.0)] * (size - honest)
    return pd.DataFrame(rows, columns=["a", "b", "y"])


HALF = {(a, b): 0.5 for a in ("no", "yes") for b in ("no", "yes")}


def plain_cells(frame: pd.DataFrame, by) -> tl.Cells:
    return tl.compress(tl.SurveyDesign(frame, weight=None), "y", by)


class TestYesSayers:
    def test_the_planted_example_of_four_equal_cells(self):
        cells = plain_cells(panel_of(HALF, 0.05), ["a", "b"])
        seen = tl.cell_means(cells).frame["estimate"]
        assert seen.round(3).tolist() == [0.5, 0.5, 0.5, 0.784]
        left = panel.yes_sayers(cells, 0.05)
        np.testing.assert_allclose(left.frame["estimate"], 0.5, atol=1e-12)
        gaps = tl.comparisons(left)
        np.testing.assert_allclose(gaps.frame["estimate"], 0, atol=1e-12)
        contrast = tl.interactions(left, "a", "b").frame.set_index("measure")
        assert abs(contrast.loc["interaction_contrast", "estimate"].iloc[0]) < 1e-12

    @pytest.mark.parametrize("share", [0.01, 0.04, 0.1])
    @pytest.mark.parametrize("identity", [0.1, 0.3])
    def test_other_planted_levels_come_back(self, share, identity):
        true = {
            ("no", "no"): 0.3,
            ("no", "yes"): 0.4,
            ("yes", "no"): 0.45,
            ("yes", "yes"): 0.6,
        }
        frame = panel_of(true, share, size=200_000, identity=identity)
        cells = plain_cells(frame, ["a", "b"])
        left = panel.yes_sayers(cells, share).frame["estimate"]
        np.testing.assert_allclose(left, list(true.values()), atol=1e-3)
        shares = panel.yes_sayer_shares(cells).frame.set_index(["contrast", "target"])
        both = shares.loc[("interaction", "vanish"), "estimate"]
        remaining = panel.yes_sayers(cells, both)
        contrast = tl.interactions(remaining, "a", "b").frame.set_index("measure")
        value = contrast.loc["interaction_contrast", "estimate"]
        assert np.abs(value).max() < 1e-9

    def test_no_yes_sayers_are_the_levels(self):
        for options in (DESIGN, {"weight": None}):
            cells = cells_of(people(3), design=options)
            levels = tl.cell_means(cells)
            left = panel.yes_sayers(cells, 0)
            pd.testing.assert_frame_equal(left.frame, levels.frame)
            np.testing.assert_array_equal(left.vcov, levels.vcov)
            assert left.convention == levels.convention

    def test_the_formula_by_hand_in_each_stratum(self):
        frame = people(5, n=1500)
        cells = cells_of(frame)
        left = panel.yes_sayers(cells, 0.03, identities=["disability", "ethnicity"])
        for row in left.frame.to_dict("records"):
            here = frame[frame["gender"] == row["gender"]]
            own = here[
                (here["ethnicity"] == row["ethnicity"])
                & (here["disability"] == row["disability"])
            ]
            all_of_them = row["ethnicity"] == "minority" and row["disability"] == "yes"
            gone = 0.03 * here["w"].sum() * all_of_them
            yes = (own["w"] * own["y"]).sum()
            value = (yes - gone) / (own["w"].sum() - gone)
            assert row["estimate"] == pytest.approx(value, rel=1e-12)
            assert row["n"] == len(own)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("share", [0, 0.02, 0.05])
    def test_levels_gaps_and_interactions_are_those_of_r(self, kind, share):
        scenario = f"panel/made/{kind}/yes_sayers/{share}"
        cells = tl.compress(design(kind), "y", ["a", "b"])
        left = panel.yes_sayers(cells, share)
        last = "(a == 'yes') & (b == 'yes')"
        agree(left.where(last).frame, scenario, ["level"])
        agree(tl.comparisons(left).where(last).frame, scenario, ["gap"])
        found = tl.interactions(left, "a", "b")
        method = "replicate" if kind == "jk1" else "delta"
        row = found.where(
            f"(measure == 'interaction_contrast') & (method == '{method}')"
        )
        agree(row.frame, scenario, ["interaction_contrast"])

    @pytest.mark.parametrize("kind", KINDS)
    def test_strata_are_those_of_r(self, kind):
        cells = tl.compress(design(kind), "y", ["a", "b", "c"])
        left = panel.yes_sayers(cells, 0.02, identities=["a", "b"])
        rows = left.where("(a == 'yes') & (b == 'yes')").frame
        names = [f"c={level}" for level in rows["c"]]
        agree(rows, f"panel/made/{kind}/yes_sayers/0.02", names)

    def test_sealed_protected_and_merged_cells(self):
        cells = large_cells()
        exact = panel.yes_sayers(cells, 0.05)
        sealed = panel.yes_sayers(cells.seal(), 0.05)
        np.testing.assert_allclose(sealed.vcov, exact.vcov, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(sealed.frame["estimate"], exact.frame["estimate"])
        guarded = tl.protect(cells, bytes(range(32)))
        assert len(panel.yes_sayers(guarded, 0.05)) == 4
        other = cells_of(people(8, 600), ["gender", "ethnicity"])
        pooled = tl.Cells.merge(
            [cells_of(people(9, 600), ["gender", "ethnicity"]), other]
        )
        left = panel.yes_sayers(pooled, 0.02)
        assert len(left.parts) == 2
        assert (left.frame["df"] < pooled.df).all()

    def test_the_answer_may_be_named(self):
        cells = tl.compress(design("taylor"), "y", ["a", "c"])
        text = refused(lambda: panel.yes_sayers(cells, 0.01), *ESTIMAND, "'c'", "says")
        assert "3 levels" in text
        left = panel.yes_sayers(cells, 0.01, says={"c": "z"})
        plain = tl.cell_means(cells).frame["estimate"]
        moved = left.frame["estimate"] != plain
        rows = left.frame[moved]
        assert rows[["a", "c"]].values.tolist() == [["yes", "z"]]
        reverse = panel.yes_sayers(cells, 0.01, ["a"], {"a": "no"}).frame
        moved = reverse["estimate"] != plain
        assert set(reverse.loc[moved, "a"]) == {"no"}

    def test_without_identities_each_cell_loses_its_share(self):
        cells = large_cells()
        left = panel.yes_sayers(cells, 0.1, identities=[]).frame["estimate"]
        plain = tl.cell_means(cells).frame["estimate"]
        np.testing.assert_allclose(left, (plain - 0.1) / 0.9, rtol=1e-12)

    def test_the_largest_share_is_told_and_possible(self):
        cells = crossed({
            ("man", "majority"): (300, 300), ("man", "minority"): (50, 50),
            ("woman", "majority"): (50, 50), ("woman", "minority"): (50, 150),
        })  # fmt: skip
        text = refused(lambda: panel.yes_sayers(cells, 0.2), *ESTIMAND, "0.15")
        assert "largest possible" in text
        left = panel.yes_sayers(cells, 0.15, interval="beta")
        assert left.frame["estimate"].iloc[-1] == 0
        everybody = crossed({
            ("man", "majority"): (300, 300), ("woman", "minority"): (0, 150),
            ("man", "minority"): (50, 50), ("woman", "majority"): (50, 50),
        })  # fmt: skip
        with pytest.raises(tl.EstimandError):
            panel.yes_sayers(everybody, 150 / 950)

    def test_the_message_gives_no_small_group_away(self):
        few = crossed({
            ("man", "majority"): (300, 300), ("man", "minority"): (50, 50),
            ("woman", "majority"): (50, 50), ("woman", "minority"): (50, 3),
        })  # fmt: skip
        text = refused(lambda: panel.yes_sayers(few, 0.1), *ESTIMAND)
        assert not any(digit in text.split("\n")[1] for digit in "0123456789")
        left = panel.yes_sayers(few, 0.001)
        with pytest.raises(tl.DisclosureError):
            tl.table(left)


class TestSharesAndCurve:
    @pytest.mark.parametrize("kind", KINDS)
    def test_shares_are_those_of_r(self, kind):
        cells = tl.compress(design(kind), "y", ["a", "b"])
        shares = panel.yes_sayer_shares(cells)
        gap = shares.where("contrast == 'gap'").where("possible == 'yes'")
        assert len(gap) >= 2
        scenario = f"panel/made/{kind}/yes_sayer_shares/gap"
        agree(gap.frame, scenario, gap.frame["target"])

    def test_what_is_not_possible_has_no_number(self):
        cells = tl.compress(design("taylor"), "y", ["a", "b"])
        shares = panel.yes_sayer_shares(cells).frame
        r = R["panel/made/taylor/yes_sayer_shares/interaction_contrast"]["estimate"]
        assert (r < 0).all()  # the identities do less together than added up
        none = shares["contrast"] == "interaction"
        assert (shares.loc[none, "possible"] == "no: it would grow").all()
        assert shares.loc[none, ["estimate", "conf_low"]].isna().all(axis=None)

    @pytest.mark.parametrize("gender", ["man", "woman"])
    def test_the_share_undoes_the_gap(self, gender):
        frame = people(3, n=2000)
        identities = ["ethnicity", "disability"]
        shares = panel.yes_sayer_shares(cells_of(frame), identities).frame
        gaps = shares[(shares["contrast"] == "gap") & (shares["possible"] == "yes")]
        rows = gaps[gaps["gender"] == gender].to_dict("records")
        own = cells_of(frame, identities, domain=f"gender == '{gender}'")
        observed = gap_of(tl.cell_means(own))
        assert len(rows) >= 2
        for row in rows:
            left = panel.yes_sayers(own, row["estimate"])
            wanted = (1 - TARGETS[row["target"]]) * observed
            assert gap_of(left) == pytest.approx(wanted, abs=1e-12)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_curve_is_the_gap_of_each_share(self, kind):
        cells = tl.compress(design(kind), "y", ["a", "b"])
        steps = [0.0, 0.02, 0.05]
        curve = panel.yes_sayer_curve(cells, [*steps, 0.9])
        for share in steps:
            rows = curve.where(curve.frame["share"] == share).frame
            assert rows["contrast"].tolist() == ["gap", "interaction"]
            names = ["gap", "interaction_contrast"]
            agree(rows, f"panel/made/{kind}/yes_sayers/{share:g}", names)
        assert set(curve.frame["share"]) == set(steps)


def gap_of(levels: tl.Estimates) -> float:
    """All identities against none: the last cell against the first."""
    value = levels.frame["estimate"]
    return value.iloc[-1] - value.iloc[0]


class TestTippingPoints:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("outside", [0.1, 0.4])
    def test_they_are_those_of_r(self, kind, outside):
        levels = tl.cell_means(tl.compress(design(kind), "y", ["a", "b"]))
        gaps = tl.comparisons(levels).where("(a == 'yes') & (b == 'yes')")
        points = panel.tipping_points(gaps, outside=outside)
        scenario = f"panel/made/{kind}/tipping_points/{outside}"
        agree(points.frame, scenario, points.frame["target"])
        assert points.frame["target"].tolist() == list(TARGETS)

    @pytest.mark.parametrize("outside", [0.15, 0.5, 0.8])
    def test_a_planted_population_turns_as_told(self, outside):
        """People outside report it more often in the reference by the number told, and the whole gap is as named."""
        cells = crossed({
            ("man", "majority"): (700, 300), ("man", "minority"): (60, 40),
            ("woman", "majority"): (500, 500), ("woman", "minority"): (50, 50),
        })  # fmt: skip
        levels = tl.cell_means(cells)
        gaps = tl.comparisons(levels, {"gender": "man"})
        points = panel.tipping_points(gaps, outside, levels=levels).frame
        by_name = levels.frame.set_index(["gender", "ethnicity"])["estimate"]
        for row in points.to_dict("records"):
            group = by_name["woman", row["ethnicity"]]
            base = by_name["man", row["ethnicity"]]
            everybody = (1 - outside) * base + outside * (base + row["estimate"])
            whole = group - everybody
            assert whole == pytest.approx((1 - TARGETS[row["target"]]) * (group - base))
            assert row["reference_outside"] == pytest.approx(base + row["estimate"])
            assert row["group_outside"] == pytest.approx(group - row["estimate"])

    def test_what_no_share_can_be_is_said(self):
        cells = crossed({
            ("man", "majority"): (90, 10), ("man", "minority"): (90, 10),
            ("woman", "majority"): (20, 80), ("woman", "minority"): (70, 30),
        })  # fmt: skip
        levels = tl.cell_means(cells)
        gaps = tl.comparisons(levels, {"gender": "man"})
        points = panel.tipping_points(gaps, 0.5, levels=levels).frame
        words = points.set_index(["ethnicity", "target"])["possible"]
        assert words["majority", "halve"] == "in either group"  # 0.8 and 0.1
        assert words["majority", "vanish"] == "in both together"  # 1.5 and -0.6
        assert words["majority", "turn"] == "no"
        assert words["minority", "vanish"] == "in the reference"  # 0.5 and -0.1

    def test_intervals_are_those_of_the_gaps(self):
        levels = tl.cell_means(large_cells())
        for interval in ("wald", "mover"):
            gaps = tl.comparisons(levels, interval=interval)
            points = panel.tipping_points(gaps, 0.25)
            assert points.kind == "difference"
            assert points.by == ("gender", "ethnicity", "target")
            factor = np.tile([2.0, 4.0, 8.0], len(gaps))
            for column in ("estimate", "std_error", "conf_low", "conf_high"):
                wanted = np.repeat(gaps.frame[column].to_numpy(), 3) * factor
                np.testing.assert_allclose(points.frame[column], wanted, rtol=1e-12)
        np.testing.assert_allclose(
            np.sqrt(np.diag(points.vcov)), points.frame["std_error"], rtol=1e-12
        )
        assert tl.table(points)

    def test_rows_of_several_axes(self):
        levels = tl.one_way(large_cells())
        points = panel.tipping_points(tl.comparisons(levels), 0.2, levels)
        assert points.frame["axis"].unique().tolist() == ["gender", "ethnicity"]


class TestDataDefect:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_it_is_the_correlation_in_a_population(self, seed):
        """A population of which people with the answer take part more often, with weights of any kind."""
        rng = np.random.default_rng(seed)
        size = 40_000
        y = (rng.random(size) < 0.4).astype(float)
        asked = rng.random(size) < np.where(y == 1, 0.06, 0.04)
        w = rng.uniform(0.5, 3, size)
        frame = pd.DataFrame({"y": y, "w": w})[asked]
        cells = tl.compress(tl.SurveyDesign(frame, weight="w"), "y")
        row = panel.data_defect(cells, y.mean(), size).frame.iloc[0]
        correlation = np.corrcoef(np.where(asked, w, 0.0), y)[0, 1]
        assert row["defect"] == pytest.approx(correlation, rel=1e-9)
        error = np.average(frame["y"], weights=frame["w"]) - y.mean()
        assert row["estimate"] == pytest.approx(error, rel=1e-9)
        # A simple random sample of that size without replacement has this mean squared error.
        worth = row["worth"]
        variance = (1 - worth / size) * y.var(ddof=1) / worth
        assert variance == pytest.approx(error**2, rel=1e-9)

    def test_groups_have_each_their_truth(self):
        cells = large_cells()
        rows = panel.data_defect(cells, [0.4, 0.6], [1e5, 1e6], by=["gender"]).frame
        levels = tl.cell_means(cells, ["gender"]).frame["estimate"]
        np.testing.assert_allclose(rows["estimate"], levels - [0.4, 0.6])
        assert rows["gender"].tolist() == ["man", "woman"]

    def test_a_panel_without_error_is_worth_a_census(self):
        cells = plain_cells(pd.DataFrame({"y": [1.0, 0.0] * 50}), [])
        row = panel.data_defect(cells, 0.5, 1e6).frame.iloc[0]
        assert row["defect"] == 0
        assert row["worth"] == pytest.approx(1e6)


MARGINS = {"a": {"no": 0.55, "yes": 0.45}, "b": {"no": 0.6, "yes": 0.4}}


class TestUnadjustedBias:
    @pytest.mark.parametrize("axes", [["a"], ["a", "b"]])
    @pytest.mark.parametrize("asked", [0, 0.2])
    def test_it_is_that_of_r(self, axes, asked):
        cells = tl.compress(design("taylor"), "y", axes)
        size = len(made()) / asked if asked else None
        margins = {axis: MARGINS[axis] for axis in axes}
        found = panel.unadjusted_bias(cells, margins, size).frame
        expected = R[f"panel/made/weights/mubp/{','.join(axes)}/{asked}"]["estimate"]
        wanted = [expected[f"phi={phi:g}"] for phi in found["phi"]]
        np.testing.assert_allclose(found["estimate"], wanted, rtol=0, atol=1e-7)

    def test_replicates_are_those_of_r(self):
        cells = tl.compress(design("jk1"), "y", ["a", "b"])
        found = panel.unadjusted_bias(cells, MARGINS).frame
        names = [f"phi={phi:g}" for phi in found["phi"]]
        agree(found, "panel/made/jk1/mubp/a,b/0", names, rtol=2e-6)

    def test_linearised_errors_are_near_those_of_replicates(self):
        se = [
            panel.unadjusted_bias(
                tl.compress(design(kind), "y", ["a", "b"]), MARGINS
            ).frame["std_error"]
            for kind in KINDS
        ]
        np.testing.assert_allclose(se[0][:2], se[1][:2], rtol=0.35)

    @pytest.mark.parametrize("phi", [0.0, 1.0])
    def test_a_planted_bias_comes_back(self, phi):
        """A latent answer and a proxy; who takes part depends on the proxy alone (0), or on the answer alone (1)."""
        rng = np.random.default_rng(11)
        size = 400_000
        level = rng.binomial(8, 0.5, size)  # near to normal, as the method supposes
        z = (level - 4) / np.sqrt(2)
        latent = 0.5 * z + rng.normal(size=size)
        y = (latent > 0.3).astype(float)
        scale = latent if phi else z
        asked = rng.random(size) < 0.1 * np.exp(0.25 * (scale - scale.max()))
        frame = pd.DataFrame({"y": y, "g": level.astype(str)})
        cells = tl.compress(tl.SurveyDesign(frame[asked], weight=None), "y", ["g"])
        shares = frame["g"].value_counts(normalize=True).to_dict()
        found = panel.unadjusted_bias(cells, {"g": shares}, size, [phi]).frame.iloc[0]
        true = y[asked].mean() - y.mean()
        assert abs(true) > 0.02
        assert found["estimate"] == pytest.approx(true, abs=4 * found["std_error"])
        assert found["std_error"] < abs(true) / 4
        assert found["corrected"] == pytest.approx(y[asked].mean() - found["estimate"])

    def test_no_distance_is_no_bias(self):
        phis = np.array([0.0, 0.3, 1.0])
        np.testing.assert_allclose(
            bias_of(0.3, 0.0, 1.0, 0.5, 0.1, phis), 0, atol=1e-15
        )


class TestRefusals:
    def frame(self) -> pd.DataFrame:
        rows = made()
        return rows.assign(y=rows["y"].where(np.arange(1, len(rows) + 1) % 7 != 0))

    @pytest.mark.parametrize("kind", KINDS)
    def test_they_are_those_of_r(self, kind):
        found = panel.refusals(design(kind, self.frame()), "y", ["a"], [-1, 0, 1.5])
        for delta in (-1, 0, 1.5):
            rows = found.where(found.frame["delta"] == delta).frame
            names = [f"a={level}" for level in rows["a"]]
            agree(rows, f"panel/made/{kind}/refusals/{delta}", names)

    def test_a_planted_difference_comes_back(self):
        """Whoever says yes refuses more often; the delta of the refusals is known, and gives back the true level."""
        rng = np.random.default_rng(4)
        size = 300_000
        group = rng.choice(["a", "b"], size)
        y = (rng.random(size) < np.where(group == "a", 0.3, 0.6)).astype(float)
        gone = rng.random(size) < np.where(y == 1, 0.3, 0.1)
        frame = pd.DataFrame({"y": np.where(gone, np.nan, y), "g": group})
        odds = (0.3 / 0.1) * (0.9 / 0.7)  # of yes among refusals over others
        found = panel.refusals(
            tl.SurveyDesign(frame, weight=None), "y", ["g"], [0, np.log(odds)]
        ).frame
        true = pd.Series(y).groupby(group).mean()
        first = found[found["delta"] == 0]
        last = found[found["delta"] > 0]
        np.testing.assert_allclose(last["estimate"], true, atol=0.006)
        assert (np.abs(first["estimate"].to_numpy() - true) > 0.04).all()

    def test_only_one_group_may_differ(self):
        own = design("taylor", self.frame())
        found = panel.refusals(own, "y", ["a"], [0, 1], only={"a": "yes"})
        value = found.frame.set_index(["a", "delta"])["estimate"]
        assert value["no", 0.0] == value["no", 1.0]
        assert value["yes", 0.0] < value["yes", 1.0]
        gaps = tl.comparisons(found, {"a": "no"}).frame
        assert gaps["delta"].tolist() == [0, 1]

    def test_kinds_of_missing(self):
        frame = self.frame()
        kinds = np.where(frame["y"].isna(), "not asked", None)
        kinds[6::14] = "prefer not to say"
        own = design("taylor", frame.assign(y_missing=kinds))
        found = panel.refusals(own, "y", ["a"], [60.0]).frame  # all who refuse say yes
        refusing = frame["y"].isna() & (kinds == "prefer not to say")
        answered = frame["y"].notna()
        assert refusing.sum() < frame["y"].isna().sum()
        for row in found.to_dict("records"):
            here = frame["a"] == row["a"]
            yes = frame["w"][here & (refusing | (frame["y"] == 1))].sum()
            all_of_them = frame["w"][here & (refusing | answered)].sum()
            assert row["estimate"] == pytest.approx(yes / all_of_them, rel=1e-9)
            assert row["n"] == (here & answered).sum()

    def test_few_refusals_are_not_shown(self):
        frame = pd.DataFrame({"g": ["a"] * 100, "y": [1.0, 0.0] * 50})
        frame.loc[:3, "y"] = np.nan
        own = tl.SurveyDesign(frame, weight=None)
        with pytest.raises(tl.DisclosureError):
            tl.table(panel.refusals(own, "y", ["g"], [0.0]))


class TestThePicturesOfTheBook:
    """What the pages draw is what the functions give."""

    @pytest.fixture
    def headline(self) -> Headline:
        """The printed gap of 2024, with the printed sizes of the two groups."""
        figures = load_figures(ROOT / "data" / "published" / "figures.csv")
        value = figures.set_index("id")["value"]
        first, second = value[["R24-009", "R24-010"]] / value["R24-001"]
        both, neither = value[["R24-017", "R24-018"]] / 100
        return Headline(both, neither, first, second)

    def test_the_picture_of_the_headline_is_yes_sayers(self, headline):
        size = 1_000_000
        people_both = headline.part * size
        counts = {
            ("no", "no"): (size - people_both, headline.neither),
            ("yes", "yes"): (people_both, headline.both),
        }
        rows = [
            (a, b, y, n * share)
            for (a, b), (n, level) in counts.items()
            for y, share in ((1.0, level), (0.0, 1 - level))
        ]
        frame = pd.DataFrame(rows, columns=["a", "b", "y", "w"])
        with pytest.warns(tl.FewPSUWarning):
            cells = tl.compress(tl.SurveyDesign(frame, weight="w"), "y", ["a", "b"])
        for share in (0.01, 0.03):
            value = panel.yes_sayers(cells, share).frame["estimate"]
            gap = value.iloc[1] - value.iloc[0]
            assert headline.gap_without(share) == pytest.approx(gap, rel=1e-9)
        undone = panel.yes_sayers(cells, headline.vanishes).frame["estimate"]
        assert undone.iloc[0] == pytest.approx(undone.iloc[1], abs=1e-12)

    @pytest.mark.parametrize("share", [0.01, 0.05, 0.12])
    @pytest.mark.parametrize("true", [0.2, 0.47])
    def test_planted_ones_come_back_where_the_others_are_independent(self, share, true):
        first, second = 0.2, 0.3  # among the others
        others = (1 - share) * first * second
        level = (share + others * true) / (share + others)
        headline = Headline(
            level,
            true,
            share + (1 - share) * first,
            share + (1 - share) * second,
        )
        assert headline.vanishes_among == pytest.approx(share, rel=1e-9)
        assert headline.vanishes < share

    def test_people_outside_are_tipping_points(self, headline):
        cells = crossed({
            ("man", "majority"): (530, 470), ("woman", "minority"): (180, 820),
            ("man", "minority"): (50, 50), ("woman", "majority"): (50, 50),
        })  # fmt: skip
        gaps = tl.comparisons(tl.cell_means(cells)).where(
            "(gender == 'woman') & (ethnicity == 'minority')"
        )
        for outside in (0.25, 0.5, 1.0):
            points = panel.tipping_points(gaps, outside).frame.set_index("target")
            needed = points.loc["vanish", "estimate"]
            assert headline.needed(outside) == pytest.approx(needed)

    def test_the_example_is_the_planted_one(self):
        levels = tl.cell_means(example(0.2, 0.5, 0.05)).frame["estimate"]
        assert levels.round(3).tolist() == [0.5, 0.5, 0.5, 0.784]

    def test_a_curve_says_up_to_where_the_gap_is_clear(self):
        cells = plain_cells(panel_of(HALF, 0.05, size=4000), ["a", "b"])
        curve = panel.yes_sayer_curve(cells, [0.0, 0.02, 0.05])
        picture = curve_picture(curve)
        assert picture.title == "The gap is clear up to 2 yes-sayers in a hundred"
        assert len(picture.rows) == len(curve)
        refused(lambda: curve_picture(tl.cell_means(cells)), *ESTIMAND, "shares")
        text = undone_in_short(panel.yes_sayer_shares(cells)).text
        assert "The gap would vanish if 5.0 percent" in text
        refused(lambda: undone_in_short(curve), *ESTIMAND, "difference")

    def test_a_curve_of_strata(self):
        cells = cells_of(people(3, n=4000), design={"weight": None})
        identities = ["ethnicity", "disability"]
        picture = curve_picture(panel.yes_sayer_curve(cells, [0.0, 0.01], identities))
        groups = dict.fromkeys(row.name.group for row in picture.rows)
        assert list(groups) == [
            "Gap, man", "Interaction, man", "Gap, woman", "Interaction, woman"
        ]  # fmt: skip
        text = undone_in_short(panel.yes_sayer_shares(cells, identities)).text
        assert "The gap woman" in text

    @pytest.mark.browser
    def test_the_sliders_have_the_numbers_of_the_functions(self, chromium, headline):
        """What the script says at each place of the sliders, beside the functions."""
        page = chromium.new_page()
        page.set_content(skeleton("x", headline))
        page.add_script_tag(path=WEB / "panel.js")
        most = float(page.locator("#panel-share").get_attribute("max"))
        for share, outside, more in [
            (0, 0, 0),
            (2, 30, 10),
            (most, 100, 53),
            (1.3, 70, -47),
        ]:
            for name, value in [("share", share), ("outside", outside), ("more", more)]:
                page.locator(f"#panel-{name}").fill(str(value))
            expected = headline.gap_of_all(share / 100, outside / 100, more / 100)
            said = page.locator("#panel-said").inner_text()
            assert f"{number(expected, 'difference')} points for everybody" in said
            both = number(headline.level_without(share / 100), "level")
            assert f"people who are both are at {both} percent" in said
            computed = page.evaluate(
                "([of, state]) => trustPanel.all(of, state)",
                [
                    {
                        "part": headline.part,
                        "both": headline.both,
                        "neither": headline.neither,
                    },
                    {
                        "share": share / 100,
                        "outside": outside / 100,
                        "more": more / 100,
                    },
                ],
            )
            assert computed == pytest.approx(expected, rel=1e-12)
        page.close()

    @pytest.mark.browser
    def test_arrow_keys_move_the_sliders(self, chromium, headline):
        page = chromium.new_page()
        page.set_content(skeleton("x", headline))
        page.add_script_tag(path=WEB / "panel.js")
        page.locator("#panel-outside").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("#panel-outside-value").inner_text() == "1"
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert page.locator("#panel-more-value").inner_text() == "+1.0"
        page.close()

    def test_an_option_that_is_no_number_is_refused(self):
        refused(lambda: numbers("1 two"), *ESTIMAND, "no number")


CELLS = cells_of(people(3), AXES)
LEVELS = tl.cell_means(large_cells())
GAPS = tl.comparisons(LEVELS)
OWN = {"gender": {"man": 0.5, "woman": 0.5}}
CASES = {
    "no cells": (lambda: panel.yes_sayers(LEVELS, 0.1), *ESTIMAND, "Cells"),
    "a negative share": (lambda: panel.yes_sayers(CELLS, -0.1), *ESTIMAND, "-0.1"),
    "a share of all": (lambda: panel.yes_sayers(CELLS, 1), *ESTIMAND, "below 1"),
    "a percentage": (lambda: panel.yes_sayers(CELLS, "5 %"), *ESTIMAND, "0.05"),
    "no number": (lambda: panel.yes_sayers(CELLS, np.nan), *ESTIMAND, "nan"),
    "true": (lambda: panel.yes_sayers(CELLS, True), *ESTIMAND, "True"),
    "no such axis": (lambda: panel.yes_sayers(CELLS, 0.01, ["age"]), *UNKNOWN, "age"),
    "no such level": (
        lambda: panel.yes_sayers(CELLS, 0.01, says={"gender": "womn"}), *UNKNOWN, "woman"
    ),
    "an answer to no identity": (
        lambda: panel.yes_sayers(CELLS, 0.01, ["gender"], {"disability": "yes"}),
        *UNKNOWN, "disability",
    ),
    "no mapping": (lambda: panel.yes_sayers(CELLS, 0.01, says=["yes"]), *ESTIMAND, "list"),
    "no such interval": (
        lambda: panel.yes_sayers(CELLS, 0.01, interval="walt"), *UNKNOWN, "wald"
    ),
    "too many": (lambda: panel.yes_sayers(CELLS, 0.8), *ESTIMAND, "0.8"),
    "no identity": (
        lambda: panel.yes_sayer_shares(cells_of(people(3), [])), *ESTIMAND, "no identity"
    ),
    "no gap": (lambda: panel.yes_sayer_curve(CELLS, identities=[]), *ESTIMAND, "no identity"),
    "no curve": (lambda: panel.yes_sayer_curve(CELLS, [0.9]), *ESTIMAND, "smaller"),
    "no gaps": (lambda: panel.tipping_points(LEVELS, 0.1), *ESTIMAND, "level"),
    "ratios": (
        lambda: panel.tipping_points(tl.comparisons(LEVELS, scale="ratio"), 0.1),
        *ESTIMAND, "ratio",
    ),
    "nobody outside": (lambda: panel.tipping_points(GAPS, 0), *ESTIMAND, "above 0"),
    "more than all": (lambda: panel.tipping_points(GAPS, 1.2), *ESTIMAND, "1.2"),
    "twice": (
        lambda: panel.tipping_points(panel.tipping_points(GAPS, 0.1), 0.1), *ESTIMAND, "tipping"
    ),
    "other levels": (
        lambda: panel.tipping_points(GAPS, 0.1, tl.cell_means(CELLS)), *ESTIMAND, "levels"
    ),
    "levels of others": (
        lambda: panel.tipping_points(
            GAPS, 0.1, tl.cell_means(cells_of(people(1), ["gender", "ethnicity"]))
        ),
        *ESTIMAND, "levels",
    ),
    "a certain truth": (lambda: panel.data_defect(CELLS, 1, 1e6), *ESTIMAND, "between"),
    "a small population": (lambda: panel.data_defect(CELLS, 0.5, 20), *ESTIMAND, "larger"),
    "two truths": (lambda: panel.data_defect(CELLS, [0.1, 0.2], 1e6), *ESTIMAND, "1 groups"),
    "no margin": (lambda: panel.unadjusted_bias(CELLS, OWN), *UNKNOWN, "ethnicity"),
    "no phi": (lambda: panel.unadjusted_bias(CELLS, OWN, phis=[2]), *ESTIMAND, "phi"),
    "no refusals": (
        lambda: panel.refusals(tl.SurveyDesign(people(1), **DESIGN), "y", ["gender"]),
        *ESTIMAND, "refused",
    ),
    "no deltas": (
        lambda: panel.refusals(tl.SurveyDesign(people(1), **DESIGN), "y", ["gender"], []),
        *ESTIMAND, "log odds",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "builtin", "words"), [
    pytest.param(call, kind, builtin, words, id=name)
    for name, (call, kind, builtin, *words) in CASES.items()
])  # fmt: skip
def test_refusals(call, kind, builtin, words):
    refused(call, kind, builtin, *words)


def test_what_is_supposed_is_no_axis_of_an_attack():
    """Levels of refusals for several deltas are of the same people, and no counts of answers follow from them."""
    own = design("taylor", TestRefusals().frame())
    levels = panel.refusals(own, "y", ["a"], [0.0, 1.0]).frame
    rows = _rows(levels, ["a", "delta"], levels["estimate"])
    assert [row.cells for row in rows] == [[{"a": "no"}]] * 2 + [[{"a": "yes"}]] * 2
    assert all(np.isnan(row.yes) for row in rows)
    assert [row.n for row in rows] == levels["n"].tolist()
