"""The disclosure gate stands on every way out: no table, picture, file or sealed cell rests on fewer than 10 people."""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trustlib as tl
from contract import refused
from samples import BY, FRAME, crossed, large_cells, large_fit, large_means
from trustbook.leaks import leaks
from trustlib import review
from trustlib.disclosure import MINIMUM, masked_count, require_showable, smallest_count
from trustlib.files import read_table

ROOT = Path(__file__).parents[1]
CELLS = large_cells()
MEANS = large_means()
FIT = large_fit()

# 39 people of whom 9 say yes, and its mirror: 9 say no; everything else is large
FEW_YES = crossed(
    {
        ("man", "a"): (30, 9),
        ("man", "b"): (20, 21),
        ("woman", "a"): (22, 23),
        ("woman", "b"): (24, 25),
    }
)
FEW_NO = crossed(
    {
        ("man", "a"): (9, 30),
        ("man", "b"): (20, 21),
        ("woman", "a"): (22, 23),
        ("woman", "b"): (24, 25),
    }
)
ENOUGH = crossed(
    {
        ("man", "a"): (30, 10),
        ("man", "b"): (20, 21),
        ("woman", "a"): (22, 23),
        ("woman", "b"): (24, 25),
    }
)
SMALL = {"few yes": FEW_YES, "few no": FEW_NO}


def gaps(cells):
    return tl.comparisons(tl.cell_means(cells), {"gender": "man"})


RESULTS = {
    "levels": tl.cell_means,
    "gaps": gaps,
    "ratios": lambda c: tl.comparisons(
        tl.cell_means(c), {"gender": "man"}, scale="ratio"
    ),
    "gaps by model": lambda c: tl.comparisons(
        tl.predictions(tl.fit_logit(c, "gender * ethnicity"), BY)
    ),
    "margins of a saturated model": lambda c: tl.predictions(
        tl.fit_logit(c, "gender * ethnicity"), ["gender"]
    ),
    "coefficients": lambda c: tl.coefficients(tl.fit_logit(c, "gender * ethnicity")),
    "odds ratios": lambda c: tl.coefficients(
        tl.fit_logit(c, "gender * ethnicity"), "odds_ratio"
    ),
    "interactions": lambda c: tl.interactions(tl.cell_means(c), *BY),
}
WAYS_OUT = {
    "table": lambda e, folder: tl.table(e),
    "publish": lambda e, folder: tl.publish(e, "small", folder),
    "forest": lambda e, folder: tl.forest(e),
}


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("cells", SMALL)
def test_every_way_out_refuses_small_cells(cells, result, way, tmp_path):
    estimates = RESULTS[result](SMALL[cells])
    text = refused(
        lambda: WAYS_OUT[way](estimates, tmp_path),
        tl.DisclosureError,
        PermissionError,
        "fewer than 10 people",
    )
    assert not re.search(
        r"\b(9|39)\b", re.sub(r"\d+ of \d+ rows|fewer than 10", "", text)
    ), "the message gives the count away"
    assert not list(tmp_path.iterdir())
    assert len(estimates.frame) == len(estimates)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("result", RESULTS)
def test_the_notebook_display_refuses_small_cells(result):
    estimates = RESULTS[result](FEW_YES)
    for shown in (
        repr(estimates),
        str(estimates),
        f"{estimates}",
        estimates._repr_html_(),
    ):
        assert "not shown" in shown
        body = re.sub(r"\d+ of \d+ rows", "", shown.split("This result", 1)[1])
        assert not re.search(r"\b(9|39)\b|0\.\d\d", body), body
        for value in estimates.frame["estimate"].dropna():
            assert f"{value:.4f}" not in shown


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_measures_of_different_scales_are_not_drawn_on_one_axis():
    measures = tl.interactions(tl.cell_means(ENOUGH), *BY)
    refused(
        lambda: tl.forest(measures),
        tl.EstimandError,
        ValueError,
        "measure == 'reri_rr'",
    )
    assert tl.forest(measures.where("measure == 'reri_rr'")).png()


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("result", RESULTS)
def test_ten_are_enough(result, tmp_path):
    estimates = RESULTS[result](ENOUGH)
    assert "not shown" not in repr(estimates) + estimates._repr_html_()
    assert tl.table(estimates).as_raw_html()
    assert (
        tl.publish(estimates, "enough", tmp_path)
        .read_text()
        .startswith(",".join(estimates.frame))
    )


def test_a_row_that_rests_on_the_small_cell_stays_refused_when_chosen_alone():
    refused(
        lambda: tl.table(gaps(FEW_YES).where("ethnicity == 'a'")),
        tl.DisclosureError,
        PermissionError,
        "1 of 1",
    )
    # the rows beside it are refused too: with the margins they would tell the one left out
    refused(
        lambda: tl.table(gaps(FEW_YES).where("ethnicity == 'b'")),
        tl.DisclosureError,
        PermissionError,
        "1 of 1",
    )
    assert tl.table(tl.cell_means(FEW_YES, ["gender"]))


def test_designs_cells_and_fits_show_no_counts():
    for noun in (FEW_YES, tl.fit_logit(FEW_YES, "gender")):
        assert not re.search(r"\b(9|39|30)\b", repr(noun))


# -- sealed cells --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", SMALL)
def test_small_cells_are_not_sealed_or_written(cells, tmp_path):
    refused(
        lambda: SMALL[cells].seal(),
        tl.DisclosureError,
        PermissionError,
        "gender=man, ethnicity=a",
    )
    refused(
        lambda: SMALL[cells].write(tmp_path / "x.parquet"),
        tl.DisclosureError,
        PermissionError,
    )
    assert not list(tmp_path.iterdir())


def test_merging_is_no_way_around_the_gate(tmp_path):
    """Pooled cells that were never sealed keep their counts of answers, and pass the gate like all others."""
    merged = tl.Cells.merge([FEW_YES])
    assert not merged.sealed
    refused(
        lambda: tl.table(tl.cell_means(merged)), tl.DisclosureError, PermissionError
    )
    refused(
        lambda: merged.write(tmp_path / "x.parquet"),
        tl.DisclosureError,
        PermissionError,
    )
    refused(
        lambda: tl.Cells.merge([ENOUGH.seal(), FEW_YES]),
        tl.DisclosureError,
        PermissionError,
    )
    both = tl.Cells.merge([FEW_YES, ENOUGH])
    assert tl.table(tl.cell_means(both))
    assert both.seal().sealed


def test_sealed_cells_hold_totals_only(tmp_path):
    sealed = CELLS.seal()
    assert sealed.sealed
    assert list(sealed.frame) == [*BY, "n", "sum_w", "sum_wy", "sum_w2"]
    assert len(sealed.missing) == 0
    read = tl.Cells.read(CELLS.write(tmp_path / "cells.parquet"))
    assert read.sealed
    np.testing.assert_allclose(
        tl.cell_means(read).frame["std_error"], MEANS.frame["std_error"], rtol=1e-12
    )
    assert tl.table(tl.cell_means(read, ["gender"]))
    assert tl.table(tl.coefficients(tl.fit_logit(read, "gender * ethnicity")))


def test_a_sealed_file_made_elsewhere_with_a_small_cell_is_not_shown(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(CELLS.write(tmp_path / "cells.parquet"))
    small = table.set_column(
        table.schema.get_field_index("n"),
        "n",
        pa.array([12, *table["n"].to_pylist()[1:]]),
    )
    pq.write_table(small, tmp_path / "cells.parquet")
    refused(
        lambda: tl.table(tl.cell_means(tl.Cells.read(tmp_path / "cells.parquet"))),
        tl.DisclosureError,
        PermissionError,
    )


# -- the rule itself -----------------------------------------------------------------------------------------------------


def test_the_smallest_of_people_yes_and_no():
    assert smallest_count(np.array([39, 39, 20]), np.array([9, 30, 10])).tolist() == [
        9,
        9,
        10,
    ]
    require_showable(np.array([MINIMUM]), ["a"], "This")
    refused(
        lambda: require_showable(
            np.array([9] * 40), [f"row {i}" for i in range(40)], "This"
        ),
        tl.DisclosureError,
        PermissionError,
        "and 36 more",
    )


def test_small_counts_are_not_printed_in_messages():
    assert [masked_count(n) for n in (0, 1, 9, 10, 1234)] == [
        "0",
        "fewer than 10",
        "fewer than 10",
        "10",
        "1,234",
    ]


def test_lost_rows_are_counted_without_small_counts():
    with pytest.warns(
        tl.MissingRowsWarning, match="Some people left .*fewer than 10"
    ) as caught:
        tl.compress(
            tl.SurveyDesign(FRAME.assign(damaged=FRAME.damaged.where(FRAME.index > 2))),
            "damaged",
            BY,
        )
    assert "3" not in str(caught[0].message)


# -- every exit, walked ----------------------------------------------------------------------------------------------------

# 137 and 7 are in one cell only: 137 people, 7 of them with the outcome, so that 7, 130, 137 and these shares betray it
HIDDEN = {
    ("woman", "b"): (130, 7),
    ("man", "a"): (241, 160),
    ("man", "b"): (222, 171),
    ("woman", "a"): (263, 182),
}
BETRAYED = r"(?<![\d.,])(7|130|137|0\.0?5\d+|5\.[01]\d*%?|94\.[89]\d*)(?![\d,.]*\d)"


def hidden_people(waves=("2023", "2024")):
    """Made-up people of two waves and three countries, whose cell of women in b is too small everywhere."""
    rows = [
        (wave, country, gender, ethnicity, y)
        for wave in waves
        for country in ("X", "Y", "Z")
        for (gender, ethnicity), pair in HIDDEN.items()
        for y, count in enumerate(pair)
        for _ in range(count)
    ]
    frame = pd.DataFrame(
        rows, columns=["wave", "country", "gender", "ethnicity", "damaged"]
    ).assign(weight=1.0)
    frame["weight"] += np.arange(len(frame)) % 5 / 10
    frame.attrs = {
        "source": {"id": "made", "kind": "synthetic", "label": "Made up"},
        "labels": {},
    }
    return frame


@pytest.fixture(scope="module")
def exits():
    """Everything that a notebook may show of these people, as functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = hidden_people()
        design = tl.SurveyDesign(frame)
        one = design.domain("wave == '2024' and country == 'X'")
        cells = tl.compress(one, "damaged", BY)
        over = tl.compress(design, "damaged", ["wave", "country", *BY])
        fit, means, many = (
            tl.fit_logit(cells, "gender * ethnicity"),
            tl.cell_means(cells),
            tl.cell_means(over),
        )
        ladder = tl.maihda(cells, BY)
        gap = tl.comparisons(many, {"gender": "man"})
        contrast = {"gender": "woman", "ethnicity": "b"}
        holed = one.frame.assign(
            damaged=one.frame["damaged"].where(one.frame.index % 11 > 0)
        )
        filled = review.impute(_imputable(holed), ["damaged"], m=2)
        estimates = {
            "levels": means,
            "levels of axes": tl.one_way(cells, [BY]),
            "gaps": tl.comparisons(means),
            "ratios": tl.comparisons(means, scale="ratio"),
            "predictions": tl.predictions(fit, BY),
            "margins": tl.predictions(fit, ["gender"]),
            "coefficients": tl.coefficients(fit),
            "interactions": tl.interactions(means, *BY),
            "adjusted": tl.adjust(tl.comparisons(means)),
            "detectable": tl.detectable(tl.comparisons(means)),
            "reliability": tl.reliability(means),
            "design effects": tl.design_effects(cells),
            "plus four": tl.cell_means(cells, plus_four=True),
            "stacked": tl.stack({"1": means, "2": means}, over="wave"),
            "pooled": tl.pool(gap.where("wave == '2024'")),
            "averaged": tl.average(gap.where("wave == '2024'")),
            "changed": tl.change(gap),
            "strata": ladder.strata,
            "excess": ladder.excess,
            "firth": review.firth(cells, "gender * ethnicity"),
            "robustness": review.robustness(one, "damaged", BY, contrast),
            "imputed": review.combine(
                [tl.cell_means(tl.compress(d, "damaged", BY)) for d in filled]
            ),
        }
        nouns = {
            "design": design,
            "domain": one,
            "cells": cells,
            "fit": fit,
            "maihda": ladder,
            "strata": over,
        }
    return estimates, nouns


def _imputable(frame):
    """A design of one domain, as `impute` takes it."""
    return tl.SurveyDesign(
        frame[frame["_in_domain"]].drop(columns="_in_domain").reset_index(drop=True)
    )


RESULTS_OF = ("levels", "levels of axes", "gaps", "ratios", "predictions", "margins", "coefficients", "interactions", "adjusted",
              "detectable", "reliability", "design effects", "stacked", "pooled", "averaged", "changed", "strata", "excess",
              "firth", "robustness", "imputed", "plus four")  # fmt: skip
SHOWN = {
    "table": tl.table,
    "forest": tl.forest,
    "specification curve": review.specification_curve,
    "publish": lambda e: tl.publish(e, "small"),
}


@pytest.mark.parametrize("name", RESULTS_OF)
def test_every_exit_of_every_result_is_shut(name, exits, tmp_path, monkeypatch):
    """Whatever rests on a cell with too few people: no exit shows a row of it, and no text has its numbers."""
    monkeypatch.setenv("TRUSTLIB_RUN_FOLDER", str(tmp_path))
    result = exits[0][name]
    assert set(RESULTS_OF) == set(exits[0])
    for way in SHOWN.values():
        text = refused(lambda way=way: way(result), tl.DisclosureError, PermissionError)
        assert not re.search(BETRAYED, re.sub(r"\d+ of \d+ rows", "", text)), text
    for text in (repr(result), str(result), f"{result!r:s}", result._repr_html_()):
        body = re.sub(
            r"\d+ of \d+ rows",
            "",
            text.removeprefix(
                f"{result.kind} of {result.outcome} ({result.convention})"
            ),
        )
        assert "not shown" in body
        assert not re.search(BETRAYED, body), body
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["design", "domain", "cells", "fit", "maihda", "strata"]
)
def test_no_noun_says_how_many(name, exits):
    noun = exits[1][name]
    for text in (repr(noun), str(noun), f"{noun}"):
        assert not re.search(BETRAYED, text), text
    assert not hasattr(noun, "_repr_html_"), "a way out that no test walks"


def test_tables_of_tests_are_shut(exits):
    """The test can be computed by the analyst, as any frame; the page does not show it."""
    nouns = exits[1]
    for test in (
        nouns["fit"].term_test("gender:ethnicity"),
        tl.rao_scott(nouns["cells"], "gender", "ethnicity"),
    ):
        refused(lambda test=test: tl.table(test), tl.DisclosureError, PermissionError)
    shown = tl.table(tl.rao_scott(nouns["cells"], "gender")).as_raw_html()
    assert "Rao-Scott F" in shown


def test_the_joint_test_is_shut(exits):
    refused(
        lambda: tl.joint_test(exits[0]["gaps"]), tl.DisclosureError, PermissionError
    )


def test_warnings_do_not_say_how_many():
    frame = hidden_people(("2024",)).assign(other=1.0)
    frame.loc[:6, "gender"] = None
    frame.loc[10:12, "damaged"] = np.nan
    with pytest.warns(tl.MissingRowsWarning) as caught:
        tl.compress(tl.SurveyDesign(frame), "damaged", BY)
    assert not re.search(
        r"\b[1-9]\b", str(caught[0].message).replace("fewer than 10", "")
    ), caught[0].message


# -- nobody's row ----------------------------------------------------------------------------------------------------------


def respondents():
    """A made-up file as it comes: an id, answers, weights with many digits."""
    rng = np.random.default_rng(3)
    return pd.DataFrame({
        "id": [str(100_000_000 + 7919 * i) for i in range(50)],
        "answer": rng.choice(["Yes, often", "No"], 50), "birth": [f"{1930 + i}-0{1 + i % 9}-1{i % 10}" for i in range(50)],
        "weight": rng.uniform(5_000, 90_000, 50).round(10).astype(str),
    })  # fmt: skip


PLANTED = {
    "row.csv": lambda r: ",".join(r),
    "row.html": lambda r: (
        "<tr>" + "".join(f'<td class="a">{v}</td>\n ' for v in r) + "</tr>"
    ),
    "id.md": lambda r: f"The person {r['id']} said so.",
    "weight.json": lambda r: json.dumps({"values": [1, float(r["weight"])]}),
    "rounded.txt": lambda r: f"{float(r['weight']):.6f}  0.1",
    "pair.ipynb": lambda r: json.dumps({"text": [f"{r['answer']}\t{r['birth']}\n"]}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_row_is_found(name, tmp_path):
    frame = respondents()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "clean.html").write_text(
        "<p>Yes, often: 23 people, 46.0 percent of 50, 1234.5678</p>"
    )
    assert leaks(tmp_path, frame) == []
    (tmp_path / "deep" / name).write_text(
        "before " + PLANTED[name](frame.iloc[17]) + " after"
    )
    assert leaks(tmp_path, frame) == [f"deep/{name}"]


@pytest.mark.parametrize(
    "folder", ["data/hints6", "tests/notebooks", "book/_runs", "_build"]
)
def test_no_row_of_real_people_is_in_what_is_published(folder, data_file):
    """A folder that was not built holds nothing: `make book` searches the last two each time it has built them."""
    frame, _ = read_table(data_file("hints6", "hints6_extract.csv.gz"))
    assert leaks(ROOT / folder, frame) == []


# -- publish -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../x", "a b", "", "a/b", "x.csv", "é", "a\n", "C:x", "..", None, 3, "a" * 300],
)
def test_names_that_cannot_be_files(name, tmp_path):
    refused(
        lambda: tl.publish(MEANS, name, tmp_path),
        tl.EstimandError,
        ValueError,
        "letters, digits",
    )
    assert not list(tmp_path.iterdir())


def test_publish_into_something_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(
        lambda: tl.publish(MEANS, "gaps", tmp_path / "file"),
        tl.SurveyFileError,
        OSError,
        "file",
    )


@pytest.mark.parametrize(
    "verb",
    [tl.table, tl.forest, lambda e: tl.publish(e, "x")],
    ids=["table", "forest", "publish"],
)
def test_what_is_not_estimates_is_refused(verb):
    for noun in (CELLS, FIT, None, "x"):
        refused(
            lambda noun=noun: verb(noun),
            tl.EstimandError,
            ValueError,
            type(noun).__name__,
        )
    refused(lambda: verb(MEANS.where("n < 0")), tl.EstimandError, ValueError, "no rows")


def test_publish_writes_full_precision_and_what_it_is(tmp_path):
    path = tl.publish(MEANS, "levels-1", tmp_path / "tables")
    read = pd.read_csv(path)
    np.testing.assert_array_equal(read["estimate"], MEANS.frame["estimate"])
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["kind"] == "level"
    assert facts["by"] == BY
    assert facts["convention"] == MEANS.convention
    first = path.read_bytes()
    assert tl.publish(MEANS, "levels-1", tmp_path / "tables").read_bytes() == first


def test_publish_goes_to_the_folder_of_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUSTLIB_RUN_FOLDER", str(tmp_path))
    assert tl.publish(MEANS, "levels") == tmp_path / "tables" / "levels.csv"
