r"""Protected cells: what may leave of a confidential file.

Exact totals of a file that nobody else may see give people away: two outcomes with one
skip between them, weights that are constant in classes, a second release with one
person more. `protect` adds noise to sealed cells that only the holder of a secret key
can repeat, and counts it in every standard error.

Let :math:`r_c` be the typical weight of cell c, the larger of the root mean square of
its weights and a third of the largest. Noise with standard deviation :math:`\kappa r_c`
is added to the weighted people who said yes, and as much, independently, to those who
said no:

.. math::

    W_c' &= W_c + \sqrt2\,\kappa r_c z_c, &
    Y_c' &= Y_c + \kappa r_c (z_c + u_c)/\sqrt2,

where z belongs to the people of the cell and their weights, whatever they were asked,
and u to what they answered. The covariance matrix gets

.. math::

    \tilde V = \text{Wishart}_\nu(V + N)/\nu, \qquad
    N_c = (\kappa r_c)^2 \begin{pmatrix} 2 & 1 \\ 1 & 1 \end{pmatrix},

so that intervals are as wide as the noise makes them, and the totals cannot be solved
from the matrix. Degrees of freedom follow :math:`1/\tilde{df} = 1/df + 1/\nu`, rounded
down to a coarse grid. Numbers of people get noise of two people and are rounded to
fives.

An interval of a share p of n people becomes wider by the factor of `widening`. Noise
cannot hide *that* a cell changed between two releases, nor that somebody skipped one of
two outcomes; rules do that where files are written (`trustbook.differences`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trustlib.cells import Cells, describe
from trustlib.errors import DesignError, DisclosureError, EstimandError, require_a
from trustlib.keyed_noise import KEY_BYTES, bounded_normals, wishart
from trustlib.variance import Array, SealedScatter

KAPPA = 1.0  # standard deviation of the noise, in typical weights
NU = 400  # degrees of freedom of the noise on the covariance matrix
ROUND_TO = 5  # people
SPREAD = 2.0  # standard deviation of the noise on numbers of people
FEWEST = 20  # people that a protected cell is said to have: ten with each answer
FEWEST_DF = 8
CLEAR = 4  # standard deviations of noise that the yes, and the no, of a cell have
DIGITS = 6
# Degrees of freedom that may be printed: none is that of the file.
_FEW = [*range(7, 11), 12, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90, 100]
DF_GRID = np.array([*_FEW, *range(120, 200, 20), *range(200, 401, 25)], float)
NOTE = "protected by noise, which the standard errors count"


@dataclass(frozen=True, eq=False)
class _Exact:
    """The exact totals of sealed cells, and what names their people and answers."""

    n: Array
    sum_w: Array
    sum_wy: Array
    sum_w2: Array
    typical: Array  # r
    base: list[str]
    answers: list[str]

    @classmethod
    def of(cls, cells: Cells) -> _Exact:
        frame = cells.frame
        columns = [frame[name].to_numpy(float) for name in ("n", "sum_w", "sum_w2")]
        n, sum_w, sum_w2 = columns
        events = frame["n_events"].to_numpy(float)
        sum_wy = frame["sum_wy"].to_numpy(float)
        assert cells.heaviest is not None
        heaviest = cells.heaviest.max(axis=1)
        names = [describe(row, cells.by) for _, row in frame.iterrows()]
        base = _texts(names, n, sum_w, sum_w2)
        return cls(
            n,
            sum_w,
            sum_wy,
            sum_w2,
            typical=np.maximum(np.sqrt(sum_w2 / n), heaviest / 3),
            base=base,
            answers=_texts(base, events, sum_wy),
        )


def protect(cells: Cells, key: bytes) -> Cells:
    """Sealed cells with noise in every total, counted in every standard error.

    Parameters
    ----------
    cells : Cells
        As `trustlib.compress` makes them: not sealed, not merged.
    key : bytes
        32 secret bytes, one key for each survey (``secrets.token_bytes(32)``). With
        another key the same people get other noise, and the mean of both is nearer to
        the truth: keep it, and never publish it. `trustlib compress` keeps one in the
        user's configuration folder.

    Returns
    -------
    Cells
        Sealed, ``protected``. Every verb takes them. The same people, weights and
        answers under the same key give the same cells, in whatever order the rows
        stand.

    Raises
    ------
    DisclosureError
        A cell fails the gate (10 people with each answer, nobody with half of the
        weight of an answer), or noise could turn one of its totals negative.
    DesignError
        There are fewer degrees of freedom than cells, or than 8: how the totals vary
        together would tell what single clusters hold.
    EstimandError
        What is given is no such cells, or the key has another length.

    Notes
    -----
    An interval becomes wider by the factor of `widening`; simulated coverage is that of
    exact cells (``benchmarks/protection.py``). R: none; the noise on the matrix is
    ``rWishart``. After the cell-key method of the Australian Bureau of Statistics
    (Thompson, Broadfoot and Elazar 2013), with the noise in the variance.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"angry": [0, 1] * 60, "gender": ["m"] * 60 + ["w"] * 60})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "angry", ["gender"])
    >>> protected = tl.protect(cells, key=b"an example: never use this one..")
    >>> protected.protected, protected.frame["n"].tolist() == [60, 60]
    (True, False)
    >>> exact, noisy = tl.cell_means(cells), tl.cell_means(protected)
    >>> bool((noisy.frame["std_error"] > 0).all() and len(noisy) == len(exact))
    True
    """
    require_a(Cells, cells, "Give what trustlib.compress makes.")
    _require_key(key)
    if cells.protected:
        return cells
    require_protectable(cells)
    sealed = cells.seal()
    exact = _Exact.of(cells)
    frame = sealed.frame.assign(**_totals(key, exact))
    return replace(
        sealed,
        frame=frame,
        scatter=SealedScatter(_matrix(key, sealed, exact)),
        df=_printed_df(cells.df),
        variance=f"{cells.scatter.estimator}; {NOTE}",
        protected=True,
    )


def require_protectable(cells: Cells) -> None:
    """Refuse cells that noise cannot protect.

    Parameters
    ----------
    cells : Cells
        As `trustlib.compress` makes them.

    Raises
    ------
    DisclosureError, DesignError, EstimandError
        As `protect`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"angry": [0, 1] * 60, "gender": ["m"] * 60 + ["w"] * 60})
    >>> design = tl.SurveyDesign(people, weight=None)
    >>> require_protectable(tl.compress(design, "angry", ["gender"]))
    """
    _require_rows_known(cells)
    _require_df(cells)
    cells.seal()
    _require_clear(cells, _Exact.of(cells))


def widening(
    share: Array | float,
    n: Array | float,
    evenness: Array | float = 1.0,
    deff: Array | float = 1.0,
) -> Array:
    r"""How much wider the interval of a level is in protected cells.

    .. math:: \sqrt{1 + \kappa^2\,\frac{p^2+q^2}{pq\,n}\,\frac{r^2/\overline{w^2}}{d}}
        \cdot \frac{t(\tilde{df})}{t(df)}

    Parameters
    ----------
    share : float or array
        p, with q = 1 - p.
    n : float or array
        People of the cell.
    evenness : float or array
        r squared over the mean squared weight: 1 unless one weight is more than three
        times the root mean square.
    deff : float or array
        By how much clusters and strata multiply the variance of the share, beside the
        weights.

    Returns
    -------
    array
        The first factor; the second is below 1.004 from 400 degrees of freedom on.

    Examples
    --------
    >>> widening(0.5, [50, 400]).round(3).tolist()
    [1.02, 1.002]
    """
    p = np.asarray(share, float)
    q = 1 - p
    added = KAPPA**2 * (p**2 + q**2) / (p * q * np.asarray(n, float))
    return np.sqrt(1 + added * np.asarray(evenness) / np.asarray(deff))


def _require_key(key: bytes) -> None:
    """Refuse what is no key, without repeating it."""
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise EstimandError(
            f"The key is not {KEY_BYTES} bytes.",
            f"Make one with secrets.token_bytes({KEY_BYTES}), and keep it secret.",
        )


def _require_rows_known(cells: Cells) -> None:
    """Refuse cells of which the largest weights are no longer known."""
    if cells.sealed or cells.heaviest is None:
        raise EstimandError(
            "These cells are sealed already, so the largest weight is not known.",
            "Protect what trustlib.compress makes; merge protected cells afterwards.",
        )
    if cells.scatter.pooled:
        raise EstimandError(
            "These cells are merged from several samples.",
            "Protect the cells of each, with its own key, and merge them afterwards.",
        )


def _require_df(cells: Cells) -> None:
    """Refuse a design with too few PSUs for a covariance matrix of all cells."""
    least = max(len(cells), FEWEST_DF)
    if cells.df < least:
        raise DesignError(
            f"The design has fewer degrees of freedom than the {least} that "
            f"{len(cells)} protected cells need: with few clusters the covariance of "
            "the totals tells what is in one of them.",
            "Use fewer cells, or a design with more PSUs.",
        )


def _require_clear(cells: Cells, exact: _Exact) -> None:
    """Refuse cells in which the weight of an answer is not well above the noise."""
    least = CLEAR * KAPPA * exact.typical
    without = exact.sum_w - exact.sum_wy
    unclear = np.minimum(exact.sum_wy, without) < least
    if unclear.any():
        named = cells.frame[unclear]
        first = describe(named.iloc[0], cells.by)
        raise DisclosureError(
            f"In {len(named)} of {len(cells)} cells a few people carry most of the "
            f"weight of an answer, so that noise of a typical weight would drown it; "
            f"the first is {first}.",
            "Use coarser levels or fewer axes, or trim the weights before.",
        )


def _totals(key: bytes, exact: _Exact) -> dict[str, Array]:
    """The totals of the cells with noise, and what is said of numbers of people."""
    z = bounded_normals(key, "people", exact.base)
    u = bounded_normals(key, "answers", exact.answers)
    noise = KAPPA * exact.typical
    sum_w = _few_digits(exact.sum_w + np.sqrt(2) * noise * z)
    sum_wy = _few_digits(exact.sum_wy + noise * (z + u) / np.sqrt(2))
    moved = SPREAD * bounded_normals(key, "numbers", exact.base)
    effective = exact.sum_w**2 / exact.sum_w2
    n = np.maximum(_rounded(exact.n + moved), FEWEST)
    n_eff = np.clip(_rounded(effective + moved), ROUND_TO, n)
    return {
        "n": n.astype(int),
        "sum_w": sum_w,
        "sum_wy": sum_wy,
        "sum_w2": sum_w**2 / n_eff,
    }


def _matrix(key: bytes, sealed: Cells, exact: _Exact) -> Array:
    """The covariance matrix of the totals, with that of the noise, as a Wishart draw."""
    size = len(sealed)
    squared = np.diag((KAPPA * exact.typical) ** 2)
    noise = np.block([[2 * squared, squared], [squared, squared]])
    total = sealed.scatter.of_totals(size) + noise
    base = ";".join(exact.base)
    answers = ";".join(exact.answers)
    return _few_digits(wishart(key, total, base, answers, NU))


def _printed_df(df: float) -> float:
    """Degrees of freedom with those of the noise, rounded down to a coarse grid."""
    with_noise = 1 / (1 / df + 1 / NU)
    return float(DF_GRID[with_noise >= DF_GRID].max())


def _rounded(people: Array) -> Array:
    return ROUND_TO * np.round(people / ROUND_TO)


def _few_digits(values: Array) -> Array:
    """Numbers with six digits: rounding of sums on another machine is not seen."""
    texts = [f"{value:.{DIGITS - 1}e}" for value in np.ravel(values)]
    return np.array(texts, float).reshape(np.shape(values))


def _texts(names: list[str], *columns: Array) -> list[str]:
    """A text for each cell: its name, and numbers with nine digits."""
    rows = zip(names, *columns, strict=True)
    return ["|".join([name, *(f"{x:.8e}" for x in rest)]) for name, *rest in rows]
