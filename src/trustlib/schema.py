"""From a survey file to a frame in codebook terms: levels in order, kinds of missing kept apart.

A *codebook* says which variables exist, their levels in order (the first is the
reference) and what was asked. A *mapping* says, for one file, which column and which
answers make each variable. Whatever the mapping does not declare is a fault, and all
faults are reported together, before any number is computed.

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
      judged: {column: Q8, chosen: Judged, between: ";"}    # a list of which one cell holds all that was chosen
      low_trust: {column: Q9, yes: [A little, Not at all]}  # 1 for these answers, 0 for all others
      age: {column: AGE, cut: {18-34: [18, 34], 35-54: [35, 54], 55+: [55]}, missing: {999: refused}}
      health: {column: Q10, levels: [Poor, Fair, Good], rare: too few to show}   # a scale: only neighbours are joined
    design: {weight: WT0, strata: STRATUM, psu: CLUSTER, nest: true,
             replicate_weights: {prefix: WT, count: 50}, replicate_method: JK1}

An answer is written as its value label, its text or its code; ``"[2] Female"`` names
code and label where one alone could mean two answers. Texts are compared in the Unicode
form NFC without blanks at their ends. ``.a`` to ``.z`` are the missing values of Stata.
``blank`` is for people without any answer, never for those declared missing. ``rare``
declares every further answer of fewer than ten people missing; of an outcome it may be 0
or 1, which they give, or ``nearest``, for what the nearest number of ten people gives. Bands of ``cut`` have both
their ends (`trustlib.bands`). Levels that are declared by ``levels`` or ``cut`` are a
scale, unless ``ordered: false`` says otherwise; ``ordered: true`` makes one of others. Levels
stand in the order of the mapping or codebook, else in that of the file (see
`trustlib.ordering`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trustlib.answers import BOTH_MARKS, RESERVED, in_one_form, numbers_of, plain
from trustlib.design_columns import NAMES, design_columns
from trustlib.errors import (
    CodebookError,
    one_line,
    raise_faults,
    require_names,
    unknown_name,
)
from trustlib.files import SUFFIXES, Labels, existing_file, read_table
from trustlib.grouping import group_rows
from trustlib.masking import spoken, unknown_column
from trustlib.meanings import ColumnFacts, any_of, translate

if TYPE_CHECKING:
    from trustlib.forms import MappingForm, Rule, Variable

FORM = (
    "Under `variables:` each has a column with values, or any_of. "
    "In a proposal, delete the # of what is right."
)
LOOK_FOR = "Check the spelling and the folder you run from."
VARIANCES = ("taylor", "replicates", "weights")


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file by the rules of `trustlib.yaml12`: ``Yes``, ``012`` and dates stay texts.

    Raises
    ------
    MissingFileError, CodebookError

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "words.yml"
    >>> size = path.write_text("asked: Yes")
    >>> load_yaml(path)
    {'asked': 'Yes'}
    >>> folder.cleanup()
    """
    from yaml import YAMLError

    from trustlib import yaml12

    path = existing_file(path, "file", LOOK_FOR)
    try:
        return yaml12.load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CodebookError(
            f"{path} is not text in UTF-8.",
            "Open it in an editor and save it again with the encoding UTF-8.",
        ) from error
    except YAMLError as error:
        raise CodebookError(
            f"{path} is not valid YAML: {_fault_of_yaml(error)}",
            "Mend the line and column named above.",
        ) from None


def _fault_of_yaml(error: Exception) -> str:
    """What is wrong and where, without the line itself: the file may be that of the people."""
    mark = getattr(error, "problem_mark", None)
    problem = one_line(getattr(error, "problem", None) or "it cannot be read")
    if mark is None:
        return problem
    return f"{problem} in line {mark.line + 1}, column {mark.column + 1}"


def load_codebook(path: str | Path) -> dict[str, Variable]:
    """Read a codebook.

    Returns
    -------
    dict
        Variable name -> `Variable`.

    Raises
    ------
    MissingFileError, CodebookError

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "codebook.yml"
    >>> size = path.write_text("variables: {gender: {levels: [man, woman]}}")
    >>> load_codebook(path)["gender"].levels
    ['man', 'woman']
    >>> folder.cleanup()
    """
    from trustlib import forms

    content = forms.read(
        forms.CodebookForm,
        load_yaml(path),
        f"{path} is not a codebook",
        CodebookError,
        "Under `variables:` each has a label, and a type or levels in order.",
    )
    return content.variables


def load_mapping(mapping: str | Path | dict) -> tuple[MappingForm, dict[str, Variable]]:
    """Read a mapping and the codebook it names; a mapping may also be given as a dict.

    Returns
    -------
    mapping : MappingForm
    codebook : dict
        Empty if the mapping names none.

    Raises
    ------
    CodebookError
        Lists every fault of form: keys that are not known, lists where mappings are
        expected, and so on.

    Examples
    --------
    >>> mapping, codebook = load_mapping({"variables": {"gender": {"column": "sex"}}})
    >>> mapping.variables["gender"].column
    'sex'
    """
    from trustlib import forms

    if isinstance(mapping, dict):
        raw = in_one_form(mapping)
        name = "The mapping"
        folder = Path.cwd()
    else:
        _require_no_survey(mapping)
        raw = load_yaml(mapping)
        name = str(mapping)
        folder = Path(mapping).resolve().parent
    what = f"{name} is not a mapping of a survey file"
    content = forms.read(forms.MappingForm, raw, what, CodebookError, FORM)
    if not content.codebook:
        return content, {}
    return content, load_codebook(folder / content.codebook)


def _require_no_survey(mapping: Any) -> None:
    """Refuse a survey file in the place of its mapping, before a word of it is repeated."""
    path = existing_file(mapping, "file", LOOK_FOR)
    of_people = set(SUFFIXES) - {".txt"}  # an editor may have added that to a mapping
    if path.name.lower().endswith(tuple(of_people)):
        raise CodebookError(
            f"{mapping} is a survey file, expected a mapping in YAML.",
            "Give the survey file first, and its mapping after --mapping.",
        )


def declared_design(
    mapping: str | Path | dict, variance: str | None = None
) -> dict[str, Any]:
    """The keyword arguments of `SurveyDesign` that a mapping declares for its file.

    Parameters
    ----------
    mapping : path or dict
    variance : {"taylor", "replicates", "weights"}, optional
        Strata and PSUs, replicate weights, or neither (as if people were drawn one by
        one). By default replicate weights if the mapping declares them and neither
        strata nor PSUs, else Taylor linearisation.

    Returns
    -------
    dict
        ``SurveyDesign(frame, **declared_design(mapping))``.

    Raises
    ------
    UnknownNameError
        There is no such kind of variance.
    CodebookError
        The mapping has faults, or declares no replicate weights where they are asked
        for.

    Examples
    --------
    >>> mapping = {"variables": {"age": {}}, "design": {"weight": "WT0", "strata": "S"}}
    >>> declared_design(mapping)
    {'weight': 'weight', 'strata': 'stratum'}
    """
    declared = load_mapping(mapping)[0].design.model_dump(exclude_none=True)
    replicates = declared.pop("replicate_weights")
    if not variance:
        units = {"strata", "psu"} & set(declared)
        variance = "taylor" if units or not replicates else "replicates"
    require_names("kind of variance", [variance], VARIANCES)
    options: dict[str, Any] = {"weight": None}
    if "weight" in declared:
        options["weight"] = NAMES["weight"]
    if variance == "taylor":
        for key in ("strata", "psu", "fpc"):
            if key in declared:
                options[key] = NAMES[key]
        for key in ("nest", "lonely_psu"):
            if key in declared:
                options[key] = declared[key]
    elif variance == "replicates":
        if not replicates:
            raise CodebookError(
                "The mapping declares no replicate weights.",
                "Add `replicate_weights:` to its design.",
            )
        numbers = range(1, len(replicates) + 1)
        options["replicate_weights"] = [f"weight_{i}" for i in numbers]
        options |= {k: v for k, v in declared.items() if k.startswith("replicate_")}
    return options


def read_survey(
    path: str | Path, mapping: str | Path | dict | None = None
) -> pd.DataFrame:
    r"""Read a survey file into codebook terms.

    Parameters
    ----------
    path : path
        .csv, .csv.gz, .sav, .zsav, .dta or .parquet, one row per person.
    mapping : path or dict, optional
        How the file's columns and answers become codebook variables; see the module
        documentation. Without it the file is returned as it is, value labels applied as
        categories in the order of their codes (not in a column that gives two codes the
        same label, or holds codes without one).

    Returns
    -------
    DataFrame
        One row per person, in the file's order. Categories have their levels in
        codebook order; outcomes are 0/1 floats with NaN for missing;
        ``<variable>_missing`` names the kind of missing where there is any; design
        columns are ``weight``, ``stratum``, ``psu``, ``fpc`` and ``weight_1`` ...
        ``weight_R``. ``frame.attrs`` holds ``source`` (`trustlib.sources.Source`),
        ``labels``, and if there are any ``ordered`` (variables that are scales) and
        ``notes`` (what of the file was left out, as it is nobody's answers).

    Raises
    ------
    CodebookError
        Lists every fault: undeclared answers, unknown columns or variables, bad
        weights, rules of the design that do not exist. `MissingFileError` and
        `SurveyFileError` are kinds of it.

    Notes
    -----
    R: ``haven::read_sav`` or ``read.csv``, then ``factor(x, levels =, labels =)`` for
    each variable.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "people.csv"
    >>> size = path.write_text("sex,trust\nF,low\nM,high\n")
    >>> mapping = {"variables": {
    ...     "gender": {"column": "sex", "values": {"M": "man", "F": "woman"}},
    ...     "mistrust": {"column": "trust", "values": {"low": 1, "high": 0}},
    ... }}
    >>> read_survey(path, mapping)
      gender  mistrust
    0  woman       1.0
    1    man       0.0
    >>> folder.cleanup()
    """
    if mapping is None:
        return _as_it_is(path)
    plan, codebook = load_mapping(mapping)
    raw, value_labels = read_table(path, plan.encoding, plan.sheet)
    file = _File(raw, value_labels, plan.missing)
    faults: list[str] = []
    columns: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for name, rule in plan.variables.items():
        faults += _faults_of_name(name, columns)
        variable, more = _variable(name, rule, codebook)
        faults += more
        labels[name] = variable.label or name
        made, more = file.variable(name, rule, variable, name in codebook)
        columns |= made
        faults += more
    of_design, more = design_columns(
        raw, plan.design, plan.missing, plan.source.rounding
    )
    faults += more
    faults += [
        f"variable {name}: a column of the design has this name; choose another"
        for name in sorted(set(columns) & set(of_design))
    ]
    raise_faults(
        CodebookError,
        f"{Path(path).name} does not fit its mapping",
        faults,
        "Declare each answer under `values:` or `missing:`, "
        "and check the spelling of columns.",
    )
    frame = pd.DataFrame(columns | of_design)
    frame.attrs = {"source": plan.source, "labels": labels}
    ordered = [
        name for name, rule in plan.variables.items() if file.is_ordered(name, rule)
    ]
    if ordered:
        frame.attrs["ordered"] = ordered
    if plan.populations:
        frame.attrs["populations"] = dict(plan.populations)
    if raw.attrs.get("notes"):
        frame.attrs["notes"] = list(raw.attrs["notes"])
    return frame


def _faults_of_name(name: str, taken: dict[str, Any]) -> list[str]:
    """What is wrong with the name of a variable; `taken` are those there are."""
    faults = []
    if not _may_name(name):
        faults.append(
            f"variable {name}: results or formulas cannot have a column of this name; "
            "choose another"
        )
    if name in taken:
        faults.append(
            f"variable {name}: the kind of missing of another variable has this name; "
            "choose another"
        )
    return faults


def _may_name(name: str) -> bool:
    """Whether a variable may have this name.

    Not one of results, and one that can be quoted in a formula.
    """
    if name in RESERVED or name.startswith(("_", "^")):
        return False
    return bool(name.strip()) and not set(name) & set("`\\*\n\r\t")


@dataclass(frozen=True)
class _File:
    """A survey file, and what its mapping says of all its columns."""

    raw: pd.DataFrame
    labels: Labels
    missing: dict[str, str]

    def variable(
        self, name: str, rule: Rule, variable: Variable, known: bool
    ) -> tuple[dict[str, pd.Series], list[str]]:
        """One variable of the mapping and its kinds of missing, and their faults.

        `known` if the codebook has it.
        """
        raw = self.raw
        wanted = [(part.column or name, part) for part in rule.parts]
        there = [(column, part) for column, part in wanted if column in raw.columns]
        faults = [
            f"variable {name}: " + one_line(unknown_column(column, raw.columns), 999)
            for column, _ in wanted
            if column not in raw.columns
        ]
        if not there:
            return {}, faults
        pattern, row = group_rows([raw[column] for column in dict(there)], len(raw))
        parts = [
            translate(raw[c].iloc[row], part, self.missing, self._facts(c))
            for c, part in there
        ]
        for translated in parts:
            faults += [f"variable {name}: {fault}" for fault in translated.faults]
        first = pd.Series(parts[0].values, dtype=object)
        given = known or variable.levels or rule.targets
        if not given and _spells_numbers(first):
            variable = variable.model_copy(update={"type": "binary"})
        together = any_of(parts, _positive(variable))
        values = together.values
        kinds = together.kinds
        if rule.missing_as is not None:
            values[pd.isna(values)] = rule.missing_as
            kinds[:] = None
        everybody = pd.Series(values, dtype=object)[pattern].reset_index(drop=True)
        typed, more = self._typed(values, variable, rule, there[0][0], everybody)
        faults += [f"variable {name}: {fault}" for fault in more]
        columns = {name: typed[pattern].reset_index(drop=True)}
        if pd.notna(kinds).any():
            columns[f"{name}_missing"] = pd.Series(pd.Categorical(kinds)[pattern])
        return columns, faults

    def is_ordered(self, name: str, rule: Rule) -> bool:
        """Whether only neighbours among the levels of a variable may be joined."""
        if rule.is_ordered or rule.ordered is False:
            return rule.is_ordered
        own = [self.raw[part.column or name].dtype for part in rule.parts]
        return not rule.targets and all(getattr(kind, "ordered", False) for kind in own)

    def _facts(self, column: str) -> ColumnFacts:
        """What the file says of a column."""
        declared = self.raw.attrs.get("missing", {}).get(column, [])
        labels = self.labels.get(column, {})
        decimal = self.raw.attrs.get("decimal", ".")
        return ColumnFacts(labels, list(declared), self.raw[column], decimal)

    def _typed(
        self,
        values: np.ndarray,
        variable: Variable,
        rule: Rule,
        column: str,
        everybody: pd.Series,
    ) -> tuple[pd.Series, list[str]]:
        """Codebook values as a pandas column of the variable's type, and their faults.

        `everybody` has the value of each person, where `values` has each one once.
        """
        given = pd.Series(values, dtype=object)
        if variable.type == "category":
            order = _own_order(self.raw[column])
            typed, extra = _as_category(given, variable.levels, _targets(rule), order)
            faults = []
            if extra:
                answers = spoken(extra, everybody.map(str, na_action="ignore"))
                levels = f"the levels are {variable.levels}"
                faults.append(f"has answers that are not levels: {answers}; {levels}")
            return typed, faults
        decimal = self.raw.attrs.get("decimal", ".")
        return _as_numbers(given, variable, decimal, everybody)


def _positive(variable: Variable) -> Any:
    """The value that one of several columns is enough for."""
    if variable.type == "binary":
        return 1
    return next(reversed(variable.levels), None)


def _as_category(
    given: pd.Series, levels: list[str], declared: set[str], order: list[str] | None
) -> tuple[pd.Series, list[str]]:
    """Values as levels, and those that are none.

    `declared` values were checked before; `order` is that of the file, if it has one.
    """
    texts = given.map(str, na_action="ignore")
    occurring = set(texts.dropna())
    levels = list(levels)
    if not levels:
        in_order = order or sorted(occurring)
        levels = [level for level in in_order if level in occurring]
        levels += sorted(occurring - set(levels))
    extra = sorted(occurring - set(levels) - declared)
    kept = texts.where(texts.isin(levels))
    return pd.Series(pd.Categorical(kept, categories=levels)), extra


def _as_numbers(
    given: pd.Series, variable: Variable, decimal: str, everybody: pd.Series
) -> tuple[pd.Series, list[str]]:
    """Values as floats, and the faults of those that are no numbers."""
    try:
        column = numbers_of(given, decimal)
    except ValueError:
        return given, [BOTH_MARKS]
    faults = []
    bad = given[given.notna() & ~np.isfinite(column)]
    if len(bad):
        answers = spoken(bad, everybody)
        faults.append(f"has answers that are not numbers: {answers}")
    numbers = column[np.isfinite(column)]
    if variable.type == "binary" and not numbers.isin([0, 1]).all():
        faults.append("holds numbers other than 0 and 1; give values")
    return column, faults


def _own_order(column: pd.Series) -> list[str] | None:
    """The levels of a column in the file's own order, as texts, if it has one."""
    if column.dtype != "category":
        return None
    texts = [plain(str(level)) for level in column.cat.categories]
    return list(dict.fromkeys(texts))


def _variable(
    name: str, rule: Rule, codebook: dict[str, Variable]
) -> tuple[Variable, list[str]]:
    """The codebook's variable, as this source declares it for itself, and its faults."""
    from trustlib import forms

    faults = []
    if codebook and name not in codebook:
        faults.append(one_line(unknown_name("codebook variable", name, codebook)))
    known = codebook.get(name) or forms.Variable()
    declared = {
        "label": rule.label or known.label,
        "levels": rule.levels or known.levels,
    }
    own = known.model_copy(update=declared)
    if name not in codebook and rule.targets and set(rule.targets) <= {0, 1}:
        return own.model_copy(update={"type": "binary", "levels": []}), faults
    if own.type != "category":
        return own, faults
    extra = sorted(_targets(rule) - set(own.levels))
    if own.levels and extra:
        faults.append(
            f"variable {name}: {extra} are not levels; the levels are {own.levels}"
        )
    if rule.any_of and len(own.levels) != 2:
        faults.append(
            f"variable {name}: any_of needs two levels in order, "
            f"the second for 'any'; got {own.levels}"
        )
    if not own.levels:
        own = own.model_copy(update={"levels": _levels_of_rule(rule)})
    return own, faults


def _levels_of_rule(rule: Rule) -> list[str]:
    """The values that a rule gives, in its order; none if it takes the answers as they are."""
    if not rule.targets:
        return []
    given = list(rule.targets)
    if rule.missing_as is not None:
        given.append(rule.missing_as)
    return list(dict.fromkeys(map(str, given)))


def _targets(rule: Rule) -> set[str]:
    """The values that a rule gives to people, as texts."""
    given = (*rule.targets, rule.missing_as)
    return {str(value) for value in given if value is not None}


def _as_it_is(path: str | Path) -> pd.DataFrame:
    """A survey file without a mapping.

    Labels where each answer has its own, numbers where a CSV column holds these.
    """
    frame, value_labels = read_table(path)
    for column, codes in frame.attrs.pop("missing", {}).items():
        kept = frame[column].mask(frame[column].isin(codes))
        frame[column] = kept.infer_objects()
    decimal = frame.attrs.pop("decimal", None)
    for of_the_draft in ("titles", "listed"):
        frame.attrs.pop(of_the_draft, None)
    for column, labels in value_labels.items():
        answers = set(frame[column].dropna().unique())
        distinct = len(set(labels.values())) == len(labels)
        if distinct and answers <= set(labels):
            texts = frame[column].map(labels)
            frame[column] = pd.Categorical(texts, categories=list(labels.values()))
    if decimal is not None:
        frame = frame.apply(_numbers_where_possible)
    return frame.apply(_in_one_form)


def _in_one_form(column: pd.Series) -> pd.Series:
    """Texts in the Unicode form NFC."""
    if column.dtype == "category":
        return _category_in_one_form(column)
    if column.dtype != object and not isinstance(column.dtype, pd.StringDtype):
        return column
    texts = [v for v in column.dropna().unique() if isinstance(v, str)]
    changed = {text: in_one_form(text) for text in texts if in_one_form(text) != text}
    if not changed:
        return column
    return column.replace(changed)


def _category_in_one_form(column: pd.Series) -> pd.Series:
    """A category with its levels in the Unicode form NFC."""
    levels = list(column.cat.categories)
    renamed = [in_one_form(level) for level in levels]
    if renamed == levels:
        return column
    order = list(dict.fromkeys(renamed))
    texts = column.astype(object).map(in_one_form)
    return pd.Series(pd.Categorical(texts, categories=order), column.index)


def _spells_numbers(column: pd.Series) -> bool:
    """Whether all values are numbers or booleans, or texts that spell numbers."""
    return bool(np.isfinite(numbers_of(column.dropna())).all())


def _numbers_where_possible(column: pd.Series) -> pd.Series:
    """A column of texts as numbers, if all are such, and blanks as missing.

    Codes with leading zeros stay texts.
    """
    filled = column.replace("", None)
    texts = filled.dropna()
    if texts.str.contains(r"^\s*[+-]?0[0-9]").any() or not _spells_numbers(texts):
        return filled
    return pd.to_numeric(filled)
