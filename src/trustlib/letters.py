"""Letters that the font of the pictures has not.

Another font of this machine draws them, or a number stands for them. Pictures are set
in one font, so that they are the same on every machine. It has no Chinese, Japanese,
Korean or Indian letters. Where a text needs some, the fonts of the machine and of
installed Python packages are asked for them. Where none has them, the words become
``[1]``, ``[2]``, ... and the names are told beside the picture: no box is ever drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any

# Python packages that hold nothing but a font; others make themselves known by the
# entry point `fontpkg.family`.
PACKAGES = ("noto_cjk_sans_otc", "manimgx_fonts_cjk", "manimgx_fonts")
SUFFIXES = (".ttf", ".otf", ".ttc")
_FIRST = ("Noto Sans CJK", "Noto Sans", "Source Han Sans", "IPA", "WenQuanYi", "Droid")
_NEVER = re.compile("Last ?Resort|Emoji|Color|Blank|Math|Awesome|GLYPH|^cm|^STIX")
_UPRIGHT = (400, "normal", "regular", "book")


def drawable(figure: Any, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Give each text of a figure a font that has its letters, or a number for them.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Its texts are changed. A text whose letters its own font has stays as it is.
    names : iterable of str
        What numbers stand for already.

    Returns
    -------
    tuple of str
        What [1], [2], ... stand for.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> title = figure.suptitle("Latin letters")
    >>> drawable(figure), title.get_text()
    ((), 'Latin letters')
    """
    from matplotlib.text import Text

    numbers = {name: i for i, name in enumerate(names, 1)}
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            _help_ticks(axis, False, numbers)
            _help_ticks(axis, True, numbers)
    for text in figure.findobj(Text):
        before = text.get_text()
        words, families = _helped(before, text, numbers)
        if families:
            text.set(fontfamily=families, fontweight="normal")
        if words != before:
            text.set_text(words)
    return tuple(numbers)


def _help_ticks(axis: Any, minor: bool, numbers: dict[str, int]) -> None:
    """The same for texts at an axis, which matplotlib sets anew with each drawing."""
    places = _fixed_places(axis, minor)
    if places is None:
        return
    formatter = axis.get_minor_formatter() if minor else axis.get_major_formatter()
    texts = formatter.format_ticks(places)
    if all(map(str.isascii, texts)):
        return
    ticks = axis.get_minor_ticks if minor else axis.get_major_ticks
    written = list(texts)
    for i, tick in enumerate(ticks(len(texts))):
        written[i], families = _helped(texts[i], tick.label1, numbers)
        if families:
            tick.label1.set(fontfamily=families, fontweight="normal")
            tick.label2.set(fontfamily=families, fontweight="normal")
    if written != texts:
        axis.set_ticks(places, written, minor=minor)


def _fixed_places(axis: Any, minor: bool) -> Any:
    """The places of the ticks that have texts; None where they are numbers."""
    from matplotlib.ticker import FixedLocator

    locator = axis.get_minor_locator() if minor else axis.get_major_locator()
    if not isinstance(locator, FixedLocator):
        return None
    return axis.get_ticklocs(minor=minor)


def _helped(
    words: str, text: Any, numbers: dict[str, int]
) -> tuple[str, list[str] | None]:
    """What is written in place of some words, and in which fonts; None: the text's own.

    Other fonts are seldom there in bold, and matplotlib would say so.
    """
    lacking = _lacking(words, text)
    if not lacking:
        return words, None
    known = _families(lacking)
    families = dict.fromkeys([*text.get_fontfamily(), *known.values()])
    absent = lacking - set(known)
    if absent:
        words = _numbered(words, absent, numbers)
    return words, list(families)


def legend(names: Iterable[str]) -> str:
    """What the numbers of a picture stand for, as a sentence.

    Examples
    --------
    >>> legend(["one name", "another"])
    '[1] is one name; [2] is another.'
    """
    parts = [f"[{i}] is {name}" for i, name in enumerate(names, 1)]
    return "; ".join(parts) + "."


def _lacking(words: str, text: Any) -> set[str]:
    """The letters of some words that the font of a text has not."""
    from matplotlib.font_manager import findfont

    letters = {letter for letter in words if not letter.isascii()}
    if not letters:
        return set()
    own = _letters(findfont(text.get_fontproperties()))
    return {letter for letter in letters if ord(letter) not in own}


def _families(letters: set[str]) -> dict[str, str]:
    """For each letter the font that has it; letters that no font has are left out."""
    families: dict[str, str] = {}
    for name, path in _fonts():
        missing = letters - set(families)
        if not missing:
            break
        has = _letters(path)
        for letter in missing:
            if ord(letter) in has:
                families[letter] = name
    return families


def _numbered(text: str, absent: set[str], numbers: dict[str, int]) -> str:
    """A text in which a number stands for each run of letters that cannot be drawn."""
    letters = "".join(sorted(absent))
    signs = f"[{re.escape(letters)}]"
    run = re.compile(rf"{signs}+(?:\s*{signs}+)*")

    def number(found: re.Match[str]) -> str:
        name = re.sub(r"\n", "", found[0])
        return f"[{numbers.setdefault(name, len(numbers) + 1)}]"

    return run.sub(number, text)


@lru_cache(maxsize=256)
def _letters(path: str) -> frozenset[int]:
    """The numbers of the letters that a font has; none if it cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@lru_cache(maxsize=1)
def _fonts() -> tuple[tuple[str, str], ...]:
    """Name and path of the fonts that may help, first those made for many scripts."""
    from matplotlib.font_manager import fontManager

    for path in _packaged():
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):  # a file that is no font is no help
            continue
    paths = {}
    for font in sorted(fontManager.ttflist, key=_how_plain):
        if not _NEVER.search(font.name):
            paths[font.name] = str(font.fname)
    return tuple(sorted(paths.items(), key=_rank))


def _how_plain(font: Any) -> tuple[bool, str]:
    """Sorts upright fonts of normal weight last: of one name, the last is taken."""
    plain = font.style == "normal" and font.weight in _UPRIGHT
    return plain, str(font.fname)


def _rank(font: tuple[str, str]) -> tuple[int, str]:
    """Sorts fonts by the names that are preferred, then by name."""
    name, _ = font
    for place, begin in enumerate(_FIRST):
        if name.startswith(begin):
            return place, name
    return len(_FIRST), name


def _packaged() -> list[Path]:
    """Files of fonts in installed Python packages."""
    from importlib import metadata

    entries = metadata.entry_points(group="fontpkg.family")
    others = [entry.value.partition(":")[0] for entry in entries]
    folders: list[Path] = []
    for package in (*PACKAGES, *others):
        top, _, _ = package.partition(".")
        spec = util.find_spec(top)
        if spec is not None:
            folders += map(Path, spec.submodule_search_locations or ())
    files = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES)
