"""The site under test, and a server for it on a free port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import small_site


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
