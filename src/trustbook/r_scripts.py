"""R scripts that repeat the model of a dossier, and what they print.

`write` leaves two R scripts and the lines both should print in the folder of the run.
``<name>-cells.R`` holds the cells of the model and needs R alone; ``<name>-people.R``
reads the survey file and needs R's package survey. Both are made from the fit, the plan
of cells and the mapping, so that they cannot describe another model than the page; a test
runs them. Their templates lie in ``r/``.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.pages import EXPECTED, SCRIPT
from trustbook.r_script_parts import (
    BAND,
    NEXT,
    TEST,
    as_text,
    columns_of,
    filled,
    model_facts,
    vector,
    words_of,
)
from trustbook.sealing import CellPlan, plan_of
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.errors import EstimandError, FitError, RunError
from trustlib.escaping import csv_cells, r_comment, r_name, r_string
from trustlib.forms import Design, MappingForm, Part, Rule
from trustlib.logit import LogitFit
from trustlib.margins import coefficients, predictions
from trustlib.review import (
    Report,
    calibration,
    checks,
    goodness_of_fit,
    influence_shares,
    joint_tests,
    link_test,
)
from trustlib.rounding import require_no_exact_cells
from trustlib.schema import load_mapping
from trustlib.significance import TestResult
from trustlib.tables import evidence
from trustlib.writing import write_together

RESIDUALS = ["weighted", "predicted", "estimate", "std_error", "n"]
PART = "This part of the dossier"
_COMPARISON = re.compile(r"(\w+) (==|!=|in) ('[^']*'|\[[^]]*\])")


def results(fit: LogitFit, identities: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Everything the scripts print, by table, from this library.

    Parameters
    ----------
    fit : LogitFit
    identities : sequence of str
        The axes of predictions and gaps.

    Returns
    -------
    dict
        Name -> table.

    Raises
    ------
    DisclosureError
        A term, a group or a cell rests on fewer than 10 people.
    """
    cells = fit.cells
    probabilities = predictions(fit, list(identities))
    terms = coefficients(fit)
    odds_ratios = coefficients(fit, "odds_ratio")
    gaps = comparisons(probabilities)
    size = {
        "people": cells.frame["n"].sum(),
        "design_df": cells.df,
        "coefficients": len(fit.coef),
    }
    tables = {
        "model": pd.DataFrame([size]),
        "coefficients": columns_of(terms, [*BAND, "p_value"], PART),
        "odds_ratios": columns_of(odds_ratios, BAND, PART),
        "joint_tests": joint_tests(fit).reset_index()[TEST],
        "predictions": columns_of(probabilities, BAND, PART),
        "gaps": columns_of(gaps, [*BAND, "p_value"], PART),
        "calibration_risk": columns_of(calibration(fit), RESIDUALS, PART),
    }
    tests = _tests_of(goodness_of_fit, fit)
    by_cell = list(cells.by)
    tables["calibration_cells"] = columns_of(calibration(fit, by_cell), RESIDUALS, PART)
    tests += _tests_of(goodness_of_fit, fit, by_cell)
    tests += _tests_of(link_test, fit)
    if tests:
        tables["goodness_of_fit"] = TestResult.of(tests).reset_index()[TEST]
    tables["influence"] = influence_shares(fit)[["term", "cell"]]
    return tables


def _tests_of(test: Callable[..., pd.DataFrame], *given: Any) -> list[pd.DataFrame]:
    """A test, if the model leaves something to be tested."""
    try:
        return [test(*given)]
    except (EstimandError, FitError):
        return []


def write(
    fit: LogitFit, identities: Sequence[str], cells: str | Path, name: str, title: str
) -> Report:
    """Write the R scripts of a dossier, and what they print, to ``scripts/`` in the folder of the run.

    Parameters
    ----------
    fit : LogitFit
    identities : sequence of str
        The axes of predictions and gaps.
    cells : path
        The sealed cells of the model; their plan and mapping lie beside their folder.
    name, title : str
        Of the files, and of the page.

    Returns
    -------
    Report
        The tables that both scripts print, and how many numbers each has. Two CSV files,
        ``tables/checks.csv`` and ``tables/joint_tests.csv``, hold what `trustlib.publish`
        does not take.

    Raises
    ------
    DisclosureError
        Something would rest on fewer than 10 people, or the source asks for rounding:
        a script holds exact totals. Nothing is written.
    """
    require_no_exact_cells(fit.cells.source, "R scripts with these cells")
    plan, stem = plan_of(cells)
    tables = results(fit, identities)
    sealed = fit.cells.seal()
    words = words_of(sealed, name, title)
    words["facts"] = _facts(fit, identities, tables)
    on_people = words | _recodes(fit, plan, stem)
    scripts = {
        f"{name}{SCRIPT}": filled("cells.R", words),
        f"{name}-people.R": filled("people.R", on_people),
        f"{name}{EXPECTED}": as_text(tables),
    }
    folder = Path(os.environ.get("TRUSTLIB_RUN_FOLDER", "."))
    with write_together([folder / "scripts" / file for file in scripts]) as places:
        for place, text in zip(places, scripts.values(), strict=True):
            place.write_text(text, encoding="utf-8")
    _write_checks(fit, sealed, tables["joint_tests"], folder / "tables")
    return _summary(tables, sealed)


def _write_checks(
    fit: LogitFit, sealed: Cells, joint: pd.DataFrame, folder: Path
) -> None:
    """Write the checks of a model and its joint tests as tables of the run."""
    about = {
        "kind": "check",
        "outcome": sealed.outcome,
        "by": [],
        "source": sealed.source,
        "convention": f"{sealed.variance}; tests of the model: {fit.formula}",
    }
    text = json.dumps(about, indent=1, sort_keys=True) + "\n"
    tables = {"checks": checks(fit).frame, "joint_tests": joint}
    for name, table in tables.items():
        frame = csv_cells(table.assign(evidence=sealed.source.kind))
        paths = [folder / f"{name}.json", folder / f"{name}.csv"]
        with write_together(paths) as (facts, numbers):
            facts.write_text(text, encoding="utf-8")
            frame.to_csv(numbers, index=False, lineterminator="\n")


def _summary(tables: Mapping[str, pd.DataFrame], sealed: Cells) -> Report:
    """The tables that the scripts print, with their rows and numbers."""
    frame = pd.DataFrame({"table": tables.keys()})
    frame["rows"] = [len(table) for table in tables.values()]
    numbers = [table.select_dtypes("number") for table in tables.values()]
    frame["numbers"] = [table.size for table in numbers]
    shown = frame.rename(columns=str.capitalize)
    notes = (f"{evidence(sealed.source)}.",)
    return Report(frame, "What both scripts print", notes, shown)


def _facts(
    fit: LogitFit, identities: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> str:
    """The model in R: levels in order, formula, names of coefficients, sets of the joint tests."""
    link = str(_link_is_tested(tables)).upper()
    lines = [
        *model_facts(fit, identities, tables["joint_tests"]["term"]),
        f"link_is_tested <- {link}  # a model that meets every prediction fits any link",
    ]
    return "\n".join(lines)


def _link_is_tested(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Whether the test of the link is among those of the fit."""
    if "goodness_of_fit" not in tables:
        return False
    terms = tables["goodness_of_fit"]["term"]
    return bool(terms.str.contains("link test").any())


@dataclass(frozen=True)
class _Comparison:
    """One comparison of a condition on the people of a set."""

    name: str
    sign: str
    value: str


def _recodes(fit: LogitFit, plan: CellPlan, stem: str) -> dict[str, str]:
    """The mapping, the design and the people of a set of cells, in R."""
    form, codebook = load_mapping(plan.mapping)
    spec = plan.sets[stem]
    known = [name for name in spec.known if name not in fit.cells.by]
    where = _comparisons(spec.where or "", stem)
    names = [fit.cells.outcome, *fit.cells.by, *known]
    names += [comparison.name for comparison in where]
    lines: list[str] = []
    for name in dict.fromkeys(names):
        rule = form.variables[name]
        levels = rule.levels or codebook[name].levels or ["0", "1"]
        target = "y" if name == fit.cells.outcome else name
        lines += _recode(name, f"people${r_name(target)}", rule, levels)
    conditions = [condition_in_r(each.name, each.sign, each.value) for each in where]
    label = fit.cells.source.label or ""
    file = f"{Path(form.file or '').name}, as comma-separated values: {label}"
    return {
        "recodes": "\n".join([*lines, *_design_columns(form)]),
        "design": _design_in_r(form.design),
        "known": "".join(f", {r_string(name)}" for name in known),
        "where": "".join(f" & people${condition}" for condition in conditions),
        "lonely": form.design.lonely_psu or "fail",
        "file": r_comment(file),
    }


def _comparisons(where: str, stem: str) -> list[_Comparison]:
    """The comparisons of a condition, which are all of it."""
    found = _COMPARISON.findall(where)
    if " and ".join(" ".join(parts) for parts in found) != where:
        raise RunError(
            f"The script cannot say in R who is in {stem!r}: {where}.",
            "Use ==, != and in, joined by and.",
        )
    return [_Comparison(*parts) for parts in found]


def _recode(name: str, own: str, rule: Rule, levels: Sequence[Any]) -> Iterator[str]:
    """The lines that make one variable from its columns."""
    parts = [_recode_part(name, part, levels) for part in rule.parts]
    made = parts[0]
    if rule.any_of:
        made = f"any_of(list({NEXT.join(parts)}), {r_string(levels[-1])})"
    yield f"{own} <- {made}"
    if rule.missing_as is not None:
        yield f"{own}[is.na({own})] <- {r_string(rule.missing_as)}"


def _recode_part(name: str, part: Part, levels: Sequence[Any]) -> str:
    """The call that turns the answers of one column into levels."""
    values = part.values
    if values is None:
        values = {level: level for level in levels}
    pairs = [f"{r_string(told)} = {r_string(to)}" for told, to in values.items()]
    return f"recode({r_string(part.column or name)}, c({', '.join(pairs)}))"


def _design_columns(form: MappingForm) -> Iterator[str]:
    """The lines that take over the columns of the design; without a weight everybody counts the same."""
    design = form.design
    columns = {"weight": design.weight, "stratum": design.strata, "psu": design.psu}
    for own, column in columns.items():
        if column:
            yield f"people${own} <- raw[[{r_string(column)}]]"
    if design.weight:
        yield "people$weight <- as.numeric(people$weight)"
    else:
        yield "people$weight <- 1"


def _design_in_r(design: Design) -> str:
    """The call that makes the design."""
    ids = "psu" if design.psu else "1"
    nest = str(bool(design.nest)).upper()
    strata = "strata = ~stratum, " if design.strata else ""
    columns = f"ids = ~{ids}, {strata}weights = ~weight"
    return f"design <- svydesign({columns}, nest = {nest}, data = people)"


def condition_in_r(name: str, sign: str, value: str) -> str:
    """One comparison of a condition in R.

    Parameters
    ----------
    name : str
        A variable.
    sign : str
        ``==``, ``!=`` or ``in``.
    value : str
        A text or list of texts, as Python writes them.

    Returns
    -------
    str

    Examples
    --------
    >>> print(condition_in_r("wave", "in", "['2022', '2024']"))
    wave %in% c("2022", "2024")
    """
    given = ast.literal_eval(value)
    if sign == "in":
        return f"{r_name(name)} %in% {vector(given)}"
    return f"{r_name(name)} {sign} {r_string(given)}"
