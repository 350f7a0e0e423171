"""A small survey whose numbers are worked by hand; it is written as every kind of file.

Six strata of two PSUs, in each of which every cell of gender and ethnicity has 12
people. In the first PSU of a stratum `YES` of them report mistrust, in the second as
many and `MORE` of that stratum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

CELLS = [(g, e) for g in ("man", "woman") for e in ("majority", "minority")]
YES = dict(zip(CELLS, (3, 5, 4, 7), strict=True))
MORE = {
    ("man", "majority"): (1, 1, 2, 0, 1, -1),
    ("man", "minority"): (2, 0, 1, 1, 3, 0),
    ("woman", "majority"): (0, 1, 1, 2, -1, 0),
    ("woman", "minority"): (1, 3, -1, 1, 0, 2),
}
# Of the people in each stratum.
WEIGHTS = (1, 2, 3, 1, 2, 4)
PSUS = (1, 2)
SIZE = 12
CODES = {"man": 1, "woman": 2, "majority": 1, "minority": 2}
LABELS = {
    "trust": {1: "Yes", 0: "No"},
    "sex": {1: "Man", 2: "Woman"},
    "group": {1: "Majority", 2: "Minority"},
}
MAPPING = """\
source: {id: made, kind: synthetic, label: made up for a test}
variables:
  mistrust: {column: trust, values: {"Yes": 1, "No": 0}}
  gender: {column: sex, values: {Man: man, Woman: woman}}
  ethnicity: {column: group, values: {Majority: majority, Minority: minority}}
design: {weight: weight, strata: stratum, psu: psu, nest: true}
"""


def share(cell: tuple[str, str], weights: Sequence[float] = WEIGHTS) -> float:
    """The weighted share of a cell that reports mistrust."""
    people = 2 * SIZE * sum(weights)
    more = sum(w * d for w, d in zip(weights, MORE[cell], strict=True))
    return (2 * YES[cell] * sum(weights) + more) / people


def error_of(
    cells: dict[tuple[str, str], float], weights: Sequence[float] = WEIGHTS
) -> float:
    """The standard error of a sum of shares, each times its number.

    Two PSUs with totals a and b add (a - b)^2 to the variance.
    """
    people = 2 * SIZE * sum(weights)
    variance = 0.0
    for h, weight in enumerate(weights):
        difference = sum(times * MORE[cell][h] for cell, times in cells.items())
        variance += (weight * difference / people) ** 2
    return math.sqrt(variance)


def people() -> pd.DataFrame:
    """One row per person, as codes."""
    rows = []
    for stratum, weight in enumerate(WEIGHTS):
        for psu in PSUS:
            for cell in CELLS:
                gender, ethnicity = cell
                yes = YES[cell]
                if psu == 2:
                    yes += MORE[cell][stratum]
                for number in range(SIZE):
                    row = {
                        "trust": int(number < yes),
                        "sex": CODES[gender],
                        "group": CODES[ethnicity],
                        "weight": float(weight),
                        "stratum": stratum,
                        "psu": psu,
                    }
                    rows.append(row)
    return pd.DataFrame(rows)


def write(folder: Path) -> None:
    """Write the survey as SPSS, CSV and Parquet, and its mapping."""
    import pyreadstat

    frame = people()
    file = str(folder / "survey.sav")
    pyreadstat.write_sav(frame, file, variable_value_labels=LABELS)
    texts = frame.replace(LABELS)
    texts.to_csv(folder / "survey.csv", index=False)
    texts.to_parquet(folder / "survey.parquet", index=False)
    (folder / "mapping.yml").write_text(MAPPING)


if __name__ == "__main__":
    write(Path("."))
