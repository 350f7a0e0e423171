"""What may be written in a condition: the allow-list of its syntax, and what may stand where.

`trustlib.conditions` parses a condition, holds it to this, and only then evaluates it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NoReturn, Protocol

import numpy as np

from trustlib.expressions import DEEPEST, LARGEST, UnreadableError

MISSING = ("isna", "isnull")
KNOWN = ("notna", "notnull")
GRAMMAR = (
    "A condition has names, texts in quotes, numbers, == != < <= > >=, in and not in "
    "with a list, and, or, not, + - * / %, brackets, .isna(), .notna() and .isin([...])."
)
_ALLOWED = (
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.Invert,
    ast.USub,
    ast.UAdd,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.List,
    ast.Tuple,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Mod,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Call,
    ast.Attribute,
)
_CALLED = {
    ast.Pow: "a power",
    ast.FloorDiv: "//",
    ast.Subscript: "an index",
    ast.Slice: "an index",
    ast.BitXor: "^",
    ast.Starred: "an asterisk",
    ast.keyword: "an option",
}


class Refusal(Protocol):
    """Raises the error of a condition: why it cannot be evaluated, and what may be written."""

    def __call__(self, why: str, hint: str = GRAMMAR) -> NoReturn:
        """Raise the error."""


def called(node: ast.AST) -> str:
    """A node of the syntax as messages call it.

    Examples
    --------
    >>> called(ast.parse("a ** b", mode="eval").body.op)
    'a power'
    >>> called(ast.parse("lambda: 1", mode="eval").body)
    'lambda'
    """
    kind = type(node)
    return _CALLED.get(kind, kind.__name__.lower())


def parts_of(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions directly below a node.

    Examples
    --------
    >>> [ast.unparse(part) for part in parts_of(ast.parse("a > 1", mode="eval").body)]
    ['a', '1']
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child


def require_flat(tree: ast.expr) -> None:
    """Refuse a syntax whose branches are so long that walking them would fail.

    Raises
    ------
    UnreadableError

    Examples
    --------
    >>> require_flat(ast.parse("a > 1", mode="eval").body)
    """
    level = [tree]
    for _ in range(DEEPEST * 2):
        level = [part for node in level for part in parts_of(node)]
        if not level:
            return
    raise UnreadableError(f"it is nested more than {DEEPEST} deep")


def names_asked(tree: ast.expr) -> set[str]:
    """The names that are asked whether they are missing.

    Examples
    --------
    >>> names_asked(ast.parse("a.isna() or b > 1", mode="eval").body)
    {'a'}
    """
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(name), attr) if attr in MISSING + KNOWN:
                names.add(name)
    return names


def require_allowed(tree: ast.expr, refuse: Refusal) -> None:
    """Refuse everything that is not on the list, before anything is evaluated.

    Parameters
    ----------
    tree : ast.expr
    refuse : Refusal
        Raises the error.

    Examples
    --------
    >>> def refuse(why, hint=GRAMMAR):
    ...     raise ValueError(why)
    >>> require_allowed(ast.parse("a > 1", mode="eval").body, refuse)
    >>> require_allowed(ast.parse("a ** 2", mode="eval").body, refuse)
    Traceback (most recent call last):
    ValueError: a power has no place in a condition
    """
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            refuse(f"{called(node)} has no place in a condition")
    _Shape(refuse).of(tree)


def _method_of_a_name(node: ast.Call) -> str | None:
    """What is called, if it is a method of a name."""
    match node.func:
        case ast.Attribute(ast.Name(), method):
            return method
    return None


class _Shape:
    """Holds the syntax of a condition to its grammar: what may stand in which place."""

    def __init__(self, refuse: Refusal) -> None:
        self.refuse = refuse

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
                for part in parts_of(node):
                    self.of(part)

    def constant(self, node: ast.expr) -> None:
        """A text, a number of bounded size, True or False."""
        part = node
        if isinstance(node, ast.UnaryOp):
            part = node.operand
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
        name = _method_of_a_name(node)
        if name is None:
            self.refuse("only .isna(), .notna() and .isin([...]) of a name are called")
        given = len(node.args)
        if not node.keywords:
            if name in MISSING + KNOWN and given == 0:
                return
            if name == "isin" and given == 1:
                self.list(node.args[0])
                return
        self.refuse(
            f"of names .isna(), .notna() and .isin([...]) are asked, not .{name}"
        )

    def comparison(self, node: ast.Compare) -> None:
        """Comparisons of values, and ``in`` with a list."""
        self.of(node.left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if not isinstance(operator, ast.In | ast.NotIn):
                self.of(right)
                continue
            self.list(right)
            if len(node.ops) > 1:
                self.refuse("in stands alone: join comparisons by and")

    def list(self, node: ast.expr) -> None:
        """A list of constants, negative numbers among them."""
        if not isinstance(node, ast.List | ast.Tuple):
            self.refuse("in takes a list, such as ['a', 'b']")
        for value in node.elts:
            if isinstance(value, ast.UnaryOp) and not isinstance(value.op, ast.USub):
                self.refuse("a list has texts and numbers only")
            self.constant(value)
