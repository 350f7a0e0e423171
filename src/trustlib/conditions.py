"""Conditions such as ``"age > 40 and gender == 'woman'"``: read, held to an allow-list, and evaluated here.

A condition is data. It may come with a file (``where:`` of a plan, the name of a variable in a mapping), so nothing in
it is ever run: it is parsed, and every node of the syntax must be one of a short list (`GRAMMAR`). What is left is
evaluated by a visitor over arrays that knows nothing else. A comparison with a missing value is neither true nor false
(Kleene), and so is what divides by zero. A text never compares with a number.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from trustlib.errors import TrustlibError, unknown_name
from trustlib.expressions import (
    DEEPEST,
    LARGEST,
    WORDS,
    Token,
    UnreadableError,
    by_form,
    quoted,
    tokens,
)
from trustlib.values import HOLDS, KindError, Values, column_values, constant_values

MISSING = ("isna", "isnull")
KNOWN = ("notna", "notnull")

GRAMMAR = (
    "A condition has names, texts in quotes, numbers, == != < <= > >=, in and not in with a list, and, or, not, "
    "+ - * / %, brackets, .isna(), .notna() and .isin([...])."
)

# -- a condition ------------------------------------------------------------------------------------------------------


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
    """

    text: str
    tree: ast.expr
    names: dict[str, str]
    kind: type[TrustlibError]

    @classmethod
    def read(cls, text: str, kind: type[TrustlibError]) -> Condition:
        """Parse a condition; nothing in it is held to the allow-list yet."""
        hint = "For example: \"gender == 'woman'\". A name with spaces stands in backticks."
        try:
            source, names = _in_python(tokens(text))
            with warnings.catch_warnings(action="ignore"):  # of escapes in texts
                tree = ast.parse(source, mode="eval").body
            _require_flat(tree)
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
        for node in ast.walk(self.tree):
            if not isinstance(node, _ALLOWED):
                self.refuse(f"{_called(node)} has no place in a condition")
        _Shape(self).of(self.tree)

    def columns(self, known: Iterable[Any]) -> dict[str, str]:
        """The column that each name of `tree` means; `UnknownNameError` if there is none."""
        columns = by_form(known)
        for name in self.names.values():
            if name not in columns:
                raise unknown_name("variable", name, columns.values())
        return {own: columns[name] for own, name in self.names.items()}

    def written(self, part: ast.expr) -> str:
        """A part of the condition as a text, with the names that it was written with."""
        return re.sub(
            r"\b_name_\d+\b",
            lambda found: quoted(self.names.get(found[0], found[0])),
            ast.unparse(part),
        )

    def holds(self, people: pd.DataFrame) -> np.ndarray:
        """For each row of a frame whether the condition holds.

        `people` has a column for each name in `tree`. Where a variable that is named is missing it does not hold, save
        for those that are asked for with ``.isna()`` and the like. A condition that is no condition, such as
        ``age + 1``, gives another array than of True and False.
        """
        self.require_allowed()
        try:
            columns = {
                own: column_values(people[own], name)
                for own, name in self.names.items()
            }
        except KindError as error:
            self.refuse(error.why, error.hint)
        found = _Visitor(self, columns).of(self.tree)
        if found.kind == "text":
            return np.full(len(people), None)
        if found.kind not in ("truth", "empty"):
            return np.asarray(found.data)
        holds = np.asarray(found.data & found.known)
        if holds.shape == ():
            return holds
        asked = _asked(self.tree)
        for own, column in columns.items():
            if own not in asked:
                holds = holds & column.known
        return holds


def evaluate(
    text: str, frame: pd.DataFrame, kind: type[TrustlibError] = TrustlibError
) -> np.ndarray:
    """Whether a condition holds in each row of a pandas frame; see `Condition.holds`."""
    condition = Condition.read(text, kind)
    columns = condition.columns(frame.columns)
    return condition.holds(
        pd.DataFrame({own: frame[c] for own, c in columns.items()}, frame.index)
    )


def _shown(text: str) -> str:
    """A condition in a message: whole, or its beginning."""
    shown = text if len(text) <= 200 else text[:200] + "..."
    return repr(shown)


def _in_python(found: list[Token]) -> tuple[str, dict[str, str]]:
    """The text of a condition for Python's parser, each name replaced by one of ours."""
    names: dict[str, str] = {}
    own: dict[str, str] = {}
    parts = []
    before = ""
    for token in found:
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


def _require_flat(tree: ast.expr) -> None:
    """Refuse a syntax whose branches are so long that walking them would fail."""
    level = [tree]
    for _ in range(DEEPEST * 2):
        level = [below for node in level for below in _below(node)]
        if not level:
            return
    raise UnreadableError(f"it is nested more than {DEEPEST} deep")


def _below(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child


def _asked(tree: ast.expr) -> set[str]:
    """The names that are asked whether they are missing."""
    return {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in MISSING + KNOWN
        and isinstance(node.value, ast.Name)
    }


# -- what may be written ----------------------------------------------------------------------------------------------

_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub, ast.UAdd, ast.Compare, ast.Eq, ast.NotEq,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod,
    ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.Call, ast.Attribute,
)  # fmt: skip
_CALLED = {
    ast.Pow: "a power",
    ast.FloorDiv: "//",
    ast.Subscript: "an index",
    ast.Slice: "an index",
    ast.BitXor: "^",
    ast.Starred: "an asterisk",
    ast.keyword: "an option",
}


def _called(node: ast.AST) -> str:
    return _CALLED.get(type(node), type(node).__name__.lower())


class _Shape:
    """Holds the syntax of a condition to its grammar: what may stand in which place."""

    def __init__(self, condition: Condition) -> None:
        self.refuse = condition.refuse

    def of(self, node: ast.expr) -> None:
        """Look at a node, and at all below it."""
        match node:
            case ast.Name():
                return
            case ast.Constant():
                self.constant(node)
            case ast.Call():
                self.call(node)
            case ast.Compare():
                self.comparison(node)
            case ast.Attribute():
                self.refuse(f".{node.attr} has no place in a condition")
            case ast.List() | ast.Tuple():
                self.refuse("a list stands after in or within .isin() only")
            case _:
                for below in _below(node):
                    self.of(below)

    def constant(self, node: ast.expr) -> None:
        """A text, a number of bounded size, True or False."""
        part = node.operand if isinstance(node, ast.UnaryOp) else node
        if not isinstance(part, ast.Constant):
            self.refuse("a list has texts and numbers only")
        value = part.value
        if not isinstance(value, (bool, int, float, str)):
            self.refuse("a constant is a text, a number, True or False")
        if isinstance(value, int) and value >= LARGEST:
            self.refuse("a whole number has up to 18 digits")
        if isinstance(value, float) and not np.isfinite(value):
            self.refuse("a number is too large")

    def call(self, node: ast.Call) -> None:
        """``name.isna()``, ``name.notna()`` and ``name.isin([...])``; nothing else is called."""
        function = node.func
        if not (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        ):
            self.refuse("only .isna(), .notna() and .isin([...]) of a name are called")
        if function.attr in MISSING + KNOWN and not node.args and not node.keywords:
            return
        if function.attr == "isin" and len(node.args) == 1 and not node.keywords:
            self.list(node.args[0])
            return
        self.refuse(
            f"of names .isna(), .notna() and .isin([...]) are asked, not .{function.attr}"
        )

    def comparison(self, node: ast.Compare) -> None:
        """Comparisons of values, and ``in`` with a list."""
        self.of(node.left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                self.list(right)
                if len(node.ops) > 1:
                    self.refuse("in stands alone: join comparisons by and")
            else:
                self.of(right)

    def list(self, node: ast.expr) -> None:
        """A list of constants, negative numbers among them."""
        if not isinstance(node, ast.List | ast.Tuple):
            self.refuse("in takes a list, such as ['a', 'b']")
        for value in node.elts:
            if isinstance(value, ast.UnaryOp) and not isinstance(value.op, ast.USub):
                self.refuse("a list has texts and numbers only")
            self.constant(value)


# -- evaluation -------------------------------------------------------------------------------------------------------

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?", re.ASCII)


class _Visitor:
    """Evaluates the syntax of a condition over columns."""

    def __init__(self, condition: Condition, columns: dict[str, Values]) -> None:
        self.condition = condition
        self.columns = columns

    def of(self, node: ast.expr) -> Values:
        """The values of a node."""
        match node:
            case ast.Name(name):
                return self.columns[name]
            case ast.Constant(value):
                return constant_values(value)
            case ast.BoolOp(operator, parts):
                return self.join(operator, [self.of(part) for part in parts])
            case ast.UnaryOp(operator, part):
                return self.unary(operator, self.of(part))
            case ast.BinOp(left, operator, right):
                return self.arithmetic(operator, self.of(left), self.of(right))
            case ast.Compare(left, operators, rights):
                return self.comparisons(left, operators, rights)
            case ast.Call(ast.Attribute(part, "isin"), [values]):
                return self.among(self.of(part), values)
            case ast.Call(ast.Attribute(part, asked)):
                known = self.of(part).known
                found = known if asked in KNOWN else ~known
                return Values("truth", found, np.ones_like(known))
        return self.nothing(node)

    def nothing(self, node: ast.expr) -> Values:
        """Refuse what the allow-list does not know; it has been looked at before."""
        self.condition.refuse(f"{_called(node)} has no place in a condition")

    def truth(self, values: Values, word: str) -> Values:
        """Values that are True and False, as `word` joins them."""
        if values.kind not in ("truth", "empty"):
            self.condition.refuse(
                f"{word} joins comparisons, and {values.name or 'a part'} holds {HOLDS[values.kind]}",
                "Compare it with a value, and put comparisons into brackets.",
            )
        return values

    def join(self, operator: ast.boolop, parts: list[Values]) -> Values:
        """And, or: what a missing part leaves open is missing."""
        is_and = isinstance(operator, ast.And)
        word = "and" if is_and else "or"
        data, known = np.asarray(is_and), np.asarray(True)
        for part in parts:
            self.truth(part, word)
            settled = (known & (data != is_and)) | (part.known & (part.data != is_and))
            known = (known & part.known) | settled
            data = np.where(settled, not is_and, is_and)
        return Values("truth", data, known)

    def unary(self, operator: ast.unaryop, part: Values) -> Values:
        """Not, and the sign of a number."""
        if isinstance(operator, ast.Not | ast.Invert):
            self.truth(part, "not")
            return Values("truth", ~part.data, part.known)
        if isinstance(operator, ast.USub):
            made = self.arithmetic(ast.Sub(), constant_values(0), part)
            value = None if part.value is None else -part.value
            return replace(made, value=value, name=f"-{part.name}")
        return self.arithmetic(ast.Add(), constant_values(0), part)

    def arithmetic(self, operator: ast.operator, left: Values, right: Values) -> Values:
        """Sums, products, quotients and remainders of numbers; what is not defined is missing."""
        for side in (left, right):
            if side.kind not in ("number", "truth", "empty"):
                self.condition.refuse(
                    f"+ - * / % take numbers, and {side.name or 'a part'} holds {HOLDS[side.kind]}"
                )
        known = np.asarray(left.known & right.known)
        if "empty" in (left.kind, right.kind):
            return Values("empty", np.zeros(known.shape, bool), known)
        with np.errstate(all="ignore"):
            data = _computed(operator, left.data, right.data)
        return Values("number", data, known & np.isfinite(data))

    def comparisons(
        self, left: ast.expr, operators: list[ast.cmpop], rights: list[ast.expr]
    ) -> Values:
        """A comparison, or a chain of them."""
        if isinstance(operators[0], ast.In | ast.NotIn):
            found = self.among(self.of(left), rights[0])
            if isinstance(operators[0], ast.NotIn):
                return replace(found, data=~found.data)
            return found
        sides = [self.of(left), *(self.of(right) for right in rights)]
        each = [
            self.compared(operator, *sides[i : i + 2])
            for i, operator in enumerate(operators)
        ]
        return self.join(ast.And(), each)

    def among(self, values: Values, given: ast.expr) -> Values:
        """Whether values are among those of a list."""
        assert isinstance(given, ast.List | ast.Tuple)
        each = [self.compared(ast.Eq(), values, self.of(g)) for g in given.elts]
        nothing = np.zeros_like(values.known)
        return self.join(ast.Or(), [Values("truth", nothing, values.known), *each])

    def compared(self, operator: ast.cmpop, left: Values, right: Values) -> Values:
        """One comparison of values of the same kind."""
        known = np.asarray(left.known & right.known)
        if "empty" in (left.kind, right.kind):
            return Values("truth", np.zeros(known.shape, bool), known)
        first = self.alike(left, right)
        right = self.alike(right, left)
        left = first
        if left.kind != right.kind:
            self.differ(left, right)
        if left.kind == "text":
            left, right = self.in_one_order(operator, left, right)
        data = _COMPARE[type(operator)](left.data, right.data)
        return Values("truth", np.asarray(data), known)

    def alike(self, values: Values, other: Values) -> Values:
        """A constant as the other side has it: a date written as a text, 1 and 0 for True and False."""
        if other.kind == "date" and values.kind == "text" and values.value is not None:
            if not _DATE.fullmatch(values.value):
                self.condition.refuse(
                    f"{other.name} holds dates, and {values.name} is none",
                    "Write a date as '2024-03-31'.",
                )
            try:
                date = pd.Timestamp(values.value, tz=other.zone)
            except ValueError:
                self.condition.refuse(
                    f"{values.name} is no date", "Write it as '2024-03-31'."
                )
            if other.zone is not None:
                date = date.tz_convert("UTC").tz_localize(None)
            return replace(values, kind="date", data=np.asarray(date, "datetime64[us]"))
        if (values.kind, other.kind) == ("truth", "number") and (
            values.value is not None or other.value in (0, 1)
        ):
            return replace(values, kind="number", data=values.data.astype(np.int64))
        return values

    def differ(self, left: Values, right: Values) -> NoReturn:
        """Say of what kinds two sides are, and how to write the comparison."""
        if left.value is not None:
            left, right = right, left
        hint = "Compare texts with texts and numbers with numbers."
        if left.value is None and right.value is not None:
            if left.kind == "number" and right.kind == "text":
                hint = (
                    f"Write the number without quotes, for example {left.name} == 30."
                )
            elif left.kind == "text":
                text = str(right.value)
                hint = f"Write the text in quotes, for example {left.name} == {text!r}."
        one = "a text" if right.kind == "text" else f"of {HOLDS[right.kind]}"
        what = f"{right.name} is {one}"
        if right.value is None:
            what = f"{right.name or 'the other side'} holds {HOLDS[right.kind]}"
        self.condition.refuse(
            f"{left.name or 'one side'} holds {HOLDS[left.kind]}, and {what}", hint
        )

    def in_one_order(
        self, operator: ast.cmpop, left: Values, right: Values
    ) -> tuple[Values, Values]:
        """Two sides of texts, numbered in the same way."""
        for one, other in ((left, right), (right, left)):
            if one.declared and other.value is not None:
                self.require_level(one, other.value)
        main, other = (left, right) if left.value is None else (right, left)
        if not isinstance(operator, ast.Eq | ast.NotEq):
            known_order = main.ordered and set(other.levels) <= set(main.levels)
            if not known_order or (other.value is None and other.levels != main.levels):
                name = main.name or "a text"
                self.condition.refuse(
                    f"the texts of {name} have no order that < and > could use",
                    f"List those you mean: {name} in ['a', 'b'].",
                )
        place = {level: i for i, level in enumerate(main.levels)}
        new = [place.setdefault(level, len(place)) for level in other.levels]
        codes = np.append(np.array(new, dtype=np.int64), -1)[other.data]
        moved = replace(other, data=codes)
        return (main, moved) if main is left else (moved, main)

    def require_level(self, category: Values, level: str) -> None:
        """Refuse a text that is no level of a category."""
        if level in category.levels:
            return
        near = get_close_matches(level, category.levels, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        levels = ", ".join(category.levels[:12])
        self.condition.refuse(
            f"{category.name} has no level {level!r}", f"{hint}There is: {levels}."
        )


def _computed(operator: ast.operator, left: np.ndarray, right: np.ndarray) -> Any:
    """Arithmetic on numbers: whole ones stay whole where they cannot overflow; division by zero is not defined."""
    if isinstance(operator, ast.Div | ast.Mod):
        divisor = np.where(right == 0, np.nan, right)
        if isinstance(operator, ast.Div):
            return np.true_divide(left, divisor)
        if _is_whole(left) and _is_whole(right) and right.all():
            return np.mod(*_safe(left, right, lambda a, b: max(a, b)))
        return np.mod(left, divisor)
    if isinstance(operator, ast.Mult):
        return np.multiply(*_safe(left, right, lambda a, b: a * b))
    if isinstance(operator, ast.Sub):
        return np.subtract(*_safe(left, right, lambda a, b: a + b))
    return np.add(*_safe(left, right, lambda a, b: a + b))


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "iub"


def _safe(
    left: np.ndarray, right: np.ndarray, bound: Callable[[int, int], int]
) -> tuple[np.ndarray, np.ndarray]:
    """Two sides as whole numbers of 64 bits if the result fits, else as they are or as floats."""
    if not (_is_whole(left) and _is_whole(right)):
        return left, right
    one = _largest(left)
    other = _largest(right)
    kind: type = float
    if max(bound(one, other), one, other) < LARGEST:
        kind = np.int64
    return left.astype(kind), right.astype(kind)


def _largest(values: np.ndarray) -> int:
    """The largest of whole numbers, without their signs."""
    if not values.size:
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))
