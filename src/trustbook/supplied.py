"""A survey file that somebody supplies, and a private book made from it.

`reproduce` reads the file through its mapping, runs the templates over each outcome and the identities, answers the
lines of the published record that the file can answer, and builds a book of its own, for its user's eyes. The public
book depends on none of it.

What may be shown of an outcome is decided in `trustbook.families`. The ledger prints rounded percentages on other
bases, and only those counts that the record prints. Numbers of people follow the rounding of the source, if it has one.

Words and texts are in ``words.yml`` beside this module.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from os.path import relpath
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trustbook.families import REASONS, Family
from trustbook.ledger import answer_record
from trustbook.runs import load_plan, run_all, source_kind
from trustbook.site import check_pages
from trustlib import errors
from trustlib.compression import compress
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import EVIDENCE, MINIMUM, masked_count
from trustlib.errors import (
    CodebookError,
    SurveyFileError,
    TrustlibError,
    one_line,
    raise_faults,
)
from trustlib.escaping import (
    csv_cells,
    file_name,
    html_text,
    markdown_code,
    markdown_plain,
    markdown_text,
    r_name,
    visible,
)
from trustlib.expressions import quoted
from trustlib.files import file_hash
from trustlib.record.printed import load_figures
from trustlib.schema import (
    declared_design,
    load_codebook,
    load_mapping,
    load_yaml,
    read_survey,
)
from trustlib.writing import write_folder, write_text

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
MARK = "PRIVATE.txt"
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
NUMBER = "a number, neither outcome nor identity"
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


def read_supplied(
    file: str | Path, mapping: str | Path
) -> tuple[SurveyDesign, list[str], list[str]]:
    """Read a file through its mapping; return the design, the outcomes and the identities.

    Raises
    ------
    CodebookError
        Every fault of the mapping, the file and the design, and a file or mapping of which nothing can be made.
    """
    hint, form = (
        "Look at the mapping; in a proposal, delete the # of what is right.",
        load_mapping(mapping)[0],
    )
    kind, allowed = form.source.kind, ("supplied", "real", "synthetic")
    faults = (
        []
        if kind in allowed
        else [f"source: kind is {kind}, expected {' or '.join(allowed)}"]
    )
    try:
        frame = read_survey(file, mapping)
        if (own := source_kind(Path(file))) not in (None, kind):
            faults.append(
                f"source: kind is {kind}, but the file itself says that its data are {own}"
            )
        design = SurveyDesign(frame, **declared_design(mapping))
        found = roles(frame, mapping)
        outcomes, axes = (
            [v for v, role in found.items() if role == kind]
            for kind in ("outcome", "identity")
        )
        faults += lacking(found)
    except (
        TrustlibError,
        ValueError,
        AttributeError,
    ) as error:  # the last two: facts in a Parquet file
        lines, hint = (
            getattr(error, "message", one_line(error)).splitlines(),
            getattr(error, "hint", hint),
        )
        faults += [re.sub(r"^ *\d+\. ", "", line) for line in lines[1:] or lines]
    raise_faults(
        CodebookError,
        f"{Path(file).name} with {Path(mapping).name} cannot be used",
        faults,
        hint,
    )
    return design, outcomes, axes


def roles(frame: pd.DataFrame, mapping: str | Path) -> dict[str, str]:
    """What `reproduce` takes each variable of a mapping for: an outcome, an identity, or neither and why."""

    def role(name: str, missing_as: Any) -> str:
        told = frame[name].dropna()
        if told.empty:
            return "nobody has a value"
        if told.dtype == "category":
            return (
                "neither outcome nor identity"
                if name in WORDS["not_identities"]
                else "identity"
            )
        if not told.isin([0, 1]).all():
            return NUMBER
        return (
            "outcome"
            if missing_as is None
            else "not taken as an outcome: missing_as counts everybody; use blank"
        )

    return {
        name: role(name, rule.missing_as)
        for name, rule in load_mapping(mapping)[0].variables.items()
    }


def lacking(found: Mapping[str, str]) -> list[str]:
    """What a book cannot be made without, and these `roles` have not."""
    kinds = set(found.values())
    faults = (
        []
        if "outcome" in kinds
        else ["variables: no outcome; give one the values 1 and 0"]
    )
    faults += (
        []
        if "identity" in kinds
        else ["variables: no identity; give one texts as values, its reference first"]
    )
    return faults


def described(frame: pd.DataFrame, mapping: str | Path) -> list[str]:
    """What is in a file: the role of each variable and its people by level, and what is lacking; a line for each."""
    found, lines = roles(frame, mapping), []
    for name, role in found.items():
        levels = (
            frame[name]
            .iloc[: 0 if role == NUMBER else None]
            .value_counts()
            .sort_index()[lambda n: n > 0]
        )
        kinds = frame.get(f"{name}_missing", frame[name].iloc[:0]).value_counts()[
            lambda n: n > 0
        ]
        counts = [
            (f"{k:g}" if isinstance(k, float) else visible(k), int(n))
            for s in (levels, kinds)
            for k, n in s.items()
        ]
        told = shown_counts(counts, frame.attrs["source"].get("rounding"))
        lines.append(
            f"  {visible(name)}: {role}"
            + (f" ({'; '.join(told[: len(levels)])})" if len(levels) else "")
        )
        lines[-1] += (
            f"; missing: {'; '.join(told[len(levels) :])}" if len(kinds) else ""
        )
    return lines + lacking(found)


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
        kind = (
            frame.get(f"{name}_missing", pd.Series("missing", frame.index))
            .astype(object)
            .fillna("missing")
        )
        reason = reason.mask(frame[name].isna(), f"{name}: " + kind.astype(str))
    reason = (
        reason.mask(frame[design.weight] == 0, "weight of zero")
        if design.weight
        else reason
    )
    counts = reason.value_counts().reindex(
        ["used", *reason[reason != "used"].value_counts().index], fill_value=0
    )
    return pd.DataFrame(
        {"outcome": outcome, "reason": counts.index, "n": counts.to_numpy()}
    )


def plan_runs(
    family: Family,
    paths: Mapping[str, Path],
    out: Path,
    taken: dict[str, tuple[str, ...]],
) -> list[dict[str, Any]]:
    """Write the sealed cells of a family below `out`, and return the runs that use them.

    Adds to ``family.withheld`` what there is no page of, and to `taken` the names of files and runs, with what they are
    of.
    """
    frame, outcome = family.base.frame, family.outcome
    source = frame.attrs["source"]
    labels = {v: visible(text) or v for v, text in frame.attrs["labels"].items()}
    marked = {v: markdown_text(text) for v, text in labels.items()}
    told = ", ".join(marked[a] for a in family.axes)
    about = f"{EVIDENCE[source['kind']]}: {markdown_text(visible(source.get('label')))}. {WORDS['about']} {told}."
    shown = {"mapping": paths["mapping"].name, "design_in_r": _in_r(family.base)}
    files = {
        name: relpath(path, out / "notebooks" / "templates")
        for name, path in paths.items()
    }
    planned: list[tuple[str, list[str], dict[str, Any], list[str]]] = []

    def sealed(by: Sequence[str]) -> str:
        cells = family.cells(by) or compress(family.base, outcome, []).seal()
        return f"../../cells/{cells.write(out / 'cells' / (_key(taken, outcome, *by) + '.parquet')).name}"

    for axes in family.sets:
        given: dict[str, Any] = {
            "cells": sealed(axes),
            "axes": axes,
            "formula": " + ".join(map(quoted, axes)),
        }
        planned.append(("levels", axes, given | shown | {"everyone": sealed([])}, []))
    for pair in map(
        list, dict.fromkeys(p for axes in family.sets for p in combinations(axes, 2))
    ):
        given = {
            "cells": sealed(pair),
            "identities": pair,
            "pair": pair,
            "formula": " * ".join(map(quoted, pair)),
        }
        planned.append(("intersection", pair, given | shown, []))
    places, why = _over_places(family)
    family.withheld |= {
        f"{outcome}: page on {template}": reason for template, reason in why.items()
    }
    for axis in (a for a in family.axes if places and a not in family.placed):
        why = {
            f"{outcome} by {axis}: pages on {' and '.join(places)}": family.why(
                [*family.places, axis]
            )
        }
        family.withheld |= {} if f"{outcome} by {axis}" in family.withheld else why
    for template, waves in places.items():
        for axis in family.placed:
            first = next(
                v
                for v in frame[axis].cat.categories
                if (frame.loc[frame[DOMAIN], axis] == v).any()
            )
            given = {
                "where": f"wave in {waves} and {_known(family)}",
                "outcome": outcome,
                "reference": {axis: first},
            }
            polled = set(
                frame.loc[frame[DOMAIN] & frame["wave"].isin(waves), "country"]
            )
            inhabitants = {c: n for c, n in WORDS["populations"].items() if c in polled}
            given |= {"populations": inhabitants} if template == "countries" else {}
            planned.append((template, [axis], given | files, waves))
    of_all = {"where": _known(family), "outcome": outcome, **files}
    hub = [a for a in (family.sets[0] if family.sets else []) if a in family.axes]
    if family.levels[hub].prod() >= FEWEST_STRATA:
        planned.append(("maihda", hub, of_all | {"strata": hub}, []))
    if (
        len(pair := [a for a in hub if family.levels[a] == 2][:2]) == 2
        and family.base.weight
    ):
        contrast = {
            a: next(v for v in frame[a].cat.categories[::-1] if (frame[a] == v).any())
            for a in pair
        }
        told_by_all = frame[frame[DOMAIN]].notna().all()
        extra = [
            c
            for c in ("age_band", "country")
            if c in frame and c not in pair and told_by_all[c]
        ]
        covariates = {
            "none": [],
            **{" and ".join(labels[c] for c in extra): extra for _ in extra[:1]},
        }
        given = {
            "axes": pair,
            "contrast": contrast,
            "covariates": covariates,
            "links": WORDS["links"],
        }
        planned.append(("robustness", pair, of_all | given, []))
    words, runs = {"question": f"Outcome: {marked[outcome]}."}, []
    for template, parts, given, waves in planned:
        title = (
            f"{_mark(source)}{marked[outcome]}: {', '.join(marked[a] for a in parts)}"
        )
        title += f" ({', '.join([template, *map(markdown_text, waves)])})"
        run = {"id": _key(taken, outcome, template, *parts), "template": template}
        notes = [
            about,
            *(
                f"{marked[a]}: {markdown_text(_together(family, a))}."
                for a in parts
                if a in family.joined
            ),
        ]
        if waves:
            listed = " and ".join(map(markdown_text, waves))
            notes.append(WORDS["of_waves"].format(waves=listed))
        notes += (
            [WORDS["linearised"]]
            if family.base.replicate_weights and "cells" in given
            else []
        )
        runs.append(
            {
                **run,
                "parameters": {
                    "title": title,
                    **words,
                    "about": " ".join(notes),
                    **given,
                },
            }
        )
    return runs


def _together(family: Family, form: str) -> str:
    """Which levels of an identity stand together in one of its coarser forms, and which of them are too small."""
    axis, levels = family.axis_of[form], "; ".join(family.joined[form])
    beside = next(
        [axis if a == form else a for a in each] for each in family.sets if form in each
    )
    small = family.small([axis]) or family.small(beside)
    text = WORDS["joined" if small else "joined_beside"]
    return visible(text.format(levels=levels, small="; ".join(small)))


def _known(family: Family) -> str:
    """The condition that picks the people of a family from the file."""
    return " and ".join(f"{quoted(a)}.notna()" for a in [family.outcome, *family.axes])


def _over_places(family: Family) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The waves that the templates on countries and on waves take, or why there is no page; nothing without places."""
    frame, pages = family.base.frame[family.base.frame[DOMAIN]], ("countries", "waves")
    if len(family.places) < 2:
        lack = {
            p: REASONS["no_place"].format(lacking=p)
            for p in ("wave", "country")
            if p not in family.places
        }
        return {}, dict.fromkeys(
            pages, next(iter(lack.values()))
        ) if family.places else {}
    if family.base.replicate_weights:
        return {}, dict.fromkeys(pages, REASONS["replicates"])
    polled = frame.groupby("wave", observed=True)["country"].agg(
        lambda c: frozenset(c.dropna())
    )
    last = polled.iloc[-1] if len(polled) else frozenset()
    waves = [str(w) for w in polled.index if polled[w] == last]
    unknown = ", ".join(sorted(last - set(WORDS["populations"])))
    why = {
        "countries": "one_country" if len(last) < 2 else "population" if unknown else ""
    }
    why |= {
        "waves": "one_wave"
        if len(polled) < 2
        else "other_countries"
        if len(waves) < 2
        else ""
    }
    told = {
        page: REASONS[reason].format(countries=unknown)
        for page, reason in why.items()
        if reason
    }
    taken = {"countries": waves[-1:], "waves": waves[-2:]}
    return {page: some for page, some in taken.items() if page not in told}, told


def _mark(source: Mapping[str, Any]) -> str:
    return "Synthetic: " if source["kind"] == "synthetic" else ""


def _key(taken: dict[str, tuple[str, ...]], *parts: str) -> str:
    """A name of a file or run in plain letters: the same for the same parts, and for no others."""
    name = file_name(*parts)
    names = [name, *(f"{name}-{i}" for i in range(2, len(taken) + 3))]
    return next(n for n in names if taken.setdefault(n, parts) == parts)


def _column_in_r(column: str) -> str:
    return column if column == "1" else r_name(column)


def _in_r(design: SurveyDesign) -> str:
    if design.scale is not None:
        scales = [f"{v:.15g}" for v in design.scale]
        rscales = (
            f"rep(1, {len(scales)})"
            if len(set(scales)) == 1
            else f"c({', '.join(scales)})"
        )
        scale = (
            f"scale = {scales[0] if len(set(scales)) == 1 else 1}, rscales = {rscales}"
        )
        scale += f", mse = {str(design.replicate_mse).upper()}, combined.weights = TRUE"
        of = 'weights = ~weight, repweights = "^weight_[0-9]+$", data = people'
        return f'svrepdesign({of}, type = "other", {scale})'
    named = {
        "ids": design.psu or "1",
        "strata": design.strata,
        "fpc": design.fpc,
        "weights": design.weight,
    }
    parts = [
        f"{key} = ~{_column_in_r(column)}" for key, column in named.items() if column
    ] + ["nest = TRUE"] * design.nest
    made = f"svydesign({', '.join(parts)}, data = people)"
    lonely = design.lonely_psu != "fail"
    return (
        f'{{ options(survey.lonely.psu = "{design.lonely_psu}"); {made} }}'
        if lonely
        else made
    )


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
    out, root = Path(out).resolve(), Path(root)
    errors.require_file(
        root / "_config.yml",
        "book with settings at",
        "Run this in the folder of the project.",
    )
    if out.exists() and (
        not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file())
    ):
        raise SurveyFileError(
            f"{out} is there already, and is no private book.",
            "Choose a new folder for --out.",
        )
    try:
        design, *known = read_supplied(file, mapping)
        _require("outcome", outcomes, known)
        _require("identity", axes, known[::-1])
    except TrustlibError as error:
        _mark_private(out)
        write_text(out / "faults.html", _faults(error, Path(file), Path(mapping)))
        raise
    paths = {"file": Path(file).resolve(), "mapping": Path(mapping).resolve()}
    outcomes, axes = list(outcomes) or known[0], list(axes) or known[1]
    run = partial(run_all, jobs=jobs, report=report)
    # Built beside the former book, which stays as it is until this one is complete.
    with write_folder(out, resume=True) as new:
        _mark_private(new)
        _take_over_runs(out, new)
        _lay_out(new, root)
        made = _made(design, paths, new, root, outcomes, axes, run)
        _take_over_files_of_others(out, new)
    return replace(made, site=out / "_build" / "html")


def _mark_private(folder: Path) -> None:
    """Say in a folder what it is, to its user and to git."""
    write_text(folder / ".gitignore", "*\n")
    told = "Made by `trustlib reproduce` from microdata. Do not publish it.\n"
    write_text(folder / MARK, told)


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
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, new / path.name, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, new / path.name, follow_symlinks=False)


def _require(kind: str, names: Sequence[str], known: Sequence[Sequence[str]]) -> None:
    """Refuse names that are none of the first of `known`; capital letters are told apart."""
    for name in (n for n in names if n not in known[0]):
        alike = [v for v in known[0] if v.casefold() == name.casefold()]
        if alike or name in known[1]:
            hint = (
                f"Did you mean {alike[0]!r}?"
                if alike
                else f"{name!r} is an {WORDS['other'][kind]}."
            )
            raise errors.UnknownNameError(
                f"There is no {kind} {name!r}.",
                f"{hint} There is: {', '.join(known[0])}.",
            )
        errors.require_names(kind, [name], known[0])


def _faults(error: TrustlibError, file: Path, mapping: Path) -> str:
    """The page of what is to be mended."""
    first, *numbered = error.message.splitlines()
    lines = [re.sub(r"^ *\d+\. ", "", line) for line in numbered or [first]]
    given = {
        "count": "1 fault" if len(lines) == 1 else f"{len(lines)} faults",
        "hint": error.hint,
    }
    given |= {"file": file.name, "mapping": mapping.name}
    items = "\n".join(f"<li>{html_text(line)}</li>" for line in lines)
    return WORDS["faults"].format(
        **{k: html_text(v) for k, v in given.items()}, lines=items
    )


def _made(design: SurveyDesign, paths: dict[str, Path], out: Path, root: Path, outcomes: Sequence[str],
          axes: Sequence[str], run: Callable[..., dict[str, str]]) -> Reproduction:  # fmt: skip
    """Run, answer the record, write and build; in a folder that is laid out."""
    plan, runs, taken = (
        out / "notebooks" / "runs.yml",
        out / "book" / "_runs",
        dict[str, tuple[str, ...]](),
    )
    with warnings.catch_warnings(
        action="ignore"
    ):  # who left, and the degrees of freedom, are on the pages
        families = [Family(design, outcome, axes, outcomes) for outcome in outcomes]
        entries = [
            entry
            for family in families
            for entry in plan_runs(family, paths, out, taken)
        ]
        figures = load_figures(root / "data" / "published" / "figures.csv")
        ledger = answer_record(
            design, figures, load_codebook(root / "data" / "codebook.yml")
        )
    account = pd.concat(
        [account_of(design, f.outcome, f.axes) for f in families], ignore_index=True
    )
    plan.write_text(yaml.safe_dump({"runs": entries}), encoding="utf-8")
    titles = {
        entry["id"]: markdown_plain(entry["parameters"]["title"]) for entry in entries
    }
    for old in (p for p in runs.glob("*") if p.name not in titles):
        shutil.rmtree(old)
    wrong = run(load_plan(plan), runs)
    of_data = {key: e for key, e in wrong.items() if re.search(WORDS["refusals"], e)}
    withheld = {
        what: why for family in families for what, why in family.withheld.items()
    }
    withheld |= {
        titles[key]: visible(e.splitlines()[0].partition("Error: ")[2])
        for key, e in of_data.items()
    }
    failed = {key: e for key, e in wrong.items() if key not in of_data}
    done = [key for key in titles if key not in wrong]
    facts = {
        "Evidence": EVIDENCE[design.frame.attrs["source"]["kind"]],
        "Design": design.variance,
    }
    facts |= {
        f"File: {path.name}": f"SHA-256 {file_hash(path)}" for path in paths.values()
    }
    joined = {
        f"{f.outcome} by {f.axis_of[form]}": _together(f, form)
        for f in families
        for form in f.joined
    }
    made = Reproduction(
        out / "_build" / "html", done, withheld, joined, failed, ledger, account
    )
    _write_pages(out, design, facts, made)
    _build(out)
    return made


def _lay_out(out: Path, root: Path) -> None:
    """Copy the settings, style and extensions of the book, and its templates without links to pages it has not."""
    for part in ("_build", "cells", "notebooks"):
        shutil.rmtree(out / part, ignore_errors=True)
    for part in ("_static", "vendor"):
        shutil.copytree(root / "book" / part, out / "book" / part, dirs_exist_ok=True)
    shutil.copytree(root / "notebooks" / "templates", out / "notebooks" / "templates")
    shutil.copy(root / "requirements.lock", out)
    settings = load_yaml(root / "_config.yml")
    settings["title"] = settings["sphinx"]["config"]["html_theme_options"]["logo"][
        "text"
    ] = "Private book"
    (out / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for path in (out / "notebooks" / "templates").glob("*.ipynb"):
        text = re.sub(
            r"\{(?:doc|download)\}`([^`<]*?)\s*<[^`]*>`",
            r"\1",
            path.read_text(encoding="utf-8"),
        )
        path.write_text(text.replace(*WORDS["everyone"]), encoding="utf-8")


def shown_counts(
    counts: Sequence[tuple[str, int]], base: int | None = None
) -> list[str]:
    """Numbers of people as they may be shown beside their sum: where a small one is masked, so is the largest."""
    hidden = (
        max(range(len(counts)), key=lambda i: counts[i][1])
        if any(0 < n < MINIMUM for _, n in counts)
        else -1
    )
    return [
        f"{what}: {'all others' if i == hidden else people(n, base)}"
        for i, (what, n) in enumerate(counts)
    ]


def people(n: int, base: int | None = None) -> str:
    """A number of people as it may be shown: small ones are masked, and others rounded if the source asks for it."""
    return (
        masked_count(n)
        if 0 < n < MINIMUM or not base
        else f"{base * round(n / base):,}"
    )


def shown_account(
    account: pd.DataFrame, base: int | None = None
) -> list[tuple[str, str]]:
    """The account of one outcome as it may be shown: reasons of fewer than 10 people stand together."""
    rows = [
        (visible(r), int(n))
        for r, n in zip(account["reason"], account["n"], strict=True)
    ]
    used, dropped = rows[0][1], sorted(rows[1:], key=lambda row: -row[1])
    while len(dropped) > 1 and dropped[-1][1] < MINIMUM:
        (other, more), (last, few) = dropped[-2:]
        dropped[-2:] = [
            (
                f"{'' if last.startswith('together: ') else 'together: '}{last}; {other}",
                more + few,
            )
        ]
    told = "all others" if dropped and dropped[-1][1] < MINIMUM else people(used, base)
    total = ("rows in the file", people(int(account["n"].sum()), base))
    return [("used", told), *((r, people(n, base)) for r, n in dropped), total]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads)]
    lines += [[_table_cell(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _table_cell(cell: Any) -> str:
    """A text for a cell of a table; an option of ours is code, because two hyphens would become a dash."""
    pieces = re.split(r"(--axis \S+)", visible(cell))
    made = [markdown_text(piece) for piece in pieces]
    for i in range(1, len(pieces), 2):
        made[i] = markdown_code(pieces[i]).replace("|", r"\|")
    return " ".join(filter(None, made))


def _write_pages(
    out: Path, design: SurveyDesign, facts: dict[str, str], made: Reproduction
) -> None:
    """Write the first page, the ledger and the contents."""
    source, labels = design.frame.attrs["source"], design.frame.attrs["labels"]
    base, ledger = source.get("rounding"), made.ledger
    title = markdown_text(visible(source.get("label")))
    lines = [f"# {_mark(source)}{title}\n", WORDS["index"]]
    lines += [WORDS["nothing"]] * (not made.runs) + [
        "## The file\n",
        _table(["What", "Which"], facts.items()),
    ]
    lines += [WORDS["rounded"].format(base=base) + "\n"] * bool(base) + [
        "## Who is counted\n",
        WORDS["counted"],
    ]
    for outcome, part in made.account.groupby("outcome", sort=False):
        lines += [
            f"### {markdown_text(visible(labels[outcome]) or outcome)}\n",
            _table(["Rows", "People"], shown_account(part, base)),
        ]
    verdicts = [
        (v, n, WORDS["verdicts"][v])
        for v, n in ledger["verdict"].value_counts().items()
    ]
    lines += [
        "## The published record\n",
        _table(["Verdict", "Lines", "Meaning"], verdicts),
    ]
    lines += ["Line by line: {doc}`ledger`.\n", "## What was withheld and why\n"]
    lines += [
        _table(["What", "Why"], made.withheld.items())
        if made.withheld
        else "Nothing was withheld.\n"
    ]
    if made.joined:
        heads = ["What", "Which"]
        lines += [
            "## Levels that stand together\n",
            WORDS["together"],
            _table(heads, made.joined.items()),
        ]
    if made.failed:
        lines += [
            "## Runs that failed\n",
            WORDS["failed"],
            _table(["Run", "Message"], made.failed.items()),
        ]
    (out / "book" / "index.md").write_text("\n".join(lines), encoding="utf-8")
    table = csv_cells(ledger)
    table.to_csv(out / "ledger.csv", index=False, lineterminator="\n")
    rows = (
        ledger.map(
            lambda v: "–" if pd.isna(v) else f"{v:,.10g}" if isinstance(v, float) else v
        )
        .to_numpy()
        .tolist()
    )
    heads = [c.replace("_", " ").capitalize() for c in ledger]
    text = f"# {_mark(source)}The ledger: published, and this file\n\n{WORDS['ledger']}\n{_table(heads, rows)}"
    (out / "book" / "ledger.md").write_text(text, encoding="utf-8")
    chapters = [{"file": f} for f in ("ledger", *(f"_runs/{r}/{r}" for r in made.runs))]
    contents = {"format": "jb-book", "root": "index", "chapters": chapters}
    (out / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf-8")


def _build(out: Path) -> None:
    """Build the private book and read its pages; `RunError` with the telling lines if it cannot be."""
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        "book",
        "--config",
    ]
    command += [
        "_config.yml",
        "--toc",
        str(out / "_toc.yml"),
        "--path-output",
        ".",
        "-n",
        "-W",
        "--keep-going",
    ]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
    telling = [
        one_line(line)
        for line in lines
        if re.search(r"WARNING|ERROR|[A-Za-z]Error:|exception:", line)
    ]
    faults = (
        (telling or lines[-3:])
        if done.returncode
        else check_pages(out / "_build" / "html")
    )
    raise_faults(
        errors.RunError,
        "The private book was not built",
        faults,
        "The former book, if there was one, is as it was, and finished runs are kept.",
    )
