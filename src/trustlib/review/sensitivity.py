r"""When data misbehave: separation, missing answers, and choices that another analyst would have made otherwise.

* `robustness` estimates one gap under every combination of declared choices, in one
  table; `robustness_of_cells` does so from sealed cells.
* `firth` gives finite log odds where a group has the outcome always or never
  (`trustlib.review.links`).
* `impute` fills in missing identities and outcomes several times; `combine` pools what
  is estimated from each (`trustlib.review.imputation`).

These are sensitivity analyses beside the estimate that a page reports, and their
convention says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.cells import Cells, describe
from trustlib.comparisons import comparisons
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.engines import collect
from trustlib.errors import (
    EstimandError,
    FitError,
    MissingRowsWarning,
    axis_names,
    require_a,
    require_names,
)
from trustlib.estimates import Estimates
from trustlib.expressions import quoted
from trustlib.logit import LogitFit
from trustlib.margins import predictions
from trustlib.review.imputation import NO_DESIGN, combine, impute, with_columns
from trustlib.review.links import FIRTH, LINKS, firth, fit_by_link
from trustlib.variance import Array

__all__ = [
    "CHOICES", "FIRTH", "LINKS", "MODELS", "TRIM", "WEIGHTS", "combine", "firth",
    "fit_by_link", "impute", "reweighted", "robustness", "robustness_of_cells",
]  # fmt: skip

CHOICES = ["weights", "covariates", "link", "model", "missing"]
WEIGHTS = ("weighted", "unweighted", "trimmed")
TRIM = 0.99  # quantile above which trimmed weights have its value instead
MODELS = ("saturated", "additive")
COMPLETE = "complete cases"
IMPUTED = "imputed"
ONE_LIST = "Give a list of Cells."
FIRTH_NOTE = (
    "Intervals of Firth's method ignore the design: compare its estimates only."
)


@dataclass(frozen=True)
class _Sample:
    """People under some choices, as cells; several cells if they are imputed."""

    weights: str
    covariates: str  # the name of the set
    missing: str
    axes: Sequence[str]  # of the covariates
    cells: Sequence[Cells]


@dataclass(frozen=True)
class _Gap:
    """The gap of two settings of some axes, with the models it is taken from."""

    by: Sequence[str]
    contrast: Mapping[str, Any]
    reference: Mapping[str, Any] | None
    links: Sequence[str]
    models: Sequence[str]

    def __post_init__(self) -> None:
        require_names("link", self.links, LINKS)
        require_names("model", self.models, MODELS)
        require_names("axis", self.contrast, self.by)

    @property
    def group(self) -> str:
        """The group that is compared, in words."""
        return describe(self.contrast, list(self.contrast))

    def formula(self, model: str, covariates: Sequence[str]) -> str:
        """The right-hand side of a model."""
        join = " * " if model == "saturated" else " + "
        return " + ".join([join.join(map(quoted, self.by)), *map(quoted, covariates)])

    def of(self, fit: LogitFit) -> Estimates:
        """The difference of average predictions between the two settings."""
        levels = predictions(fit, list(self.contrast), interval="wald")
        gaps = comparisons(levels, self.reference)
        frame = gaps.frame
        asked = [frame[axis] == level for axis, level in self.contrast.items()]
        wanted = np.all(asked, axis=0)
        if not wanted.any():
            raise EstimandError(
                f"Nobody is in the group {self.group}, or it is the reference.",
                "Name levels that occur.",
            )
        return gaps.where(wanted)


@dataclass(frozen=True)
class _Grid:
    """The gaps that were found, by `CHOICES`; and the choices that failed, by reason."""

    gaps: dict[tuple[str, ...], Estimates]
    failed: dict[str, list[str]]

    @property
    def notes(self) -> list[str]:
        """What could not be fitted, and why."""
        return [
            f"Not fitted: {'; '.join(choices)}. {why}"
            for why, choices in self.failed.items()
        ]


def robustness(
    design: SurveyDesign,
    outcome: str,
    by: Sequence[str],
    contrast: Mapping[str, Any],
    reference: Mapping[str, Any] | None = None,
    covariates: Mapping[str, Sequence[str]] | None = None,
    weights: Sequence[str] = WEIGHTS,
    links: Sequence[str] = LINKS,
    models: Sequence[str] = MODELS,
    completed: Sequence[SurveyDesign] = (),
    trim: float = TRIM,
) -> Estimates:
    """One gap under every combination of declared choices.

    The gap is the difference of two average predicted probabilities: everyone's axes set
    to `contrast`, and to `reference`, the other axes and the covariates as they are
    (`predictions`).

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
    by : sequence of str
        The identity axes of the model.
    contrast, reference : mapping
        ``{"ethnicity": "minority", "disability": "yes"}`` against, by default, the first
        level of each of these axes.
    covariates : mapping, optional
        Name of each set of covariates -> columns: ``{"none": [], "age": ["age_band"]}``.
        By default no covariates.
    weights : sequence of {"weighted", "unweighted", "trimmed"}
        As in the design; the same for everyone; or those above the quantile `trim` set
        to it. Then all are scaled to the old total. Replicate weights are multiplied by
        the same factor for each person.
    links : sequence of {"logit", "log", "identity", "firth"}
        Logistic; quasi-Poisson ("modified Poisson", Zou 2004); linear probability;
        logistic by Firth's method, whose standard error ignores the design (see
        `firth`). In a saturated model without other axes or covariates the first three
        give the same gap.
    models : sequence of {"saturated", "additive"}
        All interactions of `by`, or none. Covariates always enter additively.
    completed : sequence of SurveyDesign, optional
        From `impute`: each specification is then also estimated from these and pooled.
        Otherwise everyone enters who has the outcome, the axes and the covariates of the
        specification; ``n`` shows how many of the two groups.
    trim : float

    Returns
    -------
    Estimates
        Of kind difference, a row for each specification, identified by weights,
        covariates, link, model and missing. Rows are about the same people, so they are
        correlated; the covariance is not computed, and NaN. A specification that cannot
        be fitted is named in ``notes``, with the reason.

    Raises
    ------
    FitError
        No specification can be fitted.
    UnknownNameError, EstimandError, DesignError

    Notes
    -----
    R: ``svyglm(family = quasibinomial() | quasipoisson() | gaussian())``, then the
    standardised difference by the delta method. Sources: Zou (2004), Am. J. Epidemiology
    159; Steegen et al. (2016), Perspectives on Psychological Science 11 (multiverse);
    Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4 (specification curve).

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": [1.0, 3.0] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 19 + [0.0] * 21
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> weights = ("weighted", "unweighted")
    >>> choices = {"weights": weights, "links": ["logit"], "models": ["saturated"]}
    >>> grid = robustness(design, "y", ["group"], {"group": "b"}, **choices)
    >>> grid.frame.set_index("weights")["estimate"].round(4).to_dict()
    {'weighted': 0.2125, 'unweighted': 0.225}
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    for given in (contrast, covariates or {}):
        require_a(
            Mapping,
            given,
            'For example contrast={"disability": "yes"}, '
            'covariates={"age": ["age_band"]}.',
        )
    require_names("weights", weights, WEIGHTS)
    by = axis_names(by, by)
    gap = _Gap(by, contrast, reference, links, models)
    designs = {COMPLETE: [design]}
    if completed:
        designs[IMPUTED] = list(completed)
    samples = []
    sets = (covariates or {"none": ()}).items()
    for use, (name, axes), (missing, parts) in product(weights, sets, designs.items()):
        cells = [
            _complete_cases(reweighted(part, use, trim), outcome, [*by, *axes])
            for part in parts
        ]
        samples.append(_Sample(use, name, missing, axes, cells))
    note = ""
    if "trimmed" in weights:
        note = f"Trimmed: weights above their {trim:g} quantile are set to it."
    return _specifications(samples, gap, design.variance, note)


def _complete_cases(design: SurveyDesign, outcome: str, axes: list[str]) -> Cells:
    """Cells of everyone who has all answers; that others lack some is the point here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingRowsWarning)
        return compress(design, outcome, axes)


def robustness_of_cells(
    cells: Sequence[Cells],
    by: Sequence[str],
    contrast: Mapping[str, Any],
    reference: Mapping[str, Any] | None = None,
    links: Sequence[str] = LINKS,
    models: Sequence[str] = MODELS,
) -> Estimates:
    """`robustness` where the people have stayed at home: the choices that sealed cells leave open.

    Parameters
    ----------
    cells : sequence of Cells
        Of one outcome, each with all axes in `by`. Their other axes are covariates: the
        gap is estimated without any, and with those of each set of cells. Weights are as
        sealed (see `reweighted`); all are complete cases.
    by, contrast, reference, links, models
        As for `robustness`.

    Returns
    -------
    Estimates
        As `robustness`.

    Raises
    ------
    EstimandError
        The cells are of more than one outcome.
    FitError, UnknownNameError

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 100 + ["b"] * 100, "w": 1.0})
    >>> rows["age"] = ["old", "young"] * 100
    >>> rows["y"] = [1.0] * 30 + [0.0] * 70 + [1.0] * 50 + [0.0] * 50
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> sealed = tl.compress(design, "y", ["group", "age"]).seal()
    >>> choices = {"links": ["logit"], "models": ["saturated"]}
    >>> grid = robustness_of_cells([sealed], ["group"], {"group": "b"}, **choices)
    >>> grid.frame.set_index("covariates")["estimate"].round(4).to_dict()
    {'none': 0.2, 'age': 0.2}
    """
    require_a(Sequence, cells, ONE_LIST)
    samples: list[_Sample] = []
    for part in cells:
        require_a(Cells, part, ONE_LIST)
        if part.outcome != cells[0].outcome:
            raise EstimandError(
                f"The cells are of {cells[0].outcome!r} and of {part.outcome!r}.",
                "Give one outcome.",
            )
        axes = axis_names(by, part.by)
        others = [c for c in part.by if c not in axes]
        use = part.source.weights
        if use not in {sample.weights for sample in samples}:
            samples.append(_Sample(use, "none", COMPLETE, [], [part]))
        if others:
            name = ", ".join(others)
            samples.append(_Sample(use, name, COMPLETE, others, [part]))
    axes = axis_names(by, cells[0].by)
    gap = _Gap(axes, contrast, reference, links, models)
    return _specifications(samples, gap, cells[0].variance)


def _specifications(
    samples: Sequence[_Sample], gap: _Gap, variance: str, note: str = ""
) -> Estimates:
    """One gap for each link and model on each sample."""
    grid = _grid(samples, gap)
    notes = grid.notes
    if not grid.gaps:
        raise FitError(
            "No specification can be fitted. " + " ".join(notes),
            "Use fewer axes or coarser levels.",
        )
    gaps = list(grid.gaps.values())
    frame = pd.concat([each.frame for each in gaps], ignore_index=True)
    numbers = frame.drop(columns=[*gap.contrast, "reference"])
    table = pd.DataFrame(list(grid.gaps), columns=CHOICES).join(numbers)
    about = f"Gap: {gap.group} against {frame['reference'].iloc[0]}. {note}".strip()
    how = (
        f"{variance}; average predictions, covariates fixed; Wald interval, t with the "
        "df of each row"
    )
    if "firth" in gap.links:
        notes.append(FIRTH_NOTE)
        how += f"; firth: {FIRTH}"
    return replace(
        gaps[0],
        _frame=table,
        vcov=_unknown_off_diagonal(table["std_error"].to_numpy() ** 2),
        by=tuple(CHOICES),
        smallest=np.concatenate([each.smallest for each in gaps]),
        df=float(table["df"].min()),
        parts=(),
        compared=(),
        _people=None,
        convention=how,
        notes=(about, *notes),
    )


def _grid(samples: Sequence[_Sample], gap: _Gap) -> _Grid:
    """The gap of each specification that can be fitted."""
    found: dict[tuple[str, ...], Estimates] = {}
    failed: dict[str, list[str]] = {}
    for sample, link, model in _combinations(samples, gap):
        formula = gap.formula(model, sample.axes)
        choice = (sample.weights, sample.covariates, link, model, sample.missing)
        try:
            gaps = [gap.of(fit_by_link(part, formula, link)) for part in sample.cells]
            if sample.missing == IMPUTED:
                found[choice] = combine(gaps)
            else:
                found[choice] = gaps[0]
        except (FitError, np.linalg.LinAlgError) as error:
            why = str(error).splitlines()[0]
            failed.setdefault(why, []).append(", ".join(choice))
    return _Grid(found, failed)


def _combinations(
    samples: Sequence[_Sample], gap: _Gap
) -> Iterator[tuple[_Sample, str, str]]:
    """Sample, link and model of each specification."""
    yield from product(samples, gap.links, gap.models)


def _unknown_off_diagonal(variances: Array) -> Array:
    """A covariance of which only the variances are known."""
    known = np.eye(len(variances), dtype=bool)
    return np.where(known, variances, np.nan)


def reweighted(design: SurveyDesign, use: str, trim: float = TRIM) -> SurveyDesign:
    """Take the design with other weights: as they are, equal, or trimmed at a quantile.

    Parameters
    ----------
    design : SurveyDesign
    use : {"weighted", "unweighted", "trimmed"}
    trim : float
        Quantile above which trimmed weights have its value instead.

    Returns
    -------
    SurveyDesign
        The total of the weights stays. What is sealed from such a design names the
        choice in its source.

    Raises
    ------
    EstimandError
        The design has no weights, or `trim` is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0], "w": [1.0, 3.0]})
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> reweighted(design, "unweighted").frame["w"].tolist()
    [2.0, 2.0]
    """
    if use == "weighted":
        return design
    if design.weight is None or not 0 < trim < 1:
        raise EstimandError(
            f"Weights cannot be {use}: the design's weight is {design.weight}, trim is "
            f"{trim}.",
            "Give a design with weights and trim between 0 and 1, or ask for "
            "weights=['weighted'] only.",
        )
    names = [design.weight, *(design.replicate_weights or ())]
    old = collect(nw.from_native(design.frame).select(*names)).astype(float)
    weight = old[design.weight].to_numpy()
    kept = weight > 0
    new = kept.astype(float)
    if use == "trimmed":
        new = np.minimum(weight, np.quantile(weight[kept], trim))
    rescaled = new * (weight.sum() / new.sum())
    factor = rescaled / np.where(kept, weight, 1.0)
    changed = {name: old[name].to_numpy() * factor for name in names}
    source = design.source | {"weights": use}
    # The new weights do not meet the margins of a raked design.
    return with_columns(design, changed, raked=None, base_weight=None, source=source)
