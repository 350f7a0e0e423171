"""A private book of a survey file that somebody supplies, for its user's eyes.

`reproduce` reads the file through its mapping, runs the templates over each outcome and
the identities, answers the lines of the published record that the file can answer, and
builds a book of its own. It is built beside a former one, which stays as it is until the
new one is complete.

What may be shown of an outcome is decided in `trustbook.families`. The ledger prints
rounded percentages on other bases, and only those counts that the record prints.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trustbook import resources
from trustbook.choice import plan_runs, together
from trustbook.families import Family
from trustbook.private_pages import Reproduction, faults_page, write_pages
from trustbook.record_answers import answer_record
from trustbook.runs import load_plan, run_all
from trustbook.site import check_pages
from trustbook.supplied import IDENTITY, OUTCOME, WORDS, account_of, read_supplied
from trustlib import errors
from trustlib.design import SurveyDesign
from trustlib.disclosure import EVIDENCE
from trustlib.errors import SurveyFileError, TrustlibError, one_line, raise_faults
from trustlib.escaping import markdown_plain, visible
from trustlib.files import file_hash
from trustlib.record.printed import load_figures
from trustlib.schema import load_codebook, load_yaml
from trustlib.writing import write_folder, write_text

MARK = "PRIVATE.txt"
MARK_TEXT = "Made by `trustlib reproduce` from microdata. Do not publish it.\n"
# What `reproduce` writes at the top of the folder; whatever else lies there belongs to its user.
OURS = {
    MARK,
    ".gitignore",
    "faults.html",
    "_build",
    "_config.yml",
    "_toc.yml",
    "book",
    "cells",
    "ledger.csv",
    "notebooks",
    "requirements.lock",
}
TITLE = "Private book"
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
# A link of a template to a page or file of the public book.
_LINK = re.compile(r"\{(?:doc|download)\}`([^`<]*?)\s*<[^`]*>`")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TELLING = re.compile(r"WARNING|ERROR|[A-Za-z]Error:|exception:")


@dataclass(frozen=True)
class _Commission:
    """A file with its mapping, and what a book is to be made of."""

    file: Path
    mapping: Path
    root: Path
    design: SurveyDesign
    outcomes: list[str]
    axes: list[str]
    run: Callable[..., dict[str, str]]

    @property
    def paths(self) -> dict[str, Path]:
        return {"file": self.file, "mapping": self.mapping}


def reproduce(
    file: str | Path,
    mapping: str | Path,
    out: str | Path = "private",
    root: str | Path | None = None,
    outcomes: Sequence[str] = (),
    axes: Sequence[str] = (),
    jobs: int = 2,
    report: Callable[[str, str], None] = lambda run, state: None,
) -> Reproduction:
    """Make a private book of a supplied file: runs, ledger, and who is in it.

    Parameters
    ----------
    file, mapping : path
    out : path
        A folder that is new, empty, or holds a former private book.
    root : path, optional
        The project, with its templates and the settings of its book; nothing in it
        changes. By default `trustbook.resources.project`.
    outcomes, axes : sequence of str
        Variables of the mapping; by default every 0/1 variable and every identity.
    jobs, report
        See `trustbook.runs.run_all`.

    Returns
    -------
    Reproduction

    Raises
    ------
    CodebookError
        All faults of file and mapping; they are also in ``faults.html`` in the folder.
    RunError
        The book could not be built.
    """
    out = Path(out).resolve()
    root = resources.project() if root is None else Path(root)
    errors.require_file(
        root / "_config.yml",
        "book with settings at",
        "Run this in the folder of the project.",
    )
    _require_free(out)
    try:
        design, known_outcomes, known_axes = read_supplied(file, mapping)
        _require(OUTCOME, outcomes, known_outcomes, known_axes)
        _require(IDENTITY, axes, known_axes, known_outcomes)
    except TrustlibError as error:
        _mark_private(out)
        page = faults_page(error, Path(file), Path(mapping))
        write_text(out / "faults.html", page)
        raise
    commission = _Commission(
        Path(file).resolve(),
        Path(mapping).resolve(),
        root,
        design,
        list(outcomes) or known_outcomes,
        list(axes) or known_axes,
        partial(run_all, jobs=jobs, report=report),
    )
    with write_folder(out, resume=True) as new:
        _mark_private(new)
        _take_over_runs(out, new)
        _lay_out(new, root)
        made = _made(commission, new)
        _take_over_files_of_others(out, new)
    return replace(made, site=_site(out))


def _site(out: Path) -> Path:
    """Where the built book lies in its folder."""
    return out / "_build" / "html"


def _require_free(out: Path) -> None:
    """Refuse a folder that holds something else than a private book."""
    if not out.exists():
        return
    is_ours = out.is_dir() and (out / MARK).is_file()
    is_empty = out.is_dir() and not any(out.iterdir())
    if not (is_ours or is_empty):
        raise SurveyFileError(
            f"{out} is there already, and is no private book.",
            "Choose a new folder for --out.",
        )


def _require(
    kind: str, names: Sequence[str], known: Sequence[str], others: Sequence[str]
) -> None:
    """Refuse names that are not known; capital letters are told apart, and a name of the other kind is called one."""
    for name in names:
        if name in known:
            continue
        alike = [other for other in known if other.casefold() == name.casefold()]
        hint = ""
        if alike:
            hint = f"Did you mean {alike[0]!r}?"
        elif name in others:
            hint = f"{name!r} is an {WORDS['other'][kind]}."
        if hint:
            raise errors.UnknownNameError(
                f"There is no {kind} {name!r}.",
                f"{hint} There is: {', '.join(known)}.",
            )
        errors.require_names(kind, [name], known)


def _mark_private(folder: Path) -> None:
    """Say in a folder what it is, to its user and to git."""
    write_text(folder / ".gitignore", "*\n")
    write_text(folder / MARK, MARK_TEXT)


def _take_over_runs(former: Path, new: Path) -> None:
    """Copy the runs of the former book: those of which nothing has changed are not executed again."""
    runs = new / "book" / "_runs"
    runs.mkdir(parents=True, exist_ok=True)
    for result in (former / "book" / "_runs").glob("[!.]*/"):
        if not (runs / result.name).exists():
            copy = runs / f".{result.name}.copy.new"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(result, copy)
            copy.rename(runs / result.name)


def _take_over_files_of_others(former: Path, new: Path) -> None:
    """Copy what somebody has put beside the book: the folder is replaced as a whole."""
    others = []
    if former.is_dir():
        others = [path for path in former.iterdir() if path.name not in OURS]
    for path in others:
        copy = new / path.name
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, copy, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, copy, follow_symlinks=False)


def _lay_out(out: Path, root: Path) -> None:
    """Copy the settings, style and templates of the book, without links to pages that this one has not."""
    for part in ("_build", "cells", "notebooks"):
        shutil.rmtree(out / part, ignore_errors=True)
    for part in ("_static", "vendor"):
        shutil.copytree(root / "book" / part, out / "book" / part, dirs_exist_ok=True)
    templates = out / "notebooks" / "templates"
    shutil.copytree(root / "notebooks" / "templates", templates)
    shutil.copy(root / "requirements.lock", out)
    settings = yaml.safe_dump(_settings(root))
    (out / "_config.yml").write_text(settings, encoding="utf-8")
    for path in templates.glob("*.ipynb"):
        public = path.read_text(encoding="utf-8")
        unlinked = _LINK.sub(r"\1", public)
        path.write_text(unlinked.replace(*WORDS["everyone"]), encoding="utf-8")


def _settings(root: Path) -> dict[str, Any]:
    """The settings of the public book under another title."""
    settings = load_yaml(root / "_config.yml")
    settings["title"] = TITLE
    theme = settings["sphinx"]["config"]["html_theme_options"]
    theme["logo"]["text"] = TITLE
    return settings


def _made(commission: _Commission, out: Path) -> Reproduction:
    """Run, answer the record, write and build; in a folder that is laid out."""
    design = commission.design
    with warnings.catch_warnings(action="ignore"):
        # Who left, and the degrees of freedom, are on the pages.
        families = _families(commission)
        entries = _entries(families, commission, out)
        ledger = _ledger(design, commission.root / "data")
    accounts = [account_of(design, each.outcome, each.axes) for each in families]
    wrong = _run(commission, entries, out)
    refused = {
        run: error
        for run, error in wrong.items()
        if re.search(WORDS["refusals"], error)
    }
    failed = {run: error for run, error in wrong.items() if run not in refused}
    made = Reproduction(
        site=_site(out),
        runs=[entry["id"] for entry in entries if entry["id"] not in wrong],
        withheld=_withheld(families, entries, refused),
        joined=_joined(families),
        failed=failed,
        ledger=ledger,
        account=pd.concat(accounts, ignore_index=True),
    )
    write_pages(out, design, _origin(commission), made)
    _build(out)
    return made


def _families(commission: _Commission) -> list[Family]:
    """The cells of each outcome that may be shown."""
    outcomes = commission.outcomes
    return [
        Family(commission.design, outcome, commission.axes, outcomes)
        for outcome in outcomes
    ]


def _entries(
    families: Iterable[Family], commission: _Commission, out: Path
) -> list[dict[str, Any]]:
    """The runs of all families, whose cells are written."""
    taken: dict[str, tuple[str, ...]] = {}
    entries = []
    for family in families:
        entries += plan_runs(family, commission.paths, out, taken)
    return entries


def _ledger(design: SurveyDesign, data: Path) -> pd.DataFrame:
    """What the file says to the published record."""
    figures = load_figures(data / "published" / "figures.csv")
    return answer_record(design, figures, load_codebook(data / "codebook.yml"))


def _run(
    commission: _Commission, entries: list[dict[str, Any]], out: Path
) -> dict[str, str]:
    """Execute the runs, of which those of a former book that are no longer wanted go; return what failed."""
    plan = out / "notebooks" / "runs.yml"
    runs = out / "book" / "_runs"
    plan.write_text(yaml.safe_dump({"runs": entries}), encoding="utf-8")
    wanted = {entry["id"] for entry in entries}
    for former in runs.glob("*"):
        if former.name not in wanted:
            shutil.rmtree(former)
    return commission.run(load_plan(plan), runs)


def _withheld(
    families: Iterable[Family],
    entries: Iterable[dict[str, Any]],
    refused: dict[str, str],
) -> dict[str, str]:
    """What is not shown, and why: by the families, or because a run said that its data do not allow it."""
    withheld: dict[str, str] = {}
    for family in families:
        withheld |= family.withheld
    titles = {entry["id"]: entry["parameters"]["title"] for entry in entries}
    for run, error in refused.items():
        first = error.splitlines()[0]
        reason = first.partition("Error: ")[2]
        withheld[markdown_plain(titles[run])] = visible(reason)
    return withheld


def _joined(families: Iterable[Family]) -> dict[str, str]:
    """What is shown with coarser levels, and which levels stand together."""
    joined = {}
    for family in families:
        for form in family.joined:
            axis = family.axis_of[form]
            joined[f"{family.outcome} by {axis}"] = together(family, form)
    return joined


def _origin(commission: _Commission) -> dict[str, str]:
    """What the first page says of the file."""
    source = commission.design.frame.attrs["source"]
    origin = {
        "Evidence": EVIDENCE[source["kind"]],
        "Design": commission.design.variance,
    }
    for path in commission.paths.values():
        origin[f"File: {path.name}"] = f"SHA-256 {file_hash(path)}"
    return origin


def _build(out: Path) -> None:
    """Build the private book and read its pages; `RunError` with the telling lines if it cannot be."""
    program = [sys.executable, "-c", JUPYTER_BOOK, "build", "book"]
    places = ["--config", "_config.yml", "--toc", str(out / "_toc.yml")]
    places += ["--path-output", "."]
    command = [*program, *places, "-n", "-W", "--keep-going"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    if done.returncode:
        said = _COLOUR.sub("", done.stdout + done.stderr).splitlines()
        telling = [one_line(line) for line in said if _TELLING.search(line)]
        faults = telling or said[-3:]
    else:
        faults = check_pages(_site(out))
    raise_faults(
        errors.RunError,
        "The private book was not built",
        faults,
        "The former book, if there was one, is as it was, and finished runs are kept.",
    )
