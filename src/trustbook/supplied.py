"""A survey file that somebody supplies, and a private book made from it.

`reproduce` reads the file through its mapping, runs the templates over each outcome and the identities, answers the
lines of the published record that the file can answer, and builds a book of its own, for its user's eyes. The public
book depends on none of it.

What may be shown of an outcome is decided in `trustbook.families`. The ledger prints rounded percentages on other
bases, and only those counts that the record prints.

Words and texts are in ``words.yml`` beside this module.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from os.path import relpath
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trustbook.families import Family
from trustbook.ledger import answer_record
from trustbook.runs import load_plan, run_all, source_kind
from trustbook.site import check_pages
from trustlib import errors
from trustlib.cells import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import EVIDENCE, MINIMUM, masked_count
from trustlib.errors import CodebookError, SurveyFileError, TrustlibError, one_line, raise_faults
from trustlib.schema import declared_design, file_hash, load_codebook, load_mapping, load_yaml, read_survey
from trustrecord.record import load_figures

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
MARK = "PRIVATE.txt"
FEWEST_STRATA = 8  # with fewer a variance between strata is not worth a page

# -- what a file can show ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` made.

    Attributes
    ----------
    site : Path
        Folder of the built private book.
    runs : list of str
        The runs that are pages of it.
    withheld : dict
        What is not shown -> why.
    joined : dict
        What is shown with coarser levels -> which levels stand together.
    failed : dict
        Runs that failed for a reason that lies neither in disclosure nor in the data -> message.
    ledger : DataFrame
        One row for each line of the published record, and for each reading of it; see `answer_record`.
    account : DataFrame
        Columns outcome, reason, n: each row of the file once for each outcome, used or dropped with its reason.
    """

    site: Path
    runs: list[str]
    withheld: dict[str, str]
    joined: dict[str, str]
    failed: dict[str, str]
    ledger: pd.DataFrame
    account: pd.DataFrame


def read_supplied(file: str | Path, mapping: str | Path) -> tuple[SurveyDesign, list[str], list[str]]:
    """Read a file through its mapping; return the design, the outcomes and the identities.

    Raises
    ------
    CodebookError
        Every fault of the mapping, the file and the design, and a file or mapping of which nothing can be made.
    """
    hint, form = "Look at the mapping; in a proposal, delete the # of what is right.", load_mapping(mapping)[0]
    kind, allowed = form.source.kind, ("supplied", "real", "synthetic")
    faults = [] if kind in allowed else [f"source: kind is {kind}, expected {' or '.join(allowed)}"]
    try:
        frame = read_survey(file, mapping)
        if (own := source_kind(Path(file))) not in (None, kind):
            faults.append(f"source: kind is {kind}, but the file itself says that its data are {own}")
        design = SurveyDesign(frame, **declared_design(mapping))
        told = {v: frame[v] for v in form.variables if frame[v].notna().any()}
        axes = [v for v in told if told[v].dtype == "category" and v not in WORDS["not_identities"]]
        plain = [v for v in told if told[v].dtype != "category" and form.variables[v].missing_as is None]
        outcomes = [v for v in plain if told[v].dropna().isin([0, 1]).all()]
        faults += [] if outcomes else ["variables: no outcome; give one the values 1 and 0"]
        faults += [] if axes else ["variables: no identity; give one texts as values, its reference first"]
    except (TrustlibError, ValueError, AttributeError) as error:  # the last two: facts in a Parquet file
        lines, hint = getattr(error, "message", one_line(error)).splitlines(), getattr(error, "hint", hint)
        faults += [re.sub(r"^ *\d+\. ", "", line) for line in lines[1:] or lines]
    raise_faults(CodebookError, f"{Path(file).name} with {Path(mapping).name} cannot be used", faults, hint)
    return design, outcomes, axes


def account_of(design: SurveyDesign, outcome: str, axes: Sequence[str]) -> pd.DataFrame:
    """What becomes of each row of the file: used, or dropped for the first reason that holds.

    Returns
    -------
    DataFrame
        Columns outcome, reason, n; n adds up to the rows of the file. The first row is those used.
    """
    frame = design.frame
    reason = pd.Series("used", frame.index, dtype=object)
    for name in reversed([outcome, *axes]):
        kind = frame.get(f"{name}_missing", pd.Series("missing", frame.index)).astype(object).fillna("missing")
        reason = reason.mask(frame[name].isna(), f"{name}: " + kind.astype(str))
    reason = reason.mask(frame[design.weight] == 0, "weight of zero") if design.weight else reason
    counts = reason.value_counts().reindex(["used", *reason[reason != "used"].value_counts().index], fill_value=0)
    return pd.DataFrame({"outcome": outcome, "reason": counts.index, "n": counts.to_numpy()})


def plan_runs(family: Family, paths: Mapping[str, Path], out: Path) -> list[dict[str, Any]]:
    """Write the sealed cells of a family below `out`, and return the runs that use them."""
    frame, outcome = family.base.frame, family.outcome
    source, labels = frame.attrs["source"], {v: _plain(text) for v, text in frame.attrs["labels"].items()}
    told = ", ".join(labels[a] for a in family.axes)
    about = f"{EVIDENCE[source['kind']]}: {_plain(source.get('label'))}. {WORDS['about']} {told}."
    shown = {"mapping": paths["mapping"].name, "design_in_r": _in_r(family.base)}
    files = {name: relpath(path, out / "notebooks" / "templates") for name, path in paths.items()}
    planned: list[tuple[str, list[str], dict[str, Any]]] = []

    def sealed(by: Sequence[str]) -> str:
        cells = family.cells(by) or compress(family.base, outcome, []).seal()
        return f"../../cells/{cells.write(out / 'cells' / (_key(outcome, *by) + '.parquet')).name}"

    for axes in family.sets:
        given: dict[str, Any] = {"cells": sealed(axes), "axes": axes, "formula": " + ".join(axes)}
        planned.append(("levels", axes, given | shown | {"everyone": sealed([])}))
    for pair in map(list, dict.fromkeys(p for axes in family.sets for p in combinations(axes, 2))):
        given = {"cells": sealed(pair), "identities": pair, "pair": pair, "formula": " * ".join(pair)}
        planned.append(("intersection", pair, given | shown))
    for template, where in _over_places(family).items():
        for axis in family.placed:
            first = next(v for v in frame[axis].cat.categories if (frame.loc[frame[DOMAIN], axis] == v).any())
            given = {"where": where, "outcome": outcome, "reference": {axis: first}}
            more = {"populations": WORDS["populations"]} if template == "countries" else {}
            planned.append((template, [axis], given | more | files))
    of_all = {"where": _known(family), "outcome": outcome, **files}
    hub = [a for a in (family.sets[0] if family.sets else []) if a in family.axes]
    if family.levels[hub].prod() >= FEWEST_STRATA:
        planned.append(("maihda", hub, of_all | {"strata": hub}))
    if len(pair := [a for a in hub if family.levels[a] == 2][:2]) == 2 and family.base.weight:
        contrast = {a: next(v for v in frame[a].cat.categories[::-1] if (frame[a] == v).any()) for a in pair}
        told_by_all = frame[frame[DOMAIN]].notna().all()
        extra = [c for c in ("age_band", "country") if c in frame and c not in pair and told_by_all[c]]
        covariates = {"none": [], **{" and ".join(labels[c] for c in extra): extra for _ in extra[:1]}}
        given = {"axes": pair, "contrast": contrast, "covariates": covariates, "links": WORDS["links"]}
        planned.append(("robustness", pair, of_all | given))
    words, runs = {"question": f"Outcome: {labels[outcome]}."}, []
    for template, parts, given in planned:
        title = f"{_mark(source)}{labels[outcome]}: {', '.join(labels[a] for a in parts)} ({template})"
        run = {"id": _key(outcome, template, *parts), "template": template}
        told = " ".join([about, *(f"{labels[a]}: {_together(family, a)}." for a in parts if a in family.joined)])
        runs.append({**run, "parameters": {"title": title, **words, "about": told, **given}})
    return runs


def _together(family: Family, form: str) -> str:
    """Which levels of an identity stand together in one of its coarser forms."""
    return f"{_plain('; '.join(family.joined[form]))} {WORDS['joined']}"


def _known(family: Family) -> str:
    """The condition that picks the people of a family from the file."""
    return " and ".join(f"{a}.notna()" for a in [family.outcome, *family.axes])


def _over_places(family: Family) -> dict[str, str]:
    """Which people the templates on countries and on waves take, where the file has several of both."""
    if family.places != ["wave", "country"] or family.base.replicate_weights:
        return {}
    frame, known = family.base.frame, f" and {_known(family)}"
    polled = frame[frame[DOMAIN]].groupby("wave", observed=True)["country"].agg(lambda c: frozenset(c.dropna()))
    last, several = polled.index[-1], len(polled.iloc[-1]) > 1 and polled.iloc[-1] <= set(WORDS["populations"])
    waves = [str(w) for w in polled.index if polled[w] == polled[last]][-2:]
    found = {"countries": f"wave == {str(last)!r}{known}"} if several else {}
    return found | ({"waves": f"wave in {waves}{known}"} if len(waves) > 1 else {})


def _mark(source: Mapping[str, Any]) -> str:
    return "Synthetic: " if source["kind"] == "synthetic" else ""


def _key(*parts: str) -> str:
    return re.sub(r"\W|_", "-", "-".join(parts))


def _plain(text: Any) -> str:
    """A text of the file's owner as one line that no markup can break."""
    return " ".join(re.sub(r"[|`<>{}$\\\[\]*@]", " ", str(text)).split())[:300]


def _in_r(design: SurveyDesign) -> str:
    if design.replicate_weights:
        return 'svrepdesign(weights = ~weight, repweights = "weight_[0-9]+", data = people)'
    named = {"ids": design.psu or "1", "strata": design.strata, "weights": design.weight}
    parts = [f"{key} = ~{column}" for key, column in named.items() if column] + ["nest = TRUE"] * design.nest
    return f"svydesign({', '.join(parts)}, data = people)"


# -- the private book -------------------------------------------------------------------------------------------------


def reproduce(
    file: str | Path,
    mapping: str | Path,
    out: str | Path = "private",
    root: str | Path = ".",
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
    root : path
        The project, with its templates and the settings of its book; nothing in it changes.
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
    out, root, paths = Path(out).resolve(), Path(root), {"file": Path(file).resolve()}
    paths["mapping"], plan, runs = Path(mapping).resolve(), out / "notebooks" / "runs.yml", out / "book" / "_runs"
    errors.require_file(root / "_config.yml", "book with settings at", "Run this in the folder of the project.")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file())):
        raise SurveyFileError(f"{out} is there already, and is no private book.", "Choose a new folder for --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / MARK).write_text("Made by `trustlib reproduce` from microdata. Do not publish it.\n")
    except OSError as error:
        raise SurveyFileError(f"{out} cannot be written: {error.strerror}", "Choose another folder.") from error
    (out / "faults.html").unlink(missing_ok=True)
    try:
        design, *known = read_supplied(file, mapping)
        errors.require_names("outcome", outcomes, known[0])
        errors.require_names("identity", axes, known[1])
    except TrustlibError as error:
        lines = "".join(f"<li>{html.escape(line.strip())}</li>" for line in str(error).splitlines())
        (out / "faults.html").write_text(WORDS["faults"].format(lines), encoding="utf-8")
        raise
    _lay_out(out, root)
    chosen, axes = list(outcomes) or known[0], list(axes) or known[1]
    with warnings.catch_warnings(
        action="ignore"
    ):  # who left, and how many degrees of freedom there are, is on the pages
        families = [Family(design, outcome, axes, chosen) for outcome in chosen]
        entries = [run for family in families for run in plan_runs(family, paths, out)]
        figures = load_figures(root / "data" / "published" / "figures.csv")
        ledger = answer_record(design, figures, load_codebook(root / "data" / "codebook.yml"))
    account = pd.concat([account_of(design, f.outcome, f.axes) for f in families], ignore_index=True)
    plan.write_text(yaml.safe_dump({"runs": entries}), encoding="utf-8")
    titles = {run["id"]: run["parameters"]["title"] for run in entries}
    for old in (p for p in runs.glob("*") if p.name not in titles):
        shutil.rmtree(old)
    wrong = run_all(load_plan(plan), runs, jobs=jobs, report=report)
    of_data = {key: e for key, e in wrong.items() if re.search(WORDS["refusals"], e)}
    withheld = {what: why for family in families for what, why in family.withheld.items()}
    withheld |= {titles[key]: _plain(e.splitlines()[0].partition("Error: ")[2]) for key, e in of_data.items()}
    done = [key for key in titles if key not in wrong]
    facts = {"Evidence": EVIDENCE[design.frame.attrs["source"]["kind"]], "Design": design.variance}
    facts |= {f"File: {path.name}": f"SHA-256 {file_hash(path)}" for path in paths.values()}
    joined = {f"{f.outcome} by {f.axis_of[form]}": _together(f, form) for f in families for form in f.joined}
    _write_pages(out, design, facts, done, withheld, joined, ledger, account)
    failed = {key: e for key, e in wrong.items() if key not in of_data}
    return Reproduction(_build(out), done, withheld, joined, failed, ledger, account)


def _lay_out(out: Path, root: Path) -> None:
    """Copy the settings, style and extensions of the book, and its templates without links to pages it has not."""
    for part in ("_build", "cells", "notebooks"):
        shutil.rmtree(out / part, ignore_errors=True)
    for part in ("_static", "_ext", "vendor"):
        shutil.copytree(root / "book" / part, out / "book" / part, dirs_exist_ok=True)
    shutil.copytree(root / "notebooks" / "templates", out / "notebooks" / "templates")
    shutil.copy(root / "requirements.lock", out)
    settings = load_yaml(root / "_config.yml")
    settings["title"] = settings["sphinx"]["config"]["html_theme_options"]["logo"]["text"] = "Private book"
    (out / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for path in (out / "notebooks" / "templates").glob("*.ipynb"):
        text = re.sub(r"\{(?:doc|download)\}`([^`<]*?)\s*<[^`]*>`", r"\1", path.read_text(encoding="utf-8"))
        path.write_text(text.replace(*WORDS["everyone"]), encoding="utf-8")


def shown_account(account: pd.DataFrame) -> list[tuple[str, str]]:
    """The account of one outcome as it may be shown: reasons of fewer than 10 people stand together."""
    rows = [(_plain(r), int(n)) for r, n in zip(account["reason"], account["n"], strict=True)]
    used, dropped = rows[0][1], sorted(rows[1:], key=lambda row: -row[1])
    while len(dropped) > 1 and dropped[-1][1] < MINIMUM:
        dropped = [*dropped[:-2], ("several other reasons", dropped[-2][1] + dropped[-1][1])]
    told = "all others" if dropped and dropped[-1][1] < MINIMUM else f"{used:,}"
    return [("used", told), *((r, masked_count(n)) for r, n in dropped), ("rows in the file", f"{sum(account['n']):,}")]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _write_pages(out: Path, design: SurveyDesign, facts: dict[str, str], runs: Sequence[str], withheld: dict[str, str],
                 joined: dict[str, str], ledger: pd.DataFrame, account: pd.DataFrame) -> None:  # fmt: skip
    """Write the first page, the ledger and the contents."""
    source, labels = design.frame.attrs["source"], design.frame.attrs["labels"]
    lines = [f"# {_mark(source)}{_plain(source.get('label'))}\n", WORDS["index"], "## The file\n"]
    lines += [_table(["What", "Which"], facts.items()), "## Who is counted\n", WORDS["counted"]]
    for outcome, part in account.groupby("outcome", sort=False):
        lines += [f"### {_plain(labels[outcome])}\n", _table(["Rows", "People"], shown_account(part))]
    lines += ["## The published record\n", _table(["Verdict", "Lines"], ledger["verdict"].value_counts().items())]
    lines += ["Line by line: {doc}`ledger`.\n", "## What was withheld and why\n"]
    lines += [_table(["What", "Why"], withheld.items()) if withheld else "Nothing was withheld.\n"]
    if joined:
        lines += ["## Levels that stand together\n", WORDS["together"], _table(["What", "Which"], joined.items())]
    (out / "book" / "index.md").write_text("\n".join(lines), encoding="utf-8")
    ledger.to_csv(out / "ledger.csv", index=False, lineterminator="\n")
    rows = ledger.astype(object).where(ledger.notna(), "–").to_numpy().tolist()
    heads = [c.replace("_", " ").capitalize() for c in ledger]
    text = f"# {_mark(source)}the record and this file\n\n{WORDS['ledger']}\n{_table(heads, rows)}"
    (out / "book" / "ledger.md").write_text(text, encoding="utf-8")
    chapters = [{"file": f} for f in ("ledger", *(f"_runs/{r}/{r}" for r in runs))]
    contents = {"format": "jb-book", "root": "index", "chapters": chapters}
    (out / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf-8")


def _build(out: Path) -> Path:
    """Build the private book and read its pages; `RunError` with the telling lines if it cannot be."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "book", "--config"]
    command += ["_config.yml", "--toc", str(out / "_toc.yml"), "--path-output", ".", "-n", "-W", "--keep-going"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
    telling = [one_line(line) for line in lines if re.search(r"WARNING|ERROR|[A-Za-z]Error:|exception:", line)]
    faults = (telling or lines[-3:]) if done.returncode else check_pages(out / "_build" / "html")
    raise_faults(errors.RunError, "The private book was not built", faults, "Its cells and runs are in the folder.")
    return out / "_build" / "html"
