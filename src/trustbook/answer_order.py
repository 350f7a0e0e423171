"""In which order the answers of a scale stand, from low to high: by their numbers or by their words.

`order_of` knows bands of ages, incomes and other numbers in any currency, scales whose
steps have names (how often, how good, how much, which education), and answers that put
a strength and a side together ("very dissatisfied"). It gives an order only if it can
place each answer, and no two at the same place. The words are in ``answer_words.yml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trustlib.schema import load_yaml

PLAIN = 2.0  # the strength of an answer that names none
_NUMBER = re.compile(r"\d{1,3}(?:[.,' ’\u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
DENIALS = ("not", "nicht", "pas")  # that programs write in one with the next word
_TIMES = {
    **dict.fromkeys(("k", "tsd", "mil", "thousand", "千"), 1e3),
    **dict.fromkeys(("万", "만"), 1e4),
    **dict.fromkeys(("m", "million", "millions", "mio", "百万"), 1e6),
    "億": 1e8,
}
_UNIT = re.compile(
    r"\s*(百万|[千万億만]|(?:k|tsd|mil|thousand|millions?|mio|m)\b\.?)", re.I
)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HUMP = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ][a-zà-ÿ])")  # veryLikely
_LEAD = re.compile(r"^\(?\d{1,2}\s*[.):=\-–—]?\)?\s+(?=\D)")


def order_of(answers: Sequence[str]) -> list[str] | None:
    """The answers of a scale from low to high; None if they seem to be none.

    Parameters
    ----------
    answers : sequence of str
        Without those that mean no answer.

    Returns
    -------
    list of str, optional

    Examples
    --------
    >>> order_of(["£10,000-£24,999", "Under £10,000", "£100,000 or more"])
    ['Under £10,000', '£10,000-£24,999', '£100,000 or more']
    >>> order_of(["Strongly agree", "Disagree", "Agree"])
    ['Disagree', 'Agree', 'Strongly agree']
    >>> order_of(["Black", "White", "Asian"]) is None
    True
    """
    if len(set(answers)) < 2:
        return None
    spoken = _spoken(answers)
    for place in (_by_numbers, _by_ladder, _by_strength):
        places = place(list(spoken.values()))
        if places is not None and len(set(places.values())) == len(set(answers)):
            return sorted(spoken, key=lambda answer: places[spoken[answer]])
    return None


def is_of_words(answers: Sequence[str]) -> bool:
    """Whether answers are a scale by their words, of which a two-way outcome can be made.

    Examples
    --------
    >>> is_of_words(["A lot", "A little", "Not at all"]), is_of_words(["18-34", "35+"])
    (True, False)
    """
    return _by_numbers(answers) is None and order_of(answers) is not None


def _spoken(answers: Sequence[str]) -> dict[str, str]:
    """Answers with the blanks that programs took out: "notvery", "StronglyAgree"."""
    apart = {answer: _HUMP.sub(" ", answer) for answer in answers}
    words = {word for text in apart.values() for word in _bare(text).split()}
    unknown = words - _known_words()
    halves = {word: _halves(word) for word in unknown}
    subjects = Counter(subject for cut in halves.values() for _, _, subject in cut)
    meant = _known_words() | words
    divided = {word: _run_together()[word] for word in unknown & set(_run_together())}
    for word in unknown - set(divided):
        for first, second, subject in halves[word]:
            if subject in meant or subjects[subject] > 1:
                divided[word] = f"{first} {second}"
                break
    if not divided:
        return apart
    return {
        answer: " ".join(divided.get(word, word) for word in _bare(text).split())
        for answer, text in apart.items()
    }


def _halves(word: str) -> list[tuple[str, str, str]]:
    """A word divided beside each strength or negation at one of its ends, and its other half."""
    if _WIDE.search(word):
        return []
    cut = []
    for phrase in _ends():
        closed = phrase.replace(" ", "")
        if word.startswith(closed):
            rest = word[len(closed) :]
            cut.append((phrase, rest, rest))
        elif word.endswith(closed):
            rest = word[: -len(closed)]
            cut.append((rest, phrase, rest))
    return [each for each in cut if len(each[2]) > 2]


@cache
def _ends() -> tuple[str, ...]:
    """What an answer may begin or end with, the longest first."""
    words = _words()
    phrases = {*words["strengths"], *words["little"], *words["none"], *DENIALS}
    long = [phrase for phrase in phrases if len(phrase) > 2]
    return tuple(sorted(long, key=len, reverse=True))


@cache
def _run_together() -> dict[str, str]:
    """Each phrase of several words without its blanks -> the phrase."""
    phrases = [phrase for phrase in _phrases_of_lists() if " " in phrase]
    return {phrase.replace(" ", ""): phrase for phrase in phrases}


@cache
def _known_words() -> frozenset[str]:
    """All words of the lists."""
    return frozenset(word for text in _phrases_of_lists() for word in text.split())


def _phrases_of_lists() -> list[str]:
    """All phrases of ``answer_words.yml``."""
    phrases: list[str] = []
    for name, listed in _words().items():
        parts = listed.values() if name == "ladders" else [listed]
        phrases += [phrase for part in parts for phrase in part]
    return phrases


def _by_numbers(answers: Iterable[str]) -> dict[str, Any] | None:
    """Places by the lowest number of each answer."""
    places: dict[str, Any] = {}
    for answer in answers:
        place = _lowest(answer)
        if place is None:
            return None
        places[answer] = place
    return places


def _lowest(answer: str) -> tuple[float, int] | None:
    """The lowest number that an answer stands for, and whether it is this number or above it."""
    text = _bare(answer)
    numbers = _numbers(unicodedata.normalize("NFKC", answer))
    if not numbers:
        return (-1.0, 0) if text in _words()["nothing"] else None
    if re.match(r"\s*[-−]\d", answer):
        numbers[0] = -numbers[0]
    if len(numbers) > 1:
        return min(numbers[:2]), 0
    if _has(text, _words()["below"]) or re.match(r"\s*[^\w\s]*\s*[<≤]", answer):
        return (-0.5, 0)
    above = _has(text, _words()["above"]) or re.search(r"[+>≥]", answer)
    return numbers[0], int(bool(above))


def _numbers(text: str) -> list[float]:
    """The numbers in a text, thousands and millions counted."""
    found = []
    for match in _NUMBER.finditer(text):
        unit = _UNIT.match(text, match.end())
        times = _TIMES[unit[1].lower().rstrip(".")] if unit else 1.0
        found.append((_number(match[0]), times))
    if len(found) > 1 and found[0][1] == 1.0 and found[0][0] <= found[1][0]:
        found[0] = (found[0][0], found[1][1])  # 200-400万: both are of the unit
    return [number * times for number, times in found]


def _number(text: str) -> float:
    """A number with marks for thousands, or with decimals."""
    if re.fullmatch(r"\d{1,3}([.,' ’\u00a0\u202f]\d{3})+", text):
        return float(re.sub(r"\D", "", text))
    return float(text.replace(",", "."))


def _by_ladder(answers: Sequence[str]) -> dict[str, Any] | None:
    """Places on the scale of named steps that has all answers, and most of their words.

    "High school graduate" and "some college" are steps of education: that one says *high*
    and the other *some* makes them no amounts.
    """
    best: dict[str, Any] | None = None
    most = 0
    for ladder in _words()["ladders"].values():
        phrases = {answer: _step(_bare(answer), ladder) for answer in answers}
        known = [phrase for phrase in phrases.values() if phrase is not None]
        steps = {ladder[phrase] for phrase in known}
        said = sum(map(len, known))
        if len(steps) == len(phrases) and said > most:
            best = {answer: ladder[phrases[answer]] for answer in answers}
            most = said
    return best


def _step(text: str, ladder: Mapping[str, int]) -> str | None:
    """The phrase of a step that an answer has: the longest.

    A negation beside the phrase would turn it, and a strength move it.
    """
    if text in ladder:
        return text
    best = _longest(text, ladder)
    if best is None:
        return None
    rest = _without(text, best)
    words = _words()
    turning = (words["negations"], words["none"], words["little"], words["negative"])
    if any(_has(rest, some) for some in turning) or _longest(rest, ladder):
        return None
    if any(_has(rest, {word: 0.0}) for word in words["strengths"]):
        return None
    return best


def _by_strength(answers: Iterable[str]) -> dict[str, Any] | None:
    """Places by strength and side; at least one answer must name a strength or a side."""
    found = {answer: _strength(_bare(answer)) for answer in answers}
    places = {answer: one.place for answer, one in found.items()}
    if not _hang_together(list(found.values())):
        return None
    return places


@dataclass(frozen=True)
class _Strength:
    """How far an answer is on its scale, and what is left of its words."""

    place: float
    is_marked: bool  # whether it names a strength, a side, or that it is in the middle
    rest: str  # the words that say what the scale is of


def _strength(text: str) -> _Strength:
    """The place of one answer."""
    words = _words()
    neutral = _longest(text, words["neutral"])
    if neutral is not None and _is_neutral(text, neutral):
        return _Strength(0.0, True, "")
    for name, place in (("none", -6.0), ("little", -1.6)):
        phrase = _longest(text, words[name])
        if phrase is not None:
            rest = _without(text, phrase)
            return _Strength(place, True, _without_any(rest, words["negations"]))
    negation = _longest(text, words["negations"])
    if negation is not None and _has(text, words["whatsoever"]):
        return _Strength(-6.0, True, _without_any(text, words["negations"]))
    sizes, rest = _sizes(text)
    turned = _has(rest, words["negative"])
    rest = _without_any(rest, words["negations"])
    if negation is not None:
        if sizes and not turned and _is_before(text, negation, words["strengths"]):
            return _Strength(-1.6, True, rest)  # not trust very much
        turned = not turned
    side = -1 if turned else 1
    return _Strength(side * _together(sizes), turned or bool(sizes), rest)


def _sizes(text: str) -> tuple[list[float], str]:
    """The strengths that an answer names, and the words that are left."""
    strengths = _words()["strengths"]
    sizes: list[float] = []
    phrase = _longest(text, strengths)
    while phrase is not None:
        sizes.append(strengths[phrase])
        text = _without(text, phrase)
        phrase = _longest(text, strengths)
    return sizes, text


def _together(sizes: Sequence[float]) -> float:
    """One strength of several: a weak one weakens, and others strengthen a little."""
    if not sizes:
        return PLAIN
    if min(sizes) < PLAIN:
        return min(sizes)
    return max(sizes) + 0.1 * (len(sizes) - 1)


def _is_before(text: str, negation: str, strengths: Iterable[str]) -> bool:
    """Whether a negation stands before the strength that it turns."""
    phrase = _longest(text, strengths)
    if phrase is None or _WIDE.search(negation):
        return False
    padded = f" {text} "
    return padded.find(f" {negation} ") < padded.find(f" {phrase} ")


def _is_neutral(text: str, phrase: str) -> bool:
    """Whether the phrase is the answer, or names two sides."""
    if text == phrase or _WIDE.search(phrase):
        return True
    two_sides = {"neither", "ni", "nem", "weder", "ne", "noch", "varken", "ani"}
    return phrase in two_sides or len(phrase.split()) > 1 or len(text.split()) <= 2


def _hang_together(found: Sequence[_Strength]) -> bool:
    """Whether answers are of one scale: all but one are marked, and they speak of few things."""
    plain = [one for one in found if not one.is_marked]
    subjects = {one.rest for one in found if one.rest and not _WIDE.search(one.rest)}
    return len(plain) <= 1 and len(subjects) <= max(2, len(found) - 1)


def _bare(answer: str) -> str:
    """An answer as it is compared: small letters without accents, marks and a number before it."""
    text = unicodedata.normalize("NFKC", answer).casefold().replace("’", "'")
    text = _LEAD.sub("", text.strip())
    letters = unicodedata.normalize("NFD", text)
    kept = "".join(c for c in letters if not 0x300 <= ord(c) < 0x370)
    recomposed = unicodedata.normalize("NFC", kept)
    return " ".join(re.sub(r"[^\w'+%]|_", " ", recomposed).split())


def _has(text: str, phrases: Iterable[str]) -> bool:
    return _longest(text, phrases) is not None


def _longest(text: str, phrases: Iterable[str]) -> str | None:
    """The longest phrase that a text has, of whole words."""
    padded = f" {text} "
    fitting = [
        phrase
        for phrase in phrases
        if phrase in text and (_WIDE.search(phrase) or f" {phrase} " in padded)
    ]
    return max(fitting, key=len, default=None)


def _without(text: str, phrase: str) -> str:
    """A text with a phrase taken out."""
    if _WIDE.search(phrase):
        return " ".join(text.replace(phrase, " ", 1).split())
    return " ".join(f" {text} ".replace(f" {phrase} ", " ", 1).split())


def _without_any(text: str, phrases: Iterable[str]) -> str:
    """A text with the phrases taken out."""
    for phrase in phrases:
        text = _without(text, phrase)
    return text


@cache
def _words() -> dict[str, Any]:
    """The words of ``answer_words.yml``, bare, as they are looked up."""
    raw = load_yaml(Path(__file__).with_name("answer_words.yml"))
    lists = set(raw) - {"ladders", "strengths"}
    words: dict[str, Any] = {name: _phrases(raw[name]) for name in lists}
    words["strengths"] = {}
    for size, listed in raw["strengths"].items():
        words["strengths"] |= dict.fromkeys(_phrases(listed), float(size))
    words["ladders"] = {
        name: {phrase: i for i, step in enumerate(steps) for phrase in _phrases(step)}
        for name, steps in raw["ladders"].items()
    }
    return words


def _phrases(listed: str) -> list[str]:
    """Phrases that commas divide, bare."""
    return list(dict.fromkeys(_bare(phrase) for phrase in listed.split(", ")))
