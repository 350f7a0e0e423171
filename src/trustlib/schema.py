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
    design: {weight: WT0, strata: STRATUM, psu: CLUSTER, nest: true,
             replicate_weights: {prefix: WT, count: 50}, replicate_method: JK1}
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from trustlib.errors import CodebookError, MissingFileError, SurveyFileError, unknown_name

SUFFIXES = (".csv", ".csv.gz", ".sav", ".zsav", ".dta", ".parquet")
KINDS = ("real", "supplied", "synthetic", "published")
BLANK = "blank in the file"
TYPES = ("category", "binary", "number")
_SECTIONS = {
    "source": dict,
    "codebook": str,
    "file": str,
    "encoding": str,
    "missing": dict,
    "variables": dict,
    "design": dict,
}
_PART = {"column": str, "values": dict, "missing": dict}
_RULE = {**_PART, "missing_as": (str, int, float), "any_of": list, "levels": list, "label": str}
_DESIGN = {
    "weight": str,
    "strata": str,
    "psu": str,
    "fpc": str,
    "nest": bool,
    "lonely_psu": str,
    "replicate_weights": (dict, list),
    "replicate_method": str,
    "replicate_scale": (int, float, list),
    "replicate_mse": bool,
    "replicate_df": (int, float),
}


class _Yaml(yaml.SafeLoader):
    """YAML in which Yes, No, On and Off are texts, as survey answers are; only true and false are booleans."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Refuse a key that is written twice: plain YAML would silently keep the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Variable:
    """One variable of the codebook: `levels` in order (the first is the reference); none for a 0/1 or a number."""

    name: str
    label: str
    type: str = "category"  # category | binary | number
    levels: tuple[str, ...] = ()
    question: str | None = None
    note: str | None = None


@dataclass
class _Faults:
    """Collects what is wrong with a file, to be raised at once."""

    path: str
    lines: list[str] = field(default_factory=list)
    what: str = "does not fit its mapping"

    def add(self, line: str) -> None:
        self.lines.append(line)

    def check(self, where: str, facts: dict, known: dict) -> dict:
        """The facts that are understood and of the right kind; the others are faults. An empty entry is absent."""
        for key, value in facts.items():
            if key not in known:
                self.add(f"{where}{unknown_name('key', key, known)}".replace("\n", " "))
            elif value is not None and not isinstance(value, known[key]):
                kinds = known[key] if isinstance(known[key], tuple) else (known[key],)
                names = " or ".join(
                    {dict: "a mapping", list: "a list", str: "a text", bool: "true or false"}.get(k, "a number")
                    for k in kinds
                )
                self.add(f"{where}{key} is {value!r}, expected {names}")
        return {k: v for k, v in facts.items() if k in known and isinstance(v, known[k])}

    def raise_if_any(self, hint: str) -> None:
        if self.lines:
            shown = "\n".join(f"  {i}. {line}" for i, line in enumerate(self.lines[:20], 1))
            more = f"\n  and {len(self.lines) - 20} more" if len(self.lines) > 20 else ""
            count = "1 fault" if len(self.lines) == 1 else f"{len(self.lines)} faults"
            raise CodebookError(f"{self.path} {self.what}, {count}:\n{shown}{more}", hint)


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise MissingFileError(f"Expected the path of a file, got {type(path).__name__}.", "Give a text or a Path.")
    return Path(path)


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file in which ``Yes`` and ``No`` stay texts.

    Raises
    ------
    MissingFileError, CodebookError
    """
    path = _path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}.", "Check the spelling and the folder you run from.")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CodebookError(
            f"{path} is not valid YAML: {' '.join(str(error).split())}", "Mend the line and column named above."
        ) from error


def load_codebook(path: str | Path) -> dict[str, Variable]:
    """Read a codebook: variable name -> `Variable`."""
    raw = load_yaml(path)
    variables = raw.get("variables") if isinstance(raw, dict) else None
    if not isinstance(variables, dict):
        raise CodebookError(f"{path} has no `variables:` section.", "A codebook maps each variable name to its facts.")
    out, faults = {}, _Faults(str(path), what="is not a codebook")
    for name, facts in variables.items():
        if facts is not None and not isinstance(facts, dict):
            faults.add(f"variable {name} is {facts!r}, expected a mapping")
            continue
        facts = facts or {}
        known = {key: facts[key] for key in ("label", "type", "question", "note") if facts.get(key)}
        if known.get("type", "category") not in TYPES:
            faults.add(f"variable {name}: {unknown_name('type', known['type'], TYPES)}".replace("\n", " "))
        levels = _distinct(name, facts.get("levels"), faults)
        out[name] = Variable(name, **{"label": name, **known}, levels=levels)
    faults.raise_if_any("Each variable has a label, and a type or levels in order.")
    return out


def _distinct(name: str, levels: Any, faults: _Faults) -> tuple[str, ...]:
    """Levels as texts, none twice."""
    if not isinstance(levels, (list, tuple, type(None))):
        faults.add(f"variable {name}: levels is {levels!r}, expected a list")
        return ()
    texts = tuple(map(str, levels or ()))
    if len(set(texts)) < len(texts):
        faults.add(f"variable {name}: a level is there twice in {list(texts)}")
    return tuple(dict.fromkeys(texts))


def load_mapping(mapping: str | Path | dict) -> tuple[dict, dict[str, Variable]]:
    """Read a mapping and the codebook it names; a mapping may also be given as a dict.

    Raises
    ------
    CodebookError
        Lists every fault of form: keys that are not known, lists where mappings are expected, and so on.
    """
    where = Path.cwd() if isinstance(mapping, dict) else _path(mapping).resolve().parent
    raw = mapping if isinstance(mapping, dict) else load_yaml(mapping)
    name = "The mapping" if isinstance(mapping, dict) else str(mapping)
    if not isinstance(raw, dict) or not isinstance(raw.get("variables"), dict) or not raw["variables"]:
        raise CodebookError(f"{name} has no `variables:` section.", "See the module documentation for the form.")
    faults = _Faults(name, what="is not a mapping of a survey file")
    raw = faults.check("", raw, _SECTIONS)
    kind = raw.get("source", {}).get("kind")
    if kind is not None and kind not in KINDS:
        faults.add(f"source: {unknown_name('kind of source', kind, KINDS)}".replace("\n", " "))
    raw["variables"] = {str(v): _rule(str(v), rule, faults) for v, rule in raw["variables"].items()}
    raw["design"] = faults.check("design: ", raw.get("design", {}), _DESIGN)
    declared = raw["design"].get("replicate_weights")
    if isinstance(declared, dict) and not (
        isinstance(declared.get("prefix"), str) and isinstance(declared.get("count"), int)
    ):
        faults.add(f"design: replicate_weights is {declared!r}, expected a list or {{prefix: WT, count: 50}}")
    faults.raise_if_any("See the module documentation of trustlib.schema for the form.")
    codebook = load_codebook(where / raw["codebook"]) if raw.get("codebook") else {}
    return raw, codebook


def _rule(name: str, rule: Any, faults: _Faults) -> dict:
    """The rule of one variable, checked for form."""
    if not isinstance(rule, dict):
        faults.add(f"variable {name} is {rule!r}, expected a rule such as {{column: ..., values: {{...}}}}")
        return {}
    here = f"variable {name}: "
    rule = faults.check(here, rule, _RULE)
    _distinct(name, rule.get("levels"), faults)
    if "any_of" in rule:
        if {"column", "values", "missing"} & set(rule) or not rule["any_of"]:
            faults.add(f"{here}any_of lists columns with their values; column, values and missing stand within it")
        parts = [part if isinstance(part, dict) else {"": part} for part in rule["any_of"]]
        rule["any_of"] = [faults.check(here, part, _PART) for part in parts]
    for part in rule.get("any_of", [rule]):
        if "any_of" in rule and not {"column", "values"} <= set(part):
            faults.add(f"{here}each entry of any_of has a column and values")
        answers = [str(k).strip() for k in (*part.get("values", {}), *part.get("missing", {}))]
        if twice := sorted({a for a in answers if answers.count(a) > 1}):
            faults.add(f"{here}answers declared more than once: {', '.join(twice)}")
        if lacking := [str(k) for k, v in part.get("values", {}).items() if v is None]:
            faults.add(f"{here}no value is given for {', '.join(lacking)}; answers that mean missing stand in missing")
    return rule


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_table(path: str | Path, encoding: str | None = None) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Read a survey file as it is.

    Parameters
    ----------
    path : path
        One of .csv, .csv.gz, .sav, .zsav, .dta, .parquet.
    encoding : str, optional
        Of the texts; UTF-8 for CSV, the file's own declaration for .sav and .dta. CSV files have commas.

    Returns
    -------
    frame : DataFrame
        One row per person. Columns of CSV files are texts; '' is a blank.
    labels : dict
        Column -> {code: label}, for files that carry value labels.

    Raises
    ------
    MissingFileError
        There is no such file.
    SurveyFileError
        The ending is not known, or the file cannot be read or is damaged.
    """
    path = _path(path)
    name = path.name.lower()
    suffix = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(s)), None)
    if not path.is_file():
        raise MissingFileError(
            f"There is no survey file {path}.",
            "Check the spelling, or set TRUSTLIB_DATA to the folder that holds the download.",
        )
    if suffix is None:
        raise SurveyFileError(
            f"{path.name} has an ending that is not known.", f"Expected one of {', '.join(SUFFIXES)}."
        )
    try:
        if suffix in (".csv", ".csv.gz"):
            _require_even(path, encoding or "utf-8-sig")
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding or "utf-8-sig")
            labels: dict[str, dict] = {}
        elif suffix == ".parquet":
            frame, labels = pd.read_parquet(path), {}
        else:
            import pyreadstat

            read = pyreadstat.read_dta if suffix == ".dta" else pyreadstat.read_sav
            frame, meta = read(str(path), encoding=encoding)
            labels = dict(meta.variable_value_labels)
    except SurveyFileError:
        raise
    except Exception as error:  # each reader has its own exceptions, and all mean the same to the user
        raise SurveyFileError(
            f"{path.name} cannot be read: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            "The file is damaged, cut short, or in another encoding. Download it again, or name its `encoding:`.",
        ) from error
    if frame.empty:
        raise SurveyFileError(f"{path.name} holds no rows.", "Expected one row per person.")
    return frame, labels


def _require_even(path: Path, encoding: str) -> None:
    """Refuse a CSV file whose lines do not all have the fields of its header: pandas would shift or fill them."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding=encoding, newline="") as stream:  # type: ignore[operator]
        lines = csv.reader(stream, strict=True)
        header = next(lines, [])
        if not header:
            raise SurveyFileError(f"{path.name} is empty.", "Expected a line of column names and one line per person.")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            raise SurveyFileError(f"{path.name} has no commas between its columns.", "Save it with commas.")
        if repeated := sorted({repr(c) for c in header if header.count(c) > 1}):
            raise SurveyFileError(
                f"{path.name} names these columns more than once: {', '.join(repeated)}.", "Rename the columns."
            )
        uneven = [lines.line_num for line in lines if line and len(line) != len(header)]
    if uneven:
        raise SurveyFileError(
            f"{path.name} has {len(uneven)} lines with more or fewer than {len(header)} fields, the first in line "
            f"{uneven[0]}.",
            "The file is damaged or cut short. Download it again.",
        )


def _spellings(value: object, labels: dict) -> list[str]:
    """How an answer may be written in a mapping: its label, its text, its code."""
    names = [str(labels[value])] if value in labels else []
    names.append(str(value).strip())
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return names
    return [*names, str(int(number))] if np.isfinite(number) and number == int(number) else names


def _translate(
    raw: pd.Series, rule: dict, missing: dict[str, str], labels: dict, name: str, faults: _Faults
) -> tuple[np.ndarray, np.ndarray]:
    """One column through one rule: codebook values (None where missing), and the kind of missing (None elsewhere)."""
    values = {str(k).strip(): v for k, v in rule["values"].items()} if "values" in rule else None
    kinds = {**missing, **{str(k).strip(): str(v) for k, v in rule.get("missing", {}).items()}}
    codes, distinct = pd.factorize(raw, use_na_sentinel=True)
    to_value: list[Any] = []
    to_kind: list[Any] = []
    undeclared: list[str] = []
    for answer in distinct:
        spelt = _spellings(answer, labels)
        value = next((values[s] for s in spelt if s in values), None) if values is not None else answer
        kind = next((kinds[s] for s in spelt if s in kinds), BLANK if spelt[-1] == "" else None)
        if values is None and kind is not None:
            value = None
        if value is None and kind is None:
            undeclared.append(spelt[0])
        to_value.append(value)
        to_kind.append(None if value is not None else kind)
    if undeclared:
        shown = ", ".join(repr(u[:60]) for u in undeclared[:6]) + (" ..." if len(undeclared) > 6 else "")
        faults.add(f"variable {name}: column {raw.name} has answers that are not declared: {shown}")
    to_value.append(None)
    to_kind.append(BLANK)  # what factorize codes as -1
    return np.array(to_value, dtype=object)[codes], np.array(to_kind, dtype=object)[codes]


def _any_of(parts: list[tuple[np.ndarray, np.ndarray]], positive: Any) -> tuple[np.ndarray, np.ndarray]:
    """Positive if any part is; missing if none is and some part is missing; else the first part's value."""
    value, kind = parts[0][0].copy(), parts[0][1].copy()
    for other, other_kind in parts[1:]:
        value[pd.isna(other) & (value != positive)] = None
        value[other == positive] = positive
        unknown = pd.isna(kind)
        kind[unknown] = other_kind[unknown]
    kind[pd.notna(value)] = None
    return value, kind


def _typed(value: np.ndarray, variable: Variable, declared: set, faults: _Faults) -> pd.Series:
    """Codebook values as a pandas column of the variable's type; `declared` values were checked before."""
    if variable.type in ("binary", "number"):
        column = pd.to_numeric(pd.Series(value, dtype=object), errors="coerce").astype(float)
        bad = pd.Series(value, dtype=object).notna() & column.isna()
        if bad.any():
            faults.add(f"variable {variable.name}: {int(bad.sum())} answers are not numbers")
        if variable.type == "binary" and not column.dropna().isin([0, 1]).all():
            faults.add(f"variable {variable.name}: expected 0 or 1")
        return column
    levels = variable.levels or tuple(dict.fromkeys(str(v) for v in value if v is not None))
    texts = pd.Series([None if v is None else str(v) for v in value], dtype=object)
    extra = sorted(set(texts.dropna()) - set(levels) - declared)
    if extra:
        faults.add(f"variable {variable.name}: {extra} are not levels; the levels are {list(levels)}")
    return pd.Series(pd.Categorical(texts.where(texts.isin(levels)), categories=list(levels)))


def _replicate_names(declared: Any) -> list[str]:
    """Column names of replicate weights: a list, or {prefix, count} numbered from 1."""
    if isinstance(declared, dict):
        return [f"{declared['prefix']}{i}" for i in range(1, int(declared["count"]) + 1)]
    return list(declared or [])


def declared_design(mapping: str | Path | dict, variance: str = "taylor") -> dict[str, Any]:
    """The keyword arguments of `SurveyDesign` that a mapping declares for its file.

    Parameters
    ----------
    mapping : path or dict
    variance : {"taylor", "replicates", "weights"}
        Strata and PSUs, replicate weights, or neither (as if people were drawn one by one).

    Returns
    -------
    dict
        ``SurveyDesign(frame, **declared_design(mapping))``.
    """
    declared = load_mapping(mapping)[0].get("design", {})
    options: dict[str, Any] = {"weight": "weight" if "weight" in declared else None}
    if variance == "taylor":
        options |= {
            own: own_name
            for own, own_name in (("strata", "stratum"), ("psu", "psu"), ("fpc", "fpc"))
            if own in declared
        }
        options |= {k: declared[k] for k in ("nest", "lonely_psu") if k in declared}
    elif variance == "replicates":
        names = _replicate_names(declared.get("replicate_weights"))
        if not names:
            raise CodebookError("The mapping declares no replicate weights.", "Add `replicate_weights:` to its design.")
        options["replicate_weights"] = [f"weight_{i}" for i in range(1, len(names) + 1)]
        options |= {k: v for k, v in declared.items() if k.startswith("replicate_") and k != "replicate_weights"}
    elif variance != "weights":
        raise unknown_name("kind of variance", variance, ("taylor", "replicates", "weights"))
    return options


def read_survey(path: str | Path, mapping: str | Path | dict | None = None) -> pd.DataFrame:
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
        Lists every fault: undeclared answers, unknown columns or variables, bad weights. `MissingFileError` and
        `SurveyFileError` are kinds of it.
    """
    if mapping is None:
        frame, value_labels = read_table(path)
        for column, names in value_labels.items():
            if len(set(names.values())) < len(names):
                continue
            frame[column] = frame[column].map(lambda v, names=names: names.get(v, v))
        return frame.apply(_numbers_where_possible) if str(path).lower().endswith((".csv", ".csv.gz")) else frame
    raw_mapping, codebook = load_mapping(mapping)
    raw, value_labels = read_table(path, raw_mapping.get("encoding"))
    faults = _Faults(Path(path).name)
    missing = {str(k).strip(): str(v) for k, v in raw_mapping.get("missing", {}).items()}
    out: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for name, rule in raw_mapping["variables"].items():
        variable = _variable(name, rule, codebook, faults)
        parts = []
        for part in rule.get("any_of", [rule]):
            column = part.get("column", name)
            if column not in raw.columns:
                faults.add(f"variable {name}: " + str(unknown_name("column", column, raw.columns)).replace("\n", " "))
                continue
            parts.append(_translate(raw[column], part, missing, value_labels.get(column, {}), name, faults))
        if not parts:
            continue
        positive = 1 if variable.type == "binary" else (variable.levels[-1] if variable.levels else None)
        value, kind = _any_of(parts, positive)
        if name in out:
            faults.add(f"variable {name}: the kind of missing of another variable has this name; choose another")
        if "missing_as" in rule:
            value[pd.isna(value)] = rule["missing_as"]
            kind[:] = None
        out[name] = _typed(value, variable, _targets(rule), faults)
        labels[name] = variable.label
        if pd.notna(kind).any():
            out[f"{name}_missing"] = pd.Series(pd.Categorical(kind))
    of_design = _design_columns(raw, raw_mapping["design"], faults)
    for name in sorted(set(out) & set(of_design)):
        faults.add(f"variable {name}: a column of the design has this name; choose another")
    _validate(pd.DataFrame({k: v for k, v in of_design.items() if k.startswith("weight")}), faults)
    faults.raise_if_any("Declare each answer under `values:` or `missing:`, and check the spelling of columns.")
    frame = pd.DataFrame(out | of_design)
    frame.attrs = {"source": dict(raw_mapping.get("source", {})), "labels": labels}
    return frame


def _numbers_where_possible(column: pd.Series) -> pd.Series:
    number = pd.to_numeric(column.replace("", None), errors="coerce")
    return number if number.notna().sum() == (column != "").sum() else column.replace("", None)


def _variable(name: str, rule: dict, codebook: dict[str, Variable], faults: _Faults) -> Variable:
    """The codebook's variable, with the label and levels that this source declares for itself."""
    if codebook and name not in codebook:
        faults.add(str(unknown_name("codebook variable", name, codebook)).replace("\n", " "))
    known = codebook.get(name, Variable(name, name))
    levels = tuple(map(str, rule.get("levels", known.levels)))
    values = [v for part in rule.get("any_of", [rule]) for v in part.get("values", {}).values()]
    if name not in codebook and values and set(values) <= {0, 1}:
        return Variable(name, rule.get("label", name), "binary")
    extra = sorted(_targets(rule) - set(levels))
    if known.type == "category" and levels and extra:
        faults.add(f"variable {name}: {extra} are not levels; the levels are {list(levels)}")
    if known.type == "category" and "any_of" in rule and len(levels) != 2:
        faults.add(f"variable {name}: any_of needs two levels in order, the second for 'any'; got {list(levels)}")
    if not levels and known.type == "category":
        levels = tuple(dict.fromkeys(map(str, values)))
    return Variable(name, rule.get("label", known.label), known.type, levels, known.question, known.note)


def _targets(rule: dict) -> set[str]:
    """The values that a rule gives to answers, as texts."""
    values = [v for part in rule.get("any_of", [rule]) for v in part.get("values", {}).values()]
    return {str(v) for v in [*values, *([rule["missing_as"]] if "missing_as" in rule else [])]}


def _design_columns(raw: pd.DataFrame, design: dict, faults: _Faults) -> dict[str, pd.Series]:
    """Weights as numbers, strata and PSUs as they are, under the names of the codebook."""
    replicates = _replicate_names(design.get("replicate_weights"))
    wanted = {own: design[key] for key, own in (("weight", "weight"), ("fpc", "fpc")) if key in design}
    wanted |= {f"weight_{i}": column for i, column in enumerate(replicates, 1)}
    labels = {own: design[key] for key, own in (("strata", "stratum"), ("psu", "psu")) if key in design}
    out = {}
    for own, column in {**wanted, **labels}.items():
        if column not in raw.columns:
            faults.add(f"design: {unknown_name('column', column, raw.columns)}".replace("\n", " "))
        elif own in labels:
            out[own] = raw[column]
            if blank := int((raw[column].isna() | (raw[column].astype(str).str.strip() == "")).sum()):
                faults.add(f"design: {blank} people have no value in column {column} ({own})")
        else:
            number = pd.to_numeric(raw[column], errors="coerce").astype(float)
            if number.isna().any():
                faults.add(f"design: {int(number.isna().sum())} values of {column} are blank or not numbers")
            out[own] = number
    return out


def _validate(weights: pd.DataFrame, faults: _Faults) -> None:
    """Hold the weights to their schema (pandera), so that nothing downstream meets one below zero."""
    import pandera.pandas as pa

    column = pa.Column(float, pa.Check.in_range(0, np.finfo(float).max), nullable=True)
    try:
        pa.DataFrameSchema({str(c): column for c in weights}).validate(weights, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.groupby("column")["failure_case"].count()
        for name, count in cases.items():
            faults.add(f"design: {count} values of {name} are negative or not finite; a weight is zero or more")
