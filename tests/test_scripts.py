"""The scripts of pages have the types that they declare, where TypeScript is to be had."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TSC = os.environ.get("TSC") or shutil.which("tsc")
NO_TSC = pytest.mark.skipif(
    TSC is None, reason="no TypeScript is here: `make types` says how to get it"
)


def flags() -> list[str]:
    """What `make types` asks of the compiler."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^TSC_FLAGS := (.*)$", makefile, re.MULTILINE)
    assert found is not None
    return found[1].split()


def checked(*scripts: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TSC), *flags(), *map(str, scripts)],
        capture_output=True,
        text=True,
        check=False,
    )


@NO_TSC
def test_all_types_hold():
    done = checked(*sorted((ROOT / "src" / "trustbook" / "web").glob("*.js")))
    assert done.returncode == 0, done.stdout


@NO_TSC
def test_the_check_can_fail(tmp_path):
    script = tmp_path / "wrong.js"
    script.write_text("/** @type {number} */\nconst wrong = 'text';\n")
    assert checked(script).returncode
