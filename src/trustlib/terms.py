"""The terms of a model on cells: design matrix, baselines, and whether they are identified.

`trustlib.encoding` makes the matrix, under names of ours for the axes (see
`trustlib.formulas`); what it is asked and what is said of it stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from trustlib.cells import Cells, told_row
from trustlib.encoding import Encoding, Scope, encode
from trustlib.errors import (
    EstimandError,
    FitError,
    RankError,
    SeparationError,
    one_line,
)
from trustlib.formulas import Terms, read_formula
from trustlib.masking import RARE_LEVEL, foreign, people_by_level, spoken_levels
from trustlib.newton import aliased, separation
from trustlib.variance import Array

NAMED = 6  # coefficients that a refusal names


@dataclass(frozen=True, eq=False)
class ModelTerms:
    """What makes the design matrix of cells: the terms of a formula, and their encoding.

    Attributes
    ----------
    terms : Terms
        The formula as it was read.
    encoding : Encoding
        With names of ours for the axes.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 20, "w": 1.0})
    >>> rows["y"] = [0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> design_matrix(cells, "group").spec.term_indices
    {'1': [0], 'group': [1]}
    """

    terms: Terms
    encoding: Encoding

    def shown(self, name: str) -> str:
        """A name of the encoding's with the axes' own names."""
        return self.terms.shown(name)

    @property
    def required_variables(self) -> list[str]:
        """The axes that the formula names."""
        return list(self.terms.own)

    @cached_property
    def column_names(self) -> list[str]:
        """The coefficients."""
        return [self.shown(name) for name in self.encoding.names]

    @cached_property
    def term_indices(self) -> dict[str, list[int]]:
        """Term -> the places of its coefficients."""
        return {self.shown(t.name): list(t.places) for t in self.encoding.terms}

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """Term -> the axes, or what is computed of them, that it crosses."""
        return {
            self.shown(term.name): tuple(map(self.shown, term.factors))
            for term in self.encoding.terms
        }

    @property
    def term_variables(self) -> dict[str, set[str]]:
        """Term -> the axes in it."""
        axes = {own: axis for axis, own in self.terms.own.items()}
        return {
            self.shown(term.name): {axes[own] for own in term.variables}
            for term in self.encoding.terms
        }

    def find(self, term: str) -> str | None:
        """The term that somebody means: the order of names, spaces and backticks do not matter."""
        wanted = self.terms.factors_of(term)
        for own in self.encoding.terms:
            factors = frozenset(own.factors)
            shown = frozenset(map(self.shown, own.factors))
            name = self.shown(own.name)
            if wanted in (factors, shown) or term == name:
                return name
        return None

    def matrix(self, frame: pd.DataFrame) -> Array:
        """The design matrix (m, p) of rows of axes.

        Parameters
        ----------
        frame : DataFrame (m rows)

        Returns
        -------
        array (m, p)

        Raises
        ------
        EstimandError
            A term is not defined for some values.
        """
        with np.errstate(all="ignore"):
            try:
                return self._evaluated(frame)
            except Exception as error:  # formulaic has many
                names = " + ".join(self.term_indices)
                why = self.terms.shown(_plain(error))
                raise EstimandError(
                    f"The terms {names} are not defined for all values: {why}",
                    "Give values for which each term is defined; a number as a factor, "
                    "as in C(x), takes those that occur.",
                ) from error

    def _evaluated(self, frame: pd.DataFrame) -> Array:
        """The design matrix, or one of many errors."""
        x = self.encoding.matrix(_renamed(frame, self.terms))
        if not np.isfinite(x).all():
            raise ValueError("some values are not finite")
        return x


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """The design matrix of cells.

    Attributes
    ----------
    spec : ModelTerms
        Makes that of other cells.
    x : array (C, p)
    names : list of str (p,)
        The coefficients.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 20, "w": 1.0})
    >>> rows["y"] = [0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> design_matrix(cells, "group").names
    ['Intercept', 'group[T.b]']
    """

    spec: ModelTerms
    x: Array
    names: list[str]


def design_matrix(cells: Cells, formula: str) -> DesignMatrix:
    """The design matrix of a formula, one row per cell.

    Parameters
    ----------
    cells : Cells
    formula : str
        Its right-hand side, or with the outcome and ``~`` before it.

    Returns
    -------
    DesignMatrix

    Raises
    ------
    FitError
        The formula cannot be read, is not defined in all cells, or makes two
        coefficients of one name.
    RankError
        Everyone has the same level of a category.

    Notes
    -----
    R: ``model.matrix(~ gender * ethnicity, cells)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 20, "w": 1.0})
    >>> rows["y"] = [0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> design_matrix(cells, "group").x.tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    frame = cells.frame
    numbers = {}
    levels: list[str] = []
    for axis in cells.by:
        kind = frame[axis].dtype
        numbers[axis] = not isinstance(kind, pd.CategoricalDtype)
        if isinstance(kind, pd.CategoricalDtype):
            levels += map(str, kind.categories)
    terms = read_formula(formula, cells.outcome, numbers, levels)
    for axis in sorted(terms.own):
        if not numbers[axis] and frame[axis].nunique() < 2:
            raise RankError(
                f"Everyone has the same level {_only_level(cells, axis)} of {axis!r}, "
                "so it has no coefficient.",
                "Leave it out.",
            )
    encoding, x = _encoded(formula, terms, frame)
    spec = ModelTerms(terms, encoding)
    names = spec.column_names
    if len(set(names)) < len(names):
        raise FitError(
            f"The formula {formula!r} makes two coefficients of one name.",
            "Rename the axis.",
        )
    return DesignMatrix(spec, x, names)


def _encoded(formula: str, terms: Terms, frame: pd.DataFrame) -> tuple[Encoding, Array]:
    """The encoding of the terms, and the matrix of the cells, in all of which they are defined."""
    hint = (
        "Leave out the values for which it is not, or make the column before compress."
    )
    own = _renamed(frame, terms)
    with np.errstate(all="ignore"):
        try:
            encoding, x = encode(terms, own)
        except Exception as error:  # formulaic has many
            raise FitError(
                f"The formula {formula!r} cannot be evaluated: {foreign(error)}", hint
            ) from None
    if not np.isfinite(x).all():
        raise FitError(
            f"The formula {formula!r} is not defined in all cells: it divides by zero, "
            "or a number is too large.",
            hint,
        )
    return encoding, x


def _only_level(cells: Cells, axis: str) -> str:
    """The level that everyone has, if at least ten people are everyone."""
    sizes = people_by_level(cells.frame[axis], cells.frame["n"])
    told = spoken_levels(sizes, sizes)
    return repr(told[0]) if told else RARE_LEVEL


def _plain(error: Exception) -> str:
    """The message of formulaic on values that its user has typed, without marks."""
    return one_line(error).translate(str.maketrans("", "", "⧛⧚"))


def _renamed(frame: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    """The axes that a formula uses, with names of ours."""
    columns = {own: frame[axis] for axis, own in terms.own.items()}
    return pd.DataFrame(columns, frame.index)


def require_rank(x: Array, names: list[str], cells: Cells | None = None) -> None:
    """Refuse columns that are sums of earlier ones, naming them.

    Parameters
    ----------
    x : array (C, p)
    names : list of str (p,)
    cells : Cells, optional
        Whose small groups are not named.

    Raises
    ------
    RankError

    Examples
    --------
    >>> import numpy as np
    >>> require_rank(np.eye(2), ["Intercept", "group[T.b]"])
    """
    places = aliased(x)
    if not places:
        return
    why = "each is a sum of other terms"
    if not x[:, places].any():
        why = "no people are in these combinations"
    told = names if cells is None else told_terms(names, cells)
    shown = ", ".join(told[i] for i in places[:NAMED])
    raise RankError(
        f"{len(places)} of {len(names)} coefficients cannot be estimated: {why} "
        f"({shown}).",
        "Take these terms out, or join levels so that every combination has people.",
    )


def told_terms(names: Sequence[str], cells: Cells) -> list[str]:
    """Names of coefficients as a message may tell them: a level of few people is not named.

    Parameters
    ----------
    names : sequence of str
    cells : Cells

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"g": ["a", "b"] * 20 + ["c"], "y": [0.0, 1.0, 1.0] + [0.0] * 38})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["g"])
    >>> told_terms(["g[T.b]", "g[T.c]"], cells)
    ['g[T.b]', 'g[(a level of fewer than 10 people)]']
    """
    told = list(names)
    for axis in cells.by:
        column = cells.frame[axis]
        if column.dtype != "category":
            continue
        sizes = people_by_level(column, cells.frame["n"])
        rare = set(sizes) - set(spoken_levels(sizes, sizes))
        for level in rare:
            for written in (f"[T.{level}]", f"[{level}]"):
                told = [name.replace(written, f"[{RARE_LEVEL}]") for name in told]
    return told


def require_overlap(
    x: Array,
    names: list[str],
    weight: Array,
    events: Array,
    cells: Cells,
) -> None:
    """Refuse separated data, naming cells and terms.

    Parameters
    ----------
    x : array (C, p)
    names : list of str (p,)
    weight, events : array (C,)
        Weighted people of each cell, and those with the outcome.
    cells : Cells
        For the names of the cells.

    Raises
    ------
    SeparationError

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 20, "w": 1.0})
    >>> rows["y"] = [0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> matrix = design_matrix(cells, "group")
    >>> half = np.array([10.0, 10.0])
    >>> require_overlap(matrix.x, matrix.names, 2 * half, half, cells)
    """
    separated = separation(x, weight, events)
    if separated is None:
        return
    pure = np.flatnonzero(separated.pure)
    table = cells.frame
    people = table["n"]
    where = [told_row(table.loc[cell], table, cells.by, people) for cell in pure[:3]]
    told = told_terms(names, cells)
    moving = [told[i] for i in separated.moving[:NAMED]]
    raise SeparationError(
        f"No finite estimate exists: in {len(pure)} cells everyone or nobody has "
        f"{cells.outcome!r} (such as {'; '.join(where)}), which these terms predict "
        f"perfectly: {', '.join(moving)}.",
        "Join levels, drop the interaction, or report the cell's proportion with "
        "cell_means instead of a model.",
    )


@dataclass(frozen=True)
class _Column:
    """What a column of a design matrix is of."""

    compared: frozenset[str]  # numbers, and categories less one level
    standing: frozenset[str]  # these, and categories with all their levels


def baselines(spec: ModelTerms) -> list[str]:
    """The reference levels that each column of a design matrix depends on, as texts.

    Parameters
    ----------
    spec : ModelTerms

    Returns
    -------
    list of str (p,)
        See `LogitFit.baselines`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 20, "w": 1.0})
    >>> rows["y"] = [0.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> baselines(design_matrix(cells, "group").spec)
    ['group a', 'group a']
    """
    encoding = spec.encoding
    reference = encoding.references
    columns: list[_Column] = []
    order: dict[str, None] = {}
    for term in encoding.terms:
        for scope in term.scopes:
            order |= dict.fromkeys(part.factor for part in scope)
            columns += _scoped_columns(scope, encoding)
    # A number is compared at zero.
    levels = {factor: reference.get(factor, "0") for factor in order}
    shown = {factor: spec.shown(factor) for factor in order}
    size = len(spec.column_names)
    if len(columns) != size:  # a term that makes columns of its own
        return [_listed_levels(levels, shown)] * size
    texts = []
    for column in columns:
        needed = _needed(column, columns, set(reference))
        used = {f: level for f, level in levels.items() if f in needed}
        texts.append(_listed_levels(used, shown))
    return texts


def _scoped_columns(scope: Scope, encoding: Encoding) -> list[_Column]:
    """The columns of one block."""
    every = frozenset(part.factor for part in scope)
    whole = {part.factor for part in scope if not part.reduced}
    width = 1
    for part in scope:
        levels = encoding.levels.get(part.factor)
        if levels is not None:
            width *= len(levels) - part.reduced
    compared = every - (whole & set(encoding.levels))
    return [_Column(compared, every)] * width


def _needed(
    column: _Column, columns: list[_Column], categories: set[str]
) -> frozenset[str]:
    """The factors whose references a column depends on."""
    joined = frozenset().union(
        *(other.standing for other in columns if column.compared <= other.standing)
    )
    whole = column.standing - column.compared
    slopes = column.compared - categories
    return joined - whole - slopes


def _listed_levels(levels: dict[str, str], shown: dict[str, str]) -> str:
    return ", ".join(f"{shown[factor]} {level}" for factor, level in levels.items())
