"""What a page on a survey says of its gaps and contrasts, by the rule of `trustbook.clear`.

Where the cells of a page have no stored replicate errors (the synthetic stand-in, a file
that somebody supplies), the page says what `trustbook.summary.in_short` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trustbook.clear import CLEAR, NOT_CLEAR, OPEN, holm, judge
from trustbook.replicates import Stored, row_names
from trustbook.summary import Paragraph, in_short
from trustlib.escaping import markdown_text, visible
from trustlib.estimates import Estimates
from trustlib.precision import adjust
from trustlib.review import Report
from trustlib.scales import scale_of
from trustlib.tables import evidence, number, publish

RULE = (
    "By the rule fixed beforehand: t with the degrees of freedom of the replicate "
    "weights and Holm's adjustment; Taylor linearisation is the sensitivity analysis."
)
BY_RULE = "by the rule fixed beforehand"
UNKNOWN = "Of the others this survey cannot say which group reports more."
HEADS = (
    "What",
    "Estimate",
    "95 % interval",
    "p",
    "p (Holm)",
    "p (Holm), Taylor",
    "Verdict",
)
SCALES = {
    "interaction_contrast": "on the scale of points {value}",
    "ratio_of_rr": "on the scale of ratios {value}",
}
MEASURED = ("measure", "method", "reference")
CONTRAST = "measure == 'interaction_contrast' and method == 'delta'"


@dataclass(frozen=True)
class Judged:
    """The gaps of a page, and what two identities do together, with their verdicts.

    Attributes
    ----------
    stored : trustbook.replicates.Stored
    gaps : Estimates
        Differences, from sealed cells.
    together : Estimates, optional
        From `trustlib.interactions`.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"sex": ["m"] * 80 + ["w"] * 80, "y": [0.0, 1.0, 1.0, 0.0] * 40})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> gaps = tl.comparisons(tl.one_way(cells, ["sex"]))
    >>> judged = Judged(Stored.read("", "cells/a.parquet", "sex"), gaps)
    >>> judged.in_short().text.partition(" after ")[0]
    '**In short.** None of 1 gaps is clear'
    """

    stored: Stored
    gaps: Estimates
    together: Estimates | None = None

    def in_short(self) -> Paragraph:
        """The paragraph at the top of the page."""
        if self.stored.every is None:
            if self.together is None:
                return in_short(adjust(self.gaps))
            return in_short(self.gaps, self.together)
        self.gaps.require_showable("This summary")
        verdicts = self._verdicts_of_gaps()
        sentences = [in_words(verdicts, "gaps")]
        if (verdicts["verdict"] == NOT_CLEAR).any():
            sentences.append(UNKNOWN)
        if self.together is not None:
            sentences += self._of_contrasts()
        return Paragraph(f"**In short.** {' '.join(sentences)}")

    def table(self) -> Report | None:
        """Every gap and contrast of the page with its verdict; published as ``verdicts``."""
        if self.stored.every is None:
            return None
        parts = [self._verdicts_of_gaps()]
        if self.together is not None:
            parts.append(self._verdicts_of_contrasts())
        return verdict_report(pd.concat(parts, ignore_index=True), self.gaps.source)

    def _verdicts_of_gaps(self) -> pd.DataFrame:
        """The gaps of the page, which are one family."""
        rows = self.stored.family(self.gaps, "gaps")
        texts = [_named(row, self.gaps) for _, row in self.gaps.frame.iterrows()]
        judged = self.stored.primary(self.gaps, "gaps")
        verdicts = with_verdicts(rows)
        self._publish(judged, verdicts, "gaps_verdicts")
        return verdicts.assign(what=texts, kind="difference")

    def _publish(self, judged: Estimates, verdicts: pd.DataFrame, table: str) -> None:
        """Keep the verdicts with the run."""
        columns = verdicts[["p_holm", "taylor_p_value", "taylor_p_holm", "verdict"]]
        given = {name: columns[name].to_numpy() for name in columns}
        publish(judged.with_columns(**given), table)

    def _verdicts_of_contrasts(self) -> pd.DataFrame:
        """The contrasts of the page, in the family of all contrasts of the survey."""
        together = self._contrasts()
        family = with_verdicts(self.stored.contrasts())
        own = (family["cells"] == self.stored.cells) & (
            family["model"] == self.stored.model
        )
        mine = family[own].set_index("row").loc[row_names(together)].reset_index()
        judged = self.stored.primary(together, "interaction")
        self._publish(judged, mine, "contrast_verdicts")
        texts = [_together(row, together) for _, row in together.frame.iterrows()]
        return mine.assign(what=texts, kind="difference")

    def _contrasts(self) -> Estimates:
        """The interaction contrasts among the measures of the page."""
        assert self.together is not None
        return self.together.where(CONTRAST)

    def _of_contrasts(self) -> list[str]:
        """What the two identities do together, on both scales."""
        verdicts = self._verdicts_of_contrasts()
        assert self.together is not None
        measures = self.stored.primary(self.together, "interaction").frame
        measures = measures[measures["method"] == "delta"]
        sentences = []
        groups = [name for name in self.together.by if name not in MEASURED]
        contrasts = self._contrasts().frame
        for (_, contrast), verdict in zip(
            contrasts.iterrows(), verdicts.itertuples(), strict=True
        ):
            same = (measures[groups] == contrast[groups]).all(axis=1)
            text = _on_both_scales(verdict.what, verdict.verdict, measures[same])
            sentences.append(text)
        return sentences


def verdict_report(verdicts: pd.DataFrame, source: Mapping[str, Any]) -> Report:
    """Findings with their verdicts, as a table for readers.

    Parameters
    ----------
    verdicts : DataFrame
        Columns what, kind, estimate, conf_low, conf_high, p_value, p_holm,
        taylor_p_holm and verdict.
    source : mapping

    Returns
    -------
    trustlib.review.Report

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"what": "women", "kind": "difference", "estimate": 0.1, "conf_low": 0.05}
    >>> row |= {"conf_high": 0.15, "p_value": 0.01, "p_holm": 0.01}
    >>> rows = pd.DataFrame([{**row, "taylor_p_holm": 0.02, "verdict": "clear"}])
    >>> verdict_report(rows, {}).shown["Verdict"].tolist()
    ['clear']
    """
    rows = [_readable(row) for row in verdicts.itertuples()]
    shown = pd.DataFrame(rows, columns=list(HEADS))
    notes = (f"{evidence(source)}.", RULE)
    return Report(verdicts, "Which of these are clear", notes, shown)


def with_verdicts(family: pd.DataFrame) -> pd.DataFrame:
    """A family of findings with adjusted p-values and verdicts.

    Parameters
    ----------
    family : DataFrame
        Columns p_value and taylor_p_value.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"p_value": [0.01, 0.2], "taylor_p_value": [0.02, 0.1]})
    >>> with_verdicts(rows)["verdict"].tolist()
    ['clear', 'not clear']
    """
    primary = family["p_value"].to_numpy(float)
    taylor = family["taylor_p_value"].to_numpy(float)
    return family.assign(
        p_holm=holm(primary),
        taylor_p_holm=holm(taylor),
        verdict=judge(primary, taylor),
    )


def in_words(verdicts: pd.DataFrame, plural: str, kind: str = "difference") -> str:
    """Which findings are clear by the rule, and which neither clear nor refuted.

    Parameters
    ----------
    verdicts : DataFrame
        As for `verdict_report`.
    plural : str
        What they are called.
    kind : str
        Of estimate.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"what": "women", "estimate": 0.1, "conf_low": 0.05, "conf_high": 0.15}
    >>> in_words(pd.DataFrame([{**row, "verdict": "clear"}]), "gaps")
    '1 of 1 gaps is clear by the rule fixed beforehand: women, +10.0 points (+5.0 to +15.0).'
    """
    clear = verdicts[verdicts["verdict"] == CLEAR]
    half = verdicts[verdicts["verdict"] == OPEN]
    verb = "is" if len(clear) == 1 else "are"
    text = (
        f"{len(clear) or 'None'} of {len(verdicts)} {plural} {verb} {CLEAR} {BY_RULE}"
    )
    sentences = [_listed(text, clear, kind)]
    if len(half):
        verb = "is" if len(half) == 1 else "are"
        text = f"{len(half)} {verb} {OPEN}: replicate weights and Taylor linearisation disagree"
        sentences.append(_listed(text, half, kind))
    return " ".join(sentences)


def _listed(text: str, rows: pd.DataFrame, kind: str) -> str:
    """A sentence with each finding and its interval."""
    if not len(rows):
        return f"{text}."
    null = scale_of(kind).null or 0.0
    width = (rows["estimate"] - null).abs()
    ordered = rows.iloc[(-width).argsort(kind="stable")]
    named = [f"{row.what}, {valued(row, kind)}" for row in ordered.itertuples()]
    return f"{text}: {'; '.join(named)}."


def _on_both_scales(what: str, verdict: str, measures: pd.DataFrame) -> str:
    """A contrast on both scales, and whether an interval excludes that gaps just add up."""
    texts = []
    excluded = []
    for measure, text in SCALES.items():
        row = measures[measures["measure"] == measure].iloc[0]
        value = valued(row, "interaction", measure)
        texts.append(text.format(value=value))
        null = scale_of("interaction", measure).null
        assert null is not None
        excluded.append(not row["conf_low"] <= null <= row["conf_high"])
    sentence = f"{what}: {', '.join(texts)}."
    if not any(excluded):
        return f"{sentence} Neither interval excludes that they just add up."
    which = "Both intervals leave out that they just add up"
    if not all(excluded):
        scale = "points" if excluded[0] else "ratios"
        which = f"Only the interval of {scale} leaves out that they just add up"
    return f"{sentence} {which}; among all contrasts of this survey it is {verdict}."


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
    >>> import pandas as pd
    >>> row = pd.Series({"estimate": 0.1, "conf_low": 0.05, "conf_high": 0.15})
    >>> valued(row, "difference")
    '+10.0 points (+5.0 to +15.0)'
    """
    values = [getattr(row, name) for name in ("estimate", "conf_low", "conf_high")]
    value, low, high = [number(each, kind, measure) for each in values]
    return f"{value}{scale_of(kind, measure).unit} ({low} to {high})"


def _levels(row: pd.Series, names: Sequence[str]) -> str:
    return ", ".join(markdown_text(visible(row[name])) for name in names)


def _named(row: pd.Series, gaps: Estimates) -> str:
    """A gap: the group, and what it is compared with."""
    names = [name for name in gaps.by if name not in ("axis", "reference")]
    return f"{_levels(row, names)} against {_levels(row, ['reference'])}"


def _together(row: pd.Series, together: Estimates) -> str:
    """The group that has both identities."""
    names = [name for name in together.by if name not in MEASURED]
    return f"Together ({_levels(row, names)})"


def _readable(row: Any) -> list[str]:
    """A finding as a row of the table for readers."""
    value, low, high = [
        number(getattr(row, name), row.kind)
        for name in ("estimate", "conf_low", "conf_high")
    ]
    p_values = [
        _p(getattr(row, name)) for name in ("p_value", "p_holm", "taylor_p_holm")
    ]
    what = str(row.what)
    return [what, value, f"{low} to {high}", *p_values, str(row.verdict)]


def _p(value: float) -> str:
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}"
