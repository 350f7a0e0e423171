"""Estimates as tables for readers, and as CSV files for reuse. Both pass the disclosure gate first."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from trustlib.disclosure import EVIDENCE
from trustlib.errors import (
    DisclosureError,
    EstimandError,
    SurveyFileError,
    one_line,
    require_a,
)
from trustlib.escaping import csv_cells, visible
from trustlib.estimates import Estimates
from trustlib.significance import TestResult
from trustlib.writing import write_together

MEASURE_NAMES = {
    "interaction_contrast": "Interaction contrast (points)",
    "reri_rr": "Relative excess risk (RERI), from risk ratios",
    "ap": "Attributable proportion (AP), from risk ratios",
    "synergy": "Synergy index (S), from risk ratios",
    "ratio_of_rr": "Ratio of risk ratios",
    "reri_or": "RERI from odds ratios",
    "ap_or": "AP from odds ratios",
    "synergy_or": "S from odds ratios",
    "ratio_of_or": "Ratio of odds ratios",
    "vpc": "Variance partition coefficient (VPC)",
    "mor": "Median odds ratio (MOR)",
    "pcv": "Proportional change in variance (PCV)",
}
HEADINGS = {
    "level": "Percent",
    "difference": "Gap (points)",
    "ratio": "Ratio",
    "odds_ratio": "Odds ratio",
    "coefficient": "Log odds",
    "interaction": "Estimate",
    "multilevel": "Estimate",
}
# Columns that some verbs add: heading, factor, and how a value is printed; tau2 is shown as its root.
BESIDE = {
    "raw": ("As counted", 100, ".1f"),
    "weighted": ("As weighted", 100, ".1f"),
    "additive": ("Additive part", 100, ".1f"),
    "detectable": ("Detectable", 100, ".1f"),
    "reliability": ("Reliability", 1, ""),
    "fmi": ("Missing information, %", 100, ".0f"),
    "k": ("Number pooled", 1, ".0f"),
    "tau2": ("SD between", 100, ".1f"),
    "i2": ("I², %", 100, ".0f"),
    "q_p": ("p of heterogeneity", 1, ".3f"),
    "prediction_low": ("Prediction from", 100, ".1f"),
    "prediction_high": ("to", 100, ".1f"),
    "n_eff": ("Effective people", 1, ",.0f"),
}
_PERCENT = ("level", "difference")
UNDEFINED = "–"  # in place of a number that is not defined
INTERVAL, BOTH = "95\N{NO-BREAK SPACE}% interval", "People, both groups"
_NUMBERS = {*HEADINGS.values(), *(name for name, *_ in BESIDE.values())}
_NUMBERS |= {
    INTERVAL,
    "p",
    "p (Holm)",
    "p (Benjamini-Hochberg)",
    "People",
    BOTH,
    "F",
    "df",
    "df of the denominator",
}


def evidence(source: Mapping[str, Any]) -> str:
    """What kind of evidence this is, for every table and figure."""
    kind = EVIDENCE.get(str(source.get("kind")), "Source not stated")
    return f"{kind}: {visible(source['label'])}" if source.get("label") else kind


def number(value: float, kind: str, measure: str | None = None) -> str:
    """An estimate as it is printed: percent and points with one decimal, ratios with two, gaps with their sign."""
    if not np.isfinite(value):
        return UNDEFINED
    points = kind in _PERCENT or measure == "interaction_contrast"
    signed = kind == "difference" or measure in (
        "interaction_contrast",
        "reri_rr",
        "reri_or",
        "ap",
        "ap_or",
    )
    text = (
        f"{100 * value:{'+' if signed else ''}.1f}"
        if points
        else f"{value:{'+' if signed else ''}.2f}"
    )
    return (
        text.replace("-", "−") if text.strip("+-0.") else text.lstrip("+-")
    )  # zero, once rounded, has no sign


def _p_value(p: float) -> str:
    return UNDEFINED if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def readable(estimates: Estimates) -> pd.DataFrame:
    """Estimates as texts with readable headings, for `table` and for figures; passes the gate.

    Raises
    ------
    DisclosureError
    """
    estimates = _showable(estimates, "This table")
    frame, kind = estimates.frame, estimates.kind
    measure = frame["measure"] if "measure" in frame else pd.Series([None] * len(frame))
    out = pd.DataFrame(index=frame.index)
    for c in estimates.by:
        if c == "measure":
            out["Measure"] = measure.map(lambda m: MEASURE_NAMES.get(m, m))
        elif c == "axis":
            out["Axis"] = frame[c].map(
                lambda axes: ", ".join(
                    heading(a, estimates.labels) for a in axes.split(", ")
                )
            )
        elif c == "term":
            out["Term"] = frame[c].map(_term)
        else:
            name = heading(c, estimates.labels)
            taken = {
                *out,
                *HEADINGS.values(),
                *_NUMBERS,
                "Measure",
                "Axis",
                "Compared with",
            }
            out[f"{name} ({c})" if name in taken else name] = frame[c].map(visible)
    if "reference" in frame:
        out["Compared with"] = frame["reference"].map(visible).replace("", UNDEFINED)
    cells = list(
        zip(
            frame["estimate"],
            frame["conf_low"],
            frame["conf_high"],
            measure,
            strict=True,
        )
    )
    out[HEADINGS[kind]] = [number(e, kind, m) for e, _, _, m in cells]
    out[INTERVAL] = [
        f"{number(low, kind, m)} to {number(high, kind, m)}"
        if np.isfinite([low, high]).any()
        else UNDEFINED
        for _, low, high, m in cells
    ]
    if frame["p_value"].notna().any():
        adjusted = re.search(
            r"p adjusted for \d+ tests \((.*?)\)", estimates.convention
        )
        out[f"p ({adjusted[1]})" if adjusted else "p"] = frame["p_value"].map(_p_value)
    beside = [
        c
        for c in BESIDE
        if c in frame and c not in estimates.by and frame[c].notna().any()
    ]
    for c in (c for c in beside if c != "n_eff" or kind == "level"):
        name, factor, form = BESIDE[c]
        if (
            kind not in (*_PERCENT, "coefficient")
            and factor == 100
            and c not in ("i2", "fmi")
        ):
            factor, form = 1, ".2f"
        values = frame[c] ** 0.5 if c == "tau2" else frame[c]
        out[name] = [_beside(v, factor, form) for v in values]
    pairs = "reference" in frame and not {"term", "measure"} & {*estimates.by}
    out[BOTH if pairs else "People"] = frame["n"].map("{:,.0f}".format)
    return out


def _beside(value: Any, factor: int, form: str) -> str:
    """A number of a further column as it is printed; a text as it is."""
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return UNDEFINED
    return format(factor * value, f"z{form}").replace("-", "−")


def _undefined(estimates: Estimates) -> list[str]:
    """What a dash in place of a number means, if there is one and nothing says it yet."""
    told = any(note.startswith("A dash marks") for note in estimates.notes)
    numbers = estimates.frame[["estimate", "conf_low", "conf_high"]].to_numpy(float)
    if told or np.isfinite(numbers).all():
        return []
    return [
        "A dash marks what is not defined here, such as an interval without degrees of freedom or at 0 or 100 %."
    ]


_NAME = r"(?:`(?:[^`]|``)*`|[^\[\]:`])+"
_PART = re.compile(
    rf"({_NAME}(?:\[(?!T\.)[^\[\]]*\])?)(?:\[T\.(.*?)\](?=$|:{_NAME}(?:[\[:]|$)))?:?",
    re.DOTALL,
)


def _term(name: str) -> str:
    """``gender[T.woman]:ethnicity[T.minority]`` as ``gender: woman × ethnicity: minority``; a level has any sign."""
    name = visible(name)
    parts = []
    at = 0
    while found := _PART.match(name, at):
        level = found[2]
        parts.append(found[1] if level is None else f"{found[1]}: {level}")
        at = found.end()
    return " × ".join(parts) if at == len(name) else name


def _condense(shown: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Say once, below the table, what is the same in every row."""
    texts = [c for c in shown if c not in _NUMBERS]
    same = [c for c in texts if len(shown) > 1 and shown[c].nunique() == 1]
    if len(same) == len(texts):
        return shown, []
    notes = (
        [f"In every row: {'; '.join(f'{c}: {shown[c].iloc[0]}' for c in same)}."]
        if same
        else []
    )
    return shown.drop(columns=same), notes


def _showable(estimates: Estimates, what: str) -> Estimates:
    """The estimates as they may be shown; refuses what is not Estimates, is empty or does not pass the gate."""
    require_a(
        Estimates,
        estimates,
        "Give the result of cell_means, predictions, comparisons or interactions.",
    )
    if not len(estimates):
        raise EstimandError(
            "There are no rows to show.",
            "The condition that chose them holds for none.",
        )
    return estimates.showable(what)


def heading(column: str, labels: dict) -> str:
    """Heading of an axis: its label, or its name in plain words."""
    own = visible(labels.get(column) or "")
    return own or visible(column.replace("_", " ").capitalize())


TEST_COLUMNS = {
    "rule": "Rule", "term": "Term", "statistic": "F", "df_num": "df", "df_den": "df of the denominator", "p_value": "p",
}  # fmt: skip
RULES = {
    "wald": "Wald F, as R's regTermTest", "adjusted": "Adjusted F, as Stata's test",
    "rao_scott": "Rao-Scott F, as R's svychisq",
}  # fmt: skip


def _refuse_frame(frame: pd.DataFrame) -> NoReturn:
    """Say why a frame is not shown, of tests or of anything else."""
    columns = list(frame.reset_index())
    if columns != list(TEST_COLUMNS):
        raise EstimandError(
            "A table is made of Estimates or of a term test, not of a frame with the "
            f"columns {columns}.",
            "Give the Estimates themselves: their frame would not pass the disclosure gate.",
        )
    raise DisclosureError(
        "These tests are not shown: the frame does not say on how many people they rest.",
        "Show each as its verb returned it, or several as TestResult.of puts them together.",
    )


def _readable_test(test: TestResult) -> pd.DataFrame:
    """The result of a test as texts; the cells that it compares pass the gate."""
    test.require_showable("This test")
    frame = test.reset_index()
    frame["rule"] = frame["rule"].map(RULES)
    frame["term"] = frame["term"].map(visible)
    frame["statistic"] = frame["statistic"].map("{:.2f}".format)
    frame[["df_num", "df_den"]] = frame[["df_num", "df_den"]].map("{:.6g}".format)
    frame["p_value"] = frame["p_value"].map(_p_value)
    return frame.rename(columns=TEST_COLUMNS).astype(str)


@dataclass(frozen=True, repr=False)
class Table:
    """A table for readers; shown as HTML in notebooks and named by its title elsewhere.

    Attributes
    ----------
    gt : great_tables.GT
        For those who want to style it further.
    title : str
    """

    gt: Any
    title: str

    def as_raw_html(self, **options: Any) -> str:
        """The table as HTML; the options are those of `great_tables.GT.as_raw_html`."""
        return self.gt.as_raw_html(**options)

    def _repr_html_(self) -> str:
        return self.as_raw_html()

    def __repr__(self) -> str:
        return f"Table: {self.title}"


def table(estimates: Estimates | TestResult, title: str | None = None) -> Table:
    """A table for readers, with its convention and the kind of evidence below it.

    Parameters
    ----------
    estimates : Estimates, or the tests that `LogitFit.term_test`, `joint_test` or `rao_scott` returns
    title : str, optional
        By default the outcome's label.

    Returns
    -------
    Table
        Made with great_tables.

    Raises
    ------
    DisclosureError
        A row, or a cell that a test compares, rests on fewer than 10 people; or what is given is the frame of some
        tests, which does not say on how many.
    EstimandError
        What is given is something else, or has no rows.
    """
    from great_tables import GT

    title = None if title is None else visible(title)
    if isinstance(estimates, pd.DataFrame):
        _refuse_frame(estimates)
    if isinstance(estimates, TestResult):
        shown = _readable_test(estimates)
        notes = [evidence(estimates.source), *estimates.notes]
        title = title or "Wald test"
    else:
        estimates = _showable(estimates, "This table")
        shown, same = _condense(readable(estimates))
        title = title or heading(estimates.outcome, estimates.labels)
        notes = [
            *same,
            evidence(estimates.source),
            *estimates.notes,
            *_undefined(estimates),
            f"Convention: {estimates.convention}.",
        ]
    name = hashlib.sha256((title + shown.to_csv()).encode()).hexdigest()[:8]
    texts = [c for c in shown if c not in _NUMBERS]
    built = GT(
        shown, id=f"table-{name}", rowname_col=texts[0] if texts else None
    ).tab_header(title=title)
    if texts:
        built = built.tab_stubhead(texts[0]).cols_align("left", columns=texts[1:])
    built = built.cols_align("right", columns=[c for c in shown if c in _NUMBERS])
    for note in notes:
        built = built.tab_source_note(note)
    built = built.tab_options(
        table_width="100%", table_font_size="0.9em", heading_align="left", heading_title_font_size="1em",
        heading_title_font_weight="bold", source_notes_font_size="0.85em",
    )  # fmt: skip
    return Table(built, title)


def publish(estimates: Estimates, name: str, folder: str | Path | None = None) -> Path:
    """Write estimates as ``<name>.csv``, with what they are in ``<name>.json`` beside it.

    Parameters
    ----------
    estimates : Estimates
    name : str
        Letters, digits, - and _.
    folder : path, optional
        By default ``tables`` in the folder of the run (TRUSTLIB_RUN_FOLDER), else in the current folder.

    Returns
    -------
    Path
        The CSV file. Numbers have full precision; probabilities are on the scale 0 to 1. The last column, ``evidence``,
        says in each row whether the data are real, supplied or synthetic. A text that a spreadsheet would
        compute has an apostrophe before it, see `trustlib.escaping.csv_cell`.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people; nothing is written.
    EstimandError
        The name cannot be a file name, or what is given are no Estimates or has no rows.
    SurveyFileError
        The folder cannot be written to.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise EstimandError(
            f"{str(name)[:100]!r} cannot be a file name.",
            "Use up to 100 letters, digits, - and _.",
        )
    estimates = _showable(estimates, f"Table {name!r}")
    facts = {
        name: getattr(estimates, name)
        for name in ("kind", "outcome", "by", "source", "convention")
    }
    about = json.dumps(facts, indent=1, sort_keys=True, default=str) + "\n"
    try:
        path = (
            Path(folder or Path(os.environ.get("TRUSTLIB_RUN_FOLDER", ".")) / "tables")
            / f"{name}.csv"
        )
        # What the table is takes its place first: there is no table without it.
        with write_together([path.with_suffix(".json"), path]) as (told, numbers):
            told.write_text(about, encoding="utf-8")
            frame = estimates.frame.assign(evidence=estimates.source.get("kind"))
            csv_cells(frame).to_csv(numbers, index=False, lineterminator="\n")
    except TypeError as error:
        raise SurveyFileError(
            f"{name}.csv cannot be written: {one_line(error)}", "Choose another folder."
        ) from error
    return path
