"""How the bench measures: peers that take turns, processes from start to end, agreement first."""

from __future__ import annotations

import ctypes
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

LOOK = 0.02  # seconds between two looks at the memory of a process
SUBREAPER = 36  # of prctl: PR_SET_CHILD_SUBREAPER
TOLERANCE = 1e-6  # between peers, relative
OWN = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
Values = list[tuple[str, str, float]]  # quantity, name, value


@dataclass(frozen=True)
class Row:
    """One line of the results: what a part of a job took a peer.

    Attributes
    ----------
    job, case : str
        What was done, and of which people.
    size : int
        People, cells, strata or runs.
    peer, part : str
        ``all`` is the whole.
    rounds : int
    cpu, cpu_least, cpu_most, wall, wall_least, wall_most : float
        Seconds: the median, the least and the most.
    peak_mb : float
        The most memory of the peer's process.
    date : str
    """

    job: str
    case: str
    size: int
    peer: str
    part: str
    rounds: int
    cpu: float
    cpu_least: float
    cpu_most: float
    wall: float
    wall_least: float
    wall_most: float
    peak_mb: float
    date: str

    @property
    def values(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Taken:
    """Seconds of one round, of the processor and by the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Case:
    """Whose job is measured: the first columns of a `Row`, and the date."""

    job: str
    case: str
    size: int
    date: str

    def row(self, peer: str, part: str, rounds: Sequence[Taken], peak_mb: float) -> Row:
        """The median, the least and the most of some rounds."""
        cpu = [taken.cpu for taken in rounds]
        wall = [taken.wall for taken in rounds]
        return Row(
            job=self.job,
            case=self.case,
            size=self.size,
            peer=peer,
            part=part,
            rounds=len(rounds),
            cpu=statistics.median(cpu),
            cpu_least=min(cpu),
            cpu_most=max(cpu),
            wall=statistics.median(wall),
            wall_least=min(wall),
            wall_most=max(wall),
            peak_mb=peak_mb,
            date=self.date,
        )

    def rows(self, peer: str, rounds: Sequence[Values], peak_mb: float) -> list[Row]:
        """A row for each part, and one for all of them together."""
        each = [parts_of(values) for values in rounds]
        rows = [
            self.row(peer, part, [taken[part] for taken in each], peak_mb)
            for part in each[0]
        ]
        if "all" in each[0]:
            return rows
        whole = []
        for parts in each:
            cpu = sum(taken.cpu for taken in parts.values())
            wall = sum(taken.wall for taken in parts.values())
            whole.append(Taken(cpu, wall))
        return [*rows, self.row(peer, "all", whole, peak_mb)]


def parts_of(values: Values) -> dict[str, Taken]:
    """What each part of a round took."""
    cpu = {name: value for quantity, name, value in values if quantity == "cpu"}
    wall = {name: value for quantity, name, value in values if quantity == "wall"}
    return {name: Taken(cpu[name], wall[name]) for name in cpu}


class Peer:
    """A process that has read its file and answers words."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, env=OWN, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.versions = {name: value for _, name, value in self._read()}

    def ask(self, word: str) -> Values:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return [(what, name, float(value)) for what, name, value in self._read()]

    def peak_mb(self) -> float:
        """The most memory that the process has had."""
        return peak_mb(self.process.pid)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> list[list[str]]:
        assert self.process.stdout is not None
        return read_answer(iter(self.process.stdout.readline, ""), self.process.args)


def read_answer(lines: Iterable[str], command: Any) -> list[list[str]]:
    """Lines of quantity, name and value up to `end`."""
    found = []
    for line in lines:
        if line == "end\n":
            return found
        found.append(line.rstrip("\n").split("\t"))
    raise SystemExit(f"{command} stopped before it had answered; its message is above.")


@dataclass(frozen=True)
class Ended:
    """A process from start to end: what it took, and what it printed."""

    taken: Taken
    peak_mb: float
    said: str
    noted: str


def whole(command: Sequence[str]) -> Ended:
    """Run a process and count its seconds and those of all that it began, also where it ended before them."""
    adopt_orphans()
    others = children()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as noted:
        start = perf_counter()
        process = subprocess.Popen(command, env=OWN, stdout=said, stderr=noted)
        peak = 0.0
        ended = 0
        while not ended:
            sleep(LOOK)
            peak = max(peak, peak_mb(process.pid))
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        wall = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        noted.seek(0)
        cpu = used.ru_utime + used.ru_stime
        for orphan in children() - others:
            _, _, used = os.wait4(orphan, 0)
            cpu += used.ru_utime + used.ru_stime
        taken = Taken(cpu, wall)
        done = Ended(taken, peak, said.read(), noted.read())
    if process.returncode:
        raise SystemExit(f"{list(command)} failed.\n{done.noted[-2000:]}")
    return done


def adopt_orphans() -> None:
    """Become the parent of what a process leaves behind, so that its seconds are told at its end."""
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """The processes whose parent is this one."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            found.add(int(path.parent.name))
    return found


def peak_mb(process: int) -> float:
    """The most memory that a process has had since its program began; 0 where it has ended.

    What the system tells of a process at its end counts the memory of its parent too.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        return 0.0
    return int(found[1]) / 1024


def answered(command: Sequence[str]) -> tuple[Values, float]:
    """Run a process that answers once; its values, and the most memory it had."""
    ended = whole(command)
    lines = read_answer(ended.said.splitlines(keepends=True), command)
    values = [(a, b, float(c)) for a, b, c in lines if a != "version"]
    return values, ended.peak_mb


# -- agreement --------------------------------------------------------------------------


def plain(name: str) -> frozenset[str]:
    """A coefficient's name in any spelling: the letters and digits of its factors."""
    factors = name.split(":")
    return frozenset(re.sub(r"\[T\.|\W|_", "", f).lower() for f in factors)


def by_name(values: Values) -> dict[tuple[str, frozenset[str]], float]:
    return {(quantity, plain(name)): value for quantity, name, value in values}


def differences(ours: Values, theirs: Values) -> dict[str, float]:
    """The largest relative difference in each quantity; of covariances to the two SE."""
    known = by_name(ours)
    other = by_name(theirs)
    quantities = dict.fromkeys(quantity for quantity, *_ in theirs)
    comparable = {key for key in known if key[0] in quantities}
    odd = other.keys() ^ comparable
    if odd:
        names = sorted((quantity, *sorted(name)) for quantity, name in odd)
        raise SystemExit(f"Only one of the two has these values: {names}")
    worst = dict.fromkeys(quantities, 0.0)
    for quantity, name, value in theirs:
        size = abs(value)
        if quantity == "gap covariance":
            errors = [other["gap SE", plain(pair)] for pair in name.split(" / ")]
            size = float(np.prod(errors))
        apart = abs(known[quantity, plain(name)] - value) / size
        worst[quantity] = float(np.maximum(worst[quantity], apart))  # NaN stays
    return worst


def require_agreement(
    peer: str, ours: Values, theirs: Values, tolerance: float = TOLERANCE
) -> float:
    """How far a peer is from us; the program stops if that is too far."""
    worst = differences(ours, theirs)
    shown = ", ".join(f"{quantity} {value:.0e}" for quantity, value in worst.items())
    print(f"  {peer} differs from us by at most: {shown}", flush=True)
    far = [quantity for quantity, value in worst.items() if not value <= tolerance]
    if far:
        raise SystemExit(
            f"  {peer} DISAGREES with us beyond {tolerance:g} in {', '.join(far)}: "
            "nothing is timed."
        )
    return max(worst.values())
