"""What the tests of *When one machine is not enough* share: its people, its plan, its commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

PAGE = Path(__file__).parents[1] / "book" / "one-machine.md"
GENDERS = ["woman", "man"]  # not in the order of the alphabet
AGES = ["18 to 34", "35 to 54", "55 and older"]


def people(size: int = 4000) -> pd.DataFrame:
    """Made-up people in regions and units, some without an answer or an age."""
    random = np.random.default_rng(20261129)
    frame = pd.DataFrame(
        {
            "gender": pd.Categorical(random.choice(GENDERS, size), categories=GENDERS),
            "age_band": random.choice(AGES, size),
            "region": random.choice(["north", "south", "west"], size),
            "psu": random.integers(0, 12, size),
            "wave": random.choice([2022, 2024], size),
            "weight": random.lognormal(0, 0.6, size),
        }
    )
    chance = 0.3 + 0.2 * (frame["gender"] == "woman")
    frame["angry"] = (random.random(size) < chance).astype(float)
    frame.loc[random.random(size) < 0.05, "angry"] = np.nan
    frame.loc[random.random(size) < 0.03, "age_band"] = None
    return frame


@dataclass(frozen=True)
class Command:
    """A command of the page, and the lines that it prints."""

    words: list[str]
    lines: list[str]


def blocks(language: str) -> list[str]:
    """The blocks of the page in one language."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[Command]:
    found = []
    for block in blocks("console"):
        first, *lines = block.splitlines()
        found.append(Command(shlex.split(first.removeprefix("$ ")), lines))
    return found


def plan_text() -> str:
    (plan,) = blocks("yaml")
    return plan


def python_blocks() -> list[str]:
    return blocks("python")
