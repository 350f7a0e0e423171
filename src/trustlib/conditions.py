"""Conditions such as ``"age > 40 and gender == 'woman'"``: read, held to an allow-list, and evaluated.

A condition is data. It may come with a file (``where:`` of a plan, the name of a
variable in a mapping), so nothing in it is ever run: it is parsed, every node of the
syntax must be one of a short list (`trustlib.syntax`), and what is left is evaluated by
a visitor over arrays that knows nothing else (`trustlib.evaluation`).
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from trustlib.errors import TrustlibError, unknown_name
from trustlib.evaluation import Evaluation
from trustlib.expressions import (
    WORDS,
    Token,
    UnreadableError,
    by_form,
    quoted,
    tokens,
)
from trustlib.personal import names_that_may_be_told
from trustlib.syntax import GRAMMAR, names_asked, require_allowed, require_flat
from trustlib.values import KindError, Values, column_values

SHOWN = 200  # characters of a condition that a message repeats


@dataclass(frozen=True)
class Condition:
    """A condition that was read.

    Attributes
    ----------
    text : str
        As it was written.
    tree : ast.expr
        Its syntax, with names that stand for those of `names`.
    names : dict
        Name in `tree` -> name as it was written, in form NFC.
    kind : type
        The error that its faults are.

    Examples
    --------
    >>> condition = Condition.read("age > 40 and `my group` == 'a'", TrustlibError)
    >>> list(condition.names.values())
    ['age', 'my group']
    >>> condition.written(condition.tree)
    "age > 40 and `my group` == 'a'"
    """

    text: str
    tree: ast.expr
    names: dict[str, str]
    kind: type[TrustlibError]

    @classmethod
    def read(cls, text: str, kind: type[TrustlibError]) -> Condition:
        """Parse a condition; nothing in it is held to the allow-list yet."""
        hint = (
            "For example: \"gender == 'woman'\". "
            "A name with spaces stands in backticks."
        )
        try:
            source, names = _in_python(tokens(text))
            with warnings.catch_warnings(action="ignore"):  # of escapes in texts
                tree = ast.parse(source, mode="eval").body
            require_flat(tree)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            why = ""
            if isinstance(error, UnreadableError):
                why = f": {error}"
            what = f"The condition {_shown(text)} is not a valid expression{why}."
            raise kind(what, hint) from error
        return cls(text, tree, names, kind)

    def refuse(self, why: str, hint: str = GRAMMAR) -> NoReturn:
        """Raise the error of this condition."""
        text = f"The condition {_shown(self.text)} cannot be evaluated: {why}."
        raise self.kind(text, hint)

    def require_allowed(self) -> None:
        """Refuse everything that is not on the list, before anything is evaluated."""
        require_allowed(self.tree, self.refuse)

    def columns(self, known: Iterable[Any]) -> dict[str, str]:
        """The column that each name of `tree` means; `UnknownNameError` if there is none."""
        columns = by_form(known)
        for name in self.names.values():
            if name not in columns:
                told = names_that_may_be_told(columns.values())
                raise unknown_name("variable", name, told)
        return {own: columns[name] for own, name in self.names.items()}

    def written(self, part: ast.expr) -> str:
        """A part of the condition as a text, with the names that it was written with."""

        def name(match: re.Match[str]) -> str:
            return quoted(self.names.get(match[0], match[0]))

        return re.sub(r"\b_name_\d+\b", name, ast.unparse(part))

    def holds(self, people: pd.DataFrame) -> np.ndarray:
        """For each row of a frame whether the condition holds.

        Where a variable that is named is missing it does not hold, save for those that
        are asked for with ``.isna()`` and the like.

        Parameters
        ----------
        people : DataFrame
            A column for each name in `tree`.

        Returns
        -------
        boolean array (m,)
            A condition that is no condition, such as ``age + 1``, gives another array
            than of True and False.
        """
        self.require_allowed()
        columns = self._columns_of(people)
        result = Evaluation(columns, self.refuse).of(self.tree)
        if result.kind == "text":
            return np.full(len(people), None)
        if result.kind not in ("truth", "empty"):
            return np.asarray(result.data)
        holds = np.asarray(result.data & result.known)
        if holds.shape == ():
            return holds
        asked = names_asked(self.tree)
        for own, column in columns.items():
            if own not in asked:
                holds = holds & column.known
        return holds

    def _columns_of(self, people: pd.DataFrame) -> dict[str, Values]:
        """The values of each name in `tree`, of one kind each."""
        columns = {}
        try:
            for own, name in self.names.items():
                columns[own] = column_values(people[own], name)
        except KindError as error:
            self.refuse(error.why, error.hint)
        return columns


def evaluate(
    text: str, frame: pd.DataFrame, kind: type[TrustlibError] = TrustlibError
) -> np.ndarray:
    """Whether a condition holds in each row of a pandas frame.

    Parameters
    ----------
    text : str
        Names, texts in quotes, numbers, comparisons, ``in`` with a list, and, or, not,
        arithmetic, ``.isna()``, ``.notna()`` and ``.isin([...])``.
    frame : DataFrame (m rows)
    kind : type
        The error that faults of the condition are.

    Returns
    -------
    boolean array (m,)
        See `Condition.holds`.

    Raises
    ------
    UnknownNameError
        It names something that is no column.
    TrustlibError
        Of the kind that is given: it cannot be read, or has what is not on the list.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [30, 50, None]})
    >>> people["gender"] = ["man", "woman", "man"]
    >>> evaluate("age > 40 or gender == 'man'", people).tolist()
    [True, True, False]
    """
    condition = Condition.read(text, kind)
    columns = condition.columns(frame.columns)
    named = {own: frame[column] for own, column in columns.items()}
    return condition.holds(pd.DataFrame(named, frame.index))


def _shown(text: str) -> str:
    """A condition in a message: whole, or its beginning."""
    if len(text) > SHOWN:
        text = text[:SHOWN] + "..."
    return repr(text)


def _in_python(written: list[Token]) -> tuple[str, dict[str, str]]:
    """The text of a condition for Python's parser, each name replaced by one of ours."""
    names: dict[str, str] = {}
    own: dict[str, str] = {}
    parts = []
    before = ""
    for token in written:
        text = token.text
        if token.kind == "name" and before == ".":
            if not text.isascii():
                raise UnreadableError(f"it cannot be read from {text[:20]!r} on")
        elif token.kind == "quoted" or (token.kind == "name" and text not in WORDS):
            name = token.name
            text = own.setdefault(name, f"_name_{len(own)}")
            names[text] = name
        elif token.kind == "sign":
            text = {"&": "and", "|": "or"}.get(text, text)
        parts.append(text)
        before = token.text
    return " ".join(parts), names
