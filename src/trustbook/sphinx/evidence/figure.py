"""A picture of printed percentages: marks on one axis from 0 to 100.

``{record-figure} title`` draws them, and ranges that the audit allows. A line of its
content is ``label: R24-020 R24-021`` (one mark for each) or ``label: audit
one-item-minority`` (a range); a line ``# words`` starts a new part. Options ``:first:``
and ``:second:`` name the marks, ``:says:`` says what is to be seen.

The picture is made of the page's own text, so that it fits a phone, dark mode and
paper; ``book/_static/evidence.css`` draws it. Each figure leads to its source, and a
CSV file below the picture holds its numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from html import escape
from io import StringIO
from pathlib import Path
from typing import ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst.directives import unchanged_required
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from trustbook.pictures.style import COUNTRIES
from trustbook.sphinx.audit_pages import answers_for
from trustbook.sphinx.directives import published_record, raw_html
from trustbook.sphinx.evidence.page import EvidenceDirective, plan_for
from trustbook.sphinx.finding import unbroken
from trustlib.errors import TrustlibError, require_names

COLUMNS = ("part", "label", "id", "percent", "low", "high")
TICKS = (0, 25, 50, 75, 100)
AUDIT = "audit "  # begins what a line of the content shows, if it is a range
NUMBERS = "_downloads/pictures"


@dataclass(frozen=True)
class Mark:
    """One number of the picture, as a row of its CSV file.

    Attributes
    ----------
    id : str
        A line of the record or a question of the audit.
    percent, low, high : str
        A line of the record has no ends, and a range no percentage.
    """

    id: str
    percent: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Line:
    """One line of the picture.

    Attributes
    ----------
    label : str
    about : tuple of str
        What it is of, in words: item, base, country and wave, or a question.
    track, values : str
        The marks on the axis and the linked figures beside it, in HTML.
    marks : tuple of Mark
    computed : bool
        Whether it was computed, not printed.
    """

    label: str
    about: tuple[str, ...]
    track: str
    values: str
    marks: tuple[Mark, ...]
    computed: bool = False

    @property
    def is_range(self) -> bool:
        """Whether it shows a range, not one value or several."""
        return 'class="ef-range"' in self.track


@dataclass
class Part:
    """Lines of the picture under a heading; the first part has none."""

    heading: str
    lines: list[Line] = field(default_factory=list)


class RecordFigure(EvidenceDirective):
    """A picture of printed percentages and of ranges that the audit allows."""

    required_arguments = 1
    optional_arguments = 0
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = dict.fromkeys(
        ("first", "second", "says"), unchanged_required
    )

    def make(self) -> list[nodes.Node]:
        """The picture with its legend, its caption and the link to its numbers."""
        parts = self.parts()
        lines = [line for part in parts for line in part.lines]
        names = [self.options[k] for k in ("first", "second") if k in self.options]
        shown = "".join(_part(part) for part in parts if part.lines)
        says = escape(self.options.get("says", ""))
        kind = "published"
        if any(line.computed for line in lines):
            kind += ", and computed from what was published"
        return raw_html(
            '<figure class="record-figure">'
            f'<p class="ef-title">{escape(self.arguments[0])}</p>'
            f"{_legend(names, lines)}{shown}{_axis()}"
            f"<figcaption>{says} Kind of evidence: {kind}. "
            "Percent of people; each figure leads to its source.</figcaption>"
            f"{self.download(parts)}</figure>"
        )

    def parts(self) -> list[Part]:
        """The content, line by line."""
        parts = [Part("")]
        for text in filter(None, map(str.strip, self.content)):
            if text.startswith("# "):
                parts.append(Part(text.removeprefix("# ")))
            else:
                parts[-1].lines.append(self.row(text))
        return parts

    def row(self, text: str) -> Line:
        """One line of the content as a line of the picture."""
        label, _, what = text.rpartition(": ")
        if what.startswith(AUDIT):
            return self.range(label, what.removeprefix(AUDIT).strip())
        names = what.split()
        every = published_record(self.env)
        require_names("figure of the record", names, every.index)
        figures = every.loc[names]
        return Line(
            label,
            about=_about(figures, plan_for(self.env).items),
            track=_track(figures),
            values=" and ".join(self.line(name) for name in names),
            marks=tuple(
                Mark(name, f"{value:g}") for name, value in figures["value"].items()
            ),
        )

    def range(self, label: str, key: str) -> Line:
        """A line with the range that the audit allows, or a mark if it is one value."""
        answers = answers_for(self.env)
        require_names("answer of the audit", [f"{key} low"], answers.index)
        low = answers.loc[f"{key} low"]
        high = answers.loc[f"{key} high"]
        left = 100 * float(low["value"])
        width = 100 * float(high["value"] - low["value"])
        track = f'<i class="ef-range" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
        ends = [f"{100 * float(end['value']):.1f}" for end in (low, high)]
        words = f"{low['text']} to {high['text']}"
        mark = Mark(key, "", *ends)
        if low["text"] == high["text"]:
            track = f'<i class="ef-mark ef-0" style="left:{left:.2f}%"></i>'
            words = low["text"]
            mark = Mark(key, ends[0], *ends)
        values = self.link("do-the-figures-fit", unbroken(words))
        return Line(label, (low["question"],), track, values, (mark,), computed=True)

    def download(self, parts: Sequence[Part]) -> str:
        """A link to the numbers, which `write_numbers` writes when the book is built."""
        docname = self.env.docname
        mine = drawn_on(self.env).setdefault(docname, {})
        name = f"{docname.replace('/', '-')}-{len(mine) + 1}.csv"
        mine[name] = numbers_csv(parts)
        address = "../" * docname.count("/") + f"{NUMBERS}/{name}"
        return (
            '<p class="picture-numbers"><a class="reference download internal" '
            f'download="" href="{address}">The numbers of this picture: {name}</a></p>'
        )


# ----- the picture in HTML -----


def _track(figures: pd.DataFrame) -> str:
    """Marks of printed percentages, and the line from the least to the greatest."""
    for figure in figures.itertuples():
        if figure.statistic != "percent":
            raise TrustlibError(
                f"{figure.Index} is a {figure.statistic}, "
                "and this picture shows percentages."
            )
    values = figures["value"]
    least = values.min()
    width = values.max() - least
    marks = "".join(
        f'<i class="ef-mark ef-{i}" style="left:{value:g}%"></i>'
        for i, value in enumerate(values)
    )
    return f'<i class="ef-span" style="left:{least:g}%;width:{width:g}%"></i>{marks}'


def _about(figures: pd.DataFrame, items: dict[str, str]) -> tuple[str, ...]:
    """Item, base, country and wave of the printed figures of one line."""
    columns = (
        [items[item] for item in figures["item"]],
        figures["conditioning"],
        map(_place, figures["countries"]),
        figures["wave"],
    )
    return tuple(" and ".join(dict.fromkeys(filter(None, c))) for c in columns)


def _place(countries: str) -> str:
    """The name of a country, or how many they are."""
    codes = countries.split()
    if len(codes) == 1:
        return COUNTRIES[codes[0]]
    return f"{len(codes)} countries"


def _legend(names: Sequence[str], lines: Iterable[Line]) -> str:
    """What the marks are, and the ranges if there is one."""
    html = "".join(
        f'<span><i class="ef-mark ef-{i}" aria-hidden="true"></i>{escape(name)}</span>'
        for i, name in enumerate(names)
    )
    if any(line.is_range for line in lines):
        html += (
            '<span><i class="ef-range" aria-hidden="true"></i>'
            "all that the print allows</span>"
        )
    if not html:
        return ""
    return f'<p class="ef-legend">{html}</p>'


def _axis() -> str:
    """The axis below the lines."""
    ticks = "".join(f'<span style="left:{t}%">{t}</span>' for t in TICKS)
    return (
        '<div class="ef-row ef-axis" aria-hidden="true"><div></div>'
        f'<div class="ef-ticks">{ticks}</div><div></div></div>'
    )


def _part(part: Part) -> str:
    """The lines of a part under its heading.

    What all of them are of is said once, what a label says not again.
    """
    shared = _shared_positions(part.lines)
    first = part.lines[0].about
    once = [first[i] for i in sorted(shared) if first[i]]
    head = escape(part.heading) + _small(once)
    html = ""
    if head:
        html = f'<p class="ef-part">{head}</p>'
    for line in part.lines:
        own = [words for i, words in enumerate(line.about) if i not in shared]
        new = [words for words in own if words and words not in line.label]
        html += (
            f'<div class="ef-row"><div class="ef-label">{escape(line.label)}'
            f'{_small(new)}</div><div class="ef-track" aria-hidden="true">'
            f'{line.track}</div><div class="ef-value">{line.values}</div></div>'
        )
    return html


def _shared_positions(lines: Sequence[Line]) -> set[int]:
    """Which words of `Line.about` are the same in all of several lines."""
    lengths = {len(line.about) for line in lines}
    if len(lines) == 1 or len(lengths) > 1:
        return set()
    columns = zip(*(line.about for line in lines), strict=True)
    return {i for i, words in enumerate(columns) if len(set(words)) == 1}


def _small(words: Sequence[str]) -> str:
    """Words in small print, none of them if there are none."""
    if not words:
        return ""
    return f"<small>{escape(', '.join(words))}</small>"


# ----- the numbers of the pictures, as files beside the pages -----


def numbers_csv(parts: Iterable[Part]) -> str:
    """The numbers of a picture as a CSV file.

    Examples
    --------
    >>> line = Line("Women", (), "", "", (Mark("R24-020", "40"),))
    >>> print(numbers_csv([Part("Who", [line])]))
    part,label,id,percent,low,high
    Who,Women,R24-020,40,,
    <BLANKLINE>
    """
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in parts:
        for line in part.lines:
            head = (part.heading, line.label)
            writer.writerows([*head, *astuple(mark)] for mark in line.marks)
    return stream.getvalue()


def drawn_on(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Page -> file -> what it holds.

    It is kept with the pages that an unchanged book does not read again.
    """
    drawn: dict[str, dict[str, str]] = vars(env).setdefault("record_pictures", {})
    return drawn


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what a page drew before it is read again, or because it is gone."""
    drawn_on(env).pop(docname, None)


def merge(
    app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment
) -> None:
    """Take over what another process has read."""
    theirs = drawn_on(other)
    drawn_on(env).update({name: theirs[name] for name in docnames if name in theirs})


def write_numbers(app: Sphinx, exception: Exception | None) -> None:
    """Write the files to which the pictures link."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / NUMBERS
    folder.mkdir(parents=True, exist_ok=True)
    for files in drawn_on(app.env).values():
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
