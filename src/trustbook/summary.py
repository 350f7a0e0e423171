"""What the estimates of a page say, in a sentence that is made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trustlib.errors import EstimandError, require_a
from trustlib.escaping import markdown_plain, markdown_text, visible
from trustlib.estimates import Estimates
from trustlib.scales import COMPARED, scale_of
from trustlib.tables import number
from trustlib.variance import Array

MOST = 4  # gaps that are named one by one
# Columns of texts that are no levels of identities.
NO_LEVELS = ("measure", "method", "reference")


@dataclass(frozen=True, repr=False)
class Paragraph:
    """A paragraph of a page, in Markdown.

    Examples
    --------
    >>> Paragraph("**In short.** 3 gaps are clear.")
    **In short.** 3 gaps are clear.
    """

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return markdown_plain(self.text)


def in_short(gaps: Estimates, together: Estimates | None = None) -> Paragraph:
    """Which gaps are clear, and whether two identities together go beyond each alone.

    Parameters
    ----------
    gaps : Estimates
        Differences or ratios, as from `comparisons` or `change`. If their p-values are
        adjusted, these decide what is clear; otherwise the 95 % intervals.
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

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 29 + [0.0] * 11
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> text = in_short(tl.comparisons(tl.cell_means(cells))).text
    >>> text.partition(" (")[0]
    '**In short.** 1 of 1 gaps is clear by the 95 % interval: b against a, +47.5 points'
    """
    require_a(Estimates, gaps, "Give the result of comparisons or change.")
    if gaps.kind not in COMPARED:
        raise EstimandError(
            f"Expected gaps, got estimates of kind {gaps.kind!r}.",
            "Give comparisons(...).",
        )
    gaps = gaps.showable("This summary")
    clear = _clear(gaps)
    sentences = [_synthetic(gaps) + _which_are_clear(gaps, clear)]
    if len(clear) < len(gaps):
        who = "the others" if len(clear) else "them"
        sentences.append(f"Of {who} this survey cannot say which group reports more.")
    if together is not None:
        contrasts = _contrasts(together)
        sentences += [_contrast(row) for _, row in contrasts.iterrows()]
    return _paragraph(sentences)


def _adjusted(gaps: Estimates) -> bool:
    """Whether p-values that are adjusted for their number decide what is clear."""
    return "p adjusted" in gaps.convention


def _clear(gaps: Estimates) -> Array:
    """The rows of the gaps that are clear, the widest first."""
    frame = gaps.frame
    null = scale_of(gaps.kind).null
    clear = (frame["conf_low"] > null) | (frame["conf_high"] < null)
    if _adjusted(gaps):
        clear = frame["p_value"] < 0.05
    rows = np.flatnonzero(clear)
    width = (frame["estimate"].iloc[rows] - null).abs().to_numpy()
    return rows[np.argsort(-width, kind="stable")]


def _which_are_clear(gaps: Estimates, clear: Array) -> str:
    """How many gaps are clear, by which rule, and the widest of them."""
    frame = gaps.frame
    rule = "by the 95 % interval"
    if _adjusted(gaps):
        rule = "after Holm's adjustment for their number"
    verb = "is" if len(clear) < 2 else "are"
    text = f"{len(clear) or 'None'} of {len(gaps)} gaps {verb} clear {rule}"
    if not len(clear):
        return f"{text}."
    if len(clear) > MOST:
        text += ", the widest"
    rows = [frame.iloc[i] for i in clear[:MOST]]
    named = [f"{_name(row, gaps.by)}, {_value(row, gaps.kind)}" for row in rows]
    return f"{text}: {'; '.join(named)}."


def range_in_short(specifications: Estimates) -> Paragraph:
    """How far the choices of an analyst move one gap, and whether they turn its sign.

    Parameters
    ----------
    specifications : Estimates
        From `trustlib.review.robustness` or `robustness_of_cells`.

    Returns
    -------
    Paragraph

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> from trustlib.review import robustness
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": [1.0, 3.0] * 40})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 19 + [0.0] * 21
    >>> design = tl.SurveyDesign(rows, weight="w")
    >>> choices = {"weights": ("weighted", "unweighted"), "links": ["logit"]}
    >>> grid = robustness(design, "y", ["group"], {"group": "b"}, **choices)
    >>> range_in_short(grid).text.endswith("All of them have the same sign.")
    True
    """
    require_a(Estimates, specifications, "Give the result of robustness.")
    shown = specifications.showable("This summary")
    frame = shown.frame
    firm = frame["link"] != "firth"  # Firth's intervals ignore the design
    if firm.any():
        frame = frame[firm]
    low = frame.loc[frame["estimate"].idxmin()]
    high = frame.loc[frame["estimate"].idxmax()]
    lowest = _value(low, shown.kind)
    highest = _value(high, shown.kind)
    text = f"{len(shown)} specifications put the gap between {lowest} and {highest}."
    sentences = [_synthetic(shown) + text]
    if low["estimate"] * high["estimate"] > 0:
        sentences.append("All of them have the same sign.")
    else:
        sentences.append(_what_turns_it(frame, shown.by))
    return _paragraph(sentences)


def _what_turns_it(frame: pd.DataFrame, choices: Sequence[str]) -> str:
    """On which choices the sign of the gap depends."""
    text = "Its sign depends on the choice"
    turning = [markdown_text(c) for c in choices if _decides(frame, c)]
    if turning:
        text += f": above all on {' and '.join(turning)}"
    return f"{text}."


def _decides(frame: pd.DataFrame, choice: str) -> bool:
    """Whether the mean gap has different signs at the levels of a choice."""
    if frame[choice].nunique() < 2:
        return False
    means = frame.groupby(choice, observed=True)["estimate"].mean()
    return bool(means.min() * means.max() < 0)


def _paragraph(sentences: Sequence[str]) -> Paragraph:
    return Paragraph(f"**In short.** {' '.join(sentences)}")


def _synthetic(estimates: Estimates) -> str:
    """What stands before the first sentence, if it is of the stand-in."""
    if not estimates.source.is_synthetic:
        return ""
    return "Of the synthetic stand-in, which is no finding: "


def _name(row: pd.Series, by: Sequence[str]) -> str:
    """The group of a row, in Markdown."""
    axes = [column for column in by if column != "axis"]
    text = ", ".join(markdown_text(visible(row[column])) for column in axes)
    if "axis" in by:
        text = f"{markdown_text(visible(row['axis']))}: {text}"
    reference = row.get("reference")
    if isinstance(reference, str):
        text += f" against {markdown_text(visible(reference))}"
    return text


def _value(row: pd.Series, kind: str) -> str:
    """A gap with its interval."""
    value = number(row["estimate"], kind)
    low = number(row["conf_low"], kind)
    high = number(row["conf_high"], kind)
    return f"{value}{scale_of(kind).unit} ({low} to {high})"


def _contrasts(together: Estimates) -> pd.DataFrame:
    """The interaction contrasts among measures of interaction."""
    frame = together.showable("This summary").frame
    contrast = frame["measure"] == "interaction_contrast"
    return frame[contrast & (frame["method"] == "delta")]


def _contrast(row: pd.Series) -> str:
    """Whether two identities together go beyond what each alone does."""
    than = "not clearly more or less than"
    if row["conf_low"] > 0:
        than = "more than"
    elif row["conf_high"] < 0:
        than = "less than"
    levels = [
        markdown_text(visible(level))
        for column, level in row.items()
        if column not in NO_LEVELS and isinstance(level, str)
    ]
    value = _value(row, "difference")
    return f"Together ({', '.join(levels)}): {than} the single gaps add up to, {value}."
