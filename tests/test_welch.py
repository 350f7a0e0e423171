"""Degrees of freedom of sums over independent samples: by hand, as R's t.test, and through files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import trustlib as tl
from trustlib.intervals import INTERVALS
from trustlib.variance import Part, PooledScatter, joint_df, welch_df

HERE = Path(__file__).resolve().parent
REFERENCE = pd.read_csv(HERE / "reference" / "welch.csv")
SAMPLES = {
    "few": (np.arange(7) * 7) % 10 < 4,
    "some": (np.arange(30) * 7) % 11 < 4,
    "many": (np.arange(4000) * 3) % 11 < 3,
}
pytestmark = pytest.mark.filterwarnings("ignore::trustlib.FewPSUWarning")


def clustered(seed, psus, each, shift=0.0, axes=("g",)):
    """Cells of a sample whose PSUs differ."""
    rng = np.random.default_rng(seed)
    psu = np.repeat(np.arange(psus), each)
    size = len(psu)
    frame = pd.DataFrame({"psu": psu, "w": 1 + rng.random(size)})
    frame["g"] = np.array(["man", "woman"])[rng.integers(2, size=size)]
    frame["e"] = np.array(["majority", "minority"])[rng.integers(2, size=size)]
    chance = 0.4 + shift + 0.1 * rng.standard_normal(psus)[psu]
    chance = chance + 0.08 * (frame["g"] == "woman") + 0.1 * (frame["e"] == "minority")
    frame["y"] = (rng.random(size) < chance.clip(0.05, 0.95)).astype(float)
    return tl.compress(tl.SurveyDesign(frame, "w", psu="psu"), "y", list(axes))


def by_hand(variances, df):
    """The formula, written out."""
    variances, df = np.asarray(variances, float), np.asarray(df, float)
    return variances.sum() ** 2 / (variances**2 / df).sum()


def plain(name):
    frame = pd.DataFrame({"y": SAMPLES[name].astype(float)})
    return tl.compress(tl.SurveyDesign(frame, weight=None), "y", [])


@pytest.mark.parametrize("scenario", REFERENCE["scenario"].unique())
def test_change_as_welchs_t_test(scenario):
    _, before, after = scenario.split("/")
    levels = {name: tl.cell_means(plain(name)) for name in (before, after)}
    found = tl.change(tl.stack(levels, "sample"), over="sample", within=None).frame
    expected = REFERENCE.query("scenario == @scenario").set_index("quantity")["value"]
    columns = expected.index.map(lambda q: "std_error" if q == "se" else q)
    np.testing.assert_allclose(found.iloc[0][columns], expected, rtol=1e-10)


def test_change_and_average_by_hand():
    cells = {
        "2019": clustered(1, 6, 40),
        "2022": clustered(2, 12, 30, 0.1),
        "2024": clustered(3, 150, 4, 0.2),
    }
    gaps = {k: tl.comparisons(tl.cell_means(c), {"g": "man"}) for k, c in cells.items()}
    stacked = tl.stack(gaps, "wave")
    v = stacked.frame["std_error"].to_numpy() ** 2
    df = np.array([c.df for c in cells.values()])
    assert stacked.frame["df"].tolist() == df.tolist() == [5, 11, 149]
    mean = tl.average(stacked, over="wave").frame.iloc[0]
    assert mean["df"] == pytest.approx(by_hand(v / 9, df), rel=1e-10)
    two = tl.change(stacked.where("wave != '2022'"), over="wave", within=None)
    row = two.frame.iloc[0]
    assert row["df"] == pytest.approx(by_hand(v[[0, 2]], df[[0, 2]]), rel=1e-10)
    half = stats.t.ppf(0.975, row["df"]) * row["std_error"]
    assert row["conf_high"] == pytest.approx(row["estimate"] + half, rel=1e-10)
    p = 2 * stats.t.sf(abs(row["statistic"]), row["df"])
    assert row["p_value"] == pytest.approx(p, rel=1e-10)


def test_ratios_take_the_variance_of_logarithms():
    cells = clustered(4, 6, 60), clustered(5, 80, 5, 0.1)
    ratios = {
        str(i): tl.comparisons(tl.cell_means(c), {"g": "man"}, scale="ratio")
        for i, c in enumerate(cells)
    }
    stacked = tl.stack(ratios, "wave")
    v = (stacked.frame["std_error"] / stacked.frame["estimate"]).to_numpy() ** 2
    found = tl.change(stacked, within=None).frame["df"].iloc[0]
    assert found == pytest.approx(by_hand(v, [5, 79]), rel=1e-10)


def test_rows_of_one_sample_keep_its_df():
    levels = {
        "a": tl.cell_means(clustered(6, 6, 40)),
        "b": tl.cell_means(clustered(7, 90, 4)),
    }
    gaps = tl.comparisons(tl.stack(levels, "wave"), {"g": "man"})
    np.testing.assert_allclose(gaps.frame["df"], [5, 89], rtol=1e-12)
    assert "Welch-Satterthwaite" in gaps.convention


def test_a_stack_of_stacks_is_one_stack():
    cells = {str(i): clustered(10 + i, 6 + 9 * i, 40 - 5 * i) for i in range(4)}
    gaps = {k: tl.comparisons(tl.cell_means(c), {"g": "man"}) for k, c in cells.items()}
    two = tl.stack({k: gaps[k] for k in "01"}, "wave")
    other = tl.stack({k: gaps[k] for k in "23"}, "wave")
    nested = tl.stack(
        {"x": tl.change(two, within=None), "y": tl.change(other, within=None)},
        "country",
    )
    v = np.concatenate([two.frame["std_error"], other.frame["std_error"]]) ** 2
    found = tl.average(nested).frame["df"].iloc[0]
    assert found == pytest.approx(by_hand(v / 4, [c.df for c in cells.values()]), 1e-10)


# -- merged cells -------------------------------------------------------------------------------------------------------


def parts_of(cells, parts, interval="wald"):
    """Variance (parts, groups) of merged levels that each office adds, from its residuals."""
    merged = tl.cell_means(tl.Cells.merge(parts)).frame
    out = []
    for part in parts:
        frame = part.frame
        rows = []
        for _, level in merged.iterrows():
            inside = (frame["g"] == level["g"]).to_numpy(float)
            total = sum(
                p.frame["sum_w"][(p.frame["g"] == level["g"])].sum() for p in parts
            )
            a = np.hstack([-inside * level["estimate"], inside]) / total
            rows.append(a)
        out.append(np.diag(part.scatter.covariance(np.array(rows))))
    return np.array(out)


def test_merged_levels_by_hand():
    parts = [clustered(20, 6, 60), clustered(21, 100, 6)]
    merged = tl.Cells.merge(parts)
    assert merged.df == 5 + 99  # R's degf; no estimate takes it
    frame = tl.cell_means(merged).frame
    v = parts_of(merged, parts)
    np.testing.assert_allclose(frame["std_error"] ** 2, v.sum(axis=0), rtol=1e-10)
    expected = [by_hand(column, [5, 99]) for column in v.T]
    np.testing.assert_allclose(frame["df"], expected, rtol=1e-10)
    for interval in INTERVALS:
        again = tl.cell_means(merged, interval=interval).frame
        np.testing.assert_allclose(again["df"], expected, rtol=1e-10)
        assert again["conf_low"].notna().all()


def test_merged_models_and_margins():
    parts = [
        clustered(22, 6, 60, axes=("g", "e")),
        clustered(23, 100, 6, axes=("g", "e")),
    ]
    merged = tl.Cells.merge(parts)
    fit = tl.fit_logit(merged, "g + e")
    pieces = fit.parts
    total = sum(piece.vcov for piece in pieces)
    np.testing.assert_allclose(total, fit.vcov, rtol=1e-8, atol=1e-14)
    by_row = [by_hand([p.vcov[i, i] for p in pieces], [5, 99]) for i in range(3)]
    frame = tl.coefficients(fit).frame
    np.testing.assert_allclose(frame["df"], np.array(by_row) - 2, rtol=1e-10)
    probabilities = tl.predictions(fit, ["g"])
    assert (probabilities.frame["df"] < 104).all()
    assert (probabilities.frame["df"] >= 5).all()
    gap = tl.comparisons(probabilities, {"g": "man"}).frame.iloc[0]
    test = fit.term_test("g").loc["adjusted"]
    assert test["df_den"] == pytest.approx(by_row[1], rel=1e-8)
    assert 5 <= gap["df"] <= 104


def test_joint_df_is_welchs_for_one_and_does_not_turn():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 3))
    parts = [Part(np.arange(3), a @ a.T, 6.0), Part(np.arange(3), b @ b.T, 900.0)]
    whole = a @ a.T + b @ b.T
    turn = rng.standard_normal((3, 3))
    turned = [part.moved(turn) for part in parts]
    assert joint_df(parts, whole) == pytest.approx(
        joint_df(turned, turn @ whole @ turn.T), rel=1e-8
    )
    one = [part.moved(turn[:1]) for part in parts]
    single = welch_df(one, 1)[0]
    assert joint_df(one, turn[:1] @ whole @ turn[:1].T) == pytest.approx(single)
    assert 6 <= single <= 906


def test_merged_cells_keep_their_samples_in_a_file(tmp_path):
    parts = [clustered(24, 6, 200), clustered(25, 100, 20), clustered(26, 30, 20)]
    merged = tl.Cells.merge(parts)
    sealed = merged.seal()
    again = tl.Cells.read(merged.write(tmp_path / "merged.parquet"))
    expected = tl.cell_means(merged).frame
    for cells in (sealed, again, tl.Cells.merge([p.seal() for p in parts])):
        assert cells.sealed
        assert isinstance(cells.scatter, PooledScatter)
        pd.testing.assert_frame_equal(tl.cell_means(cells).frame, expected, rtol=1e-9)
    later = tl.Cells.merge([tl.Cells.merge(parts[:2]), parts[2]])
    pd.testing.assert_frame_equal(tl.cell_means(later).frame, expected, rtol=1e-9)


def test_small_samples_leave_as_their_sum_with_the_fewest_df(tmp_path):
    """The covariance of cells that could not be sealed alone does not leave; no interval becomes too short."""
    parts = [clustered(27, 6, 3), clustered(28, 100, 20)]
    merged = tl.Cells.merge(parts)
    again = tl.Cells.read(merged.write(tmp_path / "merged.parquet"))
    frame, own = tl.cell_means(again).frame, tl.cell_means(merged).frame
    assert not isinstance(again.scatter, PooledScatter)
    assert set(frame["df"]) == {5.0}
    assert "fewest" in again.variance
    np.testing.assert_allclose(frame["std_error"], own["std_error"], rtol=1e-9)
    assert (frame["conf_high"] >= own["conf_high"]).all()


def test_damaged_samples_are_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tl.Cells.merge([clustered(29, 6, 200), clustered(30, 90, 20)]).write(
        tmp_path / "m.parquet"
    )
    table = pq.read_table(path)
    rows = [[2 * v for v in row] for row in table["_cov_w_0"].to_pylist()]
    at = table.schema.get_field_index("_cov_w_0")
    pq.write_table(table.set_column(at, "_cov_w_0", pa.array(rows)), path)
    with pytest.raises(tl.SurveyFileError, match="damaged"):
        tl.Cells.read(path)


def test_a_level_without_variance_takes_the_fewest_df():
    few = pd.DataFrame({"y": [0.0] * 12, "psu": [0, 1, 2] * 4})
    many = pd.DataFrame({"y": [0.0] * 40, "psu": range(40)})
    parts = [
        tl.compress(tl.SurveyDesign(f, None, psu="psu"), "y", []) for f in (few, many)
    ]
    row = tl.cell_means(tl.Cells.merge(parts), interval="wilson").frame.iloc[0]
    assert row["df"] == 2
    assert row["conf_high"] > 0


def test_welch_covers_where_the_sum_of_df_does_not():
    """6 units beside a sample that varies a third as much: 95 of 100, with the sum of df far fewer."""
    rng = np.random.default_rng(8)
    draws = 40_000
    few = rng.standard_normal((draws, 6))
    value = few.mean(axis=1) + np.sqrt(1 / 24) * rng.standard_normal(draws)
    v = few.var(axis=1, ddof=1) / 6
    many = np.full(draws, 1 / 24)
    rows = np.arange(draws)
    df = np.array(
        [by_hand([a, b], [5, 4000]) for a, b in zip(v[:200], many[:200], strict=True)]
    )
    parts = [
        Part(rows[:200], np.diag(v[:200]), 5.0),
        Part(rows[:200], np.diag(many[:200]), 4000.0),
    ]
    np.testing.assert_allclose(welch_df(parts, 200), df, rtol=1e-10)
    every = (v + many) ** 2 / (v**2 / 5 + many**2 / 4000)
    size = np.abs(value) / np.sqrt(v + many)
    assert 0.94 < (size < stats.t.ppf(0.975, every)).mean() < 0.96
    assert (size < stats.t.ppf(0.975, 4005)).mean() < 0.925
