"""Files that are written whole, one or several that belong together."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from trustlib.errors import TrustlibError
from trustlib.writing.disk import (
    leads_to,
    lock,
    make_folder,
    remove_if_left_over,
    sync_folder,
    sync_open_file,
)
from trustlib.writing.refusals import refusal, refusals

NAME_BYTES = 200  # of a name that are kept in its temporary name
# What a system answers where a file cannot have two names.
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def write_whole(path: str | os.PathLike[str], new: bool = False) -> Iterator[Path]:
    r"""Give a temporary file to write to, which takes the place of `path` afterwards.

    Parameters
    ----------
    path : path
        Folders that are missing are made. A link is followed, and the file that it
        leads to is replaced. Permissions of a file that is replaced are kept.
    new : bool
        Refuse to replace anything.

    Yields
    ------
    Path
        An empty file in the same folder. Write to it by its name, with whatever writes
        files.

    Raises
    ------
    SurveyFileError
        The file cannot be written: it is as it was.

    Examples
    --------
    >>> from pathlib import Path
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
    """Give temporary files for files that belong together.

    All are written before the first takes its place. They take their places in the
    order of `paths`: name what explains another file before it.

    Parameters
    ----------
    paths : sequence of path
    new : bool
        Refuse to replace anything.

    Yields
    ------
    list of Path
        As in `write_whole`, in the order of `paths`.

    Raises
    ------
    SurveyFileError
        A file cannot be written. The message names those that had taken their places
        already.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> folder = TemporaryDirectory()
    >>> names = [Path(folder.name) / name for name in ("table.json", "table.csv")]
    >>> with write_together(names) as temporary:
    ...     lengths = [path.write_text("1") for path in temporary]
    >>> [path.exists() for path in names]
    [True, True]
    >>> folder.cleanup()
    """
    with ExitStack() as opened:
        drafts = [opened.enter_context(_draft(path, new)) for path in paths]
        try:
            yield [draft.temporary for draft in drafts]
        except TrustlibError:
            raise
        except OSError as error:
            raise refusal(_meant(drafts, error), error) from None
        _put_in_place(drafts)


def write_text(path: str | os.PathLike[str], text: str, new: bool = False) -> Path:
    """Write a text whole, as UTF-8 with the line ends that it has; see `write_whole`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_text(Path(folder) / "note.txt", "82 against 47").read_text()
    '82 against 47'
    """
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
        make_folder(self.target.parent)
        _remove_left_over_files(self.target)
        self.temporary, self.lock = _locked_file(self.target)

    def settle(self) -> None:
        """Bring the content to the disk, with the permissions of the former file."""
        with open(self.temporary, "rb") as written:
            sync_open_file(written.fileno())
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
    with refusals(path):
        draft = _Draft(Path(path), new)
    try:
        yield draft
    finally:
        draft.close()


def _put_in_place(drafts: Sequence[_Draft]) -> None:
    """Bring all drafts to the disk, then each to its place."""
    for draft in drafts:
        with refusals(draft.path):
            draft.settle()
    written: list[Path] = []
    for draft in drafts:
        with refusals(draft.path, written):
            draft.put_in_place()
        written.append(draft.path)
    for folder in dict.fromkeys(draft.target.parent for draft in drafts):
        with refusals(folder, written):
            sync_folder(folder)


def _meant(drafts: Sequence[_Draft], error: OSError) -> Path:
    """Which of the files an error is about; where it does not say, the first."""
    for draft in drafts:
        if error.filename and Path(os.fsdecode(error.filename)) == draft.temporary:
            return draft.path
    return drafts[0].path


def _followed(path: Path) -> Path:
    """The file that will be replaced.

    It is no link, no folder, no device, and none that is protected.
    """
    target = path
    if path.is_symlink():
        target = Path(os.path.realpath(path))
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


def _short(name: str) -> str:
    """The beginning of a name: with it a temporary name is never too long."""
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
        if lock(opened, wait=True) and not leads_to(temporary, opened):
            os.close(opened)  # somebody removed it as left over before it was locked
            continue
        return temporary, opened


def _remove_left_over_files(target: Path) -> None:
    """Remove what killed writers of this file left; nothing that is being written."""
    begin = re.escape(f".{_short(target.name)}.")
    temporary = re.compile(rf"{begin}[0-9a-f]{{8}}\.new")
    with suppress(OSError):
        for name in os.listdir(target.parent):
            if temporary.fullmatch(name):
                remove_if_left_over(target.with_name(name))


def _like(old: Path, opened: int) -> None:
    """Give an open file the owner and the permissions of the one it replaces."""
    state = old.stat()
    with suppress(OSError, AttributeError):
        os.fchown(opened, state.st_uid, state.st_gid)
    with suppress(OSError, AttributeError):
        os.fchmod(opened, stat.S_IMODE(state.st_mode))


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
