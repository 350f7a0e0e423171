"""Covariance of estimated totals under a survey design. Arrays in, matrix out.

Everything the library estimates is a function of cell totals: for each cell c the sum
of weights ``W_c`` and the weighted sum of a 0/1 outcome ``Y_c``. A linearised estimator
is ``A @ (W, Y)`` with a matrix ``A`` of shape (k, 2C): the first C columns act on
``W``, the last C on ``Y``. Four kinds of scatter know the covariance of the totals, and
each answers ``covariance(A)``:

* `TaylorScatter` - strata, PSUs and finite population corrections (linearisation);
* `ReplicateScatter` - totals under each set of replicate weights (jackknife, BRR, bootstrap);
* `SealedScatter` - the covariance matrix of the totals itself, all that leaves a machine;
* `PooledScatter` - those of several independent samples, each with its degrees of freedom.

What each of several samples adds to the variance of an estimate is a `Part`. Its
degrees of freedom follow from the parts (Satterthwaite 1946, *Biometrics Bulletin*
2:110; Welch 1947, *Biometrika* 34:28): see `welch_df`.

Sources: Lumley (2010), *Complex Surveys*, ch. 2 and appendix; R ``survey::svyrecvar``
(Taylor, with its lonely-PSU rules) and ``survey::svrVar`` (replicates), version 4.1-1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from trustlib.stratified import Array as Array
from trustlib.stratified import Codes as Codes
from trustlib.stratified import (
    Groups,
    StratifiedTotals,
    stratified_covariance,
    sum_by,
)

RANK = 1e-10  # of the largest eigenvalue
REPLICATE_METHODS = ("JK1", "JKn", "BRR", "Fay", "bootstrap")


def without_margins(values: Array, margins: Array, weight: Array) -> Array:
    r"""What is left of linearised values after weighted regression on raked margins.

    .. math:: e_i = u_i - x_i'B,\qquad B = \Big(\sum_i d_i x_i x_i'\Big)^{-}\sum_i d_i x_i u_i

    Parameters
    ----------
    values : array (m, k)
        Linearised values u of each person or group, before they are multiplied by the
        weight: for a mean ``(y - mean) / sum(w)``, and 0 for people outside the domain
        or without an answer.
    margins : array (m, M)
        Dummies x of all margins that the weights were raked to, for everyone in the
        sample; columns may depend on each other.
    weight : array (m,)
        d, the weights before raking, or the final ones; for groups their sums.

    Returns
    -------
    array (m, k)

    Notes
    -----
    R: ``survey::svyrecvar(postStrata=)``; the regression is that of ``postStratify``
    and ``calibrate``. Source: Deville and Sarndal (1992), Journal of the American
    Statistical Association 87, 376-382.

    Examples
    --------
    What a margin explains leaves nothing:

    >>> import numpy as np
    >>> values = np.array([[1.0], [1.0], [3.0]])
    >>> margins = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> left = without_margins(values, margins, np.ones(3))
    >>> bool(abs(left).max() < 1e-12)
    True
    """
    scaled = margins * weight[:, None]
    crossed = scaled.T @ margins
    inverse = np.linalg.pinv(crossed, rcond=1e-12, hermitian=True)
    coefficients = inverse @ (scaled.T @ values)
    return values - margins @ coefficients


def replicate_covariance(
    replicates: Array, estimate: Array, scale: Array, mse: bool = True
) -> Array:
    r"""Covariance from replicate estimates: :math:`\sum_r a_r (\hat\theta_r-c)(\hat\theta_r-c)'`.

    Parameters
    ----------
    replicates : array (R, k)
        The estimate under each set of replicate weights.
    estimate : array (k,)
        The full-sample estimate.
    scale : array (R,)
        Factor of each replicate (R's ``scale * rscales``).
    mse : bool
        Centre c on the full-sample estimate (True) or on the mean of the replicates
        (False, R's default).

    Returns
    -------
    array (k, k)

    Notes
    -----
    R: ``survey::svrVar``.

    Examples
    --------
    >>> import numpy as np
    >>> replicates = np.array([[1.0], [3.0]])
    >>> replicate_covariance(replicates, np.array([2.0]), np.array([0.5, 0.5]))
    array([[1.]])
    """
    centre = estimate if mse else replicates[scale > 0].mean(axis=0)
    deviation = replicates - centre
    return deviation.T @ (deviation * scale[:, None])


def rank_of_columns(columns: Sequence[Array]) -> int:
    """How many of some columns are independent of each other.

    Parameters
    ----------
    columns : sequence of array (n,)

    Returns
    -------
    int
        The eigenvalues of their products that are more than 1e-10 of the largest. Where
        some of the rows show that all columns are independent, the others are not
        multiplied: each row adds to every eigenvalue.

    Notes
    -----
    R's ``degf`` of a replicate design: ``qr(weights(design), tol = 1e-5)$rank - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> rank_of_columns([np.array([1.0, 0.0]), np.array([2.0, 0.0])])
    1
    """
    size = len(columns)
    rows = len(columns[0])
    few = size + size // 4
    if rows > 2 * few:
        at = np.linspace(0, rows - 1, few).astype(int)
        some = np.column_stack([column[at] for column in columns])
        largest = sum(float(column @ column) for column in columns)  # at most
        rest = some.T @ some - RANK * largest * np.eye(size)
        with suppress(np.linalg.LinAlgError):
            np.linalg.cholesky(rest)
            return size
    every = np.column_stack(columns)
    values = np.linalg.eigvalsh(every.T @ every)
    return int((values > values.max() * RANK).sum())


def delta_covariance(jacobian: Array, vcov: Array) -> Array:
    """Covariance of functions of estimates, by their derivatives.

    Parameters
    ----------
    jacobian : array (k, m)
        Derivatives of k functions by m estimates.
    vcov : array (m, m)
        Covariance of the estimates.

    Returns
    -------
    array (k, k)
        What is undefined (NaN, or an infinite derivative) makes undefined only what
        depends on it.

    Examples
    --------
    A difference of two estimates:

    >>> import numpy as np
    >>> delta_covariance(np.array([[1.0, -1.0]]), np.diag([4.0, 9.0]))
    array([[13.]])
    """
    unknown = ~np.isfinite(vcov)
    undefined = ~np.isfinite(jacobian)
    used = (jacobian != 0).astype(float)
    depends = used @ unknown @ used.T > 0
    without = np.asarray(undefined.any(axis=1))
    depends |= without[:, None] | without[None, :]
    known = np.where(undefined, 0.0, jacobian)
    moved = known @ np.where(unknown, 0.0, vcov) @ known.T
    return np.where(depends, np.nan, moved)


@dataclass(frozen=True)
class Spread:
    """How k functions of the totals vary.

    Attributes
    ----------
    vcov : array (k, k)
    parts : tuple of Part
        What each of several independent samples adds to it; empty for one design.
    replicates : ReplicateScatter, optional
        The functions under each set of replicate weights, in place of totals.

    Examples
    --------
    >>> import numpy as np
    >>> Spread(np.eye(2)).parts
    ()
    """

    vcov: Array
    parts: tuple[Part, ...] = ()
    replicates: ReplicateScatter | None = None


# The functions (R, k) of R sets of totals: weighted people (R, C) and events (R, C).
OfTotals = Callable[[Array, Array], Array]


class Scatter:
    """What every kind of scatter answers: how functions of the totals (W, Y) vary.

    Attributes
    ----------
    totals_only : bool
        Nothing is left of strata, PSUs, replicates and people.
    refits : bool
        Functions of the totals are computed anew under each set of replicate weights.
    pooled : bool
        It is that of several independent samples, see `parts`.
    settled_note : str
        What is said of the covariance of the totals when it is all that is kept.
    estimator : str
        The variance estimator without a number of the design.
    samples : tuple of Sample
        The independent samples that it pools; empty for one design.
    """

    totals_only = False
    refits = False
    pooled = False
    settled_note = ""
    estimator = "covariance of the totals"
    samples: tuple[Sample, ...] = ()

    def covariance(self, a: Array, member: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``; `a` has shape (k, 2C)."""
        raise TypeError(f"{type(self).__name__} has no covariance of its own.")

    def of_totals(self, size: int) -> Array:
        """Covariance (2C, 2C) of the totals of `size` cells themselves, which is not to be changed."""
        return self.covariance(np.eye(2 * size))

    def parts(self, a: Array) -> tuple[Part, ...]:
        """What each of several samples adds to it; nothing for one design."""
        return ()

    def samples_at(self, cell: Codes, df: float, showable: bool) -> list[Sample]:
        """What it brings to a pool of several parts.

        Parameters
        ----------
        cell : int array (C,)
            The place of each of its cells in the pool.
        df : float
            The degrees of freedom of the part.
        showable : bool
            Whether all cells of the part pass the disclosure gate.
        """
        matrix = self.of_totals(len(cell))
        return [Sample(cell, matrix, df, showable)]

    def spread(
        self,
        value: Array,
        a: Array,
        function: OfTotals,
        member: Array | None = None,
    ) -> Spread:
        """How functions of the totals vary: linearised, or computed in each replicate.

        Parameters
        ----------
        value : array (k,)
            The functions of the full-sample totals.
        a : array (k, 2C)
            Their derivatives by the totals.
        function : callable
            The functions of sets of totals, weighted people and events (R, C) each.
        member : array (k, C), optional
            Which cells each is of; see `TaylorScatter.covariance`.
        """
        return Spread(self.covariance(a, member), self.parts(a))

    def largest_share(
        self,
        a: Array,
        vcov: Array,
        value: Array,
        replicates: Array | None = None,
    ) -> Array:
        r"""How much of each variance hangs on one PSU or replicate: the largest share.

        .. math:: s_{hj}=\frac{n_h}{n_h-1}\,\frac{(1-f_h)(z_{hj}-\bar z_h)^2}{V_{kk}}

        with z the total of a PSU's linearised values.

        Parameters
        ----------
        a : array (k, 2C)
            Derivatives of k functions by the totals.
        vcov : array (k, k)
            Their covariance.
        value : array (k,)
            The functions of the full-sample totals.
        replicates : array (R, k), optional
            The functions under each set of replicate weights.

        Returns
        -------
        array (k,)
            NaN where there are no PSUs and no replicates, and for raked weights.
        """
        return np.full(len(a), np.nan)


@dataclass(frozen=True)
class TaylorScatter(Scatter, Groups):
    """How totals vary under strata, PSUs and fpc, kept as sums over groups of people.

    One group is one stratum x PSU x cell x answer; without PSUs one stratum x cell x
    answer. If the weights were raked, each of these x margins, and people outside the
    estimate too, in the cell -1.
    """

    estimator = "Taylor linearisation"

    margins: Array | None = None  # (G, M) dummies of the margins
    base: Array | None = None  # (G,) sum of the weights of the regression on them
    _summed: dict[int, StratifiedTotals] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def covariance(self, a: Array, member: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``; `a` has shape (k, 2C).

        `member` (k, C) says which cells each estimate is of, where that is not all: the
        rule `average` for lonely PSUs counts their strata.
        """
        present = self._present(member)
        if self.margins is None:
            summed = self._sums(a.shape[1] // 2)
            return summed.covariance(a, present)
        values = self._linearised(a)
        if self.psu is None:
            return stratified_covariance(
                values,
                self.stratum,
                self.n_psu,
                self.remaining,
                self.lonely_psu,
                first=self.sum_w,
                second=self.sum_w2,
                present=present,
            )
        size = int(self.psu.max()) + 1
        stratum = np.zeros(size, dtype=np.int64)
        stratum[self.psu] = self.stratum
        rows = sum_by(values * self.sum_w[:, None], self.psu, size)
        return stratified_covariance(
            rows,
            stratum,
            self.n_psu,
            self.remaining,
            self.lonely_psu,
            present=present,
        )

    def of_totals(self, size: int) -> Array:
        """Covariance (2C, 2C) of the totals themselves."""
        if self.margins is not None:
            return super().of_totals(size)
        return self._sums(size).of_totals()

    def _sums(self, size: int) -> StratifiedTotals:
        """The groups of people summed into `size` cells by stratum and PSU."""
        if size not in self._summed:
            self._summed[size] = StratifiedTotals.of(self, size)
        return self._summed[size]

    def _linearised(self, a: Array) -> Array:
        """Linearised values (G, k) of each group of people, before their weight."""
        n_cells = a.shape[1] // 2
        of_answer = a[:, n_cells + self.cell].T
        values = a[:, self.cell].T + self.answer[:, None] * of_answer
        if self.margins is None or self.base is None:
            return values
        values = np.where(self.cell[:, None] < 0, 0.0, values)
        return without_margins(values, self.margins, self.base)

    @property
    def settled_note(self) -> str:  # type: ignore[override]
        """That a rule for lonely PSUs can no longer count the strata of a group."""
        if self.counts_strata:
            return " (strata counted over everyone)"
        return ""

    @property
    def counts_strata(self) -> bool:
        """Whether a variance depends on the strata that an estimate has people in."""
        raked = self.margins is not None  # then everyone stays in the design, in R too
        if self.lonely_psu != "average" or raked:
            return False
        lonely = (self.n_psu == 1) & (self.remaining > 0)
        return bool(lonely.any())

    def largest_share(
        self,
        a: Array,
        vcov: Array,
        value: Array,
        replicates: Array | None = None,
    ) -> Array:
        """Of one PSU, from its linearised values."""
        if self.psu is None or self.margins is not None:
            return super().largest_share(a, vcov, value, replicates)
        size = a.shape[1] // 2
        by_people = a[:, self.cell].T
        by_events = a[:, size + self.cell].T
        values = by_people + self.answer[:, None] * by_events
        psus = int(self.psu.max()) + 1
        strata = len(self.n_psu)
        z = sum_by(values * self.sum_w[:, None], self.psu, psus)
        stratum = np.zeros(psus, dtype=np.int64)
        stratum[self.psu] = self.stratum
        n = self.n_psu[stratum]
        total = sum_by(z, stratum, strata)[stratum]
        mean = total / n[:, None]
        others = np.maximum(n - 1, 1)
        inflation = np.where(n > 1, n / others, 0.0)
        factor = self.remaining[stratum] * inflation
        share = factor[:, None] * (z - mean) ** 2
        return (share / np.diag(vcov)).max(axis=0)

    def _present(self, member: Array | None) -> Array | None:
        """Strata (k, H) with people in the cells of each estimate, where that matters."""
        if member is None or not self.counts_strata:
            return None
        people = np.zeros((member.shape[1], len(self.n_psu)))
        people[self.cell, self.stratum] = 1
        return (member != 0) @ people > 0


@dataclass(frozen=True)
class ReplicateScatter(Scatter):
    """Totals under each set of replicate weights."""

    refits = True
    settled_note = ", linearised"
    estimator = "replicate weights, linearised"

    totals: Array  # (R, 2C)
    estimate: Array  # (2C,) full-sample totals
    scale: Array  # (R,)
    mse: bool

    def covariance(self, a: Array, member: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``: linearised, unless they are linear."""
        values = self.totals @ a.T
        return replicate_covariance(values, a @ self.estimate, self.scale, self.mse)

    def of_totals(self, size: int) -> Array:
        """Covariance (2C, 2C) of the totals themselves."""
        return replicate_covariance(self.totals, self.estimate, self.scale, self.mse)

    def spread(
        self,
        value: Array,
        a: Array,
        function: OfTotals,
        member: Array | None = None,
    ) -> Spread:
        """From the functions of the totals under each set of replicate weights."""
        people, events = np.hsplit(self.totals, 2)
        values = function(people, events)
        vcov = replicate_covariance(values, value, self.scale, self.mse)
        return Spread(vcov, replicates=replace(self, totals=values, estimate=value))

    def largest_share(
        self,
        a: Array,
        vcov: Array,
        value: Array,
        replicates: Array | None = None,
    ) -> Array:
        """Of one replicate, from the functions under each set of replicate weights."""
        if replicates is None:
            return super().largest_share(a, vcov, value)
        centre = value
        if not self.mse:
            centre = replicates[self.scale > 0].mean(axis=0)
        moved = self.scale[:, None] * (replicates - centre) ** 2
        return (moved / moved.sum(axis=0)).max(axis=0)


@dataclass(frozen=True)
class SealedScatter(Scatter):
    """The covariance matrix of the totals: nothing of PSUs, replicates or people."""

    totals_only = True

    matrix: Array  # (2C, 2C)

    def covariance(self, a: Array, member: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``."""
        return a @ self.matrix @ a.T

    def of_totals(self, size: int) -> Array:
        """Covariance (2C, 2C) of the totals themselves."""
        return self.matrix


@dataclass(frozen=True)
class Part:
    """What one of several independent samples adds to the covariance of some estimates.

    Examples
    --------
    >>> import numpy as np
    >>> part = Part(np.array([1]), np.array([[4.0]]), 9.0)
    >>> part.moved(np.array([[1.0, -1.0]])).vcov
    array([[4.]])
    """

    rows: Codes  # (r,) the estimates that rest on the sample
    vcov: Array  # (r, r)
    df: float

    def moved(self, jacobian: Array) -> Part:
        """Its part in functions of the estimates, with derivatives `jacobian` (k, m)."""
        own = jacobian[:, self.rows]
        rows = np.flatnonzero((own != 0).any(axis=1))
        return Part(rows, delta_covariance(own[rows], self.vcov), self.df)

    def kept(self, mask: Array) -> Part:
        """Its part in some of the estimates, chosen by a boolean array (m,)."""
        inside = mask[self.rows]
        number = np.cumsum(mask) - 1
        rows = number[self.rows[inside]]
        return Part(rows, self.vcov[np.ix_(inside, inside)], self.df)


@dataclass(frozen=True)
class Sample:
    """One of the samples of pooled cells.

    Examples
    --------
    >>> import numpy as np
    >>> Sample(np.array([1]), np.eye(2), 5.0, True).spread_over(2).diagonal()
    array([0., 1., 0., 1.])
    """

    cell: Codes  # (c,) the cells that it has people in
    matrix: Array  # (2c, 2c) covariance of its totals
    df: float
    showable: bool  # whether its own cells pass the disclosure gate

    def spread_over(self, size: int) -> Array:
        """The covariance (2C, 2C) of its totals among those of `size` cells."""
        matrix = np.zeros((2 * size, 2 * size))
        both = np.r_[self.cell, size + self.cell]
        matrix[np.ix_(both, both)] = self.matrix
        return matrix


@dataclass(frozen=True)
class PooledScatter(Scatter):
    """The covariance matrices of the totals of independent samples."""

    totals_only = True
    pooled = True

    samples: tuple[Sample, ...] = field()

    def covariance(self, a: Array, member: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``: the sum of those of the samples."""
        total = np.zeros((len(a), len(a)))
        for part in self.parts(a):
            total[np.ix_(part.rows, part.rows)] += part.vcov
        return total

    def of_totals(self, size: int) -> Array:
        """Covariance (2C, 2C) of the totals themselves: the sum of those of the samples."""
        total = np.zeros((2 * size, 2 * size))
        for sample in self.samples:
            both = np.r_[sample.cell, size + sample.cell]
            total[np.ix_(both, both)] += sample.matrix
        return total

    def parts(self, a: Array) -> tuple[Part, ...]:
        """What each sample adds to the covariance of ``a @ (W, Y)``."""
        size = a.shape[1] // 2
        parts = []
        for sample in self.samples:
            own = a[:, np.r_[sample.cell, size + sample.cell]]
            rows = np.flatnonzero((own != 0).any(axis=1))
            vcov = own[rows] @ sample.matrix @ own[rows].T
            parts.append(Part(rows, vcov, sample.df))
        return tuple(parts)

    def samples_at(self, cell: Codes, df: float, showable: bool) -> list[Sample]:
        """Its own samples, at their places in the pool."""
        return [replace(sample, cell=cell[sample.cell]) for sample in self.samples]


def welch_df(parts: Sequence[Part], size: int) -> Array:
    r"""Degrees of freedom of estimates whose variances are sums over samples.

    .. math:: \mathrm{df}=\Big(\sum_i V_i\Big)^2\Big/\sum_i V_i^2/\mathrm{df}_i

    Parameters
    ----------
    parts : sequence of Part
    size : int
        The number m of estimates.

    Returns
    -------
    array (m,)
        Between the smallest df of a sample and the sum of all. An estimate whose
        variance is zero or unknown has the smallest df of its samples, because what
        each adds is unknown.

    Notes
    -----
    R: of two samples ``t.test(x, y)``.

    Examples
    --------
    >>> import numpy as np
    >>> parts = [Part(np.array([0]), np.array([[4.0]]), df) for df in (10.0, 30.0)]
    >>> welch_df(parts, 1)
    array([30.])
    """
    total = np.zeros(size)
    least = np.full(size, np.inf)
    for part in parts:
        total[part.rows] += np.diag(part.vcov)
        least[part.rows] = np.minimum(least[part.rows], part.df)
    known = np.isfinite(total) & (total > 0) & (least > 0)
    scale = np.where(known, total, 1.0)
    below = np.zeros(size)
    for part in parts:
        if part.df > 0:
            share = np.diag(part.vcov) / scale[part.rows]
            below[part.rows] += share**2 / part.df
    df = least.copy()
    np.divide(1.0, below, out=df, where=known & (below > 0))
    return df


def joint_df(parts: Sequence[Part], vcov: Array) -> float:
    r"""Degrees of freedom of q estimates together, for a Wald test of all of them.

    .. math::

        \mathrm{df}=(q+q^2)\Big/\sum_i\big[\mathrm{tr}(A_i^2)
        +(\mathrm{tr}A_i)^2\big]/\mathrm{df}_i,\qquad A_i=V_iV^{-1}

    which is `welch_df` for one estimate, and does not change when other combinations of
    the estimates are tested.

    Parameters
    ----------
    parts : sequence of Part
    vcov : array (q, q)
        Covariance of the estimates: the sum of the parts.

    Returns
    -------
    float
        NaN where a variance is zero or unknown; infinite where no part adds anything.

    Notes
    -----
    Krishnamoorthy and Yu (2004), *Statistics and Probability Letters* 66:161, after Nel
    and van der Merwe (1986).

    Examples
    --------
    >>> import numpy as np
    >>> parts = [Part(np.array([0]), np.array([[4.0]]), df) for df in (10.0, 30.0)]
    >>> float(joint_df(parts, np.array([[8.0]])).round(6))
    30.0
    """
    size = len(vcov)
    se = np.sqrt(np.diag(vcov))
    if not np.isfinite(vcov).all() or not (se > 0).all():
        return np.nan
    scale = np.outer(se, se)
    inverse = np.linalg.pinv(vcov / scale, rcond=1e-9, hermitian=True)
    q = np.linalg.matrix_rank(vcov / scale, tol=1e-9)
    below = 0.0
    for part in parts:
        own = np.zeros((size, size))
        own[np.ix_(part.rows, part.rows)] = part.vcov
        share = (own / scale) @ inverse
        squares = np.trace(share @ share) + np.trace(share) ** 2
        if part.df <= 0 and squares > 0:
            return 0.0
        if part.df > 0:
            below += squares / part.df
    if not below > 0:
        return np.inf
    return (q + q**2) / below
