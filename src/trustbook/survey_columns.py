"""A column of a survey file: what the file says of it, and which identity it seems to be.

Words by which columns are known are in ``words.yml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.known_identities import KnownIdentity
from trustlib.answers import code_of, numbers_of, plain
from trustlib.personal import kind_of_column, spaced
from trustlib.schema import load_yaml

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
_HAS_DIGIT = re.compile(r"\d")
FEW_WORDS = 5  # of a label that names something and asks nothing
TRUST = (
    "low_trust",
    "trust_damaged_provider",
    "trust_damaged_system",
    "trust_damaged_any",
)


@dataclass(frozen=True)
class Membership:
    """What 0 and 1 mean in a column that says who belongs to a group.

    Attributes
    ----------
    variable : str
        Of the codebook; empty if none is.
    no, yes : str
        The levels of 0 and 1.

    Examples
    --------
    >>> Membership("gender", "man", "woman").levels
    ['man', 'woman']
    """

    variable: str
    no: str
    yes: str

    @property
    def levels(self) -> list[str]:
        """The levels, the reference first."""
        return ["man", "woman"] if self.variable == "gender" else [self.no, self.yes]


@dataclass(frozen=True)
class Column:
    """A column of a file, and what the file says about it.

    Attributes
    ----------
    given : Series
    absent : Series of bool
        Whose answer the file declares missing.
    title : str
        Its label.
    labels : dict
        Code -> label.
    is_declared : bool
        Whether the file declares values of it missing.
    is_listed : bool
        Whether it belongs to a list of things to tick.
    decimal : str
    known : KnownIdentity, optional
        What the codebook of a known survey says of it.

    Examples
    --------
    >>> given = pd.Series(["f", "", "m"], name="sex")
    >>> Column(given, given == "?", "", {}).blank
    1
    """

    given: pd.Series
    absent: pd.Series
    title: str
    labels: Mapping[Any, str]
    is_declared: bool = False
    is_listed: bool = False
    decimal: str = "."
    known: KnownIdentity | None = None

    @property
    def name(self) -> str:
        """Its name in the file."""
        return str(self.given.name)

    @cached_property
    def answers(self) -> pd.Series:
        """The answers, without those that the file declares missing."""
        return self.given.mask(self.absent)

    @cached_property
    def is_filled(self) -> pd.Series:
        """Who gave an answer."""
        texts = self.answers.astype(str).str.strip()
        return self.answers.notna() & (texts != "")

    @cached_property
    def counts(self) -> pd.Series:
        """How many people gave each answer."""
        return self.answers[self.is_filled].value_counts()

    @cached_property
    def personal(self) -> str:
        """The kind of personal details that it may hold; empty if none."""
        if self.labels:
            return ""
        return kind_of_column(self.answers[self.is_filled], self.title)

    @property
    def blank(self) -> int:
        """How many people gave none, and none that the file declares missing."""
        return int((~self.is_filled & ~self.absent).sum())

    @cached_property
    def guess(self) -> str:
        """The variable of the codebook that its name or label suggests; empty if none."""
        if self.known is not None:
            return self.known.variable
        if self.belongs_to is not None:
            return self.belongs_to.variable
        name = spaced(self.name)
        title = self.title.lower()
        for text in (name, title):
            for variable, words in WORDS["columns"].items():
                if re.search(words, text) and self._may_be(variable, text):
                    return variable
        return ""

    def _may_be(self, variable: str, text: str) -> bool:
        """Whether nothing in a text that suggests a variable says that it is another one."""
        if variable == "age_band":
            return not re.search(pattern("not_ages"), text)
        if variable in TRUST:
            return True
        return not re.search(pattern("not_of_identity"), text)

    @cached_property
    def is_identity(self) -> bool:
        """Whether groups are usually compared by it."""
        if self.known is not None or self.belongs_to is not None:
            return True
        if self.guess:
            return self.guess not in TRUST
        name = spaced(self.name)
        title = self.title.lower()
        texts = (name, title)
        if any(re.search(pattern("not_of_identity"), text) for text in texts):
            return False
        if any(re.search(pattern("identities"), text) for text in texts):
            return True
        short = pattern("identities_in_short")
        return any(_is_short(t) and re.search(short, t) for t in texts)

    @cached_property
    def belongs_to(self) -> Membership | None:
        """The group of which its name says that 1 means to belong to it; None if none."""
        for text in (spaced(self.name), self.title.lower()):
            for gender, words in WORDS["one_gender"].items():
                if _names_group(words, text):
                    other = "man" if gender == "woman" else "woman"
                    return Membership("gender", other, gender)
            if _names_group(WORDS["one_minority"], text):
                return Membership("ethnicity", "majority", "minority")
            if _names_group(pattern("members"), text) and "disab" not in text:
                return Membership("", "no", "yes")
        return None


def _names_group(words: str, text: str) -> bool:
    """Whether a text is the name of a group, and no more."""
    around = (WORDS["before_group"], WORDS["behind_group"])
    return bool(re.fullmatch(f"{around[0]}({words}){around[1]}", text))


def _is_short(text: str) -> bool:
    """Whether a text is a name or a few words, and no question."""
    return len(text.split()) <= FEW_WORDS and not re.search(r"[?？]", text)


def spelling(value: Any, labels: Mapping[Any, str]) -> str:
    """How an answer is written in a mapping: its label if only it has this one, else its code, else both.

    Examples
    --------
    >>> spelling(1.0, {1.0: "Yes", 2.0: "No"}), spelling(3.0, {1.0: "Yes"})
    ('Yes', '3')
    """
    label = labels.get(value, "")
    code = None if isinstance(value, str) else code_of(value)
    own = code or plain(str(value))
    others = [other for other in labels if other != value]
    other_labels = [labels[other] for other in others]
    if own in other_labels:
        return f"[{own}] {label}" if label else own
    if not label or label in other_labels:
        return own
    if label in [code_of(other) or plain(str(other)) for other in others]:
        return f"[{own}] {label}"
    return label


@cache
def pattern(name: str) -> str:
    """A pattern of ``words.yml``, of several lines, as one.

    Examples
    --------
    >>> bool(re.search(pattern("identities"), "level of education"))
    True
    """
    return re.sub(r"\|\s+", "|", WORDS[name])


def numbers_spelt(column: Column, answers: Sequence[Any]) -> list[float] | None:
    """The numbers that answers spell; None if some spell none.

    Examples
    --------
    >>> given = pd.Series(["13,2"], name="years")
    >>> numbers_spelt(Column(given, given == "?", "", {}, decimal=","), ["13,2"])
    [13.2]
    """
    if any(isinstance(a, str) and not _HAS_DIGIT.search(a) for a in answers):
        return None
    try:
        numbers = numbers_of(pd.Series(list(answers), dtype=object), column.decimal)
    except ValueError:
        return None
    if numbers.isna().any():
        return None
    return [float(number) for number in numbers]


def by_number(column: Column, answers: Sequence[str]) -> list[str] | None:
    """Answers by size if all are numbers, as their file writes these; else None.

    Examples
    --------
    >>> given = pd.Series(["10", "9.5"], name="years")
    >>> by_number(Column(given, given == "?", "", {}), ["10", "9.5"])
    ['9.5', '10']
    """
    numbers = numbers_spelt(column, answers)
    if numbers is None or len(set(numbers)) < max(2, len(answers)):
        return None
    pairs = zip(numbers, answers, strict=True)
    return [answer for _, answer in sorted(pairs)]
