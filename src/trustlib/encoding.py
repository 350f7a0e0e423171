"""Rows of a design matrix: from the codes of the levels, or where something is computed by formulaic.

A formula of plain axes needs the number of each row's level and no more. Which columns
its terms get is formulaic's rule (and that of R's ``model.matrix``): where a term spans
what no earlier one did, a category stands with all its levels, elsewhere without the
first. ``C()``, ``I()`` and ``np.log()`` are left to formulaic itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

import numpy as np
import pandas as pd

from trustlib.formulas import Term, Terms
from trustlib.variance import Array

CONSTANT = "1"


@dataclass(frozen=True)
class ScopedFactor:
    """A factor as it stands in some columns.

    Examples
    --------
    >>> ScopedFactor("v0", reduced=True).reduced
    True
    """

    factor: str
    reduced: bool  # a category without its first level


Scope = tuple[
    ScopedFactor, ...
]  # what a block of columns crosses; nothing: the constant


@dataclass(frozen=True)
class EncodedTerm:
    """One term of a formula and its columns.

    Examples
    --------
    >>> EncodedTerm(("v0", "v1"), frozenset(["v0", "v1"]), (), (3, 4)).name
    'v0:v1'
    """

    factors: Term
    variables: frozenset[str]  # names of ours for the axes in it
    scopes: tuple[Scope, ...]
    places: tuple[int, ...]

    @property
    def name(self) -> str:
        """As formulaic writes it."""
        return ":".join(self.factors)


@dataclass(frozen=True, eq=False)
class Encoding:
    """What makes the rows of a design matrix.

    Attributes
    ----------
    terms : tuple of EncodedTerm
        In the order of their columns.
    names : tuple of str (p,)
        The columns, with names of ours for the axes.
    levels : dict
        Category -> its levels.
    references : dict
        Category -> the level that the others are compared with.

    Examples
    --------
    >>> import pandas as pd
    >>> from trustlib.formulas import read_formula
    >>> axes = pd.DataFrame({"v0": pd.Categorical(["a", "b"])})
    >>> made, x = encode(read_formula("group", "y", {"group": False}), axes)
    >>> made.names, x.tolist()
    (('Intercept', 'v0[T.b]'), [[1.0, 0.0], [1.0, 1.0]])
    """

    terms: tuple[EncodedTerm, ...]
    names: tuple[str, ...]
    levels: dict[str, list]
    references: dict[str, str]

    def matrix(self, axes: pd.DataFrame) -> Array:
        """The rows (m, p) of axes under names of ours, from the codes of their levels.

        Raises
        ------
        ValueError
            A value is missing, infinite, or no level of its axis.
        """
        coded: dict[ScopedFactor, Array] = {}
        blocks = [np.ones((len(axes), 0))]
        for term in self.terms:
            for scope in term.scopes:
                for part in scope:
                    if part not in coded:
                        coded[part] = self._columns(part, axes[part.factor])
                blocks.append(_crossed([coded[part] for part in scope], len(axes)))
        return np.hstack(blocks)

    def _columns(self, part: ScopedFactor, values: pd.Series) -> Array:
        """The columns of one factor: a number, or one for each level."""
        if part.factor not in self.levels:
            return values.to_numpy(float)[:, None]
        levels = self.levels[part.factor]
        category = cast(pd.Categorical, values.array)
        codes = category.codes
        if list(category.categories) != levels:
            place = pd.Index(levels).get_indexer(category.categories)
            codes = np.r_[place, -1][codes]  # -1, missing, is the last
        if (codes < 0).any():
            raise ValueError("a value is missing, or no level that the model knows")
        numbers = np.arange(int(part.reduced), len(levels))
        return (codes[:, None] == numbers).astype(float)


@dataclass(frozen=True, eq=False)
class _ByFormulaic(Encoding):
    """The same, where something is computed of an axis."""

    spec: Any

    def matrix(self, axes: pd.DataFrame) -> Array:
        """The rows (m, p) of axes, or one of formulaic's many errors."""
        from formulaic.errors import DataMismatchWarning

        with warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            made = self.spec.get_model_matrix(axes, na_action="raise")
        return np.asarray(made, dtype=float)


def encode(terms: Terms, axes: pd.DataFrame) -> tuple[Encoding, Array]:
    """How the terms of a formula become columns, and the columns of these rows.

    Parameters
    ----------
    terms : Terms
    axes : DataFrame
        The axes that they use, under names of ours: categories and numbers.

    Returns
    -------
    tuple of Encoding, array (m, p)

    Notes
    -----
    R: ``terms(formula)`` and the contrasts of ``model.matrix``.

    Examples
    --------
    >>> import pandas as pd
    >>> from trustlib.formulas import read_formula
    >>> axes = pd.DataFrame({"v0": pd.Categorical(["a", "b"])})
    >>> terms = read_formula("0 + group", "y", {"group": False})
    >>> encode(terms, axes)[0].names
    ('v0[a]', 'v0[b]')
    """
    plain = {factor for term in terms.products for factor in term} <= set(axes)
    if not plain or not all(map(_is_coded, axes.dtypes)):
        return _by_formulaic(terms, axes)
    levels = {
        str(name): list(axes[name].cat.categories)
        for name in axes
        if axes[name].dtype == "category"
    }
    encoded: list[EncodedTerm] = []
    names: list[str] = []
    for factors, scopes in _scoped_terms(terms, set(levels)):
        own = [name for scope in scopes for name in _names(scope, levels)]
        places = tuple(range(len(names), len(names) + len(own)))
        variables = frozenset(factors) & set(axes)
        encoded.append(EncodedTerm(factors, variables, tuple(scopes), places))
        names += own
    references = {name: str(each[0]) for name, each in levels.items()}
    made = Encoding(tuple(encoded), tuple(names), levels, references)
    return made, made.matrix(axes)


def _is_coded(kind: Any) -> bool:
    """Whether an axis of this type is a category or a number."""
    return bool(kind == "category" or kind.kind in "iuf")


def _crossed(parts: Sequence[Array], rows: int) -> Array:
    """The products of the columns of several factors; those of the first change fastest."""
    block = np.ones((rows, 1))
    for part in parts:
        pairs = part[:, :, None] * block[:, None, :]
        block = pairs.reshape(rows, -1)
    return block


def _names(scope: Scope, levels: dict[str, list]) -> list[str]:
    """The names of the columns of one block."""
    if not scope:
        return ["Intercept"]
    each = [_names_of(part, levels) for part in reversed(scope)]
    return [":".join(reversed(names)) for names in product(*each)]


def _names_of(part: ScopedFactor, levels: dict[str, list]) -> list[str]:
    """The names of the columns of one factor."""
    if part.factor not in levels:
        return [part.factor]
    mark = "T." if part.reduced else ""
    kept = levels[part.factor][int(part.reduced) :]
    return [f"{part.factor}[{mark}{level}]" for level in kept]


def _scoped_terms(
    terms: Terms, categories: set[str]
) -> Iterable[tuple[Term, list[Scope]]]:
    """Each term, the constant first and then by degree, with the scopes of its columns."""
    products = sorted(terms.products, key=len)
    spanned: set[frozenset[ScopedFactor]] = set()
    if terms.constant:
        spanned.add(frozenset())
        yield (CONSTANT,), [()]
    for term in products:
        new = [
            scope
            for scope in _spanning(term, categories)
            if frozenset(scope) not in spanned
        ]
        spanned.update(map(frozenset, new))
        yield term, _joined(new)


def _spanning(term: Term, categories: set[str]) -> list[Scope]:
    """The blocks that together span a term: each category without its first level, or left out."""
    choices = []
    for factor in term:
        if factor in categories:
            choices.append([[ScopedFactor(factor, reduced=True)], []])
        else:
            choices.append([[ScopedFactor(factor, reduced=False)]])
    return [tuple(part for one in way for part in one) for way in product(*choices)]


def _joined(scopes: Sequence[Scope]) -> list[Scope]:
    """As few blocks that span the same.

    A block and its crossing with a category less its first level are the crossing with
    the whole category.
    """
    found: list[Scope] = []
    for scope in sorted(scopes, key=len):
        within = _one_less(scope, found)
        if within is None:
            found = [*found, scope]
            continue
        (extra,) = set(scope) - set(within)
        whole = replace(extra, reduced=False)
        joined = tuple(whole if part == extra else part for part in scope)
        found = _joined([other for other in found if other != within] + [joined])
    return found


def _one_less(scope: Scope, found: Iterable[Scope]) -> Scope | None:
    """The first of some blocks that lacks nothing of a scope but one reduced category."""
    parts = set(scope)
    for other in found:
        extra = parts - set(other)
        shorter = len(other) == len(scope) - 1
        if shorter and len(extra) == 1 and all(part.reduced for part in extra):
            return other
    return None


def _by_formulaic(terms: Terms, axes: pd.DataFrame) -> tuple[Encoding, Array]:
    """The encoding that formulaic makes of a formula with something computed."""
    import formulaic

    matrix = formulaic.model_matrix(
        terms.text, axes, na_action="raise", output="numpy", context={}
    )
    spec = matrix.model_spec
    scopes = {each.term: each.scoped_terms for each in spec.structure}
    encoded = [
        EncodedTerm(
            tuple(map(str, term.factors)),
            frozenset(map(str, spec.term_variables[term])) & set(axes),
            tuple(map(_scope, scopes[term])),
            tuple(places),
        )
        for term, places in spec.term_indices.items()
    ]
    contrasts = spec.factor_contrasts.items()
    made = _ByFormulaic(
        terms=tuple(encoded),
        names=tuple(map(str, spec.column_names)),
        levels={str(factor): list(state.levels) for factor, state in contrasts},
        references={str(factor): _reference(state) for factor, state in contrasts},
        spec=spec,
    )
    return made, np.asarray(matrix, dtype=float)


def _scope(scoped: Any) -> Scope:
    """What a block of formulaic's crosses."""
    return tuple(ScopedFactor(str(f.factor), f.reduced) for f in scoped.factors)


def _reference(state: Any) -> str:
    """The level that the others are compared with; the coding, where it is no single level."""
    from formulaic.transforms.contrasts import TreatmentContrasts

    coding = state.contrasts
    if not isinstance(coding, TreatmentContrasts):
        return f"by {type(coding).__name__}"
    names = coding.get_coefficient_row_names(list(state.levels))
    return str(names[0])
