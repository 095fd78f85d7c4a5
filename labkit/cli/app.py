"""The program that all commands belong to."""

from __future__ import annotations

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help takes a third of the time
    help="A course lab kit for handwritten digits, from MLP to CNN.",
)
