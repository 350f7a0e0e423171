"""How long a page takes to load on a slow line and a slow machine.

Run ``python benchmarks/loading.py [SITE] [PAGE ...]`` with the folder of the built pages
(default ``_build/html``); without pages all of them are opened. The line has 1.6 Mbit/s and
150 ms latency, the processor half its speed, both by Chromium's own emulation, and nothing
is in its cache. What counts is the event ``load``: the page stands, pictures below the fold
aside. The median and the slowest pages are printed. Nothing is asserted.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from compressing import serving  # noqa: E402

from trustbook.site import pages  # noqa: E402

LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
HALF_SPEED = {"rate": 2}
WINDOW = {"width": 390, "height": 844}
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"
SLOWEST = 10


def seconds_of(chromium: Browser, address: str) -> float:
    """Seconds until a reader who has seen nothing yet has the page."""
    context = chromium.new_context(viewport=WINDOW)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", HALF_SPEED)
    page.goto(address, wait_until="load")
    page.wait_for_function(f"{LOADED} > 0")
    taken = float(page.evaluate(LOADED))
    context.close()
    return taken


def main(site: str = "_build/html", *chosen: str) -> None:
    """Open pages and print their seconds."""
    folder = Path(site)
    names = chosen or pages(folder)
    with sync_playwright() as playwright, serving(folder) as address:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        taken = {name: seconds_of(chromium, address + name) for name in names}
        chromium.close()
    print(f"{len(taken)} pages, median {statistics.median(taken.values()):.2f} s")
    for name in sorted(taken, key=taken.__getitem__, reverse=True)[:SLOWEST]:
        print(f"  {taken[name]:.2f} s  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
