"""What the pictures of the chapters share: style, names of levels, texts of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np

from trustlib import figures
from trustlib.errors import require_a, require_names
from trustlib.estimates import Estimates
from trustlib.figures import RowName, called, plain
from trustlib.scales import Scale, scale_of
from trustlib.tables import INTERVAL, readable

TEXT = 9.5  # size of letters, in points
PERCENT = "\N{NO-BREAK SPACE}%"
COUNTRIES = {
    "AU": "Australia",
    "BR": "Brazil",
    "CA": "Canada",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "JP": "Japan",
    "MX": "Mexico",
    "UK": "United Kingdom",
    "US": "United States",
}


@dataclass(frozen=True)
class Printed:
    """Estimates past the gate, and each row (m,) as texts.

    Attributes
    ----------
    estimates : Estimates
    values, intervals, people : list of str (m)
    """

    estimates: Estimates
    values: list[str]
    intervals: list[str]
    people: list[str]

    @property
    def scale(self) -> Scale:
        """What kind of estimates they are."""
        return scale_of(self.estimates.kind)

    @property
    def names(self) -> list[str]:
        """Each row by the names of its levels."""
        rows = self.estimates.frame[[*self.estimates.by]].to_dict("records")
        return [named(row, self.estimates.labels) for row in rows]

    def in_words(self, row: int) -> str:
        """A row as it stands beside its point."""
        return f"{self.values[row]} ({self.intervals[row]}), n {self.people[row]}"

    def extremes(self) -> str:
        """The lowest and the highest row in words, and how far they lie apart."""
        value = self.estimates.frame["estimate"].to_numpy(float)
        defined = np.flatnonzero(np.isfinite(value))
        if not len(defined):
            return "None of them is defined."
        low = defined[np.argmin(value[defined])]
        high = defined[np.argmax(value[defined])]
        names = self.names
        unit = self.scale.unit
        lowest, highest = (
            f"{names[row]}, {self.values[row]}{unit} ({self.intervals[row]})"
            for row in (low, high)
        )
        if len(names) == 1:
            return f"{lowest}."
        text = f"Lowest: {lowest}. Highest: {highest}."
        if unit:
            apart = 100 * (value[high] - value[low])
            text += f" They are {apart:.1f} points apart."
        return text


def printed(estimates: Any, *kinds: str) -> Printed:
    """Estimates of one of some kinds, past the gate, with each row as texts.

    Parameters
    ----------
    estimates : Estimates
    *kinds : str
        Those that the picture can show.

    Returns
    -------
    Printed

    Raises
    ------
    DisclosureError
        A row rests on fewer than 10 people.
    EstimandError
        What is given are no Estimates, or has no rows.
    UnknownNameError
        The estimates are of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 40, "w": 1.0})
    >>> rows["y"] = [1.0] * 10 + [0.0] * 30 + [1.0] * 20 + [0.0] * 20
    >>> cells = tl.compress(tl.SurveyDesign(rows, weight="w"), "y", ["group"])
    >>> shown = printed(tl.cell_means(cells), "level")
    >>> shown.names, shown.values, shown.people
    (['a', 'b'], ['25.0', '50.0'], ['40', '40'])
    """
    require_a(
        Estimates,
        estimates,
        "Give the result of cell_means, comparisons, pool or membership.",
    )
    require_names("such picture of estimates of kind", [estimates.kind], kinds)
    estimates = estimates.showable("This picture")
    texts = readable(estimates)
    values = texts[scale_of(estimates.kind).heading]
    return Printed(
        estimates,
        values=values.tolist(),
        intervals=texts[INTERVAL].tolist(),
        people=texts.iloc[:, -1].tolist(),
    )


def quiet() -> Any:
    """The style of the house, as a context.

    Examples
    --------
    >>> from matplotlib import rcParams
    >>> with quiet():
    ...     rcParams["axes.spines.top"]
    False
    """
    import seaborn as sns

    return sns.axes_style("white", figures.STYLE)


def blank(height: float) -> Any:
    """A figure of the one width, `height` inches high.

    Examples
    --------
    >>> float(blank(2.0).get_figheight())
    2.0
    """
    from matplotlib.figure import Figure

    size = (figures.WIDTH, height)
    return Figure(figsize=size, layout="constrained", facecolor="white")


def bare(ax: Any) -> None:
    """Take the lines around a part of a picture away.

    Examples
    --------
    >>> ax = blank(2.0).add_subplot()
    >>> bare(ax)
    >>> ax.spines["left"].get_visible()
    False
    """
    import seaborn as sns

    sns.despine(ax=ax, left=True, bottom=True)


def colours(count: int) -> list[tuple[float, ...]]:
    """Colours (red, green, blue) that people with any sight can tell apart.

    Examples
    --------
    >>> [round(part, 2) for part in colours(1)[0]]
    [0.0, 0.45, 0.7]
    """
    import seaborn as sns

    return list(sns.color_palette("colorblind", count))


def wrapped(texts: Sequence[Any], width: int) -> list[str]:
    r"""Texts as labels, in lines of at most `width` letters, or six.

    Examples
    --------
    >>> wrapped(["a label of words"], 8)
    ['a label\nof words']
    """
    width = max(width, 6)
    labels = []
    for text in texts:
        lines = wrap(str(text), width)
        labels.append("\n".join(map(plain, lines)))
    return labels


def level_name(axis: str, level: Any, labels: dict) -> str:
    """A level by its own name, a country by its whole name.

    A bare yes or no has the name of its axis too, see `trustlib.figures.called`.

    Examples
    --------
    >>> level_name("country", "BR", {}), level_name("lgbtq", "no", {"lgbtq": "LGBTQ+"})
    ('Brazil', 'not LGBTQ+')
    """
    if axis == "country":
        level = COUNTRIES.get(str(level), level)
    return called(axis, level, labels)


def row_by_name(name: RowName, estimates: Estimates) -> RowName:
    """A row of estimates that begin with the country, under its whole name.

    Examples
    --------
    >>> import pandas as pd
    >>> import trustlib as tl
    >>> rows = pd.DataFrame({"country": ["BR", "US"] * 40, "y": [1.0, 0.0, 0.0, 1.0] * 20})
    >>> levels = tl.cell_means(tl.compress(tl.SurveyDesign(rows, None), "y", ["country"]))
    >>> row_by_name(RowName("", "BR"), levels).whole
    'Brazil'
    """
    if not estimates.by or estimates.by[0] != "country":
        return name
    if name.group:
        return RowName(level_name("country", name.group, {}), name.own)
    return RowName("", level_name("country", name.own, {}))


def named(levels: Any, labels: dict) -> str:
    """A combination of levels, axis by axis, by their names.

    Parameters
    ----------
    levels : mapping or Series
        Axis -> level.
    labels : dict
        `Estimates.labels`.

    Examples
    --------
    >>> named({"country": "BR", "gender": "woman"}, {})
    'Brazil, woman'
    """
    names = [level_name(axis, level, labels) for axis, level in levels.items()]
    return ", ".join(names)


def combination(frame: Any, row: int) -> dict[str, Any]:
    """A row of axes as axis -> level, each level of its own type.

    Examples
    --------
    >>> import pandas as pd
    >>> combination(pd.DataFrame({"gender": ["woman"], "wave": ["2024"]}), 0)
    {'gender': 'woman', 'wave': '2024'}
    """
    return {axis: frame[axis].iloc[row] for axis in frame}
