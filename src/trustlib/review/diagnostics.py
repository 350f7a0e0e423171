r"""Is the model a fair summary of these cells? What a reviewer asks of one fitted logistic model.

* `calibration` sets the weighted share beside the predicted one, in groups of risk or of
  people; `goodness_of_fit` tests all these differences at once (Archer and Lemeshow);
  `link_test` tests the logit link (`trustlib.review.residuals`).
* `joint_tests` tests each term and each axis; `influence_shares` says how much hangs on
  one cell or one PSU (`trustlib.review.terms`).
* `flow` counts who is in the model and why the others are not
  (`trustlib.review.attrition`).
* `checks`, here, puts them into one table.

Everything is computed from cell totals and their covariance, so it is exact for sealed
cells too, and passes the disclosure gate.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, FitError, require_a
from trustlib.levels import cell_means
from trustlib.logit import LogitFit
from trustlib.margins import coefficients
from trustlib.newton import expit
from trustlib.review.attrition import flow
from trustlib.review.residuals import FIT, calibration, goodness_of_fit, link_test
from trustlib.review.terms import influence_shares, joint_tests
from trustlib.rounding import rounded_people
from trustlib.significance import TestResult
from trustlib.tables import evidence

__all__ = [
    "Report", "calibration", "checks", "flow", "goodness_of_fit", "influence_shares",
    "joint_tests", "link_test",
]  # fmt: skip

OF_A_TEST = ("statistic", "df_num", "df_den", "p_value")


@dataclass(frozen=True, repr=False)
class Report:
    """Facts that are no estimates: a frame of texts and numbers, with what it rests on.

    Attributes
    ----------
    frame : DataFrame
    title : str
    notes : tuple of str
        Shown below the table; the first says which kind of evidence it is.
    shown : DataFrame
        The same for readers, as texts.

    Examples
    --------
    >>> import pandas as pd
    >>> facts = pd.DataFrame({"quantity": ["people"], "value": [1234]})
    >>> shown = pd.DataFrame({"Quantity": ["people"], "Value": ["1,234"]})
    >>> Report(facts, "Who was asked", ("Made-up numbers.",), shown)
    Who was asked
    Quantity Value
      people 1,234
    Made-up numbers.
    """

    frame: pd.DataFrame
    title: str
    notes: tuple[str, ...]
    shown: pd.DataFrame

    def __repr__(self) -> str:
        return "\n".join([self.title, self.shown.to_string(index=False), *self.notes])

    def _repr_html_(self) -> str:
        texts = self.shown.astype(str)
        sides = [_side(texts[column]) for column in texts]
        head = _html_row(texts.columns, sides, "th", ' scope="col"')
        rows = [_html_row(values, sides, "td") for values in texts.to_numpy()]
        small = "text-align: left; font-size: 0.85em"
        notes = html.escape(" ".join(self.notes))
        title = html.escape(self.title)
        return (
            f'<table style="width: 100%"><caption style="text-align: left">{title}'
            f"</caption><thead>{head}</thead><tbody>{''.join(rows)}</tbody>"
            f'<tfoot><tr><td colspan="{len(sides)}" style="{small}">{notes}</td></tr>'
            "</tfoot></table>"
        )


def _side(texts: pd.Series) -> str:
    """Numbers stand at the right."""
    is_number = re.fullmatch(r"[\d.,%]*", "".join(texts))
    return "right" if is_number else "left"


def _html_row(
    values: Iterable[str], sides: Sequence[str], tag: str, attributes: str = ""
) -> str:
    """A row of an HTML table."""
    cells = [
        f'<{tag}{attributes} style="text-align: {side}">{html.escape(value)}</{tag}>'
        for value, side in zip(values, sides, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>"


@dataclass(frozen=True)
class _Fact:
    """Something that was looked at, with its value in full precision and as a text."""

    check: str
    quantity: str
    value: float
    text: str
    bad_sign: str


@dataclass(frozen=True)
class _Line:
    """What a reader sees of a fact or of a test."""

    name: str
    found: str
    bad_sign: str


def checks(fit: LogitFit, groups: int = 10) -> Report:
    """All checks of one model in one table: what was looked at, what was found, and what would be a bad sign.

    Parameters
    ----------
    fit : LogitFit
    groups : int
        Groups of risk of the goodness-of-fit test.

    Returns
    -------
    Report
        ``frame`` has the columns check, quantity and value, in full precision unless the
        source asks for rounding. A test
        that has nothing to test says so in ``shown`` and has no value.

    Raises
    ------
    DisclosureError
        A term of the model rests on fewer than 10 people.

    Notes
    -----
    People with the rarer answer per parameter: weighted surveys know fewer than they
    asked, so the *effective* number n_eff min(p, 1 - p) / k is given, with n_eff =
    p(1 - p)/SE^2 of everyone together. Fewer than 10 are few (Peduzzi et al. 1996, J.
    Clinical Epidemiology 49). The condition number is that of the information matrix
    with unit diagonal, its square root; above 30 terms are hard to tell apart (Belsley,
    Kuh and Welsch 1980).

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 100, "w": 1.0})
    >>> rows["age"] = ["old"] * 100 + ["young"] * 100
    >>> rows["y"] = [1.0, 0.0, 1.0, 1.0, 0.0] * 20 + [0.0, 0.0, 1.0, 0.0, 1.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group", "age"])
    >>> report = checks(tl.fit_logit(cells, "group + age"))
    >>> report.shown.iloc[3].tolist()
    ['people per parameter', '67', 'below 20']
    """
    require_a(LogitFit, fit, FIT)
    coefficients(fit).require_showable("This table")
    facts = [*_separation(fit), *_size(fit), _condition(fit), *_influence(fit)]
    rows = [(fact.check, fact.quantity, fact.value) for fact in facts]
    lines = [_Line(fact.quantity, fact.text, fact.bad_sign) for fact in facts]
    tests: list[tuple[str, Callable[[], TestResult]]] = [
        ("goodness of fit", partial(goodness_of_fit, fit, None, groups)),
        ("goodness of fit", partial(goodness_of_fit, fit, fit.cells.by)),
        ("link", partial(link_test, fit)),
    ]
    for check, test in tests:
        try:
            table = test().showable().frame
        except (EstimandError, FitError) as error:
            name = "link test" if check == "link" else check
            lines.append(_Line(name, str(error).splitlines()[0], ""))
            continue
        rows += _of_tests(check, table)
        lines += map(_test_line, table.itertuples())
    shown = pd.DataFrame(lines)
    shown.columns = ["What was looked at", "Found", "A bad sign"]
    frame = pd.DataFrame(rows, columns=["check", "quantity", "value"])
    if fit.cells.source.rounding:
        frame["value"] = frame["value"].astype(float).round(2)
    return Report(
        frame,
        "Checks of the model",
        (f"{evidence(fit.cells.source)}.", f"Model: {fit.formula}."),
        shown,
    )


def _separation(fit: LogitFit) -> Iterator[_Fact]:
    """Cells and predictions at the ends."""
    weight, events = fit.cells.frame[["sum_w", "sum_wy"]].to_numpy(float).T
    mu = expit(fit.x @ fit.coef.to_numpy())
    pure = int(((events <= 0) | (events >= weight)).sum())
    yield _Fact(
        "separation",
        "cells with one answer only",
        pure,
        f"{pure} of {len(fit.cells)}",
        "above 0",
    )
    yield _Fact(
        "separation", "lowest prediction", mu.min(), f"{mu.min():.1%}", "near 0%"
    )
    yield _Fact(
        "separation", "highest prediction", mu.max(), f"{mu.max():.1%}", "near 100%"
    )


def _size(fit: LogitFit) -> Iterator[_Fact]:
    """People for each coefficient."""
    overall = cell_means(fit.cells, []).showable().frame.iloc[0]
    p = overall["estimate"]
    base = fit.cells.source.rounding
    each = float(rounded_people(overall["n"] / len(fit.coef), base))
    of_rarer = overall["n_eff"] * min(p, 1 - p)
    rarer = float(rounded_people(of_rarer / len(fit.coef), base))
    yield _Fact("size", "people per parameter", each, f"{each:,.0f}", "below 20")
    yield _Fact(
        "size",
        "effective people with the rarer answer, per parameter",
        rarer,
        f"{rarer:,.0f}",
        "below 10",
    )


def _condition(fit: LogitFit) -> _Fact:
    """How hard terms are to tell apart."""
    weight = fit.cells.frame["sum_w"].to_numpy(float)
    mu = expit(fit.x @ fit.coef.to_numpy())
    information = (fit.x * (weight * mu * (1 - mu))[:, None]).T @ fit.x
    scale = np.sqrt(np.diag(information))
    values = np.linalg.eigvalsh(information / np.outer(scale, scale))
    condition = np.sqrt(values[-1] / values[0])
    return _Fact("terms", "condition number", condition, f"{condition:.1f}", "above 30")


def _influence(fit: LogitFit) -> Iterator[_Fact]:
    """What hangs on one cell, and on one PSU."""
    share = influence_shares(fit)
    share = share[share["term"] != "Intercept"]
    cell = share["cell"].max()
    yield _Fact(
        "influence",
        "largest share of one cell in a variance",
        cell,
        f"{cell:.0%}",
        "near 100%",
    )
    if share["unit"].notna().all():
        unit = share["unit"].max()
        yield _Fact(
            "influence",
            "largest share of one PSU or replicate",
            unit,
            f"{unit:.0%}",
            "above 25%",
        )


def _of_tests(check: str, table: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Check, quantity and value of each number of some tests."""
    for test in table.itertuples():
        for name in OF_A_TEST:
            yield check, f"{test.term}: {name}", getattr(test, name)


def _test_line(test: Any) -> _Line:
    """A test as readers see it."""
    p = "< 0.001"
    if not test.p_value < 0.001:
        p = f"= {test.p_value:.3f}"
    distribution = f"F({test.df_num:g}, {test.df_den:g})"
    text = f"{distribution} = {test.statistic:.2f}, p {p}"
    return _Line(test.term, text, "small p")
