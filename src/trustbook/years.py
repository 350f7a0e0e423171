"""How answers changed between two surveys of one country, with the verdict on each change.

`trustbook.comparable` says what may be compared. Both surveys have replicate weights, so
a change has Student's t with the degrees of freedom of both (98), and is called clear by
the rule of `trustbook.clear`; a family are the changes of one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from trustbook.comparable import OVER, joined, load_comparable
from trustbook.judged import BY_RULE, verdict_report, with_verdicts
from trustbook.plans import Comparable
from trustbook.replicates import Stored, one_way_model
from trustbook.summary import Paragraph, fitted, gaps_in_words, valued
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.estimates import Estimates
from trustlib.levels import cell_means, one_way
from trustlib.pooling import change
from trustlib.review import Report


@dataclass(frozen=True)
class Compared:
    """The answers of two surveys to one question.

    Attributes
    ----------
    levels : Estimates
        Of both, by the replicate weights.
    changes : Estimates
        Differences, with columns taylor_p_value, p_holm, taylor_p_holm and verdict.
    gap_changes : Estimates, optional
        The same of the gaps.
    """

    levels: Estimates
    changes: Estimates
    gap_changes: Estimates | None = None


@dataclass(frozen=True)
class Years:
    """Two surveys, and the list of what they asked alike.

    Attributes
    ----------
    listed : trustbook.plans.Comparable
    stored : mapping
        Id of the survey -> `trustbook.replicates.Stored`, the earlier first.
    """

    listed: Comparable
    stored: Mapping[str, Stored]

    @classmethod
    def read(cls, listed: str | Path, before: str | Path, after: str | Path) -> Years:
        """The list, and the replicate errors of both surveys.

        Parameters
        ----------
        listed : path
            ``comparable.yml``.
        before, after : path
            ``replicates.csv`` of each.

        Returns
        -------
        Years
        """
        form = load_comparable(listed)
        files = zip(form.surveys, (before, after), strict=True)
        stored = {survey: Stored.read(path, "", "") for survey, path in files}
        return cls(form, stored)

    def everyone(self, before: str | Path, after: str | Path) -> Compared:
        """All who answered, in both surveys.

        Parameters
        ----------
        before, after : path
            Sealed cells without axes.

        Returns
        -------
        Compared
        """
        primary = {}
        taylor = {}
        for survey, path in zip(self.stored, (before, after), strict=True):
            own = cell_means(Cells.read(path))
            taylor[survey] = own
            stored = self.stored[survey].of(path, "")
            primary[survey] = stored.primary(own, "everyone")
        return Compared(self._joined(primary), self._changes(primary, taylor))

    def by_axes(
        self, before: str | Path, after: str | Path, axes: Sequence[str]
    ) -> Compared:
        """Groups and gaps, in both surveys.

        Parameters
        ----------
        before, after : path
            Sealed cells.
        axes : sequence of str

        Returns
        -------
        Compared
        """
        levels = {}
        gaps = {}
        own_levels = {}
        own_gaps = {}
        for survey, path in zip(self.stored, (before, after), strict=True):
            stored = self.stored[survey].of(path, one_way_model(axes))
            levels[survey] = one_way(Cells.read(path), axes)
            gaps[survey] = comparisons(levels[survey])
            own_levels[survey] = stored.primary(levels[survey], "levels")
            own_gaps[survey] = stored.primary(gaps[survey], "gaps")
        return Compared(
            self._joined(own_levels),
            self._changes(own_levels, levels),
            self._changes(own_gaps, gaps),
        )

    def _joined(self, parts: Mapping[str, Estimates]) -> Estimates:
        return joined(parts, self.listed)

    def _changes(
        self, primary: Mapping[str, Estimates], taylor: Mapping[str, Estimates]
    ) -> Estimates:
        """The change of each row, with its verdict among these rows."""
        own = change(self._joined(primary), over=OVER, within=None)
        other = change(self._joined(taylor), over=OVER, within=None)
        second = other.frame["p_value"].to_numpy()
        family = with_verdicts(own.frame.assign(taylor_p_value=second))
        added = ["taylor_p_value", "p_holm", "taylor_p_holm", "verdict"]
        columns = {name: family[name].to_numpy() for name in added}
        return replace(own, _frame=own.frame.assign(**columns))

    def verdicts(self, changes: Estimates) -> Report:
        """A table of changes with their verdicts.

        Parameters
        ----------
        changes : Estimates
            Of a `Compared`.

        Returns
        -------
        trustlib.review.Report
        """
        changes.require_showable("This table")
        return verdict_report(_named(changes), changes.source)

    def in_short(self, everyone: Compared, groups: Compared) -> Paragraph:
        """What changed, in a paragraph made from the numbers.

        Parameters
        ----------
        everyone, groups : Compared

        Returns
        -------
        trustbook.summary.Paragraph
        """
        [whole] = _named(everyone.changes).itertuples()
        value = valued(whole, "difference")
        parts = [[f"Everyone together: {value}, {whole.verdict}."]]
        families = {"changes of groups": groups.changes}
        if groups.gap_changes is not None:
            families["changes of gaps"] = groups.gap_changes
        for plural, changes in families.items():
            parts.append(gaps_in_words(_named(changes), "difference", plural, BY_RULE))
        summary = fitted("", *parts)
        return Paragraph(f"{summary.text}\n\n{everyone.levels.notes[-1]}")


def _named(changes: Estimates) -> pd.DataFrame:
    """Changes with what each is of, as `verdict_report` takes them."""
    frame = changes.frame
    group = ["everyone"] * len(frame)
    if "level" in frame:
        group = frame["level"].astype(str).tolist()
    what = group
    if "reference" in frame:
        pairs = zip(group, frame["reference"].astype(str), strict=True)
        what = [f"{level} against {other}" for level, other in pairs]
    return frame.assign(what=what, group=group, kind="difference")
