"""All attacks, by the kind of knowledge that each uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from trustbook.attacks.classes import classes
from trustbook.attacks.clusters import clusters
from trustbook.attacks.constant import constant
from trustbook.attacks.counts import counts
from trustbook.attacks.covariance import covariance, freedom
from trustbook.attacks.dominance import dominance
from trustbook.attacks.guesses import SURE, Guess
from trustbook.attacks.margins import margins
from trustbook.attacks.outcomes import outcomes
from trustbook.attacks.published import Published
from trustbook.attacks.releases import releases
from trustbook.attacks.shares import exact, unweighted
from trustbook.attacks.variants import variants


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes
    ----------
    guesses : callable
        From what is published to guesses.
    knows : str
        What it uses, in words.
    small : bool
        Whether it is about small cells, which no file may have: then it is tried on
        tables whose rows anybody can get, too.

    Examples
    --------
    >>> ATTACKS["constant"].small, ATTACKS["outcomes"].small
    (True, False)
    """

    guesses: Callable[[Published], Iterator[Guess]]
    knows: str
    small: bool = False


ATTACKS = {
    "outcomes": Attack(outcomes, "cells of two questions"),
    "variants": Attack(variants, "cells with two variants of the weights"),
    "margins": Attack(margins, "a margin and the finer cells below it"),
    "releases": Attack(releases, "cells of two releases"),
    "classes": Attack(classes, "weights that are constant in classes"),
    "clusters": Attack(clusters, "the covariance of few clusters"),
    "covariance": Attack(covariance, "the covariance matrix"),
    "df": Attack(freedom, "the degrees of freedom"),
    "unweighted": Attack(unweighted, "percentages and standard errors"),
    "exact": Attack(exact, "an exact number beside protected cells"),
    "counts": Attack(counts, "numbers of people on all pages"),
    "dominance": Attack(dominance, "sums of squares of weights", small=True),
    "constant": Attack(constant, "the percentage itself", small=True),
}


def findings(published: Published) -> list[Guess]:
    """What an attacker is sure of, each once.

    Parameters
    ----------
    published : Published

    Returns
    -------
    list of Guess

    Examples
    --------
    >>> findings(Published())
    []
    """
    hidden = [table for table in published.tables if not table.public]
    alone = replace(published, tables=hidden)
    found: dict[str, Guess] = {}
    for attack in ATTACKS.values():
        met = published if attack.small else alone
        for guess in attack.guesses(met):
            if guess.sure >= SURE:
                found.setdefault(guess.line, guess)
    return list(found.values())
