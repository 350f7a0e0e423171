"""Files and folders that are written whole: after a kill, a full disk or a refusal there is the old one or the new.

A file is written under a temporary name beside its place (``.name.0123abcd.new``), brought to the disk, and moved over
the old one in one step of the system. A folder is built beside its place (``.name.new``) and exchanged with the old
one; where a system cannot exchange two folders, the old one waits as ``.name.old``, and `recover` brings it back.

Whoever writes holds a lock on the temporary file or folder. The system frees it when the writer ends, in whatever way:
so the next writer of the same place can tell what a killed one left from what another one is writing, and removes it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from trustlib.errors import RunError, SurveyFileError, TrustlibError, one_line

try:
    import fcntl
except ImportError:  # no system of the POSIX kind: nothing left over is removed
    fcntl = None  # type: ignore[assignment]

NAME_BYTES = 200  # of a name that are kept in its temporary name
NOT_FOR_FOLDERS = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
}
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
RENAME_EXCHANGE = 2
CURRENT_FOLDER = -100
HINT = "Is the disk full, the file open in another program, or the folder not yours?"


# -- files ------------------------------------------------------------------------------------------------------------


@contextmanager
def write_whole(path: str | os.PathLike[str], new: bool = False) -> Iterator[Path]:
    r"""Give a temporary file to write to, which takes the place of `path` when the block has ended.

    Parameters
    ----------
    path : path
        Folders that are missing are made. A link is followed, and the file that it leads to is replaced. Permissions
        of a file that is replaced are kept.
    new : bool
        Refuse to replace anything.

    Yields
    ------
    Path
        An empty file in the same folder. Write to it by its name, with whatever writes files.

    Raises
    ------
    SurveyFileError
        The file cannot be written: it is as it was.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "table.csv"
    >>> with write_whole(path) as temporary:
    ...     length = temporary.write_text("gender,estimate\n")
    ...     path.exists()
    False
    >>> path.read_text()
    'gender,estimate\n'
    >>> folder.cleanup()
    """
    with write_together([path], new) as (temporary,):
        yield temporary


@contextmanager
def write_together(
    paths: Sequence[str | os.PathLike[str]], new: bool = False
) -> Iterator[list[Path]]:
    """Give temporary files for files that belong together: all are written before the first takes its place.

    They take their places in the order of `paths`: name what explains another file before it.

    Raises
    ------
    SurveyFileError
        A file cannot be written. The message names those that had taken their places already.
    """
    with ExitStack() as drafts:
        written: list[Path] = []
        made = [drafts.enter_context(_draft(path, new)) for path in paths]
        try:
            yield [draft.temporary for draft in made]
        except OSError as error:
            if isinstance(error, TrustlibError):
                raise
            raise _refusal(_meant(made, error), error) from None
        for draft in made:
            with _refusals(draft.path):
                draft.settle()
        for draft in made:
            with _refusals(draft.path, written):
                draft.put_in_place()
            written.append(draft.path)
        for folder in dict.fromkeys(draft.target.parent for draft in made):
            with _refusals(folder, written):
                _sync_folder(folder)


def write_text(path: str | os.PathLike[str], text: str, new: bool = False) -> Path:
    """Write a text whole, as UTF-8 with the line ends that it has; see `write_whole`."""
    with write_whole(path, new) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return Path(path)


class _Draft:
    """A file that is being written under a temporary name, and locked."""

    def __init__(self, path: Path, new: bool) -> None:
        self.path = path
        self.new = new
        if new and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        self.target = path if new else _followed(path)
        _make_folder(self.target.parent)
        _remove_left_over_files(self.target)
        self.temporary, self.lock = _locked_file(self.target)

    def settle(self) -> None:
        """Bring the content to the disk, with the permissions of the file that it will replace."""
        with open(self.temporary, "rb") as written:
            _synced(written.fileno())
            if self.target.exists():
                _like(self.target, written.fileno())

    def put_in_place(self) -> None:
        """Move it over the old file."""
        if self.new:
            _move_to_new(self.temporary, self.target)
        else:
            os.replace(self.temporary, self.target)

    def close(self) -> None:
        """Remove what did not get its place, and free the lock."""
        with suppress(OSError):
            self.temporary.unlink()
        os.close(self.lock)


@contextmanager
def _draft(path: str | os.PathLike[str], new: bool) -> Iterator[_Draft]:
    with _refusals(path):
        draft = _Draft(Path(path), new)
    try:
        yield draft
    finally:
        draft.close()


def _followed(path: Path) -> Path:
    """The file that will be replaced: no link, no folder, no device, and none that is protected."""
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "It is a device and no file", str(path))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return target


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        reason = os.strerror(errno.ENOTDIR)
        raise NotADirectoryError(errno.ENOTDIR, reason, error.filename) from None


def _short(name: str) -> str:
    """The beginning of a name: a temporary name must not be too long where the name itself is not."""
    while len(os.fsencode(name)) > NAME_BYTES:
        name = name[:-1]
    return name


def _locked_file(target: Path) -> tuple[Path, int]:
    """An empty file beside `target` that this process has locked."""
    while True:
        name = f".{_short(target.name)}.{secrets.token_hex(4)}.new"
        temporary = target.with_name(name)
        try:
            opened = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        if _lock(opened, wait=True) and not _is(temporary, opened):
            os.close(opened)  # somebody removed it as left over before it was locked
            continue
        return temporary, opened


def _lock(opened: int, wait: bool = False) -> bool:
    """Whether the lock is ours now; not where files cannot be locked. `BlockingIOError` if another holds it."""
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


def _is(path: Path, opened: int) -> bool:
    """Whether a path still leads to what was opened."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(opened))
    except OSError:
        return False


def _remove_left_over_files(target: Path) -> None:
    """Remove what killed writers of this file left, and nothing that is being written."""
    begin = re.escape(f".{_short(target.name)}.")
    with suppress(OSError):
        for name in os.listdir(target.parent):
            if re.fullmatch(rf"{begin}[0-9a-f]{{8}}\.new", name):
                _remove_if_left_over(target.with_name(name))


def _remove_if_left_over(path: Path) -> None:
    with suppress(OSError):
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            if stat.S_ISREG(os.fstat(opened).st_mode) and _lock(opened):
                path.unlink()
        finally:
            os.close(opened)


def _like(old: Path, opened: int) -> None:
    """Give an open file the owner and the permissions of the one it replaces."""
    facts = old.stat()
    with suppress(OSError, AttributeError):
        os.fchown(opened, facts.st_uid, facts.st_gid)
    with suppress(OSError, AttributeError):
        os.fchmod(opened, stat.S_IMODE(facts.st_mode))


def _move_to_new(temporary: Path, target: Path) -> None:
    """Give a file its name, if nothing has that name."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in NO_LINKS or os.path.lexists(target):
            raise
        os.replace(temporary, target)


def _synced(opened: int) -> None:
    """Wait until the disk has what was written."""
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder; not every file system can be asked to."""
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in NOT_FOR_FOLDERS:
            raise


# -- refusals ---------------------------------------------------------------------------------------------------------


@contextmanager
def _refusals(
    path: str | os.PathLike[str], written: Sequence[Path] = ()
) -> Iterator[None]:
    """What the system refuses becomes one sentence."""
    try:
        yield
    except TrustlibError:
        raise
    except (OSError, ValueError, shutil.Error) as error:
        raise _refusal(path, error, written) from None


def _refusal(
    path: str | os.PathLike[str], error: Exception, written: Sequence[Path] = ()
) -> SurveyFileError:
    reason = getattr(error, "strerror", None) or one_line(error)
    said = f"{one_line(path)} cannot be written: {reason}."
    if written:
        said += f" Written before it: {', '.join(path.name for path in written)}."
    if isinstance(error, FileExistsError):
        return SurveyFileError(said, "Choose another name.")
    return SurveyFileError(said, HINT)


def _meant(drafts: Sequence[_Draft], error: OSError) -> Path:
    """Which of the files an error is about; where it does not say, the first."""
    for draft in drafts:
        if error.filename and Path(os.fsdecode(error.filename)) == draft.temporary:
            return draft.path
    return drafts[0].path


# -- folders ----------------------------------------------------------------------------------------------------------


@contextmanager
def write_folder(path: str | os.PathLike[str], resume: bool = False) -> Iterator[Path]:
    """Give a new folder beside `path`, which takes its place, whole, when the block has ended.

    Parameters
    ----------
    path : path
        A folder, or the name of one that will be made. What stands there is replaced.
    resume : bool
        Keep what a stopped attempt had built, and give it to the next one. By default that is removed.

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
    """
    final = Path(os.path.realpath(path))
    with ExitStack() as locks:
        with _refusals(final):
            _require_movable(final)
            _make_folder(final.parent)
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

    A folder that holds nothing else is exchanged as a whole. Where other files lie beside them, each is replaced whole,
    all of them after the last was written.
    """
    folder = Path(folder)
    if _is_ours_alone(folder, names):
        with write_folder(folder) as new, _refusals(folder):
            yield [new / name for name in names]
    else:
        with write_together([folder / name for name in names]) as temporary:
            yield temporary


def _is_ours_alone(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder may be exchanged: it holds nothing but these files, and nobody stands in it."""
    if not folder.is_dir():
        return True
    if os.path.ismount(folder) or not os.access(folder.resolve().parent, os.W_OK):
        return False
    if Path.cwd().is_relative_to(folder.resolve()):
        return False
    return {path.name for path in folder.iterdir()} <= set(names)


def replace_folder(new: Path, final: Path) -> None:
    """Put a folder that is complete in the place of another; at any instant the old or the new one is there.

    Where the system cannot exchange two folders, a kill between two moves leaves neither in place; then `recover`
    brings the old one back.
    """
    with _refusals(final):
        sync_tree(new)
        _put_folder_in_place(new, final)


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
    _sync_folder(final.parent)
    with suppress(OSError):
        _remove(old)


def recover(folder: Path, name: str = "*") -> None:
    """Clean up after a stopped command: what is unfinished goes, a folder that was being replaced comes back.

    Call it where nobody else builds folders: a caller has its own lock for that.

    Parameters
    ----------
    folder : Path
        In which the results lie.
    name : str
        Only the result of this name; then an unfinished folder stays. By default all.
    """
    for old in _named(folder, name, ".old"):
        final = folder / old.name[1:].removesuffix(".old")
        if os.path.lexists(final):
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(final)
    if name == "*":
        for unfinished in _named(folder, name, ".new"):
            if unfinished.is_dir() and not unfinished.is_symlink():
                # An orphan may be writing there, in its last moments.
                shutil.rmtree(unfinished, ignore_errors=True)
            else:
                _remove_if_left_over(unfinished)


def _named(folder: Path, name: str, end: str) -> list[Path]:
    if name != "*":
        path = folder / f".{name}{end}"
        return [path] if os.path.lexists(path) else []
    return [p for p in folder.iterdir() if p.name[0] == "." and p.name.endswith(end)]


def _require_movable(final: Path) -> None:
    """Refuse a folder that cannot be replaced as a whole."""
    around = final.parent
    if os.path.ismount(final) or (around.is_dir() and not os.access(around, os.W_OK)):
        raise SurveyFileError(
            f"{final} cannot be replaced as a whole: it is the root of a disk, or the folder around it is not yours.",
            "Give the name of a folder in it.",
        )
    if final.exists() and not final.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(final))


def _locked_folder(final: Path, locks: ExitStack) -> Path:
    """The folder in which `final` is built anew, locked until the stack is closed.

    The old folder is locked too: for a moment it has the name under which others look for the lock.
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
        moved = _lock(opened) and not _is(folder, opened)
    except BlockingIOError:
        moved = True
    if moved:
        raise RunError(
            f"Another command is at work in {final}.", "Wait until it has ended."
        )


def _exchanged(one: Path, other: Path) -> bool:
    """Whether two folders could be exchanged in one step."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    names = os.fsencode(one), os.fsencode(other)
    failed = rename(CURRENT_FOLDER, names[0], CURRENT_FOLDER, names[1], RENAME_EXCHANGE)
    return not failed


def sync_tree(folder: Path) -> None:
    """Wait until the disk has every file below a folder."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                _sync_file(path)
        _sync_folder(Path(place))


def _sync_file(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except PermissionError:
        return  # it is on the disk when the system finds time
    try:
        _synced(opened)
    finally:
        os.close(opened)


def _remove(path: Path) -> None:
    """Remove whatever has this name, if anything has."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)
