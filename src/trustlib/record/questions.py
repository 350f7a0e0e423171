"""The questions that are put to the published record, and how its lines become claims that an audit can use.

``data/published/questions.yml`` says what is asked of which printed figures;
`trustlib.record.audit` answers. The chapter "Do the figures fit together?" prints these
answers, and ``trustlib audit`` shows them in a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import CodebookError, EstimandError, require_names
from trustlib.record.audit import Claim, Population, audit, bounds

ENDS = {
    "low": "the least",
    "high": "the greatest",
    "conflict": "a smallest contradiction",
}
ITEMS = ("provider", "system", "any")
COMPARISONS = ("=", ">", ">=", "<", "<=")
EXPERIENCED = "of those with an experience"
BOUND = ("group", "kind", "item", "given", "versus")
_KINDS = {"percent": "share", "count": "count", "points": "gap", "direction": "gap"}


@dataclass(frozen=True)
class _Answer:
    """A row of `answers`."""

    key: str
    question: str
    value: Any
    text: str


@dataclass(frozen=True)
class _Record:
    """The printed figures by id, and their values as numbers."""

    table: pd.DataFrame
    values: pd.Series


def claims_from(
    figures: pd.DataFrame,
    reading: str | Mapping[str, str] = "",
    exact: Iterable[str] = (),
) -> tuple[list[Claim], dict[str, str]]:
    """Turn rows of ``data/published/figures.csv`` into claims.

    Parameters
    ----------
    figures : DataFrame
        Rows of one survey, wave and set of countries.
    reading : str or mapping
        The item of figures that do not state theirs: one for all, or id -> item (which
        may also overrule the record).
    exact : iterable of str
        Figures to take without their rounding.

    Returns
    -------
    claims : list of Claim
    left_out : dict
        Id -> why this figure says nothing that an audit can use.

    Raises
    ------
    CodebookError
        The figures are of more than one population.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"id": "P-1", "survey": "polling", "wave": "2024", "countries": "UK"}
    >>> row |= {"group": "all", "item": "any", "outcome": "trust_damaged_any"}
    >>> row |= {"conditioning": "of all", "statistic": "percent", "comparison": "="}
    >>> figures = pd.DataFrame([row | {"value": "60", "half_width": "0.5"}])
    >>> claims, left_out = claims_from(figures)
    >>> claims[0].low, claims[0].high, left_out
    (0.595, 0.605, {})
    """
    about = figures[["survey", "wave", "countries"]].drop_duplicates().astype(str)
    if len(about) > 1:
        populations = "; ".join(about.agg(", ".join, axis=1))
        raise CodebookError(
            "The figures of an audit are of one population; these figures are of "
            f"{len(about)}.",
            f"Choose one survey, wave and set of countries: {populations}.",
        )
    claims = []
    left_out = {}
    for row in figures.to_dict("records"):
        item = _item(row, reading)
        reason = _unusable(row, item)
        if reason:
            left_out[row["id"]] = reason
        else:
            claims.append(_claim(row, item, row["id"] in exact))
    return claims, left_out


def _item(row: Mapping[str, Any], reading: str | Mapping[str, str]) -> str:
    """The question that a figure is about, stated or read into it."""
    stated = row["item"] if row["item"] in ITEMS else ""
    if isinstance(reading, Mapping):
        return reading.get(row["id"], stated)
    return stated or reading


def _counts_people(row: Mapping[str, Any]) -> bool:
    """Whether a figure is a number of people, whatever they answered."""
    return row["statistic"] == "count" and row["conditioning"] != EXPERIENCED


def _unusable(row: Mapping[str, Any], item: str) -> str:
    """Why a figure says nothing that an audit can use; empty if it does."""
    kind = _KINDS.get(row["statistic"])
    compares = bool(row["group"].partition(" vs ")[2])
    is_known = kind is not None and row["comparison"] in COMPARISONS
    if not is_known or compares != (kind == "gap"):
        return f"a {row['statistic']} is not a number of people, a share or a gap"
    outcome = row["outcome"]
    of_all = row["conditioning"] != EXPERIENCED
    on_trust = of_all and outcome.startswith("trust_damaged")
    if outcome != "n" and not on_trust:
        return f"{outcome} is another question"
    if not item and not _counts_people(row):
        return "its item is not stated: give it a reading"
    return ""


def _claim(row: Mapping[str, Any], item: str, exact: bool) -> Claim:
    """A figure as the range that it allows."""
    kind = _KINDS[row["statistic"]]
    group, _, versus = row["group"].partition(" vs ")
    value = half = 0.0
    if row["statistic"] != "direction":
        value = float(row["value"])
        half = float(row["half_width"])
    if exact:
        half = 0.0
    unit = 1 if kind == "count" else 100
    low = round((value - half) / unit, 9)
    high = round((value + half) / unit, 9)
    if row["comparison"] in ("<", "<="):
        high = low
        low = -1.0 if kind == "gap" else 0.0
    elif row["comparison"] != "=":
        low = high
        high = np.inf if kind == "count" else 1.0
    if _counts_people(row):
        item = ""
    return Claim(row["id"], group, low, high, kind, item, versus=versus or None)


def answers(figures: pd.DataFrame, questions: Mapping[str, Any]) -> pd.DataFrame:
    """Put the standard questions to the record.

    Parameters
    ----------
    figures : DataFrame
        ``data/published/figures.csv``, as texts.
    questions : mapping
        ``population`` (axes, derived) and ``questions``: key -> ``question`` and
        ``figures`` (ids, in lists that may nest). With ``sum`` the figures are added.
        With ``group`` (and kind, item, given, versus) the answer is a bound, else an
        audit. Optional: ``n`` (id of the number of people), ``reading`` and ``exact`` as
        in `claims_from`, ``assume`` (names, or claims), ``margins`` (``figures``, counts
        to be taken as shares ``of`` another figure).

    Returns
    -------
    DataFrame
        key, question, value, text. A bound has two keys, ``<key> low`` and ``<key>
        high``; an audit has ``<key>`` (text yes or no) and ``<key> conflict``.

    Raises
    ------
    UnknownNameError
        A question names a figure that does not exist.
    EstimandError
        A question cannot use one of its figures.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"survey": "polling", "wave": "2024", "countries": "UK", "group": "all"}
    >>> row |= {"item": "none", "outcome": "n", "conditioning": "of all"}
    >>> row |= {"statistic": "count", "comparison": "=", "half_width": "0"}
    >>> rows = [row | {"id": "P-1", "value": "60"}, row | {"id": "P-2", "value": "40"}]
    >>> asked = {"question": "How many are there?", "figures": ["P-1", "P-2"], "sum": 1}
    >>> answers(pd.DataFrame(rows), {"questions": {"people": asked}})["text"].tolist()
    ['100']
    """
    table = figures.set_index("id", drop=False)
    record = _Record(table, pd.to_numeric(table["value"], errors="coerce"))
    rows: list[_Answer] = []
    for key, question in questions["questions"].items():
        ids = [*flat(question["figures"]), *flat(_margins(question)["figures"])]
        require_names("figure", ids, table.index)
        if question.get("sum"):
            rows.append(_sum(record, key, question))
            continue
        claims = _claims(record, key, question)
        population = _population(record, question, questions["population"])
        assumed = [_assumption(each) for each in question.get("assume", [])]
        if "group" in question:
            rows += _bound(key, question, claims, population, assumed)
        else:
            rows += _audit(key, question, claims, population, assumed)
    columns = ["key", "question", "value", "text"]
    return pd.DataFrame([astuple(row) for row in rows], columns=columns)


def _margins(question: Mapping[str, Any]) -> Mapping[str, Any]:
    """Counts that are taken as shares of another figure."""
    return question.get("margins", {"figures": []})


def _sum(record: _Record, key: str, question: Mapping[str, Any]) -> _Answer:
    """The figures of a question added up."""
    ids = list(flat(question["figures"]))
    total = float(record.values[ids].sum())
    if record.table.loc[ids[0], "statistic"] == "percent":
        return _Answer(key, question["question"], total / 100, f"{total:,.0f} %")
    return _Answer(key, question["question"], total, f"{total:,.0f}")


def _claims(record: _Record, key: str, question: Mapping[str, Any]) -> list[Claim]:
    """The figures of a question, all of which an audit can use, and its margins."""
    claims, left_out = claims_from(
        record.table.loc[list(flat(question["figures"]))],
        question.get("reading", ""),
        list(flat(question.get("exact", []))),
    )
    if left_out:
        raise EstimandError(
            f"Question {key!r} cannot use {left_out}.",
            "Correct data/published/questions.yml.",
        )
    margins = _margins(question)
    for name in flat(margins["figures"]):
        share = record.values[name] / record.values[margins["of"]]
        claims.append(Claim(name, record.table.loc[name, "group"], share, share))
    return claims


def _population(
    record: _Record, question: Mapping[str, Any], declared: Mapping[str, Any]
) -> Population:
    """The population of a question, whose size may be one of the figures."""
    n = None
    if "n" in question:
        n = int(record.values[question["n"]])
    return Population(**declared, n=n)


def _assumption(given: str | Mapping[str, Any]) -> str | Claim:
    """An assumption by name, or as a claim."""
    if isinstance(given, Mapping):
        return Claim(**given)
    return given


def _audit(
    key: str,
    question: Mapping[str, Any],
    claims: list[Claim],
    population: Population,
    assumed: list[str | Claim],
) -> Iterator[_Answer]:
    """Whether the figures can all be true, and a smallest contradiction."""
    verdict = audit(claims, population, assumed)
    text = question["question"]
    conflict = verdict.conflict
    yield _Answer(key, text, verdict.feasible, "yes" if verdict.feasible else "no")
    yield _Answer(f"{key} conflict", text, len(conflict), "; ".join(conflict) or "none")


def _bound(
    key: str,
    question: Mapping[str, Any],
    claims: list[Claim],
    population: Population,
    assumed: list[str | Claim],
) -> Iterator[_Answer]:
    """The least and the greatest value of what is asked."""
    given = {name: question[name] for name in BOUND if name in question}
    ends = bounds(claims, population, Claim("asked", **given), assumed)
    for end, value in zip(("low", "high"), ends, strict=True):
        text = _readable(value, question.get("kind"))
        yield _Answer(f"{key} {end}", question["question"], value, text)


def _readable(value: float, kind: str | None) -> str:
    """A bound with its unit."""
    if kind == "count":
        return f"{value:,.0f}"
    unit = "points" if kind == "gap" else "%"
    return f"{100 * value:.1f} {unit}"


def flat(nested: Iterable[Any]) -> Iterator[str]:
    """Walk through texts in lists that may nest.

    Examples
    --------
    >>> list(flat(["a", ["b", ["c"]]]))
    ['a', 'b', 'c']
    """
    for part in nested:
        if isinstance(part, str):
            yield part
        else:
            yield from flat(part)


def in_words(key: str, question: str) -> str:
    """Say what an answer is about: the question, and which end of the range it is.

    Examples
    --------
    >>> in_words("women low", "How many women are there?")
    'How many women are there? (the least)'
    """
    end = ENDS.get(key.partition(" ")[2])
    return f"{question} ({end})" if end else question


def in_one_line(key: str, found: pd.DataFrame) -> str:
    """Everything that one question was answered: both ends of a bound, or yes or no with a smallest contradiction.

    Parameters
    ----------
    key : str
    found : DataFrame
        From `answers`, of that question.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [["women low", "How many?", "10"], ["women high", "How many?", "20"]]
    >>> in_one_line("women", pd.DataFrame(rows, columns=["key", "question", "text"]))
    'women: How many? 10 to 20'
    """
    texts = found.set_index("key")["text"]
    if f"{key} low" in texts:
        low = texts[f"{key} low"]
        high = texts[f"{key} high"]
        answer = low if low == high else f"{low} to {high}"
    else:
        answer = texts[key]
        conflict = texts.get(f"{key} conflict", "none")
        if conflict != "none":
            answer += f"; a smallest contradiction: {conflict}"
    return f"{key}: {found['question'].iloc[0]}: {answer}".replace("?:", "?")
