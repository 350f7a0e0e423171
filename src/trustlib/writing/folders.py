"""Folders that are built beside their place and exchanged as a whole."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from trustlib.errors import RunError, SurveyFileError
from trustlib.writing.disk import (
    leads_to,
    lock,
    make_folder,
    remove_if_left_over,
    sync_folder,
    sync_tree,
)
from trustlib.writing.files import write_together
from trustlib.writing.refusals import refusals

# Of renameat2, a call of Linux.
RENAME_EXCHANGE = 2
CURRENT_FOLDER = -100


@contextmanager
def write_folder(path: str | os.PathLike[str], resume: bool = False) -> Iterator[Path]:
    """Give a new folder beside `path`, which takes its place, whole, afterwards.

    Parameters
    ----------
    path : path
        A folder, or the name of one that will be made. What stands there is replaced.
    resume : bool
        Keep what a stopped attempt had built, and give it to the next one. By default
        that is removed.

    Yields
    ------
    Path
        ``.name.new`` beside `path`. Until the block ends `path` is as it was.

    Raises
    ------
    RunError
        Another command is building this folder.
    SurveyFileError
        The folder cannot be written: it is as it was.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> around = TemporaryDirectory()
    >>> book = Path(around.name) / "book"
    >>> with write_folder(book) as new:
    ...     length = (new / "index.html").write_text("82 against 47")
    ...     book.exists()
    False
    >>> [path.name for path in book.iterdir()]
    ['index.html']
    >>> around.cleanup()
    """
    final = Path(os.path.realpath(path))
    with ExitStack() as locks:
        with refusals(final):
            _require_movable(final)
            make_folder(final.parent)
            recover(final.parent, final.name)
            new = _locked_folder(final, locks)
            if not resume:
                _empty(new)
        try:
            yield new
        except BaseException:
            if not resume:
                shutil.rmtree(new, ignore_errors=True)
            raise
        replace_folder(new, final)


@contextmanager
def write_set(
    folder: str | os.PathLike[str], names: Sequence[str]
) -> Iterator[list[Path]]:
    """Give places to write the files that make up a folder.

    A folder that holds nothing else is exchanged as a whole. Where other files lie
    beside them, each is replaced whole, all of them after the last was written.

    Parameters
    ----------
    folder : path
    names : sequence of str
        Of the files.

    Yields
    ------
    list of Path
        In the order of `names`.

    Raises
    ------
    SurveyFileError
        The folder or a file of it cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> around = TemporaryDirectory()
    >>> folder = Path(around.name) / "stand-in"
    >>> with write_set(folder, ["people.csv", "model.json"]) as places:
    ...     lengths = [place.write_text("1") for place in places]
    >>> sorted(path.name for path in folder.iterdir())
    ['model.json', 'people.csv']
    >>> around.cleanup()
    """
    folder = Path(folder)
    if _is_ours_alone(folder, names):
        with write_folder(folder) as new, refusals(folder):
            yield [new / name for name in names]
    else:
        with write_together([folder / name for name in names]) as temporary:
            yield temporary


def replace_folder(new: Path, final: Path) -> None:
    """Put a folder that is complete in the place of another.

    At any instant the old or the new one is there. Where the system cannot exchange two
    folders, a kill between two moves leaves neither in place; then `recover` brings the
    old one back.

    Raises
    ------
    SurveyFileError
        The system refuses it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as around:
    ...     new = Path(around) / "new"
    ...     new.mkdir()
    ...     replace_folder(new, Path(around) / "final")
    ...     os.listdir(around)
    ['final']
    """
    with refusals(final):
        sync_tree(new)
        _put_folder_in_place(new, final)


def recover(folder: Path, name: str = "*") -> None:
    """Clean up after a stopped command.

    What is unfinished goes, a folder that was being replaced comes back. Call it where
    nobody else builds folders: a caller has its own lock for that.

    Parameters
    ----------
    folder : Path
        In which the results lie.
    name : str
        Only the result of this name; then an unfinished folder stays. By default all.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as around:
    ...     (Path(around) / ".book.old").mkdir()
    ...     recover(Path(around))
    ...     os.listdir(around)
    ['book']
    """
    for old in _named(folder, name, ".old"):
        final = folder / old.name[1:].removesuffix(".old")
        if os.path.lexists(final):
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(final)
    if name == "*":
        _remove_unfinished(folder)


def _remove_unfinished(folder: Path) -> None:
    for unfinished in _named(folder, "*", ".new"):
        if unfinished.is_dir() and not unfinished.is_symlink():
            # An orphan may be writing there, in its last moments.
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            remove_if_left_over(unfinished)


def _named(folder: Path, name: str, end: str) -> list[Path]:
    """What waits under a temporary name of this ending."""
    if name != "*":
        path = folder / f".{name}{end}"
        return [path] if os.path.lexists(path) else []
    return [p for p in folder.iterdir() if p.name[0] == "." and p.name.endswith(end)]


def _is_ours_alone(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder may be exchanged.

    It holds nothing but these files, and nobody stands in it.
    """
    if not folder.is_dir():
        return True
    if os.path.ismount(folder) or not os.access(folder.resolve().parent, os.W_OK):
        return False
    if Path.cwd().is_relative_to(folder.resolve()):
        return False
    return {path.name for path in folder.iterdir()} <= set(names)


def _put_folder_in_place(new: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old")
    if not os.path.lexists(final):
        new.rename(final)
    elif _exchanged(new, final):
        _remove(old)
        new.rename(old)
    else:
        _remove(old)
        final.rename(old)
        new.rename(final)
    sync_folder(final.parent)
    with suppress(OSError):
        _remove(old)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two folders could be exchanged in one step."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    first = os.fsencode(one)
    second = os.fsencode(other)
    failed = rename(CURRENT_FOLDER, first, CURRENT_FOLDER, second, RENAME_EXCHANGE)
    return not failed


def _require_movable(final: Path) -> None:
    """Refuse a folder that cannot be replaced as a whole."""
    around = final.parent
    is_protected = around.is_dir() and not os.access(around, os.W_OK)
    if is_protected or os.path.ismount(final):
        raise SurveyFileError(
            f"{final} cannot be replaced as a whole: it is the root of a disk, "
            "or the folder around it is not yours.",
            "Give the name of a folder in it.",
        )
    if final.exists() and not final.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(final))


def _locked_folder(final: Path, locks: ExitStack) -> Path:
    """The folder in which `final` is built anew, locked until the stack is closed.

    The old folder is locked too: for a moment it has the name under which others look
    for the lock.
    """
    new = final.with_name(f".{final.name}.new")
    if os.path.lexists(new) and not new.is_dir():
        _remove(new)
    new.mkdir(exist_ok=True)
    for folder in (new, final):
        if folder.is_dir():
            _lock_folder(folder, final, locks)
    if final.is_dir():
        new.chmod(stat.S_IMODE(final.stat().st_mode))
    return new


def _lock_folder(folder: Path, final: Path, locks: ExitStack) -> None:
    opened = os.open(folder, os.O_RDONLY)
    locks.callback(os.close, opened)
    try:
        is_moved = lock(opened) and not leads_to(folder, opened)
    except BlockingIOError:
        is_moved = True
    if is_moved:
        raise RunError(
            f"Another command is at work in {final}.", "Wait until it has ended."
        )


def _remove(path: Path) -> None:
    """Remove whatever has this name, if anything has."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)
