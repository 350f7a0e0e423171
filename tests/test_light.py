"""Light pages: formulas are MathML, signs are ours, and nothing is loaded that a page does not need."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

from trustbook import policy
from trustbook.mathml import FormulaError, mathml
from trustbook.sphinx import icons, light
from trustbook.sphinx.search_data import words_of_page
from trustbook.sphinx.stylesheet import needed_rules

ROOT = Path(__file__).parents[1]
SOURCES = [
    *(p for p in sorted((ROOT / "book").rglob("*.md")) if "_runs" not in p.parts),
    *sorted((ROOT / "notebooks" / "templates").glob("*.ipynb")),
    *sorted((ROOT / "tests" / "browser" / "small_book").rglob("*.md")),
]


def text_of(path: Path) -> str:
    """The Markdown of a page or of a template."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(c.source for c in cells if c.cell_type == "markdown")


def formulas_in(text: str) -> list[str]:
    """Every formula of a Markdown text, read by the parser that the book uses."""
    reader = MarkdownIt().enable("table")
    reader.use(dollarmath_plugin).use(amsmath_plugin).use(myst_role_plugin)
    found = []
    for token in reader.parse(text):
        inner = token.children or []
        for part in [token, *inner]:
            of_role = part.type == "myst_role" and part.meta["name"] == "math"
            of_fence = part.type == "fence" and part.info.strip() == "{math}"
            if part.type.startswith(("math_", "amsmath")) or of_role or of_fence:
                found.append(part.content)
    return found


ALL = sorted({formula for path in SOURCES for formula in formulas_in(text_of(path))})


def test_the_book_has_formulas_and_they_are_found():
    assert len(ALL) > 100
    assert any(r"\frac" in formula for formula in ALL)
    assert any(r"\begin" in formula for formula in ALL)


@pytest.mark.parametrize("formula", ALL)
def test_every_formula_of_the_book_is_converted(formula):
    made = mathml(formula, display=True)
    root = ElementTree.fromstring(made)
    assert root.tag == "math"
    shown = "".join(root.itertext())
    assert "\\" not in shown, "a command is left"
    words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+", " ", formula)))
    environments = set(re.findall(r"\\(?:begin|end)\{(\w+)", formula))
    assert set_of_letters(words - environments) <= set(shown)


def set_of_letters(words: set[str]) -> set[str]:
    return {letter for word in words for letter in word}


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"\tfrac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"\frac1\nu", "<mfrac><mn>1</mn><mi>ν</mi></mfrac>"),
        ("1.96^2", "<msup><mn>1.96</mn><mn>2</mn></msup>"),
        ("p_{11}", "<msub><mi>p</mi><mrow><mn>11</mn></mrow></msub>"),
        (r"\mathrm{expit}", "<mi>expit</mi>"),
        (r"\Delta", '<mi mathvariant="normal">Δ</mi>'),
        (r"r \sim N", "<mo>∼</mo>"),
        ("x'", "<msup><mi>x</mi><mo>′</mo></msup>"),
        ("s=-1", '<mo>=</mo><mo form="prefix">−</mo><mn>1</mn>'),
        ("a-b", "<mi>a</mi><mo>−</mo><mi>b</mi>"),
        (r"\text{a <b> c}", "<mtext>a\N{NO-BREAK SPACE}&lt;b&gt;"),
        (r"\sum_i w_i", "<munder><mo>∑</mo><mi>i</mi></munder>"),
        (r"\begin{aligned}a&=b\\&=c\end{aligned}", 'class="tex-aligned"'),
        (r"\log|I|", '<mi>log</mi><mspace width="0.1667em"/>'),
    ],
)
def test_a_formula_says_what_latex_says(formula, shown):
    assert shown in mathml(formula)


def test_a_script_after_a_bracket_belongs_to_the_whole_bracket():
    root = ElementTree.fromstring(mathml(r"n\Big(\sum w\Big)^2"))
    power = root.find(".//msup")
    assert "".join(power[0].itertext()) == "(∑w)"
    assert power[1].text == "2"


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (r"\nonsense", "the command \\nonsense is not known"),
        (r"\begin{foo}a\end{foo}", "the environment foo is not known"),
        ("{a", "a brace is not closed"),
        ("a}", "} closes nothing"),
        (r"\left(a", r"\left has no \right"),
        (r"\frac{1}", "something is missing"),
        ("a_1_2", "two scripts"),
        (r"\mathrm{\foo}", "no command is known in the name"),
        (r"\begin{aligned}a", "closes nothing"),
    ],
)
def test_what_is_not_known_is_refused_by_name(formula, words):
    with pytest.raises(FormulaError, match=re.escape(words)):
        mathml(formula)


# ----- signs, style, scripts -----


def test_every_sign_that_the_theme_names_has_a_drawing_of_ours():
    names = " ".join(f'<i class="fa-solid fa-{name} fa-lg"></i>' for name in icons.DRAWINGS)  # fmt: skip
    soup = BeautifulSoup(names, "html.parser")
    icons.draw_icons(soup)
    assert len(soup.select("i.icon > svg")) == len(icons.DRAWINGS)
    assert "fa-" not in str(soup)
    unknown = BeautifulSoup('<i class="fa-solid fa-otter"></i>', "html.parser")
    with pytest.raises(ValueError, match="otter has no drawing"):
        icons.draw_icons(unknown)


def test_a_rule_goes_only_if_no_page_can_need_it():
    sheet = (
        "/*! notice */ @media (min-width:1px){.gone{a:b}.kept:not(.gone){c:d}} "
        '.icon{background:url("data:image/svg+xml;a{}b")} .gone,p{e:f} '
        "@media print{.gone{g:h}} [class*=gone]{i:j} .sd-col\\:x{k:l} "
        '@font-face{font-family:"Font Awesome 6 Free"} @keyframes gone{to{m:n}}'
    )
    left = needed_rules(sheet, frozenset({"kept", "icon"}))
    assert "@media (min-width:1px){.kept:not(.gone){c:d}}" in left
    assert 'url("data:image/svg+xml;a{}b")' in left
    assert "p{e:f}" in left
    assert "@keyframes gone{to{m:n}}" in left
    assert "[class*=gone]{i:j}" in left
    for words in ("print", "k:l", "Awesome"):
        assert words not in left


PAGE = """<html data-content_root="../"><head><meta charset="utf-8"/><script>{colours}</script>
<link href="../_static/a.css" rel="stylesheet"/><link href="../_static/b.css" rel="stylesheet"/>
<script src="../_static/scripts/bootstrap.js"></script><script src="../_static/copybutton.js"></script>
<script src="../_static/togglebutton.js"></script><script>let toggleHintShow = 'Click';</script>
<script>DOCUMENTATION_OPTIONS.pagename = 'a';</script><script>alert(1)</script></head>
<body><main><article>{body}</article></main></body></html>"""


def lightened(body: str, tmp_path: Path) -> BeautifulSoup:
    html = PAGE.format(colours=policy.COLOURS, body=body)
    once = light.lighten(html, tmp_path / "deep" / "a.html")
    page = BeautifulSoup(once, "html.parser")
    assert light.lighten(once, tmp_path / "deep" / "a.html") == str(page)
    return page


def test_a_page_loads_what_it_needs_and_no_more(tmp_path):
    page = lightened("<p>x</p>", tmp_path)
    assert [s.get("src") for s in page.find_all("script") if s.get("src")] == []
    assert [link["href"] for link in page.select("link")] == ["../_static/book.css"]
    page = lightened('<div class="highlight"><pre>1</pre></div>', tmp_path)
    assert page.select_one("script[src]")["src"] == "../_static/copybutton.js"
    page = lightened('<div class="admonition dropdown">1</div>', tmp_path)
    assert page.select_one("script[src]")["src"] == "../_static/togglebutton.js"
    assert "toggleHintShow" in str(page)


def test_what_became_a_script_is_allowed_by_no_policy(tmp_path):
    page = lightened("<p>x</p>", tmp_path)
    assert "alert(1)" in str(page), "check-pages names it"
    content = page.select_one("meta[http-equiv]")["content"]
    assert content == policy.policy_for([policy.COLOURS, "alert(1)"])
    assert content == policy.policy_for([policy.COLOURS])
    assert "'unsafe-inline'" not in content.split("style-src")[0]
    assert content.count("sha256-") == 1
    first = page.head.select_one("meta[http-equiv], script, link")
    assert first.name == "meta"


def test_pictures_below_wait_and_keep_their_place(tmp_path):
    picture = ROOT / "book" / "_static" / "example.png"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.png").write_bytes(picture.read_bytes())
    two = '<img alt="x" src="a.png"/><p>y</p><img alt="z" src="a.png" width="40"/>'
    first, second = lightened(two, tmp_path).select("img")
    assert not first.has_attr("loading")
    assert int(first["width"]) > 100
    assert int(first["height"]) > 100
    assert second["loading"] == "lazy"
    assert not second.has_attr("height"), "a size that the page gives stays"
    (late,) = lightened("words " * 200 + '<img src="a.png"/>', tmp_path).select("img")
    assert late["loading"] == "lazy"


def test_the_search_reads_words_by_section_and_no_formula():
    html = (
        '<article><section id="a"><h1>Gaps<a class="headerlink">#</a></h1><p>One <math><mi>p</mi></math></p>'
        '<section id="b"><h2>More</h2><p>Two</p><pre>code</pre><table><tr><td>12</td></tr></table></section></section></article>'
    )
    soup = BeautifulSoup(html, "html.parser")
    assert words_of_page("evidence/x.html", soup) == (
        '["evidence/x.html","chapter",[["a","Gaps","One"],["b","More","Two 12"]]]'
    )
    run = BeautifulSoup(html + '<i class="from-synthetic-run">x</i>', "html.parser")
    assert words_of_page("_runs/x/x.html", run) == (
        '["_runs/x/x.html","synthetic",[["a","Gaps","One"],["b","More","Two"]]]'
    )
