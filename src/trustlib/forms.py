"""The forms of the project's YAML files: which keys each may have, and what may stand there.

Each class is one mapping in a file. A key that no class knows is a fault, an empty
entry is an absent one, and numbers are taken as texts where texts are expected. `read`
reports every fault of a file at once, each with its place and the nearest name that
exists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from trustlib.answers import code_of, plain
from trustlib.bands import Band, bands_of
from trustlib.errors import TrustlibError, one_line, raise_faults, unknown_name
from trustlib.sources import Source


class Form(BaseModel):
    """A mapping in which only the named keys may stand.

    Examples
    --------
    >>> Variable.model_validate({"label": "Gender", "levels": None}).levels
    []
    """

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if value is not None}


F = TypeVar("F", bound=Form)


# Kinds of entries


def _source(raw: Any) -> Source:
    """What the data are; an empty entry says nothing."""
    if not isinstance(raw, dict):
        raise PydanticCustomError("dict_type", "a mapping")
    try:
        return Source({name: fact for name, fact in raw.items() if fact is not None})
    except TrustlibError as error:
        raise ValueError(one_line(error)) from error


def _distinct(raw: Any) -> Any:
    """Levels, each there once."""
    if isinstance(raw, list) and len(set(map(str, raw))) < len(raw):
        raise ValueError(f"a level is there twice in {raw}")
    return raw


def _answers(raw: Any) -> Any:
    """Answers as texts, each there once and with a text or a number."""
    if not isinstance(raw, dict):
        return raw
    texts = [plain(str(answer)) for answer in raw]
    repeated = sorted({text for text in texts if texts.count(text) > 1})
    if repeated:
        raise ValueError(f"answers declared more than once: {_named(repeated)}")
    meanings = dict(zip(texts, raw.values(), strict=True))
    lacking = [
        text
        for text, value in meanings.items()
        if not isinstance(value, (str, int, float))
    ]
    if lacking:
        raise ValueError(
            f"no value is given for {_named(lacking)}; "
            "answers that mean missing stand in missing"
        )
    return meanings


def _named(answers: Sequence[str]) -> str:
    """Answers of a mapping in a message; one that is empty is a blank."""
    return ", ".join(answer or "a blank" for answer in answers)


def _numbered(raw: Any) -> Any:
    """Names of columns: a list, or {prefix, count} for names numbered from 1."""
    if not isinstance(raw, dict):
        return raw
    match raw:
        case {"prefix": str(prefix), "count": int(count)} if len(raw) == 2:
            return [f"{prefix}{i}" for i in range(1, count + 1)]
    raise ValueError(
        f"replicate_weights is {raw!r}, expected a list or {{prefix: WT, count: 50}}"
    )


NEAREST = "nearest"
NAMED = "letters, digits, - and _ only, a letter first, and up to 100 of them"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def is_name(text: object) -> bool:
    """Whether something can be the name of a set of cells, a run or a template.

    Files and folders are called so.

    Examples
    --------
    >>> is_name("gaps-2024"), is_name("../secret")
    (True, False)
    """
    return isinstance(text, str) and bool(_NAME.fullmatch(text))


def _name(raw: Any) -> Any:
    """A name; numbers are taken as texts."""
    text = str(raw) if isinstance(raw, int) else raw
    if not is_name(text):
        raise ValueError(f"{str(raw)[:100]!r} is no name; a name has {NAMED}")
    return text


def _template(raw: Any) -> Any:
    """The name of a template, or of a lesson, which lies in the folder beside."""
    beside = re.fullmatch(r"\.\./lessons/[A-Za-z0-9][A-Za-z0-9_-]{0,99}", str(raw))
    return raw if beside else _name(raw)


Name = Annotated[str, BeforeValidator(_name)]
Template = Annotated[str, BeforeValidator(_template)]
Levels = Annotated[list[str], BeforeValidator(_distinct)]
Answers = Annotated[dict[str, Any], BeforeValidator(_answers)]
Columns = Annotated[list[str], BeforeValidator(_numbered)]


# The codebook


class Variable(Form):
    """One variable of the codebook.

    `levels` in order (the first is the reference); none for a 0/1 or a number.

    Examples
    --------
    >>> Variable(levels=["man", "woman"]).type
    'category'
    """

    label: str | None = None
    type: Literal["category", "binary", "number"] = "category"
    levels: Levels = []
    question: str | None = None
    printed: dict[str, str] = {}
    asked_in: dict[str, str | dict[str, str]] = {}
    note: str | None = None


def _facts(raw: Any) -> Any:
    """Variables of which nothing more is said are there all the same."""
    if not isinstance(raw, dict):
        return raw
    return {name: facts or {} for name, facts in raw.items()}


class CodebookForm(Form):
    """``codebook.yml``.

    Examples
    --------
    >>> content = {"variables": {"gender": {"levels": ["man", "woman"]}, "age": None}}
    >>> list(CodebookForm.model_validate(content).variables)
    ['gender', 'age']
    """

    variables: Annotated[dict[str, Variable], BeforeValidator(_facts)]


# The mapping of a survey file


class Part(Form):
    """One column and what its answers mean.

    Attributes
    ----------
    values : dict
        Answer -> value.
    yes, no : list of str
        Answers that give 1, and 0; without `no` every other answer gives 0.
    cut : dict
        Band of a number -> its ends; see `trustlib.bands`.
    chosen : str
        An option of a list of which a cell holds those that were chosen, `between` them
        a mark: it gives 1, and other options 0.
    missing : dict
        Answer -> kind of missing.
    rare : str, 0 or 1
        The kind of missing of answers that are not declared and that fewer than ten
        people gave. Of an outcome also what they give: 0, 1, or ``nearest``, which is
        what that answer of ten people or more gives whose number is nearest. Those that seem to mean
        no answer are missing all the same.
    blank
        The value of people without an answer, if they have one.

    Examples
    --------
    >>> Part(values={1: "man"}).values
    {'1': 'man'}
    >>> Part(yes=["A little", "Not at all"]).meanings
    {'A little': 1, 'Not at all': 1}
    """

    column: str | None = None
    values: Answers | None = None
    yes: Levels | None = None
    no: Levels | None = None
    cut: dict[str, Any] | None = None
    chosen: str | None = None
    between: str = ";"
    missing: Answers = {}
    rare: Literal[0, 1] | str | None = None
    blank: int | float | str | None = None

    @property
    def meanings(self) -> dict[str, Any]:
        """The answers that are declared, and their values."""
        declared = dict(self.values or {})
        declared |= {plain(answer): 1 for answer in self.yes or []}
        declared |= {plain(answer): 0 for answer in self.no or []}
        return declared

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of a number; none if it is not cut."""
        return bands_of(self.cut) if self.cut else ()

    @property
    def is_declared(self) -> bool:
        """Whether it says what answers mean, so that others are faults."""
        said = (self.values, self.yes, self.cut, self.chosen)
        return any(each is not None for each in said)

    @property
    def values_given(self) -> list[Any]:
        """The values that it gives to people, in their order."""
        given: list[Any] = [band.name for band in self.bands]
        given += self.meanings.values()
        if self.yes is not None or self.chosen is not None:
            given += [1, 0]
        if isinstance(self.rare, int):
            given.append(self.rare)
        if self.blank is not None:
            given.append(self.blank)
        return given

    @property
    def counts_rare(self) -> bool:
        """Whether answers that few people gave are counted, and not missing."""
        return isinstance(self.rare, int) or self.rare == NEAREST

    @model_validator(mode="after")
    def _one_way_of_telling(self) -> Part:
        ways = {
            "yes": self.yes,
            "cut": self.cut,
            "chosen": self.chosen,
        }
        used = [name for name, way in ways.items() if way is not None]
        if len(used) > 1 or (self.values is not None and used in (["yes"], ["chosen"])):
            told = " and ".join(
                [*(["values"] if self.values is not None else []), *used]
            )
            raise ValueError(f"{told} stand in one variable; keep one of them")
        if self.no is not None and self.yes is None:
            raise ValueError("no has answers and yes has none; give both")
        if self.chosen is not None and not (
            self.chosen.strip() and self.between.strip()
        ):
            raise ValueError("chosen names an option, and between the mark between two")
        return self

    @model_validator(mode="after")
    def _only_outcomes_count_what_is_rare(self) -> Part:
        values = {str(value) for value in self.meanings.values()}
        if self.counts_rare and not (values and values <= {"0", "1"}):
            raise ValueError(
                f"rare gives {self.rare}, and only an outcome of 1 and 0 counts rare "
                "answers; write a text, which keeps them apart"
            )
        return self

    @model_validator(mode="after")
    def _bands_follow_each_other(self) -> Part:
        if self.cut is not None:
            bands_of(self.cut)
        return self

    @model_validator(mode="after")
    def _each_answer_once(self) -> Part:
        both = sorted({*map(plain, self.yes or [])} & {*map(plain, self.no or [])})
        if both:
            raise ValueError(f"answers declared more than once: {_named(both)}")
        declared = set(self.meanings)
        if self.blank is not None:
            declared.add("")
        repeated = sorted(declared & set(self.missing))
        if repeated:
            raise ValueError(f"answers declared more than once: {_named(repeated)}")
        return self


class Rule(Part):
    """How one variable is made, from one column or from any of several.

    Attributes
    ----------
    levels : list of str
        In order, the reference first.
    ordered : bool
        Whether only neighbours among the levels may be joined; by default so if levels
        or bands are declared.

    Examples
    --------
    >>> Rule(values={"Yes": 1, "No": 0}).targets
    [1, 0]
    """

    any_of: Annotated[list[Part], Field(min_length=1)] = []
    missing_as: int | float | str | None = None
    levels: Levels | None = None
    ordered: StrictBool | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _columns_stand_in_any_of(self) -> Rule:
        of_one_column = set(Part.model_fields)
        if self.any_of and of_one_column & self.model_fields_set:
            raise ValueError(
                "any_of lists columns with their values; "
                "column, values and missing stand within it"
            )
        if any(part.column is None or not part.is_declared for part in self.any_of):
            raise ValueError("each entry of any_of has a column and values")
        return self

    @model_validator(mode="after")
    def _numbers_are_no_texts(self) -> Rule:
        given = list(self.targets)
        if self.missing_as is not None:
            given.append(self.missing_as)
        texts = [value for value in given if isinstance(value, str)]
        spelt = sorted({text for text in texts if code_of(text) is not None})
        if spelt and len(texts) < len(given):
            numbers = ", ".join(map(repr, spelt))
            raise ValueError(
                f"values gives numbers beside texts that spell numbers ({numbers}); "
                "write all with quotes, or none"
            )
        return self

    @property
    def parts(self) -> list[Part]:
        """The columns that make the variable."""
        return self.any_of or [self]

    @property
    def targets(self) -> list[Any]:
        """The values that are given to answers."""
        return [value for part in self.parts for value in part.values_given]

    @property
    def is_ordered(self) -> bool:
        """Whether its levels are a scale, of which only neighbours may be joined."""
        if self.ordered is not None:
            return self.ordered
        return bool(self.levels) or any(part.cut for part in self.parts)


class Design(Form):
    """The columns and rules of the sample design, as `SurveyDesign` takes them.

    `weight_blank` 0 leaves people without a weight out, as those with a weight of zero.

    Examples
    --------
    >>> Design(replicate_weights={"prefix": "WT", "count": 2}).replicate_weights
    ['WT1', 'WT2']
    """

    weight: str | None = None
    weight_blank: Literal[0] | None = None
    strata: str | None = None
    psu: str | None = None
    fpc: str | None = None
    nest: StrictBool | None = None
    lonely_psu: str | None = None
    replicate_weights: Columns = []
    replicate_method: str | None = None
    replicate_scale: Any = None
    replicate_mse: StrictBool | None = None
    replicate_df: float | None = None


class MappingForm(Form):
    """``mapping.yml``; see `trustlib.schema`.

    `published` names an own list of printed figures (`trustbook.own_figures`).

    Examples
    --------
    >>> MappingForm(variables={"gender": {"column": "sex"}}).variables["gender"].column
    'sex'
    """

    source: Annotated[Source, PlainValidator(_source)] = Source()
    codebook: str | None = None
    file: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    published: str | None = None
    missing: Answers = {}
    populations: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    variables: Annotated[dict[str, Rule], Field(min_length=1)]
    design: Design = Design()


# Reading

_EXPECTED = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
}


def attempt(form: type[F], raw: Any) -> tuple[F | None, list[str]]:
    """The content of a YAML file as a form, or every fault.

    Returns
    -------
    content : Form, optional
        None if there are faults.
    faults : list of str
        The place of each, what is there and what was expected.

    Examples
    --------
    >>> attempt(Variable, {"lebel": "Gender"})[1]
    ["There is no key 'lebel'. Did you mean 'label'? There is: label, type, levels, question, printed, asked_in, note."]
    """
    try:
        return form.model_validate(raw), []
    except ValidationError as error:
        faults = error.errors(include_url=False)
        return None, [_fault(fault, form) for fault in faults]


def read(
    form: type[F],
    raw: Any,
    what: str,
    kind: type[TrustlibError],
    hint: str,
) -> F:
    """The content of a YAML file as a form.

    Parameters
    ----------
    form : type
        One of the classes above.
    raw : Any
        What `load_yaml` returned.
    what : str
        The beginning of the message, for example
        ``"mapping.yml is not a mapping of a survey file"``.
    kind : type
        The error that is raised with all faults.
    hint : str

    Returns
    -------
    Form

    Examples
    --------
    >>> from trustlib.errors import CodebookError
    >>> read(Variable, {"label": "Gender"}, "This is no variable", CodebookError, "").label
    'Gender'
    """
    content, faults = attempt(form, raw)
    raise_faults(kind, what, faults, hint)
    assert content is not None
    return content


def _fault(fault: Any, form: type[Form]) -> str:
    """A fault of pydantic in our words."""
    kind = fault["type"]
    place = list(fault["loc"])
    given = fault["input"]
    if kind == "extra_forbidden":
        *place, key = place
        unknown = unknown_name("key", key, _keys(form, place))
        return _words(place, ": ") + one_line(unknown)
    if kind == "value_error":
        return _words(place, ": ") + str(fault["ctx"]["error"])
    if kind == "literal_error":
        *place, key = place
        allowed = re.findall("'(.*?)'", fault["ctx"]["expected"])
        unknown = unknown_name(key, given, allowed)
        return _words(place, ": ") + one_line(unknown)
    if kind == "missing" and len(place) > 1:
        return f"{_words(place)} is missing in {str(given)[:80]}"
    if kind == "missing":
        return f"{_words(place)} is missing"
    expected = _EXPECTED.get(kind)
    if expected is None:
        expected = fault["msg"].removeprefix("Input should be ")
    if not place:  # it may be any file, and people may stand in it
        return f"the file is no mapping but {_kind_in_words(given)}"
    return f"{_words(place)} is {repr(given)[:80]}, expected {expected}"


def _kind_in_words(given: Any) -> str:
    """What stands in a file as a whole."""
    if given is None:
        return "empty"
    return "a list" if isinstance(given, list) else "one text"


def _words(place: list[Any], end: str = "") -> str:
    """A place as a reader finds it: ``variable gender: any_of: entry 2``."""
    steps = [_step_in_words(step) for step in place]
    if not steps:
        return ""
    if len(steps) > 1 and steps[0] in ("variables", "findings", "runs", "cells"):
        first = f"{steps[0].removesuffix('s')} {steps[1]}"
        steps = [first, *steps[2:]]
    return ": ".join(steps) + end


def _step_in_words(step: int | str) -> str:
    """A key as it stands there, an entry of a list by its number from 1."""
    if isinstance(step, int):
        return f"entry {step + 1}"
    return str(step)


def _keys(form: Any, place: list[Any]) -> list[str]:
    """The keys that a form knows at a place."""
    for step in place:
        form = _within(form, step)
    return list(form.model_fields)


def _within(form: Any, step: Any) -> Any:
    """What stands at a key of a form, or in each entry of a mapping or list."""
    if isinstance(form, type(Form)):
        return form.model_fields[step].annotation
    return get_args(form)[-1]
