"""Two surveys of one country: which of their questions may be compared, and how they changed.

``data/comparable.yml`` lists what two surveys asked alike, with a caveat each, and what
they did not, with the reason. Each survey has names of its own for its questions, so
that `trustlib.stack` refuses them; `joined` is the one way to put answers together, and
it reads the list. A change has the degrees of freedom of both surveys: 98 with 50
replicate weights each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trustbook.plans import Comparable, Question
from trustlib.errors import EstimandError, TrustlibError, raise_faults
from trustlib.estimates import Estimates
from trustlib.forms import read
from trustlib.schema import load_yaml
from trustlib.stacking import stack

OVER = "wave"


def load_comparable(path: str | Path) -> Comparable:
    """Read the list of questions.

    Parameters
    ----------
    path : path

    Returns
    -------
    Comparable

    Raises
    ------
    EstimandError
        It has faults.
    """
    return read(
        Comparable,
        load_yaml(path),
        f"{path} is not a list of comparable questions",
        EstimandError,
        "Expected surveys, axes and questions, each with names, label and caveat.",
    )


def joined(parts: Mapping[str, Estimates], listed: Comparable) -> Estimates:
    """The answers of two surveys to one question, in one result.

    Parameters
    ----------
    parts : mapping
        Id of the survey -> its levels or gaps, the earlier first.
    listed : Comparable

    Returns
    -------
    Estimates
        With the year as the by-column ``wave``, the label that both share, and the
        caveat among the notes. Of any contrast between the surveys the degrees of
        freedom are those of both.

    Raises
    ------
    EstimandError
        The questions are not listed as one, or are listed as two; or an identity was
        asked otherwise.
    """
    question = _question(parts, listed)
    _require_axes(parts, listed)
    renamed = {
        listed.surveys[survey]: _renamed(each, question)
        for survey, each in parts.items()
    }
    together = stack(renamed, over=OVER)
    df = sum(each.df for each in parts.values())
    of_each = " and ".join(f"{each.df:g}" for each in parts.values())
    first, _, rest = together.convention.partition("; t with")
    _, _, rest = rest.partition(";")
    words = f"{first}; t with {df:g} df in contrasts between surveys ({of_each});{rest}"
    notes = dict.fromkeys([*together.notes, question.caveat])
    return replace(
        together,
        parts=(),
        df=float(df),
        convention=words.rstrip(";"),
        notes=tuple(notes),
    )


def _question(parts: Mapping[str, Estimates], listed: Comparable) -> Question:
    """The listed question that all parts answer."""
    names = {survey: each.outcome for survey, each in parts.items()}
    for question in listed.questions.values():
        if question.names == names:
            return question
    words = [
        f"{each.labels.get(each.outcome, each.outcome)!r} ({survey})"
        for survey, each in parts.items()
    ]
    what = f"Expected one question in both surveys, got {' and '.join(words)}."
    for apart in listed.apart.values():
        if set(names.values()) <= set(apart.names.values()):
            raise EstimandError(what, apart.why)
    raise EstimandError(
        what,
        "Show them side by side, or list them in data/comparable.yml with a caveat.",
    )


def _require_axes(parts: Mapping[str, Estimates], listed: Comparable) -> None:
    """Refuse identities that were asked otherwise."""
    faults = []
    for survey, each in parts.items():
        frame = each.frame
        named = set(each.by) - {"axis", "level"}
        if "axis" in each.by:
            for text in frame["axis"].unique():
                named |= set(str(text).split(", "))
        faults += [f"{survey}: {name}" for name in sorted(named - set(listed.axes))]
    raise_faults(
        EstimandError,
        "Identities cannot be compared between these surveys",
        faults,
        listed.why_not_others or f"Use {', '.join(listed.axes)}.",
    )


def _renamed(estimates: Estimates, question: Question) -> Estimates:
    """Estimates under the label that both surveys share."""
    label = {question.label: question.label}
    labels = {**estimates.labels, **label}
    return replace(estimates, outcome=question.label, labels=labels)


def refusal(parts: Mapping[str, Estimates], listed: Comparable) -> str:
    """Why answers of two surveys are not put together; nothing if they are.

    Parameters
    ----------
    parts : mapping
    listed : Comparable

    Returns
    -------
    str
    """
    try:
        joined(parts, listed)
    except TrustlibError as error:
        return str(error)
    return ""
