"""Reasons that tables together, or a model, cannot be shown, with what brings them and what they advise."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

import trustlib as tl
from message_books import quick
from partner_steps import Case, Step, after, mapping, within

# -- tables beside each other -----------------------------------------------------------

Counts = Mapping[tuple[str, ...], tuple[int, int]]


def crossed(counts: Counts, *names: str, **columns: Any) -> pd.DataFrame:
    """People by their levels: so many without the outcome, and so many with it."""
    rows = [
        (*levels, str(answer))
        for levels, people in counts.items()
        for answer, n in enumerate(people)
        for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=[*names, "y"]).assign(**columns)


def public(frame: pd.DataFrame) -> Step:
    """A public edition, without executing its runs."""
    return within(quick, planned(frame, "--edition", "public", plan=()))


def planned(frame: pd.DataFrame, *words: str, plan: tuple = ("--plan",)) -> Step:
    """The plan of a book of people, in which y, z and so on are outcomes, and all else identities."""
    variables: dict[str, Any] = {}
    for name in frame:
        values: dict[str, Any] = {str(v): str(v) for v in sorted(set(frame[name])) if v}
        if name in ("y", "z"):
            values = {"0": 0, "1": 1}
        variables[name] = {"column": name, "values": values}
    given = dict.fromkeys(("low_trust", "gender")) | variables
    files = {"people.csv": frame, "m.yml": mapping(given, design={})}
    return after(files, "reproduce", "people.csv", "--mapping", "m.yml", *plan, *words)  # fmt: skip


EVEN = dict.fromkeys(product("ab", "mn"), (40, 60))
ASKED = crossed(EVEN, "one", "two")
STRICT = ASKED.assign(z=ASKED["y"])
STRICT.loc[STRICT.index[STRICT["y"] == "1"][:5], "z"] = "0"
# Nearly everybody of one cell was asked z too, and half of all others.
PARTLY = [i >= 95 if i < 100 else i % 2 == 0 for i in range(400)]
SKIPPED = ASKED.assign(
    z=["" if skip else str(i // 3 % 2) for i, skip in enumerate(PARTLY)]
)
LARGE_BESIDE = crossed(
    dict.fromkeys(product("ab", "mn", "xy"), (40, 40))
    | {("a", "n", "y"): (2, 2), ("b", "n", "y"): (30, 30)},
    "one",
    "two",
    "three",
)
RELATED = crossed(
    {
        ("a", "m"): (40, 40),
        ("b", "n"): (30, 30),
        ("c", "o"): (30, 30),
        ("c", "n"): (4, 4),
    },
    "one",
    "two",
)


TABLES = (
    Case(
        "beside … it would tell of fewer than 10 people who answered only one of the two",
        planned(SKIPPED),
        planned(SKIPPED, "--outcome", "y"),
    ),
    Case(
        "of two outcomes, one of which implies the other, fewer than 10 people have only one: …",
        planned(STRICT),
        planned(STRICT, "--outcome", "y"),
    ),
    Case(
        "its cells are large enough, but beside the other tables it would allow subtraction; run again with …",
        planned(LARGE_BESIDE),
        planned(LARGE_BESIDE, "--axis", "two", "--axis", "three"),
    ),
    Case(
        "it is made from the rows of the file, which only the private edition reads",
        planned(ASKED, "--edition", "public"),
        planned(ASKED),
    ),
    Case(
        "some of its cells have too few people, by themselves, beside other tables or for the noise; the private edition says which",
        public(crossed({("a",): (60, 60), ("b",): (4, 4)}, "one")),
        planned(crossed({("a",): (60, 60), ("b",): (4, 4)}, "one")),
        then="fewer than 10 people, or nobody",
    ),
    Case(
        "… stand together, because tables of finer levels could be subtracted from each other",
        planned(RELATED),
        planned(RELATED, "--axis", "one"),
    ),
)  # fmt: skip

# -- models -----------------------------------------------------------------------------


def cells(frame: pd.DataFrame, *by: str, **design: Any) -> tl.Cells:
    """The cells of a numeric outcome y."""
    made = tl.SurveyDesign(frame, **{"weight": None, **design})
    return tl.compress(made, "y", list(by))


def fitted(frame: pd.DataFrame, formula: str, *by: str, **design: Any) -> Step:
    """A model of the cells of some identities."""

    def step(folder: Path) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return repr(tl.fit_logit(cells(frame, *by, **design), formula))

    return step


def shown(frame: pd.DataFrame, *by: str) -> Step:
    """The percentages of the cells as a table of a page."""
    return lambda folder: str(tl.table(tl.cell_means(cells(frame, *by))))


def numbers(counts: Counts, *names: str) -> pd.DataFrame:
    """The same people, with an outcome of numbers."""
    return crossed(counts, *names).assign(y=lambda frame: frame["y"].astype(float))


rng = np.random.default_rng(1)
NEAR = rng.integers(0, 20, 400).astype(float)
ANSWERS = (rng.random(400) < 1 / (1 + np.exp(1 - 0.1 * NEAR))).astype(float)
FAR = pd.DataFrame({"year": NEAR + 1e5, "y": ANSWERS})
FARTHER = FAR.assign(year=NEAR + 1e9)
BANDED = FAR.assign(year=np.where(NEAR < 10, "early", "late"))
PURE = numbers({("a", "m"): (20, 20), ("a", "n"): (20, 20), ("b", "m"): (20, 20), ("b", "n"): (0, 40)}, "one", "two")  # fmt: skip
EMPTY = numbers({("a", "m"): (20, 20), ("a", "n"): (20, 20), ("b", "m"): (20, 20)}, "one", "two")  # fmt: skip
SAME = numbers({("a", "m"): (20, 20), ("b", "m"): (20, 20)}, "one", "two")
TWO = numbers({("a",): (20, 20), ("b",): (20, 20)}, "one")


def no_solution() -> Any:
    """A machine whose LAPACK gives up, as it does on numbers of extreme size."""
    gave_up = np.linalg.LinAlgError("SVD did not converge in Linear Least Squares")
    return mock.patch("numpy.linalg.lstsq", side_effect=gave_up)


def without_lapack(step: Step) -> Step:
    def inside(folder: Path) -> Any:
        with no_solution():
            return step(folder)

    return inside


def replicated(first: Any, **more: Any) -> dict[str, Any]:
    """People with two replicate weights, of which the first may make a cell empty."""
    frame = TWO.assign(wt=1.0, r1=first, r2=[2.0 - i % 2 for i in range(80)])
    return {"frame": frame, "weight": "wt", "replicate_weights": ["r1", "r2"]} | more


B = TWO["one"] == "b"
JK1 = {"replicate_method": "JK1"}
NO_YES = replicated(np.where(B & (TWO["y"] == 1), 0.0, 1.0), **JK1)
NO_B = replicated(np.where(B, 0.0, 1.0), **JK1)
BELOW = replicated(np.full(80, -1.0), replicate_scale=0.5)
BELOW_IN_B = replicated(np.where(B, -0.1, 1.0), replicate_scale=0.5)


def replicate_fit(given: dict[str, Any], formula: str, *by: str) -> Step:
    options = {name: value for name, value in given.items() if name != "frame"}
    return fitted(given["frame"], formula, *by, **options)


def replicate_means(given: dict[str, Any], *by: str) -> Step:
    """Percentages and their gaps, without a model."""
    options = {name: value for name, value in given.items() if name != "frame"}

    def step(folder: Path) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            means = tl.cell_means(cells(given["frame"], *by, **options))
            return str(tl.table(tl.comparisons(means)))

    return step


MODELS = (
    Case(
        "… is not shown: … of … rows rest on fewer than … people with the outcome, or without it, or in all, or one person has most of the weight of an answer (…).",
        shown(numbers({("a",): (40, 40), ("b",): (20, 20), ("c",): (3, 3)}, "one"), "one"),
        shown(numbers({("a",): (40, 40), ("b or c",): (23, 23)}, "one"), "one"),
    ),
    Case(
        "No finite estimate exists: in … cells everyone or nobody has … (such as …), which these terms predict perfectly: ….",
        fitted(PURE, "one * two", "one", "two"),
        lambda folder: str(tl.cell_means(cells(PURE, "one", "two"))),
    ),
    Case(
        "… of … coefficients cannot be estimated: … (…).",
        fitted(EMPTY, "one * two", "one", "two"),
        fitted(EMPTY, "one + two", "one", "two"),
    ),
    Case(
        "Everyone has the same level … of …, so it has no coefficient.",
        fitted(SAME, "one + two", "one", "two"),
        fitted(SAME, "one", "one"),
    ),
    Case(
        "The fit did not converge in 100 steps.",
        fitted(FAR, "year", "year"),
        fitted(BANDED, "year", "year"),
    ),
    Case(
        "The fit failed: …",
        without_lapack(fitted(FAR, "year", "year")),
        without_lapack(fitted(BANDED, "year", "year")),
    ),
    Case(
        "The solution misses the score equations: terms are nearly aliased.",
        fitted(FARTHER, "year", "year"),
        fitted(BANDED, "year", "year"),
    ),
    Case(
        "The fit did not converge under … of … sets of replicate weights.",
        replicate_fit(NO_YES, "one", "one"),
        replicate_fit(NO_YES, "1"),
    ),
    Case(
        "Under some replicate weights a coefficient cannot be estimated.",
        replicate_fit(NO_B, "one", "one"),
        replicate_fit(NO_B, "1"),
    ),
    Case(
        "The weights of replicate … do not add up to more than zero.",
        replicate_fit(BELOW, "one", "one"),
        replicate_means(BELOW, "one"),
    ),
    Case(
        "The sum of the weights of replicate … is negative in cell …, so that no model can be fitted there.",
        replicate_fit(BELOW_IN_B, "one", "one"),
        replicate_fit(BELOW_IN_B, "1"),
        way="coarser levels",
    ),
    Case(
        "The sum of the weights of replicate … is negative in cell …, so that no model can be fitted there.",
        replicate_fit(BELOW_IN_B, "one", "one"),
        replicate_means(BELOW_IN_B, "one"),
        way="percentages",
    ),
)  # fmt: skip
