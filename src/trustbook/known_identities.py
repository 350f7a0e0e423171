"""Identities of known surveys: which columns they are, and what the codes mean where the codebook says so.

``known_identities.yml`` has the names. A survey is known by its weights, strata and PSUs
(`trustbook.known_designs`), else by names of columns that no other survey uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from trustbook.known_designs import plain_name
from trustlib.schema import load_yaml


@dataclass(frozen=True)
class KnownIdentity:
    """What a codebook says of a column.

    Attributes
    ----------
    survey, source : str
        Where it is from.
    variable : str
        Of the codebook of this book; empty if none is the same.
    label : str
    values : dict
        Code -> level, the reference first; empty where the codes are not known for sure.
    missing : tuple of str
        Codes that mean no answer.
    is_ordered : bool
        Whether the levels are a scale.

    Examples
    --------
    >>> KnownIdentity("NHANES", "its codebook", "gender").values
    {}
    """

    survey: str
    source: str
    variable: str = ""
    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    is_ordered: bool = False


def identities_of(names: Iterable[str], survey: str = "") -> dict[str, KnownIdentity]:
    """The columns of a file that are identities of a known survey.

    Parameters
    ----------
    names : iterable of str
        All columns.
    survey : str
        The one that is known by its design; empty if none is.

    Returns
    -------
    dict
        Column -> what is known of it.

    Examples
    --------
    >>> found = identities_of(["RIAGENDR", "RIDRETH1", "HUQ010"])
    >>> {name: known.variable for name, known in found.items()}
    {'RIAGENDR': 'gender', 'RIDRETH1': 'ethnicity_detail'}
    >>> identities_of(["sex", "race"])
    {}
    """
    there = {plain_name(name): str(name) for name in names}
    known = _known()
    own = survey if survey in known else _told_by_names(set(there))
    if not own:
        return {}
    facts = known[own]
    found: dict[str, KnownIdentity] = {}
    for pattern, said in facts["columns"].items():
        wanted = re.escape(plain_name(pattern)).replace(re.escape("{year}"), r"\d\d")
        for plain, name in there.items():
            if re.fullmatch(wanted, plain):
                found[name] = _identity(own, facts["source"], said)
    return found


def _told_by_names(there: set[str]) -> str:
    """The survey of which a file has the most names that no other survey uses."""
    best = ""
    most = 0
    for survey, facts in _known().items():
        told = len(there & set(map(plain_name, facts.get("alone", []))))
        if told > most:
            best = survey
            most = told
    return best


def _identity(survey: str, source: str, said: Mapping[str, Any]) -> KnownIdentity:
    values = {str(code): str(level) for code, level in said.get("values", {}).items()}
    return KnownIdentity(
        survey,
        source,
        said.get("variable", ""),
        said.get("label", ""),
        values,
        tuple(map(str, said.get("missing", []))),
        bool(said.get("ordered")),
    )


@cache
def _known() -> dict[str, Any]:
    known: dict[str, Any] = load_yaml(Path(__file__).with_name("known_identities.yml"))
    return known
