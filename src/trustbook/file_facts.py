"""What an SPSS or Stata file says about itself: labels of columns, values declared missing, sets of columns.

A program of its own, so that a file on which the reader crashes takes nothing with it::

    python -m trustbook.file_facts READER FILE

prints the facts as JSON. READER is a function of pyreadstat: ``read_sav`` or
``read_dta``. `facts_of` starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READERS = {".sav": "read_sav", ".zsav": "read_sav", ".dta": "read_dta"}


@dataclass(frozen=True)
class FileFacts:
    """What a file says about itself.

    Attributes
    ----------
    titles : dict
        Column -> its label, or None.
    declared : dict
        Column -> the values that are declared missing.
    sets : dict
        Columns that belong together: name -> facts, of which ``variable_list`` names them.
    """

    titles: dict[str, str | None] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def listed(self) -> set[str]:
        """The columns that belong to a set."""
        columns: set[str] = set()
        for facts in self.sets.values():
            columns |= set(facts["variable_list"])
        return columns


def facts_of(path: Path) -> FileFacts:
    """What a file says about itself; nothing if it is of another kind, or cannot be read.

    Parameters
    ----------
    path : Path

    Returns
    -------
    FileFacts

    Examples
    --------
    >>> from pathlib import Path
    >>> facts_of(Path("people.csv"))
    FileFacts(titles={}, declared={}, sets={})
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        return FileFacts()
    command = [sys.executable, "-m", "trustbook.file_facts", reader, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        return FileFacts()
    return FileFacts(*json.loads(done.stdout))


def _main(reader: str, path: str) -> None:
    """Print the facts of a file."""
    import pyreadstat

    read = getattr(pyreadstat, reader)
    _, meta = read(path, metadataonly=True, user_missing=True)
    sets = getattr(meta, "mr_sets", {})
    facts = [meta.column_names_to_labels, meta.missing_ranges, sets]
    print(json.dumps(facts))


if __name__ == "__main__":
    _main(*sys.argv[1:])
