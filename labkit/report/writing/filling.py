"""Jinja2 over a report's source: what is meant as a placeholder is filled, and all else stays as it is."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from labkit.basics.errors import LabkitError, UsageError, first_line
from labkit.report.writing.pandoc import VERBATIM, places
from labkit.report.writing.source import COMMENT, Source

OPENING = "<[<%#]"
# What a placeholder and a statement begin with; a comment has its lines to itself.
MEANT = re.compile(r"<<-?\s*[^\W\d]|<%[-+]?\s*[^\W\d]")
STANDS_FOR = "\U0010fffd"  # "<" that Jinja2 shall not see
ADVICE = "Write << or <% that is meant as text between backticks."


def fill(source: Source, functions: Mapping[str, Callable[..., Any]]) -> str:
    """Return the source with its placeholders filled; UsageError, with the line, where they cannot be followed."""
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
    )
    environment.globals.clear()
    protected = _protected(source)
    try:
        filled = environment.from_string(protected).render(functions)
    except jinja2.TemplateSyntaxError as error:
        raise _fault(source, error.lineno, f"{str(error.message).rstrip('.')}. {ADVICE}") from error
    except LabkitError as error:
        raise type(error)(f"{source.path.name}, line {_line(error)}: {error}") from error
    except Exception as error:  # whatever an expression of the student's raises
        raise _fault(source, _line(error), f"{first_line(error).rstrip('.')}. {ADVICE}") from error
    return filled.replace(STANDS_FOR, "<")


def _protected(source: Source) -> str:
    """Return the source with every `<<`, `<%` and `<#` hidden from Jinja2 that stands in code or is no placeholder."""
    text = list(source.text)
    for match, kind in places(source.text, OPENING, hidden=True):
        start = match.start()
        if match[0] == "<#":
            meant = COMMENT.match(source.text, source.text.rfind("\n", 0, start) + 1)
            if not (kind or meant) and "#>" in source.text[start:].partition("\n")[0]:
                line = source.text.count("\n", 0, start) + 1
                sentence = "a comment between <# and #> stands on lines of its own, and text with them in backticks."
                raise _fault(source, line, sentence)
        else:
            meant = MEANT.match(source.text, start)
        if kind in VERBATIM or not meant:
            text[start] = STANDS_FOR
    return "".join(text)


def _printable(value: Any) -> Any:
    """Return what a placeholder gives; TypeError when it is nothing that a report prints."""
    import jinja2

    if isinstance(value, (str, int, float, jinja2.Undefined)) and not isinstance(value, bool):
        return value
    name = getattr(value, "__name__", value)
    raise TypeError(f"<< {name} >> gives nothing to print: call figure, table or number with a name")


def _line(error: Exception) -> int:
    """Return the line of the source in which an error was raised; Jinja2 puts it into the traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1].lineno or 1 if frames else 1


def _fault(source: Source, line: int, sentence: str) -> UsageError:
    return UsageError(f"The template {source.path} cannot be followed in line {line}: {sentence}")
