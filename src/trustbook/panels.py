"""What a page on a panel needs beside `trustlib.review.panel`: a summary, a picture, and margins that are known.

The margins of the stand-in, and of any file with final weights, are those that the
weights give: the population as far as it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from trustbook.pictures.rows import Axis, RowPicture, rows_of
from trustbook.summary import Paragraph, fitted, synthetic_first, valued
from trustlib.cells import Cells
from trustlib.errors import EstimandError, require_a
from trustlib.escaping import markdown_text
from trustlib.estimates import Estimates
from trustlib.figures import RowName
from trustlib.levels import cell_means
from trustlib.scales import scale_of
from trustlib.tables import INTERVAL, evidence, heading, readable

GIVE = "Give the result of yes_sayer_shares."
OF_CURVE = "Give the result of yes_sayer_curve."
_OWN = ("contrast", "target", "share")


def undone_in_short(shares: Estimates) -> Paragraph:
    """How many yes-sayers would undo a gap, and an interaction, in a sentence each.

    Parameters
    ----------
    shares : Estimates
        From `trustlib.review.panel.yes_sayer_shares`.

    Returns
    -------
    Paragraph

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given are no such shares.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from trustlib.review import panel
    >>> rows = pd.DataFrame({"a": ["no"] * 80 + ["yes"] * 40})
    >>> rows["y"] = [1.0, 0.0] * 40 + [1.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["a"])
    >>> undone_in_short(panel.yes_sayer_shares(cells)).text.partition(" (")[0]
    '**In short.** The gap would vanish if 16.7 percent'
    """
    require_a(Estimates, shares, GIVE)
    if shares.kind != "share":
        raise EstimandError(
            f"Expected shares of yes-sayers, got estimates of kind {shares.kind!r}.",
            GIVE,
        )
    shown = shares.showable("This summary")
    rows = shown.where("target == 'vanish'").frame
    parts = []
    for row in rows.itertuples():
        levels = [str(getattr(row, axis)) for axis in shown.by if axis not in _OWN]
        about = " ".join(["The", row.contrast, *map(markdown_text, levels)])
        text = f"{about}: no share of yes-sayers makes it vanish."
        if row.possible == "yes":
            share = valued(row, "share")
            text = f"{about} would vanish if {share} of the panel were yes-sayers."
        parts.append([text])
    return fitted(synthetic_first(shown), *parts)


def curve_picture(curve: Estimates) -> RowPicture:
    """What is left of a gap and of an interaction, by the share of yes-sayers.

    Parameters
    ----------
    curve : Estimates
        From `trustlib.review.panel.yes_sayer_curve`.

    Returns
    -------
    RowPicture
        Its title says up to which of the shares the first gap is clear.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given is no such curve.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from trustlib.review import panel
    >>> rows = pd.DataFrame({"a": ["no"] * 80 + ["yes"] * 40})
    >>> rows["y"] = [1.0, 0.0] * 40 + [1.0, 1.0, 1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["a"])
    >>> curve_picture(panel.yes_sayer_curve(cells, [0.0, 0.02, 0.1])).title
    'The gap is clear up to 2 yes-sayers in a hundred'
    """
    require_a(Estimates, curve, OF_CURVE)
    if "share" not in curve.by:
        raise EstimandError("Expected what is left for several shares.", OF_CURVE)
    texts = readable(curve)
    shown = curve.showable("This picture")
    frame = shown.frame
    rows = []
    for plain, row in zip(rows_of(shown, texts), frame.itertuples(), strict=True):
        levels = [str(getattr(row, axis)) for axis in shown.by if axis not in _OWN]
        group = ", ".join([str(row.contrast).capitalize(), *levels])
        name = RowName(group, f"{100 * row.share:g} of 100")
        rows.append(replace(plain, name=name))
    gaps = frame[frame["contrast"] == "gap"]
    axes = [axis for axis in shown.by if axis not in _OWN]
    gaps = gaps[(gaps[axes] == gaps[axes].iloc[0]).all(axis=1)]
    return RowPicture(
        title=shown.source.title_mark + _clear_up_to(gaps),
        what=f"Points without a share of yes-sayers, {heading(shown.outcome, shown.labels)}",
        rows=tuple(rows),
        axis=Axis.over([end for row in rows for end in row.ends], scale_of(shown.kind)),
        says=f"Lines are {INTERVAL}s.",
        evidence=evidence(shown.source),
    )


def _clear_up_to(gaps: pd.DataFrame) -> str:
    """Up to which share the interval of a gap leaves zero out."""
    clear = (gaps["conf_low"] > 0) | (gaps["conf_high"] < 0)
    kept = gaps["share"][clear.cummin()]
    if kept.empty:
        return "The gap is not clear to begin with"
    return f"The gap is clear up to {100 * kept.max():g} yes-sayers in a hundred"


def known_margins(
    cells: Cells, axes: Sequence[str]
) -> Mapping[str, Mapping[object, float]]:
    """The weighted shares of the levels of some axes, as the margins of a population.

    Parameters
    ----------
    cells : Cells
        Weighted.
    axes : sequence of str

    Returns
    -------
    mapping
        Axis -> {level: share}, past the disclosure gate.

    Raises
    ------
    DisclosureError
        A level has fewer than 10 people.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"age": ["old"] * 40 + ["young"] * 40, "w": [3.0] * 40 + [1.0] * 40})
    >>> rows["y"] = [1.0, 0.0] * 40
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["age"])
    >>> known_margins(cells, ["age"])
    {'age': {'old': 0.75, 'young': 0.25}}
    """
    margins = {}
    for axis in axes:
        cell_means(cells, [axis]).require_showable("These margins")
        weights = cells.frame.groupby(axis, observed=True)["sum_w"].sum()
        margins[axis] = (weights / weights.sum()).to_dict()
    return margins


def weighted_share(cells: Cells) -> float:
    """The weighted share of yes among everybody, past the disclosure gate.

    Parameters
    ----------
    cells : Cells

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"y": [1.0, 0.0] * 40, "w": 2.0})
    >>> weighted_share(tl.compress(tl.SurveyDesign(rows, weight="w"), "y"))
    0.5
    """
    everybody = cell_means(cells, []).showable("This share")
    return float(everybody.frame["estimate"].iloc[0])
