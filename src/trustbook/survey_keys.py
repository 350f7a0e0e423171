"""The secret key of each survey, and what was released of it before, on its owner's machine.

They lie in the user's configuration folder (``trustlib/surveys/``), readable by the
user alone: never in a project, a log or a manifest. Each survey has a folder of its own
with ``key`` (32 bytes), ``about.json`` and, for each release, a file that says for each
person, by a keyed hash, in which cell of which table she was counted.

A survey is known again by its people, or by the place of its file: so a second delivery
has the key of the first, whatever it is called.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustbook.differences import ReleasedSet
from trustlib.errors import DisclosureError, SurveyFileError, is_number
from trustlib.keyed_noise import KEY_BYTES
from trustlib.variance import Codes
from trustlib.writing import write_text, write_whole

ALIKE = 0.5  # share of the people of a release who make a file the same survey
UNIQUE = 0.99  # share of different values from which on a column names people
_APART = "\x1f"
_TABLES = "sets"


@dataclass(frozen=True)
class Survey:
    """A survey that its owner releases tables of: its key, and the earlier releases.

    Attributes
    ----------
    folder : Path
    key : bytes
        32 secret bytes; not shown.
    """

    folder: Path
    key: bytes

    def __repr__(self) -> str:
        return f"<Survey in {self.folder}>"

    def hashes(self, *columns: pd.Series) -> Codes:
        """A keyed number of 64 bits for each row of some columns."""
        texts = columns[0].astype(str)
        for column in columns[1:]:
            texts = texts + _APART + column.astype(str)
        made = hmac.digest(self.key, b"records", hashlib.sha256)
        hash_key = base64.b64encode(made)[:16].decode()  # SipHash takes 16 letters
        values = texts.to_numpy(object)
        return pd.util.hash_array(values, hash_key=hash_key)

    def releases(self) -> list[list[ReleasedSet]]:
        """What was released before, the oldest first."""
        return [_read_release(path) for path in self._files()]

    def record(self, sets: Sequence[ReleasedSet]) -> None:
        """Keep what is released, before it leaves.

        A release that is the same as an earlier one is not kept twice.
        """
        known = {one.fingerprint for former in self.releases() for one in former}
        new = [one for one in sets if one.fingerprint not in known]
        if new:
            number = len(self._files()) + 1
            _write_release(self.folder / f"release-{number:04d}.parquet", new)

    def knows(self, persons: Codes) -> bool:
        """Whether half of the people of an earlier release are among some people."""
        for former in self.releases():
            own = pd.concat([one.people["person"] for one in former]).unique()
            if np.isin(own, persons).mean() >= ALIKE:
                return True
        return False

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("release-*.parquet"))


def survey_of(file: Path, raw: pd.DataFrame, design_columns: Sequence[str]) -> Survey:
    """The survey of a file, which is made known if it was not.

    Parameters
    ----------
    file : Path
    raw : DataFrame
        The file as it is, one row per person.
    design_columns : sequence of str
        Its columns of weights, strata and PSUs.

    Returns
    -------
    Survey

    Raises
    ------
    DisclosureError
        Others than the user may read a key.
    SurveyFileError
        The configuration folder cannot be written.
    """
    known = list(_known())
    place = str(file.resolve())
    for survey, about in known:
        if place in about["files"]:
            return survey
    for survey, about in known:
        persons = persons_of(survey, raw, design_columns)
        if survey.knows(persons):
            _note_place(survey, [*about["files"], place])
            return survey
    survey = _new_survey()
    _note_place(survey, [place])
    return survey


def persons_of(
    survey: Survey, raw: pd.DataFrame, design_columns: Sequence[str]
) -> Codes:
    """A keyed number for each person of a file: by her id, else by all that she answered.

    Parameters
    ----------
    survey : Survey
    raw : DataFrame
    design_columns : sequence of str
        Columns that say nothing of who somebody is.

    Returns
    -------
    int array (n,)
    """
    answers = raw.drop(columns=list(design_columns), errors="ignore")
    ids = [column for column in answers if _names_people(answers[column])]
    chosen = ids[:1] or list(answers)
    if not chosen:
        return np.arange(len(raw), dtype=np.uint64)
    texts = [_one_spelling(answers[column]) for column in chosen]
    return survey.hashes(*texts)


def _names_people(column: pd.Series) -> bool:
    """Whether nearly everybody has a value of her own, which is no decimal number."""
    values = column[column.notna() & (column.astype(str) != "")]
    if len(values) < UNIQUE * len(column) or values.nunique() < UNIQUE * len(column):
        return False
    numbers = pd.to_numeric(values, errors="coerce").dropna()
    return not (numbers % 1 != 0).any()


def _one_spelling(column: pd.Series) -> pd.Series:
    """Values as texts, whole numbers without decimals: formats write them differently."""
    codes, values = pd.factorize(column, use_na_sentinel=False)
    texts = np.array([_spelling(value) for value in values], object)
    return pd.Series(texts[codes], column.index)


def _spelling(value: Any) -> str:
    if is_number(value) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _configuration() -> Path:
    """The folder of all surveys; it is the user's own."""
    from platformdirs import user_config_path

    return user_config_path("trustlib", appauthor=False) / "surveys"


def _known() -> Iterator[tuple[Survey, Mapping[str, Any]]]:
    """The surveys that are known, each with what is noted of it."""
    for path in sorted(_configuration().glob("*/about.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        yield Survey(path.parent, _read_key(path.parent / "key")), about


def _read_key(path: Path) -> bytes:
    """The key of a survey; one that others may read is refused."""
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except OSError as error:
        raise SurveyFileError(
            f"The key {path} cannot be read.",
            "Bring it back from a backup: without it the tables of its survey get "
            "other noise, and both together tell more. If nothing of that survey was "
            "ever released, remove its folder.",
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise DisclosureError(
            f"Others than you may read the key {path}.",
            "Whoever has it can take the noise away. Run: chmod 600, and ask who did.",
        )
    if len(key) != KEY_BYTES:
        raise SurveyFileError(
            f"The key {path} is damaged: it has not {KEY_BYTES} bytes.",
            "Bring it back from a backup.",
        )
    return key


def _new_survey() -> Survey:
    """A survey that was not known, with a key of its own."""
    parent = _configuration()
    folder = parent / secrets.token_hex(8)
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise SurveyFileError(
            f"The folder for keys, {parent}, cannot be made.",
            "It belongs to your account; set XDG_CONFIG_HOME to a folder that you may "
            "write and that only you can read.",
        ) from error
    key = secrets.token_bytes(KEY_BYTES)
    with write_whole(folder / "key", new=True) as temporary:
        temporary.chmod(0o600)
        temporary.write_bytes(key)
    return Survey(folder, key)


def _note_place(survey: Survey, files: Sequence[str]) -> None:
    """Note where files of a survey lie."""
    about = json.dumps({"files": sorted(set(files))}, indent=1)
    write_text(survey.folder / "about.json", about)
    (survey.folder / "about.json").chmod(0o600)


def _write_release(path: Path, sets: Sequence[ReleasedSet]) -> None:
    """Write what was released; the columns of all tables stand below each other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = [one.as_table(number) for number, one in enumerate(sets)]
    facts = json.dumps([one.facts for one in sets])
    people = pa.Table.from_pandas(pd.concat(parts), preserve_index=False)
    table = people.replace_schema_metadata({_TABLES: facts})
    with write_whole(path, new=True) as temporary:
        temporary.chmod(0o600)
        pq.write_table(table, temporary, compression="zstd")


def _read_release(path: Path) -> list[ReleasedSet]:
    """Read what `_write_release` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[_TABLES.encode()])
        people = table.to_pandas()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise SurveyFileError(
            f"The record of an earlier release, {path}, is damaged.",
            "Bring it back from a backup: without it nobody can tell whether the next "
            "release gives single people away.",
        ) from error
    of_set = people.groupby("set")
    return [
        ReleasedSet.from_table(of_set.get_group(number), each)
        for number, each in enumerate(facts)
    ]
