"""Formulas of the pages as MathML: the renderer that Sphinx calls for each of them.

A formula that `trustbook.mathml` does not know is a warning with its place, which the
build of the book treats as an error.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from trustbook.mathml import FormulaError, mathml

_LOGGER = logging.getLogger(__name__)
_CLASSES = "math notranslate nohighlight"


def _visit_inline(writer: Any, node: nodes.math) -> None:
    """Write a formula that stands in a line of text."""
    start = writer.starttag(node, "span", "", CLASS=_CLASSES)
    writer.body.append(f"{start}{_converted(writer, node, False)}</span>")
    raise nodes.SkipNode


def _visit_display(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number if it has one."""
    writer.body.append(writer.starttag(node, "div", "", CLASS=_CLASSES))
    if node.get("number"):
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(f"{_converted(writer, node, True)}</div>\n")
    raise nodes.SkipNode


def _converted(writer: Any, node: nodes.Element, display: bool) -> str:
    """The MathML of a formula, or what was written where it is not known."""
    formula = node.astext().strip()
    try:
        return mathml(formula, display)
    except FormulaError as error:
        _LOGGER.warning("The formula %r: %s.", formula, error, location=node)
        return f"<code>{writer.encode(formula)}</code>"


def setup(app: Sphinx) -> dict[str, Any]:
    """Name the renderer; ``html_math_renderer: mathml`` chooses it."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
