"""Totals of a stratified sample and their covariance. Arrays in, matrix out.

The covariance of the totals of C cells is that of their parts with answer 0 and with
answer 1. Where each person is a PSU it is diagonal, a sum of squared weights for each
answer of each cell, less a term of the rank of the strata. With PSUs it comes from a
table of PSUs by answers of cells that is nearly empty. So its cost depends on the number
of cells and strata, not on the groups of people.

Source: Lumley (2010), *Complex Surveys*, ch. 2 and appendix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustlib.errors import LonelyPSUError

Array = NDArray[Any]  # of floats
Codes = NDArray[Any]  # of integers, 0 and up
LONELY_PSU = ("fail", "remove", "certainty", "adjust", "average")
LONELY_HINT = (
    "Choose lonely_psu='adjust' (conservative), 'average', 'certainty' or 'remove', "
    "or join strata."
)
DENSE = 2**22  # numbers of a table that is kept whole
THIN = 0.05  # share of a sparse table that is not zero
BLOCK = 256  # columns of a sparse table that are multiplied at a time


def sum_by(rows: Array, group: Codes, size: int) -> Array:
    """Sum rows into groups.

    Parameters
    ----------
    rows : array (m, k)
    group : int array (m,)
        Group of each row, 0 to size-1.
    size : int

    Returns
    -------
    array (size, k)

    Examples
    --------
    >>> import numpy as np
    >>> sum_by(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1]), 2)
    array([[2.],
           [5.]])
    """
    sums = np.zeros((size, rows.shape[1]))
    if not len(group):
        return sums
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sums[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def stratified_covariance(
    rows: Array,
    stratum: Codes,
    n_psu: Array,
    remaining: Array,
    lonely_psu: str = "fail",
    first: Array | None = None,
    second: Array | None = None,
    present: Array | None = None,
) -> Array:
    r"""Covariance of the sum of PSU totals over a stratified sample.

    .. math:: V = \sum_h r_h \frac{n_h}{n_h-1} \Big[\sum_j z_{hj} z_{hj}' - T_h T_h'/n_h\Big]

    Parameters
    ----------
    rows : array (m, k)
        Total of each PSU, or of each group of one-person PSUs (then see `first`,
        `second`).
    stratum : int array (m,)
        Stratum code of each row.
    n_psu : array (H,)
        PSUs in each stratum of the *full* design. PSUs without rows (outside a domain)
        count as zeros.
    remaining : array (H,)
        Share of the stratum's PSUs that was not sampled, 1 - n/N; 1 without finite
        population correction.
    lonely_psu : {"fail", "remove", "certainty", "adjust", "average"}
        Rule for a stratum with one PSU, as R's ``options(survey.lonely.psu=)``.
    first, second : array (m,), optional
        If a row stands for several PSUs that are multiples w of it: the sum of w and of
        w squared.
    present : boolean array (k, H), optional
        StrataFactors in which there are people of each estimate, for `average`; by default
        those with rows, for all alike.

    Returns
    -------
    array (k, k)

    Notes
    -----
    R: ``survey::svyrecvar``. `adjust` uses the PSU's distance from zero, which is the
    grand mean of scores; `average` gives lonely strata the mean variance of the others:
    the variance of an estimate is multiplied by its strata over those of them that are
    not lonely. R counts the strata of the people whom the estimate is of, so that
    ``svyby`` has a factor for each group. A covariance is multiplied by the root of the
    two factors, which leaves correlations as they are (``svyby(covmat = TRUE)`` of R's
    survey 4.1 sets covariances to zero).

    Examples
    --------
    Three PSUs of one stratum, whose totals are 1, 2 and 3:

    >>> import numpy as np
    >>> rows = np.array([[1.0], [2.0], [3.0]])
    >>> stratum = np.zeros(3, dtype=int)
    >>> stratified_covariance(rows, stratum, np.array([3.0]), np.array([1.0]))
    array([[3.]])
    """
    first = np.ones(len(rows)) if first is None else first
    second = np.ones(len(rows)) if second is None else second
    strata = StrataFactors.of(stratum, n_psu, remaining, lonely_psu)
    scale = strata.scale
    totals = sum_by(rows * first[:, None], stratum, len(n_psu))
    squares = rows.T @ (rows * (second * scale[stratum])[:, None])
    cov = squares - totals.T @ (totals * (scale / n_psu)[:, None])
    return strata.with_lonely(cov, totals, present)


@dataclass(frozen=True, eq=False)
class StrataFactors:
    """What the strata of a sample are multiplied by.

    Attributes
    ----------
    n_psu, remaining : array (H,)
        As in `stratified_covariance`.
    lonely_psu : str
    scale : array (H,)
        Factor of the squares of each stratum; zero for a lonely PSU.
    sampled : boolean array (H,)
        Those with people.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.zeros(2, dtype=int)
    >>> StrataFactors.of(one, np.array([2.0]), np.array([1.0]), "fail").scale.tolist()
    [2.0]
    """

    n_psu: Array
    remaining: Array
    lonely_psu: str
    scale: Array
    sampled: Array

    @classmethod
    def of(
        cls, stratum: Codes, n_psu: Array, remaining: Array, lonely_psu: str
    ) -> StrataFactors:
        """Those of some groups of people."""
        others = np.maximum(n_psu - 1, 1)
        scale = np.where(n_psu > 1, remaining * n_psu / others, 0.0)
        sampled = np.bincount(stratum, minlength=len(n_psu)) > 0
        return cls(n_psu, remaining, lonely_psu, scale, sampled)

    def with_lonely(self, cov: Array, totals: Any, present: Array | None) -> Array:
        """A covariance (k, k) by the rule for strata with one PSU, whose totals (H, k) are known."""
        lonely = self.sampled & (self.n_psu == 1) & (self.remaining > 0)
        if not lonely.any():
            return cov
        if self.lonely_psu == "fail":
            raise LonelyPSUError(
                f"{lonely.sum()} strata have only one PSU, so their variance is "
                "unknown.",
                LONELY_HINT,
            )
        if self.lonely_psu == "adjust":
            alone = _whole(totals[lonely])
            return cov + alone.T @ (alone * self.remaining[lonely][:, None])
        if self.lonely_psu != "average":
            return cov
        if present is None:
            everyone = self.sampled[None, :]
            return cov * _average_factor(everyone, lonely)[0, 0]
        return cov * _average_factor(present, lonely)


def _average_factor(present: Array, lonely: Array) -> Array:
    """Factors (k, k) of `average`: strata of an estimate over those not lonely.

    NaN where all are lonely.
    """
    strata = present.sum(axis=1)
    known = (present & ~lonely).sum(axis=1)
    ratio = np.full(len(strata), np.nan)
    np.divide(strata, known, out=ratio, where=known > 0)
    factor = np.sqrt(np.outer(ratio, ratio))
    np.fill_diagonal(factor, ratio)
    return factor


@dataclass(frozen=True)
class Groups:
    """Groups of people of one stratum, PSU, cell and answer each.

    Examples
    --------
    Two people with answers 0 and 1, whose weights are 1 and 2:

    >>> import numpy as np
    >>> none = np.zeros(2, dtype=int)
    >>> answer, weight, one = np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.ones(1)
    >>> groups = Groups(none, None, none, answer, weight, weight**2, 2 * one, one, "fail")
    >>> StratifiedTotals.of(groups, 1).of_totals().tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """

    stratum: Codes  # (G,)
    psu: Codes | None  # (G,) code over all PSUs with rows; None: each person is a PSU
    cell: Codes  # (G,)
    answer: Array  # (G,) 0 or 1
    sum_w: Array  # (G,)
    sum_w2: Array  # (G,)
    n_psu: Array  # (H,) of the full design
    remaining: Array  # (H,) 1 - sampling fraction
    lonely_psu: str


@dataclass(frozen=True, eq=False)
class StratifiedTotals:
    """Weights of the people with each answer of each cell, by stratum and PSU.

    Attributes
    ----------
    strata : StrataFactors
    by_stratum : array or sparse array (H, 2C)
        The first C columns are of answer 0, the last C of answer 1.
    squares : array (2C,), optional
        Squared weights, each times the scale of its stratum, where each person is a PSU.
    by_psu : array or sparse array (P, 2C), optional
        Where PSUs are clusters.
    psu_stratum : int array (P,), optional
        The stratum of each.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros(2, dtype=int)
    >>> answer, weight, one = np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.ones(1)
    >>> groups = Groups(none, None, none, answer, weight, weight**2, 2 * one, one, "fail")
    >>> StratifiedTotals.of(groups, 1).covariance(np.array([[0.0, 1.0]])).tolist()
    [[4.0]]
    """

    strata: StrataFactors
    by_stratum: Any
    squares: Array | None
    by_psu: Any
    psu_stratum: Codes | None

    @classmethod
    def of(cls, groups: Groups, size: int) -> StratifiedTotals:
        """The groups of people summed into `size` cells."""
        strata = StrataFactors.of(
            groups.stratum, groups.n_psu, groups.remaining, groups.lonely_psu
        )
        column = groups.cell + size * groups.answer.astype(np.int64)
        width = 2 * size
        by_stratum = _table(
            groups.stratum, column, groups.sum_w, (len(strata.n_psu), width)
        )
        if groups.psu is None:
            scale = strata.scale[groups.stratum]
            squares = np.bincount(column, groups.sum_w2 * scale, width)
            return cls(strata, by_stratum, squares, None, None)
        psus = int(groups.psu.max()) + 1
        by_psu = _table(groups.psu, column, groups.sum_w, (psus, width))
        psu_stratum = np.zeros(psus, dtype=np.int64)
        psu_stratum[groups.psu] = groups.stratum
        return cls(strata, by_stratum, None, by_psu, psu_stratum)

    def covariance(self, a: Array, present: Array | None = None) -> Array:
        """Covariance (k, k) of ``a @ (W, Y)``; see `stratified_covariance` for `present`."""
        people, events = np.hsplit(a, 2)
        by_answer = _thin(np.hstack([people, people + events]))
        totals = _whole(self.by_stratum @ by_answer.T)
        strata = self.strata
        if self.squares is None:
            rows = _whole(self.by_psu @ by_answer.T)
            cov = self._around_means(rows, totals)
        else:
            squares = _whole((by_answer * self.squares) @ by_answer.T)
            less = totals.T @ (totals * (strata.scale / strata.n_psu)[:, None])
            cov = squares - less
        return strata.with_lonely(cov, totals, present)

    def _around_means(self, rows: Array, totals: Array) -> Array:
        """The covariance (k, k) of totals of PSUs (P, k) around the means of their strata.

        No variance is then below zero by rounding. PSUs without people are zeros.
        """
        assert self.psu_stratum is not None
        strata = self.strata
        mean = totals / strata.n_psu[:, None]
        there = np.bincount(self.psu_stratum, minlength=len(mean))
        scale = strata.scale[self.psu_stratum]
        apart = rows - mean[self.psu_stratum]
        of_absent = strata.scale * (strata.n_psu - there)
        return apart.T @ (apart * scale[:, None]) + mean.T @ (mean * of_absent[:, None])

    def of_totals(self) -> Array:
        """Covariance (2C, 2C) of the totals (W, Y) themselves."""
        strata = self.strata
        cov = strata.with_lonely(self._of_answers(), self.by_stratum, None)
        size = len(cov) // 2
        cov[:size] += cov[size:]  # people are those with either answer
        cov[:, :size] += cov[:, size:]
        return cov

    def _of_answers(self) -> Array:
        """Covariance (2C, 2C) of the weights of those with each answer."""
        strata = self.strata
        tables = (self.by_stratum, self.by_psu)
        if all(isinstance(table, np.ndarray) for table in tables):
            return self._around_means(self.by_psu, self.by_stratum)
        cov = np.zeros((self.by_stratum.shape[1],) * 2)
        _add_crossed(cov, self.by_stratum, -strata.scale / strata.n_psu)
        if self.squares is None:
            _add_crossed(cov, self.by_psu, strata.scale[self.psu_stratum])
        else:
            np.fill_diagonal(cov, cov.diagonal() + self.squares)
        return cov


def _table(row: Codes, column: Codes, value: Array, shape: tuple[int, int]) -> Any:
    """A table of sums, sparse where it is large."""
    if shape[0] * shape[1] <= DENSE:
        place = row * shape[1] + column
        sums = np.bincount(place, value, shape[0] * shape[1])
        return sums.reshape(shape)
    from scipy.sparse import csr_array

    return csr_array((value, (row, column)), shape=shape)


def _add_crossed(cov: Array, table: Any, scale: Any) -> None:
    """Add the sum over rows of scale times the row times itself."""
    if isinstance(table, np.ndarray):
        cov += table.T @ (table * scale[:, None])
        return
    scaled = table.multiply(scale[:, None]).tocsr()
    columns = table.T.tocsr()
    for start in range(0, len(cov), BLOCK):  # a sparse product of everything is large
        part = slice(start, start + BLOCK)
        cov[part] += (columns[part] @ scaled).toarray()


def _thin(table: Array) -> Any:
    """A table as it is, or sparse: where it is large and most of it is zero."""
    if table.size <= DENSE or np.count_nonzero(table) > THIN * table.size:
        return table
    from scipy.sparse import csr_array

    return csr_array(table)


def _whole(table: Any) -> Array:
    """A table as an array."""
    return table if isinstance(table, np.ndarray) else table.toarray()
