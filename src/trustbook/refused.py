"""Which tables of two or three identities the disclosure gate refuses, for the explorer to say why.

``python -m trustbook.refused data/hints7/cells.yml FILE`` tries every pair and triple of
the identities of a plan, for each of its questions, that no committed cells tell apart,
and writes those that the gate refuses as ``refused.csv`` beside the plan. With
``--check`` it compares, and writes nothing. A combination that is neither committed nor
refused is one that the plan does not ask for.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from trustbook.explorer import REFUSED, Question, is_chosen
from trustbook.plans import CellSet
from trustbook.sealing import CellPlan, load_cell_plan, people_of
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.errors import DisclosureError, RunError
from trustlib.schema import declared_design, read_survey
from trustlib.writing import write_text

COLUMNS = ["outcome", "where", "by", "reason"]
VARIANTS = ({"age_band", "age_three"}, {"disability", "disability_or_pain"})
USAGE = "Usage: python -m trustbook.refused data/<survey>/cells.yml FILE [--check]"


def untried(plan: CellPlan) -> Iterator[tuple[Question, CellSet, list[str]]]:
    """Every question with each pair and triple of identities that no cells of it tell apart.

    Parameters
    ----------
    plan : CellPlan

    Yields
    ------
    Question, CellSet, list of str
        The set is one of the question, for its base; the axes are in alphabetical order.

    Examples
    --------
    >>> from pathlib import Path
    >>> sets = {"a": CellSet(outcome="y", by=["sex", "age"]),
    ...         "b": CellSet(outcome="y", by=["sex", "region"])}
    >>> plan = CellPlan(Path("mapping.yml"), "people.csv", sets)
    >>> [axes for _, _, axes in untried(plan)]
    [['age', 'region'], ['age', 'region', 'sex']]
    """
    chosen = [spec for spec in plan.sets.values() if is_chosen(spec)]
    axes = sorted({axis for spec in chosen for axis in spec.by})
    for question in dict.fromkeys(map(Question.of, chosen)):
        own = [spec for spec in chosen if Question.of(spec) == question]
        for size in (2, 3):
            for named in itertools.combinations(axes, size):
                if not any(set(named) <= set(spec.by) for spec in own):
                    yield question, own[0], list(named)


def refused(plan: CellPlan, design: SurveyDesign) -> pd.DataFrame:
    """The combinations that are refused, each with the reason.

    Parameters
    ----------
    plan : CellPlan
    design : SurveyDesign
        Of the plan's survey file.

    Returns
    -------
    DataFrame
        Columns outcome, where, by, reason.

    Examples
    --------
    >>> from pathlib import Path
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 20, "a": ["1", "2"] * 20})
    >>> people["b"] = ["x"] * 35 + ["z"] * 5
    >>> people["c"] = people["a"]
    >>> sets = {"one": CellSet(outcome="y", by=["a", "c"]),
    ...         "two": CellSet(outcome="y", by=["b", "c"])}
    >>> plan = CellPlan(Path("mapping.yml"), "people.csv", sets)
    >>> refused(plan, SurveyDesign(people, weight=None))["by"].tolist()
    ['a,b', 'a,b,c']
    """
    rows = []
    for question, spec, axes in untried(plan):
        wanted = spec.model_copy(update={"by": axes})
        reason = _reason(wanted, design)
        if reason:
            rows.append([question.outcome, question.where, ",".join(axes), reason])
    return pd.DataFrame(rows, columns=COLUMNS)


def _reason(spec: CellSet, design: SurveyDesign) -> str:
    """Why a set of cells is refused, as of `REASONS`; nothing if the gate lets it pass."""
    if any(variants <= set(spec.by) for variants in VARIANTS):
        return "variants"
    try:
        compress(people_of(spec, design), spec.outcome, spec.by).seal()
    except DisclosureError:
        return "gate"
    return ""


def _main(plan_file: str, survey: str, *options: str) -> None:
    """Write the file, or compare it."""
    plan = load_cell_plan(plan_file)
    frame = read_survey(survey, plan.mapping)
    made = refused(plan, SurveyDesign(frame, **declared_design(plan.mapping)))
    path = Path(plan_file).parent / REFUSED
    text = made.to_csv(index=False)
    if "--check" not in options:
        write_text(path, text)
        print(f"written: {path} ({len(made)} combinations)")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        raise RunError(f"{path} is not what the survey file gives.", USAGE)
    else:
        print(f"agrees: {path} ({len(made)} combinations)")


def main(words: Sequence[str]) -> None:
    """The command: plan, survey file, and ``--check``."""
    if len(words) < 2:
        raise SystemExit(USAGE)
    _main(*words)


if __name__ == "__main__":
    main(sys.argv[1:])
