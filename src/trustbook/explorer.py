"""What the explorer of the book computes from: the committed sealed cells of each source, with their words.

The page computes every number itself (``web/explorer_arithmetic.js``), so that what is
given to it are cells and words, and beside them the intervals by replicate weights that
are stored for the runs (`trustbook.replicates`), which cannot be computed from cells.
Only cells of two axes or more with weights are given; each passed the gate when it was
sealed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.cells_json import cells_as_json
from trustbook.plans import CellSet
from trustbook.replicates import FILE, read_stored
from trustbook.runs import load_plan
from trustbook.sealing import load_cell_plan
from trustlib.cells import Cells
from trustlib.sources import Source
from trustlib.tables import heading

REFUSED = "refused.csv"
MEASURES = ("interaction_contrast", "ratio_of_rr", "ratio_of_or")
TABLES = ("levels", "gaps", "interaction")
WAVE = re.compile(r"wave == '(\d{4})'")
YEAR = re.compile(r"\b(20\d{2})\b")
COUNTRIES = re.compile(r"country in \[([^\]]*)\]")
NAMES = {"BR": "Brazil", "UK": "the United Kingdom", "US": "the United States"}
REASONS = {
    "gate": "The disclosure gate refuses it: a cell would hold fewer than ten people "
    "with or without the answer, or one person would carry most of the weight of an "
    "answer.",
    "variants": "These are two readings of one identity, so they are not crossed.",
    "tried": "The disclosure gate would let these cells pass. The book has not made "
    "them: its plan, {plan}, does not ask for them.",
    "plan": "The book has not made these cells: its plan, {plan}, does not ask for them.",
}
TOLD = "women and men who told all four identities"


@dataclass(frozen=True)
class Question:
    """An outcome among some people: what is chosen on the page.

    Attributes
    ----------
    outcome : str
    where : str
        The condition of the plan; empty for everybody.

    Examples
    --------
    >>> question = Question("angry", "wave == '2024' and country in ['BR', 'US']")
    >>> question.year("A survey of 2022"), question.people
    ('2024', 'women and men who told all four identities, in Brazil and the United States')
    """

    outcome: str
    where: str = ""

    @classmethod
    def of(cls, spec: CellSet) -> Question:
        """The question that a set of cells answers."""
        return cls(spec.outcome, spec.where or "")

    def year(self, label: str) -> str:
        """The year of the people, from the plan or from the label of the source."""
        found = WAVE.search(self.where) or YEAR.search(label)
        return found.group(1) if found else ""

    @property
    def people(self) -> str:
        """Of whom, where the plan says so; else nothing."""
        if not self.where:
            return ""
        found = COUNTRIES.search(self.where)
        if found is None:
            return f"{TOLD}, in all countries of the wave"
        names = [NAMES.get(code, code) for code in re.findall(r"\w+", found.group(1))]
        return f"{TOLD}, in {_listed(names)}"


def _listed(words: list[str]) -> str:
    """Words as a sentence lists them."""
    *others, last = words
    if not others:
        return last
    return f"{', '.join(others)} and {last}"


def explorer_sources(
    data: Path, names: Iterable[str], runs: Path, pages: Collection[str]
) -> list[dict[str, Any]]:
    """All that the page needs of some sources.

    Parameters
    ----------
    data : Path
        The folder with a folder of each source.
    names : iterable of str
    runs : Path
        ``runs.yml``, for the pages that show the same cells; it may be absent.
    pages : collection of str
        The pages that there are, without their suffix.

    Returns
    -------
    list of dict

    Raises
    ------
    TrustlibError
        A plan or a file of cells cannot be read.

    Examples
    --------
    >>> from trustbook.resources import CHECKOUT
    >>> data = CHECKOUT / "data"
    >>> [made] = explorer_sources(data, ["hints7"], CHECKOUT / "no-plan.yml", [])
    >>> made["id"], made["questions"][0]["year"], made["sets"][0]["by"]
    ('hints7', '2024', ['gender', 'ethnicity'])
    """
    shown = pages_of_cells(runs, pages)
    return [_source(data / name, shown) for name in names]


def _source(folder: Path, pages: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """One source: its questions, its sets of cells, and what is stored of them."""
    plan = load_cell_plan(folder / "cells.yml")
    chosen = {name: spec for name, spec in plan.sets.items() if is_chosen(spec)}
    questions = list(dict.fromkeys(Question.of(spec) for spec in chosen.values()))
    stored = _stored(folder)
    sets: list[dict[str, Any]] = []
    labels: dict[str, str] = {}
    for name, spec in chosen.items():
        cells = Cells.read(folder / "cells" / f"{name}.parquet")
        labels |= cells.labels
        own: dict[str, Any] = {
            "id": name,
            "question": questions.index(Question.of(spec)),
        }
        own |= cells_as_json(cells)
        own["stored"] = stored_rows(stored, name, spec.by)
        own["page"] = pages.get((name, ",".join(spec.by)), "")
        sets.append(own)
    names = distinct_names(sets, labels)
    for own in sets:
        own["labels"] |= {axis: names[axis] for axis in own["by"]}
    source = Source.of(sets[0]["source"])
    return {
        "id": folder.name,
        "label": source.label or folder.name,
        "evidence": source.evidence,
        "synthetic": source.is_synthetic,
        "replicates": _kind_of_replicates(stored),
        "questions": [_worded(q, labels, source.label or "") for q in questions],
        "sets": sets,
        "reasons": reasons_of(folder),
        "refused": refused_rows(folder / REFUSED, questions),
    }


def distinct_names(
    sets: Iterable[Mapping[str, Any]], labels: Mapping[str, str]
) -> dict[str, str]:
    """What each axis is called beside the others of its source.

    Axes that share the words before a bracket are told apart: by their number of groups,
    or else by their own names.

    Parameters
    ----------
    sets : iterable of mapping
        With ``by`` and ``levels``.
    labels : mapping

    Returns
    -------
    dict

    Examples
    --------
    >>> sets = [{"by": ["age", "age_band"],
    ...          "levels": {"age": ["18-49", "50+"], "age_band": ["18-34", "35-49", "50+"]}}]
    >>> distinct_names(sets, {"age": "Age", "age_band": "Age"})
    {'age': 'Age, 2 groups', 'age_band': 'Age, 3 groups'}
    """
    levels = {axis: own["levels"][axis] for own in sets for axis in own["by"]}
    long = {axis: heading(axis, dict(labels)) for axis in levels}
    short = {axis: name.partition(" (")[0] for axis, name in long.items()}
    names = {}
    for axis, name in short.items():
        alike = [other for other in short if short[other] == name]
        sizes = {len(levels[other]) for other in alike}
        bracket = long[axis].removeprefix(name)
        if len(sizes) == len(alike) > 1:
            name = f"{name}, {len(levels[axis])} groups"
        elif axis != alike[0]:
            name = heading(axis, {})
        names[axis] = name + bracket
    return names


def is_chosen(spec: CellSet) -> bool:
    """Whether a set of cells is for the page: several identities, and people weighted.

    Examples
    --------
    >>> is_chosen(CellSet(outcome="mistrust", by=["gender", "ethnicity"]))
    True
    """
    return len(spec.by) > 1 and spec.weights == "weighted"


def _worded(
    question: Question, labels: Mapping[str, str], source: str
) -> dict[str, str]:
    """A question as the page names it."""
    return {
        "outcome": question.outcome,
        "label": labels.get(question.outcome, question.outcome),
        "year": question.year(source),
        "people": question.people,
    }


def _stored(folder: Path) -> pd.DataFrame | None:
    """What is stored of the replicate weights of a survey that has some."""
    path = folder / FILE
    return read_stored(path) if path.is_file() else None


def _kind_of_replicates(stored: pd.DataFrame | None) -> str:
    """The replicate weights in words, and their degrees of freedom."""
    if stored is None:
        return ""
    return f"{stored['variance'].iloc[0]}, {stored['df'].max():g} df"


def stored_rows(
    every: pd.DataFrame | None, name: str, by: list[str]
) -> dict[str, list[float]]:
    """Intervals by replicate weights of the estimands that the page computes from one set of cells.

    Parameters
    ----------
    every : DataFrame, optional
        From `trustbook.replicates.read_stored`.
    name : str
        Of the set of cells.
    by : list of str
        Its axes.

    Returns
    -------
    dict
        Table, axes compared and group -> standard error and both limits, such as
        ``levels::woman|minority`` or ``ratio_of_rr:gender,ethnicity:woman|minority``.

    Examples
    --------
    >>> stored_rows(None, "mistrust-gender-ethnicity", ["gender", "ethnicity"])
    {}
    """
    if every is None:
        return {}
    rows = every[(every["cells"] == name) & every["table"].isin(TABLES)]
    made: dict[str, list[float]] = {}
    for row in rows.itertuples():
        key = _stored_key(str(row.row), str(row.model), str(row.table), by)
        if key:
            made[key] = [row.std_error, row.conf_low, row.conf_high]
    return made


def _stored_key(row: str, model: str, table: str, by: list[str]) -> str:
    """What the page calls a stored row; nothing of a row that it does not compute."""
    facts = dict(part.split("=", 1) for part in row.split(";"))
    if not set(by) <= set(facts):
        return ""
    group = "|".join(facts[axis] for axis in by)
    if table == "levels":
        return f"levels::{group}"
    if model.split("; ")[0] != " * ".join(by):
        return ""  # at the same other identities: another estimand
    if table == "gaps":
        return f"gaps::{group}"
    if facts["measure"] not in MEASURES or facts["method"] != "delta":
        return ""
    compared = [axis for axis in by if f", {axis} " in f", {facts['reference']}"]
    return f"{facts['measure']}:{','.join(compared)}:{group}"


def pages_of_cells(runs: Path, pages: Collection[str]) -> dict[tuple[str, str], str]:
    """The page of the run that shows some cells by all of their axes.

    Parameters
    ----------
    runs : Path
        ``runs.yml``; it may be absent.
    pages : collection of str

    Returns
    -------
    dict
        Name of the cells and axes -> address of the page.

    Examples
    --------
    >>> from pathlib import Path
    >>> pages_of_cells(Path("no-plan.yml"), [])
    {}
    """
    if not runs.is_file():
        return {}
    made: dict[tuple[str, str], str] = {}
    for run in load_plan(runs):
        given = run.parameters
        page = f"_runs/{run.id}/{run.id}"
        if "identities" not in given or "cells" not in given or page not in pages:
            continue
        key = (Path(given["cells"]).stem, ",".join(given["identities"]))
        made.setdefault(key, f"{page}.html")
    return made


def reasons_of(folder: Path) -> dict[str, str]:
    """Why identities are not shown together, by key; ``other`` is for what has no key.

    Parameters
    ----------
    folder : Path
        Of the source. Where `trustbook.refused` tried what its plan leaves out, it is
        known that the gate would let the rest pass.

    Examples
    --------
    >>> sorted(reasons_of(Path("data/none")))
    ['gate', 'other', 'variants']
    >>> reasons_of(Path("data/none"))["other"]
    'The book has not made these cells: its plan, data/none/cells.yml, does not ask for them.'
    """
    plan = f"data/{folder.name}/cells.yml"
    other = REASONS["tried" if (folder / REFUSED).is_file() else "plan"]
    told = {name: REASONS[name] for name in ("gate", "variants")}
    return told | {"other": other.format(plan=plan)}


def refused_rows(path: Path, questions: list[Question]) -> dict[str, str]:
    """Why combinations of identities are not committed, where it was tried.

    Parameters
    ----------
    path : Path
        ``refused.csv``, which `trustbook.refused` writes; it may be absent.
    questions : list of Question

    Returns
    -------
    dict
        Place of the question and axes -> one of `REASONS`, such as
        ``0:ethnicity,lgbtq``.

    Examples
    --------
    >>> from pathlib import Path
    >>> refused_rows(Path("no-file.csv"), [])
    {}
    """
    if not path.is_file():
        return {}
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    made = {}
    for row in rows.itertuples():
        question = Question(str(row.outcome), str(row.where))
        if question in questions:
            made[f"{questions.index(question)}:{row.by}"] = str(row.reason)
    return made
