"""The first page of a private book, and what a committee gets: every outcome by every group, before all else."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader

import trustlib as tl
from samples import publish_levels
from trustbook import private_book
from trustbook.committee import FILES, FOLDER, Content, write_files
from trustbook.committee.one_page import HEIGHT, WIDTH, drawn, write_page
from trustbook.families import Family
from trustbook.found import CANNOT_TELL, Found, Gap, Group, Identity, found_in
from trustbook.leaks import Search
from trustbook.private_book import reproduce
from trustbook.run_tables import read_estimates
from trustbook.short_titles import LONGEST_TITLE, short_title, short_titles
from trustbook.summary import Paragraph
from trustlib.adjustment import holm
from trustlib.sources import Source
from trustlib.tables import number

pytestmark = pytest.mark.filterwarnings("ignore::trustlib.MissingRowsWarning")
ROOT = Path(__file__).parents[1]
LONG = (
    "In the past twelve months, how much have you trusted information about health or medical topics that you were given "
    "by a doctor, a nurse or another person who works in health care, whether at a visit or in writing?"
)
OUTCOMES = {"low_trust": LONG, "delayed": f"{LONG[:120]} And did you delay care?", "unfair": "Treated unfairly"}  # fmt: skip
AXES = {
    "gender": ["man", "woman"],
    "age": ["18-34", "35-54", "55-74", "75 or older"],
    "disability": ["no", "yes"],
}
MAPPING = {
    "source": {"kind": "supplied", "label": "A survey of patients <2026> & others"},
    "variables": {
        **{name: {"label": label, "values": {"Yes": 1, "No": 0}} for name, label in OUTCOMES.items()},
        "gender": {"label": "Gender", "values": {level: level for level in AXES["gender"]}},
        "age": {"label": "Age", "levels": AXES["age"]},
        "disability": {"label": f"Disability: {LONG}", "values": {"no": "no", "yes": "yes"}},
    },
    "design": {"weight": "wt"},
}  # fmt: skip


def people(rows: int = 3_000, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({axis: rng.choice(levels, rows) for axis, levels in AXES.items()})  # fmt: skip
    for shift, name in enumerate(OUTCOMES):
        chance = 0.25 + 0.05 * shift + 0.12 * (frame["disability"] == "yes")
        frame[name] = np.where(rng.random(rows) < chance, "Yes", "No")
    frame["wt"] = rng.uniform(0.5, 2, rows).round(3)
    frame.insert(0, "id", 7_000_001 + np.arange(rows) * 13)
    return frame


def only_tables(runs, out, **more):
    """Write what the pages of levels publish, in place of executing the runs."""
    for run in runs:
        if run.template.stem == "levels":
            given = {
                name: tl.Cells.read(run.template.parent / run.parameters[name])
                for name in ("cells", "everyone")
            }
            folder = Path(out) / run.id / "tables"
            publish_levels(**given, axes=run.parameters["axes"], folder=folder)
    return {}


@pytest.fixture(scope="module", autouse=True)
def unexecuted():
    """`reproduce` without notebooks and without Sphinx."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private_book, "run_all", only_tables)
        patch.setattr(private_book, "_build", lambda out: None)
        yield


def made(folder: Path, frame: pd.DataFrame, mapping: dict = MAPPING) -> Path:
    """The folder of a book."""
    frame.to_csv(folder / "people.csv", index=False)
    (folder / "m.yml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    out = folder / "private"
    reproduce(folder / "people.csv", folder / "m.yml", out, ROOT)
    return out


@pytest.fixture(scope="module")
def book(tmp_path_factory, unexecuted) -> Path:
    """The folder of a book of three outcomes and three identities, which tests only read."""
    return made(tmp_path_factory.mktemp("book"), people())


def page_of(out: Path) -> str:
    return (out / "book" / "index.md").read_text(encoding="utf-8")


def rows_of(page: str) -> list[tuple[str, str, list[str]]]:
    """Outcome, identity and cells of each row of the first table."""
    table = BeautifulSoup(page, "html.parser").find("table")
    outcome = identity = ""
    rows = []
    for row in table.select("tbody tr"):
        text = row.get_text(" ", strip=True)
        if "found-outcome" in row.get("class", []):
            outcome = text
        elif "found-identity" in row.get("class", []):
            identity = text
        else:
            cells = row.find_all(["th", "td"])
            rows.append((outcome, identity, [c.get_text(" ", strip=True) for c in cells]))  # fmt: skip
    return rows


class TestFirstPage:
    def test_every_outcome_by_every_group_stands_before_anything_else(self, book):
        page = page_of(book)
        lines = [line for line in page.splitlines() if line]
        assert lines[0] == "# A survey of patients &#60;2026&#62; &#38; others"
        assert lines[1].startswith('<table class="found-table">')
        rows = rows_of(page)
        titles = short_titles({**OUTCOMES, "age": "Age", "gender": "Gender"})
        for outcome in OUTCOMES:
            own = [row for row in rows if row[0] == titles[outcome]]
            groups = {}
            for _, identity, cells in own:
                groups.setdefault(identity, []).append(cells)
            assert len(groups) == len(AXES)
            for levels, cells in zip(AXES.values(), groups.values(), strict=True):
                assert len(cells) == len(levels)
                self.require_numbers(cells)
        assert page.index("</table>") < page.index("SHA-256")

    def require_numbers(self, groups):
        """A percentage with its interval, and a gap with its interval and verdict of all but the first."""
        percent = r"\d+\.\d \d+\.\d to \d+\.\d"
        gap = r"[+−]?\d+\.\d [+−]?\d+\.\d to [+−]?\d+\.\d"
        for place, (name, level, points, verdict) in enumerate(groups):
            assert name
            assert re.fullmatch(percent, level)
            if place == 0:
                assert (points, verdict) == ("reference", "")
            else:
                assert re.fullmatch(gap, points)
                assert verdict in ("clear", CANNOT_TELL)

    def test_its_numbers_are_those_of_the_pages_and_its_gaps_are_one_family(self, book):
        folders = sorted((book / "book" / "_runs").glob("*-levels-*/tables"))
        assert len(folders) == len(OUTCOMES)
        levels = [read_estimates(folder, "levels", {}).frame for folder in folders]
        gaps = [read_estimates(folder, "gaps", {}).frame for folder in folders]
        family = pd.concat(gaps)
        family["clear"] = holm(family["p_value"].to_numpy()) < 0.05
        percents = pd.concat(levels)["estimate"].map(lambda p: number(p, "level"))
        points = family["estimate"].map(lambda p: number(p, "difference"))
        cells = [cells for _, _, cells in rows_of(page_of(book))]
        assert sorted(c[1].split()[0] for c in cells) == sorted(percents)
        assert sorted(c[2].split()[0] for c in cells if c[3]) == sorted(points)
        clear = {c[2].split()[0] for c in cells if c[3] == "clear"}
        assert clear == set(points[family["clear"]])
        assert 0 < family["clear"].sum() < len(family)
        assert f"Holm's adjustment for all {len(family)} gaps" in page_of(book)

    def test_each_outcome_has_its_question_sentence_picture_and_page(self, book):
        page = page_of(book)
        for place, label in enumerate(OUTCOMES.values(), 1):
            part = page.partition(f"(outcome-{place})=")[2].partition("\n(")[0]
            heading = unescape(re.search(r"^## (.*)$", part, re.MULTILINE)[1])
            assert len(heading) <= LONGEST_TITLE + len(" (low_trust)")
            if len(label) > LONGEST_TITLE:
                assert f"The question: {label}" in part
            assert "**In short.**" in part
            assert part.count('<figure class="record-figure row-figure">') == 1
            assert re.search(r"\{doc\}`_runs/[\w-]+-levels-", part)

    def test_how_it_was_made_comes_last(self, book):
        page = page_of(book)
        places = [page.index(words) for words in ("## What was withheld and why", "## How this was made",
                  "A private book, made by", "### The file", "SHA-256", "### Who is counted")]  # fmt: skip
        assert places == sorted(places)
        assert places[0] > page.rindex("</figure>")

    def test_the_ledger_is_there_only_where_a_line_of_the_record_is_answered(
        self, book
    ):
        assert "The published record" not in page_of(book)
        assert not (book / "ledger.csv").exists()
        assert not (book / "book" / "ledger.md").exists()
        contents = yaml.safe_load((book / "_toc.yml").read_text())
        assert "ledger" not in [chapter["file"] for chapter in contents["chapters"]]

    def test_an_identity_that_is_not_shown_is_named_with_its_reason(self, tmp_path):
        frame = people(600)
        frame["disability"] = np.where(np.arange(len(frame)) < 12, "yes", "no")
        out = made(tmp_path, frame)
        table = BeautifulSoup(page_of(out), "html.parser").find("table")
        heads = [row.get_text(" ") for row in table.select(".found-identity")]
        hidden = [text for text in heads if text.startswith("Disability: In the past")]
        assert len(hidden) == len(OUTCOMES)
        assert all("not shown: fewer than 10 people" in text for text in hidden)
        assert not [c for _, i, c in rows_of(page_of(out)) if i.startswith("Disab")]

    def test_a_source_that_asks_for_rounding_is_rounded_in_every_file(self, tmp_path):
        source = MAPPING["source"] | {"rounding": 5}
        out = made(tmp_path, people(), {**MAPPING, "source": source})
        rows = rows_of(page_of(out))
        assert all(re.match(r"\d+\.0 \d+\.0 to \d+\.0", c[1]) for _, _, c in rows)
        sheets = openpyxl.load_workbook(out / FOLDER / "tables.xlsx")
        heads, *cells = sheets["Found"].iter_rows(values_only=True)
        numbers = pd.DataFrame(cells, columns=heads)
        assert (numbers["People"] % 5 == 0).all()
        assert (numbers["Percent"] % 1 == 0).all()
        assert len(numbers) == len(rows)

    def test_labels_do_nothing_on_it(self, tmp_path):
        hostile = '<img src=x onerror="alert(1)"> {eval}`1` $x$ | # `code`'
        mapping = yaml.safe_load(yaml.safe_dump(MAPPING))
        for name in ("unfair", "gender"):
            mapping["variables"][name]["label"] = hostile
        page = page_of(made(tmp_path, people(), mapping))
        assert "<img" not in page
        assert not BeautifulSoup(page, "html.parser").find_all(["img", "script"])
        assert "{eval}`" not in re.sub(r"<(table|figure).*?</\1>", "", page)


class TestTitles:
    def test_a_question_of_two_hundred_letters_is_no_title(self):
        title = short_title(LONG)
        assert len(title) <= LONGEST_TITLE
        assert title.endswith("…")
        assert LONG.startswith(title.removesuffix("…"))
        assert LONG[len(title) - 1] == " "

    def test_questions_that_begin_alike_have_titles_of_their_own(self):
        titles = short_titles({f"q{i}": f"{LONG} {i}" for i in range(12)})
        assert len(set(titles.values())) == 12

    def test_a_word_without_an_end_is_cut_all_the_same(self):
        assert short_title("医" * 200, 20) == "医" * 19 + "…"

    def test_no_page_has_a_longer_one(self, book):
        plan = yaml.safe_load((book / "notebooks" / "runs.yml").read_text())
        for entry in plan["runs"]:
            given = entry["parameters"]
            assert len(given["title"]) < 5 * LONGEST_TITLE
            assert LONG not in given["title"]
        questions = {entry["parameters"]["question"] for entry in plan["runs"]}
        assert f"Outcome: {LONG}." in questions


NAMES = [
    "People who have lived with a long-term condition or a disability since before they were eighteen",
    "Married, in a civil partnership or living with a partner as if married (with or without children)",
    "$25,000 to less than $50,000 a year",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsmitglied",
    "no answer to this",
    "75 or older",
]


def made_up(outcomes: int, identities: int, groups: int) -> tuple[Found, ...]:
    """Outcomes with long names, as `found_in` gives them."""
    frame = pd.DataFrame({"g": [f"g{i}" for i in range(groups)] * 60})
    frame["y"] = np.arange(len(frame)) % 7 < 3
    design = tl.SurveyDesign(frame.astype({"y": float}), weight=None)
    levels = tl.one_way(tl.compress(design, "y", ["g"]))
    rows = []
    for place in range(groups):
        gap = Gap(-0.1234, -0.2345, -0.1123, 0.0123, ["clear", CANNOT_TELL][place % 2])
        name = NAMES[place % len(NAMES)]
        rows.append(Group(name, 0.3456, 0.3123, 0.4012, 1234, gap if place else None))
    tables = tuple(Identity(short_title(LONG), LONG, tuple(rows), "run") for _ in range(identities))  # fmt: skip
    sentence = Paragraph("**In short.** 2 of 5 gaps are clear, the widest &#36;25,000 against others: +10.0 points.")  # fmt: skip
    whole = "34.5 percent (31.0 to 37.9)"
    return tuple(Found(short_title(LONG), LONG, tables, whole, sentence, levels) for _ in range(outcomes))  # fmt: skip


def content(found: tuple[Found, ...], kind: str = "supplied", **more) -> Content:
    source = Source({"kind": kind, "label": "A survey of patients"})
    made = {"Evidence": source.evidence, "File: people.csv": "SHA-256 abc"}
    given = {"withheld": {"unfair by town": "too few people"}, "made": made} | more
    return Content("A survey of patients", "Private edition: exact numbers.", source, found, **given)  # fmt: skip


def boxes(figure) -> list[tuple[str, object]]:
    """Each text of a page, and where it stands, in points from the top left."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    scale = 72 / figure.dpi
    found = []
    for text in figure.axes[0].texts:
        box = text.get_window_extent(canvas.get_renderer())
        found.append((text.get_text(), box.transformed(_scaled(scale))))
    return found


def _scaled(scale: float):
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(scale)


class TestOnePage:
    @pytest.mark.parametrize("shape", [(1, 1, 2), (3, 1, 6), (3, 3, 6), (12, 6, 6)])
    def test_no_text_runs_over_the_edge_or_into_another(self, shape):
        figure = drawn(content(made_up(*shape)))
        found = boxes(figure)
        assert len(found) > 10
        for text, box in found:
            assert box.x0 >= 30, text
            assert box.x1 <= WIDTH - 20, text
            assert 0 <= box.y0 < box.y1 <= HEIGHT, text
        placed = [(text, box.padded(-0.8)) for text, box in found]
        for place, (text, box) in enumerate(placed):
            for other, second in placed[place + 1 :]:
                assert not box.overlaps(second), (text, other)

    def test_three_outcomes_of_six_groups_are_all_there(self, tmp_path):
        write_page(content(made_up(3, 1, 6)), tmp_path / "summary.pdf")
        reader = PdfReader(tmp_path / "summary.pdf")
        (page,) = reader.pages
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        words = " ".join(page.extract_text().split())
        assert words.count("75 or older") == 3
        assert words.count("$25,000 to less than $50,000 a year") == 3
        assert words.count("34.6 (31.2 to 40.1)") == 18
        assert words.count("−12.3 (−23.4 to −11.2)") == 15
        assert "do not fit" not in words
        assert all("/FontFile2" in font for font in fonts_of(reader))

    def test_what_does_not_fit_is_counted(self, tmp_path):
        write_page(content(made_up(12, 6, 6)), tmp_path / "summary.pdf")
        (page,) = PdfReader(tmp_path / "summary.pdf").pages
        words = " ".join(page.extract_text().split())
        left = int(re.search(r"(\d+) of 72 tables", words)[1])
        assert 40 < left < 72
        assert words.count("75 or older") == 72 - left

    def test_made_up_people_are_called_so(self, tmp_path):
        write_page(content(made_up(1, 1, 2), "synthetic"), tmp_path / "summary.pdf")
        (page,) = PdfReader(tmp_path / "summary.pdf").pages
        words = page.extract_text()
        assert "Synthetic: A survey of patients" in words
        assert "SYNTHETIC" in words


def fonts_of(reader: PdfReader) -> list[dict]:
    """What describes each font of a PDF."""
    found = []
    for place in range(1, len(reader.xref[0]) + 1):
        known = reader.get_object(place)
        if isinstance(known, dict) and known.get("/Type") == "/FontDescriptor":
            found.append(known)
    assert found
    return found


class TestCommittee:
    def test_the_files_are_linked_and_lie_beside_the_book(self, book):
        page = page_of(book)
        for name in FILES.values():
            assert (book / FOLDER / name).stat().st_size > 4_000
            assert f"<../{FOLDER}/{name}>`" in page
        assert page.index("{download}") < page.index("(outcome-1)=")

    def test_the_same_book_gives_the_same_bytes(self, book, tmp_path):
        again = reproduce(book.parent / "people.csv", book.parent / "m.yml", tmp_path / "two", ROOT)  # fmt: skip
        assert again.runs
        for name in FILES.values():
            first = (book / FOLDER / name).read_bytes()
            assert (tmp_path / "two" / FOLDER / name).read_bytes() == first, name

    def test_the_workbook_has_the_numbers_of_the_page_as_numbers(self, book):
        sheets = openpyxl.load_workbook(book / FOLDER / "tables.xlsx")
        assert sheets.sheetnames == ["Found", "Not shown", "How this was made"]
        heads, *rows = sheets["Found"].iter_rows(values_only=True)
        shown = rows_of(page_of(book))
        assert len(rows) == len(shown)
        at = {head: place for place, head in enumerate(heads)}
        for row, (outcome, identity, cells) in zip(rows, shown, strict=True):
            assert [row[0], row[1], row[2]] == [outcome, identity, cells[0]]
            ends = [row[at[f"Percent{end}"]] for end in ("", ", from", ", to")]
            assert [f"{end:.1f}" for end in ends] == re.findall(r"\d+\.\d", cells[1])
            assert row[at["Verdict"]] in (cells[3], None)
            assert isinstance(row[at["People"]], int)
        assert {row[at["Question"]] for row in rows} == set(OUTCOMES.values())

    def test_a_text_of_a_workbook_is_never_computed(self, tmp_path):
        (found,) = made_up(1, 1, 2)
        named = replace(found, title="=HYPERLINK(1)", question="https://a.example")
        write_files(content((named,)), tmp_path)
        parts = zipfile.ZipFile(tmp_path / FOLDER / "tables.xlsx")
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet.lower()
        sheets = openpyxl.load_workbook(tmp_path / FOLDER / "tables.xlsx")
        assert sheets["Found"]["A2"].value == "=HYPERLINK(1)"

    def test_the_file_of_word_begins_with_the_table_and_describes_its_pictures(
        self, book
    ):
        from docx import Document

        document = Document(str(book / FOLDER / "summary.docx"))
        rows = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
        groups = [row for row in rows[1:] if len(set(row)) > 1]
        assert len(groups) == len(rows_of(page_of(book)))
        assert {row[5] for row in groups} == {"", "clear", CANNOT_TELL}
        heads = [p.text for p in document.paragraphs if p.style.name.startswith("Head")]
        assert heads[0] == "Each outcome by each group"
        assert heads[-2:] == ["What was withheld and why", "How this was made"]
        assert all(len(head) < 100 for head in heads)
        shapes = document.inline_shapes
        assert len(shapes) == len(OUTCOMES)
        texts = [shape._inline.docPr.get("descr") for shape in shapes]
        assert all("Lowest" in text for text in texts)
        assert any("SHA-256" in row.cells[1].text for row in document.tables[-1].rows)

    def test_names_in_any_letters_are_written_everywhere(self, tmp_path):
        (found,) = made_up(1, 1, 2)
        group = replace(found.identities[0].groups[1], name="女性, 30～49歳 \x07")
        table = replace(found.identities[0], groups=(found.identities[0].groups[0], group))  # fmt: skip
        write_files(content((replace(found, identities=(table,)),)), tmp_path)
        sheets = openpyxl.load_workbook(tmp_path / FOLDER / "tables.xlsx")
        assert sheets["Found"]["C3"].value.startswith("女性")

    @pytest.mark.parametrize("name", FILES.values())
    def test_a_person_of_the_file_is_found_in_them(self, tmp_path, name):
        """The book is searched for rows before it is put in place: these files can be read by that search."""
        frame = pd.DataFrame({"id": [f"person-{i:04d}" for i in range(40)]})
        search = Search(frame)
        (found,) = made_up(1, 1, 2)
        write_files(content((found,)), tmp_path)
        path = tmp_path / FOLDER / name
        assert search.what_is_in(name, path.read_bytes()) == ""
        told = replace(found.identities[0].groups[1], name="Those like person-0007")
        table = replace(found.identities[0], groups=(found.identities[0].groups[0], told))  # fmt: skip
        write_files(content((replace(found, identities=(table,)),)), tmp_path)
        assert search.what_is_in(name, path.read_bytes()) == "values of a respondent"


class TestOfPages:
    def test_a_pdf_that_needs_a_password_or_is_damaged_is_named(self, tmp_path):
        from pypdf import PdfWriter

        search = Search(pd.DataFrame({"id": [f"person-{i:04d}" for i in range(40)]}))
        writer = PdfWriter()
        writer.add_blank_page(100, 100)
        plain, locked, holding = io.BytesIO(), io.BytesIO(), io.BytesIO()
        writer.write(plain)
        assert search.what_is_in("a.pdf", plain.getvalue()) == ""
        writer.add_attachment("people.csv", b"id\nperson-0011\n")
        writer.write(holding)
        assert search.what_is_in("a.pdf", holding.getvalue()) == "values of a respondent"  # fmt: skip
        writer.encrypt("secret", algorithm="RC4-128")
        writer.write(locked)
        assert "password" in search.what_is_in("a.pdf", locked.getvalue())
        assert "cannot be read" in search.what_is_in("a.pdf", b"%PDF-1.7\n\0nothing")


class TestAloneBeforeAnyCross:
    def family(self) -> Family:
        """Both of two identities and a gender: too few to cross all three, and a gender of few that has neither."""
        parts = [("man", "no", "no", 300), ("man", "yes", "no", 60), ("man", "no", "yes", 60), ("man", "yes", "yes", 12),
                 ("woman", "no", "no", 300), ("woman", "yes", "no", 60), ("woman", "no", "yes", 60),
                 ("woman", "yes", "yes", 80), ("non-binary", "no", "no", 60)]  # fmt: skip
        rows = [part[:3] for part in parts for _ in range(part[3])]
        frame = pd.DataFrame(rows, columns=["gender", "a", "b"], dtype="category")
        frame["y"] = np.arange(len(frame)) % 2 * 1.0
        return Family(tl.SurveyDesign(frame, weight=None), "y", ["a", "b", "gender"])

    def test_gender_is_shown_where_a_cross_would_have_taken_its_place(self):
        family = self.family()
        shown = {form for each in family.sets for form in each}
        assert "gender" in shown
        assert not any(what == "y by gender" for what in family.withheld)

    def test_each_axis_by_itself_stands_beside_every_set(self):
        family = self.family()
        for one in family.alone:
            assert all(family._apart(one, each) for each in family.sets)


def test_a_finer_form_of_an_identity_is_taken_and_a_coarser_one_has_its_name(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 900) * 1.0})
    frame["g"] = pd.Categorical(rng.choice(["a", "b", "c"], 900), ["a", "b", "c"])
    frame["h"] = pd.Categorical(rng.choice(["m", "w"], 900), ["m", "w"])
    frame.attrs["labels"] = {"y": "Outcome", "g": "Group", "h": "Half"}
    family = Family(tl.SurveyDesign(frame, weight=None), "y", ["g", "h"])
    everyone = tl.compress(family.base, "y", [])
    entries = []
    for number_of, axes in enumerate((["g_2_levels", "h"], ["g"])):
        cells = tl.compress(family.base, "y", axes)
        folder = tmp_path / f"run-{number_of}" / "tables"
        publish_levels(cells, everyone, axes, folder)
        entries.append({"id": f"run-{number_of}", "template": "levels", "parameters": {"axes": axes}})  # fmt: skip
    (found,) = found_in([family], ["g", "h", "z"], entries, tmp_path, {"y by z": "few"})
    tables = {each.title: each for each in found.identities}
    assert [group.name for group in tables["Group"].groups] == ["a", "b", "c"]
    assert (tables["Group"].run, tables["Half"].run) == ("run-1", "run-0")
    assert tables["z"].reason == "few"
    (coarse,) = found_in([family], ["g"], entries[:1], tmp_path, {})
    assert [len(each.groups) for each in coarse.identities] == [2]
    assert coarse.identities[0].title == "Group"
