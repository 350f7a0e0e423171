"""Which numbers of people may be told beside those that were told before.

Two readings of one column, such as a gender and "not a man", give a small group away by
subtraction although each reading masks it. `Told` keeps account: the sets of people
whose numbers were told cut the people of a file into classes, and whatever can be
computed from those numbers are sums over classes. A number is told only if no class
then has 1 to 9 people, so nobody can compute one of fewer than 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trustlib.disclosure import MINIMUM
from trustlib.forms import MappingForm


class Told:
    """What was told of the people of a file.

    Parameters
    ----------
    rows : int
        The people of the file; this number itself is told.

    Examples
    --------
    >>> told = Told(60)
    >>> men = np.arange(60) < 30
    >>> told.tells(men), told.tells(men | (np.arange(60) == 59))
    (True, False)
    """

    def __init__(self, rows: int) -> None:
        self.class_of = np.zeros(rows, dtype=np.int64)

    def tells(self, members: np.ndarray) -> bool:
        """Whether the number of these people may be told; if so, it counts as told.

        Parameters
        ----------
        members : boolean array (rows,)
        """
        finer = 2 * self.class_of + np.asarray(members, dtype=bool)
        _, class_of, sizes = np.unique(finer, return_inverse=True, return_counts=True)
        if (sizes < MINIMUM).any():
            return False
        self.class_of = class_of
        return True

    def which(self, sets: Sequence[np.ndarray]) -> list[bool]:
        """Of several sets, which numbers are told; the small sets come first.

        So the largest is the one that stays untold where another is too small.

        Examples
        --------
        >>> woman = np.arange(60) < 57
        >>> Told(60).which([woman, ~woman])
        [False, False]
        """
        told = [False] * len(sets)
        by_size = sorted(range(len(sets)), key=lambda i: int(sets[i].sum()))
        for i in by_size:
            told[i] = self.tells(sets[i])
        return told


def told_by_variable(mapping: MappingForm, rows: int) -> dict[str, Told]:
    """One account for all variables that read the same columns, directly or by way of others.

    Parameters
    ----------
    mapping : MappingForm
    rows : int

    Returns
    -------
    dict
        Variable -> its account.

    Examples
    --------
    >>> variables = {"a": {"column": "x"}, "b": {"column": "x"}, "c": {"column": "y"}}
    >>> told = told_by_variable(MappingForm(variables=variables), 60)
    >>> told["a"] is told["b"], told["a"] is told["c"]
    (True, False)
    """
    groups: list[tuple[set[str], list[str]]] = []
    for name, rule in mapping.variables.items():
        columns = {part.column or name for part in rule.parts}
        names = [name]
        apart = []
        for others, variables in groups:
            if columns & others:
                columns |= others
                names += variables
            else:
                apart.append((others, variables))
        groups = [*apart, (columns, names)]
    told: dict[str, Told] = {}
    for _, names in groups:
        told |= dict.fromkeys(names, Told(rows))
    return told


def typed_by(mapping: MappingForm, codebook: Mapping[str, Any], name: str) -> set[str]:
    """The levels and kinds of missing of a variable that its user has written down.

    These are hers to repeat; all others come from the file.

    Examples
    --------
    >>> rule = {"values": {"m": "man"}, "missing": {"x": "refused"}, "rare": "few"}
    >>> sorted(typed_by(MappingForm(variables={"gender": rule}), {}, "gender"))
    ['few', 'man', 'refused']
    """
    rule = mapping.variables[name]
    typed = {str(value) for value in rule.targets}
    typed |= _as_texts([rule.missing_as])
    typed |= _as_texts(rule.levels or [])
    typed |= _as_texts(mapping.missing.values())
    for part in rule.parts:
        typed |= _as_texts([*part.missing.values(), part.rare])
    known = codebook.get(name)
    if known is not None:
        typed |= _as_texts(known.levels)
    return typed


def _as_texts(values: Iterable[Any]) -> set[str]:
    return {str(value) for value in values if value is not None}
