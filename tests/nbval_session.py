"""Notebooks executed by nbval, all in one session: a session for each costs a second of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree


def executed(
    notebooks: Sequence[Path], folder: Path, strict: bool = False
) -> dict[str, list[str]]:
    """Run notebooks of one folder where they lie.

    Parameters
    ----------
    notebooks : sequence of Path
    folder : Path
        For what nbval says, and for the tables that they publish.
    strict : bool
        Whether every output has to be the one that is stored.

    Returns
    -------
    dict
        Name -> for each cell what nbval found wrong, nothing where it passed.
    """
    place = notebooks[0].parent
    said = folder / "said.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "-c", os.devnull,
               "--rootdir", str(place), "--nbval" if strict else "--nbval-lax", "--nbval-current-env",
               f"--junitxml={said}", *map(str, notebooks)]  # fmt: skip
    environment = {**os.environ, "TRUSTLIB_RUN_FOLDER": str(folder)}
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.exists(), done.stdout + done.stderr
    cells: dict[str, list[str]] = {path.stem: [] for path in notebooks}
    for case in ElementTree.parse(said).iter("testcase"):
        name = case.attrib["classname"].removesuffix(".ipynb")
        cells[name].append("\n".join(part.text or part.tag for part in case))
    return cells
