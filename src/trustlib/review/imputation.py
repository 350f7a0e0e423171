r"""Missing answers, filled in several times, and what is then estimated pooled.

`impute` completes a design m times from donors; `combine` pools the estimates from each
by Rubin's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.cells import told_row
from trustlib.design import DOMAIN, SurveyDesign
from trustlib.engines import collect
from trustlib.errors import EstimandError, axis_names, require_a
from trustlib.estimates import COLUMNS, Estimates, result_frame
from trustlib.intervals import INTERVALS, two_sided_p, wald_interval
from trustlib.variance import Array

NO_DESIGN = "Make one with SurveyDesign(frame, weight=..., strata=..., psu=...)."


@dataclass(frozen=True)
class _Deck:
    """People of a class who lack the same answers, and those who can give them theirs."""

    lacking: list[str]
    takers: Array  # rows of the frame
    donors: Array  # rows of the frame


@dataclass(frozen=True)
class _Pooled:
    """Rubin's rules for k estimates, of ratios as logarithms."""

    value: Array  # (k,)
    total: Array  # (k, k) covariance
    missing: Array  # (k,) lambda: the part of the variance that is between imputations
    df: Array  # (k,)

    @property
    def information_missing(self) -> Array:
        """The fraction of missing information, with its correction for few imputations."""
        return self.missing + (1 - self.missing) * 2 / (self.df + 3)


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
        Impute first and take domains by the imputed columns afterwards. People outside
        the design's domain, or with weight zero, neither give nor receive.
    columns : sequence of str
        What to impute, together: outcome and identities. NaN or None is missing. An
        answer that does not apply is not missing; leave those people out with
        ``design.domain`` first.
    within : sequence of str
        Classes without missing values, such as age band and region.
    m : int
        Number of completed designs.
    seed : int

    Returns
    -------
    list of SurveyDesign
        The same design with a pandas frame in which `columns` are complete. Estimate
        from each, then `combine`.

    Raises
    ------
    EstimandError
        A class has people with missing answers and nobody with all of them.

    Notes
    -----
    A hot deck with the Bayesian bootstrap: in each imputation every donor (a person with
    all of `columns`) gets a share of standard exponential size, and each person with
    missing answers takes all of them from one donor, drawn by share from those of their
    class who gave the same answers to the other `columns`, or if there are none, from
    the class. Taking them from one donor keeps the associations between columns; sharing
    out anew each time adds what is unknown about the donors themselves, as does the
    approximate Bayesian bootstrap, which resamples them.

    It assumes that within a class (and among those with the same other answers) whether
    an answer is missing depends neither on that answer nor on the weight: add bands of
    the weight to `within` if in doubt. Clustering within PSUs is kept only as far as the
    classes carry it.

    Sources: Rubin and Schenker (1986), JASA 81, 366-374; Andridge and Little (2010),
    Int. Stat. Review 78, 40-64.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0, None], "age": ["old", "young", "old"]})
    >>> design = tl.SurveyDesign(rows.assign(w=1.0), weight="w")
    >>> completed = impute(design, ["y"], within=["age"], m=2)
    >>> [part.frame["y"].tolist() for part in completed]
    [[1.0, 0.0, 1.0], [1.0, 0.0, 1.0]]
    """
    require_a(SurveyDesign, design, NO_DESIGN)
    frame = collect(nw.from_native(design.frame))
    columns = axis_names(columns, frame)
    within = axis_names(within, [c for c in frame if c not in columns])
    numbers = isinstance(m, int) and isinstance(seed, int) and m > 0 and seed >= 0
    if not (numbers and columns) or frame[within].isna().any(axis=None):
        raise EstimandError(
            "Expected columns, complete classes, m above 0, a seed; "
            f"got m={m!r}, seed={seed!r}.",
            "Classes are known for everyone: impute a column that is not, or leave it "
            "out of `within`.",
        )
    decks = _decks(frame, columns, within, _used(design, frame))
    rng = np.random.default_rng(seed)
    completed = []
    for _ in range(m):
        origin = _origins(decks, columns, len(frame), rng)
        values = {c: frame[c].array.take(rows) for c, rows in origin.items()}
        completed.append(with_columns(design, values))
    return completed


def _used(design: SurveyDesign, frame: pd.DataFrame) -> Array:
    """Who gives and receives: people in the domain who have a weight."""
    weighted = np.ones(len(frame), bool)
    if design.weight is not None:
        weighted = frame[design.weight].to_numpy(float) > 0
    return weighted & np.asarray(frame.get(DOMAIN, weighted), bool)


def _origins(
    decks: Sequence[_Deck], columns: Sequence[str], size: int, rng: np.random.Generator
) -> dict[str, Array]:
    """The row that each row takes each column from: its own, or a donor's."""
    share = rng.exponential(size=size)
    origin = {c: np.arange(size) for c in columns}
    for deck in decks:
        chance = share[deck.donors] / share[deck.donors].sum()
        drawn = rng.choice(deck.donors, len(deck.takers), p=chance)
        for c in deck.lacking:
            origin[c][deck.takers] = drawn
    return origin


def _decks(
    frame: pd.DataFrame, columns: list[str], within: list[str], used: Array
) -> list[_Deck]:
    """A deck for each pattern of missing answers in each class."""
    lacks = frame[columns].isna().to_numpy()
    complete = used & ~lacks.any(axis=1)
    decks: list[_Deck] = []
    for pattern in np.unique(lacks[used & ~complete], axis=0):
        names = np.array(columns)
        given = names[~pattern].tolist()
        lacking = names[pattern].tolist()
        waiting = used & (lacks == pattern).all(axis=1)
        # donors with the same other answers; if there are none, any of the class
        for keys in ([*within, *given], within):
            groups = _groups(frame, keys)
            for takers, donors in _meetings(groups, waiting, complete):
                decks.append(_Deck(lacking, takers, donors))
                waiting[takers] = False
        if waiting.any():
            one = frame[waiting].iloc[0]
            where = told_row(one, frame, within, np.ones(len(frame)))
            raise EstimandError(
                f"Nobody in the class {where} has all of {columns}.",
                "Use coarser or fewer classes.",
            )
    return decks


def _groups(frame: pd.DataFrame, keys: list[str]) -> pd.Series:
    """A number for each combination of values; everybody has the same without keys."""
    if not keys:
        return pd.Series(0, frame.index)
    return frame.groupby(keys, observed=True, dropna=False).ngroup()


def _meetings(
    groups: pd.Series, waiting: Array, complete: Array
) -> Iterator[tuple[Array, Array]]:
    """Rows of takers and of donors, for each group that has both."""
    for number in np.unique(groups[waiting]):
        here = groups == number
        takers = np.flatnonzero(waiting & here)
        donors = np.flatnonzero(complete & here)
        if len(donors):
            yield takers, donors


def with_columns(
    design: SurveyDesign, columns: Mapping[str, Any], **options: Any
) -> SurveyDesign:
    """Copy a design with other values in columns that determine neither strata nor PSUs.

    Parameters
    ----------
    design : SurveyDesign
    columns : mapping
        Name -> values.
    **options
        Fields of the design that change with them.

    Returns
    -------
    SurveyDesign

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0], "w": [1.0, 1.0]})
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> with_columns(design, {"y": [0.0, 0.0]}).frame["y"].tolist()
    [0.0, 0.0]
    >>> design.frame["y"].tolist()
    [1.0, 0.0]
    """
    frame = collect(nw.from_native(design.frame)).assign(**columns)
    # Checking the design again would read its strata and PSUs, which are the same.
    return design.unchecked(frame=frame, **options)


def combine(parts: Sequence[Estimates]) -> Estimates:
    r"""Pool the estimates from completed designs by Rubin's rules.

    .. math:: \bar Q=\tfrac1m\sum_i \hat Q_i,\qquad T=\bar U+(1+\tfrac1m)B,\qquad \lambda=(1+\tfrac1m)B/T

    .. math:: \frac1\nu=\frac{\lambda^2}{m-1}+\frac1{\nu_{obs}},\qquad
              \nu_{obs}=\frac{d+1}{d+3}\,d\,(1-\lambda)

    with :math:`\bar U` the mean covariance, B the covariance of the m estimates, and d
    the design df.

    Parameters
    ----------
    parts : sequence of Estimates
        The same estimates from each completed design, two or more. Make gaps and
        interactions before pooling.

    Returns
    -------
    Estimates
        With the degrees of freedom of each row, and a column ``fmi``, its fraction of
        missing information :math:`(r+2/(\nu+3))/(r+1)` with
        :math:`r=\lambda/(1-\lambda)`. Ratios are pooled as logarithms. ``n`` is the mean
        over the completed designs.

    Raises
    ------
    EstimandError
        Fewer than two, or not the same rows in each.

    Notes
    -----
    R: ``mitools::MIcombine`` (d infinite: Rubin 1987), ``mice::pool`` (d finite). With
    ``df.complete`` mitools 2.4 leaves out the factor 1+1/m in the second formula, which
    Barnard and Rubin (1999, Biometrika 86, 948-955) have.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0] * 20 + [0.0] * 20 + [None] * 10, "w": 1.0})
    >>> completed = impute(tl.SurveyDesign(rows, weight="w"), ["y"], m=5)
    >>> parts = [tl.cell_means(tl.compress(part, "y"), []) for part in completed]
    >>> combine(parts).frame[["estimate", "std_error", "fmi"]].round(3).values.tolist()
    [[0.484, 0.086, 0.373]]
    """
    _require_alike(parts)
    first = parts[0]
    m = len(parts)
    frame = first.frame
    log = first.log_rows
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = _pool(parts, log)
        people = [part.frame["n"] for part in parts]
        n = np.mean(people, axis=0).round()
        columns, scale = _columns(first, pooled, log, n)
    fmi = pooled.information_missing
    note = (
        f"Pooled over {m} imputations; {fmi.min():.0%} to {fmi.max():.0%} of the "
        "information is missing."
    )
    how = (
        f"{first.convention}; {m} imputations, Rubin's rules, Barnard-Rubin df of "
        "each row"
    )
    axes = frame.drop(columns=list(COLUMNS))
    return replace(
        first,
        _frame=result_frame(axes, columns).assign(fmi=fmi),
        vcov=pooled.total * np.outer(scale, scale),
        df=float(pooled.df.min()),
        parts=(),
        smallest=np.min([part.smallest for part in parts], axis=0),
        convention=how,
        notes=(*first.notes, note),
        replicates=None,
    )


def _require_alike(parts: Sequence[Estimates]) -> None:
    """Raise unless there are two or more estimates of one kind with the same rows."""
    for part in parts:
        require_a(
            Estimates,
            part,
            "Give a list with the estimates from each completed design.",
        )
    rows = []
    for part in parts:
        axes = part.frame.drop(columns=list(COLUMNS))
        rows.append(axes.assign(kind=part.kind).astype(str))
    if len(parts) < 2 or not all(each.equals(rows[0]) for each in rows):
        raise EstimandError(
            "Expected two or more estimates of one kind with the same rows.",
            "Estimate the same from each design that impute gave; join levels that are "
            "not in all of them.",
        )


def _pool(parts: Sequence[Estimates], log: Array) -> _Pooled:
    """Rubin's rules with the degrees of freedom of Barnard and Rubin."""
    m = len(parts)
    df = np.min([part.frame["df"] for part in parts], axis=0)
    estimate = np.array([part.frame["estimate"] for part in parts], float)
    each = np.where(log, np.log(estimate), estimate)
    scale = np.where(log, estimate, 1.0)
    covariances = [
        part.vcov / np.outer(s, s) for part, s in zip(parts, scale, strict=True)
    ]
    inside = np.mean(covariances, axis=0)
    between = np.atleast_2d(np.cov(each.T))
    total = inside + (1 + 1 / m) * between
    missing = 1 - np.diag(inside) / np.diag(total)
    observed_df = (1 - 2 / (df + 3)) * df * (1 - missing)
    nu = 1 / (missing**2 / (m - 1) + 1 / observed_df)
    return _Pooled(each.mean(axis=0), total, missing, nu)


def _columns(
    first: Estimates, pooled: _Pooled, log: Array, n: Array
) -> tuple[tuple[Any, ...], Array]:
    """The columns of every result, and the factor of each row from logarithms back to ratios."""
    value = pooled.value
    se = np.sqrt(np.diag(pooled.total))
    low, high = _interval_method(first)(value, se, pooled.df, n)
    if first.kind == "level":
        statistic = np.nan
        n_eff = value * (1 - value) / se**2
    else:
        statistic = value / se
        n_eff = np.nan
    p_value = [
        float(two_sided_p(t, df))
        for t, df in zip(
            np.broadcast_to(statistic, pooled.df.shape), pooled.df, strict=True
        )
    ]
    estimate = _from_logs(value, log)
    ends = (_from_logs(low, log), _from_logs(high, log))
    scale = np.where(log, estimate, 1.0)
    columns = (
        estimate,
        se * scale,
        *ends,
        statistic,
        p_value,
        pooled.df,
        n,
        n_eff,
    )
    return columns, scale


def _from_logs(value: Array, log: Array) -> Array:
    return np.where(log, np.exp(np.where(log, value, 0)), value)


def _interval_method(estimates: Estimates) -> Callable[..., Any]:
    """The interval that levels were made with; of everything else Wald's."""
    if estimates.kind == "level":
        for name, method in INTERVALS.items():
            if f"; {name} interval" in estimates.convention:
                return method
    return wald_interval
