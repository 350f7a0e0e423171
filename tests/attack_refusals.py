"""Publications that the rules must refuse: each is tried with made-up people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from attack_trials import AXES, alike, cells_of, heavy, people
from trustlib.errors import DesignError, DisclosureError
from trustlib.protection import protect


def _few_df(rng: np.random.Generator, key: bytes) -> None:
    """Two to seven degrees of freedom."""
    who = people(rng)
    clinics = int(rng.integers(3, 9))
    psu = np.r_[np.arange(clinics), rng.integers(0, clinics, len(who) - clinics)]
    protect(cells_of(replace(who, psu=psu), ["a"]), key)


def _fewer_df_than_cells(rng: np.random.Generator, key: bytes) -> None:
    """As many clusters as cells."""
    who = people(rng)
    who = replace(who, axes=who.axes | {"d": (rng.random(len(who)) < 0.5).astype(int)})
    psu = np.r_[np.arange(16), rng.integers(0, 16, len(who) - 16)]
    protect(cells_of(replace(who, psu=psu), [*AXES, "d"]), key)


def _half_of_an_answer(rng: np.random.Generator, key: bytes) -> None:
    """One person carries more than half of an answer."""
    who, _, _ = heavy(rng)
    protect(cells_of(who, AXES), key)


def _one_answer(rng: np.random.Generator, key: bytes) -> None:
    """Everybody of a cell gave one answer."""
    who, _, _ = alike(rng)
    protect(cells_of(who, AXES), key)


REFUSALS: dict[str, Callable[[np.random.Generator, bytes], None]] = {
    "2 to 7 degrees of freedom": _few_df,
    "fewer degrees of freedom than cells": _fewer_df_than_cells,
    "half of an answer is one person's": _half_of_an_answer,
    "one answer in a cell": _one_answer,
}


def is_refused(name: str, seed: int) -> bool:
    """Whether a publication is refused, in words."""
    rng = np.random.default_rng([seed, 1])
    try:
        REFUSALS[name](rng, rng.bytes(32))
    except (DesignError, DisclosureError) as refusal:
        return bool(refusal.hint)
    return False
