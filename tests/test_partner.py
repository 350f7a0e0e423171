"""The partner guide: its commands run, print what it prints, and no message of the library is missing from it."""

from __future__ import annotations

import ast
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from guide_messages import GUIDE, covers, told
from trustlib.schema import load_yaml

ROOT = Path(__file__).resolve().parents[1]
INDEX = (GUIDE / "index.md").read_text(encoding="utf-8")

# -- messages ---------------------------------------------------------------------------------------------------------

# The modules whose messages a command can end in.
OF_LIBRARY = (
    "errors", "bands", "forms", "sheet_layout", "delimited", "workbooks", "files", "labelled_reader", "yaml12", "schema", "meanings", "design_columns", "design",
    "domains", "strata", "weight_checks", "engines", "opening", "parts", "ordering", "cells", "compression", "axes", "merging",
    "sealed_files", "disclosure", "variance", "conditions", "syntax", "evaluation", "formulas", "logit", "glm", "newton", "stratified",
    "terms", "writing.files", "writing.folders", "protection", "rounding", "schedulers", "sources",
)  # fmt: skip
OF_BOOK = (
    "supplied", "choice", "private_book", "private_pages", "sealing", "runs.plan", "runs.run", "runs.freshness",
    "runs.execution", "runs.making", "runs.worker", "pages", "cli", "commands.survey", "commands.cells",
    "commands.book", "commands.record", "commands.console", "survey_keys", "differences",
    "large_files", "own_figures", "forecast", "wizard.answers", "wizard.asking", "wizard.designs", "wizard.dialogue", "wizard.menu",
    "wizard.variables",
)  # fmt: skip
MODULES = (*(f"trustlib.{m}" for m in OF_LIBRARY), *(f"trustbook.{m}" for m in OF_BOOK))
REASONS = (
    "reasons",
    "joined",
    "joined_beside",
)  # in words.yml: why something is not shown
# Messages that no command of the guide can end in: they need a Python program, a plan of runs, or are parts of others.
ELSEWHERE = """
The terms … are not defined for all values: …
A fact of the source is called …, expected a text.
A source never changes, because results that are there already carry it. Make another: source | {'label': ...}.
Expected cells of one outcome, got ….
Only sealed cells of one sample are summed.
Some of the parts are protected cells and some are exact.
The key is not … bytes.
The kind of the source is …, expected a text.
These are exact totals of a confidential file, which give people away.
These cells are merged from several samples.
These cells are sealed already, so the largest weight is not known.
dict_type
rounding is …, expected a whole number from … to ….
source is …, expected a mapping.
An axis is named more than once in ….
Axes are a list of names, got ….
Expected …, got ….
The mapping declares no replicate weights.
A domain is True or False for each person; this expression gives ….
A domain is one True or False for each of … rows; got ….
A domain of a lazy frame is a narwhals expression.
Expected a data frame with one row per person, got ….
Margins need weights raked to them, at least one margin, and no replicates.
On a pandas frame a domain is a text or boolean array, because NaN would count as different from all.
Some people have no value in the margin ….
The Series has another index than the frame.
The domain cannot be evaluated: …
The frame has a column …, which trustlib uses for domains.
The frame has no rows.
The frame has two columns named ….
… is True or False, got ….
The axis … is a number in some parts and a category in others, or of several kinds.
The parts have levels of … in orders that contradict each other.
Two levels of the axis … are the same as texts.
The domain compares texts with numbers.
The formula … makes two coefficients of one name.
The formula … is not defined in all cells: it divides by zero, or a number is too large.
some values are not finite
it cannot be read from … on
it is nested more than … deep
Expected cells of one outcome and the same axes.
The axis … holds numbers that are not finite.
The axis … mixes ….
The margin … mixes ….
The levels of the axis … cannot be put in order.
The name of column … stands for several columns in Polars and DuckDB.
Column … holds lists or structures, expected one value for each person.
Column … (…) mixes …, so that one label may count as two.
Column … (…) has labels that differ only in blanks at their ends, or in the Unicode form of a letter.
The frame cannot be grouped by …: …
Two of the parts hold the same cells, so their people would count twice.
the covariance matrix does not fit the cells
… is not a file of sealed cells, or is damaged.
A formula is a text, got ….
Expected at least one term to test.
The formula is for …, the cells are of ….
The formula … cannot be evaluated: …
The formula … cannot be read: ….
The formula … does not make one set of coefficients.
Numbers differ from those of the last release, … faults:
Published figures are not reproduced, … faults:
Run … …
Small groups can be recovered from what is published, … faults:
Some runs failed, … faults:
The built book is not fit to be shown, … faults:
… uses @{…}, which is no parameter.
A link of the page cannot be made of ….
Run …: … differ on this worker.
The library was changed since it was imported here.
run …: …
… has no list `runs:`.
…: published …, ours …
…: two runs have this id
…: … of its grid has no values
… cannot be run; nothing was
a text of it uses …, which its grid does not give
template of run … on this worker:
the samples do not add up to the covariance matrix
… has no covariance of its own.
The numbers of this picture: ……
The axis … is a Polars Categorical, which keeps no order of its levels, so nobody knows which is the reference.
design: …
variable …: …
Nothing is made for a plan.
""".strip().splitlines()
WARNINGS = (
    "Only … degrees",
    "… people left the estimate",
)  # said by warnings, which the commands tell in other words


def template(node: ast.AST) -> str | None:
    """A text with … for what is filled in; None if the node is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "…"
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return (
            None if left is None and right is None else (left or "…") + (right or "…")
        )
    return None


def texts(node: ast.AST) -> Iterator[str]:
    """All texts at the top of an expression, of a list, a comprehension or a choice too."""
    if (found := template(node)) is not None:
        yield found
    elif isinstance(node, ast.List | ast.Tuple):
        for each in node.elts:
            yield from texts(each)
    elif isinstance(node, ast.ListComp):
        yield from texts(node.elt)
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))


@cache
def messages(module: str) -> frozenset[str]:
    """Messages of ``package.module``: the first text of each error, and each fault of a list of faults."""
    found: set[str] = set()
    path = ROOT / "src" / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name.endswith("Error") and node.args:
                first = node.args[0]
                found |= set(texts(named.get(ast.unparse(first), first)))
            elif name == "raise_faults":
                found |= {f"{text}, … faults:" for text in texts(node.args[1])}
            elif name == "read" and len(node.args) == 5:  # trustlib.forms.read
                found |= {f"{text}, … faults:" for text in texts(node.args[2])}
            elif name == "append" and "fault" in ast.unparse(node.func):
                found |= set(texts(node.args[0]))
        elif isinstance(node, ast.AugAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            if any(
                "fault" in ast.unparse(t)
                or ast.unparse(t) in ("text", "what", "expected")
                for t in targets
            ):
                found |= set(texts(node.value))
    return frozenset(
        " ".join(text.split()) for text in found if any(c.isalpha() for c in text)
    )


def reasons() -> set[str]:
    """The reasons of the private book, which stand beside the code as texts."""
    words = load_yaml(ROOT / "src" / "trustbook" / "words.yml")
    found = [
        text
        for name in REASONS
        for text in (words[name].values() if name == "reasons" else [words[name]])
    ]
    return {re.sub(r"\{\w+\}", "…", text) for text in found}


def all_messages() -> set[str]:
    return {
        text
        for module in MODULES
        for text in messages(module)
        if not text.startswith(WARNINGS)
    } | reasons()


def test_every_message_of_the_library_is_on_the_page():
    lost = [
        m
        for m in all_messages() - set(ELSEWHERE)
        if not any(covers(m, shown) for shown in told())
    ]
    assert not lost, (
        "tell them in book/partner/messages.md, or name them in ELSEWHERE if no command ends in them"
    )


def test_every_message_on_the_page_comes_from_the_library():
    known = all_messages() - {"design: …", "variable …: …"}
    stripped = {
        shown: re.sub(r"^(design|variable …): (?=There is no)", "", shown)
        for shown in told()
    }
    assert len(stripped) > 70
    assert not [
        shown
        for shown, text in stripped.items()
        if not any(covers(m, text) for m in known)
    ]


def test_what_is_left_out_exists():
    assert set(ELSEWHERE) <= all_messages()


def test_the_comparison_can_fail():
    assert not covers("… holds no rows.", "people.sav has no rows.")
    assert covers("… holds no rows.", "… holds no rows.")


# -- commands ---------------------------------------------------------------------------------------------------------

BLOCK = re.compile(
    r"^```(?:(console)|\{code-block\} (?:yaml|text)\n:caption: (\S+))\n(.*?)^```$", re.MULTILINE | re.DOTALL
)  # fmt: skip


TYPED = re.compile(r"(\]: )(.*)\n")  # an answer behind a question, which has a default
ENTER = "⏎"
INSTALLING = ("python3 -m venv ", ". ~/", "pip install ")


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Path:
    """A folder of a partner, outside of the repository, with the program of the practice file."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "practice.py").write_bytes((GUIDE / "practice.py").read_bytes())
    return folder


def said(command: str, folder: Path, typed: str = "") -> str:
    """What a command of the guide prints, run by this Python."""
    words = shlex.split(command)
    start = {"trustlib": ["-m", "trustbook.cli"], "python": []}[words[0]]
    given = {k: v for k, v in os.environ.items() if k != "TRUSTLIB_DATA"} | {
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    given |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *start, *words[1:]], cwd=folder, env=given, input=typed, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.stdout


def typed_in(wanted: str) -> str:
    """What is typed in a session that the guide prints."""
    answers = [found[2].strip() for found in TYPED.finditer(wanted)]
    return "".join("\n" if each == ENTER else f"{each}\n" for each in answers)


@pytest.mark.slow
def test_each_command_prints_what_the_guide_prints(office):
    compare = doctest.OutputChecker().check_output
    commands = 0
    for kind, caption, body in (match.groups() for match in BLOCK.finditer(INDEX)):
        if kind != "console":
            (office / caption).write_text(body, encoding="utf-8")
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            if command.startswith(INSTALLING):
                continue
            got = said(command, office, typed_in(wanted))
            shown = TYPED.sub(r"\1", wanted)  # what is typed is not printed
            assert compare(
                shown, got, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            ), f"{command}\n{got}"
            commands += 1
    assert commands >= 8
    table = INDEX.partition("## What is in the folder")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(private/[^`]*)`", table, re.MULTILINE)
    assert len(named) >= 6
    assert not [name for name in named if not list(office.glob(name))]


def test_the_guide_installs_our_wheel_before_it_uses_it():
    from trustbook.start import installation

    assert INDEX.index(f"$ {installation()}\n") < INDEX.index("$ trustlib start ")


def test_every_command_and_option_that_the_guide_names_exists():
    from typer.main import get_command

    from trustbook.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    used = set()
    for path in GUIDE.glob("*.md"):
        for name, rest in re.findall(
            r"trustlib ([a-z-]+)([^`\n]*)", path.read_text(encoding="utf-8")
        ):
            assert name in commands, f"{path.name}: trustlib {name}"
            known = {
                option
                for parameter in commands[name].params
                for option in parameter.opts
            }
            assert set(re.findall(r"--[a-z-]+", rest)) <= known | {"--help"}
            used.add(name)
    assert used >= {"start", "mapping-init", "validate", "reproduce", "compress"}


def test_the_rules_that_the_guide_states_are_those_of_the_code():
    from trustlib.disclosure import DOMINANT, MINIMUM

    page = (GUIDE / "publish.md").read_text(encoding="utf-8")
    assert MINIMUM == 10
    assert "at least ten people" in page
    assert DOMINANT == 0.5
    assert "more than half of the weight" in page
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"private/", "data/external/"} <= set(ignored)


def test_the_practice_file_holds_made_up_people_only(tmp_path):
    """It has no source but its seed: two calls give the same answers."""
    script = (GUIDE / "practice.py").read_text(encoding="utf-8")
    space: dict = {"__name__": "practice"}
    exec(compile(script, "practice.py", "exec"), space)
    assert space["people"]().equals(space["people"]())
    assert "read_" not in script


# -- citation and sources ---------------------------------------------------------------------------------------------


def test_the_page_of_sources_has_each_entry_of_the_bibtex_file():
    page = (ROOT / "book" / "bibliography.md").read_text(encoding="utf-8")
    entries = re.split(
        r"^@",
        (ROOT / "book" / "references.bib").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )[1:]
    lines = [line for line in page.splitlines() if line.startswith("- ")]
    assert len(lines) == len(entries) > 30
    for entry in entries:
        title, year = (
            re.search(rf"^  {key} = {{(.*)}}", entry, re.MULTILINE)[1]
            for key in ("title", "year")
        )
        plain = re.sub(r"[{}]", "", title)
        assert [line for line in lines if plain in line and f"({year})" in line], plain


def test_the_glossary_is_in_order_and_every_link_into_it_leads_somewhere():
    page = (
        (ROOT / "book" / "glossary.md")
        .read_text(encoding="utf-8")
        .partition(":::{glossary}\n")[2]
    )
    terms = re.findall(r"^(?!:::|  )(\S.*)$", page, re.MULTILINE)
    assert terms == sorted(terms, key=str.lower)
    book = [p for p in (ROOT / "book").rglob("*.md") if "_runs" not in p.parts]
    asked = {
        m
        for p in book
        for m in re.findall(
            r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`", p.read_text(encoding="utf-8")
        )
    }
    assert {a.lower() for a in asked} <= {t.lower() for t in terms}
    assert not [
        t
        for t in terms
        if len(
            re.split(
                r"(?<=[.?])\s", re.search(rf"^{re.escape(t)}\n  (.*)$", page, re.M)[1]
            )
        )
        > 3
    ]
