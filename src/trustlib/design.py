"""How a sample was drawn: weights, strata, PSUs, finite populations, replicate weights, domains.

A `SurveyDesign` wraps a frame (pandas, Polars, PyArrow, DuckDB, ... anything narwhals reads) and is checked once,
when it is made. It computes nothing else: `trustlib.compress` turns it into sufficient statistics.
Words and rules are those of R's ``survey`` package; every difference is named in the docstrings.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.errors import DesignError, LonelyPSUError, require_names, unknown_name
from trustlib.schema import KINDS
from trustlib.variance import LONELY_PSU, Array

REPLICATE_METHODS = ("JK1", "JKn", "BRR", "Fay", "bootstrap")
DOMAIN = "_in_domain"


@dataclass(frozen=True)
class Strata:
    """The sampling strata of the full design, one entry each."""

    key: pd.Index  # stratum values; one entry 0 without strata
    n_psu: Array  # (H,)
    remaining: Array  # (H,) 1 - sampling fraction


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
    replicate_weights : sequence of str, optional
        Columns of replicate weights that already contain the sampling weight (R's ``combined.weights=TRUE``).
        When given they alone determine the variance; strata and PSUs are then ignored.
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
        Weights negative, missing or not finite; a PSU in two strata; an impossible fpc.
    LonelyPSUError
        A stratum has one PSU and `lonely_psu` is "fail".

    Notes
    -----
    R: ``svydesign(ids=~psu, strata=~strata, weights=~weight, fpc=~fpc, nest=)`` and
    ``svrepdesign(weights=~weight, repweights=, type=, scale=, rscales=, mse=TRUE, combined.weights=TRUE)``.
    Unlike R, a lonely PSU is reported when the design is made, not when it is first used.
    A zero weight is allowed: the person leaves the estimates and stays in the design.
    """

    frame: Any
    weight: str | None = "weight"
    strata: str | None = None
    psu: str | None = None
    fpc: str | None = None
    nest: bool = False
    lonely_psu: str = "fail"
    replicate_weights: Sequence[str] | None = None
    replicate_method: str | None = None
    replicate_scale: float | Sequence[float] | None = None
    replicate_mse: bool = True
    replicate_df: float | None = None
    source: dict | None = None
    layout: Strata = field(init=False, repr=False)
    scale: Array | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        names = list(self.frame.columns) if isinstance(self.frame, pd.DataFrame) else []
        if repeated := [c for c in names if names.count(c) > 1]:
            raise DesignError(f"The frame has two columns named {repeated[0]!r}.", "Rename one of them.")
        try:
            frame = nw.from_native(self.frame)
        except TypeError as error:
            raise DesignError(
                f"Expected a data frame with one row per person, got {type(self.frame).__name__}.",
                "Give a pandas, Polars, PyArrow or DuckDB frame, such as read_survey returns.",
            ) from error
        columns = frame.collect_schema().names()
        if DOMAIN in columns:
            raise DesignError(
                f"The frame has a column {DOMAIN!r}, which trustlib uses for domains.",
                "Rename it, or call domain() on the first design instead of making a design of its frame.",
            )
        self._check_options()
        named = (self.weight, self.strata, self.psu, self.fpc, *(self.replicate_weights or ()))
        require_names("column", [c for c in named if c is not None], columns)
        if self.lonely_psu not in LONELY_PSU:
            raise unknown_name("lonely-PSU rule", self.lonely_psu, LONELY_PSU)
        if self.source is None:
            object.__setattr__(self, "source", dict(getattr(self.frame, "attrs", {}).get("source", {})))
        if (kind := (self.source or {}).get("kind")) is not None and kind not in KINDS:
            raise unknown_name("kind of source", kind, KINDS)
        self._check_weights(frame)
        if self.replicate_weights:
            object.__setattr__(self, "scale", self._replicate_scale())
            layout = Strata(pd.Index([0]), np.array([np.nan]), np.array([1.0]))
        else:
            layout = self._strata(frame)
        object.__setattr__(self, "layout", layout)

    def __repr__(self) -> str:
        return f"<SurveyDesign: {self.variance}>"  # never rows of the frame

    # -- checks ---------------------------------------------------------------------------------------------------

    def _check_options(self) -> None:
        """Refuse options that would otherwise be ignored, or taken for something else."""
        if self.replicate_weights is not None:
            names = [self.replicate_weights] if isinstance(self.replicate_weights, str) else self.replicate_weights
            object.__setattr__(self, "replicate_weights", tuple(names))
            if len({*names, self.weight}) < len(names) + 1 or len(names) < 2:
                raise DesignError(
                    "Replicate weights are two or more different columns, and none is the weight itself.",
                    "Give the names of all of them, for example [f'weight_{i}' for i in range(1, 51)].",
                )
        elif any(o is not None for o in (self.replicate_method, self.replicate_scale, self.replicate_df)):
            raise DesignError("Options of replicates are given, but no replicate_weights.", "Name their columns.")
        for name in ("nest", "replicate_mse"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise DesignError(f"{name} is True or False, got {getattr(self, name)!r}.", "Give one of the two.")
        if self.replicate_df is not None and not (
            isinstance(self.replicate_df, (int, float)) and self.replicate_df > 0
        ):
            raise DesignError(
                f"replicate_df is a number above zero, got {self.replicate_df!r}.", "Leave it out for R's rule."
            )
        if self.source is not None and not isinstance(self.source, dict):
            raise DesignError(f"source is {self.source!r}.", "Give a dict with id, kind and label.")

    def _check_weights(self, frame: Any) -> None:
        names = [c for c in (self.weight, *(self.replicate_weights or ())) if c is not None]
        schema = frame.collect_schema()
        texts = [c for c in names if not schema[c].is_numeric()]
        if texts:
            raise DesignError(
                f"The weights in column {texts[0]!r} are not numbers.", "Convert the column to numbers before."
            )
        facts = [nw.len().alias("rows")]
        for c in names:
            facts += [
                nw.col(c).is_null().sum().alias(f"{c} null"),
                nw.col(c).min().cast(nw.Float64).alias(f"{c} min"),
                nw.col(c).max().cast(nw.Float64).alias(f"{c} max"),
                nw.col(c).sum().cast(nw.Float64).alias(f"{c} sum"),
            ]
        found = _collect(frame.select(*facts)).iloc[0]
        if found["rows"] == 0:
            raise DesignError("The frame has no rows.", "Expected one row per person.")
        for c in names:
            low, high, total = float(found[f"{c} min"]), float(found[f"{c} max"]), float(found[f"{c} sum"])
            fault = (
                "missing"
                if found[f"{c} null"] > 0 or (np.isnan(total) and not np.isinf(high) and not np.isinf(low))
                else "infinite"
                if not (np.isfinite(low) and np.isfinite(high))
                else "negative"
                if low < 0
                else "all zero"
                if high == 0
                else None
            )
            if fault:
                raise DesignError(
                    f"Weights are zero or more and finite, but some in column {c!r} are {fault}."
                    if fault != "all zero"
                    else f"All weights in column {c!r} are zero.",
                    "Mend the weights or drop these people knowingly; a zero weight is allowed.",
                )

    def _strata(self, frame: Any) -> Strata:
        keys = {k: c for k, c in (("stratum", self.strata), ("psu", self.psu)) if c is not None}
        if not keys:
            n = float(_collect(frame.select(nw.len().alias("n")))["n"].iloc[0])
            table = pd.DataFrame({"stratum": [0], "n_psu": [n], "rows": [n]})
            key = pd.Index([0])
        else:
            counted = [nw.len().alias("rows")]
            labels = frame.select(*(nw.col(c).alias(k) for k, c in keys.items()))
            units = _collect(labels.group_by(*keys, drop_null_keys=False).agg(*counted))
            for k, c in keys.items():
                if units[k].isna().any() or (units[k].astype(str).str.strip() == "").any():
                    raise DesignError(
                        f"Some people have no value in column {c!r} ({k}).",
                        "Everyone in the sample has one: mend the file, or drop these people knowingly.",
                    )
            if "stratum" not in units:
                units["stratum"] = 0
            if self.psu is not None and not self.nest and units["psu"].duplicated().any():
                again = units.loc[units["psu"].duplicated(), "psu"].iloc[0]
                raise DesignError(
                    f"PSU {str(again)!r} of column {self.psu!r} lies in more than one stratum.",
                    "If PSU labels are reused in each stratum, give nest=True; else the file has a fault.",
                )
            grouped = units.groupby("stratum", observed=True, sort=True)["rows"]
            n_psu = grouped.size() if self.psu is not None else grouped.sum()
            table, key = pd.DataFrame({"n_psu": n_psu.astype(float)}), n_psu.index
        remaining = self._remaining(frame, key, table["n_psu"].to_numpy(float))
        lonely = (table["n_psu"].to_numpy() == 1) & (remaining > 0)
        if lonely.any() and self.lonely_psu == "fail":
            names = ", ".join(map(str, key[lonely][:5])) + (" ..." if lonely.sum() > 5 else "")
            raise LonelyPSUError(
                f"{lonely.sum()} of {len(key)} strata have only one PSU ({names}), so their variance is unknown.",
                "Choose lonely_psu='adjust' (conservative), 'average', 'certainty' or 'remove', or join strata.",
            )
        return Strata(key, table["n_psu"].to_numpy(float), remaining)

    def _remaining(self, frame: Any, key: pd.Index, n_psu: Array) -> Array:
        """1 - sampling fraction for each stratum."""
        if self.fpc is None:
            return np.ones(len(key))
        absent = nw.col(self.fpc).is_null().cast(nw.Int64).alias("_absent")
        frame = frame.with_columns(absent)
        if not frame.collect_schema()[self.fpc].is_numeric():
            raise DesignError(f"Column {self.fpc!r} (fpc) does not hold numbers.", "Convert it to numbers before.")
        spread = [
            nw.col(self.fpc).min().alias("low"),
            nw.col(self.fpc).max().alias("high"),
            nw.col("_absent").sum().alias("missing"),
        ]
        if self.strata is None:
            found = _collect(frame.select(*spread))
        else:
            both = frame.select(nw.col(self.strata).alias("_stratum"), nw.col(self.fpc), nw.col("_absent"))
            found = _collect(both.group_by("_stratum", drop_null_keys=False).agg(*spread))
            found = found.set_index("_stratum").reindex(key)
        low, high = found["low"].to_numpy(float), found["high"].to_numpy(float)
        if found["missing"].sum() or not np.array_equal(low, high) or (low <= 0).any():
            raise DesignError(
                f"Column {self.fpc!r} (fpc) is missing, not positive, or not constant within a stratum.",
                "Give each stratum one number: PSUs in its population, or the fraction sampled.",
            )
        fraction = low if (low <= 1).all() else n_psu / low
        if (fraction > 1).any():
            raise DesignError(
                f"Column {self.fpc!r} (fpc) gives some stratum fewer PSUs in the population than in the sample.",
                "Give the number of PSUs in the population of the stratum, not of people in the sample.",
            )
        return 1 - fraction

    def _replicate_scale(self) -> Array:
        method, n = self.replicate_method, len(self.replicate_weights or ())
        if method is not None and method not in REPLICATE_METHODS:
            raise unknown_name("replicate method", method, REPLICATE_METHODS)
        if self.replicate_scale is not None:
            try:
                scale = np.asarray(self.replicate_scale, dtype=float)
                fits = scale.shape in ((), (n,)) and bool(np.isfinite(scale).all() and scale.min() >= 0 < scale.max())
            except (TypeError, ValueError):
                fits = False
            if not fits:
                raise DesignError(
                    f"replicate_scale is one number or {n} numbers, none negative or infinite and not all zero; got "
                    f"{str(self.replicate_scale)[:60]}.",
                    "Take it from the survey's documentation.",
                )
            return np.broadcast_to(scale, (n,)).astype(float)
        default = {"JK1": (n - 1) / n, "BRR": 1 / n, "bootstrap": 1 / (n - 1)}
        if method not in default:
            raise DesignError(
                f"replicate_method={method!r} does not determine the scale of the replicates.",
                "Give replicate_scale: (n_h - 1)/n_h of each replicate's stratum for JKn, 1/(R (1 - rho)^2) for Fay.",
            )
        return np.full(n, default[method])

    # -- what others ask of a design ------------------------------------------------------------------------------

    @property
    def unclustered(self) -> bool:
        """Each person is a PSU of their own."""
        return self.psu is None and not self.replicate_weights

    @property
    def variance(self) -> str:
        """The variance estimator, in words, for the convention line."""
        if self.replicate_weights:
            centre = "the full-sample estimate" if self.replicate_mse else "the mean of the replicates"
            method = self.replicate_method or "given scale"
            return f"{len(self.replicate_weights)} replicate weights ({method}), around {centre}"
        units = f"{int(self.layout.n_psu.sum()):,} {'people' if self.psu is None else 'PSUs'}"
        strata = f" in {len(self.layout.key)} strata" if self.strata is not None else ""
        fpc = ", finite population correction" if self.fpc is not None else ""
        single = (self.layout.n_psu == 1) & (self.layout.remaining > 0)
        lonely = f", lonely PSU: {self.lonely_psu}" if single.any() else ""
        weights = "" if self.weight else "unweighted, "
        return f"{weights}Taylor linearisation over {units}{strata}{fpc}{lonely}"

    def replicate_rank_df(self) -> float:
        """Degrees of freedom of replicate weights: their rank among the people in the domain, less one, unless given.

        R's ``degf``: people with a missing answer count here, as in ``svyglm``.
        """
        names = list(self.replicate_weights or ())
        if self.replicate_df is not None:
            return float(self.replicate_df)
        frame = nw.from_native(self.frame)
        inside = frame.filter(nw.col(DOMAIN)) if DOMAIN in frame.collect_schema().names() else frame
        weights = _collect(inside.select(*names)).to_numpy(float)
        values = np.linalg.eigvalsh(weights.T @ weights)
        return float((values > values.max() * 1e-10).sum() - 1)

    def domain(self, where: Any) -> SurveyDesign:
        """Restrict estimates to some people and keep the full design, as R's ``subset(design, ...)``.

        Parameters
        ----------
        where : str, boolean array or narwhals expression
            Which people. In a text such as ``"age_band != '75+'"`` (pandas syntax) a person with a missing value
            in any variable named is outside, as in R (where ``a | b`` keeps those for whom one side is true). Ask
            for missing values with ``age_band.isna()``. A boolean array has one entry per row, and a Series the
            frame's index. A narwhals expression needs a frame other than pandas, whose NaN differs from all values.

        Returns
        -------
        SurveyDesign
            PSUs without people in the domain count as zeros in the variance. Domains of domains intersect.
        """
        frame = nw.from_native(self.frame)
        columns = frame.collect_schema().names()
        hint = "Compare a variable with a value, for example \"age_band != '75+'\"."
        if isinstance(where, nw.Expr):
            mask: Any = where
            _require_boolean(frame, where, hint)
        elif isinstance(frame, nw.LazyFrame):
            raise DesignError("A domain of a lazy frame is a narwhals expression.", "Give nw.col('gender') == 'woman'.")
        else:
            if isinstance(where, pd.Series) and not where.index.equals(getattr(self.frame, "index", where.index)):
                raise DesignError("The Series has another index than the frame.", "Make it from this frame's columns.")
            values = _evaluate(where, self.frame, columns) if isinstance(where, str) else np.asarray(where)
            if values.dtype != bool or values.shape != (len(frame),):
                raise DesignError(
                    f"A domain is one True or False for each of {len(frame)} rows; got {values.dtype} with shape "
                    f"{values.shape}.",
                    hint,
                )
            mask = nw.new_series(DOMAIN, values, nw.Boolean, backend=nw.get_native_namespace(frame))
        if DOMAIN in columns:
            mask = mask & (frame[DOMAIN] if isinstance(mask, nw.Series) else nw.col(DOMAIN))
        native = frame.with_columns(mask.alias(DOMAIN)).to_native()
        if isinstance(native, pd.DataFrame):
            native.attrs = dict(self.frame.attrs)
        new = copy.copy(self)
        object.__setattr__(new, "frame", native)
        return new


def _collect(frame: Any) -> pd.DataFrame:
    """A small result as pandas, whatever engine computed it."""
    return (frame.collect() if isinstance(frame, nw.LazyFrame) else frame).to_pandas()


def _require_boolean(frame: Any, where: nw.Expr, hint: str) -> None:
    """Refuse a domain expression that is not boolean, or on pandas compares with values that are missing."""
    if frame.implementation.is_pandas():
        raise DesignError(
            "On a pandas frame a domain is a text or a boolean array, because NaN would count as different from all.",
            hint,
        )
    try:
        kind = frame.select(where.alias(DOMAIN)).collect_schema()[DOMAIN]
    except Exception as error:  # the engines have their own exceptions
        raise DesignError(f"The domain cannot be evaluated: {' '.join(str(error).split())[:160]}", hint) from error
    if kind != nw.Boolean:
        raise DesignError(f"A domain is True or False for each person; this expression gives {kind}.", hint)


def _evaluate(where: str, frame: Any, columns: list[str]) -> np.ndarray:
    """A domain written as text, with missing values outside, as a boolean array."""
    if not isinstance(frame, pd.DataFrame):
        raise DesignError(
            "A domain written as text needs a pandas frame.", "Give a boolean array or a narwhals expression."
        )
    try:
        nodes = list(ast.walk(ast.parse(where, mode="eval")))
    except (SyntaxError, ValueError) as error:
        raise DesignError(
            f"The domain {where!r} is not a valid expression.",
            "For example: \"gender == 'woman'\". Rename a variable whose name has spaces, or give a boolean array.",
        ) from error
    used = [node.id for node in nodes if isinstance(node, ast.Name)]
    asked = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in ("isna", "isnull", "notna", "notnull")
    }
    require_names("variable", used, columns)
    try:
        values = frame.eval(where)
    except Exception as error:  # pandas.eval raises many kinds
        raise DesignError(
            f"The domain {where!r} cannot be evaluated: {' '.join(str(error).split())[:160]}",
            "For example: \"gender == 'woman' and age_band != '75+'\".",
        ) from error
    if not isinstance(values, pd.Series):
        return np.asarray(values)
    known = frame[[c for c in used if c not in asked]].notna().all(axis=1)
    return (
        (values.fillna(False).astype(bool) & known).to_numpy()
        if values.dtype in (bool, "boolean", object)
        else values.to_numpy()
    )
