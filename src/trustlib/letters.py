"""Letters that the font of the pictures has not: another font of this machine draws them, or a number stands for them.

Pictures are set in one font, so that they are the same on every machine. It has no Chinese, Japanese, Korean or Indian
letters. Where a text needs some, the fonts of the machine and of installed Python packages are asked for them. Where
none has them, the words become ``[1]``, ``[2]``, ... and the names are told beside the picture: no box is ever drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

# Python packages that hold nothing but a font; others make themselves known by the entry point `fontpkg.family`.
PACKAGES = ("noto_cjk_sans_otc", "manimgx_fonts_cjk", "manimgx_fonts")
SUFFIXES = (".ttf", ".otf", ".ttc")
_FIRST = ("Noto Sans CJK", "Noto Sans", "Source Han Sans", "IPA", "WenQuanYi", "Droid")
_NEVER = re.compile("Last ?Resort|Emoji|Color|Blank|Math|Awesome|GLYPH|^cm|^STIX")


def drawable(figure: Any, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Give each text of a figure a font that has its letters, or a number in place of them.

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
    """
    from matplotlib.text import Text

    numbers = {name: i for i, name in enumerate(names, 1)}
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            for minor in (False, True):
                _ticks(axis, minor, numbers)
    for text in figure.findobj(Text):
        written, families = _helped(text.get_text(), text, numbers)
        if families:
            text.set(fontfamily=families, fontweight="normal")
        if written != text.get_text():
            text.set_text(written)
    return tuple(numbers)


def _ticks(axis: Any, minor: bool, numbers: dict[str, int]) -> None:
    """The same for the texts at an axis, which matplotlib sets anew with each drawing."""
    from matplotlib.ticker import FixedLocator

    locator = axis.get_minor_locator() if minor else axis.get_major_locator()
    if not isinstance(locator, FixedLocator):  # numbers
        return
    places = axis.get_ticklocs(minor=minor)
    formatter = axis.get_minor_formatter() if minor else axis.get_major_formatter()
    texts = formatter.format_ticks(places)
    if not any(c > "\x7f" for text in texts for c in text):
        return
    ticks = (axis.get_minor_ticks if minor else axis.get_major_ticks)(len(texts))
    written = list(texts)
    for i, tick in enumerate(ticks):
        written[i], families = _helped(texts[i], tick.label1, numbers)
        if families:
            tick.label1.set(fontfamily=families, fontweight="normal")
            tick.label2.set(fontfamily=families, fontweight="normal")
    if written != texts:
        axis.set_ticks(places, written, minor=minor)


def _helped(
    words: str, text: Any, numbers: dict[str, int]
) -> tuple[str, list[str] | None]:
    """What is written in place of some words, and in which fonts; None for the text's own.

    Other fonts are seldom there in bold, and matplotlib would say so.
    """
    lacking = _lacking(words, text)
    if not lacking:
        return words, None
    known = _families(lacking)
    families = list(dict.fromkeys([*text.get_fontfamily(), *known.values()]))
    absent = lacking - set(known)
    if absent:
        words = _numbered(words, absent, numbers)
    return words, families


def told(names: Iterable[str]) -> str:
    """What the numbers of a picture stand for, as a sentence."""
    return "; ".join(f"[{i}] is {name}" for i, name in enumerate(names, 1)) + "."


def _lacking(words: str, text: Any) -> set[str]:
    """The letters of some words that the font of a text has not."""
    from matplotlib.font_manager import findfont

    letters = {c for c in words if c > "\x7f"}
    if not letters:
        return set()
    own = _letters(findfont(text.get_fontproperties()))
    return {c for c in letters if ord(c) not in own}


def _families(letters: set[str]) -> dict[str, str]:
    """For each letter the font that has it; letters that no font has are left out."""
    families: dict[str, str] = {}
    for name, path in _fonts():
        missing = letters - set(families)
        if not missing:
            break
        has = _letters(path)
        families |= {c: name for c in missing if ord(c) in has}
    return families


def _numbered(text: str, absent: set[str], numbers: dict[str, int]) -> str:
    """A text in which a number stands for each run of letters that cannot be drawn."""
    signs = f"[{re.escape(''.join(sorted(absent)))}]"
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
    """Name and path of the fonts that may help, those first that were made for many scripts."""
    from matplotlib.font_manager import fontManager

    for path in _packaged():
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):  # a file that is no font is no help
            continue
    found = {
        font.name: str(font.fname)
        for font in sorted(fontManager.ttflist, key=_how_plain)
        if not _NEVER.search(font.name)
    }
    return tuple(sorted(found.items(), key=_rank))


def _how_plain(font: Any) -> tuple[bool, str]:
    """Sorts upright fonts of normal weight last: of fonts with one name, the last is taken."""
    plain = font.style == "normal" and font.weight in (400, "normal", "regular", "book")
    return plain, str(font.fname)


def _rank(font: tuple[str, str]) -> tuple[int, str]:
    name = font[0]
    place = next((i for i, begin in enumerate(_FIRST) if name.startswith(begin)), 99)
    return place, name


def _packaged() -> list[Path]:
    """Files of fonts in installed Python packages."""
    named = [entry.value for entry in metadata.entry_points(group="fontpkg.family")]
    folders = []
    for package in (*PACKAGES, *(name.partition(":")[0] for name in named)):
        spec = util.find_spec(package.partition(".")[0])
        if spec is not None:
            folders += list(map(Path, spec.submodule_search_locations or ()))
    files = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES)
