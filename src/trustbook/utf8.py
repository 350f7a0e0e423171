r"""The commands speak UTF-8, whatever the language of the terminal is.

Files are UTF-8, so are the names of files and what programs say to each other. Where
the system is set to something else (``LC_ALL=C``, ISO-8859-1), Python would read and
write names and texts in that. So the program starts itself again in Python's UTF-8
mode. Only what is printed keeps the encoding of the terminal; signs that it lacks are
shown as escapes such as ``\u5973``.

This module imports next to nothing, because it comes before all others.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from typing import Any

AGAIN = "TRUSTLIB_STARTED_AGAIN"
# A process that we start speaks UTF-8.
IN_UTF8 = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def speak_utf8() -> None:
    """Start this program again in UTF-8 mode where the system is set to something else.

    Examples
    --------
    >>> speak_utf8()  # nothing to do where the system is set to UTF-8
    """
    started_again = os.environ.pop(AGAIN, "")
    here = [sys.getfilesystemencoding(), locale.getencoding()]
    if os.name == "posix" and not started_again and not _all_utf8(here):
        printed = getattr(sys.stdout, "encoding", "utf-8")  # none where it is closed
        environment = _environment(os.environ, printed)
        program = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, program, environment)
    os.environ.update(IN_UTF8)
    for stream in (sys.stdout, sys.stderr):
        show_as_escapes(stream)


def _all_utf8(encodings: list[str]) -> bool:
    return {name.lower().replace("-", "") for name in encodings} == {"utf8"}


def _environment(given: Mapping[str, str], printed: str) -> dict[str, str]:
    """The environment of a program that prints in an encoding, and is in UTF-8 otherwise."""
    own = {"PYTHONUTF8": "1", "PYTHONIOENCODING": f"{printed}:backslashreplace"}
    return {**given, **own, AGAIN: "1"}


def show_as_escapes(stream: Any) -> None:
    """Let a stream print what its encoding lacks as escapes; nothing it is given is an error.

    Parameters
    ----------
    stream : file
        What cannot be set, such as a replaced one, stays as it is.

    Examples
    --------
    >>> from io import BytesIO, TextIOWrapper
    >>> stream = TextIOWrapper(BytesIO(), encoding="ascii")
    >>> show_as_escapes(stream)
    >>> stream.errors
    'backslashreplace'
    """
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def write_document(stream: Any, text: str) -> None:
    """Print a text that is to become a file: where nobody reads it from a terminal, it is UTF-8.

    Parameters
    ----------
    stream : file
        Of texts; what it holds already is written before.
    text : str

    Examples
    --------
    >>> from io import BytesIO, TextIOWrapper
    >>> given = BytesIO()
    >>> stream = TextIOWrapper(given, encoding="ascii")
    >>> write_document(stream, "Männer")
    >>> given.getvalue().decode("utf-8").strip()
    'Männer'
    """
    binary = getattr(stream, "buffer", None)
    if binary is None or stream.isatty():
        stream.write(f"{text}\n")
        return
    stream.flush()
    binary.write(f"{text}\n".encode("utf-8", errors="backslashreplace"))
    binary.flush()
