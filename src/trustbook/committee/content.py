"""What a committee is told of a survey: the same in every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trustbook.found import Found
from trustlib.sources import Source
from trustlib.tables import evidence


@dataclass(frozen=True)
class Content:
    """What was found, and where it is from.

    Attributes
    ----------
    title : str
        Of the survey.
    announcement : str
        Of the edition: who may see it.
    source : Source
    found : tuple of Found
    withheld : mapping
        What is not shown -> why.
    made : mapping
        How it was made: what -> which.

    Examples
    --------
    >>> source = Source({"kind": "synthetic", "label": "Nobody"})
    >>> Content("Nobody", "For few.", source, ()).heading
    'Synthetic: Nobody'
    """

    title: str
    announcement: str
    source: Source
    found: tuple[Found, ...]
    withheld: Mapping[str, str] | None = None
    made: Mapping[str, str] | None = None

    @property
    def heading(self) -> str:
        """The title; of made-up people it says so."""
        if self.source.is_synthetic:
            return f"Synthetic: {self.title}"
        return self.title

    @property
    def evidence(self) -> str:
        """What kind of evidence it is."""
        return f"{evidence(self.source)}."
