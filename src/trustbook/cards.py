"""What a number of ours is: everything that a small card says when a reader asks.

A run leaves its tables as CSV files with a description beside each (`trustlib.publish`).
A row of such a table is a number with its interval, its standard error and the people
behind it; its card says these, and the design, formula, convention and line of R that
belong to the table. Nothing is computed here: what passed the disclosure gate when the
table was published is put into words, as `trustlib.tables` does.

`RunCards` also finds the row that a text on a page is about: by estimate, interval and
people as they are printed, and by the groups named beside it. A text that fits several
rows which differ has no card.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5
from math import isfinite, nan
from pathlib import Path
from typing import Any

from trustlib.escaping import csv_plain, visible
from trustlib.scales import MEASURES, SCALES, scale_of
from trustlib.sources import Source
from trustlib.tables import UNDEFINED, evidence, heading, number

# What is computed, by kind of estimate; a measure has its own.
# Which statement of the page's lines of R gives a kind of estimate.
R_WORDS = {
    "level": ("svyciprop", "svymean", "svyby", "weighted.mean"),
    "prediction": ("weighted.mean", "svyciprop"),
    "difference": ("svycontrast", "change", "interaction = c("),
    "ratio": ("quote((",),
    "odds_ratio": ("exp(cbind(",),
    "coefficient": ("svyglm(", "glmmTMB("),
    "interaction": ("interaction = c(", "svycontrast"),
    "multilevel": ("glmmTMB(",),
    "total": ("svytotal",),
}
MODEL = re.compile(r"; model: ([^;]*)")
SIGNS = re.compile(r"\W+")
DOWNLOADS = "_downloads"
NEEDED = {"estimate", "std_error", "conf_low", "conf_high", "n"}
# Conventions that the lines of R on a page do not follow.
NOT_IN_R = re.compile(r"plus four|MOVER interval|don't know|protected|bootstrap")
# Lines of R on a page have the design of its cells, also where a table is by replicates.
BY_REPLICATES = re.compile(r"replicate weights")
BY_TAYLOR = (
    "In R, as on the page of this number: the same estimate, its error by Taylor "
    "linearisation"
)
NOT_SPOKEN = {"axis", "measure", "term"}  # columns whose values are written otherwise
NOT_DRAWN = NOT_SPOKEN | {"country", "wave", "edition"}


@dataclass(frozen=True)
class Row:
    """One number of a published table, as it is printed.

    Attributes
    ----------
    key : str
        Table and place, such as ``levels:0``.
    groups : dict
        By-column -> level.
    estimate, interval, people : str
        As `trustlib.tables` prints them.
    facts : dict
        All that the card says of this row.
    """

    key: str
    groups: dict[str, str]
    estimate: str
    interval: str
    people: str
    facts: dict[str, str]

    @property
    def spoken(self) -> list[str]:
        """The levels that a table prints beside the number."""
        names = [name for name in self.groups if name not in NOT_SPOKEN]
        return [self.groups[name] for name in names]

    @property
    def drawn(self) -> list[str]:
        """The levels that a picture prints as they are; it has other words for the rest."""
        names = [name for name in self.groups if name not in NOT_DRAWN]
        levels = [part for name in names for part in self.groups[name].split(", ")]
        return [level for level in levels if level not in ("yes", "no")]


@dataclass(frozen=True)
class Table:
    """A published table: what it is, and its rows."""

    name: str
    facts: dict[str, str]
    convention: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class RunCards:
    """The cards of a run: those of all its tables.

    Attributes
    ----------
    run : str
    folder : Path
        The folder of the executed run.
    """

    run: str
    folder: Path

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What the run says of itself."""
        path = self.folder / "provenance.json"
        return json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Its published tables, by name."""
        lines = r_statements(self.folder / f"{self.run}.ipynb")
        paths = sorted((self.folder / "tables").glob("*.json"))
        return tuple(_table(self.run, path, lines) for path in paths)

    @cached_property
    def _printed(self) -> dict[tuple[str, str], list[tuple[str, Row]]]:
        """Rows by estimate and interval, each with the convention of its table."""
        made: dict[tuple[str, str], list[tuple[str, Row]]] = {}
        for table in self.tables:
            convention = _plain(table.convention)
            for row in table.rows:
                alike = made.setdefault((row.estimate, row.interval), [])
                alike.append((convention, row))
        return made

    def find(
        self,
        estimate: str,
        interval: str,
        words: str,
        convention: str = "",
        people: str = "",
        drawn: bool = False,
    ) -> str:
        """The key of the row that a text of the page is about.

        Parameters
        ----------
        estimate, interval : str
            As printed.
        words : str
            Everything that stands beside: each level of the row is in it.
        convention : str
            What stands below the table, if known: the table has the same.
        people : str
            The number of people, if it is printed.
        drawn : bool
            Whether it is the text of a picture, which has its own words for some levels.

        Returns
        -------
        str
            Nothing where no row fits, or several that differ.
        """
        said = f" {_plain(words)} "
        below = _plain(convention)
        fitting = [
            row
            for of_table, row in self._printed.get((estimate, interval), [])
            if not below or of_table == below
            if not people or row.people == people
            if _holds(said, row.drawn if drawn else row.spoken)
        ]
        different = {tuple(sorted(row.groups.items())) for row in fitting}
        if len(different) != 1:
            return ""
        return fitting[0].key

    def data(self, keys: Collection[str] | None = None) -> dict[str, Any]:
        """The cards as plain values, for the page; of some rows, or of all."""
        chosen = [
            (table, [row for row in table.rows if keys is None or row.key in keys])
            for table in self.tables
        ]
        source = Source.of(next(iter(self.sources()), {}))
        return {
            "title": str(self.provenance["parameters"].get("title", self.run)),
            "page": f"_runs/{self.run}/{self.run}.html",
            "run": self.run,
            "evidence": evidence(source),
            "synthetic": source.is_synthetic,
            "tables": {table.name: table.facts for table, rows in chosen if rows},
            "rows": {row.key: row.facts for _, rows in chosen for row in rows},
        }

    def sources(self) -> Iterator[dict[str, Any]]:
        """What each table says of its source."""
        for path in sorted((self.folder / "tables").glob("*.json")):
            yield json.loads(path.read_text(encoding="utf-8"))["source"]


def _plain(text: str) -> str:
    """A text without its signs, in lower case."""
    return SIGNS.sub(" ", text).strip().lower()


def _holds(said: str, levels: Iterable[str]) -> bool:
    """Whether each level stands as words in a plain text with blanks around it."""
    return all(f" {_plain(level)} " in said for level in levels)


# ----- a table and its rows -----


def _table(run: str, path: Path, lines: list[str]) -> Table:
    """A published table, from its description and its CSV file."""
    told = json.loads(path.read_text(encoding="utf-8"))
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    rows = []
    if read and set(read[0]) >= NEEDED and told["kind"] in SCALES:
        for place, cells in enumerate(read):
            values = {csv_plain(name): csv_plain(text) for name, text in cells.items()}
            rows.append(_row(f"{path.stem}:{place}", told, values))
    facts = table_facts(run, path.stem, told, lines)
    return Table(path.stem, facts, told["convention"], tuple(rows))


def table_facts(
    run: str, name: str, told: dict[str, Any], lines: list[str]
) -> dict[str, str]:
    """What a card says of the table: design, convention, model, line of R and file.

    Parameters
    ----------
    run, name : str
    told : dict
        The description beside the table.
    lines : list of str
        The statements of R of the run's page.

    Returns
    -------
    dict

    Examples
    --------
    >>> told = {"kind": "level", "by": [], "outcome": "angry"}
    >>> told["convention"] = "simple random sample; t with 9 df; logit interval"
    >>> facts = table_facts("run", "levels", told, ["svymean(~outcome, part)"])
    >>> facts["design"], facts["r"], facts["file"]
    ('simple random sample', 'svymean(~outcome, part)', 'levels.csv')
    """
    design, _, rest = told["convention"].partition("; ")
    model = MODEL.search(f"; {rest}")
    kind = "prediction" if model and told["kind"] == "level" else told["kind"]
    relative = f"_runs/{run}/tables/{name}.csv"
    digest = md5(relative.encode(), usedforsecurity=False).hexdigest()
    facts = {
        "kind": kind,
        "measure": SCALES[told["kind"]].heading if told["kind"] in SCALES else "",
        "formula": SCALES[kind].formula if kind in SCALES else "",
        "outcome": visible(heading(told["outcome"], {})),
        "design": design,
        "convention": rest,
        "model": model.group(1) if model else "",
        "r": "" if NOT_IN_R.search(rest) else r_line(kind, lines),
        "r_gives": BY_TAYLOR if BY_REPLICATES.search(design) else "",
        "file": f"{name}.csv",
        "download": f"{DOWNLOADS}/{digest}/{name}.csv",
    }
    return {key: text for key, text in facts.items() if text}


def _row(key: str, told: Mapping[str, Any], values: Mapping[str, str]) -> Row:
    """One row of a table in words."""
    kind = told["kind"]
    measure = values.get("measure")
    if measure not in MEASURES:
        measure = None

    def shown(column: str) -> str:
        return number(_number(values[column]), kind, measure)

    scale = scale_of(kind, measure)
    groups = {name: visible(values[name]) for name in told["by"]}
    ends = [shown("conf_low"), shown("conf_high")]
    interval = " to ".join(ends) if set(ends) != {UNDEFINED} else UNDEFINED
    facts = {
        "group": _group(groups),
        "measure": scale.heading if measure else "",
        "formula": scale.formula if measure else "",
        "against": visible(values.get("reference", "")),
        "estimate": shown("estimate") + scale.unit,
        "interval": interval.removesuffix(UNDEFINED),
        "error": _error(_number(values["std_error"]), scale.factor),
        "people": _whole(values["n"]),
        "worth": _whole(values.get("n_eff", "")),
        "df": _whole(values.get("df", "")),
        "p": _p(_number(values.get("p_value", ""))),
        "apart": "yes" if measure not in (None, "interaction_contrast") else "",
    }
    kept = {name: text for name, text in facts.items() if text}
    return Row(key, groups, shown("estimate"), interval, facts["people"], kept)


def _number(text: str) -> float:
    """A cell as a number; an empty one is none."""
    return float(text) if text else nan


def _group(groups: Mapping[str, str]) -> str:
    """The levels of a row in words; a measure has its own place."""
    return ", ".join(level for name, level in groups.items() if name != "measure")


def _error(error: float, factor: int) -> str:
    """The standard error in the unit of the estimate."""
    if not isfinite(error):
        return ""
    if factor == 100:
        return f"{100 * error:.2f} points"
    return f"{error:,.3f}"


def _whole(text: str) -> str:
    """A number of people or degrees of freedom; nothing where it is not defined."""
    value = _number(text)
    return f"{value:,.0f}" if isfinite(value) else ""


def _p(value: float) -> str:
    if not isfinite(value):
        return ""
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


# ----- the lines of R -----


def r_statements(notebook: Path) -> list[str]:
    """The statements of R that stand on the page of a run.

    Parameters
    ----------
    notebook : Path
        The executed notebook; it may be absent.
    """
    if not notebook.is_file():
        return []
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    blocks = [re.findall(r"```r\n(.*?)```", text, re.DOTALL) for text in texts]
    return list(
        statements(line for own in blocks for b in own for line in b.split("\n"))
    )


def statements(lines: Iterable[str]) -> Iterator[str]:
    r"""Lines of R as statements: a line goes on where a bracket is open.

    Examples
    --------
    >>> list(statements(["a <- f(1,   # one", "       2)", "b"]))
    ['a <- f(1,\n       2)', 'b']
    """
    held: list[str] = []
    for line in lines:
        code = line.partition("#")[0].rstrip()
        if not code:
            continue
        held.append(code)
        text = "\n".join(held)
        is_head = text.startswith("for ") and len(held) == 1
        if not is_head and _closed(text):
            yield text
            held = []


def _closed(text: str) -> bool:
    """Whether no bracket is open at the end of a text."""
    opened = sum(text.count(sign) for sign in "([{")
    closed = sum(text.count(sign) for sign in ")]}")
    return opened <= closed


def r_line(kind: str, lines: Iterable[str]) -> str:
    """The statement of R that gives a kind of estimate; nothing if there is none.

    Examples
    --------
    >>> r_line("odds_ratio", ["fit <- svyglm(y ~ a)", "exp(cbind(coef(fit)))"])
    'exp(cbind(coef(fit)))'
    """
    lines = list(lines)
    for word in R_WORDS.get(kind, ()):
        for line in lines:
            if word in line:
                return line
    return ""
