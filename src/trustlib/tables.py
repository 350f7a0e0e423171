"""Estimates as tables for readers, and as CSV files for reuse.

`table` and `publish` pass the disclosure gate first, and say beside every number by
which convention it was made and what kind of evidence it is. `readable` is what tables
and figures have in common: each row of the estimates as texts.
"""

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

from trustlib.errors import (
    DisclosureError,
    EstimandError,
    SurveyFileError,
    one_line,
    require_a,
)
from trustlib.escaping import csv_cells, visible
from trustlib.estimates import Estimates
from trustlib.scales import MEASURES, SCALES, scale_of
from trustlib.significance import TestResult
from trustlib.sources import Source
from trustlib.writing import write_together


@dataclass(frozen=True)
class _Beside:
    """A column that some verbs add to the estimates, as readers see it.

    Attributes
    ----------
    column : str
        In the frame of the estimates.
    heading : str
    factor : int
        By what a number is multiplied.
    form : str
        How it is printed then.
    as_estimate : bool
        Whether it is on the scale of the estimate: of a ratio it is no percentage.
    """

    column: str
    heading: str
    factor: int = 100
    form: str = ".1f"
    as_estimate: bool = True


# In the order of the table; tau2 is shown as its root.
BESIDE = (
    _Beside("raw", "As counted"),
    _Beside("weighted", "As weighted"),
    _Beside("additive", "Additive part"),
    _Beside("detectable", "Detectable"),
    _Beside("as_no", "Don't know as no"),
    _Beside("reference_outside", "Reference, outside"),
    _Beside("group_outside", "Group, outside"),
    _Beside("corrected", "Panel less bias"),
    _Beside("truth", "Supposed truth"),
    _Beside("defect", "Data defect correlation", 1, ".5f", as_estimate=False),
    _Beside("worth", "As good a random sample", 1, ",.0f", as_estimate=False),
    _Beside("possible", "Possible", 1, "", as_estimate=False),
    _Beside("reliability", "Reliability", 1, "", as_estimate=False),
    _Beside("fmi", "Missing information, %", form=".0f", as_estimate=False),
    _Beside("k", "Number pooled", 1, ".0f", as_estimate=False),
    _Beside("tau2", "SD between"),
    _Beside("i2", "I², %", form=".0f", as_estimate=False),
    _Beside("q_p", "p of heterogeneity", 1, ".3f", as_estimate=False),
    _Beside("prediction_low", "Prediction from"),
    _Beside("prediction_high", "to"),
    _Beside("n_eff", "Effective people", 1, ",.0f", as_estimate=False),
)
UNDEFINED = "–"  # in place of a number that is not defined
MINUS = "−"
INTERVAL = "95\N{NO-BREAK SPACE}% interval"
BOTH = "People, both groups"
_NUMBERS = {scale.heading for scale in SCALES.values()}
_NUMBERS |= {beside.heading for beside in BESIDE}
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
# No axis is headed like a column that the table has anyway.
_TAKEN = _NUMBERS | {"Measure", "Axis", "Compared with"}
_ADJUSTED = re.compile(r"p adjusted for \d+ tests \((.*?)\)")


def evidence(source: Mapping[str, Any]) -> str:
    """What kind of evidence this is, for every table and figure.

    Parameters
    ----------
    source : mapping
        `Estimates.source`.

    Returns
    -------
    str

    Examples
    --------
    >>> evidence({"kind": "real", "label": "Some survey, 2022"})
    'Real people: Some survey, 2022'
    >>> evidence({})
    'Source not stated'
    """
    stated = Source.of(source)
    if not stated.label:
        return stated.evidence
    return f"{stated.evidence}: {visible(stated.label)}"


def number(value: float, kind: str, measure: str | None = None) -> str:
    """An estimate as it is printed, in the unit of its scale.

    Parameters
    ----------
    value : float
        On the scale of `Estimates.frame`: a probability, not a percentage.
    kind : str
        `Estimates.kind`.
    measure : str, optional
        Of an interaction, see `trustlib.scales`.

    Returns
    -------
    str
        Percent and points with one decimal, ratios with two, gaps with their sign.
        Zero, once it is rounded, has no sign.

    Examples
    --------
    >>> number(0.1234, "level"), number(0.1234, "difference"), number(1.5, "ratio")
    ('12.3', '+12.3', '1.50')
    >>> number(-0.0004, "difference"), number(float("nan"), "level")
    ('0.0', '–')
    """
    if not np.isfinite(value):
        return UNDEFINED
    scale = scale_of(kind, measure)
    sign = ""
    if scale.signed:
        sign = "+"
    text = format(scale.factor * value, f"{sign}.{scale.digits}f")
    if scale.whole:
        text = format(value, ",.0f")
    rounds_to_zero = not text.strip("+-0.")
    if rounds_to_zero:
        return text.lstrip("+-")
    return text.replace("-", MINUS)


def _p_value(p: float) -> str:
    if pd.isna(p):
        return UNDEFINED
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}"


def readable(estimates: Estimates) -> pd.DataFrame:
    """Estimates as texts with readable headings, for `table` and for figures.

    Parameters
    ----------
    estimates : Estimates

    Returns
    -------
    DataFrame
        One row for each row of the estimates: first the by-columns, last the people.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given are no Estimates, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> readable(tl.cell_means(cells))[["Group", "Percent", "People"]].values.tolist()
    [['a', '25.0', '40'], ['b', '50.0', '40']]
    """
    estimates = _showable(estimates, "This table")
    frame = estimates.frame
    columns = _axis_columns(estimates, frame)
    if "reference" in frame:
        reference = frame["reference"].map(visible)
        columns["Compared with"] = reference.replace("", UNDEFINED)
    columns.update(_value_columns(estimates.kind, frame))
    if frame["p_value"].notna().any():
        adjusted = _ADJUSTED.search(estimates.convention)
        name = "p" if adjusted is None else f"p ({adjusted[1]})"
        columns[name] = frame["p_value"].map(_p_value)
    for beside in BESIDE:
        if _stands_beside(beside, estimates, frame):
            columns[beside.heading] = _beside_texts(beside, estimates.kind, frame)
    people = "People"
    if "reference" in frame and not {"term", "measure"} & set(estimates.by):
        people = BOTH
    columns[people] = frame["n"].map("{:,.0f}".format)
    return pd.DataFrame(columns, index=frame.index)


def _axis_columns(estimates: Estimates, frame: pd.DataFrame) -> dict[str, Any]:
    """The by-columns as readers see them, by heading."""
    labels = estimates.labels
    columns: dict[str, Any] = {}
    for column in estimates.by:
        if column == "measure":
            columns["Measure"] = frame[column].map(_measure)
        elif column == "axis":
            columns["Axis"] = frame[column].map(lambda axes: _axes(axes, labels))
        elif column == "term":
            columns["Term"] = frame[column].map(_term)
        else:
            name = heading(column, labels)
            if name in _TAKEN or name in columns:
                name = f"{name} ({column})"
            columns[name] = frame[column].map(visible)
    return columns


def _measure(name: Any) -> Any:
    """A measure of interaction by its heading; what is none by its own name."""
    if name not in MEASURES:
        return name
    return MEASURES[name].heading


def _axes(axes: str, labels: dict) -> str:
    """The heading of an axis, or of several: ``gender, lgbtq``."""
    headings = [heading(axis, labels) for axis in axes.split(", ")]
    return ", ".join(headings)


def _value_columns(kind: str, frame: pd.DataFrame) -> dict[str, list[str]]:
    """The estimates and their intervals, by heading."""
    measures: list = [None] * len(frame)
    if "measure" in frame:
        measures = frame["measure"].tolist()
    rows = zip(
        frame["estimate"],
        frame["conf_low"],
        frame["conf_high"],
        measures,
        strict=True,
    )
    values = []
    intervals = []
    for value, low, high, measure in rows:
        values.append(number(value, kind, measure))
        intervals.append(_interval(low, high, kind, measure))
    return {scale_of(kind).heading: values, INTERVAL: intervals}


def _interval(low: float, high: float, kind: str, measure: str | None) -> str:
    """An interval as it is printed; a dash where neither end is defined."""
    if not np.isfinite([low, high]).any():
        return UNDEFINED
    return f"{number(low, kind, measure)} to {number(high, kind, measure)}"


def _stands_beside(beside: _Beside, estimates: Estimates, frame: pd.DataFrame) -> bool:
    """Whether a further column is there, and says something of these estimates."""
    name = beside.column
    if name not in frame or name in estimates.by:
        return False
    if name == "n_eff" and estimates.kind != "level":
        return False
    return bool(frame[name].notna().any())


def _beside_texts(beside: _Beside, kind: str, frame: pd.DataFrame) -> list[str]:
    """A further column as it is printed: that of a ratio is a ratio too."""
    factor = beside.factor
    form = beside.form
    in_percent = scale_of(kind).factor == 100 or kind == "coefficient"
    if beside.as_estimate and not in_percent:
        factor = 1
        form = ".2f"
    values = frame[beside.column]
    if beside.column == "tau2":
        values = values**0.5
    return [_beside(value, factor, form) for value in values]


def _beside(value: Any, factor: int, form: str) -> str:
    """A number of a further column as it is printed; a text as it is."""
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return UNDEFINED
    return format(factor * value, f"z{form}").replace("-", MINUS)


def _undefined(estimates: Estimates) -> list[str]:
    """What a dash in place of a number means, if there is one and no note says it."""
    explained = any(note.startswith("A dash marks") for note in estimates.notes)
    numbers = estimates.frame[["estimate", "conf_low", "conf_high"]].to_numpy(float)
    if explained or np.isfinite(numbers).all():
        return []
    return [
        "A dash marks what is not defined here, such as an interval without degrees of "
        "freedom or at 0 or 100 %."
    ]


_NAME = r"(?:`(?:[^`]|``)*`|[^\[\]:`])+"
_PART = re.compile(
    rf"({_NAME}(?:\[(?!T\.)[^\[\]]*\])?)(?:\[T\.(.*?)\](?=$|:{_NAME}(?:[\[:]|$)))?:?",
    re.DOTALL,
)


def _term(name: str) -> str:
    """``gender[T.woman]:lgbtq[T.yes]`` as ``gender: woman × lgbtq: yes``.

    A level may hold any sign; a name that is no term stays as it is.
    """
    name = visible(name)
    parts = []
    at = 0
    while at < len(name):
        part = _PART.match(name, at)
        if part is None:
            return name
        axis, level = part.groups()
        if level is None:
            parts.append(axis)
        else:
            parts.append(f"{axis}: {level}")
        at = part.end()
    return " × ".join(parts)


def _condense(shown: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Say once, below the table, what is the same in every row."""
    texts = [column for column in shown if column not in _NUMBERS]
    same = []
    if len(shown) > 1:
        same = [column for column in texts if shown[column].nunique() == 1]
    if not same or len(same) == len(texts):
        return shown, []
    facts = "; ".join(f"{column}: {shown[column].iloc[0]}" for column in same)
    return shown.drop(columns=same), [f"In every row: {facts}."]


def _showable(estimates: Estimates, what: str) -> Estimates:
    """The estimates as they may be shown.

    Refuses what is not Estimates, is empty or does not pass the gate.
    """
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
    """Heading of an axis: its label, or its name in plain words.

    Parameters
    ----------
    column : str
    labels : dict
        `Estimates.labels`.

    Returns
    -------
    str

    Examples
    --------
    >>> heading("lgbtq", {"lgbtq": "LGBTQ+"}), heading("age_band", {})
    ('LGBTQ+', 'Age band')
    """
    own = visible(labels.get(column) or "")
    if own:
        return own
    return visible(column.replace("_", " ").capitalize())


TEST_COLUMNS = {
    "rule": "Rule",
    "term": "Term",
    "statistic": "F",
    "df_num": "df",
    "df_den": "df of the denominator",
    "p_value": "p",
}
RULES = {
    "wald": "Wald F, as R's regTermTest",
    "adjusted": "Adjusted F, as Stata's test",
    "rao_scott": "Rao-Scott F, as R's svychisq",
}


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
    """The result of a test, which passed the gate, as texts."""
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

    Examples
    --------
    >>> Table(gt=None, title="Trust damaged")
    Table: Trust damaged
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


@dataclass(frozen=True)
class _Content:
    """What a table holds, before it is set."""

    title: str
    shown: pd.DataFrame
    notes: list[str]


def table(estimates: Estimates | TestResult, title: str | None = None) -> Table:
    """A table for readers, with its convention and the kind of evidence below it.

    Parameters
    ----------
    estimates : Estimates or TestResult
        A test is one that `LogitFit.term_test`, `joint_test` or `rao_scott` returns.
    title : str, optional
        By default the outcome's label.

    Returns
    -------
    Table
        Made with great_tables.

    Raises
    ------
    DisclosureError
        A row, or a cell that a test compares, rests on fewer than 10 people; or what is
        given is the frame of some tests, which does not say on how many.
    EstimandError
        What is given is something else, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> shown = table(tl.cell_means(cells), title="Who says yes")
    >>> shown
    Table: Who says yes
    >>> "25.0" in shown.as_raw_html()
    True
    """
    if title is not None:
        title = visible(title)
    content = _content(estimates, title)
    return Table(_set(content), content.title)


def _content(shown: Estimates | TestResult, title: str | None) -> _Content:
    """What a table holds."""
    if isinstance(shown, pd.DataFrame):
        _refuse_frame(shown)
    if isinstance(shown, TestResult):
        return _of_test(shown, title)
    return _of_estimates(shown, title)


def _of_test(test: TestResult, title: str | None) -> _Content:
    """What the table of a test holds; the cells that it compares pass the gate."""
    test = test.showable()
    return _Content(
        title=title or "Wald test",
        shown=_readable_test(test),
        notes=[evidence(test.source), *test.notes],
    )


def _of_estimates(estimates: Estimates, title: str | None) -> _Content:
    """What the table of some estimates holds."""
    estimates = _showable(estimates, "This table")
    shown, same = _condense(readable(estimates))
    notes = [
        *same,
        evidence(estimates.source),
        *estimates.notes,
        *_undefined(estimates),
        f"Convention: {estimates.convention}.",
    ]
    title = title or heading(estimates.outcome, estimates.labels)
    return _Content(title, shown, notes)


def _set(content: _Content) -> Any:
    """The table of great_tables: texts on the left, numbers on the right."""
    from great_tables import GT

    shown = content.shown
    written = content.title + shown.to_csv()
    name = hashlib.sha256(written.encode()).hexdigest()[:8]
    texts = [column for column in shown if column not in _NUMBERS]
    numbers = [column for column in shown if column in _NUMBERS]
    stub = next(iter(texts), None)
    gt = GT(shown, id=f"table-{name}", rowname_col=stub)
    gt = gt.tab_header(title=content.title)
    if texts:
        gt = gt.tab_stubhead(texts[0])
        gt = gt.cols_align("left", columns=texts[1:])
    gt = gt.cols_align("right", columns=numbers)
    for note in content.notes:
        gt = gt.tab_source_note(note)
    return gt.tab_options(
        table_width="100%",
        table_font_size="0.9em",
        heading_align="left",
        heading_title_font_size="1em",
        heading_title_font_weight="bold",
        source_notes_font_size="0.85em",
    )


def publish(estimates: Estimates, name: str, folder: str | Path | None = None) -> Path:
    """Write estimates as ``<name>.csv``, and beside it what they are, as JSON.

    Parameters
    ----------
    estimates : Estimates
    name : str
        Letters, digits, - and _.
    folder : path, optional
        By default ``tables`` in the folder of the run (TRUSTLIB_RUN_FOLDER), else in
        the current folder.

    Returns
    -------
    Path
        The CSV file; ``<name>.json`` stands beside it. Numbers have full precision;
        probabilities are on the scale 0 to 1. The last column, ``evidence``, says in
        each row whether the data are real, supplied or synthetic. A text that a
        spreadsheet would compute has an apostrophe before it, see
        `trustlib.escaping.csv_cell`.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people; nothing is written.
    EstimandError
        The name cannot be a file name, or what is given are no Estimates or has no
        rows.
    SurveyFileError
        The folder cannot be written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> with TemporaryDirectory() as folder:
    ...     path = publish(tl.cell_means(cells), "by_group", folder)
    ...     written = pd.read_csv(path)
    >>> path.name, written["estimate"].tolist()
    ('by_group.csv', [0.25, 0.5])
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise EstimandError(
            f"{str(name)[:100]!r} cannot be a file name.",
            "Use up to 100 letters, digits, - and _.",
        )
    estimates = _showable(estimates, f"Table {name!r}")
    description = _description(estimates)
    try:
        path = _folder(folder) / f"{name}.csv"
        _write(estimates, description, path)
    except TypeError as error:
        raise SurveyFileError(
            f"{name}.csv cannot be written: {one_line(error)}", "Choose another folder."
        ) from error
    return path


def _folder(given: str | Path | None) -> Path:
    """The folder that is given, or that of the run's tables."""
    if given:
        return Path(given)
    run = os.environ.get("TRUSTLIB_RUN_FOLDER", ".")
    return Path(run) / "tables"


def _description(estimates: Estimates) -> str:
    """What the estimates are, as JSON."""
    about = {
        "kind": estimates.kind,
        "outcome": estimates.outcome,
        "by": estimates.by,
        "source": estimates.source,
        "convention": estimates.convention,
    }
    return json.dumps(about, indent=1, sort_keys=True, default=str) + "\n"


def _write(estimates: Estimates, description: str, path: Path) -> None:
    """Write the table, and what it is beside it."""
    # What the table is takes its place first: there is no table without it.
    together = [path.with_suffix(".json"), path]
    with write_together(together) as (described, numbers):
        described.write_text(description, encoding="utf-8")
        frame = estimates.frame.assign(evidence=estimates.source.kind)
        csv_cells(frame).to_csv(numbers, index=False, lineterminator="\n")
