r"""Formulas as MathML, from the part of LaTeX that the book writes.

Browsers draw MathML themselves and screen readers read it, so no page needs a program
for its formulas. What is not known here is refused with its name: a formula is right,
or the build says that it is not.

`mathml` reads a formula token by token. A `_Part` is one thing of a row, with the role
that decides about the space around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\d+(?:\.\d+)?|[^\s\d]", re.DOTALL)
_NAMED_GROUP = re.compile(r"\s*\{([^{}]*)\}")


def _table(*lines: str) -> dict[str, str]:
    """What commands stand for: a line of their names, and below it a line of signs."""
    names = " ".join(lines[::2]).split()
    signs = " ".join(lines[1::2]).split()
    return dict(zip(names, signs, strict=True))


_LETTERS = _table(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu",
    "α β γ δ ϵ ε ζ η θ ι κ λ μ",
    "nu xi pi rho sigma tau phi varphi chi psi omega ell partial",
    "ν ξ π ρ σ τ ϕ φ χ ψ ω ℓ ∂",
)
_UPRIGHT = _table(
    "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
    "Γ Δ Θ Λ Ξ Π Σ Φ Ψ Ω",
    "infty ldots dots cdots emptyset top forall % $ #",
    "∞ … … ⋯ ∅ ⊤ ∀ % $ #",
)
_RELATIONS = _table(
    "= < > : in notin sim simeq approx le leq ge geq ne neq equiv propto to mid",
    "= &lt; &gt; : ∈ ∉ ∼ ≃ ≈ ≤ ≤ ≥ ≥ ≠ ≠ ≡ ∝ → ∣",
    "subset ll gg",
    "⊂ ≪ ≫",
)
_BINARY = _table(
    "+ - * cdot times pm mp cap cup circ",
    "+ − ∗ ⋅ × ± ∓ ∩ ∪ ∘",
)
_LARGE = _table("sum prod int", "∑ ∏ ∫")
_FUNCTIONS = ("arg", "cos", "det", "exp", "log", "ln", "max", "min", "Pr", "sin", "tan")
_SPACES = {",": 0.1667, ":": 0.2222, ";": 0.2778, " ": 0.25, "quad": 1, "qquad": 2}
_SPACES["!"] = -0.1667
_SIZES = {"big": 1.2, "Big": 1.623, "bigg": 2.047, "Bigg": 2.47}
_OPENING = {"(": "(", "[": "[", r"\{": "{", r"\langle": "⟨", r"\lfloor": "⌊"}
_CLOSING = {")": ")", "]": "]", r"\}": "}", r"\rangle": "⟩", r"\rfloor": "⌋"}
_BARS = {"|": "|", r"\|": "‖", r"\vert": "|", "/": "/", ".": ""}
_ACCENTS = {"hat": "ˆ", "bar": "¯", "tilde": "˜", "dot": "˙", "vec": "→"}
# The combining signs are those that fonts draw as wide as what stands below.
_ACCENTS |= {"widehat": "\u0302", "widetilde": "\u0303", "overline": "‾"}
_WIDE = ("widehat", "widetilde", "overline")
_FRACTIONS = {"frac": "", "tfrac": "false", "dfrac": "true"}
_STYLES = {"textstyle": "false", "displaystyle": "true"}
_TABLES = ("aligned", "align", "split", "gathered", "gather", "cases", "equation")
_END = ""


class FormulaError(ValueError):
    """A formula holds something that is not known here, or is not closed."""


@dataclass(frozen=True)
class _Part:
    """One thing of a row: its MathML, and what it is to its neighbours."""

    markup: str
    role: str = "letter"
    limits: bool = False


def mathml(formula: str, display: bool = False) -> str:
    r"""Return a formula as a ``math`` element.

    Parameters
    ----------
    formula : str
        LaTeX, without the signs around it.
    display : bool
        Whether it stands on a line of its own.

    Raises
    ------
    FormulaError
        If a command is not known, or a group is not closed.

    Examples
    --------
    >>> mathml("x' = 2")
    '<math><mrow><msup><mi>x</mi><mo>′</mo></msup><mo>=</mo><mn>2</mn></mrow></math>'
    >>> mathml(r"\nonsense")
    Traceback (most recent call last):
    ...
    trustbook.mathml.FormulaError: the command \nonsense is not known
    """
    reader = _Reader(formula)
    table = reader.table("split", _END)
    opening = "<math>"
    if display:
        opening = '<math display="block">'
    return f"{opening}{table}</math>"


class _Reader:
    """Reads the tokens of one formula from left to right."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.place = 0

    # ----- tokens -----

    def peek(self) -> str:
        """The next token, an empty text at the end."""
        match = self._match()
        return match[0] if match else _END

    def take(self) -> str:
        """Take the next token."""
        match = self._match()
        if match is None:
            return _END
        self.place = match.end()
        return match[0]

    def _match(self) -> re.Match[str] | None:
        return _TOKEN.search(self.formula, self.place)

    def word(self) -> str:
        """Take the text of a group as it stands, such as that of a text."""
        match = _NAMED_GROUP.match(self.formula, self.place)
        if match is None:
            raise FormulaError("a text in braces was expected")
        self.place = match.end()
        return match[1]

    # ----- rows and tables -----

    def table(self, kind: str, end: str) -> str:
        """Read rows of cells up to a token; one cell alone is no table."""
        rows = [[""]]
        while True:
            rows[-1][-1] = _row(self.parts(end, "&", r"\\"))
            token = self.take()
            if token == "&":
                rows[-1].append("")
            elif token == r"\\":
                rows.append([""])
            elif token == end:
                break
            else:
                raise FormulaError(f"{token} closes nothing")
        if len(rows) == len(rows[0]) == 1:
            return rows[0][0]
        return _as_table(kind, rows)

    def parts(self, *ends: str) -> list[_Part]:
        """Read the parts of a row up to one of some tokens, which stays."""
        row: list[_Part] = []
        while (token := self.peek()) not in (*ends, _END, "}", r"\end", r"\right"):
            name = token.removeprefix("\\")
            if token.startswith("\\") and name in _STYLES:
                self.take()
                row.append(_styled(_row(self.parts(*ends)), _STYLES[name]))
            else:
                self._add_part(row)
        return row

    def _add_part(self, row: list[_Part]) -> None:
        """Read one part with its scripts, and put it last in a row."""
        part = self.part()
        low, high = self.scripts()
        if (low or high) and part.role == "close":
            part = _group_before(row, part)
        row.append(_with_scripts(part, low, high))

    def scripts(self) -> tuple[str, str]:
        """Read what stands below and above a part: empty texts for nothing."""
        low = high = primes = ""
        while (token := self.peek()) in ("_", "^", "'"):
            self.take()
            if token == "'":
                primes += "′"
            elif token == "_":
                low = _once(low, self.argument())
            else:
                high = _once(high, self.argument())
        if primes:
            prime = f"<mo>{primes}</mo>"
            high = f"<mrow>{prime}{high}</mrow>" if high else prime
        return low, high

    def argument(self) -> str:
        """Read a group, or the one sign or command that stands for it."""
        token = self.peek()
        if token == "{":
            return self.group()
        if token[:1].isdigit():
            place = self.formula.index(token, self.place)
            self.place = place + 1  # \tfrac12 is one half
            return f"<mn>{token[0]}</mn>"
        if token in (_END, "}", "&", r"\\"):
            raise FormulaError("something is missing at the end of a group")
        return self.part().markup

    def group(self) -> str:
        """Read a group in braces."""
        self.take()
        row = _row(self.parts())
        if self.take() != "}":
            raise FormulaError("a brace is not closed")
        return row

    # ----- one part -----

    def part(self) -> _Part:
        """Read one part without its scripts."""
        token = self.peek()
        if token == "{":
            return _Part(self.group())
        self.take()
        if token in _OPENING:
            return _fence(_OPENING[token], "open")
        if token in _CLOSING:
            return _fence(_CLOSING[token], "close")
        if token.startswith("\\"):
            return self.command(token[1:])
        return _sign(token)

    def command(self, name: str) -> _Part:
        """Read what belongs to a command."""
        reading = self._readings().get(name)
        if reading is not None:
            return reading(name)
        known = _symbol(name)
        if known is None:
            raise FormulaError(f"the command \\{name} is not known")
        return known

    def _readings(self) -> dict[str, Callable[[str], _Part]]:
        """Commands that read something after them."""
        return {
            **dict.fromkeys(_FRACTIONS, self.fraction),
            **dict.fromkeys(_ACCENTS, self.accent),
            **dict.fromkeys(_SIZES, self.sized),
            "sqrt": self.root,
            "left": self.stretched,
            "begin": self.environment,
            "text": self.text,
            "mathrm": self.upright,
            "operatorname": self.upright,
        }

    def fraction(self, name: str) -> _Part:
        """Read the two sides of a fraction."""
        above = self.argument()
        below = self.argument()
        markup = f"<mfrac>{above}{below}</mfrac>"
        style = _FRACTIONS[name]
        if style:
            return _styled(markup, style)
        return _Part(markup)

    def accent(self, name: str) -> _Part:
        """Read what an accent stands over."""
        wide = "true" if name in _WIDE else "false"
        mark = f'<mo stretchy="{wide}">{_ACCENTS[name]}</mo>'
        return _Part(f'<mover accent="true">{self.argument()}{mark}</mover>')

    def root(self, name: str) -> _Part:
        """Read what stands under a root."""
        if self.peek() != "[":
            return _Part(f"<msqrt>{self.argument()}</msqrt>")
        self.take()
        index = _row(self.parts("]"))
        self.take()
        return _Part(f"<mroot>{self.argument()}{index}</mroot>")

    def sized(self, name: str) -> _Part:
        """Read a delimiter that is drawn in a larger size."""
        sign, role = _delimiter(self.take())
        size = f'minsize="{_SIZES[name]}em" maxsize="{_SIZES[name]}em"'
        return _Part(f'<mo stretchy="true" {size} {_TIGHT}>{sign}</mo>', role)

    def stretched(self, name: str) -> _Part:
        r"""Read from \left to \right, with delimiters as high as what they hold."""
        left, _ = _delimiter(self.take())
        inner = _row(self.parts())
        if self.take() != r"\right":
            raise FormulaError(r"\left has no \right")
        right, _ = _delimiter(self.take())
        ends = [
            f'<mo stretchy="true">{sign}</mo>' if sign else "" for sign in (left, right)
        ]
        return _Part(f"<mrow>{ends[0]}{inner}{ends[1]}</mrow>")

    def environment(self, name: str) -> _Part:
        """Read an environment with its rows."""
        kind = self.word()
        plain = kind.removesuffix("*")
        if plain not in _TABLES:
            raise FormulaError(f"the environment {kind} is not known")
        table = self.table(plain, r"\end")
        if self.word() != kind:
            raise FormulaError(f"the environment {kind} is not closed")
        if plain == "cases":
            table = f'<mrow><mo stretchy="true">{{</mo>{table}</mrow>'
        return _Part(table)

    def text(self, name: str) -> _Part:
        """Read words, whose spaces count."""
        words = escape(self.word(), quote=False).replace(" ", "\N{NO-BREAK SPACE}")
        return _Part(f"<mtext>{words}</mtext>")

    def upright(self, name: str) -> _Part:
        """Read a name in upright letters."""
        word = self.word().replace("\\ ", "\N{NO-BREAK SPACE}")
        if "\\" in word:
            raise FormulaError(f"no command is known in the name {word}")
        word = escape(word, quote=False)
        if "\N{NO-BREAK SPACE}" in word:
            return _Part(f"<mtext>{word}</mtext>")
        return _name(word, "letter")


# ----- signs -----

_TIGHT = 'lspace="0" rspace="0"'


def _sign(token: str) -> _Part:
    """A sign that stands for itself."""
    if token[0].isdigit():
        return _Part(f"<mn>{token}</mn>")
    if token in _RELATIONS:
        return _Part(f"<mo>{_RELATIONS[token]}</mo>", "relation")
    if token in _BINARY:
        return _Part(f"<mo>{_BINARY[token]}</mo>", "binary")
    if token in _BARS and token != ".":
        return _fence(token, "bar")
    if token in (",", ";"):
        return _Part(f'<mo separator="true">{token}</mo>', "comma")
    if token in (".", "!"):
        return _Part(f"<mtext>{token}</mtext>")
    if token == "~":
        return _space(_SPACES[" "])
    if token.isalpha():
        return _Part(f"<mi>{token}</mi>")
    raise FormulaError(f"the sign {token} is not known")


def _symbol(name: str) -> _Part | None:
    """What a command without arguments stands for, if it is known."""
    if name in _LETTERS:
        return _Part(f"<mi>{_LETTERS[name]}</mi>")
    if name in _UPRIGHT:
        return _name(_UPRIGHT[name], "letter")
    if name in _RELATIONS:
        return _Part(f"<mo>{_RELATIONS[name]}</mo>", "relation")
    if name in _BINARY:
        return _Part(f"<mo>{_BINARY[name]}</mo>", "binary")
    if name in _LARGE:
        return _Part(f"<mo>{_LARGE[name]}</mo>", "letter", limits=True)
    if name in _FUNCTIONS:
        return _name(name, "function")
    if name in _SPACES:
        return _space(_SPACES[name])
    if f"\\{name}" in _BARS:
        return _fence(_BARS[f"\\{name}"], "bar")
    return None


def _name(word: str, role: str) -> _Part:
    """An upright name; one letter alone would be drawn slanted."""
    if len(word) == 1:
        return _Part(f'<mi mathvariant="normal">{word}</mi>', role)
    return _Part(f"<mi>{word}</mi>", role)


def _fence(sign: str, role: str) -> _Part:
    """A delimiter in the size of the letters."""
    return _Part(f'<mo stretchy="false" {_TIGHT}>{sign}</mo>', role)


def _delimiter(token: str) -> tuple[str, str]:
    """The sign and the role of a delimiter."""
    for role, signs in (("open", _OPENING), ("close", _CLOSING), ("bar", _BARS)):
        if token in signs:
            return signs[token], role
    raise FormulaError(f"{token or 'the end'} is no delimiter")


def _space(width: float) -> _Part:
    return _Part(f'<mspace width="{width}em"/>', "space")


# ----- rows -----


def _styled(markup: str, is_display: str) -> _Part:
    """A part drawn as in a line of text, or as on a line of its own."""
    style = f'displaystyle="{is_display}" scriptlevel="0"'
    return _Part(f"<mstyle {style}>{markup}</mstyle>")


def _once(former: str, new: str) -> str:
    """A script, of which a part has one below and one above."""
    if former:
        raise FormulaError("two scripts stand at one place")
    return new


def _with_scripts(part: _Part, low: str, high: str) -> _Part:
    """A part with what stands below and above it."""
    names = ("msub", "msup", "msubsup")
    if part.limits:
        names = ("munder", "mover", "munderover")
    scripts = [script for script in (low, high) if script]
    if not scripts:
        return part
    name = names[2] if len(scripts) > 1 else names[bool(high)]
    markup = f"<{name}>{part.markup}{''.join(scripts)}</{name}>"
    role = "letter" if part.role == "close" else part.role
    return replace(part, markup=markup, role=role)


def _group_before(row: list[_Part], closing: _Part) -> _Part:
    """Take the group that a delimiter closes out of a row: its script belongs to all of it."""
    depth = 0
    for place in reversed(range(len(row))):
        depth += (row[place].role == "open") - (row[place].role == "close")
        if depth == 1:
            group = [*row[place:], closing]
            del row[place:]
            return _Part(_row(group))
    return closing


def _row(parts: list[_Part]) -> str:
    """A row of parts with the space that LaTeX leaves between some of them."""
    return "<mrow>" + "".join(_spaced(parts)) + "</mrow>"


_TOUCHES_FUNCTIONS = ("open", "space", "comma")


def _spaced(parts: list[_Part]) -> Iterator[str]:
    """The markup of parts: a sign before one thing only, and names of functions with their space."""
    thin = _space(_SPACES[","]).markup
    start = _Part("", "open")
    for former, part in pairwise([start, *parts]):
        is_first = former.role in ("open", "relation", "binary", "comma", "space")
        after = former.role == "function" and part.role not in _TOUCHES_FUNCTIONS
        before = part.role == "function" and former.role in ("letter", "close")
        if after or before:
            yield thin
        if part.role == "binary" and is_first:
            yield part.markup.replace("<mo>", '<mo form="prefix">', 1)
        else:
            yield part.markup


def _as_table(kind: str, rows: list[list[str]]) -> str:
    """Rows under each other; of a sum that goes on, cells lean to the sign between them."""
    lines = []
    for row in rows:
        cells = [f"<mtd>{cell}</mtd>" for cell in row]
        lines.append(f"<mtr>{''.join(cells)}</mtr>")
    return f'<mtable class="tex-{kind}" displaystyle="true">{"".join(lines)}</mtable>'
