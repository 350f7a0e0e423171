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
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import pickle
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from trustlib import errors
from trustlib.errors import (
    CodebookError,
    SurveyFileError,
    one_line,
    raise_faults,
    unknown_name,
)
from trustlib.grouping import group_rows
from trustlib.variance import LONELY_PSU, REPLICATE_METHODS

if TYPE_CHECKING:
    from trustlib.forms import Design, MappingForm, Part, Rule, Variable

SUFFIXES = (".csv.gz", ".csv", ".sav", ".zsav", ".dta", ".parquet")
BLANK = "blank in the file"
_DECIMAL = r"(-?\d+(,\d+)?)?"
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


class _Yaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the one in C is ten times as fast
    """YAML in which Yes, No, On and Off are texts, as survey answers are; only true and false are booleans."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Refuse a key that is written twice: plain YAML would silently keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Yaml.yaml_implicit_resolvers = {
    first: [
        (tag, rule)
        for tag, rule in rules
        if tag != "tag:yaml.org,2002:bool" or first in "tTfF"
    ]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file in which ``Yes`` and ``No`` stay texts.

    Raises
    ------
    MissingFileError, CodebookError
    """
    path = _existing(path, "file", "Check the spelling and the folder you run from.")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)
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

    folder, name, raw = Path.cwd(), "The mapping", mapping
    if not isinstance(mapping, dict):
        raw, name, folder = (
            load_yaml(mapping),
            str(mapping),
            Path(mapping).resolve().parent,
        )
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
        and then perhaps decimal commas, which become points.

    Returns
    -------
    frame : DataFrame
        One row per person. Columns of CSV files are texts; '' is a blank. ``attrs["missing"]`` has the codes that an
        SPSS file declares missing and that occur, by column.
    labels : dict
        Column -> {code: label}, for files that carry value labels.

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
    try:
        if suffix in (".csv", ".csv.gz"):
            encoding = encoding or "utf-8-sig"
            mark, labels = _separator(path, encoding), dict[str, dict]()
            frame = pd.read_csv(
                path, sep=mark, dtype=str, keep_default_na=False, encoding=encoding
            )
            if mark == ";":
                frame = frame.apply(
                    lambda c: (
                        c.str.replace(",", ".")
                        if c.str.fullmatch(_DECIMAL).all()
                        else c
                    )
                )
        elif suffix == ".parquet":
            import pyarrow.parquet as pq

            table = pq.read_table(path, page_checksum_verification=True)
            table.validate(
                full=True
            )  # else a damaged text is found where it is first looked at
            if nested := [repr(f.name) for f in table.schema if f.type.num_fields]:
                text = f"{path.name} holds lists or structures in {_first(nested)}, expected one answer in each place."
                raise SurveyFileError(
                    text, "Give each part a column of its own, or leave these out."
                )
            frame, labels = table.to_pandas(), {}
        else:
            frame, labels = _read_labelled(
                path, "read_dta" if suffix == ".dta" else "read_sav", encoding
            )
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
    return frame, labels


_CHILD = """
import io, pickle, sys, pyreadstat
read, source, said, more = getattr(pyreadstat, sys.argv[1]), sys.argv[2], -1, {}
if sys.argv[1] == "read_sav":
    with open(source, "rb") as stream:
        data = bytearray(stream.read())
    said = int.from_bytes(data[80:84], "little" if data[64:65] in (b"\\2", b"\\3") else "big", signed=True)
    data[80:84] = b"\\xff" * 4  # a number of people that is not known: the reader goes on to the end
    source, more = io.BytesIO(data), {"user_missing": True}
frame, meta = read(source, encoding=sys.argv[3] or None, **more)
told = lambda c, v: any(r["lo"] <= v <= r["hi"] for r in meta.missing_ranges[c])
frame.attrs["missing"] = {c: [v for v in frame[c].dropna().unique() if told(c, v)] for c in meta.missing_ranges}
if said not in (-1, len(frame)):
    sys.exit(f"its header says {said} people, and it holds {len(frame)}")
pickle.dump((frame, dict(meta.variable_value_labels)), sys.stdout.buffer)
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


def _spellings(value: object, labels: dict) -> list[str]:
    """How an answer may be written in a mapping: its label, its text, its code."""
    names = [str(labels[value])] if value in labels else []
    names.append(str(value).strip())
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return names
    return (
        [*names, str(int(number))]
        if np.isfinite(number) and number == int(number)
        else names
    )


def _first(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def _translate(
    raw: pd.Series,
    part: Part,
    missing: dict[str, str],
    labels: dict,
    name: str,
    faults: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """One column through one rule: codebook values (None where missing), and the kind of missing (None elsewhere)."""
    kinds = missing | {answer: str(kind) for answer, kind in part.missing.items()}
    codes, distinct = pd.factorize(raw, use_na_sentinel=True)
    translated: list[tuple[Any, Any]] = []
    undeclared: list[str] = []
    for answer in distinct:
        spelt = _spellings(answer, labels)
        kind = next(
            (kinds[s] for s in spelt if s in kinds), BLANK if spelt[-1] == "" else None
        )
        if part.values is None:
            value = answer if kind is None else None
        else:
            value = next((part.values[s] for s in spelt if s in part.values), None)
        value = part.blank if value is None and kind == BLANK else value
        if value is None and kind is None:
            undeclared.append(repr(spelt[0][:60]))
        translated.append((value, kind if value is None else None))
    if undeclared:
        faults.append(
            f"variable {name}: column {raw.name} has answers that are not declared: {_first(undeclared)}"
        )
    translated.append(
        (part.blank, BLANK if part.blank is None else None)
    )  # what factorize codes as -1
    values, kinds_of = (
        np.array(side, dtype=object)[codes] for side in zip(*translated, strict=True)
    )
    return values, kinds_of


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
    value: np.ndarray, variable: Variable, declared: set, name: str, faults: list[str]
) -> pd.Series:
    """Codebook values as a pandas column of the variable's type; `declared` values were checked before."""
    given = pd.Series(value, dtype=object)
    if variable.type in ("binary", "number"):
        column = pd.to_numeric(given, errors="coerce").astype(float)
        if bad := [
            repr(str(answer)[:60]) for answer in given[given.notna() & column.isna()]
        ]:
            faults.append(
                f"variable {name}: has answers that are not numbers: {_first(bad)}"
            )
        if variable.type == "binary" and not column.dropna().isin([0, 1]).all():
            faults.append(
                f"variable {name}: holds numbers other than 0 and 1; give values"
            )
        return column
    texts = given.map(str, na_action="ignore")
    levels = list(variable.levels or texts.dropna().unique())
    if extra := sorted(set(texts.dropna()) - set(levels) - declared):
        faults.append(
            f"variable {name}: {extra} are not levels; the levels are {levels}"
        )
    return pd.Series(pd.Categorical(texts.where(texts.isin(levels)), categories=levels))


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
        file is returned as it is, value labels applied (not in a column that gives two codes the same label).

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
        variable = _variable(name, rule, codebook, faults)
        wanted = [(part.column or name, part) for part in rule.parts]
        there = [(column, part) for column, part in wanted if column in raw.columns]
        absent = [
            unknown_name("column", column, raw.columns)
            for column, _ in wanted
            if column not in raw.columns
        ]
        faults += [f"variable {name}: {one_line(fault, 999)}" for fault in absent]
        if not there:
            continue
        pattern, row = group_rows([raw[column] for column in dict(there)], len(raw))
        parts = []
        for column, part in there:
            known, declared = (
                value_labels.get(column, {}),
                raw.attrs.get("missing", {}).get(column, []),
            )
            own = {
                _spellings(v, {})[-1]: str(known.get(v, "declared missing in the file"))
                for v in declared
            }
            parts.append(
                _translate(
                    raw[column].iloc[row], part, own | plan.missing, known, name, faults
                )
            )
        if name in out:
            faults.append(
                f"variable {name}: the kind of missing of another variable has this name; choose another"
            )
        numbers = _numbers_where_possible(
            pd.Series(parts[0][0], dtype=object)
        ).dtype in (bool, float, int)
        if name not in codebook and not (variable.levels or rule.targets) and numbers:
            variable = variable.model_copy(update={"type": "binary"})
        value, kind = _any_of(
            parts,
            1 if variable.type == "binary" else next(reversed(variable.levels), None),
        )
        if rule.missing_as is not None:
            value[pd.isna(value)] = rule.missing_as
            kind[:] = None
        out[name] = _typed(value, variable, _targets(rule), name, faults)[
            pattern
        ].reset_index(drop=True)
        labels[name] = variable.label or name
        if pd.notna(kind).any():
            out[f"{name}_missing"] = pd.Series(pd.Categorical(kind)[pattern])
    of_design = _design_columns(raw, plan.design, faults)
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


def _as_it_is(path: str | Path) -> pd.DataFrame:
    """A survey file without a mapping: labels where each has one code, numbers where a CSV column holds only these."""
    frame, value_labels = read_table(path)
    for column, codes in frame.attrs.pop("missing", {}).items():
        frame[column] = frame[column].mask(frame[column].isin(codes))
    for column, names in value_labels.items():
        if len(set(names.values())) == len(names):
            frame[column] = frame[column].map(lambda v, names=names: names.get(v, v))
    return (
        frame.apply(_numbers_where_possible)
        if str(path).lower().endswith((".csv", ".csv.gz"))
        else frame
    )


def _numbers_where_possible(column: pd.Series) -> pd.Series:
    filled = column.replace("", None)
    number = pd.to_numeric(filled, errors="coerce")
    return number if number.notna().equals(filled.notna()) else filled


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
        own
        if own.levels
        else own.model_copy(
            update={"levels": list(dict.fromkeys(map(str, rule.targets)))}
        )
    )


def _targets(rule: Rule) -> set[str]:
    """The values that a rule gives to people, as texts."""
    return {
        str(value) for value in (*rule.targets, rule.missing_as) if value is not None
    }


def _design_columns(
    raw: pd.DataFrame, design: Design, faults: list[str]
) -> dict[str, pd.Series]:
    """Weights as numbers, strata and PSUs as they are, under the names of the codebook."""
    rules = [("lonely-PSU rule", design.lonely_psu, LONELY_PSU)]
    rules += [("replicate method", design.replicate_method, REPLICATE_METHODS)]
    wrong = [
        one_line(unknown_name(kind, rule, known))
        for kind, rule, known in rules
        if rule not in (None, *known)
    ]
    faults += [f"design: {fault}" for fault in wrong]
    wanted = {
        own: column
        for key, own in _DESIGN_NAMES.items()
        if (column := getattr(design, key)) is not None
    }
    wanted |= {
        f"weight_{i}": column for i, column in enumerate(design.replicate_weights, 1)
    }
    out = {}
    for own, column in wanted.items():
        if column not in raw.columns:
            faults.append(
                f"design: {one_line(unknown_name('column', column, raw.columns), 999)}"
            )
        elif own in ("stratum", "psu"):
            out[own] = raw[column]
            if blank := int(
                (raw[column].isna() | (raw[column].astype(str).str.strip() == "")).sum()
            ):
                faults.append(
                    f"design: {blank} people have no value in column {column} ({own})"
                )
        else:
            out[own] = number = pd.to_numeric(raw[column], errors="coerce").astype(
                float
            )
            if unknown := int(number.isna().sum()):
                faults.append(
                    f"design: {unknown} values of {column} are blank or not numbers"
                )
            signed = own.startswith("weight_") and design.replicate_scale is not None
            size = number.abs() if signed else number  # replicates may be below zero
            if own != "fpc" and (
                bad := int(
                    (number.notna() & (number != 0) & ~size.between(*WEIGHTS)).sum()
                )
            ):
                faults.append(
                    f"design: {bad} values of {column} ({own}) are negative or absurd; weights are 0 or more"
                )
    return out
