"""How the synthetic stand-in answers a figure of the polling, on the figure's own base.

What the stand-in was made to meet is in ``calibration.csv`` beside it. Its answer never
is a match: it is calibrated where it was made to meet a figure and does, and needs
microdata everywhere else.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trustbook.record_answers import ITEMS, UNKNOWN_BASE, answer, variables_of
from trustbook.verdicts import CALIBRATED, DIFFERS, NEEDS, WITHHELD, verdict_on
from trustlib.design import SurveyDesign
from trustlib.errors import FindingError, MissingRowsWarning
from trustlib.schema import declared_design, load_codebook, read_survey

AGREE = 0.01  # points: by how much two programs may differ on the stand-in
BACKGROUND = "a background fact that the report cites, not a figure of the polling"
SURVEY_APART = (
    "a survey apart, whose answers are not public; the stand-in has nothing of it"
)
IN_WORDS = "said in words, or of another question; the stand-in was not made to meet it"
OTHER_BASE = "the synthetic run does not meet it: its base is another"
MADE_TO_MEET = "of synthetic people, made to meet it"


@dataclass(frozen=True)
class StandIn:
    """The stand-in, and the lines of its calibration.

    Attributes
    ----------
    design : SurveyDesign
    codebook : mapping
    calibration : DataFrame
        Columns id, statistic, group, item, reading, achieved, verdict.
    """

    design: SurveyDesign
    codebook: Mapping[str, Any]
    calibration: pd.DataFrame

    @classmethod
    def read(cls, folder: Path, codebook: Path) -> StandIn:
        """Read the stand-in with its mapping and its calibration.

        Parameters
        ----------
        folder : path
            ``data/synthetic``.
        codebook : path
        """
        mapping = folder / "mapping.yml"
        frame = read_survey(folder / "trust_polling_synthetic.parquet", mapping)
        design = SurveyDesign(frame, **declared_design(mapping))
        calibration = pd.read_csv(folder / "calibration.csv", keep_default_na=False)
        return cls(design, load_codebook(codebook), calibration)

    def answer(self, figure: Any, run: Mapping[str, Any] | None) -> dict[str, Any]:
        """Answer a figure.

        Parameters
        ----------
        figure : named tuple
            A line of `trustlib.record.printed.load_figures`.
        run : mapping or None
            The columns of the synthetic run that a finding names for it.

        Returns
        -------
        dict
            Columns of the ledger.

        Raises
        ------
        FindingError
            The stand-in says another number than its calibration.
        """
        lines = self.calibration[self.calibration["id"] == figure.id]
        if lines.empty:
            return {"verdict": NEEDS, "cause": _why_not(figure)}
        line = _nearest(lines, figure.statistic)
        item = _variable(line["item"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MissingRowsWarning)
            read = self._as_calibrated(figure, line)
            found = answer(self.design, read, item, self.codebook)
        row = {
            "evidence": "synthetic",
            "calculation": "stand-in",
            "reading": _reading(item, line["reading"]),
        }
        if found.numbers is not None:
            _require_calibrated(figure, line, found.numbers.exact["ours"])
            row |= found.numbers.columns()
        row |= run or {}
        if found.verdict == WITHHELD:
            return row | {"evidence": "", "verdict": WITHHELD, "cause": found.cause}
        missed = _missed(figure, lines, run)
        if missed:
            return row | {"verdict": NEEDS, "cause": missed[0]}
        cause = MADE_TO_MEET
        if figure.conditioning == "not known":
            cause += f"; {UNKNOWN_BASE}"
        return row | {"verdict": CALIBRATED, "cause": cause}

    def _as_calibrated(self, figure: Any, line: pd.Series) -> Any:
        """The figure with the statistic and, where the stand-in has its variables, the group of the calibration."""
        group = figure.group
        if set(variables_of(line["group"])) <= set(self.codebook):
            group = line["group"]
        return figure._replace(statistic=line["statistic"], group=group)


def _why_not(figure: Any) -> str:
    """Why the stand-in says nothing to a figure that it was not calibrated to."""
    if figure.item == "context":
        return BACKGROUND
    return IN_WORDS if figure.survey == "polling" else SURVEY_APART


def _nearest(lines: pd.DataFrame, statistic: str) -> pd.Series:
    """The line with the smallest achieved number, of those with the statistic of the figure if there are any."""
    alike = lines[lines["statistic"] == statistic]
    if not alike.empty:
        lines = alike
    return lines.sort_values("achieved").iloc[0]


def _variable(item: str) -> str:
    """The variable of an item of the calibration."""
    return "n" if item == "people" else ITEMS.get(item, item)


def _reading(item: str, reading: str) -> str:
    """Which question was counted, and how the figure was read."""
    words = ["" if item == "n" else item, reading]
    return "; ".join(filter(None, words))


def _require_calibrated(figure: Any, line: pd.Series, ours: float) -> None:
    """Refuse a stand-in whose calibration is of another file."""
    achieved = line["achieved"]
    if abs(ours - float(achieved)) > AGREE:
        raise FindingError(
            f"{figure.id}: the stand-in says {ours}, not {achieved}.",
            "The calibration is of another file: run `make data`.",
        )


def _missed(
    figure: Any, lines: pd.DataFrame, run: Mapping[str, Any] | None
) -> list[str]:
    """What of a figure the stand-in does not meet."""
    missed = [told for told in lines["verdict"] if not told.startswith("met")]
    if run and verdict_on(figure, run["ours"], None) == DIFFERS:
        missed.append(OTHER_BASE)
    return missed
