"""Short titles for long questions: a question of two hundred letters heads no page.

A label that is longer than a title is cut at a word. Labels that begin alike, as those
of a grid of questions do, get their variable behind what is left of them, so that no
two titles are the same. The whole text stands below the title wherever one was cut.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from trustlib.escaping import ELLIPSIS, visible

LONGEST_TITLE = 70  # letters
# What a coarser form of an identity is called, behind the identity.
_LEVELS = re.compile(r"^(.*?)( \(\d+ levels\))?$", re.DOTALL)


def short_title(text: str, longest: int = LONGEST_TITLE) -> str:
    """A text as a title: as it is, or cut at a word.

    Parameters
    ----------
    text : str
    longest : int
        Letters; an ellipsis behind them counts as one.

    Returns
    -------
    str

    Examples
    --------
    >>> short_title("How much do you trust information about health?", 24)
    'How much do you trust…'
    >>> short_title("Low trust")
    'Low trust'
    """
    whole = visible(text)
    found = _LEVELS.match(whole)
    name, levels = (whole, "") if found is None else (found[1], found[2] or "")
    if len(name) <= longest:
        return name + levels
    room = longest - 1
    kept = name[:room]
    if not name[room].isspace():
        kept = kept.rpartition(" ")[0] or kept
    return kept.rstrip(" ,;:.-–(") + ELLIPSIS + levels


def short_titles(
    labels: Mapping[str, str], longest: int = LONGEST_TITLE
) -> dict[str, str]:
    """A title for each variable; no two that were cut are the same.

    Parameters
    ----------
    labels : mapping
        Variable -> its label, which may be empty.
    longest : int
        Letters.

    Returns
    -------
    dict
        Variable -> title.

    Examples
    --------
    >>> grid = {"q1": "Do you trust them: doctors", "q2": "Do you trust them: nurses"}
    >>> short_titles(grid, 19)
    {'q1': 'Do you trust them… (q1)', 'q2': 'Do you trust them… (q2)'}
    """
    whole = {name: visible(label) or visible(name) for name, label in labels.items()}
    titles = {name: short_title(text, longest) for name, text in whole.items()}
    times = Counter(titles.values())
    return {
        name: f"{title} ({visible(name)})" if times[title] > 1 else title
        for name, title in titles.items()
    }
