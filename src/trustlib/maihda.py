r"""Intersectional MAIHDA: random intercepts for the strata, on grouped counts.

Multilevel analysis of individual heterogeneity and discriminatory accuracy asks how
much of the variation in a 0/1 outcome lies between intersectional strata, and how much
of that the main effects of the axes account for.

A ladder of models shares the strata: *null* (an intercept), *adjusted* (covariates) and
*additive* (covariates and the main effects of the axes). What the additive model leaves
between strata is interaction, on the log-odds scale.

Every estimate of the standard deviation between strata is an approximation and says
which one (`trustlib.random_intercepts`). The default is REML-Laplace. With 16 strata of
four axes maximum likelihood puts the additive variance a third too low on average
(``benchmarks/maihda_bias.py``), which flatters the PCV.

Sources: Merlo (2018) and Evans et al. (2018), *Social Science & Medicine*, for the
models; Merlo et al. (2006) for the median odds ratio; Pinheiro and Chao (2006) for the
quadrature; Weerahandi (1993) for the interval of the PCV. R: ``lme4::glmer`` (maximum
likelihood), ``glmmTMB::glmmTMB(REML = TRUE)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trustlib.between_strata import (
    BOUNDARY,
    OF_VARIANCE,
    auc,
    pcv_interval,
    variance_interval,
    vpc_response,
)
from trustlib.cells import SUMS, Cells, combinations
from trustlib.errors import (
    ConvergenceError,
    EstimandError,
    RankError,
    axis_names,
    is_number,
    require_a,
    require_names,
)
from trustlib.estimates import (
    Estimates,
    contrast,
    estimates_of_cells,
    result_frame,
)
from trustlib.expressions import quoted
from trustlib.intervals import logit_interval
from trustlib.levels import cell_means
from trustlib.newton import expit, one_thread
from trustlib.random_intercepts import (
    SIGMAS,
    Counts,
    Maximum,
    Modes,
    maximum_likelihood,
    modes,
    restricted,
)
from trustlib.terms import design_matrix, require_overlap, require_rank
from trustlib.variance import Array, Codes

MOST_POINTS = 100  # of the quadrature


@dataclass(frozen=True, eq=False, repr=False)
class RandomIntercept:
    """One random-intercept logistic model.

    Attributes
    ----------
    coef : Series (p,)
        Fixed effects, log odds (ratios).
    vcov : DataFrame (p, p)
        Their covariance, with the variance between strata taken as known and people
        counted as a simple random sample.
    variance : float
        Variance between strata, log odds squared; 0 on the boundary (below 1e-6).
    intercepts : array (J,)
        Conditional mode of each stratum's intercept, log odds, in the order of the
        strata.
    log_likelihood : float
        Of maximum likelihood, with the binomial coefficients of the grouped counts, as
        R's ``logLik``; NaN for REML.
    counts : Counts
        What it was fitted to.
    modes : Modes
        Where its likelihood is highest.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"g": ["a", "b", "c", "d"] * 50, "w": 1.0})
    >>> rows["y"] = [0, 0, 1, 1] * 20 + [0, 1, 0, 1] * 10 + [1, 0, 1, 0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["g"])
    >>> null = tl.maihda(cells, method="ml").fits["null"]
    >>> null.intercepts.shape, null.probabilities().shape
    ((4,), (4,))
    """

    coef: pd.Series
    vcov: pd.DataFrame
    variance: float
    intercepts: Array
    log_likelihood: float
    counts: Counts
    modes: Modes

    @property
    def aic(self) -> float:
        """Akaike's information criterion, -2 log-likelihood + 2 (p + 1), as R's ``AIC``; NaN for REML."""
        return 2 * (len(self.coef) + 1 - self.log_likelihood)

    @property
    def vpc_response(self) -> float:
        """VPC on the scale of probabilities; NaN for a model with more than an intercept."""
        if len(self.coef) > 1:
            return np.nan
        return vpc_response(self.coef.iloc[0], self.variance)

    def probabilities(self, shrunken: bool = True) -> Array:
        """Predicted probability of each cell.

        Parameters
        ----------
        shrunken : bool
            With the intercept of its stratum, or with none.

        Returns
        -------
        array (C,)
        """
        eta = self.counts.x @ self.coef.to_numpy()
        if shrunken:
            eta = eta + self.intercepts[self.counts.stratum]
        return expit(eta)


@dataclass(frozen=True, eq=False)
class _Grouped:
    """Cells of strata and covariates, summed over all other axes, as the models take them."""

    cells: Cells  # C of them
    n: Array  # (C,) that the likelihood counts
    events: Array  # (C,)
    stratum: Codes  # (C,)
    people: Array  # (C,) or their weights
    share: Array  # (C,) with the outcome


def _grouped(
    cells: Cells, strata: list[str], covariates: list[str], weights: bool
) -> _Grouped:
    """Sums over cells, with people or what they are worth."""
    by = [*strata, *covariates]
    frame = cells.frame.astype(dict.fromkeys(strata, "category"))
    sums = [c for c in SUMS if c in frame]
    table = frame.groupby(by, observed=True)[sums].sum().reset_index()
    total = "n"
    events = "n_events"
    n = table["n"].to_numpy(float)
    if cells.sealed:  # with weights, or everybody counts once
        total = "sum_w"
        events = "sum_wy"
    if weights:
        total = "sum_w"
        events = "sum_wy"
        n = _worth(table)
    share = (table[events] / table[total]).clip(0, 1).to_numpy()
    _, stratum = combinations(table, strata)
    return _Grouped(
        replace(cells, frame=table, by=tuple(by)),
        n=n,
        events=n * share,
        stratum=stratum,
        people=table[total].to_numpy(float),
        share=share,
    )


def _worth(table: pd.DataFrame) -> Array:
    """Kish's effective number of people of each cell."""
    total = table["sum_w"].to_numpy(float)
    return total**2 / table["sum_w2"].to_numpy(float)


def _fit(
    grouped: _Grouped, terms: list[str], method: str, points: int
) -> RandomIntercept:
    """Fit one model; refuse what is not identified."""
    formula = " + ".join(map(quoted, terms)) or "1"
    matrix = design_matrix(grouped.cells, formula)
    x = matrix.x
    names = matrix.names
    require_rank(x, names, grouped.cells)
    require_overlap(x, names, grouped.n, grouped.events, grouped.cells)
    counts = Counts.of(grouped.n, grouped.events, grouped.stratum, x)
    _require_strata(counts)
    found = _maximum(counts, method, points)
    sigma = found.sigma
    at = found.at
    if sigma > 0.99 * SIGMAS[-1]:
        raise ConvergenceError(
            "The variance between strata has no maximum.",
            "Use method='ml' or coarser strata.",
        )
    if sigma**2 < BOUNDARY:
        sigma = 0.0
        at = modes(counts, sigma, at.beta)
    return RandomIntercept(
        coef=pd.Series(at.beta, names, name="coef"),
        vcov=pd.DataFrame(np.linalg.inv(at.schur), names, names),
        variance=sigma**2,
        intercepts=sigma * at.b,
        log_likelihood=float(found.log_likelihood),
        counts=counts,
        modes=at,
    )


def _maximum(counts: Counts, method: str, points: int) -> Maximum:
    if method == "reml":
        return restricted(counts)
    return maximum_likelihood(counts, points)


def _require_strata(counts: Counts) -> None:
    """Refuse fixed effects that leave nothing to vary between strata."""
    highest = np.maximum.reduceat(counts.x, counts.first)
    lowest = np.minimum.reduceat(counts.x, counts.first)
    within_strata = (highest == lowest).all(axis=0)
    strata = len(counts.first)
    if within_strata.sum() >= strata:
        raise RankError(
            f"The main effects leave nothing to vary between {strata} strata.",
            "Use more axes or finer levels: there must be more strata than main "
            "effects.",
        )


@dataclass(frozen=True, eq=False, repr=False)
class MaihdaFit:
    r"""The models of one intersectional MAIHDA.

    Attributes
    ----------
    cells : Cells
    by : tuple of str
        The axes whose observed combinations are the strata.
    fits : dict of str to RandomIntercept
        ``null``, ``adjusted`` (if there are covariates) and ``additive`` (if there are
        two axes or more).
    models : DataFrame
        One row for each of them: variance; vpc, the variance partition coefficient
        :math:`\sigma^2/(\sigma^2+\pi^2/3)` on the latent scale; vpc_response, that on
        the scale of probabilities (of the null model only); mor, the median odds ratio
        :math:`\exp(\Phi^{-1}(0.75)\sqrt{2\sigma^2})` between two random strata; auc,
        the area under the ROC curve of the model's probabilities; pcv, the proportional
        change in variance :math:`1-\sigma^2/\sigma^2_{\mathrm{null}}`, NaN if the null
        model finds no variance.
    weights : bool
        Whether these are population-weighted point estimates.
    method : {"reml", "ml"}
    convention : str
        Strata, approximation and treatment of weights, in one line.
    notes : tuple of str
        Cautions: a variance on the boundary, an undefined PCV.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"g": ["a", "b", "c", "d"] * 50, "w": 1.0})
    >>> rows["y"] = [0, 0, 1, 1] * 20 + [0, 1, 0, 1] * 10 + [1, 0, 1, 0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["g"])
    >>> fit = tl.maihda(cells)
    >>> round(fit.vpc, 2)
    0.29
    >>> fit.strata.frame[["g", "raw"]].values.tolist()
    [['a', 0.4], ['b', 0.2], ['c', 0.8], ['d', 0.6]]
    """

    cells: Cells
    by: tuple[str, ...]
    fits: dict[str, RandomIntercept]
    models: pd.DataFrame
    weights: bool
    method: str
    convention: str
    notes: tuple[str, ...]
    _people: Array  # (C,)

    @property
    def vpc(self) -> float:
        """Variance partition coefficient of the null model."""
        return float(self.models.loc["null", "vpc"])

    @property
    def mor(self) -> float:
        """Median odds ratio of the null model."""
        return float(self.models.loc["null", "mor"])

    @property
    def auc(self) -> float:
        """Area under the ROC curve of the null model."""
        return float(self.models.loc["null", "auc"])

    @property
    def pcv(self) -> float:
        """Proportional change in variance of the last model."""
        return float(self.models["pcv"].iloc[-1])

    @property
    def _last(self) -> RandomIntercept:
        return list(self.fits.values())[-1]

    def __repr__(self) -> str:
        models = ", ".join(self.fits)
        return f"<MaihdaFit: {self.cells.outcome}; {models}; {self.convention}>"

    def interval(
        self, measure: str = "pcv", draws: int = 1000, seed: int = 0
    ) -> Estimates:
        r"""The models' VPC, MOR or PCV with 95 % intervals, for pages too.

        Parameters
        ----------
        measure : {"pcv", "vpc", "mor"}
        draws, seed : int
            For the PCV only, whose interval is simulated.

        Returns
        -------
        Estimates
            One row for each model; the PCV has none for the null model.

        Raises
        ------
        EstimandError
            For maximum likelihood, whose variances are biased; for ``weights=True``;
            for a PCV that is not defined.

        Notes
        -----
        VPC and MOR: profile REML likelihood, all sigma whose signed root
        :math:`r(\sigma)=\pm\sqrt{2[\ell_R(\hat\sigma)-\ell_R(\sigma)]}` is within 1.96.
        PCV: sigma is drawn from :math:`r(\sigma)\sim N(0,1)` and beta from its normal
        distribution given sigma, and

        .. math:: \mathrm{PCV}^*=\frac{S^*}{S^*+\sigma^{*2}},\qquad
                  S^*=\mathrm{var}_j(\bar x_j'\beta^*)-2\,\mathrm{tr}(C\,V_\beta)

        with C the covariance of the strata's mean x: the trace takes out what the error
        of the estimate and that of the draw add to the variance between strata. This is
        a generalised confidence interval (Weerahandi 1993). The percentile bootstrap
        covers less evenly: ``benchmarks/maihda_coverage.py`` measures both.

        Examples
        --------
        >>> import pandas as pd
        >>> import trustlib as tl
        >>> rows = pd.DataFrame({"g": ["a", "b", "c", "d"] * 50, "w": 1.0})
        >>> rows["y"] = [0, 0, 1, 1] * 20 + [0, 1, 0, 1] * 10 + [1, 0, 1, 0] * 20
        >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["g"])
        >>> mor = tl.maihda(cells).interval("mor").frame
        >>> mor["model"].tolist(), bool(mor["conf_low"].iloc[0] > 1)
        (['null'], True)
        """
        require_names("measure", [measure], ("pcv", *OF_VARIANCE))
        value = self.models[measure].dropna()
        if self.method != "reml" or self.weights or value.empty:
            raise EstimandError(
                f"There is no interval for {measure} here ({self.convention}).",
                "Fit with method='reml' and weights=False; a PCV needs a null variance "
                "above zero.",
            )
        with one_thread():
            limits = [
                _interval(self.fits[name], measure, draws, seed) for name in value.index
            ]
        low, high = np.array(limits).T
        people = self.cells.counts([]).iloc[0]
        blank = np.full(len(value), np.nan)
        axes = pd.DataFrame({"model": value.index, "measure": measure})
        values = (
            value.to_numpy(),
            blank,
            low,
            high,
            blank,
            blank,
            np.inf,
            people["n"],
            blank,
        )
        how = "profile likelihood"
        if measure == "pcv":
            how = f"simulated from the profile, {draws} draws, seed {seed}"
        least = self.cells.counts(self.by)["smallest"].min()
        result = estimates_of_cells(
            self.cells,
            result_frame(axes, values),
            np.diag(blank),
            "multilevel",
            f"{self.convention}; interval: {how}",
            np.full(len(value), least),
            np.inf,
        )
        return replace(result, notes=self.notes)

    @property
    def _parts(self) -> Estimates:
        """Probabilities of the last model: J rows with the stratum's intercept, then J rows with none."""
        fit = self._last
        counts = fit.counts
        share = self._people / counts.sums(self._people)[counts.stratum]
        sides = [_standardised(fit, share, shrunken) for shrunken in (True, False)]
        p = np.concatenate([side.p for side in sides])
        a = np.vstack([side.by_beta for side in sides])
        own = np.concatenate([side.own for side in sides])
        vcov = a @ fit.vcov.to_numpy() @ a.T + np.diag(own)
        note = self.convention
        if self.weights:
            vcov = np.full_like(vcov, np.nan)
        else:
            note += "; normal, variance between strata as known; logit interval"
        se = np.sqrt(np.diag(vcov))
        low, high = logit_interval(p, se, np.inf)
        people = self.cells.counts(self.by)
        axes = pd.concat([people[list(self.by)]] * 2)
        n = np.tile(people["n"], 2)
        values = (p, se, low, high, np.nan, np.nan, np.inf, n, np.nan)
        made = estimates_of_cells(
            self.cells,
            result_frame(axes, values),
            vcov,
            "prediction",
            note,
            np.tile(people["smallest"], 2),
            np.inf,
        )
        return replace(made, notes=self.notes)

    @property
    def strata(self) -> Estimates:
        """Each stratum as counted, as weighted, and shrunken by the last model.

        Returns
        -------
        Estimates (J rows)
            Of kind level. ``estimate`` is the shrunken probability, over the stratum's
            own covariates; its interval takes the variance between strata as known.
            Beside it in the frame: ``raw``, people with the outcome over people (NaN
            for sealed cells); ``weighted``, the saturated design-based logit
            (`cell_means`), with its interval; ``additive``, the model with no intercept
            of the stratum's own.
        """
        parts = self._parts
        weighted = cell_means(self.cells, self.by).frame
        table = self.cells.frame.reindex(columns=[*self.by, *SUMS])
        sums = table.groupby(list(self.by), observed=True).sum(min_count=1)
        model, additive = np.split(parts.frame["estimate"].to_numpy(), 2)
        shrunken = parts.where(np.arange(len(parts)) < len(model))
        frame = shrunken.frame.assign(
            raw=(sums["n_events"] / sums["n"]).to_numpy(),
            weighted=weighted["estimate"].to_numpy(),
            weighted_low=weighted["conf_low"].to_numpy(),
            weighted_high=weighted["conf_high"].to_numpy(),
            additive=additive,
        )
        return replace(shrunken, _frame=frame, kind="level")

    @property
    def excess(self) -> Estimates:
        """Each stratum's shrunken probability less that of the additive part alone.

        It is the interaction, in points.

        Returns
        -------
        Estimates (J rows)
            Of kind difference. If the last variance is on the boundary, all are zero
            and have no interval. Strata of one axis have no additive part: theirs is
            the adjusted model, or the intercept.
        """
        parts = self._parts
        if self._last.variance == 0:
            parts = replace(parts, vcov=parts.vcov * np.nan)
        size = len(parts) // 2
        frame = parts.frame
        p = frame["estimate"].to_numpy()
        one = np.eye(size)
        return contrast(
            parts,
            frame[list(self.by)][:size],
            p[:size] - p[size:],
            np.hstack([one, -one]),
            frame["n"].to_numpy()[:size],
            kind="difference",
            smallest=parts.smallest[:size],
        )


def _interval(fit: RandomIntercept, measure: str, draws: int, seed: int) -> Array:
    """Both ends of a 95 % interval; see `MaihdaFit.interval`."""
    best = np.sqrt(fit.variance)
    if measure == "pcv":
        return pcv_interval(fit.counts, fit.modes, best, draws, seed)
    return variance_interval(fit.counts, fit.modes, best, measure)


@dataclass(frozen=True, eq=False)
class _Standardised:
    """Probabilities of the strata over their own covariates, and how they vary."""

    p: Array  # (J,)
    by_beta: Array  # (J, p) derivatives, the intercepts following
    own: Array  # (J,) variance of the intercept given beta


def _standardised(fit: RandomIntercept, share: Array, shrunken: bool) -> _Standardised:
    """With the intercepts of the strata, or with none; `share` (C,) is that of a cell in its stratum."""
    counts = fit.counts
    at = fit.modes
    mu = fit.probabilities(shrunken)
    slope = share * mu * (1 - mu)
    by_beta = counts.sums(slope[:, None] * counts.x)
    by_b = np.zeros(len(counts.first))
    if shrunken:
        by_b = np.sqrt(fit.variance) * counts.sums(slope)
    through_b = (by_b / at.curvature)[:, None] * at.cross
    return _Standardised(
        p=counts.sums(share * mu),
        by_beta=by_beta - through_b,
        own=by_b**2 / at.curvature,
    )


def maihda(
    cells: Cells,
    strata: Sequence[str] | None = None,
    covariates: Sequence[str] = (),
    weights: bool = False,
    method: str = "reml",
    points: int = 1,
) -> MaihdaFit:
    r"""Intersectional MAIHDA: null, adjusted and additive random-intercept logistic models of the strata.

    Parameters
    ----------
    cells : Cells
        Axes that are neither strata nor covariates are summed over.
    strata : sequence of str, optional
        The axes whose observed combinations are the strata; by default all that are no
        covariates.
    covariates : sequence of str
        Axes that enter as fixed main effects: categories as dummies, numbers as
        numbers.
    weights : bool
        False: every person counts once and the weights are not used. True: each cell of
        strata and covariates has its weighted proportion, and as many people as it is
        worth, Kish's effective number :math:`(\sum w)^2/\sum w^2`. With the plain
        number of people the noise of uneven weights would count as variance between
        strata (``benchmarks/maihda_weights.py``). These are population-weighted point
        estimates: no standard error of them is known, and none is given.
    method : {"reml", "ml"}
        REML-Laplace, or maximum likelihood, whose variances are biased downwards when
        strata are few.
    points : int
        Quadrature points of ``method="ml"``: 1 is Laplace's approximation, more are
        adaptive Gauss-Hermite.

    Returns
    -------
    MaihdaFit

    Raises
    ------
    UnknownNameError
    EstimandError
        Sealed cells without ``weights=True`` (unless everybody was counted once when
        they were made), several points with REML, axes that
        cannot be strata.
    RankError
        The fixed effects are aliased, or leave nothing to vary between strata.
    SeparationError
        The fixed effects predict the outcome perfectly, for example if nobody with some
        level has the outcome.
    ConvergenceError
        The variance between strata has no maximum, or none was found. A stratum in
        which nobody, or everyone, has the outcome may do that, under REML sooner than
        under ``method="ml"``.

    Notes
    -----
    R: ``glmer(cbind(y, n - y) ~ 1 + (1 | stratum), family = binomial, nAGQ = points)``
    and ``glmmTMB(cbind(y, n - y) ~ 1 + (1 | stratum), family = binomial, REML =
    TRUE)``. With ``weights=True`` n is the effective number of people and y its
    weighted share with the outcome; glmer rounds such counts in its likelihood, so that
    the two agree where they are whole numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"g": ["a", "b", "c", "d"] * 50, "w": 1.0})
    >>> rows["y"] = [0, 0, 1, 1] * 20 + [0, 1, 0, 1] * 10 + [1, 0, 1, 0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["g"])
    >>> print(tl.maihda(cells).convention)
    random intercepts of 4 strata (g); REML-Laplace approximation; weights not used
    """
    require_a(Cells, cells, "Make them with compress(design, outcome, by).")
    covariates = axis_names(covariates, cells.by)
    if strata is None:
        strata = [c for c in cells.by if c not in covariates]
    strata = axis_names(strata, cells.by)
    _require_options(cells, strata, covariates, weights, method, points)
    grouped = _grouped(cells, strata, covariates, weights)
    ladder: dict[str, list[str]] = {"null": []}
    if covariates:
        ladder["adjusted"] = covariates
    if len(strata) > 1:
        ladder["additive"] = [*covariates, *strata]
    with one_thread():
        fits = {
            name: _fit(grouped, terms, method, points) for name, terms in ladder.items()
        }
    models = _models(fits, grouped)
    return MaihdaFit(
        cells,
        tuple(strata),
        fits,
        models,
        bool(weights),
        method,
        _convention(strata, fits["null"], method, points, weights),
        _notes(models),
        grouped.people,
    )


def _require_options(
    cells: Cells,
    strata: list[str],
    covariates: list[str],
    weights: Any,
    method: Any,
    points: Any,
) -> None:
    """Refuse strata that are none, and options that do not go together."""
    require_names("method", [method], ("reml", "ml"))
    require_names("value of weights", [weights], (True, False))
    if not strata or set(strata) & set(covariates):
        raise EstimandError(
            f"These cannot be strata: {strata}.", "Name axes that are no covariates."
        )
    possible = is_number(points, whole=True) and 1 <= points <= MOST_POINTS
    if not possible or (points > 1 and method == "reml"):
        raise EstimandError(
            f"Got points={points!r} with method={method!r}.",
            "Points are 1 to 100; with REML, 1.",
        )
    if cells.sealed and not weights and not _count_people(cells):
        raise EstimandError(
            "Sealed cells hold no counts of answers.",
            "Use weights=True, or unsealed cells.",
        )


def _count_people(cells: Cells) -> bool:
    """Whether all weights are alike, so that shares of weights are shares of people."""
    frame = cells.frame
    people = frame["n"].to_numpy(float)
    alike = np.isclose(_worth(frame), people, rtol=1e-9).all()
    each = frame["sum_w"].to_numpy(float) / people
    return bool(alike and np.allclose(each, each[0], rtol=1e-9))


def _models(fits: Mapping[str, RandomIntercept], grouped: _Grouped) -> pd.DataFrame:
    """One row for each model; see `MaihdaFit.models`."""
    variances = {name: fit.variance for name, fit in fits.items()}
    models = pd.DataFrame({"variance": variances}).rename_axis("model")
    variance = models["variance"]
    for name, measure in OF_VARIANCE.items():
        models[name] = measure(variance)
    models["vpc_response"] = [fit.vpc_response for fit in fits.values()]
    people = grouped.people
    events = people * grouped.share
    models["auc"] = [auc(fit.probabilities(), people, events) for fit in fits.values()]
    null = variance.where(variance > 0).iloc[0]
    change = 1 - variance / null
    models["pcv"] = change.where(models.index != "null")
    return models


def _notes(models: pd.DataFrame) -> tuple[str, ...]:
    """Cautions about variances of zero."""
    on_boundary = models.index[models["variance"] == 0]
    notes = [
        "The variance between strata is on the boundary, estimated as zero, in the "
        f"model: {name}"
        for name in on_boundary
    ]
    if "null" in on_boundary:
        notes.append(
            "The PCV is not defined: the null model finds no variance between strata."
        )
    return tuple(notes)


def _convention(
    strata: list[str], null: RandomIntercept, method: str, points: int, weights: bool
) -> str:
    """Strata, approximation and treatment of weights, in one line."""
    size = len(null.counts.first)
    how = "REML-Laplace approximation"
    if method == "ml":
        quadrature = "Laplace approximation"
        if points > 1:
            quadrature = f"adaptive Gauss-Hermite quadrature, {points} points"
        how = f"maximum likelihood, {quadrature}"
    weighting = "weights not used"
    if weights:
        weighting = (
            "population-weighted point estimates with Kish's effective people, no "
            "standard errors"
        )
    return (
        f"random intercepts of {size} strata ({', '.join(strata)}); {how}; {weighting}"
    )
