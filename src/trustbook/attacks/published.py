"""What an attacker has: every table of cells and every number that was ever printed.

She has the files of sealed or protected cells of each release, and what pages print of
the same survey file: numbers of people, of rows, of missing answers, percentages,
standard errors, degrees of freedom. She has our code, so she knows how large the noise
of protected cells is; she has no key and no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from trustlib.cells import Cells, describe
from trustlib.protection import KAPPA, ROUND_TO, SPREAD
from trustlib.variance import Array

TOTALS = ["n", "sum_w", "sum_wy", "sum_w2"]
# SD of the noise of a protected number of people, rounding included.
COUNT_NOISE = float(np.sqrt(SPREAD**2 + ROUND_TO**2 / 12))


@dataclass(frozen=True, eq=False)
class CellTable:
    """A published table of cells, exact or protected.

    Attributes
    ----------
    name, source : str
    cells : Cells
    told : frozenset of str
        Variables that the people told whom it counts; the axes are among them.
    where : str
        The part of the survey; empty for all.
    weights : str
        Which variant of the weights.
    release : int
        Earlier releases have smaller numbers.
    public : bool
        Whether anybody can get the rows: then exact totals tell nothing new.

    Examples
    --------
    >>> import trustlib as tl
    >>> people = pd.DataFrame({"sex": ["m", "w"] * 40, "y": [0, 0, 1, 1] * 20})
    >>> cells = tl.compress(tl.SurveyDesign(people, weight=None), "y", ["sex"])
    >>> table = CellTable("y-sex", "office", cells.seal())
    >>> table.noise, table.matrix.shape, table.told
    (0.0, (4, 4), frozenset({'sex'}))
    """

    name: str
    source: str
    cells: Cells
    told: frozenset[str] = frozenset()
    where: str = ""
    weights: str = "weighted"
    release: int = 0
    public: bool = False

    def __post_init__(self) -> None:
        told = frozenset({*self.told, *self.cells.by})
        object.__setattr__(self, "told", told)

    @property
    def outcome(self) -> str:
        """The outcome of the cells."""
        return self.cells.outcome

    @property
    def noise(self) -> float:
        """SD of the noise on the yes and on the no of a cell, in typical weights; 0 if the cells are exact."""
        return KAPPA if self.cells.protected else 0.0

    @property
    def matrix(self) -> Array:
        """Covariance (2C, 2C) of the weighted people and the weighted yes."""
        return self.cells.scatter.of_totals(len(self.cells))

    @property
    def labels(self) -> list[str]:
        """The name of each cell."""
        return names_of(self.cells.frame, self.cells.by)

    def totals(self, name: str) -> Array:
        """One of the totals, as numbers."""
        return self.cells.frame[name].to_numpy(float)

    def summed(self, axes: Sequence[str]) -> Sums:
        """The totals by some of the axes."""
        names = names_of(self.cells.frame, axes)
        values = self.cells.frame[TOTALS].to_numpy(float)
        n = values[:, TOTALS.index("n")]
        squares = values[:, TOTALS.index("sum_w2")]
        typical = squares / np.maximum(n, 1)
        parts = np.ones(len(n))
        columns = np.column_stack([values, typical * self.noise**2, parts])
        labels, place = np.unique(np.array(names), return_inverse=True)
        added = np.zeros((len(labels), columns.shape[1]))
        np.add.at(added, place, columns)
        return Sums(labels, added[:, :4], added[:, 4], added[:, 5])


@dataclass(frozen=True, eq=False)
class Sums:
    """Totals of some cells, and the variance of the noise in them.

    Attributes
    ----------
    labels : array (C,)
    totals : array (C, 4)
        People, weighted people, weighted yes, squares of weights.
    noise : array (C,)
        Variance of the noise on the yes, and on the no; 0 if they are exact.
    parts : array (C,)
        How many published cells each is the sum of.

    Examples
    --------
    >>> one = Sums(np.array(["everyone"]), np.ones((1, 4)), np.zeros(1), np.ones(1))
    >>> one.labels.tolist()
    ['everyone']
    """

    labels: Array
    totals: Array
    noise: Array
    parts: Array


@dataclass(frozen=True)
class Printed:
    """A number that stands on a page.

    Attributes
    ----------
    what : str
        rows, people, missing, share, std_error, df or level.
    value : float
    source, outcome : str
    cell : str
        The group, as `names_of` writes it.
    page : str
        Where it stands.
    codes : frozenset of str
        Of a level: the answers in the file that it stands for; ``column`` is theirs.
    column : str

    Examples
    --------
    >>> Printed("rows", 1010, "office").page
    'a page'
    """

    what: str
    value: float = field(repr=False)
    source: str = ""
    outcome: str = ""
    cell: str = "everyone"
    page: str = "a page"
    codes: frozenset[str] = frozenset()
    column: str = ""


@dataclass(frozen=True, eq=False)
class Published:
    """All that is published, of all surveys, outcomes, variants and releases together.

    Attributes
    ----------
    tables : sequence of CellTable
    numbers : sequence of Printed

    Examples
    --------
    >>> list(Published().pairs())
    []
    """

    tables: Sequence[CellTable] = ()
    numbers: Sequence[Printed] = ()

    def pairs(self) -> Iterator[tuple[CellTable, CellTable]]:
        """Two tables each of one survey and one part of it, the earlier release first."""
        ordered = sorted(self.tables, key=lambda table: table.release)
        for one, other in combinations(ordered, 2):
            if (one.source, one.where) == (other.source, other.where):
                yield one, other

    def of(self, what: str) -> list[Printed]:
        """The printed numbers of one kind."""
        return [number for number in self.numbers if number.what == what]


def names_of(frame: pd.DataFrame, axes: Iterable[str]) -> list[str]:
    """The name of each cell by some axes, in one order of the axes.

    Examples
    --------
    >>> frame = pd.DataFrame({"sex": ["m", "w"], "age": ["old", "young"]})
    >>> names_of(frame, ["sex", "age"])
    ['age=old, sex=m', 'age=young, sex=w']
    """
    named = sorted(axes)
    if not named:
        return [describe({}, named)] * len(frame)
    columns = [
        [f"{axis}={level}" for level in frame[axis].astype(object)] for axis in named
    ]
    return [", ".join(levels) for levels in zip(*columns, strict=True)]
