"""The published record: every figure of the polling that was printed, as data that can be checked and computed with.

``data/published/figures.csv`` has one row for each printed figure::

    id            R24-017
    claim         what is said, in our words
    survey        polling, or ipsos_au_2025 (a separate survey, never pooled)
    wave          2022, 2023 or 2024; several with spaces; empty for facts that are not of the polling
    countries     codes with spaces
    item          the question on lost trust that is counted, as the source names it: one of `CHOICES`
    outcome       variables of the codebook; n for numbers of people
    group         ethnicity == "minority" and disability == "disabled", or all; a comparison is ``group vs group``
    conditioning  of all, of those with an experience, or not known
    statistic     one of `CHOICES`, with comparison (=, >, ...), value and half_width, its rounding
    base_n, base  how many people, and which
    source, address, confidence, note

A note that starts with ``Contradicts <id>`` says that the source itself does; any other contradiction is a fault.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import pandas as pd

from trustlib.errors import (
    CodebookError,
    TrustlibError,
    raise_faults,
    require_file,
    require_names,
    unknown_name,
)
from trustlib.expressions import tokens
from trustlib.forms import Variable
from trustlib.schema import load_codebook

_FIVE = ("BR", "FR", "JP", "UK", "US")
WAVES = {"2022": _FIVE, "2023": ("AU", "CA", "DE", "ES", "MX"), "2024": _FIVE}
ASKED = ("asked", "not asked", "unknown")
CHOICES = {
    "survey": ("polling", "ipsos_au_2025"),
    "item": (
        "provider",
        "system",
        "any",
        "unspecified",
        "composite",
        "context",
        "none",
    ),
    "conditioning": ("of all", "of those with an experience", "not known", ""),
    "statistic": (
        "percent",
        "count",
        "points",
        "ratio",
        "direction",
        "ranking",
        "statement",
    ),
    "comparison": ("=", ">", "<", ">=", "order", ""),
    "confidence": ("high", "medium", "low"),
}
NUMBERS = ("value", "half_width", "base_n")
TEXTS = (
    "id",
    "claim",
    "wave",
    "countries",
    "outcome",
    "group",
    "base",
    "source",
    "address",
    "note",
)
_RANGES = {
    "percent": (0, 100),
    "points": (-100, 100),
    "count": (0, math.inf),
    "ratio": (0, math.inf),
}


def parse_group(expression: str, codebook: Mapping[str, Variable]) -> tuple[str, ...]:
    """Check a group such as ``gender == "woman" and not disability == "disabled"``.

    Parameters
    ----------
    expression : str
        Comparisons of codebook variables with their levels, joined with and, or, not and parentheses; ``all`` is
        everybody; ``a vs b`` compares two groups.
    codebook : mapping
        From `load_codebook`.

    Returns
    -------
    tuple of str
        The group, or the two that are compared, in one spelling: equal texts are equal expressions. Each but ``all``
        can be given to `SurveyDesign.domain`.

    Raises
    ------
    CodebookError
        The expression cannot be read.
    UnknownNameError
        It names a variable or level that does not exist.
    """
    try:
        tokens(expression)  # nothing that is too long or too deep for a parser
        trees = [
            ast.parse(text.strip(), mode="eval").body
            for text in expression.split(" vs ")
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        trees = []
    if len(trees) not in (1, 2) or not all(
        ast.unparse(t) == "all" or _compares(t, codebook) for t in trees
    ):
        raise CodebookError(
            f"The group {expression!r} cannot be read.",
            'Write gender == "woman" and lgbtq == "yes".',
        )
    return tuple(map(ast.unparse, trees))


def _compares(node: ast.expr, codebook: Mapping[str, Variable]) -> bool:
    """Whether a part of an expression compares variables with levels, and does nothing else."""
    match node:
        case ast.BoolOp(values=parts):
            return all(_compares(part, codebook) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return _compares(part, codebook)
        case ast.Compare(
            ast.Name(name), [ast.Eq() | ast.NotEq()], [ast.Constant(level)]
        ):
            require_names("variable", [name], codebook)
            require_names(f"level of {name}", [level], codebook[name].levels)
            return True
    return False


def load_figures(
    path: str | Path = "data/published/figures.csv", codebook: str | Path | None = None
) -> pd.DataFrame:
    """Read the published record; see the module documentation for its columns.

    Parameters
    ----------
    path : path
        The CSV file.
    codebook : path, optional
        Default: ``codebook.yml`` in the folder above that of `path`.

    Returns
    -------
    DataFrame
        One row per printed figure; ``value``, ``half_width`` and ``base_n`` are numbers, NaN where nothing is printed.

    Raises
    ------
    CodebookError
        Lists every fault with file, row, id and reason: names that are not known, impossible numbers, numbers of
        people that contradict each other.
    """
    path = require_file(path, "file", "Check the spelling and the folder you run from.")
    known = load_codebook(codebook or path.parent.parent / "codebook.yml")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    if set(raw) != {*CHOICES, *NUMBERS, *TEXTS}:
        raise CodebookError(
            f"{path} has the columns {list(raw)}.",
            f"Expected {[*TEXTS, *CHOICES, *NUMBERS]}.",
        )
    frame = raw.assign(**{c: pd.to_numeric(raw[c], errors="coerce") for c in NUMBERS})
    faults = sorted({*_of_cells(raw), *_of_rows(frame, known), *_of_people(frame)})
    lines = [
        f"{path.name} row {i + 2} ({raw['id'][i]}): {reason}".replace("\n", " ")
        for i, reason in faults
    ]
    raise_faults(
        CodebookError,
        f"{path} is not a published record",
        lines,
        "Row 1 is the line of column names.",
    )
    return frame


def _of_cells(raw: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Faults that one cell shows, found by a pandera schema."""
    import pandera.pandas as pa

    columns = {
        c: pa.Column(str, pa.Check.isin(allowed)) for c, allowed in CHOICES.items()
    }
    columns |= {
        c: pa.Column(str, pa.Check.str_matches(r"^(\d+(\.\d+)?)?$")) for c in NUMBERS
    }
    columns |= {
        c: pa.Column(str, pa.Check.str_length(min_value=1))
        for c in ("claim", "outcome", "source", "address")
    }
    columns["id"] = pa.Column(
        str, pa.Check.str_matches(r"^[A-Z]+\d*-\d+[a-z]?$"), unique=True
    )
    try:
        pa.DataFrameSchema(columns).validate(raw, lazy=True)
    except pa.errors.SchemaErrors as error:
        for case in error.failure_cases.itertuples():
            if case.column in CHOICES:
                yield (
                    int(case.index),
                    str(
                        unknown_name(
                            case.column, case.failure_case, CHOICES[case.column]
                        )
                    ),
                )
            else:
                twice = (
                    "it is there twice"
                    if case.check == "field_uniqueness"
                    else "expected such as R24-017"
                )
                form = {"id": twice}.get(
                    case.column,
                    "not a number" if case.column in NUMBERS else "expected a text",
                )
                yield int(case.index), f"{case.column} is {case.failure_case!r}: {form}"


def _of_rows(
    frame: pd.DataFrame, known: Mapping[str, Variable]
) -> Iterator[tuple[int, str]]:
    """Faults that one row shows: names that do not exist, a wave without that country, impossible numbers."""
    for i, row in frame.iterrows():
        of_polling = row["survey"] == "polling" and row["item"] != "context"
        against = (
            row["note"].split()[1:2] if row["note"].startswith("Contradicts ") else []
        )
        places = set(row["countries"].split())
        for kind, words, names in (
            ("wave", row["wave"].split(), list(WAVES)),
            ("country", sorted(places), known["country"].levels),
            (
                "outcome",
                row["outcome"].split() if row["item"] != "context" else [],
                ["n", "unknown", *known],
            ),
            (
                "id to contradict",
                [name.strip(":") for name in against],
                list(frame["id"]),
            ),
        ):
            yield from (
                (i, str(unknown_name(kind, word, names)))
                for word in words
                if word not in names
            )
        try:
            parse_group(row["group"], known)
        except TrustlibError as error:
            yield i, f"group: {error}"
        polled = {c for w in row["wave"].split() for c in WAVES.get(w, places)}
        if of_polling != bool(row["wave"]):
            yield i, "a figure of the polling has a wave, and no other row has one"
        elif of_polling and not (
            places and places & set(known["country"].levels) <= polled
        ):
            yield (
                i,
                f"countries are {row['countries'] or 'empty'}, but {row['wave']} has {', '.join(sorted(polled))}",
            )
        least, most = _RANGES.get(row["statistic"], (None, None))
        if row["statistic"] in CHOICES["statistic"] and {least is None} != {
            *row[["value", "half_width"]].isna()
        }:
            yield (
                i,
                f"a {row['statistic']} has {'no' if least is None else 'a'} value and half_width",
            )
        elif least is not None and not least <= row["value"] <= most:
            yield (
                i,
                f"a {row['statistic']} of {row['value']:g} is not between {least} and {most}",
            )


def _of_people(frame: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Numbers of people that contradict each other: of one group, or of its countries or waves."""
    told = defaultdict(
        list
    )  # (survey, group, conditioning) -> waves, countries, least, most, id, row
    for i, row in frame[
        (frame["item"] != "context") & ~frame["note"].str.startswith("Contradicts ")
    ].iterrows():
        least = most = row["base_n"]
        if row["statistic"] == "count":
            least = 0 if row["comparison"] == "<" else row["value"] - row["half_width"]
            most = (
                math.inf
                if row["comparison"] == ">"
                else row["value"] + row["half_width"]
            )
        if least >= 0:
            key = row["survey"], row["group"], row["conditioning"]
            where = set(row["wave"].split()), set(row["countries"].split())
            told[key].append((*where, least, most, row["id"], i))
    for group in told.values():
        for one, two in combinations(group, 2):
            if one[:2] == two[:2] and max(one[2], two[2]) > min(one[3], two[3]):
                yield (
                    two[5],
                    f"contradictory n: {one[4]} gives another number of the same people",
                )
        for waves, countries, least, most, _, i in group:
            several = len(waves) > 1
            parts = {
                (*w, *c): part
                for w, c, *part in group
                if (
                    several
                    and len(w) == 1
                    and w < waves
                    and c == set(WAVES.get(min(w), ()))
                )
                or (w == waves and len(c) == 1 and c < countries)
            }
            low, high = (sum(part[k] for part in parts.values()) for k in (0, 1))
            if low > most or (
                high < least and len(parts) == len(waves if several else countries)
            ):
                yield (
                    i,
                    f"contradictory n: {', '.join(part[2] for part in parts.values())} do not add up to it",
                )


def asked_in(codebook: str | Path = "data/codebook.yml") -> pd.DataFrame:
    """Which variable was asked in which wave and country, as far as anybody printed it.

    Returns
    -------
    DataFrame
        Columns ``variable``, ``wave``, ``country`` and ``asked``: ``asked``, ``not asked`` or ``unknown``. Variables
        that are not of the polling have no rows.

    Raises
    ------
    CodebookError
        Lists every wave, country and answer that does not exist.
    """
    rows: list[tuple] = []
    faults: list[str] = []
    for name, variable in load_codebook(codebook).items():
        for wave, answer in variable.asked_in.items():
            told = answer if isinstance(answer, dict) else {"default": answer}
            countries = WAVES.get(wave, ())
            places = ("default", *countries)
            known = (
                ("wave", [wave], WAVES),
                ("country", told, places),
                ("answer", told.values(), ASKED),
            )
            for kind, words, allowed in known:
                faults += [
                    f"variable {name}: {unknown_name(kind, w, allowed)}"
                    for w in words
                    if w not in allowed
                ]
            rows += [
                (name, wave, c, told.get(c, told.get("default", "unknown")))
                for c in countries
            ]
    hint = "Each wave has one answer for all countries, or answers by country and a default."
    raise_faults(CodebookError, f"{codebook} does not say what was asked", faults, hint)
    return pd.DataFrame(rows, columns=["variable", "wave", "country", "asked"])
