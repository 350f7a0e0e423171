"""The questions of the audit as lines of the ledger: what follows from the printed figures by arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from trustlib.record.arithmetic import HOLDS, INCONSISTENT
from trustlib.record.questions import flat

AUDIT = "Calculation from printed figures"
UNITS = {"count": "count", "gap": "points"}
ONE_NUMBER = 1e-6  # ends of a range that are no farther apart are one number
CONTRADICTION = "cannot all be true"


def audit_lines(
    asked: Mapping[str, Any], answers: pd.DataFrame, figures: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Each question of the audit that is more than one printed figure again.

    Parameters
    ----------
    asked : mapping
        Key -> question, of ``questions.yml``.
    answers : DataFrame
        From `trustlib.record.questions.answers`, by key.
    figures : DataFrame
        From `trustlib.record.printed.load_figures`.

    Yields
    ------
    dict
        Columns of the ledger.
    """
    table = figures.set_index("id")
    for key, question in asked.items():
        ids = list(flat(question["figures"]))
        if question.get("sum") and len(ids) == 1:
            continue
        row = {
            "id": key,
            "file": "questions",
            "claim": question["question"],
            "source": AUDIT,
            "wave": _words_of(table.loc[ids, "wave"]),
            "countries": _words_of(table.loc[ids, "countries"]),
            "group": question.get("group", ""),
            "evidence": "published",
            "calculation": " ".join(ids),
            "item": question.get("item", ""),
            "verdict": HOLDS,
            "cause": "; ".join(_given(question)),
        }
        yield row | _answer(key, question, answers)


def _words_of(texts: Iterable[str]) -> str:
    """All words of some texts, once each and in order."""
    words: set[str] = set()
    for text in texts:
        words |= set(text.split())
    return " ".join(sorted(words))


def _given(question: Mapping[str, Any]) -> list[str]:
    """What a question takes for granted: assumptions, and the sizes of groups."""
    given = []
    assumed = [
        each if isinstance(each, str) else each["id"]
        for each in question.get("assume", [])
    ]
    if assumed:
        given.append(f"assumed: {', '.join(assumed)}")
    margins = question.get("margins", {"figures": []})
    sizes = list(flat(margins["figures"]))
    if sizes:
        given.append(f"with the group sizes of: {', '.join(sizes)}")
    return given


def _answer(
    key: str, question: Mapping[str, Any], answers: pd.DataFrame
) -> dict[str, Any]:
    """The columns that say what was found: a range, a sum, or whether all of it can be true."""
    if f"{key} low" in answers.index:
        return _range(key, question, answers)
    if question.get("sum"):
        return {"statistic": "count", "ours": float(answers.loc[key, "value"])}
    row = {"statistic": "statement"}
    verdict = "all of it can be true together"
    if answers.loc[key, "text"] == "no":
        verdict = f"{CONTRADICTION}: {answers.loc[f'{key} conflict', 'text']}"
        row["verdict"] = INCONSISTENT
    row["cause"] = "; ".join([verdict, *_given(question)])
    return row


def _range(
    key: str, question: Mapping[str, Any], answers: pd.DataFrame
) -> dict[str, Any]:
    """The ends of a bound, and the number itself where they are one."""
    kind = question.get("kind", "share")
    factor = 1 if kind == "count" else 100
    low = float(answers.loc[f"{key} low", "value"]) * factor
    high = float(answers.loc[f"{key} high", "value"]) * factor
    row = {
        "statistic": UNITS.get(kind, "percent"),
        "range_low": low,
        "range_high": high,
    }
    if abs(high - low) < ONE_NUMBER:
        row["ours"] = low
    return row
