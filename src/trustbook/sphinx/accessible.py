"""Repair the built pages: for screen readers, for phones, and nothing remote.

The theme of Jupyter Book 1 is frozen, so its faults are repaired in the HTML it writes,
once, when the build has finished. `repair` is a pure function from the text of a page
to the text of the repaired page, and a repaired page stays as it is. The repairs between
it and `repair_pages` change the tree that they are given, each for one kind of fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag
from bs4.element import AttributeValueList

from trustbook.sphinx.folds import fold_code, fold_conventions
from trustbook.sphinx.heads import describe
from trustbook.sphinx.leftbar import drop_branches, fold_parts
from trustbook.sphinx.terms import Term, explain, terms_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

THEBE = ("THEBE_JS_URL", "sphinx-thebe")


def repair(html: str, terms: Mapping[str, Term] | None = None) -> str:
    """One page with all repairs made, and words of the glossary explained.

    Examples
    --------
    >>> print(repair("<main><h2>Gaps</h2><table><tr><td>1</td></tr></table></main>"))
    <main><h2>Gaps</h2><div aria-label="Table: Gaps" class="table-scroll" \
role="region" tabindex="0"><table><tr><td>1</td></tr></table></div></main>
    """
    soup = BeautifulSoup(html, "html.parser")
    drop_remote_parts(soup)
    drop_dead_controls(soup)
    name_controls(soup)
    name_landmarks(soup)
    name_task_boxes(soup)
    drop_misused_roles(soup)
    reach_formulas(soup)
    wrap_tables(soup)
    wrap_pictures(soup)
    drop_branches(soup)
    fold_parts(soup)
    fold_code(soup)
    fold_conventions(soup)
    describe(soup)
    explain(soup, terms or {})
    return str(soup)


# ----- what goes -----


def drop_remote_parts(soup: BeautifulSoup) -> None:
    """Remove what is remote: the launcher of kernels, and the place for adverts.

    The script of the launcher fails on every page.

    Examples
    --------
    >>> soup = BeautifulSoup("<script src='sphinx-thebe.js'></script>", "html.parser")
    >>> drop_remote_parts(soup)
    >>> str(soup)
    ''
    """
    for tag in soup.find_all(["script", "link"]):
        text = f"{tag.get('src', '')} {tag.get('href', '')} {tag.string or ''}"
        if any(word in text for word in THEBE):
            tag.decompose()
    for tag in soup.select("#ethical-ad-placement"):
        tag.decompose()


def drop_dead_controls(soup: BeautifulSoup) -> None:
    """Remove the button for the list of sections where a page has no such list.

    Examples
    --------
    >>> button = "<button class='secondary-toggle'></button>"
    >>> soup = BeautifulSoup(button, "html.parser")
    >>> drop_dead_controls(soup)
    >>> str(soup)
    ''
    """
    if soup.find(id="pst-secondary-sidebar") is None:
        for button in soup.find_all("button", class_="secondary-toggle"):
            button.decompose()


def drop_misused_roles(soup: BeautifulSoup) -> None:
    """Remove roles that docutils writes on citations and their parents do not allow.

    Examples
    --------
    >>> soup = BeautifulSoup("<p class='citation' role='note'></p>", "html.parser")
    >>> drop_misused_roles(soup)
    >>> print(soup)
    <p class="citation"></p>
    """
    for tag in soup.select(".citation-list[role], .citation[role], .backlinks[role]"):
        del tag["role"]


# ----- what gets a name -----


def name_controls(soup: BeautifulSoup) -> None:
    """Give every control a name that holds its text; hide icons from screen readers.

    Examples
    --------
    >>> soup = BeautifulSoup("<button title='Print'></button>", "html.parser")
    >>> name_controls(soup)
    >>> print(soup)
    <button aria-label="Print" title="Print"></button>
    """
    for icon in soup.select("i[class*=fa-], span[class*=fa-]"):
        icon["aria-hidden"] = "true"
        icon.attrs.pop("title", None)
    for summary in soup.select("nav li > details > summary"):
        _name_arrow(summary)
    for control in soup.select(".search-button-field, details.hide > summary"):
        for name in ("aria-label", "title"):
            control.attrs.pop(name, None)
    for button in soup.select("button[title]:not([aria-label])"):
        if not _text(button):
            button["aria-label"] = button["title"]


def _name_arrow(summary: Tag) -> None:
    """Name the arrow of the left bar that opens the pages under a page."""
    entry = summary.find_parent("li")
    link = None
    if entry is not None:
        link = entry.find("a")
    if link is None:
        summary["aria-label"] = "Pages of this part"
    else:
        summary["aria-label"] = f"Pages under {_text(link)}"
    for span in summary.select("[role=presentation]"):
        del span["role"]


def name_landmarks(soup: BeautifulSoup) -> None:
    """Make the left bar a landmark, so that nothing on the page stands outside of one.

    Examples
    --------
    >>> bar = "<div id='pst-primary-sidebar'></div>"
    >>> soup = BeautifulSoup(bar, "html.parser")
    >>> name_landmarks(soup)
    >>> print(soup)
    <div aria-label="The book" id="pst-primary-sidebar" role="complementary"></div>
    """
    for bar in soup.select("div#pst-primary-sidebar"):
        bar["role"] = "complementary"
        bar["aria-label"] = "The book"


def name_task_boxes(soup: BeautifulSoup) -> None:
    """Say in words whether a task of a list is done.

    Examples
    --------
    >>> box = "<input class='task-list-item-checkbox' checked>"
    >>> soup = BeautifulSoup(box, "html.parser")
    >>> name_task_boxes(soup)
    >>> soup.input["aria-label"]
    'done'
    """
    for box in soup.select("input.task-list-item-checkbox"):
        state = "not done"
        if box.has_attr("checked"):
            state = "done"
        box["aria-label"] = state


def reach_formulas(soup: BeautifulSoup) -> None:
    """Let the keyboard reach displayed formulas, which scroll in their own box.

    Examples
    --------
    >>> formula = "<main><div class='math'></div></main>"
    >>> soup = BeautifulSoup(formula, "html.parser")
    >>> reach_formulas(soup)
    >>> soup.div["aria-label"]
    'Formula'
    """
    for formula in soup.select("main div.math"):
        formula["tabindex"] = "0"
        formula["role"] = "group"
        formula["aria-label"] = "Formula"


# ----- what scrolls in its own box -----


def wrap_tables(soup: BeautifulSoup) -> None:
    """Let every table scroll inside its own labelled box, never the page.

    The keyboard reaches the box. Tables of one page get different names.

    Examples
    --------
    >>> tables = "<main><table></table><table></table></main>"
    >>> soup = BeautifulSoup(tables, "html.parser")
    >>> wrap_tables(soup)
    >>> [box["aria-label"] for box in soup.select(".table-scroll")]
    ['Table', 'Table (2)']
    """
    names: Counter[str] = Counter()
    for table in soup.select("main table"):
        if "highlighttable" in _classes(table) or table.find_parent("table"):
            continue
        box = table.parent
        if box is not None and "table-scroll" in _classes(box):
            continue  # a page that an earlier build has left unchanged
        if box is None or "pst-scrollable-table-container" not in _classes(box):
            box = table.wrap(soup.new_tag("div"))
        _add_class(box, "table-scroll")
        _mend_table(soup, table, box)
        name = _table_name(table, box)
        names[name] += 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        _label_box(box, "region", name)


def wrap_pictures(soup: BeautifulSoup) -> None:
    """Let every picture scroll inside its own labelled box.

    A phone would shrink its letters beyond reading.

    Examples
    --------
    >>> picture = "<main><p><img alt='Gaps. Two groups.' src='a.png'></p></main>"
    >>> soup = BeautifulSoup(picture, "html.parser")
    >>> wrap_pictures(soup)
    >>> soup.span["aria-label"]
    'Picture: Gaps'
    """
    for image in soup.select("main img"):
        shown = image
        if image.parent is not None and image.parent.name == "a":
            shown = image.parent
        around = shown.parent
        if around is None or "picture-scroll" in _classes(around):
            continue  # a page that an earlier build has left unchanged
        kind = "div"
        if around.name == "p":
            kind = "span"  # a paragraph holds no div
        box = shown.wrap(soup.new_tag(kind))
        box["class"] = "picture-scroll"
        title, _, _ = str(image.get("alt", "")).partition(". ")
        _label_box(box, "group", f"Picture: {title.removesuffix('.')}")


def _label_box(box: Tag, role: str, name: str) -> None:
    """Make a box known to screen readers and reachable by the keyboard."""
    box["role"] = role
    box["tabindex"] = "0"
    box["aria-label"] = name


def _mend_table(soup: BeautifulSoup, table: Tag, box: Tag) -> None:
    """Remove from a table what great_tables and pandas leave in it."""
    if "gt_table" in _classes(table):
        _unpack_great_table(soup, table, box)
    if "dataframe" in _classes(table):
        _drop_pandas_style(table)
    for cell in table.select("th"):
        if not _text(cell):  # an empty header cell names nothing
            cell.name = "td"
            cell.attrs.pop("scope", None)


def _unpack_great_table(soup: BeautifulSoup, table: Tag, box: Tag) -> None:
    """Move title and notes out of the scrolling box; leave the colours to custom.css."""
    outer = box.parent
    if outer is not None:
        outer.attrs.pop("style", None)
        _add_class(outer, "book-table")
        for style in outer.find_all("style", recursive=False):
            style.decompose()
    titles = {"gt_title": "table-title", "gt_subtitle": "table-subtitle"}
    for part, new_class in titles.items():
        cell = table.select_one(f"thead td.{part}")
        if cell is not None:
            box.insert_before(_as_paragraph(soup, cell, new_class))
    for row in table.select("thead tr.gt_heading"):
        row.decompose()
    notes = table.select("tfoot td.gt_sourcenote, tfoot td.gt_footnote")
    for cell in reversed(notes):
        box.insert_after(_as_paragraph(soup, cell, "table-note"))
    foot = table.find("tfoot")
    if notes and foot is not None and not _text(foot):
        foot.decompose()


def _as_paragraph(soup: BeautifulSoup, cell: Tag, new_class: str) -> Tag:
    """A paragraph that takes over what stands in a cell, and its id."""
    paragraph = soup.new_tag("p")
    paragraph["class"] = new_class
    if cell.get("id"):
        paragraph["id"] = cell["id"]
    for child in list(cell.contents):
        paragraph.append(child.extract())
    return paragraph


def _drop_pandas_style(table: Tag) -> None:
    """Remove the border and the aligned heads that pandas writes."""
    table.attrs.pop("border", None)
    for row in table.select("tr[style]"):
        del row["style"]


def _table_name(table: Tag, box: Tag) -> str:
    """Name a table by its caption, else its title, else the heading it stands under."""
    caption = table.find("caption")
    if caption is not None:
        return _text(caption.select_one(".caption-text") or caption)
    title = None
    if box.parent is not None:
        title = box.parent.find("p", class_="table-title", recursive=False)
    if title is not None:
        return _text(title)
    heading = table.find_previous(["h1", "h2", "h3", "h4"])
    if heading is not None:
        return f"Table: {_text(heading)}"
    return "Table"


# ----- reading and writing a tag -----


def _text(tag: Tag) -> str:
    """The visible text of a tag without the sign of a heading's link."""
    words = tag.get_text(" ", strip=True)
    return words.removesuffix("#").strip()


def _classes(tag: Tag) -> list[str]:
    """The classes of a tag, none of them if it has no such attribute."""
    return tag.get_attribute_list("class")


def _add_class(tag: Tag, name: str) -> None:
    """Put a class last among those of a tag."""
    others = [c for c in _classes(tag) if c != name]
    tag["class"] = AttributeValueList([*others, name])


# ----- all pages -----


def repair_pages(app: Sphinx, exception: Exception | None) -> None:
    """Repair all pages of a build that succeeded."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    pages = [
        page
        for page in folder.rglob("*.html")
        if "_static" not in page.relative_to(folder).parts
    ]
    glossary = folder / "glossary.html"
    terms = {}
    if glossary.is_file():
        terms = terms_of(glossary.read_text(encoding="utf-8"))
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_repair_page, terms=terms), pages, chunksize=5))


def _repair_page(path: Path, terms: Mapping[str, Term]) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(repair(text, terms), encoding="utf-8")


def escape_title(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Escape the titles that the theme writes as they stand in headings: of the printed page, of the first page."""
    for name in {"pagetitle", "root_title"} & set(context):
        context[name] = escape(str(context[name]), quote=False)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the repair; the late priority lets the theme finish its own files."""
    app.connect("build-finished", repair_pages, priority=900)
    app.connect("html-page-context", escape_title, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
