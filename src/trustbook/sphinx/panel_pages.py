"""Pictures of how wrong a panel could be, computed at build by the functions of `trustlib.review.panel`.

``{panel-picture}``
    takes two printed percentages, of people with two identities and of people with
    neither, and the printed numbers of people of each identity and of all. It shows the
    gap that is left without some yes-sayers, and by how much people outside the panel
    would have to differ for it to vanish. Options, all needed: ``:levels: R24-017
    R24-018``, ``:people: R24-001 R24-009 R24-010`` (all, then each identity), ``:shares:
    0 1 2`` and ``:outside: 25 50`` in percent.
``{panel-example}``
    shows what a few yes-sayers do to four cells that are alike. Options: ``:identity:
    20``, ``:level: 50``, ``:share: 5`` in percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from docutils import nodes
from docutils.parsers.rst.directives import unchanged_required
from sphinx.application import Sphinx

from trustbook.pictures.rows import Axis, Mark, PictureRow, RowPicture
from trustbook.sphinx.directives import DataDirective, raw_html
from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.design import SurveyDesign
from trustlib.errors import EstimandError, require_names
from trustlib.figures import RowName
from trustlib.levels import cell_means
from trustlib.review.yes_saying import (
    left_without,
    share_among_independent,
    share_that_leaves,
    yes_sayers,
)
from trustlib.scales import scale_of
from trustlib.tables import UNDEFINED, number

PUBLISHED = "Published figures, and computed from them"
MADE_UP = "Made-up people, synthetic"
OF_YES_SAYERS = "Gap left, if so many of a hundred in the panel say yes to everything"
OF_OUTSIDE = "Points by which people outside must differ, if so many of a hundred are"
PEOPLE = 10_000  # of the example


@dataclass(frozen=True)
class Headline:
    """Two printed levels, and the part of the panel that has both identities.

    Attributes
    ----------
    both, neither : float
        Shares.
    first, second : float
        Shares of people with each identity.

    Examples
    --------
    >>> headline = Headline(0.82, 0.47, 0.2, 0.25)
    >>> round(headline.gap_without(0.02), 3)
    0.23
    >>> round(headline.vanishes, 3), round(headline.vanishes_among, 3)
    (0.033, 0.057)
    """

    both: float
    neither: float
    first: float
    second: float

    @property
    def part(self) -> float:
        """People with both identities over all, were the two independent."""
        return self.first * self.second

    @property
    def gap(self) -> float:
        """By how much those who are both are above those who are neither."""
        return self.both - self.neither

    @property
    def vanishes(self) -> float:
        """The share of yes-sayers without which both are at the same level."""
        events = self.part * self.both
        return float(share_that_leaves(self.part, events, 1.0, self.neither))

    @property
    def vanishes_among(self) -> float:
        """The same share, were the two independent among all others."""
        parts = self.first, self.second
        return float(share_among_independent(*parts, self.both, self.neither))

    def level_without(self, share: float) -> float:
        """The level of those who are both, without yes-sayers."""
        return float(left_without(self.part, self.part * self.both, share))

    def gap_without(self, share: float) -> float:
        """The gap that is left without yes-sayers."""
        return self.level_without(share) - self.neither

    def gap_of_all(self, share: float, outside: float, more: float) -> float:
        """The gap of everybody, without yes-sayers, where people outside who are neither report it more."""
        return self.gap_without(share) - outside * more

    def needed(self, outside: float) -> float:
        """How much more often people outside who are neither must report it."""
        return self.gap / outside


class PanelPicture(DataDirective):
    """How many yes-sayers, or how different people outside, would undo a printed gap."""

    optional_arguments = 0
    option_spec: ClassVar = dict.fromkeys(
        ("levels", "people", "shares", "outside"), unchanged_required
    )

    def make(self) -> list[nodes.Node]:
        """One row for each share of yes-sayers, and for each share of people outside."""
        headline = self.headline()
        rows = [
            *self.without_yes_sayers(headline),
            *self.with_people_outside(headline),
        ]
        axis = Axis.over([row.ends[1] for row in rows], scale_of("difference"))
        picture = RowPicture(
            title=_title(headline),
            what="Points. The line at nought is no gap, and no difference",
            rows=tuple(rows),
            axis=axis,
            says=(
                "How many people are both is not printed. The rows count them as if the two "
                "identities were independent in the poll as answered; the larger share in "
                "the title, as if they were so among all who are no yes-sayers. Nobody "
                "knows how many yes-sayers there are."
            ),
            evidence=PUBLISHED,
        )
        return raw_html(picture._repr_html_())

    def headline(self) -> Headline:
        """The printed levels, and the part with both identities."""
        both, neither = self.values("levels", 2)
        everybody, one, two = self.values("people", 3)
        return Headline(both / 100, neither / 100, one / everybody, two / everybody)

    def values(self, option: str, size: int) -> list[float]:
        """Printed figures that an option names."""
        figures = self.figures().set_index("id")
        names = self.options.get(option, "").split()
        require_names("figure of the record", names, figures.index)
        if len(names) != size:
            raise EstimandError(
                f"Expected {size} lines of the record in :{option}:, got {len(names)}.",
                "The head of trustbook.sphinx.panel_pages says which.",
            )
        return [float(figures.at[name, "value"]) for name in names]

    def without_yes_sayers(self, headline: Headline) -> Iterator[PictureRow]:
        """The gap that is left for each share."""
        most = headline.part * headline.both
        for percent in numbers(self.options.get("shares", "0")):
            share = percent / 100
            if share >= most:
                raise EstimandError(
                    f"{percent:g} of a hundred are more than said yes and are both.",
                    "Name smaller shares.",
                )
            left = headline.level_without(share)
            name = RowName(OF_YES_SAYERS, _of_hundred(percent))
            yield _row(
                name, headline.gap_without(share), f"both: {number(left, 'level')}"
            )

    def with_people_outside(self, headline: Headline) -> Iterator[PictureRow]:
        """How different people outside would have to be for each share of them."""
        for percent in numbers(self.options.get("outside", "50")):
            needed = headline.needed(percent / 100)
            name = RowName(OF_OUTSIDE, _of_hundred(percent))
            yield _row(name, needed, _alone(headline, needed))


def _title(headline: Headline) -> str:
    """What is seen: how few yes-sayers undo the gap."""
    ends = headline.vanishes, headline.vanishes_among
    least, most = (number(share, "level") for share in ends)
    return (
        f"{least} to {most} yes-sayers in a hundred could make the whole gap of "
        f"{100 * headline.gap:.0f} points"
    )


def _alone(headline: Headline, needed: float) -> str:
    """Whether one of the two groups can be that different."""
    reference = headline.neither + needed
    group = headline.both - needed
    if reference <= 1 and group >= 0:
        return "possible in either group"
    if reference <= 1:
        return "only if people who are neither report it more"
    if group >= 0:
        return "only if people who are both report it less"
    if abs(headline.gap - needed) <= 1:
        return "only if both groups differ"
    return "not possible"


def _row(name: RowName, value: float, beside: str) -> PictureRow:
    """A line of the picture: a number of points."""
    ends = (np.nan, 100 * value, np.nan)
    return PictureRow(name, ends, number(value, "difference"), UNDEFINED, (beside,))


def _of_hundred(percent: float) -> str:
    if not percent:
        return "none"
    return f"{percent:g} of 100"


def numbers(text: str) -> list[float]:
    """Numbers in an option, with spaces.

    Examples
    --------
    >>> numbers("0 2.5")
    [0.0, 2.5]
    """
    try:
        return [float(word) for word in text.split()]
    except ValueError as error:
        raise EstimandError(
            "An option of a picture of a panel has something that is no number.",
            "Write numbers with spaces, for example 0 1 2.",
        ) from error


class PanelExample(DataDirective):
    """Four cells that are alike, and what a few yes-sayers make of them."""

    optional_arguments = 0
    option_spec: ClassVar = dict.fromkeys(
        ("identity", "level", "share"), unchanged_required
    )
    synthetic = True

    def make(self) -> list[nodes.Node]:
        """One row for each cell: as seen, and without yes-sayers."""
        asked = [self.options[name] for name in ("identity", "level", "share")]
        identity, level, share = (percent / 100 for percent in numbers(" ".join(asked)))
        cells = example(identity, level, share)
        seen = cell_means(cells).frame
        left = yes_sayers(cells, share).frame
        rows = []
        for now, without in zip(
            seen.to_dict("records"), left.to_dict("records"), strict=True
        ):
            rows.append(_example_row(now, without["estimate"]))
        highest = number(seen["estimate"].max(), "level")
        picture = RowPicture(
            title=f"Synthetic: {100 * share:g} yes-sayers in a hundred lift one cell to {highest}",
            what="Percent who say yes to the question",
            rows=tuple(rows),
            axis=Axis((0.0, 25.0, 50.0, 75.0, 100.0)),
            says="The two identities are independent, and all four cells truly alike.",
            evidence=MADE_UP,
            legend=(("before", "without yes-sayers"),),
        )
        return raw_html(picture._repr_html_())


def _example_row(seen: dict, left: float) -> PictureRow:
    """A cell as seen, and without yes-sayers."""
    held = [axis for axis in ("A", "B") if seen[axis] == "yes"]
    name = RowName("", " and ".join(held) or "neither")
    value = 100 * seen["estimate"]
    words = f"{number(left, 'level')} without yes-sayers"
    return PictureRow(
        name,
        (np.nan, value, np.nan),
        number(seen["estimate"], "level"),
        UNDEFINED,
        (words,),
        (Mark("before", 100 * left),),
    )


def example(identity: float, level: float, share: float) -> Cells:
    """A made-up panel of two independent identities, and yes-sayers among it.

    Parameters
    ----------
    identity : float
        The share that has each identity.
    level : float
        The share that truly says yes, in all four cells.
    share : float
        Yes-sayers.

    Examples
    --------
    >>> cells = example(0.2, 0.5, 0.05)
    >>> cell_means(cells).frame["estimate"].round(3).tolist()
    [0.5, 0.5, 0.5, 0.784]
    """
    honest = PEOPLE * (1 - share)
    rows = []
    for one in ("no", "yes"):
        for two in ("no", "yes"):
            part = _part(one, identity) * _part(two, identity)
            yes = honest * part * level
            no = honest * part * (1 - level)
            if one == two == "yes":
                yes += PEOPLE * share
            rows += [(one, two, 1.0)] * round(yes) + [(one, two, 0.0)] * round(no)
    people = pd.DataFrame(rows, columns=["A", "B", "y"])
    return compress(SurveyDesign(people, weight=None), "y", ["A", "B"])


def _part(answer: str, identity: float) -> float:
    if answer == "yes":
        return identity
    return 1 - identity


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("panel-picture", PanelPicture)
    app.add_directive("panel-example", PanelExample)
    return {"parallel_read_safe": True}
