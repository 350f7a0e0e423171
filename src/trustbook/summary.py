"""What the estimates of a page say, in a sentence that is made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, require_a
from trustlib.escaping import markdown_plain, markdown_text, visible
from trustlib.estimates import Estimates
from trustlib.scales import SCALES
from trustlib.tables import number

MOST = 4  # gaps that are named one by one
UNITS = {"difference": " points"}
NO_LEVELS = (
    "measure",
    "method",
    "reference",
)  # columns of texts that are no levels of identities


@dataclass(frozen=True, repr=False)
class Paragraph:
    """A paragraph of a page, in Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return markdown_plain(self.text)


def in_short(gaps: Estimates, together: Estimates | None = None) -> Paragraph:
    """Which gaps are clear, and whether two identities go with more together than each alone.

    Parameters
    ----------
    gaps : Estimates
        Differences or ratios, as from `comparisons` or `change`. If their p-values are adjusted, these decide what is
        clear; otherwise the 95 % intervals.
    together : Estimates, optional
        From `interactions`, with rows of the interaction contrast by the delta method.

    Returns
    -------
    Paragraph
        For the top of a page. It passes the disclosure gate.

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        `gaps` are no gaps.
    """
    require_a(Estimates, gaps, "Give the result of comparisons or change.")
    if gaps.kind not in ("difference", "ratio", "odds_ratio"):
        raise EstimandError(
            f"Expected gaps, got estimates of kind {gaps.kind!r}.",
            "Give comparisons(...).",
        )
    gaps = gaps.showable("This summary")
    frame, adjusted = gaps.frame, "p adjusted" in gaps.convention
    none = SCALES[gaps.kind].null
    clear = (frame["conf_low"] > none) | (frame["conf_high"] < none)
    clear = frame["p_value"] < 0.05 if adjusted else clear
    rule = (
        "after Holm's adjustment for their number"
        if adjusted
        else "by the 95 % interval"
    )
    order = frame.index[clear][
        np.argsort(
            -(frame.loc[clear, "estimate"] - none).abs().to_numpy(), kind="stable"
        )
    ]
    named = [
        f"{_name(frame.loc[i], gaps.by)}, {_value(frame.loc[i], gaps.kind)}"
        for i in order[:MOST]
    ]
    told = f"{len(order) or 'None'} of {len(frame)} gaps {'is' if len(order) < 2 else 'are'} clear {rule}"
    told += (
        f"{', the widest' if len(order) > MOST else ''}: {'; '.join(named)}."
        if named
        else "."
    )
    words = [_synthetic(gaps) + told]
    if len(order) < len(frame):
        words.append(
            f"Of {'the others' if named else 'them'} this survey cannot say which group reports more."
        )
    words += (
        [_contrast(row) for _, row in _contrasts(together).iterrows()]
        if together is not None
        else []
    )
    return Paragraph(f"**In short.** {' '.join(words)}")


def range_in_short(specifications: Estimates) -> Paragraph:
    """How far the choices of an analyst move one gap, and whether they turn its sign.

    Parameters
    ----------
    specifications : Estimates
        From `trustlib.review.robustness` or `robustness_of_cells`.
    """
    require_a(Estimates, specifications, "Give the result of robustness.")
    shown = specifications.showable("This summary")
    frame, kind = shown.frame, shown.kind
    firm = frame["link"] != "firth"  # Firth's intervals ignore the design
    frame = frame[firm] if firm.any() else frame
    low, high = (
        frame.loc[find(), :]
        for find in (frame["estimate"].idxmin, frame["estimate"].idxmax)
    )
    turns = [c for c in shown.by if frame[c].nunique() > 1 and _decides(frame, c)]
    told = f"{len(shown)} specifications put the gap between {_value(low, kind)} and {_value(high, kind)}."
    if low["estimate"] * high["estimate"] > 0:
        told += " All of them have the same sign."
    else:
        told += " Its sign depends on the choice" + (
            f": above all on {' and '.join(map(markdown_text, turns))}."
            if turns
            else "."
        )
    return Paragraph(f"**In short.** {_synthetic(shown)}{told}")


def _decides(frame: pd.DataFrame, choice: str) -> bool:
    """Whether the mean gap has different signs at the levels of a choice."""
    means = frame.groupby(choice, observed=True)["estimate"].mean()
    return bool(means.min() * means.max() < 0)


def _synthetic(estimates: Estimates) -> str:
    return (
        "Of the synthetic stand-in, which is no finding: "
        if estimates.source.get("kind") == "synthetic"
        else ""
    )


def _name(row: pd.Series, by: Sequence[str]) -> str:
    """The group of a row, in Markdown."""
    axis = f"{markdown_text(visible(row['axis']))}: " if "axis" in by else ""
    reference = row.get("reference")
    against = ""
    if isinstance(reference, str):
        against = f" against {markdown_text(visible(reference))}"
    levels = ", ".join(markdown_text(visible(row[c])) for c in by if c != "axis")
    return f"{axis}{levels}{against}"


def _value(row: pd.Series, kind: str) -> str:
    value, low, high = (
        number(row[c], kind) for c in ("estimate", "conf_low", "conf_high")
    )
    return f"{value}{UNITS.get(kind, '')} ({low} to {high})"


def _contrasts(together: Estimates) -> pd.DataFrame:
    frame = together.showable("This summary").frame
    return frame[
        (frame["measure"] == "interaction_contrast") & (frame["method"] == "delta")
    ]


def _contrast(row: pd.Series) -> str:
    side = int(row["conf_low"] > 0) - int(row["conf_high"] < 0)
    than = {1: "more than", -1: "less than", 0: "not clearly more or less than"}[side]
    among = [
        markdown_text(visible(v))
        for c, v in row.items()
        if c not in NO_LEVELS and isinstance(v, str)
    ]
    return f"Together ({', '.join(among)}): {than} the single gaps add up to, {_value(row, 'difference')}."
