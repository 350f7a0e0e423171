"""What may be published together, and after each other: nobody comes, goes or changes alone."""

from __future__ import annotations

import os
import stat
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from contract import refused
from samples import quick
from trustbook import bases, survey_keys
from trustbook.sealing import load_cell_plan, make_release

MAPPING = {
    "source": {"id": "office", "kind": "supplied", "label": "Office"},
    "file": "people.csv",
    "variables": {
        "y": {"column": "Q1", "values": {"Yes": 1, "No": 0}},
        "z": {"column": "Q2", "values": {"Yes": 1, "No": 0}},
        "gender": {"column": "sex", "values": {"m": "man", "f": "woman"}},
        "ethnicity": {"column": "eth", "values": {"a": "majority", "b": "minority"}},
    },
    "design": {"weight": "w"},
}
ONE = {"y": {"outcome": "y", "by": ["gender", "ethnicity"]}}
BOTH = {**ONE, "z": {"outcome": "z", "by": ["gender", "ethnicity"]}}


@pytest.fixture(autouse=True)
def own_keys(tmp_path, monkeypatch):
    """A configuration folder for each test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "trustlib" / "surveys"


def people(seed: int = 0, n: int = 500, ids: bool = True) -> pd.DataFrame:
    """Answers of a made-up office."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["m", "f"], n),
            "eth": rng.choice(["a", "b"], n),
            "Q1": rng.choice(["Yes", "No"], n),
            "Q2": rng.choice(["Yes", "No"], n),
            "w": rng.lognormal(0, 0.4, n).round(6),
        }
    )
    if ids:
        frame.insert(0, "id", [f"P{i:05d}" for i in range(n)])
    return frame


class Office:
    """A folder in which releases are made."""

    def __init__(self, folder: Path):
        self.folder = folder

    def release(self, frame, sets=ONE, name="people.csv", mapping=MAPPING):
        """Make and keep a release as `trustlib compress` does."""
        self.folder.mkdir(exist_ok=True, parents=True)
        file = self.folder / name
        frame.to_csv(file, index=False)
        (self.folder / "m.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
        plan = {"mapping": "m.yml", "cells": sets}
        (self.folder / "cells.yml").write_text(yaml.safe_dump(plan))
        made = make_release(load_cell_plan(self.folder / "cells.yml"), file)
        made.record()
        return made


@pytest.fixture
def office(tmp_path):
    """An office."""
    return Office(tmp_path / "office")


def one_more(frame):
    new = people(99, 1)
    return pd.concat([frame, new.assign(id="NEW").reindex(columns=frame.columns)])


def ten_more_in_each_cell(frame):
    new = people(7, 400).assign(id=lambda d: "N" + d["id"])
    return pd.concat([frame, new.reindex(columns=frame.columns)])


def one_gone(frame):
    return frame.drop(index=17)


def one_changed(frame, column="Q1"):
    other = {"Yes": "No", "No": "Yes", "m": "f", "f": "m"}
    frame = frame.copy()
    frame.loc[5, column] = other[frame.loc[5, column]]
    return frame


def one_replaced(frame):
    """Somebody with the same answers in the place of another."""
    frame = frame.copy()
    frame.loc[5, ["id", "w"]] = ["NEW", 1.234567]
    return frame


def one_weight_mended(frame):
    return frame.assign(w=frame["w"].where(frame.index != 5, 1.5))


def fifteen_answers_changed(frame):
    cell = frame.index[(frame["sex"] == "f") & (frame["eth"] == "b")][:15]
    other = frame["Q1"].map({"Yes": "No", "No": "Yes"})
    return frame.assign(Q1=frame["Q1"].where(~frame.index.isin(cell), other))


def reweighted(frame, seed=1):
    rng = np.random.default_rng(seed)
    return frame.assign(w=(frame["w"] * rng.uniform(0.8, 1.2, len(frame))).round(6))


ONE_PERSON = {
    "one more": one_more,
    "one gone": one_gone,
    "one answer changed": one_changed,
    "one in another cell": lambda frame: one_changed(frame, "sex"),
    "one replaced by another": one_replaced,
    "one weight mended": one_weight_mended,
    "fifteen answers of a cell changed": fifteen_answers_changed,
    "one more, and all weighted anew": lambda frame: reweighted(one_more(frame)),
    "one gone, rows shuffled": lambda frame: one_gone(frame).sample(
        frac=1, random_state=3
    ),
}


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("name", ONE_PERSON)
def test_a_release_with_one_person_other_is_refused(office, name, ids):
    """Whether or not the file has a column of ids."""
    frame = people(ids=ids)
    change = ONE_PERSON[name]
    if not ids and name == "one replaced by another":
        changed = one_weight_mended(frame)
    else:
        changed = change(frame).reindex(columns=frame.columns)
    office.release(frame)
    text = refused(
        lambda: office.release(changed),
        tl.DisclosureError,
        PermissionError,
        "few people",
    )
    assert "NEW" not in text


def test_the_same_release_again_is_the_same_file(office, tmp_path):
    """Asking again teaches nothing."""
    first = (
        office.release(people()).cells["y"].write(tmp_path / "1.parquet").read_bytes()
    )
    again = office.release(people().sample(frac=1, random_state=2)).cells["y"]
    assert again.write(tmp_path / "2.parquet").read_bytes() == first


def test_a_delivery_with_enough_new_people_is_released(office):
    """With another noise in every cell that changed."""
    first = office.release(people()).cells["y"]
    second = office.release(ten_more_in_each_cell(people())).cells["y"]
    assert (first.frame["sum_w"] != second.frame["sum_w"]).all()


def test_the_same_people_are_weighted_anew_three_times(office):
    """And not a fourth time."""
    frame = people()
    office.release(frame)
    for seed in (1, 2, 3):
        office.release(reweighted(frame, seed))
    office.release(reweighted(frame, 3))  # one that was released before
    refused(
        lambda: office.release(reweighted(frame, 4)),
        tl.DisclosureError,
        PermissionError,
        "other weights",
    )


def test_a_second_delivery_is_known_by_its_people(office, own_keys):
    """In another folder, under another name and with another order of rows and columns."""
    office.release(people())
    moved = Office(office.folder / "elsewhere")
    later = one_gone(people()).sample(frac=1, random_state=1)
    later = later[later.columns[::-1]]
    refused(
        lambda: moved.release(later, name="people-v2.csv"),
        tl.DisclosureError,
        PermissionError,
    )
    assert len(list(own_keys.iterdir())) == 1


def test_another_survey_has_another_key(office, own_keys):
    """And is not held against the first."""
    office.release(people())
    other = people(5).assign(id=lambda d: "X" + d["id"])
    Office(office.folder / "other").release(other)
    keys = {path.read_bytes() for path in own_keys.glob("*/key")}
    assert len(keys) == 2


def test_a_label_that_changes_hides_nobody(office):
    """The cells are told apart by their people too."""
    office.release(people())
    renamed = {
        **MAPPING["variables"],
        "gender": {"column": "sex", "values": {"m": "men", "f": "women"}},
    }
    mapping = {**MAPPING, "variables": renamed}
    refused(
        lambda: office.release(one_gone(people()), mapping=mapping),
        tl.DisclosureError,
        PermissionError,
        "nearly the same",
    )


def test_two_outcomes_with_one_skip_are_refused_and_one_base_is_not(office):
    """Also where the second is released later; naming both as known gives one base."""
    frame = people()
    frame.loc[3, "Q2"] = np.nan
    mapping = {
        **MAPPING,
        "variables": {
            **MAPPING["variables"],
            "z": {**MAPPING["variables"]["z"], "blank": "skipped"},
        },
    }
    mapping["variables"]["z"].pop("blank")
    mapping["missing"] = {"": "skipped"}
    refused(
        lambda: office.release(frame, BOTH, mapping=mapping),
        tl.DisclosureError,
        PermissionError,
        "y and z",
    )
    known = {name: {**spec, "known": ["y", "z"]} for name, spec in BOTH.items()}
    made = office.release(frame, known, mapping=mapping)
    assert made.cells["y"].frame["n"].tolist() == made.cells["z"].frame["n"].tolist()
    refused(
        lambda: office.release(frame, ONE, mapping=mapping),
        tl.DisclosureError,
        PermissionError,
        "earlier release",
    )


def test_two_readings_of_one_column_are_refused(office):
    """Women, and everybody but men: the difference is those who are neither."""
    frame = people()
    frame.loc[:4, "sex"] = "x"
    both = {
        "gender": {
            "column": "sex",
            "values": {"m": "man", "f": "woman"},
            "missing": {"x": "other"},
        },
        "not_man": {"column": "sex", "values": {"m": "no", "f": "yes", "x": "yes"}},
    }
    mapping = {**MAPPING, "variables": {**MAPPING["variables"], **both}}
    sets = {
        "a": {"outcome": "y", "by": ["gender"]},
        "b": {"outcome": "y", "by": ["not_man"]},
    }
    refused(
        lambda: office.release(frame, sets, mapping=mapping),
        tl.DisclosureError,
        PermissionError,
    )


def test_no_unweighted_cells_of_a_confidential_file(office):
    """Beside the weighted ones they tell weights."""
    sets = {"y": {**ONE["y"], "weights": "unweighted"}}
    refused(
        lambda: office.release(people(), sets),
        tl.DisclosureError,
        PermissionError,
        "unweighted",
    )


def test_key_and_record_are_for_the_user_alone(office, own_keys):
    """0600 in folders of 0700, outside the project, and in no file of it."""
    office.release(people())
    (folder,) = own_keys.iterdir()
    key = (folder / "key").read_bytes()
    assert len(key) == 32
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in office.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert key not in content
            assert key.hex().encode() not in content
    assert key.hex() not in repr(
        make_release(
            load_cell_plan(office.folder / "cells.yml"), office.folder / "people.csv"
        )
    )


def test_the_record_holds_no_answer_and_no_weight_in_clear(office, own_keys):
    """For each person hashes and the cell."""
    office.release(people())
    (path,) = own_keys.glob("*/release-*.parquet")
    kept = pd.read_parquet(path)
    assert sorted(kept) == ["answer", "cell", "person", "set", "weight"]
    weights = set(people()["w"])
    assert not any(
        set(kept[name].astype(float)) & weights
        for name in ("person", "answer", "weight")
    )
    assert b"P00001" not in path.read_bytes()


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda key: key.chmod(0o644), "may read the key"),
        (lambda key: key.write_bytes(b"short"), "damaged"),
        (lambda key: key.unlink(), "cannot be read"),
    ],
)
def test_a_key_that_is_read_by_others_damaged_or_lost_is_said(
    office, own_keys, damage, word
):
    """No second key is made without a word."""
    office.release(people())
    (key,) = own_keys.glob("*/key")
    damage(key)
    with pytest.raises(tl.TrustlibError, match=word):
        office.release(people())
    assert len(list(own_keys.iterdir())) == 1


def test_a_damaged_record_is_said(office, own_keys):
    """Without it nobody could hold the next release against it."""
    office.release(people())
    (path,) = own_keys.glob("*/release-*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(tl.TrustlibError, match="damaged"):
        office.release(people())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(office, tmp_path):
    """In one sentence, and nothing is released."""
    (tmp_path / "config").mkdir(mode=0o500)
    with pytest.raises(tl.SurveyFileError, match="cannot be made"):
        office.release(people())


@quick
@given(st.integers(0, 10_000), st.integers(1, 19), st.booleans())
def test_few_people_more_in_any_cell_are_refused(tmp_path_factory, seed, count, ids):
    """1 to 19 newcomers in one cell, wherever they stand in the file."""
    folder = tmp_path_factory.mktemp("office")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        office = Office(folder / "office")
        frame = people(seed, ids=ids)
        office.release(frame)
        new = people(seed + 1, count).assign(
            sex="f", eth="b", id=lambda d: "N" + d["id"]
        )
        later = pd.concat([frame, new.reindex(columns=frame.columns)])
        later = later.sample(frac=1, random_state=seed)
        refused(
            lambda: office.release(later),
            tl.DisclosureError,
            PermissionError,
            "few people",
        )


def test_twenty_newcomers_of_a_cell_are_released(office):
    """And those of other cells are as they were."""
    frame = people()
    first = office.release(frame).cells["y"].frame
    new = people(3, 20).assign(sex="f", eth="b", id=lambda d: "N" + d["id"])
    second = office.release(pd.concat([frame, new])).cells["y"].frame
    assert (first["sum_w"] != second["sum_w"]).sum() == 1


def test_outcomes_that_other_people_skipped_leave_together(office):
    """Ten or more skipped each: that the numbers are near each other tells nothing."""
    frame = people(n=900)
    mapping = {**MAPPING, "missing": {"": "skipped"}}
    for first, name in ((0, "Q1"), (400, "Q2")):
        for sex in ("m", "f"):
            for eth in ("a", "b"):
                cell = frame.index[(frame["sex"] == sex) & (frame["eth"] == eth)]
                later = cell[cell >= first]
                frame.loc[later[: 12 + (name == "Q2")], name] = np.nan
    made = office.release(frame, BOTH, mapping=mapping)
    assert set(made.cells) == {"y", "z"}


def design_of(frame) -> tl.SurveyDesign:
    """A frame as `read_survey` makes one."""
    categories = {c: frame[c].astype("category") for c in ("sex", "eth")}
    answers = {c: frame[c].map({"Yes": 1.0, "No": 0.0}) for c in ("Q1", "Q2")}
    return tl.SurveyDesign(frame.assign(**categories, **answers), "w")


def test_outcomes_with_a_few_skips_share_a_base():
    """Those who answered all of them; the loss is small."""
    frame = people(n=900)
    frame.loc[[3, 40, 200], "Q1"] = np.nan
    frame.loc[[5, 60], "Q2"] = np.nan
    families = bases.families_of(design_of(frame), ["Q1", "Q2"], ["sex", "eth"])
    assert [family.answered for family in families] == [["Q1", "Q2"], ["Q2", "Q1"]]
    assert families[0].counted.sum() == 895
    assert np.array_equal(families[0].counted, families[1].counted)


def test_outcomes_that_many_skipped_keep_their_own_base():
    """Ten or more in every cell are no secret."""
    frame = people(n=900)
    frame.loc[:300, "Q2"] = np.nan
    families = bases.families_of(design_of(frame), ["Q1", "Q2"], ["sex", "eth"])
    assert [family.answered for family in families] == [["Q1"], ["Q2"]]


def test_an_outcome_that_some_were_asked_counts_those_who_answered_the_other():
    """Q2 was asked of a third, and four of these skipped Q1, which keeps all its people."""
    frame = people(n=1200)
    asked = frame.index % 3 == 0
    frame.loc[~asked, "Q2"] = np.nan
    frame.loc[[0, 3, 6, 9], "Q1"] = np.nan
    families = bases.families_of(design_of(frame), ["Q1", "Q2"], ["sex", "eth"])
    assert [family.answered for family in families] == [["Q1"], ["Q2", "Q1"]]
    assert [family.counted.sum() for family in families] == [1196, 396]


def test_where_a_base_would_lose_many_the_smaller_outcome_is_not_shown():
    """Few of one group skipped the second question, and half of the other."""
    frame = people(n=1200)
    first = frame.index[frame["eth"] == "a"]
    second = frame.index[frame["eth"] == "b"]
    frame.loc[[*first[:5], *second[::2]], "Q2"] = np.nan
    families = bases.families_of(design_of(frame), ["Q1", "Q2"], ["eth"])
    assert [bool(family.sets) for family in families] == [True, False]
    assert list(families[1].withheld) == ["Q2"]
    assert "Q1" in families[1].withheld["Q2"]


@quick
@given(st.integers(0, 10_000))
def test_no_two_families_differ_by_a_few_people(seed):
    """Whatever was skipped: three outcomes, each with its own skips, counted row by row."""
    rng = np.random.default_rng(seed)
    frame = people(seed, n=int(rng.integers(300, 1500)))
    design = design_of(frame)
    third = pd.Series(rng.integers(0, 2, len(frame)).astype(float))
    answers = design.frame.assign(Q3=third)
    for name in ("Q1", "Q2", "Q3", "sex"):
        skipped = rng.random(len(frame)) < rng.choice([0, 0.003, 0.02, 0.3, 0.7])
        answers.loc[skipped, name] = np.nan
    families = bases.families_of(
        tl.SurveyDesign(answers, "w"), ["Q1", "Q2", "Q3"], ["sex", "eth"]
    )
    shown = [family for family in families if family.sets]
    for one, other in permutations(shown, 2):
        beside = answers[one.counted & ~other.counted]
        assert not 0 < len(beside) < 10
        common = {axis for by in one.sets for axis in by} & {
            axis for by in other.sets for axis in by
        }
        for axis in common & {"sex", "eth"}:
            assert not beside[axis].value_counts().between(1, 9).any()


def test_ids_are_found_and_weights_are_not_taken_for_them():
    """A column of different whole numbers or texts names people, decimals do not."""
    frame = people()
    names = survey_keys._names_people
    assert names(frame["id"])
    assert not names(frame["w"])
    assert not names(frame["sex"])
    assert names(pd.Series(range(300)))
