"""The sentence at the top of a page says what the estimates of the page say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from trustbook.clear import VERDICTS
from trustbook.summary import (
    LONGEST,
    SINGULAR,
    gaps_in_words,
    in_short,
    levels_in_short,
    range_in_short,
)
from trustlib import review


def levels(
    shares: dict[str, float], n: int = 2_000, kind: str | None = None
) -> tl.Estimates:
    """Percentages of groups with exactly these shares of people."""
    rows = [
        (group, float(i < round(share * n)))
        for group, share in shares.items()
        for i in range(n)
    ]
    frame = pd.DataFrame(rows, columns=["group", "y"])
    frame["group"] = pd.Categorical(frame["group"], list(shares))
    frame.attrs = {"source": {"kind": kind}} if kind else {}
    return tl.cell_means(
        tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["group"])
    )


def test_the_widest_clear_gap_is_named():
    gaps = tl.comparisons(levels({"a": 0.5, "b": 0.51, "c": 0.6, "d": 0.3}))
    text = in_short(gaps).text
    assert text.startswith(
        "**In short.** 2 of 3 gaps are clear by the 95 % interval, the widest d against a: −20.0 points (−23.0 to"
    )
    assert "c against a" not in text
    assert "b against a" not in text


def test_without_a_clear_gap_it_says_so():
    text = in_short(tl.comparisons(levels({"a": 0.5, "b": 0.51}))).text
    assert text == (
        "**In short.** The gap is not clear by the 95 % interval: this survey cannot say which group reports more."
    )


def test_adjusted_p_values_decide_and_are_named():
    found = tl.comparisons(levels({"a": 0.5, "b": 0.535, "c": 0.5, "d": 0.5, "e": 0.5}))
    assert in_short(found).text.startswith(
        "**In short.** 1 of 4 gaps is clear by the 95 % interval"
    )
    adjusted = in_short(tl.adjust(found)).text
    assert adjusted.startswith(
        "**In short.** None of 4 gaps is clear after Holm's adjustment for their number:"
    )


def test_ratios_are_held_against_one():
    text = in_short(tl.comparisons(levels({"a": 0.5, "b": 0.7}), scale="ratio")).text
    assert "b against a: 1.40 (" in text
    assert "points" not in text


def test_synthetic_data_are_called_so_and_small_groups_are_refused():
    assert (
        "Of the synthetic stand-in, which is no finding:"
        in in_short(tl.comparisons(levels({"a": 0.5, "b": 0.7}, kind="synthetic"))).text
    )
    with pytest.raises(tl.DisclosureError):
        in_short(tl.comparisons(levels({"a": 0.5, "b": 0.5}, n=18)))
    with pytest.raises(tl.EstimandError, match="Expected gaps"):
        in_short(levels({"a": 0.5, "b": 0.7}))


def of_two(both: float, names=("x", "z", "p", "q")) -> tl.Estimates:
    """Levels of two identities; the gaps of each alone are ten points."""
    x, z, p, q = names
    shares = {(x, p): 0.5, (x, q): 0.6, (z, p): 0.6, (z, q): both}
    rows = [
        (*k, float(i < round(v * 1_000)))
        for k, v in shares.items()
        for i in range(1_000)
    ]
    frame = pd.DataFrame(rows, columns=["one", "two", "y"])
    for axis in ("one", "two"):
        frame[axis] = pd.Categorical(frame[axis], list(dict.fromkeys(frame[axis])))
    return tl.cell_means(
        tl.compress(tl.SurveyDesign(frame, weight=None), "y", ["one", "two"])
    )


@pytest.mark.parametrize(
    ("both", "words"),
    [
        (0.9, "+20.0 points"),
        (0.5, "−20.0 points"),
        (0.7, "0.0 points"),
    ],
)
def test_two_identities_together_on_both_scales(both, words):
    """The contrast is what both have beyond the sum, the ratio beyond the product."""
    found = of_two(both)
    text = in_short(tl.comparisons(found), tl.interactions(found, "one", "two")).text
    assert f"Together {words}" in text.replace("Together (z, q)", "Together")
    assert f" {both * 0.5 / (0.6 * 0.6):.2f} (" in text
    clause = {
        0.9: "both intervals exclude",
        0.5: "both intervals exclude",
        0.7: "neither interval excludes",
    }
    assert clause[both] in text


@given(
    st.lists(st.text("abcdefgh ", min_size=1, max_size=120), min_size=4, max_size=4),
    st.sampled_from([0.5, 0.7, 0.9]),
)
def test_a_summary_is_never_longer_than_its_bound(names, both):
    names = [f"{name.strip()} {place}" for place, name in enumerate(names)]
    found = of_two(both, names)
    text = in_short(tl.comparisons(found), tl.interactions(found, "one", "two")).text
    assert len(text) <= LONGEST


def test_of_levels_the_ends_are_named():
    groups = levels({"a": 0.2, "b": 0.5, "c": 0.35})
    everyone = levels({"all": 0.35})
    text = levels_in_short(everyone, groups).text
    assert text.endswith("From 20.0 percent in a to 50.0 in b.")
    assert "Everyone: 35.0 percent (" in text


def test_a_range_names_the_choices_that_turn_the_sign():
    rng = np.random.default_rng(2)
    n = 8_000
    frame = pd.DataFrame({"a": rng.integers(0, 2, n), "b": rng.integers(0, 2, n)})
    heavy = (frame["a"] == 1) & (rng.random(n) < 0.2)
    frame["w"] = np.where(heavy, 5.0, 1.0)
    p = 0.5 + 0.1 * frame["a"] - 0.25 * heavy
    frame["y"] = (rng.random(n) < p).astype(float)
    frame[["a", "b"]] = frame[["a", "b"]].replace({0: "no", 1: "yes"})
    design = tl.SurveyDesign(frame, weight="w")
    grid = review.robustness(design, "y", ["a", "b"], {"a": "yes"}, links=["logit"])
    text = range_in_short(grid).text
    assert "Its sign depends on the choice: above all on weights." in text
    assert f"{len(grid)} specifications" in text
    same = range_in_short(grid.where("weights == 'weighted'")).text
    assert same.endswith("All of them have the same sign.")


def test_one_gap_is_adjusted_for_no_other():
    gap = tl.comparisons(levels({"a": 0.5, "b": 0.7}))
    assert in_short(tl.adjust(gap)).text == in_short(gap).text


def test_a_verdict_in_other_words_is_not_repeated():
    row = {"what": "b against a", "group": "b", "verdict": "cannot tell"}
    row |= {"estimate": 0.1, "conf_low": -0.05, "conf_high": 0.15}
    [text, *_] = gaps_in_words(pd.DataFrame([row]), "difference", "gaps")
    assert text.startswith("The gap is not clear")


@pytest.mark.parametrize(("plural", "one"), SINGULAR.items())
@pytest.mark.parametrize("verdict", VERDICTS)
def test_one_alone_is_not_counted(plural, one, verdict):
    row = {"what": "b against a", "group": "b", "verdict": verdict}
    row |= {"estimate": 0.1, "conf_low": 0.05, "conf_high": 0.15}
    for text in gaps_in_words(pd.DataFrame([row]), "difference", plural):
        assert text.startswith(f"The {one} is {verdict}")
