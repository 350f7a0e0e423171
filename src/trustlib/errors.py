"""Errors and warnings: one sentence with what was expected and found, one with what to do.

Every error is a `TrustlibError` and also the built-in exception a user would catch, so that both
``except trustlib.DesignError`` and ``except ValueError`` work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any


class TrustlibError(Exception):
    """Base of all errors that trustlib raises on purpose.

    Parameters
    ----------
    message : str
        What was expected and what was found.
    hint : str, optional
        What the user can do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

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
    """A finding cannot be resolved to exactly one number, or no longer agrees with its source."""


class MissingRowsWarning(UserWarning):
    """Rows left the estimate because the outcome or an axis is missing. They stay in the design."""


class FewPSUWarning(UserWarning):
    """So few degrees of freedom that the standard errors are themselves very uncertain."""


class ProtectiveExposureWarning(UserWarning):
    """An identity goes with a lower risk than the reference: RERI, AP and S may contradict each other (Knol 2011)."""


def one_line(error: object, width: int = 160) -> str:
    """What another library says, in one line of bounded length and without colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:width]


def unknown_name(
    kind: str, name: object, allowed: Iterable[object]
) -> UnknownNameError:
    """Build the error for a misspelt name: what exists, and the nearest to what was written."""
    known = list(allowed)
    names = [str(a) for a in known]
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    listed = ", ".join(names[:12])
    if len(names) > 12:
        listed += f" and {len(names) - 12} more"
    hint = f"Did you mean {near[0]!r}? " if near else ""
    if str(name) in names:  # the same to the eye
        other = known[names.index(str(name))]
        hint = f"One is {_type_of(name)}, the other {_type_of(other)}: make them the same. "
    return UnknownNameError(
        f"There is no {kind} {str(name)!r}.", f"{hint}There is: {listed or 'none'}."
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
    kind: str, names: Iterable[object], allowed: Iterable[object]
) -> None:
    """Raise `UnknownNameError` for the first of `names` that is not in `allowed`."""
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            raise unknown_name(kind, name, allowed)


def require_a(kind: type | tuple[type, ...], value: object, hint: str) -> None:
    """Raise `EstimandError` if a verb was given another noun than it takes."""
    if not isinstance(value, kind):
        expected = " or ".join(
            k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))
        )
        raise EstimandError(f"Expected {expected}, got {type(value).__name__}.", hint)


def is_number(value: Any, whole: bool = False) -> bool:
    """Whether this is a number (a whole one), of Python or of numpy; True and False are none."""
    return isinstance(value, Integral if whole else Real) and not isinstance(
        value, bool
    )


def listed(given: Any) -> list:
    """One value or several as a list; a text, a mapping, and what cannot be walked through are one value."""
    given = given.tolist() if hasattr(given, "tolist") else given
    return (
        list(given)
        if isinstance(given, Iterable) and not isinstance(given, (str, Mapping))
        else [given]
    )


def axis_names(by: Any, allowed: Iterable[object]) -> list[str]:
    """The axes as a list: one name or several, each of them known and there once."""
    if isinstance(by, (Set, Mapping)) or not isinstance(by, (Iterable, type(None))):
        raise EstimandError(
            f"Axes are a list of names, got {type(by).__name__}.",
            "For example by=['gender'].",
        )
    names = [by] if isinstance(by, str) else [] if by is None else list(by)
    require_names("axis", names, allowed)
    if len(set(names)) < len(names):
        raise EstimandError(
            f"An axis is named more than once in {names}.", "Name each once."
        )
    return names


def require_file(path: Any, what: str, hint: str) -> Path:
    """The path of a file that exists; `MissingFileError` if there is none."""
    if not isinstance(path, (str, os.PathLike)) or not Path(path).is_file():
        raise MissingFileError(f"There is no {what} {path}.", hint)
    return Path(path)


def raise_faults(
    kind: type[TrustlibError], what: str, faults: Sequence[str], hint: str
) -> None:
    """Raise one error that lists all faults of a file, the first 20 of them in full; none is no error."""
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        shown = [f"  {i}. {fault}" for i, fault in enumerate(faults[:20], 1)]
        more = [f"  and {len(faults) - 20} more"] if len(faults) > 20 else []
        raise kind("\n".join([f"{what}, {count}:", *shown, *more]), hint)
