"""What the evidence chapters look up in the record: shares, gaps and levels."""

from __future__ import annotations

import pandas as pd

from trustbook.sphinx.evidence.arithmetic import gap_interval
from trustbook.sphinx.evidence.plan import TrialsForm, TrialShare
from trustlib.errors import TrustlibError, require_names


def share(figures: pd.DataFrame, name: str) -> float:
    """A printed percentage as a share.

    Parameters
    ----------
    figures : DataFrame
        The record, with ids as index; so in all functions of this module.
    name : str
        An id.

    Raises
    ------
    UnknownNameError
        There is no such line.

    Examples
    --------
    >>> import pandas as pd
    >>> share(pd.DataFrame({"value": [82.0]}, index=["R24-017"]), "R24-017")
    0.82
    """
    require_names("figure of the record", [name], figures.index)
    return float(figures.at[name, "value"]) / 100


def printed_gap(
    figures: pd.DataFrame, one: str, two: str, deff: float
) -> tuple[float, float, float]:
    """A gap between two printed percentages, with its as-if 95 % interval.

    Returns
    -------
    gap, low, high : float

    Raises
    ------
    UnknownNameError
        There is no such line.
    TrustlibError
        A number of people is not printed.

    Examples
    --------
    >>> import pandas as pd
    >>> printed = {"value": [40.0, 29.0], "base_n": [5675.0, 1435.0]}
    >>> figures = pd.DataFrame(printed, index=["R24-020", "R24-021"])
    >>> gap = printed_gap(figures, "R24-020", "R24-021", deff=1.0)
    >>> [round(end, 3) for end in gap]
    [0.11, 0.083, 0.137]
    """
    names = [one, two]
    require_names("figure of the record", names, figures.index)
    people = figures.loc[names, "base_n"]
    if not (people > 0).all():
        raise TrustlibError(
            f"The numbers of people behind {one} and {two} are not both printed."
        )
    levels = (share(figures, one), share(figures, two))
    return gap_interval(levels, (float(people[one]), float(people[two])), deff)


def trial_shares(trials: TrialsForm, figures: pd.DataFrame) -> dict[str, TrialShare]:
    """The shares of trials.yml; those of the record take value and source from there.

    Examples
    --------
    >>> import pandas as pd
    >>> share = {"label": "participants", "record": "C-007", "reading": "ours"}
    >>> trials = TrialsForm(shares={"who": share}, band={"low": 0.8, "high": 1.2})
    >>> line = {"value": [12.0], "half_width": [0.5], "source": ["the report"]}
    >>> figures = pd.DataFrame(line, index=["C-007"])
    >>> trial_shares(trials, figures)["who"].source
    'the report'
    """
    shares = {}
    for name, trial in trials.shares.items():
        shares[name] = trial
        if trial.record is not None:
            require_names("figure of the record", [trial.record], figures.index)
            line = figures.loc[trial.record]
            printed = {c: line[c] for c in ("value", "half_width", "source")}
            shares[name] = trial.model_copy(update=printed)
    return shares


def levels_of_one_country(figures: pd.DataFrame) -> pd.DataFrame:
    """Printed percentages of one country with an experience that damaged trust.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = {"countries": ["BR", "BR US"], "outcome": "trust_damaged_any",
    ...          "survey": "polling", "statistic": "percent"}
    >>> levels_of_one_country(pd.DataFrame(lines))["countries"].tolist()
    ['BR']
    """
    polling = figures[figures["survey"] == "polling"]
    percent = polling[polling["statistic"] == "percent"]
    levels = percent[percent["outcome"].str.startswith("trust_damaged")]
    return levels[levels["countries"].str.len() == 2]  # one code


def between_questions(figures: pd.DataFrame, one: str, two: str) -> pd.Series:
    """Differences of the percentages of two questions, of the same group and country.

    Parameters
    ----------
    figures : DataFrame
    one, two : str
        Items of the record, such as ``system`` and ``provider``.

    Returns
    -------
    Series
        Points, by country and group; of those for which both are printed.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = {"countries": "BR", "outcome": "trust_damaged_any", "group": "all",
    ...          "survey": "polling", "statistic": "percent",
    ...          "item": ["system", "provider"], "value": [65.0, 52.0]}
    >>> between_questions(pd.DataFrame(lines), "system", "provider").tolist()
    [13.0]
    """
    levels = levels_of_one_country(figures)
    by_people = levels.set_index(["countries", "group"])
    of_one = by_people.loc[by_people["item"] == one, "value"]
    of_two = by_people.loc[by_people["item"] == two, "value"]
    return (of_one - of_two).dropna()
