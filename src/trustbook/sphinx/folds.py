"""What a run's page was computed with, in one fold at its end.

The reading is text, pictures and tables. The code, the same in R, and where the numbers
come from stand together below it, in the order of the page. A convention stays at its
table, folded.
"""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

# Sections of a run's page that say how it was made, and not what came out.
AT_THE_END = ("the-same-in-r", "where-these-numbers-come-from")
TITLE = "How this page was computed"
CODE = "The code, in the order in which it ran"
CONVENTION = "Convention:"


def fold_code(soup: BeautifulSoup) -> None:
    """Move folded code, and the sections `AT_THE_END`, to one fold at the end.

    Code that a page shows open stays where it is: it is meant to be read there. So does
    a fold that holds a result too, such as the solution of an exercise.

    Examples
    --------
    >>> code = "<details class='hide above-input'><div class='cell_input'>1</div>"
    >>> cell = f"<div class='cell'>{code}</details></div>"
    >>> page = f"<article><section>{cell}</section></article>"
    >>> soup = BeautifulSoup(page, "html.parser")
    >>> fold_code(soup)
    >>> soup.details["class"], soup.details.summary.string
    ('computed', 'How this page was computed')
    """
    page = soup.select_one("article > section")
    if page is None:
        return
    hidden = page.select("div.cell > details.hide.above-input")
    folded = [part for part in hidden if part.select_one(".cell_output") is None]
    if not folded:
        return
    fold = soup.new_tag("details")
    fold["class"] = "computed"
    summary = soup.new_tag("summary")
    summary.string = TITLE
    fold.append(summary)
    fold.append(_code_of(soup, folded))
    for name in AT_THE_END:
        section = page.find("section", id=name, recursive=False)
        if isinstance(section, Tag):
            fold.append(section.extract())
    page.append(fold)


def _code_of(soup: BeautifulSoup, folded: list[Tag]) -> Tag:
    """The code of all cells, each below the heading under which it stood."""
    part = soup.new_tag("section", id="the-code")
    heading = soup.new_tag("h2")
    heading.string = CODE
    part.append(heading)
    before = None
    for details in folded:
        cell = details.parent
        section = details.find_parent("section")
        if section is not before and section is not None:
            part.append(_way_back(soup, section))
            before = section
        for code in details.select(".cell_input"):
            part.append(code.extract())
        details.decompose()
        if isinstance(cell, Tag) and cell.find(True) is None:
            cell.decompose()
    return part


def _way_back(soup: BeautifulSoup, section: Tag) -> Tag:
    """A line that leads to the section whose code follows."""
    paragraph = soup.new_tag("p")
    paragraph["class"] = "code-of"
    heading = section.find(["h1", "h2", "h3"])
    link = soup.new_tag("a", href=f"#{section.get('id', '')}")
    if heading is not None:
        words = heading.get_text(" ", strip=True)
        link.string = words.removesuffix("#").strip()
    paragraph.append(link)
    return paragraph


def fold_conventions(soup: BeautifulSoup) -> None:
    """Fold the convention below each table: who asks for it opens it there.

    Examples
    --------
    >>> note = "<p class='table-note'>Convention: t with 49 df.</p>"
    >>> soup = BeautifulSoup(f"<main>{note}</main>", "html.parser")
    >>> fold_conventions(soup)
    >>> print(soup.details.p)
    <p class="table-note">t with 49 df.</p>
    """
    for note in soup.select("main p.table-note"):
        first = note.find(string=lambda text: bool(text.strip()))
        if first is None or not first.lstrip().startswith(CONVENTION):
            continue
        first.replace_with(first.lstrip().removeprefix(CONVENTION).lstrip())
        fold = note.wrap(soup.new_tag("details"))
        fold["class"] = "convention"
        summary = soup.new_tag("summary")
        summary.string = CONVENTION.removesuffix(":")
        fold.insert(0, summary)
