"""What was found, as the first page of a book of a supplied file shows it.

First one table: each outcome by each group, with percent, interval, gap and verdict.
Then each outcome with its whole question, what its pages say in short, and its picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trustbook.clear import CLEAR
from trustbook.found import Found, Group, Identity
from trustbook.supplied import WORDS
from trustlib.escaping import html_text, markdown_text
from trustlib.sources import Source

TEXTS = WORDS["found"]
COLUMNS = 4


def found_lines(
    found: Sequence[Found], files: Sequence[str], source: Source
) -> Iterator[str]:
    """The first part of the first page: table, verdicts in words, files, outcomes.

    Parameters
    ----------
    found : sequence of Found
    files : sequence of str
        Roles that let the reader download the files for a committee.
    source : Source

    Yields
    ------
    str
        Lines of MyST.
    """
    yield f"{table_html(found, source)}\n"
    yield f"{TEXTS['how_to_read']}\n"
    if files:
        yield f"{TEXTS['for_a_committee']} {' · '.join(files)}\n"
    for number, each in enumerate(found, 1):
        yield from _outcome(each, number)


def table_html(found: Iterable[Found], source: Source) -> str:
    """Each outcome by each group, as a table of HTML on one line.

    Parameters
    ----------
    found : iterable of Found
    source : Source
        Made-up people are called so in the heading of the table.

    Returns
    -------
    str

    Examples
    --------
    >>> group = Group("men", 0.2, 0.1, 0.3, 40)
    >>> one = Found("Low trust", "Low trust", (Identity("Gender", "Gender", (group,)),))
    >>> "<td>20.0 <small>10.0 to 30.0</small></td>" in table_html([one], Source({}))
    True
    """
    caption = TEXTS["caption"]
    if source.is_synthetic:
        caption = f"Synthetic: {caption}"
    heads = "".join(f'<th scope="col">{head}</th>' for head in TEXTS["heads"])
    bodies = "".join(_body(each, number) for number, each in enumerate(found, 1))
    return (
        f'<table class="found-table"><caption>{html_text(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead>{bodies}</table>"
    )


def _body(found: Found, number: int) -> str:
    """The rows of one outcome, below its title."""
    link = f'<a href="#outcome-{number}">{html_text(found.title)}</a>'
    rows = [_across("found-outcome", link)]
    for identity in found.identities:
        name = html_text(identity.title)
        if identity.reason:
            name += f" <small>{html_text(_not_shown(identity))}</small>"
        rows.append(_across("found-identity", name))
        rows += map(_row, identity.groups)
    return f"<tbody>{''.join(rows)}</tbody>"


def _across(kind: str, html: str) -> str:
    """A row that names what stands below it."""
    return (
        f'<tr class="{kind}"><th colspan="{COLUMNS}" scope="rowgroup">{html}</th></tr>'
    )


def _not_shown(identity: Identity) -> str:
    return TEXTS["not_shown"].format(reason=identity.reason)


def _row(group: Group) -> str:
    """A group: its percentage, its gap and the verdict."""
    percent = _number(group.percent, group.interval)
    gap = html_text(TEXTS["reference"])
    verdict = ""
    if group.gap is not None:
        gap = _number(group.gap.points, group.gap.interval)
        verdict = html_text(group.gap.verdict)
        if group.gap.verdict == CLEAR:
            verdict = f"<strong>{verdict}</strong>"
    return (
        f'<tr><th scope="row">{html_text(group.name)}</th><td>{percent}</td>'
        f"<td>{gap}</td><td>{verdict}</td></tr>"
    )


def _number(value: str, interval: str) -> str:
    return f"{html_text(value)} <small>{html_text(interval)}</small>"


def _outcome(found: Found, number: int) -> Iterator[str]:
    """An outcome: its question, what was found in words, and its picture."""
    yield f"(outcome-{number})="
    yield f"## {markdown_text(found.title)}\n"
    if found.question != found.title:
        yield f"{TEXTS['question']} {markdown_text(found.question)}\n"
    if not found.is_shown or found.sentence is None:
        yield f"{TEXTS['nothing_of_it']}\n"
        return
    yield f"{found.sentence.text} {TEXTS['everyone'].format(level=found.everyone)}\n"
    picture = found.picture()
    if picture is not None:
        yield f"{picture._repr_html_()}\n"
    runs = dict.fromkeys(each.run for each in found.identities if each.run)
    pages = ", ".join(f"{{doc}}`_runs/{run}/{run}`" for run in runs)
    yield f"{TEXTS['pages']} {pages}\n"
    whole = [each for each in found.identities if each.question != each.title]
    for identity in whole:
        yield f"*{markdown_text(identity.title)}*: {markdown_text(identity.question)}\n"
