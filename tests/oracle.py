"""The same statistics a second time: row by row, in plain loops, importing nothing from trustlib.

Slow on purpose. Each function is one formula of a textbook (Lumley 2010, *Complex Surveys*; Wolter 2007,
*Introduction to Variance Estimation*), so that a reader can check it by eye; the tests then hold the library to it.

Words used throughout, all arrays with one entry per person of the FULL design:

y        0, 1 or NaN (no answer)
w        sampling weight, zero or more
stratum  label of the stratum
psu      label of the primary sampling unit; PSUs of different strata are different even with the same label
used     True for people who enter the estimate (in the domain, with an answer, every axis and a weight)
"""

from __future__ import annotations

import numpy as np

LONELY = ("fail", "remove", "certainty", "adjust", "average")


class LonelyPSU(Exception):
    """A stratum has a single PSU and the rule is to fail."""


# -- covariance of a sum of scores ------------------------------------------------------------------------------------


def taylor_covariance(scores, stratum, psu, used, population=None, lonely="fail"):
    """Covariance (k, k) of the column sums of `scores` (n, k), rows outside the estimate being zeros.

    For each stratum: sum the scores in each PSU, take the deviations of the PSU totals from their mean, add up their
    squares, times n/(n-1), times the share of PSUs not sampled. `population` maps stratum -> PSUs in the population.
    """
    k = scores.shape[1]
    total = np.zeros((k, k))
    strata_used, strata_lonely = 0, 0
    for h in sorted(set(stratum)):
        rows_h = [i for i in range(len(stratum)) if stratum[i] == h]
        units = sorted({psu[i] for i in rows_h})
        n = len(units)
        not_sampled = 1.0 if population is None else 1.0 - n / population[h]
        if any(used[i] for i in rows_h):
            strata_used += 1
        psu_totals = []
        for j in units:
            z = np.zeros(k)
            for i in rows_h:
                if psu[i] == j and used[i]:
                    z = z + scores[i]
            psu_totals.append(z)
        if n == 1:
            if not_sampled == 0 or not any(used[i] for i in rows_h):
                continue  # everyone was asked, or nobody in the domain: no variance here
            strata_lonely += 1
            if lonely == "fail":
                raise LonelyPSU(h)
            if (
                lonely == "adjust"
            ):  # distance from the mean of all scores, which is zero
                total += not_sampled * np.outer(psu_totals[0], psu_totals[0])
            continue
        mean = sum(psu_totals) / n
        for z in psu_totals:
            total += not_sampled * n / (n - 1) * np.outer(z - mean, z - mean)
    if (
        lonely == "average" and strata_lonely
    ):  # lonely strata get the mean of the others
        total = total * strata_used / (strata_used - strata_lonely)
    return total


def replicate_covariance(replicates, estimate, scale, mse=True):
    """Sum over replicates of scale times squared distance from the estimate, or from the mean of the replicates."""
    centre = (
        np.array(estimate)
        if mse
        else np.mean(
            [r for r, a in zip(replicates, scale, strict=True) if a > 0], axis=0
        )
    )
    total = np.zeros((len(centre), len(centre)))
    for r, a in zip(replicates, scale, strict=True):
        total += a * np.outer(r - centre, r - centre)
    return total


def design_df(stratum, psu, used):
    """PSUs less strata among the people used (R's degf)."""
    units = {(stratum[i], psu[i]) for i in range(len(stratum)) if used[i]}
    return len(units) - len({h for h, _ in units})


# -- proportions ------------------------------------------------------------------------------------------------------


def proportions(y, w, cell, used):
    """Sorted cells that occur, and the weighted proportion with y = 1 in each."""
    cells = sorted({cell[i] for i in range(len(y)) if used[i]})
    p = []
    for c in cells:
        top = sum(w[i] * y[i] for i in range(len(y)) if used[i] and cell[i] == c)
        bottom = sum(w[i] for i in range(len(y)) if used[i] and cell[i] == c)
        p.append(top / bottom)
    return cells, np.array(p)


def proportion_scores(y, w, cell, used):
    """The linearised contribution w (y - p) / W of each person to the proportion of their cell."""
    cells, p = proportions(y, w, cell, used)
    scores = np.zeros((len(y), len(cells)))
    for k, c in enumerate(cells):
        bottom = sum(w[i] for i in range(len(y)) if used[i] and cell[i] == c)
        for i in range(len(y)):
            if used[i] and cell[i] == c:
                scores[i, k] = w[i] * (y[i] - p[k]) / bottom
    return scores


# -- logistic regression ----------------------------------------------------------------------------------------------


def expit(eta):
    return 1 / (1 + np.exp(-eta))


def fit_logit(x, y, w, used):
    """Weighted logistic regression by Newton's method on the rows; `x` (n, p) is a dense matrix with dummies."""
    beta = np.zeros(x.shape[1])
    rows = [i for i in range(len(y)) if used[i]]
    for _ in range(60):
        score, information = np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
        for i in rows:
            mu = expit(x[i] @ beta)
            score += w[i] * (y[i] - mu) * x[i]
            information += w[i] * mu * (1 - mu) * np.outer(x[i], x[i])
        step = np.linalg.solve(information, score)
        beta = beta + step
        if np.abs(step).max() < 1e-13:
            break
    return beta


def logit_scores(x, y, w, used, beta):
    """The linearised contribution of each person to the coefficients: I^-1 x w (y - mu). Its covariance is the sandwich."""
    information = np.zeros((len(beta), len(beta)))
    for i in range(len(y)):
        if used[i]:
            mu = expit(x[i] @ beta)
            information += w[i] * mu * (1 - mu) * np.outer(x[i], x[i])
    scores = np.zeros(x.shape)
    for i in range(len(y)):
        if used[i]:
            scores[i] = np.linalg.solve(
                information, w[i] * (y[i] - expit(x[i] @ beta)) * x[i]
            )
    return scores


def predictive_margins(settings, w, used, beta):
    """Mean predicted probability when everyone's row of the design matrix is replaced, one value per setting.

    `settings` is a list of matrices (n, p), for example the design matrix with everyone's gender set to woman.
    """
    weight = np.where(used, w, 0.0)
    return np.array([(weight * expit(x @ beta)).sum() / weight.sum() for x in settings])


# -- delta method with numerical derivatives --------------------------------------------------------------------------


def gradient(f, at):
    """Derivatives (m, k) of a vector function, by central differences with Richardson extrapolation."""
    at = np.array(at, dtype=float)

    def central(step):
        columns = []
        for j in range(len(at)):
            h = np.zeros(len(at))
            h[j] = step
            columns.append(
                (np.atleast_1d(f(at + h)) - np.atleast_1d(f(at - h))) / (2 * step)
            )
        return np.column_stack(columns)

    coarse, fine = central(2e-4), central(1e-4)
    return fine + (fine - coarse) / 3


def delta_covariance(f, at, covariance):
    """Covariance of f(estimate)."""
    j = gradient(f, at)
    return j @ covariance @ j.T


# -- interaction ------------------------------------------------------------------------------------------------------


def interaction_measures(p):
    """All measures of four risks p = (p11, p10, p01, p00); synergy and ratios as logarithms."""
    p11, p10, p01, p00 = p
    o11, o10, o01, o00 = (q / (1 - q) for q in p)
    with np.errstate(invalid="ignore"):
        return {
            "interaction_contrast": p11 - p10 - p01 + p00,
            "reri_rr": p11 / p00 - p10 / p00 - p01 / p00 + 1,
            "ap": (p11 / p00 - p10 / p00 - p01 / p00 + 1) / (p11 / p00),
            "synergy": np.log((p11 / p00 - 1) / (p10 / p00 + p01 / p00 - 2)),
            "ratio_of_rr": np.log((p11 / p10) / (p01 / p00)),
            "reri_or": o11 / o00 - o10 / o00 - o01 / o00 + 1,
            "ap_or": (o11 / o00 - o10 / o00 - o01 / o00 + 1) / (o11 / o00),
            "synergy_or": np.log((o11 / o00 - 1) / (o10 / o00 + o01 / o00 - 2)),
            "ratio_of_or": np.log((o11 / o10) / (o01 / o00)),
        }
