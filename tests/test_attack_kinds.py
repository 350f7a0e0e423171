"""Each attack finds its planted leak for certain, and gets nowhere on what the rules let through.

A few of the trials of ``benchmarks/attacks.py``, whose thousands are in
``data/protection/``; leaks planted by hand in cells that `trustlib.compress` makes; and
what the attacks read from pages.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from attack_refusals import REFUSALS, is_refused
from attack_trials import (
    AXES,
    DRAWS,
    People,
    cells_of,
    drawn,
    exact,
    people,
    shielded,
)
from samples import quick
from trustbook.attack import attack_book
from trustbook.attacks.covariance import solved_totals
from trustbook.attacks.guesses import FEW, SURE, Guess, likely
from trustbook.attacks.integers import with_squares, with_totals
from trustbook.attacks.pages import (
    numbers_of_first_page,
    numbers_of_levels,
    numbers_of_table,
)
from trustbook.attacks.published import CellTable, Printed, Published
from trustbook.attacks.registry import ATTACKS, findings
from trustbook.sphinx.protection_pages import USES
from trustlib.forms import Rule
from trustlib.variance import SealedScatter

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "data" / "protection"
SEEDS = range(3)
drawn_once = cache(drawn)
KEY = bytes(range(32))


def lines(*tables: CellTable, numbers=()) -> list[str]:
    return [guess.line for guess in findings(Published(tables, numbers))]


# -- trials ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAWS)
def test_without_protection_every_secret_is_hit(name):
    for seed in SEEDS:
        for secret, trial in drawn_once(name, seed).items():
            assert trial.is_hit(trial.guess(trial.off)), f"{secret}, seed {seed}"


@pytest.mark.parametrize("name", DRAWS)
def test_on_what_the_rules_let_through_nothing_is_certain(name):
    for seed in SEEDS:
        for trial in drawn_once(name, seed).values():
            sure = [g.line for g in findings(trial.on) if g.sure >= SURE]
            assert not sure, f"seed {seed}"


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_rules_must_refuse_is_refused(name):
    assert all(is_refused(name, seed) for seed in range(2))


def test_the_measured_hits_are_within_chance():
    """Of the committed results: all without protection, no more than the base rate with it."""
    table = pd.read_csv(MEASURED / "attacks.csv")
    tried = {(row.scenario, row.secret) for row in table.itertuples()}
    wanted = {(name, secret) for name in DRAWS for secret in DRAWS[name][0]}
    assert tried == wanted, "run benchmarks/attacks.py again"
    assert (table["trials"] >= 1000).all()
    assert (table["off_hits"] == table["trials"]).all()
    error = np.sqrt(table["base_rate"] * (1 - table["base_rate"]) / table["trials"])
    most = (table["base_rate"] + 3 * error) * table["trials"]
    assert (table["on_hits"] <= most).all()
    kinds = {name.split(",")[0].split(" ")[0] for name in DRAWS}
    assert kinds == set(ATTACKS), "an attack has no trial"


def test_the_measured_refusals_are_all():
    table = pd.read_csv(MEASURED / "refusals.csv")
    assert set(table["publication"]) == set(REFUSALS), "run benchmarks/attacks.py again"
    assert (table["tries"] >= 100).all()
    assert (table["refused"] == table["tries"]).all()


def test_the_page_names_each_scenario():
    assert list(USES) == list(DRAWS)


def test_the_cells_of_the_trials_are_those_of_the_library():
    who = people(np.random.default_rng(3), 400)
    who = replace(who, psu=np.arange(len(who)) % 40)
    frame = pd.DataFrame({n: [f"{n}{i}" for i in c] for n, c in who.axes.items()})
    frame = frame.assign(y=who.y, w=who.w, psu=who.psu)
    for psu, people_used in ((None, replace(who, psu=None)), ("psu", who)):
        design = tl.SurveyDesign(frame, weight="w", psu=psu)
        ours = tl.compress(design, "y", list(AXES))
        made = cells_of(people_used, AXES)
        every = np.eye(2 * len(ours))
        for name in ("n", "n_events", "sum_w", "sum_wy", "sum_w2"):
            np.testing.assert_allclose(made.frame[name], ours.frame[name], rtol=1e-12)
        np.testing.assert_allclose(
            made.scatter.covariance(every),
            ours.scatter.covariance(every),
            rtol=1e-9,
            atol=1e-9,
        )
        np.testing.assert_allclose(made.heaviest, ours.heaviest)
        assert made.df == ours.df


# -- leaks planted by hand -------------------------------------------------------------


def answers(n: int = 320) -> pd.DataFrame:
    """People of four cells, whose weights are all different."""
    i = np.arange(n)
    frame = pd.DataFrame(
        {"sex": np.where(i % 2, "w", "m"), "age": np.where(i // 2 % 2, "old", "young")}
    )
    y = (i * 7919 % 1009 < 450).astype(float)
    return frame.assign(y=y, z=1 - y, w=1 + (i * 31 % 101) / 37, id=i)


def table(
    frame: pd.DataFrame, y: str = "y", by=("sex", "age"), design=None, **facts
) -> CellTable:
    """Exact cells of a confidential file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = tl.SurveyDesign(frame, **(design or {"weight": "w"}))
        cells = tl.compress(made, y, list(by))
    cells = replace(
        cells, source={"id": "office", "kind": "supplied", "label": "Made up"}
    )
    name = facts.pop("name", f"{y}-{'-'.join(by)}")
    return exact(cells, name, **facts)


def test_one_skip_is_found_with_the_cell_and_the_weight():
    frame = answers()
    skipped = frame.assign(z=frame["z"].where(frame["id"] != 5))
    found = lines(table(frame), table(skipped, "z"))
    assert any("people in age=young, sex=w" in line for line in found)
    assert any("the weight of one person in age=young, sex=w" in line for line in found)
    assert lines(table(frame), table(frame, "z")) == []


def test_two_skips_that_outweigh_each_other_are_found():
    """One skipped the first question and one the second: the numbers agree, the weights do not."""
    frame = answers()
    one = frame.assign(y=frame["y"].where(frame["id"] != 5))
    other = frame.assign(z=frame["z"].where(frame["id"] != 1))
    found = lines(table(one), table(other, "z"))
    assert found == [
        "office: outcomes: people in age=young, sex=w (y-sex-age, z-sex-age)"
    ]


@pytest.mark.parametrize("gone", [1, 9])
def test_few_who_went_between_releases_are_found(gone):
    frame = answers()
    inside = frame.index[(frame["sex"] == "m") & (frame["age"] == "old")]
    fewer = frame.drop(index=inside[:gone])
    found = lines(table(frame), table(fewer, release=1))
    assert any("releases: people in age=old, sex=m" in line for line in found)
    assert any("the weight of one person" in line for line in found) == (gone == 1)


def test_ten_who_went_are_no_finding():
    frame = answers()
    inside = frame.index[(frame["sex"] == "m") & (frame["age"] == "old")]
    fewer = frame.drop(index=inside[:10])
    assert lines(table(frame), table(fewer, release=1)) == []


def test_an_answer_that_changed_between_releases_is_found():
    frame = answers()
    changed = frame.assign(y=frame["y"].where(frame["id"] != 5, 1 - frame["y"]))
    found = lines(table(frame), table(changed, release=1))
    assert any("releases: the answer of one person in" in line for line in found)


def test_the_same_people_weighted_anew_are_no_finding():
    frame = answers()
    anew = frame.assign(w=frame["w"] * (1 + frame["id"] % 3))
    assert lines(table(frame), table(anew, release=1)) == []


def test_who_told_less_is_found_in_the_margin():
    frame = answers()
    less = frame.assign(age=frame["age"].where(frame["id"] != 5))
    found = lines(table(less), table(less, by=["sex"]))
    assert any("margins: people in sex=w" in line for line in found)


def test_a_withheld_cell_is_the_margin_less_its_siblings():
    frame = answers()
    rare = frame.assign(age=frame["age"].where(frame["id"] > 6, "oldest"))
    kept = rare[rare["age"] != "oldest"]
    told = {"told": frozenset({"sex", "age"})}
    found = lines(table(kept, **told), table(rare, by=["sex"], **told))
    assert {line.split(" (")[0] for line in found} >= {
        "office: margins: people in sex=m",
        "office: margins: people in sex=w",
    }


def test_trimmed_weights_are_found():
    frame = answers()
    heavy = frame.assign(w=frame["w"].where(frame["id"] != 5, 9.0))
    cap = heavy["w"].nlargest(2).iloc[1]
    trimmed = heavy.assign(w=heavy["w"].clip(upper=cap) * 1.01)
    less = table(trimmed, name="less", weights="trimmed")
    found = lines(table(heavy), less)
    assert any(
        "variants: the weight of one person in age=young, sex=w" in f for f in found
    )


def test_weights_of_classes_give_the_cross():
    frame = answers()
    rare = (frame["id"] % 40 == 0) | (frame["id"] % 40 == 3)
    frame["band"] = np.where(rare, "c", np.where(frame["id"] % 3, "a", "b"))
    frame["w"] = frame["band"].map({"a": 1.2345, "b": 0.7071, "c": 3.3333})
    told = {"told": frozenset({"sex", "age", "band"})}
    found = lines(table(frame, **told), table(frame, by=["band"], **told))
    assert found
    assert all("classes: people in" in line and "band=c" in line for line in found)
    unequal = frame.assign(w=frame["w"] * (1 + frame["id"] / 1e3))
    assert lines(table(unequal, **told), table(unequal, by=["band"], **told)) == []


@pytest.mark.parametrize("clinics", [2, 3])
def test_few_clinics_give_the_counts_of_the_small_one(clinics):
    frame = answers(120)
    few = np.isin(frame["id"], [1, 2, 5, 13, 21, 33])
    frame["clinic"] = np.where(few, 0, 1 + frame["id"] % (clinics - 1))
    design = {"weight": None, "psu": "clinic"}
    found = lines(table(frame, design=design))
    assert any("clusters: people of one cluster in" in line for line in found)


def test_one_person_with_most_of_an_answer_is_found():
    frame = answers()
    i = frame.index[
        (frame["sex"] == "m") & (frame["age"] == "old") & (frame["y"] == 1)
    ][0]
    frame.loc[i, "w"] = 250.0
    found = lines(table(frame))
    wanted = "dominance: the answer of one person in age=old, sex=m with the outcome"
    assert any(wanted in line for line in found)
    assert not any("sex=w" in line for line in found)


def test_one_answer_in_a_cell_is_found_even_where_rows_are_public():
    frame = answers()
    frame.loc[frame["sex"] == "m", "y"] = 1.0
    found = lines(table(frame, by=["sex"], public=True))
    assert found == ["office: constant: the answer of one person in sex=m (y-sex)"]


def test_where_rows_are_public_differences_are_no_finding():
    frame = answers()
    skipped = frame.assign(z=frame["z"].where(frame["id"] != 5))
    assert lines(table(frame, public=True), table(skipped, "z", public=True)) == []


def test_an_exact_matrix_beside_protected_totals_is_found():
    cells = cells_of(people(np.random.default_rng(5)), AXES)
    shown = shielded(cells, KEY)
    bare = replace(shown.cells, scatter=SealedScatter(exact(cells).matrix), df=cells.df)
    found = lines(replace(shown, cells=bare))
    assert any("covariance: the exact total of" in line for line in found)
    assert lines(shown) == []


def test_degrees_of_freedom_with_all_digits_are_found():
    cells = cells_of(people(np.random.default_rng(5)), AXES)
    shown = shielded(cells, KEY)
    printed = replace(shown.cells, df=1 / (1 / cells.df + 1 / 400))
    found = lines(replace(shown, cells=printed))
    assert any("df: people in everyone" in line for line in found)


def test_words_that_count_the_people_of_a_file_are_found():
    cells = cells_of(people(np.random.default_rng(5), 1203), AXES)
    shown = shielded(cells, KEY)
    said = replace(shown.cells, variance="Taylor linearisation over 1,203 people")
    found = lines(replace(shown, cells=said))
    assert any("an exact number beside protected ones in everyone" in f for f in found)


@pytest.mark.parametrize("what", ["people", "share", "std_error", "df"])
def test_one_exact_number_beside_protected_cells_is_found(what):
    cells = cells_of(people(np.random.default_rng(5)), AXES)
    shown = shielded(cells, KEY)
    means = {exact_or: tl.cell_means(c).frame for exact_or, c in
             {"file": cells, "page": shown.cells}.items()}  # fmt: skip
    column = {"people": "n", "share": "estimate"}.get(what, what)
    cell = "everyone" if what == "df" else shown.labels[0]
    for place, is_found in (("file", True), ("page", False)):
        value = float(means[place][column].iloc[0])
        number = Printed(what, value, "office", "y", cell)
        found = lines(shown, numbers=[number])
        assert any("an exact number beside" in line for line in found) == is_found


def test_a_share_and_its_error_give_a_small_group():
    frame = answers(40).assign(w=1.0)
    design = tl.SurveyDesign(frame.head(7), weight=None)
    with pytest.warns(tl.FewPSUWarning):
        estimate = tl.cell_means(tl.compress(design, "y", []))
    row = estimate.frame.iloc[0]
    group = {"source": "office", "outcome": "y", "cell": "sex=x"}
    numbers = [
        Printed("share", row["estimate"], **group),
        Printed("std_error", row["std_error"], **group),
    ]
    found = lines(numbers=numbers)
    assert "office: unweighted: people in sex=x (a page)" in found


# -- numbers on pages ------------------------------------------------------------------


def test_rows_less_people_used_are_found():
    page = "### y\n| used | 995 |\n| rows in the file | 1,000 |\n"
    numbers = list(numbers_of_first_page(page, "office"))
    assert [g.value for g in findings(Published((), numbers))] == [5.0]
    numbers = list(numbers_of_first_page(page.replace("1,000", "1,005"), "office"))
    assert findings(Published((), numbers)) == []


def test_a_reason_that_is_not_printed_is_found():
    page = "### y\n| used | 900 |\n| y: blank | 97 |\n| rows in the file | 1,000 |\n"
    numbers = list(numbers_of_first_page(page, "office"))
    assert [g.value for g in findings(Published((), numbers))] == [3.0]


def test_two_readings_of_one_column_give_the_masked_level():
    readings = {
        "gender": Rule(
            column="S", values={"m": "man", "f": "woman", "x": "non-binary"}
        ),
        "not_man": Rule(column="S", values={"m": "no", "f": "yes", "x": "yes"}),
    }
    page = (
        "  gender: identity (man: all others; woman: 473; non-binary: fewer than 10)\n"
        "  not_man: identity, compared with no (no: 520; yes: 480)\n"
    )
    numbers = list(numbers_of_levels(page, "office", readings))
    found = findings(Published((), numbers))
    assert [guess.line for guess in found] == [
        "office: counts: people in an answer of S (validate)"
    ]
    alone = [number for number in numbers if number.value == 473]
    assert findings(Published((), alone)) == []


def test_model_based_levels_are_no_percentages_of_the_cells(tmp_path):
    path = tmp_path / "levels.csv"
    path.write_text("sex,estimate,n\nm,0.5,20\n")
    facts = {"kind": "level", "outcome": "y", "by": ["sex"], "source": {"id": "office"}}
    for words, count in (("logit interval", 2), ("model: sex", 0)):
        about = json.dumps(facts | {"convention": words})
        path.with_suffix(".json").write_text(about)
        assert len(list(numbers_of_table(path))) == count


def test_a_book_is_attacked_as_a_whole(tmp_path):
    """Cells of two outcomes in its folder, an earlier release in another, and its first page."""
    frame = answers()
    skipped = frame.assign(z=frame["z"].where(frame["id"] != 5))
    for name, made in (("y", table(frame)), ("z", table(skipped, "z"))):
        (tmp_path / "cells").mkdir(exist_ok=True)
        made.cells.settled().write_to(tmp_path / "cells" / f"{name}.parquet")
    (tmp_path / "book").mkdir()
    page = "### y\n| used | 320 |\n| rows in the file | 323 |\n"
    (tmp_path / "book" / "index.md").write_text(page)
    found = attack_book(tmp_path)
    assert any("outcomes:" in line for line in found)
    assert any("counts:" in line for line in found)
    earlier = tmp_path / "earlier"
    (earlier / "cells").mkdir(parents=True)
    table(frame.drop(index=7)).cells.settled().write_to(earlier / "cells" / "y.parquet")
    assert any("releases:" in line for line in attack_book(tmp_path, [earlier]))


# -- what is said, and how it is solved ------------------------------------------------


@given(value=st.integers(1, 9))
def test_no_line_and_no_repr_holds_what_was_found(value):
    guess = Guess("counts", "office", "sex=w", "people", ("a", "b"), 1.0, value + 0.125)
    assert f"{value}.125" not in guess.line + repr(guess)
    printed = Printed("people", value + 0.125, "office")
    assert f"{value}.125" not in repr(printed)


@quick
@given(
    seed=st.integers(0, 10_000),
    counts=st.lists(st.integers(0, 12), min_size=2, max_size=5),
)
def test_the_numbers_of_classes_are_among_the_solutions(seed, counts):
    weights = np.random.default_rng(seed).uniform(0.3, 3, len(counts))
    total = float(weights @ counts)
    if total == 0:
        return
    found = with_totals(weights, [12] * len(counts), sum(counts), total)
    assert tuple(counts) in found
    for each in found:
        assert sum(each) == sum(counts)
        assert abs(each @ weights - total) < 1e-6 * total


@quick
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_the_numbers_of_clusters_are_among_the_solutions(counts):
    squares = sum(n * n for n in counts)
    found = with_squares(len(counts), sum(counts), squares)
    assert tuple(counts) in found
    assert all(sum(n * n for n in each) == squares for each in found)


@quick
@given(difference=st.floats(-30, 30), sd=st.floats(0.1, 10))
def test_how_sure_few_people_are_is_a_chance(difference, sd):
    people_apart, sure = likely(difference, sd)
    assert people_apart != 0
    assert 0 <= sure <= 1 + 1e-12
    assert (abs(people_apart) < FEW) or sure < 1


@quick
@given(seed=st.integers(0, 10_000))
def test_totals_follow_from_products(seed):
    totals = np.random.default_rng(seed).uniform(10, 300, 5)
    found, error = solved_totals(-np.outer(totals, totals) / 999, 1000.0)
    np.testing.assert_allclose(found, totals, rtol=1e-9)
    assert error < 1e-9


def test_people_may_stand_in_any_order():
    """The same people, shuffled: no attack takes rounding for a difference."""
    who = people(np.random.default_rng(8))
    order = np.random.default_rng(9).permutation(len(who))
    one = exact(cells_of(who, AXES))
    other = exact(cells_of(who.only(order), AXES), release=1)
    assert lines(one, other) == []
    assert isinstance(who, People)
