"""Every page, opened in Chromium: light, dark, and at the width of a phone.

`make test` opens the small book. `make browser` opens the whole book (TRUSTLIB_SITE names its folder).
The classes let the two workers share the three ways of looking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import small_site
from looking import AXE_TAGS, RUN_AXE, WIDER, axe_source

from trustbook.site import FILE_NAME

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
each_page = pytest.mark.parametrize("name", small_site.pages_under_test())

READY = """async () => {
    const waiting = [...document.querySelectorAll('main img[loading=lazy]')];
    for (const image of waiting) image.loading = 'eager';
    await Promise.all(waiting.map(image => image.decode().catch(() => null)));
    for (const part of document.querySelectorAll('main details')) part.open = true;
    await document.fonts.ready;
    await new Promise(done => setTimeout(done, 200));
}"""
CUT = """() => [...document.querySelectorAll('.table-scroll, .picture-scroll')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && !e.classList.contains('more-right'))
    .map(e => `nothing shows that '${e.getAttribute('aria-label')}' goes on to the right`)"""
SMALL = """() => [...document.querySelectorAll('main img')].filter(i => i.naturalWidth > 600)
    .filter(i => i.getBoundingClientRect().width < 500).map(i => `the picture '${i.alt.slice(0, 60)}' is too small to read`)"""
FOLDED = """() => [...document.querySelectorAll('main details:not(.computed, .convention, .exercise-hint, .exercise-solution)')]
    .filter(part => !part.matches('.hide') || part.querySelector('.cell_output')).map(part => !part.open)"""
TIPS = "() => [...document.querySelectorAll('main abbr[title]')].filter(e => !e.closest('a')).map(e => `only a mouse reaches '${e.textContent}'`)"
ALT = "() => [...document.querySelectorAll('img:not(.logo__image)')].map(i => [i.currentSrc.slice(-60), (i.getAttribute('alt') || '').trim()])"


@contextmanager
def opened(
    chromium: Browser, address: str, name: str, **how: Any
) -> Iterator[tuple[Page, list[str]]]:
    """Open one page and collect what goes wrong while it loads; requests to other hosts are refused."""
    faults: list[str] = []
    context = chromium.new_context(reduced_motion="reduce", **how)
    try:

        def refuse(route: Any) -> None:
            faults.append(f"request outside the site: {route.request.url}")
            route.abort()

        context.route(re.compile(f"^(?!{re.escape(address)})(?!data:|blob:)"), refuse)
        page = context.new_page()
        page.on(
            "console",
            lambda m: (
                faults.append(f"console: {m.text}") if m.type == "error" else None
            ),
        )
        page.on("pageerror", lambda e: faults.append(f"error in a script: {e}"))
        page.on(
            "response",
            lambda r: (
                faults.append(f"answer {r.status}: {r.url}")
                if r.status >= 400
                else None
            ),
        )
        page.goto(address + name, wait_until="load")
        page.evaluate(READY)
        yield page, faults
    finally:
        context.close()


def inspect(chromium: Browser, address: str, name: str, **how: Any) -> list[str]:
    """Return all faults of one page seen in one way."""
    with opened(chromium, address, name, **how) as (page, faults):
        images = page.evaluate(ALT)
        faults += [
            f"the image {source} has the alt text '{alt}'"
            for source, alt in images
            if not alt or FILE_NAME.search(alt)
        ]
        faults += page.evaluate(CUT) + page.evaluate(TIPS)
        if how["viewport"]["width"] < 500:
            faults += page.evaluate(SMALL)
            for width in (how["viewport"]["width"], 320):
                page.set_viewport_size({"width": width, "height": 800})
                page.wait_for_timeout(50)
                faults += page.evaluate(WIDER)
            page.set_viewport_size(how["viewport"])
        seen = list(faults)  # what axe itself requests is not the page's fault
        page.evaluate(axe_source())
        return seen + [
            f"axe: {violation}" for violation in page.evaluate(RUN_AXE, AXE_TAGS)
        ]


def assert_none(faults: list[str], name: str) -> None:
    assert not faults, f"{name} has {len(faults)} faults\n  " + "\n  ".join(faults)


class TestLight:
    @each_page
    def test_page(self, chromium: Browser, address: str, name: str) -> None:
        how = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
        assert_none(inspect(chromium, address, name, **how), name)


class TestDark:
    @each_page
    def test_page(self, chromium: Browser, address: str, name: str) -> None:
        how = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}
        assert_none(inspect(chromium, address, name, **how), name)


class TestPaper:
    @each_page
    def test_what_is_folded_is_printed_and_folded_again(
        self, chromium: Browser, address: str, name: str
    ) -> None:
        with opened(
            chromium, address, name, viewport={"width": 1280, "height": 900}
        ) as (page, _):
            page.evaluate(
                "document.querySelectorAll('main details').forEach((part, i) => { part.open = i % 2 == 1; })"
            )
            before = page.evaluate(FOLDED)
            page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            assert not any(page.evaluate(FOLDED))
            page.evaluate("window.dispatchEvent(new Event('afterprint'))")
            assert page.evaluate(FOLDED) == before


class TestPhone:
    @each_page
    def test_page(self, chromium: Browser, address: str, name: str) -> None:
        how = {
            "viewport": {"width": 390, "height": 844},
            "color_scheme": "light",
            "has_touch": True,
        }
        assert_none(inspect(chromium, address, name, **how), name)
