"""What a survey file answers of the published record: our number for a figure, on the base that the figure names.

`answer_record` puts all lines of the record to a file; `answer` puts one. Every number
passes the gate of disclosure, for the group of the figure and for all others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trustbook.verdicts import NEEDS, WITHHELD, verdict_on
from trustlib.comparisons import comparisons
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import DisclosureError, TrustlibError, one_line
from trustlib.estimates import Estimates
from trustlib.levels import cell_means
from trustlib.record.printed import parse_group
from trustlib.record.questions import EXPERIENCED
from trustlib.rounding import rounded_people

# A number of a row of the ledger -> its column in estimates.
NUMBERS = {
    "ours": "estimate",
    "std_error": "std_error",
    "conf_low": "conf_low",
    "conf_high": "conf_high",
}
# What an experience of the record is called in the codebook.
ITEMS = {
    "provider": "trust_damaged_provider",
    "system": "trust_damaged_system",
    "any": "trust_damaged_any",
}
ANSWERABLE = ("percent", "points", "ratio", "count")
SCALES = {"points": "difference", "ratio": "ratio"}
FEW_WITH = f"fewer than {MINIMUM} people with or without the outcome"
AUSTRALIAN = "ipsos_au_2025"  # a survey apart, with a question of its own
UNKNOWN_BASE = "the printed base is not known"
COLUMNS = [
    "id",
    "claim",
    "verdict",
    "reading",
    "statistic",
    "published",
    *NUMBERS,
    "tolerance",
    "cause",
]
_VARIABLE = re.compile(r"(\w+) [!=]= ")


@dataclass(frozen=True)
class Numbers:
    """Our numbers for a figure, in the printed unit.

    Attributes
    ----------
    exact, shown : dict
        Names of `NUMBERS` -> number, as computed, and rounded as their source asks; of a
        count there is ``ours`` only.
    n : int
    df : float or None
    df_rule : str or None
    """

    exact: dict[str, float]
    shown: dict[str, float]
    n: int
    df: float | None = None
    df_rule: str | None = None

    def columns(self) -> dict[str, Any]:
        """The numbers as columns of the ledger.

        Examples
        --------
        >>> Numbers({"ours": 62.0}, {"ours": 60.0}, n=62).columns()
        {'ours': 62.0, 'n': 62}
        """
        columns: dict[str, Any] = {**self.exact, "n": self.n}
        if self.df_rule is not None:
            columns |= {"df": self.df, "df_rule": self.df_rule}
        return columns


@dataclass(frozen=True)
class Answer:
    """What a file says to a figure: numbers, or a verdict and the reason why there are none."""

    numbers: Numbers | None
    verdict: str = ""
    cause: str = ""


def answer_record(
    design: SurveyDesign, figures: pd.DataFrame, codebook: Mapping[str, Any]
) -> pd.DataFrame:
    """Answer the lines of the published record that a file can answer.

    Parameters
    ----------
    design : SurveyDesign
        Of a frame with the names and levels of the codebook.
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.
    codebook : mapping

    Returns
    -------
    DataFrame
        Columns id, claim, verdict, reading (the variable that is counted), statistic,
        published, ours, std_error, conf_low, conf_high (in the printed unit), tolerance
        (half the printed rounding) and cause. A figure that does not say which question
        it counts has a line for each that the file has. Synthetic data never match. Our
        numbers are rounded where their source asks for it; the verdict is of the number
        before, but for a number of people, which is compared as it is shown.
    """
    rows = []
    for figure in figures.itertuples():
        for reading in _readings(figure, design.frame):
            found = answer(design, figure, reading, codebook)
            rows.append(row_of(design, figure, reading, found))
    return pd.DataFrame(rows, columns=COLUMNS)


def _readings(figure: Any, frame: pd.DataFrame) -> list[str]:
    """The variables that a figure may count: its own, or each question if it does not say which."""
    questions = [name for name in ITEMS.values() if name in frame]
    is_unsaid = figure.outcome == "trust_damaged" and figure.outcome not in frame
    return questions if questions and is_unsaid else [figure.outcome]


def row_of(
    design: SurveyDesign, figure: Any, reading: str, found: Answer
) -> dict[str, Any]:
    """One line of `answer_record`.

    Parameters
    ----------
    design, figure
        As in `answer`.
    reading : str
        The variable that is counted.
    found : Answer

    Returns
    -------
    dict
    """
    row = {
        "id": figure.id,
        "claim": figure.claim,
        "reading": reading,
        "published": figure.value,
        "statistic": figure.statistic,
        "tolerance": figure.half_width,
        "verdict": found.verdict,
        "cause": found.cause,
    }
    if found.verdict == NEEDS:
        row["cause"] = f"this file cannot answer: {found.cause}"
    if found.numbers is None:
        return row
    kind = design.source.kind
    row["verdict"] = verdict_on(figure, _compared(design, figure, found.numbers), kind)
    if figure.conditioning == "not known":
        row["cause"] = UNKNOWN_BASE
    digits = 2 if figure.statistic == "ratio" else 1
    for name, value in found.numbers.shown.items():
        row[name] = round(value, digits)
    return row


def _compared(design: SurveyDesign, figure: Any, numbers: Numbers) -> float:
    """The number that has the verdict.

    A number of people that is rounded like the printed one counts as the printed one: that
    the exact ones are equal would tell it.
    """
    base = design.source.rounding
    if base and figure.statistic == "count":
        printed = float(rounded_people(figure.value, base))
        if printed == numbers.shown["ours"]:
            return float(figure.value)
    return numbers.exact["ours"]


def answer(
    design: SurveyDesign, figure: Any, outcome: str, codebook: Mapping[str, Any]
) -> Answer:
    """Our numbers for one figure; or none, with a verdict and the reason.

    Parameters
    ----------
    design : SurveyDesign
    figure : named tuple
        A line of `trustlib.record.printed.load_figures`.
    outcome : str
        The variable that is counted, or ``n`` for people.
    codebook : mapping

    Returns
    -------
    Answer
    """
    reason = _lacking(figure, outcome, design.frame)
    if reason:
        return Answer(None, NEEDS, reason)
    try:
        groups = parse_group(figure.group, codebook)
        return Answer(_numbers(design, figure, outcome, groups))
    except DisclosureError:
        return Answer(None, WITHHELD, FEW_WITH)
    except TrustlibError as error:
        return Answer(None, NEEDS, one_line(error.message))


def variables_of(group: str) -> list[str]:
    """The variables that a group of the record names.

    Examples
    --------
    >>> variables_of("gender == 'woman' and lgbtq != 'yes'")
    ['gender', 'lgbtq']
    """
    return _VARIABLE.findall(group)


def _lacking(figure: Any, outcome: str, frame: pd.DataFrame) -> str:
    """Why a file cannot answer a figure; empty if it can."""
    if figure.item == "context" or figure.statistic not in ANSWERABLE:
        return "no number of the survey is printed"
    places = _places(figure)
    needed = [*places, *variables_of(figure.group)]
    if outcome != "n":
        needed.append(outcome)
    if _of_the_experienced(figure):
        needed.append(ITEMS["any"])
    if figure.survey == AUSTRALIAN:
        needed.append("au_trust_damaged")
    absent = [name for name in needed if name not in frame]
    if absent:
        return f"the file has no {', '.join(dict.fromkeys(absent))}"
    empty = []
    for name, levels in places.items():
        here = set(frame[name].dropna())
        empty += [f"{name} {level}" for level in levels if level not in here]
    if empty:
        return f"the file has nobody of {', '.join(empty)}"
    return ""


def _is_of_the_polling(figure: Any) -> bool:
    return figure.survey == "polling"


def _of_the_experienced(figure: Any) -> bool:
    """Whether a figure of the polling counts only people whose trust was damaged."""
    return _is_of_the_polling(figure) and figure.conditioning == EXPERIENCED


def _places(figure: Any) -> dict[str, list[str]]:
    """The waves and countries of a figure; none of a survey apart."""
    if not _is_of_the_polling(figure):
        return {}
    return {"wave": figure.wave.split(), "country": figure.countries.split()}


def _numbers(
    design: SurveyDesign, figure: Any, outcome: str, groups: Sequence[str]
) -> Numbers:
    """Our number for one figure, with its standard error and interval, in the printed unit; through the gate."""
    frame = design.frame
    inside = _base(frame, figure)
    members = [_members(design, inside, group) for group in groups]
    others = members[1] if len(members) > 1 else inside & ~members[0]
    if figure.statistic == "count":
        return _count(design, members[0], others)
    names = pd.Series("others", frame.index).mask(members[0], "group")
    group = names.where(members[0] | others)
    printed_group = pd.Categorical(group, ["others", "group"])
    with_group = replace(design, frame=frame.assign(printed_group=printed_group))
    cells = compress(with_group, outcome, ["printed_group"])
    cells.seal()  # the gate, for the group and for all others
    estimates = cell_means(cells)
    scale = SCALES.get(figure.statistic)
    if scale:
        estimates = comparisons(estimates, {"printed_group": "others"}, scale)
    factor = 1 if scale == "ratio" else 100
    row = _of_the_group(estimates)
    return Numbers(
        _in_printed_unit(row, factor),
        _in_printed_unit(_of_the_group(estimates.showable()), factor),
        n=int(row["n"]),
        df=float(row["df"]),
        df_rule=estimates.convention,
    )


def _base(frame: pd.DataFrame, figure: Any) -> pd.Series:
    """The people whom a figure is about: they told what its group asks, where and when it was asked."""
    inside = frame[variables_of(figure.group)].notna().all(axis=1)
    for name, levels in _places(figure).items():
        inside &= frame[name].isin(levels)
    if _of_the_experienced(figure):
        inside &= frame[ITEMS["any"]] == 1
    return inside


def _members(design: SurveyDesign, inside: pd.Series, group: str) -> pd.Series:
    """Who of these people is in a group."""
    if group == "all":
        return inside
    return inside & design.domain(group).frame[DOMAIN]


def _count(design: SurveyDesign, members: pd.Series, others: pd.Series) -> Numbers:
    """The number of people in a group, beside that of all others."""
    people = int(members.sum())
    if people < MINIMUM or 0 < others.sum() < MINIMUM:
        raise DisclosureError(f"Fewer than {MINIMUM} people.")
    rounded = float(rounded_people(people, design.source.rounding))
    return Numbers({"ours": float(people)}, {"ours": rounded}, people)


def _of_the_group(estimates: Estimates) -> pd.Series:
    return estimates.where("printed_group == 'group'").frame.iloc[0]


def _in_printed_unit(row: pd.Series, factor: int) -> dict[str, float]:
    return {name: float(row[column]) * factor for name, column in NUMBERS.items()}
