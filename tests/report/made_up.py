"""A results folder that holds whatever a template names: made-up content, as wide and as high as the course's."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

CALL = re.compile(r'\b(figure|table|number)\("(\d\d_\w+)\.(\w+)"')
# What is not drawn at the usual 5.4 x 3.5 inches.
SIZES = {
    "effects": (6.0, 2.6),
    "epochs": (6.4, 2.4),
    "own_design": (6.4, 1.5),
    "cost_by_activation": (6.4, 3.0),
    "cost_with_bug": (4.6, 3.0),
    "grid": (4.4, 3.2),
    "four_settings": (6.4, 3.6),
    "architecture": (6.4, 1.4),
    "filters": (4.8, 1.7),
    "feature_maps": (4.8, 3.1),
    "misclassified": (6.4, 2.9),
    "comparison": (6.4, 4.2),
    "cost_by_batch_size": (6.4, 2.9),
}
ROWS = {"designs": 13, "costs": 11, "operators": 20, "settings": 9, "accuracy_by_width": 6, "layers": 13}
COLUMNS = {"costs": 11, "designs": 9, "settings": 9}
CAPTION = (
    "What a reader should see in this figure, in a sentence or two: the line rises, and the others stay behind it."
)


def make_results(folder: Path, template: str, real: bool = False) -> dict:
    """Write the figures and tables that a template names into a folder, and return its results."""
    names = sorted(set(CALL.findall(template)))
    for part in ("figures", "tables"):
        (folder / part).mkdir(exist_ok=True)
    notebooks = {}
    for kind, notebook, name in names:
        section = notebooks.setdefault(notebook, _section(notebook, real))
        section[f"{kind}s"][name] = {"figure": _figure, "table": _table, "number": _number}[kind](
            folder, f"{notebook}.{name}", name
        )
    results = {"format": 1, "notebooks": dict(sorted(notebooks.items()))}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return results


def _section(notebook, real):
    colour = notebook[:2] in ("02", "03")
    name = ("CIFAR-10" if colour else "MNIST") if real else ("embedded shapes" if colour else "embedded digits")
    sizes = {"train": 1_077, "validation": 270, "test": 450}
    return {
        "labkit": "0.1.0",
        "profile": "full" if real else "quick",
        "seeds": [0, 1, 2, 3, 4],
        "data": {"name": name, "origin": "made up", "real": real, "fingerprint": "0", **sizes},
        "machine": {"processor": "a processor", "device": "cpu", "threads": 2, "torch": "2.9", "python": "3.11"},
        "finished": datetime(2026, 11, 26, int(notebook[:2]), tzinfo=UTC).isoformat(timespec="seconds"),
        "figures": {},
        "tables": {},
        "numbers": {},
    }


def _figure(folder, stem, name):
    width, height = SIZES.get(name, (5.4, 3.5))
    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.plot(np.arange(10), np.sqrt(np.arange(10)))
    ax.set(xlabel="epoch", ylabel="accuracy (%)", title=name)
    for suffix in ("svg", "png"):
        figure.savefig(folder / f"figures/{stem}.{suffix}")
    plt.close(figure)
    files = {"png": f"figures/{stem}.png", "svg": f"figures/{stem}.svg"}
    seen = {"split": "test", "n": 450, "seeds": [0, 1, 2, 3, 4]}
    return {"caption": CAPTION, "alt": "A line that rises.", "width_in": width, "smallest_text_pt": 9, **files, **seen}


def _table(folder, stem, name):
    count = COLUMNS.get(name, 5)
    columns = ["network", *(f"column {number}" for number in range(1, count))]
    rows = [
        [f"network {row}", *(f"{row * 10 + column:.1f}" for column in range(1, count))]
        for row in range(ROWS.get(name, 8))
    ]
    (folder / f"tables/{stem}.csv").write_text("made up\n", encoding="utf-8")
    head = {"caption": "Every network with what it costs.", "csv": f"tables/{stem}.csv", "columns": columns}
    return {**head, "numeric": [False] + [True] * (count - 1), "rows": rows, "split": "", "n": None, "seeds": []}


def _number(folder, stem, name):
    values = [97.0, 97.4, 97.1]
    text = "97.1 ± 0.2 %" if name.endswith(("test", "accuracy")) else "61,706 parameters"
    seen = {"split": "", "n": None, "seeds": []}
    return {"statistic": "mean ± sd", "unit": "%", "values": values, "value": 97.1, "spread": 0.2, "text": text, **seen}
