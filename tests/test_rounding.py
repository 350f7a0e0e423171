"""Rounding is whole: where a source asks for it, no exact number of people leaves by any way."""

from __future__ import annotations

import html
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import trustlib as tl
from contract import refused
from trustbook import dossier
from trustbook.cli import app
from trustbook.pictures import membership
from trustbook.private_book import reproduce
from trustbook.record_answers import answer_record
from trustbook.supplied import WORDS, account_of, shown_account
from trustlib import review
from trustlib.record.printed import load_figures
from trustlib.rounding import (
    df_in_words,
    people_in_words,
    rounded,
    rounded_df,
    rounded_people,
)
from trustlib.schema import load_codebook
from trustlib.significance import TestResult

ROOT = Path(__file__).parents[1]
BASE = 5
ROUNDED = {
    "id": "made",
    "kind": "supplied",
    "label": "made-up people",
    "rounding": BASE,
}
AXES = ["gender", "disability", "lgbtq"]
PLACES = ["wave", "country"]
OUTCOME = "trust_damaged_provider"


def people(n: int = 4_013, seed: int = 3) -> pd.DataFrame:
    """Answers of people who all weigh the same, so that each sum of weights is a count."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "gender": rng.choice(["man", "woman"], n, p=[0.47, 0.53]),
            "disability": rng.choice(["not disabled", "disabled"], n, p=[0.6, 0.4]),
            "lgbtq": rng.choice(["no", "yes"], n, p=[0.62, 0.38]),
            "wave": rng.choice(["2022", "2024"], n),
            "country": rng.choice(["BR", "FR", "UK"], n, p=[0.3, 0.33, 0.37]),
            "w": 1.0,
        }
    )
    likely = 0.3 + 0.2 * (frame["disability"] == "disabled")
    likely += 0.1 * (frame["gender"] == "woman")
    frame[OUTCOME] = (rng.random(n) < likely).astype(float)
    frame.loc[rng.random(n) < 0.05, OUTCOME] = np.nan
    for axis in AXES:
        frame.loc[rng.random(n) < 0.04, axis] = np.nan
    return frame


def combined(frame: pd.DataFrame) -> Iterator[pd.Series]:
    """How many people have each combination of answers."""
    names = [OUTCOME, *AXES, *PLACES]
    yield pd.Series([len(frame)])
    for size in range(1, len(names) + 1):
        for by in combinations(names, size):
            yield frame.groupby(list(by), observed=True).size()


def exact_numbers(frame: pd.DataFrame) -> set[int]:
    """Every number of people, of all and of those who gave every answer, and the degrees of freedom."""
    told = frame.dropna(subset=[OUTCOME, *AXES])
    counts: set[int] = set()
    for part in (frame, told, frame.dropna(subset=[OUTCOME])):
        for sizes in combined(part):
            counts |= set(map(int, sizes))
        counts |= set(map(int, part.isna().sum()))
    whole = {len(frame), len(told), int(frame[OUTCOME].notna().sum())}
    pairs = combined(told)
    freedoms = {
        n - k for n in [*whole, *(n for p in pairs for n in p)] for k in (1, 2, 3, 4)
    }
    return {
        n for n in counts | {df for df in freedoms if df > 500} if n > 100 and n % BASE
    }


_SIZE = re.compile(r' (?:width|height)="\d+"')


def said_in(text: str) -> set[int]:
    """The whole numbers of a text, without those of pictures, hashes and versions."""
    text = html.unescape(re.sub(r"data:image/[^\"')]*", "", text))
    # An img tag says how wide and high its file is, in pixels: that stands in the file too.
    text = re.sub(r"(<img [^>]*)", lambda tag: _SIZE.sub("", tag[0]), text)
    found = re.findall(r"(?<![\w.,/-])\d{1,3}(?:,?\d{3})*(?![\w,.]*\w)", text)
    # A number in a table of CSV may be written as 1015.0.
    found += re.findall(r"(?<![\w./-])(\d+)\.0(?!\w)", text)
    return {int(number.replace(",", "")) for number in found}


def texts_of(path: Path) -> Iterator[str]:
    """What a reader of a file meets, pictures left out."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                output.get("data", {}).pop("image/png", None)
        text = json.dumps(notebook, ensure_ascii=False)
    yield text
    # In CSV numbers stand side by side.
    if path.suffix == ".csv":
        yield text.replace(",", " ")


def found_in(paths: Iterable[Path], exact: set[int]) -> list[tuple[str, int]]:
    """Where exact numbers stand."""
    found = []
    for path in paths:
        for text in texts_of(path):
            found += [(str(path), n) for n in sorted(said_in(text) & exact)]
    return found


def mapping_of(source: dict) -> dict:
    variables: dict[str, dict] = {axis: {} for axis in [*AXES, "country"]}
    variables["wave"] = {"values": {"2022": "2022", "2024": "2024"}}
    return {
        "source": source,
        "variables": {OUTCOME: {}, **variables},
        "design": {"weight": "w"},
    }


def written(folder: Path, frame: pd.DataFrame, source: dict) -> tuple[Path, Path]:
    file = folder / "people.csv"
    frame.to_csv(file, index=False)
    plan = folder / "m.yml"
    plan.write_text(yaml.safe_dump(mapping_of(source), sort_keys=False))
    return file, plan


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A private book of a rounded source with a page of each template that `reproduce` has, and what was said."""
    folder = tmp_path_factory.mktemp("rounded")
    frame = people()
    file, plan = written(folder, frame, ROUNDED)
    out = folder / "private"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        made = reproduce(file, plan, out, ROOT)
    return out, made, frame, [str(w.message) for w in warned]


def printed_elsewhere(out: Path) -> set[int]:
    """Numbers of no people of the file: the record's, how many of its lines, inhabitants in millions."""
    ledger = pd.read_csv(out / "ledger.csv")
    lines = ledger["verdict"].value_counts()
    inhabitants = map(round, WORDS["populations"].values())
    return {*lines, *inhabitants, *ledger["published"].dropna().round().astype(int)}


@pytest.mark.proof
@pytest.mark.slow
def test_no_exact_number_stands_in_a_private_book(book):
    out, made, frame, warned = book
    exact = exact_numbers(frame) - printed_elsewhere(out)
    assert len(exact) > 100
    assert made.failed == {}
    name = OUTCOME.replace("_", "-")
    templates = {run.removeprefix(f"{name}-").split("-")[0] for run in made.runs}
    assert templates == {
        "levels",
        "intersection",
        "countries",
        "waves",
        "maihda",
        "robustness",
    }
    kinds = {".csv", ".html", ".ipynb", ".json", ".md", ".txt", ".yml"}
    ours = {"_static", "templates", "_sphinx_design_static"}
    read = [
        path
        for path in out.rglob("*")
        if path.suffix in kinds and not ours & set(path.relative_to(out).parts[:-1])
    ]
    assert {path.suffix for path in read} == kinds
    assert found_in(read, exact) == []
    assert not exact & said_in("\n".join(warned))


@pytest.mark.proof
@pytest.mark.slow
def test_the_words_of_the_search_of_a_private_book_hold_no_exact_number(book):
    out, _, frame, _ = book
    index = (out / "_build" / "html" / "search-data.js").read_text(encoding="utf-8")
    # Those of three figures are what stands after a decimal point.
    words = set(re.findall(r"\b(\d{4,})\b", index))
    exact = exact_numbers(frame) - printed_elsewhere(out)
    assert len(words) > 3
    assert not exact & set(map(int, words))


@pytest.mark.proof
@pytest.mark.slow
def test_tables_of_a_private_book_are_rounded_and_say_so(book):
    out, made, _, _ = book
    paths = sorted((out / "book" / "_runs").rglob("tables/*.csv"))
    assert len(paths) > 20
    for path in paths:
        table = pd.read_csv(path)
        for column in {"n", "n_eff", "df"} & set(table):
            numbers = table[column].replace([np.inf, -np.inf], np.nan).dropna()
            large = numbers[numbers >= BASE]  # of a mean over countries there are few
            assert (large % BASE == 0).all(), (path, column)
    pages = [
        path.read_text(encoding="utf-8") for path in made.site.rglob("_runs/**/*.html")
    ]
    assert len(pages) == len(made.runs)
    for page in pages:
        assert f"people to multiples of {BASE}, degrees of freedom down to them" in page
    assert f"rounded to multiples of {BASE}" in (out / "book" / "index.md").read_text()


@pytest.mark.proof
@pytest.mark.slow
def test_a_private_book_of_a_rounded_source_keeps_no_cells(book):
    """Their totals are exact, and with weights of one they are counts."""
    out, *_ = book
    assert not list(out.rglob("*.parquet"))
    assert not list(out.rglob("cells"))


def test_the_commands_say_rounded_numbers_only(tmp_path):
    frame = people(2_013)
    file, plan = written(tmp_path, frame, ROUNDED)
    told = command("validate", file, "--mapping", plan)
    assert "2,015 people. Taylor linearisation over about 2,015 people" in told
    exact = exact_numbers(frame)
    assert not exact & said_in(told)
    del (mapping := yaml.safe_load(plan.read_text()))["source"]["rounding"]
    plan.write_text(yaml.safe_dump(mapping))
    assert exact & said_in(command("validate", file, "--mapping", plan))


def command(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def test_faults_of_a_design_count_in_multiples(tmp_path):
    frame = people(2_013)
    frame.loc[:136, "w"] = np.nan
    file, plan = written(tmp_path, frame, ROUNDED)
    told = command("validate", file, "--mapping", plan, code=1)
    assert "135 values of w are blank or not numbers" in told
    frame["stratum"] = np.where(np.arange(len(frame)) < 137, None, "a")
    told = refused(
        lambda: tl.SurveyDesign(
            frame.assign(w=1.0), weight="w", strata="stratum", source=ROUNDED
        ),
        tl.DesignError,
        ValueError,
        "(135)",
    )
    assert "137" not in told


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_no_exact_cell_file_of_a_rounded_source_is_made(tmp_path, words):
    """Those of a confidential file are protected."""
    public = {"kind": "real", "address": "https://example.org/data"}
    file, plan = written(tmp_path, people(2_013), ROUNDED | public)
    mapping = {**yaml.safe_load(plan.read_text()), "file": file.name}
    plan.write_text(yaml.safe_dump(mapping))
    cells = tmp_path / "cells.yml"
    one_set = {"by-gender": {"outcome": OUTCOME, "by": ["gender"]}}
    cells.write_text(yaml.safe_dump({"mapping": plan.name, "cells": one_set}))
    told = command("compress", cells, "--data", tmp_path, *words, code=1)
    if not words:
        assert (
            "their source asks for numbers of people rounded to multiples of 5" in told
        )
    assert not exact_numbers(people(2_013)) & said_in(told)
    assert not list(tmp_path.rglob("*.parquet"))


@cache
def design(weighted: bool = False) -> tl.SurveyDesign:
    frame = people(2_013).dropna(subset=[OUTCOME, *AXES]).reset_index(drop=True)
    frame["wave"] = frame["wave"].astype(str)
    if weighted:
        frame["w"] = np.random.default_rng(1).uniform(0.5, 2, len(frame))
    return tl.SurveyDesign(frame, weight="w", source=dict(ROUNDED))


@cache
def cells(source: bool = True) -> tl.Cells:
    made = tl.compress(design(), OUTCOME, AXES)
    if source:
        return made
    bare = tl.SurveyDesign(design().frame, weight="w", source={"kind": "real"})
    return tl.compress(bare, OUTCOME, AXES)


def test_cells_of_a_rounded_source_are_not_written(tmp_path):
    for made in (cells(), cells().seal(), tl.Cells.merge([cells()])):
        told = refused(
            lambda made=made: made.write(tmp_path / "cells.parquet"),
            tl.DisclosureError,
            PermissionError,
            "give the exact ones back",
        )
        assert not exact_numbers(design().frame) & said_in(told)
    assert list(tmp_path.iterdir()) == []
    assert cells(source=False).write(tmp_path / "cells.parquet").exists()


def gaps(made: tl.Cells) -> tl.Estimates:
    return tl.comparisons(tl.cell_means(made, ["gender", "disability"]))


def fit(made: tl.Cells) -> tl.LogitFit:
    return tl.fit_logit(made, "gender * disability + lgbtq")


SHOWN = {
    "cells": lambda c: c,
    "merged cells": lambda c: tl.Cells.merge([c]),
    "pooled cells": lambda c: tl.Cells.merge([c, other_office()]),
    "levels of pooled cells": lambda c: tl.cell_means(
        tl.Cells.merge([c, other_office()]), ["gender"]
    ),
    "design": lambda c: design(),
    "levels": tl.cell_means,
    "one way": lambda c: tl.one_way(c, AXES),
    "gaps": gaps,
    "ratios": lambda c: tl.comparisons(tl.cell_means(c, ["gender"]), scale="ratio"),
    "adjusted": lambda c: tl.detectable(tl.adjust(gaps(c))),
    "reliability": lambda c: tl.reliability(tl.cell_means(c)),
    "design effects": lambda c: tl.design_effects(c, ["gender"]),
    "fit": fit,
    "coefficients": lambda c: tl.coefficients(fit(c)),
    "predictions": lambda c: tl.predictions(fit(c), ["gender"]),
    "interactions": lambda c: tl.interactions(
        tl.cell_means(c, ["gender", "disability"]), "gender", "disability"
    ),
    "term test": lambda c: fit(c).term_test("gender:disability"),
    "joint tests": lambda c: review.joint_tests(fit(c)),
    "Rao-Scott": lambda c: tl.rao_scott(c, "gender"),
    "MAIHDA": tl.maihda,
    "strata of MAIHDA": lambda c: tl.maihda(c).strata,
    "variance of MAIHDA": lambda c: tl.maihda(c).interval("vpc"),
    "membership": membership,
    "calibration": lambda c: review.calibration(fit(c), ["gender"]),
    "goodness of fit": lambda c: review.goodness_of_fit(fit(c), AXES),
    "checks": lambda c: review.checks(fit(c)),
    "design of a dossier": lambda c: dossier.design_table(fit(c)),
    "robustness": lambda c: review.robustness(
        design(), OUTCOME, ["gender"], {"gender": "woman"}, links=["logit", "firth"]
    ),
}


@cache
def other_office() -> tl.Cells:
    """Of as many people, who are not the same."""
    frame = design().frame.sample(frac=1, random_state=1)
    frame[AXES] = design().frame[AXES].to_numpy()
    return tl.compress(
        tl.SurveyDesign(frame, weight="w", source=dict(ROUNDED)), OUTCOME, AXES
    )


def texts_of_result(result, folder: Path) -> Iterator[str]:
    """All texts by which a result is shown."""
    yield repr(result)
    if hasattr(result, "_repr_html_"):
        yield result._repr_html_()
    if isinstance(result, tl.Estimates):
        table = tl.publish(result, "table", folder)
        yield table.read_text(encoding="utf-8").replace(",", " ")
        yield table.with_suffix(".json").read_text(encoding="utf-8")
    if isinstance(result, (tl.Estimates, TestResult)):
        yield tl.table(result).as_raw_html()
    if isinstance(result, review.Report):
        yield result.frame.to_csv().replace(",", " ")


@cache
def exact_of_the_design() -> set[int]:
    return exact_numbers(design().frame)


@pytest.mark.filterwarnings("ignore::trustlib.ProtectiveExposureWarning")
@pytest.mark.parametrize("name", SHOWN)
def test_nothing_that_shows_itself_says_an_exact_number(name, tmp_path):
    exact = exact_of_the_design()
    said = set()
    for text in texts_of_result(SHOWN[name](cells()), tmp_path):
        said |= said_in(text)
    assert not exact & said


@pytest.mark.parametrize(
    "name", ["levels", "coefficients", "cells", "checks", "term test"]
)
def test_without_rounding_the_same_displays_say_exact_numbers(name, tmp_path):
    exact = exact_of_the_design()
    said = set()
    for text in texts_of_result(SHOWN[name](cells(source=False)), tmp_path):
        said |= said_in(text)
    assert exact & said


def test_the_warning_of_people_who_left_is_rounded():
    frame = people(2_013)
    made = tl.SurveyDesign(frame, weight="w", source=dict(ROUNDED))
    with pytest.warns(tl.MissingRowsWarning) as caught:
        tl.compress(made, OUTCOME, AXES)
    (told,) = [str(w.message) for w in caught]
    assert not exact_numbers(frame) & said_in(told)
    assert all(n % BASE == 0 for n in said_in(told))


def test_the_flow_of_people_is_rounded():
    made = tl.SurveyDesign(people(2_013), weight="w", source=dict(ROUNDED))
    steps = review.flow(made, OUTCOME, AXES)
    assert (steps["n"] % BASE == 0).all()
    account = account_of(made, OUTCOME, AXES)
    shown = shown_account(account, BASE)
    assert all(int(n.replace(",", "")) % BASE == 0 for _, n in shown)


def test_no_scripts_with_exact_totals_are_written_of_a_rounded_source(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TRUSTLIB_RUN_FOLDER", str(tmp_path))
    told = refused(
        lambda: dossier.write(fit(cells()), ["gender"], "cells/any.parquet", "a", "A"),
        tl.DisclosureError,
        PermissionError,
        "R scripts with these cells are not written",
    )
    assert not exact_of_the_design() & said_in(told)
    assert list(tmp_path.iterdir()) == []


# -- what rounding does ----------------------------------------------------------------


def test_degrees_of_freedom_of_people_are_rounded_where_cells_are_made():
    """So nothing computed from them knows more: not the df of coefficients, of tests or of pooled samples."""
    n = len(design().frame)
    assert cells(source=False).df == n - 1
    assert cells().df == BASE * ((n - 1) // BASE)
    assert fit(cells()).df == cells().df - 4
    convention = tl.cell_means(cells()).convention
    assert f"t with {cells().df:g} df (design, rounded down)" in convention


def test_degrees_of_freedom_of_large_clusters_are_not_numbers_of_people():
    frame = design().frame.assign(psu=np.arange(len(design().frame)) % 43)
    made = tl.SurveyDesign(frame, weight="w", psu="psu", source=dict(ROUNDED))
    assert tl.compress(made, OUTCOME, ["gender"]).df == 42
    frame["psu"] = np.arange(len(frame)) // 2
    made = tl.SurveyDesign(frame, weight="w", psu="psu", source=dict(ROUNDED))
    assert tl.compress(made, OUTCOME, ["gender"]).df % BASE == 0


def test_rounding_makes_no_interval_shorter_and_moves_no_estimate():
    exact = tl.cell_means(cells(source=False)).frame
    ours = tl.cell_means(cells()).frame
    columns = ["estimate", "std_error", "n"]
    pd.testing.assert_frame_equal(ours[columns], exact[columns])
    assert (ours["conf_low"] <= exact["conf_low"]).all()
    assert (ours["conf_high"] >= exact["conf_high"]).all()


def test_two_numbers_of_degrees_of_freedom_tell_no_more_than_one():
    """Exact ones less three and less five, each rounded by itself, would narrow the number of people down."""
    shown = set()
    formulas = ["gender", "gender + disability", "gender * disability * lgbtq"]
    for n in (1_601, 1_602, 1_603, 1_604):
        rows = design().frame.head(n)
        alone = tl.SurveyDesign(rows, weight="w", source=dict(ROUNDED))
        made = tl.compress(alone, OUTCOME, AXES)
        terms = [tl.coefficients(tl.fit_logit(made, formula)) for formula in formulas]
        shown.add(tuple(each.showable().frame["df"].iloc[0] for each in terms))
    assert len(shown) == 1


def test_verdicts_on_numbers_of_people_do_not_tell_that_they_are_equal(tmp_path):
    figures = load_figures(ROOT / "data" / "published" / "figures.csv")
    codebook = load_codebook(ROOT / "data" / "codebook.yml")
    counts = figures[(figures["statistic"] == "count") & (figures["group"] == "all")]
    figure = counts[counts["countries"] == "FR"].iloc[[0]]
    printed = int(figure["value"].iloc[0])
    near = [
        n
        for n in range(printed - BASE, printed + BASE)
        if rounded_people(n, BASE) == rounded_people(printed, BASE)
    ]
    assert len(near) >= BASE - 1
    verdicts = set()
    for n in near:
        frame = pd.DataFrame(
            {
                "wave": [figure["wave"].iloc[0]] * n,
                "country": "FR",
                OUTCOME: 1.0,
                "w": 1.0,
            }
        )
        made = tl.SurveyDesign(frame, weight="w", source=dict(ROUNDED))
        answers = answer_record(made, figure, codebook)
        verdicts |= set(zip(answers["verdict"], answers["ours"], strict=True))
    assert len(verdicts) == 1


@given(st.integers(0, 100_000), st.integers(2, 100))
def test_numbers_of_people_are_the_nearest_multiple_and_never_zero(n, base):
    shown = float(rounded_people(n, base))
    assert shown % base == 0
    assert (shown > 0) == (n > 0)
    assert abs(shown - n) <= max(base / 2, base - n)
    assert rounded_people(shown, base) == shown


@given(st.floats(0, 1e6), st.integers(2, 100))
def test_degrees_of_freedom_go_down_to_a_multiple(df, base):
    shown = float(rounded_df(df, base))
    assert shown <= df
    assert df - shown < base
    assert shown == df or shown % base == 0


def test_what_is_not_defined_stays_so():
    frame = pd.DataFrame(
        {
            "n": [np.nan],
            "n_eff": [np.nan],
            "df": [np.inf],
            "std_error": [np.nan],
            "estimate": [np.nan],
        }
    )
    shown = rounded(frame, BASE)
    assert shown["df"].tolist() == [np.inf]
    assert shown.drop(columns="df").isna().all(axis=None)
    assert rounded(pd.DataFrame({"std_error": [0.0, 0.001, 0.0449]}), BASE)[
        "std_error"
    ].tolist() == [0.0, 0.01, 0.04]


def test_a_standard_error_does_not_tell_how_many_people_are_behind_it():
    """With three decimals p(1 - p)/SE^2 is the number of people where these are few."""
    for n in range(36, 50):
        error = np.sqrt(0.25 / n)
        frame = rounded(pd.DataFrame({"std_error": [error], "n": [n]}), BASE)
        low, high = frame["std_error"].iloc[0] + np.array([0.005, -0.005])
        possible = np.arange(np.ceil(0.25 / low**2), 0.25 / high**2)
        within = possible[np.abs(possible - frame["n"].iloc[0]) <= BASE / 2]
        assert len(within) > 1


def test_words_are_rounded_as_tables_are():
    assert people_in_words(1_013, BASE) == "1,015"
    assert people_in_words(7, BASE) == "fewer than 10"
    assert people_in_words(1_013) == "1,013"
    assert df_in_words(1_012.4, BASE) == "1010"
    assert df_in_words(1_012.4) == "1012.4"
