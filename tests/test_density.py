"""One thought a line: figures of the code that packing lines cannot improve, and a formatter does not change.

Tokens are counted per statement and per line of code (docstrings, comments and blanks are no code). The bounds are those
of codebases that careful engineers point at. A test that fails names the places; open them, do not pack them otherwise.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
PACKAGES = ("trustlib", "trustbook")
COUNTED = (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING)
OWNERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
WITHIN = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
DENSE = 30  # tokens of a line that is read twice

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="from Python 3.12 on an f-string is several tokens: the bounds are of 3.11",
)


@dataclass
class Measure:
    """What is counted in one package."""

    statements: list[int] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # place -> tokens
    tuples: list[str] = field(default_factory=list)
    walruses: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    long_functions: list[str] = field(default_factory=list)
    modules: dict[str, int] = field(default_factory=dict)  # module -> lines of code
    nesting: list[int] = field(default_factory=list)


def lines_of_code(text: str, tree: ast.Module) -> set[int]:
    """The numbers of the lines that hold code."""
    lines = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(tree):
        if isinstance(node, OWNERS) and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines -= set(range(first.lineno, first.end_lineno + 1))
    return lines


def depth(node: ast.AST, above: int = 0) -> int:
    """How deep if, for, while, with and try stand in each other."""
    deepest = above
    for child in ast.iter_child_nodes(node):
        if isinstance(child, WITHIN):
            continue
        deepest = max(deepest, depth(child, above + isinstance(child, BLOCKS)))
    return deepest


def count_tokens(text: str, code: set[int], place: str, made: Measure) -> None:
    """Tokens of each line and of each statement."""
    per_line = dict.fromkeys(code, 0)
    statement = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in COUNTED and token.start[0] in code:
            per_line[token.start[0]] += 1
            statement += 1
        elif token.type == tokenize.NEWLINE and statement:
            made.statements.append(statement)
            statement = 0
    made.lines |= {f"{place}:{number}": count for number, count in per_line.items()}


def is_packed(node: ast.AST) -> bool:
    """``a, b = f(x), g(y)``: two thoughts; unpacking one call's result is one."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    computed = [
        v for v in node.value.elts if not isinstance(v, ast.Name | ast.Constant)
    ]
    return isinstance(node.targets[0], ast.Tuple) and len(computed) >= 2


def is_product_with_condition(node: ast.AST) -> bool:
    """``text * (n > 1)``: a choice written as a product."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    return any(
        isinstance(side, ast.Compare | ast.BoolOp) for side in (node.left, node.right)
    )


def nodes_with_place(tree: ast.Module, place: str) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        yield node, f"{place}:{getattr(node, 'lineno', 0)}"


def measured(paths: list[Path]) -> Measure:
    """The figures of some modules together."""
    made = Measure()
    for path in paths:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        code = lines_of_code(text, tree)
        place = path.name
        made.modules[place if path.stem != "__init__" else str(path)] = len(code)
        count_tokens(text, code, place, made)
        for node, where in nodes_with_place(tree, place):
            if is_packed(node):
                made.tuples.append(where)
            if isinstance(node, ast.NamedExpr):
                made.walruses.append(where)
            if is_product_with_condition(node):
                made.products.append(where)
            if isinstance(node, FUNCTIONS):
                made.nesting.append(depth(node))
                inside = range(node.lineno, node.end_lineno + 1)
                if sum(number in code for number in inside) > 50:
                    made.long_functions.append(f"{where} {node.name}")
    return made


@pytest.fixture(scope="module", params=PACKAGES)
def package(request) -> Measure:
    return measured(sorted((SRC / request.param).rglob("*.py")))


def quantile(values: list[int]) -> int:
    return sorted(values)[int(0.9 * len(values))]


def test_a_statement_is_short(package):
    longer = "name the parts of long expressions: what was added made statements longer"
    assert statistics.mean(package.statements) <= 12, longer
    assert quantile(package.statements) <= 23, longer


def test_a_line_holds_one_thought(package):
    counts = list(package.lines.values())
    assert sum(counts) / len(counts) <= 9, (
        "write one thought a line: name the parts, and let the formatter open the calls"
    )
    dense = [place for place, count in package.lines.items() if count >= DENSE]
    assert len(dense) <= 0.005 * len(counts), f"open these lines: {dense}"


def test_two_thoughts_are_two_statements(package):
    thousands = len(package.lines) / 1000
    assert len(package.tuples) <= 3 * thousands, (
        f"give each computed side a line of its own: {package.tuples}"
    )
    assert len(package.walruses) <= 3 * thousands, (
        f"assign before you ask: {package.walruses}"
    )
    assert not package.products, f"write an if: {package.products}"


def test_a_function_has_one_duty_and_a_module_one_subject(package):
    assert not package.long_functions, "extract what has a name of its own"
    longest = {name: size for name, size in package.modules.items() if size > 500}
    assert not longest, f"open these modules along a seam: {longest}"
    assert quantile(package.nesting) <= 2, (
        "functions nest too deeply: return early, or extract the inner block"
    )


def test_only_the_list_of_public_names_is_kept_from_the_formatter():
    kept = []
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        without = re.sub(r"^__all__ = \[[^]]*\]  # fmt: skip$", "", text, flags=re.M)
        kept += [path.name] * without.count("fmt: skip")
        kept += [path.name] * without.count("fmt: off")
    assert not kept, "write it so that the formatter may have it: no fmt: skip or off"


DENSE_CODE = """
def f(x, y):
    a, b = g(x), h(y)
    text = "few" * (x < 50)
    if (n := len(text)) > 1:
        return n
    return a
"""


def test_the_measure_can_fail(tmp_path):
    path = tmp_path / "dense.py"
    path.write_text(DENSE_CODE + "\n".join(f"    z{i} = {i}" for i in range(60)))
    found = measured([path])
    assert len(found.tuples) == len(found.walruses) == len(found.products) == 1
    assert len(found.long_functions) == 1
    assert found.nesting == [1]
