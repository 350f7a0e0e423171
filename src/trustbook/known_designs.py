"""The sample design that a file seems to have: the columns of known surveys, else columns whose names say it.

``known_surveys.yml`` has the names. What belongs to a design is never proposed as an
identity, also where the rest of the design is lacking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from trustlib.answers import means_missing, numbers_of
from trustlib.disclosure import MINIMUM
from trustlib.escaping import yaml_string
from trustlib.personal import spaced
from trustlib.rounding import people_in_words
from trustlib.schema import load_yaml

UNITS = ("strata", "psu")
KEYS = ("weight", *UNITS)
HEAVY = 1000  # whole numbers of this size are no pounds of people
LEAST_WHOLE = 1  # the same in a file whose weights are known by their names


@dataclass(frozen=True)
class KnownDesign:
    """What a file says of its sample.

    Attributes
    ----------
    columns : dict
        weight, strata or psu -> candidates, the first is proposed.
    replicates : list of str
    survey : str
        A known one; empty for others.
    facts : dict
        What is known of that survey.

    Examples
    --------
    >>> KnownDesign({"weight": ["w"]}).names
    {'w'}
    """

    columns: dict[str, list[str]] = field(default_factory=dict)
    replicates: list[str] = field(default_factory=list)
    survey: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """All its columns."""
        every = [name for names in self.columns.values() for name in names]
        return {*every, *self.replicates}


def design_of(raw: pd.DataFrame) -> KnownDesign:
    """The design that a file seems to have.

    Parameters
    ----------
    raw : DataFrame
        From `trustlib.files.read_table`.

    Returns
    -------
    KnownDesign

    Examples
    --------
    >>> raw = pd.DataFrame({"SDMVSTRA": [1, 2], "SDMVPSU": [1, 1], "WTINT2YR": [9.5, 8.0]})
    >>> design_of(raw).survey, design_of(raw).columns["strata"]
    ('NHANES', ['SDMVSTRA'])
    """
    known = _known_survey(raw)
    named = _by_words(raw)
    columns = {
        key: list(dict.fromkeys([*known.columns.get(key, []), *named.columns[key]]))
        for key in KEYS
    }
    for key, other in (("strata", "psu"), ("psu", "strata")):  # each column once
        sure = known.columns.get(other, [])
        columns[key] = [name for name in columns[key] if name not in sure]
    replicates = known.replicates or named.replicates
    columns["weight"] = [w for w in columns["weight"] if w not in replicates]
    found = {key: names for key, names in columns.items() if names}
    return KnownDesign(found, replicates, known.survey, known.facts)


def _known_survey(raw: pd.DataFrame) -> KnownDesign:
    """The known survey of which the file has the most columns."""
    there = {plain_name(name): str(name) for name in raw}
    best = KnownDesign()
    for survey, facts in _known()["surveys"].items():
        beside = facts.get("beside")
        if beside and not set(map(plain_name, beside)) & set(there):
            continue
        columns = {key: _present(facts.get(key, []), there) for key in KEYS}
        weights = columns["weight"]
        usable = [name for name in weights if may_be_weight(raw, name, LEAST_WHOLE)]
        columns["weight"] = usable
        replicates = _replicates(facts.get("replicates", []), there)
        found = KnownDesign(columns, replicates, survey, facts)
        sure = usable or any(columns[key] for key in UNITS)
        if sure and len(found.names) > len(best.names):
            best = found
    return best


def plain_name(name: Any) -> str:
    """A name of a column as it is compared.

    Examples
    --------
    >>> plain_name("_LLCPWT"), plain_name("X_LLCPWT")
    ('_llcpwt', '_llcpwt')
    """
    text = str(name).casefold()
    return text.removeprefix("x") if text.startswith("x_") else text


def _present(wanted: Sequence[str], there: Mapping[str, str]) -> list[str]:
    """The columns of the file that have some names, in their order."""
    found = []
    for name in wanted:
        pattern = re.escape(plain_name(name)).replace(re.escape("{year}"), r"\d\d")
        found += [own for plain, own in there.items() if re.fullmatch(pattern, plain)]
    return found


def _replicates(prefixes: Sequence[str], there: Mapping[str, str]) -> list[str]:
    """The columns that are a prefix and a number from 1, in order."""
    for prefix in prefixes:
        start = re.escape(plain_name(prefix))
        numbered = {
            int(match[1]): own
            for plain, own in there.items()
            if (match := re.fullmatch(rf"{start}(\d+)", plain))
        }
        numbered.pop(0, None)
        if len(numbered) > MINIMUM:
            return [numbered[number] for number in sorted(numbered)]
    return []


def _by_words(raw: pd.DataFrame) -> KnownDesign:
    """Columns whose names or labels say that they are of a design."""
    titles = raw.attrs.get("titles", {})
    candidates: dict[str, list[str]] = {key: [] for key in KEYS}
    for name in raw:
        for text in (spaced(str(name)), str(titles.get(name) or "").lower()):
            key = _key_of(text)
            if key and name not in candidates[key]:
                candidates[key].append(name)
                break
    weights = [name for name in candidates["weight"] if may_be_weight(raw, name)]
    candidates["weight"] = weights
    candidates["psu"] = [n for n in candidates["psu"] if n not in candidates["strata"]]
    return KnownDesign(candidates, _longest_series(weights))


def _key_of(text: str) -> str:
    """What of a design a name or a label says; a long question says nothing of it."""
    if len(text) > 60 or re.search(_known()["not_weights"], text):
        return ""
    words = _known()["words"]
    return next((key for key in KEYS if re.search(words[key], text)), "")


def may_be_weight(raw: pd.DataFrame, name: str, least_whole: float = HEAVY) -> bool:
    """Whether a column has numbers that are not negative, not all whole or small; blanks are allowed.

    Parameters
    ----------
    raw : DataFrame
    name : str
    least_whole : float
        From which middle value on whole numbers may be weights: those of people, in
        pounds, are smaller.

    Returns
    -------
    bool

    Examples
    --------
    >>> raw = pd.DataFrame({"w": ["0.5", "", "1.5"], "q": ["1", "2", "3"]})
    >>> may_be_weight(raw, "w"), may_be_weight(raw, "q")
    (True, False)
    """
    numbers = numbers_in(raw, name)
    filled = ~_is_blank(raw[name])
    known = numbers[filled]
    if known.empty or known.isna().any() or (known < 0).any():
        return False
    return bool((known % 1 != 0).any() or known.median() >= least_whole)


def numbers_in(raw: pd.DataFrame, name: str) -> pd.Series:
    """A column as numbers; none if its decimals are written in two ways.

    Examples
    --------
    >>> numbers_in(pd.DataFrame({"w": ["0.5", "x"]}), "w").tolist()
    [0.5, nan]
    """
    try:
        return numbers_of(raw[name], raw.attrs.get("decimal", "."))
    except ValueError:
        return pd.Series(float("nan"), raw.index)


def _is_blank(column: pd.Series) -> pd.Series:
    texts = column.astype(object).where(column.notna(), "").astype(str)
    return texts.str.strip() == ""


def _longest_series(names: Iterable[str]) -> list[str]:
    """The names that differ in a number at their end only, if more than ten do: replicate weights."""
    names = list(names)
    stems = pd.Series([name.rstrip("0123456789") for name in names], dtype=object)
    counts = stems.value_counts()
    if counts.empty or counts.iloc[0] <= MINIMUM:
        return []
    numbered = re.compile(rf"{re.escape(counts.index[0])}0*[1-9]\d*")
    return [name for name in names if numbered.fullmatch(name)]


def is_of_design(name: str, title: str = "") -> bool:
    """Whether a column is a stratum or a PSU by its name, so that it is no identity.

    Examples
    --------
    >>> is_of_design("SDMVPSU"), is_of_design("sex")
    (True, False)
    """
    if plain_name(name) in _all_units():
        return True
    words = _known()["words"]
    return any(re.search(words[key], spaced(name)) for key in UNITS)


@cache
def _known() -> dict[str, Any]:
    known = load_yaml(Path(__file__).with_name("known_surveys.yml"))
    known["words"] = {
        key: re.sub(r"\|\s+", "|", words) for key, words in known["words"].items()
    }
    return known


@cache
def _all_units() -> frozenset[str]:
    """The strata and PSUs of all known surveys whose names say nothing else."""
    usual = {"cluster", "strata", "stratum", "area", "point", "plan_id", "planid"}
    units = [
        plain_name(name)
        for facts in _known()["surveys"].values()
        for key in UNITS
        for name in facts.get(key, [])
    ]
    return frozenset(units) - usual


def design_lines(
    raw: pd.DataFrame, design: KnownDesign, words: Mapping[str, str]
) -> Iterator[str]:
    """The design of a first mapping, line by line.

    Parameters
    ----------
    raw : DataFrame
    design : KnownDesign
    words : mapping
        Texts of ``words.yml``.

    Yields
    ------
    str
    """
    yield ""
    if design.survey:
        note = design.facts.get("note")
        said = f"; {note}" if note else ""
        yield f"## the columns of {design.survey}{said}"
    first = {key: names[0] for key, names in design.columns.items()}
    usable = {
        key: name
        for key, name in first.items()
        if key == "weight" or not lacking_in(raw[name]).any()
    }
    if usable or design.replicates:
        yield "design:"
    if "weight" not in first:
        yield words["unweighted"]
    for key, names in design.columns.items():
        sign = "" if key in usable else "# "
        yield f"{sign}  {key}: {yaml_string(names[0])}"
        yield from _notes_of(raw, key, names, words)
    if set(UNITS) <= set(usable):
        yield from _rules_of_units(raw[usable["strata"]], raw[usable["psu"]])
    if design.replicates:
        yield from _replicate_lines(design, words)
    elif "weight" in first and not set(UNITS) & set(first):
        yield words["no_units"]


def _notes_of(
    raw: pd.DataFrame, key: str, names: Sequence[str], words: Mapping[str, str]
) -> Iterator[str]:
    """What is to be known of the proposed column, and the other candidates."""
    lacking = lacking_in(raw[names[0]])
    if lacking.any() and key == "weight":
        yield "  weight_blank: 0"
        yield words["weight_blank"].format(people=_how_many(lacking))
    elif lacking.any():
        yield words["unit_blank"].format(people=_how_many(lacking))
    if len(names) > 1:
        others = ", ".join(yaml_string(name) for name in names[1:7])
        yield f"## or {key}: {others}"


def lacking_in(column: pd.Series) -> pd.Series:
    """Who has no value of a column of the design.

    Examples
    --------
    >>> lacking_in(pd.Series(["north", "", None])).tolist()
    [False, True, True]
    """
    absent = [value for value in column.dropna().unique() if means_missing(value)]
    return column.isna() | column.isin(absent)


def _how_many(people: pd.Series) -> str:
    return people_in_words(int(people.sum()))


def _rules_of_units(strata: pd.Series, psu: pd.Series) -> Iterator[str]:
    """What the numbers of strata and PSUs ask for, so that the design can be used."""
    pairs = pd.DataFrame({"strata": strata.astype(str), "psu": psu.astype(str)})
    pairs = pairs.drop_duplicates()
    if pairs["psu"].duplicated().any():
        yield "  nest: true"
        yield "## PSUs are numbered anew in each stratum"
    alone = int((pairs["strata"].value_counts() == 1).sum())
    if alone:
        yield '  lonely_psu: "adjust"'
        yield (
            f"## {alone} of {pairs['strata'].nunique()} strata have a single PSU: ask "
            "the documentation how to go on"
        )


def _replicate_lines(design: KnownDesign, words: Mapping[str, str]) -> Iterator[str]:
    """Replicate weights, with the method and scale that are known or to be asked for."""
    names = design.replicates
    stem = names[0].rstrip("0123456789")
    if names == [f"{stem}{i}" for i in range(1, len(names) + 1)]:
        prefix = yaml_string(stem)
        yield f"  replicate_weights: {{prefix: {prefix}, count: {len(names)}}}"
    else:
        yield f"  replicate_weights: {yaml_string(names)}"
    if "method" not in design.facts:
        scale = 1 - 1 / len(names)
        yield from words["replicates"].format(n=len(names), scale=scale).splitlines()
        return
    yield f"  replicate_method: {design.facts['method']}"
    if "scale" in design.facts:
        yield f"  replicate_scale: {design.facts['scale']}"
