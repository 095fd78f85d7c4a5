"""What a notebook hands to the report: figures, tables and numbers, each with its provenance, in one results.json."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import __version__
from labkit.basics.errors import UsageError
from labkit.basics.files import ensure_writable, out_folder, write_atomically
from labkit.basics.progress import note_as
from labkit.data.datasets import SPLIT_NAMES, Dataset, load
from labkit.report.captions import captions_of
from labkit.report.figures import renderings, smallest_text
from labkit.report.lettering import letter
from labkit.report.profiles import Profile, get_profile
from labkit.report.reference import reference_table
from labkit.report.results import FORMAT, describe, describe_number, files_of, read_results
from labkit.report.summaries import rounded_table, summary_of
from labkit.report.uncertainty import image_error

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def begin(
    name: str,
    images: str,
    data: str,
    profile: str,
    seed: int,
    out: str = "",
    quick_limit: int | None = None,
    **reading: Any,
) -> Run:
    """Begin a notebook: threads and plot style are set, its images are loaded, and its Run is returned.

    images: "mnist" or "cifar10". The others are the notebook's parameters; `quick_limit`: training images in the quick
    profile, where they are other than the profile's. reading: normalisation and validation, as in `load`.
    """
    from labkit.basics.machine import set_threads
    from labkit.report.plots import use_style

    set_threads()
    use_style()
    chosen = get_profile(profile)
    limit = chosen.choose(quick=quick_limit or chosen.train_limit, full=chosen.train_limit)
    return Run(name, chosen, load(images, data, train_limit=limit, **reading), seed, out)


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
        self._texts = captions_of(name)
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
        caption: str = "",
        alt: str = "",
        split: str = "",
        seeds: Sequence[int] = (),
        dataset: Dataset | None = None,
    ) -> None:
        """Keep a figure as .png (200 dpi) and .svg, show it in the notebook, and close it.

        caption: what the reader should see in it; split, n, seeds, data and profile are added to it. "": the one beside
            the notebooks (see `captions`).
        alt: what the figure shows, for readers who cannot see it; "": as caption.
        dataset: where the images were split in another way than in the run's own dataset; here and below.
        """
        import matplotlib.pyplot as plt
        from IPython.display import Image, Markdown, display

        _refuse_as_file_name("Figure", name)
        caption = self._text("figures", name, "caption", caption)
        alt = self._text("figures", name, "alt", alt)
        stem = f"figures/{self.name}.{name}"
        png, svg, screen = renderings(figure)
        changed, lacking = letter(figure)
        if changed:
            png, svg, screen = renderings(figure)
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
            "smallest_text_pt": smallest_text(figure),
        }
        plt.close(figure)
        display(Image(screen, alt=alt))
        display(Markdown(f"*{describe(entry, self._section())}*"))

    def table(
        self,
        name: str,
        table: pd.DataFrame,
        caption: str = "",
        formats: dict[str, str] | None = None,
        split: str = "",
        seeds: Sequence[int] = (),
        dataset: Dataset | None = None,
    ) -> None:
        """Keep a table as .csv (all digits) and for the report (rounded by `formats`: {"loss": "{:.3f}"}); show it.

        caption: "": the one beside the notebooks. Where the full run on the real data is stored, it is shown below.
        """
        import pandas as pd
        from IPython.display import HTML, display

        _refuse_as_file_name("Table", name)
        caption = self._text("tables", name, "caption", caption)
        rounded = rounded_table(table, formats or {})
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
        display(rounded)
        if (reference := self.reference(name)) is not None:
            beside = rounded_table(reference, formats or {}).style.hide().set_caption(reference.attrs["label"])
            beside.set_table_styles([{"selector": "", "props": "color: #6b6b6b"}]).set_uuid(name)
            display(HTML(beside.to_html()))  # a Styler's plain text is an address, other in each run

    def reference(self, name: str) -> pd.DataFrame | None:
        """Return a table of this notebook as the stored full run on MNIST or CIFAR-10 had it, with all its digits.

        None where none is stored, where this run is the full one on the real data itself, and on other images than
        MNIST's, CIFAR-10's or the embedded ones. `.attrs["label"]` says what it is: "MNIST, full profile".
        """
        table, own = reference_table(f"{self.name}.{name}"), self.dataset.provenance
        if table is None or not own.real:
            return table
        return table if table.attrs["label"] == f"{own.name}, full profile" and self.profile.name != "full" else None

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
        statistic: "mean ± sd" (sample standard deviation), "median [quartiles]", "share" (of the time of a training of
            several networks together, which says nothing of their spread) or "exact".
        An accuracy in percent on a split also gets the standard error that comes of its number of images.
        """
        values = [float(value) for value in ([values] if isinstance(values, (int, float)) else values)]
        if split and len(values) != len(seeds):
            raise UsageError(f"Number {name!r} has {len(values)} values for {len(seeds)} seeds: one per seed, please.")
        summary = summary_of(values, statistic, digits, name)
        if unit:
            summary["text"] += f" {unit}"
        entry = {"statistic": statistic, "unit": unit, "values": values, **summary, **self._seen(split, seeds, dataset)}
        if split and unit == "%" and 0 <= entry["value"] <= 100:
            entry["image_error"] = round(image_error(entry["value"], entry["n"]), 3)
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

    def _text(self, kind: str, name: str, key: str, given: str) -> str:
        """Return a caption or alternative text: the given one, or that beside the notebook; UsageError for none."""
        text = given or self._texts.get(kind, {}).get(name, {}).get(key, "")
        if not self._texts and not text:
            return f"{name.replace('_', ' ').capitalize()}, without the course's captions."
        if len(text) < 20:
            raise UsageError(
                f"{kind[:-1].capitalize()} {name!r} needs its {key}: a sentence under [{kind}.{name}] in "
                f"captions/{self.name}.toml, or {key}=... in this call."
            )
        return text

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
