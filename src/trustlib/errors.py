"""Errors and warnings: one sentence with what was expected and found, one with what to do.

Every error is a `TrustlibError` and also the built-in exception a user would catch, so
that both ``except trustlib.DesignError`` and ``except ValueError`` work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any

MOST_NAMES = 12  # of those that exist, in a message
MOST_FAULTS = 20  # of a file that are listed in full
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class TrustlibError(Exception):
    """Base of all errors that trustlib raises on purpose.

    Parameters
    ----------
    message : str
        What was expected and what was found.
    hint : str, optional
        What the user can do about it.

    Examples
    --------
    >>> print(TrustlibError("There is no column 'gendre'.", "Did you mean 'gender'?"))
    There is no column 'gendre'.
    Did you mean 'gender'?
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message}\n{self.hint}"

    def __reduce__(self) -> tuple:
        return type(self), (self.message, self.hint)


class CodebookError(TrustlibError, ValueError):
    """A survey file does not agree with its mapping or codebook. All faults are listed at once."""


class SurveyFileError(CodebookError, OSError):
    """A file is missing, of an unknown kind, or cannot be read or written."""


class MissingFileError(SurveyFileError, FileNotFoundError):
    """A file that was named does not exist."""


class UnknownNameError(TrustlibError, KeyError):
    """A column, level, term, option or parameter of that name does not exist."""


class DesignError(TrustlibError, ValueError):
    """The survey design cannot be true of these data."""


class LonelyPSUError(DesignError):
    """A stratum has one PSU, so that its variance cannot be estimated."""


class FitError(TrustlibError, ValueError):
    """A model cannot be fitted to these cells."""


class SeparationError(FitError):
    """Some combination of terms predicts the outcome perfectly: no finite estimate exists."""


class RankError(FitError):
    """Some coefficients are not identified: their columns are sums of others, or empty."""


class ConvergenceError(FitError):
    """The fit did not converge."""


class EstimandError(TrustlibError, ValueError):
    """What was asked for is not defined for these estimates."""


class DisclosureError(TrustlibError, PermissionError):
    """A result rests on too few people to be shown."""


class RunError(TrustlibError, RuntimeError):
    """A notebook run was declared wrongly or failed."""


class FindingError(TrustlibError, LookupError):
    """A finding is not exactly one number, or no longer agrees with its source."""


class MissingRowsWarning(UserWarning):
    """Rows left the estimate because the outcome or an axis is missing. They stay in the design."""


class FewPSUWarning(UserWarning):
    """So few degrees of freedom that standard errors are themselves very uncertain."""


class ProtectiveExposureWarning(UserWarning):
    """An identity goes with a lower risk than the reference.

    RERI, AP and S may then contradict each other (Knol 2011).
    """


def one_line(error: object, width: int = 160) -> str:
    r"""What another library says, in one line of bounded length and without colours.

    Examples
    --------
    >>> one_line("no such\n  column", width=10)
    'no such co'
    """
    words = _COLOUR.sub("", str(error)).split()
    return " ".join(words)[:width]


def unknown_name(
    kind: str, name: object, allowed: Iterable[object]
) -> UnknownNameError:
    """Build the error for a misspelt name.

    Parameters
    ----------
    kind : str
        What it should be the name of.
    name : object
    allowed : iterable
        The names that exist.

    Returns
    -------
    UnknownNameError
        It says what exists, and what is nearest to what was written.

    Examples
    --------
    >>> print(unknown_name("column", "gendre", ["age", "gender"]))
    There is no column 'gendre'.
    Did you mean 'gender'? There is: age, gender.
    """
    values = list(allowed)
    names = [str(value) for value in values]
    text = str(name)
    names_there_are = ", ".join(names[:MOST_NAMES]) or "none"
    if len(names) > MOST_NAMES:
        names_there_are += f" and {len(names) - MOST_NAMES} more"
    near = get_close_matches(text, names, n=1, cutoff=0.5)
    hint = ""
    if text in names:  # the same to the eye
        own = _type_of(name)
        other = _type_of(values[names.index(text)])
        hint = f"One is {own}, the other {other}: make them the same. "
    elif near:
        hint = f"Did you mean {near[0]!r}? "
    return UnknownNameError(
        f"There is no {kind} {text!r}.", f"{hint}There is: {names_there_are}."
    )


def _type_of(value: object) -> str:
    """The type of a value, in a word."""
    if isinstance(value, str):
        return "a text"
    if type(value).__name__ in ("bool", "bool_"):
        return "True or False"
    if isinstance(value, Real):
        return "a number"
    return f"a {type(value).__name__}"


def require_names(
    kind: str,
    names: Iterable[object],
    allowed: Iterable[object],
    told: Iterable[object] | None = None,
) -> None:
    """Raise `UnknownNameError` for the first of `names` that is not in `allowed`.

    The message lists these, or `told` in their place where not all may be named.

    Examples
    --------
    >>> require_names("column", ["age"], ["age", "gender"])
    """
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            raise unknown_name(kind, name, allowed if told is None else told)


def require_a(kind: type | tuple[type, ...], value: object, hint: str) -> None:
    """Raise `EstimandError` if a verb was given another noun than it takes.

    Examples
    --------
    >>> require_a((int, float), "3", "Give a number.")
    Traceback (most recent call last):
    ...
    trustlib.errors.EstimandError: Expected int or float, got str.
    Give a number.
    """
    if isinstance(value, kind):
        return
    kinds = kind if isinstance(kind, tuple) else (kind,)
    expected = " or ".join(k.__name__ for k in kinds)
    raise EstimandError(f"Expected {expected}, got {type(value).__name__}.", hint)


def is_number(value: Any, whole: bool = False) -> bool:
    """Whether this is a number (a whole one), of Python or of numpy.

    True and False are none.

    Examples
    --------
    >>> is_number(2.5), is_number(2.5, whole=True), is_number(True)
    (True, False, False)
    """
    kind = Integral if whole else Real
    return isinstance(value, kind) and not isinstance(value, bool)


def listed(given: Any) -> list:
    """One value or several as a list.

    A text, a mapping, and what cannot be walked through are one value.

    Examples
    --------
    >>> listed("age"), listed(("age", "gender"))
    (['age'], ['age', 'gender'])
    """
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def first_few(texts: Sequence[str], most: int = 6) -> str:
    """Several texts in a message, not all if they are many.

    Examples
    --------
    >>> first_few(["a", "b", "c"], most=2)
    'a, b ...'
    """
    shown = ", ".join(texts[:most])
    if len(texts) > most:
        shown += " ..."
    return shown


def axis_names(
    by: Any, allowed: Iterable[object], told: Iterable[object] | None = None
) -> list[str]:
    """The axes as a list: one name or several, each of them known and there once.

    `told` is what a message lists in the place of `allowed`.

    Examples
    --------
    >>> axis_names("gender", ["age", "gender"])
    ['gender']
    """
    if by is None:
        return []
    if isinstance(by, (Set, Mapping)) or not isinstance(by, Iterable):
        raise EstimandError(
            f"Axes are a list of names, got {type(by).__name__}.",
            "For example by=['gender'].",
        )
    names = [by] if isinstance(by, str) else list(by)
    require_names("axis", names, allowed, told)
    if len(set(names)) < len(names):
        raise EstimandError(
            f"An axis is named more than once in {names}.", "Name each once."
        )
    return names


def require_file(path: Any, what: str, hint: str) -> Path:
    """The path of a file that exists; `MissingFileError` if there is none.

    Examples
    --------
    >>> require_file("no-such.csv", "survey file", "Check the spelling.")
    Traceback (most recent call last):
    ...
    trustlib.errors.MissingFileError: There is no survey file no-such.csv.
    Check the spelling.
    """
    if isinstance(path, (str, os.PathLike)) and Path(path).is_file():
        return Path(path)
    raise MissingFileError(f"There is no {what} {path}.", hint)


def raise_faults(
    kind: type[TrustlibError], what: str, faults: Sequence[str], hint: str
) -> None:
    """Raise one error that lists all faults of a file; none is no error.

    Parameters
    ----------
    kind : type
        The error.
    what : str
        The beginning of the message.
    faults : sequence of str
        The first 20 are listed in full.
    hint : str

    Examples
    --------
    >>> raise_faults(CodebookError, "people.csv does not fit", ["no column age"], "Mend it.")
    Traceback (most recent call last):
    ...
    trustlib.errors.CodebookError: people.csv does not fit, 1 fault:
      1. no column age
    Mend it.
    """
    if not faults:
        return
    total = len(faults)
    count = "1 fault" if total == 1 else f"{total} faults"
    lines = [f"{what}, {count}:"]
    lines += [f"  {i}. {fault}" for i, fault in enumerate(faults[:MOST_FAULTS], 1)]
    if total > MOST_FAULTS:
        lines.append(f"  and {total - MOST_FAULTS} more")
    raise kind("\n".join(lines), hint)
