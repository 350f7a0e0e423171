"""Pictures that answer one question each.

How cells differ (`heat_map`), who is in several groups (`membership`, `overlaps`), what
changed (`slopes`), where (`dots`), and what identities do together (`together`).
`in_rows` shows any estimates, a line each.

They share the quiet style of `trustlib.figures`: one width, direct labels in place of
legends, intervals and numbers of people beside every value, the kind of evidence below
and, on synthetic data, the mark across. Each passes the disclosure gate. The
alternative text says what a reader should take from the picture. The title of a picture of rows says
what is seen, that of the others what is shown. The numbers behind a picture are those of the
estimates: `publish` them beside it.
"""

from trustbook.pictures.belonging import membership
from trustbook.pictures.countries import dots
from trustbook.pictures.grid import LIGHT, heat_map
from trustbook.pictures.rows import in_rows
from trustbook.pictures.style import COUNTRIES, TOGETHER
from trustbook.pictures.together import Contrast, together
from trustbook.pictures.upset import overlaps
from trustbook.pictures.waves import slopes

__all__ = [
    "COUNTRIES",
    "LIGHT",
    "TOGETHER",
    "Contrast",
    "dots",
    "heat_map",
    "in_rows",
    "membership",
    "overlaps",
    "slopes",
    "together",
]
