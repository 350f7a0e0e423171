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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

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
    "comparison": ("=", ">", "<", ">=", "<=", "order", ""),
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
NEVER_EMPTY = ("claim", "outcome", "source", "address")
CONTRADICTS = "Contradicts "
DEFAULT = "default"
_RANGES = {
    "percent": (0, 100),
    "points": (-100, 100),
    "count": (0, math.inf),
    "ratio": (0, math.inf),
}
_ID = r"^[A-Z]+\d*-\d+[a-z]?$"
_NUMBER = r"^(\d+(\.\d+)?)?$"


@dataclass(frozen=True, order=True)
class _Fault:
    """What is wrong with a row, numbered from 0."""

    row: int
    reason: str


@dataclass(frozen=True)
class _People:
    """A printed number of people as the range that it allows, with its waves and countries."""

    waves: frozenset[str]
    countries: frozenset[str]
    least: float
    most: float
    id: str
    row: int

    def has_place_of(self, other: _People) -> bool:
        """Whether both are of the same waves and countries."""
        return self.waves == other.waves and self.countries == other.countries

    def is_whole_wave_of(self, total: _People) -> bool:
        """Whether this is one of several waves, with all its countries."""
        if len(self.waves) != 1 or not self.waves < total.waves:
            return False
        (wave,) = self.waves
        return self.countries == set(WAVES.get(wave, ()))

    def is_country_of(self, total: _People) -> bool:
        """Whether this is one of several countries, of the same waves."""
        is_one = len(self.countries) == 1 and self.countries < total.countries
        return is_one and self.waves == total.waves


def parse_group(expression: str, codebook: Mapping[str, Variable]) -> tuple[str, ...]:
    """Check a group such as ``gender == "woman" and not disability == "disabled"``.

    Parameters
    ----------
    expression : str
        Comparisons of codebook variables with their levels, joined with and, or, not and
        parentheses; ``all`` is everybody; ``a vs b`` compares two groups.
    codebook : mapping
        From `load_codebook`.

    Returns
    -------
    tuple of str
        The group, or the two that are compared, in one spelling: equal texts are equal
        expressions. Each but ``all`` can be given to `SurveyDesign.domain`.

    Raises
    ------
    CodebookError
        The expression cannot be read.
    UnknownNameError
        It names a variable or level that does not exist.

    Examples
    --------
    >>> codebook = {"gender": Variable(levels=["man", "woman"])}
    >>> parse_group('gender=="woman" vs all', codebook)
    ("gender == 'woman'", 'all')
    """
    try:
        tokens(expression)  # nothing that is too long or too deep for a parser
        trees = [
            ast.parse(text.strip(), mode="eval").body
            for text in expression.split(" vs ")
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        trees = []
    is_group = all(
        ast.unparse(tree) == "all" or _compares(tree, codebook) for tree in trees
    )
    if len(trees) not in (1, 2) or not is_group:
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
        One row per printed figure; ``value``, ``half_width`` and ``base_n`` are numbers,
        NaN where nothing is printed.

    Raises
    ------
    CodebookError
        Lists every fault with file, row, id and reason: names that are not known,
        impossible numbers, numbers of people that contradict each other.

    Examples
    --------
    >>> load_figures("elsewhere.csv")
    Traceback (most recent call last):
    trustlib.errors.MissingFileError: There is no file elsewhere.csv.
    Check the spelling and the folder you run from.
    """
    path = require_file(path, "file", "Check the spelling and the folder you run from.")
    variables = load_codebook(codebook or path.parent.parent / "codebook.yml")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    if set(raw) != {*CHOICES, *NUMBERS, *TEXTS}:
        raise CodebookError(
            f"{path} has the columns {list(raw)}.",
            f"Expected {[*TEXTS, *CHOICES, *NUMBERS]}.",
        )
    frame = raw.copy()
    for name in NUMBERS:
        frame[name] = pd.to_numeric(raw[name], errors="coerce")
    faults = {*_of_cells(raw), *_of_rows(frame, variables), *_of_people(frame)}
    lines = []
    for fault in sorted(faults):
        place = f"{path.name} row {fault.row + 2} ({raw['id'][fault.row]})"
        lines.append(f"{place}: {fault.reason}".replace("\n", " "))
    raise_faults(
        CodebookError,
        f"{path} is not a published record",
        lines,
        "Row 1 is the line of column names.",
    )
    return frame


def _of_cells(raw: pd.DataFrame) -> Iterator[_Fault]:
    """Faults that one cell shows, found by a pandera schema."""
    import pandera.pandas as pa

    checks = {name: pa.Check.isin(allowed) for name, allowed in CHOICES.items()}
    checks |= {name: pa.Check.str_matches(_NUMBER) for name in NUMBERS}
    checks |= {name: pa.Check.str_length(min_value=1) for name in NEVER_EMPTY}
    columns = {name: pa.Column(str, check) for name, check in checks.items()}
    columns["id"] = pa.Column(str, pa.Check.str_matches(_ID), unique=True)
    try:
        pa.DataFrameSchema(columns).validate(raw, lazy=True)
    except pa.errors.SchemaErrors as error:
        for case in error.failure_cases.itertuples():
            yield _Fault(int(case.index), _reason(case))


def _reason(case: Any) -> str:
    """Why a cell fails, from a case of pandera."""
    column = case.column
    if column in CHOICES:
        return str(unknown_name(column, case.failure_case, CHOICES[column]))
    expected = "expected a text"
    if column in NUMBERS:
        expected = "not a number"
    elif column == "id" and case.check == "field_uniqueness":
        expected = "it is there twice"
    elif column == "id":
        expected = "expected such as R24-017"
    return f"{column} is {case.failure_case!r}: {expected}"


def _of_rows(
    frame: pd.DataFrame, variables: Mapping[str, Variable]
) -> Iterator[_Fault]:
    """Faults that one row shows: names that do not exist, a wave without that country, impossible numbers."""
    ids = list(frame["id"])
    for i, row in frame.iterrows():
        reasons = [
            *_unknown(row, variables, ids),
            *_unreadable(row, variables),
            *_misplaced(row, variables),
            *_impossible(row),
        ]
        for reason in reasons:
            yield _Fault(i, reason)


def _unknown(
    row: pd.Series, variables: Mapping[str, Variable], ids: Sequence[str]
) -> Iterator[str]:
    """Names that do not exist."""
    outcomes = []
    if row["item"] != "context":
        outcomes = row["outcome"].split()
    against = []
    if row["note"].startswith(CONTRADICTS):
        against = [name.strip(":") for name in row["note"].split()[1:2]]
    countries = sorted(set(row["countries"].split()))
    yield from _not_among("wave", row["wave"].split(), WAVES)
    yield from _not_among("country", countries, variables["country"].levels)
    yield from _not_among("outcome", outcomes, ["n", "unknown", *variables])
    yield from _not_among("id to contradict", against, ids)


def _not_among(kind: str, words: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """What to say of words that are not among some names."""
    names = list(names)
    for word in words:
        if word not in names:
            yield str(unknown_name(kind, word, names))


def _unreadable(row: pd.Series, variables: Mapping[str, Variable]) -> Iterator[str]:
    """A group that cannot be read."""
    try:
        parse_group(row["group"], variables)
    except TrustlibError as error:
        yield f"group: {error}"


def _misplaced(row: pd.Series, variables: Mapping[str, Variable]) -> Iterator[str]:
    """A figure without its wave, or of countries that its wave does not have."""
    of_polling = row["survey"] == "polling" and row["item"] != "context"
    if of_polling != bool(row["wave"]):
        yield "a figure of the polling has a wave, and no other row has one"
        return
    if not of_polling:
        return
    places = set(row["countries"].split())
    polled: set[str] = set()
    for wave in row["wave"].split():
        polled |= set(WAVES.get(wave, places))
    that_exist = places & set(variables["country"].levels)
    if not places or not that_exist <= polled:
        yield (
            f"countries are {row['countries'] or 'empty'}, but {row['wave']} has "
            f"{', '.join(sorted(polled))}"
        )


def _impossible(row: pd.Series) -> Iterator[str]:
    """A number where there should be none, none where there should be one, or one out of range."""
    statistic = row["statistic"]
    has_number = statistic in _RANGES
    lacks = set(row[["value", "half_width"]].isna())
    if statistic in CHOICES["statistic"] and lacks != {not has_number}:
        which = "a" if has_number else "no"
        yield f"a {statistic} has {which} value and half_width"
    elif has_number:
        least, most = _RANGES[statistic]
        if not least <= row["value"] <= most:
            yield (
                f"a {statistic} of {row['value']:g} is not between {least} and {most}"
            )


def _of_people(frame: pd.DataFrame) -> Iterator[_Fault]:
    """Numbers of people that contradict each other: of one group, or of its countries or waves."""
    by_group = defaultdict(list)
    is_context = frame["item"] == "context"
    says_so = frame["note"].str.startswith(CONTRADICTS)
    for i, row in frame[~is_context & ~says_so].iterrows():
        people = _people(row, i)
        if people.least >= 0:
            key = (row["survey"], row["group"], row["conditioning"])
            by_group[key].append(people)
    for group in by_group.values():
        yield from _repeated(group)
        for total in group:
            yield from _not_the_sum(total, group)


def _people(row: pd.Series, i: int) -> _People:
    """The number of people behind a row, or that it counts; NaN if it says neither."""
    least = most = row["base_n"]
    if row["statistic"] == "count":
        least = row["value"] - row["half_width"]
        most = row["value"] + row["half_width"]
        if row["comparison"] == "<":
            least = 0
        if row["comparison"] == ">":
            most = math.inf
    waves = frozenset(row["wave"].split())
    countries = frozenset(row["countries"].split())
    return _People(waves, countries, least, most, row["id"], i)


def _repeated(group: Sequence[_People]) -> Iterator[_Fault]:
    """Another number of the same people."""
    for one, two in combinations(group, 2):
        apart = max(one.least, two.least) > min(one.most, two.most)
        if apart and one.has_place_of(two):
            yield _Fault(
                two.row,
                f"contradictory n: {one.id} gives another number of the same people",
            )


def _not_the_sum(total: _People, group: Sequence[_People]) -> Iterator[_Fault]:
    """Waves or countries whose numbers do not add up."""
    parts = {}
    for part in group:
        if part.is_whole_wave_of(total) or part.is_country_of(total):
            parts[part.waves, part.countries] = part
    low = sum(part.least for part in parts.values())
    high = sum(part.most for part in parts.values())
    several_waves = len(total.waves) > 1
    expected = total.waves if several_waves else total.countries
    all_there = len(parts) == len(expected)
    if low > total.most or (high < total.least and all_there):
        names = ", ".join(part.id for part in parts.values())
        yield _Fault(total.row, f"contradictory n: {names} do not add up to it")


def asked_in(codebook: str | Path = "data/codebook.yml") -> pd.DataFrame:
    """Which variable was asked in which wave and country, as far as anybody printed it.

    Parameters
    ----------
    codebook : path

    Returns
    -------
    DataFrame
        Columns ``variable``, ``wave``, ``country`` and ``asked``: ``asked``, ``not
        asked`` or ``unknown``. Variables that are not of the polling have no rows.

    Raises
    ------
    CodebookError
        Lists every wave, country and answer that does not exist.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> text = "variables: {lgbtq: {asked_in: {2022: {default: asked, JP: unknown}}}}"
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "codebook.yml")
    ...     _ = file.write_text(text)
    ...     table = asked_in(file)
    >>> table.loc[table["country"].isin(["JP", "UK"]), "asked"].tolist()
    ['unknown', 'asked']
    """
    rows: list[tuple[str, str, str, str]] = []
    faults: list[str] = []
    for name, variable in load_codebook(codebook).items():
        for wave, answer in variable.asked_in.items():
            by_country: Mapping[str, Any] = {DEFAULT: answer}
            if isinstance(answer, dict):
                by_country = answer
            countries = WAVES.get(wave, ())
            reasons = [
                *_not_among("wave", [wave], WAVES),
                *_not_among("country", by_country, (DEFAULT, *countries)),
                *_not_among("answer", by_country.values(), ASKED),
            ]
            faults += [f"variable {name}: {reason}" for reason in reasons]
            default = by_country.get(DEFAULT, "unknown")
            for country in countries:
                asked = by_country.get(country, default)
                rows.append((name, wave, country, asked))
    raise_faults(
        CodebookError,
        f"{codebook} does not say what was asked",
        faults,
        "Each wave has one answer for all countries, or answers by country and a "
        "default.",
    )
    return pd.DataFrame(rows, columns=["variable", "wave", "country", "asked"])
