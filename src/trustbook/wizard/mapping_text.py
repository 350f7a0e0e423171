"""The mapping that ``trustlib start`` writes: only what was chosen, each with a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.known_designs import KnownDesign, design_lines
from trustbook.survey_columns import WORDS
from trustlib.escaping import one_line_of, visible, yaml_string

LONGEST_LINE = 88
# What a line of a variable is for.
COMMENTS = {
    "label": "stands on the pages",
    "yes": "these answers count",
    "no": "and these do not",
    "missing": "no answers: left out, and counted apart",
    "rare": "answers of fewer than ten people",
    "cut": "both ends belong to a band",
    "levels": "in this order; the others are compared with the first",
    "ordered": "names, and no scale",
    "values": "answer: group",
    "blank": "not chosen, which is right only if everybody was asked",
}


@dataclass(frozen=True)
class Entry:
    """A variable of a mapping.

    Attributes
    ----------
    name : str
    rule : dict
    comment : str

    Examples
    --------
    >>> entry = Entry("gender", {"column": "SEX"}, "identity")
    >>> list(entry.lines())
    ['  # identity', '  "gender":', '    column: "SEX"']
    """

    name: str
    rule: Mapping[str, Any]
    comment: str

    def lines(self) -> Iterator[str]:
        """Its lines in YAML."""
        yield f"  # {one_line_of(self.comment)}"
        yield f"  {yaml_string(self.name)}:"
        for key, value in self.rule.items():
            yield from _with_comment(key, value)


def _with_comment(key: str, value: Any) -> Iterator[str]:
    """An entry of a rule with what it is for; a long list one below the other."""
    comment = f"  # {COMMENTS[key]}" if key in COMMENTS else ""
    line = f"    {key}: {yaml_string(value)}"
    if len(line) <= LONGEST_LINE or not isinstance(value, list | dict):
        yield line + comment
        return
    yield f"    {key}:{comment}"
    if isinstance(value, dict):
        pairs = [
            f"{yaml_string(name)}: {yaml_string(each)}" for name, each in value.items()
        ]
    else:
        pairs = [f"- {yaml_string(each)}" for each in value]
    yield from (f"      {pair}" for pair in pairs)


@dataclass(frozen=True)
class Choices:
    """What was chosen of a file.

    Attributes
    ----------
    file : Path
    place : str
        The file as the mapping names it.
    raw : DataFrame
        From `trustlib.files.read_table`.
    kind, label : str
        Of the source.
    variables : list of Entry
    design : KnownDesign
    sheet, encoding : str, optional
    populations : dict
        Inhabitants of own countries, in millions.
    """

    file: Path
    place: str
    raw: pd.DataFrame
    kind: str
    label: str
    variables: Sequence[Entry]
    design: KnownDesign
    sheet: str | None = None
    encoding: str | None = None
    populations: Mapping[str, float] = field(default_factory=dict)


def mapping_text(choices: Choices) -> str:
    """A mapping as YAML.

    Parameters
    ----------
    choices : Choices

    Returns
    -------
    str
        It holds no answer that fewer than 10 people gave.

    Examples
    --------
    >>> raw = pd.DataFrame({"SEX": ["m", "w"]})
    >>> entry = Entry("gender", {"column": "SEX"}, "identity")
    >>> about = (Path("p.csv"), "p.csv", raw, "supplied", "Poll")
    >>> choices = Choices(*about, [entry], KnownDesign())
    >>> print(mapping_text(choices).splitlines()[0])
    # Made by `trustlib start`; each line is a choice that you may change.
    """
    return "\n".join(_lines(choices)) + "\n"


def _lines(choices: Choices) -> Iterator[str]:
    yield "# Made by `trustlib start`; each line is a choice that you may change."
    yield "# To see what it does: trustlib validate FILE --mapping THIS-FILE"
    yield "source:"
    yield f"  id: {yaml_string(visible(choices.file.name.partition('.')[0]))}"
    yield f"  kind: {choices.kind}  # supplied: of your own; real: public; synthetic: made up"
    yield f"  label: {yaml_string(choices.label)}  # stands on every page"
    yield f"file: {yaml_string(choices.place)}"
    for key in ("sheet", "encoding"):
        value = getattr(choices, key)
        if value:
            yield f"{key}: {yaml_string(value)}"
    for note in choices.raw.attrs.get("notes", []):
        yield f"# not read as people: {one_line_of(note)}"
    if choices.populations:
        populations = yaml_string(dict(choices.populations))
        yield f"populations: {populations}  # millions; countries count by them"
    yield "variables:"
    for entry in choices.variables:
        yield from entry.lines()
    yield from _design(choices)


def _design(choices: Choices) -> Iterator[str]:
    """The design, and what is to be known of it."""
    told = "\n".join(design_lines(choices.raw, choices.design, WORDS))
    for line in filter(None, told.splitlines()):
        yield line.removeprefix("#") if line.startswith("## ") else line
