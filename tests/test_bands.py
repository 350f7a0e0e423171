"""Bands of a number: both ends belong, neither gaps nor overlaps, and what no band has is a fault."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from contract import refused
from trustlib.bands import bands_of

WRONG = {
    "a gap": ({"18-34": [18, 34], "36+": [36]}, "after 34 comes 35, got 36"),
    "a shared end": ({"18-35": [18, 35], "35+": [35]}, "overlap"),
    "an overlap": ({"18-40": [18, 40], "35+": [35]}, "overlap"),
    "from high to low": ({"35+": [35], "18-34": [18, 34]}, "only the last no highest"),
    "down, both closed": ({"b": [35, 60], "a": [18, 34]}, "from low to high"),
    "ends exchanged": ({"a": [34, 18], "b": [35]}, "before it begins"),
    "a text": ({"a": ["x", 3], "b": [4]}, "no numbers"),
    "no list": ({"a": 18, "b": [19]}, "no list of its ends"),
    "three ends": ({"a": [1, 2, 3], "b": [4]}, "no list of its ends"),
    "no end": ({"a": [None, None], "b": [4]}, "no numbers"),
    "one band": ({"a": [18, 34]}, "expected two or more"),
    "a decimal between": ({"a": [18.5, 24.9], "b": [25.5, 30]}, "after 24.9 comes 25.0"),
    "open in the middle": ({"a": [None, 17], "b": [18], "c": [35, 40]}, "overlap"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_bands_that_do_not_follow_each_other_are_refused_in_words(name):
    cut, words = WRONG[name]
    with pytest.raises(ValueError, match=words.replace("+", r"\+")):
        bands_of(cut)
    rule = {"variables": {"age": {"column": "a", "cut": cut}}}
    refused(lambda: tl.read_survey("none.csv", rule), tl.CodebookError, ValueError)


@given(
    start=st.integers(-50, 50),
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    places=st.integers(0, 2),
    at=st.floats(0, 1),
)
def test_every_number_between_the_first_end_and_the_last_has_one_band(
    start, sizes, places, at
):
    step = Decimal(1).scaleb(-places)
    low = Decimal(start) * step
    cut = {}
    for i, size in enumerate(sizes):
        high = low + (size - 1) * step
        cut[f"b{i}"] = [float(low), float(high)]
        low = high + step
    cut["b0"][0] += 0.0
    first = cut["b0"][0]
    last = float(low)
    # At least one end has all decimals, so that the step is known.
    if places and all(
        float(e) == round(e, places - 1) for b in cut.values() for e in b
    ):
        return
    number = first + at * (last - first) * 0.999
    assert sum(number in band for band in bands_of(cut)) == 1


def test_a_column_of_ages_becomes_bands_and_what_is_outside_is_told(tmp_path):
    ages = [*range(18, 100)] * 2 + ["34.5", "Refused", "", "140"]
    frame = pd.DataFrame({"age": ages, "y": ["1", "0"] * 84})
    frame.to_csv(tmp_path / "p.csv", index=False)
    cut = {"18-34": [18, 34], "35-64": [35, 64], "65+": [65, 120]}
    age = {"column": "age", "cut": cut, "missing": {"Refused": "refused"}}
    plan = {"variables": {"age": age, "y": {"values": {"1": 1, "0": 0}}}}
    refused(
        lambda: tl.read_survey(tmp_path / "p.csv", plan),
        tl.CodebookError,
        ValueError,
        "numbers outside of all bands",
        "row 168",
    )
    plan["variables"]["age"]["missing"]["140"] = "absurd"
    read = tl.read_survey(tmp_path / "p.csv", plan)
    assert list(read["age"].cat.categories) == list(cut)
    assert read["age"].value_counts().to_dict() == {"18-34": 35, "35-64": 60, "65+": 70}
    assert read["age"][164] == "18-34"  # 34 completed years
    assert read["age_missing"].dropna().tolist() == [
        "refused",
        "blank in the file",
        "absurd",
    ]
    assert read.attrs["ordered"] == ["age"]


def test_decimal_commas_are_cut_too(tmp_path):
    (tmp_path / "p.csv").write_text("bmi;y\n24,9;1\n25,0;0\n18,5;1\n")
    plan = {
        "variables": {
            "bmi": {"cut": {"low": [18.5, 24.9], "high": [25]}},
            "y": {"values": {"1": 1, "0": 0}},
        }
    }
    read = tl.read_survey(tmp_path / "p.csv", plan)
    assert read["bmi"].tolist() == ["low", "high", "low"]
