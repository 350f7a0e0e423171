"""Real people of 2024 and of 2022: mapping, cells, replicate errors, the rule for clear, what may be joined."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from trustbook.clear import CLEAR, NOT_CLEAR, OPEN, judge
from trustbook.comparable import joined, load_comparable, refusal
from trustbook.participation import adults, participation
from trustbook.replicates import (
    SUFFIX,
    Stored,
    contrasts_of,
    one_way_model,
    participation_model,
    read_stored,
    row_names,
)
from trustbook.sealing import RELATIVE, largest_difference, load_cell_plan, make_cells
from trustbook.sphinx.finding import VERDICT_TABLES
from trustbook.trials import Trials
from trustbook.twice import NEVER, ONCE, TOGETHER, TURNED, TWICE, Twice, seen
from trustlib.adjustment import benjamini_hochberg, holm
from trustlib.disclosure import MINIMUM
from trustlib.errors import EstimandError, RunError

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
PLAN = DATA / "hints7" / "cells.yml"
FILES = sorted((DATA / "hints7" / "cells").glob("*.parquet"))
LISTED = DATA / "comparable.yml"
REFERENCE = pd.read_csv(ROOT / "tests/reference/hints7.csv")
R = REFERENCE.set_index(["scenario", "quantity", "name"])["value"]
PAIR = "discriminated-ethnicity-disability"
CELLS_OF = {
    "discriminated_in_care": "discriminated",
    "mistrust_2024": "mistrust_2024",
    "poor_quality_2024": "poor_quality_2024",
    "poor_listening_2024": "poor_listening_2024",
    "trial_participant": "trial",
}
pytestmark = pytest.mark.filterwarnings(
    "ignore::trustlib.MissingRowsWarning", "ignore::trustlib.ProtectiveExposureWarning"
)


def cells(name: str, survey: int = 7) -> tl.Cells:
    return tl.Cells.read(DATA / f"hints{survey}" / "cells" / f"{name}.parquet")


@pytest.fixture(scope="module")
def file(data_file):
    return data_file("hints7", "hints7_extract.csv.gz")


@pytest.fixture(scope="module")
def raw(file):
    return pd.read_csv(file, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def people(file):
    return tl.read_survey(file, DATA / "hints7" / "mapping.yml")


# The mapping


def test_nobody_of_whom_a_group_is_unknown_is_counted_as_in_none(raw, people):
    known = {"Yes", "No"}
    limits = [f"HealthLimits_{name}" for name in ("Deaf", "Blind", "Mobility")]
    yes = (
        (raw["BirthSex"] == "Female")
        | raw["RaceEthn5"].isin(
            [
                "Hispanic",
                "Non-Hispanic Asian",
                "Non-Hispanic Other",
                "Non-Hispanic Black or African American",
            ]
        )
        | (raw[limits] == "Yes").any(axis=1)
        | raw["SexualOrientation_Recode"].isin(
            ["Lesbian or gay", "Bisexual", "Something else"]
        )
    )
    no = (
        (raw["BirthSex"] == "Male")
        & (raw["RaceEthn5"] == "Non-Hispanic White")
        & (raw[limits] == "No").all(axis=1)
        & raw["SexualOrientation_Recode"].str.startswith("Straight")
    )
    assert raw[limits].isin(known).all(axis=1).sum() > 6000
    marginalised = people["marginalised"].astype(object)
    assert ((marginalised == "yes") == yes).all()
    assert ((marginalised == "no") == no).all()
    assert marginalised.isna().sum() == (~yes & ~no).sum() > 0


def test_something_else_counts_and_who_does_not_know_is_missing(raw, people):
    orientation = raw["SexualOrientation_Recode"]
    assert (orientation == "Something else").sum() == 35
    assert (people.loc[orientation == "Something else", "lgbtq"] == "yes").all()
    assert people.loc[orientation == "Don't know", "lgbtq"].isna().all()
    assert people.loc[raw["BirthSex"] == "Don't know", "gender"].isna().all()
    unknown = raw["ExpClinTrial"].str.startswith("I don't know")
    assert people.loc[unknown, "trial_participant"].isna().all()
    assert (people.loc[unknown, "trial_participant_reported"] == 0).all()


def test_the_questions_of_the_two_surveys_share_no_name():
    questions = []
    for survey in ("hints6", "hints7"):
        plan = load_cell_plan(DATA / survey / "cells.yml")
        questions.append({spec.outcome for spec in plan.sets.values()})
    assert not questions[0] & questions[1]


# The cells


def test_the_plan_and_the_committed_files_agree_and_hold_enough_people():
    assert sorted(path.stem for path in FILES) == sorted(load_cell_plan(PLAN).sets)
    for path in FILES:
        sealed = tl.Cells.read(path)
        assert sealed.sealed, path.stem
        assert sealed.source["id"] == "hints7", path.stem
        assert (sealed.frame["n"] >= 2 * MINIMUM).all(), path.stem


def test_the_cells_made_from_the_file_are_the_committed_ones(file):
    made = make_cells(load_cell_plan(PLAN), file)
    worst = {
        path.stem: largest_difference(made[path.stem], tl.Cells.read(path))
        for path in FILES
    }
    assert max(worst.values()) < RELATIVE, worst


def test_no_table_of_four_identities_with_sexual_orientation_passes_the_gate(people):
    design = tl.SurveyDesign(people, **tl.declared_design(DATA / "hints7/mapping.yml"))
    by = ["gender", "ethnicity", "disability", "lgbtq"]
    for outcome in ("discriminated_in_care", "mistrust_2024", "low_trust_2024"):
        with pytest.raises(tl.DisclosureError):
            tl.compress(design, outcome, by).seal()


# Against R


def _levels(outcome: str, axes: tuple[str, ...]) -> tuple[tl.Estimates, tl.Estimates]:
    """Levels from committed cells, by Taylor linearisation and by the stored file."""
    name = CELLS_OF[outcome]
    path = DATA / "hints7/replicates.csv"
    if not axes:
        own = tl.cell_means(cells(name))
        stored = Stored.read(path, name, "").of(name, "")
        return own, stored.primary(own, "everyone")
    sealed = cells(f"{name}-ethnicity-disability")
    own = tl.cell_means(sealed, list(axes))
    model = "ethnicity * disability"
    stored = Stored.read(path, f"{name}-ethnicity-disability", model, axes)
    return own, stored.primary(own, "levels")


@pytest.mark.parametrize("outcome", CELLS_OF)
def test_everyone_is_r_by_both_variances(outcome):
    for design, each in zip(("taylor", "jk1"), _levels(outcome, ()), strict=True):
        own = each.frame.iloc[0]
        scenario = f"hints7/{design}/{outcome}/levels/all"
        for column, quantity in (("estimate", "estimate"), ("std_error", "se")):
            assert own[column] == pytest.approx(R[scenario, quantity, "all"], rel=1e-8)
        assert own["df"] == R[scenario, "df", "design"]


@pytest.mark.parametrize(
    "outcome", ["discriminated_in_care", "mistrust_2024", "poor_quality_2024"]
)
def test_the_four_cells_gaps_and_both_scales_are_r_by_both_variances(outcome):
    name = f"{CELLS_OF[outcome]}-ethnicity-disability"
    fit = tl.fit_logit(cells(name), "ethnicity * disability")
    probabilities = tl.predictions(fit, by=["ethnicity", "disability"])
    together = tl.interactions(probabilities, "ethnicity", "disability")
    stored = Stored.read(
        DATA / "hints7/replicates.csv",
        name,
        "ethnicity * disability",
        ["ethnicity", "disability"],
    )
    compared = 0
    for design in ("taylor", "jk1"):
        root = f"hints7/{design}/{outcome}"
        for table, own, kind in (
            ("predictions", probabilities, "levels"),
            ("gaps", tl.comparisons(probabilities), "levels_differences"),
        ):
            each = own if design == "taylor" else stored.primary(own, table)
            frame = each.frame.assign(key=row_names(own))
            for _, row in frame.iterrows():
                rname = f"ethnicity={row['ethnicity']};disability={row['disability']}"
                if table == "gaps":
                    rname += " - ethnicity=majority;disability=not disabled"
                scenario = f"{root}/{kind}/ethnicity,disability"
                assert row["estimate"] == pytest.approx(
                    R[scenario, "estimate", rname], rel=1e-7, abs=1e-10
                )
                assert row["std_error"] == pytest.approx(
                    R[scenario, "se", rname], rel=1e-7
                )
                compared += 1
        own = (
            together if design == "taylor" else stored.primary(together, "interaction")
        )
        delta = own.frame.query("method == 'delta'").set_index("measure")
        scenario = f"{root}/interactions/ethnicity,disability"
        for measure in ("interaction_contrast", "ratio_of_rr", "reri_rr"):
            row = delta.loc[measure]
            assert row["std_error"] == pytest.approx(
                R[scenario, "se", measure], rel=1e-6
            )
            compared += 1
    assert compared == 2 * (4 + 3 + 3)


def test_a_model_is_r_by_both_variances():
    name = "discriminated-gender-ethnicity-disability"
    formula = "gender + ethnicity + disability"
    fit = tl.fit_logit(cells(name), formula)
    odds = tl.coefficients(fit, scale="odds_ratio").where("term != 'Intercept'")
    stored = Stored.read(DATA / "hints7/replicates.csv", name, formula)
    primary = stored.primary(odds, "odds_ratios")
    for design, each in (("taylor", odds), ("jk1", primary)):
        scenario = f"hints7/{design}/discriminated_in_care/logit/{formula}"
        for _, row in each.frame.iterrows():
            se = row["std_error"] / row["estimate"]
            assert se == pytest.approx(R[scenario, "se", row["term"]], rel=1e-6)


def test_every_stored_error_is_one_of_fifty_replicates_with_49_df():
    for survey in ("hints6", "hints7"):
        every = read_stored(DATA / survey / "replicates.csv")
        assert every["variance"].str.startswith("50 replicate weights (JK1)").all()
        assert every.loc[every["table"] != "odds_ratios", "df"].eq(49).all()
        assert not every.duplicated(["cells", "model", "table", "row"]).any()


# A stored file that does not fit


def test_stored_errors_of_other_cells_are_refused(tmp_path):
    own = tl.cell_means(cells("discriminated"))
    path = DATA / "hints7/replicates.csv"
    stored = Stored.read(path, "", "")
    with pytest.raises(RunError, match="other estimates"):
        stored.of("mistrust_2024", "").primary(own, "everyone")
    with pytest.raises(RunError, match="has no row"):
        stored.of("discriminated", "gender").primary(own, "levels")
    assert Stored.read("", "a", "b").primary(own, "everyone") is own


# The rule for clear


@pytest.mark.parametrize(
    ("own", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]
)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_statsmodels(own, method, p):
    from statsmodels.stats.multitest import multipletests

    theirs = multipletests(p, method=method)[1]
    np.testing.assert_array_equal(own(p), theirs)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9))
def test_a_finding_is_clear_only_if_both_analyses_say_so(pairs):
    replicates, taylor = map(list, zip(*pairs, strict=True))
    for verdict, first, second in zip(
        judge(replicates, taylor), holm(replicates), holm(taylor), strict=True
    ):
        both = int(first < 0.05) + int(second < 0.05)
        assert verdict == {0: NOT_CLEAR, 1: OPEN, 2: CLEAR}[both]


def test_two_families_of_different_size_are_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        judge([0.1, 0.2], [0.1])


def test_the_contrast_that_taylor_alone_calls_clear_is_neither_clear_nor_refuted():
    every = contrasts_of(read_stored(DATA / "hints6/replicates.csv"))
    verdicts = judge(every["p_value"], every["taylor_p_value"])
    found = every.assign(verdict=verdicts).query("verdict != 'not clear'")
    assert found[["cells", "verdict"]].values.tolist() == [
        ["poor_quality-ethnicity-disability", OPEN]
    ]
    later = contrasts_of(read_stored(DATA / "hints7/replicates.csv"))
    assert set(judge(later["p_value"], later["taylor_p_value"])) == {NOT_CLEAR}
    turned = later[later["cells"] == "poor_quality_2024-ethnicity-disability"]
    assert turned["estimate"].iloc[0] > 0 > found["estimate"].iloc[0]


PAGES = sorted((ROOT / "book").glob("*.md")) + sorted(
    (ROOT / "book/evidence").glob("*.md")
)
OF_REAL_PEOPLE = re.compile(r"\{verdict\}|\{finding\}`(?:h[67y]|ht|st)-|HINTS")
# What states the rule, or says of a whole table what the test below computes.
NOT_A_VERDICT = re.compile(
    r"called clear|calls a finding clear|is called \*neither|neither clear nor|are clear in both|which in one|"
    r"Taylor linearisation alone|clear explanations|A clear|Below 0\.05 is clear"
)


def test_no_page_calls_a_finding_of_hints_clear_by_hand():
    wrong = []
    for page in PAGES:
        for line in page.read_text().splitlines():
            if not OF_REAL_PEOPLE.search(line):
                continue
            bare = NOT_A_VERDICT.sub("", re.sub(r"\{\w+\}`[^`]*`", "", line))
            said = re.search(r"\b(?:no|not|is|are) clear\b|\bclearly (?!larger)", bare)
            if said and "synthetic" not in line:
                wrong.append(f"{page.name}: {said[0]}: {line[:90]}")
    assert not wrong, "print the verdict with {verdict}"


def test_every_verdict_on_a_page_is_that_of_the_stored_errors():
    """The pages' verdicts, from committed files only: no run is needed."""
    known = yaml.safe_load((ROOT / "book/findings.yml").read_text())
    cited = set()
    for page in PAGES:
        cited |= set(re.findall(r"\{verdict\}`([\w-]+)`", page.read_text()))
    assert len(cited) > 30
    for name in cited:
        finding = known[name]
        by_rule = {*VERDICT_TABLES, "gaps_2022", "gaps_2024"}
        by_rule |= {"changes", "gap_changes", "everyone_change"}
        assert finding["table"] in by_rule, f"{name}: no rule gives it a verdict"
        assert finding.get("column", "estimate") == "estimate"


def test_prose_on_what_is_seen_twice_holds():
    """The sentences of the page that no role prints."""
    gaps = {}
    for survey, ending in ((6, ""), (7, "_2024")):
        every = read_stored(DATA / f"hints{survey}" / "replicates.csv")
        own = every[(every["model"] == one_way_model(["gender", "ethnicity"]))]
        own = own[own["table"] == "gaps"]
        is_care = own["cells"].str.startswith("poor_")
        minority = own[is_care & own["row"].str.contains("level=minority")]
        gaps[survey] = minority["estimate"]
        women = own[own["row"].str.contains("level=woman")]
        verdicts = judge(women["p_value"], women["taylor_p_value"])
        of_care = women["cells"].str.startswith("poor_").to_numpy()
        assert CLEAR not in np.array(verdicts)[of_care]
        assert ending or survey == 6
    assert len(gaps[6]) == len(gaps[7]) == 8
    assert (gaps[6] > 0).all()
    assert (gaps[7] > 0).all()


def committed(survey: int, axes: list[str]) -> list[Path]:
    """The sealed cells of the ten questions of the page, by some axes."""
    listed = yaml.safe_load(LISTED.read_text())["questions"]
    names = [entry["names"][f"hints{survey}"] for entry in listed.values()]
    folder = DATA / f"hints{survey}" / "cells"
    return [folder / f"{name}-{'-'.join(axes)}.parquet" for name in names]


def test_the_counts_of_seen_twice_are_those_of_the_page():
    """One, five and five of thirty, in words: no run has a row for them."""
    kinds = (["gender", "ethnicity"], ["lgbtq"])
    surveys = {
        f"hints{survey}": (
            DATA / f"hints{survey}" / "replicates.csv",
            [(committed(survey, axes), axes) for axes in kinds],
        )
        for survey in (6, 7)
    }
    table = Twice.read(LISTED, surveys).table.reset_index()
    counts = table["seen"].value_counts()
    assert len(table) == 30
    assert dict(counts) == {TWICE: 1, ONCE: 5, TOGETHER: 5, NEVER: 19}
    assert TURNED not in counts
    (twice,) = table[table["seen"] == TWICE].itertuples()
    assert (twice.question, twice.level) == ("quality", "minority")
    page = (ROOT / "book" / "seen-twice.md").read_text()
    words = "Of thirty gaps, one is clear in both surveys, five are clear in one of them, and five in neither, but in the mean of both."
    assert words in page


def test_no_ratio_of_the_page_on_trials_is_clear():
    """The chapter says so in words: ratios have no verdict that a role could print."""
    axes = {
        "gender-ethnicity-disability": ["gender", "ethnicity", "disability"],
        "ethnicity-age": ["age_band"],
        "gender-lgbtq": ["lgbtq"],
    }
    trials = Trials(DATA / "hints7" / "replicates.csv", axes)
    folder = DATA / "hints7" / "cells"
    frames = [
        trials.ratios(
            name,
            folder / f"trial-{name}.parquet",
            folder / f"trial_reported-{name}.parquet",
        ).frame
        for name in axes
    ]
    ratios = pd.concat(frames)
    assert set(judge(ratios["p_value"], ratios["taylor_p_value"])) == {NOT_CLEAR}
    assert ((ratios["conf_low"] < 1) & (ratios["conf_high"] > 1)).all()
    turning = ratios.loc[ratios["turns"], "level"].tolist()
    assert sorted(turning) == ["18-34", "majority", "minority"]


def test_the_gap_of_reasons_would_not_stay_clear_in_a_larger_family():
    """Feelings by disability, HINTS 6: among two gaps of its page, and with the gap by sex as a third."""
    every = read_stored(DATA / "hints6" / "replicates.csv")
    own = every[
        (every["table"] == "gaps") & every["cells"].str.startswith("poor_listening-")
    ]
    rows = {
        level: own[own["row"].str.contains(f"level={level}")].iloc[0]
        for level in ("disabled", "minority", "woman")
    }
    p = pd.DataFrame(rows).T[["p_value", "taylor_p_value"]].astype(float)
    two = p.loc[["disabled", "minority"]]
    assert judge(two["p_value"], two["taylor_p_value"])[0] == CLEAR
    assert judge(p["p_value"], p["taylor_p_value"])[0] == OPEN


def test_a_gap_is_seen_twice_only_on_the_same_side():
    up = pd.Series({"estimate": 0.1, "verdict": CLEAR})
    down = pd.Series({"estimate": -0.1, "verdict": CLEAR})
    none = pd.Series({"estimate": 0.1, "verdict": NOT_CLEAR})
    assert seen(up, down, CLEAR) == "turned round"
    assert seen(up, none, NOT_CLEAR) == "seen once"
    assert seen(none, none, NOT_CLEAR) == "not seen"


# What may be joined


def one_way(name: str, axes: list[str], survey: int) -> tl.Estimates:
    return tl.one_way(cells(name, survey), axes)


def discrimination() -> dict[str, tl.Estimates]:
    axes = ["gender", "ethnicity"]
    return {
        "hints6": one_way("treated_unfairly-gender-ethnicity", axes, 6),
        "hints7": one_way("discriminated-gender-ethnicity", axes, 7),
    }


def test_discrimination_of_the_two_surveys_is_not_put_together():
    parts = discrimination()
    refusals = (
        lambda: tl.stack(parts, over="wave"),
        lambda: tl.change(tl.stack(parts, over="wave"), within=None),
        lambda: tl.pool(tl.stack(parts, over="wave"), over="wave"),
        lambda: tl.Cells.merge([cells("treated_unfairly", 6), cells("discriminated")]),
    )
    for refused in refusals:
        with pytest.raises(EstimandError) as caught:
            refused()
        words = str(caught.value)
        assert "because of race or ethnicity" in words, words
        assert "prejudice" in words
        assert "side by side" in words
    reason = refusal(parts, load_comparable(LISTED))
    assert "names no ground" in reason


def test_trust_is_joined_with_both_readings_and_disability_is_not_joined():
    listed = load_comparable(LISTED)
    axes = ["gender", "ethnicity"]
    parts = {
        "hints6": one_way("mistrust-gender-ethnicity", axes, 6),
        "hints7": one_way("mistrust_2024-gender-ethnicity", axes, 7),
    }
    together = joined(parts, listed)
    assert any("Two readings" in note for note in together.notes)
    assert together.frame["wave"].unique().tolist() == ["2022", "2024"]
    both = ["ethnicity", "disability"]
    other = {
        "hints6": one_way("mistrust-ethnicity-disability", both, 6),
        "hints7": one_way("mistrust_2024-ethnicity-disability", both, 7),
    }
    with pytest.raises(EstimandError, match="asked otherwise"):
        joined(other, listed)


def test_a_change_by_replicates_has_98_df_and_the_root_of_both_squares():
    listed = load_comparable(LISTED)
    parts = {}
    for number, name in ((6, "poor_time"), (7, "poor_time_2024")):
        own = tl.cell_means(cells(name, number))
        stored = Stored.read(DATA / f"hints{number}/replicates.csv", "", "")
        parts[f"hints{number}"] = stored.of(name, "").primary(own, "everyone")
    moved = tl.change(joined(parts, listed), within=None).frame.iloc[0]
    before, after = [each.frame.iloc[0] for each in parts.values()]
    assert moved["df"] == 98
    assert moved["estimate"] == pytest.approx(after["estimate"] - before["estimate"])
    assert moved["std_error"] == pytest.approx(
        np.hypot(before["std_error"], after["std_error"])
    )


# Trials and totals


def test_participation_is_a_share_over_a_share_and_its_error_that_of_replicates(people):
    sealed = cells("trial-gender-ethnicity-disability")
    found = participation(sealed, ["ethnicity"]).frame.set_index("level")
    frame = sealed.frame
    for level in ("majority", "minority"):
        own = frame[frame["ethnicity"] == level]
        among = own["sum_wy"].sum() / frame["sum_wy"].sum()
        share = own["sum_w"].sum() / frame["sum_w"].sum()
        assert found.loc[level, "estimate"] == pytest.approx(among / share)
    # The weighted mean of the ratios, by population, is one.
    weights = frame.groupby("ethnicity", observed=True)["sum_w"].sum()
    mean = (found["estimate"] * weights).sum() / weights.sum()
    assert mean == pytest.approx(1)


@pytest.mark.parametrize("axis", ["gender", "ethnicity", "disability"])
def test_a_participation_ratio_is_r_by_both_variances(axis):
    """Of `svycontrast` of totals, and of `withReplicates`."""
    name = "trial-gender-ethnicity-disability"
    axes = ["gender", "ethnicity", "disability"]
    own = participation(cells(name), axes)
    path = DATA / "hints7/replicates.csv"
    stored = Stored.read(path, name, "").of(name, participation_model(axes))
    both = {"taylor": own, "jk1": stored.primary(own, "participation")}
    for variance, found in both.items():
        rows = found.frame.query("axis == @axis")
        for row in rows.itertuples():
            where = f"hints7/{variance}/trial_participant/participation"
            level = f"{axis}={row.level}"
            assert row.estimate == pytest.approx(R[where, "estimate", level], rel=1e-6)
            assert row.std_error == pytest.approx(R[where, "se", level], rel=1e-6)


def test_one_ratio_by_ethnicity_changes_its_side_when_dont_know_counts_as_no():
    ratios = [
        participation(cells(f"{name}-gender-ethnicity-disability"), ["ethnicity"])
        for name in ("trial", "trial_reported")
    ]
    first, second = [
        r.frame.set_index("level").loc["minority", "estimate"] for r in ratios
    ]
    assert (first - 1) * (second - 1) < 0


def test_the_numbers_that_others_printed():
    assert adults(cells("disability_told")).frame["estimate"].iloc[0] == pytest.approx(
        250_488_318, abs=0.5
    )
    assert adults(cells("trial-unweighted")).frame["estimate"].iloc[0] == pytest.approx(
        598, abs=1e-6
    )
    share = tl.cell_means(cells("always_involved")).frame["estimate"].iloc[0]
    assert round(100 * share) == 51


def test_strata_of_sealed_cells_in_which_everybody_counts_once():
    name = "discriminated-gender-ethnicity-disability-age_three"
    strata = ["gender", "ethnicity", "disability", "age_three"]
    counted = tl.maihda(cells(f"{name}-unweighted"), strata=strata)
    assert len(counted.strata) == 24
    low, high = counted.interval("pcv").frame[["conf_low", "conf_high"]].iloc[-1]
    assert 0 < low < counted.pcv < high < 1
    with pytest.raises(EstimandError, match="no counts of answers"):
        tl.maihda(cells(name), strata=strata)


def test_the_suffix_of_stored_tables_is_one_word():
    assert all(table.endswith(SUFFIX) for table in VERDICT_TABLES)
