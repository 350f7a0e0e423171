"""What is looked for on an open page: faults of accessibility, and what is wider than the window."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async tags => (await axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})).violations
    .map(v => `${v.id} (${v.impact}): ${v.help}\\n` + v.nodes.slice(0, 3)
        .map(n => '      ' + n.html.slice(0, 160) + '\\n        ' + n.any.concat(n.all, n.none).map(c => c.message).join('; ').slice(0, 240))
        .join('\\n'))"""
WIDER = """() => {
    const width = document.documentElement.clientWidth;
    if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= width) return [];
    const guilty = [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > width + 1);
    return [`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}: `
        + guilty.slice(0, 3).map(e => e.outerHTML.slice(0, 100)).join(' | ')];
}"""


def axe_source() -> str:
    return (
        importlib.resources.files("axe_playwright_python") / "axe.min.js"
    ).read_text(encoding="utf-8")


def open_card(page: Page) -> Locator:
    """The card of a number that is open, unfolded."""
    card = page.locator("dialog.number-card[open]")
    card.wait_for()
    for summary in card.locator("details:not([open]) summary").all():
        summary.click()
    return card
