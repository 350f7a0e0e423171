"""What coefficients, gaps and measures are compared with travels with them, and what differs is not put together."""

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from trustlib.tables import readable


def people(seed, levels=("man", "woman", "other"), size=2000, **fixed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"w": 1 + rng.random(size)})
    frame["g"] = pd.Categorical(
        rng.choice(["woman", "other", "man"], size), categories=levels
    )
    frame["e"] = pd.Categorical(rng.choice(["majority", "minority"], size))
    frame["age"] = rng.integers(2, 7, size) * 10.0
    chance = 0.3 + 0.2 * (frame["g"] == "woman") + 0.1 * (frame["e"] == "minority")
    frame["y"] = (rng.random(size) < chance).astype(float)
    return frame.assign(**fixed)


def fit_of(frame, formula="g + e", domain=None, by=("g", "e", "age")):
    design = tl.SurveyDesign(frame, "w")
    if domain is not None:
        design = design.domain(domain)
    return tl.fit_logit(tl.compress(design, "y", list(by)), formula)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("g + e", ["g man, e majority", "g man", "g man", "e majority"]),
        ("g * e", ["g man, e majority"] * 3 + ["g man, e majority"] * 3),
        ("e + age", ["e majority, age 0", "e majority", ""]),
        ("e * age", ["e majority, age 0"] * 2 + ["e majority"] * 2),
        ("0 + g + e", ["e majority"] * 3 + ["e majority"]),
        ("g + g:age", ["g man, age 0"] * 3 + [""] * 3),
        ("C(age)", ["C(age) 20.0"] * 5),
    ],
)
def test_each_coefficient_says_its_reference(formula, expected):
    fit = fit_of(people(1), formula)
    frame = tl.coefficients(fit).frame
    assert frame["reference"].tolist() == expected
    assert tl.coefficients(fit).by == ("term",)


def test_the_reference_decides_the_value():
    """A coefficient whose reference is said to be the same has the same value when other axes turn their order."""
    frame = people(2)
    turned = frame.assign(e=frame["e"].cat.reorder_categories(["minority", "majority"]))
    for formula in ("g + e", "g * e", "g + e + age", "e * age + g", "0 + g + e"):
        one = tl.coefficients(fit_of(frame, formula)).frame
        other = tl.coefficients(fit_of(turned, formula)).frame
        both = one.merge(other, on="term")
        same = both["reference_x"] == both["reference_y"]
        equal = np.isclose(both["estimate_x"], both["estimate_y"], rtol=1e-6, atol=1e-8)
        assert equal[same].all()
        assert not equal[~same].any()


def test_countries_with_other_references_are_not_put_together():
    whole = fit_of(people(3))
    without = fit_of(people(4), domain="g != 'man'")
    turned = fit_of(people(5, levels=("woman", "man", "other")))
    for other in (without, turned):
        for scale in ("log_odds", "odds_ratio"):
            parts = {
                "A": tl.coefficients(whole, scale),
                "B": tl.coefficients(other, scale),
            }
            with pytest.raises(tl.EstimandError) as caught:
                tl.stack(parts, "country")
            assert "g man" in str(caught.value)
            assert "g woman" in str(caught.value)
            left = {k: v.where("term == 'g[T.other]'") for k, v in parts.items()}
            with pytest.raises(tl.EstimandError, match="g woman"):
                tl.stack(left, "country")


def test_what_has_one_reference_is_still_put_together():
    """The coefficient of one axis does not depend on the reference of another without an interaction."""
    whole, without = fit_of(people(3)), fit_of(people(4), domain="g != 'man'")
    parts = {
        k: tl.coefficients(f).where("term == 'e[T.minority]'")
        for k, f in (("A", whole), ("B", without))
    }
    mean = tl.average(tl.stack(parts, "country"))
    assert mean.frame["reference"].tolist() == ["e majority"]
    with pytest.raises(tl.EstimandError, match="other"):
        tl.stack(
            {
                "A": tl.coefficients(fit_of(people(3), "g * e")).where(
                    "term == 'e[T.minority]'"
                ),
                "B": tl.coefficients(
                    fit_of(people(4), "g * e", domain="g != 'man'")
                ).where("term == 'e[T.minority]'"),
            },
            "country",
        )


def test_gaps_against_other_groups_are_named():
    levels = [
        tl.cell_means(tl.compress(tl.SurveyDesign(people(s), "w"), "y", ["g"]))
        for s in (6, 7)
    ]
    gaps = {
        "A": tl.comparisons(levels[0], {"g": "man"}).where("g == 'other'"),
        "B": tl.comparisons(levels[1], {"g": "woman"}).where("g == 'other'"),
    }
    with pytest.raises(
        tl.EstimandError, match="'man' in country A and 'woman' in country B"
    ):
        tl.stack(gaps, "country")


def test_measures_of_interaction_carry_their_reference():
    levels = [
        tl.cell_means(tl.compress(tl.SurveyDesign(people(s), "w"), "y", ["g", "e"]))
        for s in (8, 9)
    ]
    one = tl.interactions(levels[0], "g", "e")
    assert set(one.frame["reference"]) == {"g man, e majority"}
    assert one.by == ("g", "e", "measure", "method")
    other = tl.interactions(levels[1], "g", "e", reference={"g": "woman"})
    rows = "g == 'other' and measure == 'interaction_contrast'"
    with pytest.raises(
        tl.EstimandError, match=r"g man, e majority.*g woman, e majority"
    ):
        tl.stack({"A": one.where(rows), "B": other.where(rows)}, "country")
    same = tl.interactions(levels[1], "g", "e")
    assert len(tl.stack({"A": one, "B": same}, "country")) == 2 * len(one)


def test_tables_print_what_each_is_compared_with():
    frame = people(10)
    coefficients = tl.coefficients(fit_of(frame, "g * e"), "odds_ratio")
    shown = readable(coefficients)
    assert set(shown["Compared with"]) == {"g man, e majority"}
    assert "People" in shown
    assert "g man, e majority" in tl.table(coefficients).as_raw_html()
    levels = tl.cell_means(tl.compress(tl.SurveyDesign(frame, "w"), "y", ["g", "e"]))
    html = tl.table(tl.interactions(levels, "g", "e")).as_raw_html()
    assert "Compared with: g man, e majority" in html
    slope = readable(tl.coefficients(fit_of(frame, "e + age")))
    assert slope["Compared with"].tolist() == ["e majority, age 0", "e majority", "–"]


def test_an_absent_first_level_is_said(tmp_path):
    frame = people(11)
    fit = fit_of(frame, domain="g != 'man'")
    told = "Nobody in the domain is 'man', the first level of g; 'woman' is the reference instead."
    levels = tl.cell_means(fit.cells)
    for estimates in (
        tl.comparisons(levels),
        tl.comparisons(tl.one_way(fit.cells, ["e", "g"])),
        tl.coefficients(fit),
        tl.comparisons(tl.predictions(fit, ["g"])),
        tl.interactions(levels.where("age == 20"), "g", "e"),
    ):
        assert told in estimates.notes
    assert not tl.comparisons(levels, {"g": "woman"}).notes  # chosen, not instead
    assert not tl.comparisons(levels, {"e": "majority"}).notes  # nothing rests on it
    assert told.replace("'", "&#x27;") in tl.table(
        tl.coefficients(fit)
    ).as_raw_html().replace("'", "&#x27;")
    assert not tl.coefficients(fit_of(frame)).notes
    again = tl.Cells.read(
        tl.compress(tl.SurveyDesign(frame, "w").domain("g != 'man'"), "y", ["g"]).write(
            tmp_path / "cells.parquet"
        )
    )
    assert told in tl.comparisons(tl.cell_means(again)).notes
    whole = tl.compress(tl.SurveyDesign(people(12), "w"), "y", ["g"])
    merged = tl.Cells.merge([again, whole])
    assert not tl.comparisons(tl.cell_means(merged)).notes


def test_level_names_may_be_shared_by_axes():
    frame = people(13).assign(region=np.resize(["north", "man", "other"], 2000))
    levels = tl.cell_means(
        tl.compress(tl.SurveyDesign(frame, "w"), "y", ["region", "g"])
    )
    gaps = tl.comparisons(levels, {"g": "man"})
    renamed = frame.assign(
        region=frame["region"].replace({"man": "east", "other": "west"})
    )
    plain = tl.comparisons(
        tl.cell_means(tl.compress(tl.SurveyDesign(renamed, "w"), "y", ["region", "g"])),
        {"g": "man"},
    )
    for verb in (tl.pool, tl.average):
        np.testing.assert_allclose(
            verb(gaps, "region").frame["estimate"],
            verb(plain, "region").frame["estimate"],
        )
    with pytest.raises(tl.EstimandError, match="another region"):
        tl.average(tl.comparisons(levels, {"region": "north"}), "region")
    with pytest.raises(tl.EstimandError, match="another region"):
        tl.average(tl.comparisons(levels), "region")


# -- people count once --------------------------------------------------------------------------------------------------


def test_people_are_counted_once_over_at():
    frame = people(14)
    fit = fit_of(frame, "g + e + age")
    everyone = tl.predictions(fit, at={"age": [20, 40, 60]})
    assert tl.comparisons(everyone, {"age": 20}).frame["n"].tolist() == [len(frame)] * 2
    by_gender = tl.predictions(fit, ["g"], at={"age": [20, 60]})
    within = tl.comparisons(by_gender, {"age": 20})
    size = frame["g"].value_counts()
    assert within.frame["n"].tolist() == [size[g] for g in within.frame["g"]]
    both = tl.comparisons(by_gender, {"g": "man"})
    assert both.frame["n"].tolist() == [size["man"] + size[g] for g in both.frame["g"]]
    mean = tl.average(both, over="age")
    assert mean.frame["n"].tolist() == [size["man"] + size[g] for g in mean.frame["g"]]
    chosen = tl.comparisons(by_gender.where("g != 'other'"), {"age": 20})
    assert chosen.frame["n"].tolist() == [size[g] for g in chosen.frame["g"]]


def test_people_are_counted_once_in_interactions_and_pools():
    frame = people(15)
    fit = fit_of(frame, "g * e + age")
    levels = tl.predictions(fit, ["g", "e"], at={"age": [20, 60]})
    inter = tl.interactions(levels, "g", "e")
    once = tl.interactions(tl.predictions(fit, ["g", "e"]), "g", "e")
    per_age = inter.where("age == 20").frame["n"]
    assert per_age.tolist() == once.frame["n"].tolist()
    over_at = tl.interactions(
        tl.predictions(fit, ["g"], at={"age": [20, 60]}), "g", "age"
    )
    size = frame["g"].value_counts()
    expected = [size["man"] + size[g] for g in over_at.frame["g"]]
    assert over_at.frame["n"].tolist() == expected


def test_people_are_counted_once_over_several_axes():
    cells = tl.compress(tl.SurveyDesign(people(16), "w"), "y", ["g", "e"])
    gaps = tl.comparisons(tl.one_way(cells, ["g", ("g", "e")]))
    first = gaps.frame.query("axis == 'g'")
    size = cells.frame.groupby("g", observed=True)["n"].sum()
    assert first["n"].tolist() == [
        size["man"] + size["woman"],
        size["man"] + size["other"],
    ]
    levels = tl.one_way(cells, ["g", "e"])
    assert levels.people.count.tolist() == levels.frame["n"].tolist()
    together = levels.people.together(np.array([[0, 3], [1, 4]]))
    either = (cells.frame["g"] == "man") | (cells.frame["e"] == "majority")
    assert together.count[0] == cells.frame["n"][either].sum()
