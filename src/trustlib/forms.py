"""The forms of the project's YAML files: which keys each may have, and what may stand there.

Each class is one mapping in a file. A key that no class knows is a fault, an empty entry is an absent one, and numbers
are taken as texts where texts are expected. `read` reports every fault of a file at once, each with its place and the
nearest name that exists.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from trustlib.answers import code_of, plain
from trustlib.disclosure import EVIDENCE
from trustlib.errors import TrustlibError, one_line, raise_faults, unknown_name


class Form(BaseModel):
    """A mapping in which only the named keys may stand."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, raw: Any) -> Any:
        return (
            {key: value for key, value in raw.items() if value is not None}
            if isinstance(raw, dict)
            else raw
        )


F = TypeVar("F", bound=Form)


# -- kinds of entries -------------------------------------------------------------------------------------------------


def _evidence(raw: Any) -> Any:
    if raw not in list(EVIDENCE):
        raise ValueError(one_line(unknown_name("kind of source", raw, EVIDENCE)))
    return raw


def _distinct(raw: Any) -> Any:
    if isinstance(raw, list) and len(set(map(str, raw))) < len(raw):
        raise ValueError(f"a level is there twice in {raw}")
    return raw


def _answers(raw: Any) -> Any:
    """Answers as texts, each there once and with a text or a number."""
    if not isinstance(raw, dict):
        return raw
    texts = [plain(str(answer)) for answer in raw]
    if twice := sorted({t for t in texts if texts.count(t) > 1}):
        raise ValueError(f"answers declared more than once: {', '.join(twice)}")
    if lacking := [
        t
        for t, value in zip(texts, raw.values(), strict=True)
        if not isinstance(value, (str, int, float))
    ]:
        raise ValueError(
            f"no value is given for {', '.join(lacking)}; answers that mean missing stand in missing"
        )
    return dict(zip(texts, raw.values(), strict=True))


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


NAMED = "letters, digits, - and _ only, a letter first, and up to 100 of them"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def is_name(text: object) -> bool:
    """Whether something can be the name of a set of cells, a run or a template: files and folders are called so."""
    return isinstance(text, str) and bool(_NAME.fullmatch(text))


def _name(raw: Any) -> Any:
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


# -- the codebook -----------------------------------------------------------------------------------------------------


class Variable(Form):
    """One variable of the codebook: `levels` in order (the first is the reference); none for a 0/1 or a number."""

    label: str | None = None
    type: Literal["category", "binary", "number"] = "category"
    levels: Levels = []
    question: str | None = None
    printed: dict[str, str] = {}
    asked_in: dict[str, str | dict[str, str]] = {}
    note: str | None = None


class CodebookForm(Form):
    """``codebook.yml``."""

    variables: Annotated[
        dict[str, Variable],
        BeforeValidator(
            lambda v: {k: f or {} for k, f in v.items()} if isinstance(v, dict) else v
        ),
    ]


# -- the mapping of a survey file -------------------------------------------------------------------------------------


class Part(Form):
    """One column and what its answers mean; `blank` is the value of people without an answer, if they have one."""

    column: str | None = None
    values: Answers | None = None
    missing: Answers = {}
    blank: int | float | str | None = None

    @model_validator(mode="after")
    def _each_answer_once(self) -> Part:
        declared = {*(self.values or {}), *([] if self.blank is None else [""])}
        if twice := sorted(declared & set(self.missing)):
            raise ValueError(f"answers declared more than once: {', '.join(twice)}")
        return self


class Rule(Part):
    """How one variable is made, from one column or from any of several."""

    any_of: Annotated[list[Part], Field(min_length=1)] = []
    missing_as: int | float | str | None = None
    levels: Levels | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _columns_stand_in_any_of(self) -> Rule:
        if (
            self.any_of
            and {"column", "values", "missing", "blank"} & self.model_fields_set
        ):
            raise ValueError(
                "any_of lists columns with their values; column, values and missing stand within it"
            )
        if any(part.column is None or part.values is None for part in self.any_of):
            raise ValueError("each entry of any_of has a column and values")
        return self

    @model_validator(mode="after")
    def _numbers_are_no_texts(self) -> Rule:
        given = [*self.targets, *([] if self.missing_as is None else [self.missing_as])]
        texts = [value for value in given if isinstance(value, str)]
        spelt = sorted({text for text in texts if code_of(text) is not None})
        if spelt and len(texts) < len(given):
            raise ValueError(
                f"values gives numbers beside texts that spell numbers ({', '.join(map(repr, spelt))}); "
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
        return [
            v
            for part in self.parts
            for v in (*(part.values or {}).values(), part.blank)
            if v is not None
        ]


class Source(Form):
    """What the data are, and to what their owner wants numbers of people rounded; further facts are welcome."""

    model_config = ConfigDict(extra="allow")

    kind: Annotated[str, BeforeValidator(_evidence)] | None = None
    rounding: Annotated[int, Field(ge=2, le=100)] | None = None


class Design(Form):
    """The columns and rules of the sample design, as `SurveyDesign` takes them."""

    weight: str | None = None
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
    """``mapping.yml``; see `trustlib.schema`."""

    source: Source = Source()
    codebook: str | None = None
    file: str | None = None
    encoding: str | None = None
    missing: Answers = {}
    variables: Annotated[dict[str, Rule], Field(min_length=1)]
    design: Design = Design()


# -- reading ----------------------------------------------------------------------------------------------------------

_EXPECTED = {"model_type": "a mapping", "dict_type": "a mapping", "list_type": "a list", "string_type": "a text",
             "bool_type": "true or false"}  # fmt: skip


def attempt(form: type[F], raw: Any) -> tuple[F | None, list[str]]:
    """The content of a YAML file as a form, or every fault: its place, what is there and what was expected."""
    try:
        return form.model_validate(raw), []
    except ValidationError as error:
        return None, [_fault(fault, form) for fault in error.errors(include_url=False)]


def read(form: type[F], raw: Any, what: str, kind: type[TrustlibError], hint: str) -> F:
    """The content of a YAML file as a form.

    Parameters
    ----------
    form : type
        One of the classes above.
    raw : Any
        What `load_yaml` returned.
    what : str
        The beginning of the message, for example ``"mapping.yml is not a mapping of a survey file"``.
    kind : type
        The error that is raised with all faults.
    hint : str
    """
    content, faults = attempt(form, raw)
    raise_faults(kind, what, faults, hint)
    assert content is not None
    return content


def _fault(fault: Any, form: type[Form]) -> str:
    kind, place = fault["type"], list(fault["loc"])
    if kind == "extra_forbidden":
        *place, key = place
        return _words(place, ": ") + one_line(
            unknown_name("key", key, _keys(form, place))
        )
    if kind == "value_error":
        return _words(place, ": ") + str(fault["ctx"]["error"])
    if kind == "literal_error":
        allowed = re.findall("'(.*?)'", fault["ctx"]["expected"])
        return _words(place[:-1], ": ") + one_line(
            unknown_name(place[-1], fault["input"], allowed)
        )
    if kind == "missing":
        return f"{_words(place)} is missing in {str(fault['input'])[:80]}"
    expected = _EXPECTED.get(kind) or fault["msg"].removeprefix("Input should be ")
    return f"{_words(place) or 'the file'} is {repr(fault['input'])[:80]}, expected {expected}"


def _words(place: list[Any], end: str = "") -> str:
    """A place as a reader finds it: ``variable gender: any_of: entry 2``."""
    named = [
        f"entry {step + 1}" if isinstance(step, int) else str(step) for step in place
    ]
    if len(named) > 1 and named[0] in ("variables", "findings", "runs", "cells"):
        named = [f"{named[0].removesuffix('s')} {named[1]}", *named[2:]]
    return ": ".join(named) + (end if named else "")


def _keys(form: Any, place: list[Any]) -> list[str]:
    """The keys that a form knows at a place."""
    for step in place:
        form = (
            form.model_fields[step].annotation
            if isinstance(form, type(Form))
            else get_args(form)[-1]
        )
    return list(form.model_fields)
