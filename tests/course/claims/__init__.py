"""What a notebook's text claims of its own numbers, and the results that it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


class Lacking(Exception):
    """The results do not hold what a claim speaks of."""


@dataclass(frozen=True)
class Results:
    """Numbers and tables of one notebook in one run: `kind` is "quick" (embedded data) or "full" (the real data)."""

    kind: str
    numbers: dict[str, float]
    tables: dict[str, pd.DataFrame]

    def number(self, name: str) -> float:
        """Return a number's mean or value."""
        if name not in self.numbers:
            raise Lacking(f"number {name}")
        return self.numbers[name]

    def table(self, name: str) -> pd.DataFrame:
        """Return a table with all its digits."""
        if name not in self.tables:
            raise Lacking(f"table {name}")
        return self.tables[name]


@dataclass(frozen=True)
class Claim:
    """Words as they stand in a notebook's source, and what must hold in every run; None for what is no result.

    only: "quick" or "full", where the text itself says that it speaks of these alone.
    """

    words: str
    holds: Callable[[Results], bool] | None
    only: str = ""
