"""Formulas such as ``"gender * ethnicity + I(age ** 2)"``: read and held to an allow-list.

formulaic evaluates Python, and a formula is data that may come with a file. So a
formula is split into tokens and read here, before formulaic sees it. It has names of
axes, ``+ - * : / ** ( )``, 0 and 1, ``C(name)``, with one of three codings if wanted,
and ``I()`` and ``np.log()`` of arithmetic on axes that are numbers. What formulaic gets
is a sum of terms that is written anew, in which every axis has a name of ours: an axis
may have any name.

The operators are those of R (Wilkinson and Rogers 1973), ``**`` too: ``(a + b + c)**2``
are the main effects and the interactions of two, and ``x**2`` would be x. That is no
square, so it is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from trustlib.errors import EstimandError, FitError, TrustlibError, unknown_name
from trustlib.expressions import (
    LARGEST,
    Token,
    UnreadableError,
    by_form,
    in_backticks,
    quoted,
    tokens,
)

CODINGS = ("treatment", "sum", "poly")
MOST_TERMS = 500
HIGHEST = 10  # power in I()
_POWERS = (0.5, 1.5, *range(1, HIGHEST + 1))
_FUNCTIONS = frozenset(
    (
        "C",
        "I",
        "Q",
        "np",
        "contr",
        "log",
        "exp",
        "sqrt",
        "scale",
        "center",
        "standardize",
        "poly",
        "bs",
        "cr",
        "cs",
        "cc",
        "te",
        "hashed",
        "lag",
        "mean",
    )
)
_PYTHON = (
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Mod,
    ast.Pow,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Name,
    ast.Load,
    ast.Constant,
)
_END = Token("end", "")
DEEPER = {"(": 1, ")": -1}  # by how much a bracket changes the depth

Factor = str  # as formulaic gets it: v0, C(v0), I(v0 ** 2)
Term = tuple[Factor, ...]


@dataclass(frozen=True)
class Terms:
    """The terms of a formula.

    Attributes
    ----------
    products : tuple of tuple of str
        The terms, each with its factors, with names of ours for the axes.
    constant : bool
        Whether there is a constant too.
    own : dict
        Axis -> its name in `products`.
    axes : dict
        Axis -> whether it is a number; also those that the formula does not use.
    prefix : str
        How names of ours begin.

    Examples
    --------
    >>> terms = read_formula("age * `my group`", "y", {"age": True, "my group": False})
    >>> terms.text
    '1 + v0 + v1 + v0:v1'
    >>> terms.shown("v0:v1[T.b]")
    'age:my group[T.b]'
    """

    products: tuple[Term, ...]
    constant: bool
    own: dict[str, str]
    axes: Mapping[str, bool]
    prefix: str

    @property
    def text(self) -> str:
        """For formulaic: a sum of products."""
        first = "1" if self.constant else "0"
        return " + ".join([first, *map(":".join, self.products)])

    def shown(self, text: str) -> str:
        """A name of a term or coefficient with the axes' own names.

        They are quoted within C() and I(), or where need be.
        """
        axes = {own: axis for axis, own in self.own.items()}
        if not axes:
            return text

        def axis(match: re.Match[str]) -> str:
            name = axes[match[2]]
            if match[1] is None:  # within C() or I()
                return quoted(name)
            if re.search(r"[\[\]:`]|^Intercept$", name):
                return in_backticks(name)
            return name

        names = "|".join(sorted(axes, key=len, reverse=True))
        return re.sub(rf"(^|(?<=:))?\b({names})\b", axis, text)

    def factors_of(self, term: str) -> frozenset[str]:
        """The factors of one term as somebody writes it.

        In names of ours where it can be read, else as they stand.
        """
        as_written = frozenset(part.strip() for part in term.split(":"))
        try:
            own = dict(self.own)
            reader = _Reader(term, tokens(term), self.axes, self.prefix, own=own)
            terms, _ = reader.sum()
        except (TrustlibError, UnreadableError):
            return as_written
        if len(terms) == 1 and reader.now is _END:
            return frozenset(terms[0])
        return as_written


def read_formula(
    formula: str,
    outcome: str,
    axes: Mapping[str, bool],
    levels: Iterable[str] = (),
) -> Terms:
    """Read a formula over some axes.

    Parameters
    ----------
    formula : str
        Its right-hand side, or with the outcome and ``~`` before it.
    outcome : str
    axes : dict
        Axis -> whether it is a number.
    levels : iterable of str
        Texts that names of coefficients may contain; our names for axes occur in none
        of them.

    Raises
    ------
    UnknownNameError
        It names something that is no axis.
    EstimandError
        It is for another outcome.
    FitError
        It cannot be read, or has what is not on the list.

    Examples
    --------
    >>> read_formula("y ~ (a + b)**2", "y", {"a": False, "b": False}).text
    '1 + v0 + v1 + v0:v1'
    """
    prefix = "v"
    everything = "\n".join(levels)
    while prefix in everything:
        prefix += "v"
    try:
        pieces = tokens(formula)
    except UnreadableError as error:
        _require_axes(formula, axes)
        raise FitError(
            f"The formula {formula[:200]!r} cannot be read: {error}.", _hint(axes)
        ) from error
    right_side = _right_side(pieces, outcome)
    return _Reader(formula, right_side, axes, prefix).read()


def _require_axes(formula: str, axes: Iterable[str]) -> None:
    """Name the first word of a formula that cannot be read which is no axis."""
    known = by_form(axes)
    for word in re.findall(r"[^\W\d]\w*", formula[:1000]):
        if word not in known and word not in _FUNCTIONS:
            raise unknown_name("axis", word, known.values())


def _hint(axes: Iterable[str]) -> str:
    """What a formula may have."""
    names = ", ".join(map(quoted, axes)) or "none"
    return (
        f"Use + * : and names of axes ({names}), a square as I(x**2), a number as a "
        "category as C(x). What needs another function, make as a column before "
        "compress."
    )


def _right_side(pieces: list[Token], outcome: str) -> list[Token]:
    """What stands behind the last tilde; before it stands the outcome, or nothing."""
    tildes = [i for i, token in enumerate(pieces) if token.text == "~"]
    if not tildes:
        return pieces
    last = tildes[-1]
    left = pieces[:last]
    right = pieces[last + 1 :]
    if left and [token.name for token in left] != [outcome]:
        name = " ".join(token.text for token in left)
        raise EstimandError(
            f"The formula is for {name!r}, the cells are of {outcome!r}.",
            "Give the right-hand side only, or compress that outcome.",
        )
    return right


@dataclass
class _Reader:
    """Reads the tokens of a formula from left to right (sums of products of crossings of powers)."""

    formula: str
    pieces: list[Token]
    axes: Mapping[str, bool]
    prefix: str
    at: int = 0
    own: dict[str, str] = field(default_factory=dict)

    def read(self) -> Terms:
        """The whole formula."""
        if not self.pieces:
            self.refuse("it is empty")
        terms, constant = self.sum(outermost=True)
        if self.now is not _END:
            self.refuse(f"{self.now.text!r} has no place here")
        if not terms and not constant:
            raise FitError(
                f"The formula {self.formula!r} does not make one set of coefficients.",
                _hint(self.axes),
            )
        return Terms(tuple(terms), constant, self.own, self.axes, self.prefix)

    def refuse(self, why: str, hint: str = "") -> NoReturn:
        """Say what is wrong with the formula."""
        raise FitError(
            f"The formula {self.formula[:200]!r} cannot be read: {why}.",
            hint or _hint(self.axes),
        )

    @property
    def now(self) -> Token:
        """The token that is next."""
        if self.at < len(self.pieces):
            return self.pieces[self.at]
        return _END

    def take(self, *signs: str) -> str:
        """The next token if it is one of these signs; else nothing."""
        sign = self.now.text
        if self.now.kind != "sign" or sign not in signs:
            return ""
        self.at += 1
        return sign

    def require(self, sign: str) -> None:
        """Step over a sign that must follow."""
        if not self.take(sign):
            got = self.now.text or "its end"
            self.refuse(f"expected {sign!r} and got {got!r}")

    # -- sums, products, crossings, powers --------------------------------------------

    def sum(self, outermost: bool = False) -> tuple[list[Term], bool]:
        """Terms joined by + and -, and whether there is a constant."""
        terms: list[Term] = []
        constant = True
        sign = self.take("+", "-") or "+"
        while sign:
            if self.now.kind == "number":
                one = self.one_or_zero(outermost) == "1"
                constant = one == (sign == "+")
            elif sign == "+":
                terms = self.distinct(terms + self.product())
            else:
                gone = {frozenset(term) for term in self.product()}
                terms = [term for term in terms if frozenset(term) not in gone]
            sign = self.take("+", "-")
        return terms, constant

    def one_or_zero(self, outermost: bool) -> str:
        """The number that is next, which stands for the constant or for none."""
        number = self.now.text
        if not outermost or number not in ("0", "1"):
            self.refuse(
                f"the number {number} has no place here",
                "1 and 0 stand for the constant and for none. A number in a product "
                "stands within I().",
            )
        self.at += 1
        return number

    def product(self) -> list[Term]:
        """Terms joined by * (each and their crossing) and / (the first, and the second within it)."""
        terms = self.crossing()
        while sign := self.take("*", "/"):
            right = self.crossing()
            if sign == "*":
                crossed = self.crossed(terms, right)
                terms = self.distinct([*terms, *right, *crossed])
            else:
                whole = tuple(factor for term in terms for factor in term)
                within = self.crossed([whole], right)
                terms = self.distinct([*terms, *within])
        return terms

    def crossing(self) -> list[Term]:
        """Terms joined by : (their combinations)."""
        terms = self.power()
        while self.take(":"):
            terms = self.distinct(self.crossed(terms, self.power()))
        return terms

    def power(self) -> list[Term]:
        """Terms, and with **2 their interactions of two, and so on."""
        terms = self.part()
        if self.now.text == "^":
            self.refuse(
                "^ is the power of R",
                "Write I(x**2) for a square, (a + b)**2 for interactions.",
            )
        if not self.take("**"):
            return terms
        exponent = self.now.text
        if len(terms) == 1:
            name = self.pieces[self.at - 2].text
            if name == ")":
                name = "x"
            self.refuse(
                f"{name}**{exponent} is {name} crossed with itself, which is {name}",
                f"Write I({name}**{exponent}) for a power of a number.",
            )
        if not re.fullmatch(r"[1-9]", exponent):
            self.refuse("a power of terms is 1 to 9", "For example (a + b + c)**2.")
        self.at += 1
        power = terms
        for _ in range(int(exponent) - 1):
            crossed = self.crossed(power, terms)
            power = self.distinct([*power, *crossed])
        return power

    def part(self) -> list[Term]:
        """A name, terms in brackets, or a factor that is computed."""
        token = self.now
        if self.take("("):
            terms, _ = self.sum()
            self.require(")")
            return terms
        if token.kind not in ("name", "quoted"):
            got = repr(token.text) if token.text else "the end of the formula"
            self.refuse(f"expected a name and got {got}")
        self.at += 1
        return [(self.factor(token),)]

    def factor(self, token: Token) -> Factor:
        """An axis, or what is computed of axes; `token` has just been read."""
        calls = token.kind == "name" and self.now.kind == "sign"
        call = token.text + self.now.text
        if calls and call == "C(":
            return self.category()
        if calls and call == "I(":
            return self.computed("I")
        if calls and call == "np.":
            return self.logarithm()
        if calls and self.now.text in ("(", "."):
            self.function(token)
        return self.axis(token)

    def crossed(self, left: Sequence[Term], right: Sequence[Term]) -> list[Term]:
        """Each term of one side with each of the other."""
        if len(left) * len(right) > MOST_TERMS**2:
            self.refuse(f"it makes more than {MOST_TERMS} terms")
        return [tuple(dict.fromkeys(a + b)) for a in left for b in right]

    def distinct(self, terms: Sequence[Term]) -> list[Term]:
        """Each combination of factors once."""
        first: dict[frozenset[str], Term] = {}
        for term in terms:
            first.setdefault(frozenset(term), term)
        if len(first) > MOST_TERMS:
            self.refuse(f"it makes more than {MOST_TERMS} terms")
        return list(first.values())

    # -- factors ----------------------------------------------------------------------

    def axis(self, token: Token) -> Factor:
        """The name of ours for an axis."""
        known = by_form(self.axes)
        if token.name not in known:
            raise unknown_name("axis", token.name, known.values())
        name = known[token.name]
        return self.own.setdefault(name, f"{self.prefix}{len(self.own)}")

    def function(self, token: Token) -> NoReturn:
        """Refuse what is called, or has something of it taken."""
        if token.text not in _FUNCTIONS and token.name not in by_form(self.axes):
            raise unknown_name("axis", token.name, self.axes)
        if token.text not in _FUNCTIONS:
            self.refuse(f"{token.text} has no function or part that a formula may use")
        self.refuse(
            f"the function {token.text} has no place in it, or uses the distribution "
            "of an axis"
        )

    def category(self) -> Factor:
        """``C(name)``, or with a coding ``C(name, contr.sum)``."""
        self.require("(")
        if self.now.kind not in ("name", "quoted"):
            self.refuse("C() takes the name of an axis")
        name = self.now
        self.at += 1
        axis = self.axis(name)
        coding = ""
        if self.take(","):
            coding = f", contr.{self.coding()}"
        if self.now.text != ")":
            self.refuse(
                "C() takes the name of an axis",
                "Make what is computed a column before compress.",
            )
        self.require(")")
        return f"C({axis}{coding})"

    def coding(self) -> str:
        """The coding of a category, which stands as ``contr.sum``."""
        words = [token.text for token in self.pieces[self.at : self.at + 3]]
        if words not in [["contr", ".", coding] for coding in CODINGS]:
            self.refuse(
                f"a coding is contr. with {', '.join(CODINGS)}",
                "For example C(x, contr.sum).",
            )
        self.at += 3
        return words[2]

    def logarithm(self) -> Factor:
        """``np.log()`` of arithmetic on axes."""
        self.require(".")
        if self.now.text != "log":
            self.refuse(
                f"np.{self.now.text} has no place in it, or uses the distribution of "
                "an axis"
            )
        self.at += 1
        return self.computed("np.log")

    def computed(self, function: str) -> Factor:
        """Arithmetic or a comparison of numbers, as Python writes it."""
        self.require("(")
        parts = []
        depth = 1
        while depth and self.now is not _END:
            parts.append(self.in_python(self.now))
            depth += DEEPER.get(self.now.text, 0)
            self.at += 1
        inside = " ".join(parts[:-1])
        try:
            tree = ast.parse(inside, mode="eval").body
            self.require_arithmetic(tree)
            text = ast.unparse(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.refuse(f"what stands in {function}() is no arithmetic")
        return f"{function}({text})"

    def in_python(self, token: Token) -> str:
        """One token within I(), where names are those of axes that are numbers."""
        if token.kind == "number":
            if token.text.isdigit() and int(token.text) >= LARGEST:
                self.refuse("a whole number has up to 18 digits")
            return token.text
        if token.kind == "sign":
            if token.text == "^":
                self.refuse("^ is the power of R", "Write x**2.")
            if token.text in "[].,&|~=:":
                self.refuse(
                    f"{token.text!r} has no place in I(), which takes arithmetic and "
                    "comparisons"
                )
            return token.text
        if token.kind not in ("name", "quoted"):
            self.refuse("texts have no place in I(); categories stand as they are")
        follows = [piece.text for piece in self.pieces[self.at + 1 : self.at + 2]]
        if token.kind == "name" and follows in (["("], ["."]):
            self.function(token)
        own = self.axis(token)
        axis = by_form(self.axes)[token.name]
        if not self.axes[axis]:
            self.refuse(f"{quoted(axis)} is a category, and I() takes numbers")
        return own

    def require_arithmetic(self, tree: ast.expr) -> None:
        """Refuse all but arithmetic and one comparison at a time; powers are of names, and small."""
        for node in ast.walk(tree):
            if not isinstance(node, _PYTHON):
                self.refuse("I() takes arithmetic and comparisons of numbers")
            if isinstance(node, ast.Compare) and len(node.ops) > 1:
                self.refuse(
                    "a chain of comparisons has no place in I()",
                    "Write I((x > 1) * (x < 5)).",
                )
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
                self.require_power(node)
        if not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
            self.refuse("what is computed names no axis")

    def require_power(self, node: ast.BinOp) -> None:
        """Refuse powers of constants, and powers that are no small number."""
        named = any(isinstance(below, ast.Name) for below in ast.walk(node.left))
        exponent = node.right
        if isinstance(exponent, ast.UnaryOp):
            exponent = exponent.operand
        small = isinstance(exponent, ast.Constant) and exponent.value in _POWERS
        if not (named and small):
            self.refuse(f"a power is that of an axis, by a number up to {HIGHEST}")
