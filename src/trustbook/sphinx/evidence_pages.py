"""The evidence chapters: the roles and directives that they are written with.

============================  =======================================================
``{sections-table}``          which chapter and runs belong to a section of the report
``{report-contents}``         the report page by page, with chapters, runs and lines
``{facts-left-out}``          facts without a line of the record, and why
``{record-rows}``             the lines of the record that belong to the page
``{record-figure}``           a picture of printed percentages
``{printed-gap-table}``       gaps of printed percentages with as-if intervals
``{per-hundred-table}``       from those with an experience to all people of a group
``{detectable-level-table}``  what fall of a level a next wave could see
``{detectable-gap-table}``    what change of a gap it could see
``{people-needed-table}``     how many people it would need
``{trials-table}``            trial participants beside the population
``{contrasts-table}``         every interaction contrast of a survey
``{record-line}``             the id of a line of the record, linked to it
``{evidence}``                one number computed from print
============================  =======================================================

``{record-line}`R24-029` `` is for what was printed without a figure. ``{evidence}`key` ``
prints a number of ``data/published/evidence.yml``; how it was computed is the tooltip,
and stands in a list at the end of the page, to which the number leads.

A name that does not exist is an error, and the build treats it as one. The modules of
`trustbook.sphinx.evidence` say how each is used.
"""

from __future__ import annotations

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from trustbook.sphinx.audit_pages import computed
from trustbook.sphinx.evidence import figure
from trustbook.sphinx.evidence.contents import FactsLeftOut, ReportContents
from trustbook.sphinx.evidence.contrasts import ContrastsTable
from trustbook.sphinx.evidence.numbers import quantity
from trustbook.sphinx.evidence.page import evidence_for
from trustbook.sphinx.evidence.sections import RecordRows, SectionsTable
from trustbook.sphinx.evidence.tables import (
    DetectableGaps,
    DetectableLevels,
    PeopleNeeded,
    PerHundredTable,
    PrintedGapTable,
    TrialsTable,
)
from trustbook.sphinx.evidence.worked import worked
from trustbook.sphinx.record_pages import RecordRole
from trustlib.errors import TrustlibError

DIRECTIVES = {
    "sections-table": SectionsTable,
    "report-contents": ReportContents,
    "facts-left-out": FactsLeftOut,
    "record-rows": RecordRows,
    "record-figure": figure.RecordFigure,
    "printed-gap-table": PrintedGapTable,
    "per-hundred-table": PerHundredTable,
    "detectable-level-table": DetectableLevels,
    "detectable-gap-table": DetectableGaps,
    "people-needed-table": PeopleNeeded,
    "trials-table": TrialsTable,
    "contrasts-table": ContrastsTable,
}


class EvidenceRole(SphinxRole):
    """Print one number computed from print, with how it was computed.

    The words are a tooltip, and stand at the end of the page.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Look the number up."""
        try:
            evidence = evidence_for(self.env)
            number = quantity(evidence, self.text)
            formula = worked(evidence, self.text)
        except (TrustlibError, OSError) as error:
            message = f"evidence: {error}".replace("\n", " ")
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        how = f"Computed from the print: {number.how}."
        return [computed(self.text, number.shown, how, formula)], []


class RecordLine(RecordRole):
    """The id of a line of the record, linked to it."""

    def mark(self, figure: pd.Series) -> nodes.Node:
        """What is printed: the id."""
        told = f"{figure['claim']}."
        return nodes.abbreviation(self.text, self.text, explanation=told)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_role("record-line", RecordLine())
    app.add_role("evidence", EvidenceRole())
    app.connect("env-purge-doc", figure.forget)
    app.connect("env-merge-info", figure.merge)
    app.connect("build-finished", figure.write_numbers)
    return {"parallel_read_safe": True}
