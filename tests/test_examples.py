"""The examples in the docstrings run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import trustlib
from trustlib import review

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
MODULES = sorted(
    ".".join(path.relative_to(SRC).with_suffix("").parts)
    for path in SRC.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8") and path.stem != "__init__"
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(name)
    ran = doctest.testmod(module, verbose=False)
    assert ran.attempted > 0
    assert ran.failed == 0, "run the module's doctests: python -m doctest"


def public_names() -> list[str]:
    """What a user calls or is given; errors and warnings are met, not called."""
    names = [f"trustlib.{name}" for name in trustlib.__all__]
    names += [f"trustlib.review.{name}" for name in review.__all__]
    names += [f"trustlib.review.panel.{name}" for name in review.panel.__all__]
    return names


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_has_an_example(name):
    package, _, own = name.rpartition(".")
    thing = getattr(importlib.import_module(package), own)
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    parsed = doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")
    assert parsed, "add a section Examples that runs"


def test_no_heading_of_a_docstring_was_wrapped_away():
    """``Notes -----`` on one line is text, and its section is lost in the reference."""
    lost = []
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^ *[A-Z][a-z]+ -{4,} \S", text, re.M):
            lost.append(path.name)
    assert not lost
