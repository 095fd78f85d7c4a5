"""What a notebook hands to the report: figures, tables and numbers, each with its provenance, in one results.json."""

from __future__ import annotations

import io
import json
import re
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import __version__
from labkit.basics.errors import UsageError
from labkit.basics.files import ensure_writable, out_folder, write_atomically
from labkit.basics.progress import note_as
from labkit.data.datasets import SPLIT_NAMES, Dataset
from labkit.report.lettering import letter
from labkit.report.profiles import Profile
from labkit.report.results import FORMAT, describe, describe_number, files_of, read_results

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCREEN_DPI, FILE_DPI = 100, 200


class Run:
    """Collects what one notebook produces and publishes all of it at once, when `finish` is called.

    name: the notebook's file name without suffix; every artefact is known as `<name>.<its own name>`.
    out: the folder for results; see `files.out_folder`.
    Until `finish`, the results of the notebook's last complete run stay as they are.
    """

    def __init__(self, name: str, profile: Profile, dataset: Dataset, seed: int, out: str | Path = "") -> None:
        from labkit.basics.machine import describe_machine

        note_as(name)
        self.name = name
        self.profile = profile
        self.dataset = dataset
        self.seeds = profile.seed_list(seed)
        self.out = out_folder(out)
        ensure_writable(self.out)
        if (self.out / "results.json").exists():
            read_results(self.out / "results.json")  # to which `finish` adds: refuse now what it could not read then
        self.machine = describe_machine()
        self._files: dict[Path, bytes] = {}
        self._figures: dict[str, dict[str, Any]] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, dict[str, Any]] = {}

    @property
    def cache(self) -> Path:
        """Folder for the finished runs of sweeps."""
        return self.out / "cache"

    def figure(
        self,
        name: str,
        figure: Figure,
        caption: str,
        alt: str,
        split: str = "",
        seeds: Sequence[int] = (),
        dataset: Dataset | None = None,
    ) -> None:
        """Keep a figure as .png (200 dpi) and .svg, show it in the notebook, and close it.

        caption: what the reader should see in it; split, n, seeds, data and profile are added to it.
        alt: what the figure shows, for readers who cannot see it.
        dataset: where the images were split in another way than in the run's own dataset; here and below.
        """
        import matplotlib.pyplot as plt
        from IPython.display import Image, Markdown, display

        _refuse_as_file_name("Figure", name)
        for key, text in (("caption", caption), ("alt", alt)):
            if len(text) < 20:
                raise UsageError(f"Figure {name!r} needs {key} of a sentence or more, but it is {text!r}.")
        stem = f"figures/{self.name}.{name}"
        png, svg, screen = _renderings(figure)
        changed, lacking = letter(figure)
        if changed:
            png, svg, screen = _renderings(figure)
        if lacking:
            print(
                f"Figure {name!r} shows boxes for {lacking}, which no font here has: install a font that has it (on "
                "Debian and Ubuntu: fonts-noto-cjk, fonts-noto-core), or write it in other letters."
            )
        self._files[self.out / f"{stem}.png"] = png
        self._files[self.out / f"{stem}.svg"] = svg
        entry = {
            "caption": caption,
            "alt": alt,
            "png": f"{stem}.png",
            "svg": f"{stem}.svg",
            **self._seen(split, seeds, dataset),
        }
        self._figures[name] = {
            **entry,
            "width_in": round(figure.get_figwidth(), 2),
            "smallest_text_pt": _smallest_text(figure),
        }
        plt.close(figure)
        display(Image(screen, alt=alt))
        display(Markdown(f"*{describe(entry, self._section())}*"))

    def table(
        self,
        name: str,
        table: pd.DataFrame,
        caption: str,
        formats: dict[str, str] | None = None,
        split: str = "",
        seeds: Sequence[int] = (),
        dataset: Dataset | None = None,
    ) -> pd.DataFrame:
        """Keep a table as .csv (all digits) and for the report (rounded by `formats`, e.g. {"loss": "{:.3f}"}).

        Returns the rounded table, so that it can be the last line of a cell.
        """
        import pandas as pd

        _refuse_as_file_name("Table", name)
        rounded = pd.DataFrame(
            {
                column: [_cell(value, (formats or {}).get(str(column))) for value in table[column]]
                for column in table.columns
            }
        )
        numeric = [bool(pd.api.types.is_numeric_dtype(table[column]) or column in (formats or {})) for column in table]
        self._files[self.out / f"tables/{self.name}.{name}.csv"] = table.to_csv(index=False).encode()
        self._tables[name] = {
            "caption": caption,
            "csv": f"tables/{self.name}.{name}.csv",
            "columns": [str(column) for column in table.columns],
            "numeric": numeric,
            "rows": rounded.to_numpy().tolist(),
            **self._seen(split, seeds, dataset),
        }
        return rounded

    def number(
        self,
        name: str,
        values: float | Sequence[float],
        unit: str = "",
        digits: int = 1,
        *,
        statistic: str = "mean ± sd",
        split: str = "",
        seeds: Sequence[int] = (),
        dataset: Dataset | None = None,
    ) -> str:
        """Keep a number with its spread, and return it as the report will print it.

        values: one a seed or timing; a single one for statistic "exact".
        statistic: "mean ± sd" (sample standard deviation), "median [quartiles]" or "exact".
        """
        values = [float(value) for value in ([values] if isinstance(values, (int, float)) else values)]
        if split and len(values) != len(seeds):
            raise UsageError(f"Number {name!r} has {len(values)} values for {len(seeds)} seeds: give one value a seed.")
        summary = _summary(values, statistic, digits, name)
        if unit:
            summary["text"] += f" {unit}"
        entry = {"statistic": statistic, "unit": unit, "values": values, **summary, **self._seen(split, seeds, dataset)}
        self._numbers[name] = entry
        return describe_number(entry)

    def finish(self) -> None:
        """Publish figures, tables and numbers, in place of those of the notebook's last run, and say where they are."""
        from filelock import FileLock

        for path, content in self._files.items():
            write_atomically(path, content)
        path = self.out / "results.json"
        with FileLock(self.out / ".results.lock"):
            results: dict[str, Any] = {"format": FORMAT, "notebooks": {}}
            if path.exists():
                results = read_results(path)
            previous = results["notebooks"].get(self.name, {"figures": {}, "tables": {}})
            results["notebooks"][self.name] = {
                **self._section(),
                "machine": self.machine,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "figures": self._figures,
                "tables": self._tables,
                "numbers": self._numbers,
            }
            results["notebooks"] = dict(sorted(results["notebooks"].items()))
            write_atomically(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        for file in set(files_of(previous)) - set(files_of(results["notebooks"][self.name])):
            (self.out / file).unlink(missing_ok=True)  # what this notebook no longer makes
        print(
            f"Saved {len(self._figures)} figures, {len(self._tables)} tables and {len(self._numbers)} numbers "
            "for the report."
        )

    def _section(self) -> dict[str, Any]:
        return {
            "labkit": __version__,
            "profile": self.profile.name,
            "seeds": self.seeds,
            "data": asdict(self.dataset.provenance),
        }

    def _seen(self, split: str, seeds: Sequence[int], dataset: Dataset | None) -> dict[str, Any]:
        """Return what was measured on which images and seeds; empty for what no data was needed for."""
        if split and split not in SPLIT_NAMES:
            raise UsageError(f"Split {split!r} is not known: choose one of {', '.join(SPLIT_NAMES)}.")
        n = len((dataset or self.dataset).split(split)) if split else None
        return {"split": split, "n": n, "seeds": list(seeds)}


def _refuse_as_file_name(kind: str, name: str) -> None:
    """Raise UsageError for a name that not every system, and no template of a report, takes as part of a file's."""
    if not re.fullmatch(r"\w+", name):
        raise UsageError(f"{kind} {name!r} cannot be a file: name it with letters, digits and _ alone.")


def _summary(values: list[float], statistic: str, digits: int, name: str) -> dict[str, Any]:
    if not values:
        raise UsageError(f"Number {name!r} has no values.")
    if statistic == "exact" and len(values) == 1:
        return {"value": values[0], "text": f"{values[0]:,.{digits}f}"}
    if statistic == "mean ± sd" and len(values) > 1:
        mean, spread = statistics.fmean(values), statistics.stdev(values)
        return {"value": mean, "spread": spread, "text": f"{mean:,.{digits}f} ± {spread:,.{digits}f}"}
    if statistic == "median [quartiles]" and len(values) > 1:
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        text = f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"
        return {"value": middle, "spread": high - low, "text": text}
    raise UsageError(
        f"Number {name!r} has {len(values)} values for statistic {statistic!r}: 'mean ± sd' and 'median [quartiles]' "
        "need two or more, 'exact' needs one."
    )


def _cell(value: Any, form: str | None) -> str:
    if form:
        return form.format(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def _smallest_text(figure: Figure) -> float:
    """Return the size in points of the smallest text that a figure shows; captions are set in 8.5 points."""
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return min((round(float(text.get_fontsize()), 2) for text in texts), default=0.0)


def _renderings(figure: Figure) -> tuple[bytes, bytes, bytes]:
    """Return a figure as .png and .svg for files, and as .png for the screen."""
    return (
        _render(figure, format="png", dpi=FILE_DPI),
        _render(figure, format="svg", metadata={"Date": None}),
        _render(figure, format="png", dpi=SCREEN_DPI),
    )


def _render(figure: Figure, **options: Any) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    # else every .svg has ids of its own; what no font has is told by `figure`
    with matplotlib.rc_context({"svg.hashsalt": "labkit"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, **options)
    return buffer.getvalue()
