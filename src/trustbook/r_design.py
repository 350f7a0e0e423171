"""A survey design as R's package survey makes it: what a page of the private book shows beside its tables."""

from __future__ import annotations

from trustlib.design import SurveyDesign
from trustlib.escaping import r_name
from trustlib.variance import Array

REPLICATES = 'weights = ~weight, repweights = "^weight_[0-9]+$", data = people'


def design_in_r(design: SurveyDesign) -> str:
    """The call in R that makes a design of the people of a file.

    Parameters
    ----------
    design : SurveyDesign

    Returns
    -------
    str
        ``svydesign(...)`` or, with replicate weights, ``svrepdesign(...)``, of ``people``.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"w": [1.0, 2.0] * 2, "area": ["a", "a", "b", "b"]})
    >>> design_in_r(SurveyDesign(people, weight="w", strata="area"))
    'svydesign(ids = ~1, strata = ~area, weights = ~w, data = people)'
    """
    if design.scale is not None:
        return _of_replicates(design, design.scale)
    columns = {
        "ids": design.psu or "1",
        "strata": design.strata,
        "fpc": design.fpc,
        "weights": design.weight,
    }
    named = {key: column for key, column in columns.items() if column}
    parts = [f"{key} = ~{_in_formula(column)}" for key, column in named.items()]
    if design.nest:
        parts.append("nest = TRUE")
    call = f"svydesign({', '.join(parts)}, data = people)"
    if design.lonely_psu == "fail":
        return call
    return f'{{ options(survey.lonely.psu = "{design.lonely_psu}"); {call} }}'


def _of_replicates(design: SurveyDesign, scales: Array) -> str:
    """The call for replicate weights, whose factors stand in `scale` where they are one, else in `rscales`."""
    factors = [f"{factor:.15g}" for factor in scales]
    if len(set(factors)) == 1:
        scale = factors[0]
        rscales = f"rep(1, {len(factors)})"
    else:
        scale = "1"
        rscales = f"c({', '.join(factors)})"
    mse = str(design.replicate_mse).upper()
    variance = f"scale = {scale}, rscales = {rscales}, mse = {mse}"
    return f'svrepdesign({REPLICATES}, type = "other", {variance}, combined.weights = TRUE)'


def _in_formula(column: str) -> str:
    """A column in a formula of R; 1 stands for none."""
    return column if column == "1" else r_name(column)
