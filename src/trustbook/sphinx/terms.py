"""Words of the glossary, explained where a page first uses them.

The first time a word stands in the prose of a page it becomes a link to the glossary,
and ``book/_static/terms.js`` shows what it means on hover, focus or tap. Without the
script it is a link. Nothing is explained in headings, links, code, tables and captions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

from trustbook.sphinx.heads import cut

MOST = 15  # words explained on one page: more of them would disturb the reading
LONGEST = 190  # characters of an explanation; the glossary has the rest
# Words that prose uses in their plain sense too, or that only one part of the book uses.
PLAIN = frozenset(
    {
        "calibration",
        "cell",
        "clear",
        "codebook",
        "domain",
        "finding",
        "hub",
        "ledger",
        "mapping",
        "outcome",
        "published",
        "ratio",
        "real",
        "reference",
        "run",
        "separation",
        "share",
        "supplied",
        "synthetic",
    }
)
# Further forms in which prose has a word of the glossary.
FORMS = {
    "confidence interval": ("interval",),
    "Holm's method": ("Holm",),
    "Kish's effective number": ("Kish",),
    "primary sampling unit": ("PSU",),
    "stratum": ("strata",),
    "point": ("points",),
    "weight": ("weights",),
}
# A point of view is no percentage point, and what a body weighs is no weight of a survey.
ONLY_FORMS = frozenset({"point", "weight"})
_NO_PROSE = (
    *("a", "button", "code", "pre", "script", "style", "table", "figure"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "nav", "form", "details"),
    *("em", "strong", "cite", "blockquote"),  # titles, labels, words of others
)
_NO_PROSE_CLASSES = (
    *("admonition-title", "math", "table-title", "table-subtitle", "table-note"),
    *("toctree-wrapper", "run-list", "py", "citation"),
)


@dataclass(frozen=True)
class Term:
    """A word of the glossary.

    Attributes
    ----------
    place : str
        The id of its line in the glossary.
    said : str
        What it means, in plain text.
    """

    place: str
    said: str


def terms_of(glossary: str) -> dict[str, Term]:
    """Every form in which prose may have a word of the glossary.

    Parameters
    ----------
    glossary : str
        The built page.

    Returns
    -------
    dict
        Form -> term, the longest form first.

    Examples
    --------
    >>> line = "<dt id='term-gap'>gap</dt><dd><p>A difference.</p></dd>"
    >>> terms_of(f"<dl class='glossary'>{line}</dl>")
    {'gap': Term(place='term-gap', said='A difference.')}
    """
    soup = BeautifulSoup(glossary, "html.parser")
    terms = {}
    for head in soup.select("dl.glossary > dt[id]"):
        said = head.find_next_sibling("dd")
        word = _plain(head).replace("’", "'")
        if said is None or word in PLAIN:
            continue
        meaning = re.sub(r"\s*See [^.]*\.", "", _plain(said))
        term = Term(str(head["id"]), cut(meaning, LONGEST))
        if word not in ONLY_FORMS:
            terms[word] = term
        terms |= dict.fromkeys(FORMS.get(word, ()), term)
    return dict(sorted(terms.items(), key=lambda item: -len(item[0])))


def explain(soup: BeautifulSoup, terms: Mapping[str, Term]) -> None:
    """Explain each word where the prose of a page first has it.

    Examples
    --------
    >>> page = "<html data-content_root='../'><article><p>No gap here.</p></article>"
    >>> soup = BeautifulSoup(page, "html.parser")
    >>> explain(soup, {"gap": Term("term-gap", "A difference.")})
    >>> print(soup.p)
    <p>No <a aria-describedby="said-gap" class="term" \
href="../glossary.html#term-gap">gap</a> here.</p>
    """
    article = soup.find("article")
    is_done = soup.select_one(".term-texts, dl.glossary") is not None
    if not terms or not isinstance(article, Tag) or is_done:
        return
    root = str(getattr(soup.html, "attrs", {}).get("data-content_root", ""))
    pattern = _pattern(terms)
    forms = {_key(word): term for word, term in terms.items()}
    explained: dict[str, Term] = {}
    for text in list(_prose(article)):
        _link_words(soup, text, pattern, forms, explained, root)
    if explained:
        article.append(_texts(soup, explained, root))


def _link_words(
    soup: BeautifulSoup,
    text: NavigableString,
    pattern: re.Pattern[str],
    terms: Mapping[str, Term],
    explained: dict[str, Term],
    root: str,
) -> None:
    """Make links of the words of one text that no text before it had."""
    rest = str(text)
    pieces: list[str | Tag] = []
    start = 0
    for found in pattern.finditer(rest):
        term = terms[_key(found["word"])]
        if term.place in explained or len(explained) == MOST:
            continue
        explained[term.place] = term
        link = soup.new_tag("a", href=f"{root}glossary.html#{term.place}")
        link["class"] = "term"
        link["aria-describedby"] = _id(term.place)
        link.string = found[0]
        pieces += [rest[start : found.start()], link]
        start = found.end()
    if pieces:
        text.replace_with(*pieces, rest[start:])


def _texts(soup: BeautifulSoup, explained: Mapping[str, Term], root: str) -> Tag:
    """What the explained words mean: shown by the script, read out with each word."""
    box = soup.new_tag("div")
    box["class"] = "term-texts"
    for term in explained.values():
        paragraph = soup.new_tag("p", id=_id(term.place), popover="auto")
        paragraph.append(f"{term.said} ")
        link = soup.new_tag("a", href=f"{root}glossary.html#{term.place}")
        link.string = "Glossary"
        paragraph.append(link)
        box.append(paragraph)
    return box


def _id(place: str) -> str:
    return place.replace("term-", "said-", 1)


def _pattern(terms: Mapping[str, Term]) -> re.Pattern[str]:
    """Any of the words, in the plural too; short forms in capitals as they are."""
    words = []
    for word in terms:
        form = re.escape(word).replace("'", "['’]")
        if word[0].isupper():
            words.append(form)
        else:
            words.append(f"(?i:{form})")
    return re.compile(rf"(?<![\w-])(?P<word>{'|'.join(words)})s?(?![\w-])")


def _key(word: str) -> str:
    """A form of a word as it is looked up."""
    return word.replace("’", "'").lower()


def _prose(article: Tag) -> Iterator[NavigableString]:
    """The texts of paragraphs and lists, but for what only looks like prose."""
    for text in article.find_all(string=True):
        if type(text) is not NavigableString or not text.strip():
            continue
        if text.find_parent(["p", "li", "dd"]) is None:
            continue
        if text.find_parent(_NO_PROSE) or text.find_parent(class_=_NO_PROSE_CLASSES):
            continue
        yield text


def _plain(tag: Tag) -> str:
    words = " ".join(tag.get_text("").split())
    return words.removesuffix("#").strip()
