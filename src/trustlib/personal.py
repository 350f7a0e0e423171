"""Which columns hold personal details: such a column is listed with its kind, its values never.

A kind is recognised by the name of the column, by what most of its values look like, or
by how many of them are unlike all others. An answer that looks like an address or a
date is not repeated either, whoever else gave it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from trustlib.answers import plain

ENOUGH = 20  # values of which it can be said that they are mostly unique
LOOKED_AT = 2000  # values of a column
LONGEST_NAME = 60  # letters of a name of a column that may be a name of a person
DISTINCT = 0.9  # share of values that are unlike all others: identifiers
TELLING = 0.5  # share of values that look like one kind
WORDS = 3  # of an answer in a text of one's own

# Kind -> what its values look like, whole.
_LOOKS = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.[^@\s.]+",
    "IP addresses": r"\d{1,3}(\.\d{1,3}){3}(:\d+)?|(?=.*:.*:)[0-9a-f:]{3,39}(%\w+)?",
    "coordinates": r"\(?[+-]?\d{1,3}[.,]\d{2,}°?\s*[NSEW]?\s*[,;\s]\s*[+-]?\d{1,3}[.,]\d{2,}°?\s*[NSEW]?\)?",
    "dates": r"(\d{4}([-./])\d{1,2}\2\d{1,2}|\d{1,2}([-./])\d{1,2}\3\d{2}(\d{2})?|"
    r"\d{1,2}\.? ?[a-zäéû]{3,9}\.?,? ?\d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})"
    r"([ t]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m|z|[+-]\d\d:?\d\d)?)?",
    "postcodes": r"[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z][ -]?\d[a-z]\d|"
    r"\d{5}-\d{3,4}|\d{3}-\d{4}|\d{4} ?[a-z]{2}",
    "telephone numbers": r"(\+|00)\d[\d ()./-]{6,18}|\(?0\d{1,5}\)?[ /-][\d /-]{5,14}|\(\d{3}\) ?\d{3}-\d{4}",
    "identifiers": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "names of persons": r"(mr|mrs|ms|miss|dr|prof|herr|frau|mme|sr|sra)\.? \S.*",
}
# Kind -> how a column of it is called, in words.
_CALLED = {
    "e-mail addresses": r"\be ?mails?\b",
    "IP addresses": r"\bip( addr(ess)?)?\b",
    "coordinates": r"\b(lat|lon|lng|latitude|longitude|latitud|longitud|gps|coord\w*|geo ?(location|code))\b",
    "dates": r"\b(dob|birth ?(date|day)|date of birth|birthday|geburtsdatum|date de naissance|fecha de nacimiento|"
    r"data de nascimento)\b",
    "postcodes": r"\b(post ?(al )?codes?|zip( ?codes?)?|plz|postleitzahl|code postal|c[oó]digo postal|cep)\b",
    "telephone numbers": r"\b(tele)?phone( (no|number|nr))?\b|\b(mobile|cell) (no|number|phone)\b|\btelefon\w*|\btel\b",
    "names of persons": r"\b(first|last|full|given|family|middle|maiden|respondent.?s?|person.?s?|doctor.?s?|gp|"
    r"nurse|patient|interviewer|contact) ?names?\b|^(your )?name$|\b(surname|forename|vorname|nachname|nombres?|"
    r"apellidos?|pr[eé]nom|sobrenome|interviewer|signature)\b",
    "identifiers": r"\b(resp(ondent)?|person|case|patient|nhs|participant|interview|panel|user|record|member|household|"
    r"passport|social security|national insurance|insurance|ssn|cpf|serial) ?(id|ids|no|nr|num|number|key|code)\b|"
    r"^(id|ids|uuid|guid|caseid|ssn|cpf|nino|serial)$",
    "free text": r"\b(comments?|verbatim|free ?text|open ?end(ed)?|remarks?|"
    r"in your own words|please (specify|describe))\b",
}
# The patterns are texts: `re` compiles and keeps them when the first file is read.
_BETWEEN_WORDS = re.compile(
    r"(?<=[a-z])(?=[A-Z])|[_\W]+|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])"
)
_PERSON = re.compile(
    r"[^\W\d_a-z][^\W\d_]+(?: [^\W\d_a-z]\.?)?(?:[ -][^\W\d_a-z][^\W\d_]+){1,3}"
)
_NUMBER = re.compile(r"[+-]?\d*[.,]?\d+(e[+-]?\d+)?", re.I)
_RUN = re.compile(r"[^\W\d_]+")


def looks_personal(value: Any) -> str:
    """The kind of personal detail that one value looks like; empty if none.

    Examples
    --------
    >>> looks_personal("a.b@example.org"), looks_personal("woman")
    ('e-mail addresses', '')
    """
    text = plain(str(value))
    for kind, looks in _LOOKS.items():
        if re.fullmatch(looks, text, re.I):
            return kind
    return ""


def spaced(name: str) -> str:
    """A name of a column as words.

    Examples
    --------
    >>> spaced("BirthGender"), spaced("Q7_1")
    ('birth gender', 'q 7 1')
    """
    return " ".join(_BETWEEN_WORDS.sub(" ", name).lower().split())


def kind_of_column(column: pd.Series, title: str = "") -> str:
    """The kind of personal details that a column holds; empty if it holds none.

    Parameters
    ----------
    column : Series
        Answers as the file holds them.
    title : str
        The label of the column, if the file gives one.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> kind_of_column(pd.Series(["x@a.org", "y@b.org"], name="contact"))
    'e-mail addresses'
    >>> kind_of_column(pd.Series(["m", "w", "w"], name="sex"))
    ''
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "dates"
    texts = _texts(column)
    if texts.empty:
        return ""
    distinct = list(dict.fromkeys(texts))
    for words in (spaced(str(column.name)), title.lower()):
        kind = _kind_of_name(words, distinct)
        if kind:
            return kind
    return _kind_of_values(distinct, len(texts))


def _texts(column: pd.Series) -> pd.Series:
    """The values of a column as texts, blanks left out."""
    given = column.dropna().head(LOOKED_AT).astype(object).map(str).astype(object)
    spelled = {text: plain(text) for text in given.unique()}
    texts = given.map(spelled).astype(object)
    return texts[texts != ""]


def _distinct(column: pd.Series) -> set[str]:
    """The different values of a column as texts, without blanks."""
    given = column.dropna().head(LOOKED_AT)
    if given.dtype == object:  # which may hold lists
        given = given.map(str)
    return {plain(str(value)) for value in given.unique()} - {""}


def _kind_of_name(words: str, distinct: Sequence[str]) -> str:
    """The kind that the name of a column says; two answers are details only if they look like it."""
    if len(words) > LONGEST_NAME:
        return ""
    for kind, called in _CALLED.items():
        if re.search(called, words, re.I):
            is_told = len(distinct) > 2 or _are_few_details(kind, distinct)
            return kind if is_told else ""
    return ""


def _are_few_details(kind: str, distinct: Sequence[str]) -> bool:
    """Whether one or two answers look like places on a map, or like names with a number or several words."""
    looks = {
        "coordinates": r"[+-]?\d{1,3}[.,]\d{2,}",
        "names of persons": r"\w+[ .].*\w|.*\d.*",
    }
    if kind not in looks:
        return False
    return all(re.fullmatch(looks[kind], text) for text in distinct)


def _kind_of_values(distinct: Sequence[str], filled: int) -> str:
    """The kind that most values of a column look like."""
    looks = [looks_personal(text) for text in distinct]
    for kind in _LOOKS:
        if looks.count(kind) >= TELLING * len(distinct):
            return kind
    if len(distinct) < ENOUGH:
        return ""
    if _share(_PERSON, distinct) >= TELLING and len(distinct) >= TELLING * filled:
        return "names of persons"
    many_words = [text for text in distinct if len(text.split()) >= WORDS]
    if len(many_words) >= TELLING * len(distinct) and len(distinct) >= TELLING * filled:
        return "free text"
    if len(distinct) >= DISTINCT * filled and not _are_measures(distinct):
        return "identifiers"
    return ""


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    """The share of texts that are of one form."""
    return sum(bool(pattern.fullmatch(text)) for text in texts) / len(texts)


def _are_measures(texts: Sequence[str]) -> bool:
    """Whether values are numbers with decimals, such as weights."""
    decimal = [text for text in texts if re.fullmatch(r"[+-]?\d*[.,]\d+", text)]
    return len(decimal) >= TELLING * len(texts)


def names_that_may_be_told(names: Iterable[Any]) -> list[str]:
    """Names of columns; a name that looks like a personal detail is told by its place.

    Examples
    --------
    >>> names_that_may_be_told(["sex", "a.b@example.org"])
    ['sex', 'column 2']
    """
    return [
        f"column {place}" if looks_personal(name) else str(name)
        for place, name in enumerate(names, 1)
    ]


def told_when_asked(names: Iterable[Any]) -> Iterator[str]:
    """The same, looked at when a message needs them: every name is held against every pattern.

    Examples
    --------
    >>> list(told_when_asked(["sex", "a.b@example.org"]))
    ['sex', 'column 2']
    """
    yield from names_that_may_be_told(names)


def seems_headerless(frame: pd.DataFrame) -> bool:
    """Whether the names of a table seem to be the answers of its first person.

    A name speaks for it that is one of the answers of its column, a number between the
    smallest and the largest of them, of the form of most of them (``R17`` and ``R18``),
    or a personal detail. Half of the names must do so.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    bool

    Examples
    --------
    >>> import pandas as pd
    >>> seems_headerless(pd.DataFrame({"34": ["41", "18", "52"], "f": ["m", "f", "m"]}))
    True
    >>> seems_headerless(pd.DataFrame({"age": ["41", "18"], "sex": ["m", "f"]}))
    False
    """
    names = [str(name).strip() for name in frame.columns]
    numbered = [{str(i) for i in range(start, start + len(names))} for start in (0, 1)]
    if set(names) in numbered:  # pandas has numbered them
        return False
    named = [
        i for i, name in enumerate(names) if name and not name.startswith("Unnamed: ")
    ]
    enough = max(TELLING * len(named), min(2, len(named)))
    telling = 0
    for looked_at, i in enumerate(named):
        if telling + len(named) - looked_at < enough:  # the others cannot be enough
            return False
        telling += _is_answer(names[i], frame.iloc[:, i])
    return telling > 0 and telling >= enough


def _is_answer(name: str, column: pd.Series) -> bool:
    """Whether the name of a column seems to be one of its answers."""
    if looks_personal(name):
        return True
    distinct = _distinct(column)
    if name in distinct:
        return len(distinct) > 1  # of a list to tick, the only answer is its name
    if not distinct or not re.search(r"\d", name):
        return False
    texts = _texts(column)
    if _NUMBER.fullmatch(name):
        return _is_between(name, texts)
    forms = texts.map(_form).value_counts()
    return bool(forms.index[0] == _form(name) and forms.iloc[0] > TELLING * len(texts))


def _is_between(name: str, texts: pd.Series) -> bool:
    """Whether a number lies between the smallest and the largest of a column."""
    own = float(name.replace(",", "."))
    pointed = texts.map(lambda text: text.replace(",", "."))
    numbers = pd.to_numeric(pointed, errors="coerce")
    if numbers.isna().mean() > TELLING:
        return False
    return bool(numbers.min() <= own <= numbers.max())


def _form(text: str) -> str:
    """What kinds of signs a text is of: letters, digits, others as they are."""
    return re.sub(r"\d+", "9", _RUN.sub("a", text))
