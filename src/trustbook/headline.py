"""What the page "Could this headline be true?" shows: every combination of its switches, computed beforehand.

``movable`` in ``data/published/questions.yml`` names two unprinted groups and the ways in
which the printed figures may be read. For each combination `trustlib.record.region` says
which pairs of values are possible and what contradicts the others, or, if nothing is
possible, `trustlib.record.audit` names a smallest contradiction.

This takes minutes, so it is committed as ``data/published/headline.json``. The tests hold
it to the audit. Written anew after a change of the record::

    python -m trustbook.headline data
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.cells_json import compact
from trustlib.record.audit import NO_SINGLE_ABOVE, Claim, Population, audit
from trustlib.record.printed import load_figures
from trustlib.record.questions import claims_from, flat
from trustlib.record.region import Contradiction, Pair, contradictions, region
from trustlib.schema import load_yaml
from trustlib.writing import write_text

FILE = "headline.json"
QUESTIONS = "questions.yml"
ACROSS = "value across"
UP = "value up"
DIGITS = 4
USAGE = "Usage: python -m trustbook.headline DATA"


def switches(movable: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every combination of reading, base and order, by their keys.

    Examples
    --------
    >>> movable = {"questions": {"one": {}}, "bases": {"8": {}}, "orders": {"free": {}}}
    >>> list(switches(movable))
    [('one', '8', 'free')]
    """
    yield from itertools.product(
        movable["questions"], movable["bases"], movable["orders"]
    )


def pair_of(
    figures: pd.DataFrame, asked: Mapping[str, Any], chosen: Sequence[str]
) -> Pair:
    """The two movable groups and all that is said of them, for one combination of switches.

    Parameters
    ----------
    figures : DataFrame
        The record, with the ids as index.
    asked : mapping
        ``questions.yml``.
    chosen : sequence of str
        Keys of reading, base and order.

    Returns
    -------
    Pair
    """
    movable = asked["movable"]
    question, base, order = chosen
    bases = movable["bases"][base]
    reading = movable["reading"] | bases.get("reading", {})
    ids = [*flat(movable["figures"]), *flat(bases["figures"])]
    rows = figures.loc[ids].assign(id=ids)
    claims, _ = claims_from(rows, reading)
    n = int(float(figures.loc[movable["n"], "value"]))
    population = Population(**asked["population"], n=n)
    item = movable["item"]
    across = Claim(ACROSS, movable["across"]["group"], item=item)
    up = Claim(UP, movable["up"]["group"], item=item)
    assume = list(movable["questions"][question]["assume"])
    if movable["orders"][order]["assume"]:
        assume += _capped(population, item)
    return Pair(tuple(claims), population, across, up, tuple(assume))


def _capped(population: Population, item: str) -> Iterator[Claim]:
    """The assumption on single groups as claims, which mean the same beside fewer figures."""
    first, second = (f"({identity})" for identity in population.double)
    both = f"{first} and {second}"
    for single in (f"{first} and not {second}", f"{second} and not {first}"):
        yield Claim(NO_SINGLE_ABOVE, single, -1, 0, "gap", item, versus=both)


def combination(pair: Pair) -> dict[str, Any]:
    """What is possible and what contradicts the rest, as plain values.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    dict
        ``possible``; ``conflict`` (names, if nothing is possible); ``region`` (rows of
        across, low, high as percentages) and ``contradictions`` (``names`` and ``fits``:
        for each percentage across the least and the greatest up).
    """
    verdict = audit(pair.claims, pair.population, pair.assume)
    if not verdict.feasible:
        return {"possible": False, "conflict": list(verdict.conflict)}
    rows = (100 * region(pair)).round(DIGITS - 2)
    return {
        "possible": True,
        "region": rows.to_numpy().tolist(),
        "contradictions": [_plain(each) for each in contradictions(pair)],
    }


def _plain(found: Contradiction) -> dict[str, Any]:
    """A contradiction as plain values: rows that repeat are counted."""
    runs = []
    for row, same in itertools.groupby(np.asarray(found.fits).tolist()):
        runs.append([len(list(same)), *row])
    return {"names": list(found.names), "fits": runs}


def every_combination(data: Path) -> dict[str, Any]:
    """All combinations of the switches, by their keys joined by blanks.

    Parameters
    ----------
    data : Path
        The folder of the published record is in it.
    """
    published = data / "published"
    figures = load_figures(published / "figures.csv").set_index("id")
    asked = load_yaml(published / QUESTIONS)
    return {
        " ".join(chosen): combination(pair_of(figures, asked, chosen))
        for chosen in switches(asked["movable"])
    }


def main(words: Sequence[str]) -> None:
    """The command."""
    if len(words) != 1:
        raise SystemExit(USAGE)
    data = Path(words[0])
    path = data / "published" / FILE
    write_text(path, compact(every_combination(data)) + "\n")
    print(f"written: {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
