"""What a notebook's re-run published, kept in the executed notebook's metadata: evidence for whoever marks.

Untrusted code wrote it, so it is read again as plain JSON of bounded size, and each part is looked at before its use.
"""

from __future__ import annotations

import json
from typing import Any

from labkit.grading.intake.reading.reader import as_dict

KEY = "labkit"
LARGEST = 2_000_000  # characters; the course's have 50,000


def keep_results(notebook: Any, results: Any, stem: str) -> None:
    """Put what a results.json says of one notebook into its executed form; nothing where it is too large."""
    section = as_dict(as_dict(as_dict(results).get("notebooks")).get(stem))
    if section and len(json.dumps(section)) <= LARGEST:
        notebook.metadata[KEY] = {"results": section}


def kept_results(document: Any) -> dict[str, Any]:
    """Return what `keep_results` put into an executed notebook, given as JSON; empty where there is nothing."""
    return as_dict(as_dict(as_dict(as_dict(document).get("metadata")).get(KEY)).get("results"))
