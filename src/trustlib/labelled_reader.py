"""Read one file of SPSS, Stata, SAS or R and write it, pickled, to the standard output.

This is a program of its own: on some damaged files the C reader kills the process it
runs in, or never ends. `trustlib.files` starts it::

    python -m trustlib.labelled_reader READER FILE ENCODING

READER is the function of pyreadstat that reads such files, or `read_rds` (`READERS`).
ENCODING is that of the texts, or empty for what the file declares. What is written are
the frame and the value labels: column -> {code: label}. ``attrs["missing"]`` of the
frame has the codes that the file declares missing and that occur.
"""

from __future__ import annotations

import io
import pickle
import string
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from trustlib.masking import foreign
from trustlib.r_reader import bound_memory, read_rds

Labels = dict[str, dict]
PEOPLE = slice(80, 84)  # where the header of an SPSS file says how many there are
LAYOUT = slice(64, 65)  # where it says in which order bytes stand
LITTLE_ENDIAN = (b"\2", b"\3")
NOT_KNOWN = b"\xff" * 4
SMALLEST_OF_SAS = 1e-70  # numbers below stand for zero
OURS = "trustlib: "  # how a line begins that `trustlib.files` may repeat


def read_spss(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read a file of SPSS to its end, whatever its header says of its length.

    The reader would stop at the number of people in the header, without a word if there
    are more. So the number is hidden from it, and compared with what was read.

    Parameters
    ----------
    path : str
    encoding : str, optional

    Returns
    -------
    frame : DataFrame
    labels : dict
    """
    import pyreadstat

    content = bytearray(Path(path).read_bytes())
    order = "little" if content[LAYOUT] in LITTLE_ENDIAN else "big"
    people = int.from_bytes(content[PEOPLE], order, signed=True)  # type: ignore[arg-type]
    content[PEOPLE] = NOT_KNOWN
    stream = io.BytesIO(content)
    frame, meta = pyreadstat.read_sav(stream, encoding=encoding, user_missing=True)
    if people not in (-1, len(frame)):
        sys.exit(f"{OURS}its header says {people} people, and it holds {len(frame)}")
    frame.attrs["missing"] = _without_empty(_declared_missing(frame, meta))
    return _with_titles(frame, meta), _labels(meta)


def read_stata(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read a file of Stata, its missing values ``.a`` to ``.z`` kept apart.

    One reading gives these as letters, and the other as no value.

    Parameters
    ----------
    path : str
    encoding : str, optional

    Returns
    -------
    frame : DataFrame
    labels : dict
    """
    import pyreadstat

    frame, meta = pyreadstat.read_dta(path, encoding=encoding)
    labels = _labels(meta)
    missing = _declared_missing(frame, meta)
    letters, kinds = pyreadstat.read_dta(path, encoding=encoding, user_missing=True)
    for column in kinds.missing_user_values:
        codes = labels.get(column, {})
        labels[column] = {_with_point(code): text for code, text in codes.items()}
        lost = frame[column].isna()
        lost &= letters[column].isin(list(string.ascii_lowercase))
        if lost.any():
            pointed = "." + letters[column].astype(str)
            frame[column] = frame[column].astype(object).mask(lost, pointed)
            missing[column] = sorted(frame[column][lost].unique())
    frame.attrs["missing"] = _without_empty(missing)
    return _with_titles(frame, meta), labels


def read_portable(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read a portable file of SPSS, which has an encoding of its own.

    Its reader knows no values declared missing: they stay answers, which the mapping has
    to declare.

    Parameters
    ----------
    path : str
    encoding : str, optional

    Returns
    -------
    frame : DataFrame
    labels : dict
    """
    import pyreadstat

    frame, meta = pyreadstat.read_por(path)
    return _with_titles(frame, meta), _labels(meta)


def read_transport(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read a transport file of SAS, as NHANES and BRFSS have them.

    A zero that SAS has written as the smallest of its numbers is a zero.

    Parameters
    ----------
    path : str
    encoding : str, optional

    Returns
    -------
    frame : DataFrame
    labels : dict
    """
    import pyreadstat

    frame, meta = pyreadstat.read_xport(path, encoding=encoding)
    for column in frame.select_dtypes("number"):
        frame[column] = frame[column].mask(frame[column].abs() < SMALLEST_OF_SAS, 0)
    return _with_titles(frame, meta), _labels(meta)


def read_sas(path: str, encoding: str | None) -> tuple[pd.DataFrame, Labels]:
    """Read a data set of SAS, with the catalogue of labels that lies beside it.

    Its missing values ``.A`` to ``.Z`` are kept apart.

    Parameters
    ----------
    path : str
        A catalogue has the same name, and ends in ``.sas7bcat``.
    encoding : str, optional

    Returns
    -------
    frame : DataFrame
    labels : dict
    """
    import pyreadstat

    catalogue = Path(path).with_suffix(".sas7bcat")
    options: dict[str, Any] = {"encoding": encoding}
    if catalogue.is_file():
        options |= {"catalog_file": str(catalogue), "formats_as_category": False}
    frame, meta = pyreadstat.read_sas7bdat(path, **options)
    letters, kinds = pyreadstat.read_sas7bdat(
        path, encoding=encoding, user_missing=True
    )
    missing: dict[str, list] = {}
    for column in getattr(kinds, "missing_user_values", {}):
        lost = frame[column].isna() & letters[column].isin(list(string.ascii_uppercase))
        if lost.any():
            pointed = "." + letters[column].astype(str).str.lower()
            frame[column] = frame[column].astype(object).mask(lost, pointed)
            missing[column] = sorted(frame[column][lost].unique())
    frame.attrs["missing"] = _without_empty(missing)
    return _with_titles(frame, meta), _labels(meta)


READERS = {
    "read_sav": read_spss,
    "read_por": read_portable,
    "read_dta": read_stata,
    "read_xport": read_transport,
    "read_sas7bdat": read_sas,
    "read_rds": read_rds,
}


def _with_titles(frame: pd.DataFrame, meta: Any) -> pd.DataFrame:
    """A frame with the labels of its columns."""
    titles = meta.column_names_to_labels
    frame.attrs["titles"] = {c: title for c, title in titles.items() if title}
    return frame


def _labels(meta: Any) -> Labels:
    """Column -> {code: label}."""
    return {c: dict(labels) for c, labels in meta.variable_value_labels.items()}


def _with_point(code: Any) -> Any:
    """A code as Stata writes it: letters are missing values."""
    if isinstance(code, str):
        return f".{code}"
    return code


def _declared_missing(frame: pd.DataFrame, meta: Any) -> dict[str, list]:
    """The codes that a file declares missing and that occur, by column."""
    return {
        column: [v for v in frame[column].dropna().unique() if _is_within(v, ranges)]
        for column, ranges in meta.missing_ranges.items()
    }


def _is_within(value: Any, ranges: list[dict]) -> bool:
    """Whether a value lies in one of some ranges, ends included."""
    bare = _bare(value)
    return any(_bare(r["lo"]) <= bare <= _bare(r["hi"]) for r in ranges)


def _bare(value: Any) -> Any:
    """A text without the blanks that SPSS fills it with."""
    if isinstance(value, str):
        return value.rstrip(" ")
    return value


def _without_empty(missing: dict[str, list]) -> dict[str, list]:
    return {column: codes for column, codes in missing.items() if codes}


if __name__ == "__main__":
    reader, file, encoding = sys.argv[1:4]
    if reader == "read_rds":
        bound_memory()
    try:
        read = READERS[reader](file, encoding or None)
    except Exception as error:
        sys.exit(f"{OURS}{foreign(error)}")
    pickle.dump(read, sys.stdout.buffer)
