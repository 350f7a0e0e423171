"""Numbers and pictures of the runs on pages: the role ``finding`` and the directive ``run-figure``.

``{finding}`id` `` prints the number that ``findings.yml`` ties to a run, linked to the page of that run; ``{finding}`id
interval` `` adds its 95 % interval.
``{run-figure} run 1 levels`` shows the first picture of a run with its alternative text; below it, the tables that are
named hold its numbers, or if none is named, the table that the run published last before the picture.
A finding that cannot be resolved is a warning, and the build treats warnings as errors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from trustbook.findings import load_findings, resolve, text
from trustlib.errors import TrustlibError


def unbroken(text: str) -> str:
    """A text in which no number stands at the end of a line without its % or points."""
    return re.sub(r"(?<=[\d.]) (?=%|points\b)", "\N{NO-BREAK SPACE}", text)


class FindingRole(SphinxRole):
    """Print a finding, linked to the run it comes from."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Resolve the finding and make the link."""
        name, _, option = self.text.partition(" ")
        source = Path(self.env.srcdir)
        try:
            finding = load_findings(source / "findings.yml")[name]
            shown = unbroken(
                text(
                    finding,
                    resolve(finding, source / "_runs"),
                    interval=option.strip() == "interval",
                )
            )
        except (TrustlibError, KeyError) as error:
            message = f"finding {name!r} cannot be printed: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        link = pending_xref(
            "",
            refdomain="std",
            reftype="doc",
            reftarget=f"/_runs/{finding.run}/{finding.run}",
            refexplicit=True,
        )
        link += nodes.inline(shown, shown, classes=["finding"])
        self.env.note_dependency(str(source / "findings.yml"))
        return [link], []


class RunFigure(SphinxDirective):
    """Show a picture of a run and where its numbers are: ``{run-figure} run-id number [table ...]``."""

    required_arguments = 2
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Find the picture and its text in the run's provenance."""
        run, number, *tables = self.arguments
        folder = Path(self.env.srcdir) / "_runs" / run
        try:
            told = json.loads((folder / "provenance.json").read_text())
            facts = told["figures"][int(number) - 1]
        except (OSError, KeyError, IndexError, ValueError) as error:
            return [
                self.state.document.reporter.error(
                    f"no picture {number} of run {run}: {error}", line=self.lineno
                )
            ]
        uri, before = f"/_runs/{run}/{facts['file']}", facts.get("table", "")
        shown: list[nodes.Node] = [nodes.image("", uri=uri, alt=facts["alt"])]
        default = [before] if (folder / "tables" / f"{before}.csv").is_file() else []
        for name in " ".join(tables).split() or default:
            if not (folder / "tables" / f"{name}.csv").is_file():
                return [
                    self.state.document.reporter.error(
                        f"no table {name} of run {run}", line=self.lineno
                    )
                ]
            kind = "".join(f", {kind}" for kind in told["kinds"] if kind == "synthetic")
            words = f"The numbers of this picture: {name}.csv{kind}"
            link = download_reference(
                "",
                words,
                refdoc=self.env.docname,
                reftarget=f"/_runs/{run}/tables/{name}.csv",
            )
            shown.append(nodes.paragraph("", "", link, classes=["picture-numbers"]))
        return shown


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_role("finding", FindingRole())
    app.add_directive("run-figure", RunFigure)
    return {"parallel_read_safe": True}
