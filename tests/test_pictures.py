"""The pictures of the chapters: gated, marked, in order, right in words, the same each time, and no label on another."""

from __future__ import annotations

import json
import re
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import trustlib as tl
from trustbook.attack import COMBINED
from trustbook.pictures import (
    dots,
    membership,
    overlaps,
    slopes,
)
from trustbook.replicates import SUFFIX
from trustbook.runs import load_plan
from trustlib.figures import DPI, WIDTH

ROOT = Path(__file__).parents[1]

LONG = "people who told us that they are of a rather long name"
LEVELS = {
    "gender": ["man", "woman"], "ethnicity": ["majority", "minority"], "disability": ["not disabled", "disabled"],
    "lgbtq": ["no", "yes"], "country": ["BR", "FR", "JP", "UK", "US"], "wave": ["2022", "2024"],
    "group": [f"group {i}" for i in range(1, 9)], "words": [LONG, f"{LONG} as well", "short"],
}  # fmt: skip
INTERVAL = "95\N{NO-BREAK SPACE}% interval"
LABELS = {
    "damaged": "Trust damaged",
    "lgbtq": "LGBTQ+",
    "gender": "Gender",
    "words": "An axis with quite some words",
}


def people(n=30_000, kind="real", seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {c: pd.Categorical(rng.choice(v, n), v) for c, v in LEVELS.items()}
    )
    p = (
        0.3
        + 0.1 * (frame.gender == "woman")
        + 0.2 * (frame.disability == "disabled")
        + 0.05 * frame.country.cat.codes
    )
    frame["damaged"] = (rng.random(n) < p).astype(float)
    frame["weight"], frame["stratum"] = rng.uniform(0.5, 2, n), rng.integers(0, 4, n)
    frame.attrs = {
        "source": {"id": "x", "kind": kind, "label": "Some survey"},
        "labels": LABELS,
    }
    return frame


FRAME = people()


def cells(by, frame=FRAME, where=None):
    design = tl.SurveyDesign(frame, weight="weight", strata="stratum")
    return tl.compress(design if where is None else design.domain(where), "damaged", by)


def gaps(by, reference, frame=FRAME):
    return tl.comparisons(tl.cell_means(cells(by, frame)), reference=reference)


def pictures(frame=FRAME):
    """Each picture with few groups, with many and with long labels."""
    return {
        "overlaps of two": overlaps(membership(cells(["gender", "ethnicity"], frame))),
        "overlaps of four": overlaps(membership(cells(list(LEVELS)[:4], frame))),
        "overlaps long": overlaps(
            membership(cells(["words", "gender"], frame, "words != 'short'"))
        ),
    }


PICTURES = pictures()


def texts_of(picture):
    """Every text that is seen, with its box on the canvas; the mark across is not one of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(picture.figure)
    picture.figure.set_dpi(DPI)
    picture.figure.draw_without_rendering()
    found, out = [], set()
    for axis in (a for ax in picture.figure.axes for a in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        out |= {
            label
            for t in ticks
            if not low <= t.get_loc() <= high
            for label in (t.label1, t.label2)
        }
    for text in picture.figure.findobj(Text):
        axes = getattr(text, "axes", None)
        shown = (
            text.get_visible()
            and (axes is None or axes.get_visible())
            and text not in out
        )
        if shown and text.get_text().strip() and text.get_text() != "SYNTHETIC":
            found.append((text.get_text(), text.get_window_extent()))
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_no_label_lies_on_another_or_leaves_the_picture(name):
    found, edge = texts_of(PICTURES[name]), PICTURES[name].figure.bbox
    assert len(found) > 5
    for (one, a), (other, b) in combinations(found, 2):
        wide, tall = (
            min(a.x1, b.x1) - max(a.x0, b.x0),
            min(a.y1, b.y1) - max(a.y0, b.y0),
        )
        assert min(wide, tall) < 1, f"{one!r} and {other!r} overlap"
    for text, box in found:
        assert min(box.x0, box.y0) > -2, text
        assert box.x1 < edge.x1 + 2, text
        assert box.y1 < edge.y1 + 2, text


def test_the_check_for_overlaps_can_fail():
    picture = overlaps(membership(cells(["gender", "ethnicity"])))
    picture.figure.axes[0].annotate("on top of it", (0, 0), ha="center")
    picture.figure.axes[0].annotate("on top of it", (0, 0), ha="center")
    found = [box for _, box in texts_of(picture)]
    assert any(a.overlaps(b) for a, b in combinations(found, 2))


@pytest.mark.parametrize("name", PICTURES)
def test_each_is_of_the_house_style(name):
    picture = PICTURES[name]
    assert picture.figure.get_figwidth() == WIDTH
    assert picture.figure.get_facecolor() == (1, 1, 1, 1)
    assert not picture.figure.legends
    assert all(ax.get_legend() is None for ax in picture.figure.axes)
    assert "Real people: Some survey" in picture.figure.get_supxlabel()
    assert picture.alt.endswith("Real people: Some survey.")
    assert "nan" not in picture.alt
    sizes = [
        t.get_fontsize() for t in picture.figure.findobj(Text) if t.get_text().strip()
    ]
    assert min(sizes) >= 7


@pytest.mark.slow
def test_each_is_the_same_each_time():
    again = pictures()
    assert {name: p.png() for name, p in again.items()} == {
        name: p.png() for name, p in pictures().items()
    }


def test_synthetic_data_carry_the_mark():
    for name, picture in pictures(people(kind="synthetic")).items():
        assert "SYNTHETIC" in [t.get_text() for t in picture.figure.texts], name
        assert "SYNTHETIC data, not a finding" in picture.alt, name
        assert b"SYNTHETIC" in picture.png()[:4000], name
        assert "SYNTHETIC" not in [t.get_text() for t in PICTURES[name].figure.texts], (
            name
        )


@pytest.mark.parametrize(
    "make",
    [slopes, lambda levels: dots(levels, over="wave")],
)
def test_the_gate_refuses(make):
    few = FRAME[
        (FRAME.gender == "man")
        | (FRAME.index % 400 == 0) & (FRAME.disability == "disabled")
    ]
    few.attrs = FRAME.attrs
    levels = tl.cell_means(
        cells(["wave", "gender"], few[(few.gender == "man") | (few.index < 3_000)])
    )
    with pytest.raises(tl.DisclosureError, match="is not shown"):
        make(levels)


# -- overlaps ---------------------------------------------------------------------------------------------------------

AXES = ["gender", "ethnicity", "disability", "lgbtq"]


def test_shares_and_their_errors_are_those_of_an_answer_that_says_who_belongs():
    shares = membership(cells(AXES))
    assert shares.frame["estimate"].sum() == pytest.approx(1)
    design = tl.SurveyDesign
    for i, row in enumerate(shares.frame.itertuples()):
        inside = np.logical_and.reduce([FRAME[c] == getattr(row, c) for c in AXES])
        told = FRAME.assign(belongs=inside.astype(float))
        alone = tl.cell_means(
            tl.compress(design(told, weight="weight", strata="stratum"), "belongs")
        ).frame.iloc[0]
        for c in ("estimate", "std_error", "conf_low", "conf_high"):
            assert getattr(row, c) == pytest.approx(alone[c], rel=1e-9)
        assert row.n == inside.sum()
        assert shares.vcov[i, i] == pytest.approx(row.std_error**2)


def test_sealed_cells_and_replicate_weights_give_shares_too():
    sealed, plain = membership(cells(AXES).seal()), membership(cells(AXES))
    np.testing.assert_allclose(sealed.vcov, plain.vcov, rtol=1e-9, atol=1e-18)
    assert (sealed.frame["n"] == plain.frame["n"]).all()
    frame, halves = FRAME.copy(), [f"r{i}" for i in range(20)]
    for i, name in enumerate(halves):
        frame[name] = frame["weight"] * (frame.index % 20 != i) * 20 / 19
    facts = {"replicate_weights": halves, "replicate_method": "JK1"}
    design = tl.SurveyDesign(frame, weight="weight", **facts)
    shares = membership(tl.compress(design, "damaged", ["gender", "lgbtq"])).frame
    told = frame.assign(
        both=((frame["gender"] == "woman") & (frame["lgbtq"] == "yes")).astype(float)
    )
    alone = tl.cell_means(
        tl.compress(tl.SurveyDesign(told, weight="weight", **facts), "both")
    ).frame
    assert shares["estimate"].iloc[-1] == pytest.approx(alone["estimate"].iloc[0])
    assert shares["std_error"].iloc[-1] == pytest.approx(
        alone["std_error"].iloc[0], rel=0.02
    )  # linearised


def rare(counts):
    """People of each combination as given, half of them with the outcome."""
    rows = [(*levels, i % 2) for levels, n in counts.items() for i in range(n)]
    frame = pd.DataFrame(rows, columns=[*AXES[: len(rows[0]) - 1], "damaged"]).astype(
        {"damaged": float}
    )
    axes = list(frame)[:-1]
    for c in axes:
        frame[c] = pd.Categorical(frame[c], LEVELS[c])
    frame.attrs = FRAME.attrs
    return tl.compress(tl.SurveyDesign(frame.assign(weight=1.0)), "damaged", axes)


def test_what_is_left_out_cannot_be_had_from_any_margin():
    rng = np.random.default_rng(5)
    sizes = {levels: int(rng.integers(1, 12) if rng.random() < 0.25 else rng.integers(20, 400))
             for levels in product(*(LEVELS[c] for c in AXES))}  # fmt: skip
    shown = membership(rare(sizes)).frame
    assert 0 < len(shown) < 16
    for k in range(4):
        for fixed in combinations(range(4), k):
            for levels in product(*(LEVELS[AXES[i]] for i in fixed)):
                whole = sum(
                    n
                    for at, n in sizes.items()
                    if all(at[i] == v for i, v in zip(fixed, levels, strict=True))
                )
                there = np.ones(len(shown), bool)
                for i, level in zip(fixed, levels, strict=True):
                    there &= (shown[AXES[i]] == level).to_numpy()
                rest = whole - shown.loc[there, "n"].sum()
                assert rest == 0 or rest >= 10 or not there.any()


def test_people_who_are_not_shown_are_counted_together():
    sizes = dict.fromkeys(product(*(LEVELS[c] for c in AXES[:2])), 100) | {
        ("woman", "minority"): 19
    }
    shares = membership(rare(sizes))  # 9 of the 19 have the outcome
    assert len(shares) == 3
    assert shares.notes == (
        "19 people are in combinations that are not shown: too few are in one of them.",
    )
    picture = overlaps(shares)
    assert "19 people are in combinations that are not shown" in picture.alt
    assert any("19 people are in combinations" in t for t, _ in texts_of(picture))
    with pytest.raises(tl.DisclosureError):  # each neighbour would tell the 5
        membership(rare(sizes | {("woman", "minority"): 5}))


def test_nothing_is_shown_where_nothing_may_be():
    with pytest.raises(tl.DisclosureError):
        membership(rare(dict.fromkeys(product(*(LEVELS[c] for c in AXES[:2])), 8)))


def test_the_attack_reads_the_table_as_numbers_of_people():
    shares = membership(cells(AXES))
    assert not COMBINED.search(shares.convention)
    assert shares.frame["raw"].isna().all()


def test_the_largest_combination_comes_first_and_dots_say_who():
    shares = membership(cells(AXES))
    picture = overlaps(shares)
    matrix, bars = picture.figure.axes
    widths = [
        bar.get_width()
        for bar in bars.patches
        if bar.get_height() == pytest.approx(0.62)
    ]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 16
    assert [t.get_text() for t in matrix.get_xticklabels()] == [
        "woman",
        "minority",
        "disabled",
        "LGBTQ+",
    ]
    order = shares.frame.sort_values(
        "estimate", ascending=False, kind="stable"
    ).reset_index(drop=True)
    has = np.column_stack([order[c] == LEVELS[c][1] for c in AXES])
    blue = (
        matrix.collections[0].get_facecolor()[:, 2]
        > matrix.collections[0].get_facecolor()[:, 0] + 0.2
    )
    np.testing.assert_array_equal(blue.reshape(16, 4), has)
    first, last = order.iloc[0], order.iloc[-1]
    for word, row, mine in (("Largest", first, has[0]), ("Smallest", last, has[-1])):
        who = (
            ", ".join(np.array(["woman", "minority", "disabled", "LGBTQ+"])[mine])
            or "none of these"
        )
        assert (
            f"{word}: {who}, {100 * row.estimate:.1f} percent (n {row.n:,})"
            in picture.alt
        )
    several = 100 * order.loc[has.sum(axis=1) > 1, "estimate"].sum()
    assert f"{several:.1f} percent of people have two or more of them" in picture.alt


def test_the_reader_says_which_level_is_a_dot():
    shares = membership(cells(["gender", "lgbtq"]))
    names = [
        t.get_text()
        for t in overlaps(shares, yes={"gender": "man"})
        .figure.axes[0]
        .get_xticklabels()
    ]
    assert names == ["man", "LGBTQ+"]
    with pytest.raises(tl.UnknownNameError, match="level of gender 'men'"):
        overlaps(shares, yes={"gender": "men"})
    with pytest.raises(tl.EstimandError, match="two levels"):
        membership(cells(["gender", "country"]))


# -- in the book ------------------------------------------------------------------------------------------------------


def test_the_numbers_below_a_picture_are_a_table_that_its_run_publishes():
    pages = [p for p in (ROOT / "book").rglob("*.md") if "_runs" not in p.parts]
    named = [
        m
        for p in pages
        for m in re.findall(
            r"\{run-(?:figure|picture)\} ([\w-]+) \d+ (.+)", p.read_text()
        )
    ]
    runs = {run.id: run for run in load_plan(ROOT / "notebooks" / "runs.yml")}
    assert len(named) >= 5
    for name, tables in named:
        run = runs[name]
        template = run.template.read_text()
        for table in tables.split():
            by_taylor = table.removesuffix(SUFFIX)
            assert f'\\"{by_taylor}\\")' in template, (name, table)
            if table != by_taylor:  # `Stored.publish` publishes it beside the other
                beside = rf'stored\.publish\(.*\\"{by_taylor}\\"\)'
                assert re.search(beside, template), (name, table)
                assert run.parameters["replicates"], (name, table)


@pytest.mark.parametrize(
    ("named", "below"),
    [([], ["gaps.csv"]), (["levels gaps"], ["levels.csv", "gaps.csv"])],
)
def test_below_a_picture_stands_the_table_published_before_it_if_none_is_named(
    tmp_path, monkeypatch, named, below
):
    from trustbook.sphinx import finding

    tables = tmp_path / "_runs" / "run" / "tables"
    tables.mkdir(parents=True)
    for name in ("levels", "gaps"):
        (tables / f"{name}.csv").touch()
    figures = [
        {"file": "figures/1.png", "alt": "Gaps", "table": "gaps"},
        {"file": "figures/2.png", "alt": "Two"},
    ]
    told = {"kinds": ["synthetic"], "figures": figures}
    (tables.parent / "provenance.json").write_text(json.dumps(told))
    page = object.__new__(finding.RunFigure)
    page.state = SimpleNamespace(
        document=SimpleNamespace(
            settings=SimpleNamespace(
                env=SimpleNamespace(srcdir=tmp_path, docname="page")
            )
        )
    )
    page.arguments = ["run", "1", *named]
    picture, *links = page.run()
    assert picture["alt"] == "Gaps"
    assert [link.astext() for link in links] == [
        f"The numbers of this picture: {name}, synthetic" for name in below
    ]
    page.arguments = ["run", "2"]
    assert len(page.run()) == 1
