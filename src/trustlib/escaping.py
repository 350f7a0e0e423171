"""Texts of a file's owner, written so that no place reads them as anything but text.

Labels, levels, titles, names of columns and of files come with a survey. Each place has
its own signs that mean something: a page, a cell of a spreadsheet, a script of R. There
is one function for each place. It keeps the text as its owner wrote it; only what no
place can show (line breaks, control characters, signs that turn the direction of
writing) is replaced, see `visible`.

========================  =====================================================
place                     function
========================  =====================================================
one line for people       `visible`, cut where it is too long
a terminal                `terminal_text`
HTML, also attributes     `html_text`
Markdown and MyST         `markdown_text`, `markdown_code`; back: `markdown_plain`
a line of a code block    `code_line`
R                         `r_string`, `r_comment`, `r_name`
CSV                       `csv_cell`, `csv_cells`; back: `csv_plain`, `csv_plains`
YAML                      `yaml_string`
names of files and runs   `file_name`
========================  =====================================================
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 600  # letters of a text that is shown to people; no question is longer
LONGEST_NAME = 100  # letters of a name of a file: a folder adds to it
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
# Control characters, half characters, signs that turn the direction of writing or show
# nothing at all. Joiners stay: Hindi and Persian are not written without them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANKS = re.compile("[^\\S\xa0\u2007\u202f]+")  # all but those that do not break
_TERMINAL = re.compile(f"(?![\n\t]){_UNSEEN.pattern}")
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#&|$~^@]|:(?=//)")
_BEGINS_BLOCK = re.compile(r"^(?:[!-/:-@\[-`{-~]|\d{1,9}(?=[.)])[.)]?)")
_R_WORDS = frozenset(
    (
        *("if", "else", "repeat", "while", "function", "for", "next", "break", "in"),
        *("TRUE", "FALSE", "NULL", "Inf", "NaN", "NA"),
        *("NA_integer_", "NA_real_", "NA_complex_", "NA_character_"),
    )
)
_IN_BACKTICKS = {
    ord(sign): f"\\{written}"
    for sign, written in zip("\\`\n\r\t", "\\`nrt", strict=True)
}
_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # also in full width
_HARMLESS = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?|[=+-]")
_CSV_START = re.compile(rf"(?:[\s']*[{_FORMULA}]|'*[\t\r\n])")
_CSV_INSIDE = re.compile(rf"(?<=[;\t\r\n])(?='*[{_FORMULA}])")
_CSV_INSIDE_BACK = re.compile(rf"(?<=[;\t\r\n])'(?='*[{_FORMULA}])")
_RESERVED_FILES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def visible(text: Any, longest: int = LONGEST) -> str:
    r"""A text as one line that people can read.

    What cannot be seen is replaced, what is too long is cut.

    Examples
    --------
    >>> visible("two\nlines")
    'two lines'
    >>> visible("abcdef", longest=4)
    'abc…'
    """
    seen = one_line_of(text)
    if len(seen) <= longest:
        return seen
    return seen[: longest - 1].rstrip() + ELLIPSIS


def one_line_of(text: Any) -> str:
    r"""`visible` without a limit of length: code and lists are never cut.

    Examples
    --------
    >>> one_line_of("two\nlines")
    'two lines'
    """
    line = _BLANKS.sub(" ", str(text)).strip()
    return _UNSEEN.sub(REPLACEMENT, line)


def terminal_text(text: Any) -> str:
    r"""A text of several lines for a terminal: no character of it is an order to it.

    Examples
    --------
    >>> terminal_text("a\x1b[31mb")
    'a�[31mb'
    """
    return _TERMINAL.sub(REPLACEMENT, str(text))


def html_text(text: Any) -> str:
    """A text for HTML, between tags or within the quotes of an attribute.

    Examples
    --------
    >>> html_text("<b>")
    '&lt;b&gt;'
    """
    return html.escape(one_line_of(text))


def markdown_text(text: Any) -> str:
    """A text for a line of Markdown or MyST, also in the cell of a table.

    What Markdown could read as markup is written as a reference to its number
    (``&#42;``), which no extension of MyST looks into. Words, commas and the like stay
    as they are.

    Examples
    --------
    >>> markdown_text("a *star*, 18-24")
    'a &#42;star&#42;, 18-24'
    >>> markdown_text("1. first")
    '1&#46; first'
    """
    line = one_line_of(text)
    marked = _MARKUP.sub(_reference, line)
    if marked.startswith("&"):
        return marked
    return _BEGINS_BLOCK.sub(_last_as_reference, marked)


def _reference(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _last_as_reference(found: re.Match[str]) -> str:
    """The sign that begins a line as a reference; of a number, the sign behind it."""
    kept = found[0][:-1]
    return f"{kept}&#{ord(found[0][-1])};"


def markdown_plain(text: str) -> str:
    """What `markdown_text` was made from, as one line.

    Examples
    --------
    >>> markdown_plain("a &#42;star&#42;")
    'a *star*'
    """
    return html.unescape(text)


def markdown_code(text: Any) -> str:
    """A text as code within a line of Markdown.

    Examples
    --------
    >>> markdown_code("a")
    '`a`'
    >>> markdown_code("a`b")
    '``a`b``'
    """
    line = one_line_of(text)
    runs = {len(run) for run in re.findall("`+", line)}
    length = next(n for n in range(1, len(runs) + 2) if n not in runs)
    fence = "`" * length
    if not line or line.startswith("`") or line.endswith("`"):
        line = f" {line} "
    return f"{fence}{line}{fence}"


def code_line(text: Any) -> str:
    r"""A text for a line of a code block: it neither ends the block nor begins a line.

    Examples
    --------
    >>> code_line("x\n```\ny")
    'x ``` y'
    """
    return one_line_of(text)


def r_string(text: Any, lines: bool = False) -> str:
    r"""A text as a string of R, with its quotes; with `lines` its line breaks stay.

    R has no character of number zero: it becomes the replacement character, as do
    halves of characters.

    Examples
    --------
    >>> print(r_string('a "b"'))
    "a \"b\""
    """
    whole = re.sub("[\x00\ud800-\udfff]", REPLACEMENT, str(text))
    quoted = json.dumps(whole, ensure_ascii=False)
    if lines:
        quoted = re.sub(r"(?<!\\)((?:\\\\)*)\\n", r"\1" + "\n", quoted)
    return _UNSEEN_IN_R.sub(_numbered, quoted)


_UNSEEN_IN_R = re.compile(f"(?!\n)(?:{_UNSEEN.pattern}|[\x85\u2028\u2029])")


def _numbered(found: re.Match[str]) -> str:
    """A character by its number, as R and YAML write it."""
    number = ord(found[0])
    if number > 0xFFFF:
        return f"\\U{number:08x}"
    return f"\\u{number:04x}"


def r_comment(text: Any) -> str:
    r"""A text for a comment of R: one line.

    Examples
    --------
    >>> r_comment("a\nsystem('b')")
    "a system('b')"
    """
    return one_line_of(text)


def r_name(name: Any) -> str:
    """A name of R, in backticks where R would not read it as one.

    R takes no name with signs that turn the direction of writing: the replacement
    character stands for them.

    Examples
    --------
    >>> r_name("gender"), r_name("age band"), r_name("if")
    ('gender', '`age band`', '`if`')
    """
    text = str(name)
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*", text) and text not in _R_WORDS:
        return text
    whole = re.sub("[\x00\u202a-\u202e\u2066-\u2069\ud800-\udfff]", REPLACEMENT, text)
    return f"`{whole.translate(_IN_BACKTICKS)}`"


def csv_cell(value: Any) -> Any:
    """A value for a cell of CSV: a text that would be computed gets an apostrophe.

    Spreadsheets compute what begins with ``= + - @``, a tab or a line break, also
    behind a semicolon where they take it for the end of a cell. Numbers stay numbers,
    and so do texts that are a number or a sign alone. `csv_plain` gives the text back,
    with one kind of line break.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell("-5"), csv_cell("65+"), csv_cell(-0.5)
    ("'=1+1", '-5', '65+', -0.5)
    """
    if not isinstance(value, str) or _HARMLESS.fullmatch(value):
        return value
    lines = re.sub("\r\n?", "\n", value)
    text = _CSV_INSIDE.sub("'", lines)
    if _CSV_START.match(text):
        return f"'{text}"
    return text


def csv_plain(cell: Any) -> Any:
    """The value of which `csv_cell` made a cell.

    Examples
    --------
    >>> csv_plain("'=1+1"), csv_plain("'tis")
    ('=1+1', "'tis")
    """
    if not isinstance(cell, str):
        return cell
    text = cell
    if text.startswith("'") and _CSV_START.match(text[1:]):
        text = text[1:]
    return _CSV_INSIDE_BACK.sub("", text)


def csv_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose texts, those of its header included, are cells of CSV.

    Numbers are left alone.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_cells(pd.DataFrame({"name": ["=1+1", "a"], "n": [1, 2]})).values.tolist()
    [["'=1+1", 1], ['a', 2]]
    """
    return _each_text(frame, csv_cell)


def csv_plains(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame read from CSV with the texts that `csv_cells` was given.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_plains(pd.DataFrame({"name": ["'=1+1", "a"]})).values.tolist()
    [['=1+1'], ['a']]
    """
    return _each_text(frame, csv_plain)


def _each_text(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """A frame with each text changed, those of its header included."""
    changed = frame.rename(columns=change)
    for place, kind in enumerate(frame.dtypes):
        if kind.kind in "OUS" or str(kind).startswith(("str", "category")):
            texts = frame.iloc[:, place].astype(object).map(change)
            changed.isetitem(place, texts)
    return changed


def yaml_string(value: Any) -> str:
    """A value in quotes, which JSON and YAML read as the same text, on one line.

    Examples
    --------
    >>> print(yaml_string("a: b"))
    "a: b"
    """
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNSEEN_IN_R.sub(_in_json, quoted)


def _in_json(found: re.Match[str]) -> str:
    sign = found[0]
    if sign > "\uffff":  # YAML reads it as it is, and JSON's two halves as two
        return sign
    return json.dumps(sign)[1:-1]


def file_name(*parts: Any) -> str:
    """A name for a file or a run, in plain letters, digits and hyphens.

    It begins with a letter, and is of bounded length.

    Examples
    --------
    >>> file_name("Trust", "age_band/..")
    'trust-age-band'
    >>> file_name("性別")
    'unnamed'
    """
    joined = "-".join(map(str, parts)).casefold()
    letters = unicodedata.normalize("NFKD", joined).encode("ascii", "ignore").decode()
    name = re.sub(r"[\W_]", "-", letters)[:LONGEST_NAME].strip("-") or "unnamed"
    if not name[0].isalpha() or _RESERVED_FILES.fullmatch(name):
        return f"x-{name}"
    return name
