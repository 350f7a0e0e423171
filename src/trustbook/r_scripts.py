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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.sealing import CellPlan, plan_of
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.errors import EstimandError, FitError, RunError
from trustlib.escaping import csv_cells, r_comment, r_name, r_string
from trustlib.estimates import Estimates
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

R = Path(__file__).with_name("r")
NEXT = ",\n  "  # between the parts of a call that goes on in the next line
BAND = ["estimate", "std_error", "conf_low", "conf_high"]
TEST = ["term", "rule", "statistic", "df_num", "df_den", "p_value"]
RESIDUALS = ["weighted", "predicted", "estimate", "std_error", "n"]
SCRIPT_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
# What a formula may hold beside names of cells, C( and I(.
_NO_FORMULA = re.compile(r"[^\s\d.+*:()^<>=!~-]")
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
        "coefficients": _columns(terms, [*BAND, "p_value"]),
        "odds_ratios": _columns(odds_ratios, BAND),
        "joint_tests": joint_tests(fit).reset_index()[TEST],
        "predictions": _columns(probabilities, BAND),
        "gaps": _columns(gaps, [*BAND, "p_value"]),
        "calibration_risk": _columns(calibration(fit), RESIDUALS),
    }
    tests = _tests_of(goodness_of_fit, fit)
    by_cell = list(cells.by)
    tables["calibration_cells"] = _columns(calibration(fit, by_cell), RESIDUALS)
    tests += _tests_of(goodness_of_fit, fit, by_cell)
    tests += _tests_of(link_test, fit)
    if tests:
        tables["goodness_of_fit"] = TestResult.of(tests).reset_index()[TEST]
    tables["influence"] = influence_shares(fit)[["term", "cell"]]
    return tables


def _columns(estimates: Estimates, columns: list[str]) -> pd.DataFrame:
    estimates.require_showable("This part of the dossier")
    return estimates.frame[[*estimates.by, *columns]]


def _tests_of(test: Callable[..., pd.DataFrame], *given: Any) -> list[pd.DataFrame]:
    """A test, if the model leaves something to be tested."""
    try:
        return [test(*given)]
    except (EstimandError, FitError):
        return []


def as_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Tables as the scripts print them: a line with the name, a line of columns, comma-separated rows.

    Parameters
    ----------
    tables : mapping
        Name -> table.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> print(as_text({"gaps": pd.DataFrame({"term": ["a"], "estimate": [1 / 3]})}))
    # gaps
    term,estimate
    a,0.3333333333
    <BLANKLINE>
    <BLANKLINE>
    """
    parts = []
    for name, table in tables.items():
        printed = table.copy()
        for column in printed:
            if pd.api.types.is_numeric_dtype(printed[column]):
                printed[column] = [f"{value:.10g}" for value in printed[column]]
        rows = printed.to_csv(index=False, lineterminator="\n")
        parts.append(f"# {name}\n{rows}\n")
    return "".join(parts)


def read_text(text: str) -> dict[str, pd.DataFrame]:
    """The tables of `as_text`, or of what a script printed.

    Examples
    --------
    >>> import pandas as pd
    >>> tables = {"gaps": pd.DataFrame({"term": ["a"], "estimate": [0.5]})}
    >>> read_text(as_text(tables))["gaps"].values.tolist()
    [['a', 0.5]]
    """
    parts = re.split(r"^# (\w+)\n", text, flags=re.MULTILINE)[1:]
    named = zip(parts[::2], parts[1::2], strict=True)
    return {name: pd.read_csv(StringIO(rows)) for name, rows in named}


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
    if not SCRIPT_NAME.fullmatch(name):
        raise RunError(
            f"{name[:100]!r} cannot be the name of a script.",
            "Use up to 100 letters, digits, - and _.",
        )
    require_no_exact_cells(fit.cells.source, "R scripts with these cells")
    plan, stem = plan_of(cells)
    tables = results(fit, identities)
    sealed = fit.cells.seal()
    words = _words(sealed, name, title)
    words["facts"] = _facts(fit, identities, tables)
    on_people = words | _recodes(fit, plan, stem)
    scripts = {
        f"{name}-cells.R": _filled("cells.R", words | _numbers(sealed)),
        f"{name}-people.R": _filled("people.R", on_people),
        f"{name}-expected.txt": as_text(tables),
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


def _words(sealed: Cells, name: str, title: str) -> dict[str, str]:
    """What both scripts say of the model."""
    outcome = sealed.labels.get(sealed.outcome, sealed.outcome)
    return {
        "title": r_comment(title),
        "name": name,
        "common": (R / "common.R").read_text(encoding="utf-8"),
        "evidence": r_comment(f"{evidence(sealed.source)}."),
        "outcome": r_comment(outcome),
        "variance": r_comment(sealed.variance),
        "df": f"{sealed.df:g}",
    }


def _filled(template: str, words: Mapping[str, str]) -> str:
    """A script with its ``@{name}`` filled in; each text is written for its place before."""
    text = (R / template).read_text(encoding="utf-8")
    return re.sub(r"@\{(\w+)\}", lambda found: words[found[1]], text)


def _vector(values: Iterable[Any]) -> str:
    return f"c({', '.join(map(r_string, values))})"


def _list(named: Mapping[str, str]) -> str:
    parts = [f"{r_name(name)} = {value}" for name, value in named.items()]
    return f"list({NEXT.join(parts)})"


def formula_in_r(fit: LogitFit) -> str:
    """The formula of a model in R, which may hold the names of the cells, numbers, signs, C() and I() only.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    str

    Raises
    ------
    RunError
        It holds something else.
    """
    left = fit.formula
    for name in sorted(fit.cells.by, key=len, reverse=True):
        own = re.escape(name)
        left = re.sub(rf"`{own}`|\b{own}\b", "", left)
    left = re.sub(r"\b[CI]\(", "(", left)
    if _NO_FORMULA.search(left):
        raise RunError(
            f"The script cannot say this formula in R: {r_comment(fit.formula)[:200]}.",
            "Use + * : ( ), numbers and the names of the cells.",
        )
    return r_comment(fit.formula)


def _facts(
    fit: LogitFit, identities: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> str:
    """The model in R: levels in order, formula, names of coefficients, sets of the joint tests."""
    frame = fit.cells.frame
    levels = {axis: _vector(frame[axis].cat.categories) for axis in fit.cells.by}
    terms = tables["joint_tests"]["term"]
    joint = {name: _vector(_coefficients_of(name, fit)) for name in terms}
    link = str(_link_is_tested(tables)).upper()
    lines = [
        f"model <- ~ {formula_in_r(fit)}",
        f"levels_of <- {_list(levels)}",
        f"identities <- {_vector(identities)}",
        f"term_names <- {_vector(fit.coef.index)}",
        f"joint <- {_list(joint)}",
        f"link_is_tested <- {link}  # a model that meets every prediction fits any link",
    ]
    return "\n".join(lines)


def _coefficients_of(name: str, fit: LogitFit) -> Iterator[str]:
    """The coefficients that a joint test is of: those of a term, or of all terms with an axis."""
    axis = name.removesuffix(", all terms")
    for term, places in fit.spec.term_indices.items():
        names = [str(term)]
        if axis != name:
            names = str(term).split(":")
        if axis in names:
            yield from fit.coef.index[places]


def _link_is_tested(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Whether the test of the link is among those of the fit."""
    if "goodness_of_fit" not in tables:
        return False
    terms = tables["goodness_of_fit"]["term"]
    return bool(terms.str.contains("link test").any())


def _numbers(sealed: Cells) -> dict[str, str]:
    """The totals of the cells and the lower triangle of their covariance, in full precision."""
    columns = [*sealed.by, "n", "sum_w", "sum_wy"]
    matrix = sealed.scatter.of_totals(len(sealed))
    lower = []
    for j in range(len(matrix)):
        column = matrix[j:, j]
        lower.append(" ".join(f"{value:.17g}" for value in column))
    totals = sealed.frame[columns].to_csv(
        index=False, lineterminator="\n", float_format="%.17g"
    )
    return {"cells": r_string(totals, lines=True), "covariance": "\n".join(lower)}


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
        return f"{r_name(name)} %in% {_vector(given)}"
    return f"{r_name(name)} {sign} {r_string(given)}"
