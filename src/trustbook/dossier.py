"""A dossier per headline model: what the review template needs beside the estimates, and R scripts that repeat them.

`write` leaves two R scripts and the lines both should print in the folder of the run. ``<name>-cells.R`` holds the
cells of the model and needs R alone; ``<name>-people.R`` reads the survey file and needs R's package survey. Both are
made from the fit, the plan of cells and the mapping, so that they cannot describe another model than the page; a test
runs them. Their templates lie in ``r/``.

Two files beside a plan of cells are made from the survey file, like the cells, by
``python -m trustbook.dossier data/hints6/cells.yml FILE [RUNS.yml]``. ``flow.csv`` counts who is in each set and why
the others are not. ``trimmed.csv`` holds the gap of each dossier with the largest weights trimmed: estimates, because
cells with trimmed weights would single people out.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.runs import load_plan
from trustbook.sealing import CellPlan, load_cell_plan, people_of
from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    EstimandError,
    FitError,
    MissingRowsWarning,
    RunError,
    require_file,
    require_names,
)
from trustlib.escaping import csv_cells, csv_plains, r_comment, r_name, r_string
from trustlib.estimates import Estimates, coefficients, comparisons, predictions
from trustlib.logit import LogitFit
from trustlib.review import (
    Report,
    calibration,
    checks,
    flow,
    goodness_of_fit,
    influence_shares,
    joint_tests,
    link_test,
    reweighted,
    robustness,
    robustness_of_cells,
)
from trustlib.schema import declared_design, load_mapping, read_survey
from trustlib.significance import TestResult
from trustlib.tables import evidence
from trustlib.writing import write_together, write_whole

R = Path(__file__).with_name("r")
NEXT = "\n  "  # a line of R that goes on
BAND = ["estimate", "std_error", "conf_low", "conf_high"]
TEST = ["term", "rule", "statistic", "df_num", "df_den", "p_value"]


# -- who is in the model ----------------------------------------------------------------------------------------------


def _plan_of(cells: str | Path) -> tuple[CellPlan, str]:
    """The plan of sealed cells, which lies above their folder, and the name of the set."""
    path = Path(cells)
    plan = load_cell_plan(path.parents[1] / "cells.yml")
    require_names("set of cells in the plan", [path.stem], plan.sets)
    return plan, path.stem


def flows(plan: CellPlan, file: str | Path, names: Sequence[str]) -> pd.DataFrame:
    """The flow of people of some sets of a plan; see `trustlib.review.flow`. Columns cells, variable, reason, n."""
    require_names("set of cells in the plan", names, plan.sets)
    design = SurveyDesign(
        read_survey(file, plan.mapping), **declared_design(plan.mapping)
    )
    parts = []
    for name in names:
        spec = plan.sets[name]
        part = design if spec.where is None else design.domain(spec.where)
        # Sets with one base have one order: two orders side by side would tell how many people lack two answers.
        parts.append(
            flow(part, spec.outcome, list(dict.fromkeys([*spec.known, *spec.by])))
        )
        parts[-1].insert(0, "cells", name)
    return pd.concat(parts, ignore_index=True)


def flow_table(path: str | Path, cells: str | Path) -> Report:
    """The flow of one set of cells for readers, from the committed ``flow.csv``.

    Raises
    ------
    RunError
        The number of people at its end is not that of the cells.
    """
    sealed, name = Cells.read(cells), Path(cells).stem
    hint = "Make it with `python -m trustbook.dossier`."
    every = csv_plains(pd.read_csv(require_file(path, "flow of people", hint)))
    frame = (
        every[every["cells"] == name]
        .drop(columns="cells")
        .fillna({"variable": ""})
        .reset_index(drop=True)
    )
    total = int(sealed.frame["n"].sum())
    if (
        frame.empty
        or frame["n"].iloc[-1] != total
        or frame["n"].iloc[0] != total + frame["n"].iloc[1:-1].sum()
    ):
        hint = "Make it again with `python -m trustbook.dossier`."
        raise RunError(
            f"{Path(path).name} does not lead to the people of the cells {name}.", hint
        )
    labels = [
        " or ".join(sealed.labels.get(v, v) for v in text.split(" or "))
        for text in frame["variable"]
    ]
    ends = frame["variable"].eq("") & frame["reason"].str.startswith("in the ")
    step = [
        "In" + reason[2:] if end else "Left"
        for end, reason in zip(ends, frame["reason"], strict=True)
    ]
    why = [
        "" if end else reason if not label else f"{label}: {reason}"
        for end, label, reason in zip(ends, labels, frame["reason"], strict=True)
    ]
    shown = pd.DataFrame(
        {"Step": step, "Why": why, "People": frame["n"].map("{:,}".format)}
    )
    note = "Each person leaves once, at the first variable they lack. Reasons of fewer than ten people are joined."
    return Report(
        frame,
        "From the file to the model",
        (f"{evidence(sealed.source)}.", note),
        shown,
    )


def design_table(fit: LogitFit) -> Report:
    """What the model rests on: evidence, people, weights, variance, degrees of freedom, formula."""
    cells = fit.cells
    coefficients(fit).require_showable("This table")
    n, people = cells.frame["n"].sum(), cells.frame["sum_w"].sum()
    rows = {
        "Outcome": cells.labels.get(cells.outcome, cells.outcome),
        "Formula": f"{cells.outcome} ~ {fit.formula} (logit; first level of each is the reference)",
        "Cells": f"{len(cells)}: {', '.join(cells.by)}",
        "People": f"{n:,.0f}; their weights add up to {people:,.0f}",
        "Variance": cells.variance,
        "Degrees of freedom": f"{cells.df:,.0f} of the design, {fit.df:,.0f} for coefficients",
    }
    frame = pd.DataFrame({"what": rows.keys(), "which": rows.values()})
    shown = frame.rename(columns={"what": "What", "which": "Which"})
    return Report(frame, "Design and model", (f"{evidence(cells.source)}.",), shown)


# -- other choices ----------------------------------------------------------------------------------------------------


def grid(
    cells: str | Path,
    others: Sequence[str | Path],
    people: str | Path,
    identities: Sequence[str],
    contrast: Mapping[str, Any],
    covariates: Mapping[str, Sequence[str]],
    trimmed: str | Path = "",
) -> Estimates:
    """One gap under all choices: from the people where a file of them is given, otherwise what sealed cells allow.

    Parameters
    ----------
    cells, others : path, sequence of path
        Sealed cells: with other covariates, or with other weights. Empty paths count as none.
    people : path
        A survey file that may be shown in this way, such as the synthetic stand-in, or empty.
    identities, contrast, covariates
        As for `trustlib.review.robustness`; sealed cells bring their own covariates.
    trimmed : path
        The committed ``trimmed.csv``, or empty: its rows of these cells stand beside those of sealed cells.
    """
    if not people:
        sets = [Cells.read(path) for path in (cells, *others) if path]
        gaps = robustness_of_cells(sets, identities, contrast)
        if not trimmed:
            return gaps
        return _with_rows(gaps, _committed(trimmed, Path(cells).stem))
    plan, name = _plan_of(cells)
    design = SurveyDesign(
        read_survey(people, plan.mapping), **declared_design(plan.mapping)
    )
    spec = plan.sets[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        chosen = design if spec.where is None else design.domain(spec.where)
        return robustness(
            chosen, spec.outcome, identities, contrast, covariates=covariates
        )


def trimmed_gaps(
    cells: str | Path,
    design: SurveyDesign,
    identities: Sequence[str],
    contrast: Mapping[str, Any],
) -> pd.DataFrame:
    """The gap of a dossier with trimmed weights, under each link and model: rows that may be committed.

    Parameters
    ----------
    cells : path
        The sealed cells of the dossier; their plan lies above their folder.
    design : SurveyDesign
        Of all people of the survey.
    identities, contrast
        As for `grid`.

    Returns
    -------
    DataFrame
        The columns of `trustlib.review.robustness`, after ``cells``, the name of the set.

    Raises
    ------
    DisclosureError
        A gap rests on fewer than 10 people.
    """
    plan, name = _plan_of(cells)
    spec = plan.sets[name]
    people = reweighted(people_of(spec, design), "trimmed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)  # counted in the flow
        trimmed = compress(people, spec.outcome, spec.by)
    gaps = robustness_of_cells([trimmed], identities, contrast)
    gaps.require_showable("This gap")
    frame = gaps.frame
    frame.insert(0, "cells", name)
    return frame


def _committed(path: str | Path, name: str) -> pd.DataFrame:
    """The rows of one set of cells in the committed ``trimmed.csv``."""
    hint = "Make it with `python -m trustbook.dossier`."
    every = csv_plains(
        pd.read_csv(require_file(path, "file of gaps with trimmed weights", hint))
    )
    rows = every[every["cells"] == name].drop(columns="cells")
    if rows.empty:
        text = f"{Path(path).name} has no gap with trimmed weights for {name}."
        raise RunError(text, hint)
    return rows


def _with_rows(gaps: Estimates, rows: pd.DataFrame) -> Estimates:
    """Specifications with further ones below, of the same people; their covariance is not known."""
    if list(rows) != list(gaps.frame):
        text = "The gaps with trimmed weights have other columns than the gaps beside them."
        raise RunError(text, "Make them again with `python -m trustbook.dossier`.")
    frame = pd.concat([gaps.frame, rows], ignore_index=True)
    variance = frame["std_error"].to_numpy() ** 2
    unknown = ~np.eye(len(frame), dtype=bool)
    # They passed the gate when they were made.
    smallest = np.r_[gaps.smallest, np.full(len(rows), MINIMUM)]
    return replace(
        gaps,
        _frame=frame,
        vcov=np.where(unknown, np.nan, np.diag(variance)),
        smallest=smallest,
    )


# -- scripts ----------------------------------------------------------------------------------------------------------


def results(fit: LogitFit, identities: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Everything the scripts print, by table, from this library.

    Raises
    ------
    DisclosureError
        A term, a group or a cell rests on fewer than 10 people.
    """
    cells, probabilities = fit.cells, predictions(fit, list(identities))
    terms, odds, gaps = (
        coefficients(fit),
        coefficients(fit, "odds_ratio"),
        comparisons(probabilities),
    )
    facts = {
        "people": cells.frame["n"].sum(),
        "design_df": cells.df,
        "coefficients": len(fit.coef),
    }
    out = {
        "model": pd.DataFrame([facts]),
        "coefficients": _columns(terms, [*BAND, "p_value"]),
        "odds_ratios": _columns(odds, BAND),
        "joint_tests": joint_tests(fit).reset_index()[TEST],
        "predictions": _columns(probabilities, BAND),
        "gaps": _columns(gaps, [*BAND, "p_value"]),
    }
    tests = []
    for what, by in (("risk", None), ("cells", list(cells.by))):
        out[f"calibration_{what}"] = _columns(
            calibration(fit, by),
            ["weighted", "predicted", "estimate", "std_error", "n"],
        )
        tests += _if_testable(lambda by=by: goodness_of_fit(fit, by))
    tests += _if_testable(lambda: link_test(fit))
    if tests:
        out["goodness_of_fit"] = TestResult.of(tests).reset_index()[TEST]
    return out | {"influence": influence_shares(fit)[["term", "cell"]]}


def _columns(estimates: Estimates, columns: list[str]) -> pd.DataFrame:
    estimates.require_showable("This part of the dossier")
    return estimates.frame[[*estimates.by, *columns]]


def _if_testable(test: Any) -> list[TestResult]:
    try:
        return [test()]
    except (EstimandError, FitError):
        return []


def as_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Tables as the scripts print them: a line with the name, a line of columns, comma-separated rows."""
    parts = []
    for name, table in tables.items():
        made = table.copy()
        for c in made:
            if pd.api.types.is_numeric_dtype(made[c]):
                made[c] = [f"{v:.10g}" for v in made[c]]
        parts.append(f"# {name}\n{made.to_csv(index=False, lineterminator=chr(10))}\n")
    return "".join(parts)


def read_text(text: str) -> dict[str, pd.DataFrame]:
    """The tables of `as_text`, or of what a script printed."""
    from io import StringIO

    parts = re.split(r"^# (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {
        name: pd.read_csv(StringIO(body))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


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
        The tables that both scripts print, and how many numbers each has. Two CSV files, ``tables/checks.csv`` and
        ``tables/joint_tests.csv``, hold what `trustlib.publish` does not take.

    Raises
    ------
    DisclosureError
        Something would rest on fewer than 10 people; nothing is written.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise RunError(
            f"{name[:100]!r} cannot be the name of a script.",
            "Use up to 100 letters, digits, - and _.",
        )
    plan, stem = _plan_of(cells)
    tables, sealed = results(fit, identities), fit.cells.seal()
    common = (R / "common.R").read_text(encoding="utf-8")
    told = {
        "title": r_comment(title),
        "name": name,
        "common": common,
        "evidence": r_comment(f"{evidence(sealed.source)}."),
        "outcome": r_comment(sealed.labels.get(sealed.outcome, sealed.outcome)),
        "variance": r_comment(sealed.variance),
        "df": f"{sealed.df:g}",
        "facts": _facts(fit, identities, tables),
    }
    scripts = {
        f"{name}-cells.R": _filled("cells.R", told | _numbers(sealed)),
        f"{name}-people.R": _filled("people.R", told | _recodes(fit, plan, stem)),
        f"{name}-expected.txt": as_text(tables),
    }
    folder = Path(os.environ.get("TRUSTLIB_RUN_FOLDER", "."))
    with write_together([folder / "scripts" / file for file in scripts]) as places:
        for place, text in zip(places, scripts.values(), strict=True):
            place.write_text(text, encoding="utf-8")
    facts = {
        "kind": "check",
        "outcome": sealed.outcome,
        "by": [],
        "source": sealed.source,
    }
    facts["convention"] = f"{sealed.variance}; tests of the model: {fit.formula}"
    for table, frame in (
        ("checks", checks(fit).frame),
        ("joint_tests", tables["joint_tests"]),
    ):
        frame = frame.assign(evidence=sealed.source.get("kind"))
        path = folder / "tables" / f"{table}.csv"
        with write_together([path.with_suffix(".json"), path]) as (about, numbers):
            about.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
            csv_cells(frame).to_csv(numbers, index=False, lineterminator="\n")
    frame = pd.DataFrame(
        {"table": tables.keys(), "rows": [len(t) for t in tables.values()]}
    )
    frame["numbers"] = [t.select_dtypes("number").size for t in tables.values()]
    shown = frame.rename(columns=str.capitalize)
    return Report(
        frame, "What both scripts print", (f"{evidence(sealed.source)}.",), shown
    )


def _filled(template: str, told: Mapping[str, str]) -> str:
    """A script with its ``@{name}`` filled in; each text is written for its place before."""
    text = (R / template).read_text(encoding="utf-8")
    return re.sub(r"@\{(\w+)\}", lambda found: told[found[1]], text)


def _vector(values: Iterable[Any]) -> str:
    return f"c({', '.join(map(r_string, values))})"


def _list(named: Mapping[str, str]) -> str:
    return (
        "list("
        + ",\n  ".join(f"{r_name(name)} = {value}" for name, value in named.items())
        + ")"
    )


def _formula(fit: LogitFit) -> str:
    """The formula of a model in R, which may hold the names of the cells, numbers, signs, C() and I() only."""
    left = fit.formula
    for name in sorted(fit.cells.by, key=len, reverse=True):
        left = re.sub(rf"`{re.escape(name)}`|\b{re.escape(name)}\b", "", left)
    if re.search(r"[^\s\d.+*:()^<>=!~-]", re.sub(r"\b[CI]\(", "(", left)):
        raise RunError(
            f"The script cannot say this formula in R: {r_comment(fit.formula)[:200]}.",
            "Use + * : ( ), numbers and the names of the cells.",
        )
    return r_comment(fit.formula)


def _facts(
    fit: LogitFit, identities: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> str:
    """The model in R: levels in order, formula, names of coefficients, sets of the joint tests."""
    levels = {c: _vector(fit.cells.frame[c].cat.categories) for c in fit.cells.by}
    of_term = {
        str(term): list(fit.coef.index[at])
        for term, at in fit.spec.term_indices.items()
    }
    joint = {}
    for name in dict.fromkeys(tables["joint_tests"]["term"]):
        axis = name.removesuffix(", all terms")
        inside = [
            t for t in of_term if (axis in t.split(":") if axis != name else t == name)
        ]
        joint[name] = _vector(term for t in inside for term in of_term[t])
    link = (
        "goodness_of_fit" in tables
        and tables["goodness_of_fit"]["term"].str.contains("link test").any()
    )
    return "\n".join([
        f"model <- ~ {_formula(fit)}",
        f"levels_of <- {_list(levels)}",
        f"identities <- {_vector(identities)}",
        f"term_names <- {_vector(fit.coef.index)}",
        f"joint <- {_list(joint)}",
        f"link_is_tested <- {str(bool(link)).upper()}  # a model that meets every prediction fits any link",
    ])  # fmt: skip


def _numbers(sealed: Cells) -> dict[str, str]:
    """The totals of the cells and the lower triangle of their covariance, in full precision."""
    columns = [*sealed.by, "n", "sum_w", "sum_wy"]
    matrix = sealed.scatter.covariance(np.eye(2 * len(sealed)))
    lower = [" ".join(f"{v:.17g}" for v in matrix[j:, j]) for j in range(len(matrix))]
    text = sealed.frame[columns].to_csv(
        index=False, lineterminator="\n", float_format="%.17g"
    )
    return {"cells": r_string(text, lines=True), "covariance": "\n".join(lower)}


def _recodes(fit: LogitFit, plan: CellPlan, stem: str) -> dict[str, str]:
    """The mapping, the design and the people of a set of cells, in R."""
    form, codebook = load_mapping(plan.mapping)
    design, spec = form.design, plan.sets[stem]
    known = [c for c in spec.known if c not in fit.cells.by]
    parts = re.findall(r"(\w+) (==|!=|in) ('[^']*'|\[[^]]*\])", spec.where or "")
    if " and ".join(" ".join(part) for part in parts) != (spec.where or ""):
        hint = "Use ==, != and in, joined by and."
        raise RunError(
            f"The script cannot say in R who is in {stem!r}: {spec.where}.", hint
        )
    where = [_condition(*part) for part in parts]
    lines = []
    for name in dict.fromkeys(
        [fit.cells.outcome, *fit.cells.by, *known, *(name for name, *_ in parts)]
    ):
        rule, target = form.variables[name], "y" if name == fit.cells.outcome else name
        levels = rule.levels or codebook[name].levels or ["0", "1"]
        made = []
        for part in rule.parts:
            values = (
                part.values
                if part.values is not None
                else {level: level for level in levels}
            )
            pairs = ", ".join(
                f"{r_string(answer)} = {r_string(value)}"
                for answer, value in values.items()
            )
            made.append(f"recode({r_string(part.column or name)}, c({pairs}))")
        several = f"any_of(list({f',{NEXT}'.join(made)}), {r_string(levels[-1])})"
        own = f"people${r_name(target)}"
        lines.append(f"{own} <- {several if rule.any_of else made[0]}")
        if rule.missing_as is not None:
            lines.append(f"{own}[is.na({own})] <- {r_string(rule.missing_as)}")
    columns = {"weight": design.weight, "stratum": design.strata, "psu": design.psu}
    lines += [
        f"people${own} <- raw[[{r_string(column)}]]"
        for own, column in columns.items()
        if column
    ]
    lines += [
        "people$weight <- as.numeric(people$weight)"
        if design.weight
        else "people$weight <- 1"
    ]
    strata = "strata = ~stratum, " if design.strata else ""
    ids, nest = ("psu" if design.psu else "1"), str(bool(design.nest)).upper()
    return {
        "recodes": "\n".join(lines),
        "design": f"design <- svydesign(ids = ~{ids}, {strata}weights = ~weight, nest = {nest}, data = people)",
        "known": "".join(f", {r_string(c)}" for c in known),
        "where": "".join(f" & people${each}" for each in where),
        "lonely": design.lonely_psu or "fail",
        "file": r_comment(
            f"{Path(form.file or '').name}, as comma-separated values: {fit.cells.source.get('label', '')}"
        ),
    }


def _condition(name: str, sign: str, value: str) -> str:
    """One comparison of a condition in R."""
    given = ast.literal_eval(value)
    if sign == "in":
        return f"{r_name(name)} %in% {_vector(given)}"
    return f"{r_name(name)} {sign} {r_string(given)}"


def _main(plan_file: str, survey: str, runs: str = "notebooks/runs.yml") -> None:
    """Write ``flow.csv`` and ``trimmed.csv`` of the dossiers whose cells belong to a plan."""
    folder = Path(plan_file).parent
    plan = load_cell_plan(plan_file)
    design = SurveyDesign(
        read_survey(survey, plan.mapping), **declared_design(plan.mapping)
    )
    gaps = []
    names = []
    (folder / "trimmed.csv").touch()  # a plan names only files that exist
    for run in load_plan(runs):
        given = run.parameters
        if run.template.stem != "review":
            continue
        cells = (run.template.parent / given["cells"]).resolve()
        if cells.parents[1] != folder.resolve():
            continue
        names.append(cells.stem)
        if given["trimmed"]:
            gaps.append(
                trimmed_gaps(cells, design, given["identities"], given["contrast"])
            )
    people = csv_cells(flows(plan, survey, names))
    with write_whole(folder / "flow.csv") as temporary:
        people.to_csv(temporary, index=False, lineterminator="\n")
    if gaps:
        with write_whole(folder / "trimmed.csv") as temporary:
            csv_cells(pd.concat(gaps)).to_csv(
                temporary, index=False, lineterminator="\n", float_format="%.6g"
            )


if __name__ == "__main__":
    _main(*sys.argv[1:])
