"""Publications that the rules must refuse, each tried with made-up people.

Some go to `trustlib.protect`, the others the whole way: files, a mapping, a plan, and
`trustbook.sealing.make_release`, with the key and the record of releases in a folder of
their own.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from attack_trials import AXES, People, alike, cells_of, heavy, people
from trustbook.sealing import load_cell_plan, make_release
from trustlib.errors import CodebookError, DesignError, DisclosureError
from trustlib.protection import protect

MAPPING = {
    "source": {"id": "office", "kind": "supplied", "label": "Made up"},
    "file": "people.csv",
    "variables": {
        **{q: {"column": q, "values": {"1": 1, "0": 0}} for q in ("y", "z")},
        **{
            a: {"column": a, "values": {f"{a}0": f"{a}0", f"{a}1": f"{a}1"}}
            for a in AXES
        },
    },
    "design": {"weight": "w"},
}
FINE = {"outcome": "y", "by": list(AXES)}
Draw = np.random.Generator


@contextmanager
def _office() -> Iterator[Path]:
    """A folder with a mapping; keys and records lie in it, too."""
    before = os.environ.get("XDG_CONFIG_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        place = Path(folder)
        (place / "mapping.yml").write_text(yaml.safe_dump(MAPPING))
        try:
            yield place
        finally:
            os.environ.pop("XDG_CONFIG_HOME")
            if before is not None:
                os.environ["XDG_CONFIG_HOME"] = before


def release(folder: Path, frame: pd.DataFrame, sets: dict[str, dict]) -> None:
    """Release tables of a file, and keep the record."""
    frame.to_csv(folder / "people.csv", index=False)
    plan = {"mapping": "mapping.yml", "cells": sets}
    (folder / "cells.yml").write_text(yaml.safe_dump(plan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = load_cell_plan(folder / "cells.yml")
        make_release(read, folder / "people.csv").record()


def frame_of(who: People, rng: Draw) -> pd.DataFrame:
    """The file of some people."""
    columns = {
        name: [f"{name}{i}" for i in levels] for name, levels in who.axes.items()
    }
    frame = pd.DataFrame(columns).assign(id=np.arange(len(who)))
    frame["y"] = who.y.astype(int).astype(str)
    frame["z"] = rng.choice(["0", "1"], len(who))
    return frame.assign(w=who.w.round(6))


def _twice(change: Callable[[pd.DataFrame, int], pd.DataFrame]) -> Callable:
    """A release, and a second one in which one person is changed."""

    def publish(rng: Draw, key: bytes) -> None:
        frame = frame_of(people(rng), rng)
        i = int(rng.integers(len(frame)))
        with _office() as folder:
            release(folder, frame, {"fine": FINE})
            changed = change(frame, i)
            with only_the_second_is_tried():
                release(folder, changed, {"fine": FINE})

    return publish


@contextmanager
def only_the_second_is_tried() -> Iterator[None]:
    """A refusal counts from here on."""
    try:
        yield
    except (CodebookError, DesignError, DisclosureError) as refusal:
        raise _Refused(refusal) from refusal


class _Refused(Exception):
    """The refusal that was to be tried."""

    def __init__(self, refusal: CodebookError | DesignError | DisclosureError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _more(frame: pd.DataFrame, i: int) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[i]].assign(id=len(frame))], ignore_index=True)


def _fewer(frame: pd.DataFrame, i: int) -> pd.DataFrame:
    return frame.drop(index=i).reset_index(drop=True)


def _other_answer(frame: pd.DataFrame, i: int) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[i, "y"] = "0" if changed.loc[i, "y"] == "1" else "1"
    return changed


def _other_cell(frame: pd.DataFrame, i: int) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[i, "b"] = "b0" if changed.loc[i, "b"] == "b1" else "b1"
    return changed


def _trimmed(frame: pd.DataFrame, i: int) -> pd.DataFrame:
    cap = frame["w"].nlargest(2).iloc[1]
    return frame.assign(w=frame["w"].clip(upper=cap))


def _together(
    sets: dict[str, dict],
    lose: Callable[[pd.DataFrame, int], pd.DataFrame] | None = None,
) -> Callable:
    """Tables that are released together."""

    def publish(rng: Draw, key: bytes) -> None:
        frame = frame_of(people(rng), rng)
        i = int(rng.integers(len(frame)))
        if lose is not None:
            frame = lose(frame, i)
        with _office() as folder, only_the_second_is_tried():
            release(folder, frame, sets)

    return publish


def _without(column: str) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    """The file in which one person has no value of a column."""

    def lose(frame: pd.DataFrame, i: int) -> pd.DataFrame:
        changed = frame.astype({column: object})
        changed.loc[i, column] = None
        return changed

    return lose


def _few_df(rng: Draw, key: bytes) -> None:
    """Two to seven degrees of freedom."""
    who = people(rng)
    clinics = int(rng.integers(3, 9))
    psu = np.r_[np.arange(clinics), rng.integers(0, clinics, len(who) - clinics)]
    with only_the_second_is_tried():
        protect(cells_of(replace(who, psu=psu), ["a"]), key)


def _fewer_df_than_cells(rng: Draw, key: bytes) -> None:
    """As many clusters as cells."""
    who = people(rng, 2400)
    more = who.axes | {"d": (rng.random(len(who)) < 0.5).astype(int)}
    psu = np.r_[np.arange(16), rng.integers(0, 16, len(who) - 16)]
    cells = cells_of(replace(who, axes=more, psu=psu), [*AXES, "d"])
    with only_the_second_is_tried():
        protect(cells, key)


def _half_of_an_answer(rng: Draw, key: bytes) -> None:
    """One person carries more than half of an answer."""
    who, _, _ = heavy(rng)
    with only_the_second_is_tried():
        protect(cells_of(who, AXES), key)


def _one_answer(rng: Draw, key: bytes) -> None:
    """Everybody of a cell gave one answer."""
    who, _, _ = alike(rng)
    with only_the_second_is_tried():
        protect(cells_of(who, AXES), key)


REFUSALS: dict[str, Callable[[Draw, bytes], None]] = {
    "a second release: one person more": _twice(_more),
    "a second release: one person fewer": _twice(_fewer),
    "a second release: one answer changed": _twice(_other_answer),
    "a second release: one person in another cell": _twice(_other_cell),
    "a second release: one weight trimmed": _twice(_trimmed),
    "two questions: one person skipped one": _together(
        {"one": FINE, "two": FINE | {"outcome": "z"}}, _without("z")
    ),
    "a margin and finer cells: one person told less": _together(
        {"margin": {"outcome": "y", "by": ["a"]}, "fine": FINE}, _without("c")
    ),
    "cells with weights and without": _together(
        {"one": FINE, "two": FINE | {"weights": "unweighted"}}
    ),
    "cells with weights and with trimmed ones": _together(
        {"one": FINE, "two": FINE | {"weights": "trimmed"}}
    ),
    "2 to 7 degrees of freedom": _few_df,
    "fewer degrees of freedom than cells": _fewer_df_than_cells,
    "half of an answer is one person's": _half_of_an_answer,
    "one answer in a cell": _one_answer,
}


def is_refused(name: str, seed: int) -> bool:
    """Whether a publication is refused, in words that hold no number of people."""
    for again in range(50):
        rng = np.random.default_rng([seed, list(REFUSALS).index(name), again])
        try:
            REFUSALS[name](rng, rng.bytes(32))
        except _Refused as refused:
            return bool(refused.refusal.hint)
        except DisclosureError:
            continue  # the release before it: other people are drawn
        return False
    raise AssertionError(f"{name}: no first release is allowed")
