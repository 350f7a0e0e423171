"""Survey files of each format as they are: CSV, SPSS, Stata and Parquet.

A file is read whole or refused: whatever its reader would shift, fill, cut short or
replace without a word is a fault.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.answers import in_one_form, plain
from trustlib.errors import (
    MissingFileError,
    SurveyFileError,
    first_few,
    require_file,
)
from trustlib.masking import foreign
from trustlib.ordering import as_pandas
from trustlib.personal import names_that_may_be_told, seems_headerless

SUFFIXES = (".csv.gz", ".csv", ".sav", ".zsav", ".dta", ".parquet")
READING = 900  # seconds for a file of SPSS or Stata; a damaged one may never end
READER = (sys.executable, "-m", "trustlib.labelled_reader")
OF_SPSS = (b"$FL2", b"$FL3")  # how a file of SPSS begins
OURS = "trustlib: "  # how the reader begins what may be repeated

Labels = dict[str, dict]


def existing_file(path: Any, what: str, hint: str) -> Path:
    """The path of a file that exists.

    Parameters
    ----------
    path : path
    what, hint : str
        What it should be, and what to do if it does not exist.

    Returns
    -------
    Path

    Raises
    ------
    MissingFileError
        There is none, or a folder of this name.

    Examples
    --------
    >>> existing_file("/", "survey file", "Check the spelling.")
    Traceback (most recent call last):
    ...
    trustlib.errors.MissingFileError: / is a folder.
    Name a file in it.
    """
    if isinstance(path, (str, Path)) and Path(path).is_dir():
        raise MissingFileError(f"{path} is a folder.", "Name a file in it.")
    return require_file(path, what, hint)


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     file_hash(file.name)[:8]
    'e3b0c442'
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_table(
    path: str | Path, encoding: str | None = None
) -> tuple[pd.DataFrame, Labels]:
    r"""Read a survey file as it is.

    Parameters
    ----------
    path : path
        One of .csv, .csv.gz, .sav, .zsav, .dta, .parquet.
    encoding : str, optional
        Of the texts; UTF-8 for CSV, the file's own declaration for .sav and .dta. CSV
        files have commas, or semicolons and then perhaps decimal commas, which stay in
        the texts (see `trustlib.answers.numbers_of`).

    Returns
    -------
    frame : DataFrame
        One row per person, numbered from 0. Columns of CSV files are texts; '' is a
        blank. What pandas kept in the index of a Parquet file comes back as columns,
        the last ones. Names of columns are in the Unicode form NFC.
        ``attrs["missing"]`` has the codes that an SPSS or Stata file declares missing
        and that occur, by column (``.a`` to ``.z`` of Stata are such codes);
        ``attrs["decimal"]`` what may stand before decimals.
    labels : dict
        Column -> {code: label}, for files that carry value labels, in the order of the
        codes.

    Raises
    ------
    MissingFileError
        There is no such file.
    SurveyFileError
        The ending is not known, or the file cannot be read or is damaged.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "people.csv"
    >>> size = path.write_text("gender,angry\nwoman,1\nman,\n")
    >>> read_table(path)[0]["angry"].tolist()
    ['1', '']
    >>> folder.cleanup()
    """
    path = existing_file(
        path,
        "survey file",
        "Check the spelling, or set TRUSTLIB_DATA to the folder "
        "that holds the download.",
    )
    suffix = _suffix(path)
    refusal = None
    try:
        frame, labels = _read(path, suffix, encoding)
    except SurveyFileError:
        raise
    except Exception as error:  # each reader has its own, and all mean the same
        refusal = _unreadable(path, foreign(error))
    if refusal is not None:  # apart from the error of the reader, which holds cells
        raise refusal
    if frame.empty:
        raise SurveyFileError(
            f"{path.name} holds no rows.", "Expected one row per person."
        )
    frame, labels = _named(frame.reset_index(drop=True), labels, path.name)
    _require_names_of_columns(frame, path.name)
    return frame, labels


def _unreadable(path: Path, why: str) -> SurveyFileError:
    return SurveyFileError(
        f"{path.name} cannot be read: {why}",
        "Damaged, cut short or in another encoding? "
        "Name it: `--encoding latin-1`, or `encoding:` in a mapping.",
    )


def _require_names_of_columns(frame: pd.DataFrame, file: str) -> None:
    """Refuse a table whose first line seems to be a person; it is not repeated."""
    if seems_headerless(frame):
        raise SurveyFileError(
            f"{file} seems to have no names of columns: what stands in their place "
            "looks like the answers of a person.",
            "Write the names of the columns into its first line.",
        )


def _suffix(path: Path) -> str:
    """The ending of a file's name, one of those that are known."""
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise SurveyFileError(
        f"{path.name} has an ending that is not known.",
        f"Expected one of {', '.join(SUFFIXES)}. "
        "Save an Excel sheet as CSV, or from SPSS as .sav.",
    )


def _read(path: Path, suffix: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """The frame and labels of a file, by the reader of its format."""
    if suffix in (".csv", ".csv.gz"):
        return _read_csv(path, encoding or "utf-8-sig"), {}
    if suffix == ".parquet":
        return _read_parquet(path), {}
    reader = "read_dta" if suffix == ".dta" else "read_sav"
    return _read_labelled(path, reader, encoding)


def _named(
    frame: pd.DataFrame, labels: Labels, file: str
) -> tuple[pd.DataFrame, Labels]:
    """Names of columns and labels in one Unicode form; names that are twice are refused."""
    names = pd.Index([in_one_form(name) for name in frame.columns])
    if not names.is_unique:
        told = names_that_may_be_told(names[names.duplicated()].unique())
        repeated = first_few(sorted(map(repr, told)))
        raise SurveyFileError(
            f"{file} has two columns named {repeated} (the index of pandas counts as a "
            "column, and two Unicode forms of a name are one).",
            "Rename one of them.",
        )
    declared = frame.attrs.get("missing", {})
    frame.columns = names
    frame.attrs["missing"] = {in_one_form(c): codes for c, codes in declared.items()}
    ordered = {in_one_form(c): _labels_in_order(codes) for c, codes in labels.items()}
    return frame, ordered


def _labels_in_order(labels: dict) -> dict:
    """Code -> label, in the order of the codes: numbers, then texts."""
    codes = sorted(labels, key=lambda code: (isinstance(code, str), code))
    texts = {code: plain(str(labels[code])) for code in codes}
    return {code: text for code, text in texts.items() if text}


def _read_csv(path: Path, encoding: str) -> pd.DataFrame:
    mark = _separator(path, encoding)
    frame = pd.read_csv(
        path, sep=mark, dtype=str, keep_default_na=False, encoding=encoding
    )
    frame.attrs["decimal"] = "," if mark == ";" else "."
    return frame


def _separator(path: Path, encoding: str) -> str:
    """What stands between the columns of a CSV file.

    A semicolon only if its first line has no comma. A file whose lines do not all have
    the fields of its header is refused: pandas would shift or fill them.
    """
    with path.open("rb") as content:
        if content.read(4) in OF_SPSS:
            raise SurveyFileError(
                f"{path.name} is a file of SPSS.", "Let its name end in .sav."
            )
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding=encoding, newline="") as stream:  # type: ignore[operator]
        first = stream.readline()
        mark = _mark_of(first)
        lines = csv.reader(chain([first], stream), delimiter=mark, strict=True)
        header = next(lines, [])
        _require_header(header, path.name)
        uneven = list(_uneven(lines, len(header)))
    if uneven:
        raise SurveyFileError(
            f"{path.name} has {len(uneven)} lines with more or fewer than "
            f"{len(header)} fields, the first in line {uneven[0]}.",
            "The file is damaged or cut short. Download it again.",
        )
    return mark


def _mark_of(line: str) -> str:
    """What separates the names in the first line."""
    bare = re.sub('"[^"]*"', "", line)
    if ";" in bare and "," not in bare:
        return ";"
    return ","


def _require_header(header: list[str], file: str) -> None:
    """Refuse a first line that does not name columns, each once."""
    if not header:
        raise SurveyFileError(
            f"{file} is empty.",
            "Expected a line of column names and one line per person.",
        )
    if len(header) == 1 and any(other in header[0] for other in ";\t|"):
        raise SurveyFileError(
            f"{file} has no commas or semicolons between columns.",
            "Save it with commas.",
        )
    repeated = [str(i) for i, name in enumerate(header, 1) if header.count(name) > 1]
    if repeated:  # the line may be a person: the names are not repeated
        raise SurveyFileError(
            f"{file} gives a name to more than one column: see columns "
            f"{first_few(repeated)}.",
            "Rename the columns, or write their names into the first line.",
        )


def _uneven(lines: Any, fields: int) -> Iterator[int]:
    """The numbers of lines that have another number of fields."""
    for line in lines:
        if line and len(line) != fields:
            yield lines.line_num


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    table = pq.read_table(path, page_checksum_verification=True)
    # else a damaged text is found where it is first looked at
    table.validate(full=True)
    nested = [repr(f.name) for f in table.schema if _is_nested(f.type)]
    if nested:
        raise SurveyFileError(
            f"{path.name} holds lists or structures in {first_few(nested)}, "
            "expected one answer in each place.",
            "Give each part a column of its own, or leave these out.",
        )
    ranges, names = _index_of_pandas(table)
    frame = as_pandas(table, ignore_metadata=True)
    frame = frame.rename(columns=names)
    if ranges:
        frame = pd.concat([frame, pd.DataFrame(ranges, index=frame.index)], axis=1)
    return frame


def _is_nested(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _index_of_pandas(table: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What pandas put into the index of its frame.

    Named ranges, and new names of the columns that it made for the rest.
    """
    about = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    own = {c["field_name"]: c["name"] for c in about.get("columns", [])}
    ranges: dict[str, Any] = {}
    names: dict[str, str] = {}
    for i, entry in enumerate(about.get("index_columns", [])):
        if isinstance(entry, dict):
            steps = range(entry["start"], entry["stop"], entry["step"])
            if entry["name"] is not None and len(steps) == len(table):
                ranges[str(entry["name"])] = np.array(steps)
        elif entry.startswith("__index_level_"):
            unnamed = "index" if "index" not in table.column_names else f"level_{i}"
            name = own.get(entry)
            names[entry] = unnamed if name is None else str(name)
    return ranges, names


def _read_labelled(
    path: Path, reader: str, encoding: str | None
) -> tuple[pd.DataFrame, Labels]:
    """Read SPSS or Stata in a process of its own: see `trustlib.labelled_reader`."""
    known = ""
    if encoding:  # ReadStat does not know latin-1, but iso8859-1
        known = codecs.lookup(encoding).name
    done = subprocess.run(
        [*READER, reader, str(path), known],
        capture_output=True,
        check=False,
        timeout=READING,
    )
    if done.returncode:
        raise _unreadable(path, _last_words(done.stderr))
    return pickle.loads(done.stdout)  # of our own process


def _last_words(said: bytes) -> str:
    """What our reader says of its end; other words may quote the file."""
    lines = said.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    if last.startswith(OURS):
        return last.removeprefix(OURS)
    return "the reader crashed"
