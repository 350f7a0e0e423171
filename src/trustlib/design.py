"""How a sample was drawn: weights, strata, PSUs, finite populations, replicate weights, domains.

A `SurveyDesign` wraps a frame (pandas, Polars, PyArrow, DuckDB, ... anything narwhals
reads) and is checked once, when it is made. It computes nothing else:
`trustlib.compress` turns it into sufficient statistics. Words and rules are those of
R's ``survey`` package; every difference is named in the docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trustlib.domains import domain_mask, without_nan
from trustlib.engines import (
    collect,
    floats,
    require_plain_names,
    units_of,
    without_notes,
)
from trustlib.errors import DesignError, is_number, listed, require_names
from trustlib.masking import require_columns
from trustlib.opening import opened
from trustlib.personal import names_that_may_be_told
from trustlib.rounding import rounded_people
from trustlib.schedulers import require_every_file, require_near
from trustlib.sources import SourceField
from trustlib.strata import FPC, PSU, STRATUM, Strata, strata_of
from trustlib.stratified import LONELY_PSU
from trustlib.variance import REPLICATE_METHODS, Array, rank_of_columns
from trustlib.weight_checks import require_margins, require_weights

DOMAIN = "_in_domain"


class _SourceOfDesign(SourceField):
    """The source of a design: where none is given, the frame's own."""

    default = None

    def __set__(self, owner: Any, given: Mapping[str, Any] | None) -> None:
        if given is None:
            facts = getattr(owner.frame, "attrs", {})
            given = facts.get("source")
        super().__set__(owner, given)


@dataclass(frozen=True, eq=False)
class SurveyDesign:
    """A sample and how it was drawn.

    Parameters
    ----------
    frame : DataFrame, path or pyarrow Dataset
        One row per person. pandas, Polars, PyArrow tables, or a lazy frame (DuckDB,
        Polars, Dask, PySpark). The path of a Parquet or CSV file, or of a folder of
        such parts, and a dataset are read bit by bit (see `trustlib.opening`).
    weight : str or None
        Column of sampling weights (people represented). None: everyone counts one, and
        results say so.
    strata, psu : str, optional
        Columns of strata and of primary sampling units. Without `psu` each row is its
        own PSU.
    fpc : str, optional
        Column with the number of PSUs in the population of the stratum, or, if all
        values are at most 1, the sampling fraction. Constant within a stratum.
    nest : bool
        PSU labels are reused between strata (R's ``nest=TRUE``).
    lonely_psu : {"fail", "remove", "certainty", "adjust", "average"}
        Rule for a stratum with a single PSU, as R's ``options(survey.lonely.psu=)``.
    raked : sequence of str, optional
        Columns whose population totals the weights already meet: one column is
        post-stratification, several are raking. Standard errors then use what is left
        of the linearised values after regression on these margins (see
        `variance.without_margins`). Left out, the weights are taken as fixed, and
        results say so.
    base_weight : str, optional
        With `raked`: column of the weights before raking, which weight that regression
        as in R's ``calibrate``. Left out, the final weights do (Deville and Sarndal
        1992); for a single margin the two are the same.
    replicate_weights : sequence of str, optional
        Columns of replicate weights that already contain the sampling weight (R's
        ``combined.weights=TRUE``). When given they alone determine the variance; strata
        and PSUs are then ignored. Some may be below zero, as in the American Community
        Survey, if `replicate_scale` is given.
    replicate_method : {"JK1", "JKn", "BRR", "Fay", "bootstrap"}, optional
        Sets the scale: JK1 (R-1)/R, BRR 1/R, bootstrap 1/(R-1). JKn and Fay need
        `replicate_scale`.
    replicate_scale : float or sequence of float, optional
        One number, or one per replicate; overrides the method's (R's
        ``scale * rscales``).
    replicate_mse : bool
        Squared deviations from the full-sample estimate (True; R's default is False:
        from the replicates' mean).
    replicate_df : float, optional
        Degrees of freedom; by default the rank of the replicate weights less one, as
        R's ``degf``.
    source : mapping, optional
        ``{"id", "kind", "label"}`` with kind real, supplied, synthetic or published; by
        default the frame's own (``frame.attrs["source"]``, set by `read_survey`). It is
        printed on every table and figure, and is a `trustlib.sources.Source` here.

    Attributes
    ----------
    layout : Strata
        The strata of the full design, with their PSUs.
    scale : array (R,), optional
        The factor of each replicate; None without replicate weights.
    people : int
        Rows of the frame; `compress` refuses a frame that has more or fewer by then.

    Raises
    ------
    UnknownNameError
        A column or option does not exist.
    DesignError
        Weights negative (of replicates without a scale that is given), missing, not
        finite, or so small or large that their squares are no numbers (outside 1e-100
        to 1e100); strata or PSUs that are missing, a text that means missing ("NA",
        "."), of several kinds, or written in two ways; a PSU in two strata; an
        impossible fpc; a margin with missing values.
    LonelyPSUError
        A stratum has one PSU and `lonely_psu` is "fail".

    Notes
    -----
    R: ``svydesign(ids=~psu, strata=~strata, weights=~weight, fpc=~fpc, nest=)``, then
    ``postStratify`` or ``calibrate(calfun="raking")`` where `raked` is given, and
    ``svrepdesign(weights=~weight, repweights=, type=, scale=, rscales=, mse=TRUE,
    combined.weights=TRUE)``.
    Unlike R, a lonely PSU is reported when the design is made, not when it is first
    used. R's ``rake`` regresses without weights, R's ``calibrate`` with the base
    weights. They agree where all base weights are equal, and there only is ``rake``
    right: on ``apiclus2`` they give 32.3 and 26.4 for one mean.
    A zero weight is allowed: the person leaves the estimates and stays in the design.
    With replicate weights such a person leaves the replicates too, whatever the
    replicate weights are; R counts the person there.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({
    ...     "weight": [1.0, 2.0, 1.5, 1.0],
    ...     "region": ["north", "north", "south", "south"],
    ... })
    >>> SurveyDesign(people, strata="region").variance
    'Taylor linearisation over 4 people in 2 strata, lonely PSUs: fail, weights taken as fixed'
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
    source: _SourceOfDesign = _SourceOfDesign()
    layout: Strata = field(init=False, repr=False)
    scale: Array | None = field(init=False, repr=False, default=None)
    people: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self._settle(frame=opened(self.frame))
        frame = _people(without_notes(self.frame))
        self._settle(**self._options_in_one_form())
        self._check_options()
        units = self._checked_units(frame)
        self._settle(people=int(units["n"].sum()))
        if self.replicate_weights:
            self._settle(layout=Strata.unknown(), scale=self._replicate_scale())
        else:
            self._settle(layout=self._strata(units))

    def _settle(self, **values: Any) -> None:
        """Give fields their final values while the design is made, and never after."""
        vars(self).update(values)

    def __repr__(self) -> str:
        return f"<SurveyDesign: {self.variance}>"  # never rows of the frame

    def _options_in_one_form(self) -> dict[str, Any]:
        """Names of columns as tuples."""
        options: dict[str, Any] = {}
        if self.replicate_weights is not None:
            options["replicate_weights"] = tuple(listed(self.replicate_weights))
        if self.raked is not None or self.base_weight is not None:
            options["raked"] = tuple(listed(self.raked or ()))
        return options

    def _check_options(self) -> None:
        """Refuse options that would otherwise be ignored, or taken for something else."""
        self._check_replicates()
        self._check_raking()
        for name in ("nest", "replicate_mse"):
            value = getattr(self, name)
            if not isinstance(value, (bool, np.bool_)):
                raise DesignError(
                    f"{name} is True or False, got {value!r}.", "Give one of the two."
                )
        df = self.replicate_df
        if df is not None and not (is_number(df) and df > 0):
            raise DesignError(
                f"replicate_df is a number above zero, got {df!r}.",
                "Leave it out for R's rule.",
            )
        methods = (None, *REPLICATE_METHODS)
        require_names("lonely-PSU rule", [self.lonely_psu], LONELY_PSU)
        require_names("replicate method", [self.replicate_method], methods)

    def _check_replicates(self) -> None:
        """Refuse replicates that are no set of columns, and options of none."""
        names = self.replicate_weights
        if names is not None:
            distinct = {*names, self.weight}
            if len(distinct) < len(names) + 1 or len(names) < 2:
                raise DesignError(
                    "Replicate weights are two or more different columns, "
                    "and none is the weight itself.",
                    "Give all their names, "
                    "such as [f'weight_{i}' for i in range(1, 51)].",
                )
            return
        options = (self.replicate_method, self.replicate_scale, self.replicate_df)
        if any(option is not None for option in options):
            raise DesignError(
                "Options of replicates are given, but no replicate_weights.",
                "Name their columns.",
            )

    def _check_raking(self) -> None:
        """Refuse margins of weights that cannot have been raked to them."""
        if self.raked is None and self.base_weight is None:
            return
        replicated = self.replicate_weights is not None
        if not self.raked or self.weight is None or replicated:
            raise DesignError(
                "Margins need weights raked to them, at least one margin, "
                "and no replicates.",
                "Name them with raked=; replicate weights know theirs if each replicate "
                "was raked: leave it out.",
            )

    def _checked_units(self, frame: Any) -> pd.DataFrame:
        """One row per stratum, PSU and fpc, of columns that exist and may be what they are."""
        raked = self.raked or ()
        weights = _given(self.weight, self.base_weight, *(self.replicate_weights or ()))
        others = _given(self.strata, self.psu, self.fpc, *raked)
        columns = frame.collect_schema().names()
        require_columns([*weights, *others], columns)
        require_plain_names(frame, [*weights, *others])
        signed: Sequence[str] = ()
        if self.replicate_scale is not None:
            signed = self.replicate_weights or ()
        fpc = [] if self.replicate_weights else _given(self.fpc)
        units = require_weights(frame, weights, fpc, signed, self._units)
        if raked:
            require_margins(units_of(frame, {c: c for c in raked}), raked)
        return units

    @property
    def _units(self) -> dict[str, str]:
        """Our name -> column of strata, PSUs and fpc; replicate weights need none."""
        roles = {STRATUM: self.strata, PSU: self.psu, FPC: self.fpc}
        if self.replicate_weights:
            return {}
        return {own: c for own, c in roles.items() if c is not None}

    def _strata(self, units: pd.DataFrame) -> Strata:
        """The strata, from one row per stratum, PSU and fpc."""
        base = self.source.rounding
        return strata_of(units, self._units, self.nest, self.lonely_psu, base)

    def _replicate_scale(self) -> Array:
        """The factor of each replicate: what was given, or what the method says."""
        n = len(self.replicate_weights or ())
        given = self.replicate_scale
        if given is None:
            of_method = {"JK1": (n - 1) / n, "BRR": 1 / n, "bootstrap": 1 / (n - 1)}
            given = of_method.get(str(self.replicate_method))
        if given is None:
            raise DesignError(
                f"replicate_method={self.replicate_method!r} does not determine "
                "the scale of the replicates.",
                "Give replicate_scale: (n_h - 1)/n_h of each replicate's stratum "
                "for JKn, 1/(R (1 - rho)^2) for Fay.",
            )
        try:
            numbers = np.asarray(given, dtype=float)
            scale = np.broadcast_to(numbers, (n,)).astype(float)
        except (TypeError, ValueError):
            scale = np.zeros(n)
        finite = np.isfinite(scale).all()
        if not (finite and scale.min() >= 0 < scale.max()):
            raise DesignError(
                f"replicate_scale is one number or {n} numbers, none negative or "
                f"infinite and not all zero; got {str(given)[:60]}.",
                "Take it from the survey's documentation.",
            )
        return scale

    @property
    def variance(self) -> str:
        """The variance estimator, in words, for the convention line."""
        if self.replicate_weights:
            centre = "the mean of the replicates"
            if self.replicate_mse:
                centre = "the full-sample estimate"
            method = self.replicate_method or "given scale"
            count = len(self.replicate_weights)
            return f"{count} replicate weights ({method}), around {centre}"
        words = f"Taylor linearisation over {self._units_in_words()}"
        if not self.weight:
            return f"unweighted, {words}"
        if self.raked:
            margins = ", ".join(self.raked)
            return f"{words}, raked to {margins} (margins taken into account)"
        return f"{words}, weights taken as fixed"

    def _units_in_words(self) -> str:
        """The units that were drawn, and by which rules."""
        kind = "people" if self.psu is None else "PSUs"
        units = int(self.layout.n_psu.sum())
        base = self.source.rounding
        words = f"{units:,} {kind}"
        if base:
            words = f"about {int(rounded_people(units, base)):,} {kind}"
        if self.strata is not None:
            words += f" in {len(self.layout.key)} strata"
        if self.fpc is not None:
            words += ", finite population correction"
        if self.strata is not None or 1 in self.layout.n_psu:
            words += f", lonely PSUs: {self.lonely_psu}"
        return words

    def replicate_rank_df(self) -> float:
        """Degrees of freedom of replicate weights: their rank less one, unless given.

        Returns
        -------
        float
            The rank is that among the people in the domain.

        Notes
        -----
        R's ``degf``: people with a missing answer count here, as in ``svyglm``.

        Examples
        --------
        >>> import pandas as pd
        >>> people = pd.DataFrame({
        ...     "weight": [1.0, 1.0], "r1": [0.0, 2.0], "r2": [2.0, 0.0],
        ... })
        >>> design = SurveyDesign(
        ...     people, replicate_weights=["r1", "r2"], replicate_method="JK1"
        ... )
        >>> design.replicate_rank_df()
        1.0
        """
        if self.replicate_df is not None:
            return float(self.replicate_df)
        names = list(self.replicate_weights or ())
        people = without_notes(self.frame)
        if isinstance(people, pd.DataFrame):
            inside = people.get(DOMAIN, slice(None))
            columns = [floats(people[name])[inside] for name in names]
        else:
            chosen = nw.from_native(people)
            if DOMAIN in chosen.collect_schema().names():
                chosen = chosen.filter(nw.col(DOMAIN))
            weights = collect(chosen.select(*names))
            columns = [floats(weights[name]) for name in names]
        return float(rank_of_columns(columns) - 1)

    def domain(self, where: Any) -> SurveyDesign:
        """Restrict estimates to some people and keep the full design, as R's ``subset(design, ...)``.

        Parameters
        ----------
        where : str, boolean array or narwhals expression
            Which people. A text such as ``"age_band != '75+' and age > 20"`` has names
            of columns, texts in quotes, numbers, ``== != < <= > >=``, ``in`` and
            ``not in`` with a list, ``and``, ``or``, ``not``, ``+ - * / %``, brackets,
            ``.isna()``, ``.notna()`` and ``.isin([...])``, and nothing else: it is
            read, never run. A name with other signs than letters, digits and ``_``
            stands in backticks. A person with a missing value in any variable named is
            outside, as in R (where ``a | b`` keeps those for whom one side is true),
            save in those asked for by ``age_band.isna()`` and the like; there a
            comparison with a missing value is neither true nor false. So is what
            divides by zero. A text never compares with a number, nor a category with
            what is none of its levels, and ``<`` takes numbers, dates
            (``"day >= '2024-03-31'"``) and ordered categories. A boolean array has one
            entry per row, and a Series the frame's index. A lazy frame needs a narwhals
            expression, in which NaN is missing too; a pandas frame takes none, because
            NaN there differs from all values.

        Returns
        -------
        SurveyDesign
            PSUs without people in the domain count as zeros in the variance. Domains of
            domains intersect.

        Raises
        ------
        UnknownNameError
            The text names a variable that does not exist.
        DesignError
            The domain cannot be evaluated, or is not one True or False for each person.

        Notes
        -----
        R: ``subset(design, age_band != "75+")``.

        Examples
        --------
        >>> import pandas as pd
        >>> people = pd.DataFrame({"weight": [1.0, 1.0, 1.0], "age": [30, 50, 80]})
        >>> design = SurveyDesign(people)
        >>> design.domain("age < 75").variance == design.variance
        True
        """
        frame = nw.from_native(self.frame)
        mask = domain_mask(frame, where)
        if isinstance(mask, nw.Expr):
            frame = without_nan(frame)
        if DOMAIN in frame.collect_schema().names():
            before = frame[DOMAIN] if isinstance(mask, nw.Series) else nw.col(DOMAIN)
            mask = mask & before
        if isinstance(self.frame, pd.DataFrame):
            native = self.frame.assign(**{DOMAIN: mask.to_numpy()})
        else:
            native = frame.with_columns(mask.alias(DOMAIN)).to_native()
        return self.unchecked(frame=native)

    def unchecked(self, **fields: Any) -> SurveyDesign:
        """The same design with some fields changed, where no check could fail anew."""
        design = object.__new__(type(self))
        design._settle(**{**vars(self), **fields})
        return design


def _given(*names: str | None) -> list[str]:
    """The columns that were named."""
    return [name for name in names if name is not None]


def _people(native: Any) -> Any:
    """A frame with one row per person, as narwhals sees it."""
    names = list(getattr(native, "column_names", None) or [])
    if isinstance(native, pd.DataFrame):
        names = list(native.columns)
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        name = names_that_may_be_told(repeated)[0]
        raise DesignError(
            f"The frame has two columns named {name!r}.", "Rename one of them."
        )
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise DesignError(
            "Expected a data frame with one row per person, "
            f"got {type(native).__name__}.",
            "Give a pandas, Polars, PyArrow or DuckDB frame, or the path of a Parquet or "
            "CSV file.",
        ) from None
    require_near(frame)
    require_every_file(frame)
    if DOMAIN in frame.collect_schema().names():
        raise DesignError(
            f"The frame has a column {DOMAIN!r}, which trustlib uses for domains.",
            "Rename it, or call domain() on the first design "
            "instead of making a design of its frame.",
        )
    return frame
