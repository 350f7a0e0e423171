"""What the system refuses, said in one sentence."""

from __future__ import annotations

import os
import re
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
    message = f"{one_line(path)} cannot be written: {first_refusal(error)[1]}."
    if written:
        names = ", ".join(path.name for path in written)
        message += f" Written before it: {names}."
    if isinstance(error, FileExistsError):
        return SurveyFileError(message, "Choose another name.")
    return SurveyFileError(message, HINT)


def first_refusal(error: Exception) -> tuple[str, str]:
    """Which path the system refused, and why; the first one where a folder was copied.

    Parameters
    ----------
    error : Exception
        Of the system.

    Returns
    -------
    tuple of str, str
        The path is empty where the system names none.

    Examples
    --------
    >>> first_refusal(OSError(28, "No space left on device", "a.csv"))
    ('a.csv', 'No space left on device')
    >>> first_refusal(shutil.Error([("a.csv", "b/a.csv", "[Errno 28] No space: 'a.csv'")]))
    ('b/a.csv', 'No space left on device')
    """
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        _, path, said = error.args[0][0]
        number = re.match(r"\[Errno (\d+)\]", str(said))
        return str(path), os.strerror(int(number[1])) if number else one_line(said)
    reason = getattr(error, "strerror", None) or one_line(error)
    return str(getattr(error, "filename", None) or ""), reason
