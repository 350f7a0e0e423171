"""An executed notebook as a page of the book.

`fill_markdown` gives a template its words before it is executed. `finish` makes what
was executed a page: the same bytes each time, a text for each picture, and where its
numbers come from.
"""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trustlib.disclosure import EVIDENCE
from trustlib.errors import RunError
from trustlib.escaping import code_line, markdown_code, markdown_text

# Parameters that are Markdown, written by whoever plans a run; what comes from a file
# is escaped in them already. All others are data, and escaped here for their place.
MARKDOWN = ("title", "question", "about", "asked")
# Parameters that are words of the page; its table of parameters leaves them out.
WORDS = ("title", "question", "about")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
PLAIN_NAME = re.compile(r"[\w.+*: -]+")
PLAIN_PATH = re.compile(r"[\w./ -]+")
JOINED = {"": ", ", "_plus": " + ", "_times": " * ", "_and": " and ", "_dash": "-"}
PUBLISHED = re.compile(r"""tl\.publish\([^"']*["'](\w+)["']""")
# What a parameter begins with that names a file of the project.
IN_PROJECT = "../../data/"
# What the scripts of a run end with that need R alone, and the lines that they print.
SCRIPT = "-cells.R"
EXPECTED = "-expected.txt"
ASKS_R = """\
## Do not trust us: ask R

::::{ask-r}
{download}`@{script}@{mark} <scripts/@{script}>` needs R alone, no packages. It holds the sealed cells of this \
page with their covariance, and computes its numbers anew, with standard errors by Taylor linearisation. \
{download}`@{expected}@{mark} <scripts/@{expected}>` is what it should print. Where the page shows standard \
errors by replicate weights, the script has those of Taylor: replicate weights need the survey file.
::::"""


class _Fill(string.Template):
    """``@{name}`` in the markdown of a template; a dollar sign is left to formulas."""

    delimiter = "@"


def filled(text: str, given: dict[str, Any]) -> str:
    """A text with each ``@{name}`` replaced by what is given for it.

    Parameters
    ----------
    text : str
    given : dict
        A list gives its items, ``@{name_1}`` and so on, and itself joined in several
        ways: ``@{name}`` by commas, ``@{name_plus}``, ``@{name_times}``,
        ``@{name_and}`` and ``@{name_dash}``.

    Raises
    ------
    KeyError
        For a name that is not given.

    Examples
    --------
    >>> filled("@{pair_and}, $x$, @{pair_2}", {"pair": ["gender", "age"]})
    'gender and age, $x$, age'
    """
    return _Fill(text).substitute(_words(given))


def _words(values: dict[str, Any]) -> dict[str, str]:
    """Values as texts: lists joined in several ways, and their items numbered from 1."""
    words: dict[str, str] = {}
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        texts = [str(item) for item in items]
        for ending, mark in JOINED.items():
            words[f"{name}{ending}"] = mark.join(texts)
        for number, text in enumerate(texts, 1):
            words[f"{name}_{number}"] = text
        if not texts:
            words[f"{name}_plus"] = "1"
    return words


def fill_markdown(notebook: Any, parameters: dict[str, Any], what: str) -> None:
    """Give the page its own title and words: ``@{name}`` becomes the parameter.

    The parameters in `MARKDOWN` are taken as they are. The others are texts, and are
    written so that the place they stand in, prose, code or a code block, shows them and
    does nothing else with them.

    Parameters
    ----------
    notebook : NotebookNode
        Its cells of Markdown are changed.
    parameters : dict
        Lists are given as in `filled`.
    what : str
        The page, as a message names it.

    Raises
    ------
    RunError
        A name is no parameter.

    Examples
    --------
    >>> from nbformat.v4 import new_markdown_cell, new_notebook
    >>> notebook = new_notebook(cells=[new_markdown_cell("# @{title}: @{by}")])
    >>> fill_markdown(notebook, {"title": "*Gaps*", "by": "a_b"}, "A page")
    >>> notebook.cells[0].source
    '# *Gaps*: a&#95;b'
    """
    words = _words(parameters)
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        try:
            cell.source = _page_text(cell.source, words)
        except (KeyError, ValueError) as error:
            hint = f"The parameters are {', '.join(parameters)}."
            raise RunError(
                f"{what} uses @{{{error.args[0]}}}, which is no parameter.", hint
            ) from None


def _page_text(source: str, words: dict[str, str]) -> str:
    """The Markdown of a template with words filled in, each written for its place."""
    prose = {name: _in_prose(name, word) for name, word in words.items()}
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


def _in_prose(name: str, word: str) -> str:
    if name in MARKDOWN:
        return word
    return markdown_text(word)


def _prose_line(line: str, words: dict[str, str], prose: dict[str, str]) -> str:
    """A line outside of code blocks: pieces of code hold the words themselves."""
    made = []
    end = 0
    for piece in CODE.finditer(line):
        before = line[end : piece.start()]
        made.append(_Fill(before).substitute(prose))
        made.append(_piece_of_code(piece, words))
        end = piece.end()
    made.append(_Fill(line[end:]).substitute(prose))
    return "".join(made)


def _piece_of_code(piece: re.Match[str], words: dict[str, str]) -> str:
    """Code within a line, or what a role such as ``{download}`` is given."""
    ticks = piece[1]
    code = piece[2]
    inside = _Fill(code).substitute(words)
    if inside == code:
        return piece[0]
    before = piece.string[: piece.start()]
    is_role = before.endswith("}")
    if not is_role:
        return markdown_code(inside)
    given = [word for name, word in words.items() if f"@{{{name}}}" in code]
    if not all(PLAIN_NAME.fullmatch(word) for word in given):
        raise RunError(
            f"A link of the page cannot be made of {', '.join(given)!r}.",
            "Use letters, digits, - and _.",
        )
    return f"{ticks}{inside}{ticks}"


def finish(
    notebook: Any, folder: Path, provenance: dict[str, Any]
) -> list[dict[str, str]]:
    """Make an executed notebook a page.

    It is the same bytes each time. Pictures get alternative texts, and their numbers
    are offered below them. The last section says where the numbers come from.

    Parameters
    ----------
    notebook : NotebookNode
        Its cells are changed.
    folder : Path
        Of the run, with its ``tables/``. Pictures are written to its ``figures/``.
    provenance : dict
        As in ``provenance.json``.

    Returns
    -------
    list of dict
        The pictures: file, alt, and the table published last before each, which holds
        its numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> notebook = new_notebook(cells=[new_code_cell("1 + 1")])
    >>> provenance = {"data": {}, "conventions": {}, "parameters": {}, "libraries": {}}
    >>> provenance |= dict.fromkeys(["kinds", "manifest"], [])
    >>> provenance |= {"template": "t.ipynb", "template_sha256": "0" * 64}
    >>> provenance |= {"trustlib": "1", "python": "3"}
    >>> finish(notebook, Path("no/such/folder"), provenance)
    []
    >>> notebook.cells[-1].source.splitlines()[-1]
    '| Software | trustlib 1, Python 3 |'
    """
    from nbformat.v4 import new_markdown_cell

    for name in ("papermill", "language_info"):
        notebook.metadata.pop(name, None)
    page = _Page(folder, _mark(provenance["kinds"]))
    ending = [*_asks_r(folder, page.mark), _origin(folder, provenance, page.mark)]
    for cell in [*notebook.cells, *map(new_markdown_cell, ending)]:
        _tidy(cell)
        page.take(cell)
    for number, cell in enumerate(page.cells):
        cell["id"] = f"cell-{number:03d}"
    notebook.cells = page.cells
    return page.figures


def _mark(kinds: list[str]) -> str:
    """What the name of a file is followed by: synthetic is called synthetic."""
    return ", synthetic" if "synthetic" in kinds else ""


def _tidy(cell: Any) -> None:
    """Take from a cell what differs between executions, and hide its parameters."""
    for name in ("papermill", "execution"):
        cell.metadata.pop(name, None)
    tags = set(cell.metadata.get("tags", []))
    if {"parameters", "injected-parameters"} & tags:
        cell.metadata["tags"] = sorted({*tags, "remove-cell"})


class _Page:
    """The cells of a page and its pictures, taken one cell after the other."""

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self.mark = mark
        self.cells: list[Any] = []
        self.figures: list[dict[str, str]] = []
        self.table = ""  # published last

    def take(self, cell: Any) -> None:
        """Add a cell, and below it the numbers of each of its pictures."""
        self.cells.append(cell)
        if cell.cell_type == "code":
            self.table = [self.table, *PUBLISHED.findall(cell.source)][-1]
        for output in cell.get("outputs", []):
            alt = _alternative_text(output)
            if alt:
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
                self._keep_picture(output, alt)
                self._offer_numbers()

    def _keep_picture(self, output: Any, alt: str) -> None:
        file = f"figures/{len(self.figures) + 1}.png"
        self.figures.append({"file": file, "alt": alt, "table": self.table})
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(base64.b64decode(output["data"]["image/png"]))

    def _offer_numbers(self) -> None:
        from nbformat.v4 import new_markdown_cell

        name = f"{self.table}.csv"
        if (self.folder / "tables" / name).is_file():
            text = f"The numbers of this picture: {name}{self.mark}"
            link = f"{{download}}`{text} <tables/{name}>`"
            self.cells.append(new_markdown_cell(link))


def _asks_r(folder: Path, mark: str) -> Iterator[str]:
    """The section with a script of R that the run left, if it left one."""
    for script in sorted((folder / "scripts").glob(f"*{SCRIPT}")):
        expected = script.name.replace(SCRIPT, EXPECTED)
        yield filled(
            ASKS_R, {"script": script.name, "expected": expected, "mark": mark}
        )


def _alternative_text(output: Any) -> str:
    """What a picture says in words; empty where the output is none."""
    picture = output.get("metadata", {}).get("image/png", {})
    return picture.get("alt", "")


def _origin(folder: Path, provenance: dict[str, Any], mark: str) -> str:
    """The last section of a page: where its numbers come from."""
    template = provenance["template"]
    digest = provenance["template_sha256"]
    tables = sorted(path.name for path in (folder / "tables").glob("*.csv"))
    terms = dict.fromkeys(entry["terms"] for entry in provenance["manifest"])
    conventions = dict.fromkeys(provenance["conventions"].values())
    rows = {
        "Evidence": "; ".join(_evidence(kind) for kind in provenance["kinds"]),
        "Data": "; ".join(_data(provenance, mark)),
        "Terms of the data": "; ".join(terms),
        "Conventions": "<br>".join(markdown_text(text) for text in conventions),
        "Template": f"`{template}` (SHA-256 `{digest[:12]}…`)",
        "Parameters": "; ".join(_shown(_data_parameters(provenance))),
        "Software": software(provenance),
        "Tables": ", ".join(f"{{download}}`{name} <tables/{name}>`" for name in tables),
    }
    lines = ["## Where these numbers come from", "", "| What | Which |", "|---|---|"]
    for what, which in rows.items():
        if which:
            cell = which.replace("|", "\\|")
            lines.append(f"| {what} | {cell} |")
    return "\n".join(lines)


def _evidence(kind: str) -> str:
    return f"[{EVIDENCE[kind]}]{{.from-{kind}-run}}"


def _data_parameters(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run that are no words of its page."""
    parameters = provenance["parameters"].items()
    return {name: value for name, value in parameters if name not in WORDS}


def _shown(parameters: Mapping[str, Any]) -> list[str]:
    """Parameters as a reader sees them."""
    return [
        f"{markdown_code(name)} = {markdown_text(value)}"
        for name, value in parameters.items()
    ]


def _data(provenance: Mapping[str, Any], mark: str) -> list[str]:
    """The data files of a run, each with its hash."""
    texts = [str(value) for value in _data_parameters(provenance).values()]
    in_project = [text for text in texts if text.startswith(IN_PROJECT)]
    places = {Path(text).name: f"../{text}" for text in in_project}
    lines = []
    for name, digest in provenance["data"].items():
        link = _link(name, places.get(name), mark)
        lines.append(f"{link} (SHA-256 `{digest[:12]}…`)")
    return lines


def _link(name: str, path: str | None, mark: str) -> str:
    """A data file: offered for download if it lies in the project, else only named."""
    if path is None or not PLAIN_PATH.fullmatch(path):
        return markdown_code(name)
    return f"{{download}}`{name}{mark} <{path}>`"


def software(provenance: dict[str, Any]) -> str:
    """The versions behind a run, in one line.

    Parameters
    ----------
    provenance : dict
        As in ``provenance.json``.

    Examples
    --------
    >>> libraries = {"numpy": "2.4.6"}
    >>> software({"trustlib": "1", "python": "3.11", "libraries": libraries})
    'trustlib 1, Python 3.11, numpy 2.4.6'
    """
    versions = {"trustlib": provenance["trustlib"], "Python": provenance["python"]}
    versions |= provenance["libraries"]
    return ", ".join(f"{name} {version}" for name, version in versions.items())
