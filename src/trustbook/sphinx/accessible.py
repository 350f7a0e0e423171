"""Repair the built pages: labels that a screen reader can use, tables and pictures for a phone, nothing remote.

The theme of Jupyter Book 1 is frozen, so its faults are repaired in the HTML it writes, once, when the
build has finished. `repair` is a pure function from the text of a page to the text of the repaired page.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# The list of what a search found writes headings as HTML: a browser would run what stands in them.
SEARCH = "linkEl.innerHTML = title;"
SAFE_SEARCH = 'linkEl.textContent = new DOMParser().parseFromString(title, "text/html").body.textContent;'
THEBE = ("THEBE_JS_URL", "sphinx-thebe")


def repair(html: str) -> str:
    """Return one page with all repairs made."""
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
    return str(soup)


def drop_remote_parts(soup: BeautifulSoup) -> None:
    """Remove the launcher of remote kernels, whose script fails on every page, and the place for adverts."""
    for tag in soup.find_all(["script", "link"]):
        text = f"{tag.get('src', '')} {tag.get('href', '')} {tag.string or ''}"
        if any(word in text for word in THEBE):
            tag.decompose()
    for tag in soup.select("#ethical-ad-placement"):
        tag.decompose()


def drop_dead_controls(soup: BeautifulSoup) -> None:
    """Remove the button that opens the list of sections where a page has no such list."""
    if soup.find(id="pst-secondary-sidebar") is None:
        for button in soup.find_all("button", class_="secondary-toggle"):
            button.decompose()


def name_controls(soup: BeautifulSoup) -> None:
    """Give every control a name that holds its visible text, and hide icons from screen readers."""
    for icon in soup.select("i[class*=fa-], span[class*=fa-]"):
        icon["aria-hidden"] = "true"
        icon.attrs.pop("title", None)
    for summary in soup.select("nav details > summary"):
        link = (
            summary.find_parent("li").find("a") if summary.find_parent("li") else None
        )
        summary["aria-label"] = (
            f"Pages under {_text(link)}" if link else "Pages of this part"
        )
        for span in summary.select("[role=presentation]"):
            del span["role"]
    for control in soup.select(".search-button-field, details.hide > summary"):
        for name in ("aria-label", "title"):
            control.attrs.pop(name, None)
    for button in soup.select("button[title]:not([aria-label])"):
        if not _text(button):
            button["aria-label"] = button["title"]


def name_task_boxes(soup: BeautifulSoup) -> None:
    """Say in words whether a task of a list is done."""
    for box in soup.select("input.task-list-item-checkbox"):
        box["aria-label"] = "done" if box.has_attr("checked") else "not done"


def reach_formulas(soup: BeautifulSoup) -> None:
    """Let the keyboard reach displayed formulas, which scroll in their own box where they are too wide."""
    for formula in soup.select("main div.math"):
        formula["tabindex"] = "0"
        formula["role"] = "group"
        formula["aria-label"] = "Formula"


def name_landmarks(soup: BeautifulSoup) -> None:
    """Make the left bar a landmark, so that nothing on the page stands outside of one."""
    for bar in soup.select("div#pst-primary-sidebar"):
        bar["role"] = "complementary"
        bar["aria-label"] = "The book"


def drop_misused_roles(soup: BeautifulSoup) -> None:
    """Remove roles that docutils writes on citations although their parents do not allow them."""
    for tag in soup.select(".citation-list[role], .citation[role], .backlinks[role]"):
        del tag["role"]


def wrap_tables(soup: BeautifulSoup) -> None:
    """Let every table scroll inside its own labelled box that the keyboard can reach, never the page."""
    names: dict[str, int] = {}
    for table in soup.select("main table"):
        if "highlighttable" in table.get("class", []) or table.find_parent("table"):
            continue
        box = table.parent
        if box is not None and "table-scroll" in box.get("class", []):
            continue  # a page that an earlier build has left unchanged
        if box is None or "pst-scrollable-table-container" not in box.get("class", []):
            box = table.wrap(soup.new_tag("div"))
        _add_class(box, "table-scroll")
        if "gt_table" in table.get("class", []):
            _unpack_great_table(soup, table, box)
        _drop_pandas_style(table)
        for cell in table.select("th"):
            if not _text(cell):  # an empty header cell names nothing
                cell.name = "td"
                cell.attrs.pop("scope", None)
        name = _table_name(table, box)
        names[name] = names.get(name, 0) + 1
        box["role"] = "region"
        box["tabindex"] = "0"
        box["aria-label"] = name if names[name] == 1 else f"{name} ({names[name]})"


def wrap_pictures(soup: BeautifulSoup) -> None:
    """Let every picture scroll inside its own labelled box where a phone would shrink its letters beyond reading."""
    for image in soup.select("main img"):
        shown = (
            image.parent
            if image.parent is not None and image.parent.name == "a"
            else image
        )
        if shown.parent is None or "picture-scroll" in shown.parent.get("class", []):
            continue  # a page that an earlier build has left unchanged
        box = shown.wrap(
            soup.new_tag("span" if shown.parent.name == "p" else "div")
        )  # a paragraph holds no div
        box["class"] = "picture-scroll"
        box["role"] = "group"
        box["tabindex"] = "0"
        box["aria-label"] = (
            f"Picture: {str(image.get('alt', '')).partition('. ')[0].removesuffix('.')}"
        )


def _unpack_great_table(soup: BeautifulSoup, table: Tag, box: Tag) -> None:
    """Move title and notes out of the scrolling box and leave the colours to custom.css."""
    outer = box.parent
    if outer is not None:
        outer.attrs.pop("style", None)
        _add_class(outer, "book-table")
        for style in outer.find_all("style", recursive=False):
            style.decompose()
    for part, new_class in (
        ("gt_title", "table-title"),
        ("gt_subtitle", "table-subtitle"),
    ):
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
    paragraph = soup.new_tag("p")
    paragraph["class"] = new_class
    if cell.get("id"):
        paragraph["id"] = cell["id"]
    for child in list(cell.contents):
        paragraph.append(child.extract())
    return paragraph


def _drop_pandas_style(table: Tag) -> None:
    if "dataframe" in table.get("class", []):
        table.attrs.pop("border", None)
        for row in table.select("tr[style]"):
            del row["style"]


def _table_name(table: Tag, box: Tag) -> str:
    """Name a table by its caption, else its title, else the heading it stands under."""
    caption = table.find("caption")
    if caption is not None:
        return _text(caption.select_one(".caption-text") or caption)
    outer = box.parent
    title = (
        outer.find("p", class_="table-title", recursive=False)
        if outer is not None
        else None
    )
    if title is not None:
        return _text(title)
    heading = table.find_previous(["h1", "h2", "h3", "h4"])
    return f"Table: {_text(heading)}" if heading is not None else "Table"


def _text(tag: Tag | None) -> str:
    """Return the visible text of a tag without the sign of a heading's link."""
    words = tag.get_text(" ", strip=True) if tag is not None else ""
    return words.removesuffix("#").strip()


def _add_class(tag: Tag, name: str) -> None:
    classes = [c for c in tag.get("class", []) if c != name]
    tag["class"] = [*classes, name]


def repair_pages(app: Sphinx, exception: Exception | None) -> None:
    """Repair all pages of a build that succeeded."""
    if exception is not None or app.builder.format != "html":
        return
    pages = [
        p
        for p in Path(app.outdir).rglob("*.html")
        if "_static" not in p.relative_to(app.outdir).parts
    ]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_repair_page, pages, chunksize=5))
    script = Path(app.outdir) / "_static" / "searchtools.js"
    script.write_text(repair_search(script.read_text(encoding="utf-8")))


def _repair_page(path: Path) -> None:
    path.write_text(repair(path.read_text(encoding="utf-8")), encoding="utf-8")


def repair_search(script: str) -> str:
    """Return the script of the search page so that it shows headings as texts."""
    if SAFE_SEARCH not in script and SEARCH not in script:
        raise ValueError("The search of this version of Sphinx is not known.")
    return script.replace(SEARCH, SAFE_SEARCH)


def escape_title(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Escape the titles that the theme writes as they stand in headings: of the printed page, of the first page."""
    for name in {"pagetitle", "root_title"} & set(context):
        context[name] = escape(str(context[name]), quote=False)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the repair; the late priority lets the theme finish its own files first."""
    app.connect("build-finished", repair_pages, priority=900)
    app.connect("html-page-context", escape_title, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
