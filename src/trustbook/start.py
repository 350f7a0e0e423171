"""Where the command begins, and what a signal does to it.

This module imports next to nothing. So it can answer a signal while the rest is being imported, which takes a second;
until then nothing was written, and the process leaves at once. From then on a signal is raised in the command as
`Stopped`: what is half written is removed, and the command ends with one sentence.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

SENTENCE = "Stopped. Run it again: finished runs are kept."
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal that asks the command to end; `status` is what it ends with."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def main() -> NoReturn:
    """Run the command line, ``trustlib``."""
    _take_standard_places()
    _answer(_leave_at_once)
    # By its name, because the command line itself uses this module.
    command_line = import_module("trustbook.cli")
    try:
        command_line.app()
    finally:
        _flush()
    sys.exit(0)


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in this block at a signal; outside of it the answer is what it was."""
    before = _answer(_raise)
    try:
        yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)


def _answer(answer: signal._HANDLER) -> dict[int, signal._HANDLER]:
    """Answer signals so, but for those that whoever started us lets us ignore; what was answered before."""
    before: dict[int, signal._HANDLER] = {}
    # Only the main thread may: elsewhere all stays as it is.
    with suppress(ValueError):
        for number in SIGNALS:
            former = signal.getsignal(number)
            if former not in (signal.SIG_IGN, None):
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
    """Open what was closed of input, output and errors: no file of ours may get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _flush() -> None:
    """Write what was printed; where nobody takes it, end with status 1 and without another word."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os._exit(1)


if __name__ == "__main__":
    main()
