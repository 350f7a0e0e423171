"""From a survey file to a frame in codebook terms: levels in order, kinds of missing kept apart.

A *codebook* says which variables exist, their levels in order (the first is the reference) and what was asked.
A *mapping* says, for one file, which column and which answers make each variable. Whatever the mapping does not
declare is a fault, and all faults are reported together, before any number is computed.

A mapping is a YAML file::

    source: {id: hints6, kind: real, label: "HINTS 6, US adults, 2022"}
    codebook: ../codebook.yml          # relative to the mapping
    missing: {"Not ascertained": not ascertained}   # answers that mean missing in any column -> kind of missing
    variables:
      gender: {column: BirthGender, values: {Male: man, Female: woman}}
      mistrust: {column: TrustHCSystem, values: {Very: 0, Somewhat: 1}, missing: {Refused: prefer not to say}}
      disability:                      # yes if any column says yes; no if all say no; else missing
        any_of:
          - {column: Deaf, values: {"Yes": disabled, "No": not disabled}}
          - {column: Occ, values: {Selected: disabled, Not selected: not disabled}}
      unheard: {column: Q7_1, values: {Mentioned: 1}, blank: 0}   # a list on which only what was chosen is coded
    design: {weight: WT0, strata: STRATUM, psu: CLUSTER, nest: true,
             replicate_weights: {prefix: WT, count: 50}, replicate_method: JK1}

An answer is written as its value label, its text or its code; ``"[2] Female"`` names code and label where one alone
could mean two answers. Texts are compared in the Unicode form NFC without blanks at their ends. ``.a`` to ``.z`` are
the missing values of Stata. ``blank`` is for people without any answer, never for those declared missing. Levels stand
in the order of the mapping or codebook, else in that of the file (see `trustlib.ordering`).
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
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from trustlib import errors, yaml12
from trustlib.answers import (
    RESERVED,
    code_of,
    in_one_form,
    kinds_of,
    means_missing,
    numbers_of,
    plain,
)
from trustlib.disclosure import masked_count
from trustlib.errors import (
    CodebookError,
    SurveyFileError,
    one_line,
    raise_faults,
    unknown_name,
)
from trustlib.grouping import group_rows
from trustlib.ordering import as_pandas
from trustlib.variance import LONELY_PSU, REPLICATE_METHODS

if TYPE_CHECKING:
    from trustlib.forms import Design, MappingForm, Part, Rule, Variable

SUFFIXES = (".csv.gz", ".csv", ".sav", ".zsav", ".dta", ".parquet")
BLANK = "blank in the file"
DECLARED = "declared missing in the file"
_BOTH_MARKS = (
    "has points beside decimal commas, or points that may separate thousands; "
    "write its numbers in one way"
)
WEIGHTS = (
    1e-100,
    1e100,
)  # squares of others are no numbers any more; a weight of zero is allowed
READING = 900  # seconds for a file of SPSS or Stata; a damaged one may keep its reader busy forever
_DESIGN_NAMES = {
    "weight": "weight",
    "strata": "stratum",
    "psu": "psu",
    "fpc": "fpc",
}  # in a mapping, in a frame
_FORM = "Under `variables:` each has a column with values, or any_of. In a proposal, delete the # of what is right."


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file by the rules of `trustlib.yaml12`: ``Yes``, ``012``, ``1_000`` and dates stay texts.

    Raises
    ------
    MissingFileError, CodebookError
    """
    path = _existing(path, "file", "Check the spelling and the folder you run from.")
    try:
        return yaml12.load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        hint = "Open it in an editor and save it again with the encoding UTF-8."
        raise CodebookError(f"{path} is not text in UTF-8.", hint) from error
    except yaml.YAMLError as error:
        hint = "Mend the line and column named above."
        raise CodebookError(
            f"{path} is not valid YAML: {one_line(error, 300)}", hint
        ) from error


def _existing(path: Any, what: str, hint: str) -> Path:
    if isinstance(path, (str, Path)) and Path(path).is_dir():
        raise errors.MissingFileError(f"{path} is a folder.", "Name a file in it.")
    return errors.require_file(path, what, hint)


def load_codebook(path: str | Path) -> dict[str, Variable]:
    """Read a codebook: variable name -> `Variable`."""
    from trustlib import forms

    hint = "Under `variables:` each has a label, and a type or levels in order."
    return forms.read(
        forms.CodebookForm,
        load_yaml(path),
        f"{path} is not a codebook",
        CodebookError,
        hint,
    ).variables


def load_mapping(mapping: str | Path | dict) -> tuple[MappingForm, dict[str, Variable]]:
    """Read a mapping and the codebook it names; a mapping may also be given as a dict.

    Raises
    ------
    CodebookError
        Lists every fault of form: keys that are not known, lists where mappings are expected, and so on.
    """
    from trustlib import forms

    folder = Path.cwd()
    name = "The mapping"
    if isinstance(mapping, dict):
        raw = in_one_form(mapping)
    else:
        raw = load_yaml(mapping)
        name = str(mapping)
        folder = Path(mapping).resolve().parent
    read = forms.read(
        forms.MappingForm,
        raw,
        f"{name} is not a mapping of a survey file",
        CodebookError,
        _FORM,
    )
    return read, load_codebook(folder / read.codebook) if read.codebook else {}


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_table(
    path: str | Path, encoding: str | None = None
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Read a survey file as it is.

    Parameters
    ----------
    path : path
        One of .csv, .csv.gz, .sav, .zsav, .dta, .parquet.
    encoding : str, optional
        Of the texts; UTF-8 for CSV, the file's own declaration for .sav and .dta. CSV files have commas, or semicolons
        and then perhaps decimal commas, which stay in the texts (see `trustlib.answers.numbers_of`).

    Returns
    -------
    frame : DataFrame
        One row per person, numbered from 0. Columns of CSV files are texts; '' is a blank. What pandas kept in the
        index of a Parquet file comes back as columns, the last ones. Names of columns are in the Unicode form NFC.
        ``attrs["missing"]`` has the codes that an SPSS or Stata file declares missing and that occur, by column
        (``.a`` to ``.z`` of Stata are such codes); ``attrs["decimal"]`` what may stand before decimals.
    labels : dict
        Column -> {code: label}, for files that carry value labels, in the order of the codes.

    Raises
    ------
    MissingFileError
        There is no such file.
    SurveyFileError
        The ending is not known, or the file cannot be read or is damaged.
    """
    hint = "Check the spelling, or set TRUSTLIB_DATA to the folder that holds the download."
    path = _existing(path, "survey file", hint)
    suffix = next((s for s in SUFFIXES if path.name.lower().endswith(s)), None)
    if suffix is None:
        hint = f"Expected one of {', '.join(SUFFIXES)}. Save an Excel sheet as CSV, or from SPSS as .sav."
        raise SurveyFileError(f"{path.name} has an ending that is not known.", hint)
    labels: dict[str, dict] = {}
    try:
        if suffix in (".csv", ".csv.gz"):
            frame = _read_csv(path, encoding or "utf-8-sig")
        elif suffix == ".parquet":
            frame = _read_parquet(path)
        else:
            reader = "read_dta" if suffix == ".dta" else "read_sav"
            frame, labels = _read_labelled(path, reader, encoding)
    except SurveyFileError:
        raise
    except (
        Exception
    ) as error:  # each reader has its own exceptions, and all mean the same to the user
        hint = "Damaged, cut short or in another encoding? Name it: `--encoding latin-1`, or `encoding:` in a mapping."
        raise SurveyFileError(
            f"{path.name} cannot be read: {type(error).__name__}: {one_line(error)}",
            hint,
        ) from error
    if frame.empty:
        raise SurveyFileError(
            f"{path.name} holds no rows.", "Expected one row per person."
        )
    return _named(frame.reset_index(drop=True), labels, path.name)


def _named(
    frame: pd.DataFrame, labels: dict[str, dict], file: str
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Names of columns and labels in one Unicode form; two columns of one name are refused."""
    names = pd.Index([in_one_form(name) for name in frame.columns])
    if not names.is_unique:
        again = _first(sorted({repr(name) for name in names[names.duplicated()]}))
        text = (
            f"{file} has two columns named {again} (the index of pandas counts as a column, "
            "and two Unicode forms of a name are one)."
        )
        raise SurveyFileError(text, "Rename one of them.")
    declared = frame.attrs.get("missing", {})
    frame.columns = names
    frame.attrs["missing"] = {in_one_form(c): codes for c, codes in declared.items()}
    return frame, {
        in_one_form(column): _labels_in_order(codes) for column, codes in labels.items()
    }


def _labels_in_order(labels: dict) -> dict:
    """Code -> label, in the order of the codes: numbers, then texts."""
    codes = sorted(labels, key=lambda code: (isinstance(code, str), code))
    texts = {code: plain(str(labels[code])) for code in codes}
    return {code: text for code, text in texts.items() if text}


def _read_csv(path: Path, encoding: str) -> pd.DataFrame:
    mark = _separator(path, encoding)
    frame = pd.read_csv(
        path,
        sep=mark,
        dtype=str,
        keep_default_na=False,
        encoding=encoding,
    )
    frame.attrs["decimal"] = "," if mark == ";" else "."
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    table = pq.read_table(path, page_checksum_verification=True)
    # else a damaged text is found where it is first looked at
    table.validate(full=True)
    nested = [repr(f.name) for f in table.schema if _is_nested(f.type)]
    if nested:
        text = f"{path.name} holds lists or structures in {_first(nested)}, expected one answer in each place."
        hint = "Give each part a column of its own, or leave these out."
        raise SurveyFileError(text, hint)
    index, names = _index_of_pandas(table)
    frame = as_pandas(table, ignore_metadata=True)
    frame = frame.rename(columns=names)
    if index:
        frame = pd.concat([frame, pd.DataFrame(index, index=frame.index)], axis=1)
    return frame


def _is_nested(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _index_of_pandas(table: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """What pandas put into the index of its frame: named ranges, and new names of the columns it made for the rest."""
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


_CHILD = """
import io, pickle, string, sys, pyreadstat
read, source, said, more = getattr(pyreadstat, sys.argv[1]), sys.argv[2], -1, {}
if sys.argv[1] == "read_sav":
    with open(source, "rb") as stream:
        data = bytearray(stream.read())
    said = int.from_bytes(data[80:84], "little" if data[64:65] in (b"\\2", b"\\3") else "big", signed=True)
    data[80:84] = b"\\xff" * 4  # a number of people that is not known: the reader goes on to the end
    source, more = io.BytesIO(data), {"user_missing": True}
frame, meta = read(source, encoding=sys.argv[3] or None, **more)
labels = {c: dict(names) for c, names in meta.variable_value_labels.items()}

def bare(value):
    return value.rstrip(" ") if isinstance(value, str) else value

def told(c, v):
    return any(bare(r["lo"]) <= bare(v) <= bare(r["hi"]) for r in meta.missing_ranges[c])

missing = {c: [v for v in frame[c].dropna().unique() if told(c, v)] for c in meta.missing_ranges}
if sys.argv[1] == "read_dta":  # .a to .z, which one reading gives as letters, and the other as no value
    letters, kinds = read(source, encoding=sys.argv[3] or None, user_missing=True)
    for c in kinds.missing_user_values:
        lost = frame[c].isna() & letters[c].isin(list(string.ascii_lowercase))
        labels[c] = {"." + v if isinstance(v, str) else v: text for v, text in labels.get(c, {}).items()}
        if lost.any():
            frame[c] = frame[c].astype(object).mask(lost, "." + letters[c].astype(str))
            missing[c] = sorted(frame[c][lost].unique())
frame.attrs["missing"] = {c: found for c, found in missing.items() if found}
if said not in (-1, len(frame)):
    sys.exit(f"its header says {said} people, and it holds {len(frame)}")
pickle.dump((frame, labels), sys.stdout.buffer)
"""


def _read_labelled(
    path: Path, reader: str, encoding: str | None
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Read SPSS or Stata in a process of its own: on some damaged files the C reader kills the process it runs in.

    It also stops at the number of people in the header of an SPSS file, without a word if there are more.
    """
    known = (
        codecs.lookup(encoding).name if encoding else ""
    )  # ReadStat does not know latin-1, but iso8859-1
    command = [sys.executable, "-c", _CHILD, reader, str(path), known]
    done = subprocess.run(command, capture_output=True, check=False, timeout=READING)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [
            "the reader crashed"
        ]
        raise OSError(said[-1])
    return pickle.loads(done.stdout)  # of our own process


def _separator(path: Path, encoding: str) -> str:
    """What stands between the columns of a CSV file: a semicolon only if its first line has no comma.

    Refuse a file whose lines do not all have the fields of its header: pandas would shift or fill them.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with path.open("rb") as plain:
        if plain.read(4) in (b"$FL2", b"$FL3"):
            raise SurveyFileError(
                f"{path.name} is a file of SPSS.", "Let its name end in .sav."
            )
    with opened(path, "rt", encoding=encoding, newline="") as stream:  # type: ignore[operator]
        first = stream.readline()
        mark = (
            ";"
            if ";" in (bare := re.sub('"[^"]*"', "", first)) and "," not in bare
            else ","
        )
        lines = csv.reader(chain([first], stream), delimiter=mark, strict=True)
        header = next(lines, [])
        if not header:
            raise SurveyFileError(
                f"{path.name} is empty.",
                "Expected a line of column names and one line per person.",
            )
        if len(header) == 1 and any(other in header[0] for other in ";\t|"):
            raise SurveyFileError(
                f"{path.name} has no commas or semicolons between columns.",
                "Save it with commas.",
            )
        if repeated := sorted({repr(c) for c in header if header.count(c) > 1}):
            hint = "Rename the columns."
            raise SurveyFileError(
                f"{path.name} names these columns more than once: {', '.join(repeated)}.",
                hint,
            )
        uneven = [lines.line_num for line in lines if line and len(line) != len(header)]
    if uneven:
        n, at = len(uneven), uneven[0]
        text = f"{path.name} has {n} lines with more or fewer than {len(header)} fields, the first in line {at}."
        raise SurveyFileError(
            text, "The file is damaged or cut short. Download it again."
        )
    return mark


def _own_names(value: object) -> list[str]:
    """How an answer without a label is written: as it stands in the file; a number also as a whole number."""
    text = plain(str(value))
    if isinstance(value, (bool, np.bool_)):
        return [text, text.lower()]
    code = code_of(value)
    if code is None or isinstance(value, str):
        return [text]
    return [text, code]


def _names(value: object, labels: dict) -> list[list[str]]:
    """How an answer may be written in a mapping, the surest first.

    ``[2] Female``; its label, its text or for a number its code; for a text that spells a number this number.
    """
    own = _own_names(value)
    loose = [code_of(value) or own[0]]
    if value not in labels:
        return [own, loose]
    label = labels[value]
    return [[f"[{own[-1]}] {label}"], [label], own, loose]


def _first(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


@dataclass(frozen=True)
class _OfFile:
    """What a file says of one column: its labels, and the codes that it declares missing."""

    labels: dict
    missing: list

    def kind(self, answer: Any) -> str | None:
        """The kind of missing that the file gives a code: its label, and the code where that tells several apart."""
        if answer not in self.missing:
            return None
        if answer in self.labels:
            return str(self.labels[answer])
        unnamed = [code for code in self.missing if code not in self.labels]
        if len(unnamed) == 1:
            return DECLARED
        return f"{DECLARED} ({_own_names(answer)[-1]})"


class _Meanings:
    """What the answers of one column mean by one rule of a mapping, and what is wrong with them."""

    def __init__(self, part: Part, missing: dict[str, str], file: _OfFile) -> None:
        self.part = part
        self.file = file
        self.values = part.values or {}
        self.kinds = [part.missing, missing]
        self.faults: list[str] = []
        self.undeclared: list[str] = []

    def of(self, answer: Any) -> tuple[Any, str | None]:
        """The value of an answer and its kind of missing; one of the two is None."""
        names = _names(answer, self.file.labels)
        value = self._found(self.values, names)
        kind = self._found(self.part.missing, names)
        if value is not None and kind is not None:
            self.faults.append(
                f"{names[0][-1]!r} is declared as an answer and as missing"
            )
        if value is not None:
            return value, None
        for known in (kind, self._found(self.kinds[1], names), self.file.kind(answer)):
            if known is not None:
                return None, str(known)
        if plain(str(answer)) == "":
            return self.blank
        if self.part.values is not None:
            shown = self.file.labels.get(answer, names[0][0])
            self.undeclared.append(repr(shown[:60]))
            return None, None
        return plain(answer) if isinstance(answer, str) else answer, None

    @property
    def blank(self) -> tuple[Any, str | None]:
        """What it means to have given no answer."""
        if self.part.blank is not None:
            return self.part.blank, None
        for kinds in self.kinds:
            if "" in kinds:
                return None, str(kinds[""])
        return None, BLANK

    def _found(self, meanings: dict[str, Any], names: list[list[str]]) -> Any:
        """What the surest of some names means."""
        for level in names:
            named = [name for name in dict.fromkeys(level) if name in meanings]
            found = {str(meanings[name]): meanings[name] for name in named}
            if len(found) > 1:
                both = " and ".join(map(repr, named))
                self.faults.append(f"{both} are one answer, with different meanings")
            if found:
                return next(iter(found.values()))
        return None

    def check(self, answers: list[Any]) -> None:
        """Find keys that could mean two answers: a code and another's label, or a number in two spellings."""
        labels = self.file.labels
        known = [*labels, *(answer for answer in answers if answer not in labels)]
        declared = {*self.values, *self.kinds[0], *self.kinds[1]}
        for key in sorted(declared):
            labelled = {code for code, label in labels.items() if label == key}
            coded = {answer for answer in known if key in _own_names(answer)}
            if labelled and coded and labelled != coded:
                self.faults.append(
                    f"{key!r} is the code of one answer and the label of another; write '[code] label'"
                )
            texts = {
                plain(a) for a in known if isinstance(a, str) and code_of(a) == key
            }
            unclear = {text for text in texts if text == key or text not in declared}
            if unclear - {key} and len(unclear) > 1:
                both = " and ".join(map(repr, sorted(unclear)))
                self.faults.append(
                    f"{key!r} may mean {both}; declare each as it is written in the file"
                )


def _translate(
    raw: pd.Series,
    part: Part,
    missing: dict[str, str],
    file: _OfFile,
    name: str,
    faults: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """One column through one rule: codebook values (None where missing), and the kind of missing (None elsewhere)."""
    codes, distinct = pd.factorize(raw, use_na_sentinel=True)
    meanings = _Meanings(part, missing, file)
    translated = [meanings.of(answer) for answer in distinct]
    translated.append(meanings.blank)  # what factorize codes as -1
    meanings.check(list(distinct))
    place = f"variable {name}: column {raw.name}"
    faults += [f"{place}: {fault}" for fault in dict.fromkeys(meanings.faults)]
    if meanings.undeclared:
        listed = _first(meanings.undeclared)
        faults.append(f"{place} has answers that are not declared: {listed}")
    values, kinds_of_missing = (
        np.array(side, dtype=object)[codes] for side in zip(*translated, strict=True)
    )
    return values, kinds_of_missing


def _any_of(
    parts: list[tuple[np.ndarray, np.ndarray]], positive: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Positive if any part is; missing if none is and some part is missing; else the first part's value."""
    value, kind = parts[0][0].copy(), parts[0][1].copy()
    for other, other_kind in parts[1:]:
        value[pd.isna(other) & (value != positive)] = None
        value[other == positive] = positive
        unknown = pd.isna(kind)
        kind[unknown] = other_kind[unknown]
    kind[pd.notna(value)] = None
    return value, kind


def _typed(
    value: np.ndarray,
    variable: Variable,
    declared: set,
    order: list[str] | None,
    decimal: str,
    name: str,
) -> tuple[pd.Series, list[str]]:
    """Codebook values as a pandas column of the variable's type, and the faults of undeclared ones.

    `declared` values were checked before; `order` is that of the file, if it has one.
    """
    given = pd.Series(value, dtype=object)
    if variable.type in ("binary", "number"):
        return _as_numbers(given, variable, decimal, name)
    texts = given.map(str, na_action="ignore")
    found = set(texts.dropna())
    levels = list(variable.levels)
    if not levels:
        levels = [level for level in order or sorted(found) if level in found]
        levels += sorted(found - set(levels))
    extra = sorted(found - set(levels) - declared)
    faults = []
    if extra:
        faults.append(
            f"variable {name}: {extra} are not levels; the levels are {levels}"
        )
    kept = texts.where(texts.isin(levels))
    return pd.Series(pd.Categorical(kept, categories=levels)), faults


def _as_numbers(
    given: pd.Series, variable: Variable, decimal: str, name: str
) -> tuple[pd.Series, list[str]]:
    try:
        column = numbers_of(given, decimal)
    except ValueError:
        return given, [f"variable {name}: {_BOTH_MARKS}"]
    faults = []
    bad = given[given.notna() & ~np.isfinite(column)]
    if len(bad):
        listed = _first([repr(str(answer)[:60]) for answer in bad])
        faults.append(f"variable {name}: has answers that are not numbers: {listed}")
    known = column[np.isfinite(column)]
    if variable.type == "binary" and not known.isin([0, 1]).all():
        faults.append(f"variable {name}: holds numbers other than 0 and 1; give values")
    return column, faults


def declared_design(
    mapping: str | Path | dict, variance: str | None = None
) -> dict[str, Any]:
    """The keyword arguments of `SurveyDesign` that a mapping declares for its file.

    Parameters
    ----------
    mapping : path or dict
    variance : {"taylor", "replicates", "weights"}, optional
        Strata and PSUs, replicate weights, or neither (as if people were drawn one by one). By default replicate
        weights if the mapping declares them and neither strata nor PSUs, else Taylor linearisation.

    Returns
    -------
    dict
        ``SurveyDesign(frame, **declared_design(mapping))``.
    """
    declared = load_mapping(mapping)[0].design.model_dump(exclude_none=True)
    replicates = declared.pop("replicate_weights")
    options: dict[str, Any] = {"weight": "weight" if "weight" in declared else None}
    variance = variance or (
        "taylor" if {"strata", "psu"} & {*declared} or not replicates else "replicates"
    )
    errors.require_names(
        "kind of variance", [variance], ("taylor", "replicates", "weights")
    )
    if variance == "taylor":
        options |= {
            key: own
            for key, own in _DESIGN_NAMES.items()
            if key in declared and key != "weight"
        }
        options |= {
            key: declared[key] for key in ("nest", "lonely_psu") if key in declared
        }
    elif variance == "replicates":
        if not replicates:
            raise CodebookError(
                "The mapping declares no replicate weights.",
                "Add `replicate_weights:` to its design.",
            )
        options["replicate_weights"] = [
            f"weight_{i}" for i in range(1, len(replicates) + 1)
        ]
        options |= {
            key: value
            for key, value in declared.items()
            if key.startswith("replicate_")
        }
    return options


def read_survey(
    path: str | Path, mapping: str | Path | dict | None = None
) -> pd.DataFrame:
    """Read a survey file into codebook terms.

    Parameters
    ----------
    path : path
        .csv, .csv.gz, .sav, .zsav, .dta or .parquet, one row per person.
    mapping : path or dict, optional
        How the file's columns and answers become codebook variables; see the module documentation. Without it the
        file is returned as it is, value labels applied as categories in the order of their codes (not in a column that
        gives two codes the same label, or holds codes without one).

    Returns
    -------
    DataFrame
        One row per person, in the file's order. Categories have their levels in codebook order; outcomes are 0/1
        floats with NaN for missing; ``<variable>_missing`` names the kind of missing where there is any; design
        columns are ``weight``, ``stratum``, ``psu``, ``fpc`` and ``weight_1`` ... ``weight_R``.
        ``frame.attrs`` holds ``source`` (id, kind, label) and ``labels``.

    Raises
    ------
    CodebookError
        Lists every fault: undeclared answers, unknown columns or variables, bad weights, rules of the design that do
        not exist. `MissingFileError` and `SurveyFileError` are kinds of it.

    Notes
    -----
    R: ``haven::read_sav`` or ``read.csv``, then ``factor(x, levels =, labels =)`` for each variable.
    """
    if mapping is None:
        return _as_it_is(path)
    plan, codebook = load_mapping(mapping)
    raw, value_labels = read_table(path, plan.encoding)
    faults: list[str] = []
    out: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for name, rule in plan.variables.items():
        if not _may_name(name):
            faults.append(
                f"variable {name}: results or formulas cannot have a column of this name; choose another"
            )
        if name in out:
            faults.append(
                f"variable {name}: the kind of missing of another variable has this name; choose another"
            )
        variable = _variable(name, rule, codebook, faults)
        labels[name] = variable.label or name
        columns = _Columns(raw, value_labels, plan.missing)
        out |= columns.variable(name, rule, variable, name in codebook, faults)
    of_design = _design_columns(raw, plan.design, plan.missing, faults)
    both = sorted(set(out) & set(of_design))
    faults += [
        f"variable {name}: a column of the design has this name; choose another"
        for name in both
    ]
    hint = "Declare each answer under `values:` or `missing:`, and check the spelling of columns."
    raise_faults(
        CodebookError, f"{Path(path).name} does not fit its mapping", faults, hint
    )
    frame = pd.DataFrame(out | of_design)
    frame.attrs = {
        "source": plan.source.model_dump(exclude_none=True),
        "labels": labels,
    }
    return frame


def _may_name(name: str) -> bool:
    """Whether a variable may have this name: not one of results, and one that can be quoted in a formula."""
    if name in RESERVED or name.startswith(("_", "^")):
        return False
    return bool(name.strip()) and not set(name) & set("`\\*\n\r\t")


@dataclass(frozen=True)
class _Columns:
    """The columns of a file, and what its mapping says of all of them."""

    raw: pd.DataFrame
    labels: dict[str, dict]
    missing: dict[str, str]

    def variable(
        self, name: str, rule: Rule, variable: Variable, known: bool, faults: list[str]
    ) -> dict[str, pd.Series]:
        """One variable of the mapping and its kinds of missing; `known` if the codebook has it."""
        raw = self.raw
        wanted = [(part.column or name, part) for part in rule.parts]
        there = [(column, part) for column, part in wanted if column in raw.columns]
        absent = [column for column, _ in wanted if column not in raw.columns]
        for column in absent:
            fault = unknown_name("column", column, raw.columns)
            faults.append(f"variable {name}: {one_line(fault, 999)}")
        if not there:
            return {}
        pattern, row = group_rows([raw[column] for column in dict(there)], len(raw))
        parts = [
            _translate(
                raw[column].iloc[row],
                part,
                self.missing,
                self.of_file(column),
                name,
                faults,
            )
            for column, part in there
        ]
        first = pd.Series(parts[0][0], dtype=object)
        if not (known or variable.levels or rule.targets) and _spells_numbers(first):
            variable = variable.model_copy(update={"type": "binary"})
        positive: Any = next(reversed(variable.levels), None)
        if variable.type == "binary":
            positive = 1
        value, kind = _any_of(parts, positive)
        if rule.missing_as is not None:
            value[pd.isna(value)] = rule.missing_as
            kind[:] = None
        order = _own_order(raw[there[0][0]])
        decimal = raw.attrs.get("decimal", ".")
        typed, more = _typed(value, variable, _targets(rule), order, decimal, name)
        faults += more
        out = {name: typed[pattern].reset_index(drop=True)}
        if pd.notna(kind).any():
            out[f"{name}_missing"] = pd.Series(pd.Categorical(kind)[pattern])
        return out

    def of_file(self, column: str) -> _OfFile:
        """What the file says of a column."""
        declared = self.raw.attrs.get("missing", {}).get(column, [])
        return _OfFile(self.labels.get(column, {}), list(declared))


def _own_order(column: pd.Series) -> list[str] | None:
    """The levels of a column in the file's own order, as texts, if it has one."""
    if column.dtype != "category":
        return None
    texts = [plain(str(level)) for level in column.cat.categories]
    return list(dict.fromkeys(texts))


def _as_it_is(path: str | Path) -> pd.DataFrame:
    """A survey file without a mapping: labels where each answer has its own, numbers where a CSV column holds these."""
    frame, value_labels = read_table(path)
    for column, codes in frame.attrs.pop("missing", {}).items():
        kept = frame[column].mask(frame[column].isin(codes))
        frame[column] = kept.infer_objects()
    decimal = frame.attrs.pop("decimal", None)
    for column, names in value_labels.items():
        found = frame[column].dropna().unique()
        if len(set(names.values())) == len(names) and set(found) <= set(names):
            texts = frame[column].map(names)
            frame[column] = pd.Categorical(texts, categories=list(names.values()))
    if decimal is not None:
        frame = frame.apply(_numbers_where_possible)
    return frame.apply(_in_one_form)


def _in_one_form(column: pd.Series) -> pd.Series:
    """Texts in the Unicode form NFC."""
    if column.dtype == "category":
        renamed = [in_one_form(level) for level in column.cat.categories]
        if renamed == list(column.cat.categories):
            return column
        order = list(dict.fromkeys(renamed))
        texts = column.astype(object).map(in_one_form)
        return pd.Series(pd.Categorical(texts, categories=order), column.index)
    if column.dtype != object and not isinstance(column.dtype, pd.StringDtype):
        return column
    changed = {
        v: in_one_form(v) for v in column.dropna().unique() if isinstance(v, str)
    }
    changed = {before: after for before, after in changed.items() if before != after}
    return column.replace(changed) if changed else column


def _spells_numbers(column: pd.Series) -> bool:
    """Whether all values are numbers or booleans, or texts that spell numbers."""
    return bool(np.isfinite(numbers_of(column.dropna())).all())


def _numbers_where_possible(column: pd.Series) -> pd.Series:
    """A column of texts as numbers, if all are such; codes with leading zeros stay texts, and blanks are missing."""
    filled = column.replace("", None)
    texts = filled.dropna()
    if texts.str.contains(r"^\s*[+-]?0[0-9]").any() or not _spells_numbers(texts):
        return filled
    return pd.to_numeric(filled)


def _variable(
    name: str, rule: Rule, codebook: dict[str, Variable], faults: list[str]
) -> Variable:
    """The codebook's variable, with the label and levels that this source declares for itself."""
    from trustlib import forms

    if codebook and name not in codebook:
        faults.append(one_line(unknown_name("codebook variable", name, codebook)))
    known = codebook.get(name) or forms.Variable()
    own = known.model_copy(
        update={
            "label": rule.label or known.label,
            "levels": rule.levels or known.levels,
        }
    )
    if name not in codebook and rule.targets and set(rule.targets) <= {0, 1}:
        return own.model_copy(update={"type": "binary", "levels": []})
    if own.type != "category":
        return own
    extra = sorted(_targets(rule) - set(own.levels))
    if own.levels and extra:
        faults.append(
            f"variable {name}: {extra} are not levels; the levels are {own.levels}"
        )
    if rule.any_of and len(own.levels) != 2:
        faults.append(
            f"variable {name}: any_of needs two levels in order, the second for 'any'; got {own.levels}"
        )
    return (
        own if own.levels else own.model_copy(update={"levels": _levels_of_rule(rule)})
    )


def _levels_of_rule(rule: Rule) -> list[str]:
    """The values that a rule gives, in its order; none if it takes the answers as they are."""
    if not rule.targets:
        return []
    given = (
        rule.targets if rule.missing_as is None else [*rule.targets, rule.missing_as]
    )
    return list(dict.fromkeys(map(str, given)))


def _targets(rule: Rule) -> set[str]:
    """The values that a rule gives to people, as texts."""
    return {
        str(value) for value in (*rule.targets, rule.missing_as) if value is not None
    }


def _design_columns(
    raw: pd.DataFrame, design: Design, missing: dict[str, str], faults: list[str]
) -> dict[str, pd.Series]:
    """Weights as numbers, strata and PSUs as they are, under the names of the codebook."""
    rules = [
        ("lonely-PSU rule", design.lonely_psu, LONELY_PSU),
        ("replicate method", design.replicate_method, REPLICATE_METHODS),
    ]
    for kind, rule, known in rules:
        if rule not in (None, *known):
            faults.append(f"design: {one_line(unknown_name(kind, rule, known))}")
    named = {own: getattr(design, key) for key, own in _DESIGN_NAMES.items()}
    wanted = {own: column for own, column in named.items() if column is not None}
    for i, column in enumerate(design.replicate_weights, 1):
        wanted[f"weight_{i}"] = column
    out: dict[str, pd.Series] = {}
    for own, column in wanted.items():
        if column not in raw.columns:
            fault = unknown_name("column", column, raw.columns)
            faults.append(f"design: {one_line(fault, 999)}")
            continue
        declared = [*missing, *raw.attrs.get("missing", {}).get(column, [])]
        if own in ("stratum", "psu"):
            out[own], found = _units_of(raw[column], own, declared)
        else:
            decimal = raw.attrs.get("decimal", ".")
            signed = own.startswith("weight_") and design.replicate_scale is not None
            out[own], found = _weights_of(raw[column], own, declared, decimal, signed)
        faults += found
    return out


def _declared_missing(column: pd.Series, declared: list) -> pd.Series:
    """Who has an answer that the mapping or the file declares missing."""
    names = {plain(str(answer)) for answer in declared}
    values = column.dropna().unique()
    lost = [
        value
        for value in values
        if value in declared or names & {*_own_names(value), code_of(value)}
    ]
    return column.isin(lost)


def _units_of(
    column: pd.Series, own: str, declared: list
) -> tuple[pd.Series, list[str]]:
    """Strata or PSUs, texts in one form; a text that means missing is none."""
    values = column.dropna().unique()
    blank = column.isna() | column.isin([v for v in values if means_missing(v)])
    blank |= _declared_missing(column, declared)
    faults = []
    if blank.any():
        people = masked_count(int(blank.sum()))
        faults.append(
            f"design: {people} people have no value in column {column.name} ({own}), or one that means missing"
        )
    kinds = kinds_of(values)
    if len(kinds) > 1:
        faults.append(
            f"design: column {column.name} ({own}) mixes {' and '.join(kinds)}"
        )
    texts = {value: plain(value) for value in values if isinstance(value, str)}
    texts = {before: after for before, after in texts.items() if before != after}
    if texts:
        column = column.astype(object).replace(texts)
    return column, faults


def _weights_of(
    column: pd.Series, own: str, declared: list, decimal: str, signed: bool = False
) -> tuple[pd.Series, list[str]]:
    """Weights or population sizes as numbers; `signed` replicates may be below zero."""
    try:
        number = numbers_of(column, decimal)
    except ValueError:
        return column, [f"design: column {column.name} {_BOTH_MARKS}"]
    lost = number.isin(numbers_of(pd.Series(declared, dtype=object)).dropna())
    faults = []
    if lost.any():
        people = masked_count(int(lost.sum()))
        faults.append(
            f"design: {people} values of {column.name} ({own}) are declared missing"
        )
    unknown = int(number.isna().sum())
    if unknown:
        faults.append(
            f"design: {unknown} values of {column.name} are blank or not numbers"
        )
    size = number.abs() if signed else number
    absurd = number.notna() & (number != 0) & ~size.between(*WEIGHTS)
    if own != "fpc" and absurd.any():
        faults.append(
            f"design: {absurd.sum()} values of {column.name} ({own}) are negative or absurd; weights are 0 or more"
        )
    return number, faults
