"""A text of a file's owner is a text wherever it is written: each place by itself, and all of them through a private book."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser

import trustlib as tl
from payloads import ALL, CANARY, RUN, SECRET, USABLE, survey
from trustbook import r_script_parts, r_scripts
from trustbook.pages import fill_markdown
from trustbook.private_book import reproduce
from trustbook.private_pages import markdown_table
from trustbook.proposal import Wanted, first_mapping
from trustbook.site import check_pages, foreign_scripts
from trustlib import letters
from trustlib.errors import RunError
from trustlib.escaping import (
    LONGEST_NAME,
    code_line,
    csv_cell,
    csv_cells,
    csv_plain,
    csv_plains,
    file_name,
    html_text,
    markdown_code,
    markdown_plain,
    markdown_text,
    one_line_of,
    r_comment,
    r_name,
    r_string,
    terminal_text,
    visible,
    yaml_string,
)

ROOT = Path(__file__).parents[1]
EXTENSIONS = {"amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "linkify", "substitution", "tasklist", "strikethrough", "html_image"}  # fmt: skip
ANY = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="`*_{}[]<>#&|$~^@\\!:=+-'\"();,./ \n\t\r019ab", max_size=30),
    st.sampled_from(ALL),
)


def tokens(markdown: str) -> list:
    """The pieces of a text as the book's own parser reads it, with more extensions than the book has."""
    config = MdParserConfig(enable_extensions=EXTENSIONS - {"linkify"})
    return create_md_parser(config, DocutilsRenderer).parse(markdown)


def said(pieces: list) -> str:
    """The text of a line of Markdown; fails if there is anything but text in it."""
    out = ""
    for piece in pieces:
        assert piece.type in ("text", "text_special"), piece
        out += piece.content
    return out


class TestMarkdown:
    @settings(max_examples=400)
    @given(ANY)
    def test_a_paragraph_a_heading_and_a_cell_say_the_text_and_nothing_else(self, text):
        line = one_line_of(text)
        made = markdown_text(text)
        assert markdown_plain(made) == line.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        for template in ("{}", "# {}", "Outcome: {}.", "- {}", "> {}"):
            inline = [t for t in tokens(template.format(made)) if t.type == "inline"]
            shown = template.lstrip("#->").strip().format(line)
            assert " ".join("".join(map(said, (t.children for t in inline))).split()) == " ".join(shown.split())  # fmt: skip
        table = f"| a | b |\n|---|---|\n| {made} | x |\n"
        cells = [t for t in tokens(table) if t.type == "inline"]
        assert [said(t.children) for t in cells] == ["a", "b", line, "x"]

    @settings(max_examples=200)
    @given(ANY)
    def test_plain_commonmark_reads_it_as_text_too(self, text):
        html = MarkdownIt("commonmark").render(f"x {markdown_text(text)} y")
        soup = BeautifulSoup(html, "html.parser")
        assert [tag.name for tag in soup.find_all(True)] == ["p"]
        shown = " ".join(soup.get_text().split())
        assert shown == " ".join(f"x {one_line_of(text)} y".split())

    @settings(max_examples=300)
    @given(ANY)
    def test_code_says_the_text(self, text):
        line = one_line_of(text)
        (inline,) = (t for t in tokens(f"x {markdown_code(text)} y") if t.type == "inline")  # fmt: skip
        code = [t for t in inline.children if t.type == "code_inline"]
        assert [t.content.strip() for t in code] == [line]
        assert said([t for t in inline.children if t not in code]).split() == ["x", "y"]

    @settings(max_examples=200)
    @given(ANY)
    def test_a_code_block_keeps_its_end(self, text):
        block = f"```r\nfit <- {code_line(text)}\nend\n```\n\nafter"
        kinds = [t.type for t in tokens(block)]
        assert kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]

    def test_words_commas_and_bands_stay_as_they_are(self):
        for text in ("woman, minority", "65+", "18-24", "not disabled", "don't know", "Côte d'Ivoire (west)", "–", "性別"):  # fmt: skip
            assert markdown_text(text) == text

    @pytest.mark.parametrize(
        "word", ["a`b", "</script>", "@{title}", "a\n```\nb", "$x$", "{{ x }}"]
    )
    def test_a_template_writes_each_word_for_its_place(self, word):
        source = "# @{title}\n\nIn prose @{word}, in code `@{word}`.\n\n```r\ny ~ @{word}\n```\n\nEnd."
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
        fill_markdown(page, {"title": "A *title*", "word": word}, "it")
        made = page.cells[0].source
        parts = [t for t in tokens(made) if t.type in ("inline", "fence")]
        line = one_line_of(word)
        assert [t.type for t in parts] == ["inline", "inline", "fence", "inline"]
        assert any(t.type == "em_open" for t in parts[0].children)
        code = [t for t in parts[1].children if t.type == "code_inline"]
        assert code[0].content.strip() == line
        assert line in said([t for t in parts[1].children if t not in code])
        assert parts[2].content == f"y ~ {line}\n"

    def test_ordinary_words_fill_a_template_as_before(self):
        source = "`@{formula}` of @{axes_plus}\n\n```r\n~@{axes_1}\n```"
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
        fill_markdown(page, {"formula": "a * b", "axes": ["a", "b"]}, "it")
        assert page.cells[0].source == "`a * b` of a + b\n\n```r\n~a\n```"

    def test_a_link_is_not_made_of_any_text(self):
        source = "{download}`@{name}.R <scripts/@{name}.R>`"
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
        with pytest.raises(RunError, match="letters, digits"):
            fill_markdown(page, {"name": "x <../../secret>"}, "it")

    def test_an_option_in_a_table_stays_code(self):
        text = markdown_table(["Why"], [["run again with --axis a_b or *so* | x"]])
        assert "`--axis a_b`" in text
        assert "&#42;so&#42; &#124; x" in text


class TestHtml:
    @given(ANY)
    def test_a_parser_gives_the_text_back(self, text):
        made = html_text(text)
        soup = BeautifulSoup(f'<p title="{made}">{made}</p>', "html.parser")
        assert soup.p.string in (None, one_line_of(text)) if text.strip() else True
        assert soup.p["title"] == one_line_of(text)
        assert len(soup.find_all(True)) == 1

    @pytest.mark.parametrize("text", ["<b>x</b>", "a & b", '"x"', "</td><script>"])
    def test_tables_reports_and_estimates_show_tags_as_text(self, text):
        people = pd.DataFrame({"g": ["a", text] * 100, "y": [0.0, 0, 1, 1] * 50})
        people.attrs = {
            "source": {"kind": "supplied", "label": text},
            "labels": {"g": f"{text} axis", "y": text},
        }
        levels = tl.cell_means(tl.compress(tl.SurveyDesign(people, weight=None), "y", ["g"]))  # fmt: skip
        for html in (tl.table(levels).as_raw_html(), levels._repr_html_()):
            soup = BeautifulSoup(html, "html.parser")
            assert text in soup.get_text()
            assert not soup.select("b, script")
        few = levels.where("n > 0")
        object.__setattr__(few, "smallest", np.array([3, 3]))
        assert not BeautifulSoup(few._repr_html_(), "html.parser").select("b, script")


class TestSeen:
    @given(ANY)
    def test_what_people_see_is_one_line_without_hidden_signs(self, text):
        made = visible(text, 50)
        assert len(made) <= 50
        assert made == made.strip()
        assert len(made.splitlines()) <= 1
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made)

    def test_joiners_of_hindi_and_persian_stay(self):
        assert visible("क्\u200dष می\u200cخواهم") == "क्\u200dष می\u200cخواهم"

    @given(ANY)
    def test_no_text_gives_a_terminal_an_order(self, text):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", terminal_text(text))


class TestR:
    @settings(max_examples=300)
    @given(ANY)
    def test_a_comment_is_one_line(self, text):
        assert len(r_comment(text).splitlines()) <= 1

    @pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
    def test_r_reads_strings_names_and_comments_as_they_were(self, tmp_path):
        rng = np.random.default_rng(5)
        signs = list("\\\"'`#\n\r\t(){}%$ab0\u2028\u202eé性😀\x07\x1b")
        made = ["".join(rng.choice(signs, rng.integers(1, 12))) for _ in range(300)]
        texts = [t for t in dict.fromkeys([*ALL, *made]) if t and len(t) < 5_000]
        texts = [re.sub("[\x00\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", t) for t in texts]  # fmt: skip
        lines = ["x <- list()"]
        lines += [
            f"x <- c(x, list(c({r_string(text)}, {r_string(text, lines=True)}, "
            f"names(list({r_name(text)} = 1)))))  # {r_comment(text)}"
            for text in texts
        ]
        lines.append('for (v in x) cat(paste(vapply(v, function(s) paste(utf8ToInt(enc2utf8(s)), collapse = " "), ""), collapse = "|"), "\\n", sep = "")')  # fmt: skip
        script = tmp_path / "texts.R"
        script.write_text("\n".join(lines), encoding="utf-8", newline="")
        done = subprocess.run(["Rscript", "-e", f'source("{script}", encoding = "UTF-8")'], capture_output=True, text=True, cwd=tmp_path, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr[-500:]
        assert not (tmp_path / CANARY).exists()
        turns = re.compile("[\u202a-\u202e\u2066-\u2069]")
        for text, line in zip(texts, done.stdout.splitlines(), strict=True):
            codes = " ".join(str(ord(c)) for c in text)
            name = " ".join(str(ord(c)) for c in turns.sub("\N{REPLACEMENT CHARACTER}", text))  # fmt: skip
            assert line.split("|") == [codes, codes, name], text

    def test_ordinary_names_have_no_backticks(self):
        assert [r_name(n) for n in ("gender", "weight_1", "age.band")] == ["gender", "weight_1", "age.band"]  # fmt: skip
        assert r_name("TRUE") == "`TRUE`"

    @pytest.mark.parametrize("formula", ["a + system('x')", "a * b; q()", "a + b\nq()", 'a + "x"'])  # fmt: skip
    def test_a_script_holds_no_formula_but_names_and_signs(self, formula):
        fit = SimpleNamespace(formula=formula, cells=SimpleNamespace(by=("a", "b")))
        with pytest.raises(RunError, match="cannot say this formula"):
            r_script_parts.formula_in_r(fit)
        fit.formula = "a * b + I(a) + C(b)"
        assert r_script_parts.formula_in_r(fit) == fit.formula

    def test_a_condition_in_r_quotes_what_it_compares(self):
        assert r_scripts.condition_in_r("wave", "in", "['2022', '20\\'24']") == """wave %in% c("2022", "20'24")"""  # fmt: skip
        assert (
            r_scripts.condition_in_r("age band", "==", "'a\\\\'")
            == '`age band` == "a\\\\"'
        )


class TestCsv:
    @settings(max_examples=500)
    @given(ANY)
    def test_a_cell_is_read_back_and_computes_nothing(self, text):
        cell = csv_cell(text)
        assert csv_plain(cell) == re.sub("\r\n?", "\n", text)
        number = re.fullmatch(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?|[=+-]", text)
        assert number or not re.match(r"[=+\-@＝＋－＠\t\r\n]", cell)
        assert number or not re.search(r"[;\t\r\n][=+\-@]", cell)

    @given(st.lists(st.tuples(ANY, st.floats(allow_nan=False)), min_size=1, max_size=5))
    def test_a_table_is_read_back(self, rows):
        rows = [(re.sub("[\r\ud800-\udfff]", "", text), n) for text, n in rows]
        frame = pd.DataFrame(rows, columns=["=text", "-number"])
        text = csv_cells(frame).to_csv(index=False, lineterminator="\n")
        read = list(csv.reader(io.StringIO(text, newline="")))
        back = csv_plains(pd.DataFrame(read[1:], columns=read[0]))
        assert list(back) == ["=text", "-number"]
        assert list(back["=text"]) == list(frame["=text"])
        assert list(back["-number"].astype(float)) == list(frame["-number"])

    def test_numbers_and_ordinary_levels_stay_as_they_are(self):
        frame = pd.DataFrame(
            {"level": pd.Categorical(["65+", "a-b"]), "gap": [-0.5, 1]}
        )
        assert csv_cells(frame).to_csv() == frame.to_csv()
        assert csv_cell("-5") == "-5"

    def test_what_is_published_has_no_formula(self, tmp_path):
        people = pd.DataFrame({"g": ["=1+1", "@x"] * 100, "y": [0.0, 0, 1, 1] * 50})
        levels = tl.cell_means(tl.compress(tl.SurveyDesign(people, weight=None), "y", ["g"]))  # fmt: skip
        read = pd.read_csv(tl.publish(levels, "levels", tmp_path))
        assert set(read["g"]) == {"'=1+1", "'@x"}
        assert set(csv_plains(read)["g"]) == {"=1+1", "@x"}
        assert read["estimate"].dtype == float


class TestOtherPlaces:
    @settings(max_examples=300)
    @given(ANY)
    def test_yaml_and_json_read_the_same_text(self, text):
        text = re.sub("[\ud800-\udfff]", "", text)
        made = yaml_string(text)
        assert json.loads(made) == text
        assert yaml.safe_load(f"# {made}\nx: {made}\n") == {"x": text}

    @given(st.lists(ANY, min_size=1, max_size=3))
    def test_a_file_name_stays_in_its_folder(self, parts):
        name = file_name(*parts)
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert len(name) <= LONGEST_NAME + 2
        assert name not in ("con", "nul", "aux", "prn")

    def test_a_proposal_is_yaml_whatever_the_file_says(self, tmp_path):
        columns = {f"{text}": ["yes", "no"] * 30 for text in USABLE[::4] if not set("\x00\r\n") & set(text)}  # fmt: skip
        columns["answers"] = [t for t in ("a\u2028b: c", "a\u0085b: c") for _ in range(30)]  # fmt: skip
        pd.DataFrame(columns).to_csv(tmp_path / "p.csv", index=False)
        shorter = first_mapping(tmp_path / "p.csv")
        assert set(yaml.safe_load(shorter)) == {"source", "variables"}
        text = first_mapping(tmp_path / "p.csv", wanted=Wanted(grep="|"))
        assert set(yaml.safe_load(text)) == {"source", "variables"}
        made = yaml.safe_load(re.sub(r"^# ", "", text, flags=re.MULTILINE))
        assert set(made) == {"source", "variables"}
        assert len(made["variables"]) == len(columns)


GOOD = "<html><body><main><p>x</p></main><script>let toggleHintShow = 'a/b';</script></body></html>"
BAD = [
    f"<script>{RUN}</script>", "<script src=https://example.org/x.js></script>", "<script src=x.js></script>",
    "<script src=_static/../../x.js></script>", "<p onclick=x>x</p>", "<img alt=x src=x onerror=x>", "<svg onload=x></svg>",
    "<a href=' javascript:x'>x</a>", "<a href='java\tscript:x' onfocus=x>x</a>", "<a href=data:text/html,x>x</a>",
    "<form action=javascript:x></form>", "<iframe src=x></iframe>", "<iframe srcdoc=x></iframe>", "<object data=x></object>",
    "<base href=//x>", "<meta http-equiv=Refresh content='0;url=x'>", "<script>kernelName = 'x'; alert(1)</script>",
    "<script>window.MathJax = {}; alert(1); x = {}</script>", "<script type=module>x</script>", "<embed src=x>",
]  # fmt: skip


class TestCheckOfPages:
    @pytest.mark.parametrize("bad", BAD)
    def test_a_script_that_is_not_ours_is_a_fault(self, tmp_path, bad):
        (tmp_path / "a.html").write_text(GOOD.replace("<p>x</p>", bad))
        assert foreign_scripts(tmp_path)

    def test_texts_that_only_look_like_scripts_are_none(self, tmp_path):
        words = "".join(f'<p title="{html_text(t)}">{html_text(t)}</p>' for t in ALL)
        more = '<script type="application/json">{}</script>'
        (tmp_path / "a.html").write_text(GOOD.replace("<p>x</p>", words + more), encoding="utf-8")  # fmt: skip
        assert foreign_scripts(tmp_path) == []


class TestPictures:
    def levels(self, *names: str, label: str = "On trust") -> tl.Estimates:
        people = pd.DataFrame({"g": list(names) * 100, "y": ([0.0] * len(names) + [1.0] * len(names)) * 50})  # fmt: skip
        people.attrs = {"labels": {"y": label}, "source": {"kind": "supplied"}}
        return tl.cell_means(tl.compress(tl.SurveyDesign(people, weight=None), "y", ["g"]))  # fmt: skip

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("names", [("男性", "女性"), ("पुरुष", "महिला"), ("남자", "여자"), ("a", "😀"), ("ไทย", "b")])  # fmt: skip
    def test_no_letter_is_drawn_as_a_box(self, names):
        picture = tl.forest(self.levels(*names, label="調査 of trust"))
        assert picture.png().startswith(b"\x89PNG")

    def test_without_a_font_a_number_stands_for_the_words_and_they_are_told(
        self, monkeypatch
    ):
        monkeypatch.setattr(letters, "_fonts", lambda: ())
        picture = tl.forest(self.levels("男性", "女性 <b>"))
        assert set(picture.names) == {"男性", "女性"}
        data, _ = picture._repr_mimebundle_()
        soup = BeautifulSoup(data["text/html"], "html.parser")
        assert [item.string for item in soup.select("li")] == list(picture.names)
        assert soup.img["alt"] == picture.alt
        assert "[1] is " in picture.alt
        assert not soup.select("b")

    def test_a_font_that_has_the_letters_draws_them(self, monkeypatch):
        known = letters._letters
        has = {"han": frozenset(map(ord, "男女性"))}
        monkeypatch.setattr(letters, "_fonts", lambda: (("DejaVu Serif", "han"),))
        monkeypatch.setattr(letters, "_letters", lambda path: has.get(path) or known(path))  # fmt: skip
        picture = tl.forest(self.levels("男性", "女性"))
        assert picture.names == ()
        names = picture.figure.axes[0].get_yticklabels()
        assert [t.get_text() for t in names] == ["女性", "男性"]
        assert [t.get_fontfamily() for t in names] == [["DejaVu Sans", "DejaVu Serif"]] * 2  # fmt: skip

    def test_latin_pictures_need_no_other_font(self, monkeypatch):
        monkeypatch.setattr(letters, "_fonts", lambda: pytest.fail("asked for fonts"))
        picture = tl.forest(self.levels("Männer", "Żona – 65+ “x” €"))
        assert picture.names == ()
        assert set(picture._repr_mimebundle_()[0]) == {"image/png", "text/plain"}

    def test_mathematics_and_control_characters_are_texts(self):
        picture = tl.forest(self.levels("$\\frac{1}$", "a\x00\x1b" + "$" * 40))
        assert picture.png().startswith(b"\x89PNG")

    def test_an_undefined_measure_is_drawn_as_a_dash_without_a_marker(self):
        i = np.arange(2_400)
        people = pd.DataFrame({"g": np.where(i % 2, "b", "a"), "e": np.where(i // 2 % 2, "d", "c")})  # fmt: skip
        people["y"] = (i // 4 % 10 < np.where((i % 2) != (i // 2 % 2), 6, 3)).astype(float)  # fmt: skip
        cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["g", "e"])
        measures = tl.interactions(tl.cell_means(cells), "g", "e")
        undefined = measures.where("measure == 'synergy'")
        assert undefined.frame["estimate"].isna().all()
        picture = tl.forest(undefined)
        picture.png()
        texts = [t.get_text() for t in picture.figure.axes[0].texts]
        assert texts
        assert all(text.startswith("–, n ") for text in texts)
        assert "None of them is defined." in picture.alt or "not defined" in picture.alt


@pytest.mark.proof
@pytest.mark.slow
class TestPrivateBook:
    """One file with every payload, through `reproduce`, to the pages."""

    @pytest.fixture(scope="class")
    def book(self, tmp_path_factory) -> Path:
        folder = tmp_path_factory.mktemp("payloads")
        file, plan = survey(folder / "in", USABLE, rows=8_000)
        made = reproduce(file, plan, folder / "out", ROOT, jobs=1)
        assert not made.failed
        assert len(made.runs) >= 2
        return folder

    def test_pages_hold_texts_only(self, book):
        site = book / "out" / "_build" / "html"
        assert check_pages(site) == []
        whole = ""
        for page in site.rglob("*.html"):
            soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
            assert not [a for a in soup.select("a[href]") if not re.match(r"(?:[\w./#-]+|https://.*)$", a["href"])]  # fmt: skip
            whole += soup.get_text(" ")
        plain = re.sub("[‘’]", "'", re.sub("[“”]", '"', " ".join(whole.split())))
        usual = [t for t in USABLE if "--" not in t and "..." not in t and len(t) < 500]
        lost = [t for t in usual if t.isprintable() and " ".join(t.split()) not in plain and "@SECRET@" not in t]  # fmt: skip
        assert len(lost) <= len(usual) / 20, lost

    def test_nothing_ran_and_nothing_left_its_folder(self, book):
        assert sorted(p.name for p in book.iterdir()) == ["in", "out"]
        assert len(list((book / "in").iterdir())) == 3
        assert not [p for p in book.rglob("*") if p.name == CANARY]
        assert not list(ROOT.glob(CANARY))
        for path in (book / "out").rglob("*"):
            assert path.name != "secret.txt"
            if path.suffix in (".html", ".md", ".ipynb", ".js"):
                assert SECRET not in path.read_text(encoding="utf-8")

    def test_no_cell_of_a_table_is_a_formula(self, book):
        for path in (book / "out").rglob("*.csv"):
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            for cell in {*frame.columns, *frame.to_numpy().ravel()}:
                assert not re.match(r"[=@\t\r\n].|[+-](?!$|[\d.]+(e[+-]?\d+)?$)", cell)
