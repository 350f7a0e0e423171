"""The forms of the evidence chapters' files: which keys each may have.

``data/published/evidence.yml`` says what is computed from print, ``trials.yml`` beside
it has shares of trial participants, and ``book/sections.yml`` says which chapter, runs
and lines of the record belong to each section of the report.
"""

from __future__ import annotations

from pathlib import Path

from trustlib.errors import CodebookError, raise_faults
from trustlib.forms import Form, read
from trustlib.schema import load_yaml

# ----- evidence.yml -----


class Group(Form):
    """A group of 2024: its people, and the printed percentage nearest to its level."""

    name: str
    people: str
    level: str | None = None


class Gap(Form):
    """Two groups of 2024 side by side."""

    label: str
    levels: tuple[str, str]
    people: tuple[str, str]


class PerHundred(Form):
    """Shares of two groups with an experience, and how they are called."""

    label: str
    levels: tuple[str, str]


class Number(Form):
    """One number: from what, by which formula, in which style and words."""

    formula: str
    of: list[str] = []
    shown: str
    how: str


class EvidenceForm(Form):
    """``evidence.yml``."""

    items: dict[str, str]
    groups: list[Group]
    gaps: dict[str, Gap]
    per_hundred: PerHundred
    numbers: dict[str, Number]


# ----- trials.yml -----


class TrialShare(Form):
    """A share in percent: a line of the record, or a value with its own source."""

    label: str
    reading: str
    record: str | None = None
    value: float = 0.0
    half_width: float = 0.0
    source: str = ""
    address: str = ""


class Band(Form):
    """Between which ratios a group is called fairly represented."""

    low: float
    high: float


class TrialsForm(Form):
    """``trials.yml``."""

    shares: dict[str, TrialShare]
    band: Band


def load_trials(path: str | Path) -> TrialsForm:
    """Read trials.yml; every fault in it is named in one `CodebookError`.

    Examples
    --------
    >>> load_trials("data/published/trials.yml").band.low
    0.8
    """
    what = f"{path} is not a file of trial shares"
    hint = "A share has label, reading, and record or value, half_width and source."
    trials = read(TrialsForm, load_yaml(path), what, CodebookError, hint)
    faults = [
        f"shares: {name}: neither record nor source is given"
        for name, share in trials.shares.items()
        if share.record is None and not share.source
    ]
    raise_faults(CodebookError, what, faults, hint)
    return trials


# ----- sections.yml -----


class Section(Form):
    """A section of the report and the chapter that reads it.

    `record` holds ids or patterns of lines of the record, with spaces.
    """

    section: str
    chapter: str
    title: str
    record: str
    runs: list[str] = []


class SectionsForm(Form):
    """``sections.yml``."""

    sections: list[Section]


def sections(path: str | Path) -> list[Section]:
    """The sections of the report, in its order.

    Examples
    --------
    >>> sections("book/sections.yml")[0].chapter
    'evidence/trust-gap'
    """
    what = f"{path} is not a list of sections"
    hint = "A section has section, chapter, title and record, and may have runs."
    content = read(SectionsForm, load_yaml(path), what, CodebookError, hint)
    return content.sections


# ----- contents.yml -----


class Part(Form):
    """Some pages of the report: what stands there, who reads it, and its lines, or why it has none.

    `about` says that the number of the page is inferred; `record` holds ids or patterns.
    """

    pages: str
    title: str
    about: bool = False
    chapters: list[str] = []
    record: str = ""
    why: str = ""


class ContentsForm(Form):
    """``contents.yml``."""

    parts: list[Part]


def load_contents(path: str | Path) -> list[Part]:
    """The report page by page; every part has lines and a chapter, or says why not.

    Examples
    --------
    >>> load_contents("data/report/contents.yml")[-1].title
    'Acknowledgements'
    """
    what = f"{path} is not a table of contents of the report"
    hint = "A part has pages and title, and chapters with record, or why."
    content = read(ContentsForm, load_yaml(path), what, CodebookError, hint)
    faults = [
        f"page {part.pages}: expected lines with a chapter, or a reason"
        for part in content.parts
        if bool(part.record) == bool(part.why)
        or bool(part.record) != bool(part.chapters)
    ]
    raise_faults(CodebookError, what, faults, hint)
    return content.parts


def page_numbers(part: Part) -> list[int]:
    """The pages of a part.

    Examples
    --------
    >>> page_numbers(Part(pages="19-20", title="Scholarship"))
    [19, 20]
    """
    first, _, last = part.pages.partition("-")
    return list(range(int(first), int(last or first) + 1))
