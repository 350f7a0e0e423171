"""What a reader sees: tables and pictures say what they show, of whom, by which convention, and are the same each time."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import trustlib as tl
from samples import BY, FRAME, large_means
from trustlib import review
from trustlib.figures import DARK
from trustlib.scales import COMPARED
from trustlib.tables import number

MEANS = large_means()
LABELS = {"damaged": "Trust damaged", "gender": "Gender"}


def means_of(kind, label="Made up", frame=FRAME, by=BY):
    frame = frame.copy()
    frame.attrs = {
        "source": {"id": "x", "kind": kind, "label": label},
        "labels": LABELS,
    }
    return tl.cell_means(tl.compress(tl.SurveyDesign(frame), "damaged", by))


REAL = means_of("real", "Some survey, 2022")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    RESULTS = {
        "level": REAL,
        "difference": tl.comparisons(REAL, {"gender": "man"}),
        "ratio": tl.comparisons(REAL, {"gender": "man"}, scale="ratio"),
        "odds_ratio": tl.comparisons(REAL, {"gender": "man"}, scale="odds_ratio"),
        "coefficient": tl.coefficients(
            tl.fit_logit(
                tl.compress(tl.SurveyDesign(FRAME), "damaged", BY), "gender * ethnicity"
            )
        ),
        "everyone": tl.cell_means(tl.compress(tl.SurveyDesign(FRAME), "damaged")),
    }


def texts_of(picture):
    from matplotlib.text import Text

    return [t.get_text() for t in picture.figure.findobj(Text)]


@pytest.mark.parametrize("kind", RESULTS)
def test_tables_say_convention_and_evidence(kind):
    html = tl.table(RESULTS[kind]).as_raw_html()
    assert f"Convention: {RESULTS[kind].convention}." in html
    assert (
        "Real people: Some survey, 2022"
        if RESULTS[kind].source
        else "Source not stated"
    ) in html
    assert html == tl.table(RESULTS[kind]).as_raw_html()


@pytest.mark.parametrize("kind", RESULTS)
def test_pictures_say_in_words_what_is_seen(kind):
    picture = tl.forest(RESULTS[kind])
    assert isinstance(picture, tl.Picture)
    assert repr(picture) == picture.alt
    assert f"{len(RESULTS[kind])} " in picture.alt or "Everyone" in picture.alt
    assert "95\N{NO-BREAK SPACE}% intervals" in picture.alt
    assert "nan" not in picture.alt
    assert picture.png()[:4] == b"\x89PNG"


def test_the_alternative_text_names_lowest_and_highest():
    frame = REAL.frame
    low, high = (
        frame.loc[frame["estimate"].idxmin()],
        frame.loc[frame["estimate"].idxmax()],
    )
    alt = tl.forest(REAL).alt
    assert alt.startswith("Trust damaged. 4 percentages")
    assert (
        f"Lowest: {low.gender}: {low.ethnicity}, {100 * low.estimate:.1f} percent"
        in alt
    )
    assert (
        f"Highest: {high.gender}: {high.ethnicity}, {100 * high.estimate:.1f} percent"
        in alt
    )
    assert alt.endswith("Real people: Some survey, 2022.")
    data, metadata = tl.forest(REAL)._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"]["alt"] == alt


def labels_of(picture):
    """Names on the left of a picture: (text, whether it is bold), from top to bottom."""
    axis = picture.figure.axes[0].yaxis
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [
        (t.label1.get_text(), t.label1.get_fontweight() == "bold")
        for t in sorted(ticks, key=lambda t: t.get_loc())
    ]


AXES = FRAME.assign(
    lgbtq=pd.Categorical(FRAME.psu.map(lambda p: "yes" if p % 2 else "no"))
)
AXES.attrs = {"labels": LABELS | {"lgbtq": "LGBTQ+"}, "source": {"kind": "real"}}


def several():
    cells = tl.compress(tl.SurveyDesign(AXES), "damaged", ["gender", "lgbtq"])
    return tl.one_way(cells, ["gender", "lgbtq", ["gender", "lgbtq"]])


def test_an_axis_stands_once_above_its_levels_and_yes_says_of_what():
    levels = several()
    pair = ["man, not LGBTQ+", "man, LGBTQ+", "woman, not LGBTQ+", "woman, LGBTQ+"]
    expected = [("Gender", True), ("man", False), ("woman", False), ("LGBTQ+", True), ("not LGBTQ+", False),
                ("LGBTQ+", False), ("Gender, LGBTQ+", True), *((name, False) for name in pair)]  # fmt: skip
    assert labels_of(tl.forest(levels)) == expected
    gaps = tl.forest(tl.comparisons(levels))
    assert labels_of(gaps)[:3] == [
        ("Gender: woman", False),
        ("LGBTQ+", False),
        ("Gender, LGBTQ+", True),
    ]
    assert "Gender, LGBTQ+: man, LGBTQ+" in gaps.alt
    assert not {"yes", "no"} & {name for name, _ in labels_of(gaps)}
    assert ">Gender, LGBTQ+<" in tl.table(levels).as_raw_html()


def test_long_names_are_wrapped_and_one_colour_has_no_meaning():
    long = "Disability (deaf, or disabled for work)"
    frame = FRAME.assign(
        disability=FRAME.gender.astype(str).map(
            {"man": "not disabled", "woman": "disabled"}
        )
    )
    frame.attrs = {"labels": {"disability": long}}
    levels = tl.one_way(
        tl.compress(tl.SurveyDesign(frame), "damaged", ["disability", "ethnicity"])
    )
    picture = tl.forest(levels)
    assert (
        max(len(line) for name, _ in labels_of(picture) for line in name.split("\n"))
        <= 26
    )
    assert [name.replace("\n", " ") for name, bold in labels_of(picture) if bold] == [
        long,
        "Ethnicity",
    ]
    assert {
        tuple(c)
        for part in picture.figure.axes[0].collections
        for c in part.get_edgecolor()
    } == {to_rgba(DARK)}


def test_the_people_of_a_gap_are_those_of_both_groups():
    both, note = "People, both groups", "n: people of both groups."
    for kind, estimates in RESULTS.items():
        gap = kind in COMPARED
        assert (both in tl.table(estimates).as_raw_html()) == gap
        assert (
            any(note in t.replace("\n", " ") for t in texts_of(tl.forest(estimates)))
            == gap
        )


def test_the_alternative_text_says_of_what_and_which_gaps_are_clear():
    gaps = tl.comparisons(REAL, {"gender": "man"})
    gaps._frame[["conf_low", "conf_high"]] = [[0.01, 0.2], [-0.1, 0.2]]
    alt = tl.forest(gaps, title="The gap").alt
    assert alt.startswith("The gap. Trust damaged: 2 gaps with")
    assert "The interval excludes 0 in 1 of 2: woman: majority." in alt
    gaps._frame[["conf_low"]] = 0.01
    assert "The interval excludes 0 in 2 of 2." in tl.forest(gaps).alt
    many = replace(
        gaps,
        _frame=pd.concat([gaps.frame] * 4, ignore_index=True),
        smallest=np.full(8, 50),
    )
    many._frame.loc[7, "conf_low"] = -1
    assert (
        "in 7 of 8: woman: majority; woman: minority; woman: majority; woman: minority; 3 more."
        in tl.forest(many).alt
    )


def test_gaps_without_any_variance_are_one_line():
    gaps = tl.comparisons(REAL, {"gender": "man"})
    gaps._frame[["estimate", "conf_low", "conf_high"]] = [0.0, np.nan, np.nan]
    picture = tl.forest(gaps, title="Excess")
    said = "All 2 are zero, without interval: no variance beyond the additive part was found."
    assert picture.alt == f"Excess. {said} Real people: Some survey, 2022."
    assert labels_of(picture) == [("Each of the 2", False)]
    assert any(said in t.replace("\n", " ") for t in texts_of(picture))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0004, "0.0"),
        (0.0004, "0.0"),
        (-0.0, "0.0"),
        (-0.0006, "−0.1"),
        (0.123, "+12.3"),
        (1, "+100.0"),
    ],
)
def test_zero_has_no_sign_once_it_is_rounded(value, text):
    assert number(value, "difference") == text
    assert number(0.0, "ratio") == "0.00"
    assert number(-0.004, "interaction", "reri_rr") == "0.00"


def test_specifications_that_ignore_the_design_are_never_filled():
    frame = pd.concat([RESULTS["difference"].frame] * 2, ignore_index=True).drop(
        columns=["reference", *BY]
    )
    frame = frame.assign(
        estimate=[0.1, 0.2, 0.3, 0.4], conf_low=[-1, 0.1, 0.2, 0.3], conf_high=1.0
    )
    frame.insert(0, "link", ["logit", "logit", "firth", "firth"])
    frame.insert(0, "weights", ["a", "b", "a", "b"])
    facts = {"by": ("weights", "link"), "smallest": np.full(4, 50), "vcov": np.eye(4)}
    picture = review.specification_curve(
        replace(RESULTS["difference"], _frame=frame, **facts)
    )
    filled = picture.figure.axes[0].collections[1].get_facecolor()
    assert [tuple(c) == to_rgba(DARK) for c in filled] == [False, True, False, False]
    assert "excludes 0 in 1 of 2 with design-based errors." in picture.alt
    assert any(
        "or is Firth's, which ignores the design" in t.replace("\n", " ")
        for t in texts_of(picture)
    )


def test_pictures_are_the_same_each_time():
    assert tl.forest(REAL).png() == tl.forest(REAL).png()


@pytest.mark.parametrize("kind", ["level", "difference", "ratio"])
def test_synthetic_data_say_so_everywhere(kind):
    made = means_of("synthetic", "Stand-in for the polling")
    estimates = (
        made if kind == "level" else tl.comparisons(made, {"gender": "man"}, scale=kind)
    )
    assert "SYNTHETIC" in tl.table(estimates).as_raw_html()
    picture = tl.forest(estimates)
    assert "SYNTHETIC" in picture.alt
    assert "SYNTHETIC" in texts_of(picture)
    assert any("SYNTHETIC data" in t for t in texts_of(picture))
    assert "SYNTHETIC" not in texts_of(tl.forest(REAL))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("supplied", "Supplied microdata"),
        ("published", "Published figures"),
        (None, "Source not stated"),
    ],
)
def test_every_kind_of_evidence_is_named(kind, word):
    estimates = means_of(kind)
    assert word in tl.table(estimates).as_raw_html()
    assert word in tl.forest(estimates).alt


def test_the_notebook_display_has_the_convention():
    assert REAL.convention in repr(REAL)
    assert REAL.convention in REAL._repr_html_()


def test_texts_are_shown_as_they_are():
    """Neither HTML nor matplotlib's mathematics is made of labels and titles."""
    bands = FRAME.assign(
        income=pd.Categorical(
            FRAME.psu.map(lambda p: "<b>$20k_a" if p > 2 else "$20k^ & $30k")
        )
    )
    estimates = means_of("real", frame=bands, by=["income"])
    html = tl.table(estimates, title="<script>").as_raw_html()
    assert "<script>" not in html
    assert "<b>" not in html
    picture = tl.forest(estimates, title="From $5_a to $6^")
    assert picture.png()[:4] == b"\x89PNG"
    assert picture.alt.startswith("From $5_a to $6^.")
    assert any(r"\$20k^ & \$30k" in t for t in texts_of(picture))


def test_titles_may_be_long_or_no_text():
    assert tl.forest(MEANS, title="word " * 100).png()
    assert "2022" in tl.forest(MEANS, title=2022).alt
    assert "2022" in tl.table(MEANS, title=2022).as_raw_html()


@pytest.mark.parametrize("name", ["People", "Percent", "Measure"])
def test_an_axis_named_like_a_heading_keeps_its_column(name):
    html = tl.table(
        means_of("real", frame=FRAME.rename(columns={"gender": name}), by=[name])
    ).as_raw_html()
    assert f"{name} ({name})" in html or name.capitalize() != name
    assert "woman" in html


def test_two_axes_with_one_label_keep_their_columns():
    frame = FRAME.copy()
    frame.attrs = {"labels": {"gender": "Identity", "ethnicity": "Identity"}}
    html = tl.table(
        tl.cell_means(tl.compress(tl.SurveyDesign(frame), "damaged", BY))
    ).as_raw_html()
    assert "Identity (ethnicity)" in html
    assert "woman" in html
    assert "minority" in html
