"""What renders the page: a template escapes everything that is not Markup."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from labkit.grading.pages.overview import SIGNS
from labkit.grading.texts import plain

TEMPLATES = Path(__file__).with_name("templates")


@cache
def environment() -> jinja2.Environment:
    """Return the environment of all templates of the page."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"plain": plain, "signs": SIGNS}
    return made
