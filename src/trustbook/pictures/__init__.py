"""Pictures that answer one question each.

How cells differ (`heat_map`), who is in several groups (`membership`, `overlaps`), what
changed (`slopes`) and where (`dots`).

They share the quiet style of `trustlib.figures`: one width, direct labels in place of
legends, intervals and numbers of people beside every value, the kind of evidence below
and, on synthetic data, the mark across. Each passes the disclosure gate. The
alternative text says what a reader should take from the picture. A title names what is
shown; what it means is left to the page. The numbers behind a picture are those of the
estimates: `publish` them beside it.
"""

from trustbook.pictures.belonging import membership
from trustbook.pictures.countries import dots
from trustbook.pictures.grid import LIGHT, heat_map
from trustbook.pictures.style import COUNTRIES, TOGETHER
from trustbook.pictures.upset import overlaps
from trustbook.pictures.waves import slopes

__all__ = [
    "COUNTRIES",
    "LIGHT",
    "TOGETHER",
    "dots",
    "heat_map",
    "membership",
    "overlaps",
    "slopes",
]
