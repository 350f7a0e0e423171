"""In which order the runs of a private book are executed and stand, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trustbook.choice import plan_runs
from trustbook.editions import CellsOf, exact_cells
from trustbook.families import Family


def plan_all(
    families: Iterable[Family],
    paths: Mapping[str, Path],
    out: Path,
    cells_of: CellsOf = exact_cells,
    first: Sequence[str] = (),
    write: bool = True,
) -> list[dict[str, Any]]:
    """The runs of all families in their order, whose cells are written below `out`.

    Parameters
    ----------
    families : iterable of Family
    paths, out, cells_of, write
        As in `trustbook.choice.plan_runs`.
    first : sequence of str
        As in `first_ones_first`.

    Returns
    -------
    list of dict
        Entries of ``runs.yml``.

    Examples
    --------
    >>> plan_all([], {}, Path())
    []
    """
    taken: dict[str, tuple[str, ...]] = {}
    axis_of: dict[str, str] = {}
    entries = []
    for family in families:
        axis_of |= family.axis_of
        entries += plan_runs(family, paths, out, taken, cells_of, write)
    return first_ones_first(entries, first, axis_of)


def axes_of(entry: Mapping[str, Any], axis_of: Mapping[str, str]) -> list[str]:
    """The identities that an entry of ``runs.yml`` is of, whatever their levels.

    Parameters
    ----------
    entry : mapping
        As `trustbook.choice.plan_runs` makes it.
    axis_of : mapping
        Coarser form of an identity -> the identity.

    Returns
    -------
    list of str

    Examples
    --------
    >>> entry = {"parameters": {"axes": ["gender", "age_3_levels"]}}
    >>> axes_of(entry, {"age_3_levels": "age"})
    ['gender', 'age']
    >>> axes_of({"parameters": {"reference": {"gender": "man"}}}, {})
    ['gender']
    """
    given = entry["parameters"]
    names: list[str] = []
    for key in ("axes", "pair", "strata", "reference"):
        names += given.get(key, [])
    return list(dict.fromkeys(axis_of.get(name, name) for name in names))


def first_ones_first(
    entries: Sequence[dict[str, Any]],
    first: Sequence[str],
    axis_of: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Runs of some identities before all others, in the order in which these are named.

    Of one identity those of the fewest identities come first, so that it stands by
    itself before it is crossed. The others keep their order.

    Parameters
    ----------
    entries : sequence of dict
    first : sequence of str
    axis_of : mapping
        As in `axes_of`.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> runs = [{"id": by, "parameters": {"axes": by.split("-")}} for by in
    ...         ("age-region", "age-gender", "gender")]
    >>> [run["id"] for run in first_ones_first(runs, ["gender"], {})]
    ['gender', 'age-gender', 'age-region']
    """

    def rank(entry: dict[str, Any]) -> tuple[int, int]:
        axes = axes_of(entry, axis_of)
        places = [place for place, name in enumerate(first) if name in axes]
        if not places:
            return len(first), 0
        return min(places), len(axes)

    return sorted(entries, key=rank)


def counted(
    report: Callable[[str, str], None], total: int
) -> Callable[[str, str], None]:
    """A report that says with each run how many have ended.

    Parameters
    ----------
    report : callable
        Called with the name of a run and its state.
    total : int

    Returns
    -------
    callable

    Examples
    --------
    >>> say = counted(lambda name, state: print(name, state), 12)
    >>> say("low-trust-levels-gender", "done")
    1 of 12: low-trust-levels-gender done
    """
    ended = 0

    def with_number(name: str, state: str) -> None:
        nonlocal ended
        ended += 1
        report(f"{ended} of {total}: {name}", state)

    return with_number
