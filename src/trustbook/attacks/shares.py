"""Percentages with all their digits, of people who are not weighted: they are counts.

A share is k / n with whole k and n. Its standard error gives n where n is not printed,
and a protected number of people is near it. So one exact percentage, or one exact
standard error, printed beside protected cells undoes them; so does an exact n or df.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from trustbook.attacks.guesses import FEW, Guess
from trustbook.attacks.published import COUNT_NOISE, CellTable, Printed, Published
from trustlib.protection import ROUND_TO

_PEOPLE = re.compile(r"(\d[\d,]*) people")
DIGITS = 1e-9  # how near a printed share is to a fraction
STATED = 1e-7  # relative: what is further from the protected number is an exact one
CLEAR = 4.0  # SDs of noise
REACH = 15  # people more or less than the protected number that are tried


def unweighted(published: Published) -> Iterator[Guess]:
    """People of groups whose number is not printed, from a share and its standard error.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> share = Printed("share", 0.25, "office", "y", "sex=x", "a page")
    >>> error = Printed("std_error", 0.13055824196677338, "office", "y", "sex=x", "a page")
    >>> [guess.value for guess in unweighted(Published(numbers=[share, error]))]
    [12.0, 3.0, 9.0]
    """
    errors = {_key(number): number for number in published.of("std_error")}
    totals = _whole_samples(published)
    for number in published.of("share"):
        error = errors.get(_key(number))
        if error is None or not 0 < number.value < 1 or not error.value > 0:
            continue
        sample = totals.get(number.source)
        n = _people(number.value, error.value, sample)
        if n is None:
            continue
        yes = round(number.value * n)
        for word, people in (("", n), (" with it", yes), (" without it", n - yes)):
            yield _guess("unweighted", number, word, people, 1.0)


def _whole_samples(published: Published) -> dict[str, float]:
    """Source -> the people in all, where degrees of freedom are printed."""
    dfs = [number for number in published.of("df") if number.value > 0]
    return {number.source: number.value + 1 for number in dfs}


def _key(number: Printed) -> tuple[str, str, str, str]:
    return (number.source, number.outcome, number.cell, number.page)


def _people(share: float, error: float, sample: float | None) -> int | None:
    """The whole number of people that a share and its standard error have."""
    product = share * (1 - share)
    guesses = [product / error**2 + 1]
    if sample is not None:
        guesses.append(product / error**2 * sample / (sample - 1))
    for guess in guesses:
        n = round(guess)
        if n > 0 and abs(guess - n) < DIGITS * 1e3 * n and _is_fraction(share, n):
            return n
    return None


def _is_fraction(share: float, n: int) -> bool:
    return abs(share - round(share * n) / n) < DIGITS


def _guess(kind: str, number: Printed, word: str, people: float, sure: float) -> Guess:
    cell = number.cell + word
    if people >= FEW:
        sure = 0.0
    pages = (number.page,)
    return Guess(kind, number.source, cell, "people", pages, sure, float(people))


def exact(published: Published) -> Iterator[Guess]:
    """Exact numbers that stand beside protected cells, and the people whom they give.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(exact(Published()))
    []
    """
    protected = [table for table in published.tables if table.noise]
    for table in protected:
        yield from _in_words(table)
    for number in published.numbers:
        beside = [table for table in protected if _is_beside(table, number)]
        if beside:
            yield from _beside(beside, number)


def _is_beside(table: CellTable, number: Printed) -> bool:
    """Whether a protected table says the number of its own."""
    if (table.source, table.outcome) != (number.source, number.outcome):
        return False
    return (number.what, number.cell) in _stated(table)


def _in_words(table: CellTable) -> Iterator[Guess]:
    """That the words of the variance say how many people there are."""
    for found in _PEOPLE.findall(table.cells.variance):
        value = float(found.replace(",", ""))
        if value % ROUND_TO:
            names = (table.name,)
            yield Guess("exact", table.source, "everyone", "noise", names, 1.0, value)


def _stated(table: CellTable) -> dict[tuple[str, str], float]:
    """What the protected cells themselves say: number and cell -> value."""
    n = table.totals("n")
    share = table.totals("sum_wy") / table.totals("sum_w")
    stated = {("df", "everyone"): float(table.cells.df)}
    size = len(table.cells)
    sum_w = table.totals("sum_w")
    jacobian = np.hstack([np.diag(-share / sum_w), np.diag(1 / sum_w)])
    errors = np.sqrt(np.diag(jacobian @ table.matrix @ jacobian.T))
    for i in range(size):
        label = table.labels[i]
        stated["people", label] = float(n[i])
        stated["share", label] = float(share[i])
        stated["std_error", label] = float(errors[i])
    return stated


def _beside(tables: Sequence[CellTable], number: Printed) -> Iterator[Guess]:
    """That a number is not a protected one, and how many people a share then means."""
    own = [_stated(table)[number.what, number.cell] for table in tables]
    differs = all(_differs(number, stated) for stated in own)
    table = tables[0]
    names = (table.name, number.page)
    source = table.source
    value = number.value
    if differs:
        yield Guess("exact", source, number.cell, "noise", names, 1.0, value)
    if number.what == "people":
        sure = float(differs)
        yield Guess("exact", source, number.cell, "people", names, sure, value)
    if number.what == "share":
        i = table.labels.index(number.cell)
        people, sure = _counted(table, i, value, differs)
        yield Guess("exact", source, number.cell, "people", names, sure, people)


def _differs(number: Printed, stated: float) -> bool:
    """Whether a number is further from the protected one than its digits explain."""
    decimals = repr(number.value).partition(".")[2]
    last_digit = 0.0
    if number.what != "people":
        last_digit = 0.5 * 10.0 ** -len(decimals)
    distance = abs(number.value - stated)
    return distance > max(STATED * abs(stated), 1.001 * last_digit)


def _counted(
    table: CellTable, i: int, share: float, differs: bool
) -> tuple[float, float]:
    """The number of people near the protected ones of which a share is a fraction."""
    stated = table.totals("n")[i]
    sum_w = table.totals("sum_w")[i]
    near = np.arange(max(stated - REACH, 1), stated + REACH + 1)
    noise = 2 * table.noise**2
    rounding = COUNT_NOISE**2
    distance = (near - stated) ** 2 / rounding
    if abs(sum_w - stated) < CLEAR * np.sqrt(noise + rounding):
        # They are not weighted: the weighted number is theirs.
        distance = distance + (near - sum_w) ** 2 / noise
    chance = np.exp(-0.5 * distance)
    if differs:
        apart = np.abs(share * near - np.round(share * near))
        chance = np.where(apart < DIGITS * near, chance, 0.0)
    if not chance.any():
        return float(stated), 0.0
    best = int(chance.argmax())
    sure = 0.0
    if differs:
        sure = float(chance[best] / chance.sum())
    return float(near[best]), sure
