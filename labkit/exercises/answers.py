"""The answers of a notebook's checks, kept in its kernel until all cells are executed. Imports nothing of ours.

Only then are they tried on hidden inputs, so that no cell can print what they were given.
"""

from __future__ import annotations

import base64
import pickle
from typing import Any

LARGEST_COPY = 3_000_000  # bytes
KEPT: dict[str, Any] = {}  # exercise -> what its check was given


def keep(name: str, answer: Any) -> str:
    """Keep an answer, and return a copy of it as a text; "" when it cannot be copied, or is too large.

    The copy holds the student's own functions with all that they use now: later cells may use the names again.
    """
    import cloudpickle

    KEPT[name] = answer
    try:
        copy: bytes = cloudpickle.dumps(answer)
    except Exception:  # a generator, an open file, or what the student made to raise anything
        return ""
    return base64.b64encode(copy).decode() if len(copy) <= LARGEST_COPY else ""


def take(name: str, copy: str) -> None:
    """Keep an answer that was copied in another kernel of the same submission: code of the student's, as its cells."""
    KEPT[name] = pickle.loads(base64.b64decode(copy))
