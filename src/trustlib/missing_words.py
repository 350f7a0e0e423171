"""Answers that seem to mean no answer: by their words, or as codes that stand apart.

A first mapping proposes them as missing, and a rule that takes all other answers for
*no* refuses them until somebody has decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trustlib.answers import code_of, plain

# Codes by which polls mark what is no answer, where they stand apart from the others.
SPARE_CODES = (7, 8, 9, 77, 88, 97, 98, 99, 777, 888, 997, 998, 999, 9998, 9999)
_WORDS = re.compile(
    # English
    r"refus|(don.?t|not)[ _]know|(prefer|rather|choose) not|not ascertained|missing|"
    r"no (answer|opinion|response)|skipp|inapplicable|not applicable|does not apply|"
    r"never seen|in error|unreadable|not asked|undetermined|not stated|unknown|"
    r"not coded|(can.?t|cannot|don.?t|do not) (remember|recall)|"
    r"(can.?t|cannot|unable to|hard to|difficult to) (say|choose|answer|rate)|"
    r"^(un|not )sure\b|not answered|declined|"
    # German
    r"keine angabe|keine antwort|keine meinung|wei(ß|ss) (es )?nicht|verweiger|"
    r"nicht zutreffend|trifft nicht auf mich zu|m(ö|oe)chte (ich )?(das )?nicht|"
    r"kann ich nicht (sagen|beurteilen)|unbekannt|"
    # French
    r"(ne )?sai[ts] pas|ne se prononce|sans (réponse|opinion)|pas de réponse|"
    r"non (réponse|concerné|applicable|renseigné)|préf(è|é)re (ne pas|pas)|"
    r"ne souhait\w+ pas|inconnu|"
    # Spanish and Portuguese
    r"no (lo )?s(abe|é)\b|no contesta|no responde|prefier[oe] no|sin respuesta|"
    r"no aplica|não (sabe|sei)|não (respond|se aplica)|sem (resposta|opinião)|"
    r"prefir[oa] não|prefere não|recus|"
    # Dutch, Italian, Polish, Swedish
    r"weet (ik )?niet|geen (antwoord|mening)|non so\b|non sa\b|nessuna risposta|"
    r"preferisco non|nie wiem|odmowa|trudno powiedzieć|vet (ej|inte)|vill (ej|inte)|"
    # Japanese, Chinese, Korean
    r"わからない|分からない|わかりません|答えたくない|回答しない|無回答|該当しない|非該当|"
    r"不知道|拒绝|不清楚|모름|무응답|응답 ?거부|"
    r"^(-+|–|—|ref|na|n/a|n\.a\.|nan|dk|rf|dk/na|dk/ref|k[.]? ?a[.]?|nsp|nr|ns/nc|ns/nr|[.])$",
    re.IGNORECASE,
)


def says_missing(text: str) -> bool:
    """Whether the words of an answer seem to mean none.

    Examples
    --------
    >>> says_missing("Prefer not to say"), says_missing("Not at all")
    (True, False)
    """
    return bool(_WORDS.search(plain(text)))


def stand_apart(codes: Iterable[str]) -> list[str]:
    """Codes such as -1, and 9 on a scale of 1 to 5, that seem to mean none.

    Parameters
    ----------
    codes : iterable of str
        All answers of a column that have no label, as texts.

    Returns
    -------
    list of str

    Examples
    --------
    >>> stand_apart(["1", "2", "3", "8", "9", "-1"])
    ['8', '9', '-1']
    >>> stand_apart([str(i) for i in range(1, 10)])
    []
    """
    spelt = {text: code_of(text) for text in codes}
    numbers = {text: int(code) for text, code in spelt.items() if code is not None}
    usual = [code for code in numbers.values() if code not in SPARE_CODES]
    highest = max(usual, default=0)
    spare = [c for c in numbers.values() if c in SPARE_CODES and c > highest]
    apart = bool(spare) and min(spare) > highest + 1
    return [
        text for text, code in numbers.items() if code < 0 or (apart and code in spare)
    ]


def seem_missing(
    answers: Iterable[str], labelled: Iterable[str] = ()
) -> dict[str, str]:
    """Answers that seem to mean none, and why.

    Parameters
    ----------
    answers : iterable of str
        As a mapping writes them.
    labelled : iterable of str
        Those of them that the file explains by a label: these are no bare codes.

    Returns
    -------
    dict
        Answer -> kind of missing.

    Examples
    --------
    >>> seem_missing(["1", "2", "9", "Refused"])
    {'Refused': 'Refused', '9': 'code 9, to be checked'}
    """
    texts = list(answers)
    found = {text: text for text in texts if says_missing(text)}
    known = set(labelled)
    bare = [text for text in texts if text not in known and text not in found]
    return found | {text: f"code {text}, to be checked" for text in stand_apart(bare)}
