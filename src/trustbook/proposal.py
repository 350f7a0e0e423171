"""A first mapping of a survey file: what a mapping might say, as comments that its user decides on.

An answer is written only if at least 10 people gave it: neither a rare text nor an identifier leaves the file. Words by
which columns and answers are recognised are in ``words.yml`` beside this module.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.runs import source_kind
from trustlib.answers import code_of, numbers_of, plain
from trustlib.disclosure import MINIMUM
from trustlib.escaping import one_line_of, visible, yaml_string
from trustlib.files import read_table
from trustlib.schema import load_yaml

WORDS = load_yaml(Path(__file__).with_name("words.yml"))
MAX_ANSWERS = 25
_FACTS = """import json, sys, pyreadstat
_, meta = getattr(pyreadstat, sys.argv[1])(sys.argv[2], metadataonly=True, user_missing=True)
print(json.dumps([meta.column_names_to_labels, meta.missing_ranges, getattr(meta, "mr_sets", {})]))"""


def first_mapping(file: str | Path, encoding: str | None = None) -> str:
    """A mapping to begin with, as YAML whose proposals are comments.

    Parameters
    ----------
    file : path
        .csv, .csv.gz, .sav, .zsav, .dta or .parquet.
    encoding : str, optional
        See `trustlib.files.read_table`.

    Returns
    -------
    str
        Each column with a name from the codebook where its name or label suggests one, its answers if at least 10
        people gave them, those that seem to mean missing, and candidates for weights, strata, PSUs and replicates.
        The encoding, if it was given.

    Raises
    ------
    MissingFileError, SurveyFileError
    """
    raw, labels = read_table(file, encoding)
    titles, declared, sets = _facts(Path(file))
    name, kind = (
        yaml_string(visible(Path(file).name.partition(".")[0])),
        source_kind(Path(file)) or "supplied",
    )
    lines = [
        WORDS["head"] + (f"encoding: {yaml_string(encoding)}\n" if encoding else "")
    ]
    lines[0] += f"source:\n  id: {name}\n  kind: {kind}\n  label: {name}\nvariables:"
    listed = {c for made in sets.values() for c in made["variable_list"]}
    taken: set[str] = set()
    design = _design(raw)
    for column in (
        c for c in raw if not any(c in columns for columns in design.values())
    ):
        title, known = visible(titles.get(column) or "", 160), labels.get(column, {})
        absent = raw[column].isin(raw.attrs.get("missing", {}).get(column, []))
        told = ", ".join(
            _spelt(v, known)
            for v, n in raw.loc[absent, column].value_counts().items()
            if n >= MINIMUM
        )
        lines += [f"\n## {yaml_string(column)}{': ' + title if title else ''}"]
        lines += [
            f"## declared missing in the file, and kept apart: {visible(told, 160) or 'rare answers'}"
        ] * (column in declared)
        lines += _proposal(
            raw[column].mask(absent), absent, title, known, taken, column in listed
        )
    lines += [
        f"## columns that belong together, {yaml_string(key)}: {one_line_of(made['variable_list'])}"
        for key, made in sets.items()
    ]
    lines.append("\n# design:" if design else "")
    lines += [] if "weight" in design else [WORDS["unweighted"]]
    for key, columns in design.items():
        lists = key == "replicate_weights"
        lines += [
            f"{'## or' if i else '#  '} {key}: {yaml_string(c)}"
            for i, c in enumerate([columns] if lists else columns)
        ]
        lines += (
            WORDS["replicates"]
            .format(n=len(columns), scale=1 - 1 / len(columns))
            .splitlines()
            if lists
            else []
        )
    return "\n".join(lines) + "\n"


def _facts(path: Path) -> tuple[dict, dict, dict]:
    """Labels of columns, values declared missing and sets of columns, of SPSS and Stata files."""
    reader = {".sav": "read_sav", ".zsav": "read_sav", ".dta": "read_dta"}.get(
        path.suffix.lower()
    )
    command = [sys.executable, "-c", _FACTS, str(reader), str(path)]
    done = subprocess.run(command, capture_output=True, check=False) if reader else None
    return (
        tuple(json.loads(done.stdout)) if done and not done.returncode else ({}, {}, {})
    )  # type: ignore[return-value]


def _spaced(column: str) -> str:
    """A name as words: ``BirthGender`` is ``birth gender``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W]+|(?<=[^\W\d])(?=\d)", " ", column).lower()


def _design(raw: pd.DataFrame) -> dict[str, list[str]]:
    """Candidates for the columns of the design, by name and content."""
    found = {
        key: [c for c in raw if re.search(words, _spaced(c))]
        for key, words in WORDS["design"].items()
    }
    numbers = {c: _numbers(raw, c) for c in found["weight"]}
    weights = [
        c
        for c, n in numbers.items()
        if n.notna().all() and (n >= 0).all() and (n % 1 != 0).any()
    ]
    stems = pd.Series(
        [c.rstrip("0123456789") for c in weights], dtype=object
    ).value_counts()[lambda n: n > MINIMUM]
    series = [
        c
        for c in weights
        for stem in stems.index[:1]
        if re.fullmatch(rf"{re.escape(stem)}0*[1-9]\d*", c)
    ]
    found |= {
        "weight": [c for c in weights if c not in series],
        "replicate_weights": series,
    }
    return {key: columns for key, columns in found.items() if columns}


def _numbers(raw: pd.DataFrame, column: str) -> pd.Series:
    """A column as numbers; none if its decimals are written in two ways."""
    try:
        return numbers_of(raw[column], raw.attrs.get("decimal", "."))
    except ValueError:
        return pd.Series(float("nan"), raw.index)


def _proposal(
    column: pd.Series,
    absent: pd.Series,
    title: str,
    labels: dict,
    taken: set[str],
    listed: bool,
) -> list[str]:
    """What a mapping may say of one column; adds the name of the variable to `taken`.

    `absent` are the people whose answer the file declares missing; `listed` columns belong to a list of things to tick.
    """
    name, filled = (
        str(column.name),
        column.notna() & (column.astype(str).str.strip() != ""),
    )
    counts = column[filled].value_counts()
    texts = (_spaced(name), title.lower())
    guess = next(
        (
            v
            for text in texts
            for v, words in WORDS["columns"].items()
            if re.search(words, text)
        ),
        "",
    )
    hint = [f"## may be {guess} of the codebook"] if guess else []
    if len(counts) > MAX_ANSWERS:
        return [
            *hint,
            f"## {len(counts)} different answers, of which none is written; to use it, group them first",
        ]
    answers = {
        _spelt(value, labels): value
        for value in counts[counts >= MINIMUM].sort_index().index
    }
    missing = _absent(answers, labels)
    kept = [text for text in answers if text not in missing]
    ticked = kept[:1] if len(kept) == 1 and (~filled & ~absent).sum() >= MINIMUM else []
    ticked = (
        ticked
        if listed
        or any(
            re.search(WORDS["answers"]["outcome"][1], text.lower()) for text in ticked
        )
        else []
    )
    rare = [
        f"## further answers, each of fewer than {MINIMUM} people: {n}"
        for n in [len(counts) - len(answers)]
        if n
    ]
    if len(kept) < 2 and not ticked:
        return [
            *hint,
            *rare,
            f"## answers that at least {MINIMUM} people gave: {len(kept)}, so nothing to compare",
        ]
    levels = WORDS["answers"].get(guess, WORDS["answers"]["outcome"])
    meant = [
        next(
            (
                level
                for level, words in levels.items()
                if re.search(words, text.lower())
            ),
            None,
        )
        for text in kept
    ]
    fits, binary = None not in meant, 0 in levels
    if ticked:
        meant, fits, binary = [1], True, True
    slug = re.sub(r"\W+", "_", name).strip("_").lower() or "column"
    own = guess if guess not in ("", "low_trust") and (fits != binary) else slug
    own = next(
        n
        for n in (own, slug, *(f"{slug}_{i}" for i in range(2, len(taken) + 3)))
        if n not in taken
    )
    taken.add(own)
    order = [level for level in levels if level in meant] if fits else kept
    lines = [
        f"  {yaml_string(own)}:",
        f"    column: {yaml_string(name)}",
        f"    label: {yaml_string(title or name)}",
    ]
    lines += [] if fits and binary else [f"    levels: {yaml_string(order)}"]
    lines += [
        "    values:",
        *(
            f"      {yaml_string(t)}: {yaml_string(to)}"
            for t, to in zip(kept, meant if fits else kept, strict=True)
        ),
    ]
    lines += ["    blank: 0"] if ticked else []
    lines += (
        [
            "    missing:",
            *(
                f"      {yaml_string(text)}: {yaml_string(kind)}"
                for text, kind in missing.items()
            ),
        ]
        if missing
        else []
    )
    rare += [WORDS["blank"]] if ticked else []
    return [*(hint if own != guess else []), *("# " + line for line in lines), *rare]


def _spelt(value: Any, labels: dict) -> str:
    """How an answer is written in a mapping: its label if only it has this one, else its code, else both."""
    label = labels.get(value, "")
    code = code_of(value) if not isinstance(value, str) else None
    own = code or plain(str(value))
    others = [code for code in labels if code != value]
    if own in [labels[code] for code in others]:
        return f"[{own}] {label}" if label else own
    if not label or label in [labels[code] for code in others]:
        return own
    if label in [code_of(code) or plain(str(code)) for code in others]:
        return f"[{own}] {label}"
    return label


def _absent(answers: Mapping[str, Any], labels: dict) -> dict[str, str]:
    """Answers that seem to mean missing: by their words, or as codes such as -1 and 9 that stand apart."""
    codes = {
        text: pd.to_numeric(text, errors="coerce")
        for text, value in answers.items()
        if value not in labels
    }
    usual = max((c for c in codes.values() if c not in WORDS["spare_codes"]), default=0)
    spare = [c for c in codes.values() if c in WORDS["spare_codes"] and c > usual]
    found = {
        text: text
        for text in answers
        if re.search(WORDS["missing"], text, re.IGNORECASE)
    }
    alone = {
        text
        for text, c in codes.items()
        if c < 0 or (c in spare and min(spare) > usual + 1)
    }
    return found | {text: f"code {text}, to be checked" for text in alone - set(found)}
