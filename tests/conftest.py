"""What every test may ask for: survey files that are not part of the repository, Chromium, and the reader in a fork."""

import faulthandler
import os
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
HANGS = 30  # seconds until a reader in a fork is taken to hang
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ),
)

settings.register_profile("house", deadline=None)  # a test asserts no time
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory):
    """Keys of surveys that tests release lie in a folder of this session, not in that of the user."""
    folder = tmp_path_factory.mktemp("configuration")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        yield folder


def pytest_collection_modifyitems(items):
    """What has slow tests begins first: a module or class is the work of one process, and the last should be short."""
    slow = {
        item.nodeid.rpartition("::")[0]
        for item in items
        if item.get_closest_marker("slow")
    }
    items.sort(key=lambda item: item.nodeid.rpartition("::")[0] not in slow)


@pytest.fixture(scope="session")
def data_file():
    """A function (folder, name) -> path below TRUSTLIB_DATA; the test is skipped, with the reason, if it is absent."""
    folder = ROOT / os.environ.get("TRUSTLIB_DATA", "data/external")

    def find(*parts: str) -> Path:
        path = folder.joinpath(*parts)
        if not path.is_file():
            pytest.skip(
                f"needs {'/'.join(parts)} below TRUSTLIB_DATA (default data/external)"
            )
        return path

    return find


@pytest.fixture(scope="session")
def chromium():
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


@pytest.fixture
def forked(monkeypatch):
    """The library's program for SPSS and Stata in a fork of this process, which has the reader loaded already."""

    def run(command, timeout, **_):
        assert command[:2] == [sys.executable, "-m"]
        ours, theirs = os.pipe()
        said, saying = os.pipe()
        child = os.fork()
        if not child:
            status = 1
            try:
                faulthandler.disable()  # a crash of the reader is expected: it would look like one of the tests
                signal.alarm(HANGS)  # its end, if the reader hangs
                os.dup2(theirs, 1)
                os.dup2(saying, 2)
                sys.argv, sys.stdout = command[2:], os.fdopen(1, "w")
                runpy.run_module(command[2], run_name="__main__")
                sys.stdout.flush()
                status = 0
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(status)
        os.close(theirs)
        os.close(saying)
        with open(ours, "rb") as stream, open(said, "rb") as words:
            out, err = stream.read(), words.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != -signal.SIGALRM, "the reader hangs"
        return subprocess.CompletedProcess(command, status, out, err)

    # By its name: this file is loaded for every test, and few of them read files.
    monkeypatch.setattr("trustlib.files.subprocess.run", run)
