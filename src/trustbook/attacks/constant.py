"""A cell in which everybody gave one answer: whoever is in it has told hers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trustbook.attacks.guesses import EXACT, Guess
from trustbook.attacks.published import Published


def constant(published: Published) -> Iterator[Guess]:
    """Cells in which all answers are alike.

    Parameters
    ----------
    published : Published

    Yields
    ------
    Guess

    Examples
    --------
    >>> list(constant(Published()))
    []
    """
    for table in published.tables:
        sum_w = table.totals("sum_w")
        share = table.totals("sum_wy") / sum_w
        away = np.minimum(np.abs(share), np.abs(1 - share))
        noise = table.noise * np.sqrt(table.totals("sum_w2")) / sum_w
        for i, label in enumerate(table.labels):
            sure = float(away[i] < EXACT)
            if noise[i] > 0:
                sure = float(np.exp(-0.5 * (away[i] / noise[i]) ** 2) / 2)
            names = (table.name,)
            answer = float(share[i] > 0.5)
            yield Guess("constant", table.source, label, "answer", names, sure, answer)
