"""The questions that are put to the published record, and how its lines become claims that an audit can use.

``data/published/questions.yml`` says what is asked of which printed figures; `trustlib.record.audit` answers. The
chapter "Do the figures fit together?" prints these answers, and ``trustlib audit`` shows them in a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
_KINDS = {"percent": "share", "count": "count", "points": "gap", "direction": "gap"}


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
        The item of figures that do not state theirs: one for all, or id -> item (which may also overrule the record).
    exact : iterable of str
        Figures to take without their rounding.

    Returns
    -------
    claims : list of Claim
    left_out : dict
        Id -> why this figure says nothing that an audit can use.
    """
    about = figures[["survey", "wave", "countries"]].drop_duplicates().astype(str)
    if len(about) > 1:
        hint = f"Choose one survey, wave and set of countries: {'; '.join(about.agg(', '.join, axis=1))}."
        raise CodebookError(
            f"The figures of an audit are of one population; these figures are of {len(about)}.",
            hint,
        )
    claims, left_out = [], {}
    for row in figures.to_dict("records"):
        name, kind = row["id"], _KINDS.get(row["statistic"])
        group, _, versus = row["group"].partition(" vs ")
        item = row["item"] if row["item"] in ("provider", "system", "any") else ""
        item = (
            reading.get(name, item) if isinstance(reading, Mapping) else item or reading
        )
        experienced = row["conditioning"] == "of those with an experience"
        people = kind == "count" and not experienced
        if (
            kind is None
            or row["comparison"] not in ("=", ">", ">=", "<")
            or bool(versus) != (kind == "gap")
        ):
            left_out[name] = (
                f"a {row['statistic']} is not a number of people, a share or a gap"
            )
        elif row["outcome"] != "n" and (
            experienced or not row["outcome"].startswith("trust_damaged")
        ):
            left_out[name] = f"{row['outcome']} is another question"
        elif not item and not people:
            left_out[name] = "its item is not stated: give it a reading"
        else:
            value, half = (
                (0.0, 0.0)
                if row["statistic"] == "direction"
                else map(float, (row["value"], row["half_width"]))
            )
            ends = (value - half, value + half) if name not in exact else (value, value)
            low, high = (
                round(end / (1 if kind == "count" else 100), 9) for end in ends
            )
            least, most = (
                (-1.0 if kind == "gap" else 0.0),
                (np.inf if kind == "count" else 1.0),
            )
            low, high = {"=": (low, high), "<": (least, low)}.get(
                row["comparison"], (high, most)
            )
            claims.append(
                Claim(
                    name,
                    group,
                    low,
                    high,
                    kind,
                    "" if people else item,
                    versus=versus or None,
                )
            )
    return claims, left_out


def answers(figures: pd.DataFrame, questions: Mapping[str, Any]) -> pd.DataFrame:
    """Put the standard questions to the record.

    Parameters
    ----------
    figures : DataFrame
        ``data/published/figures.csv``, as texts.
    questions : mapping
        ``population`` (axes, derived) and ``questions``: key -> ``question`` and ``figures`` (ids, in lists that may
        nest). With ``sum`` the figures are added. With ``group`` (and kind, item, given, versus) the answer is a bound,
        else an audit. Optional: ``n`` (id of the number of people), ``reading`` and ``exact`` as in `claims_from`,
        ``assume`` (names, or claims), ``margins`` (``figures``, counts to be taken as shares ``of`` another figure).

    Returns
    -------
    DataFrame
        key, question, value, text. A bound has two keys, ``<key> low`` and ``<key> high``; an audit has ``<key>`` (text
        yes or no) and ``<key> conflict``.
    """
    table, rows = figures.set_index("id", drop=False), []
    values = pd.to_numeric(table["value"], errors="coerce")
    for key, q in questions["questions"].items():
        ids, margins = list(_flat(q["figures"])), q.get("margins", {"figures": []})
        require_names("figure", [*ids, *_flat(margins["figures"])], table.index)
        if q.get("sum"):
            total = float(values[ids].sum())
            unit = " %" if table.loc[ids[0], "statistic"] == "percent" else ""
            rows.append(
                (
                    key,
                    q["question"],
                    total / (100 if unit else 1),
                    f"{total:,.0f}{unit}",
                )
            )
            continue
        claims, left_out = claims_from(
            table.loc[ids], q.get("reading", ""), list(_flat(q.get("exact", [])))
        )
        if left_out:
            raise EstimandError(
                f"Question {key!r} cannot use {left_out}.",
                "Correct data/published/questions.yml.",
            )
        for i in _flat(margins["figures"]):
            share = values[i] / values[margins["of"]]
            claims.append(Claim(i, table.loc[i, "group"], share, share))
        population = Population(
            **questions["population"], n=int(values[q["n"]]) if "n" in q else None
        )
        assume = [
            Claim(**a) if isinstance(a, Mapping) else a for a in q.get("assume", [])
        ]
        if "group" not in q:
            found = audit(claims, population, assume)
            rows.append(
                (key, q["question"], found.feasible, "yes" if found.feasible else "no")
            )
            rows.append(
                (
                    f"{key} conflict",
                    q["question"],
                    len(found.conflict),
                    "; ".join(found.conflict) or "none",
                )
            )
            continue
        unit = "points" if q.get("kind") == "gap" else "%"
        target = {
            k: q[k] for k in ("group", "kind", "item", "given", "versus") if k in q
        }
        for end, value in zip(
            ("low", "high"),
            bounds(claims, population, Claim("asked", **target), assume),
            strict=True,
        ):
            shown = (
                f"{value:,.0f}"
                if q.get("kind") == "count"
                else f"{100 * value:.1f} {unit}"
            )
            rows.append((f"{key} {end}", q["question"], value, shown))
    return pd.DataFrame(rows, columns=["key", "question", "value", "text"])


def _flat(nested: Iterable[Any]) -> Iterator[str]:
    for part in nested:
        yield from [part] if isinstance(part, str) else _flat(part)


def in_words(key: str, question: str) -> str:
    """What an answer says: the question, and which end of the range it is."""
    end = ENDS.get(key.partition(" ")[2])
    return f"{question} ({end})" if end else question


def in_one_line(key: str, found: pd.DataFrame) -> str:
    """Everything that one question was answered: both ends of a bound, or yes or no with a smallest contradiction."""
    texts = found.set_index("key")["text"]
    if f"{key} low" in texts:
        low, high = texts[f"{key} low"], texts[f"{key} high"]
        answer = low if low == high else f"{low} to {high}"
    else:
        conflict = texts.get(f"{key} conflict", "none")
        answer = texts[key] + (
            "" if conflict == "none" else f"; a smallest contradiction: {conflict}"
        )
    return f"{key}: {found['question'].iloc[0]}: {answer}".replace("?:", "?")
