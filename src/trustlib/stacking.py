"""Estimates of independent samples in one result: the countries or waves of separate surveys.

The covariance between the samples is zero, and each keeps its own degrees of freedom. What
is put together must answer one question in one form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, require_a
from trustlib.estimates import Estimates, People
from trustlib.merging import joint_source
from trustlib.variance import Part

ONE_DESIGN = re.compile(r"t with (?:[\d.e+]+|inf) df \(design[^)]*\)")
OF_EACH_SAMPLE = (
    "t with the df of each sample, of contrasts between them by Welch-Satterthwaite"
)


def stack(parts: Mapping[Any, Estimates], over: str) -> Estimates:
    """Estimates of independent samples (countries, waves) in one result, with zero covariance between the samples.

    Parameters
    ----------
    parts : mapping of name to Estimates
        ``{"2019": before, "2024": after}``, in the order of the levels of the new
        by-column. Nobody may be in two of the samples: what comes from one survey file is
        estimated together, with `over` as an axis, because only then is its covariance
        known.
    over : str
        The new by-column.

    Returns
    -------
    Estimates
        The rows of all parts. Later contrasts over the samples have degrees of freedom by
        Welch and Satterthwaite, from what each sample adds to the variance
        (`variance.welch_df`): with 6 PSUs beside 4,000 people the sum of both would be
        far too many.

    Raises
    ------
    EstimandError
        The parts differ in kind of estimate, by-columns, outcome, wording of the outcome
        (its label), kind of data (real, synthetic) or model, so that they are not answers
        to the same item in the same form. Or the same coefficient, gap or measure is
        compared with another reference in another part.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> def survey(events):
    ...     frame = pd.DataFrame({"y": [1.0] * events + [0.0] * (100 - events)})
    ...     return tl.cell_means(tl.compress(tl.SurveyDesign(frame, weight=None), "y"))
    >>> both = stack({"2019": survey(30), "2024": survey(40)}, over="wave")
    >>> both.frame[["wave", "estimate"]].values.tolist()
    [['2019', 0.3], ['2024', 0.4]]
    """
    from scipy.linalg import block_diag

    require_a(
        Mapping,
        parts,
        'For example stack({"2019": before, "2024": after}, over="wave").',
    )
    several = list(parts.values())
    for each in several:
        require_a(Estimates, each, "Give the results of one verb for several samples.")
    _require_one_item(parts, over)
    first = several[0]
    frame = _stacked_frame(parts, over)
    require_one_reference(frame, over, list(first.by))
    notes = dict.fromkeys(note for each in several for note in each.notes)
    covariances = [each.vcov for each in several]
    conventions = [each.convention for each in several]
    sources = [each.source for each in several]
    return replace(
        first,
        _frame=frame,
        vcov=block_diag(*covariances),
        by=(over, *first.by),
        replicates=None,
        smallest=np.concatenate([each.smallest for each in several]),
        df=sum(each.df for each in several),
        convention=_joint_convention(conventions),
        source=joint_source(sources),
        notes=tuple(notes),
        parts=_stacked_parts(several),
        _people=_stacked_people(several),
    )


def _require_one_item(parts: Mapping[Any, Estimates], over: str) -> None:
    """Refuse estimates that are not answers to the same item in the same form."""
    _require_one_question(parts)
    items: dict[Any, tuple] = {}
    models: list[str] = []
    for name, each in parts.items():
        wording = each.labels.get(each.outcome)
        data = each.source.kind
        items[name] = (each.kind, each.by, each.outcome, wording, data)
        _, _, model = each.convention.partition("; model: ")
        models.append(model)
    different = set(zip(items.values(), models, strict=True))
    taken = any(over in each.frame for each in parts.values())
    if len(different) == 1 and not taken:
        return
    raise EstimandError(
        f"Expected one item, without a column {over!r}, got {items}, {models}.",
        "Only answers to one question, of one kind of data and in one form, are "
        "compared.",
    )


def _require_one_question(parts: Mapping[Any, Estimates]) -> None:
    """Refuse answers to two questions, in their words."""
    questions: dict[str, str] = {}
    for name, each in parts.items():
        label = each.labels.get(each.outcome, each.outcome)
        questions.setdefault(each.outcome, f"{label!r} ({each.outcome}) in {name}")
    if len(questions) > 1:
        raise EstimandError(
            f"Expected one item, got two or more: {' and '.join(questions.values())}.",
            "Only answers to one question can be put together. Show these side by side.",
        )


def _stacked_frame(parts: Mapping[Any, Estimates], over: str) -> pd.DataFrame:
    """The rows of all parts, with a column that names the part; orders of levels stay."""
    frames = {name: each.frame for name, each in parts.items()}
    named = [frame.assign(**{over: name}) for name, frame in frames.items()]
    stacked = pd.concat(named, ignore_index=True)
    stacked[over] = pd.Categorical(stacked[over], categories=list(parts))
    for axis in next(iter(parts.values())).by:
        columns = [frame[axis] for frame in frames.values()]
        if all(column.dtype == "category" for column in columns):
            levels = [level for column in columns for level in column.cat.categories]
            order = list(dict.fromkeys(levels))
            stacked[axis] = pd.Categorical(stacked[axis], categories=order)
    return stacked


def _stacked_parts(several: Sequence[Estimates]) -> tuple[Part, ...]:
    """What each sample adds to the block-diagonal covariance of estimates that stand below each other."""
    parts: list[Part] = []
    start = 0
    for each in several:
        own = each.parts
        if not own:
            every = np.arange(len(each))
            own = (Part(every, each.vcov, float(each.df)),)
        rows = np.arange(start, start + len(each))
        parts += [replace(part, rows=rows[part.rows]) for part in own]
        start += len(each)
    return tuple(parts)


def _stacked_people(several: Sequence[Estimates]) -> People:
    """The people of estimates that stand below each other: nobody is in two samples."""
    from scipy.linalg import block_diag

    people = [each.people for each in several]
    member = block_diag(*(each.member for each in people))
    n = np.concatenate([each.n for each in people])
    return People(member.astype(bool), n)


def _joint_convention(conventions: Sequence[str]) -> str:
    """The convention of several samples: the first, without what is true of it alone."""
    first = conventions[0]
    if len(conventions) == 1:
        return first
    joint = ONE_DESIGN.sub(OF_EACH_SAMPLE, first)
    if joint == first:
        return f"{first}; {OF_EACH_SAMPLE}"
    return joint


def require_one_reference(frame: pd.DataFrame, over: str, by: list[str]) -> None:
    """Refuse rows of the same name that are compared with different groups.

    Parameters
    ----------
    frame : DataFrame
        Of estimates; without a column reference nothing is compared.
    over : str
        The by-column along which the references may differ.
    by : list of str
        The other by-columns.

    Raises
    ------
    EstimandError

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"wave": [1, 2], "g": ["a", "a"], "reference": ["b", "c"]})
    >>> require_one_reference(frame.iloc[:1], "wave", ["g"])
    >>> require_one_reference(frame, "wave", ["g"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    trustlib.errors.EstimandError: a has another reference in another wave: ...
    """
    if "reference" not in frame:
        return
    texts = frame[by].astype(str)
    names = texts.agg(", ".join, axis=1)
    references = frame.groupby(names, sort=False)["reference"].nunique()
    several = references > 1
    if not several.any():
        return
    name = references.index[several.argmax()]
    rows = frame[names == name].drop_duplicates("reference")
    pairs = rows[["reference", over]].itertuples(index=False)
    given = [f"{reference!r} in {over} {level}" for reference, level in pairs]
    raise EstimandError(
        f"{name} has another reference in another {over}: {' and '.join(given[:4])}.",
        "Compare all with the same group: give the levels of each axis the same order, "
        "or leave out with .where(...) what has no common reference.",
    )
