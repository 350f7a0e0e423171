"""A first mapping of a survey file: it says whether it runs and what it left out, and its user decides on each line.

An answer is written only if at least 10 people gave it, and none of a column that may
hold personal details: neither a rare text nor an identifier leaves the file.
`trustbook.column_proposals` says what one column may be, `trustbook.known_designs` which
columns are weights, strata and PSUs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.column_proposals import (
    LONGEST,
    Proposal,
    Variable,
    propose,
    says_not_chosen,
)
from trustbook.file_facts import FileFacts, facts_of
from trustbook.known_designs import (
    KnownDesign,
    design_lines,
    design_of,
    is_of_design,
)
from trustbook.known_identities import identities_of
from trustbook.runs import source_kind
from trustbook.supplied import read_supplied
from trustbook.survey_columns import TRUST, WORDS, Column, spelling
from trustlib import yaml12
from trustlib.disclosure import MINIMUM
from trustlib.errors import TrustlibError, require_names
from trustlib.escaping import one_line_of, visible, yaml_string
from trustlib.files import read_table
from trustlib.masking import are_shown
from trustlib.personal import spaced

MOST_COLUMNS = 30  # of which proposals are written, unless more are asked for
MOST_NAMED = 60  # of those that are left out
MOST_OUTCOMES = 3
MOST_IDENTITIES = 6
MOST_LEVELS = 12  # of an identity that is taken without being known as one


@dataclass(frozen=True)
class Wanted:
    """Which columns of a file are asked for; all if none is named.

    Attributes
    ----------
    columns : tuple of str
        By name.
    grep : str
        Words, or a regular expression, for names, labels and answers with labels.

    Examples
    --------
    >>> bool(Wanted()), bool(Wanted(grep="trust"))
    (False, True)
    """

    columns: tuple[str, ...] = ()
    grep: str = ""

    def __bool__(self) -> bool:
        return bool(self.columns or self.grep)

    def has(self, column: Column) -> bool:
        """Whether a column is asked for."""
        if column.name in self.columns:
            return True
        if not self.grep:
            return False
        texts = [column.name, spaced(column.name), column.title]
        texts += map(str, column.labels.values())
        try:
            found = [re.search(self.grep, text, re.IGNORECASE) for text in texts]
        except re.error:  # words with signs that mean something in a pattern
            found = [self.grep.casefold() in text.casefold() for text in texts]  # type: ignore[misc]
        return any(found)


def first_mapping(
    file: str | Path,
    encoding: str | None = None,
    sheet: str | None = None,
    wanted: Wanted | None = None,
) -> str:
    r"""A mapping to begin with, as YAML.

    Parameters
    ----------
    file : path
        See `trustlib.files.read_table`.
    encoding, sheet : str, optional
        The same.
    wanted : Wanted, optional
        Only these columns, and all of them.

    Returns
    -------
    str
        Outcomes and identities that it takes, and proposals for other columns as
        comments; whether it runs so, which was tried; the design that the file seems to have; what was left out.
        Variables have names from the codebook where a column's name or label suggests
        one, and answers that at least 10 people gave.

    Raises
    ------
    MissingFileError, SurveyFileError
    UnknownNameError
        There is no such column.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("sex\n" + "Male\n" * 20 + "Female\n" * 20)
    ...     mapping = first_mapping(path)
    >>> start = mapping.index('  "gender":')
    >>> print(mapping[start : mapping.index("## No column")].strip())
    "gender":
        column: "sex"
        label: "sex"
        values: {"Male": "man", "Female": "woman"}
    """
    asked = wanted or Wanted()
    draft = draft_of(file, encoding, sheet, asked)
    choice = _Choice.of(draft.proposals, bool(asked))
    lines = [_source(Path(file), encoding, sheet), *_notes(draft.raw), "variables:"]
    lines += choice.lines()
    if not asked:
        for key, made in draft.facts.sets.items():
            names = one_line_of(made["variable_list"])
            lines.append(
                f"## columns that belong together, {yaml_string(key)}: {names}"
            )
    lines += design_lines(draft.raw, draft.design, WORDS)
    text = "\n".join(lines) + "\n"
    return WORDS["head"].format(runs=_whether_it_runs(file, text, choice)) + text


def _whether_it_runs(file: str | Path, text: str, choice: _Choice) -> str:
    """A sentence that says whether a mapping runs as it is, which is tried."""
    if choice.lacking:
        lacking = WORDS["lacks_something"].format(lacking=" and ".join(choice.lacking))
        return str(WORDS["runs_not_yet"].format(why=lacking))
    try:
        read_supplied(file, yaml12.load(text))
    except (TrustlibError, ValueError):
        return str(WORDS["runs_not_yet"].format(why=WORDS["has_faults"]))
    return str(WORDS["runs_as_it_is"])


@dataclass(frozen=True)
class Draft:
    """What a file offers before anything of it is chosen.

    Attributes
    ----------
    raw : DataFrame
        From `trustlib.files.read_table`.
    facts : FileFacts
    design : KnownDesign
    proposals : list of Proposal
        One for each column that is not of the design.
    """

    raw: pd.DataFrame
    facts: FileFacts
    design: KnownDesign
    proposals: list[Proposal]

    @property
    def taken(self) -> frozenset[str]:
        """The variables that a first mapping of the whole file takes."""
        return _Choice.of(self.proposals, False).taken


def draft_of(
    file: str | Path,
    encoding: str | None = None,
    sheet: str | None = None,
    wanted: Wanted | None = None,
) -> Draft:
    r"""Read a file and propose variables for its columns.

    Parameters
    ----------
    file, encoding, sheet, wanted
        As in `first_mapping`.

    Returns
    -------
    Draft

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("sex,wt\n" + "Male,0.5\nFemale,1.5\n" * 20)
    ...     draft = draft_of(path)
    >>> [each.column.name for each in draft.proposals], draft.design.columns
    (['sex'], {'weight': ['wt']})
    """
    raw, labels = read_table(file, encoding, sheet)
    asked = wanted or Wanted()
    asked = replace(asked, columns=_names(asked.columns, list(raw)))
    facts = facts_of(Path(file))
    design = design_of(raw)
    columns = [
        column
        for column in _columns(raw, labels, facts, design.survey)
        if column.name not in design.names
        and (not is_of_design(column.name) or column.name in asked.columns)
    ]
    if asked:
        columns = [column for column in columns if asked.has(column)]
    taken: set[str] = set()
    return Draft(raw, facts, design, [propose(column, taken) for column in columns])


def _names(given: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, each by itself or several with commas between them."""
    names: list[str] = []
    for text in given:
        if text in known:
            names.append(text)
        else:
            names += [part.strip() for part in text.split(",") if part.strip()]
    require_names("column", names, known)
    return tuple(names)


def _source(file: Path, encoding: str | None, sheet: str | None) -> str:
    """What the mapping says of the file as a whole."""
    name = yaml_string(visible(file.name.partition(".")[0]))
    kind = source_kind(file) or "supplied"
    head = ""
    if encoding:
        head += f"encoding: {yaml_string(encoding)}\n"
    if sheet:
        head += f"sheet: {yaml_string(sheet)}\n"
    return f"{head}source:\n  id: {name}\n  kind: {kind}\n  label: {name}"


def _notes(raw: pd.DataFrame) -> Iterator[str]:
    """What was left out when the file was read."""
    for note in raw.attrs.get("notes", []):
        yield f"## not read as people: {note}"


def _columns(
    raw: pd.DataFrame,
    labels: Mapping[str, Mapping[Any, str]],
    facts: FileFacts,
    survey: str,
) -> Iterator[Column]:
    """The columns of the table, and what the file says about each."""
    missing = raw.attrs.get("missing", {})
    titles = {**raw.attrs.get("titles", {}), **facts.titles}
    lists = _lists(raw, labels) | facts.listed
    for name in raw.attrs.get("listed", []):
        if _ticks(raw[name], labels.get(name, {})):
            lists.add(name)
    known = identities_of(map(str, raw), survey)
    for name in raw:
        title = titles.get(name) or ""
        if name in known and title in ("", name):
            title = known[name].label
        yield Column(
            given=raw[name],
            absent=raw[name].isin(missing.get(name, [])),
            title=visible(title, LONGEST),
            labels=labels.get(name, {}),
            is_declared=name in facts.declared,
            is_listed=name in lists,
            decimal=raw.attrs.get("decimal", "."),
            known=known.get(name),
        )


def _lists(raw: pd.DataFrame, labels: Mapping[str, Mapping[Any, str]]) -> set[str]:
    """Columns that differ in the end of their names only, and in which one thing is ticked or not."""
    stems: dict[str, list[str]] = {}
    for name in map(str, raw.columns):
        stem = re.sub(r"([_.:]?\s?\d+|[_.]\w|[:_.\-]\s?\w[^:_.]*)$", "", name)
        if stem != name and _ticks(raw[name], labels.get(name, {})):
            stems.setdefault(stem, []).append(name)
    return {name for names in stems.values() if len(names) > 1 for name in names}


def _ticks(column: pd.Series, labels: Mapping[Any, str]) -> bool:
    """Whether a column has one answer beside those that say *not chosen*."""
    answers = column.dropna().unique()
    if len(answers) > 3:
        return False
    texts = [spelling(answer, labels) for answer in answers]
    return sum(bool(text) and not says_not_chosen(text) for text in texts) == 1


@dataclass(frozen=True)
class _Choice:
    """Which variables the mapping takes, and of which columns it writes proposals."""

    proposals: Sequence[Proposal]
    taken: frozenset[str]  # names of variables
    written: frozenset[str]  # names of columns
    lacking: tuple[str, ...]

    @classmethod
    def of(cls, proposals: Sequence[Proposal], asked: bool) -> _Choice:
        """Outcomes and identities that are known as such; where there are none, the first that may be."""
        pairs = [(each, v) for each in proposals for v in each.variables if v.is_valid]
        if asked:
            chosen = [variable for _, variable in pairs]
        else:
            outcomes = _outcomes(pairs)
            columns = {p.column.name for p, v in pairs if v in outcomes}
            free = [(p, v) for p, v in pairs if p.column.name not in columns]
            chosen = [*outcomes, *_identities(free)]
        taken = frozenset(variable.name for variable in chosen)
        written = _written(proposals, taken, len(proposals) if asked else MOST_COLUMNS)
        missing = []
        if not any(variable.is_outcome for variable in chosen):
            missing.append("an outcome")
        if not any(
            variable.levels > 1 and not variable.is_outcome for variable in chosen
        ):
            missing.append("an identity")
        return cls(proposals, taken, written, tuple(missing))

    def lines(self) -> Iterator[str]:
        """The variables of the mapping, line by line."""
        for proposal in self.proposals:
            if proposal.column.name in self.written:
                yield from self._of_column(proposal)
        for lacking in self.lacking:
            yield WORDS["nothing_found"].format(lacking=lacking)
        yield from self._left_out()

    def _of_column(self, proposal: Proposal) -> Iterator[str]:
        """What is said of one column."""
        column = proposal.column
        head = f"\n## {yaml_string(column.name)}"
        if column.title and column.title != column.name:
            head += f": {column.title}"
        yield head
        if column.is_declared:
            declared = _declared_missing(column)
            yield f"## declared missing in the file, and kept apart: {declared}"
        yield from proposal.head
        for variable in proposal.variables:
            sign = "" if variable.name in self.taken else "# "
            yield from (f"{sign}{line}" for line in variable.text())
        yield from proposal.notes

    def _left_out(self) -> Iterator[str]:
        """The columns of which nothing is written."""
        names = [p.column.name for p in self.proposals]
        absent = [name for name in names if name not in self.written]
        if not absent:
            return
        yield ""
        yield WORDS["left_out"].format(n=len(absent))
        shown = ", ".join(
            yaml_string(visible(name, 60)) for name in absent[:MOST_NAMED]
        )
        more = len(absent) - MOST_NAMED
        if more > 0:
            shown += f" and {more} more"
        yield f"## {shown}"


Pairs = Sequence[tuple[Proposal, Variable]]


def _outcomes(pairs: Pairs) -> list[Variable]:
    """The outcomes that a mapping takes: of trust if there are some, else the first."""
    outcomes = [(p, v) for p, v in pairs if v.is_outcome and not p.column.is_identity]
    clear = [(p, v) for p, v in outcomes if v.is_clear]
    known = [v for p, v in clear if p.column.guess in TRUST]
    others = [v for p, v in clear if p.column.guess not in TRUST]
    unclear = [v for _, v in outcomes]
    return (known or others[:1] or unclear[:1])[:MOST_OUTCOMES]


def _identities(pairs: Pairs) -> list[Variable]:
    """The identities that a mapping takes: those that are known, else the first with a few levels."""
    identities = [(p, v) for p, v in pairs if not v.is_outcome and v.levels > 1]
    known = [(p, v) for p, v in identities if p.column.is_identity]
    known.sort(key=lambda pair: not pair[0].column.guess)  # those of the codebook first
    others = [v for p, v in identities if not p.column.is_identity]
    compared = [v for _, v in known if v.name not in WORDS["places"]]
    places = [v for p, v in known if v.name in WORDS["places"]]
    if not compared:
        compared = [v for v in others if v.levels <= MOST_LEVELS][:1]
    return [*compared[:MOST_IDENTITIES], *places]


def _written(
    proposals: Sequence[Proposal], taken: frozenset[str], most: int
) -> frozenset[str]:
    """The columns of which something is written: those that are taken first, then those that are known."""
    ranked = sorted(proposals, key=lambda proposal: _rank(proposal, taken))
    return frozenset(proposal.column.name for proposal in ranked[:most])


def _rank(proposal: Proposal, taken: Iterable[str]) -> int:
    """How near a column is to what is looked for; 0 is nearest."""
    names = {variable.name for variable in proposal.variables}
    if names & set(taken):
        return 0
    if not proposal.variables:
        return 3
    return 1 if proposal.column.guess or proposal.column.is_identity else 2


def _declared_missing(column: Column) -> str:
    """The answers that the file declares missing, if people enough gave them."""
    counts = column.given[column.absent].value_counts()
    least = 1 if are_shown() else MINIMUM
    frequent = [answer for answer, n in counts.items() if n >= least]
    listed = ", ".join(spelling(answer, column.labels) for answer in frequent)
    return visible(listed, LONGEST) or "rare answers"
