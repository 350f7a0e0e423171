"""Where the command begins, what it needs, and what a signal does to it.

This module imports next to nothing. So it can say what to install where the extra
``book`` is not there, and answer a signal while the rest is being imported, which takes
a second; until then nothing was written, and the process leaves at once. From then on a
signal is raised in the command as `Stopped`: what is half written is removed, and the
command ends with one sentence.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from types import FrameType
from typing import NoReturn

from trustbook.utf8 import speak_utf8

SENTENCE = "Stopped. Run it again: finished runs are kept."
# What the extra `book` brings, as it is imported.
BOOK = (
    "typer",
    "rich",
    "papermill",
    "nbformat",
    "ipykernel",
    "bs4",
    "jupyter_book",
    "platformdirs",
    "python_calamine",
    "rdata",
    "docx",
    "xlsxwriter",
    "pypdf",
)
# These execute notebooks, which needs locks and signals that Windows has not.
NOT_ON_WINDOWS = ("run", "reproduce", "start")
CONTAINER = (
    "trustlib {command} runs on Linux and macOS. On Windows run it in a container: "
    'docker run --rm -it -v "${{PWD}}:/work" -v trustgap-keys:/keys trustgap {command} '
    "... (the image is made once, in a copy of the project: docker build -t trustgap "
    "-f Containerfile .)"
)
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal that asks the command to end; `status` is what it ends with.

    Examples
    --------
    >>> Stopped(2).status
    130
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def main() -> NoReturn:
    """Run the command line, ``trustlib``.

    Examples
    --------
    ::

        $ trustlib --version
        trustgap 2026.11.0
    """
    _take_standard_places()
    speak_utf8()
    _answer(_leave_at_once)
    _require_system(sys.argv[1:])
    _require_book()
    # By its name, because the command line itself uses this module.
    command_line = import_module("trustbook.cli")
    try:
        command_line.app()
    finally:
        _flush()
    sys.exit(0)


def _require_system(words: Sequence[str]) -> None:
    """Leave with one line, which says what to do, where a command cannot run on this system."""
    commands = [word for word in words if not word.startswith("-")]
    if sys.platform == "win32" and commands and commands[0] in NOT_ON_WINDOWS:
        sys.exit(CONTAINER.format(command=commands[0]))


def _require_book() -> None:
    """Leave with one line where the extra ``book`` was not installed."""
    absent = [name for name in BOOK if find_spec(name) is None]
    if absent:
        sys.exit(
            f'The commands of trustlib need the extra "book" ({", ".join(absent)} '
            f"cannot be imported): {installation()}"
        )


def installation() -> str:
    """The command that installs our wheel with what the commands need.

    It names a file, because ``trustlib`` in the public index is another package.

    Examples
    --------
    >>> installation().split(" @ ")[0]
    'pip install "trustgap[book]'
    """
    from importlib import metadata

    try:
        version = metadata.version("trustgap")
    except metadata.PackageNotFoundError:  # the sources, not installed
        version = "VERSION"
    wheel = f"trustgap-{version}-py3-none-any.whl"
    return f'pip install "trustgap[book] @ file:///path/to/{wheel}"'


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in this block at a signal; outside of it the answer is as before.

    Examples
    --------
    >>> try:
    ...     with stoppable():
    ...         signal.raise_signal(signal.SIGTERM)
    ... except Stopped as stopped:
    ...     stopped.status
    143
    """
    before = _answer(_raise)
    try:
        yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)


def _answer(answer: signal._HANDLER) -> dict[int, signal._HANDLER]:
    """Answer signals so; what was answered before.

    Those are left out that whoever started us lets us ignore.
    """
    before: dict[int, signal._HANDLER] = {}
    # Only the main thread may: elsewhere all stays as it is.
    with suppress(ValueError):
        for number in SIGNALS:
            former = signal.getsignal(number)
            if former in (signal.SIG_IGN, None):
                continue
            signal.signal(number, answer)
            before[int(number)] = former
    return before


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        os.write(1, f"{SENTENCE}\n".encode())
    os._exit(128 + number)


def _take_standard_places() -> None:
    """Open what was closed of input, output and errors.

    No file of ours may get their numbers.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _flush() -> None:
    """Write what was printed.

    Where nobody takes it, end with status 1 and without another word.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os._exit(1)


if __name__ == "__main__":
    main()
