"""A first mapping of a survey file: what a mapping might say, as comments that its user decides on.

An answer is written only if at least 10 people gave it, and none of a column that may
hold personal details: neither a rare text nor an identifier leaves the file. Words by
which columns and answers are recognised are in ``words.yml`` beside this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.file_facts import FileFacts, facts_of
from trustbook.runs import source_kind
from trustlib.answers import code_of, numbers_of, plain
from trustlib.disclosure import MINIMUM
from trustlib.escaping import one_line_of, visible, yaml_string
from trustlib.files import read_table
from trustlib.masking import are_shown
from trustlib.personal import kind_of_column, looks_personal
from trustlib.schema import load_yaml

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
MAX_ANSWERS = 25
LONGEST = 160  # letters of a label or of a list of answers


@dataclass(frozen=True)
class _Column:
    """A column of the file, and what the file says about it."""

    given: pd.Series
    absent: pd.Series  # bool: whose answer the file declares missing
    title: str
    labels: Mapping[Any, str]  # code -> label
    is_declared: bool  # whether the file declares values of it missing
    is_listed: bool  # whether it belongs to a list of things to tick

    @property
    def name(self) -> str:
        return str(self.given.name)

    @property
    def answers(self) -> pd.Series:
        """The answers, without those that the file declares missing."""
        return self.given.mask(self.absent)

    @property
    def is_filled(self) -> pd.Series:
        """Who gave an answer."""
        texts = self.answers.astype(str).str.strip()
        return self.answers.notna() & (texts != "")

    @property
    def personal(self) -> str:
        """The kind of personal details that it may hold; empty if none."""
        if self.labels:
            return ""
        return kind_of_column(self.answers[self.is_filled], self.title)

    @property
    def blank(self) -> int:
        """How many people gave none, and none that the file declares missing."""
        return int((~self.is_filled & ~self.absent).sum())


@dataclass(frozen=True)
class _Answers:
    """The answers of a column that may be written."""

    kept: list[str]
    missing: dict[str, str]  # answer -> kind of missing
    rare: int  # further ones
    is_ticked: bool  # whether only what was chosen is coded


@dataclass(frozen=True)
class _Meaning:
    """What answers are taken for."""

    levels: list[Any]  # of each answer
    order: list[Any]
    fits: bool  # whether each is a level of the codebook, or of an outcome
    is_binary: bool  # whether these levels are 1 and 0


def first_mapping(file: str | Path, encoding: str | None = None) -> str:
    r"""A mapping to begin with, as YAML whose proposals are comments.

    Parameters
    ----------
    file : path
        .csv, .csv.gz, .sav, .zsav, .dta or .parquet.
    encoding : str, optional
        See `trustlib.files.read_table`.

    Returns
    -------
    str
        Each column with a name from the codebook where its name or label suggests one,
        its answers if at least 10 people gave them, those that seem to mean missing, and
        candidates for weights, strata, PSUs and replicates. The encoding, if it was
        given.

    Raises
    ------
    MissingFileError, SurveyFileError

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("sex\n" + "Male\n" * 20 + "Female\n" * 20)
    ...     mapping = first_mapping(path)
    >>> start = mapping.index('#   "gender"')
    >>> print(mapping[start : mapping.index("## CAUTION")].strip())
    #   "gender":
    #     column: "sex"
    #     label: "sex"
    #     levels: ["man", "woman"]
    #     values:
    #       "Female": "woman"
    #       "Male": "man"
    """
    raw, labels = read_table(file, encoding)
    facts = facts_of(Path(file))
    design = _design(raw)
    of_design = {name for columns in design.values() for name in columns}
    taken: set[str] = set()
    lines = [_head(Path(file), encoding)]
    for name in raw:
        if name not in of_design:
            column = _column(raw, name, labels.get(name, {}), facts)
            lines += _column_lines(column, taken)
    for key, made in facts.sets.items():
        columns = one_line_of(made["variable_list"])
        lines.append(f"## columns that belong together, {yaml_string(key)}: {columns}")
    lines += _design_lines(design)
    return "\n".join(lines) + "\n"


def _head(file: Path, encoding: str | None) -> str:
    """What the mapping says of the file as a whole."""
    name = yaml_string(visible(file.name.partition(".")[0]))
    kind = source_kind(file) or "supplied"
    head = WORDS["head"]
    if encoding:
        head += f"encoding: {yaml_string(encoding)}\n"
    source = f"source:\n  id: {name}\n  kind: {kind}\n  label: {name}\n"
    return f"{head}{source}variables:"


def _column(
    raw: pd.DataFrame, name: str, labels: Mapping[Any, str], facts: FileFacts
) -> _Column:
    """A column of the table, and what the file says about it."""
    missing = raw.attrs.get("missing", {})
    return _Column(
        given=raw[name],
        absent=raw[name].isin(missing.get(name, [])),
        title=visible(facts.titles.get(name) or "", LONGEST),
        labels=labels,
        is_declared=name in facts.declared,
        is_listed=name in facts.listed,
    )


def _column_lines(column: _Column, taken: set[str]) -> list[str]:
    """What the mapping says of a column: its name, what the file declares missing, and a proposal."""
    head = f"\n## {yaml_string(column.name)}"
    if column.title:
        head += f": {column.title}"
    lines = [head]
    if column.is_declared:
        declared = _declared_missing(column)
        lines.append(f"## declared missing in the file, and kept apart: {declared}")
    return lines + _proposal(column, taken)


def _declared_missing(column: _Column) -> str:
    """The answers that the file declares missing, if people enough gave them."""
    counts = column.given[column.absent].value_counts()
    least = 1 if are_shown() else MINIMUM
    frequent = [answer for answer, n in counts.items() if n >= least]
    listed = ", ".join(_spelt(answer, column.labels) for answer in frequent)
    return visible(listed, LONGEST) or "rare answers"


def _design_lines(design: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The candidates for the columns of the design; of several the first is proposed."""
    if design:
        yield "\n# design:"
    else:
        yield ""
    if "weight" not in design:
        yield WORDS["unweighted"]
    for key, columns in design.items():
        if key == "replicate_weights":
            yield f"#   {key}: {yaml_string(columns)}"
            yield from _replicate_lines(len(columns))
            continue
        first, *others = columns
        yield f"#   {key}: {yaml_string(first)}"
        for other in others:
            yield f"## or {key}: {yaml_string(other)}"


def _replicate_lines(count: int) -> list[str]:
    """What is to be asked about replicate weights."""
    return WORDS["replicates"].format(n=count, scale=1 - 1 / count).splitlines()


def _spaced(column: str) -> str:
    """A name as words: ``BirthGender`` is ``birth gender``."""
    between_words = r"(?<=[a-z])(?=[A-Z])|[_\W]+|(?<=[^\W\d])(?=\d)"
    return re.sub(between_words, " ", column).lower()


def _design(raw: pd.DataFrame) -> dict[str, list[str]]:
    """Candidates for the columns of the design, by name and content."""
    candidates = {}
    for key, words in WORDS["design"].items():
        candidates[key] = [name for name in raw if re.search(words, _spaced(name))]
    weights = [name for name in candidates["weight"] if _may_be_weight(raw, name)]
    replicates = _longest_series(weights)
    candidates["weight"] = [name for name in weights if name not in replicates]
    candidates["replicate_weights"] = replicates
    return {key: columns for key, columns in candidates.items() if columns}


def _may_be_weight(raw: pd.DataFrame, name: str) -> bool:
    """Whether everybody has a number that is not negative, and not all are whole."""
    numbers = _numbers(raw, name)
    is_weight = numbers.notna().all() and (numbers >= 0).all()
    return bool(is_weight and (numbers % 1 != 0).any())


def _longest_series(names: Iterable[str]) -> list[str]:
    """The names that differ in a number at their end only, if more than ten do: replicate weights."""
    names = list(names)
    stems = pd.Series([name.rstrip("0123456789") for name in names], dtype=object)
    counts = stems.value_counts()
    if counts.empty or counts.iloc[0] <= MINIMUM:
        return []
    numbered = re.compile(rf"{re.escape(counts.index[0])}0*[1-9]\d*")
    return [name for name in names if numbered.fullmatch(name)]


def _numbers(raw: pd.DataFrame, column: str) -> pd.Series:
    """A column as numbers; none if its decimals are written in two ways."""
    try:
        return numbers_of(raw[column], raw.attrs.get("decimal", "."))
    except ValueError:
        return pd.Series(float("nan"), raw.index)


def _proposal(column: _Column, taken: set[str]) -> list[str]:
    """What a mapping may say of one column; adds the name of the variable to `taken`."""
    guess = _guess(column)
    hint = [f"## may be {guess} of the codebook"] if guess else []
    counts = column.answers[column.is_filled].value_counts()
    if column.personal:
        return [f"## may hold {column.personal}, of which none is written"]
    if len(counts) > MAX_ANSWERS:
        many = (
            f"## {len(counts)} different answers, of which none is written; "
            "to use it, group them first"
        )
        return [*hint, many]
    answers = _answers(column, counts)
    notes = []
    if answers.rare:
        further = f"## further answers, each of fewer than {MINIMUM} people"
        notes.append(f"{further}: {answers.rare}")
    if are_shown():
        rare = [answer for answer, n in counts.items() if n < MINIMUM]
        spelt = [yaml_string(_spelt(answer, column.labels)) for answer in rare]
        notes += [f"##   {one_line_of(answer)}" for answer in spelt]
    if len(answers.kept) < 2 and not answers.is_ticked:
        few = (
            f"## answers that at least {MINIMUM} people gave: {len(answers.kept)}, "
            "so nothing to compare"
        )
        return [*hint, *notes, few]
    if answers.is_ticked:
        meaning = _Meaning([1], [], fits=True, is_binary=True)
        notes.append(WORDS["blank"])
    else:
        meaning = _meaning(answers.kept, guess)
    own = _own_name(column, guess, meaning, taken)
    taken.add(own)
    proposed = [f"# {line}" for line in _variable(own, column, answers, meaning)]
    if own == guess:
        hint = []
    return [*hint, *proposed, *notes]


def _guess(column: _Column) -> str:
    """The variable of the codebook that the name or the label of a column suggests; empty if none."""
    for text in (_spaced(column.name), column.title.lower()):
        for variable, words in WORDS["columns"].items():
            if re.search(words, text):
                return variable
    return ""


def _answers(column: _Column, counts: pd.Series) -> _Answers:
    """The answers that at least ten people gave, in order, and those that seem to mean missing."""
    frequent = counts[counts >= MINIMUM].sort_index().index
    impersonal = [answer for answer in frequent if not looks_personal(answer)]
    answers = {_spelt(value, column.labels): value for value in impersonal}
    missing = _absent(answers, column.labels)
    kept = [text for text in answers if text not in missing]
    is_ticked = False
    if len(kept) == 1 and column.blank >= MINIMUM:
        is_ticked = column.is_listed or _says_yes(kept[0])
    return _Answers(kept, missing, len(counts) - len(answers), is_ticked)


def _says_yes(answer: str) -> bool:
    return bool(re.search(WORDS["answers"]["outcome"][1], answer.lower()))


def _meaning(answers: list[str], guess: str) -> _Meaning:
    """The levels of a variable that answers mean, or the answers themselves if one of them means none."""
    known = WORDS["answers"].get(guess, WORDS["answers"]["outcome"])
    levels = [_level(answer, known) for answer in answers]
    is_binary = 0 in known
    if None in levels:
        return _Meaning(answers, answers, False, is_binary)
    order = [level for level in known if level in levels]
    return _Meaning(levels, order, True, is_binary)


def _level(answer: str, known: Mapping[Any, str]) -> Any:
    """The level whose words an answer has; None if it has those of none."""
    for level, words in known.items():
        if re.search(words, answer.lower()):
            return level
    return None


def _own_name(column: _Column, guess: str, meaning: _Meaning, taken: set[str]) -> str:
    """A name that no other variable has: that of the codebook where the levels are its own, else the column's."""
    slug = re.sub(r"\W+", "_", column.name).strip("_").lower() or "column"
    numbered = [f"{slug}_{i}" for i in range(2, len(taken) + 3)]
    names = [slug, *numbered]
    if guess not in ("", "low_trust") and meaning.fits != meaning.is_binary:
        names.insert(0, guess)
    return next(name for name in names if name not in taken)


def _variable(
    name: str, column: _Column, answers: _Answers, meaning: _Meaning
) -> Iterator[str]:
    """A variable of the mapping, line by line."""
    yield f"  {yaml_string(name)}:"
    yield f"    column: {yaml_string(column.name)}"
    yield f"    label: {yaml_string(column.title or column.name)}"
    if not (meaning.fits and meaning.is_binary):
        yield f"    levels: {yaml_string(meaning.order)}"
    yield "    values:"
    for answer, level in zip(answers.kept, meaning.levels, strict=True):
        yield f"      {yaml_string(answer)}: {yaml_string(level)}"
    if answers.is_ticked:
        yield "    blank: 0"
    if answers.missing:
        yield "    missing:"
    for answer, kind in answers.missing.items():
        yield f"      {yaml_string(answer)}: {yaml_string(kind)}"


def _spelt(value: Any, labels: Mapping[Any, str]) -> str:
    """How an answer is written in a mapping: its label if only it has this one, else its code, else both."""
    label = labels.get(value, "")
    code = None if isinstance(value, str) else code_of(value)
    own = code or plain(str(value))
    others = [other for other in labels if other != value]
    other_labels = [labels[other] for other in others]
    if own in other_labels:
        return f"[{own}] {label}" if label else own
    if not label or label in other_labels:
        return own
    if label in [code_of(other) or plain(str(other)) for other in others]:
        return f"[{own}] {label}"
    return label


def _absent(answers: Mapping[str, Any], labels: Mapping[Any, str]) -> dict[str, str]:
    """Answers that seem to mean missing: by their words, or as codes such as -1 and 9 that stand apart."""
    words = re.compile(WORDS["missing"], re.IGNORECASE)
    missing = {text: text for text in answers if words.search(text)}
    unlabelled = [text for text, value in answers.items() if value not in labels]
    codes = {text: pd.to_numeric(text, errors="coerce") for text in unlabelled}
    spare_codes = WORDS["spare_codes"]
    usual = max((code for code in codes.values() if code not in spare_codes), default=0)
    spare = [code for code in codes.values() if code in spare_codes and code > usual]
    stand_apart = bool(spare) and min(spare) > usual + 1
    for text, code in codes.items():
        is_alone = code < 0 or (code in spare and stand_apart)
        if is_alone and text not in missing:
            missing[text] = f"code {text}, to be checked"
    return missing
