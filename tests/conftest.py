"""Where the tests find survey files that are not part of the repository."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("house", deadline=None)  # a test asserts no time
settings.load_profile("house")


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
