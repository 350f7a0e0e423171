"""Answers of a scale that fewer than ten people gave: on which side of an outcome they stand.

They are never named. An outcome counts them all the same: 0, 1, or what the nearest
number gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trustbook.answer_order import order_of
from trustbook.survey_columns import Column, by_number, numbers_spelt, spelling
from trustlib.disclosure import MINIMUM
from trustlib.forms import NEAREST
from trustlib.missing_words import seem_missing
from trustlib.personal import looks_personal


def rare_value(
    column: Column, kept: Sequence[str], yes: Sequence[str]
) -> int | str | None:
    """What answers of fewer than ten people give in an outcome of a scale.

    0 or 1 if all of them stand on that side of it, ``nearest`` if their numbers tell
    it; None where nothing does, or where there are none.

    Examples
    --------
    >>> import pandas as pd
    >>> given = pd.Series(["Never"] * 3 + ["Sometimes", "Often", "Always"] * 20)
    >>> column = Column(given, given == "?", "", {})
    >>> rare_value(column, ["Sometimes", "Often", "Always"], ["Sometimes"])
    1
    """
    sides = sides_of_rare(column, kept, yes)
    if not sides:
        return None
    if len(set(sides.values())) == 1:
        return next(iter(sides.values()))
    numbers = _codes(column, [*kept, *sides])
    if numbers is None:
        return None
    near = {
        text: min(kept, key=lambda k: (abs(numbers[k] - numbers[text]), numbers[k]))
        for text in sides
    }
    agree = all(int(near[text] in yes) == side for text, side in sides.items())
    return NEAREST if agree else None


def sides_of_rare(
    column: Column, kept: Sequence[str], yes: Sequence[str]
) -> dict[str, int]:
    """Answers of fewer than ten people, and whether they are counted.

    None if one of them is no step of the scale; those that seem to mean no answer are
    left out.

    Examples
    --------
    >>> import pandas as pd
    >>> given = pd.Series(["1", "5"] * 3 + ["2", "3", "4"] * 20, name="q")
    >>> column = Column(given, given == "?", "", {})
    >>> sides_of_rare(column, ["2", "3", "4"], ["2"])
    {'1': 1, '5': 0}
    """
    counts = column.counts
    few = {spelling(a, column.labels): a for a, n in counts.items() if n < MINIMUM}
    known = set(column.labels.values())
    texts = [*kept, *few]
    lost = seem_missing(texts, [text for text in texts if text in known])
    rare = [text for text in few if text not in lost]
    if not rare or any(looks_personal(few[text]) for text in rare):
        return {}
    order = _order_of_all(column, kept, rare)
    if order is None:
        return {}
    return {text: _side(text, order, kept, yes) for text in rare}


def _order_of_all(
    column: Column, kept: Sequence[str], rare: Sequence[str]
) -> list[str] | None:
    """The answers of a scale in order, those of few people too; None if it is not known."""
    every = [*kept, *rare]
    if column.given.dtype == "category" and column.given.cat.ordered:
        return [t for t in map(str, column.given.cat.categories) if t in every]
    order = by_number(column, every) or order_of(every)
    if order is not None:
        return order
    numbers = _codes(column, every)
    if numbers is None:
        return None
    order = sorted(every, key=lambda text: numbers[text])
    of_kept = [text for text in order if text in kept]
    if of_kept == list(kept):
        return order
    return order[::-1] if of_kept[::-1] == list(kept) else None


def _codes(column: Column, texts: Iterable[str]) -> dict[str, float] | None:
    """The number behind each answer, as the file codes it; None if some have none."""
    given = column.counts.index
    code_by_text = {spelling(answer, column.labels): answer for answer in given}
    codes: dict[str, float] = {}
    for text in texts:
        found = numbers_spelt(column, [code_by_text.get(text)])
        if found is None:
            return None
        codes[text] = found[0]
    return codes


def _side(
    text: str, order: Sequence[str], kept: Sequence[str], yes: Sequence[str]
) -> int:
    """Whether an answer is counted, by the two that stand beside it in a scale."""
    place = order.index(text)
    before = [other for other in order[:place] if other in kept][-1:]
    after = [other for other in order[place:] if other in kept][:1]
    return int(all(other in yes for other in before + after))


def in_words(
    counted: Sequence[str], scale: Sequence[str], is_more: bool = False
) -> str:
    """The answers that an outcome counts; neighbouring numbers of a scale by their ends.

    `is_more` if answers are counted too that few people gave and nothing names.

    Examples
    --------
    >>> in_words(["0", "1", "2"], ["0", "1", "2", "3"]), in_words(["a", "b"], ["a", "b"])
    ('0 to 2', 'a or b')
    >>> in_words(["sometimes"], ["sometimes", "often", "always"], is_more=True)
    'up to sometimes'
    """
    size = len(counted)
    own = list(counted)
    if is_more and own == list(scale[:size]):
        return f"up to {own[-1]}"
    if is_more and own == list(scale[-size:]):
        return f"from {own[0]} on"
    are_numbers = all(re.fullmatch(r"[+-]?\d+([.,]\d+)?", answer) for answer in own)
    if size > 1 and are_numbers and own[0] in scale:
        first = list(scale).index(own[0])
        if own == list(scale[first : first + size]):
            return f"{own[0]} to {own[-1]}"
    return " or ".join(own)
