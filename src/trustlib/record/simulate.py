r"""A stand-in population that honours the printed record: maximum entropy, a fixed seed, a known true model.

Everything is declared in ``data/synthetic/targets.yml``: people per wave and country,
where maximum entropy starts, the printed figures (targets) and our choices where only a
direction or an order is printed. From these:

1. *The true model* (`trustlib.record.true_model`): for each wave the table of cells
   nearest to the start in relative entropy.
2. *People* (here, and `trustlib.record.people`). Whole numbers of people per cell that
   meet every printed count exactly: systematic sampling of the fractions, then the
   fewest changes that make the counts right (an integer programme).
3. *Weights* (`trustlib.record.calibration`), such that the weighted percentages meet the
   printed ones. `draw` leaves out this step and the integer programme: its people are
   multinomial draws from the true model.

``trustlib simulate`` (or ``make data``) writes the stand-in again;
``trustlib simulate --draw 7`` makes a fresh draw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import CodebookError, require_names
from trustlib.files import file_hash
from trustlib.record.calibration import calibrated_weights, calibration_table
from trustlib.record.entropy import tilt
from trustlib.record.people import as_survey, people_of
from trustlib.record.targets import (
    AXES,
    FOLDER,
    Plan,
    Target,
    in_group,
    load_targets,
    members,
)
from trustlib.record.true_model import load_model, model_cells, true_model
from trustlib.variance import Array
from trustlib.writing import write_set, write_whole

__all__ = [
    "AXES", "FILES", "FOLDER", "Plan", "Target", "calibration_table", "draw",
    "load_model", "load_targets", "model_cells", "simulate", "tilt", "true_model",
    "write", "write_people",
]  # fmt: skip

FILES = ("trust_polling_synthetic.parquet", "true_model.json", "calibration.csv")


def simulate(
    targets: str | Path | Plan = FOLDER / "targets.yml",
    seed: int | None = None,
    model: dict | None = None,
) -> pd.DataFrame:
    """Make the stand-in: printed counts exactly, printed percentages within their rounding.

    Parameters
    ----------
    targets : path or Plan
    seed : int, optional
        By default the one that ``targets.yml`` names.
    model : dict, optional
        What `true_model` returned for these targets; by default it is solved.

    Returns
    -------
    DataFrame
        35,614 rows in codebook terms, as `read_survey` returns the written file.
        ``frame.attrs["source"]`` says that it is synthetic.

    Raises
    ------
    CodebookError
        No population meets the targets, or no whole numbers of people the counts.

    Examples
    --------
    >>> chances = {"woman": 0.5, "non-binary": 0.01, "lgbtq": 0.1, "trans": 0.05}
    >>> chances |= {"disabled": 0.2, "65+": 0.2, "no answer": 0.01}
    >>> chances |= {"provider": 0.5, "system": 0.5, "any": 0.6}
    >>> wave = {"people": {"UK": 100}, "ethnicity_asked": ["UK"], "minority": 0.2}
    >>> facts = {"source": {}, "spread": 0.4, "regions": 2, "asked_of_all": []}
    >>> facts |= {"seed": 1, "start": chances, "waves": {2024: wave}}
    >>> women = Target("P-1", (2024,), "count", 'gender == "woman"', value=60.0)
    >>> people = simulate(Plan(facts, (women,), ()))
    >>> people["gender"].value_counts()["woman"]
    np.int64(60)
    """
    plan = targets if isinstance(targets, Plan) else load_targets(targets)
    if model is None:
        model = true_model(plan)
    if seed is None:
        seed = plan.facts["seed"]
    rng = np.random.default_rng(seed)
    waves = plan.facts["waves"]
    parts = [_interviewed(plan, wave, model, rng) for wave in waves]
    return as_survey(model, parts)


def _interviewed(
    plan: Plan, wave: int, model: Mapping[str, Any], rng: np.random.Generator
) -> pd.DataFrame:
    """The people of a wave that meet its printed counts, with calibrated weights."""
    cells = model_cells(model, str(wave))
    interviewed = plan.facts["waves"][wave]["people"]
    counts = plan.exact(wave)
    groups = [in_group("all", cells, [country]) for country in interviewed]
    groups += [members(target, cells) for target in counts]
    totals = list(interviewed.values())
    totals += [target.value for target in counts]
    probability = np.array(model["waves"][str(wave)]["probability"])
    expected = probability * sum(interviewed.values())
    rows = np.array(groups, dtype=float)
    whole = _whole(expected, rows, np.array(totals), rng)
    people = people_of(model, str(wave), cells, whole, rng)
    weight = calibrated_weights(plan, wave, people, model)
    return people.assign(weight=weight.round(4))


def _whole(
    expected: Array, rows: Array, totals: Array, rng: np.random.Generator
) -> Array:
    """Whole numbers with these expectations that meet the rows exactly."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    floor = np.floor(expected)
    cumulated = np.r_[0.0, np.cumsum(expected - floor)]
    up = np.diff(np.floor(cumulated + rng.random()))
    need = totals - rows @ floor
    found = milp(
        1 - 2 * up,
        integrality=np.ones(len(up)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, need, need),
    )
    if found.x is None:
        raise CodebookError(
            "No whole numbers of people meet the printed counts.",
            "Check the counts of this wave.",
        )
    return (floor + np.round(found.x)).astype(int)


def draw(
    seed: int,
    n: int | None = None,
    model: str | Path | dict = FOLDER / "true_model.json",
    waves: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Draw fresh people from the stored true model, without calibration: for tests of coverage.

    Parameters
    ----------
    seed : int
    n : int, optional
        People in all; by default as many as were interviewed, in each wave and country.
    model : path or dict
        ``true_model.json``, or what `true_model` returns.
    waves : sequence of int, optional
        By default all.

    Returns
    -------
    DataFrame
        As `simulate`. Weights are independent of everything else, so the model's
        probabilities are the truth.

    Raises
    ------
    MissingFileError, UnknownNameError

    Examples
    --------
    >>> axes = {"gender": ["man", "woman"], "ethnicity": ["majority", "minority"]}
    >>> axes |= {"disability": ["not disabled", "disabled"], "lgbtq": ["no", "yes"]}
    >>> axes |= {"trans": ["no", "yes"], "age_band": ["under 65", "65+"]}
    >>> axes |= {"provider": ["no", "yes", "none"], "system": ["no", "yes", "none"]}
    >>> wave = {"people": {"UK": 50}, "ethnicity_asked": ["UK"], "later": {}}
    >>> wave |= {"cells": ["000000000", "010000011"], "probability": [0.4, 0.6]}
    >>> model = {"source": {"kind": "synthetic"}, "regions": 4, "spread": 0.4}
    >>> model |= {"axes": axes, "waves": {"2024": wave}}
    >>> people = draw(7, n=1_000, model=model)
    >>> len(people)
    1000
    >>> round(float(people["trust_damaged_any"].mean()), 1)
    0.6
    """
    model = model if isinstance(model, dict) else load_model(model)
    rng = np.random.default_rng(seed)
    wanted = list(model["waves"])
    if waves is not None:
        wanted = [str(wave) for wave in waves]
    require_names("wave", wanted, model["waves"])
    interviewed = {wave: model["waves"][wave]["people"] for wave in wanted}
    total = sum(sum(people.values()) for people in interviewed.values())
    parts = []
    for wave in wanted:
        sizes = interviewed[wave]
        if n is not None:
            sizes = {
                country: round(people * n / total) for country, people in sizes.items()
            }
        parts.append(_drawn(model, wave, sizes, rng))
    return as_survey(model, parts)


def _drawn(
    model: Mapping[str, Any],
    wave: str,
    sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """That many people of each country, in the proportions of the true model."""
    cells = model_cells(model, wave)
    probability = np.array(model["waves"][wave]["probability"])
    counts = np.zeros(len(cells), dtype=int)
    for country, size in sizes.items():
        here = in_group("all", cells, [country])
        p = probability[here]
        counts[here] = rng.multinomial(size, p / p.sum())
    return people_of(model, wave, cells, counts, rng)


# -- files -----------------------------------------------------------------------------


def write(
    folder: str | Path = FOLDER, targets: str | Path = FOLDER / "targets.yml"
) -> dict[str, str]:
    """Write the stand-in, its true model and its calibration.

    Parameters
    ----------
    folder : path
    targets : path

    Returns
    -------
    dict
        File name -> SHA-256. The same targets, seed and library versions give the same
        bytes.

    Raises
    ------
    CodebookError, SurveyFileError

    Examples
    --------
    >>> write("elsewhere", "elsewhere/targets.yml")
    Traceback (most recent call last):
    trustlib.errors.MissingFileError: There is no file elsewhere/targets.yml.
    Check the spelling and the folder you run from.
    """
    plan = load_targets(targets)
    folder = Path(folder)
    model = true_model(plan)
    frame = simulate(plan, model=model)
    people = _as_arrow(frame)
    text = json.dumps(model, indent=0, ensure_ascii=False)
    table = calibration_table(frame, plan).round({"achieved": 3})
    with write_set(folder, FILES) as (data, stored, calibration):
        _write_arrow(people, data)
        stored.write_text(text + "\n", encoding="utf-8")
        table.to_csv(calibration, index=False, lineterminator="\n")
    return {name: file_hash(folder / name) for name in FILES}


def write_people(frame: pd.DataFrame, path: str | Path) -> None:
    """Write made-up people as a survey file, with answers and kinds of missing as texts.

    Read it through ``data/synthetic/mapping.yml``; the file itself says that it is
    synthetic.

    Parameters
    ----------
    frame : DataFrame
        From `simulate` or `draw`.
    path : path

    Raises
    ------
    SurveyFileError

    Examples
    --------
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> frame = pd.DataFrame({"trust_damaged_any": [1.0, None], "weight": [1.0, 2.0]})
    >>> frame["trust_damaged_any_missing"] = [None, "no answer"]
    >>> frame.attrs["source"] = {"kind": "synthetic"}
    >>> with TemporaryDirectory() as folder:
    ...     write_people(frame, Path(folder, "people.parquet"))
    ...     pd.read_parquet(Path(folder, "people.parquet")).values.tolist()
    [['yes', 1.0], ['no answer', 2.0]]
    """
    table = _as_arrow(frame)
    with write_whole(path) as temporary:
        _write_arrow(table, temporary)


def _write_arrow(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", compression_level=19)


def _as_arrow(frame: pd.DataFrame) -> Any:
    """Made-up people as an Arrow table that says that they are synthetic."""
    import pyarrow as pa

    columns = {}
    for name in frame:
        if name.endswith("_missing"):
            continue
        column = frame[name]
        if f"{name}_missing" in frame:
            answers = column.map({1.0: "yes", 0.0: "no"}).astype(object)
            kinds = frame[f"{name}_missing"].astype(object)
            column = answers.fillna(kinds)
        if name != "weight":
            column = column.astype(str)
        columns[name] = pa.array(column)
    source = json.dumps(frame.attrs["source"], sort_keys=True)
    return pa.table(columns).replace_schema_metadata({"source": source})
