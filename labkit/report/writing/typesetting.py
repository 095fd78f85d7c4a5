"""Typst as a function, and which characters it has no font for."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

NO_FILES: Mapping[str, bytes] = MappingProxyType({})
ACCESSIBLE: Final = "ua-1"  # PDF/UA-1
UNSHOWN = re.compile(r'the text `"(.+?)"` could not be displayed')
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")


def compile_typst(text: str, files: Mapping[str, bytes] = NO_FILES, system_fonts: bool = False) -> bytes:
    """Return the PDF of a Typst text, which reads no file but these; TypstError where it cannot be set."""
    with compiler(text, files, system_fonts) as typst:
        return bytes(typst.compile())


@contextlib.contextmanager
def compiler(text: str, files: Mapping[str, bytes], system_fonts: bool) -> Iterator[Any]:
    """Give Typst's compiler of a text that reads no file but these."""
    import typst

    with tempfile.TemporaryDirectory() as root:
        for name, content in {**files, "main.typ": text.encode()}.items():
            (Path(root) / name).write_bytes(content)
        yield typst.Compiler(str(Path(root) / "main.typ"), root=root, ignore_system_fonts=not system_fonts)


def unshown(words: Collection[str], system_fonts: bool) -> list[str]:
    """Return the characters of some words that no font has: Typst leaves them out of a PDF without a word.

    PDF/UA forbids that, so a PDF/UA of those words alone names them.
    """
    import typst

    lines = [f"#{quoted(INVISIBLE.sub('', word))}\n" for word in sorted(words)]
    page = "\n".join(['#set document(title: "Words")', '#set text(font: "Libertinus Serif")', *lines])
    try:
        typst.compile(page.encode(), ignore_system_fonts=not system_fonts, pdf_standards=[ACCESSIBLE])
    except typst.TypstError as error:
        found = UNSHOWN.findall(error.diagnostic)
        return list(dict.fromkeys(character for text in found for character in _visible(text)))
    return []


def quoted(text: str) -> str:
    """Return a text as a string of Typst's."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _visible(text: str) -> str:
    r"""Return what Typst quoted, without its escapes, such as \u{200d}."""
    plain = re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), text)
    return INVISIBLE.sub("", plain)
