"""Errors and warnings: one sentence with what was expected and found, one with what to do.

Every error is a `TrustlibError` and also the built-in exception a user would catch, so that both
``except trustlib.DesignError`` and ``except ValueError`` work.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


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


def unknown_name(kind: str, name: object, allowed: Iterable[object]) -> UnknownNameError:
    """Build the error for a misspelt name: what exists, and the nearest to what was written."""
    names = [str(a) for a in allowed]
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return UnknownNameError(f"There is no {kind} {str(name)!r}.", f"{hint}There is: {listed or 'none'}.")


def require_a(kind: type, value: object, hint: str) -> None:
    """Raise `EstimandError` if a verb was given another noun than it takes."""
    if not isinstance(value, kind):
        raise EstimandError(f"Expected {kind.__name__}, got {type(value).__name__}.", hint)


def require_names(kind: str, names: Iterable[object], allowed: Iterable[object]) -> None:
    """Raise `UnknownNameError` for the first of `names` that is not in `allowed`."""
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            raise unknown_name(kind, name, allowed)
