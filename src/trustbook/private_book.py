"""A private book of a survey file that somebody supplies, for its user's eyes.

`reproduce` reads the file through its mapping, runs the templates over each outcome and
the identities, answers the lines of the published record that the file can answer, and
builds a book of its own. It is built beside a former one, which stays as it is until the
new one is complete.

What may be shown of an outcome is decided in `trustbook.families`. The ledger prints
rounded percentages on other bases, and only those counts that the record prints.
"""

from __future__ import annotations

import os
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
from trustbook.bases import families_of
from trustbook.choice import joined_levels
from trustbook.committee import FOLDER, Content, write_files
from trustbook.editions import (
    EDITIONS,
    Edition,
    EditionName,
    protected_cells,
    release_of,
)
from trustbook.families import REASONS, Family, undeclared
from trustbook.found import Found, found_in
from trustbook.leaks import lines_of_faults, search_of
from trustbook.own_figures import own_answers
from trustbook.private_pages import Reproduction, faults_page, write_pages
from trustbook.record_answers import answer_record
from trustbook.run_order import counted, plan_all
from trustbook.runs import load_plan, run_all
from trustbook.runs.displays import HINT, SHOWS
from trustbook.site import check_pages
from trustbook.supplied import WORDS, account_of, read_chosen
from trustbook.told import told_by_variable
from trustbook.utf8 import IN_UTF8
from trustlib import errors
from trustlib.design import SurveyDesign
from trustlib.errors import (
    SurveyFileError,
    TrustlibError,
    one_line,
    raise_faults,
    require_names,
)
from trustlib.escaping import html_text, markdown_plain, visible
from trustlib.files import file_hash
from trustlib.record.printed import load_figures
from trustlib.schema import load_codebook, load_mapping, load_yaml
from trustlib.writing import write_folder, write_text

# What `reproduce` writes at the top of the folder; whatever else lies there belongs to its user.
OURS = {
    *(edition.mark for edition in EDITIONS.values()),
    ".gitignore",
    "faults.html",
    "_build",
    "_config.yml",
    "_toc.yml",
    "book",
    "cells",
    FOLDER,
    "ledger.csv",
    "notebooks",
    "own-figures.csv",
    "requirements.lock",
}
OWNER_ONLY = 0o700
AS_IT_WAS = "The former book, if there was one, is as it was."
JUPYTER_BOOK = "trustbook.building"
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
    edition: Edition
    first: list[str]
    own: pd.DataFrame | None
    run: Callable[..., dict[str, str]]
    report: Callable[[str, str], None]

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
    edition: EditionName = "private",
    first: Sequence[str] = (),
) -> Reproduction:
    """Make a book of a supplied file: what was found, its runs, and who is in it.

    Parameters
    ----------
    file, mapping : path
    out : path
        A folder that is new, empty, or holds a former book of the same edition.
    root : path, optional
        The project, with its templates and the settings of its book; nothing in it
        changes. By default `trustbook.resources.project`.
    outcomes, axes : sequence of str
        Variables of the mapping; by default every 0/1 variable and every identity.
    jobs : int
        See `trustbook.runs.run_all`.
    report : callable
        The same; the run's id stands behind its number, as in ``14 of 312: ...``.
    edition : {"private", "public"}
        The public one is made from protected cells only, and is kept in the record of
        the survey's releases before it is written. It has no ledger.
    first : sequence of str
        Identities whose runs are executed first and whose pages stand first.

    Returns
    -------
    Reproduction

    Raises
    ------
    CodebookError
        All faults of file and mapping; they are also in ``faults.html`` in the folder.
    DisclosureError
        What a public edition would show gives single people away, beside itself or an
        earlier release; a template shows people; or something of a respondent stands
        in the book.
    RunError
        The book could not be built.
    """
    require_names("edition", [edition], EDITIONS)
    kind = EDITIONS[edition]
    out = Path(out).resolve()
    root = resources.project() if root is None else Path(root)
    errors.require_file(
        root / "_config.yml",
        "book with settings at",
        "The installation is not whole. Install trustgap again.",
    )
    _require_free(out, kind)
    try:
        chosen = read_chosen(file, mapping, outcomes, axes, first)
        design = chosen[0]
        own = None if kind.is_public else own_answers(design, mapping)
    except TrustlibError as error:
        _leave_faults(error, Path(file), Path(mapping), out)
        raise
    commission = _Commission(
        Path(file).resolve(),
        Path(mapping).resolve(),
        root,
        *chosen,
        kind,
        list(first),
        own,
        partial(run_all, jobs=jobs),
        report,
    )
    with write_folder(out, resume=True) as new:
        _mark(new, kind)
        _take_over_runs(out, new)
        _lay_out(new, root, kind)
        made = _made(commission, new)
        if design.source.rounding and not kind.is_public:
            # Their totals are exact, and the pages are made.
            shutil.rmtree(new / "cells", ignore_errors=True)
        _take_over_files_of_others(out, new)
    return replace(made, site=_site(out))


def _leave_faults(error: TrustlibError, file: Path, mapping: Path, out: Path) -> None:
    """Leave a page of what is to be mended in the folder of the book."""
    _mark(out, EDITIONS["private"])
    write_text(out / "faults.html", faults_page(error, file, mapping))


def _site(out: Path) -> Path:
    """Where the built book lies in its folder."""
    return out / "_build" / "html"


def _require_free(out: Path, edition: Edition) -> None:
    """Refuse a folder that holds something else than a book of this edition."""
    if not out.exists():
        return
    is_ours = out.is_dir() and (out / edition.mark).is_file()
    is_empty = out.is_dir() and not any(out.iterdir())
    if not (is_ours or is_empty):
        raise SurveyFileError(
            f"{out} is there already, and is no {edition.name} book.",
            "Choose a new folder for --out.",
        )


def _mark(folder: Path, edition: Edition) -> None:
    """Say in a folder what it is; of a private book also to git and to the system."""
    write_text(folder / edition.mark, edition.mark_text)
    if not edition.is_public:
        write_text(folder / ".gitignore", "*\n")
        folder.chmod(OWNER_ONLY)


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


def _lay_out(out: Path, root: Path, edition: Edition) -> None:
    """Copy the settings, style and templates of the book, without links to pages that this one has not."""
    for part in ("_build", "cells", FOLDER, "notebooks"):
        shutil.rmtree(out / part, ignore_errors=True)
    style = Path("book", "_static")
    shutil.copytree(root / style, out / style, dirs_exist_ok=True)
    templates = out / "notebooks" / "templates"
    shutil.copytree(root / "notebooks" / "templates", templates)
    shutil.copy(root / "requirements.lock", out)
    settings = yaml.safe_dump(_settings(root, edition))
    (out / "_config.yml").write_text(settings, encoding="utf-8")
    for path in templates.glob("*.ipynb"):
        public = path.read_text(encoding="utf-8")
        unlinked = _LINK.sub(r"\1", public)
        path.write_text(unlinked.replace(*WORDS["everyone"]), encoding="utf-8")


def _settings(root: Path, edition: Edition) -> dict[str, Any]:
    """The settings of the book under another title; each page says which edition it is."""
    settings = load_yaml(root / "_config.yml")
    settings["title"] = edition.title
    theme = settings["sphinx"]["config"]["html_theme_options"]
    theme["logo"]["text"] = edition.title
    theme["announcement"] = html_text(edition.announcement)
    return settings


def _made(commission: _Commission, out: Path) -> Reproduction:
    """Run, answer the record, write and build; in a folder that is laid out."""
    design = commission.design
    with warnings.catch_warnings(action="ignore"):
        # Who left, and the degrees of freedom, are on the pages.
        families = families_of(design, commission.outcomes, commission.axes)
        if commission.edition.is_public:
            return _made_public(commission, families, out)
        entries = plan_all(families, commission.paths, out, first=commission.first)
        ledger = _ledger(design, commission.root / "data")
    plan = load_mapping(commission.mapping)[0]
    told = told_by_variable(plan, len(design.frame))
    accounts = []
    for each in families:
        reasons = [*each.answered[1:], *each.axes]
        accounts.append(account_of(design, each.outcome, reasons, told[each.outcome]))
    account = pd.concat(accounts, ignore_index=True)
    return _built(commission, families, entries, out, ledger, account)


def _made_public(
    commission: _Commission, families: Sequence[Family], out: Path
) -> Reproduction:
    """The same from protected cells, which are kept among the releases of the survey."""
    for family in families:
        family.withheld = dict.fromkeys(family.withheld, REASONS["not_told"])
    release = release_of(families, commission.file, commission.mapping)
    release.record()
    cells_of = protected_cells(release)
    entries = plan_all(families, commission.paths, out, cells_of, commission.first)
    people = [(each.outcome, cells_of(each, [])) for each in families if each.sets]
    counts = [
        (outcome, "used", int(cells.frame["n"].sum())) for outcome, cells in people
    ]
    account = pd.DataFrame(counts, columns=["outcome", "reason", "n"])
    ledger = pd.DataFrame({"verdict": []})
    return _built(commission, families, entries, out, ledger, account)


def _built(
    commission: _Commission,
    families: Sequence[Family],
    entries: list[dict[str, Any]],
    out: Path,
    ledger: pd.DataFrame,
    account: pd.DataFrame,
) -> Reproduction:
    """Execute the runs, write the pages and build the book."""
    wrong = _run(commission, entries, out)
    refused = {
        run: error
        for run, error in wrong.items()
        if re.search(WORDS["refusals"], error)
    }
    failed = {run: error for run, error in wrong.items() if run not in refused}
    _require_nobody_shown(failed.values())
    made = Reproduction(
        site=_site(out),
        runs=[entry["id"] for entry in entries if entry["id"] not in wrong],
        withheld=undeclared(commission.design) | _withheld(families, entries, refused),
        joined=joined_levels(families, commission.edition.is_public),
        failed=failed,
        ledger=ledger,
        account=account,
        own=commission.own,
    )
    _write(commission, families, entries, made, out)
    _build(out)
    _require_no_rows(commission, out)
    return made


def _write(
    commission: _Commission,
    families: Sequence[Family],
    entries: Sequence[dict[str, Any]],
    made: Reproduction,
    out: Path,
) -> None:
    """Write the first page with what its tables tell, the files for a committee, and the other pages."""
    done = [entry for entry in entries if entry["id"] in made.runs]
    runs = out / "book" / "_runs"
    found = found_in(families, commission.axes, done, runs, made.withheld)
    origin = _origin(commission)
    files: list[str] = []
    if any(each.is_shown for each in found):
        files = write_files(_content(commission, found, made, origin), out)
    design = commission.design
    write_pages(out, design, origin, made, commission.edition, found, files)


def _content(
    commission: _Commission,
    found: Sequence[Found],
    made: Reproduction,
    origin: dict[str, str],
) -> Content:
    """What a committee is told."""
    return Content(
        title=visible(commission.design.source.label),
        announcement=commission.edition.announcement,
        source=commission.design.source,
        found=tuple(found),
        withheld=made.withheld,
        made=origin,
    )


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
    report = counted(commission.report, len(entries))
    return commission.run(load_plan(plan), runs, report=report)


def _require_nobody_shown(errors_of_runs: Iterable[str]) -> None:
    """Refuse a book of which a template shows people or exact sums."""
    raise_faults(
        errors.DisclosureError,
        "Templates show what is not for a page",
        [one_line(error, 300) for error in errors_of_runs if SHOWS in error],
        f"{HINT} {AS_IT_WAS}",
    )


def _require_no_rows(commission: _Commission, out: Path) -> None:
    """Refuse a book in which anything of a respondent of the file stands."""
    search = search_of(commission.file, commission.mapping)
    raise_faults(
        errors.DisclosureError,
        "Values of respondents stand in the new book, or may stand there",
        list(lines_of_faults(search.in_folder(out))),
        f"Find what wrote them: a template, a label or a title. {AS_IT_WAS}",
    )


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


def _origin(commission: _Commission) -> dict[str, str]:
    """What the first page says of the file."""
    source = commission.design.source
    origin = {
        "Evidence": source.evidence,
    }
    if commission.edition.is_public:
        return origin
    origin["Design"] = commission.design.variance
    notes = commission.design.frame.attrs.get("notes")
    if notes:
        origin["Not read as people"] = visible("; ".join(notes))
    for path in commission.paths.values():
        origin[f"File: {path.name}"] = f"SHA-256 {file_hash(path)}"
    return origin


def _build(out: Path) -> None:
    """Build the private book and read its pages; `RunError` with the telling lines if it cannot be."""
    program = [sys.executable, "-m", JUPYTER_BOOK, "build", "book"]
    places = ["--config", "_config.yml", "--toc", str(out / "_toc.yml")]
    places += ["--path-output", "."]
    command = [*program, *places, "-n", "-W", "--keep-going"]
    done = subprocess.run(
        command,
        cwd=out,
        env={**os.environ, **IN_UTF8},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
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
        f"{AS_IT_WAS} Finished runs are kept.",
    )
