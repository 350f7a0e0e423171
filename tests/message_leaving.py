"""Messages of what is made to leave, and of `trustlib start`, with what they advise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from partner_steps import (
    Case,
    Step,
    after,
    command,
    environment,
    in_order,
    mapping,
    write,
)

# -- what leaves ------------------------------------------------------------------------


def office(seed: int = 0, rows: int = 400) -> pd.DataFrame:
    """People of a made-up office, each with an id."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"P{seed}{i:05}" for i in range(rows)],
            "trust": rng.choice(["little", "much"], rows),
            "sex": rng.choice(["m", "f"], rows),
            "wt": 1 + rng.integers(0, 3, rows) / 2,
            "psu": np.arange(rows) % 6,
        }
    )


STAFF = office()
LOW = {"outcome": "low_trust", "by": ["gender"]}
OWN = {"kind": "supplied", "label": "A made-up office"}


def released(frame: pd.DataFrame, sets: dict | None = None, verb: str = "compress", **parts: Any) -> Step:  # fmt: skip
    """``trustlib compress`` of a confidential file; its keys lie in the folder of the test."""
    parts = {"source": OWN, "file": "people.csv"} | parts
    files = {
        "people.csv": frame,
        "m.yml": mapping(**parts),
        "cells.yml": yaml.safe_dump(
            {"mapping": "m.yml", "cells": sets or {"trust": LOW}}
        ),
    }

    def step(folder: Path) -> str:
        with environment(XDG_CONFIG_HOME=str(folder / "keys")):
            write(folder, files)
            return command(verb, "cells.yml", "--data", ".")

    return step


def with_keys(change: Any) -> Step:
    """Change the folder of the one survey whose key was made."""

    def step(folder: Path) -> None:
        [survey] = (folder / "keys").rglob("about.json")
        change(survey.parent)

    return step


def change_key(change: Any) -> Step:
    return with_keys(lambda folder: change(folder / "key"))


def kept(folder: Path) -> None:
    """Back up a key, as a partner does."""
    (folder / "backup").write_bytes((folder / "key").read_bytes())


def brought_back(folder: Path) -> None:
    (folder / "key").write_bytes((folder / "backup").read_bytes())
    (folder / "key").chmod(0o600)


def back_up_records(folder: Path) -> None:
    [record] = folder.glob("release-*.parquet")
    (folder / "backup").write_bytes(record.read_bytes())
    record.write_bytes(b"damaged")


def records_brought_back(folder: Path) -> None:
    [record] = folder.glob("release-*.parquet")
    record.write_bytes((folder / "backup").read_bytes())


def not_a_folder(folder: Path) -> str:
    """The place for settings is a file, so that no folder can be made in it."""
    (folder / "keys").write_text("", encoding="utf-8")
    return released(STAFF)(folder)


NEWCOMERS = pd.concat([STAFF, office(1, 5)])
MANY_NEWCOMERS = pd.concat([STAFF, office(1, 200)])
FIVE_PSUS = STAFF.assign(psu=[f"p{i}" for i in range(400)])
# One who said no weighs nearly as much as everybody who said yes.
TRUST = ["little", "much"] * 200
SEX = ["m", "m", "f", "f"] * 100
HEAVY = STAFF.assign(trust=TRUST, sex=SEX, wt=[1, 90, *[1] * 398])
TRIMMED = STAFF.assign(trust=TRUST, sex=SEX, wt=[1, 9, *[1] * 398])
ROUNDED = {"kind": "real", "address": "https://example.org/data", "label": "Made up", "rounding": 5}  # fmt: skip
FIRST = released(STAFF)
LEAVING = (
    Case(
        "These tables together would give single people away, … faults:",
        in_order(FIRST, released(NEWCOMERS)),
        in_order(FIRST, released(MANY_NEWCOMERS)),
        then="written: trust",
        way="wait",
    ),
    Case(
        "Cells … are of the unweighted people of a confidential file: beside the weighted ones they tell the weights of single people.",
        released(STAFF, {"trust": LOW, "plain": LOW | {"weights": "unweighted"}}),
        FIRST,
    ),
    Case(
        "The design has fewer degrees of freedom than the … that … protected cells need: with few clusters the covariance of the totals tells what is in one of them.",
        released(STAFF, {"trust": LOW}, design={"weight": "wt", "psu": "psu"}),
        released(FIVE_PSUS, {"trust": LOW}, design={"weight": "wt", "psu": "psu"}),
    ),
    Case(
        "In … of … cells a few people carry most of the weight of an answer, so that noise of a typical weight would drown it; the first is ….",
        released(HEAVY),
        released(TRIMMED),
        way="trimmed",
    ),
    Case(
        "… are not written: their source asks for numbers of people rounded to multiples of …, and totals with their covariance give the exact ones back.",
        released(STAFF, source=ROUNDED),
        released(STAFF, source=OWN | {"rounding": 5}),
        way="protected cells",
    ),
    Case(
        "Others than you may read the key ….",
        in_order(FIRST, change_key(lambda key: key.chmod(0o644)), FIRST),
        in_order(FIRST, change_key(lambda key: key.chmod(0o644)), change_key(lambda key: key.chmod(0o600)), FIRST),
    ),
    Case(
        "The key … cannot be read.",
        in_order(FIRST, change_key(lambda key: key.unlink()), FIRST),
        in_order(FIRST, with_keys(kept), change_key(lambda key: key.unlink()), with_keys(brought_back), FIRST),
        then="unchanged: trust",
    ),
    Case(
        "The key … is damaged: it has not … bytes.",
        in_order(FIRST, change_key(lambda key: key.write_bytes(b"short")), FIRST),
        in_order(FIRST, with_keys(kept), change_key(lambda key: key.write_bytes(b"short")), with_keys(brought_back), FIRST),
        then="unchanged: trust",
    ),
    Case(
        "The record of an earlier release, …, is damaged.",
        in_order(FIRST, with_keys(back_up_records), FIRST),
        in_order(FIRST, with_keys(back_up_records), with_keys(records_brought_back), FIRST),
        then="unchanged: trust",
    ),
    Case("The folder for keys, …, cannot be made.", not_a_folder, FIRST),
)  # fmt: skip

# -- trustlib start ---------------------------------------------------------------------


def poll(rows: int = 120, **columns: Any) -> pd.DataFrame:
    """A made-up poll: a scale, two identities, ages, a weight, strata and names."""
    scale = ["Not at all", "A little", "Somewhat", "Mostly", "Completely"]
    frame = pd.DataFrame(
        {
            "Trust in your doctor": [scale[i % 5] for i in range(rows)],
            "Gender": ["Man" if i % 2 else "Woman" for i in range(rows)],
            "Disability": ["Yes" if i % 3 else "No" for i in range(rows)],
            "Age": [88 if i < 12 else 18 + i * 11 % 70 for i in range(rows)],
            "Name": [f"Ann Smith {i}" for i in range(rows)],
            "Weight": [1 + i % 4 / 10 for i in range(rows)],
            "Region": ["north" if i < rows // 2 else "south" for i in range(rows)],
            "Town": ["" if i < 12 else f"t{i % 9}" for i in range(rows)],
        }
    )
    return frame.assign(**columns)


# The questions of a session, and what is answered to each.
ANSWERS = {
    "outcome": "1",
    "yes": "1,2",
    "label": "Low trust in the doctor",
    "identities": "1,2",
    "reference": "woman",
    "weight": "Weight",
    "units": "Region",
    "name": "A poll",
    "kind": "3",
    "folder": ".",
    "now": "n",
}
# The same with ages, of which bands are asked.
WITH_AGES = {
    name: {"identities": "1,3", "reference": "18-34, 35-54, 55+\nwoman"}.get(
        name, answer
    )
    for name, answer in ANSWERS.items()
}


def session(answers: dict[str, str], **files: str) -> Step:
    """``trustlib start``, answered so."""
    typed = "".join(f"{answer}\n" for answer in answers.values())
    return after({"poll.csv": poll(), **files}, "start", "poll.csv", typed=typed)


def tried(question: str, wrong: str, answers: dict[str, str] = ANSWERS) -> Step:
    """The same, with another answer to one question before."""
    return session(answers | {question: f"{wrong}\n{answers[question]}"})


def asked(
    message: str, question: str, wrong: str, answers: dict[str, str] = ANSWERS
) -> Case:
    """What is said to an answer that does not fit, and what is made of one that does."""
    return Case(message, tried(question, wrong, answers), session(answers), "Written: ")


def by_country(millions: str) -> Step:
    """The same of a poll in two countries of her own."""
    answers = ANSWERS | {"identities": "1,5", "units": f"Region\n{millions}"}
    answers["reference"] = ""
    typed = "".join(f"{answer}\n" for answer in answers.values())
    frame = poll(Country=["Austria" if i % 4 < 2 else "Norway" for i in range(120)])
    return after({"poll.csv": frame}, "start", "poll.csv", typed=typed)


START = (
    Case(
        "Beside the outcome the file has no column of which … can be made.",
        after(
            {"poll.csv": poll()[["Gender", "Name"]]},
            "start", "poll.csv", typed="Gender\n\n1\nMen\n",
        ),
        session(ANSWERS),
        "Written: ",
    ),
    asked("Give the number 1.", "outcome", "2"),
    asked("Give numbers from 1 to …, such as 1 or 1,2.", "yes", "6"),
    asked(
        "Write bands with commas between them, such as 18-34, 35-54, 55+.",
        "reference",
        "young; old",
        WITH_AGES,
    ),
    Case(
        "Give … numbers above 0 with blanks between them, such as 9.1 8.9, or ….",
        by_country("9.1\n9.1 8.9"),
        by_country("9.1 8.9"),
        "Written: ",
    ),
    asked("Give one number from 1 to ….", "kind", "1,2"),
    asked("These bands do not follow each other: …. …", "reference", "18-34, 40-54, 55+", WITH_AGES),
    asked(
        "No column that can be used here has these words in its name, label or answers. Try one word of the question.",
        "outcome",
        "hospital",
    ),
    asked("Not offered, as they may hold personal details: ….", "outcome", "name"),
    asked("One answer at least must not count.", "yes", "1-5"),
    asked(
        "Some people are outside of these bands. Let the first begin lower (or write up to 34) and the last stay open (55+).",
        "reference",
        "18-34, 35-54",
        WITH_AGES,
    ),
    asked(
        "Give a name as it is listed above, or …; of a name that two of them have the order is changed in the mapping.",
        "reference",
        "women",
    ),
    asked(
        "This column holds something else than numbers above zero. Name another, or none.",
        "weight",
        "Gender",
    ),
    asked("Give strata, PSU; or strata; or , PSU; or ….", "units", "Region, Town, Name"),
    asked(
        "Some people have no value of this column, so it cannot be of the design. Name another, or ….",
        "units",
        "Town",
    ),
    asked("Give a few words.", "label", " "),
    asked("This is a file. Name a folder.", "folder", "poll.csv"),
    Case(
        "Give a name of letters, digits, - and _ that ends in .yml, such as mapping-2.yml.",
        session(ANSWERS | {"folder": ".\nn\nmy mapping\nm-2.yml"}, **{"mapping.yml": ""}),
        session(ANSWERS | {"folder": ".\nn\nm-2.yml"}, **{"mapping.yml": ""}),
        "m-2.yml",
    ),
    asked("Type y for yes, or n for no.", "now", "maybe"),
)  # fmt: skip
