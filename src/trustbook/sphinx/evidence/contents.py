"""The report page by page, on a page of the book.

``{report-contents}`` shows ``data/report/contents.yml``: what stands on each page of the
report, the chapters that read it, their runs, and the lines of the record, each a link.
``{facts-left-out}`` shows what of the list of facts has no line, and why.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from docutils import nodes

from trustbook.sphinx.directives import markdown_table, published_record, raw_html
from trustbook.sphinx.evidence.page import EvidenceDirective
from trustbook.sphinx.evidence.plan import Part, Section, load_contents, sections
from trustbook.sphinx.evidence.sections import SECTIONS, record_ids
from trustlib.errors import require_names
from trustlib.record.facts import load_facts, load_left_out

CONTENTS = "report/contents.yml"
HEADS = ("Page", "In the report", "Chapters", "Runs", "Lines of the record")
CAPTION = "The report page by page. Kind of evidence: published"
# Pages of the book that read the report and are no chapter of sections.yml.
OTHERS = {"do-the-figures-fit": "Do the figures fit together?"}


class ReportContents(EvidenceDirective):
    """Page of the report -> chapters, runs, lines of the record."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """One table."""
        parts = load_contents(self.file(CONTENTS))
        path = Path(self.env.srcdir) / SECTIONS
        self.env.note_dependency(str(path))
        by_chapter: dict[str, list[Section]] = {}
        for section in sections(path):
            by_chapter.setdefault(section.chapter, []).append(section)
        heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
        rows = "".join(self.row(part, by_chapter) for part in parts)
        return raw_html(
            '<div class="table-scroll" role="region" tabindex="0" '
            f'aria-label="{CAPTION}"><table class="report-contents">'
            f"<caption>{CAPTION}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )

    def row(self, part: Part, by_chapter: dict[str, list[Section]]) -> str:
        """One part of the report."""
        pages = part.pages.replace("-", " to ")
        if part.about:
            pages = f"about {pages}"
        cells = f"<th scope='row'>{pages}</th><td>{escape(part.title)}</td>"
        if part.why:
            return f"<tr>{cells}<td colspan='3'>No line: {escape(part.why)}</td></tr>"
        require_names("chapter", part.chapters, [*by_chapter, *OTHERS])
        chapters = []
        runs: dict[str, None] = {}
        for name in part.chapters:
            mine = by_chapter.get(name, [])
            title = mine[0].title if mine else OTHERS[name]
            chapters.append(self.link(name, title))
            for section in mine:
                runs |= dict.fromkeys(section.runs)
        links = [self.link(f"_runs/{run}/{run}", run) for run in runs]
        known = list(published_record(self.env).index)
        lines = [self.line(n, n) for n in record_ids(part.record.split(), known)]
        return (
            f"<tr>{cells}<td>{', '.join(chapters)}</td>"
            f"<td>{', '.join(links) or 'none'}</td><td>{', '.join(lines)}</td></tr>"
        )


class FactsLeftOut(EvidenceDirective):
    """What of the list of facts has no line of the record, and why."""

    optional_arguments = 0

    def make(self) -> list[nodes.Node]:
        """How many facts there are, and a table of those without a line."""
        folder = self.file("report/facts.csv").parent
        facts = load_facts(self.figures(), folder)
        left_out = load_left_out(self.file("report/left_out.csv").parent)
        answered = int((facts["rows"] != "").sum())
        rows = left_out[["what", "why"]].to_numpy().tolist()
        table = markdown_table(["Left out", "Why"], rows)
        total = f"{answered} of {len(facts)} facts have a line of the record."
        return self.read(f"{total}\n\n{table}")
