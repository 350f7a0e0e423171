"""A survey file that somebody supplies: what is in it, and who of its people is counted.

`read_supplied` reads the file through its mapping and says which variables are outcomes
and which are identities (`roles`). `described` tells it in words, `account_of` what
becomes of each row. Small numbers of people are masked wherever they are shown, and the
others follow the rounding of the source, if it has one.

Which tables may be shown is decided in `trustbook.families`, which pages there are in
`trustbook.choice`; `trustbook.private_book` makes the book. The public book depends on
none of it.

Words and texts are in ``words.yml`` beside this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.runs import source_kind
from trustbook.told import Told, told_by_variable, typed_by
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import (
    CodebookError,
    TrustlibError,
    UnknownNameError,
    raise_faults,
    require_names,
)
from trustlib.escaping import visible
from trustlib.masking import are_shown, foreign
from trustlib.meanings import BLANK, DECLARED
from trustlib.personal import kind_of_column, looks_personal
from trustlib.rounding import people_in_words as people
from trustlib.schema import declared_design, load_mapping, load_yaml, read_survey
from trustlib.sources import Source

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
KINDS = ("supplied", "real", "synthetic")  # of evidence that a file may be
OUTCOME = "outcome"
IDENTITY = "identity"
NEITHER = "neither outcome nor identity"
NUMBER = "a number, neither outcome nor identity"
NOBODY = "nobody has a value"
COUNTS_ALL = "not taken as an outcome: missing_as counts everybody; use blank"
RARE = "not taken: fewer than 10 people gave some answers; declare each under values"
PERSONAL = "not taken: the column may hold "
NOT_TOLD = "not shown"  # a number
TOGETHER = "together: "
# The last two are raised by facts in a Parquet file that are not what they should be.
UNREADABLE = (TrustlibError, ValueError, AttributeError)


def read_supplied(
    file: str | Path, mapping: str | Path | dict
) -> tuple[SurveyDesign, list[str], list[str]]:
    r"""Read a file through its mapping; return the design, the outcomes and the identities.

    Parameters
    ----------
    file : path
    mapping : path or dict

    Returns
    -------
    design : SurveyDesign
    outcomes, axes : list of str
        In the order of the mapping.

    Raises
    ------
    CodebookError
        Every fault of the mapping, the file and the design, and a file or mapping of
        which nothing can be made.

    Examples
    --------
    >>> from pathlib import Path
    >>> import json, tempfile
    >>> values = {"low_trust": {"values": {"little": 1, "much": 0}}}
    >>> values["gender"] = {"values": {"m": "man", "w": "woman"}}
    >>> mapping = {"source": {"kind": "supplied"}, "variables": values}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "people.csv")
    ...     _ = file.write_text("low_trust,gender\nlittle,m\nmuch,w\n")
    ...     _ = Path(folder, "m.yml").write_text(json.dumps(mapping))
    ...     design, outcomes, axes = read_supplied(file, Path(folder, "m.yml"))
    >>> outcomes, axes, len(design.frame)
    (['low_trust'], ['gender'], 2)
    """
    kind = load_mapping(mapping)[0].source.kind
    own_name = "its mapping" if isinstance(mapping, dict) else Path(mapping).name
    hint = "Look at the mapping; in a proposal, delete the # of what is right."
    faults = []
    if kind not in KINDS:
        faults.append(f"source: kind is {kind}, expected {' or '.join(KINDS)}")
    try:
        frame = read_survey(file, mapping)
        own = source_kind(Path(file))
        if own not in (None, kind):
            faults.append(
                f"source: kind is {kind}, but the file itself says that its data are {own}"
            )
        role_of = roles(frame, mapping)
        told = with_told_kinds(frame, mapping).drop(columns=left_out(role_of))
        design = SurveyDesign(told, **declared_design(mapping))
        faults += lacking(role_of)
    except UNREADABLE as error:
        faults += _lines_of(error)
        hint = getattr(error, "hint", hint)
    raise_faults(
        CodebookError,
        f"{Path(file).name} with {own_name} cannot be used",
        faults,
        hint,
    )
    outcomes = [name for name, role in role_of.items() if role == OUTCOME]
    axes = [name for name, role in role_of.items() if role == IDENTITY]
    return design, outcomes, axes


def read_chosen(
    file: str | Path,
    mapping: str | Path,
    outcomes: Sequence[str] = (),
    axes: Sequence[str] = (),
    first: Sequence[str] = (),
) -> tuple[SurveyDesign, list[str], list[str]]:
    """The same as `read_supplied` for those outcomes and identities that are asked for.

    Parameters
    ----------
    file, mapping : path
    outcomes, axes : sequence of str
        Variables of the mapping; by default every one of its kind.
    first : sequence of str
        Identities among them.

    Returns
    -------
    design : SurveyDesign
    outcomes, axes : list of str

    Raises
    ------
    CodebookError
        As `read_supplied`.
    UnknownNameError
        There is no such outcome or identity.

    Examples
    --------
    ::

        design, outcomes, axes = read_chosen("poll.sav", "m.yml", axes=["gender"])
    """
    design, known_outcomes, known_axes = read_supplied(file, mapping)
    require_role(OUTCOME, outcomes, known_outcomes, known_axes)
    require_role(IDENTITY, axes, known_axes, known_outcomes)
    chosen = list(axes) or known_axes
    require_role(IDENTITY, first, chosen, known_outcomes)
    return design, list(outcomes) or known_outcomes, chosen


def require_role(
    kind: str, names: Sequence[str], known: Sequence[str], others: Sequence[str]
) -> None:
    """Refuse names that are not known; capital letters are told apart, and a name of the other kind is called one.

    Parameters
    ----------
    kind : str
        `OUTCOME` or `IDENTITY`.
    names, known, others : sequence of str
        Those that are asked for, those of this kind, and those of the other.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> require_role(IDENTITY, ["gender"], ["gender", "age_band"], ["low_trust"])
    """
    for name in names:
        if name in known:
            continue
        alike = [other for other in known if other.casefold() == name.casefold()]
        hint = ""
        if alike:
            hint = f"Did you mean {alike[0]!r}?"
        elif name in others:
            hint = f"{name!r} is an {WORDS['other'][kind]}."
        if hint:
            raise UnknownNameError(
                f"There is no {kind} {name!r}.",
                f"{hint} There is: {', '.join(known)}.",
            )
        require_names(kind, [name], known)


def _lines_of(error: Exception) -> list[str]:
    """The faults that an error lists, or else its message."""
    message = getattr(error, "message", foreign(error))
    first, *numbered = message.splitlines() or [""]
    return unnumbered(numbered or [first])


def unnumbered(lines: Sequence[str]) -> list[str]:
    """Faults of an error without the numbers they are listed by.

    Examples
    --------
    >>> unnumbered(["  1. no outcome", " 12. no identity"])
    ['no outcome', 'no identity']
    """
    return [re.sub(r"^ *\d+\. ", "", line) for line in lines]


def roles(frame: pd.DataFrame, mapping: str | Path | dict) -> dict[str, str]:
    """What each variable of a mapping is taken for: an outcome, an identity, or neither and why.

    Parameters
    ----------
    frame : DataFrame
        Read through the mapping.
    mapping : path or dict

    Returns
    -------
    dict
        Variable -> `OUTCOME`, `IDENTITY`, `NUMBER` or a reason, in the order of the mapping.
    """
    plan, codebook = load_mapping(mapping)
    apart = WORDS["not_identities"] if codebook else WORDS["places"]
    role_of = {}
    for name, rule in plan.variables.items():
        columns = " ".join(part.column or name for part in rule.parts)
        own = frame[name].rename(columns)
        role = _of_the_file(own, typed_by(plan, codebook, name), rule.label or "")
        counts_all = rule.missing_as is not None
        role_of[name] = role or _role(frame[name], counts_all, apart)
    return role_of


def _of_the_file(column: pd.Series, typed: set[str], title: str) -> str:
    """Why levels that nobody wrote down are not taken from the file; empty if they are."""
    if column.dtype != "category":
        return ""
    people = column.value_counts()
    own = people[[str(level) not in typed for level in people.index]]
    own = own[own > 0]
    if own.empty:
        return ""
    kind = kind_of_column(column, title) or looks_personal(own.index[0])
    if kind:
        return PERSONAL + kind
    return RARE if (own < MINIMUM).any() else ""


def left_out(role_of: Mapping[str, str]) -> list[str]:
    """The variables that no page may be made of, because their answers may be told of nobody.

    Examples
    --------
    >>> left_out({"gender": IDENTITY, "town": RARE})
    ['town']
    """
    return [name for name, role in role_of.items() if role.startswith((RARE, PERSONAL))]


def with_told_kinds(frame: pd.DataFrame, mapping: str | Path | dict) -> pd.DataFrame:
    """A frame in which kinds of missing that only the file names, for few people, have no name.

    Parameters
    ----------
    frame : DataFrame
        Read through the mapping.
    mapping : path or dict

    Returns
    -------
    DataFrame
    """
    plan, codebook = load_mapping(mapping)
    told = frame.copy(deep=False)
    for name in plan.variables:
        kinds = frame.get(f"{name}_missing")
        if kinds is None or kinds.dtype != "category":
            continue
        typed = typed_by(plan, codebook, name) | {BLANK, DECLARED}
        people = kinds.value_counts()
        rare = [kind for kind, n in people.items() if 0 < n < MINIMUM]
        rare = [kind for kind in rare if str(kind) not in typed]
        if rare:
            texts = kinds.astype(object).where(~kinds.isin(rare), DECLARED)
            told[f"{name}_missing"] = pd.Categorical(texts)
    return told


def _role(column: pd.Series, counts_all: bool, apart: Sequence[str]) -> str:
    """What one variable is taken for."""
    answers = column.dropna()
    if answers.empty:
        return NOBODY
    if answers.dtype == "category":
        return NEITHER if column.name in apart else IDENTITY
    if not answers.isin([0, 1]).all():
        return NUMBER
    return COUNTS_ALL if counts_all else OUTCOME


def lacking(role_of: Mapping[str, str]) -> list[str]:
    """What a book cannot be made without, and these `roles` have not.

    Examples
    --------
    >>> lacking({"low_trust": "outcome", "age": NUMBER})
    ['variables: no identity; give one texts as values, its reference first']
    """
    kinds = set(role_of.values())
    faults = []
    if OUTCOME not in kinds:
        faults.append("variables: no outcome; give one the values 1 and 0")
    if IDENTITY not in kinds:
        faults.append(
            "variables: no identity; give one texts as values, its reference first"
        )
    return faults


def described(frame: pd.DataFrame, mapping: str | Path) -> list[str]:
    """What is in a file: the role of each variable and its people by level, and what is lacking; a line for each.

    Parameters
    ----------
    frame : DataFrame
        Read through the mapping.
    mapping : path or dict

    Returns
    -------
    list of str
    """
    role_of = roles(frame, mapping)
    told = told_by_variable(load_mapping(mapping)[0], len(frame))
    shown = frame if are_shown() else with_told_kinds(frame, mapping)
    lines = [
        _description(shown, name, role, told[name]) for name, role in role_of.items()
    ]
    return lines + lacking(role_of)


def _description(frame: pd.DataFrame, name: str, role: str, told: Told) -> str:
    """A variable, its role, and its people by level and by kind of missing."""
    base = Source.of(frame.attrs["source"]).rounding
    nobody = frame[name].iloc[:0]
    untold = role == NUMBER or (name in left_out({name: role}) and not are_shown())
    answers = nobody if untold else frame[name]
    kinds = frame.get(f"{name}_missing", nobody)
    levels = _people_by_level(answers.value_counts().sort_index())
    missing = _people_by_level(kinds.value_counts())
    members = [(frame[name] == level).to_numpy(bool) for level in levels]
    members += [(kinds == kind).to_numpy(bool) for kind in missing]
    counts = [(_level_in_words(level), n) for level, n in levels.items()]
    counts += [(_level_in_words(kind), n) for kind, n in missing.items()]
    shown = shown_counts(counts, base, told.which(members))
    line = f"  {visible(name)}: {role}"
    if role == IDENTITY:
        line += f", compared with {visible(frame[name].cat.categories[0])}"
    if levels:
        line += f" ({'; '.join(shown[: len(levels)])})"
    if missing:
        line += f"; missing: {'; '.join(shown[len(levels) :])}"
    return line


def _people_by_level(counts: pd.Series) -> dict[Any, int]:
    """The levels that somebody has, and how many people."""
    return {level: int(n) for level, n in counts.items() if n > 0}


def _level_in_words(level: Any) -> str:
    if isinstance(level, float):
        return f"{level:g}"
    return visible(level)


def account_of(
    design: SurveyDesign,
    outcome: str,
    axes: Sequence[str],
    told: Told | None = None,
) -> pd.DataFrame:
    """What becomes of each row of the file: used, or dropped for the first reason that holds.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
    axes : sequence of str
    told : Told, optional
        What was told before of outcomes from the same columns.

    Returns
    -------
    DataFrame
        Columns outcome, reason, n, told; n adds up to the rows of the file, and `told`
        says which numbers may be shown. The first row is those used.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"y": [1, 0, None, 1], "sex": ["m", "w", "m", None]})
    >>> design = SurveyDesign(people, weight=None)
    >>> account_of(design, "y", ["sex"])[["reason", "n"]].values.tolist()
    [['used', 2], ['y: missing', 1], ['sex: missing', 1]]
    """
    frame = design.frame
    reason = pd.Series("used", frame.index, dtype=object)
    # The last to be written stays: the outcome first, then the axes in their order.
    for name in reversed([outcome, *axes]):
        kinds = frame.get(f"{name}_missing", pd.Series("missing", frame.index))
        kind = kinds.astype(object).fillna("missing").astype(str)
        reason = reason.mask(frame[name].isna(), f"{name}: " + kind)
    if design.weight:
        reason = reason.mask(frame[design.weight] == 0, "weight of zero")
    dropped = reason[reason != "used"].value_counts()
    counts = reason.value_counts().reindex(["used", *dropped.index], fill_value=0)
    table = pd.DataFrame({"outcome": outcome, "reason": counts.index})
    table["n"] = counts.to_numpy()
    line_of = _line_of_each(table)
    lines = reason.map(dict(zip(table["reason"], line_of, strict=True)))
    every = sorted(set(line_of))
    members = [(lines == line).to_numpy(bool) for line in every]
    may_be = (told or Told(len(frame))).which(members)
    table["told"] = [may_be[every.index(line)] for line in line_of]
    return table


def _line_of_each(account: pd.DataFrame) -> list[int]:
    """In which line of `shown_account` each reason stands; the used in line 0."""
    _, *dropped = _lines_of_account(account)
    line_of = {0: 0}
    for line, (rows, _) in enumerate(dropped, 1):
        line_of |= dict.fromkeys(rows, line)
    return [line_of[row] for row in range(len(account))]


def _lines_of_account(account: pd.DataFrame) -> list[tuple[list[int], int]]:
    """The rows of an account that stand together, and their people; those used first."""
    sizes = [int(n) for n in account["n"]]
    dropped = [([row], n) for row, n in enumerate(sizes) if row > 0]
    return [([0], sizes[0]), *_small_ones_together(sorted(dropped, key=_fewest_last))]


def shown_counts(
    counts: Sequence[tuple[str, int]],
    base: int | None = None,
    told: Sequence[bool] | None = None,
) -> list[str]:
    """Numbers of people as they may be shown beside their sum: where a small one is masked, so is the largest.

    Parameters
    ----------
    counts : sequence of (what, people)
    base : int, optional
        The numbers are rounded to its multiples.
    told : sequence of bool, optional
        Which may be told; by default all but the largest where another is small.

    Returns
    -------
    list of str

    Examples
    --------
    >>> shown_counts([("men", 60), ("women", 4)])
    ['men: all others', 'women: fewer than 10']
    """
    sizes = [n for _, n in counts]
    few = [0 < n < MINIMUM for n in sizes]
    if told is None:
        largest = sizes.index(max(sizes)) if any(few) else -1
        told = [place != largest for place in range(len(sizes))]
    hidden = [i for i, is_few in enumerate(few) if not is_few and not told[i]]
    texts = [people(n, base) for n in sizes]
    for place in hidden:
        is_the_rest = len(hidden) == 1 and any(few)
        texts[place] = "all others" if is_the_rest else NOT_TOLD
    names = [name for name, _ in counts]
    return [f"{name}: {shown}" for name, shown in zip(names, texts, strict=True)]


def shown_account(
    account: pd.DataFrame, base: int | None = None
) -> list[tuple[str, str]]:
    """The account of one outcome as it may be shown: reasons of fewer than 10 people stand together.

    Parameters
    ----------
    account : DataFrame
        From `account_of`.
    base : int, optional
        As in `shown_counts`.

    Returns
    -------
    list of (reason, people)
        The used first, then the reasons from the most people to the fewest, then the rows
        of the file.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [["used", 90], ["y: refused", 8], ["y: missing", 5]]
    >>> shown_account(pd.DataFrame(rows, columns=["reason", "n"]))[1:]
    [('together: y: missing; y: refused', '13'), ('rows in the file', '103')]
    """
    reasons = [visible(reason) for reason in account["reason"]]
    lines = _lines_of_account(account)
    few = any(0 < n < MINIMUM for _, n in lines[1:])
    told = list(account.get("told", [not few, *[True] * (len(account) - 1)]))
    hidden = [rows[0] for rows, n in lines if not told[rows[0]] and n >= MINIMUM]
    shown = []
    for rows, n in lines:
        number = people(n, base)
        if rows[0] in hidden:
            number = "all others" if few and len(hidden) == 1 else NOT_TOLD
        start = TOGETHER if len(rows) > 1 else ""
        shown.append((start + "; ".join(reasons[row] for row in rows), number))
    total = people(int(account["n"].sum()), base)
    if 0 in hidden:
        # Tables print how many are used: beside all rows that would tell the few.
        total = _about(int(account["n"].sum()))
    return [*shown, ("rows in the file", total)]


def _about(n: int) -> str:
    """A number of people of which only the hundreds are told."""
    return f"{100 * round(n / 100):,} (to the nearest hundred)"


def _fewest_last(row: tuple[list[int], int]) -> int:
    return -row[1]


def _small_ones_together(
    dropped: list[tuple[list[int], int]],
) -> list[tuple[list[int], int]]:
    """Reasons, the fewest people last, of which the last is joined with the one before until it is not small."""
    joined = list(dropped)
    while len(joined) > 1 and joined[-1][1] < MINIMUM:
        last, few = joined.pop()
        other, more = joined.pop()
        joined.append((last + other, more + few))
    return joined


def title_mark(source: Mapping[str, Any]) -> str:
    """What stands before each title of a source whose people are made up.

    Examples
    --------
    >>> title_mark({"kind": "synthetic"}), title_mark({"kind": "real"})
    ('Synthetic: ', '')
    """
    return Source.of(source).title_mark
