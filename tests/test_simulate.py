"""The stand-in: every printed figure, exact counts, the same bytes, a true model that its draws follow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import trustlib as tl
from trustlib.record import calibration, true_model
from trustlib.record import simulate as sim

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "data" / "synthetic"

IDENTITIES = ["wave", "country", "region", "stratum", "gender", "ethnicity", "ethnicity_asked", "disability", "lgbtq",
              "trans", "age_band", "marginalised", "weight"]  # fmt: skip


@pytest.fixture(scope="module")
def plan():
    return sim.load_targets(FOLDER / "targets.yml")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand-in")
    return folder, sim.write(folder, FOLDER / "targets.yml")


@pytest.fixture(scope="module")
def frame():
    return tl.read_survey(FOLDER / sim.FILES[0], FOLDER / "mapping.yml")


@pytest.fixture(scope="module")
def table(frame, plan):
    return sim.calibration_table(frame, plan)


@pytest.fixture(scope="module")
def model():
    return sim.load_model(FOLDER / "true_model.json")


def wave(frame, year, **levels):
    keep = frame["wave"] == str(year)
    for name, level in levels.items():
        keep &= frame[name] == level
    return frame[keep]


class TestFile:
    def test_it_is_written_again_with_the_same_bytes(self, written):
        for name in sim.FILES:
            assert (written[0] / name).read_bytes() == (FOLDER / name).read_bytes(), (
                name
            )

    def test_simulate_is_what_is_read_back(self, frame, plan, model):
        made = sim.simulate(plan, model=model)
        assert set(made) == set(frame)
        assert [c for c in frame if not made[c].equals(frame[c])] == []
        assert made.attrs["source"] == frame.attrs["source"]

    def test_another_seed_makes_other_people(self, frame, plan, model):
        other = sim.simulate(plan, seed=1, model=model)
        assert len(other) == len(frame)
        assert not np.allclose(other["weight"], frame["weight"])
        assert not sim.calibration_table(other, plan)["verdict"].eq("missed").any()

    def test_it_says_that_it_is_synthetic(self, frame):
        design = tl.SurveyDesign(frame, **tl.declared_design(FOLDER / "mapping.yml"))
        assert design.source["kind"] == "synthetic"
        assert "stand-in" in design.source["label"]

    def test_it_is_small(self):
        assert (FOLDER / sim.FILES[0]).stat().st_size < 400_000


class TestCounts:
    def test_people_per_country_and_wave(self, frame, plan):
        counted = frame.groupby(["wave", "country"], observed=True).size()
        for year, facts in plan.facts["waves"].items():
            assert counted[str(year)].to_dict() == facts["people"]
        assert len(frame) == 35_614

    @pytest.mark.parametrize(("name", "level", "n"), [
        ("gender", "woman", 5520), ("age_band", "65+", 2427), ("ethnicity", "minority", 2602),
        ("disability", "disabled", 2712), ("lgbtq", "yes", 1830), ("marginalised", "yes", 8598),
        ("marginalised", "no", 2891),
    ])  # fmt: skip
    def test_groups_of_2024(self, frame, name, level, n):
        assert len(wave(frame, 2024, **{name: level})) == n

    def test_marginalised_is_the_union(self, frame):
        any_of = (frame["gender"] == "woman") | (frame["ethnicity"] == "minority")
        any_of |= (frame["disability"] == "disabled") | (frame["lgbtq"] == "yes")
        assert ((frame["marginalised"] == "yes") == any_of).all()

    def test_the_bases_count_people_with_any_experience(self, frame):
        for level, n in (("yes", 5675), ("no", 1435)):
            assert wave(frame, 2024, marginalised=level)["trust_damaged_any"].sum() == n

    def test_british_people_of_another_gender(self, frame):
        people = wave(frame, 2022, country="UK", gender="non-binary")
        assert (len(people), people["trust_damaged_system"].sum()) == (17, 14)

    def test_trans_and_non_binary_people_are_there(self, frame):
        special = frame[(frame["trans"] == "yes") | (frame["gender"] == "non-binary")]
        assert (special["lgbtq"] == "yes").all()
        assert special.groupby("wave", observed=True).size().min() > 100

    def test_ethnicity_is_majority_where_the_question_is_unknown(self, frame, plan):
        unknown = frame[frame["ethnicity_asked"] == "unknown"]
        assert (unknown["ethnicity"] == "majority").all()
        for year, facts in plan.facts["waves"].items():
            asked = wave(frame, year, ethnicity_asked="asked")["country"].unique()
            assert sorted(asked) == sorted(facts["ethnicity_asked"])


class TestTargets:
    def test_every_figure_is_met_or_named(self, table):
        assert set(table["verdict"].str.split(":").str[0]) == {
            "met within rounding",
            "met (direction)",
            "cannot be met",
            "not calibrated to",
        }
        assert set(table.loc[table["verdict"].str.startswith("cannot"), "id"]) == {
            "R24-016",
            "W22-017",
        }
        assert set(table.loc[table["verdict"].str.startswith("not"), "id"]) == {
            "R24-035",
            "W22-016",
        }

    def test_every_printed_figure_of_the_polling_is_a_target(self, plan):
        printed = pd.read_csv(
            ROOT / "data" / "published" / "figures.csv",
            dtype=str,
            keep_default_na=False,
        )
        ids = set(printed.loc[printed["survey"] == "polling", "id"])
        ids -= {i for i in ids if not re.match(r"[RWP]", i)}
        assert {t.id for t in plan.targets} == ids
        assert {t.id for t in plan.choices} <= ids

    def test_targets_say_what_was_printed(self, plan):
        rows = pd.read_csv(
            ROOT / "data" / "published" / "figures.csv",
            dtype=str,
            keep_default_na=False,
        ).set_index("id")
        for t in plan.targets:
            row = rows.loc[t.id]
            assert " ".join(map(str, t.wave)) == row["wave"], t
            assert not t.countries or " ".join(t.countries) == row["countries"], t
            if t.statistic == row["statistic"]:
                assert t.value == float(row["value"]), t
                if t.comparison == "=" and t.id not in (
                    "R24-014",
                    "R24-015",
                    "R24-016",
                    "W22-030",
                ):
                    group = f"{t.group} vs {t.versus}" if t.versus else t.group
                    assert group == row["group"], t
                    assert t.half_width == float(row["half_width"]), t

    def test_no_other_pair_of_identities_is_above_the_one_taken_for_as_many_as(
        self, frame
    ):
        view = calibration.in_target_terms(wave(frame, 2022, country="UK"))
        pairs = [("gender", "woman", "ethnicity", "minority"), ("gender", "woman", "disability", "disabled"),
                 ("gender", "woman", "lgbtq", "yes"), ("ethnicity", "minority", "lgbtq", "yes"),
                 ("disability", "disabled", "lgbtq", "yes")]  # fmt: skip
        for a, x, b, y in pairs:
            inside = ((view[a] == x) & (view[b] == y)).to_numpy()
            assert calibration.share_of_yes(view, inside, "system").percent < 88.5

    @pytest.mark.parametrize(("outcome", "year", "country", "by", "level", "printed"), [
        ("trust_damaged_provider", 2024, None, ["ethnicity", "disability"], ("minority", "disabled"), 82),
        ("trust_damaged_provider", 2024, None, ["ethnicity", "disability"], ("majority", "not disabled"), 47),
        ("trust_damaged_provider", 2024, None, ["disability"], ("disabled",), 71),
        ("trust_damaged_provider", 2024, "JP", ["lgbtq"], ("yes",), 55),
        ("trust_damaged_system", 2022, None, ["ethnicity"], ("minority",), 73),
        ("trust_damaged_system", 2022, "BR", ["ethnicity", "lgbtq"], ("minority", "yes"), 90),
        ("trust_damaged_system", 2023, "ES", ["gender"], ("woman",), 69),
        ("reason_not_listened", 2024, None, ["marginalised"], ("no",), 29),
        ("consequence_mental_worse", 2023, None, ["marginalised"], ("yes",), 17),
    ])  # fmt: skip
    @pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
    def test_the_library_finds_the_printed_percentages(
        self, frame, outcome, year, country, by, level, printed
    ):
        design = tl.SurveyDesign(frame, **tl.declared_design(FOLDER / "mapping.yml"))
        inside = frame["wave"] == str(year)
        if country:
            inside &= frame["country"] == country
        cells = tl.compress(design.domain(inside.to_numpy()), outcome, by)
        found = tl.cell_means(cells).frame.set_index(by)["estimate"]
        assert abs(100 * found.loc[level if len(by) > 1 else level[0]] - printed) <= 0.5


class TestMissingAndWeights:
    def test_identities_are_complete(self, frame):
        assert frame[IDENTITIES].notna().all(axis=None)
        assert not {f"{name}_missing" for name in IDENTITIES} & set(frame)

    def test_outcomes_lack_few_answers_and_say_why(self, frame):
        for item in ("provider", "system", "any"):
            name = f"trust_damaged_{item}"
            assert 0 < frame[name].isna().mean() < 0.02
            assert set(frame[f"{name}_missing"].dropna()) == {"prefer not to say"}

    def test_later_questions_are_asked_of_those_with_an_experience(self, frame):
        later = [
            c
            for c in frame
            if re.match(r"(reason|factor|consequence|rebuild)_\w+$", c)
            and not c.endswith("_missing")
        ]
        assert len(later) > 15
        for name in later:
            kinds, answered = frame[f"{name}_missing"], frame[name].notna()
            assert (frame.loc[answered, "trust_damaged_any"] == 1).all()
            assert set(kinds[~answered]) <= {"not asked", "no experience", "no answer"}
            assert (kinds == "no answer").sum() < 0.02 * answered.sum()
            asked = frame["wave"].isin(frame.loc[answered, "wave"].unique()) & (
                frame["trust_damaged_any"] == 1
            )
            assert (answered | (kinds == "no answer"))[asked].all()

    def test_weights_are_positive_with_a_realistic_spread(self, frame):
        assert frame["weight"].min() > 0
        for _, people in frame.groupby("wave", observed=True):
            w = people["weight"]
            assert 1.3 < len(w) * (w**2).sum() / w.sum() ** 2 < 2
        means = frame.groupby(["wave", "country"], observed=True)["weight"].mean()
        np.testing.assert_allclose(means, 1, atol=1e-4)

    def test_every_stratum_is_a_country_and_region_with_many_people(self, frame):
        assert frame.groupby("stratum").size().min() > 400
        assert frame["stratum"].nunique() == 15 * 4


class TestModel:
    def test_probabilities_add_up_and_identities_are_possible(self, model):
        for year, facts in model["waves"].items():
            assert abs(sum(facts["probability"]) - 1) < 1e-7
            cells = sim.model_cells(model, year)
            assert not ((cells["trans"] == "yes") & (cells["lgbtq"] == "no")).any()
            assert not (
                (cells["provider"] == "none") & (cells["system"] == "none")
            ).any()

    def test_the_stored_multipliers_make_the_stored_probabilities(self, plan, model):
        """Where no figure has a slack that moves (counts and countries), the table is start times exp(rows)."""
        for year, facts in model["waves"].items():
            table, start = true_model._cells(plan, int(year))
            seen, often = true_model._observed(table, plan.facts["start"]["no answer"])
            stored = sim.model_cells(model, year).assign(p=facts["probability"])
            keys = ["country", *sim.AXES]
            p = stored.astype(dict.fromkeys(keys, str)).groupby(keys)["p"].sum()
            x = (
                np.array(
                    [p.loc[tuple(row)] for row in table[keys].itertuples(index=False)]
                )
                / often[0]
            )
            equations = true_model._equations(
                plan,
                int(year),
                seen,
                np.outer(often, x * sum(facts["people"].values())).ravel(),
            )
            rows = np.array([equation.row for equation in equations]).reshape(
                len(equations), 3, -1
            )
            multipliers = np.array([m for _, m in facts["multipliers"]])
            again = start * np.exp(multipliers @ np.tensordot(rows, often, axes=(1, 0)))
            # a (yes, no) cell is seen as such and never merged, so its probability is the model's
            exact = (
                (table["provider"] == "yes") | (table["provider"] == "no")
            ).to_numpy()
            np.testing.assert_allclose(again[exact] / again.sum(), x[exact], rtol=2e-3)

    def test_draws_follow_the_true_model(self, model):
        cells = sim.model_cells(model, "2024").assign(
            p=model["waves"]["2024"]["probability"]
        )
        known = cells[cells["any"] != "none"]
        true = known.loc[known["any"] == "yes", "p"].sum() / known["p"].sum()
        people = sim.draw(5, n=200_000, model=model, waves=[2024])
        assert abs(people["trust_damaged_any"].mean() - true) < 4 * np.sqrt(
            true * (1 - true) / len(people)
        )
        assert people["wave"].unique().tolist() == ["2024"]

    def test_a_draw_is_repeatable_and_has_the_interviewed_numbers(self, model, frame):
        first, again = (sim.draw(7, model=model) for _ in range(2))
        assert first.equals(again)
        assert (
            first.groupby(["wave", "country"], observed=True)
            .size()
            .equals(frame.groupby(["wave", "country"], observed=True).size())
        )

    def test_a_tilt_is_the_nearest_table(self):
        rng = np.random.default_rng(2)
        start, rows = rng.random(30), rng.normal(size=(3, 30))
        totals = rows @ (start * np.exp(rng.normal(size=30) / 3))
        x, beta = sim.tilt(start, rows, totals, np.zeros(3), list("abc"))
        np.testing.assert_allclose(rows @ x, totals, atol=1e-7)
        np.testing.assert_allclose(x, start * np.exp(beta @ rows), rtol=1e-9)
        loose, _ = sim.tilt(start, rows, totals, np.full(3, 0.3), list("abc"))
        assert (np.abs(rows @ loose - totals) < 0.3).all()

        def distance(t):
            return (t * np.log(t / start) - t + start).sum()

        assert distance(loose) < distance(x)


class TestBadInput:
    def changed(self, tmp_path, **entries):
        raw = yaml.safe_load((FOLDER / "targets.yml").read_text())
        raw["targets"] += entries.get("targets", [])
        path = tmp_path / "targets.yml"
        path.write_text(
            yaml.safe_dump(raw | {k: v for k, v in entries.items() if k != "targets"})
        )
        return path

    def test_all_faults_are_named_at_once(self, tmp_path):
        good = {
            "id": "X-1",
            "wave": 2024,
            "statistic": "percent",
            "item": "provider",
            "group": "all",
            "value": 50,
        }
        bad = [
            good | {"id": "X-1", "wave": 2025},
            good | {"id": "X-2", "countries": ["AU"]},
            good | {"id": "X-3", "group": 'gender == "women"'},
            good | {"id": "X-4", "group": 'sex == "woman"'},
            good | {"id": "X-5", "value": 101},
            good | {"id": "X-6", "statistic": "share"},
            good | {"id": "X-7", "group": "__import__('os')"},
            good | {"id": "X-8", "statistic": "points"},
            good | {"id": "X-9", "statistic": "count", "item": [], "value": 12000},
            good | {"id": "X-10", "values": 3},
            good | {"id": "X-11", "value": "many"},
            "X-12",
        ]
        with pytest.raises(tl.CodebookError) as error:
            sim.load_targets(self.changed(tmp_path, targets=bad))
        text = str(error.value)
        assert "12 faults" in text
        for i in range(1, 12):
            assert f"X-{i}:" in text
        assert "Did you mean 'woman'" in text
        assert "12000 people, but the waves have 11489" in text

    def test_countries_that_do_not_add_up_to_the_printed_total_are_refused(
        self, tmp_path
    ):
        raw = yaml.safe_load((FOLDER / "targets.yml").read_text())
        raw["waves"][2024]["people"]["UK"] = 2311
        path = tmp_path / "targets.yml"
        path.write_text(yaml.safe_dump(raw))
        with pytest.raises(
            tl.CodebookError, match="R24-001: 11489 people, but the waves have 11490"
        ):
            sim.load_targets(path)

    def test_a_contradiction_is_named(self, tmp_path):
        more = [{"id": "X-1", "wave": 2023, "countries": ["ES"], "statistic": "percent", "item": "system",
                 "group": "all", "value": 80}]  # fmt: skip
        plan = sim.load_targets(self.changed(tmp_path, targets=more))
        with pytest.raises(
            tl.CodebookError, match=r"No population meets all targets.*(W23-008|X-1)"
        ):
            sim.true_model(plan)

    def test_missing_files_are_named(self, tmp_path):
        with pytest.raises(tl.MissingFileError):
            sim.load_targets(tmp_path / "none.yml")
        with pytest.raises(tl.MissingFileError):
            sim.draw(1, model=tmp_path / "none.json")
        (tmp_path / "targets.yml").write_text("seed: 1\n")
        with pytest.raises(tl.CodebookError, match="does not hold the keys"):
            sim.load_targets(tmp_path / "targets.yml")

    def test_a_file_in_the_place_of_the_folder_is_named(self, tmp_path):
        shutil.copy(FOLDER / "targets.yml", tmp_path / "targets.yml")
        with pytest.raises(tl.SurveyFileError, match="cannot be written"):
            sim.write(tmp_path / "targets.yml", FOLDER / "targets.yml")

    def test_an_unknown_wave_to_draw_is_named(self, model):
        with pytest.raises(tl.UnknownNameError, match="wave '2021'"):
            sim.draw(1, model=model, waves=[2021])


def test_coverage_was_measured_and_is_right():
    table = pd.read_csv(FOLDER / "coverage.csv")
    assert len(table) == 8
    assert (table["draws"] == 2000).all()
    assert table["coverage"].between(0.94, 0.96).all()
    assert table["design_effect"].between(1.3, 2).all()
