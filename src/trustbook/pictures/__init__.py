"""Pictures that answer one question each.

Who is in several groups (`membership`, `overlaps`), what changed (`slopes`), where
(`dots`), and what identities do together (`together`). `in_rows` shows any estimates, a
line each.

Each passes the disclosure gate, tells intervals and numbers of people beside every value
and the kind of evidence below. A picture of rows is text of the page, and its title says
what is seen. The numbers behind a picture are those of the estimates: `publish` them
beside it.
"""

from trustbook.pictures.belonging import membership
from trustbook.pictures.rows import in_rows
from trustbook.pictures.several import dots, slopes
from trustbook.pictures.style import COUNTRIES
from trustbook.pictures.together import Contrast, together
from trustbook.pictures.upset import overlaps

__all__ = [
    "COUNTRIES",
    "Contrast",
    "dots",
    "in_rows",
    "membership",
    "overlaps",
    "slopes",
    "together",
]
