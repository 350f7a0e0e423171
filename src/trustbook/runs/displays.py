"""What a notebook shows beside estimates: people, exact sums, bare numbers.

A page shows estimates through `trustlib.table` and `trustlib.forest`, which hold each
number against the rules of disclosure. A data frame, a column or a number that a cell
displays by itself went past these rules, whatever is in it. Of a file that somebody
supplied the outputs are also searched for its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustbook.engine import beginning
from trustbook.runs.run import Run
from trustlib.errors import RunError
from trustlib.schema import load_yaml

if TYPE_CHECKING:
    from trustbook.leaks import Search

TEXTS = ("text/html", "text/plain", "text/markdown")
PICTURES = ("image/png",)
# Columns of cells, of estimates and of counts, as the library names them.
OF_ESTIMATES = {"df", "estimate", "n", "n_eff", "p_value", "statistic"}
OF_COUNTS = {"count", "index", "max", "mean", "min", "reason", "smallest", "std"}
COLUMNS = {*OF_ESTIMATES, *OF_COUNTS, "variable"}
SUMS = ("sum_w", "sum_wy", "sum_w2", "n_events", "std_error", "conf_low", "conf_high")
HINT = (
    "Show estimates through tl.table or tl.forest, and take what displays rows, sums "
    "or bare numbers out of the template."
)
SHOWS = "shows what is not for a page"
_FRAME = re.compile(r"""class=["'][^"']*\bdataframe\b""")
_COLUMN = re.compile(r"\bdtype: |^shape: \(|^Columns: \[|\bschema: \{", re.MULTILINE)
_SUM = re.compile(rf"\b(?:{'|'.join(SUMS)})\b")
_OF_NUMBERS = re.compile(
    r"\b(?:np|array|(?:u?int|float)\d*|dtype|nan|inf|None|Decimal|e)\b|\de[+-]\d"
)
_HEADS = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_HEAD = re.compile(r"<th\b[^<>]*>([^<>]*)</th>")
_KEY = re.compile(r"""["']([\w.]+)["']\s*:""")
RECORD = 3  # names of variables at the beginning of lines


def require_for_pages(notebook: Any, run: Run) -> None:
    """Refuse an executed notebook that shows people, exact sums or bare numbers.

    Parameters
    ----------
    notebook : NotebookNode
    run : Run
        Whose data are known: of a supplied file the rows are looked for.

    Raises
    ------
    RunError
        The message names the cell, and repeats nothing of what it shows.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> shown = new_output("execute_result", {"text/plain": "np.float64(3.25)"})
    >>> notebook = new_notebook(cells=[new_code_cell("weights.max()", outputs=[shown])])
    >>> try:
    ...     require_for_pages(notebook, Run("one", Path("t.ipynb"), {}))
    ... except RunError as error:
    ...     print(error.message)
    shows what is not for a page in the cell that begins 'weights.max()': a bare number.
    """
    names = variables_of(run)
    search = _search_of(run)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            what = _what_is_shown(output, names, search)
            if what:
                begin = beginning(cell.source)
                raise RunError(
                    f"{SHOWS} in the cell that begins {begin!r}: {what}.", HINT
                )


def variables_of(run: Run) -> set[str]:
    """The names of the columns that a run reads, in its files and through its mappings.

    Examples
    --------
    >>> variables_of(Run("one", Path("small.ipynb"), {}))
    set()
    """
    names: set[str] = set()
    for path in run.mappings:
        entries = load_yaml(path)
        if isinstance(entries, dict):
            variables = entries.get("variables") or {}
            names |= {str(name) for name in variables}
            names |= set(_values(variables, "column"))
            names |= set(_values(entries.get("design") or {}, "weight"))
    for path in run.data:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            names |= set(pq.read_schema(path).names)
    return names


def _values(entries: Any, key: str) -> Iterator[str]:
    """Every text under a key, at any depth."""
    if isinstance(entries, dict):
        for name, inner in entries.items():
            if name == key and isinstance(inner, str):
                yield inner
            yield from _values(inner, key)
    elif isinstance(entries, list):
        for inner in entries:
            yield from _values(inner, key)


def _search_of(run: Run) -> Search | None:
    """The search for rows of the supplied files that a run reads."""
    from trustbook.leaks import search_of

    kinds = {source.kind for source in run.sources}
    if "supplied" not in kinds:
        return None
    files = [path for path in run.data if _has_people(path)]
    if not files:
        return None
    mapping = run.mappings[0] if run.mappings else None
    return search_of(files[0], mapping)


def _has_people(path: Path) -> bool:
    """Whether a data file is none of cells."""
    if path.suffix != ".parquet":
        return True
    import pyarrow.parquet as pq

    return b"trustlib" not in (pq.read_schema(path).metadata or {})


def _what_is_shown(output: Any, names: set[str], search: Search | None) -> str:
    """What an output shows that is not for a page; nothing for one that may be shown."""
    data = output.get("data", {})
    strange = [kind for kind in data if kind not in TEXTS + PICTURES]
    if strange:
        return f"an output of the kind {strange[0]}"
    is_picture = any(kind in data for kind in PICTURES)
    texts = [str(data[kind]) for kind in TEXTS if kind in data]
    texts.append(str(output.get("text", "")))
    for text in texts:
        what = _what_a_text_shows(text, names)
        if what and not (is_picture and what == NUMBER):
            return what
        if search is not None and search.in_text(text):
            return "values of a respondent"
    return ""


NUMBER = "a bare number"


def _what_a_text_shows(text: str, names: set[str]) -> str:
    if _FRAME.search(text) or _COLUMN.search(text):
        return "a data frame or a column of one"
    if _SUM.search(text):
        return "columns of cells or of estimates as they are"
    if _is_number(text):
        return NUMBER
    if any(_are_names(line, names) for line in _lines(text)):
        return "a table of variables as they are"
    if _is_record(text, names):
        return "a record of variables as they are"
    return ""


def _is_number(text: str) -> bool:
    """Whether a text is a number or several, and no words."""
    rest = _OF_NUMBERS.sub(" ", text)
    has_letter = any(map(str.isalpha, rest))
    return not has_letter and any(map(str.isdigit, text))


def _lines(text: str) -> Iterator[list[str]]:
    """The words of each line, and of each head of an HTML table."""
    for row in _HEADS.findall(text):
        yield [head.strip() for head in _HEAD.findall(row) if head.strip()]
    if "<" not in text:
        for line in text.splitlines():
            yield re.findall(r"[^\s,;|]+", line)


def _are_names(words: list[str], names: set[str]) -> bool:
    """Whether a line is the head of a table of variables, cells or counts."""
    words = [word.strip("\"'") for word in words]
    words = [word for word in words if word.strip(":-.\\+=")]
    own = sum(word in names for word in words)
    known = sum(word in names or word in COLUMNS for word in words)
    if len(words) < 2 or known < len(words):
        return False
    return own > 0 or len(words) > 2


def _is_record(text: str, names: set[str]) -> bool:
    """Whether names of variables stand before values, line by line or as keys."""
    begins = {line.split()[0] for line in text.splitlines() if line.strip()}
    keys = set(_KEY.findall(text))
    if len(names & _bare(begins)) >= RECORD:
        return True
    return len(names & keys) >= 2


def _bare(words: Iterable[str]) -> set[str]:
    return {word.strip("\"':=,;|") for word in words}
