"""The two editions of a book of a supplied file: what each is made from, and what it says of itself.

The *private* edition is exact behind the gate, for those who may see the file. The
*public* edition is made from protected cells only (`trustlib.protect`): no number of the
file stands in it, and nothing of the rows is read once the cells are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trustbook.families import REASONS, Family
from trustbook.sealing import CellTable, Release, protected_release
from trustlib.cells import Cells
from trustlib.compression import compress
from trustlib.errors import DesignError, DisclosureError
from trustlib.protection import require_protectable

EditionName = Literal["private", "public"]
# Cells of a family by some of its axes; everybody in one cell for none.
CellsOf = Callable[[Family, Sequence[str]], Cells]


@dataclass(frozen=True)
class Edition:
    """What a book says of itself, and whether it may be passed on.

    Attributes
    ----------
    name : {"private", "public"}
    mark : str
        The file in its folder that says what it is.
    mark_text, title, announcement : str
        The announcement stands on every page.
    """

    name: EditionName
    mark: str
    mark_text: str
    title: str
    announcement: str

    @property
    def is_public(self) -> bool:
        """Whether it may be passed on."""
        return self.name == "public"


EDITIONS: Mapping[str, Edition] = {
    "private": Edition(
        "private",
        mark="PRIVATE.txt",
        mark_text="Made by `trustlib reproduce` from microdata. Do not publish it.\n",
        title="Private book",
        announcement="Private edition: exact numbers of a file that is for few. "
        "Do not pass it on.",
    ),
    "public": Edition(
        "public",
        mark="PROTECTED.txt",
        mark_text="Made by `trustlib reproduce --edition public` from protected cells "
        "only: every number carries noise.\n",
        title="Public edition",
        announcement="Public edition: every number carries noise, which its interval "
        "counts. No exact number of the file stands here.",
    ),
}


def exact_cells(family: Family, axes: Sequence[str]) -> Cells:
    """Sealed cells of a family; of everybody where a cell would be too small."""
    cells = family.cells(axes)
    if cells is None:
        return compress(family.base, family.outcome, []).seal()
    return cells


def protected_cells(release: Release) -> CellsOf:
    """Sums of the protected cells of a release: nobody is given noise twice."""

    def summed(family: Family, axes: Sequence[str]) -> Cells:
        hosts = [by for by in family.sets if set(axes) <= set(by)]
        cells = release.cells[_set_name(family, hosts[0])]
        return cells if list(axes) == list(cells.by) else cells.summed(axes)

    return summed


def release_of(families: Iterable[Family], file: Path, mapping: Path) -> Release:
    """Protect the sets of all families, and hold them against what was released before.

    A set that noise cannot protect is taken out of its family, and is among its
    ``withheld``.

    Parameters
    ----------
    families : iterable of Family
    file, mapping : Path

    Returns
    -------
    Release

    Raises
    ------
    DisclosureError
        As `trustbook.sealing.protected_release`.
    """
    tables = [table for family in families for table in _protectable(family)]
    return protected_release(tables, file, mapping)


def withhold_unprotectable(families: Iterable[Family]) -> None:
    """Take out of each family the sets that noise cannot protect, with the reason.

    Parameters
    ----------
    families : iterable of Family
    """
    for family in families:
        _protectable(family)


def _protectable(family: Family) -> list[CellTable]:
    """The tables of a family that noise can protect; other sets are taken out of it."""
    tables = []
    kept = []
    for by in family.sets:
        cells = compress(family.base, family.outcome, by)
        if not _is_protectable(cells):
            table = f"{family.outcome} by {' and '.join(by)}"
            family.withheld[table] = REASONS["not_told"]
            continue
        kept.append(by)
        tables.append(CellTable(_set_name(family, by), cells, family.base))
    family.sets = kept
    return tables


def _is_protectable(cells: Cells) -> bool:
    """Whether noise can protect some cells."""
    try:
        require_protectable(cells)
    except (DisclosureError, DesignError):
        return False
    return True


def _set_name(family: Family, by: Sequence[str]) -> str:
    return " by ".join([family.outcome, ", ".join(by)])
