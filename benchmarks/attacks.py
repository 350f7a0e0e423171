"""How often do attacks on what is published hit, with protection and without it?

Run ``python benchmarks/attacks.py`` from the top of the repository (about fifteen
minutes of CPU; numbers after it are those of the trials and of the processes). For each kind of secret it
draws made-up surveys (`tests/attack_trials.py`), publishes them exactly, protected
without the rules of a release, and protected with them, and lets the attack guess. The
base is the best guess from margins and prior. With protection the hits may exceed it by
three binomial standard errors. What the rules must refuse is tried too. It writes
``data/protection/attacks.csv`` and ``data/protection/refusals.csv``, which the tests read.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from attack_refusals import REFUSALS, is_refused  # noqa: E402
from attack_trials import DRAWS, Trial, drawn  # noqa: E402
from trustlib.writing import write_together  # noqa: E402

TRIALS_OF_EACH = 1_000
REFUSALS_OF_EACH = 100
FOLDER = ROOT / "data" / "protection"


@dataclass
class Hits:
    """How often each kind of publication was hit."""

    off: int = 0
    noise_alone: int | None = None
    on: int = 0
    base: int = 0
    trials: int = 0

    def add(self, trial: Trial) -> None:
        """Count one trial."""
        self.trials += 1
        self.off += trial.is_hit(trial.guess(trial.off))
        self.on += trial.is_hit(trial.guess(trial.on))
        self.base += trial.is_hit(trial.prior)
        if trial.alone is not None:
            hit = trial.is_hit(trial.guess(trial.alone))
            self.noise_alone = (self.noise_alone or 0) + hit

    @property
    def row(self) -> dict[str, object]:
        """A row of the table."""
        share = self.base / self.trials
        error = np.sqrt(share * (1 - share) / self.trials)
        return {
            "off_hits": self.off,
            "noise_alone_hits": "" if self.noise_alone is None else self.noise_alone,
            "on_hits": self.on,
            "base_rate": share,
            "most_allowed": round((share + 3 * error) * self.trials, 1),
            "trials": self.trials,
        }


def rows_of(name: str, trials: int) -> list[dict[str, object]]:
    """The rows of a scenario, one for each secret."""
    counted = {secret: Hits() for secret in DRAWS[name][0]}
    for seed in range(trials):
        for secret, trial in drawn(name, seed).items():
            counted[secret].add(trial)
    return [
        {"scenario": name, "secret": secret, **hits.row}
        for secret, hits in counted.items()
    ]


def refused(name: str, tries: int) -> dict[str, object]:
    """How often a publication is refused that must be."""
    count = sum(is_refused(name, seed) for seed in range(tries))
    return {"publication": name, "refused": count, "tries": tries}


def main(trials: int = TRIALS_OF_EACH, workers: int | None = None) -> None:
    """Try all, print and write."""
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(workers) as pool:
        refusals = pool.map(refused, REFUSALS, repeat(REFUSALS_OF_EACH))
        for made in pool.map(rows_of, DRAWS, repeat(trials)):
            rows += made
            print(pd.DataFrame(made).to_string(index=False), flush=True)
        tries = list(refusals)
    print(pd.DataFrame(tries).to_string(index=False))
    paths = [FOLDER / "attacks.csv", FOLDER / "refusals.csv"]
    with write_together(paths) as temporary:
        for table, path in zip((rows, tries), temporary, strict=True):
            pd.DataFrame(table).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
