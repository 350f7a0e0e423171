"""How often do attacks on what is published hit, with protection and without it?

Run ``python benchmarks/attacks.py`` from the top of the repository (about fifteen minutes of CPU; a number after it is
that of the trials). For each kind of secret it draws made-up surveys (`tests/attack_trials.py`), publishes them exactly,
protected without the rules of a release, and protected with them, and lets the attack guess. The base is the best guess
from margins and prior. With protection the hits may exceed it by three binomial standard errors. What the rules must
refuse is tried too. It writes ``data/protection/attacks.csv`` and ``data/protection/refusals.csv``, which the tests read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from attack_refusals import REFUSALS, is_refused  # noqa: E402
from attack_trials import TRIALS, drawn  # noqa: E402
from trustlib.writing import write_together  # noqa: E402

TRIALS_OF_EACH = 1_000
REFUSALS_OF_EACH = 100
FOLDER = ROOT / "data" / "protection"


def hits(name: str, trials: int) -> dict[str, object]:
    """How often each kind of publication is hit."""
    off = alone = on = base = tried_alone = 0
    for seed in range(trials):
        trial = drawn(name, seed)
        off += trial.is_hit(trial.guess(trial.off))
        on += trial.is_hit(trial.guess(trial.on))
        base += trial.is_hit(trial.prior)
        if trial.alone is not None:
            tried_alone += 1
            alone += trial.is_hit(trial.guess(trial.alone))
    share = base / trials
    limit = share + 3 * np.sqrt(share * (1 - share) / trials)
    kind, _, secret = name.partition(": ")
    return {
        "kind": kind,
        "secret": secret,
        "off_hits": off,
        "noise_alone_hits": alone if tried_alone else "",
        "on_hits": on,
        "base_rate": share,
        "limit": round(limit * trials, 1),
        "trials": trials,
    }


def refused(name: str, tries: int) -> dict[str, object]:
    """How often a publication is refused that must be."""
    count = sum(is_refused(name, seed) for seed in range(tries))
    return {"publication": name, "refused": count, "tries": tries}


def main(trials: int = TRIALS_OF_EACH) -> None:
    """Try all, print and write."""
    rows = []
    for name in TRIALS:
        rows.append(hits(name, trials))
        print(" ".join(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    tries = [refused(name, REFUSALS_OF_EACH) for name in REFUSALS]
    print(pd.DataFrame(tries).to_string(index=False))
    paths = [FOLDER / "attacks.csv", FOLDER / "refusals.csv"]
    with write_together(paths) as temporary:
        for table, path in zip((rows, tries), temporary, strict=True):
            pd.DataFrame(table).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
