"""An executed notebook as a page of the book: its words, its pictures, and where its numbers come from."""

from __future__ import annotations

import base64
import re
import string
from pathlib import Path
from typing import Any

from trustlib.disclosure import EVIDENCE
from trustlib.errors import RunError
from trustlib.escaping import code_line, markdown_code, markdown_text

# Parameters that are Markdown, written by whoever plans a run; what comes from a file is escaped in them already.
# All other parameters are data, and escaped here for the place they are put into.
MARKDOWN = ("title", "question", "about", "asked")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
PLAIN_NAME = re.compile(r"[\w.+*: -]+")
JOINED = {"": ", ", "_plus": " + ", "_times": " * ", "_and": " and ", "_dash": "-"}
PUBLISHED = re.compile(r"""tl\.publish\([^"']*["'](\w+)["']""")


class _Fill(string.Template):
    """``@{name}`` in the markdown of a template; a dollar sign stays free for formulas."""

    delimiter = "@"


def filled(text: str, given: dict[str, Any]) -> str:
    """A text with each ``@{name}`` replaced by what is given for it; `KeyError` for a name that is not."""
    return _Fill(text).substitute(_words(given))


def _words(values: dict[str, Any]) -> dict[str, str]:
    """Values as texts: lists joined in several ways, and their items numbered from 1."""
    words: dict[str, str] = {}
    for name, value in values.items():
        items = list(map(str, value)) if isinstance(value, list) else [str(value)]
        words |= {
            f"{name}{ending}": mark.join(items) for ending, mark in JOINED.items()
        }
        words |= {f"{name}_{i}": item for i, item in enumerate(items, 1)} | (
            {} if items else {f"{name}_plus": "1"}
        )
    return words


def fill_markdown(notebook: Any, parameters: dict[str, Any], what: str) -> None:
    """Give the page its own title and words: ``@{name}`` becomes the parameter (lists joined by commas).

    The parameters in `MARKDOWN` are taken as they are. The others are texts, and are written so that the place they
    stand in, prose, code or a code block, shows them and does nothing else with them.
    """
    words = _words(parameters)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            try:
                cell.source = _page_text(cell.source, words)
            except (KeyError, ValueError) as error:
                hint = f"The parameters are {', '.join(parameters)}."
                raise RunError(
                    f"{what} uses @{{{error.args[0]}}}, which is no parameter.", hint
                ) from None


def _page_text(source: str, words: dict[str, str]) -> str:
    """The Markdown of a template with words filled in, each written for its place."""
    prose = {
        name: word if name in MARKDOWN else markdown_text(word)
        for name, word in words.items()
    }
    code = {name: code_line(word) for name, word in words.items()}
    lines = []
    fence = ""
    for line in source.split("\n"):
        mark = FENCE.match(line)
        if fence:
            lines.append(_Fill(line).substitute(code))
            if line.strip() == fence:
                fence = ""
        elif mark:
            fence = mark[1]
            lines.append(line)
        else:
            lines.append(_prose_line(line, words, prose))
    return "\n".join(lines)


def _prose_line(line: str, words: dict[str, str], prose: dict[str, str]) -> str:
    """A line outside of code blocks: its pieces of code hold the words themselves, the rest holds them escaped."""
    made = []
    end = 0
    for found in CODE.finditer(line):
        made.append(_Fill(line[end : found.start()]).substitute(prose))
        made.append(_piece_of_code(found, words))
        end = found.end()
    made.append(_Fill(line[end:]).substitute(prose))
    return "".join(made)


def _piece_of_code(found: re.Match[str], words: dict[str, str]) -> str:
    """Code within a line, or what a role such as ``{download}`` is given."""
    inside = _Fill(found[2]).substitute(words)
    if inside == found[2]:
        return found[0]
    is_role = found.string[: found.start()].endswith("}")
    if not is_role:
        return markdown_code(inside)
    given = {name: word for name, word in words.items() if f"@{{{name}}}" in found[2]}
    if not all(PLAIN_NAME.fullmatch(word) for word in given.values()):
        raise RunError(
            f"A link of the page cannot be made of {', '.join(given.values())!r}.",
            "Use letters, digits, - and _.",
        )
    return f"{found[1]}{inside}{found[1]}"


def finish(notebook: Any, folder: Path, facts: dict[str, Any]) -> list[dict[str, str]]:
    """Make an executed notebook a page: the same bytes each time, alternative texts, where the numbers come from.

    Returns the pictures, which are also written to ``figures/``: file, alt, and the table published last before each,
    which holds its numbers. The page offers it below the picture.
    """
    from nbformat.v4 import new_markdown_cell

    figures: list[dict[str, str]] = []
    cells, table, mark = [], "", ", synthetic" * ("synthetic" in facts["kinds"])
    for name in ("papermill", "language_info"):
        notebook.metadata.pop(name, None)
    for cell in [*notebook.cells, new_markdown_cell(_origin(folder, facts, mark))]:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        tags = set(cell.metadata.get("tags", []))
        if {"parameters", "injected-parameters"} & tags:
            cell.metadata["tags"] = sorted({*tags, "remove-cell"})
        cells.append(cell)
        table = (
            [table, *PUBLISHED.findall(cell.source)][-1]
            if cell.cell_type == "code"
            else table
        )
        for output in cell.get("outputs", []):
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
                figures.append(
                    {
                        "file": f"figures/{len(figures) + 1}.png",
                        "alt": alt,
                        "table": table,
                    }
                )
                (folder / "figures").mkdir(exist_ok=True)
                (folder / figures[-1]["file"]).write_bytes(
                    base64.b64decode(output["data"]["image/png"])
                )
                if (folder / "tables" / f"{table}.csv").is_file():
                    link = f"{{download}}`The numbers of this picture: {table}.csv{mark} <tables/{table}.csv>`"
                    cells.append(new_markdown_cell(link))
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i:03d}"
    notebook.cells = cells
    return figures


def _origin(folder: Path, facts: dict[str, Any], mark: str) -> str:
    """The last section of a page: data, template, parameters, software and tables of the run."""
    shown = {
        name: value
        for name, value in facts["parameters"].items()
        if name not in ("title", "question", "about")
    }
    committed = {
        Path(v).name: f"../{v}"
        for v in map(str, shown.values())
        if v.startswith("../../data/")
    }
    links = {name: _link(name, committed.get(name), mark) for name in facts["data"]}
    tables = sorted(path.name for path in (folder / "tables").glob("*.csv"))
    rows = {
        "Evidence": "; ".join(
            f"[{EVIDENCE[kind]}]{{.from-{kind}-run}}" for kind in facts["kinds"]
        ),
        "Data": "; ".join(
            f"{links[name]} (SHA-256 `{digest[:12]}…`)"
            for name, digest in facts["data"].items()
        ),
        "Terms of the data": "; ".join(
            dict.fromkeys(entry["terms"] for entry in facts["manifest"])
        ),
        "Conventions": "<br>".join(
            map(markdown_text, dict.fromkeys(facts["conventions"].values()))
        ),
        "Template": f"`{facts['template']}` (SHA-256 `{facts['template_sha256'][:12]}…`)",
        "Parameters": "; ".join(
            f"{markdown_code(name)} = {markdown_text(value)}"
            for name, value in shown.items()
        ),
        "Software": software(facts),
        "Tables": ", ".join(f"{{download}}`{name} <tables/{name}>`" for name in tables),
    }
    told = [
        f"| {what} | {which.replace('|', chr(92) + '|')} |"
        for what, which in rows.items()
        if which
    ]
    return "\n".join(
        ["## Where these numbers come from", "", "| What | Which |", "|---|---|", *told]
    )


def _link(name: str, path: str | None, mark: str) -> str:
    """A data file: offered for download if it lies in the project, else only named."""
    if path is None or not re.fullmatch(r"[\w./ -]+", path):
        return markdown_code(name)
    return f"{{download}}`{name}{mark} <{path}>`"


def software(facts: dict[str, Any]) -> str:
    """The versions behind a run, in one line."""
    versions = {
        "trustlib": facts["trustlib"],
        "Python": facts["python"],
        **facts["libraries"],
    }
    return ", ".join(f"{name} {version}" for name, version in versions.items())
