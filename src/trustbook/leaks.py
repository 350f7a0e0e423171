"""Does anything of a respondent stand in what is published? A search for rows and identifiers in built folders."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pandas as pd


def leaks(folder: str | Path, frame: pd.DataFrame) -> list[str]:
    """Texts below a folder in which values of a respondent stand.

    Parameters
    ----------
    folder : path
        What is published: pages, notebooks, tables, scripts.
    frame : DataFrame
        The survey file as it is, one row per person (`trustlib.files.read_table`).

    Returns
    -------
    list of str
        Files, relative to `folder`, that hold a number of nine digits or more of somebody (a weight, an id), also
        rounded to six decimals, or side by side two values that stand side by side in the file and that at most three
        people share. No value is repeated.
    """
    numbers, pairs = set[str](), Counter[tuple[str, str]]()
    if frame.attrs.get("decimal") == ",":  # what is published has points
        frame = frame.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    for row in frame.astype(str).itertuples(index=False, name=None):
        fields = _fields(",".join(row))
        long = {v for v in fields if re.fullmatch(r"[\d.]{9,}", v)}
        numbers |= long | {f"{float(v):.6f}" for v in long if v.count(".") == 1}
        pairs.update(
            {
                pair
                for pair in pairwise(fields)
                if long.isdisjoint(pair) and len("".join(pair)) >= 8
            }
        )
    rare = {pair for pair, people in pairs.items() if people <= 3}
    found = []
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8", errors="ignore")
        if not (
            numbers.isdisjoint(re.findall(r"[\d.]{9,}", text))
            and rare.isdisjoint(pairwise(_fields(text)))
        ):
            found.append(path.relative_to(folder).as_posix())
    return found


def _fields(text: str) -> list[str]:
    """What stands between commas, other marks of columns, lines and cells of HTML tables; quotes are left out."""
    plain = re.sub(r"<[^<>]*>|\\[nt]|[][{}:;\t\n|]", ",", text).translate(
        str.maketrans("", "", "\"'\\")
    )
    return [field for field in map(str.strip, plain.split(",")) if field]
