"""Repairs of the left bar: parts that fold, and pages that stand on a list instead.

Both change the tree that they are given, and leave a tree as it is that they changed
before.
"""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

# The page that lists what stands under it in the contents: its link has no branches.
GALLERY = "synthetic-runs.html"


def fold_parts(soup: BeautifulSoup) -> None:
    """Let each part of the contents open and close; the one of this page is open.

    Examples
    --------
    >>> bar = "<nav class='bd-links'><p class='caption'><span>Lessons</span></p>"
    >>> soup = BeautifulSoup(f"{bar}<ul></ul></nav>", "html.parser")
    >>> fold_parts(soup)
    >>> print(soup.nav.details)
    <details class="nav-part"><summary>Lessons</summary><ul></ul></details>
    """
    for caption in soup.select("nav.bd-links p.caption"):
        pages = caption.find_next_sibling()
        if not isinstance(pages, Tag) or pages.name != "ul":
            continue
        fold = soup.new_tag("details")
        fold["class"] = "nav-part"
        if "current" in pages.get_attribute_list("class"):
            fold["open"] = ""
        summary = soup.new_tag("summary")
        summary.string = caption.get_text(" ", strip=True)
        caption.replace_with(fold)
        fold.append(summary)
        fold.append(pages.extract())


def drop_branches(soup: BeautifulSoup) -> None:
    """Remove what stands under the gallery of runs, which lists these pages itself.

    Examples
    --------
    >>> entry = "<li><a href='../synthetic-runs.html'>Runs</a><details></details></li>"
    >>> page = f"<nav class='bd-links'><ul>{entry}</ul></nav>"
    >>> soup = BeautifulSoup(page, "html.parser")
    >>> drop_branches(soup)
    >>> print(soup.li)
    <li><a href="../synthetic-runs.html">Runs</a></li>
    """
    for entry in soup.select("nav.bd-links li"):
        link = entry.find("a", recursive=False)
        if not isinstance(link, Tag):
            continue
        is_gallery = str(link.get("href", "")).endswith(GALLERY)
        if not is_gallery and not _is_gallery_itself(soup, link):
            continue
        for branch in entry.find_all(["details", "ul"], recursive=False):
            branch.decompose()


def _is_gallery_itself(soup: BeautifulSoup, link: Tag) -> bool:
    """Whether a link leads to the page on which it stands, and that is the gallery."""
    return link.get("href") == "#" and soup.select_one("main .run-list") is not None
