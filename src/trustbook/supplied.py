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
from trustlib.design import SurveyDesign
from trustlib.disclosure import MINIMUM, masked_count
from trustlib.errors import CodebookError, TrustlibError, one_line, raise_faults
from trustlib.escaping import visible
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
TOGETHER = "together: "
# The last two are raised by facts in a Parquet file that are not what they should be.
UNREADABLE = (TrustlibError, ValueError, AttributeError)


def read_supplied(
    file: str | Path, mapping: str | Path
) -> tuple[SurveyDesign, list[str], list[str]]:
    r"""Read a file through its mapping; return the design, the outcomes and the identities.

    Parameters
    ----------
    file, mapping : path

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
        design = SurveyDesign(frame, **declared_design(mapping))
        role_of = roles(frame, mapping)
        faults += lacking(role_of)
    except UNREADABLE as error:
        faults += _lines_of(error)
        hint = getattr(error, "hint", hint)
    raise_faults(
        CodebookError,
        f"{Path(file).name} with {Path(mapping).name} cannot be used",
        faults,
        hint,
    )
    outcomes = [name for name, role in role_of.items() if role == OUTCOME]
    axes = [name for name, role in role_of.items() if role == IDENTITY]
    return design, outcomes, axes


def _lines_of(error: Exception) -> list[str]:
    """The faults that an error lists, or else its message."""
    message = getattr(error, "message", one_line(error))
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


def roles(frame: pd.DataFrame, mapping: str | Path) -> dict[str, str]:
    """What each variable of a mapping is taken for: an outcome, an identity, or neither and why.

    Parameters
    ----------
    frame : DataFrame
        Read through the mapping.
    mapping : path

    Returns
    -------
    dict
        Variable -> `OUTCOME`, `IDENTITY`, `NUMBER` or a reason, in the order of the mapping.
    """
    rules = load_mapping(mapping)[0].variables
    return {
        name: _role(frame[name], rule.missing_as is not None)
        for name, rule in rules.items()
    }


def _role(column: pd.Series, counts_all: bool) -> str:
    """What one variable is taken for."""
    answers = column.dropna()
    if answers.empty:
        return NOBODY
    if answers.dtype == "category":
        return NEITHER if column.name in WORDS["not_identities"] else IDENTITY
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
    mapping : path

    Returns
    -------
    list of str
    """
    role_of = roles(frame, mapping)
    base = Source.of(frame.attrs["source"]).rounding
    lines = [_description(frame, name, role, base) for name, role in role_of.items()]
    return lines + lacking(role_of)


def _description(frame: pd.DataFrame, name: str, role: str, base: int | None) -> str:
    """A variable, its role, and its people by level and by kind of missing."""
    nobody = frame[name].iloc[:0]
    answers = nobody if role == NUMBER else frame[name]
    kinds = frame.get(f"{name}_missing", nobody)
    levels = _people_by_level(answers.value_counts().sort_index())
    missing = _people_by_level(kinds.value_counts())
    shown = shown_counts(levels + missing, base)
    line = f"  {visible(name)}: {role}"
    if role == IDENTITY:
        line += f", compared with {visible(frame[name].cat.categories[0])}"
    if levels:
        line += f" ({'; '.join(shown[: len(levels)])})"
    if missing:
        line += f"; missing: {'; '.join(shown[len(levels) :])}"
    return line


def _people_by_level(counts: pd.Series) -> list[tuple[str, int]]:
    """The levels that somebody has, and how many people."""
    return [(_level_in_words(level), int(n)) for level, n in counts.items() if n > 0]


def _level_in_words(level: Any) -> str:
    if isinstance(level, float):
        return f"{level:g}"
    return visible(level)


def account_of(design: SurveyDesign, outcome: str, axes: Sequence[str]) -> pd.DataFrame:
    """What becomes of each row of the file: used, or dropped for the first reason that holds.

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
    axes : sequence of str

    Returns
    -------
    DataFrame
        Columns outcome, reason, n; n adds up to the rows of the file. The first row is
        those used.

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
    table = {"outcome": outcome, "reason": counts.index, "n": counts.to_numpy()}
    return pd.DataFrame(table)


def shown_counts(
    counts: Sequence[tuple[str, int]], base: int | None = None
) -> list[str]:
    """Numbers of people as they may be shown beside their sum: where a small one is masked, so is the largest.

    Parameters
    ----------
    counts : sequence of (what, people)
    base : int, optional
        The numbers are rounded to its multiples.

    Returns
    -------
    list of str

    Examples
    --------
    >>> shown_counts([("men", 60), ("women", 4)])
    ['men: all others', 'women: fewer than 10']
    """
    sizes = [n for _, n in counts]
    hidden = -1
    if any(0 < n < MINIMUM for n in sizes):
        hidden = sizes.index(max(sizes))
    texts = [people(n, base) for n in sizes]
    if hidden >= 0:
        texts[hidden] = "all others"
    names = [name for name, _ in counts]
    return [f"{name}: {shown}" for name, shown in zip(names, texts, strict=True)]


def people(n: int, base: int | None = None) -> str:
    """A number of people as it may be shown: small ones are masked, and others rounded if the source asks for it.

    Examples
    --------
    >>> people(4), people(1234), people(1234, base=5)
    ('fewer than 10', '1,234', '1,235')
    """
    if 0 < n < MINIMUM or not base:
        return masked_count(n)
    return f"{base * round(n / base):,}"


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
    sizes = [int(n) for n in account["n"]]
    used, *dropped = zip(reasons, sizes, strict=True)
    dropped = _small_ones_together(sorted(dropped, key=_fewest_last))
    shown_used = people(used[1], base)
    total = people(int(account["n"].sum()), base)
    if dropped and dropped[-1][1] < MINIMUM:
        # Tables print how many are used: beside all rows that would tell the few.
        shown_used = "all others"
        total = _about(int(account["n"].sum()))
    shown = [(reason, people(n, base)) for reason, n in dropped]
    return [("used", shown_used), *shown, ("rows in the file", total)]


def _about(n: int) -> str:
    """A number of people of which only the hundreds are told."""
    return f"{100 * round(n / 100):,} (to the nearest hundred)"


def _fewest_last(row: tuple[str, int]) -> int:
    return -row[1]


def _small_ones_together(dropped: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Reasons, the fewest people last, of which the last is joined with the one before until it is not small."""
    joined = list(dropped)
    while len(joined) > 1 and joined[-1][1] < MINIMUM:
        last, few = joined.pop()
        other, more = joined.pop()
        start = "" if last.startswith(TOGETHER) else TOGETHER
        joined.append((f"{start}{last}; {other}", more + few))
    return joined


def title_mark(source: Mapping[str, Any]) -> str:
    """What stands before each title of a source whose people are made up.

    Examples
    --------
    >>> title_mark({"kind": "synthetic"}), title_mark({"kind": "real"})
    ('Synthetic: ', '')
    """
    return "Synthetic: " if Source.of(source).is_synthetic else ""
