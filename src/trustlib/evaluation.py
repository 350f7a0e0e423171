"""How a condition is evaluated: a visitor over arrays, which knows nothing but its short list.

A comparison with a missing value is neither true nor false (Kleene), and so is what
divides by zero. A text never compares with a number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from operator import add, mul
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from trustlib.expressions import LARGEST
from trustlib.syntax import KNOWN, Refusal, called
from trustlib.values import HOLDS, Values, constant_values

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?", re.ASCII)
_DAY = "Write it as '2024-03-31'."


@dataclass(frozen=True)
class Evaluation:
    """Evaluates the syntax of a condition over columns.

    Attributes
    ----------
    columns : mapping
        The values of each name.
    refuse : Refusal
        Raises the error of the condition.

    Examples
    --------
    >>> import numpy as np
    >>> def refuse(why, hint=""):
    ...     raise ValueError(why)
    >>> known = np.array([True, True, False])
    >>> column = Values("number", np.array([1, 2, 3]), known, "k")
    >>> tree = ast.parse("k > 1", mode="eval").body
    >>> above = Evaluation({"k": column}, refuse).of(tree)
    >>> above.data.tolist(), above.known.tolist()
    ([False, True, True], [True, True, False])
    """

    columns: Mapping[str, Values]
    refuse: Refusal

    def of(self, node: ast.expr) -> Values:
        """The values of a node."""
        match node:
            case ast.Name(name):
                return self.columns[name]
            case ast.Constant(value):
                return constant_values(value)
            case ast.BoolOp(operator, parts):
                return self._joined(operator, [self.of(part) for part in parts])
            case ast.UnaryOp(operator, part):
                return self._unary(operator, self.of(part))
            case ast.BinOp(left, operator, right):
                return self._arithmetic(operator, self.of(left), self.of(right))
            case ast.Compare(left, operators, rights):
                return self._comparisons(left, operators, rights)
            case ast.Call(ast.Attribute(part, "isin"), [values]):
                return self._among(self.of(part), values)
            case ast.Call(ast.Attribute(part, asked)):
                known = self.of(part).known
                answer = known if asked in KNOWN else ~known
                return Values("truth", answer, np.ones_like(known))
        return self._nothing(node)

    def _nothing(self, node: ast.expr) -> NoReturn:
        """Refuse what the allow-list does not know; it has been looked at before."""
        self.refuse(f"{called(node)} has no place in a condition")

    def _require_truth(self, values: Values, word: str) -> None:
        """Refuse values that are not True and False, as `word` joins them."""
        if values.kind not in ("truth", "empty"):
            self.refuse(
                f"{word} joins comparisons, and {values.name or 'a part'} holds "
                f"{HOLDS[values.kind]}",
                "Compare it with a value, and put comparisons into brackets.",
            )

    def _joined(self, operator: ast.boolop, parts: list[Values]) -> Values:
        """And, or: what a missing part leaves open is missing."""
        neutral = isinstance(operator, ast.And)
        word = "and" if neutral else "or"
        data = np.asarray(neutral)
        known = np.asarray(True)
        for part in parts:
            self._require_truth(part, word)
            settled_before = known & (data != neutral)
            settled_here = part.known & (part.data != neutral)
            settled = settled_before | settled_here
            known = (known & part.known) | settled
            data = np.where(settled, not neutral, neutral)
        return Values("truth", data, known)

    def _unary(self, operator: ast.unaryop, part: Values) -> Values:
        """Not, and the sign of a number."""
        if isinstance(operator, ast.Not | ast.Invert):
            self._require_truth(part, "not")
            return Values("truth", ~part.data, part.known)
        zero = constant_values(0)
        if not isinstance(operator, ast.USub):
            return self._arithmetic(ast.Add(), zero, part)
        negative = self._arithmetic(ast.Sub(), zero, part)
        value = None if part.value is None else -part.value
        return replace(negative, value=value, name=f"-{part.name}")

    def _arithmetic(
        self, operator: ast.operator, left: Values, right: Values
    ) -> Values:
        """Sums, products, quotients and remainders of numbers; what is not defined is missing."""
        for side in (left, right):
            if side.kind not in ("number", "truth", "empty"):
                name = side.name or "a part"
                self.refuse(
                    f"+ - * / % take numbers, and {name} holds {HOLDS[side.kind]}"
                )
        known = np.asarray(left.known & right.known)
        if "empty" in (left.kind, right.kind):
            return Values("empty", np.zeros(known.shape, bool), known)
        with np.errstate(all="ignore"):
            data = _computed(operator, left.data, right.data)
        return Values("number", data, known & np.isfinite(data))

    def _comparisons(
        self, left: ast.expr, operators: list[ast.cmpop], rights: list[ast.expr]
    ) -> Values:
        """A comparison, or a chain of them."""
        first = operators[0]
        if isinstance(first, ast.In | ast.NotIn):
            among = self._among(self.of(left), rights[0])
            if isinstance(first, ast.NotIn):
                return replace(among, data=~among.data)
            return among
        sides = [self.of(left), *(self.of(right) for right in rights)]
        each = [
            self._compared(operator, sides[i], sides[i + 1])
            for i, operator in enumerate(operators)
        ]
        return self._joined(ast.And(), each)

    def _among(self, values: Values, given: ast.expr) -> Values:
        """Whether values are among those of a list."""
        assert isinstance(given, ast.List | ast.Tuple)
        each = [self._compared(ast.Eq(), values, self.of(g)) for g in given.elts]
        nothing = np.zeros_like(values.known)
        return self._joined(ast.Or(), [Values("truth", nothing, values.known), *each])

    def _compared(self, operator: ast.cmpop, left: Values, right: Values) -> Values:
        """One comparison of values of the same kind."""
        known = np.asarray(left.known & right.known)
        if "empty" in (left.kind, right.kind):
            return Values("truth", np.zeros(known.shape, bool), known)
        first = self._alike(left, right)
        second = self._alike(right, left)
        if first.kind != second.kind:
            self._differ(first, second)
        if first.kind == "text":
            self._require_texts(operator, first, second)
            main, other = _main_first(first, second)
            texts = dict.fromkeys([*main.levels, *other.levels])
            number = {text: i for i, text in enumerate(texts)}
            first = _numbered(first, number)
            second = _numbered(second, number)
        data = _COMPARE[type(operator)](first.data, second.data)
        return Values("truth", np.asarray(data), known)

    def _alike(self, values: Values, other: Values) -> Values:
        """A constant as the other side has it: a date written as a text, 1 and 0 for True and False."""
        is_constant = values.value is not None
        if other.kind == "date" and values.kind == "text" and is_constant:
            return self._date(values, other)
        truth_and_number = (values.kind, other.kind) == ("truth", "number")
        if truth_and_number and (is_constant or other.value in (0, 1)):
            return replace(values, kind="number", data=values.data.astype(np.int64))
        return values

    def _date(self, text: Values, dates: Values) -> Values:
        """A text that is compared with dates."""
        if not _DATE.fullmatch(text.value):
            self.refuse(
                f"{dates.name} holds dates, and {text.name} is none",
                "Write a date as '2024-03-31'.",
            )
        try:
            date = pd.Timestamp(text.value, tz=dates.zone)
        except ValueError:
            self.refuse(f"{text.name} is no date", _DAY)
        if dates.zone is not None:
            date = date.tz_convert("UTC").tz_localize(None)
        return replace(text, kind="date", data=np.asarray(date, "datetime64[us]"))

    def _differ(self, left: Values, right: Values) -> NoReturn:
        """Say of what kinds two sides are, and how to write the comparison."""
        left, right = _main_first(left, right)
        one = f"of {HOLDS[right.kind]}"
        if right.kind == "text":
            one = "a text"
        other = f"{right.name} is {one}"
        if right.value is None:
            other = f"{right.name or 'the other side'} holds {HOLDS[right.kind]}"
        name = left.name or "one side"
        self.refuse(
            f"{name} holds {HOLDS[left.kind]}, and {other}", _how_to_write(left, right)
        )

    def _require_texts(self, operator: ast.cmpop, left: Values, right: Values) -> None:
        """Refuse texts that are no levels, and < and > of texts that have no order."""
        for one, other in ((left, right), (right, left)):
            if one.declared and other.value is not None:
                self._require_level(one, other.value)
        if isinstance(operator, ast.Eq | ast.NotEq):
            return
        main, other = _main_first(left, right)
        ordered = main.ordered and set(other.levels) <= set(main.levels)
        if not ordered or (other.value is None and other.levels != main.levels):
            name = main.name or "a text"
            self.refuse(
                f"the texts of {name} have no order that < and > could use",
                f"List those you mean: {name} in ['a', 'b'].",
            )

    def _require_level(self, category: Values, level: str) -> None:
        """Refuse a text that is no level of a category."""
        if level in category.levels:
            return
        hint = ""
        near = get_close_matches(level, category.frequent, n=1, cutoff=0.5)
        if near:
            hint = f"Did you mean {near[0]!r}? "
        levels = ", ".join(category.frequent[:12]) or "none of ten people or more"
        self.refuse(
            f"{category.name} has no level {level!r}", f"{hint}There is: {levels}."
        )


def _main_first(left: Values, right: Values) -> tuple[Values, Values]:
    """Two sides, one that is no constant before the other."""
    if left.value is None:
        return left, right
    return right, left


def _how_to_write(left: Values, right: Values) -> str:
    """How to write a comparison of two sides that differ in kind; a constant stands right."""
    if left.value is None and right.value is not None:
        if left.kind == "number" and right.kind == "text":
            return f"Write the number without quotes, for example {left.name} == 30."
        if left.kind == "text":
            text = str(right.value)
            return f"Write the text in quotes, for example {left.name} == {text!r}."
    return "Compare texts with texts and numbers with numbers."


def _numbered(texts: Values, levels: Mapping[str, int]) -> Values:
    """Texts with the numbers of some levels."""
    new = np.array([levels[level] for level in texts.levels], dtype=np.int64)
    codes = np.append(new, -1)[texts.data]
    return replace(texts, data=codes)


def _computed(operator: ast.operator, left: Any, right: Any) -> Any:
    """Arithmetic on numbers: whole ones stay whole where they cannot overflow; division by zero is not defined."""
    if isinstance(operator, ast.Div | ast.Mod):
        return _divided(operator, left, right)
    if isinstance(operator, ast.Mult):
        return np.multiply(*_fitting(left, right, mul))
    if isinstance(operator, ast.Sub):
        return np.subtract(*_fitting(left, right, add))
    return np.add(*_fitting(left, right, add))


def _divided(operator: ast.operator, left: Any, right: Any) -> Any:
    """A quotient or a remainder; NaN where the divisor is zero."""
    divisor = np.where(right == 0, np.nan, right)
    if isinstance(operator, ast.Div):
        return np.true_divide(left, divisor)
    if _is_whole(left) and _is_whole(right) and right.all():
        return np.mod(*_fitting(left, right, max))
    return np.mod(left, divisor)


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "iub"


def _fitting(
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
    lowest = int(values.min())
    highest = int(values.max())
    return max(abs(lowest), abs(highest))
