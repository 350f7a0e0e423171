"""A question in the terminal: asked again, in words, until its answer fits.

Nothing of what is typed is repeated in a message, and nothing is written while
questions are asked: whoever leaves in the middle leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import typer

from trustlib.escaping import terminal_text

T = TypeVar("T")
YES = ("y", "yes")
NO = ("n", "no")


class AnswerError(ValueError):
    """An answer that cannot be used; its text says what is expected.

    Examples
    --------
    >>> str(AnswerError("Give a number."))
    'Give a number.'
    """


def ask(question: str, read: Callable[[str], T], default: str | None = None) -> T:
    """What a question is answered with.

    Parameters
    ----------
    question : str
    read : callable
        Makes of the text that is typed what it stands for, or raises `AnswerError`.
    default : str, optional
        What an empty answer stands for. Without it the question is asked until
        something is typed.

    Returns
    -------
    object
        What `read` makes of it.

    Raises
    ------
    typer.Abort
        The one who answers has left, or the input is at its end.

    Examples
    --------
    ::

        bands = ask("Bands of age", bands_in, "18-34, 35+")
    """
    while True:
        given = typer.prompt(terminal_text(question), default=default, type=str)
        try:
            return read(given.strip())
        except AnswerError as error:
            typer.echo(f"  {terminal_text(error)}")


def confirm(question: str, default: bool = True) -> bool:
    """Whether a question is answered with yes.

    Examples
    --------
    ::

        confirm("Make the book now?")
    """
    return ask(f"{question} (y or n)", yes_or_no, "y" if default else "n")


def yes_or_no(text: str) -> bool:
    """A typed answer to a question that has two.

    Examples
    --------
    >>> yes_or_no("Y"), yes_or_no("no")
    (True, False)
    """
    if text.casefold() in YES:
        return True
    if text.casefold() in NO:
        return False
    raise AnswerError("Type y for yes, or n for no.")


def tell(*lines: str) -> None:
    """Print lines, with nothing in them that a terminal would take for an order.

    Examples
    --------
    >>> tell("12 columns")
    12 columns
    """
    for line in lines:
        typer.echo(terminal_text(line))
