"""The page on who takes part in trials: ratios, both ways of counting, and verdicts.

`trustbook.participation` computes; here the numbers of one page are put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from trustbook.judged import BY_RULE, verdict_report, with_verdicts
from trustbook.participation import participation, side_by_side
from trustbook.replicates import Stored, participation_model
from trustbook.summary import Paragraph, fitted, gaps_in_words
from trustlib.cells import Cells
from trustlib.estimates import Estimates
from trustlib.levels import cell_means
from trustlib.review import Report


@dataclass(frozen=True)
class Trials:
    """Ratios of one survey.

    Attributes
    ----------
    replicates : path
        ``replicates.csv`` of the survey.
    axes : mapping
        Name of a set on the page -> its axes.
    """

    replicates: str | Path
    axes: Mapping[str, Sequence[str]]

    def everyone(self, cells: str | Path) -> Estimates:
        """The share who took part, by the replicate weights.

        Parameters
        ----------
        cells : path
            Sealed cells without axes.

        Returns
        -------
        Estimates
        """
        stored = Stored.read(self.replicates, cells, "").of(cells, "")
        return stored.primary(cell_means(Cells.read(cells)), "everyone")

    def ratios(self, name: str, cells: str | Path, as_no: str | Path) -> Estimates:
        """Participation-to-population ratios, counted both ways.

        Parameters
        ----------
        name : str
            Of the set, in `axes`.
        cells, as_no : path
            Sealed cells without those who do not know, and with them as no.

        Returns
        -------
        Estimates
            By the replicate weights; columns as_no, turns and taylor_p_value.
        """
        axes = self.axes[name]
        own = participation(Cells.read(cells), axes)
        stored = Stored.read(self.replicates, cells, "")
        primary = stored.of(cells, participation_model(axes))
        other = participation(Cells.read(as_no), axes)
        both = side_by_side(primary.primary(own, "participation"), other)
        return both.with_columns(taylor_p_value=own.frame["p_value"].to_numpy())

    def verdicts(self, *ratios: Estimates) -> Report:
        """All ratios of the page, which are one family, with their verdicts.

        Parameters
        ----------
        *ratios : Estimates
            From `ratios`.

        Returns
        -------
        trustlib.review.Report
        """
        return verdict_report(_family(ratios), ratios[0].source)

    def in_short(self, *ratios: Estimates) -> Paragraph:
        """Which ratios are clear, and which change their side of one.

        Parameters
        ----------
        *ratios : Estimates

        Returns
        -------
        trustbook.summary.Paragraph
        """
        family = _family(ratios)
        ratios_said = gaps_in_words(family, "ratio", "ratios", BY_RULE)
        turning = family.loc[family["turns"], "what"].tolist()
        if not turning:
            return fitted("", ratios_said)
        verb = "changes its side" if len(turning) == 1 else "change their side"
        named = ", ".join(turning)
        rest = f"With those who do not know counted as no, {len(turning)} {verb} of one"
        return fitted("", ratios_said, [f"{rest}: {named}.", f"{rest}."])


def _family(ratios: Sequence[Estimates]) -> pd.DataFrame:
    """The ratios of a page as one family."""
    for each in ratios:
        each.require_showable("This table")
    frames = [each.frame for each in ratios]
    family = with_verdicts(pd.concat(frames, ignore_index=True))
    labels = ratios[0].labels
    names = [labels.get(axis, axis) for axis in family["axis"]]
    pairs = zip(names, family["level"], strict=True)
    what = [f"{name}: {level}" for name, level in pairs]
    return family.assign(what=what, group=family["level"].astype(str), kind="ratio")
