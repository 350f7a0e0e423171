"""What a reader sees: tables and pictures say what they show, of whom, by which convention, and are the same each time."""

import warnings

import pandas as pd
import pytest

import trustlib as tl
from test_bad_input import BY, FRAME, MEANS

LABELS = {"damaged": "Trust damaged", "gender": "Gender"}


def means_of(kind, label="Made up", frame=FRAME, by=BY):
    frame = frame.copy()
    frame.attrs = {"source": {"id": "x", "kind": kind, "label": label}, "labels": LABELS}
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
            tl.fit_logit(tl.compress(tl.SurveyDesign(FRAME), "damaged", BY), "gender * ethnicity")
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
    assert ("Real people: Some survey, 2022" if RESULTS[kind].source else "Source not stated") in html
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
    low, high = frame.loc[frame["estimate"].idxmin()], frame.loc[frame["estimate"].idxmax()]
    alt = tl.forest(REAL).alt
    assert alt.startswith("Trust damaged. 4 percentages")
    assert f"Lowest: {low.gender}: {low.ethnicity}, {100 * low.estimate:.1f} percent" in alt
    assert f"Highest: {high.gender}: {high.ethnicity}, {100 * high.estimate:.1f} percent" in alt
    assert alt.endswith("Real people: Some survey, 2022.")
    data, metadata = tl.forest(REAL)._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"]["alt"] == alt


def test_pictures_are_the_same_each_time():
    assert tl.forest(REAL).png() == tl.forest(REAL).png()


@pytest.mark.parametrize("kind", ["level", "difference", "ratio"])
def test_synthetic_data_say_so_everywhere(kind):
    made = means_of("synthetic", "Stand-in for the polling")
    estimates = made if kind == "level" else tl.comparisons(made, {"gender": "man"}, scale=kind)
    assert "SYNTHETIC" in tl.table(estimates).as_raw_html()
    picture = tl.forest(estimates)
    assert "SYNTHETIC" in picture.alt
    assert "SYNTHETIC" in texts_of(picture)
    assert any("SYNTHETIC data" in t for t in texts_of(picture))
    assert "SYNTHETIC" not in texts_of(tl.forest(REAL))


@pytest.mark.parametrize(
    ("kind", "word"),
    [("supplied", "Supplied microdata"), ("published", "Published figures"), (None, "Source not stated")],
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
    bands = FRAME.assign(income=pd.Categorical(FRAME.psu.map(lambda p: "<b>$20k_a" if p > 2 else "$20k^ & $30k")))
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
    html = tl.table(means_of("real", frame=FRAME.rename(columns={"gender": name}), by=[name])).as_raw_html()
    assert f"{name} ({name})" in html or name.capitalize() != name
    assert "woman" in html


def test_two_axes_with_one_label_keep_their_columns():
    frame = FRAME.copy()
    frame.attrs = {"labels": {"gender": "Identity", "ethnicity": "Identity"}}
    html = tl.table(tl.cell_means(tl.compress(tl.SurveyDesign(frame), "damaged", BY))).as_raw_html()
    assert "Identity (ethnicity)" in html
    assert "woman" in html
    assert "minority" in html
