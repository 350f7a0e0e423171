"""Two surveys of one country, gap by gap: what is seen twice, and what is seen once.

Each survey is its own sample, so a gap that both find is evidence of another kind than one
with a small p-value. For every question that both asked alike the gaps by sex, ethnicity
and sexual orientation stand side by side, and beside them their mean over the two
samples. For the rule of `trustbook.clear` a family are the gaps by one identity over all
questions: in each survey, and of the means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from trustbook.clear import CLEAR
from trustbook.comparable import load_comparable
from trustbook.judged import with_verdicts
from trustbook.plans import Comparable
from trustbook.replicates import Stored, one_way_model
from trustbook.summary import Paragraph, fitted, valued
from trustlib import intervals
from trustlib.cells import Cells
from trustlib.comparisons import comparisons
from trustlib.estimates import Estimates
from trustlib.levels import one_way
from trustlib.review import Report
from trustlib.tables import evidence

TWICE = "seen twice"
TOGETHER = "clear together"
ONCE = "seen once"
TURNED = "turned round"
NEVER = "not seen"
HEADS = (
    "Question",
    "Group",
    "2022",
    "Verdict, 2022",
    "2024",
    "Verdict, 2024",
    "Mean of both",
    "Verdict, mean",
    "Seen",
)
KEYS = ["question", "axis", "level"]


def seen(first: pd.Series, second: pd.Series, together: str) -> str:
    """Whether two independent samples show the same gap.

    Parameters
    ----------
    first, second : Series
        A gap in each: estimate and verdict.
    together : str
        The verdict on their mean.

    Returns
    -------
    str
        `TWICE` if both are clear and on the same side of zero, `TURNED` if both are
        clear on different sides, `ONCE` if one is clear, `TOGETHER` if none is and their
        mean is, else `NEVER`.

    Examples
    --------
    >>> import pandas as pd
    >>> gap = pd.Series({"estimate": 0.1, "verdict": "clear"})
    >>> none = pd.Series({"estimate": 0.1, "verdict": "not clear"})
    >>> seen(gap, gap, "clear"), seen(gap, none, "clear"), seen(none, none, "clear")
    ('seen twice', 'seen once', 'clear together')
    """
    clear = [first["verdict"], second["verdict"]].count(CLEAR)
    if clear == 2:
        same = first["estimate"] * second["estimate"] > 0
        return TWICE if same else TURNED
    if clear == 1:
        return ONCE
    return TOGETHER if together == CLEAR else NEVER


@dataclass(frozen=True)
class Twice:
    """The gaps of two surveys.

    Attributes
    ----------
    listed : trustbook.plans.Comparable
    gaps : mapping
        Id of the survey -> all its gaps, with verdicts.
    """

    listed: Comparable
    gaps: Mapping[str, Estimates]

    @classmethod
    def read(
        cls,
        listed: str | Path,
        surveys: Mapping[str, tuple[str, Sequence[tuple[Sequence[str], list[str]]]]],
    ) -> Twice:
        """The gaps of all cells of both surveys.

        Parameters
        ----------
        listed : path
            ``comparable.yml``.
        surveys : mapping
            Id -> ``replicates.csv`` and pairs of sealed cells and axes.

        Returns
        -------
        Twice
        """
        form = load_comparable(listed)
        gaps = {}
        for survey, (file, sets) in surveys.items():
            named = {q.names[survey]: key for key, q in form.questions.items()}
            gaps[survey] = _gaps(Stored.read(file, "", ""), sets, named)
        return cls(form, gaps)

    @property
    def table(self) -> pd.DataFrame:
        """One row for each gap: both estimates, their mean, the verdicts, and how it is seen."""
        first, second = [gaps.frame.set_index(KEYS) for gaps in self.gaps.values()]
        second = second.loc[first.index]
        mean = _mean(first, second)
        verdicts = mean["verdict_mean"]
        rows = zip(first.iterrows(), second.iterrows(), verdicts, strict=True)
        found = [seen(one, other, both) for (_, one), (_, other), both in rows]
        table = first.join(second, lsuffix="_before", rsuffix="_after")
        return table.join(mean).assign(seen=found)

    def report(self, *outcomes: str) -> Report:
        """The gaps of some kinds of `seen` for readers; by default all.

        Parameters
        ----------
        *outcomes : str

        Returns
        -------
        trustlib.review.Report
        """
        table = self.table.reset_index()
        if outcomes:
            table = table[table["seen"].isin(outcomes)]
        rows = [self._readable(row) for _, row in table.iterrows()]
        shown = pd.DataFrame(rows, columns=list(HEADS))
        sources = [evidence(gaps.source) for gaps in self.gaps.values()]
        notes = (f"{'; '.join(sources)}.", "Gaps in points, with 95 % intervals.")
        return Report(table, "The same gaps in two independent samples", notes, shown)

    def _readable(self, row: pd.Series) -> list[str]:
        """A gap in both surveys, as texts."""
        cells = [self.listed.questions[row["question"]].label]
        cells.append(f"{row['level']} against {row['reference_before']}")
        for side in ("_before", "_after", "_mean"):
            own = {
                name: row[name + side] for name in ("estimate", "conf_low", "conf_high")
            }
            text = valued(pd.Series(own), "difference").replace(" points", "")
            cells += [text, row[f"verdict{side}"]]
        return [*cells, row["seen"]]

    def in_short(self) -> Paragraph:
        """How many gaps are seen twice, and which."""
        table = self.table.reset_index()
        twice = table[table["seen"] == TWICE]
        texts = [
            f"{self.listed.questions[row.question].label.lower()} ({row.level})"
            for row in twice.itertuples()
        ]
        named = f": {'; '.join(texts)}" if texts else ""
        together = int((table["seen"] == TOGETHER).sum())
        once = int((table["seen"] == ONCE).sum())
        rest = f"{once} are clear in one of them only; {together} in neither, but in their mean."
        text = f"Of {len(table)} gaps that both surveys can show, {len(twice)} are clear in both"
        return fitted("", [f"{text}{named}.", f"{text}."], [rest])


def _gaps(
    stored: Stored,
    sets: Sequence[tuple[Sequence[str], list[str]]],
    named: Mapping[str, str],
) -> Estimates:
    """All gaps of a survey in one result, which is one family."""
    parts = []
    for paths, axes in sets:
        for path in paths:
            own = comparisons(one_way(Cells.read(path), axes))
            primary = stored.of(path, one_way_model(axes)).primary(own, "gaps")
            taylor = own.frame["p_value"].to_numpy()
            key = named[own.outcome]
            second = {"taylor_p_value": taylor, **_taylor(own)}
            parts.append(primary.with_columns(question=key, **second))
    frame = pd.concat([each.frame for each in parts], ignore_index=True)
    frame = by_identity(frame)
    variance = frame["std_error"].to_numpy(float) ** 2
    unknown = ~np.eye(len(frame), dtype=bool)
    first = parts[0]
    return replace(
        first,
        _frame=frame,
        vcov=np.where(unknown, np.nan, np.diag(variance)),
        by=("question", *first.by),
        outcome="several questions",
        smallest=np.concatenate([each.smallest for each in parts]),
        _people=None,
    )


def _taylor(own: Estimates) -> dict[str, np.ndarray]:
    """Standard errors and degrees of freedom by Taylor linearisation."""
    frame = own.frame
    return {
        "taylor_std_error": frame["std_error"].to_numpy(),
        "taylor_df": frame["df"].to_numpy(),
    }


def by_identity(gaps: pd.DataFrame) -> pd.DataFrame:
    """Gaps with verdicts, those by one identity as one family.

    Parameters
    ----------
    gaps : DataFrame
        Columns axis, p_value and taylor_p_value.

    Returns
    -------
    DataFrame
        In the same order.

    Examples
    --------
    >>> rows = pd.DataFrame({"axis": ["sex", "age", "sex"], "p_value": [0.02, 0.03, 0.2]})
    >>> by_identity(rows.assign(taylor_p_value=0.001))["p_holm"].tolist()
    [0.04, 0.03, 0.2]
    """
    parts = [with_verdicts(part) for _, part in gaps.groupby("axis", sort=False)]
    return pd.concat(parts).loc[gaps.index]


def _mean(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The mean of two independent gaps, with its interval and verdict."""
    value = (first["estimate"] + second["estimate"]) / 2
    mean = pd.DataFrame({"estimate_mean": value})
    se = np.hypot(first["std_error"], second["std_error"]) / 2
    df = (first["df"] + second["df"]).to_numpy(float)
    low, high = intervals.wald_interval(value, se, df)
    mean["conf_low_mean"] = low
    mean["conf_high_mean"] = high
    taylor = np.hypot(first["taylor_std_error"], second["taylor_std_error"]) / 2
    taylor_df = (first["taylor_df"] + second["taylor_df"]).to_numpy(float)
    p_values = {
        "p_value": intervals.two_sided_p(value / se, df),
        "taylor_p_value": intervals.two_sided_p(value / taylor, taylor_df),
    }
    axes = first.index.get_level_values("axis")
    tested = pd.DataFrame(p_values).reset_index(drop=True).assign(axis=list(axes))
    mean["verdict_mean"] = by_identity(tested)["verdict"].to_numpy()
    return mean
