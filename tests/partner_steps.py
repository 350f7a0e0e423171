"""What a partner does, as a step of a test: write a small file and its mapping, and give a command.

A step takes a folder and gives what was said there: what a command printed, or the message
of an error. The cases of messages (`message_cases`) are made of them.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import yaml
from typer.testing import CliRunner

import trustlib as tl
from trustbook.cli import app

Step = Callable[[Path], Any]


@dataclass(frozen=True)
class Case:
    """A message of the page, what it is an answer to, and the same after what it advises.

    Attributes
    ----------
    message : str
        As the page shows it.
    broken, mended : Step
    then : str
        What is said after the advice.
    way : str
        Which of several ways to the message, or to what it advises.
    """

    message: str
    broken: Step
    mended: Step
    then: str = ""
    way: str = ""


# -- what was said ----------------------------------------------------------------------


class Refused(Exception):
    """A command ended in a message."""


def command(*words: object, typed: str = "") -> str:
    """What a command prints; `Refused`, with the same, if it ends in a message."""
    done = CliRunner().invoke(app, [str(word) for word in words], input=typed)
    assert "Traceback" not in done.output
    if done.exit_code:
        raise Refused(done.output)
    return done.output


def said(step: Step, folder: Path) -> tuple[str, bool]:
    """What is said in a step, and whether it was refused."""
    with chdir(folder):
        try:
            return str(step(folder)), False
        except Refused as refusal:
            return str(refusal), True
        except tl.TrustlibError as refusal:
            return str(refusal), True


def sentences(text: str) -> Iterator[str]:
    """Each line, also without what stands before a message: its kind, number or place."""
    for line in text.splitlines():
        rest = re.sub(r"^ *(\w+Error: |\d+\. )?", "", line.rstrip())
        yield rest
        place = re.match(
            r"(\S+\.\w+: |[a-z]+ \S+: |\w+: )?((column|entry) [^:]+: |\w+: )*", rest
        )
        if place:
            yield rest[place.end() :]
        for end in re.finditer(r"[:.] ", rest):
            yield rest[end.end() :]
        # one of a kind is told without an s
        yield re.sub(r", 1 fault:$", ", 2 faults:", rest)


# -- people, and mappings of them -------------------------------------------------------


def people(**columns: Any) -> pd.DataFrame:
    """80 made-up people, of whom every answer has ten or more."""
    rows = range(80)
    frame = pd.DataFrame(
        {
            "trust": ["little" if i % 4 < 2 else "much" for i in rows],
            "sex": ["m" if i % 2 else "f" for i in rows],
            "age": [20 + i // 2 for i in rows],
            "wt": [1.0 + i % 3 for i in rows],
            "region": ["north" if i < 40 else "south" for i in rows],
            "psu": [f"p{i // 4}" for i in rows],
        }
    )
    return frame.assign(**columns)


def first(count: int, value: Any, other: Any = None, rows: int = 80) -> list:
    """A column in which the first people have one value, and the rest another."""
    return [value] * count + [other] * (rows - count)


VARIABLES = {
    "low_trust": {"column": "trust", "values": {"little": 1, "much": 0}},
    "gender": {"column": "sex", "values": {"m": "man", "f": "woman"}},
}
MAPPING = {
    "source": {"id": "made", "kind": "synthetic", "label": "Made-up people"},
    "variables": VARIABLES,
    "design": {"weight": "wt"},
}


def mapping(variables: dict | None = None, **parts: Any) -> str:
    """A mapping of `people` as YAML, with other variables beside its own, or other parts."""
    content = copy.deepcopy(MAPPING)
    for name, rule in (variables or {}).items():
        if rule is None:
            del content["variables"][name]
        else:
            content["variables"][name] = rule
    content |= parts
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def write(folder: Path, files: dict[str, Any]) -> None:
    """Write files: frames by the ending of their names, texts, bytes, and what makes its own."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        elif isinstance(content, Path):
            shutil.copy(content, path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif isinstance(content, dict):
            path.write_text(json.dumps(content), encoding="utf-8")
        elif name.endswith(".parquet"):
            content.to_parquet(path, index=False)
        else:
            content.to_csv(path, index=False)


def after(files: dict[str, Any], *words: object, typed: str = "") -> Step:
    """Write files, and give a command."""

    def step(folder: Path) -> str:
        write(folder, files)
        return command(*words, typed=typed)

    return step


def drafted(file: str, content: Any, *words: str) -> Step:
    """``trustlib mapping-init`` of a file."""
    return after({file: content}, "mapping-init", file, *words)


def mapped(
    variables: dict | None = None,
    columns: dict | None = None,
    verb: str = "validate",
    more: tuple[str, ...] = (),
    **parts: Any,
) -> Step:
    """``trustlib validate`` of people, with other columns, by a mapping with other parts."""
    frame = people(**columns) if columns else people()
    files = {"people.csv": frame, "m.yml": mapping(variables, **parts)}
    return after(files, verb, "people.csv", "--mapping", "m.yml", *more)


def planned(
    variables: dict | None = None,
    columns: dict | None = None,
    more: tuple[str, ...] = (),
    **parts: Any,
) -> Step:
    """``trustlib reproduce --plan`` of the same."""
    return mapped(variables, columns, "reproduce", ("--plan", *more), **parts)


# -- workbooks ---------------------------------------------------------------------------


def workbook(**sheets: list[list]) -> Callable[[Path], Any]:
    """What writes a workbook with these sheets."""

    def written(path: Path) -> None:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(path)

    return written


# -- what a machine is like --------------------------------------------------------------


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Variables of the environment, as long as a step lasts."""
    former = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in former.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def within(context: Callable[[], Any], step: Step) -> Step:
    """A step in a context, such as an environment or a system that refuses something."""

    def inside(folder: Path) -> Any:
        with context():
            return step(folder)

    return inside


def in_order(*steps: Step) -> Step:
    """One step after the other, in one folder; what the last says."""

    def every(folder: Path) -> Any:
        for step in steps[:-1]:
            step(folder)
        return steps[-1](folder)

    return every
