"""The messages that the partner guide tells, and which of them a text is."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[1] / "book" / "partner"


def told() -> list[str]:
    """The messages in the tables of the page."""
    page = (GUIDE / "messages.md").read_text(encoding="utf-8")
    return [
        row[1]
        for row in re.finditer(r"^\| (?:`` ?|`)(.+?)(?: ?``|`) \|", page, re.MULTILINE)
    ]


def covers(template: str, shown: str) -> bool:
    """Whether a message as it is shown is one that a template, with … for what differs, makes."""
    body = re.escape(template).replace("…", ".+")
    form = rf"(?:variable …: |design: )?{body}(?:, … faults:)?"
    return re.fullmatch(form, shown) is not None
