"""Who is in a model: from everybody in the file to its people, and why the others left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd

from trustlib.design import DOMAIN, SurveyDesign
from trustlib.disclosure import MINIMUM
from trustlib.errors import DesignError, axis_names, require_a, require_names
from trustlib.review.imputation import NO_DESIGN
from trustlib.rounding import rounded_people
from trustlib.variance import Array

OR = " or "


@dataclass(frozen=True)
class Loss:
    """People who left at one variable for one reason; without a variable they were never in.

    Examples
    --------
    >>> Loss("gender", "refused", 12) + Loss("gender", "not asked", 5)
    Loss(variable='gender', reason='refused or not asked', n=17)
    """

    variable: str
    reason: str
    n: int

    def __add__(self, other: Loss) -> Loss:
        return Loss(
            _either(self.variable, other.variable),
            _either(self.reason, other.reason),
            self.n + other.n,
        )


def _either(one: str, other: str) -> str:
    """Two names that may be joined already, each part once."""
    parts = [*one.split(OR), *other.split(OR)]
    return OR.join(dict.fromkeys(parts))


def flow(design: SurveyDesign, outcome: str, known: Sequence[str]) -> pd.DataFrame:
    """From everybody in the file to the people of a model: who left, at which variable, and why.

    Parameters
    ----------
    design : SurveyDesign
        With a frame of `read_survey`, which knows the kind of each missing answer.
        Whoever is outside its domain, or has weight zero, left first, as "not in this
        part of the survey".
    outcome : str
    known : sequence of str
        The variables that everybody in the model has told, axes included, in order.

    Returns
    -------
    DataFrame
        Columns variable, reason, n. The first row counts everybody, the last the people
        of the model, those between the people who left; each leaves once, at the first
        variable they lack. A reason of fewer than 10 people is put together with the
        next smallest of its variable, or with a neighbouring variable. Where the source
        asks for rounding each n is a multiple of its base, and they need not add up.

    Raises
    ------
    UnknownNameError
    DesignError
        Fewer than 10 people left in all, so that their number cannot be printed.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0] * 30 + [None] * 15, "w": 1.0})
    >>> rows["y_missing"] = [None] * 30 + ["refused"] * 15
    >>> flow(tl.SurveyDesign(rows, weight="w"), "y", []).values.tolist()
    [['', 'in the file', 45], ['y', 'refused', 15], ['', 'in the model', 30]]
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    frame = pd.DataFrame(design.frame)
    known = axis_names(known, frame)
    require_names("outcome column", [outcome], list(frame))
    here = _in_design(design, frame)
    outside = int((~here).sum())
    losses = [Loss("", "not in this part of the survey", outside)]
    for variable in dict.fromkeys([outcome, *known]):
        gone = here & frame[variable].isna().to_numpy()
        losses += _losses(frame, variable, gone)
        here &= ~gone
    steps = [
        Loss("", "in the file", len(frame)),
        *_large_enough([loss for loss in losses if loss.n]),
        Loss("", "in the model", int(here.sum())),
    ]
    rows = [astuple(step) for step in steps]
    table = pd.DataFrame(rows, columns=["variable", "reason", "n"])
    people = rounded_people(table["n"], design.source.rounding)
    return table.assign(n=np.asarray(people, dtype=int))


def _in_design(design: SurveyDesign, frame: pd.DataFrame) -> Array:
    """Who is in the domain and has a weight."""
    domain = pd.Series(frame.get(DOMAIN, True), index=frame.index)
    here = domain.to_numpy(bool, copy=True)
    if design.weight is not None:
        here &= frame[design.weight].to_numpy() > 0
    return here


def _losses(frame: pd.DataFrame, variable: str, gone: Array) -> Iterator[Loss]:
    """The reasons of those who lack an answer, the commonest first."""
    no_kinds = pd.Series(None, frame.index, object)
    kinds = frame.get(f"{variable}_missing", no_kinds)[gone].astype(object)
    counts = kinds.where(kinds.notna(), "missing").value_counts()
    losses = [Loss(variable, str(reason), int(n)) for reason, n in counts.items()]
    yield from sorted(losses, key=_commonest_first)


def _commonest_first(loss: Loss) -> int:
    return -loss.n


def _large_enough(losses: Sequence[Loss]) -> list[Loss]:
    """Put reasons of fewer than 10 people together with others."""
    losses = list(losses)

    def size(place: int) -> int:
        return losses[place].n

    while any(loss.n < MINIMUM for loss in losses):
        smallest = min(range(len(losses)), key=size)
        near = _neighbours(losses, smallest)
        if not near:
            raise DesignError(
                f"Fewer than {MINIMUM} people left, so their number is not shown.",
                "Leave it out.",
            )
        first, second = sorted((smallest, min(near, key=size)))
        losses[first] = losses[first] + losses[second]
        del losses[second]
    return losses


def _neighbours(losses: Sequence[Loss], place: int) -> list[int]:
    """What a reason can be put together with: others of its variable, or the next variables."""
    alike = [
        i
        for i, loss in enumerate(losses)
        if loss.variable == losses[place].variable and i != place
    ]
    if alike:
        return alike
    beside = (place - 1, place + 1)
    return [i for i in beside if 0 <= i < len(losses) and losses[i].variable]
