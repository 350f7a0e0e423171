r"""When data misbehave: separation, missing answers, and choices that another analyst would have made otherwise.

* `firth` gives finite log odds where a group has the outcome always or never (`fit_logit` then refuses).
* `impute` fills in missing identities and outcomes several times; `combine` pools what is estimated from each.
* `robustness` estimates one gap under every combination of declared choices, in one table.

These are sensitivity analyses beside the estimate that a page reports, and their convention says so.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.cells import Cells, compress, describe
from trustlib.design import DOMAIN, SurveyDesign, _collect
from trustlib.errors import (
    EstimandError,
    FitError,
    MissingRowsWarning,
    axis_names,
    require_a,
    require_names,
)
from trustlib.estimates import (
    COLUMNS,
    LOG_SCALES,
    Estimates,
    _filled,
    coefficients,
    comparisons,
    predictions,
)
from trustlib.expressions import quoted
from trustlib.intervals import INTERVALS, two_sided_p, wald_interval
from trustlib.logit import (
    LogitFit,
    _blas,
    _design_matrix,
    _require_overlap,
    _require_rank,
    expit,
    fit_logit,
)
from trustlib.variance import Array, ReplicateScatter, replicate_covariance

FIRTH = (
    "Firth penalised likelihood, model-based SE, weights normalised: sensitivity only"
)
CHOICES = ["weights", "covariates", "link", "model", "missing"]
WEIGHTS = ("weighted", "unweighted", "trimmed")
TRIM = 0.99  # quantile above which trimmed weights have its value instead
LINKS = ("logit", "log", "identity", "firth")
MODELS = ("saturated", "additive")
# Mean and slope for a linear predictor. The families are canonical (quasi-Poisson, Gaussian, binomial), so that the
# score is x (Y - mu W) for all, as in trustlib.logit.
INVERSE: dict[str, Any] = {
    "log": (np.exp, np.exp),
    "identity": (np.array, np.ones_like),
}
INVERSE["firth"] = (expit, lambda eta: expit(eta) * expit(-eta))
NO_DESIGN = "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...)."


# -- separation, and links other than the logit -----------------------------------------------------------------------


def firth(cells: Cells, formula: str) -> Estimates:
    r"""Log odds by Firth's penalised likelihood: finite also where a group has the outcome always or never.

    .. math:: \ell^*(\beta)=\ell(\beta)+\tfrac12\log|I(\beta)|,\qquad V=I(\hat\beta)^{-1}

    Parameters
    ----------
    cells : Cells
        Everyone counts with their weight, scaled so that the weights sum to the number of people.
    formula : str
        As in `fit_logit`.

    Returns
    -------
    Estimates
        Of kind coefficient. Intervals are of the penalised profile likelihood, p-values of its likelihood ratio test,
        with the signed root of that as statistic: where data are separated they can be read, and the standard errors
        hardly. None of them knows strata, PSUs and the variation of the weights: a sensitivity analysis beside
        `fit_logit` on coarser groups, not a replacement for it. A limit that is not found is NaN.

    Raises
    ------
    FitError, RankError, UnknownNameError

    Notes
    -----
    Computed by firthmodels (MIT). R: ``logistf::logistf``, and ``glm(method = brglm2::brglmFit)``, whose standard
    errors these are (firthmodels and newer versions of logistf print smaller ones, of the augmented data).
    Sources: Firth (1993), Biometrika 80, 27-38; Heinze and Schemper (2002), Statistics in Medicine 21, 2409-2419.
    """
    from scipy.special import ndtri

    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    fit = _fit(cells, formula, "firth")
    found = coefficients(fit)
    frame = found.frame
    with _blas().limit(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame[["conf_low", "conf_high"]] = fit.glm.conf_int(
            method="pl", max_iter=200, tol=1e-6
        )
        frame["p_value"] = fit.glm.lrt().lrt_pvalues_
    frame["statistic"] = -np.sign(frame["estimate"]) * ndtri(frame["p_value"] / 2)
    return replace(
        found,
        _frame=frame,
        convention=f"{FIRTH}; penalised profile likelihood interval; model: {formula}",
    )


@dataclass(frozen=True, eq=False, repr=False)
class _LinkFit(LogitFit):
    """A model that `predictions` takes as it takes a logit."""

    link: str = "log"

    def probabilities(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Fitted means mu, and the derivatives of logit(mu), which for a logit are its design matrix."""
        _, x = super().probabilities(frame)
        mu, slope = (f(x @ self.coef.to_numpy()) for f in INVERSE[self.link])
        mu = np.where((mu == 0) | (mu == 1), np.clip(mu, 1e-300, 1 - 1e-16), mu)
        return mu, x * (slope / (mu * (1 - mu)))[:, None]

    @property
    def _influence(self) -> Array:
        """Derivative (p, 2C) of the coefficients by the cell totals."""
        weight = self.cells.frame["sum_w"].to_numpy(float)
        mu, slope = (f(self.x @ self.coef.to_numpy()) for f in INVERSE[self.link])
        inverse = np.linalg.inv((self.x * (weight * slope)[:, None]).T @ self.x)
        return inverse @ np.hstack([-(self.x * mu[:, None]).T, self.x.T])


def _fit(cells: Cells, formula: str, link: str) -> LogitFit:
    """A model with design-based covariance by link, or by Firth's method with its own covariance."""
    if link == "logit":
        return fit_logit(cells, formula)
    spec, x, names = _design_matrix(cells, formula)
    _require_rank(x, names)
    weight, events = cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    if (
        link == "log"
    ):  # here only a cell without the outcome does harm: with doubled weights none looks as if all had it
        _require_overlap(x, names, 2 * weight, events, cells)
    scale, scatter = cells.frame["n"].sum() / weight.sum(), cells.scatter
    with _blas().limit(limits=1):
        model = (
            _firth_model(x, scale * weight, scale * events) if link == "firth" else None
        )
        beta = model.coef_ if model else _newton(x, weight, events, link)
        mu, slope = (f(x @ beta) for f in INVERSE[link])
        inverse = np.linalg.inv((x * (weight * slope)[:, None]).T @ x)
        if model:
            vcov, cells = inverse / scale, replace(cells, variance=FIRTH, df=np.inf)
        elif isinstance(scatter, ReplicateScatter):
            betas = [
                _newton(x, w, y, link)
                for w, y in zip(*np.hsplit(scatter.totals, 2), strict=True)
            ]
            vcov = replicate_covariance(
                np.array(betas), beta, scatter.scale, scatter.mse
            )
        else:
            vcov = scatter.covariance(inverse @ np.hstack([-(x * mu[:, None]).T, x.T]))
    df, table = cells.df - (len(names) - 1), pd.DataFrame(vcov, names, names)
    return _LinkFit(
        cells, formula, pd.Series(beta, names), table, df, model, x, spec, link=link
    )


def _newton(x: Array, weight: Array, events: Array, link: str) -> Array:
    """Coefficients with sum x (Y - mu W) = 0, started from the same mean for everyone."""
    mean, slope = INVERSE[link]
    start = np.log(events.sum() / weight.sum()) if link == "log" else 0.0
    beta = np.linalg.lstsq(x, np.full(len(x), start), rcond=None)[0]
    for _ in range(100):
        eta = x @ beta
        step = np.linalg.solve(
            (x * (weight * slope(eta))[:, None]).T @ x,
            x.T @ (events - weight * mean(eta)),
        )
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-11:
            return beta
    raise FitError(
        f"The model with {link} link did not converge.",
        "Use fewer terms or coarser levels.",
    )


def _firth_model(x: Array, weight: Array, events: Array) -> Any:
    """A fitted FirthLogisticRegression, as exact as rounding allows: no step may lower its likelihood."""
    from firthmodels import FirthLogisticRegression

    rows, answers = np.vstack([x, x]), np.repeat([0, 1], len(x))
    for tol in (1e-9, 1e-7, 1e-5) if 0 < events.sum() < weight.sum() else ():
        model = FirthLogisticRegression(
            gtol=100 * tol, xtol=tol, max_iter=500, fit_intercept=False, backend="numpy"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if model.fit(rows, answers, np.r_[weight - events, events]).converged_:
                return model
    raise FitError(
        "Firth's method did not converge, or all answers are alike.",
        "Use fewer terms or coarser levels.",
    )


# -- missing answers --------------------------------------------------------------------------------------------------


def impute(
    design: SurveyDesign,
    columns: Sequence[str],
    within: Sequence[str] = (),
    m: int = 10,
    seed: int = 0,
) -> list[SurveyDesign]:
    """Fill in missing identities and outcomes from donors, m times, so that the variation says how much is unknown.

    Parameters
    ----------
    design : SurveyDesign
        Impute first and take domains by the imputed columns afterwards. People outside the design's domain, or with
        weight zero, neither give nor receive.
    columns : sequence of str
        What to impute, together: outcome and identities. NaN or None is missing. An answer that does not apply is not
        missing; leave those people out with ``design.domain`` first.
    within : sequence of str
        Classes without missing values, such as age band and region.
    m : int
        Number of completed designs.
    seed : int

    Returns
    -------
    list of SurveyDesign
        The same design with a pandas frame in which `columns` are complete. Estimate from each, then `combine`.

    Raises
    ------
    EstimandError
        A class has people with missing answers and nobody with all of them.

    Notes
    -----
    A hot deck with the Bayesian bootstrap: in each imputation every donor (a person with all of `columns`) gets a
    share of standard exponential size, and each person with missing answers takes all of them from one donor, drawn
    by share from those of their class who gave the same answers to the other `columns`, or if there are none, from
    the class. Taking them from one donor keeps the associations between columns; sharing out anew each time adds what
    is unknown about the donors themselves, as does the approximate Bayesian bootstrap, which resamples them.

    It assumes that within a class (and among those with the same other answers) whether an answer is missing depends
    neither on that answer nor on the weight: add bands of the weight to `within` if in doubt. Clustering within PSUs
    is kept only as far as the classes carry it.

    Sources: Rubin and Schenker (1986), JASA 81, 366-374; Andridge and Little (2010), Int. Stat. Review 78, 40-64.
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    frame = _collect(nw.from_native(design.frame))
    columns, within = (
        axis_names(columns, frame),
        axis_names(within, [c for c in frame if c not in columns]),
    )
    counts = isinstance(m, int) and isinstance(seed, int) and m > 0 and seed >= 0
    if not (counts and columns) or frame[within].isna().any(axis=None):
        hint = "Classes are known for everyone: impute a column that is not, or leave it out of `within`."
        raise EstimandError(
            f"Expected columns, complete classes, m above 0, a seed; got m={m!r}, seed={seed!r}.",
            hint,
        )
    used = (
        np.ones(len(frame), bool)
        if design.weight is None
        else frame[design.weight].to_numpy(float) > 0
    )
    decks = _decks(
        frame, columns, within, used & np.asarray(frame.get(DOMAIN, used), bool)
    )
    rng, completed = np.random.default_rng(seed), []
    for _ in range(m):
        share, origin = (
            rng.exponential(size=len(frame)),
            {c: np.arange(len(frame)) for c in columns},
        )
        for lacking, takers, donors in decks:
            drawn = rng.choice(
                donors, len(takers), p=share[donors] / share[donors].sum()
            )
            for c in lacking:
                origin[c][takers] = drawn
        completed.append(
            _with_columns(
                design, {c: frame[c].array.take(at) for c, at in origin.items()}
            )
        )
    return completed


def _decks(
    frame: pd.DataFrame, columns: list, within: list, used: Array
) -> list[tuple[list, Array, Array]]:
    """For each pattern of missing answers in each class: the columns, the rows that lack them, the rows of donors."""
    lacks = frame[columns].isna().to_numpy()
    complete, decks = used & ~lacks.any(axis=1), []
    for pattern in np.unique(lacks[used & ~complete], axis=0):
        waiting = used & (lacks == pattern).all(axis=1)
        given, lacking = (
            np.array(columns)[~pattern].tolist(),
            np.array(columns)[pattern].tolist(),
        )
        for keys in ([*within, *given], within):
            code = (
                frame.groupby(keys, observed=True, dropna=False).ngroup()
                if keys
                else pd.Series(0, frame.index)
            )
            for at in np.unique(code[waiting]):
                takers, donors = (
                    np.flatnonzero(who & (code == at)) for who in (waiting, complete)
                )
                if len(donors):
                    decks.append((lacking, takers, donors))
                    waiting[takers] = False
        if waiting.any():
            where = describe(frame[waiting].iloc[0], within)
            raise EstimandError(
                f"Nobody in the class {where} has all of {columns}.",
                "Use coarser or fewer classes.",
            )
    return decks


def _with_columns(
    design: SurveyDesign, columns: dict[str, Any], **options: Any
) -> SurveyDesign:
    """The design with other values in columns that determine neither strata nor PSUs."""
    new, frame = (
        copy.copy(design),
        _collect(nw.from_native(design.frame)).assign(**columns),
    )
    for name, value in {"frame": frame, **options}.items():
        object.__setattr__(new, name, value)
    return new


def combine(parts: Sequence[Estimates]) -> Estimates:
    r"""Pool the estimates from completed designs by Rubin's rules.

    .. math:: \bar Q=\tfrac1m\sum_i \hat Q_i,\qquad T=\bar U+(1+\tfrac1m)B,\qquad \lambda=(1+\tfrac1m)B/T

    .. math:: \frac1\nu=\frac{\lambda^2}{m-1}+\frac1{\nu_{obs}},\qquad
              \nu_{obs}=\frac{d+1}{d+3}\,d\,(1-\lambda)

    with :math:`\bar U` the mean covariance, B the covariance of the m estimates, and d the design df.

    Parameters
    ----------
    parts : sequence of Estimates
        The same estimates from each completed design, two or more. Make gaps and interactions before pooling.

    Returns
    -------
    Estimates
        With the degrees of freedom of each row, and a column ``fmi``, its fraction of missing information
        :math:`(r+2/(\nu+3))/(r+1)` with :math:`r=\lambda/(1-\lambda)`. Ratios are pooled as logarithms. ``n`` is the
        mean over the completed designs.

    Raises
    ------
    EstimandError
        Fewer than two, or not the same rows in each.

    Notes
    -----
    R: ``mitools::MIcombine`` (d infinite: Rubin 1987), ``mice::pool`` (d finite). With ``df.complete`` mitools 2.4
    leaves out the factor 1+1/m in the second formula, which Barnard and Rubin (1999, Biometrika 86, 948-955) have.
    """
    for part in parts:
        require_a(
            Estimates,
            part,
            "Give a list with the estimates from each completed design.",
        )
    rows = [
        p.frame.drop(columns=list(COLUMNS)).assign(kind=p.kind).astype(str)
        for p in parts
    ]
    if len(parts) < 2 or not all(r.equals(rows[0]) for r in rows):
        hint = "Estimate the same from each design that impute gave; join levels that are not in all of them."
        raise EstimandError(
            "Expected two or more estimates of one kind with the same rows.", hint
        )
    first, m = parts[0], len(parts)
    df = np.min([p.frame["df"] for p in parts], axis=0)
    frame, level = first.frame, first.kind == "level"
    log = frame.get("measure", pd.Series(first.kind, frame.index)).isin(LOG_SCALES)
    raw = np.array([p.frame["estimate"] for p in parts], float)
    with np.errstate(divide="ignore", invalid="ignore"):
        each, size = np.where(log, np.log(raw), raw), np.where(log, raw, 1.0)
        inside = np.mean(
            [p.vcov / np.outer(s, s) for p, s in zip(parts, size, strict=True)], axis=0
        )
        value, total = (
            each.mean(axis=0),
            inside + (1 + 1 / m) * np.atleast_2d(np.cov(each.T)),
        )
        se, rate = np.sqrt(np.diag(total)), 1 - np.diag(inside) / np.diag(total)
        nu = 1 / (rate**2 / (m - 1) + 1 / ((1 - 2 / (df + 3)) * df * (1 - rate)))
        n = np.mean([p.frame["n"] for p in parts], axis=0).round()
        interval: Any = next(
            (
                f
                for i, f in INTERVALS.items()
                if level and f"; {i} interval" in first.convention
            ),
            wald_interval,
        )
        low, high = interval(value, se, nu, n)
        z, n_eff = (
            (np.nan, value * (1 - value) / se**2) if level else (value / se, np.nan)
        )
        value, low, high = (
            np.where(log, np.exp(np.where(log, v, 0)), v) for v in (value, low, high)
        )
    p_value = [
        float(two_sided_p(t, d))
        for t, d in zip(np.broadcast_to(z, nu.shape), nu, strict=True)
    ]
    size, fmi = np.where(log, value, 1.0), rate + (1 - rate) * 2 / (nu + 3)
    columns = (value, se * size, low, high, z, p_value, nu, n, n_eff)
    note = f"Pooled over {m} imputations; {fmi.min():.0%} to {fmi.max():.0%} of the information is missing."
    table = _filled(frame.drop(columns=list(COLUMNS)), columns).assign(fmi=fmi)
    how = f"{first.convention}; {m} imputations, Rubin's rules, Barnard-Rubin df of each row"
    smallest = np.min([p.smallest for p in parts], axis=0)
    made = replace(
        first,
        _frame=table,
        vcov=total * np.outer(size, size),
        df=float(nu.min()),
        smallest=smallest,
        parts=(),
    )
    return replace(made, convention=how, notes=(*first.notes, note), replicates=None)


# -- other choices ----------------------------------------------------------------------------------------------------


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

    The gap is the difference of two average predicted probabilities: everyone's axes set to `contrast`, and to
    `reference`, the other axes and the covariates as they are (`predictions`).

    Parameters
    ----------
    design : SurveyDesign
    outcome : str
    by : sequence of str
        The identity axes of the model.
    contrast, reference : mapping
        ``{"ethnicity": "minority", "disability": "yes"}`` against, by default, the first level of each of these axes.
    covariates : mapping, optional
        Name of each set of covariates -> columns: ``{"none": [], "age": ["age_band"]}``. By default no covariates.
    weights : sequence of {"weighted", "unweighted", "trimmed"}
        As in the design; the same for everyone; or those above the quantile `trim` set to it. Then all are scaled to
        the old total. Replicate weights are multiplied by the same factor for each person.
    links : sequence of {"logit", "log", "identity", "firth"}
        Logistic; quasi-Poisson ("modified Poisson", Zou 2004); linear probability; logistic by Firth's method, whose
        standard error ignores the design (see `firth`). In a saturated model without other axes or covariates the
        first three give the same gap.
    models : sequence of {"saturated", "additive"}
        All interactions of `by`, or none. Covariates always enter additively.
    completed : sequence of SurveyDesign, optional
        From `impute`: each specification is then also estimated from these and pooled. Otherwise everyone enters who
        has the outcome, the axes and the covariates of the specification; ``n`` shows how many of the two groups.
    trim : float

    Returns
    -------
    Estimates
        Of kind difference, a row for each specification, identified by weights, covariates, link, model and missing.
        Rows are about the same people, so they are correlated; the covariance is not computed, and NaN. A
        specification that cannot be fitted is named in ``notes``, with the reason.

    Raises
    ------
    FitError
        No specification can be fitted.
    UnknownNameError, EstimandError, DesignError

    Notes
    -----
    R: ``svyglm(family = quasibinomial() | quasipoisson() | gaussian())``, then the standardised difference by the
    delta method. Sources: Zou (2004), Am. J. Epidemiology 159; Steegen et al. (2016), Perspectives on Psychological
    Science 11 (multiverse); Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4 (specification curve).
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    for given in (contrast, covariates or {}):
        require_a(
            Mapping,
            given,
            'For example contrast={"disability": "yes"}, covariates={"age": ["age_band"]}.',
        )
    for kind, asked, known in (
        ("weights", weights, WEIGHTS),
        ("link", links, LINKS),
        ("model", models, MODELS),
    ):
        require_names(kind, asked, known)
    require_names("axis", contrast, by := axis_names(by, by))
    samples = [("complete cases", [design])] + [("imputed", list(completed))] * bool(
        completed
    )
    sets = []
    for use, (name, extra), (missing, designs) in product(
        weights, (covariates or {"none": ()}).items(), samples
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MissingRowsWarning)
            cells = [
                compress(reweighted(each, use, trim), outcome, [*by, *extra])
                for each in designs
            ]
        sets.append((use, name, missing, extra, cells))
    note = (
        f"Trimmed: weights above their {trim:g} quantile are set to it."
        if "trimmed" in weights
        else ""
    )
    return _specifications(
        sets, by, contrast, reference, links, models, design.variance, note
    )


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
        Of one outcome, each with all axes in `by`. Their other axes are covariates: the gap is estimated without any,
        and with those of each set of cells. Weights are as sealed (see `reweighted`); all are complete cases.
    by, contrast, reference, links, models
        As for `robustness`.

    Returns
    -------
    Estimates
        As `robustness`.
    """
    require_a(Sequence, cells, "Give a list of Cells.")
    sets: list[tuple] = []
    for part in cells:
        require_a(Cells, part, "Give a list of Cells.")
        if part.outcome != cells[0].outcome:
            raise EstimandError(
                f"The cells are of {cells[0].outcome!r} and of {part.outcome!r}.",
                "Give one outcome.",
            )
        extra = [c for c in part.by if c not in axis_names(by, part.by)]
        use = str(part.source.get("weights", "weighted"))
        chosen = ([], extra)[use in {had for had, *_ in sets} : 1 + bool(extra)]
        sets += [
            (use, ", ".join(names) or "none", "complete cases", names, [part])
            for names in chosen
        ]
    return _specifications(
        sets,
        axis_names(by, cells[0].by),
        contrast,
        reference,
        links,
        models,
        cells[0].variance,
    )


def _specifications(
    sets: Sequence[tuple],
    by: Sequence[str],
    contrast: Mapping[str, Any],
    reference: Mapping[str, Any] | None,
    links: Sequence[str],
    models: Sequence[str],
    variance: str,
    note: str = "",
) -> Estimates:
    """One gap for each link and model on each set: (weights, covariates, missing, axes of covariates, cells)."""
    for kind, asked, known in (("link", links, LINKS), ("model", models, MODELS)):
        require_names(kind, asked, known)
    require_names("axis", contrast, by)
    found: dict[tuple[str, ...], Estimates] = {}
    failed: dict[str, list[str]] = {}
    for use, name, missing, extra, cells in sets:
        for link, model in product(links, models):
            joint = " * " if model == "saturated" else " + "
            formula = " + ".join([joint.join(map(quoted, by)), *map(quoted, extra)])
            choice = (use, name, link, model, missing)
            try:
                gaps = [
                    _gap(_fit(part, formula, link), contrast, reference)
                    for part in cells
                ]
                found[choice] = combine(gaps) if missing == "imputed" else gaps[0]
            except (FitError, np.linalg.LinAlgError) as error:
                failed.setdefault(str(error).splitlines()[0], []).append(
                    ", ".join(choice)
                )
    notes = [f"Not fitted: {'; '.join(which)}. {why}" for why, which in failed.items()]
    if not found:
        raise FitError(
            "No specification can be fitted. " + " ".join(notes),
            "Use fewer axes or coarser levels.",
        )
    gaps = list(found.values())
    frame = pd.concat([gap.frame for gap in gaps], ignore_index=True)
    if "firth" in links:
        notes.append(
            "Intervals of Firth's method ignore the design: compare its estimates only."
        )
    about = f"Gap: {describe(contrast, list(contrast))} against {frame['reference'].iloc[0]}. {note}".strip()
    how = f"{variance}; average predictions, covariates fixed; Wald interval, t with the df of each row"
    table = pd.DataFrame(list(found), columns=CHOICES).join(
        frame.drop(columns=[*contrast, "reference"])
    )
    vcov = np.where(
        np.eye(len(gaps), dtype=bool), table["std_error"].to_numpy() ** 2, np.nan
    )
    smallest, how = (
        np.concatenate([g.smallest for g in gaps]),
        how + f"; firth: {FIRTH}" * ("firth" in links),
    )
    made = replace(
        gaps[0],
        _frame=table,
        vcov=vcov,
        by=tuple(CHOICES),
        smallest=smallest,
        df=float(table["df"].min()),
        parts=(),
        compared=(),
        _people=None,
    )
    return replace(made, convention=how, notes=(about, *notes))


def _gap(
    fit: LogitFit, contrast: Mapping[str, Any], reference: Mapping[str, Any] | None
) -> Estimates:
    """The difference of average predictions between two settings of some axes."""
    gaps = comparisons(predictions(fit, list(contrast), interval="wald"), reference)
    wanted = np.all(
        [gaps.frame[axis] == level for axis, level in contrast.items()], axis=0
    )
    if not wanted.any():
        group = describe(contrast, list(contrast))
        raise EstimandError(
            f"Nobody is in the group {group}, or it is the reference.",
            "Name levels that occur.",
        )
    return gaps.where(wanted)


def reweighted(design: SurveyDesign, use: str, trim: float = TRIM) -> SurveyDesign:
    """The design with its weights as they are ("weighted"), equal ("unweighted") or "trimmed" at a quantile.

    The total of the weights stays. What is sealed from such a design names the choice in its source.
    """
    if use == "weighted":
        return design
    if design.weight is None or not 0 < trim < 1:
        hint = "Give a design with weights and trim between 0 and 1, or ask for weights=['weighted'] only."
        raise EstimandError(
            f"Weights cannot be {use}: the design's weight is {design.weight}, trim is {trim}.",
            hint,
        )
    names = [design.weight, *(design.replicate_weights or ())]
    old = _collect(nw.from_native(design.frame).select(*names)).astype(float)
    weight = old[design.weight].to_numpy()
    kept = weight > 0
    new = (
        kept.astype(float)
        if use == "unweighted"
        else np.minimum(weight, np.quantile(weight[kept], trim))
    )
    factor = new * (weight.sum() / new.sum()) / np.where(kept, weight, 1.0)
    changed = {c: old[c].to_numpy() * factor for c in names}
    source = {**(design.source or {}), "weights": use}
    # The new weights do not meet the margins of a raked design.
    return _with_columns(design, changed, raked=None, base_weight=None, source=source)
