"""Fonts of this machine for what a figure says in other scripts; imports nothing of ours.

Every figure is lettered in DejaVu Sans, which matplotlib brings along; it lacks Chinese, Japanese, Korean and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry


def letter(figure: Figure) -> tuple[bool, str]:
    """Give the texts of a figure that was drawn the fonts that they need besides their own.

    Returns whether that changed anything, and the characters that no font has.
    """
    from matplotlib import font_manager
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if not text.get_text().isascii()]
    lacking = {character for text in texts for character in text.get_text() if character.isprintable()}
    lacking -= _characters(font_manager.findfont("DejaVu Sans"))
    families = []
    for entry in _regular_first(font_manager.fontManager.ttflist) if lacking else ():
        if found := lacking & _characters(entry.fname):
            families.append(entry.name)
            lacking -= found
        if not lacking:
            break
    for text in texts if families else ():
        text.set_fontfamily([*text.get_fontfamily(), *families])
    return bool(families), "".join(sorted(lacking))


def _regular_first(entries: list[FontEntry]) -> list[FontEntry]:
    """Return fonts, those of regular weight first, without those that show a box for every character there is."""
    real = [entry for entry in entries if "lastresort" not in entry.name.lower().replace(" ", "")]
    return sorted(real, key=lambda entry: (str(entry.weight) != "400", entry.name, entry.fname))


def _characters(path: str) -> set[str]:
    """Return the characters that a font has; none where matplotlib cannot read it, such as coloured emoji."""
    from matplotlib.ft2font import FT2Font

    try:
        return set(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):
        return set()
