"""How a sample was drawn: weights, strata, PSUs, finite populations, replicate weights, domains.

A `SurveyDesign` wraps a frame (pandas, Polars, PyArrow, DuckDB, ... anything narwhals reads) and is checked once,
when it is made. It computes nothing else: `trustlib.compress` turns it into sufficient statistics.
Words and rules are those of R's ``survey`` package; every difference is named in the docstrings.
"""

from __future__ import annotations

import copy
import re
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.answers import kinds_of, means_missing, plain
from trustlib.conditions import Condition
from trustlib.disclosure import EVIDENCE, masked_count
from trustlib.errors import (
    DesignError,
    LonelyPSUError,
    is_number,
    listed,
    one_line,
    require_names,
)
from trustlib.grouping import group_rows
from trustlib.ordering import as_category, as_pandas, without_dictionaries
from trustlib.schema import WEIGHTS
from trustlib.variance import LONELY_HINT, LONELY_PSU, REPLICATE_METHODS, Array

DOMAIN = "_in_domain"


# The strata of the full design: their values (one 0 without strata), PSUs (H,) and 1 - sampling fraction (H,).
Strata = namedtuple("Strata", "key n_psu remaining")


@dataclass(frozen=True, eq=False)
class SurveyDesign:
    """A sample and how it was drawn.

    Parameters
    ----------
    frame : DataFrame
        One row per person. pandas, Polars, PyArrow tables, or a lazy frame (DuckDB, Polars, Dask, PySpark).
    weight : str or None
        Column of sampling weights (people represented). None: everyone counts one, and results say so.
    strata, psu : str, optional
        Columns of strata and of primary sampling units. Without `psu` each row is its own PSU.
    fpc : str, optional
        Column with the number of PSUs in the population of the stratum, or, if all values are at most 1, the
        sampling fraction. Constant within a stratum.
    nest : bool
        PSU labels are reused between strata (R's ``nest=TRUE``).
    lonely_psu : {"fail", "remove", "certainty", "adjust", "average"}
        Rule for a stratum with a single PSU, as R's ``options(survey.lonely.psu=)``.
    raked : sequence of str, optional
        Columns whose population totals the weights already meet: one column is post-stratification, several are
        raking. Standard errors then use what is left of the linearised values after regression on these margins
        (see `variance.without_margins`). Left out, the weights are taken as fixed, and results say so.
    base_weight : str, optional
        With `raked`: column of the weights before raking, which weight that regression as in R's ``calibrate``.
        Left out, the final weights do (Deville and Sarndal 1992); for a single margin the two are the same.
    replicate_weights : sequence of str, optional
        Columns of replicate weights that already contain the sampling weight (R's ``combined.weights=TRUE``).
        When given they alone determine the variance; strata and PSUs are then ignored. Some may be below zero, as in
        the American Community Survey, if `replicate_scale` is given.
    replicate_method : {"JK1", "JKn", "BRR", "Fay", "bootstrap"}, optional
        Sets the scale: JK1 (R-1)/R, BRR 1/R, bootstrap 1/(R-1). JKn and Fay need `replicate_scale`.
    replicate_scale : float or sequence of float, optional
        One number, or one per replicate; overrides the method's (R's ``scale * rscales``).
    replicate_mse : bool
        Squared deviations from the full-sample estimate (True; R's default is False: from the replicates' mean).
    replicate_df : float, optional
        Degrees of freedom; by default the rank of the replicate weights less one, as R's ``degf``.
    source : dict, optional
        ``{"id", "kind", "label"}`` with kind real, supplied, synthetic or published; by default the frame's own
        (``frame.attrs["source"]``, set by `read_survey`). It is printed on every table and figure.

    Raises
    ------
    UnknownNameError
        A column or option does not exist.
    DesignError
        Weights negative (of replicates without a scale that is given), missing, not finite, or so small or large that
        their squares are no numbers (outside 1e-100 to 1e100); strata or PSUs that are missing, a text that means
        missing ("NA", "."), of several kinds, or written in two ways; a PSU in two strata; an impossible fpc; a margin
        with missing values.
    LonelyPSUError
        A stratum has one PSU and `lonely_psu` is "fail".

    Notes
    -----
    R: ``svydesign(ids=~psu, strata=~strata, weights=~weight, fpc=~fpc, nest=)``, then ``postStratify`` or
    ``calibrate(calfun="raking")`` where `raked` is given, and
    ``svrepdesign(weights=~weight, repweights=, type=, scale=, rscales=, mse=TRUE, combined.weights=TRUE)``.
    Unlike R, a lonely PSU is reported when the design is made, not when it is first used.
    R's ``rake`` regresses without weights, R's ``calibrate`` with the base weights. They agree where all base weights
    are equal, and there only is ``rake`` right: on ``apiclus2`` they give 32.3 and 26.4 for one mean.
    A zero weight is allowed: the person leaves the estimates and stays in the design. With replicate weights such a
    person leaves the replicates too, whatever the replicate weights are; R counts the person there.
    """

    frame: Any
    weight: str | None = "weight"
    strata: str | None = None
    psu: str | None = None
    fpc: str | None = None
    nest: bool = False
    lonely_psu: str = "fail"
    raked: Sequence[str] | None = None
    base_weight: str | None = None
    replicate_weights: Sequence[str] | None = None
    replicate_method: str | None = None
    replicate_scale: float | Sequence[float] | None = None
    replicate_mse: bool = True
    replicate_df: float | None = None
    source: dict | None = None
    layout: Strata = field(init=False, repr=False)
    scale: Array | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        names = list(getattr(self.frame, "column_names", None) or [])
        if isinstance(self.frame, pd.DataFrame):
            names = list(self.frame.columns)
        again = [name for i, name in enumerate(names) if name in names[:i]]
        if again:
            raise DesignError(
                f"The frame has two columns named {again[0]!r}.", "Rename one of them."
            )
        try:
            frame = nw.from_native(self.frame)
        except TypeError as error:
            text = f"Expected a data frame with one row per person, got {type(self.frame).__name__}."
            raise DesignError(
                text, "Give a pandas, Polars, PyArrow or DuckDB frame."
            ) from error
        columns = frame.collect_schema().names()
        if DOMAIN in columns:
            hint = "Rename it, or call domain() on the first design instead of making a design of its frame."
            raise DesignError(
                f"The frame has a column {DOMAIN!r}, which trustlib uses for domains.",
                hint,
            )
        self._check_options()
        of_people = (
            None
            if self.replicate_weights
            else {"_stratum": self.strata, "_psu": self.psu, "_fpc": self.fpc}
        )
        keys = {own: c for own, c in (of_people or {}).items() if c is not None}
        weights = [
            c
            for c in (self.weight, self.base_weight, *(self.replicate_weights or ()))
            if c is not None
        ]
        named = [
            c
            for c in (self.strata, self.psu, self.fpc, *(self.raked or ()))
            if c is not None
        ]
        require_names("column", [*weights, *named], columns)
        require_plain_names(frame, [*weights, *named])
        signed = self.replicate_weights if self.replicate_scale is not None else ()
        _check_weights(
            frame,
            weights,
            [self.fpc] if self.fpc is not None and of_people else [],
            signed or (),
        )
        if self.raked:
            _check_margins(_units(frame, {c: c for c in self.raked}), self.raked)
        if of_people:
            layout = self._strata(_units(frame, keys), keys)
        else:
            object.__setattr__(self, "scale", self._replicate_scale())
            layout = Strata(pd.Index([0]), np.array([np.nan]), np.array([1.0]))
        object.__setattr__(self, "layout", layout)

    def __repr__(self) -> str:
        return f"<SurveyDesign: {self.variance}>"  # never rows of the frame

    # -- checks ---------------------------------------------------------------------------------------------------

    def _check_options(self) -> None:
        """Refuse options that would otherwise be ignored, or taken for something else."""
        if self.replicate_weights is not None:
            names = tuple(listed(self.replicate_weights))
            object.__setattr__(self, "replicate_weights", names)
            if len({*names, self.weight}) < len(names) + 1 or len(names) < 2:
                text = "Replicate weights are two or more different columns, and none is the weight itself."
                raise DesignError(
                    text,
                    "Give all their names, such as [f'weight_{i}' for i in range(1, 51)].",
                )
        elif any(
            o is not None
            for o in (self.replicate_method, self.replicate_scale, self.replicate_df)
        ):
            raise DesignError(
                "Options of replicates are given, but no replicate_weights.",
                "Name their columns.",
            )
        if self.raked is not None or self.base_weight is not None:
            object.__setattr__(self, "raked", tuple(listed(self.raked or ())))
            if (
                not self.raked
                or self.weight is None
                or self.replicate_weights is not None
            ):
                hint = "Name them with raked=; replicate weights know theirs if each replicate was raked: leave it out."
                raise DesignError(
                    "Margins need weights raked to them, at least one margin, and no replicates.",
                    hint,
                )
        for name in ("nest", "replicate_mse"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise DesignError(
                    f"{name} is True or False, got {getattr(self, name)!r}.",
                    "Give one of the two.",
                )
        df = self.replicate_df
        if df is not None and not (is_number(df) and df > 0):
            raise DesignError(
                f"replicate_df is a number above zero, got {df!r}.",
                "Leave it out for R's rule.",
            )
        require_names("lonely-PSU rule", [self.lonely_psu], LONELY_PSU)
        require_names(
            "replicate method", [self.replicate_method], (None, *REPLICATE_METHODS)
        )
        if self.source is None:
            object.__setattr__(
                self, "source", dict(getattr(self.frame, "attrs", {}).get("source", {}))
            )
        if not isinstance(self.source, dict):
            raise DesignError(
                f"source is {self.source!r}.", "Give a dict with id, kind and label."
            )
        require_names("kind of source", [self.source.get("kind")], (None, *EVIDENCE))

    def _strata(self, units: pd.DataFrame, keys: dict[str, str]) -> Strata:
        """The strata with their PSUs, from one row per stratum, PSU and fpc."""
        for own, c in keys.items():
            if own != "_fpc":
                _check_labels(units[own], units["n"], c, own[1:])
        grouped = units.groupby(
            units["_stratum"] if "_stratum" in keys else np.zeros(len(units), int),
            observed=True,
        )
        n_psu = (grouped.size() if "_psu" in keys else grouped["n"].sum()).astype(float)
        remaining = (
            np.ones(len(n_psu))
            if self.fpc is None
            else self._remaining(grouped, n_psu.to_numpy())
        )
        if "_psu" in keys and not self.nest and units["_psu"].duplicated().any():
            again = units.loc[units["_psu"].duplicated(), "_psu"].iloc[0]
            hint = "If PSU labels are reused in each stratum, give nest=True; else the file has a fault."
            raise DesignError(
                f"PSU {str(again)!r} of column {self.psu!r} lies in more than one stratum.",
                hint,
            )
        lonely = (n_psu.to_numpy() == 1) & (remaining > 0)
        if lonely.any() and self.lonely_psu == "fail":
            names = ", ".join(map(str, n_psu.index[lonely][:5])) + (
                " ..." if lonely.sum() > 5 else ""
            )
            text = f"{lonely.sum()} of {len(n_psu)} strata have only one PSU ({names}), so their variance is unknown."
            raise LonelyPSUError(text, LONELY_HINT)
        return Strata(n_psu.index, n_psu.to_numpy(), remaining)

    def _remaining(self, grouped: Any, n_psu: Array) -> Array:
        """1 - sampling fraction for each stratum."""
        population = grouped["_fpc"].first().to_numpy(float)
        if (grouped["_fpc"].nunique(dropna=False) > 1).any() or not (
            population > 0
        ).all():
            text = f"Column {self.fpc!r} (fpc) is missing, not positive, or not constant within a stratum."
            raise DesignError(
                text,
                "Give each stratum one number: PSUs in its population, or the fraction sampled.",
            )
        fraction = population if (population <= 1).all() else n_psu / population
        if (fraction > 1).any():
            text = f"Column {self.fpc!r} (fpc) gives some stratum fewer PSUs in the population than in the sample."
            raise DesignError(
                text,
                "Give the number of PSUs in its population, not of people in the sample.",
            )
        return 1 - fraction

    def _replicate_scale(self) -> Array:
        """The factor of each replicate: what was given, or what the method says."""
        n = len(self.replicate_weights or ())
        default = {"JK1": (n - 1) / n, "BRR": 1 / n, "bootstrap": 1 / (n - 1)}
        given = (
            default.get(str(self.replicate_method))
            if self.replicate_scale is None
            else self.replicate_scale
        )
        if given is None:
            text = f"replicate_method={self.replicate_method!r} does not determine the scale of the replicates."
            hint = "Give replicate_scale: (n_h - 1)/n_h of each replicate's stratum for JKn, 1/(R (1 - rho)^2) for Fay."
            raise DesignError(text, hint)
        try:
            scale = np.broadcast_to(np.asarray(given, dtype=float), (n,)).astype(float)
        except (TypeError, ValueError):
            scale = np.zeros(n)
        if not (np.isfinite(scale).all() and scale.min() >= 0 < scale.max()):
            wanted = (
                f"one number or {n} numbers, none negative or infinite and not all zero"
            )
            hint = "Take it from the survey's documentation."
            raise DesignError(
                f"replicate_scale is {wanted}; got {str(given)[:60]}.", hint
            )
        return scale

    # -- what others ask of a design ------------------------------------------------------------------------------

    @property
    def variance(self) -> str:
        """The variance estimator, in words, for the convention line."""
        if self.replicate_weights:
            centre = (
                "the full-sample estimate"
                if self.replicate_mse
                else "the mean of the replicates"
            )
            method = self.replicate_method or "given scale"
            return f"{len(self.replicate_weights)} replicate weights ({method}), around {centre}"
        units = f"{int(self.layout.n_psu.sum()):,} {'people' if self.psu is None else 'PSUs'}"
        strata = f" in {len(self.layout.key)} strata" if self.strata is not None else ""
        fpc = ", finite population correction" if self.fpc is not None else ""
        lonely = (
            f", lonely PSUs: {self.lonely_psu}"
            if self.strata is not None or 1 in self.layout.n_psu
            else ""
        )
        weights = "" if self.weight else "unweighted, "
        margins = ", weights taken as fixed" if self.weight else ""
        if self.raked:
            margins = f", raked to {', '.join(self.raked)} (margins taken into account)"
        return (
            f"{weights}Taylor linearisation over {units}{strata}{fpc}{lonely}{margins}"
        )

    def replicate_rank_df(self) -> float:
        """Degrees of freedom of replicate weights: their rank among the people in the domain, less one, unless given.

        R's ``degf``: people with a missing answer count here, as in ``svyglm``.
        """
        names = list(self.replicate_weights or ())
        if self.replicate_df is not None:
            return float(self.replicate_df)
        frame = nw.from_native(self.frame)
        inside = (
            frame.filter(nw.col(DOMAIN))
            if DOMAIN in frame.collect_schema().names()
            else frame
        )
        weights = _collect(inside.select(*names)).to_numpy(float)
        values = np.linalg.eigvalsh(weights.T @ weights)
        return float((values > values.max() * 1e-10).sum() - 1)

    def domain(self, where: Any) -> SurveyDesign:
        """Restrict estimates to some people and keep the full design, as R's ``subset(design, ...)``.

        Parameters
        ----------
        where : str, boolean array or narwhals expression
            Which people. A text such as ``"age_band != '75+' and age > 20"`` has names of columns, texts in quotes,
            numbers, ``== != < <= > >=``, ``in`` and ``not in`` with a list, ``and``, ``or``, ``not``, ``+ - * / %``,
            brackets, ``.isna()``, ``.notna()`` and ``.isin([...])``, and nothing else: it is read, never run. A name
            with other signs than letters, digits and ``_`` stands in backticks. A person with a missing value in any
            variable named is outside, as in R (where ``a | b`` keeps those for whom one side is true), save in those
            asked for by ``age_band.isna()`` and the like; there a comparison with a missing value is neither true nor
            false. So is what divides by zero. A text never compares with a number, nor a category with what is none
            of its levels, and ``<`` takes numbers, dates (``"day >= '2024-03-31'"``) and ordered categories. A
            boolean array has one entry per row, and a Series the frame's index. A lazy frame needs a narwhals
            expression, in which NaN is missing too; a pandas frame takes none, because NaN there differs from all
            values.

        Returns
        -------
        SurveyDesign
            PSUs without people in the domain count as zeros in the variance. Domains of domains intersect.

        Raises
        ------
        UnknownNameError
            The text names a variable that does not exist.
        DesignError
            The domain cannot be evaluated, or is not one True or False for each person.

        Notes
        -----
        R: ``subset(design, age_band != "75+")``.
        """
        frame = nw.from_native(self.frame)
        schema = frame.collect_schema()
        columns = schema.names()
        hint = "Compare a variable with a value, for example \"age_band != '75+'\"."
        if isinstance(where, nw.Expr):
            mask: Any = where
            _require_boolean(frame, where, hint)
            frame = frame.with_columns(
                nw.col(c).fill_nan(None) for c in columns if schema[c].is_float()
            )
        elif isinstance(frame, nw.LazyFrame):
            raise DesignError(
                "A domain of a lazy frame is a narwhals expression.",
                "Give nw.col('gender') == 'woman'.",
            )
        else:
            if isinstance(where, pd.Series) and not where.index.equals(
                getattr(self.frame, "index", where.index)
            ):
                raise DesignError(
                    "The Series has another index than the frame.",
                    "Make it from this frame's columns.",
                )
            values = (
                _evaluate(where, frame, columns)
                if isinstance(where, str)
                else np.asarray(where)
            )
            if values.dtype != bool or values.shape != (len(frame),):
                got = f"{values.dtype} with shape {values.shape}"
                raise DesignError(
                    f"A domain is one True or False for each of {len(frame)} rows; got {got}.",
                    hint,
                )
            mask = nw.new_series(
                DOMAIN, values, nw.Boolean, backend=nw.get_native_namespace(frame)
            )
        if DOMAIN in columns:
            mask = mask & (
                frame[DOMAIN] if isinstance(mask, nw.Series) else nw.col(DOMAIN)
            )
        if isinstance(self.frame, pd.DataFrame):
            native = self.frame.assign(**{DOMAIN: mask.to_numpy()})
        else:
            native = frame.with_columns(mask.alias(DOMAIN)).to_native()
        new = copy.copy(self)
        object.__setattr__(new, "frame", native)
        return new


def require_plain_names(frame: Any, names: Sequence[str]) -> None:
    """Refuse names of columns that Polars and DuckDB take for a pattern, and so for other columns."""
    if frame.implementation.is_pandas() or frame.implementation.is_pyarrow():
        return
    for name in names:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DesignError(
                f"The name of column {name!r} stands for several columns in Polars and DuckDB.",
                "Rename it in the frame.",
            )


def _units(frame: Any, keys: dict[str, str]) -> pd.DataFrame:
    """The combinations of some columns that occur, under new names, with their number of rows."""
    require_single_values(frame.collect_schema(), list(keys.values()))
    renamed = [nw.col(c).alias(own) for own, c in keys.items()]
    try:
        return sums_by(frame.select(*renamed) if keys else frame, list(keys), [])
    except TypeError as error:  # what cannot be compared, such as lists among objects
        raise _of_lists(_that_hold_lists(frame, list(keys.values()))[0]) from error


def require_single_values(schema: Any, columns: Sequence[str]) -> None:
    """Refuse columns whose type is a list or a structure."""
    for c in columns:
        if schema[c].is_nested():
            raise _of_lists(c)


def _of_lists(column: str) -> DesignError:
    return DesignError(
        f"Column {column!r} holds lists or structures, expected one value for each person.",
        "Make it a text or a number.",
    )


def _that_hold_lists(frame: Any, columns: list[str]) -> list[str]:
    """Those of some columns whose values cannot be compared; all if none is found."""
    people = frame.to_native()
    found = []
    for c in columns:
        try:
            pd.factorize(people[c])
        except TypeError:
            found.append(c)
    return found or columns


def _check_margins(margins: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse margins with missing values, or with values of several kinds."""
    for c in names:
        if margins[c].isna().any():
            hint = "Everyone counts in a margin: use the values with which the weights were made."
            raise DesignError(f"Some people have no value in the margin {c!r}.", hint)
        kinds = kinds_of(margins[c].unique())
        if len(kinds) > 1:
            raise DesignError(
                f"The margin {c!r} mixes {' and '.join(kinds)}.",
                "Make it one kind, such as texts.",
            )


def _check_labels(labels: pd.Series, people: pd.Series, column: str, role: str) -> None:
    """Refuse strata or PSUs that are missing, of several kinds, or one label written in two ways."""
    distinct = list(labels.dropna().unique())
    lost = labels.isna() | labels.isin([v for v in distinct if means_missing(v)])
    if lost.any():
        count = masked_count(int(people[lost].sum()))
        raise DesignError(
            f"Some people ({count}) have no value in column {column!r} ({role}), "
            "or a text that means missing, such as NA.",
            "Everyone in the sample has one: mend the file, rename a label that is meant, "
            "or drop these people knowingly.",
        )
    kinds = kinds_of(distinct)
    if len(kinds) > 1:
        raise DesignError(
            f"Column {column!r} ({role}) mixes {' and '.join(kinds)}, so that one label may count as two.",
            "Make it one kind, such as texts.",
        )
    texts = [v for v in distinct if isinstance(v, str)]
    if len({plain(v) for v in texts}) < len(texts):
        raise DesignError(
            f"Column {column!r} ({role}) has labels that differ only in blanks at their ends, "
            "or in the Unicode form of a letter.",
            "Write each in one way, or read the file with read_survey.",
        )


def _check_weights(
    frame: Any,
    weights: list[str],
    others: Sequence[str] = (),
    signed: Sequence[str] = (),
) -> None:
    """Refuse a design of nobody, columns that are not numbers, and weights that are not zero or more and finite.

    Those of `signed` may be below zero.
    """
    schema = frame.collect_schema()
    if texts := [c for c in (*weights, *others) if not schema[c].is_numeric()]:
        raise DesignError(
            f"The values of column {texts[0]!r} are not numbers.",
            "Convert them to numbers before.",
        )
    people, columns = frame.to_native(), {c: nw.col(c) for c in weights}
    if isinstance(people, pd.DataFrame):  # the same facts, ten times as fast
        rows, values = (
            len(people),
            {
                c: people[c].to_numpy(float, na_value=np.nan)
                for c in weights
                if len(people)
            },
        )
        found = {
            c: [
                v.min(),
                v.max(),
                v.sum(),
                rows,
                np.abs(v[v != 0]).min(initial=np.inf),
            ]
            for c, v in values.items()
        }
    else:
        asked = {
            c: (
                v.min(),
                v.max(),
                v.sum(),
                v.count(),
                nw.when(v != 0).then(v.abs()).min(),
            )
            for c, v in columns.items()
        }
        named = [
            fact.alias(f"{c} {i}")
            for c, facts in asked.items()
            for i, fact in enumerate(facts)
        ]
        rows, *each = (
            _collect(frame.select(nw.len().alias("rows"), *named))
            .iloc[0]
            .fillna(np.nan)
            .astype(float)
        )
        found = dict(zip(asked, np.reshape(each, (-1, 5)), strict=True))
    if rows == 0:
        raise DesignError("The frame has no rows.", "Expected one row per person.")
    for c, (low, high, total, known, least) in found.items():
        infinite = np.isinf([low, high]).any()
        largest = max(abs(low), abs(high))
        faults = {
            "missing": known < rows or (np.isnan(total) and not infinite),
            "infinite": infinite,
            "negative": low < 0 and c not in signed,
            "all zero": largest == 0,
            "below 1e-100 or above 1e100": least < WEIGHTS[0] or largest > WEIGHTS[1],
        }
        fault = next((name for name, true in faults.items() if true), None)
        if fault is None:
            continue
        hint = (
            "Mend the weights or drop these people knowingly; a zero weight is allowed."
        )
        if fault == "negative" and c not in weights[:1]:
            hint += (
                " Replicate weights may be below zero where replicate_scale is given."
            )
        raise DesignError(
            f"Weights are zero or more, finite and not all zero, but those in column {c!r} are {fault}.",
            hint,
        )


def sums_by(frame: Any, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """One pass over the people, on whatever engine holds them: rows `n` and sums of columns per combination of keys."""
    if frame.implementation.is_pyarrow():
        plain_table = without_dictionaries(frame.to_native())
        frame = nw.from_native(plain_table)
    people = frame.to_native()
    if not isinstance(people, pd.DataFrame):
        asked = [nw.len().alias("n"), *(nw.col(c).sum() for c in columns)]
        return _collect(
            frame.group_by(*keys, drop_null_keys=False).agg(*asked)
            if keys
            else frame.select(*asked)
        )
    by = {c: as_category(people[c]) for c in keys}
    group, row = group_rows(list(by.values()), len(people))
    step = max(len(row), 2**14)  # sums of sums are more exact than one long sum
    parts = [slice(i, i + step) for i in range(0, len(group), step)]
    sums = {"n": np.bincount(group)}
    for c in columns:
        values = people[c].to_numpy(float)
        sums[c] = np.sum(
            [np.bincount(group[part], values[part], len(row)) for part in parts], axis=0
        )
    return pd.DataFrame(
        sums | {c: values.array.take(row) for c, values in by.items()}
    )  # a margin may be called n


def _collect(frame: Any) -> pd.DataFrame:
    """A small result as pandas, whatever engine computed it."""
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if frame.implementation.is_pyarrow():
        return as_pandas(frame.to_native())
    return frame.to_pandas()


def _require_boolean(frame: Any, where: nw.Expr, hint: str) -> None:
    """Refuse a domain expression that is not boolean, or on pandas compares with values that are missing."""
    if frame.implementation.is_pandas():
        text = "On a pandas frame a domain is a text or boolean array, because NaN would count as different from all."
        raise DesignError(text, hint)
    try:
        kind = frame.select(where.alias(DOMAIN)).collect_schema()[DOMAIN]
    except Exception as error:  # the engines have their own exceptions
        raise DesignError(
            f"The domain cannot be evaluated: {one_line(error)}", hint
        ) from error
    if kind != nw.Boolean:
        raise DesignError(
            f"A domain is True or False for each person; this expression gives {kind}.",
            hint,
        )
    _require_like_kinds(frame, where)


_UNLIKE = re.compile(
    r"matching input types \((?=.*\bstring\b)(?=.*\b(?:int64|double)\b)|match type of values set"
)


def _require_like_kinds(frame: Any, where: nw.Expr) -> None:
    """Refuse an expression that compares texts with numbers, which some engines cast without a word.

    It is tried on an empty Arrow table with columns of the same kinds, which compares values of one kind only.
    """
    import pyarrow as pa

    fields = {}
    for name, kind in frame.collect_schema().items():
        if kind.is_numeric():
            fields[name] = pa.int64() if kind.is_integer() else pa.float64()
        elif kind in (nw.String, nw.Categorical, nw.Enum):
            fields[name] = pa.string()
        elif kind == nw.Boolean:
            fields[name] = pa.bool_()
    empty = nw.from_native(pa.schema(list(fields.items())).empty_table())
    try:
        empty.select(where.alias(DOMAIN))
    except Exception as error:  # what Arrow cannot do is not refused for that
        if _UNLIKE.search(str(error)):
            raise DesignError(
                "The domain compares texts with numbers.",
                "Write texts in quotes and numbers without, as the column holds them.",
            ) from error


def _evaluate(where: str, frame: Any, columns: list[str]) -> np.ndarray:
    """A domain written as text, with missing values outside, as a boolean array."""
    condition = Condition.read(where, DesignError)
    used = condition.columns(columns)
    condition.require_allowed()
    if not used:
        return condition.holds(pd.DataFrame(index=range(len(frame))))
    people = frame.select(*(nw.col(c).alias(own) for own, c in used.items()))
    return condition.holds(people.to_pandas())
