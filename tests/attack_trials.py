"""Trials of the attacks: made-up surveys with a secret, what is published of them, and whether the secret is hit.

Each kind of trial draws people and a secret, and publishes three times: `off`, exact
cells and numbers; `alone`, protected cells without the rules of a release; `on`, what
the rules let through. The attack makes its best guess from each. Where it has nothing to
go by it takes the prior: the best guess from margins and from what everybody knows.
`benchmarks/attacks.py` makes thousands of trials, `test_attack_kinds.py` a few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from math import gcd

import numpy as np
import pandas as pd
from scipy import stats

from trustbook.attacks.guesses import Guess
from trustbook.attacks.published import COUNT_NOISE, CellTable, Printed, Published
from trustbook.attacks.registry import ATTACKS
from trustbook.differences import NEWCOMERS
from trustlib.cells import Cells
from trustlib.errors import DisclosureError
from trustlib.protection import protect
from trustlib.variance import SealedScatter

SOURCE = {"id": "office", "kind": "supplied", "label": "Made up"}
NEAR = 0.01  # a weight is hit if it is known to one per cent
SPREAD = 0.6  # of the logarithms of weights


class UnsuitableError(Exception):
    """People that have no such secret; others are drawn."""


@dataclass(frozen=True, eq=False)
class People:
    """People of a made-up survey: the level of each axis, an answer, a weight, a PSU."""

    axes: dict[str, np.ndarray]
    y: np.ndarray
    w: np.ndarray
    psu: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def only(self, chosen: np.ndarray) -> People:
        """Some of them: a mask, or their places."""
        axes = {name: levels[chosen] for name, levels in self.axes.items()}
        psu = None if self.psu is None else self.psu[chosen]
        return People(axes, self.y[chosen], self.w[chosen], psu)

    def by(self, axes: Sequence[str]) -> tuple[np.ndarray, list[str]]:
        """The cell of each, and the names of the cells."""
        sizes = [int(self.axes[name].max()) + 1 for name in axes]
        codes = np.zeros(len(self), dtype=int)
        for name, size in zip(axes, sizes, strict=True):
            codes = codes * size + self.axes[name]
        levels = product(*(range(size) for size in sizes))
        order = sorted(axes)
        names = []
        for level in levels:
            named = dict(zip(axes, level, strict=True))
            parts = [f"{name}={name}{named[name]}" for name in order]
            names.append(", ".join(parts) or "everyone")
        return codes, names


def people(rng: np.random.Generator, n: int = 1200, weighted: bool = True) -> People:
    """A survey with three axes of two levels; the smallest of the eight cells has about 70 people."""
    shares = {"a": 0.5, "b": 0.3, "c": 0.4}
    axes = {name: (rng.random(n) < p).astype(int) for name, p in shares.items()}
    chance = 0.35 + 0.1 * axes["a"] + 0.1 * axes["b"]
    w = rng.lognormal(0, SPREAD, n) if weighted else np.ones(n)
    return People(axes, (rng.random(n) < chance).astype(float), w)


def cells_of(who: People, axes: Sequence[str], outcome: str = "y") -> Cells:
    """Cells of people, as `trustlib.compress` makes them: each person a PSU of one stratum, or each cluster."""
    code, _ = who.by(axes)
    kept, cell = np.unique(code, return_inverse=True)
    size = len(kept)
    sums = {"n": np.ones(len(who)), "n_events": who.y, "sum_w": who.w}
    sums |= {"sum_wy": who.w * who.y, "sum_w2": who.w**2}
    columns: dict[str, object] = {}
    first = np.unique(cell, return_index=True)[1]
    for name in axes:
        levels = [f"{name}{i}" for i in range(int(who.axes[name].max()) + 1)]
        own = who.axes[name][first]
        columns[name] = pd.Categorical.from_codes(own, categories=levels)
    for name, values in sums.items():
        kind = float if name.startswith("sum") else int
        columns[name] = np.bincount(cell, values, minlength=size).astype(kind)
    frame = pd.DataFrame(columns)
    unit = np.arange(len(who)) if who.psu is None else who.psu
    matrix, df = _covariance(who, cell, unit, size)
    made = Cells(
        frame, outcome, tuple(axes), SealedScatter(matrix), df, "Taylor", SOURCE
    )
    return _with_heaviest(made, who, cell, size)


def _covariance(
    who: People, cell: np.ndarray, unit: np.ndarray, size: int
) -> tuple[np.ndarray, float]:
    """Covariance of the totals, and the degrees of freedom."""
    units = int(unit.max()) + 1
    totals = np.zeros(2 * size)
    np.add.at(totals, cell, who.w)
    np.add.at(totals, size + cell, who.w * who.y)
    if who.psu is None:
        squares = np.zeros((2 * size, 2 * size))
        i = np.arange(size)
        squares[i, i] = np.bincount(cell, who.w**2, minlength=size)
        of_yes = np.bincount(cell, who.w**2 * who.y, minlength=size)
        for place in ((size + i, size + i), (i, size + i), (size + i, i)):
            squares[place] = of_yes
    else:
        z = np.zeros((units, 2 * size))
        np.add.at(z, (unit, cell), who.w)
        np.add.at(z, (unit, size + cell), who.w * who.y)
        squares = z.T @ z
    matrix = (squares - np.outer(totals, totals) / units) * units / (units - 1)
    return matrix, float(units - 1)


def _with_heaviest(made: Cells, who: People, cell: np.ndarray, size: int) -> Cells:
    """Cells with the largest weight of each answer."""
    heaviest = np.zeros((size, 2))
    np.maximum.at(heaviest, (cell, who.y.astype(int)), who.w)
    return replace(made, heaviest=heaviest)


def exact(cells: Cells, name: str = "", **facts) -> CellTable:
    """A table that is published as it is."""
    bare = cells.frame.drop(columns="n_events", errors="ignore")
    name = name or f"{cells.outcome} by {' '.join(cells.by)}"
    return CellTable(name, "office", replace(cells, frame=bare), **facts)


def shielded(cells: Cells, key: bytes, name: str = "", **facts) -> CellTable:
    """A table that is published protected."""
    name = name or f"{cells.outcome} by {' '.join(cells.by)}"
    return CellTable(name, "office", protect(cells, key), **facts)


@dataclass(frozen=True, eq=False)
class Trial:
    """A secret, and what is published.

    Attributes
    ----------
    kind : str
        The attack.
    what : str
        What is guessed (`Guess.what`), or cell: which cell the surest guess is about,
        or which: of which answer one person has most.
    secret, prior : float or str
        `prior` is believed where the attack says nothing.
    width : float
        How near a guess must be; 0 for one that must be right.
    cell : str
        The cell that guesses must be about; by default any.
    silent : float, optional
        What is believed where tables agree, if that says something.
    """

    kind: str
    what: str
    secret: float | str
    prior: float | str
    off: Published
    on: Published
    alone: Published | None = None
    width: float = 0.0
    cell: str = ""
    silent: float | None = None
    hit: Callable[[float], float] = field(default=lambda value: value)

    def about(self, what: str, who: People, i: int, cell: str) -> Trial:
        """The same publication, with a secret of one person: her cell, weight or answer."""
        weight = float(who.w[i])
        if what == "cell":
            return replace(self, what=what, secret=cell, prior=_largest(who))
        if what == "weight":
            near = NEAR * weight
            return replace(self, what=what, secret=weight, prior=1.0, width=near)
        usual = float(who.y.mean() > 0.5)
        return replace(self, what=what, secret=float(who.y[i]), prior=usual)

    def guess(self, published: Published) -> float | str:
        """What the attacker believes."""
        about = {"cell": "people", "which": "answer"}.get(self.what, self.what)
        guesses = [g for g in _guesses(self.kind, published) if g.what == about]
        if self.cell:
            guesses = [g for g in guesses if g.cell == self.cell]
        if self.what == "which":
            guesses = [g for g in guesses if g.cell.endswith("the outcome")]
        if not guesses:
            return self.prior if self.silent is None else self.silent
        best = max(guesses, key=lambda guess: guess.sure)
        return best.cell if self.what in ("cell", "which") else self.hit(best.value)

    def is_hit(self, guess: float | str) -> bool:
        """Whether a guess is the secret."""
        if isinstance(self.secret, str):
            return guess == self.secret
        return abs(float(guess) - self.secret) <= self.width


Trials = dict[str, Trial]
Draw = Callable[[np.random.Generator, bytes], Trials]


@lru_cache(maxsize=4)
def _guesses(kind: str, published: Published) -> list[Guess]:
    """What an attack makes of a publication, once for all secrets in it."""
    return list(ATTACKS[kind].guesses(published))


# -- two outcomes, two releases, two variants ------------------------------------------

AXES = ("a", "b", "c")


def _largest(who: People) -> str:
    code, names = who.by(AXES)
    return names[int(np.bincount(code, minlength=len(names)).argmax())]


def _one(rng: np.random.Generator, who: People) -> tuple[int, np.ndarray, str]:
    """One person, a mask of all others, and her cell."""
    i = int(rng.integers(len(who)))
    others = np.arange(len(who)) != i
    code, names = who.by(AXES)
    return i, others, names[code[i]]


def one_skipped(rng: np.random.Generator, key: bytes) -> Trials:
    """One person skipped the second question. The rule: one base for both."""
    who = people(rng)
    i, others, cell = _one(rng, who)
    second = replace(who, y=(rng.random(len(who)) < 0.4).astype(float))
    first = cells_of(who, AXES)
    answered = cells_of(second.only(others), AXES, "z")
    base = [cells_of(who.only(others), AXES), answered]
    shown = {
        "off": Published([exact(first), exact(answered)]),
        "alone": Published([shielded(first, key), shielded(answered, key)]),
        "on": Published([shielded(each, key) for each in base]),
    }
    trial = Trial("outcomes", "cell", 0.0, 0.0, **shown)
    return {
        "the cell of one who skipped": trial.about("cell", who, i, cell),
        "her weight": trial.about("weight", who, i, cell),
    }


def one_came(rng: np.random.Generator, key: bytes) -> Trials:
    """One person came. The rule: such a release is refused, and the first one stays."""
    who = people(rng)
    i, others, cell = _one(rng, who)
    before = cells_of(who.only(others), AXES)
    after = cells_of(who, AXES)
    first = shielded(before, key)
    shown = {
        "off": Published([exact(before), exact(after, release=1)]),
        "alone": Published([first, shielded(after, key, release=1)]),
        "on": Published([first]),
    }
    trial = Trial("releases", "cell", 0.0, 0.0, **shown)
    return {
        "the cell of one who came": trial.about("cell", who, i, cell),
        "her weight": trial.about("weight", who, i, cell),
        "her answer": trial.about("answer", who, i, cell),
    }


def some_came(newcomers: int) -> Callable[[np.random.Generator, bytes], Trial]:
    """Some people of one cell came, which the rule allows: the answer of one of them. Exact: one came."""

    def draw(rng: np.random.Generator, key: bytes) -> Trial:
        who = people(rng)
        i, others, cell = _one(rng, who)
        code, names = who.by(AXES)
        alike = np.flatnonzero((code == names.index(cell)) & others)
        some = np.r_[i, rng.choice(alike, newcomers - 1, replace=False)]
        stayed = ~np.isin(np.arange(len(who)), some)
        before = cells_of(who.only(others), AXES)
        after = cells_of(who, AXES)
        first = shielded(cells_of(who.only(stayed), AXES), key)
        # Whoever reads the second release alone guesses what most of the cell said.
        shown = shielded(after, key, release=1)
        place = shown.labels.index(cell)
        usual = shown.totals("sum_wy")[place] / shown.totals("sum_w")[place]
        return Trial(
            "releases", "answer", float(who.y[i]), float(usual > 0.5), cell=cell,
            off=Published([exact(before), exact(after, release=1)]),
            on=Published([first, shown]),
        )  # fmt: skip

    return draw


def one_trimmed(rng: np.random.Generator, key: bytes) -> Trials:
    """The heaviest person was trimmed to the weight of the next. The rule: no variants."""
    who = people(rng)
    i = int(who.w.argmax())
    code, names = who.by(AXES)
    cap = float(np.sort(who.w)[-2])
    w = np.minimum(who.w, cap)
    w = w * who.w.sum() / w.sum()
    full = cells_of(who, AXES)
    less = cells_of(replace(who, w=w), AXES)
    trimmed = {"name": "less", "weights": "trimmed"}
    on = shielded(full, key)
    shown = {
        "off": Published([exact(full), exact(less, **trimmed)]),
        "alone": Published([on, shielded(less, key, **trimmed)]),
        "on": Published([on]),
    }
    trial = Trial("variants", "cell", 0.0, 0.0, **shown)
    uneven = on.totals("sum_w2") / on.totals("sum_w")
    heavy_cell = on.labels[int(uneven.argmax())]
    cell = names[code[i]]
    # The likeliest largest weight of so many people.
    largest = float(np.exp(SPREAD * 3.1))
    return {
        "the cell of one trimmed": replace(
            trial.about("cell", who, i, cell), prior=heavy_cell
        ),
        "her weight": replace(trial.about("weight", who, i, cell), prior=largest),
    }


# -- margins, classes, clusters --------------------------------------------------------


def one_withheld(rng: np.random.Generator, key: bytes) -> Trials:
    """A cell with one person or nobody is withheld. The rule: the margin is of the people of the finer cells."""
    who = people(rng)
    i = int(rng.integers(len(who)))
    who.axes["b"][i] = 2
    kept = who.only(who.axes["b"] < 2)
    there = bool(rng.random() < 0.5)
    told = {"told": frozenset("ab")}
    with_her = cells_of(who, ["a"])
    without = cells_of(kept, ["a"])
    finer = cells_of(kept, ["a", "b"])
    fine = shielded(finer, key, **told)
    on = Published([shielded(without, key, **told), fine])

    def published(margin: Cells) -> dict[str, Published]:
        off = Published([exact(margin, **told), exact(finer, **told)])
        alone = Published([shielded(margin, key, **told), fine])
        return {"off": off, "alone": alone, "on": on}

    is_there = Trial(
        "margins", "people", float(there), 0.0, silent=0.0,
        hit=lambda value: float(value >= 0.5),
        **published(with_her if there else without),
    )  # fmt: skip
    trial = Trial("margins", "weight", 0.0, 0.0, **published(with_her))
    return {
        "whether one is withheld": is_there,
        "her weight": trial.about("weight", who, i, ""),
    }


def in_classes(rng: np.random.Generator, key: bytes) -> Trial:
    """Weights are constant in four age bands; a cross of which some cells have fewer than ten people."""
    who = _in_bands(rng)
    n = len(who)
    by_class = cells_of(who, ["g"])
    by_axes = cells_of(who, ["d", "e"])
    told = {"told": frozenset("deg")}
    code, names = who.by(["d", "e", "g"])
    cross = np.bincount(code, minlength=len(names))
    small = np.flatnonzero((cross > 0) & (cross < 10))
    if not len(small):
        raise UnsuitableError
    chosen = int(rng.choice(small))
    d, e, g = np.unravel_index(chosen, (2, 2, 4))
    row, column = by_axes.frame["n"][2 * d + e], by_class.frame["n"][g]
    tables = {
        "off": Published([exact(by_class, **told), exact(by_axes, **told)]),
        "on": Published([shielded(c, key, **told) for c in (by_class, by_axes)]),
    }
    few = np.arange(1, 10)
    likeliest = few[stats.hypergeom.pmf(few, n, row, column).argmax()]
    return Trial(
        "classes", "people", float(cross[chosen]), float(likeliest),
        cell=f"d=d{d}, e=e{e}, g=g{g}",
        hit=lambda value: float(np.clip(value, 1, 9)), **tables,
    )  # fmt: skip


def _in_bands(rng: np.random.Generator, n: int = 900) -> People:
    """People whose weight is that of their age band."""
    shares = {"d": 0.2, "e": 0.2}
    axes = {name: (rng.random(n) < p).astype(int) for name, p in shares.items()}
    axes["g"] = rng.choice(4, n, p=[0.3, 0.35, 0.28, 0.07])
    population = rng.integers(6_000_000, 20_000_000, 4) * np.array([1, 1, 1, 0.4])
    w = (population / np.bincount(axes["g"], minlength=4))[axes["g"]]
    return People(axes, (rng.random(n) < 0.4).astype(float), w)


SMALL_CLINIC = 0.12  # share of the people whom the small clinic has


def of_clinics(rng: np.random.Generator, key: bytes) -> Trial:
    """The small one of two clinics; the rule asks for at least 8 degrees of freedom, so nine clinics."""
    who = people(rng, 240, weighted=False)
    small = rng.random(len(who)) < SMALL_CLINIC
    two = replace(who, psu=(~small).astype(int))
    nine = replace(who, psu=np.where(small, 0, rng.integers(1, 9, len(who))))
    axes = ("a", "b")
    code, names = who.by(axes)
    counts = np.bincount(code[small], minlength=len(names))
    few = np.flatnonzero(counts < 10)
    if not len(few):
        raise UnsuitableError
    chosen = int(rng.choice(few))
    n = float(np.bincount(code, minlength=len(names))[chosen])
    return Trial(
        "clusters", "cluster", float(counts[chosen]), float(round(SMALL_CLINIC * n)),
        cell=names[chosen],
        off=Published([exact(cells_of(two, axes))]),
        on=Published([shielded(cells_of(nine, axes), key)]),
    )  # fmt: skip


# -- numbers beside protected cells ----------------------------------------------------


def _by_matrix(outcomes: int) -> Callable[[np.random.Generator, bytes], Trial]:
    def draw(rng: np.random.Generator, key: bytes) -> Trial:
        """A total, to a tenth of a typical weight, from the matrices of several outcomes."""
        who = people(rng)
        tables = []
        for j in range(outcomes):
            y = who.y if j == 0 else (rng.random(len(who)) < 0.4).astype(float)
            tables.append(cells_of(replace(who, y=y), AXES, f"y{j}"))
        shown = [shielded(table, key) for table in tables]
        first = shown[0]
        bare = replace(first.cells, scatter=tables[0].scatter, df=tables[0].df)
        i = int(rng.integers(len(bare)))
        typical = float(np.sqrt((who.w**2).mean()))
        return Trial(
            "covariance", "total", float(tables[0].frame["sum_w"][i]),
            float(first.totals("sum_w")[i]), cell=first.labels[i], width=0.1 * typical,
            off=Published([replace(first, cells=bare)]), on=Published(shown),
        )  # fmt: skip

    return draw


def all_people(rng: np.random.Generator, key: bytes) -> Trial:
    """How many people there are, from the degrees of freedom. Exact: they are printed as they are."""
    who = people(rng, int(rng.integers(1000, 1400)))
    cells = cells_of(who, AXES)
    table = shielded(cells, key)
    printed = replace(table.cells, df=cells.df)
    return Trial(
        "df", "people", float(len(who)), float(table.totals("n").sum()),
        off=Published([replace(table, cells=printed)]), on=Published([table]),
    )  # fmt: skip


def share_beside(rng: np.random.Generator, key: bytes) -> Trial:
    """One exact percentage beside protected cells of people without weights."""
    who = people(rng, weighted=False)
    cells = cells_of(who, AXES)
    table = shielded(cells, key)
    i = int(rng.integers(len(cells)))
    cell = table.labels[i]
    if _is_of_many(cells, i):
        raise UnsuitableError
    share = {
        "off": cells.frame["sum_wy"][i] / cells.frame["sum_w"][i],
        "on": table.totals("sum_wy")[i] / table.totals("sum_w")[i],
    }
    shown = {
        name: Published([table], [Printed("share", float(p), "office", "y", cell)])
        for name, p in share.items()
    }
    sum_w = table.totals("sum_w")[i]
    precise = np.array([sum_w, table.totals("n")[i]])
    weight = 1 / np.array([2.0, COUNT_NOISE**2])
    prior = float(round(precise @ weight / weight.sum()))
    return Trial(
        "exact", "people", float(cells.frame["n"][i]), prior, cell=cell, **shown
    )


def _is_of_many(cells: Cells, i: int) -> bool:
    """Whether other numbers of people may have the same share: as 31 of 62 and 30 of 60, or 0.38, which may be rounded."""
    n = int(cells.frame["n"][i])
    events = int(cells.frame["n_events"][i])
    is_short = len(repr(events / n)) < 10
    return is_short or n // gcd(n, events) <= 30


def number_beside(rng: np.random.Generator, key: bytes) -> Trial:
    """One exact number of people beside protected cells."""
    who = people(rng)
    cells = cells_of(who, AXES)
    table = shielded(cells, key)
    i = int(rng.integers(len(cells)))
    cell = table.labels[i]
    n = float(cells.frame["n"][i])
    stated = float(table.totals("n")[i])
    page = Printed("people", n, "office", "y", cell)
    same = replace(page, value=stated)
    return Trial(
        "exact", "people", n, stated, cell=cell,
        off=Published([table], [page]), on=Published([table], [same]),
    )  # fmt: skip


def share_of_few(rng: np.random.Generator, key: bytes) -> Trial:
    """A percentage with its standard error of a group of two to nine, whose number is not printed."""
    who = people(rng, weighted=False)
    table = shielded(cells_of(who, AXES), key)
    n = int(rng.integers(2, 10))
    p = int(rng.integers(1, n)) / n
    size = len(who)
    error = float(np.sqrt(p * (1 - p) / n * size / (size - 1)))
    group = {"source": "office", "outcome": "y", "cell": "b=b2"}
    off = [Printed("share", p, **group), Printed("std_error", error, **group)]
    off.append(Printed("df", size - 1.0, "office", "y"))
    on = [Printed("df", float(table.cells.df), "office", "y")]
    return Trial(
        "unweighted", "people", float(n), 5.0, cell="b=b2",
        off=Published([table], off), on=Published([table], on),
    )  # fmt: skip


def not_used(rng: np.random.Generator, key: bytes) -> Trial:
    """Rows of the file on one page, people used on another. The rule: no number of people but the protected one."""
    used = people(rng)
    skipped = int(rng.integers(1, 10))
    table = shielded(cells_of(used, []), key)
    n = float(len(used))
    stated = Printed("people", float(table.totals("n")[0]), "office", "y")
    exact_rows = Printed("rows", n + skipped, "office")
    off = Published([], [exact_rows, replace(stated, value=n)])
    cell = "those without y"
    return Trial(
        "counts", "people", float(skipped), 5.0, cell=cell,
        off=off, on=Published([table], [stated]),
    )  # fmt: skip


# -- one person, one answer ------------------------------------------------------------


def half_of_an_answer(rng: np.random.Generator, key: bytes) -> Trial:
    """One person weighs more than all others of her cell who said the same. The rule refuses the cells."""
    who, cell, i = heavy(rng)
    said = f"{cell} {'with' if who.y[i] else 'without'} the outcome"
    usual = f"{cell} {'with' if who.y.mean() > 0.5 else 'without'} the outcome"
    off = Published([exact(cells_of(who, AXES))])
    others = np.arange(len(who)) != i
    rest = cells_of(who.only(others), ["a"])
    return Trial(
        "dominance", "which", said, usual, off=off, on=Published([shielded(rest, key)])
    )


def heavy(rng: np.random.Generator) -> tuple[People, str, int]:
    """People, and the cell and the place of one who carries more than half of an answer."""
    who = people(rng)
    i, others, cell = _one(rng, who)
    code, _ = who.by(AXES)
    alike = (code == code[i]) & (who.y == who.y[i]) & others
    who.w[i] = rng.uniform(1.5, 3) * who.w[alike].sum()
    return who, cell, i


def one_answer(rng: np.random.Generator, key: bytes) -> Trial:
    """Everybody of a cell gave one answer. The rule refuses the cells, and coarser ones are published."""
    who, cell, said = alike(rng)
    off = Published([exact(cells_of(who, AXES))])
    on = Published([shielded(cells_of(who, ["a"]), key)])
    prior = float(who.y.mean() > 0.5)
    return Trial("constant", "answer", said, prior, off=off, on=on, cell=cell)


def alike(rng: np.random.Generator) -> tuple[People, str, float]:
    """People, a cell of them in which all gave one answer, and that answer."""
    who = people(rng)
    _, _, cell = _one(rng, who)
    code, names = who.by(AXES)
    said = float(rng.random() < 0.5)
    who.y[code == names.index(cell)] = said
    return who, cell, said


def _alone(draw: Callable[[np.random.Generator, bytes], Trial], secret: str) -> Draw:
    """A draw with one secret."""
    return lambda rng, key: {secret: draw(rng, key)}


# What is tried: kind and scenario -> its secrets, and how it is drawn.
DRAWS: dict[str, tuple[tuple[str, ...], Draw]] = {
    "outcomes": (("the cell of one who skipped", "her weight"), one_skipped),
    "releases": (
        ("the cell of one who came", "her weight", "her answer"),
        one_came,
    ),
    "variants": (("the cell of one trimmed", "her weight"), one_trimmed),
    "margins": (("whether one is withheld", "her weight"), one_withheld),
}
_SINGLE = {
    "releases, allowed": ("the answer of one of twenty", some_came(NEWCOMERS)),
    "classes": ("a withheld count", in_classes),
    "clusters": ("a count of the small clinic", of_clinics),
    "covariance": ("a total", _by_matrix(1)),
    "covariance of 20": ("a total", _by_matrix(20)),
    "df": ("people in all", all_people),
    "exact share": ("people of a cell", share_beside),
    "exact number": ("people of a cell", number_beside),
    "unweighted": ("people of a few", share_of_few),
    "counts": ("those not used", not_used),
    "dominance": ("the answer of the heaviest", half_of_an_answer),
    "constant": ("an answer", one_answer),
}
for _name, (_secret, _draw) in _SINGLE.items():
    DRAWS[_name] = ((_secret,), _alone(_draw, _secret))


def drawn(name: str, seed: int) -> Trials:
    """The trials of a scenario with a seed; people whom the gate refuses are drawn anew."""
    number = list(DRAWS).index(name)
    secrets, draw = DRAWS[name]
    for again in range(100):
        rng = np.random.default_rng([seed, number, again])
        try:
            trials = draw(rng, rng.bytes(32))
        except (DisclosureError, UnsuitableError):
            continue
        assert tuple(trials) == secrets
        return trials
    raise AssertionError(f"{name}: the gate refuses all people that are drawn")
