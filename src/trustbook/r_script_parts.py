"""What the R scripts of pages are made of: their templates, their cells, and the lines that they print.

Each script stands for itself: functions that several of them need lie once in ``r/`` and
are written into each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from trustlib.cells import Cells
from trustlib.errors import RunError
from trustlib.escaping import r_comment, r_name, r_string
from trustlib.estimates import Estimates
from trustlib.logit import LogitFit
from trustlib.tables import evidence

R = Path(__file__).with_name("r")
NEXT = ",\n  "  # between the parts of a call that goes on in the next line
BAND = ["estimate", "std_error", "conf_low", "conf_high"]
TEST = ["term", "rule", "statistic", "df_num", "df_den", "p_value"]
TOTALS = ("n", "sum_w", "sum_wy")
SCRIPT_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
SHARED = ("printing", "common", "fitting")  # lie in ``r/`` and have nothing to fill in
# What a formula may hold beside names of cells, C( and I(.
_NO_FORMULA = re.compile(r"[^\s\d.+*:()^<>=!~-]")


def columns_of(estimates: Estimates, columns: list[str], what: str) -> pd.DataFrame:
    """Some columns of estimates that may be shown, after those that name a row.

    Parameters
    ----------
    estimates : Estimates
    columns : list of str
    what : str
        What a message calls them.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"y": [0.0, 1.0] * 40, "sex": ["m", "m", "w", "w"] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> columns_of(tl.cell_means(cells), ["estimate"], "This table").values.tolist()
    [['m', 0.5], ['w', 0.5]]
    """
    estimates.require_showable(what)
    return estimates.frame[[*estimates.by, *columns]]


def as_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """Tables as the scripts print them: a line with the name, a line of columns, comma-separated rows.

    Parameters
    ----------
    tables : mapping
        Name -> table.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> print(as_text({"gaps": pd.DataFrame({"term": ["a"], "estimate": [1 / 3]})}))
    # gaps
    term,estimate
    a,0.3333333333
    <BLANKLINE>
    <BLANKLINE>
    """
    parts = []
    for name, table in tables.items():
        printed = table.copy()
        for column in printed:
            if pd.api.types.is_numeric_dtype(printed[column]):
                printed[column] = [f"{value:.10g}" for value in printed[column]]
        rows = printed.to_csv(index=False, lineterminator="\n")
        parts.append(f"# {name}\n{rows}\n")
    return "".join(parts)


def read_text(text: str) -> dict[str, pd.DataFrame]:
    """The tables of `as_text`, or of what a script printed.

    Examples
    --------
    >>> import pandas as pd
    >>> tables = {"gaps": pd.DataFrame({"term": ["a"], "estimate": [0.5]})}
    >>> read_text(as_text(tables))["gaps"].values.tolist()
    [['a', 0.5]]
    """
    parts = re.split(r"^# (\w+)\n", text, flags=re.MULTILINE)[1:]
    named = zip(parts[::2], parts[1::2], strict=True)
    return {name: pd.read_csv(StringIO(rows)) for name, rows in named}


def words_of(
    sealed: Cells, name: str, title: str, totals: Sequence[str] = TOTALS
) -> dict[str, str]:
    """What every script says of its cells, by the name of the place that it fills.

    Parameters
    ----------
    sealed : Cells
    name, title : str
        Of the script, and of its page.
    totals : sequence of str
        The columns of the cells that the script needs, after their axes.

    Returns
    -------
    dict

    Raises
    ------
    RunError
        The name cannot be one of a file.
    """
    if not SCRIPT_NAME.fullmatch(name):
        raise RunError(
            f"{name[:100]!r} cannot be the name of a script.",
            "Use up to 100 letters, digits, - and _.",
        )
    outcome = sealed.labels.get(sealed.outcome, sealed.outcome)
    words = {part: (R / f"{part}.R").read_text(encoding="utf-8") for part in SHARED}
    words |= {
        "title": r_comment(title),
        "name": name,
        "evidence": r_comment(f"{evidence(sealed.source)}."),
        "outcome": r_comment(outcome),
        "variance": r_comment(sealed.variance),
    }
    numbers = _numbers(sealed, totals) | {"df": f"{sealed.df:g}"}
    return words | {"reading": filled("reading.R", numbers)}


def filled(template: str, words: Mapping[str, str]) -> str:
    """A script with its ``@{name}`` filled in; each text is written for its place before.

    Parameters
    ----------
    template : str
        A file in ``r/``.
    words : mapping

    Examples
    --------
    >>> filled("fitting.R", {}).splitlines()[1]
    'logit <- function(formula, cells) {'
    """
    text = (R / template).read_text(encoding="utf-8")
    return re.sub(r"@\{(\w+)\}", lambda found: words[found[1]], text)


def vector(values: Iterable[Any]) -> str:
    """Texts as a vector of R.

    Examples
    --------
    >>> vector(["man", "woman"])
    'c("man", "woman")'
    """
    return f"c({', '.join(map(r_string, values))})"


def named_list(named: Mapping[str, str]) -> str:
    """Pieces of R as a list of R.

    Examples
    --------
    >>> named_list({"gender": "1"})
    'list(gender = 1)'
    """
    parts = [f"{r_name(name)} = {value}" for name, value in named.items()]
    return f"list({NEXT.join(parts)})"


def model_facts(
    fit: LogitFit, identities: Sequence[str], tested: Iterable[str]
) -> list[str]:
    """The lines of R that say what a model is: formula, levels in order, names of coefficients, joint tests.

    Parameters
    ----------
    fit : LogitFit
    identities : sequence of str
    tested : iterable of str
        Terms, or ``<axis>, all terms``.

    Returns
    -------
    list of str
    """
    frame = fit.cells.frame
    levels = {axis: vector(frame[axis].cat.categories) for axis in fit.cells.by}
    joint = {name: vector(_coefficients_of(name, fit)) for name in tested}
    return [
        f"model <- ~ {formula_in_r(fit)}",
        f"levels_of <- {named_list(levels)}",
        f"identities <- {vector(identities)}",
        f"term_names <- {vector(fit.coef.index)}",
        f"joint <- {named_list(joint)}",
    ]


def formula_in_r(fit: LogitFit) -> str:
    """The formula of a model in R, which may hold the names of the cells, numbers, signs, C() and I() only.

    Parameters
    ----------
    fit : LogitFit

    Returns
    -------
    str

    Raises
    ------
    RunError
        It holds something else.
    """
    left = fit.formula
    for name in sorted(fit.cells.by, key=len, reverse=True):
        own = re.escape(name)
        left = re.sub(rf"`{own}`|\b{own}\b", "", left)
    left = re.sub(r"\b[CI]\(", "(", left)
    if _NO_FORMULA.search(left):
        raise RunError(
            f"The script cannot say this formula in R: {r_comment(fit.formula)[:200]}.",
            "Use + * : ( ), numbers and the names of the cells.",
        )
    return r_comment(fit.formula)


def _coefficients_of(name: str, fit: LogitFit) -> Iterator[str]:
    """The coefficients that a joint test is of: those of a term, or of all terms with an axis."""
    axis = name.removesuffix(", all terms")
    for term, places in fit.spec.term_indices.items():
        names = [str(term)]
        if axis != name:
            names = str(term).split(":")
        if axis in names:
            yield from fit.coef.index[places]


def _numbers(sealed: Cells, totals: Sequence[str]) -> dict[str, str]:
    """The totals of the cells and the lower triangle of their covariance, in full precision."""
    columns = [*sealed.by, *totals]
    matrix = sealed.scatter.of_totals(len(sealed))
    lower = []
    for j in range(len(matrix)):
        column = matrix[j:, j]
        lower.append(" ".join(f"{value:.17g}" for value in column))
    cells = sealed.frame[columns].to_csv(
        index=False, lineterminator="\n", float_format="%.17g"
    )
    return {
        "cells": r_string(cells, lines=True),
        "totals": str(len(totals)),
        "covariance": "\n".join(lower),
    }
