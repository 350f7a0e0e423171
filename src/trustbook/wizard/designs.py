"""The questions on the sample: its weight, its strata and PSUs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from trustbook.known_designs import KnownDesign, lacking_in, may_be_weight
from trustbook.wizard.answers import are_numbers, one_number
from trustbook.wizard.asking import AnswerError, ask, confirm, tell
from trustlib.errors import one_line, unknown_name
from trustlib.escaping import visible

NONE = "none"
UNITS = ("strata", "psu")
MOST_WEIGHTS = 8
LEAST_WHOLE = 1  # from which middle value on whole numbers may be weights she names
NO_WEIGHT = "CAUTION: without a weight everybody counts the same: the percentages are of the sample."
NO_UNITS = (
    "CAUTION: without strata and PSUs, intervals are too narrow where people were drawn in "
    "clusters."
)


def chosen_design(raw: pd.DataFrame, found: KnownDesign) -> KnownDesign:
    """The design of a file, after what has to be asked.

    Parameters
    ----------
    raw : DataFrame
        From `trustlib.files.read_table`.
    found : KnownDesign
        What the file seems to have.

    Returns
    -------
    KnownDesign
    """
    weights = found.columns.get("weight", [])[:MOST_WEIGHTS]
    weight = _weight(raw, weights)
    columns = {} if weight is None else {"weight": [weight]}
    others = {key: found.columns[key][:1] for key in UNITS if key in found.columns}
    if not others and not found.replicates:
        return KnownDesign(columns | _units(raw))
    if _confirmed(found, others):
        return replace(found, columns=columns | others)
    return KnownDesign(columns)


def _weight(raw: pd.DataFrame, candidates: list[str]) -> str | None:
    """The column of the weight."""
    for number, name in enumerate(candidates, 1):
        title = raw.attrs.get("titles", {}).get(name) or ""
        tell(f"  {number:>2}. {visible(name, 40)} {visible(title, 60)}".rstrip())

    def read(text: str) -> str | None:
        if text.casefold() == NONE:
            return None
        if candidates and are_numbers(text):
            return candidates[one_number(text, len(candidates)) - 1]
        return _column_of_weight(raw, text)

    question = "Which column is the weight? Its number or name, or none"
    weight = ask(question, read, "1" if candidates else NONE)
    if weight is None:
        tell(NO_WEIGHT)
    elif lacking_in(raw[weight]).any():
        tell("Some people have no weight: they are left out, and stay in the design.")
    return weight


def _column_of_weight(raw: pd.DataFrame, text: str) -> str:
    name = _column(raw, text)
    if not may_be_weight(raw, name, LEAST_WHOLE):
        raise AnswerError(
            "This column holds something else than numbers above zero. Name another, or "
            "none."
        )
    return name


def _column(raw: pd.DataFrame, text: str) -> str:
    """A column by its name, in capital or small letters."""
    names = [str(name) for name in raw]
    alike = [name for name in names if name.casefold() == text.casefold()]
    if text in names:
        return text
    if len(alike) == 1:
        return alike[0]
    raise AnswerError(visible(one_line(unknown_name("column", text, names)), 300))


def _confirmed(found: KnownDesign, units: dict[str, list[str]]) -> bool:
    """Whether the strata, PSUs and replicate weights that were found are right."""
    parts = [f"{key} {visible(names[0], 40)}" for key, names in units.items()]
    if found.replicates:
        parts.append(f"{len(found.replicates)} replicate weights")
    survey = f" ({found.survey})" if found.survey else ""
    return confirm(f"Found in the design{survey}: {', '.join(parts)}. Use them?")


def _units(raw: pd.DataFrame) -> dict[str, list[str]]:
    """The columns of strata and PSUs that the file does not say."""

    def read(text: str) -> dict[str, list[str]]:
        if text.casefold() == NONE:
            return {}
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > len(UNITS) or not any(parts):
            raise AnswerError(f"Give strata, PSU; or strata; or , PSU; or {NONE}.")
        pairs = zip(UNITS, parts, strict=False)
        return {key: [_complete(raw, part)] for key, part in pairs if part}

    question = "Columns of strata and PSUs, by name with a comma between them, or none"
    units = ask(question, read, NONE)
    if not units:
        tell(NO_UNITS)
    return units


def _complete(raw: pd.DataFrame, text: str) -> str:
    """A column in which everybody has a value."""
    name = _column(raw, text)
    if lacking_in(raw[name]).any():
        raise AnswerError(
            "Some people have no value of this column, so it cannot be of the design. "
            f"Name another, or {NONE}."
        )
    return name
