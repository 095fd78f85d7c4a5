"""The lab's style sheet, and the markers that tell lines apart where colours do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PALE = "0.62"  # what another run gave: drawn behind, and labelled
# A level to compare with: guessing, no difference.
DASHED: dict[str, Any] = {"color": "0.35", "linestyle": (0, (6, 3)), "linewidth": 0.9}


def use_style() -> None:
    """Use the lab's style sheet for every figure that follows."""
    plt.style.use(Path(__file__).parent.with_name("labkit.mplstyle"))
