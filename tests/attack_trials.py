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
from itertools import product

import numpy as np
import pandas as pd

from trustbook.attacks.published import COUNT_NOISE, CellTable, Printed, Published
from trustbook.attacks.registry import ATTACKS
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
    frame = pd.DataFrame(index=range(size))
    first = np.unique(cell, return_index=True)[1]
    for name in axes:
        levels = [f"{name}{i}" for i in range(int(who.axes[name].max()) + 1)]
        own = who.axes[name][first]
        frame[name] = pd.Categorical.from_codes(own, categories=levels)
    for name, values in sums.items():
        kind = float if name.startswith("sum") else int
        frame[name] = np.bincount(cell, values, minlength=size).astype(kind)
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

    def guess(self, published: Published) -> float | str:
        """What the attacker believes."""
        about = {"cell": "people", "which": "answer"}.get(self.what, self.what)
        attack = ATTACKS[self.kind].guesses
        guesses = [g for g in attack(published) if g.what == about]
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


def _skipped(what: str) -> Callable[[np.random.Generator, bytes], Trial]:
    def trial(rng: np.random.Generator, key: bytes) -> Trial:
        """One person skipped the second question. The rule: one base for both."""
        who = people(rng)
        i, others, cell = _one(rng, who)
        second = replace(who, y=(rng.random(len(who)) < 0.4).astype(float))
        first = cells_of(who, AXES)
        answered = cells_of(second.only(others), AXES, "z")
        base = [cells_of(who.only(others), AXES), answered]
        secret, prior, width = _secret(what, who, i, cell)
        return Trial(
            "outcomes", what, secret, prior, width=width,
            off=Published([exact(first), exact(answered)]),
            alone=Published([shielded(first, key), shielded(answered, key)]),
            on=Published([shielded(each, key) for each in base]),
        )  # fmt: skip

    return trial


def _secret(
    what: str, who: People, i: int, cell: str
) -> tuple[float | str, float | str, float]:
    """Of one person: her cell, her weight or her answer; the prior; and how near is near."""
    weight = float(who.w[i])
    if what == "cell":
        return cell, _largest(who), 0.0
    if what == "weight":
        return weight, 1.0, NEAR * weight
    return float(who.y[i]), float(who.y.mean() > 0.5), 0.0


def _came(what: str) -> Callable[[np.random.Generator, bytes], Trial]:
    def trial(rng: np.random.Generator, key: bytes) -> Trial:
        """One person came. The rule: such a release is refused, and the first one stays."""
        who = people(rng)
        i, others, cell = _one(rng, who)
        before = cells_of(who.only(others), AXES)
        after = cells_of(who, AXES)
        secret, prior, width = _secret(what, who, i, cell)
        return Trial(
            "releases", what, secret, prior, width=width,
            off=Published([exact(before), exact(after, release=1)]),
            alone=Published([shielded(before, key), shielded(after, key, release=1)]),
            on=Published([shielded(before, key)]),
        )  # fmt: skip

    return trial


def ten_came(rng: np.random.Generator, key: bytes) -> Trial:
    """Ten people of one cell came, which the rule allows: the answer of one of them. Exact: one came."""
    who = people(rng)
    i, others, cell = _one(rng, who)
    code, names = who.by(AXES)
    alike = np.flatnonzero((code == names.index(cell)) & others)
    ten = np.r_[i, rng.choice(alike, 9, replace=False)]
    stayed = ~np.isin(np.arange(len(who)), ten)
    before = cells_of(who.only(others), AXES)
    fewer = cells_of(who.only(stayed), AXES)
    after = cells_of(who, AXES)
    return Trial(
        "releases", "answer", float(who.y[i]), float(who.y.mean() > 0.5), cell=cell,
        off=Published([exact(before), exact(after, release=1)]),
        on=Published([shielded(fewer, key), shielded(after, key, release=1)]),
    )  # fmt: skip


def _was_trimmed(what: str) -> Callable[[np.random.Generator, bytes], Trial]:
    def trial(rng: np.random.Generator, key: bytes) -> Trial:
        """The heaviest person was trimmed to the weight of the next. The rule: no variants."""
        who = people(rng)
        i = int(who.w.argmax())
        code, names = who.by(AXES)
        cell = names[code[i]]
        cap = float(np.sort(who.w)[-2])
        w = np.minimum(who.w, cap)
        w = w * who.w.sum() / w.sum()
        full = cells_of(who, AXES)
        less = cells_of(replace(who, w=w), AXES)
        secret, prior, width = _secret(what, who, i, cell)
        on = shielded(full, key)
        if what == "weight":
            # The likeliest largest weight of so many people.
            prior = float(np.exp(SPREAD * 3.1))
        else:
            uneven = on.totals("sum_w2") / on.totals("sum_w")
            prior = on.labels[int(uneven.argmax())]
        both = {"off": exact, "alone": lambda c, **f: shielded(c, key, **f)}
        shown = {
            name: Published([make(full), make(less, name="less", weights="trimmed")])
            for name, make in both.items()
        }
        shown["on"] = Published([on])
        return Trial("variants", what, secret, prior, width=width, **shown)

    return trial


# -- margins, classes, clusters --------------------------------------------------------


def _withheld(what: str) -> Callable[[np.random.Generator, bytes], Trial]:
    def trial(rng: np.random.Generator, key: bytes) -> Trial:
        """A cell with one person or nobody is withheld. The rule: the margin is of the people of the finer cells."""
        who = people(rng)
        there = what == "weight" or rng.random() < 0.5
        i = int(rng.integers(len(who)))
        who.axes["b"][i] = 2
        kept = who.axes["b"] < 2
        some = who if there else who.only(kept)
        margin = cells_of(some, ["a"])
        finer = cells_of(who.only(kept), ["a", "b"])
        same = cells_of(who.only(kept), ["a"])
        told = {"told": frozenset("ab")}
        fine = {"off": exact(finer, **told), "on": shielded(finer, key, **told)}
        weight = float(who.w[i])
        secret, prior, width = (weight, 1.0, NEAR * weight)
        silent = None
        if what == "people":
            secret, prior, width = (float(there), 0.0, 0.0)
            silent = 0.0
        return Trial(
            "margins", what, secret, prior, width=width, silent=silent,
            hit=(lambda v: float(v >= 0.5)) if what == "people" else (lambda v: v),
            off=Published([exact(margin, **told), fine["off"]]),
            alone=Published([shielded(margin, key, **told), fine["on"]]),
            on=Published([shielded(same, key, **told), fine["on"]]),
        )  # fmt: skip

    return trial


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
    chosen = int(rng.choice(small))
    d, e, g = np.unravel_index(chosen, (2, 2, 4))
    row, column = by_axes.frame["n"][2 * d + e], by_class.frame["n"][g]
    tables = {
        "off": Published([exact(by_class, **told), exact(by_axes, **told)]),
        "on": Published([shielded(c, key, **told) for c in (by_class, by_axes)]),
    }
    return Trial(
        "classes", "people", float(cross[chosen]), float(round(row * column / n)),
        cell=f"d=d{d}, e=e{e}, g=g{g}", **tables,
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
    def trial(rng: np.random.Generator, key: bytes) -> Trial:
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

    return trial


def all_people(rng: np.random.Generator, key: bytes) -> Trial:
    """How many people there are, from the degrees of freedom. Exact: they are printed as they are."""
    who = people(rng, int(rng.integers(1000, 1400)))
    cells = cells_of(who, AXES)
    table = shielded(cells, key)
    printed = replace(table.cells, df=1 / (1 / cells.df + 1 / 400))
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


TRIALS = {
    "outcomes: the cell of one who skipped": _skipped("cell"),
    "outcomes: her weight": _skipped("weight"),
    "releases: the cell of one who came": _came("cell"),
    "releases: her weight": _came("weight"),
    "releases: her answer": _came("answer"),
    "releases: the answer of one of ten": ten_came,
    "variants: the cell of one trimmed": _was_trimmed("cell"),
    "variants: her weight": _was_trimmed("weight"),
    "margins: whether one is withheld": _withheld("people"),
    "margins: her weight": _withheld("weight"),
    "classes: a withheld count": in_classes,
    "clusters: a count of the small clinic": of_clinics,
    "covariance: a total": _by_matrix(1),
    "covariance: a total, of 20 outcomes": _by_matrix(20),
    "df: people in all": all_people,
    "exact: people by a percentage": share_beside,
    "exact: people by their number": number_beside,
    "unweighted: people by share and error": share_of_few,
    "counts: rows less people used": not_used,
    "dominance: the answer of the heaviest": half_of_an_answer,
    "constant: an answer": one_answer,
}


def drawn(name: str, seed: int) -> Trial:
    """The trial of a kind with a seed; people whom the gate refuses are drawn anew."""
    number = list(TRIALS).index(name)
    for again in range(100):
        rng = np.random.default_rng([seed, number, again])
        try:
            return TRIALS[name](rng, rng.bytes(32))
        except (DisclosureError, UnsuitableError):
            continue
    raise AssertionError(f"{name}: the gate refuses all people that are drawn")
