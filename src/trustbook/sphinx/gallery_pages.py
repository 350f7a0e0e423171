"""A list of runs in place of many lines of the contents, made from the plan of the runs.

``{run-list} patterns``
    lists the runs with a page whose ids fit one of the patterns, by wave, each with the
    sentence that says what it asks. A pattern that fits no run is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from trustbook.runs import Run, load_plan
from trustbook.sphinx.directives import DataDirective
from trustlib.errors import TrustlibError

PLAN = "notebooks/runs.yml"
_WAVES = re.compile(r"20\d\d(?:-20\d\d)?")
_SENTENCE = re.compile(r".+?[.?!](?:\s|$)")


def opening(text: str, enough: int = 50) -> str:
    """The first sentence of a text, on one line, and the next where it says little.

    Parameters
    ----------
    text : str
    enough : int
        Characters beyond which no further sentence is taken.

    Examples
    --------
    >>> opening("Why did people lose trust? And do women say so more often? All do.")
    'Why did people lose trust? And do women say so more often?'
    """
    words = " ".join(text.split())
    taken = ""
    for sentence in _SENTENCE.findall(words):
        taken += sentence
        if len(taken) >= enough:
            break
    return taken.strip() or words


def wave_of(run: str) -> str:
    """The wave or waves that the id of a run names.

    Parameters
    ----------
    run : str

    Examples
    --------
    >>> wave_of("synthetic-2024-levels"), wave_of("synthetic-2022-2024-gender")
    ('2024', '2022 and 2024')
    """
    found = _WAVES.search(run)
    if found is None:
        return ""
    return found[0].replace("-", " and ")


def chosen(ids: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The ids that fit a pattern, in the order of the patterns.

    Parameters
    ----------
    ids : iterable of str
    patterns : sequence of str
        As of file names: ``*`` is any text, ``?`` any letter.

    Raises
    ------
    TrustlibError
        If a pattern fits none.

    Examples
    --------
    >>> chosen(["levels-2022", "gaps-2024"], ["gaps-*", "*-2022"])
    ['gaps-2024', 'levels-2022']
    """
    names = list(ids)
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = [name for name in names if fnmatchcase(name, pattern)]
        if not fitting:
            raise TrustlibError(f"No run with a page fits {pattern!r}.")
        found |= dict.fromkeys(fitting)
    return list(found)


def run_list(runs: Mapping[str, Run], names: Iterable[str]) -> str:
    """Runs as lists in Markdown, one for each wave, the newest first.

    Parameters
    ----------
    runs : mapping
        Id -> run.
    names : iterable of str
        Those that are listed, each with a page.
    """
    waves: dict[str, list[str]] = {}
    for name in names:
        parameters = runs[name].parameters
        question = opening(str(parameters.get("question", "")))
        line = f"- {{doc}}`{parameters['title']} </_runs/{name}/{name}>`. {question}"
        waves.setdefault(wave_of(name), []).append(line)
    newest = sorted(waves, key=lambda wave: (wave[-4:], -len(wave)), reverse=True)
    blocks = []
    for wave in newest:
        if len(waves) > 1:
            blocks.append(f"**{wave}**")
        blocks.append("\n".join(waves[wave]))
    return "\n\n".join(blocks)


class RunList(DataDirective):
    """The runs with a page whose ids fit the patterns of the argument."""

    required_arguments = 1
    optional_arguments = 0
    synthetic = True

    def make(self) -> list[nodes.Node]:
        """One list for each wave."""
        path = Path(self.env.srcdir).parent / PLAN
        self.env.note_dependency(str(path))
        runs = {run.id: run for run in load_plan(path) if run.page}
        names = chosen(runs, self.arguments[0].split())
        made = self.read(run_list(runs, names))
        return [nodes.container("", *made, classes=["run-list"])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("run-list", RunList)
    return {"parallel_read_safe": True}
