"""What the data are and where they come from: `Source`, said once and carried by everything.

A mapping says it (``source: {id: hints6, kind: real, label: "HINTS 6"}``), a frame holds
it in its ``attrs``, and designs, cells, estimates, tests and sealed files carry it to
what is shown. It is checked here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn

from trustlib.disclosure import EVIDENCE
from trustlib.errors import DesignError, is_number, require_names

LEAST_ROUNDING = 2
MOST_ROUNDING = 100
GIVE = "Give a dict with id, kind and label."


class Source(dict):
    """What the data are: a mapping with names, which never changes.

    Every fact of the mapping is kept, and read as from a dict; those that something
    follows from have names of their own: `id`, `kind`, `label`, `address`, `rounding`,
    `weights`.

    Parameters
    ----------
    facts : mapping, optional
        ``kind`` is real, supplied, synthetic or published; ``rounding`` a whole number
        from 2 to 100. Both may be absent. Further facts are welcome.
    **more
        The same as keywords.

    Raises
    ------
    UnknownNameError
        There is no such kind.
    DesignError
        It is no mapping, a fact has no text as its name, or people cannot be rounded
        so.

    Examples
    --------
    >>> source = Source(id="hints6", kind="real", label="HINTS 6")
    >>> source.kind, source["kind"], source.rounding
    ('real', 'real', None)
    >>> source == {"id": "hints6", "kind": "real", "label": "HINTS 6"}
    True
    >>> source | {"rounding": 5}
    {'id': 'hints6', 'kind': 'real', 'label': 'HINTS 6', 'rounding': 5}
    """

    __slots__ = ()

    def __init__(self, facts: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        super().__init__(_checked({**_mapping(facts), **more}))

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Source:
        """A mapping as a `Source`; of None one that says nothing.

        Examples
        --------
        >>> Source.of({"kind": "synthetic"}).is_synthetic, Source.of(None).kind
        (True, None)
        """
        if isinstance(given, Source):
            return given
        return cls(given)

    @property
    def id(self) -> str | None:
        """A short name, for choosing runs and in tables."""
        return self._text("id")

    @property
    def kind(self) -> str | None:
        """One of `trustlib.disclosure.EVIDENCE`; None where it is not said."""
        return self.get("kind")

    @property
    def label(self) -> str | None:
        """What readers are told of the data."""
        return self._text("label")

    @property
    def address(self) -> str | None:
        """Where anybody finds the rows of real people; None where they are for few."""
        return self._text("address")

    @property
    def rounding(self) -> int | None:
        """To multiples of what numbers of people are rounded where they are shown."""
        return self.get("rounding")

    @property
    def weights(self) -> str:
        """How the weights were used, see `trustlib.review.reweighted`."""
        return str(self.get("weights", "weighted"))

    @property
    def evidence(self) -> str:
        """The kind in words, for everything that is shown."""
        return EVIDENCE.get(str(self.kind), "Source not stated")

    @property
    def title_mark(self) -> str:
        """What stands before each title, if the people are made up.

        Examples
        --------
        >>> Source(kind="synthetic").title_mark, Source(kind="real").title_mark
        ('Synthetic: ', '')
        """
        return "Synthetic: " if self.is_synthetic else ""

    @property
    def is_synthetic(self) -> bool:
        """Whether the people are made up."""
        return self.kind == "synthetic"

    def _text(self, name: str) -> str | None:
        """A fact as a text: a year may stand there as a number."""
        fact = self.get(name)
        return None if fact is None else str(fact)

    def __or__(self, other: Any) -> Source:  # type: ignore[override]
        if not isinstance(other, Mapping):
            return NotImplemented
        return Source({**self, **other})

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self))

    def __reduce__(self) -> tuple:
        return Source, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "A source never changes, because results that are there already carry it. "
            "Make another: source | {'label': ...}."
        )

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]


def _mapping(facts: Any) -> Mapping[str, Any]:
    """The facts; what is no mapping of texts is refused."""
    if facts is None:
        return {}
    if isinstance(facts, Iterator):  # as dataclasses.asdict gives those of a dict
        facts = dict(facts)
    if not isinstance(facts, Mapping):
        raise DesignError(f"source is {_seen(facts)}, expected a mapping.", GIVE)
    unnamed = [name for name in facts if not isinstance(name, str)]
    if unnamed:
        raise DesignError(
            f"A fact of the source is called {_seen(unnamed[0])}, expected a text.",
            GIVE,
        )
    return facts


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, if the kind exists and people can be rounded so."""
    kind = facts.get("kind")
    if kind is not None and not isinstance(kind, str):
        raise DesignError(
            f"The kind of the source is {_seen(kind)}, expected a text.", GIVE
        )
    if kind is not None:
        require_names("kind of source", [kind], EVIDENCE)
    rounding = facts.get("rounding")
    if rounding is None:
        return facts
    whole = is_number(rounding) and float(rounding).is_integer()
    if not whole or not LEAST_ROUNDING <= rounding <= MOST_ROUNDING:
        raise DesignError(
            f"rounding is {_seen(rounding)}, expected a whole number from "
            f"{LEAST_ROUNDING} to {MOST_ROUNDING}.",
            "Leave it out where numbers of people are shown as they are.",
        )
    return facts | {"rounding": int(rounding)}


def _seen(value: Any) -> str:
    """A text or a number in a message; of all else, which may hold answers, its type."""
    if isinstance(value, (str, bool)) or is_number(value):
        return repr(value)[:80]
    return f"a {type(value).__name__}"


class SourceField:
    """The field of a frozen dataclass that holds a `Source`.

    What is given when the object is made may be any mapping; what is read is a `Source`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Count:
    ...     n: int
    ...     source: SourceField = SourceField()
    >>> Count(3, {"kind": "real"}).source.kind
    'real'
    >>> Count(3).source
    {}
    """

    default: ClassVar[Any] = Source()

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Source:
        if owner is None:
            return self.default
        return vars(owner)[self.name]

    def __set__(self, owner: Any, given: Mapping[str, Any] | None) -> None:
        vars(owner)[self.name] = Source.of(given)
