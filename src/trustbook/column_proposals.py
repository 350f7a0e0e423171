"""What a mapping may say of one column of a file: variables to choose from, and what is told of it.

An answer is written only if at least 10 people gave it, and none of a column that may
hold personal details. Words by which columns and answers are recognised are in
``words.yml``, scales in `trustbook.answer_order`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trustbook.answer_order import is_of_words, order_of
from trustbook.known_designs import numbers_in
from trustbook.rare_answers import in_words, rare_value, sides_of_rare
from trustbook.survey_columns import (
    TRUST,
    WORDS,
    Column,
    Membership,
    by_number,
    numbers_spelt,
    pattern,
    spelling,
)
from trustlib.answers import RESERVED, code_of, plain
from trustlib.decimals import are_numbers
from trustlib.disclosure import MINIMUM
from trustlib.escaping import one_line_of, visible, yaml_string
from trustlib.masking import are_shown
from trustlib.meanings import TOO_FEW
from trustlib.missing_words import seem_missing
from trustlib.personal import looks_personal

MAX_ANSWERS = 25
LONGEST = 160  # letters of a label or of a list of answers
LONGEST_NAME = 30  # letters of the name of a variable
LONGEST_LINE = 110  # letters of answers with their values on one line
MARKS = (";", "|", " / ", ",")  # between the answers of a list in one cell
LISTED = 0.1  # share of cells that hold several answers, from which on they are lists
OLDEST = 120
ADULT = 18
CODES = (96, 99)  # numbers that surveys of adults give to no answer on an age
APART = 92  # the highest age of others from which such codes stand apart
AGES = ((18, 24), (25, 34), (35, 44), (45, 54), (55, 64))
WITHOUT_ORDER = (
    "ethnicity",
    "gender",
    "ethnicity_detail",
    "disability",
    "lgbtq",
    "trans",
    "country",
    "region",
)
DESIGN = {"weight", "stratum", "psu", "fpc"}


@dataclass(frozen=True)
class Variable:
    """A variable that a mapping may have.

    Attributes
    ----------
    name : str
    lines : tuple of str
        Of the mapping, below its name.
    is_outcome : bool
    levels : int
        How many it has, if it is an identity.
    is_valid : bool
        Whether the mapping runs with it.
    is_clear : bool
        Whether the answers say what it is, and not their numbers alone.

    Examples
    --------
    >>> Variable("sex", ("column: sex",)).text()
    ['  "sex":', '    column: sex']
    """

    name: str
    lines: tuple[str, ...]
    is_outcome: bool = False
    levels: int = 0
    is_valid: bool = True
    is_clear: bool = True

    def text(self) -> list[str]:
        """Its lines as YAML."""
        if len(self.lines) == 1 and self.lines[0].startswith("{"):
            return [f"  {yaml_string(self.name)}: {self.lines[0]}"]
        return [f"  {yaml_string(self.name)}:", *(f"    {line}" for line in self.lines)]


@dataclass(frozen=True)
class Proposal:
    """What is said of a column.

    Attributes
    ----------
    column : Column
    head, notes : list of str
        What is told before and after its variables.
    variables : list of Variable
    """

    column: Column
    head: list[str] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answers:
    """The answers of a column that may be written: at least ten people gave each.

    Attributes
    ----------
    kept : list of str
    missing : dict
        Answer -> kind of missing.
    rare : int
        How many further answers there are.
    is_ticked : bool
        Whether only what was chosen is coded.
    unwritten : int
        Answers of many people that may be personal details.

    Examples
    --------
    >>> list(Answers(["No", "Yes"], {}, rare=1).more())
    ['rare: "too few to show"']
    """

    kept: list[str]
    missing: dict[str, str]
    rare: int
    is_ticked: bool = False
    unwritten: int = 0

    def more(self) -> Iterator[str]:
        """The lines that declare what is no answer."""
        if self.missing:
            yield "missing:"
        for answer, kind in self.missing.items():
            yield f"  {yaml_string(answer)}: {yaml_string(kind)}"
        if self.rare:
            yield f"rare: {yaml_string(TOO_FEW)}"

    def more_in_line(self, counted: int | str | None) -> str:
        """The same, within a line; `counted` is what rare answers give, if they do."""
        parts = ""
        if self.missing:
            parts += f", missing: {one_line_of(yaml_string(self.missing))}"
        if self.rare:
            rare = TOO_FEW if counted is None else counted
            parts += f", rare: {yaml_string(rare)}"
        return parts


# An answer that says yes and no more.
SAYS_YES = re.compile(
    r"(1|y|yes|true|ja|oui|s[ií]|sim|はい|selected|chosen|checked)\W*", re.IGNORECASE
)


@dataclass(frozen=True)
class _Meaning:
    """What answers are taken for."""

    levels: list[Any]  # of each answer
    fits: bool  # whether each is a level of the codebook, or of an outcome
    is_binary: bool  # whether these levels are 1 and 0
    is_scale: bool = False


def propose(column: Column, taken: set[str]) -> Proposal:
    """What a mapping may say of one column.

    Parameters
    ----------
    column : Column
    taken : set of str
        Names of variables that there are; gets those of this column.

    Returns
    -------
    Proposal

    Examples
    --------
    >>> given = pd.Series(["A lot", "Not at all", "Some", "A little"] * 20, name="trust")
    >>> made = propose(Column(given, given == "?", "", {}), set())
    >>> print(made.variables[0].text()[0])
      "low_trust": {column: "trust", label: "Not at all or A little (trust)", yes: ["Not at all", "A little"]}
    """
    counts = column.counts
    if column.personal:
        kind = f"## may hold {column.personal}, of which none is written"
        return Proposal(column, [kind])
    explained = _by_codebook(column, counts, taken)
    if explained is not None:
        return explained
    options = _options(column, counts)
    if options:
        return Proposal(column, [], list(_chosen(column, options, taken)))
    hint = _hint(column)
    if len(counts) > MAX_ANSWERS:
        return _of_many(column, len(counts), taken)
    answers = _answers(column, counts)
    notes = _notes(column, counts, answers)
    if answers.is_ticked:
        own = own_name(column, "", taken)
        lines = [*_about(column), *_values(answers.kept, [1]), "blank: 0"]
        ticked = Variable(own, (*lines, *answers.more()), True)
        return Proposal(column, hint, [ticked], [*notes, WORDS["blank"]])
    if len(answers.kept) < 2:
        few = (
            f"## answers that at least {MINIMUM} people gave: {len(answers.kept)}, "
            "so nothing to compare"
        )
        return Proposal(column, [*hint, *notes, few])
    numbers = numbers_spelt(column, answers.kept)
    if column.guess == "age_band" and numbers and not column.labels:
        odd = odd_ages(pd.Series(numbers))
        hint += [odd] if odd else []
    variables = list(_variables(column, answers, taken))
    if variables[0].name == column.guess:
        hint = hint[1:]
    low = answers.kept[: len(answers.kept) // 2]
    if (
        answers.rare
        and any(v.is_outcome for v in variables)
        and (
            sides_of_rare(column, answers.kept, low)
            and rare_value(column, answers.kept, low) is None
        )
    ):
        notes.append(WORDS["both_ends"])
    return Proposal(column, hint, variables, notes)


def _by_codebook(column: Column, counts: pd.Series, taken: set[str]) -> Proposal | None:
    """What the codebook of a known survey makes of a column of bare codes."""
    known = column.known
    if known is None or not known.values or column.labels:
        return None
    frequent = [code_of(_stripped(a)) for a, n in counts.items() if n >= MINIMUM]
    kept = [code for code in known.values if code in frequent]
    others = [code for code in frequent if code not in known.values]
    missing = [c for c in others if c in known.missing or (c or "").startswith("-")]
    if len(kept) < 2 or len(missing) < len(others):
        return None
    rare = int((counts < MINIMUM).sum())
    kinds = {code: f"code {code} of the codebook" for code in missing if code}
    levels = [known.values[code] for code in kept]
    lines = list(_about(column))
    if known.is_ordered:
        lines.append(f"levels: {yaml_string(levels)}")
    lines += _values(kept, levels, in_line=True)
    lines += Answers(kept, kinds, rare).more()
    own = own_name(column, known.variable, taken)
    told = (
        f"## {known.survey} says what these codes mean, in {known.source}: compare them "
        "with the codebook of your file"
    )
    return Proposal(column, [told], [Variable(own, tuple(lines), False, len(kept))])


def _stripped(answer: Any) -> Any:
    return answer.strip() if isinstance(answer, str) else answer


def answers_of(column: Column) -> Answers:
    """The answers of a column in their order, from low to high if they are a scale.

    Examples
    --------
    >>> given = pd.Series(["A lot", "Not at all", "Some", "Refused"] * 20, name="trust")
    >>> answers_of(Column(given, given == "?", "", {})).kept
    ['Not at all', 'Some', 'A lot']
    """
    answers = _answers(column, column.counts)
    _meaning(column, answers.kept)
    return answers


def likely_yes(column: Column, answers: Sequence[str]) -> list[str]:
    """Which answers an outcome counts, in a first proposal; none where nothing says so.

    The answers that mean yes, else the low half of a scale whose answers are words.

    Examples
    --------
    >>> given = pd.Series(["No", "Yes"] * 20, name="hurt")
    >>> likely_yes(Column(given, given == "?", "", {}), ["No", "Yes"])
    ['Yes']
    >>> likely_yes(Column(given, given == "?", "", {}), ["1", "2", "3"])
    []
    """
    ordered = list(answers)
    meaning = _meaning(column, ordered)
    if meaning.fits and meaning.is_binary:
        pairs = zip(ordered, meaning.levels, strict=True)
        return [answer for answer, level in pairs if level == 1]
    if all(map(code_of, ordered)) or order_of(ordered) is None:
        return []
    return ordered[: len(ordered) // 2]


def _hint(column: Column) -> list[str]:
    return [f"## may be {column.guess} of the codebook"] if column.guess else []


def _notes(column: Column, counts: pd.Series, answers: Answers) -> list[str]:
    """What is told of answers that are not written."""
    notes = []
    if answers.rare + answers.unwritten:
        further = f"## further answers, each of fewer than {MINIMUM} people"
        notes.append(f"{further}: {answers.rare + answers.unwritten}")
    if answers.unwritten:
        notes.append("## some of them may be personal details: declare each")
    if are_shown():
        rare = [answer for answer, n in counts.items() if n < MINIMUM]
        spelt = [yaml_string(spelling(answer, column.labels)) for answer in rare]
        notes += [f"##   {one_line_of(answer)}" for answer in spelt]
    return notes


def _variables(column: Column, answers: Answers, taken: set[str]) -> Iterator[Variable]:
    """The variables that a column of a few answers may make, the likeliest first."""
    meaning = _meaning(column, answers.kept)
    is_words = not meaning.fits and is_of_words(answers.kept)
    low = None
    if (meaning.is_scale or is_words) and not column.is_identity:
        low = _low(column, answers, taken, is_words)
    is_trust = column.guess in TRUST
    if low is not None and is_trust:
        yield low
    yield _by_values(column, answers, meaning, taken)
    if low is not None and not is_trust:
        yield low


def _by_values(
    column: Column, answers: Answers, meaning: _Meaning, taken: set[str]
) -> Variable:
    """A variable that gives each answer its value."""
    guess = column.guess
    known = guess not in ("", *TRUST[:1]) and meaning.fits != meaning.is_binary
    own = own_name(column, guess if known else "", taken)
    is_outcome = meaning.fits and meaning.is_binary
    counted: list[str] = []
    if is_outcome:
        pairs = zip(answers.kept, meaning.levels, strict=True)
        counted = [answer for answer, level in pairs if level == 1]
    lines = list(_about(column, counted))
    if meaning.is_scale:
        levels = list(dict.fromkeys(meaning.levels))
        lines.append(f"levels: {yaml_string(levels)}")
    lines += _values(answers.kept, meaning.levels, in_line=not is_outcome)
    lines += answers.more()
    levels_there = len(set(map(str, meaning.levels)))
    return Variable(own, tuple(lines), is_outcome, levels_there, not answers.unwritten)


def _low(column: Column, answers: Answers, taken: set[str], is_words: bool) -> Variable:
    """A two-way outcome: who is at the low end of a scale."""
    kept = answers.kept
    low = kept[: len(kept) // 2]
    preferred = "low_trust" if column.guess in TRUST else f"low_{_slug(column.name)}"
    own = own_name(column, preferred, taken)
    rare = rare_value(column, kept, low) if answers.rare else None
    about = ", ".join(_about(column, low, kept, rare not in (None, 0)))
    more = answers.more_in_line(rare)
    line = f"{{{about}, yes: {yaml_string(low)}{more}}}"
    return Variable(own, (line,), True, 0, not answers.unwritten, is_words)


def _about(
    column: Column,
    counted: Sequence[str] = (),
    scale: Sequence[str] = (),
    is_more: bool = False,
) -> Iterator[str]:
    """The lines that say which column it is, and of an outcome which answers it counts.

    These stand first in the label, so that no title that is cut loses them. Answers that
    say yes and no more need no words.
    """
    yield f"column: {yaml_string(column.name)}"
    label = _title(column)
    if not all(SAYS_YES.fullmatch(plain(answer)) for answer in counted):
        label = f"{in_words(counted, scale, is_more)} ({label})"
    yield f"label: {yaml_string(label)}"


def _title(column: Column) -> str:
    return column.title or column.name


def _values(
    answers: Sequence[str], levels: Sequence[Any], in_line: bool = False
) -> Iterator[str]:
    """The lines that give answers their values; one if it is wanted and not long."""
    pairs = dict(zip(answers, levels, strict=True))
    line = f"values: {yaml_string(pairs)}"
    if in_line and len(line) <= LONGEST_LINE:
        yield line
        return
    yield "values:"
    for answer, level in pairs.items():
        yield f"  {yaml_string(answer)}: {yaml_string(level)}"


def _of_many(column: Column, different: int, taken: set[str]) -> Proposal:
    """What is said of a column with many answers: bands if it is an age."""
    many = f"## {different} different answers, of which none is written"
    frame = column.answers.to_frame(column.name)
    frame.attrs["decimal"] = column.decimal
    numbers = numbers_in(frame, column.name)[column.is_filled]
    if column.guess != "age_band" or numbers.notna().mean() < 0.5:
        return Proposal(
            column, [*_hint(column), f"{many}; to use it, group them: cut:"]
        )
    odd = odd_ages(numbers)
    if odd:
        return Proposal(column, [*_hint(column), many, odd])
    own = own_name(column, "age_band", taken)
    lines = [*_about(column), f"cut: {cut_of_ages(numbers)}"]
    lost = dict.fromkeys(column.known.missing, "no answer") if column.known else {}
    apart = "" if lost else codes_apart(numbers)
    for answer, n in column.answers[column.is_filled].value_counts().items():
        number = numbers[column.answers == answer].iloc[0]
        if n >= MINIMUM and not 0 <= number <= OLDEST and not looks_personal(answer):
            text = spelling(answer, column.labels)
            lost[text] = text if pd.isna(number) else f"code {text}, to be checked"
    outside = ~numbers.between(0, OLDEST + 1, inclusive="left")
    rare = bool(outside.sum() > sum((column.answers == a).sum() for a in lost))
    lines += Answers([], lost, int(rare)).more()
    variable = Variable(own, tuple(lines), False, len(AGES) + 1)
    head = [f"{many}; both ends belong to a band", *filter(None, [apart])]
    return Proposal(column, head, [variable])


def odd_ages(ages: pd.Series) -> str:
    """A caution if numbers cannot be ages of adults in years; else nothing.

    Examples
    --------
    >>> odd_ages(pd.Series([18.0, 40.0, 77.0]))
    ''
    >>> odd_ages(pd.Series([1.8, 4.0, 7.7])).partition(": ")[0]
    '## CAUTION'
    """
    known = ages.dropna()
    why = ""
    if (known < 0).sum() >= max(MINIMUM, known.size / 10):
        why = "negative"
    elif known.median() > OLDEST:
        why = "old"
    elif known[known.between(0, OLDEST)].quantile(0.9) < ADULT:
        why = "young"
    if not why:
        return ""
    return str(WORDS["odd_ages"]).format(why=WORDS["why_odd"][why])


def codes_apart(ages: pd.Series) -> str:
    """A caution if the highest ages seem to be codes of people who did not answer; else nothing.

    Such codes, 96 to 99, stand apart from the ages of everybody else, and ten people or
    more have them.

    Examples
    --------
    >>> codes_apart(pd.Series([18.0, 40.0, 85.0] * 9 + [97.0, 99.0] * 9)).partition(": ")[0]
    '## CAUTION'
    >>> codes_apart(pd.Series([18.0, 40.0, 95.0] * 9 + [97.0, 99.0] * 9))
    ''
    """
    is_code = ages.between(CODES[0], OLDEST)
    highest = ages[ages < CODES[0]].max()
    if is_code.sum() < MINIMUM or ages[is_code].max() > CODES[1]:
        return ""
    return str(WORDS["codes_apart"]) if highest <= APART else ""


def cut_of_ages(ages: pd.Series) -> str:
    """Bands of ages, the codebook's if nobody is younger."""
    bands = {f"{low}-{high}": [low, high] for low, high in AGES}
    if (ages < AGES[0][0]).any():
        del bands["18-24"]
        bands = {f"up to {AGES[0][1]}": [0, AGES[0][1]], **bands}
    last = AGES[-1][1] + 1
    bands |= {f"{last}+": [last, OLDEST]}
    return yaml_string(bands)


def _options(column: Column, counts: pd.Series) -> tuple[str, list[str]] | None:
    """The mark between the answers of a list in one cell, and the options ten people chose."""
    texts = [str(answer) for answer in counts.index]
    if column.labels or len(texts) < 3:
        return None
    marks = list(MARKS)
    if are_numbers(texts, lists=column.decimal == "."):
        marks.remove(",")
    for mark in marks:
        several = counts[[mark in text for text in texts]].sum()
        if several < max(MINIMUM, LISTED * counts.sum()):
            continue
        people = _people_of_options(counts, mark)
        alone = set(texts) & set(people)
        if len(people) > MAX_ANSWERS or len(people) >= len(texts) or not alone:
            continue
        enough = [
            option
            for option, n in people.items()
            if n >= MINIMUM and counts.sum() - n >= MINIMUM
        ]
        if enough and not any(map(looks_personal, enough)):
            return mark, sorted(enough)
    return None


def _people_of_options(counts: pd.Series, mark: str) -> dict[str, int]:
    """How many people chose each option."""
    people: dict[str, int] = {}
    for text, n in counts.items():
        for option in {plain(part) for part in str(text).split(mark.strip())} - {""}:
            people[option] = people.get(option, 0) + int(n)
    return people


def _chosen(
    column: Column, options: tuple[str, list[str]], taken: set[str]
) -> Iterator[Variable]:
    """An outcome for each option of a list in one cell."""
    mark, names = options
    for option in names:
        own = own_name(column, f"{_slug(column.name)}_{_slug(option)}", taken)
        label = yaml_string(visible(f"{_title(column)}: {option}", LONGEST))
        lines = f"{{column: {yaml_string(column.name)}, label: {label}, chosen: {yaml_string(option)}"
        if mark.strip() != ";":
            lines += f", between: {yaml_string(mark.strip())}"
        yield Variable(own, (lines + "}",), True)


def _answers(column: Column, counts: pd.Series) -> Answers:
    """The answers that at least ten people gave, in order, and those that seem to mean missing."""
    frequent = list(counts[counts >= MINIMUM].index)
    impersonal = [answer for answer in frequent if not looks_personal(answer)]
    in_order = _sorted(column, impersonal)
    texts = {spelling(value, column.labels): value for value in in_order}
    labelled = [text for text, value in texts.items() if value in column.labels]
    missing = seem_missing(texts, labelled)
    kept = [text for text in texts if text not in missing]
    is_ticked = False
    if len(kept) == 1 and column.blank >= MINIMUM:
        is_ticked = column.is_listed or _says_yes(kept[0])
    rare = int((counts < MINIMUM).sum())
    return Answers(kept, missing, rare, is_ticked, len(frequent) - len(impersonal))


def _sorted(column: Column, answers: Iterable[Any]) -> list[Any]:
    """Answers in the order that their column declares, else numbers by size and texts by letters."""
    if column.given.dtype == "category":
        order = list(column.given.cat.categories)
        return sorted(answers, key=order.index)
    return sorted(answers, key=_by_size)


def _by_size(answer: Any) -> tuple[bool, float, str]:
    if not isinstance(answer, str):
        return False, float(answer), ""
    code = code_of(answer.strip())
    if code is None:
        return True, 0.0, answer
    return False, float(code), answer


def _says_yes(answer: str) -> bool:
    return bool(re.search(WORDS["answers"]["outcome"][1], answer.lower()))


def says_not_chosen(answer: str) -> bool:
    """Whether an answer says that a thing on a list was not chosen.

    Examples
    --------
    >>> says_not_chosen("Not selected"), says_not_chosen("Not listened to")
    (True, False)
    """
    return bool(re.fullmatch(pattern("not_chosen"), plain(answer).lower()))


def _meaning(column: Column, answers: list[str]) -> _Meaning:
    """The levels of a variable that answers mean; brings the answers into their order."""
    membership = _of_members(column, answers)
    if membership is not None:
        return membership
    known = WORDS["answers"].get(column.guess, WORDS["answers"]["outcome"])
    levels = [_level(answer, known) for answer in answers]
    is_binary = 0 in known
    if None not in levels and len(set(levels)) > 1:
        pairs = zip(levels, answers, strict=True)
        ranked = sorted(pairs, key=lambda pair: list(known).index(pair[0]))
        answers[:] = [answer for _, answer in ranked]
        return _Meaning([level for level, _ in ranked], True, is_binary)
    if column.is_listed and len(answers) == 2:
        no = [answer for answer in answers if says_not_chosen(answer)]
        if len(no) == 1:
            answers.sort(key=lambda answer: answer not in no)
            return _Meaning([0, 1], True, True)
    order = by_number(column, answers) or order_of(answers)
    is_ordered = column.given.dtype == "category" and column.given.cat.ordered
    if order is not None and not is_ordered:
        answers[:] = order
    is_scale = len(answers) > 2 and (order is not None or bool(is_ordered))
    if column.guess in WITHOUT_ORDER and all(map(code_of, answers)):
        is_scale = False  # numbers that stand for names
    return _Meaning(list(answers), False, is_binary, is_scale)


def _of_members(column: Column, answers: list[str]) -> _Meaning | None:
    """The levels of an identity whose answers say yes and no; brings these into their order."""
    if not column.is_identity:
        return None
    if column.belongs_to is None and column.guess in WORDS["answers"]:
        return None
    question = column.title or column.name
    if column.belongs_to is None and len(question.split()) > 7 and "?" in question:
        return None
    words = WORDS["answers"]["outcome"]
    said = {answer: _level(answer, words) for answer in answers}
    if sorted(map(str, said.values())) != ["0", "1"]:
        return None
    group = column.belongs_to or Membership("", "no", "yes")
    level_of = {0: group.no, 1: group.yes}
    answers.sort(key=lambda answer: group.levels.index(level_of[said[answer]]))
    return _Meaning([level_of[said[answer]] for answer in answers], True, False)


def _level(answer: str, known: Mapping[Any, str]) -> Any:
    """The level whose words an answer has; None if it has those of none."""
    for level, words in known.items():
        if re.search(words, answer.lower()):
            return level
    return None


def own_name(column: Column, preferred: str, taken: set[str]) -> str:
    """A name that no other variable has, which is taken now.

    Examples
    --------
    >>> given = pd.Series([21.5, 30.0], name="BMI")
    >>> own_name(Column(given, given < 0, "", {}), "", {"bmi"})
    'bmi_2'
    """
    slug = _slug(column.name)
    numbered = [f"{slug}_{i}" for i in range(2, len(taken) + 3)]
    names = [name for name in (preferred, slug, *numbered) if name]
    own = next(name for name in names if name not in taken)
    taken.add(own)
    return own


def _slug(text: str) -> str:
    """A short name in small letters; of a question its longer words."""
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "column"
    if len(name) > LONGEST_NAME:
        words = name.split("_")
        telling = [word for word in words if len(word) > 3] or words
        name = ""
        for word in telling:
            if len(name) + len(word) < LONGEST_NAME:
                name = f"{name}_{word}".strip("_")
        name = name or telling[0][:LONGEST_NAME]
    if name in RESERVED | DESIGN or name.endswith("_missing"):
        return f"q_{name}"
    return name
