"""What the answers of a column mean by one rule of a mapping, and what is wrong with them.

An answer is written as its value label, its text or its code; ``"[2] Female"`` names
code and label where one alone could mean two answers. Faults are collected, not raised:
a file is refused once, with all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trustlib.answers import code_of, numbers_of, plain, spellings
from trustlib.disclosure import MINIMUM
from trustlib.errors import is_number
from trustlib.masking import spoken
from trustlib.missing_words import seem_missing

if TYPE_CHECKING:
    from trustlib.forms import Part

BLANK = "blank in the file"
TOO_FEW = "too few to show"  # what seems to be no answer, of fewer than ten people
DECLARED = "declared missing in the file"


@dataclass(frozen=True)
class ColumnFacts:
    """What a file says of one column.

    Attributes
    ----------
    labels : dict
        Code -> label.
    missing : list
        Codes that it declares missing.
    people : Series, optional
        The answer of each person, where `translate` is given each different one once.
    decimal : {".", ","}
        What stands before decimals.

    Examples
    --------
    >>> ColumnFacts({9.0: "Refused"}, [9.0]).kind_of_missing(9.0)
    'Refused'
    """

    labels: dict
    missing: list
    people: pd.Series | None = None
    decimal: str = "."

    def kind_of_missing(self, answer: Any) -> str | None:
        """The kind that the file gives a code; None if it is an answer.

        Its label, and the code where that tells several apart.
        """
        if answer not in self.missing:
            return None
        if answer in self.labels:
            return str(self.labels[answer])
        unnamed = [code for code in self.missing if code not in self.labels]
        if len(unnamed) == 1:
            return DECLARED
        return f"{DECLARED} ({spellings(answer)[-1]})"


@dataclass(frozen=True)
class Translated:
    """Answers in codebook terms.

    Attributes
    ----------
    values : object array (n,)
        None where missing.
    kinds : object array (n,)
        The kind of missing; None elsewhere.
    faults : tuple of str
        What is wrong with the column or the rule.

    Examples
    --------
    >>> import numpy as np
    >>> Translated(np.array(["man"]), np.array([None])).faults
    ()
    """

    values: np.ndarray
    kinds: np.ndarray
    faults: tuple[str, ...] = ()


def translate(
    raw: pd.Series, part: Part, missing: dict[str, str], facts: ColumnFacts
) -> Translated:
    """One column of a file through one rule of its mapping.

    Parameters
    ----------
    raw : Series
        Answers as the file holds them.
    part : Part
        The rule.
    missing : dict
        Answers that mean missing in any column -> kind of missing.
    facts : ColumnFacts

    Returns
    -------
    Translated

    Examples
    --------
    >>> import pandas as pd
    >>> from trustlib.forms import Part
    >>> part = Part(values={"Male": "man", "Female": "woman"})
    >>> raw = pd.Series(["Male"] + ["Other"] * 20, name="sex")
    >>> translate(raw, part, {}, ColumnFacts({}, [])).faults
    ("column sex has answers that are not declared: 'Other'",)
    """
    codes, distinct = pd.factorize(raw, use_na_sentinel=True)
    people = raw if facts.people is None else facts.people
    meanings = _Meanings(part, missing, facts, people)
    translated = [meanings.of(answer) for answer in distinct]
    translated.append(meanings.blank)  # what factorize codes as -1
    meanings.check(list(distinct))
    place = f"column {raw.name}"
    faults = [f"{place}: {fault}" for fault in dict.fromkeys(meanings.faults)]
    faults += meanings.faults_of_answers(place)
    values, kinds = zip(*translated, strict=True)
    return Translated(
        np.array(values, dtype=object)[codes],
        np.array(kinds, dtype=object)[codes],
        tuple(faults),
    )


def any_of(parts: Sequence[Translated], positive: Any) -> Translated:
    """One variable from several columns.

    Parameters
    ----------
    parts : sequence of Translated
    positive : Any
        The value that one column is enough for.

    Returns
    -------
    Translated
        Positive if any part is; missing if none is and some part is missing; else the
        first part's value.

    Examples
    --------
    >>> import numpy as np
    >>> deaf = Translated(np.array([1, None, 0], object), np.array([None, "refused", None]))
    >>> blind = Translated(np.array([0, 0, 0], object), np.array([None, None, None]))
    >>> any_of([deaf, blind], 1).values.tolist()
    [1, None, 0]
    """
    value = parts[0].values.copy()
    kind = parts[0].kinds.copy()
    for other in parts[1:]:
        value[pd.isna(other.values) & (value != positive)] = None
        value[other.values == positive] = positive
        unknown = pd.isna(kind)
        kind[unknown] = other.kinds[unknown]
    kind[pd.notna(value)] = None
    return Translated(value, kind)


class _Meanings:
    """What the answers of one column mean by one rule, and what is wrong with them."""

    def __init__(
        self,
        part: Part,
        missing: dict[str, str],
        facts: ColumnFacts,
        people: pd.Series,
    ) -> None:
        self.part = part
        self.facts = facts
        self.people = people
        self.values = part.meanings
        self.bands = part.bands
        self.missing_here = part.missing
        self.missing_anywhere = missing
        self.faults: list[str] = []
        self.undeclared: list[Any] = []
        self.outside: list[Any] = []  # numbers that no band has
        self.others: list[Any] = []  # answers that are taken for no
        self._people_of: dict[Any, int] | None = None
        self._numbered: dict[float, Any] | None = None  # of declared answers

    def of(self, answer: Any) -> tuple[Any, str | None]:
        """The value of an answer and its kind of missing; one of the two is None."""
        names = _names(answer, self.facts.labels)
        value = self._meaning(self.values, names)
        kind = self._meaning(self.missing_here, names)
        if value is not None and kind is not None:
            written = self._written(names)
            fault = f"{written!r} is declared as an answer and as missing"
            self.faults.append(fault)
        if value is not None:
            return value, None
        anywhere = self._meaning(self.missing_anywhere, names)
        for known in (kind, anywhere, self.facts.kind_of_missing(answer)):
            if known is not None:
                return None, str(known)
        if plain(str(answer)) == "":
            return self.blank
        if self.part.is_declared:
            return self._by_rule(answer)
        if self.part.rare is not None and self._is_rare(answer):
            return None, str(self.part.rare)
        if isinstance(answer, str):
            return plain(answer), None
        return answer, None

    def _by_rule(self, answer: Any) -> tuple[Any, str | None]:
        """What an answer means that is not declared by itself."""
        if self.part.chosen is not None:
            return self._is_chosen(answer), None
        if self.bands:
            number = self._number(answer)
            if number is not None:
                return self._band(number, answer), None
        if self.part.rare is not None and self._is_rare(answer):
            return self._rare(answer)
        if self.part.yes is not None and self.part.no is None:
            self.others.append(answer)
            return 0, None
        self.undeclared.append(answer)
        return None, None

    def _rare(self, answer: Any) -> tuple[Any, str | None]:
        """What an answer means that few people gave."""
        rare = self.part.rare
        if not self.part.counts_rare:
            return None, str(rare)
        text = self.shown_text(answer)
        declared = [key for key in self.values if code_of(key) is not None]
        known = [text] if answer in self.facts.labels else []
        if text in seem_missing([text, *declared], known):
            return None, TOO_FEW
        if isinstance(rare, int):
            return rare, None
        nearest = self._nearest(answer)
        if nearest is None:
            self.undeclared.append(answer)
        return nearest, None

    def _value(self, answer: Any) -> Any:
        """What a frequent answer gives; None if it is missing or not declared."""
        names = _names(answer, self.facts.labels)
        value = self._meaning(self.values, names)
        if value is not None or self.part.yes is None or self.part.no is not None:
            return value
        kinds = (self.missing_here, self.missing_anywhere)
        is_missing = any(self._meaning(kind, names) is not None for kind in kinds)
        is_missing = is_missing or self.facts.kind_of_missing(answer) is not None
        return None if is_missing or plain(str(answer)) == "" else 0

    def _nearest(self, answer: Any) -> Any:
        """What the frequent answer means whose number is nearest; None without numbers."""
        own = self._number(answer)
        if own is None:
            return None
        if self._numbered is None:
            self._numbered = {}
            for other in self.people.dropna().unique():
                value = None if self._is_rare(other) else self._value(other)
                number = self._number(other)
                if value is not None and number is not None:
                    self._numbered[number] = value
        if not self._numbered:
            return None
        near = min(self._numbered, key=lambda number: (abs(number - own), number))
        return self._numbered[near]

    def _is_chosen(self, answer: Any) -> int:
        """Whether an option is among those of a cell."""
        options = self.shown_text(answer).split(self.part.between.strip())
        wanted = plain(str(self.part.chosen)).casefold()
        return int(wanted in [plain(option).casefold() for option in options])

    def _number(self, answer: Any) -> float | None:
        """An answer as a number; None if it is none."""
        if is_number(answer):
            return float(answer)
        try:
            number = numbers_of(pd.Series([answer], dtype=object), self.facts.decimal)
        except ValueError:
            return None
        return None if pd.isna(number[0]) else float(number[0])

    def _band(self, number: float, answer: Any) -> str | None:
        """The band of a number; None, and a fault, if none has it."""
        for band in self.bands:
            if number in band:
                return band.name
        self.outside.append(answer)
        return None

    def _is_rare(self, answer: Any) -> bool:
        """Whether fewer than ten people gave an answer."""
        if self._people_of is None:
            self._people_of = self.people.value_counts().to_dict()
        return self._people_of.get(answer, 0) < MINIMUM

    def faults_of_answers(self, place: str) -> list[str]:
        """What is wrong with answers that were met, in words that name no rare one."""
        faults = []
        if self.undeclared:
            answers = spoken(self.undeclared, self.people, self.shown)
            faults.append(f"{place} has answers that are not declared: {answers}")
        if self.outside:
            answers = spoken(self.outside, self.people, self.shown)
            faults.append(f"{place} has numbers outside of all bands: {answers}")
        unclear = self._may_be_missing()
        if unclear:
            answers = spoken(unclear, self.people, self.shown)
            faults.append(
                f"{place} has answers that may mean missing beside yes: {answers}; "
                "declare each under missing or no"
            )
        return faults

    def _may_be_missing(self) -> list[Any]:
        """Answers that are taken for no and seem to be no answer at all."""
        if not self.others:
            return []
        labels = self.facts.labels
        text_of = {answer: self.shown_text(answer) for answer in self.others}
        known = [text for answer, text in text_of.items() if answer in labels]
        declared = [answer for answer in self.values if code_of(answer) is not None]
        seeming = seem_missing([*text_of.values(), *declared], known)
        return [answer for answer, text in text_of.items() if text in seeming]

    def shown_text(self, answer: Any) -> str:
        """An answer by its label, if it has one."""
        return self.facts.labels.get(answer, _names(answer, self.facts.labels)[-1][0])

    def shown(self, answer: Any) -> str:
        """An answer in a message that may name it: by its label, if it has one."""
        text = self.facts.labels.get(answer, _names(answer, self.facts.labels)[0][0])
        return repr(text[:60])

    def _written(self, names: list[list[str]]) -> str:
        """How the mapping writes an answer, by the surest of its names."""
        declared = {*self.values, *self.missing_here}
        every = [name for equally_sure in names for name in equally_sure]
        return next(name for name in every if name in declared)

    @property
    def blank(self) -> tuple[Any, str | None]:
        """What it means to have given no answer."""
        if self.part.blank is not None:
            return self.part.blank, None
        for kinds in (self.missing_here, self.missing_anywhere):
            if "" in kinds:
                return None, str(kinds[""])
        return None, BLANK

    def _meaning(self, meanings: dict[str, Any], names: list[list[str]]) -> Any:
        """What the surest of some names means."""
        for equally_sure in names:
            named = [n for n in dict.fromkeys(equally_sure) if n in meanings]
            different = {str(meanings[name]): meanings[name] for name in named}
            if len(different) > 1:
                both = " and ".join(map(repr, named))
                self.faults.append(f"{both} are one answer, with different meanings")
            if different:
                return next(iter(different.values()))
        return None

    def check(self, answers: list[Any]) -> None:
        """Find keys that could mean two answers."""
        labels = self.facts.labels
        known = [*labels, *(answer for answer in answers if answer not in labels)]
        declared = {*self.values, *self.missing_here, *self.missing_anywhere}
        for key in sorted(declared):
            self._check_code_or_label(key, known)
            self._check_spellings(key, known, declared)

    def _check_code_or_label(self, key: str, known: list[Any]) -> None:
        """A code that is another answer's label."""
        labels = self.facts.labels
        labelled = {code for code, label in labels.items() if label == key}
        coded = {answer for answer in known if key in spellings(answer)}
        if labelled and coded and labelled != coded:
            self.faults.append(
                f"{key!r} is the code of one answer and the label of another; "
                "write '[code] label'"
            )

    def _check_spellings(self, key: str, known: list[Any], declared: set[str]) -> None:
        """A number that stands in the file in two spellings."""
        of_code = [a for a in known if isinstance(a, str) and code_of(a) == key]
        texts = {plain(answer) for answer in of_code}
        unclear = {text for text in texts if text == key or text not in declared}
        if unclear - {key} and len(unclear) > 1:
            written = [answer for answer in of_code if plain(answer) in unclear]
            both = spoken(written, self.people)
            self.faults.append(
                f"{key!r} may mean {len(unclear)} spellings, which are {both}; "
                "declare each as it is written in the file"
            )


def _names(value: object, labels: dict) -> list[list[str]]:
    """How an answer may be written in a mapping, the surest first.

    ``[2] Female``; its label, its text or for a number its code; for a text that spells
    a number this number.
    """
    own = spellings(value)
    loose = [code_of(value) or own[0]]
    if value not in labels:
        return [own, loose]
    label = labels[value]
    return [[f"[{own[-1]}] {label}"], [label], own, loose]
