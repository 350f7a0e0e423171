"""Locks, and what waits until the disk has what was written."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no system of the POSIX kind: nothing left over is removed
    fcntl = None  # type: ignore[assignment]

# What a system answers that cannot bring the names in a folder to the disk.
NOT_FOR_FOLDERS = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
}
NOT_FOR_FILES = {errno.EINVAL, errno.ENOTSUP}


def make_folder(folder: Path) -> None:
    """Make a folder and those around it; what is in the way is called no folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        reason = os.strerror(errno.ENOTDIR)
        raise NotADirectoryError(errno.ENOTDIR, reason, error.filename) from None


def lock(opened: int, wait: bool = False) -> bool:
    """Lock an open file or folder.

    Parameters
    ----------
    opened : int
        Number of the open file.
    wait : bool
        Wait until another writer has freed it.

    Returns
    -------
    bool
        Whether the lock is ours now; not where files cannot be locked.

    Raises
    ------
    BlockingIOError
        Another writer holds it.
    """
    if fcntl is None:
        return False
    kind = fcntl.LOCK_EX
    if not wait:
        kind |= fcntl.LOCK_NB
    try:
        fcntl.flock(opened, kind)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def leads_to(path: Path, opened: int) -> bool:
    """Whether a path still leads to what was opened."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(opened))
    except OSError:
        return False


def remove_if_left_over(path: Path) -> None:
    """Remove a temporary file that nobody is writing."""
    with suppress(OSError):
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            _unlink_if_free(path, opened)
        finally:
            os.close(opened)


def _unlink_if_free(path: Path, opened: int) -> None:
    if stat.S_ISREG(os.fstat(opened).st_mode) and lock(opened):
        path.unlink()


def sync_open_file(opened: int) -> None:
    """Wait until the disk has what was written to an open file."""
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in NOT_FOR_FILES:
            raise


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder; not every file system is asked."""
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in NOT_FOR_FOLDERS:
            raise


def sync_tree(folder: Path) -> None:
    """Wait until the disk has every file below a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            _sync_file(Path(place, name))
        sync_folder(Path(place))


def _sync_file(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        return
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:
        return  # it is on the disk when the system finds time
    try:
        sync_open_file(opened)
    finally:
        os.close(opened)
