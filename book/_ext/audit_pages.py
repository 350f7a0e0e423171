"""The audit of the published record on pages: its standard questions, asked when the book is built.

``data/published/questions.yml`` says what is asked of which printed figures; `trustlib.audit` answers.
``{audit}`one-item-minority low` `` prints one answer; the question in words is the tooltip. A bound has two keys,
``<key> low`` and ``<key> high``; a question of yes or no has ``<key>`` and ``<key> conflict``.
``{audit-table}`` shows every question with its answer.
A key that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from record_pages import _Made, markdown_table
from trustlib.audit import Claim, Population, audit, bounds, claims_from
from trustlib.errors import EstimandError, TrustlibError, require_names

FILES = ("figures.csv", "questions.yml")
ENDS = {"low": "the least", "high": "the greatest", "conflict": "a smallest contradiction"}


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
            rows.append((key, q["question"], total / (100 if unit else 1), f"{total:,.0f}{unit}"))
            continue
        claims, left_out = claims_from(table.loc[ids], q.get("reading", ""), list(_flat(q.get("exact", []))))
        if left_out:
            raise EstimandError(f"Question {key!r} cannot use {left_out}.", "Correct data/published/questions.yml.")
        for i in _flat(margins["figures"]):
            share = values[i] / values[margins["of"]]
            claims.append(Claim(i, table.loc[i, "group"], share, share))
        population = Population(**questions["population"], n=int(values[q["n"]]) if "n" in q else None)
        assume = [Claim(**a) if isinstance(a, Mapping) else a for a in q.get("assume", [])]
        if "group" not in q:
            found = audit(claims, population, assume)
            rows.append((key, q["question"], found.feasible, "yes" if found.feasible else "no"))
            rows.append((f"{key} conflict", q["question"], len(found.conflict), "; ".join(found.conflict) or "none"))
            continue
        unit = "points" if q.get("kind") == "gap" else "%"
        target = {k: q[k] for k in ("group", "kind", "item", "given", "versus") if k in q}
        for end, value in zip(
            ("low", "high"), bounds(claims, population, Claim("asked", **target), assume), strict=True
        ):
            shown = f"{value:,.0f}" if q.get("kind") == "count" else f"{100 * value:.1f} {unit}"
            rows.append((f"{key} {end}", q["question"], value, shown))
    return pd.DataFrame(rows, columns=["key", "question", "value", "text"])


def _flat(nested: Iterable[Any]) -> Iterator[str]:
    for part in nested:
        yield from [part] if isinstance(part, str) else _flat(part)


@lru_cache(maxsize=2)
def answers_of(figures: str, questions: str) -> pd.DataFrame:
    """The answers, found once for each content of the two files."""
    table = pd.read_csv(StringIO(figures), dtype=str, keep_default_na=False)
    return answers(table, yaml.safe_load(questions)).set_index("key")


def answers_for(page: Any) -> pd.DataFrame:
    """The answers, for a role or directive whose page depends on the two files."""
    paths = [Path(page.env.srcdir).parent / "data" / "published" / name for name in FILES]
    for path in paths:
        page.env.note_dependency(str(path))
    return answers_of(*(path.read_text(encoding="utf-8") for path in paths))


def in_words(key: str, question: str) -> str:
    """What an answer says: the question, and which end of the range it is."""
    end = ENDS.get(key.partition(" ")[2])
    return f"{question} ({end})" if end else question


class AuditRole(SphinxRole):
    """Print one answer, with its question as a tooltip."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the answer up."""
        try:
            found = answers_for(self)
            require_names("answer of the audit", [self.text], found.index)
        except (TrustlibError, OSError) as error:
            message = f"audit: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        shown, question = found.loc[self.text, ["text", "question"]]
        return [nodes.abbreviation(shown, shown, explanation=in_words(self.text, question))], []


class AuditTable(_Made):
    """Every question with its answer."""

    def make(self) -> list[nodes.Node]:
        """A table with one row for each answer."""
        found = answers_for(self)
        rows = [[f"`{a.Index}`", in_words(a.Index, a.question), a.text] for a in found.itertuples()]
        return self.read(markdown_table(["Key", "Question", "Answer"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("audit-table", AuditTable)
    app.add_role("audit", AuditRole())
    return {"parallel_read_safe": True}
