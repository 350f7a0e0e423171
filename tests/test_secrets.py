"""Messages keep secrets: what one person answered is planted in a file, and looked for in all that is said of it.

Each case plants one kind of value in one place of a file of one format, and hands it to one command or to the library.
The value must stand in no word that is printed, in no draft, no page and no other file. Where it would be printed if the
owner asked for it (``--show-answers``), that is tried too: a case that no message speaks of would prove nothing.
"""

from __future__ import annotations

import gzip
import itertools
import json
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import trustlib as tl
from trustbook.cli import app
from trustbook.supplied import account_of, described, read_supplied, shown_account
from trustbook.told import Told, told_by_variable
from trustlib.masking import (
    answers_shown,
    foreign,
    spoken,
    spoken_levels,
    unknown_level,
)
from trustlib.personal import kind_of_column, looks_personal, seems_headerless
from trustlib.schema import load_mapping

SECRETS = {
    "free text": "my GP Dr Smith in Leeds shouted at me",
    "id": "R-4471-XK",
    "e-mail": "jane.roe@example.org",
    "date of birth": "1948-05-17",
    "postcode": "LS2 9JT",
    "coordinates": "53.79573, -1.75412",
    "IP address": "10.21.7.99",
    "name": "Jane Example-Roe",
    "telephone": "+44 113 496 0999",
    "number": "918273.645",
}
FORMATS = (".csv", ".csv.gz", ".parquet", ".sav", ".dta")
N = 240


def people() -> pd.DataFrame:
    """Made-up people, all of them texts, so that every format can hold them."""
    i = np.arange(N)
    return pd.DataFrame(
        {
            "trust": np.where(i % 3 == 0, "1", "0"),
            "sex": np.where(i % 2 == 0, "m", "f"),
            "town": np.where(i % 4 < 2, "north", "south"),
            "wt": [f"{0.5 + k % 7 / 8:.4f}" for k in i],
            "region": np.where(i % 5 < 2, "1", "2"),
            "clinic": [f"c{k % 40}" for k in i],
        }
    )


def mapping(**more) -> dict:
    variables = {
        "low_trust": {"column": "trust", "values": {"1": 1, "0": 0}},
        "gender": {"column": "sex", "values": {"m": "man", "f": "woman"}},
    }
    design = {"weight": "wt", "strata": "region", "psu": "clinic", "nest": True}
    return {
        "source": {"id": "made", "kind": "supplied", "label": "made-up people"},
        "variables": variables | more.pop("variables", {}),
        "design": design | more.pop("design", {}),
    }


def planted(column: str, secret: str, row: int = 7) -> pd.DataFrame:
    frame = people()
    frame.loc[row, column] = secret
    return frame


def saved(folder: Path, frame: pd.DataFrame, suffix: str, **options) -> Path:
    """A file of one format."""
    path = folder / f"people{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".sav":
        pyreadstat.write_sav(frame, str(path), **options)
    elif suffix == ".dta":
        pyreadstat.write_dta(frame, str(path), **options)
    else:
        frame.to_csv(path, index=False)
    return path


def said(folder: Path, *words: object) -> str:
    """All that a command prints and leaves in a folder; a refusal is in words."""
    before = set(folder.rglob("*"))
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    new = sorted(path for path in set(folder.rglob("*")) - before if path.is_file())
    texts = [path.read_bytes().decode("utf-8", errors="replace") for path in new]
    return "\n".join([result.output, *texts])


def of_the_library(call) -> str:
    """What the library says: its warnings, and an error with all that it was caused by."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
            told = ""
        except tl.TrustlibError as error:
            told = "".join(traceback.format_exception_only(error))
            told += repr((error.message, error.hint, error.args))
            told += repr((error.__cause__, error.__context__))
    return told + "".join(str(warning.message) for warning in caught)


def holds(text: str, secret: str) -> bool:
    """Whether a text repeats a secret, or a telling part of it."""
    flat = " ".join(text.split())
    parts = [secret, *(part for part in secret.split() if len(part) > 4)]
    return any(part in flat for part in parts)


# Where a value is planted -> the column, and the mapping that meets it there.
PLACES = {
    "undeclared answer": ("sex", mapping()),
    "text in an outcome": ("trust", mapping(variables={"low_trust": {"column": "trust"}})),
    "weight": ("wt", mapping()),
    "no level of the codebook": (
        "town",
        mapping(variables={"town": {"column": "town", "levels": ["north", "south"]}}),
    ),
    "level that nobody wrote down": ("town", mapping(variables={"town": {}})),
    "lonely stratum": ("region", mapping()),
    "PSU in two strata": ("clinic", mapping(design={"nest": False})),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SECRETS)
def test_no_kind_of_value_is_repeated_from_any_place(tmp_path, place, kind):
    column, plan = PLACES[place]
    file = saved(tmp_path, planted(column, SECRETS[kind]), ".csv")
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(plan))
    told = said(tmp_path, "validate", file, "--mapping", way)
    assert not holds(told, SECRETS[kind])
    assert not holds(of_the_library(lambda: tl.read_survey(file, plan)), SECRETS[kind])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("place", ["undeclared answer", "no level of the codebook"])
def test_no_format_lets_a_value_through(tmp_path, place, suffix):
    column, plan = PLACES[place]
    secret = SECRETS["free text"]
    file = saved(tmp_path, planted(column, secret), suffix)
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(plan))
    told = said(tmp_path, "validate", file, "--mapping", way)
    assert "fewer than 10 people (row 8)" in told
    assert not holds(told, secret)
    draft = said(tmp_path, "mapping-init", file, "--out", tmp_path / "draft.yml")
    assert "further answers" in draft
    assert not holds(draft, secret)


@pytest.mark.parametrize("kind", SECRETS)
def test_reproduce_and_its_page_of_faults_repeat_nothing(tmp_path, kind):
    file = saved(tmp_path, planted("sex", SECRETS[kind]), ".csv")
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(mapping()))
    words = ("reproduce", file, "--mapping", way, "--out", tmp_path / "private")
    told = said(tmp_path, *words)
    assert (tmp_path / "private" / "faults.html").is_file()
    assert not holds(told, SECRETS[kind])
    asked = said(tmp_path, *words, "--show-answers")
    assert holds(asked, SECRETS[kind])
    page = (tmp_path / "private" / "faults.html").read_text(encoding="utf-8")
    assert not holds(page, SECRETS[kind])


@pytest.mark.parametrize("kind", SECRETS)
def test_compress_and_check_rows_repeat_nothing(tmp_path, kind):
    secret = SECRETS[kind]
    file = saved(tmp_path, planted("sex", secret), ".csv")
    (tmp_path / "m.yml").write_text(json.dumps({**mapping(), "file": file.name}))
    cells = {"trust": {"outcome": "low_trust", "by": ["gender"]}}
    plan = tmp_path / "cells.yml"
    plan.write_text(json.dumps({"mapping": "m.yml", "cells": cells}))
    told = said(tmp_path, "compress", plan, "--data", tmp_path)
    assert "not declared" in told
    assert not holds(told, secret)
    site = tmp_path / "site"
    site.mkdir()
    (site / "page.html").write_text(f"<td>{secret}</td><td>7</td>")
    assert not holds(said(site, "check-rows", file, site), secret)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_draft_lists_the_column_and_not_its_values(tmp_path, kind):
    """A whole column of such values, some of which many people share."""
    secret = SECRETS[kind]
    frame = people()
    frame["detail"] = [
        f"{secret}" if k < 30 else f"{secret[:-1]}{k % 10}" for k in range(N)
    ]
    if kind in ("free text", "id", "name", "number"):  # not of one form: unique
        frame["detail"] = [f"{secret}{k}" for k in range(N)]
    file = saved(tmp_path, frame, ".csv")
    draft = said(tmp_path, "mapping-init", file)
    assert '## "detail"' in draft
    assert not holds(draft, secret)


OF_SIX = people().assign(region=lambda f: f["region"] + "0")
HEADERLESS = {
    "all kinds": OF_SIX.assign(id=[f"R-{k}" for k in range(N)]),
    "numbers": OF_SIX[["trust", "wt", "region"]],
    "texts": OF_SIX[["sex", "town", "clinic"]],
    "e-mail alone": pd.DataFrame({"e": [f"p{k}@example.org" for k in range(N)]}),
}


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("name", HEADERLESS)
def test_the_first_person_of_a_file_without_a_header_is_not_printed(
    tmp_path, name, suffix
):
    frame = HEADERLESS[name]
    first = frame.iloc[0].tolist()
    if suffix == ".parquet":
        file = saved(tmp_path, frame.iloc[1:].set_axis(first, axis=1), suffix)
    else:
        file = tmp_path / f"people{suffix}"
        frame.to_csv(file, index=False, header=False)
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(mapping()))
    for words in (("mapping-init", file), ("validate", file, "--mapping", way)):
        told = said(tmp_path, *words)
        assert "seems to have no names of columns" in told
    assert not of_the_library(lambda: tl.read_survey(file)).count(first[0] + ",")


@pytest.mark.parametrize(
    "columns",
    [
        ["trust", "sex"],
        ["q1", "q2"],
        ["0", "1"],
        ["1", "2"],
        ["Do you trust doctors?", "Sex"],
        ["2024", "sex"],
        ["", "sex"],
    ],
)
def test_names_of_columns_are_names(columns):
    frame = people()[["trust", "sex"]].set_axis(columns, axis=1)
    assert not seems_headerless(frame)


def test_a_list_to_tick_has_its_options_as_names():
    ticked = pd.DataFrame({"deaf": ["deaf", ""] * 9, "blind": ["", "blind"] * 9})
    assert not seems_headerless(ticked)


DAMAGED = {
    "undecodable": b"id,y\n1,SECRETVALUE\xff\n",
    "uneven": b"id,y\n1,SECRETVALUE,3\n",
    "quote not closed": b'id,y\n1,"SECRETVALUE\n2,3\n',
    "names twice": b"SECRETVALUE,SECRETVALUE\n1,2\n",
    "one column": b"SECRETVALUE;1\t2\n",
    "nothing but a header": b"SECRETVALUE,1948-05-17\n",
    "a NUL": b"id,y\n1,SECRET\x00VALUE\n",
}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *itertools.product(DAMAGED, [".csv", ".csv.gz", ".parquet"]),
        ("undecodable", ".sav"),
        ("undecodable", ".dta"),
    ],
)
def test_a_damaged_file_is_refused_without_its_content(tmp_path, name, suffix):
    file = tmp_path / f"people{suffix}"
    content = DAMAGED[name]
    file.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
    told = said(tmp_path, "mapping-init", file)
    told += of_the_library(lambda: tl.read_survey(file))
    assert "SECRET" not in told


def test_a_survey_file_in_the_place_of_its_mapping_is_not_repeated(tmp_path):
    file = saved(tmp_path, planted("sex", "SECRETVALUE", 0), ".csv")
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(mapping()))
    assert "is a survey file" in said(tmp_path, "validate", way, "--mapping", file)
    for text in (
        "sex,trust\nSECRETVALUE,1\n",
        "- [SECRETVALUE, 1]\n",
        "a: SECRET: 1\n",
    ):
        way.write_text(text)
        told = said(tmp_path, "validate", file, "--mapping", way)
        assert "SECRET" not in told


def test_labels_that_a_file_has_for_few_people_are_not_repeated(tmp_path):
    """A value label of SPSS, and the label of a kind of missing."""
    frame = people()[["trust", "sex"]].assign(
        trust=lambda f: f["trust"].astype(float), sex=np.arange(N) % 2 + 0.0
    )
    frame.loc[3, "sex"] = 7.0
    frame.loc[4, "trust"] = 9.0
    labels = {
        "sex": {0.0: "Male", 1.0: "Female", 7.0: "SECRETLABEL"},
        "trust": {0.0: "a lot", 1.0: "a little", 9.0: "SECRETKIND"},
    }
    file = saved(
        tmp_path,
        frame,
        ".sav",
        variable_value_labels=labels,
        missing_ranges={"trust": [9.0]},
    )
    plan = {
        "source": {"kind": "supplied", "label": "made"},
        "variables": {
            "low_trust": {"column": "trust", "values": {"a little": 1, "a lot": 0}},
            "gender": {"column": "sex", "values": {"Male": "man", "Female": "woman"}},
        },
    }
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(plan))
    words = ("validate", file, "--mapping", way)
    assert "SECRET" not in said(tmp_path, *words)
    assert "SECRETLABEL" in said(tmp_path, *words, "--show-answers")
    plan["variables"]["gender"]["values"]["7"] = "another"
    way.write_text(json.dumps(plan))
    told = said(tmp_path, *words)
    assert "missing: declared missing in the file: fewer than 10" in told
    assert "SECRET" not in told
    assert "SECRETKIND" in said(tmp_path, *words, "--show-answers")
    assert "SECRET" not in said(tmp_path, "mapping-init", file)
    read = tl.read_survey(file, plan)
    design = tl.SurveyDesign(read, weight=None)
    assert "SECRET" not in of_the_library(lambda: tl.compress(design, "low_trust"))


def with_rare_town() -> pd.DataFrame:
    frame = planted("town", "SECRETTOWN")
    return frame.assign(y=(frame["trust"] == "1") * 1.0, w=1.0)


def cells_by_town() -> tl.Cells:
    return tl.compress(tl.SurveyDesign(with_rare_town(), "w"), "y", ["town"])


CALLS = {
    "outcome that is none": lambda f: tl.compress(tl.SurveyDesign(f.assign(y=np.where(f.index == 3, 918273.645, f.y)), "w"), "y"),
    "lonely stratum": lambda f: tl.SurveyDesign(f, "w", strata="town"),
    "PSU in two strata": lambda f: tl.SurveyDesign(f.assign(p=np.where(np.isin(f.index, [0, 3]), "SECRETPSU", f.clinic)), "w", strata="region", psu="p"),
    "level of a domain": lambda f: tl.SurveyDesign(f.astype({"town": "category"}), "w").domain("town == 'SECRETTOWM'"),
    "weight that is a text": lambda f: tl.SurveyDesign(f.assign(w=np.where(f.index == 3, "SECRET", "1")), "w"),
    "margin without a total": lambda f: tl.rake(tl.SurveyDesign(f, "w"), {"town": {"north": 120, "south": 120}}),
    "table of small cells": lambda f: tl.table(tl.cell_means(cells_by_town())),
    "table of gaps": lambda f: tl.table(tl.comparisons(tl.cell_means(cells_by_town()))),
    "seal": lambda f: cells_by_town().seal(),
    "separation": lambda f: tl.fit_logit(cells_by_town(), "town"),
    "reference that is none": lambda f: tl.comparisons(tl.cell_means(cells_by_town()), {"town": "SECRETTOWM"}),
    "setting that is none": lambda f: tl.predictions(tl.fit_logit(tl.compress(tl.SurveyDesign(f, "w"), "y", ["town", "sex"]), "sex"), by=["sex"], at={"town": "eastern"}),
    "names of a person": lambda f: tl.SurveyDesign(f.rename(columns={"sex": "jane.SECRET@example.org"}), "weight"),
    "lists": lambda f: tl.SurveyDesign(f.assign(p=[["SECRET"]] * len(f)), "w", psu="p"),
    "several kinds": lambda f: tl.SurveyDesign(f.assign(p=[3, *["SECRET"] * (len(f) - 1)]), "w", psu="p"),
    "formula": lambda f: tl.fit_logit(cells_by_town(), "town * twn"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_library_repeats_nothing_of_a_frame(name):
    told = of_the_library(lambda: CALLS[name](with_rare_town()))
    assert told, "nothing was refused: the case proves nothing"
    mine = told.replace("SECRETTOWM", "")
    assert "SECRET" not in mine
    assert "918273" not in mine


def test_the_owner_is_told_what_she_asks_for():
    frame = with_rare_town()
    with answers_shown():
        told = of_the_library(lambda: CALLS["lonely stratum"](frame))
        listed = of_the_library(lambda: CALLS["seal"](frame))
    assert "SECRETTOWN" in told
    assert "SECRETTOWN" in listed
    assert "SECRETTOWN" not in of_the_library(lambda: CALLS["seal"](frame))


def test_no_page_is_made_of_answers_that_nobody_wrote_down(tmp_path):
    """A rare level, and a column of addresses, are no identities: they reach no page."""
    plan = mapping(variables={"town": {}, "mail": {"column": "contact"}})
    frame = planted("town", "SECRETTOWN").assign(
        contact=[f"p{k % 12}@example.org" for k in range(N)]
    )
    file = saved(tmp_path, frame, ".csv")
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(plan))
    design, _, axes = read_supplied(file, way)
    assert axes == ["gender"]
    assert not {"town", "mail"} & set(design.frame)
    told = said(tmp_path, "validate", file, "--mapping", way)
    assert "mail: not taken: the column may hold e-mail addresses" in told
    assert not {"SECRETTOWN", "example.org"} & set(told.split())


def test_a_fault_of_ours_is_two_lines_without_what_it_quotes(monkeypatch, tmp_path):
    def broken(*_):
        raise ValueError("could not convert 'SECRETVALUE'")

    monkeypatch.setattr("trustlib.schema.read_survey", broken)
    told = said(tmp_path, "validate", "people.csv", "--mapping", "m.yml")
    assert "This is a fault of ours: ValueError" in told
    assert "SECRET" not in told


def test_a_notebook_that_fails_says_where_and_quotes_no_cell(tmp_path, monkeypatch):
    from papermill.exceptions import PapermillExecutionError

    from trustbook import engine

    def fails(name, text):
        def executed(*_):
            raise PapermillExecutionError(1, 1, "people.map(codes)", name, text, [])

        monkeypatch.setattr(engine, "_executed", executed)
        with pytest.raises(tl.RunError) as caught:
            engine.execute_notebook(None, {}, tmp_path, "kernel")
        return str(caught.value)

    told = fails("KeyError", "'SECRETVALUE'")
    assert "'people.map(codes)': KeyError" in told
    assert "SECRET" not in told
    assert "The outcome is not 0/1." in fails("DesignError", "The outcome is not 0/1.")


# -- properties ----------------------------------------------------------------------------------------------------------

ANSWERS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(
    rare=st.text("QXZ", min_size=6, max_size=12),
    times=st.integers(1, 9),
    frequent=st.sampled_from(["yes", "no", "never"]),
)
def test_an_answer_is_named_only_if_ten_people_gave_it(rare, times, frequent):
    column = pd.Series([rare] * times + [frequent] * 30)
    told = spoken([rare, frequent], column)
    assert rare not in told
    assert repr(frequent) in told
    assert rare in spoken([rare], pd.Series([rare] * 10 + [frequent] * 30))
    assert spoken_levels([rare, frequent], column.value_counts()) == [frequent]
    refusal = unknown_level("level", "yess", [rare, frequent], column.value_counts())
    assert rare not in str(refusal)


@given(text=ANSWERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_what_another_library_says_is_not_repeated(text):
    secret = f"QX{text}XQ"
    for error in (ValueError, KeyError, TypeError, OverflowError):
        assert "QX" not in foreign(error(secret))
    bad = UnicodeDecodeError("utf-8", secret.encode(errors="replace"), 0, 1, "bad byte")
    assert "QX" not in foreign(bad)


def small_numbers(sets: list[np.ndarray]) -> bool:
    """Whether adding and subtracting the numbers of some sets can give 1 to 9 people.

    What can be reached by union, intersection-free difference and complement of the sets are sums over their classes.
    """
    rows = len(sets[0])
    class_of = np.zeros(rows, dtype=int)
    for members in sets:
        class_of = np.unique(2 * class_of + members, return_inverse=True)[1]
    return bool((np.bincount(class_of) < 10).any())


@given(data=st.data())
@settings(max_examples=60)
def test_no_number_below_ten_follows_from_those_that_are_told(data):
    sizes = data.draw(st.lists(st.integers(1, 60), min_size=2, max_size=6))
    atom_of = np.repeat(np.arange(len(sizes)), sizes)
    if len(atom_of) < 10:
        return
    told = Told(len(atom_of))
    known = [np.ones(len(atom_of), dtype=bool)]
    for _ in range(data.draw(st.integers(1, 5))):
        level_of_atom = data.draw(
            st.lists(st.integers(0, 2), min_size=len(sizes), max_size=len(sizes))
        )
        level_of = np.array(level_of_atom)[atom_of]
        sets = [level_of == level for level in np.unique(level_of)]
        known += [
            s for s, is_told in zip(sets, told.which(sets), strict=True) if is_told
        ]
    assert not small_numbers(known)
    numbers = [int(members.sum()) for members in known]
    for one, other in itertools.combinations(range(len(known)), 2):
        inside = known[one] & known[other]
        if (inside == known[one]).all():
            assert not 0 < numbers[other] - numbers[one] < 10


def test_two_readings_of_one_column_give_nobody_away(tmp_path):
    """Told one after the other, and as accounts of two outcomes."""
    frame = people()
    frame["sex"] = ["x"] * 4 + ["m"] * 130 + ["f"] * (N - 134)
    frame["trust"] = ["9"] * 5 + ["1"] * 90 + ["0"] * (N - 95)
    both = {"f": "yes", "x": "yes", "m": "no"}
    plan = mapping(
        variables={
            "low_trust": {
                "column": "trust",
                "values": {"1": 1, "0": 0},
                "missing": {"9": "refused"},
            },
            "damaged": {"column": "trust", "values": {"1": 1, "0": 0, "9": 0}},
            "gender": {"column": "sex", "values": {"m": "man", "f": "woman", "x": "x"}},
            "not_man": {"column": "sex", "values": both},
        },
        design={"strata": "region", "psu": None},
    )
    file = saved(tmp_path, frame, ".csv")
    way = tmp_path / "m.yml"
    way.write_text(json.dumps(plan))
    lines = described(tl.read_survey(file, plan), way)
    gender = next(line for line in lines if "gender:" in line)
    not_man = next(line for line in lines if "not_man:" in line)
    assert "woman: 106" in gender
    assert "man: all others" in gender
    assert "not shown" in not_man
    assert "110" not in not_man
    assert "130" not in not_man
    design, outcomes, _ = read_supplied(file, way)
    told = told_by_variable(load_mapping(way)[0], N)
    shown = [
        dict(shown_account(account_of(design, outcome, ["gender"], told[outcome])))
        for outcome in outcomes
    ]
    assert "235" not in [account["used"] for account in shown]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"p{k}@example.org" for k in range(30)], "e-mail addresses"),
        ([f"10.0.0.{k}" for k in range(30)], "IP addresses"),
        ([f"19{k + 40}-05-17" for k in range(30)], "dates"),
        ([f"{k % 28 + 1:02}/04/1961" for k in range(30)], "dates"),
        ([f"LS{k} {k % 9}JT" for k in range(10, 40)], "postcodes"),
        ([f"53.{k}57, -1.{k}41" for k in range(10, 40)], "coordinates"),
        ([f"+44 113 496 0{k}" for k in range(100, 130)], "telephone numbers"),
        ([f"R-{k}" for k in range(100, 130)], "identifiers"),
        ([f"they made me wait {k} days" for k in range(30)], "free text"),
        (["Jane Roe", "Ann Lee", "Dr Jo Lim"] * 10, ""),
        ([f"Jane R{chr(97 + k)}e" for k in range(26)], "names of persons"),
        (["yes", "no"] * 20, ""),
        (["18-24", "25-34", "35+"] * 20, ""),
        (["1.25", "0.75", "3.5"] * 20, ""),
    ],
)
def test_kinds_of_personal_details_are_recognised(values, kind):
    assert kind_of_column(pd.Series(values, name="q")) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("postcode", "postcodes"),
        ("PLZ", "postcodes"),
        ("DateOfBirth", "dates"),
        ("gp_name", "names of persons"),
        ("lat", "coordinates"),
        ("RespondentID", "identifiers"),
        ("comment", "free text"),
    ],
)
def test_a_column_is_recognised_by_its_name(name, kind):
    column = pd.Series(["1", "2", "3"] * 30, name=name)
    assert kind_of_column(column) == kind


def test_answers_are_no_personal_details():
    plain = [
        "woman",
        "18-24",
        "£10,000-£24,999",
        "Black or Black British",
        "2024",
        "North West",
    ]
    assert not [text for text in plain if looks_personal(text)]
