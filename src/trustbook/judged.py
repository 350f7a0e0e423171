"""What a page on a survey says of its gaps and contrasts, by the rule of `trustbook.clear`.

Where the cells of a page have no stored replicate errors (the synthetic stand-in, a file
that somebody supplies), the page says what `trustbook.summary.in_short` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trustbook.clear import judge
from trustbook.pictures.rows import RowPicture
from trustbook.pictures.together import Contrast, together
from trustbook.replicates import Stored, row_names
from trustbook.summary import (
    Contrasted,
    Paragraph,
    contrasted,
    contrasts_in_words,
    fitted,
    gaps_in_words,
    group_of,
    in_short,
    named_gaps,
)
from trustlib.adjustment import holm
from trustlib.estimates import Estimates
from trustlib.precision import adjust
from trustlib.review import Report
from trustlib.tables import evidence, number, publish

RULE = (
    "By the rule fixed beforehand: t with the degrees of freedom of the replicate "
    "weights and Holm's adjustment; Taylor linearisation is the sensitivity analysis."
)
BY_RULE = " by the rule fixed beforehand"
HEADS = (
    "What",
    "Estimate",
    "95 % interval",
    "p",
    "p (Holm)",
    "p (Holm), Taylor",
    "Verdict",
)
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
    >>> judged.in_short().text.partition(" by ")[0]
    '**In short.** The gap is not clear'
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
        parts = [gaps_in_words(verdicts, "difference", "gaps", BY_RULE)]
        if self.together is not None:
            parts.append(contrasts_in_words(self.contrasts()))
        return fitted("", *parts)

    def picture(self, levels: Estimates, worth: Estimates | None = None) -> RowPicture:
        """The groups, and where they would be if their identities just added up.

        Parameters
        ----------
        levels : Estimates
            Levels or predictions by the identities.
        worth : Estimates, optional
            The same groups as answered.
        """
        contrasts = []
        if self.together is not None:
            for each in self.contrasts():
                points = float(each.points["estimate"])
                contrasts.append(Contrast(points, each.is_clear))
        return together(levels, contrasts, worth)

    def contrasts(self) -> list[Contrasted]:
        """What the identities do together on both scales, with the verdicts of the rule."""
        assert self.together is not None
        if self.stored.every is None:
            return contrasted(self.together)
        measures = self.stored.primary(self.together, "interaction")
        return contrasted(measures, self._verdicts_of_contrasts()["verdict"].tolist())

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
        names = named_gaps(self.gaps)[["what", "group"]].to_dict("list")
        judged = self.stored.primary(self.gaps, "gaps")
        verdicts = with_verdicts(rows)
        self._publish(judged, verdicts, "gaps_verdicts")
        return verdicts.assign(**names, kind="difference")

    def _publish(self, judged: Estimates, verdicts: pd.DataFrame, table: str) -> None:
        """Keep the verdicts with the run."""
        columns = verdicts[["p_holm", "taylor_p_value", "taylor_p_holm", "verdict"]]
        given = {name: columns[name].to_numpy() for name in columns}
        publish(judged.with_columns(**given), table)

    def _verdicts_of_contrasts(self) -> pd.DataFrame:
        """The contrasts of the page, in the family of all contrasts of the survey."""
        contrasts = self._contrasts()
        family = with_verdicts(self.stored.contrasts())
        own = (family["cells"] == self.stored.cells) & (
            family["model"] == self.stored.model
        )
        mine = family[own].set_index("row").loc[row_names(contrasts)].reset_index()
        judged = self.stored.primary(contrasts, "interaction")
        self._publish(judged, mine, "contrast_verdicts")
        texts = [
            f"Together ({group_of(row, contrasts)})"
            for _, row in contrasts.frame.iterrows()
        ]
        return mine.assign(what=texts, kind="difference")

    def _contrasts(self) -> Estimates:
        """The interaction contrasts among the measures of the page."""
        assert self.together is not None
        return self.together.where(CONTRAST)


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
