"""What the system refuses, said in one sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trustlib.errors import SurveyFileError, TrustlibError, one_line

HINT = "Is the disk full, the file open in another program, or the folder not yours?"


@contextmanager
def refusals(
    path: str | os.PathLike[str], written: Sequence[Path] = ()
) -> Iterator[None]:
    """Turn what the system refuses in a block into one sentence; see `refusal`.

    Examples
    --------
    >>> with refusals("a.csv"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    trustlib.errors.SurveyFileError: a.csv cannot be written: No space left on device.
    Is the disk full, the file open in another program, or the folder not yours?
    """
    try:
        yield
    except TrustlibError:
        raise
    except (OSError, ValueError, shutil.Error) as error:
        raise refusal(path, error, written) from None


def refusal(
    path: str | os.PathLike[str], error: Exception, written: Sequence[Path] = ()
) -> SurveyFileError:
    """The error for a file or folder that the system refuses to write.

    Parameters
    ----------
    path : path
        As its user named it.
    error : Exception
        Of the system.
    written : sequence of Path
        The files that have taken their places already.

    Examples
    --------
    >>> refusal("a.csv", OSError(28, "No space left on device")).message
    'a.csv cannot be written: No space left on device.'
    """
    reason = getattr(error, "strerror", None) or one_line(error)
    message = f"{one_line(path)} cannot be written: {reason}."
    if written:
        names = ", ".join(path.name for path in written)
        message += f" Written before it: {names}."
    if isinstance(error, FileExistsError):
        return SurveyFileError(message, "Choose another name.")
    return SurveyFileError(message, HINT)
