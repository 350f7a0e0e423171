"""Names of columns as programs export them: in quotes, in two rows, or twice for a list and its free text.

SurveyMonkey writes a question once, above the first of its columns, and below it in a
second row what each column holds: an option, an item, or the word *Response*. Such a
row is no person. It is known by rules that no answers can meet by chance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

BETWEEN = " - "  # a question and its option
# What stands below a question that is answered in one column.
_RESPONSE = re.compile(
    r"(open[- ]?ended )?responses?|(offene )?antwort(en)?|réponses?( ouvertes?)?|"
    r"respuestas?( abiertas?)?|respostas?( abertas?)?|risposta( aperta)?|risposte|"
    r"(open )?(antwoord|reactie)|svar|odpowiedź|(自由)?回答",
    re.IGNORECASE,
)
_FREE_TEXT = re.compile(
    r"specify|angeben|précise|especifi|specificare|記入|具体的", re.IGNORECASE
)
_QUOTES = {"'": "'", "‘": "’", "“": "”", "`": "`", "«": "»"}


@dataclass(frozen=True)
class Names:
    """Names of columns, and what they were made of.

    Attributes
    ----------
    names : tuple of str
    rows : int
        Below the first, which belong to the header too.
    listed : tuple of str
        Columns of questions that have several.
    notes : tuple of str
        What was done, in words.

    Examples
    --------
    >>> Names(("sex",)).rows
    0
    """

    names: tuple[str, ...]
    rows: int = 0
    listed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def names_of(
    first: Sequence[str],
    second: Sequence[str],
    others: Sequence[Sequence[str]] = (),
) -> Names:
    """The names of columns by the first rows of a table.

    Parameters
    ----------
    first : sequence of str
        The row of names.
    second : sequence of str
        The row below it.
    others : sequence of sequence of str
        Rows further down.

    Returns
    -------
    Names

    Examples
    --------
    >>> names_of(["id", "Which films?", "", "Sex"], ["", "Alien", "Brazil", "Response"]).names
    ('id', 'Which films? - Alien', 'Which films? - Brazil', 'Sex')
    >>> names_of(["'sex'", "'age'"], ["f", "41"]).names
    ('sex', 'age')
    """
    own = [without_quotes(name) if name.strip() else "" for name in first]
    if _is_second_header(own, second) and not _is_answered_so(second, others):
        return _joined(own, second)
    return _with_free_texts(own)


def without_quotes(name: str) -> str:
    """A name without single or typographic quotes around it.

    Examples
    --------
    >>> without_quotes("'educ'"), without_quotes("don't know"), without_quotes("''")
    ('educ', "don't know", "''")
    """
    text = name.strip()
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1]:
        inner = text[1:-1]
        if text[0] not in inner and text[-1] not in inner and inner.strip():
            return inner.strip()
    return name


def _is_second_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a row below the names says what each column of a question holds.

    It names every column that has no name of its own. The first column, which numbers
    the respondents, is blank in it, or is a question as well. The word *Response* stands
    in it; without that word nothing in it is a number, and no question repeats an option.
    """
    if len(second) != len(first) or not first or not first[0].strip():
        return False
    below = [text.strip() for text in second]
    nameless = [text for name, text in zip(first, below, strict=True) if not name]
    if not all(nameless):
        return False
    responses = sum(bool(_RESPONSE.fullmatch(text)) for text in below)
    if responses:
        is_question = _RESPONSE.fullmatch(below[0]) or not "".join(first[1:2]).strip()
        return not below[0] or (responses > 1 and bool(is_question))
    if not nameless or below[0]:
        return False
    filled = list(filter(None, below))
    named = list(zip(_carried(first), below, strict=True))
    options = [pair for pair in named if pair[1]]
    is_number = any(re.fullmatch(r"[\d.,:/\s%+-]+", text) for text in filled)
    return not is_number and len(set(options)) == len(options)


def _is_answered_so(second: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether somebody further down answered *Response* too, so that it is an answer."""
    places = [i for i, text in enumerate(second) if _RESPONSE.fullmatch(text.strip())]
    return any(
        _RESPONSE.fullmatch(row[i].strip())
        for row in others
        for i in places
        if i < len(row)
    )


def _carried(names: Sequence[str]) -> list[str]:
    """Names, each carried on to the nameless columns at its right."""
    carried: list[str] = []
    for name in names:
        carried.append(name or carried[-1])
    return carried


def _joined(first: Sequence[str], second: Sequence[str]) -> Names:
    """The names of a table with a second row of names."""
    questions = _carried(first)
    options = ["" if _RESPONSE.fullmatch(t.strip()) else t.strip() for t in second]
    joined = [
        f"{question}{BETWEEN}{option}" if option else question
        for question, option in zip(questions, options, strict=True)
    ]
    names = _distinct(joined, joined)
    listed = [
        name
        for name, question in zip(names, questions, strict=True)
        if questions.count(question) > 1
    ]
    note = (
        "1 further header row, as SurveyMonkey writes it: columns are called by their "
        "question and what stands below it"
    )
    return Names(tuple(names), 1, tuple(listed), (note,))


def _distinct(names: Sequence[str], repeatable: Sequence[str]) -> list[str]:
    """Names, each there once: (2) stands behind one that was there before and may be."""
    distinct: list[str] = []
    for name in names:
        own = name
        number = 2
        while own in distinct and name in repeatable:
            own = f"{name} ({number})"
            number += 1
        distinct.append(own)
    return distinct


def _with_free_texts(names: Sequence[str]) -> Names:
    """Names of which an option *other* and its free text may have the same."""
    repeatable = [name for name in names if BETWEEN in name and _FREE_TEXT.search(name)]
    return Names(tuple(_distinct(names, repeatable)))
