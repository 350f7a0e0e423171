"""The page "Could this headline be true?": two unprinted groups to move, and how figures are read.

``{headline}``
    makes it of ``data/published/headline.json`` (`trustbook.headline`) and of the record.
    Its script, style and data lie in ``_static/headline``, and only this page loads them.
    The table below it says the same for every combination of the switches without
    scripts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx

from trustbook.cells_json import compact
from trustbook.headline import ACROSS, FILE, QUESTIONS, UP, switches
from trustbook.sphinx.directives import DataDirective, raw_html
from trustbook.sphinx.explorer_pages import WEB
from trustbook.sphinx.record_pages import printed
from trustlib.errors import TrustlibError
from trustlib.record.questions import flat
from trustlib.schema import load_yaml
from trustlib.writing import write_text

PLACE = "_static/headline"
DATA = "headline_data.js"
SCRIPT = "headline.js"
STYLE = "headline.css"
SKELETON = "headline.html"
LISTS = ("questions", "bases", "orders")
HEADS = ("The figures are of", "Who had an experience", "A single group")
FOUND = ("Across", "Up", "A smallest contradiction")


def page_data(
    combinations: Mapping[str, Any],
    movable: Mapping[str, Any],
    figures: pd.DataFrame,
    record: str,
) -> dict[str, Any]:
    """All that the script needs; `headline.js` says what each key is.

    Parameters
    ----------
    combinations : mapping
        From `trustbook.headline.every_combination`.
    movable : mapping
        Of ``questions.yml``.
    figures : DataFrame
        The record, with the ids as index.
    record : str
        Address of the page of the record.

    Raises
    ------
    TrustlibError
        The combinations are not those of the switches.
    """
    expected = {" ".join(chosen) for chosen in switches(movable)}
    if set(combinations) != expected:
        raise TrustlibError(
            f"{FILE} has the combinations {sorted(combinations)}, the switches give "
            f"{sorted(expected)}.",
            "Write it anew: python -m trustbook.headline data.",
        )
    lines = {
        key: [*flat(movable["figures"]), *flat(base["figures"])]
        for key, base in movable["bases"].items()
    }
    ids = dict.fromkeys(name for own in lines.values() for name in own)
    return {
        "combinations": combinations,
        "switches": {
            each: {
                key: _label(one, movable["names"], figures)
                for key, one in movable[each].items()
            }
            for each in LISTS
        },
        "lines": lines,
        "record": {
            name: {
                "name": movable["names"][name],
                "printed": printed(figures.loc[name]),
                "claim": figures.loc[name, "claim"],
                "href": f"{record}#figure-{name}",
            }
            for name in ids
        },
        "groups": {side: movable[side]["name"] for side in ("across", "up")},
        "values": {"across": ACROSS, "up": UP},
    }


def _label(
    switch: Mapping[str, Any], names: Mapping[str, str], figures: pd.DataFrame
) -> str:
    """What a switch is called: one that chooses figures by the first of them, too."""
    own = [name for name in flat(switch.get("figures", [])) if name in names]
    if not own:
        return str(switch["label"])
    return f"{switch['label']}: {printed(figures.loc[own[0]])} {names[own[0]]}"


def combinations_table(data: Mapping[str, Any]) -> str:
    """Every combination as a row of a table: what is possible, or what contradicts.

    Parameters
    ----------
    data : mapping
        From `page_data`.
    """
    rows = []
    for key, found in data["combinations"].items():
        chosen = zip(LISTS, key.split(), strict=True)
        words = [escape(data["switches"][each][one]) for each, one in chosen]
        cells = [*words, *_found(found, data["record"])]
        first, *others = cells
        shown = "".join(f"<td>{cell}</td>" for cell in others)
        rows.append(f'<tr><th scope="row">{first}</th>{shown}</tr>')
    heads = "".join(f'<th scope="col">{head}</th>' for head in (*HEADS, *FOUND))
    groups = {side: escape(name) for side, name in data["groups"].items()}
    caption = (
        f"Every combination. Across: percent of {groups['across']}; up: percent of "
        f"{groups['up']}"
    )
    return (
        f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _found(found: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """What a combination leaves possible: both ranges, and a contradiction if nothing."""
    if not found["possible"]:
        names = [_linked(name, record) for name in found["conflict"]]
        return ["nothing", "nothing", "; ".join(names)]
    across, low, high = zip(*found["region"], strict=True)
    return [
        f"{min(across):.1f} to {max(across):.1f}",
        f"{min(low):.1f} to {max(high):.1f}",
        "none",
    ]


def _linked(name: str, record: Mapping[str, Any]) -> str:
    """A member of a contradiction: a figure leads to its line."""
    if name not in record:
        return escape(name)
    return f'<a href="{escape(record[name]["href"])}">{escape(name)}</a>'


def skeleton(place: str) -> str:
    """The HTML of the page, with its style and scripts from a folder.

    Examples
    --------
    >>> skeleton("_static/headline").splitlines()[0]
    '<link rel="stylesheet" href="_static/headline/headline.css">'
    """
    style = f'<link rel="stylesheet" href="{place}/{STYLE}">\n'
    scripts = "".join(
        f'<script src="{place}/{name}" defer></script>\n' for name in (DATA, SCRIPT)
    )
    return style + (WEB / SKELETON).read_text(encoding="utf-8") + scripts


def web_files(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and content of every file that the page loads."""
    yield DATA, f"window.trustHeadline = {compact(data)};\n"
    for name in (SCRIPT, STYLE):
        yield name, (WEB / name).read_text(encoding="utf-8")


class HeadlinePage(DataDirective):
    """The switches, the sliders and the region, and every combination as a table."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One raw node; beside it, the files that it loads."""
        asked = load_yaml(self.file(f"published/{QUESTIONS}"))
        path = self.file(f"published/{FILE}")
        combinations = json.loads(path.read_text(encoding="utf-8"))
        figures = self.figures().set_index("id")
        builder = self.env.app.builder
        record = builder.get_relative_uri(self.env.docname, "record")
        data = page_data(combinations, asked["movable"], figures, record)
        folder = Path(self.env.app.outdir) / PLACE
        for name, text in web_files(data):
            write_text(folder / name, text)
        first = builder.get_relative_uri(self.env.docname, "index")
        root, slash, _ = first.rpartition("/")
        html = skeleton(f"{root}{slash}{PLACE}")
        return raw_html(html + combinations_table(data))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("headline", HeadlinePage)
    return {"parallel_read_safe": True}
