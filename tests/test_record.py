"""The published record: every figure is carried over, every kind of fault is refused, the arithmetic is right."""

import csv
import hashlib
import math
import os
import re
from math import prod, sqrt
from pathlib import Path

import pandas as pd
import pytest

from trustlib.errors import CodebookError, MissingFileError, TrustlibError
from trustlib.record.printed import CHOICES, WAVES, asked_in, load_figures, parse_group
from trustlib.schema import load_codebook

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "data" / "published" / "figures.csv"
CODEBOOK = ROOT / "data" / "codebook.yml"
# The 122 figures that the record began with, as lines `id=digits of the value`, in the order of their ids.
BEGAN_WITH = 122
HASH = "bc48eaf66d5880e5da8503ff6b44408e16f7ceb7769c0574840d2a333bd0bcd4"


@pytest.fixture(scope="module")
def figures():
    return load_figures(FIGURES).set_index("id")


@pytest.fixture(scope="module")
def known():
    return load_codebook(CODEBOOK)


def first_list():
    """The list that the record began with, where the folder of the survey files has it beside it."""
    path = (
        ROOT / os.environ.get("TRUSTLIB_DATA", "data/external")
    ).parent / "published_figures.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the folder of the survey files")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def frozen(pairs):
    lines = sorted(f"{name}={re.sub(r'[^0-9.]', '', value)}" for name, value in pairs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# -- the record -------------------------------------------------------------------------------------------------------


def test_every_row_loads(figures):
    assert figures.index.is_unique
    assert set(figures["item"]) == set(CHOICES["item"])
    assert not (
        figures[
            [
                "claim",
                "item",
                "outcome",
                "group",
                "statistic",
                "base",
                "source",
                "address",
            ]
        ]
        == ""
    ).any(axis=None)


def test_every_figure_of_the_beginning_is_carried_over_with_its_value():
    with FIGURES.open(encoding="utf-8", newline="") as stream:
        rows = [(r["id"], r["value"]) for r in csv.DictReader(stream)]
    later = re.compile(r"[ACFV]-\d+|[ST]\d+-\d+b?|.*[bc]|W22-051")
    first = [(name, value) for name, value in rows if not later.fullmatch(name)]
    assert len(first) == BEGAN_WITH
    assert frozen(first) == HASH


def test_the_list_of_the_beginning_where_it_is_at_hand():
    assert frozen((r["id"], r["value"]) for r in first_list()) == HASH


def test_the_separate_survey_is_never_part_of_a_wave(figures):
    apart = figures["survey"] != "polling"
    assert set(figures[apart].index.str[:3]) == {"X25"}
    assert (figures[apart]["wave"] == "").all()
    assert (figures[apart]["countries"] == "AU").all()


def test_claims_without_a_number_can_be_tested(figures):
    claims = figures[figures["statistic"].isin(["direction", "ranking"])]
    assert claims["value"].isna().all()
    assert set(claims["comparison"]) <= {">", "<", ">=", "=", "order"}
    assert (
        claims["group"].str.contains(" vs ") | (claims["comparison"] == "order")
    ).all()


def test_a_note_is_ours(figures):
    """Sentences of the first list are not copied: no note shares ten words in a row with it."""
    theirs = {
        r["id"]: " ".join(re.findall(r"\w+", r["note"].lower())) for r in first_list()
    }
    for name, note in figures["note"].items():
        words = re.findall(r"\w+", note.lower())
        runs = [" ".join(words[i : i + 10]) for i in range(len(words) - 9)]
        assert not [r for r in runs if r in theirs.get(name, "")], name


# -- groups -----------------------------------------------------------------------------------------------------------


def test_a_group_has_one_spelling_and_selects_people(known):
    people = pd.DataFrame(
        {"gender": ["man", "woman", "woman"], "lgbtq": ["no", "no", "yes"]}
    )
    (group,) = parse_group('(gender=="woman") and not (lgbtq == "yes")', known)
    assert parse_group("gender == 'woman' and not lgbtq == 'yes'", known) == (group,)
    assert list(people.query(group).index) == [1]
    assert parse_group("all", known) == ("all",)
    one, other = parse_group('gender == "woman" vs gender != "woman"', known)
    assert list(people.query(one).index) == [1, 2]
    assert list(people.query(other).index) == [0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('gendr == "woman"', "Did you mean 'gender'"),
        ('gender == "women"', "Did you mean 'woman'"),
        ("gender", "cannot be read"),
        ("", "cannot be read"),
        ("gender ==", "cannot be read"),
        ('"woman" == gender', "cannot be read"),
        ('gender == "woman" == "man"', "cannot be read"),
        ('gender < "woman"', "cannot be read"),
        ('gender == "woman" and all', "cannot be read"),
        ('gender == "woman" and True', "cannot be read"),
        ('__import__("os") == "woman"', "cannot be read"),
        ('weight == "1"', "no level of weight"),
        ('gender == "man" vs gender == "woman" vs all', "cannot be read"),
    ],
)
def test_a_group_that_names_nothing_is_refused(known, text, reason):
    with pytest.raises(TrustlibError, match=re.escape(reason)):
        parse_group(text, known)


# -- faults -----------------------------------------------------------------------------------------------------------


def written(folder, changes, drop=(), twice=()):
    """The record with some cells changed, rows dropped or repeated: {(id, column): value}."""
    frame = pd.read_csv(FIGURES, dtype=str, keep_default_na=False).set_index(
        "id", drop=False
    )
    for (name, column), value in changes.items():
        frame.loc[name, column] = value
    frame = pd.concat([frame.drop(list(drop)), frame.loc[list(twice)]])
    path = folder / "figures.csv"
    frame.to_csv(path, index=False)
    return path


FAULTS = {
    "item": ("R24-017", "item", "provder", "Did you mean 'provider'"),
    "blank item": ("R24-017", "item", "", "no item ''"),
    "survey": ("R24-017", "survey", "poll", "no survey 'poll'"),
    "wave": ("R24-017", "wave", "2025", "no wave '2025'"),
    "no wave": ("R24-017", "wave", "", "has a wave"),
    "wave of a fact": ("C-006", "wave", "2024", "no other row has one"),
    "country": ("R24-034", "countries", "JA", "no country 'JA'"),
    "country of another wave": ("R24-034", "countries", "ES", "2024 has BR, FR, JP, UK, US"),
    "no country": ("R24-034", "countries", "", "countries are empty"),
    "statistic": ("R24-017", "statistic", "percentage", "Did you mean 'percent'"),
    "comparison": ("R24-017", "comparison", "<>", "no comparison '<>'"),
    "conditioning": ("R24-017", "conditioning", "of some", "no conditioning 'of some'"),
    "confidence": ("R24-017", "confidence", "sure", "no confidence 'sure'"),
    "over 100": ("R24-017", "value", "182", "a percent of 182 is not between 0 and 100"),
    "below 0": ("R24-017", "value", "-8", "not a number"),
    "no number": ("R24-017", "value", "many", "not a number"),
    "no value": ("R24-017", "value", "", "a percent has a value"),
    "value of a direction": ("R24-029", "value", "5", "a direction has no value"),
    "outcome": ("R24-020", "outcome", "reason_listened", "Did you mean 'reason_not_listened'"),
    "variable of a group": ("R24-017", "group", 'etnicity == "minority"', "Did you mean 'ethnicity'"),
    "level of a group": ("R24-017", "group", 'ethnicity == "minor"', "Did you mean 'minority'"),
    "group": ("R24-017", "group", "minority and disabled", "cannot be read"),
    "country counts": ("R24-002", "value", "2410", "do not add up to it"),
    "a country above its wave": ("W22-003", "value", "14060", "do not add up to it"),
    "waves": ("W23-001", "value", "9600", "do not add up to it"),
    "two counts": ("R24-012", "value", "8599", "another number of the same people"),
    "two bases": ("R24-020", "base_n", "5765", "another number of the same people"),
    "more than": ("W22-002", "value", "11425", "another number of the same people"),
    "contradiction of nothing": ("R24-016", "note", "Contradicts R24-099: no such row", "no id to contradict 'R24-099'"),
    "undeclared contradiction": ("R24-016", "note", "", "another number of the same people"),
    "id": ("R24-017", "id", "figure 17", "such as R24-017"),
    "source": ("R24-017", "source", "", "source is ''"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_refused_with_file_row_and_reason(tmp_path, kind):
    name, column, value, reason = FAULTS[kind]
    changes = {(name, column): value}
    if kind == "a country above its wave":
        changes["W22-024", "base_n"] = value
    if kind == "two counts":  # the base of a figure of the same people then differs
        changes["R24-033", "base_n"], changes["R24-010", "value"] = "2712", "2713"
    with pytest.raises(CodebookError) as caught:
        load_figures(written(tmp_path, changes), CODEBOOK)
    text = str(caught.value)
    assert reason in text
    assert re.search(r"figures\.csv row \d+ \([^)]+\): ", text)


def test_an_id_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(
        CodebookError, match=r"row \d+ \(R24-018\): id is 'R24-018': it is there twice"
    ):
        load_figures(written(tmp_path, {}, twice=["R24-018"]), CODEBOOK)


def test_all_faults_are_told_at_once(tmp_path):
    chosen = [
        "item",
        "country",
        "statistic",
        "over 100",
        "level of a group",
        "country counts",
        "outcome",
    ]
    rows = ["R24-017", "R24-034", "R24-018", "R24-021", "R24-023", "R24-002", "R24-020"]
    changes = {
        (row, FAULTS[k][1]): FAULTS[k][2] for row, k in zip(rows, chosen, strict=True)
    }
    with pytest.raises(CodebookError) as caught:
        load_figures(written(tmp_path, changes), CODEBOOK)
    text = str(caught.value)
    assert f"{len(chosen)} faults" in text
    assert all(FAULTS[k][3] in text for k in chosen)
    assert all(row in text for row in rows if row != "R24-002")
    assert "(R24-001)" in text  # the total that its countries do not add up to


def test_two_faults_of_one_row_are_both_told(tmp_path):
    changes = {
        ("R24-017", c): v
        for c, v in [
            ("group", "minority"),
            ("countries", "BR ZZ"),
            ("outcome", "x y"),
            ("value", "182"),
        ]
    }
    with pytest.raises(CodebookError, match="5 faults") as caught:
        load_figures(written(tmp_path, changes), CODEBOOK)
    assert str(caught.value).count("(R24-017)") == 5


def test_rows_are_numbered_as_in_the_file(tmp_path):
    path = written(tmp_path, {("R24-003", "item"): "nothing"})
    with pytest.raises(CodebookError) as caught:
        load_figures(path, CODEBOOK)
    number = int(re.search(r"row (\d+) \(R24-003\)", str(caught.value))[1])
    assert path.read_text().splitlines()[number - 1].startswith("R24-003,")


def test_a_file_of_another_form_is_refused(tmp_path):
    path = tmp_path / "figures.csv"
    path.write_text("id,value\nR24-001,5\n")
    with pytest.raises(CodebookError, match="has the columns"):
        load_figures(path, CODEBOOK)
    with pytest.raises(MissingFileError, match="no file"):
        load_figures(tmp_path / "none.csv")


# -- what was asked ---------------------------------------------------------------------------------------------------


def test_the_map_of_what_was_asked_covers_every_wave_and_country():
    told = asked_in(CODEBOOK)
    for _, of_variable in told.groupby("variable"):
        assert [*zip(of_variable["wave"], of_variable["country"], strict=True)] == [
            (w, c) for w in WAVES for c in WAVES[w]
        ]
    unknown = told[(told["variable"] == "ethnicity") & (told["asked"] == "unknown")]
    assert {("2022", "FR"), ("2022", "JP"), ("2024", "FR"), ("2024", "JP")} <= {
        *zip(unknown["wave"], unknown["country"], strict=True)
    }


def test_a_country_with_a_figure_of_its_own_was_asked(figures):
    told = asked_in(CODEBOOK).set_index(["variable", "wave", "country"])["asked"]
    alone = figures[
        (figures["survey"] == "polling")
        & figures["countries"].str.fullmatch("[A-Z]{2}")
        & (figures["wave"] != "")
    ]
    for name, row in alone.iterrows():
        groups = re.findall(r"(\w+) [!=]= ", row["group"])
        for variable in (*row["outcome"].split(), *groups):
            if variable in told.index:
                assert told[variable, row["wave"], row["countries"]] == "asked", (
                    name,
                    variable,
                )


def test_a_map_that_names_nothing_is_refused(tmp_path):
    path = tmp_path / "codebook.yml"
    path.write_text(
        'variables:\n  a:\n    asked_in: {"2021": asked, "2022": {FR: maybe, ES: asked}}\n'
    )
    with pytest.raises(CodebookError) as caught:
        asked_in(path)
    for reason in ("no wave '2021'", "no answer 'maybe'", "no country 'ES'"):
        assert reason in str(caught.value)


def test_every_variable_of_the_codebook_is_on_its_page(known):
    from fnmatch import fnmatch

    page = (ROOT / "book" / "codebook.md").read_text()
    patterns = " ".join(re.findall(r"\{codebook-table\} (.+)", page)).split()
    assert [v for v in known if not any(fnmatch(v, p) for p in patterns)] == []
    asked = " ".join(re.findall(r"\{asked-in\} (.+)", page)).split()
    assert [
        v
        for v in asked_in(CODEBOOK)["variable"].unique()
        if not any(fnmatch(v, p) for p in asked)
    ] == []


# -- arithmetic on the record (the ids are those of published_figures_derived.csv) ------------------------------------

FOUR = [
    "R24-007",
    "R24-009",
    "R24-010",
    "R24-011",
]  # women, ethnic minority, disabled, LGBTQ+


def difference(p, n, q, m, deff=1.0):
    """Difference of two shares in points, its simple-random 95 % interval, and z under a design effect."""
    se = sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return [round(100 * (p - q + k * se), 1) for k in (0, -1.96, 1.96)], round(
        (p - q) / se / sqrt(deff), 1
    )


@pytest.fixture(scope="module")
def v(figures):
    return figures["value"].to_dict()


def test_d_01_the_countries_of_2024_add_up(v):
    assert (
        sum(v[f"R24-00{i}"] for i in range(2, 7))
        == 11489
        == v["R24-001"]
        == v["R24-012"] + v["R24-013"]
    )


def test_d_02_shares_of_the_sample(v):
    assert [round(100 * v[i] / v["R24-001"], 1) for i in ("R24-012", "R24-013")] == [
        74.8,
        25.2,
    ]


def test_d_03_shares_of_the_groups(v):
    shares = [v[f"R24-{i:03}"] / v["R24-001"] for i in (7, 8, 9, 10, 11)]
    assert [round(100 * s, 1) for s in shares] == [48.0, 21.1, 22.6, 23.6, 15.9]
    assert round((shares[0] - 0.51) / sqrt(0.51 * 0.49 / v["R24-001"]), 1) == -6.3


def test_d_04_memberships(v):
    total = sum(v[i] for i in FOUR)
    assert (total, total - v["R24-012"]) == (12664, 4066)
    assert (round(total / v["R24-012"], 3), round(total / v["R24-001"], 3)) == (
        1.473,
        1.102,
    )


def test_d_06_expected_if_identities_were_independent(v):
    n = v["R24-001"]
    p = prod(1 - v[i] / n for i in FOUR)
    sd = sqrt(n * p * (1 - p))
    assert (round(n * p), round(sd), round((v["R24-013"] - n * p) / sd, 1)) == (
        2965,
        47,
        -1.6,
    )


def test_d_08_and_09_women_among_the_marginalised(v):
    women, marginalised, n = v["R24-007"], v["R24-012"], v["R24-001"]
    assert round(100 * women / marginalised, 1) == 64.2
    assert (marginalised - women, n - women) == (3078, 5969)
    assert round(100 * (marginalised - women) / (n - women), 1) == 51.6


def test_d_10_to_13_what_the_bases_imply(v):
    p, q = v["R24-014"] / v["R24-012"], v["R24-015"] / v["R24-013"]
    half = [
        100 * 1.96 * sqrt(s * (1 - s) / n)
        for s, n in ((p, v["R24-012"]), (q, v["R24-013"]))
    ]
    assert [round(100 * s, 1) for s in (p, q)] == [66.0, 49.6]
    assert [round(h, 1) for h in half] == [1.0, 1.8]
    assert v["R24-014"] + v["R24-015"] == 7110
    assert round(100 * 7110 / v["R24-001"], 1) == 61.9
    # The list says 18.5: there the half-width was added to the gap after rounding it. Unrounded it is 18.4.
    assert difference(p, v["R24-012"], q, v["R24-013"])[0] == [16.4, 14.3, 18.4]
    half_gap = (
        100 * 1.96 * sqrt(p * (1 - p) / v["R24-012"] + q * (1 - q) / v["R24-013"])
    )
    assert [round(16.4 - half_gap, 1), round(16.4 + half_gap, 1)] == [14.3, 18.5]
    assert (round(p / q, 2), round(p / (1 - p) / (q / (1 - q)), 2)) == (1.33, 1.97)


def test_d_14_footnote_9_contradicts_footnotes_5_and_8(figures, v):
    assert (v["R24-016"], v["R24-014"], v["R24-012"]) == (8598, 5675, 8598)
    assert figures.loc["R24-016", "note"].startswith("Contradicts R24-014")


def test_d_20_the_provider_question_in_2022(v):
    lgbtq = round(v["R24-011"] / v["R24-001"], 3)
    assert round(v["W22-018"] * lgbtq + v["W22-019"] * (1 - lgbtq)) == 53
    assert (v["W23-009"], v["W23-008"], v["W23-008"] - v["W23-009"]) == (52, 65, 13)
    assert [
        (v[a], v[b]) for a, b in (("W22-045", "W22-036"), ("W22-044", "W22-038"))
    ] == [(77, 87), (74, 86)]


def test_d_22_of_all_and_not_of_those_with_an_experience(v):
    p, q = v["R24-014"] / v["R24-012"], v["R24-015"] / v["R24-013"]
    assert [
        round(v[i] * p, 1)
        for i in ("R24-020", "R24-025", "R24-027", "R24-023", "R24-024")
    ] == [
        26.4,
        13.9,
        12.5,
        25.7,
        9.9,
    ]
    assert [round(v[i] * q, 1) for i in ("R24-021", "R24-026", "R24-028")] == [
        14.4,
        7.9,
        5.0,
    ]


def test_d_23_the_printed_gaps(figures, v):
    pairs = [
        ("R24-017", "R24-018"),
        ("R24-020", "R24-021"),
        ("R24-025", "R24-026"),
        ("R24-027", "R24-028"),
        ("W23-006", "W23-007"),
    ]
    assert [v[a] - v[b] for a, b in pairs] == [35, 11, 5, 9, 8]
    assert (v["R24-019"], v["R24-022"]) == (35, 11)
    assert round(v["W23-006"] / v["W23-007"], 1) == 1.9
    assert (
        abs(v["W23-006"] / v["W23-007"] - v["W23-007b"])
        <= figures.loc["W23-007b", "half_width"]
    )


def test_d_24_intervals_of_the_conditional_gaps(v):
    n, m = v["R24-014"], v["R24-015"]
    pairs = [("R24-020", "R24-021"), ("R24-025", "R24-026"), ("R24-027", "R24-028")]
    found = [difference(v[a] / 100, n, v[b] / 100, m, deff=2) for a, b in pairs]
    assert [f[0] for f in found] == [
        [11.0, 8.3, 13.7],
        [5.0, 2.8, 7.2],
        [9.0, 7.1, 10.9],
    ]
    assert [f[1] for f in found] == [5.7, 3.2, 6.7]


def test_d_25_to_27_the_waves(v):
    assert v["W22-002"] + v["W23-001"] == 24125 > v["P-002"]
    assert v["W22-002"] + v["W23-001"] + v["R24-001"] == 35614 > v["P-001"]
    rest = v["W22-002"] - v["W22-003"] - v["W22-004"]
    assert (rest, rest / 3) == (6849, 2283)
    rest = v["W23-001"] - v["W23-002"]
    assert (rest, rest / 4) == (9912, 2478)


def test_d_28_a_percentage_of_seventeen_people(figures):
    row = figures.loc["W22-025"]
    possible = [k for k in range(18) if round(100 * k / row["base_n"]) == row["value"]]
    assert possible == [14]
    assert round(100 * 14 / row["base_n"], 1) == 82.4


def test_d_29_and_30_men_implied(v):
    def men(everyone, women):
        return round((v[everyone] - 0.51 * v[women]) / 0.49)

    found = [
        men("W23-008", "W23-016"),
        men("W23-009", "W23-017"),
        men("W22-024", "W22-029"),
    ]
    assert found == [61, 47, 54]
    assert [
        v[w] - m for w, m in zip(("W23-016", "W23-017", "W22-029"), found, strict=True)
    ] == [8, 10, 8]


def test_d_31_the_change_comes_from_the_reference_group(v):
    gaps = [v["W22-011"] - v["W22-012"], v["R24-017"] - v["R24-018"]]
    assert gaps == [30, 35]
    assert v["W22-012"] - v["R24-018"] == gaps[1] - gaps[0] == 5
    assert v["W22-011"] == v["R24-017"]


# -- the table of the book --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table(figures):
    from bs4 import BeautifulSoup

    from trustbook.sphinx import record_pages

    return BeautifulSoup(
        record_pages.record_table(figures.reset_index()), "html.parser"
    )


def test_the_table_of_the_book_has_every_figure_with_its_source(table, figures):
    rows = table.select("tbody tr")
    assert [r["id"].removeprefix("figure-") for r in rows] == list(figures.index)
    for row, (_, figure) in zip(rows, figures.iterrows(), strict=True):
        assert figure["source"] in row.get_text()
        assert ("Separate survey" in row.get_text()) == (figure["survey"] != "polling")
    assert "82\N{NO-BREAK SPACE}%" in table.find(id="figure-R24-017").get_text()
    assert "more than 35,000" in table.find(id="figure-P-001").get_text()
    assert "a direction only" in table.find(id="figure-R24-029").get_text()


def test_what_has_no_name_is_called_empty(monkeypatch):
    """The last row of the bases: background facts have none."""
    from trustbook.sphinx import record_pages

    page = object.__new__(record_pages.RecordCounts)
    page.arguments, page.content = ["conditioning"], ["of all: All.", ": No base."]
    page.figures = lambda: pd.DataFrame({"conditioning": ["of all", "", ""]})
    page.read = lambda markdown: markdown
    assert page.make().splitlines()[2:] == [
        "| `of all` | All. | 1 |",
        "| (empty) | No base. | 2 |",
    ]


def test_the_table_can_be_read_without_script_and_its_filter_with_a_screen_reader(
    table,
):
    assert table.find("form").has_attr("hidden")  # the script shows it
    box = table.find(id="record-table").parent
    assert (box["role"], box["tabindex"], box["aria-label"]) == (
        "region",
        "0",
        "All published figures",
    )
    for control in table.select("input, select"):
        assert control.find_parent("label").get_text(strip=True)
    assert table.find(id="record-status")["role"] == "status"
    assert not [
        a for tag in table.find_all(True) for a in tag.attrs if a.startswith("on")
    ]


def test_d07_intersections_if_identities_were_independent(figures):
    """D-07: expected numbers under independence of the printed group sizes. A model, not a printed figure."""
    size = {k: figures.loc[i, "value"] for k, i in
            {"all": "R24-001", "women": "R24-007", "minority": "R24-009", "disabled": "R24-010", "lgbtq": "R24-011"}.items()}  # fmt: skip
    expected = {("minority", "disabled"): 614, ("minority", "lgbtq"): 414, ("disabled", "lgbtq"): 432,
                ("women", "minority"): 1250, ("women", "disabled"): 1303, ("women", "lgbtq"): 879}  # fmt: skip
    for (a, b), people in expected.items():
        assert round(size[a] * size[b] / size["all"]) == people, (a, b)
    shares = [size[g] / size["all"] for g in ("women", "minority", "disabled", "lgbtq")]
    none = math.prod(1 - p for p in shares)
    one = sum(p * none / (1 - p) for p in shares)
    assert round(size["all"] * (1 - none - one)) == 3435
