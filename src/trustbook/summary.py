"""What the estimates of a page say, in a sentence that is made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trustbook.clear import CLEAR, LEVEL, NOT_CLEAR, OPEN
from trustbook.pictures.style import level_name
from trustlib.errors import EstimandError, require_a
from trustlib.escaping import markdown_plain, markdown_text
from trustlib.estimates import Estimates
from trustlib.scales import COMPARED, scale_of
from trustlib.tables import number

LONGEST = 300  # letters of a summary
# Columns of texts that are no levels of identities.
NO_LEVELS = ("axis", "measure", "method", "reference", "question")
SUM = "interaction_contrast"
PRODUCT = "ratio_of_rr"
# What gaps and changes are called in a sentence, and one of them alone.
SINGULAR = {
    "gaps": "gap",
    "ratios": "ratio",
    "changes of groups": "change of the group",
    "changes of gaps": "change of the gap",
}


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


def fitted(begin: str, *parts: Sequence[str]) -> Paragraph:
    """Sentences as the paragraph at the top of a page, at most 300 letters long.

    Parameters
    ----------
    begin : str
        What stands before the first sentence, such as a warning.
    *parts : sequence of str
        Each sentence in several wordings, the fullest first. While all together are
        too long, the longest sentence is shortened that can be.

    Returns
    -------
    Paragraph

    Examples
    --------
    >>> fitted("", ["3 gaps are clear.", "3 are."], ["Nothing else is known.", ""])
    **In short.** 3 gaps are clear. Nothing else is known.
    """
    taken = [0] * len(parts)
    text = _joined(begin, parts, taken)
    while len(text) > LONGEST:
        open_parts = [i for i, part in enumerate(parts) if taken[i] + 1 < len(part)]
        if not open_parts:
            break
        longest = max(open_parts, key=lambda i: len(parts[i][taken[i]]))
        taken[longest] += 1
        text = _joined(begin, parts, taken)
    return Paragraph(text)


def _joined(begin: str, parts: Sequence[Sequence[str]], taken: Sequence[int]) -> str:
    chosen = [part[at] for part, at in zip(parts, taken, strict=True)]
    return f"**In short.** {begin}{' '.join(filter(None, chosen))}"


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
    '**In short.** The gap is clear by the 95 % interval, b against a: +47.5 points'
    """
    require_a(Estimates, gaps, "Give the result of comparisons or change.")
    if gaps.kind not in COMPARED:
        raise EstimandError(
            f"Expected gaps, got estimates of kind {gaps.kind!r}.",
            "Give comparisons(...).",
        )
    gaps = gaps.showable("This summary")
    rule = " by the 95 % interval"
    if _adjusted(gaps) and len(gaps.frame) > 1:
        rule = " after Holm's adjustment for their number"
    rows = _with_verdicts(named_gaps(gaps), gaps)
    parts = [gaps_in_words(rows, gaps.kind, "gaps", rule)]
    if together is not None:
        parts.append(contrasts_in_words(contrasted(together)))
    return fitted(synthetic_first(gaps), *parts)


def _adjusted(gaps: Estimates) -> bool:
    """Whether p-values that are adjusted for their number decide what is clear."""
    return "p adjusted" in gaps.convention


def _with_verdicts(frame: pd.DataFrame, gaps: Estimates) -> pd.DataFrame:
    """The gaps with their verdicts, by their adjusted p-values or their intervals."""
    null = scale_of(gaps.kind).null
    clear = (frame["conf_low"] > null) | (frame["conf_high"] < null)
    if _adjusted(gaps):
        clear = frame["p_value"] < LEVEL
    return frame.assign(verdict=np.where(clear, CLEAR, NOT_CLEAR))


def named_gaps(gaps: Estimates) -> pd.DataFrame:
    """The rows of gaps, with the columns ``what`` and ``group``: with their reference, and without.

    Parameters
    ----------
    gaps : Estimates

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a", "b"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["group"])
    >>> named_gaps(tl.comparisons(tl.cell_means(cells)))["what"].tolist()
    ['b against a']
    """
    frame = gaps.frame
    rows = [row for _, row in frame.iterrows()]
    return frame.assign(
        what=[_against(row, gaps) for row in rows],
        group=[group_of(row, gaps) for row in rows],
    )


def gaps_in_words(
    verdicts: pd.DataFrame, kind: str, plural: str, rule: str = ""
) -> list[str]:
    """How many gaps are clear, and the widest of them; the fullest wording first.

    Parameters
    ----------
    verdicts : DataFrame
        The rows of the gaps, with columns what, group and verdict.
    kind : str
        Of estimate.
    plural : str
        What they are called, one of `SINGULAR`.
    rule : str
        By which rule they are called clear, with the blank before it.

    Returns
    -------
    list of str

    Examples
    --------
    >>> row = {"what": "women against men", "group": "women", "verdict": "clear"}
    >>> row |= {"estimate": 0.1, "conf_low": 0.05, "conf_high": 0.15}
    >>> gaps_in_words(pd.DataFrame([row]), "difference", "gaps")[0]
    'The gap is clear, women against men: +10.0 points (+5.0 to +15.0).'
    """
    clear = verdicts[verdicts["verdict"] == CLEAR]
    count, rest = _counted(verdicts["verdict"], plural)
    if clear.empty:
        unknown = ": this survey cannot say which group reports more"
        if plural != "gaps":
            unknown = ""
        texts = [f"{count}{rule}{rest}{unknown}.", f"{count}{rest}{unknown}."]
        return [*texts, f"{count}{rest}."]
    null = scale_of(kind).null or 0.0
    widest = clear.loc[(clear["estimate"] - null).abs().idxmax()]
    value = valued(widest, kind)
    which = ", the widest " if len(clear) > 1 else ", "
    named = f"{which}{widest['what']}: {value}"
    alone = f"{which}{widest['group']}: {value}"
    return [
        f"{count}{rule}{rest}{named}.",
        f"{count}{rest}{named}.",
        f"{count}{rest}{alone}.",
        f"{count}{rest}.",
    ]


def _counted(verdicts: pd.Series, plural: str) -> tuple[str, str]:
    """How many are clear, and how many of the others are not refuted."""
    clear = int((verdicts == CLEAR).sum())
    half = int((verdicts == OPEN).sum())
    if len(verdicts) == 1:
        verdict = NOT_CLEAR
        if half:
            verdict = OPEN
        elif clear:
            verdict = CLEAR
        return f"The {SINGULAR[plural]} is {verdict}", ""
    verb = "are" if clear > 1 else "is"
    count = f"{clear or 'None'} of {len(verdicts)} {plural} {verb} clear"
    return count, f", {half} neither clear nor refuted" if half else ""


@dataclass(frozen=True)
class Contrasted:
    """What two identities do together, on both scales.

    Attributes
    ----------
    group : str
        Who has both.
    points, ratio : Series
        Rows of the interaction contrast and of the ratio of risk ratios.
    verdict : str
        By the rule of the page; empty if its intervals decide.

    Examples
    --------
    >>> row = pd.Series({"estimate": 0.1, "conf_low": -0.1, "conf_high": 0.3})
    >>> Contrasted("both", row, row + 0.9).excluded
    (False, False)
    """

    group: str
    points: pd.Series
    ratio: pd.Series
    verdict: str = ""

    @property
    def excluded(self) -> tuple[bool, bool]:
        """Whether the interval of points, and that of ratios, exclude adding up."""
        return _excludes(self.points, SUM), _excludes(self.ratio, PRODUCT)

    @property
    def is_clear(self) -> bool:
        """Whether it is clear of adding up in points: by the verdict, else the interval."""
        if self.verdict:
            return self.verdict == CLEAR
        return self.excluded[0]


def _excludes(row: pd.Series, measure: str) -> bool:
    null = scale_of("interaction", measure).null
    assert null is not None
    return not row["conf_low"] <= null <= row["conf_high"]


def contrasted(
    together: Estimates, verdicts: Sequence[str] | None = None
) -> list[Contrasted]:
    """The contrasts among measures of interaction, by the delta method.

    Parameters
    ----------
    together : Estimates
        From `interactions`.
    verdicts : sequence of str, optional
        One for each contrast.

    Returns
    -------
    list of Contrasted

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 160, "eth": (["a"] * 2 + ["b"] * 2) * 80})
    >>> rows["y"] = ([1.0] * 8 + [0.0] * 8) * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex", "eth"])
    >>> together = tl.interactions(tl.cell_means(cells), "sex", "eth")
    >>> [each.group for each in contrasted(together)]
    ['w, b']
    """
    frame = together.showable("This summary").frame
    delta = frame[frame["method"] == "delta"]
    groups = [name for name in together.by if name not in NO_LEVELS]
    points = delta[delta["measure"] == SUM]
    ratios = delta[delta["measure"] == PRODUCT].set_index(groups)
    found = []
    for place, (_, row) in enumerate(points.iterrows()):
        ratio = ratios.loc[[tuple(row[groups])] if len(groups) > 1 else row[groups]]
        verdict = "" if verdicts is None else verdicts[place]
        group = group_of(row, together)
        found.append(Contrasted(group, row, ratio.iloc[0], verdict))
    return found


def contrasts_in_words(contrasts: Sequence[Contrasted]) -> list[str]:
    """What identities do together, a clause for each scale; the fullest wording first.

    Parameters
    ----------
    contrasts : sequence of Contrasted

    Returns
    -------
    list of str

    Examples
    --------
    >>> row = pd.Series({"estimate": 0.1, "conf_low": -0.1, "conf_high": 0.3})
    >>> print(contrasts_in_words([Contrasted("both", row, row + 0.9)])[0])
    Together (both) +10.0 points (−10.0 to +30.0) off the sum of the gaps, 1.00 (0.80 \
to 1.20) times the product of the ratios: neither interval excludes that they just add up.
    """
    if len(contrasts) != 1:
        return _several_in_words(contrasts)
    [one] = contrasts
    points = valued(one.points, "interaction", SUM)
    ratio = valued(one.ratio, "interaction", PRODUCT)
    what = _what_is_excluded(one)
    full = f"{points} off the sum of the gaps, {ratio} times the product of the ratios"
    short = f"{points} off their sum, {ratio} times their product"
    return [
        f"Together ({one.group}) {full}: {what}.",
        f"Together {full}: {what}.",
        f"Together {short}: {what}.",
        f"Together {short}.",
    ]


def _what_is_excluded(one: Contrasted) -> str:
    """Which intervals exclude that identities just add up, and the verdict."""
    match one.excluded:
        case (False, False):
            return "neither interval excludes that they just add up"
        case (True, True):
            which = "both intervals exclude"
        case (True, False):
            which = "only the interval of points excludes"
        case _:
            which = "only the interval of ratios excludes"
    text = f"{which} that they just add up"
    if one.verdict:
        text += f", {one.verdict} among all contrasts"
    return text


def _several_in_words(contrasts: Sequence[Contrasted]) -> list[str]:
    """Of how many contrasts each scale excludes that identities just add up."""
    points = sum(one.excluded[0] for one in contrasts)
    ratios = sum(one.excluded[1] for one in contrasts)
    count = len(contrasts)
    text = (
        f"Of {count} groups with both identities {points or 'none'} differs from the "
        f"sum of the gaps by its interval, {ratios or 'none'} from the product"
    )
    ruled = [one.verdict for one in contrasts if one.verdict]
    if not ruled:
        return [f"{text}."]
    clear = sum(verdict == CLEAR for verdict in ruled)
    return [f"{text}; by the rule {clear or 'none'} is clear.", f"{text}."]


def levels_in_short(everyone: Estimates, groups: Estimates | None = None) -> Paragraph:
    """How many say so, and in which groups the fewest and the most.

    Parameters
    ----------
    everyone : Estimates
        One level.
    groups : Estimates, optional
        Levels.

    Returns
    -------
    Paragraph

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 40})
    >>> rows["y"] = [1.0, 0.0, 0.0, 1.0] * 10 + [0.0] * 20 + [1.0, 0.0] * 10
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex"])
    >>> levels_in_short(tl.cell_means(cells, by=[]), tl.cell_means(cells))
    **In short.** Everyone: 37.5 percent (27.4 to 48.8). From 25.0 percent in w to 50.0 in m.
    """
    everyone = everyone.showable("This summary")
    whole = valued(everyone.frame.iloc[0], everyone.kind)
    parts = [[f"Everyone: {whole}."]]
    if groups is not None:
        frame = groups.showable("This summary").frame
        low = frame.loc[frame["estimate"].idxmin()]
        high = frame.loc[frame["estimate"].idxmax()]
        least, most = (number(row["estimate"], groups.kind) for row in (low, high))
        fewest, largest = group_of(low, groups), group_of(high, groups)
        parts.append([f"From {least} percent in {fewest} to {most} in {largest}.", ""])
    return fitted(synthetic_first(everyone), *parts)


def strata_in_short(ladder: Any) -> Paragraph:
    """How much of the variation lies between strata, and how much of that just adds up.

    Parameters
    ----------
    ladder : trustlib.MaihdaFit

    Returns
    -------
    Paragraph

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 160, "eth": (["a"] * 2 + ["b"] * 2) * 80})
    >>> number = rows.groupby(["sex", "eth"]).cumcount()
    >>> most = 20 + 10 * (rows["sex"] == "w") + 20 * (rows["eth"] == "b")
    >>> rows["y"] = (number < most).astype(float)
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex", "eth"])
    >>> text = strata_in_short(tl.maihda(cells, strata=["sex", "eth"])).text
    >>> text.startswith("**In short.** Of all variation")
    True
    """
    shares = ladder.interval("vpc").showable("This summary")
    explained = ladder.interval("pcv").showable("This summary")
    between = valued(shares.frame.iloc[0], shares.kind, "vpc")
    added = valued(explained.frame.iloc[0], explained.kind, "pcv")
    count = len(ladder.strata)
    return fitted(
        synthetic_first(shares),
        [f"Of all variation {between} lies between the {count} strata."],
        [f"Of that {added} is no more than the identities added up."],
    )


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
    lowest = valued(low, shown.kind)
    highest = valued(high, shown.kind)
    text = f"{len(shown)} specifications put the gap between {lowest} and {highest}."
    sign = ["All of them have the same sign."]
    if low["estimate"] * high["estimate"] <= 0:
        sign = [_what_turns_it(frame, shown.by), "The sign depends on the choice."]
    return fitted(synthetic_first(shown), [text], sign)


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


def synthetic_first(estimates: Estimates) -> str:
    """What stands before the first sentence, if it is of the stand-in.

    Parameters
    ----------
    estimates : Estimates

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = tl.SurveyDesign(pd.DataFrame({"y": [1.0, 0.0] * 40}), weight=None)
    >>> synthetic_first(tl.cell_means(tl.compress(people, "y")))
    ''
    """
    if not estimates.source.is_synthetic:
        return ""
    return "Of the synthetic stand-in, which is no finding: "


def group_of(row: pd.Series, estimates: Estimates) -> str:
    """The group of a row, by the names of its levels, in Markdown.

    Parameters
    ----------
    row : Series
        Of the frame of the estimates.
    estimates : Estimates

    Returns
    -------
    str

    Examples
    --------
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"sex": ["m", "w"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> levels = tl.cell_means(tl.compress(tl.SurveyDesign(rows, weight=None), "y", ["sex"]))
    >>> group_of(levels.frame.iloc[1], levels)
    'w'
    """
    names = []
    for column in estimates.by:
        if column not in NO_LEVELS:
            axis = row["axis"] if column == "level" and "axis" in row else column
            names.append(level_name(axis, row[column], estimates.labels))
    return markdown_text(", ".join(names))


def _against(row: pd.Series, gaps: Estimates) -> str:
    """A gap: the group, and what it is compared with."""
    group = group_of(row, gaps)
    reference = row.get("reference")
    if not isinstance(reference, str):
        return group
    axes = [name for name in gaps.by if name not in (*NO_LEVELS, "level")]
    axis = row["axis"] if "axis" in row else ", ".join(axes)
    return f"{group} against {markdown_text(level_name(axis, reference, gaps.labels))}"


def valued(row: Any, kind: str, measure: str | None = None) -> str:
    """A number with its interval, as it is printed.

    Parameters
    ----------
    row : object
        With the attributes estimate, conf_low and conf_high.
    kind, measure : str
        As for `trustlib.tables.number`.

    Returns
    -------
    str

    Examples
    --------
    >>> row = pd.Series({"estimate": 0.1, "conf_low": 0.05, "conf_high": 0.15})
    >>> valued(row, "difference")
    '+10.0 points (+5.0 to +15.0)'
    """
    values = [getattr(row, name) for name in ("estimate", "conf_low", "conf_high")]
    value, low, high = [number(each, kind, measure) for each in values]
    return f"{value}{scale_of(kind, measure).unit} ({low} to {high})"
