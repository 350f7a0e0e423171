"""What may be said of estimates: many tests, all gaps at once, what could have been found, what may be shown.

All tests are on the scale where no difference is 0: the logarithm for ratios, as
`trustlib.scales` says of each kind and measure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trustlib import intervals
from trustlib.adjustment import METHODS
from trustlib.errors import EstimandError, require_a, require_names
from trustlib.estimates import Estimates, require_levels, scaled_parts
from trustlib.significance import TestResult
from trustlib.variance import Array, joint_df

ADJUSTMENTS = {"holm": "Holm", "fdr_bh": "Benjamini-Hochberg"}
ADJUSTED = "p adjusted"  # in the convention of adjusted estimates
PRECISE = "show"


@dataclass(frozen=True, eq=False)
class _Tested:
    """Estimates on the scale where no difference is 0.

    Attributes
    ----------
    value, se : array (m,)
    log : boolean array (m,)
        Which rows are logarithms there.
    factor : array (m,)
        The estimates of these rows, 1 for the others: derivative back to the estimate.
    """

    value: Array
    se: Array
    log: Array
    factor: Array


def _tested(estimates: Any, verb: str) -> _Tested:
    """What is tested, or the refusal of what cannot be."""
    require_a(
        Estimates,
        estimates,
        f"Call {verb} on the result of comparisons, interactions or coefficients.",
    )
    if estimates.kind == "level":
        raise EstimandError(
            f"Levels are not tested, so {verb} has no meaning.",
            "Compare them with comparisons first.",
        )
    frame = estimates.frame
    estimate = frame["estimate"].to_numpy(float)
    log = estimates.log_rows
    factor = np.where(log, estimate, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(log, np.log(estimate), estimate)
        se = frame["std_error"].to_numpy(float) / factor
    return _Tested(value, se, log, factor)


def adjust(estimates: Estimates, method: str = "holm") -> Estimates:
    """P-values adjusted for the number of tests; intervals stay as they are, and the convention says so.

    Parameters
    ----------
    estimates : Estimates
        Gaps, measures of interaction or coefficients. All rows with a p-value are one
        family: choose them first.
    method : {"holm", "fdr_bh"}
        Holm (1979) bounds the probability of any false finding, Benjamini and Hochberg
        (1995) the share of false ones.

    Returns
    -------
    Estimates
        The same rows with other values of p_value; rows without one keep none.

    Raises
    ------
    UnknownNameError
        The method does not exist.
    EstimandError
        Levels, which are not tested; no p-values; or p-values that are adjusted already.

    Notes
    -----
    R: ``p.adjust(p, "holm" | "BH")``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40 + ["c"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0, 0.0] * 20 + [1.0] * 18 + [0.0] * 22
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> gaps = tl.comparisons(tl.cell_means(cells))
    >>> gaps.frame["p_value"].round(4).tolist()
    [0.0189, 0.0586]
    >>> adjust(gaps).frame["p_value"].round(4).tolist()
    [0.0378, 0.0586]
    """
    _tested(estimates, "adjust")
    require_names("method of adjustment", [method], ADJUSTMENTS)
    frame = estimates.frame
    there = frame["p_value"].notna()
    if not there.any() or ADJUSTED in estimates.convention:
        raise EstimandError(
            "Expected p-values that are not adjusted yet.",
            "Adjust once, from the result of a verb.",
        )
    family = frame.loc[there, "p_value"].to_numpy(float)
    frame.loc[there, "p_value"] = METHODS[method](family)
    tests = f"{there.sum()} tests ({ADJUSTMENTS[method]})"
    how = f"{estimates.convention}; {ADJUSTED} for {tests}, intervals not adjusted"
    return replace(estimates, _frame=frame, convention=how)


def joint_test(estimates: Estimates) -> TestResult:
    """Wald test that all these gaps are zero, ratios on the log scale.

    Parameters
    ----------
    estimates : Estimates
        From `comparisons` or `interactions`, each row once. For terms of a model there is
        `LogitFit.term_test`.

    Returns
    -------
    TestResult
        As `LogitFit.term_test`, with the design df: `table` shows it. Where the rows are
        of several samples, the df follow from what each adds to the covariance
        (`variance.joint_df`).

    Raises
    ------
    DisclosureError
        A gap rests on too few people.
    EstimandError
        A row is undefined, or follows from the others.

    Notes
    -----
    R: ``svycontrast`` and the quadratic form of its covariance; Korn and Graubard (1990)
    for the adjusted F.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40 + ["c"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0, 0.0] * 20 + [1.0] * 18 + [0.0] * 22
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> test = joint_test(tl.comparisons(tl.cell_means(cells)))
    >>> test.loc["wald", ["statistic", "df_num", "df_den"]].round(2).tolist()
    [3.32, 2.0, 119.0]
    """
    tested = _tested(estimates, "joint_test")
    if "term" in estimates.by:
        raise EstimandError(
            "These are coefficients of a model.",
            "Use term_test of the fit, which knows their df.",
        )
    estimates.require_showable("This test")
    value = tested.value
    with np.errstate(divide="ignore", invalid="ignore"):
        vcov = estimates.vcov / np.outer(tested.factor, tested.factor)
    if not intervals.independent(value, vcov):
        raise EstimandError(
            f"The {len(value)} rows are not all defined and independent of each other.",
            "Leave out rows that are undefined or that follow from others, and keep one "
            "method of interaction.",
        )
    df = estimates.df
    if estimates.parts:
        df = joint_df(scaled_parts(estimates.parts, 1 / tested.factor), vcov)
    name = f"{len(value)} of kind {estimates.kind}"
    test = intervals.wald_test(name, value, vcov, df, df)
    smallest = int(estimates.smallest.min())
    return replace(test, source=estimates.source, smallest=smallest)


def detectable(
    estimates: Estimates,
    power: float = 0.8,
    level: float = intervals.LEVEL,
) -> Estimates:
    """What could have been found: a further column ``detectable`` beside each gap.

    Parameters
    ----------
    estimates : Estimates
        Gaps, measures of interaction or coefficients.
    power, level : float
        Probability of finding it, and level of the two-sided test.

    Returns
    -------
    Estimates
        ``detectable`` is (t of level + t of power) times the standard error: the smallest
        gap that a survey with these standard errors finds with that probability. For
        ratios it is the smallest above 1; below 1 it is its inverse.

    Raises
    ------
    EstimandError
        Levels, which are not tested; or a power or level that is no share.

    Notes
    -----
    R: ``(qt(1 - (1 - level) / 2, df) + qt(power, df)) * SE``.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> gaps = detectable(tl.comparisons(tl.cell_means(cells)))
    >>> gaps.frame[["estimate", "detectable"]].round(3).values.tolist()
    [[0.25, 0.299]]
    """
    tested = _tested(estimates, "detectable")
    df = estimates.frame["df"].to_numpy(float)
    size = intervals.detectable_size(tested.se, df, power, level)
    smallest = np.where(tested.log, np.exp(size), size)
    how = f"{estimates.convention}; detectable with power {power:g}"
    return replace(estimates.with_columns(detectable=smallest), convention=how)


def reliability(estimates: Estimates) -> Estimates:
    """Which proportions are precise enough to be shown, by the rules of the US National Center for Health Statistics.

    Parameters
    ----------
    estimates : Estimates
        Levels or predictions.

    Returns
    -------
    Estimates
        With a further column ``reliability``, "show" or what speaks against it, and a
        note that names such rows. Suppressed: fewer than 30 effective people; a
        Korn-Graubard interval of 0.30 or wider; one wider than 1.3 times the proportion,
        unless it is 0.05 wide or less. To be reviewed: proportions of 0 or 1, fewer than
        8 df.

    Raises
    ------
    EstimandError
        What is given are not levels.

    Notes
    -----
    Parker et al. (2017), *Vital and Health Statistics* 2(175). R: ``surveytable``
    (``R/z_lpe.R``). The effective sample size is at most the number of people.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 20 + ["b"] * 80, "y": [1.0, 0.0] * 50})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> reliability(tl.cell_means(cells)).frame["reliability"].tolist()
    ['suppress: fewer than 30 effective people', 'show']
    """
    require_levels(estimates, "reliability")
    frame = estimates.frame
    columns = ("estimate", "std_error", "df", "n")
    p, se, df, n = (frame[column].to_numpy(float) for column in columns)
    verdict = intervals.nchs_flag(p, se, df, n)
    named = [
        f"{row} ({reason})"
        for row, reason in zip(estimates.row_labels, verdict, strict=True)
        if reason != PRECISE
    ]
    judged = estimates.with_columns(reliability=verdict)
    if not named:
        return judged
    rows = "; ".join(named)
    note = f"Reliability by NCHS standards (Parker et al. 2017): {rows}."
    return replace(judged, notes=(*judged.notes, note))
