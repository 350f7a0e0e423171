"""The signs on buttons and links, drawn by us: a few lines each, in a field of 16 by 16."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

_HALF = '<path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/>'
_RAYS = "M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1"
DRAWINGS = {
    "angle-left": '<path d="M10 3L5 8l5 5"/>',
    "angle-right": '<path d="M6 3l5 5-5 5"/>',
    "arrow-up": '<path d="M8 14V2.5M3 7.5l5-5 5 5"/>',
    "bars": '<path d="M2 4h12M2 8h12M2 12h12"/>',
    "chevron-down": '<path d="M3 5.5l5 5 5-5"/>',
    "circle-half-stroke": f'<circle cx="8" cy="8" r="6"/>{_HALF}',
    "list": '<path d="M6 4h8M6 8h8M6 12h8M2 4h.01M2 8h.01M2 12h.01"/>',
    "magnifying-glass": '<circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5L14 14"/>',
    "moon": '<path d="M13.5 9.5A6 6 0 1 1 6.5 2.5a5 5 0 0 0 7 7z"/>',
    "sun": f'<circle cx="8" cy="8" r="3"/><path d="{_RAYS}"/>',
    "xmark": '<path d="M3 3l10 10M13 3L3 13"/>',
}
_OF_THE_FONT = re.compile("^fa-")


def draw_icons(soup: BeautifulSoup) -> None:
    """Put our drawing where the theme names a sign of its font.

    Raises
    ------
    ValueError
        If a sign has no drawing here.

    Examples
    --------
    >>> icon = "<i class='fa-solid fa-bars'></i>"
    >>> soup = BeautifulSoup(icon, "html.parser")
    >>> draw_icons(soup)
    >>> soup.i["class"]
    'icon icon-bars'
    >>> soup.svg.path["d"]
    'M2 4h12M2 8h12M2 12h12'
    """
    for icon in soup.find_all(["i", "span"], class_=_OF_THE_FONT):
        _draw(icon)


def _draw(icon: Tag) -> None:
    """Draw one sign, and keep those of its classes that are not of the font."""
    classes = icon.get_attribute_list("class")
    names = [c.removeprefix("fa-") for c in classes if c.startswith("fa-")]
    drawn = [name for name in names if name in DRAWINGS]
    if not drawn:
        words = ", ".join(names)
        raise ValueError(f"The sign {words} has no drawing: add one to DRAWINGS.")
    others = [c for c in classes if not c.startswith("fa")]
    icon["class"] = " ".join([*others, "icon", f"icon-{drawn[0]}"])
    drawing = f'<svg viewBox="0 0 16 16">{DRAWINGS[drawn[0]]}</svg>'
    icon.clear()
    icon.append(BeautifulSoup(drawing, "html.parser"))
