"""Pictures of rows are text: every number is a row's, every mark where it was computed."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

import trustlib as tl
from trustbook.pictures import Contrast, dots, in_rows, slopes, together
from trustbook.pictures.rows import Axis
from trustlib.scales import scale_of

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "notebooks" / "templates").glob("*.ipynb"))
PAIR = {("m", "a"): 0.2, ("m", "b"): 0.3, ("w", "a"): 0.35, ("w", "b"): 0.6}


def levels(shares: dict, axes: list[str], n: int = 200, weight=None, **attrs):
    """Levels of cells with exactly these shares of people."""
    rows = [
        (*key, float(i < round(share * n)), 1.0 + (i % 2) * 3)
        for key, share in shares.items()
        for i in range(n)
    ]
    frame = pd.DataFrame(rows, columns=[*axes, "y", "w"])
    for place, axis in enumerate(axes):
        order = list(dict.fromkeys(key[place] for key in shares))
        frame[axis] = pd.Categorical(frame[axis], order)
    frame.attrs = attrs
    design = tl.SurveyDesign(frame, weight=weight)
    return tl.cell_means(tl.compress(design, "y", axes))


def page(picture) -> BeautifulSoup:
    return BeautifulSoup(picture._repr_html_(), "html.parser")


def places(soup: BeautifulSoup, kind: str) -> list[list[float]]:
    """Where marks of a kind stand in each row, in percent of the axis."""
    tracks = soup.select(".ef-track")
    found = []
    for track in tracks:
        marks = track.select(f".{kind}")
        lefts = [re.search(r"left:([\d.]+)%", mark["style"])[1] for mark in marks]
        found.append([float(left) for left in lefts])
    return found


def test_marks_stand_where_gaps_add_up_and_ratios_multiply():
    picture = together(levels(PAIR, ["sex", "eth"]))
    soup = page(picture)
    top = picture.axis.ticks[-1]
    added = 100 * (0.3 + 0.35 - 0.2) / top * 100
    multiplied = 100 * (0.3 * 0.35 / 0.2) / top * 100
    assert places(soup, "rf-added") == [[], [], [], [pytest.approx(added, abs=0.01)]]
    assert places(soup, "rf-multiplied")[-1] == [pytest.approx(multiplied, abs=0.01)]
    dots = [left for [left] in places(soup, "ef-mark")]
    assert dots == [pytest.approx(100 * 100 * p / top, abs=0.01) for p in PAIR.values()]
    assert "adding up 45.0, multiplying 52.5" in soup.get_text(" ")


@pytest.mark.parametrize(
    "sizes", [(2, 5), (2, 2, 2), (2, 2, 2, 2)], ids=["five levels", "three", "four"]
)
def test_more_identities_and_more_levels(sizes):
    """Each group that has two identities or more, held to sums and products by hand."""
    axes = [f"axis{i}" for i in range(len(sizes))]
    keys = list(product(*[range(size) for size in sizes]))
    shares = {
        tuple(f"level{at}" for at in key): 0.2 + 0.02 * sum(key) + 0.01 * (max(key) > 1)
        for key in keys
    }
    picture = together(levels(shares, axes))
    share = dict(zip(keys, shares.values(), strict=True))
    base = share[keys[0]]
    for key, row in zip(keys, picture.rows, strict=True):
        turned = [place for place, at in enumerate(key) if at]
        alone = [
            share[tuple(at if i == place else 0 for i, at in enumerate(key))]
            for place in turned
        ]
        marks = {mark.kind: mark.value for mark in row.marks}
        if len(turned) < 2:
            assert not marks
            continue
        added = base + sum(p - base for p in alone)
        multiplied = base * np.prod([p / base for p in alone])
        assert marks["added"] == pytest.approx(100 * added)
        assert marks["multiplied"] == pytest.approx(100 * multiplied)


def test_what_cannot_be_is_said_and_not_drawn():
    shares = {("m", "a"): 0.3, ("m", "b"): 0.7, ("w", "a"): 0.75, ("w", "b"): 0.8}
    row = together(levels(shares, ["sex", "eth"])).rows[-1]
    assert row.beside[-1] == "adding up over 100, multiplying over 100"
    assert row.marks == ()


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (Contrast(0.15, True), "the gaps added up give 45.0, and it is clearly more"),
        (Contrast(-0.15, True), "the gaps added up give 45.0, and it is clearly less"),
        (Contrast(0.15, False), "the gaps added up give 45.0, no clear difference"),
    ],
)
def test_the_title_says_what_was_found(contrast, words):
    title = together(levels(PAIR, ["sex", "eth"]), [contrast]).title
    assert title == f"w, b: 60.0 percent; {words}"


def test_people_are_told_and_what_they_are_worth():
    found = levels(PAIR, ["sex", "eth"], weight="w")
    worth = round(float(found.frame["n_eff"].iloc[0]))
    assert together(found).rows[0].beside[0] == f"200 people, worth {worth}"


def test_synthetic_is_said_in_title_and_caption():
    source = {"id": "made", "kind": "synthetic", "label": "made up"}
    soup = page(together(levels(PAIR, ["sex", "eth"], source=source)))
    assert soup.select_one(".ef-title").get_text().startswith("Synthetic: ")
    assert "SYNTHETIC" in soup.figcaption.get_text()


def test_small_groups_are_refused():
    shares = {**PAIR, ("w", "b"): 0.02}
    for picture in (in_rows, together):
        with pytest.raises(tl.DisclosureError):
            picture(levels(shares, ["sex", "eth"]))


@pytest.mark.parametrize("given", [None, pd.DataFrame(), "levels"])
def test_what_are_no_estimates_is_refused(given):
    for picture in (in_rows, together):
        with pytest.raises(tl.EstimandError):
            picture(given)


def test_one_identity_is_no_intersection():
    with pytest.raises(tl.EstimandError, match="two identities"):
        together(levels({("m",): 0.3, ("w",): 0.5}, ["sex"]))


def test_labels_stay_text():
    evil = "<img src=x onerror=alert(1)>"
    shares = {(evil, "a"): 0.2, (evil, "b"): 0.3, ("w", "a"): 0.35, ("w", "b"): 0.6}
    found = levels(shares, ["sex", "eth"], labels={"y": "<script>alert(2)</script>"})
    for picture in (in_rows(found), together(found)):
        soup = page(picture)
        assert not soup.find_all(["img", "script"])
        assert evil in soup.get_text()


def test_a_gap_has_its_line_of_none_and_ratios_a_log_axis():
    found = levels(PAIR, ["sex", "eth"])
    for scale, null in (("difference", 0.0), ("ratio", 1.0)):
        gaps = tl.comparisons(found, scale=scale)
        picture = in_rows(gaps, "Gaps")
        soup = page(picture)
        line = places(soup, "rf-null")[0][0]
        assert line == pytest.approx(picture.axis.at(null))
        ends = gaps.frame[["conf_low", "estimate", "conf_high"]].to_numpy()
        rows = np.array([row.ends for row in picture.rows])
        np.testing.assert_allclose(rows, ends * scale_of(gaps.kind).factor)
        assert picture.title.startswith("The widest: w, b")


@given(
    st.lists(st.floats(-100, 100, allow_nan=False), min_size=1, max_size=8),
    st.sampled_from(["level", "difference"]),
)
def test_every_value_has_its_place_on_an_axis_of_whole_ticks(values, kind):
    if kind == "level":
        values = [abs(value) for value in values]
    axis = Axis.over(values, scale_of(kind))
    assert all(tick == int(tick) for tick in axis.ticks)
    assert 2 <= len(axis.ticks) <= 8
    assert axis.ticks[0] <= min([0, *values])
    assert axis.ticks[-1] >= max([0, *values])
    order = sorted(values)
    assert [axis.at(value) for value in order] == sorted(map(axis.at, values))


@given(st.lists(st.floats(0.11, 90), min_size=1, max_size=8))
def test_every_ratio_has_its_place(values):
    axis = Axis.over(values, scale_of("ratio"))
    assert axis.ticks[0] <= min([1, *values])
    assert axis.ticks[-1] >= max([1, *values])
    assert axis.at(axis.ticks[0]) == 0
    assert axis.at(axis.ticks[-1]) == 100


def sources(path: Path) -> list[tuple[str, str]]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_summary_stands_right_under_the_heading(path):
    """Of a run page: heading and question, then what was found, then the rest."""
    cells = sources(path)
    assert cells[0] == ("markdown", "# @{title}\n\n@{question}")
    assert cells[2][0] == "code"
    assert "in_short(" in cells[2][1].splitlines()[-1]
    assert "tl.forest" not in "".join(source for _, source in cells)


def test_the_picture_of_together_follows_the_summary_of_an_intersection():
    cells = sources(ROOT / "notebooks/templates/intersection.ipynb")
    assert "judged.picture(" in cells[3][1]


# -- countries, and two waves ----------------------------------------------------------


def survey(n: int = 12_000, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "wave": rng.choice(["2022", "2024"], n),
            "country": rng.choice(["BR", "US", "JP"], n),
            "disability": pd.Categorical(rng.choice(["no", "yes"], n), ["no", "yes"]),
        }
    )
    chance = (
        0.3 + 0.2 * (frame["disability"] == "yes") + 0.1 * (frame["country"] == "JP")
    )
    return frame.assign(y=(rng.random(n) < chance).astype(float))


def levels_of(by: list[str]) -> tl.Estimates:
    return tl.cell_means(tl.compress(tl.SurveyDesign(survey(), weight=None), "y", by))


def test_countries_stand_by_name_and_their_mean_below():
    gaps = tl.comparisons(levels_of(["country", "disability"]), {"disability": "no"})
    pooled = tl.pool(gaps, prediction="confidence")
    picture = dots(gaps, pooled=pooled, what="Gaps")
    names = [row.name.own for row in picture.rows]
    assert names == ["Brazil", "Japan", "United States", "All 3 pooled"]
    codes = ["BR", "JP", "US"]
    each = gaps.frame.set_index("country")["estimate"].loc[codes].tolist()
    drawn = [row.ends[1] for row in picture.rows]
    assert drawn == pytest.approx(
        [100 * x for x in [*each, pooled.frame["estimate"][0]]]
    )
    mean = pooled.frame.iloc[0]
    assert f"I² {100 * mean['i2']:.0f} %" in picture.says
    assert any(text.startswith("a further one: ") for text in picture.rows[-1].beside)
    fixed = dots(gaps, pooled=tl.pool(gaps, method="fixed"))
    assert not any("further" in text for text in fixed.rows[-1].beside)


def test_a_pool_of_other_estimates_is_refused():
    gaps = tl.comparisons(levels_of(["country", "disability"]), {"disability": "no"})
    waves = tl.comparisons(levels_of(["country", "wave"]), {"wave": "2022"})
    with pytest.raises(tl.EstimandError, match="not of these"):
        dots(gaps, pooled=tl.pool(waves))


def test_the_last_wave_is_solid_and_the_one_before_hollow():
    found = levels_of(["wave", "country", "disability"])
    wide = found.frame.pivot(
        index=["country", "disability"], columns="wave", values="estimate"
    )
    picture = slopes(found)
    assert len(picture.rows) == len(wide)
    for row, (key, both) in zip(picture.rows, wide.iterrows(), strict=True):
        assert row.ends[1] == pytest.approx(100 * both["2024"])
        assert [mark.value for mark in row.marks] == [pytest.approx(100 * both["2022"])]
        assert row.beside[-1] == f"2022: {100 * both['2022']:.1f}"
        assert key[0] in {"BR", "JP", "US"}
    assert picture.rows[0].name.group == "Brazil"


def test_slopes_need_two_waves():
    with pytest.raises(tl.EstimandError, match="two levels of 'country'"):
        slopes(levels_of(["country", "disability"]), over="country")
    with pytest.raises(tl.UnknownNameError, match="by-column"):
        slopes(levels_of(["country", "disability"]))
