"""Write a small SPSS file of made-up people, to practise the partner guide on: ``python practice.py FILE.sav``.

Nobody was asked anything. The same call writes the same answers.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

LABELS = {
    "Q1": {1: "Yes", 2: "No", 9: "Prefer not to say"},
    "SEX": {1: "Male", 2: "Female", 3: "Non-binary"},
    "ETH": {1: "White", 2: "Asian", 3: "Black", 4: "Mixed or other"},
    "DIS": {1: "Yes", 2: "No"},
    "REGION": {1: "North", 2: "South"},
}
TITLES = {
    "RESPID": "Number of the interview",
    "Q1": "Have you ever had an experience that damaged your trust in a healthcare provider?",
    "SEX": "Gender",
    "ETH": "Ethnic background",
    "DIS": "Do you have a disability?",
    "REGION": "Region",
    "WT": "Final weight",
}


def people(number: int = 2400, seed: int = 20260) -> pd.DataFrame:
    """Made-up answers: a little more often yes for some groups, and uneven weights."""
    draw = np.random.default_rng(seed)
    sex = draw.choice([1, 2], number)
    sex[:6] = 3  # so few that no answer of theirs may be shown
    ethnicity = draw.choice([1, 2, 3, 4], number, p=[0.76, 0.1, 0.08, 0.06])
    disabled = draw.choice([1, 2], number, p=[0.22, 0.78])
    chance = 0.4 + 0.06 * (sex == 2) + 0.1 * (ethnicity > 1) + 0.15 * (disabled == 1)
    answer = np.where(draw.random(number) < chance, 1, 2)
    answer[draw.random(number) < 0.03] = 9
    return pd.DataFrame(
        {
            "RESPID": np.arange(1, number + 1),
            "Q1": answer,
            "SEX": sex,
            "ETH": ethnicity,
            "DIS": disabled,
            "REGION": draw.choice([1, 2], number),
            "WT": np.round(draw.lognormal(0, 0.35, number), 4),
        }
    ).astype(float)


if __name__ == "__main__":
    made = people()
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    pyreadstat.write_sav(
        made,
        sys.argv[1],
        column_labels=TITLES,
        variable_value_labels=LABELS,
        missing_ranges={"Q1": [9]},
    )
    print(f"{len(made)} made-up people: {sys.argv[1]}")
