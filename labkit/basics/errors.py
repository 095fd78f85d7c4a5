"""Failures that are told in one sentence."""

from __future__ import annotations


class LabkitError(Exception):
    """A failure told in one sentence: what is wrong, where, and what to do. The command line exits with 1."""

    exit_code = 1


class UsageError(LabkitError):
    """A request that cannot be met as it was written. The command line exits with 2."""

    exit_code = 2


class Interrupted(LabkitError):
    """A run that the user ended. The command line exits with 130, as shells do."""

    exit_code = 130


def first_line(said: str | BaseException) -> str:
    """Return the first line of a text, or of what an error says; the type of an error that says nothing."""
    return next(iter(str(said).strip().splitlines()), "" if isinstance(said, str) else type(said).__name__)
