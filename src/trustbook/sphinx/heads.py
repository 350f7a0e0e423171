"""What a page says of itself to search engines and to whoever passes its link on.

The description is a sentence of the page: what it says in short, or its first paragraph.
A card names no picture and no address, so nothing is loaded from anywhere.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

LONGEST = 200  # characters of a description, beyond which it is cut
SHORTEST = 40  # characters below which a paragraph says too little
SYNTHETIC = "synthetic"
IN_SHORT = re.compile(r"^In (?:short|plain words)\.?\s*")
_ASIDE = ("table", "nav", "form", "figure", "details")
_ASIDE_CLASSES = ("admonition", "math")


def describe(soup: BeautifulSoup) -> None:
    """Give a page its description and its card, from what it says.

    Examples
    --------
    >>> body = "<h1>Gaps</h1><p>What a gap is, and whose answers it compares.</p>"
    >>> page = f"<head><title>Gaps</title></head><article>{body}</article>"
    >>> soup = BeautifulSoup(page, "html.parser")
    >>> describe(soup)
    >>> soup.find("meta", attrs={"name": "description"})["content"]
    'What a gap is, and whose answers it compares.'
    >>> soup.find("meta", property="og:title")["content"]
    'Gaps'
    """
    head = soup.head
    if head is None or soup.title is None:
        return
    for name in ("description", "og:title", "og:description", "og:type"):
        for former in head.select(f'meta[name="{name}"], meta[property="{name}"]'):
            former.decompose()
    title = soup.title.get_text(" ", strip=True)
    first_heading = soup.select_one("article h1")
    heading = title
    if first_heading is not None:
        heading = _plain(first_heading)
    description = description_of(soup) or heading
    if SYNTHETIC in heading.lower() and SYNTHETIC not in description.lower():
        description = f"Synthetic: {description}"
    kind = "article" if first_heading is not None else "website"
    soup.title.insert_after(
        soup.new_tag("meta", attrs={"name": "description", "content": description}),
        soup.new_tag("meta", attrs={"property": "og:title", "content": heading}),
        soup.new_tag(
            "meta", attrs={"property": "og:description", "content": description}
        ),
        soup.new_tag("meta", attrs={"property": "og:type", "content": kind}),
    )


def description_of(soup: BeautifulSoup) -> str:
    """What a page says in short, else its first paragraph, else nothing.

    Examples
    --------
    >>> body = "<p>First.</p><p><b>In short.</b> No gap is clear in this survey here.</p>"
    >>> page = f"<article>{body}</article>"
    >>> description_of(BeautifulSoup(page, "html.parser"))
    'No gap is clear in this survey here.'
    """
    paragraphs = [
        paragraph
        for paragraph in soup.select("article p")
        if paragraph.find_parent(_ASIDE) is None
        and paragraph.find_parent(class_=_ASIDE_CLASSES) is None
    ]
    texts = [_plain(paragraph) for paragraph in paragraphs]
    for text in texts:
        if IN_SHORT.match(text):
            return cut(IN_SHORT.sub("", text))
    telling = [text for text in texts if len(text) >= SHORTEST]
    return cut((telling or texts or [""])[0])


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most so many characters, cut after a sentence or a word.

    Parameters
    ----------
    text : str
    longest : int

    Examples
    --------
    >>> cut("One gap is clear. The others are not.", 20)
    'One gap is clear.'
    >>> cut("Of the others nothing is known", 20)
    'Of the others …'
    """
    if len(text) <= longest:
        return text
    whole = text[:longest]
    end = max(whole.rfind(f"{sign} ") for sign in ".?!")
    if end >= longest // 2:
        return whole[: end + 1]
    return f"{whole[: longest - 1].rsplit(' ', 1)[0].rstrip(',;:')} …"


def _plain(tag: Tag) -> str:
    """The words of a tag on one line, without the sign of a heading's link."""
    words = " ".join(tag.get_text("", strip=False).split())
    return words.removesuffix("#").strip()
