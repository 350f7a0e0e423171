"""A data frame of R, as `saveRDS` writes it, read without running anything of R.

The package rdata reads what is serialised; here stands what it means in a survey file.
What is no data frame of vectors is refused: functions, calls and environments are known
by their kind and never looked into. `trustlib.labelled_reader` calls this in a process
of its own.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd

Labels = dict[str, dict]
OURS = "trustlib: "  # how a line begins that `trustlib.files` may repeat
LARGEST = 2**31  # bytes of a file once it is unpacked, and of its columns
MEMORY = 4 * LARGEST  # that a reader may take
MOST = 2**25  # people
TOO_LARGE = f"it is larger than {LARGEST / 2**30:g} GB once unpacked"
BLOCK = 2**20
PACKED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
FORMATS = (b"X\n", b"A\n", b"A\r\n", b"B\n")
WORKSPACE = b"RD"  # how a file of load() begins
NO_NUMBER = np.iinfo(np.int64).min  # of bit64
TAGGED = 1954  # by what R knows its own NA among values that are no number
SECONDS = 86_400  # of a day
LAST_DAY = 2_932_896  # after 1970: the end of the year 9999
SIGNIFICANT = 15  # digits of a number that R writes as a text
KINDS = {
    "CLO": "a function",
    "SPECIAL": "a function",
    "BUILTIN": "a function",
    "LANG": "code",
    "EXPR": "code",
    "BCODE": "code",
    "SYM": "code",
    "PROM": "code",
    "ENV": "an environment",
    "GLOBALENV": "an environment",
    "EXTPTR": "a pointer",
    "S4": "an object of a class of its own",
    "VEC": "a list",
    "CPLX": "complex numbers",
    "RAW": "bytes",
    "NILVALUE": "nothing",
}


@dataclass(frozen=True)
class Vector:
    """A vector of R.

    Attributes
    ----------
    kind : str
        As rdata names it, such as ``"REAL"``.
    values : array or list
    attributes : mapping
        Name -> object of rdata.

    Examples
    --------
    >>> Vector("REAL", np.array([1.5])).classes
    []
    """

    kind: str
    values: Any
    attributes: Mapping[str, Any] = field(default_factory=dict)
    decode: Callable[..., Any] = str

    def vector(self, name: str) -> Vector | None:
        """An attribute that is a vector; None if there is none."""
        if name not in self.attributes:
            return None
        return vector_of(self.attributes[name], self.decode)

    def texts(self, name: str) -> list[str | None]:
        """An attribute of texts; none if there is no such."""
        found = self.vector(name)
        if found is None or found.kind != "STR":
            return []
        return found.as_texts()

    def as_texts(self) -> list[str | None]:
        """The texts of a vector of texts."""
        return [self.decode(each) for each in self.values]

    @property
    def classes(self) -> list[str | None]:
        """The classes of R that it has."""
        return self.texts("class")


def read_rds(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read the data frame of a file.

    Parameters
    ----------
    path : str
    encoding : str, optional
        Of texts of which R did not keep it.

    Returns
    -------
    frame : DataFrame
        Factors are categories with their levels in order, dates and times texts in the
        form of ISO.
    labels : dict
        Of columns that haven or foreign labelled.

    Notes
    -----
    R: ``readRDS(path)``.
    """
    from rdata.parser import parse_data

    content = unpacked(Path(path))
    try:
        with warnings.catch_warnings(action="ignore"):
            parsed = parse_data(content, expand_altrep=False, extension=".rds")
    except Exception as error:  # whatever a list of bytes can bring about
        refuse(f"it is damaged, or holds what is no table ({type(error).__name__})")
    decode = _Texts(encoding or parsed.extra.encoding or "utf-8").decode
    whole = vector_of(parsed.object, decode)
    if whole.kind != "VEC" or "data.frame" not in whole.classes:
        refuse(f"it holds {_in_words(whole)}, expected one data frame")
    columns = _columns(whole)
    frame = pd.DataFrame(
        {name: _answers(column, place) for place, (name, column) in columns.items()}
    )
    frame.attrs["missing"] = _missing(frame, columns)
    frame.attrs["titles"] = _titles(whole, columns)
    labels = {name: _labels(column) for name, column in columns.values()}
    return frame, {name: codes for name, codes in labels.items() if codes}


def refuse(why: str) -> NoReturn:
    """End the process in words that the command may repeat.

    Examples
    --------
    >>> try:
    ...     refuse("it holds code")
    ... except SystemExit as left:
    ...     print(left)
    trustlib: it holds code
    """
    sys.exit(f"{OURS}{why}")


def bound_memory() -> None:
    """Let this process take no more memory than a survey needs.

    A file may say anything of the lengths of what it holds.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))


def unpacked(path: Path) -> bytes:
    r"""What a file holds, which is not larger than a survey can be.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "people.rds")
    ...     _ = file.write_bytes(gzip.compress(b"X\nand more"))
    ...     unpacked(file)
    b'X\nand more'
    """
    with path.open("rb") as stream:
        begin = stream.read(8)
    opened: Callable[..., Any] = open
    for mark, packer in PACKED.items():
        if begin.startswith(mark):
            opened = packer
    content = bytearray()
    with opened(path, "rb") as stream:
        while block := stream.read(BLOCK):
            content += block
            if len(content) > LARGEST:
                refuse(TOO_LARGE)
    if content.startswith(WORKSPACE):
        refuse("it holds a workspace, expected one data frame")
    if not content.startswith(FORMATS):
        refuse("it is no file of saveRDS")
    return bytes(content)


# -- vectors ----------------------------------------------------------------------------


class _Texts:
    """The texts of a file, of which R says the encoding of each, or of all."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding

    def decode(self, text: Any) -> str | None:
        """A text of R; None for NA."""
        if text is None or isinstance(text, str):
            return text
        if text.value is None:
            return None
        flags = text.info.gp
        if flags & 1 << 2:
            return str(text.value, "latin-1")
        known = flags & (1 << 3 | 1 << 6)
        return str(text.value, "utf-8" if known else self.encoding)


def vector_of(thing: Any, decode: Callable[..., Any]) -> Vector:
    """An object of rdata as a vector, whichever way R kept it.

    Parameters
    ----------
    thing : RObject
    decode : callable
        Makes of a text of R a text.

    Returns
    -------
    Vector
    """
    kind = thing.info.type.name
    if kind != "ALTREP":
        return Vector(kind, thing.value, _attributes(thing.attributes), decode)
    about, state, more = thing.value
    name = _name_of(about.value[0])
    attributes = _attributes(more)
    if name.startswith("wrap_"):
        inner = vector_of(state.value[0], decode)
        return Vector(inner.kind, inner.values, attributes, decode)
    if name.startswith("compact_"):
        kind = "INT" if name == "compact_intseq" else "REAL"
        return Vector(kind, _sequence(state.value), attributes, decode)
    if name == "deferred_string":
        numbers = vector_of(state.value[0], decode)
        return Vector("STR", as_r_writes(numbers), attributes, decode)
    refuse("it refers to another file")


def _sequence(state: Any) -> np.ndarray:
    """Whole numbers of which R kept how many there are, the first and the step."""
    count, first, step = (float(each) for each in state)
    if not 0 <= count <= MOST:
        refuse(TOO_LARGE)
    return first + step * np.arange(int(count))


def as_r_writes(numbers: Vector) -> list[str | None]:
    """Numbers as the texts that R makes of them.

    Examples
    --------
    >>> as_r_writes(Vector("REAL", np.array([0.1 + 0.2, 1e5, 2.0])))
    ['0.3', '1e+05', '2']
    """
    whole = numbers.kind == "INT"
    texts: list[str | None] = []
    for number in _filled(numbers.values):
        if np.isnan(number):
            texts.append(None)
        elif whole:
            texts.append(str(int(number)))
        else:
            texts.append(_shorter(float(f"{number:.{SIGNIFICANT}g}")))
    return texts


def _shorter(number: float) -> str:
    """A number in whichever form is shorter, as R prefers."""
    fixed = np.format_float_positional(number, trim="-")
    power = np.format_float_scientific(number, trim="-")
    return power if len(power) < len(fixed) else fixed


def _attributes(pairs: Any) -> dict[str, Any]:
    """The attributes of an object by their names."""
    named: dict[str, Any] = {}
    while pairs is not None and pairs.info.type.name == "LIST":
        first, rest = pairs.value
        named[_name_of(pairs.tag)] = first
        pairs = rest
    return named


def _name_of(symbol: Any) -> str:
    while symbol.info.type.name == "REF":
        symbol = symbol.referenced_object
    return str(symbol.value.value, "utf-8")


def _filled(values: Any) -> np.ndarray:
    """Numbers, those that are missing as NaN."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(float), np.nan)
    return np.asarray(values, float)


def _in_words(vector: Vector) -> str:
    """What an object is that is no data frame."""
    return KINDS.get(vector.kind, "a vector")


# -- columns ----------------------------------------------------------------------------

Columns = dict[int, tuple[str, Vector]]


def _columns(whole: Vector) -> Columns:
    """The columns of a data frame by their places from 1, each a vector of one length."""
    names = [str(name) for name in whole.texts("names")]
    if len(names) != len(whole.values):
        refuse("its columns have no names")
    if len(set(names)) < len(names):
        refuse("it gives a name to more than one column")
    columns: Columns = {}
    cells = 0
    for place, (name, thing) in enumerate(zip(names, whole.values, strict=True), 1):
        column = vector_of(thing, whole.decode)
        if column.kind not in ("LGL", "INT", "REAL", "STR"):
            refuse(
                f"column {place} holds {_in_words(column)}, expected one answer each"
            )
        if "dim" in column.attributes:
            refuse(f"column {place} holds a matrix, expected one answer each")
        cells += len(column.values)
        if cells * 8 > LARGEST:
            refuse(TOO_LARGE)
        columns[place] = (name, column)
    if len({len(column.values) for _, column in columns.values()}) > 1:
        refuse("its columns have different lengths: it is damaged")
    return columns


def _answers(column: Vector, place: int) -> Any:
    """The answers of a column."""
    classes = column.classes
    if "factor" in classes:
        return _factor(column, place)
    if column.kind == "STR":
        return pd.Series(column.as_texts(), dtype=object)
    if column.kind == "LGL":
        missing = np.ma.getmaskarray(column.values)
        texts = np.where(np.ma.getdata(column.values), "TRUE", "FALSE")
        return pd.Series(texts, dtype=object).mask(missing, None)
    if "integer64" in classes:
        whole = np.asarray(column.values).view(np.int64)
        return pd.Series(whole, dtype="Int64").mask(whole == NO_NUMBER)
    numbers = _filled(column.values)
    if "Date" in classes:
        return _iso(numbers, "D", place)
    if "POSIXct" in classes:
        return _iso(numbers, "s", place)
    if column.kind == "INT" and not np.isnan(numbers).any():
        return numbers.astype(np.int64)
    return _with_letters(column, numbers)


def _iso(numbers: np.ndarray, unit: Literal["D", "s"], place: int) -> pd.Series:
    """Days or seconds since 1970 as texts in the form of ISO."""
    known = ~np.isnan(numbers)
    farthest = LAST_DAY if unit == "D" else LAST_DAY * SECONDS
    if (np.abs(numbers[known]) > farthest).any():
        refuse(f"column {place} holds dates that cannot be: it is damaged")
    whole = np.floor(np.where(known, numbers, 0)).astype(np.int64)
    texts = np.datetime_as_string(whole.astype(f"datetime64[{unit}]"))
    return pd.Series(texts, dtype=object).mask(~known, None)


def _factor(column: Vector, place: int) -> pd.Categorical:
    """A factor as a category with its levels in order; a level that is NA is none."""
    levels = column.texts("levels")
    codes = _filled(column.values)
    codes = np.where(np.isnan(codes), 0, codes).astype(int) - 1
    if codes.min(initial=0) < -1 or codes.max(initial=-1) >= len(levels):
        refuse(f"column {place} has codes without a level: it is damaged")
    named = [level for level in levels if level is not None]
    own = np.array(
        [-1 if level is None else named.index(level) for level in [*levels, None]]
    )
    is_ordered = "ordered" in column.classes
    return pd.Categorical.from_codes(own[codes], named, ordered=is_ordered)


def _with_letters(column: Vector, numbers: np.ndarray) -> Any:
    """Numbers, in which the missing values of haven that have a letter are ``.a`` to ``.z``."""
    if column.kind != "REAL":
        return numbers
    letters = _letters(numbers)
    if not any(letters):
        return numbers
    found = pd.Series(letters, dtype=object)
    return pd.Series(numbers, dtype=object).mask(found != "", "." + found)


def _letters(numbers: np.ndarray) -> list[str]:
    """The letter of each missing value that has one, as haven keeps them in an NA."""
    bits = np.asarray(numbers, float).view(np.uint64)
    is_na = np.isnan(numbers) & (bits & np.uint64(0xFFFFFFFF) == TAGGED)
    tags = (bits >> np.uint64(32)) & np.uint64(0xFF)
    is_tagged = is_na & (tags >= ord("a")) & (tags <= ord("z"))
    return [
        chr(tag) if tagged else "" for tag, tagged in zip(tags, is_tagged, strict=True)
    ]


def _labels(column: Vector) -> dict:
    """Code -> label, of a column that haven (labels) or foreign (value.labels) read."""
    for name in ("labels", "value.labels"):
        found = column.vector(name)
        if found is None or found.kind not in ("INT", "REAL", "STR"):
            continue
        texts = found.texts("names")
        codes: list[Any] = found.as_texts() if found.kind == "STR" else _codes(found)
        pairs = zip(codes, texts, strict=False)
        return {code: text for code, text in pairs if text and code is not None}
    return {}


def _codes(found: Vector) -> list[Any]:
    """The codes of labels; a missing value with a letter is that, as in the column."""
    numbers = _filled(found.values)
    letters = _letters(numbers)
    codes: list[Any] = []
    for number, letter in zip(numbers.tolist(), letters, strict=True):
        if letter:
            codes.append(f".{letter}")
        else:
            codes.append(None if np.isnan(number) else number)
    return codes


def _missing(frame: pd.DataFrame, columns: Columns) -> dict[str, list]:
    """The codes that haven declares missing and that occur, by column."""
    missing: dict[str, list] = {}
    for name, column in columns.values():
        if "factor" in column.classes:
            continue
        occurring = frame[name].dropna().unique()
        codes = [code for code in occurring if _is_missing(code, column)]
        if codes:
            missing[name] = sorted(codes, key=str)
    return missing


def _is_missing(code: Any, column: Vector) -> bool:
    """Whether a code is one of those that are declared missing, or a letter of haven."""
    if isinstance(code, str):
        is_letter = re.fullmatch(r"\.[a-z]", code) and column.kind == "REAL"
        return bool(is_letter) or code in column.texts("na_values")
    single = column.vector("na_values")
    if single is not None and single.kind != "STR" and code in _filled(single.values):
        return True
    between = column.vector("na_range")
    if between is None or len(between.values) != 2:
        return False
    low, high = _filled(between.values)
    return bool(low <= code <= high)


def _titles(whole: Vector, columns: Columns) -> dict[str, str]:
    """The labels of columns."""
    of_foreign = whole.vector("variable.labels")
    titles: dict[str, str] = {}
    if of_foreign is not None and of_foreign.kind == "STR":
        named = zip(of_foreign.texts("names"), of_foreign.as_texts(), strict=False)
        titles = {str(name): text for name, text in named if text}
    for name, column in columns.values():
        own = column.texts("label")
        if own and own[0]:
            titles[name] = own[0]
    return titles
