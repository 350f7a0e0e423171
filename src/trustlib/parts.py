"""Which files of a folder hold the people, and whether their writing came to its end.

A table that several machines wrote is a folder of parts. Nothing in such a folder is
left out without a word: a file of another kind, a part of which only the checksum is there, a
gap in the numbers of the parts and a writing that did not end are each a fault.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustlib.errors import MissingFileError, SurveyFileError, first_few
from trustlib.masking import foreign

PARQUET = ".parquet"
CSV = (".csv", ".csv.gz")
ENDINGS = (PARQUET, *CSV)
LIST = "_metadata"  # in which Dask names all parts
_NUMBERED = re.compile(r"part[-.](\d+)(?!\d)")
_UNFINISHED = ("_temporary", ".spark-staging")
_AGAIN = "Write the folder again, or copy all of it, and keep nothing else in it."
_NAMED = (
    "If these parts are all (Spark leaves empty ones out), name them yourself: "
    "pyarrow.dataset.dataset([...])."
)


@dataclass(frozen=True)
class Parts:
    """The files that hold the people, all of one kind.

    Attributes
    ----------
    files : tuple of Path
        In the order of their names.
    ending : str
        One of `ENDINGS`.
    partitioned : bool
        Whether folders are named as ``wave=2024``, which is a column.

    Examples
    --------
    >>> Parts((Path("people.parquet"),), ".parquet", partitioned=False).is_parquet
    True
    """

    files: tuple[Path, ...]
    ending: str
    partitioned: bool

    @property
    def is_parquet(self) -> bool:
        """Whether they are Parquet files; else they are CSV."""
        return self.ending == PARQUET


def parts_of(path: str | Path) -> Parts:
    """The files of a path: of a file itself, of a folder its parts.

    Parameters
    ----------
    path : path
        A Parquet or CSV file, or a folder of such files, which may lie in folders named
        as ``wave=2024``.

    Returns
    -------
    Parts

    Raises
    ------
    MissingFileError
        There is nothing.
    SurveyFileError
        It is of another kind, or a part is missing or was not written to its end.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile(suffix=".csv") as file:
    ...     parts_of(file.name).ending
    '.csv'
    """
    given = Path(path)
    if given.is_dir():
        return _parts_of_folder(given)
    if not given.is_file():
        raise MissingFileError(
            f"There is no survey file or folder {given}.", "Check the spelling."
        )
    parts = Parts((given,), _ending(given), partitioned=False)
    _require_whole(parts, given)
    return parts


def _ending(file: Path) -> str:
    """What the name of a file ends in; only a few kinds are read bit by bit."""
    name = file.name.lower()
    found = [ending for ending in ENDINGS if name.endswith(ending)]
    if not found:
        raise SurveyFileError(
            f"{file.name} is not read bit by bit: expected one of {', '.join(ENDINGS)}.",
            "Read it with trustlib.read_survey, or write it as Parquet.",
        )
    return found[0]


def _parts_of_folder(folder: Path) -> Parts:
    """The parts of a folder, all there and whole."""
    entries = sorted(folder.rglob("*"))
    _require_finished(entries, folder)
    files = [entry for entry in entries if _is_part(entry, folder)]
    if not files:
        raise MissingFileError(
            f"The folder {folder} holds no survey file.",
            f"Expected files that end in {' or '.join(ENDINGS)}.",
        )
    endings = {_ending(file) for file in files}
    if len(endings) > 1:
        raise SurveyFileError(
            f"The folder {folder} holds files of several kinds: "
            f"{', '.join(sorted(endings))}.",
            _AGAIN,
        )
    _require_all(files, entries, folder)
    below = [file.relative_to(folder).parts[:-1] for file in files]
    partitioned = any("=" in name for names in below for name in names)
    parts = Parts(tuple(files), endings.pop(), partitioned)
    _require_whole(parts, folder)
    return parts


def _is_part(entry: Path, folder: Path) -> bool:
    """Whether people stand in a file; names that begin with . or _ are notes on parts."""
    names = entry.relative_to(folder).parts
    noted = any(name.startswith((".", "_")) for name in names)
    return entry.is_file() and not noted


def _require_finished(entries: Sequence[Path], folder: Path) -> None:
    """Refuse a folder into which somebody is still writing, or died while writing."""
    for entry in entries:
        if entry.name.startswith(_UNFINISHED):
            raise SurveyFileError(
                f"The folder {folder} holds {entry.name}: its writing did not come to "
                "an end.",
                "Write it again.",
            )


def _require_all(files: Sequence[Path], entries: Sequence[Path], folder: Path) -> None:
    """Refuse a folder that names a part which is not there."""
    there = set(files)
    sums = [entry for entry in entries if _is_checksum(entry)]
    named = [file.with_name(file.name[1:].removesuffix(".crc")) for file in sums]
    missing = [file.name for file in named if not file.exists()]
    missing += [file.name for file in _listed(folder) if file not in there]
    if missing:
        raise SurveyFileError(
            f"The folder {folder} lacks parts that it names: {first_few(missing)}.",
            _AGAIN,
        )
    _require_no_gap(files, folder)


def _is_checksum(entry: Path) -> bool:
    return entry.name.startswith(".") and entry.name.endswith(".crc")


def _listed(folder: Path) -> list[Path]:
    """The parts that the folder's own list names; none without a list."""
    listed = folder / LIST
    if not listed.is_file():
        return []
    metadata = _footer(listed)
    groups = range(metadata.num_row_groups)
    names = [metadata.row_group(i).column(0).file_path for i in groups]
    return [folder / name for name in dict.fromkeys(names) if name]


def _require_no_gap(files: Sequence[Path], folder: Path) -> None:
    """Refuse numbered parts of which one between the others is not there."""
    found = [_NUMBERED.match(file.name) for file in files]
    numbers = {int(number[1]) for number in found if number is not None}
    if not numbers:
        return
    missing = sorted(set(range(max(numbers))) - numbers)
    if missing:
        told = first_few([str(number) for number in missing])
        raise SurveyFileError(
            f"The parts in {folder} are numbered up to {max(numbers)}, and of these "
            f"there is no number {told}.",
            f"{_AGAIN} {_NAMED}",
        )


def _require_whole(parts: Parts, given: Path) -> None:
    """Refuse parts that were cut short."""
    if parts.is_parquet:
        for file in parts.files:
            _footer(file)
    elif given.is_dir():  # written by machines, which end each line
        for file in parts.files:
            _require_last_line(file)


def _footer(file: Path) -> Any:
    """What a Parquet file says of itself at its end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        refusal = SurveyFileError(
            f"{file.name} is no whole Parquet file: {foreign(error)}.",
            "It may be cut short. Write or copy it again.",
        )
    raise refusal


def _require_last_line(file: Path) -> None:
    """Refuse a part in plain text whose last line does not end."""
    opened: Any = gzip.open if file.name.lower().endswith(".gz") else open
    last = b"\n"
    try:
        with opened(file, "rb") as stream:
            for block in _blocks(stream, seekable=opened is open):
                last = block[-1:]
    except (OSError, EOFError):
        last = b""
    if last != b"\n":
        raise SurveyFileError(
            f"{file.name} does not end with the end of a line: it is cut short.",
            "Write or copy it again.",
        )


def _blocks(stream: Any, seekable: bool) -> Iterator[bytes]:
    """What a stream holds, block by block; of one that can jump only its end."""
    if seekable:
        size = stream.seek(0, 2)
        stream.seek(max(size - 1, 0))
    while block := stream.read(2**20):
        yield block
