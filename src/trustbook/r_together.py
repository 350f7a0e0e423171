"""R scripts that repeat an intersection page, and what they print.

`write_script` leaves a script and the lines that it should print in the folder of the
run. The script needs R alone: it holds the sealed cells of the page with their
covariance, and computes levels, the model, gaps and both scales of interaction anew. Its
template is ``r/together.R``; a test runs it for every page of HINTS.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from trustbook.pages import EXPECTED, SCRIPT
from trustbook.r_script_parts import (
    BAND,
    TEST,
    as_text,
    columns_of,
    filled,
    model_facts,
    vector,
    words_of,
)
from trustlib.comparisons import comparisons
from trustlib.estimates import Estimates
from trustlib.interaction import interactions
from trustlib.levels import cell_means
from trustlib.logit import LogitFit
from trustlib.margins import coefficients, predictions
from trustlib.writing import write_together

# Exact cells of any other kind do not leave, and of protected ones no page needs more.
KINDS = ("real", "synthetic")
TOTALS = ("n", "sum_w", "sum_w2", "sum_wy")
TESTED = [*BAND, "p_value"]
LIMITS = ["estimate", "conf_low", "conf_high"]
PART = "This part of the script"


def together_results(
    fit: LogitFit, identities: Sequence[str], pair: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Everything the script of an intersection page prints, by table, from this library.

    Parameters
    ----------
    fit : LogitFit
    identities : sequence of str
        The axes of levels and gaps.
    pair : sequence of str
        The two whose interaction is looked at.

    Returns
    -------
    dict
        Name -> table. Measures that are not defined are left out.

    Raises
    ------
    DisclosureError
        A group rests on fewer than 10 people.

    Notes
    -----
    R: ``r/together.R``, by base R alone.
    """
    cells = fit.cells
    by = list(identities)
    people = {"people": cells.frame["n"].sum(), "design_df": cells.df}
    levels = cell_means(cells, by=by)
    probabilities = predictions(fit, by)
    together = interactions(probabilities, *pair)
    four = cell_means(cells, by=by, plus_four=True)
    careful = comparisons(four, interval="mover")
    odds = coefficients(fit, "odds_ratio")
    test = fit.term_test(":".join(pair)).reset_index()
    return {
        "people": pd.DataFrame([people]),
        "levels": columns_of(levels, [*BAND, "n"], PART),
        "odds_ratios": columns_of(odds, TESTED, PART),
        "interaction_test": test[TEST],
        "predictions": columns_of(probabilities, BAND, PART),
        "gaps": columns_of(comparisons(probabilities), TESTED, PART),
        "interaction": _defined(together, "delta", TESTED),
        "interaction_mover": _defined(together, "mover", LIMITS),
        "gaps_plus_four": columns_of(careful, BAND, PART),
        "interaction_plus_four": _defined(interactions(four, *pair), "delta", TESTED),
    }


def _defined(measures: Estimates, method: str, columns: list[str]) -> pd.DataFrame:
    """Measures with the intervals of one method, where they are defined."""
    own = columns_of(measures.where(f"method == '{method}'"), columns, PART)
    return own.drop(columns="method").dropna(subset="estimate")


def write_script(
    fit: LogitFit, identities: Sequence[str], pair: Sequence[str], title: str
) -> None:
    """Write the R script of an intersection page, and what it prints, to ``scripts/`` in the folder of the run.

    Nothing is written for cells of a confidential file, or of a source that asks for
    rounding: a script holds exact totals.

    Parameters
    ----------
    fit : LogitFit
    identities, pair : sequence of str
        As for `together_results`.
    title : str
        Of the page.

    Raises
    ------
    DisclosureError
        A group rests on fewer than 10 people; nothing is written.
    RunError
        R cannot be told the formula, or the names make no name of a file.
    """
    source = fit.cells.source
    if source.kind not in KINDS or source.rounding:
        return
    tables = together_results(fit, identities, pair)
    sealed = fit.cells.seal()
    name = script_name(fit)
    facts = model_facts(fit, identities, [_term_of(fit, pair)])
    words = words_of(sealed, name, title, TOTALS)
    words["facts"] = "\n".join([*facts, f"pair <- {vector(pair)}"])
    texts = {
        f"{name}{SCRIPT}": filled("together.R", words),
        f"{name}{EXPECTED}": as_text(tables),
    }
    folder = Path(os.environ.get("TRUSTLIB_RUN_FOLDER", ".")) / "scripts"
    with write_together([folder / file for file in texts]) as places:
        for place, text in zip(places, texts.values(), strict=True):
            place.write_text(text, encoding="utf-8")


def script_name(fit: LogitFit) -> str:
    """What the script of a page is called: source, outcome, and what is in the model.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> design = tl.SurveyDesign(people, weight=None, source={"id": "small"})
    >>> script_name(tl.fit_logit(tl.compress(design, "y", ["sex"]), "sex"))
    'small-y-sex'
    """
    cells = fit.cells
    used = [axis for axis in cells.by if axis in fit.spec.required_variables]
    return "-".join([cells.source.id or "cells", cells.outcome, *used])


def _term_of(fit: LogitFit, pair: Sequence[str]) -> str:
    """The name of the interaction of a pair in the model, whose names may be in any order."""
    terms = map(str, fit.spec.term_indices)
    return next(term for term in terms if set(term.split(":")) == set(pair))
