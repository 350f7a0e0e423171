"""Survey files of each format as they are: tables of texts, workbooks, SPSS, Stata, SAS, R, Parquet.

A file is read whole or refused: whatever its reader would shift, fill, cut short or
replace without a word is a fault.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.answers import code_of, in_one_form, plain
from trustlib.delimited import ENDINGS as OF_TEXTS
from trustlib.delimited import read_delimited
from trustlib.errors import (
    MissingFileError,
    SurveyFileError,
    first_few,
    require_file,
)
from trustlib.masking import foreign
from trustlib.ordering import as_pandas
from trustlib.personal import names_that_may_be_told, seems_headerless
from trustlib.workbooks import ENDINGS as OF_WORKBOOKS
from trustlib.workbooks import read_workbook

OF_R = "read_rds"
# Ending of a name -> the reader of `trustlib.labelled_reader`.
LABELLED = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".dta": "read_dta",
    ".xpt": "read_xport",
    ".sas7bdat": "read_sas7bdat",
    ".rds": OF_R,
}
WORKSPACES = (".rdata", ".rda")  # of R: several objects by their names
IN_R = (
    'In R: saveRDS(people, "people.rds"), haven::write_sav(people, "people.sav") or '
    'write.csv(people, "people.csv", row.names = FALSE).'
)
PACKED = tuple(f"{ending}.gz" for ending in OF_TEXTS)
SUFFIXES = (*PACKED, *OF_TEXTS, *LABELLED, ".parquet", *OF_WORKBOOKS)
READING = (
    900  # seconds for a file of SPSS, Stata, SAS or R; a damaged one may never end
)
READER = (sys.executable, "-m", "trustlib.labelled_reader")
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
    path: str | Path, encoding: str | None = None, sheet: str | None = None
) -> tuple[pd.DataFrame, Labels]:
    r"""Read a survey file as it is.

    Parameters
    ----------
    path : path
        A table of texts (.csv, .tsv, .txt and others, also packed as .gz), of SPSS
        (.sav, .zsav, .por), Stata (.dta), SAS (.xpt, .sas7bdat) or R (.rds),
        .parquet, or a workbook (.xlsx, .xls, .ods).
    encoding : str, optional
        Of the texts. By default that which the file declares, for tables of texts UTF-8.
        What divides their columns is found out; decimal commas stay in the texts (see
        `trustlib.answers.numbers_of`).
    sheet : str, optional
        Of a workbook with several tables.

    Returns
    -------
    frame : DataFrame
        One row per person, numbered from 0. Columns of tables and workbooks are texts;
        '' is a blank. What pandas kept in the index of a Parquet file comes back as columns,
        the last ones. Names of columns are in the Unicode form NFC.
        ``attrs["missing"]`` has the codes that an SPSS or Stata file declares missing
        and that occur, by column (``.a`` to ``.z`` of Stata are such codes);
        ``attrs["decimal"]`` what may stand before decimals; ``attrs["notes"]`` what was
        left out because it is nobody's answers, and ``attrs["titles"]`` the questions
        that stand in the file, each only if there are some; ``attrs["listed"]`` the
        columns of questions that have several.
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
        frame, labels = _read(path, suffix, encoding, sheet)
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
    hint = (
        "Damaged, cut short or in another encoding? Name it: `--encoding latin-1` "
        "(cp1252 for older files of Excel, cp932 for Japanese ones), or `encoding:` in "
        "a mapping."
    )
    if path.name.lower().endswith(".rds"):
        hint = (
            f"Save one data frame alone. {IN_R} Texts of an old file may need "
            "`--encoding latin-1`."
        )
    return SurveyFileError(f"{path.name} cannot be read: {why}", hint)


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
    if path.name.lower().endswith(WORKSPACES):
        raise SurveyFileError(
            f"{path.name} holds objects of R by their names, expected one data frame.",
            f"Load it and save the people alone. {IN_R}",
        )
    raise SurveyFileError(
        f"{path.name} has an ending that is not known.",
        f"Expected one of {', '.join(SUFFIXES)}. Save it as one of these.",
    )


def _read(
    path: Path, suffix: str, encoding: str | None, sheet: str | None
) -> tuple[pd.DataFrame, Labels]:
    """The frame and labels of a file, by the reader of its format."""
    if suffix in OF_WORKBOOKS:
        workbook = read_workbook(path, sheet)
        return workbook.frame, workbook.labels
    if suffix in LABELLED:
        return _read_labelled(path, LABELLED[suffix], encoding)
    if suffix == ".parquet":
        return _read_parquet(path), {}
    return read_delimited(path, encoding), {}


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
    frame.columns = names
    if "listed" in frame.attrs:
        frame.attrs["listed"] = in_one_form(frame.attrs["listed"])
    for fact in ("missing", "titles"):
        by_column = frame.attrs.get(fact, {})
        frame.attrs[fact] = {in_one_form(c): own for c, own in by_column.items()}
    ordered = {in_one_form(c): _labels_in_order(codes) for c, codes in labels.items()}
    return frame, ordered


def _labels_in_order(labels: dict) -> dict:
    """Code -> label, in the order of the codes: numbers, then texts."""
    codes = sorted(labels, key=_place_of_code)
    texts = {code: plain(str(labels[code])) for code in codes}
    return {code: text for code, text in texts.items() if text}


def _place_of_code(code: Any) -> tuple[bool, float, str]:
    """By what codes are sorted: numbers by size, also where they are texts."""
    number = code
    if isinstance(code, str):
        spelt = code_of(code)
        if spelt is None:
            return True, 0.0, code
        number = float(spelt)
    return False, number, str(code)


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
    """Read SPSS, Stata, SAS or R in a process of its own: see `trustlib.labelled_reader`."""
    if reader == OF_R and find_spec("rdata") is None:
        raise SurveyFileError(
            f"{path.name} is a file of R, and the package that reads these is not "
            "installed.",
            f"Install the part r of this library (rdata). {IN_R}",
        )
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
