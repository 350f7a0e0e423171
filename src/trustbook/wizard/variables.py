"""The questions on variables: which answers an outcome counts, and the levels of an identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from trustbook.column_proposals import OLDEST, own_name
from trustbook.rare_answers import in_words, rare_value
from trustbook.survey_columns import WORDS
from trustbook.wizard.answers import bands_in, bands_in_words, numbers_in
from trustbook.wizard.asking import AnswerError, ask, confirm, tell
from trustbook.wizard.mapping_text import Entry
from trustbook.wizard.offers import Offer, is_place, rule_of
from trustlib.disclosure import MINIMUM
from trustlib.escaping import visible
from trustlib.meanings import TOO_FEW

KEEP = "keep"
ALIKE = "alike"
LONGEST_LABEL = 150


def outcomes_of(offer: Offer, taken: set[str]) -> Iterator[Entry]:
    """The outcomes of a column, after what has to be asked.

    Parameters
    ----------
    offer : Offer
    taken : set of str
        Names of variables that there are.

    Yields
    ------
    Entry
    """
    if offer.ready:
        for variable in offer.ready:
            yield Entry(variable.name, rule_of(variable), f"outcome: {offer.title}")
        return
    tell("", offer.head)
    missing = _missing_of(offer)
    kept = [*offer.answers.kept, *_given_back(offer, missing)]
    yes = _yes_of(offer, kept)
    no = [answer for answer in kept if answer not in yes]
    rare = rare_value(offer.column, kept, yes)
    told = in_words(yes, kept, rare not in (None, 0))
    preset = visible(f"{told} ({offer.title})", LONGEST_LABEL)
    if set(yes) == set(offer.yes) and len(kept) == 2:
        preset = offer.title
    label = ask("What is that called on the pages?", _label, preset)
    rule: dict[str, Any] = {
        "column": offer.column.name,
        "label": label,
        "yes": yes,
        "no": no,
    }
    if missing:
        rule["missing"] = missing
    if offer.answers.rare:
        rule["rare"] = TOO_FEW if rare is None else rare
    yield Entry(_name_of_outcome(offer, yes, taken), rule, f"outcome: {offer.title}")


def _missing_of(offer: Offer) -> dict[str, str]:
    """The answers that are no answers, after they were shown."""
    missing = offer.answers.missing
    if not missing:
        return {}
    listed = "; ".join(visible(answer, 60) for answer in missing)
    if confirm(f"Leave out as no answers: {listed}?"):
        return dict(missing)
    return {}


def _given_back(offer: Offer, missing: dict[str, str]) -> list[str]:
    """Answers that seemed to be none, and are some."""
    return [answer for answer in offer.answers.missing if answer not in missing]


def _yes_of(offer: Offer, kept: Sequence[str]) -> list[str]:
    """The answers that are counted."""
    for number, answer in enumerate(kept, 1):
        tell(f"  {number:>2}. {visible(answer, 70)}")
    preset = ",".join(str(kept.index(answer) + 1) for answer in offer.yes)
    if not preset:
        tell("  The file does not say which end of these is which.")

    def read(text: str) -> list[str]:
        numbers = numbers_in(text, len(kept))
        if len(numbers) == len(kept):
            raise AnswerError("One answer at least must not count.")
        return [kept[number - 1] for number in sorted(numbers)]

    question = "Which answers count? The pages show their percentage"
    return ask(question, read, preset or None)


def _label(text: str) -> str:
    """A short text for the pages."""
    label = visible(text, LONGEST_LABEL)
    if not label:
        raise AnswerError("Give a few words.")
    return label


def _name_of_outcome(offer: Offer, yes: Sequence[str], taken: set[str]) -> str:
    """The proposed name if the proposed answers count, else another."""
    variables = offer.proposal.variables
    outcomes = [each.name for each in variables if each.is_outcome]
    others = [each.name for each in variables if not each.is_outcome]
    names = outcomes + others
    if set(yes) != set(offer.yes):
        names = others
    if names:
        return names[0]
    return own_name(offer.column, "", taken)


def identity_of(offer: Offer, taken: set[str]) -> Entry:
    """An identity of a column; bands are asked for where it is a number.

    Parameters
    ----------
    offer : Offer
    taken : set of str
        Names of variables that there are.

    Returns
    -------
    Entry
    """
    rule = offer.identity
    names = [v.name for v in offer.proposal.variables if not v.is_outcome]
    kind = "country or wave" if is_place(offer) else "identity"
    comment = f"{kind}: {offer.title}"
    if rule is not None and "cut" not in rule:
        return Entry(names[0], _with_missing(offer, rule), comment)
    name = names[0] if names else own_name(offer.column, "", taken)
    if rule is None:
        rule = {"column": offer.column.name, "label": offer.title}
    return Entry(name, _with_bands(offer, rule), comment)


def _with_missing(offer: Offer, rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of which it was asked whether the answers that seem to be none are left out."""
    proposed = rule.get("missing")
    if not proposed or rule.get("values") is None:
        return rule
    listed = "; ".join(visible(answer, 60) for answer in proposed)
    if confirm(f"{offer.title}: leave out as no answers: {listed}?"):
        return rule
    kept = {key: value for key, value in rule.items() if key != "missing"}
    kept["values"] = {**rule["values"], **{answer: answer for answer in proposed}}
    if "levels" in kept:
        kept["levels"] = [*kept["levels"], *proposed]
        kept["ordered"] = False  # nobody knows where these belong in the scale
    return kept


def _with_bands(offer: Offer, rule: dict[str, Any]) -> dict[str, Any]:
    """A rule with the bands that were asked for."""
    for line in offer.cautions:
        tell(f"  {line}")
    proposed = rule.get("cut")
    preset = bands_in_words(proposed) if proposed else None

    def read(text: str) -> dict[str, Any]:
        if proposed and text == preset:
            return dict(proposed)
        cut = bands_in(text, OLDEST if proposed else None)
        _require_all_inside(offer, cut, rule.get("missing", {}))
        return cut

    cut = ask(f"Bands of {offer.title}, both ends included", read, preset)
    about = {key: rule[key] for key in ("column", "label")}
    kept = {"missing", "rare"} & set(rule)
    more = {key: rule[key] for key in sorted(kept)}
    if _is_few_outside(offer, cut):
        more["rare"] = TOO_FEW
    return {**about, "cut": cut, **more}


def _outside(offer: Offer, cut: dict[str, Any]) -> dict[Any, int]:
    """The people of each number that no band has; for computing, never for showing."""
    lows = [ends[0] for ends in cut.values()]
    highs = [ends[-1] for ends in cut.values() if len(ends) > 1]
    low = float("-inf") if None in lows else min(lows)
    high = max(highs) if len(highs) == len(cut) else float("inf")
    numbers = offer.numbers()
    people = offer.people_by_answer()
    beyond = numbers.isna() | (numbers < low) | (numbers >= high + 1)
    answers = set(offer.column.answers[beyond & offer.column.is_filled])
    return {answer: int(people[answer]) for answer in answers}


def _require_all_inside(
    offer: Offer, cut: dict[str, Any], missing: dict[str, Any]
) -> None:
    """Refuse bands that many people are outside of."""
    outside = _outside(offer, cut)
    many = [a for a, n in outside.items() if n >= MINIMUM and str(a) not in missing]
    if many:
        raise AnswerError(
            "Some people are outside of these bands. Let the first begin lower (or "
            "write up to 34) and the last stay open (55+)."
        )


def _is_few_outside(offer: Offer, cut: dict[str, Any]) -> bool:
    """Whether some number outside of the bands has fewer than ten people."""
    return any(n < MINIMUM for n in _outside(offer, cut).values())


def with_references(entries: Sequence[Entry]) -> list[Entry]:
    """Identities with the level first that the others are compared with.

    Only of identities without an order is asked.

    Parameters
    ----------
    entries : sequence of Entry

    Returns
    -------
    list of Entry
    """
    levels = {each.name: _levels(each) for each in entries if _is_free(each)}
    if not levels:
        return list(entries)
    tell("", "The others are compared with the first of each:")
    for entry in entries:
        if entry.name in levels:
            listed = ", ".join(visible(level, 30) for level in levels[entry.name][:12])
            tell(f"  {visible(entry.name, 40)}: {listed}")

    def read(text: str) -> dict[str, str]:
        return {} if text == KEEP else _first_levels(text, levels)

    question = "Another one first? Its name, several with semicolons"
    first = ask(question, read, KEEP)
    return [_with_first(each, levels, first) for each in entries]


def _is_free(entry: Entry) -> bool:
    """Whether an identity has names as levels, of which any may come first."""
    rule = entry.rule
    return (
        "values" in rule and "levels" not in rule and entry.name not in WORDS["places"]
    )


def _levels(entry: Entry) -> list[str]:
    return list(dict.fromkeys(map(str, entry.rule["values"].values())))


def _first_levels(text: str, levels: dict[str, list[str]]) -> dict[str, str]:
    """The levels that are named, by identity."""
    first: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        found = [
            (name, level)
            for name, own in levels.items()
            for level in own
            if level.casefold() == part.casefold()
        ]
        if len(found) != 1:
            raise AnswerError(
                f"Give a name as it is listed above, or {KEEP}; of a name that two of "
                "them have the order is changed in the mapping."
            )
        first |= dict(found)
    return first


def _with_first(
    entry: Entry, levels: dict[str, list[str]], first: dict[str, str]
) -> Entry:
    """An identity with this level first."""
    reference = first.get(entry.name)
    if reference in (None, levels.get(entry.name, [None])[0]):
        return entry
    others = [level for level in levels[entry.name] if level != reference]
    order = {"levels": [reference, *others], "ordered": False}
    return replace(entry, rule={**entry.rule, **order})


def populations_of(entries: Sequence[Entry]) -> dict[str, float]:
    """The inhabitants of own countries; none where each counts the same.

    Parameters
    ----------
    entries : sequence of Entry

    Returns
    -------
    dict
        Country -> millions.
    """
    countries = [each for each in entries if each.name == "country"]
    levels = [level for each in countries for level in _levels_of_any(each)]
    unknown = [level for level in levels if level not in WORDS["populations"]]
    if len(levels) < 2 or not unknown:
        return {}
    listed = ", ".join(visible(level, 30) for level in levels)

    def read(text: str) -> dict[str, float]:
        return {} if text == ALIKE else _millions(text, levels)

    return ask(f"Inhabitants in millions of {listed}, in this order", read, ALIKE)


def _levels_of_any(entry: Entry) -> list[str]:
    return _levels(entry) if "values" in entry.rule else []


def _millions(text: str, levels: Sequence[str]) -> dict[str, float]:
    """One number above zero for each country."""
    parts = text.split()
    expected = (
        f"Give {len(levels)} numbers above 0 with blanks between them, such as 9.1 8.9, "
        f"or {ALIKE}."
    )
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise AnswerError(expected) from None
    if len(numbers) != len(levels) or not all(0 < each < 1e5 for each in numbers):
        raise AnswerError(expected)
    return dict(zip(levels, numbers, strict=True))
