"""The site under test, a server for it on a free port, and Chromium."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import small_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ),
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built pages: the one TRUSTLIB_SITE names, else the small book, built now."""
    named = small_site.site_under_test()
    if named is None:
        try:
            return small_site.build_small_book(tmp_path_factory.mktemp("small_book"))
        except RuntimeError as error:
            pytest.fail(str(error), pytrace=False)
    if not (named / "index.html").is_file():
        pytest.fail(
            f"TRUSTLIB_SITE is {named}, which holds no index.html. Build the book first: make book"
        )
    return named


class _Silent(SimpleHTTPRequestHandler):
    def log_message(
        self, format: str, *args: object
    ) -> None:  # the name is the base class's
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the site on this machine and return its address."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Silent, directory=str(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, or skip with the reason."""
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip(
            "no Chromium on this machine (looked for " + ", ".join(BROWSERS) + ")"
        )
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="the package playwright is not installed"
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=list(QUIET))
        yield browser
        browser.close()
