"""The disclosure gate stands on every way out: no table, picture, file or sealed cell rests on fewer than 10 people."""

import json
import re

import numpy as np
import pytest

import trustlib as tl
from test_bad_input import BY, CELLS, FIT, MEANS, crossed, refused
from trustlib.disclosure import MINIMUM, masked_count, require_showable, smallest_count

# 39 people of whom 9 say yes, and its mirror: 9 say no; everything else is large
FEW_YES = crossed({("man", "a"): (30, 9), ("man", "b"): (20, 21), ("woman", "a"): (22, 23), ("woman", "b"): (24, 25)})
FEW_NO = crossed({("man", "a"): (9, 30), ("man", "b"): (20, 21), ("woman", "a"): (22, 23), ("woman", "b"): (24, 25)})
ENOUGH = crossed({("man", "a"): (30, 10), ("man", "b"): (20, 21), ("woman", "a"): (22, 23), ("woman", "b"): (24, 25)})
SMALL = {"few yes": FEW_YES, "few no": FEW_NO}


def gaps(cells):
    return tl.comparisons(tl.cell_means(cells), {"gender": "man"})


RESULTS = {
    "levels": tl.cell_means,
    "gaps": gaps,
    "ratios": lambda c: tl.comparisons(tl.cell_means(c), {"gender": "man"}, scale="ratio"),
    "gaps by model": lambda c: tl.comparisons(tl.predictions(tl.fit_logit(c, "gender * ethnicity"), BY)),
    "margins of a saturated model": lambda c: tl.predictions(tl.fit_logit(c, "gender * ethnicity"), ["gender"]),
    "coefficients": lambda c: tl.coefficients(tl.fit_logit(c, "gender * ethnicity")),
    "odds ratios": lambda c: tl.coefficients(tl.fit_logit(c, "gender * ethnicity"), "odds_ratio"),
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
        lambda: WAYS_OUT[way](estimates, tmp_path), tl.DisclosureError, PermissionError, "fewer than 10 people"
    )
    assert not re.search(r"\b(9|39)\b", re.sub(r"\d+ of \d+ rows|fewer than 10", "", text)), (
        "the message gives the count away"
    )
    assert not list(tmp_path.iterdir())
    assert len(estimates.frame) == len(estimates)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("result", RESULTS)
def test_the_notebook_display_refuses_small_cells(result):
    estimates = RESULTS[result](FEW_YES)
    for shown in (repr(estimates), str(estimates), f"{estimates}", estimates._repr_html_()):
        assert "not shown" in shown
        body = re.sub(r"\d+ of \d+ rows", "", shown.split("This result", 1)[1])
        assert not re.search(r"\b(9|39)\b|0\.\d\d", body), body
        for value in estimates.frame["estimate"].dropna():
            assert f"{value:.4f}" not in shown


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
def test_measures_of_different_scales_are_not_drawn_on_one_axis():
    measures = tl.interactions(tl.cell_means(ENOUGH), *BY)
    refused(lambda: tl.forest(measures), tl.EstimandError, ValueError, "measure == 'reri_rr'")
    assert tl.forest(measures.where("measure == 'reri_rr'")).png()


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("result", RESULTS)
def test_ten_are_enough(result, tmp_path):
    estimates = RESULTS[result](ENOUGH)
    assert "not shown" not in repr(estimates) + estimates._repr_html_()
    assert tl.table(estimates).as_raw_html()
    assert tl.publish(estimates, "enough", tmp_path).read_text().startswith(",".join(estimates.frame))


def test_a_row_that_rests_on_the_small_cell_stays_refused_when_chosen_alone():
    refused(lambda: tl.table(gaps(FEW_YES).where("ethnicity == 'a'")), tl.DisclosureError, PermissionError, "1 of 1")
    assert tl.table(gaps(FEW_YES).where("ethnicity == 'b'"))
    assert tl.table(tl.cell_means(FEW_YES, ["gender"]))


def test_designs_cells_and_fits_show_no_counts():
    for noun in (FEW_YES, tl.fit_logit(FEW_YES, "gender")):
        assert not re.search(r"\b(9|39|30)\b", repr(noun))


# -- sealed cells --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", SMALL)
def test_small_cells_are_not_sealed_or_written(cells, tmp_path):
    refused(lambda: SMALL[cells].seal(), tl.DisclosureError, PermissionError, "gender=man, ethnicity=a")
    refused(lambda: SMALL[cells].write(tmp_path / "x.parquet"), tl.DisclosureError, PermissionError)
    assert not list(tmp_path.iterdir())


def test_merging_is_no_way_around_the_gate(tmp_path):
    """Pooled cells that were never sealed keep their counts of answers, and pass the gate like all others."""
    merged = tl.Cells.merge([FEW_YES])
    assert not merged.sealed
    refused(lambda: tl.table(tl.cell_means(merged)), tl.DisclosureError, PermissionError)
    refused(lambda: merged.write(tmp_path / "x.parquet"), tl.DisclosureError, PermissionError)
    refused(lambda: tl.Cells.merge([ENOUGH.seal(), FEW_YES]), tl.DisclosureError, PermissionError)
    both = tl.Cells.merge([FEW_YES, ENOUGH])
    assert tl.table(tl.cell_means(both))
    assert both.seal().sealed


def test_sealed_cells_hold_totals_only(tmp_path):
    sealed = CELLS.seal()
    assert sealed.sealed
    assert list(sealed.frame) == [*BY, "n", "sum_w", "sum_wy"]
    assert len(sealed.missing) == 0
    read = tl.Cells.read(CELLS.write(tmp_path / "cells.parquet"))
    assert read.sealed
    np.testing.assert_allclose(tl.cell_means(read).frame["std_error"], MEANS.frame["std_error"], rtol=1e-12)
    assert tl.table(tl.cell_means(read, ["gender"]))
    assert tl.table(tl.coefficients(tl.fit_logit(read, "gender * ethnicity")))


def test_a_sealed_file_made_elsewhere_with_a_small_cell_is_not_shown(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(CELLS.write(tmp_path / "cells.parquet"))
    small = table.set_column(table.schema.get_field_index("n"), "n", pa.array([12, *table["n"].to_pylist()[1:]]))
    pq.write_table(small, tmp_path / "cells.parquet")
    refused(
        lambda: tl.table(tl.cell_means(tl.Cells.read(tmp_path / "cells.parquet"))), tl.DisclosureError, PermissionError
    )


# -- the rule itself -----------------------------------------------------------------------------------------------------


def test_the_smallest_of_people_yes_and_no():
    assert smallest_count(np.array([39, 39, 20]), np.array([9, 30, 10])).tolist() == [9, 9, 10]
    require_showable(np.array([MINIMUM]), ["a"], "This")
    refused(
        lambda: require_showable(np.array([9] * 40), [f"row {i}" for i in range(40)], "This"),
        tl.DisclosureError,
        PermissionError,
        "and 36 more",
    )


def test_small_counts_are_not_printed_in_messages():
    assert [masked_count(n) for n in (0, 1, 9, 10, 1234)] == ["0", "fewer than 10", "fewer than 10", "10", "1,234"]


def test_lost_rows_are_counted_without_small_counts():
    from test_bad_input import FRAME

    with pytest.warns(tl.MissingRowsWarning, match="fewer than 10 people") as caught:
        tl.compress(tl.SurveyDesign(FRAME.assign(damaged=FRAME.damaged.where(FRAME.index > 2))), "damaged", BY)
    assert "3" not in str(caught[0].message)


# -- publish -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "a b", "", "a/b", "x.csv", "é", "a\n", "C:x", "..", None, 3, "a" * 300])
def test_names_that_cannot_be_files(name, tmp_path):
    refused(lambda: tl.publish(MEANS, name, tmp_path), tl.EstimandError, ValueError, "letters, digits")
    assert not list(tmp_path.iterdir())


def test_publish_into_something_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(lambda: tl.publish(MEANS, "gaps", tmp_path / "file"), tl.SurveyFileError, OSError, "file")


@pytest.mark.parametrize(
    "verb", [tl.table, tl.forest, lambda e: tl.publish(e, "x")], ids=["table", "forest", "publish"]
)
def test_what_is_not_estimates_is_refused(verb):
    for noun in (CELLS, FIT, None, "x"):
        refused(lambda noun=noun: verb(noun), tl.EstimandError, ValueError, type(noun).__name__)
    refused(lambda: verb(MEANS.where("n < 0")), tl.EstimandError, ValueError, "no rows")


def test_publish_writes_full_precision_and_what_it_is(tmp_path):
    import pandas as pd

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
