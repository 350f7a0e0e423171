"""The forms of the book's plans.

They say which keys ``cells.yml``, ``runs.yml``, ``findings.yml`` and ``comparable.yml``
may have.
"""

from __future__ import annotations

from typing import Any, Literal

from trustlib.forms import Design, Form, Name, Template


class CellSet(Form):
    """One set of sealed cells; see `trustbook.sealing`.

    Examples
    --------
    >>> cells = CellSet(outcome="mistrust", by=["gender"], known=["ethnicity"])
    >>> cells.in_family, sorted(cells.told)
    ('mistrust', ['ethnicity', 'gender'])
    """

    outcome: str
    by: list[str]
    known: list[str] = []
    family: str | None = None
    where: str | None = None
    weights: Literal["weighted", "unweighted"] = "weighted"

    @property
    def in_family(self) -> str:
        """The sets that are subtracted from each other."""
        return self.family or self.outcome

    @property
    def told(self) -> set[str]:
        """All variables that a person must have told, axes included."""
        return {*self.by, *self.known}


class CellPlanForm(Form):
    """``cells.yml``."""

    mapping: str
    cells: dict[Name, CellSet]


class LargeFileForm(Form):
    """A ``cells.yml`` of a file that is not read into memory; see `trustbook.large_files`.

    Examples
    --------
    >>> plan = LargeFileForm(file="people", source={}, design={"weight": "w"}, cells={})
    >>> plan.design.weight
    'w'
    """

    file: str
    design: Design
    source: dict[str, Any]
    cells: dict[Name, CellSet]


class RunForm(Form):
    """One run of ``runs.yml``, or one for each combination of a grid.

    See `trustbook.runs.load_plan`.
    """

    id: str
    template: Template
    parameters: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    page: bool = True


class Finding(Form):
    """Where one number stands: run, table, the row's columns, and the column.

    See `trustbook.findings`.
    """

    run: Name
    table: Name
    row: dict[str, Any] = {}
    column: str = "estimate"
    format: Literal["percent", "points", "ratio", "count"] = "percent"
    published: str | None = None


class FindingsForm(Form):
    """``findings.yml``."""

    findings: dict[str, Finding]


class Question(Form):
    """A question that two surveys asked alike.

    Examples
    --------
    >>> names = {"hints6": "poor_time", "hints7": "poor_time_2024"}
    >>> Question(names=names, label="Time", caveat="None.").names["hints6"]
    'poor_time'
    """

    names: dict[str, str]
    label: str
    caveat: str


class Apart(Form):
    """Questions that look alike and may not be compared.

    Examples
    --------
    >>> Apart(names={"a": "x", "b": "y"}, why="Other words.").why
    'Other words.'
    """

    names: dict[str, str]
    why: str


class Comparable(Form):
    """``comparable.yml``.

    Examples
    --------
    >>> Comparable(surveys={"hints6": "2022"}, axes=["gender"], questions={}).axes
    ['gender']
    """

    surveys: dict[str, str]
    axes: list[str]
    why_not_others: str = ""
    questions: dict[str, Question]
    apart: dict[str, Apart] = {}
