"""The evidence chapters: pictures of printed figures, tables of them, and what can be computed from print alone.

``book/sections.yml`` says which chapter and runs belong to each section of the report, and which lines of the record.

``{sections-table}`` shows it. ``{record-rows}`` shows the lines of the record that belong to the page it stands on, or
those named; each leads to its row of the record.
``{record-figure} title`` draws printed percentages, and ranges that the audit allows, on one axis from 0 to 100. A line
of its content is ``label: R24-020 R24-021`` (one mark for each) or ``label: audit one-item-minority`` (a range); a line
``# words`` starts a new part. Options ``:first:``, ``:second:`` name the marks, ``:says:`` what is to be seen. A CSV
file below it holds its numbers.
``{printed-gap-table} R24-020 R24-021, ...`` shows gaps of printed percentages with intervals *as if* people were drawn
at random. ``{per-hundred-table}`` does the sum from those with an experience to all people of a group.
``{detectable-level-table}``, ``{detectable-gap-table}`` and ``{people-needed-table}`` say what a next wave could see.
``{trials-table}`` shows shares of trial participants beside shares of a population (``data/published/trials.yml``).
``{contrasts-table} hints6`` shows every interaction contrast of the runs of that name, p-values adjusted for them all.
``{record-line}`R24-029` `` leads to a line of the record, by its id: for what was printed without a figure.
``{evidence}`key` `` prints one number computed here; how it was computed is the tooltip, and stands in a list at the
end of the page, to which the number leads.
A name that does not exist is an error, and the build treats it as one.
"""

from __future__ import annotations

import csv
import json
import math
from fnmatch import fnmatch
from html import escape
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst.directives import unchanged_required
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

from trustbook.pictures import COUNTRIES
from trustbook.runs import load_plan
from trustbook.sphinx.audit_pages import answers_for, computed
from trustbook.sphinx.directives import DataDirective as _Made
from trustbook.sphinx.directives import figures_of, markdown_table
from trustbook.sphinx.finding import unbroken
from trustbook.sphinx.record_pages import (
    RecordRole,
    printed,
)
from trustlib.errors import TrustlibError, require_names
from trustlib.intervals import LEVEL, detectable_difference, detectable_size, t_quantile
from trustlib.record.printed import asked_in
from trustlib.schema import load_yaml
from trustlib.tables import INTERVAL, number

POWER = 0.8
DEFFS = (1.0, 1.5, 2.0)  # none; as in the stand-in; as in polls with boosted groups
ITEMS = {
    "provider": "provider question",
    "system": "system question",
    "any": "either question",
    "unspecified": "question not named",
    "composite": "several answers",
    "none": "another question",
    "context": "background",
}
# Groups of 2024: the line with their number of people, and the printed percentage that is nearest to a baseline.
GROUPS = {
    "Everybody": ("R24-001", None),
    "Marginalised": ("R24-012", None),
    "Not marginalised": ("R24-013", None),
    "Women": ("R24-007", None),
    "Ethnic minority": ("R24-009", None),
    "Disabled": ("R24-010", "R24-033"),
    "LGBTQ+": ("R24-011", None),
    "65 or older": ("R24-008", None),
    "One country (Brazil)": ("R24-006", None),
}


# ----- what belongs where -----


def sections(path: str | Path) -> list[dict[str, Any]]:
    """The sections of the report, in its order: section, chapter, title, runs, record (ids or patterns)."""
    return load_yaml(path)["sections"]


def record_ids(patterns: list[str], known: list[str]) -> list[str]:
    """The lines of the record that ids and patterns such as ``W22-03*`` stand for, in the order of the record."""
    idle = [p for p in patterns if not any(fnmatch(name, p) for name in known)]
    require_names("figure of the record", idle, known)
    return [name for name in known if any(fnmatch(name, p) for p in patterns)]


def sections_markdown(path: str | Path, runs: str | Path, page: str = "/{0}") -> str:
    """The table report section -> chapter -> runs, for the book or, with paths instead of pages, for the README.

    Parameters
    ----------
    path, runs : path
        ``book/sections.yml`` and ``notebooks/runs.yml``.
    page : str
        How the book writes the target of a page; without it (``""``) chapters are links to their files.
    """
    known = [run.id for run in load_plan(runs) if run.page]
    rows = []
    for part in sections(path):
        require_names("run with a page", part.get("runs") or [], known)
        if page:
            chapter = f"{{doc}}`{part['title']} <{page.format(part['chapter'])}>`"
            names = [
                f"{{doc}}`{r} <{page.format(f'_runs/{r}/{r}')}>`"
                for r in part.get("runs") or []
            ]
        else:
            chapter = f"[{part['title']}](book/{part['chapter']}.md)"
            names = [f"`{r}`" for r in part.get("runs") or []]
        rows.append([part["section"], chapter, ", ".join(names) or "none"])
    return markdown_table(["Section of the report", "Chapter", "Runs"], rows)


# ----- what is computed from print -----


def share(figures: pd.DataFrame, name: str) -> float:
    """A printed percentage as a share."""
    return float(figures.at[name, "value"]) / 100


def both_and_neither(figures: pd.DataFrame) -> tuple[float, float]:
    """People of a minority who are disabled, and people who are neither, were the two identities independent."""
    n, minority, disabled = (
        float(figures.at[i, "value"]) for i in ("R24-001", "R24-009", "R24-010")
    )
    both = minority * disabled / n
    return both, n - minority - disabled + both


def gap_change(
    levels: tuple[float, float], people: tuple[float, float], deff: float
) -> float:
    """The smallest change of a gap between two waves of the same size that is found with a chance of `POWER`.

    The levels stay near where they are; the four groups are independent: 2 (z of the level + z of the power) times
    the standard error of the difference of two gaps.
    """
    variance = (
        2 * deff * sum(p * (1 - p) / n for p, n in zip(levels, people, strict=True))
    )
    return float(detectable_size(math.sqrt(variance), math.inf, POWER))


def people_needed(levels: tuple[float, float], change: float, deff: float) -> int:
    """People needed in each of two groups and waves for `gap_change` to be as small as `change`."""
    return math.ceil((gap_change(levels, (1.0, 1.0), deff) / change) ** 2)


def level_change(level: float, people: float, deff: float) -> float:
    """The smallest fall of a level between two waves of the same size that is found with a chance of `POWER`."""
    return detectable_difference(1 - level, people, deff, POWER)


def gaps_of_2024(
    figures: pd.DataFrame, found: pd.DataFrame
) -> dict[str, tuple[tuple, tuple]]:
    """The two gaps of 2024 with levels (first, second) and people."""
    people = tuple(float(figures.at[i, "value"]) for i in ("R24-012", "R24-013"))
    implied = with_experience(found)
    printed_pair = (share(figures, "R24-017"), share(figures, "R24-018"))
    return {
        "Marginalised, against others": (implied, people),
        "Both minority and disabled, against neither": (
            printed_pair,
            both_and_neither(figures),
        ),
    }


def printed_gap(
    figures: pd.DataFrame, one: str, two: str, deff: float
) -> tuple[float, float, float]:
    """A gap between two printed percentages whose numbers of people are printed, with its as-if 95 % interval."""
    require_names("figure of the record", [one, two], figures.index)
    p, n = (
        figures.loc[[one, two], "value"].to_numpy() / 100,
        figures.loc[[one, two], "base_n"].to_numpy(),
    )
    if not (n > 0).all():
        raise TrustlibError(
            f"The numbers of people behind {one} and {two} are not both printed."
        )
    gap = p[0] - p[1]
    half = t_quantile(math.inf, LEVEL) * math.sqrt(deff * (p * (1 - p) / n).sum())
    return gap, gap - half, gap + half


def with_experience(found: pd.DataFrame) -> tuple[float, float]:
    """Shares of marginalised people and of others with an experience, if footnote 8 counts them."""
    return tuple(
        float(found.at[f"implied-{group} low", "value"])
        for group in ("marginalised", "others")
    )


def ratio_range(
    shares: tuple[float, float], half: tuple[float, float]
) -> tuple[float, float, float]:
    """A ratio of two printed percentages, and the least and the greatest that their rounding allows."""
    (a, b), (x, y) = shares, half
    return a / b, (a - x) / (b + y), (a + x) / (b - y)


def trial_shares(
    trials: dict[str, Any], figures: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """The rows of trials.yml with value, half_width and source; those of the record take them from there."""
    out = {}
    for name, row in trials["shares"].items():
        if "record" in row:
            require_names("figure of the record", [row["record"]], figures.index)
            line = figures.loc[row["record"]]
            row = {
                **row,
                "value": line["value"],
                "half_width": line["half_width"],
                "source": line["source"],
            }
        out[name] = row
    return out


def quantities(
    figures: pd.DataFrame,
    found: pd.DataFrame,
    trials: dict[str, Any],
    asked: pd.DataFrame,
) -> dict[str, tuple[str, str]]:
    """Every number that ``{evidence}`` prints: key -> its text, and how it was computed."""
    both, neither = both_and_neither(figures)
    of_2024 = asked[(asked["variable"] == "ethnicity") & (asked["wave"] == "2024")]
    places = int((of_2024["asked"] == "asked").sum())
    each = both / places
    half_width = t_quantile(math.inf, LEVEL) * math.sqrt(DEFFS[1] * 0.25 / each)
    people = tuple(float(figures.at[i, "value"]) for i in ("R24-012", "R24-013"))
    japan = float(figures.at["R24-004", "value"]) * float(
        figures.at["R24-011", "value"]
    )
    japan /= float(figures.at["R24-001", "value"])
    least = t_quantile(math.inf, LEVEL) * math.sqrt(sum(0.25 / n for n in people))
    wave = {w: share(figures, a) - share(figures, b) for w, a, b in (("2022", "W22-011", "W22-012"),
                                                                     ("2024", "R24-017", "R24-018"))}  # fmt: skip
    percent = figures[
        (figures["statistic"] == "percent") & (figures["survey"] == "polling")
    ]
    levels = percent[percent["outcome"].str.startswith("trust_damaged")]
    single = levels[levels["countries"].str.len() == 2]
    item = {
        q: single[single["item"] == q].set_index(["countries", "group"])["value"]
        for q in ("provider", "system")
    }
    apart = (item["system"] - item["provider"]).dropna()
    lgbtq = 100 * (share(figures, "W22-007") - share(figures, "W22-018"))
    out = {
        "both-people": (f"{both:,.0f}", "minority people times disabled people over all, as if independent"),
        "both-per-country": (
            f"{each:,.0f}",
            f"that number over the {places} countries in which a printed figure shows that ethnicity was asked in 2024",
        ),
        "both-interval": (
            f"{100 * half_width:.0f} points",
            "1.96 standard errors of a share of one half among that many people, design effect 1.5",
        ),
        "neither-people": (f"{neither:,.0f}", "all less minority less disabled plus both, as if independent"),
        "smallest-gap-called-significant": (
            f"{100 * least:.1f} points",
            "1.96 standard errors of a gap between two shares of one half, with the people of footnotes 5 and 6",
        ),
        "gap-2022": (f"{100 * wave['2022']:.0f} points", "W22-011 less W22-012"),
        "gap-2024": (f"{100 * wave['2024']:.0f} points", "R24-017 less R24-018"),
        "gap-rise": (f"{100 * (wave['2024'] - wave['2022']):.0f} points", "the gap of 2024 less that of 2022"),
        "items-least": (f"{apart.min():.0f} points", "system less provider, same group and country: the least"),
        "items-most": (f"{apart.max():.0f} points", "system less provider, same group and country: the greatest"),
        "items-pairs": (f"{len(apart)}", "groups of one country with a printed percentage for both questions"),
        "items-unnamed": (f"{lgbtq:.0f} points", "W22-007, whose question is not named, less W22-018, of the provider"),
        "countries-with-level": (
            f"{single['countries'].nunique()}",
            "countries for which a percentage with a damaging experience is printed",
        ),
        "countries-with-everybody": (
            f"{single.loc[single['group'] == 'all', 'countries'].nunique()}",
            "countries for which such a percentage of all adults is printed",
        ),
        "japan-people": (f"{japan:,.0f}", "people polled in Japan times the share of LGBTQ+ people in five countries"),
        "japan-needed": (
            f"{100 * level_change(share(figures, 'W22-047'), japan, DEFFS[1]):.0f} points",
            f"smallest fall found with a chance of {POWER}, two waves of that many people, design effect {DEFFS[1]}",
        ),
    }  # fmt: skip
    for name, (p, n) in zip(
        ("marginalised", "double"), gaps_of_2024(figures, found).values(), strict=True
    ):
        change, gap = gap_change(p, n, DEFFS[1]), p[0] - p[1]
        out[f"change-{name}"] = (
            f"{100 * change:.1f} points",
            f"smallest change found, design effect {DEFFS[1]}",
        )
        out[f"closed-{name}"] = (
            f"{100 * change / gap:.0f} %",
            "that change as a share of the gap of 2024",
        )
    rows = trial_shares(trials, figures)
    for name, (top, bottom) in {
        "ppr": ("participants", "population"),
        "ppr-census": ("participants", "census"),
        "ppr-target": ("target", "population"),
    }.items():
        pair = rows[top], rows[bottom]
        value, low, high = ratio_range(
            *(tuple(float(r[c]) for r in pair) for c in ("value", "half_width"))
        )
        how = f"{rows[top]['label']}, over: {rows[bottom]['label']}"
        out[name] = (f"{value:.2f}", how)
        out[f"{name}-range"] = (
            f"{low:.2f} to {high:.2f}",
            f"{how}; the range that rounding allows",
        )
    parity = float(trials["band"]["low"]) * float(rows["population"]["value"])
    out["parity-share"] = (
        f"{parity:.0f} %",
        "the lower end of the band times the share of the population",
    )
    out["census"] = (f"{float(rows['census']['value']):g} %", rows["census"]["source"])
    return out


# ----- directives -----


class _Evidence(_Made):
    """A directive of an evidence chapter."""

    def table(self, heads: list[str], rows: list[list[Any]]) -> list[nodes.Node]:
        """A table whose first column a phone leaves wide enough to read."""
        rows = [[unbroken(str(cell)) for cell in row] for row in rows]
        return [
            nodes.container(
                "", *self.read(markdown_table(heads, rows)), classes=["evidence-table"]
            )
        ]

    def link(self, page: str, words: str, title: str = "") -> str:
        """A link to a page of the book, in HTML."""
        target, _, place = page.partition("#")
        uri = self.env.app.builder.get_relative_uri(self.env.docname, target) + (
            f"#{place}" if place else ""
        )
        return f'<a class="reference internal" href="{escape(uri)}"' + (
            f' title="{escape(title)}">{escape(words)}</a>'
            if title
            else f">{escape(words)}</a>"
        )

    def line(self, name: str, words: str | None = None) -> str:
        """A link to a line of the record; its words are the figure, or those given."""
        figure = self.figures().set_index("id").loc[name]
        return self.link(
            f"record#figure-{name}", words or unbroken(printed(figure)), figure["claim"]
        )

    def sections(self) -> list[dict[str, Any]]:
        """The rows of sections.yml."""
        path = Path(self.env.srcdir) / "sections.yml"
        self.env.note_dependency(str(path))
        return sections(path)


class SectionsTable(_Evidence):
    """Report section -> chapter -> runs."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """A Markdown table."""
        self.sections()
        source = Path(self.env.srcdir)
        return self.read(
            sections_markdown(
                source / "sections.yml", source.parent / "notebooks" / "runs.yml"
            )
        )


class RecordRows(_Evidence):
    """The lines of the record that belong to this page, each with a link to its row."""

    def make(self) -> list[nodes.Node]:
        """One table that can be opened."""
        figures, mine = (
            self.figures().set_index("id"),
            self.arguments[0].split() if self.arguments else [],
        )
        for part in [] if mine else self.sections():
            mine += (
                part["record"].split() if part["chapter"] == self.env.docname else []
            )
        ids = record_ids(mine, list(figures.index))
        heads = ("Line", "What is said", "Figure", "Item", "Of whom")
        body = "".join(
            f"<tr><th scope='row'>{self.line(i, i)}</th><td>{escape(f['claim'])}</td>"
            f"<td>{escape(unbroken(printed(f)))}</td><td>{escape(ITEMS[f['item']])}</td><td>{escape(_base(f))}</td></tr>"
            for i, f in figures.loc[ids].iterrows()
        )
        lines = (
            f"All {len(ids)} printed lines that belong"
            if len(ids) > 1
            else "The one printed line that belongs"
        )
        html = (
            f'<details class="record-rows"><summary>{lines} to this chapter</summary>'
            "<table><caption>Printed lines of this chapter. Kind of evidence: published</caption><thead><tr>"
            + "".join(f'<th scope="col">{h}</th>' for h in heads)
            + f"</tr></thead><tbody>{body}</tbody></table></details>"
        )
        return [nodes.raw("", html, format="html")]


def _base(figure: pd.Series) -> str:
    """Of whom, with the number of people where it is printed."""
    base = figure["base"] if figure["item"] != "context" else "no figure of the polling"
    return base + (f" (n = {figure['base_n']:,.0f})" if figure["base_n"] > 0 else "")


def _about(figures: pd.DataFrame) -> tuple[str, ...]:
    """Item, base, country and wave of the printed figures of one line."""
    told = []
    for _, figure in figures.iterrows():
        where = figure["countries"].split()
        place = COUNTRIES[where[0]] if len(where) == 1 else f"{len(where)} countries"
        told.append(
            (ITEMS[figure["item"]], figure["conditioning"], place, figure["wave"])
        )
    return tuple(
        " and ".join(dict.fromkeys(filter(None, words)))
        for words in zip(*told, strict=True)
    )


class RecordFigure(_Evidence):
    """A picture of printed percentages and of ranges that the audit allows."""

    required_arguments = 1
    optional_arguments = 0
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = dict.fromkeys(
        ("first", "second", "says"), unchanged_required
    )

    def make(self) -> list[nodes.Node]:
        """The picture, made of the page's own text, so that it fits a phone, dark mode and paper."""
        parts: list[tuple[str, list[tuple[str, tuple[str, ...], str, str]]]] = [
            ("", [])
        ]
        self.numbers: list[list[Any]] = [
            ["part", "label", "id", "percent", "low", "high"]
        ]
        for line in filter(None, map(str.strip, self.content)):
            if line.startswith("# "):
                parts.append((line[2:], []))
            else:
                before = len(self.numbers)
                parts[-1][1].append(self.row(line))
                self.numbers[before:] = [
                    [parts[-1][0], *row] for row in self.numbers[before:]
                ]
        rows = [row for _, mine in parts for row in mine]
        names = [self.options[k] for k in ("first", "second") if k in self.options]
        legend = "".join(
            f'<span><i class="ef-mark ef-{i}" aria-hidden="true"></i>{escape(name)}</span>'
            for i, name in enumerate(names)
        )
        if any('class="ef-range"' in track for *_, track, _ in rows):
            legend += '<span><i class="ef-range" aria-hidden="true"></i>all that the print allows</span>'
        ticks = "".join(
            f'<span style="left:{t}%">{t}</span>' for t in (0, 25, 50, 75, 100)
        )
        computed = ", and computed from what was published" * any(
            ": audit " in line for line in self.content
        )
        html = (
            f'<figure class="record-figure"><p class="ef-title">{escape(self.arguments[0])}</p>'
            + (f'<p class="ef-legend">{legend}</p>' if legend else "")
            + "".join(_part(heading, mine) for heading, mine in parts if mine)
            + '<div class="ef-row ef-axis" aria-hidden="true"><div></div>'
            + f'<div class="ef-ticks">{ticks}</div><div></div></div>'
            + f"<figcaption>{escape(self.options.get('says', ''))} Kind of evidence: published{computed}. "
            "Percent of people; each figure leads to its source.</figcaption>"
            + self.download()
            + "</figure>"
        )
        return [nodes.raw("", html, format="html")]

    def download(self) -> str:
        """A link to the numbers of the picture, which `write_numbers` writes to a file when the book is built."""
        mine = drawn_on(self.env).setdefault(self.env.docname, {})
        name = f"{self.env.docname.replace('/', '-')}-{len(mine) + 1}.csv"
        csv.writer(stream := StringIO(), lineterminator="\n").writerows(self.numbers)
        mine[name] = stream.getvalue()
        address = "../" * self.env.docname.count("/") + f"{NUMBERS}/{name}"
        return (
            f'<p class="picture-numbers"><a class="reference download internal" download="" href="{address}">'
            f"The numbers of this picture: {name}</a></p>"
        )

    def row(self, text: str) -> tuple[str, tuple[str, ...], str, str]:
        """One line of the picture: label, what it is of, marks and figures."""
        label, _, what = text.rpartition(": ")
        if what.startswith("audit "):
            return self.range(label, what.removeprefix("audit ").strip())
        figures, names, track = self.figures().set_index("id"), what.split(), ""
        require_names("figure of the record", names, figures.index)
        for i, figure in enumerate(figures.loc[names].itertuples()):
            if figure.statistic != "percent":
                raise TrustlibError(
                    f"{figure.Index} is a {figure.statistic}, and this picture shows percentages."
                )
            track += f'<i class="ef-mark ef-{i}" style="left:{figure.value:g}%"></i>'
            self.numbers.append([label, figure.Index, f"{figure.value:g}", "", ""])
        ends = figures.loc[names, "value"]
        span = f'<i class="ef-span" style="left:{ends.min():g}%;width:{ends.max() - ends.min():g}%"></i>'
        return (
            label,
            _about(figures.loc[names]),
            span + track,
            " and ".join(self.line(name) for name in names),
        )

    def range(self, label: str, key: str) -> tuple[str, tuple[str, ...], str, str]:
        """A line with the range that the audit allows, or with one mark where it allows one value."""
        found = answers_for(self.env)
        require_names("answer of the audit", [f"{key} low"], found.index)
        low, high = (found.loc[f"{key} {end}"] for end in ("low", "high"))
        left, width = (
            100 * float(low["value"]),
            100 * float(high["value"] - low["value"]),
        )
        track = f'<i class="ef-range" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
        if low["text"] == high["text"]:
            track = f'<i class="ef-mark ef-0" style="left:{left:.2f}%"></i>'
        words = unbroken(" to ".join(dict.fromkeys((low["text"], high["text"]))))
        ends = [f"{100 * float(end['value']):.1f}" for end in (low, high)]
        self.numbers.append(
            [label, key, ends[0] if low["text"] == high["text"] else "", *ends]
        )
        return label, (low["question"],), track, self.link("do-the-figures-fit", words)


def _part(heading: str, rows: list[tuple[str, tuple[str, ...], str, str]]) -> str:
    """The lines of a part under its heading; what all of them are of is said once, what a label says not again."""
    alike = len(rows) > 1 and len({len(about) for _, about, _, _ in rows}) == 1
    shared = (
        [
            len(set(words)) == 1
            for words in zip(*(about for _, about, _, _ in rows), strict=alike)
        ]
        if alike
        else []
    )
    once = ", ".join(
        filter(
            None, (word for word, same in zip(rows[0][1], shared, strict=False) if same)
        )
    )
    head = escape(heading) + (f"<small>{escape(once)}</small>" if once else "")
    html = f'<p class="ef-part">{head}</p>' if head else ""
    for label, about, track, values in rows:
        own = [
            w
            for i, w in enumerate(about)
            if w and w not in label and not (shared and shared[i])
        ]
        html += (
            f'<div class="ef-row"><div class="ef-label">{escape(label)}'
            + (f"<small>{escape(', '.join(own))}</small>" if own else "")
            + f'</div><div class="ef-track" aria-hidden="true">{track}</div><div class="ef-value">{values}</div></div>'
        )
    return html


class PrintedGapTable(_Evidence):
    """Gaps between printed percentages of groups whose sizes are printed, with as-if intervals."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each pair."""
        figures, rows = self.figures().set_index("id"), []
        for pair in self.arguments[0].split(","):
            one, two = pair.split()
            gaps = [printed_gap(figures, one, two, deff) for deff in DEFFS]
            claim = figures.at[one, "claim"].partition(":")[0]
            both = " and ".join(printed(figures.loc[name]) for name in (one, two))
            rows.append(
                [
                    claim,
                    both,
                    f"{100 * gaps[0][0]:.0f}",
                    *(f"{100 * g[1]:.1f} to {100 * g[2]:.1f}" for g in gaps),
                ]
            )
        heads = ["What was said", "Published", "Gap, points"]
        return self.table(
            [*heads, *(f"As-if interval, design effect {d:g}" for d in DEFFS)], rows
        )


class PerHundredTable(_Evidence):
    """From those with an experience to everybody of a group."""

    required_arguments = 1
    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each pair: marginalised people, then others."""
        figures, found, rows = self.figures().set_index("id"), answers_for(self.env), []
        base = with_experience(found)
        said = {"Had an experience that damaged their trust": base}
        for pair in self.arguments[0].split(","):
            names = pair.split()
            require_names("figure of the record", names, figures.index)
            among = tuple(share(figures, n) for n in names)
            claim = figures.at[names[0], "claim"].partition(":")[0]
            said[f"{claim}: among those with an experience"] = among
            said[f"{claim}: among all"] = tuple(
                b * p for b, p in zip(base, among, strict=True)
            )
        for words, (one, two) in said.items():
            rows.append(
                [
                    words,
                    f"{100 * one:.0f}",
                    f"{100 * two:.0f}",
                    f"{100 * (one - two):.1f}",
                    f"{one / two:.1f}",
                ]
            )
        heads = [
            "Of 100 people in the group",
            "Marginalised",
            "Others",
            "Gap, points",
            "Ratio",
        ]
        return self.table(heads, rows)


class DetectableLevels(_Evidence):
    """What fall of a level a next wave of the same size would find."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each group of 2024."""
        figures, rows = self.figures().set_index("id"), []
        groups = [
            (name, float(figures.at[n, "value"]), level)
            for name, (n, level) in GROUPS.items()
        ]
        groups.append(
            (
                "Both minority and disabled, if independent",
                both_and_neither(figures)[0],
                "R24-017",
            )
        )
        for name, people, level in groups:
            p = share(figures, level) if level else 0.5
            told = printed(figures.loc[level]) if level else "one half"
            rows.append(
                [
                    name,
                    f"{people:,.0f}",
                    told,
                    *(f"{100 * level_change(p, people, d):.1f}" for d in DEFFS),
                ]
            )
        heads = ["Group", "People in each wave", "Level now"]
        return self.table(
            [*heads, *(f"Fall found (points), design effect {d:g}" for d in DEFFS)],
            rows,
        )


class DetectableGaps(_Evidence):
    """What change of a gap a next wave of the same size would find."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each gap: points, and the part of the gap that they are."""
        rows = []
        for name, (p, n) in gaps_of_2024(
            self.figures().set_index("id"), answers_for(self.env)
        ).items():
            gap, changes = p[0] - p[1], [gap_change(p, n, deff) for deff in DEFFS]
            people = " and ".join(f"{k:,.0f}" for k in n)
            rows.append(
                [
                    name,
                    f"{100 * gap:.1f}",
                    people,
                    *(f"{100 * c:.1f} ({100 * c / gap:.0f} %)" for c in changes),
                ]
            )
        heads = ["Gap", "Points now", "People in each wave"]
        return self.table(
            [*heads, *(f"Change found, design effect {d:g}" for d in DEFFS)], rows
        )


class PeopleNeeded(_Evidence):
    """How many people each group needs in each wave."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each gap and part of it that closes."""
        rows = []
        gaps = gaps_of_2024(self.figures().set_index("id"), answers_for(self.env))
        for (name, (p, _)), part in product(gaps.items(), (0.1, 0.25, 0.5)):
            change = part * (p[0] - p[1])
            needed = (f"{people_needed(p, change, deff):,}" for deff in DEFFS)
            rows.append(
                [name, f"{100 * part:.0f} % ({100 * change:.1f} points)", *needed]
            )
        return self.table(
            ["Gap", "Closes by", *(f"Design effect {d:g}" for d in DEFFS)], rows
        )


class TrialsTable(_Evidence):
    """Shares of trial participants and of the population, with their sources."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One row for each share."""
        trials = load_yaml(self.file("published/trials.yml"))
        rows = [
            [row["label"], f"{float(row['value']):g} %", row["source"], row["reading"]]
            for row in trial_shares(trials, self.figures().set_index("id")).values()
        ]
        return self.table(["Share", "Published", "Source", "How we read it"], rows)


def contrasts(runs: Path, prefix: str) -> pd.DataFrame:
    """Every interaction contrast of the runs whose id begins so, with p-values adjusted for all of them (Holm).

    Columns run, title, among (the level of a third identity), estimate, conf_low, conf_high, p_value, p_holm; in the
    order of p-values.
    """
    from statsmodels.stats.multitest import multipletests

    found = []
    for path in sorted(runs.glob(f"{prefix}-*/tables/interaction.csv")):
        facts = json.loads(
            (path.parents[1] / "provenance.json").read_text(encoding="utf-8")
        )["parameters"]
        rows = pd.read_csv(path).query(
            "measure == 'interaction_contrast' and method == 'delta'"
        )
        third = [name for name in facts["identities"] if name not in facts["pair"]]
        among = rows[third].agg(", ".join, axis=1) if third else ""
        found.append(rows.assign(run=path.parts[-3], title=facts["title"], among=among))
    if not found:
        raise TrustlibError(
            f"No run of {prefix!r} has measures of interaction.", "Run the plan first."
        )
    every = pd.concat(found, ignore_index=True)
    every["p_holm"] = multipletests(every["p_value"], method="holm")[1]
    columns = [
        "run",
        "title",
        "among",
        "estimate",
        "conf_low",
        "conf_high",
        "p_value",
        "p_holm",
    ]
    return every[columns].sort_values("p_value", ignore_index=True)


class ContrastsTable(_Evidence):
    """All interaction contrasts of one survey, so that none is read as if it had been the only one."""

    def make(self) -> list[nodes.Node]:
        """One row for each contrast, the clearest first."""
        runs, pages = (
            Path(self.env.srcdir) / "_runs",
            load_plan(Path(self.env.srcdir).parent / "notebooks" / "runs.yml"),
        )
        shown = {run.id for run in pages if run.page}
        rows = []
        for row in contrasts(runs, self.arguments[0]).itertuples():
            self.env.note_dependency(str(runs / row.run / "tables" / "interaction.csv"))
            name = f"{row.title} ({row.among})" if row.among else row.title
            name = (
                f"{{doc}}`{name} </_runs/{row.run}/{row.run}>`"
                if row.run in shown
                else name
            )
            ends = " to ".join(
                number(end, "difference") for end in (row.conf_low, row.conf_high)
            )
            p = [
                "< 0.001" if v < 0.001 else f"{v:.3f}"
                for v in (row.p_value, row.p_holm)
            ]
            rows.append([name, number(row.estimate, "difference"), ends, *p])
        return self.table(
            ["Outcome and identities", "Contrast, points", INTERVAL, "p", "p (Holm)"],
            rows,
        )


class EvidenceRole(SphinxRole):
    """Print one number computed from the print, with how it was computed as a tooltip and at the end of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the number up."""
        folder = Path(self.env.srcdir).parent / "data" / "published"
        try:
            codebook = folder.with_name("codebook.yml")
            paths = folder / "figures.csv", folder / "trials.yml", codebook
            for path in paths:
                self.env.note_dependency(str(path))
            figures = figures_of(paths[0], paths[0].stat().st_mtime).set_index("id")
            known = quantities(
                figures, answers_for(self.env), load_yaml(paths[1]), asked_in(codebook)
            )
            require_names("number of the evidence chapters", [self.text], known)
        except (TrustlibError, OSError) as error:
            return [], [
                self.inliner.reporter.error(
                    f"evidence: {error}".replace("\n", " "), line=self.lineno
                )
            ]
        shown, how = known[self.text]
        return [computed(self.text, shown, f"Computed from the print: {how}.")], []


class RecordLine(RecordRole):
    """The id of a line of the record, linked to it."""

    def mark(self, figure: pd.Series) -> nodes.Node:
        """What is printed: the id."""
        return nodes.abbreviation(
            self.text, self.text, explanation=f"{figure['claim']}."
        )


# ----- the numbers of the pictures, as files beside the pages -----


NUMBERS = "_downloads/pictures"


def drawn_on(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Page -> file -> what it holds, kept with the pages that an unchanged book does not read again."""
    if not hasattr(env, "record_pictures"):
        env.record_pictures = {}
    return env.record_pictures


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what a page drew before it is read again, or because it is gone."""
    drawn_on(env).pop(docname, None)


def merge(
    app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment
) -> None:
    """Take over what another process has read."""
    drawn_on(env).update({k: v for k, v in drawn_on(other).items() if k in docnames})


def write_numbers(app: Sphinx, exception: Exception | None) -> None:
    """Write the files to which the pictures link."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / NUMBERS
        folder.mkdir(parents=True, exist_ok=True)
        for files in drawn_on(app.env).values():
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("sections-table", SectionsTable)
    app.add_directive("record-rows", RecordRows)
    app.add_directive("record-figure", RecordFigure)
    app.add_directive("printed-gap-table", PrintedGapTable)
    app.add_directive("per-hundred-table", PerHundredTable)
    app.add_directive("detectable-level-table", DetectableLevels)
    app.add_directive("detectable-gap-table", DetectableGaps)
    app.add_directive("people-needed-table", PeopleNeeded)
    app.add_directive("trials-table", TrialsTable)
    app.add_directive("contrasts-table", ContrastsTable)
    app.add_role("record-line", RecordLine())
    app.add_role("evidence", EvidenceRole())
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write_numbers)
    return {"parallel_read_safe": True}
