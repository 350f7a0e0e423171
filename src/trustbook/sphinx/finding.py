"""Numbers and pictures of the runs on pages.

``{finding}`id` ``
    prints the number that ``findings.yml`` ties to a run, linked to the page of that
    run; ``{finding}`id interval` `` adds its 95 % interval.
``{verdict}`id` ``
    prints the verdict of `trustbook.clear` on a finding of real people: *clear*, *not
    clear*, or *neither clear nor refuted*.
``{run-figure} run 1 levels``
    shows the first picture of a run with its alternative text. Below it stand links to
    the tables that are named, or if none is, to the table that the run published last
    before the picture.
``{run-picture} run 1 levels``
    shows the first picture of rows of a run (`trustbook.pictures.rows`), which is text
    of the page, and the same links.

What cannot be resolved is an error of the page, and the build treats it as one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from trustbook.findings import FINDING, load_findings, resolve, text
from trustbook.pictures.rows import ROW_FIGURE
from trustbook.plans import Finding
from trustlib.errors import TrustlibError

# Where the verdicts on the rows of a table stand, if not beside them.
VERDICT_TABLES = {
    "gaps_replicates": "gaps_verdicts",
    "interaction_replicates": "contrast_verdicts",
}


def unbroken(text: str) -> str:
    r"""A text in which no line ends between a number and its % or points.

    Examples
    --------
    >>> unbroken("82 % of people, 35 points more")
    '82\xa0% of people, 35\xa0points more'
    """
    return re.sub(r"(?<=[\d.]) (?=%|points\b)", "\N{NO-BREAK SPACE}", text)


class FindingRole(SphinxRole):
    """Print a finding, linked to the run it comes from."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Resolve the finding and make the link."""
        name, _, option = self.text.partition(" ")
        source = Path(self.env.srcdir)
        with_interval = option.strip() == "interval"
        try:
            finding = load_findings(source / "findings.yml")[name]
            row = resolve(finding, source / "_runs")
            shown = unbroken(text(finding, row, interval=with_interval))
        except (TrustlibError, KeyError) as error:
            message = f"finding {name!r} cannot be printed: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        self.env.note_dependency(str(source / "findings.yml"))
        return [_named(name, _link_to_run(finding, shown))], []


class VerdictRole(SphinxRole):
    """Print the verdict on a finding, linked to the run it comes from."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Resolve the row of the verdicts that is the finding's."""
        source = Path(self.env.srcdir)
        try:
            finding = load_findings(source / "findings.yml")[self.text]
            shown = verdict_of(finding, source / "_runs")
        except (TrustlibError, KeyError) as error:
            message = f"verdict {self.text!r} cannot be printed: {error}"
            one_line = message.replace("\n", " ")
            return [], [self.inliner.reporter.error(one_line, line=self.lineno)]
        self.env.note_dependency(str(source / "findings.yml"))
        return [_link_to_run(finding, shown)], []


def verdict_of(finding: Finding, runs: Path) -> str:
    """The verdict that the run of a finding gives it.

    Parameters
    ----------
    finding : Finding
        Of a gap, a contrast or a change, by the replicate weights.
    runs : Path
        Folder of the executed runs.

    Returns
    -------
    str
        One of `trustbook.clear.VERDICTS`.

    Raises
    ------
    FindingError
        The run has no verdict on it.
    """
    table = VERDICT_TABLES.get(finding.table, finding.table)
    row = {name: value for name, value in finding.row.items() if name != "method"}
    where = finding.model_copy(update={"table": table, "row": row, "column": "verdict"})
    return str(resolve(where, runs)["verdict"])


def _named(name: str, link: nodes.Node) -> nodes.Node:
    """A link with the name of its finding around it: a resolved link keeps no class."""
    return nodes.inline("", "", link, classes=[FINDING, f"{FINDING}-{name}"])


def _link_to_run(finding: Finding, shown: str) -> nodes.Node:
    """What a finding prints, as a link to the page of its run."""
    link = pending_xref(
        "",
        refdomain="std",
        reftype="doc",
        reftarget=f"/_runs/{finding.run}/{finding.run}",
        refexplicit=True,
    )
    link += nodes.inline(shown, shown)
    return link


class RunFigure(SphinxDirective):
    """Show a picture of a run and where its numbers are.

    The arguments are the run, the number of the picture and, if need be, tables.
    """

    required_arguments = 2
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Find the picture and its text in the run's provenance."""
        run, number, *tables = self.arguments
        folder = Path(self.env.srcdir) / "_runs" / run
        try:
            provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
            picture = provenance["figures"][int(number) - 1]
        except (OSError, KeyError, IndexError, ValueError) as error:
            return self.fault(f"no picture {number} of run {run}: {error}")
        names = " ".join(tables).split()
        if not names:
            names = _table_before(picture, folder)
        kind = ""
        if "synthetic" in provenance["kinds"]:
            kind = ", synthetic"
        uri = f"/_runs/{run}/{picture['file']}"
        image = nodes.image("", uri=uri, alt=picture["alt"])
        shown: list[nodes.Node] = [image]
        for name in names:
            if not _table_file(folder, name).is_file():
                return self.fault(f"no table {name} of run {run}")
            shown.append(self.link_to_numbers(run, name, kind))
        return shown

    def link_to_numbers(self, run: str, table: str, kind: str) -> nodes.Node:
        """A line below the picture that leads to a table; `kind` is said after it."""
        words = f"The numbers of this picture: {table}.csv{kind}"
        link = download_reference(
            "",
            words,
            refdoc=self.env.docname,
            reftarget=f"/_runs/{run}/tables/{table}.csv",
        )
        return nodes.paragraph("", "", link, classes=["picture-numbers"])

    def fault(self, message: str) -> list[nodes.Node]:
        """An error of the page, in place of the picture."""
        reporter = self.state.document.reporter
        return [reporter.error(message, line=self.lineno)]


class RunPicture(RunFigure):
    """Show a picture of rows of a run, as the run left it, and where its numbers are."""

    def run(self) -> list[nodes.Node]:
        """Find the picture among the outputs of the run."""
        run, number, *tables = self.arguments
        folder = Path(self.env.srcdir) / "_runs" / run
        notebook = folder / f"{run}.ipynb"
        try:
            provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
            outputs = json.loads(notebook.read_text("utf-8"))
            picture = _pictures_of_rows(outputs)[int(number) - 1]
        except (OSError, KeyError, IndexError, ValueError) as error:
            return self.fault(f"no picture of rows {number} of run {run}: {error}")
        self.env.note_dependency(str(notebook))
        kind = ", synthetic" if "synthetic" in provenance["kinds"] else ""
        html = f'<div data-run="{run}">{picture}</div>'
        shown: list[nodes.Node] = [nodes.raw("", html, format="html")]
        for name in " ".join(tables).split():
            if not _table_file(folder, name).is_file():
                return self.fault(f"no table {name} of run {run}")
            shown.append(self.link_to_numbers(run, name, kind))
        return shown


def _pictures_of_rows(notebook: dict[str, Any]) -> list[str]:
    """The pictures of rows among the outputs of a notebook, in HTML."""
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if html.startswith(ROW_FIGURE):
                found.append(html)
    return found


def _table_before(picture: dict[str, Any], folder: Path) -> list[str]:
    """The table that a run published last before a picture, if there is one."""
    name = picture.get("table", "")
    if _table_file(folder, name).is_file():
        return [name]
    return []


def _table_file(folder: Path, name: str) -> Path:
    return folder / "tables" / f"{name}.csv"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_role("finding", FindingRole())
    app.add_role("verdict", VerdictRole())
    app.add_directive("run-figure", RunFigure)
    app.add_directive("run-picture", RunPicture)
    return {"parallel_read_safe": True}
