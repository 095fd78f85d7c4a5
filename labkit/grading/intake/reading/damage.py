"""Notebooks that are not JSON any more: what can be undone without guessing is, and the rest is told with its place.

A cell's number is counted by what every cell says of its type. No text of a student's stands in a sentence.
"""

from __future__ import annotations

import json
import re

from labkit.grading.texts import Refused

CONFLICT = re.compile(r"^[ \t]*+(?:<{7}|={7}|>{7})(?= |$)", re.MULTILINE)
# A string, also one that does not end, so that no text is read twice; or a comma that nothing follows.
STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*+[}\]])', re.DOTALL)


def mend(content: bytes) -> tuple[bytes, list[str]]:
    """Return a notebook's JSON without its damage, and a sentence on each; Refused, with the place, for other damage.

    Undone is what leaves one reading: letters of Windows that are no UTF-8, NULs, commas before a closing bracket.
    """
    remarks = []
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
    except UnicodeDecodeError as error:
        text = content.decode("cp1252", "replace")
        where = _place(text, error.start)
        remarks.append(
            f"The notebook is not UTF-8 ({where}): it was read as a Windows text, so some letters may be wrong."
        )
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        remarks.append(
            f"The notebook held {text.count(chr(0)):,} NULs ({_place(text, text.index(chr(0)))}): taken out."
        )
        text = text.replace("\0", "")
    commas = [match.start() for match in STRING_OR_COMMA.finditer(text) if match[0] == ","]
    if commas:
        remarks.append(f"The notebook held commas that nothing follows ({_place(text, commas[0])}): taken out.")
        text = STRING_OR_COMMA.sub(lambda match: "" if match[0] == "," else match[0], text)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if marks := CONFLICT.search(text):
            raise Refused(
                f"holds the marks of a merge conflict ({_place(text, marks.start())}): choose one side, and hand it in "
                "again"
            ) from None
        raise Refused(f"is not JSON ({error.msg}, {_place(text, error.pos)})") from None
    except (RecursionError, MemoryError):
        raise Refused("is not usable JSON: it is nested too deeply") from None
    except ValueError as error:  # a number of too many digits
        raise Refused(f"is not JSON ({error})") from None
    return text.encode("utf-8", "surrogatepass"), remarks


def conflict_line(source: str) -> int:
    """Return the line of a cell in which the marks of a merge conflict begin; 0 for none."""
    first = CONFLICT.search(source)
    both = first and "<" in first[0] and ">>>>>>>" in source
    return source.count("\n", 0, first.start()) + 1 if first and both else 0


def _place(text: str, position: int) -> str:
    """Return where a position lies: "cell 3, line 41 of the file"; before the first cell, only the line."""
    cell = text.count('"cell_type"', 0, position)
    line = text.count("\n", 0, position) + 1
    return f"{f'cell {cell}, ' if cell else ''}line {line:,} of the file"
