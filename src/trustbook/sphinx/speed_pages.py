"""How fast the library is, on pages: tables, pictures and numbers of ``data/speed/``.

``{speed-table} fit``
    shows a job of ``make bench``: our processor seconds for each case, how many times as
    long each peer took, the spread and the memory. ``{speed-table} parts`` shows where
    our seconds of the job `fit` go, ``{speed-table} targets`` what was aimed at.
``{speed-picture} fit``
    draws the processor seconds of all peers by people, on logarithmic axes.
``{speed}`times: fit, one million, svyglm` ``
    prints one number: `times` as long as ours, `seconds`, `megabytes` or `size` of a
    line, or a fact of the machine, such as ``{speed}`date` ``.
"""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

from trustbook.pictures.loglog import Line, LogPicture
from trustbook.speed import FILES, OURS, WHOLE, Speed, figure, seconds, verdict
from trustbook.sphinx.directives import DataDirective, data_file, markdown_table
from trustbook.sphinx.finding import unbroken
from trustlib.errors import TrustlibError, UnknownNameError, require_names

NONE = "–"
JOBS = ("fit", "whole", "replicates", "maihda", "seal", "file", "grid")
ABSENT = "*Not measured in this run of the bench.*"
SIZES = {"seal": "Cells", "maihda": "Strata", "grid": "Runs"}
TARGET_HEADS = ("What", "Aimed at", "Measured", "")
SIGNS = {
    "times": "at least {} times",
    "seconds": "at most {} s",
    "megabytes": "at most {} MB",
    "slower": "at most {} times",
    "growth": "at most {} times",
}


def speed_of(env: BuildEnvironment) -> Speed:
    """What was measured, for a page that from now on depends on it."""
    return Speed.read([data_file(env, f"speed/{name}") for name in FILES])


class SpeedTable(DataDirective):
    """One of the tables on speed; its argument names the job."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """A table with one row for each case."""
        speed = speed_of(self.env)
        name = self.arguments[0]
        if name == "targets":
            return self.read(markdown_table(TARGET_HEADS, targets(speed)))
        if name == "parts":
            return self.read(parts_table(speed))
        require_names("job of the bench", [name], JOBS)
        return self.read(job_table(speed, name))


def job_table(speed: Speed, job: str) -> str:
    """A job as a table: our seconds and spread, how many times as long each peer took."""
    if not speed.cases(job):
        return ABSENT
    peers = speed.peers(job)
    heads = ["Case", SIZES.get(job, "People"), "Ours, CPU", "Least to most"]
    for peer in peers[1:]:
        heads += [f"{peer}, CPU", f"{peer} / ours"]
    heads += ["Ours, by the clock", "Memory, MB"]
    rows = [case_row(speed, job, case, peers) for case in speed.cases(job)]
    return markdown_table(heads, rows)


def case_row(speed: Speed, job: str, case: str, peers: list[str]) -> list[str]:
    """One case of a job."""
    ours = speed.line(job, case, OURS)
    spread = f"{seconds(ours['cpu_least'])} to {seconds(ours['cpu_most'])}"
    row = [case, f"{ours['size']:,}", seconds(ours["cpu"]), spread]
    memory = [figure(ours["peak_mb"])]
    for peer in peers[1:]:
        if not speed.has(job, case, peer):
            row += [NONE, NONE]
            continue
        theirs = speed.line(job, case, peer)
        row += [seconds(theirs["cpu"]), f"**{figure(speed.times(job, case, peer))}**"]
        memory.append(f"{peer} {figure(theirs['peak_mb'])}")
    return [*row, seconds(ours["wall"]), "; ".join(memory)]


def parts_table(speed: Speed) -> str:
    """Where our seconds of the job `fit` go."""
    cases = speed.cases("fit")
    if not cases:
        return ABSENT
    parts = list(speed.parts("fit", cases[0]))
    rows = []
    for case in cases:
        taken = speed.parts("fit", case)
        shown = {part: seconds(value) for part, value in taken.items()}
        rows.append([case, *(shown.get(part, NONE) for part in parts)])
    return markdown_table(["Case", *parts], rows)


def targets(speed: Speed) -> Iterator[list[str]]:
    """What was aimed at, what was measured, and whether it was met."""
    for _, target in speed.targets.iterrows():
        measured = speed.measured(target)
        bound = SIGNS[target["measure"]].format(f"{target['bound']:g}")
        shown = NONE if measured is None else figure(measured)
        word = verdict(measured, target["bound"], target["measure"])
        yield [target["words"], bound, shown, f"**{word}**"]


class SpeedPicture(DataDirective):
    """The processor seconds of all peers by people; its argument names the job."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """A line for each peer."""
        speed = speed_of(self.env)
        job = self.arguments[0]
        require_names("job of the bench", [job], JOBS)
        if not speed.cases(job):
            return []
        html = picture_of(speed, job)._repr_html_()
        return [nodes.raw("", html, format="html")]


def picture_of(speed: Speed, job: str) -> LogPicture:
    """The picture of a job."""
    lines = []
    for peer in speed.peers(job):
        cases = [case for case in speed.cases(job) if speed.has(job, case, peer)]
        found = [speed.line(job, case, peer) for case in cases]
        points = tuple((float(line["size"]), float(line["cpu"])) for line in found)
        lines.append(Line(peer, points))
    return LogPicture(
        title=_title(speed, job),
        across="people",
        upward="CPU seconds",
        lines=tuple(lines),
        says=f"Medians of processor seconds (user and system), {speed.machine['date']}.",
    )


def _title(speed: Speed, job: str) -> str:
    """What is seen: how many times as long a peer took of the most people."""
    peers = speed.peers(job)[1:]
    parts = []
    for peer in peers:
        cases = [case for case in speed.cases(job) if speed.has(job, case, peer)]
        times = figure(speed.times(job, cases[-1], peer))
        parts.append(f"{peer} takes {times} times as long ({cases[-1]})")
    return "; ".join(parts) or "Seconds by people"


class SpeedRole(SphinxRole):
    """Print one number of the bench."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the number up."""
        try:
            shown = number(speed_of(self.env), self.text)
        except (TrustlibError, OSError) as error:
            message = f"speed: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.Text(unbroken(shown))], []


def number(speed: Speed, asked: str) -> str:
    """A number as a page prints it.

    Parameters
    ----------
    speed : Speed
    asked : str
        ``measure: job, case, peer`` and, where it is no whole, ``part``; or a fact of
        the machine.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> import pandas as pd
    >>> number(Speed(pd.DataFrame(), pd.DataFrame(), {"processors": 2}), "processors")
    '2'
    """
    measure, _, rest = asked.partition(": ")
    if not rest:
        require_names("fact of the machine", [measure], speed.machine)
        return str(speed.machine[measure])
    job, case, peer, *part = rest.split(", ")
    if measure == "times":
        return figure(speed.times(job, case, peer))
    line = speed.line(job, case, peer, *part or [WHOLE])
    shown = {
        "seconds": seconds(line["cpu"]),
        "megabytes": figure(line["peak_mb"]),
        "size": f"{line['size']:,}",
    }
    if measure not in shown:
        raise UnknownNameError(
            f"There is no measure {measure!r} of the bench.",
            f"There is: times, {', '.join(shown)}.",
        )
    return shown[measure]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("speed-table", SpeedTable)
    app.add_directive("speed-picture", SpeedPicture)
    app.add_role("speed", SpeedRole())
    return {"parallel_read_safe": True}
